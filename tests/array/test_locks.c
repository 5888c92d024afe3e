/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_locks.c - locks that a caller keeps over several calls, and the counter that
 * tells of changes by others. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "scratch.h"

static const tsr_options reader = {.size = sizeof reader, .locking = true};
static const tsr_options writer = {.size = sizeof writer, .mode = "r+", .locking = true};

static tsr_schunk *counters(const char *path, const tsr_options *o)
{
    static const uint64_t zeros[4];
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 8, .chunk_bytes = 16};
    tsr_schunk *s;
    OK(tsr_schunk_create(path, &spec, o, &s));
    OK(tsr_schunk_append(s, 4, zeros));
    OK(tsr_schunk_flush(s));
    return s;
}

static uint64_t first(const tsr_schunk *s)
{
    uint64_t v;
    OK(tsr_schunk_get(s, 0, 1, &v));
    return v;
}

/* One more in the first item, read and written under one lock, with a flush between. */
static int add_one(tsr_schunk *s)
{
    uint64_t v = 0;
    int rc = tsr_schunk_lock(s);
    if (rc == TSR_OK) rc = tsr_schunk_get(s, 0, 1, &v);
    if (rc == TSR_OK) rc = tsr_schunk_set(s, 3, 1, &v);
    if (rc == TSR_OK) rc = tsr_schunk_flush(s);
    v++;
    if (rc == TSR_OK) rc = tsr_schunk_set(s, 0, 1, &v);
    return rc == TSR_OK ? tsr_schunk_unlock(s) : rc;
}

struct adding {
    const char *path;
    int times, rc;
    char text[512];
};

static void *add_many(void *arg)
{
    struct adding *a = arg;
    tsr_schunk *s;
    a->rc = tsr_schunk_open(a->path, &writer, &s);
    for (int i = 0; i < a->times && a->rc == TSR_OK; i++) a->rc = add_one(s);
    if (a->rc == TSR_OK) a->rc = tsr_schunk_close(s);
    snprintf(a->text, sizeof a->text, "%s", tsr_error());
    return NULL;
}

