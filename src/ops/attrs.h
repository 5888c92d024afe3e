/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/attrs.h - attributes in one form, so that they can be compared: members by name, numbers
 * spelled in one way. */
#ifndef TSR_OPS_ATTRS_H
#define TSR_OPS_ATTRS_H

#include <tessera/tessera.h>

#include "text/doc.h"

struct tsr_attrs {
    struct tsr_doc *doc;
    struct tsr_node root; /* a map, sorted through all its levels by the bytes of the names */
};

/* Of an array whose format has none: an empty map.  Freed by _done, also after a failure. */
int tsr_attrs_take(const tsr_array *a, struct tsr_attrs *out);
void tsr_attrs_done(struct tsr_attrs *t);

#endif
