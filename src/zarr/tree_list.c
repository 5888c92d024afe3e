/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/tree_list.c - what lies in a hierarchy.
 *
 * Names come from the store, which lists a prefix, or from consolidated metadata, whose paths are
 * sorted, so that those of a group are neighbours.  Documents of a few dozen children are asked for
 * at once.  What has none may still be a group: then nodes are looked for below it, in so many
 * prefixes at most, since what is there may be anything. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "zarr/tree.h"

enum {
    BATCH = 32,      /* nodes whose documents are asked for at once */
    SEARCHED = 1000, /* prefixes without a document that are looked into */
    DEPTH_MAX = 256
};

/* ---- names ---- */

struct names {
    size_t cut; /* bytes of a key before the name */
    bool format3;
    char **v;
    size_t n, room;
};

static void names_free(struct names *l)
{
    for (size_t i = 0; i < l->n; i++) tsr_free(l->v[i]);
    tsr_free(l->v);
}

static int add_name(struct names *l, const char *name, size_t len)
{
    if (!len || (l->format3 && !strncmp(name, "__", 2))) return TSR_OK;
    if (l->n == l->room) {
        size_t room = 2 * l->room + 16;
        char **v = tsr_realloc(l->v, room, sizeof *v);
        if (!v) return TSR_ENOMEM;
        l->v = v;
        l->room = room;
    }
    char *copy = tsr_alloc(len + 1);
    if (!copy) return TSR_ENOMEM;
    memcpy(copy, name, len);
    copy[len] = 0;
    l->v[l->n++] = copy;
    return TSR_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, each once. */
static void settle(struct names *l)
{
    size_t to = 0;
    if (l->n) qsort(l->v, l->n, sizeof *l->v, by_bytes);
    for (size_t i = 0; i < l->n; i++) {
        if (to && !strcmp(l->v[to - 1], l->v[i])) tsr_free(l->v[i]);
        else l->v[to++] = l->v[i];
    }
    l->n = to;
}

static int join(const char *path, const char *name, const char *tail, char **out)
{
    struct tsr_buf b = {0};
    int rc = tsr_buf_addf(&b, "%s%s%s%s", path, *path && *name ? "/" : "", name, tail);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc < 0) tsr_buf_free(&b);
    else *out = (char *)b.p;
    return rc;
}

/* ---- consolidated metadata ---- */

static const char *below_root(const struct tsr_zplace *v, const char *path)
{
    size_t len = strlen(v->root);
    return !len ? path : path[len] ? path + len + 1 : "";
}

/* The first document whose path is not before `from`. */
static size_t lower_bound(const struct tsr_zcache *c, const char *from)
{
    size_t lo = 0, step = 1;
    const char *path;
    enum tsr_zdoc which;
    while (tsr_zcache_at(c, lo + step, &path, &which) && strcmp(path, from) < 0) step *= 2;
    for (; step; step /= 2)
        while (tsr_zcache_at(c, lo + step - 1, &path, &which) && strcmp(path, from) < 0) lo += step;
    return lo;
}

/* prefix: "" or "a/b/", below the cache's root. */
static int cached_names(const struct tsr_zcache *c, const char *prefix, struct names *l)
{
    size_t len = strlen(prefix);
    const char *path;
    enum tsr_zdoc which;
    int rc = TSR_OK;
    for (size_t i = lower_bound(c, prefix);
         rc == TSR_OK && tsr_zcache_at(c, i, &path, &which) && !strncmp(path, prefix, len); i++) {
        size_t n = strcspn(path + len, "/");
        const char *last = l->n ? l->v[l->n - 1] : "";
        if (strlen(last) != n || memcmp(last, path + len, n) != 0) rc = add_name(l, path + len, n);
    }
    return rc;
}

/* ---- the store ---- */

static int add_prefix(void *user, const char *key)
{
    struct names *l = user;
    size_t len = strlen(key);
    if (len <= l->cut + 1 || key[len - 1] != '/') return 0;
    return add_name(l, key + l->cut, len - 1 - l->cut);
}

