/* SPDX-License-Identifier: BSD-3-Clause */
/* task/worker.c - scratch buffers and codec states that outlive a job.
 *
 * A worker is used by one thread at a time, so nothing here locks.  Its buffers only grow.
 * They start on a cache line, because vector kernels lose up to half of their speed when
 * every load and store straddles two. */
#include "task/worker.h"

#include <assert.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"

enum { LINE = 64 };

struct scratch {
    void *base; /* what tsr_free takes */
    uint8_t *p;
    size_t len;
};

struct state {
    const void *key;
    void *value;
    void (*done)(void *);
    struct state *next;
};

struct tsr_worker {
    struct scratch scratch[TSR_SCRATCH_COUNT];
    struct state *states;
    struct tsr_worker *next;
};

struct tsr_worker *tsr_worker_new(void)
{
    return tsr_alloc_zero(1, sizeof(struct tsr_worker));
}

static void worker_free(struct tsr_worker *w)
{
    while (w->states) {
        struct state *s = w->states;
        w->states = s->next;
        s->done(s->value);
        tsr_free(s);
    }
    for (int i = 0; i < TSR_SCRATCH_COUNT; i++) tsr_free(w->scratch[i].base);
    tsr_free(w);
}

void tsr_worker_free_all(struct tsr_worker *w)
{
    while (w) {
        struct tsr_worker *next = w->next;
        worker_free(w);
        w = next;
    }
}

void tsr_worker_push(struct tsr_worker **list, struct tsr_worker *w)
{
    w->next = *list;
    *list = w;
}

struct tsr_worker *tsr_worker_pop(struct tsr_worker **list)
{
    struct tsr_worker *w = *list;
    if (w) {
        *list = w->next;
        w->next = NULL;
    }
    return w;
}

uint8_t *tsr_worker_scratch(struct tsr_worker *w, int which, size_t len)
{
    assert(which >= 0 && which < TSR_SCRATCH_COUNT);
    struct scratch *s = &w->scratch[which];
    if (s->p && len <= s->len) return s->p;
    size_t room;
    if (!tsr_add(len, (size_t)LINE, &room)) {
        tsr_fail(TSR_ENOMEM, "out of memory: scratch of %zu bytes", len);
        return NULL;
    }
    tsr_free(s->base);
    *s = (struct scratch){.base = tsr_alloc(room)};
    if (!s->base) return NULL;
    s->p = (uint8_t *)s->base + (LINE - (uintptr_t)s->base % LINE) % LINE;
    s->len = len;
    return s->p;
}

void *tsr_worker_state(struct tsr_worker *w, const void *key, size_t len, void (*done)(void *))
{
    for (struct state *s = w->states; s; s = s->next)
        if (s->key == key) return s->value;
    struct state *s = tsr_alloc(sizeof *s);
    void *value = s ? tsr_alloc_zero(1, len) : NULL;
    if (!value) {
        tsr_free(s);
        return NULL;
    }
    *s = (struct state){key, value, done, w->states};
    w->states = s;
    return value;
}
