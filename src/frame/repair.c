/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/repair.c - a new frame of what is left of an old one.
 *
 * Chunks go where the index says (skeleton.c); where there is none, or an older one, by the
 * numbers in their tags, the newest first; without tags, in the order of the file.  A chunk is
 * taken over when its tag is right or it decodes; others read as zeros, and each is told. */
#include <stdlib.h>

#include "frame/salvage.h"

enum { TOLD_MOST = 10000 };

/* ---- found chunks, by their tags ---- */

static int by_number(const void *a, const void *b)
{
    const struct salvage_chunk *x = a, *y = b;
    if (x->tagged != y->tagged) return x->tagged ? -1 : 1;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return (x->state < y->state) - (x->state > y->state);
}

/* The newest chunk that was put as number i or the next that was; NULL: there is none. */
static const struct salvage_chunk *newest_from(const struct repair *r, int64_t i)
{
    size_t lo = 0, hi = salvage_count(&r->s);
    struct salvage_chunk want = {.tagged = true, .number = i, .state = UINT64_MAX};
    if (!r->tagged) return NULL;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (by_number(salvage_at(&r->s, mid), &want) < 0) lo = mid + 1;
        else hi = mid;
    }
    const struct salvage_chunk *c = lo < salvage_count(&r->s) ? salvage_at(&r->s, lo) : NULL;
    return c && c->tagged ? c : NULL;
}

static const struct salvage_chunk *newest(const struct repair *r, int64_t i)
{
    const struct salvage_chunk *c = newest_from(r, i);
    return c && c->number == i ? c : NULL;
}

/* The first chunk from i on of which anything is known: a header may speak of millions. */
static int64_t next_known(const struct repair *r, int64_t i)
{
    int64_t n = r->f->facts.nchunks;
    const struct salvage_chunk *c = newest_from(r, i);
    if (r->has_index) return i;
    if (r->tagged) return c && c->number < n ? c->number : n;
    return i < (int64_t)salvage_count(&r->s) ? i : n;
}

/* Of chunks of any size nobody but the index knew how many there are. */
static void set_count(struct repair *r)
{
    int64_t n = (int64_t)salvage_count(&r->s), most = 0;
    for (int64_t i = 0; i < n && r->tagged; i++) {
        const struct salvage_chunk *c = salvage_at(&r->s, (size_t)i);
        if (c->tagged && c->number >= most && c->number < FRAME_MAX_CHUNKS) most = c->number + 1;
    }
    r->f->facts.nchunks = r->tagged ? most : n;
}

static int find_chunks(struct repair *r)
{
    const struct tsr_frame_facts *p = &r->f->facts;
    size_t n;
    int rc = TSR_OK;
    if (r->has_index && r->index_state == UINT64_MAX) return TSR_OK;
    if (!r->searched) {
        r->s.chunk_bytes = p->chunk_bytes;
        r->s.last_bytes =
            p->nchunks && !p->variable ? tsr_frame_chunk_nbytes(r->f, p->nchunks - 1) : 0;
        rc = tsr_salvage_chunks(&r->s);
    }
    n = salvage_count(&r->s);
    for (size_t i = 0; i < n && !r->tagged; i++) r->tagged = salvage_at(&r->s, i)->tagged;
    if (r->tagged) qsort(r->s.chunks.p, n, sizeof(struct salvage_chunk), by_number);
    if (rc < 0 || r->has_index) return rc;
    if (p->variable) set_count(r);
    if (r->tagged) repair_say(r, "chunks are placed by the numbers that were theirs when written");
    else repair_say(r, "chunks are placed in the order of the file, which need not be theirs");
    if (!r->tagged && (int64_t)n > p->nchunks) r->out->unplaced = (int64_t)n - p->nchunks;
    return TSR_OK;
}

/* ---- the new frame ---- */

