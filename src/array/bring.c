/* SPDX-License-Identifier: BSD-3-Clause */
/* array/bring.c - a wanted block is decoded: where it can stay for later reads, or in scratch. */
#include "array/array.h"
#include "array/cache.h"

enum { KEPT_SHARE = 8 }; /* less than this part of a block is decoded alone */

/* Decodes a block, at least the first want bytes of it. */
static int decode_into(const struct tsr_array *a, const struct chunk_job *j,
                       const struct block_ref *ref, struct tsr_worker *w, size_t want, uint8_t *dst)
{
    const struct tsr_driver *d = a->d;
    if (!d->format->decode_start)
        return d->format->decode(d, &j->place, w, ref->block, ref->src, (size_t)ref->len, dst);
    struct tsr_block_start in = {ref->src, (size_t)ref->len, want, NULL};
    return d->format->decode_start(d, &j->place, w, ref->block, &in, dst);
}

/* Decodes a block of len bytes where it can stay, if there is room: then ref holds it.  It is
 * decoded whole, which single items out of 20 KB blocks of Zstandard repay from the second on,
 * but for one of which only a little at the beginning is wanted, for the first time. */
static int decode_to_keep(const struct tsr_array *a, const struct chunk_job *j,
                          struct block_ref *ref, struct tsr_worker *w, size_t want, size_t len)
{
    struct tsr_cache *c = a->context->cache;
    struct tsr_block_id id =
        tsr_cache_id(a->d, j->place.chunk, j->version, ref->block, j->place.block_items);
    bool more;
    struct tsr_cell *cell = tsr_cache_make(c, &id, len, &more);
    if (!cell) return TSR_OK;
    if (more || want >= len / KEPT_SHARE) want = len;
    int rc = decode_into(a, j, ref, w, want, cell->p);
    tsr_cache_filled(c, cell, rc < 0 ? 0 : want);
    ref->cell = cell;
    return rc;
}

int tsr_block_aside(const struct tsr_array *a, const struct chunk_job *j,
                    const struct block_ref *ref, struct tsr_worker *w, const struct overlap *o,
                    const uint8_t **block)
{
    uint8_t *scratch = tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, (size_t)o->bytes);
    *block = scratch;
    return scratch ? decode_into(a, j, ref, w, (size_t)o->end, scratch) : TSR_ENOMEM;
}

int tsr_bring_block(const struct tsr_array *a, struct chunk_job *j, struct block_ref *ref,
                    struct tsr_worker *w, const struct overlap *o, const uint8_t **block)
{
    size_t len = (size_t)o->bytes;
    int rc = TSR_OK;
    if (j->cached && !ref->cell) rc = decode_to_keep(a, j, ref, w, (size_t)o->end, len);
    if (ref->cell) *block = ref->cell->p;
    if (rc < 0 || ref->cell) return rc;
    return tsr_block_aside(a, j, ref, w, o, block);
}

bool tsr_block_was_seen(const struct tsr_array *a, const struct chunk_job *j,
                        const struct block_ref *ref, const struct overlap *o)
{
    struct tsr_block_id id =
        tsr_cache_id(a->d, j->place.chunk, j->version, ref->block, j->place.block_items);
    return j->cached && tsr_cache_seen(a->context->cache, &id, (size_t)o->bytes);
}
