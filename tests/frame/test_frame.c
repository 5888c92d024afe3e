/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/frame/test_frame.c - frames made, changed, flushed and opened again.
 *
 * Chunk contents are numbered ("seeds"); a model array of seeds says what each entry must be:
 * a seed > 0 is a stored chunk, 0 is zeros. */
#include "frame/tool.h"

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "frame/priv.h"

enum { CHUNK = 512, MODEL = 12000 };

static char path[64];

static struct tsr_frame *create_at(bool file, struct tsr_frame_facts p, int special)
{
    struct tsr_store *st;
    struct tsr_frame *f = NULL;
    struct tsr_meta_value metas[] = {{"shape", "01234567", 8}, {"empty", "", 0}};
    if (file) OK(tsr_store_create(path, true, &st));
    else OK(tsr_store_mem(&st));
    OK(tsr_frame_create(st, &p, metas, 2, special, &f));
    return f;
}

static struct tsr_frame *create(int64_t nchunks)
{
    return create_at(true, tool_facts(CHUNK, nchunks), TSR_SPECIAL_ZEROS);
}

static struct tsr_frame *open_path(bool update)
{
    struct tsr_store *st;
    struct tsr_frame *f = NULL;
    OK(tsr_store_open(path, update, &st));
    int rc = tsr_frame_open(st, 0, tsr_limit(0), &f);
    if (rc < 0) fail_msg("open: %s", tsr_error());
    return f;
}

static void hear(void *user, int64_t chunk, tsr_status status, const char *what)
{
    ++*(int *)user;
    print_error("chunk %lld: %d %s\n", (long long)chunk, status, what);
}

static void expect_sound(const struct tsr_frame *f)
{
    int problems = 0;
    OK(tsr_frame_verify(f, hear, &problems));
    assert_int_equal(problems, 0);
}

static void expect_model(const struct tsr_frame *f, const uint32_t *seed, int64_t n)
{
    static const uint8_t zero[CHUNK];
    assert_int_equal(tsr_frame_facts_of(f)->nchunks, n);
    for (int64_t i = 0; i < n; i++) {
        uint8_t got[CHUNK];
        size_t len;
        if (seed[i]) {
            if (!tool_is(f, i, seed[i])) fail_msg("chunk %lld is not %u", (long long)i, seed[i]);
            continue;
        }
        OK(tool_read(f, i, got, sizeof got, &len));
        assert_memory_equal(got, zero, len);
    }
}

/* Flushes, closes, opens for update again and compares. */
static struct tsr_frame *reopened(struct tsr_frame *f, const uint32_t *seed, int64_t n)
{
    OK(tsr_frame_flush(f, false));
    tsr_frame_close(f);
    f = open_path(true);
    expect_model(f, seed, n);
    expect_sound(f);
    return f;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t file_size(void)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return (uint64_t)s.st_size;
}

/* ---- creation ---- */

static void two_million_chunks_of_zeros_cost_nothing(void **state)
{
    (void)state;
    struct tsr_frame_facts p = tool_facts(4 << 20, 1953125);
    double t0 = now();
    struct tsr_frame *f = create_at(true, p, TSR_SPECIAL_ZEROS);
    OK(tsr_frame_flush(f, false));
    tsr_frame_close(f);
    double t1 = now();
    f = open_path(false);
    struct tsr_frame_place at;
    OK(tsr_frame_locate(f, 1953124, &at));
    double t2 = now();
    assert_int_equal(at.special, TSR_SPECIAL_ZEROS);
    assert_int_equal(tsr_frame_facts_of(f)->nchunks, 1953125);
    assert_true(file_size() < 300);
    tsr_frame_close(f);
    print_message("create %.3f ms, open and locate %.3f ms, %d bytes\n", 1e3 * (t1 - t0),
                  1e3 * (t2 - t1), (int)file_size());
    assert_true(t1 - t0 < 0.1 && t2 - t1 < 0.05); /* sanitizers included */
}

static void a_created_frame_is_not_visible_before_its_flush(void **state)
{
    (void)state;
    struct tsr_frame *f = create(3);
    OK(tool_put(f, 1, 7));
    assert_int_equal(access(path, F_OK), -1);
    tsr_frame_close(f);
    assert_int_equal(access(path, F_OK), -1);
}

