/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_npy.c - .npy and raw files: heads as NumPy writes them, hostile heads, slabs,
 * and that an unfinished file leaves nothing behind. */
#include "../scratch.h"

/* A version 1 file with this text, padded, and then len bytes of items. */
static void write_npy(const char *path, const char *text, const void *items, size_t len)
{
    size_t text_len = strlen(text), head = (10 + text_len + 1 + 63) / 64 * 64;
    uint8_t *p = calloc(1, head + len + 1);
    memcpy(p, "\x93NUMPY\x01\x00", 8);
    p[8] = (uint8_t)(head - 10);
    p[9] = (uint8_t)((head - 10) >> 8);
    memset(p + 10, ' ', head - 10);
    memcpy(p + 10, text, text_len);
    p[head - 1] = '\n';
    if (len) memcpy(p + head, items, len);
    file_write(path, p, head + len);
    free(p);
}

static int open_text(const char *text, size_t items)
{
    uint8_t zero[4096] = {0};
    tsr_array *a = NULL;
    write_npy(scratch("t.npy"), text, zero, items);
    int rc = tsr_array_open(scratch("t.npy"), NULL, &a);
    if (rc == TSR_OK) OK(tsr_array_close(a));
    return rc;
}

static void a_file_of_numpy_is_read(void **state)
{
    (void)state;
    int16_t items[6] = {1, 2, 3, 4, 5, -6}, got[6], column[2];
    tsr_array *a;
    write_npy(scratch("a.npy"), "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }",
              items, sizeof items);
    OK(tsr_array_open(scratch("a.npy"), NULL, &a));
    const tsr_spec *s = tsr_array_spec(a);
    assert_string_equal(s->dtype, "<i2");
    assert_string_equal(tsr_array_format(a), "npy");
    assert_int_equal(s->ndim, 2);
    assert_int_equal(s->shape[0], 2);
    assert_int_equal(s->shape[1], 3);
    assert_int_equal(s->item_bytes, 2);
    OK(tsr_array_read(a, NULL, got, sizeof got));
    assert_memory_equal(got, items, sizeof items);
    tsr_slice cut = {(int64_t[]){1, 2}, (int64_t[]){2, 1}, (int64_t[]){-1, 1}};
    OK(tsr_array_read(a, &cut, column, sizeof column));
    assert_int_equal(column[0], -6);
    assert_int_equal(column[1], 3);
    FAILS(TSR_EDENIED, "read-only", tsr_array_write(a, NULL, got, sizeof got));
    OK(tsr_array_close(a));
}

static void heads_that_python_would_accept_are_read(void **state)
{
    (void)state;
    OK(open_text("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 8));
    OK(open_text("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 5), }", 0));
    OK(open_text("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 0, 1000000000000), }", 0));
    OK(open_text("{\"shape\":(3L,),\"fortran_order\":True,\"descr\":\"|u1\"}", 3));
    OK(open_text("{'descr': [('a', '<i4'), ('', '|V4'), ('b', '<f8', (2,))], "
                 "'fortran_order': False, 'shape': (2,), }",
                 48));
    OK(open_text("{'descr': '<M8[ns]', 'fortran_order': True, 'shape': (1, 4, 1), }", 32));
    OK(open_text("{'descr': [('\xe9', '<i4')], 'fortran_order': False, 'shape': (1,), }", 4));
}

static void heads_that_break_the_grammar_are_corrupt(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "[]",
        "{'descr': '<f8'}",
        "{'descr': '<f8', 'fortran_order': False}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), } x",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': [2], }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}",
        "{'descr': '<f8', 'fortran_order': False, 'size': (2,)}",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f8, 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('a', '<f8'), 'fortran_order': False, 'shape': (2,)}",
        "{'descr': f8, 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "{'descr': '|V0', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000,)}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int rc = open_text(bad[i], 64);
        if (rc != TSR_ECORRUPT) fail_msg("%s: %d %s", bad[i], rc, tsr_error());
    }
}

