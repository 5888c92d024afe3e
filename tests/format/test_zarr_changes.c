/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_zarr_changes.c - what changes of Zarr arrays leave in their folders, and what
 * of the changes of others a handle sees. */
#include "scratch.h"

#include <pthread.h>
#include <sys/stat.h>

#include "array/array.h"
#include "format/zarr.h"

static const int64_t shape[] = {40, 40}, chunks[] = {20, 20}, blocks[] = {10, 10};

static tsr_spec small(void)
{
    return (tsr_spec){.size = sizeof(tsr_spec),
                      .dtype = "<i4",
                      .ndim = 2,
                      .shape = shape,
                      .chunks = chunks,
                      .blocks = blocks};
}

static tsr_array *make(const char *url, const char *format, tsr_spec s)
{
    tsr_options o = {.size = sizeof o, .format = format};
    tsr_array *a;
    OK(tsr_array_create(url, &s, &o, &a));
    return a;
}

static tsr_array *reopen(const char *url, const char *mode)
{
    tsr_options o = {.size = sizeof o, .mode = mode};
    tsr_array *a;
    OK(tsr_array_open(url, &o, &a));
    return a;
}

static int32_t item_at(const tsr_array *a, int64_t i, int64_t j)
{
    int64_t start[] = {i, j}, count[] = {1, 1};
    int32_t v;
    OK(tsr_array_read(a, &(tsr_slice){start, count, NULL}, &v, sizeof v));
    return v;
}

static void put_item(tsr_array *a, int64_t i, int64_t j, int32_t v)
{
    int64_t start[] = {i, j}, count[] = {1, 1};
    OK(tsr_array_write(a, &(tsr_slice){start, count, NULL}, &v, sizeof v));
}

/* ---- what is left ---- */

static void a_dropped_array_leaves_no_empty_folder(void **state)
{
    (void)state;
    tsr_array *a = make(scratch("up/dropped.zarr"), NULL, small());
    put_item(a, 0, 0, 1);
    assert_true(exists(scratch("up/dropped.zarr/c/0/0")));
    tsr_array_drop(a);
    assert_false(exists(scratch("up")));
    tsr_spec s = small();
    s.dtype = "no";
    assert_true(tsr_array_create(scratch("up/refused.zarr"), &s, NULL, &a) < 0);
    assert_false(exists(scratch("up")));
}

/* What a writer leaves that is killed before its first flush: chunks, and hidden files. */
static void what_a_killed_writer_left_is_no_part_of_a_new_array(void **state)
{
    (void)state;
    for (int format = 2; format <= 3; format++) {
        const char *url = scratch(format == 2 ? "left2.zarr" : "left3.zarr");
        const char *meta = scratch(format == 2 ? "left2.zarr/.zarray" : "left3.zarr/zarr.json");
        const char *name = format == 2 ? "zarr2" : "zarr3";
        tsr_array *a = make(url, name, small());
        put_item(a, 5, 5, 7);
        OK(tsr_array_attr_set(a, "old", "1"));
        OK(tsr_array_close(a));
        assert_int_equal(remove(meta), 0);
        a = make(url, name, small());
        OK(tsr_array_close(a));
        a = reopen(url, "r");
        assert_int_equal(item_at(a, 5, 5), 0);
        char *json;
        OK(tsr_array_attrs(a, &json));
        assert_string_equal(json, "{}");
        tsr_free(json);
        OK(tsr_array_close(a));
    }
    file_write(scratch("left3.zarr/photo"), "x", 1);
    assert_int_equal(remove(scratch("left3.zarr/zarr.json")), 0);
    tsr_spec s = small();
    tsr_array *a;
    tsr_options o = {.size = sizeof o, .format = "zarr3"};
    FAILS(TSR_EEXISTS, "other things", tsr_array_create(scratch("left3.zarr"), &s, &o, &a));
}

