/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/encode.c - writes chunks (blosc2.md 3.4, 6.1-6.3).
 *
 *   0         32            32 + 4 * nblocks
 *   | header  | starts      | block 0 | block 1 | ...
 *   0         16            16 + 4 * nblocks               of Blosc 1
 *
 * Block size and split follow c-blosc2's rules, which give its ratios.  A stream of one byte
 * value becomes a run, one that does not shrink is stored; a chunk of zero runs becomes its
 * header alone, and one that would not shrink is stored as it is.  Blosc 1 knows no runs. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "chunk/pipeline.h"
#include "kernel/kernel.h"

enum { KIB = 1024, MIB = 1024 * 1024, MIN_CHUNK = 32 };

/* 6.1 for a block of b bytes. */
static bool is_split(const struct tsr_cparams *p, int32_t typesize, int64_t b)
{
    if (p->split == SPLIT_NEVER || p->codec->whole || b < typesize) return false;
    if (p->split == SPLIT_ALWAYS) return true;
    bool codec = p->codec_id == CODEC_BLOSCLZ || p->codec_id == CODEC_LZ4 ||
                 (p->codec_id == CODEC_ZSTD && p->clevel <= 5);
    return codec && memchr(p->filters, FILTER_SHUFFLE, sizeof p->filters) && typesize <= 16 &&
           b / typesize >= 32;
}

/* The block size nobody gave (6.2). */
static int64_t automatic_block(const struct tsr_cparams *p, int32_t typesize, int64_t nbytes)
{
    static const uint8_t quarters[10] = {1, 2, 4, 8, 16, 16, 32, 32, 32, 32};
    static const int32_t split_items[10] = {0,        32 * KIB, 32 * KIB,  32 * KIB,  64 * KIB,
                                            64 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB};
    bool thorough =
        p->codec_id == CODEC_LZ4HC || p->codec_id == CODEC_ZLIB || p->codec_id == CODEC_ZSTD;
    int64_t b = nbytes;
    if (nbytes >= 32 * KIB) {
        b = 32 * KIB / 4 * (thorough ? 2 : 1) * quarters[p->clevel];
        if (p->clevel == 9 && thorough) b *= 2;
    }
    if (p->clevel > 0 && is_split(p, typesize, nbytes)) {
        b = (int64_t)split_items[p->clevel] * typesize;
        b = tsr_max64(tsr_min64(b, 4 * MIB), 32 * KIB);
    }
    return b;
}

/* The decoded size of a full block, a multiple of the true item size where it is larger. */
static int32_t choose_block(const struct tsr_cparams *p, int32_t typesize, int64_t nbytes)
{
    if (nbytes < p->item_bytes) return 1;
    int64_t b = p->block_bytes ? p->block_bytes : automatic_block(p, typesize, nbytes);
    b = tsr_min64(tsr_min64(b, nbytes), TSR_BLOCK_MAX);
    if (b > p->item_bytes) b -= b % p->item_bytes;
    return (int32_t)b;
}

/* A shuffle group larger than the block moves nothing, and readers refuse it (14.14).  Streams of
 * bytedelta are numbered, so that the chunk can be read outside its frame too (5.8). */
static void settle_filters(struct tsr_chunk *c)
{
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        uint8_t *meta = &c->filters_meta[i];
        if (c->filters[i] == FILTER_SHUFFLE && *meta > c->block_bytes) c->filters[i] = *meta = 0;
        if (c->filters[i] == FILTER_BYTEDELTA && *meta == 0 && c->item_bytes <= 255)
            *meta = (uint8_t)c->item_bytes;
    }
}

/* In a basic header flags tell the filter, and readers split only what is worth it (2.2). */
static uint8_t basic_flags(const struct tsr_chunk *c)
{
    uint8_t flags = 0;
    if (memchr(c->filters, FILTER_SHUFFLE, sizeof c->filters)) flags |= FLAG_SHUFFLE;
    if (memchr(c->filters, FILTER_BITSHUFFLE, sizeof c->filters)) flags |= FLAG_BITSHUFFLE;
    if (c->typesize > 16 || c->block_bytes / c->typesize < 128) flags |= FLAG_NO_SPLIT;
    return flags;
}

