/* SPDX-License-Identifier: BSD-3-Clause */
/* array/concat.c - arrays one after the other along an axis, as one new array.
 *
 *   |  a0  |  a1        |  a2   |      chunks of the new array, which are those of a0:
 *   |  .  |  .  |  .  |  .  |  .  |    a chunk that lies in one source at the same place of its
 *                                      grid is taken as it is stored, others are coded anew */
#include "array/array.h"
#include "base/mem.h"

static int check_sources(const tsr_array *const *a, int n, int axis)
{
    if (n < 1) return tsr_fail(TSR_EARG, "concat: no arrays");
    for (int i = 0; i < n; i++)
        if (!a[i]) return tsr_fail(TSR_EARG, "concat: array %d is NULL", i);
    const tsr_spec *first = tsr_array_spec(a[0]);
    if (axis < 0 || axis >= first->ndim)
        return tsr_fail(TSR_EARG, "axis: found %d, the arrays have %d dimensions", axis,
                        first->ndim);
    for (int i = 1; i < n; i++) {
        const tsr_spec *s = tsr_array_spec(a[i]);
        bool same = s->ndim == first->ndim && strcmp(s->dtype, first->dtype) == 0;
        for (int d = 0; d < first->ndim && same; d++)
            same = d == axis || s->shape[d] == first->shape[d];
        if (!same)
            return tsr_fail(TSR_EARG,
                            "concat: array %d: expected dtype %s and the shape of the first but "
                            "on axis %d",
                            i, first->dtype, axis);
    }
    return TSR_OK;
}

/* A source and its place: item `at` of the axis; last: no other follows it. */
struct joining {
    struct tsr_copying *c;
    int axis;
    int64_t at;
    bool last;
};

static int add_source(const tsr_array *from, void *arg)
{
    const struct joining *j = arg;
    struct tsr_copying *c = j->c;
    int axis = j->axis;
    int64_t at = j->at;
    c->from = from;
    const struct tsr_grid *g = &c->from->d->grid;
    int64_t from_at[TSR_MAX_NDIM] = {0}, to_at[TSR_MAX_NDIM] = {0}, count[TSR_MAX_NDIM];
    int64_t chunk = c->to->d->grid.chunk[axis], len = g->shape[axis], whole = 0;
    int rc = TSR_OK;
    memcpy(count, g->shape, sizeof count);
    bool even = !g->run[axis] && !c->to->d->grid.run[axis];
    if (len && even && at % chunk == 0 && tsr_stored_fit(c->from, c->to, false)) {
        whole = j->last ? len : len / chunk * chunk;
        rc = tsr_copy_stored(c, &(struct tsr_stored_part){axis, whole, at / chunk});
    }
    from_at[axis] = whole;
    to_at[axis] = at + whole;
    count[axis] = len - whole;
    return rc == TSR_OK && count[axis] ? tsr_copy_items(c, from_at, to_at, count) : rc;
}

static int fill(const tsr_array *const *a, int n, int axis, tsr_array *to, const tsr_options *o)
{
    const struct tsr_grid *g = &to->d->grid;
    struct tsr_copying c = {.to = to, .o = o};
    int64_t at = 0;
    int rc = TSR_OK;
    tsr_product(g->shape, g->ndim, &c.total);
    c.total *= g->item_bytes;
    for (int i = 0; i < n && rc == TSR_OK && c.total; i++) {
        rc = tsr_follow_once(a[i], add_source, &(struct joining){&c, axis, at, i == n - 1});
        at += a[i]->d->grid.shape[axis];
    }
    return rc;
}

int tsr_array_concat(const tsr_array *const *a, int n, int axis, const char *url,
                     const tsr_options *opts, tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    int64_t shape[TSR_MAX_NDIM] = {0};
    tsr_meta_value *metas;
    tsr_array *to = NULL;
    tsr_spec s;
    int rc = check_sources(a, n, axis);
    for (int i = 0; i < n && rc == TSR_OK; i++) rc = tsr_twin_apart(a[i], url, &o);
    if (rc < 0) return rc;
    tsr_twin_spec(a[0], NULL, tsr_twin_format(a[0], url, &o), &s);
    tsr_spec_without_edges(&s);
    memcpy(shape, s.shape, (size_t)s.ndim * sizeof *shape);
    for (int i = 1; i < n; i++)
        if (!tsr_add(shape[axis], tsr_array_spec(a[i])->shape[axis], &shape[axis]))
            return tsr_fail(TSR_EARG, "concat: the shape overflows");
    s.shape = shape;
    rc = tsr_metas_take(a[0], &metas, &s.nmetas);
    s.metas = metas;
    if (rc == TSR_OK) rc = tsr_array_create(url, &s, &o, &to);
    if (rc == TSR_OK) rc = fill(a, n, axis, to, &o);
    if (rc == TSR_OK) rc = tsr_vlmetas_copy(a[0], to);
    if (rc == TSR_OK) *out = to;
    else tsr_engine_drop(to); /* never flushed: nothing appears */
    tsr_metas_free(metas, metas ? s.nmetas : 0);
    return rc;
}
