/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/grid.h - integer geometry: which chunks and blocks meet a selection.  No I/O.
 *
 * An array is cut in chunks, a chunk in blocks.  A padded grid (Blosc2) stores every chunk
 * with whole blocks and every block whole, also beyond the array's edge; a clipped one stops
 * at the edge. */
#ifndef TSR_GRID_GRID_H
#define TSR_GRID_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/num.h"
#include "base/status.h"

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
};

/* Derives everything from ndim, item_bytes, padded, shape, chunk and block.  Zero-size arrays
 * may have zeros in chunk and block.  ECORRUPT when a size is negative, 0 where it must not
 * be, or a product overflows; ELIMIT when a chunk is larger than max_chunk_bytes. */
int tsr_grid_derive(struct tsr_grid *g, uint64_t max_chunk_bytes);

/* Chunk and block shapes for an array nobody gave shapes for: blocks of about 64 KiB, chunks
 * of about 4 MiB made of whole blocks, both as cubic as the array allows.  A shape
 * that is given (have_chunk, have_block) is kept and the other fitted to it. */
void tsr_grid_auto(struct tsr_grid *g, bool have_chunk, bool have_block);

void tsr_grid_chunk_coords(const struct tsr_grid *g, int64_t chunk, int64_t coords[]);
int64_t tsr_grid_chunk_number(const struct tsr_grid *g, const int64_t coords[]);

/* A box in the array: items start .. start+count-1 in each dimension. */
struct tsr_box {
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM];
};

/* A selection with positive steps, and where its items lie in the caller's memory. */
struct tsr_selection {
    int ndim;
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], step[TSR_MAX_NDIM];
    int64_t stride[TSR_MAX_NDIM]; /* bytes between neighbours in memory; may be negative */
    uint8_t *base;                /* the item of indices 0 */
    int64_t nitems;
};

/* Checks a public slice against the shape and lays it out over memory in C order at base.
 * Negative steps become positive ones with negative strides.  EARG names the dimension. */
int tsr_selection_init(struct tsr_selection *s, const struct tsr_grid *g, const tsr_slice *slice,
                       const void *base);

/* Indices of dimension d that fall on items [lo, hi): *first and the count returned. */
static inline int64_t tsr_selection_within(const struct tsr_selection *s, int d, int64_t lo,
                                           int64_t hi, int64_t *first)
{
    int64_t i0 = 0, i1 = s->count[d], step = s->step[d];
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
    const struct tsr_selection *sel;
};
void tsr_walk_chunks(struct tsr_walk *w, const struct tsr_grid *g, const struct tsr_selection *s);
/* Blocks of the chunk at coords; block: the block shape to use. */
void tsr_walk_blocks(struct tsr_walk *w, const struct tsr_grid *g, const struct tsr_selection *s,
                     const int64_t chunk_coords[], const int64_t block[]);
/* Items of the current cell along d: [*lo, *hi). */
static inline void tsr_walk_cell(const struct tsr_walk *w, int d, int64_t *lo, int64_t *hi)
{
    *lo = w->origin[d] + w->at[d] * w->cell[d];
    *hi = tsr_min64(*lo + w->cell[d], w->end[d]);
}
/* Moves on; w->done says there is no more. */
void tsr_walk_next(struct tsr_walk *w);
/* Moves a walk over chunks on to the first cell that is not before chunk number n, which is past
 * the current one. */
void tsr_walk_seek(struct tsr_walk *w, const struct tsr_grid *g, int64_t n);

/* The part of the array that chunk coords covers, cut at the array's edge. */
void tsr_grid_chunk_box(const struct tsr_grid *g, const int64_t coords[], struct tsr_box *box);

/* True when every item of box is selected (all steps 1). */
bool tsr_selection_covers(const struct tsr_selection *s, const struct tsr_box *box);

#endif
