/* SPDX-License-Identifier: BSD-3-Clause */
/* Random lives of arrays against a model in memory: writes of boxes, items repeated, growing,
 * shrinking, appending, and between them flushes, reopening, and forgetting what was not
 * flushed. */
#include <string.h>

#include "scratch.h"

enum { CHUNK_ROWS = 8, MOST = 40, STEPS = 80, LIVES = 30 };

/* Items beyond the shape are 0, as they are to be when the array grows. */
struct state {
    int64_t shape[2];
    int32_t item[MOST][MOST];
};

struct life {
    tsr_array *a;
    uint32_t seed;
    const char *path;
    struct state now, flushed;
};

static int64_t draw(struct life *l, int64_t n)
{
    l->seed = l->seed * 1664525u + 1013904223u;
    return (int64_t)((l->seed >> 8) % (uint32_t)n);
}

static void clip(struct state *s)
{
    for (int64_t i = 0; i < MOST; i++)
        for (int64_t j = 0; j < MOST; j++)
            if (i >= s->shape[0] || j >= s->shape[1]) s->item[i][j] = 0;
}

static void check(const struct life *l, const tsr_array *a)
{
    static int32_t got[MOST * MOST];
    const int64_t *shape = tsr_array_spec(a)->shape;
    assert_int_equal(shape[0], l->now.shape[0]);
    assert_int_equal(shape[1], l->now.shape[1]);
    size_t n = (size_t)(shape[0] * shape[1]);
    OK(tsr_array_read(a, NULL, got, n * sizeof *got));
    for (int64_t i = 0; i < shape[0]; i++)
        for (int64_t j = 0; j < shape[1]; j++)
            if (got[i * shape[1] + j] != l->now.item[i][j])
                fail_msg("item %d, %d: found %d, expected %d", (int)i, (int)j,
                         got[i * shape[1] + j], l->now.item[i][j]);
}

/* ---- what happens ---- */

/* A box of values: all zeros, all one item, or noise. */
static void write_box(struct life *l)
{
    static int32_t v[MOST * MOST];
    int64_t at[2], n[2];
    int32_t kind = (int32_t)draw(l, 4), item = kind ? (int32_t)draw(l, 100) : 0;
    for (int d = 0; d < 2; d++) {
        if (l->now.shape[d] == 0) return;
        at[d] = draw(l, l->now.shape[d]);
        n[d] = 1 + draw(l, l->now.shape[d] - at[d]);
    }
    for (int64_t i = 0; i < n[0]; i++)
        for (int64_t j = 0; j < n[1]; j++) {
            int32_t x = kind > 1 ? (int32_t)draw(l, 1000) : item;
            v[i * n[1] + j] = l->now.item[at[0] + i][at[1] + j] = x;
        }
    tsr_slice s = {at, n, NULL};
    if (kind == 1) OK(tsr_array_fill(l->a, &s, &item));
    else OK(tsr_array_write(l->a, &s, v, (size_t)(n[0] * n[1]) * sizeof *v));
}

static void resize(struct life *l)
{
    for (int d = 0; d < 2; d++) {
        int64_t n = l->now.shape[d] + draw(l, 15) - 6;
        if (draw(l, 3)) l->now.shape[d] = n < 0 ? 0 : n > MOST ? MOST : n;
    }
    OK(tsr_array_resize(l->a, l->now.shape));
    clip(&l->now);
}

static void append(struct life *l)
{
    static int32_t v[MOST * MOST];
    int axis = (int)draw(l, 2);
    int64_t from = l->now.shape[axis], k = 0;
    if (l->now.shape[!axis] == 0 || from == MOST) return;
    l->now.shape[axis] += 1 + draw(l, draw(l, 4) ? 1 : MOST - from);
    for (int64_t i = axis ? 0 : from; i < l->now.shape[0]; i++)
        for (int64_t j = axis ? from : 0; j < l->now.shape[1]; j++)
            v[k++] = l->now.item[i][j] = (int32_t)draw(l, 1000);
    OK(tsr_array_append(l->a, axis, v, (size_t)k * sizeof *v));
}

static void open_again(struct life *l)
{
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    OK(tsr_array_open(l->path, &o, &l->a));
}

