/* SPDX-License-Identifier: BSD-3-Clause */
/* store/remote.c - reads over HTTP, all in flight at once.
 *
 * Ranges of one object that are near each other become one request, long ones become several.
 *
 *   asked     |---|  |-----|                      |--|        |--------------------------|
 *   requests  |------------|                      |--|        |--------||--------||------|
 *
 * How near they must be depends on how many there are.  As many as may be in flight take one trip
 * however many they are, so only gaps are bridged that are smaller than a request is itself.  More
 * than these wait for each other: then a request costs a trip's share of what the network brings
 * meanwhile, some 60 KiB where a trip takes 10 ms and 100 MB come in a second.
 *
 * Three answers are kept apart: 200 and 206 are bytes, 404 and 410 say that there is no object, and
 * whatever else comes is a failure, never an absent object. */
#include "store/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/num.h"
#include "store/key.h"
#include "store/kinds.h"

enum {
    GAP = 8 << 10,
    GAP_MOST = 64 << 10, /* of more requests than may be in flight */
    LONGEST = 4 << 20    /* several connections bring more than one */
};

/* Of the whole object without a length one answer's total is known, once all of it came, and
 * another's not, which ended before: what the heads said is the same. */
uint64_t tsr_remote_stamp_of(const struct tsr_answer *a)
{
    const char *version = a->etag[0] ? a->etag : a->modified;
    uint64_t total = a->status == 200 ? a->length : a->total;
    uint64_t stamp = XXH3_64bits_withSeed(version, strlen(version), total);
    return stamp ? stamp : 1;
}

/* A number that is set in the environment. */
static int from_env(const char *name, const char *unit, int *out)
{
    const char *text = getenv(name);
    char *end;
    if (*out || !text || !*text) return TSR_OK;
    long n = strtol(text, &end, 10);
    if (*end || n < 1 || n > 100000)
        return tsr_fail(TSR_EARG, "%s: found '%.40s', expected a number%s from 1 on", name, text,
                        unit);
    *out = (int)n;
    return TSR_OK;
}

int tsr_remote_http(const tsr_remote_options *r, struct tsr_http_options *out)
{
    tsr_remote_options full = {0};
    if (r) memcpy(&full, r, tsr_minz(r->size, sizeof full));
    if (full.timeout_s < 0 || full.tries < 0 || full.connections < 0 || full.pause_ms < 0)
        return tsr_fail(TSR_EARG,
                        "timeout_s %d, tries %d, connections %d, pause_ms %d: expected 0 or more",
                        full.timeout_s, full.tries, full.connections, full.pause_ms);
    int rc = from_env("TESSERA_TIMEOUT", " of seconds", &full.timeout_s);
    if (rc == TSR_OK) rc = from_env("TESSERA_TRIES", "", &full.tries);
    if (rc == TSR_OK) rc = from_env("TESSERA_CONNECTIONS", "", &full.connections);
    if (rc == TSR_OK) rc = from_env("TESSERA_PAUSE", " of milliseconds", &full.pause_ms);
    *out = (struct tsr_http_options){.in_flight = full.connections,
                                     .tries = full.tries,
                                     .stall_s = full.timeout_s,
                                     .pause_ms = full.pause_ms,
                                     .connect_s = (int)tsr_min64(full.timeout_s, 10),
                                     .progress = full.progress,
                                     .user = full.user};
    return rc;
}

int tsr_remote_init(struct tsr_remote *r, const struct tsr_remote_kind *how, const char *url,
                    const struct tsr_http_options *o, bool writable)
{
    int rc = tsr_store_init(&r->base, &how->store, url, writable);
    if (rc < 0) return rc;
    rc = tsr_http_new(o, &r->base.bytes_read, &r->base.requests, &r->http);
    if (rc < 0) {
        tsr_free(r->base.url);
        return rc;
    }
    r->base.far = true;
    r->how = how;
    pthread_mutex_init(&r->lock, NULL);
    return TSR_OK;
}

