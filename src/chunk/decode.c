/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/decode.c - blocks and ranges of a chunk (blosc2.md 3.4-3.6, 14.10-12).
 *
 *   stream: | csize i32 | csize > 0: payload, stored as it is when csize is its decoded size
 *                       | csize < 0: token, a run of the byte -csize;   0: zeros
 *
 * The last stage of a block writes to the caller's buffer: the codec when there is no filter,
 * else the last filter, the others going to and fro between two scratch buffers of the worker.
 * A block stored as one plain stream is filtered from where it lies. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "chunk/pipeline.h"

/* The stored bytes of a block and how far they are read. */
struct input {
    const uint8_t *p;
    size_t len, at;
};

static int run_token(struct input *in, int32_t csize, uint8_t *dst, size_t n)
{
    if (in->at >= in->len)
        return tsr_fail(TSR_ECORRUPT, "byte %zu: the run's token is missing", in->at);
    int token = in->p[in->at++];
    if (!(token & TOKEN_RUN))
        return tsr_fail(TSR_ECORRUPT, "byte %zu: found token %d, expected bit 0", in->at - 1,
                        token);
    if (csize < -255)
        return tsr_fail(TSR_ECORRUPT, "byte %zu: found a run of value %lld, expected 1 to 255",
                        in->at - 5, -(long long)csize);
    memset(dst, -csize, n);
    return TSR_OK;
}

/* How the streams of a block are read: each has n bytes, of which the first `take` are wanted. */
enum { MOST_PLANES = 8 };
struct streams {
    int32_t block, count;
    size_t n, take;
    const uint8_t **plane; /* [count] where they lie; NULL: one after the other */
};

/* Reads the next stream into dst[take].  *plain, if asked for and the stream is stored as it is:
 * where it lies; then dst is left alone. */
static int read_stream(const struct tsr_chunk *c, const struct tsr_call *call, struct input *in,
                       const struct streams *st, uint8_t *dst, const uint8_t **plain)
{
    size_t n = st->n, take = st->take;
    if (in->len - in->at < 4)
        return tsr_fail(TSR_ECORRUPT, "byte %zu: found %zu bytes, expected a stream size", in->at,
                        in->len - in->at);
    int32_t csize = (int32_t)tsr_load_LE32(in->p + in->at);
    in->at += 4;
    if (csize < 0) return run_token(in, csize, dst, take);
    if ((size_t)csize > in->len - in->at)
        return tsr_fail(TSR_ECORRUPT, "byte %zu: found stream size %d, expected at most %zu",
                        in->at - 4, csize, in->len - in->at);
    const uint8_t *src = in->p + in->at;
    in->at += (size_t)csize;
    if (csize == 0) memset(dst, 0, take);
    else if ((size_t)csize == n && plain) *plain = src;
    else if ((size_t)csize == n) memcpy(dst, src, take);
    else if (!c->codec)
        return tsr_fail(TSR_ECORRUPT, "byte %zu: found a record of %d bytes, expected %zu",
                        in->at - (size_t)csize - 4, csize, n);
    else if (take < n) return c->codec->decode_start(call, src, (size_t)csize, dst, take);
    else return c->codec->decode(call, src, (size_t)csize, dst, n);
    return TSR_OK;
}

/* All streams of a block, into dst or, for one that is stored as it is, *joined. */
static int read_streams(const struct tsr_chunk *c, const struct tsr_call *call, struct input *in,
                        const struct streams *st, uint8_t *dst, const uint8_t **joined)
{
    const uint8_t **plain = st->count == 1 ? joined : NULL;
    for (int32_t s = 0; s < st->count; s++) {
        uint8_t *to = dst + (size_t)s * st->take;
        if (st->plane) *(plain = &st->plane[s]) = to;
        int rc = read_stream(c, call, in, st, to, plain);
        if (rc < 0) {
            tsr_within("block %d, stream %d", st->block, s);
            return rc;
        }
    }
    return TSR_OK;
}

