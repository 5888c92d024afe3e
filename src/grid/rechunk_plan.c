/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/rechunk_plan.c - the cheapest way from one chunking into another.
 *
 * One pass: the sides of a box are tried along each dimension: a target chunk, multiples of it,
 * those that end with blocks or chunks of the source, as many as there is room for, and all.
 *
 * Two passes: boxes of the source's chunks are grown, dimension by dimension, to what memory holds,
 * in several orders of the dimensions, and so are boxes of the target's.  What a box of one and a
 * box of the other have in common becomes the chunk of the array between them.  (So does
 * "rechunker", in Python, with one order.)
 *
 * The measure is bytes decoded and encoded, with requests, boxes and their size counted as bytes
 * too, by as many threads as work at once.  Where scratch of all threads leaves little room, boxes
 * for fewer are tried too.  The search is bounded, some ten thousand boxes, whatever the shapes. */
#include "grid/rechunk.h"

enum {
    BOX_COSTS = 256 << 10, /* bytes that could be decoded while the first of a box are awaited */
    SMALL = 64 << 20,      /* an array of this size is one box if it may be */
    CHUNK_MOST = 8 << 20,  /* of the array between, and where memory is short */
    CHUNK_LEAST = 128 << 10,
    SIDES = 64,
    ORDERS = 12
};

#define HUGE_COST 1e300

static int64_t array_bytes(const struct tsr_grid *g)
{
    int64_t items;
    tsr_product(g->shape, g->ndim, &items);
    return items * g->item_bytes;
}

static double shared(int64_t bytes, int threads, int64_t jobs)
{
    return (double)bytes / (double)tsr_max64(1, tsr_min64(threads, jobs));
}

/* More than all where memory is short. */
static double cost(const struct tsr_rechunk_ask *q, const struct tsr_rechunk_pass *p)
{
    if (p->memory > q->budget) return HUGE_COST;
    double requests = (double)p->requests + (double)p->chunks_written;
    double rest = requests * (double)q->request_bytes + (double)p->boxes * BOX_COSTS +
                  (double)p->box_bytes / 8;
    return shared(p->bytes_read, p->threads, p->blocks_met) +
           shared(array_bytes(q->to), p->threads, p->blocks_made) + rest / p->threads;
}

/* The room of a box when no more than so many threads work on it. */
static int64_t room_of(const struct tsr_rechunk_ask *q, int threads)
{
    struct tsr_rechunk_ask one = *q;
    one.threads = threads;
    return tsr_rechunk_room(&one);
}

/* ---- one pass ---- */

struct sides {
    int64_t v[SIDES];
    int n, most;
};

/* Sides of a box along one dimension end where a target chunk does, or the array. */
static void add_side(struct sides *s, int64_t side, int64_t chunk, int64_t shape)
{
    if (side <= 0 || s->n == s->most) return;
    if (side >= shape) side = shape;
    else if (side % chunk) return;
    for (int i = 0; i < s->n; i++)
        if (s->v[i] == side) return;
    s->v[s->n++] = side;
}

/* The most promising first; room: items that there is memory for. */
static void find_sides(const struct tsr_rechunk_ask *q, int d, int64_t room, struct sides *s)
{
    int64_t shape = q->to->shape[d], c = q->to->chunk[d];
    int64_t step[3] = {tsr_rechunk_lcm(c, q->from->chunk[d]), tsr_rechunk_lcm(c, q->from->block[d]),
                       c};
    s->n = 0;
    add_side(s, c, c, shape);
    if (room >= shape) add_side(s, shape, c, shape);
    for (int i = 0; i < 3; i++) add_side(s, room / step[i] * step[i], c, shape);
    for (int i = 0; i < 3; i++)
        for (int64_t side = step[i]; side < shape && side <= room; side = tsr_times(side, 2))
            add_side(s, side, c, shape);
}

struct search {
    const struct tsr_rechunk_ask *q;
    int most_sides;
    int64_t room, box[TSR_MAX_NDIM];
    double best;
    struct tsr_rechunk_pass pass;
};

