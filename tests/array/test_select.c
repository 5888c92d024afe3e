/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_select.c - selections that are no box in C order: strided memory, one item for
 * all, lists of indices, points.
 *
 * Random arrays of several formats, dtypes and shapes, written and read beside a plain copy in
 * memory, which is indexed item by item.  TESSERA_SEED=n repeats one, which a failure names. */
#include "../scratch.h"

enum { MAX_ITEMS = 20000, MAX_LIST = 60 };

struct world {
    uint64_t seed;
    int ndim;
    int64_t shape[TSR_MAX_NDIM], item, items;
    uint8_t *model;
    tsr_array *a;
};

static const struct {
    const char *dtype;
    int64_t item;
} dtypes[] = {{"|u1", 1}, {"<u2", 2},   {"<f4", 4},   {"<f8", 8},
              {"|S3", 3}, {"<c16", 16}, {"|V17", 17}, {"[('a', '<i4'), ('b', '<f8')]", 12}};
static const char *const names[] = {NULL, "s.b2nd", "s.npy", "s.raw"};

static void die(const struct world *w, const char *what)
{
    fail_msg("TESSERA_SEED=%llu: %s: %s", (unsigned long long)w->seed, what, tsr_error());
}

static void must(const struct world *w, int rc, const char *what)
{
    if (rc < 0) die(w, what);
}

static void random_bytes(uint8_t *p, int64_t n)
{
    int kind = (int)random_in(0, 2);
    for (int64_t i = 0; i < n; i++) p[i] = kind ? (uint8_t)(random_next() % 7) : (uint8_t)(i / 64);
}

static void make_world(struct world *w)
{
    int64_t chunks[TSR_MAX_NDIM], blocks[TSR_MAX_NDIM];
    int type = (int)random_in(0, 7), where = (int)random_in(0, 5);
    static const tsr_step steps[2][2] = {{{"shuffle", NULL}, {"lz4", NULL}},
                                         {{"delta", NULL}, {"zstd", NULL}}};
    w->ndim = (int)random_in(random_in(0, 5) ? 1 : 0, 4);
    w->item = dtypes[type].item;
    w->items = 1;
    for (int d = 0; d < w->ndim; d++) {
        w->shape[d] = random_in(random_in(0, 20) ? 1 : 0, w->ndim < 3 ? 90 : 12);
        chunks[d] = random_in(1, w->shape[d] + 3);
        if (chunks[d] > w->shape[d] && w->shape[d]) chunks[d] = w->shape[d];
        blocks[d] = random_in(1, chunks[d]);
        w->items *= w->shape[d];
    }
    const char *name = where > 3 ? NULL : names[where];
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = dtypes[type].dtype,
                     .ndim = w->ndim,
                     .shape = w->shape,
                     .steps = steps[random_in(0, 5) == 0],
                     .nsteps = 2};
    if (where < 2 || where > 3) spec.chunks = chunks, spec.blocks = blocks;
    else spec.nsteps = 0;
    must(w, tsr_array_create(name ? scratch(name) : NULL, &spec, NULL, &w->a), "create");
    w->model = calloc(1, (size_t)(w->items * w->item) + 1);
    if (random_in(0, 3) == 0) return;
    random_bytes(w->model, w->items * w->item);
    must(w, tsr_array_write(w->a, NULL, w->model, (size_t)(w->items * w->item)), "write all");
}

static void end_world(struct world *w)
{
    size_t len = (size_t)(w->items * w->item);
    uint8_t *all = malloc(len + 1);
    must(w, tsr_array_read(w->a, NULL, all, len), "read all");
    if (memcmp(all, w->model, len) != 0) die(w, "the array is not what was written");
    must(w, tsr_array_close(w->a), "close");
    free(all);
    free(w->model);
}

/* ---- orthogonal selections, slices among them ---- */

