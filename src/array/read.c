/* SPDX-License-Identifier: BSD-3-Clause */
/* array/read.c - selection -> chunks -> bytes -> blocks -> the caller's memory.
 *
 * Touched chunks are taken in windows.  While the blocks of one window are decoded, the bytes of
 * the next are fetched: both are jobs of the same run on the pool, so nothing waits for a chunk.
 * A read of a few small blocks stays on the caller.
 *
 * Chunks of one block that are an object each are fetched by the job that decodes them: they are
 * one read, there is nothing to share, and large ones would be few in a window.
 *
 * The windows and their buffers belong to a worker that the read borrows and outlive it: memory
 * that is new for each read costs more in page faults than many a codec. */
#include "array/read.h"

#include "array/cache.h"
#include "array/heap.h"
#include "base/mem.h"
#include "grid/window.h"

enum {
    WINDOW_CHUNKS = 128,
    FAR_CHUNKS = 1024,
    KEEP_BYTES = 8 << 20,      /* fetched bytes that a window has room for between two reads */
    SCRATCH_BYTES = 512 << 10, /* scratch of this size stays in a core's cache */
    INLINE_BYTES = 96 << 10    /* below this, waking a thread costs more than it brings */
};

/* Decoded size of the wanted blocks of a window, where it is not that of grid/window.h.  Of a store
 * that is far away one trip brings as much as it lasts. */
enum { WINDOW_FAR = 32 << 20 };
enum { WINDOW_VISITED = 8 << 20 };
/* Of chunks that are read late there is nothing that could leave the cache. */
enum { WINDOW_LATE = 16 << 20, WINDOW_LATE_MOST = 256 << 20 };

static void window_free(struct window *w)
{
    for (size_t i = 0; i < w->cap; i++) tsr_job_free(&w->jobs[i]);
    tsr_free(w->jobs);
    tsr_free(w->parts);
    tsr_free(w->groups);
    *w = (struct window){0};
}

/* A worker's state: two windows. */
static void windows_free(void *p)
{
    window_free(p);
    window_free((struct window *)p + 1);
    tsr_free(p);
}

/* What a large read needed is not kept for small ones.  Only chunks of this read are looked at, or
 * a small read would pay for the many of one before. */
static void window_leave(const struct reader *r, struct window *w)
{
    size_t room = 0;
    for (size_t i = 0; i < w->used; i++) {
        tsr_job_let_go(r->a, &w->jobs[i]); /* after a failure */
        room += w->jobs[i].buf_cap + w->jobs[i].ref_cap;
    }
    if (room > KEEP_BYTES) window_free(w);
    w->used = 0;
}

/* Decoded bytes of the blocks that the selection wants from the chunk the walk is at. */
static int64_t wanted_bytes(const struct reader *r)
{
    const struct tsr_grid *g = &r->a->d->grid;
    const struct tsr_selection *sel = r->sel;
    int64_t n = g->item_bytes;
    if (sel->points) {
        n = tsr_min64(r->walk.point_end - r->walk.point, g->nblocks) * g->block_bytes;
        return g->uneven ? tsr_min64(n, tsr_grid_bytes(g, r->walk.at)) : n;
    }
    for (int d = 0; d < g->ndim; d++) {
        int64_t lo, hi, b = g->block[d], first = 0;
        tsr_walk_chunk(&r->walk, d, &lo, &hi);
        if (g->run[d]) b = tsr_min64(b, hi - lo);
        int64_t items = tsr_selection_within(sel, d, lo, hi, &first);
        int64_t from = tsr_selection_at(sel, d, first) - lo;
        int64_t to = tsr_selection_at(sel, d, first + items - 1) - lo;
        int64_t blocks = tsr_min64(to / b - from / b + 1, items);
        n *= tsr_min64(blocks * b, hi - lo + b);
    }
    return n;
}

static int window_room(struct window *w)
{
    if (w->njobs < w->cap) return TSR_OK;
    size_t cap = w->cap ? w->cap * 4 : 2;
    struct chunk_job *p = tsr_realloc(w->jobs, cap, sizeof *p);
    if (!p) return TSR_ENOMEM;
    memset(p + w->cap, 0, (cap - w->cap) * sizeof *p);
    w->jobs = p;
    w->cap = cap;
    return TSR_OK;
}

