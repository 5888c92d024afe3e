/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/cast_value.c - the codec "cast_value" of format 3 (zarr.md 9.5).
 *
 * Each value goes through: the first matching pair of the map; itself, where the other type holds
 * it; the value rounded, where that lies in the range; the rule for what lies beyond; else it is an
 * error.  Decoding does the same the other way round.
 *
 * Values are worked on in the three wide forms of number.h.  A float that is to be rounded to p
 * bits is divided by the power of two that is the last of them, rounded to an integer and
 * multiplied again, all of which is exact in double but for the rounding. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "zarr/node.h"
#include "zarr/number.h"

enum rounding { NEAREST_EVEN, TOWARDS_ZERO, TOWARDS_POSITIVE, TOWARDS_NEGATIVE, NEAREST_AWAY };
enum beyond { BEYOND_FAILS, BEYOND_CLAMP, BEYOND_WRAP };

/* A pair of the map, both in the wide forms of their types. */
struct pair {
    union {
        uint64_t i;
        double f;
    } from, to;
};

struct map {
    struct pair *pairs;
    size_t n;
};

struct cast {
    struct tsr_znums nums;
    enum rounding rounding;
    enum beyond beyond;
    struct map encode, decode;
};

/* ---- numbers ---- */

static double round_int(double v, enum rounding how)
{
    switch (how) {
    case NEAREST_EVEN: return rint(v);
    case TOWARDS_ZERO: return trunc(v);
    case TOWARDS_POSITIVE: return ceil(v);
    case TOWARDS_NEGATIVE: return floor(v);
    default: return round(v);
    }
}

/* The bits, the least exponent and the largest number of a float. */
struct form {
    int bits, least;
    double most;
};

static struct form form_of(enum tsr_znum_kind k)
{
    if (k == TSR_F2) return (struct form){11, -14, 65504};
    if (k == TSR_F4) return (struct form){24, -126, 0x1.fffffep127};
    return (struct form){53, -1022, 0x1.fffffffffffffp1023};
}

/* A finite double rounded to a form, as if exponents had no end. */
static double round_float(double v, enum rounding how, const struct form *f)
{
    int e;
    if (v == 0) return v;
    frexp(v, &e); /* v is below 2^e */
    if (e - 1 < f->least) e = f->least + 1;
    double r = ldexp(round_int(ldexp(v, f->bits - e), how), e - f->bits);
    return copysign(r, v);
}

/* An integer of 64 bits that a double may not hold, to one rounded to a form. */
static double round_wide(uint64_t magnitude, bool minus, enum rounding how, const struct form *f)
{
    int drop = 64 - __builtin_clzll(magnitude | 1) - f->bits;
    if (drop <= 0) return minus ? -(double)magnitude : (double)magnitude;
    uint64_t kept = magnitude >> drop, rest = magnitude << (64 - drop), half = UINT64_C(1) << 63;
    bool up = false;
    if (how == NEAREST_EVEN) up = rest > half || (rest == half && (kept & 1));
    else if (how == NEAREST_AWAY) up = rest >= half;
    else if (how != TOWARDS_ZERO) up = rest && (how == TOWARDS_POSITIVE) != minus;
    double v = ldexp((double)(kept + up), drop);
    return minus ? -v : v;
}

/* ---- one value ---- */

/* What a value becomes; false: it has no place in the other type. */
struct way {
    enum tsr_znum_kind from, to;
    enum rounding rounding;
    enum beyond beyond;
    const struct map *map;
    struct form form;     /* of to, a float */
    __int128 least, most; /* of to, an integer */
};

static bool clamp_int(const struct way *w, bool above, uint64_t *out)
{
    *out = (uint64_t)(above ? w->most : w->least);
    return w->beyond == BEYOND_CLAMP;
}

static bool int_to_int(const struct way *w, __int128 v, uint64_t *out)
{
    *out = (uint64_t)v;
    if ((v >= w->least && v <= w->most) || w->beyond == BEYOND_WRAP) return true;
    return clamp_int(w, v > w->most, out);
}

