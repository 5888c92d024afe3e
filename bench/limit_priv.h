/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/limit_priv.h - the work of a limit: streams, one behind the other, in units of a block. */
#ifndef BENCH_LIMIT_PRIV_H
#define BENCH_LIMIT_PRIV_H

#include <stdatomic.h>

#include "chunk/pipeline.h"
#include "limit.h"

enum { MOST_THREADS = 64, MOST_DIMS = 16 };

/* A chunk in memory. */
struct loaded {
    uint8_t *bytes;
    struct tsr_chunk c;
};

enum stream_kind { STREAM_CODED, STREAM_RUN, STREAM_PLAIN };

struct stream {
    enum stream_kind kind;
    const uint8_t *src; /* to decode: the payload; to encode: n bytes */
    uint8_t *raw;       /* src, where it is to be freed */
    size_t len, n;
    size_t at; /* RUN and PLAIN: where in `room` it goes */
};

/* A block of a chunk: streams [first, first + count). */
struct unit {
    const struct loaded *chunk;
    size_t first, count;
};

struct limit {
    struct limit_plan plan; /* without its pointers */
    struct loaded *chunks;
    int64_t nchunks;
    int32_t block[MOST_DIMS];
    struct stream *streams;
    struct unit *units;
    size_t nstreams, nunits, streams_room, units_room;
    uint8_t *room; /* where runs and plain bytes go, which do not end in a filter */
    size_t room_len, stream_max;
    int repeat;                   /* how often a run goes through all units */
    struct limit_thread *threads; /* [plan.threads] */
    _Atomic size_t next;
};

/* limit_run.c */

/* What a thread keeps of the libraries. */
struct limit_state {
    struct tsr_worker *w;
    struct ZSTD_DCtx_s *zstd;
    struct ZSTD_CCtx_s *zstd_out;
    struct libdeflate_decompressor *deflate;
};
int limit_state_init(struct limit_state *s); /* on failure too: */
void limit_state_done(struct limit_state *s);

/* One coded stream of a chunk. */
int limit_decode(const struct limit_state *w, const struct loaded *chunk, const struct stream *s,
                 uint8_t *dst);
int limit_threads_new(struct limit *l);
void limit_threads_free(struct limit *l);

#endif