/* Passes over chunks of which the index says at once that they are zeros. */
static int skip_zeros(struct reader *r)
{
    const struct tsr_driver *d = r->a->d;
    int64_t n = 0;
    if (!r->visitor || !r->visitor->skip_zeros || !d->format->zeros) return TSR_OK;
    int64_t chunk = tsr_grid_chunk_number(&d->grid, r->walk.at);
    int rc = d->format->zeros(d, chunk, &n);
    if (rc == TSR_OK && n > 0) tsr_walk_seek(&r->walk, &d->grid, chunk + n);
    return rc;
}

/* Takes the next chunks of the walk. */
static int window_fill(struct reader *r, struct window *w)
{
    const struct tsr_grid *g = &r->a->d->grid;
    int rc = skip_zeros(r);
    w->njobs = 0;
    w->bytes = 0;
    size_t most = r->far || r->lone ? FAR_CHUNKS : WINDOW_CHUNKS;
    while (rc == TSR_OK && !r->walk.done && w->njobs < most && w->bytes < r->window_bytes) {
        if (window_room(w) < 0) return TSR_ENOMEM;
        struct chunk_job *j = &w->jobs[w->njobs++];
        tsr_job_begin(r->a, j, tsr_grid_chunk_number(g, r->walk.at));
        if (j->place.chunk == r->seen.chunk) j->place.stamp = r->seen.version;
        j->cached = r->cached;
        j->may_wait = !r->visitor;
        memcpy(j->coords, r->walk.at, (size_t)g->ndim * sizeof *j->coords);
        j->decoded = wanted_bytes(r);
        w->bytes += j->decoded;
        tsr_walk_next(&r->walk);
        if (!r->walk.done) rc = skip_zeros(r);
    }
    if (w->njobs > w->used) w->used = w->njobs;
    return rc;
}

/* ---- decoding ---- */

static int visit(const struct reader *r, const struct overlap *o, const uint8_t *items, size_t slot,
                 struct tsr_worker *w)
{
    struct tsr_part p = {.ndim = o->ndim, .items = items, .slot = slot};
    memcpy(p.at, o->at, (size_t)o->ndim * sizeof *p.at);
    memcpy(p.count, o->count, (size_t)o->ndim * sizeof *p.count);
    memcpy(p.stride, o->blk_stride, (size_t)o->ndim * sizeof *p.stride);
    return r->visitor->part(r->visitor->arg, &p, w);
}

static int visit_value(const struct reader *r, const struct chunk_job *j, struct overlap *o,
                       uint8_t *item, struct tsr_worker *w)
{
    int64_t one[TSR_MAX_NDIM];
    for (int d = 0; d < o->ndim; d++) one[d] = 1, o->blk_stride[d] = 0;
    int rc = tsr_fill(r->a, &j->place, item, one, o->blk_stride);
    return rc < 0 ? rc : visit(r, o, item, TSR_PART_ALONE, w);
}

/* The whole chunk reads as one value. */
static int fill_chunk(const struct reader *r, const struct chunk_job *j, struct tsr_worker *w)
{
    const struct tsr_grid *g = &r->a->d->grid;
    struct tsr_box chunk;
    struct block_box box;
    struct overlap o;
    tsr_grid_chunk_box(g, j->coords, &chunk);
    for (int d = 0; d < g->ndim; d++) {
        box.lo[d] = chunk.start[d];
        box.hi[d] = chunk.start[d] + chunk.count[d];
        box.extent[d] = chunk.count[d];
    }
    if (!tsr_overlap(r->a, r->sel, &box, &o)) return TSR_OK;
    uint8_t *item = tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, (size_t)g->item_bytes);
    if (!item) return TSR_ENOMEM;
    if (r->visitor) return visit_value(r, j, &o, item, w);
    return tsr_overlap_value(r->a, r->sel, &o, &j->place, item);
}

/* Could the block's bytes be decoded straight to where they belong?  Not if they may stay for
 * later reads. */
static bool may_go_straight(const struct reader *r, const struct chunk_job *j,
                            const struct block_ref *ref, const struct overlap *o)
{
    return o->whole && !ref->cell && !r->visitor && !r->a->d->loose &&
           !tsr_block_was_seen(r->a, j, ref, o);
}

/* Bytes that go past the caches are decoded beside them: decoders read again what they wrote. */
static bool goes_past(const struct reader *r, const struct overlap *o)
{
    return o->stream && r->a->d->cparams && o->bytes <= SCRATCH_BYTES;
}

