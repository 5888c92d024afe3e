/* SPDX-License-Identifier: BSD-3-Clause */
/* slabs.c - a large selection in pieces that fit in memory.
 *
 * The first axis whose single steps fit the budget is cut into runs of steps, the axes before
 * it are walked one index at a time; so the pieces follow each other in C order.  Runs end
 * where chunks end, so that no chunk is decoded twice. */
#include <stdlib.h>

#include "cli.h"

enum { BUDGET = 64 << 20, BUDGET_MAX = 512 << 20 };

struct walk {
    const struct cli_source *source;
    const struct cli_selection *all;
    struct cli_selection slab;
    cli_slab_fn fn;
    void *user;
    bool blind; /* shapes only */
    uint8_t *buf;
    size_t cap;
};

static int64_t bytes_from(const struct walk *w, int d)
{
    int64_t n = w->source->item_bytes;
    for (; d < w->all->ndim; d++)
        if (__builtin_mul_overflow(n, w->all->count[d], &n)) return INT64_MAX;
    return n;
}

static int emit(struct walk *w)
{
    size_t len = (size_t)w->source->item_bytes;
    for (int d = 0; d < w->slab.ndim; d++) len *= (size_t)w->slab.count[d];
    w->slab.items = (int64_t)(len / (size_t)w->source->item_bytes);
    if (w->blind) return w->fn(w->user, &w->slab, NULL, len);
    if (len > w->cap) {
        free(w->buf);
        w->buf = malloc(len);
        w->cap = w->buf ? len : 0;
        if (!w->buf) return TSR_ENOMEM;
    }
    int rc = cli_source_read(w->source, &w->slab, w->buf, len);
    return rc < 0 ? rc : w->fn(w->user, &w->slab, w->buf, len);
}

/* Steps of axis d in the piece that begins at step i. */
static int64_t run_of(const struct walk *w, int d, int64_t i, int64_t inner)
{
    int64_t n = BUDGET / inner > 0 ? BUDGET / inner : 1, left = w->all->count[d] - i;
    const tsr_spec *spec = w->source->array ? tsr_array_spec(w->source->array) : NULL;
    int64_t chunk = spec && spec->chunks ? spec->chunks[d] : 1;
    if (w->all->step[d] == 1 && chunk > 1 && chunk <= BUDGET_MAX / inner) {
        int64_t into = (w->all->start[d] + i) % chunk;
        n = n > chunk ? n / chunk * chunk - into : chunk - into;
    }
    return n < left ? n : left;
}

static int walk(struct walk *w, int d)
{
    if (d == w->all->ndim || bytes_from(w, d) <= BUDGET) return emit(w);
    int64_t inner = bytes_from(w, d + 1), n;
    int rc = TSR_OK;
    for (int64_t i = 0; rc == TSR_OK && i < w->all->count[d]; i += n) {
        bool deeper = inner > BUDGET;
        n = deeper ? 1 : run_of(w, d, i, inner);
        w->slab.start[d] = w->all->start[d] + i * w->all->step[d];
        w->slab.count[d] = n;
        rc = deeper ? walk(w, d + 1) : emit(w);
    }
    w->slab.start[d] = w->all->start[d];
    w->slab.count[d] = w->all->count[d];
    return rc;
}

int cli_slabs(const struct cli_source *s, const struct cli_selection *sel, cli_slab_fn fn,
              void *user)
{
    struct walk w = {.source = s, .all = sel, .slab = *sel, .fn = fn, .user = user};
    int rc = sel->items ? walk(&w, 0) : TSR_OK;
    free(w.buf);
    return rc;
}

int cli_slab_shapes(const struct cli_source *s, const struct cli_selection *sel, cli_slab_fn fn,
                    void *user)
{
    struct walk w = {.source = s, .all = sel, .slab = *sel, .fn = fn, .user = user, .blind = true};
    return sel->items ? walk(&w, 0) : TSR_OK;
}
