/* SPDX-License-Identifier: BSD-3-Clause */
/* array/follow.c - handles on files that others change at the same time.
 *
 * A handle shows the state that its driver opened.  A writer flushes the next state without
 * touching the bytes of the last one, but the state after that may take the place of both.  So a
 * read is followed by a look whether the container is still in the state it was read from; if
 * not, the newest is opened and read instead.  The handle's own driver stays, because the caller
 * holds its spec: const calls read through `now`, and refresh makes that the driver.
 *
 *   no locks   read, look: changed? then open `now`, read again
 *   locks      shared lock, count: another? then open `now`; read; unlock
 *
 * A locking writer has the exclusive lock from its first change to the end of the flush.  It
 * opens the container anew for each such turn, and again for reading only at its end. */
#include "array/array.h"
#include "array/cache.h"

#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "sys/file.h"
#include "sys/guard.h"
#include "sys/lock.h"

enum { TRIES = 64, PAUSE_NS = 1000 * 1000 };

/* A driver that several threads read through. */
struct view {
    struct tsr_driver *d;
    uint64_t count;                    /* of the sidecar when it was opened */
    _Atomic(struct tsr_sizes *) sizes; /* sized.c */
    int users;
    bool retired; /* the last user closes it */
};

struct tsr_follow {
    tsr_options o; /* for opening again */
    char *path;
    char *sidecar; /* NULL: without locks */
    bool folder, update, writing;
    struct tsr_lock held;         /* while writing, or with holds */
    int holds;                    /* the caller keeps the lock, so many times */
    _Atomic int64_t ticks;        /* how often another state than the last was found */
    struct tsr_mutex mutex;       /* of what follows; never held while anything is waited for */
    struct view own;              /* the handle's driver */
    struct view *now;             /* what is read; NULL: own */
    int64_t bytes_read, requests; /* of drivers that are closed */
};

/* ---- life ---- */

static char *sidecar_of(const char *path, bool folder)
{
    enum tsr_path_kind kind = TSR_PATH_NONE;
    size_t len = strlen(path) + sizeof "/.b2lock";
    char *name = tsr_alloc(len);
    if (folder) kind = TSR_PATH_FOLDER;
    else tsr_path_stat(path, &kind, NULL);
    if (name) snprintf(name, len, kind == TSR_PATH_FOLDER ? "%s/.b2lock" : "%s.b2lock", path);
    return name;
}

static struct tsr_follow *follow_new(const char *path, const tsr_options *o, bool folder)
{
    struct tsr_follow *f = tsr_alloc_zero(1, sizeof *f);
    if (!f) return NULL;
    tsr_mutex_init(&f->mutex);
    f->held.fd = -1;
    f->o = (tsr_options){.size = sizeof f->o,
                         .context = o->context,
                         .max_chunk_bytes = o->max_chunk_bytes};
    f->update = o->mode && strcmp(o->mode, "r") != 0;
    f->folder = folder;
    f->path = tsr_strdup(path);
    if (o->locking) f->sidecar = sidecar_of(path, folder);
    if (f->path && (f->sidecar || !o->locking)) return f;
    tsr_follow_free(f);
    return NULL;
}

static int open_driver(const struct tsr_follow *f, const struct tsr_format *format, bool update,
                       struct tsr_driver **out)
{
    struct tsr_store *st;
    int rc = tsr_store_open(f->path, update, &st);
    if (rc == TSR_OK) rc = format->open(st, &f->o, out);
    if (rc < 0) return rc;
    tsr_context *c = tsr_context_get(f->o.context);
    (*out)->format = format;
    if (c) tsr_cache_forget(c->cache, *out); /* nothing is known yet */
    return rc;
}

static void close_driver(struct tsr_follow *f, struct tsr_driver *d)
{
    tsr_mutex_lock(&f->mutex);
    struct tsr_traffic t = tsr_store_traffic(d->store);
    f->bytes_read += t.bytes;
    f->requests += t.requests;
    tsr_mutex_unlock(&f->mutex);
    d->format->close(d);
}

static int lock_shared(const struct tsr_follow *f, struct tsr_lock *l, uint64_t *count)
{
    l->fd = -1;
    *count = 0;
    return f->sidecar ? tsr_lock_shared(f->sidecar, l, count) : TSR_OK;
}

