/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - messages, exit codes, sizes for people and the progress bar. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

int cli_exit_code(int status)
{
    switch (status) {
    case TSR_OK: return 0;
    case TSR_EARG: return 2;
    case TSR_ENOTFOUND: return 3;
    case TSR_ECORRUPT: return 4;
    case TSR_ETEMP: return 5;
    case TSR_EUNSUPPORTED: return 6;
    case TSR_ECONFLICT: return 7;
    case TSR_ECANCELLED: return 130;
    default: return 1; /* full disk, permission, memory, limit, exists */
    }
}

static void say(const struct cli_args *a, const char *fmt, va_list ap)
{
    fprintf(stderr, *a->verb->name ? "tessera: %s: " : "tessera: ", a->verb->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

int cli_error(const struct cli_args *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(a, fmt, ap);
    va_end(ap);
    return CLI_FAILED;
}

int cli_usage(const struct cli_args *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(a, fmt, ap);
    va_end(ap);
    fprintf(stderr, "Try 'tessera %s%s--help'.\n", a->verb->name, *a->verb->name ? " " : "");
    return CLI_USAGE;
}

int cli_errno(const struct cli_args *a, const char *what)
{
    int err = errno;
    if (cli_interrupted()) return cli_fail(a, TSR_ECANCELLED);
    cli_error(a, "%s: %s", what, err ? strerror(err) : "failed");
    return err == ENOENT || err == ENOTDIR ? CLI_MISSING : CLI_FAILED;
}

const char *cli_spool_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

/* Copies what is said, the name of a file that stands for standard input or output being
 * replaced by theirs. */
const char *cli_said(const char *said, char text[CLI_SAID])
{
    char prefix[CLI_SAID];
    snprintf(prefix, sizeof prefix, "%s/tessera-stdin-", cli_spool_folder());
    const char *at = strstr(said, prefix), *name = "standard input";
    size_t len = at ? strlen(prefix) + 6 : 0;
    if (!at && (at = strstr(said, CLI_PIPE_PREFIX))) {
        name = "standard output";
        len = strlen(CLI_PIPE_PREFIX "XXXXXX/out");
    }
    if (!at || strlen(at) < len) return said;
    snprintf(text, CLI_SAID, "%.*s%s%s", (int)(at - said), said, name, at + len);
    return text;
}

int cli_fail(const struct cli_args *a, int status)
{
    char text[CLI_SAID];
    if (status == TSR_ECANCELLED) cli_error(a, "interrupted");
    else cli_error(a, "%s", *tsr_error() ? cli_said(tsr_error(), text) : "out of memory");
    return cli_exit_code(status);
}

const char *cli_size_text(double bytes, char text[CLI_SIZE_TEXT])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t u = 0;
    while (bytes >= 999.5 && u + 1 < sizeof units / sizeof *units) bytes /= 1000, u++;
    snprintf(text, CLI_SIZE_TEXT, u && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes, units[u]);
    return text;
}

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- progress ---- */

void cli_progress_start(struct cli_progress *p)
{
    cli_catch_signals();
    *p = (struct cli_progress){.start = cli_now(), .first = -1, .on = isatty(STDERR_FILENO)};
}

int cli_progress_show(void *user, int64_t done, int64_t total)
{
    static const char full[] = "##############################",
                      none[] = "..............................";
    struct cli_progress *p = user;
    char rate[CLI_SIZE_TEXT];
    double now = cli_now(), spent = now - p->start;
    if (p->first < 0) p->first = done < total / 100 ? 0 : done; /* it goes on where it was */
    if (p->on && total > 0 && spent > 0.3 && now - p->shown > 0.1) {
        double part = (double)done / (double)total;
        int width = (int)sizeof full - 1, bar = (int)(part * width);
        double did = (double)(done - p->first);
        double left = did > 0 ? spent / did * (double)(total - done) : 0;
        fprintf(stderr, "\r[%.*s%.*s] %3.0f %%  %s/s  %d:%02d left \033[K", bar, full, width - bar,
                none, part * 100, cli_size_text(did / spent, rate), (int)left / 60, (int)left % 60);
        p->shown = now;
        p->drawn = true;
    }
    return cli_interrupted();
}

void cli_progress_clear(struct cli_progress *p)
{
    if (p->drawn) fprintf(stderr, "\r\033[K");
    p->drawn = false;
}

void cli_progress_end(struct cli_progress *p)
{
    cli_progress_clear(p);
    cli_release_signals();
}
