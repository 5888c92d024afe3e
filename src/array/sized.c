/* SPDX-License-Identifier: BSD-3-Clause */
/* array/sized.c - rows of chunks of any size: whole chunks in and out, and bytes across them.
 *
 *   | chunk 0 | chunk 1       | 2 | ...         where chunk i ends is known only when all chunks
 *   0      end[0]          end[1]               before it were asked for their size
 *
 * The table of ends is made when bytes are asked for by position, which costs one small read per
 * chunk, and kept: a chunk that is appended adds to it, any other change drops it.  Reading or
 * replacing chunks by number needs no table. */
#include "array/array.h"
#include "array/cache.h"
#include "base/mem.h"

struct tsr_sizes {
    int64_t n, cap;
    int64_t end[];
};

void tsr_sized_forget(struct tsr_array *a)
{
    tsr_free(atomic_exchange(&a->sizes, NULL));
}

static int make_sizes(const struct tsr_array *a, struct tsr_sizes **out)
{
    const struct tsr_driver *d = a->d;
    int64_t at = 0, size = 0, words;
    int rc = TSR_OK;
    if (!tsr_add(d->nchunks, 2, &words)) return TSR_ENOMEM;
    struct tsr_sizes *s = tsr_alloc_array((size_t)words, sizeof *s->end);
    if (!s) return TSR_ENOMEM;
    s->n = s->cap = d->nchunks;
    for (int64_t i = 0; i < s->n && rc == TSR_OK; i++, at += size) {
        rc = d->format->chunk_size(d, i, &size);
        s->end[i] = at + size;
    }
    if (rc == TSR_OK && at != d->grid.shape[0])
        rc = tsr_fail(TSR_ECORRUPT, "the chunks have %lld bytes, expected %lld", (long long)at,
                      (long long)d->grid.shape[0]);
    if (rc < 0) tsr_free(s);
    else *out = s;
    return rc;
}

/* Threads that ask at once both make one, and the first to be done wins. */
static int get_sizes(const struct tsr_array *a, const struct tsr_sizes **out)
{
    struct tsr_array *mut = (struct tsr_array *)(uintptr_t)a;
    struct tsr_sizes *have = atomic_load(&mut->sizes), *made = NULL;
    int rc = have ? TSR_OK : make_sizes(a, &made);
    if (rc < 0) return rc;
    if (made && !atomic_compare_exchange_strong(&mut->sizes, &have, made)) tsr_free(made);
    else if (made) have = made;
    *out = have;
    return TSR_OK;
}

/* A chunk of nbytes was appended. */
static void extend_sizes(struct tsr_array *a, int64_t nbytes)
{
    struct tsr_sizes *s = atomic_load(&a->sizes);
    if (!s) return;
    if (s->n == s->cap) {
        int64_t cap = s->cap + s->cap / 2 + 16;
        struct tsr_sizes *t = tsr_realloc(s, (size_t)cap + 2, sizeof *s->end);
        if (!t) {
            tsr_sized_forget(a);
            return;
        }
        t->cap = cap;
        atomic_store(&a->sizes, s = t);
    }
    s->end[s->n] = (s->n ? s->end[s->n - 1] : 0) + nbytes;
    s->n++;
}

/* The chunk that byte at lies in. */
static int64_t chunk_of(const struct tsr_sizes *s, int64_t at)
{
    int64_t lo = 0, hi = s->n;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (s->end[mid] > at) hi = mid;
        else lo = mid + 1;
    }
    return lo;
}

/* ---- reading ---- */

/* Bytes [lo, lo + n) of chunk i.  On worker w, or without one on the pool. */
static int read_part(const struct tsr_array *a, struct tsr_worker *w, int64_t i,
                     const struct tsr_box *part, uint8_t *dst)
{
    struct chunk_job j = {.place = {.chunk = i}};
    int64_t lo = part->start[0], n = part->count[0];
    const uint8_t *bytes = NULL;
    int rc = tsr_job_whole(a, &j, &bytes);
    const struct tsr_chunk *c = (const struct tsr_chunk *)j.place.priv;
    if (rc == TSR_OK && (lo > c->nbytes || n > c->nbytes - lo))
        rc = tsr_fail(TSR_ECORRUPT, "found %d bytes, expected at least %lld", c->nbytes,
                      (long long)(lo + n));
    if (rc < 0) goto done;
    if (c->special)
        tsr_special_fill(c->special, c->typesize, j.place.value, j.place.value_bytes, lo, (size_t)n,
                         dst);
    else if (w) rc = tsr_chunk_decode_range(c, w, bytes, lo, n, dst);
    else rc = tsr_chunk_decode_parallel(a->context->pool, c, bytes, lo, n, dst);
    tsr_engine_count(a, c->nblocks, 0);
done:
    if (rc < 0) tsr_within("chunk %lld", (long long)i);
    tsr_job_free(&j);
    return rc;
}