/* With locks the file is opened once more, when nobody can replace it. */
int tsr_follow_open(struct tsr_store *st, const struct tsr_format *format, const tsr_options *o,
                    struct tsr_follow **out, struct tsr_driver **d)
{
    struct tsr_follow *f = follow_new(st->url, o, false);
    struct tsr_lock l = {-1};
    int rc = f ? TSR_OK : TSR_ENOMEM;
    if (rc < 0 || f->sidecar) {
        tsr_store_close(st);
        if (rc == TSR_OK) rc = lock_shared(f, &l, &f->own.count);
        if (rc == TSR_OK) rc = open_driver(f, format, false, d);
    } else if ((rc = format->open(st, &f->o, d)) == TSR_OK) {
        (*d)->format = format;
    }
    tsr_lock_release(&l);
    if (rc == TSR_OK) *out = f;
    else tsr_follow_free(f);
    return rc;
}

/* Nobody else sees the file before its first flush. */
int tsr_follow_create(const char *path, const tsr_options *o, struct tsr_follow **out)
{
    struct tsr_follow *f = follow_new(path, o, o->sparse);
    if (!f) return TSR_ENOMEM;
    f->update = f->writing = true;
    *out = f;
    return TSR_OK;
}

static void drop_now(struct tsr_follow *f)
{
    if (!f->now) return;
    close_driver(f, f->now->d);
    tsr_free(f->now->sizes);
    tsr_free(f->now);
    f->now = NULL;
}

void tsr_follow_free(struct tsr_follow *f)
{
    if (!f) return;
    drop_now(f);
    tsr_free(f->own.sizes);
    tsr_lock_release(&f->held);
    tsr_mutex_done(&f->mutex);
    tsr_free(f->path);
    tsr_free(f->sidecar);
    tsr_free(f);
}

void tsr_follow_stats(struct tsr_follow *f, tsr_stats *s)
{
    tsr_mutex_lock(&f->mutex);
    s->bytes_read += f->bytes_read;
    s->requests += f->requests;
    if (f->now) {
        struct tsr_traffic t = tsr_store_traffic(f->now->d->store);
        s->bytes_read += t.bytes;
        s->requests += t.requests;
    }
    tsr_mutex_unlock(&f->mutex);
}

/* ---- views: what const calls read through ---- */

static struct view *enter(const struct tsr_array *a)
{
    struct tsr_follow *f = a->follow;
    tsr_mutex_lock(&f->mutex);
    struct view *v = f->now ? f->now : &f->own;
    if (!f->now && v->d != a->d) v->d = a->d; /* once: others read it without the mutex */
    v->users++;
    tsr_mutex_unlock(&f->mutex);
    return v;
}

static void leave(struct tsr_follow *f, struct view *v)
{
    tsr_mutex_lock(&f->mutex);
    bool last = --v->users == 0 && v->retired;
    tsr_mutex_unlock(&f->mutex);
    if (!last) return;
    close_driver(f, v->d);
    tsr_free(v->sizes);
    tsr_free(v);
}

/* Makes v what is read instead of old, unless another thread was faster. */
static void replace(struct tsr_follow *f, struct view *old, struct view *v)
{
    tsr_mutex_lock(&f->mutex);
    bool mine = old == (f->now ? f->now : &f->own); /* the user of old keeps it alive */
    if (mine) {
        atomic_fetch_add_explicit(&f->ticks, 1, memory_order_relaxed);
        old->retired = old != &f->own;
        f->now = v;
    }
    v->retired = !mine;
    v->users = 1; /* leave closes it if it is of no use */
    tsr_mutex_unlock(&f->mutex);
    leave(f, v);
}

/* The memory of whoever uses the handle is for items of the type that it was opened with. */
static int check_same(const struct tsr_driver *is, const struct tsr_driver *was)
{
    if (is->grid.ndim == was->grid.ndim && is->grid.item_bytes == was->grid.item_bytes &&
        is->loose == was->loose && strcmp(is->spec.dtype, was->spec.dtype) == 0)
        return TSR_OK;
    return tsr_fail(TSR_ECONFLICT,
                    "%s: holds %d dimensions of '%.100s' now, %d of '%.100s' when it was opened: "
                    "open it again",
                    is->store->url, is->grid.ndim, is->spec.dtype, was->grid.ndim, was->spec.dtype);
}

/* open_driver, but never of other items. */
static int open_same(const struct tsr_array *a, bool update, struct tsr_driver **out)
{
    int rc = open_driver(a->follow, a->d->format, update, out);
    if (rc < 0 || (rc = check_same(*out, a->d)) == TSR_OK) return rc;
    (*out)->format->close(*out);
    *out = NULL;
    return rc;
}

/* Opens the newest state for const calls. */
static int renew(const struct tsr_array *a, struct view *old, uint64_t count)
{
    struct tsr_follow *f = a->follow;
    struct view *v = tsr_alloc_zero(1, sizeof *v);
    int rc = v ? open_same(a, false, &v->d) : TSR_ENOMEM;
    if (rc < 0) {
        tsr_free(v);
        return rc;
    }
    v->count = count;
    replace(f, old, v);
    return rc;
}

