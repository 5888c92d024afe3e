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

const struct tsr_kernels tsr_kernels_avx2 = {
    .level = "avx2",
    .shuffle = shuffle,
    .unshuffle = unshuffle,
    .bitshuffle = bitshuffle,
    .bitunshuffle = bitunshuffle,
    .is_run = tsr_is_run_avx2,
};
