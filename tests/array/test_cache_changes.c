/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_cache_changes.c - what was decoded before a change is not read after it.
 *
 * Random lives of arrays and super-chunks with caches large and small, compared with plain memory
 * after changes through the handle, of shapes, of the order of chunks, and through other handles on
 * the same file. */
#include "../scratch.h"

static tsr_context *new_context(size_t cache_bytes)
{
    tsr_context_options o = {.size = sizeof o, .threads = 2, .cache_bytes = cache_bytes};
    tsr_context *c;
    OK(tsr_context_new(&o, &c));
    return c;
}

static int64_t hits_of(const tsr_context *c)
{
    tsr_cache_stats s = {.size = sizeof s};
    OK(tsr_context_cache_stats(c, &s));
    return s.hits;
}

static uint32_t dice(uint32_t n)
{
    static uint64_t x = 88172645463325252;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 32) % n;
}

/* ---- arrays ---- */

enum { MOST = 150 };

struct life {
    int32_t model[MOST][MOST], part[MOST * MOST];
    int64_t h, w;
    tsr_options o;
    tsr_array *a, *b; /* b: another handle, that only reads */
};

/* A box of the array. */
struct box {
    int64_t at[2], count[2];
};

static struct box any_box(const struct life *l)
{
    int64_t r = dice((uint32_t)l->h), k = dice((uint32_t)l->w);
    int64_t m = 1 + dice((uint32_t)(l->h - r)) % 40, n = 1 + dice((uint32_t)(l->w - k)) % 40;
    return (struct box){{r, k}, {m, n}};
}

/* The item of the model that is number i of the box. */
static int32_t *item_of(struct life *l, const struct box *b, int64_t i)
{
    return &l->model[b->at[0] + i / b->count[1]][b->at[1] + i % b->count[1]];
}

static void write_box(struct life *l, bool fill)
{
    struct box b = any_box(l);
    tsr_slice s = {b.at, b.count, NULL};
    int64_t n = b.count[0] * b.count[1];
    int32_t one = (int32_t)dice(3);
    for (int64_t i = 0; i < n; i++)
        l->part[i] = *item_of(l, &b, i) = fill ? one : (int32_t)dice(1 << 20);
    if (fill) OK(tsr_array_fill(l->a, &s, &one));
    else OK(tsr_array_write(l->a, &s, l->part, (size_t)n * 4));
}

static void resize(struct life *l)
{
    int64_t h = 1 + dice(MOST), w = 1 + dice(MOST);
    OK(tsr_array_resize(l->a, (int64_t[]){h, w}));
    for (int64_t i = 0; i < MOST * MOST; i++)
        if (i / MOST >= h || i % MOST >= w) l->model[i / MOST][i % MOST] = 0;
    l->h = h;
    l->w = w;
}

static void read_box(struct life *l)
{
    struct box b = any_box(l);
    tsr_slice s = {b.at, b.count, NULL};
    int64_t n = b.count[0] * b.count[1];
    OK(tsr_array_read(l->a, &s, l->part, (size_t)n * 4));
    for (int64_t i = 0; i < n; i++)
        if (l->part[i] != *item_of(l, &b, i))
            fail_msg("item %d of %dx%d at %d,%d", (int)i, (int)b.count[0], (int)b.count[1],
                     (int)b.at[0], (int)b.at[1]);
}

/* Some rows through the other handle. */
static void look_from_outside(struct life *l, const char *path)
{
    bool changed;
    OK(tsr_array_flush(l->a));
    if (!l->b) OK(tsr_array_open(path, &l->o, &l->b));
    OK(tsr_array_refresh(l->b, &changed));
    for (int64_t y = 0; y < l->h; y += 7) {
        tsr_slice row = {(int64_t[]){y, 0}, (int64_t[]){1, l->w}, NULL};
        OK(tsr_array_read(l->b, &row, l->part, (size_t)l->w * 4));
        assert_memory_equal(l->part, l->model[y], (size_t)l->w * 4);
    }
}

static void live(struct life *l, const char *path)
{
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<i4",
                  .ndim = 2,
                  .shape = (int64_t[]){100, 90},
                  .chunks = (int64_t[]){32, 24},
                  .blocks = (int64_t[]){8, 10}};
    memset(l->model, 0, sizeof l->model);
    l->h = 100;
    l->w = 90;
    OK(tsr_array_create(path, &s, &l->o, &l->a));
    for (int step = 0; step < 600; step++) {
        uint32_t what = dice(20);
        if (what < 4) write_box(l, what == 3);
        else if (what == 4 && dice(4) == 0) resize(l);
        else if (what == 5 && l->o.locking) look_from_outside(l, path);
        else read_box(l);
    }
    OK(tsr_array_close(l->b));
    OK(tsr_array_close(l->a));
    l->a = l->b = NULL;
}

static void reads_of_an_array_agree_with_a_model_whatever_is_written(void **state)
{
    static const size_t budgets[] = {0, 40000, 640000};
    static struct life l;
    (void)state;
    for (int i = 0; i < 12; i++) {
        tsr_context *c = new_context(budgets[i % 3]);
        l.o = (tsr_options){.size = sizeof l.o, .context = c, .locking = i % 4 == 3};
        live(&l, i % 2 ? scratch("model.b2nd") : NULL);
        assert_true(hits_of(c) > 100);
        tsr_context_free(c);
    }
}

