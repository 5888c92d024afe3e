/* SPDX-License-Identifier: BSD-3-Clause */
/* Dictionaries: made where they pay, read from whatever was written with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../worker.h"

#include "base/num.h"
#include "chunk/chunk.h"
#include "chunk/layout.h"

enum { N = 200000, BLOCK = 2400 };
#define LIMIT tsr_limit(UINT64_C(1) << 31)

static uint8_t src[N], chunk[N + 32], back[N];
static uint64_t seed;

static uint32_t rnd(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

/* Each test draws the same numbers, alone or after others. */
static int sow(void **state)
{
    (void)state;
    seed = 1;
    return 0;
}

/* Lines that are much alike: what dictionaries are for. */
static void fill_lines(void)
{
    static const char *const names[] = {"right ascension", "declination", "parallax", "magnitude"};
    char line[80];
    for (size_t at = 0; at < N;) {
        int len = snprintf(line, sizeof line, "{\"star\": %u, \"what\": \"%s\", \"value\": %u}\n",
                           rnd() % 100000, names[rnd() % 4], rnd() % 1000);
        size_t m = tsr_minz((size_t)len, N - at);
        memcpy(src + at, line, m);
        at += m;
    }
}

static struct tsr_cparams params(const char *codec, int filter, int32_t item)
{
    struct tsr_cparams p;
    tsr_cparams_init(&p, item);
    p.codec = tsr_codec_named(NULL, codec);
    p.codec_id = p.codec->blosc2_id;
    p.filters[5] = (uint8_t)filter;
    p.block_bytes = BLOCK;
    p.use_dict = true;
    return p;
}

static struct tsr_chunk encode(const struct tsr_cparams *p, size_t n)
{
    struct tsr_chunk c = {0};
    int32_t cbytes = 0;
    if (tsr_chunk_encode(p, worker, src, (int64_t)n, chunk, n + 32, &cbytes) < 0 ||
        tsr_chunk_parse(&c, chunk, (size_t)cbytes, (uint64_t)cbytes, LIMIT) < 0)
        fail_msg("%s", tsr_error());
    return c;
}

static void check_decodes(const struct tsr_chunk *c)
{
    size_t n = (size_t)c->nbytes;
    memset(back, 0x5A, n);
    if (tsr_chunk_decode_range(c, worker, chunk, 0, c->nbytes, back) < 0)
        fail_msg("%s", tsr_error());
    assert_memory_equal(back, src, n);
    for (int i = 0; i < 10; i++) {
        int64_t lo = rnd() % n, m = rnd() % (n - (size_t)lo + 1);
        assert_int_equal(tsr_chunk_decode_range(c, worker, chunk, lo, m, back), TSR_OK);
        assert_memory_equal(back, src + lo, (size_t)m);
    }
}

static const char *const codecs[] = {"zstd", "lz4", "lz4hc"};

static void chunks_with_dictionaries_come_back_and_are_smaller(void **state)
{
    (void)state;
    static const int32_t items[] = {1, 4, 12};
    fill_lines();
    for (int k = 0; k < 3; k++)
        for (int filter = 0; filter <= 3; filter++)
            for (int t = 0; t < 3; t++) {
                struct tsr_cparams p = params(codecs[k], filter, items[t]);
                struct tsr_chunk with = encode(&p, N - 77);
                check_decodes(&with);
                p.use_dict = false;
                struct tsr_chunk without = encode(&p, N - 77);
                assert_false(without.dict);
                assert_true(with.cbytes <= without.cbytes);
                if (filter == 0) assert_true(with.dict && with.cbytes < without.cbytes * 9 / 10);
            }
}

