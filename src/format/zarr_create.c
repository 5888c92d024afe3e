/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_create.c - arrays of Zarr come into being, change their attributes, and go.
 *
 * An array is seen by others with its metadata, which is put at the first flush, behind the chunks
 * that were written until then (zarr.md 11.5); what is never flushed is removed again, and what a
 * writer left that was killed before its first flush by the next one.  A change of attributes is
 * put at the next flush. */
#include <stdio.h>

#include "base/mem.h"
#include "format/zarr.h"
#include "store/key.h"
#include "zarr/attrs.h"
#include "zarr/tree.h"

/* ---- objects of chunks ---- */

struct walk {
    struct tsr_zarr *z;
    int (*fn)(void *arg, const char *key, const int64_t *at);
    void *arg;
};

static int walk_one(void *user, const char *key)
{
    const struct walk *w = user;
    int64_t at[TSR_MAX_NDIM];
    const struct tsr_zarr *z = w->z;
    const char *name = key + z->prefix_len;
    size_t len = strlen(key);
    if (len && key[len - 1] == '/') {
        bool ours = tsr_zkey_leads(&z->meta->keys, name);
        return ours ? tsr_store_list(z->d.store, key, walk_one, user) : TSR_OK;
    }
    if (!tsr_zkey_parse(&z->meta->keys, z->meta->ndim, name, at)) return TSR_OK;
    return w->fn(w->arg, key, at);
}

int tsr_zarr_walk(struct tsr_zarr *z, int (*fn)(void *arg, const char *key, const int64_t *at),
                  void *arg)
{
    struct walk w = {z, fn, arg};
    return tsr_store_list(z->d.store, z->prefix, walk_one, &w);
}

enum { REMOVED_AT_ONCE = 256 };

/* Keys of chunks, one after another with a NUL each, of those outside a grid. */
struct outside {
    const int64_t *count; /* chunks along each axis; NULL: all chunks */
    int ndim;
    struct tsr_buf keys;
};

static int add_outside(void *arg, const char *key, const int64_t *at)
{
    struct outside *o = arg;
    bool inside = o->count != NULL;
    for (int d = 0; d < o->ndim && inside; d++) inside = at[d] < o->count[d];
    return inside ? TSR_OK : tsr_buf_add(&o->keys, key, strlen(key) + 1);
}

int tsr_zarr_remove_outside(struct tsr_zarr *z, const int64_t *count)
{
    struct outside o = {.count = count, .ndim = z->meta->ndim};
    int rc = tsr_zarr_walk(z, add_outside, &o);
    for (size_t i = 0; i < o.keys.len && rc == TSR_OK;) {
        const char *key[REMOVED_AT_ONCE];
        size_t n = 0;
        for (; n < REMOVED_AT_ONCE && i < o.keys.len; i += strlen(key[n++]) + 1)
            key[n] = (const char *)o.keys.p + i;
        rc = tsr_store_removev(z->d.store, key, n);
    }
    tsr_buf_free(&o.keys);
    return rc;
}

/* ---- creating ---- */

/* Ends a walk at what is no chunk of the array, nor a folder of such.  Format 2 puts attributes
 * before what makes them an array's. */
static int is_strange(void *user, const char *key)
{
    const struct tsr_zarr *z = user;
    const char *name = key + z->prefix_len;
    size_t len = strlen(key);
    int64_t at[TSR_MAX_NDIM];
    if (z->meta->format == 2 && strcmp(name, tsr_zdoc_name(TSR_ZDOC_ATTRS)) == 0) return TSR_OK;
    if (key[len - 1] != '/') return !tsr_zkey_parse(&z->meta->keys, z->meta->ndim, name, at);
    if (!tsr_zkey_leads(&z->meta->keys, name)) return 1;
    return tsr_store_list(z->d.store, key, is_strange, user);
}

