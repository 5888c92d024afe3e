/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/avx512vbmi.c - 64-byte vectors with byte permutations (VBMI) and bit matrices
 * (GFNI). */
#include "kernel/x86/tables.h"

/* The order matters: each template is written in the words of those before. */
#define TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,bmi2"
#define SHORT tsr_kernels_avx2
#define GFNI 1
#include "kernel/x86/vec512_impl.h"

#include "kernel/x86/transpose_impl.h"

#include "kernel/x86/small_packed_impl.h"

#include "kernel/x86/shuffle_impl.h"

#include "kernel/x86/bitshuffle_impl.h"

const struct tsr_kernels tsr_kernels_avx512vbmi = {
    .level = "avx512vbmi",
    .shuffle = shuffle,
    .unshuffle = unshuffle,
    .unshuffle_planes = unshuffle_planes,
    .bitshuffle = bitshuffle,
    .bitunshuffle = bitunshuffle,
    .prefix_sum = tsr_prefix_sum_avx2,
    .is_run = tsr_is_run_avx2,
    .swap = tsr_swap_avx2,
    .crc32c = tsr_crc32c_sse42,
    .stream = tsr_stream_avx2,
};
