/* SPDX-License-Identifier: BSD-3-Clause */
/* format/blosc2.c - chunks that lie in a Blosc2 frame, for b2nd and b2frame.
 *
 * A chunk is located in up to three rounds: the frame's index gives its first byte (the end is
 * not recorded anywhere but in the chunk's own header), the first read brings header and, as a
 * rule, the block starts, and only where the guess was short a second one the rest of them.
 * The parsed header travels in tsr_place.priv and tsr_out_chunk.priv. */
#include "format/blosc2.h"

#include <stdio.h>

#include "base/mem.h"
#include "text/doc.h"

_Static_assert(sizeof(struct tsr_chunk) <= sizeof(((struct tsr_place *)0)->priv), "place.priv");
_Static_assert((int)TSR_FRAME_KEY <= (int)TSR_PLACE_KEY, "place.key");
_Static_assert(sizeof(struct tsr_chunk) <= sizeof(((struct tsr_out_chunk *)0)->priv), "out.priv");

static const struct tsr_blosc2 *self(const struct tsr_driver *d)
{
    return (const struct tsr_blosc2 *)d;
}

static const struct tsr_chunk *parsed(const uint64_t *priv)
{
    return (const struct tsr_chunk *)priv;
}

/* ---- reading ---- */

static void within_chunk(const struct tsr_place *p)
{
    if (p->key[0]) tsr_within("chunk %lld (%s)", (long long)p->chunk, p->key);
    else tsr_within("chunk %lld at byte %llu", (long long)p->chunk, (unsigned long long)p->off);
}

/* -1: any */
static int64_t chunk_nbytes(const struct tsr_blosc2 *b, int64_t chunk)
{
    return b->frame ? tsr_frame_chunk_nbytes(b->frame, chunk) : b->d.grid.shape[0];
}

/* A special chunk whose value is whole items is answered as VALUE; others are decoded. */
static void place_special(struct tsr_place *p, int special, int32_t typesize, int64_t item_bytes,
                          const uint8_t *value, int32_t value_bytes)
{
    if (special == TSR_SPECIAL_NAN) {
        value = tsr_special_nan(typesize);
        value_bytes = typesize;
    }
    p->value = special == TSR_SPECIAL_NAN || special == TSR_SPECIAL_VALUE ? value : NULL;
    p->value_bytes = value_bytes;
    p->state = TSR_PLACE_VALUE;
    if (p->value && item_bytes % value_bytes != 0) p->state = TSR_PLACE_STORED;
}

static int place_parsed(const struct tsr_blosc2 *b, struct tsr_place *p)
{
    struct tsr_chunk *c = (struct tsr_chunk *)p->priv;
    int64_t expected = chunk_nbytes(b, p->chunk);
    struct tsr_limits limits = {INT32_MAX, b->cparams.codecs};
    if (b->max_chunk_bytes) limits.max_bytes = b->max_chunk_bytes;
    int rc = tsr_chunk_parse(c, p->head, p->head_len, p->len, limits);
    if (rc < 0) return rc;
    if (c->nbytes != expected && expected >= 0)
        return tsr_fail(TSR_ECORRUPT, "chunk nbytes at byte 4: found %d, expected %lld", c->nbytes,
                        (long long)expected);
    size_t need = tsr_chunk_head_len(c);
    if (p->head_len < need) {
        p->state = TSR_PLACE_NEED;
        p->need_off = p->off + p->head_len;
        p->need_len = need - p->head_len;
        return TSR_OK;
    }
    c->item_bytes = b->cparams.item_bytes;
    c->block_ndim = b->cparams.block_ndim;
    c->block_shape = b->cparams.block_shape;
    p->len = (uint64_t)c->cbytes;
    p->nblocks = c->vlblocks ? 1 : c->nblocks; /* only the blocks say how large they are */
    p->serial = c->serial;
    p->state = TSR_PLACE_STORED;
    if (c->special)
        place_special(p, c->special, c->typesize, b->d.grid.item_bytes, p->head + c->head_bytes,
                      c->value_bytes);
    if (!b->d.grid.padded) { /* a plain frame: each chunk has its own block size */
        p->block_items = c->block_bytes;
    } else if (p->state == TSR_PLACE_STORED && c->block_bytes != b->d.grid.block_bytes) {
        return tsr_fail(TSR_ECORRUPT, "chunk block size at byte 8: found %d, expected %lld",
                        c->block_bytes, (long long)b->d.grid.block_bytes);
    }
    return TSR_OK;
}

