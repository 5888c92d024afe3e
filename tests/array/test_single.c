/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_single.c - chunks as they are stored, one by one, and chunks of one value. */
#include "../scratch.h"
#include "base/num.h"

enum { ROWS = 50, COLS = 60 };

/* 2 x 3 chunks of 30 x 20 in blocks of 10 x 20; the rows end inside a chunk. */
static tsr_array *make_array(const char *name, const char *mode)
{
    static const int64_t shape[] = {ROWS, COLS}, chunks[] = {30, 20}, blocks[] = {10, 20};
    static const tsr_step steps[] = {{"trunc_prec", "meta=20"}, {"shuffle", NULL}, {"lz4", NULL}};
    const tsr_meta_value meta = {"units", "\xa1m", 2};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<f4",
                     .ndim = 2,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = blocks,
                     .steps = steps,
                     .nsteps = 3,
                     .metas = &meta,
                     .nmetas = 1};
    tsr_options o = {.size = sizeof o, .mode = mode};
    tsr_array *a;
    OK(tsr_array_create(name ? scratch(name) : NULL, &spec, &o, &a));
    return a;
}

static void fill_rows(tsr_array *a, float by)
{
    static float x[ROWS * COLS];
    for (int i = 0; i < ROWS * COLS; i++) x[i] = by * (float)i;
    OK(tsr_array_write(a, NULL, x, sizeof x));
}

static float item(const tsr_array *a, int64_t i, int64_t j)
{
    const int64_t start[] = {i, j}, count[] = {1, 1};
    float x;
    OK(tsr_array_read(a, &(tsr_slice){start, count, NULL}, &x, sizeof x));
    return x;
}

static void chunks_of_an_array_go_out_and_in_as_they_are(void **state)
{
    tsr_array *a = make_array("a.b2nd", "w"), *b = make_array(NULL, "w");
    (void)state;
    fill_rows(a, 1);
    OK(tsr_array_flush(a));
    for (int64_t i = 0; i < 6; i++) {
        void *chunk, *again;
        size_t len, len2;
        OK(tsr_array_get_chunk(a, i, &chunk, &len));
        OK(tsr_array_update_compressed(b, i, chunk, len));
        OK(tsr_array_get_chunk(b, i, &again, &len2));
        assert_int_equal(len, len2);
        assert_memory_equal(chunk, again, len);
        tsr_free(chunk);
        tsr_free(again);
    }
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0; j < COLS; j++) assert_true(item(a, i, j) == item(b, i, j));
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
}

static void special_chunks_are_headers(void **state)
{
    tsr_array *a = make_array("special.b2nd", "w");
    uint8_t value[36];
    tsr_chunk_facts f = {.size = sizeof f};
    void *chunk;
    size_t len;
    (void)state;
    OK(tsr_array_get_chunk(a, 3, &chunk, &len));
    assert_int_equal(len, 32);
    OK(tsr_chunk_info(chunk, len, &f));
    assert_int_equal(f.special, 1);
    assert_int_equal(f.block_bytes, 800);
    memcpy(value, chunk, 32);
    tsr_free(chunk);
    /* the same header made one of 2.5 */
    value[31] = 3 << 4;
    value[12] = 36;
    memcpy(value + 32, &(float){2.5F}, 4);
    OK(tsr_array_update_compressed(a, 3, value, sizeof value));
    OK(tsr_array_chunk_info(a, 3, &f));
    assert_int_equal(f.special, 3);
    assert_int_equal(f.cbytes, 36);
    assert_true(item(a, 30, 0) == 2.5F && item(a, 29, 0) == 0);
    OK(tsr_array_lazy_chunk(a, 3, &chunk, &len));
    assert_int_equal(len, 36);
    assert_memory_equal(chunk, value, len);
    tsr_free(chunk);
    /* and no value at all */
    value[31] = 4 << 4;
    value[12] = 32;
    OK(tsr_array_update_compressed(a, 3, value, 32));
    OK(tsr_array_chunk_info(a, 3, &f));
    assert_int_equal(f.special, 4);
    OK(tsr_array_close(a));
}

