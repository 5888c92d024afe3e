/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_zarr.c - Zarr arrays that are made, changed and read through the public API. */
#include "scratch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

static tsr_array *make(const char *url, const char *format, tsr_spec s)
{
    tsr_options o = {.size = sizeof o, .format = format};
    tsr_array *a;
    s.size = sizeof s;
    if (tsr_array_create(url, &s, &o, &a) < 0) fail_msg("%s: %s", url, tsr_error());
    return a;
}

static tsr_array *reopen(const char *url, const char *mode)
{
    tsr_options o = {.size = sizeof o, .mode = mode};
    tsr_array *a;
    if (tsr_array_open(url, &o, &a) < 0) fail_msg("%s: %s", url, tsr_error());
    return a;
}

static void must(int rc)
{
    if (rc < 0) fail_msg("%d: %s", rc, tsr_error());
}

static int32_t item_at(const tsr_array *a, int64_t i, int64_t j)
{
    int64_t start[] = {i, j}, count[] = {1, 1};
    int32_t v;
    must(tsr_array_read(a, &(tsr_slice){start, count, NULL}, &v, sizeof v));
    return v;
}

static void put_item(tsr_array *a, int64_t i, int64_t j, int32_t v)
{
    int64_t start[] = {i, j}, count[] = {1, 1};
    must(tsr_array_write(a, &(tsr_slice){start, count, NULL}, &v, sizeof v));
}

static tsr_stats stats_of(const tsr_array *a)
{
    tsr_stats s = {.size = sizeof s};
    must(tsr_array_stats(a, &s));
    return s;
}

/* ---- round trips ---- */

#define GZIP                                                        \
    "[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}," \
    "{\"name\":\"gzip\",\"configuration\":{\"level\":1}},{\"name\":\"crc32c\"}]"
#define TURNED                                                         \
    "[{\"name\":\"transpose\",\"configuration\":{\"order\":[1,2,0]}}," \
    "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}]"
#define V2                                                                \
    "{\"filters\":[{\"id\":\"delta\",\"dtype\":\"<i4\"}],\"compressor\":" \
    "{\"id\":\"bz2\",\"level\":1}}"

static const struct layout {
    const char *format, *dtype, *codecs, *zarr;
    int64_t chunks[3], blocks[3];
    tsr_step steps[3];
    int nsteps;
} layouts[] = {
    {"zarr3", "<i4", NULL, NULL, {7, 9, 5}, {7, 9, 5}, {{0}}, 0},
    {"zarr3", "<i4", NULL, NULL, {12, 8, 6}, {4, 4, 3}, {{"shuffle", NULL}, {"lz4", NULL}}, 2},
    {"zarr3", "<f8", NULL, "index=start", {12, 8, 6}, {3, 8, 2}, {{"zstd", "clevel=3"}}, 1},
    {"zarr3", "<i4", GZIP, "separator=.", {6, 5, 4}, {6, 5, 4}, {{0}}, 0},
    {"zarr3", "<c8", TURNED, "keys=v2", {12, 8, 6}, {4, 2, 3}, {{0}}, 0},
    {"zarr3", "|S3", NULL, "empty=1", {20, 20, 20}, {20, 20, 20}, {{"none", NULL}}, 0},
    {"zarr3", "<i4", NULL, NULL, {12, 8, 6}, {4, 4, 3}, {{"gzip", "level=2"}, {"crc32c", NULL}}, 2},
    {"zarr2", "<i4", NULL, NULL, {7, 9, 5}, {7, 9, 5}, {{0}}, 0},
    {"zarr2",
     ">f4",
     NULL,
     "order=F",
     {7, 9, 5},
     {7, 9, 5},
     {{"bitshuffle", NULL}, {"zstd", NULL}},
     2},
    {"zarr2", "<i4", V2, "separator=/", {6, 5, 4}, {6, 5, 4}, {{0}}, 0},
    {"zarr2",
     "[('a', '<i2'), ('b', '>f8')]",
     NULL,
     NULL,
     {7, 9, 5},
     {7, 9, 5},
     {{"lzma", NULL}},
     1},
};

/* The array as it should be. */
struct model {
    uint8_t *p;
    int64_t shape[3], item;
};

