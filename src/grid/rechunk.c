/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/rechunk.c - what a pass over an array in boxes costs: blocks, requests, memory.
 *
 * Along each dimension a unit (chunk or block) is met by a box once, and once more for each edge of
 * a box that lies inside it.  Edges on edges cost nothing, and how many of those there are follows
 * from the greatest common divisor.  Boxes and units are products of what they are along the
 * dimensions, and so are their meetings. */
#include "grid/rechunk.h"

#include "grid/window.h"

int64_t tsr_rechunk_lcm(int64_t a, int64_t b)
{
    return tsr_times(a / tsr_gcd(a, b), b);
}

/* ---- along one dimension ---- */

struct cut {
    int64_t shape, chunk, block, box;
};

/* Of the first n edges between boxes, how many are edges of blocks too, which begin anew with each
 * chunk. */
static int64_t common_edges(const struct cut *c, int64_t n)
{
    int64_t common = 0, at = 0, step = c->box % c->chunk;
    for (int64_t k = 0; k < n; k++) {
        at += step;
        if (at >= c->chunk) at -= c->chunk;
        common += at % c->block == 0;
    }
    return common;
}

/* Edges between boxes that lie inside a block. */
static int64_t edges_inside(const struct cut *c)
{
    enum { COUNTED = 4096 }; /* above, a sample tells: the figure is for a decision */
    int64_t edges = tsr_ceil_div(c->shape, c->box) - 1;
    if (edges <= 0) return 0;
    if (c->chunk % c->block == 0) return edges - edges / (c->block / tsr_gcd(c->box, c->block));
    int64_t period = c->chunk / tsr_gcd(c->box, c->chunk);
    if (edges <= COUNTED) return edges - common_edges(c, edges);
    if (period <= COUNTED)
        return edges - common_edges(c, period) * (edges / period) - common_edges(c, edges % period);
    return edges - (int64_t)((double)common_edges(c, COUNTED) / COUNTED * (double)edges);
}

static int64_t blocks_along(const struct cut *c)
{
    int64_t whole = c->shape / c->chunk, rest = c->shape % c->chunk;
    return whole * tsr_ceil_div(c->chunk, c->block) + tsr_ceil_div(rest, c->block);
}

/* The most of them that a box meets. */
static int64_t blocks_in_box(const struct cut *c)
{
    int64_t whole = c->box / c->chunk, rest = c->box % c->chunk;
    int64_t n = whole * tsr_ceil_div(c->chunk, c->block) + tsr_ceil_div(rest, c->block);
    bool aligned = rest ? c->chunk % c->box == 0 && c->box % c->block == 0 : true;
    int64_t cut = aligned ? 0 : c->chunk % c->block ? 2 : 1;
    return tsr_min64(n + cut, blocks_along(c));
}

/* Runs of neighbouring blocks in a chunk, when boxes take m[d] of its n[d] along each dimension. */
static double runs(int ndim, const double m[], const double n[])
{
    double r = 1;
    int d = ndim - 1;
    while (d >= 0 && m[d] >= n[d]) d--;
    while (--d >= 0) r *= m[d];
    return r;
}

/* ---- memory ---- */

/* As much as the engine's windows hold (array/read.c, write.c): two with the stored bytes of what
 * is decoded, two with encoded chunks, which are there once more, raw, where they do not shrink. */
enum {
    WINDOW_FAR = 32 << 20, /* at least, of what is read from far away */
    KEPT = 8 << 20,        /* a reader keeps so much for the next read */
    SCRATCHES = 6,         /* blocks that a thread works on, with what codecs need */
    OF_THREAD = 3 << 19    /* and the rest that it has: stack, states of codecs */
};

static int64_t saturated(double x)
{
    return x < 9e18 ? (int64_t)x : INT64_MAX;
}

/* Bytes of a box, of the blocks of the source that it meets, and of its chunks, filled up. */
struct sizes {
    int64_t box, met, made;
};

