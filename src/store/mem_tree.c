/* SPDX-License-Identifier: BSD-3-Clause */
/* store/mem_tree.c - many objects in memory, under their keys.
 *
 * An object never changes: put makes another and lets the old one go, under a lock that readers
 * share.  Numbers that count puts are the stamps. */
#include <string.h>

#include "base/num.h"
#include "store/index.h"
#include "store/key.h"
#include "store/store.h"
#include "sys/guard.h"

struct object {
    uint64_t stamp;
    size_t len;
    uint8_t bytes[];
};

struct store_mem_tree {
    struct tsr_store base;
    struct tsr_rwlock lock;  /* of all below */
    struct tsr_index index;  /* its keys are owned; values are places in objects */
    struct object **objects; /* [cap]; NULL: there is none */
    size_t cap;
    uint64_t puts;
};

static struct store_mem_tree *tree_of(struct tsr_store *st)
{
    return (struct store_mem_tree *)st;
}

/* NULL: absent.  The lock is held. */
static const struct object *find(const struct store_mem_tree *s, const char *key)
{
    const struct tsr_index_key *k = tsr_index_find(&s->index, key, strlen(key));
    return k && k->value >= 0 ? s->objects[k->value] : NULL;
}

static int absent(const struct tsr_store *st, const char *key)
{
    return tsr_fail(TSR_ENOTFOUND, "%s: holds nothing named %.300s", st->url, key);
}

static int read_one(struct tsr_store *st, const struct tsr_range *r)
{
    int rc = tsr_key_check(st->url, r->key);
    if (rc < 0) return rc;
    const struct object *o = find(tree_of(st), r->key);
    if (!o && !r->stamp) return absent(st, r->key);
    if (r->stamp && (!o || o->stamp != r->stamp))
        return tsr_fail(TSR_ECONFLICT, "%s: %s: another was put since it was looked at", st->url,
                        r->key);
    if (r->off > o->len || r->len > o->len - r->off)
        return tsr_fail(TSR_ECORRUPT, "%s: %s: ends at byte %zu, %zu bytes wanted at %llu", st->url,
                        r->key, o->len, r->len, (unsigned long long)r->off);
    if (r->len) memcpy(r->dst, o->bytes + r->off, r->len);
    return TSR_OK;
}

static int mem_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    struct store_mem_tree *s = tree_of(st);
    int rc = TSR_OK;
    tsr_rwlock_share(&s->lock);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = read_one(st, &r[i]);
    tsr_rwlock_leave(&s->lock);
    atomic_fetch_add_explicit(&st->requests, (long long)n, memory_order_relaxed);
    return rc;
}

static int get_one(struct tsr_store *st, struct tsr_get *g)
{
    int rc = tsr_key_check(st->url, g->key);
    const struct object *o = rc < 0 ? NULL : find(tree_of(st), g->key);
    if (!o) return rc;
    uint64_t off = g->off == TSR_LAST ? o->len - tsr_minz(g->len, o->len) : g->off;
    g->found = true;
    g->size = o->len;
    g->stamp = o->stamp;
    g->got = off < o->len ? tsr_minz(o->len - (size_t)off, g->len) : 0;
    if (g->got) memcpy(g->dst, o->bytes + off, g->got);
    return TSR_OK;
}

static int mem_getv(struct tsr_store *st, struct tsr_get *g, size_t n)
{
    struct store_mem_tree *s = tree_of(st);
    int rc = TSR_OK;
    tsr_rwlock_share(&s->lock);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = get_one(st, &g[i]);
    tsr_rwlock_leave(&s->lock);
    atomic_fetch_add_explicit(&st->requests, (long long)n, memory_order_relaxed);
    return rc;
}

static int look_at(struct tsr_store *st, const char *key, uint64_t *size, uint64_t *stamp)
{
    struct store_mem_tree *s = tree_of(st);
    int rc = tsr_key_check(st->url, key);
    if (rc < 0) return rc;
    tsr_rwlock_share(&s->lock);
    const struct object *o = find(s, key);
    *size = o ? o->len : 0;
    *stamp = o ? o->stamp : 0;
    tsr_rwlock_leave(&s->lock);
    return o ? TSR_OK : absent(st, key);
}

static int mem_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    uint64_t stamp;
    return look_at(st, key, size, &stamp);
}

static uint64_t mem_stamp(struct tsr_store *st, const char *key)
{
    uint64_t size, stamp;
    return look_at(st, key, &size, &stamp) == TSR_OK ? stamp : 0;
}

/* ---- writing ---- */

static struct object *object_new(const struct tsr_object *from)
{
    size_t all = sizeof(struct object);
    for (int i = 0; i < from->n; i++) {
        if (tsr_add(all, from->p[i].len, &all)) continue;
        tsr_fail(TSR_ENOMEM, "an object of 2^64 bytes");
        return NULL;
    }
    struct object *o = tsr_alloc(all);
    if (!o) return NULL;
    o->len = 0;
    for (int i = 0; i < from->n; o->len += from->p[i++].len)
        if (from->p[i].len) memcpy(o->bytes + o->len, from->p[i].p, from->p[i].len);
    return o;
}

