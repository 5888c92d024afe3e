/* SPDX-License-Identifier: BSD-3-Clause */
/* store/tree.c - a local folder, and all below it, as a store: paths of files are the keys.
 *
 *   folder/zarr.json  folder/a/zarr.json  folder/a/c/0/1  folder/a/c/0/.1.PID.N.tmp
 *
 * put writes a hidden file beside the object and renames it.  An object is opened by its key for
 * each read, so that it is the one that has the name now; only reads that ask for the object that
 * a get saw (range.stamp), as those of a shard do, go to a handle that was kept open for them, and
 * whether its file was written in place meanwhile is looked at after them.  No lock is taken: other
 * programs may write other objects at the same time (zarr.md 11.6). */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "store/handles.h"
#include "store/key.h"
#include "store/kinds.h"
#include "sys/folder.h"
#include "sys/tree.h"

struct store_tree {
    struct tsr_store base;
    struct tsr_tree tree;
    char *inner; /* what keys are put behind, with a '/' at its end; "" */
    struct tsr_handles handles;
};

/* A key behind the inner path. */
struct full {
    const char *name;
    char room[2 * TSR_KEY_BYTES + 2];
};

static struct store_tree *tree_of(struct tsr_store *st)
{
    return (struct store_tree *)st;
}

static int full_name(struct tsr_store *st, const char *key, struct full *f)
{
    const char *inner = tree_of(st)->inner;
    int rc = tsr_key_check(st->url, key);
    f->name = key;
    if (rc < 0 || !inner[0]) return rc;
    snprintf(f->room, sizeof f->room, "%s%s", inner, key);
    f->name = f->room;
    return TSR_OK;
}

static int absent(const struct tsr_store *st, const char *key)
{
    return tsr_fail(TSR_ENOTFOUND, "%s/%s: there is no such file", st->url, key);
}

/* f->fd is -1 when the object is absent: nothing, or a folder, has its name. */
static int open_object(struct tsr_store *st, const char *name, struct tsr_file *f,
                       struct tsr_look *look)
{
    int rc = tsr_tree_file(&tree_of(st)->tree, name, f);
    if (rc < 0 || f->fd < 0) return rc;
    rc = tsr_file_look(f, look);
    if (rc == TSR_OK && look->kind == TSR_PATH_FILE) return TSR_OK;
    tsr_tree_shut(f);
    if (rc == TSR_OK && look->kind == TSR_PATH_OTHER)
        rc = tsr_fail(TSR_EARG, "%s/%s: not a regular file", st->url, name);
    return rc;
}

/* ---- reading ---- */

static int read_ranges(struct tsr_store *st, const struct tsr_file *f, const struct tsr_range *r,
                       size_t n)
{
    int rc = tsr_store_file_ranges(st, f, r, n);
    if (rc < 0) tsr_within("%s", st->url);
    return rc;
}

static int another(const struct tsr_store *st, const char *name)
{
    return tsr_fail(TSR_ECONFLICT, "%s/%s: another wrote it since it was looked at", st->url, name);
}

/* Of the very object that had this stamp. */
static int read_same(struct tsr_store *st, const char *name, const struct tsr_range *r, size_t n)
{
    struct store_tree *s = tree_of(st);
    struct tsr_handle *kept = tsr_handles_find(&s->handles, name, r->stamp);
    struct tsr_file f = {kept ? kept->fd : -1, (char *)(uintptr_t)name};
    struct tsr_look look;
    int rc = kept ? TSR_OK : open_object(st, name, &f, &look);
    if (rc < 0) return rc;
    if (f.fd < 0) return another(st, name);
    if (!kept && look.stamp != r->stamp) rc = another(st, name);
    if (rc == TSR_OK) rc = read_ranges(st, &f, r, n);
    if (rc == TSR_OK && tsr_file_stamp(&f) != r->stamp) rc = another(st, name);
    if (kept) tsr_handles_leave(&s->handles, kept);
    else if (rc == TSR_OK) tsr_handles_keep(&s->handles, name, r->stamp, f.fd);
    else tsr_tree_shut(&f);
    return rc;
}

