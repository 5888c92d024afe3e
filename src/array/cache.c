/* SPDX-License-Identifier: BSD-3-Clause */
/* array/cache.c - the block cache: a few arenas, each with its lock, table and hand.
 *
 *   | cell: head, block | cell | free          | cell | cell |     all of a shard's memory
 *                              ^ hand
 *
 * An arena is one allocation, cut in cells as they are needed and in any sizes.  The hand goes
 * round: a cell that was used since it last came by stays for one more round, one that is held
 * too, others go, until there is enough room in a row.  Blocks of one size, the usual case, thus
 * replace each other one by one, and no cell is ever moved or freed on its own.
 *
 * Locks are held for a look into the table or a turn of the hand, never while bytes are decoded or
 * copied.  After fork the child begins with empty shards: another thread may have held a lock. */
#include "array/cache.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "sys/sys.h"

enum {
    LINE = 64,
    SHARDS = 4,
    SHARD_LEAST = 1 << 20, /* a smaller budget is not cut further */
    SEEN = 1024,           /* blocks of a shard that are remembered without being kept */
    BYTES_PER_BUCKET = 1024,
    BUCKETS_MOST = 1 << 20
};

struct cell {
    struct tsr_cell open;
    struct tsr_block_id id;
    struct cell *next; /* in its bucket */
    size_t room;       /* bytes to the next cell, this head included */
    uint32_t pins;
    uint8_t shard;
    bool linked, used;
};
_Static_assert(sizeof(struct cell) <= LINE, "a head is a cache line");

struct arena {
    struct arena *next; /* of those that are given up, while their cells are held */
    uint8_t *base;      /* of the first cell */
    size_t mapped;      /* bytes of all this */
    size_t bytes, hand; /* of all cells; where the hand is */
    size_t held;        /* decoded bytes in cells that can be found */
    size_t pins;
    size_t mask; /* buckets - 1 */
    struct cell *buckets[];
};

struct shard {
    pthread_mutex_t lock; /* guards what follows, and all of the arenas but blocks' bytes */
    size_t limit;
    struct arena *arena; /* NULL: not needed yet, or no memory */
    struct arena *given_up;
    int64_t hits;
    uint64_t passed; /* bytes of blocks that were seen */
    struct {
        uint64_t hash, when; /* of the block, by its hash; passed at that time */
    } seen[SEEN];
    char apart[LINE];
};

struct shards {
    unsigned forks;         /* the fork count they were made under */
    atomic_uint active;     /* how many are in use */
    struct shards *parents; /* of the process this one was forked from */
    struct shard shard[SHARDS];
};

struct tsr_cache {
    _Atomic(struct shards *) shards;
    atomic_size_t budget;
    _Atomic uint64_t owners;
    _Atomic int64_t misses;
};

/* ---- life ---- */

/* The caller has the locks, or nobody else the shards. */
static void cut_budget(struct shards *s, size_t budget)
{
    unsigned active = budget / SHARDS >= SHARD_LEAST ? SHARDS : 1;
    for (unsigned i = 0; i < SHARDS; i++) s->shard[i].limit = i < active ? budget / active : 0;
    atomic_store_explicit(&s->active, active, memory_order_relaxed);
}

static struct shards *shards_new(size_t budget)
{
    struct shards *s = tsr_alloc_zero(1, sizeof *s);
    if (!s) return NULL;
    s->forks = tsr_sys_fork_count();
    for (int i = 0; i < SHARDS; i++) pthread_mutex_init(&s->shard[i].lock, NULL);
    cut_budget(s, budget);
    return s;
}

static void arena_free(struct arena *a)
{
    tsr_sys_pages_free(a, a->mapped);
}

static void arenas_free(struct arena *a)
{
    while (a) {
        struct arena *next = a->next;
        arena_free(a);
        a = next;
    }
}

static void shards_free(struct shards *s)
{
    bool ours = s->forks == tsr_sys_fork_count(); /* else a lock may be taken for ever */
    for (int i = 0; i < SHARDS; i++) {
        arenas_free(s->shard[i].arena);
        arenas_free(s->shard[i].given_up);
        if (ours) pthread_mutex_destroy(&s->shard[i].lock);
    }
    tsr_free(s);
}

