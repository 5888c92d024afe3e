/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/deflate.h - writes DEFLATE blocks (RFC 1951) without a search for matches. */
#ifndef TSR_CODEC_DEFLATE_H
#define TSR_CODEC_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the next bits go. */
struct tsr_deflate {
    uint8_t *op, *end;
    uint64_t bits; /* nbits of them wait for the rest of their byte */
    unsigned nbits;
};

/* src[n], each byte for itself: with a code of their own where that pays, else as they are.
 * Like all of these false when there is no room; what is at op then does not matter. */
bool tsr_deflate_literals(struct tsr_deflate *d, const uint8_t *src, size_t n);

/* n > 0 bytes `value`. */
bool tsr_deflate_run(struct tsr_deflate *d, uint8_t value, size_t n);

/* Goes on to a whole byte, where other blocks may be put. */
bool tsr_deflate_align(struct tsr_deflate *d);

/* The last block. */
bool tsr_deflate_end(struct tsr_deflate *d);

#endif
