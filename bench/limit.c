/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/limit.c - finds the streams that a workload must decode or encode; see limit.h.
 *
 * The chunks of a container are had through tessera.h, their blocks and streams through the parser
 * of chunks.  Which blocks a box touches is worked out here, apart from the engine's planner. */
#include "limit.h"

#include <string.h>
#include <tessera/tessera.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "limit_priv.h"

const char *limit_error(void)
{
    return tsr_error();
}

/* Room for one more item in a list that doubles. */
static int more(void **p, size_t *room, size_t n, size_t item)
{
    if (n < *room) return 0;
    size_t want = *room ? *room * 2 : 1024;
    void *grown = tsr_realloc(*p, want, item);
    if (!grown) return TSR_ENOMEM;
    *p = grown;
    *room = want;
    return 0;
}

static int add_stream(struct limit *l, struct stream s)
{
    int rc = more((void **)&l->streams, &l->streams_room, l->nstreams, sizeof s);
    if (rc < 0) return rc;
    l->streams[l->nstreams++] = s;
    if (s.kind == STREAM_CODED && s.n > l->stream_max) l->stream_max = s.n;
    if (s.kind != STREAM_CODED && s.at + s.n > l->room_len) l->room_len = s.at + s.n;
    return 0;
}

static int add_unit(struct limit *l, const struct loaded *chunk)
{
    int rc = more((void **)&l->units, &l->units_room, l->nunits, sizeof *l->units);
    if (rc == 0) l->units[l->nunits++] = (struct unit){chunk, l->nstreams, 0};
    return rc;
}

/* A block whose bytes no stream tells: of a special chunk, or of one stored as it is. */
static int add_bare(struct limit *l, const struct loaded *k, int32_t b)
{
    size_t n = (size_t)tsr_chunk_block_len(&k->c, b);
    size_t at = (size_t)b * (size_t)k->c.block_bytes;
    struct stream s = {.kind = k->c.special ? STREAM_RUN : STREAM_PLAIN, .n = n, .at = at};
    if (!k->c.special) s.src = k->bytes + k->c.head_bytes + at;
    return add_stream(l, s);
}

static int add_streams(struct limit *l, const struct loaded *k, int32_t b)
{
    int32_t off = 0, len = 0, count = tsr_chunk_streams(&k->c, b);
    int rc = tsr_chunk_block_span(&k->c, k->bytes, b, false, &off, &len);
    size_t n = (size_t)(tsr_chunk_block_len(&k->c, b) / count);
    const uint8_t *p = k->bytes + off, *end = p + (rc < 0 ? 0 : len);
    for (int32_t i = 0; i < count && rc == 0; i++) {
        if (end - p < 4) return tsr_fail(TSR_ECORRUPT, "block %d ends early", b);
        int32_t size = (int32_t)tsr_load_LE32(p);
        p += 4;
        if (size > end - p) return tsr_fail(TSR_ECORRUPT, "block %d: stream too long", b);
        struct stream s = {.kind = STREAM_CODED, .src = p, .n = n, .at = (size_t)i * n};
        s.len = size > 0 ? (size_t)size : 0;
        if (size <= 0) s.kind = STREAM_RUN;
        else if (s.len == n) s.kind = STREAM_PLAIN;
        p += size < 0 ? 1 : size;
        rc = add_stream(l, s);
    }
    return rc;
}

static int add_block(struct limit *l, const struct loaded *k, int32_t b)
{
    size_t first = l->nstreams;
    int rc = add_unit(l, k);
    if (rc == 0) rc = tsr_chunk_is_regular(&k->c) ? add_streams(l, k, b) : add_bare(l, k, b);
    if (rc == 0) l->units[l->nunits - 1].count = l->nstreams - first;
    return rc;
}

static int add_chunk(struct limit *l, const struct loaded *k)
{
    int rc = 0;
    for (int32_t b = 0; b < k->c.nblocks && rc == 0; b++) rc = add_block(l, k, b);
    return rc;
}

/* ---- chunks ---- */

static int parse_loaded(struct loaded *k, size_t len)
{
    struct tsr_limits limits = tsr_limit(TSR_CHUNK_MAX_NBYTES);
    int rc = tsr_chunk_parse(&k->c, k->bytes, len, len, limits);
    if (rc == 0 && !k->c.codec) k->c.codec = tsr_codec_blosc2(NULL, k->c.codec_id);
    if (rc == 0 && k->c.vlblocks) return tsr_fail(TSR_EUNSUPPORTED, "blocks of any length");
    return rc;
}

static int load_one(struct limit *l, const void *chunk, size_t len)
{
    struct loaded *k = l->chunks = tsr_alloc_zero(1, sizeof *l->chunks);
    l->nchunks = 1;
    if (!k || !(k->bytes = tsr_alloc(len))) return TSR_ENOMEM;
    memcpy(k->bytes, chunk, len);
    int rc = parse_loaded(k, len);
    return rc < 0 ? rc : add_chunk(l, k);
}

