/* SPDX-License-Identifier: BSD-3-Clause */
/* text/doc.c - the arena behind a document tree.
 *
 * A chain of blocks, each twice as large as the one before up to 256 KiB; what does not fit
 * into the current block opens a new one.  Nothing is freed alone. */
#include "text/doc.h"

#include <stdalign.h>

#include "base/num.h"
#include "base/status.h"

enum { BLOCK_MIN = 1024, BLOCK_MAX = 256 * 1024 };

struct block {
    struct block *next;
    size_t used, cap;
    alignas(max_align_t) uint8_t bytes[];
};

struct tsr_doc {
    struct block *head;
};

int tsr_doc_new(struct tsr_doc **out)
{
    *out = tsr_alloc_zero(1, sizeof **out);
    return *out ? TSR_OK : TSR_ENOMEM;
}

void tsr_doc_free(struct tsr_doc *d)
{
    if (!d) return;
    for (struct block *b = d->head, *next; b; b = next) {
        next = b->next;
        tsr_free(b);
    }
    tsr_free(d);
}

static struct block *block_add(struct tsr_doc *d, size_t need)
{
    size_t cap = d->head ? tsr_minz(d->head->cap * 2, BLOCK_MAX) : BLOCK_MIN;
    size_t whole;
    if (cap < need) cap = need;
    if (!tsr_add(cap, sizeof(struct block), &whole)) {
        tsr_fail(TSR_ENOMEM, "out of memory: document of %zu bytes", cap);
        return NULL;
    }
    struct block *b = tsr_alloc(whole);
    if (!b) return NULL;
    *b = (struct block){.next = d->head, .cap = cap};
    d->head = b;
    return b;
}

void *tsr_doc_alloc(struct tsr_doc *d, size_t n, size_t size)
{
    const size_t mask = alignof(max_align_t) - 1;
    size_t len;
    if (!tsr_mul(n, size, &len) || !tsr_add(len, mask, &len)) {
        tsr_fail(TSR_ENOMEM, "out of memory: %zu items of %zu bytes", n, size);
        return NULL;
    }
    len &= ~mask;
    struct block *b = d->head;
    if (!b || b->cap - b->used < len) b = block_add(d, len);
    if (!b) return NULL;
    void *p = b->bytes + b->used;
    b->used += len;
    return p;
}

const char *tsr_doc_string(struct tsr_doc *d, const void *src, size_t len)
{
    size_t with_nul;
    char *p = tsr_add(len, (size_t)1, &with_nul) ? tsr_doc_alloc(d, with_nul, 1) : NULL;
    if (!p) return NULL;
    if (len) memcpy(p, src, len);
    p[len] = 0;
    return p;
}

bool tsr_utf8_valid(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    for (size_t i = 0; i < len;) {
        if (p[i] < 0x80) {
            i++;
            continue;
        }
        int more = p[i] >= 0xF0 ? 3 : p[i] >= 0xE0 ? 2 : 1;
        uint32_t c = p[i] & (0x3Fu >> more);
        if (p[i] < 0xC2 || p[i] > 0xF4 || (size_t)more >= len - i) return false;
        for (int k = 1; k <= more; k++) {
            if ((p[i + k] & 0xC0) != 0x80) return false;
            c = c << 6 | (p[i + k] & 0x3F);
        }
        /* overlong forms, surrogates, beyond Unicode (RFC 3629) */
        if ((more == 2 && c < 0x800) || (more == 3 && c < 0x10000)) return false;
        if ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) return false;
        i += (size_t)more + 1;
    }
    return true;
}

size_t tsr_utf8_put(uint32_t c, char to[4])
{
    static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    to[0] = (char)(lead[more] | (c >> (6 * more)));
    for (int k = 1; k <= more; k++) to[k] = (char)(0x80 | (c >> (6 * (more - k)) & 0x3F));
    return (size_t)more + 1;
}
