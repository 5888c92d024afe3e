/* SPDX-License-Identifier: BSD-3-Clause */
/* store/s3_write.c - objects are put, removed and listed.
 *
 * A put is one request and all or nothing: readers see the old object or the new one.  A condition
 * is the server's to check (If-None-Match, If-Match).  When the answer to a try was lost, the next
 * one may find the object that the first one made: then it is read and compared. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "net/s3_xml.h"
#include "net/sigv4.h"
#include "net/url.h"
#include "store/key.h"
#include "store/s3.h"

#define MOST_BYTES (UINT64_C(5) << 30) /* of one put, as S3 has it */
enum { PAGE_MOST = 16 << 20, REMOVED_AT_ONCE = 256 };

struct put {
    struct tsr_remote_job job;
    char payload[TSR_SHA256_HEX];
    uint64_t len;
    bool held; /* the condition did not hold */
};

static int judge_put(struct tsr_http_call *c)
{
    struct put *p = (struct put *)(uintptr_t)c->user;
    int status = c->answer.status;
    if (status >= 200 && status <= 204) return TSR_OK;
    if (p->job.only_if && (status == 412 || status == 409)) {
        p->held = true;
        return TSR_OK;
    }
    return tsr_remote_refuse(c);
}

static int begin_put(struct put *p, struct tsr_http_call *c, struct tsr_remote *r,
                     const struct tsr_object *o)
{
    p->job = (struct tsr_remote_job){.remote = r, .key = o->key, .payload = p->payload};
    for (int i = 0; i < o->n; i++)
        if (!tsr_add(p->len, (uint64_t)o->p[i].len, &p->len)) p->len = UINT64_MAX;
    int rc = tsr_remote_call(c, &p->job);
    if (rc < 0) return rc;
    if (p->len > MOST_BYTES)
        return tsr_fail(TSR_ELIMIT, "%s: %s: %llu bytes; S3 takes 5 GiB in one request",
                        r->base.url, o->key, (unsigned long long)p->len);
    c->method = TSR_HTTP_PUT;
    c->piece = o->p;
    c->npieces = o->n;
    c->stay = true;
    c->judge = judge_put;
    return tsr_sha256(o->p, o->n, p->payload);
}

int tsr_s3_putv(struct tsr_store *st, const struct tsr_object *o, size_t n, bool durable)
{
    struct tsr_remote *r = (struct tsr_remote *)st;
    struct put *p = tsr_alloc_zero(n, sizeof *p);
    struct tsr_http_call *c = tsr_alloc_zero(n, sizeof *c);
    int rc = p && c ? TSR_OK : TSR_ENOMEM;
    size_t begun = 0;
    (void)durable;
    while (begun < n && rc == TSR_OK) {
        rc = begin_put(&p[begun], &c[begun], r, &o[begun]);
        begun++;
    }
    if (rc == TSR_OK) rc = tsr_remote_run(r, c, n);
    for (size_t i = 0; i < begun; i++) tsr_remote_call_done(&c[i]);
    tsr_free(p);
    tsr_free(c);
    if (!((struct tsr_s3 *)st)->tree) tsr_remote_forget(r);
    return rc;
}

int tsr_s3_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
               bool durable)
{
    struct tsr_object o = {key, p, n};
    return tsr_s3_putv(st, &o, 1, durable);
}

/* ---- conditions ---- */

/* The ETag of the object with this stamp. */
static int find_etag(struct tsr_remote *r, const char *key, uint64_t stamp, char *etag, size_t size)
{
    struct tsr_remote_job job = {.remote = r, .key = key};
    struct tsr_http_call c;
    uint8_t byte;
    struct tsr_http_part part = {0, 1, &byte};
    int rc = tsr_remote_call(&c, &job);
    c.range = TSR_HTTP_SPAN;
    c.len = 1;
    c.parts = &part;
    c.nparts = 1;
    if (rc == TSR_OK) rc = tsr_remote_run(r, &c, 1);
    bool there = c.answer.status == 200 || c.answer.status == 206 || c.answer.status == 416;
    if (rc == TSR_OK && !there && !tsr_remote_absent(&c)) rc = tsr_remote_refuse(&c);
    else if (rc == TSR_OK && (!there || tsr_remote_stamp_of(&c.answer) != stamp))
        rc = tsr_http_fail(TSR_ECONFLICT, &c, "the object changed before it was put");
    else if (rc == TSR_OK && !tsr_answer_strong(&c.answer))
        rc = tsr_http_fail(TSR_EUNSUPPORTED, &c, "has no ETag to put an object on a condition");
    snprintf(etag, size, "If-Match: %s", c.answer.etag);
    tsr_remote_call_done(&c);
    return rc;
}

/* Is what is there what was put, by a try whose answer was lost? */
static int compare_put(struct tsr_remote *r, const struct put *p, bool *same)
{
    char sum[TSR_SHA256_HEX];
    uint8_t *dst = tsr_alloc((size_t)p->len + 1);
    struct tsr_get g = {.key = p->job.key, .len = (size_t)p->len + 1, .dst = dst};
    int rc = dst ? tsr_remote_getv(&r->base, &g, 1) : TSR_ENOMEM;
    struct tsr_piece piece = {dst, g.got};
    if (rc == TSR_OK) rc = tsr_sha256(&piece, 1, sum);
    *same = rc == TSR_OK && g.found && g.got == p->len && strcmp(sum, p->payload) == 0;
    tsr_free(dst);
    return rc;
}

