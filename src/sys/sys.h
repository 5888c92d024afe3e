/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/sys.h - threads, signals, clock, pages of memory and CPU features of the
 * host. */
#ifndef TSR_SYS_SYS_H
#define TSR_SYS_SYS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int tsr_sys_cores(void);  /* cores this process may use, >= 1 */
double tsr_sys_now(void); /* seconds, monotonic */

/* Zeros that take memory only where they are touched, and no promise of any before: so that a large
 * budget is not counted as used (by fork, for one).  NULL: refused; no text is set. */
void *tsr_sys_pages(size_t bytes);
void tsr_sys_pages_free(void *p, size_t bytes);

/* How many fork()s lie between the start of the process and now: a change means that every
 * other thread is gone.  Cheap: one atomic load. */
unsigned tsr_sys_fork_count(void);

/* Between the two, a connection that the other side closed gives this thread EPIPE where it writes,
 * and the process no SIGPIPE. */
struct tsr_pipe_guard {
    sigset_t before;
    bool pending; /* one came from elsewhere, and stays */
};
void tsr_pipe_guard_begin(struct tsr_pipe_guard *g);
void tsr_pipe_guard_end(const struct tsr_pipe_guard *g);

/* Starts a joinable thread with all signals blocked.  EIO when the system refuses. */
int tsr_sys_thread(pthread_t *out, void *(*run)(void *), void *arg);

enum tsr_cpu {
    TSR_CPU_AVX2 = 1,       /* with BMI2 and PCLMUL */
    TSR_CPU_AVX512 = 2,     /* F, BW, DQ, VL */
    TSR_CPU_AVX512VBMI = 4, /* VBMI, VBMI2 */
    TSR_CPU_GFNI = 8
};
unsigned tsr_sys_cpu(void); /* what the CPU and the system support, TSR_CPU_* */

#endif
