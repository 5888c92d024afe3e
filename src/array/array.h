/* SPDX-License-Identifier: BSD-3-Clause */
/* array/array.h - the engine behind tsr_array and tsr_schunk, for array/ and ops/. */
#ifndef TSR_ARRAY_ARRAY_H
#define TSR_ARRAY_ARRAY_H

#include <stdatomic.h>

#include "format/format.h"
#include "grid/rechunk.h"
#include "kernel/box.h"

/* The caller's context or the default one; NULL with the text set when it cannot start. */
tsr_context *tsr_context_get(tsr_context *c);

struct tsr_follow;

struct tsr_array {
    struct tsr_driver *d;
    struct tsr_follow *follow; /* NULL: nobody else changes the container */
    tsr_context *context;
    bool durable;
    _Atomic int64_t blocks_decoded, cache_hits;
    _Atomic(struct tsr_sizes *) sizes; /* sized.c */
};

/* What a read found, for tsr_array_stats: the only change that const handles see. */
static inline void tsr_engine_count(const struct tsr_array *a, int64_t decoded, int64_t hits)
{
    struct tsr_array *mut = (struct tsr_array *)(uintptr_t)a;
    if (decoded) atomic_fetch_add_explicit(&mut->blocks_decoded, decoded, memory_order_relaxed);
    if (hits) atomic_fetch_add_explicit(&mut->cache_hits, hits, memory_order_relaxed);
}

/* Options with every default filled in, the context too if it can be had; NULL is fine. */
tsr_options tsr_options_complete(const tsr_options *o);

/* "a.b2nd#/x" -> "a.b2nd" (freed by the caller) and "x"; %23 stands for a # in the path, and
 * what is inside is as it is. */
int tsr_url_split(const char *url, char **path, char **inside);
/* A place and what is named inside it as one path with a / at its end, the same for all names of a
 * local folder; freed by the caller. */
int tsr_place_path(const char *url, char **out);
int tsr_node_path(const char *tree, const char *node, char **out);
/* Is it clear without a look into the place that it is a tree?  A local folder that is no sparse
 * frame is one; of what is remote the name must tell, or that something inside is named. */
int tsr_place_is_tree(const char *path, const char *inside, const tsr_options *o, bool *tree);

/* Opens or creates a container of the wanted format; the engine's handle around it. */
int tsr_engine_open(const char *url, const tsr_options *o, struct tsr_array **out);
/* The format of a new array at url, which may be NULL: what o names, or the suffix says, or the
 * place inside of which it is to be; else b2nd. */
int tsr_engine_format(const char *url, const tsr_options *o, const struct tsr_format **out);
int tsr_engine_create(const char *url, const struct tsr_format *f, const tsr_spec *spec,
                      const tsr_options *o, struct tsr_array **out);
int tsr_engine_open_store(struct tsr_store *st, const char *format, const tsr_options *o,
                          struct tsr_array **out);
/* The array at a path of a tree of objects, which is taken over also when this fails. */
int tsr_engine_open_node(struct tsr_store *tree, const char *path, struct tsr_zmeta *meta,
                         const tsr_options *o, struct tsr_array **out);
/* A new one, o->format being that of a tree; the latter as tsr_array_create. */
int tsr_engine_create_node(struct tsr_store *tree, const char *path, const tsr_spec *spec,
                           const tsr_options *o, struct tsr_array **out);
int tsr_array_create_node(struct tsr_store *tree, const char *path, const tsr_spec *spec,
                          const tsr_options *o, tsr_array **out);
int tsr_engine_close(struct tsr_array *a);
/* Frees without writing what is pending; of a container never flushed nothing stays. */
void tsr_engine_drop(struct tsr_array *a);
struct tsr_array *tsr_schunk_array(tsr_schunk *s); /* what lies below */
/* tsr_schunk_create in two steps; make takes over a, also when it fails. */
int tsr_schunk_create_below(const char *url, const tsr_schunk_spec *spec, const tsr_options *opts,
                            struct tsr_array **out);
int tsr_schunk_make(struct tsr_array *a, tsr_schunk **out);
int tsr_engine_flush(struct tsr_array *a, bool durable);
/* The driver's resize and copy_chunks; and after other changes of a's chunks, whether they
 * succeeded or not: blocks that are kept are not a's any more. */
