/* SPDX-License-Identifier: BSD-3-Clause */
/* array/write_block.c - what the blocks of a chunk on its way out hold.
 *
 * A block is the caller's items, or the old ones with the caller's laid over them, or what it was:
 * then its stored bytes are taken over where the format can. */
#include "array/write.h"
#include "base/mem.h"

/* ---- the content of a block ---- */

size_t tsr_write_block_len(const struct out_job *j, const struct tsr_grid *g, int32_t b)
{
    int64_t full = tsr_job_block_bytes(g, &j->old, j->out.block_items);
    return (size_t)tsr_min64(full, j->out.nbytes - b * full);
}

/* The old content of block b, of the box's extent, into dst. */
static int old_block(const struct writer *w, const struct out_job *j, int32_t b,
                     const struct block_box *box, struct tsr_worker *wk, uint8_t *dst)
{
    const struct tsr_driver *d = w->a->d;
    const struct tsr_place *p = &j->old.place;
    if (p->state == TSR_PLACE_STORED) {
        const struct block_ref *ref = &j->old.refs[b];
        return d->format->decode(d, p, wk, b, ref->src, (size_t)ref->len, dst);
    }
    int64_t stride[TSR_MAX_NDIM], bytes = d->grid.item_bytes;
    for (int i = d->grid.ndim - 1; i >= 0; i--) stride[i] = bytes, bytes *= box->extent[i];
    return tsr_fill(w->a, p, dst, box->extent, stride);
}

int tsr_write_block(const struct writer *w, const struct out_job *j, int32_t b,
                    struct tsr_worker *wk, uint8_t *dst, const uint8_t **src)
{
    const struct tsr_grid *g = &w->a->d->grid;
    struct block_box box;
    struct overlap o;
    if (j->assembled) {
        *src = j->raw + (size_t)b * tsr_write_block_len(j, g, 0);
        return TSR_OK;
    }
    tsr_job_block_box(w->a, &j->old, b, &box);
    bool meets = tsr_overlap(w->a, w->sel, &box, &o), padded = false;
    bool covered = meets && !w->sel->points;
    size_t len = (size_t)g->item_bytes;
    for (int d = 0; d < g->ndim; d++) {
        len *= (size_t)box.extent[d];
        if (covered && o.count[d] != box.hi[d] - box.lo[d]) covered = false;
        if (box.hi[d] - box.lo[d] != box.extent[d]) padded = true;
    }
    *src = dst;
    if (meets && o.whole) {
        *src = w->sel->base + o.mem;
        return TSR_OK;
    }
    if (j->partial && !covered) {
        int rc = old_block(w, j, b, &box, wk, dst);
        if (rc < 0) return rc;
    } else if (padded || !meets) {
        tsr_driver_fill(w->a->d, dst, len);
    }
    if (meets) tsr_overlap_gather(w->a, w->sel, &o, dst);
    return TSR_OK;
}

bool tsr_write_keep(const struct writer *w, const struct out_job *j, int32_t b)
{
    const struct tsr_driver *d = w->a->d;
    struct block_box box;
    struct overlap o;
    bool stored = j->old.place.state == TSR_PLACE_STORED;
    if (!j->partial || !d->format->keep || (!stored && !d->format->names_fill)) return false;
    if (stored && (size_t)b >= j->old.nrefs) return false; /* the old chunk has larger blocks */
    tsr_job_block_box(w->a, &j->old, b, &box);
    if (tsr_overlap(w->a, w->sel, &box, &o)) return false;
    struct block_ref none = {0};
    const struct block_ref *ref = stored ? &j->old.refs[b] : &none;
    return d->format->keep(d, &j->old.place, &j->out, b, ref->src, (size_t)ref->len);
}

/* ---- the old chunk ---- */

static int room(uint8_t **p, size_t *cap, size_t len)
{
    if (len <= *cap) return TSR_OK;
    tsr_free(*p);
    *cap = 0;
    if (!(*p = tsr_alloc(len))) return TSR_ENOMEM;
    *cap = len;
    return TSR_OK;
}

