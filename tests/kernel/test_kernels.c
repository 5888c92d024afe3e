/* SPDX-License-Identifier: BSD-3-Clause */
/* Every level that this CPU runs against the definitions in kernel.h, between guard pages. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <tessera/tessera.h>

#include "kernel/kernel.h"

enum { ROOM = 1 << 18, MARGIN = 256 };

/* ROOM bytes with a page before and after that nobody may touch. */
struct fenced {
    uint8_t *map, *p;
    size_t page;
};

static struct fenced fence(void)
{
    struct fenced f = {.page = (size_t)sysconf(_SC_PAGESIZE)};
    f.map = mmap(NULL, ROOM + 2 * f.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(f.map != MAP_FAILED);
    f.p = f.map + f.page;
    assert_int_equal(mprotect(f.p, ROOM, PROT_READ | PROT_WRITE), 0);
    return f;
}

static void unfence(struct fenced *f)
{
    munmap(f->map, ROOM + 2 * f->page);
}

static uint64_t seed = 88172645463325252;

static uint64_t any(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return below ? (seed >> 11) % below : 0;
}

/* Where `len` bytes lie in the room: 0 at its start, 1 at its end, 2 anywhere. */
static uint8_t *place(const struct fenced *f, size_t len, int where)
{
    if (where == 0) return f->p;
    if (where == 1) return f->p + ROOM - len;
    return f->p + any(ROOM - len + 1);
}

typedef void kernel(uint8_t *dst, const uint8_t *src, size_t size, size_t n);

static void want_shuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < size; j++) dst[j * n + i] = src[i * size + j];
}

static void want_unshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < size; j++) dst[i * size + j] = src[j * n + i];
}

static void want_bitshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    memset(dst, 0, size * n);
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < 8 * size; b++)
            if (src[i * size + b / 8] >> b % 8 & 1) dst[b * (n / 8) + i / 8] |= 1 << i % 8;
}

static void want_bitunshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    memset(dst, 0, size * n);
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < 8 * size; b++)
            if (src[b * (n / 8) + i / 8] >> i % 8 & 1) dst[i * size + b / 8] |= 1 << b % 8;
}

struct trial {
    const char *name;
    kernel *got, *want;
    size_t multiple; /* of items */
    struct fenced dst, src;
    uint8_t *wanted;
};

/* The bytes around dst must stay as they were. */
static void check_margins(const struct trial *t, const uint8_t *dst, size_t len)
{
    const uint8_t *end = t->dst.p + ROOM;
    for (const uint8_t *p = dst; p > t->dst.p && dst - p < MARGIN;) assert_int_equal(*--p, 0xa5);
    for (const uint8_t *p = dst + len; p < end && p < dst + len + MARGIN; p++)
        assert_int_equal(*p, 0xa5);
}

static void try_once(struct trial *t, size_t size, size_t n, int where)
{
    size_t len = size * n;
    uint8_t *src = place(&t->src, len, where);
    uint8_t *dst = place(&t->dst, len, where);
    for (size_t i = 0; i < len; i++) src[i] = (uint8_t)any(256);
    memset(t->dst.p, 0xa5, ROOM);
    t->got(dst, src, size, n);
    t->want(t->wanted, src, size, n);
    if (memcmp(dst, t->wanted, len) != 0)
        fail_msg("%s of %zu items of %zu bytes differs", t->name, n, size);
    check_margins(t, dst, len);
}

static void try_size(struct trial *t, size_t size)
{
    static const size_t counts[] = {0,  1,  7,   8,   15,  16,  17,  31,  32,  33,  63,  64,
                                    65, 96, 127, 128, 129, 255, 256, 264, 511, 512, 520, 1016};
    size_t most = 32768 / size;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c] - counts[c] % t->multiple;
        for (int where = 0; n <= most && where < 3; where++) try_once(t, size, n, where);
    }
    for (int i = 0; i < 12; i++) {
        size_t n = any(most + 1);
        try_once(t, size, n - n % t->multiple, i % 3);
    }
}

