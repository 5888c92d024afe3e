/* SPDX-License-Identifier: BSD-3-Clause */
/* text/dtype.h - NumPy dtype strings by a strict grammar (blosc2.md 10.1): array-protocol
 * strings, and the str() of structured dtypes, never evaluated; depth <= 16, fields <= 4096,
 * text <= 64 KiB. */
#ifndef TSR_TEXT_DTYPE_H
#define TSR_TEXT_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct tsr_dtype;

struct tsr_field {
    char *name;
    struct tsr_dtype *dtype;       /* owned */
    int64_t offset;                /* bytes from the start of the item */
    int ndim;                      /* of a subarray, 0: none */
    int64_t shape[8];
};

struct tsr_dtype {
    char kind;                     /* b i u f c M m U S V as NumPy; 'T' structured */
    char order;                    /* '<' '>' '|' */
    int64_t item_bytes;
    char unit[16];                 /* "ns", "25s" of M and m, else "" */
    int nfields;                   /* structured */
    struct tsr_field *fields;
};

/* ECORRUPT names the position; *out is freed with tsr_dtype_free. */
int tsr_dtype_parse(const char *text, size_t len, struct tsr_dtype **out);
void tsr_dtype_free(struct tsr_dtype *t);
/* The canonical text NumPy's str(dtype) would write into a b2nd file, or the .npy header's
 * descr (list of tuples / string): the two differ only for structured dtypes with offsets. */
int tsr_dtype_emit(struct tsr_buf *out, const struct tsr_dtype *t);

/* One item as a double; kinds b i u f, sizes 1 2 4 8 (f: 2 4 8), either byte order. */
bool tsr_dtype_is_numeric(const struct tsr_dtype *t);
int tsr_dtype_to_double(const struct tsr_dtype *t, const void *src, int64_t n, double *out);
/* A number or text ("1.5", "nan", "true") as one item of a numeric dtype; EARG out of range. */
int tsr_dtype_from_text(const struct tsr_dtype *t, const char *text, void *item);

#endif