static void each_special_kind_is_kept(void **state)
{
    (void)state;
    static const int kinds[] = {TSR_SPECIAL_ZEROS, TSR_SPECIAL_NAN, TSR_SPECIAL_UNINIT};
    for (int k = 0; k < 3; k++) {
        struct tsr_frame *f = create_at(true, tool_facts(CHUNK, 5), kinds[k]);
        OK(tsr_frame_flush(f, true));
        tsr_frame_close(f);
        f = open_path(false);
        for (int i = 0; i < 5; i++) {
            struct tsr_frame_place at;
            OK(tsr_frame_locate(f, i, &at));
            assert_int_equal(at.special, kinds[k]);
        }
        tsr_frame_close(f);
    }
}

static void facts_outlive_the_file(void **state)
{
    (void)state;
    struct tsr_frame_facts p = tool_facts(CHUNK, 2);
    p.nbytes -= 100;
    p.cparams.codec_meta = 3;
    p.cparams.clevel = 7;
    p.cparams.split = 2;
    p.cparams.block_bytes = 128;
    p.cparams.filters[4] = 2;
    p.cparams.filters_meta[4] = 9;
    struct tsr_frame *f = create_at(true, p, TSR_SPECIAL_ZEROS);
    OK(tsr_frame_flush(f, false));
    tsr_frame_close(f);
    f = open_path(false);
    const struct tsr_frame_facts *q = tsr_frame_facts_of(f);
    assert_int_equal(q->nchunks, 2);
    assert_int_equal(q->nbytes, 2 * CHUNK - 100);
    assert_int_equal(tsr_frame_chunk_nbytes(f, 1), CHUNK - 100);
    assert_int_equal(q->cbytes, file_size());
    assert_ptr_equal(q->cparams.codec, p.cparams.codec);
    assert_int_equal(q->cparams.codec_meta, 3);
    assert_int_equal(q->cparams.clevel, 7);
    assert_int_equal(q->cparams.split, 2);
    assert_int_equal(q->cparams.item_bytes, 4);
    assert_int_equal(q->cparams.block_bytes, 128);
    assert_memory_equal(q->cparams.filters, p.cparams.filters, 6);
    assert_memory_equal(q->cparams.filters_meta, p.cparams.filters_meta, 6);
    assert_false(q->writable);
    assert_int_equal(tsr_frame_put_special(f, 0, TSR_SPECIAL_NAN), TSR_EDENIED);
    assert_int_equal(tsr_frame_meta_set(f, TSR_META, "shape", "01234568", 8), TSR_EDENIED);
    tsr_frame_close(f);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct tsr_store *st;
    struct tsr_frame *f;
    struct tsr_meta_value meta = {"", "x", 1};
    OK(tsr_store_mem(&st));
    struct tsr_frame_facts p = tool_facts(CHUNK, 5), q = p;
    assert_int_equal(tsr_frame_create(st, &p, NULL, 0, TSR_SPECIAL_VALUE, &f), TSR_EARG);
    assert_int_equal(tsr_frame_create(st, &p, &meta, 1, TSR_SPECIAL_ZEROS, &f), TSR_EARG);
    q.cparams.item_bytes = 2;
    assert_int_equal(tsr_frame_create(st, &q, NULL, 0, TSR_SPECIAL_NAN, &f), TSR_EARG);
    q = p;
    q.chunk_bytes = 0;
    assert_int_equal(tsr_frame_create(st, &q, NULL, 0, TSR_SPECIAL_ZEROS, &f), TSR_EARG);
    q = tool_facts(4, 268435456);
    assert_int_equal(tsr_frame_create(st, &q, NULL, 0, TSR_SPECIAL_ZEROS, &f), TSR_ELIMIT);
    tsr_store_close(st);
    f = create(3);
    struct tsr_frame_place at;
    uint8_t small[16] = {0};
    assert_int_equal(tsr_frame_locate(f, 3, &at), TSR_EARG);
    assert_int_equal(tsr_frame_put(f, 3, &(struct tsr_piece){small, 16}, 1), TSR_EARG);
    assert_int_equal(tsr_frame_put(f, 0, &(struct tsr_piece){small, 16}, 1), TSR_EARG);
    assert_int_equal(tsr_frame_insert(f, 4, 1, TSR_SPECIAL_ZEROS), TSR_EARG);
    assert_int_equal(tsr_frame_delete(f, 2, 2), TSR_EARG);
    assert_int_equal(tsr_frame_delete(f, INT64_MAX, INT64_MAX), TSR_EARG);
    assert_int_equal(tsr_frame_set_last(f, CHUNK + 1), TSR_EARG);
    OK(tsr_frame_set_last(f, 8));
    assert_int_equal(tsr_frame_insert(f, 3, 1, TSR_SPECIAL_ZEROS), TSR_EARG);
    tsr_frame_close(f);
}

