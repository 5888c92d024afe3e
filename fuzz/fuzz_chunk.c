/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_chunk.c - any bytes as a chunk. */
#include "probe_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    probe_chunk(data, size);
    return 0;
}