/* What a reader or writer keeps was there before. */
static void find_need(const struct tsr_rechunk_ask *q, const struct sizes *s,
                      struct tsr_rechunk_need *n)
{
    int64_t window = tsr_window_bytes(q->threads, 0);
    int64_t block = tsr_max64(q->from->block_bytes, q->to->block_bytes);
    int64_t reads = q->far ? tsr_max64(window, WINDOW_FAR) : window;
    double in = (double)tsr_min64(reads + q->from->chunk_bytes, s->met) * 2.5;
    int64_t chunk = tsr_max64(q->to->chunk_bytes, 1);
    int64_t writes = tsr_window_bytes(q->threads, q->to->block_bytes);
    writes = tsr_times(tsr_ceil_div(writes, chunk), chunk);
    double out = 2.0 * (double)tsr_min64(tsr_times(writes, 2), s->made);
    double less = in < out ? in : out, more = in < out ? out : in;
    n->box = s->box;
    n->windows = saturated(more + (less < KEPT ? less : KEPT));
    n->threads = tsr_times(q->threads, tsr_times(SCRATCHES, block) + OF_THREAD);
    n->fixed = q->fixed;
    n->all = saturated((double)n->box + (double)n->windows + (double)n->threads + (double)n->fixed);
}

int64_t tsr_rechunk_memory(const struct tsr_rechunk_ask *q, int64_t box_bytes)
{
    struct sizes s = {box_bytes, tsr_times(box_bytes, 2), box_bytes};
    struct tsr_rechunk_need n;
    find_need(q, &s, &n);
    return n.all;
}

/* As many threads as have a block to work on, and fit in the budget; one in any case. */
static void choose_threads(const struct tsr_rechunk_ask *q, const struct sizes *s,
                           struct tsr_rechunk_pass *p)
{
    struct tsr_rechunk_ask one = *q;
    struct tsr_rechunk_need n;
    int64_t work = tsr_max64(p->blocks_met, p->blocks_made);
    find_need(q, s, &n);
    bool all_fit = n.all <= q->budget;
    int64_t of_all = n.all;
    int lo = 1, hi = (int)tsr_max64(1, tsr_min64(q->threads, work));
    while (lo < hi) {
        one.threads = hi - (hi - lo) / 2;
        find_need(&one, s, &n);
        if (n.all <= q->budget) lo = one.threads;
        else hi = one.threads - 1;
    }
    one.threads = p->threads = lo;
    find_need(&one, s, &n);
    p->limit = all_fit ? q->threads : lo;
    p->memory = all_fit ? of_all : n.all;
}

int64_t tsr_rechunk_room(const struct tsr_rechunk_ask *q)
{
    int64_t lo = 0, hi = q->budget;
    while (lo < hi) {
        int64_t mid = hi - (hi - lo) / 2;
        if (tsr_rechunk_memory(q, mid) <= q->budget) lo = mid;
        else hi = mid - 1;
    }
    return lo;
}

/* Halves, thirds, fifths and sevenths of a box, from the first dimension on, until it has at most
 * so many bytes; of a side that is the array's also uneven halves. */
static void cut_box(const struct tsr_grid *g, int64_t most, bool uneven, int64_t box[])
{
    int64_t bytes = g->item_bytes;
    for (int d = 0; d < g->ndim; d++) bytes = tsr_times(bytes, box[d]);
    for (int d = 0; d < g->ndim && bytes > most; d++) {
        while (box[d] > 1 && bytes > most) {
            int p = 2;
            while (p < 8 && box[d] % p) p++;
            if (p == 8 && (!uneven || box[d] < g->shape[d])) break;
            int64_t side = p == 8 ? tsr_ceil_div(box[d], 2) : box[d] / p;
            bytes = bytes / box[d] * side;
            box[d] = side;
        }
    }
}

int tsr_rechunk_between(const struct tsr_grid *from, int64_t most, const int64_t box[],
                        struct tsr_grid *grid)
{
    enum { BLOCK_MOST = 256 << 10 };
    *grid = *from;
    grid->padded = true;
    grid->uneven = false;
    memset(grid->run, 0, sizeof grid->run);
    memset(grid->nruns, 0, sizeof grid->nruns);
    memcpy(grid->chunk, box, sizeof grid->chunk);
    cut_box(from, most, true, grid->chunk);
    memcpy(grid->block, grid->chunk, sizeof grid->block);
    cut_box(from, BLOCK_MOST, false, grid->block);
    return tsr_grid_derive(grid, INT32_MAX);
}

