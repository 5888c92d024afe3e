/* SPDX-License-Identifier: BSD-3-Clause */
/* verify.c - tessera verify: checks structure, metadata and every chunk; names each problem. */
#include <json-c/json.h>

#include "cli.h"

struct job {
    bool as_json;
    struct json_object *list;
    int64_t unsupported;
    struct cli_progress bar;
};

static void text_problem(int64_t chunk, int ndim, const int64_t *coords, const char *what)
{
    if (chunk < 0) {
        printf("container: %s\n", what);
        return;
    }
    printf("chunk %lld", (long long)chunk);
    for (int d = 0; d < ndim; d++)
        printf("%s%lld%s", d ? ", " : " (", (long long)coords[d], d == ndim - 1 ? ")" : "");
    printf(": %s\n", what);
}

static void on_problem(void *user, int64_t chunk, int ndim, const int64_t *coords,
                       tsr_status status, const char *what)
{
    struct job *j = user;
    char text[CLI_SAID];
    what = cli_said(what, text);
    cli_progress_clear(&j->bar);
    j->unsupported += status == TSR_EUNSUPPORTED;
    if (!j->as_json) {
        text_problem(chunk, ndim, coords, what);
        return;
    }
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "chunk", chunk < 0 ? NULL : json_object_new_int64(chunk));
    cli_json_add(o, "coords", coords ? cli_json_ints(coords, ndim) : NULL);
    cli_json_add(o, "code", json_object_new_int(cli_exit_code(status)));
    cli_json_add(o, "what", json_object_new_string(what));
    json_object_array_add(j->list, o);
}

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

static void report(const struct cli_args *a, struct job *j, int64_t problems, int64_t chunks)
{
    if (j->as_json) {
        struct json_object *out = json_object_new_object();
        cli_json_add(out, "url", json_object_new_string(a->pos[0]));
        cli_json_add(out, "chunks", chunks < 0 ? NULL : json_object_new_int64(chunks));
        cli_json_add(out, "problems", json_object_get(j->list));
        cli_json_print(out);
        return;
    }
    printf("%s: ", a->pos[0]);
    if (chunks >= 0) printf("%lld chunk%s checked, ", (long long)chunks, chunks == 1 ? "" : "s");
    if (problems) printf("%lld problem%s\n", (long long)problems, problems == 1 ? "" : "s");
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
    struct job j = {.as_json = cli_has(a, "json"), .list = json_object_new_array()};
    cli_progress_start(&j.bar);
    o.progress = cli_progress_show;
    o.user = &j.bar;
    rc = tsr_verify(url, &o, on_problem, &j, &problems);
    cli_progress_end(&j.bar);
    if (rc < 0) {
        rc = cli_fail(a, rc);
    } else {
        o.progress = NULL;
        report(a, &j, problems, count_chunks(url, &o));
        if (problems)
            rc = cli_exit_code(j.unsupported == problems ? TSR_EUNSUPPORTED : TSR_ECORRUPT);
    }
    cli_unspool(spooled);
    json_object_put(j.list);
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
