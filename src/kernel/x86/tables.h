/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/tables.h - the vector levels, only to be run where kernel/cpu.c allows. */
#ifndef TSR_KERNEL_X86_TABLES_H
#define TSR_KERNEL_X86_TABLES_H

#include "kernel/kernel.h"
#include "kernel/scalar.h"

extern const struct tsr_kernels tsr_kernels_avx2;
extern const struct tsr_kernels tsr_kernels_avx512;
extern const struct tsr_kernels tsr_kernels_avx512vbmi;

/* Also those of the levels above: 64-byte vectors read no faster here (bench_kernels). */
bool tsr_is_run_avx2(const uint8_t *p, size_t len);
void tsr_stream_avx2(const struct tsr_rows *r);
void tsr_prefix_sum_avx2(uint8_t *dst, const uint8_t *src, size_t n);
void tsr_swap_avx2(uint8_t *dst, const uint8_t *src, size_t size, size_t n);
uint32_t tsr_crc32c_sse42(uint32_t crc, const uint8_t *p, size_t n);

#endif
