/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/guard.h - locks between threads that a fork does not leave taken.
 *
 * In a child only the thread that forked goes on: a lock that another one held at that moment
 * stays taken for ever.  These begin anew there.  What they guard must be of use at every moment,
 * as it is when each change of it is one store.  They are not taken twice by a thread, nor held
 * across a fork by the thread that forks. */
#ifndef TSR_SYS_GUARD_H
#define TSR_SYS_GUARD_H

#include <pthread.h>
#include <stdatomic.h>

struct tsr_mutex {
    pthread_mutex_t lock;
    atomic_uint made; /* twice the fork count it is for; one more while it is made */
};
#define TSR_MUTEX_INIT               \
    {                                \
        PTHREAD_MUTEX_INITIALIZER, 0 \
    }
void tsr_mutex_init(struct tsr_mutex *m);
void tsr_mutex_done(struct tsr_mutex *m);
void tsr_mutex_lock(struct tsr_mutex *m);
void tsr_mutex_unlock(struct tsr_mutex *m);

/* Many may share it, or one has it alone. */
struct tsr_rwlock {
    pthread_rwlock_t lock;
    atomic_uint made;
};
void tsr_rwlock_init(struct tsr_rwlock *l);
void tsr_rwlock_done(struct tsr_rwlock *l);
void tsr_rwlock_share(struct tsr_rwlock *l);
void tsr_rwlock_take(struct tsr_rwlock *l);
void tsr_rwlock_leave(struct tsr_rwlock *l);

#endif
