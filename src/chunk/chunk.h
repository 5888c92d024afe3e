/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/chunk.h - the Blosc chunk (blosc2.md sections 2 to 6).
 *
 * Reading goes in steps so that a caller need not have the whole chunk: parse the header from
 * its first bytes, read the block starts, then decode any block from its own bytes.  Writing
 * too: begin a chunk, encode its blocks in any order on any threads, then seal it. */
#ifndef TSR_CHUNK_CHUNK_H
#define TSR_CHUNK_CHUNK_H

#include <tessera/tessera.h>

#include "chunk/codecs.h"
#include "sys/file.h"

enum {
    TSR_SPECIAL_NONE,
    TSR_SPECIAL_ZEROS,
    TSR_SPECIAL_NAN,
    TSR_SPECIAL_VALUE,
    TSR_SPECIAL_UNINIT
};
enum { TSR_CHUNK_HEADER = 32, TSR_CHUNK_FILTERS = 6, TSR_CHUNK_OVERHEAD = 32 };
#define TSR_CHUNK_MAX_NBYTES 2147483615 /* blosc2.md 13 */
#define TSR_BLOCK_MAX 536866816

/* What bounds a parser: the largest nbytes of a chunk (ELIMIT), and the codecs it may meet. */
struct tsr_limits {
    uint64_t max_bytes;
    const struct tsr_codec_set *codecs; /* NULL: those of the tables */
};

/* max_bytes, and the tables. */
static inline struct tsr_limits tsr_limit(uint64_t max_bytes)
{
    return (struct tsr_limits){.max_bytes = max_bytes};
}

/* How chunks are to be made; what a frame header stores as defaults. */
struct tsr_cparams {
    const struct tsr_codec_set *codecs; /* where names and ids are looked up; NULL: the tables */
    const struct tsr_codec *codec;      /* NULL: a codec this build lacks (codec_id says which) */
    int codec_id, codec_meta;
    int clevel;                                                          /* 0..9 */
    uint8_t filters[TSR_CHUNK_FILTERS], filters_meta[TSR_CHUNK_FILTERS]; /* Blosc2 ids */
    int split;           /* Blosc2 API value: 1 always, 2 never, 3 auto, 4 forward */
    int32_t item_bytes;  /* true item size */
    int32_t block_bytes; /* 0: chosen by the rule of 6.2 */
    bool use_dict;       /* with a dictionary, where codec and data allow it */
    bool basic;          /* for Blosc 1: 16-byte header, no runs; tsr_chunk_encode only, of at most
                            one filter, shuffle or bitshuffle */
    int block_ndim;      /* of the b2nd block, 0: none */
    int32_t block_shape[16];
};

/* zstd, clevel 5, shuffle, split auto; the codecs of the tables. */
void tsr_cparams_init(struct tsr_cparams *p, int32_t item_bytes);

/* Do both encode the same items alike, block shapes apart? */
bool tsr_cparams_alike(const struct tsr_cparams *p, const struct tsr_cparams *q);
/* From public steps, looked up in p->codecs: any number of filters, then one codec; n 0: the
 * defaults.  EARG names the step.  Filters fill the slots from the last one down to keep c-blosc2's
 * habit (5.1, 6). */
int tsr_cparams_from_steps(struct tsr_cparams *p, const tsr_step *steps, int n, int split);
/* EUNSUPPORTED (naming it) when codec or a filter of p is not built in or cannot encode, EARG
 * when the steps do not go together or not with items and blocks of p. */
int tsr_cparams_check(const struct tsr_cparams *p);
/* A step that works on little-endian floats only, NULL: there is none. */
const char *tsr_cparams_floats(const struct tsr_cparams *p);
/* Do all items decode to what they were? */
bool tsr_cparams_lossless(const struct tsr_cparams *p);

/* A parsed header.  Small, plain, copyable: its pointers lead to codecs, which outlive it,
 * and to a dictionary, which need not: tsr_chunk_bind_dict finds it again. */
