/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/folder_posix.c - folders through POSIX calls. */
#define _GNU_SOURCE /* renameat2 */
#include "sys/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"

/* Declared by <sys/file.h>, which our own header of that name hides. */
int flock(int fd, int operation);

static int open_fd(const char *path)
{
    int fd;
    do fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* One writer at a time.  Where the file system knows no locks there is none. */
static int lock_for_writing(const struct tsr_folder *f)
{
    if (flock(f->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return TSR_OK;
    return tsr_fail(TSR_ECONFLICT, "%s: another writer has it open", f->path);
}

int tsr_folder_open(const char *path, bool update, struct tsr_folder *out)
{
    int rc = TSR_OK;
    *out = (struct tsr_folder){.fd = -1, .path = tsr_strdup(path)};
    if (!out->path) return TSR_ENOMEM;
    do {
        if (out->fd >= 0) close(out->fd);
        out->fd = open_fd(path);
        if (out->fd < 0) rc = tsr_fail_errno(errno, "%s", path);
        else if (update && faccessat(out->fd, ".", W_OK, AT_EACCESS) < 0)
            rc = tsr_fail_errno(errno, "%s", path);
        else if (update) rc = lock_for_writing(out);
    } while (rc == TSR_OK && update && !tsr_folder_is_current(out)); /* replaced before the lock */
    if (rc < 0) tsr_folder_close(out);
    return rc;
}

void tsr_folder_close(struct tsr_folder *f)
{
    if (f->fd >= 0 && f->path) close(f->fd);
    tsr_free(f->path);
    *f = (struct tsr_folder){.fd = -1};
}

int tsr_folder_temp(const char *path, struct tsr_folder *out)
{
    static atomic_uint serial;
    size_t len = strlen(path), most = len + 64;
    char *name = tsr_alloc(most);
    *out = (struct tsr_folder){.fd = -1};
    if (!name) return TSR_ENOMEM;
    while (len > 1 && path[len - 1] == '/') len--;
    size_t folder = len;
    while (folder && path[folder - 1] != '/') folder--;
    int rc;
    do {
        snprintf(name, most, "%.*s.%.*s.%x.%x.tmp", (int)folder, path,
                 (int)(len - folder < 200 ? len - folder : 200), path + folder, (unsigned)getpid(),
                 atomic_fetch_add(&serial, 1));
        rc = mkdir(name, 0777);
    } while (rc < 0 && errno == EEXIST);
    if (rc < 0) rc = tsr_fail_errno(errno, "%s: create a temporary folder beside it", path);
    else if ((rc = tsr_folder_open(name, true, out)) < 0) rmdir(name);
    tsr_free(name);
    return rc;
}

static int rename_new(const char *from, const char *to)
{
    int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    if (rc == 0 || (errno != EINVAL && errno != ENOSYS)) return rc;
    struct stat s;
    if (stat(to, &s) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

/* Where the file system cannot exchange two names, to has none for a moment, and what it was goes
 * to *aside. */
static int exchange(const char *from, const char *to, char **aside)
{
    size_t len = strlen(from) + sizeof TSR_FOLDER_ASIDE;
    int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
    if (rc == 0 || (errno != EINVAL && errno != ENOSYS)) return rc;
    char *name = tsr_alloc(len);
    if (!name) {
        errno = ENOMEM;
        return -1;
    }
    snprintf(name, len, "%s%s", from, TSR_FOLDER_ASIDE);
    rc = rename(to, name);
    if (rc == 0 && (rc = rename(from, to)) < 0) {
        int why = errno;
        rename(name, to);
        errno = why;
    }
    if (rc == 0) *aside = name;
    else tsr_free(name);
    return rc;
}

int tsr_folder_rename(struct tsr_folder *f, const char *path, bool replace, char **old)
{
    char *copy = tsr_strdup(path), *was = f->path;
    *old = NULL;
    if (!copy) return TSR_ENOMEM;
    int rc = rename_new(was, path);
    bool there = rc < 0 && errno == EEXIST && replace;
    if (there) rc = exchange(was, path, old);
    if (rc < 0) {
        rc = tsr_fail_errno(errno, "%s: rename to %s", was, path);
        tsr_free(copy);
        return rc;
    }
    if (there && !*old) *old = was;
    else tsr_free(was);
    f->path = copy;
    return TSR_OK;
}

static int remove_one(void *user, const char *name)
{
    const struct tsr_folder *f = user;
    unlinkat(f->fd, name, 0); /* what stays keeps the folder from going, which is told */
    return 0;
}

int tsr_folder_delete(const struct tsr_folder *f)
{
    int rc = tsr_folder_list(f, remove_one, (void *)(uintptr_t)f);
    if (rc == TSR_OK && rmdir(f->path) < 0) rc = tsr_fail_errno(errno, "%s: remove", f->path);
    return rc;
}

int tsr_folder_file(const struct tsr_folder *f, const char *name, enum tsr_file_mode mode,
                    struct tsr_file *out)
{
    int flags = mode == TSR_FILE_READ     ? O_RDONLY
                : mode == TSR_FILE_UPDATE ? O_RDWR | O_CREAT
                                          : O_RDWR | O_CREAT | O_TRUNC;
    size_t len = strlen(f->path) + strlen(name) + 2;
    *out = (struct tsr_file){.fd = -1, .path = tsr_alloc(len)};
    if (!out->path) return TSR_ENOMEM;
    snprintf(out->path, len, "%s/%s", f->path, name);
    /* not to wait for the other end of a pipe, which cannot be read at a position */
    do out->fd = openat(f->fd, name, flags | O_CLOEXEC | O_NONBLOCK, 0666);
    while (out->fd < 0 && errno == EINTR);
    if (out->fd >= 0) return TSR_OK;
    int rc = tsr_fail_errno(errno, "%s", out->path);
    tsr_file_close(out);
    return rc;
}

uint64_t tsr_path_id(const char *path)
{
    struct stat s;
    if (stat(path, &s) < 0) return 0;
    return (uint64_t)s.st_dev * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)s.st_ino;
}

bool tsr_folder_is_current(const struct tsr_folder *f)
{
    struct stat open_one, named;
    return fstat(f->fd, &open_one) == 0 && stat(f->path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

int tsr_folder_stat(const struct tsr_folder *f, const char *name, enum tsr_path_kind *kind,
                    uint64_t *size)
{
    struct stat s;
    *kind = TSR_PATH_NONE;
    *size = 0;
    if (fstatat(f->fd, name, &s, 0) < 0)
        return errno == ENOENT ? TSR_OK : tsr_fail_errno(errno, "%s/%s", f->path, name);
    *kind = S_ISREG(s.st_mode)   ? TSR_PATH_FILE
            : S_ISDIR(s.st_mode) ? TSR_PATH_FOLDER
                                 : TSR_PATH_OTHER;
    if (S_ISREG(s.st_mode)) *size = (uint64_t)s.st_size;
    return TSR_OK;
}

int tsr_folder_move(const struct tsr_folder *f, const char *from, const char *to)
{
    if (renameat(f->fd, from, f->fd, to) == 0) return TSR_OK;
    return tsr_fail_errno(errno, "%s/%s: rename to %s", f->path, from, to);
}

int tsr_folder_remove(const struct tsr_folder *f, const char *name)
{
    if (unlinkat(f->fd, name, 0) == 0) return TSR_OK;
    return tsr_fail_errno(errno, "%s/%s: remove", f->path, name);
}

int tsr_folder_sync(const struct tsr_folder *f)
{
    return fsync(f->fd) < 0 ? tsr_fail_errno(errno, "%s: sync", f->path) : TSR_OK;
}

int tsr_folder_list(const struct tsr_folder *f, int (*fn)(void *user, const char *name), void *user)
{
    int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        rc = tsr_fail_errno(errno, "%s: list", f->path);
        if (fd >= 0) close(fd);
        return rc;
    }
    for (struct dirent *e; rc == 0 && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) rc = fn(user, e->d_name);
    closedir(dir);
    return rc;
}
