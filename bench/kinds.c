/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/kinds.c - what is done to arrays, super-chunks and chunks: one operation of each kind,
 * how it is prepared, and how its result is checked. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

enum { CHECKED = 16 }; /* boxes compared before the clock starts */

static const int64_t origin[NDIM];

static int64_t file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 ? 0 : (int64_t)st.st_size;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static const int64_t *counts(const struct side *s)
{
    return s->w->pattern == WHOLE ? s->w->layout.shape : s->w->count;
}

static void no_finish(struct side *s)
{
    (void)s;
}

static void close_finish(struct side *s)
{
    if (s->handle) s->e->close(s->handle);
}

/* ---- reading boxes ---- */

static int read_prepare(struct side *s)
{
    const struct layout *l = &s->w->layout;
    if (!s->w->disk) {
        s->handle = s->e->load(l, s->data, s->data_bytes);
        return s->handle ? 0 : -1;
    }
    if (s->e->save(l, s->path, s->data, s->data_bytes) < 0) return -1;
    s->stored = file_bytes(s->path);
    s->handle = s->e->open(s->path);
    return s->handle ? 0 : -1;
}

static int read_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = s->e->read(s->handle, s->boxes[i], counts(s), s->buf, s->buf_bytes);
    return rc;
}

static bool read_check(struct side *s)
{
    bool same = true;
    uint8_t *want = malloc(s->buf_bytes + 1);
    for (int i = 0; want && i < smaller(CHECKED, s->w->ops) && same; i++) {
        memset(s->buf, 1, s->buf_bytes);
        box_get(&s->w->layout, s->data, s->boxes[i], counts(s), want);
        same = s->e->read(s->handle, s->boxes[i], counts(s), s->buf, s->buf_bytes) == 0 &&
               memcmp(s->buf, want, s->buf_bytes) == 0;
    }
    free(want);
    return want && same;
}

const struct kind kind_read = {read_prepare, read_sample, read_check, close_finish};

/* ---- writing boxes ---- */

/* What is written to box i: some bytes of the content. */
static const uint8_t *box_source(const struct side *s, int i)
{
    return s->data + (size_t)i * 64;
}

static int write_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++) {
        rc = s->e->write(s->handle, s->boxes[i], s->w->count, box_source(s, i), s->buf_bytes);
        if (rc == 0 && (s->w->each || i == n - 1)) rc = s->e->flush(s->handle);
    }
    return rc;
}

static bool write_check(struct side *s)
{
    const struct layout *l = &s->w->layout;
    uint8_t *want = malloc(s->data_bytes), *got = malloc(s->data_bytes);
    bool same = want && got && write_sample(s, s->w->ops) == 0;
    if (same) memcpy(want, s->data, s->data_bytes);
    for (int i = 0; same && i < s->w->ops; i++)
        box_put(l, want, s->boxes[i], s->w->count, box_source(s, i));
    same = same && s->e->read(s->handle, origin, l->shape, got, s->data_bytes) == 0 &&
           memcmp(want, got, s->data_bytes) == 0;
    free(want);
    free(got);
    return same;
}

const struct kind kind_write = {read_prepare, write_sample, write_check, close_finish};

/* ---- writing and growing whole arrays ---- */

static int nothing_to_prepare(struct side *s)
{
    (void)s;
    return 0;
}

static int save_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++) {
        unlink(s->path); /* a new file: ext4 writes one out at once that replaces another */
        rc = s->e->save(&s->w->layout, s->path, s->data, s->data_bytes);
    }
    return rc;
}

/* The file as it is now holds the content. */
static bool file_check(struct side *s)
{
    uint8_t *got = malloc(s->data_bytes);
    void *a = got ? s->e->open(s->path) : NULL;
    bool same = a && s->e->read(a, origin, s->w->layout.shape, got, s->data_bytes) == 0 &&
                memcmp(got, s->data, s->data_bytes) == 0;
    s->stored = file_bytes(s->path);
    if (a) s->e->close(a);
    free(got);
    return same;
}

static bool save_check(struct side *s)
{
    return save_sample(s, 1) == 0 && file_check(s);
}

const struct kind kind_save = {nothing_to_prepare, save_sample, save_check, no_finish};

