/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_copies.c - copies between files, folders and memory, reordered super-chunks,
 * concatenated arrays, and what a sparse frame leaves in its folder. */
#include <sys/stat.h>

#include "../scratch.h"

static const int64_t SHAPE[] = {37, 29}, CHUNKS[] = {12, 16}, BLOCKS[] = {5, 8};
enum { ITEMS = 37 * 29, SCHUNK_ITEMS = 2345, CHUNK = 500 * 4 };

static tsr_options kind(bool sparse)
{
    return (tsr_options){.size = sizeof(tsr_options), .sparse = sparse};
}

static void fill(int32_t *p, int64_t n, int32_t seed)
{
    for (int64_t i = 0; i < n; i++) p[i] = (int32_t)(i * 7 + (i % 13) * seed);
}

static tsr_array *make_array(const char *url, bool sparse, int32_t seed, const char *codec)
{
    static int32_t items[ITEMS];
    tsr_step steps[] = {{"shuffle", NULL}, {codec, "clevel=3"}};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 2,
                     .shape = SHAPE,
                     .chunks = CHUNKS,
                     .blocks = BLOCKS,
                     .steps = steps,
                     .nsteps = 2};
    tsr_options o = kind(sparse);
    tsr_array *a;
    OK(tsr_array_create(url, &spec, &o, &a));
    fill(items, ITEMS, seed);
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_attr_set(a, "unit", "\"m\""));
    OK(tsr_array_flush(a));
    return a;
}

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static int count_files(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return n;
}

static void remove_folder(const char *path)
{
    char name[2048];
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) remove(name);
    }
    if (d) closedir(d);
    rmdir(path);
}

static void expect_items(const tsr_array *a, const int32_t *items, size_t bytes)
{
    int32_t *got = malloc(bytes);
    OK(tsr_array_read(a, NULL, got, bytes));
    assert_memory_equal(got, items, bytes);
    free(got);
}

/* Chunk i of the container at url as it is stored; a b2nd array too. */
static void stored_chunk(const char *url, int64_t i, void **p, size_t *len)
{
    tsr_options o = {.size = sizeof o, .format = "b2frame"};
    tsr_schunk *s;
    OK(tsr_schunk_open(url, &o, &s));
    OK(tsr_schunk_get_chunk(s, i, p, len));
    OK(tsr_schunk_close(s));
}

static void expect_same_chunks(const char *a, const char *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        void *p, *q;
        size_t plen, qlen;
        stored_chunk(a, i, &p, &plen);
        stored_chunk(b, i, &q, &qlen);
        assert_int_equal(plen, qlen);
        assert_memory_equal(p, q, plen);
        tsr_free(p);
        tsr_free(q);
    }
}

static int64_t decoded(const tsr_array *a)
{
    tsr_stats s = {.size = sizeof s};
    OK(tsr_array_stats(a, &s));
    return s.blocks_decoded;
}

static void chunks_go_between_files_folders_and_memory_as_they_are(void **state)
{
    (void)state;
    static int32_t items[ITEMS];
    const char *file = scratch("a.b2nd"), *folder = scratch("b.b2nd"), *back = scratch("c.b2nd");
    tsr_options flat = kind(false), sparse = kind(true);
    fill(items, ITEMS, 5);
    tsr_array *a = make_array(file, false, 5, "lz4"), *b, *m, *c;
    OK(tsr_array_copy(a, folder, NULL, &sparse, &b));
    OK(tsr_array_flush(b));
    OK(tsr_array_copy(b, NULL, NULL, NULL, &m));
    OK(tsr_array_copy(m, back, NULL, &flat, &c));
    OK(tsr_array_flush(c));
    assert_int_equal(decoded(a) + decoded(b) + decoded(m), 0);
    expect_items(b, items, sizeof items);
    expect_items(m, items, sizeof items);
    expect_items(c, items, sizeof items);
    char *attrs;
    OK(tsr_array_attrs(c, &attrs));
    assert_string_equal(attrs, "{\"unit\": \"m\"}");
    tsr_free(attrs);
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
    OK(tsr_array_close(m));
    OK(tsr_array_close(c));
    assert_true(is_folder(folder));
    assert_false(is_folder(back));
    expect_same_chunks(file, folder, 8);
    expect_same_chunks(file, back, 8);
    remove_folder(folder);
}

