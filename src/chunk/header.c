/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/header.c - reads and checks chunk headers (blosc2.md 2, 3.1, 3.2, 3.7, 3.8, 14.1-8).
 *
 * The byte map is in layout.h.  Everything is checked before it is used; what is broken is
 * ECORRUPT, what is sound but not built in is EUNSUPPORTED, and only then is the size held
 * against the caller's limit. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "chunk/chunk.h"
#include "chunk/layout.h"

/* The bytes of a chunk that the parser may look at. */
struct view {
    const uint8_t *p;
    size_t len;     /* at hand */
    uint64_t avail; /* in the container */
};

static int corrupt(const char *field, int at, int64_t found, const char *expected)
{
    return tsr_fail(TSR_ECORRUPT, "chunk header: %s at byte %d: found %lld, expected %s", field, at,
                    (long long)found, expected);
}

/* Version, length of the header, and the plain copy of its fields. */
static int read_fields(struct tsr_chunk *c, const struct view *v)
{
    const uint8_t *p = v->p;
    if (v->len < BASIC_HEADER || v->avail < BASIC_HEADER)
        return tsr_fail(TSR_ECORRUPT, "chunk header: found %zu bytes, expected at least 16",
                        v->len);
    c->version = p[AT_VERSION];
    if (c->version == 0) return corrupt("version", AT_VERSION, 0, "1 to 6");
    if (c->version > VERSION_LAST)
        return tsr_fail(TSR_EUNSUPPORTED, "chunk header: version %d is newer than 6", c->version);
    c->flags = p[AT_FLAGS];
    c->basic = (c->flags & FLAG_EXTENDED) != FLAG_EXTENDED;
    c->head_bytes = c->basic ? BASIC_HEADER : TSR_CHUNK_HEADER;
    if (v->len < c->head_bytes || v->avail < c->head_bytes)
        return tsr_fail(TSR_ECORRUPT, "chunk header: found %zu bytes, expected at least 32",
                        v->len);
    c->typesize = p[AT_TYPESIZE];
    c->nbytes = (int32_t)tsr_load_LE32(p + AT_NBYTES);
    c->block_bytes = (int32_t)tsr_load_LE32(p + AT_BLOCKSIZE);
    c->cbytes = (int32_t)tsr_load_LE32(p + AT_CBYTES);
    c->memcpyed = (c->flags & FLAG_MEMCPYED) != 0;
    if (c->basic) return TSR_OK;
    memcpy(c->filters, p + AT_FILTERS, TSR_CHUNK_FILTERS);
    memcpy(c->filters_meta, p + AT_FILTERS_META, TSR_CHUNK_FILTERS);
    if (c->version == VERSION_ALPHA) c->filters[5] = c->filters_meta[5] = 0;
    c->codec_meta = p[AT_CODEC_META];
    c->flags2 = p[AT_FLAGS2];
    c->blosc2_flags = p[AT_BLOSC2_FLAGS];
    c->special = (c->blosc2_flags & BLOSC2_SPECIAL) >> 4;
    c->vlblocks = (c->flags2 & FLAGS2_VLBLOCKS) != 0;
    c->instrumented = (c->blosc2_flags & BLOSC2_INSTRUMENTED) != 0;
    return TSR_OK;
}

/* Without an extended header the flags tell the pipeline (2.2). */
static void derive_filters(struct tsr_chunk *c)
{
    if (c->flags & FLAG_SHUFFLE) c->filters[5] = FILTER_SHUFFLE;
    if (c->flags & FLAG_BITSHUFFLE) c->filters[5] = FILTER_BITSHUFFLE;
    if (c->flags & FLAG_DELTA) c->filters[4] = FILTER_DELTA;
}

static int check_sizes(const struct tsr_chunk *c, uint64_t avail)
{
    if (c->typesize == 0) return corrupt("typesize", AT_TYPESIZE, 0, "1 to 255");
    if (c->nbytes < 0) return corrupt("nbytes", AT_NBYTES, c->nbytes, "0 or more");
    if (c->nbytes > TSR_CHUNK_MAX_NBYTES)
        return corrupt("nbytes", AT_NBYTES, c->nbytes, "at most 2147483615");
    if (c->cbytes < c->head_bytes)
        return corrupt("cbytes", AT_CBYTES, c->cbytes, "at least the header");
    if ((uint64_t)c->cbytes > avail)
        return tsr_fail(TSR_ECORRUPT,
                        "chunk header: cbytes at byte 12: found %d, but only %llu "
                        "bytes are there",
                        c->cbytes, (unsigned long long)avail);
    if (!c->special && (c->block_bytes <= 0 || c->block_bytes > TSR_BLOCK_MAX))
        return corrupt("blocksize", AT_BLOCKSIZE, c->block_bytes, "1 to 536866816");
    return TSR_OK;
}

