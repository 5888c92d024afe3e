/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/codec/test_probe.c - what repeats is told from what does not, and encoders that go by it,
 * or by the order of the bytes, still give back what they were given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../worker.h"

#include "base/status.h"
#include "chunk/codecs.h"
#include "codec/probe.h"

enum { N = 64 << 10 };

static uint64_t seed;

static uint8_t *noise(size_t n, unsigned mask)
{
    uint8_t *p = malloc(n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(seed >> 40) & (uint8_t)mask;
    }
    return p;
}

static void noise_does_not_repeat(void **state)
{
    (void)state;
    static const size_t sizes[] = {2048, 4096, 5000, 32768, 65537};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        seed = i;
        uint8_t *a = noise(sizes[i], 0xff), *b = noise(sizes[i], 0x7f);
        assert_false(tsr_probe_repeats(a, sizes[i]));
        assert_false(tsr_probe_repeats(b, sizes[i]));
        free(a);
        free(b);
    }
}

static void short_streams_may_always_repeat(void **state)
{
    (void)state;
    for (size_t n = 1; n < 2048; n += 89) {
        uint8_t *a = noise(n, 0xff);
        assert_true(tsr_probe_repeats(a, n));
        free(a);
    }
}

static void values_of_few_bits_repeat(void **state)
{
    (void)state;
    uint8_t *a = noise(N, 3);
    assert_true(tsr_probe_repeats(a, N));
    free(a);
}

/* At no distance and no offset does a long copy go unnoticed. */
static void long_copies_far_away_are_found(void **state)
{
    (void)state;
    for (size_t shift = 1000; shift < 1017; shift++) {
        seed = shift;
        uint8_t *a = noise(N, 0xff);
        memcpy(a + N / 2 + shift, a, N / 4);
        assert_true(tsr_probe_repeats(a, N));
        free(a);
    }
}

/* A block of n bytes in 32 parts of every kind there is. */
static uint8_t *mixed(size_t n)
{
    uint8_t *p = noise(n, 0xff);
    for (size_t i = 0; i < 32; i++) {
        uint8_t *part = p + i * (n / 32);
        for (size_t k = 0; k < n / 32; k++) {
            if (i % 5 == 0) part[k] = (uint8_t)(i / 5);
            if (i % 5 == 1) part[k] = (uint8_t)(k / 7);
            if (i % 5 == 2) part[k] &= 31;
        }
    }
    return p;
}

/* Runs of `least` to three times as many equal bytes. */
static uint8_t *runs_of(size_t n, size_t least)
{
    uint8_t *p = malloc(n + 1), *value = noise(n / least + 1, 0xff);
    assert_non_null(p);
    for (size_t from = 0, i = 0, len; from < n; from += len, i++) {
        len = least + value[i] * least / 128;
        len = len < n - from ? len : n - from;
        memset(p + from, value[i], len);
    }
    free(value);
    return p;
}

static void long_runs_are_told_from_short_ones_and_from_noise(void **state)
{
    (void)state;
    static const size_t sizes[] = {2000, 4096, 4097, N, 200001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        uint8_t *p = runs_of(n, 260), *q = runs_of(n, 30);
        assert_true(tsr_probe_runs(p, n));
        assert_false(tsr_probe_runs(q, n));
        memset(p, 1, n); /* one half of noise is too much */
        for (size_t k = n / 2; k < n; k++) p[k] = (uint8_t)(k * k >> 3);
        assert_false(tsr_probe_runs(p, n));
        free(p);
        free(q);
    }
    assert_true(tsr_probe_runs(NULL, 0));
}

static void runs_are_as_small_by_a_quick_search(void **state)
{
    (void)state;
    struct tsr_block_facts facts = {.typesize = 4, .item_bytes = 4, .version = 5};
    struct tsr_call call = {.worker = worker, .block = &facts};
    const struct tsr_codec *zstd = tsr_codec_named(NULL, "zstd");
    uint8_t *dst = malloc(N);
    assert_non_null(dst);
    call.step = zstd;
    for (size_t least = 30; least < 3000; least += least / 3) {
        size_t quick = 0, deep = 0;
        uint8_t *src = runs_of(N, least);
        call.level = 5;
        assert_int_equal(zstd->encode(&call, src, N, dst, N, &quick), TSR_OK);
        call.level = 9;
        assert_int_equal(zstd->encode(&call, src, N, dst, N, &deep), TSR_OK);
        assert_true(quick <= deep + N / 1024);
        free(src);
    }
    free(dst);
}

/* Eight planes of noise in one stream, of which numbers 2 and 5 are the same as number 0. */
enum { PLANE = 4096, PLANES = 8 };

