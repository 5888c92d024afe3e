/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/codec/test_deflate.c - DEFLATE blocks written without a search, read by libdeflate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "../worker.h"

#include "base/status.h"
#include "chunk/codecs.h"
#include "codec/deflate.h"

enum { N = 200000 };

static uint8_t src[N], back[N], packed[N + 1000];
static uint64_t seed;

static uint64_t rnd(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 33;
}

/* The bytes of the blocks so far decode to src[n]. */
static void check(struct tsr_deflate *d, size_t n)
{
    struct libdeflate_decompressor *z = libdeflate_alloc_decompressor();
    assert_true(tsr_deflate_end(d));
    size_t len = (size_t)(d->op - packed), used = 0, got = 0;
    assert_int_equal(libdeflate_deflate_decompress_ex(z, packed, len, back, N, &used, &got),
                     LIBDEFLATE_SUCCESS);
    assert_int_equal(used, len);
    assert_int_equal(got, n);
    assert_memory_equal(back, src, n);
    libdeflate_free_decompressor(z);
}

static struct tsr_deflate begin(size_t cap)
{
    return (struct tsr_deflate){.op = packed, .end = packed + cap};
}

/* Bytes of which each value is 1 - shift / 8 times as frequent as the one below. */
static void fill_uneven(size_t n, unsigned shift)
{
    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;
        while (v < 255 && rnd() % 8 >= shift) v++;
        src[i] = (uint8_t)v;
    }
}

static void uneven_bytes_come_back_shorter(void **state)
{
    (void)state;
    static const size_t sizes[] = {500, 2048, 4097, 32768, N};
    for (unsigned shift = 1; shift < 8; shift++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            struct tsr_deflate d = begin(sizeof packed);
            fill_uneven(sizes[k], shift);
            assert_true(tsr_deflate_literals(&d, src, sizes[k]));
            check(&d, sizes[k]);
            assert_true((size_t)(d.op - packed) < sizes[k]);
        }
}

/* Counts like Fibonacci's numbers give the deepest trees: 24 levels without a limit. */
static void codes_are_never_longer_than_15_bits(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t a = 1, b = 1, v = 0; n + a < N; v++) {
        memset(src + n, (int)(v * 11), a);
        n += a;
        size_t next = a + b;
        a = b;
        b = next;
    }
    struct tsr_deflate d = begin(sizeof packed);
    assert_true(tsr_deflate_literals(&d, src, n));
    check(&d, n);
}

static void noise_is_stored(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) src[i] = (uint8_t)rnd();
    for (size_t n = 1; n < N; n = n * 3 + 1) {
        struct tsr_deflate d = begin(sizeof packed);
        assert_true(tsr_deflate_literals(&d, src, n));
        check(&d, n);
        assert_true((size_t)(d.op - packed) <= n + 5 * (n / 65535 + 1) + 10);
    }
}

static void runs_of_any_length_come_back(void **state)
{
    (void)state;
    for (size_t n = 1; n < N; n += 1 + n / 7) {
        struct tsr_deflate d = begin(sizeof packed);
        memset(src, (int)(n & 255), n);
        assert_true(tsr_deflate_run(&d, (uint8_t)n, n));
        check(&d, n);
        assert_true((size_t)(d.op - packed) < 130 + n / 1000);
    }
}

static void blocks_follow_each_other_at_any_bit(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct tsr_deflate d = begin(sizeof packed);
        size_t n = 0;
        seed = round;
        while (n < N / 2) {
            size_t len = 1 + rnd() % 9000;
            unsigned mask = rnd() % 2 ? 15 : 255, kind = rnd() % 3;
            for (size_t i = 0; i < len; i++) src[n + i] = (uint8_t)(rnd() & mask);
            if (kind == 0) memset(src + n, 77, len);
            assert_true(kind == 0 ? tsr_deflate_run(&d, 77, len)
                                  : tsr_deflate_literals(&d, src + n, len));
            if (kind == 2) assert_true(tsr_deflate_align(&d) && d.nbits == 0);
            n += len;
        }
        check(&d, n);
    }
}

static void nothing_is_written_past_the_room(void **state)
{
    (void)state;
    fill_uneven(5000, 3);
    for (size_t cap = 0; cap < 6000; cap += 13) {
        uint8_t *room = malloc(cap + 1);
        struct tsr_deflate d = {.op = room, .end = room + cap};
        bool fits = tsr_deflate_literals(&d, src, 3000) && tsr_deflate_run(&d, 1, 900) &&
                    tsr_deflate_align(&d) && tsr_deflate_literals(&d, src + 3000, 2000) &&
                    tsr_deflate_end(&d);
        assert_true(fits ? (size_t)(d.op - room) <= cap : cap < 5000);
        free(room);
    }
}

/* Low planes of noise and of one value, then what must be searched, or nothing. */
static void streams_that_begin_with_noise_come_back(void **state)
{
    (void)state;
    enum { PLANES = 4, SIZE = 8192 };
    const struct tsr_codec *zlib = tsr_codec_named(NULL, "zlib");
    struct tsr_block_facts facts = {.typesize = PLANES, .planes = PLANES};
    facts.order = TSR_ORDER_BYTES;
    for (int k = 0; k < 81 * 9; k++) {
        struct tsr_call call = {.worker = worker,
                                .block = &facts,
                                .step = zlib,
                                .level = k % 9 + 1};
        size_t n = PLANES * SIZE + (size_t)(k % 2), len = 0;
        seed = (uint64_t)k;
        for (int i = 0, kind = k / 9; i < PLANES; i++, kind /= 3) {
            for (size_t j = 0; j < SIZE + 1; j++) {
                uint64_t v = kind % 3 == 0 ? rnd() & 63 : kind % 3 == 1 ? (uint64_t)i : j / 9;
                src[(size_t)i * SIZE + j] = (uint8_t)v;
            }
        }
        assert_int_equal(zlib->encode(&call, src, n, packed, n - 1, &len), TSR_OK);
        assert_true(len > 0);
        memset(back, 1, n);
        assert_int_equal(zlib->decode(&call, packed, len, back, n), TSR_OK);
        assert_memory_equal(back, src, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uneven_bytes_come_back_shorter),
        cmocka_unit_test(codes_are_never_longer_than_15_bits),
        cmocka_unit_test(noise_is_stored),
        cmocka_unit_test(runs_of_any_length_come_back),
        cmocka_unit_test(blocks_follow_each_other_at_any_bit),
        cmocka_unit_test(nothing_is_written_past_the_room),
        cmocka_unit_test(streams_that_begin_with_noise_come_back),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
