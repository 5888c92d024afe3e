/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/trunc.c - the low bits of items set to zero: trunc_prec for floats, int_trunc for integers
 * (blosc2.md 5.5, 5.9).
 *
 * meta, a signed byte: the bits to keep (of the mantissa; of the item), or with a minus the bits
 * to clear.  Nothing is undone.  What is left of the block behind whole items is copied. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "codec/codec.h"

extern const struct tsr_filter tsr_filter_trunc_prec, tsr_filter_int_trunc;

/* How many of `bits` bits are cleared; EARG when not between none and all but one. */
static int cleared(const struct tsr_call *c, const char *name, int bits, int most)
{
    int p = (int8_t)c->meta, z = p >= 0 ? bits - p : -p;
    if (z >= 0 && z <= most) return z;
    return tsr_fail(TSR_EARG, "%s: meta %d: expected %d to %d bits to keep, or minus up to %d",
                    name, p, bits - most, bits, most);
}

/* Items are little-endian in the file, and so is the mask: it repeats every 8 bytes, which hold
 * whole items. */
static void clear_by(const uint8_t *src, size_t n, const uint8_t mask[8], uint8_t *dst)
{
    uint64_t m, x;
    size_t i = 0;
    memcpy(&m, mask, sizeof m);
    for (; i + 8 <= n; i += 8) {
        memcpy(&x, src + i, sizeof x);
        x &= m;
        memcpy(dst + i, &x, sizeof x);
    }
    for (; i < n; i++) dst[i] = src[i] & mask[i % 8];
}

static void clear_low(const uint8_t *src, size_t len, int32_t size, int bits, uint8_t *dst)
{
    size_t n = len - len % (size_t)size;
    uint8_t item[8], mask[8];
    tsr_store_LE64(item, UINT64_MAX << bits);
    for (int i = 0; i < 8; i++) mask[i] = item[i % size];
    clear_by(src, n, mask, dst);
    memcpy(dst + n, src + n, len - n);
}

static int copy(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    (void)c;
    memcpy(dst, src, len);
    return TSR_OK;
}

/* ---- floats ---- */

static int float_bits(const struct tsr_call *c)
{
    int32_t size = c->block->typesize;
    if (size != 4 && size != 8)
        return tsr_fail(TSR_EARG, "trunc_prec: items of %d bytes, expected floats of 4 or 8", size);
    int mantissa = size == 4 ? 23 : 52;
    return cleared(c, "trunc_prec", mantissa, mantissa - 1);
}

static int float_check(const struct tsr_call *c)
{
    int bits = float_bits(c);
    return bits < 0 ? bits : TSR_OK;
}

static int float_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    int bits = float_bits(c);
    if (bits < 0) return bits;
    clear_low(src, len, c->block->typesize, bits, dst);
    return TSR_OK;
}

const struct tsr_filter tsr_filter_trunc_prec = {
    .name = "trunc_prec",
    .about = "lossy: floats keep that many bits of their mantissa, or lose (-meta)",
    .blosc2_id = 4,
    .params = (const struct tsr_param[]){{"meta", -51, 52, TSR_PARAM_NEEDED}, {NULL, 0, 0, 0}},
    .encode_only = true,
    .lossy = true,
    .floats = true,
    .items = true,
    .check = float_check,
    .encode = float_encode,
    .decode = copy,
};

/* ---- integers ---- */

static int int_bits(const struct tsr_call *c)
{
    int32_t size = c->block->item_bytes;
    if (size != 1 && size != 2 && size != 4 && size != 8)
        return tsr_fail(TSR_EARG, "int_trunc: items of %d bytes, expected 1, 2, 4 or 8", size);
    return cleared(c, "int_trunc", 8 * size, 8 * size - 1);
}

static int int_check(const struct tsr_call *c)
{
    int bits = int_bits(c);
    return bits < 0 ? bits : TSR_OK;
}

static int int_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    int bits = int_bits(c);
    if (bits < 0) return bits;
    clear_low(src, len, c->block->item_bytes, bits, dst);
    return TSR_OK;
}

const struct tsr_filter tsr_filter_int_trunc = {
    .name = "int_trunc",
    .about = "lossy: integers keep that many high bits, or lose low ones (-meta)",
    .blosc2_id = 36,
    .params = (const struct tsr_param[]){{"meta", -63, 64, TSR_PARAM_NEEDED}, {NULL, 0, 0, 0}},
    .encode_only = true,
    .lossy = true,
    .items = true,
    .check = int_check,
    .encode = int_encode,
    .decode = copy,
};
