/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_faults.c - what arrays and super-chunks do when memory or the disk fails.
 *
 * As tests/frame/test_faults.c, through the public API.  A script is a list of calls on one
 * file; a clean run notes a digest of the file after each flush.  Then it runs again and again,
 * and each time the next allocation or system call fails.  Wherever that happens
 *
 *   - the file holds the last flushed state, or the next one when a flush was under way,
 *   - the call, done again, succeeds and leads to the same end,
 *   - or the handle is dropped, and the file opens, verifies and is one of these states. */
#include "../scratch.h"

#include "../faults.h"

enum { MAX_STATES = 32, ROOM = 64 << 10 };
enum { ABSENT = 1, BROKEN = 2 }; /* digests that are no digest */

struct script {
    const char *name;
    int (*step)(int k); /* TSR_ENOTFOUND past the last */
    uint64_t (*digest)(void);
};

static const struct script *script;
static char path[1024];
static uint64_t state[MAX_STATES]; /* digests after 0, 1, .. flushes */
static int flushes;
static tsr_context *calm; /* for readers: the one under test starts anew each time */
static tsr_options opts;
static tsr_array *array;
static tsr_schunk *schunk;
static uint8_t room[ROOM];

static int flushed(int rc)
{
    if (rc == TSR_OK) flushes++;
    return rc;
}

/* n bytes that compress somewhat. */
static const void *bytes(size_t n, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 1;
    assert_true(n <= ROOM);
    for (size_t i = 0; i < n; i++) {
        if (i % 7 == 0) x = x * 1664525u + 1013904223u;
        room[i] = (uint8_t)(i % 3 ? x >> 24 : seed);
    }
    return room;
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)p)[i]) * UINT64_C(1099511628211);
    return h;
}

/* ---- an array ---- */

static int create_array(void)
{
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<i4",
                  .ndim = 2,
                  .shape = (int64_t[]){20, 30},
                  .chunks = (int64_t[]){8, 8},
                  .blocks = (int64_t[]){4, 4}};
    opts.mode = "w";
    return tsr_array_create(path, &s, &opts, &array);
}

static int open_array(void)
{
    opts.mode = "r+";
    tsr_array_drop(array);
    array = NULL;
    return tsr_array_open(path, &opts, &array);
}

static int write_box(const int64_t start[2], const int64_t count[2], int64_t step, uint32_t seed)
{
    size_t n = (size_t)(count[0] * count[1]) * 4;
    tsr_slice s = {start, count, (int64_t[]){step, step}};
    return tsr_array_write(array, &s, bytes(n, seed), n);
}

static int resize(int64_t rows, int64_t cols)
{
    return tsr_array_resize(array, (int64_t[]){rows, cols});
}

/* A failed append leaves the shape. */
static int append_slabs(int axis, int64_t n, uint32_t seed)
{
    const int64_t *shape = tsr_array_spec(array)->shape, was[] = {shape[0], shape[1]};
    size_t len = (size_t)(n * was[!axis]) * 4;
    int rc = tsr_array_append(array, axis, bytes(len, seed), len);
    shape = tsr_array_spec(array)->shape;
    if (rc < 0 && (shape[0] != was[0] || shape[1] != was[1]))
        fail_msg("a failed append along axis %d left shape %d x %d", axis, (int)shape[0],
                 (int)shape[1]);
    return rc;
}

static int spread(int axis)
{
    double out[45];
    bool axes[2] = {axis == 0, axis == 1};
    tsr_reduce_spec how = {.size = sizeof how, .how = TSR_STD, .axes = axes, .wide = true};
    size_t n = (size_t)tsr_array_spec(array)->shape[1 - axis];
    return tsr_reduce(array, NULL, &how, out, n * sizeof *out);
}

/* What the cache has no room for now is read all the same. */
static int read_twice(void)
{
    int32_t once[2][9], all[9];
    tsr_slice s = {(int64_t[]){2, 2}, (int64_t[]){3, 3}, NULL}, whole = {.count = s.count};
    for (int i = 0; i < 2; i++) {
        int rc = tsr_array_read(array, &s, once[i], sizeof once[i]);
        if (rc == TSR_OK) rc = tsr_array_read(array, &whole, all, sizeof all);
        if (rc < 0) return rc;
    }
    if (memcmp(once[0], once[1], sizeof all) != 0 || once[0][0] != all[8])
        fail_msg("two reads of a box differ");
    return TSR_OK;
}

