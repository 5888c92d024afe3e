/* SPDX-License-Identifier: BSD-3-Clause */
/* format/format.h - what a container format is, and what the array engine asks of it.
 *
 * A format parses its metadata, locates chunks, knows its chunk codec, and commits chunks;
 * selections, threads, reads and copies are the engine's (array/).  The engine sees a chunk as
 * a row of blocks, each a contiguous C-order box.
 *
 *   read:   locate (rounds) -> block spans -> decode block
 *   write:  begin chunk -> prepare -> encode block (any thread) -> seal -> commit (batch) -> flush
 */
#ifndef TSR_FORMAT_FORMAT_H
#define TSR_FORMAT_FORMAT_H

#include <stdatomic.h>

#include "chunk/chunk.h"
#include "grid/grid.h"
#include "store/store.h"
#include "task/pool.h"

struct tsr_format;

/* What many arrays share: threads, the codecs that the program added, decoded blocks. */
struct tsr_context {
    struct tsr_pool *pool;
    struct tsr_cache *cache; /* array/cache.h */
    struct tsr_codec_set codecs;
    tsr_remote_options remote; /* its texts are owned */
};

/* What bounds the chunks of a container that is opened with o. */
static inline struct tsr_limits tsr_limits_of(const tsr_options *o)
{
    return (struct tsr_limits){o->max_chunk_bytes, o->context ? &o->context->codecs : NULL};
}

/* A chunk that is written makes the kept blocks of each 64th chunk void besides its own: one in 64
 * of what others read.  As many names as this are half a kilobyte per open container, and set when
 * it is opened; a name per chunk would be as large as the index. */
enum { TSR_DRIVER_OWNERS = 64 };

/* An item of variable length, as the engine moves it: where its bytes are.  Zeros: an empty one.
 * Decode leaves them in memory of the worker, until its next decode. */
struct tsr_item {
    const uint8_t *p;
    size_t len;
};

/* An open container holding one array.  A format's own struct begins with it. */
struct tsr_driver {
    const struct tsr_format *format;
    struct tsr_store *store; /* for reads; owned by the format's struct */
    tsr_spec spec;           /* complete; what it points to is the driver's */
    struct tsr_grid grid;    /* the same as integers ready for use */
    bool writable;
    /* Rows of chunks of any size: the grid knows their sum alone, its chunks are none that are
     * stored.  Places still come by chunk number, 0 .. nchunks-1; only whole chunks are written,
     * by chunk_put. */
    bool variable;
    /* Of a padded grid: items of its chunks beyond the shape decode to zeros, since this driver
     * created the container and put nothing else there.  False: not known. */
    bool edges_clear;
    /* Items are of variable length: what is decoded, encoded and moved are struct tsr_item, of
     * which grid.item_bytes is the size; spec.item_bytes is 0. */
    bool loose;
    int64_t nchunks;                   /* of a variable row */
    const struct tsr_cparams *cparams; /* of Blosc2 formats: how their chunks are made */
    size_t key_bytes;                  /* of the longest key of a place, with its NUL; 0: few */
    /* What new items are, and those of padded chunks beyond the shape: as in tsr_place.value. */
    const uint8_t *fill;
    int32_t fill_bytes;
    /* The engine's: what the block cache calls the chunks i with the same i % TSR_DRIVER_OWNERS, a
     * new name whenever one of them changes (0: they are not kept), and what place.block_items was
     * last, as a guess; 0: not known. */
    uint64_t owner[TSR_DRIVER_OWNERS];
    _Atomic int64_t block_size;
};

static inline int64_t tsr_driver_block_size(const struct tsr_driver *d)
{
    return atomic_load_explicit(&d->block_size, memory_order_relaxed);
}

/* How many chunks can be located. */
static inline int64_t tsr_driver_nchunks(const struct tsr_driver *d)
{
    return d->variable ? d->nchunks : d->grid.nchunks;
}

/* Where one chunk is, in rounds.  The engine fills chunk and key, which has room for
 * d->key_bytes, and zeroes the rest; locate answers with a state.  After NEED the engine reads
 * bytes [need_off, need_off + need_len) of the object into head (growing it, keeping head_len
 * earlier bytes) and asks again.  With need_get nothing is known of the object: it may be absent
 * or shorter, and the engine says what was found. */
