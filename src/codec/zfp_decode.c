/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_decode.c - from a ZFP stream to a block of floats (blosc2.md appendix C).
 *
 * Cells go in batches: the bits of all planes of a batch are laid out as rows, one per plane, which
 * the kernels of bitshuffle turn into one number per value.  Those of a cell are negabinary, sorted
 * by the degree of the coefficient; the inverse transform and the exponent make floats of them.
 * Cells over the block's edge deliver what lies in the block. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "codec/zfp.h"
#include "codec/zfp_planes.h"
#include "kernel/kernel.h"

#define INLINE static inline __attribute__((always_inline))

/* Items of a batch: enough for the widest kernel, and its rows and numbers fit the first cache. */
enum { BATCH = 1024, MAX_CELLS = BATCH / TSR_ZFP_CELL };

/* Where the i-th coefficient has its place: coordinates in base 4, the fastest lowest.  They are
 * in the order of their sums, then of the sums of their squares. */
/* clang-format off */
static const uint8_t order1[] = {
    0, 1, 2, 3
};
static const uint8_t order2[] = {
    0, 1, 4, 5, 2, 8, 6, 9, 3, 12, 10, 7, 13, 11, 14, 15
};
static const uint8_t order3[] = {
    0, 1, 4, 16, 20, 17, 5, 2, 8, 32, 21, 6, 18, 24, 9, 33, 36, 3, 12, 48, 22, 25, 37, 40, 34, 10,
    7, 19, 28, 13, 49, 52, 41, 38, 26, 23, 29, 53, 11, 35, 44, 14, 50, 56, 42, 27, 39, 45, 30, 54,
    57, 60, 51, 15, 43, 46, 58, 61, 55, 31, 62, 59, 47, 63
};
static const uint8_t order4[] = {
    0, 1, 4, 16, 64, 5, 80, 17, 68, 65, 20, 2, 8, 32, 128, 84, 81, 69, 21, 6, 18, 66, 24, 72, 9, 96,
    33, 36, 129, 132, 144, 3, 12, 48, 192, 85, 82, 70, 22, 73, 25, 88, 37, 100, 97, 148, 145, 133,
    10, 160, 34, 136, 130, 40, 7, 19, 67, 28, 76, 13, 112, 49, 52, 193, 196, 208, 86, 89, 101, 149,
    161, 137, 41, 134, 38, 164, 26, 152, 146, 104, 98, 74, 83, 71, 23, 77, 29, 92, 53, 116, 113,
    212, 209, 197, 11, 35, 131, 44, 140, 14, 176, 50, 56, 194, 200, 224, 90, 165, 102, 153, 150,
    105, 168, 162, 138, 42, 87, 93, 117, 213, 27, 75, 99, 39, 135, 147, 108, 45, 141, 156, 30, 78,
    177, 180, 54, 114, 120, 57, 198, 210, 216, 201, 225, 228, 15, 240, 51, 204, 195, 60, 169, 166,
    154, 106, 91, 103, 151, 109, 157, 94, 181, 118, 121, 214, 217, 229, 163, 139, 43, 142, 46, 172,
    58, 184, 178, 232, 226, 202, 241, 205, 61, 199, 55, 244, 31, 220, 211, 124, 115, 79, 170, 167,
    155, 107, 158, 110, 173, 122, 185, 182, 233, 230, 218, 95, 245, 119, 221, 215, 125, 242, 206,
    62, 203, 59, 248, 47, 236, 227, 188, 179, 143, 171, 174, 186, 234, 246, 222, 126, 219, 123, 249,
    111, 237, 231, 189, 183, 159, 252, 243, 207, 63, 175, 250, 187, 238, 235, 190, 253, 247, 223,
    127, 254, 251, 239, 191, 255
};
/* clang-format on */
static const uint8_t *const orders[] = {order1, order2, order3, order4};

#define UINT uint32_t
#define INT int32_t
#define FLOAT float
#define BIAS 127
#define MANTISSA 23
#define NAME(x) x##_f4
#include "codec/zfp_cell_impl.h"
#undef UINT
#undef INT
#undef FLOAT
#undef BIAS
#undef MANTISSA
#undef NAME

#define UINT uint64_t
#define INT int64_t
#define FLOAT double
#define BIAS 1023
#define MANTISSA 52
#define NAME(x) x##_f8
#include "codec/zfp_cell_impl.h"
#undef UINT
#undef INT
#undef FLOAT
#undef BIAS
#undef MANTISSA
#undef NAME

/* ---- the block ---- */

/* Where the next cell goes. */
struct place {
    const struct tsr_zfp *z;
    size_t at[TSR_ZFP_MAX_NDIM];   /* its first item */
    size_t step[TSR_ZFP_MAX_NDIM]; /* bytes from item to item */
};

static void place_init(struct place *p, const struct tsr_zfp *z)
{
    *p = (struct place){.z = z};
    size_t step = (size_t)z->item_bytes;
    for (int d = 0; d < TSR_ZFP_MAX_NDIM; d++) {
        p->step[d] = step;
        step *= z->side[d];
    }
}

