/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/scale_offset.c - the codec "scale_offset" of format 3 (zarr.md 9.5).
 *
 *   encode: (x - offset) * scale;   decode: y / scale + offset
 *
 * in the arithmetic of the data type.  Of integers every step must stay in the type and every
 * division be exact; floats must not become infinite.  The fill value is carried through. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "zarr/node.h"
#include "zarr/number.h"

struct scale_offset {
    struct tsr_znums nums;
    union tsr_tile offset, scale; /* one value each */
    double f8_offset, f8_scale;
    __int128 int_offset, int_scale, least, most;
};

/* An integer tile of any type, as one of 128 bits. */
static __int128 int_at(enum tsr_znum_kind k, const union tsr_tile *wide, size_t i)
{
    return k <= TSR_I8 ? (__int128)wide->i8[i] : (__int128)wide->u8[i];
}

/* "offset" or "scale", as a fill value of the type. */
static int parse(struct tsr_zcodec *c, const struct tsr_node *config, const char *name,
                 int64_t dflt, union tsr_tile *out)
{
    const struct scale_offset *s = c->state;
    const struct tsr_node *n = tsr_znode_get(config, name), none = tsr_znode_of_int(dflt);
    struct tsr_zfill fill;
    int rc = tsr_zfill_parse(c->doc, c->in.type, n ? n : &none, 3, &fill);
    if (rc < 0) tsr_within("%s", name);
    else tsr_znum_load(&s->nums.in, out, fill.p, 1);
    return rc;
}

static int only_known(const struct tsr_node *config)
{
    for (size_t i = 0; config->kind == TSR_NODE_MAP && i < config->list.n; i++) {
        const struct tsr_node *name = &config->list.v[2 * i];
        if (!tsr_znode_is(name, "offset") && !tsr_znode_is(name, "scale"))
            return tsr_znode_wrong(TSR_ECORRUPT, name, "offset and scale alone");
    }
    return TSR_OK;
}

/* The two numbers in the form of the arithmetic. */
static int prepare(struct scale_offset *s)
{
    enum tsr_znum_kind k = s->nums.in.kind;
    union tsr_tile a, b;
    if (tsr_znum_is_float(k)) {
        tsr_znum_cast(k, &s->offset, TSR_F8, &a, 1);
        tsr_znum_cast(k, &s->scale, TSR_F8, &b, 1);
        s->f8_offset = a.f8[0];
        s->f8_scale = b.f8[0];
        bool good = s->f8_scale != 0 && isfinite(s->f8_scale) && isfinite(s->f8_offset);
        return good ? TSR_OK : tsr_fail(TSR_ECORRUPT, "scale, offset: expected finite, not 0");
    }
    bool sign = k <= TSR_I8;
    int bits = 8 * s->nums.in.size - sign;
    tsr_znum_cast(k, &s->offset, sign ? TSR_I8 : TSR_U8, &a, 1);
    tsr_znum_cast(k, &s->scale, sign ? TSR_I8 : TSR_U8, &b, 1);
    s->int_offset = int_at(k, &a, 0);
    s->int_scale = int_at(k, &b, 0);
    s->most = ((__int128)1 << bits) - 1;
    s->least = sign ? -s->most - 1 : 0;
    return s->int_scale ? TSR_OK : tsr_fail(TSR_ECORRUPT, "scale: found 0");
}

static int encode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n);

static int scale_offset_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    struct scale_offset *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    union tsr_tile a, b;
    if (!s) return TSR_ENOMEM;
    int rc = only_known(config);
    if (rc == TSR_OK) rc = tsr_znums_open(c, &s->nums, format, c->in.type, c->in.type);
    if (rc == TSR_OK && s->nums.in.kind == TSR_B1)
        rc = tsr_fail(TSR_ECORRUPT, "scale_offset: found bools, expected numbers");
    if (rc == TSR_OK) rc = parse(c, config, "offset", 0, &s->offset);
    if (rc == TSR_OK) rc = parse(c, config, "scale", 1, &s->scale);
    if (rc == TSR_OK) rc = prepare(s);
    if (rc < 0) return rc;
    uint8_t *fill = tsr_doc_alloc(c->doc, 1, s->nums.in.size);
    if (!fill) return TSR_ENOMEM;
    memset(fill, 0, s->nums.in.size);
    tsr_znum_load(&s->nums.in, &a, c->in.fill ? c->in.fill : fill, 1);
    if ((rc = encode_tile(c, NULL, &a, &b, 1)) < 0) {
        tsr_within("fill_value");
        return TSR_ECORRUPT;
    }
    tsr_znum_store(&s->nums.out, &b, fill, 1);
    c->out.fill = fill;
    return TSR_OK;
}

