/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/chunk/test_chunk.c - chunks made here are read here: every codec x filter x item size,
 * short last blocks, splits, special chunks, ranges, and what must be refused. */
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

enum { ROOM = 400000 };
#define LIMIT tsr_limit(UINT64_C(1) << 31)

static uint8_t src[ROOM], back[ROOM], chunk[ROOM + 32];
static uint64_t seed = UINT64_C(88172645463325252);

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Items that count slowly upwards, with some noise in the low byte. */
static void fill_items(size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = (i / size) * 3 + (rnd() & 3);
        size_t k = i % size;
        src[i] = k < 8 ? (uint8_t)(v >> 8 * k) : (uint8_t)k;
    }
}

static void fill_noise(size_t n)
{
    for (size_t i = 0; i < n; i++) src[i] = (uint8_t)rnd();
}

/* The k-th codec that takes any bytes: those of arrays stand behind them in the table. */
static const struct tsr_codec *any_codec(int k)
{
    const struct tsr_codec *c = tsr_codec_list(k);
    return c && !c->check ? c : NULL;
}

static struct tsr_cparams params(const char *codec, int clevel, int filter, int32_t item)
{
    struct tsr_cparams p;
    tsr_cparams_init(&p, item);
    p.codec = tsr_codec_named(NULL, codec);
    p.codec_id = p.codec->blosc2_id;
    p.clevel = clevel;
    p.filters[5] = (uint8_t)filter;
    return p;
}

static int32_t encode(const struct tsr_cparams *p, size_t n)
{
    int32_t cbytes = 0;
    memset(chunk, 0xA5, sizeof chunk);
    assert_int_equal(tsr_chunk_encode(p, worker, src, (int64_t)n, chunk, n + 32, &cbytes), TSR_OK);
    for (size_t i = n + 32; i < n + 64 && i < sizeof chunk; i++) assert_int_equal(chunk[i], 0xA5);
    return cbytes;
}

static struct tsr_chunk parse(int32_t cbytes)
{
    struct tsr_chunk c;
    if (tsr_chunk_parse(&c, chunk, (size_t)cbytes, (uint64_t)cbytes, LIMIT) < 0)
        fail_msg("%s", tsr_error());
    assert_int_equal(c.cbytes, cbytes);
    return c;
}

static void check_decodes(const struct tsr_chunk *c, size_t n)
{
    assert_int_equal(c->nbytes, n);
    memset(back, 0x5A, n);
    if (tsr_chunk_decode_range(c, worker, chunk, 0, (int64_t)n, back) < 0)
        fail_msg("%s", tsr_error());
    assert_memory_equal(back, src, n);
    for (int i = 0; i < 4 && n > 0; i++) {
        int64_t lo = (int64_t)(rnd() % n), m = (int64_t)(rnd() % (n - (size_t)lo + 1));
        assert_int_equal(tsr_chunk_decode_range(c, worker, chunk, lo, m, back), TSR_OK);
        assert_memory_equal(back, src + lo, (size_t)m);
    }
}

static struct tsr_chunk round_trip(const struct tsr_cparams *p, size_t n)
{
    int32_t cbytes = encode(p, n);
    assert_in_range(cbytes, 32, n + 32);
    struct tsr_chunk c = parse(cbytes);
    check_decodes(&c, n);
    return c;
}

/* ---- round trips ---- */

/* The same chunk in the steps that parallel callers take gives the same bytes. */
static void check_steps_agree(const struct tsr_cparams *p, size_t n, int32_t cbytes)
{
    struct tsr_chunk c;
    assert_int_equal(tsr_chunk_begin(&c, p, (int64_t)n), TSR_OK);
    size_t bound = tsr_chunk_block_bound(&c), count = (size_t)c.nblocks, head_len, at;
    struct tsr_block_out *blocks = calloc(count + 1, sizeof *blocks);
    uint8_t *head = malloc(32 + 4 * count), *room = malloc(count * bound + 1);
    for (int32_t b = c.nblocks - 1; b >= 0; b--) {
        blocks[b].p = room + (size_t)b * bound;
        assert_int_equal(tsr_chunk_encode_block(&c, p, worker, b, src + (int64_t)b * c.block_bytes,
                                                &blocks[b]),
                         TSR_OK);
        assert_true((size_t)blocks[b].len <= bound);
    }
    assert_int_equal(tsr_chunk_seal(&c, blocks, head, &head_len), TSR_OK);
    assert_int_equal(c.cbytes, cbytes);
    assert_memory_equal(chunk, head, head_len);
    at = head_len;
    if (c.memcpyed) {
        assert_memory_equal(chunk + at, src, n);
    } else if (!c.special) {
        for (size_t b = 0; b < count; b++) {
            assert_memory_equal(chunk + at, blocks[b].p, (size_t)blocks[b].len);
            at += (size_t)blocks[b].len;
        }
        assert_int_equal(at, cbytes);
    }
    free(blocks);
    free(head);
    free(room);
}