static void write_random_box(tsr_array *a, struct model *m)
{
    int64_t start[3], count[3], n = m->item;
    for (int d = 0; d < 3; d++) {
        start[d] = random_in(0, m->shape[d] - 1);
        count[d] = random_in(1, m->shape[d] - start[d]);
        n *= count[d];
    }
    uint8_t *box = malloc((size_t)n);
    uint8_t byte = (uint8_t)random_in(0, 3);
    for (int64_t i = 0; i < n; i++) box[i] = byte ? (uint8_t)random_in(0, 255) : 0;
    must(tsr_array_write(a, &(tsr_slice){start, count, NULL}, box, (size_t)n));
    const uint8_t *from = box;
    for (int64_t i = 0; i < count[0]; i++)
        for (int64_t j = 0; j < count[1]; j++) {
            int64_t at = ((start[0] + i) * m->shape[1] + start[1] + j) * m->shape[2] + start[2];
            memcpy(m->p + at * m->item, from, (size_t)(count[2] * m->item));
            from += count[2] * m->item;
        }
    free(box);
}

static void check_model(const tsr_array *a, const struct model *m, const char *what)
{
    size_t n = (size_t)(m->shape[0] * m->shape[1] * m->shape[2] * m->item);
    uint8_t *p = malloc(n);
    must(tsr_array_read(a, NULL, p, n));
    if (memcmp(p, m->p, n) != 0) fail_msg("%s: other items", what);
    free(p);
}

static void round_trip(const struct layout *l, const char *url)
{
    struct model m = {.shape = {17, 19, 11}};
    tsr_array *a = make(url, l->format,
                        (tsr_spec){.dtype = l->dtype,
                                   .ndim = 3,
                                   .shape = m.shape,
                                   .chunks = l->chunks,
                                   .blocks = l->blocks,
                                   .steps = l->steps,
                                   .nsteps = l->nsteps,
                                   .codecs = l->codecs,
                                   .zarr = l->zarr});
    m.item = tsr_array_spec(a)->item_bytes;
    m.p = calloc((size_t)(17 * 19 * 11), (size_t)m.item);
    for (int i = 0; i < 6; i++) {
        write_random_box(a, &m);
        check_model(a, &m, url);
        if (i % 2) continue;
        must(tsr_array_close(a));
        a = reopen(url, "r+");
        assert_string_equal(tsr_array_format(a), l->format);
        check_model(a, &m, url);
    }
    must(tsr_array_close(a));
    free(m.p);
}

static void what_is_written_reads_back_in_every_layout(void **state)
{
    char name[64];
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        snprintf(name, sizeof name, "trip%zu.zarr", i);
        round_trip(&layouts[i], scratch(name));
        snprintf(name, sizeof name, "trip%zu.zip", i);
        round_trip(&layouts[i], scratch(name));
        snprintf(name, sizeof name, "trips.zarr#%s/%zu", layouts[i].format, i);
        if (strcmp(layouts[i].format, "zarr3") == 0) round_trip(&layouts[i], scratch(name));
    }
}

/* ---- what is stored ---- */

static const int64_t shape44[] = {40, 40}, chunk44[] = {20, 20}, block44[] = {10, 10};

static tsr_spec small(const void *fill)
{
    return (tsr_spec){.dtype = "<i4",
                      .ndim = 2,
                      .shape = shape44,
                      .chunks = chunk44,
                      .blocks = block44,
                      .fill = fill};
}

static void chunks_of_the_fill_value_are_not_stored(void **state)
{
    const char *url = scratch("fill.zarr");
    int32_t seven = 7, all[40 * 40];
    (void)state;
    tsr_array *a = make(url, NULL, small(&seven));
    for (int i = 0; i < 1600; i++) all[i] = 7;
    must(tsr_array_write(a, NULL, all, sizeof all));
    must(tsr_array_flush(a));
    assert_false(exists(scratch("fill.zarr/c")));
    put_item(a, 3, 3, 8);
    must(tsr_array_flush(a));
    assert_true(exists(scratch("fill.zarr/c/0/0")));
    assert_int_equal(item_at(a, 3, 3), 8);
    assert_int_equal(item_at(a, 15, 15), 7);
    put_item(a, 3, 3, 7);
    must(tsr_array_close(a));
    assert_false(exists(scratch("fill.zarr/c")));
}

