/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_b2nd.c - a b2nd file of any bytes. */
#include "probe_array.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    probe_array(data, size);
    return 0;
}
