/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/type_v3.c - data types of format 3 (zarr.md 8.1, 8.2), by name or as objects.
 *
 * In memory items are little-endian and records packed; the codec "bytes" says how they are
 * stored.  What NumPy has no dtype for (bfloat16, 8-bit floats) is raw bytes to the engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"
#include "zarr/type_impl.h"

/* ---- by name alone ---- */

static int finish(struct tsr_ztype *t, int bits, int swap, const struct tsr_ztype **out)
{
    *out = t;
    if (!t) return TSR_ENOMEM;
    t->bits = (uint8_t)bits;
    tsr_ztype_set_order(t, swap, false);
    return TSR_OK;
}

/* *known: the name is that of an integer, then the result is that of making it. */
static int parse_integer(struct tsr_doc *d, const char *name, bool *known,
                         const struct tsr_ztype **out)
{
    static const char *const widths[] = {"2", "4", "8", "16", "32", "64"};
    bool u = *name == 'u';
    *known = strncmp(name + u, "int", 3) == 0;
    for (int i = 0; *known && i < 6; i++) {
        if (strcmp(name + u + 3, widths[i]) != 0) continue;
        int bits = 2 << i, bytes = bits < 8 ? 1 : bits / 8;
        return finish(tsr_ztype_new(d, u ? TSR_ZUINT : TSR_ZINT, u ? 'u' : 'i', bytes), bits, bytes,
                      out);
    }
    *known = false;
    return TSR_OK;
}

static int make_float(struct tsr_doc *d, const struct tsr_zfloat *f, bool complex,
                      const struct tsr_ztype **out)
{
    int bytes = f->bits < 8 ? 1 : f->bits / 8, whole = complex ? 2 * bytes : bytes;
    bool ieee = tsr_zfloat_ieee(f->bits) == f && !(complex && bytes == 2);
    struct tsr_ztype *t = tsr_ztype_new(d, complex ? TSR_ZCOMPLEX : TSR_ZFLOAT,
                                        !ieee     ? 'V'
                                        : complex ? 'c'
                                                  : 'f',
                                        whole);
    if (!t) return TSR_ENOMEM;
    t->real = f;
    return finish(t, complex ? 0 : f->bits, bytes, out);
}

/* "float32", "bfloat16", "complex64", "complex_bfloat16" */
static int parse_float(struct tsr_doc *d, const char *name, bool *known,
                       const struct tsr_ztype **out)
{
    const struct tsr_zfloat *f = tsr_zfloat_find(name);
    bool complex = !f;
    if (strcmp(name, "complex64") == 0) f = tsr_zfloat_ieee(32);
    else if (strcmp(name, "complex128") == 0) f = tsr_zfloat_ieee(64);
    else if (strncmp(name, "complex_", 8) == 0) f = tsr_zfloat_find(name + 8);
    *known = f != NULL;
    return f ? make_float(d, f, complex, out) : TSR_OK;
}

/* "r16": so many bits, a multiple of 8 */
static int parse_raw(struct tsr_doc *d, const char *name, bool *known, const struct tsr_ztype **out)
{
    int64_t bits = 0;
    *known = *name == 'r' && strspn(name + 1, "0123456789") == strlen(name + 1) && name[1];
    if (!*known) return TSR_OK;
    for (const char *p = name + 1; *p && bits <= 8 * TSR_ZITEM_MAX; p++)
        bits = bits * 10 + (*p - '0');
    if (name[1] == '0' || bits % 8 || bits > 8 * TSR_ZITEM_MAX)
        return tsr_fail(TSR_ECORRUPT, "found \"%.40s\", expected r and a multiple of 8 up to %lld",
                        name, (long long)(8 * TSR_ZITEM_MAX));
    struct tsr_ztype *t = tsr_ztype_new(d, TSR_ZRAW, 'V', bits / 8);
    if (t) t->old = true; /* spelled r<bits>, its fill value a list */
    return finish(t, 0, 1, out);
}

/* ---- with a configuration ---- */

static int length_of(const struct tsr_zext *e, int64_t *n)
{
    int rc = tsr_znode_int(tsr_znode_get(e->config, "length_bytes"), 1, TSR_ZITEM_MAX, n);
    if (rc < 0) tsr_within("length_bytes");
    return rc;
}

static int parse_sized(struct tsr_doc *d, const struct tsr_zext *e, const struct tsr_ztype **out)
{
    bool text = strcmp(e->name, "fixed_length_utf32") == 0, raw = *e->name == 'r';
    int64_t n = 0;
    int rc = length_of(e, &n);
    if (rc < 0) return rc;
    if (text && n % 4)
        return tsr_fail(TSR_ECORRUPT, "length_bytes: found %lld, expected a multiple of 4",
                        (long long)n);
    return finish(tsr_ztype_new(d,
                                text  ? TSR_ZTEXT
                                : raw ? TSR_ZRAW
                                      : TSR_ZCHARS,
                                text  ? 'U'
                                : raw ? 'V'
                                      : 'S',
                                n),
                  0, text ? 4 : 1, out);
}

