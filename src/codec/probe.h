/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/probe.h - a cheap look at a stream before a dear search. */
#ifndef TSR_CODEC_PROBE_H
#define TSR_CODEC_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does src[n] seem to repeat itself anywhere, so that a search for matches pays?  A guess, from a
 * small part of the bytes and from nothing else; it takes a hundredth of the time of a search. */
bool tsr_probe_repeats(const uint8_t *src, size_t n);

/* Does src[n] consist of runs of equal bytes, on average of 24 and more?  A quick search finds
 * these as well as a dear one, in a tenth of the time: that one enters each byte of a run.  Looks
 * at all bytes of runs, at those of others only until it knows. */
bool tsr_probe_runs(const uint8_t *src, size_t n);

#endif
