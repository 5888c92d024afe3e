/* SPDX-License-Identifier: BSD-3-Clause */
/* array/open.c - places to handles: finding store and format, and the life of a handle. */
#include "array/array.h"
#include "array/cache.h"
#include "base/mem.h"
#include "net/url.h"
#include "store/key.h"

int tsr_url_split(const char *url, char **path, char **inside)
{
    const char *hash = strchr(url, '#');
    size_t len = hash ? (size_t)(hash - url) : strlen(url);
    char *p = tsr_alloc(len + 1), *out = p;
    *inside = tsr_strdup(hash ? hash + 1 : "");
    *path = NULL;
    if (!p || !*inside) {
        tsr_free(p);
        tsr_free(*inside);
        *inside = NULL;
        return TSR_ENOMEM;
    }
    for (size_t i = 0; i < len; i++) {
        bool escaped = len - i >= 3 && memcmp(url + i, "%23", 3) == 0;
        *out++ = escaped ? '#' : url[i];
        i += escaped ? 2 : 0;
    }
    *out = 0;
    *path = p;
    return TSR_OK;
}

int tsr_place_path(const char *url, char **out)
{
    char *path, *inside;
    int rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    rc = tsr_node_path(path, inside, out);
    tsr_free(path);
    tsr_free(inside);
    return rc;
}

/* A URL as stores take it: schemes are of either case, slashes behind the first may be many. */
static void make_plain(char *url)
{
    char *at = strstr(url, "://"), *to;
    if (!at) return;
    for (to = url; to < at; to++)
        if (*to >= 'A' && *to <= 'Z') *to = (char)(*to - 'A' + 'a');
    for (at = to = at + 3; *at; at++)
        if (*at != '/' || at[1] != '/') *to++ = *at;
    *to = 0;
}

int tsr_node_path(const char *tree, const char *node, char **out)
{
    struct tsr_buf b = {0};
    const char *local = tsr_store_path(tree);
    char *real = local ? tsr_path_real(local) : tsr_strdup(tree);
    if (real && !local) make_plain(real);
    int rc = real ? tsr_buf_addf(&b, "%s/%s", real, node) : TSR_ENOMEM;
    while (rc == TSR_OK && b.len && b.p[b.len - 1] == '/') b.len--;
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "/", 2);
    tsr_free(real);
    if (rc < 0) tsr_buf_free(&b);
    else *out = (char *)b.p;
    return rc;
}

static int make_handle(struct tsr_driver *d, const tsr_options *o, struct tsr_array **out)
{
    struct tsr_array *a = tsr_alloc_zero(1, sizeof *a);
    tsr_context *c = tsr_context_get(o->context);
    if (!a || !c) {
        tsr_free(a);
        d->format->close(d);
        return TSR_ENOMEM;
    }
    a->d = d;
    tsr_cache_forget(c->cache, d); /* nothing is known yet */
    a->context = c;
    a->durable = o->durable;
    *out = a;
    return TSR_OK;
}

static int open_driver(struct tsr_store *st, const struct tsr_format *f, const tsr_options *o,
                       struct tsr_array **out)
{
    struct tsr_driver *d = NULL;
    int rc = f->open(st, o, &d);
    if (rc < 0) return rc;
    d->format = f;
    return make_handle(d, o, out);
}

int tsr_engine_open_store(struct tsr_store *st, const char *format, const tsr_options *o,
                          struct tsr_array **out)
{
    const struct tsr_format *f;
    int rc = tsr_format_choose(st, format, st->url, o->offset, &f);
    if (rc < 0) {
        tsr_store_close(st);
        return rc;
    }
    return open_driver(st, f, o, out);
}

