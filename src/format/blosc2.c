/* SPDX-License-Identifier: BSD-3-Clause */
/* format/blosc2.c - what b2nd and b2frame do alike besides reading and writing chunks: the facts
 * about them, chunks copied as they are stored, metalayers and attributes. */
#include "format/blosc2.h"

#include <stdio.h>

#include "base/mem.h"
#include "text/doc.h"

int tsr_blosc2_flush(struct tsr_driver *d, bool durable)
{
    return tsr_frame_flush(blosc2_of(d)->frame, durable);
}

/* ---- chunks as they are stored ---- */

bool tsr_blosc2_alike(const struct tsr_driver *a, const struct tsr_driver *b, bool coding)
{
    const struct tsr_grid *g = &a->grid, *h = &b->grid;
    if (!blosc2_of(a)->frame || !blosc2_of(b)->frame || g->ndim != h->ndim ||
        g->padded != h->padded || g->item_bytes != h->item_bytes || a->variable != b->variable)
        return false;
    for (int d = 0; d < g->ndim && !a->variable; d++)
        if (g->chunk[d] != h->chunk[d] || (g->padded && g->block[d] != h->block[d])) return false;
    if (blosc2_of(a)->cparams.item_bytes != blosc2_of(b)->cparams.item_bytes) return false;
    return !coding || tsr_cparams_alike(&blosc2_of(a)->cparams, &blosc2_of(b)->cparams);
}

int tsr_blosc2_copy_chunks(struct tsr_driver *to, const struct tsr_driver *from,
                           const struct tsr_chunk_moves *m)
{
    struct tsr_frame_moves moves = {m->to, m->after, m->arg};
    to->edges_clear = false;
    return tsr_frame_copy_chunks(blosc2_of(from)->frame, blosc2_of(to)->frame, &moves);
}

/* ---- metadata ---- */

/* Walks the names of the header's metalayer map (7.1), which begins at byte 91. */
bool tsr_blosc2_has_array(const uint8_t *head, size_t len)
{
    size_t at = 94, n = len >= at ? tsr_load_BE16(head + 92) : 0;
    for (size_t i = 0; i < n && at < len; i++) {
        size_t name = head[at] & 0x1F;
        if (head[at] < 0xA0 || head[at] > 0xBF || name + 6 > len - at) return false;
        if ((name == 4 && memcmp(head + at + 1, "b2nd", 4) == 0) ||
            (name == 7 && memcmp(head + at + 1, "caterva", 7) == 0))
            return true;
        at += 1 + name + 5;
    }
    return false;
}

int tsr_blosc2_to_buffer(struct tsr_driver *d, bool take, void **buf, size_t *len)
{
    struct tsr_frame *f = blosc2_of(d)->frame;
    return take ? tsr_frame_take_buffer(f, buf, len) : tsr_frame_to_buffer(f, buf, len);
}

static int meta_count(const struct tsr_driver *d, tsr_meta_kind kind)
{
    return tsr_frame_meta_count(blosc2_of(d)->frame, kind);
}

static const char *meta_name(const struct tsr_driver *d, tsr_meta_kind kind, int i)
{
    return tsr_frame_meta_name(blosc2_of(d)->frame, kind, i);
}

static int meta_get(const struct tsr_driver *d, tsr_meta_kind kind, const char *name, void **buf,
                    size_t *len)
{
    return tsr_frame_meta_get(blosc2_of(d)->frame, kind, name, buf, len);
}

static bool is_array_meta(const char *name)
{
    return strcmp(name, "b2nd") == 0 || strcmp(name, "caterva") == 0;
}

static int meta_set(struct tsr_driver *d, tsr_meta_kind kind, const char *name, const void *buf,
                    size_t len)
{
    if (kind == TSR_META && is_array_meta(name))
        return tsr_fail(TSR_EARG, "metalayer '%s' is the array's own: resize changes it", name);
    return tsr_frame_meta_set(blosc2_of(d)->frame, kind, name, buf, len);
}