static int place_ask(const struct tsr_blosc2 *b, struct tsr_place *p)
{
    struct tsr_frame_place at = {.off = b->object_off, .avail = b->object_bytes};
    int rc = b->frame ? tsr_frame_locate(b->frame, p->chunk, &at) : TSR_OK, special = at.special;
    if (rc < 0) return rc;
    memcpy(p->key, at.key, sizeof at.key);
    p->off = at.off;
    p->len = at.avail;
    if (special) {
        struct tsr_chunk *c = (struct tsr_chunk *)p->priv;
        int32_t typesize = b->cparams.item_bytes;
        int64_t nbytes = chunk_nbytes(b, p->chunk);
        if (nbytes < 0 && (rc = tsr_frame_chunk_size(b->frame, p->chunk, &nbytes)) < 0) return rc;
        if (special == TSR_SPECIAL_NAN && typesize != 4 && typesize != 8)
            return tsr_fail(TSR_ECORRUPT, "NaN chunk of items of %d bytes, expected 4 or 8",
                            typesize);
        place_special(p, special, typesize, b->d.grid.item_bytes, NULL, 0);
        /* for the general path: one block of everything */
        *c = (struct tsr_chunk){.nbytes = (int32_t)nbytes,
                                .block_bytes = (int32_t)nbytes,
                                .nblocks = 1,
                                .special = (uint8_t)special,
                                .typesize = (uint8_t)(typesize > 255 ? 1 : typesize)};
        p->nblocks = 1;
        p->len = 0;
        if (!b->d.grid.padded) p->block_items = nbytes;
        return TSR_OK;
    }
    const uint8_t *bytes = tsr_store_view(b->d.store, p->key, p->off, p->len);
    if (bytes) {
        p->head = bytes;
        p->head_len = p->len;
        return place_parsed(b, p);
    }
    p->state = TSR_PLACE_NEED;
    p->need_off = p->off;
    p->need_len = tsr_minz(b->head_guess, p->len);
    return TSR_OK;
}

int tsr_blosc2_locate(const struct tsr_driver *d, struct tsr_place *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int rc = TSR_OK;
        if (p[i].state == TSR_PLACE_ASK) rc = place_ask(self(d), &p[i]);
        else if (p[i].state == TSR_PLACE_NEED) rc = place_parsed(self(d), &p[i]);
        if (rc < 0) {
            within_chunk(&p[i]);
            return rc;
        }
    }
    return TSR_OK;
}

int tsr_blosc2_spans(const struct tsr_driver *d, const struct tsr_place *p, const int32_t *block,
                     size_t n, bool exact, struct tsr_span *out)
{
    (void)d;
    const struct tsr_chunk *c = parsed(p->priv);
    int rc = TSR_OK;
    int32_t *off = NULL, *len = NULL;
    if (c->special) {
        memset(out, 0, n * sizeof *out);
        return TSR_OK;
    }
    if (c->vlblocks) {
        for (size_t i = 0; i < n; i++) out[i] = (struct tsr_span){0, (uint64_t)c->cbytes};
        return TSR_OK;
    }
    /* one scan of all starts per block, or one sort for all of them */
    if (exact && n > 8) {
        off = tsr_alloc_array((size_t)c->nblocks, 2 * sizeof *off);
        if (!off) return TSR_ENOMEM;
        len = off + c->nblocks;
        rc = tsr_chunk_all_spans(c, p->head, off, len);
    }
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        int32_t o, l;
        if (off) o = off[block[i]], l = len[block[i]];
        else rc = tsr_chunk_block_span(c, p->head, block[i], exact, &o, &l);
        if (rc == TSR_OK) out[i] = (struct tsr_span){(uint64_t)o, (uint64_t)l};
    }
    tsr_free(off);
    if (rc < 0) within_chunk(p);
    return rc;
}

int tsr_blosc2_decode(const struct tsr_driver *d, const struct tsr_place *p, struct tsr_worker *w,
                      int32_t b, const uint8_t *src, size_t len, uint8_t *dst)
{
    struct tsr_block_start all = {src, len, SIZE_MAX, NULL};
    return tsr_blosc2_decode_start(d, p, w, b, &all, dst);
}

