/* SPDX-License-Identifier: BSD-3-Clause */
/* array/schunk_stored.c - chunks of super-chunks as they are stored: handed out and taken in
 * compressed, and their blocks of variable length one by one. */
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

static int read_stored(const struct tsr_array *a, void *arg)
{
    struct chunk_read *r = arg;
    struct chunk_job j = {.place = {.chunk = r->i}};
    const uint8_t *bytes = NULL;
    int rc = tsr_chunk_check_there(a, r->i);
    if (rc == TSR_OK) rc = tsr_job_whole(a, &j, &bytes);
    if (rc < 0) goto done;
    tsr_free(r->out.p); /* of the try before */
    r->out.len = bytes ? (size_t)j.place.len : TSR_CHUNK_HEADER;
    r->out.p = tsr_alloc(r->out.len);
    const struct tsr_chunk *c = (const struct tsr_chunk *)j.place.priv;
    if (!r->out.p) rc = TSR_ENOMEM;
    else if (bytes) memcpy(r->out.p, bytes, r->out.len);
    else tsr_chunk_special(r->out.p, c->special, c->nbytes, c->block_bytes, r->item_bytes, NULL, 0);
done:
    tsr_job_free(&j);
    return rc;
}

int tsr_schunk_get_chunk(const tsr_schunk *s, int64_t i, void **buf, size_t *len)
{
    struct chunk_read r = {.i = i, .item_bytes = (int32_t)s->spec.item_bytes};
    int rc = check_stored(s, i);
    if (rc == TSR_OK) rc = tsr_follow_read(s->a, read_stored, &r);
    if (rc < 0) {
        tsr_free(r.out.p);
        return rc;
    }
    *buf = r.out.p;
    *len = r.out.len;
    return TSR_OK;
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
