/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_group.c - groups of both formats in folders and archives: made, listed, changed,
 * removed, and their consolidated metadata kept true. */
#define _GNU_SOURCE /* nftw */
#include <ftw.h>
#include <sys/stat.h>

#include "../scratch.h"

#include "store/store.h"

static int remove_any(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s;
    (void)kind;
    (void)f;
    return remove(path);
}

static int stop(void **state)
{
    (void)state;
    return nftw(scratch_dir, remove_any, 16, FTW_DEPTH | FTW_PHYS);
}

#define ARRAY2                                                                               \
    "{\"zarr_format\":2,\"shape\":[4,6],\"chunks\":[2,3],\"dtype\":\"<i2\",\"order\":\"C\"," \
    "\"fill_value\":0,\"filters\":null,\"compressor\":null}"
#define ARRAY3                                                                                 \
    "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[4,6],\"data_type\":\"int16\","      \
    "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[2,3]}},"         \
    "\"chunk_key_encoding\":{\"name\":\"default\"},\"fill_value\":0,\"attributes\":{\"a\":1}," \
    "\"codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}],"             \
    "\"dimension_names\":[\"y\",null]}"

/* Puts an object below a folder of the test; text NULL: removes it. */
static void put(const char *folder, const char *key, const char *text)
{
    struct tsr_tree_options t = {.flags = TSR_TREE_UPDATE | TSR_TREE_CREATE};
    struct tsr_store *st;
    OK(tsr_store_open_tree(scratch(folder), &t, &st));
    struct tsr_piece p = {(void *)(uintptr_t)text, text ? strlen(text) : 0};
    if (text) OK(tsr_store_put(st, key, &p, 1, false));
    else OK(tsr_store_remove(st, key));
    tsr_store_close(st);
}

static void put_array(const char *folder, const char *path, int format)
{
    char key[256];
    snprintf(key, sizeof key, "%s/%s", path, format == 2 ? ".zarray" : "zarr.json");
    put(folder, key, format == 2 ? ARRAY2 : ARRAY3);
}

static tsr_options with(const char *mode, const char *format)
{
    return (tsr_options){.size = sizeof(tsr_options), .mode = mode, .format = format};
}

static tsr_group *open_group(const char *url, const char *mode)
{
    tsr_options o = with(mode, NULL);
    tsr_group *g = NULL;
    OK(tsr_group_open(scratch(url), &o, &g));
    return g;
}

static tsr_group *create_group(const char *url, const char *mode, const char *format)
{
    tsr_options o = with(mode, format);
    tsr_group *g = NULL;
    OK(tsr_group_create(scratch(url), &o, &g));
    return g;
}

static void make_child(tsr_group *g, const char *path)
{
    tsr_group *child;
    OK(tsr_group_create_group(g, path, NULL, &child));
    OK(tsr_group_close(child));
}

/* "a/ a/x b/": groups with a slash, what cannot be read with a question mark, groups without
 * document with two slashes. */
static int note(void *user, const tsr_node_info *n)
{
    char *text = user;
    const char *tail = n->status ? "?" : n->kind == TSR_KIND_ARRAY ? "" : n->format ? "/" : "//";
    sprintf(text + strlen(text), "%s%s%s", *text ? " " : "", n->path, tail);
    return 0;
}

static void expect(const tsr_group *g, int depth, const char *all)
{
    char text[4096] = "";
    OK(tsr_group_list(g, depth, note, text));
    assert_string_equal(text, all);
}

static void expect_at(const char *url, const char *all)
{
    static const bool either[] = {false, true};
    for (int i = 0; i < 2; i++) {
        tsr_options o = with("r", NULL);
        tsr_group *g;
        o.no_consolidated = either[i];
        OK(tsr_group_open(scratch(url), &o, &g));
        expect(g, 0, all);
        OK(tsr_group_close(g));
    }
}

static void expect_attrs(const tsr_group *g, const char *path, const char *all)
{
    char *json;
    OK(tsr_group_attrs(g, path, &json));
    assert_string_equal(json, all);
    tsr_free(json);
}

static const char *const formats[] = {"zarr2", "zarr3"};

/* ---- cases, for both formats ---- */

