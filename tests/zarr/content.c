/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/content.c - the content of Zarr arrays, by the chain of codecs alone.
 *
 * Reads lines "FOLDER PATH" (parted by a tab) and prints for each array the SHA-256 of its items by
 * the rules of the golden manifest: little-endian in C order, those of variable length behind a u32
 * length.  Shards are decoded twice: whole, and by their index and inner chunks. */
#include <openssl/evp.h>

#include "base/num.h"
#include "kernel/box.h"
#include "load.h"
#include "zarr/parts.h"

struct content {
    struct tsr_zmeta *m;
    struct tsr_zparts *parts;
    struct tsr_worker *w;
    const char *folder, *path;
    uint8_t *items;       /* of fixed size: the array */
    const uint8_t **item; /* of variable length: each of them, in `kept` */
    uint8_t **kept;
    size_t nkept;
    int64_t count, total;
};

/* The part of a chunk at origin[] that lies in the array, from its items (or one: fill). */
static void place(struct content *c, const int64_t *origin, const int64_t *shape,
                  const uint8_t *chunk, bool fill)
{
    int64_t item = c->m->type->dtype->item_bytes, from = item, to = item;
    struct tsr_box_copy b = {.dst = c->items, .src = chunk, .item_bytes = (size_t)item};
    b.ndim = c->m->ndim;
    for (int d = b.ndim; d-- > 0;) {
        b.count[d] = tsr_min64(shape[d], c->m->shape[d] - origin[d]);
        if (b.count[d] <= 0) return;
        b.src_stride[d] = fill ? 0 : from;
        b.dst_stride[d] = to;
        b.dst += origin[d] * to;
        from *= shape[d];
        to *= c->m->shape[d];
    }
    tsr_box_copy(&b);
}

/* The items p[len] of a chunk, whose memory is kept, or all one (fill). */
static int place_var(struct content *c, const int64_t *origin, const int64_t *shape,
                     const uint8_t *p, size_t len, bool fill)
{
    int64_t n, at[TSR_MAX_NDIM];
    size_t off = 0;
    tsr_product(shape, c->m->ndim, &n);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i, to = 0, stride = 1;
        bool inside = true;
        for (int d = c->m->ndim; d-- > 0; k /= shape[d]) {
            at[d] = origin[d] + k % shape[d];
            inside = inside && at[d] < c->m->shape[d];
            to += at[d] * stride;
            stride *= c->m->shape[d];
        }
        if (!fill && (len - off < 4 || tsr_load_LE32(p + off) > len - off - 4))
            return tsr_fail(TSR_ECORRUPT, "item %lld does not fit", (long long)i);
        if (inside) c->item[to] = p + off;
        if (!fill) off += 4 + (size_t)tsr_load_LE32(p + off);
    }
    return fill || off == len ? TSR_OK : tsr_fail(TSR_ECORRUPT, "bytes behind the last item");
}

static int decode(struct content *c, const struct tsr_zchain *chain, const uint8_t *src, size_t len,
                  const int64_t *origin)
{
    struct tsr_buf b = {0};
    int rc;
    if (!c->m->type->dtype) {
        rc = tsr_zchain_decode_to(chain, c->w, src, len, &b);
        if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
        if (rc == TSR_OK) rc = place_var(c, origin, chain->in.shape, b.p, b.len - 1, false);
        c->kept = realloc(c->kept, (c->nkept + 1) * sizeof *c->kept);
        c->kept[c->nkept++] = b.p;
        return rc;
    }
    rc = tsr_buf_reserve(&b, (size_t)chain->in.bytes + 1);
    if (rc == TSR_OK) rc = tsr_zchain_decode(chain, c->w, src, len, b.p);
    if (rc == TSR_OK) place(c, origin, chain->in.shape, b.p, false);
    tsr_buf_free(&b);
    return rc;
}

static int fill(struct content *c, const int64_t *origin, const int64_t *shape, const uint8_t *item)
{
    if (!c->m->type->dtype) return place_var(c, origin, shape, item, 0, true);
    place(c, origin, shape, item, true);
    return TSR_OK;
}

/* A shard by its index, block by block. */
static int decode_blocks(struct content *c, const struct tsr_buf *src, const int64_t *origin)
{
    const struct tsr_zparts *p = c->parts;
    uint64_t *entry = malloc(16 * (size_t)p->n), off = 0;
    int64_t at[TSR_MAX_NDIM];
    int rc = tsr_zshard_index_at(p->shard, src->len, p->tail, &off);
    if (rc == TSR_OK) rc = tsr_zshard_index(p->shard, c->w, src->p + off, src->len, p->tail, entry);
    for (int64_t b = 0; rc == TSR_OK && b < p->n; b++) {
        const uint64_t *e = entry + 2 * tsr_zparts_entry(p, b);
        tsr_zparts_origin(p, b, at);
        for (int d = 0; d < p->ndim; d++) at[d] += origin[d];
        if (e[0] == TSR_ZEMPTY) rc = fill(c, at, p->block, c->m->fill.p);
        else rc = decode(c, p->chain, src->p + e[0], (size_t)e[1], at);
    }
    free(entry);
    return rc;
}

