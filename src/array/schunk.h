/* SPDX-License-Identifier: BSD-3-Clause */
/* array/schunk.h - what the files of super-chunks share: schunk.c the whole, schunk_items.c items,
 * schunk_chunks.c decoded chunks, schunk_stored.c compressed ones. */
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

static inline int64_t schunk_chunk_bytes(const tsr_schunk *s)
{
    return s->a->d->grid.chunk[0];
}
static inline bool schunk_is_variable(const tsr_schunk *s)
{
    return s->a->d->variable;
}
static inline int64_t schunk_stored_bytes(const tsr_schunk *s)
{
    return s->a->d->grid.shape[0];
}

/* Others changed the container: what is known of it is void.  The tail holds nothing new, as
 * that would have kept them out. */
void tsr_schunk_start_anew(tsr_schunk *s);
/* Before a change: brings the super-chunk up to date, so sizes are looked at after this. */
int tsr_schunk_begin(tsr_schunk *s);
/* EARG unless 0 <= i < end. */
int tsr_schunk_check(const tsr_schunk *s, int64_t i, int64_t end);
/* Lets go of the tail; its content is stored. */
int tsr_schunk_untail(tsr_schunk *s);
/* Bytes [from, from + len) that exist, some of them perhaps in the tail; and new ones behind. */
int tsr_schunk_get_bytes(const tsr_schunk *s, int64_t from, int64_t len, uint8_t *dst);
int tsr_schunk_set_bytes(tsr_schunk *s, int64_t from, int64_t len, const uint8_t *src);
int tsr_schunk_append_bytes(tsr_schunk *s, int64_t len, const uint8_t *src);
/* Chunk i of a variable super-chunk becomes src[n], or one more is put before it. */
int tsr_schunk_put_sized(tsr_schunk *s, int64_t i, bool insert, const void *src, size_t n);

/* What is wanted of a chunk, and what comes of it. */
struct chunk_read {
    int64_t i, b, n;
    uint8_t *dst;
    struct tsr_piece out;
    int32_t item_bytes;
};

#endif
