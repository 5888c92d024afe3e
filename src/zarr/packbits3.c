/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/packbits3.c - the codec "packbits" of format 3: a range of the bits of each item, one after
 * the other from the low end of byte 0 up (zarr.md 9.4).
 *
 *   | padding (first_byte) | item 0: bits first .. last | item 1 | ... | padding (last_byte) |
 *
 * Complex numbers are two parts, each packed like an item. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/bits.h"
#include "zarr/codec.h"
#include "zarr/node.h"

enum padding { PAD_NONE, PAD_FIRST, PAD_LAST };

struct packbits3 {
    int size;        /* bytes of a part in memory */
    int first, bits; /* of a part, kept */
    bool sign;       /* the top bit kept is the sign */
    int64_t parts;   /* of the chunk */
    enum padding pad;
};

/* Bytes and bits of a part of an item. */
static int part_of(struct packbits3 *s, const struct tsr_ztype *t, int *width)
{
    switch (t->kind) {
    case TSR_ZBOOL:
        s->size = 1;
        *width = 1;
        return TSR_OK;
    case TSR_ZINT:
    case TSR_ZUINT:
        s->size = (int)t->dtype->item_bytes;
        *width = t->bits;
        break;
    case TSR_ZMOMENT:
    case TSR_ZSPAN:
        s->size = 8;
        *width = 64;
        break;
    case TSR_ZFLOAT:
        s->size = (int)t->dtype->item_bytes;
        *width = t->real->bits;
        break;
    case TSR_ZCOMPLEX:
        s->size = (int)t->dtype->item_bytes / 2;
        *width = t->real->bits;
        break;
    default:
        return tsr_fail(TSR_ECORRUPT, "packbits: found items of %s, expected numbers",
                        tsr_ztype_name(t));
    }
    s->sign = t->kind == TSR_ZINT || t->kind == TSR_ZMOMENT || t->kind == TSR_ZSPAN;
    return TSR_OK;
}

static int parse_padding(const struct tsr_node *config, enum padding *pad)
{
    static const char *const names[] = {"none", "first_byte", "last_byte"};
    const struct tsr_node *n = tsr_znode_get(config, "padding_encoding");
    *pad = PAD_NONE;
    if (!n) return TSR_OK;
    for (int i = 0; i < 3; i++)
        if (tsr_znode_is(n, names[i])) {
            *pad = (enum padding)i;
            return TSR_OK;
        }
    int rc = tsr_znode_wrong(TSR_ECORRUPT, n, "none, first_byte or last_byte");
    tsr_within("padding_encoding");
    return rc;
}

static int packbits3_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    struct packbits3 *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t first = 0, last = 0, bits;
    int width = 0;
    if (!s) return TSR_ENOMEM;
    memset(s, 0, sizeof *s);
    c->state = s;
    int rc = part_of(s, c->in.type, &width);
    if (rc == TSR_OK) rc = parse_padding(config, &s->pad);
    struct tsr_zparam first_bit = {"first_bit", 0, width - 1, 0},
                      last_bit = {"last_bit", 0, width - 1, width - 1};
    if (rc == TSR_OK) rc = tsr_zcodec_int(config, &first_bit, format, &first);
    if (rc == TSR_OK) rc = tsr_zcodec_int(config, &last_bit, format, &last);
    if (rc < 0) return rc;
    if (last < first)
        return tsr_fail(TSR_ECORRUPT, "last_bit: found %lld, expected at least first_bit %lld",
                        (long long)last, (long long)first);
    s->first = (int)first;
    s->bits = (int)(last - first) + 1;
    s->parts = c->in.bytes / s->size;
    if (!tsr_mul(s->parts, s->bits, &bits))
        return tsr_fail(TSR_ECORRUPT, "packbits: a chunk of %lld items", (long long)s->parts);
    tsr_zcodec_out_bytes(c, tsr_ceil_div(bits, 8) + (s->pad != PAD_NONE));
    return TSR_OK;
}

/* ---- any number of bits ---- */