static int check_flags(const struct tsr_chunk *c)
{
    if (c->flags2 & ~FLAGS2_VLBLOCKS)
        return corrupt("flags2", AT_FLAGS2, c->flags2, "no bits but bit 0");
    if (c->blosc2_flags & BLOSC2_LAZY)
        return corrupt("blosc2_flags", AT_BLOSC2_FLAGS, c->blosc2_flags, "no lazy chunk (bit 3)");
    if (c->special > TSR_SPECIAL_UNINIT)
        return corrupt("special value", AT_BLOSC2_FLAGS, c->special, "0 to 4");
    if (c->vlblocks && (c->special || c->memcpyed || c->instrumented))
        return corrupt("flags2", AT_FLAGS2, c->flags2,
                       "no VL blocks in a memcpyed, special or instrumented chunk");
    return TSR_OK;
}

static int check_special(struct tsr_chunk *c)
{
    int32_t tail = c->cbytes - c->head_bytes;
    if (c->special != TSR_SPECIAL_VALUE && tail != 0)
        return corrupt("cbytes", AT_CBYTES, c->cbytes, "32 for a chunk of zeros or NaN");
    if (c->special == TSR_SPECIAL_VALUE && (tail <= 0 || c->nbytes % tail || tail > c->nbytes))
        return tsr_fail(TSR_ECORRUPT,
                        "chunk header: repeated value of %d bytes at byte 32, "
                        "expected a divisor of nbytes %d",
                        tail, c->nbytes);
    if (c->special == TSR_SPECIAL_NAN && c->typesize != 4 && c->typesize != 8)
        return corrupt("typesize", AT_TYPESIZE, c->typesize, "4 or 8 for NaN");
    bool whole = c->special == TSR_SPECIAL_NAN || c->special == TSR_SPECIAL_UNINIT;
    if (whole && c->nbytes % c->typesize)
        return corrupt("nbytes", AT_NBYTES, c->nbytes, "a multiple of the type size");
    c->value_bytes = c->special == TSR_SPECIAL_VALUE ? tail : 0;
    if (c->block_bytes <= 0 || c->block_bytes > TSR_BLOCK_MAX) /* it has no meaning here */
        c->block_bytes = (int32_t)tsr_max64(1, tsr_min64(c->nbytes, TSR_BLOCK_MAX));
    return TSR_OK;
}

/* Block size and count of 2.7. */
static void derive_blocks(struct tsr_chunk *c)
{
    int32_t bs = c->block_bytes;
    if (c->nbytes > 0 && bs > c->nbytes) bs = c->nbytes;
    if (bs > c->typesize && !c->instrumented) bs -= bs % c->typesize;
    c->block_bytes = bs;
    c->nblocks = (int32_t)tsr_ceil_div(c->nbytes, bs);
    c->leftover = c->nbytes % bs;
}

static int unsupported(const char *what, int id, const char *name)
{
    if (name)
        return tsr_fail(TSR_EUNSUPPORTED, "chunk: %s %d (%s) is not built in", what, id, name);
    return tsr_fail(TSR_EUNSUPPORTED, "chunk: %s %d is neither built in nor registered", what, id);
}

/* The codec id of 4.1, from the format code and, for what shares one, the id byte. */
static int find_codec_id(struct tsr_chunk *c, const uint8_t *p)
{
    static const int8_t ids[8] = {0, 1, 3, 4, 5, -1, -1, -1};
    int format = c->flags >> 5, id = c->basic ? 0 : p[AT_UDCODEC];
    if (format == 5 || format == 7)
        return corrupt("codec format", AT_FLAGS, format, "0 to 4, or 6");
    if (format == FORMAT_PLUGIN) c->codec_id = (uint8_t)id;
    else c->codec_id = format == 1 && id == CODEC_LZ4HC ? CODEC_LZ4HC : (uint8_t)ids[format];
    return TSR_OK;
}