static int raw_room(struct out_job *j)
{
    return room(&j->raw, &j->raw_cap, (size_t)j->out.nbytes);
}

/* Block 0, before the others of its chunk are encoded against it. */
static int make_ref(const struct writer *w, struct out_job *j, struct tsr_worker *wk)
{
    if (!j->out.serial || j->out.nblocks == 0) return TSR_OK;
    int rc = room(&j->ref, &j->ref_cap, tsr_write_block_len(j, &w->a->d->grid, 0));
    return rc < 0 ? rc : tsr_write_block(w, j, 0, wk, j->ref, &j->out.ref);
}

/* Clipped chunks may be cut in other blocks than the new one will be: the old chunk is decoded
 * whole and the selection laid over it. */
static int assemble(const struct writer *w, struct out_job *j, struct tsr_worker *wk)
{
    const struct tsr_driver *d = w->a->d;
    const struct tsr_grid *g = &d->grid;
    struct tsr_box chunk;
    struct block_box box;
    struct overlap o;
    int64_t stride[TSR_MAX_NDIM], bytes = g->item_bytes;
    int64_t block = tsr_job_block_bytes(g, &j->old, j->old.place.block_items);
    int rc = raw_room(j);
    tsr_grid_chunk_box(g, j->old.coords, &chunk);
    for (int i = g->ndim - 1; i >= 0; i--) {
        box.lo[i] = chunk.start[i];
        box.hi[i] = chunk.start[i] + chunk.count[i];
        box.extent[i] = chunk.count[i];
        stride[i] = bytes;
        bytes *= chunk.count[i];
    }
    if (rc == TSR_OK && j->old.place.state != TSR_PLACE_STORED)
        rc = tsr_fill(w->a, &j->old.place, j->raw, chunk.count, stride);
    for (size_t i = 0; i < j->old.nrefs && rc == TSR_OK; i++) {
        const struct block_ref *r = &j->old.refs[i];
        rc = d->format->decode(d, &j->old.place, wk, r->block, r->src, (size_t)r->len,
                               j->raw + (j->old.nrefs > 1 ? r->block * block : 0));
    }
    j->assembled = true;
    if (rc == TSR_OK && tsr_overlap(w->a, w->sel, &box, &o))
        tsr_overlap_gather(w->a, w->sel, &o, j->raw);
    return rc;
}

int tsr_write_fetch(void *arg, size_t i, struct tsr_worker *wk)
{
    struct writer *w = arg;
    struct out_job *j = &w->encode->jobs[i];
    const struct tsr_grid *g = &w->a->d->grid;
    int rc = j->partial ? tsr_job_fetch(w->a, NULL, &j->old, wk) : TSR_OK;
    if (rc == TSR_OK && j->partial && !g->padded) rc = assemble(w, j, wk);
    tsr_job_cut(g, &j->old, j->out.block_items);
    return rc < 0 ? rc : make_ref(w, j, wk);
}

/* ---- for chunks that are stored as they are ---- */

int tsr_write_raw(void *arg, size_t i, struct tsr_worker *wk)
{
    struct writer *w = arg;
    struct out_job *j = &w->encode->jobs[i];
    const struct tsr_grid *g = &w->a->d->grid;
    if (!j->out.need_raw || j->out.special) return TSR_OK;
    int rc = j->assembled ? TSR_OK : raw_room(j);
    for (int32_t b = 0; b < j->out.nblocks && rc == TSR_OK && !j->assembled; b++) {
        uint8_t *dst = j->raw + (size_t)b * tsr_write_block_len(j, g, 0);
        const uint8_t *src;
        rc = tsr_write_block(w, j, b, wk, dst, &src);
        if (rc == TSR_OK && src != dst) memcpy(dst, src, tsr_write_block_len(j, g, b));
    }
    j->out.raw = j->raw;
    return rc;
}
