/* SPDX-License-Identifier: BSD-3-Clause */
/* store/s3.c - buckets of S3 and of what speaks like it: opening, URLs, signing, errors.
 *
 *   s3://bucket/key   https://bucket.s3.REGION.amazonaws.com/key
 *                     https://s3.REGION.amazonaws.com/bucket/key   a bucket with dots in its name
 *                     ENDPOINT/bucket/key                          with an endpoint of one's own
 *
 * Every request is signed anew for each try, with host, time, hash of the body and token; ranges
 * and conditions are not signed.  Without a key in the environment requests go unsigned. */
#include "store/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "net/s3_xml.h"
#include "net/sigv4.h"
#include "net/url.h"
#include "store/key.h"
#include "store/kinds.h"

static const char no_bytes[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static const struct tsr_s3 *s3_of(const struct tsr_http_call *c)
{
    return (const struct tsr_s3 *)((const struct tsr_remote_job *)c->user)->remote;
}

/* ---- URLs ---- */

static int s3_url(const struct tsr_remote *r, const char *key, char **out)
{
    const struct tsr_s3 *s = (const struct tsr_s3 *)r;
    struct tsr_buf b = {0};
    int rc = tsr_buf_addf(&b, "%s/", s->root);
    if (rc == TSR_OK) rc = tsr_url_encode(&b, s->place, strlen(s->place), true);
    if (rc == TSR_OK && !s->tree && key[0]) rc = tsr_buf_add(&b, "/", 1);
    if (rc == TSR_OK) rc = tsr_url_encode(&b, key, strlen(key), true);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc == TSR_OK) *out = (char *)b.p;
    else tsr_buf_free(&b);
    return rc;
}

/* ---- signing ---- */

static int add_field(struct tsr_http_fields *f, const char *name, const char *value)
{
    struct tsr_buf b = {0};
    int rc = tsr_buf_addf(&b, "%s: %s", name, value);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc == TSR_OK) rc = tsr_http_field(f, (const char *)b.p);
    tsr_buf_free(&b);
    return rc;
}

/* As it is sent: without the port that goes without saying. */
static void host_of(const struct tsr_url *u, char *out, size_t size)
{
    const char *port = u->scheme.len == 5 ? ":443" : ":80";
    size_t len = u->host.len, cut = strlen(port);
    if (len > cut && memcmp(u->host.p + len - cut, port, cut) == 0) len -= cut;
    snprintf(out, size, "%.*s", (int)len, u->host.p);
}

static int sign(const struct tsr_http_call *c, struct tsr_http_fields *f, const char *payload)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE"};
    const struct tsr_s3 *s = s3_of(c);
    char now[TSR_SIGV4_TIME], host[300];
    struct tsr_buf value = {0};
    struct tsr_url u;
    int rc = tsr_url_parse(&u, c->url);
    if (rc < 0) return rc;
    tsr_sigv4_time(time(NULL), now);
    host_of(&u, host, sizeof host);
    struct tsr_sigv4_field field[] = {{"host", host},
                                      {"x-amz-content-sha256", payload},
                                      {"x-amz-date", now},
                                      {"x-amz-security-token", s->token}};
    size_t n = s->token ? 4 : 3;
    struct tsr_sigv4 sig = {s->id, s->secret, s->region, "s3", methods[c->method], u.path, u.query,
                            field, n,         payload,   now};
    rc = tsr_sigv4_sign(&sig, &value);
    if (rc == TSR_OK) rc = tsr_buf_add(&value, "", 1);
    for (size_t i = 1; i < n && rc == TSR_OK; i++) rc = add_field(f, field[i].name, field[i].value);
    if (rc == TSR_OK) rc = add_field(f, "Authorization", (const char *)value.p);
    tsr_buf_free(&value);
    return rc;
}

static int s3_fields(const struct tsr_http_call *c, struct tsr_http_fields *f)
{
    const struct tsr_remote_job *j = c->user;
    const struct tsr_s3 *s = s3_of(c);
    int rc = j->only_if ? tsr_http_field(f, j->only_if) : TSR_OK;
    if (rc < 0 || !s->id) return rc;
    return sign(c, f, j->payload ? j->payload : no_bytes);
}

/* ---- errors ---- */

static bool no_bucket(const struct tsr_s3_error *e)
{
    return strcmp(e->code, "NoSuchBucket") == 0;
}

