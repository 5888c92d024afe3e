/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_advise.c - what reads cost: beside the engine's own walk, beside what it counts
 * when it reads, and beside figures that others measured. */
#include "../scratch.h"

#include <math.h>
#include <time.h>

#include "array/array.h"
#include "ops/advise.h"

static void near(const char *what, double found, double expected)
{
    if (fabs(found - expected) > 1e-9 * fabs(expected) + 1e-9)
        fail_msg("%s: found %.12g, expected %.12g", what, found, expected);
}

/* ---- beside the walk ---- */

struct counted {
    double chunks, blocks, runs;
};

/* Is block number n of the chunk at coords inside the array? */
static bool inside(const struct tsr_grid *g, const int64_t *coords, int64_t n)
{
    bool in = true;
    for (int d = g->ndim - 1; d >= 0; d--) {
        in = in && coords[d] * g->chunk[d] + n % g->nblock[d] * g->block[d] < g->shape[d];
        n /= g->nblock[d];
    }
    return in;
}

static struct counted walk(const struct tsr_grid *g, const struct tsr_selection *sel)
{
    struct tsr_walk c, b;
    struct counted n = {0};
    for (tsr_walk_chunks(&c, g, sel); !c.done; tsr_walk_next(&c)) {
        int64_t last = -2;
        n.chunks++;
        for (tsr_walk_blocks(&b, g, sel, c.at, g->block); !b.done; tsr_walk_next(&b)) {
            int64_t at = 0;
            for (int d = 0; d < g->ndim; d++) at = at * g->nblock[d] + b.at[d];
            while (last >= 0 && last + 1 < at && !inside(g, c.at, last + 1)) last++;
            n.blocks++;
            n.runs += at != last + 1;
            last = at;
        }
    }
    return n;
}

static void random_grid(struct tsr_grid *g)
{
    *g = (struct tsr_grid){.ndim = (int)random_in(1, 4), .item_bytes = 100000, .padded = true};
    for (int d = 0; d < g->ndim; d++) {
        g->shape[d] = random_in(1, g->ndim > 2 ? 9 : 40);
        g->chunk[d] = random_in(1, g->shape[d] + 2);
        g->block[d] = random_in(1, g->chunk[d]);
    }
    OK(tsr_grid_derive(g, UINT64_MAX));
}

static void random_access(const struct tsr_grid *g, bool steps, struct tsr_advise_access *w)
{
    *w = (struct tsr_advise_access){.weight = 1, .slides = true};
    for (int d = 0; d < g->ndim; d++) {
        int64_t longest = 1;
        w->step[d] = steps ? random_in(1, g->shape[d]) : 1;
        longest = (g->shape[d] - 1) / w->step[d] + 1;
        w->count[d] = random_in(0, 2) == 0 ? 1 : random_in(1, longest);
        if (w->count[d] == 1) w->step[d] = 1;
        w->start[d] = random_in(0, g->shape[d] - 1 - (w->count[d] - 1) * w->step[d]);
    }
}

static void select_at(const struct tsr_grid *g, const struct tsr_advise_access *w,
                      const int64_t *start, struct tsr_selection *sel)
{
    tsr_slice s = {start, w->count, w->step};
    OK(tsr_selection_init(sel, g, &s, NULL));
}

/* The sum over all places, and the most blocks of any. */
static struct counted all_places(const struct tsr_grid *g, const struct tsr_advise_access *w,
                                 double *places, double *most)
{
    int64_t at[TSR_MAX_NDIM] = {0};
    struct counted sum = {0};
    *places = *most = 0;
    for (int d = 0; d >= 0;) {
        struct tsr_selection sel;
        select_at(g, w, at, &sel);
        struct counted n = walk(g, &sel);
        sum.chunks += n.chunks;
        sum.blocks += n.blocks;
        sum.runs += n.runs;
        *most = fmax(*most, n.blocks);
        *places += 1;
        for (d = g->ndim - 1; d >= 0; d--) {
            if (++at[d] + (w->count[d] - 1) * w->step[d] < g->shape[d]) break;
            at[d] = 0;
        }
    }
    return sum;
}