static uint64_t mask_of(int bits)
{
    return bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static uint64_t load(const uint8_t *p, int size)
{
    uint64_t v = 0;
    for (int i = 0; i < size; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void store(uint8_t *p, int size, uint64_t v)
{
    for (int i = 0; i < size; i++) p[i] = (uint8_t)(v >> (8 * i));
}

/* The bits of a part, at its place, with its sign or zeros above. */
static uint64_t placed(const struct packbits3 *s, uint64_t v)
{
    uint64_t top = UINT64_C(1) << (s->bits - 1);
    if (s->sign) v = (v ^ top) - top;
    return v << s->first;
}

static void unpack(const struct packbits3 *s, const uint8_t *src, uint8_t *dst)
{
    uint64_t mask = mask_of(s->bits);
    for (int64_t i = 0; i < s->parts; i++) {
        size_t at = (size_t)i * (size_t)s->bits, from = at / 8, shift = at % 8;
        size_t bytes = (shift + (size_t)s->bits + 7) / 8; /* up to 9 */
        uint64_t v = load(src + from, bytes < 8 ? (int)bytes : 8) >> shift;
        if (bytes > 8) v |= (uint64_t)src[from + 8] << (64 - shift);
        store(dst + i * s->size, s->size, placed(s, v & mask));
    }
}

static void pack(const struct packbits3 *s, const uint8_t *src, uint8_t *dst)
{
    uint64_t mask = mask_of(s->bits);
    for (int64_t i = 0; i < s->parts; i++) {
        size_t at = (size_t)i * (size_t)s->bits, to = at / 8, shift = at % 8;
        uint64_t v = load(src + i * s->size, s->size) >> s->first & mask;
        size_t bytes = (shift + (size_t)s->bits + 7) / 8;
        for (size_t k = 0; k < bytes && k < 8; k++) dst[to + k] |= (uint8_t)(v << shift >> (8 * k));
        if (bytes > 8) dst[to + 8] |= (uint8_t)(v >> (64 - shift));
    }
}

/* ---- bools ---- */

static void unpack_bools(const struct packbits3 *s, const uint8_t *src, uint8_t *dst)
{
    int64_t i = 0;
    for (; i + 8 <= s->parts; i += 8) tsr_bits_scatter(src[i / 8], dst + i);
    for (; i < s->parts; i++) dst[i] = src[i / 8] >> (i % 8) & 1;
}

static void pack_bools(const struct packbits3 *s, const uint8_t *src, uint8_t *dst)
{
    int64_t i = 0;
    for (; i + 8 <= s->parts; i += 8) dst[i / 8] = tsr_bits_gather(src + i);
    for (; i < s->parts; i++) dst[i / 8] |= (uint8_t)((src[i] != 0) << (i % 8));
}

static int packbits3_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                            size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct packbits3 *s = c->state;
    int padding = (int)(-(uint64_t)s->parts * (uint64_t)s->bits % 8);
    (void)w;
    (void)cap;
    if ((int64_t)len != c->out.bytes)
        return tsr_fail(TSR_ECORRUPT, "packbits: found %zu bytes, expected %lld", len,
                        (long long)c->out.bytes);
    if (s->pad != PAD_NONE && src[s->pad == PAD_FIRST ? 0 : len - 1] != padding)
        return tsr_fail(TSR_ECORRUPT, "packbits: found padding %d, expected %d",
                        src[s->pad == PAD_FIRST ? 0 : len - 1], padding);
    src += s->pad == PAD_FIRST;
    *n = (size_t)c->in.bytes;
    if (c->in.type->kind == TSR_ZBOOL) unpack_bools(s, src, dst);
    else unpack(s, src, dst);
    return TSR_OK;
}

static int packbits3_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                            size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct packbits3 *s = c->state;
    (void)w;
    (void)len;
    (void)cap;
    *n = (size_t)c->out.bytes;
    memset(dst, 0, *n);
    if (c->in.type->kind == TSR_ZBOOL) pack_bools(s, src, dst + (s->pad == PAD_FIRST));
    else pack(s, src, dst + (s->pad == PAD_FIRST));
    if (s->pad != PAD_NONE)
        dst[s->pad == PAD_FIRST ? 0 : *n - 1] =
            (uint8_t)(-(uint64_t)s->parts * (uint64_t)s->bits % 8);
    return TSR_OK;
}

static size_t packbits3_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)len;
    return (size_t)c->out.bytes;
}

const struct tsr_zcodec_kind tsr_zkind_packbits3 = {
    .v3 = "packbits",
    .stage = TSR_ZITEMS_TO_BYTES,
    .open = packbits3_open,
    .decode = packbits3_decode,
    .encode = packbits3_encode,
    .bound = packbits3_bound,
};
