/* SPDX-License-Identifier: BSD-3-Clause */
/* grid/window.h - decoded bytes of the chunks that are read or written at once (array/read.c,
 * array/write.c), of which the memory of copies is reckoned too (rechunk.c). */
#ifndef TSR_GRID_WINDOW_H
#define TSR_GRID_WINDOW_H

#include "grid/grid.h"

/* Small, so that what is encoded is still in the cache as it is written and little memory is
 * touched; but many small blocks for each thread, so that few threads wait at its end, and at least
 * one large block, or two where that is not too much. */
static inline int64_t tsr_window_bytes(int threads, int64_t block_bytes)
{
    const int64_t least = 4 << 20, most = 64 << 20, of_thread = 2 << 20, huge = 512 << 20;
    int64_t n = threads, block = tsr_min64(block_bytes, huge);
    int64_t two = tsr_min64(2 * n * block, most), one = tsr_min64(n * block, huge);
    return tsr_max64(tsr_max64(least, tsr_min64(n * of_thread, most)), tsr_max64(one, two));
}

#endif
