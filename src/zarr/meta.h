/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/meta.h - the metadata of a node of a Zarr hierarchy, array or group, format 2 or 3
 * (zarr.md 2, 3, 7).
 *
 * The document is the truth: it is kept as it was read, members that nobody knows and the order of
 * all included, and what is worked out from it hangs beside.  A new node is made by making its
 * document and reading that, a change by changing a member; so what can be written can be read.
 *
 *   format 2   .zarray or .zgroup, and .zattrs        format 3   zarr.json, with the attributes
 *
 * Errors name key and member: "a/b/zarr.json: fill_value: found "0x7fc0", expected 8 hex digits
 * for float32".  ECORRUPT: it breaks the specification; EUNSUPPORTED: it may be right, but holds
 * what we do not know; ELIMIT. */
#ifndef TSR_ZARR_META_H
#define TSR_ZARR_META_H

#include "zarr/grid.h"
#include "zarr/key.h"
#include "zarr/type.h"

/* The documents of a node. */
enum tsr_zdoc {
    TSR_ZDOC_V3,    /* zarr.json */
    TSR_ZDOC_ARRAY, /* .zarray */
    TSR_ZDOC_GROUP, /* .zgroup */
    TSR_ZDOC_ATTRS, /* .zattrs */
    TSR_ZDOC_NONE
};
const char *tsr_zdoc_name(enum tsr_zdoc which);

/* One codec of a chain, as its document has it. */
struct tsr_zspec {
    const char *name;              /* format 2: the id */
    const struct tsr_node *config; /* a map; format 2: the whole object */
    bool must;                     /* be understood */
};

struct tsr_zmeta {
    struct tsr_doc *doc;  /* the arena of all that follows */
    struct tsr_doc *own;  /* that of attributes that were set; NULL: none were */
    int format;           /* 2 or 3 */
    bool array;           /* else a group, of which only root and attributes are set */
    bool foreign;         /* holds codecs or transformers that may be ignored: not to be written */
    struct tsr_node root; /* the document; of format 2 .zarray or .zgroup */
    struct tsr_node attributes; /* a map */
    /* Of that document in the store, and of .zattrs; 0: it is not known. */
    uint64_t stamp, attributes_stamp;

    int ndim;
    int64_t shape[TSR_MAX_NDIM];
    struct tsr_zgrid grid;
    const struct tsr_ztype *type;
    struct tsr_zfill fill;
    char order; /* 'C' or 'F': of the items in a chunk of format 2 */
    struct tsr_zkeys keys;
    struct tsr_zspec *codecs; /* [ncodecs], in encode order; format 2: filters, then compressor */
    int ncodecs;
    const char **names; /* of the dimensions [ndim], each may be NULL; NULL: there are none */
};

/* A document as the store has it. */
struct tsr_ztext {
    const char *p;
    size_t len;
};

/* Reads a node from its document: `which` of zarr.json, .zarray, .zgroup, whose key below the store
 * is path and its name ("" or "a/b"; for messages).  attrs: .zattrs, NULL: there is none. */
int tsr_zmeta_read(const char *path, enum tsr_zdoc which, struct tsr_ztext text,
                   const struct tsr_ztext *attrs, struct tsr_zmeta **out);
void tsr_zmeta_free(struct tsr_zmeta *m);

/* What a new array is to be.  Nodes are borrowed during the call. */
struct tsr_znew {
    int format, ndim;
    const int64_t *shape, *chunks; /* [ndim] */
    const struct tsr_node *edges;  /* format 3: "chunk_shapes" of a rectilinear grid; NULL */
    const struct tsr_ztype *type;
    const struct tsr_zfill *fill;      /* NULL: zero */
    char order;                        /* format 2; 0: C */
    char separator;                    /* '.' or '/'; 0: '/' in format 3, '.' in 2 */
    bool v2_keys;                      /* format 3 */
    const struct tsr_node *codecs;     /* lists; format 2: the filters, may be NULL */
    const struct tsr_node *compressor; /* format 2; NULL: none */
    const char *const *names;          /* [ndim]; NULL: none */
    const struct tsr_node *attributes; /* NULL: none */
};
int tsr_zmeta_new_array(const struct tsr_znew *a, struct tsr_zmeta **out);
int tsr_zmeta_new_group(int format, const struct tsr_node *attributes, struct tsr_zmeta **out);

/* Changes, in the document too.  A rectilinear grid that does not reach gets one more chunk on that
 * axis (11.7), of the length that is missing, rounded up to unit[ndim] (NULL: ones).  Nodes are
 * copied. */
int tsr_zmeta_set_shape(struct tsr_zmeta *m, const int64_t *shape, const int64_t *unit);
int tsr_zmeta_set_attributes(struct tsr_zmeta *m, const struct tsr_node *map);

/* Appends a document of the node, on lines as zarr-python writes them: of format 2 the main one or
 * .zattrs.  EARG: attributes that hold NaN or an infinity, unless flags have TSR_JSON_WORDS. */
int tsr_zmeta_write(const struct tsr_zmeta *m, enum tsr_zdoc which, int flags, struct tsr_buf *out);
/* The main document of the node: V3, ARRAY or GROUP. */
enum tsr_zdoc tsr_zmeta_which(const struct tsr_zmeta *m);

#endif
