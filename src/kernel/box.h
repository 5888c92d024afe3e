/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/box.h - copying boxes between strided memories. */
#ifndef TSR_KERNEL_BOX_H
#define TSR_KERNEL_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A box of items.  Strides are in bytes and may be negative or 0 (a source item repeated);
 * dst and src point at the item with all indices 0. */
struct tsr_box_copy {
    uint8_t *dst;
    const uint8_t *src;
    size_t item_bytes;
    int ndim;
    int64_t count[32], dst_stride[32], src_stride[32];
    bool stream; /* dst is part of something larger than the caches: rows go past them */
};

/* Merges dimensions that are contiguous in both memories and drops those of length 1, then
 * copies; rows that are contiguous in both become one memcpy. */
void tsr_box_copy(const struct tsr_box_copy *b);

#endif
