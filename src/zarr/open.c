/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/open.c - the documents of nodes in a store.
 *
 * All that may be there is asked for at once: over a network that is one round trip.  Most
 * documents are small; of one that is not the rest is read behind what came first. */
#include "zarr/open.h"

#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"

enum { FIRST = 16 * 1024 };    /* bytes of a document that are asked for without knowing its size */
enum { DOCS = TSR_ZDOC_NONE }; /* that a node may have */
#define TEXT_MAX (UINT64_C(64) << 20)

struct document {
    char *key;
    uint8_t *p;
    size_t len;
    uint64_t stamp;
    bool found;
};

static void document_done(struct document *doc)
{
    tsr_free(doc->key);
    tsr_free(doc->p);
}

static int key_of(const char *path, const char *name, char **out)
{
    struct tsr_buf b = {0};
    int rc = tsr_buf_addf(&b, "%s%s%s", path, *path ? "/" : "", name);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc < 0) tsr_buf_free(&b);
    else *out = (char *)b.p;
    return rc;
}

/* The bytes behind what a get brought. */
static int read_rest(struct tsr_store *st, struct document *doc, const struct tsr_get *g)
{
    if (g->size > TEXT_MAX)
        return tsr_fail(TSR_ELIMIT, "%s: found %llu bytes, expected at most %llu", doc->key,
                        (unsigned long long)g->size, (unsigned long long)TEXT_MAX);
    uint8_t *p = tsr_realloc(doc->p, (size_t)g->size, 1);
    if (!p) return TSR_ENOMEM;
    struct tsr_range r = {.key = doc->key, .off = g->got, .dst = p + g->got, .stamp = g->stamp};
    r.len = (size_t)g->size - g->got;
    doc->p = p;
    doc->len = (size_t)g->size;
    return tsr_store_readv(st, &r, 1);
}

/* Fetches doc[n], whose keys are set; each says whether it was found. */
static int fetch(struct tsr_store *st, struct document *doc, size_t n)
{
    struct tsr_get *g = tsr_alloc_zero(n, sizeof *g);
    int rc = g ? TSR_OK : TSR_ENOMEM;
    for (size_t i = 0; rc == TSR_OK && i < n; i++) {
        doc[i].p = tsr_alloc(FIRST);
        if (!doc[i].p) rc = TSR_ENOMEM;
        g[i] = (struct tsr_get){.key = doc[i].key, .len = FIRST, .dst = doc[i].p};
    }
    if (rc == TSR_OK) rc = tsr_store_getv(st, g, n);
    for (size_t i = 0; rc == TSR_OK && i < n; i++) {
        doc[i].found = g[i].found;
        doc[i].len = g[i].got;
        doc[i].stamp = g[i].stamp;
        if (g[i].found && g[i].size > g[i].got) rc = read_rest(st, doc + i, g + i);
    }
    tsr_free(g);
    return rc;
}

static struct tsr_ztext text_of(const struct document *doc)
{
    return (struct tsr_ztext){(const char *)doc->p, doc->len};
}

/* The node at path from its four documents. */
static int read_node(const char *path, const struct document *doc, struct tsr_zmeta **out)
{
    int which = TSR_ZDOC_V3;
    while (which < TSR_ZDOC_ATTRS && !doc[which].found) which++;
    struct tsr_ztext attrs = text_of(doc + TSR_ZDOC_ATTRS);
    if (which == TSR_ZDOC_ATTRS)
        return tsr_fail(TSR_ENOTFOUND, "%s%sfound no zarr.json, .zarray or .zgroup", path,
                        *path ? ": " : "");
    int rc = tsr_zmeta_read(path, (enum tsr_zdoc)which, text_of(doc + which),
                            doc[TSR_ZDOC_ATTRS].found ? &attrs : NULL, out);
    if (rc < 0) return rc;
    (*out)->stamp = doc[which].stamp;
    (*out)->attributes_stamp = doc[TSR_ZDOC_ATTRS].stamp;
    return TSR_OK;
}

static int found_one(int rc, struct tsr_zfound *f)
{
    f->rc = rc;
    if (f->rc == TSR_ENOMEM) return f->rc;
    if (f->rc < 0 && !(f->why = tsr_strdup(tsr_error()))) return TSR_ENOMEM;
    return TSR_OK;
}

/* Is that of one object, and says nothing of others? */
static bool of_object(int rc)
{
    return tsr_zmeta_unusable(rc) || rc == TSR_ELIMIT || rc == TSR_EDENIED;
}