enum tsr_place_state {
    TSR_PLACE_ASK,
    TSR_PLACE_NEED,
    TSR_PLACE_ABSENT,
    TSR_PLACE_VALUE,
    TSR_PLACE_STORED
};
enum { TSR_PLACE_KEY = 32 }; /* room for a key where key_bytes is less */
struct tsr_place {
    int64_t chunk; /* number in C order of the chunk grid */
    enum tsr_place_state state;
    char *key;         /* object in the store; the engine's room */
    uint64_t off, len; /* STORED: the chunk's bytes in the object */
    uint64_t need_off; /* of a get also TSR_LAST: the last need_len bytes */
    size_t need_len;
    bool need_get;
    bool found;          /* of a get: is the object there, */
    uint64_t size;       /* how many bytes has it, */
    uint64_t stamp;      /* and which is it; not 0: what is read of it later must be of the same */
    void *held;          /* the format's; given back by release */
    const uint8_t *head; /* bytes read so far, from off on */
    size_t head_len;
    const uint8_t *value; /* VALUE: value_bytes bytes that repeat; NULL: zero bytes */
    int32_t value_bytes;
    int64_t block_items; /* 1-D formats whose chunks choose their block: its items;
                                     0: as the grid says */
    int32_t nblocks;     /* STORED */
    bool serial;         /* STORED: blocks after the first are decoded with it at hand */
    const uint8_t *ref;  /* that block, decoded, once the engine has it */
    uint64_t priv[20];   /* the format's parsed view of the chunk */
};

/* Stored bytes of a block, relative to place.off; or off NONE: the block is not stored, and is
 * decoded from no bytes (src NULL). */
#define TSR_SPAN_NONE UINT64_MAX
struct tsr_span {
    uint64_t off, len;
};

/* One chunk on its way out.  begin fills what the engine needs to make room; each block is
 * encoded on any thread; seal closes the chunk and may ask for its raw bytes after all. */
struct tsr_out_chunk {
    int64_t chunk, nbytes; /* number; decoded size as stored */
    int special;           /* TSR_SPECIAL_*: not NONE: no blocks are encoded */
    const uint8_t *value;  /* VALUE: one item */
    int32_t nblocks;
    int64_t block_items; /* as tsr_place.block_items */
    bool serial;         /* set by begin: blocks after the first are encoded against it */
    const uint8_t *ref;  /* that block, decoded */
    size_t block_bound, head_bound;
    struct tsr_block_out *blocks; /* [nblocks] */
    uint8_t *head;                /* [head_bound] */
    size_t head_len;
    bool own;           /* set by begin: encode and keep make the room of a block themselves (p,
                           freed with tsr_free by the engine); block_bound is 0 */
    bool prepare;       /* set by begin: prepare must be called before encode */
    bool need_raw;      /* set by seal: stored as raw bytes */
    const uint8_t *raw; /* the blocks in order, decoded, when need_raw */
    uint64_t priv[20];
};

/* A whole encoded chunk on its way in, checked by the caller: a new one before number chunk, or
 * in the place of that one. */
struct tsr_whole {
    int64_t chunk, nbytes; /* decoded */
    bool insert;
    int special; /* ZEROS, NAN or UNINIT, else NONE */
    struct tsr_piece bytes;
};

/* Where chunks go: number i becomes to(arg, i), or is left out where that is < 0; after hears of
 * each that went, and ends the copy with what it fails with. */
struct tsr_chunk_moves {
    int64_t (*to)(void *arg, int64_t i);
    int (*after)(void *arg, int64_t i);
    void *arg;
};

/* Raw metalayers (Blosc2 formats), as in tessera.h. */
struct tsr_format_meta {
    int (*count)(const struct tsr_driver *d, tsr_meta_kind kind);
    const char *(*name)(const struct tsr_driver *d, tsr_meta_kind kind, int i);
    int (*get)(const struct tsr_driver *d, tsr_meta_kind kind, const char *name, void **buf,
               size_t *len);
    int (*set)(struct tsr_driver *d, tsr_meta_kind kind, const char *name, const void *buf,
               size_t len);
    int (*remove)(struct tsr_driver *d, const char *name);
};

struct tsr_format {
    const char *name;
    const char *const *suffixes; /* NULL-terminated, with the dot */
    tsr_kind kind;
    bool sparse;    /* can be a folder with a file per chunk */
    bool checksums; /* stored chunks may carry some: tsr_spec.checksum */
    bool tree;      /* is a node in a tree of objects: opened by tsr_format_open_node */
    /* Of a tree, which is taken over also when this fails: a new array at path. */
    int (*create_node)(struct tsr_store *tree, const char *path, const tsr_spec *spec,
                       const tsr_options *o, struct tsr_driver **out);
    bool names_nan; /* created with a fill of NaN it costs nothing, as zeros do everywhere */
    /* The same of any fill: what is not stored reads as it.  Other chunks of one value are encoded
     * like any, and keep is asked of blocks that are not stored, with src NULL, too. */
    bool names_fill;

