/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/reduce.c - the folds, and boxes through them.
 *
 * A box is first made small as in box.c: dimensions of one item vanish, neighbours that follow
 * each other in both memories become one.  What is innermost then is a run of items into one
 * accumulator, or a row of them into a row of accumulators.
 *
 * Sums of floats: 256 items in 16 lanes, 16 additions in each and 4 to join them; then sums are
 * added with what rounding lost kept aside.  NumPy's pairwise sum makes 16, 3 and log2(n / 128). */
#include "kernel/reduce.h"

#include <math.h>

#include "base/num.h"

/* Extremes are compiled to vectors from 32 lanes on: 6 G floats/s, with 16 it is 0.9. */
enum { LANES = 16, WIDE = 32, SUM_ITEMS = 256, MID_ITEMS = 16384, MOMENT_ITEMS = 1024 };

/* ---- helpers of the templates ---- */

static double lanes_total(double lane[LANES])
{
    for (int h = LANES / 2; h > 0; h /= 2)
        for (int j = 0; j < h; j++) lane[j] += lane[j + h];
    return lane[0];
}

/* hi + v, and what that rounds off in lo (Knuth's two-sum). */
static inline void add_kept(double *hi, double *lo, double v)
{
    double sum = *hi + v, part = sum - *hi;
    *lo += (*hi - (sum - part)) + (v - part);
    *hi = sum;
}

/* Moments of two sets from those of each (Chan, Golub, LeVeque 1979). */
static inline void add_moments(double *a, int64_t plane, double n, double mean, double m2)
{
    double had = a[0], all = had + n, d = mean - a[plane];
    if (had == 0) {
        a[0] = n;
        a[plane] = mean;
        a[2 * plane] = m2;
        return;
    }
    if (n == 0) return;
    a[0] = all;
    a[plane] += d * (n / all);
    a[2 * plane] += m2 + d * d * (had * n / all);
}

/* ---- items: 16384 of 2 bytes add up to 2^30 at most ---- */

#define T int8_t
#define NAME(x) x##_i1
#define WORD int64_t
#define MID int32_t
#define IS_NAN(v) 0
#include "kernel/reduce_impl.h"
#define T uint8_t
#define NAME(x) x##_u1
#define WORD uint64_t
#define MID uint32_t
#define IS_NAN(v) 0
#include "kernel/reduce_impl.h"
#define T int16_t
#define NAME(x) x##_i2
#define WORD int64_t
#define MID int32_t
#define IS_NAN(v) 0
#include "kernel/reduce_impl.h"
#define T uint16_t
#define NAME(x) x##_u2
#define WORD uint64_t
#define MID uint32_t
#define IS_NAN(v) 0
#include "kernel/reduce_impl.h"
#define T int32_t
#define NAME(x) x##_i4
#define WORD int64_t
#define MID int64_t
#define IS_NAN(v) 0
#include "kernel/reduce_impl.h"
#define T uint32_t
#define NAME(x) x##_u4
#define WORD uint64_t
#define MID uint64_t
#define IS_NAN(v) 0
#include "kernel/reduce_impl.h"
#define T int64_t
#define NAME(x) x##_i8
#define WORD int64_t
#define MID uint64_t
#define IS_NAN(v) 0
#include "kernel/reduce_impl.h"
#define T uint64_t
#define NAME(x) x##_u8
#define WORD uint64_t
#define MID uint64_t
#define IS_NAN(v) 0
#include "kernel/reduce_impl.h"
#define T float
#define NAME(x) x##_f4
#define WORD double
#define IS_NAN(v) ((v) != (v))
#include "kernel/reduce_impl.h"
#define T double
#define NAME(x) x##_f8
#define WORD double
#define IS_NAN(v) ((v) != (v))
#include "kernel/reduce_impl.h"

static inline void times_pair(double *re, double *im, double x, double y)
{
    double r = *re * x - *im * y;
    *im = *re * y + *im * x;
    *re = r;
}

