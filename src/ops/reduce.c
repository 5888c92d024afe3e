/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/reduce.c - sums, extremes, moments of a slice, over any of its axes.
 *
 * Accumulators stand for the items of the result.  Each block that meets the slice is folded
 * into them on the thread that decoded it: straight where nobody else has parts of the same items
 * of the result in this window, else into accumulators of its own (a slot), which the calling
 * thread then merges in order.  So the result is the same with any number of threads.
 *
 *   selection      parts (blocks)         slots          accumulators     result
 *   . . . . . .    [. . .] [. . .]   ->   0 (. . .)  \
 *   . . . . . .    [. . .] [. . .]        1 (. . .)  ->  ( . . . . . . ) -> . . . . . .
 *
 * A chunk of one value is one item, repeated.  Zeros that the index names are not seen at all;
 * how many they were follows from how many items were. */
#include "ops/reduce.h"

#include <stdatomic.h>

#include "array/array.h"
#include "base/mem.h"

/* Rows of fewer items than this are turned so that a longer axis is innermost. */
enum { SHORT_ROW = 16 };

struct slot {
    bool used;
    int64_t first; /* accumulator of its first item */
    int64_t count[TSR_MAX_NDIM];
};

struct reduce {
    struct tsr_reduce_type type;
    struct tsr_selection sel;
    int ndim;
    bool axes[TSR_MAX_NDIM];
    int64_t stride[TSR_MAX_NDIM]; /* of accumulators; 0: reduced */
    int64_t n, each;              /* accumulators; items of each */
    int64_t words;                /* of one accumulator, all parts */
    uint64_t *acc;                /* [words][n] */
    struct slot *slots;           /* [nslots] */
    uint64_t *slot_acc;           /* [nslots][words][slot_n] */
    size_t nslots, slots_cap;
    int64_t slot_n;
    _Atomic int64_t seen; /* items */
};

/* Accumulators [words][plane] of a part's items, as the fold has them. */
static void init(const struct reduce *r, uint64_t *acc, int64_t plane, int64_t n)
{
    int64_t words = r->type.fold->words;
    for (int k = 0; k < r->type.parts; k++) r->type.fold->init(acc + k * words * plane, plane, n);
}

/* ---- items to lanes ---- */

/* Items of a part in the shape they are folded in: dimension i is the part's dim[i]. */
struct lanes {
    int dim[TSR_MAX_NDIM];
    int64_t n;
    const uint8_t *p;
    int64_t stride[TSR_MAX_NDIM]; /* bytes */
};

/* The longest dimension that can be a run or a row, if the innermost is short. */
static int innermost(const struct reduce *r, const struct tsr_part *p, const int64_t acc_stride[])
{
    int last = p->ndim - 1, best;
    while (last > 0 && p->count[last] == 1) last--;
    best = last;
    if (last < 0 || p->count[last] >= SHORT_ROW) return last;
    for (int d = 0; d < last; d++)
        if (p->count[d] > p->count[best] && (r->axes[d] || acc_stride[d] == 1)) best = d;
    return best;
}

static int copy_items(const struct reduce *r, const struct tsr_part *p, struct lanes *l,
                      struct tsr_worker *w)
{
    const struct tsr_reduce_type *t = &r->type;
    size_t item = (size_t)t->dtype->item_bytes, n = (size_t)l->n;
    struct tsr_box_copy c = {.src = p->items, .item_bytes = item, .ndim = p->ndim};
    size_t lane = t->fold->item_bytes;
    if (!(c.dst = tsr_worker_scratch(w, TSR_SCRATCH_ITEMS, n * item))) return TSR_ENOMEM;
    int64_t items = 1;
    for (int i = p->ndim - 1; i >= 0; i--) {
        c.count[i] = p->count[l->dim[i]];
        c.src_stride[i] = p->stride[l->dim[i]];
        c.dst_stride[i] = items * (int64_t)item;
        l->stride[i] = items * (int64_t)lane;
        items *= c.count[i];
    }
    tsr_box_copy(&c);
    l->p = c.dst;
    uint8_t *dst = c.dst;
    if (t->lanes && !(dst = tsr_worker_scratch(w, TSR_SCRATCH_LANES, n * lane * (size_t)t->parts)))
        return TSR_ENOMEM;
    tsr_reduce_lanes(t, c.dst, l->n, dst);
    l->p = dst;
    return TSR_OK;
}

