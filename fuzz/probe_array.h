/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/probe_array.h - a b2nd file of any bytes: opened in place, parts of it read, and, where it
 * is small, changed, resized and saved in a copy.
 *
 * Reading may fail, but the same items read in two ways are the same.  After all of it was
 * overwritten nothing of the input is left, and every item must come back, also from the saved
 * frame, unless a step is lossy. */
#ifndef TSR_FUZZ_PROBE_ARRAY_H
#define TSR_FUZZ_PROBE_ARRAY_H

#include "fuzz.h"

enum { MAX_BYTES = 1 << 18, MAX_CHUNKS = 4096 };

/* A box of at most MAX_BYTES whose corner and steps come from the seed. */
struct box {
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], step[TSR_MAX_NDIM];
    size_t len;
};

static inline bool make_box(const tsr_spec *s, uint64_t seed, struct box *b)
{
    int64_t bytes = s->item_bytes;
    for (int d = 0; d < s->ndim; d++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t n = s->shape[d], room = MAX_BYTES / bytes;
        if (n == 0 || room == 0) return false;
        b->start[d] = (int64_t)((seed >> 33) % (uint64_t)n);
        b->step[d] = (int64_t)(seed >> 60 & 3) + 1;
        int64_t most = (n - 1 - b->start[d]) / b->step[d] + 1;
        b->count[d] = (int64_t)((seed >> 20) % (uint64_t)tsr_min64(most, room)) + 1;
        bytes *= b->count[d];
    }
    b->len = (size_t)bytes;
    return bytes <= MAX_BYTES;
}

/* All at once and row by row along the first axis. */
static inline void read_twice(const tsr_array *a, struct box *b)
{
    tsr_slice s = {b->start, b->count, b->step};
    uint8_t *whole = malloc(b->len), *part = malloc(b->len);
    check(whole && part);
    if (tsr_array_read(a, &s, whole, b->len) == TSR_OK && tsr_array_spec(a)->ndim > 0) {
        int64_t rows = b->count[0], first = b->start[0];
        size_t row = b->len / (size_t)rows;
        b->count[0] = 1;
        for (int64_t i = 0; i < rows; i++) {
            b->start[0] = first + i * b->step[0];
            check(tsr_array_read(a, &s, part, row) == TSR_OK);
            check(memcmp(part, whole + (size_t)i * row, row) == 0);
        }
    }
    free(whole);
    free(part);
}

/* Whether there is an item that is not zero, and something else over some of the axes. */
static inline void reduce(const tsr_array *a, const struct box *b, uint64_t seed)
{
    const tsr_spec *spec = tsr_array_spec(a);
    tsr_slice s = {b->start, b->count, b->step};
    tsr_reduce_spec how = {.size = sizeof how, .how = TSR_ANY};
    uint8_t *items = malloc(b->len), *out;
    bool found = false, any = false, axes[TSR_MAX_NDIM];
    check(items);
    int rc = tsr_array_read(a, &s, items, b->len);
    for (size_t i = 0; rc == TSR_OK && i < b->len; i++) any |= items[i] != 0;
    int reduced = tsr_reduce(a, &s, &how, &found, sizeof found);
    bool whole = spec->dtype[1] && strchr("biu", spec->dtype[1]) && spec->dtype[0] != '[';
    if (whole) check((reduced < 0) == (rc < 0) && (rc < 0 || found == any));
    size_t n = 1;
    for (int d = 0; d < spec->ndim; d++) {
        axes[d] = seed >> d & 1;
        if (!axes[d]) n *= (size_t)b->count[d];
    }
    how = (tsr_reduce_spec){.size = sizeof how, .how = seed % (TSR_ALL + 1), .axes = axes};
    char *dtype = NULL;
    int64_t item;
    if (tsr_reduce_dtype(spec->dtype, &how, &dtype) == TSR_OK) {
        check(tsr_dtype_item_bytes(dtype, &item) == TSR_OK);
        out = malloc(n * (size_t)item);
        check(out);
        check((tsr_reduce(a, &s, &how, out, n * (size_t)item) < 0) == (rc < 0));
        free(out);
    }
    tsr_free(dtype);
    free(items);
}

static inline void expect(const tsr_array *a, const uint8_t *p, size_t len)
{
    uint8_t *got = malloc(len + 1);
    check(got && tsr_array_read(a, NULL, got, len) == TSR_OK);
    const tsr_spec *s = tsr_array_spec(a);
    check(is_lossy(s->steps, s->nsteps) || memcmp(got, p, len) == 0);
    free(got);
}

static inline void change(tsr_array *a, size_t len)
{
    tsr_options o = options();
    uint8_t *p = malloc(len + 1);
    void *frame = NULL;
    size_t frame_len;
    tsr_array *b;
    check(p);
    for (size_t i = 0; i < len; i++) p[i] = (uint8_t)(i * i >> 3);
    if (tsr_array_write(a, NULL, p, len) == TSR_OK) { /* its codec may be read-only here */
        expect(a, p, len);
        check(tsr_array_flush(a) == TSR_OK);
        expect(a, p, len);
        if (tsr_array_to_frame(a, &frame, &frame_len) == TSR_OK) {
            check(tsr_array_from_frame(frame, frame_len, TSR_BORROW, &o, &b) == TSR_OK);
            expect(b, p, len);
            check(tsr_array_close(b) == TSR_OK);
        }
    }
    tsr_free(frame);
    free(p);
}

static inline void grow(tsr_array *a)
{
    const tsr_spec *s = tsr_array_spec(a);
    int64_t shape[TSR_MAX_NDIM];
    for (int d = 0; d < s->ndim; d++) shape[d] = s->shape[d] + 1 + d % 2;
    if (tsr_array_resize(a, shape) < 0) return;
    for (int d = 0; d < s->ndim; d++) shape[d] = s->shape[d] / 2;
    (void)tsr_array_resize(a, shape);
}

static inline void probe_array(const uint8_t *data, size_t size)
{
    tsr_options o = options();
    tsr_stats st = {.size = sizeof st};
    struct box b;
    tsr_array *a;
    char *json;
    if (tsr_array_from_frame(data, size, TSR_BORROW, &o, &a) < 0) return;
    for (uint64_t i = 0; i < 3; i++)
        if (make_box(tsr_array_spec(a), i + size, &b)) {
            reduce(a, &b, i + size);
            read_twice(a, &b);
        }
    if (tsr_array_attrs(a, &json) == TSR_OK) tsr_free(json);
    check(tsr_array_stats(a, &st) == TSR_OK);
    check(tsr_array_close(a) == TSR_OK);
    if (st.nbytes > MAX_BYTES || st.nchunks > MAX_CHUNKS) return;
    check(tsr_array_from_frame(data, size, 0, &o, &a) == TSR_OK);
    if (size % 2) grow(a);
    check(tsr_array_stats(a, &st) == TSR_OK);
    if (st.nbytes <= MAX_BYTES * 8) change(a, (size_t)st.nbytes);
    (void)tsr_array_close(a);
}

#endif
