/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/frame/test_faults.c - what is on disk when memory or the disk fails.
 *
 * A session is a list of steps on one file.  A clean run notes a digest of the file after each
 * flush; then the session runs again and again, and each time the next allocation or system
 * call fails.  Wherever that happens the file must hold the last flushed state, or the next one
 * when a flush was under way; the failed step, done again, must succeed and lead to the same
 * end. */
#include "frame/tool.h"

#include <dirent.h>
#include <sys/stat.h>

#include "../faults.h"

enum { CHUNK = 300, MAX_STATES = 32 };
enum { ABSENT = 1, BROKEN = 2 }; /* digests that are no digest */

static char folder[64], path[96];
static uint64_t state[MAX_STATES]; /* digests after 0, 1, .. flushes */
static int flushes;

/* ---- digests ---- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)p)[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t digest_metas(const struct tsr_frame *f, tsr_meta_kind kind, uint64_t h)
{
    for (int i = 0; i < tsr_frame_meta_count(f, kind); i++) {
        const char *name = tsr_frame_meta_name(f, kind, i);
        void *buf;
        size_t len;
        if (tsr_frame_meta_get(f, kind, name, &buf, &len) < 0) return BROKEN;
        h = mix(mix(h, name, strlen(name)), buf, len);
        tsr_free(buf);
    }
    return h;
}

static uint64_t digest_frame(const struct tsr_frame *f)
{
    const struct tsr_frame_facts *p = tsr_frame_facts_of(f);
    uint64_t h = mix(UINT64_C(14695981039346656037), &p->nbytes, sizeof p->nbytes);
    uint8_t buf[CHUNK];
    size_t len;
    for (int64_t i = 0; i < p->nchunks; i++) {
        if (tool_read(f, i, buf, sizeof buf, &len) < 0) return BROKEN;
        h = mix(h, buf, len);
    }
    h = digest_metas(f, TSR_META, h);
    return h == BROKEN ? h : digest_metas(f, TSR_VLMETA, h);
}

/* What a new reader finds at name. */
static uint64_t digest(const char *name)
{
    struct tsr_store *st;
    struct tsr_frame *f;
    if (access(name, F_OK)) return ABSENT;
    if (tsr_store_open(name, false, &st) < 0) return BROKEN;
    if (tsr_frame_open(st, 0, tsr_limit(0), &f) < 0) {
        tsr_store_close(st);
        return BROKEN;
    }
    uint64_t h = digest_frame(f);
    tsr_frame_close(f);
    return h;
}

static void expect_state(const char *name, const char *when)
{
    enum mode mode = fault.mode;
    fault.mode = OFF;
    uint64_t h = digest(name);
    if (h != state[flushes] && h != state[flushes + 1])
        fail_msg("%s, call %ld of mode %d, after %d flushes: the file is %s (%s)", when, fault.at,
                 mode, flushes,
                 h == ABSENT   ? "absent"
                 : h == BROKEN ? "broken"
                               : "in another state",
                 tsr_error());
    fault.mode = mode;
}

/* ---- the session ---- */

static struct tsr_frame *open_frame;

static int put(int64_t i, uint32_t seed)
{
    return tool_put(open_frame, i, seed);
}

static int flush(bool durable)
{
    int rc = tsr_frame_flush(open_frame, durable);
    if (rc == TSR_OK) flushes++;
    return rc;
}

static int start(void)
{
    struct tsr_store *st;
    struct tsr_meta_value meta = {"shape", "0123", 4};
    struct tsr_frame_facts p = tool_facts(CHUNK, 6);
    int rc = tsr_store_create(path, true, &st);
    if (rc < 0) return rc;
    rc = tsr_frame_create(st, &p, &meta, 1, TSR_SPECIAL_ZEROS, &open_frame);
    if (rc < 0) tsr_store_close(st);
    return rc;
}

static int reopen(void)
{
    struct tsr_store *st;
    tsr_frame_close(open_frame);
    open_frame = NULL;
    int rc = tsr_store_open(path, true, &st);
    if (rc < 0) return rc;
    rc = tsr_frame_open(st, 0, tsr_limit(0), &open_frame);
    if (rc < 0) tsr_store_close(st);
    return rc;
}

static int64_t backwards(void *arg, int64_t j)
{
    (void)arg;
    return j < 2 ? -1 : 6 - j;
}

static int vlmeta(const char *text)
{
    return tsr_frame_meta_set(open_frame, TSR_VLMETA, "note", text, strlen(text));
}

