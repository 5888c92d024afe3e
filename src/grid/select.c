/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/select.c - selections, and walking the cells they touch.
 *
 * A walk is an odometer over cells.  With a step larger than a cell some cells between the
 * first and the last hold no selected item; each dimension skips those on its own, since a
 * cell is touched exactly when every dimension's interval holds a selected index. */
#include "grid/grid.h"

/* Strides over memory in C order, all 0 where nothing is selected: the other dimensions may be of
 * any size then. */
static int lay_out(struct tsr_selection *s, int64_t stride)
{
    s->nitems = 1;
    for (int d = 0; d < s->ndim; d++)
        if (s->count[d] == 0) s->nitems = stride = 0;
    for (int d = s->ndim - 1; d >= 0; d--) {
        int64_t n = s->count[d], step = s->step[d];
        s->stride[d] = stride;
        if (step < 0 && n > 0) {
            if (s->base) s->base += (n - 1) * stride;
            s->start[d] += (n - 1) * step;
            s->step[d] = -step;
            s->stride[d] = -stride;
        }
        if (!tsr_mul(stride, n, &stride) || !tsr_mul(s->nitems, n, &s->nitems))
            return tsr_fail(TSR_EARG, "slice: its size overflows 64 bits");
    }
    return TSR_OK;
}

int tsr_selection_init(struct tsr_selection *s, const struct tsr_grid *g, const tsr_slice *slice,
                       const void *base)
{
    s->ndim = g->ndim;
    s->base = (uint8_t *)(uintptr_t)base;
    for (int d = g->ndim - 1; d >= 0; d--) {
        int64_t start = slice && slice->start ? slice->start[d] : 0;
        int64_t step = slice && slice->step ? slice->step[d] : 1;
        int64_t n = slice && slice->count ? slice->count[d] : -1, last;
        if (step == 0 || step == INT64_MIN)
            return tsr_fail(TSR_EARG, "slice dimension %d: step is %lld", d, (long long)step);
        if (n < 0 && slice && slice->count)
            return tsr_fail(TSR_EARG, "slice dimension %d: count %lld", d, (long long)n);
        if (n < 0 && start >= 0) /* to the end */
            n = step < 0              ? start / -step + 1
                : start < g->shape[d] ? (g->shape[d] - 1 - start) / step + 1
                                      : 0;
        if (start < 0 || (n == 0 ? start > g->shape[d] : start >= g->shape[d]) ||
            (n > 0 && (!tsr_mul(n - 1, step, &last) || !tsr_add(last, start, &last) || last < 0 ||
                       last >= g->shape[d])))
            return tsr_fail(TSR_EARG,
                            "slice dimension %d: start %lld, count %lld, step %lld does not lie "
                            "in 0..%lld",
                            d, (long long)start, (long long)n, (long long)step,
                            (long long)g->shape[d] - 1);
        s->start[d] = start;
        s->count[d] = n;
        s->step[d] = step;
    }
    return lay_out(s, g->item_bytes);
}

bool tsr_selection_covers(const struct tsr_selection *s, const struct tsr_box *box)
{
    for (int d = 0; d < s->ndim; d++)
        if ((s->step[d] != 1 && box->count[d] > 1) || box->start[d] < s->start[d] ||
            box->start[d] + box->count[d] > s->start[d] + (s->count[d] - 1) * s->step[d] + 1)
            return false;
    /* one-item boxes under a step: the item must be a selected one */
    for (int d = 0; d < s->ndim; d++)
        if (s->step[d] != 1 && (box->start[d] - s->start[d]) % s->step[d] != 0) return false;
    return true;
}

static bool touched(const struct tsr_walk *w, int d, int64_t cell)
{
    int64_t first, lo = w->origin[d] + cell * w->cell[d];
    return w->sel->step[d] == 1 ||
           tsr_selection_within(w->sel, d, lo, tsr_min64(lo + w->cell[d], w->end[d]), &first) > 0;
}

static void begin(struct tsr_walk *w, const struct tsr_selection *s)
{
    w->ndim = s->ndim;
    w->sel = s;
    w->done = s->nitems == 0;
    if (w->done) return;
    for (int d = 0; d < w->ndim; d++) {
        while (w->lo[d] <= w->hi[d] && !touched(w, d, w->lo[d])) w->lo[d]++;
        w->at[d] = w->lo[d];
        if (w->lo[d] > w->hi[d]) w->done = true;
    }
}

static int64_t last_index(const struct tsr_selection *s, int d)
{
    return s->start[d] + (s->count[d] - 1) * s->step[d];
}

void tsr_walk_chunks(struct tsr_walk *w, const struct tsr_grid *g, const struct tsr_selection *s)
{
    for (int d = 0; d < g->ndim && s->nitems; d++) {
        w->cell[d] = g->chunk[d];
        w->origin[d] = 0;
        w->end[d] = g->shape[d];
        w->lo[d] = s->start[d] / g->chunk[d];
        w->hi[d] = last_index(s, d) / g->chunk[d];
    }
    begin(w, s);
}

void tsr_walk_blocks(struct tsr_walk *w, const struct tsr_grid *g, const struct tsr_selection *s,
                     const int64_t chunk_coords[], const int64_t block[])
{
    for (int d = 0; d < g->ndim && s->nitems; d++) {
        int64_t origin = chunk_coords[d] * g->chunk[d];
        int64_t end = tsr_min64(origin + g->chunk[d], g->shape[d]);
        w->cell[d] = block[d];
        w->origin[d] = origin;
        w->end[d] = end;
        w->lo[d] = tsr_max64(s->start[d] - origin, 0) / block[d];
        w->hi[d] = (tsr_min64(last_index(s, d), end - 1) - origin) / block[d];
    }
    begin(w, s);
}

void tsr_walk_next(struct tsr_walk *w)
{
    for (int d = w->ndim - 1; d >= 0; d--) {
        do w->at[d]++;
        while (w->at[d] <= w->hi[d] && !touched(w, d, w->at[d]));
        if (w->at[d] <= w->hi[d]) return;
        w->at[d] = w->lo[d];
    }
    w->done = true;
}

void tsr_walk_seek(struct tsr_walk *w, const struct tsr_grid *g, int64_t n)
{
    int64_t to[TSR_MAX_NDIM];
    int d = 0;
    if (n >= g->nchunks) {
        w->done = true;
        return;
    }
    tsr_grid_chunk_coords(g, n, to);
    while (d < w->ndim && to[d] >= w->lo[d] && to[d] <= w->hi[d] && touched(w, d, to[d])) {
        w->at[d] = to[d];
        d++;
    }
    if (d == w->ndim) return;
    /* Before the cells: their first.  Behind or between them: the next after all that begin so. */
    bool before = to[d] < w->lo[d];
    if (!before) w->at[d] = tsr_min64(to[d], w->hi[d]);
    for (int i = before ? d : d + 1; i < w->ndim; i++) w->at[i] = before ? w->lo[i] : w->hi[i];
    if (!before) tsr_walk_next(w);
}
