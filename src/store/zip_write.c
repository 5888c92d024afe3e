/* SPDX-License-Identifier: BSD-3-Clause */
/* store/zip_write.c - puts objects into a zip archive, as stored entries (zarr.md 11.2).
 *
 * An archive ends in its directory, so that nothing can be added to it in place without a moment in
 * which it has none.  The first put copies the entries there are to a new file under a hidden
 * name; what is put goes behind them, readers of this handle find it there; publish writes the
 * directory and renames the file.  The next put begins anew with a copy.
 *
 *   archive   | entries | directory |
 *   new file  | entries | new entries ...         -> | entries | new entries | directory |
 *
 * What was replaced or removed is left out of the directory, and out of the next copy. */
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "store/key.h"
#include "store/kinds.h"
#include "store/zip.h"
#include "text/doc.h"

enum {
    COPY_BYTES = 1 << 20,
    MADE_BY_UNIX = 3 << 8,
    NEEDS = 20,
    NEEDS_64 = 45,
    UTF8_NAME = 1 << 11
};
/* 1980-01-01, the first day that the format knows, so that the same array is the same archive */
static const uint32_t day_one = 0x00210000, plain_file = UINT32_C(0100644) << 16;

struct tsr_zip_writer {
    struct tsr_mutex lock; /* of writers among themselves, and what they write */
    bool begun;            /* z->file is not published yet */
    uint64_t end;          /* of its entries */
    struct tsr_buf names;  /* char *, owned */
    struct tsr_store *old; /* what z->file was before it was begun: readers may be in it */
};

static struct tsr_zip *zip_of(struct tsr_store *st)
{
    return (struct tsr_zip *)st;
}

int tsr_zip_writer_new(struct tsr_zip *z, bool begun)
{
    struct tsr_zip_writer *w = tsr_alloc_zero(1, sizeof *w);
    if (!w) return TSR_ENOMEM;
    tsr_mutex_init(&w->lock);
    w->begun = begun;
    w->end = z->dir.at;
    z->writer = w;
    return TSR_OK;
}

struct tsr_store *tsr_zip_writer_old(const struct tsr_zip_writer *w)
{
    return w->old;
}

void tsr_zip_writer_free(struct tsr_zip_writer *w)
{
    char *name;
    if (!w) return;
    for (size_t i = 0; i < w->names.len; i += sizeof name) {
        memcpy(&name, w->names.p + i, sizeof name);
        tsr_free(name);
    }
    tsr_buf_free(&w->names);
    tsr_store_close(w->old);
    tsr_mutex_done(&w->lock);
    tsr_free(w);
}

/* ---- begin: a copy of what is there ---- */

static int copy_bytes(struct tsr_store *from, uint64_t off, uint64_t len, struct tsr_store *to,
                      uint64_t at)
{
    uint8_t *buf = tsr_alloc(COPY_BYTES);
    int rc = buf ? TSR_OK : TSR_ENOMEM;
    while (rc == TSR_OK && len) {
        struct tsr_piece p = {buf, len < COPY_BYTES ? (size_t)len : COPY_BYTES};
        rc = tsr_store_read(from, "", off, buf, p.len);
        if (rc == TSR_OK) rc = tsr_store_write_at(to, "", at, &p, 1);
        off += p.len;
        at += p.len;
        len -= p.len;
    }
    tsr_free(buf);
    return rc;
}

/* An entry on its way to another place. */
struct move {
    size_t entry;
    uint64_t off, end, to;
};

static int by_offset(const void *a, const void *b)
{
    const struct move *x = a, *y = b;
    return (x->off > y->off) - (x->off < y->off);
}

/* Live entries in the order of the file, each going right behind the one before. */
static size_t plan_moves(const struct tsr_zip_dir *d, struct move *m, uint64_t *end)
{
    size_t n = 0;
    *end = 0;
    for (size_t i = 0; i < d->n; i++)
        if (!d->entries[i].dead) m[n++] = (struct move){i, d->entries[i].off, d->entries[i].end, 0};
    qsort(m, n, sizeof *m, by_offset);
    for (size_t i = 0; i < n; i++) {
        bool twin = i && m[i].off == m[i - 1].off; /* two names of the directory for one entry */
        m[i].to = twin ? m[i - 1].to : *end;
        if (!twin) *end += m[i].end - m[i].off;
    }
    return n;
}

