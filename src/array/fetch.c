/* SPDX-License-Identifier: BSD-3-Clause */
/* array/fetch.c - from a chunk's number to the stored bytes of its wanted blocks.
 *
 * locate answers in rounds until the chunk's head is known; then the spans of the wanted blocks
 * are read, merged where they lie near each other.  Bytes that a store has in place (memory)
 * are used where they are. */
#include <stdlib.h>

#include "array/array.h"
#include "array/cache.h"
#include "base/mem.h"

enum {
    MERGE_GAP = 8 * 1024, /* reading on over a gap is cheaper than another pread below this */
    MAX_ROUNDS = 8        /* of a locate that never ends */
};

void tsr_job_free(struct chunk_job *j)
{
    tsr_free(j->refs);
    tsr_free(j->buf);
    tsr_free(j->ref);
}

void tsr_job_let_go(const struct tsr_array *a, struct chunk_job *j)
{
    for (size_t i = 0; j->cached && i < j->nrefs; i++) {
        if (j->refs[i].cell) tsr_cache_release(a->context->cache, j->refs[i].cell, 0);
        j->refs[i].cell = NULL;
    }
}

static int grow_buf(struct chunk_job *j, size_t len)
{
    if (len <= j->buf_cap) return TSR_OK;
    size_t cap = tsr_minz(len, SIZE_MAX / 2) + len / 4;
    uint8_t *p = tsr_realloc(j->buf, cap, 1);
    if (!p) return TSR_ENOMEM;
    j->buf = p;
    j->buf_cap = cap;
    return TSR_OK;
}

/* Is the beginning of the chunk kept?  Then it is in j's buffer. */
static bool find_head(const struct tsr_array *a, struct chunk_job *j)
{
    struct tsr_block_id id = tsr_cache_id(a->d, j->place.chunk, TSR_BLOCK_HEAD, 0);
    struct tsr_cell *cell = tsr_cache_find(a->context->cache, &id, 0);
    if (!cell) return false;
    bool enough = cell->valid >= j->place.need_len;
    if (enough) memcpy(j->buf, cell->p, j->place.need_len);
    tsr_cache_release(a->context->cache, cell, 0);
    return enough;
}

static void keep_head(const struct tsr_array *a, const struct chunk_job *j)
{
    struct tsr_block_id id = tsr_cache_id(a->d, j->place.chunk, TSR_BLOCK_HEAD, 0);
    size_t len = j->place.need_len;
    bool more;
    struct tsr_cell *cell = tsr_cache_make(a->context->cache, &id, len, &more);
    if (!cell) return;
    memcpy(cell->p, j->buf, len);
    tsr_cache_filled(a->context->cache, cell, len);
    tsr_cache_release(a->context->cache, cell, 0);
}

/* What locate asked for, behind what is there. */
static int read_head(const struct tsr_array *a, struct chunk_job *j)
{
    enum { KEPT_MOST = 4096 };
    const struct tsr_place *p = &j->place;
    bool keep = j->cached && p->head_len == 0 && p->need_len <= KEPT_MOST;
    if (keep && find_head(a, j)) return TSR_OK;
    int rc = tsr_store_read(a->d->store, p->key, p->need_off, j->buf + p->head_len, p->need_len);
    if (rc == TSR_OK && keep) keep_head(a, j);
    return rc;
}

int tsr_job_settle(const struct tsr_array *a, struct chunk_job *j)
{
    struct tsr_place *p = &j->place;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        int rc = a->d->format->locate(a->d, p, 1);
        if (rc < 0 || p->state != TSR_PLACE_NEED) return rc;
        if ((rc = grow_buf(j, p->head_len + p->need_len)) < 0) return rc;
        if ((rc = read_head(a, j)) < 0) return rc;
        p->head = j->buf;
        p->head_len += p->need_len;
    }
    return tsr_fail(TSR_ECORRUPT, "chunk %lld: its head asks for ever more bytes",
                    (long long)j->place.chunk);
}

int tsr_job_whole(const struct tsr_array *a, struct chunk_job *j, const uint8_t **bytes)
{
    struct tsr_place *p = &j->place;
    int rc = tsr_job_settle(a, j);
    if (rc < 0 || p->len == 0) return rc;
    if ((*bytes = tsr_store_view(a->d->store, p->key, p->off, p->len))) return TSR_OK;
    if ((rc = grow_buf(j, (size_t)p->len)) < 0) return rc;
    *bytes = p->head = j->buf; /* the buffer may have moved */
    size_t have = tsr_minz(p->head_len, (size_t)p->len);
    return tsr_store_read(a->d->store, p->key, p->off + have, j->buf + have, (size_t)p->len - have);
}

