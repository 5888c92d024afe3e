/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/net/test_answer.c - heads of HTTP answers, friendly and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "net/answer.h"

static struct tsr_answer parsed(const char *head)
{
    struct tsr_answer a;
    tsr_answer_begin(&a);
    while (*head) {
        size_t len = strcspn(head, "\n") + 1;
        tsr_answer_line(&a, head, len);
        head += len;
    }
    return a;
}

static void heads_are_understood(void **state)
{
    (void)state;
    struct tsr_answer a = parsed("HTTP/1.1 206 Partial Content\r\ncontent-length: 100 \r\n"
                                 "Content-Range:  bytes 100-199/5000\r\nETag: \"x-1\"\r\n"
                                 "LAST-MODIFIED: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n");
    assert_int_equal(a.status, 206);
    assert_int_equal(a.length, 100);
    assert_true(a.ranged && a.first == 100 && a.last == 199 && a.total == 5000);
    assert_string_equal(a.etag, "\"x-1\"");
    assert_string_equal(a.modified, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_null(a.broken);
    assert_true(tsr_answer_strong(&a));
    a = parsed("HTTP/2 416\nContent-Range: bytes */7\nETag: W/\"x\"\n");
    assert_true(a.status == 416 && !a.ranged && a.total == 7 && !tsr_answer_strong(&a));
    a = parsed("HTTP/1.1 206 x\nContent-Range: bytes 0-0/*\n");
    assert_true(a.ranged && a.total == TSR_NO_SIZE && a.length == TSR_NO_SIZE);
}

static void a_status_line_begins_anew(void **state)
{
    (void)state;
    struct tsr_answer a = parsed("HTTP/1.1 302 Found\r\nETag: \"old\"\r\nContent-Length: 5\r\n\r\n"
                                 "HTTP/1.1 200 OK\r\n\r\n");
    assert_true(a.status == 200 && !a.etag[0] && a.length == TSR_NO_SIZE);
}

static void broken_fields_are_found(void **state)
{
    const char *bad[] = {"Content-Length: 1x",
                         "Content-Length:",
                         "Content-Length: -1",
                         "Content-Length: 99999999999999999999",
                         "Content-Length: 9223372036854775808",
                         "Content-Length: 5\nContent-Length: 6",
                         "Content-Range: bytes 5-4/10",
                         "Content-Range: bytes 5-10/10",
                         "Content-Range: bytes 5-9",
                         "Content-Range: bytes 5-9/10 ",
                         "Content-Range: bytes 5-9/10/11",
                         "Content-Range: bytes -9/10",
                         "Content-Range: items 5-9/10",
                         "Content-Range: bytes 0-1/18446744073709551615",
                         "Content-Range: bytes 0-1/10\nContent-Range: bytes 0-2/10"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char head[200] = "HTTP/1.1 206 x\n";
        strcat(head, bad[i]);
        struct tsr_answer a = parsed(head);
        bool trailing =
            strcmp(bad[i] + strlen(bad[i]) - 1, " ") == 0; /* blanks are no part of it */
        if ((a.broken != NULL) == trailing) fail_msg("%s", bad[i]);
    }
}

static void what_is_sent_back_is_short_and_printable(void **state)
{
    char head[1000] = "HTTP/1.1 200 x\nETag: \"";
    (void)state;
    memset(head + strlen(head), 'e', 500);
    assert_string_equal(parsed(head).etag, "");
    assert_string_equal(parsed("HTTP/1.1 200 x\nETag: \"a\rX: y\"\n").etag, "");
    assert_string_equal(parsed("HTTP/1.1 200 x\nETag: \"\xff\"\n").etag, "");
    assert_int_equal(parsed("HTTP/1.1 99999999999999999999 x\n").status, 0);
    assert_int_equal(parsed("HTTP/1.1\n").status, 0);
}

static void encodings_and_waits_are_kept(void **state)
{
    static const char *const plain[] = {"identity", "Identity", "aws-chunked", "", " "};
    char head[200] = "HTTP/1.1 200 x\nContent-Encoding: ";
    size_t end = strlen(head);
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        snprintf(head + end, sizeof head - end, "%s\n", plain[i]);
        assert_string_equal(parsed(head).encoding, "");
    }
    snprintf(head + end, sizeof head - end, "gzip \n");
    assert_string_equal(parsed(head).encoding, "gzip");
    snprintf(head + end, sizeof head - end, "%0100d\n", 1);
    assert_string_equal(parsed(head).encoding, "?");
    assert_int_equal(parsed("HTTP/1.1 503 x\nRetry-After: 7\n").retry_after, 7);
    assert_int_equal(parsed("HTTP/1.1 503 x\nRetry-After: 99999999999999999999\n").retry_after,
                     INT64_MAX);
    assert_int_equal(parsed("HTTP/1.1 503 x\nRetry-After: 7 minutes\n").retry_after, 0);
    assert_int_equal(parsed("HTTP/1.1 503 x\nRetry-After:\n").retry_after, 0);
}

static void what_passes_is_known(void **state)
{
    const int passing[] = {408, 429, 500, 502, 503, 504},
              lasting[] = {200, 400, 403, 404, 501, 505};
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct tsr_answer p = {.status = passing[i]}, l = {.status = lasting[i]};
        assert_true(tsr_answer_passing(&p) && !tsr_answer_passing(&l));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_understood),
        cmocka_unit_test(a_status_line_begins_anew),
        cmocka_unit_test(broken_fields_are_found),
        cmocka_unit_test(what_is_sent_back_is_short_and_printable),
        cmocka_unit_test(encodings_and_waits_are_kept),
        cmocka_unit_test(what_passes_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