static int wants_update(const tsr_options *o, bool *update)
{
    const char *m = o->mode ? o->mode : "r";
    if (o->mmap && o->locking) return tsr_fail(TSR_EARG, "mmap and locking exclude each other");
    if (o->mmap && strcmp(o->mmap, "c") != 0) m = o->mmap;
    *update = strcmp(m, "r+") == 0;
    if (*update || strcmp(m, "r") == 0) return TSR_OK;
    return tsr_fail(TSR_EARG, "%s: found '%s', expected 'r'%s or 'r+' to open",
                    o->mmap ? "mmap" : "mode", m, o->mmap ? ", 'c'" : "");
}

/* To be read, and changed in memory only. */
static int open_private(const char *path, const tsr_options *o, struct tsr_array **out)
{
    const struct tsr_format *f;
    struct tsr_store *st;
    int rc = tsr_store_open_with(path, false, o->remote, &st);
    if (rc == TSR_OK) rc = tsr_store_overlay(st, &st);
    if (rc < 0) return rc;
    rc = tsr_format_choose(st, o->format, path, o->offset, &f);
    if (rc == TSR_OK) return open_driver(st, f, o, out);
    tsr_store_close(st);
    return rc;
}

static int check_mapped(const char *path, const tsr_options *o)
{
    enum tsr_path_kind kind = TSR_PATH_NONE;
    const char *local = o->mmap ? tsr_store_path(path) : NULL;
    int rc = local ? tsr_path_stat(local, &kind, NULL) : TSR_OK;
    if (rc < 0 || kind != TSR_PATH_FOLDER) return rc;
    return tsr_fail(TSR_EUNSUPPORTED, "%s: mmap of a folder", path);
}

/* ---- nodes in trees ---- */

int tsr_engine_open_node(struct tsr_store *tree, const char *path, struct tsr_zmeta *meta,
                         const tsr_options *o, struct tsr_array **out)
{
    struct tsr_driver *d;
    int rc = tsr_format_open_node(tree, path, meta, o, &d);
    return rc < 0 ? rc : make_handle(d, o, out);
}

int tsr_engine_create_node(struct tsr_store *tree, const char *path, const tsr_spec *spec,
                           const tsr_options *o, struct tsr_array **out)
{
    const struct tsr_format *f = tsr_format_named(o->format);
    struct tsr_driver *d;
    if (!f) tsr_store_close(tree);
    int rc = f ? f->create_node(tree, path, spec, o, &d) : TSR_EUNSUPPORTED;
    return rc < 0 ? rc : make_handle(d, o, out);
}

static int open_tree(const char *path, const char *inside, const tsr_options *o, bool update,
                     struct tsr_array **out)
{
    struct tsr_tree_options t = {.flags = update ? TSR_TREE_UPDATE : 0, .remote = o->remote};
    struct tsr_store *st;
    char *node = NULL;
    if (update && o->locking) t.flags |= TSR_TREE_LOCK;
    int rc = tsr_key_normalise(inside, &node);
    if (rc == TSR_OK) rc = tsr_store_open_tree(path, &t, &st);
    if (rc == TSR_OK) rc = tsr_engine_open_node(st, node, NULL, o, out);
    tsr_free(node);
    return rc;
}

int tsr_place_is_tree(const char *path, const char *inside, const tsr_options *o, bool *tree)
{
    const char *local = tsr_store_path(path);
    const struct tsr_format *f = o->format ? tsr_format_named(o->format) : NULL;
    enum tsr_path_kind kind = TSR_PATH_NONE;
    *tree = f && f->tree;
    if (o->format) return f ? TSR_OK : TSR_EUNSUPPORTED;
    if (o->offset) return TSR_OK;
    int rc = local ? tsr_path_stat(local, &kind, NULL) : TSR_OK;
    if (rc == TSR_OK && kind == TSR_PATH_FOLDER) {
        struct tsr_buf frame = {0};
        rc = tsr_buf_addf(&frame, "%s/chunks.b2frame", local);
        if (rc == TSR_OK) rc = tsr_buf_add(&frame, "", 1);
        if (rc == TSR_OK) rc = tsr_path_stat((const char *)frame.p, &kind, NULL);
        *tree = kind == TSR_PATH_NONE;
        tsr_buf_free(&frame);
    } else if (!local) {
        f = tsr_format_for_suffix(path);
        *tree = f ? f->tree : *inside || tsr_store_is_bucket(path);
    }
    return rc;
}

