/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/skeleton.c - header, index and trailer of a damaged frame, wherever they are.
 *
 *   header   the file's own; else the copy in a seal (seal.c), of the newest state; else what the
 *            chunks themselves say: the sizes of items and chunks, and nothing else
 *   index    where the header says; else that of a seal, if the number of chunks is the same;
 *            else any chunk whose every entry leads to a chunk or a special value
 *   trailer  where the header says, else the last sound one in the file
 *
 * The file is searched only when one of the first choices fails. */
#include <stdlib.h>

#include "frame/salvage.h"

enum { TRAILER_MOST = 1 << 20, INDEX_HEAD = 40 };

/* ---- header ---- */

/* Takes p[len] as the header of the old frame; lengths may say more than the file has. */
static int take_header(struct repair *r, const uint8_t *p, size_t len)
{
    struct tsr_frame *f = r->f;
    struct frame_header h;
    if (len < FRAME_HEADER_MIN) return tsr_fail(TSR_ECORRUPT, "frame header: %zu bytes", len);
    int rc = tsr_header_parse(&h, p, INT64_MAX, r->s.home);
    if (rc == TSR_OK && (size_t)h.header_len != len)
        rc = tsr_fail(TSR_ECORRUPT, "frame header: header_len at byte 11: found %d, of %zu bytes",
                      h.header_len, len);
    uint8_t *own = rc == TSR_OK ? tsr_alloc(len) : NULL;
    struct frame_metas metas = {0};
    if (rc == TSR_OK && !own) rc = TSR_ENOMEM;
    if (rc < 0) return rc;
    memcpy(own, p, len);
    rc = tsr_metas_parse(&metas, own, len, FRAME_FIXED + 1, FRAME_METAS, "header");
    if (rc < 0) {
        tsr_free(own);
        return rc;
    }
    tsr_free(f->head);
    tsr_free(f->metas.v);
    f->head = own;
    f->metas = metas;
    f->h = h;
    tsr_header_facts(&h, f->limits.codecs, &f->facts);
    f->facts.sparse = r->s.home->frame_type;
    f->space.area = r->s.size > len ? r->s.size - len : 0;
    r->has_head = true;
    return TSR_OK;
}

static int own_header(struct repair *r)
{
    uint8_t fixed[FRAME_FIXED];
    struct tsr_store *st = r->s.st;
    if (r->s.size < FRAME_HEADER_MIN) return tsr_fail(TSR_ECORRUPT, "frame header: cut short");
    int rc = tsr_store_read(st, r->s.home->key, 0, fixed, sizeof fixed);
    if (rc < 0) return rc;
    uint32_t len = tsr_load_BE32(fixed + 11);
    if (len < FRAME_HEADER_MIN || len > r->s.size)
        return tsr_fail(TSR_ECORRUPT, "frame header: header_len at byte 11: found %u", len);
    uint8_t *p = tsr_alloc(len);
    if (!p) return TSR_ENOMEM;
    rc = tsr_store_read(st, r->s.home->key, 0, p, len);
    if (rc == TSR_OK) rc = take_header(r, p, len);
    tsr_free(p);
    return rc;
}

static size_t count_seals(const struct repair *r)
{
    return r->s.seals.len / sizeof(struct salvage_seal);
}

static int read_seal(const struct repair *r, size_t i, struct frame_seal *out)
{
    const struct salvage_seal *s = (struct salvage_seal *)(void *)r->s.seals.p + i;
    return tsr_seal_read(r->s.st, r->s.home->key, s->off, r->s.size - s->off, out);
}

/* Is the header as one of the seals has it? */
static bool is_sealed(const struct repair *r)
{
    bool same = false;
    for (size_t i = 0; i < count_seals(r) && !same; i++) {
        struct frame_seal seal;
        if (read_seal(r, i, &seal) < 0) continue;
        same = seal.head_len == (size_t)r->f->h.header_len &&
               memcmp(seal.head, r->f->head, seal.head_len) == 0;
        tsr_seal_free(&seal);
    }
    return same;
}

