/* SPDX-License-Identifier: BSD-3-Clause */
/* create.c - tessera create: a new array in which every item reads as the fill value, or a
 * group. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* --fill as one item of dtype in *item, which the caller frees. */
static int parse_fill(const struct cli_args *a, const char *dtype, void **item)
{
    const char *text = cli_value(a, "fill");
    int64_t bytes;
    *item = NULL;
    int rc = tsr_dtype_item_bytes(dtype, &bytes);
    if (rc < 0) {
        cli_fail(a, rc);
        return CLI_USAGE; /* the text came from the command line */
    }
    if (!text) return CLI_OK;
    *item = malloc((size_t)bytes);
    if (!*item) return cli_fail(a, TSR_ENOMEM);
    rc = tsr_item_from_text(dtype, text, *item);
    if (rc == TSR_EARG) return cli_usage(a, "--fill: %s", tsr_error());
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

static int create(const struct cli_args *a, struct cli_layout *l, void **fill)
{
    const char *shape = cli_value(a, "shape"), *dtype = cli_value(a, "dtype");
    tsr_options o = {.size = sizeof o,
                     .mode = cli_has(a, "force") ? "w" : "x",
                     .format = cli_value(a, "format"),
                     .context = a->context,
                     .sparse = cli_has(a, "sparse")};
    tsr_array *out;
    if (!shape || !dtype) return cli_usage(a, "--shape and --dtype are needed");
    int64_t axes[TSR_MAX_NDIM];
    int ndim = cli_parse_shape(shape, axes);
    if (ndim < 0) return cli_usage(a, "--shape %s: expected numbers such as 100,200", shape);
    int rc = cli_check_suffix(a, a->pos[0]);
    if (!rc) rc = cli_layout(a, ndim, NULL, l);
    if (!rc) rc = parse_fill(a, dtype, fill);
    if (rc) return rc;
    l->spec.dtype = dtype;
    l->spec.ndim = ndim;
    l->spec.shape = axes;
    l->spec.fill = *fill;
    l->spec.uninit = cli_has(a, "uninit");
    if (!cli_may_write(a, a->pos[0])) return CLI_FAILED;
    rc = tsr_array_create(a->pos[0], &l->spec, &o, &out);
    if (rc == TSR_OK) rc = tsr_array_close(out);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

/* A group has nothing of what makes an array. */
static int create_group(const struct cli_args *a)
{
    const struct cli_option *opt = a->verb->options;
    tsr_options o = {.size = sizeof o,
                     .mode = cli_has(a, "force") ? "w" : "x",
                     .format = cli_value(a, "format"),
                     .context = a->context};
    tsr_group *g;
    for (int i = 0; opt[i].name; i++) {
        bool fits = !strcmp(opt[i].name, "group") || !strcmp(opt[i].name, "force") ||
                    !strcmp(opt[i].name, "format");
        if (a->value[i] && !fits)
            return cli_usage(a, "--%s: is for arrays, not with --group", opt[i].name);
    }
    int rc = tsr_group_create(a->pos[0], &o, &g);
    if (rc == TSR_OK) rc = tsr_group_close(g);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

static int run(struct cli_args *a)
{
    struct cli_layout l;
    void *fill = NULL;
    if (cli_has(a, "group")) return create_group(a);
    int rc = create(a, &l, &fill);
    free(fill);
    return rc;
}

const struct cli_verb cli_verb_create = {
    .name = "create",
    .usage = "URL",
    .summary = "make a new array or group",
    .examples =
        (const char *const[]){"tessera create cube.b2nd --shape 100,200,300 --dtype float32",
                              "all zeros",
                              "tessera create m.b2nd --shape 8,8 --dtype i2 --fill -1 --codec lz4",
                              "all -1, compressed with LZ4",
                              "tessera create x.zarr#a/m --shape 900,900 --dtype f4 --clevel 7",
                              "the codec and filter that are not named are then Blosc2's",
                              "tessera create x.zarr#a/b --group",
                              "groups of Zarr, those above too", NULL},
    .options =
        (const struct cli_option[]){{"shape", 0, "SHAPE", "items on each axis, such as 100,200"},
                                    {"dtype", 0, "DTYPE", "type of an item, as NumPy spells it"},
                                    CLI_LAYOUT,
                                    {"fill", 0, "VALUE", "what every item reads as (default: 0)"},
                                    {"uninit", 0, NULL, "the first content does not matter"},
                                    {"format", 0, "NAME", "format (default: told by the name)"},
                                    {"group", 0, NULL, "a group: zarr3 unless --format says zarr2"},
                                    CLI_SPARSE,
                                    CLI_FORCE,
                                    CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