/* One step; TSR_ENOTFOUND past the last.  Each leaves nothing changed when it fails. */
static int step(int k)
{
    struct tsr_frame *f = open_frame;
    switch (k) {
    case 0: return start();
    case 1: return put(0, 1);
    case 2: return put(3, 2);
    case 3: return vlmeta("one");
    case 4: return flush(false);
    case 5: return put(3, 3);
    case 6: return put(5, 4);
    case 7: return put(5, 5); /* its first version was never flushed */
    case 8: return flush(true);
    case 9: return put(0, 6);
    case 10: return tsr_frame_insert(f, 6, 1, TSR_SPECIAL_ZEROS);
    case 11: return put(6, 7);
    case 12: return tsr_frame_insert(f, 2, 2, TSR_SPECIAL_NAN);
    case 13: return tsr_frame_meta_set(f, TSR_META, "shape", "9876", 4);
    case 14: return flush(false);
    case 15: return reopen();
    case 16: return tsr_frame_delete(f, 1, 2);
    case 17: return put(2, 8);
    case 18: return flush(true);
    case 19: return put(2, 9); /* into a hole of a state before */
    case 20: return tsr_frame_remap(f, 7, backwards, NULL, TSR_SPECIAL_ZEROS);
    case 21: return vlmeta("a longer text for the trailer, which moves");
    case 22: return flush(false);
    case 23: return tsr_frame_delete(f, 0, 7);
    case 24: return flush(true);
    case 25: return vlmeta("changed while empty");
    case 26: return flush(false);
    case 27: return tsr_frame_insert(f, 0, 3, TSR_SPECIAL_ZEROS);
    case 28: return put(1, 10);
    case 29: return flush(true);
    case 30: return tsr_frame_put_special(f, 1, TSR_SPECIAL_ZEROS);
    case 31: return tsr_frame_set_last(f, 100);
    case 32: return put(2, 11);
    case 33: return flush(false);
    default: return tsr_fail(TSR_ENOTFOUND, "the end");
    }
}

static void session_end(void)
{
    tsr_frame_close(open_frame);
    open_frame = NULL;
}

static void session_begin(enum mode mode, long at)
{
    unlink(path);
    flushes = 0;
    fault.mode = mode;
    fault.n = 0;
    fault.at = at;
}

/* Runs the session with one fault.  False when the fault was not reached any more. */
static bool session(enum mode mode, long at)
{
    bool hit = false;
    session_begin(mode, at);
    for (int k = 0, rc; (rc = step(k)) != TSR_ENOTFOUND; k++) {
        if (rc == TSR_OK) continue;
        if (hit || !fault_explains(rc))
            fail_msg("call %ld of mode %d, step %d: %d, %s", at, mode, k, rc, tsr_error());
        hit = true;
        expect_state(path, "a fault");
        fault.mode = OFF;
        if ((rc = step(k)) < 0)
            fail_msg("call %ld of mode %d, step %d again: %s", at, mode, k, tsr_error());
    }
    bool reached = fault.n >= at;
    fault.mode = OFF;
    session_end();
    if (digest(path) != state[flushes])
        fail_msg("call %ld of mode %d: the end is another", at, mode);
    return reached;
}

static void learn(void)
{
    session_begin(OFF, 0);
    state[0] = ABSENT;
    for (int k = 0, rc; (rc = step(k)) != TSR_ENOTFOUND; k++) {
        if (rc < 0) fail_msg("step %d: %s", k, tsr_error());
        state[flushes] = digest(path);
        assert_int_not_equal(state[flushes], BROKEN);
    }
    state[flushes + 1] = state[flushes];
    session_end();
}

static void sweep(enum mode mode, const char *what)
{
    long at = 1;
    learn();
    while (session(mode, at)) at++;
    print_message("%ld %s\n", at - 1, what);
    assert_true(at > 50);
}

static void each_failing_allocation_leaves_a_flushed_state(void **unused)
{
    (void)unused;
    sweep(ALLOC, "allocations failed in turn");
}

static void each_failing_call_leaves_a_flushed_state(void **unused)
{
    (void)unused;
    sweep(IO_ONCE, "calls failed in turn");
}

static void a_disk_that_stays_full_leaves_a_flushed_state(void **unused)
{
    (void)unused;
    sweep(IO_ALWAYS, "times the disk was full");
}

static void short_transfers_do_not_matter(void **unused)
{
    (void)unused;
    sweep(IO_SHORT, "calls were short in turn");
}

static void a_transfer_that_breaks_off_leaves_a_flushed_state(void **unused)
{
    (void)unused;
    sweep(IO_TORN, "calls broke off in turn");
}

/* W: index and trailer, H: header, S: sync of the file, F: of the folder, R: rename, T: cut. */
static void syncs_stand_between_data_and_header(void **unused)
{
    (void)unused;
    static const struct {
        int step;
        const char *want;
    } want[] = {{4, "WHR"}, {8, "WSHSSF"}, {14, "WH"}, {18, "WSHSSF"}, {24, "HSRSF"}, {26, "HR"}};
    session_begin(OFF, 0);
    for (int k = 0, rc, i = 0; (rc = step(k)) != TSR_ENOTFOUND; k++, fault.logged = 0) {
        OK(rc);
        if (i == sizeof want / sizeof *want || k != want[i].step) continue;
        if (fault.log[fault.logged - 1] == 'T') fault.log[fault.logged - 1] = 0;
        assert_string_equal(fault.log, want[i++].want);
    }
    session_end();
}

static void nothing_but_the_file_is_left_behind(void **unused)
{
    (void)unused;
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && ++n > 1)
            fail_msg("found %s", e->d_name);
    closedir(d);
}

int main(void)
{
    strcpy(folder, "/tmp/tsr-faults-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/x", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failing_allocation_leaves_a_flushed_state),
        cmocka_unit_test(each_failing_call_leaves_a_flushed_state),
        cmocka_unit_test(a_disk_that_stays_full_leaves_a_flushed_state),
        cmocka_unit_test(short_transfers_do_not_matter),
        cmocka_unit_test(a_transfer_that_breaks_off_leaves_a_flushed_state),
        cmocka_unit_test(syncs_stand_between_data_and_header),
        cmocka_unit_test(nothing_but_the_file_is_left_behind),
    };
    int failed = cmocka_run_group_tests(tests, worker_start, worker_stop);
    unlink(path);
    rmdir(folder);
    return failed;
}
