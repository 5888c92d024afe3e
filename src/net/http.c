/* SPDX-License-Identifier: BSD-3-Clause */
/* net/http.c - running many requests at once, through libcurl's multi interface.
 *
 * A run takes a lane, which is a multi handle with its open connections, from the client's yard
 * and gives it back warm; so there are as many lanes as threads ever ran calls at once.  Requests
 * in flight over all lanes are bounded by permits: a run that has none waits for one, and takes
 * more as they come.
 *
 *   calls:   | done | in flight | waiting for a try | not begun |
 *
 * After fork the yard of the parent is left alone, for its lock may be held by a thread that is
 * gone and its connections are shared with the parent: the child lays out its own. */
#include "net/http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "net/transfer.h"
#include "sys/sys.h"

struct lane {
    CURLM *multi;
    struct lane *next;
};

struct yard {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t freed; /* a permit was */
    int permits;
    struct lane *idle;
    unsigned forks;
};

struct tsr_http {
    struct tsr_http_options o;
    char *ca_file; /* NULL: the system's */
    _Atomic(struct yard *) yard;
    atomic_llong *bytes, *requests; /* the caller's */
};

struct run {
    struct tsr_http *http;
    struct yard *yard;
    struct lane *lane;
    struct tsr_transfer *transfer; /* [n] */
    struct tsr_transfer *waiting;
    size_t n, begun, left; /* left: neither done nor failed */
    size_t flying;
    double look;  /* when to look for stalls */
    bool starved; /* one could begin, had there been a permit */
    int64_t bytes;
    struct tsr_failure failure;
};

/* ---- client ---- */

static struct yard *yard_new(int permits)
{
    struct yard *y = tsr_alloc_zero(1, sizeof *y);
    if (!y) return NULL;
    pthread_mutex_init(&y->lock, NULL);
    pthread_cond_init(&y->freed, NULL);
    y->permits = permits;
    y->forks = tsr_sys_fork_count();
    return y;
}

static void lane_free(struct lane *l)
{
    curl_multi_cleanup(l->multi);
    tsr_free(l);
}

static void yard_free(struct yard *y)
{
    while (y->idle) {
        struct lane *l = y->idle;
        y->idle = l->next;
        lane_free(l);
    }
    pthread_cond_destroy(&y->freed);
    pthread_mutex_destroy(&y->lock);
    tsr_free(y);
}

/* The yard of this process; NULL: out of memory, text set. */
static struct yard *yard_of(struct tsr_http *h)
{
    struct yard *y = atomic_load_explicit(&h->yard, memory_order_acquire);
    if (y->forks == tsr_sys_fork_count()) return y;
    struct yard *fresh = yard_new(h->o.in_flight);
    if (!fresh || atomic_compare_exchange_strong(&h->yard, &y, fresh)) return fresh;
    yard_free(fresh); /* another thread of the child was first */
    return y;
}

static void use_default(int *value, int standard)
{
    if (*value <= 0) *value = standard;
}

static void complete(struct tsr_http_options *o)
{
    use_default(&o->in_flight, 16);
    use_default(&o->tries, 6);
    use_default(&o->connect_s, 10);
    use_default(&o->stall_s, 20);
    use_default(&o->total_s, 0);
    use_default(&o->pause_ms, 250);
    use_default(&o->patience_s, 60);
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int tsr_http_new(const struct tsr_http_options *o, atomic_llong *bytes, atomic_llong *requests,
                 struct tsr_http **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *ca = getenv("SSL_CERT_FILE"); /* as OpenSSL itself and others read it */
    struct tsr_http *h = tsr_alloc_zero(1, sizeof *h);
    if (!h) return TSR_ENOMEM;
    pthread_once(&once, start_curl);
    if (o) h->o = *o;
    complete(&h->o);
    struct yard *y = yard_new(h->o.in_flight);
    bool own = ca && *ca;
    if (own) h->ca_file = tsr_strdup(ca);
    if (!y || (own && !h->ca_file)) {
        if (y) yard_free(y);
        tsr_free(h->ca_file);
        tsr_free(h);
        return TSR_ENOMEM;
    }
    h->bytes = bytes;
    h->requests = requests;
    atomic_init(&h->yard, y);
    *out = h;
    return TSR_OK;
}

void tsr_http_free(struct tsr_http *h)
{
    if (!h) return;
    struct yard *y = atomic_load(&h->yard);
    if (y->forks == tsr_sys_fork_count()) yard_free(y);
    tsr_free(h->ca_file);
    tsr_free(h);
}

int tsr_http_in_flight(const struct tsr_http *h)
{
    return h->o.in_flight;
}

/* ---- lanes and permits ---- */

static int lane_take(struct run *r)
{
    struct yard *y = r->yard;
    pthread_mutex_lock(&y->lock);
    struct lane *l = y->idle;
    if (l) y->idle = l->next;
    pthread_mutex_unlock(&y->lock);
    if (!l && (l = tsr_alloc_zero(1, sizeof *l)) && !(l->multi = curl_multi_init())) {
        tsr_free(l);
        l = NULL;
    }
    if (!l) return tsr_fail(TSR_ENOMEM, "out of memory: connections");
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)r->http->o.in_flight);
    r->lane = l;
    return TSR_OK;
}

static void lane_give(struct run *r)
{
    pthread_mutex_lock(&r->yard->lock);
    r->lane->next = r->yard->idle;
    r->yard->idle = r->lane;
    pthread_mutex_unlock(&r->yard->lock);
}

/* wait: up to a tenth of a second. */
static bool permit_take(struct yard *y, bool wait)
{
    struct timespec until;
    bool got;
    pthread_mutex_lock(&y->lock);
    if (wait && y->permits == 0) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&y->freed, &y->lock, &until);
    }
    got = y->permits > 0;
    if (got) y->permits--;
    pthread_mutex_unlock(&y->lock);
    return got;
}

