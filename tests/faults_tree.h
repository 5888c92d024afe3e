/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/faults_tree.h - as faults.h, with what trees of objects call besides (tree_args in
 * meson.build). */
#ifndef TSR_TESTS_FAULTS_TREE_H
#define TSR_TESTS_FAULTS_TREE_H

#include "faults.h"

#include <sys/stat.h>

int __real_openat64(int fd, const char *name, int flags, ...);
int __wrap_openat64(int fd, const char *name, int flags, ...);
int __wrap_openat64(int fd, const char *name, int flags, ...)
{
    return hit_io(NULL) ? io_error() : __real_openat64(fd, name, flags, 0666);
}

static bool no_openat2;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list ap;
    va_start(ap, number);
    int fd = va_arg(ap, int);
    const char *path = va_arg(ap, const char *);
    void *how = va_arg(ap, void *);
    size_t size = va_arg(ap, size_t);
    va_end(ap);
    if (no_openat2) {
        errno = ENOSYS;
        return -1;
    }
    return hit_io(NULL) ? io_error() : __real_syscall(number, fd, path, how, size);
}

WRAP(ssize_t, preadv64, (int fd, const struct iovec *v, int n, off_t off))
{
    struct iovec half = v[0];
    size_t len = half.iov_len;
    if (hit_io(&len)) return io_error();
    if (len == half.iov_len) return __real_preadv64(fd, v, n, off);
    half.iov_len = len;
    return __real_preadv64(fd, &half, 1, off);
}

WRAP(int, fstat64, (int fd, struct stat *s))
{
    return hit_io(NULL) ? io_error() : __real_fstat64(fd, s);
}

WRAP(int, mkdirat, (int fd, const char *name, mode_t mode))
{
    return hit_io(NULL) ? io_error() : __real_mkdirat(fd, name, mode);
}

WRAP(int, renameat, (int a, const char *from, int b, const char *to))
{
    return hit_io(NULL) ? io_error() : __real_renameat(a, from, b, to);
}

WRAP(int, unlinkat, (int fd, const char *name, int flags))
{
    return hit_io(NULL) ? io_error() : __real_unlinkat(fd, name, flags);
}

WRAP(int, syncfs, (__attribute__((unused)) int fd))
{
    return hit_io(NULL) ? io_error() : 0; /* the whole machine need not wait */
}

#endif
