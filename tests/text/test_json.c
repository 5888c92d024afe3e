/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/text/test_json.c - JSON in and out, and numbers as text in any locale. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "text/doc.h"
#include "text/number.h"

static int parse(const char *text, size_t len, struct tsr_buf *out)
{
    struct tsr_doc *d;
    struct tsr_node root;
    assert_int_equal(tsr_doc_new(&d), TSR_OK);
    int rc = tsr_json_parse(d, text, len, &root);
    if (rc == TSR_OK) rc = tsr_json_emit(out, &root);
    if (rc == TSR_OK) rc = tsr_buf_add(out, "", 1);
    tsr_doc_free(d);
    return rc;
}

static void text_comes_back_in_its_plain_form(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {" null ", "null"},
        {"12", "12"},
        {"-0.0", "-0.0"},
        {"1e2", "100.0"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"100000000000000000000.0", "1e+20"},
        {"[0.1234567890123456789012, 1e0000000000000000000002]", "[0.12345678901234568,100.0]"},
        {"\"99999999999999999999 \\\" 99999999999999999999\"",
         "\"99999999999999999999 \\\" 99999999999999999999\""},
        {"0.1", "0.1"},
        {"5e-324", "5e-324"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"[1, 2.5, \"a/b\"]", "[1,2.5,\"a/b\"]"},
        {"{\"k\" : {\"\\u00e9\" : [ ] }}", "{\"k\":{\"\xc3\xa9\":[]}}"},
        {"\"\\u0000\\n\"", "\"\\u0000\\n\""},
        {"\"x\"\n", "\"x\""},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct tsr_buf out = {0};
        assert_int_equal(parse(pairs[i][0], strlen(pairs[i][0]), &out), TSR_OK);
        assert_string_equal((char *)out.p, pairs[i][1]);
        tsr_buf_free(&out);
    }
}

static void what_is_not_json_is_corrupt_and_names_the_byte(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "ends at byte 0"},
        {"{", "ends at byte 1"},
        {"[1,]", "at byte 3"},
        {"{\"a\":1,}", "at byte 7"},
        {"'a'", "at byte 0"},
        {"01", "at byte"},
        {"[1] x", "at byte 4"},
        {"nul", "at byte 0"},
        {"\"a", "ends at byte 2"},
        {"\"\xff\"", "at byte 1"},
        {"[1 2]", "at byte 3"},
        {"1 2", "at byte 2"},
        {"[1,18446744073709551616]", "integer at byte 3"},
        {"-9223372036854775809", "integer at byte 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tsr_buf out = {0};
        int rc = parse(bad[i][0], strlen(bad[i][0]), &out);
        if (rc != TSR_ECORRUPT || !strstr(tsr_error(), bad[i][1]))
            fail_msg("%s: %d %s", bad[i][0], rc, rc ? tsr_error() : (char *)out.p);
        tsr_buf_free(&out);
    }
}

static void what_parsers_disagree_about_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"a\":1,\"b\":2,\"a\":1}", "the member 'a' is there twice"},
        {"{\"a\":1,\"\\u0061\":1}", "the member 'a' is there twice"},
        {"\"\\ud800\"", "surrogate pair"},
        {"\"\\ud800\\u0041\"", "surrogate pair"},
        {"\"\\udc00\"", "surrogate pair"},
        {"NaN", "at byte 0"},
        {"-Infinity", "at byte 0"},
        {"1.", "ends at byte 2"},
        {"+1", "at byte 0"},
        {"\"\n\"", "control character"},
        {"\"\\x\"", "an escape"},
        {"\xef\xbb\xbf{}", "at byte 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tsr_buf out = {0};
        int rc = parse(bad[i][0], strlen(bad[i][0]), &out);
        if (rc != TSR_ECORRUPT || !strstr(tsr_error(), bad[i][1]))
            fail_msg("%s: %d %s", bad[i][0], rc, rc ? tsr_error() : (char *)out.p);
        tsr_buf_free(&out);
    }
}

/* As it is read with these flags, written back. */
static void check_kept(const char *text, int flags, const char *expected)
{
    static const char *const raw[] = {"raw", "in", NULL};
    struct tsr_json_rules how = {.flags = flags, .depth = 4, .raw = raw};
    struct tsr_doc *d;
    struct tsr_node root;
    struct tsr_buf out = {0};
    assert_int_equal(tsr_doc_new(&d), TSR_OK);
    if (tsr_json_read(d, text, strlen(text), &how, &root) < 0)
        fail_msg("%s: %s", text, tsr_error());
    assert_int_equal(tsr_json_write(&out, &root, flags), TSR_OK);
    assert_int_equal(tsr_buf_add(&out, "", 1), TSR_OK);
    assert_string_equal((char *)out.p, expected);
    tsr_buf_free(&out);
    tsr_doc_free(d);
}