/* What the first page of the index is full of: what all of an array of NaN is. */
static int usual_special(const struct repair *r)
{
    const struct frame_index *ix = &r->f->index;
    int64_t mark = r->has_index && ix->npages ? tsr_index_page_mark(ix, 0) : 0;
    int kind = mark ? entry_kind(mark) : TSR_SPECIAL_ZEROS;
    bool fits = tsr_frame_check_special(r->f->facts.cparams.item_bytes, kind) == TSR_OK;
    return fits ? kind : TSR_SPECIAL_ZEROS;
}

static int make_frame(struct repair *r, struct tsr_store *to)
{
    struct tsr_meta_value metas[FRAME_METAS];
    struct tsr_frame *f = r->f, *g;
    for (int i = 0; i < f->metas.n; i++)
        metas[i] = (struct tsr_meta_value){f->metas.v[i].name, f->metas.v[i].p, f->metas.v[i].len};
    struct tsr_frame_facts facts = f->facts;
    if (facts.variable) facts.nbytes = facts.nchunks = 0; /* its chunks come one by one */
    r->special = usual_special(r);
    int rc = tsr_frame_create(to, &facts, metas, f->metas.n, r->special, &g);
    if (rc < 0) return rc;
    r->g = g;
    int32_t header_len = g->h.header_len;
    uint8_t type = g->h.frame_type;
    g->h = f->h;
    g->h.header_len = header_len;
    g->h.frame_type = type;
    g->h.frame_len = 0;
    g->facts.vlblocks = f->facts.vlblocks;
    r->s.item_bytes = f->facts.cparams.item_bytes;
    if (r->how->begin) r->s.block_ndim = r->how->begin(r->how->user, g, &r->s.block_shape);
    return TSR_OK;
}

/* Puts what lies at a place as chunk i, if it is a chunk. */
static int put_place(struct repair *r, int64_t i, const struct tsr_frame_place *at)
{
    struct salvage_chunk found;
    bool variable = r->g->facts.variable;
    int64_t nbytes = variable ? 0 : tsr_frame_chunk_nbytes(r->g, i);
    int rc = tsr_salvage_check(&r->s, at, nbytes, &found);
    /* what no codec here can check its tag would have */
    if (rc < 0 && (rc != TSR_EUNSUPPORTED || r->f->facts.checksum)) return rc;
    if (rc == TSR_EUNSUPPORTED) {
        tsr_within("taken over unchecked");
        repair_tell(r, i, TSR_EUNSUPPORTED);
    } else if (r->f->facts.checksum && !found.tagged) {
        tsr_fail(TSR_ECORRUPT, "taken over: it decodes, but its checksum is not right");
        repair_tell(r, i, TSR_ECORRUPT);
    }
    struct tsr_piece piece = {r->s.bytes.p, r->s.bytes.len};
    if (!variable) return tsr_frame_put(r->g, i, &piece, 1);
    return tsr_frame_insert_chunk(r->g, r->g->facts.nchunks, &piece, 1, found.nbytes);
}

static int put_found(struct repair *r, int64_t i, const struct salvage_chunk *c)
{
    struct tsr_frame_place at = {.off = c->off, .avail = c->cbytes + (c->tagged ? TAG_BYTES : 0)};
    memcpy(at.key, c->key, sizeof at.key);
    return put_place(r, i, &at);
}

static int put_chunk(struct repair *r, int64_t i)
{
    const struct salvage_chunk *c = newest(r, i);
    struct tsr_frame_place at;
    if (c && (!r->has_index || c->state > r->index_state)) return put_found(r, i, c);
    if (r->has_index) {
        int rc = tsr_frame_locate(r->f, i, &at);
        if (rc == TSR_OK && at.special && r->g->facts.variable)
            return tsr_fail(TSR_ECORRUPT, "special, and of a size that nobody knows");
        if (rc == TSR_OK && at.special) return tsr_frame_put_special(r->g, i, at.special);
        return rc < 0 ? rc : put_place(r, i, &at);
    }
    if (!r->tagged && (size_t)i < salvage_count(&r->s))
        return put_found(r, i, salvage_at(&r->s, (size_t)i));
    return tsr_fail(TSR_ECORRUPT, "not found");
}

