/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/transpose_impl.h - items to streams and back, in words of vec*_impl.h.
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
 * The hooks put right what belongs to which lane.  Items that are read and written lane by
 * lane need no hooks.  Everything takes n >= V items, the last V overlapping those before. */
#include <string.h>

#include "base/num.h"
#include "kernel/kernel.h"

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Pattern that brings together byte j of 16 / p items of size bytes, for each j < p. */
INLINE void gather_pattern(uint8_t pattern[16], size_t size, size_t p)
{
    size_t items = 16 / p;
    for (size_t j = 0; j < p; j++)
        for (size_t i = 0; i < items; i++) pattern[j * items + i] = (uint8_t)((i * size + j) % 16);
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

INLINE void join_planes(uint8_t *dst, const uint8_t *const plane[], int p, size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        vec v[16];
        UNROLL
        for (int j = 0; j < p; j++) v[j] = load(plane[j] + at);
        before_join(v, p);
        weave(v, p, 1);
        after_join(v, p);
        UNROLL
        for (int m = 0; m < p; m++) store(dst + at * (size_t)p + (size_t)m * V, v[m]);
    }
}

INLINE void join_exact(uint8_t *dst, const uint8_t *src, size_t stride, int p, size_t n)
{
    const uint8_t *plane[16];
    UNROLL
    for (int j = 0; j < p; j++) plane[j] = src + (size_t)j * stride;
    join_planes(dst, plane, p, n);
}

/* ---- V items of any size, min(size, p) bytes of each, by lanes ---- */

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
