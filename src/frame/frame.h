/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/frame.h - Blosc2 frames (blosc2.md sections 7, 8): an index of chunks, metalayers, and
 * commits that never touch live bytes.
 *
 * A frame lives in one object of a store (contiguous), or in several of them, one per chunk
 * (sparse).  The index is read page by page (2048 entries) when asked for.
 * Changes - chunks put, entries moved, metadata - are seen at once through the handle and by
 * others at the next tsr_frame_flush, all together.
 *
 * Threads: calls taking a const frame may run on many threads at once; others one by one. */
#ifndef TSR_FRAME_FRAME_H
#define TSR_FRAME_FRAME_H

#include <tessera/tessera.h>

#include "chunk/chunk.h"
#include "store/store.h"

struct tsr_frame;

/* What the header holds besides lengths and metalayers. */
struct tsr_frame_facts {
    struct tsr_cparams cparams; /* defaults for future chunks; item_bytes is type_size */
    int64_t chunk_bytes;        /* decoded size of every chunk but the last; 0: any (variable),
                                    or not known yet, and then there are no chunks */
    int64_t nbytes;             /* sum of decoded chunk sizes */
    int64_t nchunks;            /* 0 when nbytes is 0 */
    int64_t cbytes;             /* bytes of the whole frame, all its objects */
    bool writable;
    bool sparse;   /* to create: chunks in objects of their own */
    bool variable; /* chunk_size is 0: chunks of any size, or an array without items */
    bool vlblocks; /* the chunks have blocks of variable length, as far as the header knows */
    int codec_id;
    bool checksum; /* chunks, index, header and trailer have checksums (seal.c) */
};

/* Do these first bytes begin a frame? */
bool tsr_frame_begins(const uint8_t *head, size_t len);
/* The object that a frame in this store begins with: "", or "chunks.b2frame" where the store has
 * no "".  Fails when the store does not tell whether it has "". */
int tsr_frame_key(struct tsr_store *st, const char **out);

/* Opens the frame that starts at byte start of that object.  Reads header, trailer
 * and the head of the index.  start > 0 or a store that is not writable: read-only.
 * limits.max_bytes 0: as large as chunks can be. */
int tsr_frame_open(struct tsr_store *st, uint64_t start, struct tsr_limits limits,
                   struct tsr_frame **out);

/* A new frame in an empty store, with nbytes of decoded data in chunks of p.chunk_bytes that
 * are all of the special kind given (ZEROS, NAN, UNINIT).  Nothing is visible before the first
 * flush.  The frame owns the store when either call succeeds. */
int tsr_frame_create(struct tsr_store *st, const struct tsr_frame_facts *p,
                     const tsr_meta_value *metas, int nmetas, int special, struct tsr_frame **out);

/* Did another writer flush since f was opened?  Then what was read of index and chunks may be
 * overwritten.  (A frame that is written through f has no other writer.)  The text of an earlier
 * failure may be lost. */
bool tsr_frame_changed(const struct tsr_frame *f);
/* Did another write anything, as far as the store's stamp tells? */
bool tsr_frame_touched(const struct tsr_frame *f);

/* Frees; does not flush.  NULL is fine. */
void tsr_frame_close(struct tsr_frame *f);

const struct tsr_frame_facts *tsr_frame_facts_of(const struct tsr_frame *f);
struct tsr_store *tsr_frame_store(const struct tsr_frame *f);

/* Where chunk i is: special != 0 and nothing stored, or at byte off of the store's object key,
 * and avail bytes follow there before the chunks area, or the object, ends. */
enum { TSR_FRAME_KEY = 16 };
struct tsr_frame_place {
    int special;
    char key[TSR_FRAME_KEY];
    uint64_t off, avail;
};
int tsr_frame_locate(const struct tsr_frame *f, int64_t i, struct tsr_frame_place *out);
/* How many chunks from i on the index says are zeros. */
int tsr_frame_zeros(const struct tsr_frame *f, int64_t i, int64_t *n);
/* Decoded size that chunk i must have; -1 when any will do (variable). */
int64_t tsr_frame_chunk_nbytes(const struct tsr_frame *f, int64_t i);
/* Decoded size of chunk i; with variable, what its header says: one read. */
int tsr_frame_chunk_size(const struct tsr_frame *f, int64_t i, int64_t *nbytes);

/* ---- changes ---- */

/* Writes a chunk's bytes to free space (after the end, or into a hole no flushed state uses)
 * and makes entry i refer to it.  i < nchunks.  What entry i referred to becomes a hole. */
int tsr_frame_put(struct tsr_frame *f, int64_t i, const struct tsr_piece *pieces, int n);
/* The same for a batch that goes out as one write where it can: chunk k's pieces are
 * pieces[first[k] .. first[k+1]). */
int tsr_frame_put_many(struct tsr_frame *f, size_t n, const int64_t *i,
                       const struct tsr_piece *pieces, const int *first);
int tsr_frame_put_special(struct tsr_frame *f, int64_t i, int special);

/* A whole chunk of nbytes decoded bytes becomes the new entry i, or takes the place of chunk i.
 * The only ways to change frames with variable, besides delete and a remap that names all.
 * EARG for a size that does not go there, and where blocks of variable length and others would
 * mix (14.24); no put mixes them. */
int tsr_frame_insert_chunk(struct tsr_frame *f, int64_t i, const struct tsr_piece *pieces, int n,
                           int64_t nbytes);