static int copy_moves(struct tsr_store *from, const struct move *m, size_t n, struct tsr_store *to)
{
    int rc = TSR_OK;
    for (size_t i = 0, j; i < n && rc == TSR_OK; i = j) {
        for (j = i + 1; j < n && (m[j].off == m[j - 1].off || m[j].off == m[j - 1].end);) j++;
        rc = copy_bytes(from, m[i].off, m[j - 1].end - m[i].off, to, m[i].to);
    }
    return rc;
}

/* Readers go on in the old file, which stays open until publish, and then in the new one. */
static void turn_to(struct tsr_zip *z, struct tsr_store *file, const struct move *m, size_t n)
{
    tsr_rwlock_take(&z->lock);
    for (size_t i = 0; i < n; i++) {
        struct tsr_zip_entry *e = &z->dir.entries[m[i].entry];
        uint64_t data = atomic_load_explicit(&z->dir.data[m[i].entry], memory_order_relaxed);
        if (data) data += m[i].to - e->off;
        atomic_store_explicit(&z->dir.data[m[i].entry], data, memory_order_relaxed);
        e->end += m[i].to - e->off;
        e->off = m[i].to;
    }
    z->writer->old = z->file;
    z->file = file;
    tsr_rwlock_leave(&z->lock);
}

/* The writers' lock is held. */
static int begin(struct tsr_zip *z)
{
    struct tsr_zip_writer *w = z->writer;
    struct tsr_store *file = NULL;
    uint64_t end = 0;
    if (w->begun) return TSR_OK;
    struct move *m = tsr_alloc_array(z->dir.n + 1, sizeof *m);
    if (!m) return TSR_ENOMEM;
    size_t n = plan_moves(&z->dir, m, &end);
    int rc = tsr_store_file_create(z->base.url, true, &file);
    if (rc == TSR_OK) rc = copy_moves(z->file, m, n, file);
    if (rc == TSR_OK) {
        turn_to(z, file, m, n);
        w->begun = true;
        w->end = end;
    } else {
        tsr_store_close(file);
    }
    tsr_free(m);
    return rc;
}

/* ---- put ---- */

static bool is_ascii(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] > 127) return false;
    return true;
}

/* What the entry of these bytes will be, but for its place and its name. */
static int describe(struct tsr_zip *z, const struct tsr_object *o, struct tsr_zip_entry *e)
{
    size_t len = strlen(z->inner) + strlen(o->key);
    int rc = tsr_key_check(z->base.url, o->key);
    if (rc < 0) return rc;
    if (!tsr_utf8_valid(o->key, strlen(o->key)))
        return tsr_fail(TSR_EARG, "%s: a key that is not UTF-8 cannot be named in an archive",
                        z->base.url);
    *e = (struct tsr_zip_entry){.time = day_one,
                                .attributes = plain_file,
                                .name_len = (uint16_t)len,
                                .method = TSR_ZIP_STORED,
                                .made_by = MADE_BY_UNIX | NEEDS};
    if (!is_ascii(z->inner, strlen(z->inner)) || !is_ascii(o->key, strlen(o->key)))
        e->flags = UTF8_NAME;
    for (int i = 0; i < o->n; i++) {
        e->crc = libdeflate_crc32(e->crc, o->p[i].len ? o->p[i].p : "", o->p[i].len);
        e->size += o->p[i].len;
    }
    e->packed = e->size;
    return TSR_OK;
}

/* The header before the bytes; behind it come the name and, for large ones, 20 bytes more. */
static size_t local_header(const struct tsr_zip_entry *e, uint8_t p[TSR_ZIP_LOCAL],
                           uint8_t wide[20])
{
    bool large = e->size >= UINT32_MAX;
    memset(p, 0, TSR_ZIP_LOCAL);
    memcpy(p, "PK\3\4", 4);
    tsr_store_LE16(p + 4, large ? NEEDS_64 : NEEDS);
    tsr_store_LE16(p + 6, e->flags);
    tsr_store_LE32(p + 10, e->time);
    tsr_store_LE32(p + 14, e->crc);
    tsr_store_LE32(p + 18, large ? UINT32_MAX : (uint32_t)e->packed);
    tsr_store_LE32(p + 22, large ? UINT32_MAX : (uint32_t)e->size);
    tsr_store_LE16(p + 26, e->name_len);
    tsr_store_LE16(p + 28, large ? 20 : 0);
    tsr_store_LE16(wide, 1);
    tsr_store_LE16(wide + 2, 16);
    tsr_store_LE64(wide + 4, e->size);
    tsr_store_LE64(wide + 12, e->packed);
    return large ? 20 : 0;
}

