/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/limit_run.c - runs the streams of a limit on its threads; see limit.h.
 *
 * Decoding calls liblz4, libzstd and libdeflate themselves, with a state per thread and into a
 * buffer of a stream that stays in the cache.  Codecs without a library, ZFP, dictionaries and
 * all encoding go through the codec's record: parameters and levels are then the engine's. */
#include <libdeflate.h>
#include <lz4.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "limit_priv.h"
#include "task/worker.h"

#define SHORTEST_RUN 4e-3 /* seconds, so that starting threads does not count */

enum { MOST_REPEATS = 1000 };

struct limit_thread {
    struct limit *l;
    struct limit_state state;
    uint8_t *dst;
    int rc;
};

/* ---- one stream ---- */

int limit_state_init(struct limit_state *s)
{
    s->w = tsr_worker_new();
    s->zstd = ZSTD_createDCtx();
    s->zstd_out = ZSTD_createCCtx();
    s->deflate = libdeflate_alloc_decompressor();
    return s->w && s->zstd && s->zstd_out && s->deflate ? 0 : TSR_ENOMEM;
}

void limit_state_done(struct limit_state *s)
{
    if (s->w) tsr_worker_free_all(s->w);
    ZSTD_freeDCtx(s->zstd);
    ZSTD_freeCCtx(s->zstd_out);
    libdeflate_free_decompressor(s->deflate);
}

int limit_decode(const struct limit_state *w, const struct loaded *k, const struct stream *s,
                 uint8_t *dst)
{
    const char *name = k->c.dict ? "" : k->c.codec->name;
    if (strcmp(name, "zstd") == 0)
        return ZSTD_decompressDCtx(w->zstd, dst, s->n, s->src, s->len) == s->n ? 0 : -1;
    if (strcmp(name, "zlib") == 0)
        return libdeflate_zlib_decompress(w->deflate, s->src, s->len, dst, s->n, NULL) ? -1 : 0;
    if (strncmp(name, "lz4", 3) == 0)
        return LZ4_decompress_safe((const char *)s->src, (char *)dst, (int)s->len, (int)s->n) < 0
                   ? -1
                   : 0;
    struct tsr_block_facts facts = tsr_block_facts_of(&k->c);
    struct tsr_call call;
    int rc = tsr_call_init(&call, &k->c, &facts, w->w);
    return rc < 0 ? rc : k->c.codec->decode(&call, s->src, s->len, dst, s->n);
}

/* Room for one byte less than there are: what does not shrink is stored as it is.  Of Zarr only
 * zstd is measured. */
static int encode(const struct limit_thread *t, const struct loaded *k, const struct stream *s)
{
    if (t->l->plan.codec) {
        size_t got =
            ZSTD_compressCCtx(t->state.zstd_out, t->dst, s->n, s->src, s->n, t->l->plan.clevel);
        return ZSTD_isError(got) ? -1 : 0;
    }
    struct tsr_block_facts facts = tsr_block_facts_of(&k->c);
    struct tsr_call call;
    size_t len = 0;
    int rc = tsr_call_init(&call, &k->c, &facts, t->state.w);
    call.level = t->l->plan.clevel;
    if (rc < 0) return rc;
    return k->c.codec->encode(&call, s->src, s->n, t->dst, s->n - 1, &len);
}

static int run_stream(const struct limit_thread *t, const struct loaded *k, const struct stream *s)
{
    if (s->kind == STREAM_RUN) memset(t->l->room + s->at, 0, s->n);
    else if (s->kind == STREAM_PLAIN) memcpy(t->l->room + s->at, s->src, s->n);
    else if (t->l->plan.encode) return encode(t, k, s);
    else return limit_decode(&t->state, k, s, t->dst);
    return 0;
}

/* ---- all of them ---- */

/* Takes units in batches until there are none: the i-th of repeat * nunits. */
static void *thread_main(void *arg)
{
    struct limit_thread *t = arg;
    struct limit *l = t->l;
    size_t all = l->nunits * (size_t)l->repeat;
    size_t batch = l->nunits / ((size_t)l->plan.threads * 32) + 1;
    for (size_t i; (i = atomic_fetch_add(&l->next, batch)) < all;) {
        for (size_t j = i; j < tsr_minz(i + batch, all); j++) {
            const struct unit *u = &l->units[j % l->nunits];
            for (size_t s = u->first; s < u->first + u->count && t->rc == 0; s++)
                t->rc = run_stream(t, u->chunk, &l->streams[s]);
        }
    }
    return NULL;
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int run_all(struct limit *l, struct limit_time *took)
{
    pthread_t id[MOST_THREADS];
    bool runs[MOST_THREADS] = {false};
    int rc = 0;
    atomic_store(&l->next, 0);
    took->wall = seconds(CLOCK_MONOTONIC);
    took->cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 1; i < l->plan.threads; i++)
        runs[i] = pthread_create(&id[i], NULL, thread_main, &l->threads[i]) == 0;
    thread_main(&l->threads[0]);
    for (int i = 1; i < l->plan.threads; i++)
        if (runs[i]) pthread_join(id[i], NULL);
    took->wall = seconds(CLOCK_MONOTONIC) - took->wall;
    took->cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - took->cpu;
    for (int i = 0; i < l->plan.threads; i++)
        if (l->threads[i].rc < 0) rc = l->threads[i].rc;
    return rc;
}

int limit_run(void *limit, struct limit_time *took)
{
    struct limit *l = limit;
    int rc = run_all(l, took);
    while (rc == 0 && took->wall < SHORTEST_RUN && l->repeat < MOST_REPEATS) {
        l->repeat *= 2;
        rc = run_all(l, took);
    }
    double ops = (double)l->plan.ops * l->repeat;
    took->wall /= ops;
    took->cpu /= ops;
    return rc < 0 ? -1 : 0;
}

int limit_threads_new(struct limit *l)
{
    int rc = 0;
    l->repeat = 1;
    l->threads = tsr_alloc_zero((size_t)l->plan.threads, sizeof *l->threads);
    if (!l->threads) return TSR_ENOMEM;
    for (int i = 0; i < l->plan.threads && rc == 0; i++) {
        struct limit_thread *t = &l->threads[i];
        t->l = l;
        t->dst = tsr_alloc(l->stream_max + 64);
        rc = t->dst ? limit_state_init(&t->state) : TSR_ENOMEM;
    }
    return rc;
}

void limit_threads_free(struct limit *l)
{
    for (int i = 0; l->threads && i < l->plan.threads; i++) {
        limit_state_done(&l->threads[i].state);
        tsr_free(l->threads[i].dst);
    }
    tsr_free(l->threads);
}
