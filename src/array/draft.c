/* SPDX-License-Identifier: BSD-3-Clause */
/* array/draft.c - which blocks are drafts.
 *
 * Drafts pay when blocks are written again before the next flush, so they begin when some were,
 * and end at a flush that finds more drafts written once than blocks that came again before it. */
#include "array/draft.h"

#include "base/mem.h"

enum { BUCKETS = 256, MOST_NOTES = 2048, MOST_BLOCKS = 1024, DRAFT_BYTES = 64 << 20, EVIDENCE = 8 };

struct tsr_drafts {
    struct tsr_draft *bucket[BUCKETS];
    int notes;
    _Atomic int64_t drafts; /* blocks */
    _Atomic int64_t again;  /* blocks that came again since the last flush */
    bool eager;             /* drafts are made */
};

static struct tsr_draft **bucket(struct tsr_drafts *s, const struct tsr_grid *g,
                                 const int64_t coords[])
{
    uint64_t h = 0;
    for (int i = 0; i < g->ndim; i++) h = (h ^ (uint64_t)coords[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return &s->bucket[h >> 56];
}

static bool allowed(const struct tsr_array *a, const struct tsr_out_chunk *c)
{
    const struct tsr_driver *d = a->d;
    return d->grid.padded && d->format->keep && d->format->kind == TSR_KIND_ARRAY &&
           !d->store->kind->view && c->nblocks <= MOST_BLOCKS && !c->special && !c->serial &&
           !c->prepare && d->cparams && d->cparams->clevel > 0 && tsr_cparams_lossless(d->cparams);
}

static struct tsr_draft *draft_new(const struct tsr_grid *g, int32_t nblocks,
                                   const int64_t coords[])
{
    size_t at = sizeof(struct tsr_draft), ndim = (size_t)g->ndim;
    struct tsr_draft *d = tsr_alloc_zero(1, at + ndim * 8 + (size_t)nblocks * 5);
    if (!d) return NULL;
    d->nblocks = nblocks;
    d->coords = (int64_t *)(d + 1);
    d->items = (int32_t *)(d->coords + ndim);
    d->draft = (bool *)(d->items + nblocks);
    memcpy(d->coords, coords, ndim * sizeof *coords);
    return d;
}

static bool is_empty(const struct tsr_draft *d)
{
    for (int32_t b = 0; b < d->nblocks; b++)
        if (d->items[b] || d->draft[b]) return false;
    return true;
}

struct tsr_draft *tsr_draft_of(struct tsr_array *a, const struct tsr_out_chunk *c,
                               const int64_t coords[], bool make)
{
    const struct tsr_grid *g = &a->d->grid;
    size_t len = (size_t)g->ndim * sizeof *coords;
    if (!a->drafts && (!make || !allowed(a, c))) return NULL;
    if (!a->drafts && !(a->drafts = tsr_alloc_zero(1, sizeof *a->drafts))) return NULL;
    struct tsr_draft **b = bucket(a->drafts, g, coords), *d = *b;
    while (d && (d->nblocks != c->nblocks || memcmp(d->coords, coords, len) != 0)) d = d->next;
    if (d || !make || a->drafts->notes == MOST_NOTES || !allowed(a, c)) return d;
    if (!(d = draft_new(g, c->nblocks, coords))) return NULL;
    a->drafts->notes++;
    d->next = *b;
    return *b = d;
}

bool tsr_draft_block(struct tsr_array *a, struct tsr_draft *d, int32_t b, const struct tsr_touch *t)
{
    struct tsr_drafts *s = a->drafts;
    int64_t have = d->items[b], bytes = a->d->grid.block_bytes;
    bool noted = have || t->fresh, was = d->draft[b];
    if (have && t->items) atomic_fetch_add(&s->again, 1);
    if (!noted || t->items == 0 || have + t->items >= t->most) {
        d->items[b] = 0;
        d->draft[b] = false;
    } else {
        d->items[b] = (int32_t)(have + t->items);
        d->draft[b] = was || (s->eager && atomic_load(&s->drafts) < DRAFT_BYTES / bytes);
    }
    if (was != d->draft[b]) atomic_fetch_add(&s->drafts, was ? -1 : 1);
    return d->draft[b];
}

void tsr_draft_done(struct tsr_array *a, struct tsr_draft *d)
{
    if (d && atomic_load(&a->drafts->again) >= EVIDENCE) a->drafts->eager = true;
    if (!d || !is_empty(d)) return;
    struct tsr_draft **at = bucket(a->drafts, &a->d->grid, d->coords);
    while (*at != d) at = &(*at)->next;
    *at = d->next;
    a->drafts->notes--;
    tsr_free(d);
}

/* ---- all of them ---- */

static bool has_draft(const struct tsr_draft *d)
{
    return memchr(d->draft, true, (size_t)d->nblocks) != NULL;
}

struct tsr_draft *tsr_drafts_take(struct tsr_array *a)
{
    struct tsr_drafts *s = a->drafts;
    struct tsr_draft *list = NULL, *d;
    for (int i = 0; s && i < BUCKETS; i++) {
        while ((d = s->bucket[i])) {
            s->bucket[i] = d->next;
            d->next = list;
            if (has_draft(d)) list = d;
            else tsr_free(d);
        }
    }
    if (!s) return NULL;
    int64_t again = atomic_exchange(&s->again, 0);
    s->eager &= atomic_load(&s->drafts) <= again;
    s->notes = 0;
    return list;
}

void tsr_drafts_put_back(struct tsr_array *a, struct tsr_draft *list)
{
    for (struct tsr_draft *next; list; list = next) {
        struct tsr_draft **b = bucket(a->drafts, &a->d->grid, list->coords);
        next = list->next;
        list->next = *b;
        *b = list;
        a->drafts->notes++;
    }
}

static void list_free(struct tsr_draft *list)
{
    for (struct tsr_draft *next; list; list = next) {
        next = list->next;
        tsr_free(list);
    }
}

void tsr_drafts_end(struct tsr_array *a, struct tsr_draft *list)
{
    list_free(list);
    if (a->drafts) atomic_store(&a->drafts->drafts, 0);
}

void tsr_drafts_done(struct tsr_array *a)
{
    for (int i = 0; a->drafts && i < BUCKETS; i++) list_free(a->drafts->bucket[i]);
    tsr_free(a->drafts);
    a->drafts = NULL;
}
