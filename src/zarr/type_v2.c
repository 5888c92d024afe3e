/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/type_v2.c - data types of format 2 (zarr.md 4.1, 4.2).
 *
 *   simple   [<>|] kind digits, of m and M a unit in brackets: "<f8", "|S3", ">M8[25us]", "|O"
 *   record   [[name, type], [name, type, shape], ...], types again simple or records
 *
 * Fields are packed and keep byte orders of their own. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"
#include "zarr/type_impl.h"

static int wrong(const struct tsr_node *n, const char *expected)
{
    return tsr_znode_wrong(TSR_ECORRUPT, n, "%s", expected);
}

/* The digits at *p, which moves on; false: none, a leading zero, or more than max. */
static bool take_number(const char **p, int64_t max, int64_t *out)
{
    const char *from = *p;
    for (*out = 0; **p >= '0' && **p <= '9' && *out <= max; (*p)++) *out = *out * 10 + (**p - '0');
    return *p > from && *from != '0' && *out <= max;
}

/* "[ns]", "[25us]", or nothing where that means the generic unit. */
static int parse_unit(const struct tsr_node *n, const char *p, struct tsr_ztype *t)
{
    int64_t count = 1;
    if (!*p && t->kind == TSR_ZSPAN) return TSR_OK;
    size_t len = strlen(p);
    if (*p != '[' || p[len - 1] != ']') return wrong(n, "a unit in brackets, such as [ns]");
    p++;
    if (*p >= '0' && *p <= '9' && !take_number(&p, INT32_MAX, &count))
        return wrong(n, "a count before the unit, at most 2147483647");
    const char *unit = tsr_zunit_of(p, strlen(p) - 1);
    if (!unit) return wrong(n, "one of the units Y M W D h m s ms us ns ps fs as");
    return tsr_ztype_set_unit(t, unit, count);
}

static bool size_fits(char kind, int64_t n)
{
    switch (kind) {
    case 'b': return n == 1;
    case 'i':
    case 'u': return n == 1 || n == 2 || n == 4 || n == 8;
    case 'f': return n == 2 || n == 4 || n == 8;
    case 'c': return n == 8 || n == 16;
    case 'm':
    case 'M': return n == 8;
    case 'U': return n <= TSR_ZITEM_MAX / 4;
    default: return true;
    }
}

static enum tsr_ztype_kind kind_of(char c)
{
    switch (c) {
    case 'b': return TSR_ZBOOL;
    case 'i': return TSR_ZINT;
    case 'u': return TSR_ZUINT;
    case 'f': return TSR_ZFLOAT;
    case 'c': return TSR_ZCOMPLEX;
    case 'm': return TSR_ZSPAN;
    case 'M': return TSR_ZMOMENT;
    case 'S': return TSR_ZCHARS;
    case 'U': return TSR_ZTEXT;
    default: return TSR_ZRAW;
    }
}

static int bytes_that_turn(char kind, int64_t n)
{
    if (kind == 'U') return 4;
    if (kind == 'c') return (int)n / 2;
    return strchr("iufmM", kind) ? (int)n : 1;
}

static int parse_simple(struct tsr_doc *d, const struct tsr_node *n, const struct tsr_ztype **out)
{
    const char *p = n->s.p;
    int64_t size = 0;
    if (strlen(p) != n->s.len || !*p || !strchr("<>|", *p))
        return wrong(n, "a byte order, one of < > |, in front");
    char order = *p++, kind = *p;
    if (kind == 'O' && !p[1]) {
        *out = tsr_ztype_new(d, TSR_ZJSON, 0, 0);
        return *out ? TSR_OK : TSR_ENOMEM;
    }
    if (!kind || !strchr("biufcmMSUV", kind))
        return wrong(n, "a kind, one of b i u f c m M S U V O");
    p++;
    if (!take_number(&p, TSR_ZITEM_MAX, &size) || !size_fits(kind, size))
        return wrong(n, "a size that this kind of item has");
    int swap = bytes_that_turn(kind, size);
    if (order == '|' && swap > 1) return wrong(n, "< or > in front of more than one byte");
    struct tsr_ztype *t = tsr_ztype_new(d, kind_of(kind), kind, kind == 'U' ? 4 * size : size);
    if (!t) return TSR_ENOMEM;
    *out = t;
    if (kind == 'b') t->bits = 1;
    else if (strchr("iufmM", kind)) t->bits = (uint8_t)(8 * size);
    if (kind == 'f' || kind == 'c') t->real = tsr_zfloat_ieee(8 * swap);
    tsr_ztype_set_order(t, swap, order == '>');
    if (kind == 'm' || kind == 'M') return parse_unit(n, p, t);
    return *p ? wrong(n, "nothing behind the size") : TSR_OK;
}

