/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/salvage.c - looks for chunks, seals, indexes and trailers in bytes that nothing describes.
 *
 * Every byte may be the first of something.  What has a checksum is known when that is right;
 * what has none must have the sizes the frame asks for, where they are known, and decode to the
 * last byte.  A chunk that is accepted is stepped over, so that nothing inside it is looked at.
 *
 * Bytes may be made to look like the beginning of many large chunks: what is read and found to be
 * none comes out of a budget, a small multiple of the file. */
#include "frame/salvage.h"

#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 1 << 20, AHEAD = TSR_CHUNK_HEADER, SEAL_MOST = 1 << 20, BUDGET_LEAST = 64 << 20 };
enum { BUDGET_TIMES = 8, SIGNS = 4 };

int tsr_salvage_init(struct salvage *s, struct tsr_store *st, const struct frame_home *home,
                     struct tsr_limits limits)
{
    *s = (struct salvage){.st = st, .home = home, .limits = limits};
    int rc = tsr_pool_new(1, &s->pool);
    if (rc < 0) return rc;
    rc = tsr_store_stat(st, home->key, &s->size);
    if (rc == TSR_ENOTFOUND) s->size = 0;
    s->budget = BUDGET_LEAST;
    if (s->size < (UINT64_MAX - BUDGET_LEAST) / BUDGET_TIMES) s->budget += s->size * BUDGET_TIMES;
    return rc == TSR_ENOTFOUND && home->frame_type ? TSR_OK : rc;
}

void tsr_salvage_done(struct salvage *s)
{
    tsr_buf_free(&s->bytes);
    tsr_buf_free(&s->chunks);
    tsr_buf_free(&s->seals);
    tsr_pool_free(s->pool);
    s->pool = NULL;
}

static bool spend(struct salvage *s, uint64_t n)
{
    bool enough = s->budget >= n;
    s->budget -= enough ? n : s->budget;
    return enough;
}

/* ---- a chunk ---- */

static int decode_blocks(const struct salvage *s, const struct tsr_chunk *c, struct tsr_worker *w)
{
    int64_t step = c->vlblocks || c->serial ? c->nbytes : c->block_bytes;
    uint8_t *dst = tsr_alloc((size_t)tsr_min64(step, c->nbytes));
    int rc = dst ? TSR_OK : TSR_ENOMEM;
    for (int64_t at = 0; at < c->nbytes && rc == TSR_OK; at += step)
        rc = tsr_chunk_decode_range(c, w, s->bytes.p, at, tsr_min64(step, c->nbytes - at), dst);
    tsr_free(dst);
    return rc;
}

/* s->bytes has all of it. */
static int decodes(const struct salvage *s)
{
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, s->bytes.p, s->bytes.len, s->bytes.len, s->limits);
    if (rc < 0) return rc;
    c.item_bytes = s->item_bytes;
    c.block_shape = s->block_shape;
    c.block_ndim = s->block_ndim;
    struct tsr_worker *w = tsr_pool_borrow(s->pool);
    if (!w) return TSR_ENOMEM;
    rc = decode_blocks(s, &c, w);
    tsr_pool_return(s->pool, w);
    return rc;
}

static int read_tag(const struct salvage *s, const struct tsr_frame_place *at,
                    struct salvage_chunk *out)
{
    uint8_t tag[TAG_BYTES];
    if (at->avail - out->cbytes < sizeof tag) return TSR_OK;
    int rc = tsr_store_read(s->st, at->key, at->off + out->cbytes, tag, sizeof tag);
    if (rc < 0 || !tsr_tag_is(tag)) return rc;
    rc = tsr_tag_check(s->st, at->key, at->off, out->cbytes, tag);
    if (rc < 0) return rc == TSR_ECORRUPT ? TSR_OK : rc;
    out->tagged = true;
    out->number = (int64_t)tsr_load_LE64(tag + 16);
    out->state = tsr_load_LE64(tag + 24);
    return TSR_OK;
}

