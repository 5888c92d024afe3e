/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/meta_make.c - new nodes, and changes to those that are there.
 *
 * A new node is a document, which is then read like any other: what is wrong with it is found
 * there.  Members come in the order of zarr-python. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/chain.h"
#include "zarr/meta_impl.h"
#include "zarr/node.h"

enum { ROOM = 16 }; /* members of a document of ours, at most */

static const struct tsr_node null_node = {.kind = TSR_NODE_NULL};
static const struct tsr_node empty_map = {.kind = TSR_NODE_MAP};

static int put_copy(struct tsr_zmeta *m, const char *name, const struct tsr_node *value)
{
    struct tsr_node copy;
    int rc = tsr_znode_copy(m->doc, value, &copy);
    if (rc == TSR_OK) tsr_znode_put(&m->root, name, copy);
    return rc;
}

static int put_ints(struct tsr_zmeta *m, const char *name, const int64_t *v, int n)
{
    struct tsr_node list;
    int rc = tsr_znode_of_ints(m->doc, v, n, &list);
    if (rc == TSR_OK) tsr_znode_put(&m->root, name, list);
    return rc;
}

static int put_type(struct tsr_zmeta *m, const char *name, const struct tsr_ztype *t)
{
    struct tsr_node type; /* names of fields are borrowed from t */
    int rc = tsr_ztype_emit(m->doc, t, m->format, &type);
    return rc < 0 ? rc : put_copy(m, name, &type);
}

/* The zero of the type where none is given; format 2 has a null for that of items that vary. */
static int put_fill(struct tsr_zmeta *m, const struct tsr_znew *a)
{
    struct tsr_node fill; /* names of fields are borrowed from the type */
    struct tsr_zfill zero;
    int rc = TSR_OK;
    if (!a->fill) rc = tsr_zfill_parse(m->doc, a->type, &null_node, m->format, &zero);
    if (!a->fill) zero.null = a->type->kind == TSR_ZJSON;
    if (rc == TSR_OK)
        rc = tsr_zfill_emit(m->doc, a->type, a->fill ? a->fill : &zero, m->format, &fill);
    return rc < 0 ? rc : put_copy(m, "fill_value", &fill);
}

static int names_node(struct tsr_doc *d, const struct tsr_znew *a, struct tsr_node *out)
{
    int rc = tsr_znode_new(d, TSR_NODE_LIST, (size_t)a->ndim, out);
    for (int i = 0; rc == TSR_OK && i < a->ndim; i++) {
        const char *name = a->names[i];
        const char *text = name ? tsr_doc_string(d, name, strlen(name)) : NULL;
        if (name && !text) return TSR_ENOMEM;
        tsr_znode_add(out, text ? tsr_znode_of_text(text) : null_node);
    }
    return rc;
}

/* ---- format 2 ---- */

/* Names of dimensions are an attribute there, as xarray has it. */
static int set_attributes_v2(struct tsr_zmeta *m, const struct tsr_znew *a)
{
    struct tsr_node names, value;
    const struct tsr_node *map = a->attributes ? a->attributes : &empty_map;
    int rc = tsr_znode_copy(m->doc, map, &m->attributes);
    if (rc < 0 || !a->names || tsr_znode_get(map, "_ARRAY_DIMENSIONS")) return rc;
    rc = names_node(m->doc, a, &names);
    if (rc == TSR_OK) rc = tsr_znode_new(m->doc, TSR_NODE_MAP, map->list.n + 1, &value);
    if (rc < 0) return rc;
    if (m->attributes.list.n)
        memcpy(value.list.v, m->attributes.list.v, 2 * m->attributes.list.n * sizeof value);
    value.list.n = m->attributes.list.n;
    tsr_znode_put(&value, "_ARRAY_DIMENSIONS", names);
    m->attributes = value;
    return TSR_OK;
}

/* Codecs are written as they are given, but not where others could not read them; what is wrong
 * otherwise is refused when they are opened. */
static int check_codecs(const struct tsr_zmeta *m, const struct tsr_znew *a)
{
    struct tsr_zchain *chain;
    struct tsr_node ignored;
    int rc = tsr_zchain_of(m, NULL, a->chunks, 0, &chain);
    if (rc < 0) return rc == TSR_ENOMEM ? rc : TSR_OK;
    for (int i = 0; i < chain->n && rc == TSR_OK; i++) {
        const struct tsr_zcodec *c = chain->codec + i;
        if (c->config) rc = tsr_zcodec_complete(c, c->config, tsr_zcodec_name(c), &ignored);
        if (rc == TSR_EARG) tsr_within("codecs: [%d] %s", i, tsr_zcodec_name(c));
    }
    tsr_zchain_close(chain);
    return rc;
}

