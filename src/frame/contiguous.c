/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/contiguous.c - the home of frames in one object (blosc2.md 7): where chunks go in it, and
 * the commit in the order of 8.2.
 *
 *   before   | header | chunks, holes, new chunks       | old index, trailer |
 *   1        |   =    |   =                             |   =                | index, note, trailer
 *   2        | HEADER |   =                             | hole               |   =
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

/* ---- chunks ---- */

static uint64_t index_off(const struct frame_header *h)
{
    return (uint64_t)h->header_len + (uint64_t)h->cbytes;
}

static uint64_t stored_bytes(const struct frame_header *h)
{
    return h->frame_len;
}

static void contiguous_opened(struct tsr_frame *f)
{
    uint64_t end = f->h.frame_len - (uint64_t)f->h.header_len;
    uint64_t area = f->h.nbytes > 0 ? (uint64_t)f->h.cbytes : 0;
    f->space = (struct frame_space){
        .end = end,
        .area = area,
        .own_from = area,
        .flushed = {area, end - area},
    };
}

static uint64_t object_off(const struct tsr_frame *f, uint64_t off)
{
    return (uint64_t)f->h.header_len + off;
}

static int contiguous_check(const struct tsr_frame *f, int64_t i, int64_t v)
{
    int64_t most = (int64_t)f->space.area - TSR_CHUNK_HEADER;
    if (entry_pos(v) <= most) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT,
                    "frame: entry %lld of the index: found position %lld%s, expected at most %lld",
                    (long long)i, (long long)entry_pos(v), v == ENTRY_BAD ? " or more" : "",
                    (long long)most);
}

static int contiguous_locate(const struct tsr_frame *f, int64_t v, struct tsr_frame_place *out)
{
    out->off = f->start + object_off(f, (uint64_t)entry_pos(v));
    out->avail = f->space.area - (uint64_t)entry_pos(v);
    return TSR_OK;
}

