/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/type.c - data types: making them, what both formats share, and those of a dtype. */
#include "zarr/type.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/type_impl.h"

/* exp, man, bias; infinities; NaN */
static const struct tsr_zfloat floats[] = {
    {"float16", 16, 5, 10, 15, 1, TSR_ZNAN_IEEE},
    {"float32", 32, 8, 23, 127, 1, TSR_ZNAN_IEEE},
    {"float64", 64, 11, 52, 1023, 1, TSR_ZNAN_IEEE},
    {"bfloat16", 16, 8, 7, 127, 1, TSR_ZNAN_IEEE},
    {"float8_e4m3", 8, 4, 3, 7, 1, TSR_ZNAN_IEEE},
    {"float8_e5m2", 8, 5, 2, 15, 1, TSR_ZNAN_IEEE},
    {"float8_e3m4", 8, 3, 4, 3, 1, TSR_ZNAN_IEEE},
    {"float8_e4m3fnuz", 8, 4, 3, 8, 0, TSR_ZNAN_MINUS_0},
    {"float8_e5m2fnuz", 8, 5, 2, 16, 0, TSR_ZNAN_MINUS_0},
    {"float8_e4m3b11fnuz", 8, 4, 3, 11, 0, TSR_ZNAN_MINUS_0},
    {"float8_e8m0fnu", 8, 8, 0, 127, 0, TSR_ZNAN_ALL_ONES},
    {"float4_e2m1fn", 4, 2, 1, 1, 0, TSR_ZNAN_NONE},
    {"float6_e2m3fn", 6, 2, 3, 1, 0, TSR_ZNAN_NONE},
    {"float6_e3m2fn", 6, 3, 2, 3, 0, TSR_ZNAN_NONE},
};

const struct tsr_zfloat *tsr_zfloat_find(const char *name)
{
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        if (strcmp(floats[i].name, name) == 0) return floats + i;
    return NULL;
}

const struct tsr_zfloat *tsr_zfloat_ieee(int bits)
{
    return bits == 16 ? floats : bits == 32 ? floats + 1 : bits == 64 ? floats + 2 : NULL;
}

const char *tsr_zunit_of(const char *text, size_t len)
{
    static const char *const all[] = {"Y",  "M",  "W",  "D",  "h",  "m", "s",
                                      "ms", "us", "ns", "ps", "fs", "as"};
    /* the two micro signs: U+00B5 and the Greek letter */
    if (len == 3 && (!memcmp(text, "\xc2\xb5s", 3) || !memcmp(text, "\xce\xbcs", 3))) return "us";
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i]) == len && memcmp(all[i], text, len) == 0) return all[i];
    return NULL;
}

struct tsr_ztype *tsr_ztype_new(struct tsr_doc *d, enum tsr_ztype_kind kind, char dtype,
                                int64_t bytes)
{
    struct tsr_ztype *t = tsr_doc_alloc(d, 1, sizeof *t);
    struct tsr_dtype *dt = bytes ? tsr_doc_alloc(d, 1, sizeof *dt) : NULL;
    if (!t || (bytes && !dt)) return NULL;
    *t = (struct tsr_ztype){.kind = kind, .swap = 1, .dtype = dt};
    if (dt) *dt = (struct tsr_dtype){.kind = dtype, .order = '|', .item_bytes = bytes};
    return t;
}

/* Types are const once made; while they are being made they are ours. */
static struct tsr_dtype *dtype_of(struct tsr_ztype *t)
{
    return (struct tsr_dtype *)(uintptr_t)t->dtype;
}

void tsr_ztype_set_order(struct tsr_ztype *t, int swap, bool big)
{
    struct tsr_dtype *dt = dtype_of(t);
    t->swap = (uint8_t)swap;
    t->big = big && swap > 1;
    if (swap > 1 && dt->kind != 'V') dt->order = t->big ? '>' : '<';
}

int tsr_ztype_set_unit(struct tsr_ztype *t, const char *unit, int64_t count)
{
    char *to = dtype_of(t)->unit;
    if (strcmp(unit, "generic") == 0) return TSR_OK;
    if (count == 1) snprintf(to, sizeof t->dtype->unit, "%s", unit);
    else snprintf(to, sizeof t->dtype->unit, "%lld%s", (long long)count, unit);
    return TSR_OK;
}

