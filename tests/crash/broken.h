/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/broken.h - writers that get the order wrong, to see that it is noticed. */
#ifndef TSR_TESTS_CRASH_BROKEN_H
#define TSR_TESTS_CRASH_BROKEN_H

#include "trial.h"

struct wrong {
    const char *name;
    bool power; /* only a loss of power shows it */
    /* Changes the order in log; how many places. */
    int (*spoil)(struct changes *log);
};
extern const struct wrong wrongs[]; /* ends with a NULL name */

/* Points of the life of t as if its writer had been wrong; counts go to t->counts.  The number of
 * places that could be spoiled: 0 when this life does nothing of the kind. */
int wrong_points(struct trial *t, const struct wrong *w, long n);

#endif
