/* SPDX-License-Identifier: BSD-3-Clause */
/* array/write.c - the caller's memory -> blocks -> chunks -> the container.
 *
 * Touched chunks are taken in windows.  A chunk that the selection covers is made of the
 * caller's items alone; of another one the old blocks are fetched, and a block is decoded only
 * when it is partly overwritten: blocks that stay as they are keep their stored bytes where the
 * format can.  While the blocks of one window are encoded, the window before is committed, by jobs
 * of the same run: one, or where chunks are objects of their own (commits_apart) several, so that
 * each thread puts some. */
#include "array/write.h"
#include "array/cache.h"
#include "array/heap.h"
#include "base/mem.h"
#include "grid/window.h"

enum { KEEP_BYTES = 8 << 20 }; /* room of a window between two writes */

/* Blocks that the format made room for. */
static void free_own(struct out_job *j)
{
    for (int32_t b = 0; b < j->own; b++) {
        tsr_free(j->out.blocks[b].p);
        j->out.blocks[b].p = NULL;
    }
    j->own = 0;
}

static void window_free(struct window *w)
{
    for (size_t i = 0; i < w->cap; i++) {
        struct out_job *j = &w->jobs[i];
        free_own(j);
        tsr_job_free(&j->old);
        tsr_free(j->slots);
        tsr_free(j->raw);
        tsr_free(j->ref);
        tsr_free(j->uniform);
        tsr_free(j->out.blocks);
    }
    tsr_free(w->jobs);
    tsr_free(w->out);
    *w = (struct window){0};
}

/* A worker's state: two windows. */
static void windows_free(void *p)
{
    window_free(p);
    window_free((struct window *)p + 1);
    tsr_free(p);
}

/* What a large write needed is not kept for small ones. */
static void window_leave(const struct tsr_array *a, struct window *w)
{
    size_t room = 0;
    for (size_t i = 0; i < w->cap; i++) {
        struct out_job *j = &w->jobs[i];
        tsr_job_let_go(a, &j->old);
        free_own(j);
        room += j->slots_cap + j->raw_cap + j->ref_cap + j->old.buf_cap + j->old.ref_cap;
    }
    if (room > KEEP_BYTES) window_free(w);
}

/* Most writes are of a chunk or two. */
static int window_room(struct window *w)
{
    if (w->njobs < w->cap) return TSR_OK;
    size_t cap = w->cap ? tsr_minz(w->cap * 4, WINDOW_CHUNKS) : 2;
    struct tsr_out_chunk *out = tsr_realloc(w->out, cap, sizeof *out);
    if (out) w->out = out;
    struct out_job *jobs = out ? tsr_realloc(w->jobs, cap, sizeof *jobs) : NULL;
    if (!jobs) return TSR_ENOMEM;
    memset(jobs + w->cap, 0, (cap - w->cap) * sizeof *jobs);
    w->jobs = jobs;
    w->cap = cap;
    return TSR_OK;
}

/* Room for a chunk's head and encoded blocks: one buffer, a slot per block. */
static int make_room(struct out_job *j)
{
    struct tsr_out_chunk *c = &j->out;
    size_t need;
    if (!tsr_mul(c->block_bound, (size_t)c->nblocks, &need) || !tsr_add(need, c->head_bound, &need))
        return tsr_fail(TSR_ENOMEM, "chunk of %d blocks", c->nblocks);
    if (need > j->slots_cap) {
        tsr_free(j->slots);
        j->slots_cap = 0;
        if (!(j->slots = tsr_alloc(need))) return TSR_ENOMEM;
        j->slots_cap = need;
    }
    if (c->nblocks > j->blocks_cap) {
        struct tsr_block_out *b = tsr_realloc(c->blocks, (size_t)c->nblocks, sizeof *b);
        if (b) c->blocks = b;
        struct uniform *u = tsr_realloc(j->uniform, (size_t)c->nblocks, sizeof *u);
        if (u) j->uniform = u;
        if (!b || !u) return TSR_ENOMEM;
        j->blocks_cap = c->nblocks;
    }
    c->head = j->slots;
    j->own = c->own ? c->nblocks : 0;
    for (int32_t b = 0; b < c->nblocks; b++)
        c->blocks[b] = (struct tsr_block_out){
            .p = c->own ? NULL : j->slots + c->head_bound + (size_t)b * c->block_bound};
    return TSR_OK;
}