struct tsr_chunk {
    int32_t nbytes, cbytes;
    int32_t block_bytes;       /* decoded size of a full block, rounded as 2.7 says */
    int32_t nblocks, leftover; /* leftover: size of the short last block, 0: it is full */
    int32_t value_bytes;       /* special VALUE: bytes of the item, at head_bytes */
    int32_t item_bytes;        /* true item size where the caller knew it, else 0 */
    uint8_t head_bytes;        /* 16 or 32 */
    uint8_t version, flags, flags2, blosc2_flags, typesize;
    uint8_t special, codec_id, codec_meta;
    bool memcpyed, dict, vlblocks;
    bool serial;       /* blocks after the first need it decoded (delta) */
    bool instrumented; /* the blocks are records about data that is gone (3.10) */
    bool plain;        /* sealed without special value even when all is zeros */
    bool basic;        /* 16-byte header */
    uint8_t filters[TSR_CHUNK_FILTERS], filters_meta[TSR_CHUNK_FILTERS];
    const struct tsr_codec *codec;      /* NULL when it is not needed (memcpyed, special) */
    const struct tsr_codec_set *codecs; /* where its filters are looked up */
    /* The dictionary, in the bytes that were parsed; NULL and 0 when they did not reach it. */
    const uint8_t *dict_bytes;
    int32_t dict_len;
    const int32_t *block_shape; /* [block_ndim] where the caller knew it, borrowed */
    int block_ndim;
    const uint8_t *ref; /* block 0 of a serial chunk, decoded, if it is at hand; borrowed */
};

/* Parses and checks a header (2, 3, 14.1-8).  p: the first len bytes, len >= min(32, avail);
 * avail: bytes that the container has from p on, all of the chunk must fit.  ECORRUPT names byte
 * and value, also of what 14.9 and 14.13 say about block starts, dictionaries and VL blocks that
 * lie in the first len bytes; EUNSUPPORTED for unknown codecs, filters, versions. */
int tsr_chunk_parse(struct tsr_chunk *c, const uint8_t *p, size_t len, uint64_t avail,
                    struct tsr_limits limits);

/* Whether the chunk that begins with p[len] says that it has blocks of variable length: *vl, all
 * unchecked.  False: it is of neither kind (special), or p is too short to tell. */
bool tsr_chunk_kind(const uint8_t *p, size_t len, bool *vl);

/* Decoded size of block b. */
static inline int32_t tsr_chunk_block_len(const struct tsr_chunk *c, int32_t b)
{
    return b == c->nblocks - 1 && c->leftover ? c->leftover : c->block_bytes;
}

/* Has block starts: regular, not empty, not memcpyed, not special. */
static inline bool tsr_chunk_is_regular(const struct tsr_chunk *c)
{
    return !c->special && !c->memcpyed && c->nbytes > 0;
}

/* Bytes from the chunk's start that must be had before blocks can be located and decoded: header
 * and block starts (regular), header and value (special), header (memcpyed).  With a dictionary:
 * its end, or while its length is not known the end of the four bytes that tell it; who then has
 * these parses again. */
size_t tsr_chunk_head_len(const struct tsr_chunk *c);

/* Points a chunk that has a dictionary at it; p: its first len bytes, where they lie now.  Left
 * alone when they do not reach so far.  ECORRUPT for a length that cannot be (14.13). */
int tsr_chunk_bind_dict(struct tsr_chunk *c, const uint8_t *p, size_t len);

/* Where the stored bytes of block b lie: [*off, *off + *len) from the chunk's start.  head: the
 * first tsr_chunk_head_len bytes.  *len may reach past the block's true end (to the next block
 * start, found by a scan of all starts when exact is set; else to the end of the chunk).
 * ECORRUPT per 14.9. */
int tsr_chunk_block_span(const struct tsr_chunk *c, const uint8_t *head, int32_t b, bool exact,
                         int32_t *off, int32_t *len);