static int take_lanes(const struct reduce *r, const struct tsr_part *p, const int64_t acc_stride[],
                      struct lanes *l, struct tsr_worker *w)
{
    int in = innermost(r, p, acc_stride), k = 0;
    l->n = 1;
    for (int d = 0; d < p->ndim; d++) {
        l->n *= p->count[d];
        if (d != in) l->dim[k++] = d;
    }
    if (in >= 0) l->dim[k] = in;
    bool near = in < 0 || p->count[in] == 1 || p->stride[in] == r->type.dtype->item_bytes;
    if (!near || !tsr_reduce_direct(&r->type)) return copy_items(r, p, l, w);
    for (int i = 0; i < p->ndim; i++) l->stride[i] = p->stride[l->dim[i]];
    l->p = p->items;
    return TSR_OK;
}

/* ---- parts ---- */

/* Where the part goes, and how far apart neighbours along each dimension are there. */
struct target {
    uint64_t *acc;
    int64_t plane, stride[TSR_MAX_NDIM];
};

static int64_t first_of(const struct reduce *r, const int64_t at[])
{
    int64_t first = 0;
    for (int d = 0; d < r->ndim; d++) first += at[d] * r->stride[d];
    return first;
}

/* The accumulators of a slot stand close together. */
static void slot_strides(const struct reduce *r, const int64_t count[], int64_t stride[])
{
    int64_t n = 1;
    for (int d = r->ndim - 1; d >= 0; d--) {
        stride[d] = r->axes[d] ? 0 : n;
        if (!r->axes[d]) n *= count[d];
    }
}

static void target_of(struct reduce *r, const struct tsr_part *p, struct target *t)
{
    if (p->slot == TSR_PART_ALONE) {
        t->acc = r->acc + first_of(r, p->at);
        t->plane = r->n;
        memcpy(t->stride, r->stride, sizeof t->stride);
        return;
    }
    struct slot *s = &r->slots[p->slot];
    t->acc = r->slot_acc + (int64_t)p->slot * r->words * r->slot_n;
    t->plane = r->slot_n;
    slot_strides(r, p->count, t->stride);
    if (s->used) return;
    s->used = true;
    s->first = first_of(r, p->at);
    memcpy(s->count, p->count, sizeof s->count);
    init(r, t->acc, t->plane, r->slot_n);
}

/* Into the accumulators from `first` on of those that are for `count` items, whatever else. */
static void merge(const struct reduce *r, int64_t first, const int64_t count[],
                  const int64_t src_stride[], const uint64_t *src, int64_t src_plane)
{
    const struct tsr_fold *f = r->type.fold;
    struct tsr_fold_box b = {.plane = r->n, .src_plane = src_plane};
    for (int d = 0; d < r->ndim; d++) {
        if (r->axes[d]) continue;
        b.count[b.ndim] = count[d];
        b.acc_stride[b.ndim] = r->stride[d];
        b.src_stride[b.ndim] = src_stride[d];
        b.ndim++;
    }
    for (int k = 0; k < r->type.parts; k++) {
        b.acc = r->acc + first + k * f->words * r->n;
        b.src = src + k * f->words * src_plane;
        tsr_fold_merge(f, &b);
    }
}

/* n times the same item, for each of the accumulators. */
static void add_value(const struct reduce *r, const uint8_t *item, int64_t n, int64_t first,
                      const int64_t count[])
{
    static const int64_t same[TSR_MAX_NDIM];
    const struct tsr_fold *f = r->type.fold;
    uint64_t acc[2 * TSR_FOLD_WORDS], raw[2], lanes[2];
    memcpy(raw, item, (size_t)r->type.dtype->item_bytes);
    tsr_reduce_lanes(&r->type, (uint8_t *)raw, 1, lanes);
    init(r, acc, 1, 1);
    for (int k = 0; k < r->type.parts; k++) {
        f->run(acc + k * f->words, 1, &lanes[k], 1);
        f->repeat(acc + k * f->words, 1, n);
    }
    merge(r, first, count, same, acc, 1);
}

static int add_items(struct reduce *r, const struct tsr_part *p, struct tsr_worker *w)
{
    const struct tsr_fold *f = r->type.fold;
    struct target t;
    struct lanes l;
    target_of(r, p, &t);
    int rc = take_lanes(r, p, t.stride, &l, w);
    if (rc < 0) return rc;
    struct tsr_fold_box b = {.ndim = p->ndim, .plane = t.plane};
    for (int i = 0; i < p->ndim; i++) {
        b.count[i] = p->count[l.dim[i]];
        b.acc_stride[i] = t.stride[l.dim[i]];
        b.src_stride[i] = l.stride[i];
    }
    for (int k = 0; k < r->type.parts; k++) {
        b.acc = t.acc + k * f->words * t.plane;
        b.src = l.p + k * l.n * (int64_t)f->item_bytes;
        tsr_fold_items(f, &b);
    }
    return TSR_OK;
}

