/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/vec512_impl.h - the words in which the templates are written, for 64-byte vectors.
 *
 * The includer defines TARGET, and GFNI as 1 where there are products of bit matrices.  A lane is
 * 16 bytes; a unit is 1, 2, 4 or 8 bytes of a lane. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL __attribute__((target(TARGET)))
#define INLINE static inline __attribute__((always_inline, target(TARGET)))

typedef __m512i vec;
enum { V = 64, LANES = V / 16 };

INLINE vec load(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}

INLINE void store(uint8_t *p, vec v)
{
    _mm512_storeu_si512(p, v);
}

INLINE __m128i load_lane(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE void store_lane(uint8_t *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

/* Lane l is at p + l * step. */
INLINE vec load_lanes(const uint8_t *p, size_t step)
{
    vec v = _mm512_castsi128_si512(load_lane(p));
    v = _mm512_inserti32x4(v, load_lane(p + step), 1);
    v = _mm512_inserti32x4(v, load_lane(p + 2 * step), 2);
    return _mm512_inserti32x4(v, load_lane(p + 3 * step), 3);
}

INLINE __m128i lane(vec v, int l)
{
    switch (l) {
    case 0: return _mm512_castsi512_si128(v);
    case 1: return _mm512_extracti32x4_epi32(v, 1);
    case 2: return _mm512_extracti32x4_epi32(v, 2);
    default: return _mm512_extracti32x4_epi32(v, 3);
    }
}

/* Bytes of each lane in the order of the pattern. */
INLINE vec in_lane(vec v, const uint8_t pattern[16])
{
    return _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(load_lane(pattern)));
}

/* Units of the low (high) halves of the lanes of a and b, alternating. */
INLINE vec weave_low(vec a, vec b, int unit)
{
    switch (unit) {
    case 1: return _mm512_unpacklo_epi8(a, b);
    case 2: return _mm512_unpacklo_epi16(a, b);
    case 4: return _mm512_unpacklo_epi32(a, b);
    default: return _mm512_unpacklo_epi64(a, b);
    }
}

INLINE vec weave_high(vec a, vec b, int unit)
{
    switch (unit) {
    case 1: return _mm512_unpackhi_epi8(a, b);
    case 2: return _mm512_unpackhi_epi16(a, b);
    case 4: return _mm512_unpackhi_epi32(a, b);
    default: return _mm512_unpackhi_epi64(a, b);
    }
}

/* Orders of 4p units, p in a lane: rowsP[p * l + r] = 4r + l takes every fourth unit to one
 * lane, columnsP[4 * m + l] = p * l + m takes them back. */
static const uint64_t rows2[8] = {0, 4, 1, 5, 2, 6, 3, 7};
static const uint64_t columns2[8] = {0, 2, 4, 6, 1, 3, 5, 7};
static const uint32_t rows4[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
static const uint16_t rows8[32] = {0, 4, 8,  12, 16, 20, 24, 28, 1, 5, 9,  13, 17, 21, 25, 29,
                                   2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31};
static const uint16_t columns8[32] = {0, 8,  16, 24, 1, 9,  17, 25, 2, 10, 18, 26, 3, 11, 19, 27,
                                      4, 12, 20, 28, 5, 13, 21, 29, 6, 14, 22, 30, 7, 15, 23, 31};
static const uint8_t square[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};

INLINE vec bytes_to_rows(vec v)
{
    return _mm512_permutexvar_epi32(_mm512_loadu_si512(rows4), in_lane(v, square));
}

INLINE vec bytes_to_columns(vec v)
{
    return in_lane(_mm512_permutexvar_epi32(_mm512_loadu_si512(rows4), v), square);
}

/* The hooks of transpose_impl.h: joining puts every fourth unit in one lane beforehand ... */
INLINE vec to_rows(vec v, int p)
{
    switch (p) {
    case 2: return _mm512_permutexvar_epi64(_mm512_loadu_si512(rows2), v);
    case 4: return _mm512_permutexvar_epi32(_mm512_loadu_si512(rows4), v);
    case 8: return _mm512_permutexvar_epi16(_mm512_loadu_si512(rows8), v);
    default: return bytes_to_rows(v);
    }
}

INLINE void before_join(vec *v, int p)
{
    for (int i = 0; i < p; i++) v[i] = to_rows(v[i], p);
}

INLINE void after_join(vec *v, int p)
{
    (void)v;
    (void)p;
}

/* ... and splitting leaves unit m of lane l where unit 4m + l belongs. */
INLINE vec to_columns(vec v, int p)
{
    switch (p) {
    case 2: return _mm512_permutexvar_epi64(_mm512_loadu_si512(columns2), v);
    case 4: return _mm512_permutexvar_epi32(_mm512_loadu_si512(rows4), v);
    case 8: return _mm512_permutexvar_epi16(_mm512_loadu_si512(columns8), v);
    default: return bytes_to_columns(v);
    }
}

INLINE void after_split(vec *v, int p)
{
    for (int i = 0; i < p; i++) v[i] = to_columns(v[i], p);
}

/* Transposes the 8 x 8 bits of every 8 bytes. */
#if GFNI
INLINE vec transpose_bits(vec x)
{
    /* Each byte of the result is the product of the matrix x with a unit vector, that is a
     * column of x, and the instruction numbers rows from the far end. */
    static const uint8_t reverse[16] = {7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8};
    vec unit = _mm512_set1_epi64((long long)0x8040201008040201);
    return _mm512_gf2p8affine_epi64_epi8(unit, in_lane(x, reverse), 0);
}
#else
/* As transpose8 in scalar.c; 0x28 is (a ^ b) & c, 0x96 is a ^ b ^ c. */
INLINE vec swap_bits(vec x, unsigned shift, long long mask)
{
    vec t =
        _mm512_ternarylogic_epi64(x, _mm512_srli_epi64(x, shift), _mm512_set1_epi64(mask), 0x28);
    return _mm512_ternarylogic_epi64(x, t, _mm512_slli_epi64(t, shift), 0x96);
}

INLINE vec transpose_bits(vec x)
{
    x = swap_bits(x, 7, 0x00aa00aa00aa00aa);
    x = swap_bits(x, 14, 0x0000cccc0000cccc);
    return swap_bits(x, 28, 0x00000000f0f0f0f0);
}
#endif

INLINE vec splat(uint8_t b)
{
    return _mm512_set1_epi8((char)b);
}
