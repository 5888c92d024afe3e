/* SPDX-License-Identifier: BSD-3-Clause */
/* task/pool.c - a crew of threads that share out sets of jobs.
 *
 * A call of tsr_pool_run is a set.  It lives on its caller's stack, stands in the crew's list
 * while it may have jobs left, and hands out job numbers by one atomic counter.  The caller
 * takes jobs like everybody else, so a set is finished even when no thread is free; it then
 * unlinks the set and waits for those who still hold one of its jobs.  Nested sets and sets
 * of other callers are simply more entries in the list, oldest first.
 *
 * After fork only the calling thread exists and the crew's lock may be held by a ghost.  The
 * child therefore never touches the old crew: the first call that sees another fork count
 * puts a new crew in its place and keeps the old one aside, unfreed. */
#include "task/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "sys/sys.h"
#include "task/worker.h"

enum { MAX_THREADS = 1024 };

/* How many seconds a caller looks whether its helpers are done, and a helper whether there is a new
 * set, before it sleeps.  Being woken costs as much as a block: 256 KiB of LZ4 in a row of reads
 * take 45 us on one core, 38 on two with sleeping helpers and 24 with looking ones. */
static const double look_time = 40e-6;
enum { MOST_LOOKING = 8 }; /* helpers: more would stand in each other's way at the lock */

struct set {
    tsr_job job;
    void *arg;
    size_t n;
    atomic_size_t next; /* the next job to hand out; n or more: none left */
    int most;           /* helpers at once */
    struct set *before, *after;
    atomic_int helpers;  /* threads other than the caller inside work() */
    pthread_cond_t left; /* helpers became 0 */
    int rc;              /* of the first failure, with its text */
    char text[TSR_ERROR_MAX];
};

struct member {
    pthread_t id;
    struct member *after;
    struct crew *crew;
    struct tsr_worker *worker;
    bool stop; /* as the crew's, of this one */
};

struct crew {
    pthread_mutex_t lock; /* guards what follows and the sets' lists, helpers, rc, text */
    pthread_cond_t wake;  /* a set came, or stop */
    struct set *first, *last;
    struct tsr_worker *spare;
    int started;
    int idle, looking;  /* threads without a set; of these, that look for one and do not sleep */
    atomic_uint posted; /* sets so far */
    bool stop;
    struct tsr_pool_limit *limits;
    atomic_int limit;     /* the least of them, 0: there is none */
    int limited;          /* the last that began */
    unsigned forks;       /* the fork count it was born under */
    struct crew *parents; /* the crew of the process this one was forked from */
    struct member *members;
};

struct tsr_pool {
    atomic_int threads;
    _Atomic(struct crew *) crew;
};

/* ---- crews ---- */

static struct crew *crew_new(void)
{
    struct crew *c = tsr_alloc_zero(1, sizeof *c);
    if (!c) return NULL;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    c->forks = tsr_sys_fork_count();
    return c;
}

static void join_all(struct member *m)
{
    for (struct member *next; m; m = next) {
        next = m->after;
        pthread_join(m->id, NULL);
        tsr_free(m);
    }
}

static void crew_free(struct crew *c)
{
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    join_all(c->members);
    tsr_worker_free_all(c->spare);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    tsr_free(c);
}

/* The pool's crew in this process; NULL: out of memory, text set. */
static struct crew *crew_of(struct tsr_pool *p)
{
    struct crew *c = atomic_load_explicit(&p->crew, memory_order_acquire);
    if (c->forks == tsr_sys_fork_count()) return c;
    struct crew *fresh = crew_new();
    if (!fresh) return NULL;
    fresh->parents = c;
    if (atomic_compare_exchange_strong(&p->crew, &c, fresh)) return fresh;
    crew_free(fresh); /* another thread of the child was first */
    return c;
}

/* ---- sets; the crew's lock is held unless said otherwise ---- */

