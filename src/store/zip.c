/* SPDX-License-Identifier: BSD-3-Clause */
/* store/zip.c - a zip archive as a store: names of its entries are the keys (zarr.md 11.2).
 *
 * It is one object of another store, a file or a remote one.  The directory is read when it is
 * opened; the header before an entry's bytes is looked at when they are first read, in the same
 * request as they are when the guess holds that nothing but the name lies between.  Stored entries
 * are read by range; deflated ones are inflated whole.  An entry that is read whole has its
 * checksum compared; zip_check.c reads all of them so. */
#include "store/zip.h"

#include <libdeflate.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "store/key.h"
#include "store/kinds.h"

/* One read of an entry, on its way. */
struct part {
    struct tsr_zip_found f;
    uint64_t off;
    size_t len;
    void *dst;
    uint8_t *local; /* its header and name, to be looked at; NULL: they were */
    bool again;     /* its bytes were not where the guess was */
};

static struct tsr_zip *zip_of(struct tsr_store *st)
{
    return (struct tsr_zip *)st;
}

static int absent(const struct tsr_store *st, const char *key)
{
    return tsr_fail(TSR_ENOTFOUND, "%s: has no entry named %.300s", st->url, key);
}

/* Another object under the key, or in another version of the archive, has another one. */
static uint64_t stamp_of(const struct tsr_zip *z, const struct tsr_zip_entry *e, int64_t number)
{
    const uint64_t k = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t x = (z->file_stamp ^ (uint64_t)number) * k + e->crc;
    x = (x ^ x >> 29) * k + e->size;
    return (x ^ x >> 32) | 1;
}

static int find(struct tsr_zip *z, const char *key, bool share, struct tsr_zip_found *out)
{
    int rc = tsr_key_check(z->base.url, key);
    out->number = TSR_INDEX_NONE;
    out->file = NULL;
    if (rc < 0) return rc;
    tsr_rwlock_share(&z->lock);
    const struct tsr_index_key *k = tsr_index_find(&z->dir.index, key, strlen(key));
    if (k && k->value >= 0) {
        out->number = k->value;
        out->e = z->dir.entries[k->value];
        out->e.data = atomic_load_explicit(&z->dir.data[k->value], memory_order_relaxed);
        if (share) out->file = tsr_store_share(z->file);
        out->stamp = stamp_of(z, &out->e, k->value);
    }
    tsr_rwlock_leave(&z->lock);
    return TSR_OK;
}

int tsr_zip_find(struct tsr_zip *z, const char *key, struct tsr_zip_found *out)
{
    return find(z, key, false, out);
}

/* ---- the bytes of parts ---- */

static uint64_t guess(const struct tsr_zip_entry *e)
{
    return e->off + TSR_ZIP_LOCAL + e->name_len;
}

/* The whole entry for a deflated one. */
static bool is_direct(const struct part *p)
{
    return p->f.e.method == TSR_ZIP_STORED;
}

/* Ranges of the headers that nobody has looked at, and of the bytes that are read straight. */
static size_t first_ranges(struct part *p, size_t n, uint8_t *room, struct tsr_range *r)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const struct tsr_zip_entry *e = &p[i].f.e;
        uint64_t data = e->data ? e->data : guess(e);
        p[i].local = NULL;
        p[i].again = false;
        if (!e->data) {
            p[i].local = room;
            room += TSR_ZIP_LOCAL + e->name_len;
            r[m++] = (struct tsr_range){"", e->off, TSR_ZIP_LOCAL + e->name_len, p[i].local, 0};
        }
        if (is_direct(&p[i]) && p[i].len)
            r[m++] = (struct tsr_range){"", data + p[i].off, p[i].len, p[i].dst, 0};
    }
    return m;
}

/* Looks at the headers; what was read in the wrong place is noted. */
static int check_locals(struct tsr_zip *z, struct part *p, size_t n)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        struct tsr_zip_entry *e = &p[i].f.e;
        if (!p[i].local) continue;
        rc = tsr_zip_local(z->base.url, e, p[i].local);
        if (rc < 0) break;
        p[i].again = is_direct(&p[i]) && p[i].len && e->data != guess(e);
        tsr_rwlock_share(&z->lock);
        if (z->file == p[i].f.file)
            atomic_store_explicit(&z->dir.data[p[i].f.number], e->data, memory_order_relaxed);
        tsr_rwlock_leave(&z->lock);
    }
    return rc;
}