static bool float_to_int(const struct way *w, double v, uint64_t *out)
{
    if (isnan(v)) return false;
    double r = isinf(v) ? v : round_int(v, w->rounding);
    if (r >= (double)w->least && r < (double)(w->most + 1)) {
        *out = r < 0 ? (uint64_t)(int64_t)r : (uint64_t)r;
        return true;
    }
    if (w->beyond != BEYOND_WRAP) return clamp_int(w, r > 0, out);
    if (isinf(r)) return false;
    double low = fmod(fabs(r), 0x1p64); /* exact, and its low bits are those that count */
    *out = r < 0 ? -(uint64_t)low : (uint64_t)low;
    return true;
}

/* A rounded value in the range of the form. */
static bool place_float(const struct way *w, double v, double *out)
{
    *out = v;
    if (fabs(v) <= w->form.most) return true;
    *out = v > 0 ? INFINITY : -INFINITY;
    return w->beyond == BEYOND_CLAMP;
}

static bool float_to_float(const struct way *w, double v, double *out)
{
    *out = v;
    if (!isfinite(v) || w->to == TSR_F8) return true;
    return place_float(w, round_float(v, w->rounding, &w->form), out);
}

static bool int_to_float(const struct way *w, uint64_t v, double *out)
{
    bool minus = w->from <= TSR_I8 && (int64_t)v < 0;
    return place_float(w, round_wide(minus ? -v : v, minus, w->rounding, &w->form), out);
}

/* The pair that matches, NULL: none does. */
static const struct pair *find_pair(const struct way *w, uint64_t i, double f)
{
    bool is_float = tsr_znum_is_float(w->from);
    for (size_t k = 0; k < w->map->n; k++) {
        const struct pair *p = &w->map->pairs[k];
        bool same = is_float ? p->from.f == f || (isnan(f) && isnan(p->from.f)) : p->from.i == i;
        if (same) return p;
    }
    return NULL;
}

static bool convert(const struct way *w, const union tsr_tile *src, union tsr_tile *dst, size_t i)
{
    bool from_float = tsr_znum_is_float(w->from), to_float = tsr_znum_is_float(w->to);
    const struct pair *p = w->map->n ? find_pair(w, src->u8[i], from_float ? src->f8[i] : 0) : NULL;
    if (p) {
        dst->u8[i] = p->to.i;
        return true;
    }
    if (from_float && to_float) return float_to_float(w, src->f8[i], &dst->f8[i]);
    if (from_float) return float_to_int(w, src->f8[i], &dst->u8[i]);
    if (to_float) return int_to_float(w, src->u8[i], &dst->f8[i]);
    __int128 v = w->from <= TSR_I8 ? (__int128)src->i8[i] : (__int128)src->u8[i];
    return int_to_int(w, v, &dst->u8[i]);
}

/* ---- tiles ---- */

static enum tsr_znum_kind wide_of(enum tsr_znum_kind k)
{
    return tsr_znum_is_float(k) ? TSR_F8 : k <= TSR_I8 ? TSR_I8 : TSR_U8;
}

static struct way way_of(const struct cast *s, bool decode)
{
    const struct tsr_znum *from = decode ? &s->nums.out : &s->nums.in,
                          *to = decode ? &s->nums.in : &s->nums.out;
    struct way w = {from->kind,
                    to->kind,
                    s->rounding,
                    s->beyond,
                    decode ? &s->decode : &s->encode,
                    form_of(to->kind),
                    0,
                    0};
    bool sign = to->kind <= TSR_I8;
    if (tsr_znum_is_float(to->kind)) return w;
    w.most = ((__int128)1 << (8 * to->size - sign)) - 1;
    w.least = sign ? -w.most - 1 : 0;
    return w;
}

