/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/avx512.c - the kernels with 64-byte vectors. */
#include "kernel/x86/tables.h"

#define TARGET "avx512f,avx512bw,avx512dq,avx512vl"
#define SHORT tsr_kernels_avx2
#define VBMI 0
#include "kernel/x86/vec512_impl.h"

#include "kernel/x86/shuffle_impl.h"

#include "kernel/x86/bitshuffle_impl.h"
#include "kernel/x86/run_impl.h"

const struct tsr_kernels tsr_kernels_avx512 = {
    .level = "avx512",
    .shuffle = shuffle,
    .unshuffle = unshuffle,
    .bitshuffle = bitshuffle,
    .bitunshuffle = bitunshuffle,
    .is_run = is_run,
};
