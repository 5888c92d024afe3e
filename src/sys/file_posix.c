/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/file_posix.c - local files through POSIX calls. */
#define _GNU_SOURCE /* renameat2, preadv2, locks of open files */
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"

/* One writer at a time: two would lay their chunks over each other.  Where the file system knows
 * no locks there is none. */
static int lock_for_writing(const struct tsr_file *f)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(f->fd, F_OFD_SETLK, &all) == 0 || (errno != EAGAIN && errno != EACCES)) return TSR_OK;
    return tsr_fail(TSR_ECONFLICT, "%s: another writer has it open", f->path);
}

bool tsr_file_is_current(const struct tsr_file *f)
{
    struct stat open_one, named;
    return fstat(f->fd, &open_one) == 0 && stat(f->path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

bool tsr_file_is_nameless(const struct tsr_file *f)
{
    struct stat s;
    return fstat(f->fd, &s) == 0 && s.st_nlink == 0;
}

/* Clocks of file systems tick slowly: two writes may leave the same stamp. */
static uint64_t stamp_of(const struct stat *s)
{
    const uint64_t k = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t x = (uint64_t)s->st_ino * k + (uint64_t)s->st_size;
    x = (x ^ x >> 29) * k + (uint64_t)s->st_mtim.tv_sec;
    x = (x ^ x >> 29) * k + (uint64_t)s->st_mtim.tv_nsec;
    return x ^ x >> 32;
}

uint64_t tsr_file_stamp(const struct tsr_file *f)
{
    struct stat s;
    return fstat(f->fd, &s) < 0 ? 0 : stamp_of(&s);
}

static enum tsr_path_kind kind_of(const struct stat *s)
{
    return S_ISREG(s->st_mode)   ? TSR_PATH_FILE
           : S_ISDIR(s->st_mode) ? TSR_PATH_FOLDER
                                 : TSR_PATH_OTHER;
}

int tsr_file_look(const struct tsr_file *f, struct tsr_look *out)
{
    struct stat s;
    *out = (struct tsr_look){0};
    if (fstat(f->fd, &s) < 0) return tsr_fail_errno(errno, "%s", f->path);
    out->kind = kind_of(&s);
    if (out->kind != TSR_PATH_FILE) return TSR_OK;
    out->size = (uint64_t)s.st_size;
    out->stamp = stamp_of(&s);
    return TSR_OK;
}

int tsr_file_open(const char *path, enum tsr_file_mode mode, struct tsr_file *out)
{
    int flags = mode == TSR_FILE_READ     ? O_RDONLY
                : mode == TSR_FILE_UPDATE ? O_RDWR
                                          : O_RDWR | O_CREAT | O_EXCL;
    int rc = TSR_OK;
    *out = (struct tsr_file){.fd = -1, .path = tsr_strdup(path)};
    if (!out->path) return TSR_ENOMEM;
    do {
        if (out->fd >= 0) close(out->fd);
        /* not to wait for the other end of a pipe, which is refused later anyway */
        do out->fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0666);
        while (out->fd < 0 && errno == EINTR);
        if (out->fd < 0) rc = tsr_fail_errno(errno, "%s", path);
        else if (mode != TSR_FILE_READ) rc = lock_for_writing(out);
        /* it may have been replaced before the lock was had */
    } while (rc == TSR_OK && mode == TSR_FILE_UPDATE && !tsr_file_is_current(out));
    if (rc < 0) tsr_file_close(out);
    return rc;
}

void tsr_file_close(struct tsr_file *f)
{
    if (f->fd >= 0 && f->path) close(f->fd);
    tsr_free(f->path);
    *f = (struct tsr_file){.fd = -1};
}

int tsr_file_read_some(const struct tsr_file *f, uint64_t off, void *dst, size_t len, size_t *got)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(f->fd, (char *)dst + done, len - done, (off_t)(off + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return tsr_fail_errno(errno, "%s: read at byte %llu", f->path,
                                  (unsigned long long)(off + done));
        if (n == 0) break;
        done += (size_t)n;
    }
    *got = done;
    return TSR_OK;
}

int tsr_file_read(const struct tsr_file *f, uint64_t off, void *dst, size_t len)
{
    size_t got = 0;
    int rc = tsr_file_read_some(f, off, dst, len, &got);
    if (rc < 0 || got == len) return rc;
    return tsr_fail(TSR_ECORRUPT, "%s: the file ends at byte %llu, %zu bytes wanted at %llu",
                    f->path, (unsigned long long)(off + got), len, (unsigned long long)off);
}

/* What is in memory already, as the last byte says, would only be looked up page by page. */
void tsr_file_expect(const struct tsr_file *f, uint64_t off, uint64_t len)
{
    char last;
    struct iovec v = {&last, 1};
    if (len == 0 || off > INT64_MAX - len) return;
    if (preadv2(f->fd, &v, 1, (off_t)(off + len - 1), RWF_NOWAIT) < 0 && errno == EAGAIN)
        (void)posix_fadvise(f->fd, (off_t)off, (off_t)len, POSIX_FADV_WILLNEED);
}

enum { IOV_AT_ONCE = 256 };

/* How many bytes the pieces have, and how many of them one call takes. */
static int gather(const struct tsr_piece *pieces, int n, struct iovec *iov, size_t *len)
{
    int m = n < IOV_AT_ONCE ? n : IOV_AT_ONCE;
    *len = 0;
    for (int i = 0; i < m; i++) {
        iov[i] = (struct iovec){pieces[i].p, pieces[i].len};
        *len += pieces[i].len;
    }
    return m;
}

/* What a call left over behind the first bytes, at the end of a file above all: piece by piece. */
static int read_rest(const struct tsr_file *f, uint64_t off, const struct tsr_piece *p, int n,
                     size_t done)
{
    int rc = TSR_OK;
    for (int i = 0; i < n && rc == TSR_OK; off += p[i++].len) {
        size_t have = done < p[i].len ? done : p[i].len;
        done -= have;
        if (have < p[i].len)
            rc = tsr_file_read(f, off + have, (char *)p[i].p + have, p[i].len - have);
    }
    return rc;
}

int tsr_file_readv(const struct tsr_file *f, uint64_t off, const struct tsr_piece *pieces, int n)
{
    if (n == 1) return tsr_file_read(f, off, pieces[0].p, pieces[0].len);
    while (n > 0) {
        struct iovec iov[IOV_AT_ONCE];
        size_t len;
        int m = gather(pieces, n, iov, &len);
        ssize_t got;
        do got = preadv(f->fd, iov, m, (off_t)off);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return tsr_fail_errno(errno, "%s: read at byte %llu", f->path, (unsigned long long)off);
        int rc = (size_t)got < len ? read_rest(f, off, pieces, m, (size_t)got) : TSR_OK;
        if (rc < 0) return rc;
        off += len;
        pieces += m;
        n -= m;
    }
    return TSR_OK;
}

int tsr_file_write(const struct tsr_file *f, uint64_t off, const struct tsr_piece *pieces, int n)
{
    size_t skip = 0; /* bytes of pieces[0] already written */
    while (n > 0) {
        struct iovec iov[IOV_AT_ONCE];
        int m = n < IOV_AT_ONCE ? n : IOV_AT_ONCE;
        for (int i = 0; i < m; i++) iov[i] = (struct iovec){pieces[i].p, pieces[i].len};
        if (skip) iov[0].iov_base = (char *)iov[0].iov_base + skip;
        iov[0].iov_len -= skip;
        ssize_t put = pwritev(f->fd, iov, m, (off_t)off);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0)
            return tsr_fail_errno(errno, "%s: write at byte %llu", f->path,
                                  (unsigned long long)off);
        off += (uint64_t)put;
        skip += (size_t)put;
        while (n > 0 && skip >= pieces[0].len) skip -= pieces[0].len, pieces++, n--;
        /* 0 bytes of a non-empty list would loop for ever on a device that takes none */
        if (put == 0 && n > 0)
            return tsr_fail(TSR_EIO, "%s: write at byte %llu took nothing", f->path,
                            (unsigned long long)off);
    }
    return TSR_OK;
}