/* ---- super-chunks ---- */

/* A row of chunks of 100 bytes, which come, go and move. */
struct row {
    uint8_t byte[100 * 400];
    int64_t chunks;
    tsr_schunk *s;
};

static void fill_bytes(uint8_t *p, size_t n)
{
    uint8_t x = (uint8_t)dice(256);
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)(x + i / 3);
}

static void change_row(struct row *r, uint32_t what)
{
    int64_t i = r->chunks ? dice((uint32_t)r->chunks) : 0, order[400];
    uint8_t *at = r->byte + 100 * i, chunk[100];
    fill_bytes(chunk, 100);
    if (what == 0 && r->chunks < 300) {
        memmove(at + 100, at, (size_t)(r->chunks - i) * 100);
        memcpy(at, chunk, 100);
        r->chunks++;
        OK(tsr_schunk_insert_chunk(r->s, i, chunk, 100));
    } else if (what == 1 && r->chunks > 5) {
        memmove(at, at + 100, (size_t)(r->chunks - i - 1) * 100);
        r->chunks--;
        OK(tsr_schunk_delete_chunk(r->s, i));
    } else if (what == 2 && r->chunks) {
        memcpy(at, chunk, 100);
        OK(tsr_schunk_update_chunk(r->s, i, chunk, 100));
    } else if (what == 3 && r->chunks > 1) {
        uint8_t *was = malloc((size_t)r->chunks * 100);
        memcpy(was, r->byte, (size_t)r->chunks * 100);
        for (int64_t k = 0; k < r->chunks; k++) order[k] = (k + i) % r->chunks;
        for (int64_t k = 0; k < r->chunks; k++)
            memcpy(r->byte + 100 * k, was + 100 * order[k], 100);
        free(was);
        OK(tsr_schunk_reorder(r->s, order));
    } else if (what == 4 && r->chunks) {
        fill_bytes(at + 20, 30);
        OK(tsr_schunk_set(r->s, 100 * i + 20, 30, at + 20));
    } else if (what == 5 && r->chunks < 300) {
        memcpy(r->byte + 100 * r->chunks, chunk, 100);
        r->chunks++;
        OK(tsr_schunk_append(r->s, 100, chunk));
    } else if (what == 6 && r->chunks) {
        memset(at, 0, 100);
        OK(tsr_schunk_update_special(r->s, i, 1, NULL));
    }
}

static void reads_of_a_super_chunk_agree_with_a_model_whatever_moves(void **state)
{
    (void)state;
    static struct row r;
    uint8_t got[400];
    for (int life = 0; life < 6; life++) {
        tsr_context *c = new_context(life % 2 ? 4000 : 0);
        tsr_options o = {.size = sizeof o, .context = c};
        tsr_schunk_spec spec = {.size = sizeof spec, .chunk_bytes = 100, .block_bytes = 40};
        r.chunks = 0;
        OK(tsr_schunk_create(life > 3 ? scratch("row.b2frame") : NULL, &spec, &o, &r.s));
        for (int step = 0; step < 4000; step++) {
            if (step < 40 || dice(4) == 0) change_row(&r, step < 40 ? 5 : dice(8));
            if (r.chunks == 0) continue;
            int64_t at = dice((uint32_t)r.chunks * 100);
            int64_t n = 1 + dice((uint32_t)(r.chunks * 100 - at)) % 400;
            OK(tsr_schunk_get(r.s, at, n, got));
            if (memcmp(got, r.byte + at, (size_t)n) != 0)
                fail_msg("life %d, step %d: bytes %d + %d", life, step, (int)at, (int)n);
        }
        assert_true(hits_of(c) > 100);
        OK(tsr_schunk_close(r.s));
        tsr_context_free(c);
    }
}

/* ---- other handles ---- */

static void what_another_handle_flushed_is_seen(void **state)
{
    (void)state;
    const char *path = scratch("others.b2nd");
    tsr_context *c = new_context(0);
    tsr_options o = {.size = sizeof o, .context = c};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = (int64_t[]){10000}};
    tsr_slice at = {(int64_t[]){7}, (int64_t[]){1}, NULL};
    tsr_array *a, *b;
    OK(tsr_array_create(path, &s, &o, &a));
    OK(tsr_array_close(a));
    OK(tsr_array_open(path, &o, &a));
    o.mode = "r+";
    for (int32_t i = 1; i < 6; i++) {
        int32_t got;
        OK(tsr_array_open(path, &o, &b));
        OK(tsr_array_write(b, &at, &i, 4));
        for (int k = 0; k < 2; k++) OK(tsr_array_read(b, &at, &got, 4));
        assert_int_equal(got, i);
        OK(tsr_array_close(b));
        for (int k = 0; k < 2; k++) OK(tsr_array_read(a, &at, &got, 4));
        assert_int_equal(got, i);
    }
    assert_int_equal(hits_of(c), 10);
    OK(tsr_array_close(a));
    tsr_context_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_of_an_array_agree_with_a_model_whatever_is_written),
        cmocka_unit_test(reads_of_a_super_chunk_agree_with_a_model_whatever_moves),
        cmocka_unit_test(what_another_handle_flushed_is_seen),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
