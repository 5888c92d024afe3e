/* SPDX-License-Identifier: BSD-3-Clause */
/* loose.c - items of variable length: as text, and refused where all items have one size. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool cli_is_loose(const struct cli_source *s)
{
    return s->array && s->item_bytes == 0;
}

int cli_check_fixed(const struct cli_args *a, const tsr_array *array)
{
    const tsr_spec *spec = array ? tsr_array_spec(array) : NULL;
    int64_t bytes;
    int rc = spec && spec->item_bytes == 0 ? tsr_dtype_item_bytes(spec->dtype, &bytes) : TSR_OK;
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

static int to_text(const char *dtype, const tsr_items *items, int64_t i, char **text)
{
    int n = tsr_items_to_text(dtype, items, i, NULL, 0);
    if (n < 0) return n;
    *text = malloc((size_t)n + 1);
    if (!*text) return TSR_ENOMEM;
    n = tsr_items_to_text(dtype, items, i, *text, (size_t)n + 1);
    return n < 0 ? n : TSR_OK;
}

int cli_loose_read(const struct cli_source *s, const struct cli_selection *sel, char **text)
{
    tsr_items items = {.size = sizeof items};
    tsr_slice slice = {sel->start, sel->count, sel->step};
    int rc = tsr_array_read_items(s->array, &slice, &items);
    for (int64_t i = 0; rc == TSR_OK && i < items.n; i++)
        rc = to_text(s->dtype, &items, i, &text[i]);
    tsr_items_free(&items);
    return rc;
}

struct json_object *cli_loose_fill(const char *dtype, const void *fill)
{
    const uint8_t *p = fill;
    uint64_t offsets[] = {0, p[0] | p[1] << 8 | p[2] << 16 | (uint64_t)p[3] << 24};
    tsr_items one = {sizeof one, 1, offsets, p + 4};
    char *text = NULL;
    struct json_object *o = NULL;
    if (to_text(dtype, &one, 0, &text) == TSR_OK) {
        bool json = !strcmp(dtype, "string") || !strcmp(dtype, "json");
        o = json ? cli_json_parse(text) : json_object_new_string(text);
    }
    free(text);
    return o;
}
