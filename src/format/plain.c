/* SPDX-License-Identifier: BSD-3-Clause */
/* format/plain.c - items in C order, uncompressed: the driver below npy and raw.
 *
 * Chunks are slabs of about 4 MiB, each one contiguous extent: whole rows along the first axis
 * at which a row is small enough, single rows along the axes before it.  Blocks cut a slab the
 * same way, along one axis, in pieces of about 64 KiB, so that all blocks of a chunk but its
 * last have the same size and a small read fetches little.
 *
 *   shape (50, 3000, 2000) of 4 bytes: chunk (1, 524, 2000), block (1, 8, 2000)
 *   data_off + (((i * 3000) + j) * 2000 + k) * 4  is item i, j, k
 */
#include "format/plain.h"

#include "base/mem.h"
#include "text/dtype.h"

enum { SLAB_BYTES = 4 << 20, BLOCK_BYTES = 64 << 10 };

struct plain {
    struct tsr_driver d;
    struct tsr_plain_head head;
    uint64_t end; /* byte behind the last item */
};

static const struct plain *self(const struct tsr_driver *d)
{
    return (const struct plain *)d;
}

/* ---- heads ---- */

int tsr_plain_head_dtype(struct tsr_plain_head *h, const char *dtype, size_t len)
{
    struct tsr_buf text = {0};
    struct tsr_dtype *t;
    int rc = tsr_dtype_parse(dtype, len, &t);
    if (rc < 0) return rc;
    h->item_bytes = t->item_bytes;
    rc = tsr_dtype_emit(&text, t);
    if (rc == TSR_OK) rc = tsr_buf_add(&text, "", 1);
    tsr_dtype_free(t);
    if (rc == TSR_OK) h->dtype = (char *)text.p;
    else tsr_buf_free(&text);
    return rc;
}

int tsr_plain_head_spec(struct tsr_plain_head *h, const tsr_spec *spec)
{
    if (!spec || !spec->size || !spec->dtype || (spec->ndim > 0 && !spec->shape))
        return tsr_fail(TSR_EARG, "dtype and shape are needed: the bytes do not tell them");
    if (spec->ndim < 0 || spec->ndim > TSR_MAX_NDIM)
        return tsr_fail(TSR_EARG, "%d dimensions, the limit is %d", spec->ndim, TSR_MAX_NDIM);
    h->ndim = spec->ndim;
    for (int d = 0; d < h->ndim; d++) {
        h->shape[d] = spec->shape[d];
        if (h->shape[d] < 0)
            return tsr_fail(TSR_EARG, "shape[%d]: found %lld", d, (long long)h->shape[d]);
    }
    int rc = tsr_plain_head_dtype(h, spec->dtype, strlen(spec->dtype));
    return rc == TSR_ECORRUPT ? TSR_EARG : rc; /* the caller's text, not a file's */
}

void tsr_plain_head_done(struct tsr_plain_head *h)
{
    tsr_free(h->dtype);
    h->dtype = NULL;
}

bool tsr_plain_end(const struct tsr_plain_head *h, uint64_t *end)
{
    int64_t n;
    return tsr_product(h->shape, h->ndim, &n) && tsr_mul(n, h->item_bytes, &n) &&
           tsr_add(h->data_off, (uint64_t)n, end) && *end <= INT64_MAX;
}

/* ---- geometry ---- */

/* Rows of `row` bytes that fit in `bytes`, one at least and no more than there are. */
static int64_t rows_in(int64_t bytes, int64_t row, int64_t rows)
{
    return tsr_min64(tsr_max64(bytes / row, 1), tsr_max64(rows, 1));
}

