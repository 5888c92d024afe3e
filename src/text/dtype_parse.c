/* SPDX-License-Identifier: BSD-3-Clause */
/* text/dtype_parse.c - the grammar of NumPy dtype strings (blosc2.md 10.1), strictly.
 *
 *   whole    dtype | "(" dtype "," shape ")"
 *   dtype    scalar | "'" scalar "'" | struct | dict
 *   scalar   [<>|=] kind digits | [<>=] (M8|m8) [unit] | "?" | a name such as float32
 *   unit     "[" [count] (Y M W D h m s ms us ns ps fs as) "]"
 *   struct   "[" "(" string "," dtype ["," shape] ")" , ... "]"
 *   dict     "{" 'names': [...], 'formats': [...], 'offsets': [...], 'itemsize': n "}"
 *   format   dtype | "(" dtype "," shape ")"
 *   shape    n | "(" n , ... ")"
 *
 * Inside a struct a scalar stands in quotes.  The list of a .npy header spells padding as a
 * field named ''.  Nothing is evaluated; depth, number of fields and length are bounded, and
 * every size is checked before it is multiplied. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "text/dtype.h"

enum { DEPTH_MAX = 16, FIELDS_MAX = 4096, TEXT_MAX = 64 * 1024, DIMS_MAX = 8 };

struct parser {
    const char *start, *p, *end;
    int depth, fields; /* fields of all levels together */
};

static int parse_dtype(struct parser *s, bool quoted, struct tsr_dtype **out);
static int parse_format(struct parser *s, struct tsr_field *f);

static int wrong(const struct parser *s, const char *expected)
{
    char found[8] = "the end";
    if (s->p < s->end) {
        bool plain = *s->p >= ' ' && *s->p <= '~';
        found[0] = '\'', found[1] = plain ? *s->p : '?', found[2] = '\'', found[3] = 0;
    }
    return tsr_fail(TSR_ECORRUPT, "dtype: found %s at byte %zu, expected %s", found,
                    (size_t)(s->p - s->start), expected);
}

static void skip_space(struct parser *s)
{
    while (s->p < s->end && *s->p == ' ') s->p++;
}

/* Takes c, and the spaces around it. */
static bool take(struct parser *s, char c)
{
    skip_space(s);
    if (s->p == s->end || *s->p != c) return false;
    s->p++;
    skip_space(s);
    return true;
}

