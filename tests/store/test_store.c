/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/store/test_store.c - one suite, run on every store; then what is special to each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store.h"

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/tsr-store-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/x", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails when something was left behind */
}

static struct tsr_piece piece(const char *text)
{
    return (struct tsr_piece){(void *)text, strlen(text)};
}

static void write_text(struct tsr_store *st, uint64_t off, const char *text)
{
    struct tsr_piece p = piece(text);
    assert_int_equal(tsr_store_write_at(st, "", off, &p, 1), TSR_OK);
}

static void expect_text(struct tsr_store *st, uint64_t off, const char *text)
{
    char got[64] = {0};
    assert_int_equal(tsr_store_read(st, "", off, got, strlen(text)), TSR_OK);
    assert_string_equal(got, text);
}

static void expect_size(struct tsr_store *st, uint64_t size)
{
    uint64_t got = 12345;
    assert_int_equal(tsr_store_stat(st, "", &got), TSR_OK);
    assert_int_equal(got, size);
}

/* ---- the suite: *state makes an empty, writable store ---- */

typedef struct tsr_store *make_store(void);

static struct tsr_store *make_mem(void)
{
    struct tsr_store *st = NULL;
    assert_int_equal(tsr_store_mem(&st), TSR_OK);
    return st;
}

static struct tsr_store *make_file(void)
{
    struct tsr_store *st = NULL;
    assert_int_equal(tsr_store_create(path, true, &st), TSR_OK);
    assert_int_equal(tsr_store_publish(st, true), TSR_OK);
    return st;
}

static struct tsr_store *make_hidden_file(void)
{
    struct tsr_store *st = NULL;
    assert_int_equal(tsr_store_create(path, true, &st), TSR_OK);
    return st;
}

static struct tsr_store *make_overlay(void)
{
    struct tsr_store *st = NULL;
    tsr_store_close(make_file());
    assert_int_equal(tsr_store_open(path, false, &st), TSR_OK);
    assert_int_equal(tsr_store_overlay(st, &st), TSR_OK);
    return st;
}

static void what_is_written_is_read_back(void **state)
{
    struct tsr_store *st = (*(make_store **)state)();
    struct tsr_piece p[] = {piece("abc"), piece(""), piece("defgh")};
    expect_size(st, 0);
    assert_int_equal(tsr_store_write_at(st, "", 0, p, 3), TSR_OK);
    expect_text(st, 0, "abcdefgh");
    write_text(st, 2, "XY");
    expect_text(st, 0, "abXYefgh");
    expect_size(st, 8);
    assert_int_equal(tsr_store_sync(st, "", true), TSR_OK);
    tsr_store_close(st);
}

static void a_gap_before_a_write_reads_as_zeros(void **state)
{
    struct tsr_store *st = (*(make_store **)state)();
    char got[10];
    write_text(st, 0, "ab");
    write_text(st, 8, "yz");
    assert_int_equal(tsr_store_read(st, "", 0, got, 10), TSR_OK);
    assert_memory_equal(got, "ab\0\0\0\0\0\0yz", 10);
    tsr_store_close(st);
}

static void reads_past_the_end_are_corrupt(void **state)
{
    struct tsr_store *st = (*(make_store **)state)();
    char got[8];
    write_text(st, 0, "abcd");
    assert_int_equal(tsr_store_read(st, "", 4, got, 0), TSR_OK);
    assert_int_equal(tsr_store_read(st, "", 2, got, 3), TSR_ECORRUPT);
    assert_int_equal(tsr_store_read(st, "", 5, got, 1), TSR_ECORRUPT);
    assert_int_equal(tsr_store_read(st, "", (uint64_t)1 << 62, got, 8), TSR_ECORRUPT);
    tsr_store_close(st);
}