/* Where documents of all nodes could not be had in one go, those of each. */
static int find_in_turn(struct tsr_store *st, const char *const *path, size_t n,
                        struct tsr_zfound *out)
{
    int rc = TSR_OK;
    for (size_t i = 0; rc == TSR_OK && i < n; i++) {
        rc = tsr_zmeta_open(st, path[i], &out[i].m);
        if (rc == TSR_OK || rc == TSR_ENOTFOUND || of_object(rc)) rc = found_one(rc, out + i);
    }
    return rc;
}

void tsr_zfound_done(struct tsr_zfound *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tsr_zmeta_free(f[i].m);
        tsr_free(f[i].why);
        f[i] = (struct tsr_zfound){0};
    }
}

int tsr_zmeta_openv(struct tsr_store *st, const char *const *path, size_t n, struct tsr_zfound *out)
{
    struct document *doc = tsr_alloc_zero(DOCS * n, sizeof *doc);
    int rc = doc ? TSR_OK : TSR_ENOMEM;
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; rc == TSR_OK && i < DOCS * n; i++)
        rc = key_of(path[i / DOCS], tsr_zdoc_name((enum tsr_zdoc)(i % DOCS)), &doc[i].key);
    if (rc == TSR_OK) rc = fetch(st, doc, DOCS * n);
    for (size_t i = 0; rc == TSR_OK && i < n; i++)
        rc = found_one(read_node(path[i], doc + DOCS * i, &out[i].m), out + i);
    for (size_t i = 0; doc && i < DOCS * n; i++) document_done(doc + i);
    if (of_object(rc)) rc = find_in_turn(st, path, n, out);
    if (rc < 0) tsr_zfound_done(out, n);
    tsr_free(doc);
    return rc;
}

int tsr_zmeta_open(struct tsr_store *st, const char *path, struct tsr_zmeta **out)
{
    struct document doc[DOCS] = {0};
    int rc = TSR_OK;
    for (int i = 0; rc == TSR_OK && i < DOCS; i++)
        rc = key_of(path, tsr_zdoc_name((enum tsr_zdoc)i), &doc[i].key);
    if (rc == TSR_OK) rc = fetch(st, doc, DOCS);
    if (rc == TSR_OK) rc = read_node(path, doc, out);
    for (int i = 0; i < DOCS; i++) document_done(doc + i);
    return rc;
}

/* ---- writing ---- */

static int put_document(struct tsr_store *st, const char *path, const struct tsr_zmeta *m,
                        enum tsr_zdoc which, const struct tsr_zput *how)
{
    struct tsr_buf text = {0};
    char *key = NULL;
    int rc = tsr_zmeta_write(m, which, how->flags, &text);
    if (rc == TSR_OK) rc = key_of(path, tsr_zdoc_name(which), &key);
    struct tsr_piece piece = {.p = text.p, .len = text.len};
    struct tsr_object o = {key, &piece, 1};
    uint64_t stamp = which == TSR_ZDOC_ATTRS ? m->attributes_stamp : m->stamp;
    if (rc == TSR_OK) rc = tsr_store_put_over(st, &o, how->durable, stamp);
    if (rc == TSR_OK && how->cache)
        rc = tsr_zcache_put(how->cache, how->below, which,
                            (struct tsr_ztext){(char *)text.p, text.len});
    tsr_buf_free(&text);
    tsr_free(key);
    return rc;
}

int tsr_zmeta_put(struct tsr_store *st, const char *path, const struct tsr_zmeta *m,
                  const struct tsr_zput *how)
{
    int rc = m->format == 2 ? put_document(st, path, m, TSR_ZDOC_ATTRS, how) : TSR_OK;
    return rc < 0 ? rc : put_document(st, path, m, tsr_zmeta_which(m), how);
}

int tsr_zcache_open(struct tsr_store *st, const char *path, const struct tsr_zmeta *group,
                    struct tsr_zcache **out)
{
    struct document doc = {0};
    int rc;
    if (group->format == 3) {
        rc = tsr_zcache_of(group, out);
        if (rc == TSR_OK) tsr_zcache_set_stamp(*out, group->stamp);
        return rc;
    }
    rc = key_of(path, ".zmetadata", &doc.key);
    if (rc == TSR_OK) rc = fetch(st, &doc, 1);
    if (rc == TSR_OK && !doc.found) rc = tsr_fail(TSR_ENOTFOUND, "no consolidated metadata");
    if (rc == TSR_OK) rc = tsr_zcache_read(text_of(&doc), out);
    if (rc == TSR_OK) tsr_zcache_set_stamp(*out, doc.stamp);
    if (rc < 0 && *path) tsr_within("%s", path);
    document_done(&doc);
    return rc;
}
