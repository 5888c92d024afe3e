/* SPDX-License-Identifier: BSD-3-Clause */
/* set.c - tessera set: writes a value or a file's items into a part of an array. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

struct job {
    const struct cli_args *a;
    const struct cli_source *to;
    const struct cli_selection *sel;
    const void *item;              /* a value for all, or */
    const struct cli_source *from; /* an array of the slice's shape, or */
    FILE *raw;                     /* bytes in C order */
    uint8_t *buf;
    size_t cap;
    bool ended; /* raw did, before the slice was full */
    bool over;  /* it has more */
    struct cli_progress bar;
    int64_t done;
};

static bool is_file(const char *text)
{
    static const char *const suffixes[] = {".npy", ".raw", ".bin", ".b2nd"};
    size_t n = strlen(text);
    for (int i = 0; i < 4; i++) {
        size_t m = strlen(suffixes[i]);
        if (n > m && !strcasecmp(text + n - m, suffixes[i])) return true;
    }
    return !strcmp(text, "-");
}

/* The part of `from` that belongs to a slab: relative to the selection, dropped axes left out. */
static int read_part(struct job *j, const struct cli_selection *slab, size_t len)
{
    struct cli_selection s = {.ndim = j->from->ndim, .items = slab->items};
    int n = 0;
    for (int d = 0; d < slab->ndim; d++) {
        if (slab->drop[d]) continue;
        s.start[n] = (slab->start[d] - j->sel->start[d]) / j->sel->step[d];
        s.count[n] = slab->count[d];
        s.step[n++] = 1;
    }
    return cli_source_read(j->from, &s, j->buf, len);
}

static int fill_slab(struct job *j, const struct cli_selection *slab, size_t len)
{
    if (len > j->cap) {
        free(j->buf);
        j->buf = malloc(len);
        j->cap = j->buf ? len : 0;
        if (!j->buf) return TSR_ENOMEM;
    }
    if (j->from) return read_part(j, slab, len);
    if (j->raw) {
        bool full = fread(j->buf, 1, len, j->raw) == len;
        bool last = j->done + (int64_t)len == j->sel->items * j->to->item_bytes;
        j->ended = !full && !ferror(j->raw);
        j->over = full && last && getc(j->raw) != EOF;
        return j->ended || j->over || ferror(j->raw) ? TSR_EIO : TSR_OK;
    }
    size_t size = (size_t)j->to->item_bytes;
    for (size_t off = 0; off < len; off += size) memcpy(j->buf + off, j->item, size);
    return TSR_OK;
}

static int write_slab(void *user, const struct cli_selection *slab, const void *none, size_t len)
{
    struct job *j = user;
    (void)none;
    int rc = fill_slab(j, slab, len);
    if (rc < 0) return rc;
    if (j->to->array)
        rc = tsr_array_write(j->to->array, &(tsr_slice){slab->start, slab->count, slab->step},
                             j->buf, len);
    else rc = tsr_schunk_set(j->to->schunk, slab->start[0], slab->count[0], j->buf);
    j->done += (int64_t)len;
    bool stop = cli_progress_show(&j->bar, j->done, j->sel->items * j->to->item_bytes);
    return rc < 0 ? rc : stop ? TSR_ECANCELLED : TSR_OK;
}

static int run_slabs(struct job *j)
{
    cli_progress_start(&j->bar);
    int rc = cli_slab_shapes(j->to, j->sel, write_slab, j);
    cli_progress_end(&j->bar);
    free(j->buf);
    if (j->ended) return cli_usage(j->a, "%s: ends before the slice is full", j->a->pos[1]);
    if (j->over)
        return cli_usage(j->a, "%s: found more than the %lld bytes of the slice", j->a->pos[1],
                         (long long)(j->sel->items * j->to->item_bytes));
    if (rc < 0 && j->raw && ferror(j->raw)) return cli_errno(j->a, j->a->pos[1]);
    return rc < 0 ? cli_fail(j->a, rc) : CLI_OK;
}

