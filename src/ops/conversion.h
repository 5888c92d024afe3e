/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/conversion.h - an array into another, in bounded memory, so that it can go on after an
 * interruption. */
#ifndef TSR_OPS_CONVERSION_H
#define TSR_OPS_CONVERSION_H

#include "array/array.h"

struct tsr_conversion {
    const tsr_array *from;
    const char *src, *dst;           /* URLs */
    const struct tsr_format *format; /* of dst; o->format names it */
    const tsr_spec *spec;            /* what is asked of dst; zero fields: as from has it */
    const tsr_options *o;            /* complete; mode is "w" or "x" */
    struct tsr_store *tree;          /* not NULL: dst is this tree, and the array goes to */
    const char *node;                /* this path in it */
};

int tsr_conversion_run(const struct tsr_conversion *c);
/* What run would do, freed with tsr_free. */
int tsr_conversion_plan(const struct tsr_conversion *c, tsr_copy_plan **out);

#endif