static int parse_shape(const struct tsr_node *n, int64_t shape[8], int *ndim)
{
    int64_t all[TSR_MAX_NDIM];
    if (n->kind == TSR_NODE_INT) {
        *ndim = 1;
        return tsr_znode_int(n, 1, TSR_ZITEM_MAX, shape);
    }
    int rc = tsr_znode_ints(n, 1, TSR_ZITEM_MAX, all, ndim);
    if (rc < 0) return rc;
    if (*ndim > 8) return tsr_znode_wrong(TSR_ELIMIT, n, "at most 8 dimensions of a field");
    memcpy(shape, all, 8 * sizeof *all);
    return TSR_OK;
}

static int parse_field(struct tsr_doc *d, const struct tsr_node *n, int depth,
                       struct tsr_ztype *record)
{
    const char *name;
    const struct tsr_ztype *t;
    int64_t shape[8] = {0};
    int ndim = 0;
    if (n->kind != TSR_NODE_LIST || (n->list.n != 2 && n->list.n != 3))
        return wrong(n, "[name, type] or [name, type, shape]");
    int rc = tsr_znode_text(n->list.v, &name);
    if (rc == TSR_OK) rc = tsr_ztype_parse_v2(d, n->list.v + 1, depth + 1, &t);
    if (rc == TSR_OK && n->list.n == 3) rc = parse_shape(n->list.v + 2, shape, &ndim);
    if (rc == TSR_OK && !*name && t->kind != TSR_ZRAW) rc = wrong(n, "a name");
    return rc < 0 ? rc : tsr_zrecord_add(d, record, name, t, shape, ndim);
}

int tsr_ztype_parse_v2(struct tsr_doc *d, const struct tsr_node *n, int depth,
                       const struct tsr_ztype **out)
{
    struct tsr_ztype *t;
    if (n && n->kind == TSR_NODE_STRING) return parse_simple(d, n, out);
    if (!n || n->kind != TSR_NODE_LIST) return wrong(n, "a type string or a list of fields");
    if (depth == TSR_ZDEPTH_MAX)
        return tsr_fail(TSR_ELIMIT, "found records in records, more than %d deep", TSR_ZDEPTH_MAX);
    int rc = tsr_zrecord_new(d, n->list.n, &t);
    for (size_t i = 0; rc == TSR_OK && i < n->list.n; i++) {
        rc = parse_field(d, n->list.v + i, depth, t);
        if (rc < 0) tsr_within("field %zu", i);
    }
    *out = t;
    return rc;
}

/* ---- emit ---- */

static int emit_simple(struct tsr_doc *d, const struct tsr_dtype *dt, struct tsr_node *out)
{
    struct tsr_buf b = {0};
    int rc = tsr_dtype_emit(&b, dt);
    const char *text = rc == TSR_OK ? tsr_doc_string(d, b.p, b.len) : NULL;
    if (text) *out = tsr_znode_of_text(text);
    tsr_buf_free(&b);
    return rc < 0 ? rc : text ? TSR_OK : TSR_ENOMEM;
}

static int emit_field(struct tsr_doc *d, const struct tsr_field *f, const struct tsr_ztype *t,
                      struct tsr_node *out)
{
    struct tsr_node type, shape;
    int rc = tsr_znode_new(d, TSR_NODE_LIST, 3, out);
    if (rc == TSR_OK) rc = tsr_ztype_emit_v2(d, t, &type);
    if (rc == TSR_OK && f->ndim) rc = tsr_znode_of_ints(d, f->shape, f->ndim, &shape);
    if (rc < 0) return rc;
    tsr_znode_add(out, tsr_znode_of_text(f->name));
    tsr_znode_add(out, type);
    if (f->ndim) tsr_znode_add(out, shape);
    return TSR_OK;
}

int tsr_ztype_emit_v2(struct tsr_doc *d, const struct tsr_ztype *t, struct tsr_node *out)
{
    bool small = t->bits && t->bits < 8 && t->kind != TSR_ZBOOL;
    bool odd = t->real && t->real != tsr_zfloat_ieee(t->real->bits);
    if (!t->dtype) {
        *out = tsr_znode_of_text("|O");
        return TSR_OK;
    }
    if (small || odd || (t->kind == TSR_ZCOMPLEX && t->real->bits < 32))
        return tsr_fail(TSR_EUNSUPPORTED, "Zarr format 2 has no data type %s", tsr_ztype_name(t));
    if (t->kind == TSR_ZMOMENT && !*t->dtype->unit)
        return tsr_fail(TSR_EUNSUPPORTED, "Zarr format 2 has no moments without a unit");
    if (t->kind != TSR_ZRECORD) return emit_simple(d, t->dtype, out);
    int rc = tsr_znode_new(d, TSR_NODE_LIST, (size_t)t->dtype->nfields, out);
    for (int i = 0; rc == TSR_OK && i < t->dtype->nfields; i++) {
        struct tsr_node field;
        rc = emit_field(d, t->dtype->fields + i, t->field[i], &field);
        if (rc == TSR_OK) tsr_znode_add(out, field);
    }
    return rc;
}