static int decode_block(const struct reader *r, struct chunk_job *j, struct block_ref *ref,
                        size_t slot, struct tsr_worker *w)
{
    const struct tsr_driver *d = r->a->d;
    const uint8_t *block;
    bool hit = ref->cell;
    struct block_box box;
    struct overlap o;
    tsr_job_block_box(r->a, j, ref->block, &box);
    if (!tsr_overlap(r->a, r->sel, &box, &o)) return TSR_OK;
    bool straight = may_go_straight(r, j, ref, &o);
    if (straight && !goes_past(r, &o))
        return d->format->decode(d, &j->place, w, ref->block, ref->src, (size_t)ref->len,
                                 r->sel->base + o.mem);
    int rc = straight ? tsr_block_aside(r->a, j, ref, w, &o, &block)
                      : tsr_bring_block(r->a, j, ref, w, &o, &block);
    if (rc == TSR_OK && r->a->d->loose && !r->visitor)
        rc = tsr_heap_keep(r->a, r->sel, &o, (uint8_t *)(uintptr_t)block);
    if (rc == TSR_OK && r->visitor) rc = visit(r, &o, block + o.blk, slot, w);
    else if (rc == TSR_OK) tsr_overlap_scatter(r->a, r->sel, &o, block);
    if (ref->cell) tsr_cache_release(r->a->context->cache, ref->cell, hit);
    ref->cell = NULL;
    return rc;
}

static void count_blocks(const struct reader *r, int hits, int misses)
{
    tsr_engine_count(r->a, misses, hits);
    if (r->cached) tsr_cache_count_misses(r->a->context->cache, misses);
}

static void job_free(void *p)
{
    tsr_job_free(p);
    tsr_free(p);
}

/* Of a chunk that is not fetched yet: in a job of the worker, whose buffers serve one after the
 * other. */
static int decode_lone(const struct reader *r, const struct chunk_job *of, struct tsr_worker *w)
{
    static const char key;
    struct chunk_job *j = tsr_worker_state(w, &key, sizeof *j, job_free);
    int hits = 0;
    if (!j) return TSR_ENOMEM;
    tsr_job_begin(r->a, j, of->place.chunk);
    memcpy(j->coords, of->coords, sizeof j->coords);
    j->cached = of->cached;
    int rc = tsr_job_fetch(r->a, r->sel, j, w);
    if (rc == TSR_OK && job_is_value(j)) rc = fill_chunk(r, j, w);
    size_t n = job_is_value(j) ? 0 : j->nrefs;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        hits += j->refs[i].cell != NULL;
        rc = decode_block(r, j, &j->refs[i], TSR_PART_ALONE, w);
    }
    count_blocks(r, hits, (int)n - hits);
    tsr_job_let_go(r->a, j);
    if (j->buf_cap > KEEP_BYTES) {
        tsr_job_free(j);
        memset(j, 0, sizeof *j);
    }
    return rc;
}

static int decode_lone_group(const struct reader *r, const struct window *win, size_t i,
                             struct tsr_worker *w)
{
    const struct group *g = &win->groups[i];
    int rc = TSR_OK;
    for (size_t k = 0; k < g->n && rc == TSR_OK; k++)
        rc = decode_lone(r, &win->jobs[win->parts[g->first + k].job], w);
    return rc;
}

static int decode_group(const struct reader *r, struct window *win, size_t i, struct tsr_worker *w)
{
    const struct group *g = &win->groups[i];
    int rc = TSR_OK, hits = 0, misses = 0;
    if (r->lone) return decode_lone_group(r, win, i, w);
    for (size_t k = 0; k < g->n && rc == TSR_OK; k++) {
        const struct part *p = &win->parts[g->first + k];
        struct chunk_job *j = &win->jobs[p->job];
        if (p->ref == NO_REF) {
            rc = fill_chunk(r, j, w);
            continue;
        }
        struct block_ref *ref = &j->refs[p->ref];
        if (ref->cell) hits++;
        else misses++;
        if (job_reads_late(j, ref)) rc = tsr_job_read_late(r->a, j, p->ref, g->n - k, w);
        if (rc == TSR_OK) rc = decode_block(r, j, ref, g->slot, w);
    }
    count_blocks(r, hits, misses);
    return rc;
}

/* Job i of a run: fetches come first, so that the next window is there in time. */
static int run_job(void *arg, size_t i, struct tsr_worker *w)
{
    struct reader *r = arg;
    if (i >= r->nfetch) return decode_group(r, r->decode, i - r->nfetch, w);
    struct chunk_job *j = &r->fetch->jobs[i];
    return r->far ? tsr_jobs_fetch(r->a, r->sel, j, r->fetch->njobs, w)
                  : tsr_job_fetch(r->a, r->sel, j, w);
}

