/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/rechunk.h - how an array gets from one chunking into another in bounded memory. No I/O.
 *
 * The array is copied in boxes of whole target chunks, so that each of these is encoded once.  A
 * box reads the blocks of the source that it meets; a block that the edges of boxes cut is decoded
 * for each of its parts.  Where that would be much, an array between the two helps: its chunks are
 * what a box that suits the source and a box that suits the target have in common, so both passes
 * decode everything about once. */
#ifndef TSR_GRID_RECHUNK_H
#define TSR_GRID_RECHUNK_H

#include "grid/grid.h"

/* One pass over the array. */
struct tsr_rechunk_pass {
    int64_t box[TSR_MAX_NDIM]; /* items; whole target chunks but at the edge, boxes in C order */
    int64_t boxes, box_bytes;
    int64_t chunks_read, blocks_read; /* how often one is looked into, and decoded, all boxes */
    int64_t bytes_read;               /* decoded bytes of these blocks */
    int64_t requests;                 /* reads of the store, at most; of blocks in a row one */
    int64_t chunks_written;           /* each once */
    int64_t blocks_met, blocks_made;  /* of the source and of the target, in a box, at most */
    int threads;                      /* so many work on it */
    int limit;                        /* so many may there be: with more, memory is more */
    int64_t memory;                   /* bytes at the peak, with these */
};

struct tsr_rechunk {
    int npasses;                   /* 1 or 2; 0: there are no items */
    int64_t between[TSR_MAX_NDIM]; /* chunks of the array between two passes, and blocks */
    int64_t between_block[TSR_MAX_NDIM];
    struct tsr_rechunk_pass pass[2];
};

enum { TSR_RECHUNK_ENTRY = 32 }; /* bytes of an index for a chunk, as it is written too */

struct tsr_rechunk_ask {
    const struct tsr_grid *from, *to;
    int64_t budget;        /* bytes of memory */
    int64_t fixed;         /* of these: what neither boxes nor chunks decide */
    int threads;           /* there are; each that works has scratch of its own */
    bool far;              /* from is behind a network: more of it is on its way at once */
    int64_t request_bytes; /* a request costs as much time as decoding so many bytes */
    bool one_pass;
};

/* The cheapest way; where two are alike, one with boxes of some 64 MiB.  ELIMIT: not even boxes of
 * one target chunk fit in the budget; the text says what would. */
int tsr_rechunk_plan(const struct tsr_rechunk_ask *q, struct tsr_rechunk *out);

/* What a pass with this box costs, with as many threads as have work and fit in the budget.  Where
 * all fit there may be all, for what others do meanwhile. */
void tsr_rechunk_measure(const struct tsr_rechunk_ask *q, const int64_t box[],
                         struct tsr_rechunk_pass *out);

/* What memory is for. */
struct tsr_rechunk_need {
    int64_t box, windows, threads, fixed;
    int64_t all;
};
/* Of one pass by one thread, in boxes of one target chunk. */
void tsr_rechunk_least(const struct tsr_rechunk_ask *q, struct tsr_rechunk_need *out);
/* Memory of a pass by all threads whose boxes have so many bytes, if they suit the source; and how
 * many they may have, 0: none do. */
int64_t tsr_rechunk_memory(const struct tsr_rechunk_ask *q, int64_t box_bytes);
int64_t tsr_rechunk_room(const struct tsr_rechunk_ask *q);
/* Fills grid with what an array between the two is, with chunks that are parts of box[] of at most
 * so many bytes, if that can be had without remainders. */
int tsr_rechunk_between(const struct tsr_grid *from, int64_t most, const int64_t box[],
                        struct tsr_grid *grid);

/* The least common multiple, or INT64_MAX; both at least 1. */
int64_t tsr_rechunk_lcm(int64_t a, int64_t b);
/* A product that stops at INT64_MAX. */
static inline int64_t tsr_times(int64_t a, int64_t b)
{
    int64_t r;
    return tsr_mul(a, b, &r) ? r : INT64_MAX;
}

#endif
