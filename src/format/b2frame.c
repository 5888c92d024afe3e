/* SPDX-License-Identifier: BSD-3-Clause */
/* format/b2frame.c - plain Blosc2 super-chunks, and single chunks in a file, as 1-D rows of
 * bytes.
 *
 * Items are counted in bytes here, since a chunk may cut its blocks where it likes, also inside
 * an item (type sizes over 255 are compressed as bytes, blosc2.md 6.3).  The last chunk is
 * shorter, and each chunk has its own block size: tsr_place.block_items carries it.  In frames
 * of variable chunks each has its own size as well, and the grid is of no use. */
#include "base/mem.h"
#include "format/b2nd_meta.h"
#include "format/blosc2.h"

static int derive(struct tsr_blosc2 *b, int64_t nbytes, int64_t chunk_bytes)
{
    enum { VARIABLE_CHUNK = 1 << 20 };
    struct tsr_grid *g = &b->d.grid;
    const struct tsr_frame_facts *f = b->frame ? tsr_frame_facts_of(b->frame) : NULL;
    b->d.variable = f && f->variable;
    b->d.nchunks = f ? f->nchunks : 0;
    /* the chunks of the grid are how much is best read at once */
    if (b->d.variable) chunk_bytes = tsr_max64(tsr_min64(nbytes, VARIABLE_CHUNK), 1);
    g->ndim = 1;
    g->item_bytes = 1;
    g->padded = false;
    g->shape[0] = nbytes;
    g->chunk[0] = chunk_bytes;
    g->block[0] = b->cparams.block_bytes > 0 ? b->cparams.block_bytes : chunk_bytes;
    if (g->block[0] > chunk_bytes) g->block[0] = chunk_bytes;
    int rc = tsr_grid_derive(g, UINT64_MAX);
    if (rc == TSR_OK) tsr_blosc2_fill_spec(b);
    return rc;
}

/* A frame that never had a chunk may leave their size open: the first growth settles it. */
static int64_t chunk_size(const struct tsr_frame_facts *f)
{
    enum { DEFAULT_CHUNK = 4 << 20 };
    int64_t item = f->cparams.item_bytes;
    return f->chunk_bytes ? f->chunk_bytes : tsr_max64(DEFAULT_CHUNK / item, 1) * item;
}

static int settle_sizes(struct tsr_blosc2 *b)
{
    if (tsr_frame_facts_of(b->frame)->chunk_bytes) return TSR_OK;
    return tsr_frame_set_sizes(b->frame, b->d.grid.chunk[0], b->cparams.block_bytes);
}

static struct tsr_blosc2 *new_driver(struct tsr_store *st)
{
    struct tsr_blosc2 *b = tsr_alloc_zero(1, sizeof *b);
    if (b && !(b->dtype = tsr_strdup("|u1"))) {
        tsr_free(b);
        b = NULL;
    }
    if (b) b->d.store = st, b->d.cparams = &b->cparams;
    else tsr_store_close(st);
    return b;
}

static int frame_open(struct tsr_store *st, const tsr_options *o, struct tsr_driver **out)
{
    struct tsr_blosc2 *b = new_driver(st);
    if (!b) return TSR_ENOMEM;
    int rc = tsr_frame_open(st, o->offset, tsr_limits_of(o), &b->frame);
    if (rc < 0) tsr_store_close(st);
    if (rc == TSR_OK) {
        const struct tsr_frame_facts *f = tsr_frame_facts_of(b->frame);
        b->cparams = f->cparams;
        /* seen as bytes an array may be read; changing it so would break its geometry */
        b->d.writable = !tsr_b2nd_find_blocks(b->frame, &b->cparams) && f->writable;
        rc = derive(b, f->nbytes, chunk_size(f));
        if (b->d.variable) b->max_chunk_bytes = o->max_chunk_bytes;
        else if (rc == TSR_OK) rc = tsr_grid_derive(&b->d.grid, o->max_chunk_bytes);
    }
    if (rc < 0) tsr_blosc2_close(&b->d);
    else *out = &b->d;
    return rc;
}

/* spec: shape[0] = 0 and chunks[0] in bytes (0: variable), blocks[0] in bytes or NULL, item_bytes
 * the true item size; the schunk layer fills it. */
