/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/shard_codec.c - "sharding_indexed" as a codec: whole shards to their items and back.
 *
 * For shards inside of shards, and behind compressors; what can be read by ranges is read so by
 * who has the store.  Inner chunks that hold nothing but the fill value, bit for bit, are left out
 * of what is written. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "kernel/box.h"
#include "zarr/shard_impl.h"

static int shard_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    (void)format;
    struct tsr_zshard *s = tsr_alloc_zero(1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    int rc = tsr_zshard_open(s, c, config);
    if (rc < 0) {
        tsr_zshard_done(s);
        tsr_free(s);
        return rc;
    }
    c->state = s;
    tsr_zcodec_out_bytes(c, -1);
    return TSR_OK;
}

static void shard_close(struct tsr_zcodec *c)
{
    tsr_zshard_done(c->state);
    tsr_free(c->state);
}

/* ---- decode ---- */

/* The index of a shard at src, in the worker's buffer. */
static int index_of(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                    size_t len, const uint64_t **entry)
{
    const struct tsr_zshard *s = c->state;
    struct tsr_buf *b = tsr_zscratch(w, c->level, 2);
    uint64_t at;
    int rc = b ? tsr_buf_reserve(b, 16 * (size_t)s->n) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_zshard_index_at(s, len, 0, &at);
    if (rc == TSR_OK) rc = tsr_zshard_index(s, w, src + at, len, 0, (uint64_t *)(void *)b->p);
    if (rc == TSR_OK) *entry = (uint64_t *)(void *)b->p;
    return rc;
}

/* Between inner chunk i, whose items lie together, and its place in the shard. */
static struct tsr_box_copy box_of(const struct tsr_zcodec *c, int64_t i, bool to_shard,
                                  uint8_t *shard, uint8_t *inner)
{
    const struct tsr_zshard *s = c->state;
    int64_t origin[TSR_MAX_NDIM], item = c->in.dtype->item_bytes;
    int64_t shard_stride = item, inner_stride = item, off = 0;
    struct tsr_box_copy b = {.item_bytes = (size_t)item, .ndim = s->ndim};
    tsr_zshard_origin(s, i, origin);
    for (int d = s->ndim; d-- > 0;) {
        b.count[d] = s->inner[d];
        b.dst_stride[d] = to_shard ? shard_stride : inner_stride;
        b.src_stride[d] = to_shard ? inner_stride : shard_stride;
        off += origin[d] * shard_stride;
        shard_stride *= c->in.shape[d];
        inner_stride *= s->inner[d];
    }
    b.dst = to_shard ? shard + off : inner;
    b.src = to_shard ? inner : shard + off;
    return b;
}

/* One item of the fill value, in the worker's buffer where it is zeros. */
static int fill_of(const struct tsr_zcodec *c, struct tsr_buf *b, uint8_t **fill)
{
    size_t item = (size_t)c->in.dtype->item_bytes;
    int rc = tsr_buf_reserve(b, item);
    if (rc < 0) return rc;
    if (c->in.fill) memcpy(b->p, c->in.fill, item);
    else memset(b->p, 0, item);
    *fill = b->p;
    return TSR_OK;
}

static int decode_inner(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        const uint64_t *e, uint8_t **items)
{
    const struct tsr_zshard *s = c->state;
    struct tsr_buf *b = tsr_zscratch(w, c->level, 3);
    if (!b) return TSR_ENOMEM;
    if (e[0] == TSR_ZEMPTY) return fill_of(c, b, items);
    int rc = tsr_buf_reserve(b, (size_t)s->chain->in.bytes);
    *items = b->p;
    return rc < 0 ? rc : tsr_zchain_decode(s->chain, w, src + e[0], e[1], b->p);
}

static int decode_fixed(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst)
{
    const struct tsr_zshard *s = c->state;
    const uint64_t *entry;
    int rc = index_of(c, w, src, len, &entry);
    for (int64_t i = 0; rc == TSR_OK && i < s->n; i++) {
        uint8_t *items;
        rc = decode_inner(c, w, src, entry + 2 * i, &items);
        if (rc < 0) {
            tsr_within("inner chunk %lld", (long long)i);
            break;
        }
        struct tsr_box_copy b = box_of(c, i, true, dst, items);
        if (entry[2 * i] == TSR_ZEMPTY) memset(b.src_stride, 0, sizeof b.src_stride);
        tsr_box_copy(&b);
    }
    return rc;
}

static void free_parts(struct tsr_buf *part, int64_t n)
{
    for (int64_t i = 0; part && i < n; i++) tsr_buf_free(part + i);
    tsr_free(part);
}

static int decode_var(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, struct tsr_buf *out)
{
    const struct tsr_zshard *s = c->state;
    const uint64_t *entry;
    struct tsr_buf *part = tsr_alloc_zero((size_t)s->n, sizeof *part);
    int rc = part ? index_of(c, w, src, len, &entry) : TSR_ENOMEM;
    for (int64_t i = 0; rc == TSR_OK && i < s->n; i++) {
        const uint64_t *e = entry + 2 * i;
        if (e[0] == TSR_ZEMPTY) continue;
        rc = tsr_zchain_decode_to(s->chain, w, src + e[0], e[1], part + i);
        if (rc < 0) tsr_within("inner chunk %lld", (long long)i);
    }
    if (rc == TSR_OK) rc = tsr_zshard_join(c, part, out);
    free_parts(part, s->n);
    return rc;
}

