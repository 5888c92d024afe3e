/* SPDX-License-Identifier: BSD-3-Clause */
/* array/copy.c - an array into another with other chunks, blocks, steps or format.
 *
 * Where chunks stay what they are they are copied as they are stored (stored.c).  Else items are,
 * box by box, each a whole number of target chunks.  Boxes of a whole array are planned
 * (grid/rechunk.h).  Of a part they hold as many chunks as there is room for along the last
 * dimension, then along the one before, and so on. */
#include "array/heap.h"
#include "base/mem.h"
#include "net/url.h"

enum { BUDGET = 64 << 20 };

static void copy_box(const struct tsr_grid *g, int64_t box[])
{
    int64_t bytes = g->item_bytes;
    for (int d = 0; d < g->ndim; d++) {
        box[d] = tsr_min64(g->chunk[d], g->shape[d]);
        bytes *= box[d];
    }
    for (int d = g->ndim - 1; d >= 0 && bytes < BUDGET; d--) {
        int64_t room = tsr_max64(BUDGET / bytes, 1), n = tsr_ceil_div(g->shape[d], box[d]);
        n = tsr_min64(n, room);
        bytes *= n;
        box[d] = tsr_min64(box[d] * n, g->shape[d]);
        if (box[d] < g->shape[d]) break;
    }
}

/* How far a box goes along d from item at on, which its part begins with: to a chunk's end. */
static int64_t box_end(const struct tsr_grid *g, int d, int64_t box, int64_t at)
{
    int64_t len, c, start;
    if (!g->run[d]) return at - at % box + box;
    c = tsr_grid_find(g, d, tsr_min64(at + box, g->shape[d]) - 1);
    start = tsr_grid_side(g, d, c, &len);
    return start > at && start + len > at + box ? start : at + box;
}

/* The next part of a region: as much of a box as lies in it, box edges being the target's. */
static size_t part_at(const struct tsr_grid *g, const int64_t box[], const int64_t at[],
                      const int64_t end[], int64_t count[])
{
    size_t len = (size_t)g->item_bytes;
    for (int d = 0; d < g->ndim; d++) {
        count[d] = tsr_min64(box_end(g, d, box[d], at[d]), end[d]) - at[d];
        len *= (size_t)count[d];
    }
    return len;
}

/* Items at[] .. at[] + count[] among the axes that are copied. */
static void cut_axes(const struct tsr_copying *c, const tsr_slice *part, tsr_axis axes[])
{
    for (int d = 0, k = 0; d < c->from->d->grid.ndim; d++) {
        axes[d] = c->axes[d];
        if (axes[d].drop) continue;
        if (axes[d].index) axes[d].index += part->start[k];
        else axes[d].start += part->start[k] * axes[d].step;
        axes[d].count = part->count[k++];
    }
}

static int copy_part(struct tsr_copying *c, const tsr_slice *from, const tsr_slice *to,
                     uint8_t *buf, size_t len)
{
    tsr_axis axes[TSR_MAX_NDIM];
    struct tsr_heap heap;
    tsr_heap_init(&heap);
    if (c->axes) cut_axes(c, from, axes);
    int rc = c->axes ? tsr_items_get_axes(c->from, axes, &heap, buf)
                     : tsr_items_get(c->from, from, &heap, buf, len);
    if (rc == TSR_OK) rc = tsr_items_put(c->to, to, &heap, buf, len);
    tsr_heap_done(&heap);
    return rc == TSR_OK ? tsr_copying_tell(c, (int64_t)len) : rc;
}

int tsr_copy_items(struct tsr_copying *c, const int64_t from_at[], const int64_t to_at[],
                   const int64_t count[])
{
    const struct tsr_grid *g = &c->to->d->grid;
    int64_t box[TSR_MAX_NDIM], at[TSR_MAX_NDIM], src[TSR_MAX_NDIM], end[TSR_MAX_NDIM];
    int64_t part[TSR_MAX_NDIM], bytes = g->item_bytes;
    int rc = TSR_OK, d;
    for (d = 0; d < g->ndim; d++) {
        if (count[d] == 0) return TSR_OK;
        at[d] = to_at[d];
        end[d] = to_at[d] + count[d];
    }
    copy_box(g, box);
    for (d = 0; d < g->ndim; d++) bytes *= tsr_min64(box[d], count[d]);
    uint8_t *buf = tsr_alloc((size_t)bytes);
    if (!buf) return TSR_ENOMEM;
    do {
        size_t len = part_at(g, box, at, end, part);
        for (d = 0; d < g->ndim; d++) src[d] = at[d] - to_at[d] + from_at[d];
        rc = copy_part(c, &(tsr_slice){src, part, NULL}, &(tsr_slice){at, part, NULL}, buf, len);
        for (d = g->ndim - 1; d >= 0; d--) {
            if ((at[d] += part[d]) < end[d]) break;
            at[d] = to_at[d];
        }
    } while (d >= 0 && rc == TSR_OK);
    tsr_free(buf);
    return rc;
}