/* One try.  *again: what came of it is of no state. */
static int try_read(const struct tsr_array *a, struct view *v, tsr_follow_fn fn, void *arg,
                    bool *again)
{
    struct tsr_array through = {.d = v->d, .context = a->context};
    struct tsr_sizes *had = atomic_load(&v->sizes), *none = NULL;
    char text[TSR_ERROR_MAX];
    atomic_init(&through.sizes, had);
    int rc = fn(&through, arg);
    if (rc < 0) tsr_error_save(text);
    if (!had && !atomic_compare_exchange_strong(&v->sizes, &none, through.sizes))
        tsr_sized_forget(&through);
    tsr_engine_count(a, atomic_load(&through.blocks_decoded), atomic_load(&through.cache_hits));
    *again = v->d->format->changed(v->d);
    if (rc < 0) tsr_error_restore(text);
    return rc;
}

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

int tsr_follow_read(const struct tsr_array *a, tsr_follow_fn fn, void *arg)
{
    struct tsr_follow *f = a->follow;
    struct tsr_lock l;
    uint64_t count;
    bool again = false;
    if (!f || f->writing || f->holds) return fn(a, arg);
    int rc = lock_shared(f, &l, &count);
    if (rc < 0) return rc;
    for (int i = 0; i < TRIES; i++) {
        struct view *v = enter(a);
        bool stale = again || v->count != count || (i == 0 && v->d->format->touched(v->d));
        rc = stale ? renew(a, v, count) : try_read(a, v, fn, arg, &again);
        leave(f, v);
        if (!stale && !again) break;
        if (!stale) continue;
        if (rc == TSR_OK) again = false;
        else if (rc == TSR_ECONFLICT || rc == TSR_ENOTFOUND) break;
        else pause_a_little(); /* a writer may be half way */
    }
    tsr_lock_release(&l);
    if (!again || rc < 0) return rc;
    return tsr_fail(TSR_ECONFLICT, "%s: changed each of %d times that it was read", f->path, TRIES);
}

static int has_changed(const struct tsr_follow *f, const char *when)
{
    return tsr_fail(TSR_ECONFLICT, "%s: another changed it %s: refresh", f->path, when);
}

int tsr_follow_once(const struct tsr_array *a, tsr_follow_fn fn, void *arg)
{
    struct tsr_follow *f = a->follow;
    struct tsr_lock l;
    uint64_t count;
    if (!f || f->writing || f->holds) return fn(a, arg);
    int rc = lock_shared(f, &l, &count);
    if (rc < 0) return rc;
    if (f->own.count != count || a->d->format->changed(a->d))
        rc = has_changed(f, "since it was opened");
    if (rc == TSR_OK) rc = fn(a, arg);
    if (rc != TSR_ECANCELLED && a->d->format->changed(a->d)) rc = has_changed(f, "meanwhile");
    tsr_lock_release(&l);
    return rc;
}

/* ---- the handle's own driver ---- */

static void adopt(struct tsr_array *a, struct tsr_driver *d, uint64_t count)
{
    struct tsr_follow *f = a->follow;
    close_driver(f, a->d);
    tsr_free(f->own.sizes);
    tsr_sized_forget(a);
    a->d = d;
    f->own = (struct view){.d = d, .count = count};
}

/* fresh: it was opened this moment, and a writer may be busy without flushing. */
static bool is_stale(const struct tsr_array *a, uint64_t count, bool fresh)
{
    const struct tsr_format *f = a->d->format;
    return a->follow->own.count != count || tsr_store_replaced(a->d->store) || f->changed(a->d) ||
           (!fresh && f->touched(a->d));
}

static int take_newest(struct tsr_array *a, uint64_t count, bool *changed)
{
    struct tsr_follow *f = a->follow;
    struct tsr_driver *d;
    int rc = TSR_OK;
    drop_now(f);
    for (int i = 0; i < TRIES && is_stale(a, count, *changed); i++) {
        rc = open_same(a, false, &d);
        if (rc == TSR_OK) adopt(a, d, count);
        else if (rc == TSR_ECONFLICT) break;
        else pause_a_little();
        *changed |= rc == TSR_OK;
    }
    if (*changed) atomic_fetch_add_explicit(&f->ticks, 1, memory_order_relaxed);
    return rc;
}

