/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/text/test_dtype.c - dtype strings against str(), dtype.str and dtype.descr of NumPy 2.4,
 * items as text and numbers, and hostile strings. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "base/status.h"
#include "text/dtype.h"

static struct tsr_dtype *parse(const char *text)
{
    struct tsr_dtype *t;
    if (tsr_dtype_parse(text, strlen(text), &t) < 0) fail_msg("%s: %s", text, tsr_error());
    return t;
}

/* Input, its canonical text (NULL: the input), descr (NULL: the canonical), bytes of an item. */
static const struct {
    const char *in, *text, *descr;
    int64_t bytes;
} good[] = {
    {"<i4", NULL, NULL, 4},
    {">i4", NULL, NULL, 4},
    {"=f8", "<f8", NULL, 8},
    {"i2", "<i2", NULL, 2},
    {"|u1", NULL, NULL, 1},
    {"<u1", "|u1", NULL, 1},
    {"?", "|b1", NULL, 1},
    {"|b1", NULL, NULL, 1},
    {"float32", "<f4", NULL, 4},
    {"uint8", "|u1", NULL, 1},
    {"bool", "|b1", NULL, 1},
    {"complex128", "<c16", NULL, 16},
    {"S7", "|S7", NULL, 7},
    {"<U5", NULL, NULL, 20},
    {"|V12", NULL, NULL, 12},
    {"<f2", NULL, NULL, 2},
    {"<f16", NULL, NULL, 16},
    {"<M8[ns]", NULL, NULL, 8},
    {"<m8[25s]", NULL, NULL, 8},
    {"<M8[1D]", "<M8[D]", NULL, 8},
    {"datetime64[us]", "<M8[us]", NULL, 8},
    {"<M8", NULL, NULL, 8},
    {"'<f4'", "<f4", NULL, 4},
    {"[('a', '<i4'), ('b', '<f8', (2,))]", NULL, NULL, 20},
    {"[('a','<i4'),('b',('<f8',2)),]", "[('a', '<i4'), ('b', '<f8', (2,))]", NULL, 20},
    {"[('a', 'i1'), ('b', '?'), ('s', 'S10'), ('u', '>U4'), ('m', '<M8[D]'), ('v', 'V3')]", NULL,
     "[('a', '|i1'), ('b', '|b1'), ('s', '|S10'), ('u', '>U4'), ('m', '<M8[D]'), ('v', '|V3')]",
     39},
    {"[('a', [('x', '<i2'), ('y', '>f4', (2, 3))]), ('z', 'u1', (3,))]", NULL,
     "[('a', [('x', '<i2'), ('y', '>f4', (2, 3))]), ('z', '|u1', (3,))]", 29},
    {"{'names': ['a', 'b'], 'formats': ['i1', '<f8'], 'offsets': [0, 8], 'itemsize': 16, "
     "'aligned': True}",
     "{'names': ['a', 'b'], 'formats': ['i1', '<f8'], 'offsets': [0, 8], 'itemsize': 16}",
     "[('a', '|i1'), ('', '|V7'), ('b', '<f8')]", 16},
    {"{'names': ['a', 'b'], 'formats': ['<i4', ('<f8', (2,))], 'offsets': [4, 16], "
     "'itemsize': 40}",
     NULL, "[('', '|V4'), ('a', '<i4'), ('', '|V8'), ('b', '<f8', (2,)), ('', '|V8')]", 40},
    {"{'itemsize': 3, 'formats': ['<i2', 'u1'], 'names': ['p', 'q']}",
     "[('p', '<i2'), ('q', 'u1')]", "[('p', '<i2'), ('q', '|u1')]", 3},
    {"[('', '|V4'), ('a', '<i4'), ('', '|V8'), ('b', '<f8', (2,)), ('', '|V8')]",
     "{'names': ['a', 'b'], 'formats': ['<i4', ('<f8', (2,))], 'offsets': [4, 16], "
     "'itemsize': 40}",
     "[('', '|V4'), ('a', '<i4'), ('', '|V8'), ('b', '<f8', (2,)), ('', '|V8')]", 40},
    {"[(\"it's\", '<i4'), ('q\"', '<i4'), ('\xc3\xa9\\n', '<i4'), ('a\\\\b', '<i4'), "
     "('\\x7f', '<i4')]",
     NULL, NULL, 20},
    {"[('t', 'S1', (1,))]", NULL, "[('t', '|S1', (1,))]", 1},
    {"[('t', 'S0'), ('u', '<i4')]", NULL, "[('t', '|S0'), ('u', '<i4')]", 4},
};

