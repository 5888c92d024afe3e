/* SPDX-License-Identifier: BSD-3-Clause */
/* store/overlay.c - a file that is read, and written in memory only: a store of one object, under
 * the key "".
 *
 * Written pages are kept in memory, the one that a write begins or ends in together with what the
 * file has there.  The rest is read from the file, up to where it was ever cut off:
 *
 *   file     |  0  |  1  |  2  |  3 ..|
 *   pages    |  0  |     |     |  3   |  4  |       kept
 *   object   |  0' |  1  |  2  |  3'  |  4' |       what readers see, len bytes
 *
 * The file must stay as it is: it is looked at with each read, so that another state of it is an
 * error and not a mixture.  The lock lets reads run beside a write. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "store/store.h"
#include "sys/guard.h"

enum { PAGE = 64 << 10 };

struct page {
    uint64_t number;
    uint8_t *p; /* [PAGE], zeros past the object's end */
};

struct store_overlay {
    struct tsr_store base;
    struct tsr_store *file;
    uint64_t stamp;    /* of the file when it was opened */
    uint64_t file_len; /* its bytes from here on are not those of the object */
    uint64_t len;
    struct tsr_rwlock lock; /* of len, file_len, pages */
    struct page *pages;     /* [npages], sorted */
    size_t npages, cap;
};

static struct store_overlay *overlay_of(struct tsr_store *st)
{
    return (struct store_overlay *)st;
}

static int need_only_key(const struct tsr_store *st, const char *key)
{
    if (!key[0]) return TSR_OK;
    return tsr_fail(TSR_ENOTFOUND, "%s: a file holds nothing named %s", st->url, key);
}

/* ---- pages; the lock is held ---- */

/* Where the page of this number is, or would be. */
static size_t place_of(const struct store_overlay *s, uint64_t number)
{
    size_t lo = 0, hi = s->npages;
    if (hi && s->pages[hi - 1].number < number) return hi;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->pages[mid].number < number) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static bool is_at(const struct store_overlay *s, size_t at, uint64_t number)
{
    return at < s->npages && s->pages[at].number == number;
}

static int read_file(struct store_overlay *s, uint64_t off, uint8_t *dst, size_t len)
{
    int rc = tsr_store_peek(s->file, "", off, dst, len);
    if (rc < 0 || tsr_store_stamp(s->file, "") == s->stamp) return rc;
    return tsr_fail(TSR_ECONFLICT, "%s: another changed it since it was opened", s->base.url);
}

/* What the object has at [off, off + len) besides pages: the file's bytes, then zeros. */
static int read_below(struct store_overlay *s, uint64_t off, uint8_t *dst, size_t len)
{
    size_t have =
        off < s->file_len ? (size_t)tsr_min64((int64_t)(s->file_len - off), (int64_t)len) : 0;
    memset(dst + have, 0, len - have);
    return have ? read_file(s, off, dst, have) : TSR_OK;
}

/* The page, made from what lies below unless all of it is about to be written. */
static int take_page(struct store_overlay *s, uint64_t number, bool whole, uint8_t **p)
{
    size_t at = place_of(s, number);
    if (is_at(s, at, number)) {
        *p = s->pages[at].p;
        return TSR_OK;
    }
    if (s->npages == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        struct page *v = tsr_realloc(s->pages, cap, sizeof *v);
        if (!v) return TSR_ENOMEM;
        s->pages = v;
        s->cap = cap;
    }
    if (!(*p = tsr_alloc(PAGE))) return TSR_ENOMEM;
    int rc = whole ? TSR_OK : read_below(s, number * PAGE, *p, PAGE);
    if (rc < 0) {
        tsr_free(*p);
        return rc;
    }
    memmove(s->pages + at + 1, s->pages + at, (s->npages - at) * sizeof *s->pages);
    s->pages[at] = (struct page){number, *p};
    s->npages++;
    return TSR_OK;
}

static int write_bytes(struct store_overlay *s, uint64_t off, const uint8_t *src, size_t len)
{
    while (len) {
        size_t in = (size_t)(off % PAGE), n = tsr_minz(PAGE - in, len);
        uint8_t *p;
        int rc = take_page(s, off / PAGE, n == PAGE, &p);
        if (rc < 0) return rc;
        memcpy(p + in, src, n);
        if (off + n > s->len) s->len = off + n;
        off += n;
        src += n;
        len -= n;
    }
    return TSR_OK;
}

