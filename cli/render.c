/* SPDX-License-Identifier: BSD-3-Clause */
/* render.c - tessera render: a plane of an array, or a projection onto one, as a PNG.
 *
 * A slice that leaves two axes is the plane; with --project, one axis more, which is reduced. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { PLANE_MAX = 1 << 27 }; /* values: 1 GiB of doubles */

struct plane {
    double *v;
    int64_t rows, cols;
};

/* Axes longer than one become rows and columns; more than two are too many. */
static int shape_plane(const struct cli_args *a, const struct cli_selection *sel, int skip,
                       struct plane *p)
{
    int64_t long_axes[TSR_MAX_NDIM];
    int n = 0;
    for (int d = 0; d < sel->ndim; d++)
        if (d != skip && sel->count[d] != 1) long_axes[n++] = sel->count[d];
    if (n > 2)
        return cli_usage(a, "%d axes are left, expected 2: cut with -s or reduce with --project",
                         n + (skip >= 0));
    p->cols = n > 0 ? long_axes[n - 1] : 1;
    p->rows = n > 1 ? long_axes[0] : 1;
    if (p->rows < 1 || p->cols < 1) return cli_usage(a, "the slice is empty");
    if (p->rows > PLANE_MAX / p->cols)
        return cli_error(a, "a plane of %lld x %lld values is too large for a picture",
                         (long long)p->rows, (long long)p->cols);
    p->v = malloc((size_t)(p->rows * p->cols) * sizeof *p->v);
    return p->v ? CLI_OK : cli_fail(a, TSR_ENOMEM);
}