/* Chunk i is lost; it may be something else than zeros in the new frame so far. */
static int lose(struct repair *r, int64_t i, int why)
{
    if (r->out->missing++ < TOLD_MOST) {
        tsr_within(r->g->facts.variable ? "left out" : "reads as zeros");
        repair_tell(r, i, (tsr_status)why);
    }
    return r->g->facts.variable ? TSR_OK : tsr_frame_put_special(r->g, i, TSR_SPECIAL_ZEROS);
}

static int put_chunks(struct repair *r)
{
    int rc = TSR_OK;
    for (int64_t i = 0; i < r->f->facts.nchunks && rc == TSR_OK; i++) {
        if (r->out->missing >= TOLD_MOST) {
            int64_t next = next_known(r, i);
            r->out->missing += next - i;
            if ((i = next) == r->f->facts.nchunks) break;
        }
        /* a page of what the new frame was made of is one in it already */
        if (r->has_index && i % PAGE_ENTRIES == 0 && !r->tagged && !r->g->facts.variable &&
            tsr_index_page_mark(&r->f->index, (size_t)(i / PAGE_ENTRIES)) ==
                entry_special(r->special)) {
            i += PAGE_ENTRIES - 1;
            continue;
        }
        int put = put_chunk(r, i);
        if (repair_is_fatal(put)) rc = put;
        else if (put < 0) rc = lose(r, i, put);
        if (rc == TSR_OK && r->how->progress &&
            r->how->progress(r->how->user, i + 1, r->f->facts.nchunks))
            rc = tsr_fail(TSR_ECANCELLED, "repair: stopped by the caller");
    }
    return rc;
}

/* Those that decode. */
static int put_metas(struct repair *r)
{
    struct frame_metas *from = &r->f->vlmetas;
    int rc = TSR_OK;
    for (int i = 0; i < from->n && rc == TSR_OK; i++) {
        void *buf = NULL;
        size_t len;
        rc = tsr_frame_meta_get(r->f, TSR_VLMETA, from->v[i].name, &buf, &len);
        if (rc == TSR_OK) rc = tsr_frame_meta_set(r->g, TSR_VLMETA, from->v[i].name, buf, len);
        else if (!repair_is_fatal(rc)) {
            repair_tell(r, -1, (tsr_status)rc);
            rc = TSR_OK;
        }
        tsr_free(buf);
    }
    return rc;
}

static int repair(struct repair *r, struct tsr_store *from, struct tsr_store *to)
{
    int rc = tsr_frame_new(from, r->s.home, &r->f);
    if (rc < 0) return rc;
    r->f->limits = r->s.limits;
    rc = tsr_repair_gather(r);
    if (rc == TSR_OK) rc = make_frame(r, to);
    if (rc == TSR_OK) rc = find_chunks(r);
    if (rc == TSR_OK) rc = put_chunks(r);
    if (rc == TSR_OK) rc = put_metas(r);
    r->out->nchunks = rc == TSR_OK ? r->g->facts.nchunks : 0;
    return rc < 0 ? rc : tsr_frame_flush(r->g, r->how->durable);
}

int tsr_frame_repair(struct tsr_store *from, struct tsr_store *to,
                     const struct tsr_frame_repair *how, struct tsr_frame_repaired *out)
{
    struct repair *r = tsr_alloc_zero(1, sizeof *r);
    struct tsr_limits limits = how->limits;
    if (!r) return TSR_ENOMEM;
    *out = (struct tsr_frame_repaired){0};
    r->how = how;
    r->out = out;
    if (!limits.max_bytes) limits.max_bytes = TSR_CHUNK_MAX_NBYTES;
    const struct frame_home *home;
    int rc = tsr_frame_home(from, &home);
    if (rc == TSR_OK) rc = tsr_salvage_init(&r->s, from, home, limits);
    if (rc == TSR_OK) rc = repair(r, from, to);
    tsr_salvage_done(&r->s);
    if (r->f) r->f->st = NULL; /* the caller's, as is the new one's */
    tsr_frame_close(r->f);
    if (r->g) r->g->st = NULL;
    tsr_frame_close(r->g);
    tsr_free(r);
    return rc;
}
