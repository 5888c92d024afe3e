/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zlib.c - zlib streams (RFC 1950) through libdeflate.
 *
 * libdeflate searches differently from zlib and zlib-ng, so its levels are chosen by outcome and
 * not by number; streams on which its quick levels find less than theirs are encoded again with a
 * thorough one.  Compressors cannot change their level, so the worker keeps one of each that was
 * used.  What a stream begins with and needs no search, noise and runs, is written by deflate.c:
 * of sorted bytes and bits these are the low ones, most of the block. */
#include <libdeflate.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "codec/codec.h"
#include "codec/deflate.h"
#include "codec/probe.h"
#include "codec/zlib.h"

extern const struct tsr_codec tsr_codec_zlib;

enum { MAX_LEVEL = 12 };

struct deflate {
    struct libdeflate_compressor *c[MAX_LEVEL + 1];
    struct libdeflate_decompressor *d;
};

static void deflate_free(void *p)
{
    struct deflate *z = p;
    for (int i = 0; i <= MAX_LEVEL; i++) libdeflate_free_compressor(z->c[i]);
    libdeflate_free_decompressor(z->d);
    tsr_free(z);
}

/* The worker's states with compressor `level`, or the decompressor for level < 0. */
static struct deflate *states(struct tsr_worker *w, int level)
{
    struct deflate *z = tsr_worker_state(w, &tsr_codec_zlib, sizeof *z, deflate_free);
    if (!z) return NULL;
    if (level >= 0 && !z->c[level]) z->c[level] = libdeflate_alloc_compressor(level);
    if (level < 0 && !z->d) z->d = libdeflate_alloc_decompressor();
    if (level >= 0 ? (void *)z->c[level] : (void *)z->d) return z;
    tsr_fail(TSR_ENOMEM, "zlib: no memory for a state");
    return NULL;
}

struct libdeflate_compressor *tsr_zlib_compressor(struct tsr_worker *w, int level)
{
    struct deflate *z = states(w, level);
    return z ? z->c[level] : NULL;
}

struct libdeflate_decompressor *tsr_zlib_decompressor(struct tsr_worker *w)
{
    struct deflate *z = states(w, -1);
    return z ? z->d : NULL;
}

/* The libdeflate levels of a clevel: for all streams first, then again for those that shrink 4 and
 * 16 times, and (0: never) for those that shrink less than twice, where a sample says that it pays.
 * What is written apart as a start counts for none of it.  With these no ratio of the data in
 * tests/interop/test_ratio.py and of the rows of bench/ is more than 2 % below that of zlib-ng at
 * clevel 1, 5, 6, 7 and 9, but of counts around 1024 (2.4 % at 5) and of the curve in steps (6 and
 * 8 % at 6 and 7), where levels of libdeflate that find more take four times as long and longer; at
 * 2 to 4 a few are, by up to 6 %. */
struct effort {
    uint8_t all, by4, by16, weak;
};

static const struct effort efforts[10] = {
    {1, 1, 1, 0}, {1, 1, 1, 0},  {2, 2, 2, 0},  {3, 3, 3, 0},    {4, 4, 5, 0},
    {4, 8, 9, 0}, {6, 8, 9, 10}, {7, 8, 9, 10}, {8, 11, 11, 10}, {12, 12, 12, 0},
};

/* Short items as they are: what barely shrinks gains from a search at all costs. */
static const struct effort of_pairs = {5, 7, 8, 10};

/* Of sorted bytes and bits the noise is out of the way, and the quickest levels do for the rest,
 * but for what shrinks 16 times, which clevel 4 and 5 search again. */
static const struct effort of_sorted[6] = {
    {1, 1, 1, 0}, {1, 1, 1, 0}, {1, 1, 1, 0}, {1, 1, 1, 0}, {2, 2, 8, 0}, {2, 2, 9, 0},
};

static const struct effort *effort_of(const struct tsr_call *c)
{
    bool sorted = c->block->order != TSR_ORDER_ITEMS;
    if (sorted && c->level <= 5) return &of_sorted[c->level];
    if (c->level == 5 && c->block->typesize == 2) return &of_pairs;
    return &efforts[c->level];
}

enum { SAMPLE = 4096 };

/* One stream to encode. */
struct job {
    const struct tsr_call *call;
    const uint8_t *src;
    size_t n;
};

/* Encodes with one libdeflate level; *out 0: it does not fit. */
static int encode_at(const struct job *j, int level, uint8_t *dst, size_t cap, size_t *out)
{
    struct deflate *z = states(j->call->worker, level);
    if (!z) return TSR_ENOMEM;
    *out = libdeflate_deflate_compress(z->c[level], j->src, j->n, dst, cap);
    return TSR_OK;
}

/* Does level b save 1.5 % against level a on a sample from the middle? */
static int sample_pays(const struct job *j, int a, int b, bool *pays)
{
    uint8_t room[SAMPLE + 64];
    struct job s = {j->call, j->src + (j->n - SAMPLE) / 2, SAMPLE};
    size_t with_a = 0, with_b = 0;
    int rc = encode_at(&s, a, room, sizeof room, &with_a);
    if (rc == TSR_OK) rc = encode_at(&s, b, room, sizeof room, &with_b);
    *pays = with_b > 0 && with_b < with_a - with_a / 64;
    return rc;
}

