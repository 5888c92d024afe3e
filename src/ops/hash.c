/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/hash.c - one digest for the same array, however it is stored (docs/hash.md).
 *
 *   bytes    header | items in C order, little endian
 *   digest   these bytes as one number, byte i times 256^i, modulo the prime P of residue.h
 *
 * A sum: each block adds its share when and where it is decoded, blocks of one value cost a few
 * multiplications and zeros nothing.  So any chunking is read once, in parallel, in the memory that
 * the decoded blocks of a window take. */
#include <inttypes.h>
#include <stdio.h>

#include "array/schunk.h"
#include "base/mem.h"
#include "ops/attrs.h"
#include "ops/hash_box.h"
#include "ops/hash_items.h"
#include "ops/hash_loose.h"
#include "ops/loose.h"

enum { GROUP_BYTES = 256 << 10, SLAB_BYTES = 4 << 20 };

struct hash {
    const struct tsr_grid *grid;
    struct tsr_selection sel;
    struct tsr_hash_items items;
    struct tsr_buf header;
    int64_t place[TSR_MAX_NDIM], total; /* bytes as hashed */
    struct tsr_residue sum;
    struct share {
        struct tsr_residue sum;
        int64_t bytes;
    } * shares, alone; /* [nshares] by slot; of parts that nobody else visits */
    size_t nshares, shares_cap;
    int64_t done;
    const tsr_options *o;
};

/* ---- the header ---- */

static int add_shape(struct tsr_buf *b, const int64_t *shape, int ndim)
{
    int rc = tsr_buf_addf(b, "\n[");
    for (int d = 0; d < ndim && rc == TSR_OK; d++)
        rc = tsr_buf_addf(b, "%s%" PRId64, d ? "," : "", shape[d]);
    return rc < 0 ? rc : tsr_buf_addf(b, "]\n");
}

/* t NULL: dtype is one of variable length. */
static int make_header(struct hash *h, const struct tsr_dtype *t, const char *dtype,
                       const int64_t *shape, int ndim)
{
    int rc = tsr_buf_addf(&h->header, "tessera hash 1\n");
    if (rc == TSR_OK)
        rc = t ? tsr_hash_dtype_emit(&h->header, t) : tsr_loose_dtype_emit(&h->header, dtype);
    return rc < 0 ? rc : add_shape(&h->header, shape, ndim);
}

static int add_attrs(struct hash *h, const tsr_array *a)
{
    struct tsr_attrs attrs;
    int rc = tsr_attrs_take(a, &attrs);
    if (rc == TSR_OK) rc = tsr_json_write(&h->header, &attrs.root, TSR_JSON_WORDS);
    if (rc == TSR_OK) rc = tsr_buf_addf(&h->header, "\n");
    tsr_attrs_done(&attrs);
    return rc;
}

static int start(struct hash *h, const char *dtype, const int64_t *shape, int ndim)
{
    struct tsr_dtype *t;
    int64_t bytes = 0;
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &t);
    if (rc < 0) return rc;
    rc = tsr_hash_items_init(&h->items, t);
    if (rc == TSR_OK) rc = make_header(h, t, dtype, shape, ndim);
    tsr_dtype_free(t);
    if (rc < 0) return rc;
    if (!tsr_product(shape, ndim, &h->total) || !tsr_mul(h->total, h->items.bytes, &h->total) ||
        !tsr_add(h->total, (int64_t)h->header.len, &bytes))
        return tsr_fail(TSR_ELIMIT, "hash: the array has more than 2^63 bytes");
    bytes = h->items.bytes;
    for (int d = ndim - 1; d >= 0 && h->total > 0; d--) {
        h->place[d] = bytes;
        bytes *= shape[d];
    }
    return TSR_OK;
}

static void release(struct hash *h)
{
    tsr_hash_items_done(&h->items);
    tsr_buf_free(&h->header);
    tsr_free(h->shares);
}

static struct tsr_comb *comb_of(struct tsr_worker *w)
{
    static const char key;
    return tsr_worker_state(w, &key, sizeof(struct tsr_comb), tsr_free);
}

static struct tsr_residue row_residue(const uint8_t *p, int64_t len, struct tsr_comb *c)
{
    struct tsr_hash_box b = {.p = p, .item_bytes = len, .unit = 1};
    return len ? tsr_hash_box(&b, c) : (struct tsr_residue){0, 0};
}