static void numpy_strings_parse_and_come_back_in_numpys_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct tsr_dtype *t = parse(good[i].in);
        struct tsr_buf out = {0}, descr = {0};
        const char *text = good[i].text ? good[i].text : good[i].in;
        assert_int_equal(t->item_bytes, good[i].bytes);
        assert_int_equal(tsr_dtype_emit(&out, t), TSR_OK);
        assert_int_equal(tsr_dtype_emit_descr(&descr, t), TSR_OK);
        assert_int_equal(tsr_buf_add(&out, "", 1), TSR_OK);
        assert_int_equal(tsr_buf_add(&descr, "", 1), TSR_OK);
        assert_string_equal((char *)out.p, text);
        assert_string_equal((char *)descr.p, good[i].descr ? good[i].descr : text);
        tsr_dtype_free(t);
        t = parse((char *)out.p); /* what we write we read */
        assert_int_equal(t->item_bytes, good[i].bytes);
        tsr_dtype_free(t);
        tsr_buf_free(&out);
        tsr_buf_free(&descr);
    }
}

static void items_may_be_subarrays(void **state)
{
    (void)state;
    static const struct {
        const char *in, *text;
        int64_t bytes;
    } cases[] = {
        {"('<f8', (10,))", NULL, 80},
        {"([('f0', '<i4'), ('f1', '>f4')], (10,))", NULL, 80},
        {"('|u1',(2,3))", "('u1', (2, 3))", 6},
        {"('<i2', 2)", "('<i2', (2,))", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tsr_dtype *t = parse(cases[i].in);
        struct tsr_buf out = {0};
        assert_int_equal(t->kind, 'A');
        assert_int_equal(t->item_bytes, cases[i].bytes);
        assert_int_equal(tsr_dtype_emit(&out, t), TSR_OK);
        assert_int_equal(tsr_buf_add(&out, "", 1), TSR_OK);
        assert_string_equal((char *)out.p, cases[i].text ? cases[i].text : cases[i].in);
        assert_int_equal(tsr_dtype_emit_descr(&out, t), TSR_EUNSUPPORTED);
        assert_false(tsr_dtype_is_numeric(t));
        tsr_buf_free(&out);
        tsr_dtype_free(t);
    }
    struct tsr_dtype *t = parse("('<i2', ())");
    assert_int_equal(t->kind, 'i');
    assert_int_equal(t->item_bytes, 2);
    tsr_dtype_free(t);
    t = parse("('<i2', (2,))");
    struct tsr_buf out = {0};
    assert_int_equal(tsr_dtype_to_text(&out, t, "\1\0\2"), TSR_OK);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.p, "[1, 2]", 6);
    assert_int_equal(tsr_dtype_from_text(t, "1", out.p), TSR_EUNSUPPORTED);
    tsr_buf_free(&out);
    tsr_dtype_free(t);
}

static void fields_lie_where_numpy_puts_them(void **state)
{
    (void)state;
    struct tsr_dtype *t = parse("[('a', [('x', '<i2'), ('y', '>f4', (2, 3))]), ('z', 'u1')]");
    assert_int_equal(t->kind, 'T');
    assert_int_equal(t->nfields, 2);
    assert_string_equal(t->fields[1].name, "z");
    assert_int_equal(t->fields[1].offset, 26);
    const struct tsr_field *y = t->fields[0].dtype->fields + 1;
    assert_int_equal(y->offset, 2);
    assert_int_equal(y->ndim, 2);
    assert_int_equal(y->shape[1], 3);
    assert_int_equal(y->dtype->order, '>');
    tsr_dtype_free(t);
}

