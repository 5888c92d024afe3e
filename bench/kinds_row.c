/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/kinds_row.c - what is done to super-chunks and chunks. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- super-chunks ---- */

static int nothing_to_prepare(struct side *s)
{
    (void)s;
    return 0;
}

static void no_finish(struct side *s)
{
    (void)s;
}

static void no_file(struct side *s)
{
    remove_path(s->path);
}

/* n times one box of items at the end of an empty super-chunk. */
static int append_sample(struct side *s, int n)
{
    const struct layout *l = &s->w->layout;
    void *p = s->e->row_create(l, s->w->disk ? s->path : NULL);
    int rc = p ? 0 : -1;
    for (int i = 0; i < n && rc == 0; i++) {
        rc = s->e->row_append(p, s->data + (size_t)i * s->buf_bytes, s->buf_bytes, l->item_bytes);
        if (rc == 0 && s->w->each) rc = s->e->row_flush(p);
    }
    if (p && s->e->row_close(p) < 0) rc = -1;
    return rc;
}

static bool append_check(struct side *s)
{
    int n = s->e == &engine_tessera || !s->w->peer_ops ? s->w->ops : s->w->peer_ops;
    size_t bytes = (size_t)n * s->buf_bytes;
    uint8_t *got = malloc(bytes);
    if (!got || append_sample(s, n) < 0) return false;
    s->stored = stored_bytes(s->path);
    void *p = s->e->row_open(s->path);
    bool same = p && s->e->row_get(p, 0, (int64_t)bytes / s->w->layout.item_bytes, got) == 0 &&
                memcmp(got, s->data, bytes) == 0;
    if (p) s->e->row_close(p);
    free(got);
    return same;
}

const struct kind kind_append =
    {nothing_to_prepare, append_sample, append_check, no_finish, 0, NULL, no_file};

/* A super-chunk with the content; path NULL: in memory. */
static void *row_make(const struct side *s, const char *path)
{
    const struct layout *l = &s->w->layout;
    size_t chunk = (size_t)(l->chunks[0] * l->item_bytes);
    void *p = s->e->row_create(l, path);
    int rc = p ? 0 : -1;
    for (size_t at = 0; at < s->data_bytes && rc == 0; at += chunk)
        rc = s->e->row_append(p, s->data + at, chunk, l->item_bytes);
    if (rc == 0) rc = s->e->row_flush(p);
    if (rc == 0) return p;
    if (p) s->e->row_close(p);
    return NULL;
}

static int row_prepare(struct side *s)
{
    s->handle = row_make(s, NULL);
    return s->handle ? 0 : -1;
}

static int row_limit_file(struct side *s)
{
    void *p = row_make(s, s->copy);
    return p ? s->e->row_close(p) : -1;
}

static int64_t items_of(const struct side *s)
{
    return s->w->pattern == WHOLE ? s->w->layout.shape[0] : s->w->count[0];
}

static int row_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = s->e->row_get(s->handle, s->boxes[i][0], items_of(s), s->buf);
    return rc;
}

static bool row_check(struct side *s)
{
    bool same = true;
    for (int i = 0; i < smaller(CHECKED, s->w->ops) && same; i++) {
        memset(s->buf, 1, s->buf_bytes);
        same =
            s->e->row_get(s->handle, s->boxes[i][0], items_of(s), s->buf) == 0 &&
            memcmp(s->buf, s->data + s->boxes[i][0] * s->w->layout.item_bytes, s->buf_bytes) == 0;
    }
    return same;
}

static void row_finish(struct side *s)
{
    if (s->handle) s->e->row_close(s->handle);
}

const struct kind kind_row_get = {row_prepare,  row_sample,     row_check, row_finish,
                                  LIMIT_DECODE, row_limit_file, NULL};

/* ---- blocks of any length ---- */

/* A sample of n chunks, each of count[0] blocks of an item. */
static int vl_fill(struct side *s, void *p, int n)
{
    int64_t blocks = s->w->count[0];
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = s->e->vl_append(p, s->data + (size_t)i * s->buf_bytes, (size_t)s->w->layout.item_bytes,
                             blocks);
    return rc;
}

static int vl_append_sample(struct side *s, int n)
{
    void *p = s->e->row_create(&s->w->layout, NULL);
    int rc = p ? vl_fill(s, p, n) : -1;
    return p && s->e->row_close(p) < 0 ? -1 : rc;
}

static int vl_prepare(struct side *s)
{
    s->handle = s->e->row_create(&s->w->layout, NULL);
    return s->handle ? vl_fill(s, s->handle, s->w->ops) : -1;
}

/* Block i of chunk i, or as many as there are. */
static int vl_get(struct side *s, int i)
{
    return s->e->vl_get(s->handle, i, i % s->w->count[0], s->buf, (size_t)s->w->layout.item_bytes);
}

static int vl_get_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++) rc = vl_get(s, i);
    return rc;
}

static bool vl_check(struct side *s)
{
    size_t item = (size_t)s->w->layout.item_bytes;
    bool same = true;
    for (int i = 0; i < s->w->ops && same; i++) {
        const uint8_t *want = s->data + (size_t)i * s->buf_bytes;
        same = vl_get(s, i) == 0 &&
               memcmp(s->buf, want + (size_t)(i % s->w->count[0]) * item, item) == 0;
    }
    return same;
}

const struct kind kind_vl_append = {vl_prepare, vl_append_sample, vl_check, row_finish, 0, NULL,
                                    NULL};
const struct kind kind_vl_get = {vl_prepare, vl_get_sample, vl_check, row_finish, 0, NULL, NULL};

/* ---- chunks ---- */

static int pack(struct side *s)
{
    int64_t n = s->e->compress(s->handle, s->data, s->data_bytes, s->packed, s->packed_cap);
    s->packed_len = n < 0 ? 0 : (size_t)n;
    s->stored = n;
    return n < 0 ? -1 : 0;
}

static int chunk_prepare(struct side *s)
{
    s->packed_cap = s->data_bytes + 32;
    s->packed = malloc(s->packed_cap);
    s->handle = s->e->codec_new(&s->w->layout);
    if (!s->packed || !s->handle) return -1;
    memset(s->packed, 1, s->packed_cap);
    return pack(s);
}

static int compress_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++) rc = pack(s);
    return rc;
}

static int decompress_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = s->e->decompress(s->handle, s->packed, s->packed_len, s->buf, s->data_bytes);
    return rc;
}

static bool chunk_check(struct side *s)
{
    memset(s->buf, 1, s->data_bytes);
    return decompress_sample(s, 1) == 0 && alike(&s->w->layout, s->data, s->buf, s->data_bytes);
}

static void chunk_finish(struct side *s)
{
    if (s->handle) s->e->codec_free(s->handle);
    free(s->packed);
}

const struct kind kind_compress = {chunk_prepare, compress_sample, chunk_check,
                                   chunk_finish,  LIMIT_ENCODE,    NULL,
                                   NULL};
const struct kind kind_decompress = {chunk_prepare, decompress_sample, chunk_check,
                                     chunk_finish,  LIMIT_DECODE,      NULL,
                                     NULL};
