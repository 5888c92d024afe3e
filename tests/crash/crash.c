/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/crash.c - crashes at every point of many lives.
 *
 *   crash [points [seed [life]]]
 *
 * Draws about that many crash points over all kinds of files and operations (life.c), or over
 * those whose name contains `life`: then the calls that led to a loss are told.  Each life is
 * written down call by call (record.c); what a crash can leave is made from that (disk.c) and read
 * by Tessera and, when TESSERA_PEER holds a command that starts peer.py, by python-blosc2; some
 * survivors are written on.  Then the order of the calls is broken on purpose, and losses must
 * show.  The last line is "N passed, M failed". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broken.h"
#include "peer.h"
#include "trial.h"

enum { WRONG_POINTS = 400, SHARE = 30 }; /* points by weight: about twice the calls of a life */

static struct counts counts;
static char root[PATH_ROOM / 2];

/* A life's share: the long ones get more. */
static long weight(const struct life *l)
{
    return l->kind->big ? 1 : l->rounds > 8 ? 6 : 2;
}

static long all_weights(const char *wanted, uint64_t seed)
{
    long sum = 0;
    struct life l;
    for (const struct kind *k = life_kinds; k->name; k++)
        for (const struct op *o = life_ops; o->name; o++)
            if (life_init(&l, k, o, seed) && strstr(l.name, wanted)) sum += weight(&l);
    return sum;
}

/* n points in all, by what can happen to this kind of file. */
static void all_points(struct trial *t, long n)
{
    long real = n / 12, full = n / 12, cut = n / 24, twice = n / 4;
    long rest = n - real - full - cut - twice, power = 0;
    if (t->life.kind->durable || t->life.kind->sync) power = rest * 2 / 3;
    trial_real_kills(t, real);
    trial_full_disks(t, full);
    trial_cut_files(t, cut);
    trial_read_only(t);
    trial_twice(t, twice);
    trial_power_points(t, power);
    trial_kill_points(t, rest - power);
}

static void one_life(const struct life *l, long n, uint64_t seed, bool tell)
{
    struct trial t = {.life = *l, .seed = seed, .counts = &counts, .tell = tell};
    if (trial_learn(&t, root)) all_points(&t, n);
    trial_done(&t);
}

/* The lives differ with the seed: many points are spread over several. */
static void all_lives(const char *wanted, long points, uint64_t seed)
{
    long sum = all_weights(wanted, seed), once = SHARE * sum;
    struct life l;
    for (; points > 2 * once; points -= once) all_lives(wanted, once, seed++);
    for (const struct kind *k = life_kinds; k->name; k++)
        for (const struct op *o = life_ops; o->name; o++)
            if (life_init(&l, k, o, seed) && strstr(l.name, wanted))
                one_life(&l, 1 + points * weight(&l) / sum, seed, *wanted != 0);
}

/* A wrong order of the calls of one kind's lives must lose something, if they have that order. */
static void wrong_kind(const struct wrong *w, const struct kind *k, uint64_t seed,
                       struct counts *sum)
{
    struct counts here = {0};
    struct trial t = {.seed = seed, .counts = &here, .quiet = true};
    const struct op *mix = life_ops;
    while (strcmp(mix->name, "mix")) mix++;
    if (k->big || (w->power && !k->durable) || !life_init(&t.life, k, mix, seed)) return;
    int places = trial_learn(&t, root) ? wrong_points(&t, w, WRONG_POINTS) : 0;
    trial_done(&t);
    if (places == 0) return;
    counts.points++;
    sum->points += here.points;
    sum->failed += here.failed;
    if (here.failed) return;
    counts.failed++;
    printf("FAIL %s, %s: nobody noticed\n", w->name, k->name);
}

/* The harness itself is tested. */
static void wrong_order(const struct wrong *w, uint64_t seed)
{
    struct counts sum = {0};
    for (const struct kind *k = life_kinds; k->name; k++) wrong_kind(w, k, seed, &sum);
    printf("note: on purpose, %s: %ld of %ld points lost\n", w->name, sum.failed, sum.points);
    if (sum.failed) return;
    counts.failed++;
    printf("FAIL %s: nobody noticed\n", w->name);
}

static void report(double seconds)
{
    printf("note: %ld crash points (%ld kills, %ld losses of power, %ld of both second ones, %ld "
           "killed children, %ld full disks, %ld cut files), %ld different disks, %ld second "
           "lives, %ld readings by "
           "python-blosc2, %.0f s\n",
           counts.points, counts.kills, counts.power, counts.twice, counts.real, counts.full,
           counts.cut, counts.images, counts.second_lives, counts.peers, seconds);
    if (!peer_is_there()) printf("skipped: python-blosc2 does not read along\n");
    long failed = counts.failed, good = counts.points > failed ? counts.points - failed : 0;
    printf("%ld passed, %ld failed\n", good, failed);
}

/* What is lost is decided by the log of calls, so the files may lie in memory. */
static const char *base_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    if (tmp) return tmp;
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 3 ? argv[3] : "";
    long points = argc > 1 ? atol(argv[1]) : 3000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 2026;
    double start = now();
    snprintf(root, sizeof root, "%s/tessera-crash-XXXXXX", base_folder());
    if (!mkdtemp(root)) {
        perror(root);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    peer_use(getenv("TESSERA_PEER"));
    all_lives(wanted, points, seed);
    for (const struct wrong *w = wrongs; w->name && !*wanted; w++) wrong_order(w, seed);
    report(now() - start);
    peer_stop();
    folder_clear(root);
    rmdir(root);
    return counts.failed > 0;
}
