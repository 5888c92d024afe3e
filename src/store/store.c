/* SPDX-License-Identifier: BSD-3-Clause */
/* store/store.c - what all stores share.
 *
 * Every access goes through the functions here, which count it and answer for the entries that
 * a kind of store leaves out. */
#include "store/store.h"

#include <string.h>

#include "base/mem.h"

int tsr_store_publish(struct tsr_store *st, bool durable)
{
    return st->kind->publish && !st->held ? st->kind->publish(st, durable) : TSR_OK;
}

int tsr_store_init(struct tsr_store *st, const struct tsr_store_kind *kind, const char *url,
                   bool writable)
{
    st->kind = kind;
    st->writable = writable;
    st->far = st->held = false;
    atomic_init(&st->bytes_read, 0);
    atomic_init(&st->requests, 0);
    atomic_init(&st->shares, 0);
    st->url = tsr_strdup(url);
    return st->url ? TSR_OK : TSR_ENOMEM;
}

struct tsr_store *tsr_store_share(struct tsr_store *st)
{
    atomic_fetch_add(&st->shares, 1);
    return st;
}

void tsr_store_close(struct tsr_store *st)
{
    if (!st || atomic_fetch_sub(&st->shares, 1) > 0) return;
    tsr_free(st->url);
    st->kind->close(st);
}

static void count(struct tsr_store *st, long long bytes)
{
    if (st->kind->counts) return;
    atomic_fetch_add_explicit(&st->bytes_read, bytes, memory_order_relaxed);
}

int tsr_store_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    long long bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += (long long)r[i].len;
    count(st, bytes);
    return st->kind->readv(st, r, n);
}

int tsr_store_read(struct tsr_store *st, const char *key, uint64_t off, void *dst, size_t len)
{
    struct tsr_range r = {.key = key, .off = off, .len = len, .dst = dst};
    return tsr_store_readv(st, &r, 1);
}

int tsr_store_peek(struct tsr_store *st, const char *key, uint64_t off, void *dst, size_t len)
{
    struct tsr_range r = {.key = key, .off = off, .len = len, .dst = dst};
    int rc = st->kind->readv(st, &r, 1);
    if (rc == TSR_OK && !st->kind->counts)
        atomic_fetch_sub_explicit(&st->requests, 1, memory_order_relaxed);
    return rc;
}

bool tsr_store_replaced(const struct tsr_store *st)
{
    return st->kind->replaced && st->kind->replaced(st);
}

bool tsr_store_gone(const struct tsr_store *st)
{
    return st->kind->gone && st->kind->gone(st);
}

void tsr_store_sweep(struct tsr_store *st)
{
    if (st->writable && st->kind->sweep) st->kind->sweep(st);
}

uint64_t tsr_store_stamp(struct tsr_store *st, const char *key)
{
    return st->kind->stamp ? st->kind->stamp(st, key) : 0;
}

struct tsr_traffic tsr_store_traffic(struct tsr_store *st)
{
    struct tsr_traffic t = {atomic_load_explicit(&st->bytes_read, memory_order_relaxed),
                            atomic_load_explicit(&st->requests, memory_order_relaxed)};
    if (st->kind->traffic) st->kind->traffic(st, &t);
    return t;
}

int tsr_store_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    return st->kind->stat(st, key, size);
}

/* What of [off, off + len) an object of size bytes has; TSR_LAST: the last len. */
static void clip(struct tsr_get *g)
{
    if (g->off == TSR_LAST) g->off = g->size > g->len ? g->size - g->len : 0;
    uint64_t left = g->off < g->size ? g->size - g->off : 0;
    g->got = left < g->len ? (size_t)left : g->len;
}

static int get_one(struct tsr_store *st, struct tsr_get *g)
{
    uint64_t off = g->off;
    int rc = st->kind->stat(st, g->key, &g->size);
    if (rc == TSR_ENOTFOUND) return TSR_OK;
    if (rc < 0) return rc;
    clip(g);
    g->found = true;
    g->stamp = tsr_store_stamp(st, g->key);
    struct tsr_range r = {.key = g->key, .off = g->off, .len = g->got, .dst = g->dst};
    g->off = off;
    return g->got ? st->kind->readv(st, &r, 1) : TSR_OK;
}

int tsr_store_getv(struct tsr_store *st, struct tsr_get *g, size_t n)
{
    long long bytes = 0;
    int rc = TSR_OK;
    for (size_t i = 0; i < n; i++) {
        g[i].found = false;
        g[i].got = 0;
        g[i].size = g[i].stamp = 0;
    }
    if (st->kind->getv) rc = st->kind->getv(st, g, n);
    else
        for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = get_one(st, &g[i]);
    for (size_t i = 0; i < n; i++) bytes += (long long)g[i].got;
    count(st, bytes);
    return rc;
}

