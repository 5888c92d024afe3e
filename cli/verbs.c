/* SPDX-License-Identifier: BSD-3-Clause */
/* verbs.c - the table of verbs: a new one is one file and one line here. */
#include <string.h>

#include "cli.h"

#define CLI_VERBS(X) \
    X(info)          \
    X(ls)            \
    X(tree)          \
    X(get)           \
    X(create)        \
    X(set)           \
    X(append)        \
    X(resize)        \
    X(convert)       \
    X(advise)        \
    X(verify) X(hash) X(diff) X(repack) X(repair) X(render) X(bench) X(codecs) X(completions)

#define DECLARE(name) extern const struct cli_verb cli_verb_##name;
CLI_VERBS(DECLARE)
#define LIST(name) &cli_verb_##name,
const struct cli_verb *const cli_verbs[] = {CLI_VERBS(LIST) NULL};

const struct cli_verb *cli_verb_named(const char *name)
{
    for (int i = 0; cli_verbs[i]; i++)
        if (!strcmp(cli_verbs[i]->name, name)) return cli_verbs[i];
    return NULL;
}
