/* SPDX-License-Identifier: BSD-3-Clause */
/* Many user threads at once: eight read one array, eight read beside one that writes another, and
 * children of a fork read on.  Pools of 1 and 2; in memory, in a file, in a folder; arrays and
 * super-chunks.  Under the thread sanitizer this is where data races would show. */
#include "../scratch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
enum { SANITIZED = 1 }; /* they know no threads after a fork beside threads */
#else
enum { SANITIZED = 0 };
#endif

enum { READERS = 8, ROUNDS = 25, ROWS = 120, COLS = 90, ITEMS = ROWS * COLS, ROW_ITEMS = 9000 };

enum kind { MEMORY, FRAME, FOLDER, KINDS };

struct scene {
    tsr_context *context;
    tsr_array *array, *written;
    tsr_schunk *row, *growing;
    atomic_int turn, bad;
    atomic_bool enough;
};

static int32_t value(int64_t i, int64_t j)
{
    return (int32_t)(i * 1000 + j * (j % 5));
}

/* ---- what readers do ---- */

static uint32_t next(uint32_t *x)
{
    return (*x = *x * 1664525u + 1013904223u) >> 8;
}

static bool box_is_right(const tsr_array *a, const int64_t start[2], const int64_t count[2])
{
    static _Thread_local int32_t out[ITEMS];
    size_t bytes = (size_t)(count[0] * count[1]) * sizeof *out;
    if (tsr_array_read(a, &(tsr_slice){start, count, NULL}, out, bytes) < 0) return false;
    for (int64_t i = 0; i < count[0]; i++)
        for (int64_t j = 0; j < count[1]; j++)
            if (out[i * count[1] + j] != value(start[0] + i, start[1] + j)) return false;
    return true;
}

/* A box, an item, a row, a column, and now and then everything. */
static bool read_array(const tsr_array *a, uint32_t *seed)
{
    int64_t i = next(seed) % ROWS, j = next(seed) % COLS;
    bool right = box_is_right(a, (int64_t[]){i, j}, (int64_t[]){1, 1}) &&
                 box_is_right(a, (int64_t[]){i, j}, (int64_t[]){ROWS - i, COLS - j}) &&
                 box_is_right(a, (int64_t[]){i, 0}, (int64_t[]){1, COLS}) &&
                 box_is_right(a, (int64_t[]){0, j}, (int64_t[]){ROWS, 1});
    if (right && i % 4 == 0) right = box_is_right(a, (int64_t[]){0, 0}, (int64_t[]){ROWS, COLS});
    return right;
}

static bool read_row(const tsr_schunk *s, uint32_t *seed)
{
    static _Thread_local int32_t out[ROW_ITEMS];
    int64_t start = next(seed) % ROW_ITEMS, n = next(seed) % (uint32_t)(ROW_ITEMS - start) + 1;
    if (tsr_schunk_get(s, start, n, out) < 0) return false;
    for (int64_t k = 0; k < n; k++)
        if (out[k] != value(start + k, 7)) return false;
    return true;
}

static void *read_on(void *arg)
{
    struct scene *s = arg;
    uint32_t seed = (uint32_t)atomic_fetch_add(&s->turn, 1) * 77 + 5;
    for (int i = 0; i < ROUNDS; i++)
        if (!read_array(s->array, &seed) || !read_row(s->row, &seed)) atomic_fetch_add(&s->bad, 1);
    return NULL;
}

/* ---- what the writer does ---- */

static int write_once(struct scene *s, int k)
{
    static int32_t items[ITEMS];
    int64_t rows = tsr_array_spec(s->written)->shape[0];
    int64_t start[] = {k % 40, k % 30}, count[] = {50, 40};
    for (int i = 0; i < ITEMS; i++) items[i] = k + i / 9;
    int rc = tsr_array_write(s->written, NULL, items, ITEMS * sizeof *items);
    if (rc == TSR_OK)
        rc = tsr_array_write(s->written, &(tsr_slice){start, count, NULL}, items, 50 * 40 * 4);
    if (rc == TSR_OK) rc = tsr_array_append(s->written, 0, items, 10 * COLS * 4);
    if (rc == TSR_OK) rc = tsr_array_resize(s->written, (int64_t[]){rows, COLS});
    if (rc == TSR_OK) rc = tsr_array_flush(s->written);
    if (rc == TSR_OK) rc = tsr_schunk_append(s->growing, ITEMS, items);
    if (rc == TSR_OK) rc = tsr_schunk_set(s->growing, 100, 2000, items);
    if (rc == TSR_OK) rc = tsr_schunk_flush(s->growing);
    return rc;
}

static void *write_on(void *arg)
{
    struct scene *s = arg;
    for (int k = 0; k < ROUNDS / 3; k++)
        if (write_once(s, k) < 0) atomic_fetch_add(&s->bad, 1);
    return NULL;
}

/* ---- scenes ---- */

static tsr_array *make_array(const struct scene *s, enum kind kind, const char *name)
{
    static int32_t items[ROWS][COLS];
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 2,
                     .shape = (int64_t[]){ROWS, COLS},
                     .chunks = (int64_t[]){40, 50},
                     .blocks = (int64_t[]){10, 20}};
    tsr_options o = {.size = sizeof o, .context = s->context, .sparse = kind == FOLDER};
    tsr_array *a = NULL;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++) items[i][j] = value(i, j);
    OK(tsr_array_create(kind ? scratch(name) : NULL, &spec, &o, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_flush(a));
    return a;
}