static void every_codec_filter_and_item_size_comes_back(void **state)
{
    (void)state;
    static const int32_t items[] = {1, 2, 3, 4, 7, 8, 12, 16, 17, 255, 256, 300};
    static const size_t sizes[] = {0, 1, 31, 32, 33, 100, 1000, 4095, 40000, 150007};
    static const int32_t blocks[] = {0, 1000, 4096};
    for (int k = 0; any_codec(k); k++)
        for (int filter = 0; filter <= 2; filter++)
            for (size_t t = 0; t < sizeof items / sizeof *items; t++)
                for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                    struct tsr_cparams p =
                        params(any_codec(k)->name, 1 + (int)(rnd() % 9), filter, items[t]);
                    p.block_bytes = blocks[(t + s) % 3];
                    p.split = 1 + (int)(rnd() % 4);
                    fill_items(sizes[s], (size_t)items[t]);
                    struct tsr_chunk c = round_trip(&p, sizes[s]);
                    check_steps_agree(&p, sizes[s], c.cbytes);
                }
}

static void many_filters_run_in_order(void **state)
{
    (void)state;
    struct tsr_cparams p = params("lz4", 5, 1, 4);
    p.filters[0] = 2;
    p.filters[3] = 1;
    p.filters_meta[3] = 3;
    fill_items(100001, 4);
    struct tsr_chunk c = round_trip(&p, 100001);
    assert_int_equal(c.filters[3], 1);
    assert_int_equal(c.filters_meta[3], 3);
}

static void both_split_modes_come_back(void **state)
{
    (void)state;
    for (int32_t item = 1; item <= 16; item++) {
        fill_items(30000, (size_t)item);
        struct tsr_cparams p = params("blosclz", 5, 1, item);
        p.block_bytes = 8192;
        p.split = SPLIT_ALWAYS;
        assert_int_equal(round_trip(&p, 30000).flags & FLAG_NO_SPLIT, 0);
        p.split = SPLIT_NEVER;
        assert_int_equal(round_trip(&p, 30000).flags & FLAG_NO_SPLIT, FLAG_NO_SPLIT);
    }
}