/* As one is left by an append or a shrink that a kill cut short. */
static void a_chunk_outside_the_array_is_not_shown_by_growth(void **state)
{
    static const int64_t to[][2] = {{60, 40}, {40, 50}, {6000, 40}, {50000, 50000}};
    (void)state;
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        char url[1100], from[1100], left[1100];
        size_t len;
        snprintf(url, sizeof url, "%s%zu", scratch("grow.zarr"), i);
        tsr_array *a = make(url, "zarr3", small());
        put_item(a, 0, 0, 7);
        OK(tsr_array_close(a));
        snprintf(from, sizeof from, "%s/c/0/0", url);
        uint8_t *p = file_read(from, &len);
        snprintf(left, sizeof left, "%s/c/2", url);
        mkdir(left, 0777);
        snprintf(left, sizeof left, "%s/c/2/1", url);
        file_write(left, p, len);
        snprintf(left, sizeof left, "%s/c/0/2", url);
        file_write(left, p, len);
        free(p);
        a = reopen(url, "r+");
        OK(tsr_array_resize(a, to[i]));
        OK(tsr_array_close(a));
        a = reopen(url, "r");
        if (to[i][0] > 40) assert_int_equal(item_at(a, 40, 20), 0);
        if (to[i][1] > 40) assert_int_equal(item_at(a, 0, 40), 0);
        assert_int_equal(item_at(a, 0, 0), 7);
        OK(tsr_array_close(a));
    }
}

/* ---- types and sizes ---- */

static void big_endian_items_keep_their_values(void **state)
{
    static const char *const types[] = {">i4", ">f8", ">c8", ">U3",
                                        "[('a', '>i2'), ('b', '<f4'), ('c', '>f8')]"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char name[64];
        snprintf(name, sizeof name, "big%zu.zarr", i);
        tsr_spec s = small();
        s.dtype = types[i];
        tsr_array *a = make(scratch(name), "zarr3", s);
        assert_string_equal(tsr_array_spec(a)->dtype, types[i]);
        assert_non_null(strstr(tsr_array_spec(a)->codecs, "\"endian\":\"big\""));
        size_t n = 1600 * (size_t)tsr_array_spec(a)->item_bytes;
        uint8_t *p = calloc(2, n), *back = p + n;
        for (size_t k = 0; k < n; k++) p[k] = i == 3 ? "\0\0\0A"[k % 4] : (uint8_t)(k * 7);
        OK(tsr_array_write(a, NULL, p, n));
        OK(tsr_array_read(a, NULL, back, n));
        assert_memory_equal(p, back, n);
        tsr_array *b = make(scratch("twin.b2nd"), NULL, *tsr_array_spec(a));
        OK(tsr_array_write(b, NULL, p, n));
        OK(tsr_array_close(a));
        a = reopen(scratch(name), "r");
        char one[TSR_HASH_TEXT], two[TSR_HASH_TEXT];
        OK(tsr_hash(a, 0, NULL, one));
        OK(tsr_hash(b, 0, NULL, two));
        assert_string_equal(one, two);
        OK(tsr_array_close(a));
        OK(tsr_array_close(b));
        free(p);
    }
}

static void a_big_endian_fill_value_is_one_value(void **state)
{
    static const uint8_t seven[4] = {0, 0, 0, 7};
    uint8_t all[6400];
    (void)state;
    tsr_spec s = small();
    s.dtype = ">i4";
    s.fill = seven;
    tsr_array *a = make(scratch("bigfill.zarr"), "zarr3", s);
    OK(tsr_array_read(a, NULL, all, sizeof all));
    for (int i = 0; i < 1600; i++) assert_memory_equal(all + 4 * i, seven, 4);
    OK(tsr_array_write(a, NULL, all, sizeof all));
    assert_false(exists(scratch("bigfill.zarr/c")));
    assert_memory_equal(tsr_array_spec(a)->fill, seven, 4);
    OK(tsr_array_close(a));
    a = reopen(scratch("bigfill.zarr"), "r");
    assert_int_equal(item_at(a, 39, 39), 7);
    OK(tsr_array_close(a));
}

/* So that blocks of a chunk can be counted in 31 bits. */
static void a_shard_of_too_many_inner_chunks_is_refused(void **state)
{
    int64_t huge[] = {1 << 17, 1 << 17}, one[] = {1, 1};
    (void)state;
    tsr_spec s = small();
    tsr_options o = {.size = sizeof o, .format = "zarr3", .max_chunk_bytes = UINT64_C(1) << 40};
    tsr_array *a;
    s.shape = s.chunks = huge;
    s.blocks = one;
    FAILS(TSR_ELIMIT, "index of more than 2^30 bytes",
          tsr_array_create(scratch("huge.zarr"), &s, &o, &a));
    assert_false(exists(scratch("huge.zarr")));
}