int tsr_salvage_check(struct salvage *s, const struct tsr_frame_place *at, int64_t nbytes,
                      struct salvage_chunk *out)
{
    uint8_t head[16];
    *out = (struct salvage_chunk){.off = at->off};
    memcpy(out->key, at->key, sizeof out->key);
    if (at->avail < sizeof head) return tsr_fail(TSR_ECORRUPT, "no room for a chunk");
    int rc = tsr_store_read(s->st, at->key, at->off, head, sizeof head);
    if (rc < 0) return rc;
    out->nbytes = (int32_t)tsr_load_LE32(head + 4);
    out->cbytes = tsr_load_LE32(head + 12);
    if (out->cbytes < sizeof head || out->cbytes > at->avail)
        return tsr_fail(TSR_ECORRUPT,
                        "chunk header: cbytes at byte 12: found %llu, expected 16 to %llu",
                        (unsigned long long)out->cbytes, (unsigned long long)at->avail);
    if (nbytes && out->nbytes != nbytes)
        return tsr_fail(TSR_ECORRUPT, "chunk header: nbytes at byte 4: found %d, expected %lld",
                        out->nbytes, (long long)nbytes);
    s->bytes.len = 0;
    if ((rc = tsr_buf_reserve(&s->bytes, (size_t)out->cbytes)) < 0) return rc;
    rc = tsr_store_read(s->st, at->key, at->off, s->bytes.p, (size_t)out->cbytes);
    if (rc == TSR_OK) rc = read_tag(s, at, out);
    s->bytes.len = (size_t)out->cbytes;
    return rc < 0 || out->tagged ? rc : decodes(s);
}

/* ---- windows ---- */

/* Tells look of each offset; what it answers is stepped over, 0: one byte. */
static int each_offset(struct salvage *s, int (*look)(struct salvage *s, uint64_t off,
                                                      const uint8_t *p, uint64_t *step))
{
    uint8_t *buf = tsr_alloc_zero(WINDOW + AHEAD, 1);
    int rc = buf ? TSR_OK : TSR_ENOMEM;
    for (uint64_t from = 0; from < s->size && rc == TSR_OK;) {
        uint64_t left = s->size - from, at = 0;
        size_t have = tsr_minz(WINDOW + AHEAD, (size_t)tsr_min64((int64_t)left, WINDOW + AHEAD));
        size_t most = left > have ? WINDOW : have;
        memset(buf + have, 0, WINDOW + AHEAD - have);
        rc = tsr_store_read(s->st, s->home->key, from, buf, have);
        while (at < most && rc == TSR_OK) {
            uint64_t step = 0;
            if (at + AHEAD > have) break; /* no room for anything */
            rc = look(s, from + at, buf + at, &step);
            at += step ? step : 1;
        }
        from += left > have ? at : left;
    }
    tsr_free(buf);
    return rc;
}

/* ---- seals, indexes, trailers ---- */

static void ring_add(struct salvage_ring *r, uint64_t off)
{
    r->off[r->n++ % RING_MOST] = off;
}

static int see_seal(struct salvage *s, uint64_t off)
{
    struct frame_seal seal;
    uint64_t avail = (uint64_t)tsr_min64((int64_t)(s->size - off), SEAL_MOST);
    int rc = tsr_seal_read(s->st, s->home->key, off, avail, &seal);
    if (rc < 0 && !spend(s, avail)) return TSR_OK;
    if (rc < 0) return rc == TSR_ECORRUPT ? TSR_OK : rc;
    struct salvage_seal found = {off, seal.state};
    tsr_seal_free(&seal);
    return tsr_buf_add(&s->seals, &found, sizeof found);
}

static bool like_index(const uint8_t *p)
{
    int64_t nbytes = (int32_t)tsr_load_LE32(p + 4);
    return p[0] >= 2 && p[0] <= 5 && (p[2] & 5) == 5 && p[3] == 8 && nbytes > 0 && nbytes % 8 == 0;
}

