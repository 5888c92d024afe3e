/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/advise_search.c - shapes that are worth a look, without looking at all of them.
 *
 * The mean cost of a slice of n items along an axis in cells of c is about (n - 1 + c) / c cells of
 * c items, and a sum of products of such terms is convex in the logarithms of the sides: who
 * makes one side longer and another shorter as long as it helps ends near the best shape of all.
 * So a search grows a block from one item and a chunk from a block, always along the axis that
 * costs least, then exchanges.  Searches with other weights trace the front of trade-offs.
 *
 * Sides of blocks are powers of two, the largest divisor of the axis between two of them, and the
 * whole axis; those of chunks are blocks doubled, or the whole axis. */
#include <math.h>

#include "base/mem.h"
#include "ops/advise.h"

enum { MOST_SIDES = 132, TRIED = 4096 };
/* A shape is tuned for each of the first accesses by giving it more weight than it has. */
enum { STRESSED = 8 };
static const double stress[] = {8, 64, 4096};
static const double MOST_PADDING = 1.3;

struct state {
    int block[TSR_MAX_NDIM]; /* which of the sides */
    int chunk[TSR_MAX_NDIM]; /* how often it is doubled */
};

struct search {
    const struct tsr_advise_model *m;
    enum tsr_advise_kind kind;
    struct tsr_advise_bounds bounds;
    tsr_advise_put put;
    void *arg;
    double *stress; /* [m->n] */
    int nsides[TSR_MAX_NDIM];
    int64_t side[TSR_MAX_NDIM][MOST_SIDES];
};

/* ---- sides ---- */

static void divisor(int64_t divisors[64], int64_t v)
{
    int k = 63 - __builtin_clzll((unsigned long long)v);
    if (v > divisors[k]) divisors[k] = v;
}

static void find_sides(struct search *s, int d)
{
    int64_t n = s->m->shape[d], divisors[64] = {0}, most = s->bounds.chunk[1] / s->m->item_bytes;
    for (int64_t v = 1; v <= TRIED && v < n; v++) {
        if (n % v) continue;
        divisor(divisors, v);
        divisor(divisors, n / v);
    }
    int64_t *side = s->side[d];
    int k = 0;
    for (int i = 0; i < 62 && INT64_C(1) << i < n && INT64_C(1) << i <= most; i++) {
        side[k++] = INT64_C(1) << i;
        if (divisors[i] > side[k - 1] && divisors[i] < n && divisors[i] <= most) {
            side[k] = divisors[i];
            k++;
        }
    }
    if (n <= most || k == 0) side[k++] = tsr_max64(n, 1);
    s->nsides[d] = k;
}

/* ---- states ---- */

static void shape_of(const struct search *s, const struct state *at, struct tsr_advise_shape *out)
{
    out->kind = s->kind;
    for (int d = 0; d < s->m->ndim; d++) {
        int64_t n = s->m->shape[d], b = s->side[d][at->block[d]], c = b << at->chunk[d];
        bool whole = c >= n;
        if (whole) c = s->kind == TSR_ADVISE_B2ND ? n : tsr_ceil_div(n, b) * b;
        out->block[d] = b;
        out->chunk[d] = c;
    }
}

static double bytes_of(const struct search *s, const int64_t *side)
{
    double n = (double)s->m->item_bytes;
    for (int d = 0; d < s->m->ndim; d++) n *= (double)side[d];
    return n;
}

static bool exists(const struct search *s, const struct state *at)
{
    for (int d = 0; d < s->m->ndim; d++) {
        if (at->block[d] < 0 || at->block[d] >= s->nsides[d] || at->chunk[d] < 0) return false;
        int64_t n = s->m->shape[d], b = s->side[d][at->block[d]];
        if (at->chunk[d] &&
            (at->chunk[d] > 62 || b >= tsr_ceil_div(n, INT64_C(1) << (at->chunk[d] - 1))))
            return false;
    }
    return true;
}

/* How much is stored of what lies beyond the edges of the array, and of its chunks. */
static double padding(const struct search *s, const struct tsr_advise_shape *at)
{
    double v = 1;
    for (int d = 0; d < s->m->ndim; d++) {
        int64_t n = s->m->shape[d], c = at->chunk[d], b = at->block[d];
        v *= (double)tsr_ceil_div(n, c) * (double)tsr_ceil_div(c, b) * (double)b / (double)n;
    }
    return v;
}

/* What the accesses cost together, as they are stressed; infinite: out of bounds. */
static double score(const struct search *s, const struct state *at, bool least)
{
    struct tsr_advise_shape shape;
    tsr_access_cost c;
    double sum = 0;
    if (!exists(s, at)) return INFINITY;
    shape_of(s, at, &shape);
    double chunk = bytes_of(s, shape.chunk), block = bytes_of(s, shape.block);
    if (padding(s, &shape) > MOST_PADDING) return INFINITY;
    if (chunk > (double)s->bounds.chunk[1] || block > (double)s->bounds.block[1]) return INFINITY;
    if (least && (chunk < (double)s->bounds.chunk[0] || block < (double)s->bounds.block[0]))
        return INFINITY;
    for (int i = 0; i < s->m->n; i++) {
        tsr_advise_cost(s->m, &shape, i, false, &c);
        sum += c.mean.seconds * s->m->access[i].weight * s->stress[i];
    }
    return sum;
}

/* ---- growing ---- */

