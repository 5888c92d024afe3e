/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_cache.c - decoded blocks that are kept: what is found again, how much memory
 * that takes, and what threads and processes do to it (changes: test_cache_changes.c). */
#include "../scratch.h"

#include <pthread.h>
#include <sys/wait.h>

#include "array/cache.h"

enum { SIDE = 256, CHUNK = 64, BLOCK = 16, BLOCK_BYTES = BLOCK * BLOCK * 4 };

static tsr_context *new_context(size_t cache_bytes)
{
    tsr_context_options o = {.size = sizeof o, .threads = 2, .cache_bytes = cache_bytes};
    tsr_context *c;
    OK(tsr_context_new(&o, &c));
    return c;
}

static int32_t item_at(int64_t row, int64_t col)
{
    return (int32_t)(row * 1000 + col);
}

static tsr_array *make_ramp(const char *path, tsr_context *c)
{
    static int32_t all[SIDE * SIDE];
    tsr_options o = {.size = sizeof o, .context = c};
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<i4",
                  .ndim = 2,
                  .shape = (int64_t[]){SIDE, SIDE},
                  .chunks = (int64_t[]){CHUNK, CHUNK},
                  .blocks = (int64_t[]){BLOCK, BLOCK}};
    tsr_array *a;
    for (int i = 0; i < SIDE * SIDE; i++) all[i] = item_at(i / SIDE, i % SIDE);
    OK(tsr_array_create(path, &s, &o, &a));
    OK(tsr_array_write(a, NULL, all, sizeof all));
    if (!path) return a;
    OK(tsr_array_close(a));
    OK(tsr_array_open(path, &o, &a));
    return a;
}

/* Reads a box and compares it. */
static bool read_right(const tsr_array *a, int64_t row, int64_t col, int64_t rows, int64_t cols)
{
    int32_t *got = malloc((size_t)(rows * cols) * 4);
    tsr_slice s = {(int64_t[]){row, col}, (int64_t[]){rows, cols}, NULL};
    bool right = got && tsr_array_read(a, &s, got, (size_t)(rows * cols) * 4) == TSR_OK;
    for (int64_t i = 0; right && i < rows * cols; i++)
        right = got[i] == item_at(row + i / cols, col + i % cols);
    free(got);
    return right;
}

static tsr_stats stats_of(const tsr_array *a)
{
    tsr_stats s = {.size = sizeof s};
    OK(tsr_array_stats(a, &s));
    return s;
}

static tsr_cache_stats cache_of(const tsr_context *c)
{
    tsr_cache_stats s = {.size = sizeof s};
    OK(tsr_context_cache_stats(c, &s));
    return s;
}

/* ---- what is found ---- */

static void blocks_that_are_read_again_are_neither_read_nor_decoded(void **state)
{
    (void)state;
    for (int file = 0; file < 2; file++) {
        tsr_context *c = new_context(0);
        tsr_array *a = make_ramp(file ? scratch("again.b2nd") : NULL, c);
        assert_true(read_right(a, 60, 60, 20, 20));
        tsr_stats once = stats_of(a);
        assert_int_equal(once.blocks_decoded, 4);
        assert_int_equal(once.cache_hits, 0);
        for (int i = 0; i < 3; i++) assert_true(read_right(a, 60, 60, 20, 20));
        tsr_stats more = stats_of(a);
        assert_int_equal(more.blocks_decoded, 4);
        assert_int_equal(more.cache_hits, 12);
        assert_int_equal(more.bytes_read, once.bytes_read);
        tsr_cache_stats s = cache_of(c);
        assert_int_equal(s.hits, 12);
        assert_int_equal(s.misses, 4);
        assert_in_range(s.held_bytes, 1, 4 * BLOCK_BYTES + 4 * 512); /* and heads of chunks */
        OK(tsr_array_close(a));
        tsr_context_free(c);
    }
}

