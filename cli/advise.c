/* SPDX-License-Identifier: BSD-3-Clause */
/* advise.c - tessera advise: which chunks and blocks suit the ways an array is read. */
#include "advise.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked ---- */

/* "0,0,:=3" is a slice and its weight. */
static int take_access(const struct cli_args *a, const char *text, struct advise *q)
{
    struct advise_access *x = &q->access[q->spec.naccess];
    const char *equals = strchr(text, '=');
    char why[128];
    x->weight = 1;
    x->text = strndup(text, equals ? (size_t)(equals - text) : strlen(text));
    if (!x->text) return cli_fail(a, TSR_ENOMEM);
    q->spec.naccess++;
    if (equals && (!cli_parse_number(equals + 1, &x->weight) || !(x->weight > 0)))
        return cli_usage(a, "--access %s: expected a weight above 0", text);
    if (!cli_parse_slice(x->text, q->array.ndim, q->shape, &x->sel, why))
        return cli_usage(a, "--access %s: %s", text, why);
    return x->sel.items ? CLI_OK : cli_usage(a, "--access %s: no items", text);
}

static int take_accesses(const struct cli_args *a, struct advise *q)
{
    const char *text;
    int n = 0, at = 0, rc = CLI_OK;
    while (cli_each(a, "access", &at)) n++;
    if (!n) return cli_usage(a, "expected --access SLICE, how the array is read");
    q->access = calloc((size_t)n, sizeof *q->access);
    q->asked = calloc((size_t)n, sizeof *q->asked);
    if (!q->access || !q->asked) return cli_fail(a, TSR_ENOMEM);
    at = 0;
    while (!rc && (text = cli_each(a, "access", &at))) rc = take_access(a, text, q);
    for (int i = 0; i < q->spec.naccess; i++) {
        const struct advise_access *x = &q->access[i];
        q->asked[i] = (tsr_access){.slice = {x->sel.start, x->sel.count, x->sel.step},
                                   .weight = x->weight,
                                   .fixed = cli_has(a, "fixed")};
    }
    q->spec.access = q->asked;
    return rc;
}

static int take_shape(const struct cli_args *a, const char *option, const int64_t **to, int64_t *v,
                      struct advise *q)
{
    const char *text = cli_value(a, option);
    if (!text) return CLI_OK;
    int n = cli_parse_shape(text, v);
    if (n < 0) return cli_usage(a, "--%s %s: expected numbers such as 64,64", option, text);
    if (q->array.ndim && n != q->array.ndim)
        return cli_usage(a, "--%s %s: found %d axes, expected %d", option, text, n, q->array.ndim);
    q->array.ndim = n;
    *to = v;
    return CLI_OK;
}

/* "1M:16M", or "4M" for half to twice that. */
static int take_range(const struct cli_args *a, const char *option, int64_t *least, int64_t *most)
{
    const char *text = cli_value(a, option);
    char from[32];
    if (!text) return CLI_OK;
    size_t len = strcspn(text, ":");
    snprintf(from, sizeof from, "%.*s", (int)(len < sizeof from ? len : sizeof from - 1), text);
    bool good = cli_parse_int(from, least) && *least > 0 && *least <= INT64_MAX / 4;
    if (good && text[len]) good = cli_parse_int(text + len + 1, most) && *most >= *least;
    if (!good) return cli_usage(a, "--%s %s: expected sizes such as 1M:16M", option, text);
    if (text[len]) return CLI_OK;
    *most = 2 * *least;
    *least = (*least + 1) / 2;
    return CLI_OK;
}

static int take_number(const struct cli_args *a, const char *option, double *to)
{
    const char *text = cli_value(a, option);
    int64_t whole;
    if (!text) return CLI_OK;
    if (cli_parse_int(text, &whole)) *to = (double)whole;
    else if (!cli_parse_number(text, to)) *to = 0;
    return *to > 0 ? CLI_OK : cli_usage(a, "--%s %s: expected a number above 0", option, text);
}

static int take_assumptions(const struct cli_args *a, struct advise *q)
{
    double in_flight = 0, most = 0;
    tsr_advise_spec *s = &q->spec;
    s->medium = cli_value(a, "medium");
    s->format = cli_value(a, "format");
    int rc = take_number(a, "latency", &s->latency);
    if (!rc) rc = take_number(a, "bandwidth", &s->bandwidth);
    if (!rc) rc = take_number(a, "decode", &s->decode_speed);
    if (!rc) rc = take_number(a, "in-flight", &in_flight);
    if (!rc) rc = take_number(a, "ratio", &s->ratio);
    if (!rc) rc = take_number(a, "most", &most);
    if (!rc) rc = take_range(a, "chunk-bytes", &s->chunk_least, &s->chunk_most);
    if (!rc) rc = take_range(a, "block-bytes", &s->block_least, &s->block_most);
    if (!rc && (in_flight > 1e6 || most > 1e6)) rc = cli_usage(a, "more than a million");
    s->in_flight = (int)in_flight;
    s->most = (int)most;
    return rc;
}