/* ---- changes of others ---- */

static void refresh_shows_the_shape_and_chunks_that_others_made(void **state)
{
    (void)state;
    for (int format = 2; format <= 3; format++) {
        const char *url = scratch(format == 2 ? "seen2.zarr" : "seen3.zarr");
        bool changed = true;
        tsr_array *a = make(url, format == 2 ? "zarr2" : "zarr3", small());
        put_item(a, 0, 0, 1);
        OK(tsr_array_flush(a));
        tsr_array *r = reopen(url, "r");
        assert_int_equal(item_at(r, 0, 0), 1);
        OK(tsr_array_refresh(r, &changed));
        assert_false(changed);
        OK(tsr_array_resize(a, (int64_t[]){70, 40}));
        put_item(a, 69, 39, 2);
        put_item(a, 0, 0, 3);
        assert_int_equal(item_at(r, 0, 0), 3);
        OK(tsr_array_flush(a));
        assert_int_equal(tsr_array_spec(r)->shape[0], 40);
        OK(tsr_array_refresh(r, &changed));
        assert_true(changed);
        assert_int_equal(tsr_array_spec(r)->shape[0], 70);
        assert_int_equal(item_at(r, 69, 39), 2);
        OK(tsr_array_attr_set(a, "x", "1"));
        OK(tsr_array_flush(a));
        OK(tsr_array_refresh(r, &changed));
        assert_true(changed);
        OK(tsr_array_close(r));
        OK(tsr_array_close(a));
    }
}

static void refresh_leaves_a_handle_with_changes_of_its_own(void **state)
{
    bool changed = true;
    (void)state;
    tsr_array *a = make(scratch("own.zarr"), NULL, small());
    OK(tsr_array_flush(a));
    tsr_array *b = reopen(scratch("own.zarr"), "r+");
    OK(tsr_array_resize(b, (int64_t[]){50, 50}));
    OK(tsr_array_attr_set(a, "x", "1"));
    OK(tsr_array_flush(a));
    OK(tsr_array_refresh(b, &changed));
    assert_false(changed);
    assert_int_equal(tsr_array_spec(b)->shape[0], 50);
    tsr_array_drop(b);
    OK(tsr_array_close(a));
}

static void refresh_keeps_what_a_handle_was_asked_for(void **state)
{
    tsr_options o = {.size = sizeof o, .format = "zarr3", .durable = true};
    const char *url = scratch("asked.zarr");
    bool changed = false;
    tsr_array *a;
    tsr_spec s = small();
    (void)state;
    s.zarr = "empty=1";
    OK(tsr_array_create(url, &s, &o, &a));
    OK(tsr_array_flush(a));
    tsr_array *b = reopen(url, "r+");
    OK(tsr_array_attr_set(b, "x", "1"));
    OK(tsr_array_close(b));
    OK(tsr_array_refresh(a, &changed));
    assert_true(changed);
    assert_true(tsr_zarr_of(a->d)->durable);
    assert_string_equal(tsr_array_spec(a)->zarr, "empty=1");
    put_item(a, 0, 0, 0);
    assert_true(exists(scratch("asked.zarr/c/0/0")));
    OK(tsr_array_close(a));
}

static void refresh_finds_what_was_put_in_the_place_of_a_folder_or_archive(void **state)
{
    static const char *const names[][2] = {{"moved.zarr", "new.zarr"}, {"moved.zip", "new.zip"}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        bool changed = false;
        char old[1100];
        snprintf(old, sizeof old, "%s.old", scratch(names[i][0]));
        tsr_array *a = make(scratch(names[i][0]), "zarr3", small());
        put_item(a, 0, 0, 1);
        OK(tsr_array_close(a));
        a = make(scratch(names[i][1]), "zarr3", small());
        put_item(a, 0, 0, 2);
        OK(tsr_array_close(a));
        tsr_array *r = reopen(scratch(names[i][0]), "r");
        assert_int_equal(item_at(r, 0, 0), 1);
        assert_int_equal(rename(scratch(names[i][0]), old), 0);
        assert_int_equal(tsr_array_refresh(r, NULL), TSR_ENOTFOUND);
        assert_int_equal(item_at(r, 0, 0), 1);
        assert_int_equal(rename(scratch(names[i][1]), scratch(names[i][0])), 0);
        OK(tsr_array_refresh(r, &changed));
        assert_true(changed);
        assert_int_equal(item_at(r, 0, 0), 2);
        OK(tsr_array_close(r));
    }
}