static int job_init(struct writer *w, struct out_job *j)
{
    const struct tsr_driver *d = w->a->d;
    const struct tsr_grid *g = &d->grid;
    struct tsr_box box;
    int64_t chunk = tsr_grid_chunk_number(g, w->walk.at), nbytes = tsr_grid_bytes(g, w->walk.at);
    tsr_grid_chunk_box(g, w->walk.at, &box);
    if (!g->padded) tsr_product(box.count, g->ndim, &nbytes), nbytes *= g->item_bytes;
    free_own(j);
    j->out = (struct tsr_out_chunk){.chunk = chunk, .nbytes = nbytes, .blocks = j->out.blocks};
    tsr_job_begin(w->a, &j->old, chunk);
    memcpy(j->old.coords, w->walk.at, (size_t)g->ndim * sizeof *j->old.coords);
    j->partial = !tsr_selection_covers(w->sel, &box);
    j->assembled = false;
    int rc = d->format->begin(d, &j->out);
    if (rc == TSR_OK && w->same && !j->partial) {
        j->out.special = w->same;
        j->out.value = w->sel->base;
        j->out.nblocks = 0;
        j->out.prepare = false;
    }
    return rc < 0 ? rc : make_room(j);
}

static int window_fill(struct writer *w, struct window *win)
{
    int64_t bytes = 0;
    int rc = TSR_OK;
    win->njobs = 0;
    win->first[0] = 0;
    while (!w->walk.done && win->njobs < WINDOW_CHUNKS && bytes < w->window_bytes) {
        if ((rc = window_room(win)) < 0) return rc;
        struct out_job *j = &win->jobs[win->njobs++];
        if ((rc = job_init(w, j)) < 0) return rc;
        bytes += j->out.special ? 0 : j->out.nbytes;
        win->first[win->njobs] = win->first[win->njobs - 1] + (size_t)j->out.nblocks;
        tsr_walk_next(&w->walk);
    }
    return TSR_OK;
}

/* ---- encoding ---- */

/* Has the format chunks that are one item, repeated? */
static bool has_specials(const struct tsr_driver *d)
{
    return d->grid.padded && !d->format->names_fill;
}

static void note_uniform(const struct tsr_grid *g, struct out_job *j, int32_t b, const uint8_t *src,
                         size_t len)
{
    struct uniform *u = &j->uniform[b];
    u->kind = TSR_SPECIAL_NONE;
    if (g->item_bytes > ITEM_MAX || len % (size_t)g->item_bytes || !len) return;
    u->kind = (uint8_t)tsr_chunk_uniform(src, len, (int32_t)g->item_bytes);
    if (u->kind) memcpy(u->item, src, (size_t)g->item_bytes);
}

static int encode_block(const struct writer *w, struct out_job *j, int32_t b, struct tsr_worker *wk)
{
    const struct tsr_driver *d = w->a->d;
    j->uniform[b].kind = TSR_SPECIAL_NONE;
    if (tsr_write_keep(w, j, b)) return TSR_OK;
    size_t len = tsr_write_block_len(j, &d->grid, b);
    uint8_t *dst = tsr_worker_scratch(wk, TSR_SCRATCH_BLOCK, len);
    const uint8_t *src;
    if (!dst) return TSR_ENOMEM;
    int rc = tsr_write_block(w, j, b, wk, dst, &src);
    if (rc < 0) return rc;
    if (has_specials(d)) note_uniform(&d->grid, j, b, src, len);
    return d->format->encode(d, wk, &j->out, b, src);
}

/* ---- closing and committing ---- */

