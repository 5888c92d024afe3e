/* SPDX-License-Identifier: BSD-3-Clause */
/* format/b2nd.c - N-dimensional arrays in Blosc2 frames (blosc2.md section 10).
 *
 * The array is a frame with a header metalayer "b2nd" (b2nd_meta.c).  A resize overwrites the shape
 * numbers where they stand, so that the metalayer keeps its length and flips together with the
 * lengths of the frame (10.3). */
#include <stdio.h>

#include "base/mem.h"
#include "format/b2nd_meta.h"
#include "format/blosc2.h"
#include "text/dtype.h"

enum { MAX_CHUNKS = INT32_MAX / 8 };

struct b2nd {
    struct tsr_blosc2 b;
    const char *meta_name;
};

/* ---- open ---- */

/* The dtype's own item size must be the frame's; user formats (dtype_format > 0) and arrays
 * without a dtype are opaque bytes. */
static int settle_dtype(struct b2nd *b, int dtype_format, int64_t item_bytes)
{
    struct tsr_dtype *t = NULL;
    if (b->b.dtype && dtype_format == 0) {
        int rc = tsr_dtype_parse(b->b.dtype, strlen(b->b.dtype), &t);
        if (rc < 0) return rc;
        int64_t own = t->item_bytes;
        tsr_dtype_free(t);
        if (own == item_bytes) return TSR_OK;
        return tsr_fail(TSR_ECORRUPT, "dtype '%.200s': items of %lld bytes, the frame says %lld",
                        b->b.dtype, (long long)own, (long long)item_bytes);
    }
    tsr_free(b->b.dtype);
    if (!(b->b.dtype = tsr_alloc(32))) return TSR_ENOMEM;
    snprintf(b->b.dtype, 32, "|V%lld", (long long)item_bytes);
    return TSR_OK;
}

static int read_meta(struct b2nd *b, uint64_t max_chunk_bytes)
{
    const struct tsr_frame_facts *f = tsr_frame_facts_of(b->b.frame);
    struct tsr_grid *g = &b->b.d.grid;
    const uint8_t *p;
    size_t len;
    int dtype_format = 0, rc;
    b->meta_name = "b2nd";
    if (tsr_frame_meta_view(b->b.frame, "b2nd", &p, &len) < 0) {
        b->meta_name = "caterva";
        if (tsr_frame_meta_view(b->b.frame, "caterva", &p, &len) < 0)
            return tsr_fail(TSR_EARG, "a super-chunk, not an array: it has no metalayer 'b2nd'");
    }
    if ((rc = tsr_b2nd_meta_parse(p, len, g, &dtype_format, &b->b.dtype)) < 0) return rc;
    g->item_bytes = f->cparams.item_bytes;
    g->padded = true;
    if ((rc = tsr_grid_derive(g, UINT64_MAX)) < 0) return rc;
    if (g->block_bytes > TSR_BLOCK_MAX || g->chunk_bytes > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_ECORRUPT, "block of %lld and chunk of %lld bytes are over the limits",
                        (long long)g->block_bytes, (long long)g->chunk_bytes);
    if ((rc = tsr_grid_derive(g, max_chunk_bytes)) < 0) return rc;
    if ((rc = settle_dtype(b, dtype_format, g->item_bytes)) < 0) return rc;
    return tsr_b2nd_check_geometry(g, f);
}

static int b2nd_open(struct tsr_store *st, const tsr_options *o, struct tsr_driver **out)
{
    struct b2nd *b = tsr_alloc_zero(1, sizeof *b);
    int rc;
    if (!b) {
        tsr_store_close(st);
        return TSR_ENOMEM;
    }
    if ((rc = tsr_frame_open(st, o->offset, tsr_limits_of(o), &b->b.frame)) < 0) {
        tsr_store_close(st);
        goto fail;
    }
    if ((rc = read_meta(b, o->max_chunk_bytes)) < 0) {
        tsr_within("metalayer %s", b->meta_name);
        goto fail;
    }
    const struct tsr_frame_facts *f = tsr_frame_facts_of(b->b.frame);
    b->b.cparams = f->cparams;
    tsr_b2nd_set_blocks(&b->b.cparams, &b->b.d.grid);
    b->b.d.store = st;
    b->b.d.cparams = &b->b.cparams;
    b->b.d.writable = f->writable;
    tsr_blosc2_fill_spec(&b->b);
    *out = &b->b.d;
    return TSR_OK;
fail:
    tsr_blosc2_close(&b->b.d);
    return rc;
}

