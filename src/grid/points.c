/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/points.c - single items in the order in which an array stores them.
 *
 *   key = chunk number * chunk_items + block number * items of a block + place in the block
 *
 * where a chunk is taken to be made of whole blocks.  In one dimension that is the index, in
 * whatever blocks a chunk is cut.  The items of a chunk, and those of a block, are then
 * neighbours, found by halving.  Where chunks are not equally long each is taken to begin as far on
 * as if all before it were as long as the longest. */
#include "grid/grid.h"

#include "base/mem.h"

/* ---- sorting: stable, by digits, as many as the largest key has ---- */

enum { DIGIT = 11, DIGITS = 1 << DIGIT };

static void sort_digit(const int64_t *key, int64_t n, int shift, const int64_t *from, int64_t *to)
{
    int64_t at[DIGITS] = {0}, sum = 0;
    for (int64_t i = 0; i < n; i++) at[(key[i] >> shift) & (DIGITS - 1)]++;
    for (int k = 0; k < DIGITS; k++) {
        int64_t m = at[k];
        at[k] = sum;
        sum += m;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t o = from ? from[i] : i;
        to[at[(key[o] >> shift) & (DIGITS - 1)]++] = o;
    }
}

int tsr_order(const int64_t *key, int64_t n, int64_t *order)
{
    int64_t most = 0, *other;
    bool sorted = true;
    for (int64_t i = 0; i < n; i++) {
        if (i && key[i] < key[i - 1]) sorted = false;
        most = tsr_max64(most, key[i]);
        order[i] = i;
    }
    if (sorted) return TSR_OK;
    if (!(other = tsr_alloc_array((size_t)n, sizeof *other))) return TSR_ENOMEM;
    int64_t *from = order, *to = other;
    for (int shift = 0; shift < 63 && most >> shift; shift += DIGIT) {
        sort_digit(key, n, shift, from, to);
        int64_t *t = from;
        from = to;
        to = t;
    }
    if (from != order) memcpy(order, from, (size_t)n * sizeof *order);
    tsr_free(other);
    return TSR_OK;
}

/* ---- keys ---- */

/* In a grid of equal chunks. */
static inline int64_t even_key(const struct tsr_points *p, const struct tsr_grid *g,
                               const int64_t coords[])
{
    int64_t chunk = 0, block = 0, item = 0, block_items = 1;
    for (int d = 0; d < g->ndim; d++) {
        int64_t c = coords[d] / g->chunk[d], in = coords[d] - c * g->chunk[d];
        int64_t b = in / g->block[d];
        chunk = chunk * g->nchunk[d] + c;
        block = block * g->nblock[d] + b;
        item = item * g->block[d] + (in - b * g->block[d]);
        block_items *= g->block[d];
    }
    return chunk * p->chunk_items + block * block_items + item;
}

int64_t tsr_point_key(const struct tsr_points *p, const struct tsr_grid *g, const int64_t coords[])
{
    int64_t even[TSR_MAX_NDIM], len;
    if (!g->uneven) return even_key(p, g, coords);
    for (int d = 0; d < g->ndim; d++) {
        int64_t c = tsr_grid_find(g, d, coords[d]);
        even[d] = c * g->chunk[d] + coords[d] - tsr_grid_side(g, d, c, &len);
    }
    return even_key(p, g, even);
}

void tsr_point_coords(const struct tsr_points *p, const struct tsr_grid *g, int64_t key,
                      int64_t coords[])
{
    int64_t chunk = key / p->chunk_items, in = key % p->chunk_items, block_items = 1;
    for (int d = 0; d < g->ndim; d++) block_items *= g->block[d];
    int64_t block = in / block_items, item = in % block_items;
    for (int d = g->ndim - 1; d >= 0; d--) {
        coords[d] = chunk % g->nchunk[d] * g->chunk[d] + block % g->nblock[d] * g->block[d] +
                    item % g->block[d];
        chunk /= g->nchunk[d];
        block /= g->nblock[d];
        item /= g->block[d];
    }
    for (int d = 0; g->uneven && d < g->ndim; d++) {
        int64_t len, c = coords[d] / g->chunk[d];
        coords[d] += tsr_grid_side(g, d, c, &len) - c * g->chunk[d];
    }
}

static int make_keys(const struct tsr_points *p, const struct tsr_grid *g, const int64_t *coords,
                     int64_t *key)
{
    for (int64_t i = 0; i < p->n; i++, coords += g->ndim) {
        for (int d = 0; d < g->ndim; d++)
            if (coords[d] < 0 || coords[d] >= g->shape[d])
                return tsr_fail(TSR_EARG,
                                "point %lld, dimension %d: index %lld does not lie in 0..%lld",
                                (long long)i, d, (long long)coords[d], (long long)g->shape[d] - 1);
        key[i] = g->uneven ? tsr_point_key(p, g, coords) : even_key(p, g, coords);
    }
    return TSR_OK;
}

/* Keys in the order of pos, in place of those in the order given. */
static int sort_points(struct tsr_points *p, const int64_t *given)
{
    int rc = tsr_order(given, p->n, p->pos);
    for (int64_t i = 0; i < p->n && rc == TSR_OK; i++) p->key[i] = given[p->pos[i]];
    return rc;
}

int tsr_points_init(struct tsr_points *p, const struct tsr_grid *g, int64_t n,
                    const int64_t *coords)
{
    int64_t most;
    *p = (struct tsr_points){.n = n, .chunk_items = 1};
    bool fits = n >= 0 && tsr_mul(g->nchunks, g->nblocks, &most);
    for (int d = 0; d < g->ndim; d++) {
        fits = fits && tsr_mul(most, g->block[d], &most);
        p->chunk_items *= fits ? g->block[d] * g->nblock[d] : 1;
    }
    if (!fits)
        return tsr_fail(n < 0 ? TSR_EARG : TSR_ELIMIT, "points: %lld of too large an array",
                        (long long)n);
    int64_t *given = tsr_alloc_array((size_t)n + 1, sizeof *given);
    p->key = tsr_alloc_array((size_t)n + 1, sizeof *p->key);
    p->pos = tsr_alloc_array((size_t)n + 1, sizeof *p->pos);
    int rc = given && p->key && p->pos ? make_keys(p, g, coords, given) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = sort_points(p, given);
    tsr_free(given);
    if (rc < 0) tsr_points_done(p);
    return rc;
}

void tsr_points_done(struct tsr_points *p)
{
    tsr_free(p->key);
    tsr_free(p->pos);
    p->key = p->pos = NULL;
}

/* Steps that double, then halving: what is looked for is mostly near. */
int64_t tsr_points_find(const struct tsr_points *p, int64_t from, int64_t key)
{
    int64_t step = 1, lo = from;
    while (step < p->n - lo && p->key[lo + step - 1] < key) lo += step, step *= 2;
    return lo + tsr_lower_bound(p->key + lo, tsr_min64(step, p->n - lo), key);
}
