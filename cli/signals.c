/* SPDX-License-Identifier: BSD-3-Clause */
/* signals.c - Ctrl-C and kill: the first one is noted and asked for now and then, so that work
 * ends in good order; the second one kills.
 *
 * Calls are not restarted: a read that waits for a silent pipe returns with EINTR, fails, and
 * the failure is told apart by cli_interrupted.  Threads of the library block these signals,
 * so it is always the main thread that wakes up. */
#include <signal.h>
#include <stddef.h>

#include "cli.h"

static const int ending[] = {SIGINT, SIGTERM};
static volatile sig_atomic_t noted; /* the only state a handler can share */

static void note(int signal_number)
{
    (void)signal_number;
    noted = 1;
}

bool cli_interrupted(void)
{
    return noted != 0;
}

/* What is ignored, as in a job of nohup, stays so. */
void cli_catch_signals(void)
{
    struct sigaction old, mine = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&mine.sa_mask);
    for (int i = 0; i < 2 && !noted; i++)
        if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(ending[i], &mine, NULL);
}

/* After an interruption they stay caught, for what tidies up. */
void cli_release_signals(void)
{
    struct sigaction old, normal = {.sa_handler = SIG_DFL};
    sigemptyset(&normal.sa_mask);
    for (int i = 0; i < 2 && !noted; i++)
        if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler == note)
            sigaction(ending[i], &normal, NULL);
}