/* ---- create ---- */

static int spec_to_grid(const tsr_spec *spec, struct b2nd *b)
{
    struct tsr_grid *g = &b->b.d.grid;
    struct tsr_dtype *t;
    struct tsr_buf text = {0};
    if (spec->ndim < 0 || spec->ndim > TSR_B2ND_MAX_NDIM)
        return tsr_fail(TSR_EARG, "b2nd: %d dimensions, the limit is %d", spec->ndim,
                        TSR_B2ND_MAX_NDIM);
    const char *dtype = spec->dtype ? spec->dtype : "|u1";
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &t);
    if (rc < 0) return rc == TSR_ENOMEM ? rc : tsr_fail(TSR_EARG, "%s", tsr_error());
    g->item_bytes = t->item_bytes;
    rc = tsr_dtype_emit(&text, t);
    if (rc == TSR_OK) rc = tsr_buf_add(&text, "", 1);
    tsr_dtype_free(t);
    b->b.dtype = (char *)text.p;
    if (rc < 0) return rc;
    g->ndim = spec->ndim;
    g->padded = true;
    for (int d = 0; d < g->ndim; d++) {
        g->shape[d] = spec->shape[d];
        g->chunk[d] = spec->chunks ? spec->chunks[d] : 0;
        g->block[d] = spec->blocks ? spec->blocks[d] : 0;
        if (g->shape[d] < 0 || g->chunk[d] < 0 || g->block[d] < 0)
            return tsr_grid_refuse(TSR_EARG, g, d);
    }
    tsr_grid_auto(g, spec->chunks != NULL, spec->blocks != NULL);
    for (int d = 0; d < g->ndim; d++)
        if (g->block[d] > g->chunk[d])
            return tsr_fail(TSR_EARG, "dimension %d: block %lld is larger than chunk %lld", d,
                            (long long)g->block[d], (long long)g->chunk[d]);
    return TSR_OK;
}

static int check_limits(const struct tsr_grid *g)
{
    int64_t nbytes;
    if (g->block_bytes > TSR_BLOCK_MAX)
        return tsr_fail(TSR_EARG, "block of %lld bytes, the limit is %d", (long long)g->block_bytes,
                        TSR_BLOCK_MAX);
    if (g->chunk_bytes > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_EARG, "chunk of %lld bytes, the limit is %d", (long long)g->chunk_bytes,
                        TSR_CHUNK_MAX_NBYTES);
    if (g->nchunks > MAX_CHUNKS || !tsr_mul(g->nchunks, g->chunk_bytes, &nbytes))
        return tsr_fail(TSR_ELIMIT, "%lld chunks, the limit is %d: choose larger ones",
                        (long long)g->nchunks, MAX_CHUNKS);
    return TSR_OK;
}

static int create_frame(struct b2nd *b, struct tsr_store *st, const tsr_spec *spec, bool sparse,
                        int special)
{
    enum { MAX_METAS = 15 }; /* and "b2nd" itself: 16 (13) */
    const struct tsr_grid *g = &b->b.d.grid;
    tsr_meta_value metas[MAX_METAS + 1];
    struct tsr_buf meta = {0};
    int n = 0;
    if (spec->nmetas > MAX_METAS)
        return tsr_fail(TSR_EARG, "%d metalayers, the limit is %d", spec->nmetas, MAX_METAS);
    int rc = tsr_b2nd_meta_emit(&meta, g, b->b.dtype);
    metas[n++] = (tsr_meta_value){"b2nd", meta.p, meta.len};
    for (int i = 0; i < spec->nmetas; i++) metas[n++] = spec->metas[i];
    struct tsr_frame_facts f = {.cparams = b->b.cparams,
                                .chunk_bytes = g->chunk_bytes,
                                .nbytes = g->nchunks * g->chunk_bytes,
                                .sparse = sparse,
                                .codec_id = b->b.cparams.codec_id,
                                .checksum = spec->checksum};
    if (rc == TSR_OK) rc = tsr_frame_create(st, &f, metas, n, special, &b->b.frame);
    tsr_buf_free(&meta);
    return rc;
}