/* All blocks are the same item repeated: one value stands for the chunk. */
static int chunk_uniform(const struct tsr_grid *g, const struct out_job *j)
{
    int kind = j->uniform[0].kind;
    for (int32_t b = 0; b < j->out.nblocks && kind; b++)
        if (j->uniform[b].kind != kind ||
            memcmp(j->uniform[b].item, j->uniform[0].item, (size_t)g->item_bytes) != 0)
            return TSR_SPECIAL_NONE;
    return kind;
}

static int seal(struct writer *w, struct out_job *j)
{
    const struct tsr_driver *d = w->a->d;
    /* a plain frame counts in bytes: its items may be larger than what is compared here */
    int kind = j->out.nblocks && has_specials(d) ? chunk_uniform(&d->grid, j) : TSR_SPECIAL_NONE;
    if (kind) {
        j->out.special = kind;
        j->out.value = j->uniform[0].item;
    }
    return d->format->seal(d, &j->out);
}

/* In how many parts a window is committed.  What is far takes all of it at once, in one call. */
static size_t parts_of(const struct writer *w, const struct window *win)
{
    enum { PER_THREAD = 4 };
    if (!win) return 0;
    if (!w->a->d->format->commits_apart || w->a->d->store->far) return 1;
    return tsr_minz(win->njobs, PER_THREAD * (size_t)tsr_pool_threads(w->a->context->pool));
}

static int commit_part(void *arg, size_t i, struct tsr_worker *wk)
{
    const struct writer *w = arg;
    struct window *win = w->commit;
    size_t lo = win->njobs * i / w->nparts, hi = win->njobs * (i + 1) / w->nparts;
    (void)wk;
    for (size_t k = lo; k < hi; k++) win->out[k] = win->jobs[k].out;
    return w->a->d->format->commit(w->a->d, win->out + lo, hi - lo);
}

/* Blocks that are kept of chunks which were committed, or may have been. */
static void forget(const struct writer *w, const struct window *win)
{
    for (size_t i = 0; win && i < win->njobs; i++)
        tsr_cache_forget_chunk(w->a->context->cache, w->a->d, win->jobs[i].out.chunk);
}

static int commit(struct writer *w, struct window *win)
{
    w->commit = win;
    w->nparts = parts_of(w, win);
    int rc = tsr_pool_run(w->a->context->pool, w->nparts, commit_part, w);
    forget(w, win);
    return rc;
}

/* Where a chunk's blocks come from when the format wants to see it whole. */
struct blocks_of {
    const struct writer *w;
    const struct out_job *j;
};

static int get_block(void *arg, struct tsr_worker *wk, int32_t b, const uint8_t **src)
{
    const struct blocks_of *of = arg;
    size_t len = tsr_write_block_len(of->j, &of->w->a->d->grid, b);
    uint8_t *dst = tsr_worker_scratch(wk, TSR_SCRATCH_BLOCK, len);
    return dst ? tsr_write_block(of->w, of->j, b, wk, dst, src) : TSR_ENOMEM;
}

static int prepare(void *arg, size_t i, struct tsr_worker *wk)
{
    struct writer *w = arg;
    struct out_job *j = &w->encode->jobs[i];
    struct blocks_of of = {w, j};
    struct tsr_block_source from = {get_block, &of, j->out.ref};
    return j->out.prepare ? w->a->d->format->prepare(w->a->d, wk, &j->out, &from) : TSR_OK;
}

/* The first jobs commit the window before, the others encode a block each. */
static int run_job(void *arg, size_t i, struct tsr_worker *wk)
{
    struct writer *w = arg;
    if (i < w->nparts) return commit_part(w, i, wk);
    i -= w->nparts;
    size_t lo = 0, hi = w->encode->njobs;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (w->encode->first[mid] <= i) lo = mid;
        else hi = mid;
    }
    return encode_block(w, &w->encode->jobs[lo], (int32_t)(i - w->encode->first[lo]), wk);
}

/* Commits `before` on the way: beside the encoding, or first, when old blocks are to be used in
 * place in a store whose bytes a write may move. */
