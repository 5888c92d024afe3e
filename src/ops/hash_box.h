/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/hash_box.h - a box of items, wherever it lies in memory, as its share of a hash. */
#ifndef TSR_OPS_HASH_BOX_H
#define TSR_OPS_HASH_BOX_H

#include "base/status.h"
#include "ops/residue.h"

struct tsr_hash_box {
    const uint8_t *p; /* the first item */
    int ndim;
    int64_t item_bytes;
    int unit;                     /* bytes are turned around in units of 2, 4 or 8; 1: they stay */
    int64_t count[TSR_MAX_NDIM];  /* >= 1 */
    int64_t stride[TSR_MAX_NDIM]; /* bytes in memory */
    int64_t place[TSR_MAX_NDIM];  /* bytes between neighbours in the whole array, in C order */
};

/* The weights that a thread used last; zeros at first. */
enum { TSR_COMB_AXES = 10 };
struct tsr_comb {
    int64_t run, n[TSR_COMB_AXES], place[TSR_COMB_AXES];
    int axes;
    struct tsr_weights weights;
};

/* The sum over the bytes of the box, each times 256^(its place from that of the first item on). */
struct tsr_residue tsr_hash_box(const struct tsr_hash_box *b, struct tsr_comb *c);

#endif
