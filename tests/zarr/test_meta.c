/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/test_meta.c - metadata of both formats: rules that no golden array shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "zarr/meta.h"
#include "zarr/node.h"

#define V3(members)                                                                            \
    "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[10],\"chunk_grid\":{\"name\":"      \
    "\"regular\",\"configuration\":{\"chunk_shape\":[4]}},\"chunk_key_encoding\":\"default\"," \
    "\"codecs\":[\"bytes\"]," members "}"
#define V2(members)                                                                      \
    "{\"zarr_format\":2,\"shape\":[10],\"chunks\":[4],\"order\":\"C\",\"filters\":null," \
    "\"compressor\":null," members "}"

static int read_v3(const char *text, struct tsr_zmeta **m)
{
    return tsr_zmeta_read("a/b", TSR_ZDOC_V3, (struct tsr_ztext){text, strlen(text)}, NULL, m);
}

static int read_v2(const char *text, struct tsr_zmeta **m)
{
    return tsr_zmeta_read("a/b", TSR_ZDOC_ARRAY, (struct tsr_ztext){text, strlen(text)}, NULL, m);
}

/* ---- fill values ---- */

struct fill {
    int format;
    const char *type, *json; /* JSON of both */
    const char *hex;         /* of the item; NULL: it is refused */
    const char *again;       /* what is written for it; NULL: the same */
};

