/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/commit.c - flush, in the order of blosc2.md 8.2.
 *
 *   before   | header | chunks, holes, new chunks        | old index, trailer |
 *   1        |   =    |   =                              |   =                | index, note, trailer |
 *   2        | HEADER |   =                              | hole               |   =            |
 *
 * One write brings index and trailer to space that the flushed state does not use, a second
 * one flips the few bytes of the header that changed; durable commits sync after each.  The
 * gap between index and trailer varies from commit to commit, because readers that poll tell a
 * new state by its frame_len; the note of holes (holes.c) ends it.
 *
 * An empty frame has its trailer right behind the header (7.4), so becoming empty, or changing
 * metadata while empty, writes the whole frame anew and lets the store replace it. */
#include "frame/priv.h"

enum { PAD_PERIOD = 64, WAIT_LEAST = 1 << 20 };

static const uint8_t zeros[2 * PAD_PERIOD];

static void header_fill(struct tsr_frame *f)
{
    struct frame_header *h = &f->h;
    const struct tsr_frame_facts *p = &f->facts;
    h->nbytes = p->nbytes;
    if (p->chunk_bytes > 0) {
        h->chunk_size = (int32_t)p->chunk_bytes;
        h->block_size = p->cparams.block_bytes;
        if (h->flags & 0x40) h->flags = (uint8_t)((h->flags & 0xB0) | 2); /* not variable now */
    }
    h->vlmeta = f->vlmetas.n > 0;
    tsr_header_store(h, f->head);
}

/* The store has what f->head says. */
static void flushed(struct tsr_frame *f)
{
    memcpy(f->head_flushed, f->head, (size_t)f->h.header_len);
    f->facts.cbytes = (int64_t)f->h.frame_len;
    f->dirty = f->created = false;
    f->synced = f->doubt = false;
    f->commits++;
}

/* The flushed state is synced; older ones cannot come back. */
static void settle(struct tsr_frame *f)
{
    uint64_t end = f->space.end;
    tsr_space_settle(&f->space);
    /* what lies behind the frame does no harm, so neither does failing to cut it */
    if (end > f->space.end) tsr_store_truncate(f->st, "", f->h.frame_len);
}

/* ---- no chunks ---- */

static int flush_empty(struct tsr_frame *f, bool durable)
{
    struct tsr_buf trailer = {0};
    int rc = tsr_trailer_emit(&trailer, &f->vlmetas);
    if (rc < 0) goto done;
    struct frame_header before = f->h;
    f->h.cbytes = 0;
    f->h.frame_len = (uint64_t)f->h.header_len + trailer.len;
    header_fill(f);
    struct tsr_piece p[] = {{f->head, (size_t)f->h.header_len}, {trailer.p, trailer.len}};
    rc = tsr_store_put(f->st, "", p, 2, durable);
    if (rc == TSR_OK && f->created) rc = tsr_store_publish(f->st, durable);
    if (rc < 0) {
        f->h = before;
        goto done;
    }
    struct frame_packed none = {0};
    tsr_index_stored(&f->index, &none, 0);
    tsr_space_done(&f->space);
    f->space.end = trailer.len;
    f->space.flushed = (struct frame_extent){0, trailer.len};
    flushed(f);
done:
    tsr_buf_free(&trailer);
    return rc;
}

/* ---- with chunks ---- */

struct commit {
    struct frame_packed index;
    struct tsr_buf trailer, note;
    struct frame_note holes;
    size_t pad;
    uint64_t off, len; /* of the three together, from the header's end */
};

static void place(struct tsr_frame *f, struct commit *c)
{
    uint64_t old = f->h.frame_len;
    c->pad = f->created ? 0 : f->commits % PAD_PERIOD;
    for (;; c->pad++) {
        c->len = c->index.bytes->len + c->pad + c->holes.len + c->trailer.len;
        c->off = tsr_space_place(&f->space, c->len);
        if ((uint64_t)f->h.header_len + c->off + c->len != old) return;
    }
}

static int write_tail(struct tsr_frame *f, const struct commit *c)
{
    struct tsr_piece p[] = {{c->index.bytes->p, c->index.bytes->len},
                            {(void *)zeros, c->pad},
                            {c->note.p, c->note.len},
                            {c->trailer.p, c->trailer.len}};
    return tsr_store_write_at(f->st, "", (uint64_t)f->h.header_len + c->off, p, 4);
}

