/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/probe.h - a cheap look at a stream before a dear search. */
#ifndef TSR_CODEC_PROBE_H
#define TSR_CODEC_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"

/* Does src[n] seem to repeat itself anywhere, so that a search for matches pays?  A guess, from a
 * small part of the bytes and from nothing else; it takes a hundredth of the time of a search. */
bool tsr_probe_repeats(const uint8_t *src, size_t n);

/* Does src[n] consist of runs of equal bytes, on average of 256 and more?  A quick search finds
 * these as well as a dear one, in a tenth of the time: that one enters each byte of a run.  Looks
 * at all bytes of runs, at those of others only until it knows. */
bool tsr_probe_runs(const uint8_t *src, size_t n);

/* What to do with a plane of sorted bits or bytes: write it as it is, as one value, or search. */
enum tsr_part { TSR_PART_NOISE, TSR_PART_RUN, TSR_PART_SEARCH };

/* A stream in planes of `size` bytes, the last one to the end, and what each is. */
struct tsr_parts {
    size_t n, size, count;
    uint8_t part[255 * 8]; /* enum tsr_part */
};

/* Says of each plane of src[n], a stream of a block of facts b, what to do with it; a stream
 * without planes, or of short ones, counts as one.  A plane that repeats another one, less than
 * `window` bytes before it, is searched together with that one and what lies between. */
void tsr_probe_parts(struct tsr_parts *parts, const struct tsr_block_facts *b, const uint8_t *src,
                     size_t n, size_t window);

/* How many bytes plane i has. */
static inline size_t tsr_part_len(const struct tsr_parts *parts, size_t i)
{
    return i + 1 < parts->count ? parts->size : parts->n - i * parts->size;
}

#endif
