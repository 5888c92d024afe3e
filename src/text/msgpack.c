/* SPDX-License-Identifier: BSD-3-Clause */
/* text/msgpack.c - MessagePack to and from a document tree.
 *
 *   00..7F  positive int     C0 nil  C2 false  C3 true    CC..CF uint 8..64   D0..D3 int 8..64
 *   80..8F  map of n         C4..C6 bin 8..32             D4..D8 ext of 1 2 4 8 16 bytes
 *   90..9F  array of n       C7..C9 ext 8..32             D9..DB str 8..32
 *   A0..BF  string of n      CA CB  float 32, 64          DC DD array, DE DF map 16, 32
 *   E0..FF  negative int     C1     never used            numbers are big endian
 *
 * Hostile counts: every value takes at least one byte, so a container may only promise as many
 * values as bytes remain beyond those already promised by the containers around it (`owed`).
 * The tree therefore never has more nodes than the input has bytes. */
#include "base/num.h"
#include "base/status.h"
#include "text/doc.h"

struct parser {
    struct tsr_doc *doc;
    const uint8_t *start, *p, *end;
    size_t owed; /* values that open containers still have to hold */
    int depth;
};

static int parse_value(struct parser *s, struct tsr_node *out);

static size_t left(const struct parser *s)
{
    return (size_t)(s->end - s->p);
}

static size_t at(const struct parser *s)
{
    return (size_t)(s->p - s->start);
}

/* The next n big-endian bytes as a number. */
static int take(struct parser *s, int n, uint64_t *out)
{
    *out = 0;
    if (left(s) < (size_t)n)
        return tsr_fail(TSR_ECORRUPT, "MessagePack: ends at byte %zu, %d bytes wanted at %zu",
                        at(s) + left(s), n, at(s));
    for (int i = 0; i < n; i++) *out = *out << 8 | *s->p++;
    return TSR_OK;
}

static int64_t sign_extend(uint64_t v, int bytes)
{
    int shift = 64 - 8 * bytes;
    return (int64_t)(v << shift) >> shift;
}

static int parse_int(struct parser *s, uint8_t tag, struct tsr_node *out)
{
    int bytes = 1 << (tag & 3);
    uint64_t v;
    int rc = take(s, bytes, &v);
    if (rc < 0) return rc;
    if (tag >= 0xD0) *out = (struct tsr_node){.kind = TSR_NODE_INT, .i = sign_extend(v, bytes)};
    else if (v > INT64_MAX) *out = (struct tsr_node){.kind = TSR_NODE_UINT, .u = v};
    else *out = (struct tsr_node){.kind = TSR_NODE_INT, .i = (int64_t)v};
    return TSR_OK;
}

static int parse_float(struct parser *s, uint8_t tag, struct tsr_node *out)
{
    uint64_t v;
    int rc = take(s, tag == 0xCA ? 4 : 8, &v);
    if (rc < 0) return rc;
    uint32_t v32 = (uint32_t)v;
    float f32;
    double f64;
    memcpy(&f32, &v32, sizeof f32);
    memcpy(&f64, &v, sizeof f64);
    *out = (struct tsr_node){.kind = TSR_NODE_FLOAT, .f = tag == 0xCA ? (double)f32 : f64};
    return TSR_OK;
}

/* A string, binary or extension payload of len bytes. */
static int parse_bytes(struct parser *s, enum tsr_node_kind kind, uint64_t len,
                       struct tsr_node *out)
{
    if (len > left(s))
        return tsr_fail(TSR_ECORRUPT, "MessagePack: %llu bytes announced at byte %zu, %zu remain",
                        (unsigned long long)len, at(s), left(s));
    *out = (struct tsr_node){.kind = kind};
    out->s.len = (size_t)len;
    out->s.p = tsr_doc_string(s->doc, s->p, (size_t)len);
    s->p += len;
    return out->s.p ? TSR_OK : TSR_ENOMEM;
}

static int parse_ext(struct parser *s, uint64_t len, struct tsr_node *out)
{
    uint64_t type;
    int rc = take(s, 1, &type);
    if (rc == TSR_OK) rc = parse_bytes(s, TSR_NODE_EXT, len, out);
    if (rc == TSR_OK) out->ext = (int8_t)type;
    return rc;
}

