/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/meta.c - metadata documents read and written, and what both formats share. */
#include "zarr/meta.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/meta_impl.h"
#include "zarr/node.h"

#define TEXT_MAX (UINT64_C(64) << 20) /* of a document (zarr.md 12.1) */

const char *tsr_zdoc_name(enum tsr_zdoc which)
{
    static const char *const names[] = {"zarr.json", ".zarray", ".zgroup", ".zattrs", ""};
    return names[which];
}

enum tsr_zdoc tsr_zmeta_which(const struct tsr_zmeta *m)
{
    return m->format == 3 ? TSR_ZDOC_V3 : m->array ? TSR_ZDOC_ARRAY : TSR_ZDOC_GROUP;
}

int tsr_zmeta_alloc(int format, struct tsr_zmeta **out)
{
    struct tsr_zmeta *m = tsr_alloc_zero(1, sizeof *m);
    if (!m) return TSR_ENOMEM;
    m->format = format;
    m->attributes.kind = TSR_NODE_MAP;
    int rc = tsr_doc_new(&m->doc);
    if (rc < 0) tsr_free(m);
    else *out = m;
    return rc;
}

void tsr_zmeta_free(struct tsr_zmeta *m)
{
    if (!m) return;
    tsr_doc_free(m->doc);
    tsr_doc_free(m->own);
    tsr_free(m);
}

/* ---- what both formats share ---- */

int tsr_zmeta_shape(struct tsr_zmeta *m, const struct tsr_node *n)
{
    return tsr_znode_ints(n, 0, INT64_MAX, m->shape, &m->ndim);
}

int tsr_zmeta_check_chunk(const struct tsr_zmeta *m)
{
    int64_t n, bytes, item = m->type->dtype ? m->type->dtype->item_bytes : 1;
    if (tsr_product(m->grid.shape, m->ndim, &n) && tsr_mul(n, item, &bytes)) return TSR_OK;
    return tsr_fail(TSR_ELIMIT, "%s: found chunks of more than 2^63 bytes",
                    m->format == 2 ? "chunks" : "chunk_grid");
}

int tsr_zmeta_names(struct tsr_zmeta *m, const struct tsr_node *n)
{
    if (n->kind != TSR_NODE_LIST || n->list.n != (size_t)m->ndim)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "a list of %d names", m->ndim);
    m->names = tsr_doc_alloc(m->doc, n->list.n, sizeof *m->names);
    if (!m->names) return TSR_ENOMEM;
    for (size_t i = 0; i < n->list.n; i++) {
        m->names[i] = NULL;
        if (n->list.v[i].kind == TSR_NODE_NULL) continue;
        int rc = tsr_znode_text(n->list.v + i, m->names + i);
        if (rc < 0) {
            tsr_within("[%zu]", i);
            return rc;
        }
    }
    return TSR_OK;
}