static int load_part(struct limit *l, const struct limit_plan *plan, int64_t i)
{
    struct loaded *k = &l->chunks[i];
    size_t len = plan->lens[i];
    if (!(k->bytes = tsr_alloc(len))) return TSR_ENOMEM;
    memcpy(k->bytes, plan->parts[i], len);
    if (strcmp(plan->codec, "blosc") == 0) {
        int rc = parse_loaded(k, len);
        return rc < 0 ? rc : add_chunk(l, k);
    }
    k->c.codec = tsr_codec_named(NULL, plan->codec);
    if (!k->c.codec) return tsr_fail(TSR_EUNSUPPORTED, "codec %s", plan->codec);
    int rc = add_unit(l, k);
    if (rc == 0) rc = add_stream(l, (struct stream){.src = k->bytes, .len = len, .n = plan->size});
    if (rc == 0) l->units[l->nunits - 1].count = 1;
    return rc;
}

static int load_parts(struct limit *l, const struct limit_plan *plan)
{
    int rc = 0;
    l->nchunks = plan->nparts;
    if (!(l->chunks = tsr_alloc_zero((size_t)l->nchunks + 1, sizeof *l->chunks))) return TSR_ENOMEM;
    for (int64_t i = 0; i < l->nchunks && rc == 0; i++) rc = load_part(l, plan, i);
    return rc;
}

static int load_row(struct limit *l, const tsr_schunk *s)
{
    int rc = 0;
    l->nchunks = tsr_schunk_nchunks(s);
    if (!(l->chunks = tsr_alloc_zero((size_t)l->nchunks + 1, sizeof *l->chunks))) return TSR_ENOMEM;
    for (int64_t i = 0; i < l->nchunks && rc == 0; i++) {
        struct loaded *k = &l->chunks[i];
        size_t len = 0;
        rc = tsr_schunk_get_chunk(s, i, (void **)&k->bytes, &len);
        if (rc == 0) rc = parse_loaded(k, len);
        if (rc == 0) rc = add_chunk(l, k);
    }
    return rc;
}

/* ---- boxes of arrays ---- */

/* The next cell between lo and hi (not included) in C order; false: there is none. */
static bool step(int ndim, const int64_t *lo, const int64_t *hi, int64_t *at)
{
    for (int d = ndim - 1; d >= 0; d--) {
        if (++at[d] < hi[d]) return true;
        at[d] = lo[d];
    }
    return false;
}

static int64_t cells(int64_t n, int64_t cell)
{
    return (n + cell - 1) / cell;
}

/* The blocks of chunk number `at` that meet a box. */
static int touch_chunk(struct limit *l, const tsr_spec *sp, const struct loaded *k,
                       const int64_t *chunk_at, const int64_t *box)
{
    const int64_t *start = box, *count = box + MOST_DIMS;
    int64_t lo[MOST_DIMS], hi[MOST_DIMS], at[MOST_DIMS];
    int rc = 0;
    for (int d = 0; d < sp->ndim; d++) {
        int64_t from = chunk_at[d] * sp->chunks[d];
        int64_t a = tsr_max64(start[d] - from, 0);
        int64_t b = tsr_min64(start[d] + count[d] - from, sp->chunks[d]);
        lo[d] = at[d] = a / sp->blocks[d];
        hi[d] = cells(b, sp->blocks[d]);
    }
    do {
        int64_t b = 0;
        for (int d = 0; d < sp->ndim; d++) b = b * cells(sp->chunks[d], sp->blocks[d]) + at[d];
        rc = add_block(l, k, (int32_t)b);
    } while (rc == 0 && step(sp->ndim, lo, hi, at));
    return rc;
}

static int touch_box(struct limit *l, const tsr_spec *sp, const int64_t *box)
{
    int64_t lo[MOST_DIMS], hi[MOST_DIMS], at[MOST_DIMS];
    int rc = 0;
    for (int d = 0; d < sp->ndim; d++) {
        lo[d] = at[d] = box[d] / sp->chunks[d];
        hi[d] = cells(box[d] + box[MOST_DIMS + d], sp->chunks[d]);
    }
    do {
        int64_t i = 0;
        for (int d = 0; d < sp->ndim; d++) i = i * cells(sp->shape[d], sp->chunks[d]) + at[d];
        rc = touch_chunk(l, sp, &l->chunks[i], at, box);
    } while (rc == 0 && step(sp->ndim, lo, hi, at));
    return rc;
}

