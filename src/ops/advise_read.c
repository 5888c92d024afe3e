/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/advise_read.c - what one access takes of an array that is there: asked of its index, or seen
 * by doing it.
 *
 * The index itself is left out of both: its pages are had first, once for all reads.  Where the
 * blocks of a chunk lie says each chunk, so this look reads the heads that a read would. */
#include "array/fetch.h"
#include "base/mem.h"
#include "ops/advise.h"
#include "sys/sys.h"

/* The first round of a locate, which loads the page of the index that tells of a chunk. */
static int ask(const struct tsr_array *a, int64_t chunk, struct tsr_place *p)
{
    size_t need = a->d->key_bytes > TSR_PLACE_KEY ? a->d->key_bytes : TSR_PLACE_KEY;
    *p = (struct tsr_place){.chunk = chunk};
    if (!(p->key = tsr_alloc_zero(1, need))) return TSR_ENOMEM;
    int rc = a->d->format->locate(a->d, p, 1);
    if (p->held) a->d->format->release(a->d, p, false);
    p->held = NULL;
    return rc;
}

static int load_index(const struct tsr_array *a, int64_t chunk)
{
    struct tsr_place p;
    int rc = ask(a, chunk, &p);
    tsr_free(p.key);
    return rc;
}

static int load_indices(const struct tsr_array *a, const struct tsr_selection *sel)
{
    struct tsr_walk w;
    int rc = TSR_OK;
    tsr_walk_chunks(&w, &a->d->grid, sel);
    for (; !w.done && rc == TSR_OK; tsr_walk_next(&w))
        rc = load_index(a, tsr_grid_chunk_number(&a->d->grid, w.at));
    return rc;
}

/* ---- as the index says ---- */

struct look {
    const struct tsr_selection *sel;
    struct chunk_job job;
    struct tsr_worker *worker;
    double head_bytes; /* of an index of a shard */
    tsr_read_cost *out;
    bool in_memory;
};

/* What the engine would read of a located chunk. */
static int look_at_blocks(const struct tsr_array *a, struct look *l)
{
    struct tsr_reads reads = {.store = a->d->store, .gather = true};
    struct chunk_job *j = &l->job;
    double size = (double)a->d->grid.item_bytes;
    int rc = tsr_job_want(a, l->sel, j);
    if (rc == TSR_OK && j->nrefs) rc = tsr_job_plan(a, j, l->worker, &reads);
    for (size_t i = 0; i < reads.n; i++) l->out->bytes += (double)reads.v[i].len;
    for (int d = 0; d < a->d->grid.ndim; d++) size *= (double)j->block[d];
    l->out->requests += (double)reads.n;
    l->out->blocks += (double)j->nrefs;
    l->out->decoded += (double)j->nrefs * size;
    tsr_free(reads.v);
    return rc;
}

/* Indices of shards that are kept are counted as if they were read: all are equally long. */
static void count_head(struct look *l, const tsr_stats *before, const tsr_stats *after)
{
    double requests = (double)(after->requests - before->requests);
    double bytes = (double)(after->bytes_read - before->bytes_read);
    if (requests > 0) l->head_bytes = bytes;
    l->out->requests += l->job.place.held && requests == 0 ? 1 : requests;
    l->out->bytes += l->job.place.held && requests == 0 ? l->head_bytes : bytes;
}

/* A chunk that is an object, which would be read whole. */
static int look_at_object(const struct tsr_array *a, struct look *l, const struct tsr_place *p)
{
    struct tsr_store *st = a->d->store;
    uint64_t size = 0;
    int rc = tsr_store_stat(st, p->key, &size);
    bool there = rc == TSR_OK;
    if (rc < 0 && rc != TSR_ENOTFOUND) return rc;
    if (there && tsr_store_view(st, p->key, 0, size)) l->in_memory = true;
    l->out->requests += there || st->kind->counts;
    l->out->bytes += (double)size;
    l->out->blocks += there;
    l->out->decoded += there ? (double)tsr_grid_bytes(&a->d->grid, l->job.coords) : 0;
    return TSR_OK;
}

/* A chunk that says itself where its blocks are. */
static int look_inside(const struct tsr_array *a, struct look *l)
{
    tsr_stats before = tsr_engine_stats(a);
    int rc = tsr_job_settle(a, &l->job);
    tsr_stats after = tsr_engine_stats(a);
    const struct tsr_place *p = &l->job.place;
    count_head(l, &before, &after);
    if (rc < 0 || p->state != TSR_PLACE_STORED) return rc;
    if (tsr_store_view(a->d->store, p->key, p->off, p->len)) l->in_memory = true;
    return l->in_memory ? rc : look_at_blocks(a, l);
}

static int look_at_chunk(const struct tsr_array *a, struct look *l, const int64_t coords[])
{
    struct tsr_place p;
    int64_t chunk = tsr_grid_chunk_number(&a->d->grid, coords);
    tsr_job_begin(a, &l->job, chunk);
    memcpy(l->job.coords, coords, (size_t)a->d->grid.ndim * sizeof *coords);
    l->out->chunks += 1;
    int rc = ask(a, chunk, &p);
    if (rc == TSR_OK)
        rc = p.need_get && a->d->grid.nblocks == 1 ? look_at_object(a, l, &p) : look_inside(a, l);
    tsr_free(p.key);
    return rc;
}

