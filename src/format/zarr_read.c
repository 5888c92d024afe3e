/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_read.c - chunks of Zarr arrays: where they are and what they hold.
 *
 *   plain    one get of the whole object, which says too whether it is there
 *   shard    one get of its index, unless that is kept; then ranges of the inner chunks, of the
 *            same object or it is all done again
 *
 * Only "not there" reads as the fill value (zarr.md 11.3, 11.4). */
#include "base/mem.h"
#include "format/zarr.h"
#include "store/key.h"
#include "zarr/items.h"

/* ---- where ---- */

void tsr_zarr_key(const struct tsr_zarr *z, int64_t chunk, char *key)
{
    int64_t at[TSR_MAX_NDIM];
    tsr_grid_chunk_coords(&z->d.grid, chunk, at);
    memcpy(key, z->prefix, z->prefix_len);
    tsr_zkey_make(&z->meta->keys, z->meta->ndim, at, key + z->prefix_len);
}

static void place_stored(const struct tsr_zarr *z, struct tsr_place *p)
{
    p->state = TSR_PLACE_STORED;
    p->off = 0;
    p->len = p->size;
    p->nblocks = tsr_zarr_nblocks(z, p->chunk);
}

/* The place of a shard whose index x is in use. */
static void place_shard(const struct tsr_zarr *z, struct tsr_place *p, struct tsr_zindex *x)
{
    p->held = x;
    p->size = x->size;
    p->stamp = x->stamp;
    p->head = NULL;
    p->head_len = 0;
    place_stored(z, p);
}

/* Bytes of a stored chunk that are asked for at once: all, as a rule.  Items of variable length say
 * nothing of how many there are. */
static size_t most_of(const struct tsr_zparts *parts)
{
    enum { AT_ONCE = 64 << 20, LOOSE = 256 << 10 };
    const struct tsr_zchain *c = parts->whole;
    const struct tsr_zshard *shard = parts->shard;
    if (shard) return shard->index_bytes + (shard->at_end ? parts->tail : 0);
    if (c->in.bytes < 0) return LOOSE;
    size_t most = c->stored >= 0 ? (size_t)c->stored : tsr_zchain_bound(c, (size_t)c->in.bytes);
    return tsr_minz(most ? most : 1, AT_ONCE);
}

uint64_t tsr_zarr_version(const struct tsr_driver *d, int64_t chunk)
{
    const struct tsr_zarr *z = tsr_zarr_of(d);
    char key[2 * TSR_KEY_BYTES], text[TSR_ERROR_MAX];
    if (d->store->kind->counts || d->key_bytes > sizeof key) return 0; /* it would be a request */
    tsr_error_save(text);
    tsr_zarr_key(z, chunk, key);
    uint64_t stamp = tsr_store_stamp(d->store, key);
    tsr_error_restore(text);
    return stamp;
}

/* The index that is kept, if it is still that of what is stored. */
static struct tsr_zindex *find_index(const struct tsr_zarr *z, int64_t chunk, uint64_t now)
{
    struct tsr_zindex *x = z->indices ? tsr_zindices_find(z->indices, chunk) : NULL;
    if (x && !now) now = tsr_zarr_version(&z->d, chunk);
    if (!x || now == x->stamp || z->d.store->kind->counts) return x;
    tsr_zindices_leave(z->indices, x, true);
    return NULL;
}

static int place_ask(const struct tsr_zarr *z, struct tsr_place *p)
{
    struct tsr_zindex *x = find_index(z, p->chunk, p->stamp);
    struct tsr_zuse u;
    tsr_zarr_key(z, p->chunk, p->key);
    if (x) {
        place_shard(z, p, x);
        return TSR_OK;
    }
    int rc = tsr_zarr_use(z, p->chunk, &u);
    if (rc < 0) return rc;
    p->state = TSR_PLACE_NEED;
    p->need_get = true;
    p->need_off = u.parts->shard && u.parts->shard->at_end ? TSR_LAST : 0;
    p->need_len = most_of(u.parts);
    tsr_zarr_leave(z, &u);
    return TSR_OK;
}

/* Decodes and checks the index that head holds. */
static int take_index(const struct tsr_zarr *z, const struct tsr_zparts *parts, struct tsr_place *p)
{
    uint64_t at;
    int rc = tsr_zshard_index_at(parts->shard, p->size, parts->tail, &at);
    if (rc < 0) return rc;
    if (p->head_len < p->need_len)
        return tsr_fail(TSR_ECORRUPT, "found %zu bytes of the index, expected %zu", p->head_len,
                        p->need_len);
    struct tsr_zindex *x = tsr_zindex_new(p->chunk, parts->shard->n);
    struct tsr_worker *w = x ? tsr_pool_borrow(z->pool) : NULL;
    rc =
        w ? tsr_zshard_index(parts->shard, w, p->head, p->size, parts->tail, x->entry) : TSR_ENOMEM;
    if (w) tsr_pool_return(z->pool, w);
    if (rc < 0) {
        if (x) tsr_zindices_leave(z->indices, x, false);
        return rc;
    }
    x->size = p->size;
    x->stamp = p->stamp;
    tsr_zindices_keep(z->indices, x);
    place_shard(z, p, x);
    return TSR_OK;
}