void tsr_remote_close(struct tsr_store *st)
{
    struct tsr_remote *r = (struct tsr_remote *)st;
    tsr_remote_forget(r);
    tsr_http_free(r->http);
    pthread_mutex_destroy(&r->lock);
    if (r->how->done) r->how->done(r);
    tsr_free(r);
}

/* ---- calls and what answers mean ---- */

int tsr_remote_call(struct tsr_http_call *c, struct tsr_remote_job *job)
{
    struct tsr_remote *r = job->remote;
    char *url = NULL;
    /* what is signed is signed for one host */
    *c = (struct tsr_http_call){.user = job,
                                .fields = r->how->fields,
                                .stay = r->how->fields != NULL};
    int rc = job->key[0] ? tsr_key_check(r->base.url, job->key) : TSR_OK;
    if (rc == TSR_OK) rc = r->how->url(r, job->key, &url);
    c->url = url;
    return rc;
}

void tsr_remote_call_done(struct tsr_http_call *c)
{
    tsr_free((char *)(uintptr_t)c->url);
    c->url = NULL;
    tsr_http_call_done(c);
}

int tsr_remote_run(struct tsr_remote *r, struct tsr_http_call *calls, size_t n)
{
    return tsr_http_run(r->http, calls, n);
}

static int changed(const struct tsr_http_call *c)
{
    return tsr_http_fail(TSR_ECONFLICT, c, "the object changed while it was read");
}

bool tsr_remote_absent(const struct tsr_http_call *c)
{
    const struct tsr_remote_job *j = c->user;
    if (j->remote->how->absent) return j->remote->how->absent(c);
    return c->answer.status == 404 || c->answer.status == 410;
}

int tsr_remote_refuse(const struct tsr_http_call *c)
{
    const struct tsr_remote_job *j = c->user;
    int status = c->answer.status;
    char what[64];
    if (status == 412) return changed(c);
    if (j->remote->how->refuse) return j->remote->how->refuse(c);
    snprintf(what, sizeof what, "%sstatus %d", status >= 300 && status < 400 ? "redirected: " : "",
             status);
    bool denied = status == 401 || status == 403 || status == 407;
    return tsr_http_fail(denied ? TSR_EDENIED : TSR_EIO, c, what);
}

/* An answer of bytes: are they of the object that is meant? */
static int check_version(const struct tsr_http_call *c)
{
    const struct tsr_remote_job *j = c->user;
    if (!j->key[0]) return tsr_remote_note(j->remote, c);
    if (j->stamp && tsr_remote_stamp_of(&c->answer) != j->stamp) return changed(c);
    return TSR_OK;
}

static int judge(struct tsr_http_call *c)
{
    struct tsr_remote_job *j = (struct tsr_remote_job *)(uintptr_t)c->user;
    const struct tsr_answer *a = &c->answer;
    if (a->status == 200 || a->status == 206) {
        j->again = a->total == TSR_NO_SIZE;
        return check_version(c);
    }
    if (tsr_remote_absent(c)) {
        if (j->stamp) return changed(c);
        j->absent = true;
        return TSR_OK;
    }
    bool no_tail = c->range == TSR_HTTP_TAIL && (a->status == 400 || a->status == 501);
    if (a->status != 416 && !no_tail) return tsr_remote_refuse(c);
    j->behind = a->status == 416 && a->total != TSR_NO_SIZE;
    j->again = !j->behind;
    return TSR_OK;
}

static int not_there(const struct tsr_http_call *c)
{
    return tsr_http_fail(TSR_ENOTFOUND, c, "not found");
}

/* Where the object ends, from HEAD, when the answers to ranges do not say. */
static int ask_size(struct tsr_remote_job *job, struct tsr_answer *out)
{
    struct tsr_http_call c;
    int rc = tsr_remote_call(&c, job);
    c.method = TSR_HTTP_HEAD;
    if (rc == TSR_OK) rc = tsr_remote_run(job->remote, &c, 1);
    if (rc == TSR_OK && tsr_remote_absent(&c)) rc = not_there(&c);
    else if (rc == TSR_OK && c.answer.status != 200) rc = tsr_remote_refuse(&c);
    else if (rc == TSR_OK && c.answer.length == TSR_NO_SIZE)
        rc = tsr_http_fail(TSR_EUNSUPPORTED, &c, "the server does not say how long the object is");
    *out = c.answer;
    out->total = out->length;
    tsr_remote_call_done(&c);
    return rc;
}

