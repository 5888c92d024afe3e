/* SPDX-License-Identifier: BSD-3-Clause */
/* store/zip_check.c - the checksums of an archive's entries compared, all in one pass over it.
 *
 * Readers of parts never see a CRC-32, which is of a whole entry.  Here each is read from its
 * beginning to its end, in the order in which they lie in the file, through one window:
 *
 *   archive   | entry | entry |   entry    | entry | not asked for | entry |
 *   window    |<------ 8 MiB at most ----->|<----->|               |<----->|
 *
 * Deflated ones are inflated a piece at a time, and no further than the size they claim. */
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/num.h"
#include "store/key.h"
#include "store/zip.h"

enum { WINDOW = 8 << 20, INFLATED = 256 << 10 };

struct check {
    struct tsr_zip *z;
    const struct tsr_checking *how;
    struct tsr_store *file;
    struct tsr_zip_entry *v; /* [n], by place */
    size_t n;
    uint8_t *window; /* [room], the file's bytes [at, at + have) */
    uint8_t *inflated;
    size_t room, have;
    uint64_t at, done, total; /* packed bytes of entries */
};

/* What is known of the entry that is being read. */
struct sum {
    const struct tsr_zip_entry *e;
    char name[512];
    uint64_t done, size; /* packed bytes before those at hand, bytes that came out so far */
    uint32_t crc;
    z_stream z;
    bool ended;
};

/* ---- bytes of the file ---- */

/* Where the row of entries ends that begins with number i, as far as a window reaches. */
static uint64_t row_end(const struct check *c, size_t i)
{
    uint64_t off = c->v[i].off, end = c->v[i].end;
    for (i++; i < c->n && c->v[i].off <= end && end - off < WINDOW; i++) end = c->v[i].end;
    return end;
}

/* At least `least` bytes at off, which entry i has. */
static int need(struct check *c, size_t i, uint64_t off, size_t least, const uint8_t **p, size_t *n)
{
    bool there = off >= c->at && off - c->at < c->have && least <= c->have - (off - c->at);
    if (!there) {
        size_t len = (size_t)tsr_min64((int64_t)(row_end(c, i) - off), (int64_t)c->room);
        c->have = 0;
        int rc = tsr_store_read(c->file, "", off, c->window, len);
        if (rc < 0) return rc;
        c->at = off;
        c->have = len;
    }
    *p = c->window + (off - c->at);
    *n = c->have - (size_t)(off - c->at);
    return TSR_OK;
}

static int step(const struct check *c, uint64_t done)
{
    const struct tsr_checking *how = c->how;
    if (!how->progress ||
        !how->progress(how->progress_user, (int64_t)(c->done + done), (int64_t)c->total))
        return TSR_OK;
    return tsr_fail(TSR_ECANCELLED, "%s: stopped by the caller", c->z->base.url);
}

/* ---- one entry ---- */

static int add_bytes(struct sum *s, const uint8_t *p, size_t n)
{
    s->crc = libdeflate_crc32(s->crc, p, n);
    s->size += n;
    if (s->size <= s->e->size) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "%s: inflates to more than the %llu bytes it claims", s->name,
                    (unsigned long long)s->e->size);
}

static int add_deflated(const struct check *c, struct sum *s, const uint8_t *p, size_t n)
{
    int rc = TSR_OK;
    s->z.next_in = (uint8_t *)(uintptr_t)p;
    s->z.avail_in = (uInt)n;
    do {
        s->z.next_out = c->inflated;
        s->z.avail_out = INFLATED;
        int z = s->ended ? Z_DATA_ERROR : inflate(&s->z, Z_NO_FLUSH);
        if (z == Z_MEM_ERROR) return tsr_fail(TSR_ENOMEM, "%s: inflate", s->name);
        if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
            return tsr_fail(TSR_ECORRUPT, "%s: its %llu bytes cannot be inflated", s->name,
                            (unsigned long long)s->e->packed);
        s->ended = z == Z_STREAM_END;
        rc = add_bytes(s, c->inflated, INFLATED - s->z.avail_out);
        if (rc == TSR_OK) rc = step(c, s->done);
    } while (rc == TSR_OK && (s->z.avail_in || (s->z.avail_out == 0 && !s->ended)));
    return rc;
}