/* All the blocks of variable length are one here. */
static int decode_vl(const struct tsr_chunk *c, struct tsr_worker *w,
                     const struct tsr_block_start *in, uint8_t *dst)
{
    if (in->len < (size_t)c->cbytes)
        return tsr_fail(TSR_ECORRUPT, "found %zu bytes, expected %d", in->len, c->cbytes);
    return tsr_chunk_decode_range(c, w, in->src, 0, (int64_t)tsr_minz(in->want, (size_t)c->nbytes),
                                  dst);
}

int tsr_blosc2_decode_start(const struct tsr_driver *d, const struct tsr_place *p,
                            struct tsr_worker *w, int32_t b, const struct tsr_block_start *in,
                            uint8_t *dst)
{
    const struct tsr_chunk *c = parsed(p->priv);
    struct tsr_chunk bound;
    int rc = TSR_OK;
    if (c->special) {
        int64_t block = d->grid.padded ? d->grid.block_bytes : c->block_bytes;
        tsr_special_fill(c->special, c->typesize, p->value, p->value_bytes, b * block,
                         (size_t)tsr_min64(block, c->nbytes - b * block), dst);
        return TSR_OK;
    }
    if (p->ref && b == 0) {
        memcpy(dst, p->ref, (size_t)tsr_chunk_block_len(c, 0));
        return TSR_OK;
    }
    struct tsr_block_start start = *in;
    start.ref = p->ref;
    if (c->dict && !c->vlblocks) { /* the head may lie elsewhere by now */
        bound = *c;
        rc = tsr_chunk_bind_dict(&bound, p->head, p->head_len);
        c = &bound;
    }
    if (rc == TSR_OK && c->vlblocks) rc = decode_vl(c, w, in, dst);
    else if (rc == TSR_OK) rc = tsr_chunk_decode_start(c, w, b, &start, dst);
    if (rc < 0)
        tsr_within("chunk %lld at byte %llu: block %d", (long long)p->chunk,
                   (unsigned long long)p->off, b);
    return rc;
}

/* ---- writing ---- */

int tsr_blosc2_begin(const struct tsr_driver *d, struct tsr_out_chunk *out)
{
    struct tsr_chunk *c = (struct tsr_chunk *)out->priv;
    const struct tsr_cparams *cp = &self(d)->cparams;
    int rc = tsr_chunk_begin(c, cp, out->nbytes);
    if (rc < 0) return rc;
    out->nblocks = c->nblocks;
    out->block_items = d->grid.padded ? 0 : c->block_bytes;
    out->block_bound = tsr_chunk_block_bound(c);
    out->serial = c->serial;
    /* block starts and dictionary, or the item of a repeated value */
    out->head_bound = (size_t)tsr_max64((int64_t)tsr_chunk_head_bound(c, cp),
                                        TSR_CHUNK_HEADER + (int64_t)cp->item_bytes);
    out->prepare = cp->use_dict && !c->memcpyed;
    return TSR_OK;
}

int tsr_blosc2_prepare(const struct tsr_driver *d, struct tsr_worker *w, struct tsr_out_chunk *out,
                       const struct tsr_block_source *from)
{
    return tsr_chunk_train((struct tsr_chunk *)out->priv, &self(d)->cparams, w, from, out->head);
}

int tsr_blosc2_encode(const struct tsr_driver *d, struct tsr_worker *w,
                      const struct tsr_out_chunk *out, int32_t b, const uint8_t *src)
{
    out->blocks[b].ref = out->ref;
    return tsr_chunk_encode_block(parsed(out->priv), &self(d)->cparams, w, b, src, &out->blocks[b]);
}

/* Blocks stored as differences from block 0 can stay only where that stays. */
static bool same_ref(const struct tsr_place *old, const struct tsr_out_chunk *out, size_t len)
{
    return old->ref && out->ref && memcmp(old->ref, out->ref, len) == 0;
}