static int look_mark(struct salvage *s, uint64_t off, const uint8_t *p, uint64_t *step)
{
    static const uint8_t trailer[SIGNS] = {0x94, 0x01, 0x93, 0xCD};
    (void)step;
    if (p[0] == trailer[0] && memcmp(p, trailer, SIGNS) == 0) ring_add(&s->trailers, off);
    else if (p[0] == 't' && tsr_seal_is(p)) return see_seal(s, off);
    else if (like_index(p)) ring_add(&s->indexes, off);
    return TSR_OK;
}

static int newer(const void *a, const void *b)
{
    const struct salvage_seal *x = a, *y = b;
    return (x->state < y->state) - (x->state > y->state);
}

int tsr_salvage_marks(struct salvage *s)
{
    int rc = each_offset(s, look_mark);
    size_t n = s->seals.len / sizeof(struct salvage_seal);
    if (n) qsort(s->seals.p, n, sizeof(struct salvage_seal), newer);
    return rc;
}

/* ---- chunks ---- */

static bool like_chunk(const struct salvage *s, const uint8_t *p, uint64_t avail)
{
    int64_t nbytes = (int32_t)tsr_load_LE32(p + 4), cbytes = (int32_t)tsr_load_LE32(p + 12);
    if (p[0] < 3 || p[0] > 6 || p[1] != 1 || (p[2] & 5) != 5 || p[3] == 0) return false;
    if (cbytes < TSR_CHUNK_HEADER || (uint64_t)cbytes > avail || nbytes <= 0) return false;
    if (p[30] > 1 || (p[31] & 8) || (p[31] >> 4 & 7) > 4) return false;
    if (s->chunk_bytes) return nbytes == s->chunk_bytes || nbytes == s->last_bytes;
    return (uint64_t)nbytes <= s->limits.max_bytes;
}

static int look_chunk(struct salvage *s, uint64_t off, const uint8_t *p, uint64_t *step)
{
    struct tsr_frame_place at = {.off = off, .avail = s->size - off};
    struct salvage_chunk found;
    uint64_t cbytes = tsr_load_LE32(p + 12);
    if (!like_chunk(s, p, at.avail) || s->budget == 0) return TSR_OK;
    snprintf(at.key, sizeof at.key, "%s", s->home->key);
    int rc = tsr_salvage_check(s, &at, 0, &found);
    if (repair_is_fatal(rc)) return rc;
    if (rc < 0) {
        spend(s, cbytes);
        return TSR_OK;
    }
    *step = cbytes + (found.tagged ? TAG_BYTES : 0);
    return tsr_buf_add(&s->chunks, &found, sizeof found);
}

static int look_file(void *user, const char *key)
{
    struct salvage *s = user;
    struct tsr_frame_place at = {.off = 0};
    struct salvage_chunk found;
    size_t len = strlen(key);
    if (len >= sizeof at.key || len < 6 || strcmp(key + len - 6, ".chunk") != 0) return TSR_OK;
    memcpy(at.key, key, len + 1);
    int rc = tsr_store_stat(s->st, key, &at.avail);
    if (rc == TSR_OK) rc = tsr_salvage_check(s, &at, 0, &found);
    if (repair_is_fatal(rc)) return rc;
    if (rc < 0) return TSR_OK;
    bool fits = !s->chunk_bytes || found.nbytes == s->chunk_bytes || found.nbytes == s->last_bytes;
    return fits ? tsr_buf_add(&s->chunks, &found, sizeof found) : TSR_OK;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct salvage_chunk *)a)->key, ((const struct salvage_chunk *)b)->key);
}

int tsr_salvage_chunks(struct salvage *s)
{
    s->chunks.len = 0;
    if (!s->home->frame_type) return each_offset(s, look_chunk);
    int rc = tsr_store_list(s->st, "", look_file, s);
    if (salvage_count(s))
        qsort(s->chunks.p, salvage_count(s), sizeof(struct salvage_chunk), by_key);
    return rc;
}