static void another_codec_or_grid_encodes_anew(void **state)
{
    (void)state;
    static int32_t items[ITEMS];
    static const int64_t other[] = {10, 10};
    tsr_step steps[] = {{"zstd", "clevel=1"}};
    tsr_spec codec = {.size = sizeof codec, .steps = steps, .nsteps = 1};
    tsr_spec grid = {.size = sizeof grid, .chunks = other};
    tsr_array *a = make_array(NULL, false, 5, "lz4"), *b, *c;
    fill(items, ITEMS, 5);
    OK(tsr_array_copy(a, NULL, &codec, NULL, &b));
    assert_string_equal(tsr_array_spec(b)->steps[0].name, "zstd");
    assert_true(decoded(a) > 0);
    OK(tsr_array_copy(a, NULL, &grid, NULL, &c));
    assert_int_equal(tsr_array_spec(c)->chunks[0], 10);
    expect_items(b, items, sizeof items);
    expect_items(c, items, sizeof items);
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
    OK(tsr_array_close(c));
}

/* ---- concatenation ---- */

static void concat_case(int axis, const int64_t *rows, int n)
{
    tsr_array *a[4], *out;
    int64_t shape[2] = {37, 29}, at = 0, total = 0;
    for (int i = 0; i < n; i++) {
        shape[axis] = rows[i];
        total += rows[i];
        tsr_spec spec = {.size = sizeof spec,
                         .dtype = "<i4",
                         .ndim = 2,
                         .shape = shape,
                         .chunks = CHUNKS,
                         .blocks = BLOCKS};
        int32_t *p = malloc((size_t)(shape[0] * shape[1]) * 4 + 4);
        fill(p, shape[0] * shape[1], i + 1);
        OK(tsr_array_create(NULL, &spec, NULL, &a[i]));
        OK(tsr_array_write(a[i], NULL, p, (size_t)(shape[0] * shape[1]) * 4));
        free(p);
    }
    OK(tsr_array_concat((const tsr_array *const *)a, n, axis, NULL, NULL, &out));
    assert_int_equal(tsr_array_spec(out)->shape[axis], total);
    for (int i = 0; i < n; i++, at += rows[i - 1]) {
        int64_t start[2] = {0}, count[2] = {37, 29};
        count[axis] = rows[i];
        start[axis] = at;
        size_t bytes = (size_t)(count[0] * count[1]) * 4;
        int32_t *p = malloc(bytes + 4), *got = malloc(bytes + 4);
        fill(p, count[0] * count[1], i + 1);
        OK(tsr_array_read(out, &(tsr_slice){start, count, NULL}, got, bytes));
        assert_memory_equal(p, got, bytes);
        free(p);
        free(got);
        OK(tsr_array_close(a[i]));
    }
    OK(tsr_array_close(out));
}

static void arrays_follow_one_another_along_any_axis(void **state)
{
    (void)state;
    concat_case(0, (int64_t[]){24, 12, 7}, 3); /* chunks fit: all as they are */
    concat_case(0, (int64_t[]){37, 5, 24}, 3); /* none but the first's fit */
    concat_case(0, (int64_t[]){30, 6, 12, 1}, 4);
    concat_case(1, (int64_t[]){16, 32, 29}, 3);
    concat_case(1, (int64_t[]){29, 29}, 2);
    concat_case(0, (int64_t[]){0, 12, 0, 3}, 4);
    concat_case(1, (int64_t[]){5}, 1);
}

