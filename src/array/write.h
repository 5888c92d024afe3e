/* SPDX-License-Identifier: BSD-3-Clause */
/* array/write.h - chunks on their way out, shared by write.c and write_block.c. */
#ifndef TSR_ARRAY_WRITE_H
#define TSR_ARRAY_WRITE_H

#include "array/array.h"

enum { WINDOW_CHUNKS = 64 };

/* What is known of a block while it is encoded: is it one item repeated? */
enum { ITEM_MAX = 16 };
struct uniform {
    uint8_t kind; /* TSR_SPECIAL_* */
    uint8_t item[ITEM_MAX];
};

struct out_job {
    struct tsr_out_chunk out;
    struct chunk_job old;
    bool partial;
    bool assembled;             /* raw holds the whole new chunk already */
    uint8_t *slots, *raw, *ref; /* kept from window to window; ref: block 0 of a serial chunk */
    size_t slots_cap, raw_cap, ref_cap;
    struct uniform *uniform; /* [out.nblocks] */
    int32_t blocks_cap;
    int32_t own; /* of out.blocks whose room is the format's, to be freed */
};

struct window {
    struct out_job *jobs; /* [cap], up to WINDOW_CHUNKS */
    size_t njobs, cap;
    size_t first[WINDOW_CHUNKS + 1]; /* job numbers of blocks */
    struct tsr_out_chunk *out;       /* [cap], for the commit */
};

struct writer {
    struct tsr_array *a;
    const struct tsr_selection *sel;
    struct tsr_walk walk;
    struct window *win; /* [2], of a worker */
    struct window *encode, *commit;
    size_t nparts; /* in which commit is put; 0: nothing is */
    int64_t window_bytes;
    int same; /* TSR_SPECIAL_*: all that is written is this one item, at sel's base */
};

/* The decoded size of block b. */
size_t tsr_write_block_len(const struct out_job *j, const struct tsr_grid *g, int32_t b);
/* How block b comes about: *src is its decoded bytes (in dst, or in the caller's memory). */
int tsr_write_block(const struct writer *w, const struct out_job *j, int32_t b,
                    struct tsr_worker *wk, uint8_t *dst, const uint8_t **src);
/* Takes block b over as it is stored; false: it changes, or cannot stay. */
bool tsr_write_keep(const struct writer *w, const struct out_job *j, int32_t b);
/* Jobs for each chunk of the window w->encode: what is needed of the old chunk is fetched; where
 * it is to be stored as it is, all of it is made. */
int tsr_write_fetch(void *arg, size_t i, struct tsr_worker *wk);
int tsr_write_raw(void *arg, size_t i, struct tsr_worker *wk);

#endif
