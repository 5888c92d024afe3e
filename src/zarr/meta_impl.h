/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/meta_impl.h - what the files that read and make metadata share. */
#ifndef TSR_ZARR_META_IMPL_H
#define TSR_ZARR_META_IMPL_H

#include "zarr/meta.h"

/* Work out the rest of m from m->root, a map, whose format is checked. */
int tsr_zmeta_parse_v2(struct tsr_zmeta *m);
int tsr_zmeta_parse_v3(struct tsr_zmeta *m);

/* m->shape and m->ndim from a node; of a chunk: that it fits memory at all (zarr.md 12.5). */
int tsr_zmeta_shape(struct tsr_zmeta *m, const struct tsr_node *n);
int tsr_zmeta_check_chunk(const struct tsr_zmeta *m);
/* Dimension names: a list with as many texts or nulls as dimensions. */
int tsr_zmeta_names(struct tsr_zmeta *m, const struct tsr_node *n);
/* An empty node of this format with an arena. */
int tsr_zmeta_alloc(int format, struct tsr_zmeta **out);

#endif
