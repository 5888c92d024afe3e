/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/grid.h - integer geometry: which chunks and blocks meet a selection.  No I/O.
 *
 * An array is cut in chunks, a chunk in blocks.  A padded grid (Blosc2) stores every chunk
 * with whole blocks and every block whole, also beyond the array's edge; a clipped one stops
 * at the edge.
 *
 * Chunks of an axis are equally long, or come in runs of equally long ones (runs.c):
 *
 *   |   4   |   4   | 1|  3  |  3 :..|      runs (edge 4, first 0, start 0) (1, 2, 8) (3, 3, 9)
 *
 * chunk is the longest of them then.  A chunk keeps its length where it reaches beyond the
 * shape. */
#ifndef TSR_GRID_GRID_H
#define TSR_GRID_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/num.h"
#include "base/status.h"

/* The length of each chunk; number and place of the first. */
struct tsr_run {
    int64_t edge, first, start;
};

struct tsr_grid {
    int ndim;
    int64_t item_bytes;
    bool padded;
    int64_t shape[TSR_MAX_NDIM], chunk[TSR_MAX_NDIM], block[TSR_MAX_NDIM]; /* items */
    int64_t nchunk[TSR_MAX_NDIM]; /* chunks along each dimension */
    int64_t nblock[TSR_MAX_NDIM]; /* blocks of a whole chunk along each dimension */
    int64_t nchunks, nblocks;     /* their products */
    int64_t block_bytes;          /* of a whole block */
    int64_t chunk_bytes;          /* of a whole chunk as stored: nblocks * block_bytes (padded) */
    /* [nruns], ascending, the driver's; NULL: chunks are equally long.  Blocks are as long as block
     * says or, in a shorter chunk, as that; all above is of the longest chunks then. */
    const struct tsr_run *run[TSR_MAX_NDIM];
    int64_t nruns[TSR_MAX_NDIM];
    bool uneven; /* some axis has runs */
};

/* Derives everything from ndim, item_bytes, padded, shape, chunk, block and the runs, which
 * begin inside the shape and reach its end together.  Zero-size arrays may have zeros in chunk
 * and block.  ECORRUPT when a size is negative, 0 where it must not be, or a product overflows;
 * ELIMIT when a chunk is larger than max_chunk_bytes. */
int tsr_grid_derive(struct tsr_grid *g, uint64_t max_chunk_bytes);
/* Fails with this code because of the lengths of dimension d. */
int tsr_grid_refuse(int code, const struct tsr_grid *g, int d);

/* Chunk and block shapes for an array nobody gave shapes for: blocks of about 64 KiB, chunks
 * of about 4 MiB made of whole blocks, both as cubic as the array allows.  A shape
 * that is given (have_chunk, have_block) is kept and the other fitted to it. */
void tsr_grid_auto(struct tsr_grid *g, bool have_chunk, bool have_block);

void tsr_grid_chunk_coords(const struct tsr_grid *g, int64_t chunk, int64_t coords[]);
int64_t tsr_grid_chunk_number(const struct tsr_grid *g, const int64_t coords[]);

/* Of an axis with runs: the chunk that holds item `at`; where chunk c begins, and its length. */
int64_t tsr_run_find(const struct tsr_run *run, int64_t n, int64_t at);
int64_t tsr_run_side(const struct tsr_run *run, int64_t n, int64_t c, int64_t *len);

/* The same of any axis. */
static inline int64_t tsr_grid_find(const struct tsr_grid *g, int d, int64_t at)
{
    return g->run[d] ? tsr_run_find(g->run[d], g->nruns[d], at) : at / g->chunk[d];
}
static inline int64_t tsr_grid_side(const struct tsr_grid *g, int d, int64_t c, int64_t *len)
{
    if (g->run[d]) return tsr_run_side(g->run[d], g->nruns[d], c, len);
    *len = g->chunk[d];
    return c * g->chunk[d];
}
/* The blocks of the chunk at coords: their shape, and how many there are along each dimension.
 * What it comes to as it is stored, in bytes; chunk_bytes is that of the largest. */
