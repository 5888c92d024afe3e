/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/ndcell.c - items of small cubes brought together: ndcell, and ndmean which also replaces
 * them by their mean (blosc2.md 5.6, 5.7).
 *
 *   block (C order):  a a b b      after:  a a a a | b b b b | c c | d d
 *                     a a b b
 *                     c c d d      cells in C order, cut at the edges, items in C order
 *
 * Cells are walked row by row: a row of a cell is contiguous on both sides. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "codec/codec.h"

extern const struct tsr_filter tsr_filter_ndcell, tsr_filter_ndmean;

enum { MAX_NDIM = 8, NDMEAN_MOST = 127 };

/* A walk over the cells of a block, and over the rows of one. */
struct cells {
    int ndim;
    size_t item;
    size_t shape[MAX_NDIM], side[MAX_NDIM], stride[MAX_NDIM]; /* stride in bytes */
    size_t origin[MAX_NDIM], count[MAX_NDIM], row[MAX_NDIM];  /* of this cell, of this row */
};

/* Fails with `status` when the geometry does not fit to len bytes.  ndmean's cells are smaller: its
 * side is a signed byte. */
static int cells_init(struct cells *w, const struct tsr_call *c, const char *name, size_t len,
                      int status)
{
    const struct tsr_block_facts *b = c->block;
    size_t bytes = (size_t)b->item_bytes;
    int most = strcmp(name, "ndmean") == 0 ? NDMEAN_MOST : UINT8_MAX;
    if (c->meta < 1 || c->meta > most)
        return tsr_fail(status, "%s: found cell side %d, expected 1 to %d", name, c->meta, most);
    if (b->ndim < 1 || b->ndim > MAX_NDIM || b->item_bytes < 1)
        return tsr_fail(status, "%s: block of %d dimensions, expected 1 to 8", name, b->ndim);
    *w = (struct cells){.ndim = b->ndim, .item = bytes};
    for (int d = b->ndim - 1; d >= 0; d--) {
        w->shape[d] = (size_t)b->shape[d];
        w->side[d] = tsr_minz((size_t)c->meta, w->shape[d]);
        w->stride[d] = bytes;
        if (b->shape[d] < 1 || !tsr_mul(bytes, w->shape[d], &bytes))
            return tsr_fail(status, "%s: block side %d", name, b->shape[d]);
    }
    if (bytes != len)
        return tsr_fail(status, "%s: found a block of %zu bytes, expected %zu", name, len, bytes);
    return TSR_OK;
}

/* Sets the cell's extent, which the edge may cut. */
static void cell_enter(struct cells *w)
{
    for (int d = 0; d < w->ndim; d++)
        w->count[d] = tsr_minz(w->side[d], w->shape[d] - w->origin[d]);
}

static bool next_cell(struct cells *w)
{
    for (int d = w->ndim - 1; d >= 0; d--) {
        w->origin[d] += w->side[d];
        if (w->origin[d] < w->shape[d]) return true;
        w->origin[d] = 0;
    }
    return false;
}

static bool next_row(struct cells *w)
{
    for (int d = w->ndim - 2; d >= 0; d--) {
        if (++w->row[d] < w->count[d]) return true;
        w->row[d] = 0;
    }
    return false;
}

/* Where the row lies in the block, and its length, both in bytes. */
static size_t row_at(const struct cells *w)
{
    size_t at = 0;
    for (int d = 0; d < w->ndim; d++) at += (w->origin[d] + w->row[d]) * w->stride[d];
    return at;
}

static size_t row_len(const struct cells *w)
{
    return w->count[w->ndim - 1] * w->item;
}

/* Copies the cell's items out of the block; how many bytes they are. */
static size_t gather(struct cells *w, const uint8_t *block, uint8_t *dst)
{
    size_t n = row_len(w), at = 0;
    do {
        memcpy(dst + at, block + row_at(w), n);
        at += n;
    } while (next_row(w));
    return at;
}

static int scatter_all(struct cells *w, const uint8_t *src, uint8_t *block)
{
    do {
        cell_enter(w);
        size_t n = row_len(w);
        do {
            memcpy(block + row_at(w), src, n);
            src += n;
        } while (next_row(w));
    } while (next_cell(w));
    return TSR_OK;
}

/* ---- ndcell ---- */