static void a_tree_is_listed_in_order_a_group_before_what_is_in_it(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("list.zarr", "w", formats[f]);
        make_child(g, "b");
        make_child(g, "a/deep/er");
        make_child(g, "a.b");
        put_array("list.zarr", "a/x", f + 2);
        put_array("list.zarr", "c", f + 2);
        expect(g, 1, "a/ a.b/ b/ c");
        expect(g, 2, "a/ a/deep/ a/x a.b/ b/ c");
        expect(g, 0, "a/ a/deep/ a/deep/er/ a/x a.b/ b/ c");
        assert_string_equal(tsr_group_format(g), formats[f]);
        FAILS(TSR_EARG, "depth: found -1", tsr_group_list(g, -1, note, NULL));
        OK(tsr_group_close(g));
        g = open_group("list.zarr#a", "r");
        assert_string_equal(tsr_group_path(g), "a");
        expect(g, 0, "deep/ deep/er/ x");
        OK(tsr_group_close(g));
    }
}

static int check_array(void *user, const tsr_node_info *n)
{
    assert_int_equal(n->kind, TSR_KIND_ARRAY);
    assert_int_equal(n->ndim, 2);
    assert_true(n->shape[0] == 4 && n->shape[1] == 6);
    assert_true(n->chunks[0] == 2 && n->chunks[1] == 3);
    assert_string_equal(n->dtype, "<i2");
    assert_string_equal(n->type, "int16");
    *(int *)user += 1;
    return 7;
}

static void a_node_tells_what_its_documents_say(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("node.zarr", "w", formats[f]);
        int seen = 0;
        put_array("node.zarr", "g/x", f + 2);
        assert_int_equal(tsr_group_find(g, "/g//x/", check_array, &seen), 7);
        assert_int_equal(seen, 1);
        expect_attrs(g, "g/x", f ? "{\"a\":1}" : "{}");
        char text[64] = "";
        OK(tsr_group_find(g, "", note, text));
        OK(tsr_group_find(g, "g", note, text));
        assert_string_equal(text, "/ g//");
        FAILS(TSR_ENOTFOUND, "g/y", tsr_group_find(g, "g/y", note, text));
        FAILS(TSR_ENOTFOUND, "", tsr_group_find(g, "g/x/c", note, text));
        FAILS(TSR_EARG, "..", tsr_group_find(g, "g/../x", note, text));
        OK(tsr_group_close(g));
    }
}

static void a_prefix_with_nodes_below_is_a_group_without_document(void **state)
{
    (void)state;
    for (int f = 2; f < 4; f++) {
        char name[32];
        snprintf(name, sizeof name, "bare%d", f);
        put_array(name, "p/q/x", f);
        put(name, "other/file", "no node");
        put(name, ".git/p/zarr.json", "hidden");
        tsr_group *g = open_group(name, "r"), *child;
        assert_string_equal(tsr_group_format(g), formats[f - 2]);
        expect(g, 0, "p// p/q// p/q/x");
        expect_attrs(g, "p", "{}");
        FAILS(TSR_ENOTFOUND, "other", tsr_group_open_group(g, "other", &child));
        OK(tsr_group_open_group(g, "p/q", &child));
        expect(child, 1, "x");
        OK(tsr_group_close(child));
        OK(tsr_group_close(g));
    }
}

static void what_cannot_be_read_is_listed_with_the_reason(void **state)
{
    (void)state;
    tsr_group *g = create_group("bad.zarr", "w", "zarr3"), *child;
    put("bad.zarr", "x/zarr.json", "{");
    put("bad.zarr", "y/zarr.json", "{\"zarr_format\":3,\"node_type\":\"thing\"}");
    make_child(g, "z");
    expect(g, 0, "x? y? z/");
    FAILS(TSR_ECORRUPT, "y/zarr.json: node_type", tsr_group_open_group(g, "y", &child));
    FAILS(TSR_ECORRUPT, "x/zarr.json: JSON", tsr_group_consolidate(g));
    OK(tsr_group_remove(g, "x"));
    expect(g, 0, "y? z/");
    OK(tsr_group_close(g));
}

static void attributes_are_set_and_removed(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("attrs.zarr", "w", formats[f]);
        OK(tsr_group_attr_set(g, "one", "1"));
        OK(tsr_group_attr_set(g, "two", "[1, {\"x\": null}]"));
        OK(tsr_group_attr_set(g, "one", "18446744073709551616"));
        FAILS(TSR_EARG, "JSON", tsr_group_attr_set(g, "bad", "NaN"));
        FAILS(TSR_ENOTFOUND, "'none'", tsr_group_attr_remove(g, "none"));
        OK(tsr_group_close(g));
        g = open_group("attrs.zarr", "r+");
        expect_attrs(g, "", "{\"one\":18446744073709551616,\"two\":[1,{\"x\":null}]}");
        OK(tsr_group_attr_remove(g, "one"));
        expect_attrs(g, "", "{\"two\":[1,{\"x\":null}]}");
        OK(tsr_group_attrs_set(g, "{\"new\":true}"));
        FAILS(TSR_EARG, "an object", tsr_group_attrs_set(g, "[]"));
        expect_attrs(g, "", "{\"new\":true}");
        OK(tsr_group_close(g));
    }
}

