/* SPDX-License-Identifier: BSD-3-Clause */
/* store/remote.h - what stores behind HTTP requests share: reading, and when an object changed.
 *
 * Such a store either holds one object, under the key "", or is a tree.  The one object stays the
 * same for as long as the handle lives: its first answer says its size, ETag and time, every
 * further one must agree, else the read fails with ECONFLICT.  In a tree the stamp of a get says so
 * for the reads that are given it. */
#ifndef TSR_STORE_REMOTE_H
#define TSR_STORE_REMOTE_H

#include <pthread.h>

#include "net/http.h"
#include "store/store.h"

struct tsr_remote;

/* How one kind of server is spoken to. */
struct tsr_remote_kind {
    struct tsr_store_kind store; /* for tsr_store_init */
    /* The URL of a key; the caller frees it. */
    int (*url)(const struct tsr_remote *r, const char *key, char **out);
    /* As tsr_http_call.fields; the call's user is a tsr_remote_job.  NULL: none. */
    int (*fields)(const struct tsr_http_call *c, struct tsr_http_fields *f);
    /* Fails as an answer says that is no success; what: "read", ...  NULL: status and code. */
    int (*refuse)(const struct tsr_http_call *c);
    void (*done)(struct tsr_remote *r);            /* frees what is the kind's own */
    bool (*absent)(const struct tsr_http_call *c); /* is there no object? NULL: 404 and 410 */
};

struct tsr_remote_window;
enum { TSR_REMOTE_AHEAD = 8 };

struct tsr_remote {
    struct tsr_store base;
    const struct tsr_remote_kind *how;
    struct tsr_http *http;
    pthread_mutex_t lock; /* guards what is known of the one object: */
    bool known;
    struct tsr_answer version;                         /* its etag, modified and total */
    _Atomic(struct tsr_remote_window *) head, tail;    /* of the one object; set once */
    struct tsr_remote_window *ahead[TSR_REMOTE_AHEAD]; /* the lock guards them too */
    unsigned next_ahead;
};

/* What the user of a call of a remote store is. */
struct tsr_remote_job {
    struct tsr_remote *remote;
    const char *key;
    uint64_t stamp; /* the object must have it; 0: any */
    bool absent, behind, again;
    const char *payload; /* S3: SHA-256 of what is put, in hexadecimal; NULL: nothing is */
    const char *only_if; /* S3: a field of a put, or NULL */
};

/* Fills a store of kind `how`, which the caller allocated; url, for messages, has no secrets.
 * After a failure nothing is to be released but the memory. */
int tsr_remote_init(struct tsr_remote *r, const struct tsr_remote_kind *how, const char *url,
                    const struct tsr_http_options *o, bool writable);

/* The entries of struct tsr_store_kind. */
int tsr_remote_readv(struct tsr_store *st, const struct tsr_range *r, size_t n);
int tsr_remote_getv(struct tsr_store *st, struct tsr_get *g, size_t n);
int tsr_remote_stat(struct tsr_store *st, const char *key, uint64_t *size);
uint64_t tsr_remote_stamp(struct tsr_store *st, const char *key);
void tsr_remote_close(struct tsr_store *st);

/* Begins a call about a key, whose user is job; tsr_remote_call_done ends it. */
int tsr_remote_call(struct tsr_http_call *c, struct tsr_remote_job *job);
void tsr_remote_call_done(struct tsr_http_call *c);
/* A number for what answers to be the same object; never 0. */
uint64_t tsr_remote_stamp_of(const struct tsr_answer *a);
/* Fails as the answer of a call says. */
int tsr_remote_refuse(const struct tsr_http_call *c);
bool tsr_remote_absent(const struct tsr_http_call *c);
int tsr_remote_run(struct tsr_remote *r, struct tsr_http_call *calls, size_t n);

/* remote_one.c: reads of the one object.  Those that the windows hold are served; the others are
 * left for the caller: *left of them, in rest[n]. */
int tsr_remote_serve(struct tsr_remote *r, const struct tsr_range *v, size_t n,
                     struct tsr_range *rest, size_t *left);
/* ECONFLICT when the answer to c is of another object than before. */
int tsr_remote_note(struct tsr_remote *r, const struct tsr_http_call *c);
int tsr_remote_size(struct tsr_remote *r, uint64_t *size);
void tsr_remote_forget(struct tsr_remote *r);

#endif
