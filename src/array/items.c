/* SPDX-License-Identifier: BSD-3-Clause */
/* array/items.c - reading and writing items of variable length: the public face.
 *
 *   read    blocks -> struct tsr_item where the selection wants them, bytes in a heap -> in a row
 *   write   struct tsr_item of the caller's bytes -> blocks */
#include "array/heap.h"
#include "base/mem.h"
#include "text/doc.h"

static int check(const tsr_array *a, const tsr_items *items)
{
    if (!a) return tsr_fail(TSR_EARG, "no array");
    if (!items || !items->size)
        return tsr_fail(TSR_EARG, items ? "tsr_items.size is 0, expected its size" : "no items");
    if (a->d->loose) return TSR_OK;
    return tsr_fail(TSR_EARG, "dtype %s: items of a fixed size: use tsr_array_read or _write",
                    a->d->spec.dtype);
}

/* What is selected, in one of three ways. */
struct which {
    const tsr_slice *slice;
    const tsr_axis *axes; /* NULL: the slice, or points */
    const int64_t *coords;
    int64_t n; /* of them; -1: none */
};

static const int64_t no_coords[1]; /* of arrays without dimensions */

static int check_points(const tsr_array *a, struct which *w)
{
    if (w->n < 0) return tsr_fail(TSR_EARG, "%lld points", (long long)w->n);
    if (!w->coords && a->d->grid.ndim && w->n) return tsr_fail(TSR_EARG, "no coordinates");
    if (!w->coords) w->coords = no_coords;
    return TSR_OK;
}

/* stride NULL: C order.  Points are sorted by who uses them. */
static int select_items(const tsr_array *a, const struct which *w, struct tsr_item *mem,
                        const int64_t *stride, bool last, struct tsr_selection *sel)
{
    const struct tsr_grid *g = &a->d->grid;
    if (w->n < 0 && w->axes) return tsr_selection_axes(sel, g, w->axes, mem, stride, last);
    if (w->n < 0) return tsr_selection_strided(sel, g, w->slice, mem, stride);
    *sel = (struct tsr_selection){.ndim = g->ndim, .base = (uint8_t *)mem, .nitems = w->n};
    sel->stride[0] = stride ? 0 : g->item_bytes;
    return TSR_OK;
}

/* How many are selected. */
static int count_items(const tsr_array *a, const struct which *w, int64_t *n)
{
    struct tsr_selection sel;
    int rc = select_items(a, w, NULL, NULL, false, &sel);
    if (rc < 0) return rc;
    *n = sel.nitems;
    if (w->axes) tsr_selection_done(&sel);
    return TSR_OK;
}

/* ---- reading ---- */

static int join(const struct tsr_item *item, int64_t n, tsr_items *out)
{
    size_t total = 0;
    uint64_t *offsets = tsr_alloc_array((size_t)n + 1, sizeof *offsets);
    if (!offsets) return TSR_ENOMEM;
    for (int64_t i = 0; i < n; i++) {
        offsets[i] = total;
        if (!tsr_add(total, item[i].len, &total)) total = SIZE_MAX;
    }
    offsets[n] = total;
    uint8_t *bytes = total < SIZE_MAX / 2 ? tsr_alloc(total + 1) : tsr_alloc(SIZE_MAX);
    if (!bytes) {
        tsr_free(offsets);
        return TSR_ENOMEM;
    }
    for (int64_t i = 0; i < n; i++)
        if (item[i].len) memcpy(bytes + offsets[i], item[i].p, item[i].len);
    *out = (tsr_items){sizeof *out, n, offsets, bytes};
    return TSR_OK;
}

static int read_to(const tsr_array *a, const struct which *w, struct tsr_item *item,
                   struct tsr_heap *heap)
{
    struct tsr_selection sel;
    int rc = select_items(a, w, item, NULL, false, &sel);
    if (rc < 0) return rc;
    sel.heap = heap;
    rc = w->n < 0 ? tsr_engine_read(a, &sel) : tsr_engine_read_points(a, &sel, w->coords);
    if (w->axes) tsr_selection_done(&sel);
    return rc;
}

static int read_items(const tsr_array *a, struct which w, tsr_items *out)
{
    tsr_items made;
    struct tsr_heap heap;
    int64_t n = w.n;
    int rc = check(a, out);
    if (rc == TSR_OK && w.n != -1) rc = check_points(a, &w);
    if (rc == TSR_OK && w.n < 0) rc = count_items(a, &w, &n);
    if (rc < 0) return rc;
    struct tsr_item *item = tsr_alloc_array((size_t)n + 1, sizeof *item);
    if (!item) return TSR_ENOMEM;
    tsr_heap_init(&heap);
    rc = read_to(a, &w, item, &heap);
    if (rc == TSR_OK) rc = join(item, n, &made);
    tsr_heap_done(&heap);
    tsr_free(item);
    return rc < 0 ? rc : tsr_hand_out(out, &made, sizeof made, "tsr_items");
}

