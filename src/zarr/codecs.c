/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/codecs.c - the table of codecs: adding one is a line here and its file. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/codec.h"
#include "zarr/node.h"

extern const struct tsr_zcodec_kind tsr_zkind_adler32, tsr_zkind_astype, tsr_zkind_base64,
    tsr_zkind_bitround, tsr_zkind_blosc, tsr_zkind_bytes, tsr_zkind_bz2, tsr_zkind_cast_value,
    tsr_zkind_categorize, tsr_zkind_crc32, tsr_zkind_crc32c, tsr_zkind_delta, tsr_zkind_endian,
    tsr_zkind_fixedscaleoffset, tsr_zkind_fletcher32, tsr_zkind_gzip, tsr_zkind_jenkins_lookup3,
    tsr_zkind_json2, tsr_zkind_lz4, tsr_zkind_lzma, tsr_zkind_msgpack2, tsr_zkind_packbits,
    tsr_zkind_packbits3, tsr_zkind_pickle, tsr_zkind_quantize, tsr_zkind_reshape,
    tsr_zkind_scale_offset, tsr_zkind_sharding, tsr_zkind_shuffle, tsr_zkind_transpose,
    tsr_zkind_vlen_array, tsr_zkind_vlen_bytes, tsr_zkind_vlen_utf8, tsr_zkind_zlib, tsr_zkind_zstd;

static const struct tsr_zcodec_kind *const kinds[] = {
    &tsr_zkind_adler32,
    &tsr_zkind_astype,
    &tsr_zkind_base64,
    &tsr_zkind_bitround,
    &tsr_zkind_blosc,
    &tsr_zkind_bytes,
    &tsr_zkind_bz2,
    &tsr_zkind_cast_value,
    &tsr_zkind_categorize,
    &tsr_zkind_crc32,
    &tsr_zkind_crc32c,
    &tsr_zkind_delta,
    &tsr_zkind_endian,
    &tsr_zkind_fixedscaleoffset,
    &tsr_zkind_fletcher32,
    &tsr_zkind_gzip,
    &tsr_zkind_jenkins_lookup3,
    &tsr_zkind_json2,
    &tsr_zkind_lz4,
    &tsr_zkind_lzma,
    &tsr_zkind_msgpack2,
    &tsr_zkind_packbits,
    &tsr_zkind_packbits3,
    &tsr_zkind_pickle,
    &tsr_zkind_quantize,
    &tsr_zkind_reshape,
    &tsr_zkind_scale_offset,
    &tsr_zkind_sharding,
    &tsr_zkind_shuffle,
    &tsr_zkind_transpose,
    &tsr_zkind_vlen_array,
    &tsr_zkind_vlen_bytes,
    &tsr_zkind_vlen_utf8,
    &tsr_zkind_zlib,
    &tsr_zkind_zstd,
    NULL,
};

const struct tsr_zcodec_kind *tsr_zcodec_list(int i)
{
    return kinds[i];
}

static const char *name_in(const struct tsr_zcodec_kind *k, int format)
{
    return format == 2 ? k->v2 : k->v3;
}

static const char foreign[] = "numcodecs.";

bool tsr_zcodec_is_foreign(const char *name)
{
    return strncmp(name, foreign, sizeof foreign - 1) == 0;
}

const struct tsr_zcodec_kind *tsr_zcodec_find(const char *name, int format)
{
    if (format == 3 && tsr_zcodec_is_foreign(name)) {
        name += sizeof foreign - 1;
        format = 2;
    }
    for (size_t i = 0; kinds[i]; i++) {
        const char *own = name_in(kinds[i], format);
        if (own && strcmp(own, name) == 0) return kinds[i];
    }
    return NULL;
}

/* ---- a value of any size ---- */

