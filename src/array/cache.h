/* SPDX-License-Identifier: BSD-3-Clause */
/* array/cache.h - decoded blocks that are kept for later reads, within a budget of bytes.
 *
 * One cache per context, for all its arrays and threads.  A block is known by the owner of its
 * chunk: a number that a driver gets for its chunks, that every change of a chunk replaces by a
 * new one, and that never comes again.  So nothing is ever thrown out because it became wrong:
 * what nobody can ask for any more leaves with age.
 *
 * A cell is held from find or make to release, and stays what it is so long; its bytes are read
 * and written without a lock.  Where there is no memory, or all of it is held, there is no cell,
 * which is no error: the block is decoded elsewhere. */
#ifndef TSR_ARRAY_CACHE_H
#define TSR_ARRAY_CACHE_H

#include "format/format.h"

struct tsr_cache;

struct tsr_cache *tsr_cache_new(size_t budget); /* bytes, 0: off.  NULL: out of memory, text set */
void tsr_cache_free(struct tsr_cache *c);       /* no cell is held; NULL is fine */
/* What is kept is forgotten, the memory given back when nobody holds cells in it. */
void tsr_cache_set_budget(struct tsr_cache *c, size_t budget, size_t *before);
void tsr_cache_stats_of(struct tsr_cache *c, tsr_cache_stats *out);

enum { TSR_BLOCK_HEAD = -1 };
struct tsr_block_id {
    uint64_t owner; /* not 0 */
    int64_t chunk;
    int32_t block; /* TSR_BLOCK_HEAD: the first stored bytes of the chunk, as they are */
    int32_t size;  /* of the chunk's blocks where chunks choose it, else 0 */
};

struct tsr_cell {
    uint8_t *p;   /* on a cache line */
    size_t valid; /* decoded bytes from p on; 0: whoever made it is still at it */
};

/* The block if it is there; NULL: not.  near: the byte of it that is likely to be read first. */
struct tsr_cell *tsr_cache_find(struct tsr_cache *c, const struct tsr_block_id *id, int64_t near);
/* Room for len bytes of a block that is not there.  *more: it is, but not far enough for who asks,
 * and may be decoded whole this time.  The caller decodes and calls filled.  NULL: no room, or
 * somebody else is at this block. */
struct tsr_cell *tsr_cache_make(struct tsr_cache *c, const struct tsr_block_id *id, size_t len,
                                bool *more);
/* Was this block, which is not there, asked for lately, so that it would be there if it had been
 * kept?  What can be decoded straight to its place is only kept then: one that streams through an
 * array in whole blocks should not pay for copies. */
bool tsr_cache_seen(struct tsr_cache *c, const struct tsr_block_id *id, size_t len);
/* So many bytes are decoded; 0: it failed, the block is not there.  The cell is still held. */
void tsr_cache_filled(struct tsr_cache *c, struct tsr_cell *cell, size_t valid);
/* hits: how many found blocks served, this one or others that were released with 0. */
void tsr_cache_release(struct tsr_cache *c, struct tsr_cell *cell, int hits);
/* So many blocks had to be decoded. */
void tsr_cache_count_misses(struct tsr_cache *c, int64_t n);

/* ---- drivers ---- */

/* Does a read of so many decoded bytes use the cache?  One of more than a quarter of the budget
 * passes by, and formats that store items as they are. */
bool tsr_cache_takes(const struct tsr_cache *c, const struct tsr_driver *d, int64_t bytes);
/* The chunk changed, or may have; all of them, also which number is which chunk. */
void tsr_cache_forget_chunk(struct tsr_cache *c, struct tsr_driver *d, int64_t chunk);
void tsr_cache_forget(struct tsr_cache *c, struct tsr_driver *d);

/* version: of the chunk as it is stored, 0: not known. */
static inline struct tsr_block_id tsr_cache_id(const struct tsr_driver *d, int64_t chunk,
                                               uint64_t version, int64_t block, int64_t size)
{
    uint64_t owner = d->owner[chunk % TSR_DRIVER_OWNERS];
    if (version) owner = ((owner ^ version >> 32) + version) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    return (struct tsr_block_id){owner, chunk, (int32_t)block, (int32_t)size};
}

#endif
