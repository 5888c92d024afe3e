/* SPDX-License-Identifier: BSD-3-Clause */
/* store/gzip.c - a gzip file (RFC 1952) seen as the bytes in it.
 *
 * Its content is inflated from the front into a file without a name, as far as somebody asks for
 * and never further, so that a small file that would inflate to terabytes costs what was asked.
 * Members follow one another (section 2.2); their checksums are tested where their end is
 * reached. */
#include <zlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "store/kinds.h"

enum { IN_BYTES = 64 << 10, OUT_BYTES = 256 << 10 };

struct store_gzip {
    struct tsr_store base;
    struct tsr_file from, to; /* to: unlinked */
    z_stream z;
    bool z_open, ended;
    uint64_t in, have; /* bytes taken from `from`; bytes put in `to` */
    uint8_t *buf;      /* [IN_BYTES + OUT_BYTES] */
};

static struct store_gzip *gzip_of(struct tsr_store *st)
{
    return (struct store_gzip *)st;
}

static int gzip_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        atomic_fetch_add_explicit(&st->requests, 1, memory_order_relaxed);
        rc = tsr_file_read(&gzip_of(st)->to, r[i].off, r[i].dst, r[i].len);
    }
    return rc;
}

static int gzip_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    if (key[0]) return tsr_fail(TSR_ENOTFOUND, "%s: holds nothing named %s", st->url, key);
    *size = gzip_of(st)->have;
    return TSR_OK;
}

static void gzip_close(struct tsr_store *st)
{
    struct store_gzip *s = gzip_of(st);
    if (s->z_open) inflateEnd(&s->z);
    tsr_file_close(&s->from);
    tsr_file_close(&s->to);
    tsr_free(s->buf);
    tsr_free(s);
}

static const struct tsr_store_kind gzip_kind = {
    .scheme = "gzip",
    .readv = gzip_readv,
    .stat = gzip_stat,
    .close = gzip_close,
};

static int wrong(const struct store_gzip *s, const char *what)
{
    return tsr_fail(TSR_ECORRUPT, "%s: gzip data before byte %llu: %s", s->base.url,
                    (unsigned long long)(s->in - s->z.avail_in), what);
}

/* More compressed bytes; *end: there are none. */
static int refill(struct store_gzip *s, bool *end)
{
    size_t got = 0;
    *end = false;
    if (s->z.avail_in > 0) return TSR_OK;
    int rc = tsr_file_read_some(&s->from, s->in, s->buf, IN_BYTES, &got);
    s->in += got;
    s->z.next_in = s->buf;
    s->z.avail_in = (uInt)got;
    *end = got == 0;
    return rc;
}

/* A member has ended: another one may follow, or bytes that are none, which do not count. */
static int next_member(struct store_gzip *s)
{
    bool end;
    int rc = refill(s, &end);
    if (rc < 0) return rc;
    s->ended = end || s->z.next_in[0] != 0x1F;
    return s->ended || inflateReset(&s->z) == Z_OK ? TSR_OK : wrong(s, "cannot go on");
}

/* Inflates at most one buffer. */
static int inflate_some(struct store_gzip *s)
{
    bool end;
    int rc = refill(s, &end);
    if (rc < 0) return rc;
    if (end) return wrong(s, "the file ends inside a member");
    s->z.next_out = s->buf + IN_BYTES;
    s->z.avail_out = OUT_BYTES;
    int z = inflate(&s->z, Z_NO_FLUSH);
    if (z == Z_MEM_ERROR) return tsr_fail(TSR_ENOMEM, "%s: inflate", s->base.url);
    if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
        return wrong(s, s->z.msg ? s->z.msg : "cannot be inflated");
    struct tsr_piece p = {s->buf + IN_BYTES, OUT_BYTES - s->z.avail_out};
    if (p.len && (rc = tsr_file_write(&s->to, s->have, &p, 1)) < 0) return rc;
    s->have += p.len;
    return z == Z_STREAM_END ? next_member(s) : TSR_OK;
}

int tsr_store_gunzip_to(struct tsr_store *st, uint64_t bytes, tsr_progress progress, void *user)
{
    struct store_gzip *s = gzip_of(st);
    int rc = TSR_OK;
    /* one byte more than wanted: when the content ends there, so that its checksum is tested */
    while (rc == TSR_OK && !s->ended && s->have <= bytes) {
        rc = inflate_some(s);
        if (rc == TSR_OK && progress && progress(user, (int64_t)s->have, (int64_t)bytes))
            rc = tsr_fail(TSR_ECANCELLED, "%s: stopped by the caller", st->url);
    }
    return rc;
}

/* The file that takes the content, beside another one, has a name for a moment only. */
static int open_files(struct store_gzip *s, const char *path, const char *beside)
{
    int rc = tsr_file_open(path, TSR_FILE_READ, &s->from);
    if (rc == TSR_OK) rc = tsr_file_temp(beside, &s->to);
    return rc == TSR_OK ? tsr_file_remove(s->to.path) : rc;
}

int tsr_store_gzip_open(const char *path, const char *beside, struct tsr_store **out)
{
    struct store_gzip *s = tsr_alloc_zero(1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    s->from.fd = s->to.fd = -1;
    int rc = tsr_store_init(&s->base, &gzip_kind, path, false);
    if (rc < 0) {
        tsr_free(s);
        return rc;
    }
    if (!(s->buf = tsr_alloc(IN_BYTES + OUT_BYTES))) rc = TSR_ENOMEM;
    if (rc == TSR_OK) rc = open_files(s, path, beside);
    s->z_open = rc == TSR_OK && inflateInit2(&s->z, 16 + MAX_WBITS) == Z_OK; /* 16: gzip only */
    if (rc == TSR_OK && !s->z_open) rc = tsr_fail(TSR_ENOMEM, "%s: inflate", path);
    if (rc < 0) tsr_store_close(&s->base);
    else *out = &s->base;
    return rc;
}