static void inner_chunks_that_stay_keep_their_stored_bytes(void **state)
{
    const char *url = scratch("keep.zarr"), *shard = scratch("keep.zarr/c/0/0");
    size_t len;
    (void)state;
    tsr_array *a = make(url, NULL, small(NULL));
    put_item(a, 0, 0, 1);
    put_item(a, 0, 10, 2);
    must(tsr_array_close(a));
    uint8_t *p = file_read(shard, &len);
    memset(p, 0xEE, 8); /* in the first inner chunk, which does not decode any more */
    file_write(shard, p, len);
    a = reopen(url, "r+");
    put_item(a, 10, 10, 3);
    must(tsr_array_close(a));
    free(p);
    p = file_read(shard, &len);
    for (int i = 0; i < 8; i++) assert_int_equal(p[i], 0xEE);
    free(p);
    a = reopen(url, "r");
    assert_int_equal(item_at(a, 0, 10), 2);
    assert_int_equal(item_at(a, 10, 10), 3);
    must(tsr_array_close(a));
}

static void a_cutout_of_a_shard_reads_its_index_once_and_what_it_touches(void **state)
{
    const char *url = scratch("work.zarr");
    enum { INDEX = 4 * 16 + 4, BLOCK = 10 * 10 * 4 };
    (void)state;
    tsr_spec s = small(NULL);
    s.codecs = "[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}]";
    tsr_array *a = make(url, NULL, s);
    for (int i = 0; i < 40; i += 10)
        for (int j = 0; j < 40; j += 10) put_item(a, i, j, i + j + 1);
    must(tsr_array_close(a));
    a = reopen(url, "r");
    int64_t before = stats_of(a).bytes_read;
    assert_int_equal(item_at(a, 0, 0), 1);
    assert_int_equal(stats_of(a).bytes_read - before, INDEX + BLOCK);
    assert_int_equal(item_at(a, 10, 10), 21);
    assert_int_equal(stats_of(a).bytes_read - before, INDEX + 2 * BLOCK);
    assert_int_equal(item_at(a, 0, 0), 1); /* from the cache of blocks */
    assert_int_equal(stats_of(a).bytes_read - before, INDEX + 2 * BLOCK);
    must(tsr_array_close(a));
}

static void a_shard_that_another_replaces_is_read_anew(void **state)
{
    const char *url = scratch("other.zarr");
    int32_t noise[400];
    int64_t start[] = {0, 0}, count[] = {20, 20};
    (void)state;
    tsr_array *a = make(url, NULL, small(NULL));
    put_item(a, 0, 0, 1);
    put_item(a, 10, 10, 2);
    must(tsr_array_flush(a));
    tsr_array *r = reopen(url, "r");
    assert_int_equal(item_at(r, 0, 0), 1);
    for (int i = 0; i < 400; i++) noise[i] = (int32_t)random_in(0, 1 << 30);
    must(tsr_array_write(a, &(tsr_slice){start, count, NULL}, noise, sizeof noise));
    must(tsr_array_flush(a));
    assert_int_equal(item_at(r, 10, 10), noise[210]);
    must(tsr_array_close(r));
    must(tsr_array_close(a));
}

/* So many shards that not all stay open until their bytes are read, which is as they are decoded
 * (array/late.c). */
enum { SIDE = 3072, CHUNK = 256 };

static uint32_t noise(size_t i)
{
    return (uint32_t)((uint64_t)i * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

struct rewriting {
    tsr_array *a;
    uint32_t *x;
    atomic_bool *stop;
};

static void *write_again_and_again(void *arg)
{
    struct rewriting *w = arg;
    for (uint32_t round = 1; !atomic_load(w->stop); round++) {
        for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) w->x[i] = noise(i) + round;
        if (tsr_array_write(w->a, NULL, w->x, 4 * (size_t)SIDE * SIDE) < 0) return w;
        if (tsr_array_flush(w->a) < 0) return w;
    }
    return NULL;
}

/* Each shard is of one round of the writer. */
static void check_rounds(const uint32_t *x)
{
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
        size_t first = i / SIDE / CHUNK * CHUNK * SIDE + i % SIDE / CHUNK * CHUNK;
        if (x[i] - noise(i) != x[first] - noise(first)) fail_msg("item %zu of another round", i);
    }
}

