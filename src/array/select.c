/* SPDX-License-Identifier: BSD-3-Clause */
/* array/select.c - the public face of selections that are more than a box in C order: strided
 * memory, one item for all, lists of indices, points. */
#include "array/array.h"

static int check(const tsr_array *a, const void *mem, bool needed, const char *what)
{
    if (!a) return tsr_fail(TSR_EARG, "no array");
    return mem || !needed ? TSR_OK : tsr_fail(TSR_EARG, "no %s", what);
}

static int begin(tsr_array *a)
{
    bool anew;
    return a ? tsr_engine_begin(a, &anew) : tsr_fail(TSR_EARG, "no array");
}

int tsr_array_read_strided(const tsr_array *a, const tsr_slice *s, void *dst, const int64_t *stride)
{
    struct tsr_selection sel;
    int rc = check(a, dst, false, "buffer");
    if (rc == TSR_OK) rc = tsr_selection_strided(&sel, &a->d->grid, s, dst, stride);
    if (rc == TSR_OK) rc = check(a, dst, sel.nitems, "buffer");
    return rc < 0 ? rc : tsr_engine_read(a, &sel);
}

int tsr_array_write_strided(tsr_array *a, const tsr_slice *s, const void *src,
                            const int64_t *stride)
{
    struct tsr_selection sel;
    int rc = begin(a);
    if (rc == TSR_OK) rc = tsr_selection_strided(&sel, &a->d->grid, s, src, stride);
    if (rc == TSR_OK) rc = check(a, src, sel.nitems, "items");
    return rc < 0 ? rc : tsr_engine_write(a, &sel);
}

int tsr_array_fill(tsr_array *a, const tsr_slice *s, const void *item)
{
    static const int64_t still[TSR_MAX_NDIM];
    return tsr_array_write_strided(a, s, item, still);
}

int tsr_array_read_orthogonal(const tsr_array *a, const tsr_axis *axes, void *dst,
                              const int64_t *stride)
{
    struct tsr_selection sel;
    int rc = check(a, axes, a && a->d->grid.ndim, "axes");
    if (rc == TSR_OK) rc = tsr_selection_axes(&sel, &a->d->grid, axes, dst, stride, false);
    if (rc < 0) return rc;
    rc = check(a, dst, sel.nitems, "buffer");
    if (rc == TSR_OK) rc = tsr_engine_read(a, &sel);
    tsr_selection_done(&sel);
    return rc;
}

int tsr_array_write_orthogonal(tsr_array *a, const tsr_axis *axes, const void *src,
                               const int64_t *stride)
{
    struct tsr_selection sel;
    int rc = begin(a);
    if (rc == TSR_OK) rc = check(a, axes, a->d->grid.ndim, "axes");
    if (rc == TSR_OK) rc = tsr_selection_axes(&sel, &a->d->grid, axes, src, stride, true);
    if (rc < 0) return rc;
    rc = check(a, src, sel.nitems, "items");
    if (rc == TSR_OK) rc = tsr_engine_write(a, &sel);
    tsr_selection_done(&sel);
    return rc;
}

/* ---- points ---- */

static const int64_t no_coords[1]; /* of arrays without dimensions */

static int select_points(const tsr_array *a, int64_t n, const int64_t **coords, const void *mem,
                         int64_t stride, struct tsr_selection *sel)
{
    if (n < 0) return tsr_fail(TSR_EARG, "%lld points", (long long)n);
    if (!*coords && a->d->grid.ndim && n) return tsr_fail(TSR_EARG, "no coordinates");
    if (!*coords) *coords = no_coords;
    *sel = (struct tsr_selection){.ndim = a->d->grid.ndim,
                                  .base = (uint8_t *)(uintptr_t)mem,
                                  .stride = {stride},
                                  .nitems = n};
    return check(a, mem, n, "buffer");
}

int tsr_array_read_points(const tsr_array *a, int64_t n, const int64_t *coords, void *dst,
                          int64_t stride)
{
    struct tsr_selection sel;
    int rc = check(a, NULL, false, "");
    if (rc == TSR_OK) rc = select_points(a, n, &coords, dst, stride, &sel);
    return rc < 0 ? rc : tsr_engine_read_points(a, &sel, coords);
}

int tsr_array_write_points(tsr_array *a, int64_t n, const int64_t *coords, const void *src,
                           int64_t stride)
{
    struct tsr_selection sel;
    struct tsr_points p;
    int rc = begin(a);
    if (rc == TSR_OK) rc = select_points(a, n, &coords, src, stride, &sel);
    if (rc == TSR_OK) rc = tsr_points_init(&p, &a->d->grid, n, coords);
    if (rc < 0) return rc;
    sel.points = &p;
    rc = tsr_engine_write(a, &sel);
    tsr_points_done(&p);
    return rc;
}