/* Chunks that came to lie side by side go out in one write. */
static int write_runs(struct tsr_frame *f, const struct frame_put *p)
{
    for (size_t k = 0, end; k < p->n; k = end) {
        for (end = k + 1; end < p->n && p->at[end].off == p->at[end - 1].off + p->at[end - 1].len;)
            end++;
        int rc = tsr_store_write_at(f->st, "", object_off(f, p->at[k].off), p->pieces + p->first[k],
                                    p->first[end] - p->first[k]);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

static int contiguous_put(struct tsr_frame *f, const struct frame_put *p)
{
    uint64_t area = f->space.area;
    tsr_note_settle(f);
    for (size_t k = 0; k < p->n; k++) p->at[k].off = tsr_space_alloc(&f->space, p->at[k].len);
    int rc = write_runs(f, p);
    if (rc == TSR_OK) return TSR_OK;
    f->space.area = area; /* the file may end there */
    for (size_t k = 0; k < p->n; k++) tsr_space_free(&f->space, p->at[k].off, p->at[k].len, true);
    return rc;
}

/* Makes the bytes of a dropped entry a hole.  Their length is in the chunk's header; when that
 * cannot be had the space is lost, and nothing else.  Chunks that another writer put there are
 * not reused: nothing says that no other entry lies over them, and a rewrite of the file gets
 * that space back. */
static void contiguous_release(struct tsr_frame *f, int64_t v)
{
    uint8_t head[16];
    bool fresh = v & ENTRY_FRESH;
    uint64_t off = (uint64_t)entry_pos(v);
    if (!fresh && off < f->space.own_from) return;
    if (f->space.area < sizeof head || off > f->space.area - sizeof head) return;
    if (tsr_store_read(f->st, "", object_off(f, off), head, sizeof head) < 0) return;
    uint64_t len = tsr_load_LE32(head + 12);
    if (len < sizeof head) return;
    if (f->facts.checksum) len += TAG_BYTES;
    if (off + len > f->space.area) return;
    tsr_space_free(&f->space, off, len, fresh && !f->doubt);
}

/* The flushed state is synced; older ones cannot come back. */
static void settle(struct tsr_frame *f)
{
    uint64_t end = f->space.end;
    tsr_space_settle(&f->space);
    /* what lies behind the frame does no harm, so neither does failing to cut it */
    if (end > f->space.end) tsr_store_truncate(f->st, "", f->h.frame_len);
}

/* ---- commit without chunks ---- */

static int commit_empty(struct tsr_frame *f, struct frame_commit *c)
{
    f->h.cbytes = 0;
    f->h.frame_len = (uint64_t)f->h.header_len + c->trailer.len;
    tsr_commit_header(f);
    int rc = tsr_seal_emit(f, c);
    if (rc < 0) return rc;
    struct tsr_piece p[] = {{f->head, (size_t)f->h.header_len}, {c->trailer.p, c->trailer.len}};
    rc = tsr_store_put(f->st, "", p, 2, c->durable);
    if (rc == TSR_OK && f->created) rc = tsr_store_publish(f->st, c->durable);
    if (rc < 0) return rc;
    f->named = false; /* the file may be another */
    tsr_space_done(&f->space);
    f->space.end = c->trailer.len;
    f->space.flushed = (struct frame_extent){0, c->trailer.len};
    tsr_commit_done(f, c, 0);
    return TSR_OK;
}

/* ---- commit with chunks ---- */

static void place(struct tsr_frame *f, struct frame_commit *c)
{
    uint64_t old = f->h.frame_len;
    c->pad = f->created ? 0 : f->commits % PAD_PERIOD;
    for (;; c->pad++) {
        c->len = c->index.bytes->len + c->seal_len + c->pad + c->holes.len + c->trailer.len;
        c->off = tsr_space_place(&f->space, c->len);
        if ((uint64_t)f->h.header_len + c->off + c->len != old) return;
    }
}

static int write_tail(struct tsr_frame *f, const struct frame_commit *c)
{
    struct tsr_piece p[] = {{c->index.bytes->p, c->index.bytes->len},
                            {c->seal.p, c->seal.len},
                            {(void *)zeros, c->pad},
                            {c->note.p, c->note.len},
                            {c->trailer.p, c->trailer.len}};
    return tsr_store_write_at(f->st, "", (uint64_t)f->h.header_len + c->off, p, 5);
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
static int flip(struct tsr_frame *f, const struct frame_commit *c)
{
    int rc = c->durable ? tsr_store_sync(f->st, "", false) : TSR_OK;
    if (rc < 0) return rc;
    rc = write_header(f, f->head, f->head_flushed);
    if (rc == TSR_OK && c->durable) rc = tsr_store_sync(f->st, "", false);
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
static int first_write(struct tsr_frame *f, const struct frame_commit *c)
{
    uint64_t end = f->h.frame_len;
    int rc = write_header(f, f->head, f->head_flushed);
    if (rc == TSR_OK && f->space.end > c->off + c->len) rc = tsr_store_truncate(f->st, "", end);
    return rc < 0 ? rc : tsr_store_publish(f->st, c->durable);
}

/* After a synced state the machine may come back to it until the next synced one, so what it
 * uses must wait.  When much does, a sync is cheaper than the space. */
static bool may_settle(struct tsr_frame *f)
{
    uint64_t enough = f->space.end / 2 > WAIT_LEAST ? f->space.end / 2 : WAIT_LEAST;
    bool synced = f->space.waiting > enough && tsr_store_sync(f->st, "", false) == TSR_OK;
    f->synced = synced && f->named;
    return synced;
}

static int commit_chunks(struct tsr_frame *f, struct frame_commit *c)
{
    bool created = f->created;
    tsr_note_gather(&c->holes, &f->space);
    place(f, c);
    f->h.cbytes = (int64_t)c->off;
    f->h.frame_len = (uint64_t)f->h.header_len + c->off + c->len;
    tsr_commit_header(f);
    int rc = tsr_seal_emit(f, c);
    if (rc == TSR_OK) rc = tsr_note_emit(&c->note, &c->holes, f, c->off);
    if (rc == TSR_OK) rc = write_tail(f, c);
    if (rc == TSR_OK) rc = created ? first_write(f, c) : flip(f, c);
    if (rc < 0) return rc;
    tsr_space_commit(&f->space, c->off, c->len);
    tsr_commit_done(f, c, (uint64_t)f->h.header_len + c->off);
    f->synced = c->durable && f->named;
    if (f->synced || !f->durable || may_settle(f)) settle(f);
    f->durable |= f->synced;
    return TSR_OK;
}

static int contiguous_commit(struct tsr_frame *f, struct frame_commit *c)
{
    return c->index.bytes ? commit_chunks(f, c) : commit_empty(f, c);
}

/* The name too: the file may be new, or take the place of another. */
static int contiguous_sync(struct tsr_frame *f)
{
    int rc = tsr_store_sync(f->st, "", true);
    if (rc < 0) return rc;
    f->synced = f->durable = f->named = true;
    settle(f);
    return TSR_OK;
}

static void contiguous_close(struct tsr_frame *f)
{
    tsr_space_done(&f->space);
}

const struct frame_home tsr_frame_contiguous = {
    .key = "",
    .name = "contiguous",
    .frame_type = 0,
    .index_off = index_off,
    .stored_bytes = stored_bytes,
    .opened = contiguous_opened,
    .check = contiguous_check,
    .locate = contiguous_locate,
    .put = contiguous_put,
    .release = contiguous_release,
    .commit = contiguous_commit,
    .sync = contiguous_sync,
    .close = contiguous_close,
};
