/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/fill.c - fill values as items (zarr.md 4.4, 8.1 to 8.3).
 *
 * The two formats differ in what they let pass: format 2 has years of writers behind it, so whole
 * floats and text of digits count as integers and 0 as the zero of any type; format 3 is strict.
 * NaN bits are kept: an item is made from the text, never from a double of it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/base64.h"
#include "zarr/node.h"
#include "zarr/type.h"

struct filler {
    struct tsr_doc *doc;
    int format;
};

static int fill_item(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                     uint8_t *item);

static bool is_zero(const struct tsr_node *n)
{
    return n->kind == TSR_NODE_INT && n->i == 0;
}

static void store(const struct tsr_ztype *t, uint8_t *p, int bytes, uint64_t v)
{
    for (int i = 0; i < bytes; i++, v >>= 8) p[t->big ? bytes - 1 - i : i] = (uint8_t)v;
}

/* ---- numbers ---- */

/* Text of digits as an integer; "7.000" too where a fraction may be there. */
static bool digits_to_integer(const char *text, bool fraction, struct tsr_node *out)
{
    bool minus = *text == '-';
    uint64_t v = 0;
    const char *p = text + minus;
    if (*p < '0' || *p > '9') return false;
    for (; *p >= '0' && *p <= '9'; p++)
        if (!tsr_mul(v, 10, &v) || !tsr_add(v, (uint64_t)(*p - '0'), &v)) return false;
    if (fraction && *p == '.') p += 1 + strspn(p + 1, "0");
    if (*p || (minus && v > (uint64_t)INT64_MAX + 1)) return false;
    *out = (struct tsr_node){.kind = TSR_NODE_INT, .i = (int64_t)(minus ? 0 - v : v)};
    if (!minus && v > INT64_MAX) *out = (struct tsr_node){.kind = TSR_NODE_UINT, .u = v};
    return true;
}

/* The integer that n stands for, INT or UINT; false: none. */
static bool to_integer(const struct filler *f, const struct tsr_node *n, struct tsr_node *out)
{
    *out = *n;
    if (n->kind == TSR_NODE_INT || n->kind == TSR_NODE_UINT) return true;
    if (n->kind == TSR_NODE_FLOAT && n->number) {
        if (digits_to_integer(n->number, true, out)) return true;
        if (f->format == 3 || n->f != trunc(n->f) || fabs(n->f) > 0x1p53) return false;
        *out = (struct tsr_node){.kind = TSR_NODE_INT, .i = (int64_t)n->f};
        return true;
    }
    return f->format == 2 && n->kind == TSR_NODE_STRING && !memchr(n->s.p, 0, n->s.len) &&
           digits_to_integer(n->s.p, false, out);
}

static int fill_integer(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                        uint8_t *item)
{
    struct tsr_node v;
    int bits = t->bits;
    bool is_signed = t->kind != TSR_ZUINT, fits = to_integer(f, n, &v);
    if (fits && v.kind == TSR_NODE_UINT) fits = !is_signed && bits == 64;
    else if (fits && is_signed)
        fits = v.i >= INT64_MIN >> (64 - bits) && v.i <= INT64_MAX >> (64 - bits);
    else if (fits) fits = v.i >= 0 && (uint64_t)v.i <= UINT64_MAX >> (64 - bits);
    if (!fits)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "an integer in the range of %s", tsr_ztype_name(t));
    store(t, item, (int)t->dtype->item_bytes, v.kind == TSR_NODE_UINT ? v.u : (uint64_t)v.i);
    return TSR_OK;
}

static int fill_bool(const struct filler *f, const struct tsr_node *n, uint8_t *item)
{
    bool number = f->format == 2 && n->kind == TSR_NODE_INT && (n->i == 0 || n->i == 1);
    if (n->kind != TSR_NODE_BOOL && !number)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "true or false");
    *item = n->kind == TSR_NODE_BOOL ? n->b : n->i == 1;
    return TSR_OK;
}

static int fill_time(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                     uint8_t *item)
{
    static const struct tsr_node nat = {.kind = TSR_NODE_INT, .i = INT64_MIN};
    if (tsr_znode_is(n, "NaT")) n = &nat;
    return fill_integer(f, t, n, item);
}

/* "0x7fc00000": all digits of the pattern */
static int float_of_hex(const struct tsr_zfloat *f, const struct tsr_node *n, uint64_t *bits)
{
    size_t digits = f->bits <= 8 ? 2 : f->bits / 4;
    const char *p = n->s.p;
    if (n->s.len != digits + 2 || strspn(p + 2, "0123456789abcdefABCDEF") != digits)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "%zu hex digits for %s", digits, f->name);
    *bits = strtoull(p + 2, NULL, 16);
    if (f->bits < 8 && *bits >> f->bits)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "a pattern of %d bits for %s", f->bits, f->name);
    return TSR_OK;
}