static void split_is_chosen_as_the_format_says(void **state)
{
    (void)state;
    static const struct {
        const char *codec;
        int clevel, filter, item;
        bool split;
    } cases[] = {{"blosclz", 9, 1, 8, true}, {"lz4", 1, 1, 16, true},  {"lz4hc", 5, 1, 8, false},
                 {"zlib", 5, 1, 8, false},   {"zstd", 5, 1, 8, true},  {"zstd", 6, 1, 8, false},
                 {"lz4", 5, 2, 8, false},    {"lz4", 5, 1, 17, false}, {"lz4", 5, 0, 4, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tsr_cparams p =
            params(cases[i].codec, cases[i].clevel, cases[i].filter, cases[i].item);
        struct tsr_chunk c;
        assert_int_equal(tsr_chunk_begin(&c, &p, 100000), TSR_OK);
        assert_int_equal(!(c.flags & FLAG_NO_SPLIT), cases[i].split);
        p.block_bytes = 31 * cases[i].item; /* too small to split */
        assert_int_equal(tsr_chunk_begin(&c, &p, 100000), TSR_OK);
        assert_true(c.flags & FLAG_NO_SPLIT);
    }
}

static void block_sizes_follow_the_rule(void **state)
{
    (void)state;
    static const struct {
        const char *codec;
        int clevel, filter, item, nbytes, block;
    } cases[] = {{"lz4", 5, 0, 8, 1 << 24, 128 << 10}, {"zstd", 5, 0, 8, 1 << 24, 256 << 10},
                 {"zstd", 9, 0, 8, 1 << 24, 1 << 20},  {"lz4", 9, 0, 8, 1 << 24, 256 << 10},
                 {"lz4", 5, 1, 8, 1 << 24, 512 << 10}, {"blosclz", 1, 1, 1, 1 << 24, 32 << 10},
                 {"lz4", 9, 1, 16, 1 << 26, 4 << 20},  {"zstd", 1, 0, 3, 100000, 32766},
                 {"lz4", 5, 1, 4, 1003, 1000},         {"lz4", 5, 1, 300, 100000, 65400}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tsr_cparams p =
            params(cases[i].codec, cases[i].clevel, cases[i].filter, cases[i].item);
        struct tsr_chunk c;
        assert_int_equal(tsr_chunk_begin(&c, &p, cases[i].nbytes), TSR_OK);
        assert_int_equal(c.block_bytes, cases[i].block);
    }
}

static void given_block_size_is_rounded_to_items(void **state)
{
    (void)state;
    struct tsr_cparams p = params("lz4", 5, 1, 12);
    struct tsr_chunk c;
    p.block_bytes = 4096;
    assert_int_equal(tsr_chunk_begin(&c, &p, 100000), TSR_OK);
    assert_int_equal(c.block_bytes, 4092);
    p.item_bytes = 300;
    assert_int_equal(tsr_chunk_begin(&c, &p, 100000), TSR_OK);
    assert_int_equal(c.block_bytes, 3900);
    assert_int_equal(c.typesize, 1);
}

/* ---- what becomes of odd data ---- */

static void noise_is_stored_as_it_is(void **state)
{
    (void)state;
    fill_noise(50000);
    struct tsr_cparams p = params("zstd", 5, 1, 4);
    struct tsr_chunk c = round_trip(&p, 50000);
    assert_true(c.memcpyed);
    assert_int_equal(c.cbytes, 50032);
    assert_memory_equal(chunk + 32, src, 50000);
}

static void level_zero_and_tiny_chunks_are_stored(void **state)
{
    (void)state;
    memset(src, 7, 1000);
    struct tsr_cparams p = params("zstd", 0, 1, 4);
    assert_int_equal(round_trip(&p, 1000).flags, 0x07);
    p.clevel = 5;
    assert_int_equal(round_trip(&p, 31).flags, 0x07);
    assert_int_equal(round_trip(&p, 0).cbytes, 32);
}

static void runs_cost_five_bytes(void **state)
{
    (void)state;
    struct tsr_cparams p = params("lz4", 5, 1, 4);
    for (size_t i = 0; i < 4000; i++) src[i] = (uint8_t)(i % 4 ? i % 4 : 0);
    p.split = SPLIT_ALWAYS;
    struct tsr_chunk c = round_trip(&p, 4000);
    assert_int_equal(c.cbytes, 32 + 4 + 4 + 3 * 5);
}

static void zeros_become_a_header(void **state)
{
    (void)state;
    memset(src, 0, 100000);
    for (int k = 0; any_codec(k); k++) {
        struct tsr_cparams p = params(any_codec(k)->name, 5, 1, 8);
        struct tsr_chunk c = round_trip(&p, 100000);
        assert_int_equal(c.cbytes, 32);
        assert_int_equal(c.special, TSR_SPECIAL_ZEROS);
    }
}

static void tiny_blocks_that_begin_with_zeros_come_back(void **state)
{
    (void)state;
    struct tsr_cparams p = params("blosclz", 5, 0, 1);
    p.block_bytes = 1;
    memset(src, 0, 32);
    assert_int_equal(round_trip(&p, 32).special, TSR_SPECIAL_ZEROS);
    src[31] = 1;
    assert_true(round_trip(&p, 32).memcpyed);
}

static void shuffle_of_groups_larger_than_the_block_is_left_out(void **state)
{
    (void)state;
    struct tsr_cparams p = params("lz4", 5, 1, 1);
    p.filters_meta[5] = 200;
    fill_items(1000, 4);
    assert_int_equal(round_trip(&p, 1000).filters[5], 1);
    memset(src, 1, 90);
    src[0] = 0;
    assert_int_equal(round_trip(&p, 90).filters[5], 0);
}

static void blocks_stored_out_of_order_are_found(void **state)
{
    (void)state;
    fill_items(20000, 4);
    struct tsr_cparams p = params("lz4", 5, 1, 4);
    p.block_bytes = 1000;
    int32_t cbytes = encode(&p, 20000), off[20], len[20], at;
    struct tsr_chunk c = parse(cbytes);
    assert_int_equal(c.nblocks, 20);
    assert_int_equal(tsr_chunk_all_spans(&c, chunk, off, len), TSR_OK);
    static uint8_t other[ROOM];
    memcpy(other, chunk, 32);
    at = 32 + 4 * 20;
    for (int i = 0; i < 20; i++) {
        int b = (i * 7 + 3) % 20;
        memcpy(other + at, chunk + off[b], (size_t)len[b]);
        tsr_store_LE32(other + 32 + 4 * b, (uint32_t)at);
        at += len[b];
    }
    memcpy(chunk, other, (size_t)cbytes);
    int32_t off2[20], len2[20];
    assert_int_equal(tsr_chunk_all_spans(&c, chunk, off2, len2), TSR_OK);
    assert_memory_equal(len, len2, sizeof len);
    for (int b = 0; b < 20; b++) {
        int32_t o, l;
        assert_int_equal(tsr_chunk_block_span(&c, chunk, b, true, &o, &l), TSR_OK);
        assert_int_equal(o, off2[b]);
        assert_int_equal(l, len2[b]);
    }
    check_decodes(&c, 20000);
}

/* ---- special chunks ---- */

/* The first `want` bytes of block 0, and none behind where the streams were left. */
static void check_start(const struct tsr_chunk *c, size_t want)
{
    int32_t off, len;
    assert_int_equal(tsr_chunk_block_span(c, chunk, 0, false, &off, &len), TSR_OK);
    struct tsr_block_start in = {chunk + off, (size_t)len, want, NULL};
    memset(back, 0x5A, (size_t)c->block_bytes + 1);
    if (tsr_chunk_decode_start(c, worker, 0, &in, back) < 0) fail_msg("%s", tsr_error());
    assert_memory_equal(back, src, want);
    assert_int_equal(back[c->block_bytes], 0x5A);
}

static void the_start_of_a_block_comes_alone(void **state)
{
    static const char *const codecs[] = {"lz4", "lz4hc", "blosclz", "zstd"};
    (void)state;
    fill_items(65536, 8);
    for (int k = 0; k < 4; k++) {
        for (int filter = 0; filter < 3; filter++) {
            struct tsr_cparams p = params(codecs[k], 5, filter, 8);
            p.block_bytes = 32768;
            struct tsr_chunk c = parse(encode(&p, 65536));
            for (size_t want = 1; want < 32768; want += want / 3 + 1) check_start(&c, want);
        }
    }
}

static void special_chunks_deliver_their_value(void **state)
{
    (void)state;
    static const int32_t sizes[] = {1, 2, 3, 4, 7, 8, 16, 255, 256, 300};
    for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
        int32_t item = sizes[t], nbytes = item * 1000;
        fill_noise((size_t)item);
        tsr_chunk_special(chunk, TSR_SPECIAL_VALUE, nbytes, nbytes, item, src, item);
        for (int32_t i = item; i < nbytes; i++) src[i] = src[i - item];
        struct tsr_chunk c = parse(32 + item);
        assert_int_equal(c.special, TSR_SPECIAL_VALUE);
        assert_int_equal(tsr_chunk_head_len(&c), 32 + item);
        check_decodes(&c, (size_t)nbytes);
    }
}

