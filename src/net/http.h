/* SPDX-License-Identifier: BSD-3-Clause */
/* net/http.h - HTTP requests, many at once, tried again where that may help.
 *
 * A client keeps connections open and bounds how many requests are in flight over all threads.
 * Any number of threads may use one client; a thread that runs calls drives them itself, and no
 * thread is started.  After fork the child makes connections of its own.
 *
 * Proxies are those of the usual environment variables; certificates are always checked.  What is
 * tried again: answers 408, 429, 500, 502, 503, 504, connections that break and bodies that are
 * too short, with pauses that grow, vary, and are as long as a Retry-After asks. */
#ifndef TSR_NET_HTTP_H
#define TSR_NET_HTTP_H

#include <stdatomic.h>

#include <tessera/tessera.h>

#include "base/mem.h"
#include "net/answer.h"
#include "sys/file.h"

struct tsr_http;

struct tsr_http_options {  /* a zero is the default */
    int in_flight;         /* requests at once: 16 */
    int tries;             /* of one request: 6 */
    int connect_s;         /* to connect: 10 */
    int stall_s;           /* with less than 100 bytes a second: 20 */
    int total_s;           /* of one try: 60, and a second for each 32 KiB asked for */
    int pause_ms;          /* before the second try: 250; twice that before the third, ... */
    int patience_s;        /* the longest pause that a server may ask for: 60 */
    tsr_progress progress; /* of the thread that runs calls, now and then: bytes so far; of -1 */
    void *user;
};

/* o NULL: all default.  bytes and requests are added to as bodies come and requests go, those that
 * are tried again too. */
int tsr_http_new(const struct tsr_http_options *o, atomic_llong *bytes, atomic_llong *requests,
                 struct tsr_http **out);
void tsr_http_free(struct tsr_http *h); /* NULL is fine */
int tsr_http_in_flight(const struct tsr_http *h);

/* Bytes [off, off + len) of the object belong at dst. */
struct tsr_http_part {
    uint64_t off;
    size_t len;
    void *dst;
};

enum tsr_http_method { TSR_HTTP_GET, TSR_HTTP_HEAD, TSR_HTTP_PUT, TSR_HTTP_DELETE };
enum tsr_http_range {
    TSR_HTTP_WHOLE,
    TSR_HTTP_SPAN, /* bytes [off, off + len), len > 0; fewer where the object ends earlier */
    TSR_HTTP_TAIL  /* the last len bytes, or all where there are fewer */
};

/* A server may answer a range with the whole object.  Of that no more is read than this many bytes:
 * a range that ends behind them is refused with EUNSUPPORTED. */
#define TSR_HTTP_UNRANGED (64u << 20)

struct tsr_http_fields;
int tsr_http_field(struct tsr_http_fields *f, const char *text); /* ENOMEM */

struct tsr_http_call {
    enum tsr_http_method method;
    const char *url;
    enum tsr_http_range range;
    uint64_t off, len;
    const struct tsr_http_part *parts; /* [nparts], of a SPAN, sorted by off; else body is filled */
    size_t nparts;
    size_t body_max;               /* a longer body is ELIMIT */
    const struct tsr_piece *piece; /* [npieces], of a PUT */
    int npieces;
    const char *match; /* an ETag for If-Match, or NULL */
    bool stay;         /* redirects are answers, not followed */
    /* Adds fields, "Name: value", before each try (a signature has the time in it). */
    int (*fields)(const struct tsr_http_call *c, struct tsr_http_fields *f);
    /* Decides on a complete answer; what it returns is the call's status.  NULL: any is fine. */
    int (*judge)(struct tsr_http_call *c);
    const void *user;

    /* the answer */
    struct tsr_answer answer;
    int tries;
    uint64_t body_off; /* where body lies in the object: 0 unless it is a part of it */
    struct tsr_buf
        body; /* of answers 200 and 206 without parts, else up to 8 KiB of what is said */
};

/* Runs all n calls; the first failure ends the others and is returned: ETEMP when tries did not
 * help, ECANCELLED, EIO, what a judge says.  Messages begin with the URL without its secrets. */
int tsr_http_run(struct tsr_http *h, struct tsr_http_call *calls, size_t n);
void tsr_http_call_done(struct tsr_http_call *c); /* frees the body */

/* What the answer is, for a judge's message: tsr_fail(code, "<url>: <what>: 403 ..."). */
int tsr_http_fail(tsr_status code, const struct tsr_http_call *c, const char *what);

#endif
