/* SPDX-License-Identifier: BSD-3-Clause */
/* net/sigv4.c - signature version 4, as the AWS documentation "Create a signed AWS API request"
 * defines it.
 *
 *   canonical request   method \n path \n sorted query \n name:value \n ... \n names \n
 *                       payload hash
 *   string to sign      AWS4-HMAC-SHA256 \n time \n date/region/service/aws4_request \n its hash
 *   key                 HMAC of date, region, service, "aws4_request", in a chain from the secret
 */
#include "net/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"

enum { HASH = 32, DATE = 8, MOST_PAIRS = 64 };

static int no_crypto(void)
{
    return tsr_fail(TSR_ENOMEM, "libcrypto: SHA-256 fails");
}

static void to_hex(const uint8_t sum[HASH], char out[TSR_SHA256_HEX])
{
    static const char digit[] = "0123456789abcdef";
    for (int i = 0; i < HASH; i++) {
        out[2 * i] = digit[sum[i] >> 4];
        out[2 * i + 1] = digit[sum[i] & 15];
    }
    out[TSR_SHA256_HEX - 1] = 0;
}

int tsr_sha256(const struct tsr_piece *p, int n, char out[TSR_SHA256_HEX])
{
    uint8_t sum[HASH];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
    for (int i = 0; i < n && ok; i++) ok = EVP_DigestUpdate(c, p[i].p, p[i].len);
    ok = ok && EVP_DigestFinal_ex(c, sum, NULL);
    EVP_MD_CTX_free(c);
    if (!ok) return no_crypto();
    to_hex(sum, out);
    return TSR_OK;
}

void tsr_sigv4_time(time_t at, char out[TSR_SIGV4_TIME])
{
    struct tm t;
    gmtime_r(&at, &t);
    strftime(out, TSR_SIGV4_TIME, "%Y%m%dT%H%M%SZ", &t);
}

/* ---- the canonical request ---- */

struct pair {
    struct tsr_text name, value;
};

static int compare(struct tsr_text a, struct tsr_text b)
{
    int d = memcmp(a.p, b.p, tsr_minz(a.len, b.len));
    return d ? d : a.len < b.len ? -1 : a.len > b.len;
}

static int by_pair(const void *x, const void *y)
{
    const struct pair *a = x, *b = y;
    int d = compare(a->name, b->name);
    return d ? d : compare(a->value, b->value);
}

static size_t split_query(struct tsr_text q, struct pair *pair)
{
    const char *p = q.p, *end = q.len ? q.p + q.len : q.p;
    size_t n = 0;
    while (p < end && n < MOST_PAIRS) {
        const char *stop = memchr(p, '&', (size_t)(end - p));
        if (!stop) stop = end;
        const char *is = memchr(p, '=', (size_t)(stop - p));
        if (!is) is = stop;
        const char *value = is < stop ? is + 1 : stop;
        pair[n++] = (struct pair){{p, (size_t)(is - p)}, {value, (size_t)(stop - value)}};
        p = stop + (stop < end);
    }
    return p < end ? MOST_PAIRS + 1 : n;
}

static int add_query(struct tsr_buf *b, struct tsr_text query)
{
    struct pair pair[MOST_PAIRS];
    size_t n = split_query(query, pair);
    int rc = TSR_OK;
    if (n > MOST_PAIRS) return tsr_fail(TSR_EARG, "a query of more than %d fields", MOST_PAIRS);
    qsort(pair, n, sizeof *pair, by_pair);
    for (size_t i = 0; i < n && rc == TSR_OK; i++)
        rc = tsr_buf_addf(b, "%s%.*s=%.*s", i ? "&" : "", (int)pair[i].name.len, pair[i].name.p,
                          (int)pair[i].value.len, pair[i].value.p);
    return rc < 0 ? rc : tsr_buf_add(b, "\n", 1);
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct tsr_sigv4_field *)x)->name,
                  ((const struct tsr_sigv4_field *)y)->name);
}

static int add_names(struct tsr_buf *b, const struct tsr_sigv4 *s)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < s->nfields && rc == TSR_OK; i++)
        rc = tsr_buf_addf(b, "%s%s", i ? ";" : "", s->field[i].name);
    return rc;
}

static int canonical(struct tsr_buf *b, struct tsr_sigv4 *s)
{
    struct tsr_text path = s->path.len ? s->path : (struct tsr_text){"/", 1};
    qsort(s->field, s->nfields, sizeof *s->field, by_name);
    int rc = tsr_buf_addf(b, "%s\n%.*s\n", s->method, (int)path.len, path.p);
    if (rc == TSR_OK) rc = add_query(b, s->query);
    for (size_t i = 0; i < s->nfields && rc == TSR_OK; i++)
        rc = tsr_buf_addf(b, "%s:%s\n", s->field[i].name, s->field[i].value);
    if (rc == TSR_OK) rc = tsr_buf_add(b, "\n", 1);
    if (rc == TSR_OK) rc = add_names(b, s);
    return rc < 0 ? rc : tsr_buf_addf(b, "\n%s", s->payload);
}

/* ---- the signature ---- */

static bool chain(uint8_t key[HASH], size_t len, const void *text, size_t text_len)
{
    uint8_t out[HASH];
    unsigned n = HASH;
    bool ok = HMAC(EVP_sha256(), key, (int)len, text, text_len, out, &n) != NULL;
    memcpy(key, out, HASH);
    return ok;
}

static bool derive(const struct tsr_sigv4 *s, const struct tsr_buf *to_sign, uint8_t sum[HASH])
{
    struct tsr_buf first = {0};
    unsigned n = HASH;
    bool ok = tsr_buf_addf(&first, "AWS4%s", s->secret) == TSR_OK &&
              HMAC(EVP_sha256(), first.p, (int)first.len, (const uint8_t *)s->time, DATE, sum, &n);
    if (first.p) memset(first.p, 0, first.len);
    tsr_buf_free(&first);
    return ok && chain(sum, HASH, s->region, strlen(s->region)) &&
           chain(sum, HASH, s->service, strlen(s->service)) &&
           chain(sum, HASH, "aws4_request", 12) && chain(sum, HASH, to_sign->p, to_sign->len);
}

int tsr_sigv4_sign(struct tsr_sigv4 *s, struct tsr_buf *out)
{
    struct tsr_buf request = {0}, to_sign = {0};
    char hash[TSR_SHA256_HEX], scope[200];
    uint8_t sum[HASH];
    int rc = canonical(&request, s);
    struct tsr_piece piece = {request.p, request.len};
    if (rc == TSR_OK) rc = tsr_sha256(&piece, 1, hash);
    snprintf(scope, sizeof scope, "%.8s/%s/%s/aws4_request", s->time, s->region, s->service);
    if (rc == TSR_OK)
        rc = tsr_buf_addf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", s->time, scope, hash);
    if (rc == TSR_OK && !derive(s, &to_sign, sum)) rc = no_crypto();
    if (rc == TSR_OK) {
        to_hex(sum, hash);
        rc = tsr_buf_addf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", s->id, scope);
    }
    if (rc == TSR_OK) rc = add_names(out, s);
    if (rc == TSR_OK) rc = tsr_buf_addf(out, ", Signature=%s", hash);
    tsr_buf_free(&request);
    tsr_buf_free(&to_sign);
    return rc;
}
