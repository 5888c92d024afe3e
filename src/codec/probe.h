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

#endif