/* Whatever has the name now.  What it is shows when it cannot be read. */
static int read_now(struct tsr_store *st, const char *name, const struct tsr_range *r, size_t n)
{
    struct tsr_file f;
    struct tsr_look look;
    char text[TSR_ERROR_MAX];
    int rc = tsr_tree_file(&tree_of(st)->tree, name, &f);
    if (rc < 0) return rc;
    if (f.fd < 0) return absent(st, name);
    rc = read_ranges(st, &f, r, n);
    if (rc < 0) {
        tsr_error_save(text);
        bool folder = tsr_file_look(&f, &look) == TSR_OK && look.kind == TSR_PATH_FOLDER;
        tsr_error_restore(text);
        if (folder) rc = absent(st, name);
    }
    tsr_tree_shut(&f);
    return rc;
}

static int tree_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    struct full f;
    int rc = TSR_OK;
    for (size_t i = 0, end; i < n && rc == TSR_OK; i = end) {
        for (end = i + 1; end < n && r[end].stamp == r[i].stamp &&
                          (r[end].key == r[i].key || strcmp(r[end].key, r[i].key) == 0);)
            end++;
        rc = full_name(st, r[i].key, &f);
        if (rc == TSR_OK) rc = (r[i].stamp ? read_same : read_now)(st, f.name, r + i, end - i);
    }
    return rc;
}

/* Of an object that a get keeps open, which will be read with its stamp. */
static void tree_expect(struct tsr_store *st, const struct tsr_range *r)
{
    struct store_tree *s = tree_of(st);
    struct full full;
    if (!r->stamp || full_name(st, r->key, &full) < 0) return;
    struct tsr_handle *kept = tsr_handles_find(&s->handles, full.name, r->stamp);
    if (!kept) return;
    tsr_file_expect(&(struct tsr_file){kept->fd, (char *)(uintptr_t)full.name}, r->off, r->len);
    tsr_handles_leave(&s->handles, kept);
}

/* Of objects that are read in part more will be wanted. */
static int get_one(struct tsr_store *st, struct tsr_get *g)
{
    struct store_tree *s = tree_of(st);
    struct tsr_file f;
    struct tsr_look look;
    struct full full;
    int rc = full_name(st, g->key, &full);
    if (rc == TSR_OK) rc = open_object(st, full.name, &f, &look);
    if (rc < 0 || f.fd < 0) return rc;
    uint64_t off = g->off == TSR_LAST ? look.size - tsr_minz(g->len, look.size) : g->off;
    uint64_t left = off < look.size ? look.size - off : 0;
    g->got = left < g->len ? (size_t)left : g->len;
    struct tsr_range r = {.key = g->key, .off = off, .len = g->got, .dst = g->dst};
    if (g->got) rc = read_ranges(st, &f, &r, 1);
    g->found = true;
    g->size = look.size;
    g->stamp = look.stamp;
    if (rc == TSR_OK && g->got < look.size)
        tsr_handles_keep(&s->handles, full.name, look.stamp, f.fd);
    else tsr_tree_shut(&f);
    return rc;
}

static int tree_getv(struct tsr_store *st, struct tsr_get *g, size_t n)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = get_one(st, &g[i]);
    return rc;
}

static int look_at(struct tsr_store *st, const char *key, struct tsr_look *look)
{
    struct tsr_file f;
    struct full full;
    int rc = full_name(st, key, &full);
    if (rc == TSR_OK) rc = open_object(st, full.name, &f, look);
    if (rc < 0) return rc;
    if (f.fd < 0) return absent(st, full.name);
    tsr_tree_shut(&f);
    return TSR_OK;
}

static int tree_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    struct tsr_look look;
    int rc = look_at(st, key, &look);
    if (rc == TSR_OK) *size = look.size;
    return rc;
}

static uint64_t tree_stamp(struct tsr_store *st, const char *key)
{
    struct tsr_look look;
    return look_at(st, key, &look) == TSR_OK ? look.stamp : 0;
}

/* ---- writing ---- */

