/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/lock_posix.c - locks by flock, which other programs know and a process that dies gives
 * back.
 *
 * Waiting is asking again after a pause: a thread that waits in flock could not give up, and a
 * program that holds the lock in one handle and wants it in another would wait for ever. */
#define _GNU_SOURCE /* flock */
#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

int flock(int fd, int how); /* of <sys/file.h>, a name that is this folder's own here */

enum { COUNT_AT = 8, COUNT_BYTES = 8, PATIENCE_MS = 60000 };
enum { PAUSE_FIRST = 50 * 1000, PAUSE_MOST = 1000 * 1000 }; /* nanoseconds */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_for(const char *sidecar, int fd, int how)
{
    long pause = PAUSE_FIRST;
    int64_t end = 0;
    while (flock(fd, how | LOCK_NB) < 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return tsr_fail_errno(errno, "%s: lock", sidecar);
        if (!end) end = now_ms() + PATIENCE_MS;
        if (now_ms() >= end)
            return tsr_fail(TSR_ECONFLICT, "%s: another has held the lock for %d seconds", sidecar,
                            PATIENCE_MS / 1000);
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
        pause = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
    }
    return TSR_OK;
}

static int read_count(const char *sidecar, int fd, uint64_t *count)
{
    *count = 0;
    ssize_t n = pread(fd, count, COUNT_BYTES, COUNT_AT);
    if (n < 0) return tsr_fail_errno(errno, "%s: read at byte %d", sidecar, COUNT_AT);
    if (n < COUNT_BYTES) *count = 0; /* a short file counts as 0 */
    return TSR_OK;
}

static int write_count(const char *sidecar, int fd, uint64_t count)
{
    ssize_t n = pwrite(fd, &count, COUNT_BYTES, COUNT_AT);
    if (n == COUNT_BYTES) return TSR_OK;
    return tsr_fail_errno(n < 0 ? errno : ENOSPC, "%s: write at byte %d", sidecar, COUNT_AT);
}

static int open_sidecar(const char *sidecar, int flags)
{
    int fd;
    do fd = open(sidecar, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static int lock(const char *sidecar, int how, struct tsr_lock *out, uint64_t *count)
{
    int rc = wait_for(sidecar, out->fd, how);
    if (rc == TSR_OK) rc = read_count(sidecar, out->fd, count);
    if (rc == TSR_OK && how == LOCK_EX) rc = write_count(sidecar, out->fd, *count + 1);
    if (rc < 0) tsr_lock_release(out);
    return rc;
}

int tsr_lock_shared(const char *sidecar, struct tsr_lock *out, uint64_t *count)
{
    *count = 0;
    out->fd = open_sidecar(sidecar, O_RDWR | O_CREAT);
    if (out->fd < 0 && (errno == EACCES || errno == EROFS)) {
        out->fd = open_sidecar(sidecar, O_RDONLY);
        if (out->fd < 0 && errno == ENOENT) return TSR_OK;
    }
    if (out->fd < 0) return tsr_fail_errno(errno, "%s", sidecar);
    return lock(sidecar, LOCK_SH, out, count);
}

int tsr_lock_exclusive(const char *sidecar, struct tsr_lock *out, uint64_t *count)
{
    out->fd = open_sidecar(sidecar, O_RDWR | O_CREAT);
    if (out->fd < 0) return tsr_fail_errno(errno, "%s", sidecar);
    return lock(sidecar, LOCK_EX, out, count);
}

int tsr_lock_file(const char *name, int fd)
{
    return wait_for(name, fd, LOCK_EX);
}

int tsr_lock_try(const char *name, int fd)
{
    int rc;
    do rc = flock(fd, LOCK_EX | LOCK_NB);
    while (rc < 0 && errno == EINTR);
    if (rc == 0) return TSR_OK;
    if (errno != EWOULDBLOCK) return tsr_fail_errno(errno, "%s: lock", name);
    return tsr_fail(TSR_ECONFLICT, "%s: another has the lock", name);
}

void tsr_lock_release(struct tsr_lock *l)
{
    if (l->fd < 0) return;
    flock(l->fd, LOCK_UN); /* a child that was forked meanwhile has the file open too */
    close(l->fd);
    l->fd = -1;
}
