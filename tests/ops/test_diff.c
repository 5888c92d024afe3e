/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_diff.c - what differs between arrays of unlike chunks, against plain loops. */
#include "../scratch.h"

#include <math.h>

#include "ops/diff.h"

enum { MOST = 64 };

struct heard {
    int n, items;
    char what[MOST][16], name[MOST][32], a[MOST][128], b[MOST][128];
    int64_t at[MOST][4], chunk_a[MOST][4], chunk_b[MOST][4];
};

static void hear(void *user, const tsr_difference *d)
{
    struct heard *h = user;
    int i = h->n++;
    assert_true(i < MOST);
    snprintf(h->what[i], sizeof h->what[i], "%s", d->what);
    snprintf(h->name[i], sizeof h->name[i], "%s", d->name ? d->name : "");
    snprintf(h->a[i], sizeof h->a[i], "%s", d->a ? d->a : "-");
    snprintf(h->b[i], sizeof h->b[i], "%s", d->b ? d->b : "-");
    h->items += strcmp(d->what, "item") == 0;
    for (int k = 0; k < d->ndim; k++) {
        h->at[i][k] = d->at[k];
        h->chunk_a[i][k] = d->chunk_a[k];
        h->chunk_b[i][k] = d->chunk_b[k];
    }
}

static tsr_array *make(const char *dtype, int ndim, const int64_t *shape, const int64_t *chunks,
                       const void *items, size_t bytes)
{
    tsr_spec s = {.size = sizeof s, .dtype = dtype, .ndim = ndim, .shape = shape, .chunks = chunks};
    tsr_array *a;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    OK(tsr_array_write(a, NULL, items, bytes));
    return a;
}

static tsr_diff_result diff(const tsr_array *a, const tsr_array *b, const tsr_diff_spec *how,
                            struct heard *h)
{
    tsr_diff_result r = {.size = sizeof r};
    *h = (struct heard){0};
    OK(tsr_diff(a, b, how, NULL, hear, h, &r));
    return r;
}

/* ---- random arrays ---- */

static void random_grid(int ndim, const int64_t shape[], int64_t chunks[])
{
    for (int d = 0; d < ndim; d++) {
        chunks[d] = random_in(1, shape[d]);
        if (random_in(0, 3) == 0) chunks[d] = random_in(0, 1) ? 1 : shape[d];
    }
}

static void arrays_of_unlike_chunks_differ_where_their_items_do(void **state)
{
    (void)state;
    static struct heard h;
    for (int round = 0; round < 150; round++) {
        int ndim = (int)random_in(1, 3);
        int64_t shape[3], chunks[2][3], n = 1;
        for (int d = 0; d < ndim; d++) n *= shape[d] = random_in(1, ndim == 1 ? 9000 : 30);
        random_grid(ndim, shape, chunks[0]);
        random_grid(ndim, shape, chunks[1]);
        float *x = malloc((size_t)n * 4), *y = malloc((size_t)n * 4);
        int64_t want = 0, first = -1;
        double most = 0;
        for (int64_t i = 0; i < n; i++) {
            x[i] = y[i] = (float)random_in(0, 50);
            if (random_in(0, 40) == 0 && round % 3) y[i] += (float)random_in(1, 9);
            want += x[i] != y[i];
            if (x[i] != y[i] && first < 0) first = i;
            most = fmax(most, fabs((double)x[i] - (double)y[i]));
        }
        tsr_array *a = make("<f4", ndim, shape, chunks[0], x, (size_t)n * 4);
        tsr_array *b = make("<f4", ndim, shape, chunks[1], y, (size_t)n * 4);
        tsr_diff_spec how = {.size = sizeof how, .memory_bytes = random_in(1, 40000), .first = 5};
        tsr_diff_result r = diff(a, b, &how, &h);
        assert_int_equal(r.different, want);
        assert_int_equal(r.items, n);
        assert_int_equal(r.metadata, 0);
        assert_true(r.most_abs == most);
        assert_int_equal(h.items, want < 5 ? want : 5);
        int64_t number = 0, before = -1;
        for (int i = 0; i < h.items; i++, before = number) {
            number = 0;
            for (int d = 0; d < ndim; d++) {
                number = number * shape[d] + h.at[i][d];
                assert_int_equal(h.chunk_a[i][d], h.at[i][d] / chunks[0][d]);
                assert_int_equal(h.chunk_b[i][d], h.at[i][d] / chunks[1][d]);
            }
            if (i == 0) assert_int_equal(number, first);
            assert_true(number > before);
            assert_true(strtod(h.a[i], NULL) == (double)x[number]);
            assert_true(strtod(h.b[i], NULL) == (double)y[number]);
        }
        OK(tsr_array_close(a));
        OK(tsr_array_close(b));
        free(x);
        free(y);
    }
}