void tsr_zip_entry_name(const struct tsr_zip *z, const struct tsr_zip_entry *e, char what[512])
{
    snprintf(what, 512, "%.200s: entry '%.*s'", z->base.url, e->name_len > 250 ? 250 : e->name_len,
             e->name);
}

static int check_sum(const struct tsr_zip *z, const struct part *p)
{
    char what[512];
    if (!is_direct(p) || p->off || p->len != p->f.e.size) return TSR_OK;
    uint32_t crc = libdeflate_crc32(0, p->dst, p->len);
    if (crc == p->f.e.crc) return TSR_OK;
    tsr_zip_entry_name(z, &p->f.e, what);
    return tsr_fail(TSR_ECORRUPT, "%s: CRC-32 is %08x, expected %08x", what, (unsigned)crc,
                    (unsigned)p->f.e.crc);
}

/* A deflated entry, straight to where it is wanted whole, else into the cache. */
static int read_deflated(struct tsr_zip *z, const struct part *p)
{
    const struct tsr_zip_entry *e = &p->f.e;
    bool whole = p->off == 0 && p->len == e->size;
    size_t packed = (size_t)e->packed, size = (size_t)e->size;
    char what[512];
    if (tsr_inflated_copy(&z->inflated, p->f.number, p->off, p->dst, p->len)) return TSR_OK;
    tsr_zip_entry_name(z, e, what);
    if (packed != e->packed || size != e->size || (!whole && e->size > z->most_inflated))
        return tsr_fail(TSR_ELIMIT, "%s: %llu bytes are too many to be inflated for a part", what,
                        (unsigned long long)e->size);
    uint8_t *src = tsr_alloc(packed + 1), *dst = whole ? p->dst : src ? tsr_alloc(size + 1) : NULL;
    int rc = src && (dst || !size) ? TSR_OK : TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_store_read(p->f.file, "", e->data, src, packed);
    if (rc == TSR_OK) rc = tsr_inflate_whole(what, src, packed, dst, size, e->crc);
    tsr_free(src);
    if (whole) return rc;
    if (rc < 0) {
        tsr_free(dst);
        return rc;
    }
    if (p->len) memcpy(p->dst, dst + p->off, p->len);
    tsr_inflated_keep(&z->inflated, p->f.number, dst, size);
    return TSR_OK;
}

static int read_again(const struct part *p, size_t n, struct tsr_range *r)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i].again)
            r[m++] = (struct tsr_range){"", p[i].f.e.data + p[i].off, p[i].len, p[i].dst, 0};
    return m ? tsr_store_readv(p->f.file, r, m) : TSR_OK;
}

/* n > 0 parts of one file, which lie inside their entries. */
static int read_of_file(struct tsr_zip *z, struct part *p, size_t n)
{
    struct tsr_store *file = p->f.file;
    size_t names = 0;
    for (size_t i = 0; i < n; i++) names += TSR_ZIP_LOCAL + p[i].f.e.name_len;
    struct tsr_range *r = tsr_alloc_array(2 * n, sizeof *r);
    uint8_t *room = r ? tsr_alloc(names) : NULL;
    int rc = room ? TSR_OK : TSR_ENOMEM;
    size_t m = rc < 0 ? 0 : first_ranges(p, n, room, r);
    if (m) rc = tsr_store_readv(file, r, m);
    if (rc == TSR_OK) rc = check_locals(z, p, n);
    if (rc == TSR_OK) rc = read_again(p, n, r);
    for (size_t i = 0; i < n && rc == TSR_OK; i++)
        rc = is_direct(&p[i]) ? check_sum(z, &p[i]) : read_deflated(z, &p[i]);
    tsr_free(r);
    tsr_free(room);
    return rc;
}

static void parts_done(struct part *p, size_t n)
{
    for (size_t i = 0; i < n; i++) tsr_store_close(p[i].f.file);
    tsr_free(p);
}

