/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/chain.h - the codecs of an array as one: a chunk's items to stored bytes and back (zarr.md
 * 5, 5.5, 9.3, 9.7).
 *
 * A chain is opened for one shape of chunk: every codec's view is worked out then, and what cannot
 * go together is refused.  Items of a chunk lie in C order of its shape, as struct tsr_zview says,
 * also where format 2 stores them in order F.  Codecs that change nothing are left out.  Between
 * the steps that remain bytes lie in two buffers of the worker (two more for each shard around
 * them); the last step goes straight to where the bytes are wanted.
 *
 * An open chain may be used by many threads at once. */
#ifndef TSR_ZARR_CHAIN_H
#define TSR_ZARR_CHAIN_H

#include "zarr/codec.h"
#include "zarr/meta.h"

struct tsr_zchain {
    struct tsr_zview in;      /* a chunk */
    int64_t stored;           /* bytes of a stored chunk; < 0: they vary */
    bool writable;            /* this build can encode all of it */
    struct tsr_zcodec *codec; /* [n], in encode order */
    int n, level;
    const struct tsr_zcodec **step; /* [nsteps]: those that change something */
    int nsteps;
    size_t limit;              /* of what a step of unknown size may decode to */
    const struct tsr_doc *doc; /* the arena of types and fill values, borrowed */
};

/* What a chain is made of: its codecs, what they see, and the arena for what they make. */
struct tsr_zchain_spec {
    struct tsr_doc *doc;
    int format, level;
    const struct tsr_zspec *codecs; /* [n] */
    int n;
    struct tsr_zview in;
    char order;   /* 'F': the chunk is turned first; else 'C' */
    size_t limit; /* see above; 0: 2 GiB */
};
int tsr_zchain_open(const struct tsr_zchain_spec *s, struct tsr_zchain **out);
void tsr_zchain_close(struct tsr_zchain *c);

/* That of m for chunks of this shape, with d as its arena (NULL: m's).  Errors name the codec:
 * "codecs: [1] gzip: level: ...". */
int tsr_zchain_of(const struct tsr_zmeta *m, struct tsr_doc *d, const int64_t *chunk, size_t limit,
                  struct tsr_zchain **out);

/* Decodes a stored chunk, whole: items of known size to dst, of c->in.bytes; of variable length
 * (or any) they are appended to out.  ECORRUPT; ELIMIT: more than the chain's limit. */
int tsr_zchain_decode(const struct tsr_zchain *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, uint8_t *dst);
int tsr_zchain_decode_to(const struct tsr_zchain *c, struct tsr_worker *w, const uint8_t *src,
                         size_t len, struct tsr_buf *out);
/* Appends the stored form of a chunk's items, src[len], to out.  EARG: they cannot be encoded;
 * EUNSUPPORTED: not writable. */
int tsr_zchain_encode(const struct tsr_zchain *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, struct tsr_buf *out);
/* The most bytes that encode makes of len; SIZE_MAX when that overflows. */
size_t tsr_zchain_bound(const struct tsr_zchain *c, size_t len);

/* A buffer of the worker that is free at this level between the steps of a chain: `which` 0 and 1
 * are the chain's, 2 and 3 of the codec that calls.  NULL: out of memory. */
enum { TSR_ZLEVELS = 8, TSR_ZBUFFERS = 4 };
struct tsr_buf *tsr_zscratch(struct tsr_worker *w, int level, int which);

/* The list of codecs in a document of format 3, into the arena.  Those that are not known and need
 * not be understood are left out and set *foreign. */
int tsr_zspecs_parse(struct tsr_doc *d, const struct tsr_node *n, struct tsr_zspec **out,
                     int *count, bool *foreign);

#endif