/* Readers other than this want the whole cell to be no larger than the block. */
static int ndcell_check(const struct tsr_call *c)
{
    const struct tsr_block_facts *b = c->block;
    double cell = 1, block = 1;
    if (c->meta < 1 || b->ndim < 1 || b->ndim > MAX_NDIM)
        return tsr_fail(TSR_EARG, "ndcell: cells of side %d in blocks of %d dimensions", c->meta,
                        b->ndim);
    for (int d = 0; d < b->ndim; d++) cell *= c->meta, block *= b->shape[d];
    if (cell <= block) return TSR_OK;
    return tsr_fail(TSR_EARG, "ndcell: cells of side %d have more items than a block", c->meta);
}

static int ndcell_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    struct cells w;
    int rc = cells_init(&w, c, "ndcell", len, TSR_EARG);
    if (rc < 0) return rc;
    do {
        cell_enter(&w);
        dst += gather(&w, src, dst);
    } while (next_cell(&w));
    return TSR_OK;
}

static int ndcell_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    struct cells w;
    int rc = cells_init(&w, c, "ndcell", len, TSR_ECORRUPT);
    return rc < 0 ? rc : scatter_all(&w, src, dst);
}

const struct tsr_filter tsr_filter_ndcell = {
    .name = "ndcell",
    .about = "arrays only: items of cubes of side meta together",
    .blosc2_id = 32,
    .params = (const struct tsr_param[]){{"meta", 1, 255, 4}, {NULL, 0, 0, 0}},
    .items = true,
    .shape = true,
    .check = ndcell_check,
    .encode = ndcell_encode,
    .decode = ndcell_decode,
};

/* ---- ndmean ---- */

/* c-blosc2 steps by the side along dimension 0 in all dimensions: where that is cut by the block
 * and another is not, it makes garbage (5.7). */
static int ndmean_check(const struct tsr_call *c)
{
    const struct tsr_block_facts *b = c->block;
    if (b->item_bytes != 4 && b->item_bytes != 8)
        return tsr_fail(TSR_EARG, "ndmean: items of %d bytes, expected floats of 4 or 8",
                        b->item_bytes);
    if (c->meta < 1 || c->meta > NDMEAN_MOST || b->ndim < 1 || b->ndim > MAX_NDIM)
        return tsr_fail(TSR_EARG, "ndmean: cells of side %d in blocks of %d dimensions", c->meta,
                        b->ndim);
    for (int d = 1; d < b->ndim; d++)
        if (b->shape[0] < c->meta && b->shape[d] > c->meta)
            return tsr_fail(TSR_EARG,
                            "ndmean: cells of side %d in blocks of %d along dimension 0: other "
                            "programs would garble them",
                            c->meta, b->shape[0]);
    return TSR_OK;
}

static void average4(uint8_t *p, size_t len)
{
    double sum = 0;
    size_t n = len / sizeof(float);
    float x;
    for (size_t i = 0; i < len; i += sizeof x) {
        memcpy(&x, p + i, sizeof x);
        sum += (double)x;
    }
    x = (float)(sum / (double)n);
    for (size_t i = 0; i < len; i += sizeof x) memcpy(p + i, &x, sizeof x);
}

static void average8(uint8_t *p, size_t len)
{
    double sum = 0, x;
    size_t n = len / sizeof x;
    for (size_t i = 0; i < len; i += sizeof x) {
        memcpy(&x, p + i, sizeof x);
        sum += x;
    }
    x = sum / (double)n;
    for (size_t i = 0; i < len; i += sizeof x) memcpy(p + i, &x, sizeof x);
}

static int ndmean_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    struct cells w;
    int rc = cells_init(&w, c, "ndmean", len, TSR_EARG);
    if (rc < 0) return rc;
    do {
        cell_enter(&w);
        size_t n = gather(&w, src, dst);
        if (w.item == 4) average4(dst, n);
        else average8(dst, n);
        dst += n;
    } while (next_cell(&w));
    return TSR_OK;
}

static int ndmean_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    struct cells w;
    int rc = cells_init(&w, c, "ndmean", len, TSR_ECORRUPT);
    return rc < 0 ? rc : scatter_all(&w, src, dst);
}

const struct tsr_filter tsr_filter_ndmean = {
    .name = "ndmean",
    .about = "lossy, arrays of floats only: cubes of side meta become their mean",
    .blosc2_id = 33,
    .params = (const struct tsr_param[]){{"meta", 1, NDMEAN_MOST, 4}, {NULL, 0, 0, 0}},
    .lossy = true,
    .floats = true,
    .items = true,
    .shape = true,
    .check = ndmean_check,
    .encode = ndmean_encode,
    .decode = ndmean_decode,
};
