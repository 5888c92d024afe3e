/* SPDX-License-Identifier: BSD-3-Clause */
/* array/reshape.c - the items of an array, in C order, as an array of another shape.
 *
 *   shape    8 x 1 x 60 x 1         where only dimensions of one item come or go, chunks of one
 *   becomes  8 x 60                 item along them are the same bytes in either: they are copied
 *   and      1 x 8 x 60             as they are stored
 *
 * Else each slab of the new array is a run of items, which in the old one is a few boxes. */
#include "array/heap.h"
#include "array/slab.h"
#include "base/mem.h"

/* ---- dimensions of one item ---- */

/* The old dimension that each new one longer than 1 is, -1 for others; false when there is more
 * between the shapes than dimensions of one item. */
static bool match(const tsr_spec *was, const tsr_spec *s, int *old)
{
    int i = 0;
    for (int j = 0; j < s->ndim; j++) {
        old[j] = -1;
        if (s->shape[j] == 1) continue;
        while (i < was->ndim && was->shape[i] == 1) i++;
        if (i == was->ndim || was->shape[i] != s->shape[j]) return false;
        old[j] = i++;
    }
    while (i < was->ndim && was->shape[i] == 1) i++;
    return i == was->ndim;
}

/* Chunks that are one item long along a dimension that goes, or comes. */
static bool same_chunks(const struct tsr_grid *g, const struct tsr_grid *h, const int *old)
{
    bool kept[TSR_MAX_NDIM] = {false};
    for (int j = 0; j < h->ndim; j++) {
        int64_t chunk = old[j] < 0 ? 1 : g->chunk[old[j]];
        int64_t block = old[j] < 0 ? 1 : g->block[old[j]];
        if (h->chunk[j] != chunk || h->block[j] != block) return false;
        if (old[j] >= 0) kept[old[j]] = true;
    }
    for (int i = 0; i < g->ndim; i++)
        if (!kept[i] && g->chunk[i] != 1) return false;
    return true;
}

bool tsr_shape_matters(const struct tsr_cparams *p)
{
    enum { PLUGINS = 32 };
    bool yes = p->codec_id >= PLUGINS;
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) yes |= p->filters[i] >= PLUGINS;
    return yes;
}

/* ---- copying ---- */

struct reshaping {
    struct tsr_copying c;
    bool like;   /* only dimensions of one item come or go; then */
    bool coding; /* steps are given, which may be the same */
    int old[TSR_MAX_NDIM];
    const char *names[TSR_MAX_NDIM];
    int64_t chunk[TSR_MAX_NDIM], block[TSR_MAX_NDIM]; /* of the new array, if they stay */
};

static int64_t same_number(void *arg, int64_t i)
{
    (void)arg;
    return i;
}

static int after(void *arg, int64_t i)
{
    struct tsr_copying *c = arg;
    (void)i;
    return tsr_copying_tell(c, c->from->d->grid.chunk_bytes);
}

static bool stored_fit(const struct reshaping *r)
{
    const struct tsr_driver *from = r->c.from->d, *to = r->c.to->d;
    return r->like && from->cparams && from->format == to->format &&
           (!r->coding || tsr_cparams_alike(from->cparams, to->cparams)) &&
           from->format->copy_chunks && from->grid.item_bytes == to->grid.item_bytes &&
           !tsr_shape_matters(from->cparams) && same_chunks(&from->grid, &to->grid, r->old);
}

/* Items lo .. lo+n-1 in C order: of whole rows along one dimension as many as there are, again and
 * again. */
static int read_run(const tsr_array *a, int64_t lo, int64_t n, struct tsr_heap *h, uint8_t *dst)
{
    const struct tsr_grid *g = &a->d->grid;
    int rc = g->ndim ? TSR_OK : tsr_items_get(a, NULL, h, dst, (size_t)g->item_bytes);
    while (n > 0 && g->ndim && rc == TSR_OK) {
        int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], inner[TSR_MAX_NDIM], len = 1, at = lo;
        for (int d = g->ndim - 1; d >= 0; d--, len *= g->shape[d + 1]) inner[d] = len;
        int axis = 0;
        while (lo % inner[axis] || n < inner[axis]) axis++;
        for (int d = 0; d < g->ndim; at %= inner[d++]) {
            start[d] = at / inner[d];
            count[d] = d > axis ? g->shape[d] : 1;
        }
        count[axis] = tsr_min64(g->shape[axis] - start[axis], n / inner[axis]);
        int64_t items = count[axis] * inner[axis];
        size_t bytes = (size_t)(items * g->item_bytes);
        rc = tsr_items_get(a, &(tsr_slice){start, count, NULL}, h, dst, bytes);
        dst += bytes;
        lo += items;
        n -= items;
    }
    return rc;
}