/* "[[..]]" of so many lists. */
static char *nested(char *text, size_t n)
{
    memset(text, '[', n);
    memset(text + n, ']', n);
    text[2 * n] = 0;
    return text;
}

static void attributes_of_any_depth_that_is_taken_are_read_back(void **state)
{
    static const int64_t side[] = {4};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = side};
    char text[1024], all[1100];
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("deep.zarr", "w", formats[f]), *child;
        tsr_array *a;
        OK(tsr_group_create_group(g, "g", NULL, &child));
        OK(tsr_group_create_array(g, "x", &s, NULL, &a));
        nested(text, 252);
        FAILS(TSR_EARG, "251 levels", tsr_group_attr_set(child, "deep", text));
        FAILS(TSR_EARG, "251 levels", tsr_array_attr_set(a, "deep", text));
        snprintf(all, sizeof all, "{\"deep\":%s}", text);
        FAILS(TSR_EARG, "252 levels", tsr_group_attrs_set(child, all));
        nested(text, 251);
        snprintf(all, sizeof all, "{\"deep\":%s}", text);
        OK(tsr_group_attrs_set(child, all));
        OK(tsr_group_attr_set(child, "deep", text));
        OK(tsr_array_attr_set(a, "deep", text));
        OK(tsr_group_close(child));
        OK(tsr_array_close(a));
        OK(tsr_group_consolidate(g));
        OK(tsr_group_close(g));
        g = open_group("deep.zarr", "r");
        assert_true(tsr_group_consolidated(g));
        expect_attrs(g, "g", all);
        expect_attrs(g, "x", all);
        OK(tsr_group_close(g));
    }
}

static void words_that_json_does_not_have_stay_as_text(void **state)
{
    (void)state;
    tsr_group *g = create_group("words.zarr", "w", "zarr2");
    put("words.zarr", ".zattrs", "{\"x\": NaN, \"y\": [-Infinity]}");
    expect_attrs(g, "", "{\"x\":\"NaN\",\"y\":[\"-Infinity\"]}");
    OK(tsr_group_attr_set(g, "z", "1"));
    expect_attrs(g, "", "{\"x\":\"NaN\",\"y\":[\"-Infinity\"],\"z\":1}");
    OK(tsr_group_close(g));
}

static void what_is_there_is_not_replaced_unless_asked(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_options x = with("x", formats[f]), w = with("w", formats[f]), a = with("a", formats[f]);
        tsr_group *g = create_group("there.zarr", "w", formats[f]), *child;
        make_child(g, "a/b");
        put_array("there.zarr", "x", f + 2);
        FAILS(TSR_EEXISTS, "a: there is a group already",
              tsr_group_create_group(g, "a", "x", &child));
        FAILS(TSR_EEXISTS, "x: there is an array already",
              tsr_group_create_group(g, "x", "a", &child));
        FAILS(TSR_EARG, "x: is an array", tsr_group_create_group(g, "x/y", NULL, &child));
        FAILS(TSR_EARG, "mode: found 'q'", tsr_group_create_group(g, "q", "q", &child));
        FAILS(TSR_EARG, "is an array", tsr_group_open_group(g, "x", &child));
        OK(tsr_group_create_group(g, "a", "a", &child));
        expect(child, 0, "b/");
        OK(tsr_group_close(child));
        OK(tsr_group_create_group(g, "a", "w", &child));
        expect(child, 0, "");
        OK(tsr_group_close(child));
        OK(tsr_group_create_group(g, "x", "w", &child));
        OK(tsr_group_close(child));
        OK(tsr_group_close(g));
        FAILS(TSR_EEXISTS, "there.zarr", tsr_group_create(scratch("there.zarr"), &x, &g));
        OK(tsr_group_open(scratch("there.zarr"), &a, &g));
        expect(g, 0, "a/ x/");
        OK(tsr_group_close(g));
        OK(tsr_group_create(scratch("there.zarr"), &w, &g));
        expect(g, 0, "");
        OK(tsr_group_close(g));
        OK(tsr_group_open(scratch("there.zarr#n/e/w"), &a, &g));
        OK(tsr_group_close(g));
        expect_at("there.zarr", "n/ n/e/ n/e/w/");
    }
}

