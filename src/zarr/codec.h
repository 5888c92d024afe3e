/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/codec.h - what a codec of a Zarr array is, of format 2 and 3 alike (zarr.md 5, 9.3).
 *
 * A chunk goes through a chain of codecs.  Each sees a view of it, items of a shape or bytes, and
 * makes another; the views are worked out once per array, when it is opened or created:
 *
 *   encode:  items --> transpose --> bytes | sharding --> blosc, crc32c, ... --> stored bytes
 *            view 0    view 1        view 2               view 3
 *
 * One file per codec (or family) exports const records; zarr/codecs.c lists them.  Functions of an
 * open codec may run on many threads at once; what they keep from call to call hangs on the
 * worker. */
#ifndef TSR_ZARR_CODEC_H
#define TSR_ZARR_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/pool.h"
#include "tessera/tessera.h"
#include "text/doc.h"
#include "text/dtype.h"
#include "zarr/type.h"

enum tsr_zstage { TSR_ZITEMS_TO_ITEMS, TSR_ZITEMS_TO_BYTES, TSR_ZBYTES_TO_BYTES };

/* What a codec is handed.  Items lie in C order of the shape, each as its dtype says: in format 2
 * with the byte orders of .zarray, in format 3 little-endian.  Items of variable length lie one
 * after another, each a u32 little-endian byte length and that many bytes.  bytes < 0: not known
 * (what a compressor made, items of variable length). */
struct tsr_zview {
    bool items;                    /* else bytes: what follows but bytes and item is void */
    const struct tsr_ztype *type;  /* borrowed */
    const struct tsr_dtype *dtype; /* type->dtype; NULL: items of variable length */
    int ndim;
    int64_t shape[TSR_MAX_NDIM];
    int64_t bytes;       /* of it all */
    int64_t item;        /* bytes: of one of the items that they were made of; 0: it varies */
    const uint8_t *fill; /* an item, borrowed; NULL: zeros */
};

/* An open codec: its record, its configuration, what it sees and what it makes of it. */
struct tsr_zcodec {
    const struct tsr_zcodec_kind *kind;
    struct tsr_zview in, out;
    const struct tsr_node *config; /* borrowed; NULL: it follows from the order of items */
    struct tsr_doc *doc; /* arena for new types and fill values; lives as long as the codec */
    void *state;         /* the kind's */
    int level;           /* how many shards it is inside of */
    bool same;           /* set by open: what it makes are the bytes it sees, and all of them are
                            valid ("bytes" of little-endian floats): a chain leaves it out */
};

/* A record is named in one format or in both; a name of format 2 is also known to format 3 as
 * "numcodecs.NAME" (9.6).  In format 2 any codec may stand anywhere: those that take bytes may be
 * handed items, of which they see the bytes, and those that take items bytes, which they see as
 * items of the dtype in their configuration. */
struct tsr_zcodec_kind {
    const char *v2, *v3; /* NULL: not of this format */
    enum tsr_zstage stage;

    /* Adds to the configuration of a new array of format 3, a copy in c->doc with room for
     * TSR_ZUSUAL members more, what it leaves out and others than us want to be told, as open takes
     * it; c is as open gets it, foreign: the name is "numcodecs.NAME".  NULL: nothing.
     * EARG: others could not read what a new array would have so, or would read other items; also
     * asked of format 2, where nothing is added. */
    int (*complete)(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config);
    /* Takes its configuration (a map; of format 2 the whole object, with its "id") and c->in, which
     * is set; sets c->out and c->state.  ECORRUPT: the configuration is wrong; EUNSUPPORTED: it is
     * right, but not for us.  The text names the member, what was found and what was expected.
     * What the spec does not mark D is looked at leniently. */
    int (*open)(struct tsr_zcodec *c, const struct tsr_node *config, int format);
    void (*close)(struct tsr_zcodec *c); /* frees c->state; NULL: nothing to free */

    /* Decodes src[len], a whole value of c->out, to at most cap bytes of c->in; *n is how many:
     * c->in.bytes where that is known, in which case cap is that.  ECORRUPT for anything else,
     * without touching what lies outside or allocating more than cap and a constant.  Where it is
     * not known ELIMIT: it is more than cap, try with more. */
    int (*decode)(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src, size_t len,
                  uint8_t *dst, size_t cap, size_t *n);
    /* What src[len] says that it decodes to, unchecked; < 0: it does not.  NULL: never does. */
    int64_t (*claim)(const struct tsr_zcodec *c, const uint8_t *src, size_t len);
    /* The way back; cap is at least bound(len), the most bytes that it can make of len, where that
     * does not overflow.  NULL: this build only reads it.  EARG: the values cannot be encoded. */
    int (*encode)(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src, size_t len,
                  uint8_t *dst, size_t cap, size_t *n);
    size_t (*bound)(const struct tsr_zcodec *c, size_t len);
};

