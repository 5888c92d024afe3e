/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/chunk/test_vl.c - blocks of variable length: every codec, filter and item size, blocks
 * one by one and in ranges, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../worker.h"

#include "base/num.h"
#include "base/status.h"
#include "chunk/chunk.h"
#include "chunk/layout.h"

enum { ROOM = 60000, BLOCKS = 50 };

static uint8_t src[ROOM], back[ROOM], chunk[2 * ROOM];
static size_t len[BLOCKS], total;
static int64_t nblocks;
static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Lengths from 1 on, and items that count with some noise. */
static void fill(int64_t n, size_t size)
{
    nblocks = n;
    total = 0;
    for (int64_t b = 0; b < n; b++) total += len[b] = b < 9 ? (size_t)b + 1 : 1 + rnd() % 1000;
    for (size_t i = 0; i < total; i++) {
        size_t v = i / size * 3 + (rnd() & 1), k = i % size;
        src[i] = k < 8 ? (uint8_t)(v >> 8 * k) : (uint8_t)k;
    }
}

static struct tsr_cparams params(const struct tsr_codec *codec, int clevel, int filter,
                                 int32_t item)
{
    struct tsr_cparams p;
    tsr_cparams_init(&p, item);
    p.codec = codec;
    p.codec_id = codec->blosc2_id;
    p.clevel = clevel;
    p.filters[5] = (uint8_t)filter;
    return p;
}

/* The chunk of the blocks that fill made; its length. */
static int32_t encode(const struct tsr_cparams *p)
{
    struct tsr_chunk c;
    struct tsr_block_out out[BLOCKS];
    size_t bound, from = 0;
    assert_int_equal(tsr_chunk_vl_begin(&c, p, nblocks, len, &bound), TSR_OK);
    assert_true(bound <= sizeof chunk);
    uint8_t *at = chunk + TSR_CHUNK_HEADER + 4 * nblocks;
    for (int64_t b = 0; b < nblocks; at += len[b] + 4, from += len[b], b++) {
        out[b].p = at;
        assert_int_equal(tsr_chunk_encode_vl(&c, p, worker, src + from, len[b], &out[b]), TSR_OK);
    }
    tsr_chunk_vl_seal(&c, out, chunk);
    assert_true((size_t)c.cbytes <= bound);
    return c.cbytes;
}

static struct tsr_chunk parse(int32_t cbytes)
{
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, chunk, (size_t)cbytes, (uint64_t)cbytes, tsr_limit(ROOM));
    if (rc < 0) fail_msg("%s", tsr_error());
    return c;
}

static void check_all(int32_t cbytes)
{
    struct tsr_chunk c = parse(cbytes);
    int64_t ends[BLOCKS], at = 0;
    assert_int_equal(c.nblocks, nblocks);
    assert_int_equal(c.nbytes, total);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 0, c.nbytes, back), TSR_OK);
    assert_memory_equal(back, src, total);
    assert_int_equal(tsr_chunk_vl_ends(&c, chunk, ends), TSR_OK);
    for (int32_t b = 0; b < c.nblocks; at = ends[b++]) {
        int32_t off, n, size;
        assert_int_equal(ends[b] - at, len[b]);
        assert_int_equal(tsr_chunk_block_span(&c, chunk, b, true, &off, &n), TSR_OK);
        assert_int_equal(tsr_chunk_vl_len(&c, b, chunk + off, (size_t)n, &size), TSR_OK);
        assert_int_equal(size, len[b]);
        assert_int_equal(tsr_chunk_decode_vl(&c, worker, b, chunk + off, (size_t)n, back), TSR_OK);
        assert_memory_equal(back, src + at, len[b]);
    }
    for (int i = 0; i < 30; i++) {
        int64_t lo = (int64_t)(rnd() % total), n = (int64_t)(rnd() % (total - (size_t)lo + 1));
        assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, lo, n, back), TSR_OK);
        assert_memory_equal(back, src + lo, (size_t)n);
    }
}

static void every_codec_filter_and_size_comes_back(void **state)
{
    static const int filters[] = {0, 1, 2};
    static const int32_t sizes[] = {1, 2, 4, 7, 8, 300};
    (void)state;
    for (int k = 0; tsr_codec_list(k); k++) {
        const struct tsr_codec *codec = tsr_codec_list(k);
        if (!codec->encode || codec->blosc2_id < 0 || codec->blosc2_id >= 32) continue;
        for (size_t f = 0; f < 3; f++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                fill(1 + (int64_t)(rnd() % BLOCKS), (size_t)sizes[s]);
                struct tsr_cparams p = params(codec, (int)(rnd() % 10), filters[f], sizes[s]);
                check_all(encode(&p));
            }
    }
}

