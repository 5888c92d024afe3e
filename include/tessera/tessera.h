/* SPDX-License-Identifier: BSD-3-Clause */
/* tessera/tessera.h - chunked, compressed N-dimensional arrays, wherever they are stored
 *
 *   tsr_array    N dimensions, a dtype, a grid of chunks: what most callers want
 *   tsr_schunk   a growable 1-D sequence of items in chunks, equal ones or of any size (a Blosc2
 *                super-chunk)
 *   tsr_group    a node of a hierarchy that holds arrays and groups under names (Zarr)
 *   chunk        one compressed buffer in memory (tsr_compress, tsr_decompress)
 *
 * Errors     0 is success, negative is a tsr_status; tsr_error() tells the story.
 * Ownership  *_close or *_drop takes back what *_open or *_create handed out; NULL is fine.
 *            A returned const pointer lives until its owner changes or closes.
 *            Buffers handed out through a void ** or char ** are freed with tsr_free.
 * Arguments  subject, inputs, options, outputs.  NULL options: every default.
 * Structs    own size first (sizeof), a zero field is the default, only appended to.
 * Units      shape, start, count, step are items; *_bytes are bytes; nothing is both.
 * Threads    a const handle may be used by many threads at once, a non-const one by one.
 * Others     a Blosc2 file open for reading may be changed by a Tessera writer meanwhile: each
 *            read shows one flushed state, in the shape that the handle knows, until
 *            *_refresh tells it the new one.  With tsr_options.locking many programs may
 *            write, c-blosc2's among them (docs/safety.md).
 * Limits     32 dimensions (b2nd: 16), items up to 2^31-1 bytes, decoded chunks up to
 *            tsr_options.max_chunk_bytes.
 */
#ifndef TESSERA_TESSERA_H
#define TESSERA_TESSERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define TSR_API __declspec(dllexport)
#elif defined(__GNUC__)
#define TSR_API __attribute__((visibility("default")))
#else
#define TSR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TSR_VERSION "0.1.0"
#define TSR_MAX_NDIM 32

typedef struct tsr_array tsr_array;
typedef struct tsr_schunk tsr_schunk;
typedef struct tsr_group tsr_group;
typedef struct tsr_context tsr_context;

/* ---- errors: the code says what the caller can do, the text says what happened ---- */

typedef enum {
    TSR_OK = 0,
    TSR_EARG = -1, /* the call is wrong: fix the program */
    TSR_ENOMEM = -2,
    TSR_EIO = -3, /* the device or the network failed */
    TSR_ENOTFOUND = -4,
    TSR_EEXISTS = -5,
    TSR_EDENIED = -6,      /* permission, credentials, read-only handle */
    TSR_ECORRUPT = -7,     /* the bytes break their format's specification */
    TSR_EUNSUPPORTED = -8, /* valid, but this build cannot do it */
    TSR_ELIMIT = -9,       /* larger than a limit set in tsr_options */
    TSR_ECONFLICT = -10,   /* someone else wrote first */
    TSR_ETEMP = -11,       /* network or server trouble; a retry may help */
    TSR_ECANCELLED = -12
} tsr_status;

/* The last failure on this thread, outermost context first, for people to read:
 *   "open x.b2nd: frame header: header_len at byte 11: found 12, expected at least 97"
 * Never NULL; valid until the next failing call on this thread. */
TSR_API const char *tsr_error(void);

/* "0.1.0", the version of the library that runs. */
TSR_API const char *tsr_version(void);

/* The loops that this CPU runs: "scalar", "avx2", "avx512", "avx512vbmi".  The environment
 * variable TESSERA_CPU set to one of these chooses at most that one. */
TSR_API const char *tsr_kernel_level(void);

/* Frees what the library allocated for the caller.  NULL does nothing. */
TSR_API void tsr_free(void *p);

/* ---- context: the threads, and the codecs of the program, that many arrays share ---- */

typedef struct {
    size_t size;        /* sizeof(tsr_context_options) */
    int threads;        /* threads that work on one call, the caller included; 0: available cores */
    size_t cache_bytes; /* of decoded blocks that are kept; 0: 16 MiB; TSR_NO_CACHE: none */
} tsr_context_options;
#define TSR_NO_CACHE SIZE_MAX

/* A context of its own, for callers who want their own pool.  NULL as a context means
 * the default one, made on first use.  Close every array of a context before it. */
TSR_API int tsr_context_new(const tsr_context_options *opts, tsr_context **out);
TSR_API void tsr_context_free(tsr_context *c);
TSR_API int tsr_context_threads(const tsr_context *c);

/* Calls that begin from now on use so many threads, 1..1024 (0: available cores), else EARG.  May
 * be called while other threads use the context.  *before (NULL: not wanted): how many it was. */
TSR_API int tsr_context_set_threads(tsr_context *c, int threads, int *before);

/* Decoded blocks of Blosc2 and Zarr arrays and of super-chunks are kept for later reads, those
 * of all that is open with the context in one memory of so many bytes (0: 16 MiB; TSR_NO_CACHE:
 * none), which is taken when the first block comes.  A read that decodes more than a quarter of
 * that passes by; a block of more than an eighth of it (below 4 MiB: half) is not kept.  What is
 * changed is never read from there, and without memory for it reads go on as if there was none.
 * set forgets what is kept; it may be called while other threads use the context.  *before
 * (NULL: not wanted): what would set it back. ENOMEM only for the default context that cannot be
 * made. */
TSR_API int tsr_context_set_cache(tsr_context *c, size_t cache_bytes, size_t *before);

typedef struct {
    size_t size;          /* sizeof(tsr_cache_stats) */
    int64_t budget_bytes; /* 0: none */
    int64_t held_bytes;   /* that are kept now: decoded blocks, and heads of chunks in files */
    int64_t hits, misses; /* since the context was made: blocks that reads found there, and that
                             they had to decode; of reads that pass by, none */
} tsr_cache_stats;
TSR_API int tsr_context_cache_stats(const tsr_context *c, tsr_cache_stats *out);

/* ---- options and specs ---- */

/* Called now and then from the calling thread during long work; done and total are bytes
 * of decoded data.  A non-zero answer stops the work with ECANCELLED. */
typedef int (*tsr_progress)(void *user, int64_t done, int64_t total);

/* How servers behind http://, https:// and s3:// are spoken to.  What is NULL or 0 is what the
 * environment says, in the variables that are named, else the default.  docs/remote.md. */
typedef struct {
    size_t size;          /* sizeof(tsr_remote_options) */
    const char *endpoint; /* of S3: "https://host:port"; AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL;
                             default: Amazon's */
    const char *region;   /* of S3; AWS_REGION, AWS_DEFAULT_REGION; default: "us-east-1" */
    const char *key, *secret, *token; /* of S3; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
                                         AWS_SESSION_TOKEN; default: requests are not signed.
                                         The token of the environment goes with its key only */
    bool anonymous;  /* S3: requests are not signed whatever is set; AWS_NO_SIGN_REQUEST */
    int timeout_s;   /* seconds without a byte after which a try has failed; TESSERA_TIMEOUT;
                        default: 20, and 10 to connect */
    int tries;       /* of a request that may be tried again; TESSERA_TRIES; default: 6 */
    int pause_ms;    /* milliseconds before the second try, by chance up to half less; twice that
                        before the third, ...; TESSERA_PAUSE, the same; default: 250 */
    int connections; /* requests of one handle in flight at once; TESSERA_CONNECTIONS;
                        default: 16 */
    tsr_progress progress; /* while the network is waited for, some times a second, by the thread
                              that waits: the caller of a read, as a rule; done: bytes of this
                              wait, total: -1.  Non-zero: ECANCELLED; default: none */
    void *user;            /* for progress */
} tsr_remote_options;

/* For all that is opened with the context from now on and is given no options of its own; what r
 * points to is copied, but for user.  NULL: the default again.  Not while another thread opens
 * something with the context.  ENOMEM. */
TSR_API int tsr_context_set_remote(tsr_context *c, const tsr_remote_options *r);

typedef struct {
    const char *name;   /* "shuffle", "zstd", ...: any name in the codec table */
    const char *params; /* "clevel=5", "meta=3", or NULL: a comma list of name=integer */
} tsr_step;

/* A named piece of metadata. */
typedef struct tsr_meta_value {
    const char *name; /* 1..31 bytes */
    const void *p;
    size_t len;
} tsr_meta_value;

/* What an array is.  tsr_array_create takes one and tsr_array_spec returns one, complete,
 * so create(url, spec(a), ...) makes an empty twin of a in any other format (but for fill and
 * uninit, which no file records: they are what NULL and false say when asked; and "zarr2" takes
 * no checksum). */
