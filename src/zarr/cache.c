/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/cache.c - consolidated metadata: a sorted table of documents, each still text. */
#include "zarr/cache.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/status.h"
#include "store/key.h"
#include "zarr/node.h"

struct entry {
    const char *path;
    enum tsr_zdoc which;
    struct tsr_ztext text;
};

struct tsr_zcache {
    int format;
    struct tsr_doc *doc;
    struct entry *e; /* [n], sorted by path, then document */
    size_t n, room;
    uint64_t stamp;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int c = strcmp(x->path, y->path);
    return c ? c : (int)x->which - (int)y->which;
}

int tsr_zcache_new(int format, struct tsr_zcache **out)
{
    struct tsr_zcache *c = tsr_alloc_zero(1, sizeof *c);
    if (!c) return TSR_ENOMEM;
    c->format = format;
    int rc = tsr_doc_new(&c->doc);
    if (rc < 0) tsr_free(c);
    else *out = c;
    return rc;
}

void tsr_zcache_free(struct tsr_zcache *c)
{
    if (!c) return;
    tsr_doc_free(c->doc);
    tsr_free(c->e);
    tsr_free(c);
}

void tsr_zcache_set_stamp(struct tsr_zcache *c, uint64_t stamp)
{
    c->stamp = stamp;
}

uint64_t tsr_zcache_stamp(const struct tsr_zcache *c)
{
    return c->stamp;
}

static int make_room(struct tsr_zcache *c, size_t more)
{
    if (c->room - c->n >= more) return TSR_OK;
    size_t room = 2 * c->room + more;
    struct entry *e = tsr_realloc(c->e, room, sizeof *e);
    if (!e) return TSR_ENOMEM;
    c->e = e;
    c->room = room;
    return TSR_OK;
}

/* ---- reading ---- */

/* "a/x/.zarray" is the array of a/x; what else there is in format 2 is no cache. */
static int split_key(struct tsr_zcache *c, const struct tsr_node *key, struct entry *e)
{
    static const enum tsr_zdoc docs[] = {TSR_ZDOC_ARRAY, TSR_ZDOC_GROUP, TSR_ZDOC_ATTRS};
    const char *slash = strrchr(key->s.p, '/'), *name = slash ? slash + 1 : key->s.p;
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, tsr_zdoc_name(docs[i])) != 0) continue;
        e->which = docs[i];
        e->path = slash ? tsr_doc_string(c->doc, key->s.p, (size_t)(slash - key->s.p)) : "";
        return e->path ? TSR_OK : TSR_ENOMEM;
    }
    return tsr_fail(TSR_ECORRUPT,
                    "metadata: found the key \"%.80s\", expected one that ends in "
                    ".zarray, .zgroup or .zattrs",
                    key->s.p);
}

static int add_entry(struct tsr_zcache *c, const struct tsr_node *key)
{
    struct entry *e = c->e + c->n;
    const char *fault = key->s.len ? tsr_key_fault(key->s.p, key->s.len) : NULL;
    if (fault || memchr(key->s.p, 0, key->s.len))
        return tsr_fail(TSR_ECORRUPT, "metadata: found \"%.80s\", expected the path of a node",
                        key->s.p);
    *e = (struct entry){.path = key->s.p, .which = TSR_ZDOC_V3};
    e->text = (struct tsr_ztext){key[1].s.p, key[1].s.len};
    int rc = c->format == 2 ? split_key(c, key, e) : TSR_OK;
    if (rc == TSR_OK) c->n++;
    return rc;
}

/* map: the values are BYTES, which the cache keeps.  Strings and text belong to its arena. */
static int add_entries(struct tsr_zcache *c, const struct tsr_node *map)
{
    int rc = tsr_znode_map(map);
    if (rc < 0) tsr_within("metadata");
    if (rc == TSR_OK) rc = make_room(c, map->list.n + 1);
    for (size_t i = 0; rc == TSR_OK && i < map->list.n; i++) rc = add_entry(c, map->list.v + 2 * i);
    if (rc == TSR_OK && c->n) qsort(c->e, c->n, sizeof *c->e, compare);
    return rc;
}

static int parse_v2(struct tsr_zcache *c, struct tsr_ztext text)
{
    static const char *const raw[] = {"metadata", NULL};
    struct tsr_json_rules how = {.flags = TSR_JSON_WORDS | TSR_JSON_BIG,
                                 .depth = TSR_JSON_DEPTH,
                                 .raw = raw};
    struct tsr_node root;
    int64_t version;
    const char *own = tsr_doc_string(c->doc, text.p, text.len);
    if (!own) return TSR_ENOMEM;
    int rc = tsr_json_read(c->doc, own, text.len, &how, &root);
    if (rc == TSR_OK) rc = tsr_znode_map(&root);
    if (rc < 0) return rc;
    rc = tsr_znode_int(tsr_znode_get(&root, "zarr_consolidated_format"), 1, 1, &version);
    if (rc < 0) tsr_within("zarr_consolidated_format");
    return rc < 0 ? rc : add_entries(c, tsr_znode_get(&root, "metadata"));
}