/* kept: as in tsr_tree_put. */
static int put_one(struct tsr_store *st, const struct tsr_object *o, bool durable, bool only_new,
                   int *kept)
{
    struct store_tree *s = tree_of(st);
    struct full full;
    int rc = full_name(st, o->key, &full);
    const char *slash = rc == TSR_OK ? strrchr(full.name, '/') : NULL;
    if (rc < 0) return rc;
    if (tsr_key_is_temporary(slash ? slash + 1 : full.name))
        return tsr_fail(TSR_EARG, "%s/%s: is named as a file that is being written", st->url,
                        o->key);
    rc = tsr_tree_put(&s->tree,
                      &(struct tsr_tree_put){full.name, o->p, o->n, durable, only_new, kept});
    tsr_handles_drop(&s->handles, full.name);
    return rc;
}

static int sync_name(struct tsr_store *st, const char *key)
{
    struct full full;
    int rc = full_name(st, key, &full);
    return rc < 0 ? rc : tsr_tree_sync_folder(&tree_of(st)->tree, full.name);
}

static int tree_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                    bool durable)
{
    int rc = put_one(st, &(struct tsr_object){key, p, n}, durable, false, NULL);
    return rc < 0 || !durable ? rc : sync_name(st, key);
}

static bool same_folder(const char *a, const char *b)
{
    const char *x = strrchr(a, '/'), *y = strrchr(b, '/');
    return (x ? x - a : 0) == (y ? y - b : 0) && (!x || memcmp(a, b, (size_t)(x - a)) == 0);
}

/* A folder is opened, and synced, once for all neighbours that lie in it. */
static int tree_putv(struct tsr_store *st, const struct tsr_object *o, size_t n, bool durable)
{
    int rc = TSR_OK, kept = -1;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        rc = put_one(st, &o[i], durable, false, &kept);
        bool last = i + 1 == n || !same_folder(o[i].key, o[i + 1].key);
        if (rc == TSR_OK && durable && last) rc = sync_name(st, o[i].key);
        if (last || rc < 0) tsr_tree_leave(&tree_of(st)->tree, kept), kept = -1;
    }
    return rc;
}

static int tree_put_if(struct tsr_store *st, const struct tsr_object *o, bool durable,
                       uint64_t stamp)
{
    if (stamp)
        return tsr_fail(TSR_EUNSUPPORTED,
                        "%s: a folder can put a new file on a condition, but not "
                        "replace one",
                        st->url);
    int rc = put_one(st, o, durable, true, NULL);
    return rc < 0 || !durable ? rc : sync_name(st, o->key);
}

static int tree_hold(struct tsr_store *st, const char *key, struct tsr_lock *out)
{
    struct full full;
    int rc = full_name(st, key, &full);
    return rc < 0 ? rc : tsr_tree_hold(&tree_of(st)->tree, full.name, out);
}

static int tree_claim(struct tsr_store *st, const char *prefix, struct tsr_lock *out)
{
    struct store_tree *s = tree_of(st);
    struct full full = {.name = full.room};
    size_t len = strlen(s->inner);
    int rc = *prefix ? full_name(st, prefix, &full) : TSR_OK;
    if (!*prefix) snprintf(full.room, sizeof full.room, "%.*s", len ? (int)len - 1 : 0, s->inner);
    return rc < 0 ? rc : tsr_tree_claim(&s->tree, full.name, out);
}

static int tree_remove(struct tsr_store *st, const char *key)
{
    struct full full;
    int rc = full_name(st, key, &full);
    if (rc == TSR_OK) rc = tsr_tree_remove(&tree_of(st)->tree, full.name);
    if (rc == TSR_OK) tsr_handles_drop(&tree_of(st)->handles, full.name);
    return rc;
}

/* Objects are renamed when they are complete: there is nothing to sync but all of it. */
static int tree_sync(struct tsr_store *st, const char *key, bool name)
{
    struct tsr_file f;
    struct tsr_look look;
    struct full full;
    if (!key[0]) return tsr_tree_sync(&tree_of(st)->tree);
    int rc = full_name(st, key, &full);
    if (rc == TSR_OK) rc = open_object(st, full.name, &f, &look);
    if (rc < 0) return rc;
    if (f.fd < 0) return absent(st, full.name);
    rc = tsr_file_sync(&f);
    tsr_tree_shut(&f);
    return rc < 0 || !name ? rc : sync_name(st, key);
}

