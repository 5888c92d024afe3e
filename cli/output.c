/* SPDX-License-Identifier: BSD-3-Clause */
/* output.c - files that are complete or not there: written beside their name, then renamed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

bool cli_may_write(const struct cli_args *a, const char *path)
{
    if (!strcmp(path, "-") || cli_has(a, "force") || access(path, F_OK) != 0) return true;
    cli_error(a, "%s: is there already; -f replaces it", path);
    return false;
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