/* ---- changes ---- */

static void ten_thousand_appends_cost_one_commit(void **state)
{
    (void)state;
    uint32_t *seed = calloc(MODEL, sizeof *seed);
    struct tsr_frame *f = create(0);
    double t0 = now();
    for (int i = 0; i < 10000; i++) {
        seed[i] = (uint32_t)i + 1;
        OK(tsr_frame_insert(f, i, 1, TSR_SPECIAL_ZEROS));
        OK(tool_put(f, i, seed[i]));
    }
    double t1 = now();
    OK(tsr_frame_flush(f, false));
    print_message("10000 appends %.1f ms, flush %.2f ms, %d bytes\n", 1e3 * (t1 - t0),
                  1e3 * (now() - t1), (int)file_size());
    f = reopened(f, seed, 10000);
    /* a flush after one more append copies the pages that did not change */
    OK(tsr_frame_insert(f, 10000, 1, TSR_SPECIAL_ZEROS));
    OK(tool_put(f, 10000, seed[10000] = 77));
    f = reopened(f, seed, 10001);
    tsr_frame_close(f);
    free(seed);
}

static void batches_go_out_together(void **state)
{
    (void)state;
    enum { N = 50 };
    struct tsr_frame *f = create(N);
    static uint8_t src[N][CHUNK], dst[N][CHUNK + TSR_CHUNK_OVERHEAD];
    struct tsr_piece pieces[2 * N];
    int64_t index[N];
    int first[N + 1] = {0};
    uint32_t seed[N];
    for (int k = 0; k < N; k++) {
        int32_t cbytes;
        index[k] = N - 1 - k;
        seed[N - 1 - k] = (uint32_t)k + 5;
        tool_fill(src[k], CHUNK, (uint32_t)k + 5);
        OK(tsr_chunk_encode(&tsr_frame_facts_of(f)->cparams, worker, src[k], CHUNK, dst[k],
                            sizeof dst[k], &cbytes));
        pieces[2 * k] = (struct tsr_piece){dst[k], 32};
        pieces[2 * k + 1] = (struct tsr_piece){dst[k] + 32, (size_t)cbytes - 32};
        first[k + 1] = 2 * k + 2;
    }
    OK(tsr_frame_put_many(f, N, index, pieces, first));
    expect_model(f, seed, N);
    f = reopened(f, seed, N);
    OK(tsr_frame_put_many(f, N, index, pieces, first)); /* into holes and to the end */
    f = reopened(f, seed, N);
    tsr_frame_close(f);
}

static void model_insert(uint32_t *seed, int64_t *have, int64_t i, int64_t n)
{
    memmove(seed + i + n, seed + i, (size_t)(*have - i) * sizeof *seed);
    memset(seed + i, 0, (size_t)n * sizeof *seed);
    *have += n;
}

static void model_delete(uint32_t *seed, int64_t *have, int64_t i, int64_t n)
{
    memmove(seed + i, seed + i + n, (size_t)(*have - i - n) * sizeof *seed);
    *have -= n;
}

static uint32_t rnd(uint32_t *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

/* One random change of frame and model. */
static void step(struct tsr_frame *f, uint32_t *seed, int64_t *n, uint32_t *x)
{
    uint32_t what = rnd(x) % 8;
    int64_t i = rnd(x) % (uint32_t)(*n + 1), k = rnd(x) % 100 == 0 ? 2100 : rnd(x) % 4;
    if (what == 0 && *n + k <= 6000) {
        OK(tsr_frame_insert(f, i, k, TSR_SPECIAL_ZEROS));
        model_insert(seed, n, i, k);
    } else if (what == 1) {
        if (k > *n - i) k = *n - i;
        OK(tsr_frame_delete(f, i, k));
        model_delete(seed, n, i, k);
    } else if (what == 2 && i < *n) {
        OK(tsr_frame_put_special(f, i, TSR_SPECIAL_ZEROS));
        seed[i] = 0;
    } else if (what == 3) {
        OK(tsr_frame_insert(f, *n, 1, TSR_SPECIAL_ZEROS));
        seed[(*n)++] = 0;
        OK(tool_put(f, *n - 1, seed[*n - 1] = 1 + rnd(x) % 1000));
    } else if (i < *n) {
        OK(tool_put(f, i, seed[i] = 1 + rnd(x) % 1000));
    }
}

static void random_changes_agree_with_a_model(void **state)
{
    (void)state;
    uint32_t *seed = calloc(MODEL, sizeof *seed), x = 12345;
    int64_t n = 10;
    struct tsr_frame *f = create(n);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 50; i++) step(f, seed, &n, &x);
        if (round % 5 == 0) expect_model(f, seed, n);
        if (round % 3 == 0) OK(tsr_frame_flush(f, round % 2));
        if (round % 7 == 0) f = reopened(f, seed, n);
    }
    f = reopened(f, seed, n);
    tsr_frame_close(f);
    free(seed);
}

