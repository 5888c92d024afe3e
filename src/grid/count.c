/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/count.c - cells that a slice meets along one axis, in closed form.
 *
 * Between two places where the first or the last wanted item passes the edge of a block nothing
 * changes, and whatever does not touch the last chunk, which the array cuts, repeats with every
 * chunk:
 *
 *   begin in   |  chunk 0  |  chunk 1  | ... |  rest |  where the last chunk is met  |
 *   walked     |  once, for all of them      |  once |  once                         |  */
#include "grid/count.h"

#include "base/num.h"

enum { MOST_PLACES = 4096 }; /* of a stretch that has more edges than this */

struct axis {
    const struct tsr_count_axis *x;
    int64_t span;      /* from the first wanted item to the last */
    int64_t per, tail; /* blocks of a chunk; items of the last of them */
    int64_t nchunk, miss;
    bool apart;
};

/* Sum of (a * i + b) / m over i in [0, n), modulo 2^64; a * n + b fits in 63 bits. */
static uint64_t floor_sum(int64_t n, int64_t m, int64_t a, int64_t b)
{
    uint64_t sum = 0;
    while (n > 0) {
        uint64_t pairs =
            n % 2 ? (uint64_t)((n - 1) / 2) * (uint64_t)n : (uint64_t)(n / 2) * (uint64_t)(n - 1);
        sum += pairs * (uint64_t)(a / m) + (uint64_t)n * (uint64_t)(b / m);
        a %= m;
        b %= m;
        int64_t top = a * n + b;
        n = top / m;
        b = top % m;
        top = m;
        m = a;
        a = top;
        if (m == 0) break;
    }
    return sum;
}

/* Which block of the axis holds item i. */
static int64_t block_of(const struct axis *a, int64_t i)
{
    return i / a->x->chunk * a->per + i % a->x->chunk / a->x->block;
}

/* Blocks met: all between the first and the last, or one for each item; but a step that is shorter
 * than blocks and longer than the last one of a chunk may skip this. */
static int64_t blocks_met(const struct axis *a, int64_t s)
{
    const struct tsr_count_axis *x = a->x;
    int64_t last = s + a->span, c = x->chunk;
    if (x->step > x->block) return x->count;
    int64_t n = block_of(a, last) - block_of(a, s) + 1;
    if (x->step <= a->tail) return n;
    int64_t tails = (last + a->tail) / c - s / c;
    uint64_t met =
        floor_sum(x->count, c, x->step, s + a->tail) - floor_sum(x->count, c, x->step, s);
    return n - tails + (int64_t)met;
}

/* n chunks of `has` blocks of which t are met. */
static void add_chunks(const struct axis *a, struct tsr_axis_count *n, int64_t t, int64_t has)
{
    n->reach += (double)t;
    if (has - t > a->miss) return;
    n->closed += 1;
    n->closed_reach += (double)t;
    n->closed_row += (double)has;
}

/* Blocks of chunk k inside the array. */
static int64_t blocks_in(const struct axis *a, int64_t k)
{
    if (k + 1 < a->nchunk) return a->per;
    return tsr_ceil_div(a->x->shape - k * a->x->chunk, a->x->block);
}

/* What a slice meets that begins at s. */
static struct tsr_axis_count count_at(const struct axis *a, int64_t s)
{
    const struct tsr_count_axis *x = a->x;
    int64_t c = x->chunk, b = x->block, last = s + a->span, k0 = s / c, k1 = last / c;
    struct tsr_axis_count n = {.blocks = (double)blocks_met(a, s),
                               .chunks = (double)(x->step <= c ? k1 - k0 + 1 : x->count)};
    if (a->apart) {
        n.reach = n.blocks;
    } else if (x->step > c) { /* an item in each chunk, which is closed or the step were apart */
        n.reach = n.closed = n.closed_reach = n.chunks;
        n.closed_row = n.chunks * (double)a->per;
    } else if (k0 == k1) {
        add_chunks(a, &n, last % c / b - s % c / b + 1, blocks_in(a, k0));
    } else {
        add_chunks(a, &n, a->per - s % c / b, a->per);
        add_chunks(a, &n, last % c / b + 1, blocks_in(a, k1));
        n.closed += (double)(k1 - k0 - 1);
        n.reach += (double)(k1 - k0 - 1) * (double)a->per;
        n.closed_reach += (double)(k1 - k0 - 1) * (double)a->per;
        n.closed_row += (double)(k1 - k0 - 1) * (double)a->per;
    }
    return n;
}