static struct streams whole_streams(const struct tsr_chunk *c, int32_t b)
{
    int32_t count = tsr_chunk_streams(c, b);
    size_t n = (size_t)(tsr_chunk_block_len(c, b) / count);
    return (struct streams){b, count, n, n, NULL};
}

/* Into how many planes the filter sorts that is undone first; 0: into none. */
static size_t planes_of(const struct tsr_call *call, const struct tsr_stages *stages)
{
    struct tsr_call one = *call;
    if (stages->n == 0 || !stages->filter[0]->planes) return 0;
    one.meta = stages->meta[0];
    return stages->filter[0]->planes(&one);
}

/* Streams that are these planes need not be brought together first. */
static bool lie_apart(const struct tsr_call *call, const struct tsr_stages *stages,
                      const struct streams *st, size_t len)
{
    size_t n = (size_t)st->count;
    if (n != 2 && n != 4 && n != MOST_PLANES) return false;
    return planes_of(call, stages) == n && len % n == 0 && stages->filter[0]->decode_planes;
}

/* How much of each stream makes the first `want` bytes of block b: of one stream that no filter
 * follows just these, of planes in a stream each the same part of every one.  Planes keep to
 * cache lines, so that the filter does not straddle them.  All, if most of it is needed. */
static struct streams some_streams(const struct tsr_chunk *c, const struct tsr_call *call,
                                   const struct tsr_stages *stages, int32_t b, size_t want)
{
    enum { LINE = 64 };
    struct streams st = whole_streams(c, b);
    size_t take = st.n;
    if (!c->codec || !c->codec->decode_start) return st;
    if (stages->n == 0 && st.count == 1) {
        take = want;
    } else if (stages->n == 1 && planes_of(call, stages) == (size_t)st.count) {
        size_t item = (want + (size_t)st.count - 1) / (size_t)st.count;
        take = (item + LINE - 1) / LINE * LINE;
    }
    if (take < st.n - st.n / 8) st.take = take;
    return st;
}

int tsr_chunk_decode_start(const struct tsr_chunk *c, struct tsr_worker *w, int32_t b,
                           const struct tsr_block_start *start, uint8_t *dst)
{
    size_t n = (size_t)tsr_chunk_block_len(c, b);
    if (c->memcpyed) {
        if (start->len < n)
            return tsr_fail(TSR_ECORRUPT, "block %d: found %zu bytes, expected %zu", b, start->len,
                            n);
        memcpy(dst, start->src, tsr_minz(n, start->want));
        return TSR_OK;
    }
    if (c->serial && b > 0 && !start->ref)
        return tsr_fail(TSR_EARG, "block %d: block 0 of the chunk must be decoded first", b);
    struct tsr_block_facts facts = tsr_block_facts_of(c);
    facts.ref = b > 0 ? start->ref : NULL;
    struct tsr_call call;
    struct tsr_stages stages;
    int rc = tsr_call_init(&call, c, &facts, w);
    if (rc < 0) return rc;
    tsr_stages_init(&stages, c, &call, false);
    struct streams st =
        start->want < n ? some_streams(c, &call, &stages, b, start->want) : whole_streams(c, b);
    struct input in = {start->src, start->len, 0};
    uint8_t *joined = stages.n ? tsr_stages_room(w, n) : dst;
    if (!joined) return TSR_ENOMEM;
    const uint8_t *from = joined, *plane[MOST_PLANES];
    if (lie_apart(&call, &stages, &st, n)) st.plane = plane;
    rc = read_streams(c, &call, &in, &st, joined, stages.n ? &from : NULL);
    if (st.take < st.n) n = (size_t)st.count * st.take;
    return rc < 0 ? rc : tsr_stages_undo(&stages, &call, from, n, dst, st.plane);
}

int tsr_chunk_decode_block(const struct tsr_chunk *c, struct tsr_worker *w, int32_t b,
                           const uint8_t *src, size_t len, uint8_t *dst)
{
    struct tsr_block_start all = {src, len, SIZE_MAX, NULL};
    return tsr_chunk_decode_start(c, w, b, &all, dst);
}