static void a_folder_of_other_things_is_left_alone(void **state)
{
    (void)state;
    tsr_options w = with("w", NULL);
    tsr_group *g;
    put("other", "letters/love.txt", "dear");
    FAILS(TSR_EEXISTS, "other", tsr_group_create(scratch("other"), &w, &g));
    put_array("other", "letters/x", 3);
    FAILS(TSR_EEXISTS, "without document", tsr_group_create(scratch("other"), &w, &g));
    assert_true(exists(scratch("other/letters/love.txt")));
}

static void names_and_formats_that_cannot_be_are_refused(void **state)
{
    (void)state;
    tsr_group *g = create_group("names.zarr", "w", "zarr3"), *child;
    tsr_options two = with("x", "zarr2"), none = with("x", "b2nd"), rw = with("rw", NULL);
    FAILS(TSR_EARG, "'__x' cannot be", tsr_group_create_group(g, "a/__x", NULL, &child));
    FAILS(TSR_EARG, "'...' cannot be", tsr_group_create_group(g, "...", NULL, &child));
    FAILS(TSR_EARG, "zarr.json", tsr_group_create_group(g, "zarr.json/a", NULL, &child));
    FAILS(TSR_EARG, "expected the name", tsr_group_create_group(g, "/", NULL, &child));
    expect(g, 0, "");
    FAILS(TSR_EARG, "group of Zarr format 3",
          tsr_group_create(scratch("names.zarr#a"), &two, &child));
    FAILS(TSR_EUNSUPPORTED, "'b2nd'", tsr_group_create(scratch("names.zarr#a"), &none, &child));
    FAILS(TSR_EARG, "'rw'", tsr_group_open(scratch("names.zarr"), &rw, &child));
    FAILS(TSR_EARG, "itself", tsr_group_remove(g, ""));
    FAILS(TSR_ENOTFOUND, "nothing", tsr_group_remove(g, "nothing"));
    OK(tsr_group_close(g));
    g = open_group("names.zarr", "r");
    FAILS(TSR_EDENIED, "for reading", tsr_group_attr_set(g, "a", "1"));
    FAILS(TSR_EDENIED, "for reading", tsr_group_create_group(g, "a", NULL, &child));
    FAILS(TSR_EDENIED, "for reading", tsr_group_remove(g, "a"));
    FAILS(TSR_EDENIED, "for reading", tsr_group_consolidate(g));
    OK(tsr_group_close(g));
    FAILS(TSR_ENOTFOUND, "gone.zarr", tsr_group_open(scratch("gone.zarr"), NULL, &g));
    FAILS(TSR_ENOTFOUND, "names.zarr: gone", tsr_group_open(scratch("names.zarr#gone"), NULL, &g));
}

static void a_backslash_is_a_character_of_a_name(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("slash.zarr", "w", formats[f]), *child;
        tsr_options r = with("r", NULL);
        tsr_place_info info = {.size = sizeof info};
        tsr_array *a;
        int64_t problems = -1;
        put_array("slash.zarr", "run\\2/x\\y", f + 2);
        expect(g, 0, "run\\2// run\\2/x\\y");
        OK(tsr_array_open(scratch("slash.zarr#run\\2/x\\y"), &r, &a));
        OK(tsr_array_close(a));
        OK(tsr_group_open_array(g, "run\\2/x\\y", NULL, &a));
        OK(tsr_array_close(a));
        OK(tsr_probe(scratch("slash.zarr#run\\2"), &r, &info));
        assert_int_equal(info.kind, TSR_KIND_GROUP);
        OK(tsr_verify(scratch("slash.zarr"), NULL, NULL, NULL, &problems));
        assert_int_equal(problems, 0);
        FAILS(TSR_ENOTFOUND, "run", tsr_group_open_group(g, "run/2", &child));
        FAILS(TSR_EARG, "cannot be the name", tsr_group_create_group(g, "a\\b", NULL, &child));
        OK(tsr_group_remove(g, "run\\2"));
        expect(g, 0, "");
        OK(tsr_group_close(g));
    }
}

struct seen {
    int n;
    char last[256];
};

static void remove_the_next(void *user, int64_t chunk, int ndim, const int64_t *coords,
                            tsr_status status, const char *what)
{
    struct seen *seen = user;
    (void)chunk;
    (void)ndim;
    (void)coords;
    (void)status;
    if (!seen->n++) put("verify.zarr", "b/zarr.json", NULL);
    snprintf(seen->last, sizeof seen->last, "%s", what);
}