/* Tries all sides from dimension d on; bytes: of the box with the least sides there. */
static void try_sides(struct search *s, int d, int64_t bytes)
{
    const struct tsr_grid *to = s->q->to;
    struct sides sides = {.most = s->most_sides};
    struct tsr_rechunk_pass p;
    if (d == to->ndim) {
        tsr_rechunk_measure(s->q, s->box, &p);
        double c = cost(s->q, &p);
        if (c < s->best) s->best = c, s->pass = p;
        return;
    }
    int64_t least = tsr_min64(to->chunk[d], to->shape[d]), of_one = bytes / least;
    find_sides(s->q, d, s->room / of_one, &sides);
    for (int i = 0; i < sides.n; i++) {
        s->box[d] = sides.v[i];
        if (sides.v[i] <= s->room / of_one) try_sides(s, d + 1, of_one * sides.v[i]);
    }
}

/* How many sides to try, so that the boxes stay some thousands. */
static int sides_for(const struct tsr_grid *g)
{
    static const int most[] = {SIDES, SIDES, 48, 18, 9, 6, 5, 4, 3, 3, 3};
    int open = 0;
    for (int d = 0; d < g->ndim; d++) open += g->chunk[d] < g->shape[d];
    return open <= 10 ? most[open] : open <= 13 ? 2 : 1;
}

static void plan_one(const struct tsr_rechunk_ask *q, int threads, struct search *s)
{
    const struct tsr_grid *to = q->to;
    int64_t least = to->item_bytes, all = array_bytes(to);
    for (int d = 0; d < to->ndim; d++)
        least = tsr_times(least, tsr_min64(to->chunk[d], to->shape[d]));
    *s = (struct search){.q = q, .best = HUGE_COST};
    s->room = tsr_max64(room_of(q, threads), least);
    s->most_sides = sides_for(to);
    if (all <= tsr_min64(s->room, SMALL)) {
        tsr_rechunk_measure(q, to->shape, &s->pass);
        s->best = cost(q, &s->pass);
    }
    if (s->best >= HUGE_COST) try_sides(s, 0, least);
}

/* ---- two passes ---- */

/* Order number k of n dimensions: rotations, upwards and downwards. */
static int order_at(int n, int k, int i)
{
    int up = (k / 2 + i) % n;
    return k % 2 ? up : n - 1 - up;
}

/* Grows a box from one unit along the dimensions in the order k. */
static bool grow_box(const struct tsr_grid *g, const int64_t unit[], int64_t room, int k,
                     int64_t box[])
{
    int64_t bytes = g->item_bytes;
    for (int d = 0; d < g->ndim; d++) {
        box[d] = tsr_min64(unit[d], g->shape[d]);
        bytes = tsr_times(bytes, box[d]);
    }
    if (bytes > room) return false;
    for (int i = 0; i < g->ndim; i++) {
        int d = order_at(g->ndim, k, i);
        int64_t n = room / bytes, all = tsr_ceil_div(g->shape[d], unit[d]);
        if (n >= 16 && n < all) n -= n % 4;          /* so that it can be cut again */
        n = tsr_ceil_div(all, tsr_ceil_div(all, n)); /* alike, or chunks at the end are filled up */
        int64_t side = n >= all ? g->shape[d] : tsr_min64(n * unit[d], g->shape[d]);
        bytes = bytes / box[d] * side;
        box[d] = side;
    }
    return true;
}

/* One way through an array between with chunks of at most so many bytes, from a box that suits the
 * source and one that suits the target.  What it costs. */
