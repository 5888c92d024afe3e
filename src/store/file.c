/* SPDX-License-Identifier: BSD-3-Clause */
/* store/file.c - a local file as a store of one object, under the key "".
 *
 * Reads are preads, so any number of threads may read, also beside a write to other bytes.  A
 * file that is being created lives under a hidden name beside its target until publish renames
 * it; put does the same with a new version of a file that is already there, and the handle then
 * follows the new file. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "store/kinds.h"

struct store_file {
    struct tsr_store base;
    struct tsr_file file;
    char *target; /* where publish will put the file; NULL: it is there */
    bool replace;
};

static const struct tsr_store_kind file_kind;

static struct store_file *file_of(struct tsr_store *st)
{
    return (struct store_file *)st;
}

static int need_only_key(const struct tsr_store *st, const char *key)
{
    if (!key[0]) return TSR_OK;
    return tsr_fail(TSR_ENOTFOUND, "%s: a file holds nothing named %s", st->url, key);
}

int tsr_store_file_ranges(struct tsr_store *st, const struct tsr_file *f, const struct tsr_range *r,
                          size_t n)
{
    enum { MOST = 64 };
    struct tsr_piece p[MOST];
    for (size_t i = 0; i < n;) {
        uint64_t off = r[i].off, end = off;
        int m = 0;
        for (; i < n && m < MOST && r[i].off == end; i++) {
            if (m && (char *)p[m - 1].p + p[m - 1].len == r[i].dst) p[m - 1].len += r[i].len;
            else p[m++] = (struct tsr_piece){r[i].dst, r[i].len};
            end += r[i].len;
        }
        atomic_fetch_add_explicit(&st->requests, 1, memory_order_relaxed);
        int rc = tsr_file_readv(f, off, p, m);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

static int file_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = need_only_key(st, r[i].key);
    return rc < 0 ? rc : tsr_store_file_ranges(st, &file_of(st)->file, r, n);
}

static int file_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    int rc = need_only_key(st, key);
    return rc < 0 ? rc : tsr_file_size(&file_of(st)->file, size);
}

static void file_expect(struct tsr_store *st, const struct tsr_range *r)
{
    if (!r->key[0]) tsr_file_expect(&file_of(st)->file, r->off, r->len);
}

static int file_write_at(struct tsr_store *st, const char *key, uint64_t off,
                         const struct tsr_piece *p, int n)
{
    int rc = need_only_key(st, key);
    return rc < 0 ? rc : tsr_file_write(&file_of(st)->file, off, p, n);
}

static int file_truncate(struct tsr_store *st, const char *key, uint64_t size)
{
    int rc = need_only_key(st, key);
    return rc < 0 ? rc : tsr_file_truncate(&file_of(st)->file, size);
}

static int file_sync(struct tsr_store *st, const char *key, bool name)
{
    struct store_file *s = file_of(st);
    int rc = need_only_key(st, key);
    if (rc == TSR_OK) rc = tsr_file_sync(&s->file);
    return rc < 0 || !name ? rc : tsr_file_sync_folder(s->file.path);
}

static uint64_t pieces_len(const struct tsr_piece *p, int n)
{
    uint64_t len = 0;
    for (int i = 0; i < n; i++) len += p[i].len;
    return len;
}

/* Nobody else sees an unpublished file: it can be written in place. */
static int put_unpublished(struct store_file *s, const struct tsr_piece *p, int n)
{
    int rc = tsr_file_write(&s->file, 0, p, n);
    return rc < 0 ? rc : tsr_file_truncate(&s->file, pieces_len(p, n));
}