static void what_is_no_dtype_is_corrupt_and_names_the_byte(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "the end at byte 0"},
        {"i", "byte 1"},
        {"<i3", "byte 3"},
        {"<x4", "found 'x' at byte 1"},
        {"i04", "leading zeros"},
        {"f8 x", "found 'x' at byte 3"},
        {"U999999999", "at most 2147483647 bytes"},
        {"S99999999999999999999", "at most 2147483647"},
        {"S0", "at least one byte"},
        {"<M8[parsec]", "unit of time"},
        {"<M8[ns", "unit of time"},
        {"<M8[0s]", "count above 0"},
        {"[]", "a field"},
        {"[('a', '<i4'", "')'"},
        {"[('a', '<i4') ('b', '<i4')]", "',' or ']'"},
        {"[('a', <i4)]", "a dtype"},
        {"[('a', '<i4'), ('a', '<i4')]", "two fields are named 'a'"},
        {"[('', '<i4')]", "a name"},
        {"[('a\\x00', '<i4')]", "character code"},
        {"[('a', '<i4', (2147483647, 2147483647))]", "at most 2147483647 bytes"},
        {"[('a', 'S2147483647'), ('b', 'S2147483647')]", "at most 2147483647 bytes"},
        {"[('a', 'u1', (1,1,1,1,1,1,1,1,1))]", "8 dimensions"},
        {"[('a', '<i4', (-1,))]", "found '-'"},
        {"[('a', __import__('os'))]", "a dtype"},
        {"('<f8')", "','"},
        {"('<f8', (2,)", "')'"},
        {"('<f8', (0,))", "at least one byte"},
        {"('<f8', (65536, 65536))", "at most 2147483647 bytes"},
        {"(('<f8', (2,)), (2,))", "a dtype"},
        {"{'names': ['a']}", "'formats'"},
        {"{'names': ['a'], 'formats': ['u1', 'u1']}", "same length"},
        {"{'names': ['a', 'b'], 'formats': ['u1']}", "same length"},
        {"{'names': ['a'], 'names': ['b'], 'formats': ['u1']}", "once"},
        {"{'names': ['a'], 'formats': ['<i4'], 'offsets': [1], 'itemsize': 4}", "end at byte 5"},
        {"{'names': ['a'], 'formats': ['<i4'], 'titles': ['t']}", "once"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tsr_dtype *t;
        int rc = tsr_dtype_parse(bad[i][0], strlen(bad[i][0]), &t);
        if (rc != TSR_ECORRUPT || !strstr(tsr_error(), bad[i][1]))
            fail_msg("%s: %d %s", bad[i][0], rc, rc ? tsr_error() : "was taken");
        assert_null(t);
    }
    struct tsr_dtype *t;
    assert_int_equal(tsr_dtype_parse("|O8", 3, &t), TSR_EUNSUPPORTED);
}

static void every_truncation_and_depth_is_bounded(void **state)
{
    (void)state;
    const char *whole = good[28].in;
    for (size_t n = 0; n < strlen(whole); n++) {
        char *exact = malloc(n + 1);
        struct tsr_dtype *t;
        memcpy(exact + 1, whole, n);
        assert_int_equal(tsr_dtype_parse(exact + 1, n, &t), TSR_ECORRUPT);
        free(exact);
    }
    for (int levels = 16; levels <= 17; levels++) {
        char deep[400] = "";
        struct tsr_dtype *t;
        for (int i = 0; i < levels; i++) strcat(deep, "[('a', ");
        strcat(deep, "'u1'");
        for (int i = 0; i < levels; i++) strcat(deep, ")]");
        assert_int_equal(tsr_dtype_parse(deep, strlen(deep), &t),
                         levels == 16 ? TSR_OK : TSR_ECORRUPT);
        tsr_dtype_free(t);
    }
}

