/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_block.h - the cells of a block and their items, for zfp_decode.c and zfp_encode.c. */
#ifndef TSR_CODEC_ZFP_BLOCK_H
#define TSR_CODEC_ZFP_BLOCK_H

#include <stdbool.h>
#include <string.h>

#include "codec/zfp.h"

/* Cells are coded in batches of so many items: enough for the widest kernel, while their bits and
 * numbers fit the first cache. */
enum { TSR_ZFP_BATCH = 1024, TSR_ZFP_MAX_CELLS = TSR_ZFP_BATCH / TSR_ZFP_CELL };

/* The exponent of a cell that is all zeros. */
enum { TSR_ZFP_EMPTY = INT32_MIN };

struct tsr_zfp_batch {
    size_t n; /* cells */
    int exps[TSR_ZFP_MAX_CELLS];
    uint8_t *rows;    /* bits: a row of all cells for each plane, the lowest plane first */
    uint8_t *numbers; /* the same bits as negabinary numbers, 4^ndim of each cell */
};

/* Of the two arrays of a batch. */
static inline size_t tsr_zfp_batch_room(const struct tsr_zfp *z)
{
    return 2 * TSR_ZFP_BATCH * (size_t)z->item_bytes;
}

/* How many cells a batch may have. */
static inline size_t tsr_zfp_batch_init(struct tsr_zfp_batch *b, const struct tsr_zfp *z,
                                        uint8_t *room)
{
    b->n = 0;
    b->rows = room;
    b->numbers = room + TSR_ZFP_BATCH * (size_t)z->item_bytes;
    return (size_t)TSR_ZFP_BATCH >> 2 * z->ndim;
}

/* Its items, and those that fill up a byte of a row: the kernels' unit. */
static inline size_t tsr_zfp_batch_items(const struct tsr_zfp_batch *b, const struct tsr_zfp *z)
{
    return ((b->n << 2 * z->ndim) + 7) / 8 * 8;
}

/* Of ndim - 1: where the i-th coefficient of a cell has its place, coordinates in base 4, the
 * fastest lowest.  They are sorted by their sums, then by the sums of their squares. */
extern const uint8_t *const tsr_zfp_orders[];

/* Where a cell lies in the block. */
struct tsr_zfp_place {
    const struct tsr_zfp *z;
    size_t at[TSR_ZFP_MAX_NDIM];   /* its first item */
    size_t step[TSR_ZFP_MAX_NDIM]; /* bytes from item to item */
};

static inline void tsr_zfp_place_init(struct tsr_zfp_place *p, const struct tsr_zfp *z)
{
    *p = (struct tsr_zfp_place){.z = z};
    size_t step = (size_t)z->item_bytes;
    for (int d = 0; d < TSR_ZFP_MAX_NDIM; d++) {
        p->step[d] = step;
        step *= z->side[d];
    }
}

static inline void tsr_zfp_place_next(struct tsr_zfp_place *p)
{
    for (int d = 0; d < p->z->ndim; d++) {
        if ((p->at[d] += TSR_ZFP_CELL) < p->z->side[d]) return;
        p->at[d] = 0;
    }
}

/* The cell's first byte; how many items of it the block has along each side. */
static inline size_t tsr_zfp_place_find(const struct tsr_zfp_place *p, size_t *n)
{
    size_t off = 0;
    for (int d = 0; d < TSR_ZFP_MAX_NDIM; d++) {
        size_t left = p->z->side[d] - p->at[d];
        n[d] = left < TSR_ZFP_CELL ? left : TSR_ZFP_CELL;
        off += p->at[d] * p->step[d];
    }
    return off;
}

/* What the block has of the cell at p, whose rows are `row` bytes. */
static inline __attribute__((always_inline)) void tsr_zfp_place_put(const struct tsr_zfp_place *p,
                                                                    const uint8_t *cell, size_t row,
                                                                    uint8_t *dst)
{
    size_t n[TSR_ZFP_MAX_NDIM];
    dst += tsr_zfp_place_find(p, n);
    bool whole = n[0] == TSR_ZFP_CELL;
    size_t len = n[0] * p->step[0];
    for (size_t w = 0; w < n[3]; w++)
        for (size_t z = 0; z < n[2]; z++)
            for (size_t y = 0; y < n[1]; y++) {
                uint8_t *to = dst + y * p->step[1] + z * p->step[2] + w * p->step[3];
                const uint8_t *from = cell + (y + 4 * z + 16 * w) * row;
                if (whole) memcpy(to, from, row);
                else memcpy(to, from, len);
            }
}

/* The cell at p.  Where it is over the edge it goes on with what it has: of 1 item x that is xxxx,
 * of 2 xyyx, of 3 xyzx. */
static inline __attribute__((always_inline)) void tsr_zfp_place_get(const struct tsr_zfp_place *p,
                                                                    uint8_t *cell, size_t item,
                                                                    const uint8_t *src)
{
    static const uint8_t from[4][4] = {{0, 0, 0, 0}, {0, 1, 1, 0}, {0, 1, 2, 0}, {0, 1, 2, 3}};
    size_t n[TSR_ZFP_MAX_NDIM], sides[TSR_ZFP_MAX_NDIM];
    src += tsr_zfp_place_find(p, n);
    for (int d = 0; d < TSR_ZFP_MAX_NDIM; d++) sides[d] = d < p->z->ndim ? TSR_ZFP_CELL : 1;
    bool whole = n[0] == TSR_ZFP_CELL;
    for (size_t w = 0; w < sides[3]; w++)
        for (size_t z = 0; z < sides[2]; z++)
            for (size_t y = 0; y < sides[1]; y++, cell += 4 * item) {
                const uint8_t *row = src + from[n[1] - 1][y] * p->step[1] +
                                     from[n[2] - 1][z] * p->step[2] +
                                     from[n[3] - 1][w] * p->step[3];
                if (whole) memcpy(cell, row, 4 * item);
                else
                    for (size_t x = 0; x < 4; x++)
                        memcpy(cell + x * item, row + from[n[0] - 1][x] * item, item);
            }
}

#endif
