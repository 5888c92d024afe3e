/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/avx2.c - the kernels with 32-byte vectors. */
#include "kernel/x86/tables.h"

#define TARGET "avx2"
#define SHORT tsr_kernels_scalar

#include "kernel/x86/vec256_impl.h"

#include "kernel/x86/shuffle_impl.h"

#include "kernel/x86/bitshuffle_impl.h"
#include "kernel/x86/run_impl.h"

const struct tsr_kernels tsr_kernels_avx2 = {
    .level = "avx2",
    .shuffle = shuffle,
    .unshuffle = unshuffle,
    .bitshuffle = bitshuffle,
    .bitunshuffle = bitunshuffle,
    .is_run = is_run,
};
