/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool: every job once, one failure, many callers, nesting, fork. */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/status.h"
#include "sys/sys.h"
#include "task/pool.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
enum { TSAN = 1, ASAN = 0 };
#elif defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { TSAN = 0, ASAN = 1 };
#else
enum { TSAN = 0, ASAN = 0 };
#endif

enum { JOBS = 500 };

struct tally {
    struct tsr_pool *pool;
    atomic_int times[JOBS], jobs;
    int plain[JOBS]; /* each written by one job: the race detector sees if one runs twice */
    size_t bad;
};

static struct tsr_pool *pool_of(int threads)
{
    struct tsr_pool *p;
    assert_int_equal(tsr_pool_new(threads, &p), TSR_OK);
    return p;
}

static int count_job(void *arg, size_t i, struct tsr_worker *w)
{
    struct tally *t = arg;
    uint8_t *p = tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, 4096);
    if (!p) return TSR_ENOMEM;
    memset(p, (int)i, 4096);
    for (int k = 0; k < 4096; k++)
        if (p[k] != (uint8_t)i) return tsr_fail(TSR_EIO, "scratch shared by two jobs");
    t->plain[i]++;
    atomic_fetch_add(&t->times[i], 1);
    atomic_fetch_add(&t->jobs, 1);
    return TSR_OK;
}

static void check_each_once(struct tsr_pool *p, size_t n)
{
    struct tally *t = calloc(1, sizeof *t);
    assert_int_equal(tsr_pool_run(p, n, count_job, t), TSR_OK);
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(atomic_load(&t->times[i]), i < n);
        assert_int_equal(t->plain[i], i < n);
    }
    free(t);
}

static void every_job_runs_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 8; threads++) {
        struct tsr_pool *p = pool_of(threads);
        assert_int_equal(tsr_pool_threads(p), threads);
        for (size_t n = 0; n < 40; n++) check_each_once(p, n);
        for (int round = 0; round < 50; round++) check_each_once(p, JOBS);
        tsr_pool_free(p);
    }
}

static int fail_one(void *arg, size_t i, struct tsr_worker *w)
{
    (void)w;
    struct tally *t = arg;
    atomic_fetch_add(&t->jobs, 1);
    return i == t->bad ? tsr_fail(TSR_ECORRUPT, "job %zu is bad", i) : TSR_OK;
}

static void the_failure_and_its_text_reach_the_caller(void **state)
{
    (void)state;
    struct tsr_pool *p = pool_of(4);
    struct tally *t = calloc(1, sizeof *t);
    for (size_t bad = 0; bad < 60; bad++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "job %zu is bad", bad);
        t->bad = bad;
        tsr_fail(TSR_EIO, "an older text");
        assert_int_equal(tsr_pool_run(p, 60, fail_one, t), TSR_ECORRUPT);
        assert_string_equal(tsr_error(), wanted);
    }
    free(t);
    tsr_pool_free(p);
}

static void jobs_after_a_failure_are_skipped(void **state)
{
    (void)state;
    struct tsr_pool *p = pool_of(2);
    struct tally *t = calloc(1, sizeof *t);
    assert_int_equal(tsr_pool_run(p, 10000000, fail_one, t), TSR_ECORRUPT);
    assert_true(atomic_load(&t->jobs) < 10000000);
    free(t);
    tsr_pool_free(p);
}

static int nest(void *arg, size_t i, struct tsr_worker *w)
{
    struct tally *t = arg;
    uint8_t *mine = tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, 64);
    if (!mine) return TSR_ENOMEM;
    memset(mine, (int)i + 1, 64);
    struct tally *inner = calloc(1, sizeof *inner);
    int rc = tsr_pool_run(t->pool, 20, count_job, inner);
    if (rc == TSR_OK && atomic_load(&inner->jobs) != 20) rc = tsr_fail(TSR_EIO, "not all ran");
    free(inner);
    for (int k = 0; k < 64 && rc == TSR_OK; k++)
        if (mine[k] != i + 1) rc = tsr_fail(TSR_EIO, "the inner run used the outer scratch");
    return rc;
}