/* ---- places ---- */

static int open_followed(struct tsr_store *st, const struct tsr_format *f, const tsr_options *o,
                         struct tsr_array **out)
{
    struct tsr_follow *follow;
    struct tsr_driver *d;
    int rc = tsr_follow_open(st, f, o, &follow, &d);
    if (rc == TSR_OK && (rc = make_handle(d, o, out)) < 0) tsr_follow_free(follow);
    if (rc == TSR_OK) (*out)->follow = follow;
    return rc;
}

/* A handle that reads follows a file that others may change; one that writes without locks keeps
 * them out.  *tree: its content says that it is a tree; then nothing is open. */
static int open_path(const char *path, const tsr_options *o, bool update, bool *tree,
                     struct tsr_array **out)
{
    const struct tsr_format *f;
    struct tsr_store *st;
    bool local = !o->offset && tsr_store_path(path), alone = update && !o->locking;
    int rc = tsr_store_open_with(path, alone, o->remote, &st);
    if (rc < 0) return rc;
    rc = tsr_format_choose(st, o->format, st->url, o->offset, &f);
    if (rc == TSR_OK && f->tree) {
        tsr_store_close(st);
        *tree = true;
        return TSR_OK;
    }
    if (rc == TSR_OK && local && !alone && f->changed) return open_followed(st, f, o, out);
    if (rc == TSR_OK && alone == update) return open_driver(st, f, o, out);
    tsr_store_close(st);
    if (rc == TSR_OK) rc = tsr_store_open_with(path, true, o->remote, &st);
    return rc < 0 ? rc : open_driver(st, f, o, out);
}

static int open_place(const char *path, const char *inside, const tsr_options *o, bool update,
                      struct tsr_array **out)
{
    bool tree = false;
    int rc = check_mapped(path, o);
    if (rc == TSR_OK) rc = tsr_place_is_tree(path, inside, o, &tree);
    if (rc < 0) return rc;
    if (!tree && o->mmap && o->mmap[0] == 'c') return open_private(path, o, out);
    if (!tree) rc = open_path(path, o, update, &tree, out);
    return rc < 0 || !tree ? rc : open_tree(path, inside, o, update, out);
}

int tsr_engine_open(const char *url, const tsr_options *o, struct tsr_array **out)
{
    char *path, *inside;
    bool update = false;
    if (!url) return tsr_fail(TSR_EARG, "no path given");
    int rc = wants_update(o, &update);
    if (rc == TSR_OK) rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    rc = open_place(path, inside, o, update && !o->offset, out);
    if (rc == TSR_OK && *inside && !(*out)->d->format->tree) {
        tsr_engine_close(*out);
        *out = NULL;
        rc = tsr_fail(TSR_ENOTFOUND, "there is nothing named '%s' inside", inside);
    }
    /* file errors name the path themselves */
    if (rc < 0) tsr_url_within(path);
    tsr_free(path);
    tsr_free(inside);
    return rc;
}

/* ---- creating ---- */

int tsr_engine_format(const char *url, const tsr_options *o, const struct tsr_format **out)
{
    char *path = NULL, *inside = NULL;
    int rc = TSR_OK;
    *out = o->format ? tsr_format_named(o->format) : NULL;
    if (o->format) return *out ? TSR_OK : TSR_EUNSUPPORTED;
    if (url) rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    if (url) *out = tsr_format_for_suffix(path);
    if (!*out) *out = tsr_format_named(inside && *inside ? "zarr3" : "b2nd");
    tsr_free(path);
    tsr_free(inside);
    return TSR_OK;
}