static void link_set(struct crew *c, struct set *s)
{
    s->before = c->last;
    s->after = NULL;
    if (c->last) c->last->after = s;
    else c->first = s;
    c->last = s;
    atomic_fetch_add_explicit(&c->posted, 1, memory_order_relaxed);
}

static void unlink_set(struct crew *c, struct set *s)
{
    if (s->before) s->before->after = s->after;
    else c->first = s->after;
    if (s->after) s->after->before = s->before;
    else c->last = s->before;
}

static size_t jobs_left(struct set *s)
{
    size_t next = atomic_load_explicit(&s->next, memory_order_relaxed);
    return next < s->n ? s->n - next : 0;
}

/* So many more helpers have a job and a place in the set. */
static size_t wants(struct set *s)
{
    return tsr_minz(jobs_left(s), (size_t)(s->most - s->helpers));
}

static struct set *find_set(struct crew *c)
{
    struct set *s = c->first;
    while (s && !wants(s)) s = s->after;
    return s;
}

/* Of all sets: who looks for work or is awake already cannot be counted on by each of them. */
static size_t all_want(const struct crew *c)
{
    size_t n = 0;
    for (struct set *s = c->first; s; s = s->after) n += wants(s);
    return n;
}

/* Not locked.  The first failure keeps its text and ends the handing out. */
static void set_fail(struct crew *c, struct set *s, int rc)
{
    pthread_mutex_lock(&c->lock);
    if (s->rc == TSR_OK) {
        s->rc = rc;
        tsr_error_save(s->text);
    }
    pthread_mutex_unlock(&c->lock);
    atomic_store_explicit(&s->next, s->n, memory_order_relaxed);
}

