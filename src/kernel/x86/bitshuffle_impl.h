/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/bitshuffle_impl.h - bit transposition, after shuffle_impl.h.
 *
 * 8V items at a time: their bytes are split into streams in a buffer that stays in the first
 * cache; the 8 x 8 bits of every 8 bytes of a stream are transposed in place; and then byte k
 * of every 8 belongs to row k, which is splitting the stream as items of 8 bytes.  Backwards
 * the same.  The last 8V items overlap those before. */

enum { GROUP = 8 * V };

/* One stream of GROUP bytes to 8 rows of V bytes, a stride apart. */
INLINE void stream_to_rows(uint8_t *dst, size_t stride, const uint8_t *src)
{
    uint8_t pattern[16];
    gather_pattern(pattern, 8, 8);
    vec v[16];
    UNROLL
    for (int m = 0; m < 8; m++) v[m] = in_lane(transpose_bits(load(src + m * V)), pattern);
    weave(v, 8, 2);
    after_split(v, 8);
    UNROLL
    for (int k = 0; k < 8; k++) store(dst + (size_t)k * stride, v[k]);
}

INLINE void rows_to_stream(uint8_t *dst, const uint8_t *src, size_t stride)
{
    vec v[16];
    UNROLL
    for (int k = 0; k < 8; k++) v[k] = load(src + (size_t)k * stride);
    before_join(v, 8);
    weave(v, 8, 1);
    after_join(v, 8);
    UNROLL
    for (int m = 0; m < 8; m++) store(dst + m * V, transpose_bits(v[m]));
}

/* Columns j to j + cols - 1 of GROUP items; dst and src are those of the first of these. */
KERNEL static void bits_forth(uint8_t *dst, size_t row, const uint8_t *src, size_t size,
                              size_t cols)
{
    uint8_t streams[16 * GROUP] __attribute__((aligned(64)));
    if (size == 1) {
        stream_to_rows(dst, row, src);
        return;
    }
    if (size <= 16) split(streams, GROUP, src, size, GROUP);
    else split_columns(streams, GROUP, src, size, GROUP);
    for (size_t j = 0; j < cols; j++) stream_to_rows(dst + 8 * j * row, row, streams + j * GROUP);
}

KERNEL static void bits_back(uint8_t *dst, const uint8_t *src, size_t row, size_t size, size_t cols)
{
    uint8_t streams[16 * GROUP] __attribute__((aligned(64)));
    if (size == 1) {
        rows_to_stream(dst, src, row);
        return;
    }
    for (size_t j = 0; j < cols; j++) rows_to_stream(streams + j * GROUP, src + 8 * j * row, row);
    if (size <= 16) join(dst, streams, GROUP, size, GROUP);
    else join_columns(dst, streams, GROUP, size, GROUP);
}

KERNEL static void bitshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    if (n < GROUP) {
        SHORT.bitshuffle(dst, src, size, n);
        return;
    }
    size_t row = n / 8, cols = tsr_minz(size, 16);
    for (size_t i = 0; i < n; i += GROUP) {
        size_t at = tsr_minz(i, n - GROUP);
        for (size_t c = 0; c < size; c += 16) {
            size_t j = tsr_minz(c, size - cols);
            bits_forth(dst + 8 * j * row + at / 8, row, src + at * size + j, size, cols);
        }
    }
}

KERNEL static void bitunshuffle(uint8_t *dst, const uint8_t *src, size_t size, size_t n)
{
    if (n < GROUP) {
        SHORT.bitunshuffle(dst, src, size, n);
        return;
    }
    size_t row = n / 8, cols = tsr_minz(size, 16);
    for (size_t i = 0; i < n; i += GROUP) {
        size_t at = tsr_minz(i, n - GROUP);
        for (size_t c = 0; c < size; c += 16) {
            size_t j = tsr_minz(c, size - cols);
            bits_back(dst + at * size + j, src + 8 * j * row + at / 8, row, size, cols);
        }
    }
}
