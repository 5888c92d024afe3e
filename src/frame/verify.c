/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/verify.c - checks what open leaves for later: every entry of the index, every chunk's
 * header, that no two chunks overlap, and every variable-length metalayer.  What is inside the
 * blocks of chunks is the caller's to decode.
 *
 * Once the chunks seen take more bytes than there are, two of them overlap and no more are noted:
 * an index that names one chunk a million times must not cost a million notes. */
#include "frame/priv.h"

#include <stdlib.h>

struct span {
    uint64_t off, len;
    int64_t chunk;
};

struct check {
    const struct tsr_frame *f;
    void (*fn)(void *user, int64_t chunk, tsr_status status, const char *what);
    void *user;
    struct tsr_buf spans;
    uint64_t taken, room; /* bytes of the spans; that there are */
    int64_t nbytes;       /* decoded bytes of the chunks seen */
    bool whole;           /* none of them was bad */
    bool special;         /* one had no chunk stored */
    int vlblocks;         /* of those with blocks: 1 of variable length, 0 not, -1 none seen yet */
};

/* Problems are told, except for those that stop the looking. */
static int tell(const struct check *c, int64_t chunk, int rc)
{
    if (rc == TSR_ENOMEM || rc == TSR_EIO) return rc;
    c->fn(c->user, chunk, (tsr_status)rc, tsr_error());
    return TSR_OK;
}

static int tell_frame(void *arg, int rc)
{
    return tell(arg, -1, rc);
}

/* Chunks with blocks of variable length and others do not mix (14.24). */
static int check_kind(struct check *c, const struct tsr_chunk *chunk)
{
    if (chunk->special) return TSR_OK;
    if (c->vlblocks < 0) c->vlblocks = chunk->vlblocks;
    if (c->vlblocks == chunk->vlblocks) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "chunk header: flags2 at byte 30: blocks of variable length in "
                                  "some chunks of the frame only");
}

static int check_header(struct check *c, int64_t i, const struct tsr_frame_place *at,
                        int32_t *cbytes)
{
    uint8_t head[TSR_CHUNK_HEADER];
    struct tsr_chunk chunk;
    int64_t want = tsr_frame_chunk_nbytes(c->f, i);
    struct tsr_limits limits = {TSR_CHUNK_MAX_NBYTES, c->f->limits.codecs};
    int rc = tsr_store_read(c->f->st, at->key, at->off, head, sizeof head);
    if (rc == TSR_OK) rc = tsr_chunk_parse(&chunk, head, sizeof head, at->avail, limits);
    if (rc == TSR_OK && c->f->facts.checksum) rc = tsr_tag_verify(c->f, at, (uint64_t)chunk.cbytes);
    if (rc < 0) return rc;
    *cbytes = chunk.cbytes;
    c->nbytes += chunk.nbytes;
    if (chunk.nbytes == want || (want < 0 && chunk.nbytes > 0)) return check_kind(c, &chunk);
    return tsr_fail(TSR_ECORRUPT, "chunk header: nbytes at byte 4: found %d, expected %lld",
                    chunk.nbytes, (long long)want);
}

static int note_span(struct check *c, const struct span *s)
{
    if (c->taken > c->room) return TSR_OK;
    c->taken += s->len;
    return tsr_buf_add(&c->spans, s, sizeof *s);
}

/* Where chunks have any size only one may be special, and finding its size asks all others. */
static int check_special(struct check *c, int64_t i, int64_t *size)
{
    if (c->f->facts.variable && c->special)
        return tsr_fail(TSR_ECORRUPT,
                        "frame: entry %lld of the index is special, as another "
                        "one before, and chunk_size is 0: their sizes are unknown",
                        (long long)i);
    c->special = true;
    return tsr_frame_chunk_size(c->f, i, size);
}

static int check_chunk(struct check *c, int64_t i)
{
    struct tsr_frame_place at;
    int32_t cbytes = 0;
    int64_t size = 0;
    int rc = tsr_frame_locate(c->f, i, &at);
    int32_t item = c->f->facts.cparams.item_bytes;
    if (rc == TSR_OK && at.special == TSR_SPECIAL_NAN && item != 4 && item != 8)
        rc = tsr_fail(TSR_ECORRUPT, "frame: entry %lld of the index: NaN for items of %d bytes",
                      (long long)i, item);
    else if (rc == TSR_OK && at.special) rc = check_special(c, i, &size);
    else if (rc == TSR_OK) rc = check_header(c, i, &at, &cbytes);
    c->nbytes += size;
    c->whole &= rc == TSR_OK;
    if (rc < 0) return tell(c, i, rc);
    if (at.special) return TSR_OK;
    uint64_t len = (uint64_t)cbytes + (c->f->facts.checksum ? TAG_BYTES : 0);
    /* files are laid side by side, wide enough for any chunk */
    if (c->f->home->frame_type) at.off = (uint64_t)strtoull(at.key, NULL, 16) << 32;
    return note_span(c, &(struct span){at.off, len, i});
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = ((const struct span *)a)->off, y = ((const struct span *)b)->off;
    return (x > y) - (x < y);
}

