/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/priv.h - what the files of this folder share; else only its tests include it.
 *
 *   header.c  the fixed 87 bytes of the header
 *   meta.c    metalayer sections and the trailer
 *   index.c   the paged index of chunks: reading it, changing entries
 *   pack.c    the index as a chunk, made from the pages that changed
 *   space.c   which bytes of the chunks area are free, and from when on
 *   frame.c   open, create, locate
 *   change.c  entries put, inserted, deleted, moved
 *   holes.c   the note of free space that a frame carries from session to session
 *   seal.c    checksums, where other programs do not look
 *   commit.c  flush: what all homes of frames share
 *   contiguous.c, sparse.c  the homes of frames in one object and in a folder
 *   layers.c  metalayers by name
 *   variable.c  whole chunks by number, of any size where the frame has such
 *   repair.c  a new frame of a damaged one; with skeleton.c, salvage.c
 *   copy.c    the compact copy; verify.c: the full check */
#ifndef TSR_FRAME_PRIV_H
#define TSR_FRAME_PRIV_H

#include <stdatomic.h>

#include "base/mem.h"
#include "base/num.h"
#include "frame/frame.h"

enum {
    FRAME_MARK = 0xB7,     /* header byte 86: seal.c */
    FRAME_FIXED = 87,      /* bytes before the metalayers section */
    FRAME_HEADER_MIN = 97, /* without metalayers */
    FRAME_TRAILER_MIN = 35,
    FRAME_TRAILER_END = 23, /* trailer_len and fingerprint */
    FRAME_METAS = 16,       /* written and read in headers, written in trailers */
    FRAME_VLMETAS = 8192,   /* read in trailers */
    FRAME_NAME = 31
};
#define FRAME_MAX_CHUNKS 268435455 /* blosc2.md 13 */

/* ---- header.c ---- */

/* The fixed fields as they are stored (blosc2.md 7.1). */
struct frame_header {
    int32_t header_len;
    uint64_t frame_len;
    uint8_t flags, frame_type, codec_flags, split;
    int64_t nbytes, cbytes;
    int32_t type_size, block_size, chunk_size;
    int16_t threads_c, threads_d;
    bool vlmeta;
    uint8_t slots, filters[6], codec, codec_meta, filters_meta[6], flags2, last;
};

/* Parses and checks the first len >= FRAME_HEADER_MIN bytes of a frame for which avail bytes
 * are there (14.16). */
struct frame_home;
int tsr_header_parse(struct frame_header *h, const uint8_t *p, uint64_t avail,
                     const struct frame_home *home);
void tsr_header_store(const struct frame_header *h, uint8_t p[FRAME_FIXED]);
/* The facts that follow from the header alone; and a new header from facts. */
void tsr_header_facts(const struct frame_header *h, const struct tsr_codec_set *codecs,
                      struct tsr_frame_facts *out);
/* The general flags of a frame of that kind (variable, vlblocks). */
enum { HEADER_VARIABLE = 0x40, HEADER_VLBLOCKS = 0x80 };
void tsr_header_kind(struct frame_header *h, const struct tsr_frame_facts *p);
void tsr_header_init(struct frame_header *h, const struct tsr_frame_facts *p);
void tsr_header_cparams(struct frame_header *h, const struct tsr_cparams *c);

/* ---- meta.c ---- */

struct frame_meta {
    char name[FRAME_NAME + 1];
    uint8_t *p; /* header metalayers: inside the frame's header bytes; others: owned */
    size_t len;
};
struct frame_metas {
    struct frame_meta *v;
    int n;
};

/* Parses the section whose map length (CD) is at byte at of p[len]; values point into p.
 * what: "header" or "trailer", for messages. */
int tsr_metas_parse(struct frame_metas *out, uint8_t *p, size_t len, size_t at, int max,
                    const char *what);
/* Appends the section that begins with 93; offsets count from b->p.  The map length counts
 * from the 93 in headers and from the byte after it in trailers: skip is 0 or 1. */
