/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/hash_loose.h - the share in a hash of items of variable length (docs/hash.md). */
#ifndef TSR_OPS_HASH_LOOSE_H
#define TSR_OPS_HASH_LOOSE_H

#include <tessera/tessera.h>

#include "ops/residue.h"

/* Of all items of a, each behind its length, in C order: byte i times 256^i.  o: complete options,
 * of which progress hears of items. */
int tsr_hash_loose(const tsr_array *a, const tsr_options *o, struct tsr_residue *sum);

#endif
