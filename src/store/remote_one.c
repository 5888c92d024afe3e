/* SPDX-License-Identifier: BSD-3-Clause */
/* store/remote_one.c - the one object of a remote store: its version, and two windows.
 *
 *   0       64 KiB                                 size - 64 KiB     size
 *   | head  |                                      |       tail      |
 *
 * Containers say at their beginning what they are, and many keep an index at their end.  The first
 * request brings the head, which also tells the size; the first small read near the end brings the
 * tail.  So opening a Blosc2 file takes two requests, and one of up to 64 KiB is read whole by one.
 * Other small reads are heads of chunks, as a rule, whose blocks follow: 16 KiB are brought, and
 * the last few of these windows are kept.
 * A server that answers no ranges sends the object whole, which then is the head. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "store/remote.h"

enum { WINDOW = 64 << 10, SMALL = 16 << 10, AHEAD = 16 << 10, HEAD_OF_CHUNK = 4 << 10 };

struct tsr_remote_window {
    uint64_t off;
    struct tsr_buf bytes;
};

static void window_free(struct tsr_remote_window *w)
{
    if (w) tsr_buf_free(&w->bytes);
    tsr_free(w);
}

void tsr_remote_forget(struct tsr_remote *r)
{
    window_free(atomic_exchange(&r->head, NULL));
    window_free(atomic_exchange(&r->tail, NULL));
    for (int i = 0; i < TSR_REMOTE_AHEAD; i++) {
        window_free(r->ahead[i]);
        r->ahead[i] = NULL;
    }
    r->known = false;
}

/* ---- version ---- */

static bool same_version(const struct tsr_answer *a, const struct tsr_answer *b)
{
    if (strcmp(a->etag, b->etag) != 0) return false;
    if (!a->etag[0] && strcmp(a->modified, b->modified) != 0) return false;
    return a->total == b->total || a->total == TSR_NO_SIZE || b->total == TSR_NO_SIZE;
}

int tsr_remote_note(struct tsr_remote *r, const struct tsr_http_call *c)
{
    pthread_mutex_lock(&r->lock);
    bool same = !r->known || same_version(&r->version, &c->answer);
    if (!r->known) r->version = c->answer;
    else if (same && r->version.total == TSR_NO_SIZE) r->version.total = c->answer.total;
    r->known = true;
    pthread_mutex_unlock(&r->lock);
    return same ? TSR_OK : tsr_http_fail(TSR_ECONFLICT, c, "the object changed while it was read");
}

/* ---- windows ---- */

/* Of an answer to a request for the first bytes. */
static int judge_head(struct tsr_http_call *c)
{
    struct tsr_answer *a = &c->answer;
    const struct tsr_remote_job *j = c->user;
    if (tsr_remote_absent(c)) return tsr_http_fail(TSR_ENOTFOUND, c, "not found");
    if (a->status == 416 && a->total == TSR_NO_SIZE) a->total = c->off; /* no byte at all */
    if (a->status != 200 && a->status != 206 && a->status != 416) return tsr_remote_refuse(c);
    if (a->total != TSR_NO_SIZE) return tsr_remote_note(j->remote, c);
    return tsr_http_fail(TSR_EUNSUPPORTED, c, "the server does not say how long the object is");
}

static int fetch_window(struct tsr_remote *r, uint64_t off, size_t len,
                        struct tsr_remote_window **out)
{
    struct tsr_remote_job job = {.remote = r, .key = ""};
    struct tsr_remote_window *w = tsr_alloc_zero(1, sizeof *w);
    struct tsr_http_call c;
    if (!w) return TSR_ENOMEM;
    int rc = tsr_remote_call(&c, &job);
    c.range = TSR_HTTP_SPAN;
    c.off = off;
    c.len = len;
    c.judge = judge_head;
    if (off && tsr_answer_strong(&r->version)) c.match = r->version.etag;
    if (rc == TSR_OK) rc = tsr_remote_run(r, &c, 1);
    if (rc == TSR_OK && (c.answer.status == 200 || c.answer.status == 206)) {
        w->off = c.body_off;
        w->bytes = c.body;
        c.body = (struct tsr_buf){0};
    }
    tsr_remote_call_done(&c);
    if (rc == TSR_OK) *out = w;
    else window_free(w);
    return rc;
}

