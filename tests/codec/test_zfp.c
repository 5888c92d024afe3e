/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/codec/test_zfp.c - ZFP beside libzfp, to the bit: the streams of all modes, shapes and
 * kinds of numbers, what they decode to, and which broken ones are refused.
 *
 * Buffers are allocated to size, so that a sanitizer sees a byte too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zfp.h>

#include "../worker.h"

#include "base/status.h"
#include "codec/zfp.h"

enum { MOST = 1 << 17, SLACK = 1 << 16, KINDS = 8, TINY = 4, NO_NUMBERS = 6 };

static uint64_t seed = UINT64_C(88172645463325252);

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static size_t below(size_t n)
{
    return (size_t)(rnd() >> 11) % n;
}

/* ---- numbers ---- */

static double number(int kind, size_t i, int item)
{
    double noise = (double)(rnd() >> 11) / 0x1p53 - 0.5;
    double huge = item == 4 ? 0x1p127 : 0x1p1023, tiny = item == 4 ? 0x1p-140 : 0x1p-1060;
    switch (kind) {
    case 0: return 20 * sin((double)i * 0.01) + noise * 1e-3;
    case 1: return noise;
    case 2: return below(9) ? 0 : noise * 1e4;
    case 3: return noise * huge;
    case TINY: return noise * tiny;
    case 5: return ldexp(noise, (int)below(200) - 90);
    case NO_NUMBERS: return i % 5 ? noise : below(2) ? (double)INFINITY : (double)NAN;
    default: return 0;
    }
}

static void fill(uint8_t *p, size_t n, int item, int kind)
{
    for (size_t i = 0; i < n; i++) {
        double x = number(kind, i, item);
        float f = (float)x;
        if (item == 4) memcpy(p + 4 * i, &f, 4);
        else memcpy(p + 8 * i, &x, 8);
    }
}

/* ---- blocks ---- */

static size_t block(struct tsr_zfp *z, int ndim, int item)
{
    static const size_t longest[] = {0, 3000, 70, 22, 11};
    *z = (struct tsr_zfp){.item_bytes = item, .ndim = ndim, .side = {1, 1, 1, 1}, .cells = 1};
    size_t n = 1;
    for (int d = 0; d < ndim; d++) {
        z->side[d] = 1 + below(longest[ndim]);
        z->cells *= (z->side[d] + 3) / 4;
        n *= z->side[d];
    }
    z->minbits = 1;
    z->maxbits = 16658;
    z->maxprec = 64;
    z->minexp = -1074;
    return n;
}

static void set_mode(struct tsr_zfp *z, int mode)
{
    unsigned least = z->item_bytes == 4 ? 9 : 12, bits = 1u << 2 * z->ndim;
    if (mode == 0) z->minexp = (int)below(40) - 30;
    else if (mode == 1) z->maxprec = 1 + (unsigned)below(64);
    else z->minbits = z->maxbits = least + (unsigned)below(bits * (size_t)z->item_bytes * 9);
}

/* ---- libzfp ---- */

struct reference {
    zfp_stream *stream;
    zfp_field *field;
    bitstream *bits;
};

static struct reference reference(const struct tsr_zfp *z, void *items, void *bytes, size_t len)
{
    struct reference r = {zfp_stream_open(NULL), zfp_field_alloc(), stream_open(bytes, len)};
    const size_t *s = z->side;
    zfp_field_set_type(r.field, z->item_bytes == 4 ? zfp_type_float : zfp_type_double);
    zfp_field_set_pointer(r.field, items);
    if (z->ndim == 1) zfp_field_set_size_1d(r.field, s[0]);
    else if (z->ndim == 2) zfp_field_set_size_2d(r.field, s[0], s[1]);
    else if (z->ndim == 3) zfp_field_set_size_3d(r.field, s[0], s[1], s[2]);
    else zfp_field_set_size_4d(r.field, s[0], s[1], s[2], s[3]);
    assert_true(zfp_stream_set_params(r.stream, z->minbits, z->maxbits, z->maxprec, z->minexp));
    zfp_stream_set_bit_stream(r.stream, r.bits);
    zfp_stream_rewind(r.stream);
    return r;
}

static void reference_close(struct reference *r)
{
    zfp_field_free(r->field);
    zfp_stream_close(r->stream);
    stream_close(r->bits);
}

static size_t reference_encode(const struct tsr_zfp *z, void *items, uint8_t *bytes, size_t cap)
{
    struct reference r = reference(z, items, bytes, cap);
    assert_true(zfp_stream_maximum_size(r.stream, r.field) <= cap);
    size_t len = zfp_compress(r.stream, r.field);
    reference_close(&r);
    return len;
}

/* How many bytes it read of so many and zeros behind them. */
static size_t reference_decode(const struct tsr_zfp *z, const uint8_t *bytes, size_t len,
                               void *items)
{
    size_t room = len + z->cells * (z->minbits / 8 + 1) + SLACK;
    uint8_t *padded = calloc(1, room);
    memcpy(padded, bytes, len);
    struct reference r = reference(z, items, padded, room);
    size_t got = zfp_decompress(r.stream, r.field);
    reference_close(&r);
    free(padded);
    return got;
}

/* Ours of these bytes is libzfp's, or refused if it had to read more.  `len` is whole words. */
static void decodes_alike(const struct tsr_zfp *z, size_t n, const uint8_t *bytes, size_t len)
{
    size_t size = n * (size_t)z->item_bytes;
    uint8_t *src = malloc(len ? len : 1), *want = malloc(size), *dst = malloc(size + 1);
    memcpy(src, bytes, len);
    size_t got = reference_decode(z, bytes, len, want);
    int rc = tsr_zfp_decode(z, worker, src, len, dst + 1);
    assert_int_equal(rc, got <= len ? TSR_OK : TSR_ECORRUPT);
    if (rc == TSR_OK) assert_memory_equal(dst + 1, want, size);
    free(src);
    free(want);
    free(dst);
}

