/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/carry.h - what an array has besides its items, from one format to another. */
#ifndef TSR_OPS_CARRY_H
#define TSR_OPS_CARRY_H

#include "array/array.h"

/* EUNSUPPORTED: the text lists what a target of this format has no place for. */
int tsr_carry_check(const tsr_array *from, const struct tsr_format *to);
/* Attributes and variable-length metalayers. */
int tsr_carry(const tsr_array *from, tsr_array *to);

#endif
