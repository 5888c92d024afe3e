/* SPDX-License-Identifier: BSD-3-Clause */
/* text/dtype.c - dtypes as values: freeing, spelling, and items as doubles.
 *
 * NumPy spells a scalar in two ways: alone ('|u1', '|S3', '|b1') and short, inside the str() of
 * a structure ('u1', 'S3', '?').  A structure without gaps is a list of tuples, any other a
 * dictionary of names, formats and offsets. */
#include "text/dtype.h"

#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "text/number.h"

enum style { ALONE, SHORT, DESCR };

void tsr_dtype_free(struct tsr_dtype *t)
{
    if (!t) return;
    for (int i = 0; i < t->nfields; i++) {
        tsr_free(t->fields[i].name);
        tsr_dtype_free(t->fields[i].dtype);
    }
    tsr_free(t->fields);
    tsr_free(t);
}

/* ---- emit ---- */

static int emit(struct tsr_buf *out, const struct tsr_dtype *t, enum style style);

static int emit_scalar(struct tsr_buf *out, const struct tsr_dtype *t, enum style style)
{
    char order[2] = {t->order, 0};
    bool time = t->kind == 'M' || t->kind == 'm';
    const char *quote = style == ALONE ? "" : "'";
    if (style == SHORT && t->order == '|') *order = 0;
    if (style == SHORT && t->kind == 'b') return tsr_buf_addf(out, "'?'");
    return tsr_buf_addf(out, "%s%s%c%lld%s%s%s%s", quote, order, t->kind,
                        (long long)(t->kind == 'U' ? t->item_bytes / 4 : t->item_bytes),
                        time && *t->unit ? "[" : "", t->unit, time && *t->unit ? "]" : "", quote);
}

static int emit_shape(struct tsr_buf *out, const struct tsr_field *f)
{
    int rc = tsr_buf_addf(out, "(");
    for (int i = 0; rc == TSR_OK && i < f->ndim; i++)
        rc = tsr_buf_addf(out, "%s%lld", i ? ", " : "", (long long)f->shape[i]);
    return rc < 0 ? rc : tsr_buf_addf(out, f->ndim == 1 ? ",)" : ")");
}

/* As repr() of a str.  Text beyond ASCII is kept as it is. */
static int emit_string(struct tsr_buf *out, const char *s)
{
    char quote = strchr(s, '\'') && !strchr(s, '"') ? '"' : '\'';
    int rc = tsr_buf_add(out, &quote, 1);
    for (; rc == TSR_OK && *s; s++) {
        uint8_t c = (uint8_t)*s;
        if (c == '\n' || c == '\t' || c == '\r')
            rc = tsr_buf_addf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c == '\\' || c == quote) rc = tsr_buf_addf(out, "\\%c", c);
        else if (c < ' ' || c == 127) rc = tsr_buf_addf(out, "\\x%02x", c);
        else rc = tsr_buf_add(out, s, 1);
    }
    return rc < 0 ? rc : tsr_buf_add(out, &quote, 1);
}

static int64_t field_end(const struct tsr_field *f)
{
    int64_t n;
    tsr_product(f->shape, f->ndim, &n); /* the parser has seen that it fits */
    return f->offset + n * f->dtype->item_bytes;
}

static bool is_packed(const struct tsr_dtype *t)
{
    int64_t at = 0;
    for (int i = 0; i < t->nfields; i++) {
        if (t->fields[i].offset != at) return false;
        at = field_end(t->fields + i);
    }
    return at == t->item_bytes;
}

static int emit_tuple(struct tsr_buf *out, const struct tsr_field *f, enum style style)
{
    int rc = tsr_buf_addf(out, "(");
    if (rc == TSR_OK) rc = emit_string(out, f->name);
    if (rc == TSR_OK) rc = tsr_buf_addf(out, ", ");
    if (rc == TSR_OK) rc = emit(out, f->dtype, style);
    if (rc == TSR_OK && f->ndim) rc = tsr_buf_addf(out, ", ");
    if (rc == TSR_OK && f->ndim) rc = emit_shape(out, f);
    return rc < 0 ? rc : tsr_buf_addf(out, ")");
}

static int emit_list(struct tsr_buf *out, const struct tsr_dtype *t)
{
    int rc = tsr_buf_addf(out, "[");
    for (int i = 0; rc == TSR_OK && i < t->nfields; i++) {
        if (i) rc = tsr_buf_addf(out, ", ");
        if (rc == TSR_OK) rc = emit_tuple(out, t->fields + i, SHORT);
    }
    return rc < 0 ? rc : tsr_buf_addf(out, "]");
}

static int emit_gap(struct tsr_buf *out, int64_t from, int64_t to, bool first)
{
    if (to < from)
        return tsr_fail(TSR_EUNSUPPORTED, "dtype: fields that overlap or are out of order have "
                                          "no form in a .npy header");
    if (to == from) return TSR_OK;
    return tsr_buf_addf(out, "%s('', '|V%lld')", first ? "" : ", ", (long long)(to - from));
}

