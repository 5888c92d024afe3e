/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_planes.c - the bits of ZFP's cells (blosc2.md C.3).
 *
 *   cell   0                                             all values are zero
 *          1 exponent planes                             the highest plane first
 *   plane  a bit of each value known not to be zero      these are the first of the cell
 *          1 0...0 1    one more value has a bit here, after so many that have none
 *          0            no other has one
 *
 * The two ends of a group are left out where they say nothing: when all values are known there is
 * no 0, and that the last value has the bit is said by the 1 before.  Where the cell's budget of
 * bits ends, so does the plane; a value that was looked for then has the bit.
 *
 * Most planes have few groups, which a table takes all at once.  Bits are counted in a word that
 * is filled up without a branch, and by whole bytes. */
#include "codec/zfp_planes.h"

#include "base/num.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- bits ---- */

/* Eight bytes at the end of the payload or behind it. */
static __attribute__((noinline)) uint64_t last_bytes(const struct tsr_zfp_bits *b)
{
    uint8_t bytes[8] = {0};
    if (b->at < b->len) memcpy(bytes, b->src + b->at, b->len - b->at);
    return tsr_load_LE64(bytes);
}

/* Afterwards there are 56 bits or more. */
INLINE void fill(struct tsr_zfp_bits *b)
{
    bool inside = b->at + 8 <= b->len;
    b->word |= (inside ? tsr_load_LE64(b->src + b->at) : last_bytes(b)) << b->have;
    b->at += (63 - b->have) >> 3;
    b->have |= 56;
}

/* Those that are there. */
INLINE void drop(struct tsr_zfp_bits *b, unsigned n)
{
    b->word >>= n;
    b->have -= n;
}

INLINE uint64_t take(struct tsr_zfp_bits *b, unsigned n)
{
    uint64_t x = b->word & ((UINT64_C(1) << n) - 1);
    drop(b, n);
    return x;
}

static void seek(struct tsr_zfp_bits *b, uint64_t bit)
{
    b->at = (size_t)(bit / 8);
    b->word = 0;
    b->have = 0;
    fill(b);
    drop(b, bit % 8);
}

/* The zeros before the next one, which is read too, but no more than `most` of them, after which
 * none is read. */
INLINE unsigned zeros(struct tsr_zfp_bits *b, unsigned most)
{
    enum { SURE = 55 };
    unsigned n = 0;
    for (;;) {
        fill(b);
        unsigned k = (unsigned)__builtin_ctzll(b->word | UINT64_C(1) << SURE);
        if (k >= most) {
            drop(b, most);
            return n + most;
        }
        if (k < SURE) {
            drop(b, k + 1);
            return n + k;
        }
        drop(b, SURE);
        n += SURE;
        most -= SURE;
    }
}

/* ---- planes ---- */

/* What AHEAD bits say: the bits of whole groups among them, the values these pass, which of them
 * have a bit, and whether the 0 at the end is there too. */
INLINE uint32_t step_pack(unsigned bits, unsigned values, unsigned ones, bool last)
{
    return bits | values << 8 | (uint32_t)last << 15 | (uint32_t)ones << 16;
}
INLINE unsigned step_bits(uint32_t s)
{
    return s & 0xFF;
}
INLINE unsigned step_values(uint32_t s)
{
    return s >> 8 & 0x7F;
}
INLINE bool step_last(uint32_t s)
{
    return s >> 15 & 1;
}
INLINE uint64_t step_ones(uint32_t s)
{
    return s >> 16;
}

/* A whole plane of a cell of four values, n of them known: 8 bits at most. */
static uint32_t four(unsigned x, unsigned n)
{
    unsigned ones = x & ((1u << n) - 1), at = n;
    while (n < TSR_ZFP_CELL && x >> at++ & 1) {
        while (n < TSR_ZFP_CELL - 1 && !(x >> at++ & 1)) n++;
        ones |= 1u << n++;
    }
    return step_pack(at, n, ones, true);
}

void tsr_zfp_steps_fill(struct tsr_zfp_steps *s)
{
    for (unsigned n = 0; n <= TSR_ZFP_CELL; n++)
        for (unsigned x = 0; x < 1u << TSR_ZFP_AHEAD; x++) s->four[n][x] = four(x, n);
    for (unsigned x = 0; x < 1u << TSR_ZFP_AHEAD; x++) {
        unsigned bits = 0, values = 0, ones = 0, group;
        while (x >> bits > 1 && x >> bits & 1) {
            group = (unsigned)__builtin_ctz(x >> (bits + 1)) + 1;
            values += group;
            ones |= 1u << (values - 1);
            bits += group + 1;
        }
        bool last = bits < TSR_ZFP_AHEAD && !(x >> bits & 1);
        s->step[x] = step_pack(bits + last, values, ones, last);
    }
}