static int parse_time(struct tsr_doc *d, const struct tsr_zext *e, const struct tsr_ztype **out)
{
    const struct tsr_node *unit = tsr_znode_get(e->config, "unit");
    const struct tsr_node *scale = tsr_znode_get(e->config, "scale_factor");
    bool moment = strcmp(e->name, "numpy.datetime64") == 0,
         text = unit && unit->kind == TSR_NODE_STRING;
    int64_t count;
    const char *name = text ? tsr_zunit_of(unit->s.p, unit->s.len) : NULL;
    if (tsr_znode_is(unit, "generic")) name = "generic";
    int rc = name ? TSR_OK
                  : tsr_znode_wrong(TSR_ECORRUPT, unit,
                                    "one of Y M W D h m s ms us ns ps fs as generic");
    if (rc < 0) tsr_within("unit");
    if (rc < 0) return rc;
    rc = tsr_znode_int(scale, 1, INT32_MAX, &count);
    if (rc < 0) tsr_within("scale_factor");
    if (rc < 0) return rc;
    struct tsr_ztype *t = tsr_ztype_new(d, moment ? TSR_ZMOMENT : TSR_ZSPAN, moment ? 'M' : 'm', 8);
    if (t) tsr_ztype_set_unit(t, name, count);
    return finish(t, 64, 8, out);
}

/* {"name": ..., "data_type": ...}, or in the older form [name, data type] */
static int parse_field(struct tsr_doc *d, const struct tsr_node *n, int depth,
                       struct tsr_ztype *record)
{
    const struct tsr_node *name = tsr_znode_get(n, "name"), *type = tsr_znode_get(n, "data_type");
    const struct tsr_ztype *t;
    const char *text;
    if (record->old && n->kind == TSR_NODE_LIST && n->list.n == 2)
        name = n->list.v, type = n->list.v + 1;
    int rc = tsr_znode_text(name, &text);
    if (rc == TSR_OK && !*text) rc = tsr_fail(TSR_ECORRUPT, "found an empty name");
    if (rc < 0) tsr_within("name");
    if (rc < 0) return rc;
    rc = tsr_ztype_parse_v3(d, type, depth + 1, &t);
    if (rc < 0) tsr_within("data_type");
    return rc < 0 ? rc : tsr_zrecord_add(d, record, text, t, NULL, 0);
}

static int parse_record(struct tsr_doc *d, const struct tsr_zext *e, int depth,
                        const struct tsr_ztype **out)
{
    const struct tsr_node *fields = tsr_znode_get(e->config, "fields");
    struct tsr_ztype *t;
    if (depth == TSR_ZDEPTH_MAX)
        return tsr_fail(TSR_ELIMIT, "found records in records, more than %d deep", TSR_ZDEPTH_MAX);
    if (!fields || fields->kind != TSR_NODE_LIST) {
        int rc = tsr_znode_wrong(TSR_ECORRUPT, fields, "a list of fields");
        tsr_within("fields");
        return rc;
    }
    int rc = tsr_zrecord_new(d, fields->list.n, &t);
    if (rc < 0) {
        tsr_within("fields");
        return rc;
    }
    t->old = strcmp(e->name, "structured") == 0;
    for (size_t i = 0; rc == TSR_OK && i < fields->list.n; i++) {
        rc = parse_field(d, fields->list.v + i, depth, t);
        if (rc < 0) tsr_within("fields[%zu]", i);
    }
    *out = t;
    return rc;
}

static int parse_configured(struct tsr_doc *d, const struct tsr_node *n, const struct tsr_zext *e,
                            int depth, const struct tsr_ztype **out)
{
    static const char *const sized[] = {"fixed_length_utf32", "null_terminated_bytes", "raw_bytes"};
    for (int i = 0; i < 3; i++)
        if (strcmp(e->name, sized[i]) == 0) return parse_sized(d, e, out);
    if (!strcmp(e->name, "numpy.datetime64") || !strcmp(e->name, "numpy.timedelta64"))
        return parse_time(d, e, out);
    if (!strcmp(e->name, "struct") || !strcmp(e->name, "structured"))
        return parse_record(d, e, depth, out);
    return tsr_znode_wrong(TSR_EUNSUPPORTED, n, "a known data type");
}