int tsr_metas_emit(struct tsr_buf *b, const struct frame_metas *m, size_t skip);
/* Sets name and length; EARG for names that are empty, too long or not text. */
int tsr_meta_init(struct frame_meta *m, const char *name, size_t len);
struct frame_meta *tsr_metas_find(const struct frame_metas *m, const char *name); /* or NULL */

/* trailer_len from the last bytes of the frame; room: bytes between header and frame end. */
int tsr_trailer_len(const uint8_t end[FRAME_TRAILER_END], uint64_t room, uint32_t *len);
int tsr_trailer_parse(struct frame_metas *out, uint8_t *p, size_t len); /* values are copied */
int tsr_trailer_emit(struct tsr_buf *b, const struct frame_metas *m);
void tsr_vlmetas_free(struct frame_metas *m);

/* ---- index.c, pack.c ---- */

enum { PAGE_ENTRIES = 2048, PAGE_BYTES = PAGE_ENTRIES * 8 };

/* An entry as pages hold it: negative is special; else a position relative to the header's
 * end, with ENTRY_FRESH set while no flushed state refers to the chunk.  Positions in files
 * are far below 2^62; larger ones are cut to ENTRY_BAD when loaded, which no check accepts. */
#define ENTRY_FRESH ((int64_t)1 << 62)
#define ENTRY_BAD (ENTRY_FRESH - 1)

static inline int64_t entry_special(int kind)
{
    return (int64_t)((uint64_t)(0x80 | kind) << 56);
}
static inline int entry_kind(int64_t v)
{
    return (int)((uint64_t)v >> 56 & 0x7f);
}
static inline int64_t entry_pos(int64_t v)
{
    return v & ~ENTRY_FRESH;
}

/* A page is NULL (in the stored index only), one of the marks of index.c (all entries the same
 * special value), or an array of PAGE_ENTRIES of its own. */
struct frame_page {
    _Atomic(int64_t *) v;
    bool dirty; /* differs from the stored index */
};

struct frame_bytes {
    size_t len;
    uint8_t *p;
};

struct frame_index {
    int64_t n;
    size_t npages, cap;
    struct frame_page *pages;
    struct tsr_store *st;
    const char *key; /* of the object it is in */
    struct tsr_pool *pool;
    /* the stored index, if has_chunk: where it is and the first bytes of it, once needed */
    bool has_chunk;
    struct tsr_chunk chunk;
    uint64_t off, avail;
    _Atomic(struct frame_bytes *) head;
};

/* The index of n entries in the chunk at byte off of its object, avail bytes at most; p[len] are
 * its first bytes, perhaps all (14.20, 14.23). */
int tsr_index_open(struct frame_index *ix, uint64_t off, uint64_t avail, int64_t n,
                   const uint8_t *p, size_t len);
void tsr_index_done(struct frame_index *ix);
int tsr_index_get(const struct frame_index *ix, int64_t i, int64_t *v);
/* How many entries from i on say zeros, or that nothing was written. */
int tsr_index_zeros(const struct frame_index *ix, int64_t i, int64_t *n);
/* The page's only value when it is a mark, else 0. */
int64_t tsr_index_page_mark(const struct frame_index *ix, size_t page);
/* Makes the page of entry i an array of its own, so that tsr_index_set cannot fail. */
int tsr_index_own(struct frame_index *ix, int64_t i);
void tsr_index_set(struct frame_index *ix, int64_t i, int64_t v);
/* Entries past n go; new ones are v, which is special.  On failure nothing has changed. */
int tsr_index_resize(struct frame_index *ix, int64_t n, int64_t v);
/* Entry j >= keep of the new index of n entries is the old entry from(arg, j), or v (special)
 * where that is < 0; those below keep stay.  On failure nothing has changed. */
