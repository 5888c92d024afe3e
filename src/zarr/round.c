/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/round.c - the codecs "quantize" and "bitround": floats with fewer digits.
 *
 * Both only change what is encoded; what was stored is decoded as it is. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "zarr/number.h"

/* ---- quantize ---- */

struct quantize {
    struct tsr_znums nums;
    double scale; /* a power of two */
};

/* The power of two with which `digits` decimal digits are kept, worked out as numcodecs does. */
static double scale_of(int64_t digits)
{
    double e = log10(pow(10, -(double)digits));
    e = e < 0 ? floor(e) : ceil(e);
    return exp2(ceil(log2(pow(10, -e))));
}

static int quantize_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    static const struct tsr_zparam digits = {"digits", -300, 300, 0};
    const struct tsr_ztype *own = format == 3 ? c->in.type : NULL, *dtype, *astype;
    struct quantize *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t v = 0;
    if (!s) return TSR_ENOMEM;
    int rc = tsr_zcodec_int(config, &digits, format, &v);
    if (rc == TSR_OK) rc = tsr_znum_member(c, config, "dtype", format, own, &dtype);
    if (rc == TSR_OK) rc = tsr_znum_member(c, config, "astype", format, dtype, &astype);
    if (rc == TSR_OK) rc = tsr_znums_open(c, &s->nums, format, dtype, astype);
    if (rc < 0) return rc;
    s->scale = scale_of(v);
    if (tsr_znum_is_float(s->nums.in.kind)) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "dtype: found %s, expected a float", tsr_ztype_name(dtype));
}

static int encode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    const struct quantize *s = c->state;
    enum tsr_znum_kind kind = s->nums.in.kind;
    float scale = (float)s->scale;
    (void)run;
    if (kind == TSR_F8)
        for (size_t i = 0; i < n; i++) src->f8[i] = rint(s->scale * src->f8[i]) / s->scale;
    else if (kind == TSR_F4)
        for (size_t i = 0; i < n; i++) src->f4[i] = rintf(scale * src->f4[i]) / scale;
    else
        for (size_t i = 0; i < n; i++)
            src->f4[i] = tsr_half_round(rintf(tsr_half_round(scale * src->f4[i])) / scale);
    return tsr_znum_cast(kind, src, s->nums.out.kind, dst, n) ? TSR_OK : tsr_znum_beyond(c);
}

static int decode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    const struct quantize *s = c->state;
    (void)run;
    tsr_znum_cast(s->nums.out.kind, src, s->nums.in.kind, dst, n);
    return TSR_OK;
}

static int quantize_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                           size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_decode(c, decode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

static int quantize_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                           size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_encode(c, encode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

static int quantize_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    int rc = tsr_zcodec_needs(config, "digits", "how many decimal digits are kept");
    return rc < 0 ? rc : tsr_znum_complete(c, foreign, config);
}

const struct tsr_zcodec_kind tsr_zkind_quantize = {
    .v2 = "quantize",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .complete = quantize_complete,
    .open = quantize_open,
    .decode = quantize_decode,
    .claim = tsr_znums_claim,
    .encode = quantize_encode,
    .bound = tsr_znums_bound,
};

/* ---- bitround ---- */

struct bitround {
    struct tsr_znums nums;
    int drop; /* bits of the mantissa */
};

static int bitround_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    (void)c;
    (void)foreign;
    return tsr_zcodec_needs(config, "keepbits", "how many bits of the mantissa are kept");
}

static int bitround_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    static const int mantissas[] = {[TSR_F2] = 10, [TSR_F4] = 23, [TSR_F8] = 52};
    struct bitround *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    struct tsr_znum num;
    int64_t keep = 0;
    if (!s) return TSR_ENOMEM;
    if (!c->in.items || !tsr_znum_of(c->in.type, &num) || !tsr_znum_is_float(num.kind))
        return tsr_fail(TSR_ECORRUPT, "bitround: found items of %s, expected floats",
                        c->in.items ? tsr_ztype_name(c->in.type) : "bytes");
    int mantissa = mantissas[num.kind];
    struct tsr_zparam keepbits = {"keepbits", 0, mantissa, mantissa};
    int rc = tsr_zcodec_int(config, &keepbits, 3, &keep); /* only that would change the data */
    if (rc == TSR_OK) rc = tsr_znums_open(c, &s->nums, format, c->in.type, c->in.type);
    s->drop = mantissa - (int)keep;
    c->out.fill = c->in.fill;
    return rc;
}

/* To the nearest number with so few bits, ties to even ones. */
#define ROUND(T, member)                                         \
    for (size_t i = 0; i < n; i++) {                             \
        T b = src->member[i], half = (T)(((T)1 << (k - 1)) - 1); \
        b = (T)(b + ((b >> k & 1) + half));                      \
        src->member[i] = (T)(b & ~(((T)1 << k) - 1));            \
    }                                                            \
    break

static void round_bits(int size, int k, union tsr_tile *src, size_t n)
{
    switch (size) {
    case 2: ROUND(uint16_t, u2);
    case 4: ROUND(uint32_t, u4);
    default: ROUND(uint64_t, u8);
    }
}

static int bitround_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                           size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    static const enum tsr_znum_kind words[] = {[2] = TSR_U2, [4] = TSR_U4, [8] = TSR_U8};
    const struct bitround *s = c->state;
    struct tsr_znum word = s->nums.in;
    union tsr_tile tile;
    (void)w;
    (void)cap;
    word.kind = words[word.size];
    *n = len;
    for (size_t at = 0; at < len; at += (size_t)TSR_TILE * word.size) {
        size_t items = (len - at) / word.size;
        if (items > TSR_TILE) items = TSR_TILE;
        tsr_znum_load(&word, &tile, src + at, items);
        if (s->drop > 0) round_bits(word.size, s->drop, &tile, items);
        tsr_znum_store(&word, &tile, dst + at, items);
    }
    return TSR_OK;
}

const struct tsr_zcodec_kind tsr_zkind_bitround = {
    .v2 = "bitround",
    .v3 = "bitround",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .complete = bitround_complete,
    .open = bitround_open,
    .decode = tsr_zcodec_keep,
    .claim = tsr_znums_claim,
    .encode = bitround_encode,
    .bound = tsr_znums_bound,
};
