/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - tessera VERB; tessera FILE is tessera info FILE.
 *
 * The first word that is no option is the verb, so global options may stand before it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static void print_version(void)
{
    tsr_codec_info c = {.size = sizeof c};
    printf("tessera %s\nformats:", tsr_version());
    for (int i = 0; tsr_format_at(i); i++) printf(" %s", tsr_format_at(i));
    for (int filter = 0; filter < 2; filter++) {
        printf(filter ? "\nfilters:" : "\ncodecs:");
        for (int i = 0; tsr_codec_at(i, &c) == TSR_OK; i++)
            if (c.filter == filter) printf(" %s", c.name);
    }
    printf("\nkernels: %s\n", tsr_kernel_level());
}

static void print_help(FILE *f)
{
    fprintf(f, "tessera - chunked, compressed N-dimensional arrays\n\nExamples:\n"
               "  tessera cube.b2nd\n      what the file holds\n"
               "  tessera convert data.npy data.b2nd\n      compress a NumPy file\n"
               "  tessera get cube.b2nd -s 10:20,:,3 -o cut.npy\n      take a part of it\n"
               "  tessera render cube.b2nd --project max --axis 0 -o view.png\n"
               "      look at it\n\nUsage: tessera VERB [OPTIONS] ...\n\n");
    for (int i = 0; cli_verbs[i]; i++)
        if (!cli_verbs[i]->hidden)
            fprintf(f, "  %-9s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    fprintf(f, "\n'tessera VERB --help' says more.  Exit codes: 0 ok, 1 failure, 2 wrong usage,\n"
               "3 not found, 4 corrupt or different, 5 temporary, 6 unsupported, 7 conflict.\n");
}

static int run_verb(struct cli_args *a)
{
    const char *threads = cli_value(a, "threads");
    tsr_context_options o = {.size = sizeof o};
    int64_t n = 0;
    if (threads && (!cli_parse_int(threads, &n) || n < 1 || n > 1024))
        return cli_usage(a, "--threads %s: expected a number from 1 to 1024", threads);
    o.threads = (int)n;
    int rc = threads ? tsr_context_new(&o, &a->context) : TSR_OK;
    if (rc < 0) return cli_fail(a, rc);
    rc = cli_set_remote(a);
    if (!rc) rc = a->verb->run(a);
    tsr_context_free(a->context);
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (!errno) errno = EIO; /* an earlier write failed */
        if (!rc) rc = cli_errno(a, "standard output");
    }
    return rc;
}

/* Is it a global option, of which the value follows? */
static bool takes_next(const char *word)
{
    for (const struct cli_option *o = cli_globals; o->name; o++)
        if (o->arg && !strncmp(word, "--", 2) && !strcmp(word + 2, o->name)) return true;
    return false;
}

/* Index of the verb or file in argv, 0: there is none. */
static int find_verb(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (takes_next(argv[i])) i++;
        else if (argv[i][0] != '-' || !argv[i][1]) return i;
    }
    return 0;
}

/* Something that could be a file: "tessera x.b2nd" is not a misspelt verb. */
static bool is_place(const char *word)
{
    return strpbrk(word, "./#-:") || access(word, F_OK) == 0;
}

/* For "tessera --version": only the global options. */
static const struct cli_verb no_verb = {.name = "", .usage = "a verb", .min_args = 1};

/* tessera help [VERB] */
static int help(int argc, char **argv)
{
    const struct cli_verb *v = argc > 0 ? cli_verb_named(argv[0]) : NULL;
    if (argc > 0 && !v && argv[0][0] != '-') {
        fprintf(stderr, "tessera: '%s' is no verb; see tessera --help\n", argv[0]);
        return CLI_USAGE;
    }
    if (v) cli_help(v, stdout);
    else print_help(stdout);
    return CLI_OK;
}

static int run(int argc, char **argv, const char **words)
{
    int at = find_verb(argc, argv), n = 0;
    char global = 0;
    const struct cli_verb *v = at ? cli_verb_named(argv[at]) : NULL;
    struct cli_args a = {.verb = v ? v : cli_verb_named("info"),
                         .pos = words,
                         .given = words + argc + 1};
    if (at && !v && !strcmp(argv[at], "help")) return help(argc - at - 1, argv + at + 1);
    if (at && !v && !is_place(argv[at])) {
        fprintf(stderr, "tessera: '%s' is no verb and no file; see tessera --help\n", argv[at]);
        return CLI_USAGE;
    }
    for (int i = 1; i < argc; i++)
        if (i != at || !v) argv[n++] = argv[i];
    if (!at && n == 0) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (!at) a.verb = &no_verb;
    int rc = cli_parse(&a, n, argv, &global);
    if (rc) return rc;
    if (global == 'h' && v) cli_help(v, stdout);
    else if (global == 'h') print_help(stdout);
    else if (global == 'V') print_version();
    return global ? CLI_OK : run_verb(&a);
}

int main(int argc, char **argv)
{
    size_t room = (size_t)argc + 1;
    for (int i = 0; i < argc; i++) room += 2 * strlen(argv[i]); /* "-abc" is three options */
    const char **words = calloc(room, sizeof *words);
    if (!words) return CLI_FAILED;
    int rc = run(argc, argv, words);
    free(words);
    return rc;
}
