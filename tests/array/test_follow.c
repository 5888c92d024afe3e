/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_follow.c - handles on files that others change: what reads show without and
 * with locks, and what refresh brings. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "scratch.h"

enum { SIDE = 64, ITEMS = SIDE * SIDE, CHUNK = 16 };

static const tsr_options update = {.size = sizeof update, .mode = "r+"};
static const tsr_options locked = {.size = sizeof locked, .locking = true};
static const tsr_options locked_update = {.size = sizeof locked, .mode = "r+", .locking = true};

static tsr_array *create(const char *path, const tsr_options *o)
{
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<u4",
                     .ndim = 2,
                     .shape = (int64_t[]){SIDE, SIDE},
                     .chunks = (int64_t[]){CHUNK, CHUNK},
                     .blocks = (int64_t[]){CHUNK / 2, CHUNK / 2}};
    tsr_array *a;
    OK(tsr_array_create(path, &spec, o, &a));
    OK(tsr_array_flush(a));
    return a;
}

/* Noise that tells its number, of another compressed size for each. */
static void content(uint32_t number, uint32_t *v)
{
    uint32_t x = number * 2654435761u + 1, mask = 0xffffffffu >> number % 29;
    for (int i = 0; i < ITEMS; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        v[i] = x & mask;
    }
    for (int i = 0; i < ITEMS; i += CHUNK) v[i] = number;
}

static void put(tsr_array *a, uint32_t number)
{
    uint32_t v[ITEMS];
    content(number, v);
    OK(tsr_array_write(a, NULL, v, sizeof v));
    OK(tsr_array_flush(a));
}

/* The number whose content the array has, all of it. */
static uint32_t number_of(const tsr_array *a)
{
    uint32_t got[ITEMS], want[ITEMS];
    OK(tsr_array_read(a, NULL, got, sizeof got));
    content(got[0], want);
    assert_memory_equal(got, want, sizeof got);
    return got[0];
}

static void reads_show_what_was_flushed_and_nothing_else(void **state)
{
    (void)state;
    tsr_array *w = create(scratch("plain.b2nd"), NULL), *r;
    uint32_t v[ITEMS];
    put(w, 1);
    OK(tsr_array_open(scratch("plain.b2nd"), NULL, &r));
    assert_int_equal(number_of(r), 1);
    for (uint32_t k = 2; k < 40; k++) {
        content(k, v);
        OK(tsr_array_write(w, NULL, v, sizeof v));
        assert_int_equal(number_of(r), k - 1);
        OK(tsr_array_flush(w));
        assert_int_equal(number_of(r), k);
    }
    OK(tsr_array_close(r));
    OK(tsr_array_close(w));
}

static void a_shape_that_grew_is_seen_after_refresh(void **state)
{
    (void)state;
    tsr_array *w = create(scratch("grow.b2nd"), NULL), *r;
    uint32_t row[SIDE], got[SIDE];
    bool changed = true;
    for (int i = 0; i < SIDE; i++) row[i] = (uint32_t)i + 7;
    put(w, 1);
    OK(tsr_array_open(scratch("grow.b2nd"), NULL, &r));
    OK(tsr_array_refresh(r, &changed));
    assert_false(changed);
    OK(tsr_array_append(w, 0, row, sizeof row));
    OK(tsr_array_attr_set(w, "unit", "\"mm\""));
    OK(tsr_array_flush(w));
    const tsr_spec *spec = tsr_array_spec(r);
    assert_int_equal(number_of(r), 1); /* what the handle knows is still there */
    assert_int_equal(spec->shape[0], SIDE);
    assert_int_equal(tsr_array_meta_count(r, TSR_VLMETA), 0);
    OK(tsr_array_refresh(r, &changed));
    assert_true(changed);
    assert_int_equal(tsr_array_spec(r)->shape[0], SIDE + 1);
    assert_int_equal(tsr_array_meta_count(r, TSR_VLMETA), 1);
    OK(tsr_array_read(r, &(tsr_slice){.start = (int64_t[]){SIDE, 0}}, got, sizeof got));
    assert_memory_equal(got, row, sizeof row);
    OK(tsr_array_refresh(w, &changed)); /* nobody else changes it */
    assert_false(changed);
    OK(tsr_array_close(r));
    OK(tsr_array_close(w));
}