/* Do the starts increase, and lie inside the chunk?  As a rule they do; then a block ends where the
 * next begins, which is its exact span. */
bool tsr_chunk_in_order(const struct tsr_chunk *c, const uint8_t *head);
void tsr_chunk_next_span(const struct tsr_chunk *c, const uint8_t *head, int32_t b, int32_t *off,
                         int32_t *len);

/* The exact spans of all blocks at once, off[nblocks], len[nblocks], in one sort. */
int tsr_chunk_all_spans(const struct tsr_chunk *c, const uint8_t *head, int32_t *off, int32_t *len);

/* That all blocks of a chunk in memory lie inside it and VL blocks add up to nbytes; not what is
 * in them. */
int tsr_chunk_check_spans(const struct tsr_chunk *c, const uint8_t *chunk);

/* Decodes block b into dst[block_len].  src: the bytes at its span.  Regular and memcpyed
 * chunks; of serial ones block 0 only. */
int tsr_chunk_decode_block(const struct tsr_chunk *c, struct tsr_worker *w, int32_t b,
                           const uint8_t *src, size_t len, uint8_t *dst);

/* The same for a reader to whom only the first `want` bytes of the block matter: dst may hold
 * anything behind them, and the bytes that make them are not all checked. */
struct tsr_block_start {
    const uint8_t *src;
    size_t len, want;   /* want SIZE_MAX: the whole block */
    const uint8_t *ref; /* block 0, decoded, for the others of a serial chunk */
};
int tsr_chunk_decode_start(const struct tsr_chunk *c, struct tsr_worker *w, int32_t b,
                           const struct tsr_block_start *in, uint8_t *dst);

/* The item that a chunk of NaN repeats; typesize 4 or 8. */
const uint8_t *tsr_special_nan(int32_t typesize);

/* Fills dst with the bytes at [lo, lo + n) of a special chunk's decoded form; value: its item
 * (VALUE only). */
void tsr_special_fill(int special, int32_t typesize, const uint8_t *value, int32_t value_bytes,
                      int64_t lo, size_t n, uint8_t *dst);

/* Decodes bytes [lo, lo + n) of a chunk that lies whole in memory, only the blocks it needs. */
int tsr_chunk_decode_range(const struct tsr_chunk *c, struct tsr_worker *w, const uint8_t *chunk,
                           int64_t lo, int64_t n, uint8_t *dst);

/* ---- writing ---- */

/* The outcome of encoding one block, kept by the caller until the chunk is sealed. */
struct tsr_block_out {
    uint8_t *p;         /* in: room of tsr_chunk_block_bound(c) bytes */
    const uint8_t *ref; /* in: the source of block 0, for the others of a serial chunk */
    int32_t len;        /* out */
    bool zeros;         /* out: every stream was a zero run */
};

/* Fills c as the template of a regular chunk of nbytes with p: block size, split, flags.
 * EARG for sizes out of range. */
int tsr_chunk_begin(struct tsr_chunk *c, const struct tsr_cparams *p, int64_t nbytes);
size_t tsr_chunk_block_bound(const struct tsr_chunk *c);

/* Decoded blocks on demand: get answers with a pointer that is good until it is called again. */
struct tsr_block_source {
    int (*get)(void *arg, struct tsr_worker *w, int32_t b, const uint8_t **src);
    void *arg;
    const uint8_t *ref; /* block 0, for serial chunks */
};

/* Between begin and the first encode_block, where p->use_dict is set: looks at samples of the
 * blocks and, if the chunk promises to shrink by it, writes a dictionary to its place in head
 * (room of tsr_chunk_head_bound(c, p) bytes), which c then points to. */
int tsr_chunk_train(struct tsr_chunk *c, const struct tsr_cparams *p, struct tsr_worker *w,
                    const struct tsr_block_source *from, uint8_t *head);
