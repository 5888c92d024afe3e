/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_reduce.c - reductions against loops over all items, and what they cost. */
#include "../scratch.h"

#include <math.h>

enum { OPS = TSR_ALL + 1, MOST = 60000 };

static const char *const op_names[OPS] = {"max", "min", "sum", "mean", "prod",
                                          "std", "var", "any", "all"};

/* ---- the reference: one item after the other, in long doubles and in 64 bits ---- */

/* What was seen of the items of one result. */
struct seen {
    int64_t n;
    long double sum[2], prod[2], max, min, mean[2], m2[2];
    uint64_t isum, iprod, imax, imin; /* as int64 where the dtype is signed */
    bool any, all, nan, nat;
};

struct dtype {
    const char *name;
    char kind;
    size_t bytes;
    bool swapped;
};

static struct dtype dtype_of(const char *name)
{
    const uint16_t one = 1;
    char native = *(const char *)&one ? '<' : '>';
    struct dtype t = {name, name[1], (size_t)atoi(name + 2), name[0] != native && name[0] != '|'};
    return t;
}

static void load(const struct dtype *t, const uint8_t *p, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) out[i] = p[t->swapped ? bytes - 1 - i : i];
}

static uint64_t load_int(const struct dtype *t, const uint8_t *p)
{
    int8_t i1;
    int16_t i2;
    int32_t i4;
    uint64_t u8 = 0;
    uint8_t b[8];
    load(t, p, b, t->bytes);
    if (t->kind == 'i' && t->bytes == 1) return (uint64_t)(memcpy(&i1, b, 1), i1);
    if (t->kind == 'i' && t->bytes == 2) return (uint64_t)(memcpy(&i2, b, 2), i2);
    if (t->kind == 'i' && t->bytes == 4) return (uint64_t)(memcpy(&i4, b, 4), i4);
    if (t->bytes == 8) return memcpy(&u8, b, 8), u8;
    for (size_t i = 0; i < t->bytes; i++)
        u8 |= (uint64_t)p[t->swapped ? t->bytes - 1 - i : i] << 8 * i;
    return u8;
}

static void load_float(const struct dtype *t, const uint8_t *p, long double v[2])
{
    double d[2] = {0, 0};
    char half[8];
    if (t->kind == 'c') {
        snprintf(half, sizeof half, "%cf%zu", t->name[0], t->bytes / 2);
        OK(tsr_to_double(half, p, 2, d));
    } else {
        OK(tsr_to_double(t->name, p, 1, d));
    }
    v[0] = d[0];
    v[1] = d[1];
}

static void see_float(struct seen *s, const long double v[2])
{
    long double re = s->prod[0];
    bool first = s->n == 0;
    s->prod[0] = re * v[0] - s->prod[1] * v[1];
    s->prod[1] = re * v[1] + s->prod[1] * v[0];
    for (int k = 0; k < 2; k++) {
        long double d = v[k] - s->mean[k];
        s->sum[k] += v[k];
        s->mean[k] += d / (s->n + 1);
        s->m2[k] += d * (v[k] - s->mean[k]);
        s->nan |= isnan(v[k]);
        s->any |= v[k] != 0;
    }
    s->all &= v[0] != 0 || v[1] != 0;
    if (first || v[0] > s->max) s->max = v[0];
    if (first || v[0] < s->min) s->min = v[0];
    s->n++;
}

static void see(struct seen *s, const struct dtype *t, const uint8_t *p)
{
    long double v[2] = {0, 0};
    bool is_signed = t->kind == 'i' || t->kind == 'M' || t->kind == 'm', first = s->n == 0;
    if (first) s->prod[0] = 1, s->iprod = 1, s->all = true;
    if (t->kind == 'f' || t->kind == 'c') {
        load_float(t, p, v);
        see_float(s, v);
        return;
    }
    uint64_t i = load_int(t, p);
    s->isum += i;
    s->iprod *= i;
    if (first || (is_signed ? (int64_t)i > (int64_t)s->imax : i > s->imax)) s->imax = i;
    if (first || (is_signed ? (int64_t)i < (int64_t)s->imin : i < s->imin)) s->imin = i;
    s->nat |= (t->kind == 'M' || t->kind == 'm') && i == (uint64_t)INT64_MIN;
    v[0] = is_signed ? (long double)(int64_t)i : (long double)i;
    see_float(s, v);
}

/* ---- comparison ---- */