static void a_job_may_run_jobs(void **state)
{
    (void)state;
    struct tally *t = calloc(1, sizeof *t);
    t->pool = pool_of(3);
    for (int round = 0; round < 20; round++)
        assert_int_equal(tsr_pool_run(t->pool, 30, nest, t), TSR_OK);
    tsr_pool_free(t->pool);
    free(t);
}

static void *caller(void *arg)
{
    for (int round = 0; round < 60; round++) check_each_once(arg, 100);
    return NULL;
}

static void eight_threads_call_at_once(void **state)
{
    (void)state;
    struct tsr_pool *p = pool_of(4);
    pthread_t id[8];
    for (int i = 0; i < 8; i++) assert_int_equal(tsr_sys_thread(&id[i], caller, p), TSR_OK);
    for (int i = 0; i < 8; i++) pthread_join(id[i], NULL);
    tsr_pool_free(p);
}

static int same_thread(void *arg, size_t i, struct tsr_worker *w)
{
    (void)i;
    (void)w;
    return pthread_equal(*(pthread_t *)arg, pthread_self()) ? TSR_OK : tsr_fail(TSR_EIO, "other");
}

static void a_pool_of_one_and_a_single_job_stay_on_the_caller(void **state)
{
    (void)state;
    pthread_t me = pthread_self();
    struct tsr_pool *one = pool_of(1), *four = pool_of(4);
    assert_int_equal(tsr_pool_run(one, 1000, same_thread, &me), TSR_OK);
    for (int i = 0; i < 100; i++) assert_int_equal(tsr_pool_run(four, 1, same_thread, &me), TSR_OK);
    tsr_pool_free(one);
    tsr_pool_free(four);
}

struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t came;
    int present, expected;
};

/* Only ends when as many threads as expected are in it together. */
static int meet(void *arg, size_t i, struct tsr_worker *w)
{
    (void)i;
    (void)w;
    struct meeting *m = arg;
    pthread_mutex_lock(&m->lock);
    m->present++;
    pthread_cond_broadcast(&m->came);
    while (m->present < m->expected) pthread_cond_wait(&m->came, &m->lock);
    pthread_mutex_unlock(&m->lock);
    return TSR_OK;
}

static void all_threads_take_part(void **state)
{
    (void)state;
    struct tsr_pool *p = pool_of(7);
    for (int n = 2; n <= 7; n++) {
        struct meeting m = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, n};
        assert_int_equal(tsr_pool_run(p, (size_t)n, meet, &m), TSR_OK);
    }
    tsr_pool_free(p);
}

struct together {
    struct tsr_pool *pool;
    struct meeting *meeting;
    size_t jobs;
    int rc;
};

/* As meet, but not for ever. */
static int meet_soon(void *arg, size_t i, struct tsr_worker *w)
{
    enum { PATIENCE = 20 }; /* seconds */
    struct meeting *m = arg;
    struct timespec end;
    int rc = 0;
    (void)i;
    (void)w;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE;
    pthread_mutex_lock(&m->lock);
    m->present++;
    pthread_cond_broadcast(&m->came);
    while (m->present < m->expected && rc == 0)
        rc = pthread_cond_timedwait(&m->came, &m->lock, &end);
    pthread_mutex_unlock(&m->lock);
    return rc ? tsr_fail(TSR_EIO, "not all came") : TSR_OK;
}

static void *call_meeting(void *arg)
{
    struct together *t = arg;
    t->rc = tsr_pool_run(t->pool, t->jobs, meet_soon, t->meeting);
    return NULL;
}

/* The set before leaves helpers that look for work, and both new ones count on them. */
static void two_sets_at_once_get_all_threads_they_want(void **state)
{
    (void)state;
    enum { EACH = 3, ROUNDS = 400 };
    struct tsr_pool *p = pool_of(8);
    for (int round = 0; round < ROUNDS; round++) {
        struct meeting few = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, EACH};
        struct meeting all = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 2 * EACH};
        struct together one = {p, &all, EACH, 0}, other = one;
        pthread_t id;
        assert_int_equal(tsr_pool_run(p, EACH, meet, &few), TSR_OK);
        assert_int_equal(tsr_sys_thread(&id, call_meeting, &other), TSR_OK);
        call_meeting(&one);
        pthread_join(id, NULL);
        assert_int_equal(one.rc, TSR_OK);
        assert_int_equal(other.rc, TSR_OK);
    }
    tsr_pool_free(p);
}