static void prod_run_pair(void *acc, int64_t plane, const void *src, int64_t n)
{
    const double *p = src;
    double *a = acc;
    for (int64_t i = 0; i < n; i++) times_pair(&a[0], &a[plane], p[2 * i], p[2 * i + 1]);
}

static void prod_row_pair(void *acc, int64_t plane, const void *src, int64_t n)
{
    const double *p = src;
    double *a = acc;
    for (int64_t i = 0; i < n; i++) times_pair(&a[i], &a[plane + i], p[2 * i], p[2 * i + 1]);
}

/* ---- accumulators ---- */

#define INIT(name, type, value)                                  \
    static void init_##name(void *acc, int64_t plane, int64_t n) \
    {                                                            \
        type *a = acc;                                           \
        (void)plane;                                             \
        for (int64_t i = 0; i < n; i++) a[i] = value;            \
    }
#define MERGE(name, type, how)                                                             \
    static void merge_##name(void *acc, int64_t plane, const void *src, int64_t src_plane, \
                             int64_t step, int64_t n)                                      \
    {                                                                                      \
        type *a = acc;                                                                     \
        const type *b = src;                                                               \
        (void)plane;                                                                       \
        (void)src_plane;                                                                   \
        for (int64_t i = 0; i < n; i++, b += step) how;                                    \
    }

INIT(zero, uint64_t, 0)
INIT(one, uint64_t, 1)
INIT(prod, double, 1)
INIT(min_i, int64_t, INT64_MAX)
INIT(max_i, int64_t, INT64_MIN)
INIT(min_u, uint64_t, UINT64_MAX)
INIT(min_f, double, INFINITY)
INIT(max_f, double, -INFINITY)
INIT(nan, double, NAN)

MERGE(sum, uint64_t, a[i] += *b)
MERGE(prod_u, uint64_t, a[i] *= *b)
MERGE(prod_f, double, a[i] *= *b)
MERGE(min_i, int64_t, a[i] = *b < a[i] ? *b : a[i])
MERGE(max_i, int64_t, a[i] = *b > a[i] ? *b : a[i])
MERGE(min_u, uint64_t, a[i] = *b < a[i] ? *b : a[i])
MERGE(max_u, uint64_t, a[i] = *b > a[i] ? *b : a[i])
MERGE(min_f, double, a[i] = *b < a[i] || *b != *b ? *b : a[i])
MERGE(max_f, double, a[i] = *b > a[i] || *b != *b ? *b : a[i])
MERGE(any, uint64_t, a[i] |= *b)
MERGE(all, uint64_t, a[i] &= *b)
MERGE(fsum, double, (add_kept(&a[i], &a[plane + i], *b), a[plane + i] += b[src_plane]))
MERGE(moments, double, add_moments(&a[i], plane, *b, b[src_plane], b[2 * src_plane]))
MERGE(nanmin, double, a[i] = *b < a[i] || a[i] != a[i] ? *b : a[i])
MERGE(nanmax, double, a[i] = *b > a[i] || a[i] != a[i] ? *b : a[i])
MERGE(nansum, double,
      (add_kept(&a[i], &a[plane + i], *b), a[plane + i] += b[src_plane],
       a[2 * plane + i] += b[2 * src_plane]))
MERGE(pair, double, times_pair(&a[i], &a[plane + i], *b, b[src_plane]))

static void init_fsum(void *acc, int64_t plane, int64_t n)
{
    init_zero(acc, plane, n);
    init_zero((double *)acc + plane, plane, n);
}

static void init_moments(void *acc, int64_t plane, int64_t n)
{
    init_fsum(acc, plane, n);
    init_zero((double *)acc + 2 * plane, plane, n);
}

static void init_pair(void *acc, int64_t plane, int64_t n)
{
    init_prod(acc, plane, n);
    init_zero((double *)acc + plane, plane, n);
}

static void repeat_same(void *acc, int64_t plane, int64_t n)
{
    (void)acc;
    (void)plane;
    (void)n;
}

static void repeat_sum(void *acc, int64_t plane, int64_t n)
{
    (void)plane;
    *(uint64_t *)acc *= (uint64_t)n;
}

