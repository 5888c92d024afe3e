/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/codec/test_plugins.c - codecs and filters that want to know what they work on: the shape of
 * a block, its items, the block before.
 *
 * By hand where the bytes are few; the golden files and python-blosc2 are the other half.  Buffers
 * are allocated to size, so that a sanitizer sees a byte too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../worker.h"

#include "base/status.h"
#include "chunk/codecs.h"

enum { ROOM = 1 << 16 };

static int32_t shape[8];
static struct tsr_block_facts facts;
static uint64_t seed = UINT64_C(88172645463325252);

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Blocks of items of `item` bytes from now on, of ndim sides. */
static size_t set_block(int32_t item, int ndim, int32_t a, int32_t b, int32_t c)
{
    const int32_t sides[4] = {a, b, c, 5};
    size_t n = (size_t)item;
    facts = (struct tsr_block_facts){.typesize = item,
                                     .item_bytes = item,
                                     .ndim = ndim,
                                     .shape = shape,
                                     .version = 5};
    for (int d = 0; d < ndim; d++) n *= (size_t)(shape[d] = sides[d]);
    return n;
}

static struct tsr_call with_meta(int meta)
{
    return (struct tsr_call){.worker = worker, .block = &facts, .level = 5, .meta = meta};
}

static const struct tsr_filter *filter(const char *name)
{
    const struct tsr_filter *f = tsr_filter_named(NULL, name);
    assert_non_null(f);
    return f;
}

static void encode(const char *name, int meta, const void *src, size_t n, void *dst)
{
    struct tsr_call c = with_meta(meta);
    assert_int_equal(filter(name)->encode(&c, src, n, dst), TSR_OK);
}

/* What the filter makes of src is `want`, and decodes to `back`. */
static void makes(const char *name, int meta, const void *src, size_t n, const void *want,
                  const void *back)
{
    struct tsr_call c = with_meta(meta);
    uint8_t *mid = malloc(n), *dst = malloc(n);
    encode(name, meta, src, n, mid);
    assert_memory_equal(mid, want, n);
    assert_int_equal(filter(name)->decode(&c, mid, n, dst), TSR_OK);
    assert_memory_equal(dst, back, n);
    free(mid);
    free(dst);
}

/* ---- filters ---- */

static void delta_is_xor_with_the_word_before(void **state)
{
    (void)state;
    set_block(2, 0, 0, 0, 0);
    makes("delta", 0, "abcdefg", 7, "ab\2\6\6\2g", "abcdefg"); /* the odd byte is copied */
    set_block(3, 0, 0, 0, 0);                                  /* words of one byte */
    makes("delta", 0, "abd", 3, "a\3\6", "abd");
    set_block(24, 0, 0, 0, 0); /* words of eight */
    makes("delta", 0, "abcdefghabcdefgi", 16, "abcdefgh\0\0\0\0\0\0\0\1", "abcdefghabcdefgi");
}

static void delta_of_later_blocks_is_from_the_first(void **state)
{
    (void)state;
    set_block(2, 0, 0, 0, 0);
    facts.ref = (const uint8_t *)"aaaaaaaa";
    makes("delta", 0, "abcdefg", 7, "\0\3\2\5\4\7g", "abcdefg");
}

static void bytedelta_is_the_difference_in_each_stream(void **state)
{
    (void)state;
    set_block(2, 0, 0, 0, 0);
    makes("bytedelta", 0, "abdaca!", 7, "a\1\2a\2\xFE!", "abdaca!");
    makes("bytedelta", 1, "abdaca!", 7, "a\1\2\xFD\2\xFE\xC0", "abdaca!");
    makes("bytedelta", 9, "abdaca!", 7, "abdaca!", "abdaca!"); /* streams longer than the block */
    facts.item_bytes = 0;
    struct tsr_call c = with_meta(0);
    uint8_t dst[7];
    assert_int_equal(filter("bytedelta")->decode(&c, dst, 7, dst), TSR_ECORRUPT);
}