static bool near(double found, long double expected, double eps)
{
    if (isnan((double)expected)) return isnan(found);
    if (isinf((double)expected)) return found == (double)expected;
    return fabsl(found - expected) <= eps * (1 + fabsl(expected));
}

static double eps_of(size_t bytes)
{
    return bytes == 2 ? 1e-3 : bytes == 4 ? 1e-6 : 1e-12;
}

static bool float_is(const struct seen *s, tsr_reduction how, const char *dtype, const uint8_t *p)
{
    struct dtype r = dtype_of(dtype);
    long double v[2], e[2] = {0, 0};
    double eps = eps_of(r.kind == 'c' ? r.bytes / 2 : r.bytes);
    load_float(&r, p, v);
    for (int k = 0; k < 2; k++) {
        if (how == TSR_SUM) e[k] = s->sum[k];
        if (how == TSR_MEAN) e[k] = s->sum[k] / s->n;
        if (how == TSR_PROD) e[k] = s->prod[k];
    }
    if (how == TSR_MAX) e[0] = s->nan ? NAN : s->max;
    if (how == TSR_MIN) e[0] = s->nan ? NAN : s->min;
    if (how == TSR_VAR || how == TSR_STD) e[0] = (s->m2[0] + s->m2[1]) / (s->n - 1);
    if (how == TSR_STD) e[0] = sqrtl(e[0]);
    if (how == TSR_STD || how == TSR_VAR) e[1] = 0;
    if (s->nan && how != TSR_MAX && how != TSR_MIN)
        return isnan((double)v[0]) == isnan((double)e[0]);
    return near((double)v[0], e[0], eps) && near((double)v[1], e[1], eps);
}

static bool result_is(const struct seen *s, tsr_reduction how, const char *dtype, const uint8_t *p)
{
    struct dtype r = dtype_of(dtype);
    if (how == TSR_ANY || how == TSR_ALL) return *p == (how == TSR_ANY ? s->any : s->all);
    if (r.kind == 'f' || r.kind == 'c') return float_is(s, how, dtype, p);
    uint64_t v = load_int(&r, p);
    if (s->nat) return v == (uint64_t)INT64_MIN;
    return v == (how == TSR_SUM    ? s->isum
                 : how == TSR_PROD ? s->iprod
                 : how == TSR_MAX  ? s->imax
                                   : s->imin);
}

/* ---- one array, one slice, all reductions over all sets of axes ---- */

struct thing {
    struct dtype t;
    int ndim;
    int64_t shape[4];
    uint8_t *items;
    tsr_array *a;
};

static const uint8_t *item_at(const struct thing *x, const tsr_slice *s, const int64_t at[])
{
    int64_t i = 0;
    for (int d = 0; d < x->ndim; d++) i = i * x->shape[d] + s->start[d] + at[d] * s->step[d];
    return x->items + (size_t)i * x->t.bytes;
}

static int64_t reference(const struct thing *x, const tsr_slice *s, const bool *axes,
                         struct seen *seen)
{
    int64_t at[4] = {0}, n = 1, all = 1;
    for (int d = 0; d < x->ndim; d++) {
        all *= s->count[d];
        if (!axes[d]) n *= s->count[d];
    }
    memset(seen, 0, (size_t)n * sizeof *seen);
    for (int64_t i = 0; i < all; i++) {
        int64_t k = 0;
        for (int d = 0; d < x->ndim; d++)
            if (!axes[d]) k = k * s->count[d] + at[d];
        see(&seen[k], &x->t, item_at(x, s, at));
        for (int d = x->ndim - 1; d >= 0 && ++at[d] == s->count[d]; d--) at[d] = 0;
    }
    return n;
}

static void compare(const struct thing *x, const tsr_slice *s, const bool *axes)
{
    static struct seen seen[MOST];
    int64_t n = reference(x, s, axes, seen), bytes;
    uint8_t *out = malloc((size_t)n * 16 + 1);
    for (int how = 0; how < OPS; how++) {
        tsr_reduce_spec spec = {.size = sizeof spec, .how = how, .axes = axes, .ddof = 1};
        char *dtype = NULL;
        if (tsr_reduce_dtype(x->t.name, &spec, &dtype) < 0) {
            FAILS(TSR_EUNSUPPORTED, x->t.name, tsr_reduce(x->a, s, &spec, out, (size_t)n));
            continue;
        }
        OK(tsr_dtype_item_bytes(dtype, &bytes));
        OK(tsr_reduce(x->a, s, &spec, out, (size_t)(n * bytes)));
        for (int64_t i = 0; i < n; i++)
            if (!result_is(&seen[i], how, dtype, out + i * bytes))
                fail_msg("%s %s axes %d%d%d start %d step %d: item %d of %d is not right",
                         x->t.name, op_names[how], axes[0], axes[1], axes[2], (int)s->start[0],
                         (int)s->step[0], (int)i, (int)n);
        tsr_free(dtype);
    }
    free(out);
}

