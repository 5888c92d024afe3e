/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/pick.h - copying items that are picked by lists of indices. */
#ifndef TSR_KERNEL_PICK_H
#define TSR_KERNEL_PICK_H

#include "kernel/box.h"

/* As a tsr_box_copy, of which item i along d lies at stride times dst_index[d][i] and
 * src_index[d][i]; a list that is NULL stands for 0, 1, 2, ...  dst_off and src_off, in bytes,
 * are added to every place: dst and src need not point at an item themselves. */
struct tsr_pick_copy {
    struct tsr_box_copy box;
    const int64_t *dst_index[32], *src_index[32]; /* [count] each */
    int64_t dst_off, src_off;
};
void tsr_pick_copy(const struct tsr_pick_copy *p);

/* n items: item i from src + src_at(i) to dst + dst_at(i), where at(i) is stride * (index[i] -
 * first); index NULL: i. */
struct tsr_picks {
    const int64_t *index;
    int64_t first, stride;
};
void tsr_pick_items(uint8_t *dst, const struct tsr_picks *to, const uint8_t *src,
                    const struct tsr_picks *from, int64_t n, size_t item_bytes);

#endif
