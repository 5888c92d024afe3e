/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/worker.h - the one worker of tests that code and decode by hand. */
#ifndef TSR_TESTS_WORKER_H
#define TSR_TESTS_WORKER_H

#include "task/pool.h"

static struct tsr_pool *pool;
static struct tsr_worker *worker;

static inline int worker_start(void **state)
{
    (void)state;
    if (tsr_pool_new(1, &pool) < 0) return -1;
    worker = tsr_pool_borrow(pool);
    return worker ? 0 : -1;
}

static inline int worker_stop(void **state)
{
    (void)state;
    tsr_pool_return(pool, worker);
    tsr_pool_free(pool);
    return 0;
}

#endif