static int check_filters(const struct tsr_chunk *c)
{
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        int id = c->filters[i];
        if (!id) continue;
        if (!tsr_filter_blosc2(c->codecs, id))
            return unsupported("filter", id, tsr_filter_known_name(id));
        if (id == FILTER_SHUFFLE && !c->vlblocks && c->filters_meta[i] > c->block_bytes)
            return corrupt("shuffle meta", AT_FILTERS_META + i, c->filters_meta[i],
                           "at most the block size");
    }
    return TSR_OK;
}

int tsr_chunk_bind_dict(struct tsr_chunk *c, const uint8_t *p, size_t len)
{
    int64_t at = c->head_bytes + 4 * (int64_t)c->nblocks;
    if (!c->dict) return TSR_OK;
    if (at + 4 > c->cbytes)
        return tsr_fail(TSR_ECORRUPT, "chunk: no room for a dictionary at byte %lld of %d",
                        (long long)at, c->cbytes);
    if ((uint64_t)at + 4 > len) return TSR_OK;
    int32_t size = (int32_t)tsr_load_LE32(p + at);
    if (size <= 0 || size > DICT_MAX || size > c->cbytes - at - 4)
        return tsr_fail(TSR_ECORRUPT,
                        "chunk: dictionary at byte %lld of %d: found %d bytes, "
                        "expected 1 to 32768",
                        (long long)at, c->cbytes, size);
    c->dict_len = size;
    if ((uint64_t)at + 4 + (uint64_t)size <= len) c->dict_bytes = p + at + 4;
    return TSR_OK;
}

/* One VL block; adds its decoded size, if at hand, to *sum. */
static int check_vl_block(const struct tsr_chunk *c, const struct view *v, int32_t b, int64_t *sum)
{
    const uint8_t *starts = v->p + c->head_bytes;
    int32_t at = (int32_t)tsr_load_LE32(starts + 4 * (size_t)b), next = c->cbytes;
    if (b + 1 < c->nblocks) next = (int32_t)tsr_load_LE32(starts + 4 * (size_t)b + 4);
    if (next > c->cbytes || (int64_t)next - at <= 4)
        return tsr_fail(TSR_ECORRUPT, "chunk: VL block %d at byte %d ends at byte %d", b, at, next);
    if ((size_t)at + 4 > v->len) return TSR_OK;
    int32_t size = (int32_t)tsr_load_LE32(v->p + at);
    *sum += size;
    if (size <= 0 || *sum > c->nbytes)
        return tsr_fail(TSR_ECORRUPT,
                        "chunk: VL block %d at byte %d: found size %d, expected 1 to "
                        "%lld",
                        b, at, size, (long long)(c->nbytes - (*sum - size)));
    return TSR_OK;
}

/* VL blocks (3.8): checks what lies in the bytes at hand.  All together they are one unit of
 * decoding, since only the blocks themselves say how large they are. */
static int check_vl(struct tsr_chunk *c, const struct view *v)
{
    int64_t end = c->head_bytes + 4 * (int64_t)(c->nblocks = c->block_bytes), sum = 0;
    if (end > c->cbytes)
        return corrupt("number of VL blocks", AT_BLOCKSIZE, c->nblocks, "what fits into cbytes");
    int rc = tsr_chunk_bind_dict(c, v->p, v->len);
    if (rc < 0) return rc;
    end = (int64_t)tsr_chunk_head_len(c);
    if ((uint64_t)end <= v->len) {
        int32_t first = (int32_t)tsr_load_LE32(v->p + c->head_bytes);
        if (first < end)
            return tsr_fail(TSR_ECORRUPT, "chunk: VL block 0 at byte %d, expected at least %lld",
                            first, (long long)end);
        for (int32_t b = 0; b < c->nblocks; b++)
            if ((rc = check_vl_block(c, v, b, &sum)) < 0) return rc;
        if (v->len >= (size_t)c->cbytes && sum != c->nbytes)
            return tsr_fail(TSR_ECORRUPT, "chunk: VL blocks hold %lld bytes, expected nbytes %d",
                            (long long)sum, c->nbytes);
    }
    c->block_bytes = c->nbytes;
    c->serial = false; /* each block is its own reference, should there be delta */
    if ((rc = check_filters(c)) < 0) return rc;
    if (c->codec) return TSR_OK;
    return unsupported("codec", c->codec_id, tsr_codec_known_name(c->codec_id));
}

