/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/codec/test_lz4.c - the LZ4 decoder takes short cuts by length, distance and room: each is
 * met here, beside copying byte by byte, and buffers end at a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "codec/lz4_block.h"

enum { ROOM = 1 << 14, PAGE = 4096 };

static uint8_t *ends[2]; /* of two areas of ROOM bytes, each before a guard page */

/* A block and what it decodes to, as they grow. */
struct sample {
    uint8_t block[ROOM], want[ROOM];
    size_t len, n;
};

static void add_length(struct sample *s, size_t rest)
{
    for (; rest >= 255; rest -= 255) s->block[s->len++] = 255;
    s->block[s->len++] = (uint8_t)rest;
}

/* A sequence of so many literals and a match; match 0: the last one, literals only. */
static void add(struct sample *s, size_t literals, size_t match, size_t off)
{
    size_t m = match ? match - 4 : 0;
    s->block[s->len++] = (uint8_t)((literals < 15 ? literals : 15) << 4 | (m < 15 ? m : 15));
    if (literals >= 15) add_length(s, literals - 15);
    for (size_t i = 0; i < literals; i++, s->n++)
        s->block[s->len++] = s->want[s->n] = (uint8_t)(s->n * 197 >> 2);
    if (!match) return;
    s->block[s->len++] = (uint8_t)off;
    s->block[s->len++] = (uint8_t)(off >> 8);
    if (m >= 15) add_length(s, m - 15);
    for (size_t i = 0; i < match; i++, s->n++) s->want[s->n] = s->want[s->n - off];
}

/* Decodes s, or its first bytes. */
static int decode(const struct sample *s, bool start, size_t n)
{
    uint8_t *src = ends[0] - s->len, *dst = ends[1] - n;
    memcpy(src, s->block, s->len);
    memset(dst, 0xA5, n);
    int rc =
        tsr_lz4_block_decode(&(struct tsr_lz4_block){.src = src, .len = s->len}, start, dst, n);
    if (rc == 0) assert_memory_equal(dst, s->want, n);
    return rc;
}

/* The sequence in question stands behind 70 literals and before `behind` bytes. */
static void one(size_t literals, size_t match, size_t off, size_t behind)
{
    static struct sample s;
    s.len = s.n = 0;
    add(&s, 70, 4, 70);
    add(&s, literals, match, off);
    add(&s, 1, 4, 3);
    add(&s, behind, 0, 0);
    assert_int_equal(decode(&s, false, s.n), 0);
    for (size_t cut = 0; cut < 40; cut += 13) assert_int_equal(decode(&s, true, s.n - cut), 0);
}

static void matches_of_all_lengths_and_distances_are_copied(void **state)
{
    (void)state;
    for (size_t off = 1; off <= 70; off += off < 34 ? 1 : 9)
        for (size_t match = 4; match < 560; match += match < 80 ? 1 : 41) {
            one(3, match, off, 12);
            one(0, match, off, 700);
        }
}

static void literals_of_all_numbers_are_copied(void **state)
{
    (void)state;
    for (size_t literals = 0; literals < 560; literals += literals < 80 ? 1 : 41)
        for (size_t off = 1; off < 24; off += 11) {
            one(literals, 6, off, 12);
            one(literals, 300, off, 700);
        }
}

/* Far from the ends, where the decoder looks least. */
static void offsets_are_refused_far_from_the_ends_too(void **state)
{
    (void)state;
    static struct sample s;
    for (size_t match = 4; match < 64; match++) {
        s.len = s.n = 0;
        add(&s, 70, match, 1);
        size_t at = 1 + 1 + 70; /* of the offset */
        add(&s, 900, 0, 0);
        assert_int_equal(decode(&s, false, s.n), 0);
        s.block[at] = 0;
        assert_true(decode(&s, false, s.n) < 0);
        s.block[at] = 71;
        assert_true(decode(&s, false, s.n) < 0);
    }
}

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t *p =
            mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + ROOM, PAGE, PROT_NONE) != 0) return -1;
        ends[i] = p + ROOM;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_of_all_lengths_and_distances_are_copied),
        cmocka_unit_test(literals_of_all_numbers_are_copied),
        cmocka_unit_test(offsets_are_refused_far_from_the_ends_too),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