static void buggy_bytedelta_begins_anew_at_the_last_partial_vector(void **state)
{
    (void)state;
    uint8_t src[35], dst[35];
    set_block(1, 0, 0, 0, 0);
    memset(src, 1, sizeof src);
    struct tsr_call c = with_meta(1);
    assert_null(filter("bytedelta_buggy")->encode);
    assert_int_equal(filter("bytedelta_buggy")->decode(&c, src, sizeof src, dst), TSR_OK);
    assert_int_equal(dst[31], 32);
    assert_int_equal(dst[32], 1);
    assert_int_equal(dst[34], 3);
}

static void trunc_prec_clears_low_bits_of_the_mantissa(void **state)
{
    (void)state;
    uint32_t in[2] = {0x3FFFFFFF, 0xBF812345}, keep10[2] = {0x3FFFE000, 0xBF812000};
    uint32_t drop20[2] = {0x3FF00000, 0xBF800000};
    set_block(4, 0, 0, 0, 0);
    makes("trunc_prec", 10, in, 8, keep10, keep10);
    makes("trunc_prec", (uint8_t)-20, in, 8, drop20, drop20);
    makes("trunc_prec", 23, in, 8, in, in);
    uint64_t one = 0x3FFFFFFFFFFFFFFF, want = 0x3FFFF00000000000;
    set_block(8, 0, 0, 0, 0);
    makes("trunc_prec", 8, &one, 8, &want, &want);
}

static void int_trunc_clears_low_bits(void **state)
{
    (void)state;
    static const uint8_t in[] = {0xFF, 0x81, 0x0F}, keep3[] = {0xE0, 0x80, 0x00};
    uint64_t big = UINT64_MAX, want = UINT64_MAX << 60;
    set_block(1, 0, 0, 0, 0);
    makes("int_trunc", 3, in, 3, keep3, keep3);
    makes("int_trunc", (uint8_t)-5, in, 3, keep3, keep3);
    set_block(8, 0, 0, 0, 0);
    makes("int_trunc", 4, &big, 8, &want, &want);
}

static void ndcell_brings_cells_together(void **state)
{
    (void)state;
    size_t n = set_block(1, 2, 3, 5, 0);
    makes("ndcell", 2,
          "abcde"
          "fghij"
          "klmno",
          n, "abfgcdhiejklmno",
          "abcde"
          "fghij"
          "klmno");
    n = set_block(4, 4, 6, 3, 7);
    uint8_t *src = malloc(n), *mid = malloc(n), *dst = malloc(n);
    for (size_t i = 0; i < n; i++) src[i] = (uint8_t)rnd();
    for (int side = 1; side < 10; side++) {
        struct tsr_call c = with_meta(side);
        encode("ndcell", side, src, n, mid);
        assert_int_equal(filter("ndcell")->decode(&c, mid, n, dst), TSR_OK);
        assert_memory_equal(dst, src, n);
    }
    free(src);
    free(mid);
    free(dst);
}

static void ndmean_puts_the_mean_in_place_of_a_cell(void **state)
{
    (void)state;
    static const float in[] = {1, 3, 10, 5, 7, 20}, mid[] = {4, 4, 4, 4, 15, 15};
    static const float out[] = {4, 4, 15, 4, 4, 15};
    set_block(4, 2, 2, 3, 0);
    makes("ndmean", 2, in, sizeof in, mid, out);
}

/* ---- what is refused ---- */

static void refuse(const char *name, int meta)
{
    struct tsr_call c = with_meta(meta);
    const struct tsr_codec *codec = tsr_codec_named(NULL, name);
    assert_int_equal((codec ? codec->check : filter(name)->check)(&c), TSR_EARG);
}

