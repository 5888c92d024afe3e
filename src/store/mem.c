/* SPDX-License-Identifier: BSD-3-Clause */
/* store/mem.c - bytes in memory as a store of one object, under the key "".
 *
 * Two kinds: a growable buffer that the store owns, and a borrowed one, read-only.  Views point
 * straight into them.  The lock lets reads run beside a write that moves the buffer. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "store/store.h"
#include "sys/guard.h"

struct store_mem {
    struct tsr_store base;
    struct tsr_rwlock lock;
    struct tsr_buf own;
    const uint8_t *p; /* own.p or the borrowed bytes */
    uint64_t len;
};

static struct store_mem *mem_of(struct tsr_store *st)
{
    return (struct store_mem *)st;
}

static int need_only_key(const struct tsr_store *st, const char *key)
{
    if (!key[0]) return TSR_OK;
    return tsr_fail(TSR_ENOTFOUND, "%s: holds nothing named %s", st->url, key);
}

static bool inside(const struct store_mem *s, uint64_t off, uint64_t len)
{
    return off <= s->len && len <= s->len - off;
}

static int mem_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    struct store_mem *s = mem_of(st);
    int rc = TSR_OK;
    tsr_rwlock_share(&s->lock);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        if ((rc = need_only_key(st, r[i].key)) < 0) break;
        if (!inside(s, r[i].off, r[i].len))
            rc = tsr_fail(TSR_ECORRUPT, "%s: ends at byte %llu, %zu bytes wanted at %llu", st->url,
                          (unsigned long long)s->len, r[i].len, (unsigned long long)r[i].off);
        else if (r[i].len) memcpy(r[i].dst, s->p + r[i].off, r[i].len);
    }
    tsr_rwlock_leave(&s->lock);
    atomic_fetch_add_explicit(&st->requests, (long long)n, memory_order_relaxed);
    return rc;
}

static int mem_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    int rc = need_only_key(st, key);
    if (rc < 0) return rc;
    *size = mem_of(st)->len;
    return TSR_OK;
}

static const uint8_t *mem_view(struct tsr_store *st, const char *key, uint64_t off, uint64_t len)
{
    struct store_mem *s = mem_of(st);
    return !key[0] && s->p && inside(s, off, len) ? s->p + off : NULL;
}

static int pieces_len(const struct tsr_piece *p, int n, size_t *len)
{
    *len = 0;
    for (int i = 0; i < n; i++)
        if (!tsr_add(*len, p[i].len, len)) return tsr_fail(TSR_ENOMEM, "a write of 2^64 bytes");
    return TSR_OK;
}

/* Makes the object size bytes long; new ones are zero up to byte `gap`, those behind it are for the
 * caller to write.  Lock held. */
static int set_len(struct store_mem *s, uint64_t size, uint64_t gap)
{
    size_t len = (size_t)size;
    if (len != size)
        return tsr_fail(TSR_ENOMEM, "a buffer of %llu bytes", (unsigned long long)size);
    if (len > s->own.len) {
        int rc = tsr_buf_reserve(&s->own, len - s->own.len);
        if (rc < 0) return rc;
        if (gap > s->own.len) memset(s->own.p + s->own.len, 0, (size_t)gap - s->own.len);
    }
    s->own.len = len;
    s->p = s->own.p;
    s->len = len;
    return TSR_OK;
}

static void scatter(struct store_mem *s, uint64_t off, const struct tsr_piece *p, int n)
{
    for (int i = 0; i < n; off += p[i].len, i++)
        if (p[i].len) memcpy(s->own.p + off, p[i].p, p[i].len);
}

static int mem_write_at(struct tsr_store *st, const char *key, uint64_t off,
                        const struct tsr_piece *p, int n)
{
    struct store_mem *s = mem_of(st);
    size_t len = 0;
    uint64_t end;
    int rc = need_only_key(st, key);
    if (rc == TSR_OK) rc = pieces_len(p, n, &len);
    if (rc < 0) return rc;
    if (!tsr_add(off, len, &end)) return tsr_fail(TSR_EARG, "%s: write past 2^64", st->url);
    tsr_rwlock_take(&s->lock);
    if (end > s->len) rc = set_len(s, end, off);
    if (rc == TSR_OK) scatter(s, off, p, n);
    tsr_rwlock_leave(&s->lock);
    return rc;
}

static int mem_truncate(struct tsr_store *st, const char *key, uint64_t size)
{
    struct store_mem *s = mem_of(st);
    int rc = need_only_key(st, key);
    if (rc < 0) return rc;
    tsr_rwlock_take(&s->lock);
    rc = set_len(s, size, size);
    tsr_rwlock_leave(&s->lock);
    return rc;
}

static int mem_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                   bool durable)
{
    struct store_mem *s = mem_of(st);
    size_t len = 0;
    int rc = need_only_key(st, key);
    (void)durable;
    if (rc == TSR_OK) rc = pieces_len(p, n, &len);
    if (rc < 0) return rc;
    tsr_rwlock_take(&s->lock);
    if ((rc = set_len(s, len, 0)) == TSR_OK) scatter(s, 0, p, n);
    tsr_rwlock_leave(&s->lock);
    return rc;
}

static int mem_sync(struct tsr_store *st, const char *key, bool name)
{
    (void)name;
    return need_only_key(st, key);
}

static void mem_close(struct tsr_store *st)
{
    struct store_mem *s = mem_of(st);
    tsr_rwlock_done(&s->lock);
    tsr_buf_free(&s->own);
    tsr_free(s);
}

static const struct tsr_store_kind mem_kind = {
    .scheme = "mem",
    .readv = mem_readv,
    .stat = mem_stat,
    .view = mem_view,
    .put = mem_put,
    .write_at = mem_write_at,
    .truncate = mem_truncate,
    .sync = mem_sync,
    .close = mem_close,
};
static const struct tsr_store_kind borrow_kind = {
    .scheme = "mem",
    .readv = mem_readv,
    .stat = mem_stat,
    .view = mem_view,
    .close = mem_close,
};

static int mem_new(const struct tsr_store_kind *kind, bool writable, struct store_mem **out)
{
    struct store_mem *s = tsr_alloc_zero(1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    int rc = tsr_store_init(&s->base, kind, "memory", writable);
    if (rc < 0) {
        tsr_free(s);
        return rc;
    }
    tsr_rwlock_init(&s->lock);
    *out = s;
    return TSR_OK;
}

int tsr_store_mem(struct tsr_store **out)
{
    struct store_mem *s;
    int rc = mem_new(&mem_kind, true, &s);
    if (rc == TSR_OK) *out = &s->base;
    return rc;
}

int tsr_store_mem_borrow(const void *buf, size_t len, struct tsr_store **out)
{
    struct store_mem *s;
    int rc = mem_new(&borrow_kind, false, &s);
    if (rc < 0) return rc;
    s->p = buf;
    s->len = len;
    *out = &s->base;
    return TSR_OK;
}

bool tsr_store_mem_owned(const struct tsr_store *st)
{
    return st->kind == &mem_kind;
}

void tsr_store_mem_take(struct tsr_store *st, void **buf, size_t *len)
{
    struct store_mem *s = mem_of(st);
    *buf = s->own.p;
    *len = s->own.len;
    s->own = (struct tsr_buf){0};
    s->p = NULL;
    s->len = 0;
}
