/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_zarr_uneven.c - Zarr arrays whose chunks are not alike, beside a plain copy.
 *
 * Random edges, as chunks or as shards of inner chunks, in folders and in memory; slices with
 * steps, lists and points are read and written, the array grows and shrinks, and is opened
 * again. TESSERA_SEED=n repeats one, which a failure names. */
#include "../scratch.h"

enum { WORLDS = 300, TURNS = 12, LIST = 9, POINTS = 30, MOST = 1 << 20 };

struct world {
    uint64_t seed;
    int ndim;
    int64_t shape[4], items;
    int32_t fill, *model; /* [MOST] */
    char url[600];
    tsr_array *a;
};

static void must(const struct world *w, int rc, const char *what)
{
    if (rc < 0)
        fail_msg("TESSERA_SEED=%llu: %s: %s", (unsigned long long)w->seed, what, tsr_error());
}

static void differs(const struct world *w, const char *what)
{
    fail_msg("TESSERA_SEED=%llu: %s: other items", (unsigned long long)w->seed, what);
}

/* ---- worlds ---- */

/* Edges that cover len, as text; those of one length sometimes as a run, or a number alone. */
static void add_axis(char *text, int64_t len, int64_t unit)
{
    int64_t at = 0, edge = unit * random_in(1, 6);
    if (random_in(0, 5) == 0) {
        sprintf(text + strlen(text), "%lld", (long long)edge);
        return;
    }
    while (at < len || at == 0) {
        int64_t n = random_in(0, 3) ? 1 : random_in(1, 3);
        sprintf(text + strlen(text), "%s%lldx%lld", at ? "+" : "", (long long)edge, (long long)n);
        at += edge * n;
        edge = unit * random_in(1, 6);
    }
}

static void make_world(struct world *w)
{
    static const tsr_step zstd = {"zstd", "clevel=1"};
    char text[2000] = "edges=";
    int64_t inner[4];
    bool sharded = random_in(0, 1);
    w->ndim = (int)random_in(1, 3);
    w->items = 1;
    w->fill = (int32_t)random_in(-2, 2);
    for (int d = 0; d < w->ndim; d++) {
        w->shape[d] = random_in(random_in(0, 15) ? 1 : 0, w->ndim == 3 ? 14 : 40);
        inner[d] = sharded ? random_in(1, 3) : 1;
        if (d) strcat(text, ";");
        add_axis(text, w->shape[d], inner[d]);
        w->items *= w->shape[d];
    }
    if (random_in(0, 3) == 0) strcat(text, ",index=start");
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = w->ndim,
                     .shape = w->shape,
                     .blocks = sharded ? inner : NULL,
                     .fill = &w->fill,
                     .steps = &zstd,
                     .nsteps = random_in(0, 1) ? 1 : 0,
                     .zarr = text};
    tsr_options o = {.size = sizeof o, .format = "zarr3"};
    must(w, tsr_array_create(w->url, &spec, &o, &w->a), text);
    for (int64_t i = 0; i < w->items; i++) w->model[i] = w->fill;
}

static void check_all(const struct world *w, const char *what)
{
    size_t len = (size_t)w->items * sizeof *w->model;
    int32_t *all = malloc(len + 1);
    must(w, tsr_array_read(w->a, NULL, all, len), what);
    if (memcmp(all, w->model, len) != 0) differs(w, what);
    free(all);
}

/* ---- selections ---- */

struct cross {
    tsr_axis axes[4];
    int64_t lists[4][LIST], items;
};

static void random_cross(const struct world *w, struct cross *c)
{
    c->items = 1;
    for (int d = 0; d < w->ndim; d++) {
        int64_t n = w->shape[d], step = random_in(1, random_in(0, 2) ? 2 : 9);
        tsr_axis *x = &c->axes[d];
        *x = (tsr_axis){.count = n, .step = 1};
        if (n && random_in(0, 3)) {
            *x = (tsr_axis){.start = random_in(0, n - 1), .step = random_in(0, 1) ? step : -step};
            x->count = random_in(1, (x->step > 0 ? n - 1 - x->start : x->start) / step + 1);
        }
        if (n && random_in(0, 3) == 0) {
            *x = (tsr_axis){.index = c->lists[d], .count = random_in(1, LIST)};
            for (int64_t i = 0; i < x->count; i++) c->lists[d][i] = random_in(0, n - 1);
        }
        c->items *= x->count;
    }
}

/* Where item i of the cross is in the model. */
static int64_t cross_at(const struct world *w, const struct cross *c, int64_t i)
{
    int64_t at = 0, stride = 1;
    for (int d = w->ndim - 1; d >= 0; stride *= w->shape[d--]) {
        const tsr_axis *x = &c->axes[d];
        int64_t k = i % x->count;
        i /= x->count;
        at += (x->index ? x->index[k] : x->start + k * x->step) * stride;
    }
    return at;
}