static int finish(struct hash *h, char digest[TSR_HASH_TEXT])
{
    struct tsr_comb *c = tsr_alloc_zero(1, sizeof *c);
    if (!c) return TSR_ENOMEM;
    struct tsr_residue r = row_residue(h->header.p, (int64_t)h->header.len, c);
    tsr_free(c);
    r = tsr_residue_add(r, tsr_residue_mul(h->sum, tsr_factor_power(h->header.len)));
    snprintf(digest, TSR_HASH_TEXT, "%016" PRIx64 "%016" PRIx64, r.hi, r.lo);
    return TSR_OK;
}

/* ---- parts ---- */

/* Items as they are hashed, behind each other. */
static int pack(const struct hash *h, struct tsr_hash_box *b, struct tsr_worker *w)
{
    int64_t n = 1, stored = h->items.stored, bytes = h->items.bytes, len;
    int64_t src_stride[TSR_MAX_NDIM];
    for (int d = b->ndim - 1; d >= 0; d--) {
        src_stride[d] = b->stride[d];
        b->stride[d] = n * bytes;
        n *= b->count[d];
    }
    if (!tsr_mul(n, stored + bytes, &len)) return tsr_fail(TSR_ELIMIT, "hash: a block overflows");
    uint8_t *row = tsr_worker_scratch(w, TSR_SCRATCH_LANES, (size_t)len);
    if (!row) return TSR_ENOMEM;
    struct tsr_box_copy c = {.src = b->p,
                             .dst = row,
                             .item_bytes = (size_t)stored,
                             .ndim = b->ndim};
    for (int d = 0; d < b->ndim; d++) {
        c.count[d] = b->count[d];
        c.src_stride[d] = src_stride[d];
        c.dst_stride[d] = b->stride[d] / bytes * stored;
    }
    tsr_box_copy(&c);
    tsr_hash_items_pack(&h->items, row, n, row + n * stored);
    b->p = row + n * stored;
    b->unit = 1;
    return TSR_OK;
}

/* The factor by which an item that is everywhere in a box comes. */
static struct tsr_residue spread(const struct hash *h, const struct tsr_part *p)
{
    struct tsr_residue f = tsr_factor_one;
    for (int d = 0; d < p->ndim; d++) {
        struct tsr_residue step = tsr_factor_power((uint64_t)h->place[d]);
        f = tsr_residue_mul(f, tsr_factor_series(step, (uint64_t)p->count[d]));
    }
    return f;
}

static int add_part(struct hash *h, const struct tsr_part *p, struct tsr_worker *w,
                    struct share *to)
{
    bool value = p->ndim > 0 && p->stride[0] == 0;
    struct tsr_hash_box b = {.p = p->items, .ndim = value ? 0 : p->ndim};
    struct tsr_comb *c = comb_of(w);
    int64_t at = 0, bytes = h->items.bytes;
    if (!c) return TSR_ENOMEM;
    for (int d = 0; d < p->ndim; d++) {
        b.count[d] = p->count[d];
        b.stride[d] = p->stride[d];
        b.place[d] = h->place[d];
        at += p->at[d] * h->place[d];
        bytes *= p->count[d];
    }
    b.item_bytes = h->items.bytes;
    b.unit = h->items.direct ? tsr_hash_items_unit(&h->items) : 1;
    int rc = h->items.direct ? TSR_OK : pack(h, &b, w);
    if (rc < 0) return rc;
    struct tsr_residue key = tsr_factor_power((uint64_t)at);
    if (value) key = tsr_residue_mul(key, spread(h, p));
    to->sum = tsr_residue_add(to->sum, tsr_residue_mul(tsr_hash_box(&b, c), key));
    to->bytes += bytes;
    return TSR_OK;
}

static int part(void *arg, const struct tsr_part *p, struct tsr_worker *w)
{
    struct hash *h = arg;
    return add_part(h, p, w, p->slot == TSR_PART_ALONE ? &h->alone : &h->shares[p->slot]);
}

/* ---- windows ---- */

static int begin(void *arg)
{
    struct hash *h = arg;
    h->sum = (struct tsr_residue){0, 0};
    h->done = 0;
    h->nshares = 0;
    h->alone = (struct share){0};
    return TSR_OK;
}

static int64_t key(void *arg, const int64_t at[])
{
    (void)arg;
    (void)at;
    return 0;
}

static int window(void *arg, size_t slots)
{
    struct hash *h = arg;
    if (slots > h->shares_cap) {
        struct share *more = tsr_realloc(h->shares, slots, sizeof *more);
        if (!more) return TSR_ENOMEM;
        h->shares = more;
        h->shares_cap = slots;
    }
    h->nshares = slots;
    if (slots) memset(h->shares, 0, slots * sizeof *h->shares);
    return TSR_OK;
}

static void take(struct hash *h, struct share *s)
{
    h->sum = tsr_residue_add(h->sum, s->sum);
    h->done += s->bytes;
    *s = (struct share){0};
}

