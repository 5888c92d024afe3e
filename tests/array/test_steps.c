/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_steps.c - arrays and super-chunks through steps that are more than a block for
 * itself: delta, whose blocks need the chunk's first one, and those that want a shape.
 *
 * Random parts are written and read beside a plain copy in memory. */
#include "../scratch.h"

#include <math.h>

enum { ROWS = 61, COLS = 47, ITEMS = ROWS * COLS };

static uint64_t rnd_state = UINT64_C(88172645463325252);

static uint64_t rnd(void)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return rnd_state;
}

static const int64_t shape[2] = {ROWS, COLS}, chunks[2] = {30, 24}, blocks[2] = {7, 8};

static tsr_spec spec_of(const char *dtype, const tsr_step *steps, int n)
{
    return (tsr_spec){.size = sizeof(tsr_spec),
                      .dtype = dtype,
                      .ndim = 2,
                      .shape = shape,
                      .chunks = chunks,
                      .blocks = blocks,
                      .steps = steps,
                      .nsteps = n};
}

struct part {
    int64_t start[2], count[2];
};

static struct part any_part(void)
{
    struct part p;
    for (int d = 0; d < 2; d++) {
        p.start[d] = (int64_t)(rnd() % (uint64_t)shape[d]);
        p.count[d] = 1 + (int64_t)(rnd() % (uint64_t)(shape[d] - p.start[d]));
        if (rnd() % 3 == 0 && p.count[d] > 5) p.count[d] = 1 + (int64_t)(rnd() % 5);
    }
    return p;
}

static void write_part(tsr_array *a, int32_t *model)
{
    static int32_t buf[ITEMS];
    struct part p = any_part();
    tsr_slice s = {.start = p.start, .count = p.count};
    int32_t base = (int32_t)rnd();
    for (int64_t y = 0, k = 0; y < p.count[0]; y++)
        for (int64_t x = 0; x < p.count[1]; x++, k++)
            model[(p.start[0] + y) * COLS + p.start[1] + x] = buf[k] = base + (int32_t)(x + y);
    OK(tsr_array_write(a, &s, buf, (size_t)(p.count[0] * p.count[1]) * 4));
}

static void read_part(const tsr_array *a, const int32_t *model)
{
    static int32_t buf[ITEMS];
    struct part p = any_part();
    tsr_slice s = {.start = p.start, .count = p.count};
    OK(tsr_array_read(a, &s, buf, (size_t)(p.count[0] * p.count[1]) * 4));
    for (int64_t y = 0, k = 0; y < p.count[0]; y++)
        for (int64_t x = 0; x < p.count[1]; x++, k++)
            assert_int_equal(buf[k], model[(p.start[0] + y) * COLS + p.start[1] + x]);
}

static void live(const char *url, const tsr_step *steps, int n)
{
    static int32_t model[ITEMS];
    tsr_spec spec = spec_of("<i4", steps, n);
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    tsr_array *a;
    memset(model, 0, sizeof model);
    OK(tsr_array_create(url, &spec, NULL, &a));
    for (int i = 0; i < 60; i++) {
        write_part(a, model);
        for (int k = 0; k < 4; k++) read_part(a, model);
        if (url && i % 20 == 19) {
            OK(tsr_array_close(a));
            OK(tsr_array_open(url, &o, &a));
        }
    }
    OK(tsr_array_close(a));
}

static void parts_of_delta_arrays_are_written_and_read(void **state)
{
    (void)state;
    static const tsr_step first[] = {{"delta", NULL}, {"shuffle", NULL}, {"zstd", NULL}};
    static const tsr_step last[] = {{"shuffle", NULL}, {"delta", NULL}, {"lz4", NULL}};
    static const tsr_step cells[] = {{"ndcell", "meta=3"},
                                     {"delta", NULL},
                                     {"bytedelta", NULL},
                                     {"blosclz", NULL}};
    for (int i = 0; i < 2; i++) {
        const char *url = i ? scratch("delta.b2nd") : NULL;
        live(url, first, 3);
        live(url, last, 3);
        live(url, cells, 4);
    }
}

static void delta_super_chunks_are_changed_and_read(void **state)
{
    (void)state;
    enum { CHUNK = 1000, N = 3500 };
    static const tsr_step steps[] = {{"delta", NULL}, {"lz4", NULL}};
    static uint16_t model[N], back[N];
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = 2,
                            .chunk_bytes = 2 * CHUNK,
                            .block_bytes = 256,
                            .steps = steps,
                            .nsteps = 2};
    tsr_schunk *s;
    for (int i = 0; i < N; i++) model[i] = (uint16_t)(i * i / 100);
    OK(tsr_schunk_create(scratch("delta.b2frame"), &spec, NULL, &s));
    OK(tsr_schunk_append(s, N, model));
    for (int i = 0; i < 100; i++) {
        int64_t lo = (int64_t)(rnd() % N), n = 1 + (int64_t)(rnd() % (uint64_t)(N - lo));
        if (i % 2) n = 1 + n % 10;
        for (int64_t k = lo; i % 3 == 0 && k < lo + n; k++) model[k] = (uint16_t)(rnd() & 0xFF);
        if (i % 3 == 0) OK(tsr_schunk_set(s, lo, n, model + lo));
        lo = (int64_t)(rnd() % N);
        n = (int64_t)(rnd() % (uint64_t)(N - lo));
        OK(tsr_schunk_get(s, lo, n, back));
        assert_memory_equal(back, model + lo, (size_t)n * 2);
    }
    OK(tsr_schunk_close(s));
}

