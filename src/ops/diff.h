/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/diff.h - what the files of tsr_diff share: diff.c the whole, diff_items.c items in memory,
 * diff_box.c the boxes that are read, diff_loose.c items of variable length. */
#ifndef TSR_OPS_DIFF_H
#define TSR_OPS_DIFF_H

#include <tessera/tessera.h>

#include "grid/grid.h"
#include "ops/hash_items.h"

/* ---- items (diff_items.c) ---- */

enum tsr_diff_way { TSR_DIFF_AS_BYTES, TSR_DIFF_AS_INTEGERS, TSR_DIFF_AS_FLOATS };

struct tsr_diff_type {
    enum tsr_diff_way way;
    struct tsr_dtype *dtype[2];
    struct tsr_hash_items packed[2];
    bool alike;      /* but for the byte order */
    bool same_bytes; /* equal bytes are equal items */
    double rtol, atol;
    bool nan_differs;
};

/* Of two dtypes; EUNSUPPORTED when items of one cannot be equal to items of the other.  Freed by
 * _done, also after a failure. */
int tsr_diff_type_init(struct tsr_diff_type *t, const char *a, const char *b,
                       const tsr_diff_spec *how);
void tsr_diff_type_done(struct tsr_diff_type *t);

/* What was found in a row of items: how many differ, the numbers of the first of these, and how far
 * they are apart. */
enum { TSR_DIFF_FIRST = 64 };
struct tsr_diff_found {
    int64_t different, first[TSR_DIFF_FIRST];
    double most_abs, most_rel;
};
/* n items, from number `from` on of a row; scratch: room for tsr_diff_scratch bytes. */
size_t tsr_diff_scratch(const struct tsr_diff_type *t);
void tsr_diff_items(const struct tsr_diff_type *t, const uint8_t *a, const uint8_t *b, int64_t from,
                    int64_t n, void *scratch, struct tsr_diff_found *f);

/* ---- boxes (diff_box.c) ---- */

/* The shape count[] of the boxes in which both arrays are read with the least decoding: of at most
 * `most` bytes of items of both, and at least one item.  The grids have one shape. */
void tsr_diff_box(const struct tsr_grid *a, const struct tsr_grid *b, int64_t most,
                  int64_t count[]);

/* ---- items of variable length (diff_loose.c) ---- */

struct tsr_array;
struct tsr_loose_walk;

/* *alike: both have such items, of one dtype but for the byte order. */
int tsr_diff_loose_alike(const struct tsr_array *a, const struct tsr_array *b, bool *alike);
/* The items of the walk's box. */
int tsr_diff_loose(const struct tsr_array *a, const struct tsr_array *b, struct tsr_loose_walk *w,
                   struct tsr_diff_found *f);
/* The item at an index, and the fill value, which must be there, as text; freed by the caller. */
int tsr_diff_loose_item(const struct tsr_array *a, const int64_t at[], char **text);
int tsr_diff_loose_fill(const struct tsr_array *a, char **text);

#endif