static int header_from_seals(struct repair *r)
{
    for (size_t i = 0; i < count_seals(r); i++) {
        struct frame_seal seal;
        int rc = read_seal(r, i, &seal);
        if (rc == TSR_OK) rc = take_header(r, seal.head, seal.head_len);
        tsr_seal_free(&seal);
        if (repair_is_fatal(rc)) return rc;
        if (rc < 0) continue;
        repair_say(r, "header: lost, taken from its newest copy behind an index");
        return TSR_OK;
    }
    return TSR_OK;
}

/* ---- header from chunks ---- */

/* The size that most of the chunks have; between two the larger. */
static int64_t usual_size(const struct salvage *s)
{
    int64_t best = 0;
    size_t most = 0;
    enum { SAMPLE = 256 };
    for (size_t i = 0; i < salvage_count(s) && i < SAMPLE; i++) {
        size_t n = 0;
        for (size_t j = 0; j < salvage_count(s); j++)
            n += salvage_at(s, j)->nbytes == salvage_at(s, i)->nbytes;
        if (n < most || (n == most && salvage_at(s, i)->nbytes <= best)) continue;
        most = n;
        best = salvage_at(s, i)->nbytes;
    }
    return best;
}

/* Only chunks of the usual size, and a shorter one at the end, can be a super-chunk. */
static void keep_size(struct salvage *s, int64_t size)
{
    size_t n = salvage_count(s), kept = 0;
    for (size_t i = 0; i < n; i++)
        if (salvage_at(s, i)->nbytes == size) *salvage_at(s, kept++) = *salvage_at(s, i);
    s->chunks.len = kept * sizeof(struct salvage_chunk);
}

static int header_from_chunks(struct repair *r)
{
    struct salvage *s = &r->s;
    struct tsr_frame *f = r->f;
    struct tsr_chunk c;
    uint8_t head[TSR_CHUNK_HEADER];
    int rc = tsr_salvage_chunks(s);
    if (rc < 0) return rc;
    r->searched = true;
    int64_t size = usual_size(s);
    if (!size) return tsr_fail(TSR_ECORRUPT, "nothing of a Blosc2 frame is left");
    keep_size(s, size);
    const struct salvage_chunk *first = salvage_at(s, 0);
    rc = tsr_store_read(s->st, first->key, first->off, head, sizeof head);
    if (rc == TSR_OK) rc = tsr_chunk_parse(&c, head, sizeof head, first->cbytes, s->limits);
    if (rc < 0) return rc;
    struct tsr_frame_facts p = {.chunk_bytes = size, .nbytes = size * (int64_t)salvage_count(s)};
    tsr_cparams_init(&p.cparams, c.typesize);
    memcpy(p.cparams.filters, c.filters, sizeof c.filters);
    memcpy(p.cparams.filters_meta, c.filters_meta, sizeof c.filters_meta);
    if (!c.special && !c.memcpyed) {
        p.cparams.codec_id = c.codec_id;
        p.cparams.codec_meta = c.codec_meta;
    }
    p.checksum = first->tagged;
    p.sparse = s->home->frame_type;
    tsr_header_init(&f->h, &p);
    f->h.header_len = FRAME_HEADER_MIN;
    tsr_header_facts(&f->h, f->limits.codecs, &f->facts);
    f->facts.sparse = p.sparse;
    r->has_head = true;
    tsr_fail(TSR_ECORRUPT, "header: lost; a super-chunk is made of the chunks, which know nothing "
                           "of shape, dtype and metalayers");
    repair_tell(r, -1, TSR_ECORRUPT);
    return TSR_OK;
}

/* ---- index ---- */

