/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr.h - an array of a Zarr hierarchy as a container: what the files zarr*.c share.
 *
 *   stored chunk          engine
 *   plain object          a chunk of one block
 *   shard                 a chunk, and its inner chunks the blocks (zarr/parts.h)
 *   no object             a chunk of the fill value
 *
 * The driver is one node at a path of a tree of objects; others may share the tree
 * (tsr_store_share).  Chunks are padded: those at an edge are stored whole. */
#ifndef TSR_FORMAT_ZARR_H
#define TSR_FORMAT_ZARR_H

#include "format/format.h"
#include "zarr/open.h"
#include "zarr/parts.h"

struct tsr_zindices;
struct tsr_zturn;
struct tsr_zshapes;

struct tsr_zarr {
    struct tsr_driver d;
    struct tsr_zmeta *meta;
    struct tsr_zparts *parts;   /* of a chunk, or of the largest */
    struct tsr_zshapes *shapes; /* of the others; NULL: all are alike */
    char *path;                 /* of the node: "" or "a/b" */
    char *prefix;               /* of its keys: "" or "a/b/" */
    size_t prefix_len;          /* of it */
    uint64_t limit;             /* of the bytes of a stored or decoded chunk or block */
    bool checked;               /* decoded items are to be checked: the codecs do not */
    struct tsr_item fill;       /* of variable length: d.fill */
    char *dtype;                /* of spec */
    tsr_step *steps;            /* of spec */
    struct tsr_pool *pool;      /* for workers that decode indices; NULL without shards */
    struct tsr_zindices *indices;
    struct tsr_zturn *turn;      /* items are big-endian to the engine alone; NULL: they are not */
    bool elide;                  /* blocks of nothing but the fill value are not stored */
    bool dirty;                  /* the metadata is to be put */
    atomic_bool touched;         /* something changed since the last flush */
    bool fresh;                  /* created, and nobody else sees it yet */
    bool half;                   /* documents may be there that are our own */
    bool durable;                /* chunks are synced before they replace others */
    bool alone;                  /* no chunk outside the array is stored */
    struct tsr_lock growing;     /* of who puts chunks where no document tells of any yet */
    struct tsr_buf known;        /* text of the documents that the changes are made in */
    int64_t shown[TSR_MAX_NDIM]; /* the shape that others see, unless fresh */
};

static inline struct tsr_zarr *tsr_zarr_of(const struct tsr_driver *d)
{
    return (struct tsr_zarr *)(uintptr_t)d;
}

/* The array at path, "" or a key, of the tree st, which is taken over also when this fails.  meta:
 * what tsr_zmeta_open says of it, taken over too; NULL: it is read.  d->format is set.  ENOTFOUND:
 * there is no node; EARG: a group, and what is in it. */
int tsr_zarr_open(struct tsr_store *st, const char *path, struct tsr_zmeta *meta,
                  const tsr_options *o, struct tsr_driver **out);
void tsr_zarr_close(struct tsr_driver *d);
/* Fails with what a group, which is no array, holds. */
int tsr_zarr_is_group(struct tsr_store *st, const char *path, const struct tsr_zmeta *group);

/* The table of calls of format 2 or 3. */
const struct tsr_format *tsr_zarr_format(int format);
int tsr_zarr_set_path(struct tsr_zarr *z, const char *path);

/* Fills what follows from meta: parts, grid and spec (zarr_spec.c). */
int tsr_zarr_derive(struct tsr_zarr *z);
int tsr_zarr_tell_options(struct tsr_zarr *z); /* spec.zarr anew: edges are others now */
int tsr_zarr_check_edges(const struct tsr_zarr *z, const struct tsr_grid *g);
/* The edges of a rectilinear grid, p[len] as in zarr_edges.c, as "chunk_shapes", and the longest of
 * each axis; EARG. */
int tsr_zarr_parse_edges(struct tsr_doc *doc, const char *p, size_t len, int ndim,
                         struct tsr_node *out, int64_t longest[]);
/* Makes meta of what an array is to be (zarr_make.c); EARG. */
int tsr_zarr_make(struct tsr_zarr *z, const tsr_spec *spec, int format);
bool tsr_zarr_is_filter(const tsr_step *s); /* of the steps that an array of Zarr has */

/* tsr_spec.checksum (zarr_checksum.c): has the array what a twin is to have too?  And a list of
 * codecs, doc's, gets it unless it has it. */
