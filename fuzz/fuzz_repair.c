/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_repair.c - what repair makes of any bytes opens again and is sound.
 *
 * A header may speak of 2^28 chunks, which are made, as entries of an index that takes little
 * room; to look at each of them takes seconds here. */
#include "frame/frame.h"
#include "fuzz.h"

enum { MOST = 1 << 20 };

static void silent(void *user, int64_t chunk, tsr_status status, const char *what)
{
    (void)user, (void)chunk, (void)status;
    check(what != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsr_store *from, *to;
    struct tsr_frame *f;
    struct tsr_frame_repaired done;
    struct tsr_frame_repair how = {.limits = {.max_bytes = 1 << 20}, .tell = silent};
    check_ok(tsr_store_mem_borrow(data, size, &from));
    check_ok(tsr_store_mem(&to));
    if (tsr_frame_repair(from, to, &how, &done) == TSR_OK) {
        check_ok(tsr_frame_open(to, 0, how.limits, &f));
        check(tsr_frame_facts_of(f)->nchunks == done.nchunks);
        if (done.nchunks <= MOST) check_ok(tsr_frame_verify(f, silent, NULL));
        tsr_frame_close(f);
    } else {
        tsr_store_close(to);
    }
    tsr_store_close(from);
    return 0;
}
