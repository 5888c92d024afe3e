/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/tree_posix.c - trees of folders through POSIX calls, and Linux's openat2.
 *
 * openat2 walks a path inside the kernel and refuses to leave the folder it began in.  Where there
 * is none (ENOSYS; EPERM from sandboxes that do not know it), each name is opened in turn and none
 * may be a link.  What changes names does so inside the open folder of the file, so that nobody can
 * put another folder in its way. */
#define _GNU_SOURCE /* renameat2, syncfs, O_PATH */
#include "sys/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"
#include "sys/folder.h"

enum { MAX_TRIES = 1000, FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

/* ---- paths to descriptors; -1 and errno where there is none ---- */

static int open_at(int at, const char *name, int flags)
{
    int fd;
    do fd = openat(at, name, flags, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* A link in the way of a folder is ENOTDIR to openat, as a file is, which would read as absent. */
static int not_a_link(int at, const char *name)
{
    struct stat s;
    int err = errno;
    if (err == ENOTDIR && fstatat(at, name, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(s.st_mode))
        err = ELOOP;
    errno = err;
    return -1;
}

static int walk(int base, const char *path, int flags)
{
    char name[NAME_MAX + 1];
    int at = base;
    for (;;) {
        size_t len = strcspn(path, "/");
        if (len > NAME_MAX) {
            errno = ENAMETOOLONG;
            break;
        }
        memcpy(name, path, len);
        name[len] = 0;
        bool last = !path[len];
        int next =
            open_at(at, name, O_NOFOLLOW | (last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (next < 0) not_a_link(at, name);
        int err = errno;
        if (at != base) close(at);
        errno = err;
        if (next < 0 || last) return next;
        at = next;
        path += len + 1;
    }
    if (at != base) close(at);
    return -1;
}

static int beneath(struct tsr_tree *t, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = -1;
    if (t->links) return open_at(t->fd, path, flags);
    if (!atomic_load_explicit(&t->walk, memory_order_relaxed)) {
        for (int i = 0; i < MAX_TRIES; i++) { /* EAGAIN: something was renamed meanwhile */
            fd = (int)syscall(SYS_openat2, t->fd, path, &how, sizeof how);
            if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) break;
        }
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
        atomic_store_explicit(&t->walk, true, memory_order_relaxed);
    }
    return walk(t->fd, path, flags);
}

static bool is_absent(int err)
{
    return err == ENOENT || err == ENOTDIR;
}

static int fail(const struct tsr_tree *t, const char *name, const char *what)
{
    int err = errno;
    if (err == EXDEV || err == ELOOP)
        return tsr_fail(TSR_EDENIED, "%s/%s: %sa symbolic link leads out of the folder", t->path,
                        name, what);
    return tsr_fail_errno(err, "%s/%s%s%s", t->path, name, *what ? ": " : "", what);
}

/* ---- the tree ---- */

/* Also folders above it; others may make them at the same time.  *made: how much of the path is the
 * first that was made here; 0: nothing. */
static int make_base(const char *path, size_t *made)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    *made = len;
    if (mkdir(path, 0777) == 0) return TSR_OK;
    *made = 0;
    if (errno == EEXIST) return TSR_OK;
    for (size_t i = 1; errno == ENOENT && len < sizeof part && i <= len; i++) {
        if (path[i] && path[i] != '/') continue;
        memcpy(part, path, i);
        part[i] = 0;
        bool new = mkdir(part, 0777) == 0;
        if (new && !*made) *made = i;
        if (new || errno == EEXIST) errno = i == len ? EEXIST : ENOENT;
    }
    return errno == EEXIST ? TSR_OK : tsr_fail_errno(errno, "%s: create", path);
}

/* Folders that were made for a tree in which nothing was put. */
static void remove_base(const struct tsr_tree *t)
{
    char part[PATH_MAX];
    size_t len = strlen(t->path);
    struct tsr_folder f = {t->fd, t->path};
    if (!t->made || len >= sizeof part || !tsr_folder_is_current(&f)) return;
    memcpy(part, t->path, len + 1);
    while (len >= t->made && rmdir(part) == 0) {
        while (len && part[len] != '/') len--;
        part[len] = 0;
    }
}

int tsr_tree_open(const char *path, unsigned flags, struct tsr_tree *out)
{
    struct tsr_folder f;
    out->made = 0;
    int rc = flags & TSR_TREE_MAY_MAKE ? make_base(path, &out->made) : TSR_OK;
    if (rc == TSR_OK) rc = tsr_folder_open(path, flags & TSR_TREE_ALONE, &f);
    if (rc < 0) return rc;
    if (flags & TSR_TREE_MAY_WRITE && faccessat(f.fd, ".", W_OK, AT_EACCESS) < 0) {
        rc = tsr_fail_errno(errno, "%s", path);
        tsr_folder_close(&f);
        return rc;
    }
    out->fd = f.fd;
    out->path = f.path;
    out->links = flags & TSR_TREE_ANY_LINK;
    atomic_init(&out->walk, false);
    atomic_init(&out->serial, 0);
    return TSR_OK;
}

void tsr_tree_close(struct tsr_tree *t)
{
    if (!t->path) return;
    remove_base(t);
    close(t->fd);
    tsr_free(t->path);
    t->path = NULL;
}

static int open_file(struct tsr_tree *t, const char *name, int access, struct tsr_file *out)
{
    *out = (struct tsr_file){.path = (char *)(uintptr_t)name};
    /* not to wait for the other end of a pipe */
    out->fd = beneath(t, name, access | O_CLOEXEC | O_NONBLOCK);
    if (out->fd >= 0) return TSR_OK;
    if (!is_absent(errno)) return fail(t, name, "");
    /* in a folder that is removed nothing is there, which says nothing of what was */
    struct stat s;
    if (fstat(t->fd, &s) == 0 && s.st_nlink == 0)
        return tsr_fail(TSR_ECONFLICT, "%s: the folder was removed", t->path);
    return TSR_OK;
}

int tsr_tree_file(struct tsr_tree *t, const char *name, struct tsr_file *out)
{
    return open_file(t, name, O_RDONLY, out);
}

void tsr_tree_shut(struct tsr_file *f)
{
    if (f->fd >= 0) close(f->fd);
    f->fd = -1;
}

static bool same_file(int a, int b)
{
    struct stat s, t;
    return a >= 0 && b >= 0 && fstat(a, &s) == 0 && fstat(b, &t) == 0 && s.st_dev == t.st_dev &&
           s.st_ino == t.st_ino;
}

/* Over NFS only who may write a file locks it. */
static int open_to_lock(struct tsr_tree *t, const char *name, struct tsr_file *out)
{
    int rc = open_file(t, name, O_RDWR, out);
    return rc < 0 ? tsr_tree_file(t, name, out) : rc;
}

/* Who held it has put another file in its place, as a rule: then that one is to be locked. */
int tsr_tree_hold(struct tsr_tree *t, const char *name, struct tsr_lock *out)
{
    struct tsr_file f, now = {.fd = -1};
    int rc;
    *out = (struct tsr_lock){-1};
    do {
        tsr_tree_shut(&now);
        rc = open_to_lock(t, name, &f);
        if (rc < 0 || f.fd < 0) return rc;
        out->fd = f.fd;
        rc = tsr_lock_file(name, f.fd);
        if (rc == TSR_OK) rc = tsr_tree_file(t, name, &now);
        if (rc == TSR_OK && same_file(f.fd, now.fd)) break;
        tsr_lock_release(out);
    } while (rc == TSR_OK && now.fd >= 0);
    tsr_tree_shut(&now);
    return rc == TSR_ECONFLICT ? rc : TSR_OK;
}

int tsr_tree_claim(struct tsr_tree *t, const char *folder, struct tsr_lock *out)
{
    out->fd = *folder ? beneath(t, folder, FOLDER) : open_at(t->fd, ".", FOLDER);
    if (out->fd < 0) return TSR_OK;
    int rc = tsr_lock_try(*folder ? folder : t->path, out->fd);
    if (rc == TSR_OK) return TSR_OK;
    close(out->fd);
    out->fd = -1;
    return rc == TSR_ECONFLICT ? rc : TSR_OK;
}

/* ---- folders in it ---- */

static void leave(const struct tsr_tree *t, int fd)
{
    int err = errno;
    if (fd >= 0 && fd != t->fd) close(fd);
    errno = err;
}

/* Makes the folder path[0 .. len), below the deepest one that is there.  ENOENT: it was there, but
 * another removed it. */
static int make_folders(struct tsr_tree *t, char *path, size_t len, bool durable)
{
    size_t have = len;
    int at = -1;
    while (at < 0) {
        while (have && path[have] != '/') have--;
        if (have) path[have] = 0;
        at = have ? beneath(t, path, FOLDER) : t->fd;
        if (have) path[have] = '/';
        if (at < 0 && errno != ENOENT) return -1;
        if (at < 0) have--;
    }
    for (size_t from = have ? have + 1 : 0; from < len; from += strlen(path + from) + 1) {
        char *end = memchr(path + from, '/', len - from);
        if (end) *end = 0;
        else path[len] = 0;
        bool made = mkdirat(at, path + from, 0777) == 0;
        int next = made || errno == EEXIST ? open_at(at, path + from, FOLDER | O_NOFOLLOW) : -1;
        if (next >= 0 && made && durable && fsync(at) < 0) {
            leave(t, next);
            next = -1;
        }
        leave(t, at);
        if (next < 0) return -1;
        at = next;
    }
    leave(t, at);
    return 0;
}

/* The folder that holds name; -1 and errno. */
static int folder_of(struct tsr_tree *t, const char *name, bool make, bool durable)
{
    char path[PATH_MAX], copy[PATH_MAX];
    const char *slash = strrchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 0;
    if (!slash) return t->fd;
    if (len >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, name, len);
    path[len] = 0;
    for (int i = 0; i < MAX_TRIES; i++) {
        int fd = beneath(t, path, FOLDER);
        if (fd >= 0 || errno != ENOENT || !make) return fd;
        memcpy(copy, path, len + 1);
        if (make_folders(t, copy, len, durable) < 0 && errno != ENOENT) return -1;
    }
    return -1;
}

static const char *base_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* ---- put ---- */

enum { TEMP_BYTES = 256 };

/* ENOENT: the folder was removed meanwhile. */
static int open_temp(struct tsr_tree *t, int folder, const char *base, char temp[TEMP_BYTES])
{
    int fd;
    do {
        snprintf(temp, TEMP_BYTES, ".%.200s.%x.%x.tmp", base, (unsigned)getpid(),
                 atomic_fetch_add_explicit(&t->serial, 1, memory_order_relaxed));
        fd = open_at(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC);
    } while (fd < 0 && errno == EEXIST);
    return fd;
}

/* As file_posix.c: where the file system cannot rename to a new name only, the file has two names
 * for a moment. */
static int give_name(int folder, const char *temp, const char *base, bool only_new)
{
    if (!only_new) return renameat(folder, temp, folder, base);
    int rc = renameat2(folder, temp, folder, base, RENAME_NOREPLACE);
    if (rc == 0 || (errno != EINVAL && errno != ENOSYS)) return rc;
    rc = linkat(folder, temp, folder, base, 0);
    if (rc == 0) unlinkat(folder, temp, 0);
    return rc;
}

static int write_and_name(const struct tsr_tree *t, const struct tsr_tree_put *o, int folder,
                          int fd, const char *temp)
{
    struct tsr_file f = {fd, (char *)(uintptr_t)o->name};
    int rc = tsr_file_write(&f, 0, o->p, o->n);
    if (rc == TSR_OK && o->durable) rc = tsr_file_sync(&f);
    if (close(fd) < 0 && rc == TSR_OK && errno != EINTR) rc = fail(t, o->name, "close");
    if (rc == TSR_OK && give_name(folder, temp, base_name(o->name), o->only_new) < 0)
        rc = fail(t, o->name, "rename to it");
    if (rc < 0) unlinkat(folder, temp, 0);
    return rc;
}

int tsr_tree_put(struct tsr_tree *t, const struct tsr_tree_put *o)
{
    char temp[TEMP_BYTES];
    int folder = o->kept ? *o->kept : -1, fd = -1;
    if (o->kept) *o->kept = -1;
    for (int i = 0; fd < 0 && i < MAX_TRIES; i++) {
        if (i > 0) leave(t, folder);
        if (i > 0 || folder < 0) folder = folder_of(t, o->name, true, o->durable);
        if (folder < 0) return fail(t, o->name, "create its folder");
        fd = open_temp(t, folder, base_name(o->name), temp);
        if (fd < 0 && (errno != ENOENT || folder == t->fd)) break;
    }
    int rc = fd < 0 ? fail(t, o->name, "create a temporary file beside it")
                    : write_and_name(t, o, folder, fd, temp);
    if (o->kept) *o->kept = folder;
    else leave(t, folder);
    return rc;
}

void tsr_tree_leave(struct tsr_tree *t, int kept)
{
    leave(t, kept);
}

/* ---- remove ---- */

/* Ends at the first that is not empty, or that another removed. */
static void remove_empty_folders(struct tsr_tree *t, const char *name)
{
    char path[PATH_MAX];
    for (size_t len = strlen(name); len < sizeof path;) {
        while (len && name[len] != '/') len--;
        if (!len) return;
        memcpy(path, name, len);
        path[len] = 0;
        int folder = folder_of(t, path, false, false);
        if (folder < 0) return;
        bool gone = unlinkat(folder, base_name(path), AT_REMOVEDIR) == 0;
        leave(t, folder);
        if (!gone) return;
        len--;
    }
}

int tsr_tree_remove(struct tsr_tree *t, const char *name)
{
    int folder = folder_of(t, name, false, false), rc = TSR_OK;
    if (folder < 0 || unlinkat(folder, base_name(name), 0) < 0) {
        /* of a folder Linux says EISDIR, others EPERM */
        bool absent = is_absent(errno) || (folder >= 0 && errno == EISDIR);
        rc = absent ? tsr_fail(TSR_ENOTFOUND, "%s/%s: there is no such file", t->path, name)
                    : fail(t, name, "remove");
    }
    leave(t, folder);
    if (rc == TSR_OK) remove_empty_folders(t, name);
    return rc;
}

/* ---- list and sync ---- */

/* Is it the folder at path, or one that it lies in?  A link to such a one has no end. */
static bool is_above(struct tsr_tree *t, const char *path, const struct stat *what)
{
    char above[PATH_MAX];
    size_t len = strlen(path);
    struct stat s;
    if (!S_ISDIR(what->st_mode)) return false;
    memcpy(above, path, len + 1);
    for (;; above[len] = 0) {
        int fd = len ? beneath(t, above, O_PATH | O_CLOEXEC) : -1;
        bool seen = fstat(len ? fd : t->fd, &s) == 0;
        if (fd >= 0) close(fd);
        if (seen && s.st_ino == what->st_ino && s.st_dev == what->st_dev) return true;
        if (!len) return false;
        while (len && above[len] != '/') len--;
    }
}

/* What a name is, behind a link as well, as reading it would see it. */
static enum tsr_path_kind kind_of(struct tsr_tree *t, int folder, const char *prefix,
                                  const struct dirent *e)
{
    char path[PATH_MAX];
    struct stat s = {0};
    if (e->d_type == DT_REG) return TSR_PATH_FILE;
    if (e->d_type == DT_DIR) return TSR_PATH_FOLDER;
    if (e->d_type != DT_UNKNOWN && e->d_type != DT_LNK) return TSR_PATH_OTHER;
    if (fstatat(folder, e->d_name, &s, AT_SYMLINK_NOFOLLOW) < 0) return TSR_PATH_NONE;
    if (S_ISLNK(s.st_mode)) {
        int n = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "/" : "", e->d_name);
        int fd = n < (int)sizeof path ? beneath(t, path, O_PATH | O_CLOEXEC) : -1;
        if (fd < 0 || fstat(fd, &s) < 0 || is_above(t, prefix, &s)) s.st_mode = 0;
        if (fd >= 0) close(fd);
    }
    return S_ISREG(s.st_mode)   ? TSR_PATH_FILE
           : S_ISDIR(s.st_mode) ? TSR_PATH_FOLDER
                                : TSR_PATH_OTHER;
}

int tsr_tree_list(struct tsr_tree *t, const char *folder,
                  int (*fn)(void *user, const char *name, bool folder), void *user)
{
    int fd = *folder ? beneath(t, folder, FOLDER) : open_at(t->fd, ".", FOLDER), rc = 0;
    if (fd < 0 && is_absent(errno)) return TSR_OK;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        rc = fail(t, folder, "list");
        if (fd >= 0) close(fd);
        return rc;
    }
    for (;;) {
        errno = 0;
        const struct dirent *e = rc ? NULL : readdir(dir);
        if (!e) break;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        enum tsr_path_kind kind = kind_of(t, fd, folder, e);
        if (kind == TSR_PATH_FILE || kind == TSR_PATH_FOLDER)
            rc = fn(user, e->d_name, kind == TSR_PATH_FOLDER);
    }
    if (!rc && errno) rc = fail(t, folder, "list");
    closedir(dir);
    return rc;
}

int tsr_tree_sync_folder(struct tsr_tree *t, const char *name)
{
    int folder = folder_of(t, name, false, false), rc = TSR_OK;
    if (folder < 0 || fsync(folder) < 0) rc = fail(t, name, "sync its folder");
    leave(t, folder);
    return rc;
}

int tsr_tree_sync(const struct tsr_tree *t)
{
    return syncfs(t->fd) < 0 ? tsr_fail_errno(errno, "%s: sync", t->path) : TSR_OK;
}