int tsr_zcache_read(struct tsr_ztext text, struct tsr_zcache **out)
{
    struct tsr_zcache *c;
    int rc = tsr_zcache_new(2, &c);
    if (rc < 0) return rc;
    rc = parse_v2(c, text);
    if (rc < 0) tsr_within(".zmetadata");
    if (rc < 0) tsr_zcache_free(c);
    else *out = c;
    return rc;
}

static int parse_v3(struct tsr_zcache *c, const struct tsr_node *n)
{
    struct tsr_node map;
    const struct tsr_node *kind = tsr_znode_get(n, "kind"), *all = tsr_znode_get(n, "metadata");
    if (!tsr_znode_is(kind, "inline")) {
        int rc = tsr_znode_wrong(TSR_EUNSUPPORTED, kind, "\"inline\"");
        tsr_within("kind");
        return rc;
    }
    int rc = tsr_znode_map(all);
    if (rc == TSR_OK) rc = tsr_znode_copy(c->doc, all, &map);
    return rc < 0 ? rc : add_entries(c, &map);
}

int tsr_zcache_of(const struct tsr_zmeta *group, struct tsr_zcache **out)
{
    const struct tsr_node *n = tsr_znode_get(&group->root, "consolidated_metadata");
    struct tsr_zcache *c;
    if (group->format != 3 || !n || n->kind == TSR_NODE_NULL)
        return tsr_fail(TSR_ENOTFOUND, "no consolidated metadata");
    int rc = tsr_zcache_new(3, &c);
    if (rc < 0) return rc;
    rc = parse_v3(c, n);
    if (rc < 0) tsr_within("consolidated_metadata");
    if (rc < 0) tsr_zcache_free(c);
    else *out = c;
    return rc;
}

/* ---- looking up ---- */

static struct entry *find(const struct tsr_zcache *c, const char *path, enum tsr_zdoc which)
{
    struct entry key = {.path = path, .which = which};
    return c->n ? bsearch(&key, c->e, c->n, sizeof *c->e, compare) : NULL;
}

bool tsr_zcache_find(const struct tsr_zcache *c, const char *path, enum tsr_zdoc which,
                     struct tsr_ztext *out)
{
    const struct entry *e = find(c, path, which);
    if (e) *out = e->text;
    return e != NULL;
}

int tsr_zcache_load(const struct tsr_zcache *c, const char *path, struct tsr_zmeta **out)
{
    struct tsr_ztext main, attrs;
    enum tsr_zdoc which = c->format == 3 ? TSR_ZDOC_V3 : TSR_ZDOC_ARRAY;
    bool found = tsr_zcache_find(c, path, which, &main);
    if (!found && c->format == 2) found = tsr_zcache_find(c, path, which = TSR_ZDOC_GROUP, &main);
    if (!found) return tsr_fail(TSR_ENOTFOUND, "%s: not in the consolidated metadata", path);
    bool more = tsr_zcache_find(c, path, TSR_ZDOC_ATTRS, &attrs);
    return tsr_zmeta_read(path, which, main, more ? &attrs : NULL, out);
}

bool tsr_zcache_at(const struct tsr_zcache *c, size_t i, const char **path, enum tsr_zdoc *which)
{
    if (i >= c->n) return false;
    *path = c->e[i].path;
    *which = c->e[i].which;
    return true;
}

/* ---- changes ---- */

static void take_out(struct tsr_zcache *c, size_t i, size_t n)
{
    memmove(c->e + i, c->e + i + n, (c->n - i - n) * sizeof *c->e);
    c->n -= n;
}

int tsr_zcache_put(struct tsr_zcache *c, const char *path, enum tsr_zdoc which,
                   struct tsr_ztext text)
{
    struct entry *e = find(c, path, which);
    if (!text.p) {
        if (e) take_out(c, (size_t)(e - c->e), 1);
        return TSR_OK;
    }
    const char *own = tsr_doc_string(c->doc, text.p, text.len);
    if (!own) return TSR_ENOMEM;
    if (e) {
        e->text = (struct tsr_ztext){own, text.len};
        return TSR_OK;
    }
    int rc = make_room(c, 1);
    struct entry new = {.path = tsr_doc_string(c->doc, path, strlen(path)), .which = which};
    if (rc < 0 || !new.path) return TSR_ENOMEM;
    new.text = (struct tsr_ztext){own, text.len};
    size_t at = c->n++;
    for (; at > 0 && compare(&new, c->e + at - 1) < 0; at--) c->e[at] = c->e[at - 1];
    c->e[at] = new;
    return TSR_OK;
}

