/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/store/test_tree.c - one suite, run on every store of many objects; then what folders do. */
#define _GNU_SOURCE /* nftw */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../scratch.h"

#include "store/store.h"

enum { UPDATE = TSR_TREE_UPDATE | TSR_TREE_CREATE };

static int remove_any(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s;
    (void)kind;
    (void)f;
    return remove(path);
}

static int start(void **state)
{
    return scratch_make(state);
}

static int stop(void **state)
{
    (void)state;
    return nftw(scratch_dir, remove_any, 16, FTW_DEPTH | FTW_PHYS);
}

static int open_tree(const char *name, unsigned flags, struct tsr_store **st)
{
    return tsr_store_open_tree(scratch(name), &(struct tsr_tree_options){.flags = flags}, st);
}

static int put(struct tsr_store *st, const char *key, const char *text)
{
    struct tsr_piece p = {(void *)(uintptr_t)text, strlen(text)};
    return tsr_store_put(st, key, &p, 1, false);
}

static void expect(struct tsr_store *st, const char *key, const char *text)
{
    char got[256] = {0};
    struct tsr_get g = {.key = key, .len = sizeof got - 1, .dst = got};
    OK(tsr_store_getv(st, &g, 1));
    if (!g.found) fail_msg("%s: is absent", key);
    assert_string_equal(got, text);
    assert_int_equal(g.size, strlen(text));
    memset(got, 0, sizeof got);
    OK(tsr_store_read(st, key, 0, got, strlen(text)));
    assert_string_equal(got, text);
}

static void expect_absent(struct tsr_store *st, const char *key)
{
    char got[4];
    uint64_t size;
    struct tsr_get g = {.key = key, .len = sizeof got, .dst = got};
    OK(tsr_store_getv(st, &g, 1));
    assert_false(g.found);
    FAILS(TSR_ENOTFOUND, "", tsr_store_stat(st, key, &size));
    FAILS(TSR_ENOTFOUND, "", tsr_store_read(st, key, 0, got, 1));
    assert_int_equal(tsr_store_stamp(st, key), 0);
}

/* ---- listings, sorted: "a b/ c" ---- */

struct names {
    char *name[4096];
    int n;
};

