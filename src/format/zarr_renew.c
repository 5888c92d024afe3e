/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_renew.c - an array as others have made it since it was opened.
 *
 * Chunks are looked up at each read, or are kept as long as they are the same where that can be
 * told (folders).  Documents are read once, so they are read again here and compared; indices of
 * shards are forgotten in any case.  A folder or an archive in whose place another was put is
 * opened. */
#include "base/mem.h"
#include "format/zarr.h"

static int write_all(const struct tsr_zmeta *m, struct tsr_buf *out)
{
    int rc = tsr_zmeta_write(m, tsr_zmeta_which(m), TSR_JSON_WORDS, out);
    if (rc == TSR_OK && m->format == 2)
        rc = tsr_zmeta_write(m, TSR_ZDOC_ATTRS, TSR_JSON_WORDS, out);
    return rc;
}

static int compare(const struct tsr_zmeta *a, const struct tsr_zmeta *b, bool *same)
{
    struct tsr_buf x = {0}, y = {0};
    *same = false;
    if (a->format != b->format || a->array != b->array) return TSR_OK;
    int rc = write_all(a, &x);
    if (rc == TSR_OK) rc = write_all(b, &y);
    *same = rc == TSR_OK && x.len == y.len && memcmp(x.p, y.p, x.len) == 0;
    tsr_buf_free(&x);
    tsr_buf_free(&y);
    return rc;
}

int tsr_zarr_know(struct tsr_zarr *z)
{
    if (z->fresh || z->known.len) return TSR_OK;
    int rc = write_all(z->meta, &z->known);
    if (rc < 0) tsr_buf_free(&z->known);
    return rc;
}

int tsr_zarr_check_known(struct tsr_zarr *z)
{
    struct tsr_zmeta *now = NULL;
    struct tsr_buf is = {0};
    bool same = false;
    int rc = tsr_zmeta_open(z->d.store, z->path, &now);
    if (rc == TSR_OK && now->array && now->format == z->meta->format) {
        rc = write_all(now, &is);
        same = rc == TSR_OK && is.len == z->known.len && !memcmp(is.p, z->known.p, is.len);
    }
    if (rc == TSR_ENOTFOUND || (rc == TSR_OK && !same))
        rc = tsr_fail(TSR_ECONFLICT, "%s: another has %s the array since: open it again",
                      *z->path ? z->path : z->d.store->url, now ? "changed" : "removed");
    if (rc == TSR_OK) {
        z->meta->stamp = now->stamp;
        z->meta->attributes_stamp = now->attributes_stamp;
    }
    tsr_buf_free(&is);
    tsr_zmeta_free(now);
    return rc;
}

/* The store as it is now.  Only files and folders of this machine are ever replaced: a remote store
 * goes on with all that it was opened with. */
static int find_store(const struct tsr_zarr *z, bool *moved, struct tsr_store **st)
{
    struct tsr_tree_options t = {.flags = 0};
    *moved = !z->d.store->writable && tsr_store_replaced(z->d.store);
    if (*moved) return tsr_store_open_tree(z->d.store->url, &t, st);
    *st = tsr_store_share(z->d.store);
    return TSR_OK;
}

static int open_anew(const struct tsr_zarr *z, struct tsr_store *st, struct tsr_zmeta *m,
                     struct tsr_driver **out)
{
    tsr_options o = {.size = sizeof o, .max_chunk_bytes = z->limit, .durable = z->durable};
    int rc = tsr_zarr_open(st, z->path, m, &o, out);
    if (rc == TSR_OK) tsr_zarr_of(*out)->touched = z->touched;
    if (rc < 0 || z->elide) return rc;
    tsr_zarr_of(*out)->elide = false;
    if ((rc = tsr_zarr_tell_options(tsr_zarr_of(*out))) == TSR_OK) return TSR_OK;
    tsr_zarr_close(*out);
    *out = NULL;
    return rc;
}

int tsr_zarr_renew(struct tsr_driver *d, struct tsr_driver **out)
{
    struct tsr_zarr *z = tsr_zarr_of(d);
    struct tsr_zmeta *now = NULL;
    struct tsr_store *st;
    bool moved, same = false;
    *out = NULL;
    if (z->fresh || z->dirty || (z->touched && d->store->kind->publish)) return TSR_OK;
    int rc = find_store(z, &moved, &st);
    if (rc < 0) return rc;
    rc = tsr_zmeta_open(st, z->path, &now);
    if (rc == TSR_OK) rc = compare(z->meta, now, &same);
    if (rc == TSR_OK && (moved || !same)) return open_anew(z, st, now, out);
    if (rc == TSR_OK && z->indices) tsr_zindices_forget(z->indices, -1);
    tsr_zmeta_free(now);
    tsr_store_close(st);
    return rc;
}
