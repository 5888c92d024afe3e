/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/record.c - libc's calls that change a disk, written down.
 *
 * Files are told apart by inode: a write is found whatever the name is by then.  The calls have
 * these names because Meson asks for 64-bit file offsets. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "disk.h"

struct recording recording = {.kill_at = -1, .room = -1};

static ino_t *inodes; /* [log->nodes] */

static void *need(void *p)
{
    if (p) return p;
    fprintf(stderr, "crash: out of memory\n");
    abort();
}

void record_start(const char *root, struct changes *log)
{
    recording = (struct recording){.on = true, .root = root, .log = log, .kill_at = -1, .room = -1};
}

void record_go_on(const char *root, struct changes *log, const struct disk *d)
{
    record_start(root, log);
    inodes = need(realloc(inodes, (size_t)(log->nodes + 1) * sizeof *inodes));
    memset(inodes, 0, (size_t)log->nodes * sizeof *inodes);
    for (size_t i = 0; i < d->n; i++) {
        char path[2 * PATH_ROOM];
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", root, d->names[i].path);
        if (d->names[i].node >= 0 && stat(path, &s) == 0) inodes[d->names[i].node] = s.st_ino;
    }
}

/* The path below the root, or NULL: not ours. */
static const char *below(const char *path)
{
    size_t n = recording.on ? strlen(recording.root) : 0;
    if (!recording.on || !path || strncmp(path, recording.root, n)) return NULL;
    return path[n] == '/' ? path + n + 1 : path[n] == 0 ? "" : NULL;
}

static char *copy(const char *s)
{
    return s ? need(strdup(s)) : NULL;
}

static void note(struct change c)
{
    changes_add(recording.log, c);
}

static void note_names(enum change_kind kind, const char *path, const char *to)
{
    note((struct change){.kind = kind, .node = -1, .path = copy(path), .to = copy(to)});
}

void record_mark(enum change_kind kind, int state, bool durable)
{
    if (recording.on)
        note((struct change){.kind = kind, .node = -1, .off = (uint64_t)state, .len = durable});
}

static bool dies_now(void)
{
    return recording.on && recording.kill_at == (long)recording.log->n;
}

static void die(void)
{
    raise(SIGKILL);
}

/* The file behind fd; < 0: not one of ours. */
static int node_of(int fd)
{
    struct stat s;
    if (!recording.on || fstat(fd, &s) < 0 || !S_ISREG(s.st_mode)) return -1;
    for (int i = recording.log->nodes; i-- > 0;)
        if (inodes[i] == s.st_ino) return i;
    return -1;
}

static void note_new(int fd, const char *path)
{
    struct stat s;
    struct changes *log = recording.log;
    if (fstat(fd, &s) < 0) abort();
    inodes = need(realloc(inodes, (size_t)(log->nodes + 1) * sizeof *inodes));
    inodes[log->nodes] = s.st_ino;
    note((struct change){.kind = CREATE, .node = log->nodes++, .path = copy(path)});
}

/* The path of a name in an open folder; "": of the folder itself. */
static void inside(int dir, const char *name, char path[PATH_MAX])
{
    char link[64];
    path[0] = 0;
    if (dir == AT_FDCWD || name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = 0;
    if (name[0]) snprintf(path + strlen(path), PATH_MAX - strlen(path), "/%s", name);
}

/* ---- the wrapped functions ---- */

#define WRAP(name, args)    \
    int __real_##name args; \
    int __wrap_##name args; \
    int __wrap_##name args

/* Opens and writes down that a file is new, or emptied. */
#define OPEN(call, path, flags)                                                                 \
    const char *ours = below(path);                                                             \
    struct stat s;                                                                              \
    if (recording.read_only && ((flags) & (O_RDWR | O_WRONLY | O_CREAT))) return refuse(EROFS); \
    bool there = ours && stat(path, &s) == 0, cuts = there && ((flags)&O_TRUNC);                \
    bool fresh = ours && !there && ((flags)&O_CREAT);                                           \
    if (fresh && recording.room == 0) return refuse(ENOSPC);                                    \
    if ((fresh || cuts) && dies_now()) die();                                                   \
    int fd = (call);                                                                            \
    if (fresh && fd >= 0) note_new(fd, ours);                                                   \
    if (cuts && fd >= 0) note((struct change){.kind = CUT, .node = node_of(fd)});               \
    return fd

static int refuse(int why)
{
    errno = why;
    return -1;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    OPEN(__real_open64(path, flags, 0666), path, flags);
}

int __real_openat64(int dir, const char *name, int flags, ...);
int __wrap_openat64(int dir, const char *name, int flags, ...);
int __wrap_openat64(int dir, const char *name, int flags, ...)
{
    char path[PATH_MAX];
    inside(dir, name, path);
    OPEN(__real_openat64(dir, name, flags, 0666), path, flags);
}

int __real_faccessat(int dir, const char *name, int mode, int flags);
int __wrap_faccessat(int dir, const char *name, int mode, int flags);
int __wrap_faccessat(int dir, const char *name, int mode, int flags)
{
    if (recording.read_only && (mode & W_OK)) return refuse(EROFS);
    return __real_faccessat(dir, name, mode, flags);
}

static ssize_t put(int fd, const uint8_t *p, size_t len, off_t off)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(fd, p + done, len - done, off + (off_t)done);
        if (n <= 0) return -1;
        done += (size_t)n;
    }
    return (ssize_t)len;
}

