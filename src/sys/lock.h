/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/lock.h - the advisory lock of a Blosc2 frame, shared with other programs (blosc2.md 12).
 *
 * The lock is on a file beside the frame, its sidecar, which holds a count of the exclusive
 * locks ever taken: whoever finds another count than before looks at the frame anew.
 *
 *   0        8                     16
 *   | unused | u64 count, in the   |
 *   |        | host's byte order   |
 *
 * Each lock opens the sidecar for itself, so threads, handles and processes are all alike.  A
 * lock ends with its process. */
#ifndef TSR_SYS_LOCK_H
#define TSR_SYS_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct tsr_lock {
    int fd; /* -1: not held */
};

/* Takes the lock of readers, of which there can be many, or that of a writer, who is alone and
 * adds 1 to the count.  Creates the sidecar.  *count: what is found there, a writer's 1 not yet
 * in it.  Waits for others up to a minute, then ECONFLICT.  A reader who may not create the
 * sidecar goes without, as there can be no writer: *count is 0 then. */
int tsr_lock_shared(const char *sidecar, struct tsr_lock *out, uint64_t *count);
int tsr_lock_exclusive(const char *sidecar, struct tsr_lock *out, uint64_t *count);
/* The lock of a writer of an open file itself, fd, whose closing ends it; name is for messages.  It
 * waits as long.  Other failures than ECONFLICT: the file has no lock. */
int tsr_lock_file(const char *name, int fd);
/* The same without waiting: ECONFLICT when another has it. */
int tsr_lock_try(const char *name, int fd);
void tsr_lock_release(struct tsr_lock *l); /* not held: does nothing */

#endif
