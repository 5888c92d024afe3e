/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/project.c - an array seen along one axis: the largest, smallest, sum or mean of what lies
 * behind each point of a plane.
 *
 * The slice is read tile by tile, each a box of whole chunks within a budget, tiles behind one
 * another first.  A tile is reduced to the plane on the pool, a row of it per job.  NaN counts as
 * no item: what has nothing but NaN behind it is NaN, its sum 0.
 *
 * The inner loops run over neighbouring items of one type into a row of doubles, and so become
 * vector code; other dtypes are turned to doubles first. */
#include <math.h>

#include "array/array.h"
#include "base/mem.h"
#include "text/dtype.h"

enum { TILE_BYTES = 32 << 20, LANES = 64 };

/* ---- inner loops: n items into n accumulators ---- */

typedef void (*row_fn)(double *acc, const void *src, int64_t n);

/* A comparison with NaN is false, so NaN never takes the place of a number, and x != x lets a
 * number take the place of NaN. */
#define LOOPS(name, type)                                                      \
    static void max_##name(double *restrict acc, const void *src, int64_t n)   \
    {                                                                          \
        const type *restrict p = src;                                          \
        for (int64_t i = 0; i < n; i++) {                                      \
            double v = (double)p[i];                                           \
            acc[i] = ((v > acc[i]) | (acc[i] != acc[i])) ? v : acc[i];         \
        }                                                                      \
    }                                                                          \
    static void min_##name(double *restrict acc, const void *src, int64_t n)   \
    {                                                                          \
        const type *restrict p = src;                                          \
        for (int64_t i = 0; i < n; i++) {                                      \
            double v = (double)p[i];                                           \
            acc[i] = ((v < acc[i]) | (acc[i] != acc[i])) ? v : acc[i];         \
        }                                                                      \
    }                                                                          \
    static void sum_##name(double *restrict acc, const void *src, int64_t n)   \
    {                                                                          \
        const type *restrict p = src;                                          \
        for (int64_t i = 0; i < n; i++) {                                      \
            double v = (double)p[i];                                           \
            acc[i] += v == v ? v : 0;                                          \
        }                                                                      \
    }                                                                          \
    static void count_##name(double *restrict acc, const void *src, int64_t n) \
    {                                                                          \
        const type *restrict p = src;                                          \
        for (int64_t i = 0; i < n; i++) acc[i] += p[i] == p[i] ? 1 : 0;        \
    }
LOOPS(u1, uint8_t)
LOOPS(u2, uint16_t)
LOOPS(i2, int16_t)
LOOPS(f4, float)
LOOPS(f8, double)

static const struct loops {
    char kind;
    int item_bytes;
    row_fn max, min, sum, count;
} loops[] = {
    {'u', 1, max_u1, min_u1, sum_u1, count_u1}, {'u', 2, max_u2, min_u2, sum_u2, count_u2},
    {'i', 2, max_i2, min_i2, sum_i2, count_i2}, {'f', 4, max_f4, min_f4, sum_f4, count_f4},
    {'f', 8, max_f8, min_f8, sum_f8, count_f8},
};

/* ---- the job ---- */

struct project {
    const tsr_array *a;
    const struct tsr_grid *g;
    int axis;     /* reduced */
    int row, col; /* the other two; -1: of one item */
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], step[TSR_MAX_NDIM]; /* the slice */
    int64_t at[TSR_MAX_NDIM], box[TSR_MAX_NDIM]; /* the tile, in items of the slice */
    tsr_reduction how;
    struct tsr_dtype *dtype;
    const struct loops *loops; /* of the items, or of doubles when convert is set */
    bool convert;
    double *out, *counts; /* [rows * cols]; counts: for means of floats */
    uint8_t *tile;
    int64_t stride[TSR_MAX_NDIM]; /* of the tile, items */
};

static int64_t along(const int64_t v[], int d)
{
    return d < 0 ? 1 : v[d];
}

/* The end of a tile that begins at item i of the slice's dimension d: a chunk's edge, n chunks
 * on, or the end. */
static int64_t cut(const struct project *p, int d, int64_t i, int64_t n)
{
    int64_t step = p->step[d], chunk = p->g->chunk[d], at = p->start[d] + i * step;
    int64_t edge = step > 0 ? (at / chunk + n) * chunk : (at / chunk - n + 1) * chunk - 1;
    int64_t len = step > 0 ? (edge - at - 1) / step + 1 : (at - edge - 1) / -step + 1;
    return tsr_min64(i + tsr_max64(len, 1), p->count[d]);
}

/* How many chunks a tile holds along each dimension: one, and more along the last ones as the
 * budget allows. */
