/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/special.c - chunks without data: zeros, NaN, one repeated value (blosc2.md 3.2).
 *
 *   0          30      31            32
 *   | header   | 0     | kind << 4   | value (repeated value only)
 *
 * Uninitialised data is delivered as zeros. */
#include <string.h>

#include "base/num.h"
#include "chunk/chunk.h"
#include "chunk/layout.h"

static const uint8_t nan4[4] = {0, 0, 0xC0, 0x7F};
static const uint8_t nan8[8] = {0, 0, 0, 0, 0, 0, 0xF8, 0x7F};

/* Fills dst with the repetition of item[len], from byte `phase` of an item on. */
static void fill(uint8_t *dst, size_t n, const uint8_t *item, size_t len, size_t phase)
{
    if (len == 1) {
        memset(dst, *item, n);
        return;
    }
    size_t have = 0;
    while (have < n && have < len) {
        dst[have] = item[(phase + have) % len];
        have++;
    }
    /* What is there is whole items, so it may be doubled. */
    while (have < n) {
        size_t m = tsr_minz(have, n - have);
        memcpy(dst + have, dst, m);
        have += m;
    }
}

const uint8_t *tsr_special_nan(int32_t typesize)
{
    return typesize == 4 ? nan4 : nan8;
}

void tsr_special_fill(int special, int32_t typesize, const uint8_t *value, int32_t value_bytes,
                      int64_t lo, size_t n, uint8_t *dst)
{
    if (special == TSR_SPECIAL_NAN) {
        value = tsr_special_nan(typesize);
        value_bytes = typesize == 4 ? 4 : 8;
    }
    if (special == TSR_SPECIAL_ZEROS || special == TSR_SPECIAL_UNINIT) memset(dst, 0, n);
    else fill(dst, n, value, (size_t)value_bytes, (size_t)(lo % value_bytes));
}

void tsr_chunk_special(uint8_t *dst, int special, int32_t nbytes, int32_t block_bytes,
                       int32_t typesize, const void *value, int32_t value_bytes)
{
    int32_t tail = special == TSR_SPECIAL_VALUE ? value_bytes : 0;
    if (block_bytes && block_bytes < tail) block_bytes = tail; /* c-blosc2 wants a whole item */
    memset(dst, 0, TSR_CHUNK_HEADER);
    dst[AT_VERSION] = VERSION_REGULAR;
    dst[AT_VERSIONLZ] = 1;
    dst[AT_FLAGS] = FLAG_EXTENDED;
    dst[AT_TYPESIZE] = (uint8_t)(typesize > 255 ? 1 : typesize);
    tsr_store_LE32(dst + AT_NBYTES, (uint32_t)nbytes);
    tsr_store_LE32(dst + AT_BLOCKSIZE, (uint32_t)block_bytes);
    tsr_store_LE32(dst + AT_CBYTES, (uint32_t)(TSR_CHUNK_HEADER + tail));
    dst[AT_BLOSC2_FLAGS] = (uint8_t)(special << 4);
    if (tail) memcpy(dst + TSR_CHUNK_HEADER, value, (size_t)tail);
}

/* len bytes at p, len a multiple of size, repeat their first size bytes. */
static bool repeats(const uint8_t *p, size_t len, size_t size)
{
    return memcmp(p, p + size, len - size) == 0;
}

int tsr_chunk_uniform(const uint8_t *src, size_t nbytes, int32_t item_bytes)
{
    static const uint8_t zeros[16];
    size_t size = (size_t)item_bytes;
    if (nbytes == 0) return TSR_SPECIAL_NONE;
    bool zero = memcmp(src, zeros, tsr_minz(nbytes, sizeof zeros)) == 0;
    if (zero && repeats(src, nbytes, 1)) return TSR_SPECIAL_ZEROS;
    if (nbytes % size || !repeats(src, nbytes, size)) return TSR_SPECIAL_NONE;
    if (size == 4 && memcmp(src, nan4, 4) == 0) return TSR_SPECIAL_NAN;
    if (size == 8 && memcmp(src, nan8, 8) == 0) return TSR_SPECIAL_NAN;
    return TSR_SPECIAL_VALUE;
}