/* Do the steps go with each other, the dtype and the blocks? */
static int check_steps(const struct b2nd *b)
{
    const char *step = tsr_cparams_floats(&b->b.cparams);
    struct tsr_dtype *t;
    int rc = tsr_dtype_parse(b->b.dtype, strlen(b->b.dtype), &t);
    if (rc < 0) return rc;
    if (step && (t->kind != 'f' || t->order != '<'))
        rc = tsr_fail(TSR_EARG, "step %s: dtype %s, expected little-endian floats", step,
                      b->b.dtype);
    tsr_dtype_free(t);
    return rc < 0 ? rc : tsr_cparams_check(&b->b.cparams);
}

static int b2nd_create(struct tsr_store *st, const tsr_spec *spec, const tsr_options *o,
                       struct tsr_driver **out)
{
    struct b2nd *b = tsr_alloc_zero(1, sizeof *b);
    int rc = TSR_ENOMEM, special = TSR_SPECIAL_ZEROS;
    if (!b) goto fail;
    struct tsr_grid *g = &b->b.d.grid;
    if ((rc = spec_to_grid(spec, b)) < 0) goto fail;
    if ((rc = tsr_grid_derive(g, o->max_chunk_bytes)) < 0 || (rc = check_limits(g)) < 0) {
        if (rc == TSR_ECORRUPT) rc = TSR_EARG; /* the caller's numbers, not a file's */
        goto fail;
    }
    tsr_cparams_init(&b->b.cparams, (int32_t)g->item_bytes);
    b->b.cparams.codecs = tsr_limits_of(o).codecs;
    rc = tsr_cparams_from_steps(&b->b.cparams, spec->steps, spec->nsteps, spec->split);
    if (rc < 0) goto fail;
    tsr_b2nd_set_blocks(&b->b.cparams, &b->b.d.grid);
    if ((rc = check_steps(b)) < 0) goto fail;
    if (spec->uninit) special = TSR_SPECIAL_UNINIT;
    else if (spec->fill)
        special = tsr_chunk_uniform(spec->fill, (size_t)g->item_bytes, (int32_t)g->item_bytes);
    if (special == TSR_SPECIAL_VALUE || special == TSR_SPECIAL_NONE) special = TSR_SPECIAL_ZEROS;
    if ((rc = create_frame(b, st, spec, o->sparse, special)) < 0) goto fail;
    b->meta_name = "b2nd";
    b->b.d.store = st;
    b->b.d.cparams = &b->b.cparams;
    b->b.d.writable = true;
    b->b.d.edges_clear = special == TSR_SPECIAL_ZEROS && tsr_cparams_lossless(&b->b.cparams);
    tsr_blosc2_fill_spec(&b->b);
    *out = &b->b.d;
    return TSR_OK;
fail:
    tsr_store_close(st);
    if (b) tsr_free(b->b.dtype);
    tsr_free(b);
    return rc;
}

/* ---- resize ---- */

struct moved {
    const struct tsr_grid *from, *to;
};

static int64_t old_number(void *arg, int64_t j)
{
    const struct moved *m = arg;
    int64_t at[TSR_MAX_NDIM];
    tsr_grid_chunk_coords(m->to, j, at);
    for (int d = 0; d < m->to->ndim; d++)
        if (at[d] >= m->from->nchunk[d]) return -1;
    return tsr_grid_chunk_number(m->from, at);
}

/* Along the first axis chunks come and go at the end of the index; else it is laid out anew. */
static int move_chunks(struct tsr_frame *f, const struct tsr_grid *from, const struct tsr_grid *to)
{
    bool first_axis_only = true;
    for (int d = 1; d < to->ndim; d++) first_axis_only &= from->nchunk[d] == to->nchunk[d];
    int64_t n0 = from->nchunks, n1 = to->nchunks;
    if (first_axis_only || n0 == 0 || n1 == 0) {
        if (n1 > n0) return tsr_frame_insert(f, n0, n1 - n0, TSR_SPECIAL_ZEROS);
        return n1 < n0 ? tsr_frame_delete(f, n1, n0 - n1) : TSR_OK;
    }
    struct moved m = {from, to};
    return tsr_frame_remap(f, n1, old_number, &m, TSR_SPECIAL_ZEROS);
}