static int tell(const struct hash *h)
{
    if (!h->o->progress || !h->o->progress(h->o->user, h->done, h->total)) return TSR_OK;
    return tsr_fail(TSR_ECANCELLED, "hash: stopped by the caller");
}

static int after(void *arg)
{
    struct hash *h = arg;
    for (size_t i = 0; i < h->nshares; i++) take(h, &h->shares[i]);
    take(h, &h->alone);
    h->nshares = 0;
    return tell(h);
}

static int visit(struct hash *h, const tsr_array *a)
{
    struct tsr_visitor v = {.arg = h,
                            .group_bytes = GROUP_BYTES,
                            .skip_zeros = true,
                            .begin = begin,
                            .key = key,
                            .window = window,
                            .part = part,
                            .after = after};
    int rc = tsr_selection_init(&h->sel, &a->d->grid, NULL, NULL);
    return rc < 0 ? rc : tsr_engine_visit(a, &h->sel, &v);
}

/* ---- the calls ---- */

static int check_array(const tsr_array *a, int flags, const void *digest)
{
    if (!a || !digest) return tsr_fail(TSR_EARG, "hash: no %s", a ? "digest" : "array");
    if (flags & ~TSR_HASH_ATTRS) return tsr_fail(TSR_EARG, "hash: unknown flags %d", flags);
    return TSR_OK;
}

/* Items of a fixed size or not, all of them. */
static int hash_items(struct hash *h, const tsr_array *a)
{
    if (a->d->loose) return tsr_hash_loose(a, h->o, &h->sum);
    return h->total > 0 ? visit(h, a) : TSR_OK;
}

int tsr_hash(const tsr_array *a, int flags, const tsr_options *opts, char digest[TSR_HASH_TEXT])
{
    tsr_options o = tsr_options_complete(opts);
    struct hash h = {.o = &o};
    int rc = check_array(a, flags, digest);
    if (rc < 0) return rc;
    const struct tsr_grid *g = &a->d->grid;
    const char *dtype = a->d->spec.dtype;
    rc = a->d->loose ? make_header(&h, NULL, dtype, g->shape, g->ndim)
                     : start(&h, dtype, g->shape, g->ndim);
    if (rc == TSR_OK && flags & TSR_HASH_ATTRS) rc = add_attrs(&h, a);
    if (rc == TSR_OK) rc = hash_items(&h, a);
    if (rc == TSR_OK) rc = finish(&h, digest);
    release(&h);
    return rc;
}

/* Bytes in the order they have, some of them perhaps not stored yet. */
static int read_row(struct hash *h, const tsr_schunk *s)
{
    uint8_t *buf = tsr_alloc(SLAB_BYTES);
    struct tsr_comb *c = tsr_alloc_zero(1, sizeof *c);
    int rc = buf && c ? TSR_OK : TSR_ENOMEM;
    for (int64_t at = 0; at < s->nbytes && rc == TSR_OK; at += SLAB_BYTES) {
        int64_t len = tsr_min64(SLAB_BYTES, s->nbytes - at);
        rc = tsr_schunk_get_bytes(s, at, len, buf);
        if (rc < 0) break;
        struct tsr_residue key = tsr_factor_power((uint64_t)at), r = row_residue(buf, len, c);
        h->sum = tsr_residue_add(h->sum, tsr_residue_mul(r, key));
        h->done = at + len;
        rc = tell(h);
    }
    tsr_free(buf);
    tsr_free(c);
    return rc;
}

/* As the array that tsr_convert makes of it: whole items, else bytes. */
static int start_row(struct hash *h, const tsr_schunk *s)
{
    char dtype[32] = "|u1";
    int64_t item = s->spec.item_bytes, n = s->nbytes;
    if (item > 1 && n % item == 0) {
        snprintf(dtype, sizeof dtype, "|V%lld", (long long)item);
        n /= item;
    }
    return start(h, dtype, &n, 1);
}

int tsr_schunk_hash(const tsr_schunk *s, const tsr_options *opts, char digest[TSR_HASH_TEXT])
{
    tsr_options o = tsr_options_complete(opts);
    struct hash h = {.o = &o};
    if (!s || !digest) return tsr_fail(TSR_EARG, "hash: no %s", s ? "digest" : "super-chunk");
    int rc = start_row(&h, s);
    bool plain = !s->tail && !s->a->d->variable;
    h.place[0] = h.items.bytes = h.items.stored = 1; /* the driver's items are bytes */
    if (rc == TSR_OK && h.total > 0) rc = plain ? visit(&h, s->a) : read_row(&h, s);
    if (rc == TSR_OK) rc = finish(&h, digest);
    release(&h);
    return rc;
}