static void lazy_chunks_say_where_blocks_are(void **state)
{
    tsr_array *a = make_array("lazy.b2nd", "w");
    void *lazy, *chunk;
    size_t len, cbytes;
    (void)state;
    fill_rows(a, 1);
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("lazy.b2nd"), NULL, &a));
    OK(tsr_array_lazy_chunk(a, 1, &lazy, &len));
    OK(tsr_array_get_chunk(a, 1, &chunk, &cbytes));
    assert_int_equal(len, 32 + 4 * 3 + 12 + 4 * 3);
    const uint8_t *p = lazy, *q = chunk;
    assert_int_equal(p[31], q[31] | 8);
    assert_memory_equal(p, q, 31);
    assert_memory_equal(p + 32, q + 32, 12);
    assert_int_equal(tsr_load_LE32(p + 44), 1);
    size_t sum = 32 + 12, file_len;
    for (int b = 0; b < 3; b++) sum += tsr_load_LE32(p + 56 + 4 * b);
    assert_int_equal(sum, cbytes);
    uint8_t *file = file_read(scratch("lazy.b2nd"), &file_len);
    assert_memory_equal(file + tsr_load_LE64(p + 48), chunk, cbytes);
    free(file);
    tsr_free(lazy);
    tsr_free(chunk);
    OK(tsr_array_close(a));
}

static void facts_cost_one_small_read(void **state)
{
    tsr_array *a = make_array("facts.b2nd", "w");
    tsr_chunk_facts f = {.size = sizeof f};
    tsr_stats before = {.size = sizeof before}, after = {.size = sizeof after};
    (void)state;
    fill_rows(a, 1);
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("facts.b2nd"), NULL, &a));
    OK(tsr_array_chunk_info(a, 0, &f));
    OK(tsr_array_stats(a, &before));
    OK(tsr_array_chunk_info(a, 1, &f));
    OK(tsr_array_stats(a, &after));
    assert_true(after.bytes_read - before.bytes_read <= 512);
    assert_int_equal(after.blocks_decoded, 0);
    assert_int_equal(f.nbytes, 30 * 20 * 4);
    assert_int_equal(f.nblocks, 3);
    assert_string_equal(f.codec, "lz4");
    assert_int_equal(f.filters[4], 4);
    assert_int_equal(f.filters_meta[4], 20);
    OK(tsr_array_close(a));
}

static void chunks_that_do_not_fit_are_refused(void **state)
{
    tsr_array *a = make_array("fit.b2nd", "w");
    uint8_t src[30 * 20 * 4] = {1}, chunk[sizeof src + 64];
    size_t len;
    void *buf;
    (void)state;
    fill_rows(a, 1);
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .block_bytes = 800};
    OK(tsr_compress(&spec, src, sizeof src, NULL, chunk, sizeof chunk, &len));
    OK(tsr_array_update_compressed(a, 0, chunk, len));
    assert_int_equal(tsr_array_update_compressed(a, 6, chunk, len), TSR_EARG);
    assert_int_equal(tsr_array_update_compressed(a, -1, chunk, len), TSR_EARG);
    assert_int_equal(tsr_array_get_chunk(a, 6, &buf, &len), TSR_EARG);
    assert_int_equal(tsr_array_update_compressed(a, 0, chunk, 31), TSR_ECORRUPT);
    OK(tsr_compress(&spec, src, sizeof src - 800, NULL, chunk, sizeof chunk, &len));
    assert_int_equal(tsr_array_update_compressed(a, 0, chunk, len), TSR_EARG);
    spec.block_bytes = 400;
    OK(tsr_compress(&spec, src, sizeof src, NULL, chunk, sizeof chunk, &len));
    assert_int_equal(tsr_array_update_compressed(a, 0, chunk, len), TSR_EARG);
    spec.block_bytes = 800;
    spec.item_bytes = 8;
    OK(tsr_compress(&spec, src, sizeof src, NULL, chunk, sizeof chunk, &len));
    assert_int_equal(tsr_array_update_compressed(a, 0, chunk, len), TSR_EARG);
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("fit.b2nd"), NULL, &a));
    spec.item_bytes = 4;
    OK(tsr_compress(&spec, src, sizeof src, NULL, chunk, sizeof chunk, &len));
    assert_int_equal(tsr_array_update_compressed(a, 0, chunk, len), TSR_EDENIED);
    assert_true(item(a, 0, 1) == 0 && item(a, 0, 20) == 20);
    OK(tsr_array_close(a));
}

