/* SPDX-License-Identifier: BSD-3-Clause */
/* array/slice.c - a part of an array as a new array.
 *
 *   |  chunk  |  chunk  |  chunk  |  ch|     the part begins with a chunk: whole chunks in it, and
 *             [ stored  | stored  | st]      those at the array's edge, are taken as they are
 *             [ stored  | items]             stored, the items of others box by box
 *
 * That needs steps of one, and chunks that stay what they are: a dimension that is dropped must be
 * one item long in the chunks too.  Of any other part all items go box by box. */
#include "array/array.h"

struct cutting {
    struct tsr_copying c;
    const tsr_axis *axes;  /* [ndim of from] */
    bool coding;           /* steps are given, which may be the same */
    int ndim;              /* of the new array */
    int old[TSR_MAX_NDIM]; /* its dimensions in the old one */
    int64_t shape[TSR_MAX_NDIM], chunk[TSR_MAX_NDIM], block[TSR_MAX_NDIM];
    const char *names[TSR_MAX_NDIM]; /* of its dimensions, where the old one has some */
    int64_t first[TSR_MAX_NDIM], after[TSR_MAX_NDIM]; /* old chunks that are taken as stored */
};

/* ---- chunks as they are stored ---- */

static bool drops(const struct cutting *k)
{
    return k->ndim != k->c.from->d->grid.ndim;
}

static bool same_chunks(const struct cutting *k)
{
    const struct tsr_driver *from = k->c.from->d, *to = k->c.to->d;
    if (!drops(k)) return tsr_stored_fit(k->c.from, k->c.to, k->coding);
    if (!from->cparams || (k->coding && !tsr_cparams_alike(from->cparams, to->cparams)) ||
        from->format != to->format || !from->format->copy_chunks ||
        from->grid.item_bytes != to->grid.item_bytes || tsr_shape_matters(from->cparams))
        return false;
    for (int d = 0; d < from->grid.ndim; d++)
        if (k->axes[d].drop && from->grid.chunk[d] != 1) return false;
    for (int d = 0; d < k->ndim; d++)
        if (to->grid.chunk[d] != from->grid.chunk[k->old[d]] ||
            to->grid.block[d] != from->grid.block[k->old[d]])
            return false;
    return true;
}

/* Which chunks can be taken; false: none. */
static bool find_stored(struct cutting *k)
{
    const struct tsr_grid *g = &k->c.from->d->grid;
    if (!same_chunks(k)) return false;
    for (int d = 0; d < g->ndim; d++) {
        const tsr_axis *x = &k->axes[d];
        if (x->index || (x->step != 1 && x->count > 1) || x->start % g->chunk[d]) return false;
        int64_t end = x->start + x->count;
        k->first[d] = x->start / g->chunk[d];
        k->after[d] = end == g->shape[d] ? g->nchunk[d] : end / g->chunk[d];
        if (k->first[d] >= k->after[d]) return false;
    }
    return true;
}

static int64_t new_number(void *arg, int64_t i)
{
    const struct cutting *k = arg;
    const struct tsr_grid *g = &k->c.from->d->grid;
    int64_t at[TSR_MAX_NDIM], to[TSR_MAX_NDIM];
    tsr_grid_chunk_coords(g, i, at);
    for (int d = 0; d < g->ndim; d++)
        if (at[d] < k->first[d] || at[d] >= k->after[d]) return -1;
    for (int d = 0; d < k->ndim; d++) to[d] = at[k->old[d]] - k->first[k->old[d]];
    return tsr_grid_chunk_number(&k->c.to->d->grid, to);
}

static int went(void *arg, int64_t i)
{
    struct cutting *k = arg;
    (void)i;
    return tsr_copying_tell(&k->c, k->c.from->d->grid.chunk_bytes);
}

/* ---- the rest ---- */

/* What lies behind items done[] in some dimension: for each one the box that no one before had. */
static int copy_rest(struct cutting *k, const int64_t done[])
{
    int64_t at[TSR_MAX_NDIM] = {0}, count[TSR_MAX_NDIM];
    int rc = TSR_OK;
    memcpy(count, k->shape, sizeof count);
    for (int d = 0; d < k->ndim && rc == TSR_OK; d++) {
        at[d] = done[d];
        count[d] = k->shape[d] - done[d];
        rc = tsr_copy_items(&k->c, at, at, count);
        at[d] = 0;
        count[d] = done[d];
    }
    return rc;
}