static bool is_digit(const struct parser *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static int parse_number(struct parser *s, int64_t *out)
{
    if (!is_digit(s)) return wrong(s, "a number");
    if (*s->p == '0' && s->p + 1 < s->end && s->p[1] >= '0' && s->p[1] <= '9')
        return wrong(s, "a number without leading zeros");
    for (*out = 0; is_digit(s); s->p++) {
        *out = *out * 10 + (*s->p - '0');
        if (*out > INT32_MAX) return wrong(s, "at most 2147483647");
    }
    return TSR_OK;
}

/* ---- quoted strings ---- */

static bool hex_digits(struct parser *s, int n, uint32_t *out)
{
    *out = 0;
    if (s->end - s->p < n) return false;
    for (int i = 0; i < n; i++) {
        const char *all = "0123456789abcdefABCDEF";
        const char *at = s->p[i] ? strchr(all, s->p[i]) : NULL;
        if (!at) return false;
        uint32_t v = (uint32_t)(at - all);
        *out = *out << 4 | (v < 16 ? v : v - 6);
    }
    s->p += n;
    return true;
}

static int add_utf8(struct tsr_buf *b, uint32_t c)
{
    uint8_t u[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; c >>= 6) u[i] = (uint8_t)(0x80 | (c & 0x3F));
    u[0] = (uint8_t)(lead[n] | c);
    return tsr_buf_add(b, u, n);
}

/* After the backslash, as Python's repr escapes. */
static int parse_escape(struct parser *s, struct tsr_buf *b)
{
    if (s->p == s->end) return wrong(s, "an escape");
    char c = *s->p++;
    uint32_t code;
    switch (c) {
    case '\\':
    case '\'':
    case '"': return tsr_buf_add(b, &c, 1);
    case 'n': return tsr_buf_add(b, "\n", 1);
    case 't': return tsr_buf_add(b, "\t", 1);
    case 'r': return tsr_buf_add(b, "\r", 1);
    case 'x':
    case 'u':
    case 'U':
        if (!hex_digits(s,
                        c == 'x'   ? 2
                        : c == 'u' ? 4
                                   : 8,
                        &code) ||
            !code || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return wrong(s, "a character code");
        return add_utf8(b, code);
    default: s->p--; return wrong(s, "an escape of Python");
    }
}

/* A string in quotes, as a new string without NUL inside. */
static int parse_string(struct parser *s, char **out)
{
    struct tsr_buf b = {0};
    skip_space(s);
    if (s->p == s->end || (*s->p != '\'' && *s->p != '"')) return wrong(s, "a string");
    char quote = *s->p++;
    int rc = TSR_OK;
    while (rc == TSR_OK && s->p < s->end && *s->p != quote) {
        if (!*s->p) rc = wrong(s, "a character of a name");
        else if (*s->p == '\\') s->p++, rc = parse_escape(s, &b);
        else rc = tsr_buf_add(&b, s->p++, 1);
    }
    if (rc == TSR_OK && s->p == s->end) rc = wrong(s, "a closing quote");
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc < 0) {
        tsr_buf_free(&b);
        return rc;
    }
    s->p++;
    skip_space(s);
    *out = (char *)b.p;
    return TSR_OK;
}

/* ---- scalars ---- */

struct name {
    const char *name;
    char kind;
    uint8_t bytes;
};

static const struct name names[] = {
    {"bool", 'b', 1},      {"int8", 'i', 1},        {"int16", 'i', 2},      {"int32", 'i', 4},
    {"int64", 'i', 8},     {"uint8", 'u', 1},       {"uint16", 'u', 2},     {"uint32", 'u', 4},
    {"uint64", 'u', 8},    {"float16", 'f', 2},     {"float32", 'f', 4},    {"float64", 'f', 8},
    {"complex64", 'c', 8}, {"complex128", 'c', 16}, {"datetime64", 'M', 8}, {"timedelta64", 'm', 8},
};

/* One of the names, or "?"; false: it is something else and nothing is taken. */
static bool parse_name(struct parser *s, struct tsr_dtype *t)
{
    size_t n = 0, left = (size_t)(s->end - s->p);
    while (n < left &&
           ((s->p[n] | 32) >= 'a' ? (s->p[n] | 32) <= 'z' : s->p[n] >= '0' && s->p[n] <= '9'))
        n++;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i].name) != n || memcmp(names[i].name, s->p, n) != 0) continue;
        t->kind = names[i].kind;
        t->item_bytes = names[i].bytes;
        s->p += n;
        return true;
    }
    if (!left || *s->p != '?') return false;
    t->kind = 'b';
    t->item_bytes = 1;
    s->p++;
    return true;
}

static bool size_fits(char kind, int64_t n)
{
    switch (kind) {
    case 'b': return n == 1;
    case 'i':
    case 'u': return n == 1 || n == 2 || n == 4 || n == 8;
    case 'f': return n == 2 || n == 4 || n == 8 || n == 12 || n == 16;
    case 'c': return n == 8 || n == 16 || n == 24 || n == 32;
    case 'M':
    case 'm': return n == 8;
    default: return true; /* S U V: any length */
    }
}

static int parse_kind(struct parser *s, struct tsr_dtype *t)
{
    int64_t n;
    if (s->p < s->end && *s->p == 'O')
        return tsr_fail(TSR_EUNSUPPORTED, "dtype: Python objects ('O') have no stored form");
    if (s->p == s->end || !*s->p || !strchr("biufcMmSUV", *s->p))
        return wrong(s, "a kind (one of b i u f c M m S U V)");
    t->kind = *s->p++;
    int rc = parse_number(s, &n);
    if (rc < 0) return rc;
    if (!size_fits(t->kind, n)) return wrong(s, "a size that the kind has");
    t->item_bytes = t->kind == 'U' ? n * 4 : n;
    if (t->item_bytes > INT32_MAX) return wrong(s, "an item of at most 2147483647 bytes");
    return TSR_OK;
}

/* "[25s]" behind M8 and m8. */
static int parse_unit(struct parser *s, struct tsr_dtype *t)
{
    static const char *const units[] = {"Y",  "M",  "W",  "D",  "h",  "m", "s",
                                        "ms", "us", "ns", "ps", "fs", "as"};
    const char *from = ++s->p;
    int64_t count = 1;
    int rc = is_digit(s) ? parse_number(s, &count) : TSR_OK;
    if (rc < 0) return rc;
    if (count == 0) return wrong(s, "a count above 0");
    const char *unit = s->p;
    while (s->p < s->end && *s->p != ']') s->p++;
    size_t len = (size_t)(s->p - unit);
    bool known = false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        known |= strlen(units[i]) == len && !memcmp(units[i], unit, len);
    if (!known || s->p == s->end) {
        s->p = unit;
        return wrong(s, "a unit of time");
    }
    if (count == 1) from = unit;                  /* NumPy drops a count of one */
    memcpy(t->unit, from, (size_t)(s->p - from)); /* <= 10 digits and 2 letters */
    s->p++;
    return TSR_OK;
}

