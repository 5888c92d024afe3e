/* SPDX-License-Identifier: BSD-3-Clause */
/* bench.c - tessera bench: what each codec, filter and level makes of an array's own data.
 *
 * The sample is a run of rows from the middle of the array, in C order. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct sample {
    uint8_t *raw, *packed, *back;
    size_t len, cap;
    int64_t item_bytes;
    tsr_options options;
};

struct figures {
    size_t cbytes;
    double compress, decompress; /* seconds */
};

/* Whole rows around the centre, about want bytes. */
static struct cli_selection middle(const struct cli_source *s, int64_t want)
{
    struct cli_selection sel = {.ndim = s->ndim, .items = 1};
    int64_t left = want / s->item_bytes > 0 ? want / s->item_bytes : 1;
    for (int d = s->ndim - 1; d >= 0; d--) {
        sel.count[d] = left < s->shape[d] ? left : s->shape[d];
        sel.start[d] = (s->shape[d] - sel.count[d]) / 2;
        sel.step[d] = 1;
        left = sel.count[d] && left / sel.count[d] > 0 ? left / sel.count[d] : 1;
        sel.items *= sel.count[d];
    }
    return sel;
}

static int take_sample(const struct cli_args *a, const struct cli_source *s, int64_t want,
                       struct sample *m)
{
    struct cli_selection sel = middle(s, want);
    m->len = (size_t)(sel.items * s->item_bytes);
    m->item_bytes = s->item_bytes;
    m->cap = tsr_compress_bound(m->len);
    m->options = (tsr_options){.size = sizeof m->options, .context = a->context};
    if (!m->len) return cli_usage(a, "the array is empty");
    m->raw = malloc(m->len);
    m->back = malloc(m->len);
    m->packed = malloc(m->cap);
    if (!m->raw || !m->back || !m->packed) return cli_fail(a, TSR_ENOMEM);
    int rc = cli_source_read(s, &sel, m->raw, m->len);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

/* Best of a few runs: at least two, at most 0.2 s of each kind. */
static int measure(struct sample *m, const tsr_schunk_spec *spec, struct figures *f)
{
    double begin = cli_now(), at;
    *f = (struct figures){.compress = 1e9, .decompress = 1e9};
    for (int i = 0; i < 2 || (cli_now() - begin < 0.2 && i < 20); i++) {
        at = cli_now();
        int rc = tsr_compress(spec, m->raw, m->len, &m->options, m->packed, m->cap, &f->cbytes);
        if (rc < 0) return rc;
        if (cli_now() - at < f->compress) f->compress = cli_now() - at;
        if (cli_now() - begin > 1) break;
    }
    begin = cli_now();
    for (int i = 0; i < 2 || (cli_now() - begin < 0.2 && i < 20); i++) {
        at = cli_now();
        int rc = tsr_decompress(m->packed, f->cbytes, &m->options, m->back, m->len);
        if (rc < 0) return rc;
        if (cli_now() - at < f->decompress) f->decompress = cli_now() - at;
    }
    return TSR_OK;
}

struct trial {
    const char *codec, *filter;
    int level;
};

static int run_trial(struct sample *m, const struct trial *t, struct figures *f, bool *same)
{
    char params[32];
    tsr_step steps[2];
    int n = 0;
    snprintf(params, sizeof params, "clevel=%d", t->level);
    if (t->filter) steps[n++] = (tsr_step){t->filter, NULL};
    steps[n++] = (tsr_step){t->codec, params};
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = m->item_bytes,
                            .steps = steps,
                            .nsteps = n};
    int rc = measure(m, &spec, f);
    *same = rc == TSR_OK && !memcmp(m->raw, m->back, m->len);
    return rc;
}

static void print_trial(const struct sample *m, const struct trial *t, const struct figures *f,
                        struct json_object *list)
{
    double ratio = (double)m->len / (double)f->cbytes, mb = (double)m->len / 1e6;
    const char *filter = t->filter ? t->filter : "none";
    if (!list) {
        printf("%-10s %-11s %5d %9.2f %12.0f %12.0f\n", t->codec, filter, t->level, ratio,
               mb / f->compress, mb / f->decompress);
        fflush(stdout);
        return;
    }
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "codec", json_object_new_string(t->codec));
    cli_json_add(o, "filter", json_object_new_string(filter));
    cli_json_add(o, "clevel", json_object_new_int(t->level));
    cli_json_add(o, "ratio", json_object_new_double(ratio));
    cli_json_add(o, "compress_mb_s", json_object_new_double(mb / f->compress));
    cli_json_add(o, "decompress_mb_s", json_object_new_double(mb / f->decompress));
    json_object_array_add(list, o);
}

