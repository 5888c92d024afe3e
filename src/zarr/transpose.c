/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/transpose.c - the codec "transpose": encoded axis i is decoded axis order[i] (zarr.md 9.3).
 *
 * Items of a fixed size are copied by the strides of both sides.  Of the two axes that are the
 * innermost, one of each side, squares are copied one after the other, so that the cache lines of
 * both sides are whole before they leave the first cache.  Items of variable length are found
 * first, then put in their new order. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "kernel/box.h"
#include "zarr/codec.h"
#include "zarr/items.h"
#include "zarr/node.h"

struct transpose {
    int order[TSR_MAX_NDIM];
};

static int is_permutation(const int *order, int ndim)
{
    bool seen[TSR_MAX_NDIM] = {false};
    for (int i = 0; i < ndim; i++) {
        if (order[i] < 0 || order[i] >= ndim || seen[order[i]])
            return tsr_fail(TSR_ECORRUPT, "order[%d]: found %d, expected each of 0 to %d once", i,
                            order[i], ndim - 1);
        seen[order[i]] = true;
    }
    return TSR_OK;
}

int tsr_zcodec_transpose(struct tsr_zcodec *c, const int *order)
{
    struct transpose *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int rc = s ? is_permutation(order, c->in.ndim) : TSR_ENOMEM;
    if (rc < 0) return rc;
    tsr_zcodec_out_same(c);
    for (int i = 0; i < c->in.ndim; i++) {
        s->order[i] = order[i];
        c->out.shape[i] = c->in.shape[order[i]];
    }
    c->same = true; /* axes of one item may lie anywhere */
    for (int i = 0, last = -1; i < c->in.ndim; i++) {
        if (c->in.shape[order[i]] == 1) continue;
        c->same = c->same && order[i] > last;
        last = order[i];
    }
    c->state = s;
    return TSR_OK;
}

static int transpose_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    const struct tsr_node *n = tsr_znode_get(config, "order");
    int64_t v[TSR_MAX_NDIM];
    int order[TSR_MAX_NDIM], count = 0;
    (void)format;
    int rc = n ? tsr_znode_ints(n, 0, TSR_MAX_NDIM - 1, v, &count)
               : tsr_znode_wrong(TSR_ECORRUPT, n, "a permutation of the axes");
    if (rc == TSR_OK && count != c->in.ndim)
        rc = tsr_znode_wrong(TSR_ECORRUPT, n, "%d axes", c->in.ndim);
    if (rc < 0) {
        tsr_within("order");
        return rc;
    }
    for (int i = 0; i < count; i++) order[i] = (int)v[i];
    return tsr_zcodec_transpose(c, order);
}

/* ---- items of a fixed size ---- */

static void strides_of(const int64_t *shape, int ndim, int64_t item, int64_t *stride)
{
    for (int d = ndim - 1; d >= 0; d--) {
        stride[d] = item;
        item *= shape[d];
    }
}

/* Strides of the decoded and the encoded side, both by decoded axis. */
static void strides(const struct tsr_zcodec *c, int64_t *decoded, int64_t *encoded)
{
    const struct transpose *s = c->state;
    int64_t item = c->in.dtype ? c->in.dtype->item_bytes : 1, of_out[TSR_MAX_NDIM];
    strides_of(c->in.shape, c->in.ndim, item, decoded);
    strides_of(c->out.shape, c->in.ndim, item, of_out);
    for (int i = 0; i < c->in.ndim; i++) encoded[s->order[i]] = of_out[i];
}

/* The last axis of a shape that has more than one item; 0: none has. */
static int innermost(const int64_t *shape, int ndim)
{
    int d = ndim - 1;
    while (d > 0 && shape[d] == 1) d--;
    return d;
}

/* Moves axis `from` of the box to `to`, and those between by one. */
static void move_axis(struct tsr_box_copy *b, int from, int to)
{
    int step = from < to ? 1 : -1;
    for (int d = from; d != to; d += step) {
        int64_t n = b->count[d], x = b->dst_stride[d], y = b->src_stride[d];
        b->count[d] = b->count[d + step];
        b->dst_stride[d] = b->dst_stride[d + step];
        b->src_stride[d] = b->src_stride[d + step];
        b->count[d + step] = n;
        b->dst_stride[d + step] = x;
        b->src_stride[d + step] = y;
    }
}

/* Copies the box, whose last two axes are those to be taken in squares. */
static void copy_squares(struct tsr_box_copy *b)
{
    enum { SQUARE = 32 };
    int p = b->ndim - 2, q = b->ndim - 1;
    int64_t rows = b->count[p], columns = b->count[q];
    uint8_t *dst = b->dst;
    const uint8_t *src = b->src;
    for (int64_t i = 0; i < rows; i += SQUARE)
        for (int64_t j = 0; j < columns; j += SQUARE) {
            b->count[p] = tsr_min64(rows - i, SQUARE);
            b->count[q] = tsr_min64(columns - j, SQUARE);
            b->dst = dst + i * b->dst_stride[p] + j * b->dst_stride[q];
            b->src = src + i * b->src_stride[p] + j * b->src_stride[q];
            tsr_box_copy(b);
        }
}