int tsr_engine_resize(struct tsr_array *a, const int64_t shape[]);
int tsr_engine_copy_chunks(struct tsr_array *to, const struct tsr_array *from,
                           const struct tsr_chunk_moves *m);
void tsr_engine_forget(struct tsr_array *a);
tsr_stats tsr_engine_stats(const struct tsr_array *a);

/* ---- containers that others change meanwhile (follow.c) ---- */

/* How a handle keeps up with the Blosc2 file that st (taken over) has open for reading; with
 * locks it may be written later.  *d is the handle's first driver. */
int tsr_follow_open(struct tsr_store *st, const struct tsr_format *format, const tsr_options *o,
                    struct tsr_follow **out, struct tsr_driver **d);
/* The same for a file that is about to be created at path, with locks. */
int tsr_follow_create(const char *path, const tsr_options *o, struct tsr_follow **out);
void tsr_follow_free(struct tsr_follow *f);                /* gives locks back; NULL is fine */
void tsr_follow_stats(struct tsr_follow *f, tsr_stats *s); /* adds what other drivers read */

/* Calls fn with a handle on the newest state, again when that changed meanwhile.  fn may run
 * several times and must take other shapes than a has. */
typedef int (*tsr_follow_fn)(const struct tsr_array *newest, void *arg);
int tsr_follow_read(const struct tsr_array *a, tsr_follow_fn fn, void *arg);
/* Calls fn once, on the handle itself, with all of the state it shows: ECONFLICT when that is
 * not the container's any more, or not until the end. */
int tsr_follow_once(const struct tsr_array *a, tsr_follow_fn fn, void *arg);

int tsr_engine_refresh(struct tsr_array *a, bool *changed);
/* Before each change: with locks, the first one takes the writer's and opens the newest state
 * (*anew: what was known of shape and size is void).  The flush ends it. */
int tsr_engine_begin(struct tsr_array *a, bool *anew);
/* The same before a change of shape or attributes, which some formats keep in documents that are
 * put whole: it is made of what others made of them. */
int tsr_engine_begin_documents(struct tsr_array *a, bool *anew);
int tsr_engine_end(struct tsr_array *a);
/* The same lock for as long as the caller wants it, flushes or not, from the first hold to the last
 * unhold; *anew as in begin. */
int tsr_engine_hold(struct tsr_array *a, bool *anew);
int tsr_engine_unhold(struct tsr_array *a);
/* Before a flush: the first one of a new file takes the writer's lock only now. */
int tsr_engine_appear(struct tsr_array *a);

/* The two ways through the engine (read.c, write.c).  Of items of variable length the memory of a
 * selection is struct tsr_item, and sel->heap must be there: a read puts their bytes in it. */
int tsr_engine_read(const struct tsr_array *a, const struct tsr_selection *sel);
/* Points at coords[sel->nitems][ndim], the first item at sel->base, stride[0] apart. */
int tsr_engine_read_points(const struct tsr_array *a, const struct tsr_selection *sel,
                           const int64_t *coords);

/* What tsr_format.version said of a chunk in this read; 0: it has not been asked. */
struct tsr_seen {
    int64_t chunk;
    uint64_t version;
};

/* Reads a few items if all their blocks are kept (quick.c); false: do it otherwise. */
bool tsr_quick_read(const struct tsr_array *a, const struct tsr_selection *sel,
                    struct tsr_seen *seen);

/* Reading without a memory to read to: each decoded part of a selection goes to a function
 * instead, on the thread that decoded it.  A part is a box of the selection, a block of the array
 * or a chunk that is one value; together they hold each selected item once.
 *
 * They come in windows of some megabytes.  In a window, blocks of the same key are visited one
 * after the other by one thread, in an order that does not depend on the number of threads; where
 * there are more than a few of a key they are cut in several such groups, each with a slot.  Then
 * the calling thread visits chunks of one value, and calls after. */