/* Ours of these numbers is libzfp's `bytes`, filled up to whole words, or too long for less. */
static void encodes_alike(const struct tsr_zfp *z, size_t n, const uint8_t *items,
                          const uint8_t *bytes, size_t len)
{
    static const uint8_t none[8];
    size_t size = n * (size_t)z->item_bytes, cap = (len + 7) / 8 * 8, out = 1;
    uint8_t *src = malloc(size + 1), *dst = malloc(cap);
    memcpy(src + 1, items, size);
    assert_int_equal(tsr_zfp_encode(z, worker, src + 1, dst, cap, &out), TSR_OK);
    assert_int_equal(out, cap);
    assert_memory_equal(dst, bytes, len);
    assert_memory_equal(dst + len, none, cap - len);
    assert_int_equal(tsr_zfp_encode(z, worker, src + 1, dst, below(cap), &out), TSR_OK);
    assert_int_equal(out, 0);
    free(src);
    free(dst);
}

/* ---- the cases ---- */

static void each(int rounds, void (*test)(struct tsr_zfp *z, size_t n, int kind, uint8_t *bytes))
{
    uint8_t *bytes = malloc(8 * MOST + SLACK);
    for (int i = 0; i < rounds; i++)
        for (int item = 4; item <= 8; item += 4)
            for (int ndim = 1; ndim <= 4; ndim++)
                for (int mode = 0; mode < 3; mode++)
                    for (int kind = 0; kind < KINDS; kind++) {
                        struct tsr_zfp z;
                        size_t n = block(&z, ndim, item);
                        set_mode(&z, mode);
                        test(&z, n, kind, bytes);
                    }
    free(bytes);
}

static size_t encoded(struct tsr_zfp *z, size_t n, int kind, uint8_t *bytes)
{
    double *items = malloc(n * 8);
    fill((uint8_t *)items, n, z->item_bytes, kind);
    size_t len = reference_encode(z, items, bytes, 8 * MOST + SLACK);
    if (kind != TINY && kind != NO_NUMBERS) encodes_alike(z, n, (uint8_t *)items, bytes, len);
    free(items);
    return len;
}

static void sound(struct tsr_zfp *z, size_t n, int kind, uint8_t *bytes)
{
    decodes_alike(z, n, bytes, encoded(z, n, kind, bytes));
}

static void numbers_are_coded_as_by_libzfp(void **state)
{
    (void)state;
    each(4, sound);
}

static void cut(struct tsr_zfp *z, size_t n, int kind, uint8_t *bytes)
{
    size_t len = encoded(z, n, kind, bytes) / 8;
    decodes_alike(z, n, bytes, below(len + 1) * 8);
    for (int i = 0; i < 20 && len > 0; i++) bytes[below(8 * len)] ^= (uint8_t)(1 << below(8));
    decodes_alike(z, n, bytes, len * 8);
}

static void cut_and_flipped_streams_are_read_or_refused_as_by_libzfp(void **state)
{
    (void)state;
    each(2, cut);
}

static void random_bytes(struct tsr_zfp *z, size_t n, int kind, uint8_t *bytes)
{
    size_t len = 8 * (1 + below(n));
    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)(rnd() & (kind % 2 ? rnd() : UINT64_MAX));
    decodes_alike(z, n, bytes, len);
}

static void noise_is_read_or_refused_as_by_libzfp(void **state)
{
    (void)state;
    each(2, random_bytes);
}

/* libzfp makes noise of these: the factor that makes integers of them is more than any float. */
static void tiny_numbers_keep_their_precision(void **state)
{
    (void)state;
    struct tsr_zfp z = {.item_bytes = 4,
                        .ndim = 1,
                        .side = {64, 1, 1, 1},
                        .cells = 16,
                        .minbits = 1,
                        .maxbits = 16658,
                        .maxprec = 32,
                        .minexp = -1074};
    float src[64], dst[64];
    uint8_t bytes[sizeof src * 2];
    size_t len;
    for (int i = 0; i < 64; i++) src[i] = sinf((float)i / 9) * 0x1p-110f;
    assert_int_equal(tsr_zfp_encode(&z, worker, (uint8_t *)src, bytes, sizeof bytes, &len), TSR_OK);
    assert_int_equal(tsr_zfp_decode(&z, worker, bytes, len, (uint8_t *)dst), TSR_OK);
    for (int i = 0; i < 64; i++) assert_true(fabsf(src[i] - dst[i]) < 0x1p-130f);
}

/* Words of libzfp may be single bytes: nothing need follow the last. */
static void streams_may_end_with_any_byte(void **state)
{
    (void)state;
    static const uint8_t one[] = {0};
    struct tsr_zfp z;
    float dst[32] = {1};
    size_t n;
    do n = block(&z, 1, 4);
    while (z.cells != 8);
    assert_int_equal(tsr_zfp_decode(&z, worker, one, 1, (uint8_t *)dst), TSR_OK);
    assert_true(n <= 32 && dst[0] == 0);
    do n = block(&z, 1, 4);
    while (z.cells != 9);
    float *more = malloc(n * 4);
    assert_int_equal(tsr_zfp_decode(&z, worker, one, 1, (uint8_t *)more), TSR_ECORRUPT);
    free(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_coded_as_by_libzfp),
        cmocka_unit_test(cut_and_flipped_streams_are_read_or_refused_as_by_libzfp),
        cmocka_unit_test(noise_is_read_or_refused_as_by_libzfp),
        cmocka_unit_test(tiny_numbers_keep_their_precision),
        cmocka_unit_test(streams_may_end_with_any_byte),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
