/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_resize.c - arrays of Zarr change their shape (zarr.md 11.7).
 *
 * There is no step that changes several objects, so the metadata is put where a kill between two
 * steps leaves one of the two shapes, whole:
 *
 *   smaller   metadata; items beyond the edge cleared (array/resize.c); chunks outside removed
 *   larger    chunks that lie where new ones will be removed; metadata, at the next flush
 *
 * Such chunks are there when a writer was killed in the middle: of a shrink, or after an append
 * that was not flushed.  A few new chunks are asked for one by one; of many the store is listed,
 * once. */
#include "base/mem.h"
#include "format/zarr.h"
#include "zarr/tree.h"

/* ---- chunks where new ones will be ---- */

enum { ASKED = 4096, AT_ONCE = 64 };

struct asking {
    struct tsr_zarr *z;
    struct tsr_get get[AT_ONCE];
    uint8_t byte[AT_ONCE];
    char *keys;
    size_t n;
};

static int ask(struct asking *k)
{
    const char *found[AT_ONCE];
    size_t n = 0;
    int rc = k->n ? tsr_store_getv(k->z->d.store, k->get, k->n) : TSR_OK;
    for (size_t i = 0; i < k->n && rc == TSR_OK; i++)
        if (k->get[i].found) found[n++] = k->get[i].key;
    k->n = 0;
    return rc == TSR_OK && n ? tsr_store_removev(k->z->d.store, found, n) : rc;
}

/* Of the chunks at lo[] .. hi[]. */
static int ask_box(struct asking *k, const int64_t lo[], const int64_t hi[])
{
    const struct tsr_zarr *z = k->z;
    int ndim = z->meta->ndim, rc = TSR_OK;
    int64_t at[TSR_MAX_NDIM];
    for (int d = 0; d < ndim; d++)
        if ((at[d] = lo[d]) >= hi[d]) return TSR_OK;
    for (int d = 0; d >= 0 && rc == TSR_OK;) {
        char *key = k->keys + k->n * z->d.key_bytes;
        memcpy(key, z->prefix, z->prefix_len);
        tsr_zkey_make(&z->meta->keys, ndim, at, key + z->prefix_len);
        k->get[k->n] = (struct tsr_get){.key = key, .len = 1, .dst = &k->byte[k->n]};
        if (++k->n == AT_ONCE) rc = ask(k);
        for (d = ndim - 1; d >= 0 && ++at[d] == hi[d]; d--) at[d] = lo[d];
    }
    return rc;
}

/* What the new grid has and the old one had not, in boxes. */
static int ask_new(struct asking *k, const struct tsr_grid *was, const struct tsr_grid *to)
{
    int rc = TSR_OK;
    int64_t lo[TSR_MAX_NDIM] = {0}, hi[TSR_MAX_NDIM];
    memcpy(hi, to->nchunk, sizeof hi);
    for (int d = 0; d < to->ndim && rc == TSR_OK; d++) {
        lo[d] = tsr_min64(was->nchunk[d], to->nchunk[d]);
        rc = ask_box(k, lo, hi);
        hi[d] = lo[d];
        lo[d] = 0;
    }
    return rc == TSR_OK ? ask(k) : rc;
}

static int make_place(struct tsr_zarr *z, const struct tsr_grid *was)
{
    const struct tsr_grid *to = &z->d.grid;
    struct asking *k;
    int64_t both = 1;
    for (int d = 0; d < to->ndim; d++) both *= tsr_min64(was->nchunk[d], to->nchunk[d]);
    if (z->alone || both == to->nchunks) return TSR_OK;
    if (to->nchunks - both > ASKED) {
        int rc = tsr_zarr_remove_outside(z, was->nchunk);
        z->alone = rc == TSR_OK;
        return rc;
    }
    k = tsr_alloc_zero(1, sizeof *k);
    if (!k) return TSR_ENOMEM;
    k->z = z;
    k->keys = tsr_alloc_array(AT_ONCE, z->d.key_bytes);
    int rc = k->keys ? ask_new(k, was, to) : TSR_ENOMEM;
    tsr_free(k->keys);
    tsr_free(k);
    return rc;
}

/* What grows puts chunks at once, and tells of them when it is flushed: until then no other handle
 * may grow too, whose chunks would lie in the same places. */
static int claim(struct tsr_zarr *z)
{
    if (z->fresh || z->growing.fd >= 0) return TSR_OK;
    int rc = tsr_zarr_know(z);
    if (rc == TSR_OK) rc = tsr_store_claim(z->d.store, z->path, &z->growing);
    if (rc == TSR_ECONFLICT)
        rc = tsr_fail(rc,
                      "%s: another is growing the array, and has not flushed that yet: try "
                      "again when it has",
                      *z->path ? z->path : z->d.store->url);
    bool held = z->growing.fd >= 0;
    if (rc == TSR_OK && held && !z->half) rc = tsr_zarr_check_known(z);
    if (rc < 0) tsr_lock_release(&z->growing);
    return rc;
}