static void no_dictionary_is_stored_where_it_does_not_pay(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct tsr_cparams p = params(codecs[k], 0, 1);
        for (size_t i = 0; i < N; i++) src[i] = (uint8_t)rnd();
        struct tsr_chunk c = encode(&p, N);
        assert_true(c.memcpyed && !c.dict && !(chunk[AT_BLOSC2_FLAGS] & BLOSC2_DICT));
        memset(src, 0, N);
        c = encode(&p, N);
        assert_true(c.special == TSR_SPECIAL_ZEROS && !(chunk[AT_BLOSC2_FLAGS] & BLOSC2_DICT));
        fill_lines();
        for (size_t n = 0; n < 3 * BLOCK; n += 7 + n / 3) {
            c = encode(&p, n);
            assert_false(n < 2 * BLOCK && c.dict);
            if (n) check_decodes(&c);
        }
    }
    struct tsr_cparams p = params("blosclz", 0, 1); /* takes none */
    struct tsr_chunk c = encode(&p, N);
    assert_false(c.dict);
}

static void the_head_of_a_chunk_is_asked_for_in_steps(void **state)
{
    (void)state;
    fill_lines();
    struct tsr_cparams p = params("zstd", 0, 1);
    struct tsr_chunk whole = encode(&p, N), c;
    uint64_t all = (uint64_t)whole.cbytes;
    size_t starts = 32 + 4 * (size_t)whole.nblocks;
    assert_true(whole.dict && whole.dict_len > 0);
    assert_int_equal(tsr_chunk_parse(&c, chunk, 32, all, LIMIT), TSR_OK);
    assert_int_equal(tsr_chunk_head_len(&c), starts + 4);
    assert_int_equal(tsr_chunk_parse(&c, chunk, starts + 4, all, LIMIT), TSR_OK);
    size_t head = tsr_chunk_head_len(&c);
    assert_int_equal(head, starts + 4 + (size_t)whole.dict_len);
    assert_null(c.dict_bytes);
    assert_int_equal(tsr_chunk_parse(&c, chunk, head, all, LIMIT), TSR_OK);
    assert_ptr_equal(c.dict_bytes, chunk + starts + 4);
    for (int32_t b = 0; b < c.nblocks; b++) {
        int32_t off, len;
        assert_int_equal(tsr_chunk_block_span(&c, chunk, b, true, &off, &len), TSR_OK);
        assert_int_equal(tsr_chunk_decode_block(&c, worker, b, chunk + off, (size_t)len, back),
                         TSR_OK);
        assert_memory_equal(back, src + b * BLOCK, (size_t)tsr_chunk_block_len(&c, b));
    }
    c.dict_bytes = NULL;
    assert_int_equal(tsr_chunk_decode_block(&c, worker, 0, chunk + head, 100, back), TSR_EARG);
}

/* Blocks encoded with one dictionary tell nothing with another. */
static void a_worker_tells_the_dictionaries_of_two_chunks_apart(void **state)
{
    (void)state;
    static uint8_t other[N + 32];
    fill_lines();
    struct tsr_cparams p = params("zstd", 0, 1);
    struct tsr_chunk a = encode(&p, N), b;
    memcpy(other, chunk, sizeof other);
    for (size_t i = 0; i < N; i++) src[i] ^= 0x55;
    b = encode(&p, N);
    assert_true(a.dict && b.dict);
    for (int i = 0; i < 4; i++) {
        int64_t lo = i * 5000;
        assert_int_equal(tsr_chunk_decode_range(&b, worker, chunk, lo, 3000, back), TSR_OK);
        assert_memory_equal(back, src + lo, 3000);
        assert_int_equal(tsr_chunk_decode_range(&a, worker, other, lo, 3000, back), TSR_OK);
        for (size_t j = 0; j < 3000; j++) assert_int_equal(back[j] ^ 0x55, src[(size_t)lo + j]);
    }
}

