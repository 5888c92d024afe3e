/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_put.c - the bits of ZFP's cells, written; zfp_planes.c has what they are.
 *
 * A budget cuts a cell anywhere, so planes are written whole until it is used up and what is too
 * much is taken back.  Bits gather in a word that goes to memory by whole bytes, with those that
 * are not there yet as zeros. */
#include "codec/zfp_planes.h"

#include "base/num.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- bits ---- */

/* Afterwards there are less than 8 in the word. */
INLINE void flush(struct tsr_zfp_sink *s)
{
    tsr_store_LE64(s->dst + s->at, s->word);
    s->at += s->have / 8;
    s->word >>= s->have & ~7u;
    s->have &= 7;
}

/* n <= 56 bits, none above them. */
INLINE void put(struct tsr_zfp_sink *s, uint64_t bits, unsigned n)
{
    s->word |= bits << s->have;
    s->have += n;
    flush(s);
}

/* n <= 64 bits of x, whatever is above them. */
INLINE void put_low(struct tsr_zfp_sink *s, uint64_t x, unsigned n)
{
    enum { HALF = 32 };
    if (n > HALF) {
        put(s, x & UINT32_MAX, HALF);
        x >>= HALF;
        n -= HALF;
    }
    put(s, x & ((UINT64_C(1) << n) - 1), n);
}

/* What comes next is bit `bit`: later ones are taken back, earlier ones not there yet are zeros. */
static void move_to(struct tsr_zfp_sink *s, uint64_t bit)
{
    size_t at = (size_t)(bit / 8);
    if (at > s->at) memset(s->dst + s->at + 1, 0, at - s->at);
    unsigned have = bit % 8, first = s->dst[at];
    s->at = at;
    s->word = first & ((1u << have) - 1);
    s->have = have;
}

/* ---- planes ---- */

/* The next plane of a cell of at most 16 values, of which the first *known are known: at most 31
 * bits. */
INLINE void plane_short(struct tsr_zfp_sink *s, unsigned size, uint64_t x, unsigned *known)
{
    unsigned n = *known, len = n;
    uint64_t bits = x & ((1u << n) - 1);
    for (x >>= n; x;) {
        unsigned k = (unsigned)__builtin_ctzll(x);
        bool ends = n + k < size - 1; /* the last needs no end */
        bits |= (1 | (uint64_t)ends << (k + 1)) << len;
        len += k + 1 + ends;
        n += k + 1;
        x >>= k + 1;
    }
    put(s, bits, len + (n < size));
    *known = n;
}

/* The same of a cell of at most 64. */
INLINE void plane(struct tsr_zfp_sink *s, unsigned size, uint64_t x, unsigned *known)
{
    enum { MOST = 48 };
    unsigned n = *known;
    put_low(s, x, n);
    x = n < 64 ? x >> n : 0;
    while (x) {
        unsigned k = (unsigned)__builtin_ctzll(x);
        unsigned len = n + k < size - 1 ? k + 2 : k + 1;
        n += k + 1;
        if (len > MOST) {
            put(s, 1, MOST);
            put(s, len == k + 2 ? UINT64_C(1) << (k + 1 - MOST) : 0, len - MOST);
        } else {
            put(s, (1 | UINT64_C(2) << k) & ((UINT64_C(1) << len) - 1), len);
        }
        x = k < 63 ? x >> (k + 1) : 0;
    }
    if (n < size) put(s, 0, 1);
    *known = n;
}

/* The first bit from n on, or `size`. */
static unsigned next_one(const uint64_t *x, unsigned n, unsigned size)
{
    while (n < size) {
        uint64_t rest = x[n / 64] >> n % 64;
        if (rest) return n + (unsigned)__builtin_ctzll(rest);
        n = (n / 64 + 1) * 64;
    }
    return size;
}

/* The same of a cell of more than 64. */
static void plane_long(struct tsr_zfp_sink *s, unsigned size, const uint64_t *x, unsigned *known)
{
    unsigned n = *known, one;
    for (unsigned i = 0; i < n; i += 64) put_low(s, x[i / 64], n - i < 64 ? n - i : 64);
    while ((one = next_one(x, n, size)) < size) {
        put(s, 1, 1);
        for (unsigned left = one - n, part; left > 0; left -= part) {
            part = left < 32 ? left : 32;
            put(s, 0, part);
        }
        if (one < size - 1) put(s, 1, 1);
        n = one + 1;
    }
    if (n < size) put(s, 0, 1);
    *known = n;
}

/* ---- cells ---- */

/* The bits of the c-th cell of a row. */
INLINE void get(const uint8_t *row, size_t c, unsigned size, uint64_t *x)
{
    if (size == 4) x[0] = row[c / 2] >> 4 * (c % 2) & 15;
    else if (size == 16) x[0] = tsr_load_LE16(row + 2 * c);
    else
        for (unsigned i = 0; i < size / 64; i++)
            x[i] = tsr_load_LE64(row + size / 8 * c + 8 * (size_t)i);
}

INLINE void planes(struct tsr_zfp_sink *s, unsigned size, uint64_t end, int high, int low,
                   const uint8_t *rows, size_t stride, size_t c)
{
    unsigned known = 0;
    for (int k = high - 1; k >= low && tsr_zfp_bits_put(s) < end; k--) {
        uint64_t x[4];
        get(rows + (size_t)k * stride, c, size, x);
        if (size <= 16) plane_short(s, size, x[0], &known);
        else if (size <= 64) plane(s, size, x[0], &known);
        else plane_long(s, size, x, &known);
    }
    if (tsr_zfp_bits_put(s) > end) move_to(s, end);
}

INLINE bool cells(struct tsr_zfp_sink *s, const struct tsr_zfp *z, unsigned size,
                  const struct tsr_zfp_batch *batch, size_t stride)
{
    int bias = z->item_bytes == 4 ? 127 : 1023, high = z->item_bytes * 8;
    unsigned head = z->item_bytes == 4 ? 9 : 12;
    for (size_t c = 0; c < batch->n && s->at <= s->cap; c++) {
        uint64_t start = tsr_zfp_bits_put(s);
        int exp = batch->exps[c], prec = exp == TSR_ZFP_EMPTY ? 0 : tsr_zfp_prec(z, exp);
        if (prec > 0) {
            put(s, (uint64_t)(exp + bias) << 1 | 1, head);
            planes(s, size, start + z->maxbits, high, high - prec > 0 ? high - prec : 0,
                   batch->rows, stride, c);
        } else {
            put(s, 0, 1);
        }
        if (tsr_zfp_bits_put(s) - start < z->minbits) move_to(s, start + z->minbits);
    }
    return s->at + (s->have > 0) <= s->cap;
}

bool tsr_zfp_planes_put(struct tsr_zfp_sink *s, const struct tsr_zfp *z,
                        const struct tsr_zfp_batch *batch, size_t stride)
{
    switch (z->ndim) {
    case 1: return cells(s, z, 4, batch, stride);
    case 2: return cells(s, z, 16, batch, stride);
    case 3: return cells(s, z, 64, batch, stride);
    default: return cells(s, z, 256, batch, stride);
    }
}
