/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/reduce_type.c - dtypes and reductions: which fold, of which lanes, to which result.
 *
 *   items                    lanes
 *   i u f4 f8                themselves, in the order of the machine
 *   b                        0 or 1
 *   f2, and wide products    doubles
 *   c, sum mean std var      a row of real and one of imaginary parts, as doubles
 *   c, prod                  pairs of doubles
 *   c, any all               a byte each
 *   M m                      int64; for max numbers that put NaT above all times */
#include "ops/reduce.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "text/number.h"

#define NATIVE (TSR_LE16(1) == 1 ? '<' : '>')
#define SIGN ((uint64_t)1 << 63)

/* ---- items to lanes ---- */

/* Cannot fail: the dtype is numeric. */
static void doubles(const struct tsr_reduce_type *t, const uint8_t *src, int64_t n, void *dst)
{
    tsr_dtype_to_double(t->dtype, src, n, dst);
}

/* Part k, 0 or 1, of the complex number at p. */
static double part_of(const struct tsr_reduce_type *t, const uint8_t *p, int k)
{
    float f;
    double d;
    if (t->dtype->item_bytes == 16) {
        memcpy(&d, p + 8 * k, sizeof d);
        return d;
    }
    memcpy(&f, p + 4 * k, sizeof f);
    return f;
}

static void rows(const struct tsr_reduce_type *t, const uint8_t *src, int64_t n, void *dst)
{
    double *out = dst;
    for (int64_t i = 0; i < n; i++, src += t->dtype->item_bytes) {
        out[i] = part_of(t, src, 0);
        out[n + i] = part_of(t, src, 1);
    }
}

static void pairs(const struct tsr_reduce_type *t, const uint8_t *src, int64_t n, void *dst)
{
    double *out = dst;
    for (int64_t i = 0; i < n; i++, src += t->dtype->item_bytes) {
        out[2 * i] = part_of(t, src, 0);
        out[2 * i + 1] = part_of(t, src, 1);
    }
}

static void truths(const struct tsr_reduce_type *t, const uint8_t *src, int64_t n, void *dst)
{
    uint8_t *out = dst;
    for (int64_t i = 0; i < n; i++, src += t->dtype->item_bytes)
        out[i] = part_of(t, src, 0) != 0 || part_of(t, src, 1) != 0;
}

/* Any byte but 0 is true, and counts once. */
static void booleans(const struct tsr_reduce_type *t, const uint8_t *src, int64_t n, void *dst)
{
    uint8_t *out = dst;
    (void)t;
    for (int64_t i = 0; i < n; i++) out[i] = src[i] != 0;
}

/* NaT is the smallest int64: it becomes the largest uint64, other times stay in order. */
static void times(const struct tsr_reduce_type *t, const uint8_t *src, int64_t n, void *dst)
{
    uint64_t *out = dst;
    (void)t;
    memcpy(out, src, (size_t)n * 8);
    for (int64_t i = 0; i < n; i++) out[i] = (out[i] ^ SIGN) - 1;
}

static void swap_bytes(uint8_t *p, size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++, p += size) {
        if (size == 2) tsr_store_LE16(p, tsr_load_BE16(p));
        else if (size == 4) tsr_store_LE32(p, tsr_load_BE32(p));
        else tsr_store_LE64(p, tsr_load_BE64(p));
    }
}

bool tsr_reduce_direct(const struct tsr_reduce_type *t)
{
    return !t->swap && !t->lanes;
}

void tsr_reduce_lanes(const struct tsr_reduce_type *t, uint8_t *src, int64_t n, void *dst)
{
    size_t bytes = (size_t)n * (size_t)t->dtype->item_bytes;
    if (t->swap) swap_bytes(src, t->swap_bytes, bytes / t->swap_bytes);
    if (t->lanes) t->lanes(t, src, n, dst);
    else if (dst != src) memcpy(dst, src, bytes);
}

/* ---- dtypes ---- */

static enum tsr_lane lane_of(const struct tsr_dtype *d)
{
    bool is_signed = d->kind == 'i';
    switch (d->item_bytes) {
    case 1: return is_signed ? TSR_LANE_I1 : TSR_LANE_U1;
    case 2: return is_signed ? TSR_LANE_I2 : TSR_LANE_U2;
    case 4: return d->kind == 'f' ? TSR_LANE_F4 : is_signed ? TSR_LANE_I4 : TSR_LANE_U4;
    default: return d->kind == 'f' ? TSR_LANE_F8 : is_signed ? TSR_LANE_I8 : TSR_LANE_U8;
    }
}

