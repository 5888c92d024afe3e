/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp.c - ZFP for arrays of floats: fixed accuracy, precision and rate (blosc2.md
 * appendix C).
 *
 * A payload is a bare stream of bits, low ones first, for one block of 1 to 4 dimensions, the last
 * one fastest.  The mode and its parameter are in the chunk header, not in the stream:
 *
 *   zfp_acc   meta = log10 of the tolerance     zfp_prec  meta + 3 + 2 * ndim bit planes
 *   zfp_rate  meta percent of the item's bits
 *
 * It ends with a whole word of 8 bytes, or of less where libzfp is built so.  zfp_encode.c writes
 * it, zfp_decode.c reads it. */
#include <math.h>

#include "base/num.h"
#include "base/status.h"
#include "codec/codec.h"
#include "codec/zfp.h"

extern const struct tsr_codec tsr_codec_zfp_acc, tsr_codec_zfp_prec, tsr_codec_zfp_rate;

enum { MINBITS = 1, MAXBITS = 16658, MAXPREC = 64, MINEXP = -1074 };
enum mode { ACCURACY, PRECISION, RATE };

static int block_init(struct tsr_zfp *z, const struct tsr_call *c, enum mode mode, int status)
{
    const struct tsr_block_facts *b = c->block;
    if (b->typesize != 4 && b->typesize != 8)
        return tsr_fail(status, "zfp: items of %d bytes, expected floats of 4 or 8", b->typesize);
    if (b->ndim < 1 || b->ndim > TSR_ZFP_MAX_NDIM)
        return tsr_fail(status, "zfp: blocks of %d dimensions, expected 1 to 4", b->ndim);
    *z = (struct tsr_zfp){.item_bytes = b->typesize,
                          .ndim = b->ndim,
                          .side = {1, 1, 1, 1},
                          .cells = 1,
                          .minbits = MINBITS,
                          .maxbits = MAXBITS,
                          .maxprec = MAXPREC,
                          .minexp = MINEXP};
    for (int d = 0; d < b->ndim; d++) {
        int64_t side = b->shape[b->ndim - 1 - d];
        if (side < 1) return tsr_fail(status, "zfp: block side %lld", (long long)side);
        z->side[d] = (size_t)side;
        z->cells *= (uint64_t)tsr_ceil_div(side, TSR_ZFP_CELL);
    }
    if (mode == ACCURACY) {
        z->minexp = ilogb(pow(10, (int8_t)c->meta));
    } else if (mode == PRECISION) {
        z->maxprec = (unsigned)tsr_min64(c->meta + 3 + 2 * b->ndim, MAXPREC);
    } else {
        double rate = c->meta / 100.0 * b->typesize * 8;
        double bits = floor((double)(1 << 2 * b->ndim) * rate + 0.5);
        z->minbits = z->maxbits = (unsigned)fmax(bits, b->typesize == 4 ? 9 : 12);
    }
    return TSR_OK;
}

/* The bytes that the sides come to must be those of the stream. */
static int block_fits(const struct tsr_zfp *z, size_t n, int status)
{
    size_t bytes = (size_t)z->item_bytes;
    bool sound = true;
    for (int d = 0; d < z->ndim; d++) sound = sound && tsr_mul(bytes, z->side[d], &bytes);
    if (sound && bytes == n) return TSR_OK;
    return tsr_fail(status, "zfp: found a stream of %zu bytes, expected %zu", n, bytes);
}

/* Blocks thinner than a cell are refused as by c-blosc2: they do not pay. */
static int check(const struct tsr_call *c, enum mode mode)
{
    struct tsr_zfp z;
    int rc = block_init(&z, c, mode, TSR_EARG);
    for (int d = 0; d < z.ndim && rc == TSR_OK; d++)
        if (z.side[d] < TSR_ZFP_CELL)
            rc = tsr_fail(TSR_EARG, "zfp: block side %zu, expected 4 or more", z.side[d]);
    return rc;
}

