/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_zarr_checksum.c - tsr_spec.checksum of Zarr arrays: which codecs it makes,
 * what damage it shows, and how it goes from format to format. */
#include "scratch.h"

static const int64_t shape[] = {40, 40}, chunks[] = {20, 20}, blocks[] = {10, 10};
/* Without a checksum any byte of such chunks may change unnoticed. */
static const tsr_step stored[] = {{"zstd", "clevel=0"}};
enum { ITEMS = 40 * 40 };

static tsr_spec spec_of(bool sharded)
{
    return (tsr_spec){.size = sizeof(tsr_spec),
                      .dtype = "<i4",
                      .ndim = 2,
                      .shape = shape,
                      .chunks = chunks,
                      .blocks = sharded ? blocks : NULL,
                      .steps = stored,
                      .nsteps = 1,
                      .checksum = true};
}

static void make(const char *url, const char *format, const tsr_spec *s)
{
    tsr_options o = {.size = sizeof o, .format = format, .mode = "w"};
    int32_t items[ITEMS];
    tsr_array *a;
    for (int i = 0; i < ITEMS; i++) items[i] = i + 1;
    OK(tsr_array_create(url, s, &o, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_close(a));
}

/* Does the array have one, and what does the list of its codecs end with? */
static bool has(const char *url, const char *end)
{
    tsr_array *a;
    OK(tsr_array_open(url, NULL, &a));
    const tsr_spec *s = tsr_array_spec(a);
    size_t n = end ? strlen(end) : 0, len = s->codecs ? strlen(s->codecs) : 0;
    if (n && (len < n || strcmp(s->codecs + len - n, end) != 0))
        fail_msg("%s: codecs %s", url, s->codecs);
    bool yes = s->checksum;
    OK(tsr_array_close(a));
    return yes;
}

static void a_flipped_byte_is_noticed_in_chunks_and_in_shards(void **state)
{
    (void)state;
    for (int sharded = 0; sharded < 2; sharded++) {
        const char *url = scratch(sharded ? "shard.zarr" : "plain.zarr");
        tsr_spec s = spec_of(sharded);
        int32_t items[ITEMS];
        int64_t problems;
        tsr_array *a;
        make(url, "zarr3", &s);
        assert_true(has(url, "{\"name\":\"crc32c\"}]"));
        OK(tsr_verify(url, NULL, NULL, NULL, &problems));
        assert_int_equal(problems, 0);
        file_flip(scratch(sharded ? "shard.zarr/c/1/0" : "plain.zarr/c/1/0"), 50);
        OK(tsr_verify(url, NULL, NULL, NULL, &problems));
        assert_int_equal(problems, 1);
        OK(tsr_array_open(url, NULL, &a));
        FAILS(TSR_ECORRUPT, url, tsr_array_read(a, NULL, items, sizeof items));
        assert_non_null(strstr(tsr_error(), ": c/1/0: "));
        OK(tsr_array_close(a));
    }
}

static void codecs_that_have_one_get_no_second(void **state)
{
    static const tsr_step own[] = {{"zstd", "level=1"}, {"crc32c", NULL}};
    static const char bytes[] = "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}",
                      end[] = "\"little\"}},{\"name\":\"crc32c\"}]";
    char given[600];
    tsr_spec s = spec_of(false);
    (void)state;
    s.steps = own, s.nsteps = 2;
    make(scratch("steps.zarr"), "zarr3", &s);
    assert_true(has(scratch("steps.zarr"), "\"checksum\":false}},{\"name\":\"crc32c\"}]"));
    s.codecs = given;
    snprintf(given, sizeof given, "[%s,{\"name\":\"crc32c\"}]", bytes);
    make(scratch("codecs.zarr"), "zarr3", &s);
    assert_true(has(scratch("codecs.zarr"), end));
    snprintf(given, sizeof given, "[%s]", bytes);
    make(scratch("codecs.zarr"), "zarr3", &s);
    assert_true(has(scratch("codecs.zarr"), end));
    /* of a shard that is given with all its codecs */
    snprintf(given, sizeof given,
             "[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[10,10],"
             "\"codecs\":[%s],\"index_codecs\":[%s,{\"name\":\"crc32c\"}]}}]",
             bytes, bytes);
    make(scratch("inner.zarr"), "zarr3", &s);
    assert_true(has(scratch("inner.zarr"), end));
}

static void format_2_says_that_it_has_no_place_for_one(void **state)
{
    tsr_options o = {.size = sizeof o, .format = "zarr2"};
    tsr_spec s = spec_of(false);
    tsr_array *a;
    (void)state;
    assert_int_equal(tsr_array_create(scratch("two.zarr"), &s, &o, &a), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "checksum: Zarr format 2 has no place"));
}

