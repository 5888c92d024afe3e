/* SPDX-License-Identifier: BSD-3-Clause */
/* store/inflated.c - a small cache of what was inflated.
 *
 * Deflated bytes cannot be read from the middle, so that the parts of an entry that are asked for
 * one after the other would each inflate it. */
#include "store/inflated.h"

#include <libdeflate.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

void tsr_inflated_init(struct tsr_inflated *c)
{
    memset(c, 0, sizeof *c);
    tsr_mutex_init(&c->lock);
}

void tsr_inflated_done(struct tsr_inflated *c)
{
    for (int i = 0; i < TSR_INFLATED; i++) tsr_free(c->slots[i].p);
    tsr_mutex_done(&c->lock);
}

bool tsr_inflated_copy(struct tsr_inflated *c, int64_t number, uint64_t off, void *dst, size_t len)
{
    struct tsr_inflated_one *one = NULL;
    tsr_mutex_lock(&c->lock);
    for (int i = 0; i < TSR_INFLATED && !one; i++)
        if (c->slots[i].p && c->slots[i].number == number) one = &c->slots[i];
    if (one) {
        one->readers++;
        one->used = ++c->clock;
    }
    tsr_mutex_unlock(&c->lock);
    if (!one) return false;
    if (len) memcpy(dst, one->p + off, len);
    tsr_mutex_lock(&c->lock);
    one->readers--;
    tsr_mutex_unlock(&c->lock);
    return true;
}

/* Frees the idle one that was not used for longest; false: all are being read, or there is none. */
static bool evict(struct tsr_inflated *c)
{
    struct tsr_inflated_one *best = NULL;
    for (struct tsr_inflated_one *s = c->slots; s < c->slots + TSR_INFLATED; s++)
        if (s->p && s->readers == 0 && (!best || s->used < best->used)) best = s;
    if (!best) return false;
    c->bytes -= best->len;
    tsr_free(best->p);
    best->p = NULL;
    return true;
}

static struct tsr_inflated_one *free_slot(struct tsr_inflated *c, int64_t number)
{
    struct tsr_inflated_one *slot = NULL;
    for (struct tsr_inflated_one *s = c->slots; s < c->slots + TSR_INFLATED; s++) {
        if (s->p && s->number == number) return NULL; /* another thread was faster */
        if (!s->p) slot = s;
    }
    return slot;
}

void tsr_inflated_keep(struct tsr_inflated *c, int64_t number, uint8_t *p, size_t len)
{
    tsr_mutex_lock(&c->lock);
    while (c->bytes && c->bytes + len > TSR_INFLATED_BYTES && evict(c)) continue;
    struct tsr_inflated_one *slot = free_slot(c, number);
    if (!slot && evict(c)) slot = free_slot(c, number);
    if (slot) {
        *slot = (struct tsr_inflated_one){p, len, number, ++c->clock, 0};
        c->bytes += len;
        p = NULL;
    }
    tsr_mutex_unlock(&c->lock);
    tsr_free(p);
}

int tsr_inflate_whole(const char *what, const void *src, size_t len, void *dst, size_t size,
                      uint32_t crc)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    size_t took = 0, gave = 0;
    if (!d) return tsr_fail(TSR_ENOMEM, "%s: inflate", what);
    enum libdeflate_result res =
        libdeflate_deflate_decompress_ex(d, src, len, dst, size, &took, &gave);
    libdeflate_free_decompressor(d);
    if (res == LIBDEFLATE_INSUFFICIENT_SPACE)
        return tsr_fail(TSR_ECORRUPT, "%s: inflates to more than the %zu bytes it claims", what,
                        size);
    if (res != LIBDEFLATE_SUCCESS)
        return tsr_fail(TSR_ECORRUPT, "%s: its %zu bytes cannot be inflated", what, len);
    if (gave != size || took != len)
        return tsr_fail(TSR_ECORRUPT, "%s: %zu of %zu bytes inflate to %zu, expected %zu", what,
                        took, len, gave, size);
    uint32_t found = libdeflate_crc32(0, dst, size);
    if (found == crc) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "%s: CRC-32 is %08x, expected %08x", what, (unsigned)found,
                    (unsigned)crc);
}