/* n slabs one after the other, the first one at creation. */
static int grow_sample(struct side *s, int n)
{
    struct layout l = s->w->layout;
    int64_t at[NDIM] = {0};
    l.shape[0] = s->w->count[0];
    unlink(s->path);
    void *a = s->e->create(&l, s->path);
    int rc = a ? 0 : -1;
    for (int i = 0; i < n && rc == 0; i++) {
        at[0] = i * s->w->count[0];
        l.shape[0] = at[0] + s->w->count[0];
        if (i) rc = s->e->resize(a, l.shape);
        if (rc == 0)
            rc = s->e->write(a, at, s->w->count, s->data + (size_t)i * s->buf_bytes, s->buf_bytes);
    }
    if (a && s->e->close(a) < 0) rc = -1;
    return rc;
}

static bool grow_check(struct side *s)
{
    return grow_sample(s, s->w->ops) == 0 && file_check(s);
}

const struct kind kind_grow = {nothing_to_prepare, grow_sample, grow_check, no_finish};

/* ---- opening ---- */

/* Tessera makes the file for both: the peer rewrites its index with every chunk. */
static int open_prepare(struct side *s)
{
    int rc = engine_tessera.save(&s->w->layout, s->path, s->data, s->data_bytes);
    s->stored = file_bytes(s->path);
    return rc;
}

static int open_one(struct side *s, int i)
{
    void *a = s->e->open(s->path);
    if (!a) return -1;
    int rc = s->e->read(a, s->boxes[i], s->w->count, s->buf, s->buf_bytes);
    int closed = s->e->close(a);
    return rc < 0 ? rc : closed;
}

static int open_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++) rc = open_one(s, i);
    return rc;
}

static bool open_check(struct side *s)
{
    bool same = true;
    for (int i = 0; i < smaller(CHECKED, s->w->ops) && same; i++) {
        const uint8_t *want = s->data + s->boxes[i][0] * s->w->layout.item_bytes;
        same = open_one(s, i) == 0 && memcmp(s->buf, want, s->buf_bytes) == 0;
    }
    return same;
}

const struct kind kind_open = {open_prepare, open_sample, open_check, no_finish};

/* ---- super-chunks ---- */

/* n times one box of items at the end of an empty super-chunk. */
static int append_sample(struct side *s, int n)
{
    const struct layout *l = &s->w->layout;
    unlink(s->path);
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
    s->stored = file_bytes(s->path);
    void *p = s->e->row_open(s->path);
    bool same = p && s->e->row_get(p, 0, (int64_t)bytes / s->w->layout.item_bytes, got) == 0 &&
                memcmp(got, s->data, bytes) == 0;
    if (p) s->e->row_close(p);
    free(got);
    return same;
}

const struct kind kind_append = {nothing_to_prepare, append_sample, append_check, no_finish};

static int row_prepare(struct side *s)
{
    const struct layout *l = &s->w->layout;
    size_t chunk = (size_t)(l->chunks[0] * l->item_bytes);
    int rc = 0;
    if (!(s->handle = s->e->row_create(l, NULL))) return -1;
    for (size_t at = 0; at < s->data_bytes && rc == 0; at += chunk)
        rc = s->e->row_append(s->handle, s->data + at, chunk, l->item_bytes);
    return rc < 0 ? rc : s->e->row_flush(s->handle);
}

static int row_sample(struct side *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = s->e->row_get(s->handle, s->boxes[i][0], counts(s)[0], s->buf);
    return rc;
}

static bool row_check(struct side *s)
{
    bool same = true;
    for (int i = 0; i < smaller(CHECKED, s->w->ops) && same; i++) {
        memset(s->buf, 1, s->buf_bytes);
        same =
            s->e->row_get(s->handle, s->boxes[i][0], counts(s)[0], s->buf) == 0 &&
            memcmp(s->buf, s->data + s->boxes[i][0] * s->w->layout.item_bytes, s->buf_bytes) == 0;
    }
    return same;
}

static void row_finish(struct side *s)
{
    if (s->handle) s->e->row_close(s->handle);
}

const struct kind kind_row_get = {row_prepare, row_sample, row_check, row_finish};

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
    return decompress_sample(s, 1) == 0 && memcmp(s->buf, s->data, s->data_bytes) == 0;
}

static void chunk_finish(struct side *s)
{
    if (s->handle) s->e->codec_free(s->handle);
    free(s->packed);
}

const struct kind kind_compress = {chunk_prepare, compress_sample, chunk_check, chunk_finish};
const struct kind kind_decompress = {chunk_prepare, decompress_sample, chunk_check, chunk_finish};