int tsr_sized_read_chunk(const struct tsr_array *a, int64_t i, uint8_t *dst, int64_t n)
{
    return read_part(a, NULL, i, &(struct tsr_box){.count = {n}}, dst);
}

struct reading {
    const struct tsr_array *a;
    const struct tsr_sizes *sizes;
    int64_t first, lo, hi; /* chunk of job 0; the wanted bytes */
    uint8_t *dst;          /* of byte lo */
};

static int read_job(void *arg, size_t k, struct tsr_worker *w)
{
    const struct reading *r = arg;
    int64_t i = r->first + (int64_t)k, begin = i ? r->sizes->end[i - 1] : 0;
    int64_t lo = tsr_max64(r->lo, begin), hi = tsr_min64(r->hi, r->sizes->end[i]);
    struct tsr_box part = {.start = {lo - begin}, .count = {hi - lo}};
    return read_part(r->a, w, i, &part, r->dst + (lo - r->lo));
}

static int check_plain(const struct tsr_selection *sel)
{
    if (sel->step[0] == 1 && sel->stride[0] == 1) return TSR_OK;
    return tsr_fail(TSR_EUNSUPPORTED, "steps across chunks of any size");
}

int tsr_sized_read(const struct tsr_array *a, const struct tsr_selection *sel)
{
    struct reading r = {.a = a, .dst = sel->base, .lo = sel->start[0]};
    int rc = check_plain(sel);
    r.hi = r.lo + sel->count[0];
    if (rc < 0 || sel->nitems == 0) return rc;
    if ((rc = get_sizes(a, &r.sizes)) < 0) return rc;
    int64_t few = 2 * (int64_t)tsr_pool_threads(a->context->pool);
    r.first = chunk_of(r.sizes, r.lo);
    int64_t n = chunk_of(r.sizes, r.hi - 1) - r.first + 1;
    if (n >= few) return tsr_pool_run(a->context->pool, (size_t)n, read_job, &r);
    /* few chunks: one after the other, each on all threads */
    for (int64_t k = 0; k < n && rc == TSR_OK; k++) rc = read_job(&r, (size_t)k, NULL);
    return rc;
}

/* ---- writing ---- */

static int writable(const struct tsr_array *a)
{
    if (a->d->writable && a->d->format->chunk_put) return TSR_OK;
    return tsr_fail(TSR_EDENIED, "%s: opened read-only", a->d->store->url);
}

static int put(struct tsr_array *a, const struct tsr_whole *w)
{
    bool append = w->insert && w->chunk == tsr_driver_nchunks(a->d);
    int rc = a->d->format->chunk_put(a->d, w);
    if (w->insert) tsr_engine_forget(a);
    else tsr_cache_forget_chunk(a->context->cache, a->d, w->chunk);
    if (rc == TSR_OK && append) extend_sizes(a, w->nbytes);
    else tsr_sized_forget(a);
    return rc;
}

int tsr_sized_put(struct tsr_array *a, int64_t i, bool insert, const void *src, size_t n)
{
    struct tsr_whole w = {.chunk = i, .nbytes = (int64_t)n, .insert = insert};
    int rc = writable(a);
    if (rc == TSR_OK && n == 0) rc = tsr_fail(TSR_EARG, "a chunk of no bytes");
    if (rc < 0) return rc;
    rc = tsr_chunk_encode_plain(a->context->pool, a->d->cparams, src, n, &w.bytes);
    if (rc == TSR_OK) rc = put(a, &w);
    tsr_free(w.bytes.p);
    return rc;
}