static int encode_window(struct writer *w, struct window *win, struct window *before)
{
    struct tsr_pool *pool = w->a->context->pool;
    bool partial = false, raw = false, ahead = false;
    int rc = TSR_OK;
    for (size_t i = 0; i < win->njobs; i++) {
        partial |= win->jobs[i].partial;
        ahead |= win->jobs[i].out.prepare;
    }
    if (partial && before && w->a->d->store->kind->view) {
        rc = commit(w, before);
        before = NULL;
    }
    w->encode = win;
    w->commit = before;
    w->nparts = parts_of(w, before);
    if (rc == TSR_OK && partial) rc = tsr_pool_run(pool, win->njobs, tsr_write_fetch, w);
    for (size_t i = 0; i < win->njobs && !partial && rc == TSR_OK; i++)
        rc = tsr_write_fetch(w, i, NULL);
    if (rc == TSR_OK && ahead) rc = tsr_pool_run(pool, win->njobs, prepare, w);
    if (rc == TSR_OK) rc = tsr_pool_run(pool, win->first[win->njobs] + w->nparts, run_job, w);
    forget(w, before);
    for (size_t i = 0; i < win->njobs && rc == TSR_OK; i++) {
        rc = seal(w, &win->jobs[i]);
        raw |= win->jobs[i].out.need_raw;
    }
    return rc == TSR_OK && raw ? tsr_pool_run(pool, win->njobs, tsr_write_raw, w) : rc;
}

/* Chunks that hold one item, repeated, need no blocks.  (A plain frame counts in bytes.) */
static int same_item(const struct tsr_array *a, const struct tsr_selection *sel)
{
    const struct tsr_grid *g = &a->d->grid;
    if (!has_specials(a->d) || a->d->format->kind != TSR_KIND_ARRAY || sel->points)
        return TSR_SPECIAL_NONE;
    for (int d = 0; d < sel->ndim; d++)
        if (sel->stride[d] != 0) return TSR_SPECIAL_NONE;
    return tsr_chunk_uniform(sel->base, (size_t)g->item_bytes, (int32_t)g->item_bytes);
}

static int write_chunks(struct writer *w)
{
    struct window *now = &w->win[0], *before = NULL;
    int rc = TSR_OK;
    w->window_bytes =
        tsr_window_bytes(tsr_pool_threads(w->a->context->pool), w->a->d->grid.block_bytes);
    while (rc == TSR_OK && !w->walk.done) {
        if ((rc = window_fill(w, now)) < 0 || (rc = encode_window(w, now, before)) < 0) break;
        before = now;
        now = now == &w->win[0] ? &w->win[1] : &w->win[0];
    }
    return rc == TSR_OK && before ? commit(w, before) : rc;
}

/* Buffers that are new for each write would cost more in page faults than small writes do. */
static int write_with_worker(struct writer *w)
{
    static const char windows; /* the key */
    struct tsr_pool *pool = w->a->context->pool;
    struct tsr_worker *wk = tsr_pool_borrow(pool);
    if (!wk) return TSR_ENOMEM;
    w->win = tsr_worker_state(wk, &windows, 2 * sizeof *w->win, windows_free);
    int rc = w->win ? write_chunks(w) : TSR_ENOMEM;
    if (w->win) window_leave(w->a, &w->win[0]), window_leave(w->a, &w->win[1]);
    tsr_pool_return(pool, wk);
    return rc;
}

int tsr_engine_write(struct tsr_array *a, const struct tsr_selection *sel)
{
    struct writer w = {.a = a, .sel = sel};
    if (!a->d->writable || !a->d->format->commit)
        return tsr_fail(TSR_EDENIED, "%s: opened read-only", a->d->store->url);
    if (a->d->loose && !sel->heap) return tsr_heap_wanted(a, "write");
    if (sel->nitems == 0) return TSR_OK;
    if (a->d->variable) return tsr_sized_write(a, sel);
    w.same = same_item(a, sel);
    tsr_walk_chunks(&w.walk, &a->d->grid, sel);
    return tsr_engine_blame(a, write_with_worker(&w));
}
