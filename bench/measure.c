/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/measure.c - see measure.h. */
#define _GNU_SOURCE
#include "measure.h"

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double cpu_used(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

int in_child(void (*fn)(void *arg, int fd), void *arg, void *found, size_t len)
{
    int fd[2], status = 0;
    size_t got = 0;
    if (pipe(fd) < 0) return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(fd[0]);
        fn(arg, fd[1]);
        _exit(0);
    }
    close(fd[1]);
    while (pid > 0 && got < len) {
        ssize_t n = read(fd[0], (char *)found + got, len - got);
        if (n <= 0) break;
        got += (size_t)n;
    }
    close(fd[0]);
    if (pid > 0) waitpid(pid, &status, 0);
    return got == len && status == 0 ? 0 : -1;
}

void answer(int fd, const void *p, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, (const char *)p + at, len - at);
        if (n <= 0) _exit(1);
        at += (size_t)n;
    }
}

/* ---- memory ---- */

static double status_bytes(const char *field)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0) kb = strtol(line + strlen(field), NULL, 10);
    if (f) fclose(f);
    return (double)kb * 1024;
}

double memory_reset(void)
{
    malloc_trim(0); /* freed memory that is kept would hide what is used anew */
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return -1;
    int rc = fputs("5", f);
    if (fclose(f) != 0 || rc < 0) return -1;
    return status_bytes("VmRSS:");
}

double memory_peak(void)
{
    return status_bytes("VmHWM:");
}

/* ---- the loop in registers ---- */

static void *spin_main(void *arg)
{
    uint64_t x = 1;
    for (long n = *(const long *)arg; n; n--) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        __asm__ volatile("" : "+r"(x)); /* so that it is not computed at once */
    }
    return NULL;
}

double spin(long n, int threads)
{
    enum { MOST = 64 };
    pthread_t id[MOST];
    bool runs[MOST] = {false};
    double begin = now();
    for (int i = 1; i < threads && i < MOST; i++)
        runs[i] = pthread_create(&id[i], NULL, spin_main, &n) == 0;
    spin_main(&n);
    for (int i = 1; i < threads && i < MOST; i++)
        if (runs[i]) pthread_join(id[i], NULL);
    return now() - begin;
}
