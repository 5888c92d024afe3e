/* SPDX-License-Identifier: BSD-3-Clause */
/* net/sigv4.h - requests signed with AWS signature version 4, the payload's hash included. */
#ifndef TSR_NET_SIGV4_H
#define TSR_NET_SIGV4_H

#include <stddef.h>
#include <time.h>

#include "base/mem.h"
#include "net/url.h"
#include "sys/file.h"

/* "yyyymmddThhmmssZ" and SHA-256 in hexadecimal, each with its NUL. */
enum { TSR_SIGV4_TIME = 17, TSR_SHA256_HEX = 65 };

struct tsr_sigv4_field {
    const char *name; /* lower case */
    const char *value;
};

struct tsr_sigv4 {
    const char *id, *secret, *region, *service;
    const char *method;
    struct tsr_text path, query;   /* as they are sent: percent-encoded, the query unsorted */
    struct tsr_sigv4_field *field; /* [nfields]: what is signed; sorted by this */
    size_t nfields;
    const char *payload; /* SHA-256 of the body */
    const char *time;
};

/* Appends the value of the field Authorization, without a NUL. */
int tsr_sigv4_sign(struct tsr_sigv4 *s, struct tsr_buf *out);

void tsr_sigv4_time(time_t at, char out[TSR_SIGV4_TIME]);
/* Of all pieces, one after the other. */
int tsr_sha256(const struct tsr_piece *p, int n, char out[TSR_SHA256_HEX]);

#endif
