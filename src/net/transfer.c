/* SPDX-License-Identifier: BSD-3-Clause */
/* net/transfer.c - one request: what is sent, where the bytes of the answer go, and whether the
 * answer is whole.
 *
 * Where the first byte of a body belongs is known from the head alone: byte `first` of the object
 * for 206, byte 0 for 200, nowhere for the rest.  A 206 must be exactly the range that was asked
 * for, as far as the object has it; anything else fails, and a body that is shorter than its head
 * says is tried again. */
#include "net/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "net/url.h"
#include "sys/sys.h"

enum {
    SPEECH_MOST = 8 << 10,
    STALL_RATE = 100,       /* bytes a second */
    LEAST_RATE = 32 << 10,  /* the same, of a whole try */
    DRAIN_MOST = 256 << 10, /* reading the rest of a body is cheaper than another connection */
    CONNECT_TRIES = 3,
    LONGEST_PAUSE_MS = 10000
};

struct tsr_http_fields {
    struct curl_slist *list;
};

void tsr_failure_note(struct tsr_failure *f, int rc)
{
    if (f->rc < 0) return;
    f->rc = rc;
    tsr_error_save(f->text);
}

int tsr_http_fail(tsr_status code, const struct tsr_http_call *c, const char *what)
{
    char shown[300];
    tsr_url_shown(c->url, shown, sizeof shown);
    return tsr_fail(code, "%s: %s", shown, what);
}

static int fail(struct tsr_transfer *t, tsr_status code, const char *what)
{
    tsr_failure_note(t->failure, tsr_http_fail(code, t->call, what));
    t->failed = true;
    return code;
}

/* ---- the body ---- */

static bool span_answered(const struct tsr_http_call *c)
{
    const struct tsr_answer *a = &c->answer;
    uint64_t n = a->last - a->first + 1;
    if (c->range == TSR_HTTP_TAIL)
        return n <= c->len &&
               (a->total == TSR_NO_SIZE ||
                (a->last == a->total - 1 && n == (c->len < a->total ? c->len : a->total)));
    uint64_t end = c->off + c->len;
    if (a->total != TSR_NO_SIZE && a->total < end) end = a->total;
    return a->first == c->off && (a->total == TSR_NO_SIZE ? a->last < end : a->last == end - 1);
}

static int begin_part(struct tsr_transfer *t)
{
    struct tsr_http_call *c = t->call;
    char what[160];
    if (!c->answer.ranged || c->range == TSR_HTTP_WHOLE)
        return fail(t, TSR_EIO, "206 Partial Content without the range that was asked for");
    if (!span_answered(c)) {
        snprintf(what, sizeof what,
                 "asked for %" PRIu64 " bytes %s %" PRIu64 ", answered bytes %" PRIu64 "-%" PRIu64,
                 c->len, c->range == TSR_HTTP_TAIL ? "at the end, not" : "from", c->off,
                 c->answer.first, c->answer.last);
        return fail(t, TSR_EIO, what);
    }
    t->pos = c->body_off = c->answer.first;
    return TSR_OK;
}

static int no_ranges(struct tsr_transfer *t)
{
    return fail(t, TSR_EUNSUPPORTED, "the server does not answer ranges, and the object is large");
}

static int begin_whole(struct tsr_transfer *t)
{
    struct tsr_http_call *c = t->call;
    uint64_t end = c->off + c->len;
    c->answer.ranged = false;
    c->answer.total = c->answer.length;
    t->pos = c->body_off = 0;
    if (c->range == TSR_HTTP_WHOLE) return TSR_OK;
    if (!c->nparts) end = c->answer.total == TSR_NO_SIZE ? 0 : c->answer.total;
    if (end <= TSR_HTTP_UNRANGED) return TSR_OK;
    return no_ranges(t);
}

/* Lengths and ranges would be those of other bytes than the object's. */
static bool is_encoded(const struct tsr_http_call *c)
{
    bool reads = c->method == TSR_HTTP_GET || c->method == TSR_HTTP_HEAD;
    return reads && c->answer.encoding[0] && (c->answer.status == 200 || c->answer.status == 206);
}