bool tsr_zarr_has_checksum(const struct tsr_zarr *z);
int tsr_zarr_add_checksum(struct tsr_doc *doc, struct tsr_node *list);

/* Creation, metadata and shape (zarr_create.c).  As tsr_zarr_open, of a new array. */
int tsr_zarr_create(struct tsr_store *st, const char *path, const tsr_spec *spec,
                    const tsr_options *o, struct tsr_driver **out);
/* Takes away what was written of an array that was never flushed. */
void tsr_zarr_abandon(struct tsr_zarr *z);
/* Calls fn with the key and the place of each stored chunk, in any order; those that are removed
 * meanwhile may be left out.  EUNSUPPORTED where the store cannot list. */
int tsr_zarr_walk(struct tsr_zarr *z, int (*fn)(void *arg, const char *key, const int64_t *at),
                  void *arg);
/* Removes chunks that do not lie in count[], numbers of chunks along each axis; NULL: all. */
int tsr_zarr_remove_outside(struct tsr_zarr *z, const int64_t *count);
int tsr_zarr_put_meta(struct tsr_zarr *z, bool durable);
int tsr_zarr_flush(struct tsr_driver *d, bool durable);
int tsr_zarr_attrs(const struct tsr_driver *d, char **json);
int tsr_zarr_attr_set(struct tsr_driver *d, const char *name, const char *json);
int tsr_zarr_attr_remove(struct tsr_driver *d, const char *name);
int tsr_zarr_measure(const struct tsr_driver *d, int64_t *cbytes);

/* Shape (zarr_resize.c). */
int tsr_zarr_announce(struct tsr_driver *d, const int64_t *shape);
int tsr_zarr_resize(struct tsr_driver *d, const int64_t *shape);

/* tsr_format.renew (zarr_renew.c). */
int tsr_zarr_renew(struct tsr_driver *d, struct tsr_driver **out);
/* Before meta is changed: what it was is known. */
int tsr_zarr_know(struct tsr_zarr *z);
/* ECONFLICT: another has changed or removed the documents that meta was made of.  Else meta has
 * their stamps. */
int tsr_zarr_check_known(struct tsr_zarr *z);

/* What lies below the array, and its metadata (zarr_verify.c). */
int tsr_zarr_verify(const struct tsr_driver *d,
                    void (*fn)(void *user, int64_t chunk, tsr_status status, const char *what),
                    void *user);

/* ---- chunks that are not alike (zarr_shape.c) ----
 *
 * What is worked out for the shape of a chunk, between use and leave. */
struct tsr_zuse {
    const struct tsr_zparts *parts;
    struct tsr_zshape *shape;
};
int tsr_zshapes_new(struct tsr_zshapes **out);
void tsr_zshapes_free(struct tsr_zshapes *s);
int tsr_zarr_find_shape(const struct tsr_zarr *z, int64_t chunk, struct tsr_zuse *u);
void tsr_zarr_leave_shape(const struct tsr_zarr *z, struct tsr_zshape *x);
/* How many blocks the chunk has. */
int32_t tsr_zarr_nblocks(const struct tsr_zarr *z, int64_t chunk);

static inline int tsr_zarr_use(const struct tsr_zarr *z, int64_t chunk, struct tsr_zuse *u)
{
    *u = (struct tsr_zuse){z->parts, NULL};
    return z->shapes ? tsr_zarr_find_shape(z, chunk, u) : TSR_OK;
}
static inline void tsr_zarr_leave(const struct tsr_zarr *z, const struct tsr_zuse *u)
{
    if (u->shape) tsr_zarr_leave_shape(z, u->shape);
}

/* ---- big-endian items of format 3 (zarr_turn.c) ---- */
bool tsr_zarr_has_big(const struct tsr_dtype *t);
/* For items of this dtype; *out is to be freed also when this fails. */
int tsr_zturn_new(const struct tsr_dtype *t, struct tsr_zturn **out);
void tsr_zturn_free(struct tsr_zturn *z);
/* There or back, in place. */
void tsr_zturn_items(const struct tsr_zturn *z, uint8_t *p, size_t len);
/* One item turned, and the text of the dtype; they live as long as z. */
const uint8_t *tsr_zturn_fill(struct tsr_zturn *z, const uint8_t *item);
const char *tsr_zturn_dtype(const struct tsr_zturn *z);