typedef struct {
    size_t size;        /* sizeof(tsr_spec) */
    const char *dtype;  /* NumPy spelling: "<f8", "|u1", "<M8[ns]", "[('a', '<i4')]"; Zarr formats:
                           also names of items of variable length (tsr_items) */
    int64_t item_bytes; /* bytes of one item: what dtype says, or 0; 0: of variable length */
    int ndim;
    const int64_t *shape;  /* [ndim] */
    const int64_t *chunks; /* [ndim]; default: a shape of about 4 MiB */
    const int64_t *blocks; /* [ndim], inside a chunk; default: about 64 KiB; Zarr: the chunk */
    const tsr_step *steps; /* [nsteps], in writing order; default: shuffle, zstd clevel=5; Zarr:
                              zstd at its own level, as zarr-python writes */
    int nsteps;
    int split;                   /* Blosc2 streams per block: 0 auto, 1 always, 2 never */
    const void *fill;            /* one item that every item reads as at first; default: zeros.  Of
                                    variable length: its length, 4 bytes little-endian, before it */
    bool uninit;                 /* the first content does not matter (it reads as zeros) */
    const tsr_meta_value *metas; /* [nmetas] header metalayers (Blosc2 formats); not "b2nd", which
                                    is the array's own */
    int nmetas;
    bool checksum; /* chunks, index and metadata carry checksums that tsr_verify compares
                      (Blosc2 formats; other programs ignore them, and changes by them end
                      them).  Format 3 of Zarr: the codec crc32c behind the others, of inner
                      chunks where there are shards, which reads compare too; format 2 has no
                      place for it: EUNSUPPORTED where it is asked for, else copies go without */
    /* Zarr formats; ignored by others, and NULL in their specs. */
    const char *type;         /* a data type that NumPy has no name for, "bfloat16" say, as its
                                 metadata have it; before dtype */
    const char *codecs;       /* JSON: of format 3 the list "codecs" of a chunk or, where blocks are
                                 smaller, of a block; of format 2 {"filters": .., "compressor": ..};
                                 before steps; that of the other format is passed over.  Names
                                 alone will do: what they leave out is written by its default */
    const char *const *names; /* [ndim] of the dimensions, each may be NULL */
    const char *zarr;         /* a comma list: "separator=.", "empty=1" (chunks that hold only the
                                 fill value are stored too); format 3: "keys=v2", "index=start" (of
                                 shards), "edges=4+1+5;3x2+6;8": chunks that are not alike, in
                                 place of chunks (a rectilinear grid): of lengths 4, 1, 5 along
                                 axis 0, 3, 3, 6 along axis 1, and of 8 each along axis 2; blocks
                                 divide them all.  Format 2: "order=F".  Those of the other
                                 format are passed over */
} tsr_spec;

typedef struct {
    size_t size;              /* sizeof(tsr_options) */
    const char *mode;         /* "r" (default), "r+", "w" (replace), "x" (new), as in fopen */
    const char *format;       /* "b2nd", "b2frame", "npy", "raw", "chunk", "zarr3", "zarr2";
                                 default: ask the bytes, then the suffix */
    tsr_context *context;     /* borrowed; default: the one of the process */
    uint64_t offset;          /* bytes before the container in its file; then read-only */
    uint64_t max_chunk_bytes; /* refuse larger decoded chunks; default 2 GiB */
    bool durable;             /* flush also survives the death of the machine */
    const tsr_spec *raw;      /* format "raw": dtype and shape of what the file holds */
    tsr_progress progress;    /* of long calls; default: none */
    void *user;               /* for progress */
    bool sparse;              /* to create b2nd and b2frame: a folder with a file per chunk (a
                                 sparse frame); not asked when opening, nor without a url */
    bool locking;             /* Blosc2 files: share the file with other programs by the advisory
                                 locks of c-blosc2; also by BLOSC_LOCKING=1 in the environment */
    const char *mmap;      /* a mode of memory mapping, for what it means (docs/safety.md): "r" or
                                 "r+" to open, which then is the mode; "w+" to create; "c" to open
                                 for changes that this handle shows and nobody writes.  EARG with
                                 locking; EUNSUPPORTED for a folder.  NULL: none */
    bool no_consolidated;  /* Zarr: read the documents of nodes themselves, not the copies of them
                             that a group has (consolidated metadata) */
    uint64_t memory_bytes; /* of tsr_array_copy and tsr_convert: what they and the context's
                                 cache may take, the rest of the process not counted but for some
                                 12 MiB.  ELIMIT when one chunk of the target needs more.
                                 0: 256 MiB, or more when that is too little */
    const char *tmp;       /* of tsr_convert: the folder for the array between two passes;
                                 NULL: that of the target */
    bool resume;           /* of tsr_convert: goes on with what was interrupted, if there is
                                 something */
    const tsr_remote_options *remote; /* borrowed until the call returns; default: those of the
                                         context */
} tsr_options;

/* ---- arrays ---- */

/* What is said below of the last flush holds where an array is one file: b2nd, also as a folder,
 * and Zarr in an archive.  A chunk of a Zarr array in a folder or in S3 is an object of its own,
 * which is replaced whole and then seen by all, as a rule before the flush: a kill or
 * tsr_array_drop leaves each chunk as it was before or after, none half.  Shape and attributes
 * change with the flush, an array that is made appears with the first one, and mode "w" removes
 * the one before at once. */

/* Opens the array at a path or URL: "x.b2nd" (a file or a folder), "x.npy", "https://h/x.b2nd"
 * (to be read; ETEMP: the network or the server fails), "x.zarr#a/b" (the node a/b inside: in front
 * of the first # a # is written %23, behind it every character stands for itself).  Reads metadata
 * only.
 * ENOTFOUND, EDENIED, ECORRUPT, EUNSUPPORTED, EIO; EARG for a super-chunk or a chunk. */
TSR_API int tsr_array_open(const char *url, const tsr_options *opts, tsr_array **out);

/* Creates an array in which every item reads as the fill value, at a cost that does not
 * depend on its size (a fill other than zeros and NaN: some 33 bytes per chunk).  url NULL:
 * in memory.  The file appears complete and atomically at the first flush.  Mode "w" is the
 * default and replaces, in a hierarchy an array, or what cannot be used and holds nothing but
 * chunks; EEXISTS in mode "x" and for other things. */
TSR_API int tsr_array_create(const char *url, const tsr_spec *spec, const tsr_options *opts,
                             tsr_array **out);

/* Writes what is pending, then frees the handle whatever happened. */
TSR_API int tsr_array_close(tsr_array *a);

/* Frees the handle and forgets what was not flushed: the file stays as the last flush left it,
 * and one that was never flushed does not appear.  (.npy and raw files that exist are written in
 * place: there nothing is forgotten.)  NULL is fine. */
TSR_API void tsr_array_drop(tsr_array *a);

/* Everything written so far survives the death of the process from here on (with
 * tsr_options.durable: of the machine).  Before it returns, a kill leaves the last flushed
 * state.  ECONFLICT: the file was removed or replaced meanwhile.  tsr_array_sync: as flush with
 * durable set. */
TSR_API int tsr_array_flush(tsr_array *a);
TSR_API int tsr_array_sync(tsr_array *a);

/* Brings a handle up to date with what others did to its Blosc2 file: shape, metalayers, index.
 * *changed (NULL: not wanted): whether the file was written since the handle last looked; then
 * pointers that the handle gave out are void.  On failure the old view stays and a later call
 * may succeed: ECORRUPT also while a writer that is no Tessera is half way, ENOTFOUND when the
 * file is gone.  What is not a file others can change, and a handle with changes of its own,
 * stays as it is.  Of Zarr arrays, wherever they are, the documents are read again: *changed says
 * that these are others; of chunks it is not known, but nothing that was kept of them is used any
 * more. */
TSR_API int tsr_array_refresh(tsr_array *a, bool *changed);

/* With tsr_options.locking: keeps every other program out, readers too, from the first lock to the
 * last unlock (they nest), so that what is read and written between is one; without, they do
 * nothing.  lock brings the handle up to date as refresh does, also one that only reads.  unlock
 * flushes; after a failure the lock is still held, until close or drop at the latest.  ECONFLICT:
 * others held it for a minute.  EARG: unlock without lock. */
TSR_API int tsr_array_lock(tsr_array *a);
TSR_API int tsr_array_unlock(tsr_array *a);

/* A number that grows whenever the handle has found the file changed by others; it does not look
 * now.  0 in memory. */
TSR_API int64_t tsr_array_change_tick(const tsr_array *a);

/* Complete: chunks, blocks, steps and item_bytes are filled in. */
TSR_API const tsr_spec *tsr_array_spec(const tsr_array *a);
TSR_API const char *tsr_array_format(const tsr_array *a);

/* A box with steps.  NULL start: the origin.  NULL count: to the end.  NULL step: ones.
 * Item i of dimension d is start[d] + i * step[d]; a step may be negative. */
typedef struct {
    const int64_t *start, *count, *step; /* [ndim] each */
} tsr_slice;

/* Reads a slice (NULL: everything) into dst in C order.  dst_bytes must be exactly
 * product(count) * item_bytes, else EARG.  Fetches and decodes only the blocks that meet
 * the slice, in parallel.  On failure dst holds nothing of use.  ECONFLICT: the file was changed
 * by another so that the slice is no more in it, or changes faster than it can be read;
 * tsr_array_refresh mends the former, locking the latter. */
TSR_API int tsr_array_read(const tsr_array *a, const tsr_slice *s, void *dst, size_t dst_bytes);

/* Writes a slice from C order.  Chunks it covers whole are encoded without being read.  After a
 * failure earlier chunks of the slice may have changed in the handle; tsr_array_drop goes back
 * to the last flush. */
TSR_API int tsr_array_write(tsr_array *a, const tsr_slice *s, const void *src, size_t src_bytes);

/* The same to and from memory in any order: stride[ndim] are bytes between neighbours along each
 * dimension, which may be negative; NULL: C order.  dst and src are the place of the slice's first
 * item.  When writing, a stride of 0 repeats what it is of: a row for all rows, an item for all. */
