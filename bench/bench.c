/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/bench.c [OPTIONS] [WORD...] - Tessera beside its peer, workload by workload.
 *
 *   --peer MODULE   the peer's engine; without it Tessera runs alone
 *   --dir DIR       where files are made (default .)
 *   --json FILE     results for machines
 *   --threads N     of both engines (default 2)
 *   --seconds S     spent on the samples of a row (default 1.2)
 *   WORD            a group, or part of a workload's name; default: all
 *
 * Each row runs in a process of its own, so that neither heap nor pool of the row before counts.
 * In it both engines are prepared and checked; then their samples alternate, and the medians
 * are compared: a ratio above 1 means that Tessera is faster.  Beside the ratio of the times by
 * the clock stands that of the processor time of all threads, which a busy machine disturbs
 * less.  Nothing is synced to the device by either.  Peak memory is that of the first operation
 * of a fresh process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { MIN_ROUNDS = 5, FEW_ROUNDS = 3 }; /* few: when a round takes longer than a row may */

static const struct engine *engines[2] = {&engine_tessera, NULL};
static int threads = 2;
static double seconds = 1.2;
static const char *dir = ".", *json_path, *peer_path;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- one side of a row ---- */

static size_t box_bytes(const struct workload *w)
{
    int64_t n = w->layout.item_bytes;
    for (int d = 0; d < w->layout.ndim; d++) n *= w->count[d];
    return w->pattern == WHOLE ? layout_bytes(&w->layout) : (size_t)n;
}

/* Where the boxes of one sample begin; the same for both sides. */
static void make_boxes(struct side *s)
{
    const struct workload *w = s->w;
    uint64_t seed = 11;
    for (int i = 0; i < w->ops && w->pattern != WHOLE; i++) {
        for (int d = 0; d < w->layout.ndim; d++) {
            int64_t room = w->layout.shape[d] - w->count[d] + 1, at = 0;
            if (w->pattern == RANDOM) at = (int64_t)(rnd(&seed) % (uint64_t)room);
            if (w->pattern == PLANES && d == w->axis) at = (int64_t)(rnd(&seed) % (uint64_t)room);
            if (w->pattern == SLIDE)
                at = d == 0 ? i * w->stride % room : (w->layout.shape[d] - w->count[d]) / 2;
            s->boxes[i][d] = at;
        }
    }
}

static int side_init(struct side *s, const struct engine *e, const struct workload *w,
                     uint8_t *data, size_t bytes)
{
    *s = (struct side){.e = e, .w = w, .data = data, .data_bytes = bytes};
    s->buf_bytes = box_bytes(w);
    s->buf = malloc(s->buf_bytes + 1);
    s->boxes = calloc((size_t)w->ops, sizeof *s->boxes);
    snprintf(s->path, sizeof s->path, "%s/%s-%d.b2nd", dir, e->name, (int)getpid());
    if (!s->buf || !s->boxes) return -1;
    memset(s->buf, 1, s->buf_bytes);
    make_boxes(s);
    return w->kind->prepare(s);
}

static void side_done(struct side *s)
{
    if (s->w) s->w->kind->finish(s);
    if (s->w) remove_path(s->path);
    free(s->buf);
    free(s->boxes);
}

static int side_ops(const struct side *s)
{
    return s->e != &engine_tessera && s->w->peer_ops ? s->w->peer_ops : s->w->ops;
}

/* ---- peak memory ---- */

static long status_kb(const char *field)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0) kb = strtol(line + strlen(field), NULL, 10);
    if (f) fclose(f);
    return kb;
}

static int reset_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return -1;
    int rc = fputs("5", f);
    return fclose(f) == 0 && rc >= 0 ? 0 : -1;
}

static double peak_here(const struct engine *e, const struct workload *w, uint8_t *data,
                        size_t bytes)
{
    struct side s = {0};
    double peak = -1;
    for (int i = 0; i < 2 && engines[i]; i++) engines[i]->start(threads);
    if (side_init(&s, e, w, data, bytes) == 0 && malloc_trim(0) >= 0 && reset_peak() == 0) {
        long before = status_kb("VmRSS:");
        if (w->kind->sample(&s, 1) == 0) peak = (double)(status_kb("VmHWM:") - before) * 1024;
    }
    side_done(&s);
    return peak;
}

/* Runs fn's work in a child and brings back bytes of answer; -1 when the child died. */
static int in_child(void (*fn)(void *arg, int fd), void *arg, void *answer, size_t len)
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
        ssize_t n = read(fd[0], (char *)answer + got, len - got);
        if (n <= 0) break;
        got += (size_t)n;
    }
    close(fd[0]);
    if (pid > 0) waitpid(pid, &status, 0);
    return got == len && status == 0 ? 0 : -1;
}

struct task {
    const struct engine *e;
    const struct workload *w;
    uint8_t *data;
    size_t bytes;
};

static void answer(int fd, const void *p, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, (const char *)p + at, len - at);
        if (n <= 0) _exit(1);
        at += (size_t)n;
    }
}

static void peak_child(void *arg, int fd)
{
    struct task *t = arg;
    double peak = peak_here(t->e, t->w, t->data, t->bytes);
    answer(fd, &peak, sizeof peak);
}

/* ---- a row ---- */

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
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
    double t = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    int n = side_ops(s), rc = s->w->kind->sample(s, n);
    took->cpu = (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / n;
    took->wall = (now(CLOCK_MONOTONIC) - t) / n;
    return rc;
}

static bool enough(int rounds, double took)
{
    return took > seconds && rounds >= (took > 3 * seconds ? FEW_ROUNDS : MIN_ROUNDS);
}

