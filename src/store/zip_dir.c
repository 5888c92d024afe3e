/* SPDX-License-Identifier: BSD-3-Clause */
/* store/zip_dir.c - reads the central directory of a zip archive.
 *
 *   | local header, name, data | ...        | directory | end64 | locator | end, comment |
 *     PK34                       ^ hdr.off    PK12 ...    PK66    PK67      PK56
 *
 * directory entry, 46 bytes, then name, extra, comment:
 *   0 PK12  4 made by  6 needs  8 flags  10 method  12 time  16 crc  20 packed  24 size
 *   28 name_len  30 extra_len  32 comment_len  34 disk  36 -  38 attributes  42 offset of its
 * header local header, 30 bytes, then name, extra, data:
 *   0 PK34  4 needs  6 flags  8 method  10 time  14 crc  18 packed  22 size  26 name_len
 *   28 extra_len
 * end, 22 bytes:      4 disk  6 disk of directory  8 entries here  10 entries  12 len  16 offset
 *                     20 comment_len
 * locator, 20 bytes:  4 disk  8 offset of end64  16 disks
 * end64, 56 bytes:    4 len of the rest  16 disk  20 disk of directory  24 entries here
 *                     32 entries  40 len  48 offset
 * Numbers that do not fit are all ones, and then in end64, or in extra field 1 in this order: size,
 * packed, offset, disk. */
#include "store/zip_dir.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "store/key.h"

enum {
    END = 22,
    LOCATOR = 20,
    END64 = 56,
    ENTRY = 46,
    TAIL = (64 << 10) + END + LOCATOR + END64,
    EXTRA_64 = 1
};
static const uint32_t sig_entry = 0x02014b50, sig_local = 0x04034b50, sig_end = 0x06054b50,
                      sig_locator = 0x07064b50, sig_end64 = 0x06064b50;
enum { ENCRYPTED = 1, LENGTHS_LATER = 8, PATCHED = 32, STRONG = 64, MASKED = 1 << 13 };

struct reader {
    struct tsr_store *file;
    const char *url, *inner;
    uint64_t size; /* of the archive */
    uint8_t *tail; /* its last bytes */
    size_t tail_len;
    uint64_t n, len, at, end; /* of the directory; end: what is behind it begins there */
};

static int bad(const struct reader *r, uint64_t at, const char *what)
{
    return tsr_fail(TSR_ECORRUPT, "%s: byte %llu: %s", r->url, (unsigned long long)at, what);
}

/* ---- the end ---- */

/* The last place where an end record with its comment fills the file to its end. */
static const uint8_t *find_end(const struct reader *r)
{
    if (r->tail_len < END) return NULL;
    for (const uint8_t *p = r->tail + r->tail_len - END;; p--) {
        size_t left = (size_t)(r->tail + r->tail_len - p);
        if (tsr_load_LE32(p) == sig_end && tsr_load_LE16(p + 20) == left - END) return p;
        if (p == r->tail) return NULL;
    }
}

static int read_end64(struct reader *r, const uint8_t *locator, uint64_t locator_at)
{
    uint64_t at = tsr_load_LE64(locator + 8);
    uint8_t p[END64];
    if (tsr_load_LE32(locator + 4) != 0 || tsr_load_LE32(locator + 16) > 1)
        return tsr_fail(TSR_EUNSUPPORTED, "%s: is one part of an archive in several", r->url);
    if (locator_at < END64 || at > locator_at - END64)
        return bad(r, locator_at, "the zip64 end record is said to lie behind this");
    int rc = tsr_store_read(r->file, "", at, p, END64);
    if (rc < 0) return rc;
    if (tsr_load_LE32(p) != sig_end64) return bad(r, at, "no zip64 end record");
    if (tsr_load_LE32(p + 16) || tsr_load_LE32(p + 20) ||
        tsr_load_LE64(p + 24) != tsr_load_LE64(p + 32))
        return tsr_fail(TSR_EUNSUPPORTED, "%s: is one part of an archive in several", r->url);
    r->n = tsr_load_LE64(p + 32);
    r->len = tsr_load_LE64(p + 40);
    r->at = tsr_load_LE64(p + 48);
    r->end = at;
    return TSR_OK;
}