static void compare_all(const struct thing *x)
{
    int64_t zero[4] = {0}, last[4], one[4], back[4], two[4], half[4], mid[4], few[4];
    for (int d = 0; d < x->ndim; d++) {
        one[d] = 1;
        back[d] = d % 2 ? 3 : -1;
        two[d] = 2;
        half[d] = (x->shape[d] + 1) / 2;
        last[d] = d % 2 ? 0 : x->shape[d] - 1;
        few[d] = d % 2 ? (x->shape[d] + 2) / 3 : x->shape[d];
        mid[d] = x->shape[d] / 3;
    }
    tsr_slice slices[] = {{zero, x->shape, one},
                          {zero, half, two},
                          {last, few, back},
                          {mid, mid, one}};
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        bool empty = false;
        for (int d = 0; d < x->ndim; d++) empty |= slices[i].count[d] == 0;
        for (int set = 0; set < 1 << x->ndim && !empty; set++) {
            bool axes[4] = {set & 1, set & 2, set & 4, set & 8};
            compare(x, &slices[i], axes);
        }
    }
}

/* Items of which sums and products stay in range, with a box of zeros. */
static void draw(struct thing *x, int64_t n)
{
    static const char *const floats[] = {"0", "1", "-1", "0.5", "-2", "1.25", "0.75", "nan"};
    static const char *const complexes[] = {"0", "1j", "-1", "0.5+0.5j", "1+1j", "1", "-1j", "0.5"};
    bool time = x->t.kind == 'M' || x->t.kind == 'm';
    for (int64_t i = 0; i < n; i++) {
        uint8_t *p = x->items + (size_t)i * x->t.bytes;
        uint64_t r = random_next();
        char number[24];
        const char *text = number;
        bool zero = i > n / 3 && i < n / 2;
        snprintf(number, sizeof number, "%d", (int)(r >> 8 & (x->t.kind == 'b' ? 1 : 127)));
        if (x->t.kind == 'f') text = floats[r >> 8 & 7];
        if (x->t.kind == 'f' && text[0] == 'n' && r >> 20 & 63) text = "1";
        if (x->t.kind == 'c') text = complexes[r >> 8 & 7];
        if (time && (r >> 20 & 255) == 0) text = "NaT";
        OK(tsr_item_from_text(x->t.name, zero ? "0" : text, p));
        if (x->t.kind == 'i' && !zero) memcpy(p, &r, x->t.bytes);
        if (x->t.kind == 'u' && x->t.bytes == 8) memcpy(p, &r, 8);
    }
}

static tsr_array *make(const char *path, const char *dtype, int ndim, const int64_t *dims)
{
    tsr_spec s = {.size = sizeof s, .dtype = dtype, .ndim = ndim, .shape = dims};
    tsr_array *a;
    if (!path || !strstr(path, ".npy")) {
        s.chunks = dims + 4;
        s.blocks = dims + 8;
    }
    OK(tsr_array_create(path, &s, NULL, &a));
    return a;
}