static tsr_schunk *make_row(const struct scene *s, enum kind kind, const char *name)
{
    static int32_t items[ROW_ITEMS];
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = 4,
                            .chunk_bytes = 8000,
                            .block_bytes = 2000};
    tsr_options o = {.size = sizeof o, .context = s->context, .sparse = kind == FOLDER};
    tsr_schunk *row = NULL;
    for (int k = 0; k < ROW_ITEMS; k++) items[k] = value(k, 7);
    OK(tsr_schunk_create(kind ? scratch(name) : NULL, &spec, &o, &row));
    OK(tsr_schunk_append(row, ROW_ITEMS, items));
    OK(tsr_schunk_flush(row));
    return row;
}

/* What is on disk is read through handles of its own, which only read. */
static void reopen(struct scene *s)
{
    tsr_options o = {.size = sizeof o, .context = s->context};
    OK(tsr_array_close(s->array));
    OK(tsr_schunk_close(s->row));
    OK(tsr_array_open(scratch("read"), &o, &s->array));
    OK(tsr_schunk_open(scratch("row"), &o, &s->row));
}

static void begin(struct scene *s, enum kind kind, int threads)
{
    *s = (struct scene){.context = NULL};
    OK(tsr_context_new(&(tsr_context_options){.size = sizeof(tsr_context_options),
                                              .threads = threads},
                       &s->context));
    s->array = make_array(s, kind, "read");
    s->written = make_array(s, kind, "written");
    s->row = make_row(s, kind, "row");
    s->growing = make_row(s, kind, "growing");
    if (kind != MEMORY) reopen(s);
}

static void remove_all(const char *name)
{
    char path[1100];
    DIR *d = opendir(scratch(name));
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s/%s", scratch_dir, name, e->d_name);
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) remove(path);
    }
    if (d) closedir(d);
    remove(scratch(name));
}

static void end(struct scene *s)
{
    static const char *const names[] = {"read", "written", "row", "growing"};
    OK(tsr_array_close(s->array));
    OK(tsr_array_close(s->written));
    OK(tsr_schunk_close(s->row));
    OK(tsr_schunk_close(s->growing));
    tsr_context_free(s->context);
    for (int i = 0; i < 4; i++) remove_all(names[i]);
}

static void start_readers(struct scene *s, pthread_t id[READERS])
{
    for (int i = 0; i < READERS; i++) assert_int_equal(pthread_create(&id[i], NULL, read_on, s), 0);
}

static void join(const pthread_t *id, int n)
{
    for (int i = 0; i < n; i++) assert_int_equal(pthread_join(id[i], NULL), 0);
}

static void eight_threads_read_one_array(void **state)
{
    struct scene s;
    pthread_t id[READERS];
    (void)state;
    for (int i = 0; i < 2 * KINDS; i++) {
        begin(&s, (enum kind)(i / 2), 1 + i % 2);
        start_readers(&s, id);
        join(id, READERS);
        assert_int_equal(atomic_load(&s.bad), 0);
        end(&s);
    }
}

static void eight_threads_read_beside_one_that_writes_another(void **state)
{
    struct scene s;
    pthread_t id[READERS + 1];
    (void)state;
    for (int i = 0; i < 2 * KINDS; i++) {
        begin(&s, (enum kind)(i / 2), 1 + i % 2);
        assert_int_equal(pthread_create(&id[READERS], NULL, write_on, &s), 0);
        start_readers(&s, id);
        join(id, READERS + 1);
        assert_int_equal(atomic_load(&s.bad), 0);
        end(&s);
    }
}

/* ---- forks ---- */

static bool read_some(struct scene *s, uint32_t seed)
{
    for (int i = 0; i < 3; i++)
        if (!read_array(s->array, &seed) || !read_row(s->row, &seed)) return false;
    return true;
}

static int exit_status(pid_t pid)
{
    int status = -1;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

/* Small reads, which are as often as possible in the hands of a lock when the process forks. */
static void *read_items(void *arg)
{
    struct scene *s = arg;
    uint32_t seed = (uint32_t)atomic_fetch_add(&s->turn, 1) * 77 + 5;
    while (!atomic_load(&s->enough)) {
        int64_t at[] = {next(&seed) % ROWS, next(&seed) % COLS};
        if (!box_is_right(s->array, at, (int64_t[]){1, 1})) atomic_fetch_add(&s->bad, 1);
    }
    return NULL;
}

/* The child reads, and a child of it, and it again. */
static void live_as_child(struct scene *s, uint32_t seed)
{
    alarm(30);
    bool right = read_some(s, seed);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        _exit(read_some(s, seed + 1) ? 0 : 1);
    }
    right = right && pid > 0 && exit_status(pid) == 0 && read_some(s, seed + 2);
    _exit(right ? 0 : 1);
}

static void children_read_what_their_parents_were_reading(void **state)
{
    struct scene s;
    pthread_t id[READERS];
    (void)state;
    if (SANITIZED) {
        print_message("skipped: forks beside threads are not for sanitizers\n");
        skip();
    }
    for (int i = 0; i < KINDS; i++) {
        begin(&s, (enum kind)i, 2);
        for (int k = 0; k < READERS; k++)
            assert_int_equal(pthread_create(&id[k], NULL, k % 4 ? read_items : read_on, &s), 0);
        for (uint32_t k = 0; k < 8; k++) {
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) live_as_child(&s, k);
            assert_int_equal(exit_status(pid), 0);
        }
        atomic_store(&s.enough, true);
        join(id, READERS);
        assert_int_equal(atomic_load(&s.bad), 0);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_threads_read_one_array),
        cmocka_unit_test(eight_threads_read_beside_one_that_writes_another),
        cmocka_unit_test(children_read_what_their_parents_were_reading),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
