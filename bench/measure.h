/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/measure.h - clocks, medians, child processes and their memory. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

/* Seconds per operation, by the clock and of all threads. */
struct sample {
    double wall, cpu;
};

double now(void);      /* seconds by the clock */
double cpu_used(void); /* seconds of all threads of the process */

/* Sorts v; n > 0. */
double median(double *v, int n);

/* Runs fn in a child, which hands over what it found out with answer(fd, ...), len bytes of it;
 * -1 when the child died. */
int in_child(void (*fn)(void *arg, int fd), void *arg, void *found, size_t len);
void answer(int fd, const void *p, size_t len);

/* Memory in use by this process, as a peak since the last reset; bytes. */
double memory_reset(void); /* gives back what is free; what is left in use, -1: not to be had */
double memory_peak(void);

/* A loop that touches registers only: n rounds on each of `threads` threads, seconds by the clock.
 * It scales as well as anything can on cores that are shared. */
double spin(long n, int threads);

#endif