static void headers_are_those_of_the_specification(void **state)
{
    (void)state;
    fill(5, 4);
    struct tsr_cparams p = params(tsr_codec_named(NULL, "zstd"), 0, 1, 4);
    int32_t cbytes = encode(&p);
    assert_int_equal(chunk[AT_VERSION], 6);
    assert_int_equal(chunk[AT_FLAGS], 0x95);
    assert_int_equal(chunk[AT_FLAGS2], 1);
    assert_int_equal(chunk[AT_BLOSC2_FLAGS], 0);
    assert_int_equal(tsr_load_LE32(chunk + AT_BLOCKSIZE), 5);
    assert_int_equal(cbytes, 32 + 5 * 8 + 15); /* clevel 0: stored */
}

static void wrong_calls_are_told(void **state)
{
    (void)state;
    struct tsr_chunk c;
    size_t bound, none[] = {4, 0}, huge[] = {TSR_CHUNK_MAX_NBYTES / 2, TSR_CHUNK_MAX_NBYTES};
    struct tsr_cparams p = params(tsr_codec_named(NULL, "lz4"), 5, 0, 1);
    assert_int_equal(tsr_chunk_vl_begin(&c, &p, 0, none, &bound), TSR_EARG);
    assert_int_equal(tsr_chunk_vl_begin(&c, &p, 2, none, &bound), TSR_EARG);
    assert_int_equal(tsr_chunk_vl_begin(&c, &p, 2, huge, &bound), TSR_EARG);
}

static void broken_starts_and_sizes_are_told(void **state)
{
    (void)state;
    fill(20, 4);
    struct tsr_cparams p = params(tsr_codec_named(NULL, "lz4"), 5, 1, 4);
    int32_t cbytes = encode(&p);
    struct tsr_chunk c = parse(cbytes);
    uint32_t at = tsr_load_LE32(chunk + 32 + 12), size = tsr_load_LE32(chunk + at);
    tsr_store_LE32(chunk + at, size + 1);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 0, c.nbytes, back), TSR_ECORRUPT);
    assert_int_equal(tsr_chunk_vl_ends(&c, chunk, (int64_t[BLOCKS]){0}), TSR_ECORRUPT);
    tsr_store_LE32(chunk + at, size);
    tsr_store_LE32(chunk + 32 + 12, at - 4096);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 0, c.nbytes, back), TSR_ECORRUPT);
    tsr_store_LE32(chunk + 32 + 12, (uint32_t)cbytes - 4);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 0, c.nbytes, back), TSR_ECORRUPT);
    /* found by the header alone when the starts are not at hand */
    assert_int_equal(tsr_chunk_parse(&c, chunk, 32, (uint64_t)cbytes, tsr_limit(ROOM)), TSR_OK);
}

static void flipped_bits_never_crash(void **state)
{
    (void)state;
    for (int k = 0; tsr_codec_list(k); k++) {
        const struct tsr_codec *codec = tsr_codec_list(k);
        if (!codec->encode || codec->blosc2_id < 0 || codec->blosc2_id >= 32) continue;
        fill(30, 4);
        struct tsr_cparams p = params(codec, 5, 1, 4);
        size_t n = (size_t)encode(&p);
        for (int i = 0; i < 3000; i++) {
            size_t at = i % 2 ? rnd() % n : rnd() % 192;
            uint8_t *tight = malloc(n), *dst;
            struct tsr_chunk c;
            memcpy(tight, chunk, n);
            tight[at] ^= (uint8_t)(1 << rnd() % 8);
            if (tsr_chunk_parse(&c, tight, n, n, tsr_limit(ROOM)) == TSR_OK) {
                dst = malloc((size_t)c.nbytes + 1);
                int rc = tsr_chunk_decode_range(&c, worker, tight, 0, c.nbytes, dst);
                assert_true(rc == TSR_OK || rc == TSR_ECORRUPT);
                free(dst);
            }
            free(tight);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_filter_and_size_comes_back),
        cmocka_unit_test(headers_are_those_of_the_specification),
        cmocka_unit_test(wrong_calls_are_told),
        cmocka_unit_test(broken_starts_and_sizes_are_told),
        cmocka_unit_test(flipped_bits_never_crash),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
