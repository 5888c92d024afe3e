/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/scalar.h - the portable table, which the vector levels use for what is too short. */
#ifndef TSR_KERNEL_SCALAR_H
#define TSR_KERNEL_SCALAR_H

#include "kernel/kernel.h"

extern const struct tsr_kernels tsr_kernels_scalar;

uint32_t tsr_crc32c_scalar(uint32_t crc, const uint8_t *p, size_t n);

#endif
