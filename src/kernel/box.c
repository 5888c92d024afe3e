/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/box.c - copying boxes between strided memories.
 *
 * First the box is made small: dimensions of one item vanish, neighbours that follow each
 * other in both memories become one, and the innermost joins the item when it is contiguous
 * in both.  What remains is a unit of `len` bytes over few dimensions.  The two innermost are
 * loops compiled for the length of the unit, the others an odometer.
 *
 * A call of memcpy costs as much as copying some 100 bytes, so units up to 64 bytes are
 * copied inline: a length between w and 2w as its first and last w bytes. */
#include "kernel/box.h"

#include <stdbool.h>
#include <string.h>

#include "base/num.h"
#include "kernel/kernel.h"

#define INLINE static inline __attribute__((always_inline))

struct dim {
    size_t n;
    ptrdiff_t dst, src; /* strides in bytes */
    size_t at;          /* of the odometer */
};

struct plan {
    size_t len;         /* of the unit */
    int ndim;           /* >= 2 */
    struct dim dim[34]; /* innermost first */
};

/* ---- making it small ---- */

static bool follows(const struct dim *inner, const struct dim *outer)
{
    ptrdiff_t n = (ptrdiff_t)inner->n;
    return outer->dst == n * inner->dst && outer->src == n * inner->src;
}

/* Returns false when the box is empty. */
static bool make_plan(struct plan *p, const struct tsr_box_copy *b)
{
    ptrdiff_t item = (ptrdiff_t)b->item_bytes;
    p->len = b->item_bytes;
    p->ndim = 0;
    for (int d = b->ndim - 1; d >= 0; d--) {
        struct dim o = {(size_t)b->count[d], (ptrdiff_t)b->dst_stride[d],
                        (ptrdiff_t)b->src_stride[d], 0};
        if (b->count[d] <= 0) return false;
        if (o.n == 1) continue;
        struct dim *in = p->ndim ? &p->dim[p->ndim - 1] : NULL;
        if (in && follows(in, &o)) in->n *= o.n;
        else p->dim[p->ndim++] = o;
    }
    if (p->ndim && p->dim[0].dst == item && p->dim[0].src == item) {
        p->len *= p->dim[0].n;
        p->ndim--;
        memmove(p->dim, p->dim + 1, (size_t)p->ndim * sizeof *p->dim);
    }
    while (p->ndim < 2) p->dim[p->ndim++] = (struct dim){.n = 1};
    return p->len > 0;
}

/* ---- the two innermost dimensions ---- */

/* Copies the first w bytes of each unit and, for far > 0, w bytes at far as well. */
INLINE void copy_plane(const struct dim *in, uint8_t *dst, const uint8_t *src, size_t w, size_t far)
{
    const struct dim a = in[0], b = in[1];
    for (size_t j = 0; j < b.n; j++) {
        uint8_t *d = dst + (ptrdiff_t)j * b.dst;
        const uint8_t *s = src + (ptrdiff_t)j * b.src;
        for (size_t i = 0; i < a.n; i++) {
            memcpy(d, s, w);
            if (far) memcpy(d + far, s + far, w);
            d += a.dst;
            s += a.src;
        }
    }
}

/* One row of n equal units, contiguous in dst: doubles what is there, up to a pattern that
 * stays in the first cache. */
static void fill_row(uint8_t *dst, const uint8_t *unit, size_t len, size_t n)
{
    enum { PATTERN = 4096 };
    size_t total = n * len;
    if (len == 1) {
        memset(dst, *unit, total);
        return;
    }
    memcpy(dst, unit, len);
    size_t have = len, step = len;
    while (have < total) {
        size_t more = tsr_minz(step, total - have);
        memcpy(dst + have, dst, more);
        have += more;
        if (step < PATTERN) step = have;
    }
}

/* The source stands still: one row is made and then repeated. */
static void fill_plane(const struct dim *in, uint8_t *dst, const uint8_t *unit, size_t len)
{
    fill_row(dst, unit, len, in[0].n);
    for (size_t j = 1; j < in[1].n; j++) memcpy(dst + (ptrdiff_t)j * in[1].dst, dst, len * in[0].n);
}

/* Shorter rows do not fill enough cache lines to be worth it. */
enum { STREAM_MIN = 128 };

static void stream_plane(const struct dim *in, uint8_t *dst, const uint8_t *src, size_t len)
{
    for (size_t j = 0; j < in[1].n; j++) {
        struct tsr_rows r = {.dst = dst + (ptrdiff_t)j * in[1].dst,
                             .src = src + (ptrdiff_t)j * in[1].src,
                             .dst_step = in[0].dst,
                             .src_step = in[0].src,
                             .n = in[0].n,
                             .len = len};
        tsr_kernels()->stream(&r);
    }
}

static void copy_units(const struct dim *in, uint8_t *dst, const uint8_t *src, size_t len)
{
    switch (len) {
    case 1: copy_plane(in, dst, src, 1, 0); return;
    case 2: copy_plane(in, dst, src, 2, 0); return;
    case 4: copy_plane(in, dst, src, 4, 0); return;
    case 8: copy_plane(in, dst, src, 8, 0); return;
    case 16: copy_plane(in, dst, src, 16, 0); return;
    case 32: copy_plane(in, dst, src, 32, 0); return;
    case 3: copy_plane(in, dst, src, 2, 1); return;
    default: break;
    }
    if (len < 8) copy_plane(in, dst, src, 4, len - 4);
    else if (len < 16) copy_plane(in, dst, src, 8, len - 8);
    else if (len < 32) copy_plane(in, dst, src, 16, len - 16);
    else if (len <= 64) copy_plane(in, dst, src, 32, len - 32);
    else copy_plane(in, dst, src, len, 0);
}

static bool is_fill(const struct dim *in, size_t len)
{
    return in[0].src == 0 && in[1].src == 0 && in[0].dst == (ptrdiff_t)len;
}

void tsr_box_copy(const struct tsr_box_copy *b)
{
    struct plan p;
    if (!make_plan(&p, b)) return;
    uint8_t *dst = b->dst;
    const uint8_t *src = b->src;
    bool fill = is_fill(p.dim, p.len), stream = b->stream && p.len >= STREAM_MIN;
    for (;;) {
        if (fill) fill_plane(p.dim, dst, src, p.len);
        else if (stream) stream_plane(p.dim, dst, src, p.len);
        else copy_units(p.dim, dst, src, p.len);
        int d = 2;
        while (d < p.ndim && ++p.dim[d].at == p.dim[d].n) {
            dst -= (ptrdiff_t)(p.dim[d].n - 1) * p.dim[d].dst;
            src -= (ptrdiff_t)(p.dim[d].n - 1) * p.dim[d].src;
            p.dim[d++].at = 0;
        }
        if (d == p.ndim) return;
        dst += p.dim[d].dst;
        src += p.dim[d].src;
    }
}
