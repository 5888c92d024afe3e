/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/hash_items.c - an item as the bytes that are hashed.
 *
 * A dtype becomes a list of moves, joined where they can be.  Numbers, strings, and structures that
 * are little endian and packed are one move of everything: then blocks are hashed where they were
 * decoded, else items are packed into a buffer first. */
#include "ops/hash_items.h"

#include "base/num.h"
#include "base/status.h"
#include "text/doc.h"

enum { MOST_MOVES = 1 << 20 };

static struct tsr_hash_move *moves_of(const struct tsr_hash_items *h, size_t *n)
{
    *n = h->moves.len / sizeof(struct tsr_hash_move);
    return (struct tsr_hash_move *)(void *)h->moves.p;
}

static int add_move(struct tsr_hash_items *h, int64_t from, int64_t len, int32_t unit)
{
    size_t n;
    struct tsr_hash_move *m = moves_of(h, &n), move = {from, len, unit};
    if (len == 0) return TSR_OK;
    if (!tsr_add(h->bytes, len, &h->bytes))
        return tsr_fail(TSR_EUNSUPPORTED, "hash: the fields of an item overlap too often");
    if (n && m[n - 1].unit == unit && m[n - 1].from + m[n - 1].n == from) {
        m[n - 1].n += len;
        return TSR_OK;
    }
    if (n == MOST_MOVES)
        return tsr_fail(TSR_EUNSUPPORTED, "hash: a dtype in more than %d pieces", MOST_MOVES);
    return tsr_buf_add(&h->moves, &move, sizeof move);
}

/* Bytes that are turned around together. */
static int32_t unit_of(const struct tsr_dtype *t)
{
    if (t->order != '>' || t->kind == 'S' || t->kind == 'V' || t->kind == 'b') return 1;
    if (t->kind == 'U') return 4;
    return (int32_t)(t->kind == 'c' ? t->item_bytes / 2 : t->item_bytes);
}

static int add_item(struct tsr_hash_items *h, const struct tsr_dtype *t, int64_t from);

/* n items in a row; of a scalar they are one move. */
static int add_row(struct tsr_hash_items *h, const struct tsr_dtype *t, int64_t from, int64_t n)
{
    int rc = TSR_OK;
    if (t->nfields == 0) return add_move(h, from, n * t->item_bytes, unit_of(t));
    for (int64_t i = 0; i < n && rc == TSR_OK && t->item_bytes; i++) {
        int64_t before = h->bytes;
        rc = add_item(h, t, from + i * t->item_bytes);
        if (h->bytes == before) break; /* nothing in it */
    }
    return rc;
}

static int add_item(struct tsr_hash_items *h, const struct tsr_dtype *t, int64_t from)
{
    int rc = TSR_OK;
    if (t->nfields == 0) return add_row(h, t, from, 1);
    for (int i = 0; i < t->nfields && rc == TSR_OK; i++) {
        const struct tsr_field *f = t->fields + i;
        int64_t n;
        tsr_product(f->shape, f->ndim, &n); /* the parser has seen that it fits */
        rc = add_row(h, f->dtype, from + f->offset, n);
    }
    return rc;
}

int tsr_hash_items_init(struct tsr_hash_items *h, const struct tsr_dtype *t)
{
    size_t n;
    *h = (struct tsr_hash_items){.stored = t->item_bytes};
    int rc = add_item(h, t, 0);
    if (rc < 0) {
        tsr_hash_items_done(h);
        return rc;
    }
    const struct tsr_hash_move *m = moves_of(h, &n);
    h->direct = n == 0 ? h->stored == 0 : n == 1 && m->n == h->stored && m->unit <= 8;
    return TSR_OK;
}

void tsr_hash_items_done(struct tsr_hash_items *h)
{
    tsr_buf_free(&h->moves);
}

int32_t tsr_hash_items_unit(const struct tsr_hash_items *h)
{
    size_t n;
    const struct tsr_hash_move *m = moves_of(h, &n);
    return n ? m->unit : 1;
}

static void put(uint8_t *dst, const uint8_t *src, const struct tsr_hash_move *m)
{
    if (m->unit == 1) {
        memcpy(dst, src, (size_t)m->n);
        return;
    }
    for (int64_t i = 0; i < m->n; i += m->unit)
        for (int32_t k = 0; k < m->unit; k++) dst[i + k] = src[i + m->unit - 1 - k];
}

void tsr_hash_items_pack(const struct tsr_hash_items *h, const uint8_t *src, int64_t n,
                         uint8_t *dst)
{
    size_t count;
    const struct tsr_hash_move *m = moves_of(h, &count);
    for (int64_t i = 0; i < n; i++, src += h->stored) {
        for (size_t k = 0; k < count; k++) {
            put(dst, src + m[k].from, &m[k]);
            dst += m[k].n;
        }
    }
}

/* ---- the dtype ---- */

static int emit_scalar(struct tsr_buf *out, const struct tsr_dtype *t)
{
    long long size = (long long)(t->kind == 'U' ? t->item_bytes / 4 : t->item_bytes);
    return tsr_buf_addf(out, "\"%c%c%lld%s%s%s\"", t->order == '>' ? '<' : t->order, t->kind, size,
                        *t->unit ? "[" : "", t->unit, *t->unit ? "]" : "");
}

static int emit_shape(struct tsr_buf *out, const struct tsr_field *f)
{
    int rc = tsr_buf_addf(out, ",[");
    for (int i = 0; i < f->ndim && rc == TSR_OK; i++)
        rc = tsr_buf_addf(out, "%s%lld", i ? "," : "", (long long)f->shape[i]);
    return rc < 0 ? rc : tsr_buf_addf(out, "]");
}

static int emit_field(struct tsr_buf *out, const struct tsr_field *f)
{
    struct tsr_node name = {.kind = TSR_NODE_STRING, .s = {"", 0}};
    if (f->name) name.s.p = f->name, name.s.len = strlen(f->name);
    int rc = tsr_buf_addf(out, "[");
    if (rc == TSR_OK) rc = tsr_json_write(out, &name, 0);
    if (rc == TSR_OK) rc = tsr_buf_addf(out, ",");
    if (rc == TSR_OK) rc = tsr_hash_dtype_emit(out, f->dtype);
    if (rc == TSR_OK && f->ndim) rc = emit_shape(out, f);
    return rc < 0 ? rc : tsr_buf_addf(out, "]");
}

int tsr_hash_dtype_emit(struct tsr_buf *out, const struct tsr_dtype *t)
{
    if (t->nfields == 0 && t->kind != 'T') return emit_scalar(out, t);
    int rc = tsr_buf_addf(out, "[");
    for (int i = 0; i < t->nfields && rc == TSR_OK; i++) {
        if (i) rc = tsr_buf_addf(out, ",");
        if (rc == TSR_OK) rc = emit_field(out, t->fields + i);
    }
    return rc < 0 ? rc : tsr_buf_addf(out, "]");
}
