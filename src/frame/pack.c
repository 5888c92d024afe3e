/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/pack.c - the index as a chunk (blosc2.md 7.2).
 *
 *   0        32             32 + 4 * npages
 *   | header | block starts | page 0 | page 1 | ...      blosclz 5, shuffle, typesize 8, one
 *                                                        stream per block of 16384 bytes
 *
 * as c-blosc2 writes it.  Appending to a frame of millions of chunks changes one page, so the
 * others are copied as they are stored, when they are stored in this very shape.  An index that
 * repeats one special value is a chunk of 40 bytes; a tiny one is stored plain. */
#include "frame/priv.h"

static void index_cparams(struct tsr_cparams *p)
{
    tsr_cparams_init(p, 8);
    p->codec_id = 0;
    p->codec = tsr_codec_blosc2(NULL, 0);
    p->codec_meta = 0;
    p->clevel = 5;
    p->split = 2;
    p->block_bytes = PAGE_BYTES;
    memset(p->filters, 0, sizeof p->filters);
    memset(p->filters_meta, 0, sizeof p->filters_meta);
    p->filters[5] = 1;
}

struct pack {
    const struct frame_index *ix;
    struct tsr_cparams params;
    struct tsr_chunk chunk;
    struct tsr_worker *worker;
    struct tsr_block_out *blocks; /* [nblocks]; p is not used: the bytes are in out */
    struct tsr_buf out;
    /* stored spans of old pages that can be copied; NULL: none can */
    const uint8_t *old;
    int32_t *off, *len;
    /* the encoded form of full pages of one special value, by kind: where in out */
    size_t same_at[5];
    int32_t same_len[5];
};

/* Could blocks of c stand in a chunk begun as t? */
static bool same_shape(const struct tsr_chunk *c, const struct tsr_chunk *t)
{
    return tsr_chunk_is_regular(c) && !c->basic && !c->dict && c->flags == t->flags &&
           c->version == t->version && c->typesize == t->typesize &&
           !memcmp(c->filters, t->filters, sizeof c->filters) &&
           !memcmp(c->filters_meta, t->filters_meta, sizeof c->filters_meta);
}

static int find_old(struct pack *k)
{
    const struct frame_index *ix = k->ix;
    const struct frame_bytes *bytes;
    if (!ix->has_chunk || !same_shape(&ix->chunk, &k->chunk)) return TSR_OK;
    int rc = tsr_index_bytes(ix, true, &bytes);
    if (rc < 0) return rc;
    k->off = tsr_alloc_array((size_t)ix->chunk.nblocks, sizeof *k->off);
    k->len = tsr_alloc_array((size_t)ix->chunk.nblocks, sizeof *k->len);
    if (!k->off || !k->len) return TSR_ENOMEM;
    if ((rc = tsr_chunk_all_spans(&ix->chunk, bytes->p, k->off, k->len)) < 0) return rc;
    k->old = bytes->p;
    return TSR_OK;
}

static bool keeps(const struct pack *k, int32_t b)
{
    const struct tsr_chunk *old = &k->ix->chunk;
    return k->old && !k->ix->pages[b].dirty && b < old->nblocks &&
           tsr_chunk_block_len(old, b) == tsr_chunk_block_len(&k->chunk, b) && k->len[b] >= 4 &&
           (size_t)k->len[b] <= tsr_chunk_block_bound(&k->chunk);
}

static int copy_page(struct pack *k, int32_t b)
{
    const uint8_t *src = k->old + k->off[b];
    k->blocks[b].len = k->len[b];
    k->blocks[b].zeros = k->len[b] == 4 && tsr_load_LE32(src) == 0;
    return tsr_buf_add(&k->out, src, (size_t)k->len[b]);
}

/* Little-endian values of a page as files have them. */
static int page_values(const struct frame_index *ix, int32_t b, int64_t dst[PAGE_ENTRIES])
{
    const int64_t *v;
    bool one;
    int rc = tsr_index_page(ix, (size_t)b, &v, &one);
    if (rc < 0) return rc;
    for (int i = 0; i < PAGE_ENTRIES; i++) {
        int64_t e = v[one ? 0 : i];
        tsr_store_LE64(&dst[i], (uint64_t)(e < 0 ? e : entry_pos(e)));
    }
    return TSR_OK;
}

static int encode_page(struct pack *k, int32_t b)
{
    int64_t v[PAGE_ENTRIES];
    int rc = page_values(k->ix, b, v);
    if (rc == TSR_OK) rc = tsr_buf_reserve(&k->out, tsr_chunk_block_bound(&k->chunk));
    if (rc < 0) return rc;
    k->blocks[b].p = k->out.p + k->out.len;
    rc = tsr_chunk_encode_block(&k->chunk, &k->params, k->worker, b, (uint8_t *)v, &k->blocks[b]);
    if (rc == TSR_OK) k->out.len += (size_t)k->blocks[b].len;
    return rc;
}

/* Pages of one special value all encode alike. */
static int encode_mark(struct pack *k, int32_t b, int kind)
{
    size_t at = k->out.len;
    int rc;
    if (!k->same_len[kind]) {
        if ((rc = encode_page(k, b)) < 0) return rc;
        k->same_at[kind] = at;
        k->same_len[kind] = k->blocks[b].len;
        return TSR_OK;
    }
    size_t len = (size_t)k->same_len[kind];
    if ((rc = tsr_buf_reserve(&k->out, len)) < 0) return rc;
    memcpy(k->out.p + at, k->out.p + k->same_at[kind], len);
    k->out.len += len;
    k->blocks[b].len = k->same_len[kind];
    k->blocks[b].zeros = false; /* a special entry is never 0 */
    return TSR_OK;
}

