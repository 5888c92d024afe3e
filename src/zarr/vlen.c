/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/vlen.c - the codecs "vlen-utf8", "vlen-bytes" and "vlen-array" (zarr.md 5.4).
 *
 *   | count u32 | length u32 | bytes | length u32 | bytes | ...
 *
 * Behind the count that is also how the items lie in memory, so that they are checked and copied
 * at once.  Bytes of vlen-array stay in the byte order of its dtype. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/codec.h"
#include "zarr/items.h"
#include "zarr/node.h"

enum { COUNT = 4 };

struct vlen {
    int64_t items;
    bool text;
    uint32_t unit; /* item lengths are multiples of it */
};

/* In format 2 the type "|O" says nothing; format 3 wants the codec of the type. */
static int vlen_open(struct tsr_zcodec *c, enum tsr_ztype_kind kind, uint32_t unit)
{
    struct vlen *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    bool open = c->in.items && !c->in.dtype;
    if (!open || (c->in.type->kind != kind && c->in.type->kind != TSR_ZJSON))
        return tsr_fail(TSR_ECORRUPT, "%s: found items of %s", tsr_zcodec_name(c),
                        c->in.items ? tsr_ztype_name(c->in.type) : "bytes");
    *s = (struct vlen){tsr_zview_count(&c->in), kind == TSR_ZSTRING, unit};
    c->state = s;
    tsr_zcodec_out_bytes(c, -1);
    if (s->items <= UINT32_MAX) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "%s: a chunk of %lld items", tsr_zcodec_name(c),
                    (long long)s->items);
}

static int utf8_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    (void)config;
    (void)format;
    return vlen_open(c, TSR_ZSTRING, 1);
}

static int raw_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    (void)config;
    (void)format;
    return vlen_open(c, TSR_ZBYTES, 1);
}

static int array_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    const struct tsr_node *n = tsr_znode_get(config, "dtype");
    const struct tsr_ztype *t = NULL;
    int rc = n ? tsr_ztype_parse(c->doc, n, 2, &t) : tsr_znode_wrong(TSR_ECORRUPT, n, "a type");
    (void)format;
    if (rc == TSR_OK && (!t->dtype || t->dtype->item_bytes > UINT32_MAX))
        rc = tsr_znode_wrong(TSR_ECORRUPT, n, "a type of a fixed size");
    if (rc < 0) tsr_within("dtype");
    return rc < 0 ? rc : vlen_open(c, TSR_ZARRAYS, (uint32_t)t->dtype->item_bytes);
}

/* Whether p[len] is all the items of a chunk. */
static int check(const struct vlen *s, const uint8_t *p, size_t len)
{
    struct tsr_zwalk w = {p, len, 0};
    const uint8_t *item;
    uint32_t n;
    for (int64_t i = 0; i < s->items; i++) {
        int rc = tsr_zwalk_next(&w, &item, &n);
        if (rc < 0) return rc;
        if (s->text && !tsr_utf8_valid((const char *)item, n))
            return tsr_fail(TSR_ECORRUPT, "item %lld is not UTF-8", (long long)i);
        if (n % s->unit)
            return tsr_fail(TSR_ECORRUPT, "item %lld: found %u bytes, expected a multiple of %u",
                            (long long)i, n, s->unit);
    }
    if (w.at == len) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "found %zu bytes behind the last item", len - w.at);
}

static int vlen_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct vlen *s = c->state;
    uint32_t count = len < COUNT ? 0 : tsr_load_LE32(src);
    (void)w;
    if (len < COUNT || count != s->items)
        return tsr_fail(TSR_ECORRUPT, "%s: found %u items in %zu bytes, expected %lld",
                        tsr_zcodec_name(c), count, len, (long long)s->items);
    int rc = check(s, src + COUNT, len - COUNT);
    if (rc < 0) tsr_within("%s", tsr_zcodec_name(c));
    if (rc < 0) return rc;
    if ((rc = tsr_zcodec_made(c, len - COUNT, n)) < 0) return rc;
    if (*n > cap) return tsr_zcodec_over(c, cap);
    if (*n) memcpy(dst, src + COUNT, *n);
    return TSR_OK;
}

static int64_t vlen_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    (void)src;
    return (int64_t)len - COUNT;
}

static int vlen_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct vlen *s = c->state;
    (void)w;
    (void)cap;
    int rc = check(s, src, len);
    if (rc < 0) {
        tsr_within("%s", tsr_zcodec_name(c));
        return TSR_EARG;
    }
    tsr_store_LE32(dst, (uint32_t)s->items);
    if (len) memcpy(dst + COUNT, src, len);
    *n = len + COUNT;
    return TSR_OK;
}

static size_t vlen_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return len + COUNT;
}

#define KIND(ident, name, name3, opener)               \
    const struct tsr_zcodec_kind tsr_zkind_##ident = { \
        .v2 = (name),                                  \
        .v3 = (name3),                                 \
        .stage = TSR_ZITEMS_TO_BYTES,                  \
        .open = opener,                                \
        .decode = vlen_decode,                         \
        .claim = vlen_claim,                           \
        .encode = vlen_encode,                         \
        .bound = vlen_bound,                           \
    };
KIND(vlen_utf8, "vlen-utf8", "vlen-utf8", utf8_open)
KIND(vlen_bytes, "vlen-bytes", "vlen-bytes", raw_open)
KIND(vlen_array, "vlen-array", NULL, array_open)