static int create_node(const char *url, const struct tsr_format *f, const tsr_spec *spec,
                       const tsr_options *o, struct tsr_driver **d)
{
    struct tsr_tree_options t = {.flags = TSR_TREE_UPDATE | TSR_TREE_CREATE, .remote = o->remote};
    char *path = NULL, *inside = NULL, *node = NULL;
    struct tsr_store *st;
    if (o->locking) t.flags |= TSR_TREE_LOCK;
    int rc = url ? tsr_url_split(url, &path, &inside) : TSR_OK;
    if (rc == TSR_OK) rc = tsr_key_normalise(url ? inside : "", &node);
    if (rc == TSR_OK) rc = url ? tsr_store_open_tree(path, &t, &st) : tsr_store_mem_tree(&st);
    if (rc == TSR_OK) rc = f->create_node(st, node, spec, o, d);
    tsr_free(path);
    tsr_free(inside);
    tsr_free(node);
    return rc;
}

/* No other format that can be created has an inside to name. */
static int create_store(const char *url, bool replace, bool sparse, struct tsr_store **st)
{
    char *path, *inside;
    int rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    if (*inside) rc = tsr_fail(TSR_EUNSUPPORTED, "%s: nothing can be created inside a file", url);
    else if (sparse) rc = tsr_store_create_folder(path, replace, st);
    else rc = tsr_store_create(path, replace, st);
    tsr_free(path);
    tsr_free(inside);
    return rc;
}

static int create_driver(const char *url, const struct tsr_format *f, const tsr_spec *spec,
                         const tsr_options *o, struct tsr_array **out)
{
    struct tsr_store *st = NULL;
    struct tsr_driver *d = NULL;
    bool replace = !o->mode || strcmp(o->mode, "w") == 0;
    tsr_options own = *o;
    int rc;
    own.sparse = o->sparse && url; /* memory has no files */
    if (f->tree) {
        rc = create_node(url, f, spec, o, &d);
        return rc < 0 ? rc : make_handle(d, o, out);
    }
    rc = url ? create_store(url, replace, own.sparse, &st) : tsr_store_mem(&st);
    if (rc < 0) return rc;
    rc = f->create(st, spec, &own, &d);
    if (rc < 0) return rc;
    d->format = f;
    return make_handle(d, o, out);
}

int tsr_engine_create(const char *url, const struct tsr_format *f, const tsr_spec *spec,
                      const tsr_options *o, struct tsr_array **out)
{
    const char *m = o->mode ? o->mode : "w";
    const char *local = url && o->locking && f->changed ? tsr_store_path(url) : NULL;
    struct tsr_follow *follow = NULL;
    if (strcmp(m, "w") != 0 && strcmp(m, "x") != 0)
        return tsr_fail(TSR_EARG, "mode: found '%s', expected 'w' or 'x' to create", m);
    if (!f->create && !f->create_node)
        return tsr_fail(TSR_EUNSUPPORTED, "format %s: cannot be created", f->name);
    if (o->mmap && (strcmp(o->mmap, "w+") != 0 || o->locking || o->sparse || !url))
        return tsr_fail(TSR_EARG,
                        "mmap '%s': expected 'w+', for a file, without locking, to create",
                        o->mmap);
    if (o->sparse && !f->sparse)
        return tsr_fail(TSR_EARG, "format %s: is one file, never sparse", f->name);
    int rc = local ? tsr_follow_create(local, o, &follow) : TSR_OK;
    if (rc == TSR_OK) rc = create_driver(url, f, spec, o, out);
    if (rc == TSR_OK) (*out)->follow = follow;
    else tsr_follow_free(follow);
    if (rc < 0 && url) tsr_url_within(url);
    return rc;
}