int tsr_file_size(const struct tsr_file *f, uint64_t *size)
{
    struct stat s;
    if (fstat(f->fd, &s) < 0) return tsr_fail_errno(errno, "%s", f->path);
    if (!S_ISREG(s.st_mode)) return tsr_fail(TSR_EARG, "%s: not a regular file", f->path);
    *size = (uint64_t)s.st_size;
    return TSR_OK;
}

int tsr_file_truncate(const struct tsr_file *f, uint64_t size)
{
    int rc;
    do rc = ftruncate(f->fd, (off_t)size);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? tsr_fail_errno(errno, "%s: truncate", f->path) : TSR_OK;
}

int tsr_file_sync(const struct tsr_file *f)
{
    return fdatasync(f->fd) < 0 ? tsr_fail_errno(errno, "%s: sync", f->path) : TSR_OK;
}

int tsr_file_temp(const char *path, struct tsr_file *out)
{
    static atomic_uint serial;
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    size_t len = strlen(path) + 64;
    char *name = tsr_alloc(len);
    struct stat old;
    if (!name) return TSR_ENOMEM;
    *out = (struct tsr_file){.fd = -1};
    /* open rather than mkstemp: the file must get the mode of the one it will replace, which may be
     * for few to read, or that which the umask asks for */
    bool there = stat(path, &old) == 0 && S_ISREG(old.st_mode);
    mode_t mode = there ? old.st_mode & 0777 : 0666;
    do {
        snprintf(name, len, "%.*s.%.200s.%x.%x.tmp", (int)folder, path, path + folder,
                 (unsigned)getpid(), atomic_fetch_add(&serial, 1));
        out->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    } while (out->fd < 0 && (errno == EEXIST || errno == EINTR));
    if (out->fd >= 0) {
        if (there) (void)!fchmod(out->fd, mode); /* the umask is not asked again */
        out->path = name;
        return lock_for_writing(out); /* nobody else knows the name: it cannot fail */
    }
    int rc = tsr_fail_errno(errno, "%s: create a temporary file beside it", path);
    tsr_free(name);
    return rc;
}

