/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_journal.c - what another program may have written into the journal of a conversion. */
#include "fuzz.h"
#include "ops/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char facts[] = "source a.b2nd\nsource stamp 1f2e\nboxes 4,8\n";
    static char file[] = "x.b2nd.partial/journal", folder[] = "x.b2nd.partial";
    const struct tsr_buf same = {.p = (uint8_t *)facts, .len = sizeof facts - 1};
    struct tsr_journal j = {.file = {.fd = -1, .path = file},
                            .folder = {.fd = -1, .path = folder},
                            .pass = 1};
    int rc = tsr_journal_take(&j, (const char *)data, size, &same);
    check(rc == TSR_OK || rc == TSR_ECORRUPT || rc == TSR_ECONFLICT);
    if (rc < 0) return 0;
    check((j.pass == 1 || j.pass == 2) && j.done >= 0);
    check(j.end >= sizeof TSR_JOURNAL_FIRST + sizeof facts && j.end <= size);
    check(j.done == 0 || tsr_journal_within(&j, j.done - 1) == TSR_ECORRUPT);
    check_ok(tsr_journal_within(&j, j.done));
    return 0;
}
