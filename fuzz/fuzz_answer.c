/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_answer.c - heads of HTTP answers, and URLs: what is kept keeps its promises; what is
 * encoded decodes to itself. */
#include "fuzz.h"
#include "net/answer.h"
#include "net/url.h"

static void check_answer(const struct tsr_answer *a)
{
    check(!a->ranged || (a->first <= a->last && a->last < a->total));
    check(a->length == TSR_NO_SIZE || a->length <= INT64_MAX);
    check(strlen(a->etag) < sizeof a->etag && !strpbrk(a->etag, "\r\n"));
    check(a->status >= 0 && a->status <= 999);
    tsr_answer_strong(a);
    tsr_answer_passing(a);
}

static void check_head(const char *p, size_t len)
{
    struct tsr_answer a;
    tsr_answer_begin(&a);
    while (len) {
        const char *nl = memchr(p, '\n', len);
        size_t line = nl ? (size_t)(nl - p) + 1 : len;
        tsr_answer_line(&a, p, line);
        check_answer(&a);
        p += line;
        len -= line;
    }
}

static void check_url(const char *text, size_t len)
{
    char *url = need(tsr_alloc(len + 1)), *joined = NULL, shown[40];
    struct tsr_buf once = {0}, back = {0};
    struct tsr_url u;
    memcpy(url, text, len);
    url[len] = 0;
    tsr_url_shown(url, shown, sizeof shown);
    if (tsr_url_join(url, "a b", &joined) == TSR_OK) check_ok(tsr_url_parse(&u, joined));
    check_ok(tsr_url_encode(&once, text, len, false));
    if (!memchr(text, 0, len)) check_ok(tsr_url_decode(&back, (char *)once.p, once.len));
    check(memchr(text, 0, len) || (back.len == len && (!len || !memcmp(back.p, text, len))));
    tsr_url_decode(&back, text, len);
    tsr_buf_free(&once);
    tsr_buf_free(&back);
    tsr_free(joined);
    tsr_free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char none[1];
    const char *p = size ? (const char *)data : none;
    check_head(p, size);
    check_url(p, size);
    return 0;
}