static void verify_tells_of_a_node_that_is_gone_and_goes_on(void **state)
{
    struct seen seen = {0};
    tsr_group *g = create_group("verify.zarr", "w", "zarr3");
    int64_t problems = 0;
    (void)state;
    OK(tsr_group_close(g));
    put_array("verify.zarr", "a", 3);
    put_array("verify.zarr", "b", 3);
    put_array("verify.zarr", "c", 3);
    put("verify.zarr", "a/c/0/0", "short");
    put("verify.zarr", "c/c/0/0", "short");
    OK(tsr_verify(scratch("verify.zarr"), NULL, remove_the_next, &seen, &problems));
    assert_int_equal(problems, 3);
    assert_non_null(strstr(seen.last, "c: "));
}

static void what_is_removed_is_gone_with_all_below_it(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("gone.zarr", "w", formats[f]);
        make_child(g, "a/b");
        put_array("gone.zarr", "a/b/x", f + 2);
        put("gone.zarr", "a/b/x/c/0/0", "chunk");
        make_child(g, "ab");
        OK(tsr_group_remove(g, "a"));
        expect(g, 0, "ab/");
        assert_false(exists(scratch("gone.zarr/a")));
        OK(tsr_group_close(g));
    }
}

static void nothing_gives_way_to_an_array_that_cannot_be(void **state)
{
    static const int64_t side[] = {4};
    tsr_options w = with("w", NULL);
    tsr_spec s = {.size = sizeof s, .dtype = "no", .ndim = 1, .shape = side};
    tsr_array *a;
    (void)state;
    tsr_group *g = create_group("stays.zarr", "w", "zarr3");
    make_child(g, "a/b");
    put_array("stays.zarr", "x", 3);
    for (int i = 0; i < 2; i++) {
        assert_true(tsr_group_create_array(g, "a", &s, &w, &a) < 0);
        assert_true(tsr_group_create_array(g, "x", &s, &w, &a) < 0);
        s.dtype = "<i4";
        s.codecs = "[\"foo\"]";
    }
    expect(g, 0, "a/ a/b/ x");
    s.codecs = NULL;
    OK(tsr_group_create_array(g, "a", &s, &w, &a));
    OK(tsr_array_close(a));
    expect(g, 0, "a x");
    OK(tsr_group_close(g));
}

/* Of many more objects than are removed at a time. */
static void nothing_gives_way_to_a_group_that_cannot_be(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_options other = with("w", formats[1 - f]);
        tsr_group *g = create_group("stay.zarr", "w", formats[f]), *child;
        make_child(g, "a/b");
        OK(tsr_group_close(g));
        FAILS(TSR_EARG, "the root: is a group of Zarr format",
              tsr_group_create(scratch("stay.zarr#a"), &other, &g));
        expect_at("stay.zarr", "a/ a/b/");
        OK(tsr_group_create(scratch("stay.zarr"), &other, &g));
        assert_string_equal(tsr_group_format(g), other.format);
        expect(g, 0, "");
        put("stay.zarr", f ? "in/zarr.json" : "in/.zgroup",
            f ? "{\"zarr_format\":3,\"node_type\":\"group\"}" : "{\"zarr_format\":2}");
        put_array("stay.zarr", "in/x", f + 2);
        FAILS(TSR_EARG, "in: is a group of Zarr format",
              tsr_group_create_group(g, "in/x", "w", &child));
        expect(g, 0, "in/ in/x");
        OK(tsr_group_close(g));
    }
}

/* Documents that cannot be used, and what may be a chunk of theirs. */
static const struct unusable {
    const char *document, *text, *chunk;
} unusable[] = {
    {"zarr.json", "{", "c/0/0"},
    {"zarr.json",
     "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[2],\"data_type\":\"odd\","
     "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[2]}},"
     "\"chunk_key_encoding\":\"default\",\"fill_value\":0,\"codecs\":[\"bytes\"]}",
     "c.1.0"},
    {"zarr.json", "{\"zarr_format\":4}", "c"},
    {".zarray", "[]", "7/1/0"},
    {".zgroup", "no", "0"},
};

static void put_unusable(size_t i, const char *folder, const char *path)
{
    char key[256];
    snprintf(key, sizeof key, "%s%s", path, unusable[i].document);
    put(folder, key, unusable[i].text);
    snprintf(key, sizeof key, "%s%s", path, unusable[i].chunk);
    put(folder, key, "chunk");
}