/* In one step where the file system can (NFS and FUSE mostly cannot): else the file has both
 * names for a moment. */
static int rename_new(const char *from, const char *to)
{
    int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    if (rc == 0 || (errno != EINVAL && errno != ENOSYS)) return rc;
    rc = link(from, to);
    if (rc == 0) unlink(from);
    return rc;
}

int tsr_file_rename(struct tsr_file *f, const char *path, bool replace)
{
    char *copy = tsr_strdup(path);
    if (!copy) return TSR_ENOMEM;
    int rc = replace ? rename(f->path, path) : rename_new(f->path, path);
    if (rc < 0) {
        rc = tsr_fail_errno(errno, "%s: rename to %s", f->path, path);
        tsr_free(copy);
        return rc;
    }
    tsr_free(f->path);
    f->path = copy;
    return TSR_OK;
}

int tsr_file_sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? tsr_strdup(path) : tsr_strdup(".");
    if (!folder) return TSR_ENOMEM;
    if (slash) folder[slash == path ? 1 : slash - path] = 0;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = TSR_OK;
    if (fd < 0 || fsync(fd) < 0) rc = tsr_fail_errno(errno, "%s: sync", folder);
    if (fd >= 0) close(fd);
    tsr_free(folder);
    return rc;
}

int tsr_file_remove(const char *path)
{
    return unlink(path) < 0 ? tsr_fail_errno(errno, "%s: remove", path) : TSR_OK;
}

int tsr_path_stat(const char *path, enum tsr_path_kind *kind, uint64_t *size)
{
    struct stat s;
    *kind = TSR_PATH_NONE;
    if (size) *size = 0;
    if (stat(path, &s) < 0)
        return errno == ENOENT || errno == ENOTDIR ? TSR_OK : tsr_fail_errno(errno, "%s", path);
    *kind = kind_of(&s);
    if (size && S_ISREG(s.st_mode)) *size = (uint64_t)s.st_size;
    return TSR_OK;
}

char *tsr_path_resolve(const char *path)
{
    struct stat s;
    char *real = lstat(path, &s) == 0 && S_ISLNK(s.st_mode) ? realpath(path, NULL) : NULL;
    char *copy = tsr_strdup(real ? real : path);
    free(real);
    return copy;
}

char *tsr_path_real(const char *path)
{
    char *real = realpath(path, NULL), *copy = tsr_strdup(real ? real : path);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    free(real);
    if (real || !copy) return copy;
    /* it is not there yet, but its folder may be */
    if (slash) *slash = 0;
    real = realpath(!slash ? "." : slash == copy ? "/" : copy, NULL);
    const char *name = slash ? slash + 1 : copy;
    size_t len = real ? strlen(real) + strlen(name) + 2 : 0;
    char *whole = real ? tsr_alloc(len) : tsr_strdup(path);
    if (real && whole) snprintf(whole, len, "%s/%s", real, name);
    free(real);
    tsr_free(copy);
    return whole;
}

int tsr_file_target(const char *path, bool replace, char **target)
{
    enum tsr_path_kind kind;
    int rc = tsr_path_stat(path, &kind, NULL);
    if (rc < 0) return rc;
    if (kind == TSR_PATH_FOLDER)
        return tsr_fail(TSR_EEXISTS, "%s: is a folder, no file can take its place", path);
    if (kind != TSR_PATH_NONE && !replace) return tsr_fail(TSR_EEXISTS, "%s: exists", path);
    if (kind == TSR_PATH_OTHER)
        return tsr_fail(TSR_EEXISTS, "%s: is a device or a pipe, no file can take its place", path);
    *target = tsr_path_resolve(path);
    return *target ? TSR_OK : TSR_ENOMEM;
}

static int skip_dots(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int tsr_path_list(const char *path, char ***names, size_t *n)
{
    struct dirent **list = NULL;
    int count = scandir(path, &list, skip_dots, alphasort), rc = TSR_OK;
    if (count < 0) return tsr_fail_errno(errno, "%s", path);
    size_t len = sizeof(char *);
    for (int i = 0; i < count; i++) len += sizeof(char *) + strlen(list[i]->d_name) + 1;
    char **out = tsr_alloc(len);
    if (out) {
        char *text = (char *)(out + count);
        for (int i = 0; i < count; i++) {
            out[i] = text;
            text = stpcpy(text, list[i]->d_name) + 1;
        }
        *names = out;
        *n = (size_t)count;
    } else {
        rc = TSR_ENOMEM;
    }
    for (int i = 0; i < count; i++) free(list[i]);
    free(list);
    return rc;
}
