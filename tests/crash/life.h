/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/life.h - what is done to a file before it is cut short.
 *
 * A life is a kind of file and an operation: the file is created, then each round does the
 * operation and flushes, now and then through a new handle.  A round is a function of its number
 * and of the state before it, so that a life can be taken up again at any state a crash left. */
#ifndef TSR_TESTS_CRASH_LIFE_H
#define TSR_TESTS_CRASH_LIFE_H

#include <tessera/tessera.h>

#include "disk.h"

enum { ROUNDS_MAX = 32, DIGEST = 17 };

/* One line in a table of life.c is all that a new kind takes. */
struct kind {
    const char *name, *file;
    bool array;
    bool sparse;  /* a folder with a file per chunk */
    bool durable; /* flushes survive a loss of power too */
    bool big;     /* so much is rewritten that holes of earlier sessions are used again */
    bool checksum;
    bool variable; /* chunks of any size */
    int sync;      /* flushes by itself in each such round; 0: never */
    int metas;     /* metalayers in the header besides b2nd */
};
/* And so for an operation. */
struct life;
struct op {
    const char *name;
    enum { ON_SCHUNK = 1, ON_ARRAY = 2, ON_BOTH = 3 } on;
    int (*run)(struct life *l);
};
extern const struct kind life_kinds[];
extern const struct op life_ops[]; /* both end with a NULL name */

struct life {
    const struct kind *kind;
    const struct op *op;
    char path[2 * PATH_ROOM], name[96];
    int rounds;
    uint64_t seed;
    tsr_options opts;
    tsr_array *a;
    tsr_schunk *s;
    uint64_t rng;
};

/* False when the operation is not for this kind. */
bool life_init(struct life *l, const struct kind *kind, const struct op *op, uint64_t seed);
void life_begin(struct life *l, const char *root); /* the file lies there */
/* From state `round` to state round + 1, flushed.  State 0: there is no file. */
int life_round(struct life *l, int round);
/* Does the round's flush survive a loss of power? */
bool life_is_durable(const struct life *l, int round);
void life_drop(struct life *l); /* handles go, nothing is flushed */

/* ---- digest.c ---- */

/* What Tessera reads at path, in 16 digits; "absent"; "broken", and tsr_error tells why;
 * "unsound" when it can be read but verify finds something.  damage: done to the file between
 * opening and reading; NULL: nothing, and verify looks too. */
void life_digest(const struct life *l, const char *path, void (*damage)(const char *path),
                 char out[DIGEST]);

#endif
