/* SPDX-License-Identifier: BSD-3-Clause */
/* array/single.c - one Blosc2 chunk as it is stored: its bytes, what its header says, its lazy
 * form, and another one in its place.
 *
 * The lazy form is what python-blosc2 looks at to learn about a chunk without reading it, and
 * never leaves memory (blosc2.md 3.9); all little-endian:
 *
 *   0                     32               32 + 4n    36 + 4n        44 + 4n
 *   | header, lazy bit set | starts i32[n] | number i32 | place i64 | block sizes i32[n] |
 *
 * Of a chunk whose bytes are at hand anyway it is the plain header; chunks of one value come
 * whole in any form. */
#include "array/array.h"
#include "base/mem.h"

enum { LAZY_BYTE = 31, LAZY = 8 };

static const struct tsr_chunk *chunk_of(const struct chunk_job *j)
{
    return (const struct tsr_chunk *)j->place.priv;
}

static int new_out(struct tsr_single *s, size_t len)
{
    tsr_free(s->out.p); /* of the try before */
    s->out = (struct tsr_piece){tsr_alloc(len), len};
    return s->out.p ? TSR_OK : TSR_ENOMEM;
}

/* A chunk that only the index knows, as its header. */
static int special_out(const struct tsr_array *a, const struct chunk_job *j, struct tsr_single *s)
{
    const struct tsr_grid *g = &a->d->grid;
    const struct tsr_cparams *cp = a->d->cparams;
    const struct tsr_chunk *c = chunk_of(j);
    int64_t block = g->padded ? g->block_bytes : cp->block_bytes ? cp->block_bytes : c->nbytes;
    int rc = new_out(s, TSR_CHUNK_HEADER);
    if (rc == TSR_OK)
        tsr_chunk_special(s->out.p, c->special, c->nbytes, (int32_t)tsr_min64(block, c->nbytes),
                          cp->item_bytes, NULL, 0);
    return rc;
}

static int copy_out(struct tsr_single *s, const uint8_t *src, size_t len)
{
    int rc = new_out(s, len);
    if (rc == TSR_OK) memcpy(s->out.p, src, len);
    return rc;
}

/* The starts and the size of each block; a chunk of raw bytes has no starts. */
static int write_blocks(const struct tsr_chunk *c, const uint8_t *head, uint8_t *starts,
                        uint8_t *sizes)
{
    size_t n = (size_t)c->nblocks;
    bool regular = tsr_chunk_is_regular(c);
    int32_t *span = tsr_alloc_array(n, 2 * sizeof *span);
    int rc = span ? TSR_OK : TSR_ENOMEM;
    if (rc == TSR_OK && regular) rc = tsr_chunk_all_spans(c, head, span, span + n);
    for (size_t b = 0; b < n && rc == TSR_OK; b++) {
        int32_t len = regular ? span[n + b] : tsr_chunk_block_len(c, (int32_t)b);
        tsr_store_LE32(starts + 4 * b, regular ? (uint32_t)span[b] : 0);
        tsr_store_LE32(sizes + 4 * b, (uint32_t)len);
    }
    tsr_free(span);
    return rc;
}

static int lazy_out(const struct chunk_job *j, struct tsr_single *s)
{
    enum { TRAILER = 12 };
    const struct tsr_chunk *c = chunk_of(j);
    size_t table = 4 * (size_t)c->nblocks;
    int rc = new_out(s, TSR_CHUNK_HEADER + 2 * table + TRAILER);
    if (rc < 0) return rc;
    uint8_t *p = s->out.p, *end = p + TSR_CHUNK_HEADER + table;
    memcpy(p, j->place.head, TSR_CHUNK_HEADER);
    p[LAZY_BYTE] |= LAZY;
    tsr_store_LE32(end, (uint32_t)j->place.chunk);
    tsr_store_LE64(end + 4, j->place.off);
    return write_blocks(c, j->place.head, p + TSR_CHUNK_HEADER, end + TRAILER);
}

