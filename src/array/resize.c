/* SPDX-License-Identifier: BSD-3-Clause */
/* array/resize.c - arrays that grow and shrink.
 *
 * In a padded grid the chunks at the edge hold items beyond it.  A reader never shows them, but a
 * larger shape would: so what a shrink cuts off is zeroed before, for readers of the file that
 * do not look (blosc2.md 10.2), and what a growth uncovers is zeroed after, since the writer
 * before us may have left old items or a fill value there.  Of an array that this handle created
 * edges_clear may know that there is nothing.
 *
 *   |  chunk  |  chunk  |  ch:unk  |            : the edge, old or new
 *                           ^^^^^^^             cleared, where it is not zeros already
 */
#include "array/heap.h"
#include "base/mem.h"

/* Also brings the array up to date, so the shape is looked at after this. */
static int writable(tsr_array *a, const char *what)
{
    bool anew;
    int rc = tsr_engine_begin_documents(a, &anew);
    if (rc < 0) return rc;
    if (!a->d->writable) return tsr_fail(TSR_EDENIED, "%s: opened read-only", a->d->store->url);
    if (!a->d->format->resize)
        return tsr_fail(TSR_EUNSUPPORTED, "format %s: cannot %s", a->d->format->name, what);
    return TSR_OK;
}

static bool place_is_clear(const struct tsr_driver *d, const struct tsr_place *p)
{
    if (p->state != TSR_PLACE_VALUE || !p->value) return p->state == TSR_PLACE_VALUE && !d->fill;
    return p->value == d->fill || tsr_driver_is_fill(d, p->value, (size_t)p->value_bytes);
}

/* The same of items of variable length, which only their codecs could compare. */
static int clear_items(tsr_array *a, const tsr_slice *s)
{
    static const int64_t still[TSR_MAX_NDIM];
    struct tsr_item none = {0};
    struct tsr_selection sel;
    struct tsr_heap heap;
    if (a->d->fill) memcpy(&none, a->d->fill, sizeof none);
    int rc = tsr_selection_strided(&sel, &a->d->grid, s, &none, still);
    if (rc < 0) return rc;
    tsr_heap_init(&heap);
    sel.heap = &heap;
    rc = tsr_engine_write(a, &sel);
    tsr_heap_done(&heap);
    return rc;
}

/* Clears box, which lies inside the chunk of j; one that is clear costs no writing. */
static int clear_in_chunk(tsr_array *a, const struct tsr_box *box, struct chunk_job *j)
{
    const struct tsr_grid *g = &a->d->grid;
    size_t len = (size_t)g->item_bytes;
    int rc = tsr_job_settle(a, j);
    if (rc < 0 || place_is_clear(a->d, &j->place)) return rc;
    for (int d = 0; d < g->ndim; d++) len *= (size_t)box->count[d];
    tsr_slice s = {box->start, box->count, NULL};
    if (a->d->loose) return clear_items(a, &s);
    uint8_t *p = tsr_alloc(len);
    if (!p) return TSR_ENOMEM;
    rc = tsr_array_read(a, &s, p, len);
    if (rc == TSR_OK && !tsr_driver_is_fill(a->d, p, len)) {
        tsr_driver_fill(a->d, p, len);
        rc = tsr_array_write(a, &s, p, len);
    }
    tsr_free(p);
    return rc;
}

static int clear_box(tsr_array *a, const struct tsr_box *box)
{
    const struct tsr_grid *g = &a->d->grid;
    struct chunk_job j = {0};
    struct tsr_selection sel;
    struct tsr_walk w;
    int rc = tsr_selection_init(&sel, g, &(tsr_slice){box->start, box->count, NULL}, NULL);
    if (rc < 0 || sel.nitems == 0) return rc;
    for (tsr_walk_chunks(&w, g, &sel); !w.done && rc == TSR_OK; tsr_walk_next(&w)) {
        struct tsr_box part;
        for (int d = 0; d < g->ndim; d++) {
            int64_t lo, hi, end = box->start[d] + box->count[d];
            tsr_walk_chunk(&w, d, &lo, &hi);
            part.start[d] = tsr_max64(lo, box->start[d]);
            part.count[d] = tsr_min64(hi, end) - part.start[d];
        }
        tsr_job_begin(a, &j, tsr_grid_chunk_number(g, w.at));
        rc = clear_in_chunk(a, &part, &j);
    }
    tsr_job_let_go(a, &j);
    tsr_job_free(&j);
    return rc;
}

/* Clears what lies between two edges in dimension d, lo < hi, in the chunks that both shapes
 * have; the array has the larger of the two edges. */
static int clear_between(tsr_array *a, int d, int64_t lo, int64_t hi, const int64_t other[])
{
    const struct tsr_grid *g = &a->d->grid;
    struct tsr_box box = {.start = {0}};
    for (int i = 0; i < g->ndim; i++) {
        int64_t common = tsr_min64(g->shape[i], other[i]);
        int64_t len, end = 0;
        if (common) end = tsr_grid_side(g, i, tsr_grid_find(g, i, common - 1), &len) + len;
        box.count[i] = tsr_min64(end, g->shape[i]);
    }
    box.start[d] = lo;
    box.count[d] = tsr_min64(hi, box.count[d]) - lo;
    return box.count[d] > 0 ? clear_box(a, &box) : TSR_OK;
}

