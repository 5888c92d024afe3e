/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_convert.c - copies in bounded memory: plans against what happens, and conversions
 * that are interrupted, killed, and gone on with. */
#define _GNU_SOURCE
#include "../scratch.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "array/array.h"
#include "base/mem.h"
#include "ops/journal.h"
#include "sys/folder.h"

static const char *const dtypes[] = {"|u1", "<i2", ">f4", "<f8", "<c16", "|V3"};

/* An array that is to be converted, and what it holds. */
struct source {
    int ndim;
    int64_t shape[4], chunks[4], blocks[4], to_chunks[4], to_blocks[4], item, nbytes;
    const char *dtype;
    uint8_t *p;
};

static void shape_at_random(struct source *s, int64_t most)
{
    s->ndim = (int)random_in(1, 4);
    s->dtype = dtypes[random_in(0, 5)];
    OK(tsr_dtype_item_bytes(s->dtype, &s->item));
    s->nbytes = s->item;
    for (int d = 0; d < s->ndim; d++) {
        s->shape[d] = random_in(1, tsr_min64(most, 60));
        most = tsr_max64(most / s->shape[d], 1);
        s->chunks[d] = random_in(1, s->shape[d]);
        s->blocks[d] = random_in(1, s->chunks[d]);
        s->to_chunks[d] = random_in(1, s->shape[d]);
        s->to_blocks[d] = random_in(1, s->to_chunks[d]);
        s->nbytes *= s->shape[d];
    }
}

/* Items that vary, with runs and stretches of zeros. */
static void fill_source(struct source *s)
{
    s->p = malloc((size_t)s->nbytes);
    uint64_t x = random_next();
    for (int64_t i = 0; i < s->nbytes; i++) {
        if (i % 64 == 0) x = x * 6364136223846793005u + 1442695040888963407u;
        s->p[i] = x >> 60 < 4 ? 0 : (uint8_t)(x >> (i % 8 * 7));
    }
}

static tsr_spec spec_of(const struct source *s, bool target)
{
    return (tsr_spec){.size = sizeof(tsr_spec),
                      .dtype = s->dtype,
                      .ndim = s->ndim,
                      .shape = s->shape,
                      .chunks = target ? s->to_chunks : s->chunks,
                      .blocks = target ? s->to_blocks : s->blocks,
                      .steps = (tsr_step[]){{"lz4", "clevel=1"}},
                      .nsteps = 1};
}

static void make_source(const struct source *s, const char *path)
{
    tsr_spec spec = spec_of(s, false);
    tsr_step step = {"lz4", "clevel=1"};
    tsr_array *a;
    spec.steps = &step;
    OK(tsr_array_create(path, &spec, NULL, &a));
    OK(tsr_array_write(a, NULL, s->p, (size_t)s->nbytes));
    OK(tsr_array_close(a));
}

static void same_items(const struct source *s, const char *path, const tsr_options *o)
{
    uint8_t *got = malloc((size_t)s->nbytes);
    tsr_array *a;
    OK(tsr_array_open(path, o, &a));
    OK(tsr_array_read(a, NULL, got, (size_t)s->nbytes));
    assert_memory_equal(got, s->p, (size_t)s->nbytes);
    OK(tsr_array_close(a));
    free(got);
}

/* The memory in which boxes may have so many bytes. */
static uint64_t memory_for(const struct source *s, const char *from, int64_t box_bytes)
{
    tsr_spec spec = spec_of(s, true);
    struct tsr_rechunk_ask ask;
    tsr_array *a, *b;
    spec.nsteps = 0;
    OK(tsr_array_open(from, NULL, &a));
    OK(tsr_array_create(NULL, &spec, NULL, &b));
    OK(tsr_copying_ask(a, b, 1, &ask));
    ask.threads = 1; /* with less room there are fewer */
    int64_t memory = tsr_rechunk_memory(&ask, box_bytes);
    tsr_array_drop(a);
    tsr_array_drop(b);
    return (uint64_t)memory;
}

/* ---- any to any ---- */