static void fitting_chunks_are_not_decoded_to_be_concatenated(void **state)
{
    (void)state;
    int64_t shape[2] = {24, 29};
    tsr_array *a[2], *out;
    for (int i = 0; i < 2; i++) {
        a[i] = make_array(NULL, false, i, i ? "zstd" : "lz4");
        OK(tsr_array_resize(a[i], shape));
    }
    int64_t before = decoded(a[0]) + decoded(a[1]);
    OK(tsr_array_concat((const tsr_array *const *)a, 2, 0, NULL, NULL, &out));
    assert_int_equal(decoded(a[0]) + decoded(a[1]), before);
    assert_int_equal(tsr_array_spec(out)->shape[0], 48);
    for (int i = 0; i < 2; i++) OK(tsr_array_close(a[i]));
    OK(tsr_array_close(out));
}

static void arrays_that_do_not_match_are_not_concatenated(void **state)
{
    (void)state;
    tsr_spec spec = {.size = sizeof spec, .dtype = "<f4", .ndim = 2, .shape = SHAPE};
    tsr_array *a[2] = {make_array(NULL, false, 1, "lz4"), NULL}, *out;
    OK(tsr_array_create(NULL, &spec, NULL, &a[1]));
    const tsr_array *const *v = (const tsr_array *const *)a;
    FAILS(TSR_EARG, "dtype", tsr_array_concat(v, 2, 0, NULL, NULL, &out));
    FAILS(TSR_EARG, "axis", tsr_array_concat(v, 1, 2, NULL, NULL, &out));
    FAILS(TSR_EARG, "array 1 is NULL",
          tsr_array_concat((const tsr_array *const[]){v[0], NULL}, 2, 0, NULL, NULL, &out));
    FAILS(TSR_EARG, "axis", tsr_array_concat(v, 1, -1, NULL, NULL, &out));
    FAILS(TSR_EARG, "no arrays", tsr_array_concat(v, 0, 0, NULL, NULL, &out));
    for (int i = 0; i < 2; i++) OK(tsr_array_close(a[i]));
}

/* ---- super-chunks ---- */

static tsr_schunk *make_schunk(const char *url, bool sparse)
{
    static int32_t items[SCHUNK_ITEMS];
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .chunk_bytes = CHUNK};
    tsr_options o = kind(sparse);
    tsr_schunk *s;
    fill(items, SCHUNK_ITEMS, 3);
    OK(tsr_schunk_create(url, &spec, &o, &s));
    OK(tsr_schunk_append(s, SCHUNK_ITEMS, items));
    return s;
}

static void a_super_chunk_is_copied_with_what_was_not_flushed(void **state)
{
    (void)state;
    static int32_t items[SCHUNK_ITEMS], got[SCHUNK_ITEMS];
    const char *folder = scratch("s.b2frame");
    tsr_schunk_spec larger = {.size = sizeof larger, .chunk_bytes = 3 * CHUNK};
    tsr_options sparse = kind(true);
    tsr_schunk *s = make_schunk(NULL, false), *t, *u;
    fill(items, SCHUNK_ITEMS, 3);
    OK(tsr_schunk_meta_set(s, TSR_VLMETA, "v", "\xC0", 1));
    OK(tsr_schunk_copy(s, folder, NULL, &sparse, &t));
    OK(tsr_schunk_get(t, 0, SCHUNK_ITEMS, got));
    assert_memory_equal(got, items, sizeof items);
    OK(tsr_schunk_copy(t, NULL, &larger, NULL, &u));
    assert_int_equal(tsr_schunk_nchunks(u), 2);
    memset(got, 0, sizeof got);
    OK(tsr_schunk_get(u, 0, SCHUNK_ITEMS, got));
    assert_memory_equal(got, items, sizeof items);
    assert_int_equal(tsr_schunk_meta_count(u, TSR_VLMETA), 1);
    OK(tsr_schunk_append(t, 7, items));
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_close(t));
    OK(tsr_schunk_close(u));
    OK(tsr_schunk_open(folder, NULL, &t));
    assert_int_equal(tsr_schunk_nitems(t), SCHUNK_ITEMS + 7);
    OK(tsr_schunk_close(t));
    remove_folder(folder);
}

