/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_zarr_kill.c - writers of Zarr arrays are killed at random moments.
 *
 * A child writes, appends, resizes and sets attributes, flushes after each step, and tells the
 * number of the step through a pipe.  Steps are a function of the state before them and of a seed.
 * After SIGKILL the array has the shape of the last step told or of the next one, and each of its
 * chunks is that of one of the two, whole; archives are one of the two altogether.  (What is cut
 * off along one axis goes before another grows.)  The survivor is the next child's array, so that
 * what a dead writer left in it must not matter. */
#include "scratch.h"

#include <signal.h>
#include <sys/wait.h>

enum { SIDE = 96, CHUNK = 16, FRESH = 15 };

static const struct layout {
    const char *name, *format, *zarr;
    int64_t block;
    int kills;
    bool archive;
} layouts[] = {
    {"plain3.zarr", "zarr3", NULL, CHUNK, 60, false},
    {"shards.zarr", "zarr3", NULL, CHUNK / 4, 60, false},
    {"start.zarr#deep/er", "zarr3", "index=start,separator=.", CHUNK / 2, 30, false},
    {"plain2.zarr", "zarr2", NULL, CHUNK, 60, false},
    {"archive.zip", "zarr3", NULL, CHUNK / 4, 30, true},
};

/* What an array holds; items beyond the shape are 0. */
struct state {
    int64_t shape[2];
    int32_t item[SIDE][SIDE];
    int attribute;
};

static tsr_context *alone; /* of the parent, which must have no threads to be forked */

/* ---- steps ---- */

struct step {
    enum { WRITE, APPEND, RESIZE, ATTRIBUTE, KINDS } kind;
    int64_t start[2], count[2]; /* of a resize: count is the new shape */
    uint32_t seed;
};

/* As random_next, from a number. */
static uint32_t draw(uint32_t *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

static struct step step_after(const struct state *s, uint32_t seed)
{
    struct step t = {.kind = draw(&seed) % KINDS, .seed = seed};
    for (int d = 0; d < 2; d++) {
        t.start[d] = draw(&seed) % s->shape[d];
        t.count[d] = 1 + draw(&seed) % (s->shape[d] - t.start[d]);
        if (draw(&seed) % 3 == 0) t.start[d] = 0, t.count[d] = s->shape[d];
        if (t.kind == RESIZE) t.count[d] = 1 + draw(&seed) % SIDE;
    }
    if (t.kind != APPEND) return t;
    t.start[0] = s->shape[0];
    t.count[0] = 1 + draw(&seed) % (2 * CHUNK);
    t.start[1] = 0;
    t.count[1] = s->shape[1];
    if (t.start[0] + t.count[0] > SIDE) t.kind = ATTRIBUTE;
    return t;
}

/* Now and then nothing but the fill value, so that chunks go. */
static int32_t item_of(const struct step *t, int64_t i, int64_t j)
{
    return t->seed % 5 == 0 ? 0 : (int32_t)((t->seed ^ (uint32_t)(i * 977 + j)) & 0xFFFFFF);
}

static void apply(struct state *s, const struct step *t)
{
    if (t->kind == ATTRIBUTE) s->attribute = (int)(t->seed & 0xFFFF);
    if (t->kind == APPEND) s->shape[0] += t->count[0];
    if (t->kind == RESIZE) {
        memcpy(s->shape, t->count, sizeof s->shape);
        for (int64_t i = 0; i < SIDE; i++)
            for (int64_t j = 0; j < SIDE; j++)
                if (i >= s->shape[0] || j >= s->shape[1]) s->item[i][j] = 0;
    }
    for (int64_t i = 0; i < t->count[0] && t->kind <= APPEND; i++)
        for (int64_t j = 0; j < t->count[1]; j++)
            s->item[t->start[0] + i][t->start[1] + j] = item_of(t, i, j);
}

static int do_step(tsr_array *a, const struct step *t)
{
    static int32_t room[SIDE * SIDE];
    char value[32];
    size_t n = 0;
    for (int64_t i = 0; i < t->count[0] && t->kind <= APPEND; i++)
        for (int64_t j = 0; j < t->count[1]; j++) room[n++] = item_of(t, i, j);
    snprintf(value, sizeof value, "%u", t->seed & 0xFFFF);
    switch (t->kind) {
    case WRITE: return tsr_array_write(a, &(tsr_slice){t->start, t->count, NULL}, room, n * 4);
    case APPEND: return tsr_array_append(a, 0, room, n * 4);
    case RESIZE: return tsr_array_resize(a, t->count);
    default: return tsr_array_attr_set(a, "state", value);
    }
}

/* ---- the child ---- */

static int make(const struct layout *l, const char *url, tsr_array **a)
{
    tsr_options o = {.size = sizeof o, .format = l->format};
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<i4",
                  .ndim = 2,
                  .shape = (int64_t[]){40, 40},
                  .chunks = (int64_t[]){CHUNK, CHUNK},
                  .blocks = (int64_t[]){l->block, l->block},
                  .zarr = l->zarr};
    int rc = tsr_array_create(url, &s, &o, a);
    return rc < 0 ? rc : tsr_array_attr_set(*a, "state", "0");
}

/* Never returns.  n: steps so far; < 0: there is no array. */
static void live(const struct layout *l, const char *url, struct state s, int32_t n, int tell)
{
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    tsr_array *a = NULL;
    int rc = n < 0 ? make(l, url, &a) : tsr_array_open(url, &o, &a);
    if (rc == TSR_OK && n < 0) rc = tsr_array_flush(a);
    if (n < 0) n = 0;
    while (rc == TSR_OK && write(tell, &n, sizeof n) == sizeof n) {
        struct step t = step_after(&s, (uint32_t)n + 1);
        rc = do_step(a, &t);
        if (rc == TSR_OK) rc = tsr_array_flush(a);
        apply(&s, &t);
        n++;
    }
    printf("the writer failed after step %d: %s\n", n, tsr_error());
    fflush(stdout);
    _exit(1);
}