static void items_that_are_gone_are_a_conflict_that_refresh_mends(void **state)
{
    (void)state;
    tsr_array *w = create(scratch("shrink.b2nd"), NULL), *r;
    uint32_t v[ITEMS];
    OK(tsr_array_open(scratch("shrink.b2nd"), NULL, &r));
    OK(tsr_array_resize(w, (int64_t[]){SIDE / 2, SIDE}));
    OK(tsr_array_flush(w));
    FAILS(TSR_ECONFLICT, "refresh", tsr_array_read(r, NULL, v, sizeof v));
    OK(tsr_array_refresh(r, NULL));
    OK(tsr_array_read(r, NULL, v, sizeof v / 2));
    OK(tsr_array_close(r));
    OK(tsr_array_close(w));
}

static void a_file_put_in_its_place_is_seen_after_refresh(void **state)
{
    (void)state;
    tsr_array *w = create(scratch("old.b2nd"), NULL), *r;
    bool changed;
    put(w, 3);
    OK(tsr_array_close(w));
    OK(tsr_array_open(scratch("old.b2nd"), NULL, &r));
    w = create(scratch("new.b2nd"), NULL);
    put(w, 4);
    OK(tsr_array_close(w));
    assert_int_equal(rename(scratch("new.b2nd"), scratch("old.b2nd")), 0);
    assert_int_equal(number_of(r), 3);
    OK(tsr_array_refresh(r, &changed));
    assert_true(changed);
    assert_int_equal(number_of(r), 4);
    OK(tsr_array_close(r));
}

static void a_refresh_that_fails_keeps_the_old_view(void **state)
{
    (void)state;
    tsr_array *w = create(scratch("torn.b2nd"), NULL), *r;
    bool changed = true;
    size_t len;
    put(w, 5);
    OK(tsr_array_close(w));
    OK(tsr_array_open(scratch("torn.b2nd"), NULL, &r));
    uint8_t *good = file_read(scratch("torn.b2nd"), &len), *torn = malloc(len);
    assert_non_null(torn);
    memcpy(torn, good, len);
    torn[20] ^= 1; /* frame_len, as if the trailer were not there yet */
    file_write(scratch("torn.b2nd"), torn, len);
    FAILS(TSR_ECORRUPT, "frame_len", tsr_array_refresh(r, &changed));
    assert_false(changed);
    assert_int_equal(tsr_array_spec(r)->shape[0], SIDE);
    file_write(scratch("torn.b2nd"), good, len);
    OK(tsr_array_refresh(r, NULL));
    assert_int_equal(number_of(r), 5);
    assert_int_equal(remove(scratch("torn.b2nd")), 0);
    FAILS(TSR_ENOTFOUND, "", tsr_array_refresh(r, NULL));
    assert_int_equal(number_of(r), 5);
    OK(tsr_array_close(r));
    free(good);
    free(torn);
}

static void super_chunks_are_refreshed(void **state)
{
    (void)state;
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .chunk_bytes = 400};
    tsr_schunk *w, *r;
    uint32_t v[250], got[250];
    bool changed;
    void *chunk;
    size_t len;
    for (int i = 0; i < 250; i++) v[i] = (uint32_t)i * 3;
    OK(tsr_schunk_create(scratch("s.b2frame"), &spec, NULL, &w));
    OK(tsr_schunk_append(w, 110, v));
    OK(tsr_schunk_flush(w));
    OK(tsr_schunk_open(scratch("s.b2frame"), NULL, &r));
    OK(tsr_schunk_append(w, 140, v + 110));
    OK(tsr_schunk_flush(w));
    assert_int_equal(tsr_schunk_nitems(r), 110);
    OK(tsr_schunk_get(r, 0, 110, got));
    OK(tsr_schunk_refresh(r, &changed));
    assert_true(changed);
    assert_int_equal(tsr_schunk_nitems(r), 250);
    OK(tsr_schunk_get(r, 0, 250, got));
    assert_memory_equal(got, v, sizeof v);
    OK(tsr_schunk_get_chunk(r, 2, &chunk, &len));
    tsr_free(chunk);
    OK(tsr_schunk_close(r));
    OK(tsr_schunk_close(w));
}