static int make_v2(struct tsr_zmeta *m, const struct tsr_znew *a)
{
    bool filters = a->codecs && a->codecs->list.n;
    const char *separator = a->separator == '/' ? "/" : ".";
    int rc = put_ints(m, "shape", a->shape, a->ndim);
    if (rc == TSR_OK) rc = put_ints(m, "chunks", a->chunks, a->ndim);
    if (rc == TSR_OK) rc = put_type(m, "dtype", a->type);
    if (rc == TSR_OK) rc = put_fill(m, a);
    if (rc < 0) return rc;
    tsr_znode_put(&m->root, "order", tsr_znode_of_text(a->order == 'F' ? "F" : "C"));
    rc = put_copy(m, "filters", filters ? a->codecs : &null_node);
    if (rc < 0) return rc;
    tsr_znode_put(&m->root, "dimension_separator", tsr_znode_of_text(separator));
    rc = put_copy(m, "compressor", a->compressor ? a->compressor : &null_node);
    if (rc < 0) return rc;
    tsr_znode_put(&m->root, "zarr_format", tsr_znode_of_int(2));
    rc = set_attributes_v2(m, a);
    if (rc == TSR_OK) rc = tsr_zmeta_parse_v2(m);
    return rc < 0 ? rc : check_codecs(m, a);
}

/* ---- format 3 ---- */

static int put_grid(struct tsr_zmeta *m, const struct tsr_znew *a)
{
    struct tsr_node config, grid, lengths;
    int rc = tsr_znode_new(m->doc, TSR_NODE_MAP, 2, &config);
    if (rc == TSR_OK)
        rc = a->edges ? tsr_znode_copy(m->doc, a->edges, &lengths)
                      : tsr_znode_of_ints(m->doc, a->chunks, a->ndim, &lengths);
    if (rc < 0) return rc;
    if (a->edges) tsr_znode_put(&config, "kind", tsr_znode_of_text("inline"));
    tsr_znode_put(&config, a->edges ? "chunk_shapes" : "chunk_shape", lengths);
    rc = tsr_znode_of_ext(m->doc, a->edges ? "rectilinear" : "regular", &config, &grid);
    if (rc == TSR_OK) tsr_znode_put(&m->root, "chunk_grid", grid);
    return rc;
}

static int put_keys(struct tsr_zmeta *m, const struct tsr_znew *a)
{
    struct tsr_node config, keys;
    char separator = a->separator ? a->separator : a->v2_keys ? '.' : '/';
    int rc = tsr_znode_new(m->doc, TSR_NODE_MAP, 1, &config);
    if (rc < 0) return rc;
    tsr_znode_put(&config, "separator", tsr_znode_of_text(separator == '/' ? "/" : "."));
    rc = tsr_znode_of_ext(m->doc, a->v2_keys ? "v2" : "default", &config, &keys);
    if (rc == TSR_OK) tsr_znode_put(&m->root, "chunk_key_encoding", keys);
    return rc;
}

static int put_names(struct tsr_zmeta *m, const struct tsr_znew *a)
{
    struct tsr_node names;
    int rc = names_node(m->doc, a, &names);
    if (rc == TSR_OK) tsr_znode_put(&m->root, "dimension_names", names);
    return rc;
}

static int put_attributes(struct tsr_zmeta *m, const struct tsr_node *attributes)
{
    int rc = tsr_znode_copy(m->doc, attributes ? attributes : &empty_map, &m->attributes);
    if (rc == TSR_OK) tsr_znode_put(&m->root, "attributes", m->attributes);
    return rc;
}

