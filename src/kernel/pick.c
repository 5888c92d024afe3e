/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/pick.c - copying items that are picked by lists of indices.
 *
 * The dimensions from the first to the last with a list are walked; what is inside the last one is
 * a box for tsr_box_copy, or, when it is contiguous on both sides, part of the item.  Lengths of
 * items that are powers of two are compiled in. */
#include "kernel/pick.h"

#include <stdbool.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE int64_t place(const struct tsr_picks *p, int64_t i)
{
    return ((p->index ? p->index[i] : i) - p->first) * p->stride;
}

INLINE void pick(uint8_t *dst, const struct tsr_picks *to, const uint8_t *src,
                 const struct tsr_picks *from, int64_t n, size_t len)
{
    const struct tsr_picks t = *to, f = *from;
    for (int64_t i = 0; i < n; i++) memcpy(dst + place(&t, i), src + place(&f, i), len);
}

void tsr_pick_items(uint8_t *dst, const struct tsr_picks *to, const uint8_t *src,
                    const struct tsr_picks *from, int64_t n, size_t item_bytes)
{
    switch (item_bytes) {
    case 1: pick(dst, to, src, from, n, 1); return;
    case 2: pick(dst, to, src, from, n, 2); return;
    case 4: pick(dst, to, src, from, n, 4); return;
    case 8: pick(dst, to, src, from, n, 8); return;
    case 16: pick(dst, to, src, from, n, 16); return;
    default: pick(dst, to, src, from, n, item_bytes); return;
    }
}

struct walk {
    const struct tsr_pick_copy *p;
    struct tsr_box_copy inside; /* the last list */
    int last;                   /* dimension with a list */
};

static struct tsr_picks along(const int64_t *const index[], const int64_t stride[], int d)
{
    return (struct tsr_picks){index[d], 0, stride[d]};
}

static void walk_from(struct walk *w, int d, uint8_t *dst, const uint8_t *src)
{
    const struct tsr_box_copy *b = &w->p->box;
    struct tsr_picks to = along(w->p->dst_index, b->dst_stride, d);
    struct tsr_picks from = along(w->p->src_index, b->src_stride, d);
    if (d == w->last && w->inside.ndim == 0) {
        tsr_pick_items(dst, &to, src, &from, b->count[d], w->inside.item_bytes);
        return;
    }
    for (int64_t i = 0; i < b->count[d]; i++) {
        uint8_t *t = dst + place(&to, i);
        const uint8_t *f = src + place(&from, i);
        if (d < w->last) {
            walk_from(w, d + 1, t, f);
            continue;
        }
        w->inside.dst = t;
        w->inside.src = f;
        tsr_box_copy(&w->inside);
    }
}

/* Dimensions behind the last list; from the inside they join the item while they can. */
static void take_inside(struct walk *w)
{
    const struct tsr_box_copy *b = &w->p->box;
    struct tsr_box_copy *in = &w->inside;
    int d = b->ndim - 1;
    int64_t len = (int64_t)b->item_bytes;
    while (d > w->last &&
           (b->count[d] == 1 || (b->dst_stride[d] == len && b->src_stride[d] == len)))
        len *= b->count[d--];
    in->item_bytes = (size_t)len;
    in->ndim = d - w->last;
    for (int k = 0; k < in->ndim; k++) {
        in->count[k] = b->count[w->last + 1 + k];
        in->dst_stride[k] = b->dst_stride[w->last + 1 + k];
        in->src_stride[k] = b->src_stride[w->last + 1 + k];
    }
}

void tsr_pick_copy(const struct tsr_pick_copy *p)
{
    struct walk w = {.p = p, .last = -1};
    for (int d = 0; d < p->box.ndim; d++) {
        if (p->dst_index[d] || p->src_index[d]) w.last = d;
        if (p->box.count[d] <= 0) return;
    }
    if (w.last < 0) {
        w.inside = p->box;
        w.inside.dst += p->dst_off;
        w.inside.src += p->src_off;
        tsr_box_copy(&w.inside);
        return;
    }
    take_inside(&w);
    walk_from(&w, 0, p->box.dst + p->dst_off, p->box.src + p->src_off);
}