static int cast_tile(const struct tsr_zcodec *c, bool decode, const union tsr_tile *src,
                     union tsr_tile *dst, size_t n)
{
    struct way w = way_of(c->state, decode);
    union tsr_tile a, b;
    tsr_znum_cast(w.from, src, wide_of(w.from), &a, n);
    for (size_t i = 0; i < n; i++)
        if (!convert(&w, &a, &b, i))
            return tsr_fail(decode ? TSR_ECORRUPT : TSR_EARG,
                            "cast_value: a value has no place in the type %s",
                            tsr_ztype_name(decode ? c->in.type : c->out.type));
    tsr_znum_cast(wide_of(w.to), &b, w.to, dst, n);
    return TSR_OK;
}

static int encode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    (void)run;
    return cast_tile(c, false, src, dst, n);
}

static int decode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    (void)run;
    return cast_tile(c, true, src, dst, n);
}

/* ---- the configuration ---- */

static int choice(const struct tsr_node *config, const char *name, const char *const *names,
                  int *out)
{
    const struct tsr_node *n = tsr_znode_get(config, name);
    if (!n) return TSR_OK;
    for (int i = 0; names[i]; i++)
        if (tsr_znode_is(n, names[i])) {
            *out = i;
            return TSR_OK;
        }
    int rc = tsr_znode_wrong(TSR_ECORRUPT, n, "another word");
    tsr_within("%s", name);
    return rc;
}

static int only_known(const struct tsr_node *map, const char *const *names)
{
    for (size_t i = 0; map && map->kind == TSR_NODE_MAP && i < map->list.n; i++) {
        const struct tsr_node *name = &map->list.v[2 * i];
        int k = 0;
        while (names[k] && !tsr_znode_is(name, names[k])) k++;
        if (!names[k]) return tsr_znode_wrong(TSR_ECORRUPT, name, "a member of cast_value");
    }
    return TSR_OK;
}

/* A scalar in the wide form of its type. */
static int scalar(struct tsr_zcodec *c, const struct tsr_ztype *t, const struct tsr_node *n,
                  uint64_t *out)
{
    union tsr_tile own, wide;
    struct tsr_znum num;
    struct tsr_zfill fill;
    int rc = tsr_zfill_parse(c->doc, t, n, 3, &fill);
    if (rc < 0) return rc;
    tsr_znum_of(t, &num);
    tsr_znum_load(&num, &own, fill.p, 1);
    tsr_znum_cast(num.kind, &own, wide_of(num.kind), &wide, 1);
    *out = wide.u8[0];
    return TSR_OK;
}

static int parse_map(struct tsr_zcodec *c, const struct tsr_node *list, bool decode,
                     struct map *out)
{
    const struct tsr_ztype *from = decode ? c->out.type : c->in.type,
                           *to = decode ? c->in.type : c->out.type;
    *out = (struct map){0};
    if (!list) return TSR_OK;
    if (list->kind != TSR_NODE_LIST) return tsr_znode_wrong(TSR_ECORRUPT, list, "a list of pairs");
    out->pairs = tsr_doc_alloc(c->doc, list->list.n + 1, sizeof *out->pairs);
    int rc = out->pairs ? TSR_OK : TSR_ENOMEM;
    for (size_t i = 0; i < list->list.n && rc == TSR_OK; i++) {
        const struct tsr_node *p = &list->list.v[i];
        if (p->kind != TSR_NODE_LIST || p->list.n != 2)
            return tsr_znode_wrong(TSR_ECORRUPT, p, "a pair");
        rc = scalar(c, from, &p->list.v[0], &out->pairs[i].from.i);
        if (rc == TSR_OK) rc = scalar(c, to, &p->list.v[1], &out->pairs[i].to.i);
        out->n = i + 1;
    }
    return rc;
}

static int parse_maps(struct tsr_zcodec *c, const struct tsr_node *config)
{
    static const char *const known[] = {"encode", "decode", NULL};
    struct cast *s = c->state;
    const struct tsr_node *maps = tsr_znode_get(config, "scalar_map");
    int rc = maps ? tsr_znode_map(maps) : TSR_OK;
    if (rc == TSR_OK) rc = only_known(maps, known);
    if (rc == TSR_OK) rc = parse_map(c, tsr_znode_get(maps, "encode"), false, &s->encode);
    if (rc == TSR_OK) rc = parse_map(c, tsr_znode_get(maps, "decode"), true, &s->decode);
    if (rc < 0) tsr_within("scalar_map");
    return rc;
}