/* Sets a window for good; another thread may have been faster. */
static int load_window(struct tsr_remote *r, _Atomic(struct tsr_remote_window *) *at, uint64_t off,
                       size_t len)
{
    struct tsr_remote_window *w, *none = NULL;
    int rc = fetch_window(r, off, len, &w);
    if (rc == TSR_OK && !atomic_compare_exchange_strong(at, &none, w)) window_free(w);
    return rc;
}

static int need_head(struct tsr_remote *r)
{
    return atomic_load(&r->head) ? TSR_OK : load_window(r, &r->head, 0, WINDOW);
}

int tsr_remote_size(struct tsr_remote *r, uint64_t *size)
{
    int rc = need_head(r);
    if (rc == TSR_OK) *size = r->version.total;
    return rc;
}

static bool window_copy(const struct tsr_remote_window *w, const struct tsr_range *v)
{
    if (!w || v->off < w->off || v->off - w->off > w->bytes.len) return false;
    if (v->len > w->bytes.len - (v->off - w->off)) return false;
    if (v->len) memcpy(v->dst, w->bytes.p + (v->off - w->off), v->len);
    return true;
}

/* Not what the head holds already. */
static int need_tail(struct tsr_remote *r, const struct tsr_range *v)
{
    uint64_t size = r->version.total, off = size > WINDOW ? size - WINDOW : 0;
    uint64_t head = atomic_load(&r->head)->bytes.len;
    if (off < head) off = head;
    if (v->len > SMALL || v->off < off || atomic_load(&r->tail)) return TSR_OK;
    return load_window(r, &r->tail, off, (size_t)(size - off));
}

static bool ahead_copy(struct tsr_remote *r, const struct tsr_range *v)
{
    bool found = false;
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < TSR_REMOTE_AHEAD && !found; i++) found = window_copy(r->ahead[i], v);
    pthread_mutex_unlock(&r->lock);
    return found;
}

static int load_ahead(struct tsr_remote *r, const struct tsr_range *v)
{
    struct tsr_remote_window *w, *old;
    uint64_t left = r->version.total - v->off;
    int rc = fetch_window(r, v->off, left < AHEAD ? (size_t)left : AHEAD, &w);
    if (rc < 0) return rc;
    bool enough = window_copy(w, v);
    pthread_mutex_lock(&r->lock);
    unsigned at = r->next_ahead++ % TSR_REMOTE_AHEAD;
    old = r->ahead[at];
    r->ahead[at] = w;
    pthread_mutex_unlock(&r->lock);
    window_free(old);
    return enough ? TSR_OK
                  : tsr_fail(TSR_EIO, "%s: %zu bytes from byte %llu did not come", r->base.url,
                             v->len, (unsigned long long)v->off);
}

/* alone: it is the only range of a read. */
static int serve_one(struct tsr_remote *r, const struct tsr_range *v, bool alone, bool *served)
{
    uint64_t end;
    int rc = need_head(r);
    if (rc < 0) return rc;
    if (!tsr_add(v->off, (uint64_t)v->len, &end) || end > r->version.total)
        return tsr_fail(TSR_ECORRUPT, "%s: ends at byte %llu, %zu bytes from byte %llu are wanted",
                        r->base.url, (unsigned long long)r->version.total, v->len,
                        (unsigned long long)v->off);
    *served = window_copy(atomic_load(&r->head), v);
    if (*served) return TSR_OK;
    rc = need_tail(r, v);
    if (rc < 0) return rc;
    *served = window_copy(atomic_load(&r->tail), v) || ahead_copy(r, v);
    if (*served || !alone || v->len > HEAD_OF_CHUNK) return TSR_OK;
    *served = true;
    return load_ahead(r, v);
}

int tsr_remote_serve(struct tsr_remote *r, const struct tsr_range *v, size_t n,
                     struct tsr_range *rest, size_t *left)
{
    int rc = TSR_OK;
    *left = 0;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        bool served = v[i].len == 0;
        uint64_t end;
        if (!v[i].key[0]) rc = serve_one(r, &v[i], n == 1, &served);
        else if (!tsr_add(v[i].off, (uint64_t)v[i].len, &end) || end > INT64_MAX)
            rc = tsr_fail(TSR_ECORRUPT, "%s: %s: byte %llu is wanted", r->base.url, v[i].key,
                          (unsigned long long)v[i].off);
        if (rc == TSR_OK && !served) rest[(*left)++] = v[i];
    }
    return rc;
}
