/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_consolidated.c - several writers, each of a node of its own, under one group with
 * consolidated metadata: all get into it. */
#define _GNU_SOURCE /* LOCK_EX */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "../scratch.h"

#include "text/doc.h"
#include "zarr/node.h"
#include "zarr/tree.h"

enum { ROUNDS = 150 };

/* ---- folders ---- */

static tsr_group *open_group(const char *url, const char *mode)
{
    tsr_options o = {.size = sizeof o, .mode = mode};
    tsr_group *g;
    OK(tsr_group_open(url, &o, &g));
    return g;
}

static void make(const char *url, const char *format)
{
    int64_t shape[] = {4};
    tsr_options o = {.size = sizeof o, .format = format};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = shape};
    tsr_group *g;
    tsr_array *a;
    OK(tsr_group_create(url, &o, &g));
    for (int i = 0; i < 2; i++) {
        OK(tsr_group_create_array(g, i ? "in/b" : "a", &s, NULL, &a));
        OK(tsr_array_close(a));
    }
    OK(tsr_group_consolidate(g));
    OK(tsr_group_close(g));
}

/* Its own handle of its own array, as another program would have. */
static void *write_attributes(void *url)
{
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    char json[32];
    tsr_array *a;
    if (tsr_array_open(url, &o, &a) < 0) return url;
    for (int i = 1; i <= ROUNDS; i++) {
        snprintf(json, sizeof json, "%d", i);
        if (tsr_array_attr_set(a, "n", json) < 0 || tsr_array_flush(a) < 0) return url;
    }
    return tsr_array_close(a) < 0 ? url : NULL;
}

static void expect_newest(const tsr_group *g, const char *path, int n)
{
    char expected[32], *json;
    snprintf(expected, sizeof expected, "{\"n\":%d}", n);
    OK(tsr_group_attrs(g, path, &json));
    assert_string_equal(json, expected);
    tsr_free(json);
}

static void writers_of_two_arrays_and_the_group_all_get_into_the_copies(void **state)
{
    (void)state;
    for (int format = 2; format <= 3; format++) {
        char url[600], part[2][620], json[32];
        pthread_t t[2];
        void *failed[2];
        snprintf(url, sizeof url, "%s", scratch(format == 2 ? "two.zarr" : "three.zarr"));
        make(url, format == 2 ? "zarr2" : "zarr3");
        snprintf(part[0], sizeof part[0], "%s#a", url);
        snprintf(part[1], sizeof part[1], "%s#in/b", url);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&t[i], NULL, write_attributes, part[i]), 0);
        tsr_group *g = open_group(url, "r+");
        for (int i = 1; i <= ROUNDS; i++) {
            snprintf(json, sizeof json, "%d", i);
            OK(tsr_group_attr_set(g, "n", json));
        }
        OK(tsr_group_close(g));
        for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(t[i], &failed[i]), 0);
        assert_null(failed[0]);
        assert_null(failed[1]);
        g = open_group(url, "r");
        assert_true(tsr_group_consolidated(g));
        expect_newest(g, "", ROUNDS);
        expect_newest(g, "a", ROUNDS);
        expect_newest(g, "in/b", ROUNDS);
        OK(tsr_group_close(g));
    }
}

/* ---- stores that put on a condition ---- */

struct putter {
    struct tsr_store *st;
    const char *path;
    int format;
    char *why; /* it failed */
};

static int put_number(const struct putter *p, int n)
{
    struct tsr_zmeta *m = NULL;
    struct tsr_node map;
    struct tsr_doc *doc;
    int rc = tsr_doc_new(&doc);
    if (rc < 0) return rc;
    rc = tsr_znode_new(doc, TSR_NODE_MAP, 1, &map);
    if (rc == TSR_OK) {
        tsr_znode_put(&map, "n", tsr_znode_of_int(n));
        rc = tsr_zmeta_new_group(p->format, &map, &m);
    }
    if (rc == TSR_OK) rc = tsr_ztree_put(p->st, p->path, m, false);
    tsr_zmeta_free(m);
    tsr_doc_free(doc);
    return rc;
}

static void *put_numbers(void *arg)
{
    struct putter *p = arg;
    for (int i = 1; i <= 10 * ROUNDS && !p->why; i++)
        if (put_number(p, i) < 0) p->why = strdup(tsr_error());
    return NULL;
}

static int64_t copied_number(struct tsr_store *st, int format, const char *path)
{
    struct tsr_zcache *c;
    struct tsr_zmeta *root, *m;
    int64_t n = -1;
    OK(tsr_zmeta_open(st, "", &root));
    assert_int_equal(root->format, format);
    OK(tsr_zcache_open(st, "", root, &c));
    OK(tsr_zcache_load(c, path, &m));
    OK(tsr_znode_int(tsr_znode_get(&m->attributes, "n"), 0, INT32_MAX, &n));
    tsr_zmeta_free(m);
    tsr_zcache_free(c);
    tsr_zmeta_free(root);
    return n;
}

static void a_store_that_puts_on_a_condition_loses_no_copy(void **state)
{
    (void)state;
    for (int format = 2; format <= 3; format++) {
        struct tsr_store *st;
        pthread_t t[2];
        OK(tsr_store_mem_tree(&st));
        struct putter p[2] = {{st, "a", format, NULL}, {st, "b", format, NULL}};
        OK(put_number(&(struct putter){st, "", format, NULL}, 0));
        for (int i = 0; i < 2; i++) OK(put_number(&p[i], 0));
        OK(tsr_ztree_consolidate(st, "", false));
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&t[i], NULL, put_numbers, &p[i]), 0);
        for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(t[i], NULL), 0);
        for (int i = 0; i < 2; i++) {
            if (p[i].why) fail_msg("%s: %s", p[i].path, p[i].why);
            assert_int_equal(copied_number(st, format, p[i].path), 10 * ROUNDS);
        }
        tsr_store_close(st);
    }
}

int flock(int fd, int how); /* of <sys/file.h>, a name that src/sys has too */

/* Whoever is forked while it is held has the file open, and lives on. */
static void a_lock_ends_although_a_child_has_the_file(void **state)
{
    const char *url = scratch("forked.zarr");
    struct tsr_tree_options t = {.flags = TSR_TREE_UPDATE};
    struct tsr_store *st;
    struct tsr_lock held;
    (void)state;
    make(url, "zarr3");
    OK(tsr_store_open_tree(url, &t, &st));
    OK(tsr_store_hold(st, "zarr.json", &held));
    assert_true(held.fd >= 0);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_true(child > 0);
    tsr_lock_release(&held);
    int fd = open(scratch("forked.zarr/zarr.json"), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    close(fd);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    tsr_store_close(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_ends_although_a_child_has_the_file),
        cmocka_unit_test(writers_of_two_arrays_and_the_group_all_get_into_the_copies),
        cmocka_unit_test(a_store_that_puts_on_a_condition_loses_no_copy),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove_all);
}