static void stored_bytes_are_counted_when_asked_for(void **state)
{
    static const char *const names[] = {"count.zarr", "count.zip"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        tsr_stats s = {.size = sizeof s};
        struct stat f, g;
        int64_t n;
        tsr_array *a = make(scratch(names[i]), NULL, small());
        put_item(a, 0, 0, 1);
        put_item(a, 39, 39, 1);
        OK(tsr_array_close(a));
        a = reopen(scratch(names[i]), "r");
        OK(tsr_array_stats(a, &s));
        assert_int_equal(s.cbytes, -1);
        OK(tsr_array_cbytes(a, &n));
        assert_int_equal(stat(scratch("count.zarr/c/0/0"), &f), 0);
        assert_int_equal(stat(scratch("count.zarr/c/1/1"), &g), 0);
        assert_int_equal(n, f.st_size + g.st_size);
        OK(tsr_array_close(a));
    }
    tsr_array *b = make(scratch("count.b2nd"), NULL, small());
    tsr_stats s = {.size = sizeof s};
    int64_t n;
    OK(tsr_array_stats(b, &s));
    OK(tsr_array_cbytes(b, &n));
    assert_int_equal(n, s.cbytes);
    OK(tsr_array_close(b));
}

/* Whoever has the handle has memory for items of four bytes. */
static void a_handle_never_takes_up_items_of_another_type(void **state)
{
    static const char *const names[] = {"other.zarr", "other.b2nd", "other.zarr.zip"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *url = scratch(names[i]);
        tsr_options w = {.size = sizeof w, .mode = "w"};
        tsr_spec s = small();
        int32_t items[1600];
        tsr_array *a, *r;
        bool changed;
        OK(tsr_array_close(make(url, NULL, s)));
        r = reopen(url, "r");
        s.dtype = "|S400";
        OK(tsr_array_create(url, &s, &w, &a));
        OK(tsr_array_close(a));
        FAILS(TSR_ECONFLICT, "'|S400' now", tsr_array_refresh(r, &changed));
        assert_string_equal(tsr_array_spec(r)->dtype, "<i4");
        tsr_array_read(r, NULL, items, sizeof items); /* within its bounds, whatever it says */
        OK(tsr_array_close(r));
    }
}

static void an_array_is_not_copied_onto_itself(void **state)
{
    static const char *const places[] = {"own.zarr", "tree.zarr#a/b"};
    const tsr_array *both[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        char url[1100];
        snprintf(url, sizeof url, "%s", scratch(places[i]));
        tsr_options w = {.size = sizeof w, .mode = "w"};
        tsr_axis axes[] = {{.count = 40, .step = 1}, {.count = 40, .step = 1}};
        tsr_array *a = make(url, "zarr3", small()), *b;
        tsr_spec s = small();
        put_item(a, 3, 30, 7);
        OK(tsr_array_flush(a));
        both[0] = both[1] = a;
        FAILS(TSR_EARG, "also what is read", tsr_array_copy(a, url, NULL, &w, &b));
        FAILS(TSR_EARG, "also what is read", tsr_array_concat(both, 2, 0, url, &w, &b));
        FAILS(TSR_EARG, "also what is read", tsr_array_slice(a, axes, url, NULL, &w, &b));
        s.shape = (int64_t[]){20, 80};
        FAILS(TSR_EARG, "also what is read", tsr_array_reshape(a, url, &s, &w, &b));
        if (!i)
            FAILS(TSR_EARG, "also what is", tsr_array_copy(a, scratch("./own.zarr/#"), 0, &w, &b));
        assert_int_equal(item_at(a, 3, 30), 7);
        OK(tsr_array_close(a));
    }
}