static void every_reduction_equals_the_plain_loop(void **state)
{
    static const char *const dtypes[] = {"|b1", "|i1",  "|u1",  "<i2",     ">i2",    "<u2",   ">u2",
                                         "<i4", ">i4",  "<u4",  "<i8",     ">i8",    "<u8",   ">u8",
                                         "<f2", ">f2",  "<f4",  ">f4",     "<f8",    ">f8",   "<c8",
                                         ">c8", "<c16", ">c16", "<M8[ns]", ">M8[s]", "<m8[D]"};
    static const struct {
        int ndim;
        int64_t dims[12]; /* shape, chunks, blocks */
    } shapes[] = {{1, {1000, 0, 0, 0, 300, 0, 0, 0, 70}},
                  {2, {60, 37, 0, 0, 1, 37, 0, 0, 1, 20}},
                  {2, {300, 3, 0, 0, 100, 3, 0, 0, 25, 3}},
                  {3, {21, 13, 17, 0, 10, 13, 9, 0, 4, 5, 6}}};
    (void)state;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
            struct thing x = {.t = dtype_of(dtypes[i]), .ndim = shapes[k].ndim};
            int64_t n = 1;
            for (int d = 0; d < x.ndim; d++) n *= x.shape[d] = shapes[k].dims[d];
            x.items = malloc((size_t)n * x.t.bytes);
            draw(&x, n);
            const char *path = i % 4 == 3 ? scratch("a.npy") : NULL;
            x.a = make(path, dtypes[i], x.ndim, shapes[k].dims);
            OK(tsr_array_write(x.a, NULL, x.items, (size_t)n * x.t.bytes));
            compare_all(&x);
            OK(tsr_array_close(x.a));
            free(x.items);
        }
}

/* ---- results that are known ---- */

static double reduce_f8(const tsr_array *a, const tsr_slice *s, tsr_reduction how)
{
    tsr_reduce_spec spec = {.size = sizeof spec, .how = how, .wide = true};
    double v = 0;
    OK(tsr_reduce(a, s, &spec, &v, sizeof v));
    return v;
}

static void eight_terabytes_of_zeros_take_a_few_blocks(void **state)
{
    static const int64_t dims[12] = {1 << 20, 1 << 20, 0, 0, 1000, 500, 0, 0, 100, 100};
    const tsr_slice places[] = {{(int64_t[]){0, 0}, (int64_t[]){1, 2}, NULL},
                                {(int64_t[]){777777, 123456}, (int64_t[]){1, 2}, NULL},
                                {(int64_t[]){(1 << 20) - 1, (1 << 20) - 2}, (int64_t[]){1, 2},
                                 NULL}};
    double two[2] = {3, -5}, n = 0x1p40;
    tsr_stats st = {.size = sizeof st};
    (void)state;
    for (int file = 0; file < 2; file++) {
        const char *path = file ? scratch("zeros.b2nd") : NULL;
        tsr_array *a = make(path, "<f8", 2, dims);
        for (int i = 0; i < 3; i++) OK(tsr_array_write(a, &places[i], two, sizeof two));
        if (file) {
            OK(tsr_array_close(a));
            OK(tsr_array_open(path, NULL, &a));
        }
        OK(tsr_array_stats(a, &st));
        int64_t before = st.blocks_decoded;
        assert_true(reduce_f8(a, NULL, TSR_SUM) == -6);
        assert_true(reduce_f8(a, NULL, TSR_MAX) == 3);
        assert_true(reduce_f8(a, NULL, TSR_MIN) == -5);
        assert_true(reduce_f8(a, NULL, TSR_PROD) == 0);
        assert_true(near(reduce_f8(a, NULL, TSR_MEAN), -6 / n, 0));
        assert_true(near(reduce_f8(a, NULL, TSR_VAR) * n, 102 - 36 / n, 1e-12));
        OK(tsr_array_stats(a, &st));
        assert_true(st.blocks_decoded - before <= 6 * 3 * 50);
        OK(tsr_array_close(a));
    }
}

static void zeros_that_are_not_visited_count_along_an_axis(void **state)
{
    static const int64_t dims[12] = {5000, 7, 0, 0, 10, 7, 0, 0, 5, 7};
    float row[7] = {1, -2, 3, -4, 5, -6, 7};
    double var[7], sum[7], max[7];
    bool any[7], axes[2] = {true, false};
    tsr_array *a = make(NULL, "<f4", 2, dims);
    (void)state;
    for (int64_t i = 4; i < 5000; i += 2500) {
        tsr_slice s = {(int64_t[]){i, 0}, (int64_t[]){1, 7}, NULL};
        OK(tsr_array_write(a, &s, row, sizeof row));
    }
    tsr_slice every = {(int64_t[]){4999, 6}, (int64_t[]){5000, 7}, (int64_t[]){-1, -1}};
    tsr_reduce_spec spec = {.size = sizeof spec, .how = TSR_SUM, .axes = axes, .wide = true};
    OK(tsr_reduce(a, &every, &spec, sum, sizeof sum));
    spec.how = TSR_VAR;
    OK(tsr_reduce(a, &every, &spec, var, sizeof var));
    spec.how = TSR_MAX;
    OK(tsr_reduce(a, &every, &spec, max, sizeof max));
    spec.how = TSR_ANY;
    OK(tsr_reduce(a, &every, &spec, any, sizeof any));
    for (int i = 0; i < 7; i++) {
        double v = row[6 - i], mean = 2 * v / 5000;
        assert_true(sum[i] == 2 * v);
        assert_true(near(var[i], 2 * v * v / 5000 - mean * mean, 1e-12));
        assert_true(max[i] == fmax(v, 0));
        assert_true(any[i]);
    }
    OK(tsr_array_close(a));
}

