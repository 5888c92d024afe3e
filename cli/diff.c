/* SPDX-License-Identifier: BSD-3-Clause */
/* diff.c - tessera diff: what differs between two arrays. */
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "cli.h"

struct differing {
    struct json_object *metadata, *items; /* NULL: without --json */
    bool quiet;
    struct cli_progress bar;
};

/* ---- what is heard ---- */

static void print_index(const char *before, const int64_t *v, int ndim, const char *after)
{
    printf("%s(", before);
    for (int d = 0; d < ndim; d++) printf("%s%lld", d ? ", " : "", (long long)v[d]);
    printf("%s%s", ndim == 1 ? ",)" : ")", after);
}

static void print_difference(const tsr_difference *d)
{
    const char *a = d->a ? d->a : "-", *b = d->b ? d->b : "-";
    if (strcmp(d->what, "item") != 0) {
        printf("%s%s%s: %s | %s\n", d->what, d->name ? " " : "", d->name ? d->name : "", a, b);
        return;
    }
    print_index("item ", d->at, d->ndim, ": ");
    printf("%s | %s", a, b);
    print_index(", chunks ", d->chunk_a, d->ndim, " | ");
    print_index("", d->chunk_b, d->ndim, "\n");
}

static struct json_object *text_json(const tsr_difference *d, const char *text)
{
    if (!text) return NULL;
    if (strcmp(d->what, "attribute") == 0) return cli_json_parse(text);
    return json_object_new_string(text);
}

static void add_difference(struct differing *x, const tsr_difference *d)
{
    bool item = strcmp(d->what, "item") == 0;
    struct json_object *o = json_object_new_object();
    if (item) {
        cli_json_add(o, "at", cli_json_ints(d->at, d->ndim));
        cli_json_add(o, "chunk_a", cli_json_ints(d->chunk_a, d->ndim));
        cli_json_add(o, "chunk_b", cli_json_ints(d->chunk_b, d->ndim));
    } else {
        cli_json_add(o, "what", json_object_new_string(d->what));
        if (d->name) cli_json_add(o, "name", json_object_new_string(d->name));
    }
    /* what is not there is left out: an attribute may be null */
    if (d->a) cli_json_add(o, "a", text_json(d, d->a));
    if (d->b) cli_json_add(o, "b", text_json(d, d->b));
    json_object_array_add(item ? x->items : x->metadata, o);
}

static void hear(void *user, const tsr_difference *d)
{
    struct differing *x = user;
    cli_progress_clear(&x->bar);
    if (x->items) add_difference(x, d);
    else if (!x->quiet) print_difference(d);
}

/* ---- the end ---- */

static struct json_object *number_json(double v)
{
    return isfinite(v) ? json_object_new_double(v) : json_object_new_string("inf");
}

static void report_json(const struct cli_args *a, struct differing *x, const tsr_diff_result *r)
{
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "a", json_object_new_string(a->pos[0]));
    cli_json_add(o, "b", json_object_new_string(a->pos[1]));
    cli_json_add(o, "same", json_object_new_boolean(!r->metadata && !r->different));
    cli_json_add(o, "metadata", json_object_get(x->metadata));
    cli_json_add(o, "items", json_object_new_int64(r->items));
    cli_json_add(o, "different", json_object_new_int64(r->different));
    cli_json_add(o, "most_abs", number_json(r->most_abs));
    cli_json_add(o, "most_rel", number_json(r->most_rel));
    cli_json_add(o, "first", json_object_get(x->items));
    cli_json_add(o, "same_stored", json_object_new_int64(r->same_stored));
    cli_json_print(o);
}

static void report_text(const struct cli_args *a, const tsr_diff_result *r)
{
    printf("%s, %s: ", a->pos[0], a->pos[1]);
    if (!r->metadata && !r->different) printf("the same, ");
    if (r->different)
        printf("%lld of %lld items differ", (long long)r->different, (long long)r->items);
    else if (r->items || !r->metadata) printf("%lld items", (long long)r->items);
    else printf("items not compared");
    if (r->most_abs > 0) printf(", up to %g apart (relative %g)", r->most_abs, r->most_rel);
    if (r->metadata) printf("; %lld differences in metadata", (long long)r->metadata);
    printf("\n");
}

/* ---- the call ---- */

static int take_tolerance(const struct cli_args *a, const char *name, double *out)
{
    const char *text = cli_value(a, name);
    if (!text || (cli_parse_number(text, out) && *out >= 0)) return CLI_OK;
    return cli_usage(a, "--%s %s: expected a number of at least 0", name, text);
}