static int64_t tile_chunks(const struct project *p, int64_t n[])
{
    int64_t bytes = p->g->item_bytes;
    for (int d = 0; d < p->g->ndim; d++) {
        n[d] = 1;
        bytes *= tsr_min64(p->g->chunk[d], p->count[d]);
    }
    for (int d = p->g->ndim - 1; d >= 0; d--) {
        int64_t side = tsr_min64(p->g->chunk[d], p->count[d]);
        int64_t room = tsr_max64(TILE_BYTES / tsr_max64(bytes, 1), 1);
        n[d] = tsr_min64(room, tsr_ceil_div(p->count[d], side));
        bytes *= n[d];
    }
    return bytes;
}

static const void *as_wanted(const struct project *p, const uint8_t *src, int64_t n, double *room)
{
    if (!p->convert) return src;
    tsr_dtype_to_double(p->dtype, src, n, room); /* cannot fail: the dtype is numeric */
    return room;
}

static row_fn first_loop(const struct project *p)
{
    return p->how == TSR_MAX ? p->loops->max : p->how == TSR_MIN ? p->loops->min : p->loops->sum;
}

/* Neighbours along the axis: LANES of them at a time, and the lanes into one at the end. */
static void reduce_run(const struct project *p, row_fn fn, double *acc, const uint8_t *src,
                       int64_t n)
{
    double lane[LANES], room[LANES];
    const struct loops *f8 = &loops[4];
    row_fn last = fn == p->loops->max ? f8->max : fn == p->loops->min ? f8->min : f8->sum;
    for (int i = 0; i < LANES; i++) lane[i] = fn == p->loops->max || fn == p->loops->min ? NAN : 0;
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t m = tsr_min64(LANES, n - i);
        fn(lane, as_wanted(p, src + i * p->g->item_bytes, m, room), m);
    }
    for (int h = LANES / 2; h > 0; h /= 2) last(lane, lane + h, h);
    last(acc, lane, 1);
}

/* Behind a row of the plane; the axis is the fastest of the tile, or the columns are. */
static void reduce_row(const struct project *p, row_fn fn, double *acc, const uint8_t *src)
{
    enum { PIECE = 1024 };
    double room[PIECE];
    int64_t item = p->g->item_bytes, depth = p->box[p->axis], n = along(p->box, p->col);
    int64_t deeper = p->stride[p->axis] * item;
    if (deeper == item) {
        int64_t next = p->col < 0 ? 0 : p->stride[p->col] * item;
        for (int64_t i = 0; i < n; i++) reduce_run(p, fn, &acc[i], src + i * next, depth);
        return;
    }
    for (int64_t i = 0; i < n; i += PIECE)
        for (int64_t k = 0; k < depth; k++) {
            int64_t m = tsr_min64(PIECE, n - i);
            fn(acc + i, as_wanted(p, src + i * item + k * deeper, m, room), m);
        }
}

static int reduce_job(void *arg, size_t i, struct tsr_worker *w)
{
    const struct project *p = arg;
    int64_t row = (int64_t)i, cols = along(p->count, p->col);
    int64_t first =
        ((p->row < 0 ? 0 : p->at[p->row]) + row) * cols + (p->col < 0 ? 0 : p->at[p->col]);
    const uint8_t *src = p->tile + (p->row < 0 ? 0 : row * p->stride[p->row] * p->g->item_bytes);
    (void)w;
    reduce_row(p, first_loop(p), p->out + first, src);
    if (p->counts) reduce_row(p, p->loops->count, p->counts + first, src);
    return TSR_OK;
}

static int reduce_tile(struct project *p)
{
    int64_t start[TSR_MAX_NDIM], items = 1;
    for (int d = p->g->ndim - 1; d >= 0; d--) {
        start[d] = p->start[d] + p->at[d] * p->step[d];
        p->stride[d] = items;
        items *= p->box[d];
    }
    tsr_slice s = {start, p->box, p->step};
    int rc = tsr_array_read(p->a, &s, p->tile, (size_t)(items * p->g->item_bytes));
    if (rc < 0) return rc;
    return tsr_pool_run(p->a->context->pool, (size_t)along(p->box, p->row), reduce_job, p);
}