static int parse_scalar(struct parser *s, struct tsr_dtype *t)
{
    char order = 0;
    if (s->p < s->end && *s->p && strchr("<>|=", *s->p)) order = *s->p++;
    int rc = !order && parse_name(s, t) ? TSR_OK : parse_kind(s, t);
    if (rc < 0) return rc;
    if ((t->kind == 'M' || t->kind == 'm') && s->p < s->end && *s->p == '[') rc = parse_unit(s, t);
    bool single = t->kind == 'S' || t->kind == 'V' || (t->item_bytes == 1);
    t->order = single ? '|' : order == '>' ? '>' : '<';
    if (!order || order == '=') t->order = single ? '|' : TSR_LE16(1) == 1 ? '<' : '>';
    return rc;
}

/* ---- structures ---- */

static int add_field(struct parser *s, struct tsr_dtype *t, struct tsr_field **out)
{
    if (++s->fields > FIELDS_MAX) return wrong(s, "at most 4096 fields");
    if (!(t->nfields & (t->nfields - 1))) { /* 0, 1, 2, 4, ...: full */
        size_t cap = t->nfields ? 2 * (size_t)t->nfields : 1;
        struct tsr_field *v = tsr_realloc(t->fields, cap, sizeof *v);
        if (!v) return TSR_ENOMEM;
        t->fields = v;
    }
    *out = t->fields + t->nfields++;
    **out = (struct tsr_field){0};
    return TSR_OK;
}

static int parse_shape(struct parser *s, struct tsr_field *f)
{
    int rc;
    if (is_digit(s)) {
        if ((rc = parse_number(s, f->shape)) < 0) return rc;
        f->ndim = 1;
        return TSR_OK;
    }
    if (!take(s, '(')) return wrong(s, "a shape");
    while (!take(s, ')')) {
        if (f->ndim == DIMS_MAX) return wrong(s, "at most 8 dimensions");
        if ((rc = parse_number(s, f->shape + f->ndim)) < 0) return rc;
        f->ndim++;
        if (take(s, ',')) continue;
        if (f->ndim == 1 || !take(s, ')')) return wrong(s, "',' or ')'");
        break;
    }
    return TSR_OK;
}

/* Bytes of a field with its subarray. */
static int field_bytes(const struct parser *s, const struct tsr_field *f, int64_t *out)
{
    if (!tsr_product(f->shape, f->ndim, out) || !tsr_mul(*out, f->dtype->item_bytes, out) ||
        *out > INT32_MAX)
        return wrong(s, "fields of at most 2147483647 bytes");
    return TSR_OK;
}

/* The next field starts where this one ends. */
static int place_field(const struct parser *s, struct tsr_dtype *t, struct tsr_field *f)
{
    int64_t bytes;
    int rc = field_bytes(s, f, &bytes);
    if (rc < 0) return rc;
    f->offset = t->item_bytes;
    t->item_bytes += bytes;
    return t->item_bytes > INT32_MAX ? wrong(s, "an item of at most 2147483647 bytes") : TSR_OK;
}

static void drop_field(struct tsr_dtype *t)
{
    struct tsr_field *f = t->fields + --t->nfields;
    tsr_free(f->name);
    tsr_dtype_free(f->dtype);
}

/* ('name', dtype[, shape]); '' with a void type is padding. */
static int parse_field(struct parser *s, struct tsr_dtype *t)
{
    struct tsr_field *f = NULL;
    int rc = add_field(s, t, &f);
    if (rc < 0) return rc;
    if (!take(s, '(')) return wrong(s, "'('");
    if ((rc = parse_string(s, &f->name)) < 0) return rc;
    if (!take(s, ',')) return wrong(s, "','");
    if ((rc = parse_format(s, f)) < 0) return rc;
    if (take(s, ',') && !f->ndim && s->p < s->end && *s->p != ')' && (rc = parse_shape(s, f)) < 0)
        return rc;
    if (!take(s, ')')) return wrong(s, "')'");
    if ((rc = place_field(s, t, f)) < 0) return rc;
    if (*f->name) return TSR_OK;
    if (f->dtype->kind != 'V' || f->ndim) return wrong(s, "a name for the field");
    drop_field(t);
    return TSR_OK;
}

static int parse_struct(struct parser *s, struct tsr_dtype *t)
{
    int rc;
    do {
        if (s->p < s->end && *s->p == ']') break;
        if ((rc = parse_field(s, t)) < 0) return rc;
    } while (take(s, ','));
    if (!take(s, ']')) return wrong(s, "',' or ']'");
    return t->nfields ? TSR_OK : wrong(s, "a field before the end of the list");
}