/* A bucket that is not there is no absent object. */
static bool s3_absent(const struct tsr_http_call *c)
{
    struct tsr_s3_error e;
    if (c->answer.status != 404 && c->answer.status != 410) return false;
    tsr_s3_error_parse((const char *)c->body.p, c->body.len, &e);
    return !no_bucket(&e);
}

static void add_hint(const struct tsr_http_call *c, const struct tsr_s3_error *e, char *out,
                     size_t size)
{
    const struct tsr_s3 *s = s3_of(c);
    const char *region = e->region[0] ? e->region : c->answer.region;
    const char *name = s->remote.base.url + strlen("s3://");
    int status = c->answer.status;
    char now[TSR_SIGV4_TIME];
    out[0] = 0;
    tsr_sigv4_time(time(NULL), now);
    if (no_bucket(e))
        snprintf(out, size, "; there is no bucket '%.*s'", (int)strcspn(name, "/"), name);
    else if (strcmp(e->code, "RequestTimeTooSkewed") == 0)
        snprintf(out, size, "; the clock here says %s, the server's %s", now,
                 e->time[0] ? e->time : c->answer.date);
    else if (region[0] && strcmp(region, s->region) != 0)
        snprintf(out, size, "; the bucket is in region %s, asked was %s: set AWS_REGION", region,
                 s->region);
    else if ((status == 401 || status == 403) && !s->id)
        snprintf(out, size,
                 "; the request was not signed: there is no AWS_ACCESS_KEY_ID, or "
                 "AWS_NO_SIGN_REQUEST is set");
}

/* Of a bucket that is not there too; but who removes an object takes ENOTFOUND for success. */
static tsr_status status_of(const struct tsr_http_call *c, const struct tsr_s3_error *e)
{
    if (no_bucket(e) && c->method != TSR_HTTP_DELETE) return TSR_ENOTFOUND;
    if (c->answer.status == 501) return TSR_EUNSUPPORTED; /* of servers that know no conditions */
    return c->answer.status == 401 || c->answer.status == 403 ? TSR_EDENIED : TSR_EIO;
}

static int s3_refuse(const struct tsr_http_call *c)
{
    struct tsr_s3_error e;
    char hint[320], what[700];
    int status = c->answer.status;
    tsr_s3_error_parse((const char *)c->body.p, c->body.len, &e);
    add_hint(c, &e, hint, sizeof hint);
    if (e.code[0])
        snprintf(what, sizeof what, "%s: %s (status %d)%s", e.code, e.message, status, hint);
    else snprintf(what, sizeof what, "status %d%s", status, hint);
    return tsr_http_fail(status_of(c, &e), c, what);
}

/* ---- open ---- */

static void s3_done(struct tsr_remote *r)
{
    struct tsr_s3 *s = (struct tsr_s3 *)r;
    if (s->secret) memset(s->secret, 0, strlen(s->secret));
    tsr_free(s->root);
    tsr_free(s->place);
    tsr_free(s->region);
    tsr_free(s->id);
    tsr_free(s->secret);
    tsr_free(s->token);
}

/* Each object is durable once it is put. */
static int s3_sync(struct tsr_store *st, const char *key, bool name)
{
    (void)st;
    (void)key;
    (void)name;
    return TSR_OK;
}

static const struct tsr_remote_kind s3_kind = {
    .store =
        {
            .scheme = "s3",
            .counts = true,
            .readv = tsr_remote_readv,
            .getv = tsr_remote_getv,
            .stat = tsr_remote_stat,
            .put = tsr_s3_put,
            .putv = tsr_s3_putv,
            .put_if = tsr_s3_put_if,
            .sync = s3_sync,
            .list = tsr_s3_list,
            .remove = tsr_s3_remove,
            .removev = tsr_s3_removev,
            .stamp = tsr_remote_stamp,
            .close = tsr_remote_close,
        },
    .url = s3_url,
    .fields = s3_fields,
    .refuse = s3_refuse,
    .done = s3_done,
    .absent = s3_absent,
};

static const char *from_env(const char *given, const char *name, const char *other)
{
    if (given) return given;
    const char *value = getenv(name);
    if ((!value || !*value) && other) value = getenv(other);
    return value && *value ? value : NULL;
}

