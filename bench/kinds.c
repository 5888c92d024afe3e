/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/kinds.c - what is done to arrays: one operation of each kind, how it is prepared, and how
 * its result is checked. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

const int64_t origin[NDIM];

/* Visits a file, or all in a folder; what there is not is fine. */
static int64_t each_file(const char *path, int64_t (*visit)(const char *path))
{
    DIR *d = opendir(path);
    struct dirent *e;
    int64_t sum = 0;
    char name[1024];
    if (!d) return visit(path);
    while ((e = readdir(d))) {
        if (e->d_type != DT_REG) continue;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        sum += visit(name);
    }
    closedir(d);
    return sum;
}

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 ? 0 : (int64_t)st.st_size;
}

static int64_t unlink_one(const char *path)
{
    return unlink(path);
}

int64_t stored_bytes(const char *path)
{
    return each_file(path, size_of);
}

void remove_path(const char *path)
{
    each_file(path, unlink_one);
    rmdir(path);
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
    s->stored = stored_bytes(s->path);
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
               alike(&s->w->layout, want, s->buf, s->buf_bytes);
    }
    free(want);
    return want && same;
}

/* An array in memory, as a file that the limit can look into. */
static int read_limit_file(struct side *s)
{
    return s->e->save(&s->w->layout, s->copy, s->data, s->data_bytes);
}

const struct kind kind_read = {read_prepare, read_sample,     read_check, close_finish,
                               LIMIT_DECODE, read_limit_file, NULL};

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

const struct kind kind_write = {read_prepare, write_sample, write_check, close_finish, 0,
                                NULL,         NULL};

/* ---- writing and growing whole arrays ---- */

static int nothing_to_prepare(struct side *s)
{
    (void)s;
    return 0;
}

/* A new file each time: ext4 writes one out at once that replaces another. */
static void no_file(struct side *s)
{
    remove_path(s->path);
}

/* Of one operation. */
static int save_sample(struct side *s, int n)
{
    (void)n;
    return s->e->save(&s->w->layout, s->path, s->data, s->data_bytes);
}

/* The file as it is now holds the content. */
static bool file_check(struct side *s)
{
    uint8_t *got = malloc(s->data_bytes);
    void *a = got ? s->e->open(s->path) : NULL;
    bool same = a && s->e->read(a, origin, s->w->layout.shape, got, s->data_bytes) == 0 &&
                alike(&s->w->layout, s->data, got, s->data_bytes);
    s->stored = stored_bytes(s->path);
    if (a) s->e->close(a);
    free(got);
    return same;
}

static bool save_check(struct side *s)
{
    return save_sample(s, 1) == 0 && file_check(s);
}

const struct kind kind_save = {nothing_to_prepare, save_sample, save_check, no_finish,
                               LIMIT_ENCODE,       NULL,        no_file};

/* n slabs one after the other, the first one at creation. */
static int grow_sample(struct side *s, int n)
{
    struct layout l = s->w->layout;
    int64_t at[NDIM] = {0};
    l.shape[0] = s->w->count[0];
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

const struct kind kind_grow =
    {nothing_to_prepare, grow_sample, grow_check, no_finish, 0, NULL, no_file};

/* ---- opening ---- */

/* Tessera makes the file for both: the peer rewrites its index with every chunk. */
static int open_prepare(struct side *s)
{
    int rc = engine_tessera.save(&s->w->layout, s->path, s->data, s->data_bytes);
    s->stored = stored_bytes(s->path);
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

const struct kind kind_open = {open_prepare, open_sample, open_check, no_finish, 0, NULL, NULL};
