/* SPDX-License-Identifier: BSD-3-Clause */
/* text/json_read.c - JSON (RFC 8259) to a document tree, strictly.
 *
 * What a general parser leaves open is settled here: members must not repeat (readers differ in
 * which one counts), \u escapes must make whole characters, and numbers keep their text beside
 * their value, so that a float of any width is rounded once and integers keep all their bits.
 * Items of an open list wait on a stack and move to the arena when it closes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "text/doc.h"
#include "text/number.h"

struct reader {
    struct tsr_doc *doc;
    const char *start, *p, *end;
    struct tsr_buf stack; /* nodes of the lists and maps that are open */
    int depth, depth_max, flags;
    bool skip; /* looks at the grammar only and makes nothing */
};

/* raw: the path that leads to the map whose values stay text; NULL: it does not come this way. */
static int read_value(struct reader *r, const char *const *raw, struct tsr_node *out);

static int wrong(const struct reader *r, const char *expected)
{
    size_t at = (size_t)(r->p - r->start);
    if (r->p == r->end)
        return tsr_fail(TSR_ECORRUPT, "JSON: ends at byte %zu, expected %s", at, expected);
    bool plain = *r->p >= ' ' && *r->p <= '~';
    return tsr_fail(TSR_ECORRUPT,
                    plain ? "JSON: found '%c' at byte %zu, expected %s"
                          : "JSON: found byte %d at byte %zu, expected %s",
                    plain ? *r->p : (uint8_t)*r->p, at, expected);
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}

/* Takes c and the space behind it. */
static bool take(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    skip_space(r);
    return true;
}

/* ---- strings ---- */

static int read_hex4(struct reader *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        char c = r->p < r->end ? *r->p : 0, low = (char)(c | 32);
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(low >= 'a' && low <= 'f')) return wrong(r, "a hex digit");
        *out = *out << 4 | (uint32_t)(digit ? c - '0' : low - 'a' + 10);
    }
    return TSR_OK;
}

/* After \u; of a character beyond 0xFFFF two escapes make one. */
static int read_code(struct reader *r, uint32_t *c)
{
    uint32_t low;
    int rc = read_hex4(r, c);
    if (rc < 0 || *c < 0xD800 || *c > 0xDFFF) return rc;
    if (*c > 0xDBFF || r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
        return wrong(r, "the other half of a surrogate pair");
    r->p += 2;
    rc = read_hex4(r, &low);
    if (rc == TSR_OK && (low < 0xDC00 || low > 0xDFFF)) {
        r->p -= 4;
        rc = wrong(r, "the low half of a surrogate pair");
    }
    *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
    return rc;
}

/* The escape at p, behind the backslash, to *to, which it moves on. */
static int read_escape(struct reader *r, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    uint32_t c = 0;
    if (r->p < r->end && *r->p == 'u') {
        r->p++;
        int rc = read_code(r, &c);
        if (rc == TSR_OK) *to += tsr_utf8_put(c, *to);
        return rc;
    }
    const char *at = r->p < r->end && *r->p ? strchr(from, *r->p) : NULL;
    if (!at) return wrong(r, "an escape");
    r->p++;
    *(*to)++ = into[at - from];
    return TSR_OK;
}

/* To the closing quote at end, from p on; an escape is never shorter than what it makes. */
static int read_escaped(struct reader *r, const char *quote, char *to, size_t *len)
{
    char *first = to;
    while (r->p < quote) {
        if (*r->p != '\\') {
            *to++ = *r->p++;
            continue;
        }
        r->p++;
        int rc = read_escape(r, &to);
        if (rc < 0) return rc;
    }
    *to = 0;
    *len = (size_t)(to - first);
    return TSR_OK;
}

static int find_quote(struct reader *r, const char **quote, bool *escapes)
{
    const char *p = r->p;
    bool high = false;
    for (*escapes = false; p < r->end && *p != '"'; p++) {
        if ((uint8_t)*p < ' ') {
            r->p = p;
            return wrong(r, "no control character in a string");
        }
        high |= (uint8_t)*p >= 0x80;
        if (*p != '\\') continue;
        *escapes = true;
        if (++p == r->end) break;
    }
    if (p == r->end) {
        r->p = p;
        return wrong(r, "the end of a string");
    }
    if (high && !tsr_utf8_valid(r->p, (size_t)(p - r->p)))
        return tsr_fail(TSR_ECORRUPT, "JSON: the string at byte %zu is not UTF-8",
                        (size_t)(r->p - r->start));
    *quote = p;
    return TSR_OK;
}

static int read_string(struct reader *r, struct tsr_node *out)
{
    const char *quote = NULL;
    bool escapes;
    r->p++;
    int rc = find_quote(r, &quote, &escapes);
    if (rc < 0) return rc;
    size_t len = (size_t)(quote - r->p);
    char unused[1], *to = unused;
    *out = (struct tsr_node){.kind = TSR_NODE_STRING};
    if (!r->skip) {
        to = tsr_doc_alloc(r->doc, len + 1, 1);
        if (!to) return TSR_ENOMEM;
        memcpy(to, r->p, len);
        to[len] = 0;
        if (escapes) rc = read_escaped(r, quote, to, &len);
        out->s.p = to;
        out->s.len = len;
    }
    if (rc < 0) return rc;
    r->p = quote + 1;
    return TSR_OK;
}

/* ---- numbers ---- */

static bool take_digits(struct reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') r->p++;
    return r->p > from;
}

/* Moves p behind the number; *whole: neither fraction nor exponent. */
static int scan_number(struct reader *r, bool *whole)
{
    if (*r->p == '-') r->p++;
    const char *first = r->p;
    if (!take_digits(r)) return wrong(r, "a digit");
    if (*first == '0' && r->p - first > 1) {
        r->p = first + 1;
        return wrong(r, "no digit after a leading zero");
    }
    *whole = true;
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        *whole = false;
        if (!take_digits(r)) return wrong(r, "a digit");
    }
    if (r->p < r->end && (*r->p | 32) == 'e') {
        r->p++;
        *whole = false;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-')) r->p++;
        if (!take_digits(r)) return wrong(r, "a digit");
    }
    return TSR_OK;
}