static int run(struct reader *r, struct window *decode, struct window *fetch, bool alone)
{
    struct tsr_pool *pool = r->a->context->pool;
    r->nfetch = !fetch || r->lone ? 0 : r->far ? 1 : fetch->njobs;
    size_t n = (decode ? decode->ngroups : 0) + r->nfetch;
    int rc = TSR_OK;
    r->decode = decode;
    r->fetch = fetch;
    if (!alone && n) return tsr_pool_run(pool, n, run_job, r);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = run_job(r, i, r->worker);
    return rc;
}

/* As run.  An object that another replaces while it is read late costs its window a second time. */
static int run_window(struct reader *r, struct window *now, struct window *next, bool alone)
{
    int rc = run(r, now, next, alone);
    if (rc != TSR_ECONFLICT || !tsr_jobs_refuse_late(r->a, now->jobs, now->njobs)) return rc;
    rc = run(r, NULL, now, alone);
    if (rc == TSR_OK) rc = tsr_window_group(r, now);
    if (rc == TSR_OK) rc = run(r, now, NULL, alone);
    for (size_t i = 0; next && i < next->njobs; i++)
        tsr_job_begin(r->a, &next->jobs[i], next->jobs[i].place.chunk);
    return rc < 0 || !next ? rc : run(r, NULL, next, alone);
}

/* What a visitor gets from the calling thread at the end of a window. */
static int leave_window(const struct reader *r, const struct window *w)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < w->njobs && rc == TSR_OK; i++)
        if (job_is_value(&w->jobs[i])) rc = fill_chunk(r, &w->jobs[i], r->worker);
    return rc < 0 ? rc : r->visitor->after(r->visitor->arg);
}

/* The array may have shrunk since sel was made. */
static int check_inside(const struct tsr_array *a, const struct tsr_selection *sel)
{
    for (int d = 0; d < sel->ndim; d++) {
        int64_t most = tsr_selection_at(sel, d, sel->count[d] - 1), have = a->d->grid.shape[d];
        if (most >= have)
            return tsr_fail(TSR_ECONFLICT,
                            "%s: another made dimension %d %lld long, item %lld is wanted: refresh",
                            a->d->store->url, d, (long long)have, (long long)most);
    }
    return TSR_OK;
}

/* Of an axis with runs: what the blocks from item lo to item hi come to, in whole long ones. */
static int64_t blocks_between(const struct tsr_grid *g, int d, int64_t lo, int64_t hi)
{
    int64_t len, from = tsr_grid_side(g, d, tsr_grid_find(g, d, lo), &len);
    int64_t b = tsr_min64(g->block[d], len);
    from += (lo - from) / b * b;
    int64_t to = tsr_grid_side(g, d, tsr_grid_find(g, d, hi), &len);
    b = tsr_min64(g->block[d], len);
    to += ((hi - to) / b + 1) * b;
    return tsr_ceil_div(to - from, g->block[d]);
}

/* Decoded bytes of all blocks that are wanted, at most; INT64_MAX: very many. */
static int64_t all_wanted(const struct reader *r)
{
    const struct tsr_driver *d = r->a->d;
    const struct tsr_grid *g = &d->grid;
    const struct tsr_selection *sel = r->sel;
    int64_t total = g->item_bytes, usual = g->padded ? 0 : tsr_driver_block_size(d);
    if (sel->points) return tsr_mul(sel->points->n, g->block_bytes, &total) ? total : INT64_MAX;
    for (int i = 0; i < g->ndim; i++) {
        int64_t b = usual ? usual : g->block[i], c = g->chunk[i], per = tsr_ceil_div(c, b);
        int64_t lo = tsr_selection_at(sel, i, 0), hi = tsr_selection_at(sel, i, sel->count[i] - 1);
        int64_t blocks = hi / c * per + hi % c / b - (lo / c * per + lo % c / b) + 1;
        if (g->run[i]) blocks = blocks_between(g, i, lo, hi);
        if (!tsr_mul(total, b * tsr_min64(blocks, sel->count[i]), &total)) return INT64_MAX;
    }
    return total;
}

/* Of the window after `before`, or of the first one.  What a visitor makes of a window must not
 * depend on the number of threads. */