/* The head is there; the rest is not read but for the whole. */
static int stored_out(const struct tsr_array *a, struct chunk_job *j, struct tsr_single *s)
{
    const struct tsr_chunk *c = chunk_of(j);
    const uint8_t *bytes = NULL;
    if (s->form == TSR_SINGLE_HEAD) return copy_out(s, j->place.head, c->head_bytes);
    if (s->form == TSR_SINGLE_WHOLE || c->basic) {
        int rc = tsr_job_whole(a, j, &bytes);
        return rc < 0 ? rc : copy_out(s, bytes, (size_t)j->place.len);
    }
    if (c->special) return copy_out(s, j->place.head, (size_t)c->cbytes);
    if (a->d->store->kind->view) return copy_out(s, j->place.head, TSR_CHUNK_HEADER);
    return lazy_out(j, s);
}

static int read_single(const struct tsr_array *a, void *arg)
{
    struct tsr_single *s = arg;
    struct chunk_job j = {.place = {.chunk = s->i}};
    struct tsr_chunk c;
    int rc = tsr_chunk_check_there(a, s->i);
    if (rc == TSR_OK) rc = tsr_job_settle(a, &j);
    if (rc == TSR_OK && j.place.len) {
        rc = stored_out(a, &j, s);
        tsr_chunk_tell(chunk_of(&j), &s->facts);
    } else if (rc == TSR_OK && (rc = special_out(a, &j, s)) == TSR_OK) {
        rc = tsr_chunk_parse(&c, s->out.p, s->out.len, s->out.len, tsr_limit(UINT64_MAX));
        if (rc == TSR_OK) tsr_chunk_tell(&c, &s->facts);
    }
    tsr_job_free(&j);
    return rc;
}

static int check_blosc2(const struct tsr_array *a)
{
    if (a->d->cparams) return TSR_OK;
    return tsr_fail(TSR_EUNSUPPORTED, "format %s: has no Blosc2 chunks", a->d->format->name);
}

int tsr_single_read(const struct tsr_array *a, struct tsr_single *s)
{
    int rc = check_blosc2(a);
    if (rc == TSR_OK) rc = tsr_follow_read(a, read_single, s);
    if (rc < 0) tsr_free(s->out.p);
    return rc;
}

int tsr_single_bytes(const struct tsr_array *a, int64_t i, enum tsr_single_form form, void **buf,
                     size_t *len)
{
    struct tsr_single s = {.i = i, .form = form};
    int rc = tsr_single_read(a, &s);
    if (rc < 0) return rc;
    *buf = s.out.p;
    *len = s.out.len;
    return TSR_OK;
}

int tsr_single_facts(const struct tsr_array *a, int64_t i, tsr_chunk_facts *out)
{
    struct tsr_single s = {.i = i, .form = TSR_SINGLE_HEAD};
    int rc = tsr_single_read(a, &s);
    if (rc < 0) return rc;
    tsr_free(s.out.p);
    return tsr_hand_out(out, &s.facts, sizeof s.facts, "tsr_chunk_facts");
}

/* ---- arrays ---- */

static int check_number(const tsr_array *a, int64_t i)
{
    int rc = check_blosc2(a);
    if (rc < 0 || (i >= 0 && i < a->d->grid.nchunks)) return rc;
    return tsr_fail(TSR_EARG, "chunk %lld: the array has %lld", (long long)i,
                    (long long)a->d->grid.nchunks);
}

int tsr_array_get_chunk(const tsr_array *a, int64_t i, void **buf, size_t *len)
{
    int rc = check_number(a, i);
    return rc < 0 ? rc : tsr_single_bytes(a, i, TSR_SINGLE_WHOLE, buf, len);
}

struct decoding {
    int64_t i;
    uint8_t *dst;
};

static int decode_chunk(const struct tsr_array *a, void *arg)
{
    const struct decoding *d = arg;
    const struct tsr_grid *g = &a->d->grid;
    struct chunk_job j = {.place = {.chunk = d->i}};
    int64_t count[TSR_MAX_NDIM], stride[TSR_MAX_NDIM];
    int rc = tsr_chunk_check_there(a, d->i);
    if (rc == TSR_OK) rc = tsr_job_settle(a, &j);
    if (rc == TSR_OK && j.place.state == TSR_PLACE_STORED) {
        rc = tsr_sized_read_chunk(a, d->i, d->dst, g->chunk_bytes);
    } else if (rc == TSR_OK) {
        for (int k = 0; k < g->ndim; k++) count[k] = 1, stride[k] = g->item_bytes;
        if (g->ndim) count[g->ndim - 1] = g->chunk_bytes / g->item_bytes;
        rc = tsr_fill(a, &j.place, d->dst, count, stride);
    }
    tsr_job_free(&j);
    return rc;
}

