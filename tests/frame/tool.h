/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/frame/tool.h - what the frame tests share: chunks made and read, counting. */
#ifndef TESTS_FRAME_TOOL_H
#define TESTS_FRAME_TOOL_H

#include "../scratch.h"
#include "../worker.h"

#include "frame/frame.h"

/* The block shape that tool_read tells codecs of arrays; ndim 0: none. */
static int32_t tool_shape[16];
static int tool_ndim;

/* Decodes chunk i into dst[cap]; the status, and *nbytes. */
static inline int tool_read(const struct tsr_frame *f, int64_t i, uint8_t *dst, size_t cap,
                            size_t *nbytes)
{
    struct tsr_frame_place at;
    int64_t want = 0;
    int32_t item = tsr_frame_facts_of(f)->cparams.item_bytes;
    int rc = tsr_frame_locate(f, i, &at);
    if (rc == TSR_OK) rc = tsr_frame_chunk_size(f, i, &want);
    *nbytes = (size_t)want;
    if (rc < 0) return rc;
    if (*nbytes > cap) return tsr_fail(TSR_EARG, "chunk of %zu bytes, room for %zu", *nbytes, cap);
    if (at.special) {
        tsr_special_fill(at.special, item, NULL, 0, 0, (size_t)want, dst);
        return TSR_OK;
    }
    uint8_t head[TSR_CHUNK_HEADER];
    struct tsr_chunk c;
    if ((rc = tsr_store_read(tsr_frame_store(f), at.key, at.off, head, sizeof head)) < 0) return rc;
    if ((rc = tsr_chunk_parse(&c, head, sizeof head, at.avail, tsr_limit(TSR_CHUNK_MAX_NBYTES))) <
        0)
        return rc;
    if (c.nbytes != want)
        return tsr_fail(TSR_ECORRUPT, "chunk of %d bytes, expected %zu", c.nbytes, *nbytes);
    c.item_bytes = item;
    c.block_shape = tool_shape;
    c.block_ndim = tool_ndim;
    uint8_t *p = malloc((size_t)c.cbytes);
    if (!p) return tsr_fail(TSR_ENOMEM, "test buffer");
    rc = tsr_store_read(tsr_frame_store(f), at.key, at.off, p, (size_t)c.cbytes);
    if (rc == TSR_OK && want) rc = tsr_chunk_decode_range(&c, worker, p, 0, want, dst);
    free(p);
    return rc;
}

/* The bytes of test chunk `seed`: n bytes that compress somewhat. */
static inline void tool_fill(uint8_t *dst, size_t n, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < n; i++) {
        if (i % 7 == 0) x = x * 1664525u + 1013904223u;
        dst[i] = (uint8_t)(i % 3 ? x >> 24 : seed);
    }
}

/* Encodes and puts test chunk `seed` as entry i. */
static inline int tool_put(struct tsr_frame *f, int64_t i, uint32_t seed)
{
    size_t n = (size_t)tsr_frame_chunk_nbytes(f, i);
    uint8_t *src = malloc(2 * n + TSR_CHUNK_OVERHEAD), *dst;
    int32_t cbytes = 0;
    if (!src) return tsr_fail(TSR_ENOMEM, "test buffer");
    dst = src + n;
    tool_fill(src, n, seed);
    int rc = tsr_chunk_encode(&tsr_frame_facts_of(f)->cparams, worker, src, (int64_t)n, dst,
                              n + TSR_CHUNK_OVERHEAD, &cbytes);
    if (rc == TSR_OK) rc = tsr_frame_put(f, i, &(struct tsr_piece){dst, (size_t)cbytes}, 1);
    free(src);
    return rc;
}

/* True when chunk i decodes to test chunk `seed`. */
static inline bool tool_is(const struct tsr_frame *f, int64_t i, uint32_t seed)
{
    size_t n = (size_t)tsr_frame_chunk_nbytes(f, i), got;
    uint8_t *want = malloc(2 * n + 1), *have = want + n;
    if (!want) return false;
    tool_fill(want, n, seed);
    bool same = tool_read(f, i, have, n, &got) == TSR_OK && got == n && !memcmp(want, have, n);
    free(want);
    return same;
}

static inline struct tsr_frame_facts tool_facts(int64_t chunk_bytes, int64_t nchunks)
{
    struct tsr_frame_facts p = {.chunk_bytes = chunk_bytes, .nbytes = chunk_bytes * nchunks};
    tsr_cparams_init(&p.cparams, 4);
    p.codec_id = p.cparams.codec_id;
    return p;
}

#endif
