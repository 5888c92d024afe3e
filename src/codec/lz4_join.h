/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/lz4_join.h - writes one LZ4 block out of parts: bytes as they are, runs, and whole blocks
 * that were encoded each on its own. */
#ifndef TSR_CODEC_LZ4_JOIN_H
#define TSR_CODEC_LZ4_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What has been written, at dst..op, of src[n]; the bytes from `pending` up to `at` are to be
 * literals and not written yet. */
struct tsr_lz4_join {
    const uint8_t *src;
    size_t n, at, pending;
    uint8_t *op, *end;
};

/* The next n bytes of src as they are. */
void tsr_lz4_join_plain(struct tsr_lz4_join *j, size_t n);

/* The next n bytes of src, all of one value.  False: no room. */
bool tsr_lz4_join_run(struct tsr_lz4_join *j, size_t n);

/* The next n bytes of src, which block[len] holds.  False: no room. */
bool tsr_lz4_join_block(struct tsr_lz4_join *j, size_t n, const uint8_t *block, size_t len);

/* Ends the block, once all of src is in it.  False: no room. */
bool tsr_lz4_join_end(struct tsr_lz4_join *j);

#endif
