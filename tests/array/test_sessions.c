/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_sessions.c - one file opened, rewritten and closed again and again: it does not
 * grow by a copy each time, and a kill in any session loses nothing that was flushed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tessera/tessera.h>
#include <unistd.h>

#include "scratch.h"
#include "sys/sys.h"

enum { SIDE = 1200, ITEMS = SIDE * SIDE, BAND = 100, KILLS = 20 };

/* Noise that tells its session: the first item is its number. */
static void content(uint32_t session, uint32_t *v)
{
    uint32_t x = session * 2654435761u + 1;
    for (int i = 0; i < ITEMS; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        v[i] = i ? x : session;
    }
}

static void create(const char *path)
{
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<u4",
                     .ndim = 2,
                     .shape = (int64_t[]){SIDE, SIDE},
                     .chunks = (int64_t[]){100, 150},
                     .blocks = (int64_t[]){50, 50}};
    uint32_t *v = malloc(ITEMS * sizeof *v);
    tsr_array *a;
    assert_non_null(v);
    content(1, v);
    OK(tsr_array_create(path, &spec, NULL, &a));
    OK(tsr_array_write(a, NULL, v, ITEMS * sizeof *v));
    OK(tsr_array_close(a));
    free(v);
}

/* The session whose content the file holds, whole. */
static uint32_t session_of(const char *path)
{
    uint32_t *got = malloc(ITEMS * sizeof *got), *want = malloc(ITEMS * sizeof *want);
    tsr_array *a;
    assert_true(got && want);
    OK(tsr_array_open(path, NULL, &a));
    OK(tsr_array_read(a, NULL, got, ITEMS * sizeof *got));
    OK(tsr_array_close(a));
    uint32_t session = got[0];
    content(session, want);
    assert_memory_equal(got, want, ITEMS * sizeof *got);
    free(got);
    free(want);
    return session;
}

/* On this thread alone: a child of a process with threads is to be one of few worries. */
static int write_session(const char *path, uint32_t session, uint32_t *v)
{
    tsr_context *c;
    int rc =
        tsr_context_new(&(tsr_context_options){.size = sizeof(tsr_context_options), .threads = 1},
                        &c);
    if (rc < 0) return rc;
    tsr_options o = {.size = sizeof o, .mode = "r+", .context = c};
    tsr_array *a;
    if ((rc = tsr_array_open(path, &o, &a)) == TSR_OK) {
        content(session, v);
        /* in bands, so that the second could fall into the space of the first's old chunks */
        for (int64_t y = 0; y < SIDE && rc == TSR_OK; y += BAND) {
            tsr_slice band = {(int64_t[]){y, 0}, (int64_t[]){BAND, SIDE}, NULL};
            rc = tsr_array_write(a, &band, v + y * SIDE, BAND * SIDE * sizeof *v);
        }
        int closed = tsr_array_close(a);
        if (rc == TSR_OK) rc = closed;
    }
    tsr_context_free(c);
    return rc;
}

static int64_t file_size(const char *path)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return s.st_size;
}

static void sessions_that_rewrite_a_file_do_not_grow_it(void **state)
{
    const char *path = scratch("sessions.b2nd");
    uint32_t *v = malloc(ITEMS * sizeof *v);
    (void)state;
    assert_non_null(v);
    create(path);
    int64_t once = file_size(path);
    for (uint32_t s = 2; s < 12; s++) {
        OK(write_session(path, s, v));
        assert_int_equal(session_of(path), s);
        assert_true(file_size(path) < 2 * once + (2 << 20));
    }
    free(v);
    remove(path);
}

/* Sessions until somebody kills it; each that was closed is told. */
static void work(const char *path, uint32_t session, int tell)
{
    uint32_t *v = malloc(ITEMS * sizeof *v);
    while (v && write_session(path, ++session, v) == 0)
        if (write(tell, &session, sizeof session) != (ssize_t)sizeof session) break;
    _exit(1);
}

