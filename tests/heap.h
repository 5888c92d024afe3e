/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/heap.h - counts every allocation of the process, those of libzstd and its like too.
 *
 * Functions of the program come before those of shared libraries, so the ones below are what all
 * of them call; glibc has its own under other names.  Sanitizers bring their own functions, and a
 * hook that is called by them.  Elsewhere heap_counts() says that nothing is counted. */
#ifndef TSR_TESTS_HEAP_H
#define TSR_TESTS_HEAP_H

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static struct {
    atomic_long calls;      /* allocations, and those that moved */
    atomic_long live, peak; /* bytes, as the allocator rounds them */
} heap;

static inline void heap_took(size_t len)
{
    long now = atomic_fetch_add(&heap.live, (long)len) + (long)len, peak = atomic_load(&heap.peak);
    atomic_fetch_add(&heap.calls, 1);
    while (now > peak && !atomic_compare_exchange_weak(&heap.peak, &peak, now)) {}
}

static inline void heap_gave(size_t len)
{
    atomic_fetch_sub(&heap.live, (long)len);
}

static inline long heap_calls(void)
{
    return atomic_load(&heap.calls);
}

/* From here on the peak is that of what follows. */
static inline long heap_mark(void)
{
    long now = atomic_load(&heap.live);
    atomic_store(&heap.peak, now);
    return now;
}

static inline long heap_peak(void)
{
    return atomic_load(&heap.peak);
}

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HEAP_COUNTS = 1 };
size_t __sanitizer_get_allocated_size(const volatile void *p);
void __sanitizer_malloc_hook(const volatile void *p, size_t len);
void __sanitizer_free_hook(const volatile void *p);

void __sanitizer_malloc_hook(const volatile void *p, size_t len)
{
    if (p) heap_took(len);
}

void __sanitizer_free_hook(const volatile void *p)
{
    if (p) heap_gave(__sanitizer_get_allocated_size(p));
}
#elif defined(__GLIBC__)
enum { HEAP_COUNTS = 1 };
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t len);
void *__libc_memalign(size_t align, size_t len);
void __libc_free(void *p);

static inline void *heap_note(void *p)
{
    if (p) heap_took(malloc_usable_size(p));
    return p;
}

void *malloc(size_t len)
{
    return heap_note(__libc_malloc(len));
}

void *calloc(size_t n, size_t size)
{
    return heap_note(__libc_calloc(n, size));
}

void *realloc(void *p, size_t len)
{
    size_t had = p ? malloc_usable_size(p) : 0;
    void *q = __libc_realloc(p, len);
    if (q || len == 0) heap_gave(had);
    return heap_note(q);
}

void *memalign(size_t align, size_t len)
{
    return heap_note(__libc_memalign(align, len));
}

void *aligned_alloc(size_t align, size_t len)
{
    return memalign(align, len);
}

int posix_memalign(void **p, size_t align, size_t len)
{
    *p = memalign(align, len);
    return *p || !len ? 0 : ENOMEM;
}

void free(void *p)
{
    if (p) heap_gave(malloc_usable_size(p));
    __libc_free(p);
}
#else
enum { HEAP_COUNTS = 0 };
#endif

#endif
