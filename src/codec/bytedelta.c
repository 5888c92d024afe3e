/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/bytedelta.c - differences of neighbouring bytes (blosc2.md 5.8).
 *
 *   | stream 0: L bytes | stream 1 | ... | stream S - 1 | len % S bytes, copied |
 *   out[0] = in[0], out[i] = in[i] - in[i - 1]   in each stream, mod 256;  L = len / S
 *
 * S is the meta, or the item size, so that after a shuffle a stream is one plane of bytes.
 * "bytedelta_buggy" was written by a c-blosc2 which began anew at the last L % 16 bytes of each
 * stream; it is read only. */
#include <string.h>

#include "base/status.h"
#include "codec/codec.h"
#include "kernel/kernel.h"

extern const struct tsr_filter tsr_filter_bytedelta, tsr_filter_bytedelta_buggy;

/* 0: not known, since a chunk on its own does not tell items of more than 255 bytes. */
static size_t streams(const struct tsr_call *c)
{
    return c->meta ? (size_t)c->meta : (size_t)c->block->item_bytes;
}

static int bytedelta_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    size_t s = streams(c), n = s ? len / s : 0;
    if (!s) return tsr_fail(TSR_EARG, "bytedelta: neither meta nor the item size is known");
    for (size_t k = 0; k < s && n; k++, src += n, dst += n) {
        dst[0] = src[0];
        for (size_t i = 1; i < n; i++) dst[i] = (uint8_t)(src[i] - src[i - 1]);
    }
    memcpy(dst, src, len - s * n);
    return TSR_OK;
}

/* `vector`: the sums begin anew where no whole vector of that many bytes is left. */
static int undo(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                size_t vector)
{
    size_t s = streams(c), n = s ? len / s : 0, most = n - n % vector;
    if (!s)
        return tsr_fail(TSR_ECORRUPT, "bytedelta: found meta 0 outside a frame, expected 1 to 255");
    for (size_t k = 0; k < s && n; k++, src += n, dst += n) {
        tsr_kernels()->prefix_sum(dst, src, most);
        tsr_kernels()->prefix_sum(dst + most, src + most, n - most);
    }
    memcpy(dst, src, len - s * n);
    return TSR_OK;
}

static int bytedelta_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    return undo(c, src, len, dst, 1);
}

static int buggy_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    return undo(c, src, len, dst, 16);
}

static const struct tsr_param params[] = {{"meta", 0, 255, 0}, {NULL, 0, 0, 0}};

const struct tsr_filter tsr_filter_bytedelta = {
    .name = "bytedelta",
    .about = "differences of neighbouring bytes, best after shuffle",
    .blosc2_id = 35,
    .params = params,
    .encode = bytedelta_encode,
    .decode = bytedelta_decode,
};

const struct tsr_filter tsr_filter_bytedelta_buggy = {
    .name = "bytedelta_buggy",
    .about = "bytedelta as early c-blosc2 wrote it; read only",
    .blosc2_id = 34,
    .params = params,
    .decode = buggy_decode,
};