static void *keep_busy(void *arg)
{
    struct tally *t = calloc(1, sizeof *t);
    for (int i = 0; i < 3000; i++) tsr_pool_run(arg, 16, count_job, t);
    free(t);
    return NULL;
}

struct crowd {
    atomic_int now, most;
};

static int note_crowd(void *arg, size_t i, struct tsr_worker *w)
{
    struct crowd *c = arg;
    int now = atomic_fetch_add(&c->now, 1) + 1, most = atomic_load(&c->most);
    (void)i;
    (void)w;
    while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now)) {}
    usleep(200);
    atomic_fetch_sub(&c->now, 1);
    return TSR_OK;
}

static void more_or_fewer_threads_from_the_next_run_on(void **state)
{
    (void)state;
    struct tsr_pool *p = pool_of(2);
    int before;
    for (int n = 7; n >= 1; n--) {
        struct meeting m = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, n};
        struct crowd c = {0, 0};
        assert_int_equal(tsr_pool_set_threads(p, n, &before), TSR_OK);
        assert_int_equal(before, n == 7 ? 2 : n + 1);
        assert_int_equal(tsr_pool_threads(p), n);
        assert_int_equal(tsr_pool_run(p, (size_t)n, meet, &m), TSR_OK);
        assert_int_equal(tsr_pool_run(p, 40, note_crowd, &c), TSR_OK);
        assert_true(atomic_load(&c.most) <= n);
    }
    assert_int_equal(tsr_pool_set_threads(p, -1, &before), TSR_EARG);
    assert_int_equal(tsr_pool_set_threads(p, 1025, &before), TSR_EARG);
    assert_int_equal(tsr_pool_threads(p), 1);
    tsr_pool_free(p);
}

static void check_crowd(struct tsr_pool *p, int most)
{
    struct crowd c = {0, 0};
    assert_int_equal(tsr_pool_threads(p), most);
    assert_int_equal(tsr_pool_run(p, 40, note_crowd, &c), TSR_OK);
    assert_true(atomic_load(&c.most) <= most);
}

static void drop_state(void *value)
{
    atomic_fetch_sub(*(atomic_int **)value, 1);
    free(value);
}

/* Counts the workers that keep something. */
static int keep_state(void *arg, size_t i, struct tsr_worker *w)
{
    static const char key;
    atomic_int **kept = tsr_worker_state(w, &key, sizeof *kept, drop_state);
    (void)i;
    if (!kept) return TSR_ENOMEM;
    if (!*kept) atomic_fetch_add(*kept = arg, 1);
    usleep(200);
    return TSR_OK;
}

static void limits_hold_for_all_runs_and_for_what_workers_keep(void **state)
{
    (void)state;
    struct tsr_pool *p = pool_of(7);
    struct tsr_pool_limit three, two;
    atomic_int kept = 0;
    check_each_once(p, 100);
    assert_int_equal(tsr_pool_run(p, 60, keep_state, &kept), TSR_OK);
    assert_int_equal(tsr_pool_limit_begin(p, 3, &three), TSR_OK);
    assert_int_equal(atomic_load(&kept), 0);
    check_crowd(p, 3);
    for (int i = 0; i < 20; i++) assert_int_equal(tsr_pool_run(p, 60, keep_state, &kept), TSR_OK);
    assert_in_range(atomic_load(&kept), 1, 3);
    assert_int_equal(tsr_pool_limit_begin(p, 2, &two), TSR_OK);
    check_crowd(p, 2);
    assert_int_equal(tsr_pool_all_threads(p), 7);
    tsr_pool_limit_end(p, &three);
    check_crowd(p, 2);
    tsr_pool_limit_end(p, &two);
    struct meeting m = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 7};
    assert_int_equal(tsr_pool_run(p, 7, meet, &m), TSR_OK);
    tsr_pool_free(p);
}