/* ---- at once ---- */

struct race {
    const char *path;
    const tsr_options *options;
    atomic_bool over;
    atomic_int reads, errors, wrong;
    int first, count;
};

/* Threads must not use cmocka: they count. */
static void *read_on(void *arg)
{
    struct race *r = arg;
    tsr_array *a;
    uint32_t *got = malloc(2 * ITEMS * sizeof *got), *want = got + ITEMS;
    if (!got || tsr_array_open(r->path, r->options, &a) < 0) {
        atomic_fetch_add(&r->errors, 1);
        free(got);
        return NULL;
    }
    for (int i = 0; !atomic_load(&r->over); i++) {
        int rc = tsr_array_read(a, NULL, got, ITEMS * sizeof *got);
        if (rc == TSR_OK) content(got[0], want);
        if (rc == TSR_OK && memcmp(got, want, ITEMS * sizeof *got)) atomic_fetch_add(&r->wrong, 1);
        if (rc == TSR_OK) atomic_fetch_add(&r->reads, 1);
        else if (rc != TSR_ECONFLICT) atomic_fetch_add(&r->errors, 1);
        if (rc < 0 && rc != TSR_ECONFLICT) fprintf(stderr, "read: %s\n", tsr_error());
        if (i % 8) continue;
        rc = tsr_array_refresh(a, NULL);
        if (rc < 0 && rc != TSR_ECONFLICT) atomic_fetch_add(&r->errors, 1);
        if (rc < 0 && rc != TSR_ECONFLICT) fprintf(stderr, "refresh: %s\n", tsr_error());
    }
    tsr_array_close(a);
    free(got);
    return NULL;
}

static void race_a_writer(const char *path, const tsr_options *how, const tsr_options *readers,
                          uint32_t flushes)
{
    enum { READERS = 3 };
    struct race r = {.path = path, .options = readers};
    pthread_t t[READERS];
    tsr_array *w;
    OK(tsr_array_open(path, how, &w));
    put(w, 1);
    for (int i = 0; i < READERS; i++) assert_int_equal(pthread_create(&t[i], NULL, read_on, &r), 0);
    for (uint32_t k = 2; k < flushes || atomic_load(&r.reads) == 0; k++) {
        put(w, k);
        if (k >= flushes) usleep(50000); /* who reads slowly gets a chance */
    }
    atomic_store(&r.over, true);
    for (int i = 0; i < READERS; i++) pthread_join(t[i], NULL);
    OK(tsr_array_close(w));
    assert_int_equal(atomic_load(&r.wrong), 0);
    assert_int_equal(atomic_load(&r.errors), 0);
}

static void a_reader_beside_a_writer_sees_one_state_at_a_time(void **state)
{
    (void)state;
    OK(tsr_array_close(create(scratch("race.b2nd"), NULL)));
    race_a_writer(scratch("race.b2nd"), &update, NULL, 200);
}

static void a_locking_reader_sees_one_state_at_a_time(void **state)
{
    (void)state;
    OK(tsr_array_close(create(scratch("race-locked.b2nd"), NULL)));
    race_a_writer(scratch("race-locked.b2nd"), &locked_update, &locked, 100);
}

static void readers_of_folders_see_one_state_at_a_time(void **state)
{
    (void)state;
    tsr_options sparse = {.size = sizeof sparse, .sparse = true};
    char command[1200];
    OK(tsr_array_close(create(scratch("race-folder.b2nd"), &sparse)));
    race_a_writer(scratch("race-folder.b2nd"), &update, NULL, 30);
    race_a_writer(scratch("race-folder.b2nd"), &locked_update, &locked, 30);
    snprintf(command, sizeof command, "rm -r '%s'", scratch("race-folder.b2nd"));
    assert_int_equal(system(command), 0);
}