static void reordered_chunks_read_in_the_new_order(void **state)
{
    (void)state;
    for (int sparse = 0; sparse < 2; sparse++) {
        static int32_t items[SCHUNK_ITEMS], got[SCHUNK_ITEMS];
        static const int64_t order[] = {2, 0, 3, 1, 4}, twice[] = {0, 1, 1, 3, 4};
        static const int64_t outside[] = {0, 1, 5, 3, 4}, moved[] = {4, 1, 2, 3, 0};
        const char *url = scratch(sparse ? "r-sparse.b2frame" : "r.b2frame");
        tsr_options update = {.size = sizeof update, .mode = "r+"};
        fill(items, SCHUNK_ITEMS, 3);
        tsr_schunk *s = make_schunk(url, sparse);
        OK(tsr_schunk_close(s));
        OK(tsr_schunk_open(url, NULL, &s));
        FAILS(TSR_EDENIED, "read-only", tsr_schunk_reorder(s, order));
        OK(tsr_schunk_close(s));
        OK(tsr_schunk_open(url, &update, &s));
        FAILS(TSR_EARG, "twice", tsr_schunk_reorder(s, twice));
        FAILS(TSR_EARG, "chunk 5", tsr_schunk_reorder(s, outside));
        FAILS(TSR_EARG, "no order", tsr_schunk_reorder(s, NULL));
        FAILS(TSR_EARG, "last", tsr_schunk_reorder(s, moved)); /* the last one is short */
        OK(tsr_schunk_reorder(s, order));
        OK(tsr_schunk_close(s));
        OK(tsr_schunk_open(url, NULL, &s));
        OK(tsr_schunk_get(s, 0, SCHUNK_ITEMS, got));
        for (int i = 0; i < 5; i++)
            assert_memory_equal(got + i * 500, items + order[i] * 500, i < 4 ? CHUNK : 345 * 4);
        OK(tsr_schunk_close(s));
        if (sparse) remove_folder(url);
    }
}

/* ---- folders ---- */

static void a_folder_holds_what_the_index_names_and_no_more(void **state)
{
    (void)state;
    const char *url = scratch("tidy.b2frame");
    tsr_options update = {.size = sizeof update, .mode = "r+"};
    static int32_t items[SCHUNK_ITEMS];
    tsr_schunk *s = make_schunk(url, true);
    assert_false(is_folder(url)); /* not before it is flushed */
    OK(tsr_schunk_close(s));
    assert_int_equal(count_files(url), 6);
    for (int round = 0; round < 3; round++) {
        OK(tsr_schunk_open(url, &update, &s));
        fill(items, 500, round + 50);
        OK(tsr_schunk_update_chunk(s, round, items, CHUNK));
        OK(tsr_schunk_close(s));
        assert_int_equal(count_files(url), 6);
    }
    OK(tsr_schunk_open(url, &update, &s));
    OK(tsr_schunk_delete_chunk(s, 1));
    OK(tsr_schunk_update_chunk(s, 0, items, CHUNK));
    tsr_schunk_drop(s); /* as if nothing had been done */
    assert_int_equal(count_files(url), 6);
    OK(tsr_schunk_open(url, &update, &s));
    assert_int_equal(tsr_schunk_nchunks(s), 5);
    OK(tsr_schunk_delete_chunk(s, 1));
    OK(tsr_schunk_close(s));
    assert_int_equal(count_files(url), 5);
    remove_folder(url);
}