/* The chunk that begins at off as the index; every page of it must load. */
static int try_index(struct repair *r, uint64_t off)
{
    struct tsr_frame *f = r->f;
    struct frame_index *ix = &f->index;
    uint8_t head[INDEX_HEAD];
    tsr_index_done(ix);
    ix->st = r->s.st;
    ix->key = r->s.home->key;
    ix->pool = f->pool;
    if (off > r->s.size || r->s.size - off < TSR_CHUNK_HEADER)
        return tsr_fail(TSR_ECORRUPT, "index chunk at byte %llu: found %llu bytes of the file",
                        (unsigned long long)off, (unsigned long long)r->s.size);
    uint64_t avail = r->s.size - off;
    size_t len = tsr_minz(sizeof head, (size_t)avail);
    int rc = tsr_store_read(ix->st, ix->key, off, head, len);
    /* with chunks of any size only the index knows how many there are */
    if (rc == TSR_OK && f->facts.variable) f->facts.nchunks = (int32_t)tsr_load_LE32(head + 4) / 8;
    if (rc == TSR_OK && f->facts.nchunks <= 0)
        rc = tsr_fail(TSR_ECORRUPT, "index chunk: no chunks");
    if (rc == TSR_OK) rc = tsr_index_open(ix, off, avail, f->facts.nchunks, head, len);
    for (size_t page = 0; page < ix->npages && rc == TSR_OK; page++) {
        const int64_t *v;
        bool one;
        rc = tsr_index_page(ix, page, &v, &one);
    }
    return rc;
}

/* Is the first header byte behind the index that of a seal with the same header? */
static bool index_is_sealed(const struct repair *r)
{
    const struct frame_index *ix = &r->f->index;
    struct frame_seal s;
    uint64_t off = ix->off + (uint64_t)ix->chunk.cbytes;
    if (off > r->s.size || tsr_seal_read(r->s.st, ix->key, off, r->s.size - off, &s) < 0)
        return false;
    bool same = s.head_len == (size_t)r->f->h.header_len && !memcmp(s.head, r->f->head, s.head_len);
    tsr_seal_free(&s);
    return same;
}

static int index_from_header(struct repair *r)
{
    if (r->f->h.nbytes == 0) return TSR_OK;
    return try_index(r, r->s.home->index_off(&r->f->h));
}

/* The newest index of a seal whose frame had as many chunks. */
static int index_from_seals(struct repair *r)
{
    for (size_t i = 0; i < count_seals(r) && !r->has_index; i++) {
        struct frame_seal seal;
        struct frame_header h;
        int rc = read_seal(r, i, &seal);
        if (rc == TSR_OK) rc = tsr_header_parse(&h, seal.head, INT64_MAX, r->s.home);
        if (rc == TSR_OK && h.nbytes == r->f->h.nbytes && h.chunk_size == r->f->h.chunk_size) {
            rc = try_index(r, r->s.home->index_off(&h));
            r->has_index = rc == TSR_OK;
            r->index_state = seal.state;
        }
        tsr_seal_free(&seal);
        if (repair_is_fatal(rc)) return rc;
    }
    if (r->has_index) repair_say(r, "index: lost, an earlier one is taken");
    return TSR_OK;
}

/* Does every entry lead to something that can be a chunk of its size? */
static bool all_lead_somewhere(const struct repair *r)
{
    const struct tsr_frame *f = r->f;
    bool good = true;
    for (int64_t i = 0; i < f->facts.nchunks && good; i++) {
        struct tsr_frame_place at;
        uint8_t head[16];
        good = tsr_frame_locate(f, i, &at) == TSR_OK;
        if (!good || at.special) continue;
        good =
            at.avail >= sizeof head &&
            tsr_store_read(f->st, at.key, at.off, head, sizeof head) == TSR_OK &&
            (f->facts.variable || (int32_t)tsr_load_LE32(head + 4) == tsr_frame_chunk_nbytes(f, i));
    }
    return good;
}

static int index_from_anywhere(struct repair *r)
{
    const struct salvage_ring *ring = &r->s.indexes;
    uint64_t n = ring->n < RING_MOST ? ring->n : RING_MOST;
    for (uint64_t i = 0; i < n && !r->has_index; i++) {
        int rc = try_index(r, ring->off[(ring->n - 1 - i) % RING_MOST]);
        if (repair_is_fatal(rc)) return rc;
        r->has_index = rc == TSR_OK && all_lead_somewhere(r);
    }
    if (r->has_index)
        repair_say(r, "index: lost, taken from one found in the file, perhaps an older one");
    r->index_state = 0;
    return TSR_OK;
}