static void arrays_are_converted_in_any_memory_from_any_chunks_into_any(void **state)
{
    (void)state;
    static const char *const names[] = {"t.b2nd", "t.npy", "t.raw"};
    int boxes = 0, refused = 0;
    for (int round = 0; round < 150; round++) {
        struct source s;
        shape_at_random(&s, 40000);
        fill_source(&s);
        const char *from = scratch("r.b2nd"), *to = scratch(names[random_in(0, 2)]);
        make_source(&s, from);
        tsr_spec spec = spec_of(&s, true), raw = spec;
        tsr_options o = {.size = sizeof o, .mode = "w", .sparse = false};
        tsr_options as = {.size = sizeof as, .raw = strstr(to, ".raw") ? &raw : NULL};
        int64_t room = random_in(1, s.nbytes + s.nbytes / 4);
        o.memory_bytes = memory_for(&s, from, room);
        o.sparse = strstr(to, ".b2nd") && random_in(0, 3) == 0;
        spec.steps = NULL, spec.nsteps = 0;
        tsr_copy_plan *plan = NULL;
        int rc = tsr_convert_plan(from, NULL, to, &spec, &o, &plan);
        if (rc == TSR_OK && plan->npasses && plan->pass[plan->npasses - 1]->boxes > 1) boxes++;
        if (rc == TSR_OK) assert_true(plan->memory_bytes <= plan->budget_bytes);
        tsr_free(plan);
        refused += rc == TSR_ELIMIT;
        if (rc == TSR_ELIMIT) {
            FAILS(TSR_ELIMIT, "this needs", tsr_convert(from, NULL, to, &spec, &o));
            const char *needs = strstr(tsr_error(), "this needs ");
            o.memory_bytes = strtoull(needs + strlen("this needs "), NULL, 10);
        } else {
            OK(rc);
        }
        OK(tsr_convert(from, NULL, to, &spec, &o));
        same_items(&s, to, &as);
        remove_path(to);
        remove_path(from);
        assert_int_equal(scratch_count(), 0);
        free(s.p);
    }
    print_message("%d of 150 in several boxes, %d refused\n", boxes, refused);
    assert_true(boxes > 10 && refused > 5);
}

/* ---- plans ---- */

/* Planes of noise, one block each: what a plan says of them is exact. */
static void make_planes(struct source *s, int64_t n, int64_t side, const char *path)
{
    *s = (struct source){.ndim = 3, .dtype = "<f4", .item = 4, .nbytes = n * side * side * 4};
    int64_t plane[3] = {1, side, side}, pencil[3] = {n, 8, 8};
    for (int d = 0; d < 3; d++) {
        s->shape[d] = d ? side : n;
        s->chunks[d] = s->blocks[d] = plane[d];
        s->to_chunks[d] = s->to_blocks[d] = pencil[d];
    }
    s->p = malloc((size_t)s->nbytes);
    for (int64_t i = 0; i < s->nbytes / 8; i++) ((uint64_t *)s->p)[i] = random_next();
    make_source(s, path);
}

static bool near(int64_t a, int64_t b, double part)
{
    double x = (double)a, y = (double)b;
    return x >= y * (1 - part) && x <= y * (1 + part);
}

/* Runs the boxes of a pass and compares what the handles count. */
static void check_pass(const tsr_array *from, tsr_array *to, const tsr_copy_pass *p)
{
    tsr_options o = tsr_options_complete(NULL);
    struct tsr_copying c = {.from = from, .to = to, .o = &o, .total = INT64_MAX};
    tsr_stats before = {.size = sizeof before}, after = before;
    uint8_t *buf = malloc((size_t)p->memory_bytes);
    OK(tsr_array_stats(from, &before));
    OK(tsr_copy_boxes(&c, p->box, 0, p->boxes, buf));
    OK(tsr_array_stats(from, &after));
    assert_int_equal(after.blocks_decoded - before.blocks_decoded, p->blocks_read);
    /* gaps that are read over */
    assert_true(near(after.bytes_read - before.bytes_read, p->stored_read, 0.06));
    /* and pages of the index */
    assert_in_range(after.requests - before.requests, p->chunks_read, p->requests + 8);
    free(buf);
}