static int meta_remove(struct tsr_driver *d, const char *name)
{
    return tsr_frame_meta_remove(blosc2_of(d)->frame, name);
}

const struct tsr_format_meta tsr_blosc2_meta = {meta_count, meta_name, meta_get, meta_set,
                                                meta_remove};

int64_t tsr_blosc2_cbytes(const struct tsr_driver *d)
{
    return tsr_frame_facts_of(blosc2_of(d)->frame)->cbytes;
}

bool tsr_blosc2_touched(const struct tsr_driver *d)
{
    return tsr_frame_touched(blosc2_of(d)->frame);
}

bool tsr_blosc2_changed(const struct tsr_driver *d)
{
    return tsr_frame_changed(blosc2_of(d)->frame);
}

int tsr_blosc2_verify(const struct tsr_driver *d,
                      void (*fn)(void *user, int64_t chunk, tsr_status status, const char *what),
                      void *user)
{
    return tsr_frame_verify(blosc2_of(d)->frame, fn, user);
}

void tsr_blosc2_close(struct tsr_driver *d)
{
    struct tsr_blosc2 *b = (struct tsr_blosc2 *)d;
    tsr_frame_close(b->frame);
    tsr_free(b->dtype);
    tsr_free(b);
}

/* A parameter byte as the table's parameter has it: with a sign where that may be negative. */
static int signed_meta(const struct tsr_param *p, int meta)
{
    return p && p->name && p->min < 0 ? (int8_t)meta : meta;
}

static const char *name_or_id(struct tsr_blosc2 *b, int at, const char *name, int id)
{
    if (name) return name;
    snprintf(b->names[at], sizeof b->names[at], "id%d", id);
    return b->names[at];
}

static void name_filter(struct tsr_blosc2 *b, int at, int id, int meta)
{
    const char *name = tsr_filter_name(b->cparams.codecs, id);
    const struct tsr_filter *f = tsr_filter_blosc2(b->cparams.codecs, id);
    b->steps[at] = (tsr_step){name_or_id(b, at, name, id), NULL};
    if (!meta) return;
    snprintf(b->params[at], sizeof b->params[at], "meta=%d",
             signed_meta(f ? f->params : NULL, meta));
    b->steps[at].params = b->params[at];
}

static void name_codec(struct tsr_blosc2 *b, int at)
{
    const struct tsr_cparams *cp = &b->cparams;
    const struct tsr_param *p = cp->codec ? cp->codec->params : NULL;
    const char *name = tsr_codec_name(cp->codecs, cp->codec_id);
    char *params = b->params[at];
    size_t size = sizeof b->params[at];
    b->steps[at] = (tsr_step){name_or_id(b, at, name, cp->codec_id), params};
    int n = snprintf(params, size, "clevel=%d%s", cp->clevel, cp->use_dict ? ",dict=1" : "");
    if (p && p->name)
        snprintf(params + n, size - (size_t)n, ",meta=%d", signed_meta(p, cp->codec_meta));
}

/* Header metalayers, but the array's own; returns how many. */
static int list_metas(struct tsr_blosc2 *b)
{
    int count = b->frame ? tsr_frame_meta_count(b->frame, TSR_META) : 0, n = 0;
    for (int i = 0; i < count && n < (int)(sizeof b->metas / sizeof *b->metas); i++) {
        const char *name = tsr_frame_meta_name(b->frame, TSR_META, i);
        const uint8_t *p;
        if (is_array_meta(name) || tsr_frame_meta_view(b->frame, name, &p, &b->metas[n].len) < 0)
            continue;
        b->metas[n].name = name;
        b->metas[n++].p = p;
    }
    return n;
}

