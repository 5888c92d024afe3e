/* SPDX-License-Identifier: BSD-3-Clause */
/* text/item.c - single items as text and back.
 *
 * Out: as Python's repr prints the value, so that people and scripts can tell 1 from 1.0 and
 * 'a' from b'a'.  In: what people type after --fill or `tessera set`. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "text/doc.h"
#include "text/dtype.h"
#include "text/isotime.h"
#include "text/number.h"

enum { TEXT_MAX = 64 * 1024 }; /* longer items are cut: a subarray may have 2^31 items */

/* ---- bits ---- */

static uint64_t load_bits(const uint8_t *p, int bytes, char order)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | p[order == '>' ? i : bytes - 1 - i];
    return v;
}

static void store_bits(uint8_t *p, int bytes, char order, uint64_t v)
{
    for (int i = 0; i < bytes; i++, v >>= 8) p[order == '>' ? bytes - 1 - i : i] = (uint8_t)v;
}

static int64_t load_int(const uint8_t *p, int bytes, char order)
{
    int shift = 64 - 8 * bytes;
    return (int64_t)(load_bits(p, bytes, order) << shift) >> shift;
}

static double load_float(const uint8_t *p, int bytes, char order)
{
    uint64_t bits = load_bits(p, bytes, order);
    uint32_t low = (uint32_t)bits;
    float f;
    double v;
    memcpy(&f, &low, sizeof f);
    memcpy(&v, &bits, sizeof v);
    return bytes == 2 ? tsr_half_to_double(low) : bytes == 4 ? (double)f : v;
}

/* False: a finite number became infinite. */
static bool store_float(uint8_t *p, int bytes, char order, double v)
{
    float f = (float)v;
    uint32_t low;
    uint64_t bits;
    memcpy(&low, &f, sizeof low);
    memcpy(&bits, &v, sizeof bits);
    store_bits(p, bytes, order,
               bytes == 2   ? tsr_double_to_half(v)
               : bytes == 4 ? (uint64_t)low
                            : bits);
    return !isfinite(v) || isfinite(load_float(p, bytes, order));
}

/* ---- to text ---- */

/* What repr() does with a quote, a backslash and control characters; 0: c stands for itself. */
static char escape_of(uint32_t c, char quote)
{
    if (c == (uint32_t)quote || c == '\\') return (char)c;
    return c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : 0;
}

static int emit_bytes(struct tsr_buf *out, const uint8_t *p, int64_t n)
{
    bool single = memchr(p, '\'', (size_t)n) != NULL, both = memchr(p, '"', (size_t)n) != NULL;
    char quote = single && !both ? '"' : '\'';
    int rc = tsr_buf_addf(out, "b%c", quote);
    for (int64_t i = 0; rc == TSR_OK && i < n && out->len < TEXT_MAX; i++) {
        char escape = escape_of(p[i], quote);
        if (escape) rc = tsr_buf_addf(out, "\\%c", escape);
        else if (p[i] >= ' ' && p[i] <= '~') rc = tsr_buf_add(out, p + i, 1);
        else rc = tsr_buf_addf(out, "\\x%02x", p[i]);
    }
    return rc < 0 ? rc : tsr_buf_addf(out, "%c", quote);
}

static int emit_char(struct tsr_buf *out, uint32_t c, char quote)
{
    char escape = escape_of(c, quote);
    if (escape) return tsr_buf_addf(out, "\\%c", escape);
    if (c < ' ' || (c >= 127 && c <= 160) || c == 173)
        return tsr_buf_addf(out, "\\x%02x", (unsigned)c);
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return tsr_buf_addf(out, "\\U%08x", (unsigned)c);
    if (c < 0x80) return tsr_buf_addf(out, "%c", (int)c);
    if (c < 0x800) return tsr_buf_addf(out, "%c%c", 0xC0 | (int)(c >> 6), 0x80 | (int)(c & 63));
    if (c < 0x10000)
        return tsr_buf_addf(out, "%c%c%c", 0xE0 | (int)(c >> 12), 0x80 | (int)(c >> 6 & 63),
                            0x80 | (int)(c & 63));
    return tsr_buf_addf(out, "%c%c%c%c", 0xF0 | (int)(c >> 18), 0x80 | (int)(c >> 12 & 63),
                        0x80 | (int)(c >> 6 & 63), 0x80 | (int)(c & 63));
}