static void what_cannot_be_used_is_replaced_alike_by_all_who_replace(void **state)
{
    static const int64_t side[] = {4};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = side};
    tsr_options x = with("x", NULL), w = with("w", NULL);
    (void)state;
    for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
        tsr_group *g = create_group("unusable.zarr", "w", "zarr3"), *child;
        tsr_array *a;
        put_unusable(i, "unusable.zarr", "a/");
        assert_int_not_equal(tsr_array_create(scratch("unusable.zarr#a"), &s, &x, &a), TSR_OK);
        OK(tsr_array_create(scratch("unusable.zarr#a"), &s, &w, &a));
        OK(tsr_array_close(a));
        put_unusable(i, "unusable.zarr", "b/");
        OK(tsr_group_create_array(g, "b", &s, &w, &a));
        OK(tsr_array_close(a));
        put_unusable(i, "unusable.zarr", "f/");
        OK(tsr_group_create_group(g, "f", "w", &child));
        OK(tsr_group_close(child));
        put_unusable(i, "unusable.zarr", "d/");
        OK(tsr_group_create(scratch("unusable.zarr#d"), &w, &child));
        OK(tsr_group_close(child));
        put_unusable(i, "unusable.zarr", "e/");
        OK(tsr_group_remove(g, "e"));
        expect(g, 0, "a b d/ f/");
        OK(tsr_group_close(g));
        put_unusable(i, "unusable.zarr", "");
        OK(tsr_group_create(scratch("unusable.zarr"), &w, &g));
        expect(g, 0, "");
        OK(tsr_group_close(g));
    }
}

static void an_array_takes_the_place_of_nothing_that_may_be_a_group(void **state)
{
    static const int64_t side[] = {4};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = side};
    static const char *const others[] = {"x/zarr.json", "0/.zarray", "letter", "c/0/letter"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        tsr_array *a;
        put_unusable(0, "maybe.zarr", "");
        put("maybe.zarr", others[i], "{");
        FAILS(TSR_EEXISTS, "is not replaced",
              tsr_array_create(scratch("maybe.zarr"), &s, NULL, &a));
        put("maybe.zarr", others[i], NULL);
        OK(tsr_array_create(scratch("maybe.zarr"), &s, NULL, &a));
        OK(tsr_array_close(a));
    }
}

static void large_arrays_are_removed_whole(void **state)
{
    static const int64_t side[] = {9000}, one[] = {1};
    tsr_spec s =
        {.size = sizeof s, .dtype = "|u1", .ndim = 1, .shape = side, .chunks = one, .fill = "1"};
    static uint8_t zeros[9000];
    tsr_array *a;
    (void)state;
    tsr_group *g = create_group("large.zarr", "w", "zarr3");
    OK(tsr_array_create(scratch("large.zarr#a/b"), &s, NULL, &a));
    OK(tsr_array_write(a, NULL, zeros, sizeof zeros));
    OK(tsr_array_close(a));
    assert_true(exists(scratch("large.zarr/a/b/c/8999")));
    OK(tsr_group_remove(g, "a"));
    assert_false(exists(scratch("large.zarr/a")));
    OK(tsr_group_close(g));
}

/* ---- consolidated metadata ---- */

static void consolidated_metadata_follows_every_change(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("cons.zarr", "w", formats[f]), *child;
        make_child(g, "a/b");
        put_array("cons.zarr", "a/x", f + 2);
        assert_false(tsr_group_consolidated(g));
        OK(tsr_group_consolidate(g));
        expect_at("cons.zarr", "a/ a/b/ a/x");
        make_child(g, "a/c/d");
        OK(tsr_group_remove(g, "a/x"));
        expect_at("cons.zarr", "a/ a/b/ a/c/ a/c/d/");
        OK(tsr_group_open_group(g, "a", &child));
        OK(tsr_group_attr_set(child, "n", "1"));
        OK(tsr_group_attr_set(g, "root", "2"));
        OK(tsr_group_close(child));
        OK(tsr_group_close(g));
        g = open_group("cons.zarr", "r");
        assert_true(tsr_group_consolidated(g));
        expect_attrs(g, "a", "{\"n\":1}");
        expect_attrs(g, "", "{\"root\":2}");
        OK(tsr_group_close(g));
        g = open_group("cons.zarr#a", "r");
        assert_true(tsr_group_consolidated(g));
        expect(g, 1, "b/ c/");
        OK(tsr_group_close(g));
    }
}

/* What Python writes, though JSON has no word for it. */
static void attributes_that_are_no_number_are_consolidated(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("nan.zarr", "w", formats[f]);
        make_child(g, "a");
        if (f == 0) put("nan.zarr", ".zattrs", "{\"scale\":NaN}");
        else
            put("nan.zarr", "zarr.json",
                "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"scale\":NaN}}");
        OK(tsr_group_consolidate(g));
        make_child(g, "b");
        OK(tsr_group_close(g));
        expect_at("nan.zarr", "a/ b/");
        g = open_group("nan.zarr", "r");
        assert_true(tsr_group_consolidated(g));
        expect_attrs(g, "", "{\"scale\":\"NaN\"}");
        OK(tsr_group_close(g));
    }
}