static void chunks_of_one_value_are_not_expanded(void **state)
{
    static const int64_t dims[12] = {3000, 1000, 0, 0, 1000, 1000, 0, 0, 50, 50};
    double fill = 1.5, column[1000];
    bool axes[2] = {true, false};
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<f8",
                  .ndim = 2,
                  .shape = dims,
                  .chunks = dims + 4,
                  .blocks = dims + 8,
                  .fill = &fill};
    tsr_stats st = {.size = sizeof st};
    tsr_array *a;
    (void)state;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    assert_true(reduce_f8(a, NULL, TSR_SUM) == 4.5e6);
    assert_true(reduce_f8(a, NULL, TSR_MAX) == 1.5);
    assert_true(reduce_f8(a, NULL, TSR_VAR) == 0);
    assert_true(isinf(reduce_f8(a, NULL, TSR_PROD)));
    tsr_reduce_spec spec = {.size = sizeof spec, .how = TSR_SUM, .axes = axes};
    OK(tsr_reduce(a, NULL, &spec, column, sizeof column));
    for (int i = 0; i < 1000; i++) assert_true(column[i] == 4500);
    OK(tsr_array_stats(a, &st));
    assert_int_equal(st.blocks_decoded, 0);
    OK(tsr_array_close(a));
    fill = NAN;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    assert_true(isnan(reduce_f8(a, NULL, TSR_MIN)));
    assert_true(isnan(reduce_f8(a, NULL, TSR_VAR)));
    OK(tsr_array_close(a));
}

/* A million times 1e16, 1, -1e16: naive sums lose the ones.  In f4, 2^24 ones and more. */
static void sums_of_floats_keep_what_rounding_loses(void **state)
{
    static const int64_t dims[12] = {3 << 20, 0, 0, 0, 1 << 18, 0, 0, 0, 1 << 13};
    enum { N = 3 << 20 };
    double *p = malloc(N * sizeof *p);
    float *q = malloc(N * sizeof *q);
    tsr_array *a = make(NULL, "<f8", 1, dims), *b = make(NULL, "<f4", 1, dims);
    (void)state;
    for (int i = 0; i < N; i++) {
        int part = i / (1 << 18) % 3;
        p[i] = part == 0 ? 1e16 : part == 1 ? 1 : -1e16;
        q[i] = i ? 0.1f : 0x1p24f;
    }
    OK(tsr_array_write(a, NULL, p, N * sizeof *p));
    OK(tsr_array_write(b, NULL, q, N * sizeof *q));
    assert_true(reduce_f8(a, NULL, TSR_SUM) == 1 << 20);
    assert_true(near(reduce_f8(b, NULL, TSR_SUM), 0x1p24 + (N - 1) * (double)0.1f, 1e-15));
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
    free(p);
    free(q);
}

