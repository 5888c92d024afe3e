/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/probe_chunk.h - any bytes as a chunk: parsed, decoded whole, in ranges and block by block.
 *
 * Where the whole decodes, ranges and the blocks decoded from their exact spans must agree with
 * it.  Decoded size is limited to 1 MiB. */
#ifndef TSR_FUZZ_PROBE_CHUNK_H
#define TSR_FUZZ_PROBE_CHUNK_H

#include "chunk/chunk.h"
#include "fuzz.h"

enum { LIMIT = 1 << 20 };

/* A range whose bounds come from the chunk's own bytes. */
static inline void check_range(const struct tsr_chunk *c, const uint8_t *chunk,
                               const uint8_t *whole, uint32_t seed)
{
    int64_t lo = seed % (uint32_t)c->nbytes, n = (seed >> 8) % (uint32_t)(c->nbytes - lo + 1);
    uint8_t *part = malloc((size_t)n + 1);
    check(part && tsr_chunk_decode_range(c, worker(), chunk, lo, n, part) == TSR_OK);
    check(memcmp(part, whole + lo, (size_t)n) == 0);
    free(part);
}

static inline void check_block(const struct tsr_chunk *c, const uint8_t *chunk,
                               const uint8_t *whole, int32_t b)
{
    int32_t off, len, more;
    size_t n = (size_t)tsr_chunk_block_len(c, b);
    check(tsr_chunk_block_span(c, chunk, b, false, &off, &more) == TSR_OK);
    check(tsr_chunk_block_span(c, chunk, b, true, &off, &len) == TSR_OK);
    check(len > 0 && len <= more && off + len <= c->cbytes);
    uint8_t *dst = malloc(n), *src = malloc((size_t)len);
    check(dst && src);
    memcpy(src, chunk + off, (size_t)len);
    struct tsr_block_start start = {src, (size_t)len, SIZE_MAX, b && c->serial ? whole : NULL};
    int rc = tsr_chunk_decode_start(c, worker(), b, &start, dst);
    if (rc != TSR_ECORRUPT) check_ok(rc); /* blocks that overlap only decode from more */
    if (rc == TSR_OK) check(memcmp(dst, whole + (int64_t)b * c->block_bytes, n) == 0);
    free(dst);
    free(src);
}

/* Blocks of variable length, each from its own bytes. */
static inline void check_vl_blocks(const struct tsr_chunk *c, const uint8_t *chunk,
                                   const uint8_t *whole)
{
    int64_t *ends = need(malloc((size_t)c->nblocks * sizeof *ends)), lo = 0;
    check_ok(tsr_chunk_vl_ends(c, chunk, ends));
    for (int32_t b = 0; b < c->nblocks && b < 20; lo = ends[b++]) {
        int32_t off, len, n;
        check_ok(tsr_chunk_block_span(c, chunk, b, true, &off, &len));
        uint8_t *src = need(malloc((size_t)len)), *dst = need(malloc((size_t)(ends[b] - lo)));
        memcpy(src, chunk + off, (size_t)len);
        check_ok(tsr_chunk_vl_len(c, b, src, (size_t)len, &n));
        check(n == ends[b] - lo);
        check_ok(tsr_chunk_decode_vl(c, worker(), b, src, (size_t)len, dst));
        check(memcmp(dst, whole + lo, (size_t)n) == 0);
        free(src);
        free(dst);
    }
    free(ends);
}

static inline void check_spans(const struct tsr_chunk *c, const uint8_t *chunk)
{
    size_t n = (size_t)c->nblocks;
    int32_t *off = malloc(n * sizeof *off + 1), *len = malloc(n * sizeof *len + 1);
    check(off && len && tsr_chunk_all_spans(c, chunk, off, len) == TSR_OK);
    for (int32_t b = 0; b < c->nblocks && b < 50; b++) {
        int32_t o, l;
        check(tsr_chunk_block_span(c, chunk, b, true, &o, &l) == TSR_OK);
        check(o == off[b] && l == len[b]);
    }
    free(off);
    free(len);
}

static inline void probe_chunk(const uint8_t *data, size_t size)
{
    struct tsr_chunk c, head;
    int rc = tsr_chunk_parse(&c, data, size, size, tsr_limit(LIMIT));
    if (rc < 0) return;
    check(tsr_chunk_parse(&head, data, size < 32 ? size : 32, size, tsr_limit(LIMIT)) == TSR_OK);
    check(tsr_chunk_head_len(&c) <= (size_t)c.cbytes && (size_t)c.cbytes <= size);
    uint8_t *whole = malloc((size_t)c.nbytes + 1);
    check(whole != NULL);
    rc = tsr_chunk_decode_range(&c, worker(), data, 0, c.nbytes, whole);
    if (rc != TSR_ECORRUPT) check_ok(rc);
    if (rc == TSR_OK && c.nbytes > 0) {
        for (size_t i = 0; i + 4 <= size && i < 16; i++) {
            uint32_t seed;
            memcpy(&seed, data + size - 4 - i, 4);
            check_range(&c, data, whole, seed);
        }
        for (int32_t b = 0; !c.special && !c.vlblocks && b < c.nblocks && b < 20; b++)
            check_block(&c, data, whole, b);
        if (c.vlblocks) check_vl_blocks(&c, data, whole);
        if (!c.special) check_spans(&c, data);
    }
    free(whole);
}

#endif
