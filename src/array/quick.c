/* SPDX-License-Identifier: BSD-3-Clause */
/* array/quick.c - reads of a few items that the cache answers alone.
 *
 * Block by block, on the calling thread, from the cache to the caller's memory: no worker, no
 * windows, no list of blocks.  The first block that is not kept ends the attempt, and the read
 * begins again the long way (read.c), which counts its hits itself; what was copied until then is
 * little. */
#include "array/array.h"
#include "array/cache.h"

enum { MOST_BYTES = 64 << 10 };

struct quick {
    const struct tsr_array *a;
    const struct tsr_selection *sel;
    int64_t chunk, size; /* as in tsr_block_id */
    int64_t block[TSR_MAX_NDIM], nblock[TSR_MAX_NDIM];
    uint64_t version;
    struct tsr_cell *cell; /* held; its release counts the hits of all, if none is missing */
    int hits;
};

static void let_go(struct quick *q, int hits)
{
    if (q->cell) tsr_cache_release(q->a->context->cache, q->cell, hits);
}

/* The block that w is at. */
static bool take_block(struct quick *q, const struct tsr_walk *w)
{
    const struct tsr_grid *g = &q->a->d->grid;
    struct block_box box;
    struct overlap o;
    int64_t n = 0;
    for (int d = 0; d < g->ndim; d++) {
        tsr_walk_block(w, d, &box.lo[d], &box.hi[d]);
        box.extent[d] = g->padded ? q->block[d] : box.hi[d] - box.lo[d];
        n = n * q->nblock[d] + w->at[d];
    }
    if (!tsr_overlap(q->a, q->sel, &box, &o)) return true;
    struct tsr_block_id id = tsr_cache_id(q->a->d, q->chunk, q->version, n, q->size);
    struct tsr_cell *cell = tsr_cache_find(q->a->context->cache, &id, o.blk);
    let_go(q, 0);
    q->cell = cell;
    if (!cell || cell->valid < (size_t)o.end) return false;
    tsr_overlap_scatter(q->a, q->sel, &o, cell->p);
    q->hits++;
    return true;
}

static bool take_chunk(struct quick *q, const int64_t coords[])
{
    const struct tsr_grid *g = &q->a->d->grid;
    struct tsr_walk w;
    q->chunk = tsr_grid_chunk_number(g, coords);
    q->version = q->a->d->format->version ? q->a->d->format->version(q->a->d, q->chunk) : 0;
    if (g->uneven) tsr_grid_cut(g, coords, q->block, q->nblock);
    tsr_walk_blocks(&w, g, q->sel, coords, q->block);
    while (!w.done) {
        if (!take_block(q, &w)) return false;
        tsr_walk_next(&w);
    }
    return true;
}

/* Blocks as the grid cuts them, or where chunks choose as the chunk read last was cut. */
static bool begin(struct quick *q)
{
    const struct tsr_driver *d = q->a->d;
    const struct tsr_grid *g = &d->grid;
    q->size = g->padded ? 0 : tsr_driver_block_size(d);
    for (int i = 0; i < g->ndim; i++) q->block[i] = g->block[i], q->nblock[i] = g->nblock[i];
    if (g->padded) return true;
    q->block[0] = q->size;
    if (q->size) q->nblock[0] = tsr_ceil_div(g->chunk[0], q->size);
    return q->size > 0;
}

bool tsr_quick_read(const struct tsr_array *a, const struct tsr_selection *sel,
                    struct tsr_seen *seen)
{
    struct quick q;
    struct tsr_walk w;
    bool all = true;
    seen->version = 0;
    if (sel->points || sel->nitems > MOST_BYTES / a->d->grid.item_bytes) return false;
    if (!tsr_cache_takes(a->context->cache, a->d, 0)) return false;
    q.a = a;
    q.sel = sel;
    q.cell = NULL;
    q.hits = 0;
    if (!begin(&q)) return false;
    for (tsr_walk_chunks(&w, &a->d->grid, sel); all && !w.done; tsr_walk_next(&w))
        all = take_chunk(&q, w.at);
    let_go(&q, all ? q.hits : 0);
    if (all) tsr_engine_count(a, 0, q.hits);
    else *seen = (struct tsr_seen){q.chunk, q.version};
    return all;
}