static void whole_shards_that_another_replaces_meanwhile_are_never_mixed(void **state)
{
    const char *url = scratch("whole.zarr");
    int64_t shape[] = {SIDE, SIDE}, chunks[] = {CHUNK, CHUNK}, blocks[] = {128, 128};
    size_t len = (size_t)SIDE * SIDE * 4;
    uint32_t *x = malloc(len), *y = malloc(len);
    tsr_spec spec = {.dtype = "<u4", .ndim = 2, .shape = shape, .chunks = chunks, .blocks = blocks};
    atomic_bool stop = false;
    pthread_t id;
    void *failed;
    (void)state;
    assert_true(x && y);
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) x[i] = noise(i);
    tsr_array *a = make(url, NULL, spec);
    must(tsr_array_write(a, NULL, x, len));
    must(tsr_array_flush(a));
    tsr_array *r = reopen(url, "r");
    struct rewriting w = {a, x, &stop};
    assert_int_equal(pthread_create(&id, NULL, write_again_and_again, &w), 0);
    for (int i = 0; i < 16; i++) {
        must(tsr_array_read(r, NULL, y, len));
        check_rounds(y);
    }
    atomic_store(&stop, true);
    pthread_join(id, &failed);
    assert_null(failed);
    must(tsr_array_close(r));
    must(tsr_array_close(a));
    free(x);
    free(y);
}

/* ---- shape ---- */

static void what_grows_after_shrinking_shows_the_fill_value(void **state)
{
    const char *url = scratch("shape.zarr");
    int32_t seven = 7, all[40 * 40];
    (void)state;
    tsr_array *a = make(url, NULL, small(&seven));
    for (int i = 0; i < 1600; i++) all[i] = i;
    must(tsr_array_write(a, NULL, all, sizeof all));
    must(tsr_array_close(a));
    a = reopen(url, "r+");
    must(tsr_array_resize(a, (int64_t[]){15, 40}));
    assert_false(exists(scratch("shape.zarr/c/1")));
    must(tsr_array_resize(a, (int64_t[]){45, 50}));
    must(tsr_array_close(a));
    a = reopen(url, "r");
    assert_int_equal(tsr_array_spec(a)->shape[0], 45);
    assert_int_equal(item_at(a, 14, 39), 14 * 40 + 39);
    assert_int_equal(item_at(a, 15, 39), 7);
    assert_int_equal(item_at(a, 14, 40), 7);
    assert_int_equal(item_at(a, 44, 49), 7);
    must(tsr_array_close(a));
}

static void rows_are_appended(void **state)
{
    const char *url = scratch("rows.zarr");
    int32_t row[40];
    (void)state;
    tsr_array *a = make(url, "zarr2", small(NULL));
    for (int i = 0; i < 40; i++) row[i] = i;
    for (int i = 0; i < 5; i++) must(tsr_array_append(a, 0, row, sizeof row));
    must(tsr_array_close(a));
    a = reopen(url, "r");
    assert_int_equal(tsr_array_spec(a)->shape[0], 45);
    assert_int_equal(item_at(a, 44, 39), 39);
    assert_int_equal(item_at(a, 39, 39), 0);
    must(tsr_array_close(a));
}

/* ---- metadata ---- */

