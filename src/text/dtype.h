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
    struct tsr_dtype *dtype; /* owned */
    int64_t offset;          /* bytes from the start of the item */
    int ndim;                /* of a subarray, 0: none */
    int64_t shape[8];
};

struct tsr_dtype {
    char kind;  /* b i u f c M m U S V as NumPy; 'T' structured, 'A' a subarray */
    char order; /* '<' '>' '|' */
    int64_t item_bytes;
    char unit[16]; /* "ns", "25s" of M and m, else "" */
    int nfields;   /* structured; subarray: 1, without a name */
    struct tsr_field *fields;
};

/* ECORRUPT names the position; *out is freed with tsr_dtype_free. */
int tsr_dtype_parse(const char *text, size_t len, struct tsr_dtype **out);
void tsr_dtype_free(struct tsr_dtype *t);
/* The canonical text that NumPy users write into a b2nd file: the array-protocol string, of a
 * structured dtype its str().  emit_descr: what dtype.descr holds and a .npy header wants; the
 * two differ only for structured dtypes (padding fields instead of offsets, '|u1' for 'u1');
 * EUNSUPPORTED when fields overlap or are out of order, and for subarrays, which have no form
 * there. */
int tsr_dtype_emit(struct tsr_buf *out, const struct tsr_dtype *t);
int tsr_dtype_emit_descr(struct tsr_buf *out, const struct tsr_dtype *t);

/* One item as a double; kinds b i u f, sizes 1 2 4 8 (f: 2 4 8), either byte order. */
bool tsr_dtype_is_numeric(const struct tsr_dtype *t);
int tsr_dtype_to_double(const struct tsr_dtype *t, const void *src, int64_t n, double *out);
/* Text as one item: numbers ("1.5", "nan", "true"), strings, complex "1+2j", times as ISO 8601
 * or a count of units, void as hex.  EARG: no such number, or out of range; EUNSUPPORTED:
 * structured dtypes and floats of 12 and 16 bytes. */
int tsr_dtype_from_text(const struct tsr_dtype *t, const char *text, void *item);
/* One item as Python's repr of it, structured ones as tuples; appended to out. */
int tsr_dtype_to_text(struct tsr_buf *out, const struct tsr_dtype *t, const void *item);

#endif