    /* Are these first bytes of an object (up to TSR_PROBE_BYTES) ours?  NULL: told by suffix. */
    bool (*probe)(const uint8_t *head, size_t len);

    /* Take over st, also when they fail.  All options are filled in. */
    int (*open)(struct tsr_store *st, const tsr_options *o, struct tsr_driver **out);
    int (*create)(struct tsr_store *st, const tsr_spec *spec, const tsr_options *o,
                  struct tsr_driver **out);
    void (*close)(struct tsr_driver *d);
    /* The byte where the container ends, told by its head alone (or by the options): what must
     * be had of a stream before open.  NULL: not known so early. */
    int (*extent)(struct tsr_store *st, const tsr_options *o, uint64_t *end);

    /* Fills n places one round further each; those with a final state are left alone. */
    int (*locate)(const struct tsr_driver *d, struct tsr_place *p, size_t n);
    /* Ends the use of p->held; stale: the object is another by now (ECONFLICT), so that what is
     * kept of it must not be used again.  NULL: nothing is ever held. */
    void (*release)(const struct tsr_driver *d, struct tsr_place *p, bool stale);
    /* A number that tells what is stored of a chunk now from what others put in its place, where
     * that costs little; 0: it does not, or nothing is there.  It is the stamp of a place that
     * is STORED, and who has asked sets it in the place that is to be located, so that locate need
     * not.  NULL: what is stored changes only through this driver, or is followed. */
    uint64_t (*version)(const struct tsr_driver *d, int64_t chunk);
    /* How many chunks from number i on are zeros, as far as the index tells; NULL: it does not. */
    int (*zeros)(const struct tsr_driver *d, int64_t i, int64_t *n);
    /* Spans of n blocks of a STORED place.  exact false: a span may reach past the block's end
     * (bytes are there in place and cost nothing). */
    int (*spans)(const struct tsr_driver *d, const struct tsr_place *p, const int32_t *block,
                 size_t n, bool exact, struct tsr_span *out);
    /* Decodes block b, whose stored bytes are src, into dst: the block's full box. */
    int (*decode)(const struct tsr_driver *d, const struct tsr_place *p, struct tsr_worker *w,
                  int32_t b, const uint8_t *src, size_t len, uint8_t *dst);
    /* The same when only the first in->want bytes matter.  NULL: decode does. */
    int (*decode_start)(const struct tsr_driver *d, const struct tsr_place *p, struct tsr_worker *w,
                        int32_t b, const struct tsr_block_start *in, uint8_t *dst);

    /* Writing; NULL: the format is read-only here. */
    int (*begin)(const struct tsr_driver *d, struct tsr_out_chunk *c);
    /* Looks at the chunk as a whole, once c->head has its room.  NULL: begin never asks for it. */
    int (*prepare)(const struct tsr_driver *d, struct tsr_worker *w, struct tsr_out_chunk *c,
                   const struct tsr_block_source *from);
    int (*encode)(const struct tsr_driver *d, struct tsr_worker *w, const struct tsr_out_chunk *c,
                  int32_t b, const uint8_t *src);
    /* Takes over block b as the old chunk stored it (src: its exact span), if its encoding is
     * what encode would make it; returns false if not.  NULL: never. */
    bool (*keep)(const struct tsr_driver *d, const struct tsr_place *old,
                 const struct tsr_out_chunk *c, int32_t b, const uint8_t *src, size_t len);
    int (*seal)(const struct tsr_driver *d, struct tsr_out_chunk *c);
    int (*commit)(struct tsr_driver *d, const struct tsr_out_chunk *c, size_t n);
    bool commits_apart; /* of different chunks on several threads at once */
    /* What stands against resize but want of memory and the device; NULL: nothing. */
    int (*may_resize)(const struct tsr_driver *d, const int64_t *shape);
    /* Where metadata is an object of its own: shows others a smaller shape, before what it cuts off
     * is cleared; resize follows, whatever comes between.  NULL: resize shows it. */
    int (*announce)(struct tsr_driver *d, const int64_t *shape);
    /* Changes shape and grid; new chunks read as zeros (Zarr: as fill).  A clipped format's
     * chunks whose decoded size changes must be committed anew before the next flush. */
    int (*resize)(struct tsr_driver *d, const int64_t *shape);
    /* 1-D formats whose chunks can move: a new zero chunk before number i; chunk i goes. */
    int (*chunk_insert)(struct tsr_driver *d, int64_t i);
    int (*chunk_delete)(struct tsr_driver *d, int64_t i);
    /* Rows of Blosc chunks: the decoded size of chunk i; and a chunk that is encoded, which
     * arrays take too, in the place of another. */
    int (*chunk_size)(const struct tsr_driver *d, int64_t i, int64_t *nbytes);
    int (*chunk_put)(struct tsr_driver *d, const struct tsr_whole *w);
    /* Such a row becomes variable; none of its chunks is special. */
    int (*make_variable)(struct tsr_driver *d);
    /* New chunks of such rows are made so.  chunk_bytes and items change only while there are none;
     * chunk_bytes 0: of any size. */
    int (*set_cparams)(struct tsr_driver *d, const struct tsr_cparams *p, int64_t chunk_bytes);
    /* Chunk i is the old chunk order[i]; order is a permutation. */
    int (*chunk_reorder)(struct tsr_driver *d, const int64_t *order);
    /* Do chunks of one fit the other as they are stored, and, with coding, are they what the
     * other would make of the same items?  Then copy_chunks puts those of `from` into `to`, which
     * reads as zeros so far.  Only asked of two of the same format.  NULL: never. */
    bool (*alike)(const struct tsr_driver *a, const struct tsr_driver *b, bool coding);
    int (*copy_chunks)(struct tsr_driver *to, const struct tsr_driver *from,
                       const struct tsr_chunk_moves *m);
    /* Do stored blocks of `from`, which may be of another format, mean the same in `to`, and
     * what is not stored too, so that their bytes can be blocks of an out_chunk of `to`?  With
     * coding: are they also what `to` would make of the same items?  NULL: never. */
    bool (*blocks_fit)(const struct tsr_driver *to, const struct tsr_driver *from, bool coding);
    int (*flush)(struct tsr_driver *d, bool durable);