static int array_step(int k)
{
#define AT(a, b) \
    (int64_t[])  \
    {            \
        a, b     \
    }
    switch (k) {
    case 0: return create_array();
    case 1: return write_box(AT(0, 0), AT(20, 30), 1, 1);
    case 2: return flushed(tsr_array_flush(array));
    case 3: return write_box(AT(3, 5), AT(9, 17), 1, 2);
    case 4: return resize(25, 37);
    case 5: return append_slabs(0, 3, 3);
    case 6: return flushed(tsr_array_flush(array));
    case 7: return open_array();
    case 8: return write_box(AT(1, 0), AT(10, 12), 2, 4);
    case 9: return append_slabs(1, 2, 5);
    case 10: return resize(14, 45);
    case 11: return flushed(tsr_array_sync(array));
    case 12: return tsr_array_attr_set(array, "note", "[1, 2]");
    case 13: return write_box(AT(8, 8), AT(6, 8), 1, 6);
    case 14: return flushed(tsr_array_flush(array));
    case 15: return resize(0, 45);
    case 16: return resize(9, 9);
    case 17: return write_box(AT(0, 0), AT(9, 9), 1, 7);
    case 18: return flushed(tsr_array_flush(array));
    case 19: return open_array();
    case 20: return append_slabs(0, 1, 8);
    case 21: return flushed(tsr_array_sync(array));
    case 22: return spread(0);
    case 23: return spread(1);
    case 24: return read_twice();
    default: return TSR_ENOTFOUND;
    }
#undef AT
}

static uint64_t array_digest(void)
{
    tsr_options o = {.size = sizeof o, .context = calm};
    tsr_array *a;
    char *json = NULL;
    if (tsr_array_open(path, &o, &a) < 0) return BROKEN;
    const tsr_spec *s = tsr_array_spec(a);
    size_t n = (size_t)(s->shape[0] * s->shape[1]) * 4;
    uint64_t h = mix(UINT64_C(14695981039346656037), s->shape, 2 * sizeof *s->shape);
    if (n > ROOM || tsr_array_read(a, NULL, room, n) < 0 || tsr_array_attrs(a, &json) < 0)
        h = BROKEN;
    else h = mix(mix(h, room, n), json, strlen(json));
    tsr_free(json);
    tsr_array_drop(a);
    return h;
}

/* ---- a super-chunk ---- */

enum { ITEMS = 256 }; /* of a chunk */

static int create_schunk(void)
{
    tsr_schunk_spec s = {.size = sizeof s,
                         .item_bytes = 4,
                         .chunk_bytes = 4 * ITEMS,
                         .block_bytes = 256};
    opts.mode = "w";
    return tsr_schunk_create(path, &s, &opts, &schunk);
}

static int open_schunk(void)
{
    opts.mode = "r+";
    tsr_schunk_drop(schunk);
    schunk = NULL;
    return tsr_schunk_open(path, &opts, &schunk);
}

/* A failed call leaves the number of items. */
static int counted(int64_t was, int rc)
{
    if (rc < 0 && tsr_schunk_nitems(schunk) != was)
        fail_msg("a failed call left %d items of %d", (int)tsr_schunk_nitems(schunk), (int)was);
    return rc;
}

static int append(int64_t n, uint32_t seed)
{
    int64_t was = tsr_schunk_nitems(schunk);
    return counted(was, tsr_schunk_append(schunk, n, bytes((size_t)n * 4, seed)));
}

static int set(int64_t start, int64_t n, uint32_t seed)
{
    int64_t was = tsr_schunk_nitems(schunk);
    return counted(was, tsr_schunk_set(schunk, start, n, bytes((size_t)n * 4, seed)));
}

static int insert(int64_t i, uint32_t seed)
{
    size_t n = 4 * ITEMS;
    int64_t was = tsr_schunk_nitems(schunk);
    return counted(was, tsr_schunk_insert_chunk(schunk, i, bytes(n, seed), n));
}

