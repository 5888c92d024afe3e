/* SPDX-License-Identifier: BSD-3-Clause */
/* array/chunks.c - one chunk in memory: the pool over its blocks. */
#include <pthread.h>

#include "array/array.h"
#include "base/mem.h"

size_t tsr_compress_bound(size_t nbytes)
{
    return nbytes + TSR_CHUNK_OVERHEAD;
}

/* Each block is encoded into its worker's scratch, which is in the cache, and goes from there to
 * its place behind the block before it.  Where that place is not known yet, because an earlier
 * block is still being encoded, it is put aside; whoever finishes the earlier one brings it
 * along.  So nobody waits, and the order of the blocks does not depend on the threads. */
enum { ASIDE = 32 }; /* more only when one thread stands still for so long: then one by one */

struct encoding {
    struct tsr_chunk chunk;
    struct tsr_cparams cparams;
    const uint8_t *src;
    uint8_t *dst;
    size_t cap;
    bool plain;                   /* no special chunk, whatever the data */
    pthread_mutex_t lock;         /* guards what follows */
    struct tsr_block_out *blocks; /* p: where its bytes are, NULL: not encoded yet */
    int32_t next;                 /* the first block without a place */
    size_t at;                    /* that place; past cap nothing is copied */
    uint8_t *aside;               /* [slots][bound]; NULL: nobody is faster than another */
    size_t slots, bound;          /* bound: of an encoded block */
    size_t free[ASIDE], nfree;    /* of the slots */
};

static int put_aside(struct encoding *e, struct tsr_block_out *out)
{
    const uint8_t *scratch = out->p;
    pthread_mutex_lock(&e->lock);
    out->p = e->nfree ? e->aside + e->free[--e->nfree] * e->bound : NULL;
    pthread_mutex_unlock(&e->lock);
    if (!out->p) out->p = tsr_alloc((size_t)out->len);
    if (!out->p) return TSR_ENOMEM;
    memcpy(out->p, scratch, (size_t)out->len);
    return TSR_OK;
}

static void clear_aside(struct encoding *e, uint8_t *p)
{
    if (!e->aside || p < e->aside || p >= e->aside + e->slots * e->bound) {
        tsr_free(p);
        return;
    }
    pthread_mutex_lock(&e->lock);
    e->free[e->nfree++] = (size_t)(p - e->aside) / e->bound;
    pthread_mutex_unlock(&e->lock);
}

/* Gives places to all blocks whose turn it is: *from .. e->next - 1, the first at *at. */
static void take_places(struct encoding *e, int32_t *from, size_t *at)
{
    *from = e->next;
    *at = e->at;
    while (e->next < e->chunk.nblocks && e->blocks[e->next].p)
        e->at += (size_t)e->blocks[e->next++].len;
}

static int place_block(struct encoding *e, int32_t b, struct tsr_block_out out)
{
    const uint8_t *scratch = out.p;
    pthread_mutex_lock(&e->lock);
    if (b != e->next) {
        pthread_mutex_unlock(&e->lock);
        if (put_aside(e, &out) < 0) return TSR_ENOMEM;
        pthread_mutex_lock(&e->lock);
    }
    int32_t from, to;
    size_t at;
    e->blocks[b] = out;
    take_places(e, &from, &at);
    to = e->next;
    pthread_mutex_unlock(&e->lock);
    for (int32_t k = from; k < to; k++) {
        size_t len = (size_t)e->blocks[k].len;
        if (at <= e->cap && len <= e->cap - at) memcpy(e->dst + at, e->blocks[k].p, len);
        if (e->blocks[k].p != scratch) clear_aside(e, e->blocks[k].p);
        at += len;
    }
    return TSR_OK;
}

static int encode_job(void *arg, size_t i, struct tsr_worker *w)
{
    struct encoding *e = arg;
    const uint8_t *src = e->src + i * (size_t)e->chunk.block_bytes;
    struct tsr_block_out out = {.p = tsr_worker_scratch(w, TSR_SCRATCH_STREAM, e->bound),
                                .ref = e->src};
    if (!out.p) return TSR_ENOMEM;
    int rc = tsr_chunk_encode_block(&e->chunk, &e->cparams, w, (int32_t)i, src, &out);
    return rc < 0 ? rc : place_block(e, (int32_t)i, out);
}

