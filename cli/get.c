/* SPDX-License-Identifier: BSD-3-Clause */
/* get.c - tessera get: a part of an array as .npy, raw bytes, CSV or any writable format.
 *
 * Where it goes decides how: standard output and .raw get the bytes, .csv the items as text,
 * other names become an array of the slice's shape.  All of them slab by slab. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli.h"

struct job {
    const struct cli_args *a;
    const struct cli_source *source;
    const struct cli_selection *sel;
    struct cli_output out;
    tsr_array *array;
    struct cli_progress bar;
    int64_t done, total, column; /* bytes; item in a line of CSV */
    int64_t per_line;
};

static int show(struct job *j, size_t len)
{
    j->done += (int64_t)len;
    return cli_progress_show(&j->bar, j->done, j->total) ? TSR_ECANCELLED : TSR_OK;
}

static int raw_slab(void *user, const struct cli_selection *slab, const void *data, size_t len)
{
    struct job *j = user;
    (void)slab;
    if (fwrite(data, 1, len, j->out.f) == len) return show(j, len);
    j->out.err = errno;
    return TSR_EIO;
}

/* Text with a comma or a quote stands in quotes. */
static void put_cell(FILE *f, const char *text)
{
    if (!strpbrk(text, ",\"\n")) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"') fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

static int csv_slab(void *user, const struct cli_selection *slab, const void *data, size_t len)
{
    struct job *j = user;
    const struct cli_source *s = j->source;
    const uint8_t *p = data;
    for (int64_t i = 0; i < slab->items; i++, p += s->item_bytes) {
        char text[4096];
        int rc = tsr_item_to_text(s->dtype, p, text, sizeof text);
        if (rc < 0) return rc;
        put_cell(j->out.f, text);
        if (++j->column == j->per_line) j->column = 0;
        fputc(j->column ? ',' : '\n', j->out.f);
    }
    if (!ferror(j->out.f)) return show(j, len);
    j->out.err = errno;
    return TSR_EIO;
}

static int array_slab(void *user, const struct cli_selection *slab, const void *data, size_t len)
{
    struct job *j = user;
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM];
    int n = 0;
    for (int d = 0; d < slab->ndim; d++) {
        if (slab->drop[d]) continue;
        start[n] = (slab->start[d] - j->sel->start[d]) / j->sel->step[d];
        count[n++] = slab->count[d];
    }
    int rc = tsr_array_write(j->array, &(tsr_slice){start, count, NULL}, data, len);
    return rc < 0 ? rc : show(j, len);
}

static int run_slabs(struct job *j, cli_slab_fn fn)
{
    j->total = j->sel->items * j->source->item_bytes;
    cli_progress_start(&j->bar);
    int rc = cli_slabs(j->source, j->sel, fn, j);
    cli_progress_end(&j->bar);
    return rc;
}

static int to_file(struct job *j, const char *path, cli_slab_fn fn)
{
    int rc = cli_output_open(j->a, path, &j->out);
    if (rc) return rc;
    int status = run_slabs(j, fn);
    bool write_failed = status == TSR_EIO && ferror(j->out.f);
    if (status < 0 && !write_failed) rc = cli_fail(j->a, status);
    int closed = cli_output_close(j->a, &j->out, status == TSR_OK || write_failed);
    return rc ? rc : closed;
}

/* Creates, fills and closes the array at path. */
static int fill_array(struct job *j, const char *path)
{
    int64_t shape[TSR_MAX_NDIM];
    tsr_options o = {.size = sizeof o, .mode = "x", .context = j->a->context};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = j->source->dtype,
                     .shape = shape,
                     .item_bytes = j->source->item_bytes};
    spec.ndim = cli_selection_shape(j->sel, shape);
    int rc = tsr_array_create(path, &spec, &o, &j->array);
    if (rc < 0) return cli_fail(j->a, rc);
    rc = run_slabs(j, array_slab);
    if (rc < 0) {
        tsr_array_drop(j->array);
        return cli_fail(j->a, rc);
    }
    rc = tsr_array_close(j->array);
    return rc < 0 ? cli_fail(j->a, rc) : CLI_OK;
}