/* A number of the end record must be all ones, or what end64 says. */
static bool agrees(uint64_t small, uint64_t ones, uint64_t large)
{
    return small == ones || small == large;
}

/* Offsets that count from behind a self-extractor look like those of a damaged archive, and only
 * every header of an entry could tell. */
static int misplaced(const struct reader *r)
{
    bool before = r->len <= r->end && r->at < r->end - r->len;
    return tsr_fail(TSR_ECORRUPT,
                    "%s: byte %llu: a directory of %llu bytes at byte %llu is expected to end "
                    "here%s",
                    r->url, (unsigned long long)r->end, (unsigned long long)r->len,
                    (unsigned long long)r->at,
                    before ? "; if other bytes stand before the archive, as in a self-extractor, "
                             "zip -A makes its offsets count them"
                           : "");
}

static int read_end(struct reader *r)
{
    const uint8_t *p = find_end(r);
    if (!p) return bad(r, r->size, "the archive has no end record: it is cut, or none");
    uint64_t at = r->size - (uint64_t)(r->tail + r->tail_len - p);
    uint64_t here = tsr_load_LE16(p + 8);
    r->n = tsr_load_LE16(p + 10);
    r->len = tsr_load_LE32(p + 12);
    r->at = tsr_load_LE32(p + 16);
    r->end = at;
    struct reader small = *r;
    bool wide = p - r->tail >= LOCATOR && tsr_load_LE32(p - LOCATOR) == sig_locator;
    int rc = wide ? read_end64(r, p - LOCATOR, at - LOCATOR) : TSR_OK;
    if (rc < 0) return rc;
    if (!agrees(tsr_load_LE16(p + 4), wide ? 0xFFFF : 0, 0) ||
        !agrees(tsr_load_LE16(p + 6), wide ? 0xFFFF : 0, 0) || here != small.n)
        return tsr_fail(TSR_EUNSUPPORTED, "%s: is one part of an archive in several", r->url);
    if (!agrees(small.n, 0xFFFF, r->n) || !agrees(small.len, UINT32_MAX, r->len) ||
        !agrees(small.at, UINT32_MAX, r->at))
        return bad(r, at, "the two end records disagree");
    if (r->len > r->end || r->at != r->end - r->len) return misplaced(r);
    if (r->n > r->len / ENTRY)
        return bad(r, at, "more entries are promised than the directory has room for");
    return TSR_OK;
}

/* ---- entries ---- */

static int bad_entry(const struct reader *r, tsr_status code, const struct tsr_zip_entry *e,
                     const char *what)
{
    return tsr_fail(code, "%s: entry '%.*s': %s", r->url, e->name_len > 300 ? 300 : e->name_len,
                    e->name, what);
}

/* A number out of the extra field, where the entry has all ones. */
static bool widen(uint64_t *v, const uint8_t **p, const uint8_t *end)
{
    if (*v != UINT32_MAX) return true;
    if (end - *p < 8) return false;
    *v = tsr_load_LE64(*p);
    *p += 8;
    return true;
}

/* Without a field for them, numbers of all ones are just large. */
static bool read_extra(struct tsr_zip_entry *e, const uint8_t *p, size_t len)
{
    while (len >= 4) {
        size_t n = tsr_load_LE16(p + 2);
        if (n > len - 4) return false;
        if (tsr_load_LE16(p) == EXTRA_64) {
            const uint8_t *at = p + 4, *end = p + 4 + n;
            return widen(&e->size, &at, end) && widen(&e->packed, &at, end) &&
                   widen(&e->off, &at, end);
        }
        p += 4 + n;
        len -= 4 + n;
    }
    return true; /* less than four bytes are padding, as some programs write it */
}