int tsr_array_read_items(const tsr_array *a, const tsr_slice *s, tsr_items *out)
{
    return read_items(a, (struct which){.slice = s, .n = -1}, out);
}

int tsr_array_read_items_orthogonal(const tsr_array *a, const tsr_axis *axes, tsr_items *out)
{
    if (a && !axes && a->d->grid.ndim) return tsr_fail(TSR_EARG, "no axes");
    return read_items(a, (struct which){.axes = axes, .n = -1}, out);
}

int tsr_array_read_items_points(const tsr_array *a, int64_t n, const int64_t *coords,
                                tsr_items *out)
{
    if (n < 0) return tsr_fail(TSR_EARG, "%lld points", (long long)n);
    return read_items(a, (struct which){.coords = coords, .n = n}, out);
}

void tsr_items_free(tsr_items *items)
{
    if (!items) return;
    tsr_free((uint64_t *)(uintptr_t)items->offsets);
    tsr_free((uint8_t *)(uintptr_t)items->bytes);
    *items = (tsr_items){.size = items->size};
}

/* ---- writing ---- */

static int split(const tsr_array *a, const tsr_items *items, struct tsr_item *item)
{
    const uint8_t *p = items->bytes;
    bool text = strcmp(a->d->spec.dtype, "string") == 0;
    for (int64_t i = 0; i < items->n; i++) {
        uint64_t lo = items->offsets[i], hi = items->offsets[i + 1];
        if (hi < lo || hi > SIZE_MAX || (hi > lo && !p))
            return tsr_fail(TSR_EARG, "item %lld: found offsets %llu and %llu%s", (long long)i,
                            (unsigned long long)lo, (unsigned long long)hi, p ? "" : ", no bytes");
        if (hi - lo > UINT32_MAX)
            return tsr_fail(TSR_EARG, "item %lld: found %llu bytes, expected fewer than 2^32",
                            (long long)i, (unsigned long long)(hi - lo));
        item[i] = (struct tsr_item){hi > lo ? p + lo : NULL, (size_t)(hi - lo)};
        if (text && !tsr_utf8_valid((const char *)item[i].p, item[i].len))
            return tsr_fail(TSR_EARG, "item %lld is not UTF-8", (long long)i);
    }
    return TSR_OK;
}

static int write_from(tsr_array *a, const struct which *w, struct tsr_item *item, bool same)
{
    static const int64_t still[TSR_MAX_NDIM];
    struct tsr_selection sel;
    struct tsr_points p;
    struct tsr_heap heap;
    int rc = select_items(a, w, item, same ? still : NULL, true, &sel);
    if (rc == TSR_OK && w->n >= 0) rc = tsr_points_init(&p, &a->d->grid, w->n, w->coords);
    if (rc < 0) return rc;
    tsr_heap_init(&heap);
    sel.heap = &heap;
    if (w->n >= 0) sel.points = &p;
    rc = tsr_engine_write(a, &sel);
    tsr_heap_done(&heap);
    if (w->n >= 0) tsr_points_done(&p);
    if (w->axes) tsr_selection_done(&sel);
    return rc;
}

static int write_items(tsr_array *a, struct which w, const tsr_items *items)
{
    int64_t n = w.n;
    bool anew;
    int rc = check(a, items);
    if (rc == TSR_OK && (items->n < 0 || (items->n && !items->offsets)))
        rc = tsr_fail(TSR_EARG, "%lld items without offsets", (long long)items->n);
    if (rc == TSR_OK) rc = tsr_engine_begin(a, &anew);
    if (rc == TSR_OK && w.n != -1) rc = check_points(a, &w);
    if (rc == TSR_OK && w.n < 0) rc = count_items(a, &w, &n);
    if (rc == TSR_OK && items->n != n && items->n != 1)
        rc = tsr_fail(TSR_EARG, "%lld items for a selection of %lld", (long long)items->n,
                      (long long)n);
    if (rc < 0) return rc;
    struct tsr_item *item = tsr_alloc_array((size_t)items->n + 1, sizeof *item);
    rc = item ? split(a, items, item) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = write_from(a, &w, item, items->n != n);
    tsr_free(item);
    return rc;
}

int tsr_array_write_items(tsr_array *a, const tsr_slice *s, const tsr_items *items)
{
    return write_items(a, (struct which){.slice = s, .n = -1}, items);
}

int tsr_array_write_items_orthogonal(tsr_array *a, const tsr_axis *axes, const tsr_items *items)
{
    if (a && !axes && a->d->grid.ndim) return tsr_fail(TSR_EARG, "no axes");
    return write_items(a, (struct which){.axes = axes, .n = -1}, items);
}

int tsr_array_write_items_points(tsr_array *a, int64_t n, const int64_t *coords,
                                 const tsr_items *items)
{
    if (n < 0) return tsr_fail(TSR_EARG, "%lld points", (long long)n);
    return write_items(a, (struct which){.coords = coords, .n = n}, items);
}