static int add_name(void *user, const char *key)
{
    struct names *l = user;
    assert_true(l->n < 4096);
    l->name[l->n++] = strdup(key);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void expect_list(struct tsr_store *st, const char *prefix, const char *all)
{
    struct names l = {.n = 0};
    char text[4096] = "";
    OK(tsr_store_list(st, prefix, add_name, &l));
    qsort(l.name, (size_t)l.n, sizeof *l.name, by_text);
    for (int i = 0; i < l.n; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", l.name[i]);
        free(l.name[i]);
    }
    assert_string_equal(text, all);
}

/* ---- the suite: *state makes an empty, writable tree ---- */

typedef struct tsr_store *make_tree(void);

static struct tsr_store *make_memory(void)
{
    struct tsr_store *st = NULL;
    OK(tsr_store_mem_tree(&st));
    return st;
}

static struct tsr_store *make_folder(void)
{
    static int serial;
    struct tsr_store *st = NULL;
    char name[32];
    snprintf(name, sizeof name, "new/tree%d", serial++);
    OK(open_tree(name, UPDATE | TSR_TREE_EMPTY, &st));
    return st;
}

static struct tsr_store *make_inner(void)
{
    struct tsr_store *st = NULL;
    struct tsr_tree_options o = {.flags = UPDATE, .inner = "/in//ner/"};
    static int serial;
    char name[32];
    snprintf(name, sizeof name, "inner%d", serial++);
    OK(tsr_store_open_tree(scratch(name), &o, &st));
    return st;
}

static struct tsr_store *make_archive(void)
{
    static int serial;
    struct tsr_store *st = NULL;
    char name[32];
    snprintf(name, sizeof name, "new%d.zip", serial++);
    OK(open_tree(name, UPDATE | TSR_TREE_EMPTY, &st));
    return st;
}

/* One that has entries of others, and was opened to be added to. */
static struct tsr_store *make_added(void)
{
    static int serial;
    struct tsr_store *st = NULL;
    struct tsr_tree_options o = {.flags = UPDATE, .inner = "in/ner"};
    char name[32];
    snprintf(name, sizeof name, "added%d.ozx", serial++);
    OK(open_tree(name, UPDATE, &st));
    OK(put(st, "in/ner/x", "x"));
    OK(put(st, "out", "of the way"));
    OK(tsr_store_publish(st, false));
    tsr_store_close(st);
    OK(tsr_store_open_tree(scratch(name), &o, &st));
    OK(tsr_store_remove(st, "x"));
    return st;
}

#define START(st) struct tsr_store *st = (*(make_tree **)state)()

static void objects_have_keys_with_slashes(void **state)
{
    START(st);
    OK(put(st, "zarr.json", "root"));
    OK(put(st, "a/b/c/0.1", "deep"));
    OK(put(st, "a/b/zarr.json", "array"));
    OK(put(st, "a/empty", ""));
    expect(st, "zarr.json", "root");
    expect(st, "a/b/c/0.1", "deep");
    expect(st, "a/b/zarr.json", "array");
    expect(st, "a/empty", "");
    OK(put(st, "a/b/c/0.1", "another"));
    expect(st, "a/b/c/0.1", "another");
    tsr_store_close(st);
}

static void prefixes_and_what_is_below_objects_are_absent(void **state)
{
    START(st);
    OK(put(st, "a/b", "x"));
    static const char *const none[] = {"a", "b", "a/b/c", "a/b/c/d", "a/c", "A/b", "a/bb"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) expect_absent(st, none[i]);
    tsr_store_close(st);
}

static void what_is_no_key_is_refused(void **state)
{
    START(st);
    char got[4];
    uint64_t size;
    static const char *const bad[] = {"", "/a", "a/", "a//b", "..", "a/../b", ".", "a/./b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tsr_get g = {.key = bad[i], .len = 4, .dst = got};
        FAILS(TSR_EARG, "the key", put(st, bad[i], "x"));
        FAILS(TSR_EARG, "the key", tsr_store_read(st, bad[i], 0, got, 1));
        FAILS(TSR_EARG, "the key", tsr_store_getv(st, &g, 1));
        FAILS(TSR_EARG, "the key", tsr_store_stat(st, bad[i], &size));
        FAILS(TSR_EARG, "the key", tsr_store_remove(st, bad[i]));
    }
    tsr_store_close(st);
}

static void a_batch_of_gets_tells_absent_from_present(void **state)
{
    START(st);
    char got[3][8] = {{0}};
    OK(put(st, "c/0", "first"));
    OK(put(st, "c/2", "third"));
    struct tsr_get g[] = {{.key = "c/0", .len = 8, .dst = got[0]},
                          {.key = "c/1", .len = 8, .dst = got[1]},
                          {.key = "c/2", .off = TSR_LAST, .len = 3, .dst = got[2]}};
    OK(tsr_store_getv(st, g, 3));
    assert_true(g[0].found && !g[1].found && g[2].found);
    assert_string_equal(got[0], "first");
    assert_string_equal(got[2], "ird");
    assert_int_equal(g[2].size, 5);
    assert_int_equal(g[2].got, 3);
    tsr_store_close(st);
}

static void ranges_come_from_many_objects_at_once(void **state)
{
    START(st);
    char got[16] = {0};
    OK(put(st, "a", "0123456789"));
    OK(put(st, "b/c", "abcdef"));
    struct tsr_range r[] = {{"a", 2, 3, got, 0},      {"a", 5, 1, got + 3, 0},
                            {"a", 6, 2, got + 10, 0}, {"b/c", 1, 2, got + 4, 0},
                            {"a", 0, 0, NULL, 0},     {"a", 9, 1, got + 6, 0}};
    OK(tsr_store_readv(st, r, 6));
    assert_string_equal(got, "2345bc9");
    assert_memory_equal(got + 10, "67", 2);
    FAILS(TSR_ECORRUPT, "ends at byte 10", tsr_store_read(st, "a", 8, got, 3));
    tsr_store_close(st);
}

static void a_range_may_insist_on_what_a_get_saw(void **state)
{
    START(st);
    char got[16] = {0};
    OK(put(st, "s", "index and chunks"));
    struct tsr_get g = {.key = "s", .off = TSR_LAST, .len = 6, .dst = got};
    OK(tsr_store_getv(st, &g, 1));
    assert_int_not_equal(g.stamp, 0);
    assert_int_equal(g.stamp, tsr_store_stamp(st, "s"));
    struct tsr_range r = {.key = "s", .len = 5, .dst = got, .stamp = g.stamp};
    OK(tsr_store_readv(st, &r, 1));
    assert_memory_equal(got, "index", 5);
    r.stamp += 1;
    FAILS(TSR_ECONFLICT, "another", tsr_store_readv(st, &r, 1));
    OK(put(st, "s", "another object here"));
    assert_int_not_equal(g.stamp, tsr_store_stamp(st, "s"));
    r.stamp = g.stamp;
    FAILS(TSR_ECONFLICT, "another", tsr_store_readv(st, &r, 1));
    OK(tsr_store_remove(st, "s"));
    FAILS(TSR_ECONFLICT, "another", tsr_store_readv(st, &r, 1));
    tsr_store_close(st);
}

static void list_tells_objects_and_prefixes_directly_below(void **state)
{
    START(st);
    expect_list(st, "", "");
    static const char *const keys[] = {"zarr.json", "a/zarr.json", "a/c/0/1", "a/c/0/0", "a.b/x",
                                       "a0",        ".zattrs",     "a/c/1/0", "a/c0"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) OK(put(st, keys[i], "x"));
    expect_list(st, "", ".zattrs a.b/ a/ a0 zarr.json");
    expect_list(st, "a/", "a/c/ a/c0 a/zarr.json");
    expect_list(st, "a/c/", "a/c/0/ a/c/1/");
    expect_list(st, "a/c/0/", "a/c/0/0 a/c/0/1");
    expect_list(st, "none/", "");
    expect_list(st, "a/zarr.json/", "");
    FAILS(TSR_EARG, "does not end in '/'", tsr_store_list(st, "a", add_name, NULL));
    tsr_store_close(st);
}

static void removed_objects_and_empty_prefixes_are_gone(void **state)
{
    START(st);
    OK(put(st, "a/b/c/0", "x"));
    OK(put(st, "a/b/1", "y"));
    OK(tsr_store_remove(st, "a/b/c/0"));
    expect_absent(st, "a/b/c/0");
    expect_list(st, "a/b/", "a/b/1");
    FAILS(TSR_ENOTFOUND, "", tsr_store_remove(st, "a/b/c/0"));
    FAILS(TSR_ENOTFOUND, "", tsr_store_remove(st, "a/b"));
    OK(tsr_store_remove(st, "a/b/1"));
    expect_list(st, "", "");
    OK(put(st, "a/b/1", "back"));
    expect(st, "a/b/1", "back");
    expect_list(st, "", "a/");
    tsr_store_close(st);
}

static void many_are_put_at_once(void **state)
{
    START(st);
    struct tsr_piece p[] = {{(void *)(uintptr_t) "ab", 2}, {(void *)(uintptr_t) "c", 1}};
    struct tsr_object o[] = {{"c/0", p, 2}, {"c/1", p, 1}, {"d/1", p + 1, 1}, {"e", p, 0}};
    OK(tsr_store_putv(st, o, 4, false));
    OK(tsr_store_putv(st, o, 4, true));
    expect(st, "c/0", "abc");
    expect(st, "c/1", "ab");
    expect(st, "d/1", "c");
    expect(st, "e", "");
    OK(tsr_store_sync(st, "", true));
    OK(tsr_store_sync(st, "c/0", true));
    FAILS(TSR_ENOTFOUND, "", tsr_store_sync(st, "c/9", true));
    tsr_store_close(st);
}

static void a_new_object_may_be_put_only_once(void **state)
{
    START(st);
    struct tsr_piece p = {(void *)(uintptr_t) "one", 3};
    struct tsr_object o = {"a/x", &p, 1};
    OK(tsr_store_put_if(st, &o, true, 0));
    FAILS(TSR_EEXISTS, "", tsr_store_put_if(st, &o, false, 0));
    expect(st, "a/x", "one");
    expect_list(st, "a/", "a/x");
    tsr_store_close(st);
}

/* ---- threads ---- */

struct share {
    struct tsr_store *st;
    int number;
    atomic_int *stop;
};

enum { THREADS = 4, ROUNDS = 60 };

/* Keys of its own, in folders that all have, which come and go. */
static void *write_and_remove(void *arg)
{
    struct share *s = arg;
    char key[64], text[32];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(key, sizeof key, "a/%d/%d", i % 3, s->number);
        snprintf(text, sizeof text, "%d of %d", i, s->number);
        if (put(s->st, key, text) < 0) return strdup(tsr_error());
        char got[32] = {0};
        struct tsr_get g = {.key = key, .len = 31, .dst = got};
        if (tsr_store_getv(s->st, &g, 1) < 0) return strdup(tsr_error());
        if (strcmp(got, text) != 0) return strdup(key);
        if (i % 2 && tsr_store_remove(s->st, key) < 0) return strdup(tsr_error());
    }
    return NULL;
}