/* Both sides in turn; who goes first alternates too. */
static void race(struct side sides[2], int n, struct result *r)
{
    double begin = now(CLOCK_MONOTONIC);
    while (r->rounds < MAX_ROUNDS && !enough(r->rounds, now(CLOCK_MONOTONIC) - begin)) {
        for (int k = 0; k < n; k++) {
            int i = n == 2 ? (k + r->rounds) % 2 : 0;
            if (time_side(&sides[i], &r->sample[i][r->rounds]) < 0) {
                row_fail(r, sides[i].e, "run");
                return;
            }
        }
        r->rounds++;
    }
    digest(r);
}

static void row_child(void *arg, int fd)
{
    struct task *t = arg;
    struct side sides[2] = {0};
    struct result r = {.peer = engines[1] != NULL, .op_bytes = t->w->op_bytes};
    int n = 1 + r.peer;
    t->bytes = layout_bytes(&t->w->layout);
    t->data = malloc(t->bytes + 1);
    if (!t->data) _exit(1);
    fill(&t->w->layout, t->data);
    if (!r.op_bytes) r.op_bytes = (double)box_bytes(t->w);
    for (int i = 0; i < n; i++) {
        t->e = engines[i];
        if (in_child(peak_child, t, &r.peak[i], sizeof r.peak[i]) < 0) r.peak[i] = -1;
    }
    for (int i = 0; i < n && !r.failed; i++)
        if (engines[i]->start(threads) < 0) row_fail(&r, engines[i], "start");
    for (int i = 0; i < n && !r.failed; i++) {
        struct side *s = &sides[i];
        if (side_init(s, engines[i], t->w, t->data, t->bytes) < 0) row_fail(&r, s->e, "prepare");
        else if (!t->w->kind->check(s)) row_fail(&r, s->e, "wrong result");
        r.stored[i] = s->stored;
    }
    if (!r.failed) race(sides, n, &r);
    for (int i = 0; i < n; i++) side_done(&sides[i]);
    answer(fd, &r, sizeof r);
}

static bool wanted(const struct workload *w, char **words, int n)
{
    char full[128];
    snprintf(full, sizeof full, "%s %s", w->group, w->name);
    for (int i = 0; i < n; i++)
        if (strstr(full, words[i])) return true;
    return n == 0;
}

/* ---- limits ---- */

enum { COPY_BYTES = 64 << 20, COPY_RUNS = 15 };

struct copy {
    uint8_t *dst, *src;
    size_t n;
};

static void *copy_main(void *arg)
{
    struct copy *c = arg;
    memcpy(c->dst, c->src, c->n);
    return NULL;
}

static double copy_rate(uint8_t *dst, uint8_t *src, int n)
{
    double best = 0;
    for (int run = 0; run < COPY_RUNS; run++) {
        pthread_t id[2];
        double t = now(CLOCK_MONOTONIC);
        size_t part = COPY_BYTES / (size_t)n;
        struct copy c[2] = {{dst, src, part}, {dst + part, src + part, part}};
        for (int i = 1; i < n; i++) pthread_create(&id[i], NULL, copy_main, &c[i]);
        copy_main(&c[0]);
        for (int i = 1; i < n; i++) pthread_join(id[i], NULL);
        double rate = COPY_BYTES / (now(CLOCK_MONOTONIC) - t);
        if (rate > best) best = rate;
    }
    return best;
}

static void limits(void)
{
    uint8_t *src = malloc(COPY_BYTES), *dst = malloc(COPY_BYTES);
    if (src && dst) {
        memset(src, 1, COPY_BYTES);
        memset(dst, 2, COPY_BYTES);
        report_limits(copy_rate(dst, src, 1), copy_rate(dst, src, 2));
    }
    free(src);
    free(dst);
}

/* ---- the program ---- */

static int parse_args(int argc, char **argv)
{
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *o = argv[i] + 2, *v = argv[i + 1];
        if (strcmp(o, "peer") == 0) peer_path = v;
        else if (strcmp(o, "dir") == 0) dir = v;
        else if (strcmp(o, "json") == 0) json_path = v;
        else if (strcmp(o, "threads") == 0) threads = atoi(v);
        else if (strcmp(o, "seconds") == 0) seconds = atof(v);
        else return -1;
    }
    return i < argc && strncmp(argv[i], "--", 2) == 0 ? -1 : i;
}

/* The module is never closed: its engine is needed to the end. */
static void find_peer(void)
{
    void *so = peer_path ? dlopen(peer_path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) : NULL;
    engine_peer_fn *get = NULL;
    if (so) *(void **)&get = dlsym(so, "engine_peer");
    if (get) engines[1] = get();
    else printf("note: no peer (%s): Tessera runs alone\n", peer_path ? dlerror() : "none given");
}

int main(int argc, char **argv)
{
    int first = parse_args(argc, argv), failed = 0;
    if (first < 0) {
        fprintf(stderr, "bench: options: --peer --dir --json --threads --seconds\n");
        return 2;
    }
    find_peer();
    if (report_open(json_path) < 0) return 1;
    report_head(engine_tessera.version(), engines[1] ? engines[1]->version() : NULL, threads);
    limits();
    const struct workload *w;
    for (int i = 0; (w = workload_at(i)); i++) {
        struct task t = {.w = w};
        struct result r;
        if (!wanted(w, argv + first, argc - first)) continue;
        if (in_child(row_child, &t, &r, sizeof r) < 0)
            r = (struct result){.failed = true, .why = "the process died"};
        report_row(w, &r);
        failed += r.failed;
    }
    report_end();
    return failed ? 1 : 0;
}