/* The next plane of a cell of at most 64 values, of which the first *known are known. */
INLINE uint64_t plane(struct tsr_zfp_bits *b, unsigned size, unsigned *known)
{
    enum { HALF = 32, MOST = 56 };
    unsigned n = *known;
    uint64_t x = 0;
    fill(b);
    if (n > MOST) {
        x = take(b, HALF);
        fill(b);
        x |= take(b, n - HALF) << HALF;
    } else {
        x = take(b, n);
    }
    while (n < size) {
        if (size > 16) fill(b); /* at most 2 * size bits are a plane */
        uint32_t s = b->steps->step[b->word & ((1 << TSR_ZFP_AHEAD) - 1)];
        unsigned passed = step_values(s);
        if (step_bits(s) > 0 && n + passed < size) {
            x |= step_ones(s) << n;
            n += passed;
            drop(b, step_bits(s));
            if (step_last(s)) break;
        } else {
            if (!take(b, 1)) break;
            n += zeros(b, size - 1 - n);
            x |= UINT64_C(1) << n++;
        }
    }
    *known = n;
    return x;
}

INLINE uint64_t plane_of_four(struct tsr_zfp_bits *b, unsigned *known)
{
    fill(b);
    uint32_t s = b->steps->four[*known][b->word & ((1 << TSR_ZFP_AHEAD) - 1)];
    drop(b, step_bits(s));
    *known = step_values(s);
    return step_ones(s);
}

/* The same for any cell and within *left bits. */
static void plane_within(struct tsr_zfp_bits *b, unsigned size, unsigned *known, unsigned *left,
                         uint64_t *x)
{
    enum { PART = 32 };
    unsigned n = *known, m = n < *left ? n : *left;
    for (unsigned i = 0; i < m; i += PART) {
        fill(b);
        x[i / 64] |= take(b, m - i < PART ? m - i : PART) << i % 64;
    }
    *left -= m;
    while (*left > 0 && n < size) {
        fill(b);
        --*left;
        if (!take(b, 1)) break;
        unsigned last = size - 1 - n, most = last < *left ? last : *left, k = zeros(b, most);
        *left -= k < most ? k + 1 : k;
        n += k;
        x[n / 64] |= UINT64_C(1) << n % 64;
        n++;
    }
    *known = n;
}

/* ---- cells ---- */

/* The bits of one cell's plane to the c-th place of a row. */
INLINE void put(uint8_t *row, size_t c, unsigned size, const uint64_t *x)
{
    if (size == 4) row[c / 2] |= (uint8_t)(x[0] << 4 * (c % 2));
    else if (size == 16) tsr_store_LE16(row + 2 * c, (uint16_t)x[0]);
    else
        for (unsigned i = 0; i < size / 64; i++)
            tsr_store_LE64(row + size / 8 * c + 8 * (size_t)i, x[i]);
}

/* Planes down to plane `low` of a cell that may take `left` bits more. */
INLINE void planes(struct tsr_zfp_bits *b, unsigned size, unsigned left, int high, int low,
                   uint8_t *rows, size_t stride, size_t c)
{
    unsigned known = 0;
    for (int k = high - 1; k >= low && left > 0; k--) {
        uint64_t x[4] = {0};
        if (size <= 64 && left >= 2 * size) {
            uint64_t before = tsr_zfp_bits_read(b);
            x[0] = size == TSR_ZFP_CELL ? plane_of_four(b, &known) : plane(b, size, &known);
            left -= (unsigned)(tsr_zfp_bits_read(b) - before);
        } else {
            plane_within(b, size, &known, &left, x);
        }
        put(rows + (size_t)k * stride, c, size, x);
    }
}

INLINE void cells(struct tsr_zfp_bits *b, const struct tsr_zfp *z, unsigned size,
                  struct tsr_zfp_batch *batch, size_t stride)
{
    int bias = z->item_bytes == 4 ? 127 : 1023, high = z->item_bytes * 8;
    unsigned head = z->item_bytes == 4 ? 9 : 12;
    for (size_t c = 0; c < batch->n; c++) {
        uint64_t start = tsr_zfp_bits_read(b);
        fill(b);
        batch->exps[c] = TSR_ZFP_EMPTY;
        if (b->word & 1) {
            batch->exps[c] = (int)(take(b, head) >> 1) - bias;
            int low = high - tsr_zfp_prec(z, batch->exps[c]);
            planes(b, size, z->maxbits - head, high, low > 0 ? low : 0, batch->rows, stride, c);
        } else {
            drop(b, 1);
        }
        if (tsr_zfp_bits_read(b) - start < z->minbits) seek(b, start + z->minbits);
    }
}

void tsr_zfp_planes(struct tsr_zfp_bits *b, const struct tsr_zfp *z, struct tsr_zfp_batch *batch,
                    size_t stride)
{
    switch (z->ndim) {
    case 1: cells(b, z, 4, batch, stride); break;
    case 2: cells(b, z, 16, batch, stride); break;
    case 3: cells(b, z, 64, batch, stride); break;
    default: cells(b, z, 256, batch, stride); break;
    }
}