static int emit_unicode(struct tsr_buf *out, const struct tsr_dtype *t, const uint8_t *p)
{
    int64_t n = t->item_bytes / 4;
    bool single = false, both = false;
    while (n > 0 && !load_bits(p + 4 * (n - 1), 4, t->order)) n--;
    for (int64_t i = 0; i < n; i++) {
        uint64_t c = load_bits(p + 4 * i, 4, t->order);
        single |= c == '\'';
        both |= c == '"';
    }
    char quote = single && !both ? '"' : '\'';
    int rc = tsr_buf_addf(out, "%c", quote);
    for (int64_t i = 0; rc == TSR_OK && i < n && out->len < TEXT_MAX; i++)
        rc = emit_char(out, (uint32_t)load_bits(p + 4 * i, 4, t->order), quote);
    return rc < 0 ? rc : tsr_buf_addf(out, "%c", quote);
}

static int emit_float(struct tsr_buf *out, double v, int bytes)
{
    char text[TSR_NUMBER_MAX];
    tsr_number_emit(v, bytes, text);
    return tsr_buf_addf(out, "%s", text);
}

/* Python leaves ".0" away in the parts of a complex number. */
static int emit_complex(struct tsr_buf *out, const struct tsr_dtype *t, const uint8_t *p)
{
    char part[2][TSR_NUMBER_MAX];
    int half = (int)t->item_bytes / 2;
    for (int i = 0; i < 2; i++) {
        tsr_number_emit(load_float(p + i * half, half, t->order), half, part[i]);
        size_t len = strlen(part[i]);
        if (len > 2 && !strcmp(part[i] + len - 2, ".0")) part[i][len - 2] = 0;
    }
    return tsr_buf_addf(out, "(%s%s%sj)", part[0], *part[1] == '-' ? "" : "+", part[1]);
}

static int emit_time(struct tsr_buf *out, const struct tsr_dtype *t, const uint8_t *p)
{
    char text[TSR_ISOTIME_MAX];
    int64_t v = load_int(p, 8, t->order);
    tsr_isotime_emit(v, t->kind == 'M' ? t->unit : "", text);
    return tsr_buf_addf(out, t->kind == 'M' || v == TSR_NAT ? "'%s'" : "%s", text);
}

/* The items of a subarray, nested in brackets. */
static int emit_subarray(struct tsr_buf *out, const struct tsr_field *f, int d, const uint8_t **p)
{
    if (d == f->ndim) {
        int rc = tsr_dtype_to_text(out, f->dtype, *p);
        *p += f->dtype->item_bytes;
        return rc;
    }
    int rc = tsr_buf_addf(out, "[");
    for (int64_t i = 0; rc == TSR_OK && i < f->shape[d] && out->len < TEXT_MAX; i++) {
        if (i) rc = tsr_buf_addf(out, ", ");
        if (rc == TSR_OK) rc = emit_subarray(out, f, d + 1, p);
    }
    return rc < 0 ? rc : tsr_buf_addf(out, "]");
}

static int emit_struct(struct tsr_buf *out, const struct tsr_dtype *t, const uint8_t *item)
{
    int rc = tsr_buf_addf(out, "(");
    for (int i = 0; rc == TSR_OK && i < t->nfields && out->len < TEXT_MAX; i++) {
        const uint8_t *p = item + t->fields[i].offset;
        if (i) rc = tsr_buf_addf(out, ", ");
        if (rc == TSR_OK) rc = emit_subarray(out, t->fields + i, 0, &p);
    }
    return rc < 0 ? rc : tsr_buf_addf(out, t->nfields == 1 ? ",)" : ")");
}

int tsr_dtype_to_text(struct tsr_buf *out, const struct tsr_dtype *t, const void *item)
{
    const uint8_t *p = item;
    int64_t n = t->item_bytes;
    switch (t->kind) {
    case 'b': return tsr_buf_addf(out, *p ? "True" : "False");
    case 'i': return tsr_buf_addf(out, "%" PRId64, load_int(p, (int)n, t->order));
    case 'u': return tsr_buf_addf(out, "%" PRIu64, load_bits(p, (int)n, t->order));
    case 'f':
        if (n <= 8) return emit_float(out, load_float(p, (int)n, t->order), (int)n);
        return emit_bytes(out, p, n);
    case 'c': return n <= 16 ? emit_complex(out, t, p) : emit_bytes(out, p, n);
    case 'M':
    case 'm': return emit_time(out, t, p);
    case 'S':
        while (n > 0 && !p[n - 1]) n--;
        return emit_bytes(out, p, n);
    case 'U': return emit_unicode(out, t, p);
    case 'T': return emit_struct(out, t, p);
    case 'A': return emit_subarray(out, t->fields, 0, &p);
    default: return emit_bytes(out, p, n);
    }
}

