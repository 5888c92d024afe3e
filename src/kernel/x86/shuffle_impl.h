/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/shuffle_impl.h - byte transposition of items of any size.
 *
 * After transpose_impl.h and one of small_*_impl.h.  Items wider than 16 bytes are taken 16
 * columns at a time, the last 16 overlapping those before.  SHORT is the table for too few
 * items. */

/* ---- 16 bytes of each of n items of size bytes ---- */

KERNEL static void split_columns(uint8_t *dst, size_t stride, const uint8_t *src, size_t size,
                                 size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        split_lanes(dst + at, stride, src + at * size, size, 16, NULL);
    }
}

KERNEL static void join_columns(uint8_t *dst, const uint8_t *src, size_t stride, size_t size,
                                size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t at = tsr_minz(i, n - V);
        join_lanes(dst + at * size, src + at, stride, size, 16, NULL);
    }
}

/* The number of items below which the next table is asked. */
INLINE size_t least(size_t size)
{
    return size < 16 ? LEAST_SMALL : V;
}

/* ---- n >= least(size) items of at most 16 bytes ---- */

KERNEL static void split(uint8_t *dst, size_t stride, const uint8_t *src, size_t size, size_t n)
{
    switch (size) {
    case 1: memcpy(dst, src, n); break;
    case 2: split_exact(dst, stride, src, 2, n); break;
    case 3: split_small(dst, stride, src, 3, 4, n); break;
    case 4: split_exact(dst, stride, src, 4, n); break;
    case 5:
    case 6:
    case 7: split_small(dst, stride, src, size, 8, n); break;
    case 8: split_exact(dst, stride, src, 8, n); break;
    case 16: split_exact(dst, stride, src, 16, n); break;
    default: split_small(dst, stride, src, size, 16, n);
    }
}

KERNEL static void join(uint8_t *dst, const uint8_t *src, size_t stride, size_t size, size_t n)
{
    switch (size) {
    case 1: memcpy(dst, src, n); break;
    case 2: join_exact(dst, src, stride, 2, n); break;
    case 3: join_small(dst, src, stride, 3, 4, n); break;
    case 4: join_exact(dst, src, stride, 4, n); break;
    case 5:
    case 6:
    case 7: join_small(dst, src, stride, size, 8, n); break;
    case 8: join_exact(dst, src, stride, 8, n); break;
    case 16: join_exact(dst, src, stride, 16, n); break;
    default: join_small(dst, src, stride, size, 16, n);
    }
}

/* ---- the kernels ---- */

KERNEL static void shuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    if (n < least(size)) {
        SHORT.shuffle(dst, src, size, n);
    } else if (size <= 16) {
        split(dst, n, src, size, n);
    } else {
        for (size_t i = 0; i < n; i += V) {
            size_t at = tsr_minz(i, n - V);
            for (size_t c = 0; c < size; c += 16) {
                size_t j = tsr_minz(c, size - 16);
                split_columns(dst + j * n + at, n, src + at * size + j, size, V);
            }
        }
    }
}

KERNEL static void unshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    if (n < least(size)) {
        SHORT.unshuffle(dst, src, size, n);
    } else if (size <= 16) {
        join(dst, src, n, size, n);
    } else {
        for (size_t i = 0; i < n; i += V) {
            size_t at = tsr_minz(i, n - V);
            for (size_t c = 0; c < size; c += 16) {
                size_t j = tsr_minz(c, size - 16);
                join_columns(dst + at * size + j, src + j * n + at, n, size, V);
            }
        }
    }
}

KERNEL static void unshuffle_planes(uint8_t *dst, const uint8_t *const plane[], size_t size,
                                    size_t n)
{
    if (n < least(size)) SHORT.unshuffle_planes(dst, plane, size, n);
    else if (size == 2) join_planes(dst, plane, 2, n);
    else if (size == 4) join_planes(dst, plane, 4, n);
    else join_planes(dst, plane, 8, n);
}