static int write_entry(struct tsr_store *file, const struct tsr_zip_entry *e,
                       const struct tsr_object *o)
{
    uint8_t head[TSR_ZIP_LOCAL], wide[20];
    struct tsr_piece *p = tsr_alloc_array((size_t)o->n + 3, sizeof *p);
    if (!p) return TSR_ENOMEM;
    size_t more = local_header(e, head, wide);
    p[0] = (struct tsr_piece){head, TSR_ZIP_LOCAL};
    p[1] = (struct tsr_piece){(char *)(uintptr_t)e->name, e->name_len};
    p[2] = (struct tsr_piece){wide, more};
    if (o->n) memcpy(p + 3, o->p, (size_t)o->n * sizeof *p);
    int rc = tsr_store_write_at(file, "", e->off, p, o->n + 3);
    tsr_free(p);
    return rc;
}

/* The archive's name for a key: that of the entry it replaces, or a new one. */
static int name_for(struct tsr_zip *z, const char *key, struct tsr_zip_entry *e)
{
    struct tsr_zip_writer *w = z->writer;
    const struct tsr_index_key *k = tsr_index_find(&z->dir.index, key, strlen(key));
    size_t skip = strlen(z->inner);
    if (k) {
        e->name = k->key - skip;
        return TSR_OK;
    }
    char *name = tsr_alloc((size_t)e->name_len + 1);
    if (!name) return TSR_ENOMEM;
    memcpy(name, z->inner, skip);
    memcpy(name + skip, key, strlen(key) + 1);
    e->name = name;
    int rc = tsr_buf_add(&w->names, &name, sizeof name);
    if (rc < 0) tsr_free(name);
    return rc;
}

/* Makes room for the entry at the end of the file: what it is called, and where it lies. */
static int take_place(struct tsr_zip *z, const char *key, struct tsr_zip_entry *e)
{
    struct tsr_zip_writer *w = z->writer;
    uint64_t len = TSR_ZIP_LOCAL + e->name_len + (e->size >= UINT32_MAX ? 20u : 0u);
    int rc = begin(z);
    if (rc < 0) return rc;
    tsr_rwlock_take(&z->lock);
    rc = name_for(z, key, e);
    tsr_rwlock_leave(&z->lock);
    if (rc < 0) return rc;
    e->off = w->end;
    e->data = e->off + len;
    if (!tsr_add(e->data, e->size, &e->end) || e->end > INT64_MAX)
        return tsr_fail(TSR_EARG, "%s: an archive of 2^63 bytes", z->base.url);
    w->end = e->end;
    return TSR_OK;
}

/* Readers find it from here on. */
static int add_entry(struct tsr_zip *z, const struct tsr_zip_entry *e)
{
    struct tsr_zip_dir *d = &z->dir;
    size_t skip = strlen(z->inner);
    tsr_rwlock_take(&z->lock);
    int rc = tsr_zip_dir_grow(d);
    struct tsr_index_key *k =
        rc < 0 ? NULL : tsr_index_add(&d->index, e->name + skip, e->name_len - skip);
    if (k) {
        if (k->value >= 0) d->entries[k->value].dead = true;
        d->entries[d->n] = *e;
        atomic_store_explicit(&d->data[d->n], e->data, memory_order_relaxed);
        k->value = (int64_t)d->n++;
    }
    tsr_rwlock_leave(&z->lock);
    return k ? TSR_OK : TSR_ENOMEM;
}

static int check_stamp(struct tsr_zip *z, const char *key, uint64_t stamp)
{
    struct tsr_zip_found f;
    int rc = tsr_zip_find(z, key, &f);
    if (rc == TSR_OK && stamp == 0 && f.number >= 0)
        rc = tsr_fail(TSR_EEXISTS, "%s: %s: exists", z->base.url, key);
    if (rc == TSR_OK && stamp && (f.number < 0 || f.stamp != stamp))
        rc = tsr_fail(TSR_ECONFLICT, "%s: %s: another was put meanwhile", z->base.url, key);
    return rc;
}