static int frame_create(struct tsr_store *st, const tsr_spec *spec, const tsr_options *o,
                        struct tsr_driver **out)
{
    struct tsr_blosc2 *b = new_driver(st);
    if (!b) return TSR_ENOMEM;
    tsr_cparams_init(&b->cparams, (int32_t)spec->item_bytes);
    b->cparams.codecs = tsr_limits_of(o).codecs;
    int rc = tsr_cparams_from_steps(&b->cparams, spec->steps, spec->nsteps, spec->split);
    if (rc == TSR_OK && spec->chunks[0] > TSR_CHUNK_MAX_NBYTES)
        rc = tsr_fail(TSR_EARG, "chunk of %lld bytes, the limit is %d", (long long)spec->chunks[0],
                      TSR_CHUNK_MAX_NBYTES);
    b->cparams.block_bytes = spec->blocks ? (int32_t)spec->blocks[0] : 0;
    struct tsr_frame_facts f = {.cparams = b->cparams,
                                .chunk_bytes = spec->chunks[0],
                                .sparse = o->sparse,
                                .codec_id = b->cparams.codec_id,
                                .checksum = spec->checksum};
    if (rc == TSR_OK) rc = tsr_cparams_check(&b->cparams);
    if (rc == TSR_OK)
        rc = tsr_frame_create(st, &f, spec->metas, spec->nmetas, TSR_SPECIAL_ZEROS, &b->frame);
    if (rc < 0) tsr_store_close(st);
    b->d.writable = true;
    if (rc == TSR_OK) rc = derive(b, 0, spec->chunks[0]);
    if (rc < 0) tsr_blosc2_close(&b->d);
    else *out = &b->d;
    return rc;
}

static int frame_resize(struct tsr_driver *d, const int64_t *shape)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)d;
    int64_t chunk = d->grid.chunk[0], n0 = d->grid.nchunks, rc = TSR_OK;
    int64_t n1 = tsr_ceil_div(shape[0], chunk), last = shape[0] - (n1 - 1) * chunk;
    if (d->variable)
        return tsr_fail(TSR_EARG, "chunks of any size are added and removed one by one");
    rc = settle_sizes(b);
    /* the last chunk is whole before others follow it, and the new last one short after */
    if (rc == TSR_OK && n0 > 0 && n1 > n0) rc = tsr_frame_set_last(b->frame, chunk);
    if (rc == TSR_OK && n1 > n0) rc = tsr_frame_insert(b->frame, n0, n1 - n0, TSR_SPECIAL_ZEROS);
    if (rc < 0 && n0 > 0) tsr_frame_set_last(b->frame, d->grid.shape[0] - (n0 - 1) * chunk);
    if (rc == TSR_OK && n1 < n0) rc = tsr_frame_delete(b->frame, n1, n0 - n1);
    if (rc == TSR_OK && n1 > 0) rc = tsr_frame_set_last(b->frame, last);
    return rc < 0 ? (int)rc : derive(b, shape[0], chunk);
}

static int chunk_insert(struct tsr_driver *d, int64_t i)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)d;
    int rc = settle_sizes(b);
    if (rc == TSR_OK) rc = tsr_frame_insert(b->frame, i, 1, TSR_SPECIAL_ZEROS);
    return rc < 0 ? rc : derive(b, tsr_frame_facts_of(b->frame)->nbytes, d->grid.chunk[0]);
}

static int chunk_delete(struct tsr_driver *d, int64_t i)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)d;
    int rc = tsr_frame_delete(b->frame, i, 1);
    return rc < 0 ? rc : derive(b, tsr_frame_facts_of(b->frame)->nbytes, d->grid.chunk[0]);
}

static int frame_chunk_size(const struct tsr_driver *d, int64_t i, int64_t *nbytes)
{
    return tsr_frame_chunk_size(blosc2_of(d)->frame, i, nbytes);
}

/* Chunks without data are entries of the index, where all have the same size but the last. */
static int put_special(struct tsr_frame *f, const struct tsr_whole *w)
{
    int64_t n = tsr_frame_facts_of(f)->nchunks, i = w->chunk;
    int64_t want = tsr_frame_facts_of(f)->chunk_bytes;
    bool last = w->insert && i == n;
    if (!w->insert && i < n) want = tsr_frame_chunk_nbytes(f, i);
    if (w->nbytes > want || (w->nbytes < want && !last))
        return tsr_fail(TSR_EARG, "chunk %lld of %lld bytes: expected %lld", (long long)i,
                        (long long)w->nbytes, (long long)want);
    if (!w->insert) return tsr_frame_put_special(f, i, w->special);
    int rc = tsr_frame_insert(f, i, 1, w->special);
    return rc == TSR_OK && last ? tsr_frame_set_last(f, w->nbytes) : rc;
}

static int frame_chunk_put(struct tsr_driver *d, const struct tsr_whole *w)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)d;
    int rc = d->variable ? TSR_OK : settle_sizes(b);
    if (rc < 0) return rc;
    if (w->special && !d->variable) rc = put_special(b->frame, w);
    else if (w->insert) rc = tsr_frame_insert_chunk(b->frame, w->chunk, &w->bytes, 1, w->nbytes);
    else rc = tsr_frame_update_chunk(b->frame, w->chunk, &w->bytes, 1, w->nbytes);
    return rc < 0 ? rc : derive(b, tsr_frame_facts_of(b->frame)->nbytes, d->grid.chunk[0]);
}

/* Chunks of any size come one after the other, and make the row longer. */
static int frame_copy_chunks(struct tsr_driver *to, const struct tsr_driver *from,
                             const struct tsr_chunk_moves *m)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)to;
    int rc = tsr_blosc2_copy_chunks(to, from, m);
    if (rc < 0 || !to->variable) return rc;
    return derive(b, tsr_frame_facts_of(b->frame)->nbytes, to->grid.chunk[0]);
}