static void writers_refuse_what_does_not_fit(void **state)
{
    (void)state;
    set_block(2, 2, 8, 8, 0);
    refuse("trunc_prec", 5); /* no float */
    refuse("ndmean", 4);
    refuse("ndlz", 4); /* not bytes */
    set_block(4, 2, 2, 16, 0);
    refuse("trunc_prec", 0); /* nothing of the mantissa stays */
    refuse("trunc_prec", 24);
    refuse("int_trunc", 0);
    refuse("int_trunc", 33);
    refuse("ndmean", 4); /* c-blosc2 would garble it: section 5.7 */
    refuse("ndcell", 6); /* a cell larger than the block */
    refuse("ndcell", 0);
    set_block(1, 3, 8, 8, 8);
    refuse("ndlz", 4); /* 2-d only */
    set_block(1, 2, 8, 8, 0);
    refuse("ndlz", 5);
    set_block(4, 2, 3, 16, 0);
    refuse("zfp_acc", 0); /* thinner than a cell */
    set_block(2, 2, 8, 8, 0);
    refuse("zfp_prec", 10);
    set_block(4, 0, 0, 0, 0);
    refuse("zfp_rate", 50);
}

static void readers_hold_the_shape_against_the_block(void **state)
{
    (void)state;
    static const char *const names[] = {"ndcell", "ndmean"};
    uint8_t src[200] = {0}, dst[200];
    for (int i = 0; i < 2; i++) {
        struct tsr_call c = with_meta(2);
        size_t n = set_block(4, 2, 3, 5, 0);
        assert_int_equal(filter(names[i])->decode(&c, src, n, dst), TSR_OK);
        assert_int_equal(filter(names[i])->decode(&c, src, n - 4, dst), TSR_ECORRUPT);
        shape[1] = INT32_MAX;
        assert_int_equal(filter(names[i])->decode(&c, src, n, dst), TSR_ECORRUPT);
        shape[1] = 0;
        assert_int_equal(filter(names[i])->decode(&c, src, 0, dst), TSR_ECORRUPT);
        facts.ndim = 0;
        assert_int_equal(filter(names[i])->decode(&c, src, n, dst), TSR_ECORRUPT);
        set_block(4, 2, 3, 5, 0);
        c.meta = 0;
        assert_int_equal(filter(names[i])->decode(&c, src, n, dst), TSR_ECORRUPT);
        c.meta = 128; /* of ndmean 127 is the most: section 5.1 */
        assert_int_equal(filter(names[i])->decode(&c, src, n, dst), i ? TSR_ECORRUPT : TSR_OK);
    }
}

/* ---- codecs ---- */

static size_t pack(const char *name, int meta, const uint8_t *src, size_t n, uint8_t *dst)
{
    struct tsr_call c = with_meta(meta);
    size_t len = 0;
    assert_int_equal(tsr_codec_named(NULL, name)->encode(&c, src, n, dst, ROOM, &len), TSR_OK);
    return len;
}

/* Decodes from and to buffers of exactly these sizes. */
static int unpack(const char *name, int meta, const uint8_t *src, size_t len, uint8_t *dst,
                  size_t n)
{
    struct tsr_call c = with_meta(meta);
    uint8_t *in = malloc(len ? len : 1), *out = malloc(n ? n : 1);
    memcpy(in, src, len);
    int rc = tsr_codec_named(NULL, name)->decode(&c, in, len, out, n);
    if (rc == TSR_OK) memcpy(dst, out, n);
    free(in);
    free(out);
    return rc;
}

/* Every cut and many flips of a stream are refused or decode to something. */
static void mangle(const char *name, int meta, uint8_t *stream, size_t len, size_t n)
{
    static uint8_t dst[ROOM];
    for (size_t cut = 0; cut < len; cut += 1 + len / 200) {
        int rc = unpack(name, meta, stream, cut, dst, n);
        assert_true(rc == TSR_ECORRUPT || (rc == TSR_OK && name[0] == 'z'));
    }
    for (int i = 0; i < 3000; i++) {
        size_t at = i % 4 ? rnd() % len : rnd() % (len < 24 ? len : 24);
        uint8_t keep = stream[at];
        stream[at] ^= (uint8_t)(1 << rnd() % 8);
        int rc = unpack(name, meta, stream, len, dst, n);
        assert_true(rc == TSR_OK || rc == TSR_ECORRUPT);
        stream[at] = keep;
    }
}

