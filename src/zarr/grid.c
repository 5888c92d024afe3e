/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/grid.c - chunk grids: lengths checked, runs of edges kept as runs. */
#include "zarr/grid.h"

#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"

#define AXIS_MAX (INT64_C(1) << 40) /* chunks along an axis of a rectilinear grid */

int tsr_zgrid_regular(struct tsr_zgrid *g, const struct tsr_node *chunks, const int64_t *shape)
{
    int ndim = 0;
    int rc = tsr_znode_ints(chunks, 0, INT64_MAX, g->shape, &ndim);
    if (rc < 0) return rc;
    if (ndim != g->ndim)
        return tsr_znode_wrong(TSR_ECORRUPT, chunks, "%d lengths, one for each dimension", g->ndim);
    g->regular = true;
    for (int d = 0; d < ndim; d++) {
        if (g->shape[d] == 0 && shape[d] > 0)
            return tsr_fail(TSR_ECORRUPT,
                            "[%d]: found chunks of length 0, expected 1 or more on an "
                            "axis of length %lld",
                            d, (long long)shape[d]);
        if (g->shape[d] == 0) g->shape[d] = 1;
        g->count[d] = tsr_ceil_div(shape[d], g->shape[d]);
    }
    return TSR_OK;
}

/* ---- rectilinear ---- */

/* "4.0" was seen for 4. */
static int edge_of(const struct tsr_node *n, int64_t *out)
{
    struct tsr_node whole;
    if (n->kind == TSR_NODE_FLOAT && n->f >= 1 && n->f <= 0x1p53 && n->f == (double)(int64_t)n->f) {
        whole = tsr_znode_of_int((int64_t)n->f);
        n = &whole;
    }
    return tsr_znode_int(n, 1, INT64_MAX, out);
}

int tsr_zgrid_run(const struct tsr_node *n, int64_t *edge, int64_t *count)
{
    *count = 1;
    if (n->kind != TSR_NODE_LIST) return edge_of(n, edge);
    if (n->list.n != 2) return tsr_znode_wrong(TSR_ECORRUPT, n, "an edge, or [edge, count]");
    int rc = edge_of(n->list.v, edge);
    return rc < 0 ? rc : edge_of(n->list.v + 1, count);
}

/* The runs of axis d, one behind the other; what lies wholly beyond the end does not count. */
static int axis_of_runs(struct tsr_zgrid *g, int d, const struct tsr_node *list, int64_t len,
                        struct tsr_run *runs)
{
    int64_t start = 0, first = 0, edge, count;
    g->runs[d] = runs;
    for (size_t i = 0; i < list->list.n; i++) {
        int rc = tsr_zgrid_run(list->list.v + i, &edge, &count);
        if (rc < 0) {
            tsr_within("[%zu]", i);
            return rc;
        }
        if (count > AXIS_MAX - first)
            return tsr_fail(TSR_ELIMIT, "found more than %lld chunks along one axis",
                            (long long)AXIS_MAX);
        if (start < len || len == 0) g->shape[d] = tsr_max64(g->shape[d], edge);
        if (start < len) {
            int64_t used = tsr_min64(count, tsr_ceil_div(len - start, edge)), end;
            runs[g->nruns[d]++] = (struct tsr_run){.edge = edge, .first = first, .start = start};
            g->count[d] = first + used;
            if (!tsr_mul(used, edge, &end) || !tsr_add(start, end, &start)) start = INT64_MAX;
        }
        first += count;
    }
    if (start >= len) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "found edges that add up to %lld, expected at least %lld",
                    (long long)start, (long long)len);
}

static int axis_of(struct tsr_doc *d, struct tsr_zgrid *g, int axis, const struct tsr_node *n,
                   int64_t len)
{
    bool list = n->kind == TSR_NODE_LIST;
    struct tsr_run *runs = tsr_doc_alloc(d, list ? n->list.n : 1, sizeof *runs);
    if (!runs) return TSR_ENOMEM;
    g->shape[axis] = 1;
    g->count[axis] = 0;
    g->nruns[axis] = 0;
    if (list) return axis_of_runs(g, axis, n, len, runs);
    int rc = edge_of(n, &g->shape[axis]);
    *runs = (struct tsr_run){.edge = g->shape[axis]};
    g->runs[axis] = runs;
    g->nruns[axis] = 1;
    if (rc == TSR_OK) g->count[axis] = tsr_ceil_div(len, g->shape[axis]);
    return rc;
}

static int parse_rectilinear(struct tsr_doc *d, struct tsr_zgrid *g, const struct tsr_node *config,
                             const int64_t *shape)
{
    const struct tsr_node *kind = tsr_znode_get(config, "kind");
    const struct tsr_node *shapes = tsr_znode_get(config, "chunk_shapes");
    int rc = TSR_OK;
    if (!tsr_znode_is(kind, "inline")) {
        rc = tsr_znode_wrong(TSR_ECORRUPT, kind, "\"inline\"");
        tsr_within("kind");
        return rc;
    }
    if (!shapes || shapes->kind != TSR_NODE_LIST || shapes->list.n != (size_t)g->ndim)
        rc = tsr_znode_wrong(TSR_ECORRUPT, shapes, "a list with the edges of %d dimensions",
                             g->ndim);
    g->regular = false;
    for (int i = 0; rc == TSR_OK && i < g->ndim; i++) {
        rc = axis_of(d, g, i, shapes->list.v + i, shape[i]);
        if (rc < 0) tsr_within("[%d]", i);
    }
    if (rc < 0) tsr_within("chunk_shapes");
    return rc;
}

int tsr_zgrid_parse(struct tsr_doc *d, struct tsr_zgrid *g, const struct tsr_node *n,
                    const int64_t *shape)
{
    struct tsr_zext e;
    int rc = tsr_znode_ext(n, &e);
    if (rc < 0) return rc;
    if (strcmp(e.name, "rectilinear") == 0) return parse_rectilinear(d, g, e.config, shape);
    if (strcmp(e.name, "regular") != 0)
        return tsr_fail(TSR_EUNSUPPORTED, "name: found \"%.60s\", expected regular or rectilinear",
                        e.name);
    rc = tsr_zgrid_regular(g, tsr_znode_get(e.config, "chunk_shape"), shape);
    if (rc < 0) tsr_within("chunk_shape");
    return rc;
}

/* ---- use ---- */

int64_t tsr_zgrid_find(const struct tsr_zgrid *g, int d, int64_t at)
{
    if (g->regular) return at / g->shape[d];
    return tsr_run_find(g->runs[d], g->nruns[d], at);
}

void tsr_zgrid_chunk(const struct tsr_zgrid *g, int d, int64_t i, int64_t *start, int64_t *len)
{
    *len = g->shape[d];
    *start = g->regular ? i * g->shape[d] : tsr_run_side(g->runs[d], g->nruns[d], i, len);
}

void tsr_zgrid_give(const struct tsr_zgrid *g, struct tsr_grid *out)
{
    for (int d = 0; d < g->ndim; d++) {
        bool even = true;
        for (int64_t i = 1; !g->regular && i < g->nruns[d] && even; i++)
            even = g->runs[d][i].edge == g->runs[d][0].edge;
        out->chunk[d] = g->shape[d];
        out->run[d] = even ? NULL : g->runs[d];
        out->nruns[d] = even ? 0 : g->nruns[d];
    }
}