/* The room to begin with: what is known or claimed, else four times what is stored. */
static size_t first_room(const struct tsr_zcodec *c, const uint8_t *src, size_t len, size_t limit)
{
    size_t room = 4096;
    if (c->in.bytes >= 0) return (size_t)c->in.bytes;
    int64_t claim = c->kind->claim ? c->kind->claim(c, src, len) : -1;
    if (claim >= 0) return tsr_minz((size_t)claim, limit);
    if (!tsr_mul(len, (size_t)4, &room)) room = limit;
    return tsr_minz(room > 4096 ? room : 4096, limit);
}

int tsr_zcodec_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, size_t limit, struct tsr_buf *out)
{
    size_t room = first_room(c, src, len, limit), n = 0;
    if (room > limit)
        return tsr_fail(TSR_ELIMIT, "decodes to %zu bytes, the limit is %zu", room, limit);
    for (;;) {
        int rc = tsr_buf_reserve(out, room ? room : 1); /* so that p is not NULL */
        if (rc == TSR_OK) rc = c->kind->decode(c, w, src, len, out->p + out->len, room, &n);
        if (rc == TSR_OK) out->len += n;
        if (rc != TSR_ELIMIT || room == limit || c->in.bytes >= 0) return rc;
        room = room > limit / 4 ? limit : 4 * room + 64;
    }
}

const char *tsr_zcodec_name(const struct tsr_zcodec *c)
{
    return c->kind->v2 ? c->kind->v2 : c->kind->v3;
}

int tsr_zcodec_made(const struct tsr_zcodec *c, size_t made, size_t *n)
{
    *n = made;
    if (c->in.bytes < 0 || (uint64_t)c->in.bytes == made) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "%s: found %zu decoded bytes, expected %lld", tsr_zcodec_name(c),
                    made, (long long)c->in.bytes);
}

int tsr_zcodec_over(const struct tsr_zcodec *c, size_t cap)
{
    return tsr_fail(c->in.bytes < 0 ? TSR_ELIMIT : TSR_ECORRUPT,
                    "%s: decodes to more than %zu bytes", tsr_zcodec_name(c), cap);
}

int tsr_zcodec_keep(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                    size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    int rc = tsr_zcodec_made(c, len, n);
    if (rc == TSR_OK && len > cap) rc = tsr_zcodec_over(c, cap);
    if (rc == TSR_OK && len) memcpy(dst, src, len);
    return rc;
}

int tsr_zcodec_int(const struct tsr_node *config, const struct tsr_zparam *p, int format,
                   int64_t *out)
{
    const struct tsr_node *n = tsr_znode_get(config, p->name);
    *out = p->dflt;
    if (!n || n->kind == TSR_NODE_NULL) return TSR_OK;
    int rc = tsr_znode_int(n, p->min, p->max, out);
    if (rc == TSR_OK) return rc;
    *out = p->dflt;
    if (format == 2) return TSR_OK;
    tsr_within("%s", p->name);
    return rc;
}

/* ---- views ---- */

int64_t tsr_zview_count(const struct tsr_zview *v)
{
    int64_t n = -1;
    if (v->items && !tsr_product(v->shape, v->ndim, &n)) n = INT64_MAX;
    return n;
}

int64_t tsr_zview_item(const struct tsr_zview *v)
{
    if (!v->items) return v->item;
    return v->dtype ? v->dtype->item_bytes : 0;
}

void tsr_zcodec_out_same(struct tsr_zcodec *c)
{
    c->out = c->in;
}

void tsr_zcodec_out_bytes(struct tsr_zcodec *c, int64_t bytes)
{
    c->out = (struct tsr_zview){.bytes = bytes, .item = tsr_zview_item(&c->in)};
}

int tsr_zcodec_out_items(struct tsr_zcodec *c, const struct tsr_ztype *t)
{
    c->out = c->in;
    c->out.type = t;
    c->out.dtype = t->dtype;
    c->out.bytes = -1;
    if (t->dtype && !tsr_mul(tsr_zview_count(&c->in), t->dtype->item_bytes, &c->out.bytes))
        return tsr_fail(TSR_ECORRUPT, "a chunk of %lld items of %lld bytes is too large",
                        (long long)tsr_zview_count(&c->in), (long long)t->dtype->item_bytes);
    return TSR_OK;
}