static void limits_come_and_go_while_others_run(void **state)
{
    (void)state;
    struct tsr_pool *p = pool_of(4);
    pthread_t busy[2];
    for (int i = 0; i < 2; i++) assert_int_equal(tsr_sys_thread(&busy[i], keep_busy, p), TSR_OK);
    for (int i = 0; i < 300; i++) {
        struct tsr_pool_limit l;
        assert_int_equal(tsr_pool_limit_begin(p, 1 + i % 6, &l), TSR_OK);
        check_each_once(p, 20);
        tsr_pool_limit_end(p, &l);
    }
    for (int i = 0; i < 2; i++) pthread_join(busy[i], NULL);
    assert_int_equal(tsr_pool_threads(p), 4);
    tsr_pool_free(p);
}

struct runner {
    struct tsr_pool *pool;
    atomic_bool end;
};

static int do_nothing(void *arg, size_t i, struct tsr_worker *w)
{
    (void)arg;
    (void)i;
    (void)w;
    return TSR_OK;
}

static void *run_small_sets(void *arg)
{
    struct runner *r = arg;
    while (!atomic_load(&r->end)) tsr_pool_run(r->pool, 8, do_nothing, NULL);
    return NULL;
}

/* Of this process. */
static int count_threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

/* Also runs that asked how many threads there may be before it began start no more.  A thread that
 * has ended may be counted for a moment. */
static void a_limit_holds_for_runs_that_began_just_before(void **state)
{
    struct runner r = {.pool = pool_of(4)};
    struct tsr_pool_limit l;
    pthread_t id;
    (void)state;
    assert_int_equal(tsr_pool_limit_begin(r.pool, 1, &l), TSR_OK);
    assert_int_equal(pthread_create(&id, NULL, run_small_sets, &r), 0);
    int most = count_threads(), many = 0;
    tsr_pool_limit_end(r.pool, &l);
    for (int i = 0; i < 3000 && !many; i++) {
        assert_int_equal(tsr_pool_limit_begin(r.pool, 1, &l), TSR_OK);
        for (int k = 0; k < 10; k++) sched_yield();
        for (int k = 0; (many = count_threads() > most) && k < 100; k++) usleep(1000);
        tsr_pool_limit_end(r.pool, &l);
        sched_yield();
    }
    atomic_store(&r.end, true);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_false(many);
    tsr_pool_free(r.pool);
}

static void threads_may_change_while_others_run(void **state)
{
    (void)state;
    struct tsr_pool *p = pool_of(4);
    pthread_t busy[2];
    int before;
    for (int i = 0; i < 2; i++) assert_int_equal(tsr_sys_thread(&busy[i], keep_busy, p), TSR_OK);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(tsr_pool_set_threads(p, 1 + i % 6, &before), TSR_OK);
    for (int i = 0; i < 2; i++) pthread_join(busy[i], NULL);
    check_each_once(p, 100);
    tsr_pool_free(p);
}

static void a_pool_ends_idle_or_unused(void **state)
{
    (void)state;
    tsr_pool_free(NULL);
    tsr_pool_free(pool_of(0));
    for (int i = 0; i < 50; i++) {
        struct tsr_pool *p = pool_of(3);
        check_each_once(p, 10);
        if (i % 2) usleep(500);
        tsr_pool_free(p);
    }
    struct tsr_pool *p = (void *)1;
    assert_int_equal(tsr_pool_new(-1, &p), TSR_EARG);
    assert_null(p);
}

static void child_of_fork(struct tsr_pool *p, struct tsr_worker *borrowed)
{
    struct tally *t = calloc(1, sizeof *t);
    tsr_pool_return(p, borrowed);
    int rc = tsr_pool_run(p, JOBS, count_job, t);
    bool whole = rc == TSR_OK && atomic_load(&t->jobs) == JOBS;
    for (int i = 0; i < 100 && whole; i++) whole = tsr_pool_run(p, 8, count_job, t) == TSR_OK;
    tsr_pool_free(p);
    _exit(whole ? 0 : 1);
}