static void what_was_read_is_written_as_it_was(void **state)
{
    (void)state;
    check_kept("[1.50, -0, 1E5, 18446744073709551615]", 0, "[1.50,-0,1E5,18446744073709551615]");
    check_kept("[184467440737095516150]", TSR_JSON_BIG, "[184467440737095516150]");
    check_kept("[NaN,-Infinity]", TSR_JSON_WORDS, "[\"NaN\",\"-Infinity\"]");
    check_kept("\"\\u0000\\ud83d\\ude00\\/\"", 0, "\"\\u0000\xf0\x9f\x98\x80/\"");
    check_kept("[\"__tuple__\",1]", 0, "[\"__tuple__\",1]");
    check_kept("{\"a\" : [ ], \"b\": {\"c\":[1]}}", TSR_JSON_INDENT,
               "{\n  \"a\": [],\n  \"b\": {\n    \"c\": [\n      1\n    ]\n  }\n}");
    /* text stays text where that was asked for, and nowhere else */
    check_kept("{\"raw\": {\"in\": {\"k\": { \"x\" : 1.0 } , \"l\": [ 2]}, \"out\": { \"x\" : 1}}}",
               0, "{\"raw\":{\"in\":{\"k\":{ \"x\" : 1.0 },\"l\":[ 2]},\"out\":{\"x\":1}}}");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char deep[400];
    struct tsr_buf out = {0};
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    assert_int_equal(parse(deep, 400, &out), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "nesting too deep"));
    assert_int_equal(parse(deep + 150, 100, &out), TSR_OK);
    tsr_buf_free(&out);
}

static void doubles_are_spelled_as_python_spells_them(void **state)
{
    (void)state;
    static const struct {
        double v;
        int bytes;
        const char *text;
    } all[] = {
        {0, 8, "0.0"},
        {0.1, 8, "0.1"},
        {1e15, 8, "1000000000000000.0"},
        {1e16, 8, "1e+16"},
        {1.2345678901234568e17, 8, "1.2345678901234568e+17"},
        {1e-4, 8, "0.0001"},
        {1e-5, 8, "1e-05"},
        {1.5e-7, 8, "1.5e-07"},
        {5e-324, 8, "5e-324"},
        {1.7976931348623157e308, 8, "1.7976931348623157e+308"},
        {2.0 / 3, 8, "0.6666666666666666"},
        {-0.0, 8, "-0.0"},
        {-12.5, 8, "-12.5"},
        {0.30000000000000004, 8, "0.30000000000000004"},
        {9007199254740992, 8, "9007199254740992.0"},
        {NAN, 8, "nan"},
        {-INFINITY, 8, "-inf"},
        {(double)0.1f, 4, "0.1"},
        {(double)(1 / 3.f), 4, "0.33333334"},
        {(double)3.4028235e38f, 4, "3.4028235e+38"},
        {(double)1e-45f, 4, "1e-45"},
        {0.0999755859375, 2, "0.1"},
        {0.333251953125, 2, "0.3333"},
        {5.9604644775390625e-08, 2, "6e-08"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[TSR_NUMBER_MAX];
        double back;
        tsr_number_emit(all[i].v, all[i].bytes, text);
        assert_string_equal(text, all[i].text);
        assert_true(tsr_number_parse(text, &back));
    }
}

static void numbers_do_not_follow_the_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (int i = 0; i < 3 && !setlocale(LC_ALL, names[i]);) i++;
    char text[TSR_NUMBER_MAX];
    double v;
    tsr_number_emit(1.5, 8, text);
    assert_string_equal(text, "1.5");
    assert_true(tsr_number_parse("2.25", &v));
    assert_true(v == 2.25);
    struct tsr_buf out = {0};
    assert_int_equal(parse("[0.5]", 5, &out), TSR_OK);
    assert_string_equal((char *)out.p, "[0.5]");
    tsr_buf_free(&out);
    setlocale(LC_ALL, "C");
}

static void text_that_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " 1", "1 ", "0x10", "1,5", "nan(1)", "e", "--1", "1e"};
    double v;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tsr_number_parse(bad[i], &v));
}

static void halves_round_to_nearest_even_and_all_come_back(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 0x10000; h++) {
        double v = tsr_half_to_double(h);
        if (isnan(v)) assert_int_equal(tsr_double_to_half(v) & 0x7FFF, 0x7E00);
        else assert_int_equal(tsr_double_to_half(v), h);
    }
    assert_int_equal(tsr_double_to_half(1 + 0x1p-11), 0x3C00);
    assert_int_equal(tsr_double_to_half(1 + 3 * 0x1p-11), 0x3C02);
    assert_int_equal(tsr_double_to_half(2047.9), 0x6800);
    assert_int_equal(tsr_double_to_half(65519.9), 0x7BFF);
    assert_int_equal(tsr_double_to_half(65520), 0x7C00);
    assert_int_equal(tsr_double_to_half(0x1p-14 * 0.99999), 0x0400);
    assert_int_equal(tsr_double_to_half(-0x1p-25), 0x8000);
}

static void utf8_is_checked_as_rfc_3629_says(void **state)
{
    (void)state;
    static const char *const good[] =
        {"", "a", "\xc2\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] =
        {"\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
         "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
         "\xc3",         "\xe2\x82",         "a\xc3(",           "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(tsr_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tsr_utf8_valid(bad[i], strlen(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_comes_back_in_its_plain_form),
        cmocka_unit_test(what_is_not_json_is_corrupt_and_names_the_byte),
        cmocka_unit_test(what_parsers_disagree_about_is_refused),
        cmocka_unit_test(what_was_read_is_written_as_it_was),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(doubles_are_spelled_as_python_spells_them),
        cmocka_unit_test(numbers_do_not_follow_the_locale),
        cmocka_unit_test(text_that_is_no_number_is_refused),
        cmocka_unit_test(halves_round_to_nearest_even_and_all_come_back),
        cmocka_unit_test(utf8_is_checked_as_rfc_3629_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
