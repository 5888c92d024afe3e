/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/hash_loose.c - items of variable length as one row of bytes, and its share of a hash.
 *
 *   row      u32 length | bytes | u32 length | bytes | ...      C order, little endian
 *
 * Where an item lies in the row all lengths before it tell, so they are read one after another. */
#include "ops/hash_loose.h"

#include "base/mem.h"
#include "base/num.h"
#include "ops/hash_box.h"
#include "ops/loose.h"

enum { BUDGET = 32 << 20, ROW_BYTES = 256 << 10 };

struct row {
    uint64_t at; /* bytes that are in the sum */
    struct tsr_residue sum;
    size_t len;
    struct tsr_comb comb;
    uint8_t bytes[ROW_BYTES];
};

static void take(struct row *r)
{
    struct tsr_hash_box b = {.p = r->bytes, .item_bytes = (int64_t)r->len, .unit = 1};
    if (r->len == 0) return;
    struct tsr_residue share = tsr_hash_box(&b, &r->comb);
    r->sum = tsr_residue_add(r->sum, tsr_residue_mul(share, tsr_factor_power(r->at)));
    r->at += r->len;
    r->len = 0;
}

static void put(struct row *r, const uint8_t *p, size_t len)
{
    while (len > 0) {
        size_t n = tsr_minz(len, ROW_BYTES - r->len);
        memcpy(r->bytes + r->len, p, n);
        r->len += n;
        p += n;
        len -= n;
        if (r->len == ROW_BYTES) take(r);
    }
}

static int put_items(struct row *r, const tsr_items *items)
{
    const uint8_t *p = items->bytes;
    uint8_t length[4];
    for (int64_t i = 0; i < items->n; i++) {
        uint64_t from = items->offsets[i], len = items->offsets[i + 1] - from;
        if (len > UINT32_MAX)
            return tsr_fail(TSR_EUNSUPPORTED, "hash: an item of %llu bytes, expected below 2^32",
                            (unsigned long long)len);
        tsr_store_LE32(length, (uint32_t)len);
        put(r, length, sizeof length);
        put(r, p + from, (size_t)len);
    }
    return TSR_OK;
}

static int tell(const struct tsr_loose_walk *w, const tsr_options *o)
{
    if (!o->progress || !o->progress(o->user, w->at, w->total)) return TSR_OK;
    return tsr_fail(TSR_ECANCELLED, "hash: stopped by the caller");
}

static int put_all(struct row *r, const tsr_array *a, const struct tsr_hash_items *unit,
                   const tsr_options *o)
{
    struct tsr_loose_walk w;
    int rc = tsr_loose_start(&w, &a->d->grid, BUDGET);
    while (rc == TSR_OK && tsr_loose_next(&w)) {
        tsr_items items;
        rc = tsr_loose_read(&w, a, &items);
        if (rc < 0) return rc;
        rc = tsr_loose_pack(unit, &items);
        if (rc == TSR_OK) rc = put_items(r, &items);
        tsr_items_free(&items);
        if (rc == TSR_OK) rc = tell(&w, o);
    }
    take(r);
    return rc;
}

int tsr_hash_loose(const tsr_array *a, const tsr_options *o, struct tsr_residue *sum)
{
    struct tsr_hash_items unit;
    int rc = tsr_loose_unit(a->d->spec.dtype, &unit);
    if (rc < 0) return rc;
    struct row *r = tsr_alloc_zero(1, sizeof *r);
    rc = r ? put_all(r, a, &unit, o) : TSR_ENOMEM;
    if (rc == TSR_OK) *sum = r->sum;
    tsr_free(r);
    tsr_hash_items_done(&unit);
    return rc;
}
