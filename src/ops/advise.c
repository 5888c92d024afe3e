/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/advise.c - which chunks and blocks suit the ways an array is read.
 *
 *   1. what is known: shape, item size, ratio, format, what a request costs
 *   2. shapes: today's, the default one, and what the search offers
 *   3. of these the front: no other is quicker for one access and not slower for the rest; where
 *      two are nearly the same for all accesses, one stays
 *   4. the best of them by weight, and a sentence on what it gains and gives up */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "array/array.h"
#include "base/mem.h"
#include "ops/advise.h"

enum { MOST_ACCESSES = 256, WHY = 512 };
/* Chunks that are looked at for an access, and for the ratio: of near stores and of far ones. */
static const int64_t looks[2][2] = {{1024, 64}, {16, 4}};
static const double NEARLY = 1.03;

struct plan {
    tsr_plan pub;
    struct tsr_advise_shape shape;
    tsr_access_cost *access;
};

struct tsr_advice {
    tsr_advise_spec spec;
    struct tsr_advise_model model;
    struct tsr_advise_access *access;
    enum tsr_advise_kind kinds[2]; /* that the format has */
    int nkinds;
    struct plan *plans;
    int nplans, cap;
    char why[WHY];
};

/* ---- what is known ---- */

struct medium {
    const char *name;
    double latency, bandwidth, decode_speed;
    int in_flight;
};

/* A solid-state disk through pread, one read after the other as a thread does; and objects over a
 * network, with as many requests as the store keeps in flight. */
static const struct medium media[] = {
    {"disk", 100e-6, 1e9, 1e9, 1},
    {"s3", 30e-3, 100e6, 1e9, 16},
};

static int take_medium(struct tsr_advice *v, const tsr_array *a)
{
    const char *name = v->spec.medium;
    const struct medium *m = &media[0];
    if (!name) name = a && a->d->store->far ? "s3" : "disk";
    if (!strcmp(name, "s3")) m = &media[1];
    else if (strcmp(name, "disk") != 0)
        return tsr_fail(TSR_EARG, "medium '%s': expected disk or s3", name);
    tsr_advise_spec *s = &v->spec;
    s->medium = m->name;
    if (s->latency == 0) s->latency = m->latency;
    if (s->bandwidth == 0) s->bandwidth = m->bandwidth;
    if (s->decode_speed == 0) s->decode_speed = m->decode_speed;
    if (s->in_flight == 0) s->in_flight = m->in_flight;
    if (!(s->latency >= 0 && s->bandwidth > 0 && s->decode_speed > 0) || s->in_flight < 0)
        return tsr_fail(TSR_EARG, "medium: a latency, speed or number of requests below 0");
    v->model.latency = s->latency;
    v->model.bandwidth = s->bandwidth;
    v->model.decode_speed = s->decode_speed;
    v->model.in_flight = s->in_flight;
    return TSR_OK;
}

/* How the format of a's own file, or a new one, keeps blocks. */
static int take_format(struct tsr_advice *v, const tsr_array *a)
{
    const char *name = v->spec.format, *own = a ? a->d->format->name : "b2nd";
    if (!name) name = strncmp(own, "zarr", 4) == 0 ? own : "b2nd";
    v->nkinds = 1;
    if (!strcmp(name, "b2nd")) {
        v->spec.format = "b2nd";
        v->kinds[0] = TSR_ADVISE_B2ND;
    } else if (!strcmp(name, "zarr2")) {
        v->spec.format = "zarr2";
        v->kinds[0] = TSR_ADVISE_WHOLE;
    } else if (!strcmp(name, "zarr3") || !strcmp(name, "zarr")) {
        v->spec.format = "zarr3";
        v->kinds[0] = TSR_ADVISE_SHARD;
        v->kinds[v->nkinds++] = TSR_ADVISE_WHOLE;
    } else {
        return tsr_fail(TSR_EARG, "format '%s': expected b2nd, zarr2 or zarr3", name);
    }
    return TSR_OK;
}

