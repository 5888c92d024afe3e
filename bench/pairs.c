/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/pairs.c - how well cores are used: the pool of two against one, and eight threads of a
 * user against one with a pool of one.
 *
 * The cores of a machine may be shared with others, so the measure is a loop that touches registers
 * only and runs in turn with the work: scaling is the rate of many threads over that of one, and
 * what counts is the work's scaling over the loop's, each pair within a moment of the other.
 * Median of ten pairs or more, without those that others disturbed (probe.h). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { USERS = 8, FEWEST = 10, MOST = 30 };
enum { USER_READS = 256 };
enum { CORES = 2 };
#define PAIRS_SECONDS 1.5  /* then no more than the fewest */
#define PAIRS_PATIENCE 15. /* spent on disturbed pairs, and on waiting */

/* Work that can be done by one thread or by many. */
struct work {
    int (*run)(void *arg, bool many);
    void *arg;
    int threads;              /* many */
    void (*fresh)(void *arg); /* off the clock; NULL: nothing */
};

struct pairs {
    bool failed;
    char why[256];
    int n, left_out;
    double work[MOST], loop[MOST], ratio[MOST]; /* scalings, and the one over the other */
    double one, many;                           /* medians of seconds */
};

static double timed(const struct work *w, bool many, struct pairs *out)
{
    if (w->fresh) w->fresh(w->arg);
    double begin = now();
    if (w->run(w->arg, many) < 0) out->failed = true;
    return now() - begin;
}

/* Work and loop in turn, with one thread and with many; who goes first alternates.  Was the machine
 * ours all the time? */
static bool one_pair(const struct work *w, long rounds, struct probe *probe, struct pairs *out,
                     double took[2])
{
    double loop[2];
    bool quiet = probe_quiet(probe);
    for (int k = 0; k < 2; k++) {
        int many = (k + out->n) % 2;
        took[many] = timed(w, many, out);
        quiet = probe_quiet(probe) && quiet;
        loop[many] = many ? spin(rounds / w->threads, w->threads) : spin(rounds, 1);
        quiet = probe_quiet(probe) && quiet;
    }
    out->work[out->n] = took[0] / took[1];
    out->loop[out->n] = loop[0] / loop[1];
    out->ratio[out->n] = out->work[out->n] / out->loop[out->n];
    return quiet;
}

/* So many rounds of the loop take about as long as the work, within bounds. */
static long rounds_for(double seconds)
{
    const long some = 1 << 22;
    double most = seconds > 0.2 ? 0.2 : seconds;
    return (long)((double)some * (most < 0.04 ? 0.04 : most) / spin(some, 1));
}

/* Disturbed pairs are done again, as long as there is patience. */
static void measure_with(const struct work *w, struct probe *probe, struct pairs *out)
{
    double one[MOST], many[MOST], took[2], begin = now(), lost = 0;
    timed(w, true, out); /* warm */
    long rounds = rounds_for(timed(w, false, out));
    while (!out->failed && out->n < MOST &&
           (out->n < FEWEST || now() - begin - lost < PAIRS_SECONDS)) {
        lost += probe_wait(probe, PAIRS_PATIENCE - lost);
        double from = now();
        if (!one_pair(w, rounds, probe, out, took) && lost < PAIRS_PATIENCE) {
            out->left_out++;
            lost += now() - from;
            continue;
        }
        one[out->n] = took[0];
        many[out->n++] = took[1];
    }
    if (out->failed) return;
    out->one = median(one, out->n);
    out->many = median(many, out->n);
}

static void measure(const struct work *w, struct pairs *out)
{
    struct probe *probe = probe_new(CORES);
    out->failed = !probe;
    if (probe) measure_with(w, probe, out);
    probe_free(probe);
}

static void report(const char *study, const struct workload *w, struct pairs *r)
{
    char a[16], b[16];
    if (r->failed) {
        printf("%-10s %-44s FAILED: %s\n", study, w->name, r->why);
        report_json(study, "\"name\": \"%s\", \"failed\": true", w->name);
        return;
    }
    double work = median(r->work, r->n), loop = median(r->loop, r->n);
    double ratio = median(r->ratio, r->n);
    printf("%-10s %-44s %10s %10s %7.2f %7.2f %7.2f %6.1f  %s\n", study, w->name,
           show_time(r->one, a), show_time(r->many, b), work, loop, ratio, w->target,
           ratio >= w->target ? "pass" : "UNDER");
    fflush(stdout);
    report_json(study,
                "\"group\": \"%s\", \"name\": \"%s\", \"pairs\": %d, \"left_out\": %d, \"one\": "
                "%.5g, \"many\": "
                "%.5g, \"scaling\": %.4g, \"loop\": %.4g, \"ratio\": %.4g, \"target\": %g",
                w->group, w->name, r->n, r->left_out, r->one, r->many, work, loop, ratio,
                w->target);
}

static void print_head(const char *study, const char *one, const char *many)
{
    printf("\n%-10s %-44s %10s %10s %7s %7s %7s %6s\n", study, "work", one, many, "scaling", "loop",
           "ratio", "target");
}

/* ---- the pool ---- */