static int64_t reversed(void *arg, int64_t j)
{
    int64_t n = *(int64_t *)arg;
    return j % 2 ? -1 : n - 1 - j;
}

static int64_t twice(void *arg, int64_t j)
{
    (void)arg;
    return j / 2;
}

static void remap_moves_drops_and_fills(void **state)
{
    (void)state;
    enum { N = 5000 };
    uint32_t *seed = calloc(N, sizeof *seed), *want = calloc(N, sizeof *want);
    struct tsr_frame *f = create(N);
    for (int i = 0; i < N; i += 3) OK(tool_put(f, i, seed[i] = (uint32_t)i + 1));
    int64_t n = N;
    for (int j = 0; j < N; j++) want[j] = j % 2 ? 0 : seed[N - 1 - j];
    assert_int_equal(tsr_frame_remap(f, N, twice, NULL, TSR_SPECIAL_ZEROS), TSR_EARG);
    expect_model(f, seed, N);
    OK(tsr_frame_remap(f, N, reversed, &n, TSR_SPECIAL_ZEROS));
    expect_model(f, want, N);
    f = reopened(f, want, N);
    tsr_frame_close(f);
    free(seed);
    free(want);
}

static void the_last_chunk_may_be_short_and_grow(void **state)
{
    (void)state;
    struct tsr_frame *f = create(2);
    OK(tool_put(f, 0, 1));
    OK(tsr_frame_set_last(f, 100));
    OK(tool_put(f, 1, 2));
    OK(tsr_frame_flush(f, false));
    tsr_frame_close(f);
    f = open_path(true);
    assert_int_equal(tsr_frame_facts_of(f)->nbytes, CHUNK + 100);
    assert_true(tool_is(f, 1, 2));
    OK(tsr_frame_set_last(f, CHUNK));
    OK(tool_put(f, 1, 3));
    OK(tsr_frame_insert(f, 2, 1, TSR_SPECIAL_ZEROS));
    OK(tsr_frame_set_last(f, 4));
    f = reopened(f, (uint32_t[]){1, 3, 0}, 3);
    assert_int_equal(tsr_frame_facts_of(f)->nbytes, 2 * CHUNK + 4);
    OK(tsr_frame_insert(f, 0, 1, TSR_SPECIAL_ZEROS));
    assert_int_equal(tsr_frame_facts_of(f)->nbytes, 3 * CHUNK + 4);
    OK(tsr_frame_delete(f, 3, 1));
    assert_int_equal(tsr_frame_facts_of(f)->nbytes, 3 * CHUNK);
    f = reopened(f, (uint32_t[]){0, 1, 3}, 3);
    tsr_frame_close(f);
}

/* ---- commits ---- */

static void one_chunk_updated_often_does_not_grow_the_file(void **state)
{
    (void)state;
    uint32_t seed[20] = {0};
    struct tsr_frame *f = create(20);
    for (int i = 0; i < 20; i++) OK(tool_put(f, i, seed[i] = (uint32_t)i + 1));
    OK(tsr_frame_flush(f, false));
    uint64_t before = file_size(), most = 0;
    int64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        OK(tool_put(f, 7, seed[7] = (uint32_t)i + 100));
        OK(tsr_frame_flush(f, false));
        assert_int_not_equal(tsr_frame_facts_of(f)->cbytes, last); /* readers tell by frame_len */
        last = tsr_frame_facts_of(f)->cbytes;
        if (file_size() > most) most = file_size();
    }
    print_message("1000 updates: %d bytes before, %d at most\n", (int)before, (int)most);
    assert_true(most < before + 4 * CHUNK + 1000);
    f = reopened(f, seed, 20);
    tsr_frame_close(f);
}

