/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/project.c - an array seen along one axis: the largest, smallest, sum or mean of what lies
 * behind each point of a plane, a reduction to doubles in which NaN is no item. */
#include "array/array.h"

/* The plane's sides: of the axes that are left the ones longer than one, else the last ones. */
static int take_plane(const struct tsr_selection *sel, int axis, int64_t *rows, int64_t *cols)
{
    int64_t left[TSR_MAX_NDIM];
    int n = 0, longer = 0;
    for (int d = 0; d < sel->ndim; d++)
        if (d != axis) left[n++] = sel->count[d], longer += sel->count[d] > 1;
    if (longer > 2)
        return tsr_fail(TSR_EARG,
                        "project: %d axes besides axis %d hold more than one item, expected two",
                        longer, axis);
    for (int i = 0; i < n && n > 2;) {
        if (left[i] > 1) i++;
        else memmove(left + i, left + i + 1, (size_t)(--n - i) * sizeof *left);
    }
    *cols = n > 0 ? left[n - 1] : 1;
    *rows = n > 1 ? left[n - 2] : 1;
    return TSR_OK;
}

int tsr_project(const tsr_array *a, const tsr_slice *s, int axis, tsr_reduction how, double *out,
                int64_t *rows, int64_t *cols)
{
    bool axes[TSR_MAX_NDIM] = {false};
    tsr_reduce_spec spec = {.size = sizeof spec,
                            .how = how,
                            .axes = axes,
                            .wide = true,
                            .skip_nan = true};
    struct tsr_selection sel;
    if (how < TSR_MAX || how > TSR_MEAN)
        return tsr_fail(TSR_EARG, "project: there is no reduction number %d", (int)how);
    int rc = tsr_selection_init(&sel, &a->d->grid, s, NULL);
    if (rc < 0) return rc;
    if (axis < 0 || axis >= sel.ndim)
        return tsr_fail(TSR_EARG, "axis: found %d, the array has %d dimensions", axis, sel.ndim);
    if (sel.nitems == 0) return tsr_fail(TSR_EARG, "project: the slice holds no items");
    if ((rc = take_plane(&sel, axis, rows, cols)) < 0) return rc;
    axes[axis] = true;
    return tsr_reduce(a, s, &spec, out, (size_t)(*rows * *cols) * sizeof *out);
}
