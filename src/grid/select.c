/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/select.c - selections, and walking the cells they touch.
 *
 * A walk is an odometer over cells.  With a step larger than a cell some cells between the
 * first and the last hold no selected item; each dimension skips those on its own, since a
 * cell is touched exactly when every dimension's interval holds a selected index. */
#include "grid/grid.h"

#include "base/mem.h"

/* Strides over memory, those given or in C order, all 0 where nothing is selected: the other
 * dimensions may be of any size then. */
static int lay_out(struct tsr_selection *s, int64_t item, const int64_t *given)
{
    s->nitems = 1;
    for (int d = 0; d < s->ndim; d++)
        if (s->count[d] == 0) s->nitems = item = 0;
    for (int d = s->ndim - 1; d >= 0; d--) {
        int64_t n = s->count[d], step = s->step[d];
        int64_t stride = given && s->nitems ? given[d] : item;
        s->stride[d] = stride;
        if (step < 0 && n > 0) {
            if (s->base) s->base += (n - 1) * stride;
            s->start[d] += (n - 1) * step;
            s->step[d] = -step;
            s->stride[d] = -stride;
        }
        if (!tsr_mul(item, n, &item) || !tsr_mul(s->nitems, n, &s->nitems))
            return tsr_fail(TSR_EARG, "slice: its size overflows 64 bits");
    }
    return TSR_OK;
}

static int check_axis(struct tsr_selection *s, int d, int64_t shape, const tsr_axis *x)
{
    int64_t start = x->start, n = x->count, step = x->step, last;
    if (step == 0 || step == INT64_MIN)
        return tsr_fail(TSR_EARG, "slice dimension %d: step is %lld", d, (long long)step);
    if (n < 0) return tsr_fail(TSR_EARG, "slice dimension %d: count %lld", d, (long long)n);
    if (start < 0 || (n == 0 ? start > shape : start >= shape) ||
        (n > 0 && (!tsr_mul(n - 1, step, &last) || !tsr_add(last, start, &last) || last < 0 ||
                   last >= shape)))
        return tsr_fail(TSR_EARG,
                        "slice dimension %d: start %lld, count %lld, step %lld does not lie "
                        "in 0..%lld",
                        d, (long long)start, (long long)n, (long long)step, (long long)shape - 1);
    s->start[d] = start;
    s->count[d] = n;
    s->step[d] = step;
    s->index[d] = s->pos[d] = NULL;
    return TSR_OK;
}

/* How many items there are to the end. */
static int64_t to_the_end(int64_t start, int64_t step, int64_t shape)
{
    if (start < 0 || step == 0 || step == INT64_MIN) return 0; /* an error, found elsewhere */
    if (step < 0) return start / -step + 1;
    return start < shape ? (shape - 1 - start) / step + 1 : 0;
}

int tsr_selection_strided(struct tsr_selection *s, const struct tsr_grid *g, const tsr_slice *slice,
                          const void *base, const int64_t *stride)
{
    s->ndim = g->ndim;
    s->base = (uint8_t *)(uintptr_t)base;
    s->points = NULL;
    s->heap = NULL;
    for (int d = g->ndim - 1; d >= 0; d--) {
        tsr_axis x = {.start = slice && slice->start ? slice->start[d] : 0,
                      .step = slice && slice->step ? slice->step[d] : 1};
        x.count =
            slice && slice->count ? slice->count[d] : to_the_end(x.start, x.step, g->shape[d]);
        int rc = check_axis(s, d, g->shape[d], &x);
        if (rc < 0) return rc;
    }
    return lay_out(s, g->item_bytes, stride);
}

int tsr_selection_init(struct tsr_selection *s, const struct tsr_grid *g, const tsr_slice *slice,
                       const void *base)
{
    return tsr_selection_strided(s, g, slice, base, NULL);
}

/* ---- lists of indices ---- */

static int check_list(int d, int64_t shape, const tsr_axis *x)
{
    if (x->count < 0) return tsr_fail(TSR_EARG, "axis %d: count %lld", d, (long long)x->count);
    for (int64_t i = 0; i < x->count; i++)
        if (x->index[i] < 0 || x->index[i] >= shape)
            return tsr_fail(TSR_EARG, "axis %d: index %lld does not lie in 0..%lld", d,
                            (long long)x->index[i], (long long)shape - 1);
    return TSR_OK;
}