static void fill_bytes(uint8_t *p, size_t n, int kind, size_t cols)
{
    for (size_t i = 0; i < n; i++) {
        size_t row = i / cols, col = i % cols;
        uint64_t r = rnd();
        if (kind == 0) p[i] = (uint8_t)(row / 5 * 7);                    /* even rows */
        else if (kind == 1) p[i] = (uint8_t)(row % 6 * 31 + col % 12);   /* rows that come again */
        else if (kind == 2) p[i] = (uint8_t)(r % 11 ? i / 700 : r >> 8); /* with faults */
        else if (kind == 3) p[i] = (uint8_t)(r >> 60 ? col % 4 * row % 9 : 1);
        else p[i] = (uint8_t)r;
    }
}

static void ndlz_gives_bytes_back_from_blocks_of_all_sides(void **state)
{
    (void)state;
    static uint8_t src[ROOM], mid[ROOM], dst[ROOM];
    for (int i = 0; i < 400; i++) {
        size_t n = set_block(1, 2, 1 + (int32_t)(rnd() % 90), 1 + (int32_t)(rnd() % 90), 0);
        int meta = i % 2 ? 4 : 8;
        fill_bytes(src, n, i / 2 % 5, (size_t)shape[1]);
        size_t len = pack("ndlz", meta, src, n, mid);
        if (len == 0) continue;
        assert_int_equal(unpack("ndlz", meta, mid, len, dst, n), TSR_OK);
        assert_memory_equal(dst, src, n);
        assert_int_equal(unpack("ndlz", meta, mid, len, dst, n + 1), TSR_ECORRUPT);
    }
}

static void ndlz_finds_rows_that_it_stored_before(void **state)
{
    (void)state;
    static uint8_t src[ROOM], mid[ROOM];
    size_t n = set_block(1, 2, 96, 96, 0);
    fill_bytes(src, n, 1, 96);
    assert_in_range(pack("ndlz", 4, src, n, mid), 1, n / 3);
    assert_in_range(pack("ndlz", 8, src, n, mid), 1, n / 2);
    fill_bytes(src, n, 4, 96);
    struct tsr_call c = with_meta(4);
    size_t len = 1;
    assert_int_equal(tsr_codec_named(NULL, "ndlz")->encode(&c, src, n, mid, n - 1, &len), TSR_OK);
    assert_int_equal(len, 0); /* noise is given up */
}

/* The two cells that follow one literal, by each token of appendix B. */
static void ndlz_tokens_mean_what_the_format_says(void **state)
{
    (void)state;
    static const struct {
        const char *operands;
        size_t len;
        const char *cell;
    } cases[] = {
        {"\x40z", 2, "zzzzzzzzzzzzzzzz"},
        {"\xC0\x10\0", 3, "aaaabbbbccccdddd"},
        {"\xE0\x10\0wxyz", 7, "wxyzaaaabbbbcccc"},
        {"\xE8\x10\0wxyz", 7, "aaaabbbbccccwxyz"},
        {"\xF0\x10\0wxyz", 7, "aaaabbbbwxyzcccc"},
        {"\xF8\x10\0wxyz", 7, "aaaawxyzbbbbcccc"},
        {"\x80\x10\0wxyzWXYZ", 11, "wxyzWXYZaaaabbbb"},
        {"\x88\x10\0wxyzWXYZ", 11, "aaaabbbbwxyzWXYZ"},
        {"\x98\x10\0wxyzWXYZ", 11, "aaaawxyzWXYZbbbb"},
        {"\xB8\x10\0wxyzWXYZ", 11, "wxyzaaaaWXYZbbbb"},
        {"\x28\x10\0\x08\0", 5, "aaaabbbbccccdddd"},
        {"\x30\x10\0\x08\0", 5, "aaaaccccbbbbdddd"},
        {"\x38\x10\0\x08\0", 5, "aaaaccccddddbbbb"},
    };
    set_block(1, 2, 8, 4, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t s[64] = "\2\10\0\0\0\4\0\0\0\0aaaabbbbccccdddd", dst[32];
        memcpy(s + 26, cases[i].operands, cases[i].len);
        size_t len = 26 + cases[i].len;
        if (unpack("ndlz", 4, s, len, dst, 32) < 0) fail_msg("case %zu: %s", i, tsr_error());
        assert_memory_equal(dst, "aaaabbbbccccdddd", 16);
        assert_memory_equal(dst + 16, cases[i].cell, 16);
        assert_int_equal(unpack("ndlz", 4, s, len - 1, dst, 32), TSR_ECORRUPT);
        assert_int_equal(unpack("ndlz", 4, s, len + 1, dst, 32), TSR_ECORRUPT);
    }
}