/* The place of a key in objects, new keys getting a copy and a place of their own.  The lock is
 * held alone. */
static int place_for(struct store_mem_tree *s, const char *key, struct object ***place)
{
    struct tsr_index_key *k = tsr_index_find(&s->index, key, strlen(key));
    if (!k && s->index.n >= s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 32;
        struct object **p = tsr_realloc(s->objects, cap, sizeof(struct object *));
        if (!p) return TSR_ENOMEM;
        s->objects = p;
        s->cap = cap;
    }
    if (!k) {
        char *copy = tsr_strdup(key);
        k = copy ? tsr_index_add(&s->index, copy, strlen(copy)) : NULL;
        if (!k) {
            tsr_free(copy);
            return TSR_ENOMEM;
        }
        s->objects[s->index.n - 1] = NULL;
    }
    *place = &s->objects[k - s->index.keys];
    return TSR_OK;
}

/* if_new: EEXISTS where there is one; else stamp: when not 0, ECONFLICT where it is another. */
static int put_object(struct tsr_store *st, const struct tsr_object *from, bool if_new,
                      uint64_t stamp)
{
    struct store_mem_tree *s = tree_of(st);
    struct object **place = NULL, *o = NULL;
    int rc = tsr_key_check(st->url, from->key);
    if (rc == TSR_OK && !(o = object_new(from))) rc = TSR_ENOMEM;
    if (rc < 0) return rc;
    tsr_rwlock_take(&s->lock);
    rc = place_for(s, from->key, &place);
    if (rc == TSR_OK && if_new && *place)
        rc = tsr_fail(TSR_EEXISTS, "%s: %s: exists", st->url, from->key);
    else if (rc == TSR_OK && stamp && (!*place || (*place)->stamp != stamp))
        rc = tsr_fail(TSR_ECONFLICT, "%s: %s: another was put meanwhile", st->url, from->key);
    if (rc == TSR_OK) {
        struct object *old = *place;
        o->stamp = ++s->puts;
        *place = o;
        s->index.keys[place - s->objects].value = place - s->objects;
        o = old;
    }
    tsr_rwlock_leave(&s->lock);
    tsr_free(o);
    return rc;
}

static int mem_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                   bool durable)
{
    (void)durable;
    return put_object(st, &(struct tsr_object){key, p, n}, false, 0);
}

static int mem_put_if(struct tsr_store *st, const struct tsr_object *o, bool durable,
                      uint64_t stamp)
{
    (void)durable;
    return put_object(st, o, stamp == 0, stamp);
}

static int mem_remove(struct tsr_store *st, const char *key)
{
    struct store_mem_tree *s = tree_of(st);
    struct object *o = NULL;
    int rc = tsr_key_check(st->url, key);
    if (rc < 0) return rc;
    tsr_rwlock_take(&s->lock);
    struct tsr_index_key *k = tsr_index_find(&s->index, key, strlen(key));
    if (k && k->value >= 0) {
        o = s->objects[k->value];
        s->objects[k->value] = NULL;
        k->value = TSR_INDEX_NONE;
    }
    tsr_rwlock_leave(&s->lock);
    if (!o) return absent(st, key);
    tsr_free(o);
    return TSR_OK;
}

/* Nothing survives, as promised. */
static int mem_sync(struct tsr_store *st, const char *key, bool name)
{
    uint64_t size;
    (void)name;
    return key[0] ? mem_stat(st, key, &size) : TSR_OK;
}

static int mem_list(struct tsr_store *st, const char *prefix,
                    int (*fn)(void *user, const char *key), void *user)
{
    struct store_mem_tree *s = tree_of(st);
    struct tsr_buf names = {0};
    tsr_rwlock_take(&s->lock); /* it may sort */
    int rc = tsr_index_list(&s->index, prefix, &names);
    tsr_rwlock_leave(&s->lock);
    if (rc == TSR_OK) return tsr_index_tell(&names, fn, user);
    tsr_buf_free(&names);
    return rc;
}

static void mem_close(struct tsr_store *st)
{
    struct store_mem_tree *s = tree_of(st);
    for (uint32_t i = 0; i < s->index.n; i++) {
        tsr_free((void *)(uintptr_t)s->index.keys[i].key);
        tsr_free(s->objects[i]);
    }
    tsr_index_free(&s->index);
    tsr_free(s->objects);
    tsr_rwlock_done(&s->lock);
    tsr_free(s);
}

static const struct tsr_store_kind mem_tree_kind = {
    .scheme = "mem",
    .readv = mem_readv,
    .getv = mem_getv,
    .stat = mem_stat,
    .put = mem_put,
    .put_if = mem_put_if,
    .sync = mem_sync,
    .list = mem_list,
    .remove = mem_remove,
    .stamp = mem_stamp,
    .close = mem_close,
};

int tsr_store_mem_tree(struct tsr_store **out)
{
    struct store_mem_tree *s = tsr_alloc_zero(1, sizeof *s);
    int rc = s ? tsr_store_init(&s->base, &mem_tree_kind, "memory", true) : TSR_ENOMEM;
    if (rc < 0) {
        tsr_free(s);
        return rc;
    }
    tsr_rwlock_init(&s->lock);
    *out = &s->base;
    return TSR_OK;
}
