/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/runs.c - axes whose chunks are not equally long.
 *
 * Runs are never expanded: what is asked of them is found by halving, so that memory and time
 * depend on how many there are, not on how many chunks. */
#include "grid/grid.h"

int64_t tsr_run_find(const struct tsr_run *run, int64_t n, int64_t at)
{
    int64_t low = 0, high = n - 1;
    while (low < high) { /* the last run that starts at or before at */
        int64_t mid = low + (high - low + 1) / 2;
        if (run[mid].start <= at) low = mid;
        else high = mid - 1;
    }
    return run[low].first + (at - run[low].start) / run[low].edge;
}

int64_t tsr_run_side(const struct tsr_run *run, int64_t n, int64_t c, int64_t *len)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        int64_t mid = low + (high - low + 1) / 2;
        if (run[mid].first <= c) low = mid;
        else high = mid - 1;
    }
    *len = run[low].edge;
    return run[low].start + (c - run[low].first) * run[low].edge;
}

void tsr_grid_cut(const struct tsr_grid *g, const int64_t coords[], int64_t block[],
                  int64_t nblock[])
{
    for (int d = 0; d < g->ndim; d++) block[d] = g->block[d], nblock[d] = g->nblock[d];
    for (int d = 0; g->uneven && d < g->ndim; d++) {
        int64_t len;
        if (!g->run[d]) continue;
        tsr_run_side(g->run[d], g->nruns[d], coords[d], &len);
        block[d] = tsr_min64(block[d], len);
        nblock[d] = tsr_ceil_div(len, block[d]);
    }
}

int64_t tsr_grid_bytes(const struct tsr_grid *g, const int64_t coords[])
{
    int64_t block[TSR_MAX_NDIM], nblock[TSR_MAX_NDIM], n = g->item_bytes, len;
    if (!g->uneven) return g->chunk_bytes;
    tsr_grid_cut(g, coords, block, nblock);
    for (int d = 0; d < g->ndim; d++) {
        tsr_grid_side(g, d, coords[d], &len);
        n *= g->padded ? nblock[d] * block[d] : len;
    }
    return n;
}
