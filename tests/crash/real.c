/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/real.c - what is not played from the log: children that are killed, disks that
 * are full or read-only, files that are cut while they are open. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trial.h"

static bool complain(struct trial *t, const char *what, long at)
{
    t->counts->failed++;
    printf("FAIL %s: %s (%ld): %s\n", t->life.name, what, at, tsr_error());
    return false;
}

/* ---- killed ---- */

static void live_until_killed(struct trial *t, size_t k, size_t part)
{
    struct life l = t->life;
    struct changes log = {0};
    life_begin(&l, t->live);
    record_start(t->live, &log);
    recording.kill_at = (long)k;
    recording.kill_part = part;
    for (int r = 0; r < l.rounds && life_round(&l, r) == TSR_OK; r++)
        record_mark(FLUSHED, r + 1, false);
    life_drop(&l);
    _exit(1);
}

/* The disk must be what the log says, byte for byte: what is played is what happens. */
static void one_kill(struct trial *t, size_t k, size_t part)
{
    struct disk played, found;
    int status;
    folder_clear(t->live);
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) live_until_killed(t, k, part);
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) complain(t, "a child was to be killed and was not", (long)k);
    disk_kill(&played, &t->log, k, part);
    disk_load(&found, t->live);
    if (disk_key(&played) != disk_key(&found))
        complain(t, "a killed child left another disk than the log", (long)k);
    trial_judge(t, &found, (struct point){k, false, "a killed child", part});
    disk_free(&played);
    disk_free(&found);
}

void trial_real_kills(struct trial *t, long n)
{
    for (long i = 0; i < n; i++) {
        size_t k = random_of(&t->seed) % t->log.n, part = 0;
        if (n >= (long)t->log.n) k = (size_t)i % t->log.n;
        if (t->log.v[k].kind == FLUSHED) continue;
        if (t->log.v[k].kind == WRITE)
            part = kill_part(&t->log.v[k], random_of(&t->seed) % (t->log.v[k].len + 1));
        one_kill(t, k, part);
        t->counts->real++;
    }
}

/* ---- full ---- */

static int64_t bytes_written(const struct trial *t)
{
    int64_t n = 0;
    for (size_t i = 0; i < t->log.n; i++)
        if (t->log.v[i].kind == WRITE) n += (int64_t)t->log.v[i].len;
    return n;
}

/* Rounds until the disk is full; the handle is dropped then.  Which round failed. */
static int live_until_full(struct trial *t, struct life *l, int64_t space, int *rc)
{
    struct changes log = {0};
    int r = 0;
    *rc = TSR_OK;
    folder_clear(t->live);
    life_begin(l, t->live);
    record_start(t->live, &log);
    recording.room = space;
    while (r < l->rounds && (*rc = life_round(l, r)) == TSR_OK) r++;
    life_drop(l);
    recording.on = false;
    changes_free(&log);
    return r;
}

/* Then there is room again, and the life goes on. */
static bool one_full_disk(struct trial *t, int64_t space)
{
    struct life l = t->life;
    char digest[DIGEST];
    int rc, r = live_until_full(t, &l, space, &rc);
    if (rc != TSR_EIO && rc != TSR_OK) complain(t, "a full disk is called something else", rc);
    life_digest(&l, l.path, NULL, digest);
    if (r < l.rounds && strcmp(digest, t->states[r])) r++;
    if (strcmp(digest, t->states[r])) return complain(t, "a full disk", (long)space);
    if (r == l.rounds) return true;
    rc = life_round(&l, r);
    life_drop(&l);
    if (rc < 0) return complain(t, "after a full disk", (long)space);
    life_digest(&l, l.path, NULL, digest);
    return strcmp(digest, t->states[r + 1]) ? complain(t, "after a full disk", (long)space) : true;
}

void trial_full_disks(struct trial *t, long n)
{
    uint64_t all = (uint64_t)bytes_written(t);
    for (long i = 0; i < n; i++) {
        one_full_disk(t, (int64_t)(random_of(&t->seed) % (all + 1)));
        t->counts->points++;
        t->counts->full++;
    }
}

/* ---- read-only ---- */

void trial_read_only(struct trial *t)
{
    struct life l = t->life;
    struct changes log = {0};
    char digest[DIGEST];
    folder_clear(t->live);
    life_begin(&l, t->live);
    if (life_round(&l, 0) < 0) complain(t, "round 0", 0);
    life_drop(&l);
    record_start(t->live, &log);
    recording.read_only = true;
    int rc = life_round(&l, 1);
    recording.read_only = recording.on = false;
    life_drop(&l);
    changes_free(&log);
    if (rc != TSR_EDENIED && rc != TSR_EIO) complain(t, "a read-only file system", rc);
    life_digest(&l, l.path, NULL, digest);
    if (strcmp(digest, t->states[1])) complain(t, "a read-only file system changed", 1);
}

/* ---- cut ---- */

static uint64_t cut_seed;

/* Some byte of a file, or of some of the files of a folder, is its end. */
static void cut(const char *path)
{
    struct stat s;
    char inside[2 * PATH_ROOM];
    if (stat(path, &s) < 0) return;
    if (!S_ISDIR(s.st_mode)) {
        if (truncate(path, (off_t)(random_of(&cut_seed) % (uint64_t)(s.st_size + 1)))) abort();
        return;
    }
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(inside, sizeof inside, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.' && random_of(&cut_seed) % 2) cut(inside);
    }
    if (dir) closedir(dir);
}

/* A reader that has the file open while it is cut gets what was there, or an error. */
void trial_cut_files(struct trial *t, long n)
{
    char path[2 * PATH_ROOM], digest[DIGEST];
    snprintf(path, sizeof path, "%s/%s", t->point, t->life.kind->file);
    for (long i = 0; i < n; i++) {
        struct disk d;
        int state = 0;
        size_t k = random_of(&t->seed) % (t->log.n + 1);
        while (k < t->log.n && t->log.v[k].kind != FLUSHED) k++;
        state = k < t->log.n ? (int)t->log.v[k].off : t->life.rounds;
        disk_kill(&d, &t->log, k, 0);
        disk_save(&d, t->point);
        disk_free(&d);
        cut_seed = random_of(&t->seed);
        life_digest(&t->life, path, cut, digest);
        if (strcmp(digest, "broken") && strcmp(digest, t->states[state]))
            complain(t, digest, (long)k);
        t->counts->points++;
        t->counts->cut++;
    }
}