/* A chunk with block starts. */
static int check_regular(struct tsr_chunk *c, const struct view *v)
{
    int64_t end = c->head_bytes + 4 * (int64_t)c->nblocks;
    if (end > c->cbytes)
        return tsr_fail(TSR_ECORRUPT,
                        "chunk header: %d blocks of %d bytes do not fit into cbytes "
                        "%d at byte 12",
                        c->nblocks, c->block_bytes, c->cbytes);
    bool split = !(c->flags & FLAG_NO_SPLIT) && !c->basic;
    if (split && (c->block_bytes < c->typesize || c->block_bytes % c->typesize))
        return corrupt("blocksize", AT_BLOCKSIZE, c->block_bytes,
                       "a multiple of the type size, a stream per byte of it");
    int rc = tsr_chunk_bind_dict(c, v->p, v->len);
    if (rc < 0) return rc;
    if (c->instrumented) return TSR_OK;
    if ((rc = check_filters(c)) < 0) return rc;
    if (c->codec) return TSR_OK;
    return unsupported("codec", c->codec_id, tsr_codec_known_name(c->codec_id));
}

/* What follows the header, by kind (3). */
static int check_kind(struct tsr_chunk *c, const struct view *v)
{
    if (c->special) {
        int rc = check_special(c);
        if (rc == TSR_OK) derive_blocks(c);
        return rc;
    }
    if (!c->vlblocks) derive_blocks(c);
    int32_t body = c->cbytes - c->head_bytes;
    if (c->memcpyed && body != c->nbytes)
        return corrupt("cbytes", AT_CBYTES, c->cbytes, "nbytes and the header in a stored chunk");
    if (c->memcpyed) return TSR_OK;
    if (c->nbytes == 0 && body != 0)
        return corrupt("cbytes", AT_CBYTES, c->cbytes, "the header alone in an empty chunk");
    if (c->nbytes == 0) return TSR_OK;
    int rc = find_codec_id(c, v->p);
    if (rc < 0) return rc;
    if (!c->instrumented) c->codec = tsr_codec_blosc2(c->codecs, c->codec_id);
    c->dict = (c->blosc2_flags & BLOSC2_DICT) != 0;
    for (int i = 0; i < TSR_CHUNK_FILTERS && !c->instrumented; i++)
        c->serial |= c->filters[i] == FILTER_DELTA;
    return c->vlblocks ? check_vl(c, v) : check_regular(c, v);
}

int tsr_chunk_parse(struct tsr_chunk *c, const uint8_t *p, size_t len, uint64_t avail,
                    struct tsr_limits limits)
{
    struct view v = {p, len, avail};
    *c = (struct tsr_chunk){.codecs = limits.codecs};
    int rc = read_fields(c, &v);
    if (rc < 0) return rc;
    if (c->basic) derive_filters(c);
    if ((rc = check_flags(c)) < 0) return rc;
    if ((rc = check_sizes(c, avail)) < 0) return rc;
    if ((rc = check_kind(c, &v)) < 0) return rc;
    if ((uint64_t)c->nbytes > limits.max_bytes)
        return tsr_fail(TSR_ELIMIT, "chunk header: nbytes at byte 4: found %d, the limit is %llu",
                        c->nbytes, (unsigned long long)limits.max_bytes);
    return TSR_OK;
}

bool tsr_chunk_kind(const uint8_t *p, size_t len, bool *vl)
{
    bool extended = len >= TSR_CHUNK_HEADER && (p[AT_FLAGS] & FLAG_EXTENDED) == FLAG_EXTENDED;
    *vl = extended && (p[AT_FLAGS2] & FLAGS2_VLBLOCKS);
    return len >= BASIC_HEADER && !(extended && (p[AT_BLOSC2_FLAGS] & BLOSC2_SPECIAL));
}

size_t tsr_chunk_head_len(const struct tsr_chunk *c)
{
    if (!tsr_chunk_is_regular(c)) return c->head_bytes + (size_t)c->value_bytes;
    return c->head_bytes + 4 * (size_t)c->nblocks + (c->dict ? 4 + (size_t)c->dict_len : 0);
}
