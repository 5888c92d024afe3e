/* SPDX-License-Identifier: BSD-3-Clause */
/* net/answer.c - status lines and fields (RFC 9110, 9112).
 *
 *   HTTP/1.1 206 Partial Content
 *   Content-Range: bytes 100-199/5000     or bytes 100-199/<star>, or bytes <star>/5000 with 416
 *   ETag: "3f80f-1b6-3e1cb03b" */
#include "net/answer.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"

void tsr_answer_begin(struct tsr_answer *a)
{
    *a = (struct tsr_answer){.length = TSR_NO_SIZE, .total = TSR_NO_SIZE};
}

/* A line that is read from left to right. */
struct cursor {
    const char *p, *end;
};

static bool take(struct cursor *c, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(c->end - c->p) < len || strncasecmp(c->p, text, len) != 0) return false;
    c->p += len;
    return true;
}

static bool take_number(struct cursor *c, uint64_t *out)
{
    const char *from = c->p;
    uint64_t n = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
        if (!tsr_mul(n, (uint64_t)10, &n) || !tsr_add(n, (uint64_t)(*c->p - '0'), &n)) return false;
    *out = n;
    return c->p > from && n <= INT64_MAX;
}

/* Nothing but the status is asked of a status line; servers leave out the reason. */
static bool take_status(struct cursor *c, int *status)
{
    uint64_t n;
    if (!take(c, "HTTP/")) return false;
    while (c->p < c->end && *c->p != ' ') c->p++;
    while (c->p < c->end && *c->p == ' ') c->p++;
    *status = take_number(c, &n) && n >= 100 && n <= 999 ? (int)n : 0;
    return true;
}

static bool take_range(struct cursor *c, struct tsr_answer *a)
{
    uint64_t first = 0, last = 0, total = TSR_NO_SIZE;
    bool none;
    if (!take(c, "bytes")) return false;
    while (take(c, " ")) {}
    none = take(c, "*");
    if (!none && !(take_number(c, &first) && take(c, "-") && take_number(c, &last))) return false;
    if (!take(c, "/") || !(take(c, "*") || take_number(c, &total)) || c->p != c->end) return false;
    if (first > last || (!none && last >= total)) return false;
    if (a->ranged && (a->first != first || a->last != last || a->total != total)) return false;
    a->ranged = !none;
    a->first = first;
    a->last = last;
    a->total = total;
    return true;
}

/* Two different lengths are the way to smuggle one answer into another. */
static bool take_length(struct cursor *c, struct tsr_answer *a)
{
    uint64_t n;
    if (!take_number(c, &n) || c->p != c->end) return false;
    if (a->length != TSR_NO_SIZE && a->length != n) return false;
    a->length = n;
    return true;
}

/* Some are sent back and some printed, so nothing but printable ASCII is kept. */
static void keep(const struct cursor *c, char *dst, size_t size)
{
    size_t len = (size_t)(c->end - c->p);
    dst[0] = 0;
    if (len >= size) return;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)c->p[i] < 0x20 || (unsigned char)c->p[i] > 0x7E) return;
    memcpy(dst, c->p, len);
    dst[len] = 0;
}

/* "aws-chunked" is how an object came to its server, not how it leaves.  What is too long to keep
 * is still an encoding. */
static void take_encoding(const struct cursor *c, struct tsr_answer *a)
{
    struct cursor s = *c;
    if (s.p == s.end || ((take(&s, "identity") || take(&s, "aws-chunked")) && s.p == s.end)) return;
    keep(c, a->encoding, sizeof a->encoding);
    if (!a->encoding[0]) strcpy(a->encoding, "?");
}

/* A number that no counter holds is a long time too. */
static void take_seconds(struct cursor *c, struct tsr_answer *a)
{
    for (const char *p = c->p; p < c->end; p++)
        if (*p < '0' || *p > '9') return;
    if (c->p < c->end && !take_number(c, &a->retry_after)) a->retry_after = INT64_MAX;
}

void tsr_answer_line(struct tsr_answer *a, const char *line, size_t len)
{
    struct cursor c = {line, line + len}, s = c;
    int status;
    if (take_status(&s, &status)) {
        tsr_answer_begin(a);
        a->status = status;
        return;
    }
    const char *colon = len ? memchr(line, ':', len) : NULL;
    if (!colon) return;
    struct cursor v = {colon + 1, c.end};
    while (v.p < v.end && (*v.p == ' ' || *v.p == '\t')) v.p++;
    while (v.end > v.p && strchr(" \t\r\n", v.end[-1])) v.end--;
    if (take(&c, "content-length:") && !take_length(&v, a)) a->broken = "Content-Length";
    else if (take(&c, "content-range:") && !take_range(&v, a)) a->broken = "Content-Range";
    else if (take(&c, "etag:")) keep(&v, a->etag, sizeof a->etag);
    else if (take(&c, "last-modified:")) keep(&v, a->modified, sizeof a->modified);
    else if (take(&c, "content-encoding:")) take_encoding(&v, a);
    else if (take(&c, "retry-after:")) take_seconds(&v, a);
    else if (take(&c, "date:")) keep(&v, a->date, sizeof a->date);
    else if (take(&c, "x-amz-bucket-region:")) keep(&v, a->region, sizeof a->region);
}

bool tsr_answer_strong(const struct tsr_answer *a)
{
    size_t len = strlen(a->etag);
    return len >= 2 && a->etag[0] == '"' && a->etag[len - 1] == '"';
}

bool tsr_answer_passing(const struct tsr_answer *a)
{
    return a->status == 408 || a->status == 429 || a->status == 500 ||
           (a->status >= 502 && a->status <= 504);
}
