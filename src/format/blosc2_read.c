/* SPDX-License-Identifier: BSD-3-Clause */
/* format/blosc2_read.c - chunks of a Blosc2 frame are found and decoded.
 *
 * A chunk is located in up to three rounds: the frame's index gives its first byte (the end is
 * not recorded anywhere but in the chunk's own header), the first read brings header and, as a
 * rule, the block starts, and only where the guess was short a second one the rest of them.
 * The parsed header travels in tsr_place.priv. */
#include "base/mem.h"
#include "format/blosc2.h"

_Static_assert(sizeof(struct tsr_chunk) <= sizeof(((struct tsr_place *)0)->priv), "place.priv");
_Static_assert((int)TSR_FRAME_KEY <= (int)TSR_PLACE_KEY, "place.key");

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
        if (p[i].state == TSR_PLACE_ASK) rc = place_ask(blosc2_of(d), &p[i]);
        else if (p[i].state == TSR_PLACE_NEED) rc = place_parsed(blosc2_of(d), &p[i]);
        if (rc < 0) {
            within_chunk(&p[i]);
            return rc;
        }
    }
    return TSR_OK;
}

int tsr_blosc2_zeros(const struct tsr_driver *d, int64_t i, int64_t *n)
{
    const struct tsr_blosc2 *b = blosc2_of(d);
    *n = 0;
    return b->frame ? tsr_frame_zeros(b->frame, i, n) : TSR_OK;
}

int tsr_blosc2_spans(const struct tsr_driver *d, const struct tsr_place *p, const int32_t *block,
                     size_t n, bool exact, struct tsr_span *out)
{
    (void)d;
    const struct tsr_chunk *c = blosc2_chunk(p->priv);
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
    /* one scan of all starts per block, one for all of them, or a sort */
    bool many = exact && n > 2, ordered = many && tsr_chunk_in_order(c, p->head);
    if (many && !ordered && n > 8 && !c->memcpyed) {
        off = tsr_alloc_array((size_t)c->nblocks, 2 * sizeof *off);
        if (!off) return TSR_ENOMEM;
        len = off + c->nblocks;
        rc = tsr_chunk_all_spans(c, p->head, off, len);
    }
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        int32_t o, l;
        if (ordered) tsr_chunk_next_span(c, p->head, block[i], &o, &l);
        else if (off) o = off[block[i]], l = len[block[i]];
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
    const struct tsr_chunk *c = blosc2_chunk(p->priv);
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