static void ranges_may_come_in_any_order_and_number(void **state)
{
    struct tsr_store *st = (*(make_store **)state)();
    char got[9] = {0};
    write_text(st, 0, "abcdefgh");
    struct tsr_range r[] = {{"", 4, 2, got, 0},
                            {"", 6, 2, got + 2, 0},
                            {"", 0, 3, got + 4, 0},
                            {"", 3, 0, got, 0},
                            {"", 7, 1, got + 7, 0}};
    assert_int_equal(tsr_store_readv(st, r, 5), TSR_OK);
    assert_string_equal(got, "efghabch");
    assert_int_equal(tsr_store_readv(st, r, 0), TSR_OK);
    assert_int_equal(st->bytes_read, 8);
    tsr_store_close(st);
}

static void truncate_and_put_set_the_size(void **state)
{
    struct tsr_store *st = (*(make_store **)state)();
    struct tsr_piece p[] = {piece("new"), piece("er")};
    write_text(st, 0, "abcdefgh");
    assert_int_equal(tsr_store_truncate(st, "", 3), TSR_OK);
    expect_size(st, 3);
    write_text(st, 5, "z"); /* what was cut does not come back */
    char got[6];
    assert_int_equal(tsr_store_read(st, "", 0, got, 6), TSR_OK);
    assert_memory_equal(got, "abc\0\0z", 6);
    assert_int_equal(tsr_store_put(st, "", p, 2, false), TSR_OK);
    expect_size(st, 5);
    expect_text(st, 0, "newer");
    write_text(st, 5, "!");
    expect_text(st, 0, "newer!");
    tsr_store_close(st);
}

static void no_other_key_exists(void **state)
{
    struct tsr_store *st = (*(make_store **)state)();
    struct tsr_piece p = piece("a");
    uint64_t size;
    assert_int_equal(tsr_store_stat(st, "a/b", &size), TSR_ENOTFOUND);
    assert_int_equal(tsr_store_read(st, "a/b", 0, &size, 1), TSR_ENOTFOUND);
    assert_int_equal(tsr_store_write_at(st, "a/b", 0, &p, 1), TSR_ENOTFOUND);
    assert_null(tsr_store_view(st, "a/b", 0, 0));
    tsr_store_close(st);
}

/* ---- memory ---- */

static void memory_shows_its_bytes_in_place(void **state)
{
    (void)state;
    struct tsr_store *st = make_mem();
    void *buf;
    size_t len;
    write_text(st, 0, "abcdef");
    assert_memory_equal(tsr_store_view(st, "", 2, 4), "cdef", 4);
    assert_null(tsr_store_view(st, "", 2, 5));
    assert_null(tsr_store_view(st, "", UINT64_MAX, 2));
    tsr_store_mem_take(st, &buf, &len);
    assert_int_equal(len, 6);
    assert_memory_equal(buf, "abcdef", 6);
    expect_size(st, 0);
    tsr_store_close(st);
    tsr_free(buf);
}

static void borrowed_memory_is_read_only(void **state)
{
    (void)state;
    struct tsr_store *st;
    struct tsr_piece p = piece("x");
    assert_int_equal(tsr_store_mem_borrow("hello", 5, &st), TSR_OK);
    expect_text(st, 1, "ello");
    assert_memory_equal(tsr_store_view(st, "", 0, 5), "hello", 5);
    assert_int_equal(tsr_store_write_at(st, "", 0, &p, 1), TSR_EDENIED);
    assert_int_equal(tsr_store_put(st, "", &p, 1, true), TSR_EDENIED);
    assert_int_equal(tsr_store_truncate(st, "", 0), TSR_EDENIED);
    tsr_store_close(st);
}

/* ---- files ---- */

static void a_created_file_appears_at_publish_and_not_before(void **state)
{
    (void)state;
    struct tsr_store *st = make_hidden_file();
    write_text(st, 0, "abc");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(tsr_store_publish(st, false), TSR_OK);
    assert_int_equal(access(path, F_OK), 0);
    write_text(st, 3, "def");
    tsr_store_close(st);
    assert_int_equal(tsr_store_open(path, false, &st), TSR_OK);
    expect_text(st, 0, "abcdef");
    tsr_store_close(st);
    assert_int_equal(unlink(path), 0);
}

