/* SPDX-License-Identifier: BSD-3-Clause */
/* array/draft.h - blocks that will be written again soon are stored, not yet compressed.
 *
 * An array that grows row by row writes each block several times before it is full.  Once a handle
 * is seen to write so, a block that was zeros and is covered in part is put into its chunk with
 * its filters but without its codec, which any reader understands: a draft.  It is compressed when
 * as many items came as it has, and what is left by flush, before that writes the index.  So the
 * codec sees each block once and files hold no drafts after a flush.  What is noted here decides
 * about speed and size alone, never about what an array holds, and nobody but the writer knows. */
#ifndef TSR_ARRAY_DRAFT_H
#define TSR_ARRAY_DRAFT_H

#include "array/array.h"

struct tsr_draft {
    struct tsr_draft *next;
    int32_t nblocks;
    int64_t *coords; /* [ndim] of the chunk, which numbers follow when the array is resized */
    int32_t *items;  /* [nblocks] that came so far; 0: none, or the block is full */
    bool *draft;     /* [nblocks] it is stored as one */
};

/* The note of the chunk at coords, NULL: there is none.  make: a new one, if this chunk may have
 * drafts and there is memory. */
struct tsr_draft *tsr_draft_of(struct tsr_array *a, const struct tsr_out_chunk *c,
                               const int64_t coords[], bool make);

/* What a write does to a block. */
struct tsr_touch {
    int64_t items, most; /* that it writes; that a block has which is full */
    bool fresh;          /* the block was zeros before, or all that it had is written */
};
/* Is block b to be stored as a draft?  On any thread, for different blocks at once. */
bool tsr_draft_block(struct tsr_array *a, struct tsr_draft *d, int32_t b,
                     const struct tsr_touch *t);

/* Frees the note if it says nothing; NULL is fine. */
void tsr_draft_done(struct tsr_array *a, struct tsr_draft *d);

/* Takes out the notes of chunks with drafts, for whoever compresses them; puts them back if that
 * failed, or frees them. */
struct tsr_draft *tsr_drafts_take(struct tsr_array *a);
void tsr_drafts_put_back(struct tsr_array *a, struct tsr_draft *list);
void tsr_drafts_end(struct tsr_array *a, struct tsr_draft *list);
/* Forgets all notes. */
void tsr_drafts_done(struct tsr_array *a);

#endif