TSR_API int tsr_array_read_strided(const tsr_array *a, const tsr_slice *s, void *dst,
                                   const int64_t *stride);
TSR_API int tsr_array_write_strided(tsr_array *a, const tsr_slice *s, const void *src,
                                    const int64_t *stride);

/* Writes one item everywhere in a slice.  Chunks that it covers whole are neither read nor encoded
 * (b2nd): of zeros and NaN the index alone tells, of others some 33 bytes. */
TSR_API int tsr_array_fill(tsr_array *a, const tsr_slice *s, const void *item);

/* One dimension of an orthogonal selection: the items index[count], in any order, each as often as
 * it is there; or, with index NULL, start + i * step. */
typedef struct {
    const int64_t *index;
    int64_t start, count, step;
    bool drop; /* tsr_array_slice: an axis of one item that the new array has not */
} tsr_axis;

/* Reads the items where axes[ndim] meet, an array of the shape axes[d].count, to dst in C order or
 * by stride[ndim] as above; and writes them.  Each block that holds a wanted item is fetched and
 * decoded once, in parallel; sorting the lists comes on top.  Where an index is there more than
 * once the last item is written.  EARG names an index that is outside. */
TSR_API int tsr_array_read_orthogonal(const tsr_array *a, const tsr_axis *axes, void *dst,
                                      const int64_t *stride);
TSR_API int tsr_array_write_orthogonal(tsr_array *a, const tsr_axis *axes, const void *src,
                                       const int64_t *stride);

/* Reads n single items, at coords[n][ndim], to dst, stride bytes from one to the next; and writes
 * them, with stride 0 one item to all.  Cost as for orthogonal selections, and 24 bytes of memory
 * per point.  Of points that are there more than once the last is written.  EARG names a point
 * that is outside. */
TSR_API int tsr_array_read_points(const tsr_array *a, int64_t n, const int64_t *coords, void *dst,
                                  int64_t stride);
TSR_API int tsr_array_write_points(tsr_array *a, int64_t n, const int64_t *coords, const void *src,
                                   int64_t stride);

/* Items of variable length (Zarr): text, bytes, arrays.  Then spec.item_bytes is 0 and
 * spec.dtype "string" (UTF-8), "bytes", "json" (each item the JSON text of a value) or, say,
 * "array(<i2)" (each item the bytes of some items of that dtype); the latter two only in format
 * zarr2.  All calls that take items of a fixed size refuse such arrays, EARG, as these do
 * others. */
typedef struct {
    size_t size;             /* sizeof(tsr_items) */
    int64_t n;               /* how many */
    const uint64_t *offsets; /* [n + 1], from 0 on, never less than the one before */
    const void *bytes;       /* [offsets[n]]: item i is bytes offsets[i] .. offsets[i + 1] - 1 */
} tsr_items;

/* Reads the items of a slice, of an orthogonal selection, or at points, as the calls above.  out,
 * of which size is set, is filled with memory that tsr_items_free takes back; items that are not
 * stored are the fill value.  No memory is taken on the word of a file alone: what an item says of
 * its length is believed when its bytes are there.  ECORRUPT names the key and the item, of text
 * that is no UTF-8 too. */
TSR_API int tsr_array_read_items(const tsr_array *a, const tsr_slice *s, tsr_items *out);
TSR_API int tsr_array_read_items_orthogonal(const tsr_array *a, const tsr_axis *axes,
                                            tsr_items *out);
TSR_API int tsr_array_read_items_points(const tsr_array *a, int64_t n, const int64_t *coords,
                                        tsr_items *out);
TSR_API void tsr_items_free(tsr_items *items); /* and sets all but size to 0; NULL is fine */

/* Writes them: as many as are selected, or one, which all become.  Chunks that are covered in part
 * are decoded and encoded anew.  EARG, and nothing is written: another number of items, offsets
 * that go down, text that is no UTF-8.  Else as tsr_array_write. */
TSR_API int tsr_array_write_items(tsr_array *a, const tsr_slice *s, const tsr_items *items);
TSR_API int tsr_array_write_items_orthogonal(tsr_array *a, const tsr_axis *axes,
                                             const tsr_items *items);
TSR_API int tsr_array_write_items_points(tsr_array *a, int64_t n, const int64_t *coords,
                                         const tsr_items *items);

/* Changes the shape, shape[ndim]: new items read as zeros (Zarr: as the fill
 * value), items outside are gone (they do not come back when the array grows again).  After a
 * failure the shape is the old one or, when some dimensions shrink and others grow, the smaller one
 * of each. */
TSR_API int tsr_array_resize(tsr_array *a, const int64_t *shape);

/* Grows the array along axis by whole slabs and writes them: src holds, in C order, k slabs
 * of the array's shape with shape[axis] = 1.  After a failure the shape is the old one. */
TSR_API int tsr_array_append(tsr_array *a, int axis, const void *src, size_t src_bytes);

/* Writes a into a new array at url (NULL: in memory).  spec NULL or its zero fields: as a has it
 * (other chunks, blocks and steps may be given; dtype and shape are a's).  Streams: memory for a
 * few rows of chunks at most.  Where neither chunks, blocks nor encoding change, Blosc2 chunks are
 * copied as they are stored, between files, folders (sparse) and memory.  Attributes and
 * metalayers go along where the format has a place for them.  The caller closes *out. */
TSR_API int tsr_array_copy(const tsr_array *a, const char *url, const tsr_spec *spec,
                           const tsr_options *opts, tsr_array **out);

/* The items of a, in C order, as a new array of shape spec->shape[spec->ndim], which has as many,
 * at url (NULL: in memory); else as tsr_array_copy.  Where only dimensions of one item come or go,
 * chunks and blocks stay unless given, and Blosc2 chunks that are one item long along those are
 * copied as they are stored; else chunks are chosen as for a new array. */
TSR_API int tsr_array_reshape(const tsr_array *a, const char *url, const tsr_spec *spec,
                              const tsr_options *opts, tsr_array **out);

/* The part of a where axes[ndim] meet as a new array at url (NULL: in memory).  spec NULL or its
 * zero fields: as a has it, but for chunks that are longer than the part; else as tsr_array_copy.
 * Blosc2 chunks that lie whole in a box that begins with one of them are copied as they are stored
 * (those at the edge of a too; an axis that is dropped must be one item long in them), the items of
 * others box by box, in bounded memory.  The caller closes *out. */
TSR_API int tsr_array_slice(const tsr_array *a, const tsr_axis *axes, const char *url,
                            const tsr_spec *spec, const tsr_options *opts, tsr_array **out);

/* The n >= 1 arrays a[n] one after the other along axis, as a new array at url (NULL: in memory).
 * All have the dtype of the first and its shape but for shape[axis], else EARG; chunks, blocks,
 * steps, attributes and metalayers are the first one's.  Blosc2 chunks are taken as they are stored
 * where they fit the new grid, others are decoded and encoded.  The caller closes *out. */
TSR_API int tsr_array_concat(const tsr_array *const *a, int n, int axis, const char *url,
                             const tsr_options *opts, tsr_array **out);

/* Sizes and traffic.  Counters are since open. */
typedef struct {
    size_t size;
    int64_t nbytes;     /* decoded size of all items, padding not counted; -1: of any length */
    int64_t cbytes;     /* stored size of the container, holes included; -1: not known without a
                           look at each object (Zarr): tsr_array_cbytes looks */
    int64_t nchunks;    /* chunks of the grid */
    int64_t bytes_read; /* from the store; of an archive, from its file, the directory too */
    int64_t requests;   /* reads of it */
    int64_t blocks_decoded;
    int64_t cache_hits; /* blocks that were taken from the context's cache instead */
} tsr_stats;
TSR_API int tsr_array_stats(const tsr_array *a, tsr_stats *out);
/* The stored size in bytes.  Of Zarr arrays in folders, archives and memory the sizes of all stored
 * chunks, each of which is looked at; -1 over a network, where each would be a request.  As for
 * reads, many threads may ask at once.  Errors as tsr_array_read. */
TSR_API int tsr_array_cbytes(const tsr_array *a, int64_t *out);

/* The array as a contiguous Blosc2 frame in memory (b2nd only), and back.  TSR_BORROW: the
 * buffer is used in place, read-only, and must outlive the handle; 0: it is copied. */
enum { TSR_BORROW = 1 };
TSR_API int tsr_array_to_frame(tsr_array *a, void **buf, size_t *len);
TSR_API int tsr_array_from_frame(const void *buf, size_t len, int flags, const tsr_options *opts,
                                 tsr_array **out);

/* Stored chunks of a Blosc2 array by number, which is that of C order in the grid, 0 .. nchunks-1;
 * other formats: EUNSUPPORTED.  get_chunk: chunk i as it is stored (one of zeros, NaN or no values
 * as a 32-byte header, one of a repeated value with the item behind that).  lazy_chunk: its header
 * alone, of chunks in files followed by where its blocks begin and how long they are, as
 * python-blosc2 shows it (bit 3 of byte 31 is set then: it cannot be decoded); those of one value
 * as from get_chunk.  Both in a buffer that the caller frees with tsr_free.  chunk_info: what the
 * header says.  The latter two cost one small read. */
