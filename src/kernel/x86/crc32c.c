/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/crc32c.c - CRC-32C by the instruction of SSE 4.2.
 *
 * The instruction has a latency of three cycles and one can begin each cycle, so three streams of
 * equal length are summed side by side.  The sum of a stream with n bytes behind it is that sum
 * times x^(8n) mod P: a carry-less product with x^(8n - 33) mod P, whose 64 bits the instruction
 * itself reduces (it multiplies by x^32, and the product of reflected words lacks one x). */
#include <immintrin.h>

#include "base/num.h"
#include "kernel/x86/tables.h"

#define CRC __attribute__((target("sse4.2,pclmul")))
#define INLINE static inline __attribute__((always_inline, target("sse4.2,pclmul")))

/* The length of a stream, and x^(8n - 33) mod P of one and of two lengths. */
struct streams {
    size_t len;
    uint32_t one, two;
};
/* Long ones cost a fiftieth for the products; short ones leave less than 768 bytes to one. */
static const struct streams long_streams = {2048, 0xa51b6135, 0x82f89c77},
                            short_streams = {256, 0xb9e02b86, 0xdd7e3b0c};

INLINE uint64_t moved_on(uint64_t crc, uint32_t by)
{
    __m128i p =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc), _mm_cvtsi32_si128((int)by), 0);
    return _mm_crc32_u64(0, (unsigned long long)_mm_cvtsi128_si64(p));
}

INLINE uint64_t sum_streams(uint64_t crc, const uint8_t *p, const struct streams *s)
{
    uint64_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < s->len; i += 8) {
        a = _mm_crc32_u64(a, tsr_load_LE64(p + i));
        b = _mm_crc32_u64(b, tsr_load_LE64(p + s->len + i));
        c = _mm_crc32_u64(c, tsr_load_LE64(p + 2 * s->len + i));
    }
    return moved_on(a, s->two) ^ moved_on(b, s->one) ^ c;
}

CRC uint32_t tsr_crc32c_sse42(uint32_t crc, const uint8_t *p, size_t n)
{
    uint64_t c = (uint32_t)~crc;
    for (; n >= 3 * long_streams.len; p += 3 * long_streams.len, n -= 3 * long_streams.len)
        c = sum_streams(c, p, &long_streams);
    for (; n >= 3 * short_streams.len; p += 3 * short_streams.len, n -= 3 * short_streams.len)
        c = sum_streams(c, p, &short_streams);
    for (; n >= 8; p += 8, n -= 8) c = _mm_crc32_u64(c, tsr_load_LE64(p));
    while (n--) c = _mm_crc32_u8((uint32_t)c, *p++);
    return ~(uint32_t)c;
}