static int refs_room(struct chunk_job *j, size_t cap)
{
    if (cap <= j->refs_cap) return TSR_OK;
    struct block_ref *p = tsr_realloc(j->refs, cap, sizeof *p);
    if (!p) return TSR_ENOMEM;
    j->refs = p;
    j->refs_cap = cap;
    return TSR_OK;
}

static int add_ref(struct chunk_job *j, int32_t block)
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
        for (int32_t b = 0; b < j->place.nblocks && rc == TSR_OK; b++) rc = add_ref(j, b);
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
        rc = add_ref(j, (int32_t)n);
    }
    return rc;
}

/* ---- blocks that are kept ---- */

/* size: of blocks where chunks choose it, else 0. */
static void cut_in_blocks(const struct tsr_grid *g, struct chunk_job *j, int64_t size)
{
    for (int d = 0; d < g->ndim; d++) j->block[d] = g->block[d], j->nblock[d] = g->nblock[d];
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
        struct tsr_block_id id = tsr_cache_id(a->d, j->place.chunk, ref->block, size);
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
 * found in the cache if it was right.  *size: the guess, -1: none. */
static int fetch_kept(const struct tsr_array *a, const struct tsr_selection *sel,
                      struct chunk_job *j, int64_t *size)
{
    const struct tsr_driver *d = a->d;
    int64_t guess = d->grid.padded ? 0 : tsr_driver_block_size(d);
    if (!d->grid.padded && !guess) return TSR_OK;
    *size = guess;
    cut_in_blocks(&d->grid, j, guess);
    j->place.nblocks = INT32_MAX;
    int rc = want_blocks(a, sel, j);
    if (rc < 0 || !find_blocks(a, sel, j, guess)) return rc;
    j->place.state = TSR_PLACE_STORED;
    j->place.block_items = guess;
    return TSR_OK;
}

static void note_block_size(const struct tsr_driver *d, int64_t size)
{
    struct tsr_driver *mut = (struct tsr_driver *)(uintptr_t)d;
    if (size && size != tsr_driver_block_size(d))
        atomic_store_explicit(&mut->block_size, size, memory_order_relaxed);
}

/* ---- bytes ---- */

struct wanted {
    uint64_t off, len;
    size_t ref;
};

static int by_offset(const void *x, const void *y)
{
    const struct wanted *a = x, *b = y;
    return a->off < b->off ? -1 : a->off > b->off;
}

/* Blocks are stored in the order of their numbers, as a rule. */
static void sort_wanted(struct wanted *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (v[i].off >= v[i - 1].off) continue;
        qsort(v, n, sizeof *v, by_offset);
        return;
    }
}

/* The run that begins with span i: bytes [*lo, *hi).  Returns the span that follows it. */
static size_t take_run(const struct wanted *v, size_t i, size_t n, uint64_t *lo, uint64_t *hi)
{
    *lo = v[i].off;
    *hi = v[i].off + v[i].len;
    for (; i < n && v[i].off <= *hi + MERGE_GAP; i++)
        if (v[i].off + v[i].len > *hi) *hi = v[i].off + v[i].len;
    return i;
}

/* Reads the spans not yet in the head, in runs; the buffer holds head, then the runs. */
static int read_spans(const struct tsr_array *a, struct chunk_job *j, struct wanted *v, size_t n)
{
    const struct tsr_place *p = &j->place;
    size_t have = p->head_len, at = have, i = 0, total = 0;
    uint64_t lo, hi;
    sort_wanted(v, n);
    while (i < n && v[i].off + v[i].len <= have) i++;
    for (size_t k = i; k < n; total += (size_t)(hi - lo)) k = take_run(v, k, n, &lo, &hi);
    int rc = grow_buf(j, at + total + 1); /* not NULL, even if all spans are empty */
    if (rc < 0) return rc;
    for (size_t k = 0; k < i; k++) j->refs[v[k].ref].src = j->buf + v[k].off;
    while (i < n) {
        size_t first = i;
        i = take_run(v, i, n, &lo, &hi);
        rc = tsr_store_read(a->d->store, p->key, p->off + lo, j->buf + at, (size_t)(hi - lo));
        if (rc < 0) return rc;
        for (size_t k = first; k < i; k++) j->refs[v[k].ref].src = j->buf + at + (v[k].off - lo);
        at += (size_t)(hi - lo);
    }
    return TSR_OK;
}