/* With locks and nothing written, a sync needs the file open for writing all the same. */
int tsr_engine_flush(struct tsr_array *a, bool durable)
{
    bool anew;
    int rc = durable ? tsr_engine_begin(a, &anew) : TSR_OK;
    if (rc < 0 || !a->d->writable || !a->d->format->flush) return rc;
    if ((rc = tsr_engine_appear(a)) < 0) return rc;
    rc = a->d->format->flush(a->d, durable || a->durable);
    return rc < 0 ? rc : tsr_engine_end(a);
}

int tsr_engine_resize(struct tsr_array *a, const int64_t shape[])
{
    int rc = a->d->format->resize(a->d, shape);
    tsr_engine_forget(a);
    return rc;
}

int tsr_engine_copy_chunks(struct tsr_array *to, const struct tsr_array *from,
                           const struct tsr_chunk_moves *m)
{
    int rc = from->d->format->copy_chunks(to->d, from->d, m);
    tsr_engine_forget(to);
    return rc;
}

void tsr_engine_forget(struct tsr_array *a)
{
    tsr_cache_forget(a->context->cache, a->d);
}

void tsr_engine_drop(struct tsr_array *a)
{
    if (!a) return;
    a->d->format->close(a->d);
    tsr_sized_forget(a);
    tsr_follow_free(a->follow);
    tsr_free(a);
}

int tsr_engine_close(struct tsr_array *a)
{
    if (!a) return TSR_OK;
    int rc = tsr_engine_flush(a, false);
    tsr_engine_drop(a);
    return rc;
}

tsr_stats tsr_engine_stats(const struct tsr_array *a)
{
    const struct tsr_grid *g = &a->d->grid;
    tsr_stats s = {.size = sizeof s, .nchunks = g->nchunks};
    tsr_product(g->shape, g->ndim, &s.nbytes);
    s.nbytes = a->d->loose ? -1 : s.nbytes * g->item_bytes;
    s.cbytes = a->d->format->cbytes ? a->d->format->cbytes(a->d) : -1;
    struct tsr_traffic t = tsr_store_traffic(a->d->store);
    s.bytes_read = t.bytes;
    s.requests = t.requests;
    if (a->follow) tsr_follow_stats(a->follow, &s);
    s.blocks_decoded = atomic_load(&((struct tsr_array *)(uintptr_t)a)->blocks_decoded);
    s.cache_hits = atomic_load(&((struct tsr_array *)(uintptr_t)a)->cache_hits);
    return s;
}

/* ---- frames in memory ---- */

struct frame_buffer {
    void *p;
    size_t len;
    bool take;
};

static int to_buffer(const struct tsr_array *a, void *arg)
{
    struct frame_buffer *b = arg;
    tsr_free(b->p); /* of the try before */
    b->p = NULL;
    return a->d->format->to_buffer(a->d, b->take, &b->p, &b->len);
}

int tsr_engine_to_frame(struct tsr_array *a, bool take, void **buf, size_t *len)
{
    struct frame_buffer b = {.take = take};
    if (!a->d->format->to_buffer)
        return tsr_fail(TSR_EUNSUPPORTED, "format %s: is no Blosc2 frame", a->d->format->name);
    int rc = tsr_follow_read(a, to_buffer, &b);
    if (rc < 0) {
        tsr_free(b.p);
        return rc;
    }
    *buf = b.p;
    *len = b.len;
    return TSR_OK;
}

int tsr_engine_from_frame(const void *buf, size_t len, int flags, const char *format,
                          const tsr_options *opts, struct tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    struct tsr_store *st = NULL;
    int rc;
    if (flags & TSR_BORROW) {
        rc = tsr_store_mem_borrow(buf, len, &st);
    } else if ((rc = tsr_store_mem(&st)) == TSR_OK) {
        struct tsr_piece p = {(void *)(uintptr_t)buf, len};
        rc = tsr_store_write_at(st, "", 0, &p, 1);
    }
    if (rc == TSR_OK) return tsr_engine_open_store(st, format, &o, out);
    tsr_store_close(st);
    return rc;
}
