/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/text/test_msgpack.c - MessagePack against what Python's msgpack 1.x writes (packb with
 * its defaults), and against input nobody should write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "text/doc.h"

#define BYTES(text) ((const uint8_t *)(text)), sizeof(text) - 1

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

/* MessagePack in hexadecimal, and the JSON it stands for. */
static const struct pair {
    const char *hex, *json;
} pairs[] = {
    {"c0", "null"},
    {"c3", "true"},
    {"00", "0"},
    {"7f", "127"},
    {"cc80", "128"},
    {"ccff", "255"},
    {"cd0100", "256"},
    {"cdffff", "65535"},
    {"ce00010000", "65536"},
    {"ceffffffff", "4294967295"},
    {"cf0000000100000000", "4294967296"},
    {"cf7fffffffffffffff", "9223372036854775807"},
    {"cf8000000000000000", "9223372036854775808"},
    {"cfffffffffffffffff", "18446744073709551615"},
    {"ff", "-1"},
    {"e0", "-32"},
    {"d0df", "-33"},
    {"d080", "-128"},
    {"d1ff7f", "-129"},
    {"d18000", "-32768"},
    {"d2ffff7fff", "-32769"},
    {"d280000000", "-2147483648"},
    {"d3ffffffff7fffffff", "-2147483649"},
    {"d38000000000000000", "-9223372036854775808"},
    {"cb3fb999999999999a", "0.1"},
    {"cb7e37e43c8800759c", "1e+300"},
    {"a0", "\"\""},
    {"a3616263", "\"abc\""},
    {"a2c3a9", "\"\xc3\xa9\""},
    {"90", "[]"},
    {"92019102", "[1,[2]]"},
    {"80", "{}"},
    {"82a16101a16292c0c2", "{\"a\":1,\"b\":[null,false]}"},
    {"dc0010000102030405060708090a0b0c0d0e0f", "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"},
};

/* Parses hex and emits it again as MessagePack (back) and JSON (json); both NUL-ended. */
static int round_trip(const uint8_t *p, size_t len, struct tsr_buf *back, struct tsr_buf *json)
{
    struct tsr_doc *d;
    struct tsr_node root;
    assert_int_equal(tsr_doc_new(&d), TSR_OK);
    int rc = tsr_msgpack_parse(d, p, len, &root);
    if (rc == TSR_OK && back) rc = tsr_msgpack_emit(back, &root);
    if (rc == TSR_OK && json) rc = tsr_json_emit(json, &root);
    if (rc == TSR_OK && json) rc = tsr_buf_add(json, "", 1);
    tsr_doc_free(d);
    return rc;
}

static void python_values_come_back_byte_for_byte_and_as_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        uint8_t raw[64];
        struct tsr_buf back = {0}, json = {0};
        size_t len = from_hex(pairs[i].hex, raw);
        assert_int_equal(round_trip(raw, len, &back, &json), TSR_OK);
        assert_int_equal(back.len, len);
        assert_memory_equal(back.p, raw, len);
        assert_string_equal((char *)json.p, pairs[i].json);
        tsr_buf_free(&back);
        tsr_buf_free(&json);
    }
}

static void json_becomes_the_shortest_messagepack(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        uint8_t raw[64];
        size_t len = from_hex(pairs[i].hex, raw);
        struct tsr_buf out = {0};
        struct tsr_doc *d;
        struct tsr_node root;
        assert_int_equal(tsr_doc_new(&d), TSR_OK);
        assert_int_equal(tsr_json_parse(d, pairs[i].json, strlen(pairs[i].json), &root), TSR_OK);
        assert_int_equal(tsr_msgpack_emit(&out, &root), TSR_OK);
        assert_int_equal(out.len, len);
        assert_memory_equal(out.p, raw, len);
        tsr_buf_free(&out);
        tsr_doc_free(d);
    }
}

/* Lengths around the borders of the string, bin, ext, array and map forms. */
static void every_length_form_round_trips(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 4, 8, 15, 16, 17, 31, 32, 255, 256, 65535, 65536};
    static const enum tsr_node_kind kinds[] = {TSR_NODE_STRING, TSR_NODE_BYTES, TSR_NODE_EXT,
                                               TSR_NODE_LIST, TSR_NODE_MAP};
    char *text = calloc(1, 65536);
    struct tsr_node *values = calloc(2 * 65536, sizeof *values);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            struct tsr_node n = {.kind = kinds[k], .ext = kinds[k] == TSR_NODE_EXT ? -7 : 0};
            if (k < 3) n.s.p = text, n.s.len = sizes[i];
            else n.list.v = values, n.list.n = sizes[i];
            struct tsr_buf once = {0}, twice = {0};
            assert_int_equal(tsr_msgpack_emit(&once, &n), TSR_OK);
            assert_int_equal(round_trip(once.p, once.len, &twice, NULL), TSR_OK);
            assert_int_equal(once.len, twice.len);
            assert_memory_equal(once.p, twice.p, once.len);
            tsr_buf_free(&once);
            tsr_buf_free(&twice);
        }
    free(values);
    free(text);
}