static void add(struct tsr_axis_count *sum, const struct tsr_axis_count *n, double times)
{
    sum->chunks += n->chunks * times;
    sum->blocks += n->blocks * times;
    sum->reach += n->reach * times;
    sum->closed += n->closed * times;
    sum->closed_reach += n->closed_reach * times;
    sum->closed_row += n->closed_row * times;
}

static bool more(const struct tsr_axis_count *a, const struct tsr_axis_count *b)
{
    if (a->blocks != b->blocks) return a->blocks > b->blocks;
    return a->chunks != b->chunks ? a->chunks > b->chunks : a->reach > b->reach;
}

/* The first item behind the block of item i, or behind its chunk. */
static int64_t edge_after(const struct axis *a, int64_t i, bool chunk)
{
    int64_t c = a->x->chunk, b = a->x->block, in = i % c;
    return i - in + (chunk ? c : tsr_min64(c, (in / b + 1) * b));
}

/* Adds, `times` times, what slices meet that begin in [lo, hi). */
static void add_stretch(const struct axis *a, int64_t lo, int64_t hi, double times,
                        struct tsr_axis_counts *out)
{
    bool one = a->x->count == 1; /* meets one block wherever it is */
    bool skips = a->x->step > a->tail && a->x->step <= a->x->block;
    int64_t unit = skips ? 1 : one ? a->x->chunk : a->x->block, least = 1;
    if ((hi - lo) / unit > MOST_PLACES) least = tsr_ceil_div(hi - lo, MOST_PLACES);
    for (int64_t s = lo, next; s < hi; s = next) {
        next = s + 1;
        if (!skips)
            next = tsr_min64(edge_after(a, s, one), edge_after(a, s + a->span, one) - a->span);
        next = tsr_min64(tsr_max64(next, s + least), hi);
        struct tsr_axis_count n = count_at(a, s + (next - s) / 2);
        add(&out->mean, &n, (double)(next - s) * times);
        if (more(&n, &out->worst)) out->worst = n;
    }
}

static void all_places(const struct axis *a, int64_t places, struct tsr_axis_counts *out)
{
    int64_t c = a->x->chunk;
    /* from here on the last chunk is met */
    int64_t edge = tsr_min64(tsr_max64((a->nchunk - 1) * c - a->span, 0), places);
    int64_t whole = edge / c, rest = whole * c;
    struct tsr_axis_count sum = {0};
    if (whole) add_stretch(a, 0, c, (double)whole, out);
    add_stretch(a, rest, edge, 1, out);
    add_stretch(a, edge, places, 1, out);
    add(&sum, &out->mean, 1 / (double)places);
    out->mean = sum;
}

void tsr_count_along(const struct tsr_count_axis *x, int64_t miss, bool all,
                     struct tsr_axis_counts *out)
{
    struct tsr_count_axis one = *x;
    if (x->count == 1) one.step = 1;
    x = &one;
    struct axis a = {.x = x, .span = (x->count - 1) * x->step, .miss = miss};
    a.per = tsr_ceil_div(x->chunk, x->block);
    a.tail = x->chunk - (a.per - 1) * x->block;
    a.nchunk = tsr_ceil_div(x->shape, x->chunk);
    a.apart = x->count > 1 && a.per > 1 && tsr_ceil_div(x->step, x->block) - 1 > miss;
    *out = (struct tsr_axis_counts){.apart = a.apart};
    int64_t places = x->slides ? x->shape - a.span : 1;
    if (places > 1) all_places(&a, places, out);
    if (all || places == 1) out->here = count_at(&a, x->start);
    if (places == 1) out->mean = out->worst = out->here;
}
