/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/number.c - tiles of numbers: loaded, cast, stored.
 *
 * A cast goes over one of three wide forms, int64, uint64 and double, into which every type fits
 * exactly, so that it rounds once.  Both halves are loops over a tile that stays in the first
 * cache, and the compiler makes vectors of them. */
#include "zarr/number.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "kernel/kernel.h"
#include "text/number.h"
#include "zarr/node.h"

bool tsr_znum_of(const struct tsr_ztype *t, struct tsr_znum *out)
{
    static const char kinds[] = "iiiiuuuufffb";
    static const uint8_t sizes[] = {1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 1};
    const struct tsr_dtype *dt = t ? t->dtype : NULL;
    bool narrow = dt && (dt->kind == 'i' || dt->kind == 'u') && t->bits < 8;
    for (int k = 0; dt && !narrow && k <= TSR_B1; k++)
        if (dt->kind == kinds[k] && dt->item_bytes == sizes[k]) {
            *out = (struct tsr_znum){(enum tsr_znum_kind)k, sizes[k], dt->order == '>'};
            return true;
        }
    return false;
}

/* NumPy's names without a byte order are little-endian, as is all in format 3. */
static int parse_name(struct tsr_zcodec *c, const struct tsr_node *n, int format,
                      const struct tsr_ztype **out)
{
    char text[8] = "<";
    struct tsr_node ordered = *n;
    if (format == 2 || n->kind != TSR_NODE_STRING) return tsr_ztype_parse(c->doc, n, 2, out);
    if (tsr_ztype_parse(c->doc, n, 3, out) == TSR_OK) return TSR_OK;
    if (n->s.len == 2 && strchr("iuf", n->s.p[0])) {
        memcpy(text + 1, n->s.p, 2);
        if (text[2] == '1') text[0] = '|';
        ordered.s.p = text;
        ordered.s.len = 3;
    }
    return tsr_ztype_parse(c->doc, &ordered, 2, out);
}

int tsr_znum_member(struct tsr_zcodec *c, const struct tsr_node *config, const char *name,
                    int format, const struct tsr_ztype *dflt, const struct tsr_ztype **out)
{
    const struct tsr_node *n = tsr_znode_get(config, name);
    struct tsr_znum num;
    int rc = TSR_OK;
    *out = dflt;
    if (n && n->kind != TSR_NODE_NULL) rc = parse_name(c, n, format, out);
    else if (!dflt) rc = tsr_znode_wrong(TSR_ECORRUPT, n, "a data type");
    if (rc == TSR_OK && !tsr_znum_of(*out, &num))
        rc = tsr_fail(TSR_EUNSUPPORTED, "found %s, expected a bool, an integer or a float",
                      tsr_ztype_name(*out));
    if (rc == TSR_OK && format == 3 && num.big)
        rc = tsr_fail(TSR_EUNSUPPORTED, "found a big-endian type, expected a little-endian one");
    if (rc < 0) tsr_within("%s", name);
    return rc;
}

int tsr_znum_usual(const struct tsr_zcodec *c, struct tsr_node *config, const char *name)
{
    struct tsr_node type;
    int rc = tsr_ztype_emit(c->doc, c->in.type, 2, &type);
    if (rc == TSR_OK) tsr_zcodec_usual(config, name, type);
    return rc;
}

int tsr_znum_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    (void)foreign;
    return tsr_znum_usual(c, config, "dtype");
}

/* ---- tiles ---- */

float tsr_half_round(double v)
{
    return (float)tsr_half_to_double(tsr_double_to_half(v));
}

static void put_bytes(uint8_t *dst, const uint8_t *src, const struct tsr_znum *t, size_t n)
{
    if (t->big) tsr_kernels()->swap(dst, src, t->size, n);
    else memcpy(dst, src, n * t->size);
}

void tsr_znum_load(const struct tsr_znum *t, union tsr_tile *tile, const uint8_t *src, size_t n)
{
    uint16_t half[TSR_TILE];
    if (t->kind == TSR_F2) {
        put_bytes((uint8_t *)half, src, t, n);
        for (size_t i = 0; i < n; i++) tile->f4[i] = (float)tsr_half_to_double(half[i]);
    } else if (t->kind == TSR_B1) {
        for (size_t i = 0; i < n; i++) tile->u1[i] = src[i] != 0;
    } else {
        put_bytes(tile->u1, src, t, n);
    }
}

void tsr_znum_store(const struct tsr_znum *t, const union tsr_tile *tile, uint8_t *dst, size_t n)
{
    uint16_t half[TSR_TILE];
    if (t->kind == TSR_F2) {
        for (size_t i = 0; i < n; i++) half[i] = (uint16_t)tsr_double_to_half(tile->f4[i]);
        put_bytes(dst, (const uint8_t *)half, t, n);
    } else {
        put_bytes(dst, tile->u1, t, n);
    }
}

/* ---- casts ---- */