/* The fill value goes along, and must come back. */
static int cast_fill(struct tsr_zcodec *c)
{
    static const uint8_t zeros[8] = {0};
    const struct cast *s = c->state;
    const uint8_t *fill = c->in.fill ? c->in.fill : zeros;
    union tsr_tile a, b, back;
    uint8_t again[8], *out = tsr_doc_alloc(c->doc, 1, sizeof again);
    if (!out) return TSR_ENOMEM;
    tsr_znum_load(&s->nums.in, &a, fill, 1);
    int rc = cast_tile(c, false, &a, &b, 1);
    if (rc == TSR_OK) rc = cast_tile(c, true, &b, &back, 1);
    if (rc == TSR_OK) {
        tsr_znum_store(&s->nums.out, &b, out, 1);
        tsr_znum_store(&s->nums.in, &back, again, 1);
        bool same = memcmp(again, fill, s->nums.in.size) == 0;
        bool nan = tsr_znum_is_float(s->nums.in.kind) &&
                   (s->nums.in.kind == TSR_F8 ? isnan(a.f8[0]) && isnan(back.f8[0])
                                              : isnan(a.f4[0]) && isnan(back.f4[0]));
        if (!same && !nan) rc = tsr_fail(TSR_ECORRUPT, "cast_value: it would come back changed");
    }
    c->out.fill = out;
    if (rc < 0) tsr_within("fill_value");
    return rc < 0 ? TSR_ECORRUPT : TSR_OK;
}

static int cast_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    static const char *const known[] = {"data_type", "rounding", "out_of_range", "scalar_map",
                                        NULL},
                             *const roundings[] = {"nearest-even",     "towards-zero",
                                                   "towards-positive", "towards-negative",
                                                   "nearest-away",     NULL},
                             *const ranges[] = {"", "clamp", "wrap", NULL};
    struct cast *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    const struct tsr_node *type = tsr_znode_get(config, "data_type");
    const struct tsr_ztype *t = NULL;
    int rounding = NEAREST_EVEN, beyond = BEYOND_FAILS;
    if (!s) return TSR_ENOMEM;
    memset(s, 0, sizeof *s);
    int rc = only_known(config, known);
    if (rc == TSR_OK)
        rc = type ? tsr_ztype_parse(c->doc, type, 3, &t)
                  : tsr_znode_wrong(TSR_ECORRUPT, type, "a data type in data_type");
    if (rc == TSR_OK) rc = choice(config, "rounding", roundings, &rounding);
    if (rc == TSR_OK) rc = choice(config, "out_of_range", ranges, &beyond);
    if (rc == TSR_OK) rc = tsr_znums_open(c, &s->nums, format, c->in.type, t);
    if (rc < 0) return rc;
    if (s->nums.in.kind == TSR_B1 || s->nums.out.kind == TSR_B1)
        return tsr_fail(TSR_ECORRUPT, "cast_value: found bools, expected integers and floats");
    if (beyond == BEYOND_WRAP && tsr_znum_is_float(s->nums.out.kind))
        return tsr_fail(TSR_ECORRUPT, "out_of_range: found wrap, but data_type is %s",
                        tsr_ztype_name(t));
    s->rounding = (enum rounding)rounding;
    s->beyond = (enum beyond)beyond;
    if ((rc = parse_maps(c, config)) < 0) return rc;
    return cast_fill(c);
}

static int cast_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_decode(c, decode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

static int cast_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_encode(c, encode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

const struct tsr_zcodec_kind tsr_zkind_cast_value = {
    .v3 = "cast_value",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .open = cast_open,
    .decode = cast_decode,
    .claim = tsr_znums_claim,
    .encode = cast_encode,
    .bound = tsr_znums_bound,
};