#define TSR_PART_ALONE SIZE_MAX
struct tsr_part {
    int ndim;
    int64_t at[TSR_MAX_NDIM]; /* indices in the selection of the first item, as within sel->count */
    int64_t count[TSR_MAX_NDIM];
    int64_t stride[TSR_MAX_NDIM]; /* bytes; all 0: items is one item, and all are like it */
    const uint8_t *items;         /* until the function returns, which may not change them */
    size_t slot;                  /* TSR_PART_ALONE: nobody else visits parts of this key now */
};
struct tsr_visitor {
    void *arg;
    int64_t group_bytes;     /* decoded bytes of a group, about; there is work for each slot */
    bool skip_zeros;         /* what the index alone says is zeros need not be visited */
    int (*begin)(void *arg); /* forget all parts: the container changed, they come again */
    int64_t (*key)(void *arg, const int64_t at[]); /* of a part */
    int (*window)(void *arg, size_t slots);        /* before a window: slots 0 .. slots-1 */
    int (*part)(void *arg, const struct tsr_part *p, struct tsr_worker *w);
    int (*after)(void *arg);
};
/* sel->base is not used; sel is a box with steps (at counts along them, upwards); a is not
 * variable. */
int tsr_engine_visit(const struct tsr_array *a, const struct tsr_selection *sel,
                     const struct tsr_visitor *v);
/* sel's memory is the source; strides of 0 repeat an item. */
int tsr_engine_write(struct tsr_array *a, const struct tsr_selection *sel);
/* rc; what is wrong with a chunk is told as of a's container (array.c). */
int tsr_engine_blame(const struct tsr_array *a, int rc);

/* ---- rows of chunks of any size, d->variable (sized.c) ---- */

int tsr_sized_read(const struct tsr_array *a, const struct tsr_selection *sel);
int tsr_sized_write(struct tsr_array *a, const struct tsr_selection *sel);
/* The first n bytes of chunk i, from any row of Blosc chunks. */
int tsr_sized_read_chunk(const struct tsr_array *a, int64_t i, uint8_t *dst, int64_t n);
/* A new chunk i, or in the place of chunk i, of src[n]; or of a chunk that is encoded already and
 * whose structure is checked first, which goes into any row of Blosc chunks that it fits. */
int tsr_sized_put(struct tsr_array *a, int64_t i, bool insert, const void *src, size_t n);
int tsr_sized_put_chunk(struct tsr_array *a, int64_t i, bool insert, const void *chunk, size_t len);
/* A row of equal chunks becomes a variable one. */
int tsr_sized_make_variable(struct tsr_array *a);
/* Chunks may have changed otherwise: what is known of their sizes is dropped. */
void tsr_sized_forget(struct tsr_array *a);

/* ---- blocks of variable length (vlblocks.c) ---- */

/* A new chunk i of n blocks. */
int tsr_vlblocks_put(struct tsr_array *a, int64_t i, int64_t n, const void *const *p,
                     const size_t *len);
/* Chunk i of one variable row becomes the last of another, coded anew: with the same blocks if
 * they are of variable length, since what a block holds is for the program that wrote it to say.
 * *nbytes: its decoded size. */
int tsr_vlblocks_recode(const struct tsr_array *from, struct tsr_array *to, int64_t i,
                        int64_t *nbytes);
/* How many chunk i has, 0 when it has blocks of another kind; and one of them, decoded, in out->p
 * which the caller frees. */
int tsr_vlblocks_count(const struct tsr_array *a, int64_t i, int64_t *n);
int tsr_vlblocks_read(const struct tsr_array *a, int64_t i, int64_t b, struct tsr_piece *out);

/* ---- chunks in memory (chunks.c) ---- */

/* src[n] as a chunk without special value; out->p is freed by the caller. */
int tsr_chunk_encode_plain(struct tsr_pool *pool, const struct tsr_cparams *p, const void *src,
                           size_t n, struct tsr_piece *out);
/* Bytes [lo, lo + n) of a chunk on the pool. */
int tsr_chunk_decode_parallel(struct tsr_pool *pool, const struct tsr_chunk *c,
                              const uint8_t *chunk, int64_t lo, int64_t n, void *dst);
/* item_bytes, block_bytes, steps and split of spec, which may be NULL; EARG. */
int tsr_cparams_from_spec(struct tsr_cparams *p, const tsr_schunk_spec *spec, const tsr_context *c);

/* ---- one chunk as it is stored (single.c) ---- */