static void permit_give(struct yard *y)
{
    pthread_mutex_lock(&y->lock);
    y->permits++;
    pthread_cond_signal(&y->freed);
    pthread_mutex_unlock(&y->lock);
}

/* ---- a run ---- */

/* Takes the next transfer that may be tried at time now; NULL: none. */
static struct tsr_transfer *next_ready(struct run *r, double now)
{
    for (struct tsr_transfer **at = &r->waiting; *at; at = &(*at)->next) {
        struct tsr_transfer *t = *at;
        if (t->at > now) continue;
        *at = t->next;
        return t;
    }
    return r->begun < r->n ? &r->transfer[r->begun++] : NULL;
}

static void wait_again(struct run *r, struct tsr_transfer *t)
{
    t->next = r->waiting;
    r->waiting = t;
}

/* Begins what may begin. */
static void launch(struct run *r)
{
    double now = tsr_sys_now();
    struct tsr_transfer *t;
    r->starved = false;
    while (r->failure.rc == TSR_OK && (t = next_ready(r, now))) {
        if (!permit_take(r->yard, r->flying == 0)) {
            wait_again(r, t);
            r->starved = true;
            return;
        }
        if (tsr_transfer_begin(t, r->http->ca_file) < 0 ||
            curl_multi_add_handle(r->lane->multi, t->easy) != CURLM_OK) {
            tsr_failure_note(&r->failure, tsr_fail(TSR_ENOMEM, "out of memory: a request"));
            tsr_transfer_done(t);
            permit_give(r->yard);
            return;
        }
        r->flying++;
        atomic_fetch_add_explicit(r->http->requests, 1, memory_order_relaxed);
    }
}

static void count_bytes(struct run *r, const struct tsr_transfer *t)
{
    r->bytes += (int64_t)t->got;
    atomic_fetch_add_explicit(r->http->bytes, (long long)t->got, memory_order_relaxed);
}

static void land(struct run *r, struct tsr_transfer *t)
{
    curl_multi_remove_handle(r->lane->multi, t->easy);
    tsr_transfer_done(t);
    count_bytes(r, t);
    permit_give(r->yard);
    r->flying--;
}

static void end_try(struct run *r, struct tsr_transfer *t, CURLcode code)
{
    enum tsr_verdict v = tsr_transfer_end(t, code);
    land(r, t);
    if (v == TSR_TRANSFER_AGAIN) wait_again(r, t);
    else r->left--;
}

/* curl looks at the mean of some seconds, in which a stall is seen late or, where much came before
 * it, never. */
static void end_stalled(struct run *r)
{
    double now = tsr_sys_now();
    if (now < r->look) return;
    r->look = now + 0.25;
    for (size_t i = 0; i < r->begun; i++)
        if (tsr_transfer_stalled(&r->transfer[i], now))
            end_try(r, &r->transfer[i], CURLE_OPERATION_TIMEDOUT);
}

static void collect(struct run *r)
{
    CURLMsg *m;
    int more;
    while ((m = curl_multi_info_read(r->lane->multi, &more))) {
        struct tsr_transfer *t = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        end_try(r, t, code);
    }
    end_stalled(r);
}

/* Milliseconds until something may have to begin. */
static int nap(const struct run *r)
{
    double now = tsr_sys_now(), left = r->http->o.progress ? 0.1 : 1;
    if (r->starved) left = 0.02; /* another thread may free a permit */
    for (const struct tsr_transfer *t = r->waiting; t; t = t->next)
        if (t->at > now && t->at - now < left) left = t->at - now;
    return left > 0 ? (int)(left * 1000) + 1 : 1;
}

static void turn(struct run *r)
{
    const struct tsr_http_options *o = &r->http->o;
    int running;
    launch(r);
    if (r->failure.rc < 0) return;
    CURLMcode rc = curl_multi_perform(r->lane->multi, &running);
    collect(r);
    if (rc == CURLM_OK && r->left && r->failure.rc == TSR_OK)
        rc = curl_multi_poll(r->lane->multi, NULL, 0, nap(r), NULL);
    if (rc != CURLM_OK)
        tsr_failure_note(&r->failure, tsr_fail(TSR_EIO, "HTTP: %s", curl_multi_strerror(rc)));
    else if (o->progress && o->progress(o->user, r->bytes, -1))
        tsr_failure_note(&r->failure, tsr_fail(TSR_ECANCELLED, "cancelled"));
}

int tsr_http_run(struct tsr_http *h, struct tsr_http_call *calls, size_t n)
{
    struct run r = {.http = h, .n = n, .left = n, .yard = yard_of(h)};
    struct tsr_pipe_guard guard;
    if (n == 0) return TSR_OK;
    if (!r.yard || !(r.transfer = tsr_alloc_zero(n, sizeof *r.transfer))) return TSR_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct tsr_transfer *t = &r.transfer[i];
        t->call = &calls[i];
        t->o = &h->o;
        t->failure = &r.failure;
    }
    int rc = lane_take(&r);
    if (rc == TSR_OK) {
        tsr_pipe_guard_begin(&guard);
        while (r.left && r.failure.rc == TSR_OK) turn(&r);
        for (size_t i = 0; i < r.begun; i++)
            if (r.transfer[i].easy) land(&r, &r.transfer[i]);
        tsr_pipe_guard_end(&guard);
        lane_give(&r);
        if (r.failure.rc < 0) tsr_error_restore(r.failure.text);
        rc = r.failure.rc;
    }
    tsr_free(r.transfer);
    return rc;
}

void tsr_http_call_done(struct tsr_http_call *c)
{
    tsr_buf_free(&c->body);
}