static int part(void *arg, const struct tsr_part *p, struct tsr_worker *w)
{
    struct reduce *r = arg;
    int64_t each = 1, all = 1;
    for (int d = 0; d < p->ndim; d++) {
        all *= p->count[d];
        if (r->axes[d]) each *= p->count[d];
    }
    atomic_fetch_add_explicit(&r->seen, all, memory_order_relaxed);
    bool value = p->ndim > 0 && p->stride[0] == 0;
    if (!value) return add_items(r, p, w);
    add_value(r, p->items, each, first_of(r, p->at), p->count);
    return TSR_OK;
}

/* ---- windows ---- */

static int64_t key(void *arg, const int64_t at[])
{
    return first_of(arg, at);
}

static int window(void *arg, size_t slots)
{
    struct reduce *r = arg;
    r->nslots = slots;
    if (slots > r->slots_cap) {
        int64_t words;
        tsr_free(r->slots);
        tsr_free(r->slot_acc);
        r->slots_cap = 0;
        r->slots = tsr_alloc_array(slots, sizeof *r->slots);
        if (!tsr_mul(r->slot_n, r->words * 8, &words)) words = INT64_MAX;
        r->slot_acc = tsr_alloc_array(slots, (size_t)words);
        if (!r->slots || !r->slot_acc) return TSR_ENOMEM;
        r->slots_cap = slots;
    }
    for (size_t i = 0; i < slots; i++) r->slots[i].used = false;
    return TSR_OK;
}

static int after(void *arg)
{
    struct reduce *r = arg;
    for (size_t i = 0; i < r->nslots; i++) {
        const struct slot *s = &r->slots[i];
        int64_t stride[TSR_MAX_NDIM];
        slot_strides(r, s->count, stride);
        if (s->used)
            merge(r, s->first, s->count, stride, r->slot_acc + (int64_t)i * r->words * r->slot_n,
                  r->slot_n);
    }
    r->nslots = 0;
    return TSR_OK;
}

static int begin(void *arg)
{
    struct reduce *r = arg;
    r->seen = 0;
    r->nslots = 0;
    init(r, r->acc, r->n, r->n);
    return TSR_OK;
}

/* ---- zeros that were not visited ---- */

static bool moments(const struct reduce *r)
{
    return r->type.how == TSR_STD || r->type.how == TSR_VAR;
}

/* Zeros can be left out where they change nothing, or where it is known how many they were. */
static bool can_skip_zeros(const struct reduce *r)
{
    tsr_reduction how = r->type.how;
    bool neutral = how == TSR_SUM || how == TSR_ANY || (how == TSR_MEAN && !r->type.counts);
    return r->n == 1 || neutral || moments(r);
}

static void add_zeros(struct reduce *r)
{
    static const uint8_t zero[16];
    int64_t count[TSR_MAX_NDIM], missing = r->each - r->seen;
    for (int d = 0; d < r->ndim; d++) count[d] = 1;
    if (!moments(r) && r->n == 1 && missing > 0) add_value(r, zero, missing, 0, count);
    for (int64_t i = 0; moments(r) && i < r->n; i++) {
        missing = r->each - (int64_t)((const double *)r->acc)[i];
        if (missing > 0) add_value(r, zero, missing, i, count);
    }
}

/* ---- the call ---- */

/* The accumulator of item i of the result, whose axes may run against those of the selection. */
static int64_t acc_of(const struct reduce *r, int64_t i)
{
    int64_t acc = 0;
    for (int d = r->ndim - 1; d >= 0; d--) {
        if (r->axes[d]) continue;
        int64_t n = r->sel.count[d], at = i % n;
        acc += (r->sel.stride[d] < 0 ? n - 1 - at : at) * r->stride[d];
        i /= n;
    }
    return acc;
}

static void put_results(const struct reduce *r, double ddof, uint8_t *out)
{
    bool turned = false;
    for (int d = 0; d < r->ndim; d++) turned |= r->sel.stride[d] < 0 && !r->axes[d];
    for (int64_t i = 0; i < r->n; i++, out += r->type.result.item_bytes)
        tsr_reduce_result(&r->type, r->acc + (turned ? acc_of(r, i) : i), r->n, (double)r->each,
                          ddof, out);
}