/* ---- list ---- */

struct listing {
    const char *prefix;
    int (*fn)(void *user, const char *key);
    void *user;
};

static int list_one(void *user, const char *name, bool folder)
{
    const struct listing *l = user;
    char key[2 * TSR_KEY_BYTES];
    if (!folder && tsr_key_is_temporary(name)) return 0;
    int n = snprintf(key, sizeof key, "%s%s%s", l->prefix, name, folder ? "/" : "");
    return n < (int)sizeof key ? l->fn(l->user, key) : 0;
}

static int tree_list(struct tsr_store *st, const char *prefix,
                     int (*fn)(void *user, const char *key), void *user)
{
    struct listing l = {prefix, fn, user};
    struct store_tree *s = tree_of(st);
    char path[2 * TSR_KEY_BYTES + 2];
    int n = snprintf(path, sizeof path, "%s%.*s", s->inner, TSR_KEY_BYTES + 1, prefix);
    if (n) path[n - 1] = 0;
    int rc = prefix[0] ? tsr_key_check(st->url, path) : TSR_OK;
    return rc < 0 ? rc : tsr_tree_list(&s->tree, path, list_one, &l);
}

/* ---- open ---- */

static bool tree_replaced(const struct tsr_store *st)
{
    const struct store_tree *s = (const struct store_tree *)st;
    return !tsr_folder_is_current(&(struct tsr_folder){s->tree.fd, s->tree.path});
}

static void tree_close(struct tsr_store *st)
{
    struct store_tree *s = tree_of(st);
    tsr_handles_done(&s->handles);
    tsr_tree_close(&s->tree);
    tsr_free(s->inner);
    tsr_free(s);
}

static const struct tsr_store_kind tree_kind = {
    .scheme = "tree",
    .readv = tree_readv,
    .getv = tree_getv,
    .expect = tree_expect,
    .stat = tree_stat,
    .put = tree_put,
    .putv = tree_putv,
    .put_if = tree_put_if,
    .hold = tree_hold,
    .claim = tree_claim,
    .sync = tree_sync,
    .list = tree_list,
    .remove = tree_remove,
    .replaced = tree_replaced,
    .stamp = tree_stamp,
    .close = tree_close,
};

static int found_one(void *user, const char *key)
{
    (void)user;
    (void)key;
    return 1;
}

static int need_empty(struct tsr_store *st)
{
    int rc = tsr_store_list(st, "", found_one, NULL);
    return rc <= 0 ? rc : tsr_fail(TSR_EEXISTS, "%s: is a folder with something in it", st->url);
}

int tsr_store_tree_open(const char *path, const struct tsr_tree_options *o, struct tsr_store **out)
{
    static const unsigned maps[][2] = {{TSR_TREE_UPDATE, TSR_TREE_MAY_WRITE},
                                       {TSR_TREE_CREATE, TSR_TREE_MAY_MAKE},
                                       {TSR_TREE_LINKS, TSR_TREE_ANY_LINK},
                                       {TSR_TREE_LOCK, TSR_TREE_ALONE}};
    unsigned flags = 0;
    struct store_tree *s = tsr_alloc_zero(1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    int rc = tsr_store_init(&s->base, &tree_kind, path, o->flags & TSR_TREE_UPDATE);
    if (rc < 0) {
        tsr_free(s);
        return rc;
    }
    tsr_handles_init(&s->handles);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        if (o->flags & maps[i][0]) flags |= maps[i][1];
    rc = tsr_key_inner(o->inner, &s->inner);
    if (rc == TSR_OK) rc = tsr_tree_open(path, flags, &s->tree);
    if (rc == TSR_OK && o->flags & TSR_TREE_EMPTY) rc = need_empty(&s->base);
    if (rc < 0) tsr_store_close(&s->base);
    else *out = &s->base;
    return rc;
}