/* One write of the bytes from the first that changed to the last. */
static int write_header(struct tsr_frame *f, const uint8_t *to, const uint8_t *from)
{
    size_t lo = 0, hi = (size_t)f->h.header_len;
    while (!f->created && lo < hi && to[lo] == from[lo]) lo++;
    while (!f->created && hi > lo && to[hi - 1] == from[hi - 1]) hi--;
    struct tsr_piece p = {(void *)(to + lo), hi - lo};
    return tsr_store_write_at(f->st, "", lo, &p, 1);
}

/* The moment of truth.  When it fails, put the old bytes back, should some be gone; whatever
 * the store holds then, neither state is touched before the next commit. */
static int flip(struct tsr_frame *f, const struct commit *c, bool durable)
{
    int rc = durable ? tsr_store_sync(f->st, "", false) : TSR_OK;
    if (rc < 0) return rc;
    rc = write_header(f, f->head, f->head_flushed);
    if (rc == TSR_OK && durable) rc = tsr_store_sync(f->st, "", false);
    if (rc == TSR_OK) return TSR_OK;
    char text[TSR_ERROR_MAX];
    tsr_error_save(text);
    write_header(f, f->head_flushed, f->head);
    tsr_space_doubt(&f->space, c->off, c->len);
    f->doubt = true;
    tsr_error_restore(text);
    return rc;
}

/* Nothing is visible before publish, so there is no order to keep. */
static int first_write(struct tsr_frame *f, const struct commit *c, bool durable)
{
    uint64_t end = f->h.frame_len;
    int rc = write_header(f, f->head, f->head_flushed);
    if (rc == TSR_OK && f->space.end > c->off + c->len) rc = tsr_store_truncate(f->st, "", end);
    return rc < 0 ? rc : tsr_store_publish(f->st, durable);
}

/* After a synced state the machine may come back to it until the next synced one, so what it
 * uses must wait.  When much does, a sync is cheaper than the space. */
static bool may_settle(struct tsr_frame *f)
{
    uint64_t enough = f->space.end / 2 > WAIT_LEAST ? f->space.end / 2 : WAIT_LEAST;
    f->synced = f->space.waiting > enough && tsr_store_sync(f->st, "", false) == TSR_OK;
    return f->synced;
}

static int commit(struct tsr_frame *f, struct commit *c, bool durable)
{
    struct frame_header before = f->h;
    tsr_note_gather(&c->holes, &f->space);
    place(f, c);
    f->h.cbytes = (int64_t)c->off;
    f->h.frame_len = (uint64_t)f->h.header_len + c->off + c->len;
    header_fill(f);
    int rc = tsr_note_emit(&c->note, &c->holes, f, c->off);
    if (rc == TSR_OK) rc = write_tail(f, c);
    if (rc == TSR_OK) rc = f->created ? first_write(f, c, durable) : flip(f, c, durable);
    if (rc < 0) {
        f->h = before;
        return rc;
    }
    bool created = f->created;
    tsr_index_stored(&f->index, &c->index, (uint64_t)f->h.header_len + c->off);
    tsr_space_commit(&f->space, c->off, c->len);
    flushed(f);
    f->synced = durable && !created;
    if (f->synced || !f->durable || may_settle(f)) settle(f);
    f->durable |= f->synced;
    return TSR_OK;
}

static int flush_chunks(struct tsr_frame *f, bool durable)
{
    struct commit c = {0};
    int rc = tsr_index_pack(&f->index, &c.index);
    if (rc == TSR_OK) rc = tsr_trailer_emit(&c.trailer, &f->vlmetas);
    if (rc == TSR_OK) rc = commit(f, &c, durable);
    tsr_packed_free(&c.index);
    tsr_buf_free(&c.trailer);
    tsr_buf_free(&c.note);
    tsr_free(c.holes.holes.v);
    return rc;
}

/* The name too: the file may be new, or take the place of another. */
static int sync_all(struct tsr_frame *f)
{
    int rc = tsr_store_sync(f->st, "", true);
    if (rc < 0) return rc;
    f->synced = f->durable = true;
    settle(f);
    return TSR_OK;
}

int tsr_frame_flush(struct tsr_frame *f, bool durable)
{
    int rc = TSR_OK;
    if (f->dirty) {
        if ((rc = tsr_frame_need_writable(f)) < 0) return rc;
        rc = f->facts.nchunks ? flush_chunks(f, durable) : flush_empty(f, durable);
    }
    if (rc < 0 || !durable || !f->facts.writable || f->synced) return rc;
    return sync_all(f);
}