enum tsr_single_form { TSR_SINGLE_HEAD, TSR_SINGLE_LAZY, TSR_SINGLE_WHOLE };
struct tsr_single {
    int64_t i;
    enum tsr_single_form form;
    struct tsr_piece out; /* p is the caller's to free */
    tsr_chunk_facts facts;
};
int tsr_single_read(const struct tsr_array *a, struct tsr_single *s);
int tsr_single_bytes(const struct tsr_array *a, int64_t i, enum tsr_single_form form, void **buf,
                     size_t *len);
int tsr_single_facts(const struct tsr_array *a, int64_t i, tsr_chunk_facts *out);
/* ECONFLICT when others have taken chunks away since i was checked. */
int tsr_chunk_check_there(const struct tsr_array *a, int64_t i);
/* The facts of a parsed chunk. */
void tsr_chunk_tell(const struct tsr_chunk *c, tsr_chunk_facts *out);

/* ---- copies ---- */

/* A copy on its way, and how far it is in decoded bytes. */
struct tsr_copying {
    const tsr_array *from;
    tsr_array *to;
    const tsr_options *o;
    int64_t done, total;
    const tsr_axis *axes; /* what is copied is these of from, without those dropped; NULL: all */
    int threads;          /* so many at most copy boxes; 0: all */
};
/* So many bytes more are done; ECANCELLED when the caller has enough. */
int tsr_copying_tell(struct tsr_copying *c, int64_t bytes);
/* Copies items: count[] of them from from_at[] on, among c->axes, to to_at[] (copy.c). */
int tsr_copy_items(struct tsr_copying *c, const int64_t from_at[], const int64_t to_at[],
                   const int64_t count[]);
/* What a plan for copying all of from to to must know; memory 0: 256 MiB, or what it takes. */
int tsr_copying_ask(const tsr_array *from, const tsr_array *to, uint64_t memory,
                    struct tsr_rechunk_ask *out);
/* Copies n boxes from number first on, of those in which box[] cuts the array, through buf, which
 * has room for one. */
int tsr_copy_boxes(struct tsr_copying *c, const int64_t box[], int64_t first, int64_t n,
                   uint8_t *buf);
/* Chunks as they are stored (stored.c): do they fit; those of from that begin before `end` along
 * axis, `by` chunks further along it, into an array that reads as zeros there. */
struct tsr_stored_part {
    int axis;
    int64_t end, by;
};
/* Codecs and filters that are no part of c-blosc2 itself may look at the shape of a block. */
bool tsr_shape_matters(const struct tsr_cparams *p);
bool tsr_stored_fit(const tsr_array *from, const tsr_array *to, bool coding);
int tsr_copy_stored(struct tsr_copying *c, const struct tsr_stored_part *part);
/* The same of blocks, whatever chunks they are in and in whichever of two formats (transfer.c):
 * chunks first .. end-1 of c->to are put together of stored blocks of c->from, in windows of so
 * many decoded bytes, or one chunk, of which there are two, and half a one more. */
bool tsr_blocks_fit(const tsr_array *to, const tsr_array *from, bool coding);
int tsr_copy_blocks(struct tsr_copying *c, int64_t first, int64_t end, int64_t window);
/* The row of bytes `from` into the empty super-chunk `to`; coding as in tsr_stored_fit
 * (schunk_copy.c). */
int tsr_copy_bytes(const tsr_array *from, tsr_array *to, bool coding, const tsr_options *o);
/* What tsr_array_copy would create from a and spec, which may be NULL, in a format (NULL: not
 * known), metalayers apart. */
void tsr_twin_spec(const tsr_array *a, const tsr_spec *spec, const struct tsr_format *to,
                   tsr_spec *out);
/* The format of what is created at url, where a has checksums that it could take over; NULL: it
 * has not, or there is none, as the creation will tell. */
const struct tsr_format *tsr_twin_format(const tsr_array *a, const char *url, const tsr_options *o);
/* EARG: the twin would take the place of a, which is still to be read. */
int tsr_twin_apart(const tsr_array *a, const char *url, const tsr_options *o);
/* Checksums that are asked for, or that go along as the format has them. */
bool tsr_twin_checksum(const tsr_spec *was, const tsr_spec *given, const struct tsr_format *to);
/* Chunks of the twin are alike, whatever a's are. */
void tsr_spec_without_edges(tsr_spec *s);

/* Copies of all header metalayers but the array's own shape record, freed with tsr_metas_free;
 * the variable-length ones are copied straight, where the target has a place for them. */