/* A writer may have turned to another file between them. */
static int read_parts(struct tsr_zip *z, struct part *p, size_t n)
{
    int rc = TSR_OK;
    for (size_t i = 0, end; i < n && rc == TSR_OK; i = end) {
        for (end = i + 1; end < n && p[end].f.file == p[i].f.file;) end++;
        rc = read_of_file(z, p + i, end - i);
    }
    return rc;
}

/* ---- the store ---- */

static int range_part(struct tsr_zip *z, const struct tsr_range *r, struct part *p)
{
    int rc = find(z, r->key, true, &p->f);
    const struct tsr_zip_entry *e = &p->f.e;
    if (rc < 0) return rc;
    if (r->stamp && (p->f.number < 0 || p->f.stamp != r->stamp))
        return tsr_fail(TSR_ECONFLICT, "%s: %s: another was put since it was looked at",
                        z->base.url, r->key);
    if (p->f.number < 0) return absent(&z->base, r->key);
    if (r->off > e->size || r->len > e->size - r->off)
        return tsr_fail(TSR_ECORRUPT, "%s: %s: ends at byte %llu, %zu bytes wanted at %llu",
                        z->base.url, r->key, (unsigned long long)e->size, r->len,
                        (unsigned long long)r->off);
    p->off = r->off;
    p->len = r->len;
    p->dst = r->dst;
    return TSR_OK;
}

static int zip_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    struct part *p = n ? tsr_alloc_array(n, sizeof *p) : NULL;
    int rc = p || !n ? TSR_OK : TSR_ENOMEM;
    size_t m = 0;
    while (m < n && rc == TSR_OK) {
        rc = range_part(zip_of(st), &r[m], &p[m]);
        m++;
    }
    if (rc == TSR_OK) rc = read_parts(zip_of(st), p, n);
    parts_done(p, m);
    return rc;
}

/* Adds a part for what is there. */
static int get_part(struct tsr_zip *z, struct tsr_get *g, struct part *p, size_t *n)
{
    int rc = find(z, g->key, true, &p->f);
    if (rc < 0 || p->f.number < 0) return rc;
    uint64_t size = p->f.e.size, off = g->off;
    if (off == TSR_LAST) off = size > g->len ? size - g->len : 0;
    uint64_t left = off < size ? size - off : 0;
    g->found = true;
    g->size = size;
    g->stamp = p->f.stamp;
    g->got = left < g->len ? (size_t)left : g->len;
    p->off = tsr_min64((int64_t)off, (int64_t)size);
    p->len = g->got;
    p->dst = g->dst;
    ++*n;
    return TSR_OK;
}

static int zip_getv(struct tsr_store *st, struct tsr_get *g, size_t n)
{
    struct part *p = n ? tsr_alloc_array(n, sizeof *p) : NULL;
    int rc = p || !n ? TSR_OK : TSR_ENOMEM;
    size_t m = 0;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = get_part(zip_of(st), &g[i], &p[m], &m);
    if (rc == TSR_OK) rc = read_parts(zip_of(st), p, m);
    parts_done(p, m);
    return rc;
}

static int zip_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    struct tsr_zip_found f;
    int rc = tsr_zip_find(zip_of(st), key, &f);
    if (rc < 0) return rc;
    if (f.number < 0) return absent(st, key);
    *size = f.e.size;
    return TSR_OK;
}

static uint64_t zip_stamp(struct tsr_store *st, const char *key)
{
    struct tsr_zip_found f;
    return tsr_zip_find(zip_of(st), key, &f) == TSR_OK && f.number >= 0 ? f.stamp : 0;
}

static int zip_list(struct tsr_store *st, const char *prefix,
                    int (*fn)(void *user, const char *key), void *user)
{
    struct tsr_zip *z = zip_of(st);
    struct tsr_buf names = {0};
    tsr_rwlock_take(&z->lock); /* it may sort */
    int rc = tsr_index_list(&z->dir.index, prefix, &names);
    tsr_rwlock_leave(&z->lock);
    if (rc == TSR_OK) return tsr_index_tell(&names, fn, user);
    tsr_buf_free(&names);
    return rc;
}