/* ---- whole arrays ---- */

int tsr_copying_ask(const tsr_array *from, const tsr_array *to, uint64_t memory,
                    struct tsr_rechunk_ask *out)
{
    enum {
        USUAL = 256 << 20,
        PROGRAM = 12 << 20, /* what a process has before it does anything */
        INNER = 16,         /* of the index of a shard, of which so much is kept: */
        INDICES = 32 << 20,
        NEAR = 32 << 10,
        FAR = 1 << 20
    };
    tsr_cache_stats cache = {.size = sizeof cache};
    int rc = tsr_context_cache_stats(from->context, &cache);
    if (rc < 0) return rc;
    bool far = from->d->store->url && !tsr_store_path(from->d->store->url);
    int64_t chunks = from->d->grid.nchunks / 4 + to->d->grid.nchunks;
    *out = (struct tsr_rechunk_ask){.from = &from->d->grid,
                                    .to = &to->d->grid,
                                    .budget = (int64_t)(memory ? memory : USUAL),
                                    .fixed = tsr_times(chunks, TSR_RECHUNK_ENTRY) + PROGRAM,
                                    .threads = tsr_pool_all_threads(from->context->pool),
                                    .far = from->d->store->far,
                                    .request_bytes = far ? FAR : NEAR};
    out->fixed += cache.budget_bytes;
    const struct tsr_grid *g = &from->d->grid;
    if (from->d->format->tree && g->nblocks > 1)
        out->fixed += tsr_min64(INDICES, tsr_times(tsr_times(g->nchunks, g->nblocks), INNER));
    if (memory) return TSR_OK;
    /* nobody said how much: at least so that it goes */
    struct tsr_rechunk_need need;
    tsr_rechunk_least(out, &need);
    out->budget = tsr_max64(out->budget, need.all);
    return TSR_OK;
}

static int copy_boxes(struct tsr_copying *c, const int64_t box[], int64_t first, int64_t n,
                      uint8_t *buf)
{
    const struct tsr_grid *g = &c->to->d->grid;
    int64_t at[TSR_MAX_NDIM], count[TSR_MAX_NDIM];
    int rc = TSR_OK;
    for (int64_t i = first; i < first + n && rc == TSR_OK; i++) {
        int64_t rest = i;
        size_t len = (size_t)g->item_bytes;
        for (int d = g->ndim - 1; d >= 0; d--) {
            int64_t along = tsr_ceil_div(g->shape[d], box[d]);
            at[d] = rest % along * box[d];
            count[d] = tsr_min64(box[d], g->shape[d] - at[d]);
            len *= (size_t)count[d];
            rest /= along;
        }
        tsr_slice part = {at, count, NULL};
        rc = copy_part(c, &part, &part, buf, len);
    }
    return rc;
}

/* The plan reckons with so many threads. */
int tsr_copy_boxes(struct tsr_copying *c, const int64_t box[], int64_t first, int64_t n,
                   uint8_t *buf)
{
    struct tsr_pool *in = c->from->context->pool, *out = c->to->context->pool;
    struct tsr_pool_limit of_in, of_out;
    if (!c->threads) return copy_boxes(c, box, first, n, buf);
    int rc = tsr_pool_limit_begin(in, c->threads, &of_in);
    if (rc < 0) return rc;
    if (out != in) rc = tsr_pool_limit_begin(out, c->threads, &of_out);
    if (rc == TSR_OK) {
        rc = copy_boxes(c, box, first, n, buf);
        if (out != in) tsr_pool_limit_end(out, &of_out);
    }
    tsr_pool_limit_end(in, &of_in);
    return rc;
}

static int copy_planned(struct tsr_copying *c)
{
    struct tsr_rechunk_ask ask;
    struct tsr_rechunk plan;
    int rc = tsr_copying_ask(c->from, c->to, c->o->memory_bytes, &ask);
    ask.one_pass = true;
    if (rc == TSR_OK) rc = tsr_rechunk_plan(&ask, &plan);
    if (rc < 0 || plan.npasses == 0) return rc;
    uint8_t *buf = tsr_alloc((size_t)plan.pass[0].box_bytes);
    if (!buf) return TSR_ENOMEM;
    c->threads = plan.pass[0].limit;
    rc = tsr_copy_boxes(c, plan.pass[0].box, 0, plan.pass[0].boxes, buf);
    tsr_free(buf);
    return rc;
}

/* Where there are edges, they stand first (format/zarr_spec.c). */
void tsr_spec_without_edges(tsr_spec *s)
{
    if (!s->zarr || strncmp(s->zarr, "edges=", 6) != 0) return;
    const char *rest = strchr(s->zarr, ',');
    s->zarr = rest ? rest + 1 : NULL;
}

