/* SPDX-License-Identifier: BSD-3-Clause */
/* append.c - tessera append: grows an array along an axis by what a file holds.
 *
 * The file is read in runs of slabs along that axis, so that it may be larger than memory. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

enum { BUDGET = 64 << 20, BUDGET_MAX = 512 << 20 };

struct job {
    const struct cli_args *a;
    const char *path;
    tsr_array *to;
    int axis;
    int64_t slab; /* bytes of one step along the axis */
    int64_t run;  /* steps at once */
    struct cli_progress bar;
};

/* Asked each time: with locks the array may have changed before the first append. */
static const tsr_spec *spec_of(const struct job *j)
{
    return tsr_array_spec(j->to);
}

/* A few whole chunks at a time. */
static void choose_run(struct job *j)
{
    int64_t chunk =
        spec_of(j)->chunks && spec_of(j)->chunks[j->axis] ? spec_of(j)->chunks[j->axis] : 1;
    j->slab = spec_of(j)->item_bytes;
    for (int d = 0; d < spec_of(j)->ndim; d++)
        if (d != j->axis) j->slab *= spec_of(j)->shape[d];
    j->run = j->slab > 0 && BUDGET / j->slab > 0 ? BUDGET / j->slab : 1;
    if (j->slab > 0 && j->run < chunk && chunk <= BUDGET_MAX / j->slab) j->run = chunk;
    if (j->run > chunk) j->run -= j->run % chunk;
}

/* Steps of the next run: up to a border of chunks. */
static int64_t next_run(const struct job *j, int64_t left)
{
    int64_t chunk =
        spec_of(j)->chunks && spec_of(j)->chunks[j->axis] ? spec_of(j)->chunks[j->axis] : 1;
    int64_t n = j->run, into = spec_of(j)->shape[j->axis] % chunk;
    if (n > into) n -= into;
    return n < left ? n : left;
}

static int put(struct job *j, const void *data, int64_t n, int64_t done, int64_t total)
{
    int rc = tsr_array_append(j->to, j->axis, data, (size_t)(n * j->slab));
    bool stop = cli_progress_show(&j->bar, done * j->slab, total * j->slab);
    return rc < 0 ? cli_fail(j->a, rc) : stop ? cli_fail(j->a, TSR_ECANCELLED) : CLI_OK;
}

static int append_array(struct job *j, struct cli_source *from, void *buf)
{
    int64_t total = from->shape[j->axis];
    for (int64_t i = 0, n; i < total; i += n) {
        struct cli_selection s = {.ndim = from->ndim};
        n = next_run(j, total - i);
        for (int d = 0; d < from->ndim; d++) {
            s.count[d] = d == j->axis ? n : from->shape[d];
            s.step[d] = 1;
        }
        s.start[j->axis] = i;
        int rc = cli_source_read(from, &s, buf, (size_t)(n * j->slab));
        rc = rc < 0 ? cli_fail(j->a, rc) : put(j, buf, n, i + n, total);
        if (rc) return rc;
    }
    return CLI_OK;
}

static int check_array(const struct job *j, const struct cli_source *from)
{
    if (from->ndim != spec_of(j)->ndim)
        return cli_usage(j->a, "%s: found %d axes, expected %d", j->path, from->ndim,
                         spec_of(j)->ndim);
    for (int d = 0; d < from->ndim; d++)
        if (d != j->axis && from->shape[d] != spec_of(j)->shape[d])
            return cli_usage(j->a, "%s: axis %d has %lld items, expected %lld", j->path, d,
                             (long long)from->shape[d], (long long)spec_of(j)->shape[d]);
    if (!strcmp(from->dtype, spec_of(j)->dtype)) return CLI_OK;
    return cli_usage(j->a, "%s: found dtype %s, expected %s", j->path, from->dtype,
                     spec_of(j)->dtype);
}

/* Bytes in C order, a whole number of steps along the axis. */
static int append_raw(struct job *j, FILE *f, void *buf)
{
    for (int64_t i = 0;;) {
        int64_t n = next_run(j, INT64_MAX);
        size_t got = fread(buf, 1, (size_t)(n * j->slab), f);
        if (ferror(f)) return cli_errno(j->a, j->path);
        if (got % (size_t)j->slab)
            return cli_usage(j->a, "%s: ends inside a slab of %lld bytes", j->path,
                             (long long)j->slab);
        if (!got) return CLI_OK;
        i += (int64_t)got / j->slab;
        int rc = put(j, buf, (int64_t)got / j->slab, i, 0);
        if (rc) return rc;
    }
}