static void check_random(bool steps)
{
    struct tsr_grid g;
    struct tsr_advise_access w;
    struct tsr_selection sel;
    tsr_access_cost c;
    double places, most;
    random_grid(&g);
    random_access(&g, steps, &w);
    struct tsr_advise_shape s = {.kind = TSR_ADVISE_SHARD};
    struct tsr_advise_model m = {.ndim = g.ndim,
                                 .n = 1,
                                 .item_bytes = g.item_bytes,
                                 .ratio = 1,
                                 .latency = 1,
                                 .bandwidth = 1,
                                 .decode_speed = 1,
                                 .in_flight = 1,
                                 .access = &w};
    memcpy(m.shape, g.shape, sizeof g.shape);
    memcpy(s.chunk, g.chunk, sizeof g.chunk);
    memcpy(s.block, g.block, sizeof g.block);
    tsr_advise_cost(&m, &s, 0, true, &c);
    select_at(&g, &w, w.start, &sel);
    struct counted here = walk(&g, &sel), all = all_places(&g, &w, &places, &most);
    near("chunks here", c.here.chunks, here.chunks);
    near("blocks here", c.here.blocks, here.blocks);
    near("chunks", c.mean.chunks, all.chunks / places);
    near("blocks", c.mean.blocks, all.blocks / places);
    near("most blocks", c.worst.blocks, most);
    near("decoded", c.mean.decoded, all.blocks / places * (double)g.block_bytes);
    if (steps) return; /* neighbours that a wide step happens to meet are not joined */
    near("requests here", c.here.requests, here.chunks + here.runs);
    near("requests", c.mean.requests, (all.chunks + all.runs) / places);
    double index = 16 * (double)g.nblocks + 4;
    near("bytes", c.mean.bytes, c.mean.chunks * index + c.mean.decoded);
}

static void costs_are_those_of_the_engines_walk_over_all_places(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) check_random(i % 2);
}

/* ---- beside figures of others ---- */

/* As the document prints sizes: whole units of 1024, cut off. */
static void expect_text(double bytes, const char *expected)
{
    static const char *const units[] = {"B", "KB", "MB", "GB"};
    char text[32];
    int u = 0;
    for (; bytes >= 1024 && u < 3; u++) bytes /= 1024;
    snprintf(text, sizeof text, "%d %s", (int)bytes, units[u]);
    assert_string_equal(text, expected);
}

static double bytes_of(const char *dtype, int ndim, const int64_t *shape, const int64_t *chunks,
                       const tsr_slice *slice)
{
    tsr_spec array = {.size = sizeof array,
                      .dtype = dtype,
                      .ndim = ndim,
                      .shape = shape,
                      .chunks = chunks};
    tsr_access access = {.slice = *slice};
    tsr_advise_spec s = {.size = sizeof s,
                         .array = &array,
                         .format = "zarr2",
                         .naccess = 1,
                         .access = &access};
    tsr_advice *v;
    OK(tsr_advise(NULL, &s, &v));
    for (int i = 0;; i++) {
        const tsr_plan *p = tsr_advice_plan(v, i);
        assert_non_null(p);
        if (!(p->flags & TSR_PLAN_NOW)) continue;
        double bytes = p->access->here.bytes;
        near("decoded", p->access->here.decoded, bytes);
        near("requests", p->access->here.requests * (double)p->chunk_bytes, bytes);
        tsr_advice_free(v);
        return bytes;
    }
}

/* The section on spectral cubes of the ASDF seed document (cells 19 to 28): arrays of f4, read by
 * wavelength and by pixel, chunked along the one and the other. */