int tsr_array_decode_chunk(const tsr_array *a, int64_t i, void *dst, size_t dst_bytes)
{
    struct decoding d = {i, dst};
    int rc = check_number(a, i);
    if (rc < 0) return rc;
    if (dst_bytes != (uint64_t)a->d->grid.chunk_bytes)
        return tsr_fail(TSR_EARG, "dst of %zu bytes, expected %lld, those of a chunk", dst_bytes,
                        (long long)a->d->grid.chunk_bytes);
    return tsr_follow_read(a, decode_chunk, &d);
}

int tsr_array_lazy_chunk(const tsr_array *a, int64_t i, void **buf, size_t *len)
{
    int rc = check_number(a, i);
    return rc < 0 ? rc : tsr_single_bytes(a, i, TSR_SINGLE_LAZY, buf, len);
}

int tsr_array_chunk_info(const tsr_array *a, int64_t i, tsr_chunk_facts *out)
{
    int rc = check_number(a, i);
    return rc < 0 ? rc : tsr_single_facts(a, i, out);
}

/* Would the chunk be one of the array's?  What is wrong with it alone is found when it is put. */
static int check_fits(const tsr_array *a, const void *chunk, size_t len)
{
    const struct tsr_grid *g = &a->d->grid;
    int32_t item = a->d->cparams->item_bytes;
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, chunk, len, len,
                             (struct tsr_limits){TSR_CHUNK_MAX_NBYTES, a->d->cparams->codecs});
    if (rc < 0) return rc;
    int64_t value = c.special == TSR_SPECIAL_VALUE ? c.value_bytes : item;
    int64_t block = c.special ? g->block_bytes : c.block_bytes;
    if (c.nbytes == g->chunk_bytes && block == g->block_bytes && !c.vlblocks && value == item &&
        c.typesize == (item > 255 ? 1 : item))
        return TSR_OK;
    return tsr_fail(TSR_EARG,
                    "chunk of %d bytes in blocks of %d%s, items of %d: expected %lld, %lld, %d",
                    c.nbytes, c.block_bytes, c.vlblocks ? " or other sizes" : "",
                    value == item ? c.typesize : (int)value, (long long)g->chunk_bytes,
                    (long long)g->block_bytes, item);
}

int tsr_array_update_compressed(tsr_array *a, int64_t i, const void *chunk, size_t len)
{
    bool anew;
    int rc = check_blosc2(a);
    if (rc == TSR_OK) rc = tsr_engine_begin(a, &anew);
    if (rc == TSR_OK) rc = check_number(a, i);
    if (rc == TSR_OK) rc = check_fits(a, chunk, len);
    return rc < 0 ? rc : tsr_sized_put_chunk(a, i, false, chunk, len);
}

static int hand_out_cparams(const struct tsr_array *a, tsr_cparams_info *out)
{
    const struct tsr_cparams *p = a->d->cparams;
    int rc = check_blosc2(a);
    if (rc < 0) return rc;
    tsr_cparams_info c = {.size = sizeof c,
                          .item_bytes = p->item_bytes,
                          .block_bytes = p->block_bytes,
                          .codec_id = p->codec_id,
                          .codec = tsr_codec_name(p->codecs, p->codec_id),
                          .codec_meta = (uint8_t)p->codec_meta,
                          .clevel = p->clevel,
                          .dict = p->use_dict,
                          .split = p->split};
    memcpy(c.filters, p->filters, sizeof c.filters);
    memcpy(c.filters_meta, p->filters_meta, sizeof c.filters_meta);
    return tsr_hand_out(out, &c, sizeof c, "tsr_cparams_info");
}

int tsr_array_cparams(const tsr_array *a, tsr_cparams_info *out)
{
    return hand_out_cparams(a, out);
}

int tsr_schunk_cparams(const tsr_schunk *s, tsr_cparams_info *out)
{
    return hand_out_cparams(tsr_schunk_array((tsr_schunk *)(uintptr_t)s), out);
}