static int file_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                    bool durable)
{
    struct store_file *s = file_of(st);
    struct tsr_file fresh;
    int rc = need_only_key(st, key);
    if (rc < 0) return rc;
    if (s->target) return put_unpublished(s, p, n);
    if ((rc = tsr_file_temp(s->file.path, &fresh)) < 0) return rc;
    rc = tsr_file_write(&fresh, 0, p, n);
    if (rc == TSR_OK && durable) rc = tsr_file_sync(&fresh);
    if (rc == TSR_OK) rc = tsr_file_rename(&fresh, s->file.path, true);
    if (rc < 0) {
        char text[TSR_ERROR_MAX];
        tsr_error_save(text);
        tsr_file_remove(fresh.path);
        tsr_error_restore(text);
        tsr_file_close(&fresh);
        return rc;
    }
    tsr_file_close(&s->file);
    s->file = fresh;
    return TSR_OK;
}

static int file_publish(struct tsr_store *st, bool durable)
{
    struct store_file *s = file_of(st);
    int rc = TSR_OK;
    if (!s->target) return TSR_OK;
    if (durable) rc = tsr_file_sync(&s->file);
    if (rc == TSR_OK) rc = tsr_file_rename(&s->file, s->target, s->replace);
    if (rc < 0) return rc;
    tsr_free(s->target);
    s->target = NULL;
    return TSR_OK;
}

static bool file_replaced(const struct tsr_store *st)
{
    const struct store_file *s = (const struct store_file *)st;
    return !s->target && !tsr_file_is_current(&s->file);
}

static bool file_gone(const struct tsr_store *st)
{
    return tsr_file_is_nameless(&((const struct store_file *)st)->file);
}

static uint64_t file_stamp(struct tsr_store *st, const char *key)
{
    return key[0] ? 0 : tsr_file_stamp(&file_of(st)->file);
}

static void file_close(struct tsr_store *st)
{
    struct store_file *s = file_of(st);
    if (s->target && s->file.path) tsr_file_remove(s->file.path);
    tsr_file_close(&s->file);
    tsr_free(s->target);
    tsr_free(s);
}

static const struct tsr_store_kind file_kind = {
    .scheme = "file",
    .readv = file_readv,
    .expect = file_expect,
    .stat = file_stat,
    .put = file_put,
    .write_at = file_write_at,
    .truncate = file_truncate,
    .sync = file_sync,
    .publish = file_publish,
    .replaced = file_replaced,
    .gone = file_gone,
    .stamp = file_stamp,
    .close = file_close,
};

static int file_new(const char *path, bool writable, struct store_file **out)
{
    struct store_file *s = tsr_alloc_zero(1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    s->file.fd = -1;
    int rc = tsr_store_init(&s->base, &file_kind, path, writable);
    if (rc < 0) tsr_free(s);
    else *out = s;
    return rc;
}

int tsr_store_file_open(const char *path, bool update, struct tsr_store **out)
{
    struct store_file *s;
    enum tsr_path_kind kind;
    uint64_t size;
    int rc = tsr_path_stat(path, &kind, NULL);
    if (rc < 0) return rc;
    if (kind == TSR_PATH_FOLDER) return tsr_store_dir_open(path, update, out);
    if ((rc = file_new(path, update, &s)) < 0) return rc;
    rc = tsr_file_open(path, update ? TSR_FILE_UPDATE : TSR_FILE_READ, &s->file);
    if (rc == TSR_OK) rc = tsr_file_size(&s->file, &size); /* EARG: a device or a pipe */
    if (rc < 0) tsr_store_close(&s->base);
    else *out = &s->base;
    return rc;
}

int tsr_store_file_create(const char *path, bool replace, struct tsr_store **out)
{
    struct store_file *s = NULL;
    char *target = NULL;
    int rc = tsr_file_target(path, replace, &target);
    if (rc == TSR_OK) rc = file_new(path, true, &s);
    if (rc < 0) {
        tsr_free(target);
        return rc;
    }
    s->replace = replace;
    s->target = target;
    rc = tsr_file_temp(s->target, &s->file);
    if (rc < 0) tsr_store_close(&s->base);
    else *out = &s->base;
    return rc;
}
