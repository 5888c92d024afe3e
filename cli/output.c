/* SPDX-License-Identifier: BSD-3-Clause */
/* output.c - files that are complete or not there: written beside their name, then renamed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

bool cli_may_write(const struct cli_args *a, const char *path)
{
    if (!strcmp(path, "-") || cli_has(a, "force") || access(path, F_OK) != 0) return true;
    cli_error(a, "%s: is there already; -f replaces it", path);
    return false;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    while (n > 1 && path[n - 1] == '/') n--; /* a folder */
    return n > m && !strncasecmp(path + n - m, suffix, m);
}

int cli_check_suffix(const struct cli_args *a, const char *path)
{
    char known[256] = "";
    const char *s, *inside = strchr(path, '#');
    if (!strcmp(path, "-") || cli_value(a, "format")) return CLI_OK;
    if (inside && inside[1]) return CLI_OK; /* the hierarchy tells it */
    for (int i = 0; (s = tsr_suffix_at(i)); i++) {
        size_t n = strlen(known);
        if (has_suffix(path, s)) return CLI_OK;
        snprintf(known + n, sizeof known - n, "%s%s", i ? " " : "", s);
    }
    return cli_usage(a, "%s: the name tells no format, expected one of %s", path, known);
}

int cli_check_differ(const struct cli_args *a, const char *in, const char *out)
{
    struct stat x, y;
    if (!strcmp(in, "-") || !strcmp(out, "-")) return CLI_OK;
    if (stat(in, &x) != 0 || stat(out, &y) != 0 || x.st_dev != y.st_dev || x.st_ino != y.st_ino)
        return CLI_OK;
    if (!S_ISREG(x.st_mode) && !S_ISDIR(x.st_mode)) return CLI_OK;
    return cli_usage(a, "%s: is also what is read; the result needs another name", out);
}

char *cli_hidden_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    size_t len = strlen(path) + 32;
    char *name = malloc(len);
    if (name) snprintf(name, len, "%.*s.%ld.%s", folder, path, (long)getpid(), path + folder);
    return name;
}

int cli_publish(const struct cli_args *a, const char *hidden, const char *path, bool good)
{
    if (good && rename(hidden, path) == 0) return CLI_OK;
    int rc = good ? cli_errno(a, path) : CLI_OK;
    unlink(hidden);
    return rc;
}

int cli_output_open(const struct cli_args *a, const char *path, struct cli_output *out)
{
    *out = (struct cli_output){.path = path};
    if (!strcmp(path, "-")) {
        out->f = stdout;
        return CLI_OK;
    }
    if (!cli_may_write(a, path)) return CLI_FAILED;
    out->hidden = cli_hidden_name(path);
    if (!out->hidden) return cli_error(a, "out of memory");
    out->f = fopen(out->hidden, "wb");
    if (out->f) return CLI_OK;
    int rc = cli_errno(a, path);
    free(out->hidden);
    return rc;
}

int cli_output_close(const struct cli_args *a, struct cli_output *out, bool keep)
{
    int rc = CLI_OK;
    if (!out->hidden) {
        if (keep && (ferror(out->f) || fflush(out->f) != 0)) {
            if (out->err) errno = out->err;
            rc = cli_errno(a, "standard output");
        }
        return rc;
    }
    bool good = !ferror(out->f);
    int err = out->err ? out->err : EIO;
    if (fclose(out->f) != 0 && good) {
        good = false;
        err = errno;
    }
    errno = err;
    if (keep && !good) rc = cli_errno(a, out->path);
    int published = cli_publish(a, out->hidden, out->path, keep && good);
    if (!rc) rc = published;
    free(out->hidden);
    return rc;
}

int cli_pipe_begin(const struct cli_args *a, char path[CLI_PIPE_PATH])
{
    char folder[] = CLI_PIPE_PREFIX "XXXXXX";
    if (!mkdtemp(folder)) return cli_errno(a, folder);
    snprintf(path, CLI_PIPE_PATH, "%s/out", folder);
    return CLI_OK;
}

/* What becomes of standard output is looked at by main. */
static int send_file(const struct cli_args *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    char piece[1 << 16];
    size_t n;
    if (!f) return cli_errno(a, path);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        if (fwrite(piece, 1, n, stdout) != n) break;
    int rc = ferror(f) ? cli_errno(a, path) : CLI_OK;
    fclose(f);
    return rc;
}

int cli_pipe_end(const struct cli_args *a, const char *path, bool send)
{
    char folder[CLI_PIPE_PATH];
    int rc = send ? send_file(a, path) : CLI_OK;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    unlink(path);
    rmdir(folder);
    return rc;
}