static void threads_read_one_handle_beside_a_writer(void **state)
{
    (void)state;
    tsr_array *w = create(scratch("one.b2nd"), NULL);
    struct race r = {.path = scratch("one.b2nd")};
    pthread_t t;
    put(w, 1);
    assert_int_equal(pthread_create(&t, NULL, read_on, &r), 0);
    for (uint32_t k = 2; k < 100; k++) put(w, k);
    atomic_store(&r.over, true);
    pthread_join(t, NULL);
    OK(tsr_array_close(w));
    assert_int_equal(atomic_load(&r.wrong) + atomic_load(&r.errors), 0);
}

/* ---- locks ---- */

/* The count of exclusive locks in the sidecar. */
static uint64_t generation(const char *path)
{
    char name[1100];
    uint64_t count;
    size_t len;
    snprintf(name, sizeof name, "%s.b2lock", path);
    uint8_t *p = file_read(name, &len);
    assert_int_equal(len, 16);
    memcpy(&count, p + 8, sizeof count);
    free(p);
    return count;
}

static void writers_with_locks_take_turns(void **state)
{
    (void)state;
    const char *path = scratch("turns.b2nd");
    tsr_array *a = create(path, &(tsr_options){.size = sizeof locked, .locking = true}), *b, *r;
    uint32_t row[SIDE] = {0}, got[SIDE];
    OK(tsr_array_open(path, &locked_update, &b));
    OK(tsr_array_open(path, &locked, &r));
    uint64_t before = generation(path);
    for (uint32_t k = 0; k < 20; k++) {
        row[0] = k;
        OK(tsr_array_append(k % 2 ? b : a, 0, row, sizeof row));
        OK(tsr_array_flush(k % 2 ? b : a));
        OK(tsr_array_refresh(r, NULL));
        assert_int_equal(tsr_array_spec(r)->shape[0], SIDE + k + 1);
    }
    assert_int_equal(generation(path), before + 20);
    for (int64_t k = 0; k < 20; k++) {
        tsr_slice s = {(int64_t[]){SIDE + k, 0}, (int64_t[]){1, SIDE}, NULL};
        OK(tsr_array_read(r, &s, got, sizeof got));
        assert_int_equal(got[0], k);
    }
    OK(tsr_array_close(r));
    OK(tsr_array_close(b));
    OK(tsr_array_close(a));
    OK(tsr_array_open(path, &update, &a));
    OK(tsr_array_close(a));
}

static void *append_on(void *arg)
{
    struct race *r = arg;
    tsr_schunk *s;
    int rc = tsr_schunk_open(r->path, &locked_update, &s);
    for (int i = 0; i < r->count && rc == TSR_OK; i++) {
        uint32_t v = (uint32_t)(r->first + i);
        rc = tsr_schunk_append(s, 1, &v);
        if (rc == TSR_OK) rc = tsr_schunk_flush(s);
    }
    if (rc < 0) fprintf(stderr, "append: %s\n", tsr_error());
    if (rc < 0 || tsr_schunk_close(s) < 0) atomic_fetch_add(&r->errors, 1);
    return NULL;
}