/* ---- trailer ---- */

static int take_trailer(struct repair *r, uint64_t off, uint64_t len)
{
    uint8_t *p = tsr_alloc((size_t)len);
    if (!p) return TSR_ENOMEM;
    int rc = tsr_store_read(r->s.st, r->s.home->key, off, p, (size_t)len);
    if (rc == TSR_OK) rc = tsr_trailer_parse(&r->f->vlmetas, p, (size_t)len);
    r->has_trailer = rc == TSR_OK;
    if (rc == TSR_OK && r->f->facts.checksum && tsr_seal_trailer(p, (size_t)len) < 0)
        repair_tell(r, -1, TSR_ECORRUPT); /* what of it decodes is taken over */
    tsr_free(p);
    return rc;
}

static int trailer_from_header(struct repair *r)
{
    uint8_t end[FRAME_TRAILER_END];
    const struct frame_header *h = &r->f->h;
    uint32_t len;
    if (h->frame_len > r->s.size || h->frame_len < (uint64_t)h->header_len + FRAME_TRAILER_MIN)
        return tsr_fail(TSR_ECORRUPT, "frame: %llu bytes of %llu are there",
                        (unsigned long long)r->s.size, (unsigned long long)h->frame_len);
    int rc = tsr_store_read(r->s.st, r->s.home->key, h->frame_len - sizeof end, end, sizeof end);
    if (rc == TSR_OK) rc = tsr_trailer_len(end, h->frame_len - (uint64_t)h->header_len, &len);
    return rc < 0 ? rc : take_trailer(r, h->frame_len - len, len);
}

/* The trailer that begins at off ends with its own length. */
static uint64_t trailer_end(const uint8_t *p, size_t len)
{
    for (size_t at = FRAME_TRAILER_MIN - FRAME_TRAILER_END; at + FRAME_TRAILER_END <= len; at++)
        if (p[at] == 0xCE && p[at + 5] == 0xD8 &&
            tsr_load_BE32(p + at + 1) == at + FRAME_TRAILER_END)
            return at + FRAME_TRAILER_END;
    return 0;
}

static int trailer_from_anywhere(struct repair *r)
{
    const struct salvage_ring *ring = &r->s.trailers;
    uint64_t n = ring->n < RING_MOST ? ring->n : RING_MOST;
    uint8_t *buf = tsr_alloc(TRAILER_MOST);
    int rc = buf ? TSR_OK : TSR_ENOMEM;
    for (uint64_t i = 0; i < n && !r->has_trailer && !repair_is_fatal(rc); i++) {
        uint64_t off = ring->off[(ring->n - 1 - i) % RING_MOST];
        size_t len = tsr_minz(TRAILER_MOST, (size_t)(r->s.size - off));
        if (r->s.budget < len) break;
        r->s.budget -= len;
        rc = tsr_store_read(r->s.st, r->s.home->key, off, buf, len);
        uint64_t end = rc == TSR_OK ? trailer_end(buf, len) : 0;
        if (end) rc = take_trailer(r, off, end);
    }
    tsr_free(buf);
    if (repair_is_fatal(rc)) return rc;
    if (r->has_trailer) repair_say(r, "trailer: lost, taken from the last one found in the file");
    return TSR_OK;
}

/* ---- what there is ---- */

static void take_sizes(struct repair *r, int64_t nbytes, int64_t chunk_bytes)
{
    struct tsr_frame *f = r->f;
    f->h.nbytes = nbytes;
    f->h.chunk_size = (int32_t)chunk_bytes;
    tsr_header_facts(&f->h, f->limits.codecs, &f->facts);
    f->facts.sparse = r->s.home->frame_type;
}

/* Sizes that are not those of the array in the metalayer: one of the two is damaged, and index and
 * chunks say which.  With checksums there is a copy of the header. */