static void a_kill_in_any_session_loses_nothing_flushed(void **state)
{
    const char *path = scratch("killed.b2nd");
    uint32_t last = 1, told;
    (void)state;
    create(path);
    double start = tsr_sys_now();
    uint32_t *v = malloc(ITEMS * sizeof *v);
    assert_non_null(v);
    OK(write_session(path, ++last, v));
    free(v);
    int session_us = (int)((tsr_sys_now() - start) * 1e6) + 1000; /* sanitizers are slow */
    srand(20261120);
    for (int k = 0; k < KILLS; k++) {
        int fd[2], status;
        assert_int_equal(pipe(fd), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) work(path, last, fd[1]);
        close(fd[1]);
        usleep((useconds_t)(rand() % (5 * session_us)));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        while (read(fd[0], &told, sizeof told) == (ssize_t)sizeof told) last = told;
        close(fd[0]);
        uint32_t is = session_of(path);
        assert_in_range(is, last, last + 1);
        last = is;
    }
    print_message("%d kills, %u sessions\n", KILLS, last);
    assert_true(last > KILLS / 2); /* else nothing was ever flushed */
    remove(path);
}

static void a_second_writer_is_refused_and_readers_are_not(void **state)
{
    const char *path = scratch("shared.b2nd");
    tsr_options update = {.size = sizeof update, .mode = "r+"};
    tsr_array *a, *b;
    (void)state;
    create(path);
    OK(tsr_array_open(path, &update, &a));
    assert_int_equal(tsr_array_open(path, &update, &b), TSR_ECONFLICT);
    assert_non_null(strstr(tsr_error(), "another writer"));
    assert_int_equal(session_of(path), 1);
    OK(tsr_array_close(a));
    OK(tsr_array_open(path, &update, &b));
    OK(tsr_array_close(b));
    remove(path);
}

static tsr_array *open_to_write(const char *path)
{
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    tsr_array *a;
    OK(tsr_array_open(path, &o, &a));
    return a;
}

static void put_one_item(tsr_array *a, uint32_t v)
{
    tsr_slice one = {.start = (int64_t[]){0, 0}, .count = (int64_t[]){1, 1}};
    OK(tsr_array_write(a, &one, &v, sizeof v));
}

static void a_flush_into_a_file_that_is_gone_is_told(void **state)
{
    (void)state;
    const char *path = scratch("s.b2nd"), *other = scratch("t.b2nd");
    for (int replaced = 0; replaced < 2; replaced++) {
        create(path);
        create(other);
        tsr_array *a = open_to_write(path);
        put_one_item(a, 7);
        assert_int_equal(replaced ? rename(other, path) : remove(path), 0);
        FAILS(TSR_ECONFLICT, "removed or replaced", tsr_array_flush(a));
        FAILS(TSR_ECONFLICT, path, tsr_array_close(a));
        remove(path);
        remove(other);
    }
}

static void what_a_dead_writer_left_in_a_folder_goes(void **state)
{
    (void)state;
    static const char *const left[] = {".00000003.chunk.1a2b.3.tmp", ".chunks.b2frame.1a2b.4.tmp"};
    const char *path = scratch("s.b2nd");
    char name[2048];
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<u4",
                     .ndim = 2,
                     .shape = (int64_t[]){SIDE, SIDE}};
    tsr_options o = {.size = sizeof o, .sparse = true};
    tsr_array *a;
    OK(tsr_array_create(path, &spec, &o, &a));
    OK(tsr_array_close(a));
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/%s", path, left[i]);
        file_write(name, "half", 4);
    }
    snprintf(name, sizeof name, "%s/.notes.tmp", path); /* not ours */
    file_write(name, "mine", 4);
    a = open_to_write(path);
    put_one_item(a, 7);
    OK(tsr_array_close(a));
    assert_int_equal(remove(name), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/%s", path, left[i]);
        assert_int_equal(access(name, F_OK), -1);
    }
    snprintf(name, sizeof name, "%s/00000000.chunk", path);
    assert_int_equal(remove(name), 0);
    snprintf(name, sizeof name, "%s/chunks.b2frame", path);
    assert_int_equal(remove(name), 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_that_rewrite_a_file_do_not_grow_it),
        cmocka_unit_test(a_second_writer_is_refused_and_readers_are_not),
        cmocka_unit_test(a_kill_in_any_session_loses_nothing_flushed),
        cmocka_unit_test(a_flush_into_a_file_that_is_gone_is_told),
        cmocka_unit_test(what_a_dead_writer_left_in_a_folder_goes),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