/* Not locked.  Results reach the caller through the lock taken afterwards. */
static void work(struct crew *c, struct set *s, struct tsr_worker *w)
{
    size_t i;
    while ((i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < s->n) {
        int rc = s->job(s->arg, i, w);
        if (rc < 0) set_fail(c, s, rc);
    }
}

/* ---- threads ---- */

/* Each one that wakes wakes two more while there is work, so that the caller pays for two
 * system calls however many threads there are. */
static size_t how_many_to_wake(const struct crew *c, size_t wanted)
{
    size_t looking = (size_t)c->looking, asleep = (size_t)c->idle - looking;
    return wanted > looking ? tsr_minz(tsr_minz(wanted - looking, asleep), 2) : 0;
}

/* Not locked, or the woken would run into the lock. */
static void wake(struct crew *c, size_t n)
{
    while (n--) pthread_cond_signal(&c->wake);
}

static void help(struct crew *c, struct set *s, struct tsr_worker *w)
{
    s->helpers++;
    size_t more = how_many_to_wake(c, all_want(c));
    pthread_mutex_unlock(&c->lock);
    wake(c, more);
    work(c, s, w);
    pthread_mutex_lock(&c->lock);
    /* Under the lock: the set is gone as soon as its caller sees no helper. */
    if (--s->helpers == 0) pthread_cond_signal(&s->left);
}

/* Waits for another set, awake at first. */
static void idle(struct crew *c, bool *looked)
{
    unsigned seen = atomic_load_explicit(&c->posted, memory_order_relaxed);
    c->idle++;
    if (*looked || c->looking >= MOST_LOOKING) {
        pthread_cond_wait(&c->wake, &c->lock);
    } else {
        c->looking++;
        pthread_mutex_unlock(&c->lock);
        double end = tsr_sys_now() + look_time;
        while (atomic_load_explicit(&c->posted, memory_order_relaxed) == seen &&
               tsr_sys_now() < end)
            sched_yield();
        pthread_mutex_lock(&c->lock);
        c->looking--;
    }
    c->idle--;
    *looked = !*looked;
}

static void *member_main(void *arg)
{
    struct member *m = arg;
    struct crew *c = m->crew;
    bool looked = false;
    pthread_mutex_lock(&c->lock);
    while (!c->stop && !m->stop) {
        struct set *s = find_set(c);
        if (s) {
            help(c, s, m->worker);
            looked = false;
        } else {
            idle(c, &looked);
        }
    }
    pthread_mutex_unlock(&c->lock);
    tsr_worker_free_all(m->worker);
    return NULL;
}

static bool start_one(struct crew *c)
{
    struct member *m = tsr_alloc(sizeof *m);
    if (!m) return false;
    *m = (struct member){.crew = c, .after = c->members, .worker = tsr_worker_new()};
    if (!m->worker || tsr_sys_thread(&m->id, member_main, m) < 0) {
        tsr_worker_free_all(m->worker);
        tsr_free(m);
        return false;
    }
    c->members = m;
    c->started++;
    return true;
}

/* Locked.  A thread that cannot be started is no failure: the caller does its share. */
static void start_missing(struct crew *c, int most, size_t wanted)
{
    for (size_t have = (size_t)c->idle; have < wanted && c->started < most; have++)
        if (!start_one(c)) return;
}

/* ---- the interface ---- */

static int check_threads(int threads)
{
    if (threads >= 0 && threads <= MAX_THREADS) return TSR_OK;
    return tsr_fail(TSR_EARG, "pool of %d threads, expected 0 to %d", threads, MAX_THREADS);
}

int tsr_pool_new(int threads, struct tsr_pool **out)
{
    *out = NULL;
    int rc = check_threads(threads);
    if (rc < 0) return rc;
    struct tsr_pool *p = tsr_alloc_zero(1, sizeof *p);
    if (!p) return TSR_ENOMEM;
    atomic_init(&p->threads, threads ? threads : tsr_sys_cores());
    struct crew *c = crew_new();
    if (!c) {
        tsr_free(p);
        return TSR_ENOMEM;
    }
    atomic_init(&p->crew, c);
    *out = p;
    return TSR_OK;
}

void tsr_pool_free(struct tsr_pool *p)
{
    if (!p) return;
    struct crew *c = atomic_load(&p->crew);
    if (c->forks == tsr_sys_fork_count()) crew_free(c);
    tsr_free(p);
}

int tsr_pool_all_threads(const struct tsr_pool *p)
{
    return atomic_load_explicit(&p->threads, memory_order_relaxed);
}

int tsr_pool_threads(const struct tsr_pool *p)
{
    int all = tsr_pool_all_threads(p);
    const struct crew *c = atomic_load_explicit(&p->crew, memory_order_acquire);
    int limit = atomic_load_explicit(&c->limit, memory_order_relaxed);
    return limit && limit < all ? limit : all;
}

/* Threads that are too many stay and wait: they are in the way of nobody. */
int tsr_pool_set_threads(struct tsr_pool *p, int threads, int *before)
{
    int rc = check_threads(threads);
    if (rc < 0) return rc;
    if (!threads) threads = tsr_sys_cores();
    *before = atomic_exchange_explicit(&p->threads, threads, memory_order_relaxed);
    return TSR_OK;
}

/* Locked. */
static void find_limit(struct crew *c)
{
    int least = 0;
    for (struct tsr_pool_limit *l = c->limits; l; l = l->next)
        if (!least || l->most < least) least = l->most;
    atomic_store_explicit(&c->limit, least, memory_order_relaxed);
}

/* Takes all threads and spare workers out of the crew; new ones start on need.  Locked. */
static void dismiss(struct crew *c, struct member **members, struct tsr_worker **spare)
{
    *members = c->members;
    *spare = c->spare;
    c->members = NULL;
    c->spare = NULL;
    c->started = 0;
    for (struct member *m = *members; m; m = m->after) m->stop = true;
    pthread_cond_broadcast(&c->wake);
}

/* Threads go that are too many, and what they keep where the limit is another than before: it was
 * for other jobs. */
int tsr_pool_limit_begin(struct tsr_pool *p, int most, struct tsr_pool_limit *l)
{
    struct crew *c = crew_of(p);
    struct member *members = NULL;
    struct tsr_worker *spare = NULL;
    if (!c) return TSR_ENOMEM;
    pthread_mutex_lock(&c->lock);
    *l = (struct tsr_pool_limit){most, c->limits};
    c->limits = l;
    find_limit(c);
    if (c->limited != most || c->started >= most) dismiss(c, &members, &spare);
    c->limited = most;
    pthread_mutex_unlock(&c->lock);
    join_all(members);
    tsr_worker_free_all(spare);
    return TSR_OK;
}

/* After a fork the child's crew knows nothing of it. */
void tsr_pool_limit_end(struct tsr_pool *p, struct tsr_pool_limit *l)
{
    struct crew *c = crew_of(p);
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    struct tsr_pool_limit **at = &c->limits;
    while (*at && *at != l) at = &(*at)->next;
    if (*at) *at = l->next;
    find_limit(c);
    pthread_mutex_unlock(&c->lock);
}

struct tsr_worker *tsr_pool_borrow(struct tsr_pool *p)
{
    struct crew *c = crew_of(p);
    if (!c) return NULL;
    pthread_mutex_lock(&c->lock);
    struct tsr_worker *w = tsr_worker_pop(&c->spare);
    pthread_mutex_unlock(&c->lock);
    return w ? w : tsr_worker_new();
}

void tsr_pool_return(struct tsr_pool *p, struct tsr_worker *w)
{
    struct crew *c = crew_of(p);
    if (!c) {
        tsr_worker_free_all(w);
        return;
    }
    pthread_mutex_lock(&c->lock);
    tsr_worker_push(&c->spare, w);
    pthread_mutex_unlock(&c->lock);
}

static int run_alone(size_t n, tsr_job job, void *arg, struct tsr_worker *w)
{
    for (size_t i = 0; i < n; i++) {
        int rc = job(arg, i, w);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

static void wait_for_helpers(struct crew *c, struct set *s)
{
    double end = tsr_sys_now() + look_time;
    while (atomic_load(&s->helpers) && tsr_sys_now() < end) sched_yield();
    pthread_mutex_lock(&c->lock);
    unlink_set(c, s);
    while (s->helpers) pthread_cond_wait(&s->left, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static int run_shared(struct tsr_pool *p, struct set *s, struct tsr_worker *w)
{
    struct crew *c = atomic_load_explicit(&p->crew, memory_order_acquire);
    pthread_mutex_lock(&c->lock);
    int limit = atomic_load_explicit(&c->limit, memory_order_relaxed);
    if (limit && s->most > limit - 1) s->most = limit - 1; /* it began since s was made */
    size_t wanted = all_want(c) + tsr_minz(s->n - 1, (size_t)s->most);
    link_set(c, s);
    start_missing(c, s->most, wanted);
    size_t sleepers = how_many_to_wake(c, wanted);
    pthread_mutex_unlock(&c->lock);
    wake(c, sleepers);
    int rc = s->job(s->arg, 0, w);
    if (rc < 0) set_fail(c, s, rc);
    work(c, s, w);
    wait_for_helpers(c, s);
    if (s->rc < 0) tsr_error_restore(s->text);
    return s->rc;
}

int tsr_pool_run(struct tsr_pool *p, size_t n, tsr_job job, void *arg)
{
    if (n == 0) return TSR_OK;
    struct tsr_worker *w = tsr_pool_borrow(p); /* and renews the crew after fork */
    if (!w) return TSR_ENOMEM;
    int rc, threads = tsr_pool_threads(p);
    if (n == 1 || threads == 1) {
        rc = run_alone(n, job, arg, w);
    } else {
        struct set s;
        s.job = job;
        s.arg = arg;
        s.n = n;
        s.most = threads - 1;
        atomic_init(&s.next, 1); /* job 0 is the caller's */
        atomic_init(&s.helpers, 0);
        s.rc = TSR_OK; /* text is only read after a failure: 1 KiB not cleared per run */
        pthread_cond_init(&s.left, NULL);
        rc = run_shared(p, &s, w);
        pthread_cond_destroy(&s.left);
    }
    tsr_pool_return(p, w);
    return rc;
}
