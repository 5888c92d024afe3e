/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/grid.c - deriving grids, numbering chunks, choosing shapes. */
#include "grid/grid.h"

/* The last condition keeps start + chunk + block of any cell inside 64 bits. */
static const int64_t shape_most = INT64_MAX / 2, chunk_most = INT32_MAX * INT64_C(4);

static bool are_lengths(int64_t s, int64_t c, int64_t b)
{
    return s >= 0 && c >= 0 && b >= 0 && (s == 0 || (c > 0 && b > 0)) && c <= chunk_most &&
           b <= chunk_most && s <= shape_most;
}

int tsr_grid_refuse(int code, const struct tsr_grid *g, int d)
{
    return tsr_fail(code,
                    "dimension %d: found shape %lld, chunk %lld, block %lld, expected a shape of "
                    "0 to %lld, chunk and block of 1 to %lld",
                    d, (long long)g->shape[d], (long long)g->chunk[d], (long long)g->block[d],
                    (long long)shape_most, (long long)chunk_most);
}

int tsr_grid_derive(struct tsr_grid *g, uint64_t max_chunk_bytes)
{
    int64_t ext[TSR_MAX_NDIM], items;
    bool empty = g->uneven = false;
    if (g->ndim < 0 || g->ndim > TSR_MAX_NDIM)
        return tsr_fail(TSR_ECORRUPT, "ndim: found %d, expected 0..%d", g->ndim, TSR_MAX_NDIM);
    if (g->item_bytes <= 0)
        return tsr_fail(TSR_ECORRUPT, "item size: found %lld, expected at least 1",
                        (long long)g->item_bytes);
    for (int d = 0; d < g->ndim; d++) {
        int64_t s = g->shape[d], c = g->chunk[d], b = g->block[d];
        if (!are_lengths(s, c, b)) return tsr_grid_refuse(TSR_ECORRUPT, g, d);
        empty |= s == 0;
        g->uneven |= g->run[d] != NULL;
        g->nchunk[d] = s == 0 ? 0 : tsr_grid_find(g, d, s - 1) + 1;
        g->nblock[d] = c == 0 || b == 0 ? 0 : tsr_ceil_div(c, b);
        ext[d] = c;
        if (g->padded && b && !tsr_mul(g->nblock[d], b, &ext[d]))
            return tsr_fail(TSR_ECORRUPT, "dimension %d: chunk %lld overflows", d, (long long)c);
    }
    bool ok = tsr_product(g->shape, g->ndim, &items) && tsr_mul(items, g->item_bytes, &items);
    ok = ok && tsr_product(g->nchunk, g->ndim, &g->nchunks);
    ok = ok && tsr_product(g->nblock, g->ndim, &g->nblocks);
    ok = ok && tsr_product(g->block, g->ndim, &g->block_bytes) &&
         tsr_mul(g->block_bytes, g->item_bytes, &g->block_bytes);
    ok = ok && tsr_product(ext, g->ndim, &g->chunk_bytes) &&
         tsr_mul(g->chunk_bytes, g->item_bytes, &g->chunk_bytes);
    if (!ok) return tsr_fail(TSR_ECORRUPT, "shape: the size of the array overflows 64 bits");
    if (!empty && (uint64_t)g->chunk_bytes > max_chunk_bytes)
        return tsr_fail(TSR_ELIMIT, "chunk of %lld bytes, the limit is %llu",
                        (long long)g->chunk_bytes, (unsigned long long)max_chunk_bytes);
    return TSR_OK;
}

void tsr_grid_chunk_coords(const struct tsr_grid *g, int64_t chunk, int64_t coords[])
{
    for (int d = g->ndim - 1; d >= 0; d--) {
        int64_t n = g->nchunk[d];
        coords[d] = chunk % n;
        chunk /= n;
    }
}

int64_t tsr_grid_chunk_number(const struct tsr_grid *g, const int64_t coords[])
{
    int64_t n = 0;
    for (int d = 0; d < g->ndim; d++) n = n * g->nchunk[d] + coords[d];
    return n;
}

void tsr_grid_chunk_box(const struct tsr_grid *g, const int64_t coords[], struct tsr_box *box)
{
    for (int d = 0; d < g->ndim; d++) {
        box->start[d] = coords[d] * g->chunk[d];
        box->count[d] = tsr_min64(g->chunk[d], g->shape[d] - box->start[d]);
    }
    for (int d = 0; g->uneven && d < g->ndim; d++) {
        int64_t len;
        box->start[d] = tsr_grid_side(g, d, coords[d], &len);
        box->count[d] = tsr_min64(len, g->shape[d] - box->start[d]);
    }
}

/* Halves the longest side (in units of `unit`) until the box holds at most `bytes`.  Powers of
 * two of the unit keep the result deterministic and the sides within a factor of two. */
static void fit(int ndim, int64_t side[], const int64_t unit[], int64_t item_bytes, int64_t bytes)
{
    for (;;) {
        int64_t items, longest = -1, best = 0;
        bool fits = tsr_product(side, ndim, &items) && tsr_mul(items, item_bytes, &items);
        if (fits && items <= bytes) return;
        for (int d = 0; d < ndim; d++)
            if (side[d] > unit[d] && side[d] > best) best = side[d], longest = d;
        if (longest < 0) return;
        int64_t u = unit[longest], half = tsr_ceil_div(side[longest], 2);
        side[longest] = tsr_max64(u, tsr_ceil_div(half, u) * u);
        if (side[longest] == best) side[longest] = u; /* rounding up to units gained nothing */
    }
}

void tsr_grid_auto(struct tsr_grid *g, bool have_chunk, bool have_block)
{
    /* LONGEST: far above any chunk, and no rounding up of it overflows */
    enum { BLOCK_BYTES = 64 * 1024, CHUNK_BYTES = 4 * 1024 * 1024, LONGEST = 1 << 30 };
    int64_t one[TSR_MAX_NDIM] = {0};
    for (int d = 0; d < g->ndim; d++) {
        one[d] = 1;
        /* a side of no items yet will grow: taken as long as a side may reasonably be */
        int64_t side = g->shape[d] ? tsr_min64(g->shape[d], LONGEST) : 1024;
        if (!have_block) g->block[d] = have_chunk ? g->chunk[d] : side;
        if (!have_chunk) g->chunk[d] = side;
    }
    if (!have_block) fit(g->ndim, g->block, one, g->item_bytes, BLOCK_BYTES);
    if (have_chunk) return;
    for (int d = 0; d < g->ndim; d++) {
        int64_t b = tsr_max64(g->block[d], 1);
        g->chunk[d] = tsr_ceil_div(g->chunk[d], b) * b;
        one[d] = b;
    }
    fit(g->ndim, g->chunk, one, g->item_bytes, CHUNK_BYTES);
    /* a chunk that covers a whole side need not reach past it: the blocks are padded anyway */
    for (int d = 0; d < g->ndim; d++)
        if (g->chunk[d] > g->shape[d] && g->shape[d] > 0) g->chunk[d] = g->shape[d];
}
