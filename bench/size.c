/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/size.c - cost against size: containers of 10^3 to 10^6 chunks of 128 bytes on disk.
 *
 *   open    open an array, read one item of it, close it
 *   item    read one item of an open array; no blocks are kept, which the few of 10^3 chunks
 *           would all be
 *   append  one chunk to a super-chunk, without the flush after 1,000 of them
 *   commit  one chunk and a flush
 *
 * Tessera makes the files for both, since the peer would write its index anew with each chunk; it
 * does so in `append` too, which therefore is `commit` to it.  From the times follow the factor per
 * tenfold size, over all and over the last one, and a verdict: flat, log (10^6 has twice the digits
 * of 10^3, so at most three times with what caches cost), linear, or the power that fits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum { SIZES = 4, FIRST = 1000, ITEMS = 16, MOST_BATCHES = 200 };
enum what { OPEN, ITEM, APPEND, COMMIT, WHATS };
#define WHAT_SECONDS 0.15

static const char *const names[WHATS] = {"open", "item", "append", "commit"};

static const struct layout base = {.content = TABLE_F8,
                                   .dtype = "<f8",
                                   .item_bytes = 8,
                                   .ndim = 1,
                                   .chunks = {ITEMS},
                                   .blocks = {ITEMS},
                                   .codec = "lz4",
                                   .filters = "shuffle",
                                   .clevel = 5};

struct task {
    const struct setup *p;
    const struct engine *e;
    int64_t nchunks;
};

/* What is measured on one engine at one size. */
struct found {
    bool failed;
    char why[256];
    double seconds[WHATS];
};

enum { CHUNK_BYTES = ITEMS * 8 };

static struct layout layout_of(int64_t nchunks)
{
    struct layout l = base;
    l.shape[0] = nchunks * ITEMS;
    return l;
}

static void file_name(const struct task *t, const char *kind, char out[512])
{
    snprintf(out, 512, "%s/size-%lld-%s", t->p->dir, (long long)t->nchunks, kind);
}

static void found_fail(struct found *f, const struct engine *e, const char *what)
{
    if (f->failed) return;
    f->failed = true;
    snprintf(f->why, sizeof f->why, "%s: %s: %s", e->name, what, e->error());
}

/* ---- the files: an array and a super-chunk of this many chunks, made by Tessera ---- */

static int make_row(const char *path, const uint8_t *data, int64_t nchunks)
{
    void *s = engine_tessera.row_create(&base, path);
    int rc = s ? 0 : -1;
    for (int64_t i = 0; i < nchunks && rc == 0; i++)
        rc = engine_tessera.row_append(s, data + i * CHUNK_BYTES, CHUNK_BYTES, 8);
    if (s && engine_tessera.row_close(s) < 0) rc = -1;
    return rc;
}

static void make_child(void *arg, int fd)
{
    struct task *t = arg;
    struct found f = {.failed = false};
    struct layout l = layout_of(t->nchunks);
    char path[512];
    uint8_t *data = malloc(layout_bytes(&l));
    if (!data) _exit(1);
    fill(&l, data);
    engine_tessera.start(t->p->threads);
    file_name(t, "array", path);
    if (engine_tessera.save(&l, path, data, layout_bytes(&l)) < 0)
        found_fail(&f, &engine_tessera, "make");
    file_name(t, "row", path);
    if (make_row(path, data, t->nchunks) < 0) found_fail(&f, &engine_tessera, "make");
    free(data);
    answer(fd, &f, sizeof f);
}

/* ---- what is done to them ---- */

struct subject {
    const struct engine *e;
    char array[512], row[512];
    void *handle; /* of an array or a super-chunk */
    int64_t items;
    uint64_t seed;
};

static int read_item(struct subject *s, void *a)
{
    double item;
    int64_t at[NDIM] = {(int64_t)(rnd(&s->seed) % (uint64_t)s->items)}, count[NDIM] = {1};
    return s->e->read(a, at, count, &item, sizeof item);
}

static int open_once(struct subject *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++) {
        void *a = s->e->open(s->array);
        rc = a ? read_item(s, a) : -1;
        if (a && s->e->close(a) < 0) rc = -1;
    }
    return rc;
}

static int read_items(struct subject *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++) rc = read_item(s, s->handle);
    return rc;
}

static int append_some(struct subject *s, int n)
{
    double chunk[ITEMS];
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++) {
        for (int k = 0; k < ITEMS; k++) chunk[k] = (double)(rnd(&s->seed) % 1024 + (uint64_t)k);
        rc = s->e->row_append(s->handle, chunk, sizeof chunk, 8);
    }
    return rc;
}

static int flush_row(struct subject *s)
{
    return s->e->row_flush(s->handle);
}

static int commit_some(struct subject *s, int n)
{
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        if ((rc = append_some(s, 1)) == 0) rc = flush_row(s);
    return rc;
}

/* What is done, n times on the clock, and what after it off the clock, or NULL. */
struct action {
    int (*run)(struct subject *s, int n);
    int n;
    int (*after)(struct subject *s);
};

static int run_batch(struct subject *s, const struct action *a, double *took)
{
    double start = now();
    int rc = a->run(s, a->n);
    *took = (now() - start) / a->n;
    return rc == 0 && a->after ? a->after(s) : rc;
}

/* Median seconds per operation of some batches; one batch goes before. */
static int time_batches(struct subject *s, struct action a, double *out)
{
    double took[MOST_BATCHES], begin = now();
    int k = 0, rc = run_batch(s, &a, took);
    while (rc == 0 && k < MOST_BATCHES && (k < 3 || now() - begin < WHAT_SECONDS))
        rc = run_batch(s, &a, &took[k++]);
    if (rc == 0) *out = median(took, k);
    return rc;
}