size_t tsr_chunk_head_bound(const struct tsr_chunk *c, const struct tsr_cparams *p);
/* The same for blocks that lie one behind the other in memory. */
int tsr_chunk_train_whole(struct tsr_chunk *c, const struct tsr_cparams *p, struct tsr_worker *w,
                          const uint8_t *src, uint8_t *head);

int tsr_chunk_encode_block(const struct tsr_chunk *c, const struct tsr_cparams *p,
                           struct tsr_worker *w, int32_t b, const uint8_t *src,
                           struct tsr_block_out *out);

/* Closes the chunk: writes header and block starts into head (room for 32 + 4 * nblocks, or that
 * which tsr_chunk_train was given) and sets *head_len and c->cbytes.  The stored chunk is head then
 * the blocks' bytes in order; if *special is set it is head alone; if c->memcpyed is set, head (32
 * bytes) then the nbytes of source (6.3: it would have exceeded nbytes + 32, or clevel 0, or fewer
 * than 32 bytes). */
int tsr_chunk_seal(struct tsr_chunk *c, const struct tsr_block_out *blocks, uint8_t *head,
                   size_t *head_len);

/* A header-only or header-and-value special chunk (3.2) into dst[32 + value_bytes]. */
void tsr_chunk_special(uint8_t *dst, int special, int32_t nbytes, int32_t block_bytes,
                       int32_t typesize, const void *value, int32_t value_bytes);

/* One call, serial: dst needs nbytes + 32 bytes, for Blosc 1 16. */
int tsr_chunk_encode(const struct tsr_cparams *p, struct tsr_worker *w, const uint8_t *src,
                     int64_t nbytes, uint8_t *dst, size_t cap, int32_t *cbytes);

/* True (and *special) when n items of item_bytes at src are all the same: ZEROS, NAN (canonical,
 * item size 4 or 8), or VALUE.  NONE otherwise; leaves at the first difference. */
int tsr_chunk_uniform(const uint8_t *src, size_t nbytes, int32_t item_bytes);

/* ---- blocks of variable length (3.8) ----
 *
 * A chunk of them has vlblocks set, nblocks as stored, and block_bytes == nbytes.  Spans and
 * ranges work as for others; a block's decoded size is known from its own first bytes only. */

/* The decoded size of block b, stored at src[len] (its span), 1 .. nbytes. */
int tsr_chunk_vl_len(const struct tsr_chunk *c, int32_t b, const uint8_t *src, size_t len,
                     int32_t *n);
/* Decodes it into dst, of that size. */
int tsr_chunk_decode_vl(const struct tsr_chunk *c, struct tsr_worker *w, int32_t b,
                        const uint8_t *src, size_t len, uint8_t *dst);
/* Where each block ends in the decoded form of a chunk in memory: ends[nblocks], or NULL.
 * ECORRUPT when that is not at nbytes. */
int tsr_chunk_vl_ends(const struct tsr_chunk *c, const uint8_t *chunk, int64_t *ends);

/* Fills c as the template of a chunk of n blocks of len[n] bytes each, none of them 0; *bound is
 * room for all of it: header, starts, and len[b] + 4 per block. */
int tsr_chunk_vl_begin(struct tsr_chunk *c, const struct tsr_cparams *p, int64_t n,
                       const size_t *len, size_t *bound);
/* Encodes the block src[n] to out->p, which has room for n + 4 bytes. */
int tsr_chunk_encode_vl(const struct tsr_chunk *c, const struct tsr_cparams *p,
                        struct tsr_worker *w, const uint8_t *src, size_t n,
                        struct tsr_block_out *out);
/* Writes header and starts to dst and moves the blocks, which lie there in order from byte
 * 32 + 4 * nblocks on with gaps between, side by side; sets c->cbytes. */
void tsr_chunk_vl_seal(struct tsr_chunk *c, const struct tsr_block_out *blocks, uint8_t *dst);

#endif
