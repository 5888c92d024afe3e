/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/advise.h - what reads cost with given chunks and blocks, and which shapes make them cheap.
 *
 *   advise.c         the calls, the plans that are kept, and the sentence
 *   advise_cost.c    what an access costs with a shape
 *   advise_search.c  shapes that are worth a look
 *   advise_read.c    what one access takes of an array that is there */
#ifndef TSR_OPS_ADVISE_H
#define TSR_OPS_ADVISE_H

#include <tessera/tessera.h>

#include "grid/grid.h"

/* How a format keeps the blocks of a chunk. */
enum tsr_advise_kind {
    TSR_ADVISE_B2ND,  /* the chunk's head says where they begin */
    TSR_ADVISE_SHARD, /* so does an index at an end of the object */
    TSR_ADVISE_PLAIN, /* they lie in a row, uncompressed */
    TSR_ADVISE_WHOLE  /* there are none: chunks are read whole */
};

/* An access with its steps upwards, as far as axes are concerned. */
struct tsr_advise_access {
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], step[TSR_MAX_NDIM];
    double weight;
    bool slides;
};

struct tsr_advise_model {
    int ndim, n;
    int64_t item_bytes, shape[TSR_MAX_NDIM];
    double ratio; /* stored bytes per decoded one */
    double latency, bandwidth, decode_speed;
    int in_flight;
    const struct tsr_advise_access *access; /* [n] */
};

struct tsr_advise_shape {
    enum tsr_advise_kind kind;
    int64_t chunk[TSR_MAX_NDIM], block[TSR_MAX_NDIM];
};

/* What access number i costs.  all: not only the mean. */
void tsr_advise_cost(const struct tsr_advise_model *m, const struct tsr_advise_shape *s, int i,
                     bool all, tsr_access_cost *out);
/* Fills in c->seconds from the rest. */
void tsr_advise_seconds(const struct tsr_advise_model *m, enum tsr_advise_kind kind,
                        tsr_read_cost *c);

/* Where the search goes: sizes in bytes of what is stored and of what is decoded alone. */
struct tsr_advise_bounds {
    int64_t chunk[2], block[2];
};

/* Calls put with each shape of this kind that is best for some weights of the accesses, and with
 * its neighbours; each may come more than once.  A non-zero answer ends the search. */
typedef int (*tsr_advise_put)(void *arg, const struct tsr_advise_shape *s);
int tsr_advise_search(const struct tsr_advise_model *m, enum tsr_advise_kind kind,
                      const struct tsr_advise_bounds *b, tsr_advise_put put, void *arg);

/* What reading the slice will take of the store, chunk by chunk, as its index says: *known is false
 * when it meets more than `most` chunks, or when its bytes are in memory.  All but the seconds. */
int tsr_advise_located(const tsr_array *a, const tsr_slice *s, int64_t most, bool *known,
                       tsr_read_cost *out);
/* Stored bytes per decoded byte of an array whose chunks are objects, from at most so many. */
int tsr_advise_ratio(const tsr_array *a, int64_t most, double *ratio);

#endif
