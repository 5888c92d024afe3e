/* SPDX-License-Identifier: BSD-3-Clause */
/* resize.c - tessera resize: another shape; new items read as zeros, items outside are gone. */
#include "cli.h"

static int run(struct cli_args *a)
{
    tsr_options o = cli_target_options(a);
    int64_t shape[TSR_MAX_NDIM];
    tsr_array *array;
    int ndim = cli_parse_shape(a->pos[1], shape);
    if (ndim < 0) return cli_usage(a, "%s: expected a shape such as 100,200", a->pos[1]);
    int rc = tsr_array_open(a->pos[0], &o, &array);
    if (rc < 0) return cli_fail(a, rc);
    int has = tsr_array_spec(array)->ndim, code = CLI_OK;
    if (has != ndim) code = cli_usage(a, "%s: found %d axes, expected %d", a->pos[1], ndim, has);
    else if ((rc = tsr_array_resize(array, shape)) < 0) code = cli_fail(a, rc);
    return cli_target_close(a, array, NULL, code);
}

const struct cli_verb cli_verb_resize = {
    .name = "resize",
    .usage = "ARRAY SHAPE",
    .summary = "change the shape of an array",
    .examples = (const char *const[]){"tessera resize cube.b2nd 200,370,301",
                                      "grow or cut; what is new reads as zeros", NULL},
    .options = (const struct cli_option[]){CLI_TARGET, CLI_END},
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
