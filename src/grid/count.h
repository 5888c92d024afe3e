/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/count.h - how many chunks and blocks a slice meets along one axis, without walking them.
 *
 * What a slice costs is a product over axes (each axis meets its cells whatever the others do), and
 * along an axis it repeats with every chunk, so that the mean over all places where a slice may
 * begin takes the steps of one chunk, however many there are. */
#ifndef TSR_GRID_COUNT_H
#define TSR_GRID_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/* An axis of an array, and what a slice wants along it: all inside, step >= 1, count >= 1. */
struct tsr_count_axis {
    int64_t shape, chunk, block;
    int64_t start, count, step;
    bool slides; /* it may as well begin at any other place where it fits */
};

/* In the chunks that are met, added up.  A chunk is closed when what is wanted runs through it with
 * gaps of at most `miss` blocks, so that what follows its end in the next row joins the run. */
struct tsr_axis_count {
    double chunks, blocks;
    double reach;                /* blocks from the first met to the last, those between included */
    double closed, closed_reach; /* of closed chunks: how many, and the same of them */
    double closed_row;           /* all their blocks that the array has */
};

struct tsr_axis_counts {
    struct tsr_axis_count mean, here, worst; /* worst: where most blocks are met, then chunks */
    bool apart; /* the step is so wide that each block is a run of its own */
};

/* Exact, but for the mean where a chunk has more than some thousand blocks along the axis, or a
 * step skips some: that is taken from some thousand places.  worst and here: only if all. */
void tsr_count_along(const struct tsr_count_axis *x, int64_t miss, bool all,
                     struct tsr_axis_counts *out);

#endif