/* Completes a list of codecs of format 3, in place, for chunks as `in` says (zarr.md 9.3): each
 * becomes an object, and says in its configuration what it leaves out.  From the first that is
 * wrong on they stay as they are, for who opens them to refuse.  Nodes are doc's.  EARG: see
 * `complete`. */
int tsr_zcodecs_complete(struct tsr_doc *doc, const struct tsr_zview *in, int level,
                         struct tsr_node *list);
enum { TSR_ZUSUAL = 8 };
/* The `complete` of one codec, on a copy of its configuration with that room. */
int tsr_zcodec_complete(const struct tsr_zcodec *c, const struct tsr_node *config, const char *name,
                        struct tsr_node *out);
/* EARG when a member is absent or null. */
int tsr_zcodec_needs(const struct tsr_node *config, const char *name, const char *expected);
/* Sets a member that is absent or null; there is room. */
void tsr_zcodec_usual(struct tsr_node *config, const char *name, struct tsr_node value);
/* The level of codecs that numcodecs gives this one where none is said, and their `complete`. */
enum { TSR_ZLEVEL = 1 };
int tsr_zcodec_complete_level(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config);
/* Is it "numcodecs.NAME"? */
bool tsr_zcodec_is_foreign(const char *name);

/* The record of a name in format 2 or 3; NULL: unknown. */
const struct tsr_zcodec_kind *tsr_zcodec_find(const char *name, int format);
/* The table; NULL past the end. */
const struct tsr_zcodec_kind *tsr_zcodec_list(int i);

/* Do both codecs "blosc" make the same of the same bytes? */
bool tsr_zblosc_alike(const struct tsr_zcodec *a, const struct tsr_zcodec *b);
extern const struct tsr_zcodec_kind tsr_zkind_blosc, tsr_zkind_crc32c;

/* Opens c, of which kind, in and doc are set, as the codec that turns items by order[ndim] (9.3),
 * for chunks of order "F". */
int tsr_zcodec_transpose(struct tsr_zcodec *c, const int *order);

/* Decodes src[len] to out, from out->len on, whether its size is known or not; ELIMIT when that is
 * more than limit. */
int tsr_zcodec_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, size_t limit, struct tsr_buf *out);

/* What a decoder that made n bytes ends with: c->in.bytes must be that, where it is known. */
int tsr_zcodec_made(const struct tsr_zcodec *c, size_t made, size_t *n);
/* What it fails with when there are more than the room of cap takes: ECORRUPT or ELIMIT. */
int tsr_zcodec_over(const struct tsr_zcodec *c, size_t cap);
/* The decoder of codecs that leave the bytes as they are. */
int tsr_zcodec_keep(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                    size_t len, uint8_t *dst, size_t cap, size_t *n);
const char *tsr_zcodec_name(const struct tsr_zcodec *c); /* "gzip", for messages */

/* An integer of a configuration, min .. max; dflt: absent or null.  What is wrong is ECORRUPT in
 * format 3, and dflt in format 2, where only encoders would care (5). */
struct tsr_zparam {
    const char *name;
    int64_t min, max, dflt;
};
int tsr_zcodec_int(const struct tsr_node *config, const struct tsr_zparam *p, int format,
                   int64_t *out);

/* c->out as what c->in is; bytes, < 0: not known; as many items as c->in of another type (ECORRUPT:
 * their size overflows). */
void tsr_zcodec_out_same(struct tsr_zcodec *c);
void tsr_zcodec_out_bytes(struct tsr_zcodec *c, int64_t bytes);
int tsr_zcodec_out_items(struct tsr_zcodec *c, const struct tsr_ztype *t);

/* How many items a view has; < 0: bytes. */
int64_t tsr_zview_count(const struct tsr_zview *v);
/* The bytes of an item of it, or of those that it was made of; 0: they vary. */
int64_t tsr_zview_item(const struct tsr_zview *v);

#endif