static void figures_of_the_spectral_cubes_follow_from_the_shapes(void **state)
{
    (void)state;
    const int64_t cube[] = {32, 32, 2560}, large[] = {160, 160, 2560};
    const int64_t spatial[] = {8, 8, 2560}, spectral[] = {32, 32, 256};
    const int64_t start[] = {0, 0, 0}, image[] = {32, 32, 1}, spectrum[] = {1, 1, 2560};
    const int64_t large_image[] = {160, 160, 1};
    const tsr_slice plane = {start, image, NULL}, pencil = {start, spectrum, NULL};
    const tsr_slice large_plane = {start, large_image, NULL};
    expect_text(bytes_of("<f4", 3, cube, spatial, &plane), "10 MB");
    expect_text(bytes_of("<f4", 3, cube, spectral, &plane), "1 MB");
    expect_text(bytes_of("<f4", 3, cube, spectral, &pencil), "10 MB");
    expect_text(bytes_of("<f4", 3, large, spectral, &large_plane), "25 MB");
    expect_text(bytes_of("<f4", 3, large, spectral, &pencil), "10 MB");
    /* 671 KB were measured: a chunk of 640 KB, and 31 KB of the file's tree and index */
    double one = bytes_of("<f4", 3, cube, spatial, &pencil);
    expect_text(one, "640 KB");
    expect_text(one + 31 * 1024, "671 KB");
}

static void other_figures_of_the_document_follow_too(void **state)
{
    (void)state;
    const int64_t shape[] = {3, 4096, 4096}, chunks[] = {1, 512, 1024};
    const int64_t start[] = {0, 0, 0}, one[] = {1, 1, 1};
    expect_text(bytes_of("<u2", 3, shape, shape, &(tsr_slice){start, one, NULL}), "96 MB");
    expect_text(bytes_of("<u2", 3, shape, chunks, &(tsr_slice){start, one, NULL}), "1 MB");
    const int64_t mosaic[] = {10000, 10000}, tile[] = {625, 1250}, at[] = {30, 90},
                  box[] = {30, 30};
    expect_text(bytes_of("<f4", 2, mosaic, tile, &(tsr_slice){at, box, NULL}), "2 MB");
}

/* ---- beside the counters of reads ---- */

enum { SIDE = 96 };

/* Level 0: noise, which is stored as it is. */
static tsr_array *make(const char *path, int clevel)
{
    char params[16];
    tsr_step steps[] = {{"shuffle", NULL}, {"zstd", params}};
    int64_t shape[] = {SIDE, SIDE, 50}, chunks[] = {48, 32, 32}, blocks[] = {12, 16, 16};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<f4",
                     .ndim = 3,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = blocks,
                     .steps = steps,
                     .nsteps = 2};
    tsr_context_options none = {.size = sizeof none, .threads = 1, .cache_bytes = TSR_NO_CACHE};
    tsr_options o = {.size = sizeof o};
    tsr_array *a;
    size_t n = (size_t)SIDE * SIDE * 50;
    float *items = malloc(n * sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < n; i++) /* noise, smooth and empty regions */
        items[i] = !clevel || i < n / 3 ? (float)random_next() : i < n / 2 ? (float)(i / 64) : 0;
    snprintf(params, sizeof params, "clevel=%d", clevel);
    OK(tsr_context_new(&none, &o.context));
    OK(tsr_array_create(path, &spec, NULL, &a));
    OK(tsr_array_write(a, NULL, items, n * sizeof *items));
    OK(tsr_array_close(a));
    free(items);
    OK(tsr_array_open(path, &o, &a));
    return a;
}

