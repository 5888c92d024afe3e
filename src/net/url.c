/* SPDX-License-Identifier: BSD-3-Clause */
/* net/url.c - RFC 3986, as far as stores need it. */
#include "net/url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/status.h"

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static size_t scheme_len(const char *url)
{
    size_t n = 0;
    if (!is_letter((unsigned char)url[0])) return 0;
    while (is_letter((unsigned char)url[n]) || is_digit((unsigned char)url[n]) ||
           (url[n] && strchr("+-.", url[n])))
        n++;
    return strncmp(url + n, "://", 3) ? 0 : n;
}

int tsr_url_parse(struct tsr_url *u, const char *url)
{
    size_t scheme = scheme_len(url);
    char shown[200];
    *u = (struct tsr_url){0};
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return tsr_fail(TSR_EARG, "URL: byte 0x%02x at position %zu", (unsigned char)*c,
                            (size_t)(c - url));
    if (!scheme) {
        tsr_url_shown(url, shown, sizeof shown);
        return tsr_fail(TSR_EARG, "%s: expected a URL: scheme://host/path", shown);
    }
    const char *host = url + scheme + 3, *end = host + strcspn(host, "/?#"), *at = end;
    while (at > host && at[-1] != '@') at--;
    u->scheme = (struct tsr_text){url, scheme};
    if (at > host) u->user = (struct tsr_text){host, (size_t)(at - 1 - host)};
    u->host = (struct tsr_text){at, (size_t)(end - at)};
    u->path = (struct tsr_text){end, strcspn(end, "?")};
    if (end[u->path.len] == '?') {
        u->query.p = end + u->path.len + 1;
        u->query.len = strlen(u->query.p);
    }
    if (u->host.len) return TSR_OK;
    tsr_url_shown(url, shown, sizeof shown);
    return tsr_fail(TSR_EARG, "%s: names no host", shown);
}

static int add_escaped(struct tsr_buf *out, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    char esc[3] = {'%', hex[c >> 4], hex[c & 15]};
    return tsr_buf_add(out, esc, 3);
}

int tsr_url_encode(struct tsr_buf *out, const char *text, size_t len, bool slash)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < len && rc == TSR_OK; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = is_letter(c) || is_digit(c) || (c && strchr("-._~", c)) || (slash && c == '/');
        rc = plain ? tsr_buf_add(out, &c, 1) : add_escaped(out, c);
    }
    return rc;
}

static int hex_value(unsigned char c)
{
    if (is_digit(c)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int tsr_url_decode(struct tsr_buf *out, const char *text, size_t len)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < len && rc == TSR_OK; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '%') {
            int hi = len - i > 2 ? hex_value((unsigned char)text[i + 1]) : -1;
            int lo = len - i > 2 ? hex_value((unsigned char)text[i + 2]) : -1;
            if (hi < 0 || lo < 0 || hi + lo == 0)
                return tsr_fail(TSR_ECORRUPT, "'%%' at position %zu: expected two digits of a byte",
                                i);
            c = (unsigned char)(hi << 4 | lo);
            i += 2;
        }
        rc = tsr_buf_add(out, &c, 1);
    }
    return rc;
}

/* Keeps what is encoded already, and encodes what may not stand in a URL at all. */
static int add_tidied(struct tsr_buf *out, struct tsr_text t)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < t.len && rc == TSR_OK; i++) {
        unsigned char c = (unsigned char)t.p[i];
        bool plain = c > 0x20 && c < 0x7F && !strchr("\"#<>\\^`{|}", c);
        rc = plain ? tsr_buf_add(out, &c, 1) : add_escaped(out, c);
    }
    return rc;
}

static int add_key(struct tsr_buf *out, struct tsr_text path, const char *key)
{
    int rc = TSR_OK;
    if (!path.len || path.p[path.len - 1] != '/') rc = tsr_buf_add(out, "/", 1);
    return rc < 0 ? rc : tsr_url_encode(out, key, strlen(key), true);
}

int tsr_url_join(const char *base, const char *key, char **out)
{
    struct tsr_buf b = {0};
    struct tsr_url u;
    int rc = tsr_url_parse(&u, base);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, base, (size_t)(u.path.p - base));
    /* "http://host#@other" stays at its host */
    if (rc == TSR_OK && u.path.len && u.path.p[0] != '/') rc = tsr_buf_add(&b, "/", 1);
    if (rc == TSR_OK) rc = add_tidied(&b, u.path);
    if (rc == TSR_OK && key[0]) rc = add_key(&b, u.path, key);
    if (rc == TSR_OK && u.query.p) rc = tsr_buf_add(&b, "?", 1);
    if (rc == TSR_OK && u.query.p) rc = add_tidied(&b, u.query);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc == TSR_OK) *out = (char *)b.p;
    else tsr_buf_free(&b);
    return rc;
}

void tsr_url_shown(const char *url, char *out, size_t size)
{
    size_t scheme = scheme_len(url), front = scheme ? scheme + 3 : 0;
    const char *host = url + front, *end = host + strcspn(host, "/?#"), *at = end;
    bool s3 = scheme == 2 && strncasecmp(url, "s3", 2) == 0; /* a '?' is of the key */
    if (!scheme) {
        snprintf(out, size, "%s", url);
        return;
    }
    while (at > host && at[-1] != '@') at--;
    size_t path = s3 ? strlen(at) : strcspn(at, "?");
    snprintf(out, size, "%.*s%s%.*s%s", (int)front, url, at > host ? "***@" : "",
             (int)(path < size ? path : size), at, at[path] ? "?***" : "");
}

void tsr_url_within(const char *url)
{
    char shown[TSR_ERROR_MAX / 2];
    tsr_url_shown(url, shown, sizeof shown);
    if (strncmp(tsr_error(), shown, strlen(shown)) != 0) tsr_within("%s", shown);
}