static int compare(const struct sum *s)
{
    const struct tsr_zip_entry *e = s->e;
    if (e->method == TSR_ZIP_DEFLATED && (!s->ended || s->size != e->size))
        return tsr_fail(TSR_ECORRUPT, "%s: inflates to %llu bytes%s, expected %llu", s->name,
                        (unsigned long long)s->size, s->ended ? "" : " and does not end",
                        (unsigned long long)e->size);
    if (s->crc == e->crc) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "%s: CRC-32 is %08x, expected %08x", s->name, (unsigned)s->crc,
                    (unsigned)e->crc);
}

static int read_entry(struct check *c, size_t i, struct sum *s)
{
    const struct tsr_zip_entry *e = &c->v[i];
    int rc = TSR_OK;
    while (s->done < e->packed && rc == TSR_OK) {
        const uint8_t *p;
        size_t n;
        rc = need(c, i, e->data + s->done, 1, &p, &n);
        if (rc < 0) return rc;
        if (n > e->packed - s->done) n = (size_t)(e->packed - s->done);
        rc = e->method == TSR_ZIP_STORED ? add_bytes(s, p, n) : add_deflated(c, s, p, n);
        s->done += n;
        if (rc == TSR_OK) rc = step(c, s->done);
    }
    return rc < 0 ? rc : compare(s);
}

static int check_entry(struct check *c, size_t i)
{
    struct tsr_zip_entry *e = &c->v[i];
    struct sum s = {.e = e};
    const uint8_t *p;
    size_t n;
    bool deflated = e->method == TSR_ZIP_DEFLATED;
    int rc = need(c, i, e->off, TSR_ZIP_LOCAL + e->name_len, &p, &n);
    if (rc == TSR_OK) rc = tsr_zip_local(c->z->base.url, e, p);
    if (rc < 0) return rc;
    tsr_zip_entry_name(c->z, e, s.name);
    if (deflated && inflateInit2(&s.z, -MAX_WBITS) != Z_OK)
        return tsr_fail(TSR_ENOMEM, "%s: inflate", s.name);
    rc = read_entry(c, i, &s);
    if (deflated) inflateEnd(&s.z);
    return rc;
}

/* ---- all of them ---- */

static int by_place(const void *a, const void *b)
{
    const struct tsr_zip_entry *x = a, *y = b;
    return (x->off > y->off) - (x->off < y->off);
}

static bool is_below(const struct tsr_zip_entry *e, const char *inner, const char *prefix)
{
    size_t skip = strlen(inner), len = strlen(prefix);
    return !e->dead && e->name_len > skip + len && e->name[e->name_len - 1] != '/' &&
           memcmp(e->name, inner, skip) == 0 && memcmp(e->name + skip, prefix, len) == 0;
}

static int collect(struct check *c, const char *prefix)
{
    struct tsr_zip *z = c->z;
    tsr_rwlock_share(&z->lock);
    c->file = tsr_store_share(z->file);
    c->v = tsr_alloc_array(z->dir.n + 1, sizeof *c->v);
    for (size_t i = 0; c->v && i < z->dir.n; i++) {
        const struct tsr_zip_entry *e = &z->dir.entries[i];
        if (!is_below(e, z->inner, prefix)) continue;
        c->v[c->n++] = *e;
        c->total += e->packed;
    }
    tsr_rwlock_leave(&z->lock);
    if (!c->v) return TSR_ENOMEM;
    qsort(c->v, c->n, sizeof *c->v, by_place);
    uint64_t room = c->n ? c->v[c->n - 1].end - c->v[0].off : 0;
    c->room = room < WINDOW ? (size_t)room : WINDOW;
    c->window = tsr_alloc(c->room + 1);
    c->inflated = tsr_alloc(INFLATED);
    return c->window && c->inflated ? TSR_OK : TSR_ENOMEM;
}

static int tell(const struct check *c, const struct tsr_zip_entry *e, int rc)
{
    char key[TSR_KEY_BYTES];
    size_t skip = strlen(c->z->inner);
    snprintf(key, sizeof key, "%.*s", (int)(e->name_len - skip), e->name + skip);
    return c->how->wrong(c->how->user, key, rc);
}

int tsr_zip_check(struct tsr_store *st, const char *prefix, const struct tsr_checking *how)
{
    struct check c = {.z = (struct tsr_zip *)st, .how = how};
    int rc = collect(&c, prefix);
    for (size_t i = 0; i < c.n && rc == TSR_OK; i++) {
        rc = check_entry(&c, i);
        c.done += c.v[i].packed;
        if (rc == TSR_ECORRUPT) rc = tell(&c, &c.v[i], rc);
    }
    tsr_free(c.v);
    tsr_free(c.window);
    tsr_free(c.inflated);
    tsr_store_close(c.file);
    return rc;
}
