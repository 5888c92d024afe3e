/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_npy.c - a .npy file of any bytes: opened from memory, and parts of it read.
 *
 * What opens must be all there, since the length is known: every read succeeds.  The head written
 * anew for what was read must be read as the same array. */
#include "array/array.h"
#include "fuzz.h"

/* A slice whose corners come from the seed. */
static void read_part(const tsr_array *a, uint64_t seed)
{
    const tsr_spec *s = tsr_array_spec(a);
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], bytes = s->item_bytes;
    for (int d = 0; d < s->ndim; d++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t n = s->shape[d];
        start[d] = n ? (int64_t)((seed >> 33) % (uint64_t)n) : 0;
        count[d] = n ? (int64_t)((seed >> 20) % (uint64_t)(n - start[d])) + 1 : 0;
        bytes *= count[d];
    }
    uint8_t *p = malloc((size_t)bytes + 1);
    if (!p) abort();
    check_ok(tsr_array_read(a, &(tsr_slice){start, count, NULL}, p, (size_t)bytes));
    free(p);
}

static void write_again(const tsr_array *a, const tsr_options *o)
{
    tsr_array *b;
    int rc = tsr_array_create(NULL, tsr_array_spec(a), o, &b);
    if (rc == TSR_EUNSUPPORTED) return; /* fields that overlap cannot be written */
    check_ok(rc);
    if (strcmp(tsr_array_spec(a)->dtype, tsr_array_spec(b)->dtype) != 0) abort();
    check_ok(tsr_array_close(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tsr_options mine = options();
    mine.format = "npy";
    tsr_options o = tsr_options_complete(&mine);
    struct tsr_store *st;
    tsr_array *a;
    check_ok(tsr_store_mem_borrow(data, size, &st));
    if (tsr_engine_open_store(st, "npy", &o, &a) < 0) return 0;
    for (uint64_t i = 0; i < 4; i++) read_part(a, i + size);
    write_again(a, &o);
    check_ok(tsr_array_close(a));
    return 0;
}