static int stored_names(struct tsr_store *st, const char *prefix, struct names *l)
{
    l->cut = strlen(prefix);
    int rc = tsr_store_list(st, prefix, add_prefix, l);
    if (rc != TSR_EUNSUPPORTED) return rc;
    return tsr_fail(TSR_EUNSUPPORTED,
                    "%s/%s: this store cannot list what is there, and no consolidated metadata "
                    "tells it; nodes whose paths are known can be opened",
                    st->url, prefix);
}

static int names_of(const struct tsr_zplace *v, const char *path, struct names *l)
{
    char *prefix;
    int rc = join(v->cache ? below_root(v, path) : path, "", "/", &prefix);
    if (rc < 0) return rc;
    const char *p = *prefix == '/' ? "" : prefix;
    rc = v->cache ? cached_names(v->cache, p, l) : stored_names(v->st, p, l);
    if (rc == TSR_OK) settle(l);
    tsr_free(prefix);
    return rc;
}

struct search {
    bool found;
    int left; /* prefixes that may still be looked into */
};

static int spot_document(void *user, const char *key)
{
    const char *name = strrchr(key, '/');
    name = name ? name + 1 : key;
    for (int which = TSR_ZDOC_V3; which < TSR_ZDOC_ATTRS; which++)
        if (!strcmp(name, tsr_zdoc_name((enum tsr_zdoc)which)))
            ((struct search *)user)->found = true;
    return ((struct search *)user)->found;
}

/* Is there a node below path?  Hidden folders are other programs' own. */
static int search_below(struct tsr_store *st, const char *path, int depth, struct search *s)
{
    struct names l = {0};
    char *prefix;
    int rc = join(path, "", "/", &prefix);
    if (rc < 0) return rc;
    rc = tsr_store_list(st, *path ? prefix : "", spot_document, s);
    if (rc > 0) rc = TSR_OK;
    l.cut = *path ? strlen(prefix) : 0;
    if (rc == TSR_OK && !s->found) rc = tsr_store_list(st, *path ? prefix : "", add_prefix, &l);
    for (size_t i = 0; rc == TSR_OK && !s->found && s->left > 0 && depth && i < l.n; i++) {
        char *next;
        if (l.v[i][0] == '.') continue;
        s->left--;
        rc = join(path, l.v[i], "", &next);
        if (rc < 0) break;
        rc = search_below(st, next, depth - 1, s);
        tsr_free(next);
    }
    names_free(&l);
    tsr_free(prefix);
    return rc;
}

/* *f says that there are no documents: is it a group all the same? */
static int look_below(struct tsr_store *st, const char *path, struct tsr_zfound *f)
{
    const char *slash = strrchr(path, '/');
    struct search s = {.left = SEARCHED};
    char text[TSR_ERROR_MAX];
    if ((slash ? slash[1] : path[0]) == '.') return TSR_OK;
    tsr_error_save(text);
    int rc = search_below(st, path, DEPTH_MAX, &s);
    if (rc < 0 && rc != TSR_EUNSUPPORTED) return rc;
    tsr_error_restore(text);
    if (rc == TSR_OK && s.found) tsr_zfound_done(f, 1);
    return TSR_OK;
}

/* ---- finding ---- */

static int load(const struct tsr_zplace *v, const char *path, struct tsr_zfound *f)
{
    *f = (struct tsr_zfound){0};
    f->rc = tsr_zcache_load(v->cache, below_root(v, path), &f->m);
    if (f->rc == TSR_ENOMEM) return f->rc;
    if (f->rc < 0 && !(f->why = tsr_strdup(tsr_error()))) return TSR_ENOMEM;
    return TSR_OK;
}

/* Format 3 keeps no document of the group itself in its consolidated metadata. */
static bool is_cached(const struct tsr_zplace *v, const char *path)
{
    size_t len = v->cache ? strlen(v->root) : 0;
    if (!v->cache || strncmp(path, v->root, len) != 0) return false;
    return path[len] && (!len || path[len] == '/');
}

static int look_in_cache(const struct tsr_zplace *v, const char *path, struct tsr_zfound *f)
{
    struct names l = {0};
    int rc = names_of(v, path, &l);
    if (rc == TSR_OK && l.n) tsr_zfound_done(f, 1);
    names_free(&l);
    return rc;
}