static void repeat_fsum(void *acc, int64_t plane, int64_t n)
{
    double *a = acc, v = a[0];
    a[0] = v * (double)n;
    a[plane] = fma(v, (double)n, -a[0]);
}

static void repeat_nansum(void *acc, int64_t plane, int64_t n)
{
    repeat_fsum(acc, plane, n);
    ((double *)acc)[2 * plane] *= (double)n;
}

static void repeat_moments(void *acc, int64_t plane, int64_t n)
{
    (void)plane;
    *(double *)acc = (double)n;
}

/* The powers are squared as often as n has bits. */
static void repeat_prod_u(void *acc, int64_t plane, int64_t n)
{
    uint64_t *a = acc, square = *a;
    (void)plane;
    for (*a = 1; n; n >>= 1, square *= square)
        if (n & 1) *a *= square;
}

static void repeat_prod_f(void *acc, int64_t plane, int64_t n)
{
    double *a = acc, square = *a;
    (void)plane;
    for (*a = 1; n; n >>= 1, square *= square)
        if (n & 1) *a *= square;
}

static void repeat_pair(void *acc, int64_t plane, int64_t n)
{
    double *a = acc, re = a[0], im = a[plane];
    for (a[0] = 1, a[plane] = 0; n; n >>= 1) {
        if (n & 1) times_pair(&a[0], &a[plane], re, im);
        times_pair(&re, &im, re, im);
    }
}

/* ---- the table ---- */

#define FOLD(op, n, lane, size, init, repeat, merge)                                           \
    {                                                                                          \
        n, size, init_##init, op##_run_##lane, op##_row_##lane, repeat_##repeat, merge_##merge \
    }
#define COMMON(lane, size)                                         \
    [TSR_FOLD_FSUM] = FOLD(fsum, 2, lane, size, fsum, fsum, fsum), \
    [TSR_FOLD_ANY] = FOLD(any, 1, lane, size, zero, same, any),    \
    [TSR_FOLD_ALL] = FOLD(all, 1, lane, size, one, same, all),     \
    [TSR_FOLD_MOMENTS] = FOLD(moments, 3, lane, size, moments, moments, moments)
#define SIGNED(lane, size)                                                                \
    {                                                                                     \
        [TSR_FOLD_SUM] = FOLD(sum, 1, lane, size, zero, sum, sum),                        \
        [TSR_FOLD_PROD] = FOLD(prod, 1, lane, size, one, prod_u, prod_u),                 \
        [TSR_FOLD_MIN] = FOLD(min, 1, lane, size, min_i, same, min_i),                    \
        [TSR_FOLD_MAX] = FOLD(max, 1, lane, size, max_i, same, max_i), COMMON(lane, size) \
    }
#define UNSIGNED(lane, size)                                                             \
    {                                                                                    \
        [TSR_FOLD_SUM] = FOLD(sum, 1, lane, size, zero, sum, sum),                       \
        [TSR_FOLD_PROD] = FOLD(prod, 1, lane, size, one, prod_u, prod_u),                \
        [TSR_FOLD_MIN] = FOLD(min, 1, lane, size, min_u, same, min_u),                   \
        [TSR_FOLD_MAX] = FOLD(max, 1, lane, size, zero, same, max_u), COMMON(lane, size) \
    }
#define FLOATS(lane, size)                                                                     \
    {                                                                                          \
        [TSR_FOLD_PROD] = FOLD(prod, 1, lane, size, prod, prod_f, prod_f),                     \
        [TSR_FOLD_MIN] = FOLD(min, 1, lane, size, min_f, same, min_f),                         \
        [TSR_FOLD_MAX] = FOLD(max, 1, lane, size, max_f, same, max_f),                         \
        [TSR_FOLD_NANSUM] = FOLD(nansum, 3, lane, size, moments, nansum, nansum),              \
        [TSR_FOLD_NANMIN] = FOLD(nanmin, 1, lane, size, nan, same, nanmin),                    \
        [TSR_FOLD_NANMAX] = FOLD(nanmax, 1, lane, size, nan, same, nanmax), COMMON(lane, size) \
    }

