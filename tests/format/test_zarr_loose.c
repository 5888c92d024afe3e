/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_zarr_loose.c - Zarr arrays whose items are of variable length: made, changed,
 * read, copied and refused through the public API, beside a model in plain memory. */
#include "scratch.h"

#include <sys/stat.h>

enum { ROWS = 13, COLUMNS = 17, ITEMS = ROWS * COLUMNS, LONGEST = 40 };

static void must(int rc)
{
    if (rc < 0) fail_msg("%d: %s", rc, tsr_error());
}

static void must_fail(int rc, int code, const char *words)
{
    if (rc != code) fail_msg("found %d, expected %d: %s", rc, code, tsr_error());
    if (!strstr(tsr_error(), words)) fail_msg("'%s' is not in: %s", words, tsr_error());
}

static tsr_array *make(const char *url, const char *format, tsr_spec s)
{
    tsr_options o = {.size = sizeof o, .format = format};
    tsr_array *a;
    s.size = sizeof s;
    if (tsr_array_create(url, &s, &o, &a) < 0) fail_msg("%s", tsr_error());
    return a;
}

static tsr_array *reopen(const char *url, const char *mode)
{
    tsr_options o = {.size = sizeof o, .mode = mode};
    tsr_array *a;
    if (tsr_array_open(url, &o, &a) < 0) fail_msg("%s: %s", url, tsr_error());
    return a;
}

/* ---- items in a row ---- */

struct row {
    uint64_t offsets[ITEMS + 1];
    char bytes[ITEMS * LONGEST];
    int64_t n;
};

static void row_add(struct row *r, const char *text)
{
    size_t len = strlen(text);
    r->offsets[0] = 0;
    memcpy(r->bytes + r->offsets[r->n], text, len);
    r->offsets[r->n + 1] = r->offsets[r->n] + len;
    r->n++;
}

static tsr_items row_items(const struct row *r)
{
    return (tsr_items){sizeof(tsr_items), r->n, r->offsets, r->bytes};
}

static const char *const words[] =
    {"", "a", "zarr", "na\xc3\xafve", "\xf0\x9f\x98\x80", "a text of thirty bytes, or so.."};
enum { WORDS = sizeof words / sizeof *words };

static void check_item(const tsr_items *items, int64_t i, const char *want)
{
    const char *p = (const char *)items->bytes + items->offsets[i];
    size_t len = (size_t)(items->offsets[i + 1] - items->offsets[i]);
    if (len != strlen(want) || memcmp(p, want, len) != 0)
        fail_msg("item %d: found '%.*s', expected '%s'", (int)i, (int)len, p, want);
}

/* ---- a model ---- */

struct model {
    int64_t shape[2];
    const char *item[ROWS][COLUMNS];
    const char *fill;
};

static void check_all(const tsr_array *a, const struct model *m)
{
    tsr_items items = {.size = sizeof items};
    must(tsr_array_read_items(a, NULL, &items));
    assert_int_equal(items.n, m->shape[0] * m->shape[1]);
    for (int64_t i = 0; i < items.n; i++)
        check_item(&items, i, m->item[i / m->shape[1]][i % m->shape[1]]);
    tsr_items_free(&items);
    assert_null(items.bytes);
}

/* A box with steps of either sign. */
struct box {
    int64_t start[2], count[2], step[2];
};

static struct box random_box(const struct model *m)
{
    struct box b;
    for (int d = 0; d < 2; d++) {
        int64_t n = m->shape[d];
        b.step[d] = (rand() % 3 + 1) * (rand() % 4 ? 1 : -1);
        b.start[d] = rand() % n;
        int64_t room = b.step[d] > 0 ? (n - 1 - b.start[d]) / b.step[d] : b.start[d] / -b.step[d];
        b.count[d] = rand() % (room + 1) + 1;
    }
    return b;
}

static const char **model_at(struct model *m, const struct box *b, int64_t i, int64_t j)
{
    return &m->item[b->start[0] + i * b->step[0]][b->start[1] + j * b->step[1]];
}