static int take_range(int64_t *least, int64_t *most, const int64_t usual[2], const char *what)
{
    if (*least < 0 || *most < 0) return tsr_fail(TSR_EARG, "%s: a size below 0", what);
    if (!*least) *least = *most && *most < usual[0] ? *most : usual[0];
    if (!*most) *most = *least > usual[1] ? *least : usual[1];
    if (*least <= *most) return TSR_OK;
    return tsr_fail(TSR_EARG, "%s: at least %lld and at most %lld bytes", what, (long long)*least,
                    (long long)*most);
}

static int take_bounds(struct tsr_advice *v)
{
    static const int64_t chunk[2] = {1 << 20, 16 << 20}, block[2] = {16 << 10, 256 << 10};
    tsr_advise_spec *s = &v->spec;
    int rc = take_range(&s->chunk_least, &s->chunk_most, chunk, "chunks");
    if (rc == TSR_OK) rc = take_range(&s->block_least, &s->block_most, block, "blocks");
    if (rc == TSR_OK && s->block_least > s->chunk_most)
        rc = tsr_fail(TSR_EARG, "blocks of at least %lld bytes in chunks of at most %lld",
                      (long long)s->block_least, (long long)s->chunk_most);
    if (s->most <= 0) s->most = 8;
    return rc;
}

static int take_array(struct tsr_advice *v, const tsr_array *a, struct tsr_grid *g)
{
    const tsr_spec *s = a ? tsr_array_spec(a) : v->spec.array;
    if (!s || !s->size || s->ndim < 0 || s->ndim > TSR_MAX_NDIM || (s->ndim && !s->shape))
        return tsr_fail(TSR_EARG, "advise: no array, and no shape of one");
    if (a && a->d->variable) return tsr_fail(TSR_EARG, "advise: an array of chunks of any size");
    int64_t item = s->item_bytes;
    if (!item && !s->dtype) return tsr_fail(TSR_EARG, "advise: no dtype");
    int rc = item ? TSR_OK : tsr_dtype_item_bytes(s->dtype, &item);
    if (rc < 0) return rc == TSR_ECORRUPT ? TSR_EARG : rc;
    *g = (struct tsr_grid){.ndim = s->ndim, .item_bytes = item, .padded = true};
    for (int d = 0; d < s->ndim; d++) {
        g->shape[d] = s->shape[d];
        if (s->shape[d] <= 0)
            return tsr_fail(TSR_EARG, "advise: axis %d has %lld items", d, (long long)s->shape[d]);
    }
    tsr_grid_auto(g, false, false);
    rc = tsr_grid_derive(g, UINT64_MAX); /* sizes fit */
    v->model.ndim = s->ndim;
    v->model.item_bytes = item;
    memcpy(v->model.shape, g->shape, sizeof g->shape);
    return rc == TSR_ECORRUPT ? TSR_EARG : rc;
}

static bool is_far(const tsr_array *a)
{
    return a->d->store->far;
}

static int take_ratio(struct tsr_advice *v, const tsr_array *a)
{
    double r = v->spec.ratio;
    int rc = TSR_OK;
    if (r < 0 || !isfinite(r)) return tsr_fail(TSR_EARG, "ratio: found %g", r);
    if (r == 0 && a) {
        tsr_stats s = tsr_engine_stats(a);
        if (s.cbytes < 0) tsr_array_cbytes(a, &s.cbytes);
        if (s.nbytes > 0 && s.cbytes > 0) r = (double)s.cbytes / (double)s.nbytes;
        else if (!strncmp(a->d->format->name, "zarr", 4))
            rc = tsr_advise_ratio(a, looks[is_far(a)][1], &r);
    }
    if (rc < 0) return rc;
    /* what is stored beside its items is not stored twice when they are padded */
    if (r == 0 || (v->spec.ratio == 0 && r > 1)) r = 1;
    v->spec.ratio = v->model.ratio = r;
    return TSR_OK;
}

/* ---- accesses ---- */

