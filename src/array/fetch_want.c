/* SPDX-License-Identifier: BSD-3-Clause */
/* array/fetch_want.c - which blocks of a chunk are wanted, and which of them are kept.
 *
 * Where kept blocks are looked for, they are looked for before the chunk is located: if all are
 * there, it never is. */
#include "array/cache.h"
#include "array/fetch.h"
#include "base/mem.h"

static int refs_room(struct chunk_job *j, size_t cap)
{
    if (cap <= j->refs_cap) return TSR_OK;
    struct block_ref *p = tsr_realloc(j->refs, cap, sizeof *p);
    if (!p) return TSR_ENOMEM;
    j->refs = p;
    j->refs_cap = cap;
    return TSR_OK;
}

int tsr_job_add_ref(struct chunk_job *j, int32_t block)
{
    if (j->nrefs == j->refs_cap && refs_room(j, j->refs_cap ? j->refs_cap * 2 : 16) < 0)
        return TSR_ENOMEM;
    j->refs[j->nrefs++] = (struct block_ref){.block = block};
    return TSR_OK;
}

static int want_blocks(const struct tsr_array *a, const struct tsr_selection *sel,
                       struct chunk_job *j)
{
    const struct tsr_grid *g = &a->d->grid;
    int rc = TSR_OK;
    if (!sel) {
        rc = refs_room(j, (size_t)j->place.nblocks);
        for (int32_t b = 0; b < j->place.nblocks && rc == TSR_OK; b++) rc = tsr_job_add_ref(j, b);
        return rc;
    }
    struct tsr_walk w;
    tsr_walk_blocks(&w, g, sel, j->coords, j->block);
    for (; !w.done && rc == TSR_OK; tsr_walk_next(&w)) {
        int64_t n = 0;
        for (int d = 0; d < g->ndim; d++) n = n * j->nblock[d] + w.at[d];
        if (n >= j->place.nblocks)
            return tsr_fail(TSR_ECORRUPT, "chunk %lld: %d blocks, number %lld wanted",
                            (long long)j->place.chunk, j->place.nblocks, (long long)n);
        rc = tsr_job_add_ref(j, (int32_t)n);
    }
    return rc;
}

/* ---- blocks that are kept ---- */

void tsr_job_cut(const struct tsr_grid *g, struct chunk_job *j, int64_t size)
{
    tsr_grid_cut(g, j->coords, j->block, j->nblock);
    tsr_grid_chunk_box(g, j->coords, &j->box);
    if (!size) return;
    j->block[0] = size;
    j->nblock[0] = tsr_ceil_div(g->chunk[0], size);
}

/* Is all that sel wants of a block decoded? */
static bool reaches(const struct tsr_array *a, const struct tsr_selection *sel,
                    const struct chunk_job *j, const struct block_ref *ref)
{
    struct block_box box;
    struct overlap o;
    size_t whole = (size_t)a->d->grid.item_bytes;
    for (int d = 0; d < a->d->grid.ndim; d++) whole *= (size_t)j->block[d];
    if (ref->cell->valid >= whole) return true;
    tsr_job_block_box(a, j, ref->block, &box);
    return !tsr_overlap(a, sel, &box, &o) || ref->cell->valid >= (size_t)o.end;
}

/* Looks for the wanted blocks; true: all are there. */
static bool find_blocks(const struct tsr_array *a, const struct tsr_selection *sel,
                        struct chunk_job *j, int64_t size)
{
    struct tsr_cache *c = a->context->cache;
    bool all = true;
    for (size_t i = 0; i < j->nrefs; i++) {
        struct block_ref *ref = &j->refs[i];
        struct tsr_block_id id = tsr_cache_id(a->d, j->place.chunk, j->version, ref->block, size);
        ref->cell = tsr_cache_find(c, &id, 0);
        if (ref->cell && !reaches(a, sel, j, ref)) {
            tsr_cache_release(c, ref->cell, 0);
            ref->cell = NULL;
        }
        all = all && ref->cell;
    }
    return all;
}

/* Looks for the wanted blocks of a chunk that is not located: it is STORED if all are there.  How
 * it is cut is told by the grid; where chunks choose, the one before it is a guess, which is only
 * found in the cache if it was right. */
static int want_kept(const struct tsr_array *a, const struct tsr_selection *sel,
                     struct chunk_job *j)
{
    const struct tsr_driver *d = a->d;
    int64_t guess = d->grid.padded ? 0 : tsr_driver_block_size(d);
    if (!d->grid.padded && !guess) return TSR_OK;
    j->guess = guess;
    tsr_job_cut(&d->grid, j, guess);
    j->place.nblocks = INT32_MAX;
    int rc = want_blocks(a, sel, j);
    if (rc < 0 || !find_blocks(a, sel, j, guess)) return rc;
    j->place.state = TSR_PLACE_STORED;
    j->place.block_items = guess;
    return TSR_OK;
}

int tsr_job_look(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j)
{
    tsr_job_let_go(a, j);
    j->nrefs = 0;
    j->guess = -1;
    j->version = 0;
    if (j->cached && a->d->format->version) {
        j->version = j->place.stamp;
        if (!j->version) j->version = a->d->format->version(a->d, j->place.chunk);
        j->place.stamp = j->version;
    }
    return j->cached ? want_kept(a, sel, j) : TSR_OK;
}

static void note_block_size(const struct tsr_driver *d, int64_t size)
{
    struct tsr_driver *mut = (struct tsr_driver *)(uintptr_t)d;
    if (size && size != tsr_driver_block_size(d))
        atomic_store_explicit(&mut->block_size, size, memory_order_relaxed);
}

/* The wanted blocks of a located chunk, of which those that were looked for are there. */
static int want_stored(const struct tsr_array *a, const struct tsr_selection *sel,
                       struct chunk_job *j)
{
    int rc = TSR_OK;
    note_block_size(a->d, j->place.block_items);
    for (size_t i = 0; i < j->nrefs; i++)
        if (j->refs[i].block >= j->place.nblocks)
            return tsr_fail(TSR_ECORRUPT, "chunk %lld: %d blocks, number %d wanted",
                            (long long)j->place.chunk, j->place.nblocks, j->refs[i].block);
    if (j->nrefs) return rc;
    rc = want_blocks(a, sel, j);
    if (rc == TSR_OK && j->cached) find_blocks(a, sel, j, j->place.block_items);
    return rc;
}

int tsr_job_want(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j)
{
    bool stored = j->place.state == TSR_PLACE_STORED;
    bool same = !a->d->format->version || j->version == 0 || j->version == j->place.stamp;
    if (!same) j->version = j->place.stamp; /* another put it there since it was looked for */
    if (!stored || !same || j->guess != j->place.block_items) {
        tsr_job_release_blocks(a, j);
        j->nrefs = 0;
    }
    tsr_job_cut(&a->d->grid, j, j->place.block_items);
    return stored ? want_stored(a, sel, j) : TSR_OK;
}