static void write_box(tsr_array *a, struct model *m)
{
    struct box b = random_box(m);
    struct row *r = calloc(1, sizeof *r);
    bool one = rand() % 4 == 0;
    const char *same = words[rand() % WORDS];
    for (int64_t i = 0; i < b.count[0]; i++)
        for (int64_t j = 0; j < b.count[1]; j++) {
            const char *text = one ? same : words[rand() % WORDS];
            *model_at(m, &b, i, j) = text;
            if (!one || r->n == 0) row_add(r, text);
        }
    tsr_items items = row_items(r);
    must(tsr_array_write_items(a, &(tsr_slice){b.start, b.count, b.step}, &items));
    free(r);
}

static void read_box(const tsr_array *a, struct model *m)
{
    struct box b = random_box(m);
    tsr_items items = {.size = sizeof items};
    must(tsr_array_read_items(a, &(tsr_slice){b.start, b.count, b.step}, &items));
    assert_int_equal(items.n, b.count[0] * b.count[1]);
    for (int64_t i = 0; i < items.n; i++)
        check_item(&items, i, *model_at(m, &b, i / b.count[1], i % b.count[1]));
    tsr_items_free(&items);
}

/* Points, of which some are there twice; the last one written counts. */
static void use_points(tsr_array *a, struct model *m)
{
    enum { N = 12 };
    int64_t at[N][2];
    struct row *r = calloc(1, sizeof *r);
    tsr_items items;
    for (int k = 0; k < N; k++) {
        const char *text = words[rand() % WORDS];
        at[k][0] = rand() % m->shape[0];
        at[k][1] = rand() % m->shape[1];
        m->item[at[k][0]][at[k][1]] = text;
        row_add(r, text);
    }
    items = row_items(r);
    must(tsr_array_write_items_points(a, N, at[0], &items));
    items = (tsr_items){.size = sizeof items};
    must(tsr_array_read_items_points(a, N, at[0], &items));
    for (int k = 0; k < N; k++) check_item(&items, k, m->item[at[k][0]][at[k][1]]);
    tsr_items_free(&items);
    free(r);
}

static void use_lists(tsr_array *a, struct model *m)
{
    enum { N = 4 };
    int64_t index[N];
    struct row *r = calloc(1, sizeof *r);
    for (int k = 0; k < N; k++) index[k] = rand() % m->shape[0];
    tsr_axis axes[] = {{.index = index, .count = N}, {.start = 1, .count = 3, .step = 2}};
    for (int k = 0; k < 3 * N; k++) {
        const char *text = words[rand() % WORDS];
        m->item[index[k / 3]][1 + k % 3 * 2] = text;
        row_add(r, text);
    }
    tsr_items items = row_items(r);
    must(tsr_array_write_items_orthogonal(a, axes, &items));
    items = (tsr_items){.size = sizeof items};
    must(tsr_array_read_items_orthogonal(a, axes, &items));
    for (int k = 0; k < 3 * N; k++) check_item(&items, k, m->item[index[k / 3]][1 + k % 3 * 2]);
    tsr_items_free(&items);
    free(r);
}

static void change_shape(tsr_array *a, struct model *m)
{
    int64_t shape[] = {rand() % (ROWS - 6) + 7, rand() % (COLUMNS - 6) + 7};
    must(tsr_array_resize(a, shape));
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0; j < COLUMNS; j++)
            if (i >= m->shape[0] || j >= m->shape[1] || i >= shape[0] || j >= shape[1])
                m->item[i][j] = m->fill;
    memcpy(m->shape, shape, sizeof shape);
}

/* ---- round trips ---- */

#define PLAIN "[{\"name\":\"vlen-utf8\"},{\"name\":\"crc32c\"}]"
#define TURNED                                                       \
    "[{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}}," \
    "{\"name\":\"vlen-utf8\"},{\"name\":\"zstd\",\"configuration\":{\"level\":1}}]"

static const struct layout {
    const char *format, *dtype, *codecs, *zarr, *fill;
    int64_t chunks[2], blocks[2];
} layouts[] = {
    {"zarr3", "string", NULL, NULL, NULL, {5, 6}, {5, 6}},
    {"zarr3", "string", NULL, NULL, "\4\0\0\0fill", {6, 6}, {2, 3}},
    {"zarr3", "bytes", NULL, "index=start", NULL, {8, 8}, {4, 2}},
    {"zarr3", "string", PLAIN, "separator=.,empty=1", NULL, {4, 17}, {4, 17}},
    {"zarr3", "string", TURNED, NULL, NULL, {6, 6}, {3, 2}},
    {"zarr3", "string", NULL, "edges=4+1+8;5x3+2", NULL, {0}, {0}},
    {"zarr2", "string", NULL, NULL, NULL, {5, 6}, {5, 6}},
    {"zarr2", "string", NULL, "order=F", "\4\0\0\0fill", {5, 6}, {5, 6}},
    {"zarr2", "bytes", NULL, "separator=/", NULL, {3, 3}, {3, 3}},
    {"zarr2", "array(|u1)", NULL, NULL, NULL, {3, 3}, {3, 3}},
};