/* Copies items of c->in's shape from one side to the other.  The inner loop goes along the axis
 * that is contiguous in dst: writes far apart cost more than reads. */
static void copy_box(const struct tsr_zcodec *c, bool decode, uint8_t *dst, const uint8_t *src)
{
    const struct transpose *s = c->state;
    int64_t decoded[TSR_MAX_NDIM], encoded[TSR_MAX_NDIM];
    const int64_t *dst_stride = decode ? decoded : encoded;
    const int64_t *src_stride = decode ? encoded : decoded;
    int ndim = c->in.ndim, of_in = innermost(c->in.shape, ndim),
        of_out = ndim ? s->order[innermost(c->out.shape, ndim)] : 0;
    int in = decode ? of_in : of_out, out = decode ? of_out : of_in;
    strides(c, decoded, encoded);
    struct tsr_box_copy b = {.dst = dst,
                             .src = src,
                             .item_bytes = (size_t)c->in.dtype->item_bytes,
                             .ndim = ndim};
    for (int d = 0; d < ndim; d++) {
        b.count[d] = c->in.shape[d];
        b.dst_stride[d] = dst_stride[d];
        b.src_stride[d] = src_stride[d];
    }
    if (ndim < 2 || in == out) {
        tsr_box_copy(&b);
        return;
    }
    move_axis(&b, in, ndim - 1);
    move_axis(&b, out > in ? out - 1 : out, ndim - 2);
    copy_squares(&b);
}

/* ---- items of variable length ---- */

/* Where each item begins, in the order in which they lie. */
static int find_items(const uint8_t *src, size_t len, int64_t count, size_t **out)
{
    enum { LENGTH = 4 };
    struct tsr_zwalk w = {src, len, 0};
    const uint8_t *item;
    uint32_t n;
    *out = NULL;
    if ((uint64_t)count > len / LENGTH)
        return tsr_fail(TSR_ECORRUPT, "transpose: found %zu bytes, expected %lld items", len,
                        (long long)count);
    size_t *at = tsr_alloc_array((size_t)count + 1, sizeof *at);
    if (!at) return TSR_ENOMEM;
    int rc = TSR_OK;
    for (int64_t i = 0; i < count && rc == TSR_OK; i++) {
        at[i] = w.at;
        rc = tsr_zwalk_next(&w, &item, &n);
    }
    if (rc == TSR_OK && w.at != len)
        rc = tsr_fail(TSR_ECORRUPT, "transpose: found %zu bytes behind the last item", len - w.at);
    at[count] = len;
    if (rc < 0) tsr_free(at);
    else *out = at;
    return rc;
}

/* Copies items to dst in C order of shape; item i along axis d lies `stride[d]` items on in src. */
static void gather(const int64_t *shape, const int64_t *stride, int ndim, const size_t *at,
                   const uint8_t *src, uint8_t *dst)
{
    int64_t index[TSR_MAX_NDIM] = {0}, item = 0;
    for (;;) {
        size_t n = at[item + 1] - at[item];
        memcpy(dst, src + at[item], n);
        dst += n;
        int d = ndim - 1;
        for (; d >= 0 && ++index[d] == shape[d]; d--) {
            item -= (shape[d] - 1) * stride[d];
            index[d] = 0;
        }
        if (d < 0) return;
        item += stride[d];
    }
}

static int gather_items(const struct tsr_zcodec *c, bool decode, const uint8_t *src, size_t len,
                        uint8_t *dst)
{
    const struct transpose *s = c->state;
    const struct tsr_zview *to = decode ? &c->in : &c->out;
    int64_t decoded[TSR_MAX_NDIM], encoded[TSR_MAX_NDIM], by_out[TSR_MAX_NDIM];
    int64_t count = tsr_zview_count(&c->in);
    size_t *at;
    int rc = find_items(src, len, count, &at);
    if (rc < 0) return rc;
    strides(c, decoded, encoded);
    for (int i = 0; i < c->in.ndim; i++) by_out[i] = decoded[s->order[i]];
    if (count) gather(to->shape, decode ? encoded : by_out, to->ndim, at, src, dst);
    tsr_free(at);
    return TSR_OK;
}

static int transpose_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                            size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    int rc = tsr_zcodec_made(c, len, n);
    if (rc == TSR_OK && len > cap) rc = tsr_zcodec_over(c, cap);
    if (rc < 0) return rc;
    if (!c->in.dtype) return gather_items(c, true, src, len, dst);
    copy_box(c, true, dst, src);
    return TSR_OK;
}

static int64_t transpose_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    (void)src;
    return (int64_t)len;
}

static int transpose_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                            size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    (void)cap;
    *n = len;
    if (!c->in.dtype) return gather_items(c, false, src, len, dst);
    copy_box(c, false, dst, src);
    return TSR_OK;
}

static size_t transpose_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return len;
}

const struct tsr_zcodec_kind tsr_zkind_transpose = {
    .v3 = "transpose",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .open = transpose_open,
    .decode = transpose_decode,
    .claim = transpose_claim,
    .encode = transpose_encode,
    .bound = transpose_bound,
};
