/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp.h - a block as ZFP sees it, and how its bits become floats (blosc2.md appendix C). */
#ifndef TSR_CODEC_ZFP_H
#define TSR_CODEC_ZFP_H

#include <stddef.h>
#include <stdint.h>

#include "task/pool.h"

enum { TSR_ZFP_CELL = 4, TSR_ZFP_MAX_NDIM = 4, TSR_ZFP_WORD = 8 };

/* Sides are at least 1, and 1 beyond ndim; cells of 4^ndim items follow each other in the stream,
 * along the fastest side first.  What a cell may take of the stream: minbits..maxbits bits, and so
 * many bit planes, none below minexp.  A fixed rate has minbits = maxbits, any other minbits 1. */
struct tsr_zfp {
    int item_bytes;                /* 4: float, 8: double */
    int ndim;                      /* 1..4 */
    size_t side[TSR_ZFP_MAX_NDIM]; /* fastest first */
    uint64_t cells;
    unsigned minbits, maxbits, maxprec;
    int minexp;
};

/* Decodes all cells to dst, which has room for the items of the block.  A stream that goes on
 * behind src[len] is ECORRUPT; one that ends before is sound. */
int tsr_zfp_decode(const struct tsr_zfp *z, struct tsr_worker *w, const uint8_t *src, size_t len,
                   uint8_t *dst);

/* Encodes the items of the block to at most cap bytes, whole words; *out is how many, 0 when they
 * are too few.  Fails only for want of memory. */
int tsr_zfp_encode(const struct tsr_zfp *z, struct tsr_worker *w, const uint8_t *src, uint8_t *dst,
                   size_t cap, size_t *out);

#endif
