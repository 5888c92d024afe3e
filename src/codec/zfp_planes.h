/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_planes.h - the bits of ZFP's cells: exponents and bit planes. */
#ifndef TSR_CODEC_ZFP_PLANES_H
#define TSR_CODEC_ZFP_PLANES_H

#include <stdbool.h>

#include "base/num.h"
#include "codec/zfp_block.h"

/* What the next bits of a plane say, by their value: of its groups; and all of it for a cell of
 * four values, by how many are known; see zfp_planes.c. */
enum { TSR_ZFP_AHEAD = 8 };
struct tsr_zfp_steps {
    uint32_t step[1 << TSR_ZFP_AHEAD];
    uint32_t four[TSR_ZFP_CELL + 1][1 << TSR_ZFP_AHEAD];
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

/* Reads the exponents and planes of a batch, the c-th cell's i-th bit to bit c * 4^ndim + i of its
 * row of `stride` bytes.  The rows must be zeros before. */
void tsr_zfp_planes(struct tsr_zfp_bits *b, const struct tsr_zfp *z, struct tsr_zfp_batch *batch,
                    size_t stride);

/* How many bits were read. */
static inline uint64_t tsr_zfp_bits_read(const struct tsr_zfp_bits *b)
{
    return (uint64_t)b->at * 8 - b->have;
}

/* Bits written to dst, which has TSR_ZFP_SLACK bytes more than the `cap` they may take; the last
 * `have` of them, less than 8, are those of `word` and of dst[at]. */
struct tsr_zfp_sink {
    uint8_t *dst;
    size_t cap, at;
    uint64_t word;
    unsigned have;
};
enum { TSR_ZFP_SLACK = 4096 }; /* a cell's MAXBITS, a plane and a word */

/* Writes a batch as tsr_zfp_planes reads it; false when it does not fit. */
bool tsr_zfp_planes_put(struct tsr_zfp_sink *s, const struct tsr_zfp *z,
                        const struct tsr_zfp_batch *batch, size_t stride);

/* How many bits were written. */
static inline uint64_t tsr_zfp_bits_put(const struct tsr_zfp_sink *s)
{
    return (uint64_t)s->at * 8 + s->have;
}

/* So many planes has a cell of this exponent. */
static inline int tsr_zfp_prec(const struct tsr_zfp *z, int exp)
{
    int64_t deep = (int64_t)exp - z->minexp + 2 * z->ndim + 2;
    return (int)tsr_max64(0, tsr_min64(deep, z->maxprec));
}

#endif
