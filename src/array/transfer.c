/* SPDX-License-Identifier: BSD-3-Clause */
/* array/transfer.c - blocks from array to array as they are stored, chunked otherwise or not.
 *
 *   shard | 0 | 1 | 2 | 3 |   <->   objects  | 0 |  | 1 |  | 2 |  | 3 |
 *
 * Where blocks of two arrays mean the same (tsr_format.blocks_fit) a chunk of the target is put
 * together from stored blocks of the source: nothing is decoded, and what is not stored stays so.
 * Chunks are read in windows by all threads; the window before is committed meanwhile. */
#include "array/fetch.h"
#include "base/mem.h"

enum { CHUNKS = 64 };

/* A chunk of the target on its way. */
struct slot {
    struct tsr_out_chunk out;
    int64_t coords[TSR_MAX_NDIM];
    struct chunk_job job; /* the chunk of the source that is read */
    struct tsr_buf bytes; /* stored bytes of the blocks; */
    size_t *at;           /* where those of each begin, [out.nblocks] */
    uint8_t *head;
    size_t head_cap;
    int32_t cap; /* of at and out.blocks */
};

struct transfer {
    tsr_array *to;
    const tsr_array *from;
    struct slot *slot; /* [2][CHUNKS] */
    struct slot *now, *before;
    size_t nnow, nbefore, per_window, nparts;
    struct tsr_out_chunk *out; /* [CHUNKS] */
};

bool tsr_blocks_fit(const tsr_array *to, const tsr_array *from, bool coding)
{
    const struct tsr_format *f = to->d->format;
    return f->blocks_fit && f->begin && f->blocks_fit(to->d, from->d, coding);
}

static void slot_free(struct slot *s)
{
    tsr_job_free(&s->job);
    tsr_buf_free(&s->bytes);
    tsr_free(s->at);
    tsr_free(s->head);
    tsr_free(s->out.blocks);
}

/* ---- one chunk ---- */

static int slot_room(struct slot *s)
{
    struct tsr_out_chunk *c = &s->out;
    if (c->nblocks > s->cap) {
        struct tsr_block_out *b = tsr_realloc(c->blocks, (size_t)c->nblocks, sizeof *b);
        if (b) c->blocks = b;
        size_t *at = tsr_realloc(s->at, (size_t)c->nblocks, sizeof *at);
        if (at) s->at = at;
        if (!b || !at) return TSR_ENOMEM;
        s->cap = c->nblocks;
    }
    if (c->head_bound > s->head_cap) {
        tsr_free(s->head);
        s->head_cap = 0;
        if (!(s->head = tsr_alloc(c->head_bound))) return TSR_ENOMEM;
        s->head_cap = c->head_bound;
    }
    c->head = s->head;
    s->bytes.len = 0;
    for (int32_t b = 0; b < c->nblocks; b++) c->blocks[b] = (struct tsr_block_out){.zeros = true};
    return TSR_OK;
}

/* Blocks that a chunk of one grid and a chunk of the other have in common, in blocks of all of the
 * array; false: none. */
struct common {
    int64_t lo[TSR_MAX_NDIM], hi[TSR_MAX_NDIM];
};

static bool find_common(const struct tsr_grid *g, const int64_t a[], const struct tsr_grid *h,
                        const int64_t b[], struct common *c)
{
    bool some = true;
    for (int d = 0; d < g->ndim; d++) {
        c->lo[d] = tsr_max64(a[d] * g->nblock[d], b[d] * h->nblock[d]);
        c->hi[d] = tsr_min64((a[d] + 1) * g->nblock[d], (b[d] + 1) * h->nblock[d]);
        some = some && c->lo[d] < c->hi[d];
    }
    return some;
}

/* The number of the block at `at` in the chunk at coords. */
static int32_t number_in(const struct tsr_grid *g, const int64_t coords[], const int64_t at[])
{
    int64_t n = 0;
    for (int d = 0; d < g->ndim; d++) n = n * g->nblock[d] + at[d] - coords[d] * g->nblock[d];
    return (int32_t)n;
}

static bool next_in(const struct common *c, int ndim, int64_t at[])
{
    for (int d = ndim - 1; d >= 0; d--) {
        if (++at[d] < c->hi[d]) return true;
        at[d] = c->lo[d];
    }
    return false;
}

