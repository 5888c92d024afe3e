/* SPDX-License-Identifier: BSD-3-Clause */
/* source.c - anything that holds items, behind one way to read it.
 *
 * An array is itself.  A super-chunk is one axis of items; a bare chunk too, of bytes when its
 * size is not a whole number of items.  Both are |u1 when items have one byte, else |V<n>. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { PIECE = 1 << 16, CHUNK_MAX = INT32_MAX };

int cli_input_options(const struct cli_args *a, const char *mode, tsr_options *o, tsr_spec *raw,
                      int64_t shape[TSR_MAX_NDIM])
{
    const char *offset = cli_value(a, "offset"), *dtype = cli_value(a, "dtype"),
               *text = cli_value(a, "shape");
    int64_t off = 0;
    *o = (tsr_options){.size = sizeof *o,
                       .mode = mode,
                       .format = cli_value(a, "format"),
                       .context = a->context};
    if (offset && (!cli_parse_int(offset, &off) || off < 0))
        return cli_usage(a, "--offset %s: expected a number of bytes", offset);
    o->offset = (uint64_t)off;
    if (!dtype && !text) return CLI_OK;
    if (!dtype || !text) return cli_usage(a, "--dtype and --shape belong together");
    *raw = (tsr_spec){.size = sizeof *raw, .dtype = dtype, .shape = shape};
    raw->ndim = cli_parse_shape(text, shape);
    if (raw->ndim < 0) return cli_usage(a, "--shape %s: expected numbers such as 100,200", text);
    o->raw = raw;
    if (!o->format) o->format = "raw";
    return CLI_OK;
}

static bool copy_stream(FILE *from, FILE *to)
{
    char piece[PIECE];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, from)) > 0)
        if (fwrite(piece, 1, n, to) != n) return false;
    return !ferror(from);
}

char *cli_spool(void)
{
    size_t len = strlen(cli_spool_folder()) + 32;
    char *path = malloc(len);
    if (!path) return NULL;
    snprintf(path, len, "%s/tessera-stdin-XXXXXX", cli_spool_folder());
    cli_catch_signals();
    int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
    bool good = f && copy_stream(stdin, f);
    int err = errno;
    if (f && fclose(f) != 0 && good) {
        good = false;
        err = errno;
    }
    cli_release_signals();
    if (good) return path;
    if (fd >= 0) unlink(path);
    free(path);
    errno = err;
    return NULL;
}

const char *cli_unpipe(const struct cli_args *a, const char *url, char **spooled, int *rc)
{
    *spooled = NULL;
    *rc = CLI_OK;
    if (strcmp(url, "-") != 0) return url;
    *spooled = cli_spool();
    if (!*spooled) *rc = cli_errno(a, "standard input");
    return *spooled;
}

void cli_unspool(char *spooled)
{
    if (spooled) unlink(spooled);
    free(spooled);
}

void *cli_read_file(const char *path, uint64_t offset, size_t most, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *p = NULL;
    if (!f) return NULL;
    errno = 0;
    if (fseeko(f, 0, SEEK_END) == 0) {
        off_t size = ftello(f);
        size_t left = size < 0 || (uint64_t)size < offset ? 0 : (size_t)((uint64_t)size - offset);
        *len = left;
        if (left <= most && (p = malloc(left + 1)) && fseeko(f, (off_t)offset, SEEK_SET) == 0)
            *len = fread(p, 1, left, f);
    }
    fclose(f);
    return p;
}

static int open_chunk(const struct cli_args *a, const char *path, struct cli_source *s)
{
    tsr_chunk_facts facts = {.size = sizeof facts};
    s->bytes = cli_read_file(path, s->options->offset, CHUNK_MAX, &s->len);
    if (!s->bytes && !errno) return cli_error(a, "%s: too large for a chunk", path);
    if (!s->bytes) return cli_errno(a, path);
    int rc = tsr_chunk_info(s->bytes, s->len, &facts);
    if (rc < 0) return cli_fail(a, rc);
    s->item_bytes = facts.typesize > 0 && facts.nbytes % facts.typesize == 0 ? facts.typesize : 1;
    s->shape[0] = facts.nbytes / s->item_bytes;
    return CLI_OK;
}

static int open_array(const struct cli_args *a, const char *path, struct cli_source *s)
{
    int rc = tsr_array_open(path, s->options, &s->array);
    if (rc < 0) return cli_fail(a, rc);
    const tsr_spec *spec = tsr_array_spec(s->array);
    s->dtype = spec->dtype;
    s->item_bytes = spec->item_bytes;
    s->ndim = spec->ndim;
    s->format = tsr_array_format(s->array);
    for (int d = 0; d < s->ndim; d++) s->shape[d] = spec->shape[d];
    return CLI_OK;
}

static int open_schunk(const struct cli_args *a, const char *path, struct cli_source *s)
{
    int rc = tsr_schunk_open(path, s->options, &s->schunk);
    if (rc < 0) return cli_fail(a, rc);
    s->item_bytes = tsr_schunk_spec_of(s->schunk)->item_bytes;
    s->shape[0] = tsr_schunk_nitems(s->schunk);
    s->format = tsr_schunk_format(s->schunk);
    return CLI_OK;
}

static int open_kind(const struct cli_args *a, const char *path, struct cli_source *s)
{
    tsr_place_info info = {.size = sizeof info};
    int rc = tsr_probe(path, s->options, &info);
    if (rc < 0) return cli_fail(a, rc);
    s->kind = info.kind;
    s->format = info.format;
    s->ndim = 1;
    switch (s->kind) {
    case TSR_KIND_ARRAY: rc = open_array(a, path, s); break;
    case TSR_KIND_SCHUNK: rc = open_schunk(a, path, s); break;
    case TSR_KIND_CHUNK: rc = open_chunk(a, path, s); break;
    default: return CLI_OK;
    }
    if (rc || s->kind == TSR_KIND_ARRAY) return rc;
    snprintf(s->dtype_text, sizeof s->dtype_text, s->item_bytes == 1 ? "|u1" : "|V%lld",
             (long long)s->item_bytes);
    s->dtype = s->dtype_text;
    return CLI_OK;
}

int cli_source_find(const struct cli_args *a, const char *url, const tsr_options *o,
                    struct cli_source *out)
{
    *out = (struct cli_source){.options = o};
    int rc;
    url = cli_unpipe(a, url, &out->spooled, &rc);
    if (!url) return rc;
    rc = open_kind(a, url, out);
    if (rc) cli_source_close(out);
    return rc;
}

int cli_source_open(const struct cli_args *a, const char *url, const tsr_options *o,
                    struct cli_source *out)
{
    int rc = cli_source_find(a, url, o, out);
    if (rc || out->kind != TSR_KIND_GROUP) return rc;
    const char *what = strcmp(out->format, "dir") ? "group" : "folder";
    cli_source_close(out);
    return cli_usage(a, "%s: a %s, expected an array; see tessera ls", url, what);
}

void cli_source_close(struct cli_source *s)
{
    tsr_array_close(s->array);
    tsr_schunk_close(s->schunk);
    free(s->bytes);
    cli_unspool(s->spooled);
    *s = (struct cli_source){0};
}

int cli_source_stats(const struct cli_source *s, tsr_stats *out)
{
    *out = (tsr_stats){.size = sizeof *out};
    if (s->array) return tsr_array_stats(s->array, out);
    if (s->schunk) return tsr_schunk_stats(s->schunk, out);
    out->nbytes = s->shape[0] * s->item_bytes;
    out->cbytes = (int64_t)s->len;
    out->nchunks = 1;
    return TSR_OK;
}

/* Neighbouring items of a super-chunk or chunk. */
static int read_run(const struct cli_source *s, int64_t start, int64_t n, void *dst)
{
    if (s->schunk) return tsr_schunk_get(s->schunk, start, n, dst);
    return tsr_decompress_range(s->bytes, s->len, start * s->item_bytes, n * s->item_bytes,
                                s->options, dst);
}

