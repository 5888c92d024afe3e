/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/test_cache.c - nodes in a store, and consolidated metadata of both formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "zarr/node.h"
#include "zarr/open.h"

static void put(struct tsr_store *st, const char *key, const char *text)
{
    struct tsr_piece p = {(void *)(uintptr_t)text, strlen(text)};
    assert_int_equal(tsr_store_put(st, key, &p, 1, false), TSR_OK);
}

static struct tsr_store *tree(void)
{
    struct tsr_store *st;
    assert_int_equal(tsr_store_mem_tree(&st), TSR_OK);
    return st;
}

#define ZARRAY                                                                           \
    "{\"zarr_format\":2,\"shape\":[4],\"chunks\":[2],\"dtype\":\"<i2\",\"order\":\"C\"," \
    "\"fill_value\":0,\"filters\":null,\"compressor\":null}"
#define GROUP3 "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"three\":1}}"

static void format_3_wins_where_both_are(void **state)
{
    (void)state;
    struct tsr_store *st = tree();
    struct tsr_zmeta *m;
    assert_int_equal(tsr_zmeta_open(st, "a/b", &m), TSR_ENOTFOUND);
    assert_string_equal(tsr_error(), "a/b: found no zarr.json, .zarray or .zgroup");
    put(st, "a/b/.zattrs", "{\"_ARRAY_DIMENSIONS\":[\"x\"]}");
    assert_int_equal(tsr_zmeta_open(st, "a/b", &m), TSR_ENOTFOUND);
    put(st, "a/b/.zgroup", "{\"zarr_format\":2}");
    assert_int_equal(tsr_zmeta_open(st, "a/b", &m), TSR_OK);
    assert_true(!m->array && m->format == 2);
    tsr_zmeta_free(m);
    put(st, "a/b/.zarray", ZARRAY);
    assert_int_equal(tsr_zmeta_open(st, "a/b", &m), TSR_OK);
    assert_true(m->array && m->names && !strcmp(m->names[0], "x"));
    tsr_zmeta_free(m);
    put(st, "a/b/zarr.json", GROUP3);
    assert_int_equal(tsr_zmeta_open(st, "a/b", &m), TSR_OK);
    assert_true(!m->array && m->format == 3);
    tsr_zmeta_free(m);
    put(st, "a/b/zarr.json", "{");
    assert_int_equal(tsr_zmeta_open(st, "a/b", &m), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "a/b/zarr.json: JSON: ends at byte 1"));
    tsr_store_close(st);
}

static void long_documents_are_read_whole(void **state)
{
    (void)state;
    struct tsr_store *st = tree();
    struct tsr_zmeta *m;
    size_t n = 100000;
    char *text = malloc(n + 200);
    int at =
        sprintf(text, "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"long\":\"");
    memset(text + at, 'x', n);
    strcpy(text + at + n, "\"}}");
    put(st, "zarr.json", text);
    assert_int_equal(tsr_zmeta_open(st, "", &m), TSR_OK);
    assert_int_equal(tsr_znode_get(&m->attributes, "long")->s.len, n);
    tsr_zmeta_free(m);
    tsr_store_close(st);
    free(text);
}

/* Nodes of a tree, put into store and cache alike. */
static struct tsr_zmeta *fill_tree(struct tsr_store *st, int format, struct tsr_zcache *cache)
{
    static const char *const groups[] = {"", "b", "a", "a/Z", "a/y"};
    struct tsr_zmeta *root = NULL, *m;
    for (int i = 0; i < 5; i++) {
        struct tsr_zput how = {.cache = i || format == 2 ? cache : NULL, .below = groups[i]};
        assert_int_equal(tsr_zmeta_new_group(format, NULL, &m), TSR_OK);
        assert_int_equal(tsr_zmeta_put(st, groups[i], m, &how), TSR_OK);
        if (i) tsr_zmeta_free(m);
        else root = m;
    }
    return root;
}