static int shard_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct tsr_buf items = {0};
    *n = (size_t)c->in.bytes;
    if (c->in.bytes >= 0) return decode_fixed(c, w, src, len, dst);
    int rc = decode_var(c, w, src, len, &items);
    *n = items.len;
    if (rc == TSR_OK && items.len > cap) rc = tsr_zcodec_over(c, cap);
    if (rc == TSR_OK && items.len) memcpy(dst, items.p, items.len);
    tsr_buf_free(&items);
    return rc;
}

/* ---- encode ---- */

static bool is_fill(const struct tsr_zcodec *c, const uint8_t *p, size_t len)
{
    size_t item = (size_t)c->in.dtype->item_bytes, at = 0;
    for (; !c->in.fill && at < item && !p[at]; at++) {}
    if (c->in.fill ? memcmp(p, c->in.fill, item) != 0 : at < item) return false;
    return len == item || memcmp(p, p + item, len - item) == 0; /* each is as the one before */
}

/* The items of inner chunk i, encoded behind body; *len is TSR_ZEMPTY where they are the fill. */
static int encode_fixed(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        int64_t i, struct tsr_buf *body, uint64_t *len)
{
    const struct tsr_zshard *s = c->state;
    struct tsr_buf *items = tsr_zscratch(w, c->level, 3);
    size_t bytes = (size_t)s->chain->in.bytes, before = body->len;
    int rc = items ? tsr_buf_reserve(items, bytes) : TSR_ENOMEM;
    if (rc < 0) return rc;
    struct tsr_box_copy b = box_of(c, i, false, (uint8_t *)(uintptr_t)src, items->p);
    tsr_box_copy(&b);
    *len = TSR_ZEMPTY;
    if (is_fill(c, items->p, bytes)) return TSR_OK;
    rc = tsr_zchain_encode(s->chain, w, items->p, bytes, body);
    *len = body->len - before;
    return rc;
}

static int encode_parts(const struct tsr_zcodec *c, struct tsr_worker *w,
                        const struct tsr_buf *part, struct tsr_buf *body, uint64_t *len)
{
    const struct tsr_zshard *s = c->state;
    int rc = TSR_OK;
    for (int64_t i = 0; rc == TSR_OK && i < s->n; i++) {
        size_t before = body->len;
        rc = tsr_zchain_encode(s->chain, w, part[i].p, part[i].len, body);
        len[i] = body->len - before;
    }
    return rc;
}

static int encode_all(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                      size_t bytes, struct tsr_buf *body, uint64_t *len)
{
    const struct tsr_zshard *s = c->state;
    int rc = TSR_OK;
    for (int64_t i = 0; c->in.bytes >= 0 && rc == TSR_OK && i < s->n; i++)
        rc = encode_fixed(c, w, src, i, body, len + i);
    if (c->in.bytes >= 0) return rc;
    struct tsr_buf *part = tsr_alloc_zero((size_t)s->n, sizeof *part);
    rc = part ? tsr_zshard_part(c, src, bytes, part) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = encode_parts(c, w, part, body, len);
    free_parts(part, s->n);
    return rc;
}

static int shard_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct tsr_zshard *s = c->state;
    struct tsr_buf body = {0};
    uint64_t *lens = tsr_alloc_array((size_t)s->n, 3 * sizeof *lens), size = 0;
    size_t body_at = s->at_end ? 0 : s->index_bytes;
    int rc = lens ? encode_all(c, w, src, len, &body, lens) : TSR_ENOMEM;
    if (rc == TSR_OK && body.len + s->index_bytes > cap)
        rc = tsr_fail(TSR_EARG, "a shard of %zu bytes, expected at most %zu",
                      body.len + s->index_bytes, cap);
    if (rc == TSR_OK)
        rc =
            tsr_zshard_make_index(s, w, lens, lens + s->n, dst + (s->at_end ? body.len : 0), &size);
    if (rc == TSR_OK && body.len) memcpy(dst + body_at, body.p, body.len);
    *n = (size_t)size;
    tsr_buf_free(&body);
    tsr_free(lens);
    return rc;
}

static size_t shard_bound(const struct tsr_zcodec *c, size_t len)
{
    const struct tsr_zshard *s = c->state;
    /* items of variable length may all be in one inner chunk, and each has a frame of its own */
    size_t each = s->chain->in.bytes >= 0 ? (size_t)s->chain->in.bytes : len;
    size_t all = tsr_zchain_bound(s->chain, each);
    if (!tsr_mul(all, (size_t)s->n, &all) || !tsr_add(all, s->index_bytes, &all)) return SIZE_MAX;
    return all;
}

const struct tsr_zcodec_kind tsr_zkind_sharding = {
    .v3 = "sharding_indexed",
    .stage = TSR_ZITEMS_TO_BYTES,
    .complete = tsr_zshard_complete,
    .open = shard_open,
    .close = shard_close,
    .decode = shard_decode,
    .encode = shard_encode,
    .bound = shard_bound,
};
