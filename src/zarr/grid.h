/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/grid.h - chunk grids (zarr.md 6, 9.1): which chunk holds an index, where a chunk lies.
 *
 * Regular: every chunk has the same shape.  Rectilinear: the edges of an axis come in runs, which
 * are never expanded:
 *
 *   [[4, 2], 1, 3]   edges 4 4 1 3: runs (4, 2) (1, 1) (3, 1)
 *
 * Chunks keep their full shape at the end of the array, of a rectilinear grid too; those wholly
 * beyond it do not count. */
#ifndef TSR_ZARR_GRID_H
#define TSR_ZARR_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include <tessera/tessera.h>

#include "grid/grid.h"
#include "text/doc.h"

struct tsr_zgrid {
    bool regular;
    int ndim;
    int64_t shape[TSR_MAX_NDIM];              /* of a chunk; rectilinear: the longest edges */
    int64_t count[TSR_MAX_NDIM];              /* chunks that hold anything of the array */
    const struct tsr_run *runs[TSR_MAX_NDIM]; /* rectilinear: [nruns]; in the arena */
    int64_t nruns[TSR_MAX_NDIM];
};

/* g->ndim and shape[ndim] of the array are given; a chunk length of 0 is that of an axis of length
 * 0.  ECORRUPT, ELIMIT: more than 2^40 chunks on an axis of a rectilinear grid. */
int tsr_zgrid_regular(struct tsr_zgrid *g, const struct tsr_node *chunks, const int64_t *shape);
/* n: the extension object "chunk_grid" of format 3. */
int tsr_zgrid_parse(struct tsr_doc *d, struct tsr_zgrid *g, const struct tsr_node *n,
                    const int64_t *shape);

/* An entry of "chunk_shapes": count edges of one length. */
int tsr_zgrid_run(const struct tsr_node *n, int64_t *edge, int64_t *count);

/* Along axis d: the chunk that holds index `at` of the array, and where chunk i lies. */
int64_t tsr_zgrid_find(const struct tsr_zgrid *g, int d, int64_t at);
void tsr_zgrid_chunk(const struct tsr_zgrid *g, int d, int64_t i, int64_t *start, int64_t *len);
/* The engine's chunk lengths and runs, which stay the arena's; axes of equal edges need none. */
void tsr_zgrid_give(const struct tsr_zgrid *g, struct tsr_grid *out);

#endif