static void what_is_in_the_cache_is_what_is_in_the_documents(void **state)
{
    (void)state;
    for (int format = 2; format <= 3; format++) {
        struct tsr_store *st = tree();
        struct tsr_zcache *c, *again;
        struct tsr_zmeta *root, *m;
        struct tsr_buf text = {0};
        assert_int_equal(tsr_zcache_new(format, &c), TSR_OK);
        root = fill_tree(st, format, c);
        assert_int_equal(tsr_zcache_open(st, "", root, &again), TSR_ENOTFOUND);
        assert_int_equal(tsr_zcache_write(c, root, &text), TSR_OK);
        tsr_buf_add(&text, "", 1);
        put(st, format == 2 ? ".zmetadata" : "zarr.json", (char *)text.p);
        assert_int_equal(tsr_zmeta_open(st, "", &m), TSR_OK);
        assert_int_equal(tsr_zcache_open(st, "", m, &again), TSR_OK);
        tsr_zmeta_free(m);
        assert_int_equal(tsr_zcache_load(again, "a/y", &m), TSR_OK);
        assert_int_equal(m->format, format);
        tsr_zmeta_free(m);
        assert_int_equal(tsr_zcache_load(again, "a/x", &m), TSR_ENOTFOUND);
        tsr_zcache_drop(again, "a");
        assert_int_equal(tsr_zcache_load(again, "a/y", &m), TSR_ENOTFOUND);
        assert_int_equal(tsr_zcache_load(again, "b", &m), TSR_OK);
        tsr_zmeta_free(m);
        tsr_zmeta_free(root);
        tsr_zcache_free(c);
        tsr_zcache_free(again);
        tsr_buf_free(&text);
        tsr_store_close(st);
    }
}

static void format_3_is_sorted_by_depth_and_then_by_name(void **state)
{
    (void)state;
    struct tsr_store *st = tree();
    struct tsr_zcache *c;
    struct tsr_buf text = {0};
    assert_int_equal(tsr_zcache_new(3, &c), TSR_OK);
    struct tsr_zmeta *root = fill_tree(st, 3, c);
    assert_int_equal(tsr_zcache_write(c, root, &text), TSR_OK);
    tsr_buf_add(&text, "", 1);
    static const char *const order[] = {"\"a\": {", "\"b\": {", "\"a/y\": {", "\"a/Z\": {"};
    const char *at = (char *)text.p;
    for (int i = 0; i < 4; i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
    tsr_zmeta_free(root);
    tsr_zcache_free(c);
    tsr_buf_free(&text);
    tsr_store_close(st);
}

static void a_cache_that_breaks_the_rules_is_not_used(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"metadata\":{},\"zarr_consolidated_format\":2}", "zarr_consolidated_format: found 2"},
        {"[]", ".zmetadata: found []"},
        {"{\"zarr_consolidated_format\":1}", "metadata: not there"},
        {"{\"metadata\":{\"a/zarr.json\":{}},\"zarr_consolidated_format\":1}", "\"a/zarr.json\""},
        {"{\"metadata\":{\"../.zgroup\":{}},\"zarr_consolidated_format\":1}", "\"../.zgroup\""},
        {"{\"metadata\":{\"a//.zgroup\":{}},\"zarr_consolidated_format\":1}", "\"a//.zgroup\""},
        {"{\"metadata\":{\"a/.zgroup\":{},\"a/.zgroup\":{}},\"zarr_consolidated_format\":1}",
         "twice"},
        {"{\"metadata\":{\"a/.zgroup\":{]},\"zarr_consolidated_format\":1}", "JSON: found ']'"},
    };
    struct tsr_zcache *c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tsr_ztext t = {bad[i][0], strlen(bad[i][0])};
        assert_int_equal(tsr_zcache_read(t, &c), TSR_ECORRUPT);
        if (!strstr(tsr_error(), bad[i][1])) fail_msg("%s: %s", bad[i][0], tsr_error());
    }
}

static void a_document_in_the_cache_is_checked_when_it_is_asked_for(void **state)
{
    (void)state;
    static const char text[] =
        "{\"metadata\":{\"good/.zgroup\":{\"zarr_format\":2},\"bad/.zarray\":"
        "{\"zarr_format\":2}},\"zarr_consolidated_format\":1}";
    struct tsr_zcache *c;
    struct tsr_zmeta *m;
    assert_int_equal(tsr_zcache_read((struct tsr_ztext){text, strlen(text)}, &c), TSR_OK);
    assert_int_equal(tsr_zcache_load(c, "good", &m), TSR_OK);
    tsr_zmeta_free(m);
    assert_int_equal(tsr_zcache_load(c, "bad", &m), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "bad/.zarray: filters: not there"));
    tsr_zcache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_3_wins_where_both_are),
        cmocka_unit_test(long_documents_are_read_whole),
        cmocka_unit_test(what_is_in_the_cache_is_what_is_in_the_documents),
        cmocka_unit_test(format_3_is_sorted_by_depth_and_then_by_name),
        cmocka_unit_test(a_cache_that_breaks_the_rules_is_not_used),
        cmocka_unit_test(a_document_in_the_cache_is_checked_when_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