int tsr_ztree_find(const struct tsr_zplace *v, const char *path, struct tsr_zfound *out)
{
    bool cached = is_cached(v, path);
    int rc = cached ? load(v, path, out) : tsr_zmeta_openv(v->st, &path, 1, out);
    if (rc == TSR_OK && out->rc == TSR_ENOTFOUND)
        rc = cached ? look_in_cache(v, path, out) : look_below(v->st, path, out);
    if (rc == TSR_OK && out->rc < 0) rc = tsr_fail((tsr_status)out->rc, "%s", out->why);
    if (rc < 0) tsr_zfound_done(out, 1);
    return rc;
}

/* ---- listing ---- */

struct walk {
    const struct tsr_zplace *v;
    tsr_zentry_fn fn;
    void *user;
};

static int visit_below(const struct walk *w, const char *path, int format, int depth);

static int visit(const struct walk *w, const char *path, struct tsr_zfound *f, int depth)
{
    int rc = TSR_OK;
    if (f->rc == TSR_ENOTFOUND && !w->v->cache) rc = look_below(w->v->st, path, f);
    if (f->rc == TSR_ENOTFOUND && w->v->cache) tsr_zfound_done(f, 1);
    if (rc < 0 || f->rc == TSR_ENOTFOUND) return rc;
    struct tsr_zentry e = {path, f->m, f->rc, f->why};
    rc = w->fn(w->user, &e);
    bool group = f->rc == TSR_OK && (!f->m || !f->m->array);
    if (rc || !group || depth == 1) return rc;
    return visit_below(w, path, f->m ? f->m->format : 0, depth ? depth - 1 : 0);
}

/* n children, asked for at once. */
static int visit_some(const struct walk *w, char *const *path, size_t n, int depth)
{
    struct tsr_zfound found[BATCH] = {0};
    int rc = TSR_OK;
    if (!w->v->cache) rc = tsr_zmeta_openv(w->v->st, (const char *const *)path, n, found);
    for (size_t i = 0; rc == TSR_OK && i < n; i++) {
        if (w->v->cache) rc = load(w->v, path[i], found + i);
        if (rc == TSR_OK) rc = visit(w, path[i], found + i, depth);
    }
    tsr_zfound_done(found, n);
    return rc;
}

static int visit_below(const struct walk *w, const char *path, int format, int depth)
{
    struct names l = {.format3 = format == 3};
    int rc = names_of(w->v, path, &l);
    for (size_t i = 0; rc == TSR_OK && i < l.n; i++) {
        char *whole;
        rc = join(path, l.v[i], "", &whole);
        if (rc < 0) break;
        tsr_free(l.v[i]);
        l.v[i] = whole;
    }
    for (size_t i = 0; rc == TSR_OK && i < l.n; i += BATCH)
        rc = visit_some(w, l.v + i, l.n - i < BATCH ? l.n - i : BATCH, depth);
    names_free(&l);
    return rc;
}

int tsr_ztree_list(const struct tsr_zplace *v, const char *path, int format, int depth,
                   tsr_zentry_fn fn, void *user)
{
    struct walk w = {v, fn, user};
    return visit_below(&w, path, format, depth);
}

/* ---- which consolidated metadata there is ---- */

/* Of one that cannot be used the documents take the place. */
static int cache_at(struct tsr_store *st, const char *path, struct tsr_zcache **out)
{
    struct tsr_zmeta *m = NULL;
    int rc = tsr_zmeta_open(st, path, &m);
    if (rc == TSR_OK && m->array) rc = TSR_ENOTFOUND;
    if (rc == TSR_OK) rc = tsr_zcache_open(st, path, m, out);
    tsr_zmeta_free(m);
    if (rc == TSR_ENOTFOUND || tsr_zmeta_unusable(rc)) rc = TSR_OK;
    return rc;
}

int tsr_ztree_cache(struct tsr_store *st, const char *path, struct tsr_zcache **cache,
                    const char **root)
{
    *cache = NULL;
    *root = "";
    int rc = cache_at(st, "", cache);
    if (rc < 0 || *cache || !*path) return rc;
    *root = path;
    return cache_at(st, path, cache);
}
