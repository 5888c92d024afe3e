/* SPDX-License-Identifier: BSD-3-Clause */
/* net/s3_xml.h - the XML that S3 answers with: pages of listings and errors. */
#ifndef TSR_NET_S3_XML_H
#define TSR_NET_S3_XML_H

#include <stdbool.h>
#include <stddef.h>

/* One page of ListObjectsV2. */
struct tsr_s3_page {
    bool truncated;
    char token[1100]; /* NextContinuationToken */
};

/* Calls fn with each key and each common prefix, decoded; an answer other than 0 ends it and is
 * returned.  ECORRUPT: it is no such page, or a truncated one without a token. */
int tsr_s3_page_parse(const char *text, size_t len, struct tsr_s3_page *page,
                      int (*fn)(void *user, const char *key), void *user);

struct tsr_s3_error {
    char code[64], message[256], region[48], time[32]; /* time: the server's */
};

/* What of it there is; no XML leaves all empty. */
void tsr_s3_error_parse(const char *text, size_t len, struct tsr_s3_error *out);

#endif
