/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/reshape.c - the codec "reshape": the same items under another shape (zarr.md 9.3).
 *
 * An entry of "shape" is a length, -1 once for what is left, or a list of input axes whose lengths
 * multiply; all axes that are listed rise. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/codec.h"
#include "zarr/node.h"

struct parse {
    const struct tsr_zcodec *c;
    int64_t axis; /* the last one listed */
    int rest;     /* the entry that is -1; < 0: none yet */
};

static int axes(struct parse *p, const struct tsr_node *n, int64_t *out)
{
    int64_t v[TSR_MAX_NDIM];
    int count = 0, rc = tsr_znode_ints(n, 0, p->c->in.ndim - 1, v, &count);
    if (rc == TSR_OK && count == 0) rc = tsr_znode_wrong(TSR_ECORRUPT, n, "axes");
    *out = 1;
    for (int i = 0; i < count && rc == TSR_OK; i++) {
        if (v[i] <= p->axis) rc = tsr_znode_wrong(TSR_ECORRUPT, n, "axes that rise");
        else if (!tsr_mul(*out, p->c->in.shape[v[i]], out))
            rc = tsr_znode_wrong(TSR_ECORRUPT, n, "a product below 2^63");
        p->axis = v[i];
    }
    return rc;
}

static int entry(struct parse *p, const struct tsr_node *n, int i, int64_t *out)
{
    if (n->kind == TSR_NODE_LIST) return axes(p, n, out);
    int rc = tsr_znode_int(n, -1, INT64_MAX, out);
    if (rc < 0 || *out >= 0) return rc;
    if (p->rest >= 0) return tsr_znode_wrong(TSR_ECORRUPT, n, "one -1");
    p->rest = i;
    *out = 1;
    return TSR_OK;
}

static int reshape_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    const struct tsr_node *n = tsr_znode_get(config, "shape");
    struct parse p = {c, -1, -1};
    int64_t have = tsr_zview_count(&c->in), found;
    int rc = TSR_OK;
    (void)format;
    tsr_zcodec_out_same(c);
    if (!n || n->kind != TSR_NODE_LIST || n->list.n > TSR_MAX_NDIM)
        rc = tsr_znode_wrong(TSR_ECORRUPT, n, "a list of at most %d lengths", TSR_MAX_NDIM);
    else c->out.ndim = (int)n->list.n;
    for (int i = 0; rc == TSR_OK && i < c->out.ndim; i++)
        rc = entry(&p, &n->list.v[i], i, &c->out.shape[i]);
    if (rc == TSR_OK && !tsr_product(c->out.shape, c->out.ndim, &found)) found = -1;
    if (rc == TSR_OK && p.rest >= 0 && found > 0 && have % found == 0) {
        c->out.shape[p.rest] = have / found;
        found = have;
    }
    if (rc == TSR_OK && found != have)
        rc = tsr_znode_wrong(TSR_ECORRUPT, n, "%lld items", (long long)have);
    if (rc < 0) tsr_within("shape");
    return rc;
}

static int64_t reshape_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    (void)src;
    return (int64_t)len;
}

static int reshape_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                          size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)c;
    (void)w;
    (void)cap;
    if (len) memcpy(dst, src, len);
    *n = len;
    return TSR_OK;
}

static size_t reshape_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return len;
}

const struct tsr_zcodec_kind tsr_zkind_reshape = {
    .v3 = "reshape",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .open = reshape_open,
    .decode = tsr_zcodec_keep,
    .claim = reshape_claim,
    .encode = reshape_encode,
    .bound = reshape_bound,
};
