/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/bitshuffle.c - bit transposition (blosc2.md 5.3).
 *
 * Items are transposed in groups of 8; what is left of the block is copied.  Blosc 1 (chunk
 * version 2) transposes only blocks whose number of items is a multiple of 8. */
#include <string.h>

#include "codec/codec.h"
#include "kernel/kernel.h"

extern const struct tsr_filter tsr_filter_bitshuffle;

static size_t items(const struct tsr_call *c, size_t len)
{
    size_t n = len / (size_t)c->block->typesize;
    if (c->block->version == 2 && n % 8) return 0;
    return n - n % 8;
}

static int bitshuffle_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    size_t size = (size_t)c->block->typesize, n = items(c, len);
    tsr_kernels()->bitshuffle(dst, src, size, n);
    memcpy(dst + n * size, src + n * size, len - n * size);
    return 0;
}

static int bitshuffle_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    size_t size = (size_t)c->block->typesize, n = items(c, len);
    tsr_kernels()->bitunshuffle(dst, src, size, n);
    memcpy(dst + n * size, src + n * size, len - n * size);
    return 0;
}

const struct tsr_filter tsr_filter_bitshuffle = {
    .name = "bitshuffle",
    .about = "bit transposition: like bits of all items together",
    .blosc2_id = 2,
    .encode = bitshuffle_encode,
    .decode = bitshuffle_decode,
};