static void widen(enum tsr_znum_kind k, const union tsr_tile *s, union tsr_tile *d, size_t n)
{
#define TO(wide, member)                                      \
    for (size_t i = 0; i < n; i++) d->wide[i] = s->member[i]; \
    break
    switch (k) {
    case TSR_I1: TO(i8, i1);
    case TSR_I2: TO(i8, i2);
    case TSR_I4: TO(i8, i4);
    case TSR_I8: TO(i8, i8);
    case TSR_B1:
    case TSR_U1: TO(u8, u1);
    case TSR_U2: TO(u8, u2);
    case TSR_U4: TO(u8, u4);
    case TSR_U8: TO(u8, u8);
    case TSR_F2:
    case TSR_F4: TO(f8, f4);
    case TSR_F8: TO(f8, f8);
    }
#undef TO
}

/* Integers in the low bits of a 64-bit word, whatever their sign. */
static void narrow_int(enum tsr_znum_kind k, bool sign, const union tsr_tile *s, union tsr_tile *d,
                       size_t n)
{
#define TO(T, member)                                          \
    for (size_t i = 0; i < n; i++) d->member[i] = (T)s->u8[i]; \
    break
#define FLOAT(T, member)                                                            \
    for (size_t i = 0; i < n; i++) d->member[i] = sign ? (T)s->i8[i] : (T)s->u8[i]; \
    break
    switch (k) {
    case TSR_I1:
    case TSR_U1: TO(uint8_t, u1);
    case TSR_I2:
    case TSR_U2: TO(uint16_t, u2);
    case TSR_I4:
    case TSR_U4: TO(uint32_t, u4);
    case TSR_I8:
    case TSR_U8: TO(uint64_t, u8);
    case TSR_B1:
        for (size_t i = 0; i < n; i++) d->u1[i] = s->u8[i] != 0;
        break;
    case TSR_F2: /* what a double rounds is far beyond the largest half */
        for (size_t i = 0; i < n; i++)
            d->f4[i] = tsr_half_round(sign ? (double)s->i8[i] : (double)s->u8[i]);
        break;
    case TSR_F4: FLOAT(float, f4);
    case TSR_F8: FLOAT(double, f8);
    }
#undef TO
#undef FLOAT
}

/* A double as an integer of type T, which holds those between above and below when they have lost
 * their fraction. */
#define CUT(T, member, above, below, least, most)                                      \
    for (size_t i = 0; i < n; i++) {                                                   \
        double v = s->f8[i];                                                           \
        bool in = v > (above) && v < (below);                                          \
        fits &= in;                                                                    \
        d->member[i] = in ? (T)v : v >= (below) ? (most) : v <= (above) ? (least) : 0; \
    }                                                                                  \
    break

static bool narrow_float(enum tsr_znum_kind k, const union tsr_tile *s, union tsr_tile *d, size_t n)
{
    bool fits = true;
    switch (k) {
    case TSR_I1: CUT(int8_t, i1, -129.0, 0x1p7, INT8_MIN, INT8_MAX);
    case TSR_I2: CUT(int16_t, i2, -32769.0, 0x1p15, INT16_MIN, INT16_MAX);
    case TSR_I4: CUT(int32_t, i4, -2147483649.0, 0x1p31, INT32_MIN, INT32_MAX);
    /* the double below the least */
    case TSR_I8: CUT(int64_t, i8, -0x1.0000000000001p63, 0x1p63, INT64_MIN, INT64_MAX);
    case TSR_U1: CUT(uint8_t, u1, -1.0, 0x1p8, 0, UINT8_MAX);
    case TSR_U2: CUT(uint16_t, u2, -1.0, 0x1p16, 0, UINT16_MAX);
    case TSR_U4: CUT(uint32_t, u4, -1.0, 0x1p32, 0, UINT32_MAX);
    case TSR_U8: CUT(uint64_t, u8, -1.0, 0x1p64, 0, UINT64_MAX);
    case TSR_B1:
        for (size_t i = 0; i < n; i++) d->u1[i] = s->f8[i] != 0;
        break;
    case TSR_F2:
        for (size_t i = 0; i < n; i++) d->f4[i] = tsr_half_round(s->f8[i]);
        break;
    case TSR_F4:
        for (size_t i = 0; i < n; i++) d->f4[i] = (float)s->f8[i];
        break;
    case TSR_F8: memcpy(d->f8, s->f8, n * sizeof(double)); break;
    }
    return fits;
}
#undef CUT

bool tsr_znum_cast(enum tsr_znum_kind from, const union tsr_tile *src, enum tsr_znum_kind to,
                   union tsr_tile *dst, size_t n)
{
    static const uint8_t sizes[] = {1, 2, 4, 8, 1, 2, 4, 8, 4, 4, 8, 1};
    union tsr_tile wide;
    if (from == to) {
        memcpy(dst, src, n * sizes[from]);
        return true;
    }
    widen(from, src, &wide, n);
    if (tsr_znum_is_float(from)) return narrow_float(to, &wide, dst, n);
    narrow_int(to, from <= TSR_I8, &wide, dst, n);
    return true;
}

int tsr_znum_beyond(const struct tsr_zcodec *c)
{
    return tsr_fail(TSR_EARG, "%s: a value is beyond the integers that it is to become",
                    tsr_zcodec_name(c));
}

