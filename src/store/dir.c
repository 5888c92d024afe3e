/* SPDX-License-Identifier: BSD-3-Clause */
/* store/dir.c - a local folder as a store: its files are the objects, their names the keys.
 *
 * put writes a hidden file beside the object and renames it, so that readers, who open by name at
 * each read, see the old or the new one.  A folder that is being created lives under a hidden
 * name beside its target until publish renames it; there put needs no detour.
 *
 *   folder/00000000.chunk  folder/.00000001.chunk.PID.N.tmp  folder/chunks.b2frame */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/kinds.h"
#include "sys/folder.h"

/* What a folder holds that this program may open, and replace when asked to. */
static const char mark[] = "chunks.b2frame";

struct store_dir {
    struct tsr_store base;
    struct tsr_folder folder;
    char *target; /* where publish will put the folder; NULL: it is there */
    bool replace;
    atomic_uint serial; /* of temporary names */
};

static struct store_dir *dir_of(struct tsr_store *st)
{
    return (struct store_dir *)st;
}

/* Keys are plain names. */
static int check_key(const struct tsr_store *st, const char *key)
{
    if (key[0] && key[0] != '.' && !strchr(key, '/')) return TSR_OK;
    return tsr_fail(TSR_ENOTFOUND, "%s: a folder holds nothing named '%s'", st->url, key);
}

static int read_one(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    struct tsr_file file;
    int rc = check_key(st, r->key);
    if (rc == TSR_OK) rc = tsr_folder_file(&dir_of(st)->folder, r->key, TSR_FILE_READ, &file);
    if (rc < 0) return rc;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        atomic_fetch_add_explicit(&st->requests, 1, memory_order_relaxed);
        rc = tsr_file_read(&file, r[i].off, r[i].dst, r[i].len);
    }
    tsr_file_close(&file);
    return rc;
}

static int dir_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    int rc = TSR_OK;
    for (size_t i = 0, end; i < n && rc == TSR_OK; i = end) {
        for (end = i + 1; end < n && strcmp(r[end].key, r[i].key) == 0;) end++;
        rc = read_one(st, r + i, end - i);
    }
    return rc;
}

static int dir_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    enum tsr_path_kind kind;
    int rc = check_key(st, key);
    if (rc == TSR_OK) rc = tsr_folder_stat(&dir_of(st)->folder, key, &kind, size);
    if (rc < 0 || kind == TSR_PATH_FILE) return rc;
    return tsr_fail(kind == TSR_PATH_NONE ? TSR_ENOTFOUND : TSR_EARG, "%s/%s: %s", st->url, key,
                    kind == TSR_PATH_NONE ? "there is no such file" : "is no file");
}

/* Writes a whole file under a name that nobody looks at. */
static int write_new(struct store_dir *s, const char *name, const struct tsr_piece *p, int n,
                     bool durable)
{
    struct tsr_file file;
    int rc = tsr_folder_file(&s->folder, name, TSR_FILE_NEW, &file);
    if (rc < 0) return rc;
    rc = tsr_file_write(&file, 0, p, n);
    if (rc == TSR_OK && durable) rc = tsr_file_sync(&file);
    tsr_file_close(&file);
    return rc;
}

static int dir_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                   bool durable)
{
    struct store_dir *s = dir_of(st);
    char name[256], text[TSR_ERROR_MAX];
    int rc = check_key(st, key);
    if (rc < 0) return rc;
    if (s->target) return write_new(s, key, p, n, durable);
    snprintf(name, sizeof name, ".%.200s.%x.%x.tmp", key, (unsigned)getpid(),
             atomic_fetch_add(&s->serial, 1));
    rc = write_new(s, name, p, n, durable);
    if (rc == TSR_OK) rc = tsr_folder_move(&s->folder, name, key);
    if (rc == TSR_OK) return TSR_OK;
    tsr_error_save(text);
    tsr_folder_remove(&s->folder, name);
    tsr_error_restore(text);
    return rc;
}