static void ndlz_refuses_broken_streams(void **state)
{
    (void)state;
    static const uint8_t tokens[][11] = {{0x01},
                                         {0x20, 0x10, 0, 8, 0}, /* no such token */
                                         {0x81, 0x10, 0},       /* row 0 twice */
                                         {0xC1, 0x10, 0},
                                         {0xC0, 0xFF, 0}}; /* before the payload */
    static uint8_t src[ROOM], mid[ROOM];
    set_block(1, 2, 8, 4, 0);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        uint8_t s[64] = "\2\10\0\0\0\4\0\0\0\0aaaabbbbccccdddd", dst[32];
        memcpy(s + 26, tokens[i], sizeof tokens[i]);
        assert_int_equal(unpack("ndlz", 4, s, 26 + 11, dst, 32), TSR_ECORRUPT);
    }
    for (int meta = 4; meta <= 8; meta += 4) {
        size_t n = set_block(1, 2, 70, 50, 0);
        fill_bytes(src, n, 3, 50);
        size_t len = pack("ndlz", meta, src, n, mid);
        assert_true(len > 0);
        mangle("ndlz", meta, mid, len, n);
    }
}

/* ---- ZFP ---- */

static void fill_waves(uint8_t *p, size_t n, int32_t item)
{
    for (size_t i = 0; i * (size_t)item < n; i++) {
        double x = 40 * sin((double)i / 30);
        float f = (float)x;
        if (item == 4) memcpy(p + 4 * i, &f, 4);
        else memcpy(p + 8 * i, &x, 8);
    }
}

static double item_at(const uint8_t *p, size_t i, int32_t item)
{
    float f;
    double d;
    memcpy(&f, p + i * 4, sizeof f);
    if (item == 4) return (double)f;
    memcpy(&d, p + i * 8, sizeof d);
    return d;
}

static double worst(const uint8_t *a, const uint8_t *b, size_t n, int32_t item)
{
    double most = 0;
    for (size_t i = 0; i < n / (size_t)item; i++)
        most = fmax(most, fabs(item_at(a, i, item) - item_at(b, i, item)));
    return most;
}