/* Makes sides of blocks (or of chunks) longer until they hold about `bytes`. */
static void grow(const struct search *s, struct state *at, bool chunks, double bytes)
{
    struct tsr_advise_shape shape;
    for (;;) {
        int best = -1;
        double lowest = INFINITY;
        shape_of(s, at, &shape);
        if (bytes_of(s, chunks ? shape.chunk : shape.block) * sqrt(2) >= bytes) return;
        for (int d = 0; d < s->m->ndim; d++) {
            struct state next = *at;
            if (chunks) next.chunk[d]++;
            else next.block[d]++;
            double v = score(s, &next, false);
            if (v < lowest) lowest = v, best = d;
        }
        if (best < 0) return;
        if (chunks) at->chunk[best]++;
        else at->block[best]++;
    }
}

/* ---- exchanging ---- */

enum move { MOVE_CHUNK, MOVE_BLOCK, MOVE_BLOCK_ALONE, MOVES };

/* One side longer, one shorter; -1: none.  Blocks change with their chunks, or alone. */
static struct state moved(const struct state *at, enum move how, int up, int down)
{
    struct state s = *at;
    int chunks = how == MOVE_BLOCK_ALONE;
    if (up >= 0 && how == MOVE_CHUNK) s.chunk[up]++;
    else if (up >= 0) s.block[up]++, s.chunk[up] -= chunks;
    if (down >= 0 && how == MOVE_CHUNK) s.chunk[down]--;
    else if (down >= 0) s.block[down]--, s.chunk[down] += chunks;
    return s;
}

typedef int (*visit)(struct search *s, struct state *at, const struct state *next, double *best);

/* All states beside *at, which the visitor may change. */
static int neighbours(struct search *s, struct state *at, double *best, visit fn)
{
    int n = s->m->ndim, rc = 0;
    for (int how = s->kind == TSR_ADVISE_WHOLE ? MOVE_BLOCK : MOVE_CHUNK; how < MOVES; how++) {
        for (int k = 0; k < (n + 1) * (n + 1) && !rc; k++) {
            int up = k / (n + 1) - 1, down = k % (n + 1) - 1;
            if (up == down) continue;
            struct state next = moved(at, (enum move)how, up, down);
            rc = fn(s, at, &next, best);
        }
        if (s->kind == TSR_ADVISE_WHOLE) break;
    }
    return rc;
}

static int improve(struct search *s, struct state *at, const struct state *next, double *best)
{
    double v = score(s, next, true);
    if (v < *best * (1 - 1e-9)) *at = *next, *best = v;
    return 0;
}

static int offer(struct search *s, struct state *at, const struct state *next, double *best)
{
    struct tsr_advise_shape shape;
    (void)at;
    (void)best;
    if (!isfinite(score(s, next, true))) return 0;
    shape_of(s, next, &shape);
    return s->put(s->arg, &shape);
}

/* Arrays that are smaller than what a block or chunk must hold have the largest there is. */
static void lower_bounds(struct search *s, const struct state *at)
{
    struct tsr_advise_shape shape;
    shape_of(s, at, &shape);
    double chunk = bytes_of(s, shape.chunk), block = bytes_of(s, shape.block);
    if (chunk < (double)s->bounds.chunk[0]) s->bounds.chunk[0] = (int64_t)chunk;
    if (block < (double)s->bounds.block[0]) s->bounds.block[0] = (int64_t)block;
}

static double middle(const int64_t range[2])
{
    return sqrt((double)range[0] * (double)range[1]);
}

static int search_once(struct search *s)
{
    struct state at = {0};
    struct tsr_advise_bounds kept = s->bounds;
    struct tsr_advise_shape shape;
    double before, best;
    grow(s, &at, false, middle(s->bounds.block));
    if (s->kind != TSR_ADVISE_WHOLE) grow(s, &at, true, middle(s->bounds.chunk));
    lower_bounds(s, &at);
    best = score(s, &at, true);
    do {
        before = best;
        neighbours(s, &at, &best, improve);
    } while (best < before);
    shape_of(s, &at, &shape);
    int rc = s->put(s->arg, &shape);
    if (!rc) rc = neighbours(s, &at, NULL, offer);
    s->bounds = kept;
    return rc;
}

static int search_all(struct search *s)
{
    int n = s->m->n, rc;
    for (int i = 0; i < n; i++) s->stress[i] = 1;
    rc = search_once(s);
    for (int i = 0; i < n && i < STRESSED && n > 1 && !rc; i++) {
        for (size_t k = 0; k < sizeof stress / sizeof *stress && !rc; k++) {
            s->stress[i] = stress[k];
            rc = search_once(s);
        }
        s->stress[i] = 1;
    }
    return rc;
}

int tsr_advise_search(const struct tsr_advise_model *m, enum tsr_advise_kind kind,
                      const struct tsr_advise_bounds *b, tsr_advise_put put, void *arg)
{
    struct search *s = tsr_alloc(sizeof *s);
    if (!s) return TSR_ENOMEM;
    *s = (struct search){.m = m, .kind = kind, .bounds = *b, .put = put, .arg = arg};
    if (kind == TSR_ADVISE_WHOLE) memcpy(s->bounds.block, b->chunk, sizeof b->chunk);
    s->stress = tsr_alloc_array((size_t)m->n, sizeof *s->stress);
    int rc = s->stress ? TSR_OK : TSR_ENOMEM;
    for (int d = 0; d < m->ndim; d++) find_sides(s, d);
    if (rc == TSR_OK) rc = search_all(s);
    tsr_free(s->stress);
    tsr_free(s);
    return rc;
}