bool tsr_blosc2_keep(const struct tsr_driver *d, const struct tsr_place *old,
                     const struct tsr_out_chunk *out, int32_t b, const uint8_t *src, size_t len)
{
    const struct tsr_chunk *was = parsed(old->priv), *now = parsed(out->priv);
    (void)d;
    if (!tsr_chunk_is_regular(was) || was->basic || was->dict || now->dict || was->vlblocks ||
        was->block_bytes != now->block_bytes || was->typesize != now->typesize ||
        was->flags != now->flags || was->codec_id != now->codec_id ||
        was->codec_meta != now->codec_meta || was->nbytes != now->nbytes ||
        memcmp(was->filters, now->filters, sizeof was->filters) != 0 ||
        memcmp(was->filters_meta, now->filters_meta, sizeof was->filters_meta) != 0 ||
        len > out->block_bound)
        return false;
    if (was->serial && b > 0 && !same_ref(old, out, (size_t)was->block_bytes)) return false;
    memcpy(out->blocks[b].p, src, len);
    out->blocks[b].len = (int32_t)len;
    out->blocks[b].zeros = false; /* not known: a chunk that becomes zeros is found by writing */
    return true;
}

int tsr_blosc2_seal(const struct tsr_driver *d, struct tsr_out_chunk *out)
{
    struct tsr_chunk *c = (struct tsr_chunk *)out->priv;
    const struct tsr_cparams *cp = &self(d)->cparams;
    if (out->special == TSR_SPECIAL_NONE) {
        int rc = tsr_chunk_seal(c, out->blocks, out->head, &out->head_len);
        out->need_raw = c->memcpyed;
        if (c->special) out->special = c->special;
        return rc;
    }
    int32_t value = out->special == TSR_SPECIAL_VALUE ? cp->item_bytes : 0;
    tsr_chunk_special(out->head, out->special, c->nbytes, c->block_bytes, cp->item_bytes,
                      out->value, value);
    out->head_len = TSR_CHUNK_HEADER + (size_t)value;
    return TSR_OK;
}

static int count_pieces(const struct tsr_out_chunk *c)
{
    return c->special ? 1 : c->need_raw ? 2 : 1 + c->nblocks;
}

static void fill_pieces(const struct tsr_out_chunk *c, struct tsr_piece *p)
{
    *p++ = (struct tsr_piece){c->head, c->head_len};
    if (c->special) return;
    if (c->need_raw) {
        *p = (struct tsr_piece){(void *)(uintptr_t)c->raw, (size_t)c->nbytes};
        return;
    }
    for (int32_t b = 0; b < c->nblocks; b++)
        *p++ = (struct tsr_piece){c->blocks[b].p, (size_t)c->blocks[b].len};
}

int tsr_blosc2_commit(struct tsr_driver *d, const struct tsr_out_chunk *c, size_t n)
{
    struct tsr_frame *f = self(d)->frame;
    size_t npieces = 0, nput = 0;
    for (size_t i = 0; i < n; i++) npieces += (size_t)count_pieces(&c[i]);
    struct tsr_piece *pieces = tsr_alloc_array(npieces, sizeof *pieces);
    int64_t *number = tsr_alloc_array(n, sizeof *number);
    int *first = tsr_alloc_array(n + 1, sizeof *first), rc = TSR_OK, at = 0;
    if (!pieces || !number || !first) {
        rc = TSR_ENOMEM;
        goto done;
    }
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        /* repeated values have no entry of their own in the index: they are stored (7.2) */
        if (c[i].special && c[i].special != TSR_SPECIAL_VALUE) {
            rc = tsr_frame_put_special(f, c[i].chunk, c[i].special);
            continue;
        }
        number[nput] = c[i].chunk;
        first[nput++] = at;
        fill_pieces(&c[i], pieces + at);
        at += count_pieces(&c[i]);
    }
    first[nput] = at;
    if (rc == TSR_OK && nput) rc = tsr_frame_put_many(f, nput, number, pieces, first);
done:
    tsr_free(pieces);
    tsr_free(number);
    tsr_free(first);
    return rc;
}

int tsr_blosc2_flush(struct tsr_driver *d, bool durable)
{
    return tsr_frame_flush(self(d)->frame, durable);
}

/* ---- chunks as they are stored ---- */

static bool same_coding(const struct tsr_cparams *p, const struct tsr_cparams *q)
{
    return p->codec_id == q->codec_id && p->codec_meta == q->codec_meta && p->clevel == q->clevel &&
           p->split == q->split && p->use_dict == q->use_dict && p->item_bytes == q->item_bytes &&
           memcmp(p->filters, q->filters, sizeof p->filters) == 0 &&
           memcmp(p->filters_meta, q->filters_meta, sizeof p->filters_meta) == 0;
}