static int erase(int64_t i)
{
    int64_t was = tsr_schunk_nitems(schunk);
    return counted(was, tsr_schunk_delete_chunk(schunk, i));
}

static int schunk_step(int k)
{
    switch (k) {
    case 0: return create_schunk();
    case 1: return append(100, 1);
    case 2: return flushed(tsr_schunk_flush(schunk));
    case 3: return append(700, 2);
    case 4: return set(50, 300, 3);
    case 5: return flushed(tsr_schunk_flush(schunk));
    case 6: return insert(1, 4);
    case 7: return erase(0);
    case 8: return flushed(tsr_schunk_sync(schunk));
    case 9: return open_schunk();
    case 10: return append(5, 5);
    case 11: return set(790, 600, 6); /* 805 items, then 1390 */
    case 12: return tsr_schunk_update_chunk(schunk, 0, bytes(4 * ITEMS, 7), 4 * ITEMS);
    case 13: return flushed(tsr_schunk_flush(schunk));
    case 14: return erase(5); /* the short last one */
    case 15: return insert(5, 8);
    case 16: return append(2 * ITEMS, 9);
    case 17: return tsr_schunk_meta_set(schunk, TSR_VLMETA, "note", "text", 4);
    case 18: return flushed(tsr_schunk_flush(schunk));
    case 19: return append(1, 10);
    case 20: return open_schunk(); /* what was appended is forgotten */
    case 21: return append(3 * ITEMS + 7, 11);
    case 22: return append(ITEMS, 12);
    case 23: return flushed(tsr_schunk_sync(schunk));
    default: return TSR_ENOTFOUND;
    }
}

static uint64_t schunk_digest(void)
{
    tsr_options o = {.size = sizeof o, .context = calm};
    tsr_schunk *s;
    if (tsr_schunk_open(path, &o, &s) < 0) return BROKEN;
    int64_t n = tsr_schunk_nitems(s);
    int metas = tsr_schunk_meta_count(s, TSR_VLMETA);
    uint64_t h = mix(UINT64_C(14695981039346656037) + (uint64_t)metas, &n, sizeof n);
    if (n * 4 > ROOM || tsr_schunk_get(s, 0, n, room) < 0) h = BROKEN;
    else h = mix(h, room, (size_t)n * 4);
    tsr_schunk_drop(s);
    return h;
}

/* ---- sessions ---- */

static uint64_t digest(void)
{
    return access(path, F_OK) ? ABSENT : script->digest();
}

static void expect_state(const char *when, int k, long at, enum mode mode)
{
    uint64_t h = digest();
    if (h != state[flushes] && h != state[flushes + 1])
        fail_msg("%s %s, call %ld of mode %d, step %d: the file is %s (%s)", script->name, when, at,
                 mode, k,
                 h == ABSENT   ? "absent"
                 : h == BROKEN ? "broken"
                               : "in another state",
                 tsr_error());
}

static void expect_sound(long at)
{
    tsr_options o = {.size = sizeof o, .context = calm};
    int64_t problems = 0;
    if (access(path, F_OK)) return;
    OK(tsr_verify(path, &o, NULL, NULL, &problems));
    if (problems)
        fail_msg("%s, call %ld: verify finds %d problems", script->name, at, (int)problems);
}

static void begin(enum mode mode, long at)
{
    tsr_context_options one = {.size = sizeof one, .threads = 1};
    unlink(path);
    flushes = 0;
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
    tsr_schunk_drop(schunk);
    tsr_context_free(opts.context);
    array = NULL;
    schunk = NULL;
}

/* Runs the script with one fault, after which the failed step is done again, or the handle
 * dropped.  False when the fault was not reached any more. */
static bool session(enum mode mode, long at, bool drop)
{
    int k = 0, rc;
    bool hit = false;
    for (begin(mode, at); (rc = script->step(k)) != TSR_ENOTFOUND; k++) {
        if (rc == TSR_OK) continue;
        if (hit || !fault_explains(rc))
            fail_msg("%s, call %ld of mode %d, step %d: %d, %s", script->name, at, mode, k, rc,
                     tsr_error());
        if (drop) break;
        fault.mode = OFF;
        hit = true;
        expect_state("after a fault", k, at, mode);
        if ((rc = script->step(k)) < 0)
            fail_msg("%s, call %ld of mode %d, step %d again: %s", script->name, at, mode, k,
                     tsr_error());
    }
    bool reached = fault.n >= at;
    end();
    expect_state("dropped", k, at, mode);
    expect_sound(at);
    if ((!drop || !reached) && digest() != state[flushes])
        fail_msg("%s, call %ld of mode %d: the end is another", script->name, at, mode);
    return reached;
}