static void read_cross(struct world *w)
{
    struct cross c;
    random_cross(w, &c);
    int32_t *got = malloc((size_t)c.items * sizeof *got + 1);
    must(w, tsr_array_read_orthogonal(w->a, c.axes, got, NULL), "read");
    for (int64_t i = 0; i < c.items; i++)
        if (got[i] != w->model[cross_at(w, &c, i)]) differs(w, "read");
    free(got);
}

static void write_cross(struct world *w)
{
    struct cross c;
    random_cross(w, &c);
    int32_t *src = malloc((size_t)c.items * sizeof *src + 1);
    bool plain = random_in(0, 2) == 0; /* chunks of the fill value go */
    for (int64_t i = 0; i < c.items; i++) src[i] = plain ? w->fill : (int32_t)random_in(0, 999);
    must(w, tsr_array_write_orthogonal(w->a, c.axes, src, NULL), "write");
    for (int64_t i = 0; i < c.items; i++) w->model[cross_at(w, &c, i)] = src[i];
    free(src);
}

static void points(struct world *w, bool writing)
{
    int64_t coords[POINTS * 4], at[POINTS], n = w->items ? random_in(1, POINTS) : 0;
    int32_t item[POINTS];
    for (int64_t i = 0; i < n; i++) {
        at[i] = 0;
        for (int d = 0; d < w->ndim; d++) {
            coords[i * w->ndim + d] = random_in(0, w->shape[d] - 1);
            at[i] = at[i] * w->shape[d] + coords[i * w->ndim + d];
        }
        item[i] = (int32_t)random_in(0, 999);
        if (writing) w->model[at[i]] = item[i];
    }
    if (writing) must(w, tsr_array_write_points(w->a, n, coords, item, 4), "write points");
    else must(w, tsr_array_read_points(w->a, n, coords, item, 4), "read points");
    for (int64_t i = 0; i < n && !writing; i++)
        if (item[i] != w->model[at[i]]) differs(w, "points");
}

/* ---- shapes ---- */

/* The model in another shape. */
static void reshape(struct world *w, const int64_t shape[])
{
    int64_t n = 1, at[4];
    for (int d = 0; d < w->ndim; d++) n *= shape[d];
    int32_t *was = malloc((size_t)w->items * sizeof *was + 1);
    memcpy(was, w->model, (size_t)w->items * sizeof *was);
    for (int64_t i = 0; i < n; i++) {
        int64_t from = 0, rest = i;
        bool there = true;
        for (int d = w->ndim - 1; d >= 0; rest /= shape[d--]) at[d] = rest % shape[d];
        for (int d = 0; d < w->ndim; d++) {
            there = there && at[d] < w->shape[d];
            from = from * w->shape[d] + at[d];
        }
        w->model[i] = there ? was[from] : w->fill;
    }
    memcpy(w->shape, shape, (size_t)w->ndim * sizeof *shape);
    w->items = n;
    free(was);
}

static void resize(struct world *w)
{
    int64_t shape[4];
    for (int d = 0; d < w->ndim; d++)
        shape[d] = random_in(0, 1) ? w->shape[d] : random_in(0, w->ndim == 3 ? 16 : 50);
    must(w, tsr_array_resize(w->a, shape), "resize");
    reshape(w, shape);
}

static void append(struct world *w)
{
    int64_t shape[4], start[4] = {0}, n = 1, slabs = random_in(1, 5);
    int axis = (int)random_in(0, w->ndim - 1);
    memcpy(shape, w->shape, sizeof shape);
    shape[axis] = slabs;
    for (int d = 0; d < w->ndim; d++) n *= shape[d];
    if (n == 0) return;
    int32_t *src = malloc((size_t)n * sizeof *src), *to = src;
    for (int64_t i = 0; i < n; i++) src[i] = (int32_t)random_in(0, 999);
    must(w, tsr_array_append(w->a, axis, src, (size_t)n * sizeof *src), "append");
    start[axis] = w->shape[axis];
    shape[axis] = w->shape[axis] + slabs;
    reshape(w, shape);
    for (int64_t i = 0; i < w->items; i++) {
        int64_t rest = i;
        for (int d = w->ndim - 1; d > axis; d--) rest /= shape[d];
        if (rest % shape[axis] >= start[axis]) w->model[i] = *to++;
    }
    free(src);
}

static void again(struct world *w)
{
    must(w, tsr_array_close(w->a), "close");
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    must(w, tsr_array_open(w->url, &o, &w->a), "open");
}

