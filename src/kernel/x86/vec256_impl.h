/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/vec256_impl.h - the words in which the templates are written, for 32-byte vectors.
 *
 * The includer defines TARGET.  A lane is 16 bytes; a unit is 1, 2, 4 or 8 bytes of a lane. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL __attribute__((target(TARGET)))
#define INLINE static inline __attribute__((always_inline, target(TARGET)))

typedef __m256i vec;
enum { V = 32, LANES = V / 16 };

INLINE vec load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

INLINE void store(uint8_t *p, vec v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
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
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load_lane(p)), load_lane(p + step), 1);
}

INLINE __m128i lane(vec v, int l)
{
    return l == 0 ? _mm256_castsi256_si128(v) : _mm256_extracti128_si256(v, 1);
}

/* Bytes of each lane in the order of the pattern. */
INLINE vec in_lane(vec v, const uint8_t pattern[16])
{
    return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(load_lane(pattern)));
}

/* Units of the low (high) halves of the lanes of a and b, alternating. */
INLINE vec weave_low(vec a, vec b, int unit)
{
    switch (unit) {
    case 1: return _mm256_unpacklo_epi8(a, b);
    case 2: return _mm256_unpacklo_epi16(a, b);
    case 4: return _mm256_unpacklo_epi32(a, b);
    default: return _mm256_unpacklo_epi64(a, b);
    }
}

INLINE vec weave_high(vec a, vec b, int unit)
{
    switch (unit) {
    case 1: return _mm256_unpackhi_epi8(a, b);
    case 2: return _mm256_unpackhi_epi16(a, b);
    case 4: return _mm256_unpackhi_epi32(a, b);
    default: return _mm256_unpackhi_epi64(a, b);
    }
}

/* The hooks of transpose_impl.h: joining repairs the order of lanes afterwards ... */
INLINE void before_join(vec *v, int p)
{
    (void)v;
    (void)p;
}

INLINE void after_join(vec *v, int p)
{
    vec t[16];
    for (int i = 0; i < p / 2; i++) {
        t[i] = _mm256_permute2x128_si256(v[2 * i], v[2 * i + 1], 0x20);
        t[p / 2 + i] = _mm256_permute2x128_si256(v[2 * i], v[2 * i + 1], 0x31);
    }
    for (int i = 0; i < p; i++) v[i] = t[i];
}

/* ... and splitting leaves unit m of lane l where unit 2m + l belongs. */
INLINE void after_split(vec *v, int p)
{
    static const uint8_t zip[3][16] = {
        {0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15},
        {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15},
        {0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15},
    };
    for (int i = 0; i < p; i++) {
        v[i] = _mm256_permute4x64_epi64(v[i], 0xd8);
        if (p > 2) v[i] = in_lane(v[i], zip[p == 4 ? 0 : p == 8 ? 1 : 2]);
    }
}

/* Transposes the 8 x 8 bits of every 8 bytes (see transpose8 in scalar.c). */
INLINE vec swap_bits(vec x, int shift, long long mask)
{
    vec t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, shift)),
                             _mm256_set1_epi64x(mask));
    return _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, shift)));
}

INLINE vec transpose_bits(vec x)
{
    x = swap_bits(x, 7, 0x00aa00aa00aa00aa);
    x = swap_bits(x, 14, 0x0000cccc0000cccc);
    return swap_bits(x, 28, 0x00000000f0f0f0f0);
}

INLINE vec splat(uint8_t b)
{
    return _mm256_set1_epi8((char)b);
}