static int remove_document(const struct tsr_zarr *z, enum tsr_zdoc which)
{
    char key[TSR_KEY_BYTES + 32];
    snprintf(key, sizeof key, "%.*s%s", TSR_KEY_BYTES, z->prefix, tsr_zdoc_name(which));
    int rc = tsr_store_remove(z->d.store, key);
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

/* Where there is no node, chunks may be that a killed writer left, and only they go. */
static int remove_remains(struct tsr_zarr *z)
{
    int rc = *z->path ? TSR_OK : tsr_store_list(z->d.store, "", is_strange, z);
    if (rc > 0) return tsr_fail(TSR_EEXISTS, "%s: holds other things, no array", z->d.store->url);
    if (rc == TSR_OK && z->meta->format == 2) rc = remove_document(z, TSR_ZDOC_ATTRS);
    if (rc == TSR_OK) rc = tsr_zarr_remove_outside(z, NULL);
    return rc == TSR_EUNSUPPORTED ? TSR_OK : rc; /* it cannot say */
}

/* Takes away the array that is at the path: copies of its documents, these, then chunks. */
static int remove_array(struct tsr_zarr *z, struct tsr_zmeta *old)
{
    static const enum tsr_zdoc docs[] = {TSR_ZDOC_V3, TSR_ZDOC_ARRAY, TSR_ZDOC_ATTRS};
    struct tsr_zmeta *own = z->meta;
    int rc = tsr_ztree_forget(z->d.store, z->path);
    for (size_t i = 0; i < sizeof docs / sizeof *docs && rc == TSR_OK; i++)
        rc = remove_document(z, docs[i]);
    z->meta = old;
    if (rc == TSR_OK) rc = tsr_zarr_remove_outside(z, NULL);
    z->meta = own;
    return rc;
}

/* Ends a walk at what is neither a document of the node nor may be a chunk of an array. */
static int is_foreign(void *user, const char *key)
{
    const struct tsr_zarr *z = user;
    const char *name = key + z->prefix_len;
    bool own = strcmp(name, ".zmetadata") == 0;
    for (int which = TSR_ZDOC_V3; which < TSR_ZDOC_NONE; which++)
        own = own || strcmp(name, tsr_zdoc_name((enum tsr_zdoc)which)) == 0;
    if (own) return TSR_OK;
    if (!tsr_zkey_likely(name))
        return tsr_fail(TSR_EEXISTS, "%s: what holds it cannot be used, and is not replaced", key);
    return key[strlen(key) - 1] == '/' ? tsr_store_list(z->d.store, key, is_foreign, user) : TSR_OK;
}

/* Takes away a node whose documents cannot be used, so that nobody knows what belongs to it. */
static int remove_unusable(struct tsr_zarr *z)
{
    int rc = tsr_store_list(z->d.store, z->prefix, is_foreign, z);
    return rc < 0 ? rc : tsr_ztree_remove(z->d.store, z->path);
}

/* Only an array is replaced, or what cannot be used, and of other things nothing. */
static int make_room(struct tsr_zarr *z, const tsr_options *o)
{
    struct tsr_zmeta *old = NULL;
    const char *shown = *z->path ? z->path : z->d.store->url;
    bool replace = !o->mode || strcmp(o->mode, "x") != 0;
    int rc = tsr_zmeta_open(z->d.store, z->path, &old);
    if (rc == TSR_ENOTFOUND) return remove_remains(z);
    if (replace && tsr_zmeta_unusable(rc)) return remove_unusable(z);
    if (rc == TSR_OK && !old->array)
        rc = tsr_fail(TSR_EEXISTS, "%s: is a group, which is not replaced", shown);
    else if (rc == TSR_OK && !replace) rc = tsr_fail(TSR_EEXISTS, "%s: exists already", shown);
    if (rc == TSR_OK) rc = remove_array(z, old);
    tsr_zmeta_free(old);
    return rc;
}

/* Where no format is asked for, that of the group which the array will lie in. */
static int choose_format(const struct tsr_zarr *z, const tsr_options *o, int *format)
{
    const struct tsr_format *f = NULL;
    int rc = TSR_OK;
    if (o->format) f = tsr_format_named(o->format);
    else if (*z->path) rc = tsr_format_of_tree(z->d.store, &f);
    *format = f && strcmp(f->name, "zarr2") == 0 ? 2 : 3;
    return rc;
}

static int create_array(struct tsr_zarr *z, const char *path, const tsr_spec *spec,
                        const tsr_options *o)
{
    int format;
    int rc = tsr_zarr_set_path(z, path);
    if (rc == TSR_OK) rc = choose_format(z, o, &format);
    z->limit = o->max_chunk_bytes;
    z->durable = o->durable;
    z->elide = true;
    if (rc == TSR_OK) rc = tsr_zarr_make(z, spec, format);
    if (rc == TSR_OK) {
        rc = tsr_zarr_derive(z);
        if (rc == TSR_ECORRUPT) rc = tsr_fail(TSR_EARG, "%s", tsr_error());
    }
    if (rc == TSR_OK && !z->d.writable)
        rc = tsr_fail(TSR_EUNSUPPORTED, "a codec of the array is only read, not written");
    if (rc == TSR_OK) rc = tsr_ztree_make_way(z->d.store, path, format, false);
    if (rc == TSR_OK) rc = make_room(z, o);
    if (rc < 0) return rc;
    z->fresh = z->dirty = z->alone = true;
    z->touched = true;
    z->d.edges_clear = true;
    return TSR_OK;
}

int tsr_zarr_create(struct tsr_store *st, const char *path, const tsr_spec *spec,
                    const tsr_options *o, struct tsr_driver **out)
{
    struct tsr_zarr *z = tsr_alloc_zero(1, sizeof *z);
    if (!z) {
        tsr_store_close(st);
        return TSR_ENOMEM;
    }
    z->d.store = st;
    z->growing = (struct tsr_lock){-1};
    int rc = create_array(z, path, spec, o);
    if (rc < 0) tsr_zarr_close(&z->d);
    else *out = &z->d;
    return rc;
}

void tsr_zarr_abandon(struct tsr_zarr *z)
{
    char text[TSR_ERROR_MAX];
    if (!z->fresh) return;
    tsr_error_save(text);
    if (z->half) remove_array(z, z->meta);
    else tsr_zarr_remove_outside(z, NULL);
    tsr_error_restore(text);
}

/* ---- metadata ---- */

int tsr_zarr_put_meta(struct tsr_zarr *z, bool durable)
{
    struct tsr_lock held = {-1};
    bool check = !z->fresh && !z->half;
    int rc = TSR_OK;
    z->meta->stamp = z->meta->attributes_stamp = 0; /* whatever is there */
    if (!z->fresh) rc = tsr_ztree_hold(z->d.store, z->path, tsr_zmeta_which(z->meta), &held);
    if (rc == TSR_OK && check) rc = tsr_zarr_check_known(z);
    if (rc == TSR_OK) {
        rc = tsr_ztree_put(z->d.store, z->path, z->meta, durable);
        z->half = !check || rc != TSR_ECONFLICT; /* what fails may have put something */
    }
    tsr_lock_release(&held);
    if (rc < 0) return rc;
    tsr_buf_free(&z->known);
    z->dirty = z->fresh = false;
    memcpy(z->shown, z->meta->shape, sizeof z->shown);
    z->half = tsr_zarr_know(z) < 0; /* without memory for it */
    return TSR_OK;
}

int tsr_zarr_flush(struct tsr_driver *d, bool durable)
{
    struct tsr_zarr *z = tsr_zarr_of(d);
    /* chunks before what tells of them; where a publish shows all at once there is no before */
    bool first = durable && z->dirty && !d->store->kind->publish;
    int rc = first ? tsr_store_sync(d->store, "", true) : TSR_OK;
    if (rc == TSR_OK && z->dirty) rc = tsr_zarr_put_meta(z, durable);
    if (rc == TSR_OK) {
        tsr_lock_release(&z->growing);
        d->edges_clear = false; /* others may grow it from here on, and not tell of it */
    }
    if (rc < 0 || (!z->touched && !durable)) return rc;
    rc = tsr_store_publish(d->store, durable);
    if (rc == TSR_OK && durable) rc = tsr_store_sync(d->store, "", true);
    if (rc == TSR_OK) z->touched = false;
    return rc;
}

static int set_attributes(struct tsr_zarr *z, const struct tsr_node *map)
{
    int rc = tsr_zarr_know(z);
    if (rc == TSR_OK) rc = tsr_zmeta_set_attributes(z->meta, map);
    if (rc < 0) return rc;
    z->dirty = true;
    z->touched = true;
    return TSR_OK;
}

int tsr_zarr_attrs(const struct tsr_driver *d, char **json)
{
    struct tsr_buf b = {0};
    int rc = tsr_json_write(&b, &tsr_zarr_of(d)->meta->attributes, TSR_JSON_WORDS);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc < 0) tsr_buf_free(&b);
    else *json = (char *)b.p;
    return rc;
}

