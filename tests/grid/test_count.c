/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/grid/test_count.c - closed forms beside marking every item. */
#include "../scratch.h"

#include <math.h>

#include "grid/count.h"

enum { MOST = 160 };

/* What tsr_axis_count counts, by going from item to item. */
static struct tsr_axis_count mark(const struct tsr_count_axis *x, int64_t s, int64_t miss)
{
    bool chunk[MOST] = {0}, block[MOST * 4] = {0};
    int64_t per = (x->chunk + x->block - 1) / x->block, last = s;
    struct tsr_axis_count n = {0};
    for (int64_t i = 0; i < x->count; i++) {
        last = s + i * x->step;
        int64_t k = last / x->chunk, b = k * per + last % x->chunk / x->block;
        n.chunks += !chunk[k];
        n.blocks += !block[b];
        chunk[k] = block[b] = true;
    }
    for (int64_t k = 0; k * x->chunk < x->shape; k++) {
        int64_t lo = k * x->chunk, end = lo + x->chunk < x->shape ? lo + x->chunk : x->shape;
        int64_t from = s > lo ? s : lo, to = last < end - 1 ? last : end - 1;
        if (!chunk[k]) continue;
        int64_t has = (end - lo + x->block - 1) / x->block;
        int64_t t = (to - lo) / x->block - (from - lo) / x->block + 1;
        if (x->count > 1 && x->step > x->chunk)
            t = 1, has = x->step > x->chunk && per > 1 ? per : 1;
        n.reach += (double)t;
        n.closed += has - t <= miss;
        n.closed_reach += has - t <= miss ? (double)t : 0;
        n.closed_row += has - t <= miss ? (double)has : 0;
    }
    return n;
}

static void expect_same(const struct tsr_axis_count *a, const struct tsr_axis_count *b, bool apart,
                        const char *what)
{
    const double *x = &a->chunks, *y = &b->chunks;
    for (int i = 0; i < (apart ? 2 : 6); i++)
        if (x[i] < y[i] - 1e-9 || x[i] > y[i] + 1e-9)
            fail_msg("%s: number %d: found %g, expected %g", what, i, x[i], y[i]);
}

static void check(const struct tsr_count_axis *x, int64_t miss)
{
    struct tsr_axis_counts got;
    tsr_count_along(x, miss, true, &got);
    int64_t span = (x->count - 1) * x->step, places = x->slides ? x->shape - span : 1;
    struct tsr_axis_count here = mark(x, x->start, miss), sum = {0};
    double most = 0;
    char what[160];
    snprintf(what, sizeof what, "shape %d chunk %d block %d start %d count %d step %d miss %d",
             (int)x->shape, (int)x->chunk, (int)x->block, (int)x->start, (int)x->count,
             (int)x->step, (int)miss);
    expect_same(&got.here, &here, got.apart, what);
    for (int64_t s = 0; s < places; s++) {
        struct tsr_axis_count n = mark(x, x->slides ? s : x->start, miss);
        for (int i = 0; i < 6; i++) (&sum.chunks)[i] += (&n.chunks)[i] / (double)places;
        if (n.blocks > most) most = n.blocks;
    }
    expect_same(&got.mean, &sum, got.apart, what);
    if (got.worst.blocks != most) fail_msg("%s: worst: %g of %g", what, got.worst.blocks, most);
}

static void closed_forms_say_what_marking_each_item_says(void **state)
{
    (void)state;
    for (int turn = 0; turn < 20000; turn++) {
        struct tsr_count_axis x = {.shape = random_in(1, MOST), .slides = turn % 3};
        x.chunk = random_in(1, random_in(1, x.shape + 3));
        x.block = random_in(1, random_in(1, x.chunk));
        if (turn % 2) x.chunk = (x.chunk + x.block - 1) / x.block * x.block;
        x.step = turn % 4 ? 1 : random_in(1, random_in(1, x.shape));
        x.count = random_in(1, (x.shape - 1) / x.step + 1);
        x.start = random_in(0, x.shape - 1 - (x.count - 1) * x.step);
        check(&x, random_in(0, 1) ? 0 : random_in(0, 9));
    }
}

static void axes_of_any_length_cost_the_same(void **state)
{
    (void)state;
    struct tsr_count_axis x = {INT64_C(1) << 60, 1 << 20, 1 << 14, 5, INT64_C(1) << 59, 1, true};
    struct tsr_axis_counts n;
    tsr_count_along(&x, 0, true, &n);
    assert_true(n.here.chunks == 0x1p39 + 1 && n.here.blocks == 0x1p45 + 1);
    /* all places but those that begin with a block meet one block more */
    assert_true(n.mean.blocks > 0x1p45 + 0.9 && n.mean.blocks < 0x1p45 + 1.1);
    x = (struct tsr_count_axis){INT64_C(1) << 60, 1000, 300, 0, INT64_C(1) << 50, 200, true};
    tsr_count_along(&x, 0, true, &n);
    /* 0 and 200, 400, 600 and 800 of each chunk: three blocks of four */
    assert_true(fabs(n.here.blocks - 0x1p50 / 5 * 3) < 3);
    assert_true(fabs(n.mean.chunks - 0x1p50 / 5) < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_forms_say_what_marking_each_item_says),
        cmocka_unit_test(axes_of_any_length_cost_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