/* The same object over and over: whole, whichever it is, also through a kept handle. */
static void *read_one_shard(void *arg)
{
    struct share *s = arg;
    while (!atomic_load(s->stop)) {
        char tail[2] = {0}, got[5] = {0};
        struct tsr_get g = {.key = "shard", .off = TSR_LAST, .len = 1, .dst = tail};
        if (tsr_store_getv(s->st, &g, 1) < 0 || !g.found) return strdup("no shard");
        struct tsr_range r = {.key = "shard", .len = 4, .dst = got, .stamp = g.stamp};
        int rc = tsr_store_readv(s->st, &r, 1);
        if (rc == TSR_ECONFLICT) continue;
        if (rc < 0) return strdup(tsr_error());
        for (int i = 0; i < 4; i++)
            if (got[i] != tail[0]) return strdup("a mixture");
    }
    return NULL;
}

static void threads_read_and_write_different_keys_at_once(void **state)
{
    START(st);
    pthread_t thread[THREADS + 2];
    struct share share[THREADS + 2];
    atomic_int stop_now = 0;
    OK(put(st, "shard", "0000 0"));
    for (int i = 0; i < THREADS + 2; i++) {
        share[i] = (struct share){st, i, &stop_now};
        pthread_create(&thread[i], NULL, i < THREADS ? write_and_remove : read_one_shard,
                       &share[i]);
    }
    for (int i = 0; i < 100; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d%d%d%d %*d", i % 10, i % 10, i % 10, i % 10, i % 7 + 1,
                 i % 10);
        OK(put(st, "shard", text));
    }
    for (int i = 0; i < THREADS + 2; i++) {
        void *said = NULL;
        if (i == THREADS) atomic_store(&stop_now, 1);
        pthread_join(thread[i], &said);
        if (said) fail_msg("thread %d: %s", i, (char *)said);
    }
    tsr_store_close(st);
}