static int add_read(struct tsr_reads *reads, const struct tsr_place *p, const struct tsr_span *s,
                    size_t at)
{
    struct tsr_range *last = reads->n ? &reads->v[reads->n - 1] : NULL;
    if (last && last->off + last->len == p->off + s->off) {
        last->len += (size_t)s->len;
        return TSR_OK;
    }
    /* dst: an offset until the buffer moves no more */
    struct tsr_range r = {.key = p->key,
                          .off = p->off + s->off,
                          .len = (size_t)s->len,
                          .dst = (void *)(uintptr_t)at,
                          .stamp = p->stamp};
    return tsr_reads_add(reads, &r);
}

/* Room for the block of this span in the slot; its bytes come from the head of the chunk, or are to
 * be read. */
static int add_block(struct slot *s, int32_t b, const struct tsr_span *span,
                     struct tsr_reads *reads)
{
    const struct tsr_place *p = &s->job.place;
    struct tsr_block_out *out = &s->out.blocks[b];
    if (span->off == TSR_SPAN_NONE) return TSR_OK;
    if (span->len == 0 || span->len > INT32_MAX)
        return tsr_fail(TSR_ECORRUPT, "%s: found a block of %llu bytes", p->key,
                        (unsigned long long)span->len);
    size_t at = s->bytes.len, len = (size_t)span->len;
    int rc = tsr_buf_reserve(&s->bytes, len);
    if (rc < 0) return rc;
    out->zeros = false;
    out->len = (int32_t)len;
    s->at[b] = at;
    s->bytes.len += len;
    if (span->off + span->len > p->head_len) return add_read(reads, p, span, at);
    memcpy(s->bytes.p + at, p->head + span->off, len);
    return TSR_OK;
}

/* Blocks of the source's chunk at coords, which is stored. */
static int add_blocks(const struct transfer *t, struct slot *s, const int64_t coords[],
                      const struct common *c)
{
    const struct tsr_grid *g = &t->from->d->grid;
    struct tsr_reads reads = {.store = t->from->d->store, .gather = true};
    struct tsr_span span;
    int64_t at[TSR_MAX_NDIM];
    int rc;
    memcpy(at, c->lo, sizeof at);
    do {
        int32_t b = number_in(g, coords, at);
        rc = t->from->d->format->spans(t->from->d, &s->job.place, &b, 1, true, &span);
        if (rc == TSR_OK)
            rc = add_block(s, number_in(&t->to->d->grid, s->coords, at), &span, &reads);
    } while (rc == TSR_OK && next_in(c, g->ndim, at));
    for (size_t i = 0; i < reads.n; i++) reads.v[i].dst = s->bytes.p + (uintptr_t)reads.v[i].dst;
    if (rc == TSR_OK) rc = tsr_reads_run(&reads);
    tsr_free(reads.v);
    return rc;
}

/* What the slot's chunk has of the source's chunk at coords. */
static int take_chunk(const struct transfer *t, struct slot *s, const int64_t coords[])
{
    const struct tsr_grid *g = &t->from->d->grid;
    struct common c;
    if (!find_common(&t->to->d->grid, s->coords, g, coords, &c)) return TSR_OK;
    tsr_job_begin(t->from, &s->job, tsr_grid_chunk_number(g, coords));
    int rc = tsr_job_settle(t->from, &s->job);
    if (rc == TSR_OK && s->job.place.state == TSR_PLACE_STORED) rc = add_blocks(t, s, coords, &c);
    bool stale = rc == TSR_ECONFLICT && s->job.place.stamp;
    tsr_job_release_place(t->from, &s->job, stale);
    return rc;
}

/* All of it, once. */
static int take_blocks(const struct transfer *t, struct slot *s)
{
    const struct tsr_grid *g = &t->from->d->grid, *h = &t->to->d->grid;
    struct common c; /* chunks of the source that it meets */
    int64_t at[TSR_MAX_NDIM];
    int rc = slot_room(s);
    for (int d = 0; d < g->ndim; d++) {
        int64_t first = s->coords[d] * h->nblock[d], end = first + h->nblock[d];
        at[d] = c.lo[d] = first / g->nblock[d];
        c.hi[d] = tsr_min64(tsr_ceil_div(end, g->nblock[d]), g->nchunk[d]);
    }
    while (rc == TSR_OK) {
        rc = take_chunk(t, s, at);
        if (rc < 0 || !next_in(&c, g->ndim, at)) break;
    }
    return rc;
}

