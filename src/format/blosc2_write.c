/* SPDX-License-Identifier: BSD-3-Clause */
/* format/blosc2_write.c - chunks of a Blosc2 frame are encoded, sealed and handed to the frame.
 *
 * The header of the chunk to be travels in tsr_out_chunk.priv. */
#include "base/mem.h"
#include "format/blosc2.h"

_Static_assert(sizeof(struct tsr_chunk) <= sizeof(((struct tsr_out_chunk *)0)->priv), "out.priv");

int tsr_blosc2_begin(const struct tsr_driver *d, struct tsr_out_chunk *out)
{
    struct tsr_chunk *c = (struct tsr_chunk *)out->priv;
    const struct tsr_cparams *cp = &blosc2_of(d)->cparams;
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
    return tsr_chunk_train((struct tsr_chunk *)out->priv, &blosc2_of(d)->cparams, w, from,
                           out->head);
}

int tsr_blosc2_encode(const struct tsr_driver *d, struct tsr_worker *w,
                      const struct tsr_out_chunk *out, int32_t b, const uint8_t *src)
{
    out->blocks[b].ref = out->ref;
    return tsr_chunk_encode_block(blosc2_chunk(out->priv), &blosc2_of(d)->cparams, w, b, src,
                                  &out->blocks[b]);
}

/* Blocks stored as differences from block 0 can stay only where that stays. */
static bool same_ref(const struct tsr_place *old, const struct tsr_out_chunk *out, size_t len)
{
    return old->ref && out->ref && memcmp(old->ref, out->ref, len) == 0;
}

bool tsr_blosc2_keep(const struct tsr_driver *d, const struct tsr_place *old,
                     const struct tsr_out_chunk *out, int32_t b, const uint8_t *src, size_t len)
{
    const struct tsr_chunk *was = blosc2_chunk(old->priv), *now = blosc2_chunk(out->priv);
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
    const struct tsr_cparams *cp = &blosc2_of(d)->cparams;
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
    struct tsr_frame *f = blosc2_of(d)->frame;
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
        if (c[i].special && c[i].special != TSR_SPECIAL_ZEROS) d->edges_clear = false;
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