static void each_block_of_a_read_counts_once_wherever_it_came_from(void **state)
{
    (void)state;
    tsr_context *c = new_context(0);
    tsr_array *a = make_ramp(NULL, c);
    int64_t hits = 0, misses = 0;
    for (int cols = 1; cols <= 8; cols++) { /* one block more each time: all but it are kept */
        assert_true(read_right(a, 3, 1, 2, cols * BLOCK - 2));
        hits += cols - 1;
        misses++;
        assert_int_equal(stats_of(a).cache_hits, hits);
        assert_int_equal(stats_of(a).blocks_decoded, misses);
        assert_int_equal(cache_of(c).hits, hits);
        assert_int_equal(cache_of(c).misses, misses);
    }
    assert_true(read_right(a, 3, 1, 2, 8 * BLOCK - 2));
    assert_int_equal(stats_of(a).cache_hits, hits + 8);
    assert_int_equal(cache_of(c).hits, hits + 8);
    assert_int_equal(cache_of(c).misses, misses);
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

static void a_block_that_was_decoded_in_part_is_decoded_whole_when_more_is_wanted(void **state)
{
    (void)state;
    tsr_context *c = new_context(0);
    tsr_array *a = make_ramp(NULL, c);
    assert_true(read_right(a, 1, 9, 1, 1)); /* its first rows */
    assert_true(read_right(a, 0, 5, 2, 3));
    assert_int_equal(stats_of(a).blocks_decoded, 1);
    assert_true(read_right(a, 5, 5, 2, 2));
    assert_int_equal(stats_of(a).blocks_decoded, 2);
    assert_int_equal(cache_of(c).held_bytes, BLOCK_BYTES);
    assert_true(read_right(a, 0, 0, BLOCK, BLOCK));
    assert_int_equal(stats_of(a).blocks_decoded, 2);
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

static void lists_points_steps_and_reductions_find_blocks_too(void **state)
{
    (void)state;
    static const int64_t rows[] = {9, 3, 12}, coords[] = {1, 1, 14, 2, 7, 15};
    tsr_context *c = new_context(0);
    tsr_array *a = make_ramp(NULL, c);
    int32_t got[16];
    assert_true(read_right(a, 0, 0, BLOCK, BLOCK - 1));
    int64_t decoded = stats_of(a).blocks_decoded, sum, want = 0;
    tsr_axis axes[] = {{.index = rows, .count = 3}, {.start = 2, .count = 4, .step = 3}};
    OK(tsr_array_read_orthogonal(a, axes, got, NULL));
    for (int i = 0; i < 12; i++) assert_int_equal(got[i], item_at(rows[i / 4], 2 + i % 4 * 3));
    OK(tsr_array_read_points(a, 3, coords, got, 4));
    for (int i = 0; i < 3; i++)
        assert_int_equal(got[i], item_at(coords[2 * (int64_t)i], coords[2 * (int64_t)i + 1]));
    tsr_slice s = {(int64_t[]){15, 0}, (int64_t[]){4, 3}, (int64_t[]){-5, 7}};
    OK(tsr_array_read(a, &s, got, 48));
    for (int i = 0; i < 12; i++) assert_int_equal(got[i], item_at(15 - i / 3 * 5, i % 3 * 7));
    tsr_slice block = {.count = (int64_t[]){BLOCK, BLOCK}};
    tsr_reduce_spec how = {.size = sizeof how, .how = TSR_SUM};
    OK(tsr_reduce(a, &block, &how, &sum, sizeof sum));
    for (int i = 0; i < BLOCK * BLOCK; i++) want += item_at(i / BLOCK, i % BLOCK);
    assert_int_equal(sum, want);
    assert_int_equal(stats_of(a).blocks_decoded, decoded);
    assert_int_equal(cache_of(c).misses, decoded);
    assert_int_equal(cache_of(c).hits, stats_of(a).cache_hits);
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

static void items_of_super_chunks_are_found(void **state)
{
    (void)state;
    enum { N = 5000 };
    static int64_t items[N], got[N];
    tsr_context *c = new_context(0);
    tsr_options o = {.size = sizeof o, .context = c};
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = 8,
                            .chunk_bytes = 8000,
                            .block_bytes = 1600};
    tsr_schunk *s;
    for (int i = 0; i < N; i++) items[i] = i * (int64_t)i;
    OK(tsr_schunk_create(NULL, &spec, &o, &s));
    OK(tsr_schunk_append(s, N - 300, items));
    OK(tsr_schunk_flush(s)); /* the last chunk is short and cut otherwise */
    for (int turn = 0; turn < 3; turn++)
        for (int64_t at = 0; at + 100 <= N - 300; at += 50) {
            OK(tsr_schunk_get(s, at, 100, got));
            assert_memory_equal(got, items + at, 800);
        }
    assert_true(cache_of(c).hits > 2 * 90);
    OK(tsr_schunk_append(s, 300, items + N - 300));
    OK(tsr_schunk_get(s, N - 500, 500, got));
    assert_memory_equal(got, items + N - 500, 4000);
    OK(tsr_schunk_close(s));
    tsr_context_free(c);
}

/* ---- how much ---- */

static void a_read_of_more_than_a_quarter_passes_by(void **state)
{
    (void)state;
    tsr_context *c = new_context(16 * BLOCK_BYTES);
    tsr_array *a = make_ramp(NULL, c);
    assert_true(read_right(a, 0, 0, BLOCK, 5 * BLOCK));
    assert_int_equal(cache_of(c).held_bytes, 0);
    assert_true(read_right(a, 0, 1, BLOCK - 1, 4 * BLOCK - 2));
    assert_int_equal(cache_of(c).misses, 4);
    assert_int_equal(cache_of(c).held_bytes, 4 * BLOCK_BYTES);
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

static void blocks_that_are_read_whole_are_kept_from_the_second_time_on(void **state)
{
    (void)state;
    tsr_context *c = new_context(16 * BLOCK_BYTES);
    tsr_array *a = make_ramp(NULL, c);
    for (int turn = 0; turn < 2; turn++) /* more than would fit */
        for (int64_t col = 0; col < SIDE; col += BLOCK)
            for (int64_t row = 0; row < SIDE; row += 2 * BLOCK)
                assert_true(read_right(a, row, col, 2 * BLOCK, BLOCK));
    assert_int_equal(cache_of(c).held_bytes, 0);
    for (int i = 0; i < 3; i++) assert_true(read_right(a, 16, 16, 2 * BLOCK, BLOCK));
    assert_int_equal(cache_of(c).held_bytes, 2 * BLOCK_BYTES);
    assert_int_equal(cache_of(c).hits, 2);
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

static void large_arrays_that_are_read_whole_once_leave_nothing(void **state)
{
    (void)state;
    for (int mib = 8; mib <= 24; mib += 8) {
        tsr_context *c = new_context(128 << 20);
        tsr_options o = {.size = sizeof o, .context = c};
        tsr_spec s = {.size = sizeof s, .dtype = "|u1", .ndim = 1, .shape = (int64_t[]){mib << 20}};
        size_t n = (size_t)mib << 20;
        uint8_t *all = malloc(n), *got = malloc(n);
        tsr_array *a;
        for (size_t i = 0; i < n; i++) all[i] = (uint8_t)(i >> 9);
        OK(tsr_array_create(NULL, &s, &o, &a));
        OK(tsr_array_write(a, NULL, all, n));
        OK(tsr_array_read(a, NULL, got, n));
        assert_memory_equal(got, all, n);
        assert_int_equal(cache_of(c).held_bytes, 0);
        free(all);
        free(got);
        OK(tsr_array_close(a));
        tsr_context_free(c);
    }
}

static void the_budget_is_kept_and_what_is_used_stays(void **state)
{
    (void)state;
    enum { BUDGET = 48 * BLOCK_BYTES };
    tsr_context *c = new_context(BUDGET);
    tsr_array *a = make_ramp(scratch("budget.b2nd"), c);
    for (int turn = 0; turn < 3; turn++)
        for (int64_t at = 0; at < SIDE; at += BLOCK)
            for (int64_t col = 0; col < SIDE; col += BLOCK) {
                assert_true(read_right(a, at, col, BLOCK, BLOCK - 1));
                assert_true(read_right(a, 0, 0, BLOCK, BLOCK - 1));
                assert_in_range(cache_of(c).held_bytes, 1, BUDGET);
            }
    assert_in_range(cache_of(c).misses, 3 * 255, 3 * 255 + 3); /* the first block stayed */
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

static void the_budget_can_be_changed_and_asked_for(void **state)
{
    (void)state;
    size_t before;
    tsr_context *c = new_context(TSR_NO_CACHE);
    tsr_array *a = make_ramp(NULL, c);
    for (int i = 0; i < 2; i++) assert_true(read_right(a, 1, 1, 1, 1));
    assert_int_equal(stats_of(a).blocks_decoded, 2);
    assert_int_equal(cache_of(c).budget_bytes, 0);
    OK(tsr_context_set_cache(c, 0, &before));
    assert_true(before == TSR_NO_CACHE);
    assert_int_equal(cache_of(c).budget_bytes, 16 << 20);
    for (int i = 0; i < 2; i++) assert_true(read_right(a, 1, 1, 1, 1));
    assert_int_equal(stats_of(a).blocks_decoded, 3);
    OK(tsr_context_set_cache(c, before, &before));
    assert_int_equal(before, 16 << 20);
    assert_int_equal(cache_of(c).held_bytes, 0);
    assert_true(read_right(a, 1, 1, 1, 1));
    assert_int_equal(stats_of(a).blocks_decoded, 4);
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

/* ---- the cache alone ---- */

static void cells_that_are_held_stay_what_they_are(void **state)
{
    (void)state;
    enum { BUDGET = 64 << 10, CELLS = 200 };
    struct tsr_cache *c = tsr_cache_new(BUDGET);
    struct tsr_cell *cell[CELLS] = {0};
    size_t n = 0, before;
    bool more;
    for (; n < CELLS; n++) {
        struct tsr_block_id id = {1, (int64_t)n, 0, 0};
        size_t len = 100 + n * 37 % 2000;
        if (!(cell[n] = tsr_cache_make(c, &id, len, &more))) break;
        memset(cell[n]->p, (int)n, len);
        assert_null(tsr_cache_find(c, &id, 0)); /* not yet */
        tsr_cache_filled(c, cell[n], len);
    }
    assert_in_range(n, 20, CELLS - 1); /* all is held: no room */
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 100 + i * 37 % 2000; k++) assert_int_equal(cell[i]->p[k], (int)i);
    tsr_cache_set_budget(c, 1 << 20, &before);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(cell[i]->p[99], (int)i); /* until the last of them is released */
        tsr_cache_release(c, cell[i], 0);
    }
    struct tsr_block_id big = {2, 0, 0, 0};
    assert_null(tsr_cache_make(c, &big, 1 << 20, &more));
    assert_non_null(cell[0] = tsr_cache_make(c, &big, 400 << 10, &more));
    tsr_cache_filled(c, cell[0], 0); /* it could not be decoded */
    tsr_cache_release(c, cell[0], 0);
    assert_null(tsr_cache_find(c, &big, 0));
    tsr_cache_free(c);
}

static void cells_of_all_sizes_take_each_others_place(void **state)
{
    (void)state;
    uint64_t x = 1;
    struct tsr_cache *c = tsr_cache_new(128 << 10);
    for (int i = 0; i < 20000; i++) {
        x = x * UINT64_C(6364136223846793005) + 1;
        struct tsr_block_id id = {1, (int64_t)(x >> 33) % 300, 0, 0};
        size_t len = 1 + (size_t)(id.chunk * 7919 % 20000);
        struct tsr_cell *cell = tsr_cache_find(c, &id, 0);
        bool more, found = cell != NULL;
        if (!found && !(cell = tsr_cache_make(c, &id, len, &more))) fail_msg("no room");
        if (!found) {
            memset(cell->p, (int)id.chunk, len);
            tsr_cache_filled(c, cell, len);
        }
        assert_true(cell->valid == len && cell->p[0] == (uint8_t)id.chunk &&
                    cell->p[len - 1] == (uint8_t)id.chunk);
        tsr_cache_release(c, cell, 0);
    }
    tsr_cache_free(c);
}

/* ---- threads and processes ---- */

enum { READERS = 8 };
static struct {
    tsr_array *a;
    tsr_context *c;
    atomic_int left, wrong;
} shared;

static void *read_boxes(void *arg)
{
    uint64_t x = 12345 + *(int *)arg;
    for (int i = 0; i < 1500; i++) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
        int64_t row = (int64_t)(x >> 40) % (SIDE - 20), col = (int64_t)(x >> 20) % (SIDE - 20);
        if (!read_right(shared.a, row, col, 1 + (int64_t)(x >> 60), 20))
            atomic_store(&shared.wrong, 1);
    }
    atomic_fetch_sub(&shared.left, 1);
    return NULL;
}

static void *write_others(void *unused)
{
    int32_t v = 0, got;
    tsr_array *other = make_ramp(NULL, shared.c);
    for (; atomic_load(&shared.left); v++) {
        tsr_slice at = {(int64_t[]){v % SIDE, 3}, (int64_t[]){1, 1}, NULL};
        if (tsr_array_write(other, &at, &v, 4) < 0 || tsr_array_read(other, &at, &got, 4) < 0 ||
            got != v)
            atomic_store(&shared.wrong, 1);
        if (v % 64 == 0)
            tsr_context_set_cache(shared.c, v % 128 ? 20 * BLOCK_BYTES : 100 * BLOCK_BYTES, NULL);
    }
    tsr_array_drop(other);
    return unused;
}

static void many_threads_read_while_one_writes_and_the_budget_changes(void **state)
{
    (void)state;
    pthread_t reader[READERS], writer;
    int number[READERS];
    shared.c = new_context(40 * BLOCK_BYTES);
    shared.a = make_ramp(scratch("threads.b2nd"), shared.c);
    atomic_store(&shared.left, READERS);
    assert_int_equal(pthread_create(&writer, NULL, write_others, NULL), 0);
    for (int i = 0; i < READERS; i++) {
        number[i] = i;
        assert_int_equal(pthread_create(&reader[i], NULL, read_boxes, &number[i]), 0);
    }
    for (int i = 0; i < READERS; i++) pthread_join(reader[i], NULL);
    pthread_join(writer, NULL);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    assert_true(cache_of(shared.c).hits > 0);
    OK(tsr_array_close(shared.a));
    tsr_context_free(shared.c);
}

static void a_child_begins_with_an_empty_cache_and_reads_right(void **state)
{
    (void)state;
    int status = -1;
    tsr_context *c = new_context(0);
    tsr_array *a = make_ramp(scratch("child.b2nd"), c);
    assert_true(read_right(a, 0, 0, 40, 40));
    pid_t child = fork();
    if (child == 0) {
        int64_t held = cache_of(c).held_bytes;
        bool right = read_right(a, 0, 0, 40, 40) && read_right(a, 0, 0, 40, 40);
        _exit(held == 0 && right && cache_of(c).held_bytes > 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(read_right(a, 0, 0, 40, 40));
    assert_int_equal(stats_of(a).cache_hits, 9);
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_that_are_read_again_are_neither_read_nor_decoded),
        cmocka_unit_test(each_block_of_a_read_counts_once_wherever_it_came_from),
        cmocka_unit_test(a_block_that_was_decoded_in_part_is_decoded_whole_when_more_is_wanted),
        cmocka_unit_test(lists_points_steps_and_reductions_find_blocks_too),
        cmocka_unit_test(items_of_super_chunks_are_found),
        cmocka_unit_test(a_read_of_more_than_a_quarter_passes_by),
        cmocka_unit_test(blocks_that_are_read_whole_are_kept_from_the_second_time_on),
        cmocka_unit_test(large_arrays_that_are_read_whole_once_leave_nothing),
        cmocka_unit_test(the_budget_is_kept_and_what_is_used_stays),
        cmocka_unit_test(the_budget_can_be_changed_and_asked_for),
        cmocka_unit_test(cells_that_are_held_stay_what_they_are),
        cmocka_unit_test(cells_of_all_sizes_take_each_others_place),
        cmocka_unit_test(many_threads_read_while_one_writes_and_the_budget_changes),
        cmocka_unit_test(a_child_begins_with_an_empty_cache_and_reads_right),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
