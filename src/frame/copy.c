/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/copy.c - chunks from frame to frame as they are stored, and a frame without its holes.
 *
 * The compact copy is a frame in memory that gets the same header, metalayers and index; stored
 * chunks are put one after the other.  Its first flush makes the bytes complete. */
#include "frame/priv.h"

/* A chunk as it is stored: a view of it, or read into buf. */
static int chunk_bytes(const struct tsr_frame *f, int64_t i, struct tsr_buf *buf,
                       struct tsr_piece *out, int *special)
{
    uint8_t head[TSR_CHUNK_HEADER];
    struct tsr_frame_place at;
    int rc = tsr_frame_locate(f, i, &at);
    *special = at.special;
    if (rc < 0 || at.special) return rc;
    rc = tsr_store_read(f->st, at.key, at.off, head, sizeof head);
    /* what its codec is does not matter here, only how long it is */
    if (rc < 0) return rc;
    out->len = tsr_load_LE32(head + 12);
    if (out->len < 16 || out->len > at.avail)
        return tsr_fail(TSR_ECORRUPT,
                        "chunk %lld: cbytes at byte 12: found %zu, expected 16 to "
                        "%llu",
                        (long long)i, out->len, (unsigned long long)at.avail);
    /* what is damaged must not get a new checksum, which would be right */
    if (f->facts.checksum && (rc = tsr_tag_verify(f, &at, out->len)) < 0) {
        tsr_within("chunk %lld", (long long)i);
        return rc;
    }
    out->p = (void *)tsr_store_view(f->st, at.key, at.off, out->len);
    if (out->p) return TSR_OK;
    buf->len = 0;
    if ((rc = tsr_buf_reserve(buf, out->len)) < 0) return rc;
    out->p = buf->p;
    return tsr_store_read(f->st, at.key, at.off, buf->p, out->len);
}

/* Of variable chunks even a special one is stored, so that its size is known. */
static int copy_variable(const struct tsr_frame *f, struct tsr_frame *g, int64_t i,
                         const struct tsr_piece *stored, int special)
{
    uint8_t head[TSR_CHUNK_HEADER];
    struct tsr_piece piece = special ? (struct tsr_piece){head, sizeof head} : *stored;
    int32_t item = f->facts.cparams.item_bytes;
    int64_t nbytes = 0;
    int rc = tsr_frame_chunk_size(f, i, &nbytes);
    if (rc == TSR_OK && special)
        tsr_chunk_special(head, special, (int32_t)nbytes, item, item, NULL, 0);
    return rc < 0 ? rc : tsr_frame_insert_chunk(g, i, &piece, 1, nbytes);
}

static int copy_chunk(const struct tsr_frame *f, int64_t i, struct tsr_frame *g, int64_t j,
                      struct tsr_buf *buf)
{
    struct tsr_piece piece;
    int special, rc = chunk_bytes(f, i, buf, &piece, &special);
    if (rc < 0) return rc;
    if (f->facts.variable) return copy_variable(f, g, i, &piece, special);
    return special ? tsr_frame_put_special(g, j, special) : tsr_frame_put(g, j, &piece, 1);
}

static int64_t itself(void *arg, int64_t i)
{
    (void)arg;
    return i;
}

int tsr_frame_copy_chunks(const struct tsr_frame *f, struct tsr_frame *g,
                          const struct tsr_frame_moves *m)
{
    struct tsr_buf buf = {0};
    int rc = TSR_OK;
    for (int64_t i = 0; i < f->facts.nchunks && rc == TSR_OK; i++) {
        /* a page of zeros is a page of zeros in the copy already */
        if (i % PAGE_ENTRIES == 0 && !f->facts.variable &&
            tsr_index_page_mark(&f->index, (size_t)(i / PAGE_ENTRIES)) ==
                entry_special(TSR_SPECIAL_ZEROS)) {
            i += PAGE_ENTRIES - 1;
            continue;
        }
        int64_t j = m->to(m->arg, i);
        if (j < 0) continue;
        rc = copy_chunk(f, i, g, j, &buf);
        if (rc == TSR_OK && m->after) rc = m->after(m->arg, i);
    }
    tsr_buf_free(&buf);
    return rc;
}

