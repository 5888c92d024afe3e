/* SPDX-License-Identifier: BSD-3-Clause */
/* problems.c - what is wrong with a file, as lines or as JSON: for verify and repair. */
#include <json-c/json.h>

#include "cli.h"

static void print_line(const char *prefix, int64_t chunk, int ndim, const int64_t *coords,
                       const char *what)
{
    if (chunk >= 0) printf("chunk %lld", (long long)chunk);
    for (int d = 0; d < ndim; d++)
        printf("%s%lld%s", d ? ", " : " (", (long long)coords[d], d == ndim - 1 ? ")" : "");
    printf("%s%s\n", chunk >= 0 ? ": " : prefix, what);
}

static void add_json(struct json_object *list, int64_t chunk, int ndim, const int64_t *coords,
                     tsr_status status, const char *what)
{
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "chunk", chunk < 0 ? NULL : json_object_new_int64(chunk));
    cli_json_add(o, "coords", cli_json_ints(coords, ndim));
    cli_json_add(o, "code", json_object_new_int(cli_exit_code(status)));
    cli_json_add(o, "what", json_object_new_string(what));
    json_object_array_add(list, o);
}

void cli_problem(void *user, int64_t chunk, int ndim, const int64_t *coords, tsr_status status,
                 const char *what)
{
    struct cli_problems *p = user;
    char text[CLI_SAID];
    what = cli_said(what, text);
    cli_progress_clear(&p->bar);
    p->failed += status != TSR_OK;
    p->corrupt += status == TSR_ECORRUPT;
    if (status != TSR_OK && status != TSR_ECORRUPT) p->other = status;
    if (p->list) add_json(p->list, chunk, ndim, coords, status, what);
    else print_line(p->prefix, chunk, ndim, coords, what);
}

void cli_problems_start(const struct cli_args *a, struct cli_problems *p, tsr_options *o)
{
    p->list = cli_has(a, "json") ? json_object_new_array() : NULL;
    cli_progress_start(&p->bar);
    o->progress = cli_progress_show;
    o->user = &p->bar;
}