static int beyond(const struct tsr_zcodec *c, bool decode, size_t i, bool exact)
{
    (void)c;
    return tsr_fail(decode ? TSR_ECORRUPT : TSR_EARG, "scale_offset: item %zu of a tile %s", i,
                    exact ? "leaves its type" : "is not divisible by scale");
}

/* One step of floats, rounded to the type. */
static double rounded(enum tsr_znum_kind k, double v)
{
    return k == TSR_F8 ? v : k == TSR_F4 ? (float)v : tsr_half_round(v);
}

static int float_tile(const struct tsr_zcodec *c, bool decode, const union tsr_tile *src,
                      union tsr_tile *dst, size_t n)
{
    const struct scale_offset *s = c->state;
    enum tsr_znum_kind k = s->nums.in.kind;
    union tsr_tile wide;
    tsr_znum_cast(k, src, TSR_F8, &wide, n);
    for (size_t i = 0; i < n; i++) {
        double v = wide.f8[i];
        /* a double holds what two floats make before it is rounded once more to theirs */
        double r = decode ? rounded(k, rounded(k, v / s->f8_scale) + s->f8_offset)
                          : rounded(k, rounded(k, v - s->f8_offset) * s->f8_scale);
        if (isinf(r) && isfinite(v)) return beyond(c, decode, i, true);
        wide.f8[i] = r;
    }
    tsr_znum_cast(TSR_F8, &wide, k, dst, n);
    return TSR_OK;
}

static bool in_type(const struct scale_offset *s, __int128 v)
{
    return v >= s->least && v <= s->most;
}

static int int_tile(const struct tsr_zcodec *c, bool decode, const union tsr_tile *src,
                    union tsr_tile *dst, size_t n)
{
    const struct scale_offset *s = c->state;
    enum tsr_znum_kind k = s->nums.in.kind, via = k <= TSR_I8 ? TSR_I8 : TSR_U8;
    union tsr_tile wide;
    tsr_znum_cast(k, src, via, &wide, n);
    for (size_t i = 0; i < n; i++) {
        __int128 v = int_at(k, &wide, i), step;
        if (decode && v % s->int_scale) return beyond(c, decode, i, false);
        step = decode ? v / s->int_scale : v - s->int_offset;
        if (!in_type(s, step)) return beyond(c, decode, i, true);
        v = decode ? step + s->int_offset : step * s->int_scale;
        if (!in_type(s, v)) return beyond(c, decode, i, true);
        wide.u8[i] = (uint64_t)v;
    }
    tsr_znum_cast(via, &wide, k, dst, n);
    return TSR_OK;
}

static int run_tile(const struct tsr_zcodec *c, bool decode, const union tsr_tile *src,
                    union tsr_tile *dst, size_t n)
{
    const struct scale_offset *s = c->state;
    return tsr_znum_is_float(s->nums.in.kind) ? float_tile(c, decode, src, dst, n)
                                              : int_tile(c, decode, src, dst, n);
}

static int encode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    (void)run;
    return run_tile(c, false, src, dst, n);
}

static int decode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    (void)run;
    return run_tile(c, true, src, dst, n);
}

static int scale_offset_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                               size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_decode(c, decode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

static int scale_offset_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                               size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_encode(c, encode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

const struct tsr_zcodec_kind tsr_zkind_scale_offset = {
    .v3 = "scale_offset",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .open = scale_offset_open,
    .decode = scale_offset_decode,
    .claim = tsr_znums_claim,
    .encode = scale_offset_encode,
    .bound = tsr_znums_bound,
};
