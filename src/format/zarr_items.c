/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_items.c - items of variable length: blocks of them, and the names of their types.
 *
 *   codec     | u32 length | bytes | u32 length | bytes | ...      one block, C order
 *   engine    | p, len | p, len | ...                              struct tsr_item
 *
 * A block is decoded into memory of the worker, and its items point into that.  How many there are
 * is known from the metadata; the codecs compare it with what they find before it is used. */
#include "base/mem.h"
#include "format/zarr.h"
#include "zarr/items.h"
#include "zarr/node.h"

enum { LENGTH = 4, KEEP_BYTES = 16 << 20 };

/* ---- blocks ---- */

static void room_done(void *p)
{
    tsr_buf_free(p);
    tsr_free(p);
}

/* The worker's buffer, empty; one that a large block made is not kept. */
static struct tsr_buf *room_of(struct tsr_worker *w)
{
    static const char key;
    struct tsr_buf *b = tsr_worker_state(w, &key, sizeof *b, room_done);
    if (!b) return NULL;
    if (b->cap > KEEP_BYTES) tsr_buf_free(b);
    b->len = 0;
    return b;
}

static int find_items(const struct tsr_buf *b, int64_t n, struct tsr_item *item)
{
    struct tsr_zwalk walk = {b->p, b->len, 0};
    for (int64_t i = 0; i < n; i++) {
        uint32_t len;
        int rc = tsr_zwalk_next(&walk, &item[i].p, &len);
        if (rc < 0) return rc;
        item[i].len = len;
    }
    if (walk.at == b->len) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "found %zu bytes behind the last item", b->len - walk.at);
}

int tsr_zarr_decode_items(const struct tsr_zarr *z, const struct tsr_zchain *chain,
                          struct tsr_worker *w, const uint8_t *src, size_t len, uint8_t *dst)
{
    struct tsr_buf *b = room_of(w);
    (void)z;
    int rc = b ? tsr_zchain_decode_to(chain, w, src, len, b) : TSR_ENOMEM;
    if (rc < 0) return rc;
    return find_items(b, tsr_zview_count(&chain->in), (struct tsr_item *)(void *)dst);
}

/* The items one after another, each behind its length. */
static int join_items(const struct tsr_item *item, int64_t n, struct tsr_buf *b)
{
    size_t total = 0;
    for (int64_t i = 0; i < n; i++) {
        if (item[i].len > UINT32_MAX)
            return tsr_fail(TSR_EARG, "item %lld: found %zu bytes, expected fewer than 2^32",
                            (long long)i, item[i].len);
        if (!tsr_add(total, item[i].len + LENGTH, &total))
            return tsr_fail(TSR_ENOMEM, "a block of %lld items", (long long)n);
    }
    int rc = tsr_buf_reserve(b, total);
    if (rc < 0) return rc;
    for (int64_t i = 0; i < n; i++) {
        tsr_store_LE32(b->p + b->len, (uint32_t)item[i].len);
        if (item[i].len) memcpy(b->p + b->len + LENGTH, item[i].p, item[i].len);
        b->len += LENGTH + item[i].len;
    }
    return TSR_OK;
}

/* The items may lie in the worker's buffer, so that they are joined beside it. */
int tsr_zarr_encode_items(const struct tsr_zarr *z, const struct tsr_zchain *chain,
                          struct tsr_worker *w, const uint8_t *src, struct tsr_block_out *out)
{
    int64_t n = tsr_zview_count(&chain->in);
    struct tsr_buf joined = {0}, stored = {0};
    out->zeros = z->elide && tsr_zarr_is_fill(z, src, n);
    if (out->zeros) return TSR_OK;
    int rc = join_items((const struct tsr_item *)(const void *)src, n, &joined);
    if (rc == TSR_OK && joined.len > z->limit)
        rc = tsr_fail(TSR_ELIMIT, "items of %zu bytes, the limit of a block is %llu", joined.len,
                      (unsigned long long)z->limit);
    if (rc == TSR_OK) rc = tsr_zchain_encode(chain, w, joined.p, joined.len, &stored);
    if (rc == TSR_OK && stored.len > INT32_MAX)
        rc = tsr_fail(TSR_ELIMIT, "%zu stored bytes, the limit of a block is %d", stored.len,
                      INT32_MAX);
    tsr_buf_free(&joined);
    if (rc < 0) {
        tsr_buf_free(&stored);
        return rc;
    }
    out->p = stored.p;
    out->len = (int32_t)stored.len;
    return TSR_OK;
}

