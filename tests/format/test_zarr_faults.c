/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_zarr_faults.c - what Zarr arrays do when memory or the disk fails.
 *
 * A script is a list of calls on one array in a folder; a clean run notes after each what a new
 * reader finds.  Then it runs again and again, and each time the next allocation or system call
 * fails.  Wherever that happens
 *
 *   - a reader finds a shape, attributes and chunks that were there before the call or are there
 *     after it,
 *   - the call, done again, succeeds and leads to the same end,
 *   - or the handle is dropped, and a new one opens what is there and goes on. */
#define _GNU_SOURCE
#include <ftw.h>

#include "../scratch.h"

#include "../faults_tree.h"

enum { SIDE = 48, CHUNK = 8, MAX_STEPS = 32 };

/* What a reader finds; items beyond the shape are 0. */
struct seen {
    bool there;
    int64_t shape[2];
    int32_t item[SIDE][SIDE];
    char attrs[128];
};

static const struct layout {
    const char *format;
    int64_t block;
} layouts[] = {{"zarr3", CHUNK / 2}, {"zarr2", CHUNK}};

static const struct layout *layout;
static const char *path;
static struct seen state[MAX_STEPS]; /* after each step */
static tsr_context *calm;            /* for readers: the one under test starts anew each time */
static tsr_options opts;
static tsr_array *array;

/* ---- the script ---- */

static int create(void)
{
    static const int32_t fill = 5;
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<i4",
                  .ndim = 2,
                  .shape = (int64_t[]){20, 20},
                  .chunks = (int64_t[]){CHUNK, CHUNK},
                  .blocks = (int64_t[]){layout->block, layout->block},
                  .fill = &fill};
    if (array) return TSR_OK;
    opts.mode = "w";
    opts.format = layout->format;
    return tsr_array_create(path, &s, &opts, &array);
}

static int open_array(void)
{
    tsr_array_drop(array);
    array = NULL;
    opts.mode = "r+";
    opts.format = NULL;
    return tsr_array_open(path, &opts, &array);
}

static const int32_t *numbers(int64_t n, int32_t seed)
{
    static int32_t room[SIDE * SIDE];
    for (int64_t i = 0; i < n; i++) room[i] = seed ? seed * 1000 + (int32_t)(i % 37) : 5;
    return room;
}

static int write_box(int64_t i, int64_t j, int64_t n, int64_t m, int32_t seed)
{
    tsr_slice s = {(int64_t[]){i, j}, (int64_t[]){n, m}, NULL};
    return tsr_array_write(array, &s, numbers(n * m, seed), (size_t)(n * m) * 4);
}

static int append(int64_t rows, int32_t seed)
{
    int64_t was = tsr_array_spec(array)->shape[0], n = rows * tsr_array_spec(array)->shape[1];
    int rc = tsr_array_append(array, 0, numbers(n, seed), (size_t)n * 4);
    if (rc < 0 && tsr_array_spec(array)->shape[0] != was) fail_msg("a failed append left rows");
    return rc;
}

static int resize(int64_t rows, int64_t cols)
{
    return tsr_array_resize(array, (int64_t[]){rows, cols});
}

static int read_all(void)
{
    static int32_t room[SIDE * SIDE];
    const int64_t *s = tsr_array_spec(array)->shape;
    int64_t n;
    int rc = tsr_array_cbytes(array, &n);
    return rc < 0 ? rc : tsr_array_read(array, NULL, room, (size_t)(s[0] * s[1]) * 4);
}

