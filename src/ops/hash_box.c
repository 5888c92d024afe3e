/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/hash_box.c - the bytes of a box times the powers of 256 that belong to their places.
 *
 * What lies together in the box and in the array is a run.  Runs are cut in words of 8 bytes, and
 * as many neighbouring runs as make up to 512 words are a comb: the powers inside it are the same
 * wherever it stands, so that they are made once.  The box is a row of combs.
 *
 *   run      w0 w1 w2 .        the last word is short
 *   comb     w0 w1 w2 .   w0 w1 w2 .   w0 w1 w2 .      with places of their own between
 *
 * Words that do not lie in a row, are short or in the other byte order are gathered first, 4 KiB at
 * a time. */
#include "ops/hash_box.h"

#include <string.h>

#include "base/num.h"

enum { RUN_BYTES = 8 * TSR_WEIGHTS };

/* The box as runs: axes from the outermost on, of which those from `inner` on are in the comb, and
 * `step` runs of the one before. */
struct runs {
    const struct tsr_hash_box *box;
    int n, inner;
    int64_t run, last, step; /* bytes; last: of the last one along a run that was cut, else run */
    int64_t count[TSR_MAX_NDIM + 1], stride[TSR_MAX_NDIM + 1], place[TSR_MAX_NDIM + 1];
    struct tsr_residue factor[TSR_MAX_NDIM + 1]; /* of a step along each axis */
};

static void add_axis(struct runs *r, int64_t count, int64_t stride, int64_t place)
{
    r->count[r->n] = count;
    r->stride[r->n] = stride;
    r->place[r->n++] = place;
}

/* Axes that are one in memory and in the array become one. */
static void merge_axes(struct runs *r)
{
    const struct tsr_hash_box *b = r->box;
    r->run = b->item_bytes;
    int d = b->ndim - 1;
    for (; d >= 0 && (b->count[d] == 1 || (b->stride[d] == r->run && b->place[d] == r->run)); d--)
        r->run *= b->count[d];
    for (int i = 0; i <= d; i++) {
        int k = r->n - 1;
        if (b->count[i] == 1) continue;
        if (k >= 0 && r->stride[k] == b->stride[i] * b->count[i] &&
            r->place[k] == b->place[i] * b->count[i]) {
            r->count[k] *= b->count[i];
            r->stride[k] = b->stride[i];
            r->place[k] = b->place[i];
        } else {
            add_axis(r, b->count[i], b->stride[i], b->place[i]);
        }
    }
    r->last = r->run;
}

static int64_t run_words(const struct runs *r)
{
    return (r->run + 7) / 8;
}

/* Which axes are in the comb. */
static void cut(struct runs *r)
{
    if (r->run > RUN_BYTES) {
        int64_t n = (r->run + RUN_BYTES - 1) / RUN_BYTES;
        r->last = r->run - (n - 1) * RUN_BYTES;
        r->run = RUN_BYTES;
        add_axis(r, n, RUN_BYTES, RUN_BYTES);
    }
    int64_t words = run_words(r);
    r->inner = r->n;
    while (r->inner > 0 && r->n - r->inner < TSR_COMB_AXES - 1 &&
           r->count[r->inner - 1] <= TSR_WEIGHTS / words)
        words *= r->count[--r->inner];
    r->step = TSR_WEIGHTS / words;
    if (r->inner < r->n && r->inner > 0 && r->step > r->count[r->inner - 1])
        r->step = r->count[r->inner - 1];
    for (int i = 0; i < r->inner; i++) {
        int64_t step = i == r->inner - 1 ? r->step : 1;
        if (r->count[i] > step) r->factor[i] = tsr_factor_power((uint64_t)(r->place[i] * step));
    }
}

/* ---- weights ---- */

/* n times the weights that are there, each time further by factor. */
static size_t repeat(struct tsr_residue *v, size_t have, int64_t n, struct tsr_residue factor)
{
    size_t len = have * (size_t)n;
    for (size_t i = have; i < len; i++) v[i] = tsr_residue_mul(v[i - have], factor);
    return len;
}

