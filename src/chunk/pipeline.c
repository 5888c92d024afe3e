/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/pipeline.c - which filters run over a block and in how many streams it is stored.
 *
 * Encoding: slot 0, 1, ... 5, split, codec.  Decoding: codec, join, slot 5, 4, ... 0.  Slots that
 * are empty or would only copy are left out, so that a block without real filters goes straight
 * between the codec and the caller's buffer. */
#include "chunk/pipeline.h"

#include <string.h>

#include "base/status.h"

static bool idle(const struct tsr_filter *f, const struct tsr_call *call, bool encode)
{
    if (!encode && f->encode_only) return true;
    return f->identity && f->identity(call);
}

void tsr_stages_init(struct tsr_stages *s, const struct tsr_chunk *c, const struct tsr_call *call,
                     bool encode)
{
    struct tsr_call one = *call;
    s->n = 0;
    if (c->instrumented) return; /* records are stored as they are */
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        int slot = encode ? i : TSR_CHUNK_FILTERS - 1 - i;
        int id = c->filters[slot];
        const struct tsr_filter *f = id ? tsr_filter_blosc2(c->codecs, id) : NULL;
        one.meta = c->filters_meta[slot];
        if (!f || idle(f, &one, encode)) continue;
        s->filter[s->n] = f;
        s->meta[s->n++] = c->filters_meta[slot];
    }
}

static uint8_t *scratch(struct tsr_worker *w, int i, size_t n)
{
    return tsr_worker_scratch(w, i % 2 ? TSR_SCRATCH_FILTER_B : TSR_SCRATCH_FILTER_A, n);
}

uint8_t *tsr_stages_room(struct tsr_worker *w, size_t n)
{
    return scratch(w, 0, n);
}

int tsr_stages_run(const struct tsr_stages *st, const struct tsr_call *call, const uint8_t *src,
                   size_t n, const uint8_t **to)
{
    struct tsr_call one = *call;
    *to = src;
    for (int i = 0; i < st->n; i++) {
        uint8_t *dst = scratch(call->worker, i, n);
        if (!dst) return TSR_ENOMEM;
        one.meta = st->meta[i];
        one.step = st->filter[i];
        int rc = st->filter[i]->encode(&one, *to, n, dst);
        if (rc < 0) return rc;
        *to = dst;
    }
    return TSR_OK;
}

/* Where stage i writes when it is undone: at once to dst if the others then work in place. */
static uint8_t *undone_to(const struct tsr_stages *st, int i, struct tsr_worker *w, size_t n,
                          uint8_t *dst)
{
    int k = i + 1;
    while (k < st->n && st->filter[k]->in_place) k++;
    return k == st->n ? dst : scratch(w, i + 1, n);
}

int tsr_stages_undo(const struct tsr_stages *st, const struct tsr_call *call, const uint8_t *src,
                    size_t n, uint8_t *dst, const uint8_t *const plane[])
{
    struct tsr_call one = *call;
    for (int i = 0; i < st->n; i++) {
        uint8_t *to = undone_to(st, i, call->worker, n, dst);
        if (!to) return TSR_ENOMEM;
        one.meta = st->meta[i];
        one.step = st->filter[i];
        int rc = i == 0 && plane ? st->filter[i]->decode_planes(&one, plane, n, to)
                                 : st->filter[i]->decode(&one, src, n, to);
        if (rc < 0) return rc;
        src = to;
    }
    return TSR_OK;
}

int32_t tsr_chunk_streams(const struct tsr_chunk *c, int32_t b)
{
    if (c->flags & FLAG_NO_SPLIT) return 1;
    if (b == c->nblocks - 1 && c->leftover) return 1;
    /* Blosc 1 writers older than the flag split only what was worth it. */
    if (c->basic && (c->typesize > 16 || c->block_bytes / c->typesize < 128)) return 1;
    return c->typesize;
}

static enum tsr_order order_of(const struct tsr_chunk *c)
{
    if (c->typesize < 2) return TSR_ORDER_ITEMS;
    if (memchr(c->filters, FILTER_BITSHUFFLE, sizeof c->filters)) return TSR_ORDER_BITS;
    if (memchr(c->filters, FILTER_SHUFFLE, sizeof c->filters)) return TSR_ORDER_BYTES;
    return TSR_ORDER_ITEMS;
}

static int planes_of(const struct tsr_chunk *c, enum tsr_order order)
{
    int bits = order == TSR_ORDER_BITS ? 8 : 1;
    bool whole = order != TSR_ORDER_ITEMS && (c->flags & FLAG_NO_SPLIT);
    return whole ? bits * c->typesize : bits;
}

struct tsr_block_facts tsr_block_facts_of(const struct tsr_chunk *c)
{
    enum tsr_order order = order_of(c);
    return (struct tsr_block_facts){.typesize = c->typesize,
                                    .item_bytes = c->item_bytes,
                                    .ndim = c->block_ndim,
                                    .shape = c->block_shape,
                                    .order = order,
                                    .planes = planes_of(c, order),
                                    .version = c->version};
}

int tsr_call_init(struct tsr_call *call, const struct tsr_chunk *c,
                  const struct tsr_block_facts *facts, struct tsr_worker *w)
{
    *call = (struct tsr_call){.worker = w,
                              .block = facts,
                              .step = c->codec,
                              .meta = c->codec_meta,
                              .dict = c->dict_bytes,
                              .dict_len = (size_t)c->dict_len};
    if (!c->dict || c->dict_bytes) return TSR_OK;
    return tsr_fail(TSR_EARG, "chunk: its dictionary is not at hand");
}