/* A format, or one in parentheses with its shape. */
static int parse_format(struct parser *s, struct tsr_field *f)
{
    if (!take(s, '(')) return parse_dtype(s, true, &f->dtype);
    int rc = parse_dtype(s, true, &f->dtype);
    if (rc < 0) return rc;
    if (!take(s, ',')) return wrong(s, "','");
    if ((rc = parse_shape(s, f)) < 0) return rc;
    take(s, ',');
    return take(s, ')') ? TSR_OK : wrong(s, "')'");
}

/* ---- dictionaries: the lists come in any order, so fields are made by the first one ---- */

enum { KEY_NAMES, KEY_FORMATS, KEY_OFFSETS, KEY_ITEMSIZE, KEY_ALIGNED, KEYS };

struct dict {
    bool seen[KEYS];
    int64_t itemsize;
};

static int parse_key(struct parser *s, struct dict *d, int *key)
{
    static const char *const keys[] = {"names", "formats", "offsets", "itemsize", "aligned"};
    char *name = NULL;
    int rc = parse_string(s, &name);
    if (rc < 0) return rc;
    for (*key = 0; *key < KEYS && strcmp(name, keys[*key]) != 0;) ++*key;
    tsr_free(name);
    if (*key == KEYS || d->seen[*key])
        return wrong(s, "each of 'names', 'formats', 'offsets', 'itemsize', 'aligned' once, "
                        "before this");
    d->seen[*key] = true;
    return take(s, ':') ? TSR_OK : wrong(s, "':'");
}

static int parse_element(struct parser *s, int key, struct tsr_field *f)
{
    if (key == KEY_NAMES) {
        int rc = parse_string(s, &f->name);
        return rc < 0 || *f->name ? rc : wrong(s, "a name for the field");
    }
    skip_space(s);
    return key == KEY_OFFSETS ? parse_number(s, &f->offset) : parse_format(s, f);
}

/* One of the three lists.  The first one makes the fields, the others must be as long. */
static int parse_list(struct parser *s, const struct dict *d, int key, struct tsr_dtype *t)
{
    int i = 0, rc;
    bool first = d->seen[KEY_NAMES] + d->seen[KEY_FORMATS] + d->seen[KEY_OFFSETS] == 1;
    if (!take(s, '[')) return wrong(s, "'['");
    do {
        if (!first && i == t->nfields) break;
        struct tsr_field *f = first ? NULL : t->fields + i;
        if (first && (rc = add_field(s, t, &f)) < 0) return rc;
        if ((rc = parse_element(s, key, f)) < 0) return rc;
        i++;
    } while (take(s, ','));
    if (!take(s, ']') || i != t->nfields) return wrong(s, "lists of the same length");
    return TSR_OK;
}

static int parse_aligned(struct parser *s)
{
    static const char *const values[] = {"True", "False"};
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(values[i]);
        if ((size_t)(s->end - s->p) < n || memcmp(s->p, values[i], n) != 0) continue;
        s->p += n;
        return TSR_OK;
    }
    return wrong(s, "True or False");
}

static int parse_entry(struct parser *s, struct dict *d, struct tsr_dtype *t)
{
    int key, rc = parse_key(s, d, &key);
    if (rc < 0) return rc;
    if (key == KEY_ITEMSIZE) return parse_number(s, &d->itemsize);
    return key == KEY_ALIGNED ? parse_aligned(s) : parse_list(s, d, key, t);
}

/* Offsets as given or one behind the other; every field must end inside the item. */
static int place_all(const struct parser *s, const struct dict *d, struct tsr_dtype *t)
{
    int64_t end = 0;
    for (int i = 0; i < t->nfields; i++) {
        struct tsr_field *f = t->fields + i;
        int64_t bytes, offset = f->offset;
        int rc = field_bytes(s, f, &bytes);
        if (rc == TSR_OK && !d->seen[KEY_OFFSETS]) rc = place_field(s, t, f);
        if (rc < 0) return rc;
        if (!d->seen[KEY_OFFSETS]) offset = f->offset;
        end = tsr_max64(end, offset + bytes);
    }
    t->item_bytes = d->seen[KEY_ITEMSIZE] ? d->itemsize : end;
    if (end > t->item_bytes || t->item_bytes > INT32_MAX)
        return tsr_fail(TSR_ECORRUPT, "dtype: fields end at byte %lld, expected at most %lld",
                        (long long)end, (long long)tsr_min64(t->item_bytes, INT32_MAX));
    return TSR_OK;
}