static int read_chunk(struct content *c, const int64_t *index, bool whole)
{
    int64_t origin[TSR_MAX_NDIM], shape[TSR_MAX_NDIM];
    char key[TSR_ZKEY_MAX];
    struct tsr_buf src = {0};
    int rc;
    for (int d = 0; d < c->m->ndim; d++)
        tsr_zgrid_chunk(&c->m->grid, d, index[d], origin + d, shape + d);
    tsr_zkey_make(&c->m->keys, c->m->ndim, index, key);
    if (!slurp_key(c->folder, c->path, key, &src)) return fill(c, origin, shape, c->m->fill.p);
    tsr_zparts_close(c->parts);
    c->parts = NULL;
    rc = tsr_zparts_open(c->m, shape, 0, &c->parts);
    if (rc == TSR_OK && c->parts->shard && !whole) rc = decode_blocks(c, &src, origin);
    else if (rc == TSR_OK) rc = decode(c, c->parts->whole, src.p, src.len, origin);
    if (rc < 0) tsr_within("%s/%s", c->path, key);
    tsr_buf_free(&src);
    return rc;
}

static int read_chunks(struct content *c, bool whole)
{
    int64_t index[TSR_MAX_NDIM] = {0};
    int d = 0, rc = TSR_OK;
    while (rc == TSR_OK && d >= 0 && c->count > 0) {
        rc = read_chunk(c, index, whole);
        for (d = c->m->ndim - 1; d >= 0 && ++index[d] == c->m->grid.count[d]; d--) index[d] = 0;
    }
    return rc;
}

/* n items of a type become little-endian. */
static void to_little(const struct tsr_ztype *t, uint8_t *p, int64_t n, int64_t stride)
{
    for (int i = 0; t->kind == TSR_ZRECORD && i < t->dtype->nfields; i++) {
        const struct tsr_field *f = t->dtype->fields + i;
        int64_t items;
        tsr_product(f->shape, f->ndim, &items);
        for (int64_t k = 0; k < n; k++)
            to_little(t->field[i], p + k * stride + f->offset, items, f->dtype->item_bytes);
    }
    for (int64_t k = 0; t->big && k < n; k++)
        for (int64_t at = 0; at < t->dtype->item_bytes; at += t->swap)
            for (int a = 0, b = t->swap - 1; a < b; a++, b--) {
                uint8_t *q = p + k * stride + at, byte = q[a];
                q[a] = q[b];
                q[b] = byte;
            }
}

/* The text of a JSON string. */
static void add_json(EVP_MD_CTX *sha, const char *p, size_t len)
{
    struct tsr_doc *d;
    struct tsr_node n = {0};
    uint8_t frame[4];
    if (tsr_doc_new(&d) < 0 || tsr_json_parse(d, p, len, &n) < 0 || n.kind != TSR_NODE_STRING)
        n.s.len = 0;
    tsr_store_LE32(frame, (uint32_t)n.s.len);
    EVP_DigestUpdate(sha, frame, 4);
    EVP_DigestUpdate(sha, n.s.p, n.s.len);
    tsr_doc_free(d);
}

static void digest(struct content *c, char hex[65])
{
    const struct tsr_ztype *t = c->m->type;
    unsigned char sum[32];
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    EVP_DigestInit(sha, EVP_sha256());
    if (t->dtype) to_little(t, c->items, c->count, t->dtype->item_bytes);
    if (t->dtype) EVP_DigestUpdate(sha, c->items, (size_t)c->total);
    for (int64_t i = 0; !t->dtype && i < c->count; i++) {
        uint8_t *p = (uint8_t *)(uintptr_t)c->item[i];
        size_t len = tsr_load_LE32(p);
        if (t->kind == TSR_ZARRAYS) {
            int64_t item = t->field[0]->dtype->item_bytes;
            to_little(t->field[0], p + 4, (int64_t)len / item, item);
        }
        if (t->kind == TSR_ZJSON) add_json(sha, (char *)p + 4, len);
        else EVP_DigestUpdate(sha, p, len + 4);
    }
    EVP_DigestFinal(sha, sum, NULL);
    EVP_MD_CTX_free(sha);
    for (int i = 0; i < 32; i++) sprintf(hex + 2 * i, "%02x", sum[i]);
}

static int sum_of(struct content *c, bool whole, char hex[65])
{
    const struct tsr_dtype *dt = c->m->type->dtype;
    if (!tsr_product(c->m->shape, c->m->ndim, &c->count) ||
        !tsr_mul(c->count, dt ? dt->item_bytes : 8, &c->total) || c->total > 1 << 30)
        return tsr_fail(TSR_ELIMIT, "shape: more items than memory");
    c->items = calloc((size_t)c->total + 1, 1);
    c->item = (const uint8_t **)(void *)c->items;
    int rc = read_chunks(c, whole);
    if (rc == TSR_OK) digest(c, hex);
    for (size_t i = 0; i < c->nkept; i++) tsr_free(c->kept[i]);
    c->nkept = 0;
    free(c->items);
    return rc;
}

static void answer(struct tsr_worker *w, const char *folder, const char *path)
{
    struct content c = {.w = w, .folder = folder, .path = path};
    char hex[65] = "", again[65] = "";
    int rc = load(folder, path, &c.m);
    if (rc == TSR_OK) rc = sum_of(&c, true, hex);
    if (rc == TSR_OK) rc = sum_of(&c, false, again);
    if (rc == TSR_OK && strcmp(hex, again) != 0)
        rc = tsr_fail(TSR_ECORRUPT, "a shard has other items whole than in parts");
    printf("%s\n", rc < 0 ? tsr_error() : hex);
    tsr_zparts_close(c.parts);
    tsr_zmeta_free(c.m);
    free(c.kept);
}

int main(void)
{
    static char line[1 << 16];
    struct tsr_pool *pool;
    if (tsr_pool_new(1, &pool) < 0) return 1;
    struct tsr_worker *w = tsr_pool_borrow(pool);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *tab = strchr(line, '\t');
        if (!tab) return 2;
        *tab = 0;
        answer(w, line, tab + 1);
    }
    tsr_pool_return(pool, w);
    tsr_pool_free(pool);
    return 0;
}