enum { COPY_BYTES = 1 << 20 };

static int copy_job(void *arg, size_t i, struct tsr_worker *w)
{
    struct encoding *e = arg;
    size_t at = i * COPY_BYTES, len = tsr_minz((size_t)e->chunk.nbytes - at, COPY_BYTES);
    (void)w;
    memcpy(e->dst + TSR_CHUNK_HEADER + at, e->src + at, len);
    return TSR_OK;
}

/* The head, and where the blocks did not pay the bytes as they are. */
static int finish_chunk(struct encoding *e, struct tsr_pool *pool, uint8_t *head, size_t *cbytes)
{
    size_t len;
    int rc = tsr_chunk_seal(&e->chunk, e->blocks, head, &len);
    if (rc < 0) return rc;
    if ((size_t)e->chunk.cbytes > e->cap)
        return tsr_fail(TSR_EARG, "chunk of %d bytes, room for %zu", e->chunk.cbytes, e->cap);
    memcpy(e->dst, head, len);
    *cbytes = (size_t)e->chunk.cbytes;
    if (!e->chunk.memcpyed) return TSR_OK;
    return tsr_pool_run(pool, ((size_t)e->chunk.nbytes + COPY_BYTES - 1) / COPY_BYTES, copy_job, e);
}

/* Uniform data is one item: 2 GiB of zeros take no encoding at all. */
static int uniform_chunk(struct encoding *e, int special, size_t *cbytes)
{
    size_t value = special == TSR_SPECIAL_VALUE ? (size_t)e->cparams.item_bytes : 0;
    if (e->cap < TSR_CHUNK_HEADER + value)
        return tsr_fail(TSR_EARG, "room for %zu bytes, %zu needed", e->cap,
                        TSR_CHUNK_HEADER + value);
    tsr_chunk_special(e->dst, special, e->chunk.nbytes, e->chunk.block_bytes, e->cparams.item_bytes,
                      e->src, (int32_t)value);
    *cbytes = TSR_CHUNK_HEADER + value;
    return TSR_OK;
}

static int train(struct encoding *e, struct tsr_pool *pool, uint8_t *head)
{
    struct tsr_worker *w = tsr_pool_borrow(pool);
    if (!w) return TSR_ENOMEM;
    int rc = tsr_chunk_train_whole(&e->chunk, &e->cparams, w, e->src, head);
    tsr_pool_return(pool, w);
    return rc;
}

static int make_room(struct encoding *e, bool alone, uint8_t **head)
{
    *head = tsr_alloc(tsr_chunk_head_bound(&e->chunk, &e->cparams));
    e->blocks = tsr_alloc_zero((size_t)e->chunk.nblocks, sizeof *e->blocks);
    e->bound = tsr_chunk_block_bound(&e->chunk);
    if (!*head || !e->blocks) return TSR_ENOMEM;
    if (alone) return TSR_OK;
    e->slots = tsr_minz(ASIDE, (size_t)e->chunk.nblocks);
    if (!(e->aside = tsr_alloc_array(e->slots, e->bound))) return TSR_ENOMEM;
    for (; e->nfree < e->slots; e->nfree++) e->free[e->nfree] = e->nfree;
    return TSR_OK;
}

static int encode_blocks(struct encoding *e, struct tsr_pool *pool, size_t *cbytes)
{
    size_t n = (size_t)e->chunk.nblocks;
    bool alone = n < 3 || e->chunk.memcpyed || tsr_pool_threads(pool) == 1;
    uint8_t *head;
    int rc = make_room(e, alone, &head);
    if (rc == TSR_OK && e->cparams.use_dict) rc = train(e, pool, head);
    e->at = tsr_chunk_head_len(&e->chunk);
    if (rc == TSR_OK && !e->chunk.memcpyed) rc = tsr_pool_run(pool, n, encode_job, e);
    if (rc == TSR_OK) rc = finish_chunk(e, pool, head, cbytes);
    for (size_t b = (size_t)e->next; rc < 0 && e->blocks && b < n; b++)
        if (e->blocks[b].p) clear_aside(e, e->blocks[b].p);
    tsr_free(e->aside);
    tsr_free(e->blocks);
    tsr_free(head);
    return rc;
}