static void attributes_are_set_and_removed(void **state)
{
    (void)state;
    for (int format = 2; format <= 3; format++) {
        const char *url = scratch(format == 2 ? "attrs2.zarr" : "attrs3.zarr");
        char *json;
        tsr_array *a = make(url, format == 2 ? "zarr2" : "zarr3", small(NULL));
        must(tsr_array_attr_set(a, "units", "\"K\""));
        must(tsr_array_attr_set(a, "n", "[1,2.5,null]"));
        must(tsr_array_attr_set(a, "last", "0"));
        must(tsr_array_close(a));
        a = reopen(url, "r+");
        must(tsr_array_attr_set(a, "units", "\"C\""));
        must(tsr_array_attr_remove(a, "n"));
        assert_int_equal(tsr_array_attr_remove(a, "n"), TSR_ENOTFOUND);
        assert_int_equal(tsr_array_attr_set(a, "x", "{"), TSR_EARG);
        assert_int_equal(tsr_array_attr_set(a, NULL, "1"), TSR_EARG);
        assert_int_equal(tsr_array_attr_set(a, "x", NULL), TSR_EARG);
        assert_int_equal(tsr_array_attr_remove(a, NULL), TSR_EARG);
        must(tsr_array_close(a));
        a = reopen(url, "r");
        must(tsr_array_attrs(a, &json));
        assert_string_equal(json, "{\"units\":\"C\",\"last\":0}");
        tsr_free(json);
        must(tsr_array_close(a));
    }
}

static void a_spec_makes_its_twin(void **state)
{
    const char *names[] = {"y", NULL};
    int32_t seven = 7;
    (void)state;
    tsr_spec s = small(&seven);
    s.names = names;
    s.zarr = "separator=.,index=start";
    s.codecs = "[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}},"
               "{\"name\":\"gzip\",\"configuration\":{\"level\":2}}]";
    tsr_array *a = make(scratch("one.zarr"), NULL, s);
    tsr_array *b = make(scratch("two.zarr"), NULL, *tsr_array_spec(a));
    const tsr_spec *t = tsr_array_spec(b);
    assert_string_equal(t->names[0], "y");
    assert_null(t->names[1]);
    assert_string_equal(t->codecs, tsr_array_spec(a)->codecs);
    assert_string_equal(t->zarr, tsr_array_spec(a)->zarr);
    assert_int_equal(t->blocks[0], 10);
    must(tsr_array_close(make(scratch("three.b2nd"), NULL, *t)));
    must(tsr_array_close(b));
    must(tsr_array_close(a));
}

/* ---- places ---- */

static void nothing_is_seen_before_the_flush_and_nothing_stays_after_a_drop(void **state)
{
    const char *url = scratch("drop.zarr");
    tsr_array *a = make(url, NULL, small(NULL)), *r;
    (void)state;
    put_item(a, 0, 0, 1);
    assert_int_equal(tsr_array_open(url, NULL, &r), TSR_ENOTFOUND);
    tsr_array_drop(a);
    assert_false(exists(scratch("drop.zarr/c")));
    assert_false(exists(scratch("drop.zarr/zarr.json")));
}

static void an_array_lies_in_groups_that_are_made(void **state)
{
    (void)state;
    tsr_array *a = make(scratch("deep.zarr#a/b/t"), NULL, small(NULL));
    must(tsr_array_close(a));
    assert_true(exists(scratch("deep.zarr/zarr.json")));
    assert_true(exists(scratch("deep.zarr/a/b/zarr.json")));
    assert_int_equal(tsr_array_open(scratch("deep.zarr"), NULL, &a), TSR_EARG);
    assert_non_null(strstr(tsr_error(), "group"));
    tsr_spec s = small(NULL);
    s.size = sizeof s;
    assert_int_equal(tsr_array_create(scratch("deep.zarr#a/b/t/x"), &s, NULL, &a), TSR_EARG);
}

static void only_arrays_are_replaced(void **state)
{
    const char *url = scratch("again.zarr");
    tsr_options x = {.size = sizeof x, .mode = "x"};
    tsr_spec s = small(NULL);
    tsr_array *a;
    (void)state;
    s.size = sizeof s;
    must(tsr_array_create(url, &s, &x, &a));
    put_item(a, 30, 30, 1);
    must(tsr_array_close(a));
    assert_int_equal(tsr_array_create(url, &s, &x, &a), TSR_EEXISTS);
    a = make(url, "zarr2", s);
    assert_int_equal(item_at(a, 30, 30), 0);
    must(tsr_array_close(a));
    assert_false(exists(scratch("again.zarr/zarr.json")));
    assert_false(exists(scratch("again.zarr/c")));
    mkdir(scratch("things.zarr"), 0777);
    file_write(scratch("things.zarr/letter"), "x", 1);
    assert_int_equal(tsr_array_create(scratch("things.zarr"), &s, NULL, &a), TSR_EEXISTS);
    must(tsr_array_close(make(scratch("group.zarr#t"), NULL, s)));
    assert_int_equal(tsr_array_create(scratch("group.zarr"), &s, NULL, &a), TSR_EEXISTS);
}