/* As 3.7 allows: zstd with plain content, and tables that are none. */
static void zstd_takes_plain_bytes_for_a_dictionary(void **state)
{
    (void)state;
    const struct tsr_codec *zstd = tsr_codec_named(NULL, "zstd");
    struct tsr_block_facts facts = {.typesize = 1};
    struct tsr_call with = {.worker = worker,
                            .block = &facts,
                            .level = 5,
                            .dict = src,
                            .dict_len = 4000};
    struct tsr_call without = {.worker = worker, .block = &facts, .level = 5};
    size_t len = 0, plain = 0;
    fill_lines();
    assert_int_equal(zstd->encode(&without, src + 3000, 2000, chunk, 2000, &plain), TSR_OK);
    assert_int_equal(zstd->encode(&with, src + 3000, 2000, chunk, 2000, &len), TSR_OK);
    assert_true(len > 0 && len < plain / 2);
    assert_int_equal(zstd->decode(&with, chunk, len, back, 2000), TSR_OK);
    assert_memory_equal(back, src + 3000, 2000);
    assert_int_equal(zstd->decode(&without, chunk, len, back, 2000), TSR_ECORRUPT);
    static uint8_t bad[100] = {0x37, 0xA4, 0x30, 0xEC};
    with.dict = bad;
    with.dict_len = sizeof bad;
    assert_int_equal(zstd->decode(&with, chunk, len, back, 2000), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "broken dictionary of 100 bytes"));
}

static void broken_chunks_with_dictionaries_do_no_harm(void **state)
{
    (void)state;
    enum { SMALL = 20000 };
    fill_lines();
    for (int k = 0; k < 3; k++) {
        struct tsr_cparams p = params(codecs[k], 0, 1);
        p.block_bytes = 500;
        struct tsr_chunk c = encode(&p, SMALL);
        assert_true(c.dict);
        size_t n = (size_t)c.cbytes;
        for (int i = 0; i < 3000; i++) {
            size_t cut = i % 4 ? n : rnd() % n, at = rnd() % (i % 2 ? n : 1000);
            uint8_t *bad = malloc(cut + 1);
            memcpy(bad, chunk, cut);
            if (at < cut) bad[at] ^= (uint8_t)(1 << rnd() % 8);
            struct tsr_chunk d;
            if (tsr_chunk_parse(&d, bad, cut, cut, tsr_limit(N)) == TSR_OK)
                tsr_chunk_decode_range(&d, worker, bad, 0, d.nbytes, back);
            free(bad);
        }
    }
}

static void the_step_parameter_is_for_codecs_that_take_dictionaries(void **state)
{
    (void)state;
    struct tsr_cparams p;
    tsr_cparams_init(&p, 4);
    assert_int_equal(tsr_cparams_from_steps(&p, &(tsr_step){"zstd", "dict=1,clevel=3"}, 1, 0), 0);
    assert_true(p.use_dict && p.clevel == 3);
    assert_int_equal(tsr_cparams_from_steps(&p, &(tsr_step){"lz4", NULL}, 1, 0), TSR_OK);
    assert_false(p.use_dict);
    assert_int_equal(tsr_cparams_from_steps(&p, &(tsr_step){"zlib", "dict=1"}, 1, 0), TSR_EARG);
    assert_int_equal(tsr_cparams_from_steps(&p, &(tsr_step){"zstd", "dict=2"}, 1, 0), TSR_EARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(chunks_with_dictionaries_come_back_and_are_smaller, sow),
        cmocka_unit_test_setup(no_dictionary_is_stored_where_it_does_not_pay, sow),
        cmocka_unit_test_setup(the_head_of_a_chunk_is_asked_for_in_steps, sow),
        cmocka_unit_test_setup(a_worker_tells_the_dictionaries_of_two_chunks_apart, sow),
        cmocka_unit_test_setup(zstd_takes_plain_bytes_for_a_dictionary, sow),
        cmocka_unit_test_setup(broken_chunks_with_dictionaries_do_no_harm, sow),
        cmocka_unit_test_setup(the_step_parameter_is_for_codecs_that_take_dictionaries, sow),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
