/* SPDX-License-Identifier: BSD-3-Clause */
/* format/b2nd_meta.h - the metalayer "b2nd": shapes and dtype of the array in a Blosc2 frame. */
#ifndef TSR_FORMAT_B2ND_META_H
#define TSR_FORMAT_B2ND_META_H

#include "base/mem.h"
#include "frame/frame.h"
#include "grid/grid.h"

enum { TSR_B2ND_MAX_NDIM = 16 };

/* Fills shape, chunk, block and ndim of g, and *dtype (owned by the caller; left alone when the
 * metalayer has none).  ECORRUPT; EUNSUPPORTED for another version. */
int tsr_b2nd_meta_parse(const uint8_t *p, size_t len, struct tsr_grid *g, int *dtype_format,
                        char **dtype);
int tsr_b2nd_meta_emit(struct tsr_buf *out, const struct tsr_grid *g, const char *dtype);

/* Tells p of the blocks of g, which is derived. */
void tsr_b2nd_set_blocks(struct tsr_cparams *p, const struct tsr_grid *g);
/* The same for a frame that is opened as a super-chunk: is it an array, and if its metalayer is
 * sound, what shape have its blocks? */
bool tsr_b2nd_find_blocks(const struct tsr_frame *f, struct tsr_cparams *out);
/* And the whole grid; of use if *sound. */
bool tsr_b2nd_find_grid(const struct tsr_frame *f, struct tsr_grid *g, bool *sound);
/* Does the frame hold as many bytes as the grid has, in chunks of its size?  Else ECORRUPT. */
int tsr_b2nd_check_geometry(const struct tsr_grid *g, const struct tsr_frame_facts *f);

#endif
