/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/delta.c - the codec "delta" of numcodecs: each item less the one before.
 *
 * Differences are taken in "dtype", where integers wrap, and stored as "astype"; sums go over what
 * was stored, widened again.  Of floats each sum is rounded, one after the other, so that they may
 * come back changed: numcodecs does the same. */
#include <string.h>

#include "base/status.h"
#include "zarr/number.h"

static int delta_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    const struct tsr_ztype *own = format == 3 ? c->in.type : NULL, *dtype, *astype;
    struct tsr_znums *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    int rc = tsr_znum_member(c, config, "dtype", format, own, &dtype);
    if (rc == TSR_OK) rc = tsr_znum_member(c, config, "astype", format, dtype, &astype);
    if (rc == TSR_OK) rc = tsr_znums_open(c, s, format, dtype, astype);
    if (rc == TSR_OK && (s->in.kind == TSR_B1 || s->out.kind == TSR_B1))
        rc = tsr_fail(TSR_EUNSUPPORTED, "delta: bools have no differences");
    return rc;
}

/* The item that came last; at first what changes no item, which for sums of floats is -0. */
struct last {
    uint64_t i;
    float f;
    double d;
};

static int sum_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src, union tsr_tile *dst,
                    size_t n)
{
    const struct tsr_znums *s = c->state;
    struct last *l = run;
    tsr_znum_cast(s->out.kind, src, s->in.kind, dst, n);
    switch (s->in.kind) {
    case TSR_I1:
    case TSR_U1:
        for (size_t i = 0; i < n; i++) dst->u1[i] = (uint8_t)(l->i += dst->u1[i]);
        break;
    case TSR_I2:
    case TSR_U2:
        for (size_t i = 0; i < n; i++) dst->u2[i] = (uint16_t)(l->i += dst->u2[i]);
        break;
    case TSR_I4:
    case TSR_U4:
        for (size_t i = 0; i < n; i++) dst->u4[i] = (uint32_t)(l->i += dst->u4[i]);
        break;
    case TSR_F2:
        for (size_t i = 0; i < n; i++) dst->f4[i] = l->f = tsr_half_round(l->f + dst->f4[i]);
        break;
    case TSR_F4:
        for (size_t i = 0; i < n; i++) dst->f4[i] = l->f += dst->f4[i];
        break;
    case TSR_F8:
        for (size_t i = 0; i < n; i++) dst->f8[i] = l->d += dst->f8[i];
        break;
    default:
        for (size_t i = 0; i < n; i++) dst->u8[i] = l->i += dst->u8[i];
    }
    return TSR_OK;
}

/* Each item becomes its difference from the one before, from the last one down. */
#define DIFFER(member, zero)                                                 \
    {                                                                        \
        typeof(v->member[0]) end = v->member[n - 1];                         \
        for (size_t i = n - 1; i > 0; i--) v->member[i] -= v->member[i - 1]; \
        v->member[0] -= (typeof(end))(zero);                                 \
        zero = end;                                                          \
        break;                                                               \
    }

static void differ(enum tsr_znum_kind kind, union tsr_tile *v, struct last *l, size_t n)
{
    switch (kind) {
    case TSR_I1:
    case TSR_U1: DIFFER(u1, l->i)
    case TSR_I2:
    case TSR_U2: DIFFER(u2, l->i)
    case TSR_I4:
    case TSR_U4: DIFFER(u4, l->i)
    case TSR_F2: DIFFER(f4, l->f)
    case TSR_F4: DIFFER(f4, l->f)
    case TSR_F8: DIFFER(f8, l->d)
    default: DIFFER(u8, l->i)
    }
    if (kind != TSR_F2) return;
    for (size_t i = 0; i < n; i++) v->f4[i] = tsr_half_round(v->f4[i]);
}

struct encoding {
    struct last last;
    bool begun;
};

/* NumPy minds whether the first item, which is stored as it is, keeps its value. */
static int check_first(const struct tsr_zcodec *c, const union tsr_tile *first)
{
    const struct tsr_znums *s = c->state;
    union tsr_tile there, back;
    if (!tsr_znum_is_int(s->in.kind) || !tsr_znum_is_int(s->out.kind)) return TSR_OK;
    tsr_znum_cast(s->in.kind, first, s->out.kind, &there, 1);
    tsr_znum_cast(s->out.kind, &there, s->in.kind, &back, 1);
    bool sign = s->in.kind <= TSR_I8 && s->out.kind > TSR_I8 && first->i1[s->in.size - 1] < 0;
    bool lost = s->in.kind > TSR_I8 && s->out.kind <= TSR_I8 && there.i1[s->out.size - 1] < 0;
    if (memcmp(first, &back, s->in.size) == 0 && !sign && !lost) return TSR_OK;
    return tsr_fail(TSR_EARG, "delta: the first item does not fit into astype");
}

static int differ_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    const struct tsr_znums *s = c->state;
    struct encoding *e = run;
    int rc = e->begun ? TSR_OK : check_first(c, src);
    if (rc < 0) return rc;
    e->begun = true;
    differ(s->in.kind, src, &e->last, n);
    return tsr_znum_cast(s->in.kind, src, s->out.kind, dst, n) ? TSR_OK : tsr_znum_beyond(c);
}

static int delta_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct last last = {0, -0.0F, -0.0};
    (void)w;
    return tsr_znums_decode(c, sum_tile, &last, &(struct tsr_span){src, len, dst, cap}, n);
}

static int delta_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct encoding e = {0};
    (void)w;
    return tsr_znums_encode(c, differ_tile, &e, &(struct tsr_span){src, len, dst, cap}, n);
}

const struct tsr_zcodec_kind tsr_zkind_delta = {
    .v2 = "delta",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .complete = tsr_znum_complete,
    .open = delta_open,
    .decode = delta_decode,
    .claim = tsr_znums_claim,
    .encode = delta_encode,
    .bound = tsr_znums_bound,
};
