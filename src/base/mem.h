/* SPDX-License-Identifier: BSD-3-Clause */
/* base/mem.h - allocation.  Each returns NULL on failure with the error text set (ENOMEM), so
 * callers write: if (!p) return TSR_ENOMEM.  Everything is freed with tsr_free. */
#ifndef TSR_BASE_MEM_H
#define TSR_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *tsr_alloc(size_t len);
void *tsr_alloc_zero(size_t n, size_t size);  /* n items of size bytes, zeroed; checked product */
void *tsr_alloc_array(size_t n, size_t size); /* the same, not zeroed */
void *tsr_realloc(void *p, size_t n, size_t size); /* on failure p stays as it was */
char *tsr_strdup(const char *s);

/* A byte buffer that grows by doubling.  Zero-initialise; tsr_buf_free when done. */
struct tsr_buf {
    uint8_t *p;
    size_t len, cap;
};
int tsr_buf_reserve(struct tsr_buf *b, size_t more); /* room for more bytes after len */
int tsr_buf_add(struct tsr_buf *b, const void *src, size_t len);
int tsr_buf_addf(struct tsr_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tsr_buf_free(struct tsr_buf *b);

#endif
