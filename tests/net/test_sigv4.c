/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/net/test_sigv4.c - the examples that AWS publishes: its signature test suite, and those of
 * "Signature calculations for the Authorization header" in the manual of S3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "net/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct tsr_text text(const char *s)
{
    return (struct tsr_text){s, strlen(s)};
}

static void expect_signature(struct tsr_sigv4 *s, const char *names, const char *signature)
{
    struct tsr_buf b = {0};
    char want[400];
    assert_int_equal(tsr_sigv4_sign(s, &b), TSR_OK);
    assert_int_equal(tsr_buf_add(&b, "", 1), TSR_OK);
    snprintf(want, sizeof want,
             "AWS4-HMAC-SHA256 Credential=%s/%.8s/us-east-1/%s/aws4_request, SignedHeaders=%s, "
             "Signature=%s",
             s->id, s->time, s->service, names, signature);
    assert_string_equal((const char *)b.p, want);
    tsr_buf_free(&b);
}

static struct tsr_sigv4 suite(const char *query)
{
    static struct tsr_sigv4_field field[2];
    field[0] = (struct tsr_sigv4_field){"x-amz-date", "20150830T123600Z"};
    field[1] = (struct tsr_sigv4_field){"host", "example.amazonaws.com"};
    return (struct tsr_sigv4){.id = "AKIDEXAMPLE",
                              .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                              .region = "us-east-1",
                              .service = "service",
                              .method = "GET",
                              .path = text(""),
                              .query = text(query),
                              .field = field,
                              .nfields = 2,
                              .payload = EMPTY,
                              .time = "20150830T123600Z"};
}

static void the_test_suite_of_aws_agrees(void **state)
{
    (void)state;
    struct tsr_sigv4 s = suite("");
    expect_signature(&s, "host;x-amz-date",
                     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    /* get-vanilla-query-order-key-case */
    s = suite("Param2=value2&Param1=value1");
    expect_signature(&s, "host;x-amz-date",
                     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

static struct tsr_sigv4 s3(const char *path, const char *query, struct tsr_sigv4_field *field,
                           size_t n)
{
    return (struct tsr_sigv4){.id = "AKIAIOSFODNN7EXAMPLE",
                              .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                              .region = "us-east-1",
                              .service = "s3",
                              .method = "GET",
                              .path = text(path),
                              .query = text(query),
                              .field = field,
                              .nfields = n,
                              .payload = EMPTY,
                              .time = "20130524T000000Z"};
}

static void the_manual_of_s3_agrees(void **state)
{
    struct tsr_sigv4_field field[] = {{"range", "bytes=0-9"},
                                      {"x-amz-date", "20130524T000000Z"},
                                      {"host", "examplebucket.s3.amazonaws.com"},
                                      {"x-amz-content-sha256", EMPTY}};
    (void)state;
    struct tsr_sigv4 s = s3("/test.txt", "", field, 4);
    expect_signature(&s, "host;range;x-amz-content-sha256;x-amz-date",
                     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    struct tsr_sigv4_field few[] = {{"x-amz-date", "20130524T000000Z"},
                                    {"x-amz-content-sha256", EMPTY},
                                    {"host", "examplebucket.s3.amazonaws.com"}};
    s = s3("/", "lifecycle", few, 3);
    expect_signature(&s, "host;x-amz-content-sha256;x-amz-date",
                     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    s = s3("/", "prefix=J&max-keys=2", few, 3);
    expect_signature(&s, "host;x-amz-content-sha256;x-amz-date",
                     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void a_put_of_the_manual_agrees(void **state)
{
    char body[] = "Welcome to Amazon S3.", hash[TSR_SHA256_HEX];
    struct tsr_piece piece[] = {{body, 7}, {body + 7, strlen(body) - 7}};
    (void)state;
    assert_int_equal(tsr_sha256(piece, 2, hash), TSR_OK);
    struct tsr_sigv4_field field[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                      {"host", "examplebucket.s3.amazonaws.com"},
                                      {"x-amz-content-sha256", hash},
                                      {"x-amz-date", "20130524T000000Z"},
                                      {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    struct tsr_sigv4 s = s3("/test%24file.text", "", field, 5);
    s.method = "PUT";
    s.payload = hash;
    expect_signature(&s, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void times_are_utc(void **state)
{
    char t[TSR_SIGV4_TIME];
    (void)state;
    tsr_sigv4_time(1440938160, t);
    assert_string_equal(t, "20150830T123600Z");
}

static void endless_queries_are_refused(void **state)
{
    char query[400];
    (void)state;
    for (int i = 0; i < 398; i += 2) memcpy(query + i, "a&", 2);
    query[398] = 0;
    struct tsr_sigv4 s = suite(query);
    struct tsr_buf b = {0};
    assert_int_equal(tsr_sigv4_sign(&s, &b), TSR_EARG);
    tsr_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_test_suite_of_aws_agrees), cmocka_unit_test(the_manual_of_s3_agrees),
        cmocka_unit_test(a_put_of_the_manual_agrees),   cmocka_unit_test(times_are_utc),
        cmocka_unit_test(endless_queries_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
