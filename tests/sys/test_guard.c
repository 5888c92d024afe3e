/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks that other threads hold while the process forks are free in the child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/guard.h"
#include "sys/sys.h"

static struct tsr_mutex mutex = TSR_MUTEX_INIT;
static struct tsr_rwlock shared, taken;
static pthread_barrier_t meet;

/* Holds all three while the other thread forks. */
static void *hold(void *arg)
{
    tsr_mutex_lock(&mutex);
    tsr_rwlock_share(&shared);
    tsr_rwlock_take(&taken);
    pthread_barrier_wait(&meet);
    pthread_barrier_wait(&meet);
    tsr_mutex_unlock(&mutex);
    tsr_rwlock_leave(&shared);
    tsr_rwlock_leave(&taken);
    return arg;
}

/* A thread that waits for ever is ended by the alarm. */
static void use_all(void)
{
    alarm(10);
    for (int i = 0; i < 3; i++) {
        tsr_mutex_lock(&mutex);
        tsr_mutex_unlock(&mutex);
        tsr_rwlock_take(&shared);
        tsr_rwlock_leave(&shared);
        tsr_rwlock_share(&taken);
        tsr_rwlock_leave(&taken);
    }
}

static int status_of(pid_t pid)
{
    int status = -1;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

static void live_as_child(bool first)
{
    pid_t pid = first ? fork() : 0;
    use_all();
    _exit(pid == 0 ? 0 : status_of(pid));
}

static void locks_are_free_in_a_child(void **state)
{
    pthread_t id;
    (void)state;
    tsr_rwlock_init(&shared);
    tsr_rwlock_init(&taken);
    pthread_barrier_init(&meet, NULL, 2);
    use_all();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tsr_sys_thread(&id, hold, NULL), 0);
        pthread_barrier_wait(&meet);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) live_as_child(i % 2); /* and its child, which forks before it has used them */
        int status = status_of(pid);
        pthread_barrier_wait(&meet);
        pthread_join(id, NULL);
        assert_int_equal(status, 0);
        use_all();
    }
    alarm(0);
    pthread_barrier_destroy(&meet);
    tsr_mutex_done(&mutex);
    tsr_rwlock_done(&shared);
    tsr_rwlock_done(&taken);
}

static int by_mutex, by_rwlock;

static void *count(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        tsr_mutex_lock(&mutex);
        by_mutex++;
        tsr_mutex_unlock(&mutex);
        tsr_rwlock_take(&taken);
        by_rwlock++;
        tsr_rwlock_leave(&taken);
    }
    return arg;
}

static void one_thread_at_a_time_has_a_lock(void **state)
{
    pthread_t id[4];
    (void)state;
    tsr_mutex_init(&mutex);
    tsr_rwlock_init(&taken);
    for (int i = 0; i < 4; i++) assert_int_equal(tsr_sys_thread(&id[i], count, NULL), 0);
    for (int i = 0; i < 4; i++) pthread_join(id[i], NULL);
    assert_int_equal(by_mutex, 8000);
    assert_int_equal(by_rwlock, 8000);
    tsr_mutex_done(&mutex);
    tsr_rwlock_done(&taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_are_free_in_a_child),
        cmocka_unit_test(one_thread_at_a_time_has_a_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
