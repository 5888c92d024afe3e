/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/advise_cost.c - what an access costs with a shape.
 *
 * Every number is a sum over the chunks that are met of products over axes, so means over places
 * are products of the means along each axis (grid/count.h).  The blocks of a chunk lie in C order;
 * those that are wanted are read in runs, which the axes join from the last to the first:
 *
 *   closed   chunks in which what follows the end of the run is wanted (or near): one run so far
 *   open     chunks with gaps: rows of them are runs of their own
 *
 * `closed` and `open` count runs, `closed_reach` and `open_reach` the blocks that are read in them,
 * gaps that are read over included; `row`: how long a row of closed ones is that is read whole. */
#include "array/fetch.h"
#include "grid/count.h"
#include "ops/advise.h"

struct runs {
    double closed, closed_reach, row, open, open_reach;
};

static void join_axis(struct runs *r, const struct tsr_axis_count *n, bool apart)
{
    struct runs w = {0};
    if (apart) {
        w.open = (r->closed + r->open) * n->blocks;
        w.open_reach = (r->closed_reach + r->open_reach) * n->blocks;
    } else {
        double open = n->chunks - n->closed, open_reach = n->reach - n->closed_reach;
        w.closed = r->closed * n->closed;
        w.closed_reach = r->row * (n->closed_reach - n->closed) + r->closed_reach * n->closed;
        w.row = r->row * n->closed_row;
        w.open = r->closed * open + r->open * n->blocks;
        w.open_reach =
            r->row * (open_reach - open) + r->closed_reach * open + r->open_reach * n->blocks;
    }
    *r = w;
}

/* What an axis adds to one of the three figures. */
struct tally {
    double chunks, blocks;
    struct runs runs;
};

static void tally_axis(struct tally *t, const struct tsr_axis_count *n, bool apart)
{
    t->chunks *= n->chunks;
    t->blocks *= n->blocks;
    join_axis(&t->runs, n, apart);
}

struct sizes {
    double block, blocks; /* decoded bytes of a block; blocks of a chunk */
    double stored, head;  /* stored bytes of a chunk; what is read of it first */
};

static struct sizes sizes_of(const struct tsr_advise_model *m, const struct tsr_advise_shape *s)
{
    struct sizes z = {.block = (double)m->item_bytes, .blocks = 1};
    for (int d = 0; d < m->ndim; d++) {
        z.block *= (double)s->block[d];
        z.blocks *= (double)tsr_ceil_div(s->chunk[d], s->block[d]);
    }
    if (s->kind == TSR_ADVISE_B2ND) z.head = 32 + 4 * z.blocks < 512 ? 512 : 32 + 4 * z.blocks;
    if (s->kind == TSR_ADVISE_SHARD) z.head = 16 * z.blocks + 4;
    z.stored = z.block * z.blocks * m->ratio + (s->kind == TSR_ADVISE_B2ND ? 32 : 0);
    return z;
}

void tsr_advise_seconds(const struct tsr_advise_model *m, enum tsr_advise_kind kind,
                        tsr_read_cost *c)
{
    bool head = kind == TSR_ADVISE_B2ND || kind == TSR_ADVISE_SHARD;
    /* what a head says cannot be asked for before it is there */
    double turns = c->requests / m->in_flight, least = head ? 2 : 1;
    if (turns < least) turns = c->requests < least ? c->requests : least;
    c->seconds = turns * m->latency + c->bytes / m->bandwidth + c->decoded / m->decode_speed;
}

static void price(const struct tsr_advise_model *m, const struct tsr_advise_shape *s,
                  const struct sizes *z, const struct tally *t, tsr_read_cost *out)
{
    const struct runs *r = &t->runs;
    bool small = s->kind == TSR_ADVISE_B2ND && z->stored <= z->head; /* all of it comes at once */
    out->chunks = t->chunks;
    out->blocks = t->blocks;
    out->decoded = t->blocks * z->block;
    out->requests = t->chunks;
    out->bytes = t->chunks * z->stored;
    if (s->kind != TSR_ADVISE_WHOLE && !small) {
        bool plain = s->kind == TSR_ADVISE_PLAIN;
        out->requests = r->closed + r->open + (plain ? 0 : t->chunks);
        out->bytes = t->chunks * z->head +
                     (r->closed_reach + r->open_reach) * z->block * (plain ? 1 : m->ratio);
    }
    tsr_advise_seconds(m, s->kind, out);
}

void tsr_advise_cost(const struct tsr_advise_model *m, const struct tsr_advise_shape *s, int i,
                     bool all, tsr_access_cost *out)
{
    const struct tsr_advise_access *w = &m->access[i];
    struct sizes z = sizes_of(m, s);
    double inner = 1, stored = z.block * m->ratio;
    struct tally first = {1, 1, {1, 1, 1, 0, 0}}, mean = first, here = first, worst = first;
    for (int d = m->ndim - 1; d >= 0; d--) {
        struct tsr_count_axis x = {m->shape[d], s->chunk[d], s->block[d], w->start[d],
                                   w->count[d], w->step[d],  w->slides};
        struct tsr_axis_counts n;
        double miss = TSR_MERGE_GAP / (inner * stored);
        tsr_count_along(&x, miss < 1e9 ? (int64_t)miss : INT32_MAX, all, &n);
        tally_axis(&mean, &n.mean, n.apart);
        if (all) tally_axis(&here, &n.here, n.apart);
        if (all) tally_axis(&worst, &n.worst, n.apart);
        inner *= (double)tsr_ceil_div(s->chunk[d], s->block[d]);
    }
    *out = (tsr_access_cost){0};
    price(m, s, &z, &mean, &out->mean);
    if (all) price(m, s, &z, &here, &out->here);
    if (all) price(m, s, &z, &worst, &out->worst);
}