static int place_index(const struct tsr_zarr *z, struct tsr_place *p)
{
    struct tsr_zuse u;
    int rc = tsr_zarr_use(z, p->chunk, &u);
    if (rc < 0) return rc;
    rc = take_index(z, u.parts, p);
    tsr_zarr_leave(z, &u);
    return rc;
}

/* What of a plain chunk did not come with the first get. */
static int place_rest(const struct tsr_zarr *z, struct tsr_place *p)
{
    if (p->size > z->limit || p->size > INT32_MAX)
        return tsr_fail(TSR_ELIMIT, "found %llu bytes, the limit is %llu",
                        (unsigned long long)p->size,
                        (unsigned long long)tsr_min64((int64_t)z->limit, INT32_MAX));
    p->need_get = false;
    p->need_off = p->head_len;
    p->need_len = (size_t)p->size - p->head_len;
    if (p->need_len == 0) place_stored(z, p);
    return TSR_OK;
}

static int place_got(const struct tsr_zarr *z, struct tsr_place *p)
{
    if (!p->need_get) { /* the rest has come */
        place_stored(z, p);
        return TSR_OK;
    }
    if (!p->found) {
        p->state = TSR_PLACE_VALUE;
        p->value = z->d.fill;
        p->value_bytes = z->d.fill_bytes;
        return TSR_OK;
    }
    return z->parts->shard ? place_index(z, p) : place_rest(z, p);
}

int tsr_zarr_locate(const struct tsr_driver *d, struct tsr_place *p, size_t n)
{
    const struct tsr_zarr *z = tsr_zarr_of(d);
    int rc = TSR_OK;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        if (p[i].state == TSR_PLACE_ASK) rc = place_ask(z, p + i);
        else if (p[i].state == TSR_PLACE_NEED) rc = place_got(z, p + i);
        if (rc < 0) tsr_within("%s", p[i].key);
    }
    return rc;
}

void tsr_zarr_release(const struct tsr_driver *d, struct tsr_place *p, bool stale)
{
    tsr_zindices_leave(tsr_zarr_of(d)->indices, p->held, stale);
    p->held = NULL;
}

/* ---- what ---- */

int tsr_zarr_spans(const struct tsr_driver *d, const struct tsr_place *p, const int32_t *block,
                   size_t n, bool exact, struct tsr_span *out)
{
    const struct tsr_zarr *z = tsr_zarr_of(d);
    const struct tsr_zindex *x = p->held;
    struct tsr_zuse u;
    (void)exact;
    for (size_t i = 0; i < n && !x; i++) out[i] = (struct tsr_span){0, p->len};
    int rc = x ? tsr_zarr_use(z, p->chunk, &u) : TSR_OK;
    if (!x || rc < 0) return rc;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        const uint64_t *e = x->entry + 2 * tsr_zparts_entry(u.parts, block[i]);
        out[i] = (struct tsr_span){e[0], e[1]};
        if (e[0] == TSR_ZEMPTY) out[i].off = TSR_SPAN_NONE;
        else if (e[1] > z->limit || e[1] > INT32_MAX)
            rc = tsr_fail(TSR_ELIMIT, "%s: inner chunk %d: found %llu bytes, the limit is %llu",
                          p->key, block[i], (unsigned long long)e[1],
                          (unsigned long long)tsr_min64((int64_t)z->limit, INT32_MAX));
    }
    tsr_zarr_leave(z, &u);
    return rc;
}

int tsr_zarr_decode(const struct tsr_driver *d, const struct tsr_place *p, struct tsr_worker *w,
                    int32_t b, const uint8_t *src, size_t len, uint8_t *dst)
{
    const struct tsr_zarr *z = tsr_zarr_of(d);
    struct tsr_zuse u = {z->parts, NULL}; /* inner chunks are alike */
    if (!src) {
        tsr_driver_fill(d, dst, (size_t)d->grid.block_bytes);
        return TSR_OK;
    }
    int rc = z->parts->shard ? TSR_OK : tsr_zarr_use(z, p->chunk, &u);
    if (rc < 0) return rc;
    rc = d->loose ? tsr_zarr_decode_items(z, u.parts->chain, w, src, len, dst)
                  : tsr_zchain_decode(u.parts->chain, w, src, len, dst);
    if (rc == TSR_OK && z->checked)
        rc = tsr_zitems_check(z->meta->type, dst, (size_t)u.parts->chain->in.bytes);
    if (rc == TSR_OK && z->turn) tsr_zturn_items(z->turn, dst, (size_t)u.parts->chain->in.bytes);
    tsr_zarr_leave(z, &u);
    if (rc < 0 && z->parts->shard) tsr_within("%s: inner chunk %d", p->key, b);
    else if (rc < 0) tsr_within("%s", p->key);
    return rc;
}