/* An array that may be there, or one that is made up. */
static int take_array(const struct cli_args *a, const tsr_array *array, struct advise *q)
{
    int rc = CLI_OK;
    if (array) {
        q->array = *tsr_array_spec(array);
        memcpy(q->shape, q->array.shape, (size_t)q->array.ndim * sizeof *q->shape);
        if (cli_has(a, "shape") || cli_has(a, "dtype") || cli_has(a, "chunks") ||
            cli_has(a, "blocks"))
            return cli_usage(a, "an array has its own shape, dtype, chunks and blocks");
        return CLI_OK;
    }
    if (cli_has(a, "measure")) return cli_usage(a, "--measure wants an array");
    q->array = (tsr_spec){.size = sizeof q->array, .dtype = cli_value(a, "dtype")};
    if (!q->array.dtype || !cli_has(a, "shape"))
        return cli_usage(a, "expected an array, or --shape and --dtype");
    rc = take_shape(a, "shape", &q->array.shape, q->shape, q);
    if (!rc) rc = take_shape(a, "chunks", &q->array.chunks, q->chunks, q);
    if (!rc) rc = take_shape(a, "blocks", &q->array.blocks, q->blocks, q);
    if (!rc && q->array.blocks && !q->array.chunks) rc = cli_usage(a, "--blocks wants --chunks");
    q->spec.array = &q->array;
    return rc;
}

/* ---- what is done ---- */

/* Each access with a handle of its own that keeps no blocks, so that none helps another. */
static int measure(const struct cli_args *a, struct advise *q)
{
    tsr_context_options none = {.size = sizeof none, .cache_bytes = TSR_NO_CACHE};
    tsr_options o = {.size = sizeof o};
    int rc = tsr_context_new(&none, &o.context);
    q->measured = calloc((size_t)q->spec.naccess, sizeof *q->measured);
    if (rc == TSR_OK && !q->measured) rc = TSR_ENOMEM;
    for (int i = 0; i < q->spec.naccess && rc == TSR_OK; i++) {
        tsr_array *array = NULL;
        rc = tsr_array_open(a->pos[0], &o, &array);
        if (rc == TSR_OK) rc = tsr_advise_measure(array, &q->asked[i].slice, &q->measured[i]);
        tsr_array_drop(array);
    }
    tsr_context_free(o.context);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

static int advise(const struct cli_args *a, const tsr_array *array, struct advise *q)
{
    q->spec.size = sizeof q->spec;
    int rc = take_array(a, array, q);
    if (!rc) rc = take_assumptions(a, q);
    if (!rc) rc = take_accesses(a, q);
    if (rc) return rc;
    rc = tsr_advise(array, &q->spec, &q->advice);
    if (rc == TSR_EARG) return cli_usage(a, "%s", tsr_error());
    if (rc < 0) return cli_fail(a, rc);
    if (cli_has(a, "measure") && (rc = measure(a, q))) return rc;
    if (cli_has(a, "json")) advise_print_json(q);
    else advise_print(q);
    return CLI_OK;
}

static int run(struct cli_args *a)
{
    tsr_options o = {.size = sizeof o, .context = a->context};
    struct advise q = {0};
    tsr_array *array = NULL;
    int rc = a->npos ? tsr_array_open(a->pos[0], &o, &array) : TSR_OK;
    rc = rc < 0 ? cli_fail(a, rc) : advise(a, array, &q);
    for (int i = 0; i < q.spec.naccess; i++) free(q.access[i].text);
    free(q.access);
    free(q.asked);
    free(q.measured);
    tsr_advice_free(q.advice);
    tsr_array_drop(array);
    return rc;
}

const struct cli_verb cli_verb_advise = {
    .name = "advise",
    .usage = "[ARRAY]",
    .summary = "chunks and blocks that suit the ways an array is read",
    .examples =
        (const char *const[]){
            "tessera advise cube.b2nd --access ':,:,0' --access '0,0,:=3'",
            "read as images and, three times as often, as spectra: what it takes, and what it "
            "could",
            "tessera advise --shape 160,160,2560 --dtype f4 --access '0,0,:' --format zarr3 "
            "--medium s3",
            "of an array that is not there yet",
            "tessera advise cube.b2nd --access ':,:,0' --measure", "predicted beside read", NULL},
    .options =
        (const struct cli_option[]){
            {"access", 0, "SLICE[=WEIGHT]", "how it is read, again for each way"},
            {"fixed", 0, NULL, "only there, not anywhere along axes it does not cover"},
            {"shape", 0, "SHAPE", "of an array that is not there"},
            {"dtype", 0, "DTYPE", "of its items"},
            {"chunks", 0, "SHAPE", "chunks to judge"},
            {"blocks", 0, "SHAPE", "blocks to judge, inside these chunks"},
            {"format", 0, "NAME", "b2nd, zarr3 or zarr2 (default: the array's)"},
            {"medium", 0, "NAME", "disk or s3 (default: where the array is)"},
            {"latency", 0, "SECONDS", "of a request (disk: 0.0001, s3: 0.03)"},
            {"bandwidth", 0, "BYTES", "per second (disk: 1e9, s3: 1e8)"},
            {"decode", 0, "BYTES", "decoded per second (1e9)"},
            {"in-flight", 0, "N", "requests at once (disk: 1, s3: 16)"},
            {"ratio", 0, "R", "stored bytes per byte (default: the array's, or 1)"},
            {"chunk-bytes", 0, "MIN:MAX", "sizes of chunks to look at (1M:16M)"},
            {"block-bytes", 0, "MIN:MAX", "sizes of blocks to look at (16K:256K)"},
            {"most", 0, "N", "plans to show (8)"},
            {"measure", 0, NULL, "read the array as it is, too"},
            CLI_JSON,
            CLI_END},
    .min_args = 0,
    .max_args = 1,
    .run = run,
};