static void what_is_valid_but_not_for_us_is_unsupported(void **state)
{
    (void)state;
    FAILS(TSR_EUNSUPPORTED, "Fortran",
          open_text("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3)}", 48));
    FAILS(TSR_EUNSUPPORTED, "objects",
          open_text("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 48));
    file_write(scratch("v9.npy"), "\x93NUMPY\x09\x00\x04\x00{}  ", 14);
    tsr_array *a;
    FAILS(TSR_EUNSUPPORTED, "9.0", tsr_array_open(scratch("v9.npy"), NULL, &a));
    file_write(scratch("empty.zarr.zip"), "", 0);
    FAILS(TSR_EUNSUPPORTED, "empty.zarr.zip: is empty",
          tsr_array_open(scratch("empty.zarr.zip"), NULL, &a));
}

static void a_short_file_is_told_with_its_numbers(void **state)
{
    (void)state;
    FAILS(TSR_ECORRUPT, "bytes 128 to 928, the file ends at byte 192",
          open_text("{'descr': '<f8', 'fortran_order': False, 'shape': (100,)}               ",
                    64));
    tsr_array *a;
    for (size_t len = 0; len < 14; len++) {
        file_write(scratch("cut.npy"), "\x93NUMPY\x01\x00\x76\x00{'des", len);
        assert_int_equal(tsr_array_open(scratch("cut.npy"), NULL, &a), TSR_ECORRUPT);
    }
}

static void what_is_written_equals_numpy(void **state)
{
    (void)state;
    static const char expected[] =
        "\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }"
        "                                                          \n";
    tsr_spec s = {.size = sizeof s, .dtype = "<f8", .ndim = 2, .shape = (int64_t[]){3, 4}};
    double items[12];
    tsr_array *a;
    size_t len;
    for (int i = 0; i < 12; i++) items[i] = i / 3.0;
    OK(tsr_array_create(scratch("w.npy"), &s, NULL, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_close(a));
    uint8_t *p = file_read(scratch("w.npy"), &len);
    assert_int_equal(len, 128 + sizeof items);
    assert_memory_equal(p, expected, 128);
    assert_memory_equal(p + 128, items, sizeof items);
    free(p);
}

static void names_outside_latin_1_take_version_3(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s, .dtype = "[('\xe6\x97\xa5', '<i4')]", .ndim = 0};
    tsr_array *a;
    int32_t item = 7, got = 0;
    OK(tsr_array_create(scratch("v3.npy"), &s, NULL, &a));
    OK(tsr_array_write(a, NULL, &item, sizeof item));
    OK(tsr_array_close(a));
    size_t len;
    uint8_t *p = file_read(scratch("v3.npy"), &len);
    assert_int_equal(p[6], 3);
    assert_int_equal(len % 64, 4);
    free(p);
    OK(tsr_array_open(scratch("v3.npy"), NULL, &a));
    assert_string_equal(tsr_array_spec(a)->dtype, s.dtype);
    OK(tsr_array_read(a, NULL, &got, sizeof got));
    assert_int_equal(got, item);
    OK(tsr_array_close(a));
}

static void an_unfinished_file_leaves_nothing(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s, .dtype = "<u4", .ndim = 1, .shape = (int64_t[]){1000}};
    tsr_options x = {.size = sizeof x, .mode = "x"};
    tsr_array *a;
    int before = scratch_count();
    OK(tsr_array_create(scratch("later.npy"), &s, &x, &a));
    assert_int_not_equal(access(scratch("later.npy"), F_OK), 0);
    OK(tsr_array_flush(a));
    assert_int_equal(access(scratch("later.npy"), F_OK), 0);
    OK(tsr_array_close(a));
    assert_int_equal(scratch_count(), before + 1);
    FAILS(TSR_EEXISTS, "later.npy", tsr_array_create(scratch("later.npy"), &s, &x, &a));
}

/* Random boxes of a shape whose rows are larger than a slab, smaller than one, and of one row. */
static void check_slabs(const char *name, const int64_t shape[3])
{
    tsr_spec s = {.size = sizeof s, .dtype = "<u2", .ndim = 3, .shape = shape};
    size_t n = (size_t)(shape[0] * shape[1] * shape[2]);
    uint16_t *model = calloc(n, 2), *buf = malloc(n * 2);
    tsr_options o = {.size = sizeof o, .raw = &s};
    tsr_array *a;
    OK(tsr_array_create(scratch(name), &s, NULL, &a));
    for (int round = 0; round < 24; round++) {
        int64_t start[3], count[3];
        size_t items = 1;
        for (int d = 0; d < 3; d++) {
            start[d] = random_in(0, shape[d] - 1);
            count[d] = round == 0 ? shape[d] : random_in(1, shape[d] - start[d]);
            if (round == 0) start[d] = 0;
            items *= (size_t)count[d];
        }
        tsr_slice cut = {start, count, NULL};
        if (round % 2 == 0)
            for (size_t i = 0; i < items; i++) buf[i] = (uint16_t)random_next();
        if (round % 2 == 0) OK(tsr_array_write(a, &cut, buf, items * 2));
        else OK(tsr_array_read(a, &cut, buf, items * 2));
        for (size_t i = 0; i < items; i++) {
            int64_t z = (int64_t)i % count[2], y = (int64_t)i / count[2] % count[1];
            int64_t x = (int64_t)i / count[2] / count[1];
            uint16_t *m =
                &model[((start[0] + x) * shape[1] + start[1] + y) * shape[2] + start[2] + z];
            if (round % 2 == 0) *m = buf[i];
            else if (*m != buf[i]) fail_msg("%s: round %d, item %zu", name, round, i);
        }
    }
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch(name), &o, &a));
    OK(tsr_array_read(a, NULL, buf, n * 2));
    assert_memory_equal(buf, model, n * 2);
    OK(tsr_array_close(a));
    free(model);
    free(buf);
}