/* ---- records ---- */

int tsr_zrecord_new(struct tsr_doc *d, size_t n, struct tsr_ztype **out)
{
    if (n == 0) return tsr_fail(TSR_ECORRUPT, "found a record without fields");
    if (n > TSR_ZFIELDS_MAX)
        return tsr_fail(TSR_ELIMIT, "found %zu fields, expected at most %d", n, TSR_ZFIELDS_MAX);
    struct tsr_ztype *t = tsr_ztype_new(d, TSR_ZRECORD, 'T', 1);
    if (!t) return TSR_ENOMEM;
    struct tsr_dtype *dt = dtype_of(t);
    dt->fields = tsr_doc_alloc(d, n, sizeof *dt->fields);
    t->field = tsr_doc_alloc(d, n, sizeof(struct tsr_ztype *));
    dt->item_bytes = 0;
    *out = t;
    return dt->fields && t->field ? TSR_OK : TSR_ENOMEM;
}

/* NumPy writes padding as opaque fields without a name; of those there may be many. */
static int check_name(const struct tsr_dtype *dt, const char *name)
{
    for (int i = 0; *name && i < dt->nfields; i++)
        if (strcmp(dt->fields[i].name, name) == 0)
            return tsr_fail(TSR_ECORRUPT, "found the field name '%.60s' twice", name);
    return TSR_OK;
}

int tsr_zrecord_add(struct tsr_doc *d, struct tsr_ztype *t, const char *name,
                    const struct tsr_ztype *type, const int64_t *shape, int ndim)
{
    struct tsr_dtype *dt = dtype_of(t);
    struct tsr_field *f = dt->fields + dt->nfields;
    int64_t n;
    int rc = check_name(dt, name);
    if (rc < 0) return rc;
    if (!type->dtype)
        return tsr_fail(TSR_ECORRUPT, "found a field of variable length, expected a fixed size");
    *f = (struct tsr_field){.offset = dt->item_bytes, .ndim = ndim};
    if (ndim) memcpy(f->shape, shape, (size_t)ndim * sizeof *shape);
    f->name = (char *)(uintptr_t)tsr_doc_string(d, name, strlen(name));
    f->dtype = (struct tsr_dtype *)(uintptr_t)type->dtype;
    if (!f->name) return TSR_ENOMEM;
    if (!tsr_product(shape, ndim, &n) || !tsr_mul(n, type->dtype->item_bytes, &n) ||
        !tsr_add(n, dt->item_bytes, &n) || n > TSR_ZITEM_MAX)
        return tsr_fail(TSR_ELIMIT, "found a record of more than %lld bytes",
                        (long long)TSR_ZITEM_MAX);
    dt->item_bytes = n;
    t->field[dt->nfields++] = type;
    return TSR_OK;
}

/* ---- what both formats share ---- */

int tsr_ztype_parse(struct tsr_doc *d, const struct tsr_node *n, int format,
                    const struct tsr_ztype **out)
{
    return format == 2 ? tsr_ztype_parse_v2(d, n, 0, out) : tsr_ztype_parse_v3(d, n, 0, out);
}

int tsr_ztype_emit(struct tsr_doc *d, const struct tsr_ztype *t, int format, struct tsr_node *out)
{
    return format == 2 ? tsr_ztype_emit_v2(d, t, out) : tsr_ztype_emit_v3(d, t, out);
}

bool tsr_ztype_has_order(const struct tsr_ztype *t)
{
    if (t->kind != TSR_ZRECORD) return t->swap > 1;
    for (int i = 0; i < t->dtype->nfields; i++)
        if (tsr_ztype_has_order(t->field[i])) return true;
    return false;
}

