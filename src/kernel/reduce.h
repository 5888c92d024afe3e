/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/reduce.h - many items into few: sums, products, extremes, moments.
 *
 * An accumulator is one word of 8 bytes or several.  A row of accumulators is laid out in planes:
 * word w of accumulator i is acc[w * plane + i].  Sums of floats are two words whose sum they are,
 * so that what rounding loses of one is kept in the other; moments are count, mean and sum of
 * squared differences from it.  Extremes take over NaN, integers wrap around. */
#ifndef TSR_KERNEL_REDUCE_H
#define TSR_KERNEL_REDUCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tsr_fold_op {
    TSR_FOLD_SUM,  /* of integers: one word, modulo 2^64 */
    TSR_FOLD_FSUM, /* of anything: two doubles */
    TSR_FOLD_PROD, /* a word or a double; of pairs two */
    TSR_FOLD_MIN,  /* int64, uint64 or double */
    TSR_FOLD_MAX,
    TSR_FOLD_ANY, /* a word, 0 or 1 */
    TSR_FOLD_ALL,
    TSR_FOLD_MOMENTS, /* three doubles */
    /* Of floats, in which NaN is no item: a sum as FSUM and how many there were; extremes, NaN
     * where there was none. */
    TSR_FOLD_NANSUM,
    TSR_FOLD_NANMIN,
    TSR_FOLD_NANMAX,
    TSR_FOLD_OPS
};

/* What items are, in the order of this machine and aligned.  Pairs are two doubles, for PROD. */
enum tsr_lane {
    TSR_LANE_I1,
    TSR_LANE_U1,
    TSR_LANE_I2,
    TSR_LANE_U2,
    TSR_LANE_I4,
    TSR_LANE_U4,
    TSR_LANE_I8,
    TSR_LANE_U8,
    TSR_LANE_F4,
    TSR_LANE_F8,
    TSR_LANE_PAIR,
    TSR_LANES
};

enum { TSR_FOLD_WORDS = 3 }; /* at most */

struct tsr_fold {
    int words; /* 0: there is no such fold */
    size_t item_bytes;
    /* n accumulators of no items */
    void (*init)(void *acc, int64_t plane, int64_t n);
    /* n items into one accumulator; n items into n of them */
    void (*run)(void *acc, int64_t plane, const void *src, int64_t n);
    void (*row)(void *acc, int64_t plane, const void *src, int64_t n);
    /* One accumulator of one item becomes one of n >= 1 such items. */
    void (*repeat)(void *acc, int64_t plane, int64_t n);
    /* n accumulators into n others, src of step 1, or 0: the first one into all. */
    void (*merge)(void *acc, int64_t plane, const void *src, int64_t src_plane, int64_t step,
                  int64_t n);
};

const struct tsr_fold *tsr_fold(enum tsr_fold_op op, enum tsr_lane lane);

/* A box of items or accumulators into accumulators.  acc_stride counts accumulators: 0 along a
 * dimension that is reduced.  src_stride counts bytes of items, or accumulators. */
struct tsr_fold_box {
    int ndim;
    int64_t count[32], acc_stride[32], src_stride[32];
    void *acc;
    int64_t plane;
    const void *src;
    int64_t src_plane; /* of accumulators */
};
void tsr_fold_items(const struct tsr_fold *f, const struct tsr_fold_box *b);
void tsr_fold_merge(const struct tsr_fold *f, const struct tsr_fold_box *b);

#endif