static bool to_integer(const char *text, struct tsr_node *out)
{
    bool minus = *text == '-';
    uint64_t v = 0;
    for (const char *p = text + minus; *p; p++)
        if (!tsr_mul(v, 10, &v) || !tsr_add(v, (uint64_t)(*p - '0'), &v)) return false;
    if (minus && v > (uint64_t)INT64_MAX + 1) return false;
    if (v > INT64_MAX && !minus) *out = (struct tsr_node){.kind = TSR_NODE_UINT, .u = v};
    else *out = (struct tsr_node){.kind = TSR_NODE_INT, .i = (int64_t)(minus ? 0 - v : v)};
    return true;
}

static int read_number(struct reader *r, struct tsr_node *out)
{
    const char *from = r->p;
    bool whole;
    int rc = scan_number(r, &whole);
    if (rc < 0 || r->skip) return rc;
    const char *text = tsr_doc_string(r->doc, from, (size_t)(r->p - from));
    if (!text) return TSR_ENOMEM;
    /* -0 has no integer of its own, and readers that know it make a float of it */
    if (whole && strcmp(text, "-0") != 0 && to_integer(text, out)) return TSR_OK;
    if (whole && strcmp(text, "-0") != 0 && !(r->flags & TSR_JSON_BIG))
        return tsr_fail(TSR_ECORRUPT, "JSON: integer at byte %zu does not fit 64 bits",
                        (size_t)(from - r->start));
    *out = (struct tsr_node){.kind = TSR_NODE_FLOAT, .number = text};
    return tsr_number_parse(text, &out->f) ? TSR_OK : wrong(r, "a number");
}

/* ---- words ---- */

static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) return false;
    r->p += n;
    return true;
}

static int read_word(struct reader *r, struct tsr_node *out)
{
    *out = (struct tsr_node){.kind = TSR_NODE_NULL};
    if (take_word(r, "null")) return TSR_OK;
    out->kind = TSR_NODE_BOOL;
    if (take_word(r, "false")) return TSR_OK;
    out->b = true;
    if (take_word(r, "true")) return TSR_OK;
    *out = (struct tsr_node){.kind = TSR_NODE_FLOAT};
    if (r->flags & TSR_JSON_WORDS) {
        out->f = NAN;
        if (take_word(r, "NaN")) return TSR_OK;
        out->f = INFINITY;
        if (take_word(r, "Infinity")) return TSR_OK;
        out->f = -INFINITY;
        if (take_word(r, "-Infinity")) return TSR_OK;
    }
    return wrong(r, "a value");
}

/* ---- lists and maps ---- */

static int push(struct reader *r, const struct tsr_node *n)
{
    return r->skip ? TSR_OK : tsr_buf_add(&r->stack, n, sizeof *n);
}

/* The nodes above `base` of the stack move to the arena. */
static int pop(struct reader *r, size_t base, struct tsr_node *out)
{
    size_t len = r->stack.len - base;
    if (r->skip) return TSR_OK;
    out->list.v = tsr_doc_alloc(r->doc, len, 1);
    if (!out->list.v) return TSR_ENOMEM;
    if (len) memcpy(out->list.v, r->stack.p + base, len);
    out->list.n = len / sizeof *out / (out->kind == TSR_NODE_MAP ? 2 : 1);
    r->stack.len = base;
    return TSR_OK;
}

static int read_list(struct reader *r, struct tsr_node *out)
{
    size_t base = r->stack.len;
    int rc = TSR_OK;
    *out = (struct tsr_node){.kind = TSR_NODE_LIST};
    r->p++;
    skip_space(r);
    if (take(r, ']')) return pop(r, base, out);
    do {
        struct tsr_node item;
        rc = read_value(r, NULL, &item);
        if (rc == TSR_OK) rc = push(r, &item);
        if (rc < 0) return rc;
    } while (take(r, ','));
    if (!take(r, ']')) return wrong(r, "',' or ']'");
    return pop(r, base, out);
}