typedef struct tsr_chunk_facts tsr_chunk_facts;
TSR_API int tsr_array_get_chunk(const tsr_array *a, int64_t i, void **buf, size_t *len);
TSR_API int tsr_array_lazy_chunk(const tsr_array *a, int64_t i, void **buf, size_t *len);
/* Chunk i decoded into dst as it is stored: block after block, also what lies beyond the array's
 * edge.  dst_bytes is the decoded size that chunk_info tells, which all chunks share, else EARG. */
TSR_API int tsr_array_decode_chunk(const tsr_array *a, int64_t i, void *dst, size_t dst_bytes);
TSR_API int tsr_array_chunk_info(const tsr_array *a, int64_t i, tsr_chunk_facts *out);

/* Puts a compressed chunk[len] in the place of chunk i as it is.  It must have the decoded size,
 * blocks and items of the array's chunks, else EARG (an edge chunk is whole too); header, block
 * starts and sizes are checked, ECORRUPT; what is in the blocks is not. */
TSR_API int tsr_array_update_compressed(tsr_array *a, int64_t i, const void *chunk, size_t len);

/* How new chunks of a Blosc2 array or super-chunk are made, as ids and slots: what the steps of its
 * spec say by name. */
typedef struct {
    size_t size; /* sizeof(tsr_cparams_info) */
    int64_t item_bytes;
    int64_t block_bytes; /* 0: chosen when a chunk is made */
    int codec_id;        /* Blosc2 codec id */
    const char *codec;   /* its name, NULL when unknown here */
    int clevel;
    bool dict;
    int split; /* Blosc2 split mode: 1 always, 2 never, 3 auto, 4 forward compatible */
    uint8_t codec_meta, filters[6], filters_meta[6]; /* filter 0: the slot is not used */
} tsr_cparams_info;
TSR_API int tsr_array_cparams(const tsr_array *a, tsr_cparams_info *out);

/* ---- attributes and metalayers ---- */

/* Attributes are named JSON values.  One that is set again keeps its place among those of Zarr.
 * EARG: no JSON; ENOTFOUND: no such attribute.  In Blosc2 files they are variable-length metalayers
 * holding MessagePack, as python-blosc2 writes them. */
TSR_API int tsr_array_attrs(const tsr_array *a, char **json); /* one object */
TSR_API int tsr_array_attr_set(tsr_array *a, const char *name, const char *json);
TSR_API int tsr_array_attr_remove(tsr_array *a, const char *name);

/* Metalayers, raw.  TSR_META ones live in the header: given at creation, later changed only
 * in place (same length).  TSR_VLMETA ones come and go.  Names: 1..31 bytes.
 * ENOTFOUND for an unknown name; EUNSUPPORTED where the format has none. */
typedef enum { TSR_META = 0, TSR_VLMETA = 1 } tsr_meta_kind;
TSR_API int tsr_array_meta_count(const tsr_array *a, tsr_meta_kind kind);
TSR_API const char *tsr_array_meta_name(const tsr_array *a, tsr_meta_kind kind, int i);
TSR_API int tsr_array_meta_get(const tsr_array *a, tsr_meta_kind kind, const char *name, void **buf,
                               size_t *len);
TSR_API int tsr_array_meta_set(tsr_array *a, tsr_meta_kind kind, const char *name, const void *buf,
                               size_t len);
TSR_API int tsr_array_meta_remove(tsr_array *a, const char *name);

/* MessagePack as python-blosc2 stores it, to JSON text.  ECORRUPT when it is none, and when
 * JSON has no place for what it says. */
TSR_API int tsr_msgpack_to_json(const void *buf, size_t len, char **json);

/* ---- super-chunks ---- */

typedef struct {
    size_t size;
    int64_t item_bytes;    /* bytes of one item; default 1 */
    int64_t chunk_bytes;   /* decoded bytes of a chunk, a multiple of item_bytes; default: about
                              4 MiB */
    int64_t block_bytes;   /* default: chosen from codec and level as c-blosc2 does */
    const tsr_step *steps; /* [nsteps]; default: shuffle, zstd clevel=5 */
    int nsteps;
    int split;                   /* 0 auto, 1 always, 2 never */
    const tsr_meta_value *metas; /* [nmetas] header metalayers */
    int nmetas;
    bool checksum; /* as in tsr_spec */
    bool variable; /* chunks of any size; then chunk_bytes is not used, and 0 when asked */
} tsr_schunk_spec;

/* As the calls of tsr_array of the same names.  open: EARG for an array, unless opts->format is
 * "b2frame": then the chunks below it, to read.  create: in format "b2frame", without items. */
TSR_API int tsr_schunk_open(const char *url, const tsr_options *opts, tsr_schunk **out);
TSR_API int tsr_schunk_create(const char *url, const tsr_schunk_spec *spec, const tsr_options *opts,
                              tsr_schunk **out);
TSR_API int tsr_schunk_close(tsr_schunk *s);
TSR_API void tsr_schunk_drop(tsr_schunk *s);
TSR_API int tsr_schunk_flush(tsr_schunk *s);
TSR_API int tsr_schunk_sync(tsr_schunk *s);
TSR_API int tsr_schunk_refresh(tsr_schunk *s, bool *changed);
TSR_API int tsr_schunk_lock(tsr_schunk *s);
TSR_API int tsr_schunk_unlock(tsr_schunk *s);
TSR_API int64_t tsr_schunk_change_tick(const tsr_schunk *s);
TSR_API const tsr_schunk_spec *tsr_schunk_spec_of(const tsr_schunk *s);
TSR_API const char *tsr_schunk_format(const tsr_schunk *s);
TSR_API int64_t tsr_schunk_nchunks(const tsr_schunk *s);
TSR_API int64_t tsr_schunk_nitems(const tsr_schunk *s);
TSR_API int tsr_schunk_stats(const tsr_schunk *s, tsr_stats *out);

/* Items start .. start+n-1.  set may run past the end and then extends; append adds n items
 * at the end.  Appends are buffered: the last chunk is encoded when full or flushed.  After a
 * failure there are as many items as before; those that set was to change may have. */
TSR_API int tsr_schunk_get(const tsr_schunk *s, int64_t start, int64_t n, void *dst);
TSR_API int tsr_schunk_set(tsr_schunk *s, int64_t start, int64_t n, const void *src);
TSR_API int tsr_schunk_append(tsr_schunk *s, int64_t n, const void *src);

/* Whole chunks by number.  read: dst_bytes is exactly the chunk's decoded size, which is
 * chunk_bytes for all but the last.  insert puts a chunk before number i (i = nchunks:
 * at the end); src_bytes is chunk_bytes, only the last chunk may be shorter.  With variable:
 * any size from 1 on, also for update; tsr_schunk_append adds one chunk of all its items, and
 * set replaces the items that are there chunk by chunk. */
TSR_API int tsr_schunk_chunk_bytes(const tsr_schunk *s, int64_t i, int64_t *bytes);
TSR_API int tsr_schunk_read_chunk(const tsr_schunk *s, int64_t i, void *dst, size_t dst_bytes);
TSR_API int tsr_schunk_insert_chunk(tsr_schunk *s, int64_t i, const void *src, size_t src_bytes);
TSR_API int tsr_schunk_update_chunk(tsr_schunk *s, int64_t i, const void *src, size_t src_bytes);
TSR_API int tsr_schunk_delete_chunk(tsr_schunk *s, int64_t i);

/* Lets chunks of any size into a super-chunk of equal ones, which stay as they are; chunks of zeros
 * that were not stored are now.  python-blosc2 does so by itself when a chunk of another size
 * comes, so what it wrote as a row of objects may be of either kind.  There is no way back. */
TSR_API int tsr_schunk_make_variable(tsr_schunk *s);

/* Chunk i is the old chunk order[i]; order[nchunks] names each chunk once, else EARG.  A last chunk
 * that is shorter stays the last.  Nothing is decoded or moved. */
TSR_API int tsr_schunk_reorder(tsr_schunk *s, const int64_t *order);

/* Writes s into a new super-chunk at url (NULL: in memory).  spec NULL or its zero fields: as s has
 * it.  Chunks are copied as they are stored where neither their size nor the encoding changes.
 * Metalayers go along.  A last chunk that is still to be encoded is, in s.  The caller closes
 * *out. */
TSR_API int tsr_schunk_copy(tsr_schunk *s, const char *url, const tsr_schunk_spec *spec,
                            const tsr_options *opts, tsr_schunk **out);

/* As the calls of tsr_array of the same names.  EARG for a last chunk that was appended to and is
 * neither settled nor flushed. */
TSR_API int tsr_schunk_get_chunk(const tsr_schunk *s, int64_t i, void **buf, size_t *len);
TSR_API int tsr_schunk_lazy_chunk(const tsr_schunk *s, int64_t i, void **buf, size_t *len);
TSR_API int tsr_schunk_chunk_info(const tsr_schunk *s, int64_t i, tsr_chunk_facts *out);
TSR_API int tsr_schunk_cparams(const tsr_schunk *s, tsr_cparams_info *out);

/* Encodes what append keeps back of a last chunk, without making it part of the file yet: then the
 * calls above know it. */
TSR_API int tsr_schunk_settle(tsr_schunk *s);

/* New chunks are made as spec says, in which what is 0 means what it does for create, but
 * item_bytes and chunk_bytes, 0: as they are.  These two change only while there are no items,
 * EARG.  Chunks that are there stay as they are.  spec.metas, checksum and variable are not looked
 * at. */