static void try_kernel(const char *name, kernel *got, kernel *want, size_t multiple)
{
    struct trial t = {name, got, want, multiple, fence(), fence(), malloc(ROOM)};
    static const size_t more[] = {48, 64, 100, 255, 256, 300, 1000, 4096};
    for (size_t size = 1; size <= 40; size++) try_size(&t, size);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) try_size(&t, more[i]);
    unfence(&t.dst);
    unfence(&t.src);
    free(t.wanted);
}

static const struct tsr_kernels *level;

static void shuffle_gathers_bytes(void **state)
{
    (void)state;
    try_kernel("shuffle", level->shuffle, want_shuffle, 1);
}

static void unshuffle_puts_bytes_back(void **state)
{
    (void)state;
    try_kernel("unshuffle", level->unshuffle, want_unshuffle, 1);
}

static void bitshuffle_gathers_bits(void **state)
{
    (void)state;
    try_kernel("bitshuffle", level->bitshuffle, want_bitshuffle, 8);
}

static void bitunshuffle_puts_bits_back(void **state)
{
    (void)state;
    try_kernel("bitunshuffle", level->bitunshuffle, want_bitunshuffle, 8);
}

static void want_prefix_sum(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < size * n; i++) dst[i] = sum = (uint8_t)(sum + src[i]);
}

static void prefix_sum(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    level->prefix_sum(dst, src, size * n);
}

static void prefix_sum_adds_up_all_bytes_so_far(void **state)
{
    (void)state;
    try_kernel("prefix_sum", prefix_sum, want_prefix_sum, 1);
}

static void want_swap(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < size; j++) dst[i * size + j] = src[(i + 1) * size - 1 - j];
}

static void swap_turns_the_bytes_of_items(void **state)
{
    (void)state;
    struct trial t = {"swap", level->swap, want_swap, 1, fence(), fence(), malloc(ROOM)};
    for (size_t size = 2; size <= 8; size *= 2) try_size(&t, size);
    unfence(&t.src);
    unfence(&t.dst);
    free(t.wanted);
}