static int float_of_text(const struct filler *f, const struct tsr_zfloat *form,
                         const struct tsr_node *n, uint64_t *bits)
{
    double v = NAN;
    bool inf = tsr_znode_is(n, "Infinity"), less = tsr_znode_is(n, "-Infinity");
    if (f->format == 3 && n->s.len >= 2 && memcmp(n->s.p, "0x", 2) == 0)
        return float_of_hex(form, n, bits);
    if (inf || less) v = inf ? INFINITY : -INFINITY;
    else if (!tsr_znode_is(n, "NaN"))
        return tsr_znode_wrong(TSR_ECORRUPT, n,
                               f->format == 3 ? "a number, NaN, Infinity, -Infinity or 0x..."
                                              : "a number, NaN, Infinity or -Infinity");
    if (!tsr_zfloat_encode(form, v, bits))
        return tsr_znode_wrong(TSR_ECORRUPT, n, "what %s has", form->name);
    return TSR_OK;
}

static int float_bits(const struct filler *f, const struct tsr_zfloat *form,
                      const struct tsr_node *n, uint64_t *bits)
{
    char text[32];
    const char *number = n->kind == TSR_NODE_FLOAT ? n->number : text;
    if (n->kind == TSR_NODE_STRING) return float_of_text(f, form, n, bits);
    if (n->kind == TSR_NODE_INT) snprintf(text, sizeof text, "%" PRId64, n->i);
    else if (n->kind == TSR_NODE_UINT) snprintf(text, sizeof text, "%" PRIu64, n->u);
    else if (n->kind != TSR_NODE_FLOAT || !number)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "a number for %s", form->name);
    if (tsr_zfloat_from_text(form, number, bits)) return TSR_OK;
    return tsr_znode_wrong(TSR_ECORRUPT, n, "a number in the range of %s", form->name);
}

static int fill_float(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                      uint8_t *item)
{
    uint64_t bits;
    int rc = float_bits(f, t->real, n, &bits);
    if (rc == TSR_OK) store(t, item, t->swap, bits);
    return rc;
}

static int fill_complex(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                        uint8_t *item)
{
    if (n->kind != TSR_NODE_LIST || n->list.n != 2)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "a list of two numbers");
    for (int i = 0; i < 2; i++) {
        int rc = fill_float(f, t, n->list.v + i, item + i * t->swap);
        if (rc < 0) {
            tsr_within("[%d]", i);
            return rc;
        }
    }
    return TSR_OK;
}

/* ---- bytes and text ---- */

/* Base64, or a list of integers where that may be; *p is in the arena. */
static int bytes_of(const struct filler *f, const struct tsr_node *n, bool list, const uint8_t **p,
                    size_t *len)
{
    bool text = n->kind == TSR_NODE_STRING;
    if (!text && !(list && n->kind == TSR_NODE_LIST))
        return tsr_znode_wrong(TSR_ECORRUPT, n, list ? "base64 or a list of bytes" : "base64");
    uint8_t *to = tsr_doc_alloc(f->doc, text ? tsr_base64_room(n->s.len) : n->list.n, 1);
    if (!to) return TSR_ENOMEM;
    *p = to;
    if (text && !tsr_base64_decode(n->s.p, n->s.len, to, len))
        return tsr_znode_wrong(TSR_ECORRUPT, n, "base64 with padding");
    if (text) return TSR_OK;
    for (size_t i = 0; i < n->list.n; i++) {
        int64_t v;
        int rc = tsr_znode_int(n->list.v + i, 0, 255, &v);
        if (rc < 0) return rc;
        to[i] = (uint8_t)v;
    }
    *len = n->list.n;
    return TSR_OK;
}

/* whole: exactly the item's size, else at most that.  Of "r16" a list is the rule, but tensorstore
 * writes base64. */
static int fill_bytes(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                      bool whole, uint8_t *item)
{
    const uint8_t *p;
    size_t len, size = (size_t)t->dtype->item_bytes;
    bool list = t->kind == TSR_ZRAW && t->old;
    if (f->format == 2 && is_zero(n)) return TSR_OK;
    int rc = bytes_of(f, n, list, &p, &len);
    if (rc < 0) return rc;
    if (whole ? len != size : len > size)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "%s%zu bytes, not %zu", whole ? "" : "at most ",
                               size, len);
    if (len) memcpy(item, p, len);
    return TSR_OK;
}

static int fill_text(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                     uint8_t *item)
{
    int64_t room = t->dtype->item_bytes / 4;
    if (f->format == 2 && is_zero(n)) return TSR_OK;
    if (n->kind != TSR_NODE_STRING) return tsr_znode_wrong(TSR_ECORRUPT, n, "text");
    const uint8_t *p = (const uint8_t *)n->s.p, *end = p + n->s.len;
    for (int64_t i = 0; p < end; i++) {
        int more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : 0;
        uint32_t c = more ? *p & (0x3Fu >> more) : *p;
        for (p++; more > 0; more--) c = c << 6 | (*p++ & 0x3F);
        if (i == room)
            return tsr_znode_wrong(TSR_ECORRUPT, n, "at most %lld characters", (long long)room);
        store(t, item + 4 * i, 4, c);
    }
    return TSR_OK;
}

/* ---- records ---- */

