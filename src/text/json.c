/* SPDX-License-Identifier: BSD-3-Clause */
/* text/json.c - JSON to and from a document tree, through json-c.
 *
 * json-c checks the grammar (RFC 8259, strict, UTF-8) and the depth; its tree is copied into
 * ours.  64-bit integers stay integers, larger ones are refused; doubles are written with the
 * fewest digits that read back the same. */
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "text/doc.h"
#include "text/number.h"

static int copy_value(struct tsr_doc *d, struct json_object *o, struct tsr_node *out);

static int copy_string(struct tsr_doc *d, const char *s, size_t len, struct tsr_node *out)
{
    *out = (struct tsr_node){.kind = TSR_NODE_STRING};
    out->s.p = tsr_doc_string(d, s, len);
    out->s.len = len;
    return out->s.p ? TSR_OK : TSR_ENOMEM;
}

static int copy_list(struct tsr_doc *d, struct json_object *o, struct tsr_node *out)
{
    size_t n = json_object_array_length(o);
    struct tsr_node *v = tsr_doc_alloc(d, n, sizeof *v);
    if (!v) return TSR_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        int rc = copy_value(d, json_object_array_get_idx(o, i), v + i);
        if (rc < 0) return rc;
    }
    *out = (struct tsr_node){.kind = TSR_NODE_LIST};
    out->list.v = v;
    out->list.n = n;
    return TSR_OK;
}

static int copy_map(struct tsr_doc *d, struct json_object *o, struct tsr_node *out)
{
    size_t n = (size_t)json_object_object_length(o), i = 0;
    struct tsr_node *v = tsr_doc_alloc(d, 2 * n, sizeof *v);
    if (!v) return TSR_ENOMEM;
    json_object_object_foreach(o, key, value)
    {
        int rc = copy_string(d, key, strlen(key), v + i);
        if (rc == TSR_OK) rc = copy_value(d, value, v + i + 1);
        if (rc < 0) return rc;
        i += 2;
    }
    *out = (struct tsr_node){.kind = TSR_NODE_MAP};
    out->list.v = v;
    out->list.n = n;
    return TSR_OK;
}

static void copy_int(struct json_object *o, struct tsr_node *out)
{
    /* json-c keeps an int64 or a uint64 and clamps the other view of it */
    uint64_t u = json_object_get_uint64(o);
    int64_t i = json_object_get_int64(o);
    if (u > INT64_MAX) *out = (struct tsr_node){.kind = TSR_NODE_UINT, .u = u};
    else *out = (struct tsr_node){.kind = TSR_NODE_INT, .i = i};
}

static int copy_value(struct tsr_doc *d, struct json_object *o, struct tsr_node *out)
{
    switch (json_object_get_type(o)) {
    case json_type_null: *out = (struct tsr_node){.kind = TSR_NODE_NULL}; return TSR_OK;
    case json_type_boolean:
        *out = (struct tsr_node){.kind = TSR_NODE_BOOL, .b = json_object_get_boolean(o)};
        return TSR_OK;
    case json_type_int: copy_int(o, out); return TSR_OK;
    case json_type_double:
        *out = (struct tsr_node){.kind = TSR_NODE_FLOAT, .f = json_object_get_double(o)};
        return TSR_OK;
    case json_type_string:
        return copy_string(d, json_object_get_string(o), (size_t)json_object_get_string_len(o),
                           out);
    case json_type_array: return copy_list(d, o, out);
    case json_type_object: return copy_map(d, o, out);
    }
    return tsr_fail(TSR_ECORRUPT, "JSON: value of an unknown kind");
}

/* A number or a word at the end of the text is only complete once something follows it, so
 * the tokener is shown one space more. */
static int tokenize(struct json_tokener *tok, const char *text, size_t len,
                    struct json_object **out)
{
    *out = json_tokener_parse_ex(tok, text, (int)len);
    enum json_tokener_error err = json_tokener_get_error(tok);
    size_t used = json_tokener_get_parse_end(tok);
    if (err == json_tokener_continue) {
        *out = json_tokener_parse_ex(tok, " ", 1);
        err = json_tokener_get_error(tok);
        used = len;
    }
    if (err == json_tokener_continue)
        return tsr_fail(TSR_ECORRUPT, "JSON: ends at byte %zu inside a value", len);
    if (err != json_tokener_success)
        return tsr_fail(TSR_ECORRUPT, "JSON: %s at byte %zu", json_tokener_error_desc(err), used);
    for (; used < len; used++)
        if (!strchr(" \t\r\n", text[used]) || !text[used])
            return tsr_fail(TSR_ECORRUPT, "JSON: more text after the value, at byte %zu", used);
    return TSR_OK;
}

/* json-c clamps integers that are too large without a word, so they are looked for here: runs
 * of digits outside strings, at the start of a number and without fraction or exponent. */
static int check_integers(const char *text, size_t len)
{
    bool in_string = false;
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = 0;
        if (text[i] == '"') in_string = !in_string;
        if (in_string) n = text[i] == '\\' ? 2 : 1;
        if (n || text[i] < '0' || text[i] > '9') continue;
        uint64_t v = 0;
        bool fits = true;
        for (; i + n < len && text[i + n] >= '0' && text[i + n] <= '9'; n++)
            fits = fits && tsr_mul(v, 10, &v) && tsr_add(v, (uint64_t)(text[i + n] - '0'), &v);
        char before = i ? text[i - 1] : ' ', after = i + n < len ? text[i + n] : ' ';
        if (strchr(".eE+", before) || strchr(".eE", after)) continue;
        if (!fits || (before == '-' && v > (uint64_t)INT64_MAX + 1))
            return tsr_fail(TSR_ECORRUPT, "JSON: integer at byte %zu does not fit 64 bits", i);
    }
    return TSR_OK;
}

int tsr_json_parse(struct tsr_doc *d, const char *text, size_t len, struct tsr_node *root)
{
    if (len > INT32_MAX) return tsr_fail(TSR_ELIMIT, "JSON: text of %zu bytes", len);
    struct json_tokener *tok = json_tokener_new_ex(TSR_DOC_DEPTH + 1);
    struct json_object *o = NULL;
    if (!tok) return tsr_fail(TSR_ENOMEM, "out of memory: JSON parser");
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS |
                                    JSON_TOKENER_VALIDATE_UTF8);
    int rc = tokenize(tok, text, len, &o);
    if (rc == TSR_OK) rc = check_integers(text, len);
    if (rc == TSR_OK) rc = copy_value(d, o, root);
    json_object_put(o);
    json_tokener_free(tok);
    return rc;
}

/* ---- emit: *out is a new json-c object, NULL for null ---- */

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