static int take_access(struct tsr_advice *v, const struct tsr_grid *g, int i)
{
    const tsr_access *x = &v->spec.access[i];
    struct tsr_selection sel;
    struct tsr_advise_access *w = &v->access[i];
    int rc = tsr_selection_init(&sel, g, &x->slice, NULL);
    if (rc == TSR_OK && sel.nitems == 0) rc = tsr_fail(TSR_EARG, "no items");
    if (rc == TSR_OK && !(x->weight >= 0 && isfinite(x->weight)))
        rc = tsr_fail(TSR_EARG, "a weight of %g", x->weight);
    if (rc < 0) {
        tsr_within("access %d", i + 1);
        return rc;
    }
    w->weight = x->weight > 0 ? x->weight : 1;
    w->slides = !x->fixed;
    for (int d = 0; d < g->ndim; d++) {
        w->start[d] = sel.start[d];
        w->count[d] = sel.count[d];
        w->step[d] = sel.count[d] > 1 ? sel.step[d] : 1;
    }
    return TSR_OK;
}

static int take_accesses(struct tsr_advice *v, const struct tsr_grid *g)
{
    int n = v->spec.naccess, rc = TSR_OK;
    if (n < 1 || n > MOST_ACCESSES || !v->spec.access)
        return tsr_fail(TSR_EARG, "advise: %d accesses, expected 1..%d", n, MOST_ACCESSES);
    if (!(v->access = tsr_alloc_zero((size_t)n, sizeof *v->access))) return TSR_ENOMEM;
    for (int i = 0; i < n && rc == TSR_OK; i++) rc = take_access(v, g, i);
    v->model.access = v->access;
    v->model.n = n;
    return rc;
}

/* ---- plans ---- */

static bool same_shape(const struct tsr_advice *v, const struct plan *p,
                       const struct tsr_advise_shape *s)
{
    size_t len = (size_t)v->model.ndim * sizeof *s->chunk;
    return p->shape.kind == s->kind && !memcmp(p->shape.chunk, s->chunk, len) &&
           !memcmp(p->shape.block, s->block, len);
}

static int64_t saturated(double v)
{
    return v < 9e18 ? (int64_t)v : INT64_MAX;
}

static void fill_plan(const struct tsr_advice *v, struct plan *p)
{
    const struct tsr_advise_model *m = &v->model;
    double nchunks = 1, nblocks = 1, chunk = (double)m->item_bytes, block = chunk, weights = 0;
    for (int d = 0; d < m->ndim; d++) {
        nchunks *= (double)tsr_ceil_div(m->shape[d], p->shape.chunk[d]);
        nblocks *= (double)tsr_ceil_div(p->shape.chunk[d], p->shape.block[d]);
        chunk *= (double)p->shape.chunk[d];
        block *= (double)p->shape.block[d];
    }
    p->pub.nchunks = saturated(nchunks);
    p->pub.nblocks = saturated(nblocks);
    p->pub.chunk_bytes = saturated(chunk);
    p->pub.block_bytes = saturated(block);
    p->pub.seconds = 0;
    for (int i = 0; i < m->n; i++) {
        p->pub.seconds += p->access[i].mean.seconds * m->access[i].weight;
        weights += m->access[i].weight;
    }
    p->pub.seconds /= weights;
}

static int plan_room(struct tsr_advice *v)
{
    if (v->nplans < v->cap) return TSR_OK;
    int cap = v->cap ? 2 * v->cap : 64;
    struct plan *p = tsr_realloc(v->plans, (size_t)cap, sizeof *p);
    if (!p) return TSR_ENOMEM;
    v->plans = p;
    v->cap = cap;
    return TSR_OK;
}

