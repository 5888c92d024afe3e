/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/vl.c - blocks of variable length (blosc2.md 3.8): every block is an item of its own size.
 *
 *   0         32            32 + 4 * nblocks
 *   | header  | starts      | block 0       | block 1       | ...                    cbytes
 *                           | size | payload |
 *
 * Starts increase strictly, so a block ends where the next begins.  A payload as long as the
 * block is the filtered block itself, any other is the codec's.  There are no runs, no splits and
 * no special chunks: a chunk of clevel 0 holds all its payloads as they are. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "chunk/pipeline.h"

/* ---- reading ---- */

int tsr_chunk_vl_len(const struct tsr_chunk *c, int32_t b, const uint8_t *src, size_t len,
                     int32_t *n)
{
    int32_t size = len >= 4 ? (int32_t)tsr_load_LE32(src) : 0;
    if (len <= 4)
        return tsr_fail(TSR_ECORRUPT, "VL block %d: found %zu bytes, expected at least 5", b, len);
    if (size <= 0 || size > c->nbytes)
        return tsr_fail(TSR_ECORRUPT, "VL block %d: found size %d, expected 1 to %d", b, size,
                        c->nbytes);
    *n = size;
    return TSR_OK;
}

int tsr_chunk_decode_vl(const struct tsr_chunk *c, struct tsr_worker *w, int32_t b,
                        const uint8_t *src, size_t len, uint8_t *dst)
{
    struct tsr_block_facts facts = tsr_block_facts_of(c);
    struct tsr_call call;
    struct tsr_stages stages;
    int32_t size = 0;
    int rc = tsr_call_init(&call, c, &facts, w);
    if (rc == TSR_OK) rc = tsr_chunk_vl_len(c, b, src, len, &size);
    if (rc < 0) return rc;
    size_t n = (size_t)size, payload = len - 4;
    tsr_stages_init(&stages, c, &call, false);
    const uint8_t *from = src + 4;
    if (payload != n) {
        uint8_t *to = stages.n ? tsr_stages_room(w, n) : dst;
        if (!to) return TSR_ENOMEM;
        rc = c->codec->decode(&call, from, payload, to, n);
        from = to;
    } else if (stages.n == 0) {
        memcpy(dst, from, n);
    }
    if (rc == TSR_OK) rc = tsr_stages_undo(&stages, &call, from, n, dst, NULL);
    if (rc < 0) tsr_within("VL block %d", b);
    return rc;
}

/* The stored bytes of block b of a chunk in memory, and its decoded size. */
static int block_at(const struct tsr_chunk *c, const uint8_t *chunk, int32_t b,
                    struct tsr_block_start *in, int32_t *size)
{
    int32_t off, len;
    int rc = tsr_chunk_block_span(c, chunk, b, true, &off, &len);
    if (rc < 0) return rc;
    in->src = chunk + off;
    in->len = (size_t)len;
    return tsr_chunk_vl_len(c, b, in->src, in->len, size);
}

int tsr_chunk_vl_ends(const struct tsr_chunk *c, const uint8_t *chunk, int64_t *ends)
{
    int64_t at = 0;
    for (int32_t b = 0; b < c->nblocks; b++) {
        struct tsr_block_start in;
        int32_t size = 0;
        int rc = block_at(c, chunk, b, &in, &size);
        if (rc < 0) return rc;
        at += size;
        if (ends) ends[b] = at;
    }
    if (at == c->nbytes) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "chunk: VL blocks hold %lld bytes, expected nbytes %d",
                    (long long)at, c->nbytes);
}

/* Bytes [lo, lo + n) of block b. */
static int block_part(const struct tsr_chunk *c, struct tsr_worker *w, int32_t b,
                      const struct tsr_block_start *in, size_t lo, size_t n, uint8_t *dst)
{
    if (lo == 0 && n == in->want) return tsr_chunk_decode_vl(c, w, b, in->src, in->len, dst);
    uint8_t *all = tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, in->want);
    if (!all) return TSR_ENOMEM;
    int rc = tsr_chunk_decode_vl(c, w, b, in->src, in->len, all);
    if (rc == TSR_OK) memcpy(dst, all + lo, n);
    return rc;
}

int tsr_chunk_vl_range(const struct tsr_chunk *c, struct tsr_worker *w, const uint8_t *chunk,
                       int64_t lo, int64_t n, uint8_t *dst)
{
    int64_t at = 0, end = lo + n;
    for (int32_t b = 0; b < c->nblocks && at < end; b++) {
        struct tsr_block_start in;
        int32_t size = 0;
        int rc = block_at(c, chunk, b, &in, &size);
        if (rc < 0) return rc;
        int64_t from = tsr_max64(lo, at), to = tsr_min64(end, at + size);
        in.want = (size_t)size;
        if (from < to)
            rc = block_part(c, w, b, &in, (size_t)(from - at), (size_t)(to - from),
                            dst + (from - lo));
        if (rc < 0) return rc;
        at += size;
    }
    if (at >= end) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "chunk: VL blocks hold %lld bytes, expected nbytes %d",
                    (long long)at, c->nbytes);
}