static void what_a_plan_says_is_what_happens(void **state)
{
    (void)state;
    struct source s;
    tsr_context_options quiet = {.size = sizeof quiet, .cache_bytes = TSR_NO_CACHE};
    tsr_context *ctx;
    make_planes(&s, 128, 256, scratch("p.b2nd"));
    OK(tsr_context_new(&quiet, &ctx));
    tsr_options o = {.size = sizeof o, .mode = "w", .context = ctx, .memory_bytes = 30 << 20};
    tsr_options r = {.size = sizeof r, .context = ctx};
    for (int budget = 0; budget < 2; budget++) {
        tsr_spec spec = spec_of(&s, true), mid = spec;
        spec.nsteps = mid.nsteps = 0;
        tsr_array *from, *to, *between;
        tsr_copy_plan *plan;
        OK(tsr_convert_plan(scratch("p.b2nd"), &r, scratch("q.b2nd"), &spec, &o, &plan));
        assert_int_equal(plan->npasses, budget ? 1 : 2);
        OK(tsr_array_open(scratch("p.b2nd"), &r, &from));
        OK(tsr_array_create(NULL, &spec, &r, &to));
        if (plan->npasses == 2) {
            mid.chunks = plan->between, mid.blocks = plan->between_blocks;
            mid.steps = (tsr_step[]){{"lz4", "clevel=0"}}, mid.nsteps = 1;
            OK(tsr_array_create(scratch("m.b2nd"), &mid, &r, &between));
            check_pass(from, between, plan->pass[0]);
            OK(tsr_array_flush(between));
            check_pass(between, to, plan->pass[1]);
            OK(tsr_array_close(between));
        } else {
            check_pass(from, to, plan->pass[0]);
        }
        tsr_stats st = {.size = sizeof st};
        OK(tsr_array_stats(to, &st));
        assert_int_equal(st.nchunks, plan->pass[plan->npasses - 1]->chunks_written);
        tsr_free(plan);
        tsr_array_drop(from);
        tsr_array_drop(to);
        o.memory_bytes = 256 << 20;
    }
    OK(tsr_convert(scratch("p.b2nd"), &r, scratch("q.b2nd"), NULL, &o));
    assert_int_equal(scratch_count(), 3);
    remove_path(scratch("m.b2nd"));
    remove_path(scratch("p.b2nd"));
    remove_path(scratch("q.b2nd"));
    tsr_context_free(ctx);
    free(s.p);
}

/* ---- interruptions ---- */

/* With the cache of the default context: boxes of one or two megabytes. */
enum { MEMORY = 48 << 20 };

struct stop {
    int calls;
    bool kill; /* the process; else only stop */
};

static int stop_after(void *user, int64_t done, int64_t total)
{
    struct stop *s = user;
    (void)done;
    (void)total;
    if (--s->calls >= 0) return 0;
    if (s->kill) kill(getpid(), SIGKILL);
    return 1;
}

