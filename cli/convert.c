/* SPDX-License-Identifier: BSD-3-Clause */
/* convert.c - tessera convert: an array, super-chunk, .npy or raw file in another format or
 * with other chunks, blocks and codec, or a group with all that is in it.  "-" goes through a
 * temporary file. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

struct job {
    const struct cli_args *a;
    const char *src, *dst;
    tsr_options from, to;
    tsr_spec raw;
    int64_t raw_shape[TSR_MAX_NDIM];
    struct cli_layout layout;
    tsr_array *base; /* lends its steps to layout */
    struct cli_progress bar;
};

/* Options that are not given keep what the source has, where it has it. */
static int choose_layout(struct job *j)
{
    const tsr_spec *spec = NULL;
    bool some = cli_has(j->a, "codec") || cli_has(j->a, "clevel") || cli_has(j->a, "filter");
    if (some && tsr_array_open(j->src, &j->from, &j->base) == TSR_OK)
        spec = tsr_array_spec(j->base);
    return cli_layout(j->a, spec ? spec->ndim : -1, spec && spec->nsteps ? spec : NULL, &j->layout);
}

/* What an interruption leaves, and what then helps; what is there is replaced only with -f. */
static void tell_left(const struct job *j)
{
    char partial[4096];
    snprintf(partial, sizeof partial, "%s.partial", j->dst);
    if (access(partial, F_OK) != 0) return;
    bool over = cli_has(j->a, "force") || access(j->dst, F_OK) == 0;
    fprintf(stderr, "%s holds what is done: --resume%s goes on with it, -f%s begins anew\n",
            partial, over ? " -f" : "", over ? " alone" : "");
}

static int plan(struct job *j)
{
    tsr_copy_plan *p;
    int rc = tsr_convert_plan(j->src, &j->from, j->dst, &j->layout.spec, &j->to, &p);
    if (rc < 0) return cli_fail(j->a, rc);
    cli_plan_print(p, cli_has(j->a, "json"));
    tsr_free(p);
    return CLI_OK;
}

static int convert(struct job *j)
{
    char before[CLI_STORED_TEXT], after[CLI_STORED_TEXT];
    double start = cli_now();
    cli_progress_start(&j->bar);
    j->to.progress = cli_progress_show;
    j->to.user = &j->bar;
    int rc = tsr_convert(j->src, &j->from, j->dst, &j->layout.spec, &j->to);
    cli_progress_end(&j->bar);
    if (rc < 0) {
        rc = cli_fail(j->a, rc);
        tell_left(j);
        return rc;
    }
    double spent = cli_now() - start;
    fprintf(stderr, "%s%s -> %s%s in %.2f s\n", j->a->pos[0],
            cli_stored_text(cli_stored_bytes(j->a, j->src), before), j->a->pos[1],
            cli_stored_text(cli_stored_bytes(j->a, j->dst), after), spent);
    return CLI_OK;
}

/* What is read once, box by box, gains nothing from a cache. */
static int memory_options(struct job *j)
{
    const struct cli_args *a = j->a;
    const char *memory = cli_value(a, "memory");
    int64_t bytes = 0;
    if (memory && (!cli_parse_int(memory, &bytes) || bytes <= 0))
        return cli_usage(a, "--memory: found '%s', expected bytes, as 500M or 1G", memory);
    if (cli_has(a, "json") && !cli_has(a, "plan")) return cli_usage(a, "--json goes with --plan");
    j->to.memory_bytes = (uint64_t)bytes;
    j->to.tmp = cli_value(a, "tmp");
    j->to.resume = cli_has(a, "resume");
    tsr_context_set_cache(a->context, TSR_NO_CACHE, NULL);
    return CLI_OK;
}

static int run_job(struct job *j)
{
    const struct cli_args *a = j->a;
    int rc = cli_input_options(a, "r", &j->from, &j->raw, j->raw_shape);
    if (rc) return rc;
    rc = cli_check_suffix(a, a->pos[1]);
    if (!rc) rc = cli_check_differ(a, a->pos[0], a->pos[1]);
    if (rc) return rc;
    j->from.format = cli_value(a, "from") ? cli_value(a, "from") : j->from.raw ? "raw" : NULL;
    j->to = (tsr_options){.size = sizeof j->to,
                          .mode = cli_has(a, "force") ? "w" : "x",
                          .format = cli_value(a, "format"),
                          .context = a->context,
                          .sparse = cli_has(a, "sparse")};
    rc = memory_options(j);
    if (rc) return rc;
    if (!j->to.resume && !cli_has(a, "plan") && !cli_may_write(a, a->pos[1])) return CLI_FAILED;
    rc = choose_layout(j);
    if (!rc) rc = cli_has(a, "plan") ? plan(j) : convert(j);
    tsr_array_close(j->base);
    return rc;
}

static int run_piped(struct job *j)
{
    char path[CLI_PIPE_PATH];
    const char *format = cli_value(j->a, "format");
    if (!format) return cli_usage(j->a, "standard output needs --format");
    if (!strncmp(format, "zarr", 4))
        return cli_usage(j->a, "--format %s: is a folder of files, which no stream holds", format);
    int rc = cli_pipe_begin(j->a, path);
    if (rc) return rc;
    j->dst = path;
    rc = run_job(j);
    int sent = cli_pipe_end(j->a, path, rc == CLI_OK);
    return rc ? rc : sent;
}

static int run(struct cli_args *a)
{
    char *spooled;
    int rc;
    struct job j = {.a = a, .dst = a->pos[1]};
    j.src = cli_unpipe(a, a->pos[0], &spooled, &rc);
    if (!j.src) return rc;
    rc = strcmp(j.dst, "-") ? run_job(&j) : run_piped(&j);
    cli_unspool(spooled);
    return rc;
}

const struct cli_verb cli_verb_convert = {
    .name = "convert",
    .usage = "SRC DST",
    .summary = "write an array or group in another format or layout",
    .examples =
        (const char *const[]){
            "tessera convert data.npy data.b2nd", "compress a NumPy file",
            "tessera convert old.b2nd new.b2nd --chunks 64,64,64 --codec lz4",
            "another layout; what is not given stays as it is, where SRC has it",
            "tessera convert ct.raw ct.b2nd --dtype i2 --shape 512,512,90",
            "bytes in C order; gzipped ones too",
            "tessera convert brain.nii.gz brain.b2nd --offset 352 --dtype u1 --shape 316,370,301",
            "a volume that begins at byte 352 of a gzipped file",
            "tessera convert planes.b2nd pencils.b2nd --chunks 1024,32,32 --memory 256M --plan",
            "passes, bytes and memory, before anything is done",
            "tessera convert tree.zarr tree.zip", "a group with all that is in it", NULL},
    .options =
        (const struct cli_option[]){
            CLI_LAYOUT,
            {"format", 0, "NAME", "format of DST (default: told by its name)"},
            {"from", 0, "NAME", "format of SRC (default: told by its content)"},
            {"offset", 0, "BYTES", "where in SRC the data begin"},
            {"dtype", 0, "DTYPE", "of a raw SRC: the type of its items"},
            {"shape", 0, "SHAPE", "of a raw SRC: its shape"},
            {"memory", 0, "BYTES", "what it may take, as 1G (default: 256M)"},
            {"tmp", 0, "DIR", "where an array between two passes goes (default: by DST)"},
            {"plan", 0, NULL, "only say what would be done"},
            CLI_JSON,
            {"resume", 0, NULL, "go on with what was interrupted"},
            CLI_SPARSE,
            CLI_FORCE,
            CLI_END},
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