/* Of a format that looks for itself. */
static int look_again(struct tsr_array *a, bool *changed)
{
    struct tsr_driver *d = NULL;
    if (!a->d->format->renew) return TSR_OK;
    int rc = a->d->format->renew(a->d, &d);
    if (rc == TSR_OK && d && (rc = check_same(d, a->d)) < 0) d->format->close(d);
    if (rc < 0) return rc;
    *changed = d != NULL;
    if (d) {
        a->d->format->close(a->d);
        a->d = d;
    }
    tsr_engine_forget(a);
    return TSR_OK;
}

int tsr_engine_refresh(struct tsr_array *a, bool *changed)
{
    struct tsr_follow *f = a->follow;
    struct tsr_lock l;
    uint64_t count;
    *changed = false;
    if (!f) return look_again(a, changed);
    if (f->writing || f->holds) return TSR_OK;
    int rc = lock_shared(f, &l, &count);
    if (rc < 0) return rc;
    rc = take_newest(a, count, changed);
    tsr_lock_release(&l);
    return rc;
}

int64_t tsr_array_change_tick(const tsr_array *a)
{
    return a->follow ? atomic_load_explicit(&a->follow->ticks, memory_order_relaxed) : 0;
}

int tsr_engine_begin(struct tsr_array *a, bool *anew)
{
    struct tsr_follow *f = a->follow;
    struct tsr_driver *d;
    uint64_t count;
    *anew = false;
    if (!f || !f->sidecar || !f->update || f->writing) return TSR_OK;
    int rc = tsr_lock_exclusive(f->sidecar, &f->held, &count);
    if (rc < 0) return rc;
    if ((rc = open_same(a, true, &d)) < 0) {
        tsr_lock_release(&f->held);
        return rc;
    }
    drop_now(f);
    if (f->own.count != count) atomic_fetch_add_explicit(&f->ticks, 1, memory_order_relaxed);
    adopt(a, d, count + 1);
    *anew = f->writing = true;
    return TSR_OK;
}

int tsr_engine_begin_documents(struct tsr_array *a, bool *anew)
{
    *anew = false;
    if (a->follow) return tsr_engine_begin(a, anew);
    return a->d->writable ? look_again(a, anew) : TSR_OK;
}

int tsr_engine_appear(struct tsr_array *a)
{
    struct tsr_follow *f = a->follow;
    uint64_t count;
    /* the lock of a new folder is in it, where nobody can be yet */
    if (!f || !f->writing || f->folder || f->held.fd >= 0) return TSR_OK;
    int rc = tsr_lock_exclusive(f->sidecar, &f->held, &count);
    if (rc == TSR_OK) f->own.count = count + 1;
    return rc;
}

int tsr_engine_end(struct tsr_array *a)
{
    struct tsr_follow *f = a->follow;
    struct tsr_driver *d;
    if (!f || !f->writing || f->holds) return TSR_OK;
    int rc = open_driver(f, a->d->format, false, &d);
    if (rc < 0) return rc;
    adopt(a, d, f->own.count);
    tsr_lock_release(&f->held);
    f->writing = false;
    return TSR_OK;
}

/* ---- locks that callers keep over several calls ---- */

/* A handle that only reads keeps others out all the same. */
static int hold_reading(struct tsr_array *a, bool *anew)
{
    struct tsr_follow *f = a->follow;
    uint64_t count;
    int rc = tsr_lock_exclusive(f->sidecar, &f->held, &count);
    if (rc == TSR_OK) rc = take_newest(a, count, anew);
    if (rc == TSR_OK) f->own.count = count + 1;
    else tsr_lock_release(&f->held);
    return rc;
}

int tsr_engine_hold(struct tsr_array *a, bool *anew)
{
    struct tsr_follow *f = a->follow;
    int rc = TSR_OK;
    *anew = false;
    if (!f || !f->sidecar) return rc;
    /* a new file without the lock is one that nobody sees yet */
    if (f->writing && f->held.fd < 0) rc = tsr_engine_flush(a, false);
    if (rc == TSR_OK && !f->holds)
        rc = f->update ? tsr_engine_begin(a, anew) : hold_reading(a, anew);
    if (rc == TSR_OK) f->holds++;
    return rc;
}

int tsr_engine_unhold(struct tsr_array *a)
{
    struct tsr_follow *f = a->follow;
    int rc = TSR_OK;
    if (!f || !f->sidecar) return rc;
    if (!f->holds) return tsr_fail(TSR_EARG, "%s: unlocked more often than locked", f->path);
    if (--f->holds) return rc;
    if (f->writing) rc = tsr_engine_flush(a, false);
    else tsr_lock_release(&f->held);
    if (rc < 0) f->holds = 1;
    return rc;
}
