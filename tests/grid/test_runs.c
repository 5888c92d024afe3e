/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/grid/test_runs.c - grids of unlike chunks against lists of where every chunk begins.
 *
 * Random edges, some axes of equal ones, whole chunks as blocks or blocks that divide them; of each
 * grid every index, and random selections: what a walk visits is what an item by item search finds.
 * TESSERA_SEED=n repeats a grid, which a failure names. */
#include "../scratch.h"
#include "grid/grid.h"

enum { MOST = 32, ITEMS = 20000, GRIDS = 3000 };

struct world {
    uint64_t seed;
    struct tsr_grid g;
    struct tsr_run run[4][MOST];
    int64_t start[4][MOST + 1]; /* of each chunk; behind the last: its end */
    int64_t inner[4];           /* 0: blocks are chunks */
    int64_t items;
    uint8_t seen[ITEMS];
};

#define MUST(w, what)                                                                             \
    do {                                                                                          \
        if (!(what)) fail_msg("TESSERA_SEED=%llu: not %s", (unsigned long long)(w)->seed, #what); \
    } while (0)

/* Edges until the axis is covered, equal ones side by side as one run. */
static void make_axis(struct world *w, int d, int64_t len, bool even)
{
    struct tsr_grid *g = &w->g;
    struct tsr_run *r = w->run[d];
    int64_t unit = w->inner[d] ? w->inner[d] : 1, at = 0, n = 0, edge = 0;
    g->shape[d] = len;
    g->chunk[d] = 0;
    g->run[d] = even ? NULL : r;
    g->nruns[d] = 0;
    for (; at < len; n++, at += edge) {
        int64_t room = random_in(0, 3) ? 5 : 40;
        bool again = n && (even || random_in(0, 1));
        if (!again) edge = unit * random_in(tsr_max64(1, len / (MOST - 1) / unit + 1), room);
        if (!again || random_in(0, 3) == 0)
            r[g->nruns[d]++] = (struct tsr_run){.edge = edge, .first = n, .start = at};
        g->chunk[d] = tsr_max64(g->chunk[d], edge);
        w->start[d][n] = at;
    }
    w->start[d][n] = at;
    g->block[d] = w->inner[d] ? w->inner[d] : g->chunk[d];
}

static void make_world(struct world *w, uint64_t seed)
{
    const char *given = getenv("TESSERA_SEED");
    *w = (struct world){.seed = given ? strtoull(given, NULL, 10) : seed, .items = 1};
    random_state = w->seed * 0x9E3779B97F4A7C15u;
    w->g.ndim = (int)random_in(1, 4);
    w->g.padded = random_in(0, 1);
    w->g.item_bytes = 1;
    bool sharded = random_in(0, 1);
    for (int d = 0; d < w->g.ndim; d++) {
        if (sharded) w->inner[d] = random_in(1, 4);
        make_axis(w, d, random_in(1, w->g.ndim < 3 ? 90 : 11), random_in(0, 3) == 0);
        w->items *= w->g.shape[d];
    }
    assert_int_equal(tsr_grid_derive(&w->g, UINT64_MAX), TSR_OK);
}

static int64_t brute_find(const struct world *w, int d, int64_t at)
{
    int64_t c = 0;
    while (w->start[d][c + 1] <= at) c++;
    return c;
}

static int64_t flat(const struct world *w, const int64_t at[])
{
    int64_t n = 0;
    for (int d = 0; d < w->g.ndim; d++) n = n * w->g.shape[d] + at[d];
    return n;
}

static void unflat(const struct world *w, int64_t n, int64_t at[])
{
    for (int d = w->g.ndim - 1; d >= 0; d--) {
        at[d] = n % w->g.shape[d];
        n /= w->g.shape[d];
    }
}

static int64_t chunk_of(const struct world *w, const int64_t at[])
{
    int64_t c[TSR_MAX_NDIM];
    for (int d = 0; d < w->g.ndim; d++) c[d] = brute_find(w, d, at[d]);
    return tsr_grid_chunk_number(&w->g, c);
}

/* ---- places ---- */

static void check_axes(const struct world *w)
{
    const struct tsr_grid *g = &w->g;
    for (int d = 0; d < g->ndim; d++) {
        for (int64_t i = 0; i < g->shape[d]; i++)
            MUST(w, tsr_grid_find(g, d, i) == brute_find(w, d, i));
        MUST(w, g->nchunk[d] == brute_find(w, d, g->shape[d] - 1) + 1);
        for (int64_t c = 0, len; c < g->nchunk[d]; c++) {
            MUST(w, tsr_grid_side(g, d, c, &len) == w->start[d][c]);
            MUST(w, len == w->start[d][c + 1] - w->start[d][c]);
        }
    }
}

static void check_chunks(const struct world *w)
{
    const struct tsr_grid *g = &w->g;
    int64_t items = 0, at[TSR_MAX_NDIM], block[TSR_MAX_NDIM], nblock[TSR_MAX_NDIM];
    for (int64_t i = 0; i < g->nchunks; i++) {
        struct tsr_box box;
        int64_t bytes = g->item_bytes, n = 1;
        tsr_grid_chunk_coords(g, i, at);
        tsr_grid_chunk_box(g, at, &box);
        tsr_grid_cut(g, at, block, nblock);
        for (int d = 0; d < g->ndim; d++) {
            int64_t len = w->start[d][at[d] + 1] - w->start[d][at[d]];
            MUST(w, box.start[d] == w->start[d][at[d]]);
            MUST(w, box.count[d] == tsr_min64(len, g->shape[d] - box.start[d]));
            if (g->run[d]) MUST(w, block[d] == (w->inner[d] ? w->inner[d] : len));
            MUST(w, nblock[d] * block[d] == len);
            bytes *= len;
            n *= box.count[d];
        }
        MUST(w, tsr_grid_bytes(g, at) == bytes && bytes <= g->chunk_bytes);
        items += n;
    }
    MUST(w, items == w->items);
}

/* ---- walks ---- */

static void random_axes(const struct world *w, tsr_axis axes[], int64_t lists[][9])
{
    for (int d = 0; d < w->g.ndim; d++) {
        int64_t n = w->g.shape[d], step = random_in(1, random_in(0, 1) ? 2 : 30);
        tsr_axis *x = &axes[d];
        *x = (tsr_axis){.start = random_in(0, n - 1), .step = random_in(0, 1) ? step : -step};
        int64_t room = x->step > 0 ? (n - 1 - x->start) / step : x->start / step;
        x->count = random_in(1, room + 1);
        if (random_in(0, 2)) continue;
        *x = (tsr_axis){.index = lists[d], .count = random_in(1, 9)};
        for (int64_t i = 0; i < x->count; i++) lists[d][i] = random_in(0, n - 1);
    }
}

/* Marks the selected items of a box: its indices along each dimension are those that a walk
 * says. */
static int64_t mark(struct world *w, const struct tsr_selection *s, const int64_t lo[],
                    const int64_t hi[], uint8_t how)
{
    int64_t first[TSR_MAX_NDIM], count[TSR_MAX_NDIM], at[TSR_MAX_NDIM], n = 1;
    for (int d = 0; d < w->g.ndim; d++) {
        count[d] = tsr_selection_within(s, d, lo[d], hi[d], &first[d]);
        n *= count[d];
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = i;
        for (int d = w->g.ndim - 1; d >= 0; d--) {
            at[d] = tsr_selection_at(s, d, first[d] + rest % count[d]);
            MUST(w, at[d] >= lo[d] && at[d] < hi[d]);
            rest /= count[d];
        }
        w->seen[flat(w, at)] |= how;
    }
    return n;
}

static int64_t walk_blocks(struct world *w, const struct tsr_selection *s, const int64_t coords[])
{
    int64_t block[TSR_MAX_NDIM], nblock[TSR_MAX_NDIM], lo[TSR_MAX_NDIM], hi[TSR_MAX_NDIM], n = 0;
    struct tsr_walk b;
    tsr_grid_cut(&w->g, coords, block, nblock);
    for (tsr_walk_blocks(&b, &w->g, s, coords, block); !b.done; tsr_walk_next(&b)) {
        for (int d = 0; d < w->g.ndim; d++) {
            tsr_walk_block(&b, d, &lo[d], &hi[d]);
            MUST(w, b.at[d] < nblock[d] && hi[d] > lo[d]);
        }
        int64_t found = mark(w, s, lo, hi, 2);
        MUST(w, found > 0);
        n += found;
    }
    return n;
}

/* Every chunk in turn that holds an item, each item once. */
static void check_selection(struct world *w)
{
    tsr_axis axes[TSR_MAX_NDIM];
    int64_t lists[TSR_MAX_NDIM][9], lo[TSR_MAX_NDIM], hi[TSR_MAX_NDIM], n = 0, before = -1;
    struct tsr_selection s;
    struct tsr_walk c;
    random_axes(w, axes, lists);
    assert_int_equal(tsr_selection_axes(&s, &w->g, axes, NULL, NULL, false), TSR_OK);
    memset(w->seen, 0, sizeof w->seen);
    for (tsr_walk_chunks(&c, &w->g, &s); !c.done; tsr_walk_next(&c)) {
        int64_t number = tsr_grid_chunk_number(&w->g, c.at);
        MUST(w, number > before);
        before = number;
        for (int d = 0; d < w->g.ndim; d++) tsr_walk_chunk(&c, d, &lo[d], &hi[d]);
        int64_t found = mark(w, &s, lo, hi, 1);
        MUST(w, found > 0 && found == walk_blocks(w, &s, c.at));
        n += found;
    }
    MUST(w, n == s.nitems);
    for (int64_t i = 0; i < w->items; i++) MUST(w, w->seen[i] == 0 || w->seen[i] == 3);
    tsr_selection_done(&s);
}

/* A walk that is moved on is one that was never where it passed. */
static void check_seek(struct world *w)
{
    tsr_axis axes[TSR_MAX_NDIM];
    int64_t lists[TSR_MAX_NDIM][9], to;
    struct tsr_selection s;
    struct tsr_walk c, all;
    random_axes(w, axes, lists);
    assert_int_equal(tsr_selection_axes(&s, &w->g, axes, NULL, NULL, false), TSR_OK);
    tsr_walk_chunks(&c, &w->g, &s);
    tsr_walk_chunks(&all, &w->g, &s);
    while (!c.done) {
        to = tsr_grid_chunk_number(&w->g, c.at) + random_in(1, 1 + w->g.nchunks / 3);
        tsr_walk_seek(&c, &w->g, to);
        while (!all.done && tsr_grid_chunk_number(&w->g, all.at) < to) tsr_walk_next(&all);
        MUST(w, c.done == all.done);
        if (!c.done) MUST(w, memcmp(c.at, all.at, (size_t)w->g.ndim * sizeof *c.at) == 0);
    }
    tsr_selection_done(&s);
}

/* ---- points ---- */

static int64_t walk_points(struct world *w, const struct tsr_selection *s, const int64_t coords[])
{
    int64_t block[TSR_MAX_NDIM], nblock[TSR_MAX_NDIM], at[TSR_MAX_NDIM], n = 0;
    struct tsr_box box;
    struct tsr_walk b;
    tsr_grid_cut(&w->g, coords, block, nblock);
    tsr_grid_chunk_box(&w->g, coords, &box);
    for (tsr_walk_blocks(&b, &w->g, s, coords, block); !b.done; tsr_walk_next(&b))
        for (int64_t i = b.point; i < b.point_end; i++, n++) {
            tsr_point_coords(s->points, &w->g, s->points->key[i], at);
            for (int d = 0; d < w->g.ndim; d++)
                MUST(w, (at[d] - box.start[d]) / block[d] == b.at[d] && b.at[d] < nblock[d]);
            w->seen[flat(w, at)]++;
        }
    return n;
}

static void check_points(struct world *w)
{
    enum { N = 40 };
    int64_t coords[N * 4], at[TSR_MAX_NDIM], n = random_in(1, N), walked = 0;
    struct tsr_points p;
    struct tsr_walk c;
    memset(w->seen, 0, sizeof w->seen);
    for (int64_t i = 0; i < n; i++) unflat(w, random_in(0, w->items - 1), coords + i * w->g.ndim);
    assert_int_equal(tsr_points_init(&p, &w->g, n, coords), TSR_OK);
    struct tsr_selection s = {.ndim = w->g.ndim, .nitems = n, .points = &p};
    for (int64_t i = 0; i < n; i++) {
        tsr_point_coords(&p, &w->g, p.key[i], at);
        MUST(w, memcmp(at, coords + p.pos[i] * w->g.ndim, (size_t)w->g.ndim * sizeof *at) == 0);
        MUST(w, p.key[i] / p.chunk_items == chunk_of(w, at));
        MUST(w, i == 0 || p.key[i - 1] <= p.key[i]);
    }
    for (tsr_walk_chunks(&c, &w->g, &s); !c.done; tsr_walk_next(&c)) {
        int64_t in = c.point_end - c.point;
        MUST(w, in > 0 && in == walk_points(w, &s, c.at));
        walked += in;
    }
    MUST(w, walked == n);
    for (int64_t i = 0; i < n; i++) MUST(w, w->seen[flat(w, coords + i * w->g.ndim)]-- > 0);
    tsr_points_done(&p);
}

/* ---- cases ---- */

static void chunks_lie_where_their_edges_say(void **state)
{
    static struct world w;
    (void)state;
    for (uint64_t i = 1; i <= GRIDS; i++) {
        make_world(&w, i);
        check_axes(&w);
        check_chunks(&w);
    }
}

static void walks_visit_the_chunks_that_hold_an_item(void **state)
{
    static struct world w;
    (void)state;
    for (uint64_t i = 1; i <= GRIDS; i++) {
        make_world(&w, i);
        for (int k = 0; k < 4; k++) check_selection(&w);
        for (int k = 0; k < 2; k++) check_seek(&w);
    }
}

static void points_are_sorted_by_chunk_and_block(void **state)
{
    static struct world w;
    (void)state;
    for (uint64_t i = 1; i <= GRIDS; i++) {
        make_world(&w, i);
        for (int k = 0; k < 4; k++) check_points(&w);
    }
}

/* A run of 2^40 chunks costs what one costs. */
static void runs_are_not_expanded(void **state)
{
    static const struct tsr_run run[] = {{3, 0, 0},
                                         {1, 1, 3},
                                         {5, 1 + (INT64_C(1) << 40), 3 + (INT64_C(1) << 40)}};
    struct tsr_grid g = {.ndim = 1, .item_bytes = 1, .padded = true};
    struct tsr_box box;
    (void)state;
    g.shape[0] = (INT64_C(1) << 40) + 5;
    g.chunk[0] = g.block[0] = 5;
    g.run[0] = run;
    g.nruns[0] = 3;
    assert_int_equal(tsr_grid_derive(&g, UINT64_MAX), TSR_OK);
    assert_true(g.uneven && g.nchunks == (INT64_C(1) << 40) + 2 && g.chunk_bytes == 5);
    assert_int_equal(tsr_grid_find(&g, 0, INT64_C(1) << 39), (INT64_C(1) << 39) - 2);
    tsr_grid_chunk_box(&g, (int64_t[]){g.nchunks - 1}, &box);
    assert_true(box.start[0] == g.shape[0] - 2 && box.count[0] == 2);
    assert_int_equal(tsr_grid_bytes(&g, (int64_t[]){7}), 1);
    assert_int_equal(tsr_grid_bytes(&g, (int64_t[]){g.nchunks - 1}), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_lie_where_their_edges_say),
        cmocka_unit_test(walks_visit_the_chunks_that_hold_an_item),
        cmocka_unit_test(points_are_sorted_by_chunk_and_block),
        cmocka_unit_test(runs_are_not_expanded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