static int read_plane(const struct cli_args *a, const struct cli_source *s,
                      const struct cli_selection *sel, struct plane *p)
{
    int rc = shape_plane(a, sel, -1, p);
    if (rc) return rc;
    size_t len = (size_t)(sel->items * s->item_bytes);
    void *raw = malloc(len);
    if (!raw) return cli_fail(a, TSR_ENOMEM);
    rc = cli_source_read(s, sel, raw, len);
    if (rc == TSR_OK) rc = tsr_to_double(s->dtype, raw, sel->items, p->v);
    free(raw);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

static int project(const struct cli_args *a, const struct cli_source *s,
                   const struct cli_selection *sel, struct plane *p)
{
    static const char *const names[] = {"max", "min", "sum", "mean"}; /* as tsr_reduction */
    const char *name = cli_value(a, "project"), *text = cli_value(a, "axis");
    int64_t axis = 0;
    int how = 0;
    while (how < 4 && strcmp(names[how], name) != 0) how++;
    if (how == 4) return cli_usage(a, "--project %s: expected max, mean, sum or min", name);
    if (text && !cli_parse_int(text, &axis)) return cli_usage(a, "--axis %s: no number", text);
    if (axis < 0) axis += s->ndim;
    if (axis < 0 || axis >= s->ndim)
        return cli_usage(a, "--axis %s: the array has %d axes", text ? text : "0", s->ndim);
    if (!s->array) return cli_usage(a, "only arrays can be projected");
    int rc = shape_plane(a, sel, (int)axis, p);
    if (rc) return rc;
    tsr_slice slice = {sel->start, sel->count, sel->step};
    rc = tsr_project(s->array, &slice, (int)axis, (tsr_reduction)how, p->v, &p->rows, &p->cols);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

static int parse_picture(const struct cli_args *a, tsr_picture *o)
{
    const char *range = cli_value(a, "range"), *gamma = cli_value(a, "gamma"),
               *zoom = cli_value(a, "zoom");
    int64_t z = 1;
    char extra;
    *o = (tsr_picture){.size = sizeof *o,
                       .colormap = cli_value(a, "cmap"),
                       .log = cli_has(a, "log")};
    if (range &&
        (sscanf(range, "%lf,%lf%c", &o->vmin, &o->vmax, &extra) != 2 || !(o->vmin < o->vmax)))
        return cli_usage(a, "--range %s: expected two numbers, MIN,MAX", range);
    if (gamma && (!cli_parse_number(gamma, &o->gamma) || !(o->gamma > 0)))
        return cli_usage(a, "--gamma %s: expected a number above 0", gamma);
    if (zoom && (!cli_parse_int(zoom, &z) || z < 1 || z > 4096))
        return cli_usage(a, "--zoom %s: expected a number from 1 to 4096", zoom);
    o->zoom = (int)z;
    return CLI_OK;
}

static int write_piped(const struct cli_args *a, const struct plane *p, const tsr_picture *o)
{
    char path[CLI_PIPE_PATH];
    int rc = cli_pipe_begin(a, path);
    if (rc) return rc;
    int status = tsr_png_write(path, p->v, p->rows, p->cols, o);
    if (status < 0) rc = cli_fail(a, status);
    int sent = cli_pipe_end(a, path, status == TSR_OK);
    return rc ? rc : sent;
}

static int write_picture(const struct cli_args *a, const struct plane *p, const tsr_picture *o)
{
    const char *path = cli_value(a, "output");
    if (!strcmp(path, "-")) return write_piped(a, p, o);
    int rc = tsr_png_write(path, p->v, p->rows, p->cols, o);
    if (rc < 0) return cli_fail(a, rc);
    fprintf(stderr, "%s: %lld x %lld pixels\n", path, (long long)p->cols * o->zoom,
            (long long)p->rows * o->zoom);
    return CLI_OK;
}

static int render(const struct cli_args *a, const struct cli_source *s, const tsr_picture *o)
{
    const char *slice = cli_value(a, "slice");
    struct cli_selection sel;
    struct plane p = {0};
    char why[128];
    if (!cli_parse_slice(slice, s->ndim, s->shape, &sel, why))
        return cli_usage(a, "slice %s: %s", slice, why);
    int rc = cli_has(a, "project") ? project(a, s, &sel, &p) : read_plane(a, s, &sel, &p);
    if (!rc) rc = write_picture(a, &p, o);
    free(p.v);
    return rc;
}

static int run(struct cli_args *a)
{
    tsr_options o;
    tsr_spec raw;
    tsr_picture picture;
    int64_t shape[TSR_MAX_NDIM];
    struct cli_source s;
    int rc = cli_input_options(a, "r", &o, &raw, shape);
    if (!rc) rc = parse_picture(a, &picture);
    if (rc) return rc;
    if (!cli_has(a, "output")) return cli_usage(a, "-o FILE says where the picture goes");
    rc = cli_check_differ(a, a->pos[0], cli_value(a, "output"));
    if (rc) return rc;
    if (!cli_may_write(a, cli_value(a, "output"))) return CLI_FAILED;
    rc = cli_source_open(a, a->pos[0], &o, &s);
    if (rc) return rc;
    rc = render(a, &s, &picture);
    cli_source_close(&s);
    return rc;
}

const struct cli_verb cli_verb_render = {
    .name = "render",
    .usage = "ARRAY",
    .summary = "draw a plane or a projection as PNG",
    .examples =
        (const char *const[]){
            "tessera render brain.b2nd -s 150 -o cut.png", "one plane",
            "tessera render brain.b2nd --project max --axis 1 --cmap hot -o view.png",
            "the largest value along an axis",
            "tessera render stars.b2nd --project sum --log --cmap magma --zoom 2 -o stars.png",
            "counts on a logarithmic scale, two pixels a value", NULL},
    .options =
        (const struct cli_option[]){
            {"output", 'o', "FILE", "the PNG; - is stdout"},
            CLI_SLICE,
            {"project", 0, "HOW", "max, mean, sum or min along --axis"},
            {"axis", 0, "N", "the axis that is reduced (default: 0)"},
            {"cmap", 0, "NAME", "viridis, magma, inferno, hot, gray, turbo, coolwarm, ice"},
            {"range", 0, "MIN,MAX", "values at the ends of the colours (default: those there are)"},
            {"gamma", 0, "G", "power applied to the scaled value (default: 1)"},
            {"zoom", 0, "N", "pixels on a side of each value (default: 1)"},
            {"log", 0, NULL, "logarithmic scale"},
            CLI_FORCE,
            CLI_INPUT,
            CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