static const struct fill fills[] = {
    {3, "\"float32\"", "0.1", "cdcccc3d", NULL},
    /* a double would round these up to the tie and then to even */
    {3, "\"float32\"", "1.00000005960464477540", "0100803f", "1.0000001"},
    {3, "\"float32\"", "1.00000005960464477539", "0000803f", "1.0"},
    {3, "\"float16\"", "1.00048828125", "003c", "1.0"},
    {3, "\"float16\"", "1.000488281250000000000000000001", "013c", "1.001"},
    {3, "\"bfloat16\"", "1.00390625", "803f", "1.0"},
    {3, "\"bfloat16\"", "1.0039062500000000000000000000000000001", "813f", "1.01"},
    {3, "\"bfloat16\"", "0.1", "cd3d", "0.1"},
    {3, "\"bfloat16\"", "\"NaN\"", "c07f", NULL},
    {3, "\"bfloat16\"", "\"0xff81\"", "81ff", NULL},
    {3, "\"float8_e4m3\"", "0", "00", "0.0"},
    {3, "\"float8_e4m3\"", "-0.0", "80", NULL},
    {3, "\"float8_e4m3\"", "240", "77", "240.0"},
    {3, "\"float8_e4m3\"", "\"-Infinity\"", "f8", NULL},
    {3, "\"float8_e4m3fnuz\"", "\"NaN\"", "80", NULL},
    {3, "\"float8_e4m3fnuz\"", "\"Infinity\"", NULL, NULL},
    {3, "\"float8_e4m3fnuz\"", "240", "7f", "240.0"},
    {3, "\"float8_e8m0fnu\"", "1", "7f", "1.0"},
    {3, "\"float8_e8m0fnu\"", "0", NULL, NULL},
    {3, "\"float8_e8m0fnu\"", "-1", NULL, NULL},
    {3, "\"float4_e2m1fn\"", "6", "07", "6.0"},
    {3, "\"float4_e2m1fn\"", "\"NaN\"", NULL, NULL},
    {3, "\"float4_e2m1fn\"", "\"0x0f\"", "0f", "-6.0"},
    {3, "\"float4_e2m1fn\"", "\"0x10\"", NULL, NULL},
    {3, "\"complex_bfloat16\"", "[1.0,\"NaN\"]", "803fc07f", NULL},
    {3, "\"float32\"", "3.40282356779733661638e38", NULL, NULL},
    {3, "\"float32\"", "3.4028235677973366e38", "ffff7f7f", "3.4028235e+38"},
    {3, "\"float64\"", "1e400", NULL, NULL},
    {3, "\"float64\"", "5e-324", "0100000000000000", NULL},
    {3, "\"float64\"", "-0.0", "0000000000000080", NULL},
    {3, "\"float32\"", "\"0x7f800001\"", "0100807f", NULL},
    {3, "\"float32\"", "\"0X7f800001\"", NULL, NULL},
    {3, "\"float32\"", "\"+Infinity\"", NULL, NULL},
    {3, "\"float32\"", "NaN", NULL, NULL},
    {3, "\"float32\"", "true", NULL, NULL},
    {3, "\"int4\"", "-8", "f8", NULL},
    {3, "\"int4\"", "8", NULL, NULL},
    {3, "\"uint2\"", "3", "03", NULL},
    {3, "\"uint2\"", "4", NULL, NULL},
    {3, "\"int32\"", "7.0", "07000000", "7"},
    {3, "\"int32\"", "7e0", NULL, NULL},
    {3, "\"int32\"", "\"7\"", NULL, NULL},
    {3, "\"uint64\"", "18446744073709551615", "ffffffffffffffff", NULL},
    {3, "\"uint64\"", "18446744073709551616", NULL, NULL},
    {3, "\"bool\"", "1", NULL, NULL},
    {3, "{\"name\":\"int16\"}", "1", "0100", NULL},
    {3, "\"r16\"", "[1,255]", "01ff", NULL},
    {3, "\"r16\"", "[1,256]", NULL, NULL},
    {3, "\"r16\"", "\"AQI=\"", "0102", "[1,2]"}, /* as tensorstore writes it */
    {3, "\"r16\"", "\"AQID\"", NULL, NULL},
    {3, "\"r12\"", "[1]", NULL, NULL},
    {3, "\"string\"", "\"h\\u00e9\"", "0300000068c3a9", NULL},
    {3, "\"bytes\"", "[1,2]", "020000000102", "\"AQI=\""},
    {3, "\"bytes\"", "\"AQ=\"", NULL, NULL},
    {3, "\"uint8\"", "null", "00", "0"},
    {2, "\">i2\"", "258", "0102", NULL},
    {2, "\">i2\"", "\"258\"", "0102", "258"},
    {2, "\">i2\"", "7e2", "02bc", "700"},
    {2, "\">i2\"", "40000", NULL, NULL},
    {2, "\"|b1\"", "1", "01", "true"},
    {2, "\"|S3\"", "\"YWI=\"", "616200", "\"YWIA\""},
    {2, "\"|S3\"", "\"YWJjZA==\"", NULL, NULL},
    {2, "\"|S3\"", "0", "000000", "\"AAAA\""},
    {2, "\">U2\"", "\"\\u6f22\"", "00006f2200000000", NULL},
    {2, "\"<U2\"", "\"abc\"", NULL, NULL},
    {2, "\"|V2\"", "\"AQI=\"", "0102", NULL},
    {2, "\"|V2\"", "\"AQIA\"", NULL, NULL},
    {2, "\"|V2\"", "\"AQJ=\"", NULL, NULL}, /* bits behind the last byte */
    {2, "\"<f4\"", "\"0x7fc00000\"", NULL, NULL},
    {2, "\"<f4\"", "\"NaN\"", "0000c07f", NULL},
    {2, "\"<f4\"", "null", "00000000", NULL},
    {2, "\"<M8[\\u00b5s]\"", "\"NaT\"", "0000000000000080", "-9223372036854775808"},
    {2, "\"<m8\"", "1", "0100000000000000", NULL},
    {2, "\"<M8[0s]\"", "1", NULL, NULL},
    {2, "[[\"a\",\"<i2\"],[\"\",\"|V2\"],[\"\",\"|V1\"],[\"b\",\"|u1\",2]]", "\"AQACAwQFBg==\"",
     "01000203040506", NULL},
    {2, "[[\"a\",\"<i2\",[0]]]", "0", NULL, NULL},
};