struct tsr_cache *tsr_cache_new(size_t budget)
{
    struct tsr_cache *c = tsr_alloc_zero(1, sizeof *c);
    struct shards *s = c ? shards_new(budget) : NULL;
    if (!s) {
        tsr_free(c);
        return NULL;
    }
    atomic_init(&c->shards, s);
    atomic_init(&c->budget, budget);
    atomic_init(&c->owners, 1);
    return c;
}

void tsr_cache_free(struct tsr_cache *c)
{
    if (!c) return;
    for (struct shards *s = atomic_load(&c->shards), *next; s; s = next) {
        next = s->parents;
        shards_free(s);
    }
    tsr_free(c);
}

/* The shards of this process; NULL: no memory for them. */
static struct shards *shards_of(struct tsr_cache *c)
{
    struct shards *s = atomic_load_explicit(&c->shards, memory_order_acquire);
    if (s->forks == tsr_sys_fork_count()) return s;
    struct shards *fresh = shards_new(atomic_load(&c->budget));
    if (!fresh) return NULL;
    fresh->parents = s;
    if (atomic_compare_exchange_strong(&c->shards, &s, fresh)) return fresh;
    fresh->parents = NULL;
    shards_free(fresh); /* another thread of the child was first */
    return s;
}

/* ---- arenas; the shard's lock is held ---- */

static struct cell *cell_at(const struct arena *a, size_t off)
{
    return (struct cell *)(void *)(a->base + off);
}

static struct arena *arena_new(size_t limit)
{
    size_t buckets = 16, len;
    while (buckets < tsr_minz(limit / BYTES_PER_BUCKET, BUCKETS_MOST)) buckets *= 2;
    len = sizeof(struct arena) + buckets * sizeof(struct cell *);
    if (limit < len + 3 * (size_t)LINE) return NULL;
    struct arena *a = tsr_sys_pages(limit);
    if (!a) return NULL;
    a->mapped = limit;
    a->mask = buckets - 1;
    uintptr_t first = ((uintptr_t)a + len + LINE - 1) / LINE * LINE;
    a->base = (uint8_t *)a + (first - (uintptr_t)a);
    a->bytes = (limit - (size_t)(a->base - (uint8_t *)a)) / LINE * LINE;
    *cell_at(a, 0) = (struct cell){.room = a->bytes};
    return a;
}

static uint64_t hash_of(const struct tsr_block_id *id)
{
    uint64_t h = id->owner * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ (uint64_t)id->chunk) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 32) ^ (uint64_t)id->block) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 29);
}

static bool same_id(const struct tsr_block_id *x, const struct tsr_block_id *y)
{
    return x->owner == y->owner && x->chunk == y->chunk && x->block == y->block &&
           x->size == y->size;
}

static struct cell **bucket_of(struct arena *a, const struct tsr_block_id *id)
{
    return &a->buckets[hash_of(id) & a->mask];
}

/* near: where to look on behind the head of what is found, which is fetched beside it. */
static struct cell *look_up(struct arena *a, const struct tsr_block_id *id, int64_t near)
{
    struct cell *x = *bucket_of(a, id);
    if (x) __builtin_prefetch((const void *)((uintptr_t)x + LINE + (uintptr_t)near));
    while (x && !same_id(&x->id, id)) x = x->next;
    return x;
}

static void unlink_cell(struct arena *a, struct cell *x)
{
    if (!x->linked) return;
    struct cell **p = bucket_of(a, &x->id);
    while (*p != x) p = &(*p)->next;
    *p = x->next;
    x->linked = false;
    a->held -= x->open.valid;
    x->open.valid = 0;
}

static void pin(struct arena *a, struct cell *x)
{
    x->pins++;
    a->pins++;
}

/* The rest of x behind the first need bytes becomes a free cell, which is the next to go. */
static void split(struct arena *a, struct cell *x, size_t need)
{
    size_t at = (size_t)((uint8_t *)x - a->base) + need;
    if (x->room > need) *cell_at(a, at) = (struct cell){.room = x->room - need};
    x->room = need;
    a->hand = at < a->bytes ? at : 0;
}

