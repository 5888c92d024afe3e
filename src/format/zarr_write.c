/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_write.c - chunks of Zarr arrays are encoded, put and removed.
 *
 * A stored chunk is written whole, at once, and under its final key: readers see the old one or the
 * new one (zarr.md 11.5).  Blocks that hold nothing but the fill value, bit by bit, are not stored
 * (11.4), and a chunk of such blocks is removed.  In the head of a shard on its way out lie
 *
 *   | stored index | .. 8 | lengths u64[n] | index u64[2 n] |
 */
#include "base/mem.h"
#include "format/zarr.h"
#include "kernel/kernel.h"

enum { EMPTY = 0 }; /* priv[EMPTY]: nothing of the chunk is stored */

static size_t lengths_at(const struct tsr_zshard *s)
{
    return (s->index_bytes + 7) & ~(size_t)7;
}

int tsr_zarr_begin(const struct tsr_driver *d, struct tsr_out_chunk *c)
{
    const struct tsr_zarr *z = tsr_zarr_of(d);
    struct tsr_zuse u;
    int rc = tsr_zarr_use(z, c->chunk, &u);
    if (rc < 0) return rc;
    const struct tsr_zshard *s = u.parts->shard;
    int64_t len = u.parts->chain->in.bytes;
    c->nblocks = (int32_t)u.parts->n;
    c->own = d->loose;
    c->block_bound = d->loose ? 0 : tsr_zchain_bound(u.parts->chain, (size_t)len);
    if (s) c->head_bound = lengths_at(s) + 24 * (size_t)s->n;
    tsr_zarr_leave(z, &u);
    if (c->block_bound <= INT32_MAX) return TSR_OK;
    return tsr_fail(TSR_ELIMIT, "%s of %lld bytes, of which %zu may be stored, the limit is %d",
                    s ? "inner chunk" : "chunk", (long long)len, c->block_bound, INT32_MAX);
}

/* src may be the caller's, so it is turned aside. */
static int encode_turned(const struct tsr_zarr *z, const struct tsr_zchain *chain,
                         struct tsr_worker *w, const uint8_t *src, struct tsr_buf *room)
{
    size_t len = (size_t)chain->in.bytes;
    uint8_t *p = tsr_alloc(len);
    if (!p) return TSR_ENOMEM;
    memcpy(p, src, len);
    tsr_zturn_items(z->turn, p, len);
    int rc = tsr_zchain_encode(chain, w, p, len, room);
    tsr_free(p);
    return rc;
}

int tsr_zarr_encode(const struct tsr_driver *d, struct tsr_worker *w, const struct tsr_out_chunk *c,
                    int32_t b, const uint8_t *src)
{
    const struct tsr_zarr *z = tsr_zarr_of(d);
    struct tsr_zuse u = {z->parts, NULL}; /* inner chunks are alike */
    struct tsr_block_out *out = &c->blocks[b];
    struct tsr_buf room = {.p = out->p, .cap = c->block_bound}; /* never outgrows it */
    int rc = z->parts->shard ? TSR_OK : tsr_zarr_use(z, c->chunk, &u);
    if (rc < 0) return rc;
    size_t len = (size_t)u.parts->chain->in.bytes;
    out->zeros = !d->loose && z->elide && tsr_driver_is_fill(d, src, len);
    if (d->loose) rc = tsr_zarr_encode_items(z, u.parts->chain, w, src, out);
    else if (out->zeros) rc = TSR_OK;
    else if (z->turn) rc = encode_turned(z, u.parts->chain, w, src, &room);
    else rc = tsr_zchain_encode(u.parts->chain, w, src, len, &room);
    if (!d->loose) out->len = (int32_t)room.len;
    tsr_zarr_leave(z, &u);
    if (rc < 0) tsr_within("chunk %lld", (long long)c->chunk);
    return rc;
}

bool tsr_zarr_keep(const struct tsr_driver *d, const struct tsr_place *old,
                   const struct tsr_out_chunk *c, int32_t b, const uint8_t *src, size_t len)
{
    struct tsr_block_out *out = &c->blocks[b];
    (void)d;
    (void)old;
    if (c->own && src && !(out->p = tsr_alloc(len + 1))) return false;
    if (len > c->block_bound && !c->own) return false;
    out->zeros = !src;
    out->len = (int32_t)len;
    if (src) memcpy(out->p, src, len);
    return true;
}

static int make_index(const struct tsr_zarr *z, const struct tsr_zparts *p, struct tsr_out_chunk *c)
{
    const struct tsr_zshard *s = p->shard;
    uint64_t size, *len = (uint64_t *)(void *)(c->head + lengths_at(s));
    for (int32_t b = 0; b < c->nblocks; b++)
        len[tsr_zparts_entry(p, b)] = c->blocks[b].zeros ? TSR_ZEMPTY : (uint64_t)c->blocks[b].len;
    struct tsr_worker *w = tsr_pool_borrow(z->pool);
    int rc = w ? tsr_zshard_make_index(s, w, len, len + s->n, c->head, &size) : TSR_ENOMEM;
    if (w) tsr_pool_return(z->pool, w);
    c->head_len = s->index_bytes;
    return rc;
}