struct frame_rebuild {
    int64_t n, keep, v;
    int64_t (*from)(void *arg, int64_t j);
    void *arg;
};
int tsr_index_rebuild(struct frame_index *ix, const struct frame_rebuild *r);
/* The first bytes of the stored index: its head at least, with whole all of it. */
int tsr_index_bytes(const struct frame_index *ix, bool whole, const struct frame_bytes **out);

void tsr_bytes_free(struct frame_bytes *b);
/* Entries of a page in host order, loaded; a mark gives a pointer to one entry and *one. */
int tsr_index_page(const struct frame_index *ix, size_t page, const int64_t **v, bool *one);

/* The index as a chunk.  Pages that are not dirty keep their stored bytes where they can. */
struct frame_packed {
    struct tsr_chunk chunk;
    struct frame_bytes *bytes;
};
int tsr_index_pack(const struct frame_index *ix, struct frame_packed *out);
void tsr_packed_free(struct frame_packed *p);
/* Makes p, written at byte off of the store, the stored index; takes its bytes. */
void tsr_index_stored(struct frame_index *ix, struct frame_packed *p, uint64_t off);

/* ---- space.c: all offsets relative to the end of the header ---- */

struct frame_extent {
    uint64_t off, len;
};
struct frame_extents {
    struct frame_extent *v;
    size_t n, cap;
};
struct frame_space {
    uint64_t end;                 /* nothing is used from here on */
    uint64_t area;                /* no live chunk reaches past this */
    uint64_t own_from;            /* chunks from here on were written by this handle */
    struct frame_extent flushed;  /* index and trailer of the flushed state */
    struct frame_extents free;    /* reusable; sorted, apart */
    struct frame_extents loose;   /* reusable, not sorted in yet */
    struct frame_extents pending; /* reusable once no flushed state can need them */
    uint64_t waiting;             /* bytes in pending, some perhaps twice */
    uint64_t largest;             /* no free extent is longer; UINT64_MAX: not known */
    size_t rover;                 /* where the next search in free begins */
};

/* Adds an extent to a list; false when memory is out. */
bool tsr_extents_add(struct frame_extents *e, uint64_t off, uint64_t len);
void tsr_extents_sort(struct frame_extents *e); /* by offset */
/* Moves all of `from`, in any order, into the sorted `to`, where what touches or overlaps becomes
 * one; without memory they are forgotten. */
void tsr_extents_merge(struct frame_extents *to, struct frame_extents *from);
uint64_t tsr_space_alloc(struct frame_space *s, uint64_t len);
void tsr_space_free(struct frame_space *s, uint64_t off, uint64_t len, bool now);
/* Where len bytes of index and trailer can go: after every live chunk, beside the flushed. */
uint64_t tsr_space_place(struct frame_space *s, uint64_t len);
/* The header now refers to index and trailer at off; what the state before used is pending. */
void tsr_space_commit(struct frame_space *s, uint64_t off, uint64_t len);
/* The flushed state is the only one that can ever be seen again: all else is free, and nothing
 * is used past its trailer. */
void tsr_space_settle(struct frame_space *s);
/* The header may or may not refer to off: leave it alone until the next commit. */
void tsr_space_doubt(struct frame_space *s, uint64_t off, uint64_t len);
void tsr_space_done(struct frame_space *s);

/* ---- homes: what differs between frames in one object and frames in a folder ---- */

/* A batch of chunks on its way to the store: chunk k's pieces are pieces[first[k] ..
 * first[k+1]), at[k].len bytes. */
struct frame_put {
    size_t n;
    const int64_t *i;
    const struct tsr_piece *pieces;
    const int *first;        /* [n + 1] */
    struct frame_extent *at; /* [n] */
};

struct frame_commit;