static void conversions_take_checksums_along_where_there_is_a_place(void **state)
{
    static const char *const sources[] = {"from.b2nd", "from.zarr"};
    tsr_options o = {.size = sizeof o, .mode = "w"};
    tsr_spec asked = {.size = sizeof asked, .checksum = true};
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *from = scratch(sources[i]), *to = scratch("to.zarr");
        tsr_spec s = spec_of(true);
        tsr_array *a, *b;
        make(from, i ? "zarr3" : "b2nd", &s);
        o.format = "zarr3";
        OK(tsr_convert(from, NULL, to, NULL, &o));
        assert_true(has(to, "{\"name\":\"crc32c\"}]"));
        o.format = "zarr2";
        OK(tsr_convert(from, NULL, to, NULL, &o));
        assert_false(has(to, NULL));
        assert_int_equal(tsr_convert(from, NULL, to, &asked, &o), TSR_EUNSUPPORTED);
        OK(tsr_array_open(from, NULL, &a));
        OK(tsr_array_copy(a, to, NULL, &o, &b));
        OK(tsr_array_close(b));
        assert_false(has(to, NULL));
        assert_int_equal(tsr_array_copy(a, to, &asked, &o, &b), TSR_EUNSUPPORTED);
        OK(tsr_array_close(a));
        o.format = "b2nd";
        OK(tsr_convert(from, NULL, scratch("to.b2nd"), NULL, &o));
        assert_true(has(scratch("to.b2nd"), NULL));
    }
}

/* Its root alone says that a hierarchy is of format 2. */
static void copies_into_a_hierarchy_have_what_its_format_has(void **state)
{
    tsr_spec s = spec_of(true);
    tsr_array *a, *b;
    (void)state;
    make(scratch("copied.b2nd"), "b2nd", &s);
    OK(tsr_array_open(scratch("copied.b2nd"), NULL, &a));
    for (int format = 2; format <= 3; format++) {
        const char *url = scratch(format == 2 ? "tree2.zarr" : "tree3.zarr");
        tsr_options o = {.size = sizeof o, .format = format == 2 ? "zarr2" : "zarr3"};
        char node[1100];
        tsr_group *g;
        OK(tsr_group_create(url, &o, &g));
        OK(tsr_group_close(g));
        snprintf(node, sizeof node, "%s#in/x", url);
        OK(tsr_array_copy(a, node, NULL, NULL, &b));
        OK(tsr_array_close(b));
        assert_int_equal(has(node, NULL), format == 3);
    }
    OK(tsr_array_close(a));
}

static void codecs_that_are_asked_for_are_taken_as_they_are(void **state)
{
    tsr_options o = {.size = sizeof o, .mode = "w", .format = "zarr3"};
    tsr_spec asked = {.size = sizeof asked,
                      .codecs = "[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}]"};
    tsr_spec s = spec_of(false);
    (void)state;
    make(scratch("as.b2nd"), "b2nd", &s);
    OK(tsr_convert(scratch("as.b2nd"), NULL, scratch("as.zarr"), &asked, &o));
    assert_false(has(scratch("as.zarr"), "\"little\"}}]"));
}

static void a_row_of_bytes_keeps_its_checksums_as_an_array(void **state)
{
    tsr_options o = {.size = sizeof o, .mode = "w"};
    tsr_schunk_spec s = {.size = sizeof s, .item_bytes = 4, .chunk_bytes = 400, .checksum = true};
    const char *from = scratch("row.b2frame"), *to = scratch("row.zarr");
    int32_t items[300];
    tsr_schunk *c;
    (void)state;
    for (int i = 0; i < 300; i++) items[i] = i;
    OK(tsr_schunk_create(from, &s, NULL, &c));
    OK(tsr_schunk_append(c, 300, items));
    OK(tsr_schunk_close(c));
    o.format = "zarr3";
    OK(tsr_convert(from, NULL, to, NULL, &o));
    assert_true(has(to, "{\"name\":\"crc32c\"}]"));
    o.format = "zarr2";
    OK(tsr_convert(from, NULL, to, NULL, &o));
    assert_false(has(to, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_byte_is_noticed_in_chunks_and_in_shards),
        cmocka_unit_test(codecs_that_have_one_get_no_second),
        cmocka_unit_test(format_2_says_that_it_has_no_place_for_one),
        cmocka_unit_test(conversions_take_checksums_along_where_there_is_a_place),
        cmocka_unit_test(copies_into_a_hierarchy_have_what_its_format_has),
        cmocka_unit_test(codecs_that_are_asked_for_are_taken_as_they_are),
        cmocka_unit_test(a_row_of_bytes_keeps_its_checksums_as_an_array),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove_all);
}
