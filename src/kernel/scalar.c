/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/scalar.c - the kernels in portable C: the specification of the vector levels.
 *
 * Items are taken in tiles so that the lines of src that one column touches are still in the
 * first cache when the next column comes; the usual item sizes are compiled with the size
 * known, which lets the compiler use what vectors the base architecture has. */
#include "kernel/scalar.h"

#include <string.h>

#include "base/num.h"

#define INLINE static inline __attribute__((always_inline))

enum { TILE = 256 };

INLINE void shuffle_by(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    for (size_t at = 0; at < n; at += TILE) {
        size_t end = tsr_minz(n, at + TILE);
        for (size_t j = 0; j < size; j++)
            for (size_t i = at; i < end; i++) dst[j * n + i] = src[i * size + j];
    }
}

static void shuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    switch (size) {
    case 1:
        if (n) memcpy(dst, src, n);
        break;
    case 2: shuffle_by(dst, src, 2, n); break;
    case 4: shuffle_by(dst, src, 4, n); break;
    case 8: shuffle_by(dst, src, 8, n); break;
    case 16: shuffle_by(dst, src, 16, n); break;
    default: shuffle_by(dst, src, size, n);
    }
}

INLINE void unshuffle_by(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < size; j++) dst[i * size + j] = src[j * n + i];
}

INLINE void unshuffle_tiles(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    for (size_t at = 0; at < n; at += TILE) {
        size_t end = tsr_minz(n, at + TILE);
        for (size_t j = 0; j < size; j++)
            for (size_t i = at; i < end; i++) dst[i * size + j] = src[j * n + i];
    }
}

static void unshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    switch (size) {
    case 1:
        if (n) memcpy(dst, src, n);
        break;
    case 2: unshuffle_by(dst, src, 2, n); break;
    case 4: unshuffle_by(dst, src, 4, n); break;
    case 8: unshuffle_by(dst, src, 8, n); break;
    case 16: unshuffle_by(dst, src, 16, n); break;
    default: unshuffle_tiles(dst, src, size, n);
    }
}

static void unshuffle_planes(uint8_t *dst, const uint8_t *const plane[], size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < size; j++) dst[i * size + j] = plane[j][i];
}

/* Bit 8 * r + c moves to 8 * c + r: the two off-diagonal quarters of each square change
 * places, for squares of 2, 4 and 8. */
INLINE uint64_t transpose8(uint64_t x)
{
    uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aa;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000cccc0000cccc;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0;
    return x ^ t ^ (t << 28);
}

INLINE uint64_t gather8(const uint8_t *p, size_t stride)
{
    uint64_t x = 0;
    for (int r = 0; r < 8; r++) x |= (uint64_t)p[(size_t)r * stride] << (8 * r);
    return x;
}

INLINE void scatter8(uint8_t *p, size_t stride, uint64_t x)
{
    for (int r = 0; r < 8; r++) p[(size_t)r * stride] = (uint8_t)(x >> (8 * r));
}

/* Rows are far apart, often by a power of two, so `wide` bytes of each are written at once. */
enum { ROW_TILE = 64 };

static void bitshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    uint8_t tile[8][ROW_TILE];
    size_t row = n / 8;
    for (size_t at = 0; at < row; at += ROW_TILE) {
        size_t wide = tsr_minz(ROW_TILE, row - at);
        for (size_t j = 0; j < size; j++) {
            const uint8_t *s = src + 8 * at * size + j;
            for (size_t g = 0; g < wide; g++)
                scatter8(tile[0] + g, ROW_TILE, transpose8(gather8(s + 8 * g * size, size)));
            for (size_t k = 0; k < 8; k++) memcpy(dst + (8 * j + k) * row + at, tile[k], wide);
        }
    }
}

static void bitunshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    uint8_t tile[8][ROW_TILE];
    size_t row = n / 8;
    for (size_t at = 0; at < row; at += ROW_TILE) {
        size_t wide = tsr_minz(ROW_TILE, row - at);
        for (size_t j = 0; j < size; j++) {
            uint8_t *d = dst + 8 * at * size + j;
            for (size_t k = 0; k < 8; k++) memcpy(tile[k], src + (8 * j + k) * row + at, wide);
            for (size_t g = 0; g < wide; g++)
                scatter8(d + 8 * g * size, size, transpose8(gather8(tile[0] + g, ROW_TILE)));
        }
    }
}

static void prefix_sum(uint8_t *dst, const uint8_t *src, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++) dst[i] = sum = (uint8_t)(sum + src[i]);
}

static void swap(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    if (size == 2)
        for (size_t i = 0; i < n; i++) tsr_store_LE16(dst + 2 * i, tsr_load_BE16(src + 2 * i));
    else if (size == 4)
        for (size_t i = 0; i < n; i++) tsr_store_LE32(dst + 4 * i, tsr_load_BE32(src + 4 * i));
    else
        for (size_t i = 0; i < n; i++) tsr_store_LE64(dst + 8 * i, tsr_load_BE64(src + 8 * i));
}

static bool is_run(const uint8_t *p, size_t len)
{
    return len < 2 || memcmp(p, p + 1, len - 1) == 0;
}

static void stream(const struct tsr_rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        memcpy(r->dst + (ptrdiff_t)i * r->dst_step, r->src + (ptrdiff_t)i * r->src_step, r->len);
}

const struct tsr_kernels tsr_kernels_scalar = {
    .level = "scalar",
    .shuffle = shuffle,
    .unshuffle = unshuffle,
    .unshuffle_planes = unshuffle_planes,
    .bitshuffle = bitshuffle,
    .bitunshuffle = bitunshuffle,
    .prefix_sum = prefix_sum,
    .is_run = is_run,
    .swap = swap,
    .crc32c = tsr_crc32c_scalar,
    .stream = stream,
};