struct cross {
    tsr_axis axes[TSR_MAX_NDIM];
    int64_t lists[TSR_MAX_NDIM][MAX_LIST], stride[TSR_MAX_NDIM], items, bytes;
};

static void random_slice(tsr_axis *x, int64_t n)
{
    *x = (tsr_axis){.start = n ? random_in(0, n - 1) : 0,
                    .step = random_in(1, 3) * (random_in(0, 2) ? 1 : -1)};
    int64_t room = x->step > 0 ? (n - 1 - x->start) / x->step : x->start / -x->step;
    x->count = n ? random_in(random_in(0, 15) ? 1 : 0, room + 1) : 0;
    if (random_in(0, 2) == 0) *x = (tsr_axis){.count = n, .step = 1};
}

/* A list: of anything, or ascending, or nearly all. */
static void random_list(tsr_axis *x, int64_t *list, int64_t n)
{
    int kind = (int)random_in(0, 2);
    *x = (tsr_axis){.index = list, .count = n ? random_in(random_in(0, 15) ? 1 : 0, 9) : 0};
    if (kind == 2 && n <= MAX_LIST) x->count = n;
    for (int64_t i = 0; i < x->count; i++) {
        list[i] = random_in(0, n - 1);
        if (kind == 1) list[i] = i * n / x->count;
        if (kind == 2) list[i] = n - 1 - i;
    }
}

/* Memory: C order, or with gaps, dimensions turned round; 0: one row for all, when writing. */
static void random_memory(const struct world *w, struct cross *c, bool writing)
{
    int64_t stride = w->item;
    bool turn = random_in(0, 1);
    for (int k = 0; k < w->ndim; k++) {
        int d = turn ? k : w->ndim - 1 - k;
        c->stride[d] = stride;
        if (writing && random_in(0, 3) == 0) c->stride[d] = 0;
        else stride = stride * c->axes[d].count + (turn ? w->item : 0);
    }
    c->bytes = stride + w->item;
}

static void random_cross(const struct world *w, struct cross *c, bool lists, bool writing)
{
    c->items = 1;
    for (int d = 0; d < w->ndim; d++) {
        if (lists && random_in(0, 1)) random_list(&c->axes[d], c->lists[d], w->shape[d]);
        else random_slice(&c->axes[d], w->shape[d]);
        c->items *= c->axes[d].count;
    }
    random_memory(w, c, writing);
}

/* Item i of the cross: where it is in the model and in memory. */
static void cross_at(const struct world *w, const struct cross *c, int64_t i, int64_t *model,
                     int64_t *mem)
{
    int64_t stride = w->item;
    *model = *mem = 0;
    for (int d = w->ndim - 1; d >= 0; d--) {
        const tsr_axis *x = &c->axes[d];
        int64_t k = i % x->count;
        i /= x->count;
        *model += (x->index ? x->index[k] : x->start + k * x->step) * stride;
        *mem += k * c->stride[d];
        stride *= w->shape[d];
    }
}

static tsr_slice slice_of(const struct world *w, const struct cross *c, int64_t v[3][TSR_MAX_NDIM])
{
    for (int d = 0; d < w->ndim; d++) {
        v[0][d] = c->axes[d].start;
        v[1][d] = c->axes[d].count;
        v[2][d] = c->axes[d].step;
    }
    return (tsr_slice){v[0], v[1], v[2]};
}

static void read_cross(struct world *w, bool lists)
{
    struct cross c;
    int64_t v[3][TSR_MAX_NDIM], model, mem;
    random_cross(w, &c, lists, false);
    uint8_t *got = malloc((size_t)c.bytes), *want = malloc((size_t)c.bytes);
    memset(got, 0xA5, (size_t)c.bytes);
    memset(want, 0xA5, (size_t)c.bytes);
    tsr_slice s = slice_of(w, &c, v);
    must(w,
         lists ? tsr_array_read_orthogonal(w->a, c.axes, got, c.stride)
               : tsr_array_read_strided(w->a, &s, got, c.stride),
         "read");
    for (int64_t i = 0; i < c.items; i++) {
        cross_at(w, &c, i, &model, &mem);
        memcpy(want + mem, w->model + model, (size_t)w->item);
    }
    if (memcmp(got, want, (size_t)c.bytes) != 0) die(w, "read other items");
    free(got);
    free(want);
}

