/* SPDX-License-Identifier: BSD-3-Clause */
/* array/schunk.h - what the files of super-chunks share: schunk.c items, whole.c stored chunks. */
#ifndef TSR_ARRAY_SCHUNK_H
#define TSR_ARRAY_SCHUNK_H

#include "array/array.h"

struct tsr_schunk {
    struct tsr_array *a;
    tsr_schunk_spec spec;
    int64_t nbytes;  /* items the caller sees, tail included */
    uint8_t *tail;   /* [chunk_bytes]; NULL: not in use */
    int64_t tail_at; /* byte where it begins, a multiple of chunk_bytes */
    bool tail_dirty;
};

/* Before a change: brings the super-chunk up to date, so sizes are looked at after this. */
int tsr_schunk_begin(tsr_schunk *s);
/* EARG unless 0 <= i < end. */
int tsr_schunk_check(const tsr_schunk *s, int64_t i, int64_t end);
/* Lets go of the tail; its content is stored. */
int tsr_schunk_untail(tsr_schunk *s);
/* ECONFLICT when others have taken chunks away since i was checked. */
int tsr_chunk_check_there(const struct tsr_array *a, int64_t i);

/* What is wanted of a chunk, and what comes of it. */
struct chunk_read {
    int64_t i, b, n;
    uint8_t *dst;
    struct tsr_piece out;
    int32_t item_bytes;
};

#endif
