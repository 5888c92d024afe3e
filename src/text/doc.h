/* SPDX-License-Identifier: BSD-3-Clause */
/* text/doc.h - one document tree in memory; JSON and MessagePack to and from it.
 *
 * Nodes live in one arena (struct tsr_doc) and are freed together.  Depth, node count and
 * string sizes are bounded while parsing: 64 levels, and memory in proportion to the input. */
#ifndef TSR_TEXT_DOC_H
#define TSR_TEXT_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

enum tsr_node_kind {
    TSR_NODE_NULL,
    TSR_NODE_BOOL,
    TSR_NODE_INT,
    TSR_NODE_UINT,
    TSR_NODE_FLOAT,
    TSR_NODE_STRING,
    TSR_NODE_BYTES,
    TSR_NODE_EXT,
    TSR_NODE_LIST,
    TSR_NODE_MAP
};

struct tsr_node {
    enum tsr_node_kind kind;
    int8_t ext; /* EXT: type code; its payload as BYTES */
    union {
        bool b;
        int64_t i;
        uint64_t u; /* UINT: only values above INT64_MAX */
        struct {
            double f;
            const char *number; /* FLOAT: its text where it was JSON, else NULL */
        };
        struct {
            const char *p;
            size_t len;
        } s; /* STRING, BYTES, EXT */
        struct {
            struct tsr_node *v;
            size_t n;
        } list; /* LIST: n; MAP: 2n, key value */
    };
};

struct tsr_doc; /* the arena */
int tsr_doc_new(struct tsr_doc **out);
void tsr_doc_free(struct tsr_doc *d);
/* Memory of the arena: n items of size bytes, and a copy of a string, with a NUL behind it. */
void *tsr_doc_alloc(struct tsr_doc *d, size_t n, size_t size);
const char *tsr_doc_string(struct tsr_doc *d, const void *src, size_t len);
bool tsr_utf8_valid(const char *text, size_t len);
size_t tsr_utf8_put(uint32_t c, char to[4]); /* the bytes of a character: how many */

enum { TSR_DOC_DEPTH = 64 };

/* Parse into *root, which is d's.  ECORRUPT names the byte.  Trailing bytes are an error. */
int tsr_msgpack_parse(struct tsr_doc *d, const uint8_t *p, size_t len, struct tsr_node *root);
int tsr_json_parse(struct tsr_doc *d, const char *text, size_t len, struct tsr_node *root);

/* JSON by other rules than those of tsr_json_parse, which are: 64 levels, integers within 64 bits.
 * Members that repeat are always refused. */
enum {
    TSR_JSON_WORDS = 1, /* read: NaN, Infinity and -Infinity are floats; write: strings of them */
    TSR_JSON_BIG = 2,   /* read: integers beyond 64 bits are floats, with their text */
    TSR_JSON_INDENT = 4 /* write: on lines, two spaces a level */
};
enum { TSR_JSON_DEPTH = 256 };
struct tsr_json_rules {
    int flags, depth; /* depth 0: TSR_DOC_DEPTH */
    /* Names, ended by NULL, of members one inside the other.  The values in the last one, a map,
     * are not taken apart: they are BYTES, text that is valid but for repeated members, borrowed
     * from what was read.  NULL: there is none. */
    const char *const *raw;
};
int tsr_json_read(struct tsr_doc *d, const char *text, size_t len, const struct tsr_json_rules *how,
                  struct tsr_node *root);
/* Appends to out what reads back as the same tree; flags of TSR_JSON_*.  BYTES are JSON already.
 * EARG: NaN and infinities without WORDS, EXT, names that are no strings. */
int tsr_json_write(struct tsr_buf *out, const struct tsr_node *n, int flags);

/* Append to out.  MessagePack uses the shortest forms.  JSON: bytes and EXT become
 * {"hex": "..."}, and a python-blosc2 tuple (list that begins with "__tuple__") a plain list;
 * map keys must be strings; NaN and infinities become null. */
int tsr_msgpack_emit(struct tsr_buf *out, const struct tsr_node *n);
int tsr_json_emit(struct tsr_buf *out, const struct tsr_node *n);

#endif
