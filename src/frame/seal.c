/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/seal.c - checksums (XXH3, 64 bits), where other programs see gaps or reserved bytes.
 *
 *   chunk     | the chunk | "tsrtag\0" 1 | xxh3 | number: i64 | state: u64 |
 *   index     | the index | "tsrseal" 1 | state: u64 | xxh3 of the index | header_len: u32, 0 |
 *                           header | xxh3 of the seal up to here |
 *   trailer   fingerprint (its type stays 0): | xxh3 of the trailer up to it | xxh3 of the header |
 *   header    byte 86: 0xB7
 *
 * All little endian.  A tag's hash covers the chunk and the tag's own number and state: the entry
 * the chunk was put under, and the commit that made it live, counted from the frame's first.  The
 * seal lies in the gap behind the index; tags count as bytes of the chunks area.
 *
 * c-blosc2 reads all this and rewrites the header with a 0 in byte 86 whenever it changes a frame,
 * so the mark says that nobody else did and that all of the above holds: every chunk is tagged,
 * and what is missing is damage.  Without the mark nothing is checked, and nothing is false
 * alarm; writing goes on without checksums, until the frame is copied with them. */
#include <xxhash.h>

#include "frame/priv.h"

enum { SEAL_FIXED = 32, SEAL_HASH = 8, PRINT = 16, WINDOW = 1 << 18, DIFFER_NONE = -1 };

static const uint8_t tag_magic[8] = {'t', 's', 'r', 't', 'a', 'g', 0, 1};
static const uint8_t seal_magic[8] = {'t', 's', 'r', 's', 'e', 'a', 'l', 1};

bool tsr_tag_is(const uint8_t tag[TAG_BYTES])
{
    return memcmp(tag, tag_magic, sizeof tag_magic) == 0;
}

bool tsr_seal_is(const uint8_t p[8])
{
    return memcmp(p, seal_magic, sizeof seal_magic) == 0;
}

/* ---- hashing ---- */

static XXH3_state_t *hash_new(void)
{
    XXH3_state_t *s = XXH3_createState();
    if (s) XXH3_64bits_reset(s);
    else tsr_fail(TSR_ENOMEM, "out of memory");
    return s;
}

/* Adds len bytes of an object, which need not fit in memory. */
static int hash_range(XXH3_state_t *s, struct tsr_store *st, const char *key, struct frame_extent e)
{
    const uint8_t *view = tsr_store_view(st, key, e.off, e.len);
    int rc = TSR_OK;
    if (view) {
        XXH3_64bits_update(s, view, (size_t)e.len);
        return TSR_OK;
    }
    uint8_t *buf = tsr_alloc(tsr_minz(WINDOW, (size_t)e.len));
    if (!buf) return TSR_ENOMEM;
    while (e.len && rc == TSR_OK) {
        size_t n = tsr_minz(WINDOW, (size_t)e.len);
        rc = tsr_store_read(st, key, e.off, buf, n);
        if (rc == TSR_OK) XXH3_64bits_update(s, buf, n);
        e.off += n;
        e.len -= n;
    }
    tsr_free(buf);
    return rc;
}

/* ---- tags ---- */

static int tag_make(uint8_t tag[TAG_BYTES], const struct tsr_piece *p, int n, int64_t chunk,
                    uint64_t state)
{
    XXH3_state_t *s = hash_new();
    if (!s) return TSR_ENOMEM;
    memcpy(tag, tag_magic, sizeof tag_magic);
    tsr_store_LE64(tag + 16, (uint64_t)chunk);
    tsr_store_LE64(tag + 24, state);
    for (int i = 0; i < n; i++) XXH3_64bits_update(s, p[i].p, p[i].len);
    XXH3_64bits_update(s, tag + 16, 16);
    tsr_store_LE64(tag + 8, XXH3_64bits_digest(s));
    XXH3_freeState(s);
    return TSR_OK;
}

