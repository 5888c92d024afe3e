/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/reduce.h - what a dtype is to a reduction: which fold, made of which lanes, and what comes
 * out (reduce_type.c). */
#ifndef TSR_OPS_REDUCE_H
#define TSR_OPS_REDUCE_H

#include <tessera/tessera.h>

#include "kernel/reduce.h"
#include "text/dtype.h"

struct tsr_reduce_type {
    tsr_reduction how;
    struct tsr_dtype *dtype;
    const struct tsr_fold *fold;
    bool counts;       /* the fold counts the items that are not NaN */
    int parts;         /* 2: real and imaginary parts go through the fold each on their own */
    bool swap;         /* items are in the other byte order */
    size_t swap_bytes; /* of what is swapped: half a complex number */
    void (*lanes)(const struct tsr_reduce_type *t, const uint8_t *src, int64_t n, void *dst);
    struct tsr_dtype result; /* kind, order, item_bytes, unit */
};

/* NULL: every default.  EUNSUPPORTED when the dtype has no such reduction; freed by _done. */
int tsr_reduce_type_init(struct tsr_reduce_type *t, const char *dtype, const tsr_reduce_spec *how);
void tsr_reduce_type_done(struct tsr_reduce_type *t);

/* Are items as they lie in blocks what the fold takes? */
bool tsr_reduce_direct(const struct tsr_reduce_type *t);
/* n items, one after the other, to lanes: `parts` rows of them.  src is changed. */
void tsr_reduce_lanes(const struct tsr_reduce_type *t, uint8_t *src, int64_t n, void *dst);

/* One item of the result from an accumulator (words plane apart, parts one after the other) of n
 * items, of which n - ddof are counted by std and var. */
void tsr_reduce_result(const struct tsr_reduce_type *t, const void *acc, int64_t plane, double n,
                       double ddof, void *out);

#endif
