/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/commit.c - flush: the state in memory becomes the store's, all of it at once.
 *
 * Index and trailer are made here; how they reach the store so that no moment shows half of them
 * is for the frame's home to say. */
#include "frame/priv.h"

void tsr_commit_header(struct tsr_frame *f)
{
    struct frame_header *h = &f->h;
    const struct tsr_frame_facts *p = &f->facts;
    h->nbytes = p->nbytes;
    if (p->chunk_bytes > 0) {
        h->chunk_size = (int32_t)p->chunk_bytes;
        h->block_size = p->cparams.block_bytes;
    }
    if (p->variable) h->chunk_size = 0;
    tsr_header_kind(h, p);
    h->vlmeta = f->vlmetas.n > 0;
    tsr_header_store(h, f->head);
}

void tsr_commit_done(struct tsr_frame *f, struct frame_commit *c, uint64_t off)
{
    tsr_index_stored(&f->index, &c->index, off);
    memcpy(f->head_flushed, f->head, (size_t)f->h.header_len);
    f->facts.cbytes = (int64_t)f->home->stored_bytes(&f->h);
    f->dirty = f->created = false;
    f->synced = f->doubt = false;
    f->commits++;
    f->state++;
}

static int commit(struct tsr_frame *f, bool durable)
{
    struct frame_commit c = {.durable = durable};
    struct frame_header before = f->h;
    if (tsr_store_gone(f->st))
        return tsr_fail(TSR_ECONFLICT, "%s: the file was removed or replaced while it was open",
                        f->st->url);
    int rc = f->facts.nchunks ? tsr_index_pack(&f->index, &c.index) : TSR_OK;
    if (rc == TSR_OK) rc = tsr_trailer_emit(&c.trailer, &f->vlmetas);
    c.seal_len = tsr_seal_len(f);
    if (rc == TSR_OK) rc = f->home->commit(f, &c);
    if (rc < 0) f->h = before;
    tsr_packed_free(&c.index);
    tsr_buf_free(&c.trailer);
    tsr_buf_free(&c.note);
    tsr_buf_free(&c.seal);
    tsr_free(c.holes.holes.v);
    return rc;
}

int tsr_frame_flush(struct tsr_frame *f, bool durable)
{
    int rc = TSR_OK;
    if (f->dirty) {
        if ((rc = tsr_frame_need_writable(f)) < 0) return rc;
        rc = commit(f, durable);
    }
    if (rc < 0 || !durable || !f->facts.writable || f->synced) return rc;
    return f->home->sync(f);
}