static void chunks_that_were_never_flushed_are_reused_at_once(void **state)
{
    (void)state;
    uint32_t seed[3] = {1, 0, 3};
    struct tsr_frame *f = create(3);
    OK(tool_put(f, 0, 1));
    OK(tool_put(f, 2, 3));
    OK(tsr_frame_flush(f, false));
    uint64_t before = file_size();
    for (uint32_t i = 0; i < 2000; i++) OK(tool_put(f, 1, seed[1] = 10 + i));
    OK(tsr_frame_flush(f, false));
    assert_true(file_size() < before + 6 * CHUNK);
    f = reopened(f, seed, 3);
    tsr_frame_close(f);
}

static void rewriting_all_again_and_again_stays_below_three_copies(void **state)
{
    (void)state;
    enum { N = 300 };
    uint32_t seed[N];
    struct tsr_frame *f = create(N);
    uint64_t one = 0;
    for (uint32_t round = 0; round < 12; round++) {
        for (uint32_t i = 0; i < N; i++) OK(tool_put(f, i, seed[i] = 1 + i * 7 + round));
        OK(tsr_frame_flush(f, true));
        if (round == 0) one = file_size();
        assert_true(file_size() < 3 * one + 1000);
    }
    f = reopened(f, seed, N);
    tsr_frame_close(f);
}

/* What a synced state uses must wait for the next one, but not for ever. */
static void after_a_sync_growth_without_syncs_is_bounded_too(void **state)
{
    (void)state;
    uint32_t seed[20];
    struct tsr_frame *f = create(20);
    for (int i = 0; i < 20; i++) OK(tool_put(f, i, seed[i] = (uint32_t)i + 1));
    OK(tsr_frame_flush(f, true));
    uint64_t most = 0;
    for (int i = 0; i < 4000; i++) {
        OK(tool_put(f, i % 20, seed[i % 20] = (uint32_t)i));
        OK(tsr_frame_flush(f, false));
        if (file_size() > most) most = file_size();
    }
    print_message("%d bytes at most\n", (int)most);
    assert_true(most < 3 << 20);
    f = reopened(f, seed, 20);
    tsr_frame_close(f);
}

static void an_emptied_frame_starts_anew(void **state)
{
    (void)state;
    struct tsr_frame *f = create(4);
    for (uint32_t i = 0; i < 4; i++) OK(tool_put(f, i, i + 1));
    OK(tsr_frame_meta_set(f, TSR_VLMETA, "note", "kept", 4));
    f = reopened(f, (uint32_t[]){1, 2, 3, 4}, 4);
    OK(tsr_frame_delete(f, 0, 4));
    f = reopened(f, NULL, 0);
    assert_true(file_size() < 400);
    OK(tsr_frame_meta_set(f, TSR_VLMETA, "note", "kept too", 8));
    f = reopened(f, NULL, 0);
    OK(tsr_frame_insert(f, 0, 2, TSR_SPECIAL_ZEROS));
    OK(tool_put(f, 1, 9));
    OK(tsr_frame_flush(f, true));
    OK(tsr_frame_delete(f, 0, 2));
    OK(tsr_frame_flush(f, true));
    OK(tsr_frame_insert(f, 0, 2, TSR_SPECIAL_ZEROS));
    OK(tool_put(f, 0, 8));
    f = reopened(f, (uint32_t[]){8, 0}, 2);
    void *buf;
    size_t len;
    OK(tsr_frame_meta_get(f, TSR_VLMETA, "note", &buf, &len));
    assert_int_equal(len, 8);
    assert_memory_equal(buf, "kept too", 8);
    tsr_free(buf);
    tsr_frame_close(f);
}

static void a_frame_without_sizes_learns_them(void **state)
{
    (void)state;
    struct tsr_frame *f = create_at(true, tool_facts(0, 0), TSR_SPECIAL_ZEROS);
    assert_int_equal(tsr_frame_insert(f, 0, 1, TSR_SPECIAL_ZEROS), TSR_EARG);
    f = reopened(f, NULL, 0);
    OK(tsr_frame_set_sizes(f, CHUNK, 128));
    OK(tsr_frame_insert(f, 0, 1, TSR_SPECIAL_ZEROS));
    OK(tool_put(f, 0, 5));
    assert_int_equal(tsr_frame_set_sizes(f, CHUNK, 0), TSR_EARG);
    f = reopened(f, (uint32_t[]){5}, 1);
    assert_int_equal(tsr_frame_facts_of(f)->chunk_bytes, CHUNK);
    assert_int_equal(tsr_frame_facts_of(f)->cparams.block_bytes, 128);
    tsr_frame_close(f);
}