/* The chunk of n bytes with those of src from byte at on in it. */
static int patch(struct tsr_array *a, int64_t i, int64_t n, const struct tsr_box *part,
                 const uint8_t *src)
{
    int64_t at = part->start[0], len = part->count[0];
    if (len == n) return tsr_sized_put(a, i, false, src, (size_t)n);
    uint8_t *all = tsr_alloc((size_t)n);
    int rc = all ? tsr_sized_read_chunk(a, i, all, n) : TSR_ENOMEM;
    if (rc == TSR_OK) {
        memcpy(all + at, src, (size_t)len);
        rc = tsr_sized_put(a, i, false, all, (size_t)n);
    }
    tsr_free(all);
    return rc;
}

int tsr_sized_write(struct tsr_array *a, const struct tsr_selection *sel)
{
    int64_t at = sel->start[0], end = at + sel->count[0];
    const struct tsr_sizes *s;
    int rc = check_plain(sel);
    while (at < end && rc == TSR_OK) {
        if ((rc = get_sizes(a, &s)) < 0) return rc;
        int64_t i = chunk_of(s, at), begin = i ? s->end[i - 1] : 0;
        int64_t to = tsr_min64(end, s->end[i]);
        struct tsr_box part = {.start = {at - begin}, .count = {to - at}};
        rc = patch(a, i, s->end[i] - begin, &part, sel->base + (at - sel->start[0]));
        at = to;
    }
    return rc;
}

/* ---- chunks that are encoded already ---- */

/* Special chunks have no place among chunks of any size (blosc2.md 7.2). */
static int put_special(struct tsr_array *a, int64_t i, bool insert, const uint8_t *p,
                       const struct tsr_chunk *c)
{
    size_t n = (size_t)c->nbytes;
    uint8_t *src = tsr_alloc(n);
    if (!src) return TSR_ENOMEM;
    tsr_special_fill(c->special, c->typesize, p + c->head_bytes, c->value_bytes, 0, n, src);
    int rc = tsr_sized_put(a, i, insert, src, n);
    tsr_free(src);
    return rc;
}

int tsr_sized_put_chunk(struct tsr_array *a, int64_t i, bool insert, const void *chunk, size_t len)
{
    struct tsr_limits limits = {TSR_CHUNK_MAX_NBYTES, a->d->cparams->codecs};
    struct tsr_chunk c;
    int rc = writable(a);
    if (rc == TSR_OK) rc = tsr_chunk_parse(&c, chunk, len, len, limits);
    if (rc == TSR_OK && c.nbytes == 0) rc = tsr_fail(TSR_EARG, "a chunk of no bytes");
    if (rc == TSR_OK && len != (size_t)c.cbytes)
        rc = tsr_fail(TSR_EARG, "chunk of %d bytes, %zu given", c.cbytes, len);
    if (rc == TSR_OK) rc = tsr_chunk_check_spans(&c, chunk);
    if (rc < 0) return rc;
    if (a->d->variable && c.special && c.special != TSR_SPECIAL_VALUE)
        return put_special(a, i, insert, chunk, &c);
    struct tsr_whole w = {i, c.nbytes, insert, c.special, {(void *)(uintptr_t)chunk, len}};
    if (w.special == TSR_SPECIAL_VALUE) w.special = TSR_SPECIAL_NONE;
    return put(a, &w);
}

/* ---- rows that become variable ---- */

/* A chunk that is not stored becomes one of zero runs. */
static int store_special(struct tsr_array *a, int64_t i)
{
    struct chunk_job j = {.place = {.chunk = i}};
    const struct tsr_chunk *c = (const struct tsr_chunk *)j.place.priv;
    uint8_t *all = NULL;
    int rc = tsr_job_settle(a, &j);
    if (rc == TSR_OK && j.place.len == 0) {
        size_t n = (size_t)c->nbytes;
        if (!(all = tsr_alloc(n))) rc = TSR_ENOMEM;
        if (rc == TSR_OK) rc = tsr_sized_read_chunk(a, i, all, c->nbytes);
        if (rc == TSR_OK) rc = tsr_sized_put(a, i, false, all, n);
    }
    tsr_free(all);
    tsr_job_free(&j);
    return rc;
}

int tsr_sized_make_variable(struct tsr_array *a)
{
    int64_t n = a->d->grid.nchunks;
    int rc = writable(a);
    if (rc < 0 || a->d->variable) return rc;
    for (int64_t i = 0; i < n && rc == TSR_OK; i++) rc = store_special(a, i);
    if (rc == TSR_OK) rc = a->d->format->make_variable(a->d);
    tsr_engine_forget(a);
    return rc;
}