static int add_plan(struct tsr_advice *v, const struct tsr_advise_shape *s, int flags)
{
    for (int i = 0; i < v->nplans; i++) {
        if (!same_shape(v, &v->plans[i], s)) continue;
        v->plans[i].pub.flags |= flags;
        return TSR_OK;
    }
    int rc = plan_room(v);
    if (rc < 0) return rc;
    struct plan *p = &v->plans[v->nplans];
    *p = (struct plan){.pub = {.size = sizeof p->pub, .flags = flags}, .shape = *s};
    p->access = tsr_alloc_array((size_t)v->model.n, sizeof *p->access);
    if (!p->access) return TSR_ENOMEM;
    for (int i = 0; i < v->model.n; i++)
        tsr_advise_cost(&v->model, s, i, flags != 0, &p->access[i]);
    fill_plan(v, p);
    v->nplans++;
    return TSR_OK;
}

static int offered(void *arg, const struct tsr_advise_shape *s)
{
    return add_plan(arg, s, 0);
}

/* ---- today's shape ---- */

static enum tsr_advise_kind kind_of(const struct tsr_advice *v, const tsr_array *a, bool whole)
{
    if (!a) return v->kinds[0] == TSR_ADVISE_SHARD && whole ? TSR_ADVISE_WHOLE : v->kinds[0];
    const char *name = a->d->format->name;
    if (!strncmp(name, "zarr", 4)) return whole ? TSR_ADVISE_WHOLE : TSR_ADVISE_SHARD;
    return !strcmp(name, "npy") || !strcmp(name, "raw") ? TSR_ADVISE_PLAIN : TSR_ADVISE_B2ND;
}

static int locate_all(struct tsr_advice *v, const tsr_array *a, struct plan *p)
{
    bool known = true, all = true;
    int rc = TSR_OK;
    for (int i = 0; i < v->model.n && rc == TSR_OK; i++) {
        tsr_read_cost c;
        rc = tsr_advise_located(a, &v->spec.access[i].slice, looks[is_far(a)][0], &known, &c);
        all = all && known;
        if (rc < 0 || !known) continue;
        tsr_advise_seconds(&v->model, p->shape.kind, &c);
        p->access[i].here = c;
    }
    if (all) p->pub.flags |= TSR_PLAN_LOCATED;
    return rc;
}

static int add_now(struct tsr_advice *v, const tsr_array *a)
{
    const tsr_spec *s = a ? tsr_array_spec(a) : v->spec.array;
    const int64_t *chunks = s->chunks, *blocks = s->blocks ? s->blocks : s->chunks;
    struct tsr_advise_shape now = {0};
    bool whole = true;
    if (!chunks) return TSR_OK;
    for (int d = 0; d < v->model.ndim; d++) {
        now.chunk[d] = chunks[d];
        now.block[d] = tsr_min64(blocks[d], chunks[d]);
        if (chunks[d] < 1 || blocks[d] < 1)
            return tsr_fail(TSR_EARG, "axis %d: a chunk of %lld, a block of %lld", d,
                            (long long)chunks[d], (long long)blocks[d]);
        whole = whole && now.block[d] == now.chunk[d];
    }
    now.kind = kind_of(v, a, whole);
    if (now.kind == TSR_ADVISE_WHOLE) memcpy(now.block, now.chunk, sizeof now.chunk);
    int rc = add_plan(v, &now, TSR_PLAN_NOW);
    return rc == TSR_OK && a ? locate_all(v, a, &v->plans[0]) : rc;
}

static int add_default(struct tsr_advice *v, const struct tsr_grid *g)
{
    struct tsr_advise_shape s = {.kind = v->kinds[0]};
    for (int d = 0; d < g->ndim; d++) {
        s.chunk[d] = g->chunk[d];
        s.block[d] = s.kind == TSR_ADVISE_WHOLE ? g->chunk[d] : g->block[d];
        if (s.kind == TSR_ADVISE_SHARD)
            s.chunk[d] = tsr_ceil_div(g->chunk[d], g->block[d]) * g->block[d];
    }
    return add_plan(v, &s, TSR_PLAN_DEFAULT);
}

/* ---- which plans stay ---- */

/* a is not slower than b for any access, but for some percent. */
static bool covers(const struct tsr_advice *v, const struct plan *a, const struct plan *b,
                   double slack)
{
    for (int i = 0; i < v->model.n; i++)
        if (a->access[i].mean.seconds > b->access[i].mean.seconds * slack) return false;
    return true;
}