/* The head is complete: where does the body go? */
static int begin_body(struct tsr_transfer *t)
{
    struct tsr_http_call *c = t->call;
    char what[80];
    t->mode = c->nparts ? TRANSFER_PARTS : TRANSFER_BODY;
    if (c->answer.broken) {
        snprintf(what, sizeof what, "broken field %s in the answer", c->answer.broken);
        return fail(t, TSR_EIO, what);
    }
    if (is_encoded(c)) {
        snprintf(what, sizeof what, "Content-Encoding: found '%s', expected identity",
                 c->answer.encoding);
        return fail(t, TSR_EUNSUPPORTED, what);
    }
    if (c->method == TSR_HTTP_GET && c->answer.status == 206) return begin_part(t);
    if (c->method == TSR_HTTP_GET && c->answer.status == 200) return begin_whole(t);
    t->mode = TRANSFER_SPEECH;
    return TSR_OK;
}

/* Bytes [t->pos, t->pos + len) of the object. */
static void scatter(struct tsr_transfer *t, const char *p, size_t len)
{
    const struct tsr_http_call *c = t->call;
    uint64_t lo = t->pos, hi = lo + len;
    while (t->part < c->nparts && c->parts[t->part].off + c->parts[t->part].len <= lo) t->part++;
    for (size_t i = t->part; i < c->nparts && c->parts[i].off < hi; i++) {
        const struct tsr_http_part *d = &c->parts[i];
        uint64_t from = d->off > lo ? d->off : lo, end = d->off + d->len;
        if (end > hi) end = hi;
        if (from < end) memcpy((char *)d->dst + (from - d->off), p + (from - lo), end - from);
    }
}

static size_t body_most(const struct tsr_transfer *t)
{
    const struct tsr_http_call *c = t->call;
    if (t->mode == TRANSFER_SPEECH) return SPEECH_MOST;
    if (c->range == TSR_HTTP_WHOLE) return c->body_max;
    return c->answer.status == 206 ? (size_t)c->len : TSR_HTTP_UNRANGED;
}

static int keep(struct tsr_transfer *t, const char *p, size_t len)
{
    struct tsr_http_call *c = t->call;
    size_t room = body_most(t) - tsr_minz(c->body.len, body_most(t));
    if (t->mode == TRANSFER_SPEECH) len = tsr_minz(len, room);
    if (len > room && t->mode == TRANSFER_BODY && c->range != TSR_HTTP_WHOLE) return no_ranges(t);
    if (len > room) return fail(t, TSR_ELIMIT, "the answer is longer than the limit");
    int rc = tsr_buf_add(&c->body, p, len);
    if (rc == TSR_OK) return rc;
    tsr_failure_note(t->failure, rc);
    t->failed = true;
    return rc;
}

static size_t on_body(char *p, size_t one, size_t len, void *user)
{
    struct tsr_transfer *t = user;
    struct tsr_http_call *c = t->call;
    (void)one; /* 1, says curl */
    t->last = tsr_sys_now();
    if (t->mode == TRANSFER_HEAD && begin_body(t) < 0) return 0;
    t->got += len;
    if (t->mode != TRANSFER_PARTS) {
        if (keep(t, p, len) < 0) return 0;
    } else scatter(t, p, len);
    t->pos += len;
    if (t->mode != TRANSFER_PARTS || c->answer.status != 200 || t->pos < c->off + c->len)
        return len;
    t->enough = c->answer.total == TSR_NO_SIZE || c->answer.total > t->pos + DRAIN_MOST;
    return t->enough ? 0 : len;
}

static size_t on_head(char *p, size_t one, size_t len, void *user)
{
    struct tsr_transfer *t = user;
    (void)one;
    t->last = tsr_sys_now();
    tsr_answer_line(&t->call->answer, p, len);
    return len;
}

/* ---- what is sent ---- */

static size_t on_send(char *dst, size_t one, size_t room, void *user)
{
    struct tsr_transfer *t = user;
    size_t n = 0;
    (void)one;
    t->last = tsr_sys_now();
    while (n < room && t->piece < t->call->npieces) {
        const struct tsr_piece *p = &t->call->piece[t->piece];
        size_t len = tsr_minz(room - n, p->len - t->piece_off);
        if (len) memcpy(dst + n, (const char *)p->p + t->piece_off, len);
        n += len;
        t->piece_off += len;
        if (t->piece_off < p->len) break;
        t->piece++;
        t->piece_off = 0;
    }
    return n;
}