static int read_range(struct store_overlay *s, const struct tsr_range *r)
{
    uint64_t off = r->off;
    uint8_t *dst = r->dst;
    size_t len = r->len;
    int rc = need_only_key(&s->base, r->key);
    if (rc == TSR_OK && (off > s->len || len > s->len - off))
        rc = tsr_fail(TSR_ECORRUPT, "%s: the file ends at byte %llu, %zu bytes wanted at %llu",
                      s->base.url, (unsigned long long)s->len, len, (unsigned long long)off);
    while (len && rc == TSR_OK) {
        uint64_t number = off / PAGE, end;
        size_t at = place_of(s, number), n;
        if (is_at(s, at, number)) {
            n = tsr_minz(PAGE - (size_t)(off % PAGE), len);
            memcpy(dst, s->pages[at].p + off % PAGE, n);
        } else { /* as far as there is no page */
            end = at < s->npages ? s->pages[at].number * PAGE : UINT64_MAX;
            n = end - off < len ? (size_t)(end - off) : len;
            rc = read_below(s, off, dst, n);
        }
        off += n;
        dst += n;
        len -= n;
    }
    return rc;
}

static void cut(struct store_overlay *s, uint64_t size)
{
    while (s->npages && s->pages[s->npages - 1].number * PAGE >= size)
        tsr_free(s->pages[--s->npages].p);
    struct page *last = s->npages ? &s->pages[s->npages - 1] : NULL;
    if (last && size - last->number * PAGE < PAGE) {
        size_t in = (size_t)(size - last->number * PAGE);
        memset(last->p + in, 0, PAGE - in);
    }
    if (size < s->file_len) s->file_len = size;
    s->len = size;
}

/* ---- the store ---- */

static int overlay_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    struct store_overlay *s = overlay_of(st);
    int rc = TSR_OK;
    tsr_rwlock_share(&s->lock);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = read_range(s, &r[i]);
    tsr_rwlock_leave(&s->lock);
    atomic_fetch_add_explicit(&st->requests, (long long)n, memory_order_relaxed);
    return rc;
}

static int overlay_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    struct store_overlay *s = overlay_of(st);
    int rc = need_only_key(st, key);
    if (rc < 0) return rc;
    tsr_rwlock_share(&s->lock);
    *size = s->len;
    tsr_rwlock_leave(&s->lock);
    return TSR_OK;
}

static int overlay_write_at(struct tsr_store *st, const char *key, uint64_t off,
                            const struct tsr_piece *p, int n)
{
    struct store_overlay *s = overlay_of(st);
    uint64_t end = off;
    int rc = need_only_key(st, key);
    for (int i = 0; i < n && rc == TSR_OK; i++)
        if (!tsr_add(end, (uint64_t)p[i].len, &end) || end > INT64_MAX)
            rc = tsr_fail(TSR_EARG, "%s: write past 2^63", st->url);
    if (rc < 0) return rc;
    tsr_rwlock_take(&s->lock);
    for (int i = 0; i < n && rc == TSR_OK; off += p[i].len, i++)
        rc = write_bytes(s, off, p[i].p, p[i].len);
    tsr_rwlock_leave(&s->lock);
    return rc;
}

static int overlay_truncate(struct tsr_store *st, const char *key, uint64_t size)
{
    struct store_overlay *s = overlay_of(st);
    int rc = need_only_key(st, key);
    if (rc < 0) return rc;
    tsr_rwlock_take(&s->lock);
    cut(s, size);
    tsr_rwlock_leave(&s->lock);
    return TSR_OK;
}

static int overlay_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                       bool durable)
{
    (void)durable;
    int rc = overlay_truncate(st, key, 0);
    return rc < 0 ? rc : overlay_write_at(st, key, 0, p, n);
}

/* Nothing survives, as promised. */
static int overlay_sync(struct tsr_store *st, const char *key, bool name)
{
    (void)name;
    return need_only_key(st, key);
}

/* Of a remote file what really went over the network. */
static void overlay_traffic(struct tsr_store *st, struct tsr_traffic *t)
{
    const struct store_overlay *s = overlay_of(st);
    if (s->file->kind->counts) *t = tsr_store_traffic(s->file);
}

static void overlay_close(struct tsr_store *st)
{
    struct store_overlay *s = overlay_of(st);
    cut(s, 0);
    tsr_free(s->pages);
    tsr_store_close(s->file);
    tsr_rwlock_done(&s->lock);
    tsr_free(s);
}

static const struct tsr_store_kind overlay_kind = {
    .scheme = "overlay",
    .readv = overlay_readv,
    .stat = overlay_stat,
    .put = overlay_put,
    .write_at = overlay_write_at,
    .truncate = overlay_truncate,
    .sync = overlay_sync,
    .traffic = overlay_traffic,
    .close = overlay_close,
};

int tsr_store_overlay(struct tsr_store *file, struct tsr_store **out)
{
    struct store_overlay *s = tsr_alloc_zero(1, sizeof *s);
    int rc = s ? tsr_store_stat(file, "", &s->len) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_store_init(&s->base, &overlay_kind, file->url, true);
    if (rc < 0) {
        tsr_free(s);
        tsr_store_close(file);
        return rc;
    }
    s->file = file;
    s->base.far = file->far;
    s->file_len = s->len;
    s->stamp = tsr_store_stamp(file, "");
    tsr_rwlock_init(&s->lock);
    *out = &s->base;
    return TSR_OK;
}
