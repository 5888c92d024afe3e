/* SPDX-License-Identifier: BSD-3-Clause */
/* array/vlblocks.c - chunks whose blocks are items of their own length, made and read one by one.
 *
 * Encoding: each block goes, on any thread, to where it would begin if no block before it shrank;
 * then the gaps are closed.
 *
 *   room     | header, starts | block 0 ......| block 1 ...........| block 2 ..|
 *   sealed   | header, starts | block 0 | block 1 | block 2 |
 */
#include "array/array.h"
#include "base/mem.h"

struct vl {
    struct tsr_chunk chunk;
    struct tsr_cparams cparams;
    const void *const *p;
    const size_t *len;
    struct tsr_block_out *out;
};

static int encode_job(void *arg, size_t i, struct tsr_worker *w)
{
    struct vl *v = arg;
    return tsr_chunk_encode_vl(&v->chunk, &v->cparams, w, v->p[i], v->len[i], &v->out[i]);
}

static int encode(struct vl *v, struct tsr_pool *pool, size_t n, struct tsr_piece *out)
{
    size_t room;
    int rc = tsr_chunk_vl_begin(&v->chunk, &v->cparams, (int64_t)n, v->len, &room);
    if (rc < 0) return rc;
    uint8_t *dst = tsr_alloc(room);
    v->out = tsr_alloc_zero(n, sizeof *v->out);
    rc = dst && v->out ? TSR_OK : TSR_ENOMEM;
    size_t at = TSR_CHUNK_HEADER + 4 * n;
    for (size_t b = 0; rc == TSR_OK && b < n; at += v->len[b] + 4, b++) v->out[b].p = dst + at;
    if (rc == TSR_OK) rc = tsr_pool_run(pool, n, encode_job, v);
    if (rc == TSR_OK) {
        tsr_chunk_vl_seal(&v->chunk, v->out, dst);
        *out = (struct tsr_piece){dst, (size_t)v->chunk.cbytes};
        dst = NULL;
    }
    tsr_free(dst);
    tsr_free(v->out);
    return rc;
}

static int check_blocks(int64_t n, const void *const *p, const size_t *len)
{
    if (n < 1 || !p || !len)
        return tsr_fail(TSR_EARG, "%lld VL blocks: expected 1 or more", (long long)n);
    for (int64_t b = 0; b < n; b++)
        if (!p[b]) return tsr_fail(TSR_EARG, "VL block %lld is NULL", (long long)b);
    return TSR_OK;
}

int tsr_compress_vlblocks(const tsr_schunk_spec *spec, int64_t n, const void *const *p,
                          const size_t *len, const tsr_options *opts, void **chunk, size_t *cbytes)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_context *c = tsr_context_get(o.context);
    struct vl v = {.p = p, .len = len};
    struct tsr_piece out;
    if (!c) return TSR_ENOMEM;
    int rc = check_blocks(n, p, len);
    if (rc == TSR_OK) rc = tsr_cparams_from_spec(&v.cparams, spec, c);
    if (rc == TSR_OK) rc = encode(&v, c->pool, (size_t)n, &out);
    if (rc < 0) return rc;
    *chunk = out.p;
    *cbytes = out.len;
    return TSR_OK;
}

int tsr_vlblocks_put(struct tsr_array *a, int64_t i, int64_t n, const void *const *p,
                     const size_t *len)
{
    struct vl v = {.p = p, .len = len};
    struct tsr_piece out = {NULL, 0};
    int rc = check_blocks(n, p, len);
    if (rc < 0) return rc;
    v.cparams = *a->d->cparams;
    rc = encode(&v, a->context->pool, (size_t)n, &out);
    if (rc == TSR_OK) rc = tsr_sized_put_chunk(a, i, true, out.p, out.len);
    tsr_free(out.p);
    return rc;
}

/* ---- reading ---- */

/* Decodes the block stored at src[len] into a buffer of its own. */
static int decode(const struct tsr_chunk *c, struct tsr_pool *pool, int32_t b, const uint8_t *src,
                  size_t len, struct tsr_piece *out)
{
    int32_t n = 0;
    int rc = tsr_chunk_vl_len(c, b, src, len, &n);
    if (rc < 0) return rc;
    struct tsr_worker *w = tsr_pool_borrow(pool);
    uint8_t *dst = w ? tsr_alloc((size_t)n) : NULL;
    rc = dst ? tsr_chunk_decode_vl(c, w, b, src, len, dst) : TSR_ENOMEM;
    tsr_pool_return(pool, w);
    if (rc < 0) tsr_free(dst);
    else *out = (struct tsr_piece){dst, (size_t)n};
    return rc;
}

static int check_number(const struct tsr_chunk *c, int64_t b)
{
    int64_t n = c->vlblocks ? c->nblocks : 0;
    if (b >= 0 && b < n) return TSR_OK;
    return tsr_fail(TSR_EARG, "VL block %lld: the chunk has %lld", (long long)b, (long long)n);
}

