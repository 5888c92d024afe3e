/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_mmap.c - the modes of tsr_options.mmap, and files that shrink under a reader. */
#include <sys/stat.h>

#include "scratch.h"

enum { N = 100000 };

static tsr_options mapped(const char *mode)
{
    return (tsr_options){.size = sizeof(tsr_options), .mmap = mode};
}

static void fill(int32_t *x, int32_t by)
{
    for (int32_t i = 0; i < N; i++) x[i] = i * by;
}

static void make(const char *path, const tsr_options *o)
{
    const int64_t n = N, chunk = 10000, block = 2500;
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 1,
                     .shape = &n,
                     .chunks = &chunk,
                     .blocks = &block};
    int32_t *x = malloc(N * sizeof *x);
    tsr_array *a;
    fill(x, 1);
    OK(tsr_array_create(path, &spec, o, &a));
    OK(tsr_array_write(a, NULL, x, N * sizeof *x));
    OK(tsr_array_close(a));
    free(x);
}

static void expect(const tsr_array *a, int32_t by)
{
    int32_t *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    fill(x, by);
    OK(tsr_array_read(a, NULL, y, N * sizeof *y));
    assert_memory_equal(x, y, N * sizeof *x);
    free(x);
    free(y);
}

static void put(tsr_array *a, int32_t by)
{
    int32_t *x = malloc(N * sizeof *x);
    fill(x, by);
    OK(tsr_array_write(a, NULL, x, N * sizeof *x));
    free(x);
}

static void the_mode_of_the_map_is_the_mode(void **state)
{
    const char *path = scratch("modes.b2nd");
    tsr_options w = mapped("w+"), r = mapped("r"), u = mapped("r+");
    tsr_array *a;
    (void)state;
    make(path, &w);
    r.mode = "r+";
    OK(tsr_array_open(path, &r, &a));
    expect(a, 1);
    FAILS(TSR_EDENIED, "reading", tsr_array_attr_set(a, "x", "1"));
    OK(tsr_array_close(a));
    OK(tsr_array_open(path, &u, &a));
    put(a, 3);
    OK(tsr_array_close(a));
    OK(tsr_array_open(path, &r, &a));
    expect(a, 3);
    OK(tsr_array_close(a));
}

static void private_changes_are_seen_and_never_written(void **state)
{
    const char *path = scratch("private.b2nd");
    const tsr_options c = mapped("c");
    const int32_t more[3] = {1, 2, 3};
    size_t len, len2;
    tsr_array *a, *b;
    (void)state;
    make(path, NULL);
    uint8_t *before = file_read(path, &len);
    OK(tsr_array_open(path, &c, &a));
    expect(a, 1);
    put(a, 5);
    expect(a, 5);
    for (int turn = 0; turn < 3; turn++) {
        OK(tsr_array_attr_set(a, "turn", turn ? "2" : "1"));
        OK(tsr_array_flush(a));
        put(a, 7 + turn);
        expect(a, 7 + turn);
    }
    OK(tsr_array_sync(a));
    OK(tsr_array_append(a, 0, more, sizeof more));
    OK(tsr_array_resize(a, (int64_t[]){N}));
    OK(tsr_array_flush(a));
    OK(tsr_array_open(path, NULL, &b));
    expect(b, 1);
    OK(tsr_array_close(b));
    expect(a, 9);
    OK(tsr_array_close(a));
    uint8_t *after = file_read(path, &len2);
    assert_int_equal(len, len2);
    assert_memory_equal(before, after, len);
    free(before);
    free(after);
}

static void private_super_chunks_grow_in_memory(void **state)
{
    const char *path = scratch("grow.b2frame");
    const tsr_options c = mapped("c");
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .chunk_bytes = 4000};
    uint32_t x[5000], y[5000];
    tsr_schunk *s;
    (void)state;
    for (int i = 0; i < 5000; i++) x[i] = (uint32_t)random_next();
    OK(tsr_schunk_create(path, &spec, NULL, &s));
    OK(tsr_schunk_append(s, 1500, x));
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(path, &c, &s));
    for (int64_t i = 1500; i < 5000; i += 500) {
        OK(tsr_schunk_append(s, 500, x + i));
        OK(tsr_schunk_flush(s));
    }
    OK(tsr_schunk_get(s, 0, 5000, y));
    assert_memory_equal(x, y, sizeof x);
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(path, NULL, &s));
    assert_int_equal(tsr_schunk_nitems(s), 1500);
    OK(tsr_schunk_close(s));
}

static void a_file_that_shrinks_is_an_error(void **state)
{
    static const char *const modes[] = {"r", "r+", "c"};
    int32_t *x = malloc(N * sizeof *x);
    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *path = scratch("shrinks.npy");
        tsr_options o = mapped(modes[i]);
        tsr_array *a;
        make(path, NULL);
        OK(tsr_array_open(path, &o, &a));
        expect(a, 1);
        assert_int_equal(truncate(path, 200000), 0);
        FAILS(TSR_ECORRUPT, "ends at byte", tsr_array_read(a, NULL, x, N * sizeof *x));
        tsr_array_drop(a);
    }
    free(x);
}

static void other_modes_are_refused(void **state)
{
    const char *path = scratch("refused.b2nd");
    const int64_t n = 10;
    tsr_spec spec = {.size = sizeof spec, .ndim = 1, .shape = &n};
    tsr_array *a;
    (void)state;
    make(path, NULL);
    for (const char *const *m = (const char *const[]){"w+", "w", "", "cow", NULL}; *m; m++) {
        tsr_options o = mapped(*m);
        assert_int_equal(tsr_array_open(path, &o, &a), TSR_EARG);
    }
    for (const char *const *m = (const char *const[]){"r", "r+", "c", NULL}; *m; m++) {
        tsr_options o = mapped(*m);
        assert_int_equal(tsr_array_create(scratch("new.b2nd"), &spec, &o, &a), TSR_EARG);
    }
    tsr_options o = mapped("w+");
    assert_int_equal(tsr_array_create(NULL, &spec, &o, &a), TSR_EARG);
    o.sparse = true;
    assert_int_equal(tsr_array_create(scratch("new.b2nd"), &spec, &o, &a), TSR_EARG);
    o = mapped("r");
    o.locking = true;
    assert_int_equal(tsr_array_open(path, &o, &a), TSR_EARG);
    o = mapped("c");
    assert_int_equal(tsr_array_open(scratch("not-there"), &o, &a), TSR_ENOTFOUND);
    FAILS(TSR_EUNSUPPORTED, "folder", tsr_array_open(scratch_dir, &o, &a));
}

static void a_private_handle_does_not_mix_states_of_others(void **state)
{
    const char *path = scratch("others.b2nd");
    const tsr_options c = mapped("c"), u = {.size = sizeof u, .mode = "r+"};
    int32_t *x = malloc(N * sizeof *x);
    tsr_array *a, *b;
    (void)state;
    make(path, NULL);
    OK(tsr_array_open(path, &c, &a));
    OK(tsr_array_open(path, &u, &b));
    put(b, 2);
    OK(tsr_array_close(b));
    FAILS(TSR_ECONFLICT, "another", tsr_array_read(a, NULL, x, N * sizeof *x));
    tsr_array_drop(a);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mode_of_the_map_is_the_mode),
        cmocka_unit_test(private_changes_are_seen_and_never_written),
        cmocka_unit_test(private_super_chunks_grow_in_memory),
        cmocka_unit_test(a_file_that_shrinks_is_an_error),
        cmocka_unit_test(other_modes_are_refused),
        cmocka_unit_test(a_private_handle_does_not_mix_states_of_others),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
