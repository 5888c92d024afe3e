/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/fill_emit.c - items as fill values (zarr.md 4.4, 8.1 to 8.3): what fill.c reads back to the
 * same bits.  Only NaN of format 2 loses its payload, for which that format has no word. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "text/number.h"
#include "zarr/base64.h"
#include "zarr/node.h"
#include "zarr/type_impl.h"

struct emitter {
    struct tsr_doc *doc;
    int format;
};

static int emit_item(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                     struct tsr_node *out);

static uint64_t load(const struct tsr_ztype *t, const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | p[t->big ? i : bytes - 1 - i];
    return v;
}

static int emit_text(const struct emitter *e, const void *p, size_t len, struct tsr_node *out)
{
    *out = (struct tsr_node){.kind = TSR_NODE_STRING};
    out->s.p = tsr_doc_string(e->doc, p, len);
    out->s.len = len;
    return out->s.p ? TSR_OK : TSR_ENOMEM;
}

static int emit_base64(const struct emitter *e, const uint8_t *p, size_t len, struct tsr_node *out)
{
    size_t n = tsr_base64_text(len);
    char *text = tsr_doc_alloc(e->doc, n + 1, 1);
    if (!text) return TSR_ENOMEM;
    tsr_base64_encode(p, len, text);
    text[n] = 0;
    *out = tsr_znode_of_text(text);
    return TSR_OK;
}

static int emit_integer(const struct tsr_ztype *t, const uint8_t *item, struct tsr_node *out)
{
    int shift = 64 - t->bits;
    uint64_t v = load(t, item, (int)t->dtype->item_bytes) << shift;
    if (t->kind != TSR_ZUINT) *out = tsr_znode_of_int((int64_t)v >> shift);
    else if (v >> shift > INT64_MAX)
        *out = (struct tsr_node){.kind = TSR_NODE_UINT, .u = v >> shift};
    else *out = tsr_znode_of_int((int64_t)(v >> shift));
    return TSR_OK;
}

/* Format 2 and no fill value are told apart by the caller. */
static int emit_time(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                     struct tsr_node *out)
{
    int rc = emit_integer(t, item, out);
    if (e->format == 3 && out->i == INT64_MIN) *out = tsr_znode_of_text("NaT");
    return rc;
}

/* The fewest digits that make the same bits again. */
static int emit_number(const struct emitter *e, const struct tsr_zfloat *f, uint64_t bits,
                       struct tsr_node *out)
{
    double v = tsr_zfloat_decode(f, bits);
    char text[TSR_NUMBER_MAX];
    uint64_t back = 0;
    if (f == tsr_zfloat_ieee(f->bits)) tsr_number_emit(v, f->bits / 8, text);
    else tsr_number_emit(v, 8, text);
    for (int n = 1; f != tsr_zfloat_ieee(f->bits) && n < 17; n++) {
        char sci[TSR_NUMBER_MAX];
        double d;
        snprintf(sci, sizeof sci, "%.*e", n - 1, v);
        char *comma = strchr(sci, ',');
        if (comma) *comma = '.';
        if (!tsr_zfloat_from_text(f, sci, &back) || back != bits || !tsr_number_parse(sci, &d))
            continue;
        tsr_number_emit(d, 8, text);
        break;
    }
    *out = (struct tsr_node){.kind = TSR_NODE_FLOAT, .f = v};
    out->number = tsr_doc_string(e->doc, text, strlen(text));
    return out->number ? TSR_OK : TSR_ENOMEM;
}

static int emit_float(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                      struct tsr_node *out)
{
    const struct tsr_zfloat *f = t->real;
    uint64_t bits = load(t, item, t->swap);
    char hex[24];
    if (f->bits < 64) bits &= (UINT64_C(1) << f->bits) - 1;
    double v = tsr_zfloat_decode(f, bits);
    if (isfinite(v)) return emit_number(e, f, bits, out);
    if (isinf(v)) *out = tsr_znode_of_text(v < 0 ? "-Infinity" : "Infinity");
    else *out = tsr_znode_of_text("NaN");
    if (!isnan(v) || e->format == 2 || bits == tsr_zfloat_nan(f)) return TSR_OK;
    snprintf(hex, sizeof hex, "0x%0*llx", f->bits <= 8 ? 2 : f->bits / 4, (unsigned long long)bits);
    return emit_text(e, hex, strlen(hex), out);
}

static int emit_complex(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                        struct tsr_node *out)
{
    struct tsr_node part[2];
    int rc = tsr_znode_new(e->doc, TSR_NODE_LIST, 2, out);
    for (int i = 0; rc == TSR_OK && i < 2; i++) {
        rc = emit_float(e, t, item + i * t->swap, part + i);
        if (rc == TSR_OK) tsr_znode_add(out, part[i]);
    }
    return rc;
}