/* They go into heads of requests, so they are printable ASCII. */
static int take_text(char **out, const char *text, const char *name)
{
    for (const char *c = text; c && *c; c++)
        if (*c <= 0x20 || *c > 0x7E)
            return tsr_fail(TSR_EARG, "%s: byte 0x%02x at position %zu", name, (unsigned char)*c,
                            (size_t)(c - text));
    if (!text) return TSR_OK;
    return (*out = tsr_strdup(text)) ? TSR_OK : TSR_ENOMEM;
}

static int take_credentials(struct tsr_s3 *s, const struct tsr_s3_options *o)
{
    const char *none = o->id ? NULL : from_env(NULL, "AWS_NO_SIGN_REQUEST", NULL);
    const char *region = from_env(o->region, "AWS_REGION", "AWS_DEFAULT_REGION");
    const char *id = from_env(o->id, "AWS_ACCESS_KEY_ID", NULL);
    const char *secret = o->id ? o->secret : from_env(o->secret, "AWS_SECRET_ACCESS_KEY", NULL);
    const char *from = o->region ? "region" : "AWS_REGION";
    int rc = take_text(&s->region, region ? region : "us-east-1", from);
    if (rc < 0) return rc;
    if (strspn(s->region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(s->region))
        return tsr_fail(TSR_EARG, "%s: found '%.60s', expected small letters and digits", from,
                        s->region);
    if (o->anonymous || !id || (none && strcmp(none, "0") != 0 && strcasecmp(none, "false") != 0))
        return TSR_OK;
    if (!secret)
        return tsr_fail(TSR_EARG, "%s is not given, the key is",
                        o->id ? "the secret" : "AWS_SECRET_ACCESS_KEY");
    rc = take_text(&s->secret, secret, "AWS_SECRET_ACCESS_KEY");
    const char *token = o->id ? o->token : from_env(o->token, "AWS_SESSION_TOKEN", NULL);
    if (rc == TSR_OK) rc = take_text(&s->token, token, "AWS_SESSION_TOKEN");
    return rc < 0 ? rc : take_text(&s->id, id, "AWS_ACCESS_KEY_ID");
}

/* from: the setting that the endpoint is of. */
static int own_root(struct tsr_s3 *s, struct tsr_text bucket, const char *endpoint,
                    const char *from)
{
    struct tsr_buf b = {0};
    struct tsr_url u;
    size_t len = strlen(endpoint);
    int rc = tsr_url_parse(&u, endpoint);
    if (rc < 0) tsr_within("%s", from);
    if (rc < 0) return rc;
    if (u.scheme.len < 4 || strncasecmp(u.scheme.p, "http", 4) != 0 || u.user.p || u.query.p)
        return tsr_fail(TSR_EARG, "%s: expected http://host or https://host without user and query",
                        from);
    while (len && endpoint[len - 1] == '/') len--;
    rc = tsr_buf_addf(&b, "%.*s/%.*s", (int)len, endpoint, (int)bucket.len, bucket.p);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    s->root = (char *)b.p;
    return rc;
}

static int amazon_root(struct tsr_s3 *s, struct tsr_text bucket)
{
    const char *zone = strncmp(s->region, "cn-", 3) == 0 ? ".cn" : "";
    struct tsr_buf b = {0};
    int rc = memchr(bucket.p, '.', bucket.len)
                 ? tsr_buf_addf(&b, "https://s3.%s.amazonaws.com%s/%.*s", s->region, zone,
                                (int)bucket.len, bucket.p)
                 : tsr_buf_addf(&b, "https://%.*s.s3.%s.amazonaws.com%s", (int)bucket.len, bucket.p,
                                s->region, zone);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    s->root = (char *)b.p;
    return rc;
}

/* "s3://bucket/key" in parts; a key is bytes, nothing in it is encoded. */
static int take_place(struct tsr_s3 *s, const char *url, struct tsr_text *bucket)
{
    bool there = strncasecmp(url, "s3://", 5) == 0;
    const char *name = there ? url + 5 : "";
    size_t len = strcspn(name, "/");
    *bucket = (struct tsr_text){name, len};
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i] | 0x20;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-._", name[i])) continue;
        return tsr_fail(TSR_EARG, "%.200s: no name of a bucket", url);
    }
    if (!len) return tsr_fail(TSR_EARG, "%.200s: expected s3://bucket/key", url);
    if (len < 3 || len > 255)
        return tsr_fail(TSR_EARG, "%.200s: found a bucket's name of %zu bytes, expected 3 to 255",
                        url, len);
    return tsr_key_normalise(name + len, &s->place);
}

