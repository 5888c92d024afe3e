/* SPDX-License-Identifier: BSD-3-Clause */
/* verify.c - tessera verify: checks structure, metadata and every chunk; names each problem. */
#include <json-c/json.h>

#include "cli.h"

/* -1: it cannot even be opened. */
static int64_t count_chunks(const char *url, const tsr_options *o)
{
    tsr_place_info info = {.size = sizeof info};
    tsr_stats st = {.size = sizeof st};
    tsr_array *a;
    tsr_schunk *s;
    int64_t n = -1;
    if (tsr_probe(url, o, &info) < 0) return -1;
    if (info.kind == TSR_KIND_CHUNK) return 1;
    if (info.kind == TSR_KIND_SCHUNK && tsr_schunk_open(url, o, &s) == TSR_OK) {
        n = tsr_schunk_nchunks(s);
        tsr_schunk_close(s);
    } else if (info.kind == TSR_KIND_ARRAY && tsr_array_open(url, o, &a) == TSR_OK) {
        if (tsr_array_stats(a, &st) == TSR_OK) n = st.nchunks;
        tsr_array_close(a);
    }
    return n;
}

static void report(const struct cli_args *a, const struct cli_problems *p, int64_t chunks)
{
    if (p->list) {
        struct json_object *out = json_object_new_object();
        cli_json_add(out, "url", json_object_new_string(a->pos[0]));
        cli_json_add(out, "chunks", chunks < 0 ? NULL : json_object_new_int64(chunks));
        cli_json_add(out, "problems", json_object_get(p->list));
        cli_json_print(out);
        return;
    }
    printf("%s: ", a->pos[0]);
    if (chunks >= 0) printf("%lld chunk%s checked, ", (long long)chunks, chunks == 1 ? "" : "s");
    if (p->failed) printf("%lld problem%s\n", (long long)p->failed, p->failed == 1 ? "" : "s");
    else printf("no problem\n");
}

static int run(struct cli_args *a)
{
    tsr_options o;
    tsr_spec raw;
    int64_t shape[TSR_MAX_NDIM], problems = 0;
    char *spooled;
    int rc = cli_input_options(a, "r", &o, &raw, shape);
    const char *url = rc ? NULL : cli_unpipe(a, a->pos[0], &spooled, &rc);
    if (!url) return rc;
    struct cli_problems p = {.prefix = "container: "};
    cli_problems_start(a, &p, &o);
    rc = tsr_verify(url, &o, cli_problem, &p, &problems);
    cli_progress_end(&p.bar);
    if (rc < 0) {
        rc = cli_fail(a, rc);
    } else {
        o.progress = NULL;
        report(a, &p, count_chunks(url, &o));
        if (problems) rc = cli_exit_code(p.corrupt ? TSR_ECORRUPT : p.other);
    }
    cli_unspool(spooled);
    json_object_put(p.list);
    return rc;
}

const struct cli_verb cli_verb_verify = {
    .name = "verify",
    .usage = "ARRAY",
    .summary = "check everything in a file",
    .examples =
        (const char *const[]){"tessera verify cube.b2nd",
                              "every chunk is decoded; problems are named, exit code 4", NULL},
    .options = (const struct cli_option[]){CLI_JSON, CLI_INPUT, CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