/* One that is begun in the place of another is not there until its first flush. */
static void an_array_that_was_never_flushed_leaves_no_copy_of_the_one_before(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("gone.zarr", "w", formats[f]);
        int64_t shape[] = {4}, chunks[] = {2};
        tsr_spec spec = {.size = sizeof spec,
                         .dtype = "<i4",
                         .ndim = 1,
                         .shape = shape,
                         .chunks = chunks};
        tsr_options o = {.size = sizeof o, .mode = "w", .format = formats[f]};
        tsr_array *a;
        put_array("gone.zarr", "a", f + 2);
        make_child(g, "b");
        OK(tsr_group_consolidate(g));
        OK(tsr_group_close(g));
        expect_at("gone.zarr", "a b/");
        OK(tsr_array_create(scratch("gone.zarr#a"), &spec, &o, &a));
        tsr_array_drop(a);
        expect_at("gone.zarr", "b/");
    }
}

static void reading_through_consolidated_metadata_asks_for_nothing_more(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("ask.zarr", "w", formats[f]), *child;
        tsr_stats before = {.size = sizeof before}, after = before;
        make_child(g, "a/b");
        OK(tsr_group_consolidate(g));
        OK(tsr_group_close(g));
        g = open_group("ask.zarr", "r");
        OK(tsr_group_stats(g, &before));
        expect(g, 0, "a/ a/b/");
        expect_attrs(g, "a/b", "{}");
        OK(tsr_group_open_group(g, "a/b", &child));
        OK(tsr_group_close(child));
        OK(tsr_group_stats(g, &after));
        assert_int_equal(before.requests, after.requests);
        assert_true(before.requests > 0);
        OK(tsr_group_close(g));
    }
}

static void a_group_inside_has_consolidated_metadata_of_its_own(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("own.zarr", "w", formats[f]), *a;
        make_child(g, "a/b");
        OK(tsr_group_open_group(g, "a", &a));
        OK(tsr_group_consolidate(a));
        make_child(a, "c");
        OK(tsr_group_attr_set(a, "n", "1"));
        OK(tsr_group_close(a));
        expect_at("own.zarr#a", "b/ c/");
        a = open_group("own.zarr#a", "r");
        assert_true(tsr_group_consolidated(a));
        expect_attrs(a, "", "{\"n\":1}");
        OK(tsr_group_close(a));
        /* both at once */
        OK(tsr_group_consolidate(g));
        make_child(g, "a/d");
        OK(tsr_group_close(g));
        expect_at("own.zarr", "a/ a/b/ a/c/ a/d/");
        put("own.zarr", f ? "a/b/zarr.json" : "a/b/.zgroup", NULL);
        g = open_group("own.zarr", "r");
        expect(g, 0, "a/ a/b/ a/c/ a/d/");
        OK(tsr_group_close(g));
    }
}

static void consolidated_metadata_that_cannot_be_used_is_passed_over_and_goes(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("odd.zarr", "w", formats[f]);
        put("odd.zarr", f ? "zarr.json" : ".zmetadata",
            f ? "{\"zarr_format\":3,\"node_type\":\"group\",\"consolidated_metadata\":{\"kind\":"
                "\"other\",\"must_understand\":false,\"metadata\":{}}}"
              : "{\"zarr_consolidated_format\":2,\"metadata\":{}}");
        tsr_group *r = open_group("odd.zarr", "r");
        assert_false(tsr_group_consolidated(r));
        OK(tsr_group_close(r));
        make_child(g, "a");
        expect_at("odd.zarr", "a/");
        size_t len;
        if (!f) {
            assert_false(exists(scratch("odd.zarr/.zmetadata")));
        } else {
            uint8_t *text = file_read(scratch("odd.zarr/zarr.json"), &len);
            text[len] = 0;
            assert_null(strstr((char *)text, "consolidated"));
            free(text);
        }
        OK(tsr_group_close(g));
    }
}

static void formats_in_one_tree_are_not_mixed_in_consolidated_metadata(void **state)
{
    (void)state;
    tsr_group *g = create_group("mixed.zarr", "w", "zarr3");
    put_array("mixed.zarr", "two", 2);
    put_array("mixed.zarr", "three", 3);
    expect(g, 0, "three two");
    FAILS(TSR_EUNSUPPORTED, "two: found Zarr format 2", tsr_group_consolidate(g));
    OK(tsr_group_close(g));
}

/* ---- archives ---- */

