/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/trial.h - one life, its log, and the verdict on what a crash may leave of it. */
#ifndef TSR_TESTS_CRASH_TRIAL_H
#define TSR_TESTS_CRASH_TRIAL_H

#include "life.h"

struct counts {
    long points, images; /* crashes; of these, disks that were not met before */
    long kills, power, twice, real, full, cut, second_lives, peers;
    long failed;
};

struct memo {
    uint64_t key;
    char digest[DIGEST];
};

struct trial {
    struct life life;
    struct changes log;
    char states[ROUNDS_MAX + 2][DIGEST]; /* what a reader finds after 0, 1, .. flushes */
    char live[PATH_ROOM], point[PATH_ROOM];
    struct memo *memo;
    size_t known, cap;
    uint64_t seed; /* of the points drawn */
    size_t first;  /* they lie after this change */
    struct counts *counts;
    bool tell;  /* the calls that led to a loss */
    bool quiet; /* losses are expected: they are counted, not told; nobody else reads along */
};

/* Runs the life from end to end and writes it down.  False when it fails, or the peer disagrees
 * about a state. */
bool trial_learn(struct trial *t, const char *root);
void trial_done(struct trial *t);

struct point {
    size_t k; /* so many changes had been made */
    bool power;
    const char *what;
    uint64_t n; /* a seed or a number of bytes, to tell it by */
};
/* Judges a disk that a crash left: the state flushed by then, or one that was under way.  True
 * when nothing is lost. */
bool trial_judge(struct trial *t, const struct disk *d, struct point p);
/* The states that may be found after the first k changes.  False: none is promised, because a
 * flush that was not to be durable may be half on the device. */
bool trial_range(const struct trial *t, size_t k, bool power, int *lo, int *hi);
/* Which of these a digest is; -1: none. */
int trial_state(const struct trial *t, const char *digest, int lo, int hi);

/* The points, n of each; they count in t->counts.  In the real ones a child is killed. */
void trial_kill_points(struct trial *t, long n);
void trial_power_points(struct trial *t, long n);
void trial_real_kills(struct trial *t, long n);
void trial_full_disks(struct trial *t, long n);
void trial_cut_files(struct trial *t, long n);
void trial_read_only(struct trial *t);
/* Crashes of lives that were taken up after a crash. */
void trial_twice(struct trial *t, long n);

#endif