/* ---- from text ---- */

static int no_item(const struct tsr_dtype *t, const char *text)
{
    struct tsr_buf dtype = {0};
    int rc = tsr_dtype_emit(&dtype, t);
    if (rc == TSR_OK)
        rc = tsr_fail(TSR_EARG, "'%.80s' is no value of dtype %.*s", text, (int)dtype.len,
                      (const char *)dtype.p);
    tsr_buf_free(&dtype);
    return rc;
}

/* An integer, also as 0x.., true, or a float without fraction. */
static bool parse_integer(const char *text, bool is_signed, uint64_t *out)
{
    char *end;
    double v;
    bool minus = *text == '-';
    int base = !strncasecmp(text + minus, "0x", 2) ? 16 : 10;
    errno = 0;
    if (!strcasecmp(text, "true") || !strcasecmp(text, "false")) {
        *out = (*text | 32) == 't';
        return true;
    }
    if (!strchr("+-0123456789", *text) || !*text) return false;
    if (is_signed) *out = (uint64_t)strtoll(text, &end, base);
    else *out = minus ? (errno = ERANGE, end = (char *)text, 0) : strtoull(text, &end, base);
    if (end != text && !*end) return errno == 0;
    if (!tsr_number_parse(text, &v) || v != trunc(v)) return false;
    if (is_signed ? v < -0x1p63 || v >= 0x1p63 : v < 0 || v >= 0x1p64) return false;
    *out = is_signed ? (uint64_t)(int64_t)v : (uint64_t)v;
    return true;
}

static int integer_from_text(const struct tsr_dtype *t, const char *text, uint8_t *item)
{
    int bytes = (int)t->item_bytes;
    uint64_t v;
    if (!parse_integer(text, t->kind == 'i', &v)) return no_item(t, text);
    store_bits(item, bytes, t->order, v);
    uint64_t back = t->kind == 'i' ? (uint64_t)load_int(item, bytes, t->order)
                                   : load_bits(item, bytes, t->order);
    if (back != v || (t->kind == 'b' && v > 1)) return no_item(t, text);
    return TSR_OK;
}

static bool parse_float(const char *text, double *out)
{
    bool yes = !strcasecmp(text, "true"), no = !strcasecmp(text, "false");
    *out = yes ? 1 : 0;
    return yes || no || tsr_number_parse(text, out);
}

/* "1", "2j", "1+2j", "(1-2e-3j)": the imaginary part begins at the last sign that is not an
 * exponent's. */
static int complex_from_text(const struct tsr_dtype *t, const char *text, uint8_t *item)
{
    char copy[80];
    size_t len = strlen(text), cut = 0;
    int half = (int)t->item_bytes / 2;
    double re = 0, im = 0;
    if (len >= sizeof copy) return no_item(t, text);
    if (*text == '(' && text[len - 1] == ')') text++, len -= 2;
    memcpy(copy, text, len);
    copy[len] = 0;
    bool imaginary = len > 0 && (copy[len - 1] | 32) == 'j';
    if (imaginary) {
        copy[len - 1] = 0;
        for (size_t i = 1; i < len; i++)
            if ((copy[i] == '+' || copy[i] == '-') && (copy[i - 1] | 32) != 'e') cut = i;
        if (!parse_float(copy + cut, &im)) return no_item(t, text);
        copy[cut] = 0;
    }
    if ((!imaginary || cut) && !parse_float(copy, &re)) return no_item(t, text);
    if (!store_float(item, half, t->order, re) || !store_float(item + half, half, t->order, im))
        return no_item(t, text);
    return TSR_OK;
}