static void writers_with_locks_at_once_lose_nothing(void **state)
{
    (void)state;
    enum { WRITERS = 4, EACH = 100 };
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .chunk_bytes = 64};
    const char *path = scratch("at-once.b2frame");
    struct race r[WRITERS];
    pthread_t t[WRITERS];
    uint32_t got[WRITERS * EACH];
    bool seen[WRITERS * EACH] = {false};
    tsr_schunk *s;
    OK(tsr_schunk_create(path, &spec, &locked, &s));
    OK(tsr_schunk_flush(s));
    for (int i = 0; i < WRITERS; i++) {
        r[i] = (struct race){.path = path, .first = i * EACH, .count = EACH};
        assert_int_equal(pthread_create(&t[i], NULL, append_on, &r[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < WRITERS; i++) assert_int_equal(atomic_load(&r[i].errors), 0);
    OK(tsr_schunk_refresh(s, NULL));
    assert_int_equal(tsr_schunk_nitems(s), WRITERS * EACH);
    OK(tsr_schunk_get(s, 0, WRITERS * EACH, got));
    for (int i = 0; i < WRITERS * EACH; i++) {
        assert_true(got[i] < WRITERS * EACH && !seen[got[i]]);
        seen[got[i]] = true;
    }
    OK(tsr_schunk_close(s));
}

static void a_writer_without_locks_keeps_locking_ones_out(void **state)
{
    (void)state;
    tsr_array *w = create(scratch("mixed.b2nd"), NULL), *l;
    OK(tsr_array_open(scratch("mixed.b2nd"), &locked_update, &l));
    FAILS(TSR_ECONFLICT, "another writer", tsr_array_resize(l, (int64_t[]){SIDE, 2 * SIDE}));
    OK(tsr_array_close(w));
    OK(tsr_array_resize(l, (int64_t[]){SIDE, 2 * SIDE}));
    OK(tsr_array_close(l));
}

static void what_is_dropped_gives_the_lock_back(void **state)
{
    (void)state;
    const char *path = scratch("drop.b2nd");
    tsr_array *a = create(path, &locked), *b;
    put(a, 6);
    OK(tsr_array_open(path, &locked_update, &b));
    uint32_t v[ITEMS];
    content(7, v);
    OK(tsr_array_write(b, NULL, v, sizeof v));
    assert_int_equal(number_of(b), 7);
    tsr_array_drop(b);
    assert_int_equal(number_of(a), 6);
    put(a, 8);
    OK(tsr_array_sync(a));
    assert_int_equal(number_of(a), 8);
    OK(tsr_array_close(a));
}

static void locks_are_of_blosc2_files_only(void **state)
{
    (void)state;
    tsr_spec spec = {.size = sizeof spec, .dtype = "<u4", .ndim = 1, .shape = (int64_t[]){4}};
    uint32_t v[4] = {1, 2, 3, 4};
    struct stat st;
    tsr_array *a;
    OK(tsr_array_create(scratch("x.npy"), &spec, &locked, &a));
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("x.npy"), &locked, &a));
    OK(tsr_array_read(a, NULL, v, sizeof v));
    OK(tsr_array_close(a));
    assert_int_equal(stat(scratch("x.npy.b2lock"), &st), -1);
    OK(tsr_array_create(NULL, &spec, &locked, &a));
    OK(tsr_array_write(a, NULL, v, sizeof v));
    OK(tsr_array_close(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_show_what_was_flushed_and_nothing_else),
        cmocka_unit_test(a_shape_that_grew_is_seen_after_refresh),
        cmocka_unit_test(items_that_are_gone_are_a_conflict_that_refresh_mends),
        cmocka_unit_test(a_file_put_in_its_place_is_seen_after_refresh),
        cmocka_unit_test(a_refresh_that_fails_keeps_the_old_view),
        cmocka_unit_test(super_chunks_are_refreshed),
        cmocka_unit_test(a_reader_beside_a_writer_sees_one_state_at_a_time),
        cmocka_unit_test(a_locking_reader_sees_one_state_at_a_time),
        cmocka_unit_test(readers_of_folders_see_one_state_at_a_time),
        cmocka_unit_test(threads_read_one_handle_beside_a_writer),
        cmocka_unit_test(writers_with_locks_take_turns),
        cmocka_unit_test(writers_with_locks_at_once_lose_nothing),
        cmocka_unit_test(a_writer_without_locks_keeps_locking_ones_out),
        cmocka_unit_test(what_is_dropped_gives_the_lock_back),
        cmocka_unit_test(locks_are_of_blosc2_files_only),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