int tsr_tag_check(struct tsr_store *st, const char *key, uint64_t off, uint64_t len,
                  const uint8_t tag[TAG_BYTES])
{
    XXH3_state_t *s = hash_new();
    if (!s) return TSR_ENOMEM;
    int rc = hash_range(s, st, key, (struct frame_extent){off, len});
    XXH3_64bits_update(s, tag + 16, 16);
    uint64_t found = XXH3_64bits_digest(s);
    XXH3_freeState(s);
    if (rc < 0 || (tsr_tag_is(tag) && found == tsr_load_LE64(tag + 8))) return rc;
    return tsr_fail(TSR_ECORRUPT, "checksum behind byte %llu: found %016llx%s, expected %016llx",
                    (unsigned long long)(off + len), (unsigned long long)tsr_load_LE64(tag + 8),
                    tsr_tag_is(tag) ? "" : " (and no tag)", (unsigned long long)found);
}

int tsr_tag_verify(const struct tsr_frame *f, const struct tsr_frame_place *at, uint64_t cbytes)
{
    uint8_t tag[TAG_BYTES];
    if (at->avail < cbytes + sizeof tag)
        return tsr_fail(TSR_ECORRUPT, "no room for its checksum: %llu bytes, expected %llu",
                        (unsigned long long)at->avail, (unsigned long long)cbytes + TAG_BYTES);
    int rc = tsr_store_read(f->st, at->key, at->off + cbytes, tag, sizeof tag);
    return rc < 0 ? rc : tsr_tag_check(f->st, at->key, at->off, cbytes, tag);
}

/* The pieces of p, each chunk's followed by its tag. */
static int tag_all(const struct tsr_frame *f, const struct frame_put *p, struct tsr_piece *pieces,
                   int *first, uint8_t *tags)
{
    int rc = TSR_OK, n = 0;
    for (size_t k = 0; k < p->n && rc == TSR_OK; k++) {
        const struct tsr_piece *from = p->pieces + p->first[k];
        int count = p->first[k + 1] - p->first[k];
        first[k] = n;
        memcpy(pieces + n, from, (size_t)count * sizeof *from);
        rc = tag_make(tags, from, count, p->i[k], f->state + 1);
        pieces[n + count] = (struct tsr_piece){tags, TAG_BYTES};
        tags += TAG_BYTES;
        n += count + 1;
    }
    first[p->n] = n;
    return rc;
}

int tsr_tag_put(struct tsr_frame *f, const struct frame_put *p)
{
    struct tsr_piece *pieces = tsr_alloc_array((size_t)p->first[p->n] + p->n, sizeof *pieces);
    int *first = tsr_alloc_array(p->n + 1, sizeof *first);
    uint8_t *tags = tsr_alloc_array(p->n, TAG_BYTES);
    int rc = pieces && first && tags ? tag_all(f, p, pieces, first, tags) : TSR_ENOMEM;
    for (size_t k = 0; k < p->n; k++) p->at[k].len += TAG_BYTES;
    if (rc == TSR_OK) rc = f->home->put(f, &(struct frame_put){p->n, p->i, pieces, first, p->at});
    tsr_free(pieces);
    tsr_free(first);
    tsr_free(tags);
    return rc;
}

/* ---- commits ---- */

size_t tsr_seal_len(const struct tsr_frame *f)
{
    if (!f->facts.checksum || !f->facts.nchunks) return 0;
    return SEAL_FIXED + (size_t)f->h.header_len + SEAL_HASH;
}

