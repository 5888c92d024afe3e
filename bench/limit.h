/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/limit.h - what a workload would take if only codecs took time.
 *
 * The limit of a read is the time in which liblz4, libzstd or libdeflate decode the streams of
 * all blocks that it touches, on so many threads: no filter, no file, no copy to where items
 * belong.  That of a write is the time in which Tessera's codec encodes the same streams, filtered
 * before: the library and what chooses its parameters.  What no codec sees counts as memory does:
 * runs and special chunks at the speed of memset, plain bytes at that of memcpy.
 *
 * It is a module for bench.c and for bench/python, with plain C types.  It sees inside the library,
 * of which it has a copy of its own. */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/* What is decoded or encoded: all of a container or a chunk, or the blocks of an array that some
 * boxes touch; or chunks of Zarr one by one, which the caller has found: Blosc chunks ("blosc"), or
 * one stream each, all of them of `size` bytes decoded. */
struct limit_plan {
    const char *path; /* of a b2nd or a b2frame file or folder, or NULL: */
    const void *chunk;
    size_t chunk_len;
    int64_t ops;            /* boxes; 0: all of it, once */
    const int64_t *starts;  /* [ops][ndim of the array] */
    const int64_t *counts;  /* the same */
    int32_t encode, clevel; /* encode 0: decode */
    int32_t threads;
    const char *codec; /* NULL: no chunks of Zarr; clevel is then the library's */
    int64_t nparts;
    const void *const *parts; /* [nparts] */
    const size_t *lens;       /* the same */
    size_t size;
};

struct limit_time {
    double wall, cpu; /* seconds per operation */
};

/* What is needed from bytes is kept, files may go.  NULL: see limit_error. */
void *limit_new(const struct limit_plan *plan);
/* Runs all operations once, or more often when that takes no time; 0 or -1. */
int limit_run(void *limit, struct limit_time *took);
void limit_free(void *limit);
const char *limit_error(void);

#endif