static int copy_metas(const struct tsr_frame *f, struct tsr_frame *g)
{
    const struct frame_metas *m = &f->vlmetas;
    if (!(g->vlmetas.v = tsr_alloc_zero((size_t)m->n, sizeof *m->v))) return TSR_ENOMEM;
    for (int i = 0; i < m->n; i++) {
        struct frame_meta *to = &g->vlmetas.v[i];
        *to = m->v[i];
        if (!(to->p = tsr_alloc(to->len))) return TSR_ENOMEM;
        memcpy(to->p, m->v[i].p, to->len);
        g->vlmetas.n++;
    }
    return TSR_OK;
}

/* A frame in st like f and without chunks yet: all of them read as zeros, or, when they have any
 * size, there are none. */
static int make_twin(const struct tsr_frame *f, struct tsr_store *st, struct tsr_frame_facts facts,
                     struct tsr_frame **out)
{
    struct tsr_meta_value metas[FRAME_METAS];
    for (int i = 0; i < f->metas.n; i++)
        metas[i] = (struct tsr_meta_value){f->metas.v[i].name, f->metas.v[i].p, f->metas.v[i].len};
    if (facts.variable) facts.nbytes = facts.nchunks = 0; /* its chunks come one by one */
    int rc = tsr_frame_create(st, &facts, metas, f->metas.n, TSR_SPECIAL_ZEROS, out);
    if (rc < 0) return rc;
    /* fields that facts do not carry, such as thread hints; the header's length is the twin's own,
     * since other writers may leave room in theirs */
    int32_t header_len = (*out)->h.header_len;
    (*out)->h = f->h;
    (*out)->h.frame_type = (*out)->home->frame_type;
    (*out)->h.header_len = header_len;
    (*out)->h.frame_len = 0;
    (*out)->h.last = facts.checksum ? FRAME_MARK : 0;
    (*out)->facts.vlblocks = f->facts.vlblocks;
    return TSR_OK;
}

static int fill_twin(const struct tsr_frame *f, struct tsr_frame *g, bool durable,
                     const struct tsr_frame_moves *m)
{
    int rc = tsr_frame_copy_chunks(f, g, m);
    if (rc == TSR_OK) rc = copy_metas(f, g);
    return rc < 0 ? rc : tsr_frame_flush(g, durable);
}

int tsr_frame_to_buffer(struct tsr_frame *f, void **buf, size_t *len)
{
    struct tsr_frame_facts facts = f->facts;
    struct tsr_store *st;
    struct tsr_frame *g;
    int rc = tsr_frame_flush(f, false);
    if (rc == TSR_OK) rc = tsr_store_mem(&st);
    if (rc < 0) return rc;
    facts.sparse = false; /* one buffer */
    if ((rc = make_twin(f, st, facts, &g)) < 0) {
        tsr_store_close(st);
        return rc;
    }
    rc = fill_twin(f, g, false, &(struct tsr_frame_moves){.to = itself});
    if (rc == TSR_OK) tsr_store_mem_take(g->st, buf, len);
    tsr_frame_close(g);
    return rc;
}

int tsr_frame_take_buffer(struct tsr_frame *f, void **buf, size_t *len)
{
    if (f->home != &tsr_frame_contiguous || !tsr_store_mem_owned(f->st))
        return tsr_frame_to_buffer(f, buf, len);
    int rc = tsr_frame_flush(f, false);
    if (rc < 0) return rc;
    tsr_store_mem_take(f->st, buf, len);
    if (f->h.frame_len < *len) *len = (size_t)f->h.frame_len;
    return TSR_OK;
}

int tsr_frame_repack(const struct tsr_frame *f, struct tsr_store *st,
                     const struct tsr_frame_repacking *how)
{
    struct tsr_frame_facts facts = f->facts;
    struct tsr_frame *g;
    facts.sparse = f->home->frame_type;
    facts.checksum |= how->checksum;
    int rc = make_twin(f, st, facts, &g);
    if (rc < 0) return rc;
    struct tsr_frame_moves m = {.to = itself, .after = how->after, .arg = how->arg};
    rc = fill_twin(f, g, how->durable, &m);
    g->st = NULL; /* the caller's */
    tsr_frame_close(g);
    return rc;
}