static void nan_is_no_item_when_asked_for(void **state)
{
    static const int64_t dims[12] = {5000, 3, 0, 0, 10, 3, 0, 0, 5, 2};
    static const char *const dtypes[] = {"<f2", "<f4", ">f8"};
    const double want[4][3] = {{4, 0, 0}, {0, 0, -8}, {4, 0, -8}, {4. / 4999, 0, -8. / 5000}};
    const double whole[4] = {4, -8, -4, -4. / 14998};
    (void)state;
    for (int i = 0; i < 3; i++) {
        bool axes[2] = {true, false};
        tsr_array *a = make(NULL, dtypes[i], 2, dims);
        tsr_slice row = {(int64_t[]){4, 0}, (int64_t[]){1, 3}, NULL};
        uint8_t items[24];
        int64_t item = tsr_array_spec(a)->item_bytes;
        const char *const text[] = {"4", "nan", "-8", "nan"};
        for (int k = 0; k < 3; k++) OK(tsr_item_from_text(dtypes[i], text[k], items + k * item));
        OK(tsr_array_write(a, &row, items, (size_t)(3 * item)));
        row.start = (int64_t[]){4000, 0};
        row.count = (int64_t[]){1, 1};
        OK(tsr_array_write(a, &row, items + item, (size_t)item));
        for (int how = TSR_MAX; how <= TSR_MEAN; how++) {
            double out[3], one;
            tsr_reduce_spec spec = {.size = sizeof spec,
                                    .how = how,
                                    .axes = axes,
                                    .wide = true,
                                    .skip_nan = true};
            OK(tsr_reduce(a, NULL, &spec, out, sizeof out));
            for (int k = 0; k < 3; k++) assert_true(near(out[k], want[how][k], 1e-12));
            spec.axes = NULL;
            OK(tsr_reduce(a, NULL, &spec, &one, sizeof one));
            assert_true(near(one, whole[how], 1e-12));
            spec.how = TSR_VAR;
            FAILS(TSR_EUNSUPPORTED, dtypes[i], tsr_reduce(a, NULL, &spec, &one, sizeof one));
        }
        OK(tsr_array_close(a));
    }
}

static void results_do_not_depend_on_the_number_of_threads(void **state)
{
    static const int64_t dims[12] = {200, 300, 50, 0, 100, 100, 50, 0, 10, 20, 50};
    enum { N = 200 * 300 * 50 };
    const char *path = scratch("threads.b2nd");
    double *p = malloc(N * sizeof *p);
    tsr_array *a = make(path, "<f8", 3, dims);
    uint8_t first[OPS][8][200 * 8];
    (void)state;
    for (int i = 0; i < N; i++) p[i] = (double)(int64_t)random_next() * 1e-9;
    OK(tsr_array_write(a, NULL, p, N * sizeof *p));
    OK(tsr_array_close(a));
    memset(first, 0, sizeof first);
    for (int threads = 1; threads < 8; threads += 2) {
        tsr_context_options with = {.size = sizeof with, .threads = threads};
        tsr_options o = {.size = sizeof o};
        tsr_context *c;
        OK(tsr_context_new(&with, &c));
        o.context = c;
        OK(tsr_array_open(path, &o, &a));
        for (int how = 0; how < OPS; how++)
            for (int set = 6; set < 8; set++) {
                bool axes[3] = {set & 1, set & 2, set & 4};
                uint8_t out[200 * 8] = {0};
                tsr_reduce_spec spec = {.size = sizeof spec, .how = how, .axes = axes};
                size_t items = set == 7 ? 1 : 200, item = how >= TSR_ANY ? 1 : 8;
                OK(tsr_reduce(a, NULL, &spec, out, items * item));
                if (threads == 1) memcpy(first[how][set], out, sizeof out);
                assert_memory_equal(first[how][set], out, sizeof out);
            }
        OK(tsr_array_close(a));
        tsr_context_free(c);
    }
    free(p);
}

static void integers_wrap_around_and_wide_ones_do_not(void **state)
{
    static const int64_t dims[12] = {4, 0, 0, 0, 4, 0, 0, 0, 4};
    int64_t v[4] = {INT64_MAX, INT64_MAX, 2, 3}, sum, prod;
    tsr_array *a = make(NULL, "<i8", 1, dims);
    (void)state;
    OK(tsr_array_write(a, NULL, v, sizeof v));
    tsr_reduce_spec spec = {.size = sizeof spec, .how = TSR_SUM};
    OK(tsr_reduce(a, NULL, &spec, &sum, sizeof sum));
    assert_int_equal(sum, 3);
    spec.how = TSR_PROD;
    OK(tsr_reduce(a, NULL, &spec, &prod, sizeof prod));
    assert_int_equal(prod, 6);
    assert_true(near(reduce_f8(a, NULL, TSR_SUM), 0x1p64L + 3, 1e-15));
    assert_true(reduce_f8(a, NULL, TSR_MAX) == 0x1p63 && reduce_f8(a, NULL, TSR_MIN) == 2);
    assert_true(near(reduce_f8(a, NULL, TSR_PROD), 6 * 0x1p126L, 1e-15));
    OK(tsr_array_close(a));
}

