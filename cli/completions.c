/* SPDX-License-Identifier: BSD-3-Clause */
/* completions.c - tessera completions SHELL: a script for bash, zsh or fish, from the table. */
#include <string.h>

#include "cli.h"

/* Calls fn with every option of a verb, the global ones last. */
static void each_option(const struct cli_verb *v,
                        void (*fn)(const struct cli_verb *v, const struct cli_option *o))
{
    for (const struct cli_option *o = v->options; o && o->name; o++) fn(v, o);
    for (const struct cli_option *o = cli_globals; o->name; o++) fn(v, o);
}

static void each_verb(void (*fn)(const struct cli_verb *v))
{
    for (int i = 0; cli_verbs[i]; i++)
        if (!cli_verbs[i]->hidden) fn(cli_verbs[i]);
}

/* Text inside single quotes of a shell; zsh also reads brackets and colons. */
static void put_quoted(const char *text, const char *escaped)
{
    for (; *text; text++) {
        if (*text == '\'') fputs("'\\''", stdout);
        else printf("%s%c", strchr(escaped, *text) ? "\\" : "", *text);
    }
}

static void bash_option(const struct cli_verb *v, const struct cli_option *o)
{
    (void)v;
    printf(" --%s", o->name);
    if (o->letter) printf(" -%c", o->letter);
}

static void bash_verb(const struct cli_verb *v)
{
    printf("    %s) words='", v->name);
    each_option(v, bash_option);
    printf("' ;;\n");
}

static void verb_word(const struct cli_verb *v)
{
    printf(" %s", v->name);
}

static void bash(void)
{
    printf("# bash completion for tessera\n_tessera()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words='--help --version");
    each_verb(verb_word);
    printf("'\n        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\"; "
           "compgen -f -- \"$cur\")\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    each_verb(bash_verb);
    printf("    esac\n    if [[ $cur == -* ]]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n    else\n"
           "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n    fi\n}\n"
           "complete -o filenames -F _tessera tessera\n");
}

static void zsh_option(const struct cli_verb *v, const struct cli_option *o)
{
    (void)v;
    printf(" \\\n            '");
    if (o->letter) printf("(-%c --%s)'{-%c,--%s}'", o->letter, o->name, o->letter, o->name);
    else printf("--%s", o->name);
    printf("[");
    put_quoted(o->help, "[]:");
    printf("]");
    if (o->arg) printf(":%s:_files", o->arg);
    printf("'");
}

static void zsh_verb(const struct cli_verb *v)
{
    printf("        %s) _arguments -s", v->name);
    each_option(v, zsh_option);
    printf(" \\\n            '*:file:_files' ;;\n");
}

static void zsh_word(const struct cli_verb *v)
{
    printf("        '%s:", v->name);
    put_quoted(v->summary, ":");
    printf("'\n");
}

static void zsh(void)
{
    printf("#compdef tessera\n_tessera()\n{\n    local -a verbs\n    verbs=(\n");
    each_verb(zsh_word);
    printf("    )\n    if (( CURRENT == 2 )); then\n        _describe verb verbs\n"
           "        _files\n        return\n    fi\n    local verb=$words[2]\n"
           "    shift words\n    (( CURRENT-- ))\n    case $verb in\n");
    each_verb(zsh_verb);
    printf("    esac\n}\n_tessera \"$@\"\n");
}

static void fish_option(const struct cli_verb *v, const struct cli_option *o)
{
    printf("complete -c tessera -n '__fish_seen_subcommand_from %s' -l %s", v->name, o->name);
    if (o->letter) printf(" -s %c", o->letter);
    printf("%s -d '", o->arg ? " -r" : "");
    put_quoted(o->help, "\\");
    printf("'\n");
}

static void fish_verb(const struct cli_verb *v)
{
    printf("complete -c tessera -n __fish_use_subcommand -a %s -d '", v->name);
    put_quoted(v->summary, "\\");
    printf("'\n");
    each_option(v, fish_option);
}

static int run(struct cli_args *a)
{
    const char *shell = a->pos[0];
    if (!strcmp(shell, "bash")) bash();
    else if (!strcmp(shell, "zsh")) zsh();
    else if (!strcmp(shell, "fish")) each_verb(fish_verb);
    else return cli_usage(a, "'%s': expected bash, zsh or fish", shell);
    return CLI_OK;
}

const struct cli_verb cli_verb_completions = {
    .name = "completions",
    .usage = "SHELL",
    .summary = "print a completion script",
    .examples = (const char *const[]){"tessera completions bash", "for bash, zsh or fish", NULL},
    .options = (const struct cli_option[]){CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
    .hidden = true,
};