/* A disk with little room takes what it can and then nothing; a header all or nothing of it, as
 * one page is. */
static size_t take_room(size_t len, off_t off)
{
    if (recording.room < 0) return len;
    if ((int64_t)len > recording.room) len = off > 0 && off < SECTOR ? 0 : (size_t)recording.room;
    recording.room -= (int64_t)len;
    return len;
}

ssize_t __real_pwritev64(int fd, const struct iovec *v, int n, off_t off);
ssize_t __wrap_pwritev64(int fd, const struct iovec *v, int n, off_t off);
ssize_t __wrap_pwritev64(int fd, const struct iovec *v, int n, off_t off)
{
    int node = node_of(fd);
    if (node < 0) return __real_pwritev64(fd, v, n, off);
    size_t len = 0, at = 0;
    for (int i = 0; i < n; i++) len += v[i].iov_len;
    uint8_t *all = need(malloc(len + 1));
    for (int i = 0; i < n; at += v[i++].iov_len)
        if (v[i].iov_len) memcpy(all + at, v[i].iov_base, v[i].iov_len);
    if (dies_now()) {
        put(fd, all, recording.kill_part < len ? recording.kill_part : len, off);
        die();
    }
    size_t fits = take_room(len, off);
    if ((fits == 0 && len) || put(fd, all, fits, off) < 0) {
        free(all);
        errno = ENOSPC;
        return -1;
    }
    note((struct change){.kind = WRITE, .node = node, .off = (uint64_t)off, .len = fits, .p = all});
    return (ssize_t)fits;
}

WRAP(ftruncate64, (int fd, off_t size))
{
    int node = node_of(fd);
    if (node >= 0 && dies_now()) die();
    int rc = __real_ftruncate64(fd, size);
    if (node >= 0 && rc == 0)
        note((struct change){.kind = CUT, .node = node, .off = (uint64_t)size});
    return rc;
}

/* Nobody here loses power, so nothing waits for a device. */
static int sync_fd(int fd)
{
    struct stat s;
    char path[PATH_MAX];
    if (fstat(fd, &s) < 0) return -1;
    int node = node_of(fd);
    if (recording.on && (node >= 0 || S_ISDIR(s.st_mode)) && dies_now()) die();
    if (node >= 0) note((struct change){.kind = SYNC, .node = node});
    if (!S_ISDIR(s.st_mode)) return 0;
    inside(fd, "", path);
    if (below(path)) note_names(SYNC_FOLDER, below(path), NULL);
    return 0;
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    return sync_fd(fd);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return sync_fd(fd);
}

/* A call that changes names: those of others are left alone. */
#define NAMES(kind, call, from, to)                                             \
    const char *ours = below(from), *there = below(to);                         \
    if (ours && dies_now()) die();                                              \
    if (ours && recording.room == 0 && (kind) != REMOVE) return refuse(ENOSPC); \
    int rc = (call);                                                            \
    if (rc == 0 && ours) note_names(kind, ours, there);                         \
    return rc

WRAP(rename, (const char *a, const char *b))
{
    NAMES(RENAME, __real_rename(a, b), a, b);
}

WRAP(renameat, (int d1, const char *a, int d2, const char *b))
{
    char from[PATH_MAX], to[PATH_MAX];
    inside(d1, a, from);
    inside(d2, b, to);
    NAMES(RENAME, __real_renameat(d1, a, d2, b), from, to);
}

WRAP(renameat2, (int d1, const char *a, int d2, const char *b, unsigned flags))
{
    enum change_kind kind = flags & RENAME_EXCHANGE ? EXCHANGE : RENAME;
    NAMES(kind, __real_renameat2(d1, a, d2, b, flags), a, b);
}

WRAP(link, (const char *a, const char *b))
{
    NAMES(LINK, __real_link(a, b), a, b);
}

WRAP(unlink, (const char *a))
{
    NAMES(REMOVE, __real_unlink(a), a, NULL);
}

WRAP(unlinkat, (int dir, const char *a, int flags))
{
    char path[PATH_MAX];
    inside(dir, a, path);
    NAMES(REMOVE, __real_unlinkat(dir, a, flags), path, NULL);
}

WRAP(rmdir, (const char *a))
{
    NAMES(REMOVE, __real_rmdir(a), a, NULL);
}

WRAP(mkdir, (const char *a, mode_t mode))
{
    NAMES(FOLDER, __real_mkdir(a, mode), a, NULL);
}