/* As others want to read them. */
static int put_codecs(struct tsr_zmeta *m, const struct tsr_znew *a)
{
    static const struct tsr_node none = {.kind = TSR_NODE_LIST};
    struct tsr_zview in = {.items = true, .type = a->type, .dtype = a->type->dtype, .bytes = -1};
    int64_t items;
    int rc = put_copy(m, "codecs", a->codecs ? a->codecs : &none);
    if (rc < 0) return rc;
    in.ndim = a->ndim;
    in.fill = a->fill ? a->fill->p : NULL;
    memcpy(in.shape, a->chunks, (size_t)a->ndim * sizeof *a->chunks);
    if (!tsr_product(a->chunks, a->ndim, &items)) return TSR_OK; /* refused when it is read */
    if (in.dtype && !tsr_mul(items, in.dtype->item_bytes, &in.bytes)) return TSR_OK;
    rc = tsr_zcodecs_complete(m->doc, &in, 0, tsr_znode_at(&m->root, "codecs"));
    if (rc == TSR_EARG) tsr_within("codecs");
    return rc;
}

static int make_v3(struct tsr_zmeta *m, const struct tsr_znew *a)
{
    struct tsr_node none = {.kind = TSR_NODE_LIST};
    int rc = put_ints(m, "shape", a->shape, a->ndim);
    if (rc == TSR_OK) rc = put_type(m, "data_type", a->type);
    if (rc == TSR_OK) rc = put_grid(m, a);
    if (rc == TSR_OK) rc = put_keys(m, a);
    if (rc == TSR_OK) rc = put_fill(m, a);
    if (rc == TSR_OK) rc = put_codecs(m, a);
    if (rc == TSR_OK) rc = put_attributes(m, a->attributes);
    if (rc == TSR_OK && a->names) rc = put_names(m, a);
    if (rc < 0) return rc;
    tsr_znode_put(&m->root, "zarr_format", tsr_znode_of_int(3));
    tsr_znode_put(&m->root, "node_type", tsr_znode_of_text("array"));
    tsr_znode_put(&m->root, "storage_transformers", none);
    return tsr_zmeta_parse_v3(m);
}

/* ---- nodes ---- */

int tsr_zmeta_new_array(const struct tsr_znew *a, struct tsr_zmeta **out)
{
    struct tsr_zmeta *m;
    int rc = tsr_zmeta_alloc(a->format, &m);
    if (rc < 0) return rc;
    m->array = true;
    rc = tsr_znode_new(m->doc, TSR_NODE_MAP, ROOM, &m->root);
    if (rc == TSR_OK) rc = a->format == 2 ? make_v2(m, a) : make_v3(m, a);
    if (rc < 0) tsr_zmeta_free(m);
    else *out = m;
    return rc;
}

int tsr_zmeta_new_group(int format, const struct tsr_node *attributes, struct tsr_zmeta **out)
{
    struct tsr_zmeta *m;
    int rc = tsr_zmeta_alloc(format, &m);
    if (rc < 0) return rc;
    rc = tsr_znode_new(m->doc, TSR_NODE_MAP, ROOM, &m->root);
    if (rc == TSR_OK && format == 3) rc = put_attributes(m, attributes);
    else if (rc == TSR_OK && attributes) rc = tsr_znode_copy(m->doc, attributes, &m->attributes);
    if (rc < 0) {
        tsr_zmeta_free(m);
        return rc;
    }
    tsr_znode_put(&m->root, "zarr_format", tsr_znode_of_int(format));
    if (format == 3) tsr_znode_put(&m->root, "node_type", tsr_znode_of_text("group"));
    *out = m;
    return TSR_OK;
}

/* ---- changes ---- */

/* Adds an edge to the list of an axis; a run where the last one is as long, so that arrays may grow
 * often. */
static int add_edge(struct tsr_zmeta *m, struct tsr_node *list, int64_t edge)
{
    struct tsr_node more;
    int64_t run[2] = {0, 0};
    size_t n = list->list.n;
    int rc = tsr_znode_new(m->doc, TSR_NODE_LIST, n + 1, &more);
    if (rc < 0) return rc;
    if (n) memcpy(more.list.v, list->list.v, n * sizeof more);
    more.list.n = n;
    *list = more;
    if (n) tsr_zgrid_run(more.list.v + n - 1, &run[0], &run[1]);
    if (run[0] == edge && tsr_add(run[1], 1, &run[1]))
        return tsr_znode_of_ints(m->doc, run, 2, more.list.v + n - 1);
    tsr_znode_add(list, tsr_znode_of_int(edge));
    return TSR_OK;
}

/* Of a rectilinear grid one more chunk when the edges do not reach any more (11.7): the lists of
 * edges are copied, so that those of before stay as they are if this fails. */