/* json NULL: it goes. */
static int change_attribute(struct tsr_zarr *z, const char *name, const char *json)
{
    struct tsr_node map, value;
    struct tsr_doc *doc;
    int rc = tsr_doc_new(&doc);
    if (rc < 0) return rc;
    if (json) rc = tsr_zattrs_read(doc, name, json, &value);
    if (rc == TSR_OK)
        rc = tsr_zattrs_change(doc, &z->meta->attributes, name, json ? &value : NULL, &map);
    if (rc == TSR_OK) rc = set_attributes(z, &map);
    tsr_doc_free(doc);
    return rc;
}

int tsr_zarr_attr_set(struct tsr_driver *d, const char *name, const char *json)
{
    return change_attribute(tsr_zarr_of(d), name, json);
}

int tsr_zarr_attr_remove(struct tsr_driver *d, const char *name)
{
    return change_attribute(tsr_zarr_of(d), name, NULL);
}

/* ---- size ---- */

struct size {
    struct tsr_zarr *z;
    int64_t sum;
};

static int add_size(void *arg, const char *key, const int64_t *at)
{
    struct size *s = arg;
    uint64_t size;
    (void)at;
    int rc = tsr_store_stat(s->z->d.store, key, &size);
    if (rc == TSR_OK) s->sum += (int64_t)size;
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

/* Of what is far it is not known: each object would be a request. */
int tsr_zarr_measure(const struct tsr_driver *d, int64_t *cbytes)
{
    struct size s = {.z = tsr_zarr_of(d)};
    *cbytes = -1;
    if (d->store->kind->counts) return TSR_OK;
    int rc = tsr_zarr_walk(s.z, add_size, &s);
    if (rc == TSR_OK) *cbytes = s.sum;
    return rc;
}
