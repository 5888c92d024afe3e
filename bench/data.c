/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/data.c - made-up data that compresses as the real kind does.
 *
 *   SMOOTH_F4  a field that varies slowly, with noise in its low bits, in steps of 1/64
 *   CURVE_F4   a slow curve on a ramp, in whole steps and without noise
 *   IMAGE_U2   a camera frame: gradient, read-out noise of 4 bits, some stars
 *   TABLE_F8   slow curves in steps of 1/1024
 *   STARS_U1   counts of stars in a galaxy-like volume, nearly all of it empty
 *   LABELS_U1  tiles of 24 x 24 with a number each, one in eight of them noise
 *   RECORDS    runs of 60 equal bytes between 20 of noise
 *   ZEROS */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int64_t items_of(const struct layout *l)
{
    int64_t n = 1;
    for (int d = 0; d < l->ndim; d++) n *= l->shape[d];
    return n;
}

size_t layout_bytes(const struct layout *l)
{
    return (size_t)(items_of(l) * l->item_bytes);
}

uint64_t rnd(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static double *wave(int64_t n, double period, double height)
{
    double *w = malloc((size_t)(n ? n : 1) * sizeof *w);
    for (int64_t i = 0; w && i < n; i++)
        w[i] = height * sin((double)i * 6.2831853 / period) + height * sin((double)i / period);
    return w;
}

/* The value of a row's item x is base + row[x] + noise below 2^bits. */
static void put_row(const struct layout *l, uint8_t *dst, int64_t n, double base, const double *row,
                    uint64_t *seed)
{
    uint64_t bits = 0;
    for (int64_t x = 0; x < n; x++) {
        if (x % 16 == 0) bits = rnd(seed);
        unsigned noise = (unsigned)(bits >> x % 16 * 4) & 15;
        if (l->content == SMOOTH_F4) {
            ((float *)dst)[x] = (float)(floor((base + row[x]) * 64 + (noise & 3)) / 64);
        } else if (l->content == CURVE_F4) {
            ((float *)dst)[x] = (float)floor((double)x / 64 + row[x]);
        } else if (l->content == TABLE_F8) {
            ((double *)dst)[x] = floor((base + row[x]) * 1024 + (noise & 1)) / 1024;
        } else {
            bool star = (bits & 0xffff0000) == 0;
            ((uint16_t *)dst)[x] = (uint16_t)(1000 + base + row[x] + noise + (star ? 9000 : 0));
        }
    }
}

static void fill_field(const struct layout *l, uint8_t *dst)
{
    int64_t n = l->shape[l->ndim - 1], rows = n ? items_of(l) / n : 0;
    int64_t ny = l->ndim > 1 ? l->shape[l->ndim - 2] : 1;
    double *row = wave(n, 97, 20), *col = wave(ny, 61, 10), *slab = wave(rows / ny, 41, 30);
    uint64_t seed = 1;
    if (!row || !col || !slab) abort();
    for (int64_t i = 0; i < rows; i++)
        put_row(l, dst + i * n * l->item_bytes, n, 200 + col[i % ny] + slab[i / ny], row, &seed);
    free(row);
    free(col);
    free(slab);
}

/* A disk with a bulge: most stars lie near the middle of axis 0. */
static void fill_stars(const struct layout *l, uint8_t *dst)
{
    uint64_t seed = 7;
    int64_t n = items_of(l), stars = n / 600;
    memset(dst, 0, (size_t)n);
    for (int64_t i = 0; i < stars; i++) {
        int64_t at = 0;
        for (int d = 0; d < NDIM; d++) {
            double v = 0; /* about normal: mean 0, deviation 1 */
            for (int k = 0; k < 6; k++) v += (double)(rnd(&seed) >> 11) * 0x1p-53 - 0.5;
            double x = 0.5 + v * 1.41 * (d == 0 ? 0.02 : 0.14);
            int64_t c = (int64_t)(x * (double)l->shape[d]);
            at = at * l->shape[d] + (c < 0 ? 0 : c >= l->shape[d] ? l->shape[d] - 1 : c);
        }
        if (dst[at] < 255) dst[at]++;
    }
}

static void fill_labels(const struct layout *l, uint8_t *dst)
{
    uint64_t seed = 5;
    int64_t n = l->shape[l->ndim - 1], rows = items_of(l) / n;
    for (int64_t y = 0; y < rows; y++) {
        for (int64_t x = 0; x < n; x++) {
            uint64_t tile = (uint64_t)(y / 24 * 1000 + x / 24), r = rnd(&tile);
            *dst++ = (uint8_t)(r & 7 ? r >> 8 : rnd(&seed));
        }
    }
}

static void fill_records(uint8_t *dst, size_t n)
{
    uint64_t seed = 3;
    for (size_t i = 0; i < n; i++) dst[i] = (uint8_t)(i % 80 < 60 ? i / 80 : rnd(&seed));
}

void fill(const struct layout *l, void *dst)
{
    switch (l->content) {
    case STARS_U1: fill_stars(l, dst); break;
    case LABELS_U1: fill_labels(l, dst); break;
    case RECORDS: fill_records(dst, layout_bytes(l)); break;
    case ZEROS: memset(dst, 0, layout_bytes(l)); break;
    default: fill_field(l, dst);
    }
}

static double value(const struct layout *l, const void *p, size_t i)
{
    if (l->content == SMOOTH_F4 || l->content == CURVE_F4) return (double)((const float *)p)[i];
    return l->content == IMAGE_U2 ? ((const uint16_t *)p)[i] : ((const double *)p)[i];
}

bool alike(const struct layout *l, const void *want, const void *got, size_t bytes)
{
    if (l->tolerance == 0) return memcmp(want, got, bytes) == 0;
    for (size_t i = 0; i < bytes / (size_t)l->item_bytes; i++)
        if (!(fabs(value(l, want, i) - value(l, got, i)) <= l->tolerance)) return false;
    return true;
}

static void parse_part(const char *p, const char *end, struct part *out)
{
    const char *slash = memchr(p, '/', (size_t)(end - p)), *stop = slash ? slash : end;
    *out = (struct part){0};
    for (int i = 0; p < stop && i + 1 < (int)sizeof out->name; i++) out->name[i] = *p++;
    if (!slash) return;
    out->dict = slash[1] == 'd';
    out->has_meta = !out->dict;
    if (out->has_meta) out->meta = (int)strtol(slash + 1, NULL, 10);
}

int parse_parts(const char *text, struct part out[MAX_PARTS])
{
    int n = 0;
    for (const char *p = text; p && n < MAX_PARTS;) {
        const char *comma = strchr(p, ',');
        parse_part(p, comma ? comma : p + strlen(p), &out[n++]);
        p = comma ? comma + 1 : NULL;
    }
    return n;
}

/* Calls copy for each contiguous run of the box. */
static void box_rows(const struct layout *l, uint8_t *array, const int64_t *start,
                     const int64_t *count, uint8_t *box, bool put)
{
    int last = l->ndim - 1;
    int64_t rows = 1, at[NDIM] = {0};
    size_t run = (size_t)(count[last] * l->item_bytes);
    for (int d = 0; d < last; d++) rows *= count[d];
    for (int64_t r = 0; r < rows; r++, box += run) {
        int64_t item = 0;
        for (int d = 0; d <= last; d++) item = item * l->shape[d] + start[d] + at[d];
        uint8_t *p = array + item * l->item_bytes;
        if (put) memcpy(p, box, run);
        else memcpy(box, p, run);
        for (int d = last - 1; d >= 0 && ++at[d] == count[d]; d--) at[d] = 0;
    }
}

void box_get(const struct layout *l, const void *array, const int64_t *start, const int64_t *count,
             void *box)
{
    box_rows(l, (uint8_t *)(uintptr_t)array, start, count, box, false);
}

void box_put(const struct layout *l, void *array, const int64_t *start, const int64_t *count,
             const void *box)
{
    box_rows(l, array, start, count, (uint8_t *)(uintptr_t)box, true);
}
