/* SPDX-License-Identifier: BSD-3-Clause */
/* repair.c - tessera repair: a new file of what is left of a damaged one. */
#include <json-c/json.h>

#include "cli.h"

struct job {
    bool as_json;
    struct json_object *list;
    int64_t problems;
    struct cli_progress bar;
};

static void text_line(int64_t chunk, int ndim, const int64_t *coords, const char *what)
{
    if (chunk >= 0) printf("chunk %lld", (long long)chunk);
    for (int d = 0; d < ndim; d++)
        printf("%s%lld%s", d ? ", " : " (", (long long)coords[d], d == ndim - 1 ? ")" : "");
    printf("%s%s\n", chunk >= 0 ? ": " : "", what);
}

static void on_line(void *user, int64_t chunk, int ndim, const int64_t *coords, tsr_status status,
                    const char *what)
{
    struct job *j = user;
    char text[CLI_SAID];
    what = cli_said(what, text);
    cli_progress_clear(&j->bar);
    j->problems += status != TSR_OK;
    if (!j->as_json) {
        text_line(chunk, ndim, coords, what);
        return;
    }
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "chunk", chunk < 0 ? NULL : json_object_new_int64(chunk));
    cli_json_add(o, "coords", chunk < 0 ? NULL : cli_json_ints(coords, ndim));
    cli_json_add(o, "code", json_object_new_int(status ? cli_exit_code(status) : 0));
    cli_json_add(o, "what", json_object_new_string(what));
    json_object_array_add(j->list, o);
}

static void report(struct job *j, const char *out, const tsr_repair_result *r)
{
    if (j->as_json) {
        struct json_object *o = json_object_new_object();
        cli_json_add(o, "url", json_object_new_string(out));
        cli_json_add(o, "chunks", json_object_new_int64(r->nchunks));
        cli_json_add(o, "missing", json_object_new_int64(r->missing));
        cli_json_add(o, "unplaced", json_object_new_int64(r->unplaced));
        cli_json_add(o, "said", json_object_get(j->list));
        cli_json_print(o);
        return;
    }
    printf("%s: %lld chunk%s, %lld lost", out, (long long)r->nchunks, r->nchunks == 1 ? "" : "s",
           (long long)r->missing);
    if (r->unplaced) printf(", %lld more found and left out", (long long)r->unplaced);
    printf("\n");
}

static int run(struct cli_args *a)
{
    bool force = cli_has(a, "force");
    const char *out = cli_value(a, "output");
    tsr_options o = {.size = sizeof o, .mode = force ? "w" : "x", .context = a->context};
    tsr_repair_result result = {.size = sizeof result};
    if (!out && !force) return cli_usage(a, "-o FILE is needed, or -f to replace %s", a->pos[0]);
    if (!out) out = a->pos[0];
    if (!cli_may_write(a, out)) return CLI_FAILED;
    struct job j = {.as_json = cli_has(a, "json"), .list = json_object_new_array()};
    cli_progress_start(&j.bar);
    o.progress = cli_progress_show;
    o.user = &j.bar;
    int rc = tsr_repair(a->pos[0], out, &o, on_line, &j, &result);
    cli_progress_end(&j.bar);
    if (rc < 0) rc = cli_fail(a, rc);
    else report(&j, out, &result);
    if (rc == CLI_OK && j.problems) rc = cli_exit_code(TSR_ECORRUPT);
    json_object_put(j.list);
    return rc;
}

const struct cli_verb cli_verb_repair = {
    .name = "repair",
    .usage = "FILE",
    .summary = "bring back what is left of a damaged file",
    .examples = (const char *const[]){"tessera repair cube.b2nd -o mended.b2nd",
                                      "a new file; what is lost reads as zeros and is named", NULL},
    .options = (const struct cli_option[]){{"output", 'o', "FILE", "where the new file goes"},
                                           {"force", 'f', NULL,
                                            "replace what is there; without -o: FILE itself"},
                                           CLI_JSON,
                                           CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
