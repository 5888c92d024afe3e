/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/shard.c - the configuration of shards, and their index. */
#include "zarr/shard.h"

#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"
#include "zarr/shard_impl.h"

#define INDEX_MAX (INT64_C(1) << 30) /* bytes of an index (zarr.md 14) */

/* ---- configuration ---- */

static int parse_shape(struct tsr_zshard *s, const struct tsr_zview *in, const struct tsr_node *n)
{
    int ndim = 0;
    int rc = tsr_znode_ints(n, 1, INT64_MAX, s->inner, &ndim);
    if (rc < 0) return rc;
    if (ndim != in->ndim)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "%d lengths, one for each dimension", in->ndim);
    s->ndim = ndim;
    for (int d = 0; d < ndim; d++) {
        if (in->shape[d] % s->inner[d])
            return tsr_fail(TSR_ECORRUPT,
                            "[%d]: found %lld, expected what divides the %lld of the "
                            "shard",
                            d, (long long)s->inner[d], (long long)in->shape[d]);
        s->count[d] = in->shape[d] / s->inner[d];
    }
    if (!tsr_product(s->count, ndim, &s->n) || s->n > INDEX_MAX / 16)
        return tsr_fail(TSR_ELIMIT, "found an index of more than 2^30 bytes");
    return TSR_OK;
}

static int parse_location(struct tsr_zshard *s, const struct tsr_node *n)
{
    s->at_end = !n || tsr_znode_is(n, "end");
    if (s->at_end || tsr_znode_is(n, "start")) return TSR_OK;
    return tsr_znode_wrong(TSR_ECORRUPT, n, "\"start\" or \"end\"");
}

/* What must not be skipped: a codec of an inner chain that is not known can be, on reading. */
static int open_chain(const struct tsr_zcodec *c, const struct tsr_node *codecs,
                      const struct tsr_zview *in, struct tsr_zchain **out)
{
    struct tsr_zchain_spec spec = {.doc = c->doc, .format = 3, .level = c->level + 1, .in = *in};
    struct tsr_zspec *all;
    bool foreign = false;
    int rc = tsr_zspecs_parse(c->doc, codecs, &all, &spec.n, &foreign);
    spec.codecs = all;
    if (rc == TSR_OK) rc = tsr_zchain_open(&spec, out);
    if (rc == TSR_OK && foreign) (*out)->writable = false;
    return rc;
}

static struct tsr_zview inner_view(const struct tsr_zshard *s, const struct tsr_zcodec *c)
{
    struct tsr_zview in = c->in;
    int64_t items;
    memcpy(in.shape, s->inner, sizeof in.shape);
    tsr_product(s->inner, s->ndim, &items); /* no more than the shard's */
    if (in.dtype) in.bytes = items * in.dtype->item_bytes;
    return in;
}

static int open_inner(struct tsr_zshard *s, const struct tsr_zcodec *c, const struct tsr_node *n)
{
    struct tsr_zview in = inner_view(s, c);
    return open_chain(c, n, &in, &s->chain);
}

/* The index is an array of u64 with one dimension more; who puts a codec to it that minds which
 * dimensions those are is refused by that codec. */
static int index_view(const struct tsr_zshard *s, const struct tsr_zcodec *c, struct tsr_zview *in)
{
    struct tsr_node name = tsr_znode_of_text("uint64");
    *in = (struct tsr_zview){.items = true, .ndim = s->ndim + 1, .bytes = 16 * s->n};
    if (in->ndim > TSR_MAX_NDIM)
        return tsr_fail(TSR_ELIMIT, "found %d dimensions, expected at most %d", in->ndim,
                        TSR_MAX_NDIM);
    memcpy(in->shape, s->count, sizeof s->count);
    in->shape[s->ndim] = 2;
    int rc = tsr_ztype_parse(c->doc, &name, 3, &in->type);
    if (rc == TSR_OK) in->dtype = in->type->dtype;
    return rc;
}

static int open_index(struct tsr_zshard *s, const struct tsr_zcodec *c, const struct tsr_node *n)
{
    struct tsr_zview in;
    int rc = index_view(s, c, &in);
    if (rc == TSR_OK) rc = open_chain(c, n, &in, &s->index);
    if (rc < 0) return rc;
    if (s->index->stored < 0)
        return tsr_fail(TSR_ECORRUPT, "found a codec of variable size, expected fixed ones for an "
                                      "index");
    s->index_bytes = (size_t)s->index->stored;
    return TSR_OK;
}

int tsr_zshard_open(struct tsr_zshard *s, const struct tsr_zcodec *c, const struct tsr_node *config)
{
    const char *at = "chunk_shape";
    int rc = parse_shape(s, &c->in, tsr_znode_get(config, at));
    if (rc == TSR_OK) rc = parse_location(s, tsr_znode_get(config, at = "index_location"));
    if (rc == TSR_OK) rc = open_inner(s, c, tsr_znode_get(config, at = "codecs"));
    if (rc == TSR_OK) rc = open_index(s, c, tsr_znode_get(config, at = "index_codecs"));
    if (rc < 0) tsr_within("%s", at);
    return rc;
}