static bool zip_replaced(const struct tsr_store *st)
{
    struct tsr_zip *z = (struct tsr_zip *)(uintptr_t)st;
    tsr_rwlock_share(&z->lock);
    bool replaced = z->file && tsr_store_replaced(z->file);
    tsr_rwlock_leave(&z->lock);
    return replaced;
}

static void add_traffic(struct tsr_traffic *t, struct tsr_store *file)
{
    struct tsr_traffic more = file ? tsr_store_traffic(file) : (struct tsr_traffic){0};
    t->bytes += more.bytes;
    t->requests += more.requests;
}

static void zip_traffic(struct tsr_store *st, struct tsr_traffic *t)
{
    struct tsr_zip *z = zip_of(st);
    tsr_rwlock_share(&z->lock);
    *t = z->before;
    add_traffic(t, z->file);
    if (z->writer) add_traffic(t, tsr_zip_writer_old(z->writer));
    tsr_rwlock_leave(&z->lock);
}

static void zip_close(struct tsr_store *st)
{
    struct tsr_zip *z = zip_of(st);
    tsr_zip_writer_free(z->writer);
    tsr_store_close(z->file);
    tsr_zip_dir_free(&z->dir);
    tsr_inflated_done(&z->inflated);
    tsr_rwlock_done(&z->lock);
    tsr_free(z->inner);
    tsr_free(z);
}

static const struct tsr_store_kind zip_kind = {
    .scheme = "zip",
    .readv = zip_readv,
    .getv = zip_getv,
    .stat = zip_stat,
    .put = tsr_zip_put,
    .put_if = tsr_zip_put_if,
    .sync = tsr_zip_sync,
    .list = zip_list,
    .remove = tsr_zip_remove,
    .check = tsr_zip_check,
    .publish = tsr_zip_publish,
    .replaced = zip_replaced,
    .stamp = zip_stamp,
    .traffic = zip_traffic,
    .close = zip_close,
};

static int zip_new(const char *url, const struct tsr_tree_options *o, struct tsr_zip **out)
{
    struct tsr_zip *z = tsr_alloc_zero(1, sizeof *z);
    if (!z) return TSR_ENOMEM;
    int rc = tsr_store_init(&z->base, &zip_kind, url, o->flags & TSR_TREE_UPDATE);
    if (rc < 0) {
        tsr_free(z);
        return rc;
    }
    tsr_rwlock_init(&z->lock);
    tsr_inflated_init(&z->inflated);
    z->most_inflated = o->most_inflated ? o->most_inflated : TSR_ZIP_INFLATED;
    rc = tsr_key_inner(o->inner, &z->inner);
    if (rc < 0) tsr_store_close(&z->base);
    else *out = z;
    return rc;
}

int tsr_store_zip(struct tsr_store *file, const struct tsr_tree_options *o, struct tsr_store **out)
{
    static const struct tsr_tree_options plain = {0};
    struct tsr_zip *z;
    if (!o) o = &plain;
    int rc = zip_new(file->url, o, &z);
    if (rc < 0) {
        tsr_store_close(file);
        return rc;
    }
    z->file = file;
    z->base.far = file->far;
    z->file_stamp = tsr_store_stamp(file, "");
    rc = tsr_zip_dir_read(file, z->inner, o->most_entries ? o->most_entries : TSR_ZIP_ENTRIES,
                          &z->dir);
    z->base.writable = z->base.writable && file->writable && !strcmp(file->kind->scheme, "file");
    if (rc == TSR_OK && z->base.writable) rc = tsr_zip_writer_new(z, false);
    if (rc < 0) tsr_store_close(&z->base);
    else *out = &z->base;
    return rc;
}

/* An archive whose first state appears when it is published. */
int tsr_store_zip_create(const char *path, const struct tsr_tree_options *o, struct tsr_store **out)
{
    struct tsr_zip *z;
    int rc = zip_new(path, o, &z);
    if (rc < 0) return rc;
    rc = tsr_store_file_create(path, o->flags & TSR_TREE_EMPTY, &z->file);
    if (rc == TSR_OK) rc = tsr_zip_writer_new(z, true);
    if (rc < 0) tsr_store_close(&z->base);
    else *out = &z->base;
    return rc;
}
