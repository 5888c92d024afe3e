/* SPDX-License-Identifier: BSD-3-Clause */
/* array/schunk_stored.c - chunks of super-chunks as they are stored: handed out and taken in
 * compressed, chunks of one value, and blocks of variable length one by one. */
#include "array/schunk.h"
#include "base/mem.h"

int tsr_schunk_make_variable(tsr_schunk *s)
{
    int rc = tsr_schunk_begin(s);
    if (rc == TSR_OK) rc = tsr_schunk_untail(s);
    if (rc == TSR_OK) rc = tsr_sized_make_variable(s->a);
    if (rc < 0) return rc;
    s->spec.variable = true;
    s->spec.chunk_bytes = 0;
    return TSR_OK;
}

/* Is chunk i stored as the caller sees it? */
static int check_stored(const tsr_schunk *s, int64_t i)
{
    int rc = tsr_schunk_check(s, i, tsr_schunk_nchunks(s));
    if (rc < 0 || !s->tail_dirty || i != s->tail_at / s->a->d->grid.chunk[0]) return rc;
    return tsr_fail(TSR_EARG, "chunk %lld is not encoded yet: flush first", (long long)i);
}

int tsr_schunk_get_chunk(const tsr_schunk *s, int64_t i, void **buf, size_t *len)
{
    int rc = check_stored(s, i);
    return rc < 0 ? rc : tsr_single_bytes(s->a, i, TSR_SINGLE_WHOLE, buf, len);
}

int tsr_schunk_lazy_chunk(const tsr_schunk *s, int64_t i, void **buf, size_t *len)
{
    int rc = check_stored(s, i);
    return rc < 0 ? rc : tsr_single_bytes(s->a, i, TSR_SINGLE_LAZY, buf, len);
}

int tsr_schunk_chunk_info(const tsr_schunk *s, int64_t i, tsr_chunk_facts *out)
{
    int rc = check_stored(s, i);
    return rc < 0 ? rc : tsr_single_facts(s->a, i, out);
}

/* Chunk i or, to insert, the place before it takes what is stored already; the tail is not. */
static int open_place(tsr_schunk *s, int64_t i, bool insert)
{
    int rc = tsr_schunk_begin(s);
    if (rc == TSR_OK) rc = tsr_schunk_check(s, i, tsr_schunk_nchunks(s) + insert);
    return rc == TSR_OK ? tsr_schunk_untail(s) : rc;
}

static int put_compressed(tsr_schunk *s, int64_t i, bool insert, const void *chunk, size_t len)
{
    int rc = open_place(s, i, insert);
    if (rc == TSR_OK) rc = tsr_sized_put_chunk(s->a, i, insert, chunk, len);
    if (rc == TSR_OK) s->nbytes = s->a->d->grid.shape[0];
    return rc;
}

int tsr_schunk_append_compressed(tsr_schunk *s, const void *chunk, size_t len)
{
    int rc = tsr_schunk_begin(s);
    return rc < 0 ? rc : put_compressed(s, tsr_schunk_nchunks(s), true, chunk, len);
}

int tsr_schunk_insert_compressed(tsr_schunk *s, int64_t i, const void *chunk, size_t len)
{
    return put_compressed(s, i, true, chunk, len);
}

int tsr_schunk_update_compressed(tsr_schunk *s, int64_t i, const void *chunk, size_t len)
{
    return put_compressed(s, i, false, chunk, len);
}

/* ---- chunks of one value ---- */

/* A chunk of nbytes of the kind given: 32 bytes and the value, in *out which the caller frees. */
static int make_special(const tsr_schunk *s, int64_t nbytes, int special, const void *value,
                        struct tsr_piece *out)
{
    int64_t item = s->spec.item_bytes, block = s->a->d->cparams->block_bytes;
    int64_t tail = special == TSR_SPECIAL_VALUE ? item : 0;
    if (special < TSR_SPECIAL_ZEROS || special > TSR_SPECIAL_UNINIT)
        return tsr_fail(TSR_EARG, "special value: found %d, expected 1 to 4", special);
    if (special == TSR_SPECIAL_VALUE && !value) return tsr_fail(TSR_EARG, "no value is given");
    if (special == TSR_SPECIAL_NAN && item != 4 && item != 8)
        return tsr_fail(TSR_EARG, "NaN in items of %lld bytes: expected 4 or 8", (long long)item);
    out->len = TSR_CHUNK_HEADER + (size_t)tail;
    if (!(out->p = tsr_alloc(out->len))) return TSR_ENOMEM;
    tsr_chunk_special(out->p, special, (int32_t)nbytes,
                      (int32_t)tsr_min64(block ? block : nbytes, nbytes), (int32_t)item, value,
                      (int32_t)tail);
    return TSR_OK;
}

