/* SPDX-License-Identifier: BSD-3-Clause */
/* examples/growing_schunk.c - a super-chunk on disk that grows, and is changed in the middle.
 *
 *   growing_schunk [FILE]
 */
#include <stdio.h>
#include <tessera/tessera.h>

enum { BATCH = 1000, BATCHES = 300 };

/* Appends readings as they come; what is flushed survives whatever happens later. */
static int record(tsr_schunk *s)
{
    int32_t batch[BATCH];
    int rc = 0;
    for (int b = 0; b < BATCHES && rc == 0; b++) {
        for (int i = 0; i < BATCH; i++) batch[i] = b * BATCH + i;
        rc = tsr_schunk_append(s, BATCH, batch);
        if (rc == 0 && b % 100 == 99) rc = tsr_schunk_flush(s);
    }
    return rc;
}

/* Items are addressed one by one, whatever the chunks; a set past the end extends. */
static int change(tsr_schunk *s)
{
    int32_t three[3] = {-1, -2, -3}, got[4];
    int64_t n = tsr_schunk_nitems(s);
    int rc = tsr_schunk_set(s, 150000, 3, three);
    if (rc == 0) rc = tsr_schunk_set(s, n - 1, 3, three);
    if (rc == 0) rc = tsr_schunk_get(s, 149999, 4, got);
    if (rc == 0) printf("%d %d %d %d\n", got[0], got[1], got[2], got[3]);
    if (rc == 0)
        printf("%lld items in %lld chunks\n", (long long)tsr_schunk_nitems(s),
               (long long)tsr_schunk_nchunks(s));
    return rc;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "growing.b2frame";
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .chunk_bytes = 1 << 18};
    tsr_options update = {.size = sizeof update, .mode = "r+"};
    tsr_schunk *s = NULL;
    int closed, rc = tsr_schunk_create(path, &spec, NULL, &s);
    if (rc == 0) rc = record(s);
    closed = tsr_schunk_close(s);
    s = NULL;
    if (rc == 0 && closed == 0) rc = tsr_schunk_open(path, &update, &s);
    if (rc == 0 && closed == 0) rc = change(s);
    if (tsr_schunk_close(s) == 0 && rc == 0 && closed == 0) return 0;
    fprintf(stderr, "growing_schunk: %s\n", tsr_error());
    return 1;
}
