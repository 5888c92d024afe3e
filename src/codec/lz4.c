/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/lz4.c - LZ4 blocks: encoded by liblz4, fast ("lz4") and thorough ("lz4hc").
 *
 * A payload is one raw LZ4 block, without frame or length: the framings of Zarr and HDF5 are
 * codecs of their own.  What both write is decoded by lz4_block.c.  The states (16 KiB and
 * 256 KiB) live on the worker.  A dictionary stands for what came before a block: a state takes it
 * in once, and a copy of that state begins each block. */
#include <limits.h>
#include <lz4.h>
#include <lz4hc.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "codec/codec.h"
#include "codec/lz4_block.h"
#include "codec/lz4_join.h"
#include "codec/probe.h"

extern const struct tsr_codec tsr_codec_lz4, tsr_codec_lz4hc;

/* A dictionary, and a state of liblz4 that has taken it in. */
struct taken {
    uint8_t *bytes;
    size_t len;
};

struct lz4 {
    LZ4_stream_t stream, with_dict;
    struct taken dict;
};

static void lz4_free(void *p)
{
    struct lz4 *z = p;
    tsr_free(z->dict.bytes);
    tsr_free(z);
}

static struct lz4 *state(struct tsr_worker *w)
{
    return tsr_worker_state(w, &tsr_codec_lz4, sizeof(struct lz4), lz4_free);
}

static int clamp(size_t len)
{
    return len > INT_MAX ? INT_MAX : (int)len;
}

/* Has t keep the dictionary of call c; *fresh: it was another one before. */
static int take(struct taken *t, const struct tsr_call *c, bool *fresh)
{
    *fresh = !t->bytes || t->len != c->dict_len || memcmp(t->bytes, c->dict, t->len) != 0;
    if (!*fresh) return TSR_OK;
    tsr_free(t->bytes);
    if (!(t->bytes = tsr_alloc(c->dict_len))) return TSR_ENOMEM;
    memcpy(t->bytes, c->dict, c->dict_len);
    t->len = c->dict_len;
    return TSR_OK;
}

static int lz4_with_dict(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                         size_t cap, size_t *out)
{
    bool fresh;
    struct lz4 *z = state(c->worker);
    int rc = z ? take(&z->dict, c, &fresh) : TSR_ENOMEM;
    if (rc < 0) return rc;
    if (fresh) {
        LZ4_initStream(&z->with_dict, sizeof z->with_dict);
        LZ4_loadDict(&z->with_dict, (const char *)z->dict.bytes, clamp(z->dict.len));
    }
    z->stream = z->with_dict;
    *out = (size_t)LZ4_compress_fast_continue(&z->stream, (const char *)src, (char *)dst, (int)n,
                                              clamp(cap), 10 - c->level);
    return TSR_OK;
}

/* Encodes without a dictionary, by the quick search of liblz4. */
static int quick(const struct tsr_call *c, int acceleration, const uint8_t *src, size_t n,
                 uint8_t *dst, size_t cap, size_t *out)
{
    struct lz4 *z = state(c->worker);
    if (!z) return TSR_ENOMEM;
    *out = (size_t)LZ4_compress_fast_extState(&z->stream, (const char *)src, (char *)dst, (int)n,
                                              clamp(cap), acceleration);
    return TSR_OK;
}

static int lz4_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                      size_t cap, size_t *out)
{
    *out = 0;
    if (n > LZ4_MAX_INPUT_SIZE) return TSR_OK;
    if (c->dict) return lz4_with_dict(c, src, n, dst, cap, out);
    return quick(c, 10 - c->level, src, n, dst, cap, out);
}

/* liblz4 1.10 has a search of its own for levels 1 and 2; with an older one only level 4 is never
 * more than 2 % behind it.  On numbers of four and more bytes as they are level 5 finds no more
 * than 4 does: 0.2 % of a smooth field, 1.2 % of a table. */
static int lz4hc_level(const struct tsr_call *c)
{
    bool numbers = c->block->order == TSR_ORDER_ITEMS && c->block->typesize >= 4;
    return c->level < (numbers ? 6 : 4) ? 4 : c->level;
}

/* A stream that is encoded part by part. */
struct parts {
    const struct tsr_call *call;
    struct tsr_lz4_join join;
    LZ4_streamHC_t *stream;
    uint8_t *aside; /* room for any part */
};

/* Searches the next n bytes; liblz4 sees nothing before them. */
static bool add_searched(struct parts *p, size_t n)
{
    struct tsr_lz4_join *j = &p->join;
    LZ4_resetStreamHC_fast(p->stream, lz4hc_level(p->call));
    int len = LZ4_compress_HC_continue(p->stream, (const char *)j->src + j->at, (char *)p->aside,
                                       (int)n, LZ4_compressBound((int)n));
    return len > 0 && tsr_lz4_join_block(j, n, p->aside, (size_t)len);
}

static bool add(struct parts *p, enum tsr_part part, size_t n)
{
    if (part == TSR_PART_RUN) return tsr_lz4_join_run(&p->join, n);
    if (part == TSR_PART_SEARCH) return add_searched(p, n);
    tsr_lz4_join_plain(&p->join, n);
    return true;
}

/* Encodes the planes of sorted bits or bytes each as it is: neighbours to be searched together,
 * noise not at all, so that its positions do not lengthen the search of others either. */
