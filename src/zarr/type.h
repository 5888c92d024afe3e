/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/type.h - what an item of a Zarr array is: the data types of both formats (zarr.md 4, 8).
 *
 * A type says more than the dtype under which the engine knows the items: bfloat16 is two raw
 * bytes to the engine, but the codec "bytes" turns their order, and a fill value of it is a number.
 * In format 2 items keep the byte orders of .zarray; in format 3 they are little-endian in memory.
 * Types and all that hangs on them live in the arena of a document and are never freed alone. */
#ifndef TSR_ZARR_TYPE_H
#define TSR_ZARR_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "text/doc.h"
#include "text/dtype.h"

enum tsr_ztype_kind {
    TSR_ZBOOL,
    TSR_ZINT, /* two's complement, also of 2 and 4 bits, which are bytes in memory */
    TSR_ZUINT,
    TSR_ZFLOAT,
    TSR_ZCOMPLEX, /* two floats */
    TSR_ZMOMENT,  /* datetime64: dtype 'M' */
    TSR_ZSPAN,    /* timedelta64: dtype 'm' */
    TSR_ZCHARS,   /* dtype 'S' */
    TSR_ZTEXT,    /* dtype 'U' */
    TSR_ZRAW,     /* dtype 'V' */
    TSR_ZRECORD,
    /* of variable length, dtype NULL: */
    TSR_ZSTRING, /* UTF-8 */
    TSR_ZBYTES,
    TSR_ZARRAYS, /* one-dimensional, of items->dtype */
    TSR_ZJSON,   /* any value (json2, msgpack2) */
};

/* The form of a float: sign, exponent, mantissa from the top bit down. */
struct tsr_zfloat {
    const char *name;       /* of format 3 */
    uint8_t bits, exp, man; /* exp + man is bits, or bits - 1 with a sign */
    int16_t bias;
    uint8_t inf, nan; /* has infinities; NaN: a TSR_ZNAN_* */
};
enum {
    TSR_ZNAN_IEEE,     /* the largest exponent with any mantissa but 0 */
    TSR_ZNAN_NONE,     /* every pattern is a number */
    TSR_ZNAN_MINUS_0,  /* the pattern of -0 */
    TSR_ZNAN_ALL_ONES, /* the pattern of ones alone; no sign, no zero */
};

struct tsr_ztype {
    enum tsr_ztype_kind kind;
    uint8_t bits; /* of an integer or bool: 1, 2, 4, 8 .. 64 */
    uint8_t swap; /* bytes that turn with the byte order: 1, 2, 4, 8 */
    bool big;     /* format 2: '>' */
    bool old;     /* "structured" and "r16": spelled so, with fill values of their own forms */
    const struct tsr_zfloat *real;  /* of FLOAT and of the parts of COMPLEX */
    const struct tsr_dtype *dtype;  /* NULL: items of variable length */
    const struct tsr_ztype **field; /* of a RECORD: [dtype->nfields]; of ARRAYS: 1, its items */
};

/* A data type of format 2 (the member "dtype": text or list; 4.1, 4.2) or 3 ("data_type": text or
 * object; 8.1, 8.2) into the arena.  ECORRUPT: no such type can be; EUNSUPPORTED: it is none of
 * ours.  The text says what was found and what was expected.  "|O" gives TSR_ZJSON, which the
 * object codec narrows (4.3). */
int tsr_ztype_parse(struct tsr_doc *d, const struct tsr_node *n, int format,
                    const struct tsr_ztype **out);
/* The way back, as nodes of d.  EUNSUPPORTED: the format has no form for it (8.4). */
int tsr_ztype_emit(struct tsr_doc *d, const struct tsr_ztype *t, int format, struct tsr_node *out);
/* A type for items of a dtype (8.4), into the arena; EUNSUPPORTED. */
int tsr_ztype_from_dtype(struct tsr_doc *d, const struct tsr_dtype *dt, int format,
                         const struct tsr_ztype **out);
/* Must the codec "bytes" be told a byte order? */
bool tsr_ztype_has_order(const struct tsr_ztype *t);
/* The name in format 3, for messages: "float32". */
const char *tsr_ztype_name(const struct tsr_ztype *t);

/* A fill value (4.4, 8.1 to 8.3): the bytes of an item as it lies in memory, of t->dtype's size, or
 * of variable length: a u32 little-endian byte length, then so many bytes. */
struct tsr_zfill {
    const uint8_t *p;
    size_t len;
    bool null; /* there is none: p is zeros, or nothing */
};
int tsr_zfill_parse(struct tsr_doc *d, const struct tsr_ztype *t, const struct tsr_node *n,
                    int format, struct tsr_zfill *out);
int tsr_zfill_emit(struct tsr_doc *d, const struct tsr_ztype *t, const struct tsr_zfill *f,
                   int format, struct tsr_node *out);

/* Floats of any form: bits of a number, rounded once, ties to even, and back.  False: the form
 * has no such value, or the number is beyond its largest. */
bool tsr_zfloat_encode(const struct tsr_zfloat *f, double v, uint64_t *bits);
/* text: a decimal number, rounded from all its digits. */
bool tsr_zfloat_from_text(const struct tsr_zfloat *f, const char *text, uint64_t *bits);
double tsr_zfloat_decode(const struct tsr_zfloat *f, uint64_t bits);
uint64_t tsr_zfloat_nan(const struct tsr_zfloat *f); /* the one that "NaN" stands for */

#endif