static int pack_page(struct pack *k, int32_t b)
{
    int64_t mark = tsr_index_page_mark(k->ix, (size_t)b);
    if (mark && tsr_chunk_block_len(&k->chunk, b) == PAGE_BYTES)
        return encode_mark(k, b, entry_kind(mark));
    return keeps(k, b) ? copy_page(k, b) : encode_page(k, b);
}

static int pack_pages(struct pack *k)
{
    size_t head = TSR_CHUNK_HEADER + 4 * (size_t)k->chunk.nblocks, head_len;
    int rc = find_old(k);
    if (rc < 0) return rc;
    if (!(k->blocks = tsr_alloc_zero((size_t)k->chunk.nblocks, sizeof *k->blocks)))
        return TSR_ENOMEM;
    if ((rc = tsr_buf_reserve(&k->out, head)) < 0) return rc;
    k->out.len = head;
    for (int32_t b = 0; b < k->chunk.nblocks && !k->chunk.memcpyed; b++)
        if ((rc = pack_page(k, b)) < 0) return rc;
    if ((rc = tsr_chunk_seal(&k->chunk, k->blocks, k->out.p, &head_len)) < 0) return rc;
    if (tsr_chunk_is_regular(&k->chunk)) return TSR_OK;
    k->out.len = head_len;
    for (int32_t b = 0; b < k->chunk.nblocks && k->chunk.memcpyed; b++) {
        int64_t v[PAGE_ENTRIES];
        if ((rc = page_values(k->ix, b, v)) < 0) return rc;
        rc = tsr_buf_add(&k->out, v, (size_t)tsr_chunk_block_len(&k->chunk, b));
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

/* The value of all entries when it is one special one, else 0. */
static int64_t only_mark(const struct frame_index *ix)
{
    int64_t mark = tsr_index_page_mark(ix, 0);
    for (size_t i = 1; mark && i < ix->npages; i++)
        if (tsr_index_page_mark(ix, i) != mark) mark = 0;
    return mark;
}

static int pack_repeated(struct pack *k, int64_t mark)
{
    uint8_t value[8];
    int rc = tsr_buf_reserve(&k->out, TSR_CHUNK_HEADER + sizeof value);
    if (rc < 0) return rc;
    tsr_store_LE64(value, (uint64_t)mark);
    tsr_chunk_special(k->out.p, TSR_SPECIAL_VALUE, k->chunk.nbytes, k->chunk.block_bytes, 8, value,
                      sizeof value);
    k->out.len = TSR_CHUNK_HEADER + sizeof value;
    return TSR_OK;
}

/* What was packed, as it will be parsed when it is read; its bytes move to *out. */
static int pack_finish(struct pack *k, struct frame_packed *out)
{
    int rc = tsr_chunk_parse(&out->chunk, k->out.p, k->out.len, k->out.len,
                             tsr_limit(TSR_CHUNK_MAX_NBYTES));
    if (rc < 0) return rc;
    out->bytes = tsr_alloc(sizeof *out->bytes);
    if (!out->bytes) return TSR_ENOMEM;
    *out->bytes = (struct frame_bytes){k->out.len, k->out.p};
    k->out = (struct tsr_buf){0};
    return TSR_OK;
}

int tsr_index_pack(const struct frame_index *ix, struct frame_packed *out)
{
    struct pack k = {.ix = ix};
    index_cparams(&k.params);
    int rc = tsr_chunk_begin(&k.chunk, &k.params, ix->n * 8);
    if (rc < 0) return rc;
    if (!(k.worker = tsr_pool_borrow(ix->pool))) return TSR_ENOMEM;
    int64_t mark = only_mark(ix);
    rc = mark ? pack_repeated(&k, mark) : pack_pages(&k);
    if (rc == TSR_OK) rc = pack_finish(&k, out);
    tsr_pool_return(ix->pool, k.worker);
    tsr_free(k.blocks);
    tsr_free(k.off);
    tsr_free(k.len);
    tsr_buf_free(&k.out);
    return rc;
}

void tsr_packed_free(struct frame_packed *p)
{
    tsr_bytes_free(p->bytes);
    p->bytes = NULL;
}

/* Chunks put since the last commit are part of the flushed state now. */
static void settle_page(struct frame_index *ix, size_t page)
{
    int64_t *v = ix->pages[page].v;
    ix->pages[page].dirty = false;
    if (!v || tsr_index_page_mark(ix, page)) return;
    for (int i = 0; i < PAGE_ENTRIES; i++)
        if (v[i] >= 0) v[i] = entry_pos(v[i]);
}

void tsr_index_stored(struct frame_index *ix, struct frame_packed *p, uint64_t off)
{
    for (size_t i = 0; i < ix->npages; i++)
        if (ix->pages[i].dirty) settle_page(ix, i);
    tsr_bytes_free(atomic_exchange(&ix->head, p->bytes));
    ix->has_chunk = p->bytes != NULL;
    ix->chunk = p->chunk;
    ix->off = off;
    p->bytes = NULL;
}