/* curl begins anew on a connection that turned out to be closed. */
static int on_rewind(void *user, curl_off_t off, int whence)
{
    struct tsr_transfer *t = user;
    if (off != 0 || whence != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    t->piece = 0;
    t->piece_off = 0;
    return CURL_SEEKFUNC_OK;
}

int tsr_http_field(struct tsr_http_fields *f, const char *text)
{
    struct curl_slist *list = curl_slist_append(f->list, text);
    if (!list) return tsr_fail(TSR_ENOMEM, "out of memory: a field of a request");
    f->list = list;
    return TSR_OK;
}

static int add_fields(struct tsr_transfer *t)
{
    const struct tsr_http_call *c = t->call;
    struct tsr_http_fields f = {0};
    char text[224];
    int rc = TSR_OK;
    if (c->range == TSR_HTTP_SPAN)
        snprintf(text, sizeof text, "Range: bytes=%" PRIu64 "-%" PRIu64, c->off,
                 c->off + c->len - 1);
    else snprintf(text, sizeof text, "Range: bytes=-%" PRIu64, c->len);
    if (c->range != TSR_HTTP_WHOLE) rc = tsr_http_field(&f, text);
    snprintf(text, sizeof text, "If-Match: %s", c->match ? c->match : "");
    if (rc == TSR_OK && c->match) rc = tsr_http_field(&f, text);
    if (rc == TSR_OK && c->method == TSR_HTTP_PUT) rc = tsr_http_field(&f, "Expect:");
    else if (rc == TSR_OK) rc = tsr_http_field(&f, "Accept-Encoding: identity");
    if (rc == TSR_OK && c->fields) rc = c->fields(c, &f);
    t->fields = f.list;
    return rc;
}

static void set_method(struct tsr_transfer *t)
{
    const struct tsr_http_call *c = t->call;
    curl_off_t len = 0;
    for (int i = 0; i < c->npieces; i++) len += (curl_off_t)c->piece[i].len;
    if (c->method == TSR_HTTP_HEAD) curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    if (c->method == TSR_HTTP_DELETE) curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
    if (c->method != TSR_HTTP_PUT) return;
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, len);
    curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
}

static void set_limits(struct tsr_transfer *t)
{
    const struct tsr_http_options *o = t->o;
    uint64_t len = t->call->len;
    for (int i = 0; i < t->call->npieces; i++) len += t->call->piece[i].len;
    long total = o->total_s ? o->total_s : 60 + (long)(len / LEAST_RATE);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, (long)o->connect_s);
    curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_RATE);
    curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)o->stall_s);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, total);
}

/* What came over TLS does not go on without it. */
static void set_url(struct tsr_transfer *t, const char *ca_file)
{
    const struct tsr_http_call *c = t->call;
    const char *protocols = strncasecmp(c->url, "https:", 6) == 0 ? "https" : "http,https";
    curl_easy_setopt(t->easy, CURLOPT_URL, c->url);
    curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L); /* the path that is signed */
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, c->stay ? 0L : 1L);
    curl_easy_setopt(t->easy, CURLOPT_MAXREDIRS, 5L);
    if (ca_file) curl_easy_setopt(t->easy, CURLOPT_CAINFO, ca_file);
}

static int no_handle(void)
{
    return tsr_fail(TSR_ENOMEM, "out of memory: a request");
}

int tsr_transfer_begin(struct tsr_transfer *t, const char *ca_file)
{
    struct tsr_http_call *c = t->call;
    tsr_answer_begin(&c->answer);
    c->body.len = 0;
    t->mode = TRANSFER_HEAD;
    t->pos = t->got = 0;
    t->part = t->piece_off = 0;
    t->piece = 0;
    t->enough = false;
    t->error[0] = 0;
    t->last = tsr_sys_now();
    c->tries = ++t->tries;
    t->easy = curl_easy_init();
    int rc = t->easy ? add_fields(t) : no_handle();
    if (rc < 0) {
        tsr_failure_note(t->failure, rc);
        return rc;
    }
    set_url(t, ca_file);
    set_method(t);
    set_limits(t);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "tessera/" TSR_VERSION);
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 128L << 10);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->fields);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    return TSR_OK;
}

bool tsr_transfer_stalled(struct tsr_transfer *t, double now)
{
    if (!t->easy || now - t->last < t->o->stall_s) return false;
    snprintf(t->error, sizeof t->error, "nothing came for %d s", t->o->stall_s);
    return true;
}