static void chunks_of_length_0_get_one_when_the_axis_grows(void **state)
{
    static const char *const documents[] =
        {"{\"zarr_format\":2,\"shape\":[0,5],\"dtype\":\"<i4\",\"fill_value\":0,\"chunks\":[0,5],"
         "\"compressor\":null,\"filters\":null,\"order\":\"C\"}",
         "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[0,5],\"data_type\":\"int32\","
         "\"fill_value\":0,\"chunk_key_encoding\":{\"name\":\"default\"},\"chunk_grid\":{\"name\":"
         "\"regular\",\"configuration\":{\"chunk_shape\":[0,5]}},\"codecs\":[{\"name\":\"bytes\","
         "\"configuration\":{\"endian\":\"little\"}}]}"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *url = scratch(i ? "zero3.zarr" : "zero2.zarr");
        const char *doc = scratch(i ? "zero3.zarr/zarr.json" : "zero2.zarr/.zarray");
        assert_int_equal(mkdir(url, 0777), 0);
        file_write(doc, documents[i], strlen(documents[i]));
        tsr_array *a = reopen(url, "r+");
        OK(tsr_array_resize(a, (int64_t[]){3, 5}));
        put_item(a, 2, 4, 9);
        OK(tsr_array_close(a));
        a = reopen(url, "r");
        assert_int_equal(tsr_array_spec(a)->chunks[0], 1);
        assert_int_equal(item_at(a, 2, 4), 9);
        OK(tsr_array_close(a));
    }
}

static void changes_of_documents_are_made_in_what_others_made_of_them(void **state)
{
    (void)state;
    for (int format = 2; format <= 3; format++) {
        const char *url = scratch(format == 2 ? "two2.zarr" : "two3.zarr");
        tsr_array *a = make(url, format == 2 ? "zarr2" : "zarr3", small()), *b;
        char *json;
        OK(tsr_array_flush(a));
        b = reopen(url, "r+");
        OK(tsr_array_resize(a, (int64_t[]){70, 40}));
        put_item(a, 69, 39, 2);
        OK(tsr_array_flush(a));
        put_item(b, 1, 1, 5); /* changes of chunks do not matter */
        OK(tsr_array_attr_set(b, "x", "1"));
        assert_int_equal(tsr_array_spec(b)->shape[0], 70);
        OK(tsr_array_flush(b));
        /* one that began before another ended is told so, and nothing of that one is lost */
        OK(tsr_array_attr_set(b, "y", "2"));
        OK(tsr_array_attr_set(a, "z", "3"));
        OK(tsr_array_flush(a));
        FAILS(TSR_ECONFLICT, "another has changed", tsr_array_flush(b));
        tsr_array_drop(b);
        OK(tsr_array_close(a));
        a = reopen(url, "r");
        OK(tsr_array_attrs(a, &json));
        assert_string_equal(json, "{\"x\":1,\"z\":3}");
        assert_int_equal(item_at(a, 69, 39), 2);
        assert_int_equal(item_at(a, 1, 1), 5);
        tsr_free(json);
        OK(tsr_array_close(a));
    }
}

struct setter {
    const char *url;
    int who, tries;
    bool set[100];
};

/* Each time with a handle of its own, as programs would that come and go. */
static void *set_attributes(void *arg)
{
    struct setter *s = arg;
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    for (int i = 0; i < s->tries; i++) {
        char name[32];
        tsr_array *a;
        snprintf(name, sizeof name, "%d_%d", s->who, i);
        if (tsr_array_open(s->url, &o, &a) < 0) return s;
        int rc = tsr_array_attr_set(a, name, "1");
        if (rc == TSR_OK) rc = tsr_array_flush(a);
        s->set[i] = rc == TSR_OK;
        tsr_array_drop(a);
        if (rc < 0 && rc != TSR_ECONFLICT) return s;
    }
    return NULL;
}

static void what_several_were_told_is_set_is_set(void **state)
{
    (void)state;
    for (int format = 2; format <= 3; format++) {
        const char *url = scratch(format == 2 ? "many2.zarr" : "many3.zarr");
        struct setter s[3];
        pthread_t t[3];
        void *failed;
        char *json;
        OK(tsr_array_close(make(url, format == 2 ? "zarr2" : "zarr3", small())));
        for (int i = 0; i < 3; i++) {
            s[i] = (struct setter){.url = url, .who = i, .tries = 100};
            assert_int_equal(pthread_create(&t[i], NULL, set_attributes, &s[i]), 0);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pthread_join(t[i], &failed), 0);
            assert_null(failed);
        }
        tsr_array *a = reopen(url, "r");
        OK(tsr_array_attrs(a, &json));
        for (int i = 0, n = 0; i < 3; i++, n = 0) {
            for (int k = 0; k < s[i].tries; k++) {
                char member[32];
                snprintf(member, sizeof member, "\"%d_%d\":1", i, k);
                assert_int_equal(strstr(json, member) != NULL, s[i].set[k]);
                n += s[i].set[k];
            }
            assert_true(n > 0);
        }
        tsr_free(json);
        OK(tsr_array_close(a));
    }
}