static int64_t ordered(void *arg, int64_t i)
{
    return ((const int64_t *)arg)[i];
}

static int chunk_reorder(struct tsr_driver *d, const int64_t *order)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)d;
    int64_t n = tsr_frame_facts_of(b->frame)->nchunks;
    return tsr_frame_remap(b->frame, n, ordered, (void *)(uintptr_t)order, TSR_SPECIAL_ZEROS);
}

static int frame_set_cparams(struct tsr_driver *d, const struct tsr_cparams *p, int64_t chunk_bytes)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)d;
    int rc = tsr_cparams_check(p);
    if (rc == TSR_OK && !d->variable && d->nchunks == 0)
        rc = tsr_frame_set_sizes(b->frame, chunk_bytes, p->block_bytes);
    if (rc == TSR_OK) rc = tsr_frame_set_cparams(b->frame, p);
    if (rc < 0) return rc;
    b->cparams = *p;
    return derive(b, d->grid.shape[0], chunk_bytes);
}

static int frame_make_variable(struct tsr_driver *d)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)d;
    int rc = tsr_frame_set_variable(b->frame);
    return rc < 0 ? rc : derive(b, tsr_frame_facts_of(b->frame)->nbytes, d->grid.chunk[0]);
}

/* ---- a chunk on its own ---- */

/* More than the header is read, so that a broken dictionary or broken block starts are told from
 * valid ones that this build lacks. */
static int chunk_head(struct tsr_blosc2 *b, const tsr_options *o, struct tsr_chunk *c)
{
    enum { HEAD_BYTES = 64 << 10 };
    struct tsr_store *st = b->d.store;
    uint64_t size;
    int rc = tsr_store_stat(st, "", &size);
    if (rc < 0) return rc;
    b->object_off = o->offset;
    b->object_bytes = o->offset < size ? size - o->offset : 0;
    size_t len = (size_t)tsr_min64(HEAD_BYTES, (int64_t)b->object_bytes);
    uint8_t *head = tsr_alloc(len);
    if (!head) return TSR_ENOMEM;
    rc = tsr_store_read(st, "", b->object_off, head, len);
    if (rc == TSR_OK) rc = tsr_chunk_parse(c, head, len, b->object_bytes, tsr_limits_of(o));
    tsr_free(head);
    return rc;
}

static int chunk_open(struct tsr_store *st, const tsr_options *o, struct tsr_driver **out)
{
    struct tsr_blosc2 *b = new_driver(st);
    if (!b) return TSR_ENOMEM;
    struct tsr_chunk c;
    int rc = chunk_head(b, o, &c);
    if (rc == TSR_OK) {
        b->cparams = (struct tsr_cparams){.codecs = c.codecs,
                                          .codec = c.codec,
                                          .codec_id = c.codec_id,
                                          .codec_meta = c.codec_meta,
                                          .item_bytes = c.typesize,
                                          .block_bytes = c.block_bytes};
        memcpy(b->cparams.filters, c.filters, sizeof c.filters);
        memcpy(b->cparams.filters_meta, c.filters_meta, sizeof c.filters_meta);
        rc = derive(b, c.nbytes, c.nbytes ? c.nbytes : 1);
    }
    if (rc == TSR_OK) {
        *out = &b->d;
        return TSR_OK;
    }
    tsr_store_close(st);
    tsr_blosc2_close(&b->d);
    return rc;
}

static void chunk_close(struct tsr_driver *d)
{
    tsr_store_close(d->store);
    tsr_blosc2_close(d);
}

static int64_t chunk_cbytes(const struct tsr_driver *d)
{
    return (int64_t)blosc2_of(d)->object_bytes;
}

static const char *const frame_suffixes[] = {".b2frame", ".b2f", ".b2", NULL};
static const char *const chunk_suffixes[] = {".chunk", NULL};

const struct tsr_format tsr_format_b2frame = {
    .name = "b2frame",
    .suffixes = frame_suffixes,
    .kind = TSR_KIND_SCHUNK,
    .sparse = true,
    .probe = tsr_frame_begins,
    .open = frame_open,
    .create = frame_create,
    .resize = frame_resize,
    .chunk_insert = chunk_insert,
    .chunk_delete = chunk_delete,
    .chunk_size = frame_chunk_size,
    .chunk_put = frame_chunk_put,
    .make_variable = frame_make_variable,
    .set_cparams = frame_set_cparams,
    .chunk_reorder = chunk_reorder,
    .copy_chunks = frame_copy_chunks,
    TSR_BLOSC2_CALLS,
};

const struct tsr_format tsr_format_chunk = {
    .name = "chunk",
    .suffixes = chunk_suffixes,
    .kind = TSR_KIND_CHUNK,
    .open = chunk_open,
    .close = chunk_close,
    .locate = tsr_blosc2_locate,
    .spans = tsr_blosc2_spans,
    .decode = tsr_blosc2_decode,
    .decode_start = tsr_blosc2_decode_start,
    .cbytes = chunk_cbytes,
};