struct frame_home {
    const char *key; /* the object with header, index and trailer */
    const char *name;
    uint8_t frame_type; /* in the header */
    /* Where the index begins, from the frame's start, when there are chunks. */
    uint64_t (*index_off)(const struct frame_header *h);
    uint64_t (*stored_bytes)(const struct frame_header *h); /* of all objects together */
    /* The header is known: what open has to know of space. */
    void (*opened)(struct tsr_frame *f);
    /* Checks entry i, which is v >= 0 (14.21); says where its chunk is. */
    int (*check)(const struct tsr_frame *f, int64_t i, int64_t v);
    int (*locate)(const struct tsr_frame *f, int64_t v, struct tsr_frame_place *out);
    /* Writes n chunks where no flushed state has any; at[k].off becomes the value of the entry.
     * On failure nothing is taken. */
    int (*put)(struct tsr_frame *f, const struct frame_put *p);
    /* Entries are about to be dropped: learns what the index will not tell then.  May be NULL. */
    int (*prepare)(struct tsr_frame *f);
    /* No entry refers any more to the chunk that entry v, perhaps with ENTRY_FRESH, named. */
    void (*release)(struct tsr_frame *f, int64_t v);
    /* Makes the state in memory the store's: sets h's lengths, calls tsr_commit_header, writes,
     * calls tsr_commit_done.  On failure the caller restores h. */
    int (*commit)(struct tsr_frame *f, struct frame_commit *c);
    /* What is flushed survives the machine from now on. */
    int (*sync)(struct tsr_frame *f);
    void (*close)(struct tsr_frame *f); /* frees what the home keeps in f */
};

extern const struct frame_home tsr_frame_contiguous, tsr_frame_sparse;

/* Which files of a sparse frame are in use; lists hold uint32_t numbers (sparse.c). */
struct frame_files {
    bool scanned, shared;    /* the lists are filled; two entries name the same file */
    bool older_synced;       /* what was there at open is on the device */
    struct tsr_buf taken;    /* numbers that were in use at the scan, sorted */
    size_t cursor;           /* taken[..cursor] are below next */
    int64_t next, most;      /* no number given is next or more; no entry's is above most */
    struct tsr_buf spare;    /* numbers below next that are free again */
    struct tsr_buf fresh;    /* files that no flushed state has */
    struct tsr_buf unsynced; /* files of the flushed state that were not synced */
    struct tsr_buf pending;  /* files that may go once no older state can be seen again */
    uint64_t waiting, bytes; /* of pending; of all chunks */
};

/* ---- frame.c ---- */

struct tsr_frame {
    struct tsr_store *st;
    const struct frame_home *home;
    uint64_t start;           /* of the frame in the object; 0 when it can be written */
    struct tsr_limits limits; /* of the chunks that are opened */
    struct tsr_pool *pool;    /* one worker, no threads: index and vlmeta are small */
    struct tsr_frame_facts facts;
    struct frame_header h;
    uint8_t *head;         /* header_len bytes: what the next flush writes */
    uint8_t *head_flushed; /* header_len bytes: what the store has */
    struct frame_metas metas, vlmetas;
    struct frame_index index;
    struct frame_space space; /* of contiguous frames */
    struct frame_files files; /* of sparse ones */
    bool dirty;               /* the store does not know yet */
    bool created;             /* the store has nothing yet */
    bool synced;              /* what is flushed was synced too */
    bool named;               /* so was its name: who gave it that may have died before */
    bool durable; /* some state may be on the device: holes wait for a sync from then on */
    bool doubt;   /* the last flip failed: the store may have its header all the same */
    bool asked;   /* whether the holes found at open may be used */
    unsigned commits;
    uint64_t stamp; /* of the object, when it was opened */
    uint64_t state; /* number of the flushed state, in frames with checksums */
};

/* An empty handle; the frame does not own st yet when the caller frees it after st = NULL. */
int tsr_frame_new(struct tsr_store *st, const struct frame_home *home, struct tsr_frame **out);
int tsr_frame_home(struct tsr_store *st, const struct frame_home **out); /* of the frame in st */
int tsr_frame_need_writable(const struct tsr_frame *f);

/* EARG for a special kind that no entry can have, or not with these items. */
int tsr_frame_check_special(int64_t item_bytes, int special);

