/* SPDX-License-Identifier: BSD-3-Clause */
/* array/overlap.c - where a block and a selection meet, and filling with one value. */
#include "array/array.h"
#include "base/mem.h"

void tsr_job_block_box(const struct tsr_array *a, const struct chunk_job *j, int32_t b,
                       struct block_box *box)
{
    const struct tsr_grid *g = &a->d->grid;
    int64_t n = b;
    for (int d = g->ndim - 1; d >= 0; d--) {
        int64_t at = n % j->nblock[d];
        n /= j->nblock[d];
        box->lo[d] = j->box.start[d] + at * j->block[d];
        box->hi[d] = tsr_min64(box->lo[d] + j->block[d], j->box.start[d] + j->box.count[d]);
        box->extent[d] = g->padded ? j->block[d] : box->hi[d] - box->lo[d];
    }
}

/* A result of this size is out of the caches again before anybody looks at it. */
enum { STREAM_BYTES = 16 << 20 };

/* Keys follow the rows of the grid's blocks: does the box, in one block? */
static bool has_rows_of_block(const struct tsr_grid *g, const struct block_box *box)
{
    bool same = g->ndim < 2 || box->hi[0] - box->lo[0] <= g->block[0];
    for (int d = 1; d < g->ndim; d++) same = same && box->extent[d] == g->block[d];
    return same;
}

static bool overlap_points(const struct tsr_array *a, const struct tsr_points *p,
                           const struct block_box *box, struct overlap *o)
{
    const struct tsr_grid *g = &a->d->grid;
    int64_t last[TSR_MAX_NDIM], stride = g->item_bytes;
    for (int d = g->ndim - 1; d >= 0; d--) {
        last[d] = box->hi[d] - 1;
        o->blk_stride[d] = stride;
        stride *= box->extent[d];
    }
    o->whole = o->one = o->stream = false;
    o->key = tsr_point_key(p, g, box->lo);
    o->point = tsr_points_find(p, 0, o->key);
    o->npoints = tsr_points_find(p, o->point, tsr_point_key(p, g, last) + 1) - o->point;
    o->rows_differ = !has_rows_of_block(g, box);
    o->bytes = o->end = stride;
    if (o->npoints && !o->rows_differ)
        o->end = (p->key[o->point + o->npoints - 1] - o->key + 1) * g->item_bytes;
    return o->npoints > 0;
}

bool tsr_overlap(const struct tsr_array *a, const struct tsr_selection *sel,
                 const struct block_box *box, struct overlap *o)
{
    int64_t stride = a->d->grid.item_bytes, first;
    o->ndim = sel->ndim;
    o->mem = o->blk = 0;
    if (sel->points) return overlap_points(a, sel->points, box, o);
    o->end = stride;
    o->whole = true;
    o->one = false;
    o->stream = sel->nitems >= STREAM_BYTES / a->d->grid.item_bytes;
    for (int d = sel->ndim - 1; d >= 0; d--) {
        int64_t n = tsr_selection_within(sel, d, box->lo[d], box->hi[d], &first);
        if (n <= 0) return false;
        o->at[d] = first;
        o->count[d] = n;
        o->mem_stride[d] = sel->stride[d];
        o->blk_stride[d] = stride * sel->step[d];
        o->end += (tsr_selection_at(sel, d, first + n - 1) - box->lo[d]) * stride;
        if (sel->index[d]) {
            o->blk -= box->lo[d] * stride;
            o->whole = false;
        } else {
            o->mem += first * sel->stride[d];
            o->blk += (sel->start[d] + first * sel->step[d] - box->lo[d]) * stride;
        }
        if (n != box->extent[d] || (n > 1 && (sel->step[d] != 1 || sel->stride[d] != stride)))
            o->whole = false;
        stride *= box->extent[d];
    }
    o->bytes = stride;
    return true;
}

/* Items of one repeated byte are rows of bytes: an extra dimension lets the copy merge them. */
static void fill_bytes(const struct tsr_grid *g, uint8_t byte, uint8_t *mem, const int64_t count[],
                       const int64_t stride[])
{
    struct tsr_box_copy c = {.dst = mem, .src = &byte, .item_bytes = 1, .ndim = g->ndim + 1};
    for (int d = 0; d < g->ndim; d++) c.count[d] = count[d], c.dst_stride[d] = stride[d];
    c.count[g->ndim] = g->item_bytes;
    c.dst_stride[g->ndim] = 1;
    tsr_box_copy(&c);
}

int tsr_fill(const struct tsr_array *a, const struct tsr_place *p, uint8_t *mem,
             const int64_t count[], const int64_t stride[])
{
    const struct tsr_grid *g = &a->d->grid;
    bool bytes = !p->value || p->value_bytes == 1;
    if (bytes && g->ndim < TSR_MAX_NDIM) {
        fill_bytes(g, p->value ? p->value[0] : 0, mem, count, stride);
        return TSR_OK;
    }
    uint8_t few[64], *item = few;
    if (g->item_bytes > (int64_t)sizeof few && !(item = tsr_alloc((size_t)g->item_bytes)))
        return TSR_ENOMEM;
    for (int64_t i = 0; i < g->item_bytes; i++)
        item[i] = p->value ? p->value[i % p->value_bytes] : 0;
    struct tsr_box_copy c = {.dst = mem,
                             .src = item,
                             .item_bytes = (size_t)g->item_bytes,
                             .ndim = g->ndim};
    for (int d = 0; d < g->ndim; d++) c.count[d] = count[d], c.dst_stride[d] = stride[d];
    tsr_box_copy(&c);
    if (item != few) tsr_free(item);
    return TSR_OK;
}