static void make_weights(struct tsr_comb *c)
{
    struct tsr_residue v[TSR_WEIGHTS] = {tsr_factor_one};
    size_t n = repeat(v, 1, (c->run + 7) / 8, tsr_factor_power(8));
    for (int i = 0; i < c->axes; i++)
        n = repeat(v, n, c->n[i], tsr_factor_power((uint64_t)c->place[i]));
    for (size_t i = 0; i < n; i++) tsr_weights_set(&c->weights, i, tsr_factor_residue(v[i]));
}

static void find_weights(const struct runs *r, struct tsr_comb *c)
{
    struct tsr_comb want = {.run = r->run};
    for (int i = r->n - 1; i >= r->inner; i--) {
        want.n[want.axes] = r->count[i];
        want.place[want.axes++] = r->place[i];
    }
    if (r->inner > 0) {
        want.n[want.axes] = r->step;
        want.place[want.axes++] = r->place[r->inner - 1];
    }
    if (c->run == want.run && c->axes == want.axes && !memcmp(c->n, want.n, sizeof want.n) &&
        !memcmp(c->place, want.place, sizeof want.place))
        return;
    c->run = want.run;
    c->axes = want.axes;
    memcpy(c->n, want.n, sizeof want.n);
    memcpy(c->place, want.place, sizeof want.place);
    make_weights(c);
}

/* ---- words ---- */

/* 1 to 7 bytes, read as two words that may overlap. */
static inline uint64_t load_short(const uint8_t *p, int64_t n)
{
    if (n >= 4) return tsr_load_LE32(p) | (uint64_t)tsr_load_LE32(p + n - 4) << 8 * (n - 4);
    if (n >= 2) return tsr_load_LE16(p) | (uint64_t)tsr_load_LE16(p + n - 2) << 8 * (n - 2);
    return *p;
}

/* A run as words, the last one filled up with zeros; the next place for words. */
static uint8_t *put_run(uint8_t *to, const uint8_t *p, int64_t run)
{
    size_t whole = (size_t)run / 8 * 8;
    memcpy(to, p, whole);
    if (run % 8 == 0) return to + whole;
    tsr_store_LE64(to + whole, load_short(p + whole, run % 8));
    return to + whole + 8;
}

/* n short runs, stride apart. */
static uint8_t *put_row(uint8_t *to, const uint8_t *p, int64_t run, int64_t n, int64_t stride)
{
    switch (run) {
    case 4:
        for (int64_t i = 0; i < n; i++) tsr_store_LE64(to + 8 * i, tsr_load_LE32(p + i * stride));
        return to + 8 * n;
    case 8:
        for (int64_t i = 0; i < n; i++) memcpy(to + 8 * i, p + i * stride, 8);
        return to + 8 * n;
    case 16:
        for (int64_t i = 0; i < n; i++) memcpy(to + 16 * i, p + i * stride, 16);
        return to + 16 * n;
    default:
        for (int64_t i = 0; i < n; i++) to = put_run(to, p + i * stride, run);
        return to;
    }
}

static uint32_t *put_small(uint32_t *to, const uint8_t *p, int64_t run, int64_t n, int64_t stride)
{
    switch (run) {
    case 1:
        for (int64_t i = 0; i < n; i++) to[i] = p[i * stride];
        break;
    case 2:
        for (int64_t i = 0; i < n; i++) to[i] = tsr_load_LE16(p + i * stride);
        break;
    default:
        for (int64_t i = 0; i < n; i++) to[i] = (uint32_t)load_short(p + i * stride, run);
    }
    return to + n;
}

static void turn(uint64_t *v, size_t n, int unit)
{
    const uint64_t odd = 0x00FF00FF00FF00FF;
    for (size_t i = 0; i < n && unit == 8; i++) v[i] = __builtin_bswap64(v[i]);
    for (size_t i = 0; i < n && unit == 4; i++) {
        uint64_t w = __builtin_bswap64(v[i]);
        v[i] = w << 32 | w >> 32;
    }
    for (size_t i = 0; i < n && unit == 2; i++) v[i] = (v[i] & odd) << 8 | (v[i] >> 8 & odd);
}