static uint8_t *equal_planes(struct tsr_block_facts *facts)
{
    uint8_t *p = noise((size_t)PLANES * PLANE, 0xff);
    *facts = (struct tsr_block_facts){.typesize = 1, .item_bytes = 1, .version = 5};
    facts->order = TSR_ORDER_BITS;
    facts->planes = PLANES;
    memcpy(p + 2 * PLANE, p, PLANE);
    memcpy(p + 5 * PLANE, p, PLANE);
    return p;
}

static void equal_planes_of_a_stream_are_searched_with_what_lies_between(void **state)
{
    (void)state;
    struct tsr_block_facts facts;
    struct tsr_parts parts;
    uint8_t *p = equal_planes(&facts);
    for (size_t reach = 1; reach <= PLANES; reach++) { /* planes in the window */
        tsr_probe_parts(&parts, &facts, p, (size_t)PLANES * PLANE, reach * PLANE + 1);
        assert_int_equal(parts.count, PLANES);
        for (size_t i = 0; i < PLANES; i++) {
            bool near = reach >= 2 && i <= 2, far = reach >= 3 && i >= 2 && i <= 5;
            assert_int_equal(parts.part[i], near || far ? TSR_PART_SEARCH : TSR_PART_NOISE);
        }
    }
    free(p);
}

static void equal_planes_of_a_stream_take_the_room_of_one(void **state)
{
    (void)state;
    enum { ALL = PLANES * PLANE, SLACK = ALL / 100 };
    static const char *const names[] = {"lz4hc", "zlib", "zstd"};
    struct tsr_block_facts facts;
    struct tsr_call call = {.worker = worker, .block = &facts};
    uint8_t *p = equal_planes(&facts), dst[ALL], back[ALL];
    for (int i = 0; i < 3; i++) {
        size_t len = 0;
        const struct tsr_codec *codec = tsr_codec_named(NULL, names[i]);
        call.step = codec;
        for (call.level = 5; call.level <= 9; call.level += 4) {
            assert_int_equal(codec->encode(&call, p, ALL, dst, ALL, &len), TSR_OK);
            assert_in_range(len, 1, ALL - 2 * PLANE + SLACK);
            assert_int_equal(codec->decode(&call, dst, len, back, ALL), TSR_OK);
            assert_memory_equal(back, p, ALL);
        }
    }
    free(p);
}

static void round_trip(const struct tsr_codec *codec, struct tsr_call *call, const uint8_t *src,
                       size_t n)
{
    size_t len = 0;
    uint8_t *packed = malloc(n), *back = malloc(n);
    assert_true(packed && back);
    call->step = codec;
    assert_int_equal(codec->encode(call, src, n, packed, n - 1, &len), TSR_OK);
    assert_true(len < n && (len > 0 || strcmp(codec->name, "blosclz") == 0)); /* it may give up */
    if (len) assert_int_equal(codec->decode(call, packed, len, back, n), TSR_OK);
    if (len) assert_memory_equal(back, src, n);
    for (size_t cap = len; cap > 0 && cap + 40 > len; cap -= cap < 7 ? cap : 7) {
        uint8_t *tight = malloc(cap);
        size_t got = 1;
        assert_int_equal(codec->encode(call, src, n, tight, cap, &got), TSR_OK);
        assert_true(got <= cap);
        free(tight);
    }
    free(packed);
    free(back);
}

static void every_order_and_level_comes_back(void **state)
{
    (void)state;
    static const char *const names[] = {"blosclz", "lz4", "lz4hc", "zlib", "zstd"};
    static const size_t sizes[] = {2000, 3000, 40960, 131072, 200001};
    struct tsr_block_facts facts = {.typesize = 4, .item_bytes = 4, .version = 5};
    for (int k = 0; k < 5 * 3 * 9 * 5; k++) {
        int order = k / 5 % 3, level = k / 15 % 9 + 1;
        const struct tsr_codec *codec = tsr_codec_named(NULL, names[k / 135]);
        size_t n = sizes[k % 5];
        struct tsr_call call = {.worker = worker, .block = &facts, .level = level};
        if (level > 5 && level < 9 && n > 100000) continue; /* only to save time */
        seed = (uint64_t)k;
        facts.order = (enum tsr_order)order;
        facts.planes = order == 0 ? 1 : order == 1 ? 4 : 32;
        uint8_t *src = mixed(n);
        round_trip(codec, &call, src, n);
        free(src);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_does_not_repeat),
        cmocka_unit_test(short_streams_may_always_repeat),
        cmocka_unit_test(values_of_few_bits_repeat),
        cmocka_unit_test(long_copies_far_away_are_found),
        cmocka_unit_test(long_runs_are_told_from_short_ones_and_from_noise),
        cmocka_unit_test(runs_are_as_small_by_a_quick_search),
        cmocka_unit_test(equal_planes_of_a_stream_are_searched_with_what_lies_between),
        cmocka_unit_test(equal_planes_of_a_stream_take_the_room_of_one),
        cmocka_unit_test(every_order_and_level_comes_back),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