static void live(const struct layout *l, const char *url)
{
    int64_t shape[] = {ROWS, COLUMNS};
    struct model m = {.shape = {ROWS, COLUMNS}, .fill = l->fill ? "fill" : ""};
    tsr_spec s = {.dtype = l->dtype, .ndim = 2, .shape = shape, .codecs = l->codecs};
    s.zarr = l->zarr;
    s.fill = l->fill;
    s.chunks = l->chunks[0] ? l->chunks : NULL;
    s.blocks = l->blocks[0] ? l->blocks : NULL;
    bool even = l->chunks[0];
    for (int i = 0; i < ITEMS; i++) m.item[i / COLUMNS][i % COLUMNS] = m.fill;
    tsr_array *a = make(url, l->format, s);
    assert_string_equal(tsr_array_spec(a)->dtype, l->dtype);
    assert_int_equal(tsr_array_spec(a)->item_bytes, 0);
    check_all(a, &m);
    for (int i = 0; i < 60; i++) {
        int what = rand() % 8;
        if (what < 3) write_box(a, &m);
        else if (what < 5) read_box(a, &m);
        else if (what == 5) use_points(a, &m);
        else if (what == 6) use_lists(a, &m);
        else if (even) change_shape(a, &m);
        if (i == 30) {
            must(tsr_array_close(a));
            a = reopen(url, "r+");
        }
        if (i % 10 == 9) check_all(a, &m);
    }
    must(tsr_array_close(a));
    a = reopen(url, "r");
    check_all(a, &m);
    must(tsr_array_close(a));
}

static void items_live_in_every_layout_as_in_a_model(void **state)
{
    char name[40];
    (void)state;
    srand(5);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        snprintf(name, sizeof name, "live%zu.zarr", i);
        live(&layouts[i], scratch(name));
    }
}

/* ---- copies ---- */

static tsr_array *make_words(const char *url, const char *format, const char *dtype)
{
    int64_t shape[] = {6, 7}, chunks[] = {4, 3};
    struct row *r = calloc(1, sizeof *r);
    for (int i = 0; i < 42; i++) row_add(r, words[(i * 5 + i / 7) % WORDS]);
    tsr_items items = row_items(r);
    tsr_array *a =
        make(url, format, (tsr_spec){.dtype = dtype, .ndim = 2, .shape = shape, .chunks = chunks});
    must(tsr_array_write_items(a, NULL, &items));
    free(r);
    return a;
}

static void check_words(const tsr_array *a)
{
    tsr_items items = {.size = sizeof items};
    must(tsr_array_read_items(a, NULL, &items));
    assert_int_equal(items.n, 42);
    for (int i = 0; i < 42; i++) check_item(&items, i, words[(i * 5 + i / 7) % WORDS]);
    tsr_items_free(&items);
}

static void copies_go_between_the_formats_and_grids(void **state)
{
    (void)state;
    static const char *const formats[] = {"zarr3", "zarr2"};
    int64_t chunks[] = {3, 5};
    for (int i = 0; i < 4; i++) {
        tsr_options o = {.size = sizeof o, .format = formats[i / 2]};
        tsr_spec other = {.size = sizeof other, .chunks = chunks};
        tsr_array *b, *a = make_words(NULL, formats[i % 2], i ? "string" : "bytes");
        must(tsr_array_copy(a, NULL, &other, &o, &b));
        assert_string_equal(tsr_array_format(b), formats[i / 2]);
        assert_string_equal(tsr_array_spec(b)->dtype, i ? "string" : "bytes");
        check_words(b);
        tsr_array_drop(a);
        tsr_array_drop(b);
    }
}