static enum tsr_fold_op op_of(tsr_reduction how, bool integer)
{
    switch (how) {
    case TSR_MAX: return TSR_FOLD_MAX;
    case TSR_MIN: return TSR_FOLD_MIN;
    case TSR_SUM: return integer ? TSR_FOLD_SUM : TSR_FOLD_FSUM;
    case TSR_MEAN: return TSR_FOLD_FSUM;
    case TSR_PROD: return TSR_FOLD_PROD;
    case TSR_ANY: return TSR_FOLD_ANY;
    case TSR_ALL: return TSR_FOLD_ALL;
    default: return TSR_FOLD_MOMENTS;
    }
}

static enum tsr_fold_op skipping(tsr_reduction how)
{
    return how == TSR_MAX ? TSR_FOLD_NANMAX : how == TSR_MIN ? TSR_FOLD_NANMIN : TSR_FOLD_NANSUM;
}

static bool is_extreme(tsr_reduction how)
{
    return how == TSR_MAX || how == TSR_MIN;
}

static bool is_truth(tsr_reduction how)
{
    return how == TSR_ANY || how == TSR_ALL;
}

static void take_complex(struct tsr_reduce_type *t)
{
    enum tsr_lane lane = TSR_LANE_F8;
    t->swap_bytes /= 2;
    t->lanes = rows;
    if (is_truth(t->how)) {
        t->lanes = truths;
        lane = TSR_LANE_U1;
    } else if (t->how == TSR_PROD) {
        t->lanes = pairs;
        lane = TSR_LANE_PAIR;
    } else {
        t->parts = 2;
    }
    t->fold = tsr_fold(op_of(t->how, false), lane);
}

static void take_time(struct tsr_reduce_type *t)
{
    t->lanes = t->how == TSR_MAX ? times : NULL;
    t->fold = tsr_fold(op_of(t->how, true), t->how == TSR_MAX ? TSR_LANE_U8 : TSR_LANE_I8);
}

static void take_number(struct tsr_reduce_type *t, const tsr_reduce_spec *how)
{
    const struct tsr_dtype *d = t->dtype;
    bool floats = t->result.kind == 'f', half = d->kind == 'f' && d->item_bytes == 2;
    enum tsr_fold_op op = op_of(t->how, !floats);
    enum tsr_lane lane = lane_of(d);
    if (how->skip_nan && d->kind == 'f') op = skipping(t->how);
    if (half || (d->kind != 'f' && floats && t->how == TSR_PROD)) {
        t->swap = false;
        t->lanes = doubles;
        lane = TSR_LANE_F8;
    }
    if (d->kind == 'b' && !t->lanes && !is_truth(t->how)) t->lanes = booleans;
    t->counts = op == TSR_FOLD_NANSUM;
    t->fold = tsr_fold(op, lane);
}

static bool can_be(const struct tsr_dtype *d, const tsr_reduce_spec *s)
{
    tsr_reduction how = s->how;
    bool skips = is_extreme(how) || how == TSR_SUM || how == TSR_MEAN;
    if (s->skip_nan && (d->kind == 'c' || !skips)) return false;
    if (d->kind == 'M' || d->kind == 'm') return is_extreme(how) && !s->wide;
    if (d->kind == 'c') return !is_extreme(how) && (d->item_bytes == 8 || d->item_bytes == 16);
    return tsr_dtype_is_numeric(d);
}

static void take_result(struct tsr_reduce_type *t, bool wide)
{
    const struct tsr_dtype *d = t->dtype;
    struct tsr_dtype *r = &t->result;
    bool integer = d->kind == 'b' || d->kind == 'i' || d->kind == 'u';
    bool spread = t->how == TSR_STD || t->how == TSR_VAR;
    r->kind = d->kind;
    r->item_bytes = d->item_bytes;
    memcpy(r->unit, d->unit, sizeof r->unit);
    if (is_truth(t->how)) {
        r->kind = 'b';
        r->item_bytes = 1;
    } else if (is_extreme(t->how)) {
        if (wide && (integer || d->kind == 'f')) {
            r->kind = 'f';
            r->item_bytes = 8;
        }
    } else {
        bool whole = t->how == TSR_SUM || t->how == TSR_PROD;
        if (integer) r->kind = wide || !whole ? 'f' : d->kind == 'u' ? 'u' : 'i';
        if (integer || wide) r->item_bytes = 8;
        if (d->kind == 'c' && wide && !spread) r->item_bytes = 16;
        if (d->kind == 'c' && spread) {
            r->kind = 'f';
            r->item_bytes = wide ? 8 : d->item_bytes / 2;
        }
    }
    r->order = r->item_bytes == 1 ? '|' : NATIVE;
}