static void write_cross(struct world *w, bool lists)
{
    struct cross c;
    int64_t v[3][TSR_MAX_NDIM], model, mem;
    random_cross(w, &c, lists, true);
    uint8_t *src = malloc((size_t)c.bytes);
    random_bytes(src, c.bytes);
    tsr_slice s = slice_of(w, &c, v);
    must(w,
         lists ? tsr_array_write_orthogonal(w->a, c.axes, src, c.stride)
               : tsr_array_write_strided(w->a, &s, src, c.stride),
         "write");
    for (int64_t i = 0; i < c.items; i++) {
        cross_at(w, &c, i, &model, &mem);
        memcpy(w->model + model, src + mem, (size_t)w->item);
    }
    free(src);
}

/* ---- points ---- */

static int64_t random_points(const struct world *w, int64_t *coords)
{
    int64_t n = random_in(0, 9) ? random_in(0, 40) : 300;
    if (w->items == 0) n = 0;
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < w->ndim; d++) coords[i * w->ndim + d] = random_in(0, w->shape[d] - 1);
    return n;
}

static int64_t point_at(const struct world *w, const int64_t *coords, int64_t i)
{
    int64_t at = 0;
    for (int d = 0; d < w->ndim; d++) at = at * w->shape[d] + coords[i * w->ndim + d];
    return at * w->item;
}

static void read_points(struct world *w)
{
    int64_t coords[300 * 4], n = random_points(w, coords), stride = w->item * random_in(1, 2);
    uint8_t *got = malloc((size_t)(n * stride) + 1);
    must(w, tsr_array_read_points(w->a, n, coords, got, stride), "read points");
    for (int64_t i = 0; i < n; i++)
        if (memcmp(got + i * stride, w->model + point_at(w, coords, i), (size_t)w->item) != 0)
            die(w, "a point is another");
    free(got);
}

static void write_points(struct world *w)
{
    int64_t coords[300 * 4], n = random_points(w, coords), stride = w->item * random_in(0, 2);
    uint8_t *src = malloc((size_t)(n * stride + w->item));
    random_bytes(src, n * stride + w->item);
    must(w, tsr_array_write_points(w->a, n, coords, src, stride), "write points");
    for (int64_t i = 0; i < n; i++)
        memcpy(w->model + point_at(w, coords, i), src + i * stride, (size_t)w->item);
    free(src);
}

static void fill_box(struct world *w)
{
    struct cross c;
    int64_t v[3][TSR_MAX_NDIM], model, mem;
    uint8_t item[32];
    random_cross(w, &c, false, true);
    random_bytes(item, 32);
    if (random_in(0, 1)) memset(item, 0, 32);
    tsr_slice s = slice_of(w, &c, v);
    must(w, tsr_array_fill(w->a, &s, item), "fill");
    for (int64_t i = 0; i < c.items; i++) {
        cross_at(w, &c, i, &model, &mem);
        memcpy(w->model + model, item, (size_t)w->item);
    }
}

static void any_selection_reads_and_writes_the_items_it_names(void **state)
{
    (void)state;
    const char *given = getenv("TESSERA_SEED");
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct world w = {.seed = given ? strtoull(given, NULL, 10) : seed};
        random_state = w.seed * 0x9E3779B97F4A7C15u;
        make_world(&w);
        for (int i = 0; i < 14; i++) {
            read_cross(&w, i % 2);
            write_cross(&w, random_in(0, 1));
            read_points(&w);
            write_points(&w);
            if (random_in(0, 2) == 0) fill_box(&w);
        }
        end_world(&w);
        if (given) return;
    }
}