static void old_readers_see_the_old_state_until_they_reopen(void **state)
{
    (void)state;
    uint32_t old_seed[] = {1, 2}, new_seed[] = {3, 2, 4};
    struct tsr_frame *f = create(2);
    OK(tool_put(f, 0, 1));
    OK(tool_put(f, 1, 2));
    OK(tsr_frame_flush(f, false));
    struct tsr_frame *old = open_path(false);
    OK(tool_put(f, 0, 3));
    OK(tsr_frame_insert(f, 2, 1, TSR_SPECIAL_ZEROS));
    OK(tool_put(f, 2, 4));
    expect_model(old, old_seed, 2);
    struct tsr_frame *mid = open_path(false);
    expect_model(mid, old_seed, 2);
    OK(tsr_frame_flush(f, false));
    expect_model(old, old_seed, 2);
    expect_model(mid, old_seed, 2);
    tsr_frame_close(old);
    tsr_frame_close(mid);
    f = reopened(f, new_seed, 3);
    tsr_frame_close(f);
}

/* ---- metalayers ---- */

static void metalayers_keep_their_length_and_flip_with_the_commit(void **state)
{
    (void)state;
    struct tsr_frame *f = create(1);
    const uint8_t *p;
    size_t len;
    OK(tsr_frame_flush(f, false));
    OK(tsr_frame_meta_set(f, TSR_META, "shape", "76543210", 8));
    assert_int_equal(tsr_frame_meta_set(f, TSR_META, "shape", "7654321", 7), TSR_EARG);
    assert_int_equal(tsr_frame_meta_set(f, TSR_META, "none", "", 0), TSR_ENOTFOUND);
    struct tsr_frame *old = open_path(false);
    OK(tsr_frame_meta_view(old, "shape", &p, &len));
    assert_memory_equal(p, "01234567", 8);
    tsr_frame_close(old);
    f = reopened(f, (uint32_t[]){0}, 1);
    OK(tsr_frame_meta_view(f, "shape", &p, &len));
    assert_int_equal(len, 8);
    assert_memory_equal(p, "76543210", 8);
    OK(tsr_frame_meta_view(f, "empty", &p, &len));
    assert_int_equal(len, 0);
    assert_int_equal(tsr_frame_meta_count(f, TSR_META), 2);
    assert_string_equal(tsr_frame_meta_name(f, TSR_META, 1), "empty");
    assert_null(tsr_frame_meta_name(f, TSR_META, 2));
    tsr_frame_close(f);
}

static void vlmetas_come_grow_and_go(void **state)
{
    (void)state;
    static uint8_t big[100000];
    struct tsr_frame *f = create(1);
    char name[8];
    void *buf;
    size_t len;
    tool_fill(big, sizeof big, 3);
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "n%d", i);
        OK(tsr_frame_meta_set(f, TSR_VLMETA, name, big, (size_t)i * i * i));
    }
    assert_int_equal(tsr_frame_meta_set(f, TSR_VLMETA, "one more", "", 0), TSR_ELIMIT);
    OK(tsr_frame_meta_set(f, TSR_VLMETA, "n3", big, sizeof big));
    OK(tsr_frame_meta_remove(f, "n5"));
    assert_int_equal(tsr_frame_meta_remove(f, "n5"), TSR_ENOTFOUND);
    f = reopened(f, (uint32_t[]){0}, 1);
    assert_int_equal(tsr_frame_meta_count(f, TSR_VLMETA), 15);
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "n%d", i);
        int rc = tsr_frame_meta_get(f, TSR_VLMETA, name, &buf, &len);
        assert_int_equal(rc, i == 5 ? TSR_ENOTFOUND : TSR_OK);
        if (rc < 0) continue;
        assert_int_equal(len, i == 3 ? sizeof big : (size_t)i * i * i);
        assert_memory_equal(buf, big, len);
        tsr_free(buf);
    }
    tsr_frame_close(f);
}

/* ---- copies, places ---- */

