/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/tree.c - nodes put and removed, and the consolidated metadata above them kept true. */
#include "zarr/tree.h"

#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"

enum { WORDS = TSR_JSON_WORDS, TRIES = 40, REMOVE_MOST = 4000 };

/* ---- paths ---- */

/* "a/b/c" has the groups "", "a" and "a/b" above it: the length of the one after n; false: that is
 * path itself. */
static bool next_above(const char *path, size_t *n)
{
    const char *slash = strchr(path + *n + (*n > 0), '/');
    if (!slash) return false;
    *n = (size_t)(slash - path);
    return true;
}

/* path below its group of n bytes. */
static const char *below(const char *path, size_t n)
{
    return path + n + (n && path[n]);
}

static char *cut(const char *path, size_t n)
{
    char *p = tsr_alloc(n + 1);
    if (!p) return NULL;
    memcpy(p, path, n);
    p[n] = 0;
    return p;
}

static int key_of(const char *path, const char *name, struct tsr_buf *key)
{
    int rc = tsr_buf_addf(key, "%s%s%s", path, *path ? "/" : "", name);
    return rc < 0 ? rc : tsr_buf_add(key, "", 1);
}

/* How an object is put: stamp as in tsr_store_put_over. */
struct put {
    bool durable;
    uint64_t stamp;
};

static int put_text(struct tsr_store *st, const char *path, const char *name,
                    const struct tsr_buf *text, struct put how)
{
    struct tsr_buf key = {0};
    struct tsr_piece p = {.p = text->p, .len = text->len};
    int rc = key_of(path, name, &key);
    struct tsr_object o = {(char *)key.p, &p, 1};
    if (rc == TSR_OK) rc = tsr_store_put_over(st, &o, how.durable, how.stamp);
    tsr_buf_free(&key);
    return rc;
}

/* Keeps others who change copies from a document; tsr_store_hold. */
static int hold(struct tsr_store *st, const char *path, const char *name, struct tsr_lock *out)
{
    struct tsr_buf key = {0};
    *out = (struct tsr_lock){-1};
    int rc = key_of(path, name, &key);
    if (rc == TSR_OK) rc = tsr_store_hold(st, (char *)key.p, out);
    tsr_buf_free(&key);
    return rc;
}

