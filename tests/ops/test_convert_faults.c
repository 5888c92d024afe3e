/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_convert_faults.c - conversions when memory or the disk fails.
 *
 * Each conversion runs again and again, and each time a later allocation or system call fails.
 * Wherever that happens the target is not there, or it is right; beside it there is at most what
 * a call with resume goes on with; and that call leads to the same end. */
#define _GNU_SOURCE
#include "../scratch.h"

#include <sys/stat.h>

#include "../faults.h"
#include "array/array.h"

/* ---- what trees of files call besides ---- */

int __real_openat64(int fd, const char *name, int flags, ...);
int __wrap_openat64(int fd, const char *name, int flags, ...);
int __wrap_openat64(int fd, const char *name, int flags, ...)
{
    if (fault.writes_only && !(flags & O_CREAT)) return __real_openat64(fd, name, flags, 0666);
    return hit_io(NULL) ? io_error() : __real_openat64(fd, name, flags, 0666);
}

WRAP(int, mkdirat, (int fd, const char *name, mode_t mode))
{
    return hit_io(NULL) ? io_error() : __real_mkdirat(fd, name, mode);
}

WRAP(int, renameat, (int a, const char *from, int b, const char *to))
{
    return hit_io(NULL) ? io_error() : __real_renameat(a, from, b, to);
}

/* ---- a conversion ---- */

enum { LONG = 64, SIDE = 32, ITEMS = LONG * SIDE * SIDE };
static const int64_t shape[] = {LONG, SIDE, SIDE}, planes[] = {8, SIDE, SIDE};
static const int64_t pencils[] = {LONG, 16, 16}, inner[] = {LONG / 2, 8, 8},
                     slabs[] = {32, SIDE, SIDE};

struct script {
    const char *name, *from, *to;
    const int64_t *chunks, *blocks; /* of the target */
    int64_t room;                   /* bytes of a box; 0: no limit */
    int passes;                     /* 0: stored bytes are copied, or it is a group */
};

static const struct script scripts[] = {
    {"a file at once", "a.b2nd", "t.b2nd", pencils, NULL, 0, 1},
    {"a file in boxes", "a.b2nd", "t.b2nd", pencils, NULL, 128 << 10, 1},
    {"shards in boxes", "a.b2nd", "t.zarr", pencils, inner, 128 << 10, 1},
    {"stored bytes", "a.zarr", "t.zarr", slabs, planes, 0, 0},
    {"an archive", "a.zarr", "t.zip", NULL, NULL, 0, 0},
    {"a group", "g.zarr", "t.zarr", NULL, NULL, 0, 0},
};

static tsr_context *calm, *one; /* of readers, and of what fails: without threads */
static char from[1024], to[1024];
static char want[TSR_HASH_TEXT];
static uint64_t memory;

static int convert(const struct script *s, bool resume)
{
    tsr_step step = {"lz4", "clevel=1"};
    tsr_options so = {.size = sizeof so, .context = one}, o = so;
    tsr_spec spec = {.size = sizeof spec, .chunks = s->chunks, .blocks = s->blocks};
    if (s->passes) spec.steps = &step, spec.nsteps = 1;
    o.memory_bytes = memory;
    o.resume = resume;
    return tsr_convert(from, &so, to, &spec, &o);
}

/* ---- its source ---- */

static void write_items(tsr_array *a)
{
    static int32_t items[ITEMS];
    for (int i = 0; i < ITEMS; i++) items[i] = i / SIDE * 7919 % 1000;
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_attr_set(a, "units", "\"m\""));
    OK(tsr_array_close(a));
}

static void make_source(const struct script *s)
{
    tsr_step step = {"lz4", "clevel=1"};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 3,
                     .shape = shape,
                     .chunks = planes,
                     .steps = &step,
                     .nsteps = 1};
    tsr_options o = {.size = sizeof o, .context = calm};
    tsr_array *a;
    tsr_group *g;
    if (strcmp(s->from, "g.zarr") != 0) {
        OK(tsr_array_create(from, &spec, &o, &a));
        write_items(a);
        return;
    }
    OK(tsr_group_create(from, &o, &g));
    OK(tsr_group_attrs_set(g, "{\"title\":\"two\"}"));
    for (int i = 0; i < 2; i++) {
        OK(tsr_group_create_array(g, i ? "b/c" : "a", &spec, &o, &a));
        write_items(a);
    }
    OK(tsr_group_close(g));
}

/* Boxes of so many bytes: what memory that takes. */
static void set_memory(const struct script *s)
{
    tsr_spec spec = {.size = sizeof spec, .dtype = "<i4", .ndim = 3, .shape = shape};
    tsr_options o = {.size = sizeof o, .context = one};
    struct tsr_rechunk_ask ask;
    tsr_copy_plan *plan;
    tsr_array *a, *b;
    memory = 0;
    if (!s->room) return;
    spec.chunks = s->chunks, spec.blocks = s->blocks;
    if (strstr(s->to, ".zarr")) o.format = "zarr3";
    OK(tsr_array_open(from, &(tsr_options){.size = sizeof o, .context = one}, &a));
    OK(tsr_array_create(NULL, &spec, &o, &b));
    OK(tsr_copying_ask(a, b, 1, &ask));
    memory = (uint64_t)tsr_rechunk_memory(&ask, s->room);
    tsr_array_drop(a);
    tsr_array_drop(b);
    o.memory_bytes = memory;
    o.format = NULL;
    OK(tsr_convert_plan(from, &o, to, &spec, &o, &plan));
    if (plan->npasses != s->passes)
        fail_msg("%s: %d passes, expected %d", s->name, plan->npasses, s->passes);
    tsr_free(plan);
}