static void the_buffer_is_compact_and_opens_as_the_same(void **state)
{
    (void)state;
    uint32_t seed[3000] = {0};
    struct tsr_frame *f = create(3000);
    for (uint32_t round = 0; round < 3; round++) {
        for (int i = 2000; i < 2100; i++) OK(tool_put(f, i, seed[i] = (uint32_t)i + round));
        OK(tsr_frame_flush(f, false));
    }
    OK(tsr_frame_put_special(f, 5, TSR_SPECIAL_NAN));
    OK(tsr_frame_meta_set(f, TSR_VLMETA, "note", "abc", 3));
    void *buf;
    size_t len;
    OK(tsr_frame_to_buffer(f, &buf, &len));
    assert_true(len < file_size());
    struct tsr_store *st;
    struct tsr_frame *g;
    OK(tsr_store_mem_borrow(buf, len, &st));
    OK(tsr_frame_open(st, 0, tsr_limit(0), &g));
    assert_int_equal(tsr_frame_facts_of(g)->cbytes, len);
    assert_int_equal(tsr_frame_meta_count(g, TSR_VLMETA), 1);
    struct tsr_frame_place at;
    OK(tsr_frame_locate(g, 5, &at));
    assert_int_equal(at.special, TSR_SPECIAL_NAN);
    expect_sound(g);
    for (int i = 2000; i < 2100; i++) assert_true(tool_is(g, i, seed[i]));
    /* a compact frame is its own compact copy */
    void *again;
    size_t len2;
    tsr_frame_close(f);
    OK(tsr_frame_to_buffer(g, &again, &len2));
    assert_int_equal(len2, len);
    assert_memory_equal(again, buf, len);
    tsr_free(again);
    tsr_frame_close(g);
    tsr_free(buf);
}

static void frames_in_memory_change_like_files(void **state)
{
    (void)state;
    uint32_t *seed = calloc(MODEL, sizeof *seed), x = 99;
    int64_t n = 3;
    struct tsr_frame *f = create_at(false, tool_facts(CHUNK, n), TSR_SPECIAL_ZEROS);
    for (int i = 0; i < 600; i++) {
        step(f, seed, &n, &x);
        if (i % 50 == 0) OK(tsr_frame_flush(f, false));
    }
    expect_model(f, seed, n);
    expect_sound(f);
    tsr_frame_close(f);
    free(seed);
}

static void a_frame_inside_a_file_is_read_only(void **state)
{
    (void)state;
    struct tsr_frame *f = create(2);
    void *buf;
    size_t len;
    OK(tool_put(f, 1, 6));
    OK(tsr_frame_to_buffer(f, &buf, &len));
    tsr_frame_close(f);
    uint8_t *around = malloc(len + 100);
    memset(around, 0xAA, len + 100);
    memcpy(around + 33, buf, len);
    struct tsr_store *st;
    OK(tsr_store_mem(&st));
    OK(tsr_store_write_at(st, "", 0, &(struct tsr_piece){around, len + 100}, 1));
    OK(tsr_frame_open(st, 33, tsr_limit(0), &f));
    expect_model(f, (uint32_t[]){0, 6}, 2);
    assert_int_equal(tsr_frame_put_special(f, 0, TSR_SPECIAL_NAN), TSR_EDENIED);
    tsr_frame_close(f);
    free(around);
    tsr_free(buf);
}

static void *locate_all(void *arg)
{
    const struct tsr_frame *f = arg;
    struct tsr_frame_place at;
    for (int64_t i = 0; i < tsr_frame_facts_of(f)->nchunks; i++)
        if (tsr_frame_locate(f, i, &at) < 0 || (at.special != 0) != (i % 2)) return arg;
    return NULL;
}

static void many_threads_load_the_index_at_once(void **state)
{
    (void)state;
    struct tsr_frame *f = create(9000);
    for (int i = 0; i < 9000; i += 2) OK(tool_put(f, i, 1));
    OK(tsr_frame_flush(f, false));
    tsr_frame_close(f);
    for (int round = 0; round < 5; round++) {
        pthread_t id[4];
        f = open_path(false);
        for (int t = 0; t < 4; t++)
            assert_int_equal(pthread_create(&id[t], NULL, locate_all, f), 0);
        for (int t = 0; t < 4; t++) {
            void *bad;
            pthread_join(id[t], &bad);
            assert_null(bad);
        }
        tsr_frame_close(f);
    }
}

