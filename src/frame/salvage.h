/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/salvage.h - what is found in a damaged frame, by looking at its bytes alone (salvage.c)
 * and by what is left of its own description (skeleton.c), and what is made of it (repair.c). */
#ifndef TSR_FRAME_SALVAGE_H
#define TSR_FRAME_SALVAGE_H

#include "frame/priv.h"

/* A chunk that is whole: its tag is right, or all of it decodes. */
struct salvage_chunk {
    char key[TSR_FRAME_KEY];
    uint64_t off, cbytes;
    int32_t nbytes;
    bool tagged; /* number and state are known */
    int64_t number;
    uint64_t state;
};

struct salvage_seal {
    uint64_t off, state;
};

/* Offsets, of which the last RING_MOST are kept. */
enum { RING_MOST = 4096 };
struct salvage_ring {
    uint64_t off[RING_MOST], n;
};

struct salvage {
    struct tsr_store *st;
    const struct frame_home *home;
    struct tsr_limits limits;
    struct tsr_pool *pool;
    uint64_t size; /* of the object with header, index and trailer; 0: it is not there */
    /* what is known: decoded sizes of a chunk and of the last one (0: any), of the index */
    int64_t chunk_bytes, last_bytes, index_bytes;
    const int32_t *block_shape; /* for codecs that want it */
    int block_ndim, item_bytes;
    uint64_t budget;      /* bytes that may still be read in vain */
    struct tsr_buf bytes; /* the chunk that was checked last */
    /* what is there */
    struct tsr_buf chunks, seals; /* in the order of the file; by state, newest first */
    struct salvage_ring indexes, trailers;
};

int tsr_salvage_init(struct salvage *s, struct tsr_store *st, const struct frame_home *home,
                     struct tsr_limits limits);
void tsr_salvage_done(struct salvage *s);
/* Looks for seals and for what could be an index or a trailer; then, sizes being known or not, for
 * chunks. */
int tsr_salvage_marks(struct salvage *s);
int tsr_salvage_chunks(struct salvage *s);
/* Reads the chunk at a place whole into s->bytes and checks it; nbytes 0: of any size.  ECORRUPT
 * says why it is none; EUNSUPPORTED: nobody can tell, the bytes are there. */
int tsr_salvage_check(struct salvage *s, const struct tsr_frame_place *at, int64_t nbytes,
                      struct salvage_chunk *out);

static inline size_t salvage_count(const struct salvage *s)
{
    return s->chunks.len / sizeof(struct salvage_chunk);
}
static inline struct salvage_chunk *salvage_at(const struct salvage *s, size_t i)
{
    return (struct salvage_chunk *)(void *)s->chunks.p + i;
}

/* ---- repair.c, skeleton.c ---- */

struct repair {
    const struct tsr_frame_repair *how;
    struct tsr_frame_repaired *out;
    struct salvage s;
    struct tsr_frame *f; /* the old frame as far as it is known */
    struct tsr_frame *g; /* the new one */
    bool has_head, has_index, has_trailer, searched, tagged;
    int special;          /* what chunks of the new frame are at first */
    uint64_t index_state; /* chunks of later states are not in the index; UINT64_MAX: it is new */
};

/* Tells of the failure that happened last; of what is none. */
static inline void repair_tell(const struct repair *r, int64_t chunk, tsr_status status)
{
    r->how->tell(r->how->user, chunk, status, tsr_error());
}
static inline void repair_say(const struct repair *r, const char *what)
{
    r->how->tell(r->how->user, -1, TSR_OK, what);
}
/* What cannot be read now is not lost. */
static inline bool repair_is_fatal(int rc)
{
    return rc == TSR_ENOMEM || rc == TSR_EIO || rc == TSR_EDENIED || rc == TSR_ECANCELLED;
}
/* Finds header, index and trailer, wherever they are: r->f. */
int tsr_repair_gather(struct repair *r);

#endif