static int touch_boxes(struct limit *l, const struct limit_plan *plan, const tsr_spec *sp)
{
    int rc = 0;
    for (int64_t i = 0; i < plan->ops && rc == 0; i++) {
        int64_t box[2 * MOST_DIMS] = {0};
        memcpy(box, plan->starts + i * sp->ndim, (size_t)sp->ndim * sizeof *box);
        memcpy(box + MOST_DIMS, plan->counts + i * sp->ndim, (size_t)sp->ndim * sizeof *box);
        rc = touch_box(l, sp, box);
    }
    return rc;
}

static int load_array(struct limit *l, const struct limit_plan *plan, const tsr_array *a)
{
    const tsr_spec *sp = tsr_array_spec(a);
    int rc = 0;
    l->nchunks = 1;
    for (int d = 0; d < sp->ndim; d++) {
        l->nchunks *= cells(sp->shape[d], sp->chunks[d]);
        l->block[d] = (int32_t)sp->blocks[d];
    }
    if (!(l->chunks = tsr_alloc_zero((size_t)l->nchunks + 1, sizeof *l->chunks))) return TSR_ENOMEM;
    for (int64_t i = 0; i < l->nchunks && rc == 0; i++) {
        struct loaded *k = &l->chunks[i];
        size_t len = 0;
        rc = tsr_array_get_chunk(a, i, (void **)&k->bytes, &len);
        if (rc == 0) rc = parse_loaded(k, len);
        k->c.block_shape = l->block;
        k->c.block_ndim = sp->ndim;
        if (rc == 0 && plan->ops == 0) rc = add_chunk(l, k);
    }
    return rc < 0 ? rc : touch_boxes(l, plan, sp);
}

static int load_path(struct limit *l, const struct limit_plan *plan)
{
    tsr_options o = {.size = sizeof o, .mode = "r"};
    tsr_array *a = NULL;
    tsr_schunk *s = NULL;
    int rc = tsr_array_open(plan->path, &o, &a);
    if (rc == 0) {
        rc = load_array(l, plan, a);
        tsr_array_close(a);
        return rc;
    }
    rc = tsr_schunk_open(plan->path, &o, &s);
    if (rc < 0) return rc;
    rc = load_row(l, s);
    tsr_schunk_close(s);
    return rc;
}

/* ---- what is to be encoded ---- */

/* Decodes coded and plain streams to where they are encoded from, all of which the codec sees when
 * they are written: it has to find out that plain ones do not shrink. */
static int unpack(struct limit *l, const struct unit *u, const struct limit_state *w)
{
    int rc = 0;
    for (size_t i = u->first; i < u->first + u->count && rc == 0; i++) {
        struct stream *s = &l->streams[i];
        if (s->kind == STREAM_RUN || !u->chunk->c.codec) continue;
        uint8_t *raw = tsr_alloc(s->n + 1);
        if (!raw) return TSR_ENOMEM;
        if (s->kind == STREAM_CODED) rc = limit_decode(w, u->chunk, s, raw);
        else memcpy(raw, s->src, s->n);
        if (s->n > l->stream_max) l->stream_max = s->n;
        *s = (struct stream){.kind = STREAM_CODED, .src = raw, .raw = raw, .n = s->n};
    }
    return rc;
}

static int unpack_all(struct limit *l)
{
    struct limit_state w = {0};
    int rc = limit_state_init(&w);
    for (size_t i = 0; i < l->nunits && rc == 0; i++) rc = unpack(l, &l->units[i], &w);
    limit_state_done(&w);
    return rc;
}

void *limit_new(const struct limit_plan *plan)
{
    struct limit *l = tsr_alloc_zero(1, sizeof *l);
    if (!l) return NULL;
    l->plan = *plan;
    int rc = 0;
    if (plan->codec) rc = load_parts(l, plan);
    else if (plan->path) rc = load_path(l, plan);
    else rc = load_one(l, plan->chunk, plan->chunk_len);
    if (rc == 0 && plan->encode) rc = unpack_all(l);
    l->plan.ops = l->plan.ops ? l->plan.ops : 1;
    l->plan.threads = (int)tsr_min64(tsr_max64(plan->threads, 1), MOST_THREADS);
    if (rc == 0 && !(l->room = tsr_alloc(l->room_len + 1))) rc = TSR_ENOMEM;
    if (rc == 0) rc = limit_threads_new(l);
    if (rc == 0) return l;
    limit_free(l);
    return NULL;
}

void limit_free(void *limit)
{
    struct limit *l = limit;
    if (!l) return;
    limit_threads_free(l);
    for (size_t i = 0; i < l->nstreams; i++) tsr_free(l->streams[i].raw);
    for (int64_t i = 0; l->chunks && i < l->nchunks; i++) tsr_free(l->chunks[i].bytes);
    tsr_free(l->chunks);
    tsr_free(l->streams);
    tsr_free(l->units);
    tsr_free(l->room);
    tsr_free(l);
}