static int check_entry(const struct reader *r, const struct tsr_zip_entry *e, unsigned disk)
{
    uint64_t least = (uint64_t)TSR_ZIP_LOCAL + e->name_len, most;
    bool folder = e->name_len && e->name[e->name_len - 1] == '/';
    const char *fault = tsr_key_fault(e->name, folder ? e->name_len - 1u : e->name_len);
    if (fault) return bad_entry(r, TSR_ECORRUPT, e, fault);
    if (disk != 0 && disk != 0xFFFF)
        return bad_entry(r, TSR_EUNSUPPORTED, e, "lies in another part of the archive");
    if (e->flags & (ENCRYPTED | STRONG | MASKED))
        return bad_entry(r, TSR_EUNSUPPORTED, e, "is encrypted");
    if (e->flags & PATCHED) return bad_entry(r, TSR_EUNSUPPORTED, e, "is a patch");
    if (e->method != TSR_ZIP_STORED && e->method != TSR_ZIP_DEFLATED)
        return tsr_fail(TSR_EUNSUPPORTED,
                        "%s: entry '%.*s': compression method %d, only 0 (stored) and 8 (deflate) "
                        "are known",
                        r->url, e->name_len > 300 ? 300 : e->name_len, e->name, e->method);
    if (e->off > r->at || e->packed > r->at || least > r->at || e->off + e->packed > r->at - least)
        return bad_entry(r, TSR_ECORRUPT, e, "reaches into or behind the directory");
    if (e->method == TSR_ZIP_STORED && e->packed != e->size)
        return bad_entry(r, TSR_ECORRUPT, e, "is stored, but its two sizes differ");
    /* four matches of 258 bytes in a byte is the most that deflate can do */
    if (!tsr_mul(e->packed, UINT64_C(1032), &most)) most = UINT64_MAX;
    if (e->size > most)
        return bad_entry(r, TSR_ECORRUPT, e, "cannot inflate to the size it claims");
    return TSR_OK;
}

/* One entry at p, of which left bytes are there; *len: how many it takes. */
static int read_entry(const struct reader *r, const uint8_t *p, size_t left,
                      struct tsr_zip_entry *e, size_t *len)
{
    uint64_t at = r->end - left;
    if (left < ENTRY || tsr_load_LE32(p) != sig_entry)
        return bad(r, at, "no entry of the directory, where one is expected");
    size_t extra = tsr_load_LE16(p + 30), comment = tsr_load_LE16(p + 32);
    *e = (struct tsr_zip_entry){
        .name = (const char *)p + ENTRY,
        .off = tsr_load_LE32(p + 42),
        .packed = tsr_load_LE32(p + 20),
        .size = tsr_load_LE32(p + 24),
        .crc = tsr_load_LE32(p + 16),
        .time = tsr_load_LE32(p + 12),
        .attributes = tsr_load_LE32(p + 38),
        .name_len = tsr_load_LE16(p + 28),
        .method = tsr_load_LE16(p + 10),
        .flags = tsr_load_LE16(p + 8),
        .made_by = tsr_load_LE16(p + 4),
    };
    *len = ENTRY + e->name_len + extra + comment;
    if (*len > left) return bad(r, at, "an entry of the directory reaches behind it");
    if (!read_extra(e, p + ENTRY + e->name_len, extra))
        return bad_entry(r, TSR_ECORRUPT, e, "its extra field is cut");
    return check_entry(r, e, tsr_load_LE16(p + 34));
}

/* ---- what lies where ---- */

static int by_offset(const void *a, const void *b)
{
    const struct tsr_zip_entry *x = *(struct tsr_zip_entry *const *)a;
    const struct tsr_zip_entry *y = *(struct tsr_zip_entry *const *)b;
    return (x->off > y->off) - (x->off < y->off);
}

static bool same(const struct tsr_zip_entry *a, const struct tsr_zip_entry *b)
{
    return a->off == b->off && a->packed == b->packed && a->size == b->size && a->crc == b->crc &&
           a->method == b->method && a->name_len == b->name_len &&
           memcmp(a->name, b->name, a->name_len) == 0;
}