/* only: not unless the object is the one of this stamp, 0: unless there is none.  Its checksum is
 * reckoned beside others; one file is written by one at a time in any case. */
static int put_object(struct tsr_zip *z, const struct tsr_object *o, const uint64_t *only)
{
    struct tsr_zip_entry e;
    int rc = describe(z, o, &e);
    if (rc < 0) return rc;
    tsr_mutex_lock(&z->writer->lock);
    if (only) rc = check_stamp(z, o->key, *only);
    if (rc == TSR_OK) rc = take_place(z, o->key, &e);
    if (rc == TSR_OK) rc = write_entry(z->file, &e, o);
    if (rc == TSR_OK) rc = add_entry(z, &e);
    tsr_mutex_unlock(&z->writer->lock);
    return rc;
}

int tsr_zip_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                bool durable)
{
    (void)durable; /* as the name does, it takes a publish */
    return put_object(zip_of(st), &(struct tsr_object){key, p, n}, NULL);
}

int tsr_zip_put_if(struct tsr_store *st, const struct tsr_object *o, bool durable, uint64_t stamp)
{
    (void)durable;
    return put_object(zip_of(st), o, &stamp);
}

static int check_there(struct tsr_zip *z, const char *key)
{
    struct tsr_zip_found f;
    int rc = tsr_zip_find(z, key, &f);
    if (rc < 0 || f.number >= 0) return rc;
    return tsr_fail(TSR_ENOTFOUND, "%s: has no entry named %.300s", z->base.url, key);
}

static void remove_entry(struct tsr_zip *z, const char *key)
{
    tsr_rwlock_take(&z->lock);
    struct tsr_index_key *k = tsr_index_find(&z->dir.index, key, strlen(key));
    if (k && k->value >= 0) z->dir.entries[k->value].dead = true;
    if (k) k->value = TSR_INDEX_NONE;
    tsr_rwlock_leave(&z->lock);
}

int tsr_zip_remove(struct tsr_store *st, const char *key)
{
    struct tsr_zip *z = zip_of(st);
    tsr_mutex_lock(&z->writer->lock);
    int rc = check_there(z, key);
    if (rc == TSR_OK) rc = begin(z);
    if (rc == TSR_OK) remove_entry(z, key);
    tsr_mutex_unlock(&z->writer->lock);
    return rc;
}

/* ---- publish ---- */

static void put_wide(struct tsr_buf *extra, uint64_t v)
{
    uint8_t p[8];
    tsr_store_LE64(p, v);
    if (v >= UINT32_MAX) tsr_buf_add(extra, p, sizeof p); /* it has the room */
}