static void numbers_of_every_type_and_order_become_doubles(void **state)
{
    (void)state;
    static const char *const types[] = {"|i1", "|u1", "<i2", ">i2", "<u2", ">u2", "<i4",
                                        ">i4", "<u4", ">u4", "<i8", ">i8", "<u8", ">u8",
                                        "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|b1"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const char *text = types[i][1] == 'b' ? "True" : types[i][1] == 'u' ? "200" : "-100";
        double want = types[i][1] == 'b' ? 1 : types[i][1] == 'u' ? 200 : -100, got[2];
        uint8_t raw[17];
        int64_t bytes;
        char back[32];
        assert_int_equal(tsr_dtype_item_bytes(types[i], &bytes), TSR_OK);
        assert_int_equal(tsr_item_from_text(types[i], text, raw + 1), TSR_OK);
        assert_int_equal(tsr_item_from_text(types[i], text, raw + 1 + bytes), TSR_OK);
        assert_int_equal(tsr_to_double(types[i], raw + 1, 2, got), TSR_OK);
        assert_true(got[0] == want && got[1] == want);
        assert_true(tsr_item_to_text(types[i], raw + 1, back, sizeof back) > 0);
        assert_int_equal(strncmp(back, text, strlen(text)), 0);
    }
    double none;
    assert_int_equal(tsr_to_double("<c8", "12345678", 1, &none), TSR_EUNSUPPORTED);
}

static void items_are_stored_in_their_byte_order(void **state)
{
    (void)state;
    uint8_t raw[8];
    assert_int_equal(tsr_item_from_text("<i4", "-2", raw), TSR_OK);
    assert_memory_equal(raw, "\xfe\xff\xff\xff", 4);
    assert_int_equal(tsr_item_from_text(">i4", "258", raw), TSR_OK);
    assert_memory_equal(raw, "\0\0\1\2", 4);
    assert_int_equal(tsr_item_from_text(">f4", "1.5", raw), TSR_OK);
    assert_memory_equal(raw, "\x3f\xc0\0\0", 4);
    assert_int_equal(tsr_item_from_text(">U2", "\xc3\xa9", raw), TSR_OK);
    assert_memory_equal(raw, "\0\0\0\xe9\0\0\0\0", 8);
}

