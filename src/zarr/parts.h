/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/parts.h - a stored chunk as what can be read of it alone: its blocks (zarr.md 10.3, 10.4).
 *
 * A plain chunk is one block.  A shard is as many as it has inner chunks, if they can be had by
 * ranges of the object: behind sharding there are only checksums, and before it only transposes,
 * which are moved into the blocks:
 *
 *   transpose, sharding(bytes, zstd)  =  blocks of transpose, bytes, zstd
 *
 * Blocks have numbers in C order of the array's axes, whatever the index has them in. */
#ifndef TSR_ZARR_PARTS_H
#define TSR_ZARR_PARTS_H

#include "zarr/shard.h"

struct tsr_zparts {
    struct tsr_doc *doc;            /* the arena of the chains */
    struct tsr_zchain *whole;       /* of the chunk */
    const struct tsr_zshard *shard; /* NULL: the chunk is its one block */
    size_t tail;                    /* bytes behind the shard in its object */
    int ndim;
    int64_t block[TSR_MAX_NDIM]; /* shape of a block, in the array's axes */
    int64_t count[TSR_MAX_NDIM]; /* blocks along each of them */
    int64_t n;
    const struct tsr_zchain *chain; /* of a block: its stored bytes to its items in C order */
    struct tsr_zchain *own;         /* that chain where it is neither of the others */
    int axis[TSR_MAX_NDIM];         /* of the array, for each axis of the shard */
};

/* For chunks of this shape, of which no step may decode to more than limit bytes of unknown size
 * (0: 2 GiB).  m, which stays, is only looked at.  Fails as tsr_zchain_of. */
int tsr_zparts_open(const struct tsr_zmeta *m, const int64_t *chunk, size_t limit,
                    struct tsr_zparts **out);
void tsr_zparts_close(struct tsr_zparts *p);

/* Which entry of the index is that of block b, and where in the chunk its first item lies. */
int64_t tsr_zparts_entry(const struct tsr_zparts *p, int64_t b);
void tsr_zparts_origin(const struct tsr_zparts *p, int64_t b, int64_t *index);

#endif
