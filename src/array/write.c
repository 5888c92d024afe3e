/* SPDX-License-Identifier: BSD-3-Clause */
/* array/write.c - the caller's memory -> blocks -> chunks -> the container.
 *
 * Touched chunks are taken in windows.  A chunk that the selection covers is made of the
 * caller's items alone; of another one the old blocks are fetched, and a block is decoded only
 * when it is partly overwritten: blocks that stay as they are keep their stored bytes where the
 * format can.  While the blocks of one window are encoded, the window before is committed, as
 * one job of the same run. */
#include "array/array.h"
#include "array/cache.h"
#include "base/mem.h"

enum { WINDOW_CHUNKS = 64 };

/* Decoded bytes of a window: small, so that what is encoded is still in the cache as it is written
 * and little memory is touched; but some 32 blocks for each thread, so that few wait at its end. */
enum { WINDOW_LEAST = 4 << 20, WINDOW_MOST = 64 << 20, WINDOW_OF_THREAD = 2 << 20 };

/* What is known of a block while it is encoded: is it one item repeated? */
enum { ITEM_MAX = 16 };
struct uniform {
    uint8_t kind; /* TSR_SPECIAL_* */
    uint8_t item[ITEM_MAX];
};

struct out_job {
    struct tsr_out_chunk out;
    struct chunk_job old;
    bool partial;
    bool assembled;             /* raw holds the whole new chunk already */
    uint8_t *slots, *raw, *ref; /* kept from window to window; ref: block 0 of a serial chunk */
    size_t slots_cap, raw_cap, ref_cap;
    struct uniform *uniform; /* [out.nblocks] */
    int32_t blocks_cap;
};

struct window {
    struct out_job *jobs; /* [cap], up to WINDOW_CHUNKS */
    size_t njobs, cap;
    size_t first[WINDOW_CHUNKS + 1]; /* job numbers of blocks */
    struct tsr_out_chunk *out;       /* [cap], for the commit */
};

struct writer {
    struct tsr_array *a;
    const struct tsr_selection *sel;
    struct tsr_walk walk;
    struct window win[2];
    struct window *encode, *commit;
    int64_t window_bytes;
    int same; /* TSR_SPECIAL_*: all that is written is this one item, at sel's base */
};

static void window_free(struct window *w)
{
    for (size_t i = 0; i < w->cap; i++) {
        struct out_job *j = &w->jobs[i];
        tsr_job_free(&j->old);
        tsr_free(j->slots);
        tsr_free(j->raw);
        tsr_free(j->ref);
        tsr_free(j->uniform);
        tsr_free(j->out.blocks);
    }
    tsr_free(w->jobs);
    tsr_free(w->out);
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
    for (int32_t b = 0; b < c->nblocks; b++)
        c->blocks[b] =
            (struct tsr_block_out){.p = j->slots + c->head_bound + (size_t)b * c->block_bound};
    return TSR_OK;
}