static uint32_t narrow(uint64_t v)
{
    return v >= UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static int add_record(struct tsr_buf *dir, const struct tsr_zip_entry *e)
{
    uint8_t p[46] = {'P', 'K', 1, 2}, room[28] = {1};
    struct tsr_buf extra = {room, 4, sizeof room};
    put_wide(&extra, e->size);
    put_wide(&extra, e->packed);
    put_wide(&extra, e->off);
    size_t wide = extra.len > 4 ? extra.len : 0;
    tsr_store_LE16(room + 2, (uint16_t)(extra.len - 4));
    tsr_store_LE16(p + 4, e->made_by);
    tsr_store_LE16(p + 6, wide ? NEEDS_64 : NEEDS);
    tsr_store_LE16(p + 8, e->flags);
    tsr_store_LE16(p + 10, e->method);
    tsr_store_LE32(p + 12, e->time);
    tsr_store_LE32(p + 16, e->crc);
    tsr_store_LE32(p + 20, narrow(e->packed));
    tsr_store_LE32(p + 24, narrow(e->size));
    tsr_store_LE16(p + 28, e->name_len);
    tsr_store_LE16(p + 30, (uint16_t)wide);
    tsr_store_LE32(p + 38, e->attributes);
    tsr_store_LE32(p + 42, narrow(e->off));
    int rc = tsr_buf_add(dir, p, sizeof p);
    if (rc == TSR_OK) rc = tsr_buf_add(dir, e->name, e->name_len);
    return rc < 0 || !wide ? rc : tsr_buf_add(dir, room, wide);
}

/* The directory of n entries, at byte `at`, is in dir: what ends the archive. */
static int add_end(struct tsr_buf *dir, uint64_t n, uint64_t at)
{
    uint8_t p[22] = {'P', 'K', 5, 6}, wide[56] = {'P', 'K', 6, 6}, locator[20] = {'P', 'K', 6, 7};
    uint64_t len = dir->len;
    bool large = n >= UINT16_MAX || len >= UINT32_MAX || at >= UINT32_MAX;
    tsr_store_LE64(wide + 4, sizeof wide - 12);
    tsr_store_LE16(wide + 12, MADE_BY_UNIX | NEEDS_64);
    tsr_store_LE16(wide + 14, NEEDS_64);
    tsr_store_LE64(wide + 24, n);
    tsr_store_LE64(wide + 32, n);
    tsr_store_LE64(wide + 40, len);
    tsr_store_LE64(wide + 48, at);
    tsr_store_LE64(locator + 8, at + len);
    tsr_store_LE32(locator + 16, 1);
    tsr_store_LE16(p + 8, n >= UINT16_MAX ? UINT16_MAX : (uint16_t)n);
    tsr_store_LE16(p + 10, n >= UINT16_MAX ? UINT16_MAX : (uint16_t)n);
    tsr_store_LE32(p + 12, narrow(len));
    tsr_store_LE32(p + 16, narrow(at));
    int rc = large ? tsr_buf_add(dir, wide, sizeof wide) : TSR_OK;
    if (rc == TSR_OK && large) rc = tsr_buf_add(dir, locator, sizeof locator);
    return rc < 0 ? rc : tsr_buf_add(dir, p, sizeof p);
}

static int write_directory(struct tsr_zip *z)
{
    struct tsr_buf dir = {0};
    uint64_t n = 0, at = z->writer->end;
    int rc = TSR_OK;
    for (size_t i = 0; i < z->dir.n && rc == TSR_OK; i++) {
        if (z->dir.entries[i].dead) continue;
        rc = add_record(&dir, &z->dir.entries[i]);
        n++;
    }
    if (rc == TSR_OK) rc = add_end(&dir, n, at);
    struct tsr_piece p = {dir.p, dir.len};
    if (rc == TSR_OK) rc = tsr_store_write_at(z->file, "", at, &p, 1);
    if (rc == TSR_OK) rc = tsr_store_truncate(z->file, "", at + dir.len);
    tsr_buf_free(&dir);
    return rc;
}

/* Readers that are in it have it open too. */
static void close_old(struct tsr_zip *z)
{
    struct tsr_store *old = z->writer->old;
    if (!old) return;
    struct tsr_traffic t = tsr_store_traffic(old);
    tsr_rwlock_take(&z->lock);
    z->before.bytes += t.bytes;
    z->before.requests += t.requests;
    z->writer->old = NULL;
    tsr_rwlock_leave(&z->lock);
    tsr_store_close(old);
}

/* When it fails it can be tried again: the directory is written over.  The lock is held. */
static int publish(struct tsr_zip *z, bool durable)
{
    if (!z->writer->begun) return TSR_OK;
    int rc = write_directory(z);
    if (rc == TSR_OK) rc = tsr_store_publish(z->file, durable);
    if (rc < 0) return rc;
    z->writer->begun = false;
    close_old(z);
    return durable ? tsr_store_sync(z->file, "", true) : TSR_OK;
}

int tsr_zip_publish(struct tsr_store *st, bool durable)
{
    struct tsr_zip *z = zip_of(st);
    if (!z->writer) return TSR_OK;
    tsr_mutex_lock(&z->writer->lock);
    int rc = publish(z, durable);
    tsr_mutex_unlock(&z->writer->lock);
    return rc;
}

/* An archive that is not published is not there, whatever is synced. */
int tsr_zip_sync(struct tsr_store *st, const char *key, bool name)
{
    struct tsr_zip *z = zip_of(st);
    tsr_mutex_lock(&z->writer->lock);
    int rc = key[0] ? check_there(z, key) : TSR_OK;
    if (rc == TSR_OK && !z->writer->begun) rc = tsr_store_sync(z->file, "", name);
    else if (rc == TSR_OK && !st->held) rc = publish(z, true);
    tsr_mutex_unlock(&z->writer->lock);
    return rc;
}