static int time_from_text(const struct tsr_dtype *t, const char *text, uint8_t *item)
{
    uint64_t bits = 0;
    int64_t v = TSR_NAT;
    if (t->kind == 'M' && tsr_isotime_parse(text, t->unit, &v)) bits = (uint64_t)v;
    else if (!strcasecmp(text, "nat")) bits = (uint64_t)TSR_NAT;
    else if (!parse_integer(text, true, &bits)) return no_item(t, text);
    store_bits(item, 8, t->order, bits);
    return TSR_OK;
}

static int unicode_from_text(const struct tsr_dtype *t, const char *text, uint8_t *item)
{
    const uint8_t *p = (const uint8_t *)text;
    int64_t n = t->item_bytes / 4, i = 0;
    if (!tsr_utf8_valid(text, strlen(text))) return no_item(t, text);
    memset(item, 0, (size_t)t->item_bytes);
    for (; *p; i++) {
        int more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : 0;
        uint32_t c = more ? *p & (0x3Fu >> more) : *p;
        for (p++; more > 0; more--) c = c << 6 | (*p++ & 0x3F);
        if (i == n) return no_item(t, text);
        store_bits(item + 4 * i, 4, t->order, c);
    }
    return TSR_OK;
}

static int bytes_from_text(const struct tsr_dtype *t, const char *text, uint8_t *item)
{
    size_t len = strlen(text), n = (size_t)t->item_bytes;
    if (len > n) return no_item(t, text);
    memset(item, 0, n);
    memcpy(item, text, len);
    return TSR_OK;
}

static int hex_from_text(const struct tsr_dtype *t, const char *text, uint8_t *item)
{
    size_t n = (size_t)t->item_bytes;
    if (strlen(text) != 2 * n || strspn(text, "0123456789abcdefABCDEF") != 2 * n)
        return no_item(t, text);
    for (size_t i = 0; i < n; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], 0};
        item[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return TSR_OK;
}

int tsr_dtype_from_text(const struct tsr_dtype *t, const char *text, void *item)
{
    double v;
    switch (t->kind) {
    case 'b':
    case 'i':
    case 'u': return integer_from_text(t, text, item);
    case 'f':
        if (t->item_bytes > 8) break;
        if (!parse_float(text, &v) || !store_float(item, (int)t->item_bytes, t->order, v))
            return no_item(t, text);
        return TSR_OK;
    case 'c':
        if (t->item_bytes > 16) break;
        return complex_from_text(t, text, item);
    case 'M':
    case 'm': return time_from_text(t, text, item);
    case 'S': return bytes_from_text(t, text, item);
    case 'U': return unicode_from_text(t, text, item);
    case 'V': return hex_from_text(t, text, item);
    default: break;
    }
    return tsr_fail(TSR_EUNSUPPORTED, "no value of kind '%c' and %lld bytes can be given as text",
                    t->kind, (long long)t->item_bytes);
}

/* ---- the public faces ---- */

int tsr_to_double(const char *dtype, const void *src, int64_t n, double *out)
{
    struct tsr_dtype *t;
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &t);
    if (rc < 0) return rc;
    rc = tsr_dtype_to_double(t, src, n, out);
    tsr_dtype_free(t);
    return rc;
}

int tsr_dtype_item_bytes(const char *dtype, int64_t *bytes)
{
    struct tsr_dtype *t;
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &t);
    if (rc < 0) return rc;
    *bytes = t->item_bytes;
    tsr_dtype_free(t);
    return TSR_OK;
}

int tsr_item_from_text(const char *dtype, const char *text, void *item)
{
    struct tsr_dtype *t;
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &t);
    if (rc < 0) return rc;
    rc = tsr_dtype_from_text(t, text, item);
    tsr_dtype_free(t);
    return rc;
}

int tsr_item_to_text(const char *dtype, const void *item, char *out, size_t cap)
{
    struct tsr_dtype *t;
    struct tsr_buf b = {0};
    int rc = tsr_dtype_parse(dtype, strlen(dtype), &t);
    if (rc < 0) return rc;
    rc = tsr_dtype_to_text(&b, t, item);
    if (rc == TSR_OK) rc = (int)b.len;
    if (rc >= 0 && cap) {
        size_t n = tsr_minz(b.len, cap - 1);
        if (n) memcpy(out, b.p, n);
        out[n] = 0;
    }
    tsr_buf_free(&b);
    tsr_dtype_free(t);
    return rc;
}
