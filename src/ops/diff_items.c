/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/diff_items.c - two rows of items beside each other.
 *
 * Most are equal: where equal bytes are equal items, pieces are compared as bytes first.  In the
 * others numbers become doubles or 128-bit integers and all else the bytes that a hash takes. */
#include "ops/diff.h"

#include <math.h>

enum { PIECE = 512, LANES = 2 };

/* ---- the type ---- */

static bool is_integer(const struct tsr_dtype *t)
{
    return t->kind == 'b' || t->kind == 'i' || t->kind == 'u';
}

/* A number of which tsr_dtype_to_double knows the parts. */
static bool is_number(const struct tsr_dtype *t)
{
    if (t->kind == 'c') return t->item_bytes == 8 || t->item_bytes == 16;
    return tsr_dtype_is_numeric(t);
}

static int parse(struct tsr_diff_type *t, int k, const char *dtype)
{
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &t->dtype[k]);
    return rc < 0 ? rc : tsr_hash_items_init(&t->packed[k], t->dtype[k]);
}

static int spelled_alike(const struct tsr_diff_type *t, bool *same)
{
    struct tsr_buf text[2] = {{0}, {0}};
    int rc = tsr_hash_dtype_emit(&text[0], t->dtype[0]);
    if (rc == TSR_OK) rc = tsr_hash_dtype_emit(&text[1], t->dtype[1]);
    *same = rc == TSR_OK && text[0].len == text[1].len &&
            memcmp(text[0].p, text[1].p, text[0].len) == 0;
    tsr_buf_free(&text[0]);
    tsr_buf_free(&text[1]);
    return rc;
}

int tsr_diff_type_init(struct tsr_diff_type *t, const char *a, const char *b,
                       const tsr_diff_spec *how)
{
    *t = (struct tsr_diff_type){.rtol = how->rtol,
                                .atol = how->atol,
                                .nan_differs = how->flags & TSR_DIFF_NAN};
    int rc = parse(t, 0, a);
    if (rc == TSR_OK) rc = parse(t, 1, b);
    if (rc == TSR_OK) rc = spelled_alike(t, &t->alike);
    if (rc < 0) return rc;
    bool numbers = is_number(t->dtype[0]) && is_number(t->dtype[1]);
    bool bits = how->flags & TSR_DIFF_BITS;
    if (!t->alike && (bits || !numbers))
        return tsr_fail(TSR_EUNSUPPORTED, "diff: items of %s and %s cannot be compared", a, b);
    if (numbers && !bits)
        t->way = is_integer(t->dtype[0]) && is_integer(t->dtype[1]) ? TSR_DIFF_AS_INTEGERS
                                                                    : TSR_DIFF_AS_FLOATS;
    t->same_bytes = strcmp(a, b) == 0 && (t->way != TSR_DIFF_AS_FLOATS || !t->nan_differs);
    return TSR_OK;
}

void tsr_diff_type_done(struct tsr_diff_type *t)
{
    for (int k = 0; k < 2; k++) {
        tsr_hash_items_done(&t->packed[k]);
        tsr_dtype_free(t->dtype[k]);
    }
}

/* ---- pieces ---- */

static void note(struct tsr_diff_found *f, int64_t at)
{
    if (f->different < TSR_DIFF_FIRST) f->first[f->different] = at;
    f->different++;
}

static void note_far(struct tsr_diff_found *f, double apart, double than)
{
    if (apart > f->most_abs) f->most_abs = apart;
    if (than > 0 && apart / than > f->most_rel) f->most_rel = apart / than;
}

/* NumPy's isclose; items that are equal are never apart. */
static bool is_close(const struct tsr_diff_type *t, double apart, double than)
{
    return apart <= t->atol + t->rtol * than && isfinite(than);
}

static __int128 integer_at(const struct tsr_dtype *t, const uint8_t *p)
{
    uint64_t v = 0;
    int64_t n = t->item_bytes;
    for (int64_t i = 0; i < n; i++) v = v << 8 | p[t->order == '>' ? i : n - 1 - i];
    if (t->kind != 'i') return t->kind == 'b' ? v != 0 : (__int128)v;
    return (__int128)((int64_t)(v << (64 - 8 * n)) >> (64 - 8 * n));
}