/* Tiles in an order in which the axis moves fastest. */
static int reduce_all(struct project *p)
{
    int64_t n[TSR_MAX_NDIM] = {0};
    int order[TSR_MAX_NDIM], k = 0, i, rc = TSR_OK;
    if (!(p->tile = tsr_alloc((size_t)tile_chunks(p, n)))) return TSR_ENOMEM;
    order[k++] = p->axis;
    for (int d = p->g->ndim - 1; d >= 0; d--)
        if (d != p->axis) order[k++] = d;
    do {
        for (int d = 0; d < p->g->ndim; d++) p->box[d] = cut(p, d, p->at[d], n[d]) - p->at[d];
        rc = reduce_tile(p);
        for (i = 0; i < k && rc == TSR_OK; i++) {
            int d = order[i];
            if ((p->at[d] += p->box[d]) < p->count[d]) break;
            p->at[d] = 0;
        }
    } while (rc == TSR_OK && i < k);
    return rc;
}

/* ---- what is asked for ---- */

static int take_slice(struct project *p, const tsr_slice *s)
{
    struct tsr_selection sel;
    int rc = tsr_selection_init(&sel, p->g, s, NULL);
    if (rc < 0) return rc;
    for (int d = 0; d < p->g->ndim; d++) {
        p->start[d] = s && s->start ? s->start[d] : 0;
        p->step[d] = s && s->step ? s->step[d] : 1;
        p->count[d] = sel.count[d];
    }
    if (sel.nitems > 0) return TSR_OK;
    return tsr_fail(TSR_EARG, "project: the slice holds no items");
}

/* The plane's two axes: of those that are left, the ones longer than one, else the last ones. */
static int take_plane(struct project *p, int axis)
{
    int left[TSR_MAX_NDIM], n = 0, longer = 0;
    if (axis < 0 || axis >= p->g->ndim)
        return tsr_fail(TSR_EARG, "axis: found %d, the array has %d dimensions", axis, p->g->ndim);
    for (int d = 0; d < p->g->ndim; d++)
        if (d != axis) left[n++] = d, longer += p->count[d] > 1;
    if (longer > 2)
        return tsr_fail(TSR_EARG,
                        "project: %d axes besides axis %d hold more than one item, "
                        "expected two",
                        longer, axis);
    for (int i = 0; i < n && n > 2;) {
        if (p->count[left[i]] > 1) i++;
        else memmove(left + i, left + i + 1, (size_t)(--n - i) * sizeof *left);
    }
    p->axis = axis;
    p->col = n > 0 ? left[n - 1] : -1;
    p->row = n > 1 ? left[n - 2] : -1;
    return TSR_OK;
}

static int take_dtype(struct project *p, const char *dtype)
{
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &p->dtype);
    if (rc < 0) return rc;
    if (!tsr_dtype_is_numeric(p->dtype))
        return tsr_fail(TSR_EUNSUPPORTED, "project: dtype %s is not numeric", dtype);
    char native = TSR_LE16(1) == 1 ? '<' : '>';
    p->convert = true;
    p->loops = &loops[4];
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        if (loops[i].kind == p->dtype->kind && loops[i].item_bytes == p->dtype->item_bytes &&
            (p->dtype->order == native || p->dtype->order == '|')) {
            p->convert = false;
            p->loops = &loops[i];
        }
    return TSR_OK;
}

static int run(struct project *p, int64_t n)
{
    bool extreme = p->how == TSR_MAX || p->how == TSR_MIN;
    bool holes = p->dtype->kind == 'f'; /* integers are never NaN: all of them count */
    for (int64_t i = 0; i < n; i++) p->out[i] = extreme ? NAN : 0;
    if (p->how == TSR_MEAN && holes && !(p->counts = tsr_alloc_zero((size_t)n, sizeof *p->counts)))
        return TSR_ENOMEM;
    int rc = reduce_all(p);
    for (int64_t i = 0; i < n && p->how == TSR_MEAN && rc == TSR_OK; i++) {
        double count = holes ? p->counts[i] : (double)p->count[p->axis];
        p->out[i] = count > 0 ? p->out[i] / count : NAN;
    }
    return rc;
}

int tsr_project(const tsr_array *a, const tsr_slice *s, int axis, tsr_reduction how, double *out,
                int64_t *rows, int64_t *cols)
{
    struct project p = {.a = a, .g = &a->d->grid, .how = how, .out = out};
    if (how < TSR_MAX || how > TSR_MEAN)
        return tsr_fail(TSR_EARG, "project: there is no reduction number %d", (int)how);
    int rc = take_slice(&p, s);
    if (rc == TSR_OK) rc = take_plane(&p, axis);
    if (rc == TSR_OK) rc = take_dtype(&p, a->d->spec.dtype);
    if (rc == TSR_OK) {
        *rows = along(p.count, p.row);
        *cols = along(p.count, p.col);
        rc = run(&p, *rows * *cols);
    }
    tsr_dtype_free(p.dtype);
    tsr_free(p.counts);
    tsr_free(p.tile);
    return rc;
}