static int take_axes(struct reduce *r, const struct tsr_grid *g, const bool *axes, size_t out_bytes)
{
    int64_t kept[TSR_MAX_NDIM], gone[TSR_MAX_NDIM], bytes;
    r->ndim = g->ndim;
    r->slot_n = r->n = 1;
    for (int d = g->ndim - 1; d >= 0; d--) {
        int64_t n = r->sel.count[d];
        r->axes[d] = !axes || axes[d];
        kept[d] = r->axes[d] ? 1 : n;
        gone[d] = r->axes[d] ? n : 1;
    }
    if (!tsr_product(kept, g->ndim, &r->n) || !tsr_product(gone, g->ndim, &r->each) ||
        !tsr_mul(r->n, r->type.result.item_bytes, &bytes))
        return tsr_fail(TSR_EARG, "reduce: the size of the result overflows 64 bits");
    if ((uint64_t)bytes != out_bytes)
        return tsr_fail(TSR_EARG, "reduce: buffer of %zu bytes for %lld items of %lld bytes",
                        out_bytes, (long long)r->n, (long long)r->type.result.item_bytes);
    int64_t stride = 1;
    for (int d = g->ndim - 1; d >= 0 && r->n > 0; d--) {
        if (r->axes[d]) continue;
        r->stride[d] = stride;
        stride *= kept[d];
        r->slot_n *= tsr_min64(g->block[d], kept[d]);
    }
    bool extreme = r->type.how == TSR_MAX || r->type.how == TSR_MIN;
    if (extreme && r->n > 0 && r->each == 0)
        return tsr_fail(TSR_EARG, "reduce: no items, of which there is no %s",
                        r->type.how == TSR_MAX ? "maximum" : "minimum");
    return TSR_OK;
}

/* A slot is cleared and merged: many more bytes should go into it. */
static int64_t group_bytes(const struct reduce *r)
{
    enum { LEAST = 256 << 10, TIMES = 4 };
    int64_t slot;
    if (!tsr_mul(r->slot_n, r->words * 8 * TIMES, &slot)) return INT64_MAX;
    return tsr_max64(slot, LEAST);
}

static int run(struct reduce *r, const tsr_array *a)
{
    r->words = (int64_t)r->type.fold->words * r->type.parts;
    struct tsr_visitor v = {.arg = r,
                            .group_bytes = group_bytes(r),
                            .skip_zeros = can_skip_zeros(r),
                            .begin = begin,
                            .key = key,
                            .window = window,
                            .part = part,
                            .after = after};
    if (!(r->acc = tsr_alloc_array((size_t)r->n, (size_t)r->words * 8))) return TSR_ENOMEM;
    int rc = tsr_engine_visit(a, &r->sel, &v);
    if (rc == TSR_OK) add_zeros(r);
    return rc;
}

int tsr_reduce(const tsr_array *a, const tsr_slice *s, const tsr_reduce_spec *how, void *out,
               size_t out_bytes)
{
    struct reduce r = {0};
    tsr_reduce_spec h = {.size = sizeof h};
    if (!a || !how || !how->size || (!out && out_bytes))
        return tsr_fail(TSR_EARG, "reduce: no %s", !a ? "array" : out ? "spec" : "buffer");
    memcpy(&h, how, tsr_minz(how->size, sizeof h));
    int rc = tsr_selection_init(&r.sel, &a->d->grid, s, NULL);
    if (rc == TSR_OK) rc = tsr_reduce_type_init(&r.type, a->d->spec.dtype, &h);
    if (rc < 0) return rc;
    rc = take_axes(&r, &a->d->grid, h.axes, out_bytes);
    if (rc == TSR_OK && r.n > 0) rc = run(&r, a);
    if (rc == TSR_OK) put_results(&r, h.ddof, out);
    tsr_reduce_type_done(&r.type);
    tsr_free(r.acc);
    tsr_free(r.slots);
    tsr_free(r.slot_acc);
    return rc;
}

int tsr_reduce_dtype(const char *dtype, const tsr_reduce_spec *how, char **out)
{
    struct tsr_reduce_type t;
    struct tsr_buf b = {0};
    tsr_reduce_spec h = {.size = sizeof h};
    if (!dtype || !how || !how->size || !out) return tsr_fail(TSR_EARG, "reduce: no spec");
    memcpy(&h, how, tsr_minz(how->size, sizeof h));
    int rc = tsr_reduce_type_init(&t, dtype, &h);
    if (rc < 0) return rc;
    rc = tsr_dtype_emit(&b, &t.result);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    tsr_reduce_type_done(&t);
    if (rc < 0) tsr_buf_free(&b);
    else *out = (char *)b.p;
    return rc;
}