int tsr_reduce_type_init(struct tsr_reduce_type *t, const char *dtype, const tsr_reduce_spec *how)
{
    *t = (struct tsr_reduce_type){.how = how->how, .parts = 1};
    if (t->how < TSR_MAX || t->how > TSR_ALL)
        return tsr_fail(TSR_EARG, "reduce: there is no reduction number %d", (int)t->how);
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &t->dtype);
    if (rc < 0) return rc;
    const struct tsr_dtype *d = t->dtype;
    if (!can_be(d, how)) {
        rc = tsr_fail(TSR_EUNSUPPORTED,
                      "reduce: dtype %.100s: found no such reduction, expected a numeric dtype",
                      dtype);
        tsr_reduce_type_done(t);
        return rc;
    }
    t->swap = d->order != NATIVE && d->order != '|';
    t->swap_bytes = (size_t)d->item_bytes;
    take_result(t, how->wide);
    if (d->kind == 'c') {
        take_complex(t);
    } else if (d->kind == 'M' || d->kind == 'm') {
        take_time(t);
    } else {
        take_number(t, how);
    }
    return TSR_OK;
}

void tsr_reduce_type_done(struct tsr_reduce_type *t)
{
    tsr_dtype_free(t->dtype);
    t->dtype = NULL;
}

/* ---- accumulators to results ---- */

static void put_float(double v, int64_t bytes, uint8_t *out)
{
    float f = (float)v;
    uint16_t h;
    if (bytes == 8) {
        memcpy(out, &v, 8);
    } else if (bytes == 4) {
        memcpy(out, &f, 4);
    } else {
        h = (uint16_t)tsr_double_to_half(v);
        memcpy(out, &h, 2);
    }
}

/* The low bytes of a word, at its end on big-endian machines. */
static void put_word(uint64_t v, int64_t bytes, uint8_t *out)
{
    const uint8_t *p = (const uint8_t *)&v;
    memcpy(out, NATIVE == '<' ? p : p + 8 - bytes, (size_t)bytes);
}

/* Once a sum is infinite, what rounding lost is no number. */
static double kept(const double *a, int64_t plane)
{
    return isfinite(a[0]) ? a[0] + a[plane] : a[0];
}

static double spread_of(const struct tsr_reduce_type *t, const double *a, int64_t plane, double n)
{
    double m2 = 0;
    for (int k = 0; k < t->parts; k++) m2 += a[(k * TSR_FOLD_WORDS + 2) * plane];
    double var = m2 / (n > 0 ? n : 0);
    return t->how == TSR_STD ? sqrt(var) : var;
}

static void float_result(const struct tsr_reduce_type *t, const double *a, int64_t plane, double n,
                         double ddof, uint8_t *out)
{
    bool complex = t->result.kind == 'c';
    int64_t bytes = complex ? t->result.item_bytes / 2 : t->result.item_bytes;
    if (t->how == TSR_STD || t->how == TSR_VAR) {
        put_float(spread_of(t, a, plane, n - ddof), bytes, out);
        return;
    }
    if (t->counts) n = a[2 * plane];
    for (int k = 0; k <= complex; k++, out += bytes) {
        double v = t->how == TSR_SUM || t->how == TSR_MEAN
                       ? kept(a + k * t->fold->words * plane, plane)
                       : a[k * plane];
        put_float(t->how == TSR_MEAN ? v / n : v, bytes, out);
    }
}

void tsr_reduce_result(const struct tsr_reduce_type *t, const void *acc, int64_t plane, double n,
                       double ddof, void *out)
{
    uint64_t v;
    char kind = t->dtype->kind;
    bool whole = is_extreme(t->how) && kind != 'f';
    if (!whole && (t->result.kind == 'f' || t->result.kind == 'c')) {
        float_result(t, acc, plane, n, ddof, out);
        return;
    }
    memcpy(&v, acc, sizeof v);
    if (t->result.kind == 'f') {
        put_float(kind == 'i' ? (double)(int64_t)v : (double)v, 8, out);
        return;
    }
    if (t->lanes == times) v = (v + 1) ^ SIGN;
    put_word(v, t->result.item_bytes, out);
}