static int parse_dict(struct parser *s, struct tsr_dtype *t)
{
    struct dict d = {0};
    int rc;
    do {
        skip_space(s);
        if ((rc = parse_entry(s, &d, t)) < 0) return rc;
    } while (take(s, ','));
    if (!take(s, '}')) return wrong(s, "',' or '}'");
    if (!d.seen[KEY_NAMES] || !d.seen[KEY_FORMATS])
        return wrong(s, "'names' and 'formats' before this");
    return place_all(s, &d, t);
}

/* ---- the whole ---- */

static int check_names(const struct tsr_dtype *t)
{
    for (int i = 0; i < t->nfields; i++)
        for (int j = 0; j < i; j++)
            if (!strcmp(t->fields[i].name, t->fields[j].name))
                return tsr_fail(TSR_ECORRUPT, "dtype: two fields are named '%.64s'",
                                t->fields[i].name);
    return TSR_OK;
}

static int parse_quoted(struct parser *s, struct tsr_dtype *t)
{
    if (s->p == s->end || (*s->p != '\'' && *s->p != '"')) return wrong(s, "a dtype");
    char quote = *s->p++;
    int rc = parse_scalar(s, t);
    if (rc < 0) return rc;
    return s->p < s->end && *s->p == quote && take(s, quote) ? TSR_OK : wrong(s, "a closing quote");
}

static int parse_any(struct parser *s, bool quoted, struct tsr_dtype *t)
{
    bool list = take(s, '['), dict = !list && take(s, '{');
    if (!list && !dict) {
        bool quote = s->p < s->end && (*s->p == '\'' || *s->p == '"');
        return quoted || quote ? parse_quoted(s, t) : parse_scalar(s, t);
    }
    if (s->depth == DEPTH_MAX) return wrong(s, "at most 16 levels");
    s->depth++;
    t->kind = 'T';
    t->order = '|';
    int rc = list ? parse_struct(s, t) : parse_dict(s, t);
    s->depth--;
    return rc < 0 ? rc : check_names(t);
}

static int parse_dtype(struct parser *s, bool quoted, struct tsr_dtype **out)
{
    struct tsr_dtype *t = tsr_alloc_zero(1, sizeof *t);
    if (!t) return TSR_ENOMEM;
    int rc = parse_any(s, quoted, t);
    if (rc < 0) tsr_dtype_free(t);
    else *out = t;
    return rc;
}

/* An item that is a subarray: its only field, without a name, says of what. */
static int parse_whole(struct parser *s, struct tsr_dtype **out)
{
    struct tsr_field *f = NULL;
    if (s->p == s->end || *s->p != '(') return parse_dtype(s, false, out);
    struct tsr_dtype *t = *out = tsr_alloc_zero(1, sizeof *t);
    if (!t) return TSR_ENOMEM;
    t->kind = 'A';
    t->order = '|';
    int rc = add_field(s, t, &f);
    if (rc == TSR_OK) rc = parse_format(s, f);
    if (rc < 0 || f->ndim) return rc < 0 ? rc : field_bytes(s, f, &t->item_bytes);
    *out = f->dtype; /* of the shape (), which is no subarray */
    f->dtype = NULL;
    tsr_dtype_free(t);
    return TSR_OK;
}

/* What only Zarr has, under names that are no dtypes. */
static bool is_loose(const char *text, size_t len)
{
    static const char *const loose[] = {"string", "bytes", "json"};
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++)
        if (strlen(loose[i]) == len && memcmp(text, loose[i], len) == 0) return true;
    return len > 6 && memcmp(text, "array(", 6) == 0;
}

int tsr_dtype_parse(const char *text, size_t len, struct tsr_dtype **out)
{
    struct parser s = {.start = text, .p = text, .end = text + len};
    *out = NULL;
    if (len > TEXT_MAX)
        return tsr_fail(TSR_ELIMIT, "dtype: text of %zu bytes, expected at most %d", len, TEXT_MAX);
    if (is_loose(text, len))
        return tsr_fail(TSR_EUNSUPPORTED,
                        "dtype %.*s: items of variable length, expected a fixed size",
                        (int)tsr_minz(len, 60), text);
    skip_space(&s);
    int rc = parse_whole(&s, out);
    skip_space(&s);
    if (rc == TSR_OK && s.p != s.end) rc = wrong(&s, "the end");
    if (rc == TSR_OK && (*out)->item_bytes < 1) rc = wrong(&s, "an item of at least one byte");
    if (rc < 0) {
        tsr_dtype_free(*out);
        *out = NULL;
    }
    return rc;
}
