/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/loose.h - items of variable length (tsr_items), a box at a time.
 *
 * Boxes follow each other in C order and are as large as a budget of memory allows, as far as the
 * items that were seen tell how large others are.  A box ends where blocks end, if that is not
 * many times the budget: what is decoded whole should be read whole. */
#ifndef TSR_OPS_LOOSE_H
#define TSR_OPS_LOOSE_H

#include "array/array.h"
#include "ops/hash_items.h"

struct tsr_loose_walk {
    const struct tsr_grid *grid;
    int64_t budget, item_bytes; /* of memory; of one item, as far as is known */
    int64_t at, total;          /* items that lie before the next box; of all */
    struct tsr_box box;
    int64_t items; /* in the box */
};

/* ELIMIT: more than 2^63 items. */
int tsr_loose_start(struct tsr_loose_walk *w, const struct tsr_grid *g, int64_t budget);
/* The next box; false: there is none. */
bool tsr_loose_next(struct tsr_loose_walk *w);
/* Its items, freed by the caller. */
int tsr_loose_read(struct tsr_loose_walk *w, const tsr_array *a, tsr_items *out);

/* The dtype of items as it is hashed: JSON, array(>i2) as array(<i2). */
int tsr_loose_dtype_emit(struct tsr_buf *out, const char *dtype);
/* The items' bytes as they are hashed, in place of those that are there. */
int tsr_loose_pack(const struct tsr_hash_items *h, tsr_items *items);
/* What they are items of: h of the dtype in array(), else of single bytes.  Freed by its _done. */
int tsr_loose_unit(const char *dtype, struct tsr_hash_items *h);

#endif