static int take_spec(const struct cli_args *a, tsr_diff_spec *s)
{
    const char *first = cli_value(a, "first"), *memory = cli_value(a, "memory");
    int64_t n = 0;
    int rc = take_tolerance(a, "rtol", &s->rtol);
    if (!rc) rc = take_tolerance(a, "atol", &s->atol);
    if (rc) return rc;
    if (first && (!cli_parse_int(first, &n) || n < 0 || n > 64))
        return cli_usage(a, "--first %s: expected a number from 0 to 64", first);
    if (first) s->first = n ? (int)n : -1;
    if (memory && (!cli_parse_int(memory, &s->memory_bytes) || s->memory_bytes < 1))
        return cli_usage(a, "--memory %s: expected a number of bytes such as 256M", memory);
    if (cli_has(a, "nan-differs")) s->flags |= TSR_DIFF_NAN;
    if (cli_has(a, "bits")) s->flags |= TSR_DIFF_BITS;
    if (cli_has(a, "items")) s->flags |= TSR_DIFF_ITEMS;
    if (cli_has(a, "bits") && (s->rtol > 0 || s->atol > 0))
        return cli_usage(a, "--bits goes without --rtol and --atol");
    return CLI_OK;
}

static int compare(struct cli_args *a, const tsr_diff_spec *spec, tsr_array *x, tsr_array *y)
{
    struct differing d = {.quiet = cli_has(a, "quiet")};
    tsr_options o = {.size = sizeof o, .progress = cli_progress_show, .user = &d.bar};
    tsr_diff_result r = {.size = sizeof r};
    if (cli_has(a, "json")) {
        d.metadata = json_object_new_array();
        d.items = json_object_new_array();
    }
    cli_progress_start(&d.bar);
    int rc = tsr_diff(x, y, spec, &o, hear, &d, &r);
    cli_progress_end(&d.bar);
    if (rc < 0) rc = cli_fail(a, rc);
    else {
        if (d.items) report_json(a, &d, &r);
        else if (!d.quiet) report_text(a, &r);
        rc = r.metadata || r.different ? CLI_CORRUPT : CLI_OK;
    }
    json_object_put(d.metadata);
    json_object_put(d.items);
    return rc;
}

struct side {
    char *spooled; /* standard input as a file of ours */
    tsr_array *array;
};

static int open_side(const struct cli_args *a, const char *url, struct side *out)
{
    tsr_options o = {.size = sizeof o, .mode = "r", .context = a->context};
    int rc;
    url = cli_unpipe(a, url, &out->spooled, &rc);
    if (!url) return rc;
    rc = tsr_array_open(url, &o, &out->array);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

static int run(struct cli_args *a)
{
    tsr_diff_spec spec = {.size = sizeof spec};
    struct side x = {0}, y = {0};
    int rc = take_spec(a, &spec);
    if (rc) return rc;
    if (!strcmp(a->pos[0], "-") && !strcmp(a->pos[1], "-"))
        return cli_usage(a, "- and -: standard input is one of the two arrays, not both");
    rc = open_side(a, a->pos[0], &x);
    if (!rc) rc = open_side(a, a->pos[1], &y);
    if (!rc) rc = compare(a, &spec, x.array, y.array);
    tsr_array_close(x.array);
    tsr_array_close(y.array);
    cli_unspool(x.spooled);
    cli_unspool(y.spooled);
    return rc;
}

const struct cli_verb cli_verb_diff = {
    .name = "diff",
    .usage = "A B",
    .summary = "what differs between two arrays",
    .examples = (const char *const[]){"tessera diff cube.b2nd cube.zarr",
                                      "the first items that differ, and their chunks; exit code 4",
                                      "tessera diff old.b2nd new.b2nd --rtol 1e-6 --quiet",
                                      "only the exit code: 0 the same, 4 different", NULL},
    .options =
        (const struct cli_option[]){{"rtol", 0, "R", "x and y are the same within atol + R * |y|"},
                                    {"atol", 0, "A", "and within A + rtol * |y|"},
                                    {"nan-differs", 0, NULL, "NaN is not the same as NaN"},
                                    {"bits", 0, NULL,
                                     "only the same bits are the same, as for tessera hash"},
                                    {"items", 0, NULL, "do not compare attributes and fill value"},
                                    {"first", 'n', "N",
                                     "how many differing items to name (default: 10)"},
                                    {"memory", 0, "BYTES", "for items of both (default: 256M)"},
                                    {"quiet", 'q', NULL, "print nothing"},
                                    CLI_JSON,
                                    CLI_END},
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