/* ---- codecs of as many items on both sides ---- */

/* An item of the other type with the value of the fill. */
static int cast_fill(struct tsr_zcodec *c, const struct tsr_znums *s)
{
    union tsr_tile a, b;
    uint8_t *item = tsr_doc_alloc(c->doc, 1, sizeof(uint64_t));
    if (!item) return TSR_ENOMEM;
    tsr_znum_load(&s->in, &a, c->in.fill, 1);
    tsr_znum_cast(s->in.kind, &a, s->out.kind, &b, 1);
    tsr_znum_store(&s->out, &b, item, 1);
    c->out.fill = item;
    return TSR_OK;
}

/* Bytes as items, or items of another size: how many is a matter of their bytes. */
static int open_bytes(struct tsr_zcodec *c, const struct tsr_znums *s, const struct tsr_ztype *u)
{
    int64_t n = c->in.bytes / s->in.size;
    c->out = (struct tsr_zview){.bytes = -1};
    if (c->in.bytes < 0) return TSR_OK;
    if (c->in.bytes % s->in.size)
        return tsr_fail(TSR_ECORRUPT, "found %lld bytes, expected items of %d",
                        (long long)c->in.bytes, s->in.size);
    c->out = (struct tsr_zview){.items = true, .type = u, .dtype = u->dtype, .ndim = 1};
    c->out.shape[0] = n;
    if (tsr_mul(n, s->out.size, &c->out.bytes)) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "a chunk of %lld items", (long long)n);
}

int tsr_znums_open(struct tsr_zcodec *c, struct tsr_znums *s, int format, const struct tsr_ztype *t,
                   const struct tsr_ztype *u)
{
    bool fits = c->in.items && c->in.dtype && c->in.dtype->item_bytes == t->dtype->item_bytes;
    if (!tsr_znum_of(t, &s->in) || !tsr_znum_of(u, &s->out))
        return tsr_fail(TSR_EUNSUPPORTED, "found %s and %s, expected numbers", tsr_ztype_name(t),
                        tsr_ztype_name(u));
    c->state = s;
    if (!fits && (format == 3 || (c->in.items && !c->in.dtype)))
        return tsr_fail(TSR_ECORRUPT, "dtype: found %s, but items are %s", tsr_ztype_name(t),
                        c->in.items ? tsr_ztype_name(c->in.type) : "bytes");
    if (!fits) return open_bytes(c, s, u);
    int rc = tsr_zcodec_out_items(c, u);
    return rc == TSR_OK && c->in.fill ? cast_fill(c, s) : rc;
}

static int run_tiles(const struct tsr_zcodec *c, const struct tsr_znum *from,
                     const struct tsr_znum *to, tsr_znums_step *step, void *run,
                     const struct tsr_span *s)
{
    union tsr_tile a, b;
    size_t items = s->len / from->size;
    for (size_t at = 0; at < items; at += TSR_TILE) {
        size_t n = tsr_minz(items - at, TSR_TILE);
        tsr_znum_load(from, &a, s->src + at * from->size, n);
        int rc = step(c, run, &a, &b, n);
        if (rc < 0) return rc;
        tsr_znum_store(to, &b, s->dst + at * to->size, n);
    }
    return TSR_OK;
}

static int ragged(const struct tsr_zcodec *c, tsr_status code, size_t len, int size)
{
    return tsr_fail(code, "%s: found %zu bytes, expected items of %d", tsr_zcodec_name(c), len,
                    size);
}

int tsr_znums_decode(const struct tsr_zcodec *c, tsr_znums_step *step, void *run,
                     const struct tsr_span *s, size_t *n)
{
    const struct tsr_znums *t = c->state;
    if (s->len % t->out.size) return ragged(c, TSR_ECORRUPT, s->len, t->out.size);
    size_t made;
    if (!tsr_mul(s->len / t->out.size, (size_t)t->in.size, &made))
        return tsr_zcodec_over(c, s->cap);
    int rc = tsr_zcodec_made(c, made, n);
    if (rc == TSR_OK && made > s->cap) rc = tsr_zcodec_over(c, s->cap);
    return rc < 0 ? rc : run_tiles(c, &t->out, &t->in, step, run, s);
}

int tsr_znums_encode(const struct tsr_zcodec *c, tsr_znums_step *step, void *run,
                     const struct tsr_span *s, size_t *n)
{
    const struct tsr_znums *t = c->state;
    if (s->len % t->in.size) return ragged(c, TSR_EARG, s->len, t->in.size);
    *n = s->len / t->in.size * t->out.size;
    return run_tiles(c, &t->in, &t->out, step, run, s);
}

size_t tsr_znums_bound(const struct tsr_zcodec *c, size_t len)
{
    const struct tsr_znums *t = c->state;
    return len / t->in.size * t->out.size;
}

int64_t tsr_znums_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    const struct tsr_znums *t = c->state;
    int64_t n;
    (void)src;
    return tsr_mul((int64_t)(len / t->out.size), t->in.size, &n) ? n : -1;
}
