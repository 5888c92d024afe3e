/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/trial.h - one life, its log, and the verdict on what a crash may leave of it. */
#ifndef TSR_TESTS_CRASH_TRIAL_H
#define TSR_TESTS_CRASH_TRIAL_H

#include "life.h"

struct counts {
    long points, images; /* crashes; of these, disks that were not met before */
    long kills, power, real, full, cut, second_lives, peers;
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
    struct counts *counts;
    bool quiet; /* losses are expected: they are counted, not told; nobody else reads along */
};

/* Runs the life from end to end and writes it down.  False when it fails, or the peer disagrees
 * about a state. */
bool trial_learn(struct trial *t, const char *root);
void trial_done(struct trial *t);

/* How many flushes had returned after the first k changes. */
int trial_flushed(const struct trial *t, size_t k);
/* Judges a disk that a crash after k changes left: the state then flushed, or the next one.  what
 * and n (a seed or a number of bytes) tell the point.  True when nothing is lost. */
bool trial_judge(struct trial *t, const struct disk *d, size_t k, const char *what, uint64_t n);

/* The points, n of each; they count in t->counts.  In the real ones a child is killed. */
void trial_kill_points(struct trial *t, long n);
void trial_power_points(struct trial *t, long n);
void trial_real_kills(struct trial *t, long n);
void trial_full_disks(struct trial *t, long n);
void trial_cut_files(struct trial *t, long n);
void trial_read_only(struct trial *t);

#endif
