/* SPDX-License-Identifier: BSD-3-Clause */
/* task/pool.h - run n independent jobs on all cores; the first failure wins.
 *
 * The caller works too, so a pool of 1 has no threads.  Threads start on first need.  Many
 * threads may call tsr_pool_run at once, and a job may call it (it then runs on that thread
 * together with whatever threads are idle).  After fork the child's pool starts anew. */
#ifndef TSR_TASK_POOL_H
#define TSR_TASK_POOL_H

#include <stddef.h>
#include <stdint.h>

struct tsr_pool;
struct tsr_worker; /* what one thread keeps from job to job: scratch and codec states */

int tsr_pool_new(int threads, struct tsr_pool **out); /* threads 0: available cores */
void tsr_pool_free(struct tsr_pool *p);               /* waits for its threads; NULL is fine */
/* As many as a run has now, within limits; and without them. */
int tsr_pool_threads(const struct tsr_pool *p);
int tsr_pool_all_threads(const struct tsr_pool *p);
/* From the next run on, whoever calls it; 0: available cores.  EARG. */
int tsr_pool_set_threads(struct tsr_pool *p, int threads, int *before);

/* From begin to end no run, whoever calls it, has more than most threads, nor are there more: what
 * others keep is freed at once, so that what all of them keep is bounded.  Not in a job.  l is the
 * caller's until the end. */
struct tsr_pool_limit {
    int most;
    struct tsr_pool_limit *next;
};
int tsr_pool_limit_begin(struct tsr_pool *p, int most, struct tsr_pool_limit *l);
void tsr_pool_limit_end(struct tsr_pool *p, struct tsr_pool_limit *l);

/* Calls job(arg, i, worker) for i in 0..n-1 in any order, each once, number 0 on the calling
 * thread, and returns when all are done; after a failure the rest are skipped and the failing
 * status and text are the caller's.  n <= 1 wakes nobody. */
typedef int (*tsr_job)(void *arg, size_t i, struct tsr_worker *w);
int tsr_pool_run(struct tsr_pool *p, size_t n, tsr_job job, void *arg);

/* A worker for code that runs on the caller alone.  Give it back when done. */
struct tsr_worker *tsr_pool_borrow(struct tsr_pool *p); /* NULL: out of memory, text set */
void tsr_pool_return(struct tsr_pool *p, struct tsr_worker *w);

/* Scratch buffer number `which` of the worker, at least len bytes; its content is what the
 * last user left.  It stays valid until the same number is asked with a larger len.
 * NULL: out of memory, text set. */
enum {
    TSR_SCRATCH_FILTER_A,
    TSR_SCRATCH_FILTER_B,
    TSR_SCRATCH_BLOCK,
    TSR_SCRATCH_CODEC,
    TSR_SCRATCH_STREAM,
    TSR_SCRATCH_FETCH,
    TSR_SCRATCH_REF,
    TSR_SCRATCH_ITEMS,
    TSR_SCRATCH_LANES,
    TSR_SCRATCH_COUNT
};
uint8_t *tsr_worker_scratch(struct tsr_worker *w, int which, size_t len);

/* What the worker keeps under key (any address of static storage, such as a codec): len bytes,
 * zeros when first asked for.  done(it), called when the worker ends, frees it.  NULL: out of
 * memory, text set. */
void *tsr_worker_state(struct tsr_worker *w, const void *key, size_t len, void (*done)(void *));

#endif