static int overlap(const struct check *c, const struct span *a, const struct span *b)
{
    if (c->f->home->frame_type)
        return tsr_fail(TSR_ECORRUPT, "is file %08llX.chunk, as chunk %lld is",
                        (unsigned long long)(b->off >> 32), (long long)a->chunk);
    return tsr_fail(TSR_ECORRUPT, "starts at byte %llu, inside chunk %lld, which ends at %llu",
                    (unsigned long long)b->off, (long long)a->chunk,
                    (unsigned long long)(a->off + a->len));
}

static int check_overlaps(const struct check *c)
{
    struct span *s = (struct span *)(void *)c->spans.p;
    size_t n = c->spans.len / sizeof *s;
    int rc = TSR_OK;
    if (n) qsort(s, n, sizeof *s, by_offset);
    for (size_t i = 1; i < n && rc == TSR_OK; i++)
        if (s[i - 1].off + s[i - 1].len > s[i].off)
            rc = tell(c, s[i].chunk, overlap(c, &s[i - 1], &s[i]));
    return rc;
}

/* Only chunks of any size can disagree with their sum. */
static int check_sum(const struct check *c)
{
    int64_t want = c->f->facts.nbytes;
    if (!c->whole || c->nbytes == want) return TSR_OK;
    return tell(c, -1,
                tsr_fail(TSR_ECORRUPT,
                         "frame header: nbytes at byte 30: found %lld, the chunks "
                         "have %lld",
                         (long long)want, (long long)c->nbytes));
}

static int check_vlmetas(const struct check *c)
{
    const struct frame_metas *m = &c->f->vlmetas;
    int rc = TSR_OK;
    for (int i = 0; i < m->n && rc == TSR_OK; i++) {
        void *buf;
        size_t len;
        rc = tsr_frame_meta_get(c->f, TSR_VLMETA, m->v[i].name, &buf, &len);
        if (rc == TSR_OK) tsr_free(buf);
        else rc = tell(c, -1, rc);
    }
    return rc;
}

/* Entries from i on, a page of them, that are the same special value, of which none can be wrong:
 * an array of zeros has millions. */
static int64_t sound_entries(struct check *c, int64_t i)
{
    const struct tsr_frame *f = c->f;
    int64_t v, mark, n = tsr_min64(PAGE_ENTRIES, f->facts.nchunks - i);
    if (f->facts.variable || i % PAGE_ENTRIES || tsr_index_get(&f->index, i, &v) < 0) return 0;
    mark = tsr_index_page_mark(&f->index, (size_t)(i / PAGE_ENTRIES));
    if (!mark || tsr_frame_check_special(f->facts.cparams.item_bytes, entry_kind(mark)) < 0)
        return 0;
    c->nbytes += (n - 1) * f->facts.chunk_bytes + tsr_frame_chunk_nbytes(f, i + n - 1);
    return n;
}

int tsr_frame_verify(const struct tsr_frame *f,
                     void (*fn)(void *user, int64_t chunk, tsr_status status, const char *what),
                     void *user)
{
    struct check c = {.f = f, .fn = fn, .user = user, .whole = true, .vlblocks = -1};
    c.room = f->home->frame_type ? UINT64_MAX : f->space.area;
    int rc = tsr_seal_verify(f, tell_frame, &c);
    for (int64_t i = 0; i < f->facts.nchunks && rc == TSR_OK;) {
        int64_t n = sound_entries(&c, i);
        if (n == 0) rc = check_chunk(&c, i);
        i += n ? n : 1;
    }
    if (rc == TSR_OK) rc = check_overlaps(&c);
    if (rc == TSR_OK) rc = check_sum(&c);
    if (rc == TSR_OK) rc = check_vlmetas(&c);
    tsr_buf_free(&c.spans);
    return rc;
}