/* A workload that is measured on a side prepared for it, with a pool of so many threads. */
struct task {
    const struct setup *p;
    const struct workload *w;
    int pool;
    void (*measure)(struct side *s, struct pairs *r);
};

static int with_pool(void *arg, bool many)
{
    struct side *s = arg;
    int rc = s->e->set_threads(many ? 2 : 1);
    return rc < 0 ? rc : s->w->kind->sample(s, side_ops(s));
}

static void fresh(void *arg)
{
    side_fresh(arg);
}

static void fail(struct pairs *r, const char *what)
{
    r->failed = true;
    snprintf(r->why, sizeof r->why, "%s: %s", what, engine_tessera.error());
}

static void pool_measure(struct side *s, struct pairs *r)
{
    if (!s->w->kind->check(s)) fail(r, "wrong result");
    else measure(&(struct work){with_pool, s, 2, fresh}, r);
}

static void task_child(void *arg, int fd)
{
    struct task *t = arg;
    struct pairs r = {.n = 0};
    struct side s = {0};
    uint8_t *data = malloc(layout_bytes(&t->w->layout) + 1);
    if (!data) _Exit(1);
    fill(&t->w->layout, data);
    engine_tessera.start(t->pool);
    if (side_init(&s, &engine_tessera, t->w, t->p->dir, data) < 0) fail(&r, "prepare");
    else t->measure(&s, &r);
    side_done(&s);
    answer(fd, &r, sizeof r);
}

static int run_one(const char *study, struct task *t)
{
    struct pairs r;
    if (in_child(task_child, t, &r, sizeof r) < 0)
        r = (struct pairs){.failed = true, .why = "the process died"};
    report(study, t->w, &r);
    return r.failed;
}

int study_pool(const struct setup *p)
{
    const struct workload *w;
    int failed = 0;
    bool begun = false;
    for (int i = 0; (w = pool_workload_at(i)); i++) {
        if (!wanted(p, "pool", w->name)) continue;
        if (!begun) print_head("pool", "1 thread", "2 threads");
        begun = true;
        failed += run_one("pool", &(struct task){p, w, 2, pool_measure});
    }
    return failed;
}

/* ---- threads of a user ---- */

/* One of the user's threads: reads boxes first, first + step, ... */
struct user {
    struct side *s;
    uint8_t *buf;
    int first, step, rc;
    bool check;
};

static void read_as_user(struct user *u, int i)
{
    struct side *s = u->s;
    const int64_t *at = s->boxes[i], *count = s->w->count;
    if (s->e->read(s->handle, at, count, u->buf, s->buf_bytes) < 0) u->rc = -1;
    if (!u->check) return;
    uint8_t *want = malloc(s->buf_bytes);
    if (want) box_get(&s->w->layout, s->data, at, count, want);
    if (!want || memcmp(want, u->buf, s->buf_bytes) != 0) u->rc = -1;
    free(want);
}

static void *user_main(void *arg)
{
    struct user *u = arg;
    for (int i = u->first; i < u->s->w->ops; i += u->step) read_as_user(u, i);
    return NULL;
}

struct users {
    struct user user[USERS];
    bool check;
};

static int with_users(void *arg, bool many)
{
    struct users *all = arg;
    pthread_t id[USERS];
    int n = many ? USERS : 1, rc = 0;
    for (int i = 0; i < n; i++) {
        struct user *u = &all->user[i];
        u->first = i;
        u->step = n;
        u->check = all->check;
        if (!i || pthread_create(&id[i], NULL, user_main, u) == 0) continue;
        n = i; /* those started use what is here */
        rc = -1;
    }
    user_main(&all->user[0]);
    for (int i = 1; i < n; i++) pthread_join(id[i], NULL);
    for (int i = 0; i < n; i++) rc |= all->user[i].rc;
    return rc;
}

/* Its first runs check what is read. */
static void users_measure(struct side *s, struct pairs *r)
{
    struct users all = {.check = true};
    bool room = true;
    for (int i = 0; i < USERS; i++) {
        all.user[i] = (struct user){.s = s, .buf = malloc(s->buf_bytes)};
        room = room && all.user[i].buf;
    }
    if (!room || with_users(&all, true) < 0) fail(r, "wrong result");
    all.check = false;
    if (!r->failed) measure(&(struct work){with_users, &all, USERS, NULL}, r);
    for (int i = 0; i < USERS; i++) free(all.user[i].buf);
}

int study_threads(const struct setup *p)
{
    static const struct workload w = {.group = "threads",
                                      .name = "8 threads read boxes of one array, pool of 1",
                                      .kind = &kind_read,
                                      .layout = {SMOOTH_F4,
                                                 "<f4",
                                                 4,
                                                 3,
                                                 {320, 320, 320},
                                                 {80, 80, 80},
                                                 {20, 20, 20},
                                                 "lz4",
                                                 "shuffle",
                                                 5,
                                                 false,
                                                 0},
                                      .disk = true,
                                      .pattern = RANDOM,
                                      .count = {40, 80, 80},
                                      .ops = USER_READS,
                                      .target = 0.8};
    if (!wanted(p, "threads", w.name)) return 0;
    print_head("threads", "1 thread", "8 threads");
    return run_one("threads", &(struct task){p, &w, 1, users_measure});
}
