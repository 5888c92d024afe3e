/* SPDX-License-Identifier: BSD-3-Clause */
/* format/blosc2.h - what b2nd arrays and plain Blosc2 frames share: chunks in a frame. */
#ifndef TSR_FORMAT_BLOSC2_H
#define TSR_FORMAT_BLOSC2_H

#include "format/format.h"
#include "frame/frame.h"

/* A driver over a frame.  Formats embed it first. */
struct tsr_blosc2 {
    struct tsr_driver d;
    struct tsr_frame *frame;    /* NULL: a chunk on its own */
    struct tsr_cparams cparams; /* for new chunks */
    tsr_step steps[TSR_CHUNK_FILTERS + 1];
    char params[TSR_CHUNK_FILTERS + 1][48];
    char names[TSR_CHUNK_FILTERS + 1][8]; /* of those without one: "id200" */
    tsr_meta_value metas[16];             /* of the spec: borrowed from the frame */
    char *dtype;                          /* owned */
    size_t head_guess;                    /* bytes to read first of a chunk */
    uint64_t max_chunk_bytes;             /* variable: the limit on each, 0: none */
    uint64_t object_off, object_bytes;    /* frame NULL: where the chunk begins, bytes from there */
};

static inline const struct tsr_blosc2 *blosc2_of(const struct tsr_driver *d)
{
    return (const struct tsr_blosc2 *)d;
}

/* The parsed header in tsr_place.priv or tsr_out_chunk.priv. */
static inline const struct tsr_chunk *blosc2_chunk(const uint64_t *priv)
{
    return (const struct tsr_chunk *)priv;
}

/* Does the header of a frame, of which these are the first bytes, name an array's metalayer? */
bool tsr_blosc2_has_array(const uint8_t *head, size_t len);

/* Points d.spec at the grid, dtype and cparams; called after any of them changed. */
void tsr_blosc2_fill_spec(struct tsr_blosc2 *b);

/* ---- blosc2_read.c ---- */

int tsr_blosc2_locate(const struct tsr_driver *d, struct tsr_place *p, size_t n);
int tsr_blosc2_zeros(const struct tsr_driver *d, int64_t i, int64_t *n);
int tsr_blosc2_spans(const struct tsr_driver *d, const struct tsr_place *p, const int32_t *block,
                     size_t n, bool exact, struct tsr_span *out);
int tsr_blosc2_decode(const struct tsr_driver *d, const struct tsr_place *p, struct tsr_worker *w,
                      int32_t b, const uint8_t *src, size_t len, uint8_t *dst);
int tsr_blosc2_decode_start(const struct tsr_driver *d, const struct tsr_place *p,
                            struct tsr_worker *w, int32_t b, const struct tsr_block_start *in,
                            uint8_t *dst);

/* ---- blosc2_write.c ---- */

int tsr_blosc2_begin(const struct tsr_driver *d, struct tsr_out_chunk *out);
int tsr_blosc2_prepare(const struct tsr_driver *d, struct tsr_worker *w, struct tsr_out_chunk *c,
                       const struct tsr_block_source *from);
int tsr_blosc2_encode(const struct tsr_driver *d, struct tsr_worker *w,
                      const struct tsr_out_chunk *c, int32_t b, const uint8_t *src);
bool tsr_blosc2_keep(const struct tsr_driver *d, const struct tsr_place *old,
                     const struct tsr_out_chunk *c, int32_t b, const uint8_t *src, size_t len);
int tsr_blosc2_seal(const struct tsr_driver *d, struct tsr_out_chunk *out);
int tsr_blosc2_commit(struct tsr_driver *d, const struct tsr_out_chunk *c, size_t n);

/* ---- blosc2.c ---- */

int tsr_blosc2_flush(struct tsr_driver *d, bool durable);
bool tsr_blosc2_alike(const struct tsr_driver *a, const struct tsr_driver *b, bool coding);
int tsr_blosc2_copy_chunks(struct tsr_driver *to, const struct tsr_driver *from,
                           const struct tsr_chunk_moves *m);
int tsr_blosc2_to_buffer(struct tsr_driver *d, bool take, void **buf, size_t *len);
extern const struct tsr_format_meta tsr_blosc2_meta;
int64_t tsr_blosc2_cbytes(const struct tsr_driver *d);
bool tsr_blosc2_changed(const struct tsr_driver *d);
bool tsr_blosc2_touched(const struct tsr_driver *d);
int tsr_blosc2_verify(const struct tsr_driver *d,
                      void (*fn)(void *user, int64_t chunk, tsr_status status, const char *what),
                      void *user);
void tsr_blosc2_close(struct tsr_driver *d);

/* Attributes: vlmeta values holding MessagePack (blosc2.md 11.1). */
int tsr_blosc2_attrs(const struct tsr_driver *d, char **json);
int tsr_blosc2_attr_set(struct tsr_driver *d, const char *name, const char *json);
int tsr_blosc2_attr_remove(struct tsr_driver *d, const char *name);

/* The entries that every format over a frame has. */
#define TSR_BLOSC2_CALLS                                                                       \
    .checksums = true, .close = tsr_blosc2_close, .locate = tsr_blosc2_locate,                 \
    .zeros = tsr_blosc2_zeros, .spans = tsr_blosc2_spans, .decode = tsr_blosc2_decode,         \
    .decode_start = tsr_blosc2_decode_start, .begin = tsr_blosc2_begin,                        \
    .prepare = tsr_blosc2_prepare, .encode = tsr_blosc2_encode, .keep = tsr_blosc2_keep,       \
    .seal = tsr_blosc2_seal, .commit = tsr_blosc2_commit, .alike = tsr_blosc2_alike,           \
    .flush = tsr_blosc2_flush, .to_buffer = tsr_blosc2_to_buffer, .cbytes = tsr_blosc2_cbytes, \
    .changed = tsr_blosc2_changed, .touched = tsr_blosc2_touched, .verify = tsr_blosc2_verify, \
    .meta = &tsr_blosc2_meta

#endif
