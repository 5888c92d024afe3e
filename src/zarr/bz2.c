/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/bz2.c - the codec "bz2": one or more bzip2 streams, through libbz2.
 *
 * libbz2 takes what it needs anew for each stream: 4 MB to decode, 8 MB to encode at the most, a
 * constant whatever a stream says. */
#include <bzlib.h>
#include <limits.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/codec.h"
#include "zarr/node.h"

struct bz2 {
    int level;
};

static int bz2_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    static const struct tsr_zparam level = {"level", 1, 9, TSR_ZLEVEL};
    struct bz2 *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t v = 1;
    if (!s) return TSR_ENOMEM;
    int rc = tsr_zcodec_int(config, &level, format, &v);
    s->level = (int)v;
    c->state = s;
    tsr_zcodec_out_bytes(c, -1);
    return rc;
}

/* libbz2 counts in unsigned ints: both windows are moved on by what they can hold. */
struct spans {
    const uint8_t *src;
    size_t len, used;
    uint8_t *dst;
    size_t cap, made;
};

static void refill(bz_stream *z, const struct spans *s)
{
    z->next_in = (char *)(uintptr_t)(s->src + s->used); /* libbz2 does not write to it */
    z->avail_in = (unsigned)tsr_minz(s->len - s->used, UINT_MAX);
    z->next_out = (char *)s->dst + s->made;
    z->avail_out = (unsigned)tsr_minz(s->cap - s->made, UINT_MAX);
}

static void count(const bz_stream *z, struct spans *s)
{
    s->used = (size_t)((const uint8_t *)z->next_in - s->src);
    s->made = (size_t)((uint8_t *)z->next_out - s->dst);
}

/* What libbz2 said inside a stream: go on, or why not. */
static int step(const struct tsr_zcodec *c, int bz, const struct spans *s, size_t before)
{
    if (bz == BZ_STREAM_END) return TSR_OK;
    if (bz == BZ_MEM_ERROR) return tsr_fail(TSR_ENOMEM, "bz2: no memory for a state");
    if (bz != BZ_OK)
        return tsr_fail(TSR_ECORRUPT, "bz2: the stream is broken before byte %zu", s->used);
    if (s->used + s->made != before) return TSR_OK;
    if (s->made == s->cap && (s->used < s->len || c->in.bytes < 0))
        return tsr_zcodec_over(c, s->cap);
    return tsr_fail(TSR_ECORRUPT, "bz2: the stream is cut at byte %zu%s", s->len,
                    s->made == s->cap ? ", or decodes to too much" : "");
}

static int decode_stream(const struct tsr_zcodec *c, struct spans *s)
{
    bz_stream z = {0};
    int bz = BZ_OK, rc = TSR_OK;
    if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
        return tsr_fail(TSR_ENOMEM, "bz2: no memory for a state");
    while (rc == TSR_OK && bz != BZ_STREAM_END) {
        size_t before = s->used + s->made;
        refill(&z, s);
        bz = BZ2_bzDecompress(&z);
        count(&z, s);
        rc = step(c, bz, s, before);
    }
    BZ2_bzDecompressEnd(&z);
    return rc;
}

static int bz2_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct spans s = {src, len, 0, dst, cap, 0};
    int rc;
    (void)w;
    do rc = decode_stream(c, &s);
    while (rc == TSR_OK && s.used < len);
    return rc < 0 ? rc : tsr_zcodec_made(c, s.made, n);
}

static int bz2_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct bz2 *b = c->state;
    struct spans s = {src, len, 0, dst, cap, 0};
    bz_stream z = {0};
    int bz = BZ_RUN_OK;
    (void)w;
    if (BZ2_bzCompressInit(&z, b->level, 0, 0) != BZ_OK)
        return tsr_fail(TSR_ENOMEM, "bz2: no memory for a state");
    while (bz == BZ_RUN_OK || bz == BZ_FINISH_OK) {
        size_t before = s.used + s.made;
        refill(&z, &s);
        bz = BZ2_bzCompress(&z, len - s.used > UINT_MAX ? BZ_RUN : BZ_FINISH);
        count(&z, &s);
        if (bz != BZ_STREAM_END && s.used + s.made == before) break;
    }
    BZ2_bzCompressEnd(&z);
    *n = s.made;
    return bz == BZ_STREAM_END ? TSR_OK : tsr_fail(TSR_EARG, "bz2: no room in %zu bytes", cap);
}

/* The library's manual: 1 % more and 600 bytes. */
static size_t bz2_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return len + len / 100 + 600;
}

const struct tsr_zcodec_kind tsr_zkind_bz2 = {
    .v2 = "bz2",
    .stage = TSR_ZBYTES_TO_BYTES,
    .complete = tsr_zcodec_complete_level,
    .open = bz2_open,
    .decode = bz2_decode,
    .encode = bz2_encode,
    .bound = bz2_bound,
};
