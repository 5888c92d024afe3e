/* SPDX-License-Identifier: BSD-3-Clause */
/* array/chunks.c - one chunk in memory: the pool over its blocks. */
#include "array/array.h"
#include "base/mem.h"

size_t tsr_compress_bound(size_t nbytes)
{
    return nbytes + TSR_CHUNK_OVERHEAD;
}

struct encoding {
    struct tsr_chunk chunk;
    struct tsr_cparams cparams;
    struct tsr_block_out *blocks;
    const uint8_t *src;
};

static int encode_job(void *arg, size_t i, struct tsr_worker *w)
{
    struct encoding *e = arg;
    return tsr_chunk_encode_block(&e->chunk, &e->cparams, w, (int32_t)i,
                                  e->src + i * (size_t)e->chunk.block_bytes, &e->blocks[i]);
}

static int join_chunk(struct encoding *e, uint8_t *head, uint8_t *dst, size_t cap, size_t *cbytes)
{
    size_t len;
    int rc = tsr_chunk_seal(&e->chunk, e->blocks, head, &len);
    if (rc < 0) return rc;
    if ((size_t)e->chunk.cbytes > cap)
        return tsr_fail(TSR_EARG, "chunk of %d bytes, room for %zu", e->chunk.cbytes, cap);
    memcpy(dst, head, len);
    if (e->chunk.memcpyed) memcpy(dst + len, e->src, (size_t)e->chunk.nbytes);
    for (int32_t b = 0; b < e->chunk.nblocks && !e->chunk.memcpyed && !e->chunk.special; b++) {
        memcpy(dst + len, e->blocks[b].p, (size_t)e->blocks[b].len);
        len += (size_t)e->blocks[b].len;
    }
    *cbytes = (size_t)e->chunk.cbytes;
    return TSR_OK;
}

static int encode_chunk(struct encoding *e, size_t nbytes, struct tsr_pool *pool, void *dst,
                        size_t cap, size_t *cbytes)
{
    int rc = tsr_chunk_begin(&e->chunk, &e->cparams, (int64_t)nbytes);
    if (rc < 0) return rc;
    size_t n = (size_t)e->chunk.nblocks, bound = tsr_chunk_block_bound(&e->chunk);
    /* uniform data is one item: 2 GiB of zeros take no encoding at all */
    int special = tsr_chunk_uniform(e->src, nbytes, e->cparams.item_bytes);
    if (special && nbytes % (size_t)e->cparams.item_bytes == 0) {
        int32_t value = special == TSR_SPECIAL_VALUE ? e->cparams.item_bytes : 0;
        if (cap < TSR_CHUNK_HEADER + (size_t)value)
            return tsr_fail(TSR_EARG, "room for %zu bytes, %d needed", cap, 32 + value);
        tsr_chunk_special(dst, special, (int32_t)nbytes, e->chunk.block_bytes,
                          e->cparams.item_bytes, e->src, value);
        *cbytes = TSR_CHUNK_HEADER + (size_t)value;
        return TSR_OK;
    }
    uint8_t *head = tsr_alloc(TSR_CHUNK_HEADER + 4 * n), *room = tsr_alloc_array(n, bound);
    e->blocks = tsr_alloc_zero(n, sizeof *e->blocks);
    if (!head || !room || !e->blocks) rc = TSR_ENOMEM;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) e->blocks[i].p = room + i * bound;
    if (rc == TSR_OK) rc = tsr_pool_run(pool, n, encode_job, e);
    if (rc == TSR_OK) rc = join_chunk(e, head, dst, cap, cbytes);
    tsr_free(head);
    tsr_free(room);
    tsr_free(e->blocks);
    return rc;
}