static void special_nan_and_zeros_need_no_value(void **state)
{
    (void)state;
    float f = __builtin_nanf("");
    for (int i = 0; i < 1000; i++) memcpy(src + 4 * i, &f, 4);
    assert_int_equal(tsr_chunk_uniform(src, 4000, 4), TSR_SPECIAL_NAN);
    tsr_chunk_special(chunk, TSR_SPECIAL_NAN, 4000, 4000, 4, NULL, 0);
    struct tsr_chunk c = parse(32);
    check_decodes(&c, 4000);
    memset(src, 0, 4000);
    tsr_chunk_special(chunk, TSR_SPECIAL_UNINIT, 4000, 4000, 4, NULL, 0);
    c = parse(32);
    check_decodes(&c, 4000);
}

static void uniform_tells_zeros_nan_and_values(void **state)
{
    (void)state;
    memset(src, 0, 1000);
    assert_int_equal(tsr_chunk_uniform(src, 1000, 7), TSR_SPECIAL_ZEROS);
    assert_int_equal(tsr_chunk_uniform(src, 0, 7), TSR_SPECIAL_NONE);
    assert_int_equal(tsr_chunk_uniform(src, 1, 1), TSR_SPECIAL_ZEROS);
    src[999] = 1;
    assert_int_equal(tsr_chunk_uniform(src, 1000, 4), TSR_SPECIAL_NONE);
    for (size_t i = 0; i < 1000; i++) src[i] = (uint8_t)(i % 8 == 5);
    assert_int_equal(tsr_chunk_uniform(src, 1000, 8), TSR_SPECIAL_VALUE);
    assert_int_equal(tsr_chunk_uniform(src, 1000, 4), TSR_SPECIAL_NONE);
    assert_int_equal(tsr_chunk_uniform(src, 996, 8), TSR_SPECIAL_NONE); /* half an item */
    src[997] = 9;
    assert_int_equal(tsr_chunk_uniform(src, 1000, 8), TSR_SPECIAL_NONE);
    double d = __builtin_nan("");
    for (int i = 0; i < 100; i++) memcpy(src + 8 * i, &d, 8);
    assert_int_equal(tsr_chunk_uniform(src, 800, 8), TSR_SPECIAL_NAN);
    src[0] = 1; /* another NaN */
    assert_int_equal(tsr_chunk_uniform(src, 800, 8), TSR_SPECIAL_NONE);
}

