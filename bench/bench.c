/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/bench.c [OPTIONS] [WORD...] - Tessera beside its peer, workload by workload.
 *
 *   --peer MODULE   the peer's engine; without it Tessera runs alone
 *   --limit MODULE  what measures limits; without it there are none
 *   --dir DIR       where files are made (default .)
 *   --json FILE     results for machines
 *   --threads N     of both engines (default 2)
 *   --seconds S     spent on the samples of a row (default 0.8)
 *   WORD            a group, or part of a workload's name; default: all
 *   --list          says which there are, and nothing more
 *
 * First the rows that compare both engines (row.c): a ratio above 1 means that Tessera is faster.
 * Beside the ratio of the times by the clock stands that of the processor time of all threads,
 * which a busy machine disturbs less.  Nothing is synced to the device by either.  Then the
 * studies: how the pool and threads of users scale (pairs.c), memory of a plane (memory.c), cost
 * against size (size.c). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

bool wanted(const struct setup *p, const char *group, const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "%s %s", group, name);
    if (p->list) return puts(full) < 0;
    for (int i = 0; i < p->nwords; i++)
        if (strstr(full, p->words[i])) return true;
    return p->nwords == 0;
}

/* ---- memcpy ---- */

#define PATIENCE 150.0 /* seconds */

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
        double t = now();
        size_t part = COPY_BYTES / (size_t)n;
        struct copy c[2] = {{dst, src, part}, {dst + part, src + part, part}};
        for (int i = 1; i < n; i++) pthread_create(&id[i], NULL, copy_main, &c[i]);
        copy_main(&c[0]);
        for (int i = 1; i < n; i++) pthread_join(id[i], NULL);
        double rate = COPY_BYTES / (now() - t);
        if (rate > best) best = rate;
    }
    return best;
}

static void measure_memcpy(void)
{
    uint8_t *src = malloc(COPY_BYTES), *dst = malloc(COPY_BYTES);
    if (src && dst) {
        memset(src, 1, COPY_BYTES);
        memset(dst, 2, COPY_BYTES);
        report_memcpy(copy_rate(dst, src, 1), copy_rate(dst, src, 2));
    }
    free(src);
    free(dst);
}

/* ---- the program ---- */

struct files {
    const char *peer, *limit, *json;
};

static int parse_args(int argc, char **argv, struct setup *p, struct files *f)
{
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *o = argv[i] + 2, *v = argv[i + 1];
        if (strcmp(o, "peer") == 0) f->peer = v;
        else if (strcmp(o, "limit") == 0) f->limit = v;
        else if (strcmp(o, "json") == 0) f->json = v;
        else if (strcmp(o, "dir") == 0) p->dir = v;
        else if (strcmp(o, "threads") == 0) p->threads = atoi(v);
        else if (strcmp(o, "seconds") == 0) p->seconds = atof(v);
        else return -1;
    }
    p->words = argv + i;
    p->nwords = argc - i;
    return p->nwords && strncmp(argv[i], "--", 2) == 0 ? -1 : 0;
}

/* What a module exports under a name; it is never closed, since it is needed to the end. */
static void *load_module(const char *path)
{
    return path ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) : NULL;
}

static void find_peer(struct setup *p, const char *path)
{
    void *so = load_module(path);
    engine_peer_fn *get = NULL;
    if (so) *(void **)&get = dlsym(so, "engine_peer");
    if (get) p->engines[1] = get();
    else printf("note: no peer (%s): Tessera runs alone\n", path ? dlerror() : "none given");
}

static void find_limit(struct setup *p, const char *path)
{
    void *so = load_module(path);
    if (!so) {
        printf("note: no limits (%s)\n", path ? dlerror() : "no module given");
        return;
    }
    *(void **)&p->limit.make = dlsym(so, "limit_new");
    *(void **)&p->limit.run = dlsym(so, "limit_run");
    *(void **)&p->limit.free = dlsym(so, "limit_free");
}

/* How many failed. */
static int run_all(const struct setup *p)
{
    const struct workload *w;
    int failed = 0;
    for (int i = 0; (w = workload_at(i)); i++) failed += row_run(p, w);
    return failed + study_pool(p) + study_threads(p) + study_memory(p) + study_size(p);
}

int main(int argc, char **argv)
{
    struct setup p = {.engines = {&engine_tessera}, .threads = 2, .seconds = 0.8, .dir = "."};
    struct files f = {0};
    double begin = now(), patience = PATIENCE;
    int failed;
    p.patience = &patience;
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        p.list = true;
        return run_all(&p);
    }
    if (parse_args(argc, argv, &p, &f) < 0) {
        fprintf(stderr, "bench: options: --peer --limit --dir --json --threads --seconds\n");
        return 2;
    }
    find_peer(&p, f.peer);
    find_limit(&p, f.limit);
    if (report_open(f.json) < 0) return 1;
    report_head(&p);
    measure_memcpy();
    failed = run_all(&p);
    report_end(now() - begin);
    return failed ? 1 : 0;
}
