/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/peer.h - python-blosc2 as a second reader, in one long-lived process. */
#ifndef TSR_TESTS_CRASH_PEER_H
#define TSR_TESTS_CRASH_PEER_H

#include <stdbool.h>
#include <stddef.h>

/* command: "python peer.py"; NULL: there is no peer. */
void peer_use(const char *command);
bool peer_is_there(void);
/* The line that the peer answers for a path: a digest, or "broken" and why.  When it dies of the
 * path it says "died", and another is started. */
void peer_digest(const char *path, char *out, size_t cap);
void peer_stop(void);

#endif