static int fill_fields(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                       uint8_t *item)
{
    const struct tsr_dtype *dt = t->dtype;
    for (int i = 0; i < dt->nfields; i++) {
        const struct tsr_node *v = tsr_znode_get(n, dt->fields[i].name);
        int rc = v ? fill_item(f, t->field[i], v, item + dt->fields[i].offset)
                   : tsr_znode_wrong(TSR_ECORRUPT, v, "a value for each field");
        if (rc < 0) {
            tsr_within("%s", dt->fields[i].name);
            return rc;
        }
    }
    if (n->list.n == (size_t)dt->nfields) return TSR_OK;
    return tsr_znode_wrong(TSR_ECORRUPT, n, "the names of the %d fields and no more", dt->nfields);
}

static int fill_record(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                       uint8_t *item)
{
    if (f->format == 3 && n->kind == TSR_NODE_MAP) return fill_fields(f, t, n, item);
    if (f->format == 2 || t->old) return fill_bytes(f, t, n, true, item);
    return tsr_znode_wrong(TSR_ECORRUPT, n, "an object with a value for each field");
}

/* item: zeros, t->dtype->item_bytes of them */
static int fill_item(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                     uint8_t *item)
{
    switch (t->kind) {
    case TSR_ZBOOL: return fill_bool(f, n, item);
    case TSR_ZINT:
    case TSR_ZUINT: return fill_integer(f, t, n, item);
    case TSR_ZFLOAT: return fill_float(f, t, n, item);
    case TSR_ZCOMPLEX: return fill_complex(f, t, n, item);
    case TSR_ZMOMENT:
    case TSR_ZSPAN: return fill_time(f, t, n, item);
    case TSR_ZCHARS: return fill_bytes(f, t, n, false, item);
    case TSR_ZRAW: return fill_bytes(f, t, n, true, item);
    case TSR_ZTEXT: return fill_text(f, t, n, item);
    case TSR_ZRECORD: return fill_record(f, t, n, item);
    default: return tsr_fail(TSR_EARG, "an item of variable length has no place");
    }
}

/* ---- items of variable length ---- */

/* A JSON value is an item as its text. */
static int text_of(const struct filler *f, const struct tsr_node *n, const uint8_t **p, size_t *len)
{
    struct tsr_buf b = {0};
    int rc = tsr_json_write(&b, n, TSR_JSON_WORDS);
    if (rc == TSR_OK) *p = (const uint8_t *)tsr_doc_string(f->doc, b.p, b.len);
    if (rc == TSR_OK && !*p) rc = TSR_ENOMEM;
    *len = b.len;
    tsr_buf_free(&b);
    return rc;
}

static int content_of(const struct filler *f, const struct tsr_ztype *t, const struct tsr_node *n,
                      const uint8_t **p, size_t *len)
{
    bool v2 = f->format == 2;
    *p = (const uint8_t *)"";
    *len = 0;
    if (t->kind == TSR_ZJSON || (v2 && t->kind == TSR_ZSTRING && n->kind == TSR_NODE_INT))
        return text_of(f, n, p, len);
    if (v2 && is_zero(n)) return TSR_OK;
    if (t->kind != TSR_ZSTRING) return bytes_of(f, n, !v2, p, len);
    if (n->kind != TSR_NODE_STRING) return tsr_znode_wrong(TSR_ECORRUPT, n, "text");
    *p = (const uint8_t *)n->s.p;
    *len = n->s.len;
    return TSR_OK;
}

static int fill_variable(const struct filler *f, const struct tsr_ztype *t,
                         const struct tsr_node *n, struct tsr_zfill *out)
{
    const uint8_t *p = (const uint8_t *)"";
    size_t len = 0;
    int rc = out->null ? TSR_OK : content_of(f, t, n, &p, &len);
    if (rc == TSR_OK && len > INT32_MAX)
        rc = tsr_fail(TSR_ELIMIT, "found %zu bytes, expected at most %d", len, INT32_MAX);
    if (rc < 0) return rc;
    uint8_t *item = tsr_doc_alloc(f->doc, len + 4, 1);
    if (!item) return TSR_ENOMEM;
    tsr_store_LE32(item, (uint32_t)len);
    if (len) memcpy(item + 4, p, len);
    out->p = item;
    out->len = len + 4;
    return TSR_OK;
}

int tsr_zfill_parse(struct tsr_doc *d, const struct tsr_ztype *t, const struct tsr_node *n,
                    int format, struct tsr_zfill *out)
{
    struct filler f = {.doc = d, .format = format};
    if (!n) return tsr_znode_wrong(TSR_ECORRUPT, n, "a fill value");
    *out = (struct tsr_zfill){.null = n->kind == TSR_NODE_NULL};
    if (!t->dtype) return fill_variable(&f, t, n, out);
    size_t len = (size_t)t->dtype->item_bytes;
    uint8_t *item = tsr_doc_alloc(d, len, 1);
    if (!item) return TSR_ENOMEM;
    memset(item, 0, len);
    out->p = item;
    out->len = len;
    return out->null ? TSR_OK : fill_item(&f, t, n, item);
}