/* A free cell of need bytes.  After two rounds all that is left is held. */
static struct cell *take_room(struct arena *a, size_t need)
{
    struct cell *run = NULL;
    for (size_t seen = 0; seen < 2 * a->bytes;) {
        if (a->hand >= a->bytes) a->hand = 0, run = NULL;
        struct cell *x = cell_at(a, a->hand);
        size_t room = x->room;
        seen += room;
        a->hand += room;
        if (x->pins || x->used) {
            x->used = false;
            run = NULL;
            continue;
        }
        unlink_cell(a, x);
        if (run) run->room += room;
        else run = x;
        if (run->room < need) continue;
        split(a, run, need);
        return run;
    }
    return NULL;
}

/* ---- shards ---- */

/* Locked, as far as not NULL. */
static struct shard *enter(struct tsr_cache *c, const struct tsr_block_id *id, unsigned *number)
{
    struct shards *s = shards_of(c);
    if (!s) return NULL;
    unsigned active = atomic_load_explicit(&s->active, memory_order_relaxed);
    *number = (unsigned)(hash_of(id) >> 40) % active;
    pthread_mutex_lock(&s->shard[*number].lock);
    return &s->shard[*number];
}

struct tsr_cell *tsr_cache_find(struct tsr_cache *c, const struct tsr_block_id *id, int64_t near)
{
    unsigned number;
    struct shard *s = enter(c, id, &number);
    if (!s) return NULL;
    struct cell *x = s->arena ? look_up(s->arena, id, near) : NULL;
    if (x && !x->open.valid) x = NULL;
    if (x) {
        x->used = true;
        pin(s->arena, x);
    }
    pthread_mutex_unlock(&s->lock);
    return x ? &x->open : NULL;
}

bool tsr_cache_seen(struct tsr_cache *c, const struct tsr_block_id *id, size_t len)
{
    unsigned number;
    struct shard *s = enter(c, id, &number);
    if (!s) return false;
    uint64_t hash = hash_of(id), *when = &s->seen[hash % SEEN].when;
    bool seen = s->seen[hash % SEEN].hash == hash && s->passed - *when < s->limit;
    s->passed += len;
    s->seen[hash % SEEN].hash = hash;
    *when = s->passed;
    pthread_mutex_unlock(&s->lock);
    return seen;
}

static struct cell *make_cell(struct shard *s, unsigned number, const struct tsr_block_id *id,
                              size_t len)
{
    size_t need = LINE + (len + LINE - 1) / LINE * LINE;
    if (!s->arena) s->arena = arena_new(s->limit);
    if (!s->arena || len > s->arena->bytes / 2) return NULL;
    struct cell *x = take_room(s->arena, need);
    if (!x) return NULL;
    struct cell **bucket = bucket_of(s->arena, id);
    *x = (struct cell){.open = {(uint8_t *)x + LINE, 0},
                       .id = *id,
                       .next = *bucket,
                       .room = x->room,
                       .shard = (uint8_t)number,
                       .linked = true};
    *bucket = x;
    return x;
}

struct tsr_cell *tsr_cache_make(struct tsr_cache *c, const struct tsr_block_id *id, size_t len,
                                bool *more)
{
    unsigned number;
    struct shard *s = enter(c, id, &number);
    if (!s) return NULL;
    struct cell *x = s->arena ? look_up(s->arena, id, 0) : NULL;
    *more = x != NULL;
    if (!x) {
        x = make_cell(s, number, id, len);
    } else if (x->pins || len > x->room - LINE) {
        x = NULL; /* others look at what is there */
    } else {
        s->arena->held -= x->open.valid;
        x->open.valid = 0;
    }
    if (x) pin(s->arena, x);
    pthread_mutex_unlock(&s->lock);
    return x ? &x->open : NULL;
}

/* The arena in which x lies, locked with its shard; NULL: that of a parent process. */
static struct arena *enter_arena(struct tsr_cache *c, const struct cell *x, struct shard **shard)
{
    struct shards *all = shards_of(c);
    if (!all) return NULL;
    struct shard *s = *shard = &all->shard[x->shard];
    pthread_mutex_lock(&s->lock);
    uintptr_t at = (uintptr_t)x;
    struct arena *a = s->arena;
    if (!a || at < (uintptr_t)a->base || at >= (uintptr_t)a->base + a->bytes)
        for (a = s->given_up; a; a = a->next)
            if (at >= (uintptr_t)a->base && at < (uintptr_t)a->base + a->bytes) break;
    if (!a) pthread_mutex_unlock(&s->lock);
    return a;
}

