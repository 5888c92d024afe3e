/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/small_lanes_impl.h - items of 3, 5 to 7 and 9 to 15 bytes, lane by lane.
 *
 * After transpose_impl.h.  p is the next power of two, the streams that are missing are zeros.
 * A lane is loaded and stored whole and so runs over into the next items, by up to 7 bytes:
 * less than two items.  The last V items therefore pass through a buffer. */

enum { OVER = 2, LEAST_SMALL = V + OVER };

/* Packs 16 / p items of p bytes to size bytes each; what follows them does not matter. */
INLINE void pack_pattern(uint8_t pattern[16], size_t size, size_t p)
{
    size_t item = 0, j = 0;
    for (size_t k = 0; k < 16; k++) {
        pattern[k] = (uint8_t)((item * p + j) % 16);
        if (++j == size) item++, j = 0;
    }
}

INLINE void split_small(uint8_t *dst, size_t stride, const uint8_t *src, size_t size, int p,
                        size_t n)
{
    uint8_t pattern[16], last[V * 16 + 16];
    gather_pattern(pattern, size, (size_t)p);
    for (size_t i = 0; i + V < n; i += V) {
        size_t at = tsr_minz(i, n - V - OVER);
        split_lanes(dst + at, stride, src + at * size, size, p, pattern);
    }
    memcpy(last, src + (n - V) * size, V * size);
    split_lanes(dst + n - V, stride, last, size, p, pattern);
}

INLINE void join_small(uint8_t *dst, const uint8_t *src, size_t stride, size_t size, int p,
                       size_t n)
{
    uint8_t pattern[16], last[V * 16 + 16];
    pack_pattern(pattern, size, (size_t)p);
    for (size_t i = 0; i + V < n; i += V) {
        size_t at = tsr_minz(i, n - V - OVER);
        join_lanes(dst + at * size, src + at, stride, size, p, pattern);
    }
    join_lanes(last, src + n - V, stride, size, p, pattern);
    memcpy(dst + (n - V) * size, last, V * size);
}
