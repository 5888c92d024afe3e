/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/kernel.h - pure loops over memory, chosen once for this CPU.
 *
 * Every kernel takes any alignment and any size including 0, touches no byte outside what it
 * is given, and src and dst do not overlap.  The scalar table is the specification. */
#ifndef TSR_KERNEL_KERNEL_H
#define TSR_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of equal length in strided memory, steps in bytes. */
struct tsr_rows {
    uint8_t *dst;
    const uint8_t *src;
    ptrdiff_t dst_step, src_step;
    size_t n, len;
};

struct tsr_kernels {
    const char *level; /* "scalar", "avx2", "avx512", "avx512vbmi" */

    /* Byte transposition of n items of `size` bytes: dst[j * n + i] = src[i * size + j]. */
    void (*shuffle)(uint8_t *dst, const uint8_t *src, size_t size, size_t n);
    void (*unshuffle)(uint8_t *dst, const uint8_t *src, size_t size, size_t n);

    /* unshuffle of streams that lie anywhere, size 2, 4 or 8: dst[i * size + j] = plane[j][i]. */
    void (*unshuffle_planes)(uint8_t *dst, const uint8_t *const plane[], size_t size, size_t n);

    /* Bit transposition of n items, n a multiple of 8 (blosc2.md section 5.3):
     * bit i%8 of dst[(8 * j + k) * (n / 8) + i / 8] = bit k of src[i * size + j]. */
    void (*bitshuffle)(uint8_t *dst, const uint8_t *src, size_t size, size_t n);
    void (*bitunshuffle)(uint8_t *dst, const uint8_t *src, size_t size, size_t n);

    /* dst[i] = src[0] + ... + src[i] mod 256. */
    void (*prefix_sum)(uint8_t *dst, const uint8_t *src, size_t n);

    /* True when all bytes equal p[0]; true for len 0.  Leaves at the first difference. */
    bool (*is_run)(const uint8_t *p, size_t len);

    /* Turns n items of 2, 4 or 8 bytes around:
     * dst[i * size + j] = src[(i + 1) * size - 1 - j]. */
    void (*swap)(uint8_t *dst, const uint8_t *src, size_t size, size_t n);

    /* CRC-32C of p[n] behind bytes of the sum crc; of nothing it is 0. */
    uint32_t (*crc32c)(uint32_t crc, const uint8_t *p, size_t n);

    /* Copies rows to memory that nobody reads soon, past the caches where the CPU can: they are
     * not read before they are written, and what is in the caches stays there. */
    void (*stream)(const struct tsr_rows *rows);
};

/* The best table this CPU runs; TESSERA_CPU=scalar|avx2|avx512|avx512vbmi lowers it. */
const struct tsr_kernels *tsr_kernels(void);

/* The i-th table this CPU can run, slowest first; NULL past the end.  For tests and benches. */
const struct tsr_kernels *tsr_kernels_at(int i);

#endif
