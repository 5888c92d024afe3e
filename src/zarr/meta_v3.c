/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/meta_v3.c - zarr.json of format 3 (zarr.md 7).
 *
 * Members that are not known may be there only where they say "must_understand": false; so may
 * codecs and storage transformers, but then the array is only for reading. */
#include <string.h>

#include "base/status.h"
#include "zarr/chain.h"
#include "zarr/meta_impl.h"
#include "zarr/node.h"

static int parse_grid(struct tsr_zmeta *m, const struct tsr_node *n)
{
    m->grid.ndim = m->ndim;
    return tsr_zgrid_parse(m->doc, &m->grid, n, m->shape);
}

static int parse_type(struct tsr_zmeta *m, const struct tsr_node *n)
{
    return tsr_ztype_parse(m->doc, n, 3, &m->type);
}

static int parse_keys(struct tsr_zmeta *m, const struct tsr_node *n)
{
    return tsr_zkeys_parse(n, &m->keys);
}

static int parse_fill(struct tsr_zmeta *m, const struct tsr_node *n)
{
    return tsr_zfill_parse(m->doc, m->type, n, 3, &m->fill);
}

static int parse_codecs(struct tsr_zmeta *m, const struct tsr_node *n)
{
    return tsr_zspecs_parse(m->doc, n, &m->codecs, &m->ncodecs, &m->foreign);
}

static int parse_transformers(struct tsr_zmeta *m, const struct tsr_node *n)
{
    if (!n) return TSR_OK;
    if (n->kind != TSR_NODE_LIST)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "a list of storage transformers");
    for (size_t i = 0; i < n->list.n; i++) {
        struct tsr_zext e;
        int rc = tsr_znode_ext(n->list.v + i, &e);
        if (rc == TSR_OK && e.must)
            rc = tsr_fail(TSR_EUNSUPPORTED,
                          "found \"%.60s\", expected none that must be understood", e.name);
        if (rc < 0) {
            tsr_within("[%zu]", i);
            return rc;
        }
        m->foreign = true;
    }
    return TSR_OK;
}

static int parse_names(struct tsr_zmeta *m, const struct tsr_node *n)
{
    return n && n->kind != TSR_NODE_NULL ? tsr_zmeta_names(m, n) : TSR_OK;
}

/* In the order in which one needs the other. */
static const struct {
    const char *name;
    int (*parse)(struct tsr_zmeta *m, const struct tsr_node *n);
} members[] = {
    {"shape", tsr_zmeta_shape},
    {"data_type", parse_type},
    {"chunk_grid", parse_grid},
    {"chunk_key_encoding", parse_keys},
    {"fill_value", parse_fill},
    {"codecs", parse_codecs},
    {"storage_transformers", parse_transformers},
    {"dimension_names", parse_names},
};
enum { MEMBERS = sizeof members / sizeof *members };

static bool is_known(const struct tsr_zmeta *m, const struct tsr_node *name)
{
    static const char *const both[] = {"zarr_format", "node_type", "attributes"};
    for (int i = 0; i < 3; i++)
        if (tsr_znode_is(name, both[i])) return true;
    for (int i = 0; m->array && i < MEMBERS; i++)
        if (tsr_znode_is(name, members[i].name)) return true;
    return !m->array && tsr_znode_is(name, "consolidated_metadata");
}

/* Consolidated metadata of a kind that we do not know (7.5). */
static int check_consolidated(const struct tsr_node *n)
{
    const struct tsr_node *must = tsr_znode_get(n, "must_understand");
    const struct tsr_node *kind = tsr_znode_get(n, "kind");
    if (!n || n->kind == TSR_NODE_NULL || (must && must->kind == TSR_NODE_BOOL && !must->b))
        return TSR_OK;
    if (n->kind == TSR_NODE_MAP && tsr_znode_is(kind, "inline")) return TSR_OK;
    int rc = n->kind == TSR_NODE_MAP ? tsr_znode_wrong(TSR_EUNSUPPORTED, kind, "\"inline\"")
                                     : tsr_znode_map(n);
    tsr_within(n->kind == TSR_NODE_MAP ? "consolidated_metadata: kind" : "consolidated_metadata");
    return rc;
}

static int check_unknown(const struct tsr_zmeta *m)
{
    for (size_t i = 0; i < m->root.list.n; i++) {
        const struct tsr_node *name = m->root.list.v + 2 * i;
        const struct tsr_node *must = tsr_znode_get(name + 1, "must_understand");
        if (is_known(m, name) || (must && must->kind == TSR_NODE_BOOL && !must->b)) continue;
        return tsr_fail(TSR_EUNSUPPORTED,
                        "%.60s: found a member that is not known, expected "
                        "\"must_understand\": false in it",
                        name->s.p);
    }
    return TSR_OK;
}

int tsr_zmeta_parse_v3(struct tsr_zmeta *m)
{
    int rc = check_unknown(m);
    if (rc < 0 || !m->array)
        return rc < 0 ? rc : check_consolidated(tsr_znode_get(&m->root, "consolidated_metadata"));
    m->order = 'C';
    for (int i = 0; rc == TSR_OK && i < MEMBERS; i++) {
        rc = members[i].parse(m, tsr_znode_get(&m->root, members[i].name));
        if (rc < 0) tsr_within("%s", members[i].name);
    }
    return rc < 0 ? rc : tsr_zmeta_check_chunk(m);
}