static void nothing_has_sums_and_no_extremes(void **state)
{
    static const int64_t dims[12] = {0, 5, 0, 0, 0, 5, 0, 0, 0, 5};
    tsr_array *a = make(NULL, "<f4", 2, dims);
    tsr_array *b = make(NULL, "<i4", 1, (int64_t[12]){9, 0, 0, 0, 4, 0, 0, 0, 2});
    bool rows[2] = {true, false}, columns[2] = {false, true};
    tsr_slice none = {(int64_t[]){9}, (int64_t[]){0}, NULL};
    float f[5];
    int64_t i = 7;
    (void)state;
    tsr_reduce_spec spec = {.size = sizeof spec, .how = TSR_PROD, .axes = rows};
    OK(tsr_reduce(a, NULL, &spec, f, sizeof f));
    for (int k = 0; k < 5; k++) assert_true(f[k] == 1);
    spec.how = TSR_STD;
    OK(tsr_reduce(a, NULL, &spec, f, sizeof f));
    for (int k = 0; k < 5; k++) assert_true(isnan(f[k]));
    spec.how = TSR_MAX;
    FAILS(TSR_EARG, "no maximum", tsr_reduce(a, NULL, &spec, f, sizeof f));
    spec.axes = columns;
    OK(tsr_reduce(a, NULL, &spec, f, 0));
    spec = (tsr_reduce_spec){.size = sizeof spec, .how = TSR_SUM};
    OK(tsr_reduce(b, &none, &spec, &i, sizeof i));
    assert_int_equal(i, 0);
    spec.how = TSR_MIN;
    FAILS(TSR_EARG, "no minimum", tsr_reduce(b, &none, &spec, &i, 4));
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
}

static void an_array_without_axes_is_its_item(void **state)
{
    tsr_array *a = make(NULL, "<f8", 0, (int64_t[12]){0});
    double v = -2.5;
    (void)state;
    OK(tsr_array_write(a, NULL, &v, sizeof v));
    assert_true(reduce_f8(a, NULL, TSR_SUM) == v);
    assert_true(reduce_f8(a, NULL, TSR_MAX) == v);
    assert_true(reduce_f8(a, NULL, TSR_VAR) == 0);
    OK(tsr_array_close(a));
}

static void what_cannot_be_reduced_is_refused(void **state)
{
    static const int64_t dims[12] = {4, 0, 0, 0, 4, 0, 0, 0, 4};
    tsr_array *a = make(NULL, "<f4", 1, dims), *b = make(NULL, "<U4", 1, dims);
    tsr_reduce_spec spec = {.size = sizeof spec, .how = TSR_SUM}, none = {0};
    char *dtype;
    double v;
    (void)state;
    FAILS(TSR_EARG, "buffer of 8 bytes", tsr_reduce(a, NULL, &spec, &v, 8));
    FAILS(TSR_EARG, "no spec", tsr_reduce(a, NULL, &none, &v, 4));
    FAILS(TSR_EARG, "no array", tsr_reduce(NULL, NULL, &spec, &v, 4));
    FAILS(TSR_EARG, "no buffer", tsr_reduce(a, NULL, &spec, NULL, 4));
    FAILS(TSR_EUNSUPPORTED, "<U4", tsr_reduce(b, NULL, &spec, &v, 4));
    tsr_slice out = {(int64_t[]){3}, (int64_t[]){2}, NULL};
    FAILS(TSR_EARG, "dimension 0", tsr_reduce(a, &out, &spec, &v, 4));
    spec.how = (tsr_reduction)OPS;
    FAILS(TSR_EARG, "reduction number", tsr_reduce(a, NULL, &spec, &v, 4));
    FAILS(TSR_EARG, "reduction number", tsr_reduce_dtype("<f4", &spec, &dtype));
    OK(tsr_array_close(a));
    OK(tsr_array_close(b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reduction_equals_the_plain_loop),
        cmocka_unit_test(eight_terabytes_of_zeros_take_a_few_blocks),
        cmocka_unit_test(zeros_that_are_not_visited_count_along_an_axis),
        cmocka_unit_test(chunks_of_one_value_are_not_expanded),
        cmocka_unit_test(sums_of_floats_keep_what_rounding_loses),
        cmocka_unit_test(nan_is_no_item_when_asked_for),
        cmocka_unit_test(results_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(integers_wrap_around_and_wide_ones_do_not),
        cmocka_unit_test(nothing_has_sums_and_no_extremes),
        cmocka_unit_test(an_array_without_axes_is_its_item),
        cmocka_unit_test(what_cannot_be_reduced_is_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