int tsr_ztype_parse_v3(struct tsr_doc *d, const struct tsr_node *n, int depth,
                       const struct tsr_ztype **out)
{
    struct tsr_zext e;
    bool known = false;
    int rc = tsr_znode_ext(n, &e);
    if (rc < 0) return rc;
    if (strcmp(e.name, "bool") == 0) return finish(tsr_ztype_new(d, TSR_ZBOOL, 'b', 1), 1, 1, out);
    if (strcmp(e.name, "string") == 0)
        return finish(tsr_ztype_new(d, TSR_ZSTRING, 0, 0), 0, 1, out);
    if (!strcmp(e.name, "bytes") || !strcmp(e.name, "variable_length_bytes")) {
        struct tsr_ztype *t = tsr_ztype_new(d, TSR_ZBYTES, 0, 0);
        return finish(t, 0, 1, out);
    }
    rc = parse_integer(d, e.name, &known, out);
    if (!known) rc = parse_float(d, e.name, &known, out);
    if (!known) rc = parse_raw(d, e.name, &known, out);
    return known ? rc : parse_configured(d, n, &e, depth, out);
}

/* ---- emit ---- */

static int emit_sized(struct tsr_doc *d, const struct tsr_ztype *t, struct tsr_node *out)
{
    struct tsr_node config;
    int rc = tsr_znode_new(d, TSR_NODE_MAP, 1, &config);
    if (rc < 0) return rc;
    tsr_znode_put(&config, "length_bytes", tsr_znode_of_int(t->dtype->item_bytes));
    return tsr_znode_of_ext(d, tsr_ztype_name(t), &config, out);
}

static int emit_time(struct tsr_doc *d, const struct tsr_ztype *t, struct tsr_node *out)
{
    struct tsr_node config;
    char *unit;
    long count = strtol(t->dtype->unit, &unit, 10);
    int rc = tsr_znode_new(d, TSR_NODE_MAP, 2, &config);
    if (rc < 0) return rc;
    tsr_znode_put(&config, "unit", tsr_znode_of_text(*unit ? unit : "generic"));
    tsr_znode_put(&config, "scale_factor", tsr_znode_of_int(count ? count : 1));
    return tsr_znode_of_ext(d, tsr_ztype_name(t), &config, out);
}

static int emit_record(struct tsr_doc *d, const struct tsr_ztype *t, struct tsr_node *out)
{
    struct tsr_node config, fields;
    int n = t->dtype->nfields;
    int rc = tsr_znode_new(d, TSR_NODE_MAP, 1, &config);
    if (rc == TSR_OK) rc = tsr_znode_new(d, TSR_NODE_LIST, (size_t)n, &fields);
    for (int i = 0; rc == TSR_OK && i < n; i++) {
        const struct tsr_field *f = t->dtype->fields + i;
        struct tsr_node field, type;
        if (f->ndim || !*f->name)
            return tsr_fail(TSR_EUNSUPPORTED, "field '%.60s': Zarr format 3 has no form for %s",
                            f->name, f->ndim ? "subarrays" : "padding");
        rc = tsr_ztype_emit_v3(d, t->field[i], &type);
        if (rc == TSR_OK) rc = tsr_znode_new(d, TSR_NODE_MAP, 2, &field);
        if (rc < 0) return rc;
        tsr_znode_put(&field, "name", tsr_znode_of_text(f->name));
        tsr_znode_put(&field, "data_type", type);
        tsr_znode_add(&fields, field);
    }
    if (rc < 0) return rc;
    tsr_znode_put(&config, "fields", fields);
    return tsr_znode_of_ext(d, "struct", &config, out);
}

/* "r16", "complex_bfloat16": names that are put together */
static int emit_made(struct tsr_doc *d, const struct tsr_ztype *t, struct tsr_node *out)
{
    char name[64];
    if (t->kind == TSR_ZRAW)
        snprintf(name, sizeof name, "r%lld", (long long)t->dtype->item_bytes * 8);
    else snprintf(name, sizeof name, "complex_%s", t->real->name);
    const char *text = tsr_doc_string(d, name, strlen(name));
    if (text) *out = tsr_znode_of_text(text);
    return text ? TSR_OK : TSR_ENOMEM;
}

int tsr_ztype_emit_v3(struct tsr_doc *d, const struct tsr_ztype *t, struct tsr_node *out)
{
    switch (t->kind) {
    case TSR_ZMOMENT:
    case TSR_ZSPAN: return emit_time(d, t, out);
    case TSR_ZCHARS:
    case TSR_ZTEXT: return emit_sized(d, t, out);
    case TSR_ZRAW: return t->old ? emit_made(d, t, out) : emit_sized(d, t, out);
    case TSR_ZRECORD: return emit_record(d, t, out);
    case TSR_ZARRAYS:
    case TSR_ZJSON:
        return tsr_fail(TSR_EUNSUPPORTED, "Zarr format 3 has no data type %s", tsr_ztype_name(t));
    case TSR_ZBYTES: *out = tsr_znode_of_text("variable_length_bytes"); return TSR_OK;
    case TSR_ZCOMPLEX:
        if (t->dtype->kind == 'V') return emit_made(d, t, out);
        break;
    default: break;
    }
    *out = tsr_znode_of_text(tsr_ztype_name(t));
    return TSR_OK;
}
