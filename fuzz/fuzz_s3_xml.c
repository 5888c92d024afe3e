/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_s3_xml.c - pages of listings and errors of S3. */
#include "fuzz.h"
#include "net/s3_xml.h"

static int count(void *user, const char *key)
{
    size_t *n = user;
    check(strlen(key) < 4096);
    return ++*n > 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tsr_s3_page page;
    struct tsr_s3_error e;
    size_t n = 0;
    int rc = tsr_s3_page_parse((const char *)data, size, &page, count, &n);
    check(rc <= 0 || n > 1000);
    check(rc != TSR_OK || !page.truncated || page.token[0]);
    tsr_s3_error_parse((const char *)data, size, &e);
    check(strlen(e.code) < sizeof e.code && strlen(e.message) < sizeof e.message);
    return 0;
}
