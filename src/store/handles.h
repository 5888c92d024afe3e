/* SPDX-License-Identifier: BSD-3-Clause */
/* store/handles.h - a few open files, for objects that are read again and again.
 *
 * A handle is found by its key and the stamp that the file had: who asks with the stamp of a get
 * reads the same file as then, also when another has its name by now, and without opening it.  At
 * most TSR_HANDLES are open; the one that was not used for longest makes room.  Any thread may
 * call. */
#ifndef TSR_STORE_HANDLES_H
#define TSR_STORE_HANDLES_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/guard.h"

enum { TSR_HANDLES = 64 };

struct tsr_handle {
    char *key; /* owned; NULL: the slot is free */
    uint64_t stamp, used;
    int fd;
    int readers; /* it stays open while there are any */
};

struct tsr_handles {
    struct tsr_mutex lock;
    uint64_t clock;
    struct tsr_handle slots[TSR_HANDLES];
};

void tsr_handles_init(struct tsr_handles *h);
void tsr_handles_done(struct tsr_handles *h);
/* NULL: not there.  Else given back with leave. */
struct tsr_handle *tsr_handles_find(struct tsr_handles *h, const char *key, uint64_t stamp);
void tsr_handles_leave(struct tsr_handles *h, struct tsr_handle *one);
/* Takes fd, of sys/tree.h, over, unless one of this key and stamp is there, or no slot is free, or
 * memory short: then it is shut. */
void tsr_handles_keep(struct tsr_handles *h, const char *key, uint64_t stamp, int fd);
/* Shuts those of a key that was replaced or removed, as far as nobody reads them. */
void tsr_handles_drop(struct tsr_handles *h, const char *key);

#endif