int tsr_metas_take(const struct tsr_array *from, tsr_meta_value **metas, int *n);
void tsr_metas_free(tsr_meta_value *v, int n);
int tsr_vlmetas_copy(const struct tsr_array *from, struct tsr_array *to);

int tsr_engine_to_frame(struct tsr_array *a, bool take, void **buf, size_t *len);
int tsr_engine_from_frame(const void *buf, size_t len, int flags, const char *format,
                          const tsr_options *opts, struct tsr_array **out);

/* ---- chunks on their way in, shared by reading and partial writing (fetch.c) ---- */

/* A wanted block of a chunk, and its stored bytes once fetched; or the block itself, which was
 * kept. */
struct block_ref {
    int32_t block;
    int32_t len;
    const uint8_t *src;
    struct tsr_cell *cell; /* held; NULL: to be decoded */
    uint64_t off;          /* of its stored bytes, from place.off */
};

struct chunk_job {
    struct tsr_place place;
    int64_t coords[TSR_MAX_NDIM];
    int64_t block[TSR_MAX_NDIM];  /* block shape of this chunk */
    int64_t nblock[TSR_MAX_NDIM]; /* blocks along each dimension */
    struct tsr_box box;           /* where it lies */
    struct block_ref *refs;       /* [nrefs], kept from job to job */
    size_t nrefs, refs_cap;
    uint8_t *buf; /* bytes read, kept from job to job */
    size_t buf_cap;
    uint8_t *ref; /* block 0 of a serial chunk, decoded */
    size_t ref_cap;
    char *key; /* place.key */
    size_t key_cap;
    uint64_t version; /* of the chunk: that of its blocks which are kept */
    bool kept;        /* of many: all its blocks are, so that it is not located */
    bool first_added;
    size_t first;    /* of a serial chunk: the ref of block 0 */
    int64_t guess;   /* kept blocks were looked for as if its block_items were this; -1: none */
    int64_t decoded; /* bytes of the blocks that are wanted, about; set by who fetches many */
    /* Set by who fetches to read: blocks are looked for in the cache first; and bytes that are
     * better read late may be. */
    bool cached, may_wait;
    bool late; /* they are: refs have no src yet */
};

void tsr_job_free(struct chunk_job *j);
/* Releases what its place holds and, of a cached job, the blocks. */
void tsr_job_let_go(const struct tsr_array *a, struct chunk_job *j);
/* Lets go and begins with another chunk. */
void tsr_job_begin(const struct tsr_array *a, struct chunk_job *j, int64_t chunk);

/* How the chunk at j's coords is cut in blocks; size: of a block where chunks choose it, else 0. */
void tsr_job_cut(const struct tsr_grid *g, struct chunk_job *j, int64_t size);

/* A whole block of a chunk that is cut, decoded. */
static inline int64_t tsr_job_block_bytes(const struct tsr_grid *g, const struct chunk_job *j,
                                          int64_t size)
{
    int64_t n = g->item_bytes;
    if (!g->uneven) return size ? size * n : g->block_bytes;
    for (int d = 0; d < g->ndim; d++) n *= j->block[d];
    return n;
}

/* Rounds of locate until the place is settled (place.chunk is set, the rest of place zero). */
int tsr_job_settle(const struct tsr_array *a, struct chunk_job *j);

/* Settles it and brings all its stored bytes, none for a place that is not stored: *bytes is in
 * j's buffer or the store's memory. */
int tsr_job_whole(const struct tsr_array *a, struct chunk_job *j, const uint8_t **bytes);

/* Locates the chunk of j (place.chunk and coords are set, the rest of place zero), finds the
 * blocks that meet sel (NULL: all), and brings their bytes.  One or two reads for a chunk whose
 * header was guessed right; neighbouring blocks are read together.  Of a serial chunk block 0 is
 * brought too and decoded, so that the blocks are then independent of each other.  Of a cached job
 * only the blocks are brought that are not kept; where all are, the chunk is not looked at, and
 * place has nothing but state and block_items. */
int tsr_job_fetch(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j,
                  struct tsr_worker *w);

/* The same for n chunks of a store that is far away, all at once (fetch_many.c). */
int tsr_jobs_fetch(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j,
                   size_t n, struct tsr_worker *w);
