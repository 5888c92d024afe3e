/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/avx2.c - 32-byte vectors. */
#include "kernel/x86/tables.h"

/* The order matters: each template is written in the words of those before. */
#define TARGET "avx2"
#define SHORT tsr_kernels_scalar
#include "kernel/x86/vec256_impl.h"

#include "kernel/x86/transpose_impl.h"

#include "kernel/x86/small_lanes_impl.h"

#include "kernel/x86/shuffle_impl.h"

#include "kernel/x86/bitshuffle_impl.h"

/* No byte of four vectors differs from x. */
INLINE bool all_equal(vec x, const uint8_t *p)
{
    vec a = _mm256_xor_si256(load(p), x), b = _mm256_xor_si256(load(p + V), x);
    vec c = _mm256_xor_si256(load(p + 2 * V), x), d = _mm256_xor_si256(load(p + 3 * V), x);
    vec t = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
    return _mm256_testz_si256(t, t);
}

KERNEL bool tsr_is_run_avx2(const uint8_t *p, size_t len)
{
    if (len < 4 * V) return SHORT.is_run(p, len);
    for (size_t i = 0; i < len; i += 4 * V)
        if (!all_equal(splat(*p), p + tsr_minz(i, len - 4 * V))) return false;
    return true;
}

/* Sums within each half, in steps of 1, 2, 4 and 8 bytes, then the low half's total to the high. */
INLINE vec sums(vec x)
{
    x = _mm256_add_epi8(x, _mm256_slli_si256(x, 1));
    x = _mm256_add_epi8(x, _mm256_slli_si256(x, 2));
    x = _mm256_add_epi8(x, _mm256_slli_si256(x, 4));
    x = _mm256_add_epi8(x, _mm256_slli_si256(x, 8));
    vec low = _mm256_permute2x128_si256(x, x, 0x08);
    return _mm256_add_epi8(x, _mm256_shuffle_epi8(low, _mm256_set1_epi8(15)));
}

KERNEL void tsr_prefix_sum_avx2(uint8_t *dst, const uint8_t *src, size_t n)
{
    vec before = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + V <= n; i += V) {
        vec x = _mm256_add_epi8(sums(load(src + i)), before);
        store(dst + i, x);
        before = _mm256_shuffle_epi8(_mm256_permute4x64_epi64(x, 0xFF), _mm256_set1_epi8(7));
    }
    uint8_t sum = i ? dst[i - 1] : 0;
    for (; i < n; i++) dst[i] = sum = (uint8_t)(sum + src[i]);
}

/* Whole cache lines at once, or the rest of the line would have to be read after all. */
INLINE void stream_row(uint8_t *dst, const uint8_t *src, size_t n)
{
    enum { LINE = 2 * V };
    size_t head = tsr_minz((LINE - (uintptr_t)dst % LINE) % LINE, n), at = head;
    memcpy(dst, src, head);
    for (; at + LINE <= n; at += LINE) {
        _mm256_stream_si256((vec *)(dst + at), load(src + at));
        _mm256_stream_si256((vec *)(dst + at + V), load(src + at + V));
    }
    memcpy(dst + at, src + at, n - at);
}

KERNEL void tsr_stream_avx2(const struct tsr_rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        stream_row(r->dst + (ptrdiff_t)i * r->dst_step, r->src + (ptrdiff_t)i * r->src_step,
                   r->len);
    _mm_sfence();
}

KERNEL void tsr_swap_avx2(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    static const uint8_t turned[3][16] = {
        {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14},
        {3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12},
        {7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8},
    };
    const uint8_t *pattern = turned[size == 2 ? 0 : size == 4 ? 1 : 2];
    size_t i = 0, len = n * size;
    for (; i + 2 * V <= len; i += 2 * V) {
        store(dst + i, in_lane(load(src + i), pattern));
        store(dst + i + V, in_lane(load(src + i + V), pattern));
    }
    SHORT.swap(dst + i, src + i, size, (len - i) / size);
}

const struct tsr_kernels tsr_kernels_avx2 = {
    .level = "avx2",
    .shuffle = shuffle,
    .unshuffle = unshuffle,
    .unshuffle_planes = unshuffle_planes,
    .bitshuffle = bitshuffle,
    .bitunshuffle = bitunshuffle,
    .prefix_sum = tsr_prefix_sum_avx2,
    .is_run = tsr_is_run_avx2,
    .swap = tsr_swap_avx2,
    .crc32c = tsr_crc32c_sse42,
    .stream = tsr_stream_avx2,
};