static void a_record_keeps_the_names_in_its_fill_value(void **state)
{
    const char *url = scratch("record.zarr");
    const int64_t shape[] = {3}, start[] = {1}, count[] = {1};
    const char fill[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    char item[sizeof fill];
    tsr_spec s = {.dtype = "[('a', '<i2'), ('b', '<i8')]", .ndim = 1, .shape = shape, .fill = fill};
    (void)state;
    must(tsr_array_close(make(url, "zarr3", s)));
    s.dtype = NULL;
    s.type = "{\"name\":\"struct\",\"configuration\":{\"fields\":[{\"name\":\"a\",\"data_type\":"
             "\"int16\"},{\"name\":\"b\",\"data_type\":\"int64\"}]}}";
    must(tsr_array_close(make(scratch("named.zarr"), "zarr3", s)));
    for (int i = 0; i < 2; i++) {
        tsr_array *a = reopen(scratch(i ? "named.zarr" : "record.zarr"), "r");
        must(tsr_array_read(a, &(tsr_slice){start, count, NULL}, item, sizeof item));
        assert_memory_equal(item, fill, sizeof fill);
        must(tsr_array_close(a));
    }
}

static void what_zarr_cannot_hold_is_refused_with_words(void **state)
{
    const char *url = scratch("no.zarr");
    tsr_spec s = small(NULL);
    tsr_step delta = {"bytedelta", NULL};
    tsr_array *a;
    (void)state;
    s.size = sizeof s;
    s.steps = &delta;
    s.nsteps = 1;
    assert_int_equal(tsr_array_create(url, &s, NULL, &a), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "bytedelta"));
    s.nsteps = 0;
    s.zarr = "separator=-";
    assert_int_equal(tsr_array_create(url, &s, NULL, &a), TSR_EARG);
    s.zarr = NULL;
    s.codecs = "[{\"name\":\"gzip\"}]";
    assert_int_equal(tsr_array_create(url, &s, NULL, &a), TSR_EARG);
}

/* Fails with all of these words; none: it is made. */
static void expect_words(const char *format, const tsr_step *step, const char *codecs,
                         const char *const *words)
{
    tsr_options o = {.size = sizeof o, .format = format, .mode = "w"};
    int64_t n = 9;
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = &n, .codecs = codecs};
    tsr_array *a;
    s.steps = step;
    s.nsteps = step != NULL;
    int rc = tsr_array_create(scratch("words.zarr"), &s, &o, &a);
    for (int i = 0; words[i]; i++)
        if (rc >= 0 || !strstr(tsr_error(), words[i])) fail_msg("%s: %s", words[i], tsr_error());
    if (!words[0]) must(rc);
    if (rc >= 0) must(tsr_array_close(a));
}

static void a_filter_that_steps_cannot_name_is_told_with_its_place(void **state)
{
    static const char *const
        three[] = {"shuffle and bitshuffle", "delta goes before \"bytes\"", "tsr_spec.codecs",
                   NULL},
        *const two[] = {"{\"id\": \"delta\", \"dtype\": \"<i4\"}", "\"filters\"", NULL},
        *const none[] = {"no such codec", "shuffle and bitshuffle", NULL}, *const fine[] = {NULL};
    (void)state;
    expect_words("zarr3", &(tsr_step){"delta", NULL}, NULL, three);
    expect_words("zarr2", &(tsr_step){"delta", NULL}, NULL, two);
    expect_words("zarr2", &(tsr_step){"bytedelta", NULL}, NULL, none);
    expect_words("zarr2", &(tsr_step){"crc32", NULL}, NULL, fine);
    /* as the messages say */
    expect_words("zarr2", NULL,
                 "{\"filters\":[{\"id\": \"delta\", \"dtype\": \"<i4\"}],\"compressor\":null}",
                 fine);
    expect_words("zarr3", NULL,
                 "[{\"name\":\"numcodecs.delta\",\"configuration\":{\"dtype\":\"<i4\"}},"
                 "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}]",
                 fine);
}

