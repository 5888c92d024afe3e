/* SPDX-License-Identifier: BSD-3-Clause */
/* store/http.c - what lies at an http:// or https:// URL, to be read.
 *
 * "https://host/x.b2nd" is a store of one object; as a tree the URL is the base of its keys, whose
 * parts are percent-encoded, and the query of the base, as in signed URLs, stays at the end.
 * There is nothing to list with. */
#include "base/mem.h"
#include "net/url.h"
#include "store/key.h"
#include "store/kinds.h"
#include "store/remote.h"

struct store_http {
    struct tsr_remote remote;
    char *where; /* with its secrets */
};

static int http_url(const struct tsr_remote *r, const char *key, char **out)
{
    return tsr_url_join(((const struct store_http *)r)->where, key, out);
}

static void http_done(struct tsr_remote *r)
{
    tsr_free(((struct store_http *)r)->where);
}

static const struct tsr_remote_kind http_kind = {
    .store =
        {
            .scheme = "http",
            .counts = true,
            .readv = tsr_remote_readv,
            .getv = tsr_remote_getv,
            .stat = tsr_remote_stat,
            .stamp = tsr_remote_stamp,
            .close = tsr_remote_close,
        },
    .url = http_url,
    .done = http_done,
};

int tsr_store_http(const char *url, const struct tsr_http_options *o, struct tsr_store **out)
{
    struct store_http *s = tsr_alloc_zero(1, sizeof *s);
    char shown[300];
    if (!s) return TSR_ENOMEM;
    tsr_url_shown(url, shown, sizeof shown);
    int rc = tsr_url_join(url, "", &s->where);
    if (rc == TSR_OK) rc = tsr_remote_init(&s->remote, &http_kind, shown, o, false);
    if (rc == TSR_OK) {
        *out = &s->remote.base;
        return TSR_OK;
    }
    tsr_free(s->where);
    tsr_free(s);
    return rc;
}

static int refuse_writing(const char *url)
{
    char shown[300];
    tsr_url_shown(url, shown, sizeof shown);
    return tsr_fail(TSR_EDENIED, "%s: can only be read: this is HTTP", shown);
}

int tsr_store_http_open(const char *url, bool update, const tsr_remote_options *r,
                        struct tsr_store **out)
{
    struct tsr_http_options o;
    int rc = update ? refuse_writing(url) : tsr_remote_http(r, &o);
    return rc < 0 ? rc : tsr_store_http(url, &o, out);
}

int tsr_store_http_create(const char *url, bool replace, struct tsr_store **out)
{
    (void)replace;
    (void)out;
    return refuse_writing(url);
}

int tsr_store_http_open_tree(const char *url, const struct tsr_tree_options *o,
                             struct tsr_store **out)
{
    struct tsr_http_options http;
    char *base = NULL, *inner = NULL;
    int rc = o->flags & TSR_TREE_UPDATE ? refuse_writing(url) : tsr_remote_http(o->remote, &http);
    if (rc == TSR_OK) rc = tsr_key_normalise(o->inner ? o->inner : "", &inner);
    if (rc == TSR_OK) rc = tsr_url_join(url, inner, &base);
    if (rc == TSR_OK) rc = tsr_store_http(base, &http, out);
    tsr_free(base);
    tsr_free(inner);
    return rc;
}