void tsr_blosc2_fill_spec(struct tsr_blosc2 *b)
{
    const struct tsr_cparams *cp = &b->cparams;
    struct tsr_grid *g = &b->d.grid;
    int n = 0;
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++)
        if (cp->filters[i]) name_filter(b, n++, cp->filters[i], cp->filters_meta[i]);
    name_codec(b, n);
    b->d.spec = (tsr_spec){.size = sizeof b->d.spec,
                           .dtype = b->dtype,
                           .item_bytes = cp->item_bytes,
                           .ndim = g->ndim,
                           .shape = g->shape,
                           .chunks = g->chunk,
                           .blocks = g->block,
                           .steps = b->steps,
                           .nsteps = n + 1,
                           .metas = b->metas,
                           .nmetas = list_metas(b),
                           .split = cp->split == 1   ? 1
                                    : cp->split == 2 ? 2
                                                     : 0,
                           .checksum = b->frame && tsr_frame_facts_of(b->frame)->checksum};
    /* Header, starts and a little more: small chunks come whole with the first read. */
    b->head_guess = TSR_CHUNK_HEADER + 4 * (size_t)tsr_min64(g->padded ? g->nblocks : 64, 1 << 16);
    if (b->head_guess < 512) b->head_guess = 512;
}

/* A value as JSON; what is no MessagePack as its bytes. */
static int emit_value(struct tsr_buf *out, const void *buf, size_t len)
{
    struct tsr_node raw = {.kind = TSR_NODE_BYTES, .s = {buf, len}};
    char *value = NULL;
    int rc = tsr_msgpack_to_json(buf, len, &value);
    if (rc == TSR_OK) rc = tsr_buf_add(out, value, strlen(value));
    else if (rc != TSR_ENOMEM) rc = tsr_json_emit(out, &raw);
    tsr_free(value);
    return rc;
}

int tsr_blosc2_attrs(const struct tsr_driver *d, char **json)
{
    const struct tsr_frame *f = blosc2_of(d)->frame;
    struct tsr_buf out = {0};
    int rc = tsr_buf_addf(&out, "{"), n = tsr_frame_meta_count(f, TSR_VLMETA);
    for (int i = 0; i < n && rc == TSR_OK; i++) {
        const char *name = tsr_frame_meta_name(f, TSR_VLMETA, i);
        struct tsr_node key = {.kind = TSR_NODE_STRING, .s = {name, strlen(name)}};
        void *buf = NULL;
        size_t len;
        if ((rc = tsr_frame_meta_get(f, TSR_VLMETA, name, &buf, &len)) < 0) break;
        if (i) rc = tsr_buf_addf(&out, ", ");
        if (rc == TSR_OK) rc = tsr_json_emit(&out, &key);
        if (rc == TSR_OK) rc = tsr_buf_addf(&out, ": ");
        if (rc == TSR_OK) rc = emit_value(&out, buf, len);
        tsr_free(buf);
    }
    if (rc == TSR_OK) rc = tsr_buf_add(&out, "}", 2);
    if (rc == TSR_OK) *json = (char *)out.p;
    else tsr_buf_free(&out);
    return rc;
}

int tsr_blosc2_attr_set(struct tsr_driver *d, const char *name, const char *json)
{
    struct tsr_doc *doc;
    struct tsr_node root;
    struct tsr_buf out = {0};
    int rc = tsr_doc_new(&doc);
    if (rc < 0) return rc;
    rc = tsr_json_parse(doc, json, strlen(json), &root);
    if (rc < 0 && rc != TSR_ENOMEM)
        rc = tsr_fail(TSR_EARG, "attribute '%s': the value is no JSON", name);
    if (rc == TSR_OK) rc = tsr_msgpack_emit(&out, &root);
    if (rc == TSR_OK)
        rc = tsr_frame_meta_set(blosc2_of(d)->frame, TSR_VLMETA, name, out.p, out.len);
    tsr_buf_free(&out);
    tsr_doc_free(doc);
    return rc;
}

int tsr_blosc2_attr_remove(struct tsr_driver *d, const char *name)
{
    return tsr_frame_meta_remove(blosc2_of(d)->frame, name);
}
