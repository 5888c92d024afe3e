/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_reshape.c - arrays in other shapes, against the items in memory. */
#include "scratch.h"

struct form {
    int ndim;
    int64_t shape[5], chunks[5], blocks[5];
};

static tsr_array *make(const struct form *f, const tsr_step *steps, int nsteps)
{
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = f->ndim,
                     .shape = f->shape,
                     .chunks = f->chunks[0] ? f->chunks : NULL,
                     .blocks = f->blocks[0] ? f->blocks : NULL,
                     .steps = steps,
                     .nsteps = nsteps};
    int64_t n = 1;
    tsr_array *a;
    for (int d = 0; d < f->ndim; d++) n *= f->shape[d];
    int32_t *x = malloc((size_t)n * sizeof *x + 1);
    for (int64_t i = 0; i < n; i++) x[i] = (int32_t)(i * i);
    OK(tsr_array_create(NULL, &spec, NULL, &a));
    OK(tsr_array_write(a, NULL, x, (size_t)n * sizeof *x));
    OK(tsr_array_meta_set(a, TSR_VLMETA, "note", "\xa2hi", 3));
    free(x);
    return a;
}

/* Does a hold the items in order? */
static void check_items(tsr_array *a)
{
    const tsr_spec *s = tsr_array_spec(a);
    int64_t n = 1;
    void *note;
    size_t len;
    for (int d = 0; d < s->ndim; d++) n *= s->shape[d];
    int32_t *x = malloc((size_t)n * sizeof *x + 1);
    OK(tsr_array_read(a, NULL, x, (size_t)n * sizeof *x));
    for (int64_t i = 0; i < n; i++) assert_int_equal(x[i], (int32_t)(i * i));
    OK(tsr_array_meta_get(a, TSR_VLMETA, "note", &note, &len));
    assert_memory_equal(note, "\xa2hi", 3);
    tsr_free(note);
    free(x);
}

static int64_t decoded(const tsr_array *a)
{
    tsr_stats s = {.size = sizeof s};
    OK(tsr_array_stats(a, &s));
    return s.blocks_decoded;
}

