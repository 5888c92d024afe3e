/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/space.c - which bytes of the chunks area are free, and from when on.
 *
 *   | chunks and holes ........ | index trailer |
 *   0                        area            end
 *
 * New chunks go into holes or to the end; index and trailer go above every live chunk, beside
 * the flushed pair, so that a header can be flipped from one to the other.  What the flushed
 * state uses becomes free only when a later state has taken over: until then it is pending.
 * A hole that cannot be noted for want of memory is forgotten, which costs space, no data.
 *
 * The free list is sorted and its extents do not touch.  What is freed one by one is loose at
 * first and sorted in when it is wanted. */
#include "frame/priv.h"

#include <stdlib.h>

enum { PROBES = 4096 }; /* holes looked at for one chunk: bounds the cost of a torn list */

static bool reserve(struct frame_extents *e, size_t n)
{
    if (n <= e->cap) return true;
    size_t cap = e->cap * 2 > n ? e->cap * 2 : n + 15;
    struct frame_extent *v = tsr_realloc(e->v, cap, sizeof *v);
    if (!v) return false;
    e->v = v;
    e->cap = cap;
    return true;
}

bool tsr_extents_add(struct frame_extents *e, uint64_t off, uint64_t len)
{
    if (!reserve(e, e->n + 1)) return false;
    e->v[e->n++] = (struct frame_extent){off, len};
    return true;
}

static void add(struct frame_extents *e, uint64_t off, uint64_t len)
{
    if (len) tsr_extents_add(e, off, len);
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = ((const struct frame_extent *)a)->off, y = ((const struct frame_extent *)b)->off;
    return (x > y) - (x < y);
}

void tsr_extents_sort(struct frame_extents *e)
{
    if (e->n) qsort(e->v, e->n, sizeof *e->v, by_offset);
}

/* Joins extents that touch or overlap and drops empty ones; e is sorted. */
static void join(struct frame_extents *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++) {
        struct frame_extent x = e->v[i], *last = n ? &e->v[n - 1] : NULL;
        if (x.len == 0) continue;
        if (!last || last->off + last->len < x.off) e->v[n++] = x;
        else if (x.off + x.len > last->off + last->len) last->len = x.off + x.len - last->off;
    }
    e->n = n;
}

/* Few come to many, so the many are not sorted again: one pass from the end. */
void tsr_extents_merge(struct frame_extents *to, struct frame_extents *from)
{
    size_t i = to->n, j = from->n;
    tsr_extents_sort(from);
    if (j && !reserve(to, i + j)) j = 0;
    to->n = i + j;
    for (size_t k = to->n; j > 0;) {
        bool old = i > 0 && to->v[i - 1].off > from->v[j - 1].off;
        to->v[--k] = old ? to->v[--i] : from->v[--j];
    }
    from->n = 0;
    join(to);
}

/* Moves what is in from into the free list. */
static void merge(struct frame_space *s, struct frame_extents *from)
{
    if (from->n) s->largest = UINT64_MAX;
    tsr_extents_merge(&s->free, from);
}

/* Forgets free bytes from limit on. */
static void clip(struct frame_space *s, uint64_t limit)
{
    struct frame_extents *f = &s->free;
    while (f->n && f->v[f->n - 1].off >= limit) f->n--;
    if (!f->n) return;
    struct frame_extent *last = &f->v[f->n - 1];
    if (last->off + last->len > limit) last->len = limit - last->off;
}

static bool take_hole(struct frame_space *s, uint64_t len, uint64_t *off)
{
    struct frame_extents *f = &s->free;
    size_t probes = f->n < PROBES ? f->n : PROBES;
    uint64_t largest = 0;
    if (len > s->largest) return false;
    for (size_t i = 0; i < probes; i++, s->rover++) {
        if (s->rover >= f->n) s->rover = 0;
        struct frame_extent *e = &f->v[s->rover];
        if (e->len > largest) largest = e->len;
        if (e->len < len) continue;
        *off = e->off;
        e->off += len; /* an extent of no length stays until the next merge */
        e->len -= len;
        return true;
    }
    if (probes == f->n) s->largest = largest;
    return false;
}

uint64_t tsr_space_alloc(struct frame_space *s, uint64_t len)
{
    uint64_t off = s->end;
    bool found = take_hole(s, len, &off);
    if (!found && s->loose.n) {
        merge(s, &s->loose);
        found = take_hole(s, len, &off);
    }
    if (!found) s->end += len;
    if (off + len > s->area) s->area = off + len;
    return off;
}

static void wait(struct frame_space *s, uint64_t off, uint64_t len)
{
    add(&s->pending, off, len);
    s->waiting += len;
}

void tsr_space_free(struct frame_space *s, uint64_t off, uint64_t len, bool now)
{
    if (now) add(&s->loose, off, len);
    else wait(s, off, len);
}

/* No live chunk reaches into a free extent, so one at the top of the area shortens it. */
static void lower_area(struct frame_space *s)
{
    for (size_t i = s->free.n; i-- > 0;) {
        const struct frame_extent *e = &s->free.v[i];
        if (e->off + e->len < s->area) return;
        if (e->off < s->area) s->area = e->off;
    }
}

uint64_t tsr_space_place(struct frame_space *s, uint64_t len)
{
    merge(s, &s->loose);
    lower_area(s);
    for (size_t i = 0; i < s->free.n; i++) {
        const struct frame_extent *e = &s->free.v[i];
        uint64_t off = e->off > s->area ? e->off : s->area;
        if (off <= e->off + e->len && len <= e->off + e->len - off) return off;
    }
    return s->end;
}

void tsr_space_doubt(struct frame_space *s, uint64_t off, uint64_t len)
{
    uint64_t end = off + len > s->end ? off + len : s->end;
    clip(s, off);
    wait(s, off, end - off);
    s->end = end;
}

void tsr_space_commit(struct frame_space *s, uint64_t off, uint64_t len)
{
    uint64_t end = off + len > s->end ? off + len : s->end;
    wait(s, s->flushed.off, s->flushed.len);
    s->flushed = (struct frame_extent){off, len};
    clip(s, off);
    wait(s, off + len, end - off - len);
    s->end = end;
}

void tsr_space_settle(struct frame_space *s)
{
    merge(s, &s->pending);
    s->waiting = 0;
    clip(s, s->flushed.off); /* above every chunk, so the rest is not a hole but the end */
    s->end = s->flushed.off + s->flushed.len;
}

void tsr_space_done(struct frame_space *s)
{
    tsr_free(s->free.v);
    tsr_free(s->loose.v);
    tsr_free(s->pending.v);
    *s = (struct frame_space){0};
}