/* A copy of the metalayer with other shape numbers; they follow four bytes, each after a tag. */
static int patched_meta(const struct b2nd *b, const struct tsr_grid *g, void **buf, size_t *len)
{
    *buf = NULL;
    int rc = tsr_frame_meta_get(b->b.frame, TSR_META, b->meta_name, buf, len);
    uint8_t *p = *buf;
    for (int d = 0; d < g->ndim && rc == TSR_OK; d++) {
        uint8_t *at = p + 4 + 9 * d;
        if (at[0] != 0xD3)
            rc = tsr_fail(TSR_EUNSUPPORTED, "resize: shape[%d] is not a 64-bit integer in the file",
                          d);
        else tsr_store_BE64(at + 1, (uint64_t)g->shape[d]);
    }
    if (rc < 0) {
        tsr_free(*buf);
        *buf = NULL;
    }
    return rc;
}

/* The grid and the metalayer that a resize would make; *meta is the caller's to free. */
static int resized(const struct tsr_driver *d, const int64_t *shape, struct tsr_grid *to,
                   void **meta, size_t *len)
{
    *to = d->grid;
    for (int i = 0; i < to->ndim; i++) {
        to->shape[i] = shape[i];
        if (shape[i] > 0 && (to->chunk[i] == 0 || to->block[i] == 0))
            return tsr_fail(TSR_EUNSUPPORTED, "resize: dimension %d has chunks of 0 items", i);
    }
    int rc = tsr_grid_derive(to, UINT64_MAX);
    if (rc == TSR_OK) rc = check_limits(to);
    if (rc < 0) return rc == TSR_ECORRUPT ? TSR_EARG : rc;
    return patched_meta((const struct b2nd *)d, to, meta, len);
}

static int b2nd_may_resize(const struct tsr_driver *d, const int64_t *shape)
{
    struct tsr_grid to;
    void *meta = NULL;
    size_t len;
    int rc = resized(d, shape, &to, &meta, &len);
    tsr_free(meta);
    return rc;
}

static int b2nd_resize(struct tsr_driver *d, const int64_t *shape)
{
    struct b2nd *b = (struct b2nd *)d;
    struct tsr_grid to;
    void *meta = NULL;
    size_t len;
    int rc = resized(d, shape, &to, &meta, &len);
    if (rc < 0) return rc;
    /* an empty array may leave it open */
    if (to.nchunks && tsr_frame_facts_of(b->b.frame)->chunk_bytes == 0)
        rc = tsr_frame_set_sizes(b->b.frame, to.chunk_bytes, (int32_t)to.block_bytes);
    if (rc == TSR_OK) rc = move_chunks(b->b.frame, &d->grid, &to);
    if (rc == TSR_OK) rc = tsr_frame_meta_set(b->b.frame, TSR_META, b->meta_name, meta, len);
    if (rc == TSR_OK) {
        d->grid = to;
        tsr_blosc2_fill_spec(&b->b);
    }
    tsr_free(meta);
    return rc;
}

/* It fits the grid. */
static int b2nd_chunk_put(struct tsr_driver *d, const struct tsr_whole *w)
{
    struct tsr_frame *f = blosc2_of(d)->frame;
    d->edges_clear = false; /* whoever made the chunk may have left something there */
    if (w->special) return tsr_frame_put_special(f, w->chunk, w->special);
    return tsr_frame_update_chunk(f, w->chunk, &w->bytes, 1, w->nbytes);
}

/* ---- the record ---- */

static bool b2nd_probe(const uint8_t *head, size_t len)
{
    return tsr_frame_begins(head, len) && tsr_blosc2_has_array(head, len);
}

static const char *const suffixes[] = {".b2nd", NULL};

const struct tsr_format tsr_format_b2nd = {
    .name = "b2nd",
    .suffixes = suffixes,
    .kind = TSR_KIND_ARRAY,
    .sparse = true,
    .names_nan = true,
    .probe = b2nd_probe,
    .open = b2nd_open,
    .create = b2nd_create,
    .may_resize = b2nd_may_resize,
    .resize = b2nd_resize,
    .chunk_put = b2nd_chunk_put,
    .copy_chunks = tsr_blosc2_copy_chunks,
    .attrs = tsr_blosc2_attrs,
    .attr_set = tsr_blosc2_attr_set,
    .attr_remove = tsr_blosc2_attr_remove,
    TSR_BLOSC2_CALLS,
};