/* ECORRUPT when chunks of so many decoded bytes cannot go, since the frame has fewer in all. */
int tsr_frame_check_gone(const struct tsr_frame *f, int64_t gone);
/* A new entry i for a chunk's bytes; with variable nbytes is left alone.  (change.c) */
int tsr_frame_insert_put(struct tsr_frame *f, int64_t i, const struct tsr_piece *pieces, int n);

/* ---- holes.c ---- */

/* The free space of the state that is about to be flushed, for the note; bytes counts it. */
struct frame_note {
    struct frame_extents holes;
    size_t len; /* of the note in the file */
};
/* Gathers what is free now or will be when the next state is flushed. */
void tsr_note_gather(struct frame_note *n, const struct frame_space *s);
/* Appends the note for a state whose index is at off and whose header f->h describes. */
int tsr_note_emit(struct tsr_buf *out, const struct frame_note *n, const struct tsr_frame *f,
                  uint64_t off);
/* Takes the note p[len] that ends where the trailer begins, if there is a sound one. */
void tsr_note_take(struct tsr_frame *f, const uint8_t *p, size_t len);
/* Length of the note whose last NOTE_TAIL bytes are p, 0 if they are none. */
enum { NOTE_TAIL = 24 };
size_t tsr_note_len(const uint8_t p[NOTE_TAIL]);
/* Before the first chunk is put: lets the holes of earlier sessions be used if they pay. */
void tsr_note_settle(struct tsr_frame *f);

/* ---- seal.c: checksums ---- */

enum { TAG_BYTES = 32 };
bool tsr_tag_is(const uint8_t tag[TAG_BYTES]);
/* Are the len bytes at byte off those that the tag was made for? */
int tsr_tag_check(struct tsr_store *st, const char *key, uint64_t off, uint64_t len,
                  const uint8_t tag[TAG_BYTES]);
/* The same for a chunk of f, whose tag lies behind it. */
int tsr_tag_verify(const struct tsr_frame *f, const struct tsr_frame_place *at, uint64_t cbytes);
/* The home's put, with a tag behind each chunk; at[k].len grows by it. */
int tsr_tag_put(struct tsr_frame *f, const struct frame_put *p);

struct frame_seal {
    uint8_t *p; /* owned */
    uint64_t state, index_hash;
    const uint8_t *head; /* the header's copy */
    size_t head_len;
};
bool tsr_seal_is(const uint8_t p[8]);
/* ECORRUPT when there is no sound one in the avail bytes from off on. */
int tsr_seal_read(struct tsr_store *st, const char *key, uint64_t off, uint64_t avail,
                  struct frame_seal *out);
void tsr_seal_free(struct frame_seal *s);
size_t tsr_seal_len(const struct tsr_frame *f);
/* Completes c->trailer and fills c->seal once head is what will be flushed. */
int tsr_seal_emit(const struct tsr_frame *f, struct frame_commit *c);
/* At open: which state this is. */
void tsr_seal_take(struct tsr_frame *f);
/* Is the trailer p[len] as its fingerprint says? */
int tsr_seal_trailer(const uint8_t *p, size_t len);
/* Tells of header, index and trailer that are not as they were flushed. */
int tsr_seal_verify(const struct tsr_frame *f, int (*tell)(void *arg, int rc), void *arg);

/* ---- commit.c ---- */

/* A state on its way to the store. */
struct frame_commit {
    bool durable;
    struct frame_packed index;          /* bytes NULL: the frame has no chunks */
    struct tsr_buf trailer, note, seal; /* the seal is right behind the index */
    size_t seal_len;                    /* known before the seal is */
    struct frame_note holes;
    size_t pad;
    uint64_t off, len; /* of index, gap and trailer together, from the header's end */
};
/* Completes h, whose lengths are set, from the facts, and stores it in head. */
void tsr_commit_header(struct tsr_frame *f);
/* The store has what head says, with c's index at byte off of its object. */
void tsr_commit_done(struct tsr_frame *f, struct frame_commit *c, uint64_t off);

#endif