static void other_formats_have_no_such_chunks(void **state)
{
    const int64_t n = 10;
    tsr_spec spec = {.size = sizeof spec, .dtype = "<f4", .ndim = 1, .shape = &n};
    tsr_cparams_info c = {.size = sizeof c};
    tsr_array *a;
    void *buf;
    size_t len;
    (void)state;
    OK(tsr_array_create(scratch("x.npy"), &spec, NULL, &a));
    assert_int_equal(tsr_array_get_chunk(a, 0, &buf, &len), TSR_EUNSUPPORTED);
    assert_int_equal(tsr_array_update_compressed(a, 0, "", 0), TSR_EUNSUPPORTED);
    assert_int_equal(tsr_array_cparams(a, &c), TSR_EUNSUPPORTED);
    OK(tsr_array_close(a));
}

static void a_spec_makes_a_twin_with_metalayers(void **state)
{
    tsr_array *a = make_array("one.b2nd", "w"), *b;
    tsr_cparams_info c = {.size = sizeof c}, d = {.size = sizeof d};
    void *buf;
    size_t len;
    (void)state;
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("one.b2nd"), NULL, &a));
    OK(tsr_array_create(scratch("two.b2nd"), tsr_array_spec(a), NULL, &b));
    assert_int_equal(tsr_array_spec(a)->nmetas, 1);
    OK(tsr_array_meta_get(b, TSR_META, "units", &buf, &len));
    assert_int_equal(len, 2);
    assert_memory_equal(buf, "\xa1m", 2);
    tsr_free(buf);
    OK(tsr_array_cparams(a, &c));
    OK(tsr_array_cparams(b, &d));
    assert_memory_equal(&c, &d, sizeof c);
    assert_int_equal(c.codec_id, 1);
    assert_int_equal(c.clevel, 5);
    assert_int_equal(c.split, 3);
    assert_int_equal(c.item_bytes, 4);
    assert_int_equal(c.block_bytes, 800);
    assert_int_equal(c.filters[5], 1);
    assert_int_equal(c.filters_meta[4], 20);
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
}

/* ---- super-chunks ---- */

static tsr_schunk *make_schunk(const char *name)
{
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 8, .chunk_bytes = 4000};
    tsr_schunk *s;
    OK(tsr_schunk_create(name ? scratch(name) : NULL, &spec, NULL, &s));
    return s;
}

static void a_fill_costs_headers(void **state)
{
    static double x[1999];
    const double pi = 3.14159, want[] = {0, 0, 0, pi, 0};
    (void)state;
    for (int kind = 1; kind <= 4; kind++) {
        tsr_schunk *s = make_schunk("fill.b2frame");
        tsr_stats stats = {.size = sizeof stats};
        OK(tsr_schunk_fill_special(s, 1999, kind, &pi));
        assert_int_equal(tsr_schunk_fill_special(s, 1, kind, &pi), TSR_EARG);
        OK(tsr_schunk_close(s));
        OK(tsr_schunk_open(scratch("fill.b2frame"), NULL, &s));
        assert_int_equal(tsr_schunk_nitems(s), 1999);
        assert_int_equal(tsr_schunk_nchunks(s), 4);
        OK(tsr_schunk_get(s, 0, 1999, x));
        for (int i = 0; i < 1999; i++) assert_true(kind == 2 ? x[i] != x[i] : x[i] == want[kind]);
        for (int64_t i = 0; i < 4; i++) {
            tsr_chunk_facts f = {.size = sizeof f};
            OK(tsr_schunk_chunk_info(s, i, &f));
            assert_int_equal(f.special, kind);
            assert_int_equal(f.nbytes, i < 3 ? 4000 : 3992);
            assert_int_equal(f.cbytes, kind == 3 ? 40 : 32);
        }
        OK(tsr_schunk_stats(s, &stats));
        assert_true(stats.cbytes < 400);
        OK(tsr_schunk_close(s));
    }
}

