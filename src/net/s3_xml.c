/* SPDX-License-Identifier: BSD-3-Clause */
/* net/s3_xml.c - documents of S3 through expat.
 *
 *   <ListBucketResult>
 *     <IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>
 *     <Contents><Key>a/b</Key>...</Contents> <CommonPrefixes><Prefix>a/c/</Prefix></CommonPrefixes>
 *   <Error><Code>NoSuchKey</Code><Message>...</Message>...
 *
 * Only leaves and their paths matter.  A document type is refused, so that there are no entities;
 * depth and the length of every text are bounded. */
#include "net/s3_xml.h"

#include <expat.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "net/url.h"

enum { MAX_DEPTH = 8, MAX_PATH = 128, MAX_TEXT = 4096 };

struct walk {
    XML_Parser parser;
    int (*leaf)(void *user, const char *path, const char *text);
    void *user;
    char path[MAX_PATH], text[MAX_TEXT];
    size_t path_len, text_len;
    int depth, rc;
    bool inner; /* the element that ends has others in it */
};

static void stop(struct walk *w, int rc)
{
    w->rc = rc;
    XML_StopParser(w->parser, XML_FALSE);
}

static void on_type(void *user, const char *name, const char *system, const char *open, int own)
{
    (void)name;
    (void)system;
    (void)open;
    (void)own;
    stop(user, tsr_fail(TSR_ECORRUPT, "XML: a document type"));
}

static void on_start(void *user, const char *name, const char **attributes)
{
    struct walk *w = user;
    size_t len = strlen(name);
    (void)attributes;
    if (w->depth == MAX_DEPTH || w->path_len + len + 2 > MAX_PATH) {
        stop(w, tsr_fail(TSR_ECORRUPT, "XML: element '%.40s' is too deep", name));
        return;
    }
    w->path[w->path_len++] = '/';
    memcpy(w->path + w->path_len, name, len + 1);
    w->path_len += len;
    w->depth++;
    w->text_len = 0;
    w->inner = false;
}

static void on_end(void *user, const char *name)
{
    struct walk *w = user;
    if (w->rc) return;
    w->text[w->text_len] = 0;
    int rc = w->inner ? 0 : w->leaf(w->user, w->path + 1, w->text);
    w->path_len -= strlen(name) + 1;
    w->path[w->path_len] = 0;
    w->depth--;
    w->text_len = 0;
    w->inner = true;
    if (rc) stop(w, rc);
}

static void on_text(void *user, const char *p, int len)
{
    struct walk *w = user;
    if (w->text_len + (size_t)len >= MAX_TEXT) {
        stop(w, tsr_fail(TSR_ECORRUPT, "XML: '%s': text of more than %d bytes", w->path, MAX_TEXT));
        return;
    }
    memcpy(w->text + w->text_len, p, (size_t)len);
    w->text_len += (size_t)len;
}

static int walk(const char *text, size_t len, int (*leaf)(void *, const char *, const char *),
                void *user)
{
    struct walk w = {.parser = XML_ParserCreate("UTF-8"), .leaf = leaf, .user = user};
    if (!w.parser) return tsr_fail(TSR_ENOMEM, "out of memory: an XML parser");
    XML_SetUserData(w.parser, &w);
    XML_SetElementHandler(w.parser, on_start, on_end);
    XML_SetCharacterDataHandler(w.parser, on_text);
    XML_SetStartDoctypeDeclHandler(w.parser, on_type);
    bool fits = len <= INT32_MAX;
    if (!fits || XML_Parse(w.parser, text, (int)len, 1) != XML_STATUS_OK) {
        if (!w.rc)
            w.rc = tsr_fail(TSR_ECORRUPT, "XML: %s at byte %lld",
                            fits ? XML_ErrorString(XML_GetErrorCode(w.parser)) : "too long",
                            (long long)XML_GetCurrentByteIndex(w.parser));
    }
    XML_ParserFree(w.parser);
    return w.rc;
}

static void keep(char *dst, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len >= size) len = size - 1;
    for (size_t i = 0; i < len; i++) dst[i] = (unsigned char)text[i] < 0x20 ? ' ' : text[i];
    dst[len] = 0;
}

/* ---- pages ---- */

struct page {
    struct tsr_s3_page *out;
    bool encoded, named;
    int (*fn)(void *user, const char *key);
    void *user;
};

static int page_fact(void *user, const char *path, const char *text)
{
    struct page *p = user;
    p->named = p->named || strncmp(path, "ListBucketResult", 16) == 0;
    if (strcmp(path, "ListBucketResult/EncodingType") == 0) p->encoded = !strcmp(text, "url");
    if (strcmp(path, "ListBucketResult/IsTruncated") == 0)
        p->out->truncated = !strcmp(text, "true");
    if (strcmp(path, "ListBucketResult/NextContinuationToken") != 0) return 0;
    if (strlen(text) >= sizeof p->out->token)
        return tsr_fail(TSR_ECORRUPT, "listing: a token of %zu bytes", strlen(text));
    strcpy(p->out->token, text);
    return 0;
}

/* Of encoded keys '+' is a blank. */
static int page_key(void *user, const char *path, const char *text)
{
    struct page *p = user;
    struct tsr_buf key = {0};
    if (strcmp(path, "ListBucketResult/Contents/Key") != 0 &&
        strcmp(path, "ListBucketResult/CommonPrefixes/Prefix") != 0)
        return 0;
    if (!p->encoded) return p->fn(p->user, text);
    int rc = TSR_OK;
    for (const char *c = text; *c && rc == TSR_OK;) {
        size_t n = strcspn(c, "+");
        rc = tsr_url_decode(&key, c, n);
        if (rc == TSR_OK && c[n]) rc = tsr_buf_add(&key, " ", 1);
        c += n + (c[n] != 0);
    }
    if (rc == TSR_OK) rc = tsr_buf_add(&key, "", 1);
    if (rc == TSR_OK) rc = p->fn(p->user, (const char *)key.p);
    tsr_buf_free(&key);
    return rc;
}

int tsr_s3_page_parse(const char *text, size_t len, struct tsr_s3_page *page,
                      int (*fn)(void *user, const char *key), void *user)
{
    struct page p = {.out = page, .fn = fn, .user = user};
    *page = (struct tsr_s3_page){0};
    int rc = walk(text, len, page_fact, &p);
    if (rc) return rc;
    if (!p.named) return tsr_fail(TSR_ECORRUPT, "listing: found no ListBucketResult");
    if (page->truncated && !page->token[0])
        return tsr_fail(TSR_ECORRUPT, "listing: there is more, and no token to ask for it");
    return walk(text, len, page_key, &p);
}

/* ---- errors ---- */

static int error_fact(void *user, const char *path, const char *text)
{
    struct tsr_s3_error *e = user;
    if (strcmp(path, "Error/Code") == 0) keep(e->code, sizeof e->code, text);
    if (strcmp(path, "Error/Message") == 0) keep(e->message, sizeof e->message, text);
    if (strcmp(path, "Error/Region") == 0) keep(e->region, sizeof e->region, text);
    if (strcmp(path, "Error/ServerTime") == 0) keep(e->time, sizeof e->time, text);
    return 0;
}

void tsr_s3_error_parse(const char *text, size_t len, struct tsr_s3_error *out)
{
    *out = (struct tsr_s3_error){0};
    if (len && walk(text, len, error_fact, out) < 0) return; /* what came before is as good */
}