static void cut(struct tsr_grid *g, int64_t slab)
{
    int64_t row[TSR_MAX_NDIM] = {0}, bytes = g->item_bytes;
    int k = 0;
    for (int d = g->ndim - 1; d >= 0; d--) {
        row[d] = bytes;
        if (!tsr_mul(bytes, tsr_max64(g->shape[d], 1), &bytes)) bytes = INT64_MAX;
        g->chunk[d] = g->block[d] = 1;
    }
    if (g->ndim == 0) return;
    while (k < g->ndim - 1 && row[k] > slab) k++;
    g->chunk[k] = rows_in(slab, row[k], g->shape[k]);
    for (int d = k + 1; d < g->ndim; d++) g->chunk[d] = tsr_max64(g->shape[d], 1);
    while (k < g->ndim - 1 && g->chunk[k] == 1) k++;
    g->block[k] = rows_in(BLOCK_BYTES, row[k], g->chunk[k]);
    for (int d = k + 1; d < g->ndim; d++) g->block[d] = g->chunk[d];
}

static int derive(struct plain *p, const tsr_options *o)
{
    const struct tsr_plain_head *h = &p->head;
    struct tsr_grid *g = &p->d.grid;
    g->ndim = h->ndim;
    g->item_bytes = h->item_bytes;
    memcpy(g->shape, h->shape, sizeof g->shape);
    cut(g, (int64_t)tsr_minz(SLAB_BYTES, o->max_chunk_bytes));
    p->d.spec = (tsr_spec){.size = sizeof p->d.spec,
                           .dtype = h->dtype,
                           .item_bytes = h->item_bytes,
                           .ndim = h->ndim,
                           .shape = g->shape,
                           .chunks = g->chunk,
                           .blocks = g->block};
    if (!tsr_plain_end(h, &p->end))
        return tsr_fail(TSR_ECORRUPT, "shape: the size of the array overflows 64 bits");
    return tsr_grid_derive(g, o->max_chunk_bytes);
}

/* ---- open and create ---- */

static int new_driver(struct tsr_store *st, struct tsr_plain_head *h, const tsr_options *o,
                      struct plain **out)
{
    struct plain *p = tsr_alloc_zero(1, sizeof *p);
    if (!p) {
        tsr_plain_head_done(h);
        tsr_store_close(st);
        return TSR_ENOMEM;
    }
    p->d.store = st;
    p->head = *h;
    int rc = derive(p, o);
    if (rc < 0) tsr_plain_close(&p->d);
    else *out = p;
    return rc;
}

int tsr_plain_open(struct tsr_store *st, struct tsr_plain_head *h, const tsr_options *o,
                   struct tsr_driver **out)
{
    struct plain *p;
    uint64_t size;
    int rc = new_driver(st, h, o, &p);
    if (rc < 0) return rc;
    rc = tsr_store_stat(st, "", &size);
    if (rc == TSR_OK && size < p->end)
        rc = tsr_fail(TSR_ECORRUPT,
                      "items: the shape asks for bytes %llu to %llu, the file ends at byte %llu",
                      (unsigned long long)p->head.data_off, (unsigned long long)p->end,
                      (unsigned long long)size);
    if (rc < 0) tsr_plain_close(&p->d);
    else *out = &p->d;
    return rc;
}

int tsr_plain_create(struct tsr_store *st, struct tsr_plain_head *h, const void *head,
                     const tsr_options *o, struct tsr_driver **out)
{
    struct tsr_piece piece = {(void *)(uintptr_t)head, (size_t)h->data_off};
    struct plain *p;
    int rc = new_driver(st, h, o, &p);
    if (rc < 0) return rc == TSR_ECORRUPT ? TSR_EARG : rc;
    p->d.writable = true;
    if (piece.len) rc = tsr_store_write_at(st, "", 0, &piece, 1);
    if (rc == TSR_OK) rc = tsr_store_truncate(st, "", p->end);
    if (rc < 0) tsr_plain_close(&p->d);
    else *out = &p->d;
    return rc;
}

void tsr_plain_close(struct tsr_driver *d)
{
    tsr_plain_head_done(&((struct plain *)d)->head);
    tsr_store_close(d->store);
    tsr_free(d);
}

/* ---- chunks ---- */

