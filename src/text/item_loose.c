/* SPDX-License-Identifier: BSD-3-Clause */
/* text/item_loose.c - items of variable length as text: what they are says their dtype. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "text/doc.h"
#include "text/dtype.h"

static int emit_text(struct tsr_buf *out, const char *p, size_t len)
{
    struct tsr_node n = {.kind = TSR_NODE_STRING, .s = {p, len}};
    return tsr_json_write(out, &n, 0);
}

static int emit_array(struct tsr_buf *out, const struct tsr_dtype *t, const uint8_t *p, size_t len)
{
    size_t size = (size_t)t->item_bytes;
    if (len % size)
        return tsr_fail(TSR_EARG, "an item of %zu bytes, expected a multiple of %zu", len, size);
    int rc = tsr_buf_addf(out, "[");
    for (size_t i = 0; i < len && rc == TSR_OK; i += size) {
        if (i) rc = tsr_buf_addf(out, ", ");
        if (rc == TSR_OK) rc = tsr_dtype_to_text(out, t, p + i);
    }
    return rc < 0 ? rc : tsr_buf_addf(out, "]");
}

/* What array(...) is of, or bytes. */
static int emit_parsed(struct tsr_buf *out, const char *dtype, const uint8_t *p, size_t len)
{
    const struct tsr_dtype bytes = {.kind = 'V', .order = '|', .item_bytes = (int64_t)len};
    struct tsr_dtype *t;
    size_t n = strlen(dtype);
    if (strcmp(dtype, "bytes") == 0) return tsr_dtype_to_text(out, &bytes, p);
    if (n < 7 || strncmp(dtype, "array(", 6) != 0 || dtype[n - 1] != ')')
        return tsr_fail(TSR_EARG, "dtype %.60s: expected one of items of variable length", dtype);
    int rc = tsr_dtype_parse(dtype + 6, n - 7, &t);
    if (rc < 0) return rc;
    rc = emit_array(out, t, p, len);
    tsr_dtype_free(t);
    return rc;
}

static int emit(struct tsr_buf *out, const char *dtype, const char *p, size_t len)
{
    if (strcmp(dtype, "string") == 0) return emit_text(out, p, len);
    if (strcmp(dtype, "json") == 0) return tsr_buf_add(out, p, len);
    return emit_parsed(out, dtype, (const uint8_t *)p, len);
}

int tsr_items_to_text(const char *dtype, const tsr_items *items, int64_t i, char *out, size_t cap)
{
    struct tsr_buf b = {0};
    if (!dtype || !items || i < 0 || i >= items->n)
        return tsr_fail(TSR_EARG, "%s: there is no item %lld", dtype ? dtype : "no dtype",
                        (long long)i);
    uint64_t from = items->offsets[i], len = items->offsets[i + 1] - from;
    const char *p = len ? (const char *)items->bytes + from : "";
    int rc = len <= INT32_MAX / 16 ? emit(&b, dtype, p, (size_t)len)
                                   : tsr_fail(TSR_ELIMIT, "item %lld: %llu bytes as text",
                                              (long long)i, (unsigned long long)len);
    if (rc == TSR_OK) rc = (int)b.len;
    if (rc >= 0 && cap) {
        size_t n = tsr_minz(b.len, cap - 1);
        if (n) memcpy(out, b.p, n);
        out[n] = 0;
    }
    tsr_buf_free(&b);
    return rc;
}