static void parts_and_sequels_are_made(void **state)
{
    (void)state;
    tsr_options o = {.size = sizeof o, .format = "zarr3"};
    tsr_array *a = make_words(NULL, "zarr3", "string"), *b, *c;
    int64_t index[] = {5, 0, 5}, shape[] = {42};
    tsr_axis axes[] = {{.index = index, .count = 3},
                       {.start = 6, .count = 1, .step = 1, .drop = 1}};
    tsr_items items = {.size = sizeof items};
    must(tsr_array_slice(a, axes, NULL, NULL, &o, &b));
    must(tsr_array_read_items(b, NULL, &items));
    assert_int_equal(items.n, 3);
    for (int i = 0; i < 3; i++)
        check_item(&items, i, words[((index[i] * 7 + 6) * 5 + index[i]) % WORDS]);
    tsr_items_free(&items);
    tsr_array_drop(b);
    must(tsr_array_concat((const tsr_array *[]){a, a}, 2, 0, NULL, &o, &b));
    must(tsr_array_read_items(b, NULL, &items));
    assert_int_equal(items.n, 84);
    for (int i = 0; i < 84; i++) check_item(&items, i, words[(i % 42 * 5 + i % 42 / 7) % WORDS]);
    tsr_items_free(&items);
    tsr_spec flat = {.size = sizeof flat, .ndim = 1, .shape = shape};
    must(tsr_array_reshape(a, NULL, &flat, &o, &c));
    check_words(c);
    tsr_array_drop(a);
    tsr_array_drop(b);
    tsr_array_drop(c);
}

/* ---- refusals ---- */

static void calls_for_items_of_a_fixed_size_name_the_right_one(void **state)
{
    (void)state;
    tsr_array *a = make_words(NULL, "zarr3", "string");
    uint8_t p[1000];
    int64_t at[] = {0, 0};
    tsr_axis axes[] = {{.count = 1, .step = 1}, {.count = 1, .step = 1}};
    const char *read = "use tsr_array_read_items", *write = "use tsr_array_write_items";
    must_fail(tsr_array_read(a, NULL, p, 42), TSR_EARG, read);
    must_fail(tsr_array_read_strided(a, NULL, p, NULL), TSR_EARG, read);
    must_fail(tsr_array_read_orthogonal(a, axes, p, NULL), TSR_EARG, read);
    must_fail(tsr_array_read_points(a, 1, at, p, 1), TSR_EARG, read);
    must_fail(tsr_array_write(a, NULL, p, 42), TSR_EARG, write);
    must_fail(tsr_array_write_strided(a, NULL, p, NULL), TSR_EARG, write);
    must_fail(tsr_array_fill(a, NULL, p), TSR_EARG, write);
    must_fail(tsr_array_write_orthogonal(a, axes, p, NULL), TSR_EARG, write);
    must_fail(tsr_array_write_points(a, 1, at, p, 1), TSR_EARG, write);
    must_fail(tsr_array_append(a, 0, p, 7), TSR_EARG, write);
    check_words(a);
    tsr_array_drop(a);
    int64_t shape[] = {3};
    tsr_items items = {.size = sizeof items};
    a = make(NULL, "zarr3", (tsr_spec){.dtype = "<i4", .ndim = 1, .shape = shape});
    must_fail(tsr_array_read_items(a, NULL, &items), TSR_EARG, "use tsr_array_read");
    tsr_array_drop(a);
}

static void items_that_make_no_sense_are_refused_and_nothing_is_written(void **state)
{
    (void)state;
    tsr_array *a = make_words(NULL, "zarr3", "string");
    uint64_t down[] = {0, 5, 3}, one[] = {0, 2};
    int64_t count[] = {1, 2};
    tsr_slice two = {NULL, count, NULL};
    tsr_items items = {sizeof items, 2, down, "abcdef"};
    must_fail(tsr_array_write_items(a, &two, &items), TSR_EARG, "item 1: found offsets 5 and 3");
    must_fail(tsr_array_write_items(a, NULL, &items), TSR_EARG, "2 items for a selection of 42");
    items = (tsr_items){sizeof items, 1, one, "\xff\xfe"};
    must_fail(tsr_array_write_items(a, &two, &items), TSR_EARG, "item 0 is not UTF-8");
    items.size = 0;
    must_fail(tsr_array_write_items(a, &two, &items), TSR_EARG, "size is 0");
    must_fail(tsr_array_read_items(a, NULL, &items), TSR_EARG, "size is 0");
    check_words(a);
    tsr_array_drop(a);
}