/* With a step: the run that covers the items of a piece, and then every step-th. */
static int read_steps(const struct cli_source *s, const struct cli_selection *sel, uint8_t *dst)
{
    int64_t size = s->item_bytes, step = sel->step[0], width = step < 0 ? -step : step;
    int64_t at_once = PIECE / size / width > 0 ? PIECE / size / width : 1;
    uint8_t *run = malloc((size_t)((at_once - 1) * width + 1) * (size_t)size);
    int rc = TSR_OK;
    if (!run) return TSR_ENOMEM;
    for (int64_t i = 0, n; rc == TSR_OK && i < sel->count[0]; i += n) {
        n = sel->count[0] - i < at_once ? sel->count[0] - i : at_once;
        int64_t first = sel->start[0] + i * step, last = first + (n - 1) * step;
        int64_t low = step < 0 ? last : first;
        rc = read_run(s, low, (n - 1) * width + 1, run);
        for (int64_t k = 0; k < n; k++, dst += size)
            memcpy(dst, run + (first + k * step - low) * size, (size_t)size);
    }
    free(run);
    return rc;
}

int cli_source_read(const struct cli_source *s, const struct cli_selection *sel, void *dst,
                    size_t dst_bytes)
{
    tsr_slice slice = {sel->start, sel->count, sel->step};
    if (s->array) return tsr_array_read(s->array, &slice, dst, dst_bytes);
    if (sel->count[0] == 0) return TSR_OK;
    return sel->step[0] == 1 ? read_run(s, sel->start[0], sel->count[0], dst)
                             : read_steps(s, sel, dst);
}