TSR_API int tsr_schunk_set_spec(tsr_schunk *s, const tsr_schunk_spec *spec);

/* Chunks that are compressed already (tsr_schunk_get_chunk, tsr_compress), chunk[len], stored as
 * they are.  Header, block starts and sizes are checked first, ECORRUPT; what is in the blocks is
 * not.  Decoded sizes as for insert and update above, else EARG.  In a variable super-chunk special
 * chunks (zeros, NaN) are encoded anew, since the format has no place for them there. */
TSR_API int tsr_schunk_append_compressed(tsr_schunk *s, const void *chunk, size_t len);
TSR_API int tsr_schunk_insert_compressed(tsr_schunk *s, int64_t i, const void *chunk, size_t len);
TSR_API int tsr_schunk_update_compressed(tsr_schunk *s, int64_t i, const void *chunk, size_t len);

/* Chunks of one value, for the price of a header: special as in tsr_chunk_facts, 1 zeros, 2 NaN
 * (items of 4 and 8 bytes), 3 value[item_bytes], 4 no values (they read as zeros).  update puts one
 * of its size in the place of chunk i.  fill gives nitems >= 0 of them to a super-chunk of equal
 * chunks that has no items, else EARG; after a failure it has none. */
TSR_API int tsr_schunk_update_special(tsr_schunk *s, int64_t i, int special, const void *value);
TSR_API int tsr_schunk_fill_special(tsr_schunk *s, int64_t nitems, int special, const void *value);

/* Chunks whose blocks are items of a length of their own, as python-blosc2's BatchArray keeps
 * them.  append adds one chunk of n >= 1 blocks, p[b] of len[b] >= 1 bytes each; unless the
 * super-chunk is variable they come to chunk_bytes.  vlblocks: how many blocks chunk i has, 0 when
 * it is of the other kind.  read: block b of chunk i alone, in a buffer that the caller frees with
 * tsr_free.  A super-chunk holds chunks of one kind only: EARG. */
TSR_API int tsr_schunk_append_vlblocks(tsr_schunk *s, int64_t n, const void *const *p,
                                       const size_t *len);
TSR_API int tsr_schunk_vlblocks(const tsr_schunk *s, int64_t i, int64_t *n);
TSR_API int tsr_schunk_read_vlblock(const tsr_schunk *s, int64_t i, int64_t b, void **buf,
                                    size_t *len);

/* As the calls of tsr_array of the same names. */
TSR_API int tsr_schunk_to_frame(tsr_schunk *s, void **buf, size_t *len);
TSR_API int tsr_schunk_from_frame(const void *buf, size_t len, int flags, const tsr_options *opts,
                                  tsr_schunk **out);

/* to_frame and drop in one: the handle is freed whatever happens.  What is in memory is not copied
 * (it may have holes then, which readers skip). */
TSR_API int tsr_schunk_take_frame(tsr_schunk *s, void **buf, size_t *len);

TSR_API int tsr_schunk_meta_count(const tsr_schunk *s, tsr_meta_kind kind);
TSR_API const char *tsr_schunk_meta_name(const tsr_schunk *s, tsr_meta_kind kind, int i);
TSR_API int tsr_schunk_meta_get(const tsr_schunk *s, tsr_meta_kind kind, const char *name,
                                void **buf, size_t *len);
TSR_API int tsr_schunk_meta_set(tsr_schunk *s, tsr_meta_kind kind, const char *name,
                                const void *buf, size_t len);
TSR_API int tsr_schunk_meta_remove(tsr_schunk *s, const char *name);

/* ---- one chunk in memory (Blosc2 chunk format) ---- */

struct tsr_chunk_facts {
    size_t size;
    int64_t nbytes, cbytes, block_bytes, nblocks;
    int version, typesize, flags, flags2, blosc2_flags;
    bool memcpyed, dict, vlblocks;
    int special;       /* 0 none, 1 zeros, 2 NaN, 3 repeated value, 4 uninit */
    int codec_id;      /* Blosc2 codec id */
    const char *codec; /* its name, NULL when unknown here */
    uint8_t filters[6], filters_meta[6], codec_meta;
};

/* Worst size of a chunk of nbytes: give tsr_compress that much room. */
TSR_API size_t tsr_compress_bound(size_t nbytes);

/* Encodes src as one chunk on the threads of opts->context.  Of spec: item_bytes,
 * block_bytes, steps, nsteps, split count. */
TSR_API int tsr_compress(const tsr_schunk_spec *spec, const void *src, size_t nbytes,
                         const tsr_options *opts, void *dst, size_t cap, size_t *cbytes);

/* Decodes a Blosc1 or Blosc2 chunk; dst_bytes is exactly its nbytes. */
TSR_API int tsr_decompress(const void *chunk, size_t len, const tsr_options *opts, void *dst,
                           size_t dst_bytes);

/* Decodes bytes start .. start+n-1 of a chunk, touching only the blocks they lie in. */
TSR_API int tsr_decompress_range(const void *chunk, size_t len, int64_t start, int64_t n,
                                 const tsr_options *opts, void *dst);

/* The same for n >= 1 blocks of variable length, p[b] of len[b] >= 1 bytes each: one chunk that
 * decodes to all of them in a row, in a buffer that the caller frees with tsr_free.  EARG for
 * steps with delta.  tsr_decompress_vlblock: block b of it alone, freed likewise. */
TSR_API int tsr_compress_vlblocks(const tsr_schunk_spec *spec, int64_t n, const void *const *p,
                                  const size_t *len, const tsr_options *opts, void **chunk,
                                  size_t *cbytes);
TSR_API int tsr_decompress_vlblock(const void *chunk, size_t len, int64_t b,
                                   const tsr_options *opts, void **buf, size_t *buf_len);

/* What the chunk's header says, after checking it.  len: bytes available.  block_bytes of a chunk
 * of variable-length blocks: 0. */
TSR_API int tsr_chunk_info(const void *chunk, size_t len, tsr_chunk_facts *out);

/* ---- what is where ---- */

typedef enum { TSR_KIND_ARRAY, TSR_KIND_SCHUNK, TSR_KIND_CHUNK, TSR_KIND_GROUP } tsr_kind;

typedef struct {
    size_t size;
    tsr_kind kind;
    const char *format; /* name in the format table, "dir" for a plain folder */
} tsr_place_info;

/* What lies at url: content first, suffix second.  ENOTFOUND, EUNSUPPORTED, ECORRUPT. */
TSR_API int tsr_probe(const char *url, const tsr_options *opts, tsr_place_info *out);

/* Calls fn with the URL of each array, super-chunk and group directly inside a folder or a group,
 * "x.zarr#a/b", in name order; a non-zero answer ends the walk and is returned. */
typedef int (*tsr_list_fn)(void *user, const char *url, const tsr_place_info *info);
TSR_API int tsr_list(const char *url, const tsr_options *opts, tsr_list_fn fn, void *user);

/* ---- groups ---- */

/* A hierarchy is groups and arrays in one place, a folder, a zip archive or a prefix behind HTTP or
 * S3, each under a path: "" is the root, "a/b" lies in "a".  Zarr formats 2 and 3.  Paths below are
 * relative to the group, names parted by '/'; slashes at the ends and double ones are left out.
 *
 * A group opened in mode "r" is seen through the consolidated metadata of its place where there is
 * some (or its own), as it was when the group was opened: then listing and opening ask the store
 * for nothing more.  Else, and in mode "r+", documents are read when they are asked for, and others
 * may change them meanwhile.
 *
 * Changes are in the store when the call returns; of a zip archive at the next flush, or when the
 * last handle of its place is closed.  Consolidated metadata that is there is changed in the same
 * call, and never made but by tsr_group_consolidate.  Several objects are changed one after the
 * other: a kill between leaves what was not reported yet half done, in the order that does least
 * harm (docs/safety.md).  Two writers of different attributes of a group both get theirs, of the
 * same one the last wins; of two that change shape or attributes of an array the later flush is
 * ECONFLICT.  Writers of different nodes, in whatever threads and programs, all get into
 * consolidated metadata above them.  For that a document is locked (flock) in a folder for the
 * change; in S3 it is put only while it is the one that was read, else anew from it, 40 times (then
 * ECONFLICT: a new node is taken back, a change of one stays; tsr_group_consolidate tries once).
 * Where neither is to be had, on file systems without flock, on servers without conditional puts,
 * and beside programs other than this library, the last one wins, and a copy may be stale; so it
 * may of what is made or removed in S3 while tsr_group_consolidate runs.
 *
 * Handles of one place (tsr_group_open_group) share it: calls on const handles may run at once,
 * a change excludes all others.  Errors besides those named: EDENIED (mode "r"), ECORRUPT and
 * EUNSUPPORTED (documents), EIO, ETEMP. */

/* Opens the group at a place, "x.zarr", "x.zarr#a/b", "x.zip", "s3://b/x.zarr".  opts->mode: "r"
 * (default), "r+", or "a", which makes it (opts->format: "zarr3", the default, or "zarr2") when
 * nothing is there.  A prefix without a document, but with nodes below it, is a group without
 * attributes.  ENOTFOUND; EARG for an array. */
TSR_API int tsr_group_open(const char *url, const tsr_options *opts, tsr_group **out);