bool tsr_zarr_is_fill(const struct tsr_zarr *z, const uint8_t *src, int64_t n)
{
    const struct tsr_item *item = (const struct tsr_item *)(const void *)src, *fill = &z->fill;
    for (int64_t i = 0; i < n; i++)
        if (item[i].len != fill->len || (fill->len && memcmp(item[i].p, fill->p, fill->len) != 0))
            return false;
    return true;
}

/* ---- types ---- */

int tsr_zarr_loose_name(const struct tsr_ztype *t, struct tsr_buf *out)
{
    if (t->kind != TSR_ZARRAYS)
        return tsr_buf_addf(out, "%s", t->kind == TSR_ZJSON ? "json" : tsr_ztype_name(t));
    int rc = tsr_buf_addf(out, "array(");
    if (rc == TSR_OK) rc = tsr_dtype_emit(out, t->field[0]->dtype);
    return rc < 0 ? rc : tsr_buf_addf(out, ")");
}

/* "array(<i2)": the dtype in it as a filter. */
static int array_filter(const char *name, struct tsr_buf *filter)
{
    struct tsr_dtype *t;
    size_t len = strlen(name);
    if (len < 7 || name[len - 1] != ')')
        return tsr_fail(TSR_EARG, "dtype: found '%.60s', expected one such as array(<i2)", name);
    int rc = tsr_dtype_parse(name + 6, len - 7, &t);
    if (rc < 0) return rc;
    if (t->nfields) rc = tsr_fail(TSR_EUNSUPPORTED, "dtype: arrays of records");
    if (rc == TSR_OK) rc = tsr_buf_addf(filter, "{\"id\":\"vlen-array\",\"dtype\":\"");
    if (rc == TSR_OK) rc = tsr_dtype_emit(filter, t);
    if (rc == TSR_OK) rc = tsr_buf_addf(filter, "\"}");
    tsr_dtype_free(t);
    return rc;
}

int tsr_zarr_loose_type(struct tsr_doc *doc, const char *name, int format,
                        const struct tsr_ztype **type, struct tsr_buf *filter)
{
    static const struct {
        const char *name, *in_v3, *filter;
    } all[] = {{"string", "string", "{\"id\":\"vlen-utf8\"}"},
               {"bytes", "bytes", "{\"id\":\"vlen-bytes\"}"},
               {"variable_length_bytes", "bytes", "{\"id\":\"vlen-bytes\"}"},
               {"json", NULL, "{\"id\":\"json2\"}"},
               {"array(", NULL, NULL}};
    size_t i = 0, n = sizeof all / sizeof *all;
    *type = NULL;
    while (i < n && strcmp(all[i].name, name) != 0 && (all[i].filter || strncmp(name, "array(", 6)))
        i++;
    if (i == n) return TSR_OK;
    if (format == 3 && !all[i].in_v3)
        return tsr_fail(TSR_EUNSUPPORTED, "dtype %s: Zarr format 3 has no such data type", name);
    struct tsr_node node = tsr_znode_of_text(all[i].in_v3 ? all[i].in_v3 : "|O");
    int rc = tsr_ztype_parse(doc, &node, all[i].in_v3 ? 3 : 2, type);
    if (rc < 0 || format == 3) return rc;
    return all[i].filter ? tsr_buf_addf(filter, "%s", all[i].filter) : array_filter(name, filter);
}
