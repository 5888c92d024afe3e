/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/probe.c - see probe.h. */
#include "probe.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MOST = 64,           /* threads */
    ROUNDS = 300 * 1000, /* of the loop */
    COPY = 2 << 20,      /* bytes, */
    PLACES = 16,         /* from here to there in turn: never in a cache */
    FIRST = 24,          /* runs, of which the fastest but few tell the usual time */
    TRIES = 3            /* a stranger who is gone by the third has disturbed little */
};
#define SLACK 1.3
#define APART 1.5 /* loops on cores of their own take so much of one alone, with their start */

struct probe {
    int threads;
    double usual; /* seconds, when nobody is there */
    int turn;
    uint8_t *room; /* [threads][PLACES][COPY] */
};

struct part {
    uint8_t *from, *to;
    double looped; /* when */
    pthread_t id;
    bool runs;
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void loop(void)
{
    uint64_t x = 1;
    for (long n = ROUNDS; n; n--) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        __asm__ volatile("" : "+r"(x)); /* so that it is not computed at once */
    }
}

static void *part_main(void *arg)
{
    struct part *p = arg;
    loop();
    p->looped = seconds();
    memcpy(p->to, p->from, COPY);
    return NULL;
}

/* Runs it once: seconds in all; *cores: did the loops run at once, as on cores of their own? */
static double run(struct probe *p, bool *cores)
{
    struct part part[MOST];
    double begin = seconds(), alone, last = 0;
    loop();
    alone = seconds() - begin;
    p->turn = (p->turn + 1) % PLACES;
    begin = seconds();
    for (int i = 0; i < p->threads; i++) {
        uint8_t *room = p->room + (size_t)i * PLACES * COPY;
        part[i] = (struct part){.from = room + (size_t)p->turn * COPY,
                                .to = room + (size_t)(p->turn + PLACES / 2) % PLACES * COPY};
        part[i].runs = i && pthread_create(&part[i].id, NULL, part_main, &part[i]) == 0;
    }
    part_main(&part[0]);
    for (int i = 1; i < p->threads; i++)
        if (part[i].runs) pthread_join(part[i].id, NULL);
    for (int i = 0; i < p->threads; i++)
        if (part[i].looped > last) last = part[i].looped;
    *cores = last - begin <= APART * alone;
    return seconds() - begin;
}

bool probe_quiet(struct probe *p)
{
    bool cores;
    for (int i = 0; i < TRIES; i++)
        if (run(p, &cores) <= SLACK * p->usual && cores) return true;
    return false;
}

double probe_wait(struct probe *p, double most)
{
    const struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};
    double begin = seconds(), waited = 0;
    while (!probe_quiet(p) && waited < most) {
        nanosleep(&nap, NULL);
        waited = seconds() - begin;
    }
    return waited;
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

struct probe *probe_new(int threads)
{
    struct probe *p = malloc(sizeof *p);
    double first[FIRST];
    bool cores;
    if (!p) return NULL;
    *p = (struct probe){.threads = threads < MOST ? threads : MOST};
    size_t room = (size_t)p->threads * PLACES * COPY;
    if (!(p->room = malloc(room))) {
        free(p);
        return NULL;
    }
    memset(p->room, 1, room);
    for (int i = 0; i < FIRST; i++) first[i] = run(p, &cores);
    qsort(first, FIRST, sizeof *first, by_value);
    p->usual = first[FIRST / 8];
    return p;
}

void probe_free(struct probe *p)
{
    if (!p) return;
    free(p->room);
    free(p);
}