/* Words of a comb: of runs along the axes from `from` on, n of the first of these. */
struct gather {
    const struct runs *r;
    int from;
    int64_t n;
    bool small;
    union {
        uint64_t words[TSR_WEIGHTS];
        uint32_t small_words[TSR_WEIGHTS];
    } v;
};

static size_t gather(struct gather *g, const uint8_t *p, int64_t run)
{
    const struct runs *r = g->r;
    int last = r->n - 1;
    int64_t at[TSR_COMB_AXES] = {0};
    uint8_t *to = (uint8_t *)g->v.words;
    uint32_t *small = g->v.small_words;
    int64_t row = g->from > last ? 1 : g->from == last ? g->n : r->count[last];
    int64_t stride = g->from > last ? 0 : r->stride[last];
    for (int d = last;;) {
        if (g->small) small = put_small(small, p, run, row, stride);
        else to = put_row(to, p, run, row, stride);
        for (d = last - 1; d >= g->from; d--) {
            p += r->stride[d];
            if (++at[d - g->from] < (d == g->from ? g->n : r->count[d])) break;
            p -= at[d - g->from] * r->stride[d];
            at[d - g->from] = 0;
        }
        if (d < g->from) break;
    }
    return g->small ? (size_t)(small - g->v.small_words) : (size_t)(to - (uint8_t *)g->v.words) / 8;
}

static struct tsr_residue hash_comb(struct gather *g, const uint8_t *p, int64_t run,
                                    const struct tsr_comb *c)
{
    bool alone = g->from >= g->r->n || g->n == 1;
    if (alone && g->from >= g->r->n - 1 && run % 8 == 0 && g->r->box->unit == 1)
        return tsr_residue_words(&c->weights, p, (size_t)run / 8);
    size_t n = gather(g, p, run);
    if (g->small) return tsr_residue_small(&c->weights, g->v.small_words, n);
    turn(g->v.words, n, g->r->box->unit);
    return tsr_residue_words(&c->weights, g->v.words, n);
}

/* ---- combs ---- */

static struct tsr_residue hash_combs(const struct runs *r, const struct tsr_comb *c)
{
    int outer = r->inner - 1; /* the axis along which combs follow each other */
    struct gather g = {.r = r,
                       .from = tsr_max64(outer, 0),
                       .small = r->run <= 3 && r->box->unit == 1};
    struct tsr_residue sum = {0, 0}, key[TSR_MAX_NDIM + 1];
    int64_t at[TSR_MAX_NDIM + 1] = {0};
    const uint8_t *p = r->box->p;
    for (int d = 0; d <= r->n; d++) key[d] = tsr_factor_one;
    for (int d = outer;;) {
        bool end = outer >= 0 && at[outer] + r->step >= r->count[outer];
        g.n =
            outer < 0 ? (r->n ? r->count[0] : 1) : tsr_min64(r->step, r->count[outer] - at[outer]);
        struct tsr_residue v = hash_comb(&g, p, end ? r->last : r->run, c);
        sum = tsr_residue_add(sum, tsr_residue_mul(v, key[outer < 0 ? 0 : outer]));
        for (d = outer; d >= 0; d--) {
            int64_t step = d == outer ? r->step : 1;
            p += step * r->stride[d];
            at[d] += step;
            if (at[d] < r->count[d]) break;
            p -= at[d] * r->stride[d];
            at[d] = 0;
        }
        if (d < 0) return sum;
        key[d] = tsr_residue_mul(key[d], r->factor[d]);
        for (int i = d + 1; i <= outer; i++) key[i] = key[d];
    }
}

struct tsr_residue tsr_hash_box(const struct tsr_hash_box *b, struct tsr_comb *c)
{
    struct runs r = {.box = b};
    merge_axes(&r);
    cut(&r);
    find_weights(&r, c);
    return hash_combs(&r, c);
}