/* ---- what it costs, and what is refused ---- */

static const int64_t SHAPE[] = {1000, 1000}, CHUNKS[] = {100, 100}, BLOCKS[] = {10, 10};

static tsr_array *make_plane(const char *url, const int64_t *shape)
{
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 2,
                     .shape = shape,
                     .chunks = CHUNKS,
                     .blocks = BLOCKS};
    tsr_array *a;
    OK(tsr_array_create(url, &spec, NULL, &a));
    return a;
}

static tsr_array *make_ramp(void)
{
    tsr_array *a = make_plane(NULL, SHAPE);
    int32_t *all = malloc(4000000);
    for (int32_t i = 0; i < 1000000; i++) all[i] = i;
    OK(tsr_array_write(a, NULL, all, 4000000));
    free(all);
    return a;
}

static int64_t decoded(const tsr_array *a)
{
    tsr_stats s = {.size = sizeof s};
    OK(tsr_array_stats(a, &s));
    return s.blocks_decoded;
}

static void only_touched_blocks_are_decoded_and_once(void **state)
{
    (void)state;
    static const int64_t rows[] = {999, 5, 500, 7, 5}, cols[] = {0, 990, 3, 3, 995, 999};
    static const int64_t coords[] = {5, 5, 999, 999, 6, 6, 5, 5, 5, 10};
    int32_t got[30];
    size_t cache;
    tsr_array *a = make_ramp();
    tsr_axis axes[] = {{.index = rows, .count = 5}, {.index = cols, .count = 6}};
    OK(tsr_context_set_cache(NULL, TSR_NO_CACHE, &cache)); /* what one call does by itself */
    OK(tsr_array_read_orthogonal(a, axes, got, NULL));
    for (int i = 0; i < 30; i++) assert_int_equal(got[i], rows[i / 6] * 1000 + cols[i % 6]);
    assert_int_equal(decoded(a), 3 * 2);
    OK(tsr_array_read_points(a, 5, coords, got, 4));
    for (int i = 0; i < 5; i++) assert_int_equal(got[i], coords[2 * i] * 1000 + coords[2 * i + 1]);
    assert_int_equal(decoded(a), 6 + 3);
    OK(tsr_context_set_cache(NULL, cache, NULL));
    OK(tsr_array_close(a));
}

static void the_last_of_points_and_indices_that_repeat_is_written(void **state)
{
    (void)state;
    static const int64_t twice[] = {3, 1, 3}, coords[] = {0, 7, 0, 8, 0, 7};
    static const int32_t items[] = {10, 20, 30};
    int32_t got[10];
    tsr_array *a = make_ramp();
    tsr_axis axes[] = {{.count = 1, .step = 1}, {.index = twice, .count = 3}};
    OK(tsr_array_write_orthogonal(a, axes, items, NULL));
    OK(tsr_array_write_points(a, 3, coords, items, 4));
    tsr_slice s = {.count = (int64_t[]){1, 10}};
    OK(tsr_array_read(a, &s, got, sizeof got));
    assert_int_equal(got[1], 20);
    assert_int_equal(got[3], 30);
    assert_int_equal(got[7], 30);
    assert_int_equal(got[8], 20);
    OK(tsr_array_close(a));
}

static int64_t stored(tsr_array *a)
{
    tsr_stats s = {.size = sizeof s};
    OK(tsr_array_flush(a));
    OK(tsr_array_stats(a, &s));
    return s.cbytes;
}