static void reading_and_writing_under_a_lock_is_one(void **state)
{
    enum { WRITERS = 4, TIMES = 50 };
    const char *path = scratch("add.b2frame");
    struct adding a[WRITERS];
    pthread_t t[WRITERS];
    tsr_schunk *s = counters(path, &reader);
    (void)state;
    for (int i = 0; i < WRITERS; i++) {
        a[i] = (struct adding){.path = path, .times = TIMES};
        assert_int_equal(pthread_create(&t[i], NULL, add_many, &a[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < WRITERS; i++)
        if (a[i].rc < 0) fail_msg("%s", a[i].text);
    OK(tsr_schunk_refresh(s, NULL));
    assert_int_equal(first(s), WRITERS * TIMES);
    OK(tsr_schunk_close(s));
}

struct looking {
    const char *path;
    atomic_int done;
    uint64_t seen;
};

static void *look(void *arg)
{
    struct looking *l = arg;
    tsr_schunk *s;
    if (tsr_schunk_open(l->path, &reader, &s) == TSR_OK) {
        tsr_schunk_get(s, 0, 1, &l->seen);
        tsr_schunk_close(s);
    }
    atomic_store(&l->done, 1);
    return NULL;
}

static void others_wait_while_a_reader_or_a_writer_holds_the_lock(void **state)
{
    const char *path = scratch("wait.b2frame");
    (void)state;
    OK(tsr_schunk_close(counters(path, &reader)));
    for (int i = 0; i < 2; i++) {
        struct looking l = {.path = path};
        uint64_t v = 7;
        pthread_t t;
        tsr_schunk *s;
        OK(tsr_schunk_open(path, i ? &writer : &reader, &s));
        OK(tsr_schunk_lock(s));
        OK(tsr_schunk_lock(s));
        assert_int_equal(pthread_create(&t, NULL, look, &l), 0);
        assert_int_equal(first(s), 0);
        if (i) OK(tsr_schunk_set(s, 0, 1, &v));
        if (i) OK(tsr_schunk_flush(s));
        OK(tsr_schunk_unlock(s));
        usleep(50 * 1000);
        assert_int_equal(atomic_load(&l.done), 0);
        OK(tsr_schunk_unlock(s));
        pthread_join(t, NULL);
        assert_int_equal(l.seen, i ? 7 : 0);
        FAILS(TSR_EARG, "more often", tsr_schunk_unlock(s));
        assert_int_equal(first(s), i ? 7 : 0);
        OK(tsr_schunk_close(s));
    }
}

static void the_lock_shows_the_newest_state(void **state)
{
    const char *path = scratch("newest.b2frame");
    tsr_schunk *w = counters(path, &reader), *r, *u;
    uint64_t v = 1;
    (void)state;
    OK(tsr_schunk_open(path, &reader, &r));
    OK(tsr_schunk_open(path, &writer, &u));
    for (int64_t n = 5; n < 9; n++) {
        OK(tsr_schunk_append(w, 1, &v));
        OK(tsr_schunk_flush(w));
        assert_int_equal(tsr_schunk_nitems(r), n - 1);
        OK(tsr_schunk_lock(r));
        assert_int_equal(tsr_schunk_nitems(r), n);
        OK(tsr_schunk_unlock(r));
        OK(tsr_schunk_lock(u));
        assert_int_equal(tsr_schunk_nitems(u), n);
        OK(tsr_schunk_unlock(u));
    }
    OK(tsr_schunk_close(r));
    OK(tsr_schunk_close(u));
    OK(tsr_schunk_close(w));
}

static void what_holds_a_lock_may_be_closed_and_dropped(void **state)
{
    const char *path = scratch("end.b2frame");
    tsr_schunk *s = counters(path, &reader);
    uint64_t v = 3;
    (void)state;
    OK(tsr_schunk_lock(s));
    OK(tsr_schunk_set(s, 0, 1, &v));
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(path, &writer, &s));
    OK(tsr_schunk_lock(s));
    assert_int_equal(first(s), 3);
    v = 4;
    OK(tsr_schunk_set(s, 0, 1, &v));
    tsr_schunk_drop(s);
    OK(tsr_schunk_open(path, &reader, &s));
    OK(tsr_schunk_lock(s));
    tsr_schunk_drop(s);
    OK(tsr_schunk_open(path, &reader, &s));
    assert_int_equal(first(s), 3);
    OK(tsr_schunk_close(s));
}

static void a_new_file_is_there_when_it_is_locked(void **state)
{
    const int64_t n = 10;
    (void)state;
    for (int sparse = 0; sparse < 2; sparse++) {
        const char *path = scratch(sparse ? "new-folder.b2nd" : "new.b2nd");
        tsr_spec spec = {.size = sizeof spec, .dtype = "<i4", .ndim = 1, .shape = &n};
        tsr_options o = {.size = sizeof o, .locking = true, .sparse = sparse};
        const int64_t at[] = {3}, one[] = {1};
        const tsr_slice item = {at, one, NULL};
        int32_t v = 9;
        tsr_array *a, *b;
        OK(tsr_array_create(path, &spec, &o, &a));
        OK(tsr_array_lock(a));
        OK(tsr_array_write(a, &item, &v, sizeof v));
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        OK(tsr_array_unlock(a));
        v = 0;
        OK(tsr_array_open(path, &reader, &b));
        OK(tsr_array_read(b, &item, &v, sizeof v));
        assert_int_equal(v, 9);
        OK(tsr_array_close(b));
        OK(tsr_array_close(a));
        if (!sparse) continue;
        char command[1200];
        snprintf(command, sizeof command, "rm -r '%s'", path);
        assert_int_equal(system(command), 0);
    }
}

static void the_tick_grows_when_others_change_the_file(void **state)
{
    const char *path = scratch("tick.b2frame");
    (void)state;
    for (int locks = 0; locks < 2; locks++) {
        tsr_schunk *w = counters(path, locks ? &reader : NULL), *r;
        uint64_t v = 1;
        OK(tsr_schunk_open(path, locks ? &reader : NULL, &r));
        assert_int_equal(first(r), 0);
        assert_int_equal(tsr_schunk_change_tick(r), 0);
        for (int64_t i = 1; i < 4; i++) {
            OK(tsr_schunk_set(w, 0, 1, &v));
            OK(tsr_schunk_flush(w));
            assert_int_equal(first(r), 1);
            assert_int_equal(first(r), 1);
            assert_int_equal(tsr_schunk_change_tick(r), i);
            assert_int_equal(tsr_schunk_change_tick(w), 0);
        }
        OK(tsr_schunk_close(r));
        OK(tsr_schunk_close(w));
    }
    tsr_schunk *m = counters(NULL, NULL);
    assert_int_equal(tsr_schunk_change_tick(m), 0);
    OK(tsr_schunk_close(m));
}

static void without_locks_they_do_nothing(void **state)
{
    tsr_schunk *s = counters(scratch("none.b2frame"), NULL), *m = counters(NULL, NULL);
    struct stat st;
    char sidecar[1200];
    (void)state;
    OK(tsr_schunk_lock(s));
    OK(tsr_schunk_unlock(s));
    OK(tsr_schunk_unlock(s));
    OK(tsr_schunk_lock(m));
    OK(tsr_schunk_close(m));
    OK(tsr_schunk_close(s));
    snprintf(sidecar, sizeof sidecar, "%s.b2lock", scratch("none.b2frame"));
    assert_int_equal(stat(sidecar, &st), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_and_writing_under_a_lock_is_one),
        cmocka_unit_test(others_wait_while_a_reader_or_a_writer_holds_the_lock),
        cmocka_unit_test(the_lock_shows_the_newest_state),
        cmocka_unit_test(what_holds_a_lock_may_be_closed_and_dropped),
        cmocka_unit_test(a_new_file_is_there_when_it_is_locked),
        cmocka_unit_test(the_tick_grows_when_others_change_the_file),
        cmocka_unit_test(without_locks_they_do_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