/* From now on chunks may have any size.  EARG while a chunk is special: it would have none. */
int tsr_frame_set_variable(struct tsr_frame *f);
int tsr_frame_update_chunk(struct tsr_frame *f, int64_t i, const struct tsr_piece *pieces, int n,
                           int64_t nbytes);

/* Entries i .. i+n-1 are new, special; those from i on move up.  i <= nchunks. */
int tsr_frame_insert(struct tsr_frame *f, int64_t i, int64_t n, int special);
int tsr_frame_delete(struct tsr_frame *f, int64_t i, int64_t n);
/* A new index of n entries: entry j is the old entry from(arg, j), or special if that is < 0.
 * Old entries not named become holes; none is named twice.  A short last chunk stays the last. */
int tsr_frame_remap(struct tsr_frame *f, int64_t n, int64_t (*from)(void *arg, int64_t j),
                    void *arg, int special);
/* The decoded size of the last chunk (1 .. chunk_bytes); the caller puts a fitting chunk. */
int tsr_frame_set_last(struct tsr_frame *f, int64_t nbytes);
/* Chunk and block size (0: automatic) of a frame that has no chunks. */
int tsr_frame_set_sizes(struct tsr_frame *f, int64_t chunk_bytes, int32_t block_bytes);
/* What the header says of how chunks are made.  Other items only while there are no chunks. */
int tsr_frame_set_cparams(struct tsr_frame *f, const struct tsr_cparams *p);

/* Commits in the order of 8.2: data, index and trailer after the live end, then the header in
 * one write; the holes of the previous state are free from then on.  durable: synced between.
 * Does nothing when nothing changed.  First flush of a created frame: publishes the store. */
int tsr_frame_flush(struct tsr_frame *f, bool durable);

/* Puts chunks of f, as they are stored, into g, whose chunks have the same size and read as zeros
 * so far: chunk i becomes chunk to(arg, i), or is left out where that is < 0.  after hears of each
 * one put; what it fails with ends the copy.  NULL: nobody does. */
struct tsr_frame_moves {
    int64_t (*to)(void *arg, int64_t i);
    int (*after)(void *arg, int64_t i);
    void *arg;
};
int tsr_frame_copy_chunks(const struct tsr_frame *f, struct tsr_frame *g,
                          const struct tsr_frame_moves *m);

/* The frame's bytes, flushed, compact (no holes), in one buffer. */
int tsr_frame_to_buffer(struct tsr_frame *f, void **buf, size_t *len);
/* The same of a handle that is only closed after it: nothing is copied where the frame is in a
 * buffer already, holes stay then. */
int tsr_frame_take_buffer(struct tsr_frame *f, void **buf, size_t *len);

/* Writes f without its holes to an empty store and flushes it there: the same kind of frame, chunks
 * as they are.  What is damaged according to checksums is not copied: ECORRUPT.  after hears of
 * each chunk, what it fails with ends the work. */
struct tsr_frame_repacking {
    bool checksum; /* add checksums; those that are there stay */
    bool durable;
    int (*after)(void *arg, int64_t i);
    void *arg;
};
int tsr_frame_repack(const struct tsr_frame *f, struct tsr_store *st,
                     const struct tsr_frame_repacking *how);

/* ---- metalayers: kind TSR_META (raw bytes in the header, fixed length) or TSR_VLMETA ---- */

int tsr_frame_meta_count(const struct tsr_frame *f, tsr_meta_kind kind);
const char *tsr_frame_meta_name(const struct tsr_frame *f, tsr_meta_kind kind, int i);
/* Header metalayers: a pointer into the frame, valid until changed.  ENOTFOUND. */
int tsr_frame_meta_view(const struct tsr_frame *f, const char *name, const uint8_t **p,
                        size_t *len);
/* A copy; vlmeta is decoded. */
int tsr_frame_meta_get(const struct tsr_frame *f, tsr_meta_kind kind, const char *name, void **buf,
                       size_t *len);
int tsr_frame_meta_set(struct tsr_frame *f, tsr_meta_kind kind, const char *name, const void *buf,
                       size_t len);
int tsr_frame_meta_remove(struct tsr_frame *f, const char *name); /* VLMETA only */

/* Makes a new frame in an empty store of what can be found in a damaged one, and flushes it. */
struct tsr_frame_repair {
    struct tsr_limits limits; /* max_bytes 0: as large as chunks can be */
    bool durable;
    /* Hears of what is missing, and with TSR_OK of where things were found; chunk -1: the frame. */
    void (*tell)(void *user, int64_t chunk, tsr_status status, const char *what);
    /* What metalayers of the old frame say of the sizes in its header; false: nothing. */
    bool (*sizes)(void *user, const struct tsr_frame *f, int64_t *nbytes, int64_t *chunk_bytes);
    /* The new frame has its metalayers.  Answers with the number of dimensions of blocks, for
     * codecs, and their shape. */
    int (*begin)(void *user, const struct tsr_frame *g, const int32_t **block_shape);
    int (*progress)(void *user, int64_t chunk, int64_t nchunks); /* not 0: stop */
    void *user;
};
struct tsr_frame_repaired {
    int64_t nchunks, missing, unplaced; /* unplaced: found, and nothing says where they belong */
};
int tsr_frame_repair(struct tsr_store *from, struct tsr_store *to,
                     const struct tsr_frame_repair *how, struct tsr_frame_repaired *out);

/* Checks what open leaves for later: every index entry, overlaps of chunks, every vlmeta. */
int tsr_frame_verify(const struct tsr_frame *f,
                     void (*fn)(void *user, int64_t chunk, tsr_status status, const char *what),
                     void *user);

#endif