/* 1.6 TB: nothing that is done for each item would end. */
static void filling_a_huge_array_costs_its_chunks_alone(void **state)
{
    (void)state;
    static const int64_t shape[] = {2000000, 200000}, chunks[] = {4000, 2000};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<f4",
                     .ndim = 2,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = CHUNKS};
    float one = 1.5f, got;
    tsr_array *a;
    OK(tsr_array_create(scratch("huge.b2nd"), &spec, NULL, &a));
    OK(tsr_array_fill(a, NULL, &one));
    OK(tsr_array_read_points(a, 1, (int64_t[]){1999999, 199999}, &got, 4));
    assert_true(got == one);
    assert_true(stored(a) < 50000 * 48);
    assert_int_equal(decoded(a), 0);
    one = 0;
    OK(tsr_array_fill(a, NULL, &one));
    OK(tsr_array_read_points(a, 1, (int64_t[]){0, 5}, &got, 4));
    assert_true(got == 0);
    OK(tsr_array_close(a));
}

/* ---- parts as new arrays ---- */

static void cut_random(struct world *w, bool lists)
{
    struct cross c;
    int64_t model, mem, shape[TSR_MAX_NDIM];
    int n = 0;
    tsr_array *part;
    random_cross(w, &c, lists, false);
    for (int d = 0, k = 0; d < w->ndim; d++, k = 0) {
        if (random_in(0, 1) && c.axes[d].count == 1) c.axes[d].drop = true;
        else shape[n++] = c.axes[d].count;
        c.stride[d] = w->item;
        while (++k + d < w->ndim) c.stride[d] *= c.axes[d + k].count;
    }
    const char *url = random_in(0, 1) ? scratch("part.b2nd") : NULL;
    must(w, tsr_array_slice(w->a, c.axes, url, NULL, NULL, &part), "slice");
    const tsr_spec *s = tsr_array_spec(part);
    if (s->ndim != n || memcmp(s->shape, shape, (size_t)n * sizeof *shape) != 0)
        die(w, "the part has another shape");
    uint8_t *got = malloc((size_t)(c.items * w->item) + 1);
    must(w, tsr_array_read(part, NULL, got, (size_t)(c.items * w->item)), "read part");
    for (int64_t i = 0; i < c.items; i++) {
        cross_at(w, &c, i, &model, &mem);
        if (memcmp(got + mem, w->model + model, (size_t)w->item) != 0) die(w, "a part differs");
    }
    must(w, tsr_array_close(part), "close part");
    free(got);
}

static void any_part_becomes_an_array(void **state)
{
    (void)state;
    const char *given = getenv("TESSERA_SEED");
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct world w = {.seed = given ? strtoull(given, NULL, 10) : seed};
        random_state = w.seed * 0xD1342543DE82EF95u;
        make_world(&w);
        for (int i = 0; i < 8; i++) cut_random(&w, i % 2);
        end_world(&w);
        if (given) return;
    }
}

static void check_part(const tsr_axis *axes, int64_t blocks)
{
    tsr_array *a = make_ramp(), *part;
    int32_t *got = malloc(4000000);
    OK(tsr_array_slice(a, axes, NULL, NULL, NULL, &part));
    assert_int_equal(decoded(a), blocks);
    assert_int_equal(tsr_array_spec(part)->chunks[0], 100);
    OK(tsr_array_read(part, NULL, got, (size_t)(axes[0].count * axes[1].count * 4)));
    for (int64_t i = 0; i < axes[0].count * axes[1].count; i++)
        assert_int_equal(got[i], (axes[0].start + i / axes[1].count) * 1000 + axes[1].start +
                                     i % axes[1].count);
    OK(tsr_array_close(part));
    OK(tsr_array_close(a));
    free(got);
}

static void chunks_that_lie_in_a_part_are_not_decoded(void **state)
{
    (void)state;
    tsr_axis axes[2] = {{.start = 200, .count = 300, .step = 1}, {.start = 900, .count = 100}};
    axes[1].step = 1;
    check_part(axes, 0);
    axes[0].count = 310; /* a row of blocks of the next chunk */
    check_part(axes, 10);
    axes[0].start = 190; /* nothing begins with a chunk */
    check_part(axes, 31 * 10);
}

