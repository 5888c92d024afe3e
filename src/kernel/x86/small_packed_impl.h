/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/small_packed_impl.h - items of 3, 5 to 7 and 9 to 15 bytes, by byte permutation.
 *
 * After transpose_impl.h; needs VBMI.  p is the next power of two, the streams that are missing
 * are zeros.  A vector holds V / p items: one permutation takes them from where they lie packed
 * into lanes, another packs them.  Vectors run over into those after them, which come later;
 * only the last of each V items is cut off by a mask. */

enum { LEAST_SMALL = V };

INLINE vec gather_packed(size_t size, size_t p)
{
    uint8_t pattern[V];
    size_t items = 16 / p, k = 0;
    for (size_t l = 0; l < LANES; l++)
        for (size_t j = 0; j < p; j++)
            for (size_t i = 0; i < items; i++)
                pattern[k++] = (uint8_t)(((l * items + i) * size + j) % V);
    return load(pattern);
}

INLINE vec pack(size_t size, size_t p)
{
    uint8_t pattern[V] = {0};
    for (size_t i = 0; i < V / p; i++)
        for (size_t j = 0; j < size; j++) pattern[i * size + j] = (uint8_t)(i * p + j);
    return load(pattern);
}

INLINE void split_small(uint8_t *dst, size_t stride, const uint8_t *src, size_t size, int p,
                        size_t n)
{
    size_t step = V / (size_t)p * size;
    vec pattern = gather_packed(size, (size_t)p);
    __mmask64 only = _bzhi_u64(~0ull, (unsigned)step);
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        vec v[16];
        UNROLL
        for (int m = 0; m < p; m++) {
            const uint8_t *q = src + at * size + (size_t)m * step;
            v[m] = m < p - 1 ? load(q) : _mm512_maskz_loadu_epi8(only, q);
            v[m] = _mm512_permutexvar_epi8(pattern, v[m]);
        }
        weave(v, p, 16 / p);
        after_split(v, p);
        UNROLL
        for (int j = 0; j < p; j++)
            if ((size_t)j < size) store(dst + (size_t)j * stride + at, v[j]);
    }
}

INLINE void join_small(uint8_t *dst, const uint8_t *src, size_t stride, size_t size, int p,
                       size_t n)
{
    size_t step = V / (size_t)p * size;
    vec pattern = pack(size, (size_t)p);
    __mmask64 only = _bzhi_u64(~0ull, (unsigned)step);
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        vec v[16];
        UNROLL
        for (int j = 0; j < p; j++)
            v[j] = (size_t)j < size ? load(src + (size_t)j * stride + at) : splat(0);
        before_join(v, p);
        weave(v, p, 1);
        UNROLL
        for (int m = 0; m < p; m++) {
            uint8_t *q = dst + at * size + (size_t)m * step;
            vec packed = _mm512_permutexvar_epi8(pattern, v[m]);
            if (m < p - 1) store(q, packed);
            else _mm512_mask_storeu_epi8(q, only, packed);
        }
    }
}