/* ---- readv ---- */

static int by_place(const void *x, const void *y)
{
    const struct tsr_range *a = x, *b = y;
    int d = strcmp(a->key, b->key);
    if (d) return d;
    if (a->stamp != b->stamp) return a->stamp < b->stamp ? -1 : 1;
    return a->off < b->off ? -1 : a->off > b->off;
}

/* How many of the sorted ranges one request brings. */
static size_t take_near(const struct tsr_range *r, size_t n, uint64_t gap, uint64_t *end)
{
    size_t i = 1;
    *end = r[0].off + r[0].len;
    for (; i < n && strcmp(r[i].key, r[0].key) == 0 && r[i].stamp == r[0].stamp; i++) {
        uint64_t to = r[i].off + r[i].len;
        if (r[i].off > *end + gap || to - r[0].off > LONGEST) break;
        if (to > *end) *end = to;
    }
    return i;
}

/* How many requests, and of how many bytes, bring these ranges. */
static size_t count_requests(const struct tsr_range *r, size_t n, uint64_t gap, uint64_t *bytes)
{
    size_t requests = 0;
    uint64_t end;
    *bytes = 0;
    for (size_t i = 0, first = 0; i < n; first = i, requests++) {
        i += take_near(r + i, n - i, gap, &end);
        *bytes += end - r[first].off;
    }
    return requests;
}

/* The gap to bridge: not so large that more is read in vain than is wanted. */
static uint64_t find_gap(const struct tsr_remote *st, const struct tsr_range *r, size_t n)
{
    size_t most = (size_t)tsr_http_in_flight(st->http);
    uint64_t gap = GAP, wanted, bytes;
    size_t requests = count_requests(r, n, 0, &wanted);
    while (requests > most && gap < GAP_MOST) {
        requests = count_requests(r, n, gap * 2, &bytes);
        if (bytes > 2 * wanted) break;
        gap *= 2;
    }
    return gap;
}

/* Ranges of which it is certain that all their bytes are of one object are cut into pieces, which
 * are written to out[], if it is not NULL.  Returns how many there are. */
static size_t cut(const struct tsr_range *r, size_t n, struct tsr_range *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        bool whole = r[i].len <= 2 * LONGEST || (r[i].key[0] && !r[i].stamp);
        size_t done = 0, step = whole ? r[i].len : LONGEST;
        do {
            struct tsr_range *o = out ? &out[m] : NULL;
            if (o) *o = r[i];
            if (o) o->off += done, o->dst = (char *)o->dst + done;
            if (o) o->len = tsr_minz(step, r[i].len - done);
            done += step;
            m++;
        } while (done < r[i].len);
    }
    return m;
}

struct batch {
    struct tsr_http_call *calls;
    struct tsr_remote_job *jobs;
    struct tsr_http_part *parts;
    size_t n;
};

static int batch_init(struct batch *b, size_t n)
{
    *b = (struct batch){.calls = tsr_alloc_zero(n, sizeof *b->calls),
                        .jobs = tsr_alloc_zero(n, sizeof *b->jobs),
                        .parts = tsr_alloc_array(n, sizeof *b->parts)};
    return b->calls && b->jobs && b->parts ? TSR_OK : TSR_ENOMEM;
}

static void batch_done(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) tsr_remote_call_done(&b->calls[i]);
    tsr_free(b->calls);
    tsr_free(b->jobs);
    tsr_free(b->parts);
}

static int add_call(struct batch *b, struct tsr_remote_job job)
{
    b->jobs[b->n] = job;
    int rc = tsr_remote_call(&b->calls[b->n], &b->jobs[b->n]);
    b->calls[b->n++].judge = judge;
    return rc;
}