static void a_created_file_that_is_not_published_leaves_nothing(void **state)
{
    (void)state;
    struct tsr_store *st = make_hidden_file();
    write_text(st, 0, "abc");
    tsr_store_close(st); /* drop_folder would fail otherwise */
    assert_int_equal(access(path, F_OK), -1);
}

static void creating_beside_another_creator_keeps_the_first(void **state)
{
    (void)state;
    struct tsr_store *a, *b;
    assert_int_equal(tsr_store_create(path, false, &a), TSR_OK);
    assert_int_equal(tsr_store_create(path, false, &b), TSR_OK);
    write_text(a, 0, "a");
    write_text(b, 0, "b");
    assert_int_equal(tsr_store_publish(a, false), TSR_OK);
    assert_int_equal(tsr_store_publish(b, false), TSR_EEXISTS);
    tsr_store_close(b);
    expect_text(a, 0, "a");
    tsr_store_close(a);
    assert_int_equal(tsr_store_create(path, false, &a), TSR_EEXISTS);
}

static void put_replaces_the_file_and_old_readers_keep_the_old_one(void **state)
{
    (void)state;
    struct tsr_store *st = make_file(), *old, *new;
    struct tsr_piece p = piece("second");
    write_text(st, 0, "first");
    assert_int_equal(tsr_store_open(path, false, &old), TSR_OK);
    assert_int_equal(tsr_store_put(st, "", &p, 1, true), TSR_OK);
    assert_int_equal(tsr_store_open(path, false, &new), TSR_OK);
    write_text(st, 6, "!"); /* the handle follows */
    expect_text(old, 0, "first");
    expect_text(new, 0, "second!");
    tsr_store_close(st);
    tsr_store_close(old);
    tsr_store_close(new);
}

/* ---- overlays ---- */

enum { MODEL = 700 << 10 };

static struct tsr_store *overlay_of_noise(uint8_t *model, uint64_t len)
{
    struct tsr_store *st = make_file();
    struct tsr_piece p = {model, len};
    for (uint64_t i = 0; i < len; i++) model[i] = (uint8_t)(i * 2654435761u >> 13);
    assert_int_equal(tsr_store_write_at(st, "", 0, &p, 1), TSR_OK);
    tsr_store_close(st);
    assert_int_equal(tsr_store_open(path, false, &st), TSR_OK);
    assert_int_equal(tsr_store_overlay(st, &st), TSR_OK);
    return st;
}

/* A step of a random life, in the store and in memory. */
static void live_on(struct tsr_store *st, uint8_t *model, uint64_t *len, unsigned *seed)
{
    uint64_t off = (uint64_t)rand_r(seed) % (*len + 1), end = off;
    uint64_t n = (uint64_t)rand_r(seed) % (rand_r(seed) % 2 ? 100 : 200 << 10);
    if (off + n > MODEL) n = MODEL - off;
    if (rand_r(seed) % 8 == 0) {
        assert_int_equal(tsr_store_truncate(st, "", off), TSR_OK);
        memset(model + off, 0, MODEL - off);
        *len = off;
        return;
    }
    for (; end < off + n; end++) model[end] = (uint8_t)rand_r(seed);
    struct tsr_piece p = {model + off, n};
    assert_int_equal(tsr_store_write_at(st, "", off, &p, 1), TSR_OK);
    if (n && end > *len) *len = end;
}

static void an_overlay_leaves_the_file_alone(void **state)
{
    (void)state;
    enum { LEN = (300 << 10) + 77 };
    uint8_t *model = calloc(1, MODEL), *got = malloc(MODEL);
    struct stat before, after;
    for (unsigned seed = 1; seed <= 20; seed++) {
        uint64_t len = LEN;
        unsigned s = seed;
        memset(model, 0, MODEL);
        struct tsr_store *st = overlay_of_noise(model, len);
        assert_int_equal(stat(path, &before), 0);
        for (int i = 0; i < 60; i++) {
            live_on(st, model, &len, &s);
            expect_size(st, len);
            uint64_t off = (uint64_t)rand_r(&s) % (len + 1), n = (uint64_t)rand_r(&s) % MODEL;
            if (n > len - off) n = len - off;
            assert_int_equal(tsr_store_read(st, "", off, got, n), TSR_OK);
            assert_memory_equal(got, model + off, n);
        }
        assert_int_equal(stat(path, &after), 0);
        assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
        assert_int_equal(after.st_size, LEN);
        tsr_store_close(st);
    }
    free(model);
    free(got);
}

