/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/sys_posix.c - threads, clock, pages and CPU features. */
#define _GNU_SOURCE /* sched_getaffinity, MAP_NORESERVE */
#include "sys/sys.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/status.h"

int tsr_sys_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

double tsr_sys_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void *tsr_sys_pages(size_t bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void tsr_sys_pages_free(void *p, size_t bytes)
{
    munmap(p, bytes);
}

static atomic_uint fork_count;

static void count_fork(void)
{
    atomic_fetch_add(&fork_count, 1);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, count_fork);
}

unsigned tsr_sys_fork_count(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    return atomic_load_explicit(&fork_count, memory_order_relaxed);
}

static bool pipe_pending(void)
{
    sigset_t now;
    return sigpending(&now) == 0 && sigismember(&now, SIGPIPE) == 1;
}

void tsr_pipe_guard_begin(struct tsr_pipe_guard *g)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    g->pending = pipe_pending();
    pthread_sigmask(SIG_BLOCK, &pipe, &g->before);
}

void tsr_pipe_guard_end(const struct tsr_pipe_guard *g)
{
    const struct timespec at_once = {0};
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!g->pending && pipe_pending()) sigtimedwait(&pipe, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}

int tsr_sys_thread(pthread_t *out, void *(*run)(void *), void *arg)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(out, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return err ? tsr_fail(TSR_EIO, "start a thread: %s", strerror(err)) : TSR_OK;
}

unsigned tsr_sys_cpu(void)
{
    unsigned f = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
        __builtin_cpu_supports("pclmul"))
        f |= TSR_CPU_AVX2;
    if ((f & TSR_CPU_AVX2) && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        f |= TSR_CPU_AVX512;
    if ((f & TSR_CPU_AVX512) && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512vbmi2"))
        f |= TSR_CPU_AVX512VBMI;
    if (__builtin_cpu_supports("gfni")) f |= TSR_CPU_GFNI;
#endif
    return f;
}