/* ---- a pass ---- */

/* How many blocks a box meets and is made of, and their bytes. */
static void find_sizes(const struct tsr_rechunk_ask *q, const int64_t box[],
                       struct tsr_rechunk_pass *p, struct sizes *s)
{
    const struct tsr_grid *from = q->from, *to = q->to;
    p->blocks_met = p->blocks_made = 1;
    s->box = s->met = s->made = to->item_bytes;
    for (int d = 0; d < to->ndim; d++) {
        struct cut met = {to->shape[d], from->chunk[d], from->block[d], box[d]};
        struct cut made = {to->shape[d], to->chunk[d], to->block[d], box[d]};
        int64_t n = blocks_in_box(&met), m = blocks_in_box(&made);
        p->blocks_met = tsr_times(p->blocks_met, n);
        p->blocks_made = tsr_times(p->blocks_made, m);
        s->box = tsr_times(s->box, tsr_min64(box[d], to->shape[d]));
        s->met = tsr_times(s->met, tsr_times(n, from->block[d]));
        s->made = tsr_times(s->made, tsr_times(m, to->block[d]));
    }
    p->box_bytes = s->box;
}

void tsr_rechunk_measure(const struct tsr_rechunk_ask *q, const int64_t box[],
                         struct tsr_rechunk_pass *out)
{
    const struct tsr_grid *from = q->from, *to = q->to;
    double met[TSR_MAX_NDIM], there[TSR_MAX_NDIM];
    struct tsr_rechunk_pass p = {.boxes = 1, .chunks_read = 1, .blocks_read = 1};
    struct sizes s;
    p.bytes_read = to->item_bytes;
    p.chunks_written = to->nchunks;
    for (int d = 0; d < to->ndim; d++) {
        struct cut block = {to->shape[d], from->chunk[d], from->block[d], box[d]};
        struct cut chunk = {to->shape[d], from->chunk[d], from->chunk[d], box[d]};
        int64_t cut = edges_inside(&block), blocks = blocks_along(&block) + cut;
        int64_t chunks = blocks_along(&chunk) + edges_inside(&chunk);
        p.box[d] = box[d];
        p.boxes = tsr_times(p.boxes, tsr_ceil_div(to->shape[d], box[d]));
        p.chunks_read = tsr_times(p.chunks_read, chunks);
        p.blocks_read = tsr_times(p.blocks_read, blocks);
        int64_t items = to->shape[d] + tsr_times(cut, tsr_min64(from->block[d], to->shape[d]));
        if (from->padded) items = tsr_times(blocks, from->block[d]); /* whole ones */
        p.bytes_read = tsr_times(p.bytes_read, items);
        met[d] = (double)blocks / (double)chunks;
        there[d] = (double)blocks_along(&block) / (double)from->nchunk[d];
    }
    /* a head, the runs; and two looks for each box whether others changed the file */
    double requests =
        (double)p.chunks_read * (1 + runs(to->ndim, met, there)) + 2.0 * (double)p.boxes;
    p.requests = requests < 9e18 ? (int64_t)requests : INT64_MAX;
    find_sizes(q, box, &p, &s);
    choose_threads(q, &s, &p);
    *out = p;
}

void tsr_rechunk_least(const struct tsr_rechunk_ask *q, struct tsr_rechunk_need *out)
{
    struct tsr_rechunk_ask one = *q;
    struct tsr_rechunk_pass p;
    struct sizes s;
    int64_t box[TSR_MAX_NDIM];
    for (int d = 0; d < q->to->ndim; d++) box[d] = tsr_min64(q->to->chunk[d], q->to->shape[d]);
    one.threads = 1;
    find_sizes(&one, box, &p, &s);
    find_need(&one, &s, out);
}
