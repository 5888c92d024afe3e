/* SPDX-License-Identifier: BSD-3-Clause */
/* base/status.c - the error text of each thread. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char error_text[TSR_ERROR_MAX];

const char *tsr_error(void)
{
    return error_text;
}

const char *tsr_version(void)
{
    return TSR_VERSION;
}

int tsr_fail(tsr_status code, const char *fmt, ...)
{
    char text[TSR_ERROR_MAX]; /* the arguments may point into error_text */
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    memcpy(error_text, text, sizeof text);
    return code;
}

static tsr_status errno_status(int err)
{
    switch (err) {
    case ENOENT:
    case ENOTDIR: return TSR_ENOTFOUND;
    case EEXIST: return TSR_EEXISTS;
    case EACCES:
    case EPERM:
    case EROFS: return TSR_EDENIED;
    case ENOMEM: return TSR_ENOMEM;
    default: return TSR_EIO;
    }
}

int tsr_fail_errno(int err, const char *fmt, ...)
{
    char what[TSR_ERROR_MAX / 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return tsr_fail(errno_status(err), "%s: %s", what, strerror(err));
}

void tsr_within(const char *fmt, ...)
{
    char text[TSR_ERROR_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0) return;
    if ((size_t)n < sizeof text) snprintf(text + n, sizeof text - (size_t)n, ": %s", error_text);
    memcpy(error_text, text, sizeof text);
}

void tsr_error_save(char text[TSR_ERROR_MAX])
{
    memcpy(text, error_text, TSR_ERROR_MAX);
}

void tsr_error_restore(const char text[TSR_ERROR_MAX])
{
    memcpy(error_text, text, TSR_ERROR_MAX);
}

int tsr_hand_out(void *out, const void *from, size_t bytes, const char *type)
{
    size_t size;
    memcpy(&size, out, sizeof size);
    if (size == 0) return tsr_fail(TSR_EARG, "%s.size is 0, expected sizeof(%s)", type, type);
    memcpy(out, from, size < bytes ? size : bytes);
    memcpy(out, &size, sizeof size);
    return TSR_OK;
}
