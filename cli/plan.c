/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.c - what convert --plan prints: passes, bytes, requests, memory. */
#include <json-c/json.h>

#include "cli.h"

static void print_shape(const char *before, const int64_t *v, int n)
{
    printf("%s", before);
    for (int d = 0; d < n; d++) printf("%s%lld", d ? "," : "", (long long)v[d]);
}

static void print_pass(const tsr_copy_plan *p, int i)
{
    const tsr_copy_pass *s = p->pass[i];
    char bytes[CLI_SIZE_TEXT], stored[CLI_SIZE_TEXT];
    printf("pass %d: %lld box%s", i + 1, (long long)s->boxes, s->boxes == 1 ? "" : "es");
    if (s->box) print_shape(" of ", s->box, p->ndim);
    cli_size_text((double)s->bytes_read, bytes);
    cli_size_text((double)s->stored_read, stored);
    printf("\n  reads   %s (about %s stored), %lld chunks, %lld blocks, up to %lld requests\n",
           bytes, stored, (long long)s->chunks_read, (long long)s->blocks_read,
           (long long)s->requests);
    printf("  writes  %s, %lld chunks\n", cli_size_text((double)s->bytes_written, bytes),
           (long long)s->chunks_written);
    printf("  memory  %s\n", cli_size_text((double)s->memory_bytes, bytes));
}

static struct json_object *pass_json(const tsr_copy_plan *p, int i)
{
    const tsr_copy_pass *s = p->pass[i];
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "box", s->box ? cli_json_ints(s->box, p->ndim) : NULL);
    cli_json_add(o, "boxes", json_object_new_int64(s->boxes));
    cli_json_add(o, "chunks_read", json_object_new_int64(s->chunks_read));
    cli_json_add(o, "blocks_read", json_object_new_int64(s->blocks_read));
    cli_json_add(o, "bytes_read", json_object_new_int64(s->bytes_read));
    cli_json_add(o, "stored_read", json_object_new_int64(s->stored_read));
    cli_json_add(o, "requests", json_object_new_int64(s->requests));
    cli_json_add(o, "chunks_written", json_object_new_int64(s->chunks_written));
    cli_json_add(o, "bytes_written", json_object_new_int64(s->bytes_written));
    cli_json_add(o, "memory", json_object_new_int64(s->memory_bytes));
    return o;
}

static void print_json(const tsr_copy_plan *p)
{
    struct json_object *o = json_object_new_object(), *passes = json_object_new_array();
    for (int i = 0; i < p->npasses; i++) json_object_array_add(passes, pass_json(p, i));
    cli_json_add(o, "passes", passes);
    cli_json_add(o, "stored", json_object_new_boolean(p->stored));
    cli_json_add(o, "between", p->between ? cli_json_ints(p->between, p->ndim) : NULL);
    cli_json_add(o, "between_bytes", json_object_new_int64(p->between_bytes));
    cli_json_add(o, "memory", json_object_new_int64(p->memory_bytes));
    cli_json_add(o, "budget", json_object_new_int64(p->budget_bytes));
    cli_json_print(o);
}

void cli_plan_print(const tsr_copy_plan *p, bool json)
{
    char bytes[CLI_SIZE_TEXT], budget[CLI_SIZE_TEXT];
    if (json) {
        print_json(p);
        return;
    }
    cli_size_text((double)p->memory_bytes, bytes);
    cli_size_text((double)p->budget_bytes, budget);
    printf("%d pass%s, ", p->npasses, p->npasses == 1 ? "" : "es");
    printf("%s, ", p->stored ? "copies stored bytes" : "decodes and encodes");
    printf("peak memory %s of %s\n", bytes, budget);
    for (int i = 0; i < p->npasses; i++) {
        if (i) {
            print_shape("between them: chunks of ", p->between, p->ndim);
            printf(", at most %s on disk\n", cli_size_text((double)p->between_bytes, bytes));
        }
        print_pass(p, i);
    }
}
