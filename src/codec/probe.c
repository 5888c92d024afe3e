/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/probe.c - a cheap look at a stream before a dear search.
 *
 * The low bytes of measured numbers hold noise: their values may be uneven, which entropy coding
 * uses, but no string of them comes twice.  There thorough searches spend half of all their time
 * for nothing.  What repeats at all does so nearby, in short strings, or far away, in long ones:
 *
 *   near   in four windows, of 1 KiB in long streams, every position is looked up
 *   far    every 16th position is entered; of each step of 256 bytes the first 16 positions are
 *          looked up, so that a string of 288 bytes is found wherever it was before
 *
 * Planes of sorted bits and bytes repeat each other at the same place in each: values on both
 * sides of a power of two have the same bit in many. */
#include "codec/probe.h"

#include <string.h>

#include "base/num.h"
#include "kernel/kernel.h"

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
    enum { RUN = 256 };
    size_t runs = 0;
    for (size_t p = 0; p < n; p = run_end(src, p + 1, n))
        if (++runs * RUN > n) return false;
    return true;
}

/* Do the planes p and q of n bytes hold the same in one place of 16, or more?  Runs do not count:
 * they are found without the other plane. */
static bool same(const uint8_t *p, const uint8_t *q, size_t n)
{
    enum { PLACES = 64, LEAST = 4 };
    size_t step = n / PLACES, found = 0;
    for (size_t at = 0; at + 8 <= n; at += step) {
        uint64_t v = tsr_load_LE64(p + at);
        found += v == tsr_load_LE64(q + at) && v != (v << 8 | v >> 56);
    }
    return found >= LEAST;
}

/* Has plane i searched if an earlier one, the nearest is enough, is the same. */
static void join_same(struct tsr_parts *parts, const uint8_t *src, size_t i, size_t window)
{
    size_t first = i - tsr_minz(i, (window - 1) / parts->size);
    for (size_t k = i; k-- > first;) {
        if (parts->part[k] == TSR_PART_RUN) continue;
        if (!same(src + k * parts->size, src + i * parts->size, parts->size)) continue;
        memset(parts->part + k, TSR_PART_SEARCH, i - k + 1);
        return;
    }
}

void tsr_probe_parts(struct tsr_parts *parts, const struct tsr_block_facts *b, const uint8_t *src,
                     size_t n, size_t window)
{
    enum { SHORTEST = 2048 };
    size_t planes = (size_t)b->planes, most = sizeof parts->part;
    bool many = planes > 1 && planes <= most && n / planes >= SHORTEST;
    parts->n = n;
    parts->count = many ? planes : 1;
    parts->size = n / parts->count;
    for (size_t i = 0; i < parts->count; i++) {
        const uint8_t *p = src + i * parts->size;
        size_t len = tsr_part_len(parts, i);
        if (tsr_kernels()->is_run(p, len)) parts->part[i] = TSR_PART_RUN;
        else parts->part[i] = tsr_probe_repeats(p, len) ? TSR_PART_SEARCH : TSR_PART_NOISE;
    }
    for (size_t i = 1; i < parts->count; i++)
        if (parts->part[i] != TSR_PART_RUN) join_same(parts, src, i, window);
}