bool tsr_blosc2_alike(const struct tsr_driver *a, const struct tsr_driver *b, bool coding)
{
    const struct tsr_grid *g = &a->grid, *h = &b->grid;
    if (!self(a)->frame || !self(b)->frame || g->ndim != h->ndim || g->padded != h->padded ||
        g->item_bytes != h->item_bytes || a->variable != b->variable)
        return false;
    for (int d = 0; d < g->ndim && !a->variable; d++)
        if (g->chunk[d] != h->chunk[d] || (g->padded && g->block[d] != h->block[d])) return false;
    if (self(a)->cparams.item_bytes != self(b)->cparams.item_bytes) return false;
    return !coding || same_coding(&self(a)->cparams, &self(b)->cparams);
}

int tsr_blosc2_copy_chunks(struct tsr_driver *to, const struct tsr_driver *from,
                           const struct tsr_chunk_moves *m)
{
    struct tsr_frame_moves moves = {m->to, m->after, m->arg};
    return tsr_frame_copy_chunks(self(from)->frame, self(to)->frame, &moves);
}

/* ---- metadata ---- */

bool tsr_blosc2_is_frame(const uint8_t *head, size_t len)
{
    return len >= 10 && memcmp(head,
                               "\x9E\xA8"
                               "b2frame",
                               10) == 0;
}

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

int tsr_blosc2_to_buffer(struct tsr_driver *d, void **buf, size_t *len)
{
    return tsr_frame_to_buffer(self(d)->frame, buf, len);
}

static int meta_count(const struct tsr_driver *d, tsr_meta_kind kind)
{
    return tsr_frame_meta_count(self(d)->frame, kind);
}

static const char *meta_name(const struct tsr_driver *d, tsr_meta_kind kind, int i)
{
    return tsr_frame_meta_name(self(d)->frame, kind, i);
}

static int meta_get(const struct tsr_driver *d, tsr_meta_kind kind, const char *name, void **buf,
                    size_t *len)
{
    return tsr_frame_meta_get(self(d)->frame, kind, name, buf, len);
}

static int meta_set(struct tsr_driver *d, tsr_meta_kind kind, const char *name, const void *buf,
                    size_t len)
{
    if (kind == TSR_META && (strcmp(name, "b2nd") == 0 || strcmp(name, "caterva") == 0))
        return tsr_fail(TSR_EARG, "metalayer '%s' is the array's own: resize changes it", name);
    return tsr_frame_meta_set(self(d)->frame, kind, name, buf, len);
}

static int meta_remove(struct tsr_driver *d, const char *name)
{
    return tsr_frame_meta_remove(self(d)->frame, name);
}

const struct tsr_format_meta tsr_blosc2_meta = {meta_count, meta_name, meta_get, meta_set,
                                                meta_remove};

int64_t tsr_blosc2_cbytes(const struct tsr_driver *d)
{
    return tsr_frame_facts_of(self(d)->frame)->cbytes;
}

enum tsr_change tsr_blosc2_changed(const struct tsr_driver *d)
{
    return tsr_frame_changed(self(d)->frame);
}

int tsr_blosc2_verify(const struct tsr_driver *d,
                      void (*fn)(void *user, int64_t chunk, tsr_status status, const char *what),
                      void *user)
{
    return tsr_frame_verify(self(d)->frame, fn, user);
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

static void name_filter(struct tsr_blosc2 *b, int at, int id, int meta)
{
    const char *name = tsr_filter_name(b->cparams.codecs, id);
    const struct tsr_filter *f = tsr_filter_blosc2(b->cparams.codecs, id);
    b->steps[at] = (tsr_step){name ? name : "unknown", NULL};
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
    b->steps[at] = (tsr_step){name ? name : "unknown", params};
    int n = snprintf(params, size, "clevel=%d%s", cp->clevel, cp->use_dict ? ",dict=1" : "");
    if (p && p->name)
        snprintf(params + n, size - (size_t)n, ",meta=%d", signed_meta(p, cp->codec_meta));
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
    const struct tsr_frame *f = self(d)->frame;
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
    if (rc == TSR_OK) rc = tsr_frame_meta_set(self(d)->frame, TSR_VLMETA, name, out.p, out.len);
    tsr_buf_free(&out);
    tsr_doc_free(doc);
    return rc;
}

int tsr_blosc2_attr_remove(struct tsr_driver *d, const char *name)
{
    return tsr_frame_meta_remove(self(d)->frame, name);
}