/* ---- refusals ---- */

static void header_needs_only_its_first_bytes(void **state)
{
    (void)state;
    fill_items(20000, 4);
    struct tsr_cparams p = params("lz4", 5, 1, 4);
    int32_t cbytes = encode(&p, 20000);
    struct tsr_chunk c;
    assert_int_equal(tsr_chunk_parse(&c, chunk, 32, (uint64_t)cbytes, LIMIT), TSR_OK);
    assert_int_equal(tsr_chunk_parse(&c, chunk, 32, (uint64_t)cbytes - 1, LIMIT), TSR_ECORRUPT);
    assert_int_equal(tsr_chunk_parse(&c, chunk, 31, 31, LIMIT), TSR_ECORRUPT);
    assert_int_equal(tsr_chunk_parse(&c, chunk, 32, (uint64_t)cbytes, tsr_limit(19999)),
                     TSR_ELIMIT);
}

static void special_chunks_may_have_any_block_size(void **state)
{
    (void)state;
    struct tsr_chunk c;
    tsr_chunk_special(chunk, TSR_SPECIAL_VALUE, 70, 0, 7, "sevenby", 7);
    assert_int_equal(tsr_chunk_parse(&c, chunk, 39, 39, LIMIT), TSR_OK);
    assert_int_equal(c.block_bytes, 70);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 3, 6, back), TSR_OK);
    assert_memory_equal(back, "enbyse", 6);
    chunk[AT_NBYTES] = 71; /* broken, and still no block size to divide by */
    assert_int_equal(tsr_chunk_parse(&c, chunk, 39, 39, LIMIT), TSR_ECORRUPT);
}

static void missing_codecs_and_filters_are_named(void **state)
{
    (void)state;
    fill_items(20000, 4);
    struct tsr_cparams p = params("lz4", 5, 1, 4);
    int32_t cbytes = encode(&p, 20000);
    struct tsr_chunk c;
    chunk[AT_FLAGS] = (uint8_t)(FORMAT_PLUGIN << 5 | FLAG_EXTENDED);
    chunk[AT_UDCODEC] = 37;
    assert_int_equal(tsr_chunk_parse(&c, chunk, 32, (uint64_t)cbytes, LIMIT), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "codec 37 (grok) is not built in"));
    chunk[AT_FILTERS] = 40;
    assert_int_equal(tsr_chunk_parse(&c, chunk, 32, (uint64_t)cbytes, LIMIT), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "filter 40 is neither built in nor registered"));
    p.filters[0] = 34;
    assert_int_equal(tsr_cparams_check(&p), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "filter 34 (bytedelta_buggy) cannot be written"));
    p = params("lz4", 5, 1, 4);
    p.codec = NULL;
    p.codec_id = 38;
    assert_int_equal(tsr_cparams_check(&p), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "openzl"));
}

