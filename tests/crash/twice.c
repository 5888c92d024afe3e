/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/twice.c - what one crash left is written on, and crashes again.
 *
 * After a kill the bytes that were not synced are still the system's, so a loss of power later
 * may take them back: the second log goes on where the first one ended.  After a loss of power
 * what is there is on the device: the second log begins with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"

enum { POINTS = 20, MORE_ROUNDS = 3 };

/* The first crash. */
struct first {
    bool power;
    int lo, hi; /* states that it may have left */
    struct disk disk;
};

static void first_crash(struct trial *t, struct first *f, struct changes *log)
{
    size_t k = random_of(&t->seed) % t->log.n, part = 0;
    f->power = f->power && trial_range(t, k, true, &f->lo, &f->hi);
    if (f->power) {
        disk_power(&f->disk, &t->log, k, random_of(&t->seed));
        disk_changes(&f->disk, log);
        return;
    }
    trial_range(t, k, false, &f->lo, &f->hi);
    if (t->log.v[k].kind == WRITE)
        part = kill_part(&t->log.v[k], random_of(&t->seed) % (t->log.v[k].len + 1));
    disk_kill(&f->disk, &t->log, k, part);
    changes_copy(log, &t->log, k, part);
}

/* Goes on from the state that is there; which that was, < 0: it failed. */
static int second_life(struct trial *t, const struct first *f)
{
    struct life *l = &t->life;
    char digest[DIGEST];
    folder_clear(t->live);
    disk_save(&f->disk, t->live);
    life_begin(l, t->live);
    life_digest(l, l->path, NULL, digest);
    int state = trial_state(t, digest, f->lo, f->hi), end = state + MORE_ROUNDS, rc = TSR_OK;
    if (state <= 0) return state;
    record_go_on(t->live, &t->log, &f->disk);
    record_mark(f->power ? FLUSHED : TAKEN_UP, state, f->power);
    t->first = t->log.n;
    for (int r = state; r < end && r < l->rounds && rc == TSR_OK; r++)
        if ((rc = life_round(l, r)) == TSR_OK) record_mark(FLUSHED, r + 1, life_is_durable(l, r));
    life_drop(l);
    recording.on = false;
    return rc < 0 ? rc : state;
}

static void one(struct trial *t, bool power)
{
    struct trial second = *t;
    struct first f = {.power = power};
    long before = t->counts->kills + t->counts->power;
    second.memo = NULL;
    second.known = second.cap = 0;
    first_crash(t, &f, &second.log);
    int state = second_life(&second, &f);
    if (state < 0) {
        t->counts->failed++;
        printf("FAIL %s: taken up after a crash: %s\n", t->life.name, tsr_error());
    } else if (state > 0) {
        bool durable = t->life.kind->durable || t->life.kind->sync;
        second.seed = random_of(&t->seed);
        if (durable) trial_power_points(&second, POINTS / 2);
        trial_kill_points(&second, durable ? POINTS / 2 : POINTS);
    }
    t->counts->twice += t->counts->kills + t->counts->power - before;
    trial_done(&second);
    disk_free(&f.disk);
}

void trial_twice(struct trial *t, long n)
{
    for (long i = 0; i < n; i += POINTS) one(t, i / POINTS % 2);
}
