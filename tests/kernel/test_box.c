/* SPDX-License-Identifier: BSD-3-Clause */
/* Box copies against an odometer that moves one byte at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/box.h"

enum { ROOM = 1 << 16 };

static uint64_t seed = 362436069362436069;

static int64_t any(int64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)((seed >> 11) % (uint64_t)below);
}

static void copy_slowly(const struct tsr_box_copy *b, int d, int64_t dst, int64_t src)
{
    if (d == b->ndim) {
        for (size_t k = 0; k < b->item_bytes; k++)
            b->dst[dst + (int64_t)k] = b->src[src + (int64_t)k];
        return;
    }
    for (int64_t i = 0; i < b->count[d]; i++)
        copy_slowly(b, d + 1, dst + i * b->dst_stride[d], src + i * b->src_stride[d]);
}

struct memories {
    uint8_t src[ROOM], got[ROOM], wanted[ROOM], before[ROOM];
};

static struct memories *memories_new(void)
{
    struct memories *m = malloc(sizeof *m);
    assert_non_null(m);
    for (size_t i = 0; i < ROOM; i++) m->src[i] = (uint8_t)any(256);
    memset(m->got, 0xa5, ROOM);
    memset(m->wanted, 0xa5, ROOM);
    return m;
}

/* Compares the whole memory, so bytes outside the box are checked as well. */
static void check(struct memories *m, struct tsr_box_copy b, int64_t dst, int64_t src)
{
    memcpy(m->before, m->got, ROOM);
    b.src = m->src + src;
    b.dst = m->wanted + dst;
    copy_slowly(&b, 0, 0, 0);
    b.dst = m->got + dst;
    tsr_box_copy(&b);
    assert_memory_equal(m->got, m->wanted, ROOM);
    memcpy(m->got, m->before, ROOM);
    b.stream = true;
    tsr_box_copy(&b);
    assert_memory_equal(m->got, m->wanted, ROOM);
}

/* Strides of an array in C order that is a little larger than the box in some dimensions,
 * walked backwards in some; returns where its item 0 lies, or -1 when the room is too small. */
static int64_t any_strides(const struct tsr_box_copy *b, int64_t stride[32], int zero)
{
    int64_t step = (int64_t)b->item_bytes + (any(3) ? 0 : any(9)), first = 0;
    for (int d = b->ndim - 1; d >= 0; d--) {
        stride[d] = step;
        step *= b->count[d] + (any(2) ? 0 : any(4));
        if (step > ROOM / 2) return -1;
        if (zero && any(4) == 0) {
            stride[d] = 0;
        } else if (any(5) == 0) {
            first += stride[d] * (b->count[d] - 1);
            stride[d] = -stride[d];
        }
    }
    return first;
}

static void random_boxes_arrive_whole(void **state)
{
    (void)state;
    struct memories *m = memories_new();
    for (int round = 0; round < 6000; round++) {
        struct tsr_box_copy b = {.ndim = (int)any(7)};
        b.item_bytes = (size_t)(any(2) ? 1 + any(40) : 1 << any(5));
        for (int d = 0; d < b.ndim; d++) b.count[d] = 1 + any(b.ndim > 3 ? 4 : 12);
        int64_t dst = any_strides(&b, b.dst_stride, 0);
        int64_t src = any_strides(&b, b.src_stride, 1);
        if (dst < 0 || src < 0) continue;
        check(m, b, dst + any(64), src + any(64));
        memset(m->got, 0xa5, ROOM);
        memset(m->wanted, 0xa5, ROOM);
    }
    free(m);
}

static void rows_of_every_length_are_exact(void **state)
{
    (void)state;
    struct memories *m = memories_new();
    for (int64_t len = 1; len < 300; len++) {
        struct tsr_box_copy b = {.item_bytes = 1, .ndim = 2, .count = {9, len}};
        b.dst_stride[0] = len + 3;
        b.src_stride[0] = len + 5;
        b.dst_stride[1] = b.src_stride[1] = 1;
        check(m, b, 1, 2);
    }
    free(m);
}

static void a_source_that_stands_still_fills(void **state)
{
    (void)state;
    struct memories *m = memories_new();
    for (int64_t size = 1; size <= 40; size++) {
        struct tsr_box_copy b = {.item_bytes = (size_t)size, .ndim = 3, .count = {2, 3, 200}};
        b.dst_stride[2] = size;
        b.dst_stride[1] = size * 201;
        b.dst_stride[0] = size * 201 * 3;
        check(m, b, 0, any(100));
    }
    free(m);
}

static void empty_boxes_touch_nothing(void **state)
{
    (void)state;
    struct memories *m = memories_new();
    struct tsr_box_copy b = {.item_bytes = 4, .ndim = 3, .count = {5, 0, 5}};
    b.dst_stride[2] = b.src_stride[2] = 4;
    check(m, b, 0, 0);
    struct tsr_box_copy one = {.item_bytes = 4};
    check(m, one, 8, 16);
    free(m);
}

static void dimensions_32_are_walked(void **state)
{
    (void)state;
    struct memories *m = memories_new();
    struct tsr_box_copy b = {.item_bytes = 1, .ndim = 32};
    int64_t step = 1;
    for (int d = 31; d >= 0; d--) {
        b.count[d] = d % 3 == 0 ? 2 : 1;
        b.dst_stride[d] = step;
        b.src_stride[d] = step;
        step *= d % 6 == 0 ? 3 : b.count[d];
    }
    check(m, b, 0, 0);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_boxes_arrive_whole),
        cmocka_unit_test(rows_of_every_length_are_exact),
        cmocka_unit_test(a_source_that_stands_still_fills),
        cmocka_unit_test(empty_boxes_touch_nothing),
        cmocka_unit_test(dimensions_32_are_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