static int dir_write_at(struct tsr_store *st, const char *key, uint64_t off,
                        const struct tsr_piece *p, int n)
{
    struct tsr_file file;
    int rc = check_key(st, key);
    if (rc == TSR_OK) rc = tsr_folder_file(&dir_of(st)->folder, key, TSR_FILE_UPDATE, &file);
    if (rc < 0) return rc;
    rc = tsr_file_write(&file, off, p, n);
    tsr_file_close(&file);
    return rc;
}

static int sync_one(const struct store_dir *s, const char *key)
{
    struct tsr_file file;
    int rc = tsr_folder_file(&s->folder, key, TSR_FILE_READ, &file);
    if (rc < 0) return rc;
    rc = tsr_file_sync(&file);
    tsr_file_close(&file);
    return rc;
}

/* Key "": the names in the folder; name: the folder's own too. */
static int dir_sync(struct tsr_store *st, const char *key, bool name)
{
    struct store_dir *s = dir_of(st);
    int rc = key[0] ? check_key(st, key) : TSR_OK;
    if (rc == TSR_OK && key[0]) rc = sync_one(s, key);
    if (rc == TSR_OK && (name || !key[0])) rc = tsr_folder_sync(&s->folder);
    return rc < 0 || !name ? rc : tsr_file_sync_folder(s->folder.path);
}

struct listing {
    int (*fn)(void *user, const char *key);
    void *user;
};

static int list_one(void *user, const char *name)
{
    const struct listing *l = user;
    return name[0] == '.' ? 0 : l->fn(l->user, name);
}

static int dir_list(struct tsr_store *st, const char *prefix,
                    int (*fn)(void *user, const char *key), void *user)
{
    if (prefix[0]) return TSR_OK;
    return tsr_folder_list(&dir_of(st)->folder, list_one, &(struct listing){fn, user});
}

static int dir_remove(struct tsr_store *st, const char *key)
{
    int rc = check_key(st, key);
    return rc < 0 ? rc : tsr_folder_remove(&dir_of(st)->folder, key);
}

static int sweep_one(void *user, const char *name)
{
    size_t len = strlen(name);
    bool ours = strstr(name, ".chunk.") || strncmp(name + 1, mark, sizeof mark - 1) == 0;
    if (name[0] == '.' && len > 4 && strcmp(name + len - 4, ".tmp") == 0 && ours)
        tsr_folder_remove(user, name);
    return 0;
}

static void dir_sweep(struct tsr_store *st)
{
    tsr_folder_list(&dir_of(st)->folder, sweep_one, &dir_of(st)->folder);
}

/* What was at the target, under the name that the folder had before. */
static void remove_old(const char *path)
{
    struct tsr_folder old;
    enum tsr_path_kind kind;
    if (tsr_path_stat(path, &kind, NULL) < 0) return;
    if (kind != TSR_PATH_FOLDER) {
        tsr_file_remove(path);
    } else if (tsr_folder_open(path, false, &old) == TSR_OK) {
        tsr_folder_delete(&old);
        tsr_folder_close(&old);
    }
}

static int dir_publish(struct tsr_store *st, bool durable)
{
    struct store_dir *s = dir_of(st);
    char *old = NULL;
    if (!s->target) return TSR_OK;
    int rc = durable ? tsr_folder_sync(&s->folder) : TSR_OK;
    if (rc == TSR_OK) rc = tsr_folder_rename(&s->folder, s->target, s->replace, &old);
    if (rc < 0) return rc;
    if (old) remove_old(old);
    tsr_free(old);
    tsr_free(s->target);
    s->target = NULL;
    return TSR_OK;
}

static bool dir_replaced(const struct tsr_store *st)
{
    const struct store_dir *s = (const struct store_dir *)st;
    return !s->target && !tsr_folder_is_current(&s->folder);
}

static uint64_t dir_stamp(struct tsr_store *st, const char *key)
{
    struct tsr_file file;
    if (tsr_folder_file(&dir_of(st)->folder, key, TSR_FILE_READ, &file) < 0) return 0;
    uint64_t stamp = tsr_file_stamp(&file);
    tsr_file_close(&file);
    return stamp;
}

static void dir_close(struct tsr_store *st)
{
    struct store_dir *s = dir_of(st);
    if (s->target && s->folder.path) tsr_folder_delete(&s->folder);
    tsr_folder_close(&s->folder);
    tsr_free(s->target);
    tsr_free(s);
}