/* ---- shape ---- */

/* Of unlike chunks the longest may be another one now, which blocks are as long as. */
static int regrid(struct tsr_zarr *z, struct tsr_grid *g, struct tsr_zparts **parts)
{
    int rc = TSR_OK;
    *parts = NULL;
    if (g->uneven || !z->meta->grid.regular) {
        tsr_zgrid_give(&z->meta->grid, g);
        rc = tsr_zparts_open(z->meta, g->chunk, (size_t)z->limit, parts);
        if (rc == TSR_OK) memcpy(g->block, (*parts)->block, sizeof g->block);
    }
    if (rc == TSR_OK) rc = tsr_zarr_check_edges(z, g);
    if (rc == TSR_OK) rc = tsr_grid_derive(g, UINT64_MAX);
    if (rc == TSR_OK && g->uneven && !z->shapes) rc = tsr_zshapes_new(&z->shapes);
    return rc == TSR_ECORRUPT ? tsr_fail(TSR_EARG, "%s", tsr_error()) : rc;
}

static int set_shape(struct tsr_zarr *z, const int64_t *shape)
{
    struct tsr_zparts *parts = NULL;
    struct tsr_grid to = z->d.grid;
    const int64_t *unit = z->parts->shard ? z->d.grid.block : NULL;
    int rc = tsr_zarr_know(z);
    if (rc == TSR_OK) rc = tsr_zmeta_set_shape(z->meta, shape, unit);
    if (rc < 0) return rc;
    memcpy(to.shape, shape, (size_t)to.ndim * sizeof *shape);
    if ((rc = regrid(z, &to, &parts)) < 0) {
        char text[TSR_ERROR_MAX];
        tsr_error_save(text);
        tsr_zparts_close(parts);
        tsr_zmeta_set_shape(z->meta, z->d.grid.shape, unit);
        tsr_error_restore(text);
        return rc;
    }
    if (parts) {
        tsr_zparts_close(z->parts);
        z->parts = parts;
    }
    z->d.grid = to;
    if (z->indices) tsr_zindices_forget(z->indices, -1);
    z->dirty = true;
    z->touched = true;
    return tsr_zarr_tell_options(z);
}

/* As it was before a step that failed. */
static void take_back(struct tsr_zarr *z, const int64_t *shape)
{
    char text[TSR_ERROR_MAX];
    tsr_error_save(text);
    set_shape(z, shape);
    tsr_error_restore(text);
}

int tsr_zarr_announce(struct tsr_driver *d, const int64_t *shape)
{
    struct tsr_zarr *z = tsr_zarr_of(d);
    const int64_t *unit = z->parts->shard ? d->grid.block : NULL;
    if (z->fresh) return TSR_OK;
    int rc = tsr_zarr_know(z);
    if (rc == TSR_OK) rc = tsr_zmeta_set_shape(z->meta, shape, unit);
    if (rc == TSR_OK) rc = tsr_zarr_put_meta(z, false);
    char text[TSR_ERROR_MAX];
    tsr_error_save(text);
    int back = tsr_zmeta_set_shape(z->meta, d->grid.shape, unit);
    tsr_error_restore(text);
    z->dirty = true;
    return rc < 0 ? rc : back;
}

static int cut(struct tsr_zarr *z, const int64_t *was)
{
    size_t len = (size_t)z->meta->ndim * sizeof *was;
    bool shown = z->fresh || memcmp(z->shown, z->meta->shape, len) == 0;
    int rc = shown ? TSR_OK : tsr_zarr_put_meta(z, false);
    if (rc < 0) {
        take_back(z, was);
        return rc;
    }
    rc = tsr_zarr_remove_outside(z, z->d.grid.nchunk);
    z->alone = rc == TSR_OK;
    return rc;
}

int tsr_zarr_resize(struct tsr_driver *d, const int64_t *shape)
{
    struct tsr_zarr *z = tsr_zarr_of(d);
    struct tsr_grid was = d->grid;
    bool less = false, more = false;
    for (int i = 0; i < was.ndim; i++) {
        less |= shape[i] < was.shape[i];
        more |= shape[i] > was.shape[i];
    }
    int rc = more ? claim(z) : TSR_OK;
    if (rc == TSR_OK) rc = set_shape(z, shape);
    if (rc < 0) return rc;
    if (less) return cut(z, was.shape);
    if ((rc = make_place(z, &was)) < 0) take_back(z, was.shape);
    return rc;
}