static bool is_raw(const char *path)
{
    size_t n = strlen(path);
    return !strcmp(path, "-") ||
           (n > 4 && (!strcasecmp(path + n - 4, ".raw") || !strcasecmp(path + n - 4, ".bin")));
}

static int append_file(struct job *j, void *buf)
{
    tsr_options o = {.size = sizeof o, .context = j->a->context};
    struct cli_source from;
    if (is_raw(j->path)) {
        FILE *f = strcmp(j->path, "-") ? fopen(j->path, "rb") : stdin;
        int rc = f ? append_raw(j, f, buf) : cli_errno(j->a, j->path);
        if (f && f != stdin) fclose(f);
        return rc;
    }
    int rc = cli_source_open(j->a, j->path, &o, &from);
    if (rc) return rc;
    rc = check_array(j, &from);
    if (!rc) rc = append_array(j, &from, buf);
    cli_source_close(&from);
    return rc;
}

static int append_to_array(struct job *j)
{
    choose_run(j);
    if (j->slab == 0) return cli_usage(j->a, "the other axes are empty: nothing can be appended");
    void *buf = malloc((size_t)(j->run * j->slab));
    if (!buf) return cli_fail(j->a, TSR_ENOMEM);
    cli_progress_start(&j->bar);
    int rc = append_file(j, buf);
    cli_progress_end(&j->bar);
    free(buf);
    return rc;
}

/* A super-chunk takes any bytes that are whole items. */
static int append_to_schunk(const struct cli_args *a, tsr_schunk *s, const char *path)
{
    size_t size = (size_t)tsr_schunk_spec_of(s)->item_bytes, cap = (BUDGET / size + 1) * size, got;
    FILE *f = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    void *buf = malloc(cap);
    int rc = f ? buf ? CLI_OK : cli_fail(a, TSR_ENOMEM) : cli_errno(a, path);
    cli_catch_signals();
    while (!rc && (got = fread(buf, 1, cap, f)) > 0) {
        if (ferror(f)) break;
        int status = got % size ? 0 : tsr_schunk_append(s, (int64_t)(got / size), buf);
        if (got % size) rc = cli_usage(a, "%s: ends inside an item of %zu bytes", path, size);
        if (status < 0) rc = cli_fail(a, status);
    }
    if (!rc && ferror(f)) rc = cli_errno(a, path);
    if (f && f != stdin) fclose(f);
    cli_release_signals();
    free(buf);
    return rc;
}

static int run_array(const struct cli_args *a, const tsr_options *o)
{
    struct job j = {.a = a, .path = a->pos[1]};
    const char *text = cli_value(a, "axis");
    int64_t axis = 0;
    int rc = tsr_array_open(a->pos[0], o, &j.to);
    if (rc < 0) return cli_fail(a, rc);
    rc = cli_check_fixed(a, j.to);
    if (text && !rc && !cli_parse_int(text, &axis)) rc = cli_usage(a, "--axis %s: no number", text);
    if (axis < 0) axis += spec_of(&j)->ndim;
    if (!rc && (axis < 0 || axis >= spec_of(&j)->ndim))
        rc = cli_usage(a, "--axis %s: the array has %d axes", text ? text : "0", spec_of(&j)->ndim);
    j.axis = (int)axis;
    if (!rc) rc = append_to_array(&j);
    return cli_target_close(a, j.to, NULL, rc);
}

static int run(struct cli_args *a)
{
    tsr_options o = cli_target_options(a);
    tsr_place_info info = {.size = sizeof info};
    tsr_schunk *s;
    int rc = tsr_probe(a->pos[0], &o, &info);
    if (rc < 0) return cli_fail(a, rc);
    if (info.kind != TSR_KIND_SCHUNK) return run_array(a, &o);
    if ((rc = tsr_schunk_open(a->pos[0], &o, &s)) < 0) return cli_fail(a, rc);
    return cli_target_close(a, NULL, s, append_to_schunk(a, s, a->pos[1]));
}

const struct cli_verb cli_verb_append = {
    .name = "append",
    .usage = "ARRAY FILE",
    .summary = "grow an array by what a file holds",
    .examples =
        (const char *const[]){"tessera append log.b2nd today.npy", "along the first axis",
                              "tessera append wide.b2nd more.npy --axis 1", "along the second one",
                              "recorder | tessera append signal.b2nd -",
                              "whole slabs of bytes from standard input", NULL},
    .options = (const struct cli_option[]){{"axis", 0, "N", "the axis that grows (default: 0)"},
                                           CLI_TARGET,
                                           CLI_END},
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
