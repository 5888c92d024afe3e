/* SPDX-License-Identifier: BSD-3-Clause */
/* base/mem.c - allocation with checked sizes and an error text. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static void *checked(void *p, size_t n, size_t size)
{
    if (!p) tsr_fail(TSR_ENOMEM, "out of memory: %zu items of %zu bytes", n, size);
    return p;
}

void *tsr_alloc(size_t len)
{
    return checked(malloc(len ? len : 1), 1, len);
}

void *tsr_alloc_zero(size_t n, size_t size)
{
    return checked(n && size ? calloc(n, size) : calloc(1, 1), n, size);
}

void *tsr_alloc_array(size_t n, size_t size)
{
    return tsr_realloc(NULL, n, size);
}

void *tsr_realloc(void *p, size_t n, size_t size)
{
    size_t len;
    if (__builtin_mul_overflow(n, size, &len)) return checked(NULL, n, size);
    return checked(realloc(p, len ? len : 1), n, size);
}

char *tsr_strdup(const char *s)
{
    size_t len = strlen(s) + 1;
    char *p = tsr_alloc(len);
    return p ? memcpy(p, s, len) : NULL;
}

void tsr_free(void *p)
{
    free(p);
}

int tsr_buf_reserve(struct tsr_buf *b, size_t more)
{
    if (more <= b->cap - b->len) return TSR_OK;
    size_t need, cap = b->cap < 32 ? 64 : b->cap * 2;
    if (__builtin_add_overflow(b->len, more, &need))
        return tsr_fail(TSR_ENOMEM, "out of memory: buffer of %zu + %zu bytes", b->len, more);
    if (cap < need) cap = need;
    uint8_t *p = tsr_realloc(b->p, cap, 1);
    if (!p) return TSR_ENOMEM;
    b->p = p;
    b->cap = cap;
    return TSR_OK;
}

int tsr_buf_add(struct tsr_buf *b, const void *src, size_t len)
{
    int rc = tsr_buf_reserve(b, len);
    if (rc < 0) return rc;
    if (len) memcpy(b->p + b->len, src, len);
    b->len += len;
    return TSR_OK;
}

int tsr_buf_addf(struct tsr_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    int rc = n < 0 ? tsr_fail(TSR_EARG, "bad format") : tsr_buf_reserve(b, (size_t)n + 1);
    if (rc == TSR_OK) {
        vsnprintf((char *)b->p + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return rc;
}

void tsr_buf_free(struct tsr_buf *b)
{
    tsr_free(b->p);
    *b = (struct tsr_buf){0};
}
