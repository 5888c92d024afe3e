/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/shuffle_impl.h - byte transposition, in words of vec*_impl.h.
 *
 * Splitting turns V items into streams of V bytes, joining turns them back, p bytes of each
 * item at a time, p a power of two up to 16.  A vector is LANES lanes of 16 bytes, and in a
 * lane 16 / p bytes of the same stream are a unit.  Weaving p vectors log2(p) times, each time
 * vector i with vector i + p / 2, turns the address of a unit (vector, place in lane) by one
 * bit each time, and so exchanges the two: that is the transposition, but lane by lane.
 *
 *   join    streams -> [before_join] -> weave bytes -> [after_join] -> items
 *   split   items -> bytes of a stream together in the lane -> weave units -> [after_split]
 *
 * The hooks put right what belongs to which lane.  Items of other than p bytes are read and
 * written lane by lane instead, which needs no hooks: below 16 bytes, lanes run over into the
 * next items, so the last ones pass through a buffer; above, columns 16 at a time, the last
 * 16 overlapping.  The last V items overlap those before, so there is no scalar tail; SHORT is
 * the table for fewer than V items. */
#include <string.h>

#include "base/num.h"
#include "kernel/kernel.h"

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Pattern for in_lane: byte j of 16 / p items of size bytes each, for each j < p. */
INLINE void gather_pattern(uint8_t pattern[16], size_t size, size_t p)
{
    size_t items = 16 / p;
    for (size_t k = 0; k < 16; k++) {
        size_t at = k % items * size + k / items;
        pattern[k] = k / items < size ? (uint8_t)at : 0x80; /* 0x80: zero */
    }
}

/* And back: 16 / p items of p bytes packed to size bytes each. */
INLINE void pack_pattern(uint8_t pattern[16], size_t size, size_t p)
{
    for (size_t k = 0; k < 16; k++) {
        size_t item = k / size;
        pattern[k] = item < 16 / p ? (uint8_t)(item * p + k % size) : 0x80;
    }
}

INLINE void weave(vec *v, int p, int unit)
{
    vec t[16];
    UNROLL
    for (int s = 1; s < p; s *= 2) {
        UNROLL
        for (int i = 0; i < p / 2; i++) {
            t[2 * i] = weave_low(v[i], v[i + p / 2], unit);
            t[2 * i + 1] = weave_high(v[i], v[i + p / 2], unit);
        }
        UNROLL
        for (int i = 0; i < p; i++) v[i] = t[i];
    }
}

/* ---- items of exactly p bytes ---- */

INLINE void split_exact(uint8_t *dst, size_t stride, const uint8_t *src, int p, size_t n)
{
    uint8_t pattern[16];
    gather_pattern(pattern, (size_t)p, (size_t)p);
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        vec v[16];
        UNROLL
        for (int m = 0; m < p; m++) {
            v[m] = load(src + at * (size_t)p + (size_t)m * V);
            if (p < 16) v[m] = in_lane(v[m], pattern);
        }
        weave(v, p, 16 / p);
        after_split(v, p);
        UNROLL
        for (int j = 0; j < p; j++) store(dst + (size_t)j * stride + at, v[j]);
    }
}

INLINE void join_exact(uint8_t *dst, const uint8_t *src, size_t stride, int p, size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        vec v[16];
        UNROLL
        for (int j = 0; j < p; j++) v[j] = load(src + (size_t)j * stride + at);
        before_join(v, p);
        weave(v, p, 1);
        after_join(v, p);
        UNROLL
        for (int m = 0; m < p; m++) store(dst + at * (size_t)p + (size_t)m * V, v[m]);
    }
}

/* ---- V items of any size, min(size, p) bytes of each ---- */

INLINE void split_lanes(uint8_t *dst, size_t stride, const uint8_t *src, size_t size, int p,
                        const uint8_t pattern[16])
{
    vec v[16];
    UNROLL
    for (int m = 0; m < p; m++) {
        v[m] = load_lanes(src + (size_t)(m * (16 / p)) * size, 16 * size);
        if (p < 16) v[m] = in_lane(v[m], pattern);
    }
    weave(v, p, 16 / p);
    UNROLL
    for (int j = 0; j < p; j++)
        if ((size_t)j < size) store(dst + (size_t)j * stride, v[j]);
}

