/* SPDX-License-Identifier: BSD-3-Clause */
/* array/slab.c - an array in boxes that are runs of items. */
#include "array/slab.h"

#include "base/mem.h"

enum { SLAB_BYTES = 64 << 20 };

static void slab_size(struct tsr_slab *s)
{
    const struct tsr_grid *g = s->g;
    s->items = 1;
    for (int d = 0; d < g->ndim; d++) {
        s->count[d] = d < s->axis ? 1 : d == s->axis ? s->rows : g->shape[d];
        s->count[d] = tsr_min64(s->count[d], g->shape[d] - s->start[d]);
        s->items *= s->count[d];
    }
    if (s->items == 0) s->done = true;
}

void tsr_slab_init(struct tsr_slab *s, const struct tsr_grid *g)
{
    int64_t row = g->item_bytes;
    *s = (struct tsr_slab){.g = g, .axis = g->ndim - 1};
    while (s->axis > 0 && g->shape[s->axis] <= SLAB_BYTES / tsr_max64(row, 1))
        row *= g->shape[s->axis--];
    s->rows = tsr_max64(SLAB_BYTES / tsr_max64(row, 1), 1);
    if (s->axis >= 0 && g->chunk[s->axis] > 0 && s->rows > g->chunk[s->axis])
        s->rows -= s->rows % g->chunk[s->axis];
    slab_size(s);
}

void tsr_slab_next(struct tsr_slab *s)
{
    int d = s->axis;
    if (d >= 0) s->start[d] += s->rows;
    while (d > 0 && s->start[d] >= s->g->shape[d]) {
        s->start[d] = 0;
        s->start[--d]++;
    }
    s->done = d < 0 || s->start[0] >= s->g->shape[0];
    if (!s->done) slab_size(s);
}

uint8_t *tsr_slab_room(const struct tsr_grid *g)
{
    struct tsr_slab s;
    tsr_slab_init(&s, g);
    return tsr_alloc((size_t)(s.items * g->item_bytes));
}