static int settle_sizes(struct repair *r)
{
    struct frame_header own = r->f->h;
    int64_t nbytes, chunk_bytes;
    if (r->f->facts.checksum || r->f->facts.variable || !r->how->sizes) return TSR_OK;
    if (!r->how->sizes(r->how->user, r->f, &nbytes, &chunk_bytes) || !nbytes) return TSR_OK;
    if (nbytes == own.nbytes && chunk_bytes == own.chunk_size) return TSR_OK;
    if (nbytes / chunk_bytes > FRAME_MAX_CHUNKS) return TSR_OK;
    take_sizes(r, nbytes, chunk_bytes);
    int rc = index_from_header(r);
    if (rc < 0 || !all_lead_somewhere(r)) {
        take_sizes(r, own.nbytes, own.chunk_size);
        return repair_is_fatal(rc) ? rc : TSR_OK;
    }
    tsr_fail(TSR_ECORRUPT,
             "header: nbytes %lld and chunk_size %d, but index, chunks and metalayer b2nd agree on "
             "%lld and %lld",
             (long long)own.nbytes, own.chunk_size, (long long)nbytes, (long long)chunk_bytes);
    repair_tell(r, -1, TSR_ECORRUPT);
    return TSR_OK;
}

/* True when header and index are where they should be, and nothing says that they are not. */
static int first_choice(struct repair *r, bool *good)
{
    int rc = own_header(r);
    if (rc == TSR_OK) rc = settle_sizes(r);
    if (rc == TSR_OK) rc = index_from_header(r);
    if (rc < 0 && !repair_is_fatal(rc)) repair_tell(r, -1, (tsr_status)rc);
    *good = rc == TSR_OK;
    if (*good && r->f->facts.checksum && r->f->h.nbytes && !index_is_sealed(r)) {
        tsr_fail(TSR_ECORRUPT, "header or index: damaged");
        repair_tell(r, -1, TSR_ECORRUPT);
        *good = false;
    }
    r->has_index = *good;
    r->index_state = UINT64_MAX;
    return repair_is_fatal(rc) ? rc : TSR_OK;
}

/* A header that no seal has may belong to a newer state, of which the seal is gone: in a file that
 * was cut.  Or it is damaged: then the newest seal has almost the same. */
static bool is_almost_sealed(const struct repair *r)
{
    struct frame_seal seal;
    size_t n = 0;
    if (count_seals(r) == 0 || read_seal(r, 0, &seal) < 0) return false;
    for (size_t i = 0; i < seal.head_len && seal.head_len == (size_t)r->f->h.header_len; i++)
        n += seal.head[i] != r->f->head[i];
    tsr_seal_free(&seal);
    return n == 1;
}

static int other_header(struct repair *r)
{
    bool cut = r->has_head && r->f->h.frame_len > r->s.size && !is_almost_sealed(r);
    bool own = r->has_head && (cut || !r->f->facts.checksum || is_sealed(r));
    int rc = own ? TSR_OK : header_from_seals(r);
    return rc == TSR_OK && !r->has_head ? header_from_chunks(r) : rc;
}

static int other_index(struct repair *r)
{
    int rc = index_from_header(r);
    r->has_index = rc == TSR_OK;
    if (!r->has_index && !repair_is_fatal(rc)) rc = index_from_seals(r);
    if (rc == TSR_OK && !r->has_index) rc = index_from_anywhere(r);
    if (rc == TSR_OK && !r->has_index) repair_say(r, "index: lost");
    return rc;
}

int tsr_repair_gather(struct repair *r)
{
    bool good;
    int rc = first_choice(r, &good);
    if (rc == TSR_OK && good && (rc = trailer_from_header(r)) == TSR_OK) return TSR_OK;
    if (repair_is_fatal(rc)) return rc;
    if (good) repair_tell(r, -1, (tsr_status)rc);
    if ((rc = tsr_salvage_marks(&r->s)) < 0) return rc;
    if (!good && (rc = other_header(r)) < 0) return rc;
    if (!good && (rc = other_index(r)) < 0) return rc;
    rc = r->has_trailer ? TSR_OK : trailer_from_header(r);
    if (rc < 0 && !repair_is_fatal(rc)) rc = trailer_from_anywhere(r);
    if (rc == TSR_OK && !r->has_trailer) repair_say(r, "trailer: lost, and with it attributes");
    return rc;
}
