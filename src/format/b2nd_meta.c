/* SPDX-License-Identifier: BSD-3-Clause */
/* format/b2nd_meta.c - the metalayer that makes a frame an array (blosc2.md 10.1).
 *
 *   97 | 00 | ndim u8 | 90+n shape n x D3 i64 | 90+n chunk shape n x D2 i32 |
 *   90+n block shape n x D2 i32 | dtype format u8 | DB length u32 | dtype text
 *
 * Integers are big-endian.  The older name "caterva" may lack the last two fields (95). */
#include "format/b2nd_meta.h"

#include <string.h>

#include "base/num.h"

enum { DTYPE_MAX = 64 * 1024 };

struct cursor {
    const uint8_t *p;
    size_t len, at;
};

/* The next n bytes, or NULL past the end. */
static const uint8_t *take(struct cursor *c, size_t n)
{
    if (n > c->len - c->at) return NULL;
    c->at += n;
    return c->p + c->at - n;
}

static int cut_short(const struct cursor *c, const char *field)
{
    return tsr_fail(TSR_ECORRUPT, "%s at byte %zu: the metalayer ends at byte %zu", field, c->at,
                    c->len);
}

/* Any MessagePack integer; writers use the fixed tags, readers may be liberal. */
static int take_int(struct cursor *c, const char *field, int64_t *v)
{
    const uint8_t *t = take(c, 1), *p;
    if (!t) return cut_short(c, field);
    if (*t < 0x80 || *t >= 0xE0) {
        *v = (int8_t)*t;
        return TSR_OK;
    }
    static const uint8_t size[8] = {1, 2, 4, 8, 1, 2, 4, 8}; /* CC..CF unsigned, D0..D3 signed */
    if (*t < 0xCC || *t > 0xD3)
        return tsr_fail(TSR_ECORRUPT, "%s at byte %zu: found tag 0x%02x, expected an integer",
                        field, c->at - 1, *t);
    int n = size[*t - 0xCC];
    if (!(p = take(c, (size_t)n))) return cut_short(c, field);
    uint64_t u = *t >= 0xD0 && (p[0] & 0x80) ? ~UINT64_C(0) : 0;
    for (int i = 0; i < n; i++) u = u << 8 | p[i];
    *v = *t == 0xCF && u > INT64_MAX ? -1 : (int64_t)u;
    return TSR_OK;
}