static int parse_container(struct parser *s, enum tsr_node_kind kind, uint64_t n,
                           struct tsr_node *out)
{
    uint64_t values = kind == TSR_NODE_MAP ? 2 * n : n; /* n < 2^32 */
    if (s->depth == TSR_DOC_DEPTH)
        return tsr_fail(TSR_ECORRUPT, "MessagePack: more than %d levels at byte %zu", TSR_DOC_DEPTH,
                        at(s));
    if (values > left(s) || s->owed > left(s) - values)
        return tsr_fail(TSR_ECORRUPT,
                        "MessagePack: %llu values announced at byte %zu, %zu bytes "
                        "remain",
                        (unsigned long long)values, at(s), left(s));
    struct tsr_node *v = tsr_doc_alloc(s->doc, (size_t)values, sizeof *v);
    if (!v) return TSR_ENOMEM;
    s->owed += (size_t)values;
    s->depth++;
    for (size_t i = 0; i < values; i++) {
        s->owed--;
        int rc = parse_value(s, v + i);
        if (rc < 0) return rc;
    }
    s->depth--;
    *out = (struct tsr_node){.kind = kind};
    out->list.v = v;
    out->list.n = (size_t)n;
    return TSR_OK;
}

/* C0..DF.  One flat switch over the tag: it is the table above. */
static int parse_tagged(struct parser *s, uint8_t tag, struct tsr_node *out)
{
    uint64_t n = 0;
    int rc = TSR_OK;
    switch (tag) {
    case 0xC0: *out = (struct tsr_node){.kind = TSR_NODE_NULL}; return TSR_OK;
    case 0xC2:
    case 0xC3: *out = (struct tsr_node){.kind = TSR_NODE_BOOL, .b = tag == 0xC3}; return TSR_OK;
    case 0xC4:
    case 0xC5:
    case 0xC6:
        rc = take(s, 1 << (tag - 0xC4), &n);
        return rc < 0 ? rc : parse_bytes(s, TSR_NODE_BYTES, n, out);
    case 0xC7:
    case 0xC8:
    case 0xC9: rc = take(s, 1 << (tag - 0xC7), &n); return rc < 0 ? rc : parse_ext(s, n, out);
    case 0xCA:
    case 0xCB: return parse_float(s, tag, out);
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8: return parse_ext(s, 1u << (tag - 0xD4), out);
    case 0xD9:
    case 0xDA:
    case 0xDB:
        rc = take(s, 1 << (tag - 0xD9), &n);
        return rc < 0 ? rc : parse_bytes(s, TSR_NODE_STRING, n, out);
    case 0xDC:
    case 0xDD:
        rc = take(s, tag == 0xDC ? 2 : 4, &n);
        return rc < 0 ? rc : parse_container(s, TSR_NODE_LIST, n, out);
    case 0xDE:
    case 0xDF:
        rc = take(s, tag == 0xDE ? 2 : 4, &n);
        return rc < 0 ? rc : parse_container(s, TSR_NODE_MAP, n, out);
    case 0xC1:
        return tsr_fail(TSR_ECORRUPT, "MessagePack: tag 0xC1 at byte %zu, expected a value",
                        at(s) - 1);
    default: return parse_int(s, tag, out); /* CC..CF, D0..D3 */
    }
}

static int parse_value(struct parser *s, struct tsr_node *out)
{
    uint64_t byte;
    int rc = take(s, 1, &byte);
    if (rc < 0) return rc;
    uint8_t tag = (uint8_t)byte;
    if (tag < 0x80 || tag >= 0xE0) {
        *out = (struct tsr_node){.kind = TSR_NODE_INT, .i = (int8_t)tag};
        return TSR_OK;
    }
    if (tag < 0x90) return parse_container(s, TSR_NODE_MAP, tag & 15, out);
    if (tag < 0xA0) return parse_container(s, TSR_NODE_LIST, tag & 15, out);
    if (tag < 0xC0) return parse_bytes(s, TSR_NODE_STRING, tag & 31, out);
    return parse_tagged(s, tag, out);
}

int tsr_msgpack_parse(struct tsr_doc *d, const uint8_t *p, size_t len, struct tsr_node *root)
{
    struct parser s = {.doc = d, .start = p, .p = p, .end = p + len};
    int rc = parse_value(&s, root);
    if (rc == TSR_OK && left(&s))
        rc = tsr_fail(TSR_ECORRUPT,
                      "MessagePack: %zu bytes follow the value that ends at byte "
                      "%zu",
                      left(&s), at(&s));
    return rc;
}

/* ---- emit ---- */