/* ---- rules ---- */

static tsr_diff_result two(const char *dtype_a, const void *a, size_t bytes_a, const char *dtype_b,
                           const void *b, size_t bytes_b, int64_t n, const tsr_diff_spec *how,
                           struct heard *h)
{
    tsr_array *x = make(dtype_a, 1, &n, NULL, a, bytes_a),
              *y = make(dtype_b, 1, &n, NULL, b, bytes_b);
    tsr_diff_result r = diff(x, y, how, h);
    OK(tsr_array_close(x));
    OK(tsr_array_close(y));
    return r;
}

static void tolerances_nan_and_zeros_are_as_numpy_has_them(void **state)
{
    (void)state;
    static struct heard h;
    const double x[] = {1, NAN, 0.0, INFINITY, INFINITY, 100, NAN, 1e308},
                 y[] = {1.05, NAN, -0.0, INFINITY, -INFINITY, 101, 3, -1e308};
    tsr_diff_spec how = {.size = sizeof how};
    tsr_diff_result r = two("<f8", x, 64, "<f8", y, 64, 8, &how, &h);
    assert_int_equal(r.different, 5); /* 0, 4, 5, 6, 7 */
    assert_int_equal(h.at[1][0], 4);
    assert_true(isinf(r.most_abs));
    how.rtol = 0.02;
    assert_int_equal(two("<f8", x, 64, "<f8", y, 64, 8, &how, &h).different, 4);
    how.atol = 0.04;
    assert_int_equal(two("<f8", x, 64, "<f8", y, 64, 8, &how, &h).different, 3);
    how = (tsr_diff_spec){.size = sizeof how, .flags = TSR_DIFF_NAN};
    assert_int_equal(two("<f8", x, 64, "<f8", y, 64, 8, &how, &h).different, 6);
    how.flags = TSR_DIFF_BITS;
    assert_int_equal(two("<f8", x, 64, "<f8", y, 64, 8, &how, &h).different, 6);
    how.flags = TSR_DIFF_NAN; /* also where the bytes are the same */
    assert_int_equal(two("<f8", x, 64, "<f8", x, 64, 8, &how, &h).different, 2);
}

static void integers_are_compared_exactly_across_dtypes(void **state)
{
    (void)state;
    static struct heard h;
    const int64_t x[] = {INT64_MIN, -1, 1LL << 53, INT64_MAX};
    const uint64_t y[] = {0, UINT64_MAX, (1ULL << 53) + 1, INT64_MAX};
    tsr_diff_spec how = {.size = sizeof how};
    tsr_diff_result r = two("<i8", x, 32, "<u8", y, 32, 4, &how, &h);
    assert_int_equal(r.different, 3);
    assert_int_equal(r.metadata, 1);
    assert_string_equal(h.what[0], "dtype");
    assert_string_equal(h.b[0], "<u8");
    assert_string_equal(h.a[1], "-9223372036854775808");
    assert_string_equal(h.b[2], "18446744073709551615");
    assert_true(r.most_abs == 18446744073709551616.0);
    const uint8_t big[] = {0, 0, 1, 2, 0xFF, 0xFE};
    const int16_t little[] = {0, 258, -2};
    r = two(">i2", big, 6, "<i2", little, 6, 3, &how, &h);
    assert_int_equal(r.different + r.metadata, 0);
    const float f[] = {0, 258, -2.5f};
    r = two(">i2", big, 6, "<f4", f, 12, 3, &how, &h);
    assert_int_equal(r.different, 1);
    const float c[] = {3, 4, 1, 0}, d[] = {0, 0, 1, 0};
    r = two("<c8", c, 16, "<c8", d, 16, 2, &how, &h);
    assert_int_equal(r.different, 1);
    assert_true(r.most_abs == 5 && r.most_rel == 0);
}