/* An object that another replaced between two reads is read anew, a few times. */
static int fill_slot(const struct transfer *t, struct slot *s)
{
    const struct tsr_driver *d = t->to->d;
    int rc = take_blocks(t, s);
    for (int i = 1; i < TSR_FETCH_TRIES && rc == TSR_ECONFLICT; i++) rc = take_blocks(t, s);
    for (int32_t b = 0; b < s->out.nblocks && rc == TSR_OK; b++)
        if (!s->out.blocks[b].zeros) s->out.blocks[b].p = s->bytes.p + s->at[b];
    return rc < 0 ? rc : d->format->seal(d, &s->out);
}

/* ---- windows ---- */

/* In how many parts the window before is committed: as array/write.c does. */
static size_t parts_of(const struct transfer *t)
{
    enum { PER_THREAD = 4 };
    const struct tsr_driver *d = t->to->d;
    if (!d->format->commits_apart || d->store->far) return t->nbefore > 0;
    return tsr_minz(t->nbefore, PER_THREAD * (size_t)tsr_pool_threads(t->to->context->pool));
}

static int commit_part(const struct transfer *t, size_t i)
{
    size_t lo = t->nbefore * i / t->nparts, hi = t->nbefore * (i + 1) / t->nparts;
    for (size_t k = lo; k < hi; k++) t->out[k] = t->before[k].out;
    return t->to->d->format->commit(t->to->d, t->out + lo, hi - lo);
}

static int window_job(void *arg, size_t i, struct tsr_worker *w)
{
    const struct transfer *t = arg;
    (void)w;
    return i < t->nparts ? commit_part(t, i) : fill_slot(t, &t->now[i - t->nparts]);
}

static int begin_window(struct transfer *t, int64_t *first, int64_t end)
{
    const struct tsr_driver *d = t->to->d;
    int rc = TSR_OK;
    for (t->nnow = 0; t->nnow < t->per_window && *first < end && rc == TSR_OK; t->nnow++) {
        struct slot *s = &t->now[t->nnow];
        s->out = (struct tsr_out_chunk){.chunk = (*first)++, .blocks = s->out.blocks};
        tsr_grid_chunk_coords(&d->grid, s->out.chunk, s->coords);
        s->out.nbytes = d->grid.chunk_bytes;
        rc = d->format->begin(d, &s->out);
    }
    return rc;
}

static int run_windows(struct transfer *t, int64_t first, int64_t end, struct tsr_copying *c)
{
    struct tsr_pool *pool = t->to->context->pool;
    int rc = TSR_OK;
    t->now = t->slot;
    t->before = t->slot + CHUNKS;
    do {
        if ((rc = begin_window(t, &first, end)) < 0) break;
        t->nparts = parts_of(t);
        rc = tsr_pool_run(pool, t->nparts + t->nnow, window_job, t);
        struct slot *done = t->before;
        t->before = t->now;
        t->now = done;
        int64_t bytes = tsr_times((int64_t)t->nbefore, t->to->d->grid.chunk_bytes);
        if (rc == TSR_OK && t->nbefore) rc = tsr_copying_tell(c, bytes);
        t->nbefore = t->nnow;
    } while (rc == TSR_OK && t->nbefore);
    return rc;
}

int tsr_copy_blocks(struct tsr_copying *c, int64_t first, int64_t end, int64_t window)
{
    struct transfer t = {.to = c->to, .from = c->from};
    int64_t most = window / tsr_max64(c->to->d->grid.chunk_bytes, 1);
    t.per_window = (size_t)tsr_max64(1, tsr_min64(most, CHUNKS));
    t.slot = tsr_alloc_zero(2 * CHUNKS, sizeof *t.slot);
    t.out = tsr_alloc_array(CHUNKS, sizeof *t.out);
    int rc = t.slot && t.out ? run_windows(&t, first, end, c) : TSR_ENOMEM;
    for (size_t i = 0; t.slot && i < 2 * (size_t)CHUNKS; i++) slot_free(&t.slot[i]);
    tsr_free(t.slot);
    tsr_free(t.out);
    tsr_engine_forget(c->to);
    return rc;
}