static void turn(struct world *w)
{
    int what = (int)random_in(0, 11);
    if (what < 3) read_cross(w);
    else if (what < 6) write_cross(w);
    else if (what < 8) points(w, what == 6);
    else if (what == 8) resize(w);
    else if (what == 9) append(w);
    else if (what == 10) again(w);
    else check_all(w, "read all");
}

static void unlike_chunks_hold_what_was_written(void **state)
{
    const char *given = getenv("TESSERA_SEED");
    int32_t *model = malloc(MOST * sizeof *model);
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct world w = {.seed = given ? strtoull(given, NULL, 10) : seed, .model = model};
        random_state = w.seed * 0xD1342543DE82EF95u;
        snprintf(w.url, sizeof w.url, "%s/w%llu.zarr", scratch_dir, (unsigned long long)w.seed);
        make_world(&w);
        for (int i = 0; i < TURNS; i++) turn(&w);
        check_all(&w, "at the end");
        again(&w);
        check_all(&w, "opened again");
        must(&w, tsr_array_close(w.a), "close");
        if (given) break;
    }
    free(model);
}

/* ---- metadata ---- */

static void create(const char *name, const char *text, const int64_t *blocks, tsr_array **a)
{
    static const int64_t shape[] = {10, 12};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "|u1",
                     .ndim = 2,
                     .shape = shape,
                     .blocks = blocks,
                     .zarr = text};
    tsr_options o = {.size = sizeof o, .format = "zarr3"};
    int rc = tsr_array_create(scratch(name), &spec, &o, a);
    if (rc < 0) *a = NULL;
}

static void check_text(const char *name, const char *expected)
{
    char path[700];
    size_t len;
    snprintf(path, sizeof path, "%s/zarr.json", scratch(name));
    char *text = (char *)file_read(path, &len), *to = text;
    for (size_t i = 0; i < len; i++)
        if (text[i] != ' ' && text[i] != '\n') *to++ = text[i];
    *to = 0;
    if (!strstr(text, expected)) fail_msg("found %s, expected %s in it", text, expected);
    free(text);
}

static void edges_are_written_as_they_were_given(void **state)
{
    tsr_array *a;
    (void)state;
    create("given.zarr", "edges=4+1+5;3x2+6", NULL, &a);
    assert_non_null(a);
    assert_true(tsr_array_spec(a)->chunks[0] == 5 && tsr_array_spec(a)->chunks[1] == 6);
    OK(tsr_array_close(a));
    check_text("given.zarr", "\"chunk_grid\":{\"name\":\"rectilinear\",\"configuration\":{\"kind\":"
                             "\"inline\",\"chunk_shapes\":[[4,1,5],[[3,2],6]]}}");
    create("steps.zarr", "edges=3;12", NULL, &a);
    OK(tsr_array_close(a));
    check_text("steps.zarr", "\"chunk_shapes\":[3,12]");
}

static void a_chunk_is_added_where_edges_do_not_reach(void **state)
{
    static const int64_t more[] = {17, 12}, still[] = {24, 12}, less[] = {2, 12}, inner[] = {2, 3};
    tsr_array *a;
    (void)state;
    create("grown.zarr", "edges=4+1+5;12x1", NULL, &a);
    OK(tsr_array_resize(a, more));
    OK(tsr_array_resize(a, still));
    OK(tsr_array_resize(a, less));
    OK(tsr_array_close(a));
    check_text("grown.zarr", "\"chunk_shapes\":[[4,1,5,[7,2]],[[12,1]]]");
    create("shards.zarr", "edges=4x1+6x1;12x1", inner, &a);
    OK(tsr_array_resize(a, more));
    OK(tsr_array_close(a));
    check_text("shards.zarr", "\"chunk_shapes\":[[[4,1],[6,1],8],[[12,1]]]");
}

static void edges_that_do_not_fit_are_refused(void **state)
{
    static const char *const bad[] =
        {"edges=4+1;12",  "edges=4+;12",   "edges=10",
         "edges=10;12;3", "edges=0+10;12", "edges=10x0;12",
         "edges=10,12",   "edges=a;12",    "edges=99999999999999999999;12"};
    static const int64_t inner[] = {2, 3};
    tsr_array *a;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        create("bad.zarr", bad[i], NULL, &a);
        if (a) fail_msg("%s is taken", bad[i]);
    }
    create("bad.zarr", "edges=4+1+5;12x1", inner, &a);
    assert_null(a);
    if (!strstr(tsr_error(), "divides")) fail_msg("%s", tsr_error());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unlike_chunks_hold_what_was_written),
        cmocka_unit_test(edges_are_written_as_they_were_given),
        cmocka_unit_test(a_chunk_is_added_where_edges_do_not_reach),
        cmocka_unit_test(edges_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove_all);
}
