/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/items.h - what items in memory may be, and walking those of variable length. */
#ifndef TSR_ZARR_ITEMS_H
#define TSR_ZARR_ITEMS_H

#include "zarr/type.h"

/* Whether so many bytes are items of t: bools 0 or 1, text without surrogates and code points
 * above U+10FFFF; in records too.  ECORRUPT names the item. */
int tsr_zitems_check(const struct tsr_ztype *t, const uint8_t *items, size_t len);

/* Are any bytes items of t, as they are?  Then neither the one above nor the one below does
 * anything. */
bool tsr_zitems_free(const struct tsr_ztype *t);

/* Integers of 2 and 4 bits: what is above them in their byte becomes their sign, or zeros. */
void tsr_zitems_extend(const struct tsr_ztype *t, uint8_t *items, size_t len);

/* Items of variable length, one after another: | u32 length | bytes | ... */
struct tsr_zwalk {
    const uint8_t *p;
    size_t len, at;
};
/* The next one; ECORRUPT: it is not all there. */
int tsr_zwalk_next(struct tsr_zwalk *w, const uint8_t **item, uint32_t *len);

#endif
