/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/guard_posix.c - mutexes and read-write locks that know the fork count they were made under.
 *
 * The first thread of a child that meets an old one makes it anew while others wait, which they
 * do for the time of an init.  A fork in that moment is one more count, under which nobody waits
 * for a ghost. */
#include "sys/guard.h"

#include <sched.h>

#include "sys/sys.h"

static void renew(atomic_uint *made, void (*init)(void *lock), void *lock)
{
    unsigned want = 2 * tsr_sys_fork_count();
    for (;;) {
        unsigned was = atomic_load_explicit(made, memory_order_acquire);
        if (was == want) return;
        if (was != want + 1 && atomic_compare_exchange_strong(made, &was, want + 1)) {
            init(lock);
            atomic_store_explicit(made, want, memory_order_release);
            return;
        }
        sched_yield();
    }
}

static void mutex_init(void *lock)
{
    pthread_mutex_init(lock, NULL);
}

void tsr_mutex_init(struct tsr_mutex *m)
{
    mutex_init(&m->lock);
    atomic_init(&m->made, 2 * tsr_sys_fork_count());
}

void tsr_mutex_done(struct tsr_mutex *m)
{
    renew(&m->made, mutex_init, &m->lock);
    pthread_mutex_destroy(&m->lock);
}

void tsr_mutex_lock(struct tsr_mutex *m)
{
    renew(&m->made, mutex_init, &m->lock);
    pthread_mutex_lock(&m->lock);
}

void tsr_mutex_unlock(struct tsr_mutex *m)
{
    pthread_mutex_unlock(&m->lock);
}

static void rwlock_init(void *lock)
{
    pthread_rwlock_init(lock, NULL);
}

void tsr_rwlock_init(struct tsr_rwlock *l)
{
    rwlock_init(&l->lock);
    atomic_init(&l->made, 2 * tsr_sys_fork_count());
}

void tsr_rwlock_done(struct tsr_rwlock *l)
{
    renew(&l->made, rwlock_init, &l->lock);
    pthread_rwlock_destroy(&l->lock);
}

void tsr_rwlock_share(struct tsr_rwlock *l)
{
    renew(&l->made, rwlock_init, &l->lock);
    pthread_rwlock_rdlock(&l->lock);
}

void tsr_rwlock_take(struct tsr_rwlock *l)
{
    renew(&l->made, rwlock_init, &l->lock);
    pthread_rwlock_wrlock(&l->lock);
}

void tsr_rwlock_leave(struct tsr_rwlock *l)
{
    pthread_rwlock_unlock(&l->lock);
}