static void learn(void)
{
    begin(OFF, 0);
    state[0] = ABSENT;
    for (int k = 0, rc; (rc = script->step(k)) != TSR_ENOTFOUND; k++) {
        if (rc < 0) fail_msg("%s, step %d: %s", script->name, k, tsr_error());
        state[flushes] = digest();
        assert_int_not_equal(state[flushes], BROKEN);
    }
    state[flushes + 1] = state[flushes];
    end();
}

static void sweep(const struct script *s, enum mode mode, bool drop)
{
    long at = 1;
    script = s;
    snprintf(path, sizeof path, "%s", scratch(s->name));
    learn();
    while (session(mode, at, drop)) at++;
    print_message("%s: %ld calls in turn, mode %d\n", s->name, at - 1, mode);
    assert_true(at > 50);
    unlink(path);
    assert_int_equal(scratch_count(), 0);
}

static const struct script arrays = {"faults.b2nd", array_step, array_digest};
static const struct script schunks = {"faults.b2frame", schunk_step, schunk_digest};

static void each_failing_allocation_can_be_tried_again(void **unused)
{
    (void)unused;
    sweep(&arrays, ALLOC, false);
    sweep(&schunks, ALLOC, false);
}

static void each_failing_call_can_be_tried_again(void **unused)
{
    (void)unused;
    sweep(&arrays, IO_ONCE, false);
    sweep(&schunks, IO_ONCE, false);
}

static void a_disk_that_was_full_can_be_tried_again(void **unused)
{
    (void)unused;
    sweep(&arrays, IO_ALWAYS, false);
    sweep(&schunks, IO_ALWAYS, false);
}

static void transfers_that_break_off_can_be_tried_again(void **unused)
{
    (void)unused;
    sweep(&arrays, IO_TORN, false);
    sweep(&schunks, IO_TORN, false);
}

static void dropping_after_a_failure_leaves_a_flushed_state(void **unused)
{
    (void)unused;
    sweep(&arrays, ALLOC, true);
    sweep(&schunks, ALLOC, true);
    sweep(&arrays, IO_ONCE, true);
    sweep(&schunks, IO_ONCE, true);
    sweep(&arrays, IO_TORN, true);
    sweep(&schunks, IO_TORN, true);
    sweep(&arrays, IO_ALWAYS, true);
    sweep(&schunks, IO_ALWAYS, true);
}

/* NFS and FUSE do not know the flag, old kernels not the call. */
static void a_new_file_appears_without_renameat2(void **unused)
{
    const int errors[] = {EINVAL, ENOSYS};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = (int64_t[]){3}};
    tsr_options o = {.size = sizeof o, .mode = "x", .context = calm};
    tsr_array *a, *late;
    (void)unused;
    snprintf(path, sizeof path, "%s", scratch("new.b2nd"));
    for (int i = 0; i < 2; i++) {
        fault.renameat2_errno = errors[i];
        OK(tsr_array_create(path, &s, &o, &a));
        OK(tsr_array_create(path, &s, &o, &late));
        OK(tsr_array_close(a));
        assert_int_equal(scratch_count(), 2);
        FAILS(TSR_EEXISTS, "new.b2nd", tsr_array_close(late));
        assert_int_equal(scratch_count(), 1);
        OK(tsr_array_open(path, NULL, &a));
        OK(tsr_array_close(a));
        unlink(path);
    }
    fault.renameat2_errno = 0;
}

static int start(void **unused)
{
    tsr_context_options one = {.size = sizeof one, .threads = 1};
    return scratch_make(unused) || tsr_context_new(&one, &calm) < 0;
}

static int stop(void **unused)
{
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
        cmocka_unit_test(dropping_after_a_failure_leaves_a_flushed_state),
        cmocka_unit_test(a_new_file_appears_without_renameat2),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
