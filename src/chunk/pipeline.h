/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/pipeline.h - what encoding and decoding a block have in common. */
#ifndef TSR_CHUNK_PIPELINE_H
#define TSR_CHUNK_PIPELINE_H

#include "chunk/chunk.h"
#include "chunk/layout.h"

/* The filters that really do something, in the order in which they run. */
struct tsr_stages {
    int n;
    const struct tsr_filter *filter[TSR_CHUNK_FILTERS];
    uint8_t meta[TSR_CHUNK_FILTERS];
};

/* The stages of c for a call whose block is set; all filters must be built in. */
void tsr_stages_init(struct tsr_stages *s, const struct tsr_chunk *c, const struct tsr_call *call,
                     bool encode);

/* Run the stages of a block over src[n].  Encoding leaves the outcome in *to: the worker's
 * scratch, or src when there are no stages.  Undoing ends in dst[n]; src may be the scratch of
 * tsr_stages_room.  plane: not NULL where the planes that the first of these stages joins lie
 * apart, src does not matter then. */
int tsr_stages_run(const struct tsr_stages *st, const struct tsr_call *call, const uint8_t *src,
                   size_t n, const uint8_t **to);
int tsr_stages_undo(const struct tsr_stages *st, const struct tsr_call *call, const uint8_t *src,
                    size_t n, uint8_t *dst, const uint8_t *const plane[]);
uint8_t *tsr_stages_room(struct tsr_worker *w, size_t n); /* NULL: no memory, text set */

/* The 32 bytes of c's header. */
void tsr_chunk_write_header(const struct tsr_chunk *c, uint8_t *head);

/* Bytes [lo, lo + n) of a chunk of VL blocks that lies whole in memory. */
int tsr_chunk_vl_range(const struct tsr_chunk *c, struct tsr_worker *w, const uint8_t *chunk,
                       int64_t lo, int64_t n, uint8_t *dst);

/* What the codec of c is told, its dictionary included; EARG when that was not found yet. */
int tsr_call_init(struct tsr_call *call, const struct tsr_chunk *c,
                  const struct tsr_block_facts *facts, struct tsr_worker *w);

/* How many streams block b is stored in (3.4), and the facts its codecs and filters are told. */
int32_t tsr_chunk_streams(const struct tsr_chunk *c, int32_t b);
struct tsr_block_facts tsr_block_facts_of(const struct tsr_chunk *c);

#endif