static void other_formats_refuse_them(void **state)
{
    (void)state;
    int64_t shape[] = {3};
    tsr_array *a;
    tsr_spec s = {.size = sizeof s, .dtype = "string", .ndim = 1, .shape = shape};
    tsr_options o = {.size = sizeof o, .format = "b2nd"};
    must_fail(tsr_array_create(NULL, &s, &o, &a), TSR_EARG, "items of variable length");
    s.dtype = "json";
    o.format = "zarr3";
    must_fail(tsr_array_create(NULL, &s, &o, &a), TSR_EUNSUPPORTED, "json");
    s.dtype = "array(<q9)";
    o.format = "zarr2";
    assert_true(tsr_array_create(NULL, &s, &o, &a) < 0);
}

static void put_file(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

/* Chunks that lie: what fails names the key, and of text the item. */
static void chunks_that_lie_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t len;
        const char *words;
    } lies[] = {
        {"\2\0\0\0\1\0\0\0a\1\0\0\0\xff", 14, "item 1 is not UTF-8"},
        {"\3\0\0\0\1\0\0\0a\1\0\0\0b", 14, "found 3 items"},
        {"\xff\xff\xff\xff\1\0\0\0a", 9, "found 4294967295 items"},
        {"\2\0\0\0\1\0\0\0a\xff\xff\xff\xff", 13, "4294967295 bytes"},
        {"\2\0\0\0\1\0\0\0a\0\0\0\0zz", 15, "behind the last item"},
        {"\2\0", 2, "2 bytes"},
        {"", 0, "0 bytes"},
    };
    int64_t shape[] = {4}, chunks[] = {2};
    const char *url = scratch("lies.zarr");
    char key[1200];
    tsr_spec s = {.dtype = "string", .ndim = 1, .shape = shape, .chunks = chunks};
    s.codecs = "[{\"name\":\"vlen-utf8\"}]";
    must(tsr_array_close(make(url, "zarr3", s)));
    snprintf(key, sizeof key, "%s/c", url);
    mkdir(key, 0777);
    snprintf(key, sizeof key, "%s/c/1", url);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        put_file(key, lies[i].p, lies[i].len);
        tsr_array *a = reopen(url, "r");
        tsr_items items = {.size = sizeof items};
        must_fail(tsr_array_read_items(a, NULL, &items), TSR_ECORRUPT, lies[i].words);
        assert_non_null(strstr(tsr_error(), "c/1"));
        assert_null(items.bytes);
        must(tsr_array_close(a));
    }
}

/* A chunk of as many items as fit the limit, of which there are none: its count is no reason to
 * take memory for them. */
static void large_counts_are_not_believed(void **state)
{
    (void)state;
    int64_t shape[] = {INT64_C(1) << 40}, chunks[] = {INT64_C(1) << 26}, count[] = {2};
    const char *url = scratch("large.zarr");
    char key[1200];
    tsr_array *a;
    tsr_spec s = {.dtype = "string", .ndim = 1, .shape = shape, .chunks = chunks};
    s.codecs = "[{\"name\":\"vlen-utf8\"}]";
    must(tsr_array_close(make(url, "zarr3", s)));
    snprintf(key, sizeof key, "%s/c", url);
    mkdir(key, 0777);
    snprintf(key, sizeof key, "%s/c/0", url);
    put_file(key, "\0\0\0\4", 4);
    a = reopen(url, "r");
    tsr_items items = {.size = sizeof items};
    must_fail(tsr_array_read_items(a, &(tsr_slice){NULL, count, NULL}, &items), TSR_ECORRUPT,
              "c/0");
    must(tsr_array_close(a));
    chunks[0] = INT64_C(1) << 30;
    s.size = sizeof s;
    must_fail(tsr_array_create(NULL, &s,
                               &(tsr_options){.size = sizeof(tsr_options), .format = "zarr3"}, &a),
              TSR_ELIMIT, "limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_live_in_every_layout_as_in_a_model),
        cmocka_unit_test(copies_go_between_the_formats_and_grids),
        cmocka_unit_test(parts_and_sequels_are_made),
        cmocka_unit_test(calls_for_items_of_a_fixed_size_name_the_right_one),
        cmocka_unit_test(items_that_make_no_sense_are_refused_and_nothing_is_written),
        cmocka_unit_test(other_formats_refuse_them),
        cmocka_unit_test(chunks_that_lie_are_named),
        cmocka_unit_test(large_counts_are_not_believed),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove_all);
}
