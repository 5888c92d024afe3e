/* SPDX-License-Identifier: BSD-3-Clause */
/* array/context.c - contexts, and options with nothing left open.
 *
 * The default context is made on first use and never freed, since its threads may be needed by
 * whoever runs last. */
#include <stdlib.h>

#include "array/array.h"
#include "array/cache.h"
#include "base/mem.h"
#include "chunk/user.h"
#include "sys/guard.h"

static tsr_context *default_context;
static struct tsr_mutex default_lock = TSR_MUTEX_INIT;

static size_t budget_of(size_t cache_bytes)
{
    enum { DEFAULT = 16 << 20 };
    if (cache_bytes == TSR_NO_CACHE) return 0;
    return cache_bytes ? cache_bytes : DEFAULT;
}

static void remote_done(tsr_remote_options *r)
{
    const char *text[] = {r->endpoint, r->region, r->key, r->secret, r->token};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) tsr_free((char *)(uintptr_t)text[i]);
    *r = (tsr_remote_options){0};
}

int tsr_context_new(const tsr_context_options *opts, tsr_context **out)
{
    tsr_context_options o = {.size = sizeof o};
    if (opts && opts->size) memcpy(&o, opts, tsr_minz(opts->size, sizeof o));
    if (o.threads < 0)
        return tsr_fail(TSR_EARG, "threads: found %d, expected 0 or more", o.threads);
    tsr_context *c = tsr_alloc_zero(1, sizeof *c);
    if (!c) return TSR_ENOMEM;
    int rc = tsr_pool_new(o.threads, &c->pool);
    if (rc == TSR_OK && !(c->cache = tsr_cache_new(budget_of(o.cache_bytes)))) rc = TSR_ENOMEM;
    if (rc < 0) tsr_context_free(c);
    else *out = c;
    return rc;
}

void tsr_context_free(tsr_context *c)
{
    if (!c) return;
    tsr_pool_free(c->pool);
    tsr_cache_free(c->cache);
    tsr_codec_set_done(&c->codecs);
    remote_done(&c->remote);
    tsr_free(c);
}

tsr_context *tsr_context_get(tsr_context *c)
{
    if (c) return c;
    tsr_mutex_lock(&default_lock);
    if (!default_context) tsr_context_new(NULL, &default_context);
    c = default_context;
    tsr_mutex_unlock(&default_lock);
    return c;
}

int tsr_context_threads(const tsr_context *c)
{
    c = tsr_context_get((tsr_context *)(uintptr_t)c);
    return c ? tsr_pool_all_threads(c->pool) : 1;
}

int tsr_context_set_threads(tsr_context *c, int threads, int *before)
{
    int unused;
    c = tsr_context_get(c);
    return c ? tsr_pool_set_threads(c->pool, threads, before ? before : &unused) : TSR_ENOMEM;
}

int tsr_context_set_cache(tsr_context *c, size_t cache_bytes, size_t *before)
{
    size_t was;
    c = tsr_context_get(c);
    if (!c) return TSR_ENOMEM;
    tsr_cache_set_budget(c->cache, budget_of(cache_bytes), &was);
    if (before) *before = was ? was : TSR_NO_CACHE;
    return TSR_OK;
}

int tsr_context_set_remote(tsr_context *c, const tsr_remote_options *r)
{
    tsr_remote_options own = {.size = sizeof own};
    const char **text[] = {&own.endpoint, &own.region, &own.key, &own.secret, &own.token};
    bool good = true;
    if (r && r->size) memcpy(&own, r, tsr_minz(r->size, sizeof own));
    own.size = sizeof own;
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        if (!*text[i]) continue;
        *text[i] = good ? tsr_strdup(*text[i]) : NULL;
        good = *text[i];
    }
    c = good ? tsr_context_get(c) : NULL;
    if (!c) {
        remote_done(&own);
        return TSR_ENOMEM;
    }
    remote_done(&c->remote);
    c->remote = own;
    return TSR_OK;
}

int tsr_context_cache_stats(const tsr_context *c, tsr_cache_stats *out)
{
    tsr_cache_stats s;
    c = tsr_context_get((tsr_context *)(uintptr_t)c);
    if (!c) return TSR_ENOMEM;
    tsr_cache_stats_of(c->cache, &s);
    return tsr_hand_out(out, &s, sizeof s, "tsr_cache_stats");
}

tsr_options tsr_options_complete(const tsr_options *o)
{
    tsr_options full = {.size = sizeof full, .max_chunk_bytes = UINT64_C(2) << 30};
    if (o && o->size) {
        size_t n = tsr_minz(o->size, sizeof full); /* an older caller's struct is shorter */
        memcpy(&full, o, n);
        full.size = sizeof full;
        if (!full.max_chunk_bytes) full.max_chunk_bytes = UINT64_C(2) << 30;
    }
    const char *locking = getenv("BLOSC_LOCKING");
    if (!full.mmap && locking && locking[0] && strcmp(locking, "0") != 0) full.locking = true;
    full.context = tsr_context_get(full.context);
    if (!full.remote && full.context) full.remote = &full.context->remote;
    return full;
}

int tsr_codec_register(tsr_context *c, const tsr_user_codec *codec)
{
    c = tsr_context_get(c);
    return c ? tsr_user_codec_add(&c->codecs, codec) : TSR_ENOMEM;
}

int tsr_filter_register(tsr_context *c, const tsr_user_filter *filter)
{
    c = tsr_context_get(c);
    return c ? tsr_user_filter_add(&c->codecs, filter) : TSR_ENOMEM;
}