static void an_overlay_of_a_file_that_changes_fails(void **state)
{
    (void)state;
    uint8_t *model = calloc(1, MODEL), got[16];
    for (int longer = 0; longer < 2; longer++) {
        struct tsr_store *st = overlay_of_noise(model, 100 << 10);
        write_text(st, 0, "mine");
        assert_int_equal(truncate(path, longer ? 200 << 10 : 10), 0);
        int rc = tsr_store_read(st, "", 90 << 10, got, sizeof got);
        assert_true(rc == (longer ? TSR_ECONFLICT : TSR_ECORRUPT));
        expect_text(st, 0, "mine");
        tsr_store_close(st);
    }
    free(model);
}

static void opening_says_what_is_wrong(void **state)
{
    (void)state;
    struct tsr_store *st;
    char inside[160];
    uint64_t size;
    assert_int_equal(tsr_store_open("/nonexistent/x", false, &st), TSR_ENOTFOUND);
    assert_int_equal(tsr_store_open(folder, false, &st), TSR_EARG);
    assert_non_null(strstr(tsr_error(), "folder"));
    assert_int_equal(tsr_store_open("/dev/null", false, &st), TSR_EARG);
    assert_int_equal(tsr_store_open("gopher://x", false, &st), TSR_EUNSUPPORTED);
    assert_int_equal(tsr_store_create(folder, true, &st), TSR_EEXISTS);
    assert_int_equal(tsr_store_create("/nonexistent/x", true, &st), TSR_ENOTFOUND);
    snprintf(inside, sizeof inside, "%s/chunks.b2frame", folder);
    fclose(fopen(inside, "w"));
    assert_int_equal(tsr_store_open(folder, false, &st), TSR_OK);
    assert_int_equal(tsr_store_stat(st, "chunks.b2frame", &size), TSR_OK);
    assert_int_equal(tsr_store_stat(st, "", &size), TSR_ENOTFOUND);
    tsr_store_close(st);
    unlink(inside);
}

static int count_key(void *user, const char *key)
{
    (void)key;
    ++*(int *)user;
    return 0;
}

static void a_get_tells_what_is_there(void **state)
{
    struct tsr_store *st = (*(make_store **)state)();
    static const size_t want[] = {3, 2, 7, 0};
    char got[16] = {0};
    struct tsr_get g[] = {
        {.key = "", .off = 2, .len = 3, .dst = got},
        {.key = "", .off = TSR_LAST, .len = 2, .dst = got + 3},
        {.key = "", .off = TSR_LAST, .len = 9, .dst = got + 5},
        {.key = "", .off = 7, .len = 3, .dst = got + 15},
        {.key = "none", .len = 3, .dst = got},
    };
    write_text(st, 0, "abcdefg");
    assert_int_equal(tsr_store_getv(st, g, 5), TSR_OK);
    assert_memory_equal(got, "cdefgabcdefg", 13);
    for (int i = 0; i < 4; i++) {
        assert_true(g[i].found);
        assert_int_equal(g[i].size, 7);
        assert_int_equal(g[i].got, want[i]);
        assert_int_equal(g[i].stamp, tsr_store_stamp(st, ""));
    }
    assert_false(g[4].found);
    assert_int_equal(g[4].got + g[4].size, 0);
    assert_int_equal(g[1].off, TSR_LAST); /* it can be asked again */
    tsr_store_close(st);
}