static const struct tsr_fold folds[TSR_LANES][TSR_FOLD_OPS] = {
    [TSR_LANE_I1] = SIGNED(i1, 1),
    [TSR_LANE_U1] = UNSIGNED(u1, 1),
    [TSR_LANE_I2] = SIGNED(i2, 2),
    [TSR_LANE_U2] = UNSIGNED(u2, 2),
    [TSR_LANE_I4] = SIGNED(i4, 4),
    [TSR_LANE_U4] = UNSIGNED(u4, 4),
    [TSR_LANE_I8] = SIGNED(i8, 8),
    [TSR_LANE_U8] = UNSIGNED(u8, 8),
    [TSR_LANE_F4] = FLOATS(f4, 4),
    [TSR_LANE_F8] = FLOATS(f8, 8),
    [TSR_LANE_PAIR] = {[TSR_FOLD_PROD] = FOLD(prod, 2, pair, 16, pair, pair, pair)},
};

const struct tsr_fold *tsr_fold(enum tsr_fold_op op, enum tsr_lane lane)
{
    return &folds[lane][op];
}

/* ---- boxes ---- */

struct dim {
    int64_t n, acc, src, at;
};

/* Innermost first, at least one; returns how many, 0 for an empty box. */
static int make_small(const struct tsr_fold_box *b, struct dim dims[])
{
    int k = 0;
    for (int d = b->ndim - 1; d >= 0; d--) {
        struct dim o = {b->count[d], b->acc_stride[d], b->src_stride[d], 0};
        struct dim *in = k ? &dims[k - 1] : NULL;
        if (o.n <= 0) return 0;
        if (o.n == 1) continue;
        if (in && o.acc == in->n * in->acc && o.src == in->n * in->src) in->n *= o.n;
        else dims[k++] = o;
    }
    if (k == 0) dims[k++] = (struct dim){.n = 1};
    return k;
}

/* Moves on all but the innermost; false at the end. */
static bool step(struct dim dims[], int k, int64_t *acc, int64_t *src)
{
    for (int i = 1; i < k; i++) {
        struct dim *d = &dims[i];
        *acc += d->acc;
        *src += d->src;
        if (++d->at < d->n) return true;
        *acc -= d->n * d->acc;
        *src -= d->n * d->src;
        d->at = 0;
    }
    return false;
}

void tsr_fold_items(const struct tsr_fold *f, const struct tsr_fold_box *b)
{
    struct dim dims[32];
    int k = make_small(b, dims);
    if (k == 0) return;
    int64_t acc = 0, src = 0, n = dims[0].n, item = (int64_t)f->item_bytes;
    bool near = n == 1 || dims[0].src == item;
    bool run = near && dims[0].acc == 0, row = near && dims[0].acc == 1;
    do {
        uint64_t *a = (uint64_t *)b->acc + acc;
        const uint8_t *p = (const uint8_t *)b->src + src;
        if (run) f->run(a, b->plane, p, n);
        else if (row) f->row(a, b->plane, p, n);
        else
            for (int64_t i = 0; i < n; i++)
                f->row(a + i * dims[0].acc, b->plane, p + i * dims[0].src, 1);
    } while (step(dims, k, &acc, &src));
}

void tsr_fold_merge(const struct tsr_fold *f, const struct tsr_fold_box *b)
{
    struct dim dims[32];
    int k = make_small(b, dims);
    if (k == 0) return;
    int64_t acc = 0, src = 0, n = dims[0].n, step_by = dims[0].src;
    bool row = dims[0].acc == 1 && (step_by == 0 || step_by == 1);
    do {
        uint64_t *a = (uint64_t *)b->acc + acc;
        const uint64_t *p = (const uint64_t *)b->src + src;
        if (row) f->merge(a, b->plane, p, b->src_plane, step_by, n);
        else
            for (int64_t i = 0; i < n; i++)
                f->merge(a + i * dims[0].acc, b->plane, p + i * step_by, b->src_plane, 1, 1);
    } while (step(dims, k, &acc, &src));
}