void tsr_cache_filled(struct tsr_cache *c, struct tsr_cell *cell, size_t valid)
{
    struct cell *x = (struct cell *)cell;
    struct shard *s;
    struct arena *a = enter_arena(c, x, &s);
    if (!a) return;
    if (valid) {
        x->open.valid = valid;
        a->held += valid;
    } else {
        unlink_cell(a, x);
    }
    pthread_mutex_unlock(&s->lock);
}

static void drop_given_up(struct shard *s, struct arena *a)
{
    struct arena **p = &s->given_up;
    while (*p != a) p = &(*p)->next;
    *p = a->next;
    arena_free(a);
}

void tsr_cache_release(struct tsr_cache *c, struct tsr_cell *cell, int hits)
{
    struct cell *x = (struct cell *)cell;
    struct shard *s;
    struct arena *a = enter_arena(c, x, &s);
    if (!a) return;
    x->pins--;
    s->hits += hits;
    if (--a->pins == 0 && a != s->arena) drop_given_up(s, a);
    pthread_mutex_unlock(&s->lock);
}

void tsr_cache_count_misses(struct tsr_cache *c, int64_t n)
{
    if (n) atomic_fetch_add_explicit(&c->misses, n, memory_order_relaxed);
}

/* ---- budget ---- */

static void give_up(struct shard *s)
{
    struct arena *a = s->arena;
    s->arena = NULL;
    if (!a) return;
    if (!a->pins) {
        arena_free(a);
        return;
    }
    a->next = s->given_up;
    s->given_up = a;
}

void tsr_cache_set_budget(struct tsr_cache *c, size_t budget, size_t *before)
{
    struct shards *s = shards_of(c);
    *before = atomic_exchange(&c->budget, budget);
    if (!s) return;
    for (int i = 0; i < SHARDS; i++) pthread_mutex_lock(&s->shard[i].lock);
    for (int i = 0; i < SHARDS; i++) give_up(&s->shard[i]);
    cut_budget(s, budget);
    for (int i = SHARDS; i-- > 0;) pthread_mutex_unlock(&s->shard[i].lock);
}

void tsr_cache_stats_of(struct tsr_cache *c, tsr_cache_stats *out)
{
    struct shards *s = shards_of(c);
    *out = (tsr_cache_stats){.size = sizeof *out,
                             .budget_bytes = (int64_t)atomic_load(&c->budget),
                             .misses = atomic_load(&c->misses)};
    for (int i = 0; s && i < SHARDS; i++) {
        pthread_mutex_lock(&s->shard[i].lock);
        out->hits += s->shard[i].hits;
        if (s->shard[i].arena) out->held_bytes += (int64_t)s->shard[i].arena->held;
        pthread_mutex_unlock(&s->shard[i].lock);
    }
}

/* ---- drivers ---- */

bool tsr_cache_takes(const struct tsr_cache *c, const struct tsr_driver *d, int64_t bytes)
{
    size_t budget = atomic_load_explicit(&c->budget, memory_order_relaxed);
    if (budget == 0 || bytes < 0 || (uint64_t)bytes > budget / 4) return false;
    return (d->cparams || d->format->tree) && !d->variable && !d->loose && d->owner[0];
}

void tsr_cache_forget_chunk(struct tsr_cache *c, struct tsr_driver *d, int64_t chunk)
{
    d->owner[chunk % TSR_DRIVER_OWNERS] =
        atomic_fetch_add_explicit(&c->owners, 1, memory_order_relaxed);
}

void tsr_cache_forget(struct tsr_cache *c, struct tsr_driver *d)
{
    uint64_t owner = atomic_fetch_add_explicit(&c->owners, 1, memory_order_relaxed);
    for (int i = 0; i < TSR_DRIVER_OWNERS; i++) d->owner[i] = owner;
    d->block_size = 0;
}