int tsr_store_s3(const char *url, const struct tsr_s3_options *o, struct tsr_store **out)
{
    struct tsr_s3 *s = tsr_alloc_zero(1, sizeof *s);
    const char *special = from_env(NULL, "AWS_ENDPOINT_URL_S3", NULL);
    const char *endpoint = from_env(o->endpoint, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
    const char *from = o->endpoint ? "endpoint"
                       : special   ? "AWS_ENDPOINT_URL_S3"
                                   : "AWS_ENDPOINT_URL";
    struct tsr_text bucket;
    if (!s) return TSR_ENOMEM;
    int rc = take_place(s, url, &bucket);
    if (rc == TSR_OK) rc = take_credentials(s, o);
    if (rc == TSR_OK) rc = endpoint ? own_root(s, bucket, endpoint, from) : amazon_root(s, bucket);
    if (rc == TSR_OK) rc = tsr_remote_init(&s->remote, &s3_kind, url, o->http, o->writable);
    if (rc < 0) {
        s3_done(&s->remote);
        tsr_free(s);
        return rc;
    }
    *out = &s->remote.base;
    return TSR_OK;
}

/* o with the texts of r; http is room for how requests are made. */
static int take_remote(struct tsr_s3_options *o, const tsr_remote_options *r,
                       struct tsr_http_options *http)
{
    int rc = tsr_remote_http(r, http);
    o->http = http;
    if (rc < 0 || !r) return rc;
    o->endpoint = r->endpoint;
    o->region = r->region;
    o->id = r->key;
    o->secret = r->secret;
    o->token = r->token;
    o->anonymous = r->anonymous;
    return TSR_OK;
}

int tsr_store_s3_open(const char *url, bool update, const tsr_remote_options *r,
                      struct tsr_store **out)
{
    struct tsr_s3_options o = {0};
    struct tsr_http_options http;
    if (update)
        return tsr_fail(TSR_EDENIED, "%.200s: objects of S3 are put whole, not changed in place",
                        url);
    int rc = take_remote(&o, r, &http);
    return rc < 0 ? rc : tsr_store_s3(url, &o, out);
}

int tsr_store_s3_create(const char *url, bool replace, struct tsr_store **out)
{
    (void)replace;
    (void)out;
    return tsr_fail(TSR_EDENIED, "%.200s: objects of S3 are put whole, not written piece by piece",
                    url);
}

static int found_one(void *user, const char *key)
{
    (void)user;
    (void)key;
    return 1;
}

/* Keys of a tree are put behind the place and a slash. */
static int make_tree(struct tsr_s3 *s, const char *inner)
{
    struct tsr_buf b = {0};
    char *below = NULL;
    int rc = tsr_key_normalise(inner ? inner : "", &below);
    if (rc == TSR_OK)
        rc = tsr_buf_addf(&b, "%s%s%s%s", s->place, s->place[0] ? "/" : "", below,
                          below[0] ? "/" : "");
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    tsr_free(below);
    if (rc < 0) {
        tsr_buf_free(&b);
        return rc;
    }
    tsr_free(s->place);
    s->place = (char *)b.p;
    s->tree = true;
    return TSR_OK;
}

int tsr_store_s3_open_tree(const char *url, const struct tsr_tree_options *o,
                           struct tsr_store **out)
{
    struct tsr_s3_options opts = {.writable = o->flags & TSR_TREE_UPDATE};
    struct tsr_http_options http;
    struct tsr_store *st;
    int rc = take_remote(&opts, o->remote, &http);
    if (rc == TSR_OK) rc = tsr_store_s3(url, &opts, &st);
    if (rc < 0) return rc;
    rc = make_tree((struct tsr_s3 *)st, o->inner);
    if (rc == TSR_OK && (o->flags & TSR_TREE_EMPTY)) {
        rc = tsr_s3_list(st, "", found_one, NULL);
        if (rc > 0) rc = tsr_fail(TSR_EEXISTS, "%.200s: holds objects already", url);
    }
    if (rc < 0) tsr_store_close(st);
    else *out = st;
    return rc;
}