/* Makes a group, and the groups above it that are missing.  opts->format as above, which is that of
 * the place where one is there; opts->mode: "x" (default): EEXISTS where something is, but a group
 * without a document is given one; "w": what is there, with all below it, is removed (EEXISTS for
 * a group without a document, and for a folder that holds other things than Zarr). */
TSR_API int tsr_group_create(const char *url, const tsr_options *opts, tsr_group **out);

/* Puts a zip archive in place (nothing of others is pending), and frees the handle whatever
 * happened.  Arrays that were opened through it stay open. */
TSR_API int tsr_group_close(tsr_group *g);
TSR_API int tsr_group_flush(tsr_group *g);

TSR_API const char *tsr_group_format(const tsr_group *g); /* "zarr2", "zarr3" */
TSR_API const char *tsr_group_path(const tsr_group *g);   /* in its place: "", "a/b" */
TSR_API bool tsr_group_consolidated(const tsr_group *g);  /* is it seen through such metadata? */

/* What the documents of a node say, valid until the function that is given it returns. */
typedef struct {
    size_t size;              /* sizeof(tsr_node_info) */
    const char *path;         /* below the group that was asked: "a/b" */
    tsr_kind kind;            /* TSR_KIND_ARRAY or TSR_KIND_GROUP */
    const char *format;       /* "zarr2", "zarr3"; NULL: a group without a document */
    tsr_status status;        /* not TSR_OK: its documents cannot be used, and of the rest only */
    const char *error;        /* why is set */
    int ndim;                 /* arrays only, from here on */
    const int64_t *shape;     /* [ndim] */
    const int64_t *chunks;    /* [ndim], what is stored as one; the longest where they differ */
    const char *dtype;        /* NumPy spelling; NULL: items of variable length */
    const char *type;         /* its name in Zarr format 3: "float32", "string" */
    const char *const *names; /* [ndim] of the dimensions, each may be NULL; NULL: there are none */
} tsr_node_info;

/* Calls fn with each node below the group, `depth` levels down (1: its children, 0: all), a group
 * before what is in it, names in the order of their bytes.  A non-zero answer ends the walk and is
 * returned.  fn may use the group, but not change it.  EUNSUPPORTED: the place cannot list (HTTP)
 * and has no consolidated metadata. */
typedef int (*tsr_node_fn)(void *user, const tsr_node_info *node);
TSR_API int tsr_group_list(const tsr_group *g, int depth, tsr_node_fn fn, void *user);

/* Calls fn with the node at path ("": the group itself), whose answer is returned; ENOTFOUND. */
TSR_API int tsr_group_find(const tsr_group *g, const char *path, tsr_node_fn fn, void *user);

/* Opens what is at path in the mode of the group; the caller closes it.  ENOTFOUND; EARG when it is
 * of the other kind.  opts as for tsr_array_open, mode and format apart. */
TSR_API int tsr_group_open_group(const tsr_group *g, const char *path, tsr_group **out);
TSR_API int tsr_group_open_array(const tsr_group *g, const char *path, const tsr_options *opts,
                                 tsr_array **out);

/* Makes a group or an array at path, and the groups between that are missing.  mode (of an array
 * opts->mode): "x" (default, NULL): EEXISTS where something is; "w": what is there is removed, with
 * all below it, also where it cannot be used; of groups also "a": a group that is there is opened.
 * An array is visible from its first flush on, as any.  The caller closes *out.  EARG: a name that
 * the format does not allow, or a path below an array. */
TSR_API int tsr_group_create_group(tsr_group *g, const char *path, const char *mode,
                                   tsr_group **out);
TSR_API int tsr_group_create_array(tsr_group *g, const char *path, const tsr_spec *spec,
                                   const tsr_options *opts, tsr_array **out);

/* Removes a node and all that is below it: its documents first, so that it is gone at once.
 * ENOTFOUND; EARG for the group itself. */
TSR_API int tsr_group_remove(tsr_group *g, const char *path);

/* The attributes of the node at path ("": the group) as one JSON object, freed with tsr_free; those
 * of the group changed one by one, or all at once by an object that takes their place.  What JSON
 * cannot say (NaN, which Python writes) is read as text.  EARG: no JSON; ENOTFOUND: no
 * such attribute. */
TSR_API int tsr_group_attrs(const tsr_group *g, const char *path, char **json);
TSR_API int tsr_group_attr_set(tsr_group *g, const char *name, const char *json);
TSR_API int tsr_group_attr_remove(tsr_group *g, const char *name);
TSR_API int tsr_group_attrs_set(tsr_group *g, const char *json);

/* Writes consolidated metadata of all that is below the group now, in place of what there is.
 * ECORRUPT, EUNSUPPORTED: a node below cannot be read, or is of the other format. */
TSR_API int tsr_group_consolidate(tsr_group *g);

/* Bytes and requests that this place has cost; the rest is 0. */
TSR_API int tsr_group_stats(const tsr_group *g, tsr_stats *out);

/* ---- codecs, filters and formats ---- */

/* The codecs and filters, the formats and their suffixes, by index. */
typedef struct {
    size_t size;
    const char *name;
    const char *about; /* one line */
    bool filter;
    int blosc2_id; /* -1: none */
    int params;    /* how many parameters it takes */
    bool lossy;    /* decodes to other items than were encoded; no step before it may mix bytes */
    bool shape;    /* works on the blocks of arrays only, not on chunks and super-chunks */
} tsr_codec_info;
TSR_API int tsr_codec_at(int i, tsr_codec_info *out); /* built in; ENOTFOUND past the end */
TSR_API const char *tsr_format_at(int i);             /* NULL past the end */
TSR_API const char *tsr_suffix_at(int i); /* ".b2nd", ...: of names that tell a format */

/* ---- codecs and filters of the program's own ---- */

/* What one is told of the block it works on. */
typedef struct {
    size_t size;
    int64_t item_bytes;   /* of one item; 0: not known (a chunk on its own) */
    int typesize;         /* the same as the chunk says it: 1 when items are larger than 255 */
    int ndim;             /* of the block's shape; 0: it has none */
    const int32_t *shape; /* [ndim] of a block, in items */
    int meta;             /* the parameter "meta" of the step, 0..255 */
    int clevel;           /* 1..9, when encoding */
} tsr_block_info;

/* A codec.  Its name is one for steps: 1..31 of a-z, 0-9 and _.  blosc2_id is what chunks call it
 * by: 160..255 are private to programs, 32..159 are for what is registered with Blosc2 and not
 * built in here.  Both functions are called with user, on many threads at once, and return 0, or a
 * tsr_status, or anything else, which is ECORRUPT of decode and EARG of encode.
 *   encode  puts n > 0 bytes at src into at most cap < n at dst; *len: how many it took, 0 when
 *           they do not fit.  NULL: the codec is for reading only.
 *   decode  makes exactly n bytes at dst of len at src.  They come from files: trust nothing.
 * What they see are streams of a filtered block, often the block itself.  One that is the same
 * byte all over or did not shrink is stored without the codec. */
typedef struct {
    size_t size; /* sizeof(tsr_user_codec) */
    const char *name;
    const char *about; /* one line */
    int blosc2_id;
    void *user;
    int (*encode)(void *user, const tsr_block_info *b, const void *src, size_t n, void *dst,
                  size_t cap, size_t *len);
    int (*decode)(void *user, const tsr_block_info *b, const void *src, size_t len, void *dst,
                  size_t n);
    bool lossy; /* decodes to other items than were encoded */
    bool whole; /* must be given whole blocks, never one split in streams */
} tsr_user_codec;

/* A filter: as a codec, but both functions make n bytes at dst of n at src, which do not overlap.
 * encode NULL: for reading only.  decode NULL: nothing is to be undone (lossy filters). */
typedef struct {
    size_t size; /* sizeof(tsr_user_filter) */
    const char *name;
    const char *about;
    int blosc2_id;
    void *user;
    int (*encode)(void *user, const tsr_block_info *b, const void *src, void *dst, size_t n);
    int (*decode)(void *user, const tsr_block_info *b, const void *src, void *dst, size_t n);
    bool lossy; /* changes items */
    bool items; /* what it makes is still items, so that lossy steps may follow */
} tsr_user_filter;

/* Makes a codec or filter known to all that is opened or created with this context (NULL: the
 * default one), for as long as the context lives; the structs are copied.  May be called while
 * other threads use the context.  Chunks that need one that is not there are EUNSUPPORTED, which
 * names the id.  EARG for names, ids and missing functions; EEXISTS when name or id are taken. */
TSR_API int tsr_codec_register(tsr_context *c, const tsr_user_codec *codec);
TSR_API int tsr_filter_register(tsr_context *c, const tsr_user_filter *filter);

/* ---- operations on arrays ---- */

/* Copies what is at src (array, group of Zarr, super-chunk, .npy, raw, gzip of these two) to dst,
 * whose format comes from opts->format or the suffix; spec as in tsr_array_copy.  src_opts: format,
 * offset and raw of the source.
 *
 * Arrays are copied in no more than opts->memory_bytes, whatever their chunks, in one pass or in
 * two with an array between them in opts->tmp; each chunk of dst is written once.  Until dst is
 * complete there is DST.partial instead, a folder; after an interruption, whichever, a call with
 * opts->resume goes on where the last flush was.  EEXISTS: there is one, without resume and without
 * mode "w", which begins anew.  ECONFLICT: the source changed, or what was asked for was something
 * else; someone works on it.  What mode "w" replaces goes when the copy is complete, but for a node
 * of a hierarchy and what lies on S3, which go as copying begins.  (What is small, .npy or raw, no
 * local file, or a super-chunk appears at once or not at all.)  Attributes and metalayers go along;
 * EUNSUPPORTED lists those that dst has no place for, and nothing is written.  Where stored bytes
 * mean the same in dst they are copied as they are.
 *
 * A group goes with all that is below it, into format zarr3 or zarr2, steps being for all arrays;
 * EARG for chunks and blocks.  EUNSUPPORTED lists the nodes that cannot be carried. */