static void zfp_keeps_its_promise_in_all_dimensions(void **state)
{
    (void)state;
    static uint8_t src[ROOM], mid[ROOM], dst[ROOM];
    for (int ndim = 1; ndim <= 4; ndim++)
        for (int32_t item = 4; item <= 8; item += 4) {
            size_t n = set_block(item, ndim, ndim == 1 ? 1001 : 10, 9, 7);
            fill_waves(src, n, item);
            for (int places = 0; places <= 3; places++) {
                size_t len = pack("zfp_acc", (uint8_t)-places, src, n, mid);
                assert_true(len > 0);
                assert_int_equal(unpack("zfp_acc", (uint8_t)-places, mid, len, dst, n), TSR_OK);
                assert_true(worst(src, dst, n, item) <= pow(10, -places));
            }
            size_t len = pack("zfp_prec", item == 4 ? 25 : 50, src, n, mid);
            assert_int_equal(unpack("zfp_prec", item == 4 ? 25 : 50, mid, len, dst, n), TSR_OK);
            assert_true(worst(src, dst, n, item) < 1e-3);
            size_t half = pack("zfp_rate", 50, src, n, mid);
            size_t quarter = pack("zfp_rate", 25, src, n, mid);
            assert_in_range(half, 2 * quarter - 8, 2 * quarter); /* whole words */
        }
}

static void zfp_reads_nothing_behind_a_broken_stream(void **state)
{
    (void)state;
    static const char *const names[] = {"zfp_acc", "zfp_prec", "zfp_rate"};
    static const uint8_t metas[] = {(uint8_t)-3, 20, 40};
    static uint8_t src[ROOM], mid[ROOM], dst[ROOM];
    for (int i = 0; i < 3; i++)
        for (int ndim = 1; ndim <= 4; ndim++) {
            size_t n = set_block(8, ndim, 12, 9, 7);
            fill_waves(src, n, 8);
            size_t len = pack(names[i], metas[i], src, n, mid);
            mangle(names[i], metas[i], mid, len, n);
            assert_int_equal(unpack(names[i], metas[i], mid, len / 2, dst, n), TSR_ECORRUPT);
            assert_int_equal(unpack(names[i], metas[i], mid, len, dst, n - 8), TSR_ECORRUPT);
            for (int k = 0; k < 300; k++) {
                for (size_t b = 0; b < len; b++) mid[b] = (uint8_t)rnd();
                unpack(names[i], metas[i], mid, 1 + rnd() % len, dst, n);
            }
        }
}

static void zfp_takes_items_at_any_address(void **state)
{
    (void)state;
    static uint8_t src[ROOM + 1], mid[ROOM], dst[ROOM + 1];
    size_t n = set_block(8, 2, 16, 16, 0), len;
    struct tsr_call c = with_meta((uint8_t)-6);
    const struct tsr_codec *codec = tsr_codec_named(NULL, "zfp_acc");
    fill_waves(src + 1, n, 8);
    assert_int_equal(codec->encode(&c, src + 1, n, mid, ROOM, &len), TSR_OK);
    assert_int_equal(codec->decode(&c, mid, len, dst + 1, n), TSR_OK);
    assert_true(worst(src + 1, dst + 1, n, 8) <= 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delta_is_xor_with_the_word_before),
        cmocka_unit_test(delta_of_later_blocks_is_from_the_first),
        cmocka_unit_test(bytedelta_is_the_difference_in_each_stream),
        cmocka_unit_test(buggy_bytedelta_begins_anew_at_the_last_partial_vector),
        cmocka_unit_test(trunc_prec_clears_low_bits_of_the_mantissa),
        cmocka_unit_test(int_trunc_clears_low_bits),
        cmocka_unit_test(ndcell_brings_cells_together),
        cmocka_unit_test(ndmean_puts_the_mean_in_place_of_a_cell),
        cmocka_unit_test(writers_refuse_what_does_not_fit),
        cmocka_unit_test(readers_hold_the_shape_against_the_block),
        cmocka_unit_test(ndlz_gives_bytes_back_from_blocks_of_all_sides),
        cmocka_unit_test(ndlz_finds_rows_that_it_stored_before),
        cmocka_unit_test(ndlz_tokens_mean_what_the_format_says),
        cmocka_unit_test(ndlz_refuses_broken_streams),
        cmocka_unit_test(zfp_keeps_its_promise_in_all_dimensions),
        cmocka_unit_test(zfp_reads_nothing_behind_a_broken_stream),
        cmocka_unit_test(zfp_takes_items_at_any_address),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