/* The way back after a failure, whose text stays. */
static void undo(tsr_array *a, const int64_t shape[])
{
    char text[TSR_ERROR_MAX];
    tsr_error_save(text);
    a->d->edges_clear = false; /* what was written beyond that shape stays there */
    tsr_engine_resize(a, shape);
    tsr_error_restore(text);
}

/* What was announced holds, though not all that is cut off may be cleared. */
static int shrink(tsr_array *a, const int64_t shape[])
{
    const struct tsr_grid *g = &a->d->grid;
    const struct tsr_format *f = a->d->format;
    char text[TSR_ERROR_MAX];
    int rc = f->announce ? f->announce(a->d, shape) : TSR_OK;
    bool shown = f->announce && rc == TSR_OK;
    for (int d = 0; d < g->ndim && rc == TSR_OK && g->padded; d++)
        if (shape[d] < g->shape[d]) rc = clear_between(a, d, shape[d], g->shape[d], shape);
    if (rc < 0 && !shown) return rc;
    if (rc == TSR_OK) return tsr_engine_resize(a, shape);
    tsr_error_save(text);
    a->d->edges_clear = false;
    tsr_engine_resize(a, shape);
    tsr_error_restore(text);
    return rc;
}

static int grow(tsr_array *a, const int64_t shape[])
{
    const struct tsr_grid *g = &a->d->grid;
    int64_t old[TSR_MAX_NDIM];
    memcpy(old, g->shape, sizeof old);
    int rc = tsr_engine_resize(a, shape);
    if (rc < 0) return rc;
    bool clear = !g->padded || a->d->edges_clear;
    for (int d = 0; d < g->ndim && rc == TSR_OK && !clear; d++)
        if (shape[d] > old[d]) rc = clear_between(a, d, old[d], shape[d], old);
    if (rc < 0) undo(a, old);
    return rc;
}

/* What a shrink takes cannot be given back, so it begins when nothing but memory and the device
 * can stop it, and a growth that fails after it leaves the smaller shape. */
static int resize(tsr_array *a, const int64_t shape[])
{
    const struct tsr_grid *g = &a->d->grid;
    int64_t least[TSR_MAX_NDIM];
    bool less = false, more = false;
    for (int d = 0; d < g->ndim; d++) {
        least[d] = tsr_min64(shape[d], g->shape[d]);
        less |= least[d] < g->shape[d];
        more |= least[d] < shape[d];
    }
    int rc = a->d->format->may_resize ? a->d->format->may_resize(a->d, shape) : TSR_OK;
    if (rc == TSR_OK && less) rc = shrink(a, least);
    return rc == TSR_OK && more ? grow(a, shape) : rc;
}

int tsr_array_resize(tsr_array *a, const int64_t *shape)
{
    int rc = writable(a, "be resized");
    const struct tsr_grid *g = &a->d->grid;
    for (int d = 0; d < g->ndim && rc == TSR_OK; d++) {
        if (shape[d] < 0)
            return tsr_fail(TSR_EARG, "shape[%d]: found %lld", d, (long long)shape[d]);
    }
    return rc < 0 ? rc : resize(a, shape);
}

int tsr_array_append(tsr_array *a, int axis, const void *src, size_t src_bytes)
{
    int rc = writable(a, "grow");
    if (rc == TSR_OK && a->d->loose) rc = tsr_heap_wanted(a, "write");
    if (rc < 0) return rc;
    const struct tsr_grid *g = &a->d->grid;
    int64_t shape[TSR_MAX_NDIM], start[TSR_MAX_NDIM] = {0}, slab = g->item_bytes;
    if (axis < 0 || axis >= g->ndim)
        return tsr_fail(TSR_EARG, "axis: found %d, the array has %d dimensions", axis, g->ndim);
    memcpy(shape, g->shape, sizeof shape);
    for (int d = 0; d < g->ndim; d++) slab *= d == axis ? 1 : shape[d];
    if (slab == 0)
        return tsr_fail(TSR_EARG, "append along axis %d: another axis is 0 long, resize it first",
                        axis);
    if (src_bytes % (size_t)slab)
        return tsr_fail(TSR_EARG, "append of %zu bytes, expected a multiple of %lld", src_bytes,
                        (long long)slab);
    int64_t n = (int64_t)(src_bytes / (size_t)slab);
    start[axis] = shape[axis];
    if (!tsr_add(shape[axis], n, &shape[axis])) return tsr_fail(TSR_EARG, "shape overflows");
    if (n == 0) return TSR_OK;
    if ((rc = tsr_engine_resize(a, shape)) < 0) return rc;
    rc = tsr_array_write(a, &(tsr_slice){start, NULL, NULL}, src, src_bytes);
    shape[axis] -= n;
    if (rc < 0) undo(a, shape); /* as if nothing had happened */
    return rc;
}