static int measure_array(struct subject *s, struct found *f)
{
    int rc = time_batches(s, (struct action){open_once, 1, NULL}, &f->seconds[OPEN]);
    s->handle = rc == 0 ? s->e->open(s->array) : NULL;
    if (!s->handle) return -1;
    rc = time_batches(s, (struct action){read_items, 50, NULL}, &f->seconds[ITEM]);
    s->e->close(s->handle);
    return rc;
}

static int measure_row(struct subject *s, struct found *f)
{
    int many = s->e == &engine_tessera ? 1000 : 1;
    s->handle = s->e->row_open(s->row);
    if (!s->handle) return -1;
    int rc = time_batches(s, (struct action){append_some, many, flush_row}, &f->seconds[APPEND]);
    if (rc == 0) rc = time_batches(s, (struct action){commit_some, 1, NULL}, &f->seconds[COMMIT]);
    if (s->e->row_close(s->handle) < 0) rc = -1;
    return rc;
}

static int copy_file(const char *from, const char *to)
{
    enum { PIECE = 1 << 20 };
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char *piece = malloc(PIECE);
    int rc = in && out && piece ? 0 : -1;
    for (size_t n; rc == 0 && (n = fread(piece, 1, PIECE, in)) > 0;)
        if (fwrite(piece, 1, n, out) != n) rc = -1;
    free(piece);
    if (in) fclose(in);
    if (out && fclose(out) != 0) rc = -1;
    return rc;
}

static void measure_child(void *arg, int fd)
{
    struct task *t = arg;
    struct found f = {.failed = false};
    struct subject s = {.e = t->e, .items = t->nchunks * ITEMS, .seed = 3};
    char row[512];
    file_name(t, "array", s.array);
    file_name(t, "row", row);
    file_name(t, t->e->name, s.row);
    t->e->start(t->p->threads);
    if (t->e->no_cache && t->e->no_cache() < 0) found_fail(&f, t->e, "no cache");
    if (measure_array(&s, &f) < 0) found_fail(&f, t->e, "array");
    if (copy_file(row, s.row) < 0 || measure_row(&s, &f) < 0) found_fail(&f, t->e, "row");
    remove_path(s.row);
    answer(fd, &f, sizeof f);
}

/* ---- the table ---- */

static const char *verdict(const double t[SIZES], char buf[16])
{
    double each = cbrt(t[SIZES - 1] / t[0]), last = t[SIZES - 1] / t[SIZES - 2];
    if (last >= 4) return "linear";
    if (each < 1.15 && last < 1.5) return "flat";
    if (each < 1.45 && last < 2) return "log";
    snprintf(buf, 16, "N^%.2f", log10(each > last ? each : last));
    return buf;
}

static void print_line(enum what w, const struct engine *e, const struct found all[SIZES])
{
    double t[SIZES];
    char buf[16], text[16];
    printf("size       %-8s %-10s", names[w], e->name);
    for (int i = 0; i < SIZES; i++) {
        t[i] = all[i].seconds[w];
        printf(" %10s", show_time(t[i], buf));
    }
    double each = cbrt(t[SIZES - 1] / t[0]), last = t[SIZES - 1] / t[SIZES - 2];
    const char *said = verdict(t, text);
    printf(" %10.2f %10.2f  %s\n", each, last, said);
    report_json("size",
                "\"what\": \"%s\", \"engine\": \"%s\", \"seconds\": [%.5g, %.5g, %.5g, %.5g], "
                "\"per_decade\": %.4g, \"last_decade\": %.4g, \"verdict\": \"%s\"",
                names[w], e->name, t[0], t[1], t[2], t[3], each, last, said);
}

static void print_table(const struct setup *p, struct found all[2][SIZES])
{
    printf(
        "\nTessera made the files for both; flat and log are what open, item and append should be\n"
        "%-10s %-8s %-10s %10s %10s %10s %10s %10s %10s  %s\n",
        "size", "what", "engine", "10^3", "10^4", "10^5", "10^6", "per decade", "the last",
        "verdict");
    for (enum what w = 0; w < WHATS; w++)
        for (int i = 0; i < 2 && p->engines[i]; i++)
            if (i == 0 || w != COMMIT) print_line(w, p->engines[i], all[i]);
}

static int in_process(void (*child)(void *arg, int fd), struct task *t, struct found *f)
{
    if (in_child(child, t, f, sizeof *f) < 0)
        *f = (struct found){.failed = true, .why = "the process died"};
    if (f->failed) printf("size       %lld chunks FAILED: %s\n", (long long)t->nchunks, f->why);
    return f->failed ? -1 : 0;
}

static int one_size(struct task *t, struct found all[2][SIZES], int i)
{
    char path[512];
    struct found made;
    int rc = in_process(make_child, t, &made);
    for (int k = 0; k < 2 && t->p->engines[k] && rc == 0; k++) {
        t->e = t->p->engines[k];
        rc = in_process(measure_child, t, &all[k][i]);
    }
    file_name(t, "array", path);
    remove_path(path);
    file_name(t, "row", path);
    remove_path(path);
    return rc;
}

int study_size(const struct setup *p)
{
    struct task t = {.p = p, .nchunks = FIRST};
    struct found all[2][SIZES] = {{{0}}};
    int rc = 0;
    if (!wanted(p, "size", "10^3 to 10^6 chunks")) return 0;
    for (int i = 0; i < SIZES && rc == 0; i++, t.nchunks *= 10) rc = one_size(&t, all, i);
    if (rc == 0) print_table(p, all);
    if (rc < 0) report_json("size", "\"failed\": true");
    return rc < 0;
}