static void compare_integers(const struct tsr_diff_type *t, const uint8_t *a, const uint8_t *b,
                             int64_t from, int64_t n, struct tsr_diff_found *f)
{
    for (int64_t i = 0; i < n; i++) {
        __int128 x = integer_at(t->dtype[0], a + i * t->dtype[0]->item_bytes);
        __int128 y = integer_at(t->dtype[1], b + i * t->dtype[1]->item_bytes);
        if (x == y) continue;
        double apart = (double)(x < y ? y - x : x - y), than = fabs((double)y);
        note_far(f, apart, than);
        if (!is_close(t, apart, than)) note(f, from + i);
    }
}

/* Real and imaginary parts, which are 0 of real numbers. */
static void load_floats(const struct tsr_dtype *t, const uint8_t *p, int64_t n, double *out)
{
    struct tsr_dtype part = *t;
    if (t->kind == 'c') {
        part.kind = 'f';
        part.item_bytes /= 2;
        tsr_dtype_to_double(&part, p, 2 * n, out);
        return;
    }
    tsr_dtype_to_double(t, p, n, out);
    for (int64_t i = n - 1; i >= 0; i--) {
        out[2 * i] = out[i];
        out[2 * i + 1] = 0;
    }
}

static bool floats_differ(const struct tsr_diff_type *t, const double x[2], const double y[2],
                          struct tsr_diff_found *f)
{
    bool nan_x = isnan(x[0]) || isnan(x[1]), nan_y = isnan(y[0]) || isnan(y[1]);
    if (nan_x || nan_y) return !(nan_x && nan_y) || t->nan_differs;
    if (x[0] == y[0] && x[1] == y[1]) return false;
    double apart = x[1] == 0 && y[1] == 0 ? fabs(x[0] - y[0]) : hypot(x[0] - y[0], x[1] - y[1]);
    double than = y[1] == 0 ? fabs(y[0]) : hypot(y[0], y[1]);
    if (isnan(apart)) apart = INFINITY;
    note_far(f, apart, isfinite(than) ? than : 0);
    return !is_close(t, apart, than);
}

static void compare_floats(const struct tsr_diff_type *t, const uint8_t *a, const uint8_t *b,
                           int64_t from, int64_t n, double *scratch, struct tsr_diff_found *f)
{
    double *x = scratch, *y = scratch + LANES * PIECE;
    load_floats(t->dtype[0], a, n, x);
    load_floats(t->dtype[1], b, n, y);
    for (int64_t i = 0; i < n; i++)
        if (floats_differ(t, x + 2 * i, y + 2 * i, f)) note(f, from + i);
}

static void compare_bytes(const struct tsr_diff_type *t, const uint8_t *a, const uint8_t *b,
                          int64_t from, int64_t n, uint8_t *scratch, struct tsr_diff_found *f)
{
    size_t len = (size_t)t->packed[0].bytes;
    uint8_t *x = scratch, *y = scratch + len;
    for (int64_t i = 0; i < n; i++) {
        tsr_hash_items_pack(&t->packed[0], a + i * t->packed[0].stored, 1, x);
        tsr_hash_items_pack(&t->packed[1], b + i * t->packed[1].stored, 1, y);
        if (memcmp(x, y, len) != 0) note(f, from + i);
    }
}

size_t tsr_diff_scratch(const struct tsr_diff_type *t)
{
    size_t floats = 2 * LANES * PIECE * sizeof(double);
    return t->way == TSR_DIFF_AS_BYTES ? 2 * (size_t)t->packed[0].bytes + 1 : floats;
}

void tsr_diff_items(const struct tsr_diff_type *t, const uint8_t *a, const uint8_t *b, int64_t from,
                    int64_t n, void *scratch, struct tsr_diff_found *f)
{
    int64_t size_a = t->packed[0].stored, size_b = t->packed[1].stored;
    *f = (struct tsr_diff_found){0};
    if (t->same_bytes && memcmp(a, b, (size_t)(n * size_a)) == 0) return;
    for (int64_t i = 0; i < n; i += PIECE) {
        int64_t len = tsr_min64(PIECE, n - i);
        const uint8_t *x = a + i * size_a, *y = b + i * size_b;
        if (t->same_bytes && memcmp(x, y, (size_t)(len * size_a)) == 0) continue;
        if (t->way == TSR_DIFF_AS_INTEGERS) compare_integers(t, x, y, from + i, len, f);
        else if (t->way == TSR_DIFF_AS_FLOATS) compare_floats(t, x, y, from + i, len, scratch, f);
        else compare_bytes(t, x, y, from + i, len, scratch, f);
    }
}