/* A chunk in memory, and its block 0 where others need it. */
struct whole {
    const struct tsr_chunk *c;
    const uint8_t *chunk, *ref;
};

/* Bytes [lo, lo + n) of block b. */
static int block_part(const struct whole *in, struct tsr_worker *w, int32_t b, size_t lo, size_t n,
                      uint8_t *dst)
{
    const struct tsr_chunk *c = in->c;
    size_t whole = (size_t)tsr_chunk_block_len(c, b);
    int32_t off, len;
    int rc = tsr_chunk_block_span(c, in->chunk, b, false, &off, &len);
    if (rc < 0) return rc;
    struct tsr_block_start start = {in->chunk + off, (size_t)len, SIZE_MAX, in->ref};
    if (n == whole) return tsr_chunk_decode_start(c, w, b, &start, dst);
    uint8_t *all = tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, whole);
    if (!all) return TSR_ENOMEM;
    start.want = lo + n;
    rc = tsr_chunk_decode_start(c, w, b, &start, all);
    if (rc == TSR_OK) memcpy(dst, all + lo, n);
    return rc;
}

/* Has block 0 at hand for a range at lo that needs it: it is known, comes first in dst, or is
 * decoded aside. */
static int find_ref(struct whole *in, struct tsr_worker *w, int64_t lo, const uint8_t *dst)
{
    in->ref = lo == 0 ? dst : in->c->ref;
    if (in->ref) return TSR_OK;
    size_t len = (size_t)tsr_chunk_block_len(in->c, 0);
    uint8_t *ref = tsr_worker_scratch(w, TSR_SCRATCH_REF, len);
    int rc = ref ? block_part(in, w, 0, 0, len, ref) : TSR_ENOMEM;
    in->ref = ref;
    return rc;
}

int tsr_chunk_decode_range(const struct tsr_chunk *c, struct tsr_worker *w, const uint8_t *chunk,
                           int64_t lo, int64_t n, uint8_t *dst)
{
    if (lo < 0 || n < 0 || lo > c->nbytes || n > c->nbytes - lo)
        return tsr_fail(TSR_EARG, "%lld bytes from byte %lld of a chunk of %d", (long long)n,
                        (long long)lo, c->nbytes);
    if (n == 0) return TSR_OK;
    if (c->special) {
        tsr_special_fill(c->special, c->typesize, chunk + c->head_bytes, c->value_bytes, lo,
                         (size_t)n, dst);
        return TSR_OK;
    }
    if (c->memcpyed) {
        memcpy(dst, chunk + c->head_bytes + lo, (size_t)n);
        return TSR_OK;
    }
    struct tsr_chunk bound = *c; /* what was parsed may have lain elsewhere, or ended early */
    struct whole in = {&bound, chunk, NULL};
    int rc = tsr_chunk_bind_dict(&bound, chunk, (size_t)c->cbytes);
    if (rc == TSR_OK && c->vlblocks) return tsr_chunk_vl_range(&bound, w, chunk, lo, n, dst);
    if (rc == TSR_OK && c->serial && lo + n > c->block_bytes) rc = find_ref(&in, w, lo, dst);
    while (n > 0 && rc == TSR_OK) {
        int32_t b = (int32_t)(lo / c->block_bytes);
        int64_t at = lo - (int64_t)b * c->block_bytes;
        int64_t m = tsr_min64(n, tsr_chunk_block_len(c, b) - at);
        rc = block_part(&in, w, b, (size_t)at, (size_t)m, dst);
        lo += m;
        n -= m;
        dst += m;
    }
    return rc;
}

int tsr_chunk_check_spans(const struct tsr_chunk *c, const uint8_t *chunk)
{
    int rc = TSR_OK;
    if (!tsr_chunk_is_regular(c)) return TSR_OK;
    if (c->vlblocks) return tsr_chunk_vl_ends(c, chunk, NULL);
    for (int32_t b = 0, off, len; b < c->nblocks && rc == TSR_OK; b++)
        rc = tsr_chunk_block_span(c, chunk, b, false, &off, &len);
    return rc;
}
