/* SPDX-License-Identifier: BSD-3-Clause */
/* text/json_write.c - a document tree as JSON that keeps what was read.
 *
 * Numbers with a text keep it, and nothing is turned into something else on the way: what JSON
 * cannot say is refused.  (tsr_json_emit, for people, bends more.) */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "text/doc.h"
#include "text/number.h"

static int write_value(struct tsr_buf *out, const struct tsr_node *n, int flags, int level);

static int write_char(struct tsr_buf *out, uint8_t c)
{
    static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
    const char *at = c ? strchr(from, c) : NULL;
    return at ? tsr_buf_addf(out, "\\%c", into[at - from]) : tsr_buf_addf(out, "\\u%04x", c);
}

static int write_string(struct tsr_buf *out, const struct tsr_node *n)
{
    const char *p = n->s.p, *end = p + n->s.len;
    if (!tsr_utf8_valid(p, n->s.len))
        return tsr_fail(TSR_EARG, "JSON: string of %zu bytes is not UTF-8", n->s.len);
    int rc = tsr_buf_add(out, "\"", 1);
    while (rc == TSR_OK && p < end) {
        const char *from = p;
        while (p < end && (uint8_t)*p >= ' ' && *p != '"' && *p != '\\') p++;
        rc = tsr_buf_add(out, from, (size_t)(p - from));
        if (rc == TSR_OK && p < end) rc = write_char(out, (uint8_t)*p++);
    }
    return rc < 0 ? rc : tsr_buf_add(out, "\"", 1);
}

static int write_float(struct tsr_buf *out, const struct tsr_node *n, int flags)
{
    char text[TSR_NUMBER_MAX];
    if (n->number) return tsr_buf_addf(out, "%s", n->number);
    if (isfinite(n->f)) {
        tsr_number_emit(n->f, 8, text);
        return tsr_buf_addf(out, "%s", text);
    }
    const char *word = isnan(n->f) ? "NaN" : n->f < 0 ? "-Infinity" : "Infinity";
    if (flags & TSR_JSON_WORDS) return tsr_buf_addf(out, "\"%s\"", word);
    return tsr_fail(TSR_EARG, "JSON has no number %s: write it as a string", word);
}

static int new_line(struct tsr_buf *out, int flags, int level)
{
    if (!(flags & TSR_JSON_INDENT)) return TSR_OK;
    return tsr_buf_addf(out, "\n%*s", 2 * level, "");
}

static int write_member(struct tsr_buf *out, const struct tsr_node *name, int flags, int level)
{
    if (name->kind != TSR_NODE_STRING)
        return tsr_fail(TSR_EARG, "JSON: a member has a name that is not a string");
    int rc = write_string(out, name);
    if (rc == TSR_OK) rc = tsr_buf_addf(out, flags & TSR_JSON_INDENT ? ": " : ":");
    return rc < 0 ? rc : write_value(out, name + 1, flags, level);
}

static int write_items(struct tsr_buf *out, const struct tsr_node *n, int flags, int level)
{
    bool map = n->kind == TSR_NODE_MAP;
    if (level == TSR_JSON_DEPTH)
        return tsr_fail(TSR_ELIMIT, "JSON: more than %d levels", TSR_JSON_DEPTH);
    int rc = tsr_buf_add(out, map ? "{" : "[", 1);
    for (size_t i = 0; rc == TSR_OK && i < n->list.n; i++) {
        if (i) rc = tsr_buf_add(out, ",", 1);
        if (rc == TSR_OK) rc = new_line(out, flags, level + 1);
        if (rc < 0) return rc;
        rc = map ? write_member(out, n->list.v + 2 * i, flags, level + 1)
                 : write_value(out, n->list.v + i, flags, level + 1);
    }
    if (rc == TSR_OK && n->list.n) rc = new_line(out, flags, level);
    return rc < 0 ? rc : tsr_buf_add(out, map ? "}" : "]", 1);
}

static int write_value(struct tsr_buf *out, const struct tsr_node *n, int flags, int level)
{
    switch (n->kind) {
    case TSR_NODE_NULL: return tsr_buf_addf(out, "null");
    case TSR_NODE_BOOL: return tsr_buf_addf(out, n->b ? "true" : "false");
    case TSR_NODE_INT: return tsr_buf_addf(out, "%" PRId64, n->i);
    case TSR_NODE_UINT: return tsr_buf_addf(out, "%" PRIu64, n->u);
    case TSR_NODE_FLOAT: return write_float(out, n, flags);
    case TSR_NODE_STRING: return write_string(out, n);
    case TSR_NODE_LIST:
    case TSR_NODE_MAP: return write_items(out, n, flags, level);
    case TSR_NODE_BYTES: return tsr_buf_add(out, n->s.p, n->s.len); /* text kept as it was */
    case TSR_NODE_EXT: break;
    }
    return tsr_fail(TSR_EARG, "JSON has no form for a node of kind %d", (int)n->kind);
}

int tsr_json_write(struct tsr_buf *out, const struct tsr_node *n, int flags)
{
    return write_value(out, n, flags, 0);
}
