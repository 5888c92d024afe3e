/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/store/test_faults.c - trees of objects when memory or the disk fails, or the process dies.
 *
 * A script is a list of calls on one tree, a folder or an archive; a clean run notes after each
 * what a new reader finds.  Then it runs again and again, and each time the next allocation or
 * system call fails, or is the last.  Wherever that happens a new reader finds what was there
 * before the call or what is there after it, no file is left behind but by a death, and the call,
 * done again, succeeds and leads to the same end. */
#define _GNU_SOURCE
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../scratch.h"

#include "../faults_tree.h"
#include "store/store.h"

enum { MAX_STEPS = 16, TEXT = 2048 };

/* ---- what a new reader finds ---- */

struct digest {
    struct tsr_store *st;
    char text[TEXT];
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct names {
    char key[32][64];
    int n;
};

static int add_name(void *user, const char *key)
{
    struct names *l = user;
    assert_true(l->n < 32);
    snprintf(l->key[l->n++], 64, "%s", key);
    return 0;
}

static void digest_below(struct digest *d, const char *prefix)
{
    struct names l = {.n = 0};
    OK(tsr_store_list(d->st, prefix, add_name, &l));
    qsort(l.key, (size_t)l.n, sizeof *l.key, by_text);
    for (int i = 0; i < l.n; i++) {
        char got[64] = {0};
        struct tsr_get g = {.key = l.key[i], .len = 63, .dst = got};
        if (l.key[i][strlen(l.key[i]) - 1] == '/') {
            digest_below(d, l.key[i]);
            continue;
        }
        OK(tsr_store_getv(d->st, &g, 1));
        size_t len = strlen(d->text);
        snprintf(d->text + len, TEXT - len, "%s=%s;", l.key[i], got);
    }
}

static const char *path;

static void look(char text[TEXT])
{
    static struct digest d;
    d.text[0] = 0;
    if (tsr_store_open_tree(path, NULL, &d.st) < 0) {
        strcpy(text, "absent");
        return;
    }
    digest_below(&d, "");
    tsr_store_close(d.st);
    strcpy(text, d.text);
}

/* ---- the script ---- */

static struct tsr_store *st;

static int put(const char *key, const char *text, bool durable)
{
    struct tsr_piece p[] = {{(void *)(uintptr_t)text, 1},
                            {(void *)(uintptr_t)(text + 1), strlen(text + 1)}};
    return tsr_store_put(st, key, p, 2, durable);
}

/* Its failure shows nothing but itself. */
static int get(const char *key, const char *text)
{
    char got[64] = {0};
    struct tsr_get g = {.key = key, .off = TSR_LAST, .len = 2, .dst = got};
    int rc = tsr_store_getv(st, &g, 1);
    if (rc < 0) return rc;
    if (!g.found) fail_msg("%s: is absent", key);
    struct tsr_range r[] = {{key, 0, 1, got + 10, g.stamp}, {key, 1, 1, got + 20, g.stamp}};
    if ((rc = tsr_store_readv(st, r, 2)) < 0) return rc;
    if (got[10] != text[0] || got[20] != text[1]) fail_msg("%s: read %c%c", key, got[10], got[20]);
    return TSR_OK;
}

/* As after a death, what was removed may be gone already. */
static int take_away(const char *key)
{
    int rc = tsr_store_remove(st, key);
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

static int step(int k)
{
    const struct tsr_tree_options o = {.flags = TSR_TREE_UPDATE | TSR_TREE_CREATE};
    switch (k) {
    case 0: return st ? TSR_OK : tsr_store_open_tree(path, &o, &st);
    case 1: return put("zarr.json", "group", false);
    case 2: return put("a/b/c/0", "first", true);
    case 3: return get("a/b/c/0", "first");
    case 4: return tsr_store_publish(st, false);
    case 5: return put("a/b/c/0", "second", false);
    case 6: return put("a/b/c/1", "one", true);
    case 7: return get("a/b/c/1", "one");
    case 8: return take_away("a/b/c/0");
    case 9: return tsr_store_publish(st, true);
    case 10: return tsr_store_sync(st, "", true);
    case 11: return take_away("a/b/c/1");
    case 12: return put("a/x", "last", false);
    case 13: return tsr_store_publish(st, false);
    default: return TSR_EARG;
    }
}
enum { STEPS = 14 };

static char state_after[MAX_STEPS][TEXT];

static int remove_any(const char *name, const struct stat *s, int kind, struct FTW *f)
{
    (void)s;
    (void)kind;
    (void)f;
    return remove(name);
}

static void start_anew(void)
{
    tsr_store_close(st);
    st = NULL;
    nftw(path, remove_any, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(scratch_count(), 0);
    fault.n = 0;
}

static void run_clean(void)
{
    fault.mode = OFF;
    start_anew();
    for (int k = 0; k < STEPS; k++) {
        OK(step(k));
        look(state_after[k]);
    }
    assert_string_equal(state_after[STEPS - 1], "a/x=last;zarr.json=group;");
}

static int left_behind(const char *name, const struct stat *s, int kind, struct FTW *f)
{
    (void)s;
    (void)kind;
    return strstr(name + f->base, ".tmp") != NULL;
}

/* Before step k, or after it. */
static void expect_either(int k, const char *when)
{
    char now[TEXT];
    look(now);
    const char *before = k ? state_after[k - 1] : "absent";
    bool empty = k == 0 && !now[0];
    if (strcmp(now, before) && strcmp(now, state_after[k]) && !empty)
        fail_msg("%s %ld, step %d: found '%s', expected '%s' or '%s'", when, fault.at, k, now,
                 before, state_after[k]);
}

/* False: the script ended before that many calls. */
static bool run_with(enum mode mode, long at)
{
    bool hit = false;
    start_anew();
    fault.at = at;
    for (int k = 0; k < STEPS; k++) {
        fault.mode = hit ? OFF : mode;
        int rc = step(k);
        fault.mode = OFF;
        if (rc >= 0) continue;
        /* what failed before may say something else: it does not know the cause */
        if (mode != ALLOC && rc != TSR_EIO && rc != TSR_ECORRUPT && rc != TSR_ECONFLICT)
            fail_msg("mode %d, call %ld, step %d: %d %s", mode, at, k, rc, tsr_error());
        if (mode == ALLOC && rc != TSR_ENOMEM)
            fail_msg("allocation %ld, step %d: %d %s", at, k, rc, tsr_error());
        hit = true;
        expect_either(k, "call");
        /* on a full or broken disk the file that is given up cannot be removed */
        if (mode != IO_ALWAYS && nftw(path, left_behind, 16, FTW_PHYS) > 0)
            fail_msg("mode %d, call %ld, step %d: a file is left behind", mode, at, k);
        OK(step(k));
    }
    char end[TEXT];
    look(end);
    assert_string_equal(end, state_after[STEPS - 1]);
    return fault.n >= at;
}

static int run_all(enum mode mode)
{
    long at = 1;
    run_clean();
    while (run_with(mode, at)) at++;
    return (int)at - 1;
}

/* ---- death ---- */

/* Where a child dies before call `at`; its number of the step comes back.  STEPS: it did not. */
static int die_at(long at)
{
    int *reached =
        mmap(NULL, sizeof *reached, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(reached, MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        fault.mode = IO_KILL;
        fault.at = at;
        for (int k = 0; k < STEPS && step(k) == TSR_OK; k++) *reached = k + 1;
        _exit(0);
    }
    int status, k;
    assert_int_equal(waitpid(child, &status, 0), child);
    k = *reached;
    munmap(reached, sizeof *reached);
    assert_true(WIFSIGNALED(status) || k == STEPS);
    return k;
}

static int remove_left(const char *name, const struct stat *s, int kind, struct FTW *f)
{
    (void)kind;
    (void)s;
    return strstr(name + f->base, ".tmp") ? unlink(name) : 0;
}

static int die_everywhere(void)
{
    long at = 1;
    run_clean();
    for (;; at++) {
        char end[TEXT];
        start_anew();
        int k = die_at(at);
        if (k == STEPS) break;
        fault.at = at;
        expect_either(k, "death at call");
        nftw(scratch_dir, remove_left, 16, FTW_PHYS);
        for (k = 0; k < STEPS; k++) OK(step(k));
        look(end);
        assert_string_equal(end, state_after[STEPS - 1]);
    }
    start_anew();
    return (int)at - 1;
}

static void use(const char *name, bool walk)
{
    path = scratch(name);
    no_openat2 = walk;
    fault.no_sync = true;
}

#define EACH(call)                           \
    do {                                     \
        use("folder", false);                \
        print_message("%d ", (call));        \
        start_anew();                        \
        use("folder", true);                 \
        print_message("%d ", (call));        \
        start_anew();                        \
        use("tree.zip", false);              \
        print_message("%d calls\n", (call)); \
        start_anew();                        \
    } while (0)

static void an_allocation_that_fails_changes_nothing(void **state)
{
    (void)state;
    EACH(run_all(ALLOC));
}

static void a_call_that_fails_leaves_the_old_state_or_the_new(void **state)
{
    (void)state;
    EACH(run_all(IO_ONCE));
}

static void a_full_disk_leaves_the_old_state_or_the_new(void **state)
{
    (void)state;
    EACH(run_all(IO_ALWAYS));
}

static void short_and_torn_transfers_are_gone_on_with(void **state)
{
    (void)state;
    EACH(run_all(IO_SHORT));
    EACH(run_all(IO_TORN));
}

static void a_process_that_dies_leaves_the_old_state_or_the_new(void **state)
{
    (void)state;
    EACH(die_everywhere());
}

static void links_are_refused_where_names_are_walked(void **state)
{
    (void)state;
    char got[4];
    use("folder", true);
    OK(step(0));
    OK(put("in/x", "inside", false));
    assert_int_equal(symlink("/etc", scratch("folder/out")), 0);
    assert_int_equal(symlink("x", scratch("folder/in/y")), 0);
    FAILS(TSR_EDENIED, "symbolic link", tsr_store_read(st, "out/passwd", 0, got, 1));
    FAILS(TSR_EDENIED, "symbolic link", tsr_store_read(st, "in/y", 0, got, 1));
    FAILS(TSR_EDENIED, "symbolic link", put("out/new/x", "x", false));
    FAILS(TSR_ENOTFOUND, "no such file", tsr_store_read(st, "in/x/y", 0, got, 1));
    OK(tsr_store_read(st, "in/x", 0, got, 2));
    start_anew();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allocation_that_fails_changes_nothing),
        cmocka_unit_test(a_call_that_fails_leaves_the_old_state_or_the_new),
        cmocka_unit_test(a_full_disk_leaves_the_old_state_or_the_new),
        cmocka_unit_test(short_and_torn_transfers_are_gone_on_with),
        cmocka_unit_test(a_process_that_dies_leaves_the_old_state_or_the_new),
        cmocka_unit_test(links_are_refused_where_names_are_walked),
    };
    /* a thousand renames over files wait long on a disk, and nothing here needs one */
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0);
    return cmocka_run_group_tests_name("faults of stores", tests, scratch_make, scratch_remove);
}