static void close_array(tsr_array *a)
{
    tsr_context *c = a->context;
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

static const tsr_plan *plan_with(const tsr_advice *v, int flag)
{
    const tsr_plan *p;
    for (int i = 0; (p = tsr_advice_plan(v, i)); i++)
        if (p->flags & flag) return p;
    return NULL;
}

static void expect_measured(const tsr_array *a, const tsr_slice *slice, const tsr_read_cost *c)
{
    tsr_read_cost m;
    OK(tsr_advise_measure(a, slice, &m));
    near("bytes", c->bytes, m.bytes);
    near("requests", c->requests, m.requests);
    near("blocks", c->blocks, m.blocks);
    near("chunks", c->chunks, m.chunks);
    assert_true(m.seconds > 0);
}

static void random_slice(const tsr_array *a, int64_t box[3][TSR_MAX_NDIM], tsr_slice *s)
{
    struct tsr_advise_access w;
    random_access(&a->d->grid, random_in(0, 3) == 0, &w);
    memcpy(box[0], w.start, sizeof w.start);
    memcpy(box[1], w.count, sizeof w.count);
    memcpy(box[2], w.step, sizeof w.step);
    *s = (tsr_slice){box[0], box[1], box[2]};
}

static void reads_take_what_the_index_said(void **state)
{
    (void)state;
    for (int clevel = 0; clevel <= 5; clevel += 5) {
        tsr_array *a = make(scratch("a.b2nd"), clevel);
        for (int i = 0; i < 60; i++) {
            int64_t box[3][TSR_MAX_NDIM];
            tsr_access x = {.weight = 1};
            random_slice(a, box, &x.slice);
            tsr_advise_spec s = {.size = sizeof s, .naccess = 1, .access = &x};
            tsr_advice *v;
            OK(tsr_advise(a, &s, &v));
            const tsr_plan *p = plan_with(v, TSR_PLAN_NOW);
            assert_true(p && p->flags & TSR_PLAN_LOCATED);
            expect_measured(a, &x.slice, &p->access->here);
            tsr_advice_free(v);
        }
        close_array(a);
    }
}

static void close_to(const char *what, double found, double measured, double part)
{
    if (fabs(found - measured) > part * measured)
        fail_msg("%s: predicted %.9g, measured %.9g", what, found, measured);
}

/* From shapes alone: of noise that is stored as it is, each read; and the mean of many. */
static void reads_of_plain_chunks_take_what_the_shapes_say(void **state)
{
    (void)state;
    tsr_array *a = make(scratch("b.b2nd"), 0);
    const int64_t count[] = {20, 1, 50};
    int64_t start[] = {3, 4, 0};
    tsr_access x = {.slice = {start, count, NULL}};
    tsr_advise_spec s = {.size = sizeof s, .naccess = 1, .access = &x, .ratio = 1};
    tsr_advice *v;
    OK(tsr_advise(a, &s, &v));
    tsr_read_cost sum = {0}, one, mean = plan_with(v, TSR_PLAN_NOW)->access->mean;
    int n = 0;
    for (start[0] = 0; start[0] <= SIDE - 20; start[0]++) {
        OK(tsr_advise_measure(a, &x.slice, &one));
        sum.bytes += one.bytes;
        sum.requests += one.requests;
        sum.blocks += one.blocks;
        n++;
    }
    close_to("blocks", mean.blocks, sum.blocks / n, 1e-9);
    /* what lies behind the edge of the array is stored as well, and runs end before it */
    close_to("bytes", mean.bytes, sum.bytes / n, 0.02);
    close_to("requests", mean.requests, sum.requests / n, 0.45);
    tsr_advice_free(v);
    close_array(a);
}

/* ---- the search ---- */

static tsr_advice *advise(int ndim, const int64_t *shape, const char *format, const tsr_access *x,
                          int n)
{
    tsr_spec array = {.size = sizeof array, .dtype = "<f4", .ndim = ndim, .shape = shape};
    tsr_advise_spec s = {.size = sizeof s,
                         .array = &array,
                         .format = format,
                         .naccess = n,
                         .access = x};
    tsr_advice *v;
    OK(tsr_advise(NULL, &s, &v));
    return v;
}

static bool no_worse(const tsr_plan *a, const tsr_plan *b, int n)
{
    for (int i = 0; i < n; i++)
        if (a->access[i].mean.seconds > b->access[i].mean.seconds) return false;
    return true;
}

static void plans_are_in_bounds_and_the_front_is_one(void **state)
{
    (void)state;
    static const char *const formats[] = {"b2nd", "zarr3", "zarr2"};
    const int64_t shape[] = {1000, 700, 512}, start[] = {0, 0, 0}, ones[] = {1, 1, 1};
    const int64_t plane[] = {1, 700, 512}, pencil[] = {1000, 1, 1};
    tsr_access x[] = {{.slice = {start, plane, ones}},
                      {.slice = {start, pencil, ones}, .weight = 20}};
    for (int f = 0; f < 3; f++) {
        tsr_advice *v = advise(3, shape, formats[f], x, 2);
        const tsr_plan *p, *q, *best = tsr_advice_plan(v, 0);
        assert_true(best->flags & TSR_PLAN_BEST && best->flags & TSR_PLAN_FRONT);
        assert_non_null(plan_with(v, TSR_PLAN_DEFAULT));
        assert_null(plan_with(v, TSR_PLAN_NOW));
        for (int i = 0; (p = tsr_advice_plan(v, i)); i++) {
            if (!(p->flags & TSR_PLAN_DEFAULT)) {
                assert_in_range(p->chunk_bytes, 1 << 20, 16 << 20);
                assert_true(p->nblocks == 1 ||
                            (p->block_bytes >= 16 << 10 && p->block_bytes <= 256 << 10));
            }
            for (int d = 0; d < 3 && f == 1; d++) assert_int_equal(p->chunks[d] % p->blocks[d], 0);
            for (int k = 0; (q = tsr_advice_plan(v, k)); k++)
                assert_false(p->flags & TSR_PLAN_FRONT && k != i && no_worse(q, p, 2) &&
                             !no_worse(p, q, 2));
        }
        assert_non_null(strstr(tsr_advice_why(v), "less than with the default shape"));
        tsr_advice_free(v);
    }
}

/* All shapes with sides that are powers of two. */
static double least_of_all(const struct tsr_advise_model *m)
{
    double least = INFINITY;
    struct tsr_advise_shape s = {.kind = TSR_ADVISE_WHOLE};
    for (int i = 0; i <= 9; i++)
        for (int j = 0; j <= 9; j++)
            for (int k = 0; k <= 9; k++) {
                int64_t side[] = {1 << i, 1 << j, 1 << k}, bytes = side[0] * side[1] * side[2] * 4;
                double sum = 0;
                if (bytes < 1 << 20 || bytes > 16 << 20) continue;
                memcpy(s.chunk, side, sizeof side);
                memcpy(s.block, side, sizeof side);
                for (int a = 0; a < m->n; a++) {
                    tsr_access_cost c;
                    tsr_advise_cost(m, &s, a, false, &c);
                    sum += c.mean.seconds * m->access[a].weight;
                }
                least = fmin(least, sum);
            }
    return least;
}

static void the_best_plan_is_as_good_as_all_shapes_tried(void **state)
{
    (void)state;
    const int64_t shape[] = {512, 512, 512};
    for (int turn = 0; turn < 40; turn++) {
        struct tsr_advise_access w[3];
        tsr_access x[3];
        struct tsr_grid g = {.ndim = 3, .shape = {512, 512, 512}};
        struct tsr_advise_model m = {.ndim = 3,
                                     .n = 3,
                                     .item_bytes = 4,
                                     .ratio = 1,
                                     .shape = {512, 512, 512},
                                     .latency = 100e-6,
                                     .bandwidth = 1e9,
                                     .decode_speed = 1e9,
                                     .in_flight = 1,
                                     .access = w};
        for (int i = 0; i < 3; i++) {
            random_access(&g, false, &w[i]);
            w[i].weight = (double)random_in(1, 50);
            x[i] = (tsr_access){{w[i].start, w[i].count, w[i].step}, w[i].weight, false};
        }
        tsr_advice *v = advise(3, shape, "zarr2", x, 3);
        double sum = w[0].weight + w[1].weight + w[2].weight;
        double found = tsr_advice_plan(v, 0)->seconds * sum, least = least_of_all(&m);
        if (found > least * 1.001) fail_msg("turn %d: found %g, least %g", turn, found, least);
        tsr_advice_free(v);
    }
}

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void advice_takes_no_longer_for_large_arrays(void **state)
{
    (void)state;
    const int64_t small[] = {40, 200, 300, 400}, large[] = {1 << 14, 1 << 15, 1 << 15, 1 << 15};
    const int64_t start[] = {0, 0, 0, 0}, box[] = {1, 30, 30, 30}, one[] = {7, 1, 1, 1};
    tsr_access x[] = {{.slice = {start, box, NULL}},
                      {.slice = {start, one, NULL}},
                      {.slice = {start, NULL, NULL}}};
    double took[2];
    for (int i = 0; i < 2; i++) {
        double begin = cpu_now();
        tsr_advice_free(advise(4, i ? large : small, "b2nd", x, 3));
        took[i] = cpu_now() - begin;
    }
    print_message("4-d: %.1f ms, of 2^59 items %.1f ms\n", took[0] * 1e3, took[1] * 1e3);
    assert_true(took[1] < 0.5);
}

/* ---- what is refused ---- */

static void wrong_questions_are_refused(void **state)
{
    (void)state;
    const int64_t shape[] = {10, 10}, start[] = {3, 3}, count[] = {8, 1}, none[] = {0, 1};
    tsr_spec array = {.size = sizeof array, .dtype = "<f4", .ndim = 2, .shape = shape};
    tsr_access x = {0};
    tsr_advise_spec s = {.size = sizeof s, .array = &array, .naccess = 1, .access = &x};
    tsr_advice *v = NULL;
    tsr_read_cost c;
    FAILS(TSR_EARG, "no array", tsr_advise(NULL, &(tsr_advise_spec){.size = sizeof s}, &v));
    FAILS(TSR_EARG, "size 0", tsr_advise(NULL, &(tsr_advise_spec){0}, &v));
    x.slice = (tsr_slice){start, count, NULL};
    FAILS(TSR_EARG, "access 1", tsr_advise(NULL, &s, &v));
    x.slice = (tsr_slice){start, none, NULL};
    FAILS(TSR_EARG, "no items", tsr_advise(NULL, &s, &v));
    x.slice = (tsr_slice){0};
    x.weight = -1;
    FAILS(TSR_EARG, "weight", tsr_advise(NULL, &s, &v));
    x.weight = 0;
    s.format = "hdf5";
    FAILS(TSR_EARG, "format", tsr_advise(NULL, &s, &v));
    s.format = NULL;
    s.medium = "tape";
    FAILS(TSR_EARG, "medium", tsr_advise(NULL, &s, &v));
    s.medium = NULL;
    s.chunk_least = 10;
    s.chunk_most = 9;
    FAILS(TSR_EARG, "chunks", tsr_advise(NULL, &s, &v));
    s.chunk_least = s.chunk_most = 0;
    s.naccess = 0;
    FAILS(TSR_EARG, "accesses", tsr_advise(NULL, &s, &v));
    s.naccess = 1;
    array.dtype = "nonsense";
    FAILS(TSR_EARG, "dtype", tsr_advise(NULL, &s, &v));
    FAILS(TSR_EARG, "no array", tsr_advise_measure(NULL, NULL, &c));
    assert_null(v);
}

static void small_arrays_and_large_items_have_plans(void **state)
{
    (void)state;
    const int64_t tiny[] = {3, 1}, one[] = {1};
    tsr_access x = {0};
    tsr_spec array = {.size = sizeof array, .ndim = 2, .shape = tiny, .item_bytes = 1 << 25};
    tsr_advise_spec s = {.size = sizeof s, .array = &array, .naccess = 1, .access = &x};
    static const char *const formats[] = {"b2nd", "zarr3", "zarr2"};
    for (int i = 0; i < 9; i++) {
        tsr_advice *v;
        array.ndim = i / 3;
        array.shape = i / 3 == 1 ? one : tiny;
        s.format = formats[i % 3];
        OK(tsr_advise(NULL, &s, &v));
        assert_non_null(tsr_advice_plan(v, 0));
        tsr_advice_free(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_are_those_of_the_engines_walk_over_all_places),
        cmocka_unit_test(figures_of_the_spectral_cubes_follow_from_the_shapes),
        cmocka_unit_test(other_figures_of_the_document_follow_too),
        cmocka_unit_test(reads_take_what_the_index_said),
        cmocka_unit_test(reads_of_plain_chunks_take_what_the_shapes_say),
        cmocka_unit_test(plans_are_in_bounds_and_the_front_is_one),
        cmocka_unit_test(the_best_plan_is_as_good_as_all_shapes_tried),
        cmocka_unit_test(advice_takes_no_longer_for_large_arrays),
        cmocka_unit_test(wrong_questions_are_refused),
        cmocka_unit_test(small_arrays_and_large_items_have_plans),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
