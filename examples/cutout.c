/* SPDX-License-Identifier: BSD-3-Clause */
/* examples/cutout.c - open any array and read a box from its middle.
 *
 *   cutout FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <tessera/tessera.h>

enum { EDGE = 32 };

/* The box of at most EDGE items along each axis around the centre; returns its bytes. */
static size_t middle(const tsr_spec *spec, int64_t *start, int64_t *count)
{
    size_t bytes = (size_t)spec->item_bytes;
    for (int d = 0; d < spec->ndim; d++) {
        count[d] = spec->shape[d] < EDGE ? spec->shape[d] : EDGE;
        start[d] = (spec->shape[d] - count[d]) / 2;
        bytes *= (size_t)count[d];
        printf("%s%lld:%lld", d ? "," : "", (long long)start[d], (long long)(start[d] + count[d]));
    }
    return bytes;
}

int main(int argc, char **argv)
{
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM];
    tsr_stats stats = {.size = sizeof stats};
    tsr_array *a = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: cutout FILE\n");
        return 2;
    }
    int rc = tsr_array_open(argv[1], NULL, &a);
    if (rc == 0) {
        size_t len = middle(tsr_array_spec(a), start, count);
        void *box = malloc(len ? len : 1);
        tsr_slice where = {.start = start, .count = count};
        if (box) rc = tsr_array_read(a, &where, box, len);
        else fprintf(stderr, "cutout: no memory for %zu bytes\n", len);
        if (box && rc == 0 && (rc = tsr_array_stats(a, &stats)) == 0)
            printf(": %zu bytes, for which %lld of the %lld stored ones were read\n", len,
                   (long long)stats.bytes_read, (long long)stats.cbytes);
        free(box);
    }
    if (rc < 0) fprintf(stderr, "cutout: %s\n", tsr_error());
    tsr_array_close(a);
    return rc < 0;
}