static void parameters_are_numbers_and_nothing_behind_them(void **state)
{
    static const char *const wrong[] = {"level=5x",  "level=",  "level",
                                        "level=5,x", "=5",      "level=5-3",
                                        "level= 5",  "le\"l=5", "level=99999999999999999999"};
    static const char *const words[] = {"found parameters", NULL}, *const fine[] = {NULL};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect_words("zarr3", &(tsr_step){"gzip", wrong[i]}, NULL, words);
        expect_words("zarr2", &(tsr_step){"zstd", wrong[i]}, NULL, words);
    }
    expect_words("zarr3", &(tsr_step){"gzip", "level=05"}, NULL, fine);
    expect_words("zarr2", &(tsr_step){"zstd", "level=-3"}, NULL, fine);
}

static void parameters_that_a_codec_does_not_know_are_refused(void **state)
{
    static const char *const words[] = {"found parameter 'foo', expected clevel", NULL},
                             *const level[] = {"found parameter 'level', expected clevel", NULL},
                             *const both[] = {"found both level and clevel", NULL};
    const tsr_step steps[] = {{"shuffle", NULL}, {"zstd", "level=1"}};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = &(int64_t){9}};
    tsr_options o = {.size = sizeof o, .format = "zarr3", .mode = "w"};
    tsr_array *a;
    (void)state;
    expect_words("zarr3", &(tsr_step){"lz4", "foo=1"}, NULL, words);
    expect_words("zarr2", &(tsr_step){"zstd", "clevel=1,foo=1"}, NULL, words);
    expect_words("zarr2", &(tsr_step){"zstd", "clevel=1,level=1"}, NULL, both);
    expect_words("zarr3", &(tsr_step){"gzip", "level=1,clevel=1"}, NULL, both);
    /* behind a shuffle it is Blosc's, which has another scale */
    s.steps = steps;
    s.nsteps = 2;
    assert_int_equal(tsr_array_create(scratch("words.zarr"), &s, &o, &a), TSR_EARG);
    assert_non_null(strstr(tsr_error(), level[0]));
}

/* Creates an array of float64 and compares the codecs as they were written. */
static void expect_codecs(const char *codecs, const char *written)
{
    tsr_options o = {.size = sizeof o, .format = "zarr3", .mode = "w"};
    tsr_spec s = {.size = sizeof s, .dtype = "<f8", .ndim = 1, .shape = &(int64_t){8}};
    double v[8] = {1, 2, 3, 4, 5, 6, 7, 8}, back[8];
    tsr_array *a;
    s.chunks = s.shape;
    s.codecs = codecs;
    must(tsr_array_create(scratch("codecs.zarr"), &s, &o, &a));
    must(tsr_array_write(a, NULL, v, sizeof v));
    must(tsr_array_close(a));
    must(tsr_array_open(scratch("codecs.zarr"), NULL, &a));
    assert_string_equal(tsr_array_spec(a)->codecs, written);
    must(tsr_array_read(a, NULL, back, sizeof back));
    assert_memory_equal(v, back, sizeof v);
    must(tsr_array_close(a));
}

#define CODEC(name, members) "{\"name\":\"" name "\",\"configuration\":{" members "}}"
#define LITTLE CODEC("bytes", "\"endian\":\"little\"")
#define SHUFFLE(size) CODEC("numcodecs.shuffle", "\"elementsize\":" #size)
#define CRC "{\"name\":\"crc32c\"}"