static int set_array(struct job *j, const char *path)
{
    tsr_options o = {.size = sizeof o, .context = j->a->context};
    struct cli_source from;
    int64_t want[TSR_MAX_NDIM];
    int ndim = cli_selection_shape(j->sel, want);
    int rc = cli_source_open(j->a, path, &o, &from);
    if (rc) return rc;
    if (from.ndim != ndim || (ndim && memcmp(from.shape, want, (size_t)ndim * sizeof *want)))
        rc = cli_usage(j->a, "%s: its shape is not that of the slice", path);
    else if (strcmp(from.dtype, j->to->dtype) != 0)
        rc = cli_usage(j->a, "%s: found dtype %s, expected %s", path, from.dtype, j->to->dtype);
    j->from = &from;
    if (!rc) rc = run_slabs(j);
    cli_source_close(&from);
    return rc;
}

/* Its size must be the slice's; of standard input that is known at its end. */
static int set_raw(struct job *j, const char *path)
{
    bool piped = !strcmp(path, "-");
    int64_t want = j->sel->items * j->to->item_bytes;
    j->raw = piped ? stdin : fopen(path, "rb");
    if (!j->raw) return cli_errno(j->a, path);
    int rc = CLI_OK;
    if (!piped && fseeko(j->raw, 0, SEEK_END) == 0 && ftello(j->raw) != want)
        rc = cli_usage(j->a, "%s: found %lld bytes, expected %lld", path, (long long)ftello(j->raw),
                       (long long)want);
    if (!piped) rewind(j->raw);
    if (!rc) rc = run_slabs(j);
    if (!piped) fclose(j->raw);
    return rc;
}

/* Does a path or URL that is no value lead to items? */
static bool is_array(const struct job *j, const char *path)
{
    tsr_options o = {.size = sizeof o, .context = j->a->context};
    tsr_place_info info = {.size = sizeof info};
    return tsr_probe(path, &o, &info) == TSR_OK && info.kind != TSR_KIND_GROUP;
}

/* What can be a value is one, whatever lies there; else it may be an array of any format. */
static int set_value(struct job *j, const char *text)
{
    void *item = malloc((size_t)j->to->item_bytes);
    int rc = item ? tsr_item_from_text(j->to->dtype, text, item) : TSR_ENOMEM;
    bool array = rc == TSR_EARG && is_array(j, text);
    if (rc == TSR_EARG && !array) rc = tsr_item_from_text(j->to->dtype, text, item);
    j->item = item;
    rc = array ? set_array(j, text) : rc < 0 ? cli_fail(j->a, rc) : run_slabs(j);
    free(item);
    return rc;
}

static int set(struct job *j)
{
    const char *what = j->a->pos[1];
    size_t n = strlen(what);
    if (!is_file(what)) return set_value(j, what);
    if (n > 4 && (!strcasecmp(what + n - 4, ".npy") || !strcasecmp(what + n - 4, "b2nd")))
        return set_array(j, what);
    return set_raw(j, what);
}

static int close_target(const struct cli_args *a, struct cli_source *s, int rc)
{
    rc = cli_target_close(a, s->array, s->schunk, rc);
    s->array = NULL;
    s->schunk = NULL;
    cli_source_close(s);
    return rc;
}

static int run(struct cli_args *a)
{
    tsr_options o = cli_target_options(a);
    const char *slice = cli_value(a, "slice");
    struct cli_source s;
    struct cli_selection sel;
    char why[128];
    int rc = cli_source_open(a, a->pos[0], &o, &s);
    if (rc) return rc;
    if (!s.array && !s.schunk) rc = cli_usage(a, "%s: a bare chunk cannot be changed", a->pos[0]);
    else if (!cli_parse_slice(slice, s.ndim, s.shape, &sel, why))
        rc = cli_usage(a, "slice %s: %s", slice, why);
    else if (s.schunk && sel.step[0] != 1)
        rc = cli_usage(a, "a super-chunk is written without steps");
    else rc = set(&(struct job){.a = a, .to = &s, .sel = &sel});
    return close_target(a, &s, rc);
}

const struct cli_verb cli_verb_set = {
    .name = "set",
    .usage = "ARRAY FILE|VALUE",
    .summary = "write into a part of an array",
    .examples = (const char *const[]){"tessera set cube.b2nd -s 0,:,: 1.5", "one value everywhere",
                                      "tessera set cube.b2nd -s 10:20 part.npy",
                                      "a NumPy file of the slice's shape and dtype",
                                      "tessera set cube.b2nd -s 10:20 part.zarr",
                                      "an array of any format, if its path is no value",
                                      "cat part.raw | tessera set cube.b2nd -s 10:20 -",
                                      "bytes in C order from standard input", NULL},
    .options = (const struct cli_option[]){CLI_SLICE, CLI_TARGET, CLI_END},
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