static void planes_of_a_stack_are_taken_as_they_are_stored(void **state)
{
    (void)state;
    static const int64_t shape[] = {5, 60, 50}, chunks[] = {1, 20, 20}, blocks[] = {1, 10, 20};
    static int16_t all[5 * 60 * 50], got[60 * 50];
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i2",
                     .ndim = 3,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = blocks};
    tsr_axis axes[3] = {{.start = 3, .count = 1, .step = 1, .drop = true},
                        {.count = 60, .step = 1},
                        {.count = 50, .step = 1}};
    tsr_array *a, *part;
    for (int i = 0; i < 5 * 60 * 50; i++) all[i] = (int16_t)(i * 7);
    OK(tsr_array_create(NULL, &spec, NULL, &a));
    OK(tsr_array_write(a, NULL, all, sizeof all));
    OK(tsr_array_slice(a, axes, NULL, NULL, NULL, &part));
    OK(tsr_array_close(part));
    spec = *tsr_array_spec(a);
    spec.chunks = spec.blocks = NULL; /* the same steps, given */
    OK(tsr_array_slice(a, axes, NULL, &spec, NULL, &part));
    assert_int_equal(decoded(a), 0);
    assert_int_equal(tsr_array_spec(part)->ndim, 2);
    OK(tsr_array_read(part, NULL, got, sizeof got));
    assert_memory_equal(got, all + 3 * 60 * 50, sizeof got);
    OK(tsr_array_close(part));
    axes[1].drop = true;
    FAILS(TSR_EARG, "axis 1: 60 items", tsr_array_slice(a, axes, NULL, NULL, NULL, &part));
    OK(tsr_array_close(a));
}

static void what_lies_outside_is_refused(void **state)
{
    (void)state;
    static const int64_t bad[] = {0, 1000}, neg[] = {-1};
    static const int64_t coords[] = {0, 0, 0, 1000};
    int32_t got[4];
    tsr_array *a = make_ramp();
    tsr_axis axes[] = {{.count = 1, .step = 1}, {.index = bad, .count = 2}};
    FAILS(TSR_EARG, "axis 1: index 1000", tsr_array_read_orthogonal(a, axes, got, NULL));
    FAILS(TSR_EARG, "axis 1: index 1000", tsr_array_write_orthogonal(a, axes, got, NULL));
    axes[1] = (tsr_axis){.index = neg, .count = 1};
    FAILS(TSR_EARG, "index -1", tsr_array_read_orthogonal(a, axes, got, NULL));
    axes[1] = (tsr_axis){.start = 5, .count = 1};
    FAILS(TSR_EARG, "step is 0", tsr_array_read_orthogonal(a, axes, got, NULL));
    FAILS(TSR_EARG, "point 1, dimension 1: index 1000",
          tsr_array_read_points(a, 2, coords, got, 4));
    FAILS(TSR_EARG, "point 1", tsr_array_write_points(a, 2, coords, got, 4));
    FAILS(TSR_EARG, "no coordinates", tsr_array_read_points(a, 2, NULL, got, 4));
    FAILS(TSR_EARG, "no buffer", tsr_array_read_points(a, 1, coords, NULL, 4));
    FAILS(TSR_EARG, "no axes", tsr_array_read_orthogonal(a, NULL, got, NULL));
    FAILS(TSR_EARG, "no buffer", tsr_array_read_strided(a, NULL, NULL, NULL));
    OK(tsr_array_close(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_selection_reads_and_writes_the_items_it_names),
        cmocka_unit_test(only_touched_blocks_are_decoded_and_once),
        cmocka_unit_test(the_last_of_points_and_indices_that_repeat_is_written),
        cmocka_unit_test(filling_a_huge_array_costs_its_chunks_alone),
        cmocka_unit_test(any_part_becomes_an_array),
        cmocka_unit_test(chunks_that_lie_in_a_part_are_not_decoded),
        cmocka_unit_test(planes_of_a_stack_are_taken_as_they_are_stored),
        cmocka_unit_test(what_lies_outside_is_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
