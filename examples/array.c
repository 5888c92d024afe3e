/* SPDX-License-Identifier: BSD-3-Clause */
/* examples/array.c - an array on disk: create it, write into it, read a slice of it.
 *
 *   array [FILE]
 */
#include <stdio.h>
#include <tessera/tessera.h>

enum { DAYS = 365, LATITUDES = 180, LONGITUDES = 360 };

static int fill_and_read(tsr_array *a)
{
    static float day[LATITUDES][LONGITUDES], july[31][1][1];
    int rc;
    for (int64_t i = 0; i < DAYS; i++) {
        for (int j = 0; j < LATITUDES; j++)
            for (int k = 0; k < LONGITUDES; k++) day[j][k] = (float)(i + j) / 10 + (float)(k % 7);
        tsr_slice where = {.start = (int64_t[]){i, 0, 0},
                           .count = (int64_t[]){1, LATITUDES, LONGITUDES}};
        if ((rc = tsr_array_write(a, &where, day, sizeof day)) < 0) return rc;
    }

    /* one place in July: only the blocks it lies in are decoded */
    tsr_slice where = {.start = (int64_t[]){181, 49, 2}, .count = (int64_t[]){31, 1, 1}};
    if ((rc = tsr_array_read(a, &where, july, sizeof july)) < 0) return rc;
    printf("1 July: %.1f, 31 July: %.1f\n", july[0][0][0], july[30][0][0]);
    return tsr_array_attr_set(a, "unit", "\"degree Celsius\"");
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "array.b2nd";
    const int64_t shape[3] = {DAYS, LATITUDES, LONGITUDES};
    tsr_spec spec = {.size = sizeof spec, .dtype = "<f4", .ndim = 3, .shape = shape};
    spec.chunks = (int64_t[]){1, LATITUDES, LONGITUDES}; /* written day by day: a chunk a day */
    spec.blocks = (int64_t[]){1, 30, 60};                /* read by place: small blocks */
    tsr_stats stats = {.size = sizeof stats};
    tsr_array *a = NULL;
    int rc = tsr_array_create(path, &spec, NULL, &a);
    if (rc == 0) rc = fill_and_read(a);
    if (rc == 0) rc = tsr_array_flush(a);
    if (rc == 0) rc = tsr_array_stats(a, &stats);
    if (rc == 0)
        printf("%s: %lld bytes of items in %lld\n", path, (long long)stats.nbytes,
               (long long)stats.cbytes);
    int closed = tsr_array_close(a); /* writes what is pending, so it may fail too */
    if (rc == 0 && closed == 0) return 0;
    fprintf(stderr, "array: %s\n", tsr_error());
    return 1;
}