/* Entries end where the next one begins; two may be one and the same, but not overlap: that is how
 * a small file inflates to terabytes. */
static int set_ends(const struct reader *r, struct tsr_zip_dir *d)
{
    struct tsr_zip_entry **p = tsr_alloc_array(d->n + 1, sizeof *p);
    bool sorted = true;
    uint64_t end = r->at;
    int rc = TSR_OK;
    if (!p) return TSR_ENOMEM;
    for (size_t i = 0; i < d->n; i++) {
        p[i] = &d->entries[i];
        if (i && p[i]->off < p[i - 1]->off) sorted = false;
    }
    if (!sorted) qsort(p, d->n, sizeof(struct tsr_zip_entry *), by_offset);
    for (size_t i = d->n; i-- > 0 && rc == TSR_OK;) {
        struct tsr_zip_entry *e = p[i];
        if (i + 1 < d->n && e->off == p[i + 1]->off) {
            e->end = p[i + 1]->end;
            if (!same(e, p[i + 1])) rc = bad_entry(r, TSR_ECORRUPT, e, "overlaps another entry");
            continue;
        }
        if (i + 1 < d->n) end = p[i + 1]->off;
        e->end = end;
        if (end - e->off < TSR_ZIP_LOCAL + e->name_len + e->packed)
            rc = bad_entry(r, TSR_ECORRUPT, e, "overlaps another entry");
    }
    tsr_free(p);
    return rc;
}

static int index_entries(const struct reader *r, struct tsr_zip_dir *d)
{
    size_t skip = strlen(r->inner);
    int rc = tsr_index_reserve(&d->index, d->n);
    for (size_t i = 0; i < d->n && rc == TSR_OK; i++) {
        const struct tsr_zip_entry *e = &d->entries[i];
        if (e->name[e->name_len - 1] == '/' || e->name_len <= skip ||
            memcmp(e->name, r->inner, skip) != 0)
            continue;
        struct tsr_index_key *k = tsr_index_add(&d->index, e->name + skip, e->name_len - skip);
        if (!k) rc = TSR_ENOMEM;
        else if (k->value >= 0) d->entries[k->value].dead = true;
        if (k) k->value = (int64_t)i;
    }
    if (rc == TSR_OK && skip && !d->index.n)
        rc = tsr_fail(TSR_ENOTFOUND, "%s: nothing in the archive is below '%s'", r->url, r->inner);
    return rc;
}

/* ---- all of it ---- */

static int read_tail(struct reader *r)
{
    int rc = tsr_store_stat(r->file, "", &r->size);
    if (rc < 0) return rc;
    r->tail_len = r->size < TAIL ? (size_t)r->size : TAIL;
    if (!(r->tail = tsr_alloc(r->tail_len + 1))) return TSR_ENOMEM;
    return tsr_store_read(r->file, "", r->size - r->tail_len, r->tail, r->tail_len);
}

/* The part that the tail has is not read again. */
static int read_bytes(const struct reader *r, struct tsr_zip_dir *d)
{
    uint64_t tail_at = r->size - r->tail_len;
    size_t len = (size_t)r->len, have;
    if (len != r->len) return tsr_fail(TSR_ELIMIT, "%s: directory of more than 4 GiB", r->url);
    if (!(d->bytes = tsr_alloc(len + 1))) return TSR_ENOMEM;
    have = r->at >= tail_at ? len : r->end > tail_at ? (size_t)(r->end - tail_at) : 0;
    if (have) memcpy(d->bytes + len - have, r->tail + (r->end - have - tail_at), have);
    return have == len ? TSR_OK : tsr_store_read(r->file, "", r->at, d->bytes, len - have);
}