static int cut_out(const tsr_array *a, void *arg)
{
    struct cutting *k = arg;
    struct tsr_chunk_moves moves = {new_number, went, k};
    static const int64_t origin[TSR_MAX_NDIM];
    int64_t done[TSR_MAX_NDIM];
    k->c.from = a;
    if (k->c.total == 0) return TSR_OK;
    if (!find_stored(k)) return tsr_copy_items(&k->c, origin, origin, k->shape);
    int rc = tsr_engine_copy_chunks(k->c.to, a, &moves);
    for (int d = 0; d < k->ndim; d++) {
        int64_t chunks = k->after[k->old[d]] - k->first[k->old[d]];
        done[d] = tsr_min64(chunks * a->d->grid.chunk[k->old[d]], k->shape[d]);
    }
    return rc < 0 ? rc : copy_rest(k, done);
}

/* ---- the call ---- */

/* The shape of the part.  Chunks stay what they are, but for those that are longer than it. */
static int take_axes(const tsr_array *a, struct cutting *k)
{
    const struct tsr_grid *g = &a->d->grid;
    struct tsr_selection sel;
    int rc = tsr_selection_axes(&sel, g, k->axes, NULL, NULL, false);
    if (rc < 0) return rc;
    tsr_selection_done(&sel);
    k->c.total = sel.nitems * g->item_bytes;
    for (int d = 0; d < g->ndim; d++) {
        int64_t n = k->axes[d].count, chunk = g->chunk[d];
        if (k->axes[d].drop) {
            if (n != 1)
                return tsr_fail(TSR_EARG, "axis %d: %lld items, one that is dropped has 1", d,
                                (long long)n);
            continue;
        }
        if (n && n < tsr_min64(chunk, g->shape[d])) chunk = n;
        k->old[k->ndim] = d;
        k->shape[k->ndim] = n;
        k->chunk[k->ndim] = chunk;
        k->block[k->ndim++] = tsr_min64(g->block[d], chunk);
    }
    return TSR_OK;
}

static void spec_of_part(const tsr_array *a, const tsr_spec *given, const struct tsr_format *to,
                         struct cutting *k, tsr_spec *s)
{
    const tsr_spec *was = tsr_array_spec(a);
    tsr_twin_spec(a, given, to, s);
    k->coding = s->steps != was->steps || s->split != was->split;
    if (s->chunks == was->chunks) s->chunks = k->chunk;
    if (s->blocks == was->blocks) s->blocks = k->block;
    for (int d = 0; was->names && d < k->ndim; d++) k->names[d] = was->names[k->old[d]];
    if (s->names && s->names == was->names) s->names = k->names;
    if (s->zarr == was->zarr) tsr_spec_without_edges(s);
    s->ndim = k->ndim;
    s->shape = k->shape;
}

int tsr_array_slice(const tsr_array *a, const tsr_axis *axes, const char *url, const tsr_spec *spec,
                    const tsr_options *opts, tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    struct cutting k = {.c = {.o = &o, .axes = axes}, .axes = axes};
    tsr_meta_value *metas;
    tsr_spec s;
    if (!a || !out || (!axes && a->d->grid.ndim))
        return tsr_fail(TSR_EARG, "slice: no %s", !a ? "array" : out ? "axes" : "place for it");
    int nmetas, rc = take_axes(a, &k);
    if (rc == TSR_OK) rc = tsr_twin_apart(a, url, &o);
    if (rc < 0) return rc;
    spec_of_part(a, spec, tsr_twin_format(a, url, &o), &k, &s);
    rc = tsr_metas_take(a, &metas, &nmetas);
    s.metas = metas;
    s.nmetas = nmetas;
    if (rc == TSR_OK) rc = tsr_array_create(url, &s, &o, &k.c.to);
    if (rc == TSR_OK) rc = tsr_follow_once(a, cut_out, &k);
    if (rc == TSR_OK) rc = tsr_vlmetas_copy(a, k.c.to);
    if (rc == TSR_OK) *out = k.c.to;
    else tsr_engine_drop(k.c.to); /* never flushed: nothing appears */
    tsr_metas_free(metas, metas ? nmetas : 0);
    return rc;
}
