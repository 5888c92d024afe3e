/* SPDX-License-Identifier: BSD-3-Clause */
/* The work of a read follows what it touches and not what there is: chunks that the grid goes
 * through, requests and bytes of the store, blocks decoded and allocations, of arrays of 10^3 to
 * 10^6 chunks. */
#include "../heap.h"
#include "../scratch.h"

#include "grid/grid.h"

enum { SIDE = 16, DEEP = 4, EDGE = 8, SIZES = 4, SLABS = 250 };
static const int64_t chunks[] = {DEEP, EDGE, EDGE}, blocks[] = {2, 4, 4};

/* The linker puts it in the place of the grid's. */
static _Atomic long steps;
void __real_tsr_walk_next(struct tsr_walk *w);
void __wrap_tsr_walk_next(struct tsr_walk *w);
void __wrap_tsr_walk_next(struct tsr_walk *w)
{
    steps++;
    __real_tsr_walk_next(w);
}

struct work {
    long steps, requests, bytes, blocks, allocations;
};

/* Of one thread: sanitizers allocate when another begins, which may be late. */
static tsr_context *context(void)
{
    tsr_context *c = NULL;
    OK(tsr_context_new(&(tsr_context_options){.size = sizeof(tsr_context_options),
                                              .threads = 1,
                                              .cache_bytes = TSR_NO_CACHE},
                       &c));
    return c;
}

/* 4 chunks in a slab, SLABS * 10^k slabs; chunks of one value, and a few that are not. */
static void make(const char *path, int64_t slabs)
{
    int64_t shape[] = {slabs * DEEP, SIDE, SIDE};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 3,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = blocks};
    int32_t items[DEEP * SIDE * SIDE], seven = 7;
    tsr_context *c = context();
    tsr_options o = {.size = sizeof o, .mode = "w", .context = c};
    tsr_array *a = NULL;
    OK(tsr_array_create(path, &spec, &o, &a));
    OK(tsr_array_fill(a, NULL, &seven));
    for (int i = 0; i < DEEP * SIDE * SIDE; i++) items[i] = i * i;
    for (int i = 0; i < 8; i++) {
        int64_t start[] = {slabs * i / 8 * DEEP, 0, 0}, count[] = {DEEP, SIDE, SIDE};
        OK(tsr_array_write(a, &(tsr_slice){start, count, NULL}, items, sizeof items));
    }
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

static void check_items(const int32_t *out, const int64_t *start, const int64_t *count)
{
    for (int64_t i = 0; i < count[1] * count[2]; i++) {
        int64_t y = start[1] + i / count[2], x = start[2] + i % count[2];
        int64_t k = (start[0] % DEEP * SIDE + y) * SIDE + x;
        assert_int_equal(out[i], (int32_t)(k * k));
    }
}

/* Opens the array and reads a part of one plane, twice: what the second read took of all but
 * requests and bytes, which are of both and of the opening. */
static struct work read_once(const char *path, const int64_t *start, const int64_t *count)
{
    tsr_context *c = context();
    tsr_options o = {.size = sizeof o, .context = c};
    tsr_stats first = {.size = sizeof first}, then = first;
    int32_t out[SIDE * SIDE];
    size_t bytes = (size_t)(count[1] * count[2]) * sizeof *out;
    tsr_array *a = NULL;
    OK(tsr_array_open(path, &o, &a));
    OK(tsr_array_read(a, &(tsr_slice){start, count, NULL}, out, bytes));
    OK(tsr_array_stats(a, &first));
    long before = steps, taken = heap_calls();
    OK(tsr_array_read(a, &(tsr_slice){start, count, NULL}, out, bytes));
    struct work w = {.steps = steps - before, .allocations = heap_calls() - taken};
    OK(tsr_array_stats(a, &then));
    w.requests = (long)then.requests;
    w.bytes = (long)then.bytes_read;
    w.blocks = (long)(then.blocks_decoded - first.blocks_decoded);
    check_items(out, start, count);
    OK(tsr_array_close(a));
    tsr_context_free(c);
    return w;
}

static void print(const char *what, int64_t n, const struct work *w)
{
    print_message("%-7s of %8lld chunks: %ld steps, %ld requests of %ld bytes, %ld blocks\n", what,
                  (long long)n, w->steps, w->requests, w->bytes, w->blocks);
}

/* Of the index a page is read, of at most 128 KiB, in a step or two. */
static void check_same(const struct work *w, const struct work *least)
{
    assert_int_equal(w->steps, least->steps);
    assert_int_equal(w->blocks, least->blocks);
    assert_int_equal(w->allocations, 0);
    assert_true(w->requests <= least->requests + 4);
    assert_true(w->bytes <= least->bytes + (128 << 10));
}

static void a_read_costs_the_blocks_it_touches(void **state)
{
    struct work item[SIZES], plane[SIZES];
    int64_t slabs = SLABS;
    const char *path = scratch("work.b2nd");
    (void)state;
    for (int i = 0; i < SIZES; i++, slabs *= 10) {
        int64_t at[] = {slabs * 5 / 8 * DEEP + 1, 0, 0}, all[] = {1, SIDE, SIDE};
        make(path, slabs);
        plane[i] = read_once(path, at, all);
        at[1] = 9;
        at[2] = 3;
        item[i] = read_once(path, at, (int64_t[]){1, 1, 1});
        print("an item", slabs * 4, &item[i]);
        print("a plane", slabs * 4, &plane[i]);
        check_same(&item[i], &item[0]);
        check_same(&plane[i], &plane[0]);
    }
    assert_int_equal(item[0].blocks, 1);
    assert_int_equal(plane[0].blocks, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_costs_the_blocks_it_touches),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