/* The key of a chunk. */
void tsr_zarr_key(const struct tsr_zarr *z, int64_t chunk, char *key);

/* Reading (zarr_read.c). */
int tsr_zarr_locate(const struct tsr_driver *d, struct tsr_place *p, size_t n);
uint64_t tsr_zarr_version(const struct tsr_driver *d, int64_t chunk);
void tsr_zarr_release(const struct tsr_driver *d, struct tsr_place *p, bool stale);
int tsr_zarr_spans(const struct tsr_driver *d, const struct tsr_place *p, const int32_t *block,
                   size_t n, bool exact, struct tsr_span *out);
int tsr_zarr_decode(const struct tsr_driver *d, const struct tsr_place *p, struct tsr_worker *w,
                    int32_t b, const uint8_t *src, size_t len, uint8_t *dst);

/* Writing (zarr_write.c). */
int tsr_zarr_begin(const struct tsr_driver *d, struct tsr_out_chunk *c);
int tsr_zarr_encode(const struct tsr_driver *d, struct tsr_worker *w, const struct tsr_out_chunk *c,
                    int32_t b, const uint8_t *src);
bool tsr_zarr_keep(const struct tsr_driver *d, const struct tsr_place *old,
                   const struct tsr_out_chunk *c, int32_t b, const uint8_t *src, size_t len);
int tsr_zarr_seal(const struct tsr_driver *d, struct tsr_out_chunk *c);
int tsr_zarr_commit(struct tsr_driver *d, const struct tsr_out_chunk *c, size_t n);

/* tsr_format.blocks_fit (zarr_copy.c). */
bool tsr_zarr_blocks_fit(const struct tsr_driver *to, const struct tsr_driver *from, bool coding);

/* Items of variable length (zarr_items.c): what decode, encode and is_fill are of others.  The
 * bytes of decoded items are the worker's until its next decode; out->p is made. */
int tsr_zarr_decode_items(const struct tsr_zarr *z, const struct tsr_zchain *chain,
                          struct tsr_worker *w, const uint8_t *src, size_t len, uint8_t *dst);
int tsr_zarr_encode_items(const struct tsr_zarr *z, const struct tsr_zchain *chain,
                          struct tsr_worker *w, const uint8_t *src, struct tsr_block_out *out);
bool tsr_zarr_is_fill(const struct tsr_zarr *z, const uint8_t *src, int64_t n);
/* The names of such types in tsr_spec.dtype: "string", "bytes", "json", "array(<i2)". */
int tsr_zarr_loose_name(const struct tsr_ztype *t, struct tsr_buf *out);
/* The type of such a name, and of format 2 the filter that makes bytes of its items, JSON, appended
 * to filter; *type NULL: the name is none of these.  EARG, EUNSUPPORTED. */
int tsr_zarr_loose_type(struct tsr_doc *doc, const char *name, int format,
                        const struct tsr_ztype **type, struct tsr_buf *filter);

/* ---- indices of shards (zarr_index.c) ----
 *
 * Decoded indices are kept, as many as fit in some megabytes, by the number of their chunk.  Who
 * has one in use keeps it alive. */
struct tsr_zindex {
    int64_t chunk;
    uint64_t stamp, size; /* of the object; */
    uint64_t *entry;      /* as tsr_zshard_index has them */
    size_t bytes;
    int users;
    bool kept; /* can be found; else its last user frees it */
    struct tsr_zindex *next, *newer, *older;
};
int tsr_zindices_new(struct tsr_zindices **out);
void tsr_zindices_free(struct tsr_zindices *s);
/* The index of a chunk, to be left by its user; NULL: it is not kept. */
struct tsr_zindex *tsr_zindices_find(struct tsr_zindices *s, int64_t chunk);
/* A new one with room for n entries, which only the caller knows; NULL: out of memory. */
struct tsr_zindex *tsr_zindex_new(int64_t chunk, int64_t n);
/* Keeps it, in the place of the one that is kept of its chunk. */
void tsr_zindices_keep(struct tsr_zindices *s, struct tsr_zindex *x);
/* The end of a use; stale: it is not to be found any more. */
void tsr_zindices_leave(struct tsr_zindices *s, struct tsr_zindex *x, bool stale);
/* Forgets that of a chunk; < 0: all. */
void tsr_zindices_forget(struct tsr_zindices *s, int64_t chunk);

#endif