/* Of an index that is there more than once only the last one stays. */
static int64_t keep_last(int64_t *index, int64_t *pos, int64_t n)
{
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i + 1 < n && index[i + 1] == index[i]) continue;
        index[k] = index[i];
        pos[k++] = pos[i];
    }
    return k;
}

static int take_list(struct tsr_selection *s, int d, const tsr_axis *x)
{
    size_t n = (size_t)x->count;
    s->start[d] = 0;
    s->step[d] = 1;
    s->count[d] = x->count;
    s->index[d] = tsr_alloc_array(n + 1, sizeof *s->index[d]);
    s->pos[d] = tsr_alloc_array(n + 1, sizeof *s->pos[d]);
    if (!s->index[d] || !s->pos[d]) return TSR_ENOMEM;
    int rc = tsr_order(x->index, x->count, s->pos[d]);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) s->index[d][i] = x->index[s->pos[d][i]];
    return rc;
}

int tsr_selection_axes(struct tsr_selection *s, const struct tsr_grid *g, const tsr_axis *axes,
                       const void *base, const int64_t *stride, bool last)
{
    int rc = TSR_OK;
    *s = (struct tsr_selection){.ndim = g->ndim, .base = (uint8_t *)(uintptr_t)base};
    for (int d = 0; d < g->ndim && rc == TSR_OK; d++) {
        const tsr_axis *x = &axes[d];
        rc = x->index ? check_list(d, g->shape[d], x) : check_axis(s, d, g->shape[d], x);
        if (rc == TSR_OK && x->index) rc = take_list(s, d, x);
    }
    if (rc == TSR_OK) rc = lay_out(s, g->item_bytes, stride);
    for (int d = 0; d < g->ndim && last && rc == TSR_OK; d++)
        if (s->index[d]) s->count[d] = keep_last(s->index[d], s->pos[d], s->count[d]);
    if (rc < 0) tsr_selection_done(s);
    return rc;
}

void tsr_selection_done(struct tsr_selection *s)
{
    for (int d = 0; d < s->ndim; d++) {
        tsr_free(s->index[d]);
        tsr_free(s->pos[d]);
        s->index[d] = s->pos[d] = NULL;
    }
}

/* ---- cells ---- */

bool tsr_selection_covers(const struct tsr_selection *s, const struct tsr_box *box)
{
    int64_t first;
    if (s->points) return false;
    for (int d = 0; d < s->ndim; d++) {
        int64_t lo = box->start[d], n = box->count[d];
        if (tsr_selection_within(s, d, lo, lo + n, &first) < n) return false;
    }
    return true;
}

/* The first cell from `cell` on, which is not past hi[d], that holds an item; past hi[d]: none. */
static int64_t seek_touched(const struct tsr_walk *w, int d, int64_t cell)
{
    const struct tsr_selection *s = w->sel;
    int64_t first, len, lo = w->origin[d] + cell * w->cell[d];
    if (w->uneven) lo = tsr_grid_side(w->uneven, d, cell, &len);
    if (tsr_selection_within(s, d, lo, w->end[d], &first) == 0) return w->hi[d] + 1;
    int64_t at = tsr_selection_at(s, d, first);
    return w->uneven ? tsr_grid_find(w->uneven, d, at) : (at - w->origin[d]) / w->cell[d];
}

/* The first cell from `cell` on along d that holds a selected item; past hi[d]: none. */
static inline int64_t next_touched(const struct tsr_walk *w, int d, int64_t cell)
{
    const struct tsr_selection *s = w->sel;
    if (cell > w->hi[d] || (s->step[d] == 1 && !s->index[d])) return cell;
    return seek_touched(w, d, cell);
}

static void begin(struct tsr_walk *w, const struct tsr_selection *s)
{
    w->ndim = s->ndim;
    w->sel = s;
    w->done = s->nitems == 0;
    if (w->done) return;
    for (int d = 0; d < w->ndim; d++) {
        w->at[d] = w->lo[d] = next_touched(w, d, w->lo[d]);
        if (w->lo[d] > w->hi[d]) w->done = true;
    }
}

static int64_t last_index(const struct tsr_selection *s, int d)
{
    return tsr_selection_at(s, d, s->count[d] - 1);
}

/* ---- points: the cells that hold one, one after the other ---- */

