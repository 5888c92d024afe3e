/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/convert_tree.h - groups with all that is below them, from place to place. */
#ifndef TSR_OPS_CONVERT_TREE_H
#define TSR_OPS_CONVERT_TREE_H

#include "array/array.h"

struct tsr_tree_conversion {
    const char *src, *dst;           /* URLs */
    const struct tsr_format *format; /* of dst */
    const tsr_spec *spec;            /* what is asked of arrays */
    const tsr_options *so, *o;       /* complete; o->mode is "w" or "x" */
};

/* Is there a group at src?  What cannot be looked at is none. */
int tsr_is_tree(const char *src, const tsr_options *o, bool *yes);
/* EUNSUPPORTED: the text lists nodes that dst has no place for, and nothing is written. */
int tsr_convert_tree(const struct tsr_tree_conversion *c);

#endif