int tsr_zarr_seal(const struct tsr_driver *d, struct tsr_out_chunk *c)
{
    const struct tsr_zarr *z = tsr_zarr_of(d);
    struct tsr_zuse u;
    bool empty = true;
    for (int32_t b = 0; b < c->nblocks && empty; b++) empty = c->blocks[b].zeros;
    c->priv[EMPTY] = empty;
    if (!z->parts->shard || empty) return TSR_OK;
    int rc = tsr_zarr_use(z, c->chunk, &u);
    if (rc < 0) return rc;
    rc = make_index(z, u.parts, c);
    tsr_zarr_leave(z, &u);
    return rc;
}

/* ---- putting ---- */

/* What a batch of chunks puts. */
struct batch {
    const struct tsr_zarr *z;
    struct tsr_object *object; /* [n] */
    struct tsr_piece *piece;
    const char **gone; /* [n] keys of chunks that are not stored any more */
    char *keys;
    size_t nobjects, npieces, ngone, nkeys;
    struct tsr_buf tails; /* checksums behind shards */
};

/* Pieces of a shard: its blocks in the order of the index, and the index. */
static int shard_pieces(struct batch *k, const struct tsr_out_chunk *c)
{
    struct tsr_zuse u;
    int rc = tsr_zarr_use(k->z, c->chunk, &u);
    if (rc < 0) return rc;
    const struct tsr_zparts *p = u.parts;
    struct tsr_piece index = {c->head, c->head_len}, *to = k->piece + k->npieces;
    if (!p->shard->at_end) *to++ = index;
    for (int32_t b = 0; b < c->nblocks; b++) {
        const struct tsr_block_out *out = &c->blocks[b];
        to[tsr_zparts_entry(p, b)] = (struct tsr_piece){out->p, out->zeros ? 0 : (size_t)out->len};
    }
    if (p->shard->at_end) to[c->nblocks] = index;
    k->npieces += (size_t)c->nblocks + 1;
    tsr_zarr_leave(k->z, &u);
    return TSR_OK;
}

/* Each of the checksums behind a shard covers all before it. */
static int add_tail(struct batch *k, size_t first)
{
    size_t tail = k->z->parts->tail, at = k->tails.len;
    if (!tail) return TSR_OK;
    uint32_t crc = 0;
    for (size_t i = first; i < k->npieces; i++)
        crc = tsr_kernels()->crc32c(crc, k->piece[i].p, k->piece[i].len);
    int rc = tsr_buf_reserve(&k->tails, tail);
    if (rc < 0) return rc;
    for (uint8_t *p = k->tails.p + at; p < k->tails.p + at + tail; p += 4) {
        tsr_store_LE32(p, crc);
        crc = tsr_kernels()->crc32c(crc, p, 4);
    }
    k->tails.len += tail;
    k->piece[k->npieces++] = (struct tsr_piece){k->tails.p + at, tail};
    return TSR_OK;
}

static const char *add_key(struct batch *k, const struct tsr_out_chunk *c)
{
    char *key = k->keys + k->nkeys;
    tsr_zarr_key(k->z, c->chunk, key);
    k->nkeys += strlen(key) + 1;
    return key;
}

static int add_object(struct batch *k, const struct tsr_out_chunk *c)
{
    size_t first = k->npieces;
    int rc = TSR_OK;
    struct tsr_object *o = &k->object[k->nobjects++];
    o->key = add_key(k, c);
    if (k->z->parts->shard) {
        rc = shard_pieces(k, c);
        if (rc == TSR_OK) rc = add_tail(k, first);
    } else {
        k->piece[k->npieces++] = (struct tsr_piece){c->blocks[0].p, (size_t)c->blocks[0].len};
    }
    o->p = k->piece + first;
    o->n = (int)(k->npieces - first);
    return rc;
}

static int batch_room(struct batch *k, const struct tsr_out_chunk *c, size_t n)
{
    size_t pieces = 0;
    for (size_t i = 0; i < n; i++) pieces += (size_t)c[i].nblocks + 2;
    k->object = tsr_alloc_array(n, sizeof *k->object);
    k->piece = tsr_alloc_array(pieces, sizeof *k->piece);
    k->gone = tsr_alloc_array(n, sizeof *k->gone);
    k->keys = tsr_alloc_array(n, k->z->d.key_bytes);
    if (!k->object || !k->piece || !k->gone || !k->keys) return TSR_ENOMEM;
    return tsr_buf_reserve(&k->tails, n * k->z->parts->tail); /* so that it never moves */
}

int tsr_zarr_commit(struct tsr_driver *d, const struct tsr_out_chunk *c, size_t n)
{
    struct tsr_zarr *z = tsr_zarr_of(d);
    struct batch k = {.z = z};
    int rc = batch_room(&k, c, n);
    atomic_store_explicit(&z->touched, true, memory_order_relaxed);
    for (size_t i = 0; i < n && rc == TSR_OK; i++)
        if (c[i].priv[EMPTY]) k.gone[k.ngone++] = add_key(&k, &c[i]);
        else rc = add_object(&k, &c[i]);
    if (rc == TSR_OK && k.ngone) rc = tsr_store_removev(d->store, k.gone, k.ngone);
    if (rc == TSR_OK && k.nobjects) rc = tsr_store_putv(d->store, k.object, k.nobjects, z->durable);
    for (size_t i = 0; i < n && z->indices; i++) tsr_zindices_forget(z->indices, c[i].chunk);
    tsr_free(k.object);
    tsr_free(k.piece);
    tsr_free(k.gone);
    tsr_free(k.keys);
    tsr_buf_free(&k.tails);
    return rc;
}
