/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_frame.c - a contiguous frame of any bytes. */
#include "probe_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    probe_frame(data, size);
    return 0;
}