/* dtype, text in, and text out (NULL: refused). */
static void text_becomes_items_that_print_as_python_prints_them(void **state)
{
    (void)state;
    static const char *const all[][3] = {
        {"|u1", "255", "255"},
        {"|u1", "256", NULL},
        {"|u1", "-1", NULL},
        {"|i1", "-128", "-128"},
        {"|i1", "-129", NULL},
        {"<u8", "18446744073709551615", "18446744073709551615"},
        {"<i8", "9223372036854775808", NULL},
        {"<i8", "-9223372036854775808", "-9223372036854775808"},
        {"<i4", "1e3", "1000"},
        {"<i4", "1.5", NULL},
        {"<i4", "0x10", "16"},
        {"<i4", "", NULL},
        {"<i4", "nan", NULL},
        {"|b1", "true", "True"},
        {"|b1", "2", NULL},
        {"<f4", "nan", "nan"},
        {"<f4", "-inf", "-inf"},
        {"<f4", "0.1", "0.1"},
        {"<f4", "1e39", NULL},
        {"<f2", "65519", "65500.0"},
        {"<f2", "65520", NULL},
        {"<f8", "1", "1.0"},
        {"<f8", "1,5", NULL},
        {"<c8", "1+2j", "(1+2j)"},
        {"<c16", "(-1e-3-2.5e+2J)", "(-0.001-250j)"},
        {"<c16", "2j", "(0+2j)"},
        {"<c16", "j", NULL},
        {"<c16", "1+2", NULL},
        {"|S3", "ab", "b'ab'"},
        {"|S3", "abcd", NULL},
        {"<U2", "\xc3\xa9'", "\"\xc3\xa9'\""},
        {"<U1", "ab", NULL},
        {"<U1", "\xff", NULL},
        {"|V2", "00ff", "b'\\x00\\xff'"},
        {"|V2", "0f", NULL},
        {"<M8[D]", "2026-11-20", "'2026-11-20'"},
        {"<M8[D]", "2026-02-29", NULL},
        {"<M8[D]", "NaT", "'NaT'"},
        {"<M8[s]", "1969-12-31T23:59:59", "'1969-12-31T23:59:59'"},
        {"<M8[ns]", "2262-04-11T23:47:16.854775807", "'2262-04-11T23:47:16.854775807'"},
        {"<M8[ns]", "2262-04-11T23:47:16.854775808", NULL},
        {"<M8[25s]", "1970-02-05T17:20:00", "'1970-02-05T17:20:00'"},
        {"<M8[Y]", "1969", "'1969'"},
        {"<M8[M]", "1969-11", "'1969-11'"},
        {"<M8[W]", "1989-03-02", "'1989-03-02'"},
        {"<M8[as]", "4611686018427387904", "'1970-01-01T00:00:04.611686018427387904'"},
        {"<M8[as]", "-4611686018427387904", "'1969-12-31T23:59:55.388313981572612096'"},
        {"<M8[D]", "-735525", "'-044-03-15'"},
        {"<M8[h]", "2000-02-29T12", "'2000-02-29T12'"},
        {"<m8[s]", "-5", "-5"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint8_t raw[64] = {0};
        char text[128];
        int rc = tsr_item_from_text(all[i][0], all[i][1], raw);
        if (rc != (all[i][2] ? TSR_OK : TSR_EARG))
            fail_msg("%s %s: %d %s", all[i][0], all[i][1], rc, tsr_error());
        if (!all[i][2]) continue;
        assert_int_equal(tsr_item_to_text(all[i][0], raw, text, sizeof text), strlen(all[i][2]));
        assert_string_equal(text, all[i][2]);
    }
}

static void structures_print_as_tuples_and_cut_when_there_is_no_room(void **state)
{
    (void)state;
    static const char raw[] = "\1\0\0\0\2\3ab\0\0\0\0\xc0\x3f";
    const char *dtype = "[('a', '<i4'), ('b', 'u1', (2,)), ('s', 'S4'), ('f', '<f4')]";
    char text[64];
    assert_int_equal(tsr_item_to_text(dtype, raw, text, sizeof text), 23);
    assert_string_equal(text, "(1, [2, 3], b'ab', 1.5)");
}

static void endless_subarrays_of_nothing_are_cut(void **state)
{
    (void)state;
    char text[32];
    int n = tsr_item_to_text("[('a', 'u1'), ('b', 'S0', (2147483647,))]", "\7", text, sizeof text);
    assert_in_range(n, 60000, 80000);
    assert_int_equal(strncmp(text, "(7, [b'', b'',", 14), 0);
    assert_int_equal(strlen(text), 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numpy_strings_parse_and_come_back_in_numpys_form),
        cmocka_unit_test(fields_lie_where_numpy_puts_them),
        cmocka_unit_test(items_may_be_subarrays),
        cmocka_unit_test(what_is_no_dtype_is_corrupt_and_names_the_byte),
        cmocka_unit_test(every_truncation_and_depth_is_bounded),
        cmocka_unit_test(numbers_of_every_type_and_order_become_doubles),
        cmocka_unit_test(items_are_stored_in_their_byte_order),
        cmocka_unit_test(text_becomes_items_that_print_as_python_prints_them),
        cmocka_unit_test(structures_print_as_tuples_and_cut_when_there_is_no_room),
        cmocka_unit_test(endless_subarrays_of_nothing_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