static int add_ranges(struct batch *b, struct tsr_remote *st, const struct tsr_range *r, size_t n)
{
    uint64_t gap = find_gap(st, r, n);
    int rc = TSR_OK;
    for (size_t i = 0, k, end; i < n && rc == TSR_OK; i = end) {
        uint64_t to;
        end = i + take_near(r + i, n - i, gap, &to);
        struct tsr_http_call *c = &b->calls[b->n];
        rc = add_call(b,
                      (struct tsr_remote_job){.remote = st, .key = r[i].key, .stamp = r[i].stamp});
        c->range = TSR_HTTP_SPAN;
        c->off = r[i].off;
        c->len = to - r[i].off;
        c->parts = b->parts + i;
        c->nparts = end - i;
        if (!r[i].key[0] && tsr_answer_strong(&st->version)) c->match = st->version.etag;
        for (k = i; k < end; k++)
            b->parts[k] = (struct tsr_http_part){r[k].off, r[k].len, r[k].dst};
    }
    return rc;
}

/* After a run without failure: is everything there? */
static int check_read(const struct tsr_http_call *c)
{
    const struct tsr_remote_job *j = c->user;
    const struct tsr_answer *a = &c->answer;
    char what[120];
    uint64_t end = a->status == 206 ? a->last + 1 : a->total, wanted = c->off + c->len;
    if (j->absent) return not_there(c);
    if (a->status == 416 && j->again) end = c->off; /* or less */
    if (end >= wanted && a->status != 416) return TSR_OK;
    snprintf(what, sizeof what, "ends at byte %llu, bytes %llu to %llu are wanted",
             (unsigned long long)end, (unsigned long long)c->off, (unsigned long long)wanted);
    return tsr_http_fail(TSR_ECORRUPT, c, what);
}

static int read_sorted(struct tsr_remote *st, const struct tsr_range *r, size_t n)
{
    struct batch b;
    int rc = batch_init(&b, n);
    if (rc == TSR_OK) rc = add_ranges(&b, st, r, n);
    if (rc == TSR_OK) rc = tsr_remote_run(st, b.calls, b.n);
    for (size_t i = 0; i < b.n && rc == TSR_OK; i++) rc = check_read(&b.calls[i]);
    batch_done(&b);
    return rc;
}

static int read_any(struct tsr_remote *st, const struct tsr_range *r, size_t n)
{
    size_t m = cut(r, n, NULL);
    struct tsr_range *v = tsr_alloc_array(m, sizeof *v);
    if (!v) return TSR_ENOMEM;
    cut(r, n, v);
    qsort(v, m, sizeof *v, by_place);
    int rc = read_sorted(st, v, m);
    tsr_free(v);
    return rc;
}

int tsr_remote_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    struct tsr_range *rest = tsr_alloc_array(n, sizeof *rest);
    size_t left = 0;
    if (!rest) return TSR_ENOMEM;
    int rc = tsr_remote_serve((struct tsr_remote *)st, r, n, rest, &left);
    if (rc == TSR_OK && left) rc = read_any((struct tsr_remote *)st, rest, left);
    tsr_free(rest);
    return rc;
}

/* ---- getv ---- */

static int add_get(struct batch *b, struct tsr_remote *st, struct tsr_get *g)
{
    struct tsr_http_call *c = &b->calls[b->n];
    struct tsr_http_part *p = &b->parts[b->n];
    int rc = add_call(b, (struct tsr_remote_job){.remote = st, .key = g->key});
    c->range = g->off == TSR_LAST && g->len ? TSR_HTTP_TAIL : TSR_HTTP_SPAN;
    c->off = g->off == TSR_LAST ? 0 : g->off;
    c->len = g->len ? g->len : 1; /* no bytes: is it there? */
    *p = (struct tsr_http_part){c->off, g->len, g->dst};
    if (c->range == TSR_HTTP_SPAN) {
        c->parts = p;
        c->nparts = 1;
    }
    return rc;
}