/* Forks happen while other threads run jobs, so some come while the pool's lock is held.  Not
 * with sanitizers: one allows no threads after fork, the other's allocator hangs in a child when
 * a thread held its lock, which a thread that is starting may do. */
static void a_forked_child_starts_anew(void **state)
{
    (void)state;
    if (TSAN || ASAN) {
        print_message("skipped: forks beside threads are not for sanitizers\n");
        skip();
    }
    struct tsr_pool *p = pool_of(4);
    check_each_once(p, 100);
    pthread_t busy[2];
    for (int i = 0; i < 2; i++) assert_int_equal(tsr_sys_thread(&busy[i], keep_busy, p), TSR_OK);
    for (int i = 0; i < 20; i++) {
        struct tsr_worker *w = tsr_pool_borrow(p);
        assert_non_null(w);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            alarm(20);
            child_of_fork(p, w);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        tsr_pool_return(p, w);
    }
    for (int i = 0; i < 2; i++) pthread_join(busy[i], NULL);
    check_each_once(p, 100);
    tsr_pool_free(p);
}

static int states_ended;

static void end_state(void *value)
{
    states_ended++;
    tsr_free(value);
}

static void workers_keep_scratch_and_states(void **state)
{
    (void)state;
    static const char key_a, key_b;
    struct tsr_pool *p = pool_of(2);
    struct tsr_worker *w = tsr_pool_borrow(p);
    uint8_t *s = tsr_worker_scratch(w, TSR_SCRATCH_CODEC, 1000);
    assert_int_equal((uintptr_t)s % 64, 0);
    memset(s, 9, 1000);
    assert_ptr_equal(tsr_worker_scratch(w, TSR_SCRATCH_CODEC, 10), s);
    assert_int_equal(s[999], 9);
    assert_ptr_not_equal(tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, 10), s);
    assert_null(tsr_worker_scratch(w, TSR_SCRATCH_FETCH, SIZE_MAX));
    assert_non_null(tsr_worker_scratch(w, TSR_SCRATCH_FETCH, 0));
    int *a = tsr_worker_state(w, &key_a, sizeof *a, end_state);
    assert_int_equal(*a, 0);
    *a = 7;
    assert_ptr_not_equal(tsr_worker_state(w, &key_b, sizeof *a, end_state), a);
    assert_ptr_equal(tsr_worker_state(w, &key_a, sizeof *a, end_state), a);
    assert_int_equal(*a, 7);
    tsr_pool_return(p, w);
    struct tsr_worker *again = tsr_pool_borrow(p);
    assert_ptr_equal(again, w);
    struct tsr_worker *other = tsr_pool_borrow(p);
    assert_ptr_not_equal(other, w);
    tsr_pool_return(p, again);
    tsr_pool_return(p, other);
    states_ended = 0;
    tsr_pool_free(p);
    assert_int_equal(states_ended, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(the_failure_and_its_text_reach_the_caller),
        cmocka_unit_test(jobs_after_a_failure_are_skipped),
        cmocka_unit_test(a_job_may_run_jobs),
        cmocka_unit_test(eight_threads_call_at_once),
        cmocka_unit_test(a_pool_of_one_and_a_single_job_stay_on_the_caller),
        cmocka_unit_test(all_threads_take_part),
        cmocka_unit_test(two_sets_at_once_get_all_threads_they_want),
        cmocka_unit_test(more_or_fewer_threads_from_the_next_run_on),
        cmocka_unit_test(limits_hold_for_all_runs_and_for_what_workers_keep),
        cmocka_unit_test(limits_come_and_go_while_others_run),
        cmocka_unit_test(a_limit_holds_for_runs_that_began_just_before),
        cmocka_unit_test(threads_may_change_while_others_run),
        cmocka_unit_test(a_pool_ends_idle_or_unused),
        cmocka_unit_test(a_forked_child_starts_anew),
        cmocka_unit_test(workers_keep_scratch_and_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
