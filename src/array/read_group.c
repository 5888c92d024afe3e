/* SPDX-License-Identifier: BSD-3-Clause */
/* array/read_group.c - the blocks of a window in groups: what one job of a run decodes.
 *
 *   | block | block | block | chunk of one value | block | ...    parts, as chunks hold them
 *   |-- group 0 ----|------ group 1 -------------|-- group 2
 *
 * A group is some blocks one after the other, so that small ones do not cost a turn at the pool
 * each.  For a visitor parts are sorted by its keys, and a group has parts of one key.  Neither
 * order nor cuts depend on the number of threads. */
#include <stdlib.h>

#include "array/read.h"
#include "base/mem.h"

/* About the size of a group; of one whose bytes are read with it. */
enum { GROUP_BYTES = 32 << 10, GROUP_LATE = 256 << 10 };

static int window_add(const struct reader *r, struct window *w, size_t job, size_t ref)
{
    struct part p = {.job = (uint32_t)job, .ref = (uint32_t)ref};
    const struct chunk_job *j = &w->jobs[job];
    if (r->visitor) {
        struct block_box box;
        struct overlap o;
        tsr_job_block_box(r->a, j, j->refs[ref].block, &box);
        if (!tsr_overlap(r->a, r->sel, &box, &o)) return TSR_OK;
        p.key = r->visitor->key(r->visitor->arg, o.at);
    }
    if (w->nparts == w->parts_cap) {
        size_t cap = w->parts_cap ? w->parts_cap * 2 : 16;
        struct part *v = tsr_realloc(w->parts, cap, sizeof *v);
        if (!v) return TSR_ENOMEM;
        w->parts = v;
        w->parts_cap = cap;
    }
    w->parts[w->nparts++] = p;
    return TSR_OK;
}

/* All parts of a window, but for values that go to a visitor: these come to it one by one. */
static int window_parts(const struct reader *r, struct window *w)
{
    int rc = TSR_OK;
    w->nparts = 0;
    for (size_t i = 0; i < w->njobs && rc == TSR_OK; i++) {
        const struct chunk_job *j = &w->jobs[i];
        if (job_is_value(j) && !r->visitor) rc = window_add(r, w, i, NO_REF);
        for (size_t k = 0; !job_is_value(j) && k < j->nrefs && rc == TSR_OK; k++)
            rc = window_add(r, w, i, k);
    }
    return rc;
}

static int by_key(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->job != y->job) return x->job < y->job ? -1 : 1;
    return x->ref < y->ref ? -1 : x->ref > y->ref;
}

static int window_add_group(struct window *w, size_t first)
{
    if (w->ngroups == w->groups_cap) {
        size_t cap = w->groups_cap ? w->groups_cap * 2 : 16;
        struct group *p = tsr_realloc(w->groups, cap, sizeof *p);
        if (!p) return TSR_ENOMEM;
        w->groups = p;
        w->groups_cap = cap;
    }
    w->groups[w->ngroups++] = (struct group){.first = first, .slot = TSR_PART_ALONE};
    return TSR_OK;
}

/* Groups that share their key get a slot each. */
static size_t number_slots(struct window *w)
{
    size_t slots = 0;
    for (size_t i = 0; i < w->ngroups; i++) {
        int64_t key = w->parts[w->groups[i].first].key;
        bool before = i > 0 && w->parts[w->groups[i - 1].first].key == key;
        bool after = i + 1 < w->ngroups && w->parts[w->groups[i + 1].first].key == key;
        if (before || after) w->groups[i].slot = slots++;
    }
    return slots;
}

/* Does part i begin a group, after one of so many bytes?  What is read late is of one chunk. */
static bool begins_group(const struct reader *r, const struct window *w, size_t i, int64_t bytes)
{
    const struct part *p = &w->parts[i];
    if (i == 0 || p->key != p[-1].key) return true;
    if (r->visitor) return bytes >= r->visitor->group_bytes;
    if (w->jobs[p->job].late != w->jobs[p[-1].job].late) return true;
    if (!w->jobs[p->job].late) return bytes >= GROUP_BYTES;
    return bytes >= GROUP_LATE || p->job != p[-1].job;
}

/* A chunk of one value counts as a group. */
static int64_t part_bytes(const struct reader *r, const struct window *w, const struct part *p,
                          int64_t group)
{
    const struct chunk_job *j = &w->jobs[p->job];
    if (r->lone) return r->a->d->grid.block_bytes;
    if (p->ref == NO_REF) return group;
    return tsr_job_block_bytes(&r->a->d->grid, j, j->place.block_items);
}

int tsr_window_group(const struct reader *r, struct window *w)
{
    int64_t bytes = 0, most = r->visitor ? r->visitor->group_bytes : GROUP_BYTES;
    int rc = window_parts(r, w);
    w->ngroups = 0;
    if (rc < 0) return rc;
    if (r->visitor && w->nparts) qsort(w->parts, w->nparts, sizeof *w->parts, by_key);
    for (size_t i = 0; i < w->nparts; i++) {
        const struct part *p = &w->parts[i];
        if (begins_group(r, w, i, bytes)) {
            if (window_add_group(w, i) < 0) return TSR_ENOMEM;
            bytes = 0;
        }
        w->groups[w->ngroups - 1].n++;
        bytes += part_bytes(r, w, p, most);
    }
    return r->visitor ? r->visitor->window(r->visitor->arg, number_slots(w)) : TSR_OK;
}