int tsr_s3_put_if(struct tsr_store *st, const struct tsr_object *o, bool durable, uint64_t stamp)
{
    struct tsr_remote *r = (struct tsr_remote *)st;
    struct tsr_http_call c = {0};
    struct put p = {0};
    char only_if[200] = "If-None-Match: *";
    bool mine = false;
    (void)durable;
    int rc = stamp ? find_etag(r, o->key, stamp, only_if, sizeof only_if) : TSR_OK;
    if (rc == TSR_OK) rc = begin_put(&p, &c, r, o);
    p.job.only_if = only_if;
    if (rc == TSR_OK) rc = tsr_remote_run(r, &c, 1);
    if (rc == TSR_OK && p.held && c.tries > 1) rc = compare_put(r, &p, &mine);
    if (rc == TSR_OK && p.held && !mine)
        rc = stamp ? tsr_http_fail(TSR_ECONFLICT, &c, "the object changed before it was put")
                   : tsr_http_fail(TSR_EEXISTS, &c, "is there already");
    tsr_remote_call_done(&c);
    return rc;
}

/* ---- remove ---- */

static int judge_remove(struct tsr_http_call *c)
{
    int status = c->answer.status;
    return (status >= 200 && status <= 204) || tsr_remote_absent(c) ? TSR_OK : tsr_remote_refuse(c);
}

static int remove_some(struct tsr_remote *r, const char *const *key, size_t n)
{
    struct tsr_remote_job *job = tsr_alloc_zero(n, sizeof *job);
    struct tsr_http_call *c = tsr_alloc_zero(n, sizeof *c);
    int rc = job && c ? TSR_OK : TSR_ENOMEM;
    size_t begun = 0;
    for (; begun < n && rc == TSR_OK; begun++) {
        job[begun] = (struct tsr_remote_job){.remote = r, .key = key[begun]};
        rc = tsr_remote_call(&c[begun], &job[begun]);
        c[begun].method = TSR_HTTP_DELETE;
        c[begun].stay = true;
        c[begun].judge = judge_remove;
    }
    if (rc == TSR_OK) rc = tsr_remote_run(r, c, n);
    for (size_t i = 0; i < begun; i++) tsr_remote_call_done(&c[i]);
    tsr_free(job);
    tsr_free(c);
    return rc;
}

/* S3 does not say whether there was an object. */
int tsr_s3_removev(struct tsr_store *st, const char *const *key, size_t n)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < n && rc == TSR_OK; i += REMOVED_AT_ONCE)
        rc = remove_some((struct tsr_remote *)st, key + i, tsr_minz(n - i, REMOVED_AT_ONCE));
    return rc;
}

int tsr_s3_remove(struct tsr_store *st, const char *key)
{
    return tsr_s3_removev(st, &key, 1);
}

/* ---- list ---- */

struct listing {
    size_t skip; /* bytes of the place before each key */
    const char *place, *prefix;
    int (*fn)(void *user, const char *key);
    void *user;
};

/* Keys that are none of ours, such as the empty objects that stand for folders, are passed over. */
static int list_key(void *user, const char *key)
{
    const struct listing *l = user;
    if (strncmp(key, l->place, l->skip) != 0) return 0;
    key += l->skip;
    if (strcmp(key, l->prefix) == 0) return 0;
    size_t len = strlen(key);
    if (len && key[len - 1] == '/') len--;
    if (tsr_key_fault(key, len)) return 0;
    return l->fn(l->user, key);
}

static int page_url(const struct tsr_s3 *s, const char *prefix, const char *token, char **out)
{
    struct tsr_buf b = {0};
    int rc = tsr_buf_addf(&b, "%s/?list-type=2&delimiter=%%2F&encoding-type=url&prefix=", s->root);
    if (rc == TSR_OK) rc = tsr_url_encode(&b, s->place, strlen(s->place), false);
    if (rc == TSR_OK) rc = tsr_url_encode(&b, prefix, strlen(prefix), false);
    if (rc == TSR_OK && token[0]) rc = tsr_buf_addf(&b, "&continuation-token=");
    if (rc == TSR_OK) rc = tsr_url_encode(&b, token, strlen(token), false);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc == TSR_OK) *out = (char *)b.p;
    else tsr_buf_free(&b);
    return rc;
}

static int judge_page(struct tsr_http_call *c)
{
    return c->answer.status == 200 ? TSR_OK : tsr_remote_refuse(c);
}

static int list_page(struct tsr_s3 *s, const char *prefix, struct tsr_s3_page *page,
                     struct listing *l)
{
    struct tsr_remote_job job = {.remote = &s->remote, .key = prefix};
    struct tsr_http_call c = {.user = &job, .fields = s->remote.how->fields, .judge = judge_page};
    char *url = NULL;
    int rc = page_url(s, prefix, page->token, &url);
    c.url = url;
    c.body_max = PAGE_MOST;
    c.stay = true;
    if (rc == TSR_OK) rc = tsr_remote_run(&s->remote, &c, 1);
    if (rc == TSR_OK) {
        rc = tsr_s3_page_parse((const char *)c.body.p, c.body.len, page, list_key, l);
        if (rc < 0) tsr_url_within(s->remote.base.url);
    }
    tsr_remote_call_done(&c);
    return rc;
}

int tsr_s3_list(struct tsr_store *st, const char *prefix, int (*fn)(void *user, const char *key),
                void *user)
{
    struct tsr_s3 *s = (struct tsr_s3 *)st;
    struct listing l = {strlen(s->place), s->place, prefix, fn, user};
    struct tsr_s3_page page = {0};
    char before[sizeof page.token];
    int rc;
    do {
        strcpy(before, page.token);
        rc = list_page(s, prefix, &page, &l);
        if (rc == TSR_OK && page.truncated && strcmp(before, page.token) == 0)
            rc = tsr_fail(TSR_ECORRUPT, "%s: listing: the next page is the same again", st->url);
    } while (rc == TSR_OK && page.truncated);
    return rc;
}
