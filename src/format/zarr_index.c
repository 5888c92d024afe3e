/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_index.c - decoded indices of shards that are kept.
 *
 * They hang in a table by the number of their chunk, and in a row by age.  Those that were not
 * asked for longest go when there are too many bytes of them; the newest always stays, so that a
 * shard of many millions of inner chunks is not read again for each of them. */
#include "base/mem.h"
#include "format/zarr.h"
#include "sys/guard.h"

enum { BUCKETS = 256, KEPT_BYTES = 32 << 20 };

struct tsr_zindices {
    struct tsr_mutex mutex; /* of all that follows, and of users and kept of each */
    struct tsr_zindex *bucket[BUCKETS], *newest, *oldest;
    size_t bytes;
};

static struct tsr_zindex **bucket_of(struct tsr_zindices *s, int64_t chunk)
{
    return &s->bucket[(uint64_t)chunk * UINT64_C(0x9E3779B97F4A7C15) >> 56];
}

int tsr_zindices_new(struct tsr_zindices **out)
{
    *out = tsr_alloc_zero(1, sizeof **out);
    if (!*out) return TSR_ENOMEM;
    tsr_mutex_init(&(*out)->mutex);
    return TSR_OK;
}

void tsr_zindices_free(struct tsr_zindices *s)
{
    if (!s) return;
    tsr_zindices_forget(s, -1);
    tsr_mutex_done(&s->mutex);
    tsr_free(s);
}

struct tsr_zindex *tsr_zindex_new(int64_t chunk, int64_t n)
{
    struct tsr_zindex *x = tsr_alloc_zero(1, sizeof *x);
    if (!x) return NULL;
    x->chunk = chunk;
    x->users = 1;
    x->bytes = 16 * (size_t)n;
    x->entry = tsr_alloc(x->bytes);
    if (x->entry) return x;
    tsr_free(x);
    return NULL;
}

static void index_free(struct tsr_zindex *x)
{
    tsr_free(x->entry);
    tsr_free(x);
}

/* ---- under the mutex ---- */

static void unlink_age(struct tsr_zindices *s, struct tsr_zindex *x)
{
    *(x->newer ? &x->newer->older : &s->newest) = x->older;
    *(x->older ? &x->older->newer : &s->oldest) = x->newer;
}

static void link_newest(struct tsr_zindices *s, struct tsr_zindex *x)
{
    x->newer = NULL;
    x->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = x;
    s->newest = x;
}

static struct tsr_zindex *find(struct tsr_zindices *s, int64_t chunk)
{
    struct tsr_zindex *x = *bucket_of(s, chunk);
    while (x && x->chunk != chunk) x = x->next;
    return x;
}

static void drop(struct tsr_zindices *s, struct tsr_zindex *x)
{
    struct tsr_zindex **at = bucket_of(s, x->chunk);
    while (*at != x) at = &(*at)->next;
    *at = x->next;
    unlink_age(s, x);
    s->bytes -= x->bytes;
    x->kept = false;
    if (x->users == 0) index_free(x);
}

/* ---- for everybody ---- */

struct tsr_zindex *tsr_zindices_find(struct tsr_zindices *s, int64_t chunk)
{
    tsr_mutex_lock(&s->mutex);
    struct tsr_zindex *x = find(s, chunk);
    if (x) {
        x->users++;
        unlink_age(s, x);
        link_newest(s, x);
    }
    tsr_mutex_unlock(&s->mutex);
    return x;
}

void tsr_zindices_keep(struct tsr_zindices *s, struct tsr_zindex *x)
{
    tsr_mutex_lock(&s->mutex);
    struct tsr_zindex *before = find(s, x->chunk), **at = bucket_of(s, x->chunk);
    if (before) drop(s, before);
    x->next = *at;
    *at = x;
    x->kept = true;
    link_newest(s, x);
    s->bytes += x->bytes;
    while (s->bytes > KEPT_BYTES && s->oldest != x) drop(s, s->oldest);
    tsr_mutex_unlock(&s->mutex);
}

void tsr_zindices_leave(struct tsr_zindices *s, struct tsr_zindex *x, bool stale)
{
    tsr_mutex_lock(&s->mutex);
    if (stale && x->kept) drop(s, x);
    bool last = --x->users == 0 && !x->kept;
    tsr_mutex_unlock(&s->mutex);
    if (last) index_free(x);
}

void tsr_zindices_forget(struct tsr_zindices *s, int64_t chunk)
{
    tsr_mutex_lock(&s->mutex);
    struct tsr_zindex *x = chunk < 0 ? s->newest : find(s, chunk);
    while (x) {
        struct tsr_zindex *next = chunk < 0 ? x->older : NULL;
        drop(s, x);
        x = next;
    }
    tsr_mutex_unlock(&s->mutex);
}