static void other_items_are_compared_as_bits_without_padding(void **state)
{
    (void)state;
    static struct heard h;
    tsr_diff_spec how = {.size = sizeof how};
    const char *dtype = "{'names': ['a', 'b'], 'formats': ['u1', '<i2'], 'offsets': [0, 2], "
                        "'itemsize': 4}";
    assert_int_equal(
        two(dtype, "\1\7\2\3\4\5\6\7", 8, dtype, "\1\0\2\3\4\5\6\0", 8, 2, &how, &h).different, 1);
    assert_int_equal(h.at[0][0], 1);
    assert_int_equal(two("|S2", "abcd", 4, "|S2", "abce", 4, 2, &how, &h).different, 1);
    assert_string_equal(h.a[0], "b'cd'");
    assert_int_equal(two(dtype, "\1\7\2\3\4\5\6\7", 8, "[('a', 'u1'), ('b', '>i2')]",
                         "\1\3\2\4\7\6", 6, 2, &how, &h)
                         .different,
                     0);
    assert_int_equal(h.n, 0);
    tsr_diff_result r = two("|S2", "abcd", 4, "<i2", "abcd", 4, 2, &how, &h);
    assert_int_equal(r.items, 0);
    assert_int_equal(r.metadata, 1);
}

static void shapes_and_attributes_are_told(void **state)
{
    (void)state;
    static struct heard h;
    int64_t three = 3, four = 4;
    tsr_array *a = make("|u1", 1, &three, NULL, "abc", 3),
              *b = make("|u1", 1, &four, NULL, "abcd", 4);
    OK(tsr_array_attr_set(a, "unit", "\"m\""));
    OK(tsr_array_attr_set(a, "only", "[1]"));
    OK(tsr_array_attr_set(a, "same", "{\"x\": 1.0, \"y\": 2}"));
    OK(tsr_array_attr_set(b, "same", "{\"y\": 2, \"x\": 1.0}"));
    OK(tsr_array_attr_set(b, "unit", "\"km\""));
    OK(tsr_array_attr_set(b, "zone", "null"));
    tsr_diff_result r = diff(a, b, NULL, &h);
    assert_int_equal(r.metadata, 4);
    assert_int_equal(r.items, 0);
    assert_string_equal(h.a[0], "(3,)");
    assert_string_equal(h.b[0], "(4,)");
    assert_string_equal(h.name[1], "only");
    assert_string_equal(h.b[1], "-");
    assert_string_equal(h.name[2], "unit");
    assert_string_equal(h.b[2], "\"km\"");
    assert_string_equal(h.name[3], "zone");
    assert_string_equal(h.b[3], "null");
    tsr_diff_spec how = {.size = sizeof how, .flags = TSR_DIFF_ITEMS};
    assert_int_equal(diff(a, b, &how, &h).metadata, 1);
    how.rtol = -1;
    FAILS(TSR_EARG, "rtol", tsr_diff(a, b, &how, NULL, NULL, NULL, &r));
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
}

static void no_items_and_one_item_can_be_compared(void **state)
{
    (void)state;
    static struct heard h;
    int64_t none[] = {2, 0};
    tsr_array *a = make("<f8", 2, none, NULL, NULL, 0), *b = make("<f8", 2, none, NULL, NULL, 0);
    assert_int_equal(diff(a, b, NULL, &h).items, 0);
    assert_int_equal(h.n, 0);
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
    const double x = 1, y = 2;
    a = make("<f8", 0, none, NULL, &x, 8), b = make("<f8", 0, none, NULL, &y, 8);
    assert_int_equal(diff(a, b, NULL, &h).different, 1);
    assert_int_equal(h.items, 1);
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
}

/* ---- cost ---- */

static void chunks_that_are_stored_alike_are_not_decoded(void **state)
{
    (void)state;
    static struct heard h;
    enum { N = 400000 };
    int64_t n = N, chunk = 20000, at = 123456, one = 1;
    int32_t *x = malloc(N * sizeof *x), v = -5;
    for (int i = 0; i < N; i++) x[i] = (int32_t)random_in(0, 1000);
    tsr_array *m = make("<i4", 1, &n, &chunk, x, N * sizeof *x), *a, *b;
    OK(tsr_array_copy(m, scratch("a.b2nd"), NULL, NULL, &b));
    OK(tsr_array_close(b));
    OK(tsr_array_copy(m, scratch("b.b2nd"), NULL, NULL, &b));
    OK(tsr_array_write(b, &(tsr_slice){&at, &one, NULL}, &v, sizeof v));
    OK(tsr_array_close(b));
    OK(tsr_array_open(scratch("a.b2nd"), NULL, &a));
    OK(tsr_array_open(scratch("b.b2nd"), NULL, &b));
    tsr_diff_result r = diff(a, b, NULL, &h);
    assert_int_equal(r.different, 1);
    assert_int_equal(r.items, N);
    assert_int_equal(r.same_stored, 19);
    assert_int_equal(h.at[0][0], 123456);
    assert_int_equal(h.chunk_a[0][0], 6);
    assert_string_equal(h.b[0], "-5");
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
    OK(tsr_array_close(m));
    free(x);
}

