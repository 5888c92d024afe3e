/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/bits.h - eight bools, a byte each, to the bits of one byte and back. */
#ifndef TSR_ZARR_BITS_H
#define TSR_ZARR_BITS_H

#include "base/num.h"

/* The product puts bit 0 of byte i at bit 56 + i; no two meet on the way. */
static inline uint8_t tsr_bits_gather(const uint8_t p[8])
{
    uint64_t v = tsr_load_LE64(p);
    v |= v >> 4; /* any bit of a byte counts */
    v |= v >> 2 & 0x3F3F3F3F3F3F3F3F;
    v |= v >> 1 & 0x7F7F7F7F7F7F7F7F;
    return (uint8_t)((v & 0x0101010101010101) * 0x0102040810204080 >> 56);
}

/* A copy of b in each byte, of which byte i keeps bit i; 0x7F carries it to the top bit. */
static inline void tsr_bits_scatter(uint8_t b, uint8_t p[8])
{
    uint64_t v = b * UINT64_C(0x0101010101010101) & 0x8040201008040201;
    v = ((v & 0x7F7F7F7F7F7F7F7F) + 0x7F7F7F7F7F7F7F7F) | v;
    tsr_store_LE64(p, v >> 7 & 0x0101010101010101);
}

static inline uint8_t tsr_bits_turned(uint8_t b)
{
    b = (uint8_t)(b >> 4 | b << 4);
    b = (uint8_t)((b >> 2 & 0x33) | (b & 0x33) << 2);
    return (uint8_t)((b >> 1 & 0x55) | (b & 0x55) << 1);
}

#endif
