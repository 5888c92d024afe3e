/* SPDX-License-Identifier: BSD-3-Clause */
/* net/answer.h - the head of an HTTP answer: what stores need to know of it.
 *
 * Lines come from a server, so every one is checked: a field that cannot be what it says makes
 * the answer `broken`, and the request fails. */
#ifndef TSR_NET_ANSWER_H
#define TSR_NET_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TSR_NO_SIZE UINT64_MAX

struct tsr_answer {
    int status;
    uint64_t length;      /* Content-Length; TSR_NO_SIZE: not said */
    bool ranged;          /* Content-Range: bytes first-last/total */
    uint64_t first, last; /* last >= first */
    uint64_t total;       /* of Content-Range, also of "bytes * / total"; TSR_NO_SIZE: not said */
    char etag[160];       /* with its quotes; "": none, or one that is too long to keep */
    char modified[64];    /* Last-Modified */
    char date[64], region[48]; /* Date, x-amz-bucket-region */
    char encoding[32];         /* Content-Encoding that the bytes are in; "": their own */
    uint64_t retry_after;      /* Retry-After in seconds, INT64_MAX at most; 0 also of a date */
    const char *broken;        /* the name of a field whose value breaks its rules; NULL: none */
};

void tsr_answer_begin(struct tsr_answer *a);
/* One line of the head, with or without its CR and LF.  A status line begins the answer anew: of
 * several (100 Continue, redirects, proxies) the last one counts. */
void tsr_answer_line(struct tsr_answer *a, const char *line, size_t len);

/* May the ETag be sent in If-Match?  Weak ones ("W/...") may not. */
bool tsr_answer_strong(const struct tsr_answer *a);
/* May a request with this answer succeed when it is sent again? */
bool tsr_answer_passing(const struct tsr_answer *a);

#endif
