/* SPDX-License-Identifier: BSD-3-Clause */
/* Chunks that are read as they are decoded (array/late.c): in groups of blocks, wherever in the
 * chunk these lie, by many threads, and when the device fails in the middle. */
#include "../faults.h"
#include "../scratch.h"

enum { CHUNKS = 6, ITEMS = 128 << 10, BLOCK = 64 << 10, NBLOCKS = ITEMS * 4 / BLOCK };
static int32_t items[CHUNKS * ITEMS];

static tsr_context *context(int threads)
{
    tsr_context *c;
    OK(tsr_context_new(&(tsr_context_options){.size = sizeof(tsr_context_options),
                                              .threads = threads,
                                              .cache_bytes = TSR_NO_CACHE},
                       &c));
    return c;
}

/* Halves compress, so that stored blocks are neither as they were nor small. */
static void make(const char *path)
{
    uint64_t seed = 1;
    const tsr_step lz4 = {"lz4", NULL};
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = 4,
                            .chunk_bytes = ITEMS * 4,
                            .block_bytes = BLOCK,
                            .steps = &lz4,
                            .nsteps = 1};
    tsr_options o = {.size = sizeof o, .mode = "w"};
    tsr_schunk *s;
    for (int i = 0; i < CHUNKS * ITEMS; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        items[i] = i % 64 < 32 ? i / 64 : (int32_t)(seed >> 33);
    }
    OK(tsr_schunk_create(path, &spec, &o, &s));
    OK(tsr_schunk_append(s, CHUNKS * ITEMS, items));
    OK(tsr_schunk_close(s));
}

static uint32_t u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The same chunk with the streams of its blocks in the order `rank` says, as writers with threads
 * leave them (blosc2.md: block starts at byte 32). */
static void shuffle_streams(tsr_schunk *s, int64_t chunk, const int rank[NBLOCKS])
{
    uint8_t *p, *out;
    size_t len, at = 32 + 4 * NBLOCKS;
    OK(tsr_schunk_get_chunk(s, chunk, (void **)&p, &len));
    assert_non_null(out = malloc(len));
    memcpy(out, p, at);
    for (int k = 0; k < NBLOCKS; k++) {
        int b = rank[k];
        uint32_t from = u32(p + 32 + 4 * b);
        uint32_t to = b + 1 < NBLOCKS ? u32(p + 32 + 4 * (b + 1)) : (uint32_t)len,
                 start = (uint32_t)at;
        assert_true(from < to && to <= len);
        memcpy(out + at, p + from, to - from);
        memcpy(out + 32 + 4 * b, &start, sizeof start);
        at += to - from;
    }
    assert_int_equal(at, len);
    OK(tsr_schunk_update_compressed(s, chunk, out, len));
    tsr_free(p);
    free(out);
}

static void scatter_blocks(const char *path)
{
    static const int ranks[3][NBLOCKS] = {{7, 6, 5, 4, 3, 2, 1, 0},
                                          {0, 4, 1, 5, 2, 6, 3, 7},
                                          {3, 0, 7, 1, 6, 5, 2, 4}};
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    tsr_schunk *s;
    OK(tsr_schunk_open(path, &o, &s));
    for (int i = 0; i < 3; i++) shuffle_streams(s, 1 + i, ranks[i]);
    OK(tsr_schunk_close(s));
}

static int read_all(const char *path, int threads, tsr_stats *stats)
{
    static int32_t out[CHUNKS * ITEMS];
    tsr_context *c = context(threads);
    tsr_options o = {.size = sizeof o, .context = c};
    tsr_schunk *s;
    memset(out, 1, sizeof out);
    int rc = tsr_schunk_open(path, &o, &s);
    if (rc == TSR_OK) {
        rc = tsr_schunk_get(s, 0, CHUNKS * ITEMS, out);
        if (rc == TSR_OK) assert_memory_equal(out, items, sizeof out);
        if (stats) OK(tsr_schunk_stats(s, stats));
        OK(tsr_schunk_close(s));
    }
    tsr_context_free(c);
    return rc;
}

static void whole_chunks_are_read_in_groups_of_blocks(void **state)
{
    const char *path = scratch("late.b2frame");
    tsr_stats stats = {.size = sizeof stats};
    (void)state;
    make(path);
    for (int threads = 1; threads <= 3; threads++) {
        OK(read_all(path, threads, &stats));
        print_message("%d threads: %lld reads of %lld bytes\n", threads, (long long)stats.requests,
                      (long long)stats.bytes_read);
        /* head and two groups of each chunk, and what opening takes */
        assert_in_range(stats.requests, 2 * CHUNKS, 3 * CHUNKS + 8);
        assert_true(stats.bytes_read < (int64_t)sizeof items);
    }
}

static void blocks_may_lie_in_any_order(void **state)
{
    const char *path = scratch("late.b2frame");
    (void)state;
    make(path);
    scatter_blocks(path);
    for (int threads = 1; threads <= 3; threads++) OK(read_all(path, threads, NULL));
}

static void a_device_that_fails_in_the_middle_is_an_error(void **state)
{
    const char *path = scratch("late.b2frame");
    int failed = 0;
    (void)state;
    make(path);
    for (long at = 1; at < 1000; at++) {
        fault.mode = IO_ONCE;
        fault.n = 0;
        fault.at = at;
        int rc = read_all(path, 1, NULL);
        fault.mode = OFF;
        if (fault.n < at) break;                         /* all calls have had their turn */
        assert_true(rc == TSR_OK || fault_explains(rc)); /* some are only asked for advice */
        failed += rc < 0;
    }
    print_message("%d calls failed\n", failed);
    assert_true(failed > 3 * CHUNKS);
}

static void a_file_cut_short_is_an_error(void **state)
{
    const char *path = scratch("late.b2frame");
    tsr_options o = {.size = sizeof o};
    static int32_t out[CHUNKS * ITEMS];
    tsr_schunk *s;
    (void)state;
    make(path);
    OK(tsr_schunk_open(path, &o, &s));
    OK(truncate(path, CHUNKS * ITEMS));
    FAILS(TSR_ECORRUPT, "ends at byte", tsr_schunk_get(s, 0, CHUNKS * ITEMS, out));
    assert_int_equal(strncmp(tsr_error(), path, strlen(path)), 0);
    OK(tsr_schunk_close(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_chunks_are_read_in_groups_of_blocks),
        cmocka_unit_test(blocks_may_lie_in_any_order),
        cmocka_unit_test(a_device_that_fails_in_the_middle_is_an_error),
        cmocka_unit_test(a_file_cut_short_is_an_error),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