static int read_entries(const struct reader *r, struct tsr_zip_dir *d)
{
    const uint8_t *p = d->bytes;
    size_t left = (size_t)r->len, len = 0;
    d->n = d->cap = (size_t)r->n;
    d->entries = tsr_alloc_array(d->n + 1, sizeof *d->entries);
    d->data = tsr_alloc_zero(d->n + 1, sizeof *d->data);
    if (!d->entries || !d->data) return TSR_ENOMEM;
    for (size_t i = 0; i < d->n; i++) {
        int rc = read_entry(r, p, left, &d->entries[i], &len);
        if (rc < 0) return rc;
        p += len;
        left -= len;
    }
    return left ? bad(r, r->end - left, "the directory goes on behind its last entry") : TSR_OK;
}

int tsr_zip_dir_read(struct tsr_store *file, const char *inner, size_t most,
                     struct tsr_zip_dir *out)
{
    struct reader r = {.file = file, .url = file->url, .inner = inner};
    *out = (struct tsr_zip_dir){0};
    int rc = read_tail(&r);
    if (rc == TSR_OK) rc = read_end(&r);
    if (rc == TSR_OK && r.n > most)
        rc = tsr_fail(TSR_ELIMIT, "%s: %llu entries, at most %zu are read", r.url,
                      (unsigned long long)r.n, most);
    out->at = r.at;
    if (rc == TSR_OK) rc = read_bytes(&r, out);
    if (rc == TSR_OK) rc = read_entries(&r, out);
    if (rc == TSR_OK) rc = set_ends(&r, out);
    if (rc == TSR_OK) rc = index_entries(&r, out);
    if (rc < 0) tsr_zip_dir_free(out);
    tsr_free(r.tail);
    return rc;
}

void tsr_zip_dir_free(struct tsr_zip_dir *d)
{
    tsr_index_free(&d->index);
    tsr_free(d->entries);
    tsr_free((void *)d->data);
    tsr_free(d->bytes);
    *d = (struct tsr_zip_dir){0};
}

int tsr_zip_dir_grow(struct tsr_zip_dir *d)
{
    if (d->n < d->cap) return TSR_OK;
    size_t cap = d->cap ? 2 * d->cap : 64;
    struct tsr_zip_entry *entries = tsr_realloc(d->entries, cap, sizeof *entries);
    if (!entries) return TSR_ENOMEM;
    d->entries = entries;
    _Atomic uint64_t *data = tsr_realloc((void *)d->data, cap, sizeof *data);
    if (!data) return TSR_ENOMEM;
    d->data = data;
    d->cap = cap;
    return TSR_OK;
}

static int bad_local(const char *url, const struct tsr_zip_entry *e, const char *what)
{
    return tsr_fail(TSR_ECORRUPT, "%s: entry '%.*s': its header at byte %llu %s", url,
                    e->name_len > 300 ? 300 : e->name_len, e->name, (unsigned long long)e->off,
                    what);
}

int tsr_zip_local(const char *url, struct tsr_zip_entry *e, const uint8_t *p)
{
    uint32_t packed = tsr_load_LE32(p + 18), size = tsr_load_LE32(p + 22);
    unsigned flags = tsr_load_LE16(p + 6);
    uint64_t data = e->off + TSR_ZIP_LOCAL + e->name_len + tsr_load_LE16(p + 28);
    if (tsr_load_LE32(p) != sig_local) return bad_local(url, e, "is none");
    if (tsr_load_LE16(p + 26) != e->name_len || memcmp(p + TSR_ZIP_LOCAL, e->name, e->name_len))
        return bad_local(url, e, "has another name");
    if (tsr_load_LE16(p + 8) != e->method) return bad_local(url, e, "has another method");
    if (flags & (ENCRYPTED | STRONG | MASKED)) return bad_local(url, e, "says it is encrypted");
    if (!(flags & LENGTHS_LATER) &&
        (!agrees(packed, UINT32_MAX, e->packed) || !agrees(size, UINT32_MAX, e->size) ||
         tsr_load_LE32(p + 14) != e->crc))
        return bad_local(url, e, "has another size or checksum");
    if (data > e->end || e->packed > e->end - data)
        return bad_local(url, e, "leaves no room for its bytes");
    e->data = data;
    return TSR_OK;
}
