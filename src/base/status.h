/* SPDX-License-Identifier: BSD-3-Clause */
/* base/status.h - failing with a story.
 *
 * tsr_fail is called once, where the failure is discovered; tsr_within adds "where" at a
 * layer boundary.  The text belongs to the thread; the pool carries it from the worker that
 * failed to the thread that waits with tsr_error_save and tsr_error_restore. */
#ifndef TSR_BASE_STATUS_H
#define TSR_BASE_STATUS_H

#include <tessera/tessera.h>

#define TSR_ERROR_MAX 1024

/* Sets this thread's text and returns code. */
int tsr_fail(tsr_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As tsr_fail with the status and text of an errno value: "<what>: <strerror>". */
int tsr_fail_errno(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<context>: " before the text. */
void tsr_within(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void tsr_error_save(char text[TSR_ERROR_MAX]);
void tsr_error_restore(const char text[TSR_ERROR_MAX]);

/* Hands the caller a public struct of this many bytes, which begins with its size: as much of it
 * as the caller's own has room for.  EARG when that one says 0; type is its name. */
int tsr_hand_out(void *out, const void *from, size_t bytes, const char *type);

#endif