    /* Metadata; NULL: the format has no place for it. */
    int (*attrs)(const struct tsr_driver *d, char **json);
    int (*attr_set)(struct tsr_driver *d, const char *name, const char *json);
    int (*attr_remove)(struct tsr_driver *d, const char *name);
    const struct tsr_format_meta *meta; /* metalayers */
    /* The container's bytes; take: the driver is only closed after it, so they need not be copied
     * where they are in memory. */
    int (*to_buffer)(struct tsr_driver *d, bool take, void **buf, size_t *len);

    /* Stored bytes; NULL: they are not known, but measure, which looks at each object, may tell:
     * -1: it cannot either. */
    int64_t (*cbytes)(const struct tsr_driver *d);
    int (*measure)(const struct tsr_driver *d, int64_t *cbytes);
    /* A driver of what is there now; NULL: d shows it already, or has changes of its own.  What d
     * keeps of chunks is dropped in any case. */
    int (*renew)(struct tsr_driver *d, struct tsr_driver **out);
    /* Did another make a new state of the container since open, so that what was read may belong
     * to neither?  NULL: nobody is expected to. */
    bool (*changed)(const struct tsr_driver *d);
    /* Did another write in it, as far as the store tells?  Not NULL where changed is not. */
    bool (*touched)(const struct tsr_driver *d);
    /* Checks what open leaves for later, chunks' contents apart; fn hears of each problem, chunk
     * -1 being the container.  NULL: nothing is left. */
    int (*verify)(const struct tsr_driver *d,
                  void (*fn)(void *user, int64_t chunk, tsr_status status, const char *what),
                  void *user);
};

/* Memory of whole items: fills it with the driver's fill; is it that, bit by bit? (fill.c) */
void tsr_driver_fill(const struct tsr_driver *d, uint8_t *dst, size_t len);
bool tsr_driver_is_fill(const struct tsr_driver *d, const uint8_t *p, size_t len);

enum { TSR_PROBE_BYTES = 1024 };

const struct tsr_format *tsr_format_named(const char *name);     /* NULL: EUNSUPPORTED, text set */
const struct tsr_format *tsr_format_for_suffix(const char *url); /* NULL: unknown */
/* The format of what st holds: by name, or where that is NULL by content (from byte offset on),
 * then by the suffix of url.  EUNSUPPORTED, or what a failed read says. */
int tsr_format_choose(struct tsr_store *st, const char *name, const char *url, uint64_t offset,
                      const struct tsr_format **out);
/* What new nodes of a tree are: as its root, zarr3 where there is none. */
int tsr_format_of_tree(struct tsr_store *tree, const struct tsr_format **out);
/* The path in its tree of the node that d is; NULL: it is in none. */
const char *tsr_format_node(const struct tsr_driver *d);
/* The array at path, "" or a key, of a tree of objects, which is taken over also when this
 * fails; its metadata says which format it is of: meta, taken over too, or what is there.
 * ENOTFOUND: there is no node; EARG: it is a group. */
struct tsr_zmeta;
int tsr_format_open_node(struct tsr_store *tree, const char *path, struct tsr_zmeta *meta,
                         const tsr_options *o, struct tsr_driver **out);

#endif
