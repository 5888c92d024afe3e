/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/diff_box.c - boxes in which two arrays of unlike blocks are read.
 *
 * A box of c items along a dimension meets, on average, (c + u - gcd(c, u)) / u blocks of u items,
 * and all of each is decoded: 1 - gcd(c, u) / c + u / c - ... times too much in that dimension, and
 * not at all where u divides c or the box is the whole of it.  From single items on, the one step
 * is taken again and again that saves most for the memory it takes. */
#include <math.h>

#include "ops/diff.h"

enum { SIZES = 48 };

/* How often each item along a dimension is decoded. */
static double times(int64_t box, int64_t unit, int64_t n)
{
    if (box >= n) return 1;
    return (double)(box + unit - tsr_gcd(box, unit)) / (double)box;
}

/* Bytes decoded for each item. */
static double cost(const struct tsr_grid *const g[2], const int64_t count[])
{
    double sum = 0;
    for (int k = 0; k < 2; k++) {
        double c = (double)g[k]->item_bytes;
        for (int d = 0; d < g[k]->ndim; d++) c *= times(count[d], g[k]->block[d], g[k]->shape[d]);
        sum += c;
    }
    return sum;
}

static int add_size(int64_t v[], int n, int64_t size, int64_t now, int64_t most)
{
    if (size > most) size = most;
    if (size > now && n < SIZES) v[n++] = size;
    return n;
}

/* Sizes along a dimension that may be worth something: multiples of one unit or of both. */
static int sizes_of(const struct tsr_grid *const g[2], int d, int64_t now, int64_t v[])
{
    int64_t n = g[0]->shape[d], both;
    int64_t unit[5] = {g[0]->block[d], g[1]->block[d], g[0]->chunk[d], g[1]->chunk[d], 0};
    int count = add_size(v, 0, n, now, n);
    if (tsr_mul(unit[0] / tsr_gcd(unit[0], unit[1]), unit[1], &both)) unit[4] = both;
    for (int k = 0; k < 5; k++)
        for (int64_t size = unit[k]; size > 0 && size < n; size *= 2) {
            count = add_size(v, count, size, now, n);
            if (size > n / 2) break;
        }
    return count;
}

static double box_bytes(const struct tsr_grid *const g[2], const int64_t count[])
{
    double bytes = (double)(g[0]->item_bytes + g[1]->item_bytes);
    for (int d = 0; d < g[0]->ndim; d++) bytes *= (double)count[d];
    return bytes;
}

/* The step that saves most bytes of decoding each time the box doubles; false: none saves. */
static bool best_step(const struct tsr_grid *const g[2], double most, int64_t count[])
{
    double now = cost(g, count), best = 0;
    int64_t v[SIZES], size = 0;
    int dim = 0;
    for (int d = 0; d < g[0]->ndim; d++) {
        int64_t was = count[d];
        int n = sizes_of(g, d, was, v);
        for (int i = 0; i < n; i++) {
            count[d] = v[i];
            double gain = log(now / cost(g, count)) / log((double)v[i] / (double)was);
            if (gain <= best || box_bytes(g, count) > most) continue;
            best = gain;
            dim = d;
            size = v[i];
        }
        count[d] = was;
    }
    if (size) count[dim] = size;
    return size;
}

/* Then as many such boxes side by side as there is room for: fewer reads, and work for all
 * threads. */
static void widen(const struct tsr_grid *const g[2], double most, int64_t count[])
{
    for (int d = g[0]->ndim - 1; d >= 0; d--) {
        int64_t was = count[d], n = g[0]->shape[d];
        double room = most / box_bytes(g, count);
        if (room < 2 || was >= n) continue;
        count[d] = room * (double)was >= (double)n ? n : (int64_t)room * was;
    }
}

void tsr_diff_box(const struct tsr_grid *a, const struct tsr_grid *b, int64_t most, int64_t count[])
{
    const struct tsr_grid *const g[2] = {a, b};
    for (int d = 0; d < a->ndim; d++) count[d] = 1;
    while (best_step(g, (double)most, count)) continue;
    widen(g, (double)most, count);
}