static void place_next(struct place *p)
{
    for (int d = 0; d < p->z->ndim; d++) {
        if ((p->at[d] += TSR_ZFP_CELL) < p->z->side[d]) return;
        p->at[d] = 0;
    }
}

/* What lies in the block of the cell at p, rows of `row` bytes. */
INLINE void place_put(const struct place *p, const uint8_t *cell, size_t row, uint8_t *dst)
{
    size_t n[TSR_ZFP_MAX_NDIM];
    for (int d = 0; d < TSR_ZFP_MAX_NDIM; d++) {
        n[d] = tsr_minz(TSR_ZFP_CELL, p->z->side[d] - p->at[d]);
        dst += p->at[d] * p->step[d];
    }
    bool whole = n[0] == TSR_ZFP_CELL;
    size_t len = n[0] * p->step[0];
    for (size_t w = 0; w < n[3]; w++)
        for (size_t z = 0; z < n[2]; z++)
            for (size_t y = 0; y < n[1]; y++) {
                uint8_t *to = dst + y * p->step[1] + z * p->step[2] + w * p->step[3];
                const uint8_t *from = cell + (y + 4 * z + 16 * w) * row;
                if (whole) memcpy(to, from, row);
                else memcpy(to, from, len);
            }
}

/* ---- batches ---- */

struct batch {
    size_t n; /* cells */
    int exps[MAX_CELLS];
    uint8_t *rows, *digits; /* BATCH items each */
};

INLINE void batch_put_f4(const struct batch *b, struct place *p, int ndim, uint8_t *dst)
{
    float cell[256] = {0};
    size_t size = (size_t)1 << 2 * ndim;
    for (size_t c = 0; c < b->n; c++, place_next(p)) {
        if (b->exps[c] == TSR_ZFP_EMPTY) memset(cell, 0, size * sizeof *cell);
        else cell_f4(b->digits + c * size * 4, orders[ndim - 1], ndim, b->exps[c], cell);
        place_put(p, (const uint8_t *)cell, 4 * sizeof *cell, dst);
    }
}

INLINE void batch_put_f8(const struct batch *b, struct place *p, int ndim, uint8_t *dst)
{
    double cell[256] = {0};
    size_t size = (size_t)1 << 2 * ndim;
    for (size_t c = 0; c < b->n; c++, place_next(p)) {
        if (b->exps[c] == TSR_ZFP_EMPTY) memset(cell, 0, size * sizeof *cell);
        else cell_f8(b->digits + c * size * 8, orders[ndim - 1], ndim, b->exps[c], cell);
        place_put(p, (const uint8_t *)cell, 4 * sizeof *cell, dst);
    }
}

static void batch_put(const struct batch *b, struct place *p, uint8_t *dst)
{
    bool f4 = p->z->item_bytes == 4;
    switch (p->z->ndim * 2 + f4) {
    case 2: batch_put_f8(b, p, 1, dst); break;
    case 3: batch_put_f4(b, p, 1, dst); break;
    case 4: batch_put_f8(b, p, 2, dst); break;
    case 5: batch_put_f4(b, p, 2, dst); break;
    case 6: batch_put_f8(b, p, 3, dst); break;
    case 7: batch_put_f4(b, p, 3, dst); break;
    case 8: batch_put_f8(b, p, 4, dst); break;
    default: batch_put_f4(b, p, 4, dst);
    }
}

static void batch_read(struct batch *b, const struct tsr_zfp *z, struct tsr_zfp_bits *bits)
{
    size_t items = ((b->n << 2 * z->ndim) + 7) / 8 * 8, item = (size_t)z->item_bytes;
    memset(b->rows, 0, items * item);
    tsr_zfp_planes(bits, z, b->n, b->exps, b->rows, items / 8);
    tsr_kernels()->bitunshuffle(b->digits, b->rows, item, items);
}

/* ---- the whole ---- */

static const struct tsr_zfp_steps *steps(struct tsr_worker *w)
{
    struct tsr_zfp_steps *s = tsr_worker_state(w, orders, sizeof *s, tsr_free);
    if (s && s->step[0] == 0) tsr_zfp_steps_fill(s);
    return s;
}

int tsr_zfp_decode(const struct tsr_zfp *z, struct tsr_worker *w, const uint8_t *src, size_t len,
                   uint8_t *dst)
{
    size_t most = (size_t)BATCH >> 2 * z->ndim, room = BATCH * (size_t)z->item_bytes;
    struct tsr_zfp_bits bits = {.src = src, .len = len, .steps = steps(w)};
    struct batch b = {.rows = tsr_worker_scratch(w, TSR_SCRATCH_CODEC, 2 * room)};
    if (!bits.steps || !b.rows) return TSR_ENOMEM;
    struct place p;
    b.digits = b.rows + room;
    place_init(&p, z);
    for (uint64_t left = z->cells; left > 0; left -= b.n) {
        b.n = left < most ? (size_t)left : most;
        batch_read(&b, z, &bits);
        if (tsr_zfp_bits_read(&bits) > (uint64_t)len * 8)
            return tsr_fail(TSR_ECORRUPT, "zfp: found %zu bytes, the stream goes on behind them",
                            len);
        batch_put(&b, &p, dst);
    }
    return TSR_OK;
}