static int take_ints(struct cursor *c, const char *field, int ndim, int64_t *v)
{
    const uint8_t *t = take(c, 1);
    if (!t) return cut_short(c, field);
    if (*t != 0x90 + ndim) /* 0xA0 for 16 dimensions: no MessagePack, but what is written */
        return tsr_fail(TSR_ECORRUPT, "%s at byte %zu: found tag 0x%02x, expected 0x%02x", field,
                        c->at - 1, *t, 0x90 + ndim);
    for (int d = 0; d < ndim; d++) {
        int rc = take_int(c, field, &v[d]);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

static int take_dtype(struct cursor *c, int *dtype_format, char **dtype)
{
    const uint8_t *p = take(c, 1);
    if (!p) return cut_short(c, "dtype format");
    *dtype_format = *p;
    if (!(p = take(c, 5)) || p[0] != 0xDB) return cut_short(c, "dtype");
    uint32_t len = tsr_load_BE32(p + 1);
    if (len > DTYPE_MAX || !(p = take(c, len)))
        return tsr_fail(TSR_ECORRUPT, "dtype length at byte %zu: found %u, %zu bytes are left",
                        c->at - 4, len, c->len - c->at);
    if (!(*dtype = tsr_alloc((size_t)len + 1))) return TSR_ENOMEM;
    memcpy(*dtype, p, len);
    (*dtype)[len] = 0;
    return TSR_OK;
}

int tsr_b2nd_meta_parse(const uint8_t *p, size_t len, struct tsr_grid *g, int *dtype_format,
                        char **dtype)
{
    struct cursor c = {p, len, 0};
    const uint8_t *head = take(&c, 3);
    int rc;
    if (!head) return cut_short(&c, "head");
    if (head[0] != 0x97 && head[0] != 0x95)
        return tsr_fail(TSR_ECORRUPT, "tag at byte 0: found 0x%02x, expected 0x97", head[0]);
    if (head[1] != 0)
        return tsr_fail(TSR_EUNSUPPORTED, "version at byte 1: found %u, expected 0", head[1]);
    if (head[2] > TSR_B2ND_MAX_NDIM)
        return tsr_fail(TSR_ECORRUPT, "ndim at byte 2: found %d, expected 0..%d", (int8_t)head[2],
                        TSR_B2ND_MAX_NDIM);
    g->ndim = head[2];
    if ((rc = take_ints(&c, "shape", g->ndim, g->shape)) < 0) return rc;
    if ((rc = take_ints(&c, "chunk shape", g->ndim, g->chunk)) < 0) return rc;
    if ((rc = take_ints(&c, "block shape", g->ndim, g->block)) < 0) return rc;
    return head[0] == 0x97 ? take_dtype(&c, dtype_format, dtype) : TSR_OK;
}

int tsr_b2nd_meta_emit(struct tsr_buf *out, const struct tsr_grid *g, const char *dtype)
{
    uint8_t b[9];
    size_t len = strlen(dtype);
    int rc = tsr_buf_add(out, (uint8_t[]){0x97, 0, (uint8_t)g->ndim, (uint8_t)(0x90 + g->ndim)}, 4);
    for (int d = 0; d < g->ndim && rc == TSR_OK; d++) {
        b[0] = 0xD3;
        tsr_store_BE64(b + 1, (uint64_t)g->shape[d]);
        rc = tsr_buf_add(out, b, 9);
    }
    for (int k = 0; k < 2; k++) {
        const int64_t *v = k == 0 ? g->chunk : g->block;
        if (rc == TSR_OK) rc = tsr_buf_add(out, (uint8_t[]){(uint8_t)(0x90 + g->ndim)}, 1);
        for (int d = 0; d < g->ndim && rc == TSR_OK; d++) {
            b[0] = 0xD2;
            tsr_store_BE32(b + 1, (uint32_t)v[d]);
            rc = tsr_buf_add(out, b, 5);
        }
    }
    b[0] = 0;
    b[1] = 0xDB;
    tsr_store_BE32(b + 2, (uint32_t)len);
    if (rc == TSR_OK) rc = tsr_buf_add(out, b, 6);
    return rc == TSR_OK ? tsr_buf_add(out, dtype, len) : rc;
}

void tsr_b2nd_set_blocks(struct tsr_cparams *p, const struct tsr_grid *g)
{
    p->item_bytes = (int32_t)g->item_bytes;
    p->block_bytes = (int32_t)g->block_bytes;
    p->block_ndim = g->ndim;
    for (int d = 0; d < g->ndim; d++) p->block_shape[d] = (int32_t)g->block[d];
}

bool tsr_b2nd_find_grid(const struct tsr_frame *f, struct tsr_grid *g, bool *sound)
{
    const uint8_t *p;
    size_t len;
    char *dtype = NULL;
    int dtype_format;
    *g = (struct tsr_grid){.item_bytes = tsr_frame_facts_of(f)->cparams.item_bytes, .padded = true};
    bool found = tsr_frame_meta_view(f, "b2nd", &p, &len) == TSR_OK ||
                 tsr_frame_meta_view(f, "caterva", &p, &len) == TSR_OK;
    *sound = found && tsr_b2nd_meta_parse(p, len, g, &dtype_format, &dtype) == TSR_OK &&
             tsr_grid_derive(g, TSR_CHUNK_MAX_NBYTES) == TSR_OK && g->block_bytes <= TSR_BLOCK_MAX;
    tsr_free(dtype);
    return found;
}

int tsr_b2nd_check_geometry(const struct tsr_grid *g, const struct tsr_frame_facts *f)
{
    int64_t nbytes;
    if (!tsr_mul(g->nchunks, g->chunk_bytes, &nbytes) || nbytes != f->nbytes ||
        (f->nchunks && g->chunk_bytes != f->chunk_bytes))
        return tsr_fail(TSR_ECORRUPT,
                        "shapes ask for %lld chunks of %lld bytes, the frame holds %lld bytes in "
                        "chunks of %lld",
                        (long long)g->nchunks, (long long)g->chunk_bytes, (long long)f->nbytes,
                        (long long)f->chunk_bytes);
    return TSR_OK;
}

bool tsr_b2nd_find_blocks(const struct tsr_frame *f, struct tsr_cparams *out)
{
    struct tsr_grid g;
    bool sound, found = tsr_b2nd_find_grid(f, &g, &sound);
    if (sound) tsr_b2nd_set_blocks(out, &g);
    return found;
}