/* ---- writing ---- */

static int check_lens(const size_t *len, int64_t n, int64_t *nbytes, int64_t *bound)
{
    *nbytes = 0;
    for (int64_t b = 0; b < n; b++) {
        if (len[b] == 0) return tsr_fail(TSR_EARG, "VL block %lld is empty", (long long)b);
        if (len[b] > TSR_BLOCK_MAX || *nbytes + (int64_t)len[b] > TSR_CHUNK_MAX_NBYTES)
            return tsr_fail(TSR_EARG, "VL block %lld of %zu bytes after %lld: at most %d and %d",
                            (long long)b, len[b], (long long)*nbytes, TSR_BLOCK_MAX,
                            TSR_CHUNK_MAX_NBYTES);
        *nbytes += (int64_t)len[b];
    }
    *bound = TSR_CHUNK_HEADER + 8 * n + *nbytes;
    if (*bound <= INT32_MAX) return TSR_OK;
    return tsr_fail(TSR_EARG, "%lld VL blocks of %lld bytes make a chunk larger than %d",
                    (long long)n, (long long)*nbytes, INT32_MAX);
}

int tsr_chunk_vl_begin(struct tsr_chunk *c, const struct tsr_cparams *p, int64_t n,
                       const size_t *len, size_t *bound)
{
    int64_t nbytes = 0, most = 0;
    if (n < 1 || n > TSR_BLOCK_MAX)
        return tsr_fail(TSR_EARG, "%lld VL blocks: expected 1 to %d", (long long)n, TSR_BLOCK_MAX);
    int rc = check_lens(len, n, &nbytes, &most);
    /* the header comes from the regular chunk of that size */
    if (rc == TSR_OK) rc = tsr_chunk_begin(c, p, nbytes);
    if (rc < 0) return rc;
    /* c-blosc2 decodes such blocks against block 0, not as they were encoded (3.8) */
    if (memchr(p->filters, FILTER_DELTA, sizeof p->filters))
        return tsr_fail(TSR_EARG, "delta does not go with VL blocks");
    memcpy(c->filters, p->filters, sizeof c->filters);
    c->version = VERSION_LAST;
    c->flags2 = FLAGS2_VLBLOCKS;
    c->vlblocks = true;
    c->memcpyed = false;
    c->flags = (uint8_t)(FLAG_EXTENDED | FLAG_NO_SPLIT | p->codec->blosc2_format << 5);
    c->nblocks = (int32_t)n;
    c->block_bytes = (int32_t)nbytes;
    c->leftover = 0;
    *bound = (size_t)most;
    return TSR_OK;
}

int tsr_chunk_encode_vl(const struct tsr_chunk *c, const struct tsr_cparams *p,
                        struct tsr_worker *w, const uint8_t *src, size_t n,
                        struct tsr_block_out *out)
{
    struct tsr_block_facts facts = tsr_block_facts_of(c);
    struct tsr_call call;
    struct tsr_stages stages;
    const uint8_t *filtered;
    size_t len = 0;
    int rc = tsr_call_init(&call, c, &facts, w);
    if (rc < 0) return rc;
    call.level = p->clevel;
    tsr_stages_init(&stages, c, &call, true);
    rc = tsr_stages_run(&stages, &call, src, n, &filtered);
    if (rc == TSR_OK && p->clevel > 0 && n > 1)
        rc = c->codec->encode(&call, filtered, n, out->p + 4, n - 1, &len);
    if (rc < 0) return rc;
    if (len == 0) {
        len = n;
        memcpy(out->p + 4, filtered, n);
    }
    tsr_store_LE32(out->p, (uint32_t)n);
    out->len = (int32_t)(len + 4);
    out->zeros = false;
    return TSR_OK;
}

void tsr_chunk_vl_seal(struct tsr_chunk *c, const struct tsr_block_out *blocks, uint8_t *dst)
{
    size_t at = TSR_CHUNK_HEADER + 4 * (size_t)c->nblocks;
    for (int32_t b = 0; b < c->nblocks; b++) {
        size_t len = (size_t)blocks[b].len;
        tsr_store_LE32(dst + TSR_CHUNK_HEADER + 4 * (size_t)b, (uint32_t)at);
        memmove(dst + at, blocks[b].p, len);
        at += len;
    }
    c->cbytes = (int32_t)at;
    tsr_chunk_write_header(c, dst);
}
