/* SPDX-License-Identifier: BSD-3-Clause */
/* text/json.c - a document tree as JSON for people, through json-c.
 *
 * What JSON has no form for is bent: bytes become hex, tuples lists.  Doubles are written with the
 * fewest digits that read back the same.  (text/json_write.c bends nothing.) */
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "text/doc.h"
#include "text/number.h"

/* *out is a new json-c object, NULL for null. */

static int make_value(const struct tsr_node *n, int depth, struct json_object **out);

static int no_memory(void)
{
    return tsr_fail(TSR_ENOMEM, "out of memory: JSON value");
}

static int made(struct json_object *o, struct json_object **out)
{
    *out = o;
    return o ? TSR_OK : no_memory();
}

static int make_float(double v, struct json_object **out)
{
    char text[TSR_NUMBER_MAX];
    if (!isfinite(v)) return TSR_OK;
    tsr_number_emit(v, 8, text);
    return made(json_object_new_double_s(v, text), out);
}

static int make_string(const struct tsr_node *n, struct json_object **out)
{
    if (n->s.len > INT32_MAX || !tsr_utf8_valid(n->s.p, n->s.len))
        return tsr_fail(TSR_ECORRUPT, "JSON: string of %zu bytes is not UTF-8", n->s.len);
    return made(json_object_new_string_len(n->s.p, (int)n->s.len), out);
}

static int make_hex(const struct tsr_node *n, struct json_object **out)
{
    if (n->s.len > INT32_MAX / 2) return tsr_fail(TSR_ELIMIT, "JSON: %zu bytes", n->s.len);
    char *hex = tsr_alloc(2 * n->s.len + 1);
    if (!hex) return TSR_ENOMEM;
    for (size_t i = 0; i < n->s.len; i++) {
        uint8_t byte = (uint8_t)n->s.p[i];
        hex[2 * i] = "0123456789abcdef"[byte >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[byte & 15];
    }
    struct json_object *o = json_object_new_object();
    struct json_object *s = json_object_new_string_len(hex, (int)(2 * n->s.len));
    tsr_free(hex);
    if (o && s && json_object_object_add(o, "hex", s) == 0) return made(o, out);
    json_object_put(s);
    json_object_put(o);
    return no_memory();
}

static bool is_tuple_mark(const struct tsr_node *n)
{
    return n->kind == TSR_NODE_STRING && n->s.len == 9 && !memcmp(n->s.p, "__tuple__", 9);
}

static int make_list(const struct tsr_node *n, int depth, struct json_object **out)
{
    int rc = made(json_object_new_array(), out);
    size_t i = n->list.n && is_tuple_mark(n->list.v) ? 1 : 0;
    for (; rc == TSR_OK && i < n->list.n; i++) {
        struct json_object *o = NULL;
        rc = make_value(n->list.v + i, depth + 1, &o);
        if (rc == TSR_OK && json_object_array_add(*out, o) < 0) rc = no_memory();
        if (rc < 0) json_object_put(o);
    }
    return rc;
}

static int check_key(const struct tsr_node *key)
{
    if (key->kind != TSR_NODE_STRING)
        return tsr_fail(TSR_ECORRUPT, "JSON: a map has a key that is not a string");
    if (!tsr_utf8_valid(key->s.p, key->s.len) || memchr(key->s.p, 0, key->s.len))
        return tsr_fail(TSR_ECORRUPT, "JSON: a map has a key that is not UTF-8 text");
    return TSR_OK;
}

static int make_map(const struct tsr_node *n, int depth, struct json_object **out)
{
    int rc = made(json_object_new_object(), out);
    for (size_t i = 0; rc == TSR_OK && i < n->list.n; i++) {
        const struct tsr_node *key = n->list.v + 2 * i;
        struct json_object *o = NULL;
        rc = check_key(key);
        if (rc == TSR_OK) rc = make_value(key + 1, depth + 1, &o);
        if (rc == TSR_OK && json_object_object_add(*out, key->s.p, o) < 0) rc = no_memory();
        if (rc < 0) json_object_put(o);
    }
    return rc;
}

static int make_value(const struct tsr_node *n, int depth, struct json_object **out)
{
    *out = NULL;
    if (depth == TSR_DOC_DEPTH && n->kind >= TSR_NODE_BYTES) /* what becomes {} or [] */
        return tsr_fail(TSR_ELIMIT, "JSON: more than %d levels", TSR_DOC_DEPTH);
    switch (n->kind) {
    case TSR_NODE_NULL: return TSR_OK;
    case TSR_NODE_BOOL: return made(json_object_new_boolean(n->b), out);
    case TSR_NODE_INT: return made(json_object_new_int64(n->i), out);
    case TSR_NODE_UINT: return made(json_object_new_uint64(n->u), out);
    case TSR_NODE_FLOAT: return make_float(n->f, out);
    case TSR_NODE_STRING: return make_string(n, out);
    case TSR_NODE_BYTES:
    case TSR_NODE_EXT: return make_hex(n, out);
    case TSR_NODE_LIST: return make_list(n, depth, out);
    case TSR_NODE_MAP: return make_map(n, depth, out);
    }
    return tsr_fail(TSR_EARG, "document node of kind %d", (int)n->kind);
}

int tsr_json_emit(struct tsr_buf *out, const struct tsr_node *n)
{
    struct json_object *o;
    size_t len;
    int rc = make_value(n, 0, &o);
    if (rc == TSR_OK) {
        const char *text = json_object_to_json_string_length(o,
                                                             JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE,
                                                             &len);
        rc = text ? tsr_buf_add(out, text, len) : no_memory();
    }
    json_object_put(o);
    return rc;
}

int tsr_msgpack_to_json(const void *buf, size_t len, char **json)
{
    struct tsr_doc *d;
    struct tsr_node root;
    struct tsr_buf out = {0};
    *json = NULL;
    int rc = tsr_doc_new(&d);
    if (rc < 0) return rc;
    rc = tsr_msgpack_parse(d, buf, len, &root);
    if (rc == TSR_OK) rc = tsr_json_emit(&out, &root);
    if (rc == TSR_OK) rc = tsr_buf_add(&out, "", 1);
    tsr_doc_free(d);
    if (rc == TSR_OK) *json = (char *)out.p;
    else tsr_buf_free(&out);
    return rc;
}