/* Closing writes what there is, so an unfinished array must not have its name yet. */
static int to_array(struct job *j, const char *path)
{
    struct stat s;
    if (!cli_may_write(j->a, path)) return CLI_FAILED;
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode))
        return cli_usage(j->a, "%s: is a folder, which only convert replaces", path);
    char *hidden = cli_hidden_name(path);
    if (!hidden) return cli_fail(j->a, TSR_ENOMEM);
    int rc = fill_array(j, hidden);
    int published = cli_publish(j->a, hidden, path, rc == CLI_OK);
    free(hidden);
    return rc ? rc : published;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && !strcasecmp(path + n - m, suffix);
}

static int write_out(struct job *j)
{
    const char *path = cli_value(j->a, "output");
    if (!path) return cli_print_items(j->a, j->source, j->sel, stdout);
    int refused = cli_check_fixed(j->a, j->source->array);
    if (refused) return refused;
    if (cli_check_differ(j->a, j->a->pos[0], path)) return CLI_USAGE;
    if (!strcmp(path, "-") || has_suffix(path, ".raw") || has_suffix(path, ".bin"))
        return to_file(j, path, raw_slab);
    if (has_suffix(path, ".csv")) {
        int64_t shape[TSR_MAX_NDIM];
        int n = cli_selection_shape(j->sel, shape);
        j->per_line = n > 1 ? shape[n - 1] : 1;
        return to_file(j, path, csv_slab);
    }
    int rc = cli_check_suffix(j->a, path);
    return rc ? rc : to_array(j, path);
}

/* What was read; a few words where nobody asked, but a server was. */
static void print_stats(const struct cli_args *a, const struct cli_source *s, double seconds)
{
    tsr_stats st;
    char bytes[CLI_SIZE_TEXT];
    if (cli_source_stats(s, &st) < 0) return;
    fprintf(stderr, "read %lld bytes (%s) in %lld requests", (long long)st.bytes_read,
            cli_size_text((double)st.bytes_read, bytes), (long long)st.requests);
    if (cli_has(a, "stats"))
        fprintf(stderr, ", %lld blocks decoded, %lld from the cache", (long long)st.blocks_decoded,
                (long long)st.cache_hits);
    fprintf(stderr, ", %.4f s\n", seconds);
}

static int run(struct cli_args *a)
{
    tsr_options o;
    tsr_spec raw;
    int64_t shape[TSR_MAX_NDIM];
    struct cli_source s;
    struct cli_selection sel;
    char why[128];
    int rc = cli_input_options(a, "r", &o, &raw, shape);
    if (rc) return rc;
    o.locking = cli_has(a, "locking");
    double start = cli_now();
    rc = cli_source_open(a, a->pos[0], &o, &s);
    if (rc) return rc;
    if (cli_parse_slice(cli_value(a, "slice"), s.ndim, s.shape, &sel, why)) {
        struct job j = {.a = a, .source = &s, .sel = &sel};
        rc = write_out(&j);
        bool say = cli_has(a, "stats") || (rc == CLI_OK && cli_is_remote(a->pos[0]));
        if (say) print_stats(a, &s, cli_now() - start);
    } else {
        rc = cli_usage(a, "slice %s: %s", cli_value(a, "slice"), why);
    }
    cli_source_close(&s);
    return rc;
}

const struct cli_verb cli_verb_get = {
    .name = "get",
    .usage = "ARRAY",
    .summary = "take a part of an array",
    .examples = (const char *const[]){"tessera get cube.b2nd -s 10:20,:,3 -o cut.npy",
                                      "a part as a NumPy file", "tessera get cube.b2nd -s 0,0",
                                      "print one row as NumPy does",
                                      "tessera get cube.b2nd -o - | xxd | head",
                                      "raw bytes, in C order, on standard output",
                                      "tessera get cube.b2nd -s ...,::10 -o x.csv --stats",
                                      "every tenth column as text, and what was read", NULL},
    .options =
        (const struct cli_option[]){CLI_SLICE,
                                    {"output", 'o', "FILE",
                                     ".npy, .raw, .csv or another format by name; - is stdout"},
                                    CLI_FORCE,
                                    {"stats", 0, NULL,
                                     "say on stderr what was read and how long it took"},
                                    CLI_LOCKING,
                                    CLI_INPUT,
                                    CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
