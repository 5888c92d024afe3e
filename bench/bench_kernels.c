/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/bench_kernels.c [NAME [SIZE]] - each kernel of each level that this CPU runs.
 *
 * Prints: name level size bytes GB/s.  Bytes are those of one block, and GB/s counts them
 * once, as a decoder does.  Results are compared with the scalar level before the clock
 * starts; the figure is the best of several runs of about 5 ms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "sys/sys.h"

enum { LARGEST = 4 << 20 };
#define RUN_SECONDS 5e-3
enum { RUNS = 7 };

static uint8_t *src, *dst, *wanted;
static volatile bool run_found; /* keeps is_run from being optimised away */

typedef void kernel(uint8_t *dst, const uint8_t *src, size_t size, size_t n);

static void copy(uint8_t *d, const uint8_t *s, size_t size, size_t n)
{
    memcpy(d, s, size * n);
}

static double best_rate(kernel *k, size_t size, size_t n)
{
    double best = 0, bytes = (double)(size * n);
    for (int run = 0; run < RUNS; run++) {
        double start = tsr_sys_now(), took;
        size_t calls = 0;
        do {
            k(dst, src, size, n);
            calls++;
        } while ((took = tsr_sys_now() - start) < RUN_SECONDS);
        double rate = bytes * (double)calls / took / 1e9;
        if (rate > best) best = rate;
    }
    return best;
}

static void time_kernel(const char *name, const char *level, kernel *k, kernel *ref, size_t size)
{
    static const size_t blocks[] = {64 << 10, LARGEST};
    for (int b = 0; b < 2; b++) {
        size_t n = blocks[b] / size / 8 * 8;
        k(dst, src, size, n);
        ref(wanted, src, size, n);
        if (memcmp(dst, wanted, n * size) != 0) {
            fprintf(stderr, "%s %s: wrong result for size %zu\n", name, level, size);
            exit(1);
        }
        printf("%-12s %-10s %3zu %8zu %7.1f\n", name, level, size, n * size, best_rate(k, size, n));
        fflush(stdout);
    }
}

static const struct tsr_kernels *current;

static void is_run(uint8_t *d, const uint8_t *s, size_t size, size_t n)
{
    (void)s;
    run_found = current->is_run(d, size * n);
}

static void time_is_run(const struct tsr_kernels *k)
{
    memset(dst, 7, LARGEST);
    memset(wanted, 7, LARGEST);
    current = k;
    time_kernel("is_run", k->level, is_run, is_run, 1);
}

static void prefix_sum(uint8_t *d, const uint8_t *s, size_t size, size_t n)
{
    current->prefix_sum(d, s, size * n);
}

static void scalar_prefix_sum(uint8_t *d, const uint8_t *s, size_t size, size_t n)
{
    tsr_kernels_at(0)->prefix_sum(d, s, size * n);
}

static uint32_t crc32c_found;

static void crc32c(uint8_t *d, const uint8_t *s, size_t size, size_t n)
{
    (void)d;
    crc32c_found = current->crc32c(0, s, size * n);
}

/* The kernels called `only`, or all. */
static void time_size(const struct tsr_kernels *k, size_t size, const char *only)
{
    const struct tsr_kernels *ref = tsr_kernels_at(0);
    const struct {
        const char *name;
        kernel *it, *ref;
    } all[] = {{"shuffle", k->shuffle, ref->shuffle},
               {"unshuffle", k->unshuffle, ref->unshuffle},
               {"bitshuffle", k->bitshuffle, ref->bitshuffle},
               {"bitunshuffle", k->bitunshuffle, ref->bitunshuffle}};
    for (int a = 0; a < 4; a++)
        if (!only || strcmp(only, all[a].name) == 0)
            time_kernel(all[a].name, k->level, all[a].it, all[a].ref, size);
}

static bool make_buffers(void)
{
    src = aligned_alloc(4096, LARGEST);
    dst = aligned_alloc(4096, LARGEST);
    wanted = aligned_alloc(4096, LARGEST);
    for (size_t i = 0; src && i < LARGEST; i++) src[i] = (uint8_t)(i * 2654435761u >> 13);
    return src && dst && wanted;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 100};
    const char *only = argc > 1 ? argv[1] : NULL;
    size_t only_size = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    const struct tsr_kernels *k;
    if (!make_buffers()) return 1;
    if (!only || strcmp(only, "memcpy") == 0) time_kernel("memcpy", "libc", copy, copy, 1);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int i = 0; (k = tsr_kernels_at(i)); i++)
            if (!only_size || sizes[s] == only_size) time_size(k, sizes[s], only);
    for (int i = 0; (k = tsr_kernels_at(i)); i++)
        if (!only || strcmp(only, "is_run") == 0) time_is_run(k);
    for (int i = 0; (current = tsr_kernels_at(i)); i++)
        if (!only || strcmp(only, "prefix_sum") == 0)
            time_kernel("prefix_sum", current->level, prefix_sum, scalar_prefix_sum, 1);
    for (int i = 0; (current = tsr_kernels_at(i)); i++)
        if (!only || strcmp(only, "crc32c") == 0)
            time_kernel("crc32c", current->level, crc32c, crc32c, 1);
    for (size_t size = 2; size <= 8; size *= 2)
        for (int i = 0; (k = tsr_kernels_at(i)); i++)
            if (!only || strcmp(only, "swap") == 0)
                time_kernel("swap", k->level, k->swap, tsr_kernels_at(0)->swap, size);
    free(src);
    free(dst);
    free(wanted);
    return 0;
}