/* What bytes of the object g means, now that its size is known. */
static void place_get(struct tsr_get *g, uint64_t size, uint64_t stamp, uint64_t *off)
{
    g->found = true;
    g->size = size;
    g->stamp = stamp;
    *off = g->off;
    if (g->off == TSR_LAST) *off = g->size > g->len ? g->size - g->len : 0;
    uint64_t left = *off < g->size ? g->size - *off : 0;
    g->got = left < g->len ? (size_t)left : g->len;
}

static int removed(const struct tsr_remote_job *job)
{
    return tsr_fail(TSR_ECONFLICT, "%s: %s: removed while it was read", job->remote->base.url,
                    job->key);
}

/* The server did not say the size of what is there: HEAD does.  The stamp is without it where the
 * answers to come will be too. */
static int find_size(const struct tsr_http_call *c, struct tsr_get *g)
{
    struct tsr_remote_job *job = (struct tsr_remote_job *)(uintptr_t)c->user;
    struct tsr_answer a;
    int rc = ask_size(job, &a);
    g->found = rc == TSR_OK;
    g->size = a.total;
    if (c->answer.status != 416) a.length = TSR_NO_SIZE;
    g->stamp = tsr_remote_stamp_of(&a);
    return rc == TSR_ENOTFOUND ? removed(job) : rc;
}

/* Without a count from the end, which the server refused, or did not say where that is. */
static int get_by_size(const struct tsr_http_call *c, struct tsr_get *g)
{
    struct tsr_remote_job *job = (struct tsr_remote_job *)(uintptr_t)c->user;
    bool no_tail = c->answer.status == 400 || c->answer.status == 501;
    struct tsr_get first = {.key = g->key};
    uint64_t off;
    int rc = no_tail ? tsr_remote_getv(&job->remote->base, &first, 1) : find_size(c, &first);
    if (rc < 0 || !first.found) return rc;
    place_get(g, first.size, first.stamp, &off);
    struct tsr_range r = {g->key, off, g->got, g->dst, g->stamp};
    if (g->got) rc = read_sorted(job->remote, &r, 1);
    return rc == TSR_ENOTFOUND ? removed(job) : rc;
}

static int settle_get(struct tsr_http_call *c, struct tsr_get *g)
{
    struct tsr_remote_job *j = (struct tsr_remote_job *)(uintptr_t)c->user;
    uint64_t off;
    if (j->absent) return TSR_OK;
    if (j->again) return get_by_size(c, g);
    place_get(g, c->answer.total, tsr_remote_stamp_of(&c->answer), &off);
    if (c->range != TSR_HTTP_TAIL || !g->got || j->behind) return TSR_OK;
    if (off < c->body_off || c->body.len - (off - c->body_off) < g->got)
        return tsr_http_fail(TSR_EIO, c, "the answer is not the end of the object");
    memcpy(g->dst, c->body.p + (off - c->body_off), g->got);
    return TSR_OK;
}

int tsr_remote_getv(struct tsr_store *st, struct tsr_get *g, size_t n)
{
    struct tsr_remote *r = (struct tsr_remote *)st;
    struct batch b;
    int rc = batch_init(&b, n);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = add_get(&b, r, &g[i]);
    if (rc == TSR_OK) rc = tsr_remote_run(r, b.calls, b.n);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) rc = settle_get(&b.calls[i], &g[i]);
    batch_done(&b);
    return rc;
}

int tsr_remote_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    struct tsr_get g = {.key = key};
    if (!key[0]) return tsr_remote_size((struct tsr_remote *)st, size);
    int rc = tsr_remote_getv(st, &g, 1);
    if (rc < 0) return rc;
    *size = g.size;
    return g.found ? TSR_OK : tsr_fail(TSR_ENOTFOUND, "%s: %s: not found", st->url, key);
}

uint64_t tsr_remote_stamp(struct tsr_store *st, const char *key)
{
    struct tsr_remote *r = (struct tsr_remote *)st;
    struct tsr_get g = {.key = key};
    uint64_t size;
    if (!key[0]) return tsr_remote_size(r, &size) == TSR_OK ? tsr_remote_stamp_of(&r->version) : 0;
    return tsr_remote_getv(st, &g, 1) == TSR_OK ? g.stamp : 0;
}