/* What c-blosc2 would not write: an index in blocks of another size, or behind a filter. */
static void an_index_of_any_shape_is_read_and_rewritten(void **state)
{
    (void)state;
    enum { N = 5000 };
    uint32_t *seed = calloc(N + 1, sizeof *seed);
    struct tsr_frame *f = create(N);
    for (int i = 0; i < N; i += 2) OK(tool_put(f, i, seed[i] = (uint32_t)i + 1));
    void *buf;
    size_t len;
    OK(tsr_frame_to_buffer(f, &buf, &len));
    tsr_frame_close(f);
    static const int32_t blocks[] = {1024, 40960, 16384 * 2, 4096};
    for (int k = 0; k < 4; k++) {
        /* decode the index, encode it otherwise, and put the trailer behind it */
        uint8_t *old = buf, *index = malloc(8 * N), *made = malloc(len + 8 * N + 64);
        uint64_t at = 0, area;
        for (int b = 0; b < 8; b++) at = at << 8 | old[39 + b];
        area = at;
        at += (uint64_t)old[13] << 8 | old[14];
        struct tsr_chunk c;
        OK(tsr_chunk_parse(&c, old + at, len - at, len - at, tsr_limit(1 << 20)));
        OK(tsr_chunk_decode_range(&c, worker, old + at, 0, 8 * N, index));
        struct tsr_cparams p;
        int32_t cbytes;
        tsr_cparams_init(&p, 8);
        p.block_bytes = blocks[k];
        memcpy(made, old, at);
        OK(tsr_chunk_encode(&p, worker, index, 8 * N, made + at, 8 * N + 32, &cbytes));
        size_t tail = len - at - (size_t)c.cbytes, total = at + (size_t)cbytes + tail;
        memcpy(made + at + cbytes, old + len - tail, tail);
        for (int b = 0; b < 8; b++) made[16 + b] = (uint8_t)((uint64_t)total >> (56 - 8 * b));
        struct tsr_store *st;
        OK(tsr_store_mem(&st));
        OK(tsr_store_write_at(st, "", 0, &(struct tsr_piece){made, total}, 1));
        OK(tsr_frame_open(st, 0, tsr_limit(0), &f));
        expect_model(f, seed, N);
        OK(tsr_frame_insert(f, N, 1, TSR_SPECIAL_ZEROS));
        OK(tsr_frame_flush(f, false));
        expect_model(f, seed, N + 1);
        (void)area;
        tsr_frame_close(f);
        free(index);
        free(made);
    }
    tsr_free(buf);
    free(seed);
}

static void count(void *user, int64_t chunk, tsr_status status, const char *what)
{
    assert_int_equal(status, TSR_ECORRUPT);
    assert_true(chunk > 0 && strstr(what, "inside chunk"));
    ++*(int *)user;
}

/* As many overlaps are told as chunks have room in the file, however often the index lies. */
static void one_chunk_named_by_many_entries_is_told_in_bounded_memory(void **state)
{
    enum { N = 5000 };
    struct tsr_frame *f = create(N);
    int64_t v;
    int problems = 0;
    (void)state;
    OK(tool_put(f, 0, 1));
    OK(tsr_index_get(&f->index, 0, &v));
    for (int64_t i = 1; i < N; i++) {
        OK(tsr_index_own(&f->index, i));
        tsr_index_set(&f->index, i, v);
    }
    OK(tsr_frame_verify(f, count, &problems));
    assert_in_range(problems, 1, f->space.area / TSR_CHUNK_HEADER + 1);
    tsr_frame_close(f);
}

static int drop_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

#define CASE(test) cmocka_unit_test_teardown(test, drop_file)

int main(void)
{
    snprintf(path, sizeof path, "/tmp/tsr-frame-%d", (int)getpid());
    const struct CMUnitTest tests[] = {
        CASE(two_million_chunks_of_zeros_cost_nothing),
        CASE(a_created_frame_is_not_visible_before_its_flush),
        CASE(each_special_kind_is_kept),
        CASE(facts_outlive_the_file),
        CASE(wrong_arguments_are_refused),
        CASE(ten_thousand_appends_cost_one_commit),
        CASE(batches_go_out_together),
        CASE(random_changes_agree_with_a_model),
        CASE(remap_moves_drops_and_fills),
        CASE(the_last_chunk_may_be_short_and_grow),
        CASE(one_chunk_updated_often_does_not_grow_the_file),
        CASE(chunks_that_were_never_flushed_are_reused_at_once),
        CASE(rewriting_all_again_and_again_stays_below_three_copies),
        CASE(after_a_sync_growth_without_syncs_is_bounded_too),
        CASE(an_emptied_frame_starts_anew),
        CASE(a_frame_without_sizes_learns_them),
        CASE(old_readers_see_the_old_state_until_they_reopen),
        CASE(metalayers_keep_their_length_and_flip_with_the_commit),
        CASE(vlmetas_come_grow_and_go),
        CASE(the_buffer_is_compact_and_opens_as_the_same),
        CASE(frames_in_memory_change_like_files),
        CASE(a_frame_inside_a_file_is_read_only),
        CASE(many_threads_load_the_index_at_once),
        CASE(an_index_of_any_shape_is_read_and_rewritten),
        CASE(one_chunk_named_by_many_entries_is_told_in_bounded_memory),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