const char *tsr_ztype_name(const struct tsr_ztype *t)
{
    static const char *const ints[] = {"int2", "int4", "int8", "int16", "int32", "int64"};
    static const char *const uints[] = {"uint2", "uint4", "uint8", "uint16", "uint32", "uint64"};
    int log = 0;
    switch (t->kind) {
    case TSR_ZBOOL: return "bool";
    case TSR_ZINT:
    case TSR_ZUINT:
        while (2 << log < t->bits) log++;
        return t->kind == TSR_ZINT ? ints[log] : uints[log];
    case TSR_ZFLOAT: return t->real->name;
    case TSR_ZCOMPLEX:
        return t->real->bits == 64 ? "complex128" : t->real->bits == 32 ? "complex64" : "complex";
    case TSR_ZMOMENT: return "numpy.datetime64";
    case TSR_ZSPAN: return "numpy.timedelta64";
    case TSR_ZCHARS: return "null_terminated_bytes";
    case TSR_ZTEXT: return "fixed_length_utf32";
    case TSR_ZRAW: return "raw_bytes";
    case TSR_ZRECORD: return "struct";
    case TSR_ZSTRING: return "string";
    case TSR_ZBYTES: return "bytes";
    case TSR_ZARRAYS: return "vlen-array";
    case TSR_ZJSON: break;
    }
    return "object";
}

/* ---- of a dtype ---- */

static int from_record(struct tsr_doc *d, const struct tsr_dtype *dt, int format,
                       struct tsr_ztype **out)
{
    int rc = tsr_zrecord_new(d, (size_t)dt->nfields, out);
    for (int i = 0; rc == TSR_OK && i < dt->nfields; i++) {
        const struct tsr_field *f = dt->fields + i;
        const struct tsr_ztype *t;
        if (f->offset != (*out)->dtype->item_bytes || (f->ndim && format == 3))
            return tsr_fail(TSR_EUNSUPPORTED, "field '%.60s': Zarr has no form for %s", f->name,
                            f->ndim ? "subarrays" : "gaps between fields");
        rc = tsr_ztype_from_dtype(d, f->dtype, format, &t);
        if (rc == TSR_OK) rc = tsr_zrecord_add(d, *out, f->name, t, f->shape, f->ndim);
    }
    if (rc == TSR_OK && (*out)->dtype->item_bytes != dt->item_bytes)
        rc = tsr_fail(TSR_EUNSUPPORTED, "Zarr has no form for padding behind the fields");
    return rc;
}

static struct tsr_ztype *from_scalar(struct tsr_doc *d, const struct tsr_dtype *dt)
{
    static const char letters[] = "biufcMmSUV";
    static const uint8_t kinds[] = {TSR_ZBOOL,   TSR_ZINT,  TSR_ZUINT,  TSR_ZFLOAT, TSR_ZCOMPLEX,
                                    TSR_ZMOMENT, TSR_ZSPAN, TSR_ZCHARS, TSR_ZTEXT,  TSR_ZRAW};
    const char *at = strchr(letters, dt->kind);
    struct tsr_ztype *t =
        tsr_ztype_new(d, (enum tsr_ztype_kind)kinds[at - letters], dt->kind, dt->item_bytes);
    if (!t) return NULL;
    int bytes = (int)dt->item_bytes;
    bool complex = t->kind == TSR_ZCOMPLEX, turns = strchr("iufcMm", dt->kind) != NULL;
    *dtype_of(t) = *dt;
    t->bits = (uint8_t)(dt->kind == 'b' ? 1 : turns && !complex ? 8 * bytes : 0);
    if (dt->kind == 'f' || complex) t->real = tsr_zfloat_ieee(complex ? 4 * bytes : 8 * bytes);
    tsr_ztype_set_order(t,
                        dt->kind == 'U' ? 4
                        : complex       ? bytes / 2
                        : turns         ? bytes
                                        : 1,
                        dt->order == '>');
    return t;
}

int tsr_ztype_from_dtype(struct tsr_doc *d, const struct tsr_dtype *dt, int format,
                         const struct tsr_ztype **out)
{
    struct tsr_ztype *t = NULL;
    bool wide = (dt->kind == 'f' && dt->item_bytes > 8) || (dt->kind == 'c' && dt->item_bytes > 16);
    if (wide || dt->kind == 'A')
        return tsr_fail(TSR_EUNSUPPORTED, "Zarr has no data type for kind '%c' of %lld bytes",
                        dt->kind, (long long)dt->item_bytes);
    if (dt->kind == 'T') {
        int rc = from_record(d, dt, format, &t);
        *out = t;
        return rc;
    }
    t = from_scalar(d, dt);
    if (t && format == 3 && t->big) tsr_ztype_set_order(t, t->swap, false);
    *out = t;
    return t ? TSR_OK : TSR_ENOMEM;
}