static void digest_of(const struct script *s, const char *path, char out[TSR_HASH_TEXT])
{
    tsr_options o = {.size = sizeof o, .context = calm};
    char url[1100];
    tsr_array *a;
    snprintf(url, sizeof url, "%s%s", path, strcmp(s->from, "g.zarr") ? "" : "#b/c");
    OK(tsr_array_open(url, &o, &a));
    OK(tsr_hash(a, TSR_HASH_ATTRS, &o, out));
    OK(tsr_array_close(a));
}

/* ---- faults ---- */

static void be_right(const struct script *s)
{
    char got[TSR_HASH_TEXT];
    digest_of(s, to, got);
    assert_string_equal(got, want);
    if (scratch_count() != 2) fail_msg("%s: %d names", s->name, scratch_count());
    remove_path(to);
}

/* The nth of what the mode counts fails; false: there were fewer. */
static bool fail_at(const struct script *s, enum mode mode, long at)
{
    char partial[1100];
    fault.mode = mode;
    fault.at = at;
    fault.n = 0;
    fault.writes_only = mode == IO_ALWAYS; /* a full disk */
    int rc = convert(s, false);
    bool hit = fault.n >= at;
    bool moot = mode != ALLOC && rc == TSR_ECONFLICT; /* who cannot look takes it for changed */
    if (rc < 0 && hit && !moot && !fault_explains(rc))
        fail_msg("%s: %ld: %s", s->name, at, tsr_error());
    fault.mode = OFF;
    if (rc < 0 && !hit) fail_msg("%s: failed without a fault: %s", s->name, tsr_error());
    snprintf(partial, sizeof partial, "%s.partial", to);
    bool left = access(partial, F_OK) == 0; /* also when only the tidying failed */
    if (rc < 0 || left) {
        if (access(to, F_OK) == 0 && !left) fail_msg("%s: %ld: a target is left", s->name, at);
        if (scratch_count() != 1 + left + (access(to, F_OK) == 0))
            fail_msg("%s: mode %d, %ld: %d names are left after: %s", s->name, mode, at,
                     scratch_count(), tsr_error());
        OK(convert(s, true));
    }
    be_right(s);
    return hit;
}

static void run_script(const struct script *s)
{
    long calls[3] = {0};
    static const enum mode modes[] = {ALLOC, IO_ONCE, IO_ALWAYS};
    snprintf(from, sizeof from, "%s", scratch(s->from));
    snprintf(to, sizeof to, "%s", scratch(s->to));
    make_source(s);
    set_memory(s);
    digest_of(s, from, want);
    OK(convert(s, false)); /* what is made once is there */
    be_right(s);
    for (int m = 0; m < 3; m++) /* all at the beginning, then some */
        for (calls[m] = 1; fail_at(s, modes[m], calls[m]);) calls[m] += 1 + calls[m] / 8;
    print_message("%-18s %ld allocations, %ld calls\n", s->name, calls[0], calls[1]);
    remove_path(from);
}

static void what_fails_leaves_nothing_that_resume_does_not_use(void **state)
{
    (void)state;
    fault.no_sync = true;
    tsr_context_options alone = {.size = sizeof alone, .threads = 1, .cache_bytes = TSR_NO_CACHE};
    OK(tsr_context_new(&alone, &calm));
    OK(tsr_context_new(&alone, &one));
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) run_script(&scripts[i]);
    tsr_context_free(one);
    tsr_context_free(calm);
}

/* NFS and FUSE do not know the flag, old kernels not the call. */
static void folders_are_replaced_without_an_exchange_of_names(void **state)
{
    (void)state;
    const int errors[] = {EINVAL, ENOSYS};
    tsr_step step = {"lz4", "clevel=1"};
    tsr_spec spec = {.size = sizeof spec, .chunks = pencils, .steps = &step, .nsteps = 1};
    tsr_context_options alone = {.size = sizeof alone, .threads = 1};
    OK(tsr_context_new(&alone, &calm));
    snprintf(from, sizeof from, "%s", scratch("a.b2nd"));
    make_source(&scripts[0]);
    for (int i = 0; i < 4; i++) {
        tsr_options o = {.size = sizeof o, .mode = "w", .context = calm, .sparse = i & 1};
        snprintf(to, sizeof to, "%s", scratch(i & 1 ? "t.b2nd" : "t.zarr"));
        OK(tsr_convert(from, NULL, to, &spec, &o));
        fault.renameat2_errno = errors[i / 2];
        OK(tsr_convert(from, NULL, to, &spec, &o));
        fault.renameat2_errno = 0;
        assert_int_equal(scratch_count(), 2);
        remove_path(to);
    }
    remove_path(from);
    tsr_context_free(calm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_leaves_nothing_that_resume_does_not_use),
        cmocka_unit_test(folders_are_replaced_without_an_exchange_of_names),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