static int look_at_chunks(const struct tsr_array *a, void *arg)
{
    struct look *l = arg;
    struct tsr_walk w;
    int rc = TSR_OK;
    *l->out = (tsr_read_cost){0};
    tsr_walk_chunks(&w, &a->d->grid, l->sel);
    for (; !w.done && rc == TSR_OK && !l->in_memory; tsr_walk_next(&w))
        rc = look_at_chunk(a, l, w.at);
    return rc;
}

/* Chunks that sel meets; more than most: at least that many. */
static int64_t count_chunks(const struct tsr_array *a, const struct tsr_selection *sel,
                            int64_t most)
{
    struct tsr_walk w;
    int64_t n = 0;
    tsr_walk_chunks(&w, &a->d->grid, sel);
    for (; !w.done && n <= most; tsr_walk_next(&w)) n++;
    return n;
}

int tsr_advise_located(const tsr_array *a, const tsr_slice *s, int64_t most, bool *known,
                       tsr_read_cost *out)
{
    struct tsr_selection sel;
    struct look l = {.sel = &sel, .out = out, .head_bytes = 16 * (double)a->d->grid.nblocks + 4};
    *known = false;
    int rc = tsr_selection_init(&sel, &a->d->grid, s, NULL);
    if (rc < 0 || sel.nitems == 0 || count_chunks(a, &sel, most) > most) return rc;
    if (!(l.worker = tsr_pool_borrow(a->context->pool))) return TSR_ENOMEM;
    rc = tsr_follow_read(a, look_at_chunks, &l);
    tsr_pool_return(a->context->pool, l.worker);
    tsr_job_let_go(a, &l.job);
    tsr_job_free(&l.job);
    *known = rc == TSR_OK && !l.in_memory;
    return rc;
}

/* Of formats that keep no sum of their sizes. */
int tsr_advise_ratio(const tsr_array *a, int64_t most, double *ratio)
{
    const struct tsr_grid *g = &a->d->grid;
    double stored = 0, decoded = 0;
    int rc = TSR_OK;
    for (int64_t i = 0; i < most && i < g->nchunks && rc == TSR_OK; i++) {
        int64_t coords[TSR_MAX_NDIM], chunk = i * (g->nchunks / tsr_min64(most, g->nchunks));
        struct tsr_place p;
        uint64_t size;
        tsr_grid_chunk_coords(g, chunk, coords);
        rc = ask(a, chunk, &p);
        if (rc == TSR_OK) rc = tsr_store_stat(a->d->store, p.key, &size);
        if (rc == TSR_OK) stored += (double)size, decoded += (double)tsr_grid_bytes(g, coords);
        if (rc == TSR_ENOTFOUND) rc = TSR_OK;
        tsr_free(p.key);
    }
    *ratio = decoded > 0 ? stored / decoded : 1;
    return rc;
}

/* ---- by doing it ---- */

static int pass_begin(void *arg)
{
    (void)arg;
    return TSR_OK;
}

static int64_t pass_key(void *arg, const int64_t at[])
{
    (void)arg;
    (void)at;
    return 0;
}

static int pass_window(void *arg, size_t slots)
{
    (void)arg;
    (void)slots;
    return TSR_OK;
}

static int pass_part(void *arg, const struct tsr_part *p, struct tsr_worker *w)
{
    (void)arg;
    (void)p;
    (void)w;
    return TSR_OK;
}

static int load_now(const struct tsr_array *a, void *arg)
{
    return load_indices(a, arg);
}

int tsr_advise_measure(const tsr_array *a, const tsr_slice *s, tsr_read_cost *out)
{
    struct tsr_visitor pass = {.group_bytes = 1 << 20,
                               .begin = pass_begin,
                               .key = pass_key,
                               .window = pass_window,
                               .part = pass_part,
                               .after = pass_begin};
    struct tsr_selection sel;
    *out = (tsr_read_cost){0};
    if (!a || a->d->variable) return tsr_fail(TSR_EARG, "measure: no array with a grid of chunks");
    int rc = tsr_selection_init(&sel, &a->d->grid, s, NULL);
    if (rc < 0 || sel.nitems == 0) return rc;
    if ((rc = tsr_follow_read(a, load_now, &sel)) < 0) return rc;
    tsr_stats before = tsr_engine_stats(a);
    double start = tsr_sys_now();
    rc = tsr_engine_visit(a, &sel, &pass);
    out->seconds = tsr_sys_now() - start;
    tsr_stats after = tsr_engine_stats(a);
    out->bytes = (double)(after.bytes_read - before.bytes_read);
    out->requests = (double)(after.requests - before.requests);
    out->blocks = (double)(after.blocks_decoded - before.blocks_decoded);
    out->decoded = out->blocks * (double)a->d->grid.block_bytes;
    out->chunks = (double)count_chunks(a, &sel, INT64_MAX);
    return rc;
}