static double try_between(const struct tsr_rechunk_ask *q, int64_t most, const int64_t in[],
                          const int64_t out[], struct tsr_rechunk *r)
{
    struct tsr_grid grid;
    int64_t first[TSR_MAX_NDIM];
    *r = (struct tsr_rechunk){.npasses = 2};
    for (int d = 0; d < q->to->ndim; d++) {
        int64_t side = tsr_min64(in[d], out[d]);
        r->between[d] = side;
        first[d] = in[d] >= q->to->shape[d] ? q->to->shape[d] : in[d] / side * side;
    }
    if (tsr_rechunk_between(q->from, most, r->between, &grid) < 0) return HUGE_COST;
    memcpy(r->between, grid.chunk, sizeof r->between);
    memcpy(r->between_block, grid.block, sizeof r->between_block);
    struct tsr_rechunk_ask one = *q, two = *q;
    one.to = two.from = &grid;
    one.fixed = two.fixed = q->fixed + tsr_times(grid.nchunks, TSR_RECHUNK_ENTRY);
    tsr_rechunk_measure(&one, first, &r->pass[0]);
    tsr_rechunk_measure(&two, out, &r->pass[1]);
    return cost(&one, &r->pass[0]) + cost(&two, &r->pass[1]);
}

/* Is there a way through an array between, with chunks of at most so many bytes, that costs less
 * than *best? */
static void plan_between(const struct tsr_rechunk_ask *q, int threads, int64_t most, double *best,
                         struct tsr_rechunk *out)
{
    const struct tsr_grid *from = q->from, *to = q->to;
    int orders = to->ndim * 2 < ORDERS ? to->ndim * 2 : ORDERS;
    int64_t in[TSR_MAX_NDIM], box[TSR_MAX_NDIM], chunk[TSR_MAX_NDIM];
    struct tsr_grid grid = *from;
    struct tsr_rechunk_ask one = *q, two = *q;
    struct tsr_rechunk r;
    grid.chunk_bytes = most;
    one.to = two.from = &grid;
    int64_t in_room = room_of(&one, threads), out_room = room_of(&two, threads);
    /* whole chunks of the source where one fits, else its blocks */
    bool whole = grow_box(from, from->chunk, in_room, 0, in);
    memcpy(chunk, whole ? from->chunk : from->block, sizeof chunk);
    for (int i = 0; i < orders * orders; i++) {
        if (!grow_box(from, chunk, in_room, i / orders, in)) continue;
        if (!grow_box(to, to->chunk, out_room, i % orders, box)) continue;
        double total = try_between(q, most, in, box, &r);
        if (total < *best) *best = total, *out = r;
    }
}

/* The best with the room that so many threads leave, if it is better than *best. */
static void plan_for(const struct tsr_rechunk_ask *q, int threads, double *best,
                     struct tsr_rechunk *out)
{
    enum { NDIM_BETWEEN = 16 };
    struct search s;
    plan_one(q, threads, &s);
    if (s.best < *best) {
        *best = s.best;
        *out = (struct tsr_rechunk){.npasses = 1, .pass = {s.pass}};
    }
    if (q->one_pass || s.pass.boxes == 1 || q->to->ndim > NDIM_BETWEEN) return;
    for (int64_t most = CHUNK_MOST; most >= CHUNK_LEAST; most /= 4)
        plan_between(q, threads, most, best, out);
}

static int refuse(const struct tsr_rechunk_ask *q)
{
    struct tsr_rechunk_need n;
    tsr_rechunk_least(q, &n);
    return tsr_fail(TSR_ELIMIT,
                    "memory: found %lld bytes, this needs %lld: %lld for the program, indices and "
                    "the cache, %lld for one thread, %lld for what is read and written, %lld for a "
                    "box of one chunk",
                    (long long)q->budget, (long long)n.all, (long long)n.fixed,
                    (long long)n.threads, (long long)n.windows, (long long)n.box);
}

int tsr_rechunk_plan(const struct tsr_rechunk_ask *q, struct tsr_rechunk *out)
{
    double best = HUGE_COST;
    *out = (struct tsr_rechunk){0};
    if (array_bytes(q->to) == 0) return TSR_OK;
    int64_t most = room_of(q, 1);
    for (int threads = q->threads; threads > 0; threads /= 2) {
        plan_for(q, threads, &best, out);
        /* fewer threads would not make up for it by larger boxes */
        if (out->npasses && room_of(q, threads) >= most - most / 8) break;
    }
    return out->npasses ? TSR_OK : refuse(q);
}
