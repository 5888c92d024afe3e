/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/fixedscaleoffset.c - the codec of that name of numcodecs (zarr.md 5.2).
 *
 *   encode: round_half_even((x - offset) * scale) as astype;   decode: y / scale + offset as dtype
 *
 * In which arithmetic depends on the types, as NumPy 2 has it: floats in their own type, the
 * numbers rounded to it first; integers in their own type, wrapping, while the numbers are whole;
 * all else in float64.  A float that becomes an integer loses its fraction, and then its high
 * bits. */
#include <math.h>

#include "base/status.h"
#include "zarr/node.h"
#include "zarr/number.h"

struct scale {
    struct tsr_znums nums;
    double offset, scale;
    uint64_t whole_offset, whole_scale; /* their low 64 bits, where they are whole */
    bool offset_whole, scale_whole;
};

static int parse(const struct tsr_node *config, const char *name, double *out, uint64_t *whole,
                 bool *is_whole)
{
    const struct tsr_node *n = tsr_znode_get(config, name);
    enum tsr_node_kind kind = n ? n->kind : TSR_NODE_NULL;
    *is_whole = kind == TSR_NODE_INT || kind == TSR_NODE_UINT;
    *whole = *is_whole ? n->u : 0;
    if (kind == TSR_NODE_INT) *out = (double)n->i;
    else if (kind == TSR_NODE_UINT) *out = (double)n->u;
    else if (kind == TSR_NODE_FLOAT) *out = n->f;
    else {
        int rc = tsr_znode_wrong(TSR_ECORRUPT, n, "a number");
        tsr_within("%s", name);
        return rc;
    }
    return TSR_OK;
}

static int scale_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    const struct tsr_ztype *own = format == 3 ? c->in.type : NULL, *dtype, *astype;
    struct scale *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    int rc = parse(config, "offset", &s->offset, &s->whole_offset, &s->offset_whole);
    if (rc == TSR_OK) rc = parse(config, "scale", &s->scale, &s->whole_scale, &s->scale_whole);
    if (rc == TSR_OK) rc = tsr_znum_member(c, config, "dtype", format, own, &dtype);
    if (rc == TSR_OK) rc = tsr_znum_member(c, config, "astype", format, dtype, &astype);
    if (rc == TSR_OK) rc = tsr_znums_open(c, &s->nums, format, dtype, astype);
    if (rc == TSR_OK && (s->nums.in.kind == TSR_B1 || s->nums.out.kind == TSR_B1))
        rc = tsr_fail(TSR_EUNSUPPORTED, "fixedscaleoffset: bools have no differences");
    if (rc == TSR_OK && s->scale == 0) rc = tsr_fail(TSR_ECORRUPT, "scale: found 0");
    return rc;
}

/* A tile of any kind to another by way of an integer of 64 bits, so that what is too large loses
 * its high bits. */
static bool cast_wrapping(enum tsr_znum_kind from, union tsr_tile *src, enum tsr_znum_kind to,
                          union tsr_tile *dst, size_t n)
{
    union tsr_tile wide;
    if (!tsr_znum_is_float(from) || !tsr_znum_is_int(to))
        return tsr_znum_cast(from, src, to, dst, n);
    enum tsr_znum_kind via = to == TSR_U8 ? TSR_U8 : TSR_I8;
    bool fits = tsr_znum_cast(from, src, via, &wide, n);
    tsr_znum_cast(via, &wide, to, dst, n);
    return fits;
}

/* Does arithmetic in kind stay in it? */
static bool in_integers(const struct scale *s, enum tsr_znum_kind kind)
{
    return tsr_znum_is_int(kind) && s->offset_whole && s->scale_whole;
}

static void encode_integers(const struct scale *s, enum tsr_znum_kind kind, union tsr_tile *v,
                            size_t n)
{
    union tsr_tile wide;
    enum tsr_znum_kind via = kind <= TSR_I8 ? TSR_I8 : TSR_U8;
    tsr_znum_cast(kind, v, via, &wide, n);
    for (size_t i = 0; i < n; i++) wide.u8[i] = (wide.u8[i] - s->whole_offset) * s->whole_scale;
    tsr_znum_cast(via, &wide, kind, v, n); /* the low bits are those of the narrow type */
}

static void encode_floats(const struct scale *s, enum tsr_znum_kind kind, union tsr_tile *v,
                          size_t n)
{
    float offset = (float)s->offset, scale = (float)s->scale;
    if (kind == TSR_F8) {
        for (size_t i = 0; i < n; i++) v->f8[i] = rint((v->f8[i] - s->offset) * s->scale);
        return;
    }
    if (kind == TSR_F4) {
        for (size_t i = 0; i < n; i++) v->f4[i] = rintf((v->f4[i] - offset) * scale);
        return;
    }
    offset = tsr_half_round(s->offset);
    scale = tsr_half_round(s->scale);
    for (size_t i = 0; i < n; i++)
        v->f4[i] = tsr_half_round(rintf(tsr_half_round(tsr_half_round(v->f4[i] - offset) * scale)));
}

static int encode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    const struct scale *s = c->state;
    enum tsr_znum_kind in = s->nums.in.kind, out = s->nums.out.kind, kind = in;
    union tsr_tile wide;
    (void)run;
    if (in_integers(s, in)) {
        encode_integers(s, in, src, n);
    } else if (!tsr_znum_is_float(in)) {
        tsr_znum_cast(in, src, kind = TSR_F8, &wide, n);
        src = &wide;
    }
    if (tsr_znum_is_float(kind)) encode_floats(s, kind, src, n);
    return cast_wrapping(kind, src, out, dst, n) ? TSR_OK : tsr_znum_beyond(c);
}

static void decode_floats(const struct scale *s, enum tsr_znum_kind kind, union tsr_tile *v,
                          size_t n)
{
    float offset = (float)s->offset, scale = (float)s->scale;
    if (kind == TSR_F8) {
        for (size_t i = 0; i < n; i++) v->f8[i] = v->f8[i] / s->scale + s->offset;
        return;
    }
    if (kind == TSR_F4) {
        for (size_t i = 0; i < n; i++) v->f4[i] = v->f4[i] / scale + offset;
        return;
    }
    offset = tsr_half_round(s->offset);
    scale = tsr_half_round(s->scale);
    for (size_t i = 0; i < n; i++)
        v->f4[i] = tsr_half_round(tsr_half_round(v->f4[i] / scale) + offset);
}

static int decode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    const struct scale *s = c->state;
    enum tsr_znum_kind in = s->nums.in.kind, kind = s->nums.out.kind;
    union tsr_tile wide;
    (void)run;
    if (!tsr_znum_is_float(kind)) {
        tsr_znum_cast(kind, src, TSR_F8, &wide, n);
        kind = TSR_F8;
        src = &wide;
    }
    decode_floats(s, kind, src, n);
    cast_wrapping(kind, src, in, dst, n);
    return TSR_OK;
}

static int scale_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_decode(c, decode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

static int scale_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_encode(c, encode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

const struct tsr_zcodec_kind tsr_zkind_fixedscaleoffset = {
    .v2 = "fixedscaleoffset",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .complete = tsr_znum_complete,
    .open = scale_open,
    .decode = scale_decode,
    .claim = tsr_znums_claim,
    .encode = scale_encode,
    .bound = tsr_znums_bound,
};