static int by_name(const void *a, const void *b)
{
    const struct tsr_node *const *x = a, *const *y = b;
    size_t n = tsr_minz((*x)->s.len, (*y)->s.len);
    int c = n ? memcmp((*x)->s.p, (*y)->s.p, n) : 0;
    return c ? c : ((*x)->s.len > (*y)->s.len) - ((*x)->s.len < (*y)->s.len);
}

static int check_names(const struct tsr_node *map)
{
    size_t n = map->list.n, i = 1;
    if (n < 2) return TSR_OK;
    const struct tsr_node **names = tsr_alloc_array(n, sizeof(struct tsr_node *));
    if (!names) return TSR_ENOMEM;
    for (size_t k = 0; k < n; k++) names[k] = map->list.v + 2 * k;
    qsort(names, n, sizeof *names, by_name);
    while (i < n && by_name(names + i - 1, names + i) != 0) i++;
    int rc = i == n
                 ? TSR_OK
                 : tsr_fail(TSR_ECORRUPT, "JSON: the member '%.80s' is there twice", names[i]->s.p);
    tsr_free(names);
    return rc;
}

/* The text of the value at p, looked at but not taken apart. */
static int read_raw(struct reader *r, struct tsr_node *out)
{
    const char *from = r->p;
    bool skipped = r->skip;
    struct tsr_node unused;
    r->skip = true;
    int rc = read_value(r, NULL, &unused);
    r->skip = skipped;
    *out = (struct tsr_node){.kind = TSR_NODE_BYTES};
    out->s.p = from;
    out->s.len = (size_t)(r->p - from);
    while (out->s.len && strchr(" \t\r\n", from[out->s.len - 1])) out->s.len--;
    return rc;
}

static int read_member(struct reader *r, const char *const *raw)
{
    struct tsr_node name, value;
    if (r->p == r->end || *r->p != '"') return wrong(r, "the name of a member");
    int rc = read_string(r, &name);
    if (rc == TSR_OK) skip_space(r);
    if (rc == TSR_OK && !take(r, ':')) rc = wrong(r, "':'");
    if (rc < 0) return rc;
    bool on_path = raw && *raw && !r->skip && strcmp(*raw, name.s.p) == 0;
    if (raw && !*raw && !r->skip) rc = read_raw(r, &value);
    else rc = read_value(r, on_path ? raw + 1 : NULL, &value);
    if (rc == TSR_OK) rc = push(r, &name);
    return rc < 0 ? rc : push(r, &value);
}

static int read_map(struct reader *r, const char *const *raw, struct tsr_node *out)
{
    size_t base = r->stack.len;
    *out = (struct tsr_node){.kind = TSR_NODE_MAP};
    r->p++;
    skip_space(r);
    if (take(r, '}')) return pop(r, base, out);
    do {
        int rc = read_member(r, raw);
        if (rc < 0) return rc;
    } while (take(r, ','));
    if (!take(r, '}')) return wrong(r, "',' or '}'");
    int rc = pop(r, base, out);
    return rc < 0 || r->skip ? rc : check_names(out);
}

static int read_nested(struct reader *r, const char *const *raw, struct tsr_node *out)
{
    if (++r->depth > r->depth_max)
        return tsr_fail(TSR_ECORRUPT, "JSON: nesting too deep at byte %zu: more than %d levels",
                        (size_t)(r->p - r->start), r->depth_max);
    int rc = *r->p == '{' ? read_map(r, raw, out) : read_list(r, out);
    r->depth--;
    return rc;
}

static int read_value(struct reader *r, const char *const *raw, struct tsr_node *out)
{
    skip_space(r);
    char c = r->p < r->end ? *r->p : 0;
    bool word = c == '-' && r->end - r->p > 1 && r->p[1] == 'I';
    int rc;
    *out = (struct tsr_node){.kind = TSR_NODE_NULL};
    if (c == '"') rc = read_string(r, out);
    else if (c == '{' || c == '[') rc = read_nested(r, raw, out);
    else if (!word && (c == '-' || (c >= '0' && c <= '9'))) rc = read_number(r, out);
    else rc = read_word(r, out);
    if (rc == TSR_OK) skip_space(r);
    return rc;
}

int tsr_json_read(struct tsr_doc *d, const char *text, size_t len, const struct tsr_json_rules *how,
                  struct tsr_node *root)
{
    struct reader r = {.doc = d, .start = text, .p = text, .end = text + len};
    r.depth_max = how && how->depth ? how->depth : TSR_DOC_DEPTH;
    r.flags = how ? how->flags : 0;
    int rc = read_value(&r, how ? how->raw : NULL, root);
    if (rc == TSR_OK && r.p < r.end) rc = wrong(&r, "the end");
    tsr_buf_free(&r.stack);
    return rc;
}

int tsr_json_parse(struct tsr_doc *d, const char *text, size_t len, struct tsr_node *root)
{
    return tsr_json_read(d, text, len, NULL, root);
}