/* ---- folders ---- */

static void folders_are_plain_files_under_their_names(void **state)
{
    (void)state;
    struct tsr_store *st;
    size_t len;
    OK(open_tree("plain", UPDATE, &st));
    OK(put(st, "a/0.0", "chunk"));
    uint8_t *p = file_read(scratch("plain/a/0.0"), &len);
    assert_int_equal(len, 5);
    assert_memory_equal(p, "chunk", 5);
    free(p);
    struct stat s;
    assert_int_equal(stat(scratch("plain/a/0.0"), &s), 0);
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(s.st_mode & 0777, 0666 & ~mask);
    tsr_store_close(st);
    FAILS(TSR_ENOTFOUND, "nowhere", open_tree("nowhere", TSR_TREE_UPDATE, &st));
    FAILS(TSR_ENOTFOUND, "nowhere", open_tree("nowhere", 0, &st));
    FAILS(TSR_EEXISTS, "something in it", open_tree("plain", UPDATE | TSR_TREE_EMPTY, &st));
    OK(open_tree("plain", 0, &st));
    FAILS(TSR_EDENIED, "reading only", put(st, "x", "y"));
    FAILS(TSR_EDENIED, "reading only", tsr_store_remove(st, "a/0.0"));
    tsr_store_close(st);
}