static void to_hex(const struct tsr_zfill *f, char *hex)
{
    for (size_t i = 0; i < f->len; i++) sprintf(hex + 2 * i, "%02x", f->p[i]);
}

static const char *written(struct tsr_zmeta *m, struct tsr_buf *out)
{
    struct tsr_node n;
    assert_int_equal(tsr_zfill_emit(m->doc, m->type, &m->fill, m->format, &n), TSR_OK);
    assert_int_equal(tsr_json_write(out, &n, 0), TSR_OK);
    assert_int_equal(tsr_buf_add(out, "", 1), TSR_OK);
    return (char *)out->p;
}

static void fill_values_have_these_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        const struct fill *f = fills + i;
        char text[1024], hex[256] = "";
        struct tsr_zmeta *m = NULL;
        struct tsr_buf out = {0};
        snprintf(text, sizeof text,
                 f->format == 3 ? V3("\"data_type\":%s,\"fill_value\":%s")
                                : V2("\"dtype\":%s,\"fill_value\":%s"),
                 f->type, f->json);
        int rc = f->format == 3 ? read_v3(text, &m) : read_v2(text, &m);
        if (rc == TSR_OK) to_hex(&m->fill, hex);
        if (!f->hex != (rc != TSR_OK) || (f->hex && strcmp(hex, f->hex) != 0))
            fail_msg("%s %s: %s", f->type, f->json, rc ? tsr_error() : hex);
        if (rc == TSR_OK && !strstr(f->json, "\\u"))
            assert_string_equal(written(m, &out), f->again ? f->again : f->json);
        tsr_buf_free(&out);
        tsr_zmeta_free(m);
    }
}

/* ---- members ---- */

static void what_is_wrong_is_named_with_key_and_member(void **state)
{
    (void)state;
    static const char good[] = "\"data_type\":\"int8\",\"fill_value\":0";
    static const char *const more[][2] = {
        {",\"x\":{}", "a/b/zarr.json: x: found a member that is not known"},
        {",\"x\":{\"must_understand\":false}", NULL},
        {",\"x\":{\"must_understand\":0}", "a/b/zarr.json: x: "},
        {",\"dimension_names\":null", NULL},
        {",\"dimension_names\":[null]", NULL},
        {",\"dimension_names\":[\"\",\"\"]", "a/b/zarr.json: dimension_names: "},
        {",\"attributes\":{\"a\":NaN,\"b\":-Infinity,\"c\":123456789012345678901234567890}", NULL},
        {",\"x\":{\"must_understand\":false,\"y\":[NaN]}",
         "a/b/zarr.json: x: y: found the bare word"},
        {",\"shape\":[1]", "a/b/zarr.json: JSON: the member 'shape' is there twice"},
        {",\"storage_transformers\":[{\"name\":\"q\",\"must_understand\":false}]", NULL},
        {",\"storage_transformers\":[\"q\"]", "a/b/zarr.json: storage_transformers: [0]: "},
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        char text[1024];
        struct tsr_zmeta *m = NULL;
        snprintf(text, sizeof text, V3("%s%s"), good, more[i][0]);
        int rc = read_v3(text, &m);
        if (!more[i][1] != (rc == TSR_OK) || (rc < 0 && !strstr(tsr_error(), more[i][1])))
            fail_msg("%s: %s", more[i][0], rc ? tsr_error() : "accepted");
        tsr_zmeta_free(m);
    }
}

static void big_numbers_and_words_of_attributes_come_back(void **state)
{
    (void)state;
    struct tsr_zmeta *m;
    struct tsr_buf out = {0};
    static const char text[] =
        V3("\"data_type\":\"int8\",\"fill_value\":0,\"attributes\":{\"z\":1e2,"
           "\"a\":123456789012345678901234567890,\"n\":NaN}");
    assert_int_equal(read_v3(text, &m), TSR_OK);
    assert_int_equal(tsr_zmeta_write(m, TSR_ZDOC_V3, 0, &out), TSR_EARG);
    assert_non_null(strstr(tsr_error(), "NaN"));
    out.len = 0;
    assert_int_equal(tsr_zmeta_write(m, TSR_ZDOC_V3, TSR_JSON_WORDS, &out), TSR_OK);
    tsr_buf_add(&out, "", 1);
    assert_non_null(strstr((char *)out.p,
                           "\"z\": 1e2,\n    \"a\": 123456789012345678901234567890,\n"
                           "    \"n\": \"NaN\"\n"));
    tsr_buf_free(&out);
    tsr_zmeta_free(m);
}