static int remove_document(struct tsr_store *st, const char *path, const char *name)
{
    struct tsr_buf key = {0};
    int rc = key_of(path, name, &key);
    if (rc == TSR_OK) rc = tsr_store_remove(st, (char *)key.p);
    tsr_buf_free(&key);
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

/* ---- copies in consolidated metadata ---- */

/* The copy of a group of format 3 has consolidated metadata without anything in it, as
 * zarr-python's have; what is below is in the copy that it lies in. */
static int copy_of_group(const struct tsr_zmeta *m, struct tsr_buf *text)
{
    struct tsr_zcache *none;
    int rc = tsr_zcache_new(3, &none);
    if (rc < 0) return rc;
    rc = tsr_zcache_write(none, m, text);
    tsr_zcache_free(none);
    return rc;
}

static int copy_one(struct tsr_zcache *c, const char *path, const struct tsr_zmeta *m,
                    enum tsr_zdoc which)
{
    struct tsr_buf text = {0};
    int rc = m->format == 3 && !m->array ? copy_of_group(m, &text)
                                         : tsr_zmeta_write(m, which, WORDS, &text);
    if (rc == TSR_OK)
        rc = tsr_zcache_put(c, path, which, (struct tsr_ztext){(char *)text.p, text.len});
    tsr_buf_free(&text);
    return rc;
}

static int copy_into(struct tsr_zcache *c, const char *path, const struct tsr_zmeta *m)
{
    int rc = m->format == 2 ? copy_one(c, path, m, TSR_ZDOC_ATTRS) : TSR_OK;
    return rc < 0 ? rc : copy_one(c, path, m, tsr_zmeta_which(m));
}

/* Which document has the copies of a group. */
static const char *cache_name(int format)
{
    return format == 2 ? ".zmetadata" : tsr_zdoc_name(TSR_ZDOC_V3);
}

static int write_cache(struct tsr_store *st, const char *path, const struct tsr_zmeta *group,
                       const struct tsr_zcache *c, struct put how)
{
    struct tsr_buf text = {0};
    int rc = tsr_zcache_write(c, group, &text);
    if (rc == TSR_OK) rc = put_text(st, path, cache_name(group->format), &text, how);
    tsr_buf_free(&text);
    return rc;
}

/* Of a document without its member. */
static void forget_member(struct tsr_node *root, const char *name)
{
    size_t to = 0;
    for (size_t i = 0; i < root->list.n; i++) {
        if (tsr_znode_is(root->list.v + 2 * i, name)) continue;
        memmove(root->list.v + 2 * to, root->list.v + 2 * i, 2 * sizeof *root->list.v);
        to++;
    }
    root->list.n = to;
}

static int drop_cache(struct tsr_store *st, const char *path, struct tsr_zmeta *group, bool durable)
{
    struct tsr_buf text = {0};
    if (group->format == 2) return remove_document(st, path, ".zmetadata");
    forget_member(&group->root, "consolidated_metadata");
    int rc = tsr_zmeta_write(group, TSR_ZDOC_V3, WORDS, &text);
    if (rc == TSR_OK)
        rc = put_text(st, path, cache_name(3), &text, (struct put){durable, group->stamp});
    tsr_buf_free(&text);
    return rc;
}

/* What became of a node: m is NULL where it is removed. */
struct change {
    const char *path;
    const struct tsr_zmeta *m;
    bool durable;
};

/* In the consolidated metadata of the group `above`, of its format: what cannot be read or hold the
 * node goes, so that the documents are read. */
static int change_copy(struct tsr_store *st, const char *above, struct tsr_zmeta *group,
                       const struct change *ch)
{
    struct tsr_zcache *c = NULL;
    int rc = tsr_zcache_open(st, above, group, &c);
    if (rc == TSR_ENOTFOUND) return TSR_OK; /* there is none to change */
    if (tsr_zmeta_unusable(rc) || (rc == TSR_OK && ch->m && ch->m->format != group->format)) {
        rc = drop_cache(st, above, group, ch->durable);
    } else if (rc == TSR_OK) {
        const char *name = below(ch->path, strlen(above));
        if (ch->m) rc = copy_into(c, name, ch->m);
        else tsr_zcache_drop(c, name);
        struct put how = {ch->durable, tsr_zcache_stamp(c)};
        if (rc == TSR_OK) rc = write_cache(st, above, group, c, how);
    }
    tsr_zcache_free(c);
    return rc;
}

static int try_change(struct tsr_store *st, const char *above, int format, const struct change *ch)
{
    struct tsr_zmeta two = {.format = 2}, *m = NULL;
    if (format == 2) return change_copy(st, above, &two, ch);
    int rc = tsr_zmeta_open(st, above, &m);
    /* a document that cannot be read has no consolidated metadata that could */
    if (rc == TSR_ENOTFOUND || tsr_zmeta_unusable(rc)) return TSR_OK;
    if (rc == TSR_OK && m->format == 3 && !m->array) rc = change_copy(st, above, m, ch);
    tsr_zmeta_free(m);
    return rc;
}

/* Of some length up to 0.1 ms, twice that, .. 51 ms, else two writers that are as fast as each
 * other stay in step, of whom one always comes too late. */
bool tsr_ztree_again(int i)
{
    struct timespec t;
    if (i >= TRIES) return false;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long most = 100000L << tsr_min64(i, 9);
    t = (struct timespec){.tv_nsec = (long)((uint64_t)t.tv_nsec * 2654435761u % (uint64_t)most)};
    nanosleep(&t, NULL);
    return true;
}

/* Others may change copies of other nodes at the same time: the document is held or, where that
 * cannot be, put only while it is the one that was read. */
static int change_one(struct tsr_store *st, const char *above, int format, const struct change *ch)
{
    struct tsr_lock held;
    int rc = hold(st, above, cache_name(format), &held);
    if (rc < 0) return rc;
    rc = try_change(st, above, format, ch);
    for (int i = 0; rc == TSR_ECONFLICT && held.fd < 0 && tsr_ztree_again(i); i++)
        rc = try_change(st, above, format, ch);
    tsr_lock_release(&held);
    return rc;
}

/* In that of both formats, where a store has been brought from one to the other. */
static int change_above(struct tsr_store *st, const char *above, const struct change *ch)
{
    int rc = change_one(st, above, 2, ch);
    return rc < 0 ? rc : change_one(st, above, 3, ch);
}

static int change_copies(struct tsr_store *st, const struct change *ch)
{
    size_t n = 0;
    bool more = *ch->path, own = ch->m && ch->m->format == 2 && !ch->m->array;
    /* .zmetadata of a group holds its own documents too */
    int rc = own ? change_one(st, ch->path, 2, ch) : TSR_OK;
    for (; rc == TSR_OK && more; more = next_above(ch->path, &n)) {
        char *above = cut(ch->path, n);
        rc = above ? change_above(st, above, ch) : TSR_ENOMEM;
        tsr_free(above);
    }
    return rc;
}

/* ---- put ---- */

int tsr_ztree_hold(struct tsr_store *st, const char *path, enum tsr_zdoc which,
                   struct tsr_lock *out)
{
    return hold(st, path, tsr_zdoc_name(which), out);
}

int tsr_ztree_put(struct tsr_store *st, const char *path, const struct tsr_zmeta *m, bool durable)
{
    struct tsr_zput how = {.flags = WORDS, .durable = durable};
    int rc = tsr_zmeta_put(st, path, m, &how);
    return rc < 0 ? rc : change_copies(st, &(struct change){path, m, durable});
}

static int put_group(struct tsr_store *st, const char *path, int format, bool durable)
{
    struct tsr_zmeta *m;
    int rc = tsr_zmeta_new_group(format, NULL, &m);
    if (rc < 0) return rc;
    rc = tsr_ztree_put(st, path, m, durable);
    tsr_zmeta_free(m);
    return rc;
}

static int check_name(const char *path, size_t from, int format)
{
    size_t len = strcspn(path + from, "/");
    char *name = cut(path + from, len);
    int rc = name ? tsr_zname_check(format, name) : TSR_ENOMEM;
    tsr_free(name);
    return rc;
}

static int make_group(struct tsr_store *st, const char *path, int format, bool durable)
{
    struct tsr_zmeta *m = NULL;
    const char *shown = *path ? path : "the root";
    int rc = tsr_zmeta_open(st, path, &m);
    if (rc == TSR_ENOTFOUND) rc = put_group(st, path, format, durable);
    else if (rc == TSR_OK && m->array)
        rc = tsr_fail(TSR_EARG, "%s: is an array, in which nothing can be made", shown);
    else if (rc == TSR_OK && m->format != format)
        rc = tsr_fail(TSR_EARG,
                      "%s: is a group of Zarr format %d, found format %d for what is in it", shown,
                      m->format, format);
    tsr_zmeta_free(m);
    return rc;
}

int tsr_ztree_make_way(struct tsr_store *st, const char *path, int format, bool durable)
{
    size_t n = 0;
    bool more = *path;
    int rc = TSR_OK;
    for (size_t at = 0; more && rc == TSR_OK; more = next_above(path, &at))
        rc = check_name(path, at + (at > 0), format);
    for (more = *path; more && rc == TSR_OK; more = next_above(path, &n)) {
        char *above = cut(path, n);
        rc = above ? make_group(st, above, format, durable) : TSR_ENOMEM;
        tsr_free(above);
    }
    return rc;
}

/* ---- remove ---- */

struct keys {
    char **v;
    size_t n, room;
};

/* Takes key over. */
static int take_key(struct keys *l, char *key)
{
    if (key && l->n == l->room) {
        size_t room = 2 * l->room + 16;
        char **v = tsr_realloc(l->v, room, sizeof *v);
        if (v) l->room = room;
        if (v) l->v = v;
    }
    if (!key || l->n == l->room) {
        tsr_free(key);
        return TSR_ENOMEM;
    }
    l->v[l->n++] = key;
    return 0;
}

static int add_key(void *user, const char *key)
{
    return take_key(user, tsr_strdup(key));
}

static void keys_clear(struct keys *l)
{
    for (size_t i = 0; i < l->n; i++) tsr_free(l->v[i]);
    l->n = 0;
}

static void keys_free(struct keys *l)
{
    keys_clear(l);
    tsr_free(l->v);
}

static int remove_keys(struct tsr_store *st, struct keys *l)
{
    int rc = l->n ? tsr_store_removev(st, (const char *const *)l->v, l->n) : TSR_OK;
    keys_clear(l);
    return rc;
}

/* Removes all objects whose keys begin with prefix but those left in `some`, of many folders, which
 * go together; keys are shorter than 1 KiB, so this is not deep. */
static int remove_most_below(struct tsr_store *st, const char *prefix, struct keys *some)
{
    struct keys l = {0};
    int rc = tsr_store_list(st, prefix, add_key, &l);
    for (size_t i = 0; i < l.n && rc == TSR_OK; i++) {
        bool folder = l.v[i][strlen(l.v[i]) - 1] == '/';
        if (folder) {
            rc = remove_most_below(st, l.v[i], some);
            if (rc == TSR_ENOTFOUND) rc = TSR_OK; /* another was faster */
        } else {
            rc = take_key(some, l.v[i]);
            l.v[i] = NULL;
        }
        if (rc == TSR_OK && some->n >= REMOVE_MOST) rc = remove_keys(st, some);
    }
    keys_free(&l);
    return rc;
}

static int remove_below(struct tsr_store *st, const char *prefix)
{
    struct keys some = {0};
    int rc = remove_most_below(st, prefix, &some);
    if (rc == TSR_OK) rc = remove_keys(st, &some);
    keys_free(&some);
    return rc;
}

int tsr_ztree_forget(struct tsr_store *st, const char *path)
{
    return change_copies(st, &(struct change){path, NULL, false});
}

int tsr_ztree_remove(struct tsr_store *st, const char *path)
{
    struct tsr_buf prefix = {0};
    int rc = tsr_ztree_forget(st, path);
    for (int which = TSR_ZDOC_V3; rc == TSR_OK && which < TSR_ZDOC_NONE; which++)
        rc = remove_document(st, path, tsr_zdoc_name((enum tsr_zdoc)which));
    if (rc == TSR_OK) rc = tsr_buf_addf(&prefix, "%s%s", path, *path ? "/" : "");
    if (rc == TSR_OK) rc = tsr_buf_add(&prefix, "", 1);
    if (rc == TSR_OK) rc = remove_below(st, (char *)prefix.p);
    tsr_buf_free(&prefix);
    return rc;
}

/* ---- consolidate ---- */

struct gathering {
    struct tsr_zcache *c;
    int format;
    size_t cut; /* bytes of a path before what it is called in c */
};

static int gather(void *user, const struct tsr_zentry *e)
{
    const struct gathering *g = user;
    if (e->rc < 0) return tsr_fail((tsr_status)e->rc, "%s", e->why);
    if (e->m && e->m->format != g->format)
        return tsr_fail(TSR_EUNSUPPORTED,
                        "%s: found Zarr format %d, expected %d as the group is of", e->path,
                        e->m->format, g->format);
    return e->m ? copy_into(g->c, e->path + g->cut, e->m) : TSR_OK;
}

static int open_group(struct tsr_store *st, const char *path, struct tsr_zmeta **out)
{
    int rc = tsr_zmeta_open(st, path, out);
    return rc == TSR_OK && (*out)->array ? tsr_fail(TSR_EARG, "%s: is an array", path) : rc;
}

int tsr_ztree_consolidate(struct tsr_store *st, const char *path, bool durable)
{
    struct tsr_zmeta *m = NULL;
    struct tsr_lock held = {-1};
    struct gathering g = {.cut = strlen(path) + (*path != 0)};
    struct tsr_zplace v = {.st = st};
    int rc = open_group(st, path, &m);
    if (rc == TSR_OK) rc = hold(st, path, cache_name(g.format = m->format), &held);
    if (rc == TSR_OK && held.fd >= 0) {
        tsr_zmeta_free(m);
        m = NULL;
        rc = open_group(st, path, &m);
        g.format = rc == TSR_OK ? m->format : 0;
    }
    if (rc == TSR_OK) rc = tsr_zcache_new(g.format, &g.c);
    if (rc == TSR_OK && m->format == 2) rc = copy_into(g.c, "", m);
    if (rc == TSR_OK) rc = tsr_ztree_list(&v, path, m->format, 0, gather, &g);
    /* the document of a group of format 3 holds its attributes too, which others may change */
    struct put how = {durable, g.format == 3 ? m->stamp : 0};
    if (rc == TSR_OK) rc = write_cache(st, path, m, g.c, how);
    tsr_lock_release(&held);
    tsr_zcache_free(g.c);
    tsr_zmeta_free(m);
    return rc;
}