static void files_that_writers_left_are_not_listed(void **state)
{
    (void)state;
    struct tsr_store *st;
    OK(open_tree("left", UPDATE, &st));
    OK(put(st, "c/0", "x"));
    file_write(scratch("left/c/1.0123456789abcdef0123456789abcdef.partial"), "x", 1);
    file_write(scratch("left/c/.2.1a.0.tmp"), "x", 1);
    expect_list(st, "c/", "c/0");
    FAILS(TSR_EARG, "is being written", put(st, "c/3.partial", "x"));
    FAILS(TSR_EARG, "is being written", put(st, "c/.3.tmp", "x"));
    tsr_store_close(st);
}

static void links_that_leave_the_folder_are_refused(void **state)
{
    (void)state;
    struct tsr_store *st;
    struct tsr_get g = {.key = "out"};
    char got[8];
    OK(open_tree("links", UPDATE, &st));
    OK(put(st, "in/x", "inside"));
    file_write(scratch("secret"), "secret", 6);
    assert_int_equal(mkdir(scratch("other"), 0777), 0);
    assert_int_equal(symlink("../secret", scratch("links/out")), 0);
    assert_int_equal(symlink(scratch("secret"), scratch("links/full")), 0);
    assert_int_equal(symlink("../other", scratch("links/folder")), 0);
    assert_int_equal(symlink("nothing", scratch("links/dangling")), 0);
    FAILS(TSR_EDENIED, "leads out", tsr_store_getv(st, &g, 1));
    FAILS(TSR_EDENIED, "leads out", tsr_store_read(st, "out", 0, got, 1));
    FAILS(TSR_EDENIED, "leads out", tsr_store_read(st, "full", 0, got, 1));
    FAILS(TSR_EDENIED, "leads out", tsr_store_read(st, "folder/x", 0, got, 1));
    FAILS(TSR_EDENIED, "leads out", put(st, "folder/x", "x"));
    FAILS(TSR_EDENIED, "leads out", put(st, "folder/new/x", "x"));
    FAILS(TSR_EDENIED, "leads out", tsr_store_list(st, "folder/", add_name, NULL));
    assert_int_equal(rmdir(scratch("other")), 0); /* nothing was put there */
    expect_list(st, "", "in/");
    OK(put(st, "out", "a file now")); /* the link itself is replaced */
    expect(st, "out", "a file now");
    size_t len;
    free(file_read(scratch("secret"), &len));
    assert_int_equal(len, 6);
    tsr_store_close(st);
    OK(open_tree("links", TSR_TREE_LINKS, &st));
    expect(st, "full", "secret");
    tsr_store_close(st);
}

static void links_that_stay_inside_are_followed_and_listed(void **state)
{
    (void)state;
    struct tsr_store *st;
    OK(open_tree("inside", UPDATE, &st));
    OK(put(st, "a/x", "one"));
    assert_int_equal(symlink("a", scratch("inside/b")), 0);
    assert_int_equal(symlink("../a/x", scratch("inside/a/y")), 0);
    expect(st, "b/x", "one");
    expect(st, "a/y", "one");
    expect_list(st, "", "a/ b/");
    expect_list(st, "b/", "b/x b/y");
    tsr_store_close(st);
}

static void what_is_no_file_is_neither_absent_nor_read(void **state)
{
    (void)state;
    struct tsr_store *st;
    char got[4];
    uint64_t size;
    OK(open_tree("pipe", UPDATE, &st));
    assert_int_equal(mkfifo(scratch("pipe/p"), 0600), 0);
    FAILS(TSR_EARG, "not a regular file", tsr_store_stat(st, "p", &size));
    assert_true(tsr_store_read(st, "p", 0, got, 1) < 0);
    expect_list(st, "", "");
    tsr_store_close(st);
}

/* An open file keeps what was read from mixing with what took its name. */
static void a_kept_handle_reads_what_it_was_opened_on(void **state)
{
    (void)state;
    struct tsr_store *st, *other;
    char got[8] = {0};
    OK(open_tree("kept", UPDATE, &st));
    OK(open_tree("kept", UPDATE, &other));
    OK(put(st, "s", "first-index"));
    struct tsr_get g = {.key = "s", .off = TSR_LAST, .len = 5, .dst = got};
    OK(tsr_store_getv(st, &g, 1));
    OK(put(other, "s", "second")); /* by a rename */
    struct tsr_range r = {.key = "s", .len = 5, .dst = got, .stamp = g.stamp};
    OK(tsr_store_readv(st, &r, 1));
    assert_memory_equal(got, "first", 5);
    expect(st, "s", "second");
    OK(put(other, "t", "first-index"));
    g.key = r.key = "t";
    OK(tsr_store_getv(st, &g, 1));
    r.stamp = g.stamp;
    file_write(scratch("kept/t"), "in place", 8);
    FAILS(TSR_ECONFLICT, "another wrote it", tsr_store_readv(st, &r, 1));
    tsr_store_close(st);
    tsr_store_close(other);
}

