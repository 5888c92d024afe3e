/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/probe.c - a cheap look at a stream before a dear search.
 *
 * The low bytes of measured numbers hold noise: their values may be uneven, which entropy coding
 * uses, but no string of them comes twice.  There thorough searches spend half of all their time
 * for nothing.  What repeats at all does so nearby, in short strings, or far away, in long ones:
 *
 *   near   in four windows, of 1 KiB in long streams, every position is looked up
 *   far    every 16th position is entered; of each step of 256 bytes the first 16 positions are
 *          looked up, so that a string of 288 bytes is found wherever it was before */
#include "codec/probe.h"

#include <string.h>

#include "base/num.h"

enum {
    WINDOWS = 4,
    WINDOW_MAX = 1024,
    NEAR_LOG = 11,
    GRAIN = 16,
    STEP = 256,
    FAR_LOG = 12,
    FEW = 48, /* up to one part in so many does not count */
};

/* Bytes of src in from..end that lie in strings of four and more that came before; table holds
 * positions + 1. */
static size_t near_bytes(const uint8_t *src, size_t from, size_t end, uint32_t *table)
{
    size_t found = 0;
    for (size_t p = from; p + 4 <= end;) {
        uint32_t v = tsr_load_LE32(src + p), *slot = &table[(v * 2654435761u) >> (32 - NEAR_LOG)];
        size_t q = *slot;
        *slot = (uint32_t)p + 1;
        if (!q || tsr_load_LE32(src + q - 1) != v) {
            p++;
            continue;
        }
        size_t len = 4;
        while (p + len < end && src[q - 1 + len] == src[p + len]) len++;
        found += len;
        p += len;
    }
    return found;
}

static bool repeats_near(const uint8_t *src, size_t n)
{
    uint32_t table[1 << NEAR_LOG] = {0};
    size_t found = 0, window = tsr_minz(n / (2 * WINDOWS), WINDOW_MAX);
    for (size_t i = 0; i < WINDOWS; i++) {
        size_t from = (2 * i + 1) * (n - window) / (2 * WINDOWS);
        found += near_bytes(src, from, from + window, table);
    }
    return found * FEW > WINDOWS * window;
}

static inline uint32_t *far_slot(uint32_t *table, uint64_t v)
{
    return &table[(v * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - FAR_LOG)];
}

/* Is one of the first positions of the step at src + from known? */
static bool known(const uint8_t *src, size_t from, uint32_t *table)
{
    for (size_t p = from; p < from + GRAIN; p++) {
        uint64_t v = tsr_load_LE64(src + p);
        size_t q = *far_slot(table, v);
        if (q && tsr_load_LE64(src + q - 1) == v) return true;
    }
    return false;
}

static bool repeats_far(const uint8_t *src, size_t n)
{
    uint32_t table[1 << FAR_LOG] = {0};
    size_t steps = n / STEP - 1, found = 0;
    for (size_t i = 0; i < steps; i++) {
        size_t from = i * STEP;
        found += known(src, from, table);
        for (size_t p = from; p < from + STEP; p += GRAIN)
            *far_slot(table, tsr_load_LE64(src + p)) = (uint32_t)p + 1;
    }
    return found * FEW > steps;
}

bool tsr_probe_repeats(const uint8_t *src, size_t n)
{
    enum { MIN = 2048 }; /* shorter streams are searched at once */
    if (n < MIN || n > UINT32_MAX / 2) return true;
    return repeats_near(src, n) || repeats_far(src, n);
}

/* Where the run that src[p - 1] belongs to ends. */
static size_t run_end(const uint8_t *src, size_t p, size_t n)
{
    for (; p + 8 <= n; p += 8) {
        uint64_t differ = tsr_load_LE64(src + p) ^ tsr_load_LE64(src + p - 1);
        if (differ) return p + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (p < n && src[p] == src[p - 1]) p++;
    return p;
}

bool tsr_probe_runs(const uint8_t *src, size_t n)
{
    enum { RUN = 24 };
    size_t runs = 0;
    for (size_t p = 0; p < n; p = run_end(src, p + 1, n))
        if (++runs * RUN > n) return false;
    return true;
}