static void ranges_of_a_delta_chunk_come_back(void **state)
{
    (void)state;
    enum { N = 300000 };
    static const tsr_step steps[] = {{"delta", NULL}, {"shuffle", NULL}, {"lz4", NULL}};
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = 4,
                            .block_bytes = 8192,
                            .steps = steps,
                            .nsteps = 3};
    uint8_t *src = malloc(N), *chunk = malloc(N + 100), *back = malloc(N);
    size_t len;
    for (int i = 0; i < N; i++) src[i] = (uint8_t)(i % 4 ? 0 : i / 1000);
    OK(tsr_compress(&spec, src, N, NULL, chunk, N + 100, &len));
    for (int i = 0; i < 50; i++) {
        int64_t lo = (int64_t)(rnd() % N), n = (int64_t)(rnd() % (uint64_t)(N - lo));
        OK(tsr_decompress_range(chunk, len, lo, n, NULL, back));
        assert_memory_equal(back, src + lo, (size_t)n);
    }
    OK(tsr_decompress(chunk, len, NULL, back, N));
    assert_memory_equal(back, src, N);
    free(src);
    free(chunk);
    free(back);
}

static void lossy_arrays_are_as_near_as_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        tsr_step step;
        double most;
    } cases[] = {{{"trunc_prec", "meta=12"}, 0.02}, {{"zfp_acc", "meta=-2"}, 0.01}};
    static float src[ITEMS], back[ITEMS];
    for (int i = 0; i < ITEMS; i++) src[i] = (float)(60 * sin(i / 40.0));
    for (int k = 0; k < 2; k++) {
        tsr_step steps[2] = {cases[k].step, {"lz4", NULL}};
        tsr_spec spec = spec_of("<f4", steps, k ? 1 : 2);
        tsr_array *a;
        int rc = tsr_array_create(NULL, &spec, NULL, &a);
        if (k && rc == TSR_EARG && strstr(tsr_error(), "no such codec"))
            continue; /* built without */
        OK(rc);
        assert_string_equal(tsr_array_spec(a)->steps[0].name, cases[k].step.name);
        assert_non_null(strstr(tsr_array_spec(a)->steps[0].params, cases[k].step.params));
        OK(tsr_array_write(a, NULL, src, sizeof src));
        OK(tsr_array_read(a, NULL, back, sizeof back));
        for (int i = 0; i < ITEMS; i++) assert_true(fabsf(src[i] - back[i]) <= cases[k].most);
        OK(tsr_array_close(a));
    }
}

/* Refused when the array is made, not when the first chunk is written. */
static void refuse(const char *dtype, const char *first, const char *params, const char *second,
                   const char *why)
{
    tsr_step steps[3] = {{first, params}, {second, NULL}, {"zstd", NULL}};
    tsr_spec spec = spec_of(dtype, steps, second ? 3 : 1);
    tsr_array *a = NULL;
    int rc = tsr_array_create(NULL, &spec, NULL, &a);
    if (rc != TSR_EARG || !strstr(tsr_error(), why))
        fail_msg("%s, %s: %d, %s", first, second ? second : "-", rc, tsr_error());
}

static void steps_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    refuse("<f4", "shuffle", NULL, "ndmean", "it needs items, and shuffle before it leaves none");
    refuse("<f4", "ndmean", NULL, "delta", "step delta cannot stand beside step ndmean");
    refuse("<i4", "delta", NULL, "delta", "step delta stands twice");
    refuse("<i4", "ndmean", NULL, "shuffle", "expected little-endian floats");
    refuse(">f4", "ndmean", NULL, "shuffle", "expected little-endian floats");
    refuse("<f4", "trunc_prec", NULL, "shuffle", "it needs meta=-51 to 52");
    refuse("<f4", "trunc_prec", "meta=24", "shuffle", "meta 24");
    refuse("<f4", "int_trunc", "meta=-32", "shuffle", "meta -32");
    refuse("<f4", "ndcell", "meta=9", "shuffle", "more items than a block");
    refuse("<i4", "ndlz", NULL, NULL, "expected 2 and 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_delta_arrays_are_written_and_read),
        cmocka_unit_test(delta_super_chunks_are_changed_and_read),
        cmocka_unit_test(ranges_of_a_delta_chunk_come_back),
        cmocka_unit_test(lossy_arrays_are_as_near_as_was_asked_for),
        cmocka_unit_test(steps_that_do_not_go_together_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