static void a_draft_of_format_3_is_called_that(void **state)
{
    (void)state;
    struct tsr_zmeta *m;
    assert_int_equal(read_v3("{\"zarr_format\":\"https://purl.org/zarr/spec/protocol/core/3.0\"}",
                             &m),
                     TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "a draft"));
}

/* ---- changes ---- */

static void unknown_members_stay_when_shape_and_attributes_change(void **state)
{
    (void)state;
    struct tsr_zmeta *m, *again;
    struct tsr_doc *d;
    struct tsr_node map;
    struct tsr_buf out = {0};
    int64_t shape[] = {23};
    assert_int_equal(
        read_v3(V3("\"data_type\":\"int8\",\"fill_value\":0,\"x\":{\"must_understand\":"
                   "false,\"deep\":[1.50]}"),
                &m),
        TSR_OK);
    assert_int_equal(tsr_doc_new(&d), TSR_OK);
    assert_int_equal(tsr_json_parse(d, "{\"u\":\"K\"}", 9, &map), TSR_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(tsr_zmeta_set_attributes(m, &map), TSR_OK);
    tsr_doc_free(d);
    assert_int_equal(tsr_zmeta_set_shape(m, shape, NULL), TSR_OK);
    assert_int_equal(m->grid.count[0], 6);
    assert_int_equal(tsr_zmeta_write(m, TSR_ZDOC_V3, 0, &out), TSR_OK);
    tsr_buf_add(&out, "", 1);
    assert_int_equal(read_v3((char *)out.p, &again), TSR_OK);
    assert_int_equal(again->shape[0], 23);
    assert_true(tsr_znode_is(tsr_znode_get(&again->attributes, "u"), "K"));
    assert_non_null(strstr((char *)out.p, "1.50"));
    tsr_zmeta_free(again);
    tsr_zmeta_free(m);
    tsr_buf_free(&out);
}

/* ---- grids ---- */

static struct tsr_zmeta *rectilinear(const char *shapes, int64_t n)
{
    char text[1024];
    struct tsr_zmeta *m;
    snprintf(text, sizeof text,
             "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[%lld],\"chunk_grid\":{\"name\":"
             "\"rectilinear\",\"configuration\":{\"kind\":\"inline\",\"chunk_shapes\":[%s]}},"
             "\"chunk_key_encoding\":\"v2\",\"codecs\":[\"bytes\"],\"data_type\":\"int8\","
             "\"fill_value\":0}",
             (long long)n, shapes);
    if (read_v3(text, &m) < 0) fail_msg("%s: %s", shapes, tsr_error());
    return m;
}

static void every_index_lies_in_the_chunk_that_is_found_for_it(void **state)
{
    (void)state;
    static const char *const all[] = {"[[4,2],1,3,[2,5]]",
                                      "[5,5,5,5]",
                                      "3",
                                      "[1,[1,20]]",
                                      "[[7.0,3],[1,1]]",
                                      "[21,9,[2,1099511627000]]"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct tsr_zmeta *m = rectilinear(all[i], 20);
        int64_t start, len, end = 0;
        for (int64_t c = 0; c < m->grid.count[0]; c++) {
            tsr_zgrid_chunk(&m->grid, 0, c, &start, &len);
            assert_int_equal(start, end);
            assert_true(start < 20 && len <= m->grid.shape[0]);
            end = start + len;
            for (int64_t x = start; x < end && x < 20; x++)
                assert_int_equal(tsr_zgrid_find(&m->grid, 0, x), c);
        }
        assert_true(end >= 20);
        tsr_zmeta_free(m);
    }
}

static void a_rectilinear_grid_gets_a_chunk_when_it_grows(void **state)
{
    (void)state;
    struct tsr_zmeta *m = rectilinear("[[4,2],3]", 10);
    int64_t start, len, shape[] = {18};
    assert_int_equal(tsr_zmeta_set_shape(m, shape, NULL), TSR_OK);
    assert_int_equal(m->grid.count[0], 4);
    tsr_zgrid_chunk(&m->grid, 0, 3, &start, &len);
    assert_int_equal(start, 11);
    assert_int_equal(len, 7);
    shape[0] = 5;
    assert_int_equal(tsr_zmeta_set_shape(m, shape, NULL), TSR_OK);
    assert_int_equal(m->grid.count[0], 2);
    tsr_zmeta_free(m);
}

/* ---- names ---- */

static void keys_of_chunks_are_spelled_and_read(void **state)
{
    (void)state;
    static const struct {
        struct tsr_zkeys k;
        int ndim;
        const char *text;
    } all[] = {
        {{true, '/'}, 3, "c/1/23/45"}, {{true, '.'}, 3, "c.1.23.45"}, {{false, '.'}, 3, "1.23.45"},
        {{false, '/'}, 3, "1/23/45"},  {{true, '/'}, 0, "c"},         {{false, '.'}, 0, "0"},
        {{false, '.'}, 1, "1"},
    };
    static const char *const none[] = {"c/01/23/45", "c/1/23",    "c/1/23/45/6",
                                       "c/1/23/-4",  "c/1/23/",   "c/1/23/9223372036854775808",
                                       "1/23/45",    "c.1.23.45", ""};
    int64_t index[] = {1, 23, 45}, back[3];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char key[TSR_ZKEY_MAX];
        assert_int_equal(tsr_zkey_make(&all[i].k, all[i].ndim, index, key), strlen(all[i].text));
        assert_string_equal(key, all[i].text);
        assert_true(tsr_zkey_parse(&all[i].k, all[i].ndim, key, back));
        assert_memory_equal(back, index, (size_t)all[i].ndim * sizeof *back);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(tsr_zkey_parse(&all[0].k, 3, none[i], back));
}

static void names_that_the_format_takes_for_itself_are_refused(void **state)
{
    (void)state;
    static const char *const v3[] = {"",     ".",   "..",        "...", "a/b",
                                     "a\\b", "__x", "zarr.json", "\xff"};
    static const char *const v2[] = {"",        ".",       "..",      "a/b",
                                     ".zarray", ".zattrs", ".zgroup", ".zmetadata"};
    for (size_t i = 0; i < sizeof v3 / sizeof *v3; i++)
        assert_int_equal(tsr_zname_check(3, v3[i]), TSR_EARG);
    for (size_t i = 0; i < sizeof v2 / sizeof *v2; i++)
        assert_int_equal(tsr_zname_check(2, v2[i]), TSR_EARG);
    assert_int_equal(tsr_zname_check(3, "c"), TSR_OK);
    assert_int_equal(tsr_zname_check(2, "__x"), TSR_OK);
    assert_int_equal(tsr_zname_check(3, "na\xc3\xafve .zarray"), TSR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fill_values_have_these_bits),
        cmocka_unit_test(what_is_wrong_is_named_with_key_and_member),
        cmocka_unit_test(big_numbers_and_words_of_attributes_come_back),
        cmocka_unit_test(a_draft_of_format_3_is_called_that),
        cmocka_unit_test(unknown_members_stay_when_shape_and_attributes_change),
        cmocka_unit_test(every_index_lies_in_the_chunk_that_is_found_for_it),
        cmocka_unit_test(a_rectilinear_grid_gets_a_chunk_when_it_grows),
        cmocka_unit_test(keys_of_chunks_are_spelled_and_read),
        cmocka_unit_test(names_that_the_format_takes_for_itself_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
