/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/shard.h - shards: objects that hold many chunks and say where (zarr.md 10).
 *
 *   end     [ inner chunks, in any order, gaps allowed ][ index ]
 *   start   [ index ][ inner chunks ]
 *
 *   index   offset and length, u64 each, of every inner chunk in C order; both 2^64-1: not there.
 *           Offsets count from the first byte of the object.  It has codecs of its own.
 *
 * Inner chunks are decoded by a chain of their own, from bytes that a caller reads by range: first
 * the index, then what it needs (zarr/parts.h).  "sharding_indexed" is also a codec like any other,
 * which takes whole shards; so do chains that put a compressor around a shard. */
#ifndef TSR_ZARR_SHARD_H
#define TSR_ZARR_SHARD_H

#include "zarr/chain.h"

struct tsr_zshard {
    int ndim;
    int64_t inner[TSR_MAX_NDIM]; /* shape of an inner chunk */
    int64_t count[TSR_MAX_NDIM]; /* inner chunks along each axis */
    int64_t n;                   /* of them all */
    struct tsr_zchain *chain;    /* of an inner chunk */
    struct tsr_zchain *index;    /* of the index: [n][2] u64 */
    size_t index_bytes;          /* as it is stored */
    bool at_end;
};

/* Where the index lies: its first byte in an object of `size` bytes, of which tail are another
 * codec's; ECORRUPT: it is shorter. */
int tsr_zshard_index_at(const struct tsr_zshard *s, uint64_t size, size_t tail, uint64_t *off);

/* Decodes the index from its stored bytes, raw[s->index_bytes], into entry[2 * n]: offsets and
 * lengths, TSR_ZEMPTY both where there is no inner chunk.  Every entry is checked against the
 * object of size bytes: ECORRUPT names it. */
#define TSR_ZEMPTY UINT64_MAX
int tsr_zshard_index(const struct tsr_zshard *s, struct tsr_worker *w, const uint8_t *raw,
                     uint64_t size, size_t tail, uint64_t *entry);

/* Writing: the stored lengths of the n inner chunks (TSR_ZEMPTY: none) become the stored index,
 * raw[s->index_bytes], for an object in which they follow one another in C order without gaps,
 * behind the index or before it; entry[2 * n] is the index itself, *size that of the object. */
int tsr_zshard_make_index(const struct tsr_zshard *s, struct tsr_worker *w, const uint64_t *len,
                          uint64_t *entry, uint8_t *raw, uint64_t *size);

/* Where inner chunk i begins in the shard: index[ndim] of its first item. */
void tsr_zshard_origin(const struct tsr_zshard *s, int64_t i, int64_t *index);

extern const struct tsr_zcodec_kind tsr_zkind_sharding;

#endif