/* Removed already where a flush failed that came after it. */
static int remove_attribute(void)
{
    int rc = tsr_array_attr_remove(array, "unit");
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

static int step(int k)
{
    switch (k) {
    case 0: return create();
    case 1: return write_box(0, 0, 20, 20, 1);
    case 2: return tsr_array_attr_set(array, "unit", "\"K\"");
    case 3: return tsr_array_flush(array);
    case 4: return write_box(3, 5, 9, 9, 2);
    case 5: return append(6, 3);
    case 6: return tsr_array_flush(array);
    case 7: return open_array();
    case 8: return read_all();
    case 9: return resize(13, 20);
    case 10: return resize(30, 33);
    case 11: return tsr_array_flush(array);
    case 12: return write_box(0, 0, 16, 16, 0); /* chunks go */
    case 13: return tsr_array_refresh(array, NULL);
    case 14: return remove_attribute();
    case 15: return tsr_array_sync(array);
    case 16: return tsr_array_refresh(array, NULL);
    case 17: return write_box(7, 7, 20, 20, 4);
    case 18: return tsr_array_flush(array);
    default: return TSR_EARG;
    }
}
enum { STEPS = 19 };

/* ---- what a reader finds ---- */

static void look(struct seen *s)
{
    static int32_t all[SIDE * SIDE];
    tsr_options o = {.size = sizeof o, .context = calm};
    tsr_array *a;
    char *json;
    memset(s, 0, sizeof *s);
    int rc = tsr_array_open(path, &o, &a);
    if (rc == TSR_ENOTFOUND) return;
    OK(rc);
    s->there = true;
    memcpy(s->shape, tsr_array_spec(a)->shape, sizeof s->shape);
    OK(tsr_array_attrs(a, &json));
    snprintf(s->attrs, sizeof s->attrs, "%s", json);
    tsr_free(json);
    OK(tsr_array_read(a, NULL, all, (size_t)(s->shape[0] * s->shape[1]) * 4));
    for (int64_t i = 0; i < s->shape[0]; i++)
        memcpy(s->item[i], all + i * s->shape[1], (size_t)s->shape[1] * 4);
    OK(tsr_array_close(a));
}

/* Of the chunk at i, j, as far as it lies in both: what a step cut off or added is fine. */
static bool same_chunk(const struct seen *a, const struct seen *b, int64_t i, int64_t j)
{
    for (int64_t k = i; k < i + CHUNK && k < a->shape[0] && k < b->shape[0]; k++)
        for (int64_t m = j; m < j + CHUNK && m < a->shape[1] && m < b->shape[1]; m++)
            if (a->item[k][m] != b->item[k][m]) return false;
    return true;
}

static bool same_shape(const struct seen *a, const struct seen *b)
{
    return a->there == b->there && a->shape[0] == b->shape[0] && a->shape[1] == b->shape[1];
}

static void expect_either(const struct seen *was, const struct seen *next, int k, enum mode mode)
{
    static struct seen now;
    look(&now);
    if (!same_shape(&now, was) && !same_shape(&now, next))
        fail_msg("mode %d, call %ld, step %d: shape %d x %d", mode, fault.at, k, (int)now.shape[0],
                 (int)now.shape[1]);
    if (!now.there) return;
    if (strcmp(now.attrs, was->attrs) && strcmp(now.attrs, next->attrs))
        fail_msg("mode %d, call %ld, step %d: attributes %s", mode, fault.at, k, now.attrs);
    for (int64_t i = 0; i < now.shape[0]; i += CHUNK)
        for (int64_t j = 0; j < now.shape[1]; j += CHUNK)
            if (!same_chunk(&now, was, i, j) && !same_chunk(&now, next, i, j))
                fail_msg("mode %d, call %ld, step %d: the chunk at %d, %d is of no state", mode,
                         fault.at, k, (int)i, (int)j);
}

/* ---- sessions ---- */

static int remove_any(const char *name, const struct stat *s, int kind, struct FTW *f)
{
    (void)s;
    (void)kind;
    (void)f;
    return remove(name);
}

static void begin(enum mode mode, long at)
{
    tsr_context_options one = {.size = sizeof one, .threads = 1};
    nftw(path, remove_any, 16, FTW_DEPTH | FTW_PHYS);
    opts = (tsr_options){.size = sizeof opts};
    OK(tsr_context_new(&one, &opts.context));
    fault.n = 0;
    fault.at = at;
    fault.mode = mode;
}

static void end(void)
{
    fault.mode = OFF;
    tsr_array_drop(array);
    tsr_context_free(opts.context);
    array = NULL;
}

static void learn(void)
{
    begin(OFF, 0);
    for (int k = 0; k < STEPS; k++) {
        OK(step(k));
        look(&state[k]);
    }
    end();
}

static bool explains(enum mode mode, int rc)
{
    if (mode == ALLOC) return rc == TSR_ENOMEM;
    return rc == TSR_EIO || rc == TSR_ECORRUPT || rc == TSR_ECONFLICT;
}

/* After a failure the step is done again; drop: with a new handle, where there is something to
 * open.  False: there are not that many calls. */
static bool session(enum mode mode, long at, bool drop)
{
    static const struct seen nothing;
    bool hit = false;
    begin(mode, at);
    for (int k = 0; k < STEPS; k++) {
        fault.mode = hit ? OFF : mode;
        int rc = step(k);
        fault.mode = OFF;
        if (rc >= 0) continue;
        if (!explains(mode, rc))
            fail_msg("mode %d, call %ld, step %d: %d, %s", mode, at, k, rc, tsr_error());
        hit = true;
        expect_either(k ? &state[k - 1] : &nothing, &state[k], k, mode);
        if (drop && k > 3) {
            OK(open_array());
            break;
        }
        OK(step(k));
    }
    bool reached = fault.n >= at;
    static struct seen last;
    look(&last);
    if ((!hit || !drop) && memcmp(&last, &state[STEPS - 1], sizeof last) != 0)
        fail_msg("mode %d, call %ld: the end is another", mode, at);
    end();
    return reached;
}

/* Each by-th call. */
static void sweep(enum mode mode, bool drop, long by)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        long at = 1;
        layout = &layouts[i];
        learn();
        while (session(mode, at, drop)) at += by;
        print_message("%s: %ld calls, each %ldth in turn, mode %d\n", layout->format, at, by, mode);
        assert_true(at > 50);
    }
    nftw(path, remove_any, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(scratch_count(), 0);
}

static void each_failing_allocation_can_be_tried_again(void **unused)
{
    (void)unused;
    sweep(ALLOC, false, 1);
}

static void each_failing_call_can_be_tried_again(void **unused)
{
    (void)unused;
    sweep(IO_ONCE, false, 1);
}

static void a_disk_that_was_full_can_be_tried_again(void **unused)
{
    (void)unused;
    sweep(IO_ALWAYS, false, 3);
}

static void transfers_that_break_off_can_be_tried_again(void **unused)
{
    (void)unused;
    sweep(IO_TORN, false, 3);
}

static void what_a_failed_call_left_is_opened_again(void **unused)
{
    (void)unused;
    sweep(IO_ONCE, true, 3);
}

static int start(void **unused)
{
    tsr_context_options one = {.size = sizeof one, .threads = 1};
    /* thousands of folders come and go: not on a disk */
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 1);
    int rc = scratch_make(unused);
    path = strdup(scratch("faults.zarr"));
    fault.no_sync = true;
    return rc < 0 || !path ? -1 : tsr_context_new(&one, &calm);
}

static int stop(void **unused)
{
    free((char *)(uintptr_t)path);
    tsr_context_free(calm);
    return scratch_remove(unused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failing_allocation_can_be_tried_again),
        cmocka_unit_test(each_failing_call_can_be_tried_again),
        cmocka_unit_test(a_disk_that_was_full_can_be_tried_again),
        cmocka_unit_test(transfers_that_break_off_can_be_tried_again),
        cmocka_unit_test(what_a_failed_call_left_is_opened_again),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
