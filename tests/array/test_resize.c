/* SPDX-License-Identifier: BSD-3-Clause */
/* What a growth uncovers reads as zeros, whoever left something in the padding, and arrays of
 * one value cost an item per chunk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tessera/tessera.h"

enum { ROWS = 10, COLS = 7, CHUNK = 4, BLOCK = 3 };

static tsr_array *make(const void *fill, const char *dtype)
{
    const int64_t shape[] = {ROWS, COLS}, chunks[] = {CHUNK, CHUNK}, blocks[] = {BLOCK, BLOCK};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = dtype,
                     .ndim = 2,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = blocks,
                     .fill = fill};
    tsr_array *a = NULL;
    if (tsr_array_create(NULL, &spec, NULL, &a) < 0) fail_msg("%s", tsr_error());
    return a;
}

static void resize(tsr_array *a, int64_t rows, int64_t cols)
{
    if (tsr_array_resize(a, (const int64_t[]){rows, cols}) < 0) fail_msg("%s", tsr_error());
}

/* Items inside rows x cols are `inside`, all others zero. */
static void check(const tsr_array *a, int64_t rows, int64_t cols, int32_t inside)
{
    const int64_t *shape = tsr_array_spec(a)->shape;
    size_t n = (size_t)(shape[0] * shape[1]);
    int32_t *v = malloc(n * sizeof *v);
    if (tsr_array_read(a, NULL, v, n * sizeof *v) < 0) fail_msg("%s", tsr_error());
    for (int64_t i = 0; i < shape[0]; i++)
        for (int64_t j = 0; j < shape[1]; j++)
            assert_int_equal(v[i * shape[1] + j], i < rows && j < cols ? inside : 0);
    free(v);
}

static void growing_an_array_of_one_value_shows_zeros(void **state)
{
    (void)state;
    int32_t seven = 7;
    tsr_array *a = make(&seven, "<i4");
    resize(a, ROWS + 1, COLS);
    check(a, ROWS, COLS, 7);
    resize(a, ROWS + 20, COLS + 9);
    check(a, ROWS, COLS, 7);
    assert_int_equal(tsr_array_close(a), TSR_OK);
}

static void what_a_shrink_cut_off_does_not_come_back(void **state)
{
    (void)state;
    int32_t seven = 7;
    tsr_array *a = make(&seven, "<i4");
    resize(a, 5, 6);
    resize(a, ROWS, COLS);
    check(a, 5, 6, 7);
    resize(a, 0, 3);
    resize(a, 3, 3);
    check(a, 0, 0, 0);
    assert_int_equal(tsr_array_close(a), TSR_OK);
}

static void one_axis_may_grow_while_another_shrinks(void **state)
{
    (void)state;
    int32_t seven = 7;
    tsr_array *a = make(&seven, "<i4");
    resize(a, 2, 15);
    check(a, 2, COLS, 7);
    resize(a, 11, 3);
    check(a, 2, 3, 7);
    resize(a, 12, 12);
    check(a, 2, 3, 7);
    assert_int_equal(tsr_array_close(a), TSR_OK);
}

static void an_array_of_one_value_costs_an_item_per_chunk(void **state)
{
    (void)state;
    char item[300];
    memset(item, 'x', sizeof item);
    for (int i = 0; i < 2; i++) {
        tsr_array *a = make(item, i ? "|S300" : "<i4");
        tsr_stats st = {.size = sizeof st};
        assert_int_equal(tsr_array_flush(a), TSR_OK);
        assert_int_equal(tsr_array_stats(a, &st), TSR_OK);
        assert_in_range(st.cbytes, 0, 500 + st.nchunks * (32 + (i ? 300 : 4) + 8));
        assert_int_equal(tsr_array_close(a), TSR_OK);
    }
}

static void resizing_an_immense_array_of_zeros_costs_no_data(void **state)
{
    (void)state;
    const int64_t shape[] = {20000, 20000, 20000}, smaller[] = {19999, 19990, 20000},
                  larger[] = {20000, 20000, 20001}, chunks[] = {500, 500, 500};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "|u1",
                     .ndim = 3,
                     .shape = shape,
                     .chunks = chunks};
    tsr_array *a = NULL;
    tsr_stats st = {.size = sizeof st};
    if (tsr_array_create(NULL, &spec, NULL, &a) < 0) fail_msg("%s", tsr_error());
    assert_int_equal(tsr_array_resize(a, smaller), TSR_OK);
    assert_int_equal(tsr_array_resize(a, larger), TSR_OK);
    assert_int_equal(tsr_array_stats(a, &st), TSR_OK);
    assert_int_equal(st.blocks_decoded, 0);
    assert_int_equal(tsr_array_close(a), TSR_OK);
}

static void a_resize_that_cannot_be_changes_nothing(void **state)
{
    (void)state;
    int32_t seven = 7;
    tsr_array *a = make(&seven, "<i4");
    assert_int_equal(tsr_array_resize(a, (const int64_t[]){3, INT64_C(1) << 40}), TSR_ELIMIT);
    assert_int_equal(tsr_array_resize(a, (const int64_t[]){0, INT64_MAX}), TSR_EARG);
    assert_int_equal(tsr_array_spec(a)->shape[0], ROWS);
    assert_int_equal(tsr_array_spec(a)->shape[1], COLS);
    check(a, ROWS, COLS, 7);
    assert_int_equal(tsr_array_close(a), TSR_OK);
}

static void reading_nothing_may_leave_any_size_to_the_other_sides(void **state)
{
    (void)state;
    const int64_t shape[] = {INT64_C(1) << 60, 0}, one[] = {1, 1};
    tsr_slice backwards = {(int64_t[]){shape[0] - 1, 0}, (int64_t[]){shape[0], 0},
                           (int64_t[]){-1, 1}};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<c16",
                     .ndim = 2,
                     .shape = shape,
                     .chunks = one,
                     .blocks = one};
    char nothing[1];
    tsr_array *a = NULL;
    if (tsr_array_create(NULL, &spec, NULL, &a) < 0) fail_msg("%s", tsr_error());
    assert_int_equal(tsr_array_read(a, NULL, nothing, 0), TSR_OK);
    assert_int_equal(tsr_array_read(a, &backwards, nothing, 0), TSR_OK);
    assert_int_equal(tsr_array_write(a, NULL, nothing, 0), TSR_OK);
    assert_int_equal(tsr_array_close(a), TSR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_an_array_of_one_value_shows_zeros),
        cmocka_unit_test(what_a_shrink_cut_off_does_not_come_back),
        cmocka_unit_test(a_resize_that_cannot_be_changes_nothing),
        cmocka_unit_test(one_axis_may_grow_while_another_shrinks),
        cmocka_unit_test(an_array_of_one_value_costs_an_item_per_chunk),
        cmocka_unit_test(resizing_an_immense_array_of_zeros_costs_no_data),
        cmocka_unit_test(reading_nothing_may_leave_any_size_to_the_other_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