/* What only Zarr knows; steps stand for codecs that the twin does not take over. */
static void twin_of_zarr(const tsr_spec *given, bool cut, tsr_spec *out)
{
    if (cut) tsr_spec_without_edges(out);
    if (given->nsteps || given->codecs) out->codecs = given->codecs;
    if (given->names) out->names = given->names;
    if (given->zarr) out->zarr = given->zarr;
    if (given->fill) out->fill = given->fill;
}

const struct tsr_format *tsr_twin_format(const tsr_array *a, const char *url, const tsr_options *o)
{
    if (!tsr_array_spec(a)->checksum) return NULL; /* to look may be a request */
    struct tsr_tree_options t = {.remote = o->remote};
    char *path = NULL, *inside = NULL;
    const struct tsr_format *f = NULL;
    struct tsr_store *st;
    int rc = tsr_engine_format(url, o, &f);
    if (rc == TSR_OK && f->tree && !o->format) rc = tsr_url_split(url, &path, &inside);
    if (rc == TSR_OK && inside && *inside && (rc = tsr_store_open_tree(path, &t, &st)) == TSR_OK) {
        rc = tsr_format_of_tree(st, &f);
        tsr_store_close(st);
    }
    tsr_free(path);
    tsr_free(inside);
    return rc == TSR_OK ? f : NULL;
}

int tsr_twin_apart(const tsr_array *a, const char *url, const tsr_options *o)
{
    const char *node = tsr_format_node(a->d);
    char *from = NULL, *to = NULL;
    if (!node || !url || !o->mode || strcmp(o->mode, "w") != 0) return TSR_OK;
    int rc = tsr_node_path(a->d->store->url, node, &from);
    if (rc == TSR_OK) rc = tsr_place_path(url, &to);
    if (rc == TSR_OK && strcmp(from, to) == 0)
        rc = tsr_fail(TSR_EARG, "%s: is also what is read; the result needs another name", url);
    tsr_free(from);
    tsr_free(to);
    return rc;
}

bool tsr_twin_checksum(const tsr_spec *was, const tsr_spec *given, const struct tsr_format *to)
{
    return given->checksum || (was->checksum && !given->codecs && to && to->checksums);
}

/* Slabs of a file without a codec are nobody's choice; blocks go with chunks: the old ones need
 * not fit in new chunks. */
void tsr_twin_spec(const tsr_array *a, const tsr_spec *spec, const struct tsr_format *to,
                   tsr_spec *out)
{
    const tsr_spec *was = tsr_array_spec(a);
    tsr_spec given = {.size = sizeof given};
    if (spec && spec->size) memcpy(&given, spec, tsr_minz(spec->size, sizeof given));
    bool chosen = was->nsteps > 0 || a->d->format->tree;
    bool cut = given.chunks || (given.zarr && strstr(given.zarr, "edges="));
    *out = *was;
    out->chunks = given.chunks ? given.chunks : chosen ? was->chunks : NULL;
    out->blocks = given.blocks ? given.blocks : cut || !chosen ? NULL : was->blocks;
    if (given.nsteps) out->steps = given.steps, out->nsteps = given.nsteps;
    if (given.split) out->split = given.split;
    out->checksum = tsr_twin_checksum(was, &given, to);
    twin_of_zarr(&given, cut, out);
}

struct whole_copy {
    tsr_array *to;
    bool coding;
    const tsr_options *o;
};

static int copy_all(const tsr_array *a, void *arg)
{
    const struct whole_copy *w = arg;
    const struct tsr_grid *g = &a->d->grid;
    struct tsr_copying c = {.from = a, .to = w->to, .o = w->o};
    tsr_product(g->shape, g->ndim, &c.total);
    c.total *= g->item_bytes;
    if (tsr_stored_fit(a, w->to, w->coding))
        return tsr_copy_stored(&c, &(struct tsr_stored_part){.end = INT64_MAX});
    return copy_planned(&c);
}

int tsr_array_copy(const tsr_array *a, const char *url, const tsr_spec *spec,
                   const tsr_options *opts, tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_spec s;
    tsr_meta_value *metas;
    int nmetas, rc = tsr_twin_apart(a, url, &o);
    if (rc < 0) return rc;
    rc = tsr_metas_take(a, &metas, &nmetas);
    tsr_array *to = NULL;
    tsr_twin_spec(a, spec, tsr_twin_format(a, url, &o), &s);
    const tsr_spec *was = tsr_array_spec(a);
    bool coding = s.steps != was->steps || s.split != was->split || s.codecs != was->codecs;
    s.metas = metas;
    s.nmetas = nmetas;
    if (rc == TSR_OK) rc = tsr_array_create(url, &s, &o, &to);
    if (rc == TSR_OK) rc = tsr_follow_once(a, copy_all, &(struct whole_copy){to, coding, &o});
    if (rc == TSR_OK) rc = tsr_vlmetas_copy(a, to);
    if (rc == TSR_OK) *out = to;
    else tsr_engine_drop(to); /* never flushed: nothing appears */
    tsr_metas_free(metas, metas ? nmetas : 0);
    return rc;
}
