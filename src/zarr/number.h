/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/number.h - arithmetic on numbers of any type, for the filters of numcodecs (zarr.md 5.2).
 *
 * Filters work on tiles: some hundred items that are loaded into the machine's own form, changed,
 * and stored in the form of the other side.  A tile of half floats is one of floats whose values
 * are all half floats; one of bools is one of bytes 0 and 1. */
#ifndef TSR_ZARR_NUMBER_H
#define TSR_ZARR_NUMBER_H

#include "zarr/codec.h"

enum tsr_znum_kind {
    TSR_I1,
    TSR_I2,
    TSR_I4,
    TSR_I8,
    TSR_U1,
    TSR_U2,
    TSR_U4,
    TSR_U8,
    TSR_F2,
    TSR_F4,
    TSR_F8,
    TSR_B1
};

struct tsr_znum {
    enum tsr_znum_kind kind;
    uint8_t size; /* bytes of an item in memory */
    bool big;     /* its byte order */
};

enum { TSR_TILE = 512 };
union tsr_tile {
    int8_t i1[TSR_TILE];
    int16_t i2[TSR_TILE];
    int32_t i4[TSR_TILE];
    int64_t i8[TSR_TILE];
    uint8_t u1[TSR_TILE];
    uint16_t u2[TSR_TILE];
    uint32_t u4[TSR_TILE];
    uint64_t u8[TSR_TILE];
    float f4[TSR_TILE]; /* also F2 */
    double f8[TSR_TILE];
};

static inline bool tsr_znum_is_float(enum tsr_znum_kind k)
{
    return k >= TSR_F2 && k <= TSR_F8;
}
static inline bool tsr_znum_is_int(enum tsr_znum_kind k)
{
    return k <= TSR_U8;
}

/* False: t is no such number. */
bool tsr_znum_of(const struct tsr_ztype *t, struct tsr_znum *out);

/* The type that a member of a configuration names: a type of format 2 or, in format 3, also of
 * NumPy, without a byte order ("int32", "i4").  Absent: dflt, or ECORRUPT when that is NULL.
 * EUNSUPPORTED: no number of ours. */
int tsr_znum_member(struct tsr_zcodec *c, const struct tsr_node *config, const char *name,
                    int format, const struct tsr_ztype *dflt, const struct tsr_ztype **out);
/* Names the type of the items that it sees where the member is absent, for others to be told. */
int tsr_znum_usual(const struct tsr_zcodec *c, struct tsr_node *config, const char *name);
/* The `complete` of those who call it "dtype". */
int tsr_znum_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config);

/* n <= TSR_TILE items. */
void tsr_znum_load(const struct tsr_znum *t, union tsr_tile *tile, const uint8_t *src, size_t n);
void tsr_znum_store(const struct tsr_znum *t, const union tsr_tile *tile, uint8_t *dst, size_t n);

/* Casts as C does where that is defined: integers are cut to their low bits, floats lose their
 * fraction, other numbers are rounded to the nearest, ties to even.  A float beyond an integer
 * type gives its end, NaN 0, and the answer is then false. */
bool tsr_znum_cast(enum tsr_znum_kind from, const union tsr_tile *src, enum tsr_znum_kind to,
                   union tsr_tile *dst, size_t n);

float tsr_half_round(double v); /* the nearest half float */

/* A codec between items of two types, of as many: what all such codecs keep first in their state.
 * in: as c->in lies in memory, out: as c->out. */
struct tsr_znums {
    struct tsr_znum in, out;
};

/* Sets c->out and s for items of type t in, u out; c->in may be bytes or items of another type and
 * the same size (format 2).  The fill value goes along, cast. */
int tsr_znums_open(struct tsr_zcodec *c, struct tsr_znums *s, int format, const struct tsr_ztype *t,
                   const struct tsr_ztype *u);

/* What a codec reads, and its room. */
struct tsr_span {
    const uint8_t *src;
    size_t len;
    uint8_t *dst;
    size_t cap;
};

/* Runs tiles through a step that changes n items from the type of one side to that of the other;
 * it may keep something in *run.  A step fails by tsr_fail. */
typedef int tsr_znums_step(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                           union tsr_tile *dst, size_t n);
int tsr_znums_decode(const struct tsr_zcodec *c, tsr_znums_step *step, void *run,
                     const struct tsr_span *s, size_t *n);
int tsr_znums_encode(const struct tsr_zcodec *c, tsr_znums_step *step, void *run,
                     const struct tsr_span *s, size_t *n);
size_t tsr_znums_bound(const struct tsr_zcodec *c, size_t len);
int64_t tsr_znums_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len);

/* Fails when a cast to integers was not possible. */
int tsr_znum_beyond(const struct tsr_zcodec *c);

#endif