static int open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n;
}

static void few_handles_are_kept(void **state)
{
    (void)state;
    struct tsr_store *st;
    int before = open_files();
    char key[16], got[4];
    OK(open_tree("few", UPDATE, &st));
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "c/%d", i);
        OK(put(st, key, "0123"));
        struct tsr_get g = {.key = key, .len = 2, .dst = got};
        OK(tsr_store_getv(st, &g, 1));
    }
    assert_true(open_files() <= before + 65);
    tsr_store_close(st);
    assert_int_equal(open_files(), before);
}

static void one_handle_has_the_lock_when_it_is_asked_for(void **state)
{
    (void)state;
    struct tsr_store *st, *other;
    OK(open_tree("locked", UPDATE | TSR_TREE_LOCK, &st));
    FAILS(TSR_ECONFLICT, "another writer",
          open_tree("locked", TSR_TREE_UPDATE | TSR_TREE_LOCK, &other));
    OK(open_tree("locked", TSR_TREE_UPDATE, &other)); /* nobody has to */
    tsr_store_close(other);
    OK(put(st, "a", "b"));
    tsr_store_close(st);
    OK(open_tree("locked", TSR_TREE_UPDATE | TSR_TREE_LOCK, &st));
    assert_false(tsr_store_replaced(st));
    assert_int_equal(rename(scratch("locked"), scratch("moved")), 0);
    assert_true(tsr_store_replaced(st));
    tsr_store_close(st);
}

static void folders_that_were_made_for_nothing_go_again(void **state)
{
    (void)state;
    struct tsr_store *st;
    OK(open_tree("made/for/it", UPDATE, &st));
    assert_int_equal(access(scratch("made/for/it"), F_OK), 0);
    tsr_store_close(st);
    assert_int_equal(access(scratch("made"), F_OK), -1);
    OK(open_tree("made/for", UPDATE, &st));
    OK(put(st, "a/b", "c"));
    tsr_store_close(st);
    assert_int_equal(access(scratch("made/for/a/b"), F_OK), 0);
}

#define ON(test, make)                                       \
    {                                                        \
#test " (" #make ")", test, NULL, NULL, (void *)make \
    }
#define SUITE(make)                                                                               \
    ON(objects_have_keys_with_slashes, make),                                                     \
        ON(prefixes_and_what_is_below_objects_are_absent, make),                                  \
        ON(what_is_no_key_is_refused, make), ON(a_batch_of_gets_tells_absent_from_present, make), \
        ON(ranges_come_from_many_objects_at_once, make),                                          \
        ON(a_range_may_insist_on_what_a_get_saw, make),                                           \
        ON(list_tells_objects_and_prefixes_directly_below, make),                                 \
        ON(removed_objects_and_empty_prefixes_are_gone, make), ON(many_are_put_at_once, make),    \
        ON(a_new_object_may_be_put_only_once, make),                                              \
        ON(threads_read_and_write_different_keys_at_once, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SUITE(make_memory),
        SUITE(make_folder),
        SUITE(make_inner),
        SUITE(make_archive),
        SUITE(make_added),
        cmocka_unit_test(folders_are_plain_files_under_their_names),
        cmocka_unit_test(files_that_writers_left_are_not_listed),
        cmocka_unit_test(links_that_leave_the_folder_are_refused),
        cmocka_unit_test(links_that_stay_inside_are_followed_and_listed),
        cmocka_unit_test(what_is_no_file_is_neither_absent_nor_read),
        cmocka_unit_test(a_kept_handle_reads_what_it_was_opened_on),
        cmocka_unit_test(few_handles_are_kept),
        cmocka_unit_test(one_handle_has_the_lock_when_it_is_asked_for),
        cmocka_unit_test(folders_that_were_made_for_nothing_go_again),
    };
    return cmocka_run_group_tests_name("trees", tests, start, stop);
}