/* The number of the last step that was told; < 0: none was. */
static int32_t run_and_kill(const struct layout *l, const char *url, const struct state *s,
                            int32_t n)
{
    int ends[2], status;
    int32_t last = -1, told;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        live(l, url, *s, n, ends[1]);
    }
    close(ends[1]);
    if (random_in(0, 9) < 8 && read(ends[0], &told, sizeof told) == sizeof told) last = told;
    usleep((useconds_t)random_in(0, 12000));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(ends[0], &told, sizeof told) == sizeof told) last = told;
    close(ends[0]);
    return last;
}

/* ---- what is found ---- */

static int look(const char *url, struct state *s)
{
    static int32_t all[SIDE * SIDE];
    tsr_options o = {.size = sizeof o, .context = alone};
    tsr_array *a;
    char *json;
    *s = (struct state){.attribute = -1};
    int rc = tsr_array_open(url, &o, &a);
    if (rc < 0) return rc;
    memcpy(s->shape, tsr_array_spec(a)->shape, sizeof s->shape);
    OK(tsr_array_attrs(a, &json));
    sscanf(json, "{\"state\":%d}", &s->attribute);
    tsr_free(json);
    OK(tsr_array_read(a, NULL, all, (size_t)(s->shape[0] * s->shape[1]) * 4));
    for (int64_t i = 0; i < s->shape[0]; i++)
        memcpy(s->item[i], all + i * s->shape[1], (size_t)s->shape[1] * 4);
    return tsr_array_close(a);
}

/* Of the chunk at i, j, as far as it lies in found. */
static bool same_chunk(const struct state *found, const struct state *s, int64_t i, int64_t j)
{
    for (int64_t k = i; k < i + CHUNK && k < found->shape[0]; k++)
        for (int64_t m = j; m < j + CHUNK && m < found->shape[1]; m++)
            if (found->item[k][m] != s->item[k][m]) return false;
    return true;
}

static bool same_shape(const struct state *a, const struct state *b)
{
    return a->shape[0] == b->shape[0] && a->shape[1] == b->shape[1];
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void judge(const struct layout *l, const struct state *found, const struct state *was,
                  const struct state *next, int32_t n)
{
    int64_t others = 0, olds = 0;
    struct state both = {
        .shape = {least(was->shape[0], next->shape[0]), least(was->shape[1], next->shape[1])}};
    if (!same_shape(found, was) && !same_shape(found, next) && !same_shape(found, &both))
        fail_msg("%s: step %d: shape %d x %d", l->name, n, (int)found->shape[0],
                 (int)found->shape[1]);
    if (found->attribute != was->attribute && found->attribute != next->attribute)
        fail_msg("%s: step %d: attribute %d", l->name, n, found->attribute);
    for (int64_t i = 0; i < found->shape[0]; i += CHUNK)
        for (int64_t j = 0; j < found->shape[1]; j += CHUNK) {
            bool old = same_chunk(found, was, i, j), new = same_chunk(found, next, i, j);
            if (!old && !new)
                fail_msg("%s: step %d: the chunk at %d, %d is of no state", l->name, n, (int)i,
                         (int)j);
            olds += !new;
            others += !old;
        }
    if (l->archive && olds && others) fail_msg("%s: step %d: half of a flush", l->name, n);
}

/* From one survivor to the next; steps so far, < 0: there is none. */
static int32_t one_kill(const struct layout *l, const char *url, struct state *s, int32_t n)
{
    struct state found, next;
    struct step t;
    int32_t last = run_and_kill(l, url, s, n);
    if (n < 0 && last < 0 && look(url, &found) == TSR_ENOTFOUND) return -1;
    for (int32_t i = n < 0 ? 0 : n; i < last; i++) {
        t = step_after(s, (uint32_t)i + 1);
        apply(s, &t);
    }
    last = last > n ? last : n < 0 ? 0 : n;
    next = *s;
    t = step_after(s, (uint32_t)last + 1);
    apply(&next, &t);
    OK(look(url, &found));
    judge(l, &found, s, &next, last);
    *s = found;
    return last + 1000; /* other steps than the one that was cut short */
}

static void each_kill_leaves_what_was_flushed(void **state)
{
    const struct layout *l = *state;
    struct state s;
    int32_t n = -1, none = 0;
    char url[1200];
    OK(tsr_context_new(&(tsr_context_options){.size = sizeof(tsr_context_options), .threads = 1},
                       &alone));
    for (int i = 0; i < l->kills; i++) {
        if (i % FRESH == 0) {
            const char *hash = strchr(l->name, '#');
            char name[64];
            snprintf(name, sizeof name, "%d%.*s", i, (int)strcspn(l->name, "#"), l->name);
            snprintf(url, sizeof url, "%s%s", scratch(name), hash ? hash : "");
            n = -1;
        }
        if (n < 0) s = (struct state){.shape = {40, 40}};
        n = one_kill(l, url, &s, n);
        none += n < 0;
    }
    tsr_context_free(alone);
    printf("%s: %d kills, %d of them before the first flush\n", l->name, l->kills, (int)none);
}

int main(void)
{
    struct CMUnitTest tests[sizeof layouts / sizeof *layouts];
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        tests[i] = (struct CMUnitTest){.name = layouts[i].name,
                                       .test_func = each_kill_leaves_what_was_flushed,
                                       .initial_state = (void *)(uintptr_t)&layouts[i]};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove_all);
}