/* ---- both ways ---- */

struct moded_call {
    const struct tsr_call *call;
    enum mode mode;
};

static int encode(const struct moded_call *m, const uint8_t *src, size_t n, uint8_t *dst,
                  size_t cap, size_t *out)
{
    struct tsr_zfp z;
    int rc = block_init(&z, m->call, m->mode, TSR_EARG);
    if (rc == TSR_OK) rc = block_fits(&z, n, TSR_EARG);
    if (rc < 0) return rc;
    return tsr_zfp_encode(&z, m->call->worker, src, dst, cap, out);
}

static int decode(const struct moded_call *m, const uint8_t *src, size_t len, uint8_t *dst,
                  size_t n)
{
    struct tsr_zfp z;
    int rc = block_init(&z, m->call, m->mode, TSR_ECORRUPT);
    if (rc == TSR_OK) rc = block_fits(&z, n, TSR_ECORRUPT);
    if (rc < 0) return rc;
    if (m->mode == RATE && (uint64_t)len * 8 / z.minbits < z.cells)
        return tsr_fail(TSR_ECORRUPT, "zfp: found %zu bytes, expected %llu cells of %u bits", len,
                        (unsigned long long)z.cells, z.minbits);
    return tsr_zfp_decode(&z, m->call->worker, src, len, dst);
}

/* ---- the three modes ---- */

#define MODE_FUNCTIONS(name, mode)                                                                 \
    static int name##_check(const struct tsr_call *c)                                              \
    {                                                                                              \
        return check(c, mode);                                                                     \
    }                                                                                              \
    static int name##_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst, \
                             size_t cap, size_t *out)                                              \
    {                                                                                              \
        return encode(&(struct moded_call){c, mode}, src, n, dst, cap, out);                       \
    }                                                                                              \
    static int name##_decode(const struct tsr_call *c, const uint8_t *src, size_t len,             \
                             uint8_t *dst, size_t n)                                               \
    {                                                                                              \
        return decode(&(struct moded_call){c, mode}, src, len, dst, n);                            \
    }

MODE_FUNCTIONS(acc, ACCURACY)
MODE_FUNCTIONS(prec, PRECISION)
MODE_FUNCTIONS(rate, RATE)

const struct tsr_codec tsr_codec_zfp_acc = {
    .name = "zfp_acc",
    .about = "lossy, arrays of floats only: errors up to 10^meta",
    .blosc2_id = 33,
    .blosc2_format = 6,
    .params = (const struct tsr_param[]){{"meta", -128, 127, TSR_PARAM_NEEDED}, {NULL, 0, 0, 0}},
    .lossy = true,
    .floats = true,
    .whole = true,
    .shape = true,
    .check = acc_check,
    .encode = acc_encode,
    .decode = acc_decode,
};

const struct tsr_codec tsr_codec_zfp_prec = {
    .name = "zfp_prec",
    .about = "lossy, arrays of floats only: about meta bits of precision",
    .blosc2_id = 34,
    .blosc2_format = 6,
    .params = (const struct tsr_param[]){{"meta", 0, 64, TSR_PARAM_NEEDED}, {NULL, 0, 0, 0}},
    .lossy = true,
    .floats = true,
    .whole = true,
    .shape = true,
    .check = prec_check,
    .encode = prec_encode,
    .decode = prec_decode,
};

const struct tsr_codec tsr_codec_zfp_rate = {
    .name = "zfp_rate",
    .about = "lossy, arrays of floats only: meta percent of the size",
    .blosc2_id = 35,
    .blosc2_format = 6,
    .params = (const struct tsr_param[]){{"meta", 1, 100, TSR_PARAM_NEEDED}, {NULL, 0, 0, 0}},
    .lossy = true,
    .floats = true,
    .whole = true,
    .shape = true,
    .check = rate_check,
    .encode = rate_encode,
    .decode = rate_decode,
};