int tsr_decompress_vlblock(const void *chunk, size_t len, int64_t b, const tsr_options *opts,
                           void **buf, size_t *buf_len)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_context *ctx = tsr_context_get(o.context);
    struct tsr_chunk c;
    struct tsr_piece out;
    int32_t off, size;
    if (!ctx) return TSR_ENOMEM;
    int rc = tsr_chunk_parse(&c, chunk, len, len, tsr_limits_of(&o));
    if (rc == TSR_OK) rc = check_number(&c, b);
    if (rc == TSR_OK) rc = tsr_chunk_block_span(&c, chunk, (int32_t)b, true, &off, &size);
    if (rc == TSR_OK)
        rc = decode(&c, ctx->pool, (int32_t)b, (const uint8_t *)chunk + off, (size_t)size, &out);
    if (rc < 0) return rc;
    *buf = out.p;
    *buf_len = out.len;
    return TSR_OK;
}

int tsr_vlblocks_count(const struct tsr_array *a, int64_t i, int64_t *n)
{
    struct chunk_job j = {.place = {.chunk = i}};
    int rc = tsr_job_settle(a, &j);
    const struct tsr_chunk *c = (const struct tsr_chunk *)j.place.priv;
    if (rc == TSR_OK) *n = c->vlblocks ? c->nblocks : 0;
    tsr_job_free(&j);
    return rc;
}

/* Two reads: the head of the chunk, and the block, unless the first brought both. */
int tsr_vlblocks_read(const struct tsr_array *a, int64_t i, int64_t b, struct tsr_piece *out)
{
    struct chunk_job j = {.place = {.chunk = i}};
    struct tsr_place *p = &j.place;
    uint8_t *own = NULL;
    const uint8_t *src;
    int32_t off = 0, len = 0;
    int rc = tsr_job_settle(a, &j);
    const struct tsr_chunk *parsed = (const struct tsr_chunk *)p->priv;
    struct tsr_chunk c = *parsed;
    if (rc == TSR_OK) rc = check_number(&c, b);
    if (rc == TSR_OK) rc = tsr_chunk_block_span(&c, p->head, (int32_t)b, true, &off, &len);
    if (rc == TSR_OK) rc = tsr_chunk_bind_dict(&c, p->head, p->head_len);
    if (rc < 0) goto done;
    src = p->head + off;
    if ((size_t)off + (size_t)len > p->head_len) {
        src = own = tsr_alloc((size_t)len);
        rc = own ? tsr_store_read(a->d->store, p->key, p->off + (uint64_t)off, own, (size_t)len)
                 : TSR_ENOMEM;
    }
    if (rc == TSR_OK) rc = decode(&c, a->context->pool, (int32_t)b, src, (size_t)len, out);
done:
    if (rc < 0) tsr_within("chunk %lld", (long long)i);
    tsr_free(own);
    tsr_job_free(&j);
    return rc;
}

/* ---- copies ---- */

/* The blocks of a chunk whose decoded form is all. */
static int put_blocks(struct tsr_array *to, const struct tsr_chunk *c, const uint8_t *chunk,
                      const uint8_t *all)
{
    size_t n = (size_t)c->nblocks;
    int64_t *ends = tsr_alloc_array(n, sizeof *ends);
    const void **p = tsr_alloc_array(n, sizeof *p);
    size_t *len = tsr_alloc_array(n, sizeof *len);
    int rc = ends && p && len ? tsr_chunk_vl_ends(c, chunk, ends) : TSR_ENOMEM;
    for (size_t b = 0; rc == TSR_OK && b < n; b++) {
        int64_t at = b ? ends[b - 1] : 0;
        p[b] = all + at;
        len[b] = (size_t)(ends[b] - at);
    }
    if (rc == TSR_OK) rc = tsr_vlblocks_put(to, to->d->nchunks, c->nblocks, p, len);
    tsr_free(ends);
    tsr_free(p);
    tsr_free(len);
    return rc;
}

int tsr_vlblocks_recode(const struct tsr_array *from, struct tsr_array *to, int64_t i,
                        int64_t *nbytes)
{
    struct chunk_job j = {.place = {.chunk = i}};
    const struct tsr_chunk *c = (const struct tsr_chunk *)j.place.priv;
    const uint8_t *chunk = NULL;
    uint8_t *all = NULL;
    int rc = tsr_job_whole(from, &j, &chunk);
    if (rc == TSR_OK && !(all = tsr_alloc((size_t)c->nbytes))) rc = TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_sized_read_chunk(from, i, all, c->nbytes);
    if (rc == TSR_OK && c->vlblocks) rc = put_blocks(to, c, chunk, all);
    else if (rc == TSR_OK) rc = tsr_sized_put(to, to->d->nchunks, true, all, (size_t)c->nbytes);
    *nbytes = c->nbytes;
    tsr_free(all);
    tsr_job_free(&j);
    return rc;
}
