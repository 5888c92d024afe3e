/* SPDX-License-Identifier: BSD-3-Clause */
/* examples/save_load.c - an array as one contiguous buffer, to send or to keep, and back.
 *
 * The buffer is what a .b2nd file holds, so written to a file it is one. */
#include <stdio.h>
#include <tessera/tessera.h>

enum { N = 512 };

/* Loads the buffer and reads one item.  TSR_BORROW uses it in place: nothing is copied, and the
 * buffer must outlive the handle.  With 0 the handle has its own copy. */
static int load(const void *buf, size_t len, int flags)
{
    tsr_array *a = NULL;
    double item;
    tsr_slice where = {.start = (int64_t[]){300, 41}, .count = (int64_t[]){1, 1}};
    int rc = tsr_array_from_frame(buf, len, flags, NULL, &a);
    if (rc == 0) rc = tsr_array_read(a, &where, &item, sizeof item);
    if (rc == 0) printf("%s: item (300, 41) is %g\n", flags ? "in place" : "copied", item);
    tsr_array_close(a);
    return rc;
}

static int save(void **buf, size_t *len)
{
    static double table[N][N];
    const int64_t shape[2] = {N, N};
    tsr_spec spec = {.size = sizeof spec, .dtype = "<f8", .ndim = 2, .shape = shape};
    tsr_array *a = NULL;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) table[i][j] = i + j / 1000.0;
    int rc = tsr_array_create(NULL, &spec, NULL, &a); /* no path: in memory */
    if (rc == 0) rc = tsr_array_write(a, NULL, table, sizeof table);
    if (rc == 0) rc = tsr_array_to_frame(a, buf, len);
    if (rc == 0) printf("%zu bytes of items in a buffer of %zu\n", sizeof table, *len);
    tsr_array_close(a);
    return rc;
}

int main(void)
{
    void *buf = NULL;
    size_t len = 0;
    int rc = save(&buf, &len);
    if (rc == 0) rc = load(buf, len, 0);
    if (rc == 0) rc = load(buf, len, TSR_BORROW);
    if (rc < 0) fprintf(stderr, "save_load: %s\n", tsr_error());
    tsr_free(buf);
    return rc < 0;
}