static int grow_edges(struct tsr_zmeta *m, const int64_t *shape, const int64_t *unit,
                      struct tsr_node *grid)
{
    int rc = tsr_znode_copy(m->doc, tsr_znode_get(&m->root, "chunk_grid"), grid);
    struct tsr_node *config = rc == TSR_OK ? tsr_znode_at(grid, "configuration") : NULL;
    struct tsr_node *axes = config ? tsr_znode_at(config, "chunk_shapes") : NULL;
    for (int d = 0; axes && d < m->ndim && rc == TSR_OK; d++) {
        struct tsr_node *list = axes->list.v + d;
        int64_t sum = 0, edge, count, u = unit ? unit[d] : 1;
        if (list->kind != TSR_NODE_LIST) continue;
        for (size_t i = 0; i < list->list.n; i++) {
            tsr_zgrid_run(list->list.v + i, &edge, &count);
            if (!tsr_mul(edge, count, &edge) || !tsr_add(sum, edge, &sum)) sum = INT64_MAX;
        }
        if (sum < shape[d]) rc = add_edge(m, list, tsr_ceil_div(shape[d] - sum, u) * u);
    }
    return rc;
}

/* An axis without items may have chunks of length 0 (3.1), which an axis with items may not: they
 * become as long as they have counted. */
static void lengthen_chunks(struct tsr_zmeta *m)
{
    struct tsr_node *at = &m->root;
    if (m->format == 3) at = tsr_znode_at(tsr_znode_at(at, "chunk_grid"), "configuration");
    struct tsr_node *chunks = tsr_znode_at(at, m->format == 3 ? "chunk_shape" : "chunks");
    for (int d = 0; d < m->ndim; d++) {
        struct tsr_node *n = chunks->list.v + d;
        if (m->shape[d] > 0 && n->kind == TSR_NODE_INT && n->i == 0)
            *n = tsr_znode_of_int(m->grid.shape[d]);
    }
}

int tsr_zmeta_set_shape(struct tsr_zmeta *m, const int64_t *shape, const int64_t *unit)
{
    struct tsr_node *lengths = tsr_znode_at(&m->root, "shape"), grown;
    struct tsr_zgrid grid = m->grid;
    int rc = TSR_OK;
    if (!m->grid.regular) {
        rc = grow_edges(m, shape, unit, &grown);
        if (rc == TSR_OK) rc = tsr_zgrid_parse(m->doc, &grid, &grown, shape);
        if (rc == TSR_OK) *tsr_znode_at(&m->root, "chunk_grid") = grown;
    }
    if (rc < 0) return rc;
    for (int d = 0; d < m->ndim; d++) {
        lengths->list.v[d] = tsr_znode_of_int(shape[d]);
        m->shape[d] = shape[d];
        if (grid.regular) grid.count[d] = tsr_ceil_div(shape[d], grid.shape[d]);
    }
    m->grid = grid;
    if (grid.regular) lengthen_chunks(m);
    return TSR_OK;
}

/* The member of a document that has none yet. */
static int add_attributes(struct tsr_zmeta *m)
{
    struct tsr_node more;
    int rc = tsr_znode_new(m->doc, TSR_NODE_MAP, m->root.list.n + 1, &more);
    if (rc < 0) return rc;
    memcpy(more.list.v, m->root.list.v, 2 * m->root.list.n * sizeof more);
    more.list.n = m->root.list.n;
    tsr_znode_put(&more, "attributes", empty_map);
    m->root = more;
    return TSR_OK;
}

int tsr_zmeta_set_attributes(struct tsr_zmeta *m, const struct tsr_node *map)
{
    struct tsr_doc *own;
    struct tsr_node copy;
    int rc = tsr_znode_map(map);
    if (rc == TSR_OK && m->format == 3 && !tsr_znode_get(&m->root, "attributes"))
        rc = add_attributes(m);
    if (rc == TSR_OK) rc = tsr_doc_new(&own);
    if (rc < 0) return rc;
    rc = tsr_znode_copy(own, map, &copy);
    if (rc < 0) {
        tsr_doc_free(own);
        return rc;
    }
    tsr_doc_free(m->own);
    m->own = own;
    m->attributes = copy;
    if (m->format == 3) *tsr_znode_at(&m->root, "attributes") = copy;
    return TSR_OK;
}
