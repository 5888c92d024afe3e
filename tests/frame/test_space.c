/* SPDX-License-Identifier: BSD-3-Clause */
/* The space of a frame: what is given out overlaps nothing that lives, holes are found again, and
 * the note of them keeps the longest. */
#include <string.h>

#include "frame/priv.h"
#include "scratch.h"

enum { MOST = 1 << 16 };

static struct frame_space with_holes(size_t n, uint64_t len)
{
    struct frame_space s = {.end = 0};
    uint64_t *off = malloc(n * sizeof *off);
    assert_non_null(off);
    for (size_t i = 0; i < n; i++) {
        off[i] = tsr_space_alloc(&s, len);
        tsr_space_alloc(&s, 1); /* keeps neighbours apart */
    }
    for (size_t i = 0; i < n; i++) tsr_space_free(&s, off[i], len, true);
    free(off);
    return s;
}

static void the_one_hole_that_fits_is_found_among_a_thousand_small_ones(void **state)
{
    (void)state;
    struct frame_space s = with_holes(1000, 50);
    uint64_t large = tsr_space_alloc(&s, 70);
    assert_int_equal(tsr_space_alloc(&s, 60), large + 70);
    tsr_space_free(&s, large, 70, true);
    assert_int_equal(tsr_space_alloc(&s, 65), large);
    assert_int_not_equal(tsr_space_alloc(&s, 65), large);
    assert_true(tsr_space_alloc(&s, 50) < large);
    tsr_space_done(&s);
}

/* Lengths of what lives, by offset; 0: nothing begins there. */
static void give(struct frame_space *s, uint8_t *used, uint64_t len[], uint64_t n)
{
    uint64_t off = tsr_space_alloc(s, n);
    assert_true(off + n <= MOST && off + n <= s->area && s->area <= s->end);
    for (uint64_t i = off; i < off + n; i++) assert_int_equal(used[i]++, 0);
    len[off] = n;
}

static void take(struct frame_space *s, uint8_t *used, uint64_t len[], uint64_t off)
{
    memset(used + off, 0, len[off]);
    tsr_space_free(s, off, len[off], true);
    len[off] = 0;
}

static void what_is_given_out_overlaps_nothing_that_lives(void **state)
{
    static uint8_t used[MOST];
    static uint64_t len[MOST];
    struct frame_space s = {.end = 0};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t off = (uint64_t)random_in(0, 4000);
        if (len[off]) take(&s, used, len, off);
        if (s.area < 3900) give(&s, used, len, (uint64_t)random_in(1, 60));
        uint64_t at = tsr_space_place(&s, 40);
        assert_true(at >= s.area);
        for (uint64_t k = s.area; k < s.end; k++) assert_int_equal(used[k], 0);
    }
    tsr_space_done(&s);
}

static void holes_that_touch_become_one(void **state)
{
    (void)state;
    struct frame_extents to = {0}, from = {0};
    for (uint64_t i = 0; i < 10; i++) tsr_extents_add(&to, 100 * i, 50);
    tsr_extents_add(&from, 350, 50);  /* between two, touching both */
    tsr_extents_add(&from, 20, 100);  /* over the first and into the second */
    tsr_extents_add(&from, 1000, 10); /* behind all */
    tsr_extents_merge(&to, &from);
    static const struct frame_extent want[] = {{0, 150},  {200, 50}, {300, 150},
                                               {500, 50}, {600, 50}, {700, 50},
                                               {800, 50}, {900, 50}, {1000, 10}};
    assert_int_equal(from.n, 0);
    assert_int_equal(to.n, sizeof want / sizeof *want);
    for (size_t i = 0; i < to.n; i++) {
        assert_int_equal(to.v[i].off, want[i].off);
        assert_int_equal(to.v[i].len, want[i].len);
    }
    tsr_free(to.v);
    tsr_free(from.v);
}

static int descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

static void the_note_keeps_the_longest_holes_in_order(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct frame_space s = {.end = UINT64_MAX};
        struct frame_note note = {.len = 0};
        uint64_t len[300], sum = 0, most = 0;
        int64_t n = random_in(1, 300), kinds = random_in(1, 400);
        for (int64_t i = 0; i < n; i++) {
            len[i] = (uint64_t)random_in(1, kinds);
            tsr_extents_add(&s.free, (uint64_t)i * 1000, len[i]);
        }
        tsr_note_gather(&note, &s);
        const struct frame_extents *h = &note.holes;
        qsort(len, (size_t)n, sizeof *len, descending);
        for (int64_t i = 0; i < n && i < (int64_t)h->n; i++) most += len[i];
        for (size_t i = 0; i < h->n; i++) {
            sum += h->v[i].len;
            assert_true(i == 0 || h->v[i].off > h->v[i - 1].off);
        }
        assert_int_equal(h->n, n < 64 ? n : 64);
        assert_int_equal(sum, most);
        tsr_free(note.holes.v);
        tsr_space_done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_hole_that_fits_is_found_among_a_thousand_small_ones),
        cmocka_unit_test(what_is_given_out_overlaps_nothing_that_lives),
        cmocka_unit_test(holes_that_touch_become_one),
        cmocka_unit_test(the_note_keeps_the_longest_holes_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