static uint32_t want_crc32c(uint32_t crc, const uint8_t *p, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int b = 0; b < 8; b++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

/* The sums of "123456789" and of 32 zeros stand in RFC 3720, B.4. */
static void crc32c_sums_as_defined(void **state)
{
    (void)state;
    struct fenced f = fence();
    assert_int_equal(level->crc32c(0, (const uint8_t *)"123456789", 9), 0xe3069283);
    assert_int_equal(level->crc32c(0, f.p, 32), 0x8a9136aa);
    for (size_t i = 0; i < ROOM; i++) f.p[i] = (uint8_t)any(256);
    for (size_t len = 0; len < 20000; len += len < 1700 ? 1 : 171)
        for (int where = 0; where < 3; where++) {
            const uint8_t *p = place(&f, len, where);
            uint32_t before = (uint32_t)any(0);
            assert_int_equal(level->crc32c(before, p, len), want_crc32c(before, p, len));
        }
    unfence(&f);
}

/* Planes at odd distances, so that none is where those of `unshuffle` would be. */
static void planes_that_lie_apart_are_joined(void **state)
{
    enum { MOST = 1100, APART = MOST + 13 };
    static uint8_t src[8 * APART], together[8 * MOST], got[8 * MOST + 1], wanted[8 * MOST];
    (void)state;
    for (size_t i = 0; i < sizeof src; i++) src[i] = (uint8_t)any(256);
    for (int k = 0; tsr_kernels_at(k); k++)
        for (size_t size = 2; size <= 8; size *= 2)
            for (size_t n = 0; n < MOST; n += n < 140 ? 1 : 61) {
                const uint8_t *plane[8];
                for (size_t j = 0; j < size; j++) {
                    plane[j] = src + (size - 1 - j) * APART;
                    if (n) memcpy(together + j * n, plane[j], n);
                }
                want_unshuffle(wanted, together, size, n);
                got[size * n] = 0xa5;
                tsr_kernels_at(k)->unshuffle_planes(got, plane, size, n);
                assert_memory_equal(got, wanted, size * n);
                assert_int_equal(got[size * n], 0xa5);
            }
}

static void streamed_rows_are_where_they_belong(void **state)
{
    enum { MEMORY = 4096, STEP = 700 };
    static uint8_t src[MEMORY], got[MEMORY], wanted[MEMORY];
    (void)state;
    for (size_t i = 0; i < MEMORY; i++) src[i] = (uint8_t)(i * 7 + i / 256);
    for (int k = 0; tsr_kernels_at(k); k++)
        for (size_t len = 0; len < 500; len += len < 140 ? 1 : 37)
            for (size_t at = 0; at < 70; at += 3) {
                memset(got, 1, MEMORY);
                memset(wanted, 1, MEMORY);
                for (size_t i = 0; i < 4; i++) memcpy(wanted + at + i * STEP, src + 3 * i + 5, len);
                struct tsr_rows r = {got + at, src + 5, STEP, 3, 4, len};
                tsr_kernels_at(k)->stream(&r);
                assert_memory_equal(got, wanted, MEMORY);
            }
}

static void is_run_sees_every_byte(void **state)
{
    (void)state;
    struct fenced f = fence();
    for (size_t len = 0; len < 700; len += len < 270 ? 1 : 37) {
        for (int where = 0; where < 2; where++) {
            uint8_t *p = place(&f, len, where);
            memset(f.p, 1, ROOM);
            memset(p, 7, len);
            assert_true(level->is_run(p, len));
            for (size_t i = 0; i < len; i++) {
                p[i] ^= (uint8_t)(1 << any(8));
                assert_int_equal(level->is_run(p, len), len == 1);
                p[i] = 7;
            }
        }
    }
    unfence(&f);
}

/* The library runs the best level then, and a check of a lower one would check nothing. */
static void the_level_asked_for_has_a_known_name(void **state)
{
    static const char *const names[] = {"scalar", "avx2", "avx512", "avx512vbmi"};
    const char *asked = getenv("TESSERA_CPU");
    bool known = !asked;
    (void)state;
    for (int i = 0; i < 4; i++) known = known || strcmp(asked, names[i]) == 0;
    if (!known)
        fail_msg("TESSERA_CPU: found '%s', expected scalar, avx2, avx512 or avx512vbmi", asked);
}

static void the_chosen_table_is_the_last_or_the_one_asked_for(void **state)
{
    (void)state;
    const char *asked = getenv("TESSERA_CPU");
    const struct tsr_kernels *k = NULL;
    for (int i = 0; tsr_kernels_at(i); i++) {
        k = tsr_kernels_at(i);
        if (asked && strcmp(asked, k->level) == 0) break;
    }
    assert_ptr_equal(tsr_kernels(), k);
    assert_string_equal(tsr_kernel_level(), k->level);
    assert_ptr_equal(tsr_kernels(), tsr_kernels());
    assert_string_equal(tsr_kernels_at(0)->level, "scalar");
}

int main(void)
{
    const struct CMUnitTest each[] = {
        cmocka_unit_test(shuffle_gathers_bytes),
        cmocka_unit_test(unshuffle_puts_bytes_back),
        cmocka_unit_test(bitshuffle_gathers_bits),
        cmocka_unit_test(bitunshuffle_puts_bits_back),
        cmocka_unit_test(prefix_sum_adds_up_all_bytes_so_far),
        cmocka_unit_test(is_run_sees_every_byte),
        cmocka_unit_test(swap_turns_the_bytes_of_items),
        cmocka_unit_test(crc32c_sums_as_defined),
        cmocka_unit_test(planes_that_lie_apart_are_joined),
        cmocka_unit_test(streamed_rows_are_where_they_belong),
    };
    const struct CMUnitTest once[] = {
        cmocka_unit_test(the_level_asked_for_has_a_known_name),
        cmocka_unit_test(the_chosen_table_is_the_last_or_the_one_asked_for),
    };
    int failed = cmocka_run_group_tests_name("choice", once, NULL, NULL);
    for (int i = 0; (level = tsr_kernels_at(i)); i++) {
        printf("CPU: kernels of level %s\n", level->level);
        failed += cmocka_run_group_tests_name(level->level, each, NULL, NULL);
    }
    return failed != 0;
}