int tsr_chunk_begin(struct tsr_chunk *c, const struct tsr_cparams *p, int64_t nbytes)
{
    memset(c, 0, sizeof *c);
    if (nbytes < 0 || nbytes > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_EARG, "chunk of %lld bytes: expected 0 to %d", (long long)nbytes,
                        TSR_CHUNK_MAX_NBYTES);
    if (p->item_bytes < 1 || p->item_bytes > TSR_BLOCK_MAX || p->block_bytes < 0 ||
        p->block_bytes > TSR_BLOCK_MAX || p->clevel < 0 || p->clevel > 9)
        return tsr_fail(TSR_EARG, "chunk with items of %d and blocks of %d bytes at clevel %d",
                        p->item_bytes, p->block_bytes, p->clevel);
    int rc = tsr_cparams_check(p);
    if (rc < 0) return rc;
    c->basic = p->basic;
    c->version = p->basic ? VERSION_BLOSC1 : VERSION_REGULAR;
    c->head_bytes = p->basic ? BASIC_HEADER : TSR_CHUNK_HEADER;
    c->typesize = (uint8_t)(p->item_bytes > 255 ? 1 : p->item_bytes);
    c->item_bytes = p->item_bytes;
    c->nbytes = (int32_t)nbytes;
    c->block_bytes = choose_block(p, c->typesize, nbytes);
    c->nblocks = (int32_t)tsr_ceil_div(nbytes, c->block_bytes);
    c->leftover = c->nbytes % c->block_bytes;
    c->codec = p->codec;
    c->codecs = p->codecs;
    c->codec_id = (uint8_t)p->codec_id;
    c->codec_meta = (uint8_t)p->codec_meta;
    c->block_ndim = p->block_ndim;
    c->block_shape = p->block_shape;
    memcpy(c->filters, p->filters, sizeof c->filters);
    memcpy(c->filters_meta, p->filters_meta, sizeof c->filters_meta);
    settle_filters(c);
    c->flags = p->basic ? basic_flags(c) : FLAG_EXTENDED;
    c->memcpyed = p->clevel == 0 || nbytes < MIN_CHUNK || nbytes < p->item_bytes;
    if (c->memcpyed) {
        c->flags |= FLAG_MEMCPYED;
        return TSR_OK;
    }
    c->flags |= (uint8_t)(p->codec->blosc2_format << 5);
    if (!is_split(p, c->typesize, c->block_bytes)) c->flags |= FLAG_NO_SPLIT;
    c->serial = memchr(c->filters, FILTER_DELTA, sizeof c->filters) != NULL;
    if (c->serial) c->flags |= FLAG_DELTA;
    return TSR_OK;
}

size_t tsr_chunk_block_bound(const struct tsr_chunk *c)
{
    size_t streams = c->flags & FLAG_NO_SPLIT ? 1 : c->typesize;
    return (size_t)c->block_bytes + 4 * streams;
}

/* ---- blocks ---- */

/* Writes one stream; out->zeros falls unless it was a run of zeros. */
static int write_stream(const struct tsr_chunk *c, const struct tsr_call *call, const uint8_t *src,
                        size_t n, struct tsr_block_out *out)
{
    uint8_t *size = out->p + out->len, *body = size + 4;
    out->len += 4;
    if (!c->basic && tsr_kernels()->is_run(src, n)) {
        tsr_store_LE32(size, (uint32_t) - (int32_t)src[0]);
        if (src[0] == 0) return TSR_OK;
        *body = TOKEN_RUN;
        out->len++;
        out->zeros = false;
        return TSR_OK;
    }
    size_t len = 0;
    int rc = c->codec->encode(call, src, n, body, n - 1, &len);
    if (rc < 0) return rc;
    if (len == 0) {
        len = n;
        memcpy(body, src, n);
    }
    tsr_store_LE32(size, (uint32_t)len);
    out->len += (int32_t)len;
    out->zeros = false;
    return TSR_OK;
}

int tsr_chunk_encode_block(const struct tsr_chunk *c, const struct tsr_cparams *p,
                           struct tsr_worker *w, int32_t b, const uint8_t *src,
                           struct tsr_block_out *out)
{
    out->len = 0;
    out->zeros = !c->memcpyed;
    if (c->memcpyed) return TSR_OK; /* the chunk will hold the data as it is */
    struct tsr_block_facts facts = tsr_block_facts_of(c);
    facts.ref = b > 0 ? out->ref : NULL;
    struct tsr_call call;
    struct tsr_stages st;
    int rc = tsr_call_init(&call, c, &facts, w);
    if (rc < 0) return rc;
    call.level = p->clevel;
    tsr_stages_init(&st, c, &call, true);
    const uint8_t *filtered;
    rc = tsr_stages_run(&st, &call, src, (size_t)tsr_chunk_block_len(c, b), &filtered);
    if (rc < 0) return rc;
    int32_t streams = tsr_chunk_streams(c, b);
    size_t n = (size_t)(tsr_chunk_block_len(c, b) / streams);
    for (int32_t s = 0; s < streams; s++)
        if ((rc = write_stream(c, &call, filtered + (size_t)s * n, n, out)) < 0) return rc;
    return TSR_OK;
}

/* ---- sealing ---- */

void tsr_chunk_write_header(const struct tsr_chunk *c, uint8_t *head)
{
    memset(head, 0, c->head_bytes);
    head[AT_VERSION] = c->version;
    head[AT_VERSIONLZ] = 1;
    head[AT_FLAGS] = c->flags;
    head[AT_TYPESIZE] = c->typesize;
    tsr_store_LE32(head + AT_NBYTES, (uint32_t)c->nbytes);
    tsr_store_LE32(head + AT_BLOCKSIZE, (uint32_t)(c->vlblocks ? c->nblocks : c->block_bytes));
    tsr_store_LE32(head + AT_CBYTES, (uint32_t)c->cbytes);
    if (c->basic) return;
    memcpy(head + AT_FILTERS, c->filters, TSR_CHUNK_FILTERS);
    head[AT_UDCODEC] = c->codec_id;
    head[AT_CODEC_META] = c->codec_meta;
    memcpy(head + AT_FILTERS_META, c->filters_meta, TSR_CHUNK_FILTERS);
    head[AT_FLAGS2] = c->flags2;
    head[AT_BLOSC2_FLAGS] = (uint8_t)(c->special << 4 | (c->dict ? BLOSC2_DICT : 0));
}

