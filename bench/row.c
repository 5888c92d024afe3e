/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/row.c - a race of both engines over one workload.
 *
 * It runs in a process of its own, so that neither heap nor pool of the row before counts.  In it
 * both engines are prepared and checked; then their samples alternate, with one of the limit after
 * each pair, and the medians are compared; rounds in which others used the machine are done again
 * (probe.h).  Peak memory is that of the first sample of a fresh
 * process, over what its engine had in use when all was prepared. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

enum { MIN_ROUNDS = 5, FEW_ROUNDS = 3 }; /* few: when a round takes longer than a row may */
#define ROW_PATIENCE 12.0                /* seconds of the run's patience that a row may take */

/* What a child is told. */
struct task {
    const struct setup *p;
    const struct engine *e;
    const struct workload *w;
    uint8_t *data;
};

static void peak_child(void *arg, int fd)
{
    struct task *t = arg;
    struct side s = {0};
    double peak = -1;
    for (int i = 0; i < 2 && t->p->engines[i]; i++) t->p->engines[i]->start(t->p->threads);
    if (side_init(&s, t->e, t->w, t->p->dir, t->data) == 0) {
        double before = memory_reset();
        side_fresh(&s);
        if (before > 0 && t->w->kind->sample(&s, side_ops(&s)) == 0) peak = memory_peak() - before;
    }
    side_done(&s);
    answer(fd, &peak, sizeof peak);
}

static void digest(struct result *r)
{
    for (int i = 0; i < 1 + r->peer; i++) {
        double wall[MAX_ROUNDS], cpu[MAX_ROUNDS];
        for (int k = 0; k < r->rounds; k++) {
            wall[k] = r->sample[i][k].wall;
            cpu[k] = r->sample[i][k].cpu;
        }
        r->median[i].wall = median(wall, r->rounds);
        r->median[i].cpu = median(cpu, r->rounds);
        r->best[i] = wall[0];
    }
    if (!r->peer) return;
    r->ratio.wall = r->median[1].wall / r->median[0].wall;
    r->ratio.cpu = r->median[1].cpu / r->median[0].cpu;
}

static void row_fail(struct result *r, const struct engine *e, const char *what)
{
    r->failed = true;
    snprintf(r->why, sizeof r->why, "%s: %s: %s", e->name, what, e->error());
}

static int time_side(struct side *s, struct sample *took)
{
    side_fresh(s);
    double wall = now(), cpu = cpu_used();
    int n = side_ops(s), rc = s->w->kind->sample(s, n);
    took->cpu = (cpu_used() - cpu) / n;
    took->wall = (now() - wall) / n;
    return rc;
}

/* ---- the limit ---- */

/* The boxes of a sample as a plan has them; to be freed.  NULL: no memory. */
static int64_t *plan_boxes(const struct side *s, struct limit_plan *plan)
{
    int ndim = s->w->layout.ndim, n = s->w->ops * ndim;
    int64_t *starts = calloc((size_t)n * 2, sizeof *starts), *counts = starts + n;
    for (int i = 0; starts && i < n; i++) {
        starts[i] = s->boxes[i / ndim][i % ndim];
        counts[i] = s->w->count[i % ndim];
    }
    plan->starts = starts;
    plan->counts = counts;
    plan->ops = s->w->pattern == WHOLE ? 0 : s->w->ops;
    return starts;
}

/* Of Tessera's side, prepared and checked.  NULL: there is none. */
static void *limit_of(const struct setup *p, struct side *s)
{
    const struct kind *k = s->w->kind;
    bool makes_file = k->limit_file && !s->w->disk;
    struct limit_plan plan = {.path = makes_file ? s->copy : s->path,
                              .encode = k->limit == LIMIT_ENCODE,
                              .clevel = s->w->layout.clevel,
                              .threads = p->threads};
    void *limit = NULL;
    if (!p->limit.make || !k->limit || s->w->pattern == RANDOM || s->w->pattern == SLIDE)
        return NULL;
    if (s->packed) {
        plan.path = NULL;
        plan.chunk = s->packed;
        plan.chunk_len = s->packed_len;
    }
    int64_t *boxes = plan_boxes(s, &plan);
    if (boxes && (!makes_file || k->limit_file(s) == 0)) limit = p->limit.make(&plan);
    free(boxes);
    if (makes_file) remove_path(s->copy);
    return limit;
}

/* ---- both in turn ---- */

struct race {
    const struct setup *p;
    struct side sides[2];
    void *limit;
    struct probe *probe;
    struct sample limits[MAX_ROUNDS];
};

