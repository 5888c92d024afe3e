/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/hash_items.h - what of an item is hashed (docs/hash.md, "Items"): all fields one after the
 * other, little endian, and no padding. */
#ifndef TSR_OPS_HASH_ITEMS_H
#define TSR_OPS_HASH_ITEMS_H

#include "text/dtype.h"

/* n bytes of the item from `from` on, turned around in units of `unit` bytes. */
struct tsr_hash_move {
    int64_t from, n;
    int32_t unit; /* 1: as they are */
};

struct tsr_hash_items {
    int64_t stored, bytes; /* of an item: as the array has it, and as it is hashed */
    bool direct;           /* one move of all of it, by a unit of at most 8 */
    struct tsr_buf moves;  /* struct tsr_hash_move */
};

/* EUNSUPPORTED for a dtype in more than 2^20 pieces.  Freed by _done. */
int tsr_hash_items_init(struct tsr_hash_items *h, const struct tsr_dtype *t);
void tsr_hash_items_done(struct tsr_hash_items *h);
int32_t tsr_hash_items_unit(const struct tsr_hash_items *h); /* of a direct one */

/* n items, stored apart, as they are hashed. */
void tsr_hash_items_pack(const struct tsr_hash_items *h, const uint8_t *src, int64_t n,
                         uint8_t *dst);

/* The dtype as it is hashed: JSON, little endian, without offsets. */
int tsr_hash_dtype_emit(struct tsr_buf *out, const struct tsr_dtype *t);

#endif
