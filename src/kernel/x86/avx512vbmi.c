/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/avx512vbmi.c - the kernels with 64-byte vectors with byte permutations and bit matrices. */
#include "kernel/x86/tables.h"

#define TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni"
#define SHORT tsr_kernels_avx2
#define VBMI 1
#include "kernel/x86/vec512_impl.h"

#include "kernel/x86/shuffle_impl.h"

#include "kernel/x86/bitshuffle_impl.h"
#include "kernel/x86/run_impl.h"

const struct tsr_kernels tsr_kernels_avx512vbmi = {
    .level = "avx512vbmi",
    .shuffle = shuffle,
    .unshuffle = unshuffle,
    .bitshuffle = bitshuffle,
    .bitunshuffle = bitunshuffle,
    .is_run = is_run,
};
