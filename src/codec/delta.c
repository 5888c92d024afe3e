/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/delta.c - XOR differences (blosc2.md 5.4).
 *
 *   block 0:  out[0] = in[0], out[i] = in[i] ^ in[i - 1]     in words of W bytes
 *   others:   out[i] = in[i] ^ ref[i]                        ref: block 0 of the chunk, decoded
 *
 * W is the type size if that is 1, 2, 4 or 8, else 8 or 1.  Differences from block 0 are its own
 * inverse, and the same for every W but for the tail of len % W bytes, which is copied.  They are
 * undone where they lie: each byte is read before it is written. */
#include <string.h>

#include "codec/codec.h"

extern const struct tsr_filter tsr_filter_delta;

static size_t word(const struct tsr_call *c)
{
    int32_t t = c->block->typesize;
    if (t == 1 || t == 2 || t == 4) return (size_t)t;
    return t % 8 == 0 ? 8 : 1;
}

static void xor_ref(const uint8_t *src, const uint8_t *ref, size_t n, uint8_t *dst)
{
    for (size_t i = 0; i < n; i++) dst[i] = src[i] ^ ref[i];
}

static int delta_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    size_t w = word(c), n = len - len % w;
    if (c->block->ref) xor_ref(src, c->block->ref, n, dst);
    else if (n) {
        memcpy(dst, src, w);
        xor_ref(src + w, src, n - w, dst + w);
    }
    memcpy(dst + n, src + n, len - n);
    return 0;
}

/* Undoes the differences from word to word; w is known where this is expanded. */
static inline __attribute__((always_inline)) void unxor(const uint8_t *src, size_t n, size_t w,
                                                        uint8_t *dst)
{
    uint64_t last = 0, x = 0;
    for (size_t i = 0; i < n; i += w) {
        memcpy(&x, src + i, w);
        last ^= x;
        memcpy(dst + i, &last, w);
    }
}

static int delta_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    size_t w = word(c), n = len - len % w;
    if (c->block->ref) xor_ref(src, c->block->ref, n, dst);
    else if (w == 8) unxor(src, n, 8, dst);
    else if (w == 4) unxor(src, n, 4, dst);
    else if (w == 2) unxor(src, n, 2, dst);
    else unxor(src, n, 1, dst);
    if (dst != src) memcpy(dst + n, src + n, len - n);
    return 0;
}

const struct tsr_filter tsr_filter_delta = {
    .name = "delta",
    .about = "XOR with the item before, in later blocks with the chunk's first block",
    .blosc2_id = 3,
    .in_place = true,
    .encode = delta_encode,
    .decode = delta_decode,
};
