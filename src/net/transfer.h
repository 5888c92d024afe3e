/* SPDX-License-Identifier: BSD-3-Clause */
/* net/transfer.h - one call of a run, try after try; with libcurl in sight. */
#ifndef TSR_NET_TRANSFER_H
#define TSR_NET_TRANSFER_H

#include <curl/curl.h>

#include "base/status.h"
#include "net/http.h"

/* The first failure of a run. */
struct tsr_failure {
    int rc;
    char text[TSR_ERROR_MAX];
};

enum transfer_mode {
    TRANSFER_HEAD,   /* nothing of the body came yet */
    TRANSFER_PARTS,  /* the body goes to the parts of the call */
    TRANSFER_BODY,   /* to its body */
    TRANSFER_SPEECH, /* it is what the server says to a failure */
};

struct tsr_transfer {
    struct tsr_http_call *call;
    const struct tsr_http_options *o;
    struct tsr_failure *failure;
    struct tsr_transfer *next; /* in the list of those that wait for another try */
    CURL *easy;                /* NULL: between tries */
    struct curl_slist *fields;
    int tries;
    double at;   /* of tsr_sys_now: when the next try may begin */
    double last; /* the same: when a byte came or went */
    enum transfer_mode mode;
    uint64_t pos, got; /* in the object, and of the body */
    size_t part;       /* those before it are full */
    int piece;
    size_t piece_off;
    bool failed; /* for good: failure says why */
    bool enough; /* the rest of the body is not wanted */
    char error[CURL_ERROR_SIZE];
};

enum tsr_verdict { TSR_TRANSFER_DONE, TSR_TRANSFER_AGAIN, TSR_TRANSFER_FAILED };

/* Makes the easy handle of the next try; a failure is noted. */
int tsr_transfer_begin(struct tsr_transfer *t, const char *ca_file);
/* After curl's word on a try.  AGAIN: at `at`.  The easy handle stays with the caller. */
enum tsr_verdict tsr_transfer_end(struct tsr_transfer *t, CURLcode code);
/* Did nothing come or go for as long as is borne?  The end of the try is TIMEDOUT then. */
bool tsr_transfer_stalled(struct tsr_transfer *t, double now);
void tsr_transfer_done(struct tsr_transfer *t); /* frees handle and fields, not the call's body */
/* Keeps rc and the thread's text if they are the first failure. */
void tsr_failure_note(struct tsr_failure *f, int rc);

#endif
