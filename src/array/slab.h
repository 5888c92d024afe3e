/* SPDX-License-Identifier: BSD-3-Clause */
/* array/slab.h - an array in boxes of whole rows, each one run of items in C order; along the axis
 * they are cut they hold whole chunks where they fit. */
#ifndef TSR_ARRAY_SLAB_H
#define TSR_ARRAY_SLAB_H

#include "grid/grid.h"

struct tsr_slab {
    const struct tsr_grid *g;
    int axis; /* cut here; -1: no dimensions */
    int64_t rows, start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], items;
    bool done;
};

void tsr_slab_init(struct tsr_slab *s, const struct tsr_grid *g);
void tsr_slab_next(struct tsr_slab *s);
/* Room for the largest slab of g, the first one. */
uint8_t *tsr_slab_room(const struct tsr_grid *g);

#endif
