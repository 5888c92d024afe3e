/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/shard_var.c - shards of items of variable length, joined and parted. */
#include "base/num.h"
#include "base/status.h"
#include "zarr/shard_impl.h"

/* A walk over the items of a shard in C order: which inner chunk holds the next one. */
struct walk {
    const struct tsr_zshard *s;
    const int64_t *shape;
    int64_t at[TSR_MAX_NDIM];
};

static int64_t chunk_at(const struct walk *k)
{
    int64_t i = 0;
    for (int d = 0; d < k->s->ndim; d++) i = i * k->s->count[d] + k->at[d] / k->s->inner[d];
    return i;
}

/* False: that was the last one. */
static bool next(struct walk *k)
{
    int d = k->s->ndim - 1;
    while (d >= 0 && ++k->at[d] == k->shape[d]) k->at[d--] = 0;
    return d >= 0;
}

/* The bytes of the item at *off of p[len], its length in front; 0: it does not fit. */
static size_t item_at(const uint8_t *p, size_t len, size_t off)
{
    if (len - off < 4) return 0;
    size_t n = (size_t)tsr_load_LE32(p + off) + 4;
    return n <= len - off ? n : 0;
}

static int lost(int64_t i)
{
    return tsr_fail(TSR_ECORRUPT, "inner chunk %lld: found fewer items than it has", (long long)i);
}

int tsr_zshard_join(const struct tsr_zcodec *c, const struct tsr_buf *part, struct tsr_buf *out)
{
    static const uint8_t nothing[4];
    const struct tsr_zshard *s = c->state;
    const uint8_t *fill = c->in.fill ? c->in.fill : nothing;
    struct walk k = {.s = s, .shape = c->in.shape};
    size_t *cursor = tsr_alloc_zero((size_t)s->n, sizeof *cursor);
    int rc = cursor ? TSR_OK : TSR_ENOMEM;
    bool more = true;
    while (rc == TSR_OK && more) {
        int64_t i = chunk_at(&k);
        const uint8_t *from = part[i].p ? part[i].p + cursor[i] : fill;
        size_t n = part[i].p ? item_at(part[i].p, part[i].len, cursor[i])
                             : (size_t)tsr_load_LE32(fill) + 4;
        rc = n ? tsr_buf_add(out, from, n) : lost(i);
        cursor[i] += n;
        more = next(&k);
    }
    tsr_free(cursor);
    return rc;
}

int tsr_zshard_part(const struct tsr_zcodec *c, const uint8_t *src, size_t len,
                    struct tsr_buf *part)
{
    struct walk k = {.s = c->state, .shape = c->in.shape};
    size_t off = 0;
    int rc = TSR_OK;
    bool more = true;
    while (rc == TSR_OK && more) {
        size_t n = item_at(src, len, off);
        if (!n) return tsr_fail(TSR_EARG, "fewer items than a shard has");
        rc = tsr_buf_add(part + chunk_at(&k), src + off, n);
        off += n;
        more = next(&k);
    }
    if (rc == TSR_OK && off < len) rc = tsr_fail(TSR_EARG, "more items than a shard has");
    return rc;
}