static void codecs_by_name_are_written_with_what_others_want_to_be_told(void **state)
{
    static const char *const all[][2] = {
        {"[\"bytes\",\"gzip\"]", "[" LITTLE "," CODEC("gzip", "\"level\":1") "]"},
        {"[\"bytes\",\"blosc\"]",
         "[" LITTLE "," CODEC("blosc", "\"cname\":\"lz4\",\"clevel\":5,\"shuffle\":\"noshuffle\","
                                       "\"typesize\":8,\"blocksize\":0") "]"},
        {"[\"bytes\",\"numcodecs.crc32\"]", "[" LITTLE "," CODEC("numcodecs.crc32", "") "]"},
        {"[\"bytes\",\"numcodecs.shuffle\",\"crc32c\"]", "[" LITTLE "," SHUFFLE(8) "," CRC "]"},
        {"[\"bytes\"," CODEC("numcodecs.shuffle", "") "]", "[" LITTLE "," SHUFFLE(8) "]"},
        {"[\"bytes\"," SHUFFLE(4) "]", "[" LITTLE "," SHUFFLE(4) "]"},
        {"[" CODEC("numcodecs.delta", "\"astype\":\"<f4\"") ",\"bytes\",\"numcodecs.shuffle\"]",
         "[" CODEC("numcodecs.delta", "\"astype\":\"<f4\",\"dtype\":\"<f8\"") "," LITTLE
                                                                              "," SHUFFLE(4) "]"},
        /* in shards too, of which the spec has the codecs of a block */
        {"[" CODEC("sharding_indexed",
                   "\"chunk_shape\":[4],\"codecs\":[\"bytes\",\"numcodecs.shuffle\",\"zstd\"],"
                   "\"index_codecs\":[\"bytes\",\"crc32c\"]") "]",
         "[" LITTLE "," SHUFFLE(8) "," CODEC("zstd", "\"level\":0,\"checksum\":false") "]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect_codecs(all[i][0], all[i][1]);
}

/* All but the last codec go among the filters. */
static void format_2_has_one_compressor_and_filters_before_it(void **state)
{
    const tsr_step steps[] = {{"shuffle", NULL},
                              {"lz4", NULL},
                              {"zstd", "level=3"},
                              {"gzip", NULL}};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = &(int64_t){9}};
    tsr_options o = {.size = sizeof o, .format = "zarr2", .mode = "w"};
    int32_t v[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, back[9];
    tsr_array *a;
    (void)state;
    s.steps = steps;
    s.nsteps = 4;
    must(tsr_array_create(scratch("words.zarr"), &s, &o, &a));
    must(tsr_array_write(a, NULL, v, sizeof v));
    must(tsr_array_close(a));
    must(tsr_array_open(scratch("words.zarr"), NULL, &a));
    assert_string_equal(tsr_array_spec(a)->codecs,
                        "{\"filters\":[{\"id\":\"blosc\",\"cname\":\"lz4\",\"clevel\":5,"
                        "\"shuffle\":1,\"blocksize\":0},{\"id\":\"zstd\",\"level\":3}],"
                        "\"compressor\":{\"id\":\"gzip\"}}");
    must(tsr_array_read(a, NULL, back, sizeof back));
    assert_memory_equal(v, back, sizeof v);
    must(tsr_array_close(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back_in_every_layout),
        cmocka_unit_test(chunks_of_the_fill_value_are_not_stored),
        cmocka_unit_test(inner_chunks_that_stay_keep_their_stored_bytes),
        cmocka_unit_test(a_cutout_of_a_shard_reads_its_index_once_and_what_it_touches),
        cmocka_unit_test(a_shard_that_another_replaces_is_read_anew),
        cmocka_unit_test(whole_shards_that_another_replaces_meanwhile_are_never_mixed),
        cmocka_unit_test(what_grows_after_shrinking_shows_the_fill_value),
        cmocka_unit_test(rows_are_appended),
        cmocka_unit_test(attributes_are_set_and_removed),
        cmocka_unit_test(a_spec_makes_its_twin),
        cmocka_unit_test(nothing_is_seen_before_the_flush_and_nothing_stays_after_a_drop),
        cmocka_unit_test(an_array_lies_in_groups_that_are_made),
        cmocka_unit_test(only_arrays_are_replaced),
        cmocka_unit_test(a_record_keeps_the_names_in_its_fill_value),
        cmocka_unit_test(what_zarr_cannot_hold_is_refused_with_words),
        cmocka_unit_test(a_filter_that_steps_cannot_name_is_told_with_its_place),
        cmocka_unit_test(parameters_are_numbers_and_nothing_behind_them),
        cmocka_unit_test(parameters_that_a_codec_does_not_know_are_refused),
        cmocka_unit_test(format_2_has_one_compressor_and_filters_before_it),
        cmocka_unit_test(codecs_by_name_are_written_with_what_others_want_to_be_told),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove_all);
}
