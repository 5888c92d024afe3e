/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/broken.c - the ways to be wrong: each turns a sound log into one that loses. */
#include "broken.h"

#include <stdlib.h>
#include <string.h>

static void move_up(struct changes *log, size_t from, size_t to)
{
    struct change c = log->v[from];
    memmove(log->v + to + 1, log->v + to, (from - to) * sizeof c);
    log->v[to] = c;
}

/* Visible before it is there. */
static int flip_first(struct changes *log)
{
    int n = 0;
    size_t first = 0; /* where the flip of this flush can go at the earliest */
    for (size_t i = 0; i < log->n; i++) {
        const struct change *c = &log->v[i];
        if (c->kind == CREATE || c->kind == FOLDER || c->kind == FLUSHED) first = i + 1;
        if (!change_flips(c) || i == first) continue;
        move_up(log, i, first);
        first++;
        n++;
    }
    return n;
}

static void drop(struct changes *log, size_t i)
{
    log->v[i].kind = TAKEN_UP + 1; /* nothing at all */
}

static bool is_sync(const struct change *c)
{
    return c->kind == SYNC || c->kind == SYNC_FOLDER;
}

static int no_syncs(struct changes *log)
{
    int n = 0;
    for (size_t i = 0; i < log->n; i++)
        if (is_sync(&log->v[i])) drop(log, i), n++;
    return n;
}

/* Only what comes after the flip is left. */
static int no_sync_before_flip(struct changes *log)
{
    int n = 0;
    for (size_t i = 0, j; i < log->n; i++) {
        if (!change_flips(&log->v[i])) continue;
        for (j = i; j-- > 0 && log->v[j].kind != FLUSHED && !change_flips(&log->v[j]);)
            if (log->v[j].kind == SYNC) drop(log, j), n++;
    }
    return n;
}

static int no_sync_after_flip(struct changes *log)
{
    int n = 0;
    bool flipped = false;
    for (size_t i = 0; i < log->n; i++) {
        const struct change *c = &log->v[i];
        flipped = change_flips(c) || (flipped && c->kind != WRITE);
        if (flipped && is_sync(c)) drop(log, i), n++;
    }
    return n;
}

/* New chunks go where the first ones are. */
static int over_live_bytes(struct changes *log)
{
    int n = 0;
    const struct change *first = NULL;
    for (size_t i = 0; i < log->n; i++) {
        struct change *c = &log->v[i];
        if (c->kind != WRITE || change_flips(c) || c->off == 0) continue;
        if (!first) first = c;
        else if (c->node == first->node && c->off != first->off) c->off = first->off, n++;
    }
    return n;
}

const struct wrong wrongs[] = {
    {"the flip comes first", false, flip_first},
    {"chunks go over live ones", false, over_live_bytes},
    {"nothing is synced", true, no_syncs},
    {"no sync before the flip", true, no_sync_before_flip},
    {"no sync after the flip", true, no_sync_after_flip},
    {0},
};

int wrong_points(struct trial *t, const struct wrong *w, long n)
{
    struct trial spoiled = *t;
    struct changes *log = &spoiled.log;
    log->v = malloc(t->log.n * sizeof *log->v);
    if (!log->v) abort();
    memcpy(log->v, t->log.v, t->log.n * sizeof *log->v);
    spoiled.memo = NULL;
    spoiled.known = spoiled.cap = 0;
    spoiled.quiet = true;
    int places = w->spoil(log);
    if (places && w->power) trial_power_points(&spoiled, n);
    else if (places) trial_kill_points(&spoiled, n);
    free(spoiled.memo);
    free(log->v);
    return places;
}