static void flush(struct life *l)
{
    tsr_array *other;
    OK(tsr_array_flush(l->a));
    l->flushed = l->now;
    OK(tsr_array_open(l->path, NULL, &other));
    check(l, other);
    OK(tsr_array_close(other));
}

static void close_and_open(struct life *l)
{
    OK(tsr_array_close(l->a));
    l->flushed = l->now;
    open_again(l);
}

static void forget(struct life *l)
{
    tsr_array_drop(l->a);
    l->now = l->flushed;
    open_again(l);
}

static void step(struct life *l)
{
    int64_t what = draw(l, 24);
    if (what < 10) write_box(l);
    else if (what < 13) resize(l);
    else if (what < 20) append(l);
    else if (what < 22) flush(l);
    else if (what < 23) close_and_open(l);
    else forget(l);
    check(l, l->a);
}

/* The life that goes on, told when it does not end as it should. */
static struct {
    uint32_t seed; /* 0: none */
    int step;
    const char *name; /* of the first filter or codec; NULL: the default ones */
} living;

static int tell_life(void **state)
{
    (void)state;
    if (living.seed)
        print_error("seed %u, step %d, %s\n", living.seed, living.step,
                    living.name ? living.name : "default steps");
    living.seed = 0;
    return 0;
}

static void live(uint32_t seed, const tsr_step *steps, int nsteps)
{
    static struct life l;
    living.seed = seed;
    living.name = steps ? steps->name : NULL;
    l = (struct life){.seed = seed, .path = scratch("life.b2nd")};
    l.now.shape[0] = draw(&l, MOST);
    l.now.shape[1] = draw(&l, MOST);
    int64_t chunks[2] = {1 + draw(&l, 12), 1 + draw(&l, 12)};
    int64_t blocks[2] = {1 + draw(&l, chunks[0]), 1 + draw(&l, chunks[1])};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 2,
                     .shape = l.now.shape,
                     .chunks = chunks,
                     .blocks = blocks,
                     .steps = steps,
                     .nsteps = nsteps};
    OK(tsr_array_create(l.path, &spec, NULL, &l.a));
    flush(&l);
    for (living.step = 0; living.step < STEPS; living.step++) step(&l);
    OK(tsr_array_close(l.a));
    remove(l.path);
    living.seed = 0;
}

static void an_array_is_what_was_written_to_it_through_any_life(void **state)
{
    static const tsr_step plain[] = {{"zstd", "clevel=0"}},
                          deltas[] = {{"delta", NULL}, {"lz4", NULL}},
                          shuffled[] = {{"shuffle", NULL}, {"blosclz", NULL}};
    (void)state;
    for (uint32_t seed = 1; seed <= LIVES; seed++) {
        live(seed, NULL, 0);
        live(seed, plain, 1);
        live(seed, deltas, 2);
        live(seed, shuffled, 2);
    }
}

static tsr_array *make_rows(int64_t rows, int64_t cols, const char *path)
{
    tsr_array *a;
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 2,
                     .shape = (int64_t[]){rows, cols},
                     .chunks = (int64_t[]){CHUNK_ROWS, 500},
                     .blocks = (int64_t[]){CHUNK_ROWS / 2, 500}};
    OK(tsr_array_create(path, &spec, NULL, &a));
    return a;
}

static void growing_an_array_made_by_the_same_handle_decodes_nothing(void **state)
{
    (void)state;
    enum { ROWS = 6, COLS = 1001 };
    static int32_t v[2 * ROWS * COLS], got[2 * ROWS * COLS];
    tsr_array *a = make_rows(ROWS, COLS, NULL);
    tsr_stats st = {.size = sizeof st};
    for (int i = 0; i < ROWS * COLS; i++) v[i] = i + 1;
    OK(tsr_array_write(a, NULL, v, sizeof v / 2));
    OK(tsr_array_resize(a, (int64_t[]){2 * ROWS, COLS}));
    OK(tsr_array_stats(a, &st));
    assert_int_equal(st.blocks_decoded, 0);
    OK(tsr_array_read(a, NULL, got, sizeof got));
    assert_memory_equal(got, v, sizeof v);
    OK(tsr_array_close(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_array_is_what_was_written_to_it_through_any_life, tell_life),
        cmocka_unit_test(growing_an_array_made_by_the_same_handle_decodes_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
