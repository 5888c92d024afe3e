/* SPDX-License-Identifier: BSD-3-Clause */
/* array/scatter.c - the items that a block and a selection have in common, between the block and
 * the caller's memory: boxes, lists of indices, points. */
#include "array/array.h"
#include "kernel/pick.h"

static bool has_lists(const struct tsr_selection *sel)
{
    for (int d = 0; d < sel->ndim; d++)
        if (sel->index[d]) return true;
    return false;
}

/* ---- points ---- */

/* Where a point lies in a block whose rows are not those of the grid's blocks. */
static int64_t point_at(const struct tsr_array *a, const struct tsr_points *p,
                        const struct overlap *o, int64_t key)
{
    int64_t first[TSR_MAX_NDIM], at[TSR_MAX_NDIM], off = 0;
    tsr_point_coords(p, &a->d->grid, o->key, first);
    tsr_point_coords(p, &a->d->grid, key, at);
    for (int d = 0; d < o->ndim; d++) off += (at[d] - first[d]) * o->blk_stride[d];
    return off;
}

static void move_points(const struct tsr_array *a, const struct tsr_selection *sel,
                        const struct overlap *o, uint8_t *block, bool out)
{
    const struct tsr_points *p = sel->points;
    int64_t item = a->d->grid.item_bytes;
    struct tsr_picks mem = {p->pos + o->point, 0, sel->stride[0]};
    struct tsr_picks blk = {p->key + o->point, o->key, o->one ? 0 : item};
    if (o->rows_differ && !o->one) {
        for (int64_t i = 0; i < o->npoints; i++) {
            uint8_t *m = sel->base + mem.index[i] * mem.stride;
            uint8_t *b = block + point_at(a, p, o, blk.index[i]);
            memcpy(out ? m : b, out ? b : m, (size_t)item);
        }
        return;
    }
    if (out) tsr_pick_items(sel->base, &mem, block, &blk, o->npoints, (size_t)item);
    else tsr_pick_items(block, &blk, sel->base, &mem, o->npoints, (size_t)item);
}

/* ---- boxes and lists ---- */

static void move_lists(const struct tsr_array *a, const struct tsr_selection *sel,
                       const struct overlap *o, uint8_t *block, bool out)
{
    struct tsr_pick_copy c = {
        .box = {.item_bytes = (size_t)a->d->grid.item_bytes, .ndim = o->ndim}};
    memcpy(c.box.count, o->count, (size_t)o->ndim * sizeof *c.box.count);
    memcpy(c.box.dst_stride, out ? o->mem_stride : o->blk_stride, sizeof o->mem_stride);
    memcpy(c.box.src_stride, out ? o->blk_stride : o->mem_stride, sizeof o->mem_stride);
    for (int d = 0; d < o->ndim; d++) {
        const int64_t *index = sel->index[d] ? sel->index[d] + o->at[d] : NULL;
        const int64_t *pos = sel->index[d] ? sel->pos[d] + o->at[d] : NULL;
        c.dst_index[d] = out ? pos : index;
        c.src_index[d] = out ? index : pos;
    }
    c.box.dst = out ? sel->base : block;
    c.box.src = out ? block : sel->base;
    c.dst_off = out ? o->mem : o->blk;
    c.src_off = out ? o->blk : o->mem;
    tsr_pick_copy(&c);
}

static void move_box(const struct tsr_array *a, const struct tsr_selection *sel,
                     const struct overlap *o, uint8_t *block, bool out)
{
    uint8_t *mem = sel->base + o->mem, *blk = block + o->blk;
    struct tsr_box_copy c = {.dst = out ? mem : blk,
                             .src = out ? blk : mem,
                             .item_bytes = (size_t)a->d->grid.item_bytes,
                             .ndim = o->ndim};
    c.stream = out && o->stream;
    memcpy(c.count, o->count, (size_t)o->ndim * sizeof *c.count);
    memcpy(c.dst_stride, out ? o->mem_stride : o->blk_stride, (size_t)o->ndim * sizeof *c.count);
    memcpy(c.src_stride, out ? o->blk_stride : o->mem_stride, (size_t)o->ndim * sizeof *c.count);
    tsr_box_copy(&c);
}

static void move(const struct tsr_array *a, const struct tsr_selection *sel,
                 const struct overlap *o, uint8_t *block, bool out)
{
    if (sel->points) move_points(a, sel, o, block, out);
    else if (has_lists(sel)) move_lists(a, sel, o, block, out);
    else move_box(a, sel, o, block, out);
}

/* ---- one by one ---- */

/* Where item i of what is wanted along dimension d lies, in bytes of the block. */
static int64_t item_at(const struct tsr_selection *sel, const struct overlap *o, int d, int64_t i)
{
    return (sel->index[d] ? sel->index[d][o->at[d] + i] : i) * o->blk_stride[d];
}

void tsr_overlap_each(const struct tsr_array *a, const struct tsr_selection *sel,
                      const struct overlap *o, uint8_t *block, void (*fn)(void *arg, uint8_t *item),
                      void *arg)
{
    int64_t i[TSR_MAX_NDIM] = {0}, off[TSR_MAX_NDIM + 1];
    const struct tsr_points *p = sel->points;
    int d = 0;
    for (int64_t k = 0; p && k < o->npoints; k++)
        fn(arg, block + (o->rows_differ ? point_at(a, p, o, p->key[o->point + k])
                                        : (p->key[o->point + k] - o->key) * a->d->grid.item_bytes));
    if (p) return;
    off[0] = o->blk;
    do {
        for (; d < o->ndim; d++) off[d + 1] = off[d] + item_at(sel, o, d, i[d]);
        fn(arg, block + off[d]);
        for (d--; d >= 0 && ++i[d] == o->count[d]; d--) i[d] = 0;
    } while (d >= 0);
}

void tsr_overlap_scatter(const struct tsr_array *a, const struct tsr_selection *sel,
                         const struct overlap *o, const uint8_t *block)
{
    move(a, sel, o, (uint8_t *)(uintptr_t)block, true);
}

void tsr_overlap_gather(const struct tsr_array *a, const struct tsr_selection *sel,
                        const struct overlap *o, uint8_t *block)
{
    move(a, sel, o, block, false);
}

int tsr_overlap_value(const struct tsr_array *a, const struct tsr_selection *sel,
                      const struct overlap *o, const struct tsr_place *p, uint8_t *item)
{
    struct overlap same = *o;
    int64_t one[TSR_MAX_NDIM];
    if (!sel->points && !has_lists(sel))
        return tsr_fill(a, p, sel->base + o->mem, o->count, o->mem_stride);
    for (int d = 0; d < o->ndim; d++) one[d] = 1, same.blk_stride[d] = 0;
    same.blk = 0;
    same.one = true;
    int rc = tsr_fill(a, p, item, one, same.blk_stride);
    if (rc == TSR_OK) tsr_overlap_scatter(a, sel, &same, item);
    return rc;
}