static void flipped_bits_never_crash(void **state)
{
    (void)state;
    fill_items(20000, 4);
    for (int k = 0; any_codec(k); k++) {
        struct tsr_cparams p = params(any_codec(k)->name, 5, 1, 4);
        p.block_bytes = 4096;
        int32_t cbytes = encode(&p, 20000);
        for (int i = 0; i < 3000; i++) {
            size_t at = i % 2 ? rnd() % (size_t)cbytes : rnd() % 64;
            uint8_t keep = chunk[at];
            uint8_t *tight = malloc((size_t)cbytes);
            struct tsr_chunk c;
            chunk[at] ^= (uint8_t)(1 << rnd() % 8);
            memcpy(tight, chunk, (size_t)cbytes);
            if (tsr_chunk_parse(&c, tight, (size_t)cbytes, (uint64_t)cbytes, tsr_limit(ROOM)) ==
                TSR_OK) {
                uint8_t *dst = malloc((size_t)c.nbytes + 1);
                int rc = tsr_chunk_decode_range(&c, worker, tight, 0, c.nbytes, dst);
                assert_true(rc == TSR_OK || rc == TSR_ECORRUPT);
                free(dst);
            }
            free(tight);
            chunk[at] = keep;
        }
    }
}

static void broken_streams_say_where(void **state)
{
    (void)state;
    fill_items(20000, 4);
    struct tsr_cparams p = params("lz4", 5, 1, 4);
    p.block_bytes = 4096;
    int32_t cbytes = encode(&p, 20000);
    struct tsr_chunk c = parse(cbytes);
    int32_t off, len;
    assert_int_equal(tsr_chunk_block_span(&c, chunk, 2, true, &off, &len), TSR_OK);
    tsr_store_LE32(chunk + off, 0x7FFFFFFF);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 9000, 10, back), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "block 2, stream 0: byte 0: found stream size 2147483647"));
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 0, 8192, back), TSR_OK);
    tsr_store_LE32(chunk + 32 + 8, 31);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 9000, 10, back), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "start of block 2 at byte 40: found 31"));
}

static void ranges_outside_are_wrong_calls(void **state)
{
    (void)state;
    fill_items(20000, 4);
    struct tsr_cparams p = params("lz4", 5, 1, 4);
    struct tsr_chunk c = parse(encode(&p, 20000));
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, -1, 1, back), TSR_EARG);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 20000, 1, back), TSR_EARG);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 1, INT64_MAX, back), TSR_EARG);
    assert_int_equal(tsr_chunk_decode_range(&c, worker, chunk, 20000, 0, back), TSR_OK);
}

static void sizes_out_of_range_are_wrong_calls(void **state)
{
    (void)state;
    struct tsr_chunk c;
    struct tsr_cparams p = params("lz4", 5, 1, 4);
    int32_t cbytes;
    assert_int_equal(tsr_chunk_begin(&c, &p, (int64_t)TSR_CHUNK_MAX_NBYTES + 1), TSR_EARG);
    assert_int_equal(tsr_chunk_begin(&c, &p, -1), TSR_EARG);
    assert_int_equal(tsr_chunk_encode(&p, worker, src, 1000, chunk, 1031, &cbytes), TSR_EARG);
    p.item_bytes = 0;
    assert_int_equal(tsr_chunk_begin(&c, &p, 1000), TSR_EARG);
}

/* ---- steps ---- */