static void a_fill_that_cannot_be_leaves_nothing(void **state)
{
    tsr_schunk *s = make_schunk(NULL);
    (void)state;
    assert_int_equal(tsr_schunk_fill_special(s, 10, 0, NULL), TSR_EARG);
    assert_int_equal(tsr_schunk_fill_special(s, 10, 5, NULL), TSR_EARG);
    assert_int_equal(tsr_schunk_fill_special(s, 10, 3, NULL), TSR_EARG);
    assert_int_equal(tsr_schunk_fill_special(s, -1, 1, NULL), TSR_EARG);
    assert_int_equal(tsr_schunk_fill_special(s, INT64_MAX, 1, NULL), TSR_EARG);
    assert_true(tsr_schunk_fill_special(s, INT64_MAX / 8, 1, NULL) < 0);
    assert_int_equal(tsr_schunk_nitems(s), 0);
    OK(tsr_schunk_fill_special(s, 0, 1, NULL));
    OK(tsr_schunk_fill_special(s, 501, 4, NULL));
    assert_int_equal(tsr_schunk_nitems(s), 501);
    OK(tsr_schunk_close(s));
}

static void one_value_takes_the_place_of_a_chunk(void **state)
{
    static double x[1200], y[1200];
    const double v = -0.5;
    tsr_schunk *s = make_schunk("update.b2frame");
    (void)state;
    for (int i = 0; i < 1200; i++) x[i] = i;
    OK(tsr_schunk_append(s, 1200, x));
    OK(tsr_schunk_update_special(s, 1, 3, &v));
    OK(tsr_schunk_update_special(s, 2, 1, NULL)); /* the last one is short */
    assert_int_equal(tsr_schunk_update_special(s, 3, 1, NULL), TSR_EARG);
    for (int i = 500; i < 1200; i++) x[i] = i < 1000 ? v : 0;
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(tsr_schunk_nitems(s), 1200);
        OK(tsr_schunk_get(s, 0, 1200, y));
        assert_memory_equal(x, y, sizeof x);
        OK(tsr_schunk_close(s));
        OK(tsr_schunk_open(scratch("update.b2frame"), NULL, &s));
    }
    OK(tsr_schunk_close(s));
}

/* Codecs and filters that look at the shape of a block have it here. */
static void a_chunk_is_decoded_block_after_block(void **state)
{
    static const int64_t shape[] = {ROWS, COLS}, chunks[] = {30, 20}, blocks[] = {10, 20};
    static const tsr_step steps[] = {{"ndcell", "meta=4"}, {"shuffle", NULL}, {"zstd", NULL}};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<f4",
                     .ndim = 2,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = blocks,
                     .steps = steps,
                     .nsteps = 3};
    static float got[30 * 20];
    const float value = 2.5F;
    tsr_array *a;
    (void)state;
    OK(tsr_array_create(scratch("decode.b2nd"), &spec, NULL, &a));
    fill_rows(a, 1);
    /* one value in the last chunk, zeros where nothing was written: beyond row 50 */
    for (int64_t chunk = 0; chunk < 6; chunk++) {
        OK(tsr_array_decode_chunk(a, chunk, got, sizeof got));
        for (int64_t i = 0; i < 30; i++) {
            for (int64_t j = 0; j < 20; j++) {
                int64_t row = chunk / 3 * 30 + i, col = chunk % 3 * 20 + j;
                float want = row < ROWS ? (float)(row * COLS + col) : 0;
                assert_true(got[i * 20 + j] == want);
            }
        }
    }
    const int64_t start[] = {0, 0}, count[] = {30, 20};
    OK(tsr_array_write_strided(a, &(tsr_slice){start, count, NULL}, &value, (int64_t[]){0, 0}));
    OK(tsr_array_decode_chunk(a, 0, got, sizeof got));
    for (int i = 0; i < 600; i++) assert_true(got[i] == value);
    assert_int_equal(tsr_array_decode_chunk(a, 6, got, sizeof got), TSR_EARG);
    assert_int_equal(tsr_array_decode_chunk(a, 0, got, sizeof got - 1), TSR_EARG);
    OK(tsr_array_close(a));
}