static const struct tsr_store_kind dir_kind = {
    .scheme = "dir",
    .readv = dir_readv,
    .stat = dir_stat,
    .put = dir_put,
    .write_at = dir_write_at,
    .sync = dir_sync,
    .list = dir_list,
    .remove = dir_remove,
    .sweep = dir_sweep,
    .publish = dir_publish,
    .replaced = dir_replaced,
    .stamp = dir_stamp,
    .close = dir_close,
};

static int dir_new(const char *path, bool writable, struct store_dir **out)
{
    struct store_dir *s = tsr_alloc_zero(1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    s->folder.fd = -1;
    int rc = tsr_store_init(&s->base, &dir_kind, path, writable);
    if (rc < 0) tsr_free(s);
    else *out = s;
    return rc;
}

static int check_mark(const struct tsr_folder *f)
{
    enum tsr_path_kind kind;
    uint64_t size;
    int rc = tsr_folder_stat(f, mark, &kind, &size);
    if (rc < 0 || kind == TSR_PATH_FILE) return rc;
    return tsr_fail(TSR_EARG, "%s: is a folder, expected a file or a folder with %s in it", f->path,
                    mark);
}

/* Ends a walk at the first file named as a chunk. */
static int is_chunk(void *user, const char *name)
{
    (void)user;
    const char *dot = strchr(name, '.');
    return dot && dot - name == 8 && strcmp(dot, ".chunk") == 0;
}

/* To be read, chunks alone will do: repair can make something of them. */
int tsr_store_dir_open(const char *path, bool update, struct tsr_store **out)
{
    struct store_dir *s;
    int rc = dir_new(path, update, &s);
    if (rc < 0) return rc;
    rc = tsr_folder_open(path, update, &s->folder);
    if (rc == TSR_OK) rc = check_mark(&s->folder);
    if (rc == TSR_EARG && !update && tsr_folder_list(&s->folder, is_chunk, NULL) == 1) rc = TSR_OK;
    if (rc < 0) tsr_store_close(&s->base);
    else *out = &s->base;
    return rc;
}

/* ---- create ---- */

static int is_file(void *user, const char *name)
{
    const struct tsr_folder *f = user;
    enum tsr_path_kind kind;
    uint64_t size;
    int rc = tsr_folder_stat(f, name, &kind, &size);
    if (rc < 0 || kind == TSR_PATH_FILE) return rc;
    return tsr_fail(TSR_EEXISTS, "%s: %s in it is no file: is not replaced", f->path, name);
}

/* A folder is replaced when it is empty or a store of ours: nobody's photographs. */
static int may_replace_folder(const char *path)
{
    struct tsr_folder f;
    int rc = tsr_folder_open(path, false, &f);
    if (rc < 0) return rc;
    rc = tsr_folder_list(&f, is_file, &f);
    if (rc == TSR_OK && check_mark(&f) == TSR_EARG)
        rc = tsr_fail(TSR_EEXISTS, "%s: a folder without %s is not replaced", path, mark);
    tsr_folder_close(&f);
    return rc;
}

static int may_create(const char *path, bool replace)
{
    enum tsr_path_kind kind;
    int rc = tsr_path_stat(path, &kind, NULL);
    if (rc < 0 || kind == TSR_PATH_NONE) return rc;
    if (!replace) return tsr_fail(TSR_EEXISTS, "%s: exists", path);
    if (kind == TSR_PATH_OTHER)
        return tsr_fail(TSR_EEXISTS, "%s: is a device or a pipe, no folder can take its place",
                        path);
    return kind == TSR_PATH_FOLDER ? may_replace_folder(path) : TSR_OK;
}

int tsr_store_dir_create(const char *path, bool replace, struct tsr_store **out)
{
    struct store_dir *s = NULL;
    int rc = may_create(path, replace);
    if (rc == TSR_OK) rc = dir_new(path, true, &s);
    if (rc < 0) return rc;
    s->replace = replace;
    s->target = tsr_path_resolve(path);
    rc = s->target ? tsr_folder_temp(s->target, &s->folder) : TSR_ENOMEM;
    if (rc < 0) tsr_store_close(&s->base);
    else *out = &s->base;
    return rc;
}