static int need_writable(const struct tsr_store *st, bool can)
{
    if (st->writable && can) return TSR_OK;
    return tsr_fail(TSR_EDENIED, "%s: is open for reading only", st->url);
}

int tsr_store_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                  bool durable)
{
    int rc = need_writable(st, st->kind->put != NULL);
    return rc < 0 ? rc : st->kind->put(st, key, p, n, durable);
}

int tsr_store_putv(struct tsr_store *st, const struct tsr_object *o, size_t n, bool durable)
{
    int rc = need_writable(st, st->kind->put != NULL);
    if (rc == TSR_OK && st->kind->putv) return st->kind->putv(st, o, n, durable);
    for (size_t i = 0; i < n && rc == TSR_OK; i++)
        rc = st->kind->put(st, o[i].key, o[i].p, o[i].n, durable);
    return rc;
}

int tsr_store_put_if(struct tsr_store *st, const struct tsr_object *o, bool durable, uint64_t stamp)
{
    int rc = need_writable(st, st->kind->put != NULL);
    if (rc < 0) return rc;
    if (st->kind->put_if) return st->kind->put_if(st, o, durable, stamp);
    return tsr_fail(TSR_EUNSUPPORTED, "%s: cannot put an object on a condition", st->url);
}

int tsr_store_put_over(struct tsr_store *st, const struct tsr_object *o, bool durable,
                       uint64_t stamp)
{
    int rc = stamp ? tsr_store_put_if(st, o, durable, stamp) : TSR_EUNSUPPORTED;
    return rc == TSR_EUNSUPPORTED ? tsr_store_put(st, o->key, o->p, o->n, durable) : rc;
}

int tsr_store_hold(struct tsr_store *st, const char *key, struct tsr_lock *out)
{
    *out = (struct tsr_lock){-1};
    return st->writable && st->kind->hold ? st->kind->hold(st, key, out) : TSR_OK;
}

int tsr_store_claim(struct tsr_store *st, const char *key, struct tsr_lock *out)
{
    *out = (struct tsr_lock){-1};
    return st->writable && st->kind->claim ? st->kind->claim(st, key, out) : TSR_OK;
}

int tsr_store_write_at(struct tsr_store *st, const char *key, uint64_t off,
                       const struct tsr_piece *p, int n)
{
    int rc = need_writable(st, st->kind->write_at != NULL);
    return rc < 0 ? rc : st->kind->write_at(st, key, off, p, n);
}

int tsr_store_truncate(struct tsr_store *st, const char *key, uint64_t size)
{
    int rc = need_writable(st, st->kind->truncate != NULL);
    return rc < 0 ? rc : st->kind->truncate(st, key, size);
}

int tsr_store_sync(struct tsr_store *st, const char *key, bool name)
{
    int rc = need_writable(st, st->kind->sync != NULL);
    return rc < 0 ? rc : st->kind->sync(st, key, name);
}

int tsr_store_remove(struct tsr_store *st, const char *key)
{
    int rc = need_writable(st, st->kind->remove != NULL);
    return rc < 0 ? rc : st->kind->remove(st, key);
}

int tsr_store_removev(struct tsr_store *st, const char *const *key, size_t n)
{
    int rc = need_writable(st, st->kind->remove != NULL);
    if (rc == TSR_OK && st->kind->removev) return st->kind->removev(st, key, n);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        rc = st->kind->remove(st, key[i]);
        if (rc == TSR_ENOTFOUND) rc = TSR_OK;
    }
    return rc;
}

int tsr_store_list(struct tsr_store *st, const char *prefix, int (*fn)(void *user, const char *key),
                   void *user)
{
    size_t len = strlen(prefix);
    if (len && prefix[len - 1] != '/')
        return tsr_fail(TSR_EARG, "%s: '%s' to be listed does not end in '/'", st->url, prefix);
    if (st->kind->list) return st->kind->list(st, prefix, fn, user);
    return tsr_fail(TSR_EUNSUPPORTED, "%s: cannot be listed", st->url);
}

int tsr_store_check(struct tsr_store *st, const char *prefix, const struct tsr_checking *c)
{
    return st->kind->check ? st->kind->check(st, prefix, c) : TSR_OK;
}

const uint8_t *tsr_store_view(struct tsr_store *st, const char *key, uint64_t off, uint64_t len)
{
    return st->kind->view ? st->kind->view(st, key, off, len) : NULL;
}