static int put(struct tsr_buf *out, uint8_t tag, uint64_t v, int bytes)
{
    uint8_t raw[9] = {tag};
    for (int i = 0; i < bytes; i++) raw[1 + i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
    return tsr_buf_add(out, raw, (size_t)bytes + 1);
}

static int put_uint(struct tsr_buf *out, uint64_t v)
{
    if (v < 0x80) return put(out, (uint8_t)v, 0, 0);
    if (v <= UINT8_MAX) return put(out, 0xCC, v, 1);
    if (v <= UINT16_MAX) return put(out, 0xCD, v, 2);
    if (v <= UINT32_MAX) return put(out, 0xCE, v, 4);
    return put(out, 0xCF, v, 8);
}

static int put_int(struct tsr_buf *out, int64_t v)
{
    if (v >= 0) return put_uint(out, (uint64_t)v);
    if (v >= -32) return put(out, (uint8_t)v, 0, 0);
    if (v >= INT8_MIN) return put(out, 0xD0, (uint64_t)v, 1);
    if (v >= INT16_MIN) return put(out, 0xD1, (uint64_t)v, 2);
    if (v >= INT32_MIN) return put(out, 0xD2, (uint64_t)v, 4);
    return put(out, 0xD3, (uint64_t)v, 8);
}

/* A length: in the tag itself below `fix_end`, else with 1, 2 or 4 bytes behind tags that
 * follow each other; tag8 0: the type has no one-byte form. */
struct sizes {
    uint8_t fix, tag8, tag16;
    size_t fix_end;
};

static int put_size(struct tsr_buf *out, const struct sizes *f, size_t n)
{
    if (n < f->fix_end) return put(out, (uint8_t)(f->fix | n), 0, 0);
    if (f->tag8 && n <= UINT8_MAX) return put(out, f->tag8, n, 1);
    if (n <= UINT16_MAX) return put(out, f->tag16, n, 2);
    if (n <= UINT32_MAX) return put(out, (uint8_t)(f->tag16 + 1), n, 4);
    return tsr_fail(TSR_ELIMIT, "MessagePack holds at most 2^32-1 bytes or values, found %zu", n);
}

static int put_payload(struct tsr_buf *out, const struct sizes *f, const struct tsr_node *n)
{
    int rc = put_size(out, f, n->s.len);
    return rc < 0 ? rc : tsr_buf_add(out, n->s.p, n->s.len);
}

static int put_ext(struct tsr_buf *out, const struct tsr_node *n)
{
    static const struct sizes ext = {.tag8 = 0xC7, .tag16 = 0xC8};
    size_t len = n->s.len;
    bool fixed = len && len <= 16 && !(len & (len - 1));
    int rc =
        fixed ? put(out, (uint8_t)(0xD4 + __builtin_ctzl(len)), 0, 0) : put_size(out, &ext, len);
    if (rc == TSR_OK) rc = tsr_buf_add(out, &n->ext, 1);
    return rc < 0 ? rc : tsr_buf_add(out, n->s.p, len);
}

static int put_node(struct tsr_buf *out, const struct tsr_node *n, int depth);

static int put_values(struct tsr_buf *out, const struct sizes *f, const struct tsr_node *n,
                      int depth)
{
    size_t values = n->kind == TSR_NODE_MAP ? 2 * n->list.n : n->list.n;
    if (depth == TSR_DOC_DEPTH)
        return tsr_fail(TSR_ELIMIT, "MessagePack: more than %d levels", TSR_DOC_DEPTH);
    int rc = put_size(out, f, n->list.n);
    for (size_t i = 0; rc == TSR_OK && i < values; i++)
        rc = put_node(out, n->list.v + i, depth + 1);
    return rc;
}

static int put_node(struct tsr_buf *out, const struct tsr_node *n, int depth)
{
    static const struct sizes string = {0xA0, 0xD9, 0xDA, 32}, bin = {0, 0xC4, 0xC5, 0},
                              list = {0x90, 0, 0xDC, 16}, map = {0x80, 0, 0xDE, 16};
    uint64_t bits;
    switch (n->kind) {
    case TSR_NODE_NULL: return put(out, 0xC0, 0, 0);
    case TSR_NODE_BOOL: return put(out, n->b ? 0xC3 : 0xC2, 0, 0);
    case TSR_NODE_INT: return put_int(out, n->i);
    case TSR_NODE_UINT: return put_uint(out, n->u);
    case TSR_NODE_FLOAT: memcpy(&bits, &n->f, sizeof bits); return put(out, 0xCB, bits, 8);
    case TSR_NODE_STRING: return put_payload(out, &string, n);
    case TSR_NODE_BYTES: return put_payload(out, &bin, n);
    case TSR_NODE_EXT: return put_ext(out, n);
    case TSR_NODE_LIST: return put_values(out, &list, n, depth);
    case TSR_NODE_MAP: return put_values(out, &map, n, depth);
    }
    return tsr_fail(TSR_EARG, "document node of kind %d", (int)n->kind);
}

int tsr_msgpack_emit(struct tsr_buf *out, const struct tsr_node *n)
{
    return put_node(out, n, 0);
}