static int64_t decoded(const tsr_array *a)
{
    tsr_stats s = {.size = sizeof s};
    OK(tsr_array_stats(a, &s));
    return s.blocks_decoded;
}

/* Slabs of planes beside pencils: both blocks of 64 KiB. */
static void unlike_blocks_are_decoded_about_once(void **state)
{
    (void)state;
    static struct heard h;
    int64_t shape[] = {128, 128, 256}, planes[] = {1, 128, 256}, pencils[] = {128, 16, 16};
    size_t bytes = 128 * 128 * 256 * 2;
    uint16_t *x = malloc(bytes);
    for (size_t i = 0; i < bytes / 2; i++) x[i] = (uint16_t)random_in(0, 500);
    tsr_spec s = {.size = sizeof s, .dtype = "<u2", .ndim = 3, .shape = shape};
    tsr_context_options co = {.size = sizeof co, .threads = 2, .cache_bytes = TSR_NO_CACHE};
    tsr_options o = {.size = sizeof o};
    tsr_array *a, *b;
    OK(tsr_context_new(&co, &o.context));
    s.chunks = s.blocks = planes;
    OK(tsr_array_create(NULL, &s, &o, &a));
    s.chunks = s.blocks = pencils;
    OK(tsr_array_create(NULL, &s, &o, &b));
    OK(tsr_array_write(a, NULL, x, bytes));
    OK(tsr_array_write(b, NULL, x, bytes));
    int64_t before[2] = {decoded(a), decoded(b)};
    tsr_diff_spec how = {.size = sizeof how, .memory_bytes = 4 << 20};
    assert_int_equal(diff(a, b, &how, &h).different, 0);
    /* a quarter of the arrays at a time: half of the planes, half of the pencils, each twice */
    assert_true(decoded(a) - before[0] + decoded(b) - before[1] <= 4 * 128);
    before[0] = decoded(a);
    how.memory_bytes = 0;
    assert_int_equal(diff(a, b, &how, &h).different, 0);
    assert_int_equal(decoded(a) - before[0], 128);
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
    tsr_context_free(o.context);
    free(x);
}

static void boxes_stay_within_the_memory(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct tsr_grid g[2] = {{0}, {0}};
        int64_t count[TSR_MAX_NDIM], most = 1LL << random_in(6, 24), bytes = 12;
        for (int k = 0; k < 2; k++) {
            g[k].ndim = 1 + round % 4;
            g[k].item_bytes = k ? 8 : 4;
            for (int d = 0; d < g[k].ndim; d++) {
                g[k].shape[d] = k ? g[0].shape[d] : random_in(1, 5000);
                g[k].chunk[d] = random_in(1, g[k].shape[d]);
                g[k].block[d] = random_in(1, g[k].chunk[d]);
            }
        }
        tsr_diff_box(&g[0], &g[1], most, count);
        for (int d = 0; d < g[0].ndim; d++) {
            assert_in_range(count[d], 1, g[0].shape[d]);
            bytes *= count[d];
        }
        assert_true(bytes <= most);
    }
}

static int stop(void *user, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    return ++*(int *)user > 1;
}

static void a_caller_can_stop_it(void **state)
{
    (void)state;
    int64_t n = 100000, chunks[] = {1000, 1500};
    int calls = 0;
    uint8_t *p = calloc(1, (size_t)n);
    tsr_array *a = make("|u1", 1, &n, chunks, p, (size_t)n);
    tsr_array *b = make("|u1", 1, &n, chunks + 1, p, (size_t)n);
    tsr_options o = {.size = sizeof o, .progress = stop, .user = &calls};
    tsr_diff_spec how = {.size = sizeof how, .memory_bytes = 20000};
    tsr_diff_result r = {.size = sizeof r};
    FAILS(TSR_ECANCELLED, "stopped", tsr_diff(a, b, &how, &o, NULL, NULL, &r));
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_of_unlike_chunks_differ_where_their_items_do),
        cmocka_unit_test(tolerances_nan_and_zeros_are_as_numpy_has_them),
        cmocka_unit_test(integers_are_compared_exactly_across_dtypes),
        cmocka_unit_test(other_items_are_compared_as_bits_without_padding),
        cmocka_unit_test(shapes_and_attributes_are_told),
        cmocka_unit_test(no_items_and_one_item_can_be_compared),
        cmocka_unit_test(chunks_that_are_stored_alike_are_not_decoded),
        cmocka_unit_test(unlike_blocks_are_decoded_about_once),
        cmocka_unit_test(boxes_stay_within_the_memory),
        cmocka_unit_test(a_caller_can_stop_it),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