void tsr_zcache_drop(struct tsr_zcache *c, const char *path)
{
    size_t len = strlen(path), to = 0;
    for (size_t i = 0; i < c->n; i++) {
        const char *p = c->e[i].path;
        bool below = !len || (strncmp(p, path, len) == 0 && (!p[len] || p[len] == '/'));
        if (!below) c->e[to++] = c->e[i];
    }
    c->n = to;
}

/* ---- writing ---- */

static int depth_of(const char *path)
{
    int n = 0;
    for (; *path; path++) n += *path == '/';
    return n;
}

/* zarr-python sorts by depth, then by name without regard to case. */
static int by_depth(const void *a, const void *b)
{
    const struct tsr_node *x = a, *y = b;
    int c = depth_of(x->s.p) - depth_of(y->s.p);
    if (!c) c = strcasecmp(x->s.p, y->s.p);
    return c ? c : strcmp(x->s.p, y->s.p);
}

static int key_of(struct tsr_doc *d, const struct entry *e, struct tsr_node *out)
{
    struct tsr_buf b = {0};
    bool v3 = e->which == TSR_ZDOC_V3;
    int rc = tsr_buf_addf(&b, "%s%s%s", e->path, *e->path && !v3 ? "/" : "",
                          v3 ? "" : tsr_zdoc_name(e->which));
    const char *text = rc == TSR_OK ? tsr_doc_string(d, b.p, b.len) : NULL;
    tsr_buf_free(&b);
    if (!text) return TSR_ENOMEM;
    *out = tsr_znode_of_text(text);
    return TSR_OK;
}

static int documents_of(const struct tsr_zcache *c, struct tsr_doc *d, struct tsr_node *map)
{
    int rc = tsr_znode_new(d, TSR_NODE_MAP, c->n, map);
    for (size_t i = 0; rc == TSR_OK && i < c->n; i++) {
        struct tsr_node key, text = {.kind = TSR_NODE_BYTES};
        text.s.p = c->e[i].text.p;
        text.s.len = c->e[i].text.len;
        rc = key_of(d, c->e + i, &key);
        if (rc == TSR_OK) tsr_znode_put(map, key.s.p, text);
    }
    if (rc == TSR_OK && c->format == 3 && map->list.n)
        qsort(map->list.v, map->list.n, 2 * sizeof *map->list.v, by_depth);
    return rc;
}

/* The members of the group's document but for its old cache, and the new one. */
static int group_with(struct tsr_doc *d, const struct tsr_zmeta *group, struct tsr_node cache,
                      struct tsr_node *root)
{
    int rc = tsr_znode_new(d, TSR_NODE_MAP, group->root.list.n + 1, root);
    for (size_t i = 0; rc == TSR_OK && i < group->root.list.n; i++) {
        const struct tsr_node *name = group->root.list.v + 2 * i;
        if (!tsr_znode_is(name, "consolidated_metadata")) tsr_znode_put(root, name->s.p, name[1]);
    }
    if (rc == TSR_OK) tsr_znode_put(root, "consolidated_metadata", cache);
    return rc;
}

static int make_document(const struct tsr_zcache *c, const struct tsr_zmeta *group,
                         struct tsr_doc *d, struct tsr_node *root)
{
    struct tsr_node map, cache;
    int rc = documents_of(c, d, &map);
    if (rc == TSR_OK) rc = tsr_znode_new(d, TSR_NODE_MAP, 3, &cache);
    if (rc < 0) return rc;
    if (c->format == 2) {
        tsr_znode_put(&cache, "metadata", map);
        tsr_znode_put(&cache, "zarr_consolidated_format", tsr_znode_of_int(1));
        *root = cache;
        return TSR_OK;
    }
    tsr_znode_put(&cache, "kind", tsr_znode_of_text("inline"));
    tsr_znode_put(&cache, "must_understand", (struct tsr_node){.kind = TSR_NODE_BOOL});
    tsr_znode_put(&cache, "metadata", map);
    return group_with(d, group, cache, root);
}

int tsr_zcache_write(const struct tsr_zcache *c, const struct tsr_zmeta *group, struct tsr_buf *out)
{
    struct tsr_doc *d;
    struct tsr_node root;
    int rc = tsr_doc_new(&d);
    if (rc < 0) return rc;
    rc = make_document(c, group, d, &root);
    if (rc == TSR_OK) rc = tsr_json_write(out, &root, TSR_JSON_INDENT | TSR_JSON_WORDS);
    tsr_doc_free(d);
    return rc;
}