static int copy_items(struct tsr_copying *c)
{
    const struct tsr_grid *g = &c->to->d->grid;
    struct tsr_slab s;
    int64_t at = 0;
    int rc = TSR_OK;
    uint8_t *buf = tsr_slab_room(g);
    if (!buf) return TSR_ENOMEM;
    for (tsr_slab_init(&s, g); !s.done && rc == TSR_OK; tsr_slab_next(&s)) {
        int64_t len = s.items * g->item_bytes;
        struct tsr_heap heap;
        tsr_heap_init(&heap);
        rc = read_run(c->from, at, s.items, &heap, buf);
        if (rc == TSR_OK)
            rc =
                tsr_items_put(c->to, &(tsr_slice){s.start, s.count, NULL}, &heap, buf, (size_t)len);
        tsr_heap_done(&heap);
        if (rc == TSR_OK) rc = tsr_copying_tell(c, len);
        at += s.items;
    }
    tsr_free(buf);
    return rc;
}

static int copy_all(const tsr_array *a, void *arg)
{
    struct reshaping *r = arg;
    struct tsr_chunk_moves moves = {same_number, after, &r->c};
    r->c.from = a;
    if (!stored_fit(r)) return copy_items(&r->c);
    return tsr_engine_copy_chunks(r->c.to, a, &moves);
}

/* ---- the call ---- */

static int check_shape(const tsr_spec *was, const tsr_spec *s)
{
    int64_t n, have;
    if (s->ndim < 0 || s->ndim > TSR_MAX_NDIM || (s->ndim && !s->shape))
        return tsr_fail(TSR_EARG, "reshape: %d dimensions%s", s->ndim,
                        s->shape ? "" : " without a shape");
    for (int d = 0; d < s->ndim; d++)
        if (s->shape[d] < 0)
            return tsr_fail(TSR_EARG, "reshape: shape[%d] is %lld", d, (long long)s->shape[d]);
    tsr_product(was->shape, was->ndim, &have);
    if (tsr_product(s->shape, s->ndim, &n) && n == have) return TSR_OK;
    return tsr_fail(TSR_EARG, "reshape: the new shape has another number of items than %lld",
                    (long long)have);
}

/* A twin of a in the shape of given. */
static void reshaped(const tsr_array *a, const tsr_spec *given, const struct tsr_format *to,
                     struct reshaping *r, tsr_spec *out)
{
    const tsr_spec *was = tsr_array_spec(a);
    r->like = match(was, given, r->old);
    r->coding = given->nsteps || given->split || given->codecs;
    bool stay = r->like && was->nsteps && !given->chunks;
    for (int j = 0; j < given->ndim && stay; j++) {
        r->chunk[j] = r->old[j] < 0 ? 1 : was->chunks[r->old[j]];
        r->block[j] = r->old[j] < 0 ? 1 : was->blocks[r->old[j]];
    }
    tsr_twin_spec(a, given, to, out);
    out->ndim = given->ndim;
    out->shape = given->shape;
    out->chunks = stay ? r->chunk : given->chunks;
    out->blocks = given->blocks ? given->blocks : stay ? r->block : NULL;
    for (int j = 0; was->names && r->like && j < given->ndim; j++)
        r->names[j] = r->old[j] < 0 ? NULL : was->names[r->old[j]];
    if (out->names == was->names) out->names = was->names && r->like ? r->names : NULL;
    if (out->zarr == was->zarr) tsr_spec_without_edges(out);
}

int tsr_array_reshape(const tsr_array *a, const char *url, const tsr_spec *spec,
                      const tsr_options *opts, tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_spec given = {.size = sizeof given}, s;
    tsr_meta_value *metas;
    if (!a || !out) return tsr_fail(TSR_EARG, "reshape: no %s", a ? "place for it" : "array");
    if (!spec || !spec->size) return tsr_fail(TSR_EARG, "tsr_spec.size is 0, expected its size");
    memcpy(&given, spec, tsr_minz(spec->size, sizeof given));
    int nmetas, rc = check_shape(tsr_array_spec(a), &given);
    if (rc == TSR_OK) rc = tsr_twin_apart(a, url, &o);
    if (rc < 0) return rc;
    struct reshaping r = {.c = {.o = &o}};
    tsr_product(given.shape, given.ndim, &r.c.total);
    r.c.total *= a->d->grid.item_bytes;
    reshaped(a, &given, tsr_twin_format(a, url, &o), &r, &s);
    rc = tsr_metas_take(a, &metas, &nmetas);
    s.metas = metas;
    s.nmetas = nmetas;
    if (rc == TSR_OK) rc = tsr_array_create(url, &s, &o, &r.c.to);
    if (rc == TSR_OK) rc = tsr_follow_once(a, copy_all, &r);
    if (rc == TSR_OK) rc = tsr_vlmetas_copy(a, r.c.to);
    if (rc == TSR_OK) *out = r.c.to;
    else tsr_engine_drop(r.c.to); /* never flushed: nothing appears */
    tsr_metas_free(metas, metas ? nmetas : 0);
    return rc;
}