static void a_settled_chunk_can_be_had_before_the_flush(void **state)
{
    tsr_schunk *s = make_schunk("settle.b2frame");
    double x[3] = {1, 2, 3}, y[3];
    void *chunk;
    size_t len;
    (void)state;
    OK(tsr_schunk_append(s, 3, x));
    assert_int_equal(tsr_schunk_get_chunk(s, 0, &chunk, &len), TSR_EARG);
    OK(tsr_schunk_settle(s));
    OK(tsr_schunk_get_chunk(s, 0, &chunk, &len));
    OK(tsr_decompress(chunk, len, NULL, y, sizeof y));
    assert_memory_equal(x, y, sizeof x);
    tsr_free(chunk);
    OK(tsr_schunk_append(s, 3, x));
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(scratch("settle.b2frame"), NULL, &s));
    assert_int_equal(tsr_schunk_nitems(s), 6);
    OK(tsr_schunk_close(s));
}

static void lazy_chunks_of_super_chunks_know_raw_and_plain_ones(void **state)
{
    enum { N = 4000 };
    uint8_t *x = malloc(N);
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = 1,
                            .chunk_bytes = N,
                            .block_bytes = 1000};
    (void)state;
    for (int memory = 0; memory < 2; memory++) {
        tsr_schunk *s;
        void *lazy;
        size_t len;
        for (int i = 0; i < N; i++) x[i] = (uint8_t)random_next();
        OK(tsr_schunk_create(memory ? NULL : scratch("raw.b2frame"), &spec, NULL, &s));
        OK(tsr_schunk_append(s, N, x));
        OK(tsr_schunk_settle(s));
        OK(tsr_schunk_lazy_chunk(s, 0, &lazy, &len));
        assert_int_equal(len, memory ? 32 : 32 + 16 + 12 + 16);
        const uint8_t *p = lazy;
        for (int b = 0; b < 4 && !memory; b++)
            assert_int_equal(tsr_load_LE32(p + 60 + 4 * b), 1000);
        tsr_free(lazy);
        OK(tsr_schunk_close(s));
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_an_array_go_out_and_in_as_they_are),
        cmocka_unit_test(special_chunks_are_headers),
        cmocka_unit_test(lazy_chunks_say_where_blocks_are),
        cmocka_unit_test(facts_cost_one_small_read),
        cmocka_unit_test(chunks_that_do_not_fit_are_refused),
        cmocka_unit_test(other_formats_have_no_such_chunks),
        cmocka_unit_test(a_spec_makes_a_twin_with_metalayers),
        cmocka_unit_test(a_fill_costs_headers),
        cmocka_unit_test(a_fill_that_cannot_be_leaves_nothing),
        cmocka_unit_test(one_value_takes_the_place_of_a_chunk),
        cmocka_unit_test(a_chunk_is_decoded_block_after_block),
        cmocka_unit_test(a_settled_chunk_can_be_had_before_the_flush),
        cmocka_unit_test(lazy_chunks_of_super_chunks_know_raw_and_plain_ones),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
