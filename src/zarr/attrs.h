/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/attrs.h - attributes of nodes, changed one by one or all at once. */
#ifndef TSR_ZARR_ATTRS_H
#define TSR_ZARR_ATTRS_H

#include "text/doc.h"

/* Reads the JSON of an attribute, or, name NULL, an object of all, into the arena.  EARG: it is
 * none, or nested so deep that a document it is in could not be read. */
int tsr_zattrs_read(struct tsr_doc *d, const char *name, const char *json, struct tsr_node *out);

/* A copy of the map `old` with this attribute, in its place or, a new one, at the end; value NULL:
 * without it, ENOTFOUND where there is none.  Its members are borrowed from what it is made of. */
int tsr_zattrs_change(struct tsr_doc *d, const struct tsr_node *old, const char *name,
                      const struct tsr_node *value, struct tsr_node *out);

#endif
