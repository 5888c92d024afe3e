/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/probe.h - is the machine ours?
 *
 * Cores and memory may be shared with strangers, of whom no counter tells.  A probe is a piece of
 * work of half a millisecond, always the same: a loop in registers and a copy past the caches, on
 * each core that is measured.  It runs before and after every sample.  Where it takes longer than
 * it did at first, but for the slowest of its runs, somebody else was there, and the samples beside
 * it are not counted: whether one counts is told by the probe alone, never by the sample.
 *
 * Also in the module of limit.h, for bench/python. */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdbool.h>

struct probe;

struct probe *probe_new(int threads); /* NULL: no memory */
/* Did it take its usual time, in one of a few runs? */
bool probe_quiet(struct probe *p);
void probe_free(struct probe *p);

#endif