static void slabs_of_any_shape_hold_what_was_written(void **state)
{
    (void)state;
    check_slabs("s1.npy", (int64_t[]){7, 130, 300});
    check_slabs("s2.npy", (int64_t[]){3, 3000, 1100});
    check_slabs("s3.raw", (int64_t[]){2, 2, 2500000});
    check_slabs("s4.raw", (int64_t[]){1, 1, 100});
    check_slabs("s5.npy", (int64_t[]){200000, 3, 5});
}

static void a_single_item_costs_a_small_read(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s, .dtype = "<f4", .ndim = 2, .shape = (int64_t[]){2000, 2000}};
    tsr_array *a;
    float item;
    OK(tsr_array_create(scratch("one.npy"), &s, NULL, &a));
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("one.npy"), NULL, &a));
    tsr_slice cut = {(int64_t[]){1234, 1234}, (int64_t[]){1, 1}, NULL};
    tsr_stats before = {.size = sizeof before}, after = before;
    OK(tsr_array_stats(a, &before));
    OK(tsr_array_read(a, &cut, &item, sizeof item));
    OK(tsr_array_stats(a, &after));
    assert_true(after.bytes_read - before.bytes_read <= 65536);
    assert_int_equal(after.requests - before.requests, 1);
    OK(tsr_array_close(a));
}

static void raw_needs_dtype_and_shape(void **state)
{
    (void)state;
    uint8_t bytes[100];
    uint32_t got[20];
    tsr_array *a;
    for (int i = 0; i < 100; i++) bytes[i] = (uint8_t)i;
    file_write(scratch("r.raw"), bytes, sizeof bytes);
    FAILS(TSR_EARG, "dtype and shape", tsr_array_open(scratch("r.raw"), NULL, &a));
    tsr_spec s = {.size = sizeof s, .dtype = "<u4", .ndim = 2, .shape = (int64_t[]){4, 5}};
    tsr_options o = {.size = sizeof o, .format = "raw", .raw = &s, .offset = 20};
    OK(tsr_array_open(scratch("r.raw"), &o, &a));
    OK(tsr_array_read(a, NULL, got, sizeof got));
    assert_memory_equal(got, bytes + 20, sizeof got);
    OK(tsr_array_close(a));
    o.offset = 21;
    FAILS(TSR_ECORRUPT, "bytes 21 to 101, the file ends at byte 100",
          tsr_array_open(scratch("r.raw"), &o, &a));
    s.dtype = "<q9";
    FAILS(TSR_EARG, "dtype", tsr_array_open(scratch("r.raw"), &o, &a));
}

static void a_fill_of_nan_or_value_is_written(void **state)
{
    (void)state;
    float nan, got[10];
    uint32_t bits = 0x7FC00000;
    memcpy(&nan, &bits, 4);
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<f4",
                  .ndim = 1,
                  .shape = (int64_t[]){10},
                  .fill = &nan};
    tsr_array *a;
    for (int i = 0; i < 2; i++) {
        OK(tsr_array_create(NULL, &s, &(tsr_options){.size = sizeof(tsr_options), .format = "npy"},
                            &a));
        OK(tsr_array_read(a, NULL, got, sizeof got));
        for (int k = 0; k < 10; k++) assert_memory_equal(&got[k], &nan, 4);
        OK(tsr_array_close(a));
        nan = 1.5f;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_numpy_is_read),
        cmocka_unit_test(heads_that_python_would_accept_are_read),
        cmocka_unit_test(heads_that_break_the_grammar_are_corrupt),
        cmocka_unit_test(what_is_valid_but_not_for_us_is_unsupported),
        cmocka_unit_test(a_short_file_is_told_with_its_numbers),
        cmocka_unit_test(what_is_written_equals_numpy),
        cmocka_unit_test(names_outside_latin_1_take_version_3),
        cmocka_unit_test(an_unfinished_file_leaves_nothing),
        cmocka_unit_test(slabs_of_any_shape_hold_what_was_written),
        cmocka_unit_test(a_single_item_costs_a_small_read),
        cmocka_unit_test(raw_needs_dtype_and_shape),
        cmocka_unit_test(a_fill_of_nan_or_value_is_written),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
