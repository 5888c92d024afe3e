/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/meta_v2.c - .zarray of format 2 (zarr.md 3.1).  Members that are not known are no error. */
#include <string.h>

#include "base/status.h"
#include "zarr/meta_impl.h"
#include "zarr/node.h"

/* ---- codecs ---- */

static int codec_of(const struct tsr_node *n, struct tsr_zspec *out)
{
    if (n->kind != TSR_NODE_MAP) return tsr_znode_wrong(TSR_ECORRUPT, n, "an object with \"id\"");
    *out = (struct tsr_zspec){.config = n, .must = true};
    int rc = tsr_znode_text(tsr_znode_get(n, "id"), &out->name);
    if (rc < 0) tsr_within("id");
    return rc;
}

/* null and, of filters, nothing at all are no codecs. */
static int parse_codecs(struct tsr_zmeta *m, const struct tsr_node *filters,
                        const struct tsr_node *compressor)
{
    size_t n = filters && filters->kind == TSR_NODE_LIST ? filters->list.n : 0;
    m->codecs = tsr_doc_alloc(m->doc, n + 1, sizeof *m->codecs);
    if (!m->codecs) return TSR_ENOMEM;
    if (!filters || (filters->kind != TSR_NODE_LIST && filters->kind != TSR_NODE_NULL)) {
        int rc = tsr_znode_wrong(TSR_ECORRUPT, filters, "a list of filters or null");
        tsr_within("filters");
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        int rc = codec_of(filters->list.v + i, m->codecs + m->ncodecs++);
        if (rc < 0) {
            tsr_within("filters[%zu]", i);
            return rc;
        }
    }
    if (compressor && compressor->kind == TSR_NODE_NULL) return TSR_OK;
    int rc = compressor ? codec_of(compressor, m->codecs + m->ncodecs++)
                        : tsr_znode_wrong(TSR_ECORRUPT, NULL, "an object with \"id\", or null");
    if (rc < 0) tsr_within("compressor");
    return rc;
}

/* What the items of "|O" are is up to its object codec (4.3). */
static int object_kind(const struct tsr_zspec *c, enum tsr_ztype_kind *kind)
{
    static const struct {
        const char *id;
        enum tsr_ztype_kind kind;
    } all[] = {{"vlen-utf8", TSR_ZSTRING}, {"vlen-bytes", TSR_ZBYTES}, {"vlen-array", TSR_ZARRAYS},
               {"json2", TSR_ZJSON},       {"msgpack2", TSR_ZJSON},    {"categorize", TSR_ZSTRING}};
    if (strcmp(c->name, "pickle") == 0)
        return tsr_fail(TSR_EUNSUPPORTED,
                        "found the codec pickle: to decode it is to run a program "
                        "that the data bring along");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(c->name, all[i].id) == 0) {
            *kind = all[i].kind;
            return TSR_OK;
        }
    return TSR_ENOTFOUND;
}

static int narrow_object(struct tsr_zmeta *m)
{
    struct tsr_ztype *t = tsr_doc_alloc(m->doc, 1, sizeof *t);
    if (!t) return TSR_ENOMEM;
    *t = *m->type;
    m->type = t;
    int i = 0, rc = TSR_ENOTFOUND;
    for (; i < m->ncodecs && rc == TSR_ENOTFOUND; i++) rc = object_kind(m->codecs + i, &t->kind);
    if (rc == TSR_ENOTFOUND)
        return tsr_fail(TSR_ECORRUPT, "found \"|O\" without an object codec, expected one of "
                                      "vlen-utf8 vlen-bytes vlen-array json2 msgpack2 categorize "
                                      "among the filters");
    if (rc < 0 || t->kind != TSR_ZARRAYS) return rc;
    t->field = tsr_doc_alloc(m->doc, 1, sizeof(struct tsr_ztype *));
    if (!t->field) return TSR_ENOMEM;
    rc = tsr_ztype_parse(m->doc, tsr_znode_get(m->codecs[i - 1].config, "dtype"), 2, t->field);
    if (rc == TSR_OK && !t->field[0]->dtype) rc = tsr_fail(TSR_ECORRUPT, "found items of no size");
    if (rc < 0) tsr_within("dtype of vlen-array");
    return rc;
}

/* ---- members ---- */

static int parse_order(struct tsr_zmeta *m, const struct tsr_node *n)
{
    if (!tsr_znode_is(n, "C") && !tsr_znode_is(n, "F"))
        return tsr_znode_wrong(TSR_ECORRUPT, n, "\"C\" or \"F\"");
    m->order = *n->s.p;
    return TSR_OK;
}

static int parse_separator(struct tsr_zmeta *m, const struct tsr_node *n)
{
    m->keys = (struct tsr_zkeys){.separator = '.'};
    if (!n) return TSR_OK;
    if (!tsr_znode_is(n, ".") && !tsr_znode_is(n, "/"))
        return tsr_znode_wrong(TSR_ECORRUPT, n, "\".\" or \"/\"");
    m->keys.separator = *n->s.p;
    return TSR_OK;
}

/* The names that xarray, GDAL and NCZarr put among the attributes; what is no list of them is an
 * attribute like any other. */
static int parse_names(struct tsr_zmeta *m)
{
    const struct tsr_node *n = tsr_znode_get(&m->attributes, "_ARRAY_DIMENSIONS");
    bool good = n && n->kind == TSR_NODE_LIST && n->list.n == (size_t)m->ndim && m->ndim > 0;
    for (int d = 0; good && d < m->ndim; d++) {
        const struct tsr_node *v = n->list.v + d;
        good = v->kind == TSR_NODE_STRING && !memchr(v->s.p, 0, v->s.len);
    }
    return good ? tsr_zmeta_names(m, n) : TSR_OK;
}

static int parse_chunks(struct tsr_zmeta *m, const struct tsr_node *n)
{
    m->grid.ndim = m->ndim;
    return tsr_zgrid_regular(&m->grid, n, m->shape);
}

static int parse_type(struct tsr_zmeta *m, const struct tsr_node *n)
{
    int rc = tsr_ztype_parse(m->doc, n, 2, &m->type);
    return rc == TSR_OK && !m->type->dtype ? narrow_object(m) : rc;
}

static int parse_fill(struct tsr_zmeta *m, const struct tsr_node *n)
{
    return tsr_zfill_parse(m->doc, m->type, n, 2, &m->fill);
}

int tsr_zmeta_parse_v2(struct tsr_zmeta *m)
{
    static const struct {
        const char *name;
        int (*parse)(struct tsr_zmeta *m, const struct tsr_node *n);
    } members[] = {
        {"shape", tsr_zmeta_shape}, {"chunks", parse_chunks},
        {"dtype", parse_type},      {"fill_value", parse_fill},
        {"order", parse_order},     {"dimension_separator", parse_separator},
    };
    int rc =
        parse_codecs(m, tsr_znode_get(&m->root, "filters"), tsr_znode_get(&m->root, "compressor"));
    for (size_t i = 0; rc == TSR_OK && i < sizeof members / sizeof *members; i++) {
        rc = members[i].parse(m, tsr_znode_get(&m->root, members[i].name));
        if (rc < 0) tsr_within("%s", members[i].name);
    }
    if (rc == TSR_OK) rc = tsr_zmeta_check_chunk(m);
    return rc < 0 ? rc : parse_names(m);
}