/* Is name in a comma list?  NULL: everything is. */
static bool wanted(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; p && *p;) {
        size_t len = strcspn(p, ",");
        if (len == n && !memcmp(p, name, n)) return true;
        p += len + (p[len] == ',');
    }
    return !list;
}

static int trial(const struct cli_args *a, struct sample *m, const struct trial *t,
                 struct json_object *list)
{
    struct figures f;
    bool same;
    int rc = run_trial(m, t, &f, &same);
    if (rc == TSR_EUNSUPPORTED || rc == TSR_EARG) return CLI_OK; /* not for this item size */
    if (rc < 0) return cli_fail(a, rc);
    if (!same) return cli_error(a, "%s: decompressed bytes differ", t->codec);
    print_trial(m, t, &f, list);
    return CLI_OK;
}

static int run_levels(const struct cli_args *a, struct sample *m, struct trial t,
                      struct json_object *list)
{
    const char *levels = cli_value(a, "clevel") ? cli_value(a, "clevel") : "1,5,9";
    int rc = CLI_OK;
    for (t.level = 0; !rc && t.level <= 9; t.level++) {
        char name[2] = {(char)('0' + t.level), 0};
        if (wanted(levels, name)) rc = trial(a, m, &t, list);
    }
    return rc;
}

static int run_all(const struct cli_args *a, struct sample *m, struct json_object *list)
{
    static const char *const filters[] = {"none", "shuffle", "bitshuffle"};
    tsr_codec_info c = {.size = sizeof c};
    int rc = CLI_OK;
    if (!list)
        printf("%-10s %-11s %5s %9s %12s %12s\n", "codec", "filter", "level", "ratio",
               "compr. MB/s", "decom. MB/s");
    for (int i = 0; !rc && tsr_codec_at(i, &c) == TSR_OK; i++) {
        if (c.filter || c.shape || !wanted(cli_value(a, "codec"), c.name)) continue;
        for (int k = 0; !rc && k < 3; k++)
            if (wanted(cli_value(a, "filter"), filters[k]))
                rc = run_levels(a, m, (struct trial){c.name, k ? filters[k] : NULL, 0}, list);
    }
    return rc;
}

static int bench(const struct cli_args *a, const struct cli_source *s)
{
    const char *text = cli_value(a, "sample");
    struct sample m = {0};
    int64_t want = 4 << 20;
    if (text && (!cli_parse_int(text, &want) || want < 1 || want > 1 << 30))
        return cli_usage(a, "--sample %s: expected bytes, at most 1G", text);
    struct json_object *list = cli_has(a, "json") ? json_object_new_array() : NULL;
    int rc = take_sample(a, s, want, &m);
    if (!rc) rc = run_all(a, &m, list);
    if (!rc && list) cli_json_print(json_object_get(list));
    json_object_put(list);
    free(m.raw);
    free(m.back);
    free(m.packed);
    return rc;
}

static int run(struct cli_args *a)
{
    tsr_options o;
    tsr_spec raw;
    int64_t shape[TSR_MAX_NDIM];
    struct cli_source s;
    int rc = cli_input_options(a, "r", &o, &raw, shape);
    if (rc) return rc;
    rc = cli_source_open(a, a->pos[0], &o, &s);
    if (rc) return rc;
    rc = cli_check_fixed(a, s.array);
    if (!rc) rc = bench(a, &s);
    cli_source_close(&s);
    return rc;
}

const struct cli_verb cli_verb_bench = {
    .name = "bench",
    .usage = "ARRAY",
    .summary = "try codecs and filters on an array's own data",
    .examples =
        (const char *const[]){"tessera bench cube.b2nd",
                              "ratio and speed of each codec, filter and level",
                              "tessera bench cube.b2nd --codec lz4,zstd --clevel 1,9 --json",
                              "some of them, for programs", NULL},
    .options =
        (const struct cli_option[]){{"codec", 0, "LIST", "only these codecs"},
                                    {"filter", 0, "LIST",
                                     "only these of none, shuffle, bitshuffle"},
                                    {"clevel", 0, "LIST", "levels (default: 1,5,9)"},
                                    {"sample", 0, "BYTES", "how much of the array (default: 4M)"},
                                    CLI_JSON,
                                    CLI_INPUT,
                                    CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