static int64_t window_bytes(const struct reader *r, const struct window *before)
{
    int threads = tsr_pool_threads(r->a->context->pool);
    if (r->visitor) return WINDOW_VISITED;
    if (r->lone) return INT64_MAX;
    if (before && before->njobs && before->jobs[0].late)
        return tsr_min64((int64_t)threads * WINDOW_LATE, WINDOW_LATE_MOST);
    return tsr_max64(r->far ? WINDOW_FAR : 0, tsr_window_bytes(threads, 0));
}

static int read_windows(struct reader *r, struct window *now, struct window *next)
{
    const struct tsr_driver *d = r->a->d;
    r->far = d->store->far;
    r->lone = d->key_bytes && d->grid.nblocks == 1 && !r->far && !r->visitor;
    r->window_bytes = window_bytes(r, NULL);
    tsr_walk_chunks(&r->walk, &d->grid, r->sel);
    r->cached = tsr_cache_takes(r->a->context->cache, d, all_wanted(r));
    int rc = window_fill(r, now);
    bool alone = r->walk.done && now->bytes <= INLINE_BYTES;
    if (rc == TSR_OK) rc = run(r, NULL, now, alone || now->njobs == 1);
    while (rc == TSR_OK) {
        if ((rc = tsr_window_group(r, now)) < 0) break;
        next->njobs = 0;
        r->window_bytes = window_bytes(r, now);
        if (!r->walk.done && (rc = window_fill(r, next)) < 0) break;
        if ((rc = run_window(r, now, next->njobs ? next : NULL, alone)) < 0) break;
        if (r->visitor && (rc = leave_window(r, now)) < 0) break;
        if (next->njobs == 0) break;
        struct window *t = now;
        now = next;
        next = t;
    }
    return rc;
}

static int read_with_worker(struct reader *r)
{
    static const char windows; /* the key */
    struct tsr_pool *pool = r->a->context->pool;
    if (!(r->worker = tsr_pool_borrow(pool))) return TSR_ENOMEM;
    struct window *w = tsr_worker_state(r->worker, &windows, 2 * sizeof *w, windows_free);
    int rc = w ? read_windows(r, &w[0], &w[1]) : TSR_ENOMEM;
    if (w) window_leave(r, &w[0]), window_leave(r, &w[1]);
    tsr_pool_return(pool, r->worker);
    return rc;
}

/* What a read is of, whichever state it finds. */
struct request {
    const struct tsr_selection *sel;
    const struct tsr_visitor *visitor;
    const int64_t *coords; /* of points: [nitems of sel][ndim] */
};

static int read_selection(const struct tsr_array *a, const struct request *q)
{
    int rc = check_inside(a, q->sel);
    struct reader r = {.a = a, .sel = q->sel, .visitor = q->visitor};
    if (rc == TSR_OK && !q->visitor && tsr_quick_read(a, q->sel, &r.seen)) return rc;
    if (rc == TSR_OK && r.visitor) rc = r.visitor->begin(r.visitor->arg);
    if (rc < 0) return rc;
    return a->d->variable ? tsr_sized_read(a, q->sel) : read_with_worker(&r);
}

/* The order of points depends on the shape, which another may have changed. */
static int read_points(const struct tsr_array *a, const struct request *q)
{
    struct tsr_selection sel = *q->sel;
    struct tsr_points p;
    struct reader r = {.a = a, .sel = &sel};
    int rc = tsr_points_init(&p, &a->d->grid, sel.nitems, q->coords);
    if (rc < 0) return rc;
    sel.points = &p;
    rc = read_with_worker(&r);
    tsr_points_done(&p);
    return rc;
}

static int read_now(const struct tsr_array *a, void *arg)
{
    const struct request *q = arg;
    return q->coords ? read_points(a, q) : read_selection(a, q);
}

static int read_request(const struct tsr_array *a, struct request q)
{
    if (a->d->loose && !q.sel->heap) return tsr_heap_wanted(a, "read");
    return tsr_engine_blame(a, tsr_follow_read(a, read_now, &q));
}

int tsr_engine_read(const struct tsr_array *a, const struct tsr_selection *sel)
{
    return sel->nitems ? read_request(a, (struct request){sel, NULL, NULL}) : TSR_OK;
}

int tsr_engine_visit(const struct tsr_array *a, const struct tsr_selection *sel,
                     const struct tsr_visitor *v)
{
    if (sel->nitems == 0) return v->begin(v->arg);
    return read_request(a, (struct request){sel, v, NULL});
}

int tsr_engine_read_points(const struct tsr_array *a, const struct tsr_selection *sel,
                           const int64_t *coords)
{
    return sel->nitems ? read_request(a, (struct request){sel, NULL, coords}) : TSR_OK;
}