static void tuples_bytes_and_extensions_have_a_json_form(void **state)
{
    (void)state;
    static const struct pair odd[] = {
        {"93a95f5f7475706c655f5f0102", "[1,2]"},
        {"91a95f5f7475706c655f5f", "[]"},
        {"c4020001", "{\"hex\":\"0001\"}"},
        {"d62a61626364", "{\"hex\":\"61626364\"}"},
        {"ca3fc00000", "1.5"},
        {"cb7ff8000000000000", "null"},
        {"cbfff0000000000000", "null"},
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        uint8_t raw[64];
        char *json;
        size_t len = from_hex(odd[i].hex, raw);
        assert_int_equal(tsr_msgpack_to_json(raw, len, &json), TSR_OK);
        assert_string_equal(json, odd[i].json);
        tsr_free(json);
    }
}

static void malformed_input_is_corrupt_and_names_the_byte(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *text;
    } bad[] = {
        {"", "byte 0"},
        {"c1", "tag 0xC1 at byte 0"},
        {"91c1", "tag 0xC1 at byte 1"},
        {"cd01", "2 bytes wanted at 1"},
        {"a3616", "3 bytes announced at byte 1, 1 remain"},
        {"dbffffffff00", "4294967295 bytes announced at byte 5, 1 remain"},
        {"c6ffffffff", "4294967295 bytes announced at byte 5, 0 remain"},
        {"ddffffffff00", "4294967295 values announced at byte 5, 1 bytes remain"},
        {"dfffffffff00", "8589934590 values announced at byte 5"},
        {"0102", "1 bytes follow the value that ends at byte 1"},
        /* each list promises all that is left: together more than there is */
        {"94940101010101", "4 values announced at byte 2, 5 bytes remain"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t raw[64];
        size_t len = from_hex(bad[i].hex, raw);
        assert_int_equal(round_trip(raw, len, NULL, NULL), TSR_ECORRUPT);
        if (!strstr(tsr_error(), bad[i].text)) fail_msg("%s: %s", bad[i].hex, tsr_error());
    }
}

static void sixty_four_levels_parse_and_sixty_five_do_not(void **state)
{
    (void)state;
    uint8_t deep[66];
    memset(deep, 0x91, sizeof deep);
    deep[64] = 0xC0;
    struct tsr_buf back = {0}, json = {0};
    assert_int_equal(round_trip(deep, 65, &back, &json), TSR_OK);
    deep[64] = 0x91;
    deep[65] = 0xC0;
    assert_int_equal(round_trip(deep, 66, NULL, NULL), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "64 levels"));
    tsr_buf_free(&back);
    tsr_buf_free(&json);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "\x82\xa1k\x93\x01\xcd\x01\x02\xc4\x02\x00\x01\xa2z!\xcb"
                                "\x3f\xb9\x99\x99\x99\x99\x99\x9a";
    size_t len = sizeof whole - 1;
    assert_int_equal(round_trip((const uint8_t *)whole, len, NULL, NULL), TSR_OK);
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = malloc(n + 1); /* so that ASan sees a read behind the end */
        memcpy(exact + 1, whole, n);
        assert_int_equal(round_trip(exact + 1, n, NULL, NULL), TSR_ECORRUPT);
        free(exact);
    }
}

static void what_json_cannot_say_is_refused(void **state)
{
    (void)state;
    char *json;
    assert_int_equal(tsr_msgpack_to_json(BYTES("\x81\x01\x02"), &json), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "key that is not a string"));
    assert_int_equal(tsr_msgpack_to_json(BYTES("\xa2\xc3\x28"), &json), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "not UTF-8"));
    assert_int_equal(tsr_msgpack_to_json(BYTES("\x81\xa1\xff\x02"), &json), TSR_ECORRUPT);
    assert_null(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python_values_come_back_byte_for_byte_and_as_json),
        cmocka_unit_test(json_becomes_the_shortest_messagepack),
        cmocka_unit_test(every_length_form_round_trips),
        cmocka_unit_test(tuples_bytes_and_extensions_have_a_json_form),
        cmocka_unit_test(malformed_input_is_corrupt_and_names_the_byte),
        cmocka_unit_test(sixty_four_levels_parse_and_sixty_five_do_not),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(what_json_cannot_say_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
