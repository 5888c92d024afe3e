/* SPDX-License-Identifier: BSD-3-Clause */
/* How a pool ends with its process, and does without threads that the system refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/status.h"
#include "sys/sys.h"
#include "task/pool.h"

enum { STATUS = 3, JOBS = 64 };

static struct tsr_pool *pool; /* reachable for those who look for leaks at exit */
static atomic_int done, refuse;

/* The linker puts it in the place of libc's. */
int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    if (atomic_load(&refuse) && atomic_fetch_sub(&refuse, 1) == 1) {
        atomic_store(&refuse, 1);
        return EAGAIN;
    }
    return __real_pthread_create(id, attr, run, arg);
}

static int job(void *arg, size_t i, struct tsr_worker *w)
{
    (void)i;
    if (!tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, 4096)) return TSR_ENOMEM;
    if (arg) usleep(*(const useconds_t *)arg);
    atomic_fetch_add(&done, 1);
    return TSR_OK;
}

static bool run_jobs(void)
{
    atomic_store(&done, 0);
    return tsr_pool_run(pool, JOBS, job, NULL) == TSR_OK && atomic_load(&done) == JOBS;
}

static int new_pool(int threads)
{
    return tsr_pool_new(threads, &pool);
}

/* ---- exit ---- */

/* The child must end with this status, and soon. */
static void check_child(void (*live)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(20);
        live();
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), STATUS);
}

static void exit_at_rest(void)
{
    if (new_pool(4) < 0 || !run_jobs()) return;
    usleep(2000);
    exit(STATUS);
}

static void exit_at_once(void)
{
    if (new_pool(4) < 0 || !run_jobs()) return;
    exit(STATUS);
}

static void *run_for_ever(void *arg)
{
    for (;;) tsr_pool_run(pool, JOBS, job, arg);
    return NULL;
}

static void exit_at_work(void)
{
    static useconds_t us = 50;
    pthread_t id;
    if (new_pool(4) < 0) return;
    for (int i = 0; i < 3; i++)
        if (tsr_sys_thread(&id, run_for_ever, &us) < 0) return;
    usleep(5000);
    exit(STATUS);
}

static int exit_job(void *arg, size_t i, struct tsr_worker *w)
{
    (void)arg;
    (void)w;
    usleep(100);
    if (i == JOBS / 2) exit(STATUS);
    return TSR_OK;
}

static void exit_in_a_job(void)
{
    if (new_pool(4) == TSR_OK) tsr_pool_run(pool, JOBS, exit_job, NULL);
}

static void run_late(void)
{
    if (!run_jobs()) _exit(1);
}

static void exit_with_jobs_to_do(void)
{
    if (new_pool(4) < 0 || !run_jobs()) return;
    if (atexit(run_late) == 0) exit(STATUS);
}

static void a_process_ends_whatever_its_threads_do(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        check_child(exit_at_rest);
        check_child(exit_at_once);
        check_child(exit_at_work);
        check_child(exit_in_a_job);
        check_child(exit_with_jobs_to_do);
    }
}

/* ---- fork ---- */

static void child_of_child(void)
{
    pid_t pid;
    int status = 1;
    if (!run_jobs() || (pid = fork()) < 0) return;
    if (pid == 0) {
        alarm(20);
        bool ran = run_jobs() && run_jobs();
        tsr_pool_free(pool);
        _exit(ran ? STATUS : 1);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return;
    if (run_jobs() && WEXITSTATUS(status) == STATUS) _exit(STATUS);
}

static void children_of_children_start_anew(void **state)
{
    (void)state;
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
    skip(); /* TSan allows no threads after fork, the allocator of ASan no fork beside threads */
#endif
#endif
    assert_int_equal(new_pool(3), TSR_OK);
    for (int i = 0; i < 10; i++) {
        assert_true(run_jobs());
        check_child(child_of_child);
    }
    assert_true(run_jobs());
    tsr_pool_free(pool);
}

/* ---- threads that are refused ---- */

static void all_jobs_run_when_threads_are_refused(void **state)
{
    (void)state;
    for (int allowed = 0; allowed < 4; allowed++) {
        assert_int_equal(new_pool(4), TSR_OK);
        atomic_store(&refuse, allowed + 1);
        for (int i = 0; i < 20; i++) assert_true(run_jobs());
        atomic_store(&refuse, 0); /* and threads may come later */
        for (int i = 0; i < 20; i++) assert_true(run_jobs());
        tsr_pool_free(pool);
    }
}

/* ---- sets in sets, of many callers ---- */

static int run_inner(void *arg, size_t i, struct tsr_worker *w)
{
    const int *depth = arg;
    int below = *depth - 1;
    (void)i;
    (void)w;
    if (below < 0) {
        atomic_fetch_add(&done, 1);
        return TSR_OK;
    }
    return tsr_pool_run(pool, 4, run_inner, &below);
}

static void *run_nested(void *arg)
{
    int depth = 3, before;
    atomic_int *bad = arg;
    for (int i = 0; i < 20; i++) {
        if (tsr_pool_run(pool, 4, run_inner, &depth) < 0) atomic_fetch_add(bad, 1);
        if (tsr_pool_set_threads(pool, 1 + i % 4, &before) < 0) atomic_fetch_add(bad, 1);
    }
    return NULL;
}

static void sets_in_sets_of_many_callers_end(void **state)
{
    pthread_t id[8];
    atomic_int bad = 0;
    (void)state;
    assert_int_equal(new_pool(4), TSR_OK);
    atomic_store(&done, 0);
    for (int i = 0; i < 8; i++) assert_int_equal(tsr_sys_thread(&id[i], run_nested, &bad), TSR_OK);
    for (int i = 0; i < 8; i++) pthread_join(id[i], NULL);
    assert_int_equal(atomic_load(&bad), 0);
    assert_int_equal(atomic_load(&done), 8 * 20 * 256);
    tsr_pool_free(pool);
}

static int fail_below(void *arg, size_t i, struct tsr_worker *w)
{
    const size_t *bad = arg;
    (void)w;
    return i == *bad ? tsr_fail(TSR_ECORRUPT, "inner %zu", i) : TSR_OK;
}

static int fail_inside(void *arg, size_t i, struct tsr_worker *w)
{
    (void)w;
    return i % 8 == 5 ? tsr_pool_run(pool, 16, fail_below, arg) : TSR_OK;
}

static void a_failure_in_a_set_in_a_set_comes_out(void **state)
{
    (void)state;
    assert_int_equal(new_pool(4), TSR_OK);
    for (size_t bad = 0; bad < 16; bad++) {
        char want[32];
        snprintf(want, sizeof want, "inner %zu", bad);
        assert_int_equal(tsr_pool_run(pool, JOBS, fail_inside, &bad), TSR_ECORRUPT);
        assert_string_equal(tsr_error(), want);
    }
    tsr_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_ends_whatever_its_threads_do), /* first: no threads yet */
        cmocka_unit_test(children_of_children_start_anew),
        cmocka_unit_test(all_jobs_run_when_threads_are_refused),
        cmocka_unit_test(sets_in_sets_of_many_callers_end),
        cmocka_unit_test(a_failure_in_a_set_in_a_set_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