static void an_archive_has_what_was_done_when_it_is_closed(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tsr_group *g = create_group("tree.zip", f ? "w" : "x", formats[f]), *child;
        tsr_options x = with("x", NULL);
        make_child(g, "a/b");
        OK(tsr_group_attr_set(g, "n", "1"));
        OK(tsr_group_close(g));
        FAILS(TSR_EEXISTS, "tree.zip", tsr_group_create(scratch("tree.zip"), &x, &g));
        expect_at("tree.zip", "a/ a/b/");
        g = open_group("tree.zip", "r+");
        OK(tsr_group_open_group(g, "a", &child));
        make_child(child, "c");
        OK(tsr_group_flush(child));
        expect_at("tree.zip", "a/ a/b/ a/c/");
        OK(tsr_group_remove(g, "a/b"));
        OK(tsr_group_consolidate(g));
        OK(tsr_group_close(g));
        expect_at("tree.zip", "a/ a/b/ a/c/");
        OK(tsr_group_close(child));
        expect_at("tree.zip", "a/ a/c/");
        g = open_group("tree.zip", "r");
        assert_true(tsr_group_consolidated(g));
        expect_attrs(g, "", "{\"n\":1}");
        OK(tsr_group_close(g));
    }
}

static void a_bad_entry_hides_no_other_node(void **state)
{
    static const char name[] = "b/zarr.json";
    size_t len, at = 0;
    (void)state;
    tsr_group *g = create_group("hurt.zip", "w", "zarr3"), *child;
    make_child(g, "a/x");
    make_child(g, "b");
    make_child(g, "c");
    OK(tsr_group_close(g));
    uint8_t *p = file_read(scratch("hurt.zip"), &len);
    while (at + sizeof name < len && memcmp(p + at, name, sizeof name - 1) != 0) at++;
    assert_true(at + sizeof name < len);
    file_flip(scratch("hurt.zip"), (long)(at + sizeof name + 2));
    free(p);
    g = open_group("hurt.zip", "r");
    expect(g, 0, "a/ a/x/ b? c/");
    FAILS(TSR_ECORRUPT, "entry 'b/zarr.json': CRC-32", tsr_group_open_group(g, "b", &child));
    OK(tsr_group_close(g));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_is_listed_in_order_a_group_before_what_is_in_it),
        cmocka_unit_test(a_node_tells_what_its_documents_say),
        cmocka_unit_test(a_prefix_with_nodes_below_is_a_group_without_document),
        cmocka_unit_test(what_cannot_be_read_is_listed_with_the_reason),
        cmocka_unit_test(attributes_are_set_and_removed),
        cmocka_unit_test(attributes_of_any_depth_that_is_taken_are_read_back),
        cmocka_unit_test(words_that_json_does_not_have_stay_as_text),
        cmocka_unit_test(what_is_there_is_not_replaced_unless_asked),
        cmocka_unit_test(a_folder_of_other_things_is_left_alone),
        cmocka_unit_test(names_and_formats_that_cannot_be_are_refused),
        cmocka_unit_test(a_backslash_is_a_character_of_a_name),
        cmocka_unit_test(verify_tells_of_a_node_that_is_gone_and_goes_on),
        cmocka_unit_test(what_is_removed_is_gone_with_all_below_it),
        cmocka_unit_test(nothing_gives_way_to_an_array_that_cannot_be),
        cmocka_unit_test(nothing_gives_way_to_a_group_that_cannot_be),
        cmocka_unit_test(what_cannot_be_used_is_replaced_alike_by_all_who_replace),
        cmocka_unit_test(an_array_takes_the_place_of_nothing_that_may_be_a_group),
        cmocka_unit_test(large_arrays_are_removed_whole),
        cmocka_unit_test(consolidated_metadata_follows_every_change),
        cmocka_unit_test(attributes_that_are_no_number_are_consolidated),
        cmocka_unit_test(an_array_that_was_never_flushed_leaves_no_copy_of_the_one_before),
        cmocka_unit_test(reading_through_consolidated_metadata_asks_for_nothing_more),
        cmocka_unit_test(a_group_inside_has_consolidated_metadata_of_its_own),
        cmocka_unit_test(consolidated_metadata_that_cannot_be_used_is_passed_over_and_goes),
        cmocka_unit_test(formats_in_one_tree_are_not_mixed_in_consolidated_metadata),
        cmocka_unit_test(an_archive_has_what_was_done_when_it_is_closed),
        cmocka_unit_test(a_bad_entry_hides_no_other_node),
    };
    return cmocka_run_group_tests(tests, scratch_make, stop);
}
