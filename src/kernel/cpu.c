/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/cpu.c - which table of kernels this CPU runs.
 *
 * Tables stand in order of speed, each with the CPU features that it needs.  The choice is
 * made on first use and kept in an atomic pointer: threads that race make the same one. */
#include "kernel/kernel.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <tessera/tessera.h>

#include "kernel/scalar.h"
#if defined(__x86_64__)
#include "kernel/x86/tables.h"
#endif
#include "sys/sys.h"

static const struct {
    const struct tsr_kernels *table;
    unsigned needs;
} levels[] = {
    {&tsr_kernels_scalar, 0},
#if defined(__x86_64__)
    {&tsr_kernels_avx2, TSR_CPU_AVX2},
    {&tsr_kernels_avx512, TSR_CPU_AVX512},
    {&tsr_kernels_avx512vbmi, TSR_CPU_AVX512VBMI | TSR_CPU_GFNI},
#endif
};

enum { LEVELS = sizeof levels / sizeof *levels };

const struct tsr_kernels *tsr_kernels_at(int i)
{
    unsigned cpu = tsr_sys_cpu();
    for (int l = 0; l < LEVELS; l++)
        if ((levels[l].needs & ~cpu) == 0 && i-- == 0) return levels[l].table;
    return NULL;
}

static const struct tsr_kernels *choose(void)
{
    const char *most = getenv("TESSERA_CPU");
    const struct tsr_kernels *k, *best = &tsr_kernels_scalar;
    for (int i = 0; (k = tsr_kernels_at(i)); i++) {
        best = k;
        if (most && strcmp(most, k->level) == 0) break;
    }
    return best;
}

const struct tsr_kernels *tsr_kernels(void)
{
    static _Atomic(const struct tsr_kernels *) chosen;
    const struct tsr_kernels *k = atomic_load_explicit(&chosen, memory_order_acquire);
    if (!k) {
        k = choose();
        atomic_store_explicit(&chosen, k, memory_order_release);
    }
    return k;
}

const char *tsr_kernel_level(void)
{
    return tsr_kernels()->level;
}
