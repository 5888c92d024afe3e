/* SPDX-License-Identifier: BSD-3-Clause */
/* repair.c - tessera repair: a new file of what is left of a damaged one. */
#include <json-c/json.h>

#include "cli.h"

static void report(const struct cli_problems *p, const char *out, const tsr_repair_result *r)
{
    if (p->list) {
        struct json_object *o = json_object_new_object();
        cli_json_add(o, "url", json_object_new_string(out));
        cli_json_add(o, "chunks", json_object_new_int64(r->nchunks));
        cli_json_add(o, "missing", json_object_new_int64(r->missing));
        cli_json_add(o, "unplaced", json_object_new_int64(r->unplaced));
        cli_json_add(o, "said", json_object_get(p->list));
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
    struct cli_problems p = {.prefix = ""};
    cli_problems_start(a, &p, &o);
    int rc = tsr_repair(a->pos[0], out, &o, cli_problem, &p, &result);
    cli_progress_end(&p.bar);
    if (rc < 0) rc = cli_fail(a, rc);
    else report(&p, out, &result);
    if (rc == CLI_OK && p.failed) rc = cli_exit_code(TSR_ECORRUPT);
    json_object_put(p.list);
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