static void one_writer_at_a_time_has_a_folder(void **state)
{
    (void)state;
    const char *url = scratch("lock.b2frame");
    tsr_options update = {.size = sizeof update, .mode = "r+"};
    tsr_schunk *s, *t;
    OK(tsr_schunk_close(make_schunk(url, true)));
    OK(tsr_schunk_open(url, &update, &s));
    FAILS(TSR_ECONFLICT, "another writer", tsr_schunk_open(url, &update, &t));
    OK(tsr_schunk_open(url, NULL, &t)); /* readers come and go */
    OK(tsr_schunk_close(t));
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(url, &update, &s));
    OK(tsr_schunk_close(s));
    remove_folder(url);
}

static void a_folder_of_other_things_is_not_replaced(void **state)
{
    (void)state;
    const char *url = scratch("mine");
    char inside[1100];
    tsr_spec spec = {.size = sizeof spec, .dtype = "<i4", .ndim = 2, .shape = SHAPE};
    tsr_options o = {.size = sizeof o, .format = "b2nd", .sparse = true},
                npy = {.size = sizeof npy};
    tsr_array *a;
    assert_int_equal(mkdir(url, 0777), 0);
    snprintf(inside, sizeof inside, "%s/photo.jpg", url);
    file_write(inside, "x", 1);
    FAILS(TSR_EEXISTS, "chunks.b2frame", tsr_array_create(url, &spec, &o, &a));
    remove(inside);
    rmdir(url);
    for (int i = 0; i < 2; i++) { /* one like it is */
        OK(tsr_array_create(url, &spec, &o, &a));
        OK(tsr_array_close(a));
    }
    o.mode = "x";
    FAILS(TSR_EEXISTS, "exists", tsr_array_create(url, &spec, &o, &a));
    npy.format = "npy", npy.sparse = true;
    FAILS(TSR_EARG, "one file", tsr_array_create(scratch("n.npy"), &spec, &npy, &a));
    remove_folder(url);
}

static void missing_empty_and_short_chunk_files_are_named(void **state)
{
    (void)state;
    const char *url = scratch("hurt.b2frame");
    char file[1100], other[1100];
    static int32_t got[SCHUNK_ITEMS];
    tsr_schunk *s;
    OK(tsr_schunk_close(make_schunk(url, true)));
    snprintf(file, sizeof file, "%s/00000003.chunk", url);
    snprintf(other, sizeof other, "%s/x", url);
    assert_int_equal(rename(file, other), 0);
    OK(tsr_schunk_open(url, NULL, &s));
    FAILS(TSR_ECORRUPT, "00000003.chunk", tsr_schunk_get(s, 1500, 10, got));
    OK(tsr_schunk_get(s, 0, 1500, got));
    file_write(file, "", 0);
    FAILS(TSR_ECORRUPT, "00000003.chunk", tsr_schunk_get(s, 1500, 10, got));
    size_t len;
    uint8_t *p = file_read(other, &len);
    file_write(file, p, len - 1);
    free(p);
    FAILS(TSR_ECORRUPT, "00000003.chunk", tsr_schunk_get(s, 1500, 10, got));
    OK(tsr_schunk_close(s));
    remove_folder(url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_go_between_files_folders_and_memory_as_they_are),
        cmocka_unit_test(another_codec_or_grid_encodes_anew),
        cmocka_unit_test(arrays_follow_one_another_along_any_axis),
        cmocka_unit_test(fitting_chunks_are_not_decoded_to_be_concatenated),
        cmocka_unit_test(arrays_that_do_not_match_are_not_concatenated),
        cmocka_unit_test(a_super_chunk_is_copied_with_what_was_not_flushed),
        cmocka_unit_test(reordered_chunks_read_in_the_new_order),
        cmocka_unit_test(a_folder_holds_what_the_index_names_and_no_more),
        cmocka_unit_test(one_writer_at_a_time_has_a_folder),
        cmocka_unit_test(a_folder_of_other_things_is_not_replaced),
        cmocka_unit_test(missing_empty_and_short_chunk_files_are_named),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