static int emit_descr_list(struct tsr_buf *out, const struct tsr_dtype *t)
{
    int64_t at = 0;
    int rc = tsr_buf_addf(out, "[");
    for (int i = 0; rc == TSR_OK && i < t->nfields; i++) {
        const struct tsr_field *f = t->fields + i;
        rc = emit_gap(out, at, f->offset, !i);
        if (rc == TSR_OK && (i || f->offset > 0)) rc = tsr_buf_addf(out, ", ");
        if (rc == TSR_OK) rc = emit_tuple(out, f, DESCR);
        at = field_end(f);
    }
    if (rc == TSR_OK) rc = emit_gap(out, at, t->item_bytes, false);
    return rc < 0 ? rc : tsr_buf_addf(out, "]");
}

static int emit_dict_format(struct tsr_buf *out, const struct tsr_field *f)
{
    int rc = f->ndim ? tsr_buf_addf(out, "(") : TSR_OK;
    if (rc == TSR_OK) rc = emit(out, f->dtype, SHORT);
    if (rc < 0 || !f->ndim) return rc;
    rc = tsr_buf_addf(out, ", ");
    if (rc == TSR_OK) rc = emit_shape(out, f);
    return rc < 0 ? rc : tsr_buf_addf(out, ")");
}

static int emit_dict(struct tsr_buf *out, const struct tsr_dtype *t)
{
    int rc = tsr_buf_addf(out, "{'names': [");
    for (int i = 0; rc == TSR_OK && i < t->nfields; i++) {
        if (i) rc = tsr_buf_addf(out, ", ");
        if (rc == TSR_OK) rc = emit_string(out, t->fields[i].name);
    }
    if (rc == TSR_OK) rc = tsr_buf_addf(out, "], 'formats': [");
    for (int i = 0; rc == TSR_OK && i < t->nfields; i++) {
        if (i) rc = tsr_buf_addf(out, ", ");
        if (rc == TSR_OK) rc = emit_dict_format(out, t->fields + i);
    }
    if (rc == TSR_OK) rc = tsr_buf_addf(out, "], 'offsets': [");
    for (int i = 0; rc == TSR_OK && i < t->nfields; i++)
        rc = tsr_buf_addf(out, "%s%lld", i ? ", " : "", (long long)t->fields[i].offset);
    return rc < 0 ? rc : tsr_buf_addf(out, "], 'itemsize': %lld}", (long long)t->item_bytes);
}

static int emit(struct tsr_buf *out, const struct tsr_dtype *t, enum style style)
{
    if (t->kind == 'A') return emit_dict_format(out, t->fields);
    if (t->kind != 'T') return emit_scalar(out, t, style);
    if (style == DESCR) return emit_descr_list(out, t);
    return is_packed(t) ? emit_list(out, t) : emit_dict(out, t);
}

int tsr_dtype_emit(struct tsr_buf *out, const struct tsr_dtype *t)
{
    return emit(out, t, ALONE);
}

int tsr_dtype_emit_descr(struct tsr_buf *out, const struct tsr_dtype *t)
{
    if (t->kind == 'A')
        return tsr_fail(TSR_EUNSUPPORTED, "dtype: items that are subarrays have no form in a .npy "
                                          "header");
    return emit(out, t, t->kind == 'T' ? DESCR : ALONE);
}

/* ---- items as doubles ---- */

bool tsr_dtype_is_numeric(const struct tsr_dtype *t)
{
    return t->kind == 'b' || t->kind == 'i' || t->kind == 'u' ||
           (t->kind == 'f' && t->item_bytes <= 8);
}

static double float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

static double double_of(uint64_t bits)
{
    double f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* One loop per type and byte order: LOAD gives the bits, FROM makes a number of them. */
#define EACH(LOAD, FROM, size)                                                       \
    do {                                                                             \
        for (int64_t i = 0; i < n; i++) out[i] = (double)FROM(LOAD(p + i * (size))); \
    } while (0)
#define EACH_ORDER(bits, FROM)                            \
    do {                                                  \
        if (big) EACH(tsr_load_BE##bits, FROM, bits / 8); \
        else EACH(tsr_load_LE##bits, FROM, bits / 8);     \
    } while (0)
#define BYTE(at) (*(at))

int tsr_dtype_to_double(const struct tsr_dtype *t, const void *src, int64_t n, double *out)
{
    const uint8_t *p = src;
    bool big = t->order == '>';
    if (!tsr_dtype_is_numeric(t))
        return tsr_fail(TSR_EUNSUPPORTED,
                        "items of kind '%c' and %lld bytes are not numbers that "
                        "fit a double",
                        t->kind, (long long)t->item_bytes);
    switch (t->kind << 4 | (int)t->item_bytes) {
    case 'b' << 4 | 1: EACH(BYTE, !!, 1); break;
    case 'i' << 4 | 1: EACH(BYTE, (int8_t), 1); break;
    case 'u' << 4 | 1: EACH(BYTE, , 1); break;
    case 'i' << 4 | 2: EACH_ORDER(16, (int16_t)); break;
    case 'u' << 4 | 2: EACH_ORDER(16, ); break;
    case 'i' << 4 | 4: EACH_ORDER(32, (int32_t)); break;
    case 'u' << 4 | 4: EACH_ORDER(32, ); break;
    case 'i' << 4 | 8: EACH_ORDER(64, (int64_t)); break;
    case 'u' << 4 | 8: EACH_ORDER(64, ); break;
    case 'f' << 4 | 2: EACH_ORDER(16, tsr_half_to_double); break;
    case 'f' << 4 | 4: EACH_ORDER(32, float_of); break;
    default: EACH_ORDER(64, double_of); break;
    }
    return TSR_OK;
}
