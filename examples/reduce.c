/* SPDX-License-Identifier: BSD-3-Clause */
/* examples/reduce.c - the range and mean of any array, and its mean profile along each axis.
 *
 *   reduce FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <tessera/tessera.h>

/* wide: the result is a double whatever the dtype */
static int one(const tsr_array *a, tsr_reduction how, double *out)
{
    tsr_reduce_spec spec = {.size = sizeof spec, .how = how, .wide = true};
    return tsr_reduce(a, NULL, &spec, out, sizeof *out);
}

/* The mean over all axes but one: a row as long as that axis. */
static int profile(const tsr_array *a, int axis)
{
    const tsr_spec *s = tsr_array_spec(a);
    size_t n = (size_t)s->shape[axis];
    bool axes[TSR_MAX_NDIM];
    for (int d = 0; d < s->ndim; d++) axes[d] = d != axis;
    tsr_reduce_spec spec = {.size = sizeof spec, .how = TSR_MEAN, .axes = axes, .wide = true};
    double *mean = malloc((n ? n : 1) * sizeof *mean);
    if (!mean) return TSR_ENOMEM;
    int rc = tsr_reduce(a, NULL, &spec, mean, n * sizeof *mean);
    if (rc == 0 && n > 0)
        printf("axis %d: mean from %.2f in the first plane to %.2f in the last\n", axis, mean[0],
               mean[n - 1]);
    free(mean);
    return rc;
}

int main(int argc, char **argv)
{
    double mean = 0, std = 0;
    tsr_array *a = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: reduce FILE\n");
        return 2;
    }
    int rc = tsr_array_open(argv[1], NULL, &a);
    if (rc == 0) rc = one(a, TSR_MEAN, &mean);
    if (rc == 0) rc = one(a, TSR_STD, &std);
    if (rc == 0) printf("mean %.2f, standard deviation %.2f\n", mean, std);
    for (int d = 0; rc == 0 && d < tsr_array_spec(a)->ndim; d++) rc = profile(a, d);
    if (rc < 0) fprintf(stderr, "reduce: %s\n", tsr_error());
    tsr_array_close(a);
    return rc < 0;
}
