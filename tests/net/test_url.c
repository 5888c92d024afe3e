/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/net/test_url.c - URLs: parts, encoding, keys below a base, and what is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/status.h"
#include "net/url.h"

static void expect_text(struct tsr_text t, const char *text)
{
    assert_int_equal(t.len, strlen(text));
    assert_memory_equal(t.p, text, t.len);
}

static void parse_finds_every_part(void **state)
{
    struct tsr_url u;
    (void)state;
    assert_int_equal(tsr_url_parse(&u, "https://me:a@b@host:8443/p/q.zarr?x=1?y"), TSR_OK);
    expect_text(u.scheme, "https");
    expect_text(u.user, "me:a@b");
    expect_text(u.host, "host:8443");
    expect_text(u.path, "/p/q.zarr");
    expect_text(u.query, "x=1?y");
    assert_int_equal(tsr_url_parse(&u, "s3://bucket"), TSR_OK);
    expect_text(u.host, "bucket");
    assert_int_equal(u.path.len + u.query.len + u.user.len, 0);
}

static void parse_refuses_what_is_no_url(void **state)
{
    const char *bad[] = {"",        "x.b2nd", "a:b",       "://host",      "1x://host",
                         "http://", "http:/", "http:///p", "http://me@/p", "http://h/\nx"};
    struct tsr_url u;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tsr_url_parse(&u, bad[i]), TSR_EARG);
}

static void expect_join(const char *base, const char *key, const char *url)
{
    char *got;
    assert_int_equal(tsr_url_join(base, key, &got), TSR_OK);
    assert_string_equal(got, url);
    tsr_free(got);
}

static void join_encodes_the_key_and_keeps_the_query_last(void **state)
{
    (void)state;
    expect_join("http://h/b", "", "http://h/b");
    expect_join("http://h", "a/0.1", "http://h/a/0.1");
    expect_join("http://h/b/", "c", "http://h/b/c");
    expect_join("http://h/b?sig=%2F+a", "c d/%?#\xc3\xbc&",
                "http://h/b/c%20d/%25%3F%23%C3%BC%26?sig=%2F+a");
    expect_join("http://h/a b%20c#d\xff", "", "http://h/a%20b%20c%23d%FF");
    expect_join("http://h#@other/x", "", "http://h/%23@other/x");
    expect_join("http://h?q", "k~_-.", "http://h/k~_-.?q");
}

static void what_is_encoded_decodes_to_itself(void **state)
{
    char all[256];
    struct tsr_buf once = {0}, back = {0};
    (void)state;
    for (int i = 0; i < 255; i++) all[i] = (char)(i + 1);
    assert_int_equal(tsr_url_encode(&once, all, 255, false), TSR_OK);
    assert_null(memchr(once.p, '/', once.len));
    assert_int_equal(tsr_url_decode(&back, (char *)once.p, once.len), TSR_OK);
    assert_int_equal(back.len, 255);
    assert_memory_equal(back.p, all, 255);
    tsr_buf_free(&once);
    tsr_buf_free(&back);
}

static void decode_refuses_halves_of_bytes(void **state)
{
    const char *bad[] = {"%", "%4", "a%zz", "%00", "%4"};
    struct tsr_buf b = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tsr_url_decode(&b, bad[i], strlen(bad[i])), TSR_ECORRUPT);
    tsr_buf_free(&b);
}

static void expect_shown(const char *url, const char *shown)
{
    char got[64];
    tsr_url_shown(url, got, sizeof got);
    assert_string_equal(got, shown);
}

static void shown_has_no_secrets(void **state)
{
    (void)state;
    expect_shown("https://me:pw@h/x?sig=1", "https://***@h/x?***");
    expect_shown("https://a@b@h/x", "https://***@h/x");
    expect_shown("http://h/x@y", "http://h/x@y");
    expect_shown("s3://b/k?x", "s3://b/k?x");
    expect_shown("/a/b?c@d", "/a/b?c@d");
    expect_shown("ftp://u@h?x", "ftp://***@h?***");
}

static void long_urls_are_cut(void **state)
{
    char url[5000], got[32];
    (void)state;
    memset(url, 'x', sizeof url);
    memcpy(url, "http://h/", 9);
    url[sizeof url - 1] = 0;
    tsr_url_shown(url, got, sizeof got);
    assert_int_equal(strlen(got), sizeof got - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_finds_every_part),
        cmocka_unit_test(parse_refuses_what_is_no_url),
        cmocka_unit_test(join_encodes_the_key_and_keeps_the_query_last),
        cmocka_unit_test(what_is_encoded_decodes_to_itself),
        cmocka_unit_test(decode_refuses_halves_of_bytes),
        cmocka_unit_test(shown_has_no_secrets),
        cmocka_unit_test(long_urls_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