/* Format 2: tensorstore wants the padding too. */
static int emit_chars(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                      struct tsr_node *out)
{
    size_t len = (size_t)t->dtype->item_bytes;
    while (e->format == 3 && len > 0 && !item[len - 1]) len--;
    return emit_base64(e, item, len, out);
}

static int emit_utf32(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                      struct tsr_node *out)
{
    int64_t n = t->dtype->item_bytes / 4;
    struct tsr_buf b = {0};
    int rc = TSR_OK;
    while (n > 0 && !load(t, item + 4 * (n - 1), 4)) n--;
    for (int64_t i = 0; rc == TSR_OK && i < n; i++) {
        char c[4];
        uint64_t code = load(t, item + 4 * i, 4);
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            rc = tsr_fail(TSR_EARG, "the fill value holds 0x%llx, which is no character",
                          (unsigned long long)code);
        else rc = tsr_buf_add(&b, c, tsr_utf8_put((uint32_t)code, c));
    }
    if (rc == TSR_OK) rc = emit_text(e, b.p ? b.p : (uint8_t *)"", b.len, out);
    tsr_buf_free(&b);
    return rc;
}

static int emit_raw(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                    struct tsr_node *out)
{
    int64_t n = t->dtype->item_bytes;
    if (e->format == 2 || !t->old) return emit_base64(e, item, (size_t)n, out);
    int rc = tsr_znode_new(e->doc, TSR_NODE_LIST, (size_t)n, out);
    for (int64_t i = 0; rc == TSR_OK && i < n; i++) tsr_znode_add(out, tsr_znode_of_int(item[i]));
    return rc;
}

static int emit_record(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                       struct tsr_node *out)
{
    const struct tsr_dtype *dt = t->dtype;
    if (e->format == 2) return emit_base64(e, item, (size_t)dt->item_bytes, out);
    int rc = tsr_znode_new(e->doc, TSR_NODE_MAP, (size_t)dt->nfields, out);
    for (int i = 0; rc == TSR_OK && i < dt->nfields; i++) {
        struct tsr_node v;
        rc = emit_item(e, t->field[i], item + dt->fields[i].offset, &v);
        const char *own = dt->fields[i].name; /* the type may go before the document */
        if (rc == TSR_OK && !(own = tsr_doc_string(e->doc, own, strlen(own)))) rc = TSR_ENOMEM;
        if (rc == TSR_OK) tsr_znode_put(out, own, v);
    }
    return rc;
}

static int emit_item(const struct emitter *e, const struct tsr_ztype *t, const uint8_t *item,
                     struct tsr_node *out)
{
    switch (t->kind) {
    case TSR_ZBOOL: *out = (struct tsr_node){.kind = TSR_NODE_BOOL, .b = *item != 0}; return TSR_OK;
    case TSR_ZINT:
    case TSR_ZUINT: return emit_integer(t, item, out);
    case TSR_ZFLOAT: return emit_float(e, t, item, out);
    case TSR_ZCOMPLEX: return emit_complex(e, t, item, out);
    case TSR_ZMOMENT:
    case TSR_ZSPAN: return emit_time(e, t, item, out);
    case TSR_ZCHARS: return emit_chars(e, t, item, out);
    case TSR_ZTEXT: return emit_utf32(e, t, item, out);
    case TSR_ZRAW: return emit_raw(e, t, item, out);
    case TSR_ZRECORD: return emit_record(e, t, item, out);
    default: return tsr_fail(TSR_EARG, "an item of variable length has no place");
    }
}

static int emit_variable(const struct emitter *e, const struct tsr_ztype *t,
                         const struct tsr_zfill *f, struct tsr_node *out)
{
    const uint8_t *p = f->p + 4;
    size_t len = f->len - 4;
    if (t->kind == TSR_ZSTRING) return emit_text(e, p, len, out);
    if (t->kind == TSR_ZJSON && len) return tsr_json_parse(e->doc, (const char *)p, len, out);
    return emit_base64(e, p, len, out);
}

int tsr_zfill_emit(struct tsr_doc *d, const struct tsr_ztype *t, const struct tsr_zfill *f,
                   int format, struct tsr_node *out)
{
    struct emitter e = {.doc = d, .format = format};
    if (f->null && format == 2) {
        *out = (struct tsr_node){.kind = TSR_NODE_NULL};
        return TSR_OK;
    }
    return t->dtype ? emit_item(&e, t, f->p, out) : emit_variable(&e, t, f, out);
}