int tsr_zshard_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    struct tsr_node *inner = tsr_znode_at(config, "codecs");
    struct tsr_node *index = tsr_znode_at(config, "index_codecs");
    struct tsr_zshard s = {0};
    struct tsr_zview v;
    (void)foreign;
    int rc = c->level < TSR_ZLEVELS ? TSR_OK : TSR_ELIMIT;
    if (rc == TSR_OK) rc = parse_shape(&s, &c->in, tsr_znode_get(config, "chunk_shape"));
    if (rc < 0) return rc;
    v = inner_view(&s, c);
    if (inner) rc = tsr_zcodecs_complete(c->doc, &v, c->level + 1, inner);
    if (rc == TSR_OK && index && (rc = index_view(&s, c, &v)) == TSR_OK)
        rc = tsr_zcodecs_complete(c->doc, &v, c->level + 1, index);
    return rc;
}

void tsr_zshard_done(struct tsr_zshard *s)
{
    tsr_zchain_close(s->chain);
    tsr_zchain_close(s->index);
}

/* ---- index ---- */

int tsr_zshard_index_at(const struct tsr_zshard *s, uint64_t size, size_t tail, uint64_t *off)
{
    if (size < tail || size - tail < s->index_bytes)
        return tsr_fail(TSR_ECORRUPT,
                        "found a shard of %llu bytes, expected at least the %zu of its "
                        "index",
                        (unsigned long long)size, s->index_bytes + tail);
    *off = s->at_end ? size - tail - s->index_bytes : 0;
    return TSR_OK;
}

/* Entry i of a shard whose chunks may lie in [from, to); it is not empty. */
static int check_entry(const struct tsr_zshard *s, int64_t i, const uint64_t *e, uint64_t from,
                       uint64_t to)
{
    unsigned long long off = e[0], len = e[1];
    uint64_t end;
    if (off == TSR_ZEMPTY || len == TSR_ZEMPTY)
        return tsr_fail(TSR_ECORRUPT,
                        "index entry %lld: found offset %llu and length %llu, expected "
                        "both or none to be 2^64-1",
                        (long long)i, off, len);
    if (!tsr_add(e[0], e[1], &end) || e[0] < from || end > to)
        return tsr_fail(TSR_ECORRUPT,
                        "index entry %lld: found offset %llu and length %llu, expected "
                        "bytes from %llu to %llu",
                        (long long)i, off, len, (unsigned long long)from, (unsigned long long)to);
    if (s->chain->stored >= 0 ? len != (uint64_t)s->chain->stored : len == 0)
        return tsr_fail(TSR_ECORRUPT, "index entry %lld: found length %llu, expected %s%lld",
                        (long long)i, len, s->chain->stored >= 0 ? "" : "more than ",
                        (long long)tsr_max64(s->chain->stored, 0));
    return TSR_OK;
}

int tsr_zshard_index(const struct tsr_zshard *s, struct tsr_worker *w, const uint8_t *raw,
                     uint64_t size, size_t tail, uint64_t *entry)
{
    uint64_t at = 0, from, to;
    int rc = tsr_zshard_index_at(s, size, tail, &at);
    if (rc == TSR_OK) rc = tsr_zchain_decode(s->index, w, raw, s->index_bytes, (uint8_t *)entry);
    if (rc < 0) {
        tsr_within("index of a shard");
        return rc;
    }
    from = s->at_end ? 0 : s->index_bytes;
    to = s->at_end ? at : size - tail;
    for (int64_t i = 0; i < s->n; i++) {
        uint64_t *e = entry + 2 * i;
        e[0] = tsr_load_LE64(e);
        e[1] = tsr_load_LE64(e + 1);
        if (e[0] == TSR_ZEMPTY && e[1] == TSR_ZEMPTY) continue;
        rc = check_entry(s, i, e, from, to);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

int tsr_zshard_make_index(const struct tsr_zshard *s, struct tsr_worker *w, const uint64_t *len,
                          uint64_t *entry, uint8_t *raw, uint64_t *size)
{
    struct tsr_buf *b = tsr_zscratch(w, s->index->level, 2),
                   *items = tsr_zscratch(w, s->index->level, 3);
    uint64_t at = s->at_end ? 0 : s->index_bytes;
    if (!b || !items) return TSR_ENOMEM;
    for (int64_t i = 0; i < s->n; i++) {
        bool empty = len[i] == TSR_ZEMPTY;
        entry[2 * i] = empty ? TSR_ZEMPTY : at;
        entry[2 * i + 1] = len[i];
        if (!empty && !tsr_add(at, len[i], &at))
            return tsr_fail(TSR_ELIMIT, "a shard of 2^64 bytes");
    }
    if (!tsr_add(at, s->at_end ? s->index_bytes : 0, size))
        return tsr_fail(TSR_ELIMIT, "a shard of 2^64 bytes");
    int rc = tsr_buf_reserve(items, 16 * (size_t)s->n);
    if (rc < 0) return rc;
    for (int64_t i = 0; i < 2 * s->n; i++) tsr_store_LE64(items->p + 8 * i, entry[i]);
    rc = tsr_zchain_encode(s->index, w, items->p, 16 * (size_t)s->n, b);
    if (rc == TSR_OK) memcpy(raw, b->p, s->index_bytes);
    return rc;
}

void tsr_zshard_origin(const struct tsr_zshard *s, int64_t i, int64_t *index)
{
    for (int d = s->ndim; d-- > 0; i /= s->count[d]) index[d] = i % s->count[d] * s->inner[d];
}