void tsr_transfer_done(struct tsr_transfer *t)
{
    if (t->easy) curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->fields);
    t->easy = NULL;
    t->fields = NULL;
}

/* ---- how it ended ---- */

/* Tries that curl's code allows: 0 for none but the first. */
static int tries_for(const struct tsr_transfer *t, CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return t->o->tries < CONNECT_TRIES ? t->o->tries : CONNECT_TRIES;
    case CURLE_UNSUPPORTED_PROTOCOL: /* or, without a status line, rests of another answer */
        return t->call->answer.status ? 0 : t->o->tries;
    case CURLE_OK: /* an answer that passes, or a short one */
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return t->o->tries;
    default: return 0;
    }
}

/* Half of the pause is a matter of luck, so that many clients do not come back at once. */
static double pause_before_next(const struct tsr_transfer *t)
{
    double now = tsr_sys_now(), whole = t->o->pause_ms;
    uint64_t luck = (uint64_t)(now * 1e9) * UINT64_C(0x9E3779B97F4A7C15) ^ (uintptr_t)t;
    for (int i = 1; i < t->tries && whole < LONGEST_PAUSE_MS; i++) whole *= 2;
    if (whole > LONGEST_PAUSE_MS) whole = LONGEST_PAUSE_MS;
    return whole / 1000 * (0.5 + (double)(luck >> 32) / 8589934592.0);
}

/* Seconds of Retry-After; of a date curl knows how long it is until then. */
static curl_off_t wait_asked_for(const struct tsr_transfer *t)
{
    curl_off_t asked = 0;
    if (t->call->answer.retry_after) return (curl_off_t)t->call->answer.retry_after;
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &asked);
    return asked;
}

static enum tsr_verdict again(struct tsr_transfer *t, CURLcode code, const char *why)
{
    int most = tries_for(t, code);
    char what[CURL_ERROR_SIZE + 100];
    curl_off_t asked = 0;
    if (t->tries < most) {
        double pause = pause_before_next(t);
        if (code == CURLE_OK) asked = wait_asked_for(t);
        if ((double)asked > pause) pause = (double)asked;
        t->at = tsr_sys_now() + pause;
        if (asked <= t->o->patience_s) return TSR_TRANSFER_AGAIN;
        snprintf(what, sizeof what, "%s; the server asks to wait %lld s, %d s are the most", why,
                 (long long)asked, t->o->patience_s);
    } else if (t->tries > 1) snprintf(what, sizeof what, "%s, after %d tries", why, t->tries);
    else snprintf(what, sizeof what, "%s", why);
    fail(t, most ? TSR_ETEMP : TSR_EIO, what);
    return TSR_TRANSFER_FAILED;
}

/* Did all of the body come that the head promises? */
static bool is_whole(struct tsr_transfer *t)
{
    struct tsr_answer *a = &t->call->answer;
    if (t->mode == TRANSFER_SPEECH || t->enough || t->call->method == TSR_HTTP_HEAD) return true;
    if (a->status == 206) return t->got == a->last - a->first + 1;
    if (a->length != TSR_NO_SIZE) return t->got == a->length;
    a->total = t->got;
    return true;
}

static enum tsr_verdict judged(struct tsr_transfer *t)
{
    int rc = t->call->judge ? t->call->judge(t->call) : TSR_OK;
    if (rc == TSR_OK) return TSR_TRANSFER_DONE;
    tsr_failure_note(t->failure, rc);
    return TSR_TRANSFER_FAILED;
}

enum tsr_verdict tsr_transfer_end(struct tsr_transfer *t, CURLcode code)
{
    char why[64];
    if (t->failed) return TSR_TRANSFER_FAILED;
    if (code == CURLE_WRITE_ERROR && t->enough) code = CURLE_OK;
    if (code != CURLE_OK) return again(t, code, t->error[0] ? t->error : curl_easy_strerror(code));
    if (tsr_answer_passing(&t->call->answer)) {
        snprintf(why, sizeof why, "status %d", t->call->answer.status);
        return again(t, code, why);
    }
    if (t->mode == TRANSFER_HEAD && begin_body(t) < 0) return TSR_TRANSFER_FAILED;
    if (!is_whole(t)) return again(t, code, "the body ends too early");
    return judged(t);
}
