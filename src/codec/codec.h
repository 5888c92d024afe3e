/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/codec.h - what a codec and a filter are.
 *
 * One file per codec or filter exports one const record; chunk/codecs.c lists them.  They see
 * raw bytes only.  All functions may run on many threads at once; what they keep from call to
 * call hangs on the worker (tsr_worker_state with the record as key). */
#ifndef TSR_CODEC_CODEC_H
#define TSR_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/pool.h"

/* A parameter "name=value" of a step, an integer in min..max.  Ends with name NULL. */
struct tsr_param {
    const char *name;
    int min, max, dflt; /* dflt TSR_PARAM_NEEDED: must be given */
};
enum { TSR_PARAM_NEEDED = -1000 };

/* In what order the filters left the bytes of a block: whole items, or sorted by their place in
 * the item, bytes or bits. */
enum tsr_order { TSR_ORDER_ITEMS, TSR_ORDER_BYTES, TSR_ORDER_BITS };

/* What a codec or filter may want to know about the block it works on. */
struct tsr_block_facts {
    int32_t typesize;     /* of the chunk header: 1 when items are larger than 255 bytes */
    int32_t item_bytes;   /* true item size, 0 when not known (a chunk on its own) */
    int ndim;             /* 0 when the block has no shape */
    const int32_t *shape; /* [ndim], borrowed */
    enum tsr_order order; /* what encoders are given, */
    int planes;           /* in so many parts of equal size and of one kind each, 0: not known */
    int version;          /* chunk format version (bitshuffle of Blosc 1 differs) */
    const uint8_t *ref;   /* block 0 of the chunk, decoded, to delta; NULL: this is block 0 */
};

struct tsr_call {
    struct tsr_worker *worker;
    const struct tsr_block_facts *block;
    const void *step;    /* the codec or filter that is called, for those that share functions */
    int level;           /* Blosc clevel 1..9, encoders only */
    int meta;            /* the codec's or filter's parameter byte, 0..255 */
    const uint8_t *dict; /* NULL: none */
    size_t dict_len;
};

/* Kinds of dictionaries: a piece of the data as it is, found at once; strings that many pieces
 * share, found by training; such strings with entropy tables in front (RFC 8878 section 5). */
enum { TSR_DICT_PIECE = 1, TSR_DICT_STRINGS = 2, TSR_DICT_TABLES = 4 };

struct tsr_codec {
    const char *name, *about;
    const char *zarr;               /* its name in Zarr metadata, NULL: none */
    int blosc2_id;                  /* blosc2.md 4.1, -1: none */
    int blosc2_format;              /* format code in flags >> 5; 6 for plugins */
    int hdf5_id;                    /* registered filter number, 0: none */
    const struct tsr_param *params; /* besides clevel and dict, which the pipeline owns */
    bool lossy;                     /* decodes to other items: filters before it must keep items */
    bool floats;                    /* items must be floats */
    bool shape;                     /* blocks must have a shape */
    bool whole;                     /* a stream is a whole block, never a part of one */

    /* May blocks of these facts be written with this meta?  EARG says why not.  NULL: always. */
    int (*check)(const struct tsr_call *c);

    int dicts; /* TSR_DICT_*: what tsr_call.dict may be; 0: it is ignored */

    /* Encodes n > 0 bytes into at most cap; *out is the length, 0 when it does not fit or
     * does not pay.  Fails only for want of memory or wrong parameters. */
    int (*encode)(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst, size_t cap,
                  size_t *out);

    /* Decodes len bytes to exactly n, else ECORRUPT.  Touches nothing outside. */
    int (*decode)(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst, size_t n);
    /* Decodes the first n bytes of more, at less than the cost of all; what comes after them is
     * not checked.  NULL: cannot. */
    int (*decode_start)(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                        size_t n);
};

struct tsr_filter {
    const char *name, *about;
    int blosc2_id;
    const struct tsr_param *params; /* "meta" is the parameter byte */
    bool encode_only;               /* decoding is the identity */
    bool lossy, floats, shape;      /* as of a codec */
    bool items;                     /* what it makes is still items, at their places or others */
    bool in_place;                  /* decode may have src = dst */
    int (*check)(const struct tsr_call *c); /* as of a codec */

    /* True when both directions would only copy, so that the pipeline leaves the step out;
     * NULL: never. */
    bool (*identity)(const struct tsr_call *c);
    /* Into how many equal planes encode sorts the bytes, so that the first m bytes of all planes
     * make the first m items; NULL: not so. */
    size_t (*planes)(const struct tsr_call *c);

    /* Both transform len bytes from src to dst, which do not overlap but as in_place says. */
    int (*encode)(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst);
    int (*decode)(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst);
    /* decode of 2, 4 or 8 planes that lie apart, len bytes in all; NULL: they must be together. */
    int (*decode_planes)(const struct tsr_call *c, const uint8_t *const plane[], size_t len,
                         uint8_t *dst);
};

#endif
