/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/lz4_block.h - the LZ4 block decoder, for the codecs that frame such blocks. */
#ifndef TSR_CODEC_LZ4_BLOCK_H
#define TSR_CODEC_LZ4_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tsr_lz4_block {
    const uint8_t *src;
    size_t len;
    const uint8_t *dict; /* what matches may reach back to before the block; NULL: nothing */
    size_t dict_len;
};

/* Decodes a block to exactly n bytes; start: the first n bytes of one that may hold more, of
 * which the rest is not looked at.  Every byte of dst is written.  ECORRUPT. */
int tsr_lz4_block_decode(const struct tsr_lz4_block *b, bool start, uint8_t *dst, size_t n);

#endif