/* In a child that is killed after so many boxes.  false: it was done before. */
static bool killed_after(int boxes, const char *from, const char *to, const tsr_spec *spec,
                         tsr_options o)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct stop stop = {boxes, true};
        o.progress = stop_after;
        o.user = &stop;
        int rc = tsr_convert(from, NULL, to, spec, &o);
        if (rc < 0) fprintf(stderr, "%s\n", tsr_error());
        _exit(rc == TSR_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

static void a_killed_conversion_goes_on_and_is_right(const char *name, bool sparse, int64_t memory)
{
    struct source s;
    char to[1024];
    snprintf(to, sizeof to, "%s", scratch(name));
    tsr_options o = {.size = sizeof o, .mode = "x", .sparse = sparse};
    char partial[1100];
    int kills = 0;
    make_planes(&s, 128, 256, scratch("p.b2nd"));
    snprintf(partial, sizeof partial, "%s.partial", to);
    tsr_spec spec = spec_of(&s, true);
    spec.nsteps = 0;
    o.memory_bytes = (uint64_t)memory;
    o.resume = true;
    while (killed_after((int)random_in(2, 16), scratch("p.b2nd"), to, &spec, o)) {
        assert_int_not_equal(access(to, F_OK), 0);
        kills++;
        assert_true(kills < 100);
    }
    print_message("%d kills\n", kills);
    assert_true(kills >= 3);
    assert_int_not_equal(access(partial, F_OK), 0);
    same_items(&s, to, NULL);
    remove_path(to);
    remove_path(scratch("p.b2nd"));
    assert_int_equal(scratch_count(), 0);
    free(s.p);
}

static void conversions_that_are_killed_go_on_where_they_were(void **state)
{
    (void)state;
    a_killed_conversion_goes_on_and_is_right("k.b2nd", false, MEMORY);
    a_killed_conversion_goes_on_and_is_right("k.b2nd", true, MEMORY);
    a_killed_conversion_goes_on_and_is_right("k.zarr", false, MEMORY);
}

static void a_conversion_that_was_killed_after_its_end_is_tidied(void **state)
{
    (void)state;
    struct source s;
    struct stop stop = {3, false};
    char from[1024], to[1024];
    snprintf(from, sizeof from, "%s", scratch("p.b2nd"));
    snprintf(to, sizeof to, "%s", scratch("e.b2nd"));
    make_planes(&s, 128, 256, from);
    tsr_spec spec = spec_of(&s, true);
    spec.nsteps = 0;
    tsr_options o = {.size = sizeof o, .memory_bytes = MEMORY};
    o.progress = stop_after, o.user = &stop;
    FAILS(TSR_ECANCELLED, "stopped", tsr_convert(from, NULL, to, &spec, &o));
    o.progress = NULL;
    o.resume = true;
    /* someone else took the name: nothing is lost */
    file_write(to, "x", 1);
    FAILS(TSR_EEXISTS, "exists", tsr_convert(from, NULL, to, &spec, &o));
    assert_int_equal(scratch_count(), 3);
    FILE *f = fopen(scratch("e.b2nd.partial/journal"), "a");
    assert_true(fputs("complete\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(remove(scratch("e.b2nd.partial/e.b2nd")), 0);
    OK(tsr_convert(from, NULL, to, &spec, &o));
    assert_int_equal(scratch_count(), 2);
    remove_path(from);
    remove_path(to);
    free(s.p);
}

static void journal_line(const char *path, const char *line)
{
    FILE *f = fopen(path, "a");
    assert_true(f && fputs(line, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* What another program wrote into the journal is not believed, and not removed. */
static void a_journal_that_says_what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"done 1 99999999\n", "done 1 -5\n", "done 0 1\n",
                                        "done 3 1\n", "done 1 99999999999999999999\n"};
    struct source s;
    struct stop stop = {3, false};
    char from[1024], to[1024], journal[1100];
    snprintf(from, sizeof from, "%s", scratch("p.b2nd"));
    snprintf(to, sizeof to, "%s", scratch("h.b2nd"));
    snprintf(journal, sizeof journal, "%s.partial/journal", to);
    make_planes(&s, 128, 256, from);
    tsr_spec spec = spec_of(&s, true);
    spec.nsteps = 0;
    tsr_options o = {.size = sizeof o, .memory_bytes = MEMORY, .resume = true};
    o.progress = stop_after, o.user = &stop;
    FAILS(TSR_ECANCELLED, "stopped", tsr_convert(from, NULL, to, &spec, &o));
    o.progress = NULL;
    struct stat was;
    assert_int_equal(stat(journal, &was), 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        journal_line(journal, lines[i]);
        FAILS(TSR_ECORRUPT, "found 'done", tsr_convert(from, NULL, to, &spec, &o));
        assert_int_equal(truncate(journal, was.st_size), 0);
    }
    OK(tsr_convert(from, NULL, to, &spec, &o));
    same_items(&s, to, NULL);
    assert_int_equal(scratch_count(), 2);
    remove_path(from);
    remove_path(to);
    free(s.p);
}

/* Of which so many boxes of pass 1 are done by someone who died. */
static void leave_journal(const char *to, const struct tsr_buf *facts, int64_t boxes)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        tsr_options o = {.size = sizeof o, .mode = "x"};
        struct tsr_journal j;
        int rc = tsr_journal_begin(to, facts, &o, &j);
        if (rc == TSR_OK) rc = tsr_journal_enter(&j, "a", 1, 8);
        if (rc == TSR_OK) rc = tsr_journal_done(&j, 1, boxes);
        _exit(rc == TSR_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void work_that_may_not_go_on_is_not_removed(void **state)
{
    (void)state;
    static char text[] = "source a\n";
    const struct tsr_buf facts = {.p = (uint8_t *)text, .len = sizeof text - 1};
    tsr_options o = {.size = sizeof o, .mode = "x", .resume = true};
    struct tsr_journal j;
    char to[1024];
    snprintf(to, sizeof to, "%s", scratch("j.b2nd"));
    leave_journal(to, &facts, 3);
    OK(tsr_journal_begin(to, &facts, &o, &j));
    FAILS(TSR_ECONFLICT, "begin anew, without resume", tsr_journal_enter(&j, "a", 0, 8));
    OK(tsr_journal_begin(to, &facts, &o, &j));
    FAILS(TSR_ECORRUPT, "expected at most 2", tsr_journal_enter(&j, "a", 1, 2));
    /* a conflict that is none of the source's */
    OK(tsr_journal_begin(to, &facts, &o, &j));
    OK(tsr_journal_enter(&j, "a", 1, 8));
    assert_int_equal(j.done, 3);
    assert_int_equal(tsr_journal_end(&j, TSR_ECONFLICT), TSR_ECONFLICT);
    assert_int_equal(access(scratch("j.b2nd.partial/journal"), F_OK), 0);
    /* and one that is */
    OK(tsr_journal_begin(to, &facts, &o, &j));
    OK(tsr_journal_enter(&j, "a", 1, 8));
    j.moved = true;
    assert_int_equal(tsr_journal_end(&j, TSR_ECONFLICT), TSR_ECONFLICT);
    assert_int_equal(scratch_count(), 0);
}

/* The old target and the new one have changed places, and the old one is half removed. */
static void what_a_conversion_replaced_never_takes_its_place_again(void **state)
{
    (void)state;
    struct source s;
    char from[1024], to[1024], good[1024], journal[1100], line[64];
    make_planes(&s, 128, 256, scratch("p.b2nd"));
    tsr_spec spec = spec_of(&s, true);
    snprintf(from, sizeof from, "%s", scratch("p.b2nd"));
    snprintf(to, sizeof to, "%s", scratch("e.zarr"));
    snprintf(good, sizeof good, "%s", scratch("good.zarr"));
    snprintf(journal, sizeof journal, "%s", scratch("e.zarr.partial/journal"));
    spec.nsteps = 0;
    OK(tsr_convert(from, NULL, good, &spec, NULL));
    for (int named = 0; named < 4; named++) {
        struct stop stop = {3, false};
        tsr_options o = {.size = sizeof o, .mode = named & 1 ? "w" : NULL, .resume = true};
        o.memory_bytes = MEMORY;
        o.progress = stop_after, o.user = &stop;
        FAILS(TSR_ECANCELLED, "stopped", tsr_convert(from, NULL, to, &spec, &o));
        o.progress = NULL;
        OK(tsr_convert(from, NULL, good, &spec, &(tsr_options){.size = sizeof o, .mode = "w"}));
        assert_int_equal(rename(good, to), 0);
        snprintf(line, sizeof line, "complete\nnaming %llx\n", (unsigned long long)tsr_path_id(to));
        journal_line(journal, line);
        if (named > 1) journal_line(journal, "named\n");
        OK(tsr_convert(from, NULL, to, &spec, &o));
        same_items(&s, to, NULL);
        assert_int_not_equal(access(journal, F_OK), 0);
        assert_int_equal(rename(to, good), 0);
    }
    remove_path(from);
    remove_path(good);
    assert_int_equal(scratch_count(), 0);
    free(s.p);
}

/* Where names cannot be exchanged in one step a kill may come between two renames. */
static void what_was_replaced_by_two_renames_goes_or_comes_back(void **state)
{
    (void)state;
    struct source s;
    char from[1024], to[1024], good[1024], inside[1100], aside[1100], journal[1100], line[64];
    make_planes(&s, 128, 256, scratch("p.b2nd"));
    tsr_spec spec = spec_of(&s, true);
    snprintf(from, sizeof from, "%s", scratch("p.b2nd"));
    snprintf(to, sizeof to, "%s", scratch("e.zarr"));
    snprintf(good, sizeof good, "%s", scratch("good.zarr"));
    snprintf(journal, sizeof journal, "%s.partial/journal", to);
    snprintf(inside, sizeof inside, "%s.partial/e.zarr", to);
    snprintf(aside, sizeof aside, "%s.old", inside);
    spec.nsteps = 0;
    tsr_options w = {.size = sizeof w, .mode = "w"}, o = w;
    o.memory_bytes = MEMORY;
    for (int moment = 0; moment < 3; moment++) {
        struct stop stop = {3, false};
        o.progress = stop_after, o.user = &stop, o.resume = true;
        OK(tsr_convert(from, NULL, good, &spec, &w));
        FAILS(TSR_ECANCELLED, "stopped", tsr_convert(from, NULL, to, &spec, &o));
        assert_int_equal(mkdir(aside, 0777), 0);
        file_write(scratch("e.zarr.partial/e.zarr.old/was"), "x", 1);
        remove_path(inside);
        assert_int_equal(rename(good, moment == 1 ? to : inside), 0);
        snprintf(line, sizeof line, "complete\nnaming %llx\n",
                 (unsigned long long)tsr_path_id(moment == 1 ? to : inside));
        journal_line(journal, line);
        if (moment == 2) { /* begun anew, and stopped again: the old target has its name */
            stop.calls = 3;
            o.resume = false;
            FAILS(TSR_ECANCELLED, "stopped", tsr_convert(from, NULL, to, &spec, &o));
            assert_int_equal(access(scratch("e.zarr/was"), F_OK), 0);
            o.resume = true;
        }
        o.progress = NULL;
        OK(tsr_convert(from, NULL, to, &spec, &o));
        same_items(&s, to, NULL);
        remove_path(to);
        assert_int_equal(scratch_count(), 1);
    }
    remove_path(from);
    free(s.p);
}

static void what_is_not_of_a_conversion_keeps_it_from_ending_well(void **state)
{
    (void)state;
    struct source s;
    struct stop stop = {3, false};
    char from[1024], to[1024];
    make_planes(&s, 128, 256, scratch("p.b2nd"));
    tsr_spec spec = spec_of(&s, true);
    snprintf(from, sizeof from, "%s", scratch("p.b2nd"));
    snprintf(to, sizeof to, "%s", scratch("e.zarr"));
    spec.nsteps = 0;
    tsr_options o = {.size = sizeof o, .resume = true, .memory_bytes = MEMORY};
    o.progress = stop_after, o.user = &stop;
    FAILS(TSR_ECANCELLED, "stopped", tsr_convert(from, NULL, to, &spec, &o));
    o.progress = NULL;
    assert_int_equal(mkdir(scratch("e.zarr.partial/mine"), 0777), 0);
    assert_int_equal(mkdir(scratch("e.zarr.partial/.e.zarr.1.2.tmp"), 0777), 0);
    FAILS(TSR_EEXISTS, "mine: is not of the conversion", tsr_convert(from, NULL, to, &spec, &o));
    same_items(&s, to, NULL);
    assert_int_equal(rename(scratch("e.zarr.partial/mine"), scratch("mine")), 0);
    OK(tsr_convert(from, NULL, to, &spec, &o));
    assert_int_equal(access(scratch("e.zarr.partial"), F_OK), -1);
    assert_int_equal(rmdir(scratch("mine")), 0);
    remove_path(to);
    remove_path(from);
    free(s.p);
}

static void a_conversion_that_is_stopped_keeps_what_is_done(void **state)
{
    (void)state;
    struct source s;
    struct stop stop = {3, false};
    make_planes(&s, 128, 256, scratch("p.b2nd"));
    tsr_spec spec = spec_of(&s, true), other;
    spec.nsteps = 0;
    tsr_options o = {.size = sizeof o, .memory_bytes = MEMORY};
    char from[1024], to[1024];
    snprintf(from, sizeof from, "%s", scratch("p.b2nd"));
    snprintf(to, sizeof to, "%s", scratch("s.b2nd"));
    o.progress = stop_after, o.user = &stop;
    FAILS(TSR_ECANCELLED, "stopped", tsr_convert(from, NULL, to, &spec, &o));
    assert_int_equal(access(scratch("s.b2nd.partial/journal"), F_OK), 0);
    assert_int_not_equal(access(to, F_OK), 0);
    o.progress = NULL;
    FAILS(TSR_EEXISTS, "s.b2nd.partial", tsr_convert(from, NULL, to, &spec, &o));
    o.resume = true;
    other = spec;
    other.chunks = s.chunks, other.blocks = s.blocks;
    FAILS(TSR_ECONFLICT, "goes on only as it began", tsr_convert(from, NULL, to, &other, &o));
    o.memory_bytes = MEMORY + (8 << 20);
    FAILS(TSR_ECONFLICT, "--memory", tsr_convert(from, NULL, to, &spec, &o));
    o.memory_bytes = MEMORY;
    /* a source that was touched is another */
    tsr_array *a;
    tsr_options update = {.size = sizeof update, .mode = "r+"};
    OK(tsr_array_open(from, &update, &a));
    OK(tsr_array_fill(a, NULL, "abcd"));
    OK(tsr_array_close(a));
    FAILS(TSR_ECONFLICT, "stamp", tsr_convert(from, NULL, to, &spec, &o));
    assert_int_not_equal(access(to, F_OK), 0);
    /* begun anew it goes */
    o.resume = false;
    o.mode = "w";
    OK(tsr_convert(from, NULL, to, &spec, &o));
    for (int64_t i = 0; i < s.nbytes; i++) s.p[i] = (uint8_t) "abcd"[i % 4];
    same_items(&s, to, NULL);
    assert_int_equal(scratch_count(), 2);
    remove_path(from);
    remove_path(to);
    free(s.p);
}

static void folders_that_no_conversion_left_are_not_touched(void **state)
{
    (void)state;
    struct source s;
    make_planes(&s, 128, 256, scratch("p.b2nd"));
    tsr_spec spec = spec_of(&s, true);
    spec.nsteps = 0;
    tsr_options o = {.size = sizeof o, .mode = "w", .memory_bytes = MEMORY};
    assert_int_equal(mkdir(scratch("f.b2nd.partial"), 0777), 0);
    file_write(scratch("f.b2nd.partial/mine"), "x", 1);
    FAILS(TSR_EEXISTS, "not left by",
          tsr_convert(scratch("p.b2nd"), NULL, scratch("f.b2nd"), &spec, &o));
    file_write(scratch("f.b2nd.partial/journal"), "something else", 14);
    FAILS(TSR_ECORRUPT, "no journal",
          tsr_convert(scratch("p.b2nd"), NULL, scratch("f.b2nd"), &spec, &o));
    assert_int_equal(access(scratch("f.b2nd.partial/mine"), F_OK), 0);
    remove_path(scratch("f.b2nd.partial"));
    remove_path(scratch("p.b2nd"));
    free(s.p);
}

/* ---- what goes along ---- */

static void what_a_format_has_no_place_for_is_listed(void **state)
{
    (void)state;
    tsr_meta_value meta = {"kind", "\xa1x", 2};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 1,
                     .shape = (int64_t[]){100},
                     .metas = &meta,
                     .nmetas = 1};
    tsr_array *a;
    char *json;
    OK(tsr_array_create(scratch("a.b2nd"), &spec, NULL, &a));
    OK(tsr_array_attr_set(a, "units", "\"m\""));
    OK(tsr_array_close(a));
    FAILS(TSR_EUNSUPPORTED, "format npy has no place for attribute 'units', metalayer 'kind'",
          tsr_convert(scratch("a.b2nd"), NULL, scratch("a.npy"), NULL, NULL));
    assert_int_equal(scratch_count(), 1);
    OK(tsr_convert(scratch("a.b2nd"), NULL, scratch("b.b2nd"), NULL, NULL));
    OK(tsr_array_open(scratch("b.b2nd"), NULL, &a));
    OK(tsr_array_attrs(a, &json));
    assert_string_equal(json, "{\"units\": \"m\"}");
    assert_string_equal(tsr_array_meta_name(a, TSR_META, 1), "kind");
    tsr_free(json);
    OK(tsr_array_close(a));
    remove_path(scratch("a.b2nd"));
    remove_path(scratch("b.b2nd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_converted_in_any_memory_from_any_chunks_into_any),
        cmocka_unit_test(what_a_plan_says_is_what_happens),
        cmocka_unit_test(conversions_that_are_killed_go_on_where_they_were),
        cmocka_unit_test(a_conversion_that_was_killed_after_its_end_is_tidied),
        cmocka_unit_test(a_journal_that_says_what_cannot_be_is_refused),
        cmocka_unit_test(work_that_may_not_go_on_is_not_removed),
        cmocka_unit_test(what_a_conversion_replaced_never_takes_its_place_again),
        cmocka_unit_test(what_was_replaced_by_two_renames_goes_or_comes_back),
        cmocka_unit_test(what_is_not_of_a_conversion_keeps_it_from_ending_well),
        cmocka_unit_test(a_conversion_that_is_stopped_keeps_what_is_done),
        cmocka_unit_test(folders_that_no_conversion_left_are_not_touched),
        cmocka_unit_test(what_a_format_has_no_place_for_is_listed),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