static int encode_chunk(struct encoding *e, size_t nbytes, struct tsr_pool *pool, size_t *cbytes)
{
    int rc = tsr_chunk_begin(&e->chunk, &e->cparams, (int64_t)nbytes), special = 0;
    if (rc < 0) return rc;
    e->chunk.plain = e->plain;
    if (!e->plain) special = tsr_chunk_uniform(e->src, nbytes, e->cparams.item_bytes);
    if (special && nbytes % (size_t)e->cparams.item_bytes == 0)
        return uniform_chunk(e, special, cbytes);
    pthread_mutex_init(&e->lock, NULL);
    rc = encode_blocks(e, pool, cbytes);
    pthread_mutex_destroy(&e->lock);
    return rc;
}

int tsr_chunk_encode_plain(struct tsr_pool *pool, const struct tsr_cparams *p, const void *src,
                           size_t n, struct tsr_piece *out)
{
    struct encoding e = {.cparams = *p, .src = src, .cap = tsr_compress_bound(n), .plain = true};
    if (!(e.dst = tsr_alloc(e.cap))) return TSR_ENOMEM;
    int rc = encode_chunk(&e, n, pool, &out->len);
    if (rc < 0) tsr_free(e.dst);
    else out->p = e.dst;
    return rc;
}

int tsr_cparams_from_spec(struct tsr_cparams *p, const tsr_schunk_spec *spec, const tsr_context *c)
{
    tsr_schunk_spec s = {.size = sizeof s};
    if (spec && spec->size) memcpy(&s, spec, tsr_minz(spec->size, sizeof s));
    if (s.item_bytes < 0 || s.item_bytes > TSR_BLOCK_MAX || s.block_bytes < 0 ||
        s.block_bytes > TSR_BLOCK_MAX)
        return tsr_fail(TSR_EARG, "chunk with items of %lld, blocks of %lld bytes",
                        (long long)s.item_bytes, (long long)s.block_bytes);
    tsr_cparams_init(p, s.item_bytes ? (int32_t)s.item_bytes : 1);
    p->codecs = &c->codecs;
    p->block_bytes = (int32_t)s.block_bytes;
    return tsr_cparams_from_steps(p, s.steps, s.nsteps, s.split);
}

int tsr_compress(const tsr_schunk_spec *spec, const void *src, size_t nbytes,
                 const tsr_options *opts, void *dst, size_t cap, size_t *cbytes)
{
    tsr_options o = tsr_options_complete(opts);
    struct encoding e = {.src = src, .dst = dst, .cap = cap};
    tsr_context *c = tsr_context_get(o.context);
    if (!c) return TSR_ENOMEM;
    if (nbytes > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_EARG, "chunk of %zu bytes, at most %d", nbytes, TSR_CHUNK_MAX_NBYTES);
    int rc = tsr_cparams_from_spec(&e.cparams, spec, c);
    return rc < 0 ? rc : encode_chunk(&e, nbytes, c->pool, cbytes);
}

/* ---- decoding ---- */

struct decoding {
    struct tsr_chunk chunk;
    const uint8_t *src;
    uint8_t *dst;
    int64_t lo, n, span; /* bytes wanted; bytes per job */
};

/* Job i decodes the wanted bytes of its blocks. */
static int decode_job(void *arg, size_t i, struct tsr_worker *w)
{
    struct decoding *d = arg;
    int64_t first = d->lo / d->span + (int64_t)i;
    int64_t lo = tsr_max64(d->lo, first * d->span);
    int64_t hi = tsr_min64(d->lo + d->n, (first + 1) * d->span);
    return tsr_chunk_decode_range(&d->chunk, w, d->src, lo, hi - lo, d->dst + (lo - d->lo));
}

/* Decodes block 0 of a serial chunk, which all jobs need: at its place if it is wanted itself,
 * else aside, in *ref. */
static int decode_first(struct decoding *d, struct tsr_pool *pool, uint8_t **ref)
{
    int32_t n = tsr_chunk_block_len(&d->chunk, 0);
    bool wanted = d->lo == 0;
    uint8_t *to = wanted ? d->dst : (*ref = tsr_alloc((size_t)n));
    struct tsr_worker *w = to ? tsr_pool_borrow(pool) : NULL;
    if (!w) return TSR_ENOMEM;
    int rc = tsr_chunk_decode_range(&d->chunk, w, d->src, 0, n, to);
    tsr_pool_return(pool, w);
    d->chunk.ref = to;
    if (!wanted) return rc;
    d->lo += n;
    d->dst += n;
    d->n -= n;
    return rc;
}

