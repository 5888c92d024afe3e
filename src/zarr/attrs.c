/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/attrs.c - attributes of nodes, changed one by one or all at once. */
#include "zarr/attrs.h"

#include <string.h>

#include "base/status.h"
#include "zarr/node.h"

/* Levels around an attribute where they are most, in the zarr.json of a group with consolidated
 * metadata: the document, this, its "metadata", the node, its attributes. */
enum { LEVELS_AROUND = 5 };

int tsr_zattrs_read(struct tsr_doc *d, const char *name, const char *json, struct tsr_node *out)
{
    struct tsr_json_rules how = {.flags = TSR_JSON_BIG};
    how.depth = TSR_JSON_DEPTH - LEVELS_AROUND + (name == NULL);
    int rc = tsr_json_read(d, json, strlen(json), &how, out);
    if (rc == TSR_OK && !name) rc = tsr_znode_map(out);
    return rc == TSR_ECORRUPT ? tsr_fail(TSR_EARG, "%s", tsr_error()) : rc;
}

int tsr_zattrs_change(struct tsr_doc *d, const struct tsr_node *old, const char *name,
                      const struct tsr_node *value, struct tsr_node *out)
{
    bool done = false;
    int rc = tsr_znode_new(d, TSR_NODE_MAP, old->list.n + 1, out);
    for (size_t i = 0; rc == TSR_OK && i < old->list.n; i++) {
        const struct tsr_node *at = old->list.v + 2 * i;
        bool same = tsr_znode_is(at, name);
        done = done || same;
        if (same && !value) continue;
        struct tsr_node *to = out->list.v + 2 * out->list.n++;
        to[0] = at[0];
        to[1] = same ? *value : at[1];
    }
    if (rc < 0 || done) return rc;
    if (!value) return tsr_fail(TSR_ENOTFOUND, "there is no attribute '%s'", name);
    tsr_znode_put(out, name, *value);
    return TSR_OK;
}