TSR_API int tsr_convert(const char *src, const tsr_options *src_opts, const char *dst,
                        const tsr_spec *spec, const tsr_options *opts);

/* What tsr_convert would do with an array, without doing it. */
typedef struct {
    size_t size;
    const int64_t *box;     /* [ndim] of what is copied at a time; NULL: chunks as they are */
    int64_t boxes;          /* how many */
    int64_t chunks_read;    /* how often a chunk is looked into, */
    int64_t blocks_read;    /* and a block decoded (those that are not stored too) */
    int64_t bytes_read;     /* decoded bytes of these */
    int64_t stored_read;    /* stored bytes of these, if all compress alike */
    int64_t requests;       /* reads of the store, at most about so many */
    int64_t chunks_written; /* each once */
    int64_t bytes_written;  /* before they are encoded */
    int64_t memory_bytes;   /* at the peak */
} tsr_copy_pass;
typedef struct {
    size_t size;
    int ndim, npasses;            /* 0 passes: there are no items */
    bool stored;                  /* stored bytes are copied as they are */
    const tsr_copy_pass *pass[2]; /* [npasses] */
    const int64_t *between;       /* [ndim] chunks of the array between two passes, else NULL */
    const int64_t *between_blocks;
    int64_t between_bytes; /* of it, at most; else 0 */
    int64_t memory_bytes;  /* the largest of the passes */
    int64_t budget_bytes;
} tsr_copy_plan;
/* In one piece that is freed with tsr_free.  Errors as tsr_convert, which come before items are
 * touched; EUNSUPPORTED for super-chunks, which are copied in order. */
TSR_API int tsr_convert_plan(const char *src, const tsr_options *src_opts, const char *dst,
                             const tsr_spec *spec, const tsr_options *opts, tsr_copy_plan **out);

/* Checks everything in a container: structure, metalayers, and every chunk by decoding it; of a
 * Zarr group all arrays below it, texts beginning with their path; of a zip archive the CRC-32 of
 * each entry, told by its name and in place of the chunk it holds.  fn (NULL: not wanted) hears
 * of each problem with the chunk's number and its coordinates[ndim] in the grid of chunks (ndim
 * 0: not known; chunk -1: the container itself); with TSR_OK, of what breaks no rule but may be
 * news: chunks of Zarr arrays that are not stored, objects below them that nobody reads.
 * *problems: how many, these apart.  Fails only when it could not look. */
typedef void (*tsr_verify_fn)(void *user, int64_t chunk, int ndim, const int64_t *coords,
                              tsr_status status, const char *what);
TSR_API int tsr_verify(const char *url, const tsr_options *opts, tsr_verify_fn fn, void *user,
                       int64_t *problems);

/* Makes a new file at out_url of what is left of a damaged Blosc2 file or folder: all of it where
 * nothing is wrong.  Header, index and trailer that are lost are looked for elsewhere in the file;
 * files with checksums (tsr_spec.checksum) carry what it takes.  Chunks that are lost read as
 * zeros.  fn hears of each of these with its coordinates, as in tsr_verify, and, with TSR_OK, of
 * where things were found.  The source is only read; the target appears when it is complete.
 * opts->mode: "x" (default) or "w" (replace; out_url may then be url).  ECORRUPT: nothing of a
 * frame is left; EEXISTS, EUNSUPPORTED, EIO, ECANCELLED. */
typedef struct {
    size_t size;      /* sizeof(tsr_repair_result) */
    int64_t nchunks;  /* of the new file */
    int64_t missing;  /* of these read as zeros because their bytes are lost */
    int64_t unplaced; /* chunks that were found and left out: nothing says where they belong */
} tsr_repair_result;
TSR_API int tsr_repair(const char *url, const char *out_url, const tsr_options *opts,
                       tsr_verify_fn fn, void *user, tsr_repair_result *out);

/* Writes a Blosc2 file or folder without its holes, chunks and metadata as they are.  out_url NULL:
 * takes the place of url, at once and when it is complete; ECONFLICT while someone writes to it.
 * flags: TSR_CHECKSUM adds checksums.  opts->mode, with out_url: "x" (default) or "w".  A chunk
 * that is damaged according to its checksum is not copied: ECORRUPT.  EUNSUPPORTED: another
 * format. */
enum { TSR_CHECKSUM = 1 };
TSR_API int tsr_repack(const char *url, const char *out_url, int flags, const tsr_options *opts);

/* One digest for the same array, whatever its format, chunks, codec, filters, byte order and store:
 * 32 digits of hexadecimal and a NUL, of dtype (in any byte order), shape and the bits of all
 * items; -0.0 and 0.0 differ, as do two kinds of NaN; padding between the fields of structured
 * items does not count.  docs/hash.md defines it.  Two arrays that differ have the same digest once
 * in 2^121 times, unless somebody has made them so: it finds changes and copies, it proves nothing
 * against a forger.  flags: TSR_HASH_ATTRS: the attributes too.  Blocks are hashed where they are
 * decoded, in parallel, each once: memory as for tsr_reduce; items of variable length in C order,
 * some 32 MB at a time.  Of opts: progress, of such items by their number.  Errors as
 * tsr_array_read.
 *
 * A super-chunk has the digest of the array that tsr_convert makes of it: a row of items "|V8" or,
 * where they are single bytes, "|u1". */
enum { TSR_HASH_ATTRS = 1 };
enum { TSR_HASH_TEXT = 33 };
TSR_API int tsr_hash(const tsr_array *a, int flags, const tsr_options *opts,
                     char digest[TSR_HASH_TEXT]);
TSR_API int tsr_schunk_hash(const tsr_schunk *s, const tsr_options *opts,
                            char digest[TSR_HASH_TEXT]);

/* How two arrays are compared. */
enum {
    TSR_DIFF_NAN = 1,  /* NaN differs from NaN, as NumPy has it unless told otherwise */
    TSR_DIFF_BITS = 2, /* items are the same when their bits are, as for tsr_hash; no tolerance */
    TSR_DIFF_ITEMS = 4 /* of attributes and fill values nothing is said */
};
typedef struct {
    size_t size;          /* sizeof(tsr_diff_spec) */
    double rtol, atol;    /* x of a and y of b are the same when |x - y| <= atol + rtol * |y| */
    int flags;            /* TSR_DIFF_* */
    int first;            /* items that are told of: at most 64; 0: 10; below 0: none */
    int64_t memory_bytes; /* for items of both; 0: 256 MiB */
} tsr_diff_spec;

/* What differs: "dtype", "shape", "fill", "attribute" (name tells which) or "item".  a and b are
 * the two values as text, JSON of attributes, NULL where there is none.  Of items at[ndim] is the
 * index, chunk_a and chunk_b[ndim] are the coordinates of the chunks that hold it in the two
 * grids.  All of it until the function returns. */
typedef struct {
    size_t size; /* sizeof(tsr_difference) */
    const char *what, *name, *a, *b;
    int ndim; /* 0 but of items */
    const int64_t *at, *chunk_a, *chunk_b;
} tsr_difference;
typedef void (*tsr_diff_fn)(void *user, const tsr_difference *d);

typedef struct {
    size_t size;      /* sizeof(tsr_diff_result) */
    int64_t metadata; /* what differs but items */
    int64_t items;    /* that were compared: 0 where shapes differ, or dtypes that are no numbers */
    int64_t different; /* of these, by the tolerance */
    /* the greatest |x - y| and |x - y| / |y| (y not 0) of all numbers that are compared, also of
     * those within the tolerance; infinities make it infinite, NaN is left out */
    double most_abs, most_rel;
    int64_t same_stored; /* chunks that were not decoded, since both store the same bytes */
} tsr_diff_result;

/* Compares dtype (in any byte order), shape, attributes, fill value (where both formats record one)
 * and items.  fn (NULL: not wanted) hears of each difference, of items in C order of the first.
 * The arrays are the same when result.metadata and result.different are 0.
 *
 * -0.0 is 0.0, and NaN is NaN unless flags say otherwise.  Integers of any kind are compared
 * exactly, other numbers as doubles, complex ones by the distance; numbers of two dtypes are
 * compared too, beside the dtypes.  All other items are the same when their bits are (padding of
 * structures does not count), those of variable length when their lengths and bytes are.  Both
 * are read in boxes of spec->memory_bytes that make the least decoding; where these hold whole
 * blocks of both, each is decoded once.  Of opts: progress. Errors as tsr_array_read. */
TSR_API int tsr_diff(const tsr_array *a, const tsr_array *b, const tsr_diff_spec *spec,
                     const tsr_options *opts, tsr_diff_fn fn, void *user, tsr_diff_result *result);

/* What can be made of many items. */
typedef enum {
    TSR_MAX,
    TSR_MIN,
    TSR_SUM,
    TSR_MEAN,
    TSR_PROD,
    TSR_STD,
    TSR_VAR,
    TSR_ANY,
    TSR_ALL
} tsr_reduction;