void tsr_grid_cut(const struct tsr_grid *g, const int64_t coords[], int64_t block[],
                  int64_t nblock[]);
int64_t tsr_grid_bytes(const struct tsr_grid *g, const int64_t coords[]);

/* A box in the array: items start .. start+count-1 in each dimension. */
struct tsr_box {
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM];
};

/* Single items (points.c), in the order of chunks and, in a chunk, of blocks: an item's key is its
 * place if all items were stored in a row, padding included. */
struct tsr_points {
    int64_t n, chunk_items; /* items of a chunk in that row */
    int64_t *key;           /* [n], ascending; equal ones in the order they were given */
    int64_t *pos;           /* [n] which of the given ones it is */
};

/* Which items, and where they lie in the caller's memory.  One of three: a box with positive
 * steps; the same where some dimensions have a list of indices instead; points. */
struct tsr_selection {
    int ndim;
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], step[TSR_MAX_NDIM];
    int64_t stride[TSR_MAX_NDIM]; /* bytes between neighbours in memory; may be negative */
    uint8_t *base;                /* the item of indices 0 */
    int64_t nitems;
    /* [count], ascending; NULL: start + i * step.  pos[i] is i's place in memory, in strides. */
    int64_t *index[TSR_MAX_NDIM], *pos[TSR_MAX_NDIM];
    const struct tsr_points *points; /* not NULL: nothing above but base and stride[0] matters */
    struct tsr_heap *heap; /* of items of variable length: what holds their bytes (array/heap.h) */
};

/* Checks a public slice against the shape and lays it out over memory at base, in C order or by
 * stride[ndim].  Negative steps become positive ones with negative strides.  EARG names the
 * dimension. */
int tsr_selection_init(struct tsr_selection *s, const struct tsr_grid *g, const tsr_slice *slice,
                       const void *base);
int tsr_selection_strided(struct tsr_selection *s, const struct tsr_grid *g, const tsr_slice *slice,
                          const void *base, const int64_t *stride);

/* The same of axes[ndim] (lists.c), of which lists are copied in order; last: of an index that is
 * there more than once only the last stays, so that writing is in order too. */
int tsr_selection_axes(struct tsr_selection *s, const struct tsr_grid *g, const tsr_axis *axes,
                       const void *base, const int64_t *stride, bool last);
/* Frees the lists. */
void tsr_selection_done(struct tsr_selection *s);

/* The n points at coords[n][ndim], sorted.  EARG names one that is outside. */
int tsr_points_init(struct tsr_points *p, const struct tsr_grid *g, int64_t n,
                    const int64_t *coords);
void tsr_points_done(struct tsr_points *p);
/* Of the points from number `from` on the first whose key is at least that. */
int64_t tsr_points_find(const struct tsr_points *p, int64_t from, int64_t key);
/* The key of the item at coords, and back. */
int64_t tsr_point_key(const struct tsr_points *p, const struct tsr_grid *g, const int64_t coords[]);
void tsr_point_coords(const struct tsr_points *p, const struct tsr_grid *g, int64_t key,
                      int64_t coords[]);

/* order[n] becomes 0 .. n-1 such that key[order[i]] ascends, equal keys in the order they had.
 * Keys are at least 0.  ENOMEM. */
int tsr_order(const int64_t *key, int64_t n, int64_t *order);

/* The first of v[n], ascending, that is at least x. */
static inline int64_t tsr_lower_bound(const int64_t *v, int64_t n, int64_t x)
{
    int64_t lo = 0;
    while (lo < n) {
        int64_t mid = lo + (n - lo) / 2;
        if (v[mid] < x) lo = mid + 1;
        else n = mid;
    }
    return lo;
}