int tsr_compress(const tsr_schunk_spec *spec, const void *src, size_t nbytes,
                 const tsr_options *opts, void *dst, size_t cap, size_t *cbytes)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_schunk_spec s = {.size = sizeof s};
    if (spec && spec->size) memcpy(&s, spec, tsr_minz(spec->size, sizeof s));
    struct encoding e = {.src = src};
    tsr_context *c = tsr_context_get(o.context);
    if (!c) return TSR_ENOMEM;
    if (s.item_bytes < 0 || s.item_bytes > TSR_BLOCK_MAX || s.block_bytes < 0 ||
        s.block_bytes > TSR_BLOCK_MAX || nbytes > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_EARG, "chunk of %zu bytes, items of %lld, blocks of %lld", nbytes,
                        (long long)s.item_bytes, (long long)s.block_bytes);
    tsr_cparams_init(&e.cparams, s.item_bytes ? (int32_t)s.item_bytes : 1);
    e.cparams.block_bytes = (int32_t)s.block_bytes;
    int rc = tsr_cparams_from_steps(&e.cparams, s.steps, s.nsteps, s.split);
    return rc < 0 ? rc : encode_chunk(&e, nbytes, c->pool, dst, cap, cbytes);
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

int tsr_decompress_range(const void *chunk, size_t len, int64_t start, int64_t n,
                         const tsr_options *opts, void *dst)
{
    enum { JOB_BYTES = 64 << 10 };
    tsr_options o = tsr_options_complete(opts);
    tsr_context *c = tsr_context_get(o.context);
    struct decoding d = {.src = chunk, .dst = dst, .lo = start, .n = n};
    if (!c) return TSR_ENOMEM;
    int rc = tsr_chunk_parse(&d.chunk, chunk, len, len, o.max_chunk_bytes);
    if (rc < 0) return rc;
    if (start < 0 || n < 0 || start > d.chunk.nbytes || n > d.chunk.nbytes - start)
        return tsr_fail(TSR_EARG, "bytes %lld + %lld of a chunk of %d", (long long)start,
                        (long long)n, d.chunk.nbytes);
    if (n == 0) return TSR_OK;
    int64_t block = tsr_max64(d.chunk.block_bytes, 1);
    d.span = tsr_max64(JOB_BYTES / block, 1) * block;
    int64_t jobs = (start + n - 1) / d.span - start / d.span + 1;
    return tsr_pool_run(c->pool, (size_t)jobs, decode_job, &d);
}

int tsr_decompress(const void *chunk, size_t len, const tsr_options *opts, void *dst,
                   size_t dst_bytes)
{
    tsr_options o = tsr_options_complete(opts);
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, chunk, len, len, o.max_chunk_bytes);
    if (rc < 0) return rc;
    if ((size_t)c.nbytes != dst_bytes)
        return tsr_fail(TSR_EARG, "buffer of %zu bytes for a chunk of %d", dst_bytes, c.nbytes);
    return tsr_decompress_range(chunk, len, 0, c.nbytes, opts, dst);
}

int tsr_chunk_info(const void *chunk, size_t len, tsr_chunk_facts *out)
{
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, chunk, len, len, UINT64_MAX);
    if (rc < 0) return rc;
    tsr_chunk_facts f = {.size = sizeof f, .nbytes = c.nbytes, .cbytes = c.cbytes,
                         .block_bytes = c.block_bytes, .nblocks = c.nblocks, .version = c.version,
                         .typesize = c.typesize, .flags = c.flags, .flags2 = c.flags2,
                         .blosc2_flags = c.blosc2_flags, .memcpyed = c.memcpyed, .dict = c.dict,
                         .vlblocks = c.vlblocks, .special = c.special, .codec_id = c.codec_id,
                         .codec = tsr_codec_known_name(c.codec_id), .codec_meta = c.codec_meta};
    memcpy(f.filters, c.filters, sizeof f.filters);
    memcpy(f.filters_meta, c.filters_meta, sizeof f.filters_meta);
    size_t size = tsr_minz(out->size, sizeof f);
    f.size = out->size;
    memcpy(out, &f, size);
    return TSR_OK;
}
