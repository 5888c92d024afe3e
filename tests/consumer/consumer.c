/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/consumer/consumer.c - a program outside the tree: it has the installed header and
 * library, nothing else.  Compiled as C and, through consumer.cpp, as C++. */
#include <stdio.h>
#include <string.h>
#include <tessera/tessera.h>

static int round_trip(void)
{
    const int64_t shape[2] = {100, 100};
    static uint8_t src[10000], dst[10000];
    tsr_spec spec;
    tsr_array *a = NULL;
    int rc;
    memset(&spec, 0, sizeof spec);
    spec.size = sizeof spec;
    spec.dtype = "|u1";
    spec.ndim = 2;
    spec.shape = shape;
    for (int i = 0; i < 10000; i++) src[i] = (uint8_t)(i % 251);
    if ((rc = tsr_array_create(NULL, &spec, NULL, &a)) < 0) return rc;
    rc = tsr_array_write(a, NULL, src, sizeof src);
    if (rc == 0) rc = tsr_array_read(a, NULL, dst, sizeof dst);
    tsr_array_close(a);
    if (rc == 0 && memcmp(src, dst, sizeof src) != 0) rc = TSR_ECORRUPT;
    return rc;
}

int main(void)
{
    if (strcmp(tsr_version(), TSR_VERSION) != 0) {
        fprintf(stderr, "header %s, library %s\n", TSR_VERSION, tsr_version());
        return 1;
    }
    if (round_trip() < 0) {
        fprintf(stderr, "%s\n", tsr_error());
        return 1;
    }
    printf("tessera %s works\n", tsr_version());
    return 0;
}