/* Writes in ascending order, because what a lane has too much is overwritten by the next. */
INLINE void join_lanes(uint8_t *dst, const uint8_t *src, size_t stride, size_t size, int p,
                       const uint8_t pattern[16])
{
    vec v[16];
    UNROLL
    for (int j = 0; j < p; j++) v[j] = (size_t)j < size ? load(src + (size_t)j * stride) : splat(0);
    weave(v, p, 1);
    UNROLL
    for (int l = 0; l < LANES; l++) {
        UNROLL
        for (int m = 0; m < p; m++) {
            vec packed = p < 16 ? in_lane(v[m], pattern) : v[m];
            store_lane(dst + (size_t)(16 * l + m * (16 / p)) * size, lane(packed, l));
        }
    }
}

/* Lanes of small items run over by up to 7 bytes: less than two items, of 3 or 5 to 15 bytes. */
enum { OVER = 2 };

/* The number of items below which the next table is asked. */
INLINE size_t least(size_t size)
{
    return size < 16 ? V + OVER : V;
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

/* ---- 16 bytes of each of n items of size bytes ---- */

KERNEL static void split_columns(uint8_t *dst, size_t stride, const uint8_t *src, size_t size,
                                 size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        split_lanes(dst + at, stride, src + at * size, size, 16, NULL);
    }
}

KERNEL static void join_columns(uint8_t *dst, const uint8_t *src, size_t stride, size_t size,
                                size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        join_lanes(dst + at * size, src + at, stride, size, 16, NULL);
    }
}

/* ---- n >= least(size) items of at most 16 bytes ---- */

KERNEL static void split(uint8_t *dst, size_t stride, const uint8_t *src, size_t size, size_t n)
{
    switch (size) {
    case 1: memcpy(dst, src, n); break;
    case 2: split_exact(dst, stride, src, 2, n); break;
    case 3: split_small(dst, stride, src, 3, 4, n); break;
    case 4: split_exact(dst, stride, src, 4, n); break;
    case 5:
    case 6:
    case 7: split_small(dst, stride, src, size, 8, n); break;
    case 8: split_exact(dst, stride, src, 8, n); break;
    case 16: split_exact(dst, stride, src, 16, n); break;
    default: split_small(dst, stride, src, size, 16, n);
    }
}

KERNEL static void join(uint8_t *dst, const uint8_t *src, size_t stride, size_t size, size_t n)
{
    switch (size) {
    case 1: memcpy(dst, src, n); break;
    case 2: join_exact(dst, src, stride, 2, n); break;
    case 3: join_small(dst, src, stride, 3, 4, n); break;
    case 4: join_exact(dst, src, stride, 4, n); break;
    case 5:
    case 6:
    case 7: join_small(dst, src, stride, size, 8, n); break;
    case 8: join_exact(dst, src, stride, 8, n); break;
    case 16: join_exact(dst, src, stride, 16, n); break;
    default: join_small(dst, src, stride, size, 16, n);
    }
}

/* ---- the kernels ---- */

KERNEL static void shuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    if (n < least(size)) {
        SHORT.shuffle(dst, src, size, n);
    } else if (size <= 16) {
        split(dst, n, src, size, n);
    } else {
        for (size_t i = 0; i < n; i += V) {
            size_t at = tsr_minz(i, n - V);
            for (size_t c = 0; c < size; c += 16) {
                size_t j = tsr_minz(c, size - 16);
                split_columns(dst + j * n + at, n, src + at * size + j, size, V);
            }
        }
    }
}

KERNEL static void unshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    if (n < least(size)) {
        SHORT.unshuffle(dst, src, size, n);
    } else if (size <= 16) {
        join(dst, src, n, size, n);
    } else {
        for (size_t i = 0; i < n; i += V) {
            size_t at = tsr_minz(i, n - V);
            for (size_t c = 0; c < size; c += 16) {
                size_t j = tsr_minz(c, size - 16);
                join_columns(dst + at * size + j, src + j * n + at, n, size, V);
            }
        }
    }
}