int tsr_seal_emit(const struct tsr_frame *f, struct frame_commit *c)
{
    size_t head_len = (size_t)f->h.header_len;
    uint8_t *print = c->trailer.p + c->trailer.len - PRINT;
    if (!f->facts.checksum) return TSR_OK;
    tsr_store_LE64(print, XXH3_64bits(c->trailer.p, c->trailer.len - PRINT));
    tsr_store_LE64(print + 8, XXH3_64bits(f->head, head_len));
    if (!c->index.bytes) return TSR_OK;
    int rc = tsr_buf_reserve(&c->seal, c->seal_len);
    if (rc < 0) return rc;
    uint8_t *p = c->seal.p;
    memcpy(p, seal_magic, sizeof seal_magic);
    tsr_store_LE64(p + 8, f->state + 1);
    tsr_store_LE64(p + 16, XXH3_64bits(c->index.bytes->p, c->index.bytes->len));
    tsr_store_LE32(p + 24, (uint32_t)head_len);
    tsr_store_LE32(p + 28, 0);
    memcpy(p + SEAL_FIXED, f->head, head_len);
    c->seal.len = SEAL_FIXED + head_len;
    tsr_store_LE64(p + c->seal.len, XXH3_64bits(p, c->seal.len));
    c->seal.len += SEAL_HASH;
    return TSR_OK;
}

/* ---- what a frame holds ---- */

void tsr_seal_free(struct frame_seal *s)
{
    tsr_free(s->p);
    *s = (struct frame_seal){0};
}

int tsr_seal_read(struct tsr_store *st, const char *key, uint64_t off, uint64_t avail,
                  struct frame_seal *out)
{
    uint8_t fixed[SEAL_FIXED];
    *out = (struct frame_seal){0};
    if (avail < sizeof fixed) goto none;
    int rc = tsr_store_read(st, key, off, fixed, sizeof fixed);
    if (rc < 0) return rc;
    size_t head_len = tsr_load_LE32(fixed + 24), len = SEAL_FIXED + head_len;
    if (!tsr_seal_is(fixed) || head_len < FRAME_HEADER_MIN || len > avail - SEAL_HASH) goto none;
    if (!(out->p = tsr_alloc(len + SEAL_HASH))) return TSR_ENOMEM;
    rc = tsr_store_read(st, key, off, out->p, len + SEAL_HASH);
    if (rc == TSR_OK && tsr_load_LE64(out->p + len) == XXH3_64bits(out->p, len)) {
        out->state = tsr_load_LE64(out->p + 8);
        out->index_hash = tsr_load_LE64(out->p + 16);
        out->head = out->p + SEAL_FIXED;
        out->head_len = head_len;
        return TSR_OK;
    }
    tsr_seal_free(out);
    if (rc < 0) return rc;
none:
    return tsr_fail(TSR_ECORRUPT, "frame: the checksums at byte %llu are damaged",
                    (unsigned long long)off);
}

/* Of the flushed state. */
static int seal_of(const struct tsr_frame *f, struct frame_seal *out)
{
    uint64_t off = f->index.off + (uint64_t)f->index.chunk.cbytes;
    uint64_t end = f->start + f->h.frame_len;
    return tsr_seal_read(f->st, f->home->key, off, end > off ? end - off : 0, out);
}

void tsr_seal_take(struct tsr_frame *f)
{
    struct frame_seal s;
    if (!f->facts.checksum || !f->index.has_chunk || seal_of(f, &s) < 0) return;
    f->state = s.state;
    tsr_seal_free(&s);
}

/* ---- checks ---- */

/* The trailer as it is stored. */
static int trailer_of(const struct tsr_frame *f, struct tsr_buf *out)
{
    uint8_t end[FRAME_TRAILER_END];
    uint64_t stop = f->start + f->h.frame_len;
    uint32_t len;
    int rc = tsr_store_read(f->st, f->home->key, stop - sizeof end, end, sizeof end);
    if (rc == TSR_OK) rc = tsr_trailer_len(end, f->h.frame_len - (uint64_t)f->h.header_len, &len);
    if (rc == TSR_OK) rc = tsr_buf_reserve(out, len);
    if (rc == TSR_OK) rc = tsr_store_read(f->st, f->home->key, stop - len, out->p, len);
    if (rc == TSR_OK) out->len = len;
    return rc;
}