static void extent(const struct plain *p, int64_t chunk, uint64_t *off, uint64_t *len)
{
    const struct tsr_grid *g = &p->d.grid;
    int64_t coords[TSR_MAX_NDIM], first = 0, n = 1;
    struct tsr_box box;
    tsr_grid_chunk_coords(g, chunk, coords);
    tsr_grid_chunk_box(g, coords, &box);
    for (int d = 0; d < g->ndim; d++) {
        first = first * g->shape[d] + box.start[d];
        n *= box.count[d];
    }
    *off = p->head.data_off + (uint64_t)(first * g->item_bytes);
    *len = (uint64_t)(n * g->item_bytes);
}

int tsr_plain_locate(const struct tsr_driver *d, struct tsr_place *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i].state != TSR_PLACE_ASK) continue;
        extent(self(d), p[i].chunk, &p[i].off, &p[i].len);
        p[i].nblocks = (int32_t)tsr_ceil_div((int64_t)p[i].len, d->grid.block_bytes);
        p[i].state = TSR_PLACE_STORED;
    }
    return TSR_OK;
}

static size_t block_len(const struct tsr_driver *d, int64_t nbytes, int32_t b)
{
    int64_t full = d->grid.block_bytes;
    return (size_t)tsr_min64(full, nbytes - b * full);
}

int tsr_plain_spans(const struct tsr_driver *d, const struct tsr_place *p, const int32_t *block,
                    size_t n, bool exact, struct tsr_span *out)
{
    (void)exact;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct tsr_span){(uint64_t)(block[i] * d->grid.block_bytes),
                                   block_len(d, (int64_t)p->len, block[i])};
    return TSR_OK;
}

int tsr_plain_decode(const struct tsr_driver *d, const struct tsr_place *p, struct tsr_worker *w,
                     int32_t b, const uint8_t *src, size_t len, uint8_t *dst)
{
    (void)d;
    (void)p;
    (void)w;
    (void)b;
    memcpy(dst, src, len);
    return TSR_OK;
}

int tsr_plain_begin(const struct tsr_driver *d, struct tsr_out_chunk *c)
{
    c->nblocks = (int32_t)tsr_ceil_div(c->nbytes, d->grid.block_bytes);
    c->block_bound = block_len(d, c->nbytes, 0);
    return TSR_OK;
}

int tsr_plain_encode(const struct tsr_driver *d, struct tsr_worker *w,
                     const struct tsr_out_chunk *c, int32_t b, const uint8_t *src)
{
    (void)w;
    c->blocks[b].len = (int32_t)block_len(d, c->nbytes, b);
    memcpy(c->blocks[b].p, src, (size_t)c->blocks[b].len);
    return TSR_OK;
}

int tsr_plain_seal(const struct tsr_driver *d, struct tsr_out_chunk *c)
{
    (void)d;
    (void)c;
    return TSR_OK;
}

int tsr_plain_commit(struct tsr_driver *d, const struct tsr_out_chunk *c, size_t n)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        struct tsr_piece *pieces = tsr_alloc_array((size_t)c[i].nblocks, sizeof *pieces);
        uint64_t off, len;
        if (!pieces) return TSR_ENOMEM;
        for (int32_t b = 0; b < c[i].nblocks; b++)
            pieces[b] = (struct tsr_piece){c[i].blocks[b].p, (size_t)c[i].blocks[b].len};
        extent(self(d), c[i].chunk, &off, &len);
        rc = tsr_store_write_at(d->store, "", off, pieces, c[i].nblocks);
        tsr_free(pieces);
    }
    return rc;
}

int tsr_plain_flush(struct tsr_driver *d, bool durable)
{
    int rc = tsr_store_publish(d->store, durable);
    /* the name too, and what was written in place since the first flush */
    return rc == TSR_OK && durable ? tsr_store_sync(d->store, "", true) : rc;
}

int64_t tsr_plain_cbytes(const struct tsr_driver *d)
{
    return (int64_t)self(d)->end;
}