static void of_two_that_grow_an_array_the_second_is_told_before_it_writes(void **state)
{
    (void)state;
    static const int32_t ones[5 * 40] = {1}, twos[3 * 40] = {2};
    for (int format = 2; format <= 3; format++) {
        const char *url = scratch(format == 2 ? "grow2.zarr#in/a" : "grow3.zarr");
        tsr_array *a = make(url, format == 2 ? "zarr2" : "zarr3", small()), *b;
        OK(tsr_array_flush(a));
        b = reopen(url, "r+");
        OK(tsr_array_append(a, 0, ones, sizeof ones));
        FAILS(TSR_ECONFLICT, "has not flushed that yet", tsr_array_append(b, 0, twos, sizeof twos));
        OK(tsr_array_flush(a));
        assert_int_equal(item_at(a, 40, 0), 1);
        OK(tsr_array_append(b, 0, twos, sizeof twos)); /* behind what is there now */
        FAILS(TSR_ECONFLICT, "has not flushed that yet", tsr_array_resize(a, (int64_t[]){90, 40}));
        tsr_array_drop(b); /* what is not flushed ends with its handle */
        OK(tsr_array_resize(a, (int64_t[]){46, 40}));
        OK(tsr_array_close(a));
        a = reopen(url, "r");
        assert_int_equal(tsr_array_spec(a)->shape[0], 46);
        assert_int_equal(item_at(a, 40, 0), 1);
        assert_int_equal(item_at(a, 45, 0), 0);
        OK(tsr_array_close(a));
    }
}

static void an_array_that_another_removed_does_not_come_back(void **state)
{
    (void)state;
    tsr_array *a = make(scratch("nodes.zarr#x"), "zarr3", small());
    tsr_options rw = {.size = sizeof rw, .mode = "r+"};
    tsr_group *g;
    OK(tsr_array_flush(a));
    OK(tsr_array_attr_set(a, "y", "2"));
    OK(tsr_group_open(scratch("nodes.zarr"), &rw, &g));
    OK(tsr_group_remove(g, "x"));
    OK(tsr_group_close(g));
    FAILS(TSR_ECONFLICT, "another has removed", tsr_array_flush(a));
    tsr_array_drop(a);
    assert_false(exists(scratch("nodes.zarr/x/zarr.json")));
    tsr_array *none;
    assert_int_equal(tsr_array_open(scratch("nodes.zarr#x"), NULL, &none), TSR_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dropped_array_leaves_no_empty_folder),
        cmocka_unit_test(a_handle_never_takes_up_items_of_another_type),
        cmocka_unit_test(an_array_is_not_copied_onto_itself),
        cmocka_unit_test(changes_of_documents_are_made_in_what_others_made_of_them),
        cmocka_unit_test(what_several_were_told_is_set_is_set),
        cmocka_unit_test(of_two_that_grow_an_array_the_second_is_told_before_it_writes),
        cmocka_unit_test(an_array_that_another_removed_does_not_come_back),
        cmocka_unit_test(chunks_of_length_0_get_one_when_the_axis_grows),
        cmocka_unit_test(what_a_killed_writer_left_is_no_part_of_a_new_array),
        cmocka_unit_test(a_chunk_outside_the_array_is_not_shown_by_growth),
        cmocka_unit_test(big_endian_items_keep_their_values),
        cmocka_unit_test(a_big_endian_fill_value_is_one_value),
        cmocka_unit_test(a_shard_of_too_many_inner_chunks_is_refused),
        cmocka_unit_test(refresh_shows_the_shape_and_chunks_that_others_made),
        cmocka_unit_test(refresh_leaves_a_handle_with_changes_of_its_own),
        cmocka_unit_test(refresh_keeps_what_a_handle_was_asked_for),
        cmocka_unit_test(refresh_finds_what_was_put_in_the_place_of_a_folder_or_archive),
        cmocka_unit_test(stored_bytes_are_counted_when_asked_for),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove_all);
}
