/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/attrs.c - attributes in one form.
 *
 * Written by tsr_json_write they are then what Python's json.dumps makes of them with sort_keys,
 * without spaces and with ensure_ascii off: floats with the fewest digits that read back the same,
 * integers of any size as they were. */
#include "ops/attrs.h"

#include <stdlib.h>

#include "array/array.h"

struct member {
    struct tsr_node name, value;
};

static int by_name(const void *x, const void *y)
{
    const struct tsr_node *a = x, *b = y; /* a member begins with its name */
    int c = memcmp(a->s.p, b->s.p, tsr_minz(a->s.len, b->s.len));
    return c ? c : (a->s.len > b->s.len) - (a->s.len < b->s.len);
}

/* The parser has bounded the depth. */
static void settle(struct tsr_node *n)
{
    bool map = n->kind == TSR_NODE_MAP;
    if (n->kind == TSR_NODE_FLOAT && n->number && strpbrk(n->number, ".eE")) n->number = NULL;
    if (!map && n->kind != TSR_NODE_LIST) return;
    size_t count = map ? 2 * n->list.n : n->list.n;
    for (size_t i = 0; i < count; i++) settle(n->list.v + i);
    if (map && n->list.n > 1) qsort(n->list.v, n->list.n, sizeof(struct member), by_name);
}

int tsr_attrs_take(const tsr_array *a, struct tsr_attrs *out)
{
    const struct tsr_json_rules rules = {TSR_JSON_WORDS | TSR_JSON_BIG, TSR_JSON_DEPTH, NULL};
    char *json = NULL;
    *out = (struct tsr_attrs){.root = {.kind = TSR_NODE_MAP}};
    if (!a->d->format->attrs) return TSR_OK;
    int rc = tsr_array_attrs(a, &json);
    if (rc == TSR_OK) rc = tsr_doc_new(&out->doc);
    if (rc == TSR_OK) rc = tsr_json_read(out->doc, json, strlen(json), &rules, &out->root);
    tsr_free(json);
    if (rc == TSR_OK && out->root.kind != TSR_NODE_MAP)
        rc = tsr_fail(TSR_ECORRUPT, "attributes: not a JSON object");
    if (rc == TSR_OK) settle(&out->root);
    return rc;
}

void tsr_attrs_done(struct tsr_attrs *t)
{
    tsr_doc_free(t->doc);
}