static int by_seconds(const void *x, const void *y)
{
    const struct plan *a = x, *b = y;
    if (a->pub.seconds != b->pub.seconds) return a->pub.seconds < b->pub.seconds ? -1 : 1;
    return a->pub.nchunks < b->pub.nchunks ? -1 : a->pub.nchunks > b->pub.nchunks;
}

static void mark_front(struct tsr_advice *v)
{
    for (int i = 0; i < v->nplans; i++) {
        bool beaten = false;
        for (int k = 0; k < v->nplans && !beaten; k++)
            beaten = k != i && covers(v, &v->plans[k], &v->plans[i], 1) &&
                     (k < i || !covers(v, &v->plans[i], &v->plans[k], 1));
        if (!beaten) v->plans[i].pub.flags |= TSR_PLAN_FRONT;
    }
}

/* Of the front, quickest first, what adds something to those before it; at most as many as are
 * wanted, of which each access's best is one. */
static void choose(struct tsr_advice *v, bool *stay)
{
    int left = v->spec.most;
    stay[0] = true;
    left--;
    for (int i = 0; i < v->model.n && left > 0; i++) {
        int best = 0;
        for (int k = 1; k < v->nplans; k++)
            if (v->plans[k].access[i].mean.seconds < v->plans[best].access[i].mean.seconds / NEARLY)
                best = k;
        left -= !stay[best];
        stay[best] = true;
    }
    for (int k = 1; k < v->nplans && left > 0; k++) {
        bool near = !(v->plans[k].pub.flags & TSR_PLAN_FRONT);
        for (int i = 0; i < v->nplans && !near; i++)
            near = stay[i] && covers(v, &v->plans[i], &v->plans[k], NEARLY);
        if (near) continue;
        stay[k] = true;
        left--;
    }
}

static int keep_some(struct tsr_advice *v)
{
    bool *stay = tsr_alloc_zero((size_t)v->nplans, sizeof *stay);
    if (!stay) return TSR_ENOMEM;
    qsort(v->plans, (size_t)v->nplans, sizeof *v->plans, by_seconds);
    mark_front(v);
    v->plans[0].pub.flags |= TSR_PLAN_BEST;
    choose(v, stay);
    int n = 0;
    for (int i = 0; i < v->nplans; i++) {
        struct plan p = v->plans[i];
        if (stay[i] || p.pub.flags & (TSR_PLAN_NOW | TSR_PLAN_DEFAULT)) v->plans[n++] = p;
        else tsr_free(p.access);
    }
    v->nplans = n;
    tsr_free(stay);
    return TSR_OK;
}

static void finish_plans(struct tsr_advice *v)
{
    for (int i = 0; i < v->nplans; i++) {
        struct plan *p = &v->plans[i];
        for (int k = 0; k < v->model.n; k++) {
            tsr_read_cost here = p->access[k].here;
            tsr_advise_cost(&v->model, &p->shape, k, true, &p->access[k]);
            if (p->pub.flags & TSR_PLAN_LOCATED) p->access[k].here = here;
        }
        p->pub.chunks = p->shape.chunk;
        p->pub.blocks = p->shape.block;
        p->pub.access = p->access;
    }
}

/* ---- the sentence ---- */

static const struct plan *flagged(const struct tsr_advice *v, int flag)
{
    for (int i = 0; i < v->nplans; i++)
        if (v->plans[i].pub.flags & flag) return &v->plans[i];
    return NULL;
}

/* How many times longer the plan takes than the best one for the access it is worst for. */
static double regret(const struct tsr_advice *v, const struct plan *p, int *access)
{
    double worst = 0;
    for (int i = 0; i < v->model.n; i++) {
        double least = p->access[i].mean.seconds;
        for (int k = 0; k < v->nplans; k++) least = fmin(least, v->plans[k].access[i].mean.seconds);
        double r = least > 0 ? p->access[i].mean.seconds / least : 1;
        if (r > worst) worst = r, *access = i;
    }
    return worst;
}