/* Item i of dimension d. */
static inline int64_t tsr_selection_at(const struct tsr_selection *s, int d, int64_t i)
{
    return s->index[d] ? s->index[d][i] : s->start[d] + i * s->step[d];
}

/* Indices of dimension d that fall on items [lo, hi): *first and the count returned. */
static inline int64_t tsr_selection_within(const struct tsr_selection *s, int d, int64_t lo,
                                           int64_t hi, int64_t *first)
{
    int64_t i0 = 0, i1 = s->count[d], step = s->step[d];
    if (s->index[d]) {
        *first = tsr_lower_bound(s->index[d], i1, lo);
        return tsr_lower_bound(s->index[d], i1, hi) - *first;
    }
    if (lo > s->start[d]) i0 = step == 1 ? lo - s->start[d] : tsr_ceil_div(lo - s->start[d], step);
    if (hi <= s->start[d]) return 0;
    int64_t end = step == 1 ? hi - s->start[d] : (hi - 1 - s->start[d]) / step + 1;
    if (end < i1) i1 = end;
    *first = i0;
    return i1 > i0 ? i1 - i0 : 0;
}

/* Walks the chunks (or the blocks of a chunk) that hold at least one selected item, in C
 * order.  Cost: per cell visited, never per cell of the grid. */
struct tsr_walk {
    int ndim;
    bool done;
    int64_t lo[TSR_MAX_NDIM], hi[TSR_MAX_NDIM];       /* cells [lo, hi] that can be touched */
    int64_t at[TSR_MAX_NDIM];                         /* the current cell */
    int64_t cell[TSR_MAX_NDIM], origin[TSR_MAX_NDIM]; /* cell size; array index of cell 0 */
    int64_t end[TSR_MAX_NDIM];                        /* array index where the last cell is cut */
    const struct tsr_grid *uneven; /* of chunks that its runs place, where it has any; else NULL */
    const struct tsr_selection *sel;
    /* of points: the current cell's first, the number behind its last and behind the last of all;
     * where the row of cells begins and how many keys a cell has */
    int64_t point, point_end, last_point, key, cell_keys;
    int64_t ncell[TSR_MAX_NDIM]; /* cells of the row along each dimension */
};
void tsr_walk_chunks(struct tsr_walk *w, const struct tsr_grid *g, const struct tsr_selection *s);
/* Blocks of the chunk at coords; block: the block shape to use. */
void tsr_walk_blocks(struct tsr_walk *w, const struct tsr_grid *g, const struct tsr_selection *s,
                     const int64_t chunk_coords[], const int64_t block[]);
/* Items of the current block along d, or of the current chunk: [*lo, *hi). */
static inline void tsr_walk_block(const struct tsr_walk *w, int d, int64_t *lo, int64_t *hi)
{
    *lo = w->origin[d] + w->at[d] * w->cell[d];
    *hi = tsr_min64(*lo + w->cell[d], w->end[d]);
}
static inline void tsr_walk_chunk(const struct tsr_walk *w, int d, int64_t *lo, int64_t *hi)
{
    int64_t len;
    tsr_walk_block(w, d, lo, hi);
    if (!w->uneven) return;
    *lo = tsr_grid_side(w->uneven, d, w->at[d], &len);
    *hi = tsr_min64(*lo + len, w->end[d]);
}
/* Moves on; w->done says there is no more. */
void tsr_walk_next(struct tsr_walk *w);
/* Moves a walk over chunks on to the first cell that is not before chunk number n, which is past
 * the current one. */
void tsr_walk_seek(struct tsr_walk *w, const struct tsr_grid *g, int64_t n);

/* The part of the array that chunk coords covers, cut at the array's edge. */
void tsr_grid_chunk_box(const struct tsr_grid *g, const int64_t coords[], struct tsr_box *box);

/* True when every item of box is selected (all steps 1); never of points. */
bool tsr_selection_covers(const struct tsr_selection *s, const struct tsr_box *box);

#endif