int tsr_chunk_decode_parallel(struct tsr_pool *pool, const struct tsr_chunk *c,
                              const uint8_t *chunk, int64_t lo, int64_t n, void *dst)
{
    enum { JOB_BYTES = 64 << 10 };
    struct decoding d = {.chunk = *c, .src = chunk, .dst = dst, .lo = lo, .n = n};
    if (lo < 0 || n < 0 || lo > c->nbytes || n > c->nbytes - lo)
        return tsr_fail(TSR_EARG, "bytes %lld + %lld of a chunk of %d", (long long)lo, (long long)n,
                        c->nbytes);
    if (n == 0) return TSR_OK;
    int64_t block = tsr_max64(c->block_bytes, 1); /* of VL blocks: all of it */
    d.span = tsr_max64(JOB_BYTES / block, 1) * block;
    uint8_t *ref = NULL;
    int rc = TSR_OK;
    if (c->serial && tsr_chunk_is_regular(c) && lo + n > block) rc = decode_first(&d, pool, &ref);
    int64_t jobs = (lo + n - 1) / d.span - d.lo / d.span + 1;
    if (rc == TSR_OK) rc = tsr_pool_run(pool, (size_t)jobs, decode_job, &d);
    tsr_free(ref);
    return rc;
}

int tsr_decompress_range(const void *chunk, size_t len, int64_t start, int64_t n,
                         const tsr_options *opts, void *dst)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_context *c = tsr_context_get(o.context);
    struct tsr_chunk parsed;
    if (!c) return TSR_ENOMEM;
    int rc = tsr_chunk_parse(&parsed, chunk, len, len, tsr_limits_of(&o));
    return rc < 0 ? rc : tsr_chunk_decode_parallel(c->pool, &parsed, chunk, start, n, dst);
}

int tsr_decompress(const void *chunk, size_t len, const tsr_options *opts, void *dst,
                   size_t dst_bytes)
{
    tsr_options o = tsr_options_complete(opts);
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, chunk, len, len, tsr_limits_of(&o));
    if (rc < 0) return rc;
    if ((size_t)c.nbytes != dst_bytes)
        return tsr_fail(TSR_EARG, "buffer of %zu bytes for a chunk of %d", dst_bytes, c.nbytes);
    return tsr_decompress_range(chunk, len, 0, c.nbytes, opts, dst);
}

void tsr_chunk_tell(const struct tsr_chunk *c, tsr_chunk_facts *out)
{
    *out = (tsr_chunk_facts){.size = sizeof *out,
                             .nbytes = c->nbytes,
                             .cbytes = c->cbytes,
                             .block_bytes = c->vlblocks ? 0 : c->block_bytes,
                             .nblocks = c->nblocks,
                             .version = c->version,
                             .typesize = c->typesize,
                             .flags = c->flags,
                             .flags2 = c->flags2,
                             .blosc2_flags = c->blosc2_flags,
                             .memcpyed = c->memcpyed,
                             .dict = c->dict,
                             .vlblocks = c->vlblocks,
                             .special = c->special,
                             .codec_id = c->codec_id,
                             .codec = tsr_codec_name(c->codecs, c->codec_id),
                             .codec_meta = c->codec_meta};
    memcpy(out->filters, c->filters, sizeof out->filters);
    memcpy(out->filters_meta, c->filters_meta, sizeof out->filters_meta);
}

int tsr_chunk_info(const void *chunk, size_t len, tsr_chunk_facts *out)
{
    struct tsr_chunk c;
    tsr_chunk_facts f;
    tsr_options o = tsr_options_complete(NULL);
    o.max_chunk_bytes = UINT64_MAX;
    int rc = tsr_chunk_parse(&c, chunk, len, len, tsr_limits_of(&o));
    if (rc < 0) return rc;
    tsr_chunk_tell(&c, &f);
    return tsr_hand_out(out, &f, sizeof f, "tsr_chunk_facts");
}
