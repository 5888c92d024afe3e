/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/shuffle.c - byte transposition (blosc2.md 5.2).
 *
 *   out[j * N + i] = in[i * T + j]    T: meta, or the type size; N = len / T
 *
 * The last len % T bytes stay where they are. */
#include <string.h>

#include "codec/codec.h"
#include "kernel/kernel.h"

extern const struct tsr_filter tsr_filter_shuffle;

static size_t group(const struct tsr_call *c)
{
    return c->meta ? (size_t)c->meta : (size_t)c->block->typesize;
}

static bool shuffle_identity(const struct tsr_call *c)
{
    return group(c) == 1;
}

static int shuffle_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    size_t size = group(c), n = len / size;
    tsr_kernels()->shuffle(dst, src, size, n);
    memcpy(dst + n * size, src + n * size, len - n * size);
    return 0;
}

static int shuffle_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    size_t size = group(c), n = len / size;
    tsr_kernels()->unshuffle(dst, src, size, n);
    memcpy(dst + n * size, src + n * size, len - n * size);
    return 0;
}

static int shuffle_decode_planes(const struct tsr_call *c, const uint8_t *const plane[], size_t len,
                                 uint8_t *dst)
{
    size_t size = group(c);
    tsr_kernels()->unshuffle_planes(dst, plane, size, len / size);
    return 0;
}

const struct tsr_filter tsr_filter_shuffle = {
    .name = "shuffle",
    .about = "byte transposition: like bytes of all items together",
    .blosc2_id = 1,
    .params = (const struct tsr_param[]){{"meta", 0, 255, 0}, {NULL, 0, 0, 0}},
    .identity = shuffle_identity,
    .planes = group,
    .encode = shuffle_encode,
    .decode = shuffle_decode,
    .decode_planes = shuffle_decode_planes,
};