typedef struct {
    size_t size; /* sizeof(tsr_reduce_spec) */
    tsr_reduction how;
    const bool *axes; /* [ndim]: which are reduced; NULL: all of them */
    double ddof;      /* std and var divide by items - ddof (0 when that is negative) */
    bool wide;        /* all but any and all as f8, of complex dtypes as c16; not of times */
    bool skip_nan;    /* NaN is no item; the mean, max and min of none are NaN.  EUNSUPPORTED for
                         prod, std, var, any, all, and complex dtypes */
} tsr_reduce_spec;

/* Reduces a slice (NULL: everything) as NumPy does.  out[product of the counts of the axes that
 * stay], in C order, has this dtype in the order of the machine (tsr_reduce_dtype tells it):
 *   max, min        the array's; b i u f M m.  NaN and NaT win
 *   sum, prod       i8 for b and i, u8 for u (both wrap around), the array's for f and c
 *   mean, std, var  f8 for b, i and u, the array's for f and c (std and var of c: floats)
 *   any, all        b1; b i u f c.  NaN is true
 * f is f2, f4 or f8; other dtypes are EUNSUPPORTED.  out_bytes must be exact, EARG.  Of no items
 * the sum is 0, the product 1, any false, all true, mean, std and var NaN; max and min EARG.
 *
 * Floats are added up as f8, in blocks whose rounding errors are kept.  The result does not depend
 * on the number of threads.  Blocks are reduced where they are decoded, in parallel: memory for
 * the result and a few megabytes.  Chunks of one value are not expanded, and those that the index
 * of a Blosc2 file knows to be zeros not visited (of max, min, prod and all: where one item comes
 * out).  Errors as tsr_array_read. */
TSR_API int tsr_reduce(const tsr_array *a, const tsr_slice *s, const tsr_reduce_spec *how,
                       void *out, size_t out_bytes);

/* The dtype of what tsr_reduce gives for an array of this dtype, freed with tsr_free. */
TSR_API int tsr_reduce_dtype(const char *dtype, const tsr_reduce_spec *how, char **out);

/* The max, min, sum or mean of a slice along one axis as a plane of doubles, out[product of the
 * counts of the other axes], streaming.  Of the other axes at most two may be longer than one.
 * NaN counts as no item: what has only NaN behind it is NaN, its sum 0.  Numeric dtypes only, else
 * EUNSUPPORTED. */
TSR_API int tsr_project(const tsr_array *a, const tsr_slice *s, int axis, tsr_reduction how,
                        double *out, int64_t *rows, int64_t *cols);

/* Converts n items of a numeric dtype to doubles. */
TSR_API int tsr_to_double(const char *dtype, const void *src, int64_t n, double *out);

/* Bytes of one item of a dtype (NumPy spelling).  ECORRUPT when it is none. */
TSR_API int tsr_dtype_item_bytes(const char *dtype, int64_t *bytes);

/* Text ("1.5", "nan", "true", "2026-11-20", "some words") as one item of a dtype.  EARG when
 * the dtype cannot hold it; EUNSUPPORTED for structured dtypes. */
TSR_API int tsr_item_from_text(const char *dtype, const char *text, void *item);

/* One item as Python prints it: 1.0, True, 'text', b'bytes', (1, 2.5).  Returns the length
 * without the final NUL, which may be cap or more (then the text is cut), or a tsr_status. */
TSR_API int tsr_item_to_text(const char *dtype, const void *item, char *out, size_t cap);

/* Item i of some of variable length (tsr_items), of this dtype: text as a JSON string, JSON as it
 * is, bytes and arrays as Python prints them: b'\x01', [1, 2].  Returns as tsr_item_to_text; EARG:
 * no such item or dtype; ELIMIT: an item of 128 MiB or more. */
TSR_API int tsr_items_to_text(const char *dtype, const tsr_items *items, int64_t i, char *out,
                              size_t cap);

/* ---- shapes of chunks and blocks for given ways of reading ---- */

/* One way of reading: a slice, which stands for all its translations.  Along each axis where it
 * does not reach from end to end it may begin anywhere, each place as likely as the others. */
typedef struct {
    tsr_slice slice; /* as in tsr_array_read; at least one item */
    double weight;   /* how often, beside the others; 0: 1 */
    bool fixed;      /* it is only read where it is */
} tsr_access;

/* What one read takes; a mean need not be a whole number. */
typedef struct {
    double bytes, requests; /* of the store, the array being open and its index read */
    double decoded;         /* bytes of the blocks that are decoded */
    double chunks, blocks;  /* that the slice meets */
    double seconds; /* turns * latency + bytes / bandwidth + decoded / decode_speed; turns: requests
                       over in_flight, but at least 1, or 2 where a head must be read first */
} tsr_read_cost;

typedef struct {
    tsr_read_cost mean;  /* of all places where the slice may begin */
    tsr_read_cost here;  /* where it is */
    tsr_read_cost worst; /* where it meets most blocks along each axis */
} tsr_access_cost;

/* A shape and what the accesses cost with it. */
typedef enum {
    TSR_PLAN_NOW = 1,     /* what the array has, or what was asked about */
    TSR_PLAN_DEFAULT = 2, /* what is chosen when no shapes are given */
    TSR_PLAN_FRONT = 4,   /* none of the plans is better for one access and not worse for others */
    TSR_PLAN_BEST = 8,    /* the least seconds, by weight */
    TSR_PLAN_LOCATED = 16 /* `here` is what the array's own index says, not the mean ratio */
} tsr_plan_flags;
typedef struct {
    size_t size;                      /* sizeof(tsr_plan) */
    int flags;                        /* of tsr_plan_flags */
    const int64_t *chunks, *blocks;   /* [ndim]; the same where chunks have no blocks */
    int64_t nchunks, nblocks;         /* of the array; of a chunk */
    int64_t chunk_bytes, block_bytes; /* decoded, of whole ones */
    double seconds;                   /* of the mean read, by weight */
    const tsr_access_cost *access;    /* [naccess] */
} tsr_plan;

typedef struct {
    size_t size; /* sizeof(tsr_advise_spec) */
    const tsr_spec
        *array;         /* without an array: dtype or item_bytes, ndim and shape; with chunks, and
                              blocks, these are judged as TSR_PLAN_NOW */
    const char *format; /* of the plans: "b2nd", "zarr3" (shards, or chunks without), "zarr2"
                              (without); default: the array's, or b2nd */
    int naccess;
    const tsr_access *access; /* [naccess], 1 to 256 */
    double ratio;             /* stored bytes per decoded byte; default: the array's own, or 1 */
    const char *medium;       /* "disk" or "s3", which the next four are by default, see
                            docs/advise.md; default: where the array is, or disk */
    double latency;           /* seconds of a request */
    double bandwidth;         /* bytes per second */
    double decode_speed;      /* decoded bytes per second */
    int in_flight;            /* requests on their way at once */
    int64_t chunk_least, chunk_most; /* decoded bytes; default: 1 MiB to 16 MiB */
    int64_t block_least, block_most; /* default: 16 KiB to 256 KiB */
    int most;                        /* plans that are kept, besides NOW and DEFAULT; default: 8 */
} tsr_advise_spec;

/* Which chunks and blocks suit the accesses of s, to an array a (which may be NULL, then s->array
 * tells) or to one like it in another format.  Only heads of chunks are read, of a few; the work
 * does not depend on the number of chunks.  EARG: no access, a slice that is empty or outside, a
 * format or medium that is not known.  The caller frees *out. */
typedef struct tsr_advice tsr_advice;
TSR_API int tsr_advise(const tsr_array *a, const tsr_advise_spec *s, tsr_advice **out);
TSR_API void tsr_advice_free(tsr_advice *v);

/* Plan i, the quickest first; NULL past the end. */
TSR_API const tsr_plan *tsr_advice_plan(const tsr_advice *v, int i);
/* The assumptions, every default filled in; array, access and their slices as they were given. */
TSR_API const tsr_advise_spec *tsr_advice_spec(const tsr_advice *v);
/* Why the BEST plan is: a sentence or two. */
TSR_API const char *tsr_advice_why(const tsr_advice *v);

/* Reads a slice, keeps nothing of it, and says what that took; the pages of the index are read
 * before.  Blocks in the context's cache are not read again.  Errors as tsr_array_read. */
TSR_API int tsr_advise_measure(const tsr_array *a, const tsr_slice *s, tsr_read_cost *out);

/* ---- pictures ---- */

/* Writes a plane of rows x cols values as an 8-bit RGB PNG, each value a square of `zoom`
 * pixels.  vmin >= vmax: the range of the finite values.  gamma applies to the scaled value
 * (0: 1.0).  NaN is drawn transparent.  Colour maps: tsr_colormap_at. */
typedef struct {
    size_t size;
    const char *colormap; /* default "viridis" */
    double vmin, vmax, gamma;
    int zoom; /* default 1 */
    bool log; /* scale log(1 + v - vmin) */
} tsr_picture;
TSR_API int tsr_png_write(const char *path, const double *plane, int64_t rows, int64_t cols,
                          const tsr_picture *how);
TSR_API const char *tsr_colormap_at(int i); /* NULL past the end */

#ifdef __cplusplus
}
#endif
#endif