static int job_init(struct writer *w, struct out_job *j)
{
    const struct tsr_driver *d = w->a->d;
    const struct tsr_grid *g = &d->grid;
    struct tsr_box box;
    int64_t chunk = tsr_grid_chunk_number(g, w->walk.at), nbytes = g->chunk_bytes;
    tsr_grid_chunk_box(g, w->walk.at, &box);
    if (!g->padded) tsr_product(box.count, g->ndim, &nbytes), nbytes *= g->item_bytes;
    j->out = (struct tsr_out_chunk){.chunk = chunk, .nbytes = nbytes, .blocks = j->out.blocks};
    j->old.place = (struct tsr_place){.chunk = chunk};
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

/* ---- the content of a block ---- */

static size_t block_len(const struct out_job *j, const struct tsr_grid *g, int32_t b)
{
    int64_t full = j->out.block_items ? j->out.block_items * g->item_bytes : g->block_bytes;
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

/* How block b comes about: *src is its decoded bytes (in dst, or in the caller's memory). */
static int make_block(const struct writer *w, const struct out_job *j, int32_t b,
                      struct tsr_worker *wk, uint8_t *dst, const uint8_t **src)
{
    const struct tsr_grid *g = &w->a->d->grid;
    struct block_box box;
    struct overlap o;
    if (j->assembled) {
        *src = j->raw + (size_t)b * block_len(j, g, 0);
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
        memset(dst, 0, len);
    }
    if (meets) tsr_overlap_gather(w->a, w->sel, &o, dst);
    return TSR_OK;
}

static bool keep_block(const struct writer *w, const struct out_job *j, int32_t b)
{
    const struct tsr_driver *d = w->a->d;
    struct block_box box;
    struct overlap o;
    if (!j->partial || !d->format->keep || j->old.place.state != TSR_PLACE_STORED) return false;
    if ((size_t)b >= j->old.nrefs) return false; /* the old chunk has larger blocks */
    tsr_job_block_box(w->a, &j->old, b, &box);
    if (tsr_overlap(w->a, w->sel, &box, &o)) return false;
    const struct block_ref *ref = &j->old.refs[b];
    return d->format->keep(d, &j->old.place, &j->out, b, ref->src, (size_t)ref->len);
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
    if (keep_block(w, j, b)) return TSR_OK;
    size_t len = block_len(j, &d->grid, b);
    uint8_t *dst = tsr_worker_scratch(wk, TSR_SCRATCH_BLOCK, len);
    const uint8_t *src;
    if (!dst) return TSR_ENOMEM;
    int rc = make_block(w, j, b, wk, dst, &src);
    if (rc < 0) return rc;
    note_uniform(&d->grid, j, b, src, len);
    return d->format->encode(d, wk, &j->out, b, src);
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
    int rc = room(&j->ref, &j->ref_cap, block_len(j, &w->a->d->grid, 0));
    return rc < 0 ? rc : make_block(w, j, 0, wk, j->ref, &j->out.ref);
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
    int64_t stride[TSR_MAX_NDIM], bytes = g->item_bytes, block = g->block_bytes;
    if (j->old.place.block_items) block = j->old.place.block_items * g->item_bytes;
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

static int fetch_old(void *arg, size_t i, struct tsr_worker *wk)
{
    struct writer *w = arg;
    struct out_job *j = &w->encode->jobs[i];
    const struct tsr_grid *g = &w->a->d->grid;
    int rc = j->partial ? tsr_job_fetch(w->a, NULL, &j->old, wk) : TSR_OK;
    if (rc == TSR_OK && j->partial && !g->padded) rc = assemble(w, j, wk);
    memcpy(j->old.block, g->block, sizeof g->block);
    memcpy(j->old.nblock, g->nblock, sizeof g->nblock);
    if (j->out.block_items) {
        j->old.block[0] = j->out.block_items;
        j->old.nblock[0] = j->out.nblocks;
    }
    return rc < 0 ? rc : make_ref(w, j, wk);
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
    int kind = j->out.nblocks && d->grid.padded ? chunk_uniform(&d->grid, j) : TSR_SPECIAL_NONE;
    if (kind) {
        j->out.special = kind;
        j->out.value = j->uniform[0].item;
    }
    return d->format->seal(d, &j->out);
}

static int make_raw(void *arg, size_t i, struct tsr_worker *wk)
{
    struct writer *w = arg;
    struct out_job *j = &w->encode->jobs[i];
    const struct tsr_grid *g = &w->a->d->grid;
    if (!j->out.need_raw || j->out.special) return TSR_OK;
    int rc = j->assembled ? TSR_OK : raw_room(j);
    for (int32_t b = 0; b < j->out.nblocks && rc == TSR_OK && !j->assembled; b++) {
        uint8_t *dst = j->raw + (size_t)b * block_len(j, g, 0);
        const uint8_t *src;
        rc = make_block(w, j, b, wk, dst, &src);
        if (rc == TSR_OK && src != dst) memcpy(dst, src, block_len(j, g, b));
    }
    j->out.raw = j->raw;
    return rc;
}

static int commit(struct writer *w, struct window *win)
{
    for (size_t i = 0; i < win->njobs; i++) win->out[i] = win->jobs[i].out;
    int rc = w->a->d->format->commit(w->a->d, win->out, win->njobs);
    for (size_t i = 0; i < win->njobs; i++)
        tsr_cache_forget_chunk(w->a->context->cache, w->a->d, win->out[i].chunk);
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
    size_t len = block_len(of->j, &of->w->a->d->grid, b);
    uint8_t *dst = tsr_worker_scratch(wk, TSR_SCRATCH_BLOCK, len);
    return dst ? make_block(of->w, of->j, b, wk, dst, src) : TSR_ENOMEM;
}

static int prepare(void *arg, size_t i, struct tsr_worker *wk)
{
    struct writer *w = arg;
    struct out_job *j = &w->encode->jobs[i];
    struct blocks_of of = {w, j};
    struct tsr_block_source from = {get_block, &of, j->out.ref};
    return j->out.prepare ? w->a->d->format->prepare(w->a->d, wk, &j->out, &from) : TSR_OK;
}

/* Job 0 commits the window before, the others encode a block each. */
static int run_job(void *arg, size_t i, struct tsr_worker *wk)
{
    struct writer *w = arg;
    if (w->commit && i-- == 0) return commit(w, w->commit);
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
    if (rc == TSR_OK && partial) rc = tsr_pool_run(pool, win->njobs, fetch_old, w);
    for (size_t i = 0; i < win->njobs && !partial && rc == TSR_OK; i++) rc = fetch_old(w, i, NULL);
    if (rc == TSR_OK && ahead) rc = tsr_pool_run(pool, win->njobs, prepare, w);
    if (rc == TSR_OK)
        rc = tsr_pool_run(pool, win->first[win->njobs] + (before != NULL), run_job, w);
    for (size_t i = 0; i < win->njobs && rc == TSR_OK; i++) {
        rc = seal(w, &win->jobs[i]);
        raw |= win->jobs[i].out.need_raw;
    }
    return rc == TSR_OK && raw ? tsr_pool_run(pool, win->njobs, make_raw, w) : rc;
}

/* Chunks that hold one item, repeated, need no blocks.  (A plain frame counts in bytes.) */
static int same_item(const struct tsr_array *a, const struct tsr_selection *sel)
{
    const struct tsr_grid *g = &a->d->grid;
    if (!g->padded || a->d->format->kind != TSR_KIND_ARRAY || sel->points) return TSR_SPECIAL_NONE;
    for (int d = 0; d < sel->ndim; d++)
        if (sel->stride[d] != 0) return TSR_SPECIAL_NONE;
    return tsr_chunk_uniform(sel->base, (size_t)g->item_bytes, (int32_t)g->item_bytes);
}

int tsr_engine_write(struct tsr_array *a, const struct tsr_selection *sel)
{
    struct writer w = {.a = a, .sel = sel};
    struct window *now = &w.win[0], *before = NULL;
    if (!a->d->writable || !a->d->format->commit)
        return tsr_fail(TSR_EDENIED, "%s: opened read-only", a->d->store->url);
    if (sel->nitems == 0) return TSR_OK;
    if (a->d->variable) return tsr_sized_write(a, sel);
    w.same = same_item(a, sel);
    w.window_bytes = (int64_t)tsr_pool_threads(a->context->pool) * WINDOW_OF_THREAD;
    w.window_bytes = tsr_max64(WINDOW_LEAST, tsr_min64(w.window_bytes, WINDOW_MOST));
    tsr_walk_chunks(&w.walk, &a->d->grid, sel);
    int rc = TSR_OK;
    while (rc == TSR_OK && !w.walk.done) {
        if ((rc = window_fill(&w, now)) < 0 || (rc = encode_window(&w, now, before)) < 0) break;
        before = now;
        now = now == &w.win[0] ? &w.win[1] : &w.win[0];
    }
    if (rc == TSR_OK && before) rc = commit(&w, before);
    window_free(&w.win[0]);
    window_free(&w.win[1]);
    return rc;
}
