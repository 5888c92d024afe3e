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
        record_flushed();
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

int trial_flushed(const struct trial *t, size_t k)
{
    int n = 0;
    for (size_t i = 0; i < k; i++) n += t->log.v[i].kind == FLUSHED;
    return n;
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

/* Which of the states after f and f + 1 flushes it is; -1: neither. */
static int state_of(const struct trial *t, const char *digest, int f)
{
    if (!strcmp(digest, t->states[f])) return f;
    return strcmp(digest, t->states[f + 1]) ? -1 : f + 1;
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

bool trial_judge(struct trial *t, const struct disk *d, size_t k, const char *what, uint64_t n)
{
    uint64_t key = disk_key(d);
    struct memo *m = find(t, key);
    bool fresh = !m, agreed = true;
    t->counts->points++;
    if (fresh) agreed = inspect(t, d, m = remember(t, key));
    int f = trial_flushed(t, k), is = state_of(t, m->digest, f);
    if (is < 0)
        return lost(t, "%s after change %zu of %zu (%llu), %d flushes: %s%s%s", what, k, t->log.n,
                    (unsigned long long)n, f, m->digest, fresh ? ", " : "",
                    fresh ? tsr_error() : "");
    if (fresh && !t->quiet && key % SECOND_LIFE_OF == 0) agreed = live_on(t, is) && agreed;
    return agreed;
}

/* ---- points ---- */

void trial_kill_points(struct trial *t, long n)
{
    bool all = n > (long)t->log.n; /* each cut between two changes, then torn ones */
    for (long i = 0; i < n; i++, t->counts->kills++) {
        struct disk d;
        size_t k = (size_t)i, part = 0;
        if (!all || k > t->log.n) k = random_of(&t->seed) % (t->log.n + 1);
        if ((!all || i > (long)t->log.n) && k < t->log.n && t->log.v[k].kind == WRITE)
            part = kill_part(&t->log.v[k], random_of(&t->seed) % (t->log.v[k].len + 1));
        disk_kill(&d, &t->log, k, part);
        trial_judge(t, &d, k, "a kill", part);
        disk_free(&d);
    }
}

void trial_power_points(struct trial *t, long n)
{
    for (long i = 0; i < n; i++, t->counts->power++) {
        struct disk d;
        size_t k = random_of(&t->seed) % (t->log.n + 1);
        uint64_t seed = random_of(&t->seed);
        disk_power(&d, &t->log, k, seed);
        trial_judge(t, &d, k, "a loss of power", seed);
        disk_free(&d);
    }
}