static void dimensions_of_one_item_come_and_go_without_decoding(void **state)
{
    const struct form from[] = {
        {2, {1, 1230}, {1, 100}, {1, 3}},
        {4, {23, 1, 1, 34}, {20, 1, 1, 20}, {10, 1, 1, 20}},
        {5, {8, 1, 51, 6, 1}, {6, 1, 6, 6, 1}, {6, 1, 6, 6, 1}},
        {3, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
        {1, {500}, {100}, {30}},
        {2, {3, 0}, {3, 1}, {3, 1}},
    };
    const struct form to[] = {
        {1, {1230}, {0}, {0}}, {3, {23, 1, 34}, {0}, {0}}, {3, {8, 51, 6}, {0}, {0}},
        {0, {0}, {0}, {0}},    {3, {1, 500, 1}, {0}, {0}}, {3, {3, 1, 0}, {0}, {0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        tsr_array *a = make(&from[i], NULL, 0), *b;
        tsr_spec spec = {.size = sizeof spec, .ndim = to[i].ndim, .shape = to[i].shape};
        int64_t before = decoded(a);
        OK(tsr_array_reshape(a, NULL, &spec, NULL, &b));
        assert_int_equal(decoded(a), before);
        assert_int_equal(tsr_array_spec(b)->ndim, to[i].ndim);
        if (to[i].ndim == 3 && to[i].shape[0] == 23) {
            assert_int_equal(tsr_array_spec(b)->chunks[2], 20);
            assert_int_equal(tsr_array_spec(b)->blocks[0], 10);
            assert_int_equal(tsr_array_spec(b)->chunks[1], 1);
        }
        check_items(b);
        OK(tsr_array_close(a));
        OK(tsr_array_close(b));
    }
}

static void padded_chunks_and_plugins_are_encoded_anew(void **state)
{
    const struct form padded = {3, {40, 1, 30}, {10, 4, 30}, {5, 2, 30}};
    const struct form flat = {3, {40, 1, 30}, {10, 1, 30}, {5, 1, 30}};
    const tsr_step cells[] = {{"ndcell", "meta=4"}, {"zstd", NULL}};
    const tsr_step lz4[] = {{"lz4", NULL}};
    const int64_t shape[] = {40, 30};
    (void)state;
    for (int i = 0; i < 3; i++) {
        tsr_array *a = i == 0   ? make(&padded, NULL, 0)
                       : i == 1 ? make(&flat, cells, 2)
                                : make(&flat, NULL, 0);
        tsr_array *b;
        tsr_spec spec = {.size = sizeof spec, .ndim = 2, .shape = shape};
        if (i == 2) spec.steps = lz4, spec.nsteps = 1;
        OK(tsr_array_reshape(a, NULL, &spec, NULL, &b));
        assert_true(decoded(a) > 0);
        check_items(b);
        if (i == 2) assert_string_equal(tsr_array_spec(b)->steps[0].name, "lz4");
        OK(tsr_array_close(a));
        OK(tsr_array_close(b));
    }
}

/* n items in a random shape. */
static int random_shape(int64_t n, int64_t *shape)
{
    int ndim = (int)random_in(1, 5), d = 0;
    for (; d < ndim - 1; d++) {
        int64_t f = random_in(1, 7);
        while (n % f) f--;
        shape[d] = f;
        n /= f;
    }
    shape[d] = n;
    return ndim;
}

static void items_keep_their_order_in_any_shape(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        static const int64_t counts[] = {0, 1, 2, 60, 210, 1024, 2520, 5040, 7919};
        int64_t n = counts[random_in(0, 8)];
        struct form f = {0}, g = {0};
        tsr_array *a, *b;
        f.ndim = random_shape(n, f.shape);
        g.ndim = random_shape(n, g.shape);
        for (int d = 0; d < f.ndim; d++) f.chunks[d] = random_in(1, 9);
        for (int d = 0; d < g.ndim; d++) g.chunks[d] = random_in(1, 9);
        tsr_spec spec = {.size = sizeof spec, .ndim = g.ndim, .shape = g.shape};
        if (i % 2) spec.chunks = g.chunks;
        a = make(&f, NULL, 0);
        OK(tsr_array_reshape(a, NULL, &spec, NULL, &b));
        check_items(b);
        OK(tsr_array_close(a));
        OK(tsr_array_close(b));
    }
}

static void other_numbers_of_items_are_refused(void **state)
{
    const struct form f = {2, {10, 12}, {5, 6}, {5, 6}};
    const int64_t shapes[][2] = {{10, 13}, {-10, -12}, {INT64_MAX, 2}, {0, 120}};
    tsr_array *a = make(&f, NULL, 0), *b;
    (void)state;
    for (int i = 0; i < 4; i++) {
        tsr_spec spec = {.size = sizeof spec, .ndim = 2, .shape = shapes[i]};
        assert_int_equal(tsr_array_reshape(a, NULL, &spec, NULL, &b), TSR_EARG);
    }
    tsr_spec none = {.size = sizeof none, .ndim = 2};
    assert_int_equal(tsr_array_reshape(a, NULL, &none, NULL, &b), TSR_EARG);
    assert_int_equal(tsr_array_reshape(a, NULL, NULL, NULL, &b), TSR_EARG);
    assert_int_equal(tsr_array_reshape(NULL, NULL, &none, NULL, &b), TSR_EARG);
    assert_int_equal(tsr_array_reshape(a, NULL, &none, NULL, NULL), TSR_EARG);
    OK(tsr_array_close(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dimensions_of_one_item_come_and_go_without_decoding),
        cmocka_unit_test(padded_chunks_and_plugins_are_encoded_anew),
        cmocka_unit_test(items_keep_their_order_in_any_shape),
        cmocka_unit_test(other_numbers_of_items_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