static void steps_fill_slots_from_the_last_one(void **state)
{
    (void)state;
    struct tsr_cparams p;
    tsr_cparams_init(&p, 4);
    const tsr_step steps[] = {{"bitshuffle", NULL}, {"shuffle", "meta=3"}, {"lz4hc", "clevel=9"}};
    assert_int_equal(tsr_cparams_from_steps(&p, steps, 3, 2), TSR_OK);
    assert_memory_equal(p.filters, ((uint8_t[]){0, 0, 0, 0, 2, 1}), 6);
    assert_int_equal(p.filters_meta[5], 3);
    assert_int_equal(p.codec_id, 2);
    assert_int_equal(p.clevel, 9);
    assert_int_equal(p.split, SPLIT_NEVER);
    assert_int_equal(tsr_cparams_from_steps(&p, NULL, 0, 0), TSR_OK);
    assert_memory_equal(p.filters, ((uint8_t[]){0, 0, 0, 0, 0, 1}), 6);
    assert_string_equal(p.codec->name, "zstd");
    assert_int_equal(p.clevel, 5);
    assert_int_equal(tsr_cparams_from_steps(&p, &steps[2], 1, 0), TSR_OK);
    assert_memory_equal(p.filters, ((uint8_t[]){0, 0, 0, 0, 0, 0}), 6);
}

static void wrong_steps_are_named(void **state)
{
    (void)state;
    static const struct {
        tsr_step a, b;
        const char *says;
    } cases[] = {
        {{"shuffle", NULL}, {"nonsense", NULL}, "step nonsense: no such codec"},
        {{"nonsense", NULL}, {"lz4", NULL}, "step nonsense: no such filter"},
        {{"lz4", NULL}, {"lz4", NULL}, "step lz4: a codec"},
        {{"shuffle", NULL}, {"shuffle", NULL}, "step shuffle: a filter"},
        {{"shuffle", NULL}, {"lz4", "clevel=10"}, "clevel=10: expected 0 to 9"},
        {{"shuffle", NULL}, {"lz4", "clevel="}, "expected clevel=integer"},
        {{"shuffle", NULL}, {"lz4", "clevel= 5"}, "expected clevel=integer"},
        {{"shuffle", NULL}, {"lz4", "clevel=5x"}, "expected clevel=integer"},
        {{"shuffle", NULL}, {"lz4", "level=5"}, "unknown parameter 'level'"},
        {{"shuffle", "clevel=5"}, {"lz4", NULL}, "unknown parameter 'clevel'"},
        {{"shuffle", "meta=256"}, {"lz4", NULL}, "meta=256: expected 0 to 255"},
        {{"shuffle", "meta"}, {"lz4", NULL}, "expected meta=integer"},
        {{NULL, NULL}, {"lz4", NULL}, "step 0 has no name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tsr_cparams p;
        tsr_cparams_init(&p, 4);
        const tsr_step steps[] = {cases[i].a, cases[i].b};
        assert_int_equal(tsr_cparams_from_steps(&p, steps, 2, 0), TSR_EARG);
        if (!strstr(tsr_error(), cases[i].says))
            fail_msg("found '%s', expected '%s'", tsr_error(), cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_filter_and_item_size_comes_back),
        cmocka_unit_test(many_filters_run_in_order),
        cmocka_unit_test(both_split_modes_come_back),
        cmocka_unit_test(split_is_chosen_as_the_format_says),
        cmocka_unit_test(block_sizes_follow_the_rule),
        cmocka_unit_test(given_block_size_is_rounded_to_items),
        cmocka_unit_test(noise_is_stored_as_it_is),
        cmocka_unit_test(level_zero_and_tiny_chunks_are_stored),
        cmocka_unit_test(runs_cost_five_bytes),
        cmocka_unit_test(zeros_become_a_header),
        cmocka_unit_test(tiny_blocks_that_begin_with_zeros_come_back),
        cmocka_unit_test(shuffle_of_groups_larger_than_the_block_is_left_out),
        cmocka_unit_test(blocks_stored_out_of_order_are_found),
        cmocka_unit_test(the_start_of_a_block_comes_alone),
        cmocka_unit_test(special_chunks_deliver_their_value),
        cmocka_unit_test(special_nan_and_zeros_need_no_value),
        cmocka_unit_test(uniform_tells_zeros_nan_and_values),
        cmocka_unit_test(header_needs_only_its_first_bytes),
        cmocka_unit_test(special_chunks_may_have_any_block_size),
        cmocka_unit_test(missing_codecs_and_filters_are_named),
        cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(broken_streams_say_where),
        cmocka_unit_test(ranges_outside_are_wrong_calls),
        cmocka_unit_test(sizes_out_of_range_are_wrong_calls),
        cmocka_unit_test(steps_fill_slots_from_the_last_one),
        cmocka_unit_test(wrong_steps_are_named),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