static bool enough(const struct race *a, int rounds, double took)
{
    double most = a->p->seconds;
    return took > most && rounds >= (took > 3 * most ? FEW_ROUNDS : MIN_ROUNDS);
}

static void digest_limit(struct race *a, struct result *r)
{
    double wall[MAX_ROUNDS], cpu[MAX_ROUNDS];
    for (int k = 0; k < r->rounds; k++) {
        wall[k] = a->limits[k].wall;
        cpu[k] = a->limits[k].cpu;
    }
    r->limited = true;
    r->limit = (struct sample){median(wall, r->rounds), median(cpu, r->rounds)};
}

/* Sample number r->rounds of each, and of the limit; was the machine ours all the time? */
static bool one_round(struct race *a, struct result *r)
{
    int n = 1 + r->peer;
    struct limit_time took = {0};
    bool quiet = probe_quiet(a->probe);
    for (int k = 0; k < n; k++) {
        int i = n == 2 ? (k + r->rounds) % 2 : 0; /* who goes first alternates too */
        if (time_side(&a->sides[i], &r->sample[i][r->rounds]) < 0) {
            row_fail(r, a->sides[i].e, "run");
            return false;
        }
        quiet = probe_quiet(a->probe) && quiet;
    }
    if (a->limit && a->p->limit.run(a->limit, &took) < 0) {
        a->p->limit.free(a->limit);
        a->limit = NULL;
    }
    a->limits[r->rounds] = (struct sample){took.wall, took.cpu};
    return quiet;
}

/* Disturbed rounds are done again, as long as there is patience. */
static void race(struct race *a, struct result *r)
{
    double begin = now(), lost = 0, most = *a->p->patience;
    if (most > ROW_PATIENCE) most = ROW_PATIENCE;
    while (!r->failed && r->rounds < MAX_ROUNDS && !enough(a, r->rounds, now() - begin - lost)) {
        lost += probe_wait(a->probe, most - lost);
        double from = now();
        bool quiet = one_round(a, r);
        if (quiet || lost >= most) {
            r->rounds++;
            r->disturbed += !quiet;
        } else {
            r->left_out++;
            lost += now() - from;
        }
    }
    r->lost = lost;
    if (r->failed) return;
    digest(r);
    if (a->limit) digest_limit(a, r);
}

static void make_ready(struct race *a, struct task *t, struct result *r)
{
    const struct setup *p = t->p;
    int n = 1 + r->peer;
    for (int i = 0; i < n; i++) {
        t->e = p->engines[i];
        if (in_child(peak_child, t, &r->peak[i], sizeof r->peak[i]) < 0) r->peak[i] = -1;
    }
    for (int i = 0; i < n && !r->failed; i++)
        if (p->engines[i]->start(p->threads) < 0) row_fail(r, p->engines[i], "start");
    for (int i = 0; i < n && !r->failed; i++) {
        struct side *s = &a->sides[i];
        if (side_init(s, p->engines[i], t->w, p->dir, t->data) < 0) row_fail(r, s->e, "prepare");
        else if (!t->w->kind->check(s)) row_fail(r, s->e, "wrong result");
        r->stored[i] = s->stored;
    }
    if (!r->failed) a->limit = limit_of(p, &a->sides[0]);
    sync(); /* what was made is written now, and not while the clock runs */
    if (!(a->probe = probe_new(p->threads))) row_fail(r, p->engines[0], "no memory");
}

static void row_child(void *arg, int fd)
{
    struct task *t = arg;
    struct race a = {.p = t->p};
    struct result r = {.peer = t->p->engines[1] != NULL, .op_bytes = t->w->op_bytes};
    t->data = malloc(layout_bytes(&t->w->layout) + 1);
    if (!t->data) _exit(1);
    fill(&t->w->layout, t->data);
    if (!r.op_bytes) r.op_bytes = (double)box_bytes(t->w);
    make_ready(&a, t, &r);
    if (!r.failed) race(&a, &r);
    for (int i = 0; i < 1 + r.peer; i++) side_done(&a.sides[i]);
    if (a.limit) t->p->limit.free(a.limit);
    probe_free(a.probe);
    answer(fd, &r, sizeof r);
}

int row_run(const struct setup *p, const struct workload *w)
{
    struct task t = {.p = p, .w = w};
    struct result r;
    if (!wanted(p, w->group, w->name)) return 0;
    if (in_child(row_child, &t, &r, sizeof r) < 0)
        r = (struct result){.failed = true, .why = "the process died"};
    *p->patience -= r.lost;
    report_row(w, &r);
    return r.failed;
}