static void put_seconds(char text[32], double s)
{
    if (s < 1e-3) snprintf(text, 32, "%.3g us", s * 1e6);
    else if (s < 1) snprintf(text, 32, "%.3g ms", s * 1e3);
    else snprintf(text, 32, "%.3g s", s);
}

static void explain(struct tsr_advice *v)
{
    const struct plan *best = flagged(v, TSR_PLAN_BEST), *other = flagged(v, TSR_PLAN_NOW);
    const char *whose = "today's shape";
    char seconds[32], gain[96] = "";
    int access = 0, n = 0;
    if (!other) other = flagged(v, TSR_PLAN_DEFAULT), whose = "the default shape";
    put_seconds(seconds, best->pub.seconds);
    double times = other && best->pub.seconds > 0 ? other->pub.seconds / best->pub.seconds : 1;
    if (other == best) snprintf(gain, sizeof gain, ", which is %s", whose);
    else if (times > 1.005)
        snprintf(gain, sizeof gain, ", %.3g times less than with %s", times, whose);
    n = snprintf(v->why, WHY, "The mean read takes %s%s.", seconds, gain);
    if (v->model.n == 1 || n >= WHY) return;
    double r = regret(v, best, &access);
    if (r < 1.005)
        snprintf(v->why + n, (size_t)(WHY - n), " No other shape is quicker for any access.");
    else
        snprintf(v->why + n, (size_t)(WHY - n),
                 " No access takes more than %.3g times what its own best shape would (access %d).",
                 r, access + 1);
}

/* ---- the calls ---- */

static int advise(struct tsr_advice *v, const tsr_array *a)
{
    struct tsr_grid g;
    int rc = take_array(v, a, &g);
    if (rc == TSR_OK) rc = take_medium(v, a);
    if (rc == TSR_OK) rc = take_format(v, a);
    if (rc == TSR_OK) rc = take_bounds(v);
    if (rc == TSR_OK) rc = take_ratio(v, a);
    if (rc == TSR_OK) rc = take_accesses(v, &g);
    if (rc == TSR_OK) rc = add_now(v, a);
    if (rc == TSR_OK) rc = add_default(v, &g);
    const struct tsr_advise_bounds b = {{v->spec.chunk_least, v->spec.chunk_most},
                                        {v->spec.block_least, v->spec.block_most}};
    for (int i = 0; i < v->nkinds && rc == TSR_OK; i++)
        rc = tsr_advise_search(&v->model, v->kinds[i], &b, offered, v);
    if (rc == TSR_OK) rc = keep_some(v);
    if (rc < 0) return rc;
    finish_plans(v);
    explain(v);
    return TSR_OK;
}

int tsr_advise(const tsr_array *a, const tsr_advise_spec *s, tsr_advice **out)
{
    if (!s || !s->size) return tsr_fail(TSR_EARG, "advise: no tsr_advise_spec, or one of size 0");
    struct tsr_advice *v = tsr_alloc_zero(1, sizeof *v);
    if (!v) return TSR_ENOMEM;
    memcpy(&v->spec, s, tsr_minz(s->size, sizeof v->spec));
    v->spec.size = sizeof v->spec;
    int rc = advise(v, a);
    if (rc < 0) tsr_advice_free(v);
    else *out = v;
    return rc;
}

void tsr_advice_free(tsr_advice *v)
{
    if (!v) return;
    for (int i = 0; i < v->nplans; i++) tsr_free(v->plans[i].access);
    tsr_free(v->plans);
    tsr_free(v->access);
    tsr_free(v);
}

const tsr_plan *tsr_advice_plan(const tsr_advice *v, int i)
{
    return i >= 0 && i < v->nplans ? &v->plans[i].pub : NULL;
}

const tsr_advise_spec *tsr_advice_spec(const tsr_advice *v)
{
    return &v->spec;
}

const char *tsr_advice_why(const tsr_advice *v)
{
    return v->why;
}