int tsr_seal_trailer(const uint8_t *p, size_t len)
{
    uint64_t found = tsr_load_LE64(p + len - PRINT), expected = XXH3_64bits(p, len - PRINT);
    if (found == expected) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "frame trailer: checksum: found %016llx, expected %016llx",
                    (unsigned long long)found, (unsigned long long)expected);
}

/* The first byte that is not as in the seal. */
static int differs_at(const struct tsr_frame *f, uint8_t *expected)
{
    struct frame_seal s;
    int at = 0, len = f->h.header_len;
    if (!f->index.has_chunk || seal_of(f, &s) < 0) return DIFFER_NONE;
    while (at < len && (size_t)at < s.head_len && s.head[at] == f->head_flushed[at]) at++;
    if (at < len && (size_t)at < s.head_len) *expected = s.head[at];
    else at = DIFFER_NONE;
    tsr_seal_free(&s);
    return at;
}

static int check_header(const struct tsr_frame *f, const struct tsr_buf *t, bool sealed)
{
    const uint8_t *head = f->head_flushed;
    uint8_t expected = 0;
    if (!sealed || head[FRAME_FIXED - 1] == 0) return TSR_OK; /* 0: another program rewrote it */
    uint64_t hash = XXH3_64bits(head, (size_t)f->h.header_len);
    if (hash == tsr_load_LE64(t->p + t->len - 8)) return TSR_OK;
    int at = differs_at(f, &expected);
    if (at == DIFFER_NONE)
        return tsr_fail(TSR_ECORRUPT, "frame header: checksum: found %016llx, expected %016llx",
                        (unsigned long long)tsr_load_LE64(t->p + t->len - 8),
                        (unsigned long long)hash);
    return tsr_fail(TSR_ECORRUPT,
                    "frame header: byte %d: found 0x%02x, its copy behind the index has 0x%02x", at,
                    head[at], expected);
}

static int check_index(const struct tsr_frame *f)
{
    const struct frame_index *ix = &f->index;
    struct frame_seal s;
    if (!f->facts.checksum || !ix->has_chunk) return TSR_OK;
    XXH3_state_t *h = hash_new();
    int rc = h ? seal_of(f, &s) : TSR_ENOMEM;
    if (rc == TSR_OK) {
        struct frame_extent e = {ix->off, (uint64_t)ix->chunk.cbytes};
        rc = hash_range(h, f->st, ix->key, e);
        uint64_t found = XXH3_64bits_digest(h);
        if (rc == TSR_OK && found != s.index_hash)
            rc = tsr_fail(TSR_ECORRUPT,
                          "index chunk at byte %llu: checksum: found %016llx, expected %016llx",
                          (unsigned long long)ix->off, (unsigned long long)s.index_hash,
                          (unsigned long long)found);
        tsr_seal_free(&s);
    }
    XXH3_freeState(h);
    return rc;
}

int tsr_seal_verify(const struct tsr_frame *f, int (*tell)(void *arg, int rc), void *arg)
{
    static const uint8_t none[PRINT];
    struct tsr_buf t = {0};
    if (f->dirty || f->created) return TSR_OK; /* what the store has is not what f is */
    int rc = trailer_of(f, &t);
    if (rc == TSR_OK) {
        bool sealed = memcmp(t.p + t.len - PRINT, none, PRINT) != 0;
        if (!sealed && f->facts.checksum)
            rc = tsr_fail(TSR_ECORRUPT, "frame trailer: no checksum, the header says there is one");
        if (rc < 0) rc = tell(arg, rc);
        if (rc == TSR_OK && sealed && (rc = tsr_seal_trailer(t.p, t.len)) < 0) rc = tell(arg, rc);
        if (rc == TSR_OK && (rc = check_header(f, &t, sealed)) < 0) rc = tell(arg, rc);
    }
    tsr_buf_free(&t);
    if (rc == TSR_OK && (rc = check_index(f)) < 0) rc = tell(arg, rc);
    return rc;
}