/* How a chunk whose blocks take `body` bytes ends up; zeros: every stream was a zero run. */
static void settle(struct tsr_chunk *c, int64_t body, bool zeros)
{
    int64_t head = (int64_t)tsr_chunk_head_len(c);
    int64_t most = (int64_t)c->nbytes + c->head_bytes;
    if (!c->memcpyed && zeros && c->nblocks > 0 && !c->plain) {
        c->special = TSR_SPECIAL_ZEROS;
        c->cbytes = TSR_CHUNK_HEADER;
    } else if (c->memcpyed || head + body > most) {
        c->memcpyed = true;
        c->flags |= FLAG_MEMCPYED;
        c->cbytes = (int32_t)most;
    } else {
        c->cbytes = (int32_t)(head + body);
    }
    c->dict &= tsr_chunk_is_regular(c);
}

int tsr_chunk_seal(struct tsr_chunk *c, const struct tsr_block_out *blocks, uint8_t *head,
                   size_t *head_len)
{
    int64_t body = 0, at = (int64_t)tsr_chunk_head_len(c);
    bool zeros = true;
    for (int32_t b = 0; b < c->nblocks && !c->memcpyed; b++) {
        body += blocks[b].len;
        zeros &= blocks[b].zeros;
    }
    settle(c, body, zeros);
    tsr_chunk_write_header(c, head);
    *head_len = tsr_chunk_head_len(c);
    for (int32_t b = 0; b < c->nblocks && tsr_chunk_is_regular(c); b++) {
        tsr_store_LE32(head + TSR_CHUNK_HEADER + 4 * (size_t)b, (uint32_t)at);
        at += blocks[b].len;
    }
    return TSR_OK;
}

/* What the blocks of a chunk come to. */
struct body {
    int64_t len;
    bool zeros; /* every stream was a zero run */
};

/* Encodes the blocks one after the other behind the head in dst.  Gives up, with a length past
 * any limit, as soon as the chunk would not shrink and is not all zeros either. */
static int encode_blocks(const struct tsr_chunk *c, const struct tsr_cparams *p,
                         struct tsr_worker *w, const uint8_t *src, uint8_t *dst, struct body *body)
{
    int64_t head = (int64_t)tsr_chunk_head_len(c);
    int64_t room = (int64_t)c->nbytes + c->head_bytes - head;
    uint8_t *aside = tsr_worker_scratch(w, TSR_SCRATCH_STREAM, tsr_chunk_block_bound(c));
    if (!aside) return TSR_ENOMEM;
    for (int32_t b = 0; b < c->nblocks; b++) {
        bool fits = room - body->len >= (int64_t)tsr_chunk_block_bound(c);
        struct tsr_block_out out = {.p = fits ? dst + head + body->len : aside, .ref = src};
        int rc = tsr_chunk_encode_block(c, p, w, b, src + (int64_t)b * c->block_bytes, &out);
        if (rc < 0) return rc;
        body->zeros &= out.zeros;
        bool over = out.len > room - body->len;
        if (!fits && !over) memcpy(dst + head + body->len, aside, (size_t)out.len);
        if (!over)
            tsr_store_LE32(dst + c->head_bytes + 4 * (int64_t)b, (uint32_t)(head + body->len));
        body->len += out.len;
        if (over && !body->zeros) break;
    }
    return TSR_OK;
}

int tsr_chunk_encode(const struct tsr_cparams *p, struct tsr_worker *w, const uint8_t *src,
                     int64_t nbytes, uint8_t *dst, size_t cap, int32_t *cbytes)
{
    struct tsr_chunk c;
    struct body body = {.zeros = true};
    int rc = tsr_chunk_begin(&c, p, nbytes);
    if (rc < 0) return rc;
    if (cap < (size_t)nbytes + c.head_bytes)
        return tsr_fail(TSR_EARG, "chunk of %lld bytes: found room for %zu, expected %d more",
                        (long long)nbytes, cap, c.head_bytes);
    if ((rc = tsr_chunk_train_whole(&c, p, w, src, dst)) < 0) return rc;
    if (!c.memcpyed && (rc = encode_blocks(&c, p, w, src, dst, &body)) < 0) return rc;
    settle(&c, body.len, body.zeros);
    tsr_chunk_write_header(&c, dst);
    if (c.memcpyed && nbytes) memcpy(dst + c.head_bytes, src, (size_t)nbytes);
    *cbytes = c.cbytes;
    return TSR_OK;
}