/* Is a fetched chunk with the spans of its blocks better read late?  Then it is so (late.c). */
bool tsr_job_begin_late(const struct tsr_array *a, struct chunk_job *j);
/* Reads the bytes of block refs[first] of a late chunk, and of up to n - 1 that follow it where
 * they lie near, into scratch of w that is good until its next read. */
int tsr_job_read_late(const struct tsr_array *a, struct chunk_job *j, size_t first, size_t n,
                      struct tsr_worker *w);
/* After an ECONFLICT: was one of n chunks with a stamp read late?  Then all of them are to be
 * fetched anew, and not late, so that a fetch can see to it. */
bool tsr_jobs_refuse_late(const struct tsr_array *a, struct chunk_job *j, size_t n);

/* The part of block b that exists: items [lo, hi) in array indices, and the extent its rows
 * have in memory. */
struct block_box {
    int64_t lo[TSR_MAX_NDIM], hi[TSR_MAX_NDIM], extent[TSR_MAX_NDIM];
};
void tsr_job_block_box(const struct tsr_array *a, const struct chunk_job *j, int32_t b,
                       struct block_box *box);

/* A copy between the selection's memory and a block: sets counts and strides, returns false
 * when they do not meet.  mem and blk say where the first common item lies in each, in bytes from
 * sel->base and from the block's first item; at: its indices in the selection.
 * whole: the two are the same contiguous bytes, so that no copy is needed.
 * Where a dimension has a list, its part begins at number `at` of it, and mem and blk are for index
 * 0 of the list and of the array. */
struct overlap {
    int ndim;
    int64_t at[TSR_MAX_NDIM], count[TSR_MAX_NDIM];
    int64_t mem_stride[TSR_MAX_NDIM], blk_stride[TSR_MAX_NDIM];
    int64_t mem, blk;
    int64_t bytes,
        end; /* of the block; of it from its first item on as far as anything is wanted */
    bool whole;
    bool stream; /* the selection's memory is larger than the caches: copies to it go past them */
    /* of points: the first and how many, the key of the block's first item, and whether the items
     * between are elsewhere in the block than their keys say */
    int64_t point, npoints, key;
    bool rows_differ;
    bool one; /* the block is one item, which stands for all */
};
bool tsr_overlap(const struct tsr_array *a, const struct tsr_selection *sel,
                 const struct block_box *box, struct overlap *o);

/* Brings a fetched block into memory as far as o needs it (bring.c): one that is kept, which ref
 * holds then, or in scratch.  aside: in scratch only.  was_seen: should one that could be decoded
 * straight to its place be kept, as one that was wanted lately? */
int tsr_bring_block(const struct tsr_array *a, struct chunk_job *j, struct block_ref *ref,
                    struct tsr_worker *w, const struct overlap *o, const uint8_t **block);
int tsr_block_aside(const struct tsr_array *a, const struct chunk_job *j,
                    const struct block_ref *ref, struct tsr_worker *w, const struct overlap *o,
                    const uint8_t **block);
bool tsr_block_was_seen(const struct tsr_array *a, const struct chunk_job *j,
                        const struct block_ref *ref, const struct overlap *o);

/* Calls fn with each item of the block that they have in common, as often as it is wanted. */
void tsr_overlap_each(const struct tsr_array *a, const struct tsr_selection *sel,
                      const struct overlap *o, uint8_t *block, void (*fn)(void *arg, uint8_t *item),
                      void *arg);
/* Copies what they have in common to sel's memory, and from there (scatter.c).  value: from a block
 * of a VALUE or ABSENT place; item is room for one. */
void tsr_overlap_scatter(const struct tsr_array *a, const struct tsr_selection *sel,
                         const struct overlap *o, const uint8_t *block);
void tsr_overlap_gather(const struct tsr_array *a, const struct tsr_selection *sel,
                        const struct overlap *o, uint8_t *block);
int tsr_overlap_value(const struct tsr_array *a, const struct tsr_selection *sel,
                      const struct overlap *o, const struct tsr_place *p, uint8_t *item);

/* Writes the items of a VALUE or ABSENT place to strided memory. */
int tsr_fill(const struct tsr_array *a, const struct tsr_place *p, uint8_t *mem,
             const int64_t count[], const int64_t stride[]);

#endif
