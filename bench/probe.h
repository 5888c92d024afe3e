/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/probe.h - is the machine ours?
 *
 * Cores and memory may be shared with strangers, of whom no counter tells.  A probe is a piece of
 * work of a millisecond, always the same: a loop in registers and a copy past the caches, on each
 * core that is measured.  It runs before and after every sample.  Where the loops do not run at
 * once, or all takes longer than it did at first (as the faster of some runs tell), somebody else
 * was there, and the samples beside it are not counted: whether one counts is told by the probe
 * alone, never by the sample.
 *
 * Also in the module of limit.h, for bench/python. */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdbool.h>

struct probe;

struct probe *probe_new(int threads); /* NULL: no memory */
/* Did it take its usual time, in one of a few runs? */
bool probe_quiet(struct probe *p);
/* Waits until it is, at most so long; returns the seconds waited. */
double probe_wait(struct probe *p, double most);
void probe_free(struct probe *p);

#endif
