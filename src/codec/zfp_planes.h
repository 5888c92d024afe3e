/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_planes.h - the bits of ZFP's cells: exponents and bit planes. */
#ifndef TSR_CODEC_ZFP_PLANES_H
#define TSR_CODEC_ZFP_PLANES_H

#include "codec/zfp.h"

/* What the next bits of a plane say of its groups, by their value; see zfp_planes.c. */
enum { TSR_ZFP_AHEAD = 8 };
struct tsr_zfp_steps {
    uint32_t step[1 << TSR_ZFP_AHEAD];
};
void tsr_zfp_steps_fill(struct tsr_zfp_steps *s);

/* Bits of src[len], low ones first, and zeros for ever behind them.  `word` holds the next `have`
 * of them, those before byte `at`; what it holds above comes after these. */
struct tsr_zfp_bits {
    const uint8_t *src;
    size_t len, at;
    uint64_t word;
    unsigned have;
    const struct tsr_zfp_steps *steps;
};

/* The exponent of a cell that is all zeros. */
enum { TSR_ZFP_EMPTY = INT32_MIN };

/* Reads n cells: their exponents, and their bit planes as rows of `stride` bytes, the lowest plane
 * first: bit i of cell c is bit c * 4^ndim + i of its row.  The rows must be zeros before. */
void tsr_zfp_planes(struct tsr_zfp_bits *b, const struct tsr_zfp *z, size_t n, int *exps,
                    uint8_t *rows, size_t stride);

/* How many bits were read. */
static inline uint64_t tsr_zfp_bits_read(const struct tsr_zfp_bits *b)
{
    return (uint64_t)b->at * 8 - b->have;
}

#endif
