/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/memory.c - memory that reading a plane of an array of 4 GB takes beside the plane.
 *
 * The array is a field of 64 planes, without its noise so that the file stays small, written 16
 * times.  Both engines read the same file, each in a process of its own for each axis, into a
 * buffer that is in memory already; so what the peak rises by is what the read itself takes:
 * compressed bytes, scratch, caches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum { SIDE = 1024, SLAB = 64 };
#define TARGET 32000000

static const struct layout array =
    {SMOOTH_F4, "<f4", 4,     3, {SIDE, SIDE, SIDE}, {SLAB, 128, 128}, {16, 32, 32}, "lz4",
     "shuffle", 5,     false, 0};

struct task {
    const struct setup *p;
    char path[512];
    const struct engine *e;
    int axis;
};

struct found {
    bool failed;
    char why[256];
    double extra, seconds, stored; /* bytes over the result */
};

static void found_fail(struct found *f, const struct engine *e, const char *what)
{
    f->failed = true;
    snprintf(f->why, sizeof f->why, "%s: %s: %s", e->name, what, e->error());
}

static float *make_slab(size_t bytes)
{
    struct layout l = array;
    float *slab = malloc(bytes);
    l.shape[0] = SLAB;
    if (!slab) return NULL;
    fill(&l, slab);
    for (size_t i = 0; i < bytes / sizeof *slab; i++) slab[i] = floorf(slab[i]);
    return slab;
}

static void make_child(void *arg, int fd)
{
    struct task *t = arg;
    struct found f = {.failed = false};
    size_t bytes = (size_t)SLAB * SIDE * SIDE * sizeof(float);
    int64_t at[NDIM] = {0}, count[NDIM] = {SLAB, SIDE, SIDE};
    float *slab = make_slab(bytes);
    engine_tessera.start(t->p->threads);
    void *a = slab ? engine_tessera.create(&array, t->path) : NULL;
    for (; a && at[0] < SIDE && !f.failed; at[0] += SLAB)
        if (engine_tessera.write(a, at, count, slab, bytes) < 0)
            found_fail(&f, &engine_tessera, "write");
    if (!a || engine_tessera.close(a) < 0) found_fail(&f, &engine_tessera, "make");
    f.stored = (double)stored_bytes(t->path);
    free(slab);
    answer(fd, &f, sizeof f);
}

/* The plane in the middle of an axis. */
static void read_plane(const struct task *t, struct found *f)
{
    int64_t at[NDIM] = {0}, count[NDIM] = {SIDE, SIDE, SIDE};
    size_t bytes = (size_t)SIDE * SIDE * sizeof(float);
    void *plane = malloc(bytes), *a = plane ? t->e->open(t->path) : NULL;
    at[t->axis] = SIDE / 2 + 1;
    count[t->axis] = 1;
    if (!a) return found_fail(f, t->e, "open");
    memset(plane, 1, bytes);
    double before = memory_reset(), begin = now();
    if (t->e->read(a, at, count, plane, bytes) < 0) found_fail(f, t->e, "read");
    f->seconds = now() - begin;
    f->extra = memory_peak() - before;
    t->e->close(a);
    free(plane);
}

static void read_child(void *arg, int fd)
{
    struct task *t = arg;
    struct found f = {.failed = false};
    t->e->start(t->p->threads);
    read_plane(t, &f);
    answer(fd, &f, sizeof f);
}

static struct found in_process(void (*child)(void *arg, int fd), struct task *t)
{
    struct found f;
    if (in_child(child, t, &f, sizeof f) == 0) return f;
    return (struct found){.failed = true, .why = "the process died"};
}

static int plane_row(struct task *t)
{
    struct found f[2] = {{0}};
    char a[16], b[16] = "-";
    int n = t->p->engines[1] ? 2 : 1;
    for (int i = 0; i < n; i++) {
        t->e = t->p->engines[i];
        f[i] = in_process(read_child, t);
        if (!f[i].failed) continue;
        printf("memory     axis %d  FAILED: %s\n", t->axis, f[i].why);
        report_json("memory", "\"axis\": %d, \"failed\": true", t->axis);
        return 1;
    }
    if (n == 2) snprintf(b, sizeof b, "%.1f", f[1].extra / 1e6);
    bool pass = f[0].extra < TARGET;
    printf("memory     plane of axis %d of 1024^3 f4, lz4, disk %10s %12.1f %10s %8.1f  %s\n",
           t->axis, show_time(f[0].seconds, a), f[0].extra / 1e6, b, TARGET / 1e6,
           pass ? "pass" : "OVER");
    report_json("memory",
                "\"axis\": %d, \"extra\": %.0f, \"peer_extra\": %.0f, \"target\": %d, "
                "\"seconds\": %.5g, \"peer_seconds\": %.5g",
                t->axis, f[0].extra, f[1].extra, TARGET, f[0].seconds, f[1].seconds);
    return 0;
}

int study_memory(const struct setup *p)
{
    struct task t = {.p = p};
    int failed = 0;
    if (!wanted(p, "memory", "plane of 1024^3 f4, lz4, disk")) return 0;
    snprintf(t.path, sizeof t.path, "%s/memory-%d.b2nd", p->dir, (int)getpid());
    struct found made = in_process(make_child, &t);
    if (made.failed) printf("memory     FAILED: %s\n", made.why);
    else
        printf("\nmemory over the result, first read of a process; 4.29 GB in a file of %.2f GB\n"
               "%-48s %10s %12s %10s %8s\n",
               made.stored / 1e9, "memory     work", "time", "extra MB", "peer's", "target");
    for (t.axis = 0; t.axis < NDIM && !made.failed; t.axis++) failed += plane_row(&t);
    remove_path(t.path);
    return failed + made.failed;
}