/* The level to encode a stream with again that shrank to len bytes, 0 for none. */
static int second_level(const struct job *j, const struct effort *e, size_t len, int *level)
{
    bool pays = false;
    int rc = TSR_OK;
    *level = 0;
    if (len < j->n / 4) *level = len < j->n / 16 ? e->by16 : e->by4;
    else if (e->weak && len > j->n / 2 && j->n > SAMPLE)
        rc = sample_pays(j, e->all, e->weak, &pays);
    if (pays) *level = e->weak;
    if (*level == e->all) *level = 0;
    return rc;
}

/* Searches a stream: libdeflate, with a second level where it pays. */
static int encode_searched(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                           size_t cap, size_t *out)
{
    const struct effort *e = effort_of(c);
    struct job j = {c, src, n};
    int again = 0;
    int rc = encode_at(&j, e->all, dst, cap, out);
    if (rc == TSR_OK && *out) rc = second_level(&j, e, *out, &again);
    if (rc < 0 || !again) return rc;
    if ((rc = encode_at(&j, again, dst, cap, out)) < 0) return rc;
    return *out ? rc : encode_at(&j, e->all, dst, cap, out);
}

/* Writes what the stream begins with and needs no search: planes of one value, or of noise.  Sets
 * *at to where the rest begins.  False: no room. */
static bool encode_start(struct tsr_deflate *d, const struct tsr_call *c, const uint8_t *src,
                         size_t n, size_t *at)
{
    enum { WINDOW = 32 << 10 };
    struct tsr_parts planes;
    bool fits = true;
    tsr_probe_parts(&planes, c->block, src, n, WINDOW);
    for (size_t i = 0; i < planes.count && fits; i++) {
        size_t len = tsr_part_len(&planes, i);
        const uint8_t *p = src + *at;
        if (planes.part[i] == TSR_PART_SEARCH) return true;
        if (planes.part[i] == TSR_PART_RUN) fits = tsr_deflate_run(d, *p, len);
        else fits = tsr_deflate_literals(d, p, len);
        *at += len;
    }
    return fits;
}

/* The start, if it is to be written apart, and what libdeflate makes of the rest: *len bytes from
 * d->op on, 0 when they do not fit. */
static int encode_body(const struct tsr_call *c, bool apart, const uint8_t *src, size_t n,
                       struct tsr_deflate *d, size_t *len)
{
    const uint8_t *from = d->op;
    size_t at = 0, rest = 0;
    *len = 0;
    if (apart && !encode_start(d, c, src, n, &at)) return TSR_OK;
    if (at == n ? !tsr_deflate_end(d) : !tsr_deflate_align(d)) return TSR_OK;
    if (at < n) {
        int rc = encode_searched(c, src + at, n - at, d->op, (size_t)(d->end - d->op), &rest);
        if (rc < 0 || !rest) return rc;
    }
    *len = (size_t)(d->op - from) + rest;
    return TSR_OK;
}

/* The whole stream: header, the start, what libdeflate makes of the rest, and the checksum.  What
 * shrinks to a sixteenth is searched as a whole: that is quick, and the start would count.
 *
 *   | 78 9C | blocks of the start, to a byte | blocks of libdeflate | Adler-32 |             */
static int zlib_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                       size_t cap, size_t *out)
{
    enum { HEAD = 2, TAIL = 4, SHORTEST = 2048, WELL = 16 };
    size_t len = 0;
    bool apart = c->level < 9 && n >= SHORTEST;
    *out = 0;
    if (cap < HEAD + TAIL) return TSR_OK;
    const struct tsr_deflate begin = {.op = dst + HEAD, .end = dst + cap - TAIL};
    struct tsr_deflate d = begin;
    int rc = encode_body(c, apart, src, n, &d, &len);
    if (rc == TSR_OK && apart && len && len < n / WELL) {
        d = begin;
        rc = encode_body(c, false, src, n, &d, &len);
    }
    if (rc < 0 || !len) return rc;
    tsr_store_BE16(dst, 0x789C);
    tsr_store_BE32(dst + HEAD + len, libdeflate_adler32(1, src, n));
    *out = HEAD + len + TAIL;
    return TSR_OK;
}

static int zlib_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                       size_t n)
{
    struct deflate *z = states(c->worker, -1);
    if (!z) return TSR_ENOMEM;
    switch (libdeflate_zlib_decompress(z->d, src, len, dst, n, NULL)) {
    case LIBDEFLATE_SUCCESS: return TSR_OK;
    case LIBDEFLATE_SHORT_OUTPUT:
        return tsr_fail(TSR_ECORRUPT, "zlib: stream decodes to fewer than %zu bytes", n);
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        return tsr_fail(TSR_ECORRUPT, "zlib: stream decodes to more than %zu bytes", n);
    default: return tsr_fail(TSR_ECORRUPT, "zlib: broken stream of %zu bytes", len);
    }
}

const struct tsr_codec tsr_codec_zlib = {
    .name = "zlib",
    .about = "zlib (deflate): good ratio, read everywhere",
    .blosc2_id = 4,
    .blosc2_format = 3,
    .hdf5_id = 1,
    .zarr = "zlib",
    .encode = zlib_encode,
    .decode = zlib_decode,
};
