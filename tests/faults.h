/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/faults.h - memory and system calls that fail on order.
 *
 * The linker puts the functions below in the place of libc's (--wrap, see meson.build).  They
 * count, and fail, only while a mode is set; one thread at a time. */
#ifndef TSR_TESTS_FAULTS_H
#define TSR_TESTS_FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <tessera/tessera.h>

enum mode {
    OFF,
    ALLOC,     /* the nth allocation fails */
    IO_ONCE,   /* the nth call fails, later ones work */
    IO_ALWAYS, /* all from the nth on fail: the disk is full */
    IO_SHORT,  /* the nth transfers half */
    IO_TORN,   /* the nth transfers half, the one after it fails */
    IO_KILL    /* the process dies before the nth */
};

static struct {
    enum mode mode;
    long n, at; /* calls seen, the call to hit */
    char log[64];
    size_t logged;
    int renameat2_errno; /* what this file system says to it */
    bool writes_only;    /* what takes no room on the disk is neither counted nor fails */
    bool no_sync;        /* nothing is synced: tests that do it a thousand times need not wait */
} fault;

static bool hit_alloc(void)
{
    return fault.mode == ALLOC && ++fault.n == fault.at;
}

/* True when this call is to fail; *len is halved when it is to be short. */
static bool hit_io(size_t *len)
{
    if (fault.mode < IO_ONCE) return false;
    long n = ++fault.n;
    if (fault.mode == IO_KILL && n == fault.at) raise(SIGKILL);
    if ((fault.mode == IO_SHORT || fault.mode == IO_TORN) && n == fault.at) {
        if (len && *len > 1) *len /= 2;
        return false;
    }
    return (fault.mode == IO_ONCE && n == fault.at) || (fault.mode == IO_ALWAYS && n >= fault.at) ||
           (fault.mode == IO_TORN && n == fault.at + 1);
}

static int io_error(void)
{
    errno = fault.mode == IO_ALWAYS ? ENOSPC : EIO;
    return -1;
}

static void log_call(char c)
{
    if (fault.logged + 1 < sizeof fault.log) fault.log[fault.logged++] = c;
    fault.log[fault.logged] = 0;
}

/* ---- the wrapped functions ---- */

#define WRAP(type, name, args) \
    type __real_##name args;   \
    type __wrap_##name args;   \
    type __wrap_##name args

WRAP(void *, malloc, (size_t n))
{
    return hit_alloc() ? NULL : __real_malloc(n);
}

WRAP(void *, calloc, (size_t n, size_t m))
{
    return hit_alloc() ? NULL : __real_calloc(n, m);
}

WRAP(void *, realloc, (void *p, size_t n))
{
    return hit_alloc() ? NULL : __real_realloc(p, n);
}

WRAP(ssize_t, pread64, (int fd, void *p, size_t len, off_t off))
{
    if (fault.writes_only) return __real_pread64(fd, p, len, off);
    return hit_io(&len) ? io_error() : __real_pread64(fd, p, len, off);
}

WRAP(ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off_t off))
{
    size_t len = 0, want;
    for (int i = 0; i < n; i++) len += v[i].iov_len;
    want = len;
    log_call(off < 97 ? 'H' : 'W');
    if (hit_io(&want)) return io_error();
    if (want == len) return __real_pwritev64(fd, v, n, off);
    uint8_t *all = __real_malloc(len + 1);
    size_t at = 0;
    for (int i = 0; i < n; at += v[i++].iov_len)
        if (v[i].iov_len) memcpy(all + at, v[i].iov_base, v[i].iov_len);
    ssize_t put = pwrite(fd, all, want, off);
    free(all);
    return put;
}

WRAP(int, ftruncate64, (int fd, off_t size))
{
    log_call('T');
    return hit_io(NULL) ? io_error() : __real_ftruncate64(fd, size);
}

WRAP(int, fdatasync, (int fd))
{
    log_call('S');
    return hit_io(NULL) ? io_error() : fault.no_sync ? 0 : __real_fdatasync(fd);
}

WRAP(int, fsync, (int fd))
{
    log_call('F');
    return hit_io(NULL) ? io_error() : fault.no_sync ? 0 : __real_fsync(fd);
}

WRAP(int, rename, (const char *a, const char *b))
{
    log_call('R');
    return hit_io(NULL) ? io_error() : __real_rename(a, b);
}

WRAP(int, renameat2, (int d1, const char *a, int d2, const char *b, unsigned flags))
{
    log_call('R');
    if (fault.renameat2_errno) {
        errno = fault.renameat2_errno;
        return -1;
    }
    return hit_io(NULL) ? io_error() : __real_renameat2(d1, a, d2, b, flags);
}

int __real_open64(const char *name, int flags, ...);
int __wrap_open64(const char *name, int flags, ...);
int __wrap_open64(const char *name, int flags, ...)
{
    if (fault.writes_only && !(flags & O_CREAT)) return __real_open64(name, flags, 0666);
    return hit_io(NULL) ? io_error() : __real_open64(name, flags, 0666);
}

/* What a call may say because of the fault. */
static inline bool fault_explains(int rc)
{
    return fault.mode == ALLOC ? rc == TSR_ENOMEM : rc == TSR_EIO || rc == TSR_ECORRUPT;
}

#endif