/* The bare words NaN and Infinity may be there in attributes only (7.2). */
static int refuse_words(const struct tsr_node *n)
{
    bool map = n->kind == TSR_NODE_MAP;
    if (n->kind == TSR_NODE_FLOAT && !n->number)
        return tsr_fail(TSR_ECORRUPT,
                        "found the bare word NaN or Infinity, which JSON does not have");
    for (size_t i = 0; (map || n->kind == TSR_NODE_LIST) && i < n->list.n; i++) {
        int rc = refuse_words(map ? n->list.v + 2 * i + 1 : n->list.v + i);
        if (rc < 0 && map) tsr_within("%.60s", n->list.v[2 * i].s.p);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

static int refuse_words_outside(const struct tsr_node *root)
{
    for (size_t i = 0; i < root->list.n; i++) {
        const struct tsr_node *name = root->list.v + 2 * i;
        int rc = tsr_znode_is(name, "attributes") ? TSR_OK : refuse_words(name + 1);
        if (rc < 0) tsr_within("%.60s", name->s.p);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

/* ---- reading ---- */

/* raw: as in struct tsr_json_rules. */
static int read_map(struct tsr_doc *d, const struct tsr_ztext *t, const char *const *raw,
                    struct tsr_node *out)
{
    struct tsr_json_rules how = {.flags = TSR_JSON_WORDS | TSR_JSON_BIG,
                                 .depth = TSR_JSON_DEPTH,
                                 .raw = raw};
    if (t->len > TEXT_MAX)
        return tsr_fail(TSR_ELIMIT, "found %zu bytes, expected at most %llu", t->len,
                        (unsigned long long)TEXT_MAX);
    int rc = tsr_json_read(d, t->p, t->len, &how, out);
    return rc < 0 ? rc : tsr_znode_map(out);
}

/* Drafts of format 3 had other documents, of which this much is left to be recognised by. */
static int check_format(const struct tsr_zmeta *m)
{
    const struct tsr_node *n = tsr_znode_get(&m->root, "zarr_format");
    if (tsr_znode_get(&m->root, "metadata_encoding") ||
        (n && n->kind == TSR_NODE_STRING && n->s.len > 8 && !memcmp(n->s.p, "https://", 8)))
        return tsr_fail(TSR_EUNSUPPORTED,
                        "found a draft of Zarr format 3 from before it was final, "
                        "expected zarr_format 3");
    if (n && n->kind == TSR_NODE_INT && n->i == m->format) return TSR_OK;
    int rc = tsr_znode_wrong(TSR_ECORRUPT, n, "%d", m->format);
    tsr_within("zarr_format");
    return rc;
}

static int read_kind(struct tsr_zmeta *m, enum tsr_zdoc which)
{
    const struct tsr_node *n = tsr_znode_get(&m->root, "node_type");
    m->array = which == TSR_ZDOC_ARRAY || (which == TSR_ZDOC_V3 && tsr_znode_is(n, "array"));
    if (which != TSR_ZDOC_V3 || m->array || tsr_znode_is(n, "group")) return TSR_OK;
    int rc = tsr_znode_wrong(TSR_ECORRUPT, n, "\"array\" or \"group\"");
    tsr_within("node_type");
    return rc;
}

static int read_attributes(struct tsr_zmeta *m)
{
    const struct tsr_node *n = m->format == 3 ? tsr_znode_get(&m->root, "attributes") : NULL;
    if (!n) return TSR_OK;
    m->attributes = *n;
    int rc = tsr_znode_map(n);
    if (rc < 0) tsr_within("attributes");
    return rc;
}

static int read_main(struct tsr_zmeta *m, enum tsr_zdoc which, const struct tsr_ztext *text)
{
    static const char *const cache[] = {"consolidated_metadata", "metadata", NULL};
    /* consolidated documents stay text, which has to stay with the node */
    struct tsr_ztext own = {tsr_doc_string(m->doc, text->p, text->len), text->len};
    if (!own.p) return TSR_ENOMEM;
    int rc = read_map(m->doc, &own, cache, &m->root);
    if (rc == TSR_OK) rc = check_format(m);
    if (rc == TSR_OK) rc = read_kind(m, which);
    if (rc == TSR_OK) rc = refuse_words_outside(&m->root);
    if (rc == TSR_OK) rc = read_attributes(m);
    if (rc < 0) return rc;
    if (m->format == 3) return tsr_zmeta_parse_v3(m);
    return m->array ? tsr_zmeta_parse_v2(m) : TSR_OK;
}

static void within(const char *path, enum tsr_zdoc which)
{
    tsr_within("%s%s%s", path, *path ? "/" : "", tsr_zdoc_name(which));
}

int tsr_zmeta_read(const char *path, enum tsr_zdoc which, struct tsr_ztext text,
                   const struct tsr_ztext *attrs, struct tsr_zmeta **out)
{
    struct tsr_zmeta *m;
    int rc = tsr_zmeta_alloc(which == TSR_ZDOC_V3 ? 3 : 2, &m);
    if (rc < 0) return rc;
    if (attrs && m->format == 2) {
        rc = read_map(m->doc, attrs, NULL, &m->attributes);
        if (rc < 0) within(path, TSR_ZDOC_ATTRS);
        if (rc < 0) goto fail;
    }
    rc = read_main(m, which, &text);
    if (rc < 0) within(path, which);
    if (rc < 0) goto fail;
    *out = m;
    return TSR_OK;
fail:
    tsr_zmeta_free(m);
    return rc;
}

/* ---- writing ---- */

int tsr_zmeta_write(const struct tsr_zmeta *m, enum tsr_zdoc which, int flags, struct tsr_buf *out)
{
    const struct tsr_node *n = which == TSR_ZDOC_ATTRS ? &m->attributes : &m->root;
    int rc = tsr_json_write(out, n, TSR_JSON_INDENT | flags);
    if (rc < 0) tsr_within("%s", tsr_zdoc_name(which));
    return rc;
}
