/* SPDX-License-Identifier: BSD-3-Clause */
/* args.c - command lines by table: each verb lists its options, the global ones join them.
 *
 *   --name VALUE  --name=VALUE  --na VALUE (when only one option begins so)  -n VALUE  -nVALUE
 *
 * "-5" and "-.5" are arguments, not options, so that numbers need no "--" before them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const struct cli_option cli_globals[] = {
    {"threads", 0, "N", "threads that work on one call (default: all cores)"},
    {"endpoint", 0, "URL", "of s3://: the server (default: AWS_ENDPOINT_URL, or Amazon's)"},
    {"region", 0, "NAME", "of s3:// (default: AWS_REGION)"},
    {"anonymous", 0, NULL, "of s3://: do not sign requests"},
    {"timeout", 0, "SECONDS", "of a server: how long it may be silent (default: 20)"},
    {"tries", 0, "N", "of a server: how often to ask it at most (default: 6)"},
    {"connections", 0, "N", "to a server: requests at once (default: 16)"},
    {"help", 'h', NULL, "explain the verb"},
    {"version", 0, NULL, "version, formats and codecs"},
    CLI_END,
};

struct line {
    struct cli_args *a;
    int argc, at;
    char **argv;
    char *global;
};

static int option_count(const struct cli_option *list)
{
    int n = 0;
    while (list && list[n].name) n++;
    return n;
}

/* The verb's options, then the global ones. */
static const struct cli_option *option_at(const struct cli_verb *v, int i)
{
    int own = option_count(v->options);
    if (i < own) return v->options + i;
    return i - own < option_count(cli_globals) ? cli_globals + (i - own) : NULL;
}

const char *cli_value(const struct cli_args *a, const char *name)
{
    const struct cli_option *o;
    for (int i = 0; (o = option_at(a->verb, i)); i++)
        if (!strcmp(o->name, name)) return a->value[i];
    return NULL;
}

bool cli_has(const struct cli_args *a, const char *name)
{
    return cli_value(a, name) != NULL;
}

const char *cli_each(const struct cli_args *a, const char *name, int *n)
{
    while (*n < a->ngiven) {
        const char **pair = a->given + 2 * (*n)++;
        if (!strcmp(pair[0], name)) return pair[1];
    }
    return NULL;
}

/* -1: none begins so, -2: several do. */
static int find_long(const struct cli_verb *v, const char *name, size_t len)
{
    const struct cli_option *o;
    int found = -1;
    for (int i = 0; (o = option_at(v, i)); i++) {
        if (strncmp(o->name, name, len) != 0) continue;
        if (strlen(o->name) == len) return i;
        found = found == -1 ? i : -2;
    }
    return found;
}

static int find_letter(const struct cli_verb *v, char letter)
{
    const struct cli_option *o;
    for (int i = 0; (o = option_at(v, i)); i++)
        if (o->letter == letter) return i;
    return -1;
}

/* Stores option i; attached: the value that hangs on it, or NULL. */
static int store(struct line *l, int i, const char *attached)
{
    const struct cli_option *o = option_at(l->a->verb, i);
    const char *value = "";
    if (!o->arg && attached) return cli_usage(l->a, "--%s takes no value", o->name);
    if (o->arg) {
        value = attached ? attached : l->at < l->argc ? l->argv[l->at++] : NULL;
        if (!value) return cli_usage(l->a, "--%s wants a value: %s", o->name, o->arg);
    }
    l->a->value[i] = value;
    l->a->given[2 * l->a->ngiven] = o->name;
    l->a->given[2 * l->a->ngiven++ + 1] = value;
    if (!strcmp(o->name, "help")) *l->global = 'h';
    if (!strcmp(o->name, "version") && !*l->global) *l->global = 'V';
    return CLI_OK;
}

static int parse_long(struct line *l, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    int i = find_long(l->a->verb, word, len);
    if (i == -1) return cli_usage(l->a, "unknown option --%.*s", (int)len, word);
    if (i == -2) return cli_usage(l->a, "--%.*s could be several options", (int)len, word);
    return store(l, i, equals ? equals + 1 : NULL);
}

static int parse_letters(struct line *l, const char *word)
{
    for (; *word; word++) {
        int i = find_letter(l->a->verb, *word);
        if (i < 0) return cli_usage(l->a, "unknown option -%c", *word);
        bool takes = option_at(l->a->verb, i)->arg != NULL;
        int rc = store(l, i, takes && word[1] ? word + 1 : NULL);
        if (rc || takes) return rc;
    }
    return CLI_OK;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]) && word[1] != '.';
}

int cli_parse(struct cli_args *a, int argc, char **argv, char *global)
{
    struct line l = {a, argc, 0, argv, global};
    bool options = true;
    while (l.at < argc) {
        const char *word = argv[l.at++];
        int rc = CLI_OK;
        if (options && !strcmp(word, "--")) options = false;
        else if (!options || !is_option(word)) a->pos[a->npos++] = word;
        else rc = word[1] == '-' ? parse_long(&l, word + 2) : parse_letters(&l, word + 1);
        if (rc) return rc;
    }
    if (*global) return CLI_OK;
    if (a->npos < a->verb->min_args) return cli_usage(a, "expected %s", a->verb->usage);
    if (a->npos > a->verb->max_args)
        return cli_usage(a, "'%s' is one argument too many", a->pos[a->verb->max_args]);
    return CLI_OK;
}

static void help_options(const struct cli_verb *v, FILE *f)
{
    const struct cli_option *o;
    for (int i = 0; (o = option_at(v, i)); i++) {
        char left[64];
        int n = snprintf(left, sizeof left, o->letter ? "-%c, " : "    ", o->letter);
        snprintf(left + n, sizeof left - (size_t)n, "--%s%s%s", o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
        fprintf(f, "  %-24s %s\n", left, o->help);
    }
}

void cli_help(const struct cli_verb *v, FILE *f)
{
    fprintf(f, "tessera %s - %s\n\nExamples:\n", v->name, v->summary);
    for (const char *const *e = v->examples; *e; e += 2) fprintf(f, "  %s\n      %s\n", e[0], e[1]);
    fprintf(f, "\nUsage: tessera %s [OPTIONS] %s\n\n", v->name, v->usage);
    help_options(v, f);
}