/* Takes the points of the cell that point is in. */
static void take_cell(struct tsr_walk *w)
{
    const struct tsr_points *p = w->sel->points;
    w->done = w->point == w->last_point;
    if (w->done) return;
    int64_t cell = (p->key[w->point] - w->key) / w->cell_keys;
    /* the last cell of a row may be cut: behind it begins the next chunk */
    int64_t end = tsr_points_find(p, w->point, w->key + (cell + 1) * w->cell_keys);
    w->point_end = tsr_min64(end, w->last_point);
    for (int d = w->ndim - 1; d >= 0; d--) {
        w->at[d] = cell % w->ncell[d];
        cell /= w->ncell[d];
    }
}

/* The points with keys from w->key on, `keys` of them, in cells of cell_keys. */
static void walk_points(struct tsr_walk *w, const struct tsr_selection *s, int64_t keys)
{
    w->ndim = s->ndim;
    w->sel = s;
    w->point = tsr_points_find(s->points, 0, w->key);
    w->last_point = tsr_points_find(s->points, w->point, w->key + keys);
    take_cell(w);
}

void tsr_walk_chunks(struct tsr_walk *w, const struct tsr_grid *g, const struct tsr_selection *s)
{
    if (s->points) {
        memcpy(w->ncell, g->nchunk, sizeof g->nchunk);
        w->cell_keys = s->points->chunk_items;
        w->key = 0;
        walk_points(w, s, INT64_MAX);
        return;
    }
    w->uneven = g->uneven ? g : NULL;
    for (int d = 0; d < g->ndim && s->nitems; d++) {
        w->cell[d] = g->chunk[d];
        w->origin[d] = 0;
        w->end[d] = g->shape[d];
        w->lo[d] = s->start[d] / g->chunk[d];
        w->hi[d] = last_index(s, d) / g->chunk[d];
    }
    for (int d = 0; w->uneven && d < g->ndim && s->nitems; d++) {
        w->lo[d] = tsr_grid_find(g, d, s->start[d]);
        w->hi[d] = tsr_grid_find(g, d, last_index(s, d));
    }
    begin(w, s);
}

/* Where the chunk at coords begins, and where it ends or is cut. */
static void take_chunk(struct tsr_walk *w, const struct tsr_grid *g, const int64_t coords[])
{
    for (int d = 0; d < g->ndim; d++) {
        w->origin[d] = coords[d] * g->chunk[d];
        w->end[d] = tsr_min64(w->origin[d] + g->chunk[d], g->shape[d]);
    }
    for (int d = 0; g->uneven && d < g->ndim; d++) {
        int64_t len;
        w->origin[d] = tsr_grid_side(g, d, coords[d], &len);
        w->end[d] = tsr_min64(w->origin[d] + len, g->shape[d]);
    }
}

void tsr_walk_blocks(struct tsr_walk *w, const struct tsr_grid *g, const struct tsr_selection *s,
                     const int64_t chunk_coords[], const int64_t block[])
{
    if (s->points) {
        w->cell_keys = 1;
        for (int d = 0; d < g->ndim; d++) { /* keys are those of the largest chunk and block */
            int64_t b = g->run[d] ? g->block[d] : block[d];
            w->ncell[d] = tsr_ceil_div(g->chunk[d], b);
            w->cell_keys *= b;
        }
        w->key = tsr_grid_chunk_number(g, chunk_coords) * s->points->chunk_items;
        walk_points(w, s, s->points->chunk_items);
        return;
    }
    w->uneven = NULL;
    take_chunk(w, g, chunk_coords);
    for (int d = 0; d < g->ndim && s->nitems; d++) {
        int64_t origin = w->origin[d], end = w->end[d];
        w->cell[d] = block[d];
        w->lo[d] = tsr_max64(s->start[d] - origin, 0) / block[d];
        w->hi[d] = (tsr_min64(last_index(s, d), end - 1) - origin) / block[d];
    }
    begin(w, s);
}

void tsr_walk_next(struct tsr_walk *w)
{
    if (w->sel->points) {
        w->point = w->point_end;
        take_cell(w);
        return;
    }
    for (int d = w->ndim - 1; d >= 0; d--) {
        w->at[d] = next_touched(w, d, w->at[d] + 1);
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
    while (d < w->ndim && to[d] >= w->lo[d] && to[d] <= w->hi[d] &&
           next_touched(w, d, to[d]) == to[d]) {
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
