/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/trial.c - a life is written down, and what crashes leave of it is judged. */
#include "trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "peer.h"

enum { SHOWN = 20, SECOND_LIFE_OF = 8 };

__attribute__((format(printf, 2, 3))) static bool lost(struct trial *t, const char *format, ...)
{
    va_list args;
    t->counts->failed++;
    if (t->quiet || t->counts->failed > SHOWN) return false;
    va_start(args, format);
    printf("FAIL %s: ", t->life.name);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    return false;
}

/* ---- learning ---- */

static bool peer_agrees(struct trial *t, const char *path, const char *digest)
{
    char says[256];
    if (!peer_is_there() || t->quiet || !strcmp(digest, "absent")) return true;
    peer_digest(path, says, sizeof says);
    t->counts->peers++;
    if (!strcmp(says, digest)) return true;
    return lost(t, "Tessera reads %s, python-blosc2 %s", digest, says);
}

bool trial_learn(struct trial *t, const char *root)
{
    struct life *l = &t->life;
    bool good = true;
    snprintf(t->live, sizeof t->live, "%s/live", root);
    snprintf(t->point, sizeof t->point, "%s/point", root);
    mkdir(t->live, 0777);
    mkdir(t->point, 0777);
    folder_clear(t->live);
    life_begin(l, t->live);
    record_start(t->live, &t->log);
    snprintf(t->states[0], DIGEST, "absent");
    for (int r = 0; r < l->rounds && good; r++) {
        if (life_round(l, r) < 0) good = lost(t, "round %d: %s", r, tsr_error());
        record_mark(FLUSHED, r + 1, life_is_durable(l, r));
        recording.on = false;
        life_digest(l, l->path, NULL, t->states[r + 1]);
        if (good && (t->states[r + 1][0] == 'b' || t->states[r + 1][0] == 'u') &&
            strlen(t->states[r + 1]) < 16)
            good = lost(t, "state %d is %s: %s", r + 1, t->states[r + 1], tsr_error());
        if (good) good = peer_agrees(t, l->path, t->states[r + 1]);
        recording.on = true;
    }
    life_drop(l);
    recording.on = false;
    memcpy(t->states[l->rounds + 1], t->states[l->rounds], DIGEST);
    return good;
}

void trial_done(struct trial *t)
{
    free(t->memo);
    changes_free(&t->log);
}

/* ---- judging ---- */

bool trial_range(const struct trial *t, size_t k, bool power, int *lo, int *hi)
{
    int seen = 0;
    bool promised = true;
    *lo = 0;
    for (size_t i = 0; i < k; i++) {
        const struct change *c = &t->log.v[i];
        if (c->kind == FLUSHED && (!power || c->len)) *lo = (int)c->off, promised = true;
        if (c->kind == FLUSHED || c->kind == TAKEN_UP) seen = (int)c->off;
        /* a visible state whose bytes nobody ordered */
        else if (change_flips(c) && power && !t->life.kind->durable) promised = false;
    }
    if (!power) *lo = seen;
    *hi = seen + 1;
    return promised;
}

/* The survivor is the next writer's file: the life goes on from the state it is in. */
static bool live_on(struct trial *t, int state)
{
    struct life l = t->life;
    char digest[DIGEST];
    if (state == 0 || state >= l.rounds) return true;
    life_begin(&l, t->point);
    int rc = life_round(&l, state);
    life_drop(&l);
    t->counts->second_lives++;
    if (rc < 0) return lost(t, "taken up again at state %d: %s", state, tsr_error());
    life_digest(&l, l.path, NULL, digest);
    if (!strcmp(digest, t->states[state + 1])) return true;
    return lost(t, "taken up again at state %d: the next is %s", state, digest);
}

int trial_state(const struct trial *t, const char *digest, int lo, int hi)
{
    for (int i = lo; i <= hi && i <= t->life.rounds + 1; i++)
        if (!strcmp(digest, t->states[i])) return i;
    return -1;
}

static struct memo *find(struct trial *t, uint64_t key)
{
    for (size_t i = 0; i < t->known; i++)
        if (t->memo[i].key == key) return &t->memo[i];
    return NULL;
}

static struct memo *remember(struct trial *t, uint64_t key)
{
    if (t->known == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 256;
        t->memo = realloc(t->memo, t->cap * sizeof *t->memo);
        if (!t->memo) abort();
    }
    t->memo[t->known].key = key;
    return &t->memo[t->known++];
}

/* Reads a disk not met before, with everybody who reads. */
static bool inspect(struct trial *t, const struct disk *d, struct memo *m)
{
    char path[2 * PATH_ROOM];
    disk_save(d, t->point);
    snprintf(path, sizeof path, "%s/%s", t->point, t->life.kind->file);
    life_digest(&t->life, path, NULL, m->digest);
    t->counts->images++;
    return m->digest[0] == 'b' || peer_agrees(t, path, m->digest);
}

bool trial_judge(struct trial *t, const struct disk *d, struct point p)
{
    uint64_t key = disk_key(d);
    struct memo *m = find(t, key);
    bool fresh = !m, agreed = true;
    int lo, hi;
    t->counts->points++;
    if (fresh) agreed = inspect(t, d, m = remember(t, key));
    trial_range(t, p.k, p.power, &lo, &hi);
    int is = trial_state(t, m->digest, lo, hi);
    if (is < 0 && t->tell) changes_print(&t->log, p.k);
    if (is < 0)
        return lost(t, "%s after change %zu of %zu (%llu), state %d expected: %s%s%s", p.what, p.k,
                    t->log.n, (unsigned long long)p.n, lo, m->digest, fresh ? ", " : "",
                    fresh ? tsr_error() : "");
    if (fresh && !t->quiet && key % SECOND_LIFE_OF == 0) agreed = live_on(t, is) && agreed;
    return agreed;
}

/* ---- points ---- */

void trial_kill_points(struct trial *t, long n)
{
    size_t here = t->log.n - t->first;
    bool all = n > (long)here; /* each cut between two changes, then torn ones */
    for (long i = 0; i < n; i++, t->counts->kills++) {
        struct disk d;
        bool whole = all && (size_t)i <= here;
        size_t k = t->first + (whole ? (size_t)i : random_of(&t->seed) % (here + 1)), part = 0;
        if (!whole && k < t->log.n && t->log.v[k].kind == WRITE)
            part = kill_part(&t->log.v[k], random_of(&t->seed) % (t->log.v[k].len + 1));
        disk_kill(&d, &t->log, k, part);
        trial_judge(t, &d, (struct point){k, false, "a kill", part});
        disk_free(&d);
    }
}

void trial_power_points(struct trial *t, long n)
{
    for (long i = 0; i < n; i++) {
        struct disk d;
        int lo, hi;
        size_t k = t->first + random_of(&t->seed) % (t->log.n - t->first + 1);
        uint64_t seed = random_of(&t->seed);
        if (!trial_range(t, k, true, &lo, &hi)) continue;
        disk_power(&d, &t->log, k, seed);
        trial_judge(t, &d, (struct point){k, true, "a loss of power", seed});
        disk_free(&d);
        t->counts->power++;
    }
}
