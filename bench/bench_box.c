/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/bench_box.c - box copies as reads of arrays make them.
 *
 * Prints: name shape item rows/us GB/s, of bytes copied.  The source is one decoded block of
 * 64 x 64 x 64 items, the destination an array of 256 x 256 x 256, or packed for a plane. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/box.h"
#include "sys/sys.h"

enum { BLOCK = 64, ARRAY = 256, WIDEST = 16, RUNS = 7 };
#define RUN_SECONDS 5e-3

struct shape {
    const char *name;
    int64_t count[3];
    bool fill, packed;
};

static uint8_t *dst, *src;

static struct tsr_box_copy box_of(const struct shape *s, size_t item)
{
    int64_t it = (int64_t)item;
    struct tsr_box_copy b = {.dst = dst, .src = src, .item_bytes = item, .ndim = 3};
    int64_t ds = it, ss = it;
    for (int d = 2; d >= 0; d--) {
        b.count[d] = s->count[d];
        b.dst_stride[d] = ds;
        b.src_stride[d] = s->fill ? 0 : ss;
        ds *= s->packed ? s->count[d] : ARRAY;
        ss *= BLOCK;
    }
    return b;
}

static bool right(const struct tsr_box_copy *b)
{
    for (int64_t i = 0; i < b->count[0]; i++)
        for (int64_t j = 0; j < b->count[1]; j++)
            for (int64_t k = 0; k < b->count[2]; k++) {
                int64_t at[3] = {i, j, k}, d = 0, s = 0;
                for (int x = 0; x < 3; x++) d += at[x] * b->dst_stride[x];
                for (int x = 0; x < 3; x++) s += at[x] * b->src_stride[x];
                if (memcmp(b->dst + d, b->src + s, b->item_bytes) != 0) return false;
            }
    return true;
}

static double seconds_per_copy(const struct tsr_box_copy *b)
{
    double best = 1;
    for (int run = 0; run < RUNS; run++) {
        double start = tsr_sys_now(), took;
        int calls = 0;
        do {
            tsr_box_copy(b);
            calls++;
        } while ((took = tsr_sys_now() - start) < RUN_SECONDS);
        if (took / calls < best) best = took / calls;
    }
    return best;
}

static bool time_shape(const struct shape *s, size_t item)
{
    struct tsr_box_copy b = box_of(s, item);
    tsr_box_copy(&b);
    if (!right(&b)) {
        fprintf(stderr, "%s, items of %zu bytes: wrong result\n", s->name, item);
        return false;
    }
    double took = seconds_per_copy(&b), rows = (double)(s->count[0] * s->count[1]);
    printf("%-8s %2d x %2d x %2d  %2zu %8.1f %7.2f\n", s->name, (int)s->count[0], (int)s->count[1],
           (int)s->count[2], item, rows / took * 1e-6,
           rows * (double)s->count[2] * (double)item / took * 1e-9);
    return true;
}

int main(void)
{
    static const struct shape shapes[] = {
        {"cutout", {5, 5, 5}, false, false},    {"cutout", {20, 20, 20}, false, false},
        {"cutout", {64, 64, 64}, false, false}, {"plane0", {1, 64, 64}, false, true},
        {"plane1", {64, 1, 64}, false, true},   {"plane2", {64, 64, 1}, false, true},
        {"plane2", {64, 64, 1}, false, false},  {"point", {1, 1, 1}, false, true},
        {"fill", {64, 64, 64}, true, false},    {"fill", {64, 64, 64}, true, true},
    };
    static const size_t items[] = {1, 2, 3, 4, 8, 12, 16};
    size_t len = (size_t)ARRAY * ARRAY * BLOCK * WIDEST;
    dst = calloc(1, len);
    src = malloc((size_t)BLOCK * BLOCK * BLOCK * WIDEST);
    bool ok = dst && src;
    for (size_t i = 0; ok && i < (size_t)BLOCK * BLOCK * BLOCK * WIDEST; i++)
        src[i] = (uint8_t)(i * 2654435761u >> 11);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t i = 0; ok && i < sizeof items / sizeof *items; i++)
            ok = time_shape(&shapes[s], items[i]);
    free(dst);
    free(src);
    return !ok;
}