static void a_folder_keeps_objects_under_names(void **state)
{
    (void)state;
    struct tsr_store *st;
    struct tsr_piece p[] = {piece("abc"), piece("defgh")}, mark = piece("m");
    char got[8];
    uint64_t size;
    int n = 0;
    assert_int_equal(tsr_store_create_folder(path, false, &st), TSR_OK);
    assert_int_equal(tsr_store_put(st, "chunks.b2frame", &mark, 1, false), TSR_OK);
    assert_int_equal(tsr_store_put(st, "1.obj", p, 2, true), TSR_OK);
    assert_int_equal(access(path, F_OK), -1); /* not before publish */
    assert_int_equal(tsr_store_publish(st, true), TSR_OK);
    assert_int_equal(tsr_store_put(st, "2.obj", p, 1, false), TSR_OK);
    assert_int_equal(tsr_store_put(st, "1.obj", p + 1, 1, true), TSR_OK); /* replaced */
    struct tsr_range r[] = {{"1.obj", 1, 3, got, 0},
                            {"2.obj", 0, 2, got + 3, 0},
                            {"2.obj", 2, 1, got + 5, 0}};
    assert_int_equal(tsr_store_readv(st, r, 3), TSR_OK);
    assert_memory_equal(got, "efgabc", 6);
    assert_int_equal(tsr_store_read(st, "1.obj", 3, got, 3), TSR_ECORRUPT);
    assert_int_equal(tsr_store_stat(st, "3.obj", &size), TSR_ENOTFOUND);
    assert_int_equal(tsr_store_stat(st, "../x", &size), TSR_ENOTFOUND);
    assert_int_equal(tsr_store_put(st, "../x", p, 1, false), TSR_ENOTFOUND);
    assert_int_equal(tsr_store_list(st, "", count_key, &n), TSR_OK);
    assert_int_equal(tsr_store_list(st, "2/", count_key, &n), TSR_OK);
    assert_int_equal(n, 3);
    assert_int_equal(tsr_store_list(st, "2", count_key, &n), TSR_EARG);
    assert_int_equal(tsr_store_sync(st, "2.obj", true), TSR_OK);
    static const char *const keys[] = {"1.obj", "2.obj", "chunks.b2frame"};
    for (int i = 0; i < 3; i++) assert_int_equal(tsr_store_remove(st, keys[i]), TSR_OK);
    assert_int_equal(tsr_store_remove(st, "1.obj"), TSR_ENOTFOUND);
    tsr_store_close(st);
    assert_int_equal(rmdir(path), 0);
}

static void urls_of_files_have_three_spellings(void **state)
{
    (void)state;
    struct tsr_store *st = make_file();
    char url[160];
    write_text(st, 0, "abc");
    tsr_store_close(st);
    static const char *const heads[] = {"", "file:", "file://"};
    for (int i = 0; i < 3; i++) {
        snprintf(url, sizeof url, "%s%s", heads[i], path);
        assert_int_equal(tsr_store_open(url, true, &st), TSR_OK);
        expect_text(st, 0, "abc");
        tsr_store_close(st);
    }
}

#define ON(test, make)                                                     \
    {                                                                      \
#test " (" #make ")", test, make_folder, drop_folder, (void *)make \
    }
#define SUITE(make)                                                                        \
    ON(what_is_written_is_read_back, make), ON(a_gap_before_a_write_reads_as_zeros, make), \
        ON(reads_past_the_end_are_corrupt, make),                                          \
        ON(ranges_may_come_in_any_order_and_number, make),                                 \
        ON(truncate_and_put_set_the_size, make), ON(no_other_key_exists, make),            \
        ON(a_get_tells_what_is_there, make)
#define ALONE(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SUITE(make_mem),
        SUITE(make_file),
        SUITE(make_hidden_file),
        SUITE(make_overlay),
        ALONE(memory_shows_its_bytes_in_place),
        ALONE(borrowed_memory_is_read_only),
        ALONE(a_created_file_appears_at_publish_and_not_before),
        ALONE(a_created_file_that_is_not_published_leaves_nothing),
        ALONE(creating_beside_another_creator_keeps_the_first),
        ALONE(put_replaces_the_file_and_old_readers_keep_the_old_one),
        ALONE(an_overlay_leaves_the_file_alone),
        ALONE(an_overlay_of_a_file_that_changes_fails),
        ALONE(opening_says_what_is_wrong),
        ALONE(a_folder_keeps_objects_under_names),
        ALONE(urls_of_files_have_three_spellings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
