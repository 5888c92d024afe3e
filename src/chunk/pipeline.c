/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/pipeline.c - which filters run over a block and in how many streams it is stored.
 *
 * Encoding: slot 0, 1, ... 5, split, codec.  Decoding: codec, join, slot 5, 4, ... 0.  Slots that
 * are empty or would only copy are left out, so that a block without real filters goes straight
 * between the codec and the caller's buffer. */
#include "chunk/pipeline.h"

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

int32_t tsr_chunk_streams(const struct tsr_chunk *c, int32_t b)
{
    if (c->flags & FLAG_NO_SPLIT) return 1;
    if (b == c->nblocks - 1 && c->leftover) return 1;
    /* Blosc 1 writers older than the flag split only what was worth it. */
    if (c->basic && (c->typesize > 16 || c->block_bytes / c->typesize < 128)) return 1;
    return c->typesize;
}

struct tsr_block_facts tsr_block_facts_of(const struct tsr_chunk *c)
{
    return (struct tsr_block_facts){.typesize = c->typesize,
                                    .item_bytes = c->item_bytes,
                                    .version = c->version};
}