static int fetch_spans(const struct tsr_array *a, struct chunk_job *j, struct tsr_span *spans,
                       struct wanted *wanted, int32_t *blocks)
{
    const struct tsr_place *p = &j->place;
    size_t n = 0;
    for (size_t i = 0; i < j->nrefs; i++) {
        if (j->refs[i].cell) continue;
        blocks[n] = j->refs[i].block;
        wanted[n++].ref = i;
    }
    if (n == 0) return TSR_OK;
    const uint8_t *view = tsr_store_view(a->d->store, p->key, p->off, p->len);
    bool exact = !view;
    int rc = a->d->format->spans(a->d, p, blocks, n, exact, spans);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        struct block_ref *ref = &j->refs[wanted[i].ref];
        if (spans[i].len > p->len || spans[i].off > p->len - spans[i].len)
            return tsr_fail(TSR_ECORRUPT, "chunk %lld: block %d lies outside", (long long)p->chunk,
                            blocks[i]);
        ref->len = (int32_t)tsr_min64((int64_t)spans[i].len, INT32_MAX);
        ref->src = view ? view + spans[i].off : NULL;
        ref->off = spans[i].off;
        wanted[i].off = spans[i].off;
        wanted[i].len = spans[i].len;
    }
    if (rc < 0 || view || tsr_job_begin_late(a, j)) return rc;
    rc = read_spans(a, j, wanted, n);
    j->place.head = j->buf; /* the buffer may have moved */
    return rc;
}

static int fetch_blocks(const struct tsr_array *a, struct chunk_job *j, struct tsr_worker *w)
{
    enum { FEW = 32 };
    struct {
        struct tsr_span s[FEW];
        struct wanted w[FEW];
        int32_t b[FEW];
    } few;
    size_t n = j->nrefs, len;
    if (n <= FEW) return fetch_spans(a, j, few.s, few.w, few.b);
    if (!tsr_mul(n, sizeof *few.s + sizeof *few.w + sizeof *few.b, &len))
        return tsr_fail(TSR_ENOMEM, "spans of %zu blocks", n);
    uint8_t *p = tsr_worker_scratch(w, TSR_SCRATCH_FETCH, len);
    if (!p) return TSR_ENOMEM;
    struct tsr_span *s = (struct tsr_span *)p;
    struct wanted *v = (struct wanted *)(s + n);
    return fetch_spans(a, j, s, v, (int32_t *)(v + n));
}

/* Decodes the fetched block 0 of a serial chunk aside. */
static int decode_ref(const struct tsr_array *a, struct chunk_job *j, const struct block_ref *first,
                      struct tsr_worker *w)
{
    const struct tsr_driver *d = a->d;
    size_t len = (size_t)d->grid.item_bytes;
    for (int i = 0; i < d->grid.ndim; i++) len *= (size_t)j->block[i];
    if (len > j->ref_cap) {
        tsr_free(j->ref);
        j->ref_cap = 0;
        if (!(j->ref = tsr_alloc(len))) return TSR_ENOMEM;
        j->ref_cap = len;
    }
    int rc = d->format->decode(d, &j->place, w, 0, first->src, (size_t)first->len, j->ref);
    j->place.ref = rc == TSR_OK ? j->ref : NULL;
    return rc;
}

static int fetch_serial(const struct tsr_array *a, struct chunk_job *j, struct tsr_worker *w)
{
    size_t wanted = j->nrefs, first = 0;
    while (first < wanted && (j->refs[first].block != 0 || j->refs[first].cell)) first++;
    int rc = first == wanted ? add_ref(j, 0) : TSR_OK;
    if (rc == TSR_OK) rc = fetch_blocks(a, j, w);
    if (rc == TSR_OK) rc = decode_ref(a, j, &j->refs[first], w);
    j->nrefs = wanted;
    return rc;
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

int tsr_job_fetch(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j,
                  struct tsr_worker *w)
{
    int64_t guess = -1;
    tsr_job_let_go(a, j);
    j->nrefs = 0;
    j->late = false;
    int rc = j->cached ? fetch_kept(a, sel, j, &guess) : TSR_OK;
    if (rc < 0 || j->place.state == TSR_PLACE_STORED) return rc;
    if ((rc = tsr_job_settle(a, j)) < 0) return rc;
    bool stored = j->place.state == TSR_PLACE_STORED;
    if (!stored || guess != j->place.block_items) {
        tsr_job_let_go(a, j);
        j->nrefs = 0;
    }
    cut_in_blocks(&a->d->grid, j, j->place.block_items);
    if (!stored || (rc = want_stored(a, sel, j)) < 0) return rc;
    return j->place.serial && j->nrefs ? fetch_serial(a, j, w) : fetch_blocks(a, j, w);
}