static bool encode_planes(struct parts *p, const struct tsr_parts *planes)
{
    size_t run = 0;
    enum tsr_part now = TSR_PART_NOISE;
    bool fits = true;
    for (size_t i = 0; i < planes->count && fits; i++) {
        enum tsr_part part = planes->part[i];
        if (part != now || part == TSR_PART_RUN) {
            fits = !run || add(p, now, run);
            run = 0;
        }
        now = part;
        run += tsr_part_len(planes, i);
    }
    return fits && add(p, now, run) && tsr_lz4_join_end(&p->join);
}

/* Searches a whole stream.  0: it does not fit. */
static size_t hc(LZ4_streamHC_t *s, int level, const uint8_t *src, size_t n, uint8_t *dst,
                 size_t cap)
{
    LZ4_resetStreamHC_fast(s, level);
    return (size_t)LZ4_compress_HC_continue(s, (const char *)src, (char *)dst, (int)n, clamp(cap));
}

/* Encodes without a dictionary. */
static int lz4hc_plain(const struct tsr_call *c, LZ4_streamHC_t *s, const uint8_t *src, size_t n,
                       uint8_t *dst, size_t cap, size_t *out)
{
    enum { WINDOW = 64 << 10, AGAIN = 6 };
    struct tsr_parts planes;
    tsr_probe_parts(&planes, c->block, src, n, WINDOW);
    if (planes.count == 1) {
        if (c->level < 9 && planes.part[0] == TSR_PART_NOISE)
            return quick(c, 1, src, n, dst, cap, out);
        int level = lz4hc_level(c);
        *out = hc(s, level, src, n, dst, cap);
        if (level < AGAIN && *out && *out < n / 6) *out = hc(s, AGAIN, src, n, dst, cap);
        return TSR_OK;
    }
    struct parts p = {c, {src, n, 0, 0, dst, dst + cap}, s, NULL};
    p.aside = tsr_worker_scratch(c->worker, TSR_SCRATCH_CODEC, (size_t)LZ4_compressBound((int)n));
    if (!p.aside) return TSR_ENOMEM;
    if (encode_planes(&p, &planes)) *out = (size_t)(p.join.op - dst);
    return TSR_OK;
}

struct lz4hc {
    bool ready; /* stream was set up */
    LZ4_streamHC_t stream, with_dict;
    struct taken dict;
    int level; /* of with_dict */
};

static void lz4hc_free(void *p)
{
    struct lz4hc *z = p;
    tsr_free(z->dict.bytes);
    tsr_free(z);
}

static int lz4hc_with_dict(struct lz4hc *z, const struct tsr_call *c, const uint8_t *src, size_t n,
                           uint8_t *dst, size_t cap, size_t *out)
{
    bool fresh;
    int level = lz4hc_level(c), rc = take(&z->dict, c, &fresh);
    if (rc < 0) return rc;
    if (fresh || level != z->level) {
        LZ4_initStreamHC(&z->with_dict, sizeof z->with_dict);
        LZ4_resetStreamHC_fast(&z->with_dict, level);
        LZ4_loadDictHC(&z->with_dict, (const char *)z->dict.bytes, clamp(z->dict.len));
        z->level = level;
    }
    z->stream = z->with_dict;
    *out = (size_t)LZ4_compress_HC_continue(&z->stream, (const char *)src, (char *)dst, (int)n,
                                            clamp(cap));
    return TSR_OK;
}

static int lz4hc_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                        size_t cap, size_t *out)
{
    struct lz4hc *z = tsr_worker_state(c->worker, &tsr_codec_lz4hc, sizeof *z, lz4hc_free);
    if (!z) return TSR_ENOMEM;
    *out = 0;
    if (n > LZ4_MAX_INPUT_SIZE) return TSR_OK;
    if (c->dict) return lz4hc_with_dict(z, c, src, n, dst, cap, out);
    if (!z->ready) LZ4_initStreamHC(&z->stream, sizeof z->stream);
    z->ready = true;
    return lz4hc_plain(c, &z->stream, src, n, dst, cap, out);
}

static int lz4_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                      size_t n)
{
    struct tsr_lz4_block b = {src, len, c->dict, c->dict_len};
    return tsr_lz4_block_decode(&b, false, dst, n);
}

static int lz4_decode_start(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                            size_t n)
{
    struct tsr_lz4_block b = {src, len, c->dict, c->dict_len};
    return tsr_lz4_block_decode(&b, true, dst, n);
}

const struct tsr_codec tsr_codec_lz4 = {
    .name = "lz4",
    .about = "LZ4: very fast, moderate ratio",
    .blosc2_id = 1,
    .blosc2_format = 1,
    .dicts = TSR_DICT_PIECE, /* training would take twenty times as long as encoding */
    .encode = lz4_encode,
    .decode = lz4_decode,
    .decode_start = lz4_decode_start,
};

const struct tsr_codec tsr_codec_lz4hc = {
    .name = "lz4hc",
    .about = "LZ4 with a thorough search: slow to write, fast to read",
    .blosc2_id = 2,
    .blosc2_format = 1,
    .dicts = TSR_DICT_PIECE | TSR_DICT_STRINGS,
    .encode = lz4hc_encode,
    .decode = lz4_decode,
    .decode_start = lz4_decode_start,
};
