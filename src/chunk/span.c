/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/span.c - where the blocks of a chunk are stored (blosc2.md 3.3, 14.9).
 *
 *   0        H            H + 4 * nblocks
 *   | header | starts[n]  | blocks, in any order, without gaps ... cbytes
 *
 * Only starts are stored: a block ends at the next larger start, wherever that is listed. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "chunk/chunk.h"

static int32_t start_of(const struct tsr_chunk *c, const uint8_t *head, int32_t b)
{
    return (int32_t)tsr_load_LE32(head + c->head_bytes + 4 * (size_t)b);
}

static int check_start(const struct tsr_chunk *c, int32_t b, int32_t at)
{
    int64_t first = (int64_t)tsr_chunk_head_len(c);
    if (at >= first && at <= c->cbytes - 4) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT,
                    "chunk: start of block %d at byte %lld: found %d, expected %lld "
                    "to %d",
                    b, c->head_bytes + 4 * (long long)b, at, (long long)first, c->cbytes - 4);
}

/* The next larger start after `at`, or the end of the chunk. */
static int32_t next_start(const struct tsr_chunk *c, const uint8_t *head, int32_t at)
{
    int32_t end = c->cbytes;
    for (int32_t i = 0; i < c->nblocks; i++) {
        int32_t s = start_of(c, head, i);
        if (s > at && s < end) end = s;
    }
    return end;
}

/* Starts of VL blocks increase, so that the next one is where the block ends (3.8). */
static int vl_span(const struct tsr_chunk *c, const uint8_t *head, int32_t b, int32_t *off,
                   int32_t *len)
{
    int32_t at = start_of(c, head, b);
    int32_t next = b + 1 < c->nblocks ? start_of(c, head, b + 1) : c->cbytes;
    if (next > c->cbytes || (int64_t)next - at <= 4)
        return tsr_fail(TSR_ECORRUPT, "chunk: VL block %d at byte %d ends at byte %d", b, at, next);
    *off = at;
    *len = next - at;
    return TSR_OK;
}

bool tsr_chunk_in_order(const struct tsr_chunk *c, const uint8_t *head)
{
    int32_t last = (int32_t)tsr_chunk_head_len(c) - 1;
    if (c->memcpyed || c->vlblocks) return false;
    for (int32_t b = 0; b < c->nblocks; b++) {
        int32_t at = start_of(c, head, b);
        if (at <= last) return false;
        last = at;
    }
    return last <= c->cbytes - 4;
}

void tsr_chunk_next_span(const struct tsr_chunk *c, const uint8_t *head, int32_t b, int32_t *off,
                         int32_t *len)
{
    *off = start_of(c, head, b);
    *len = (b + 1 < c->nblocks ? start_of(c, head, b + 1) : c->cbytes) - *off;
}

int tsr_chunk_block_span(const struct tsr_chunk *c, const uint8_t *head, int32_t b, bool exact,
                         int32_t *off, int32_t *len)
{
    if (c->memcpyed) {
        *off = c->head_bytes + (int32_t)((int64_t)b * c->block_bytes);
        *len = tsr_chunk_block_len(c, b);
        return TSR_OK;
    }
    int32_t at = start_of(c, head, b), end = c->cbytes;
    int rc = check_start(c, b, at);
    if (rc < 0) return rc;
    if (c->vlblocks) return vl_span(c, head, b, off, len);
    if (exact) end = next_start(c, head, at);
    *off = at;
    *len = end - at;
    return TSR_OK;
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Sets lengths for starts in any order: the end is the next larger one of the sorted starts. */
static int spans_unordered(const struct tsr_chunk *c, const int32_t *off, int32_t *len)
{
    size_t n = (size_t)c->nblocks;
    int32_t *sorted = tsr_alloc_array(n, sizeof *sorted);
    if (!sorted) return TSR_ENOMEM;
    memcpy(sorted, off, n * sizeof *off);
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t b = 0; b < n; b++) {
        size_t lo = 0, hi = n;
        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;
            if (sorted[mid] > off[b]) hi = mid;
            else lo = mid + 1;
        }
        len[b] = (lo < n ? sorted[lo] : c->cbytes) - off[b];
    }
    tsr_free(sorted);
    return TSR_OK;
}

int tsr_chunk_all_spans(const struct tsr_chunk *c, const uint8_t *head, int32_t *off, int32_t *len)
{
    bool ordered = true;
    for (int32_t b = 0; b < c->nblocks; b++) {
        int rc = tsr_chunk_block_span(c, head, b, false, &off[b], &len[b]);
        if (rc < 0) return rc;
        if (b == 0 || c->memcpyed) continue;
        if (off[b] > off[b - 1]) len[b - 1] = off[b] - off[b - 1];
        else ordered = false;
    }
    return ordered ? TSR_OK : spans_unordered(c, off, len);
}