int tsr_schunk_update_special(tsr_schunk *s, int64_t i, int special, const void *value)
{
    struct tsr_piece chunk = {0};
    int64_t n = 0;
    int rc = tsr_schunk_begin(s);
    if (rc == TSR_OK) rc = tsr_schunk_chunk_bytes(s, i, &n);
    if (rc == TSR_OK) rc = make_special(s, n, special, value, &chunk);
    if (rc == TSR_OK) rc = put_compressed(s, i, false, chunk.p, chunk.len);
    tsr_free(chunk.p);
    return rc;
}

/* The chunks that are there, which are of zeros, become others. */
static int fill_chunks(tsr_schunk *s, int special, const void *value)
{
    int64_t n = tsr_schunk_nchunks(s), size = 0;
    int rc = TSR_OK;
    for (int64_t i = 0; i < n && rc == TSR_OK; i++) {
        struct tsr_piece chunk = {0};
        rc = tsr_schunk_chunk_bytes(s, i, &size);
        if (rc == TSR_OK) rc = make_special(s, size, special, value, &chunk);
        if (rc == TSR_OK) rc = tsr_sized_put_chunk(s->a, i, false, chunk.p, chunk.len);
        tsr_free(chunk.p);
    }
    return rc;
}

static int set_bytes_there(tsr_schunk *s, int64_t nbytes)
{
    int rc = tsr_engine_resize(s->a, &nbytes);
    if (rc == TSR_OK) s->nbytes = nbytes;
    return rc;
}

int tsr_schunk_fill_special(tsr_schunk *s, int64_t nitems, int special, const void *value)
{
    struct tsr_piece probe = {0};
    char text[TSR_ERROR_MAX];
    int64_t nbytes = 0;
    int rc = tsr_schunk_begin(s);
    if (rc == TSR_OK && s->nbytes)
        rc = tsr_fail(TSR_EARG, "fill a super-chunk that has %lld items: expected none",
                      (long long)tsr_schunk_nitems(s));
    if (rc == TSR_OK && (nitems < 0 || !tsr_mul(nitems, s->spec.item_bytes, &nbytes)))
        rc = tsr_fail(TSR_EARG, "fill with %lld items", (long long)nitems);
    if (rc == TSR_OK) rc = make_special(s, s->spec.item_bytes, special, value, &probe);
    tsr_free(probe.p);
    if (rc == TSR_OK) rc = tsr_schunk_untail(s);
    if (rc == TSR_OK) rc = set_bytes_there(s, nbytes);
    if (rc < 0 || special == TSR_SPECIAL_ZEROS) return rc;
    if ((rc = fill_chunks(s, special, value)) < 0) {
        tsr_error_save(text);
        set_bytes_there(s, 0);
        tsr_error_restore(text);
    }
    return rc;
}

/* ---- blocks of variable length ---- */

int tsr_schunk_append_vlblocks(tsr_schunk *s, int64_t n, const void *const *p, const size_t *len)
{
    int rc = tsr_schunk_begin(s);
    int64_t i = tsr_schunk_nchunks(s);
    if (rc == TSR_OK) rc = open_place(s, i, true);
    if (rc == TSR_OK) rc = tsr_vlblocks_put(s->a, i, n, p, len);
    if (rc == TSR_OK) s->nbytes = s->a->d->grid.shape[0];
    return rc;
}

static int count_vlblocks(const struct tsr_array *a, void *arg)
{
    struct chunk_read *r = arg;
    int rc = tsr_chunk_check_there(a, r->i);
    return rc < 0 ? rc : tsr_vlblocks_count(a, r->i, &r->n);
}

int tsr_schunk_vlblocks(const tsr_schunk *s, int64_t i, int64_t *n)
{
    struct chunk_read r = {.i = i};
    int rc = check_stored(s, i);
    if (rc == TSR_OK) rc = tsr_follow_read(s->a, count_vlblocks, &r);
    if (rc == TSR_OK) *n = r.n;
    return rc;
}

static int read_vlblock(const struct tsr_array *a, void *arg)
{
    struct chunk_read *r = arg;
    tsr_free(r->out.p); /* of the try before */
    r->out.p = NULL;
    int rc = tsr_chunk_check_there(a, r->i);
    return rc < 0 ? rc : tsr_vlblocks_read(a, r->i, r->b, &r->out);
}

int tsr_schunk_read_vlblock(const tsr_schunk *s, int64_t i, int64_t b, void **buf, size_t *len)
{
    struct chunk_read r = {.i = i, .b = b};
    int rc = check_stored(s, i);
    if (rc == TSR_OK) rc = tsr_follow_read(s->a, read_vlblock, &r);
    if (rc < 0) {
        tsr_free(r.out.p);
        return rc;
    }
    *buf = r.out.p;
    *len = r.out.len;
    return TSR_OK;
}
