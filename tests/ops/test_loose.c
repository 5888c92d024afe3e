/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_loose.c - arrays of items of variable length: boxes of them, what differs,
 * and digests against the definition of docs/hash.md, nibble by nibble. */
#include "../scratch.h"

#include <inttypes.h>

#include "ops/loose.h"

typedef unsigned __int128 wide;

enum { ROWS = 23, COLUMNS = 19, ITEMS = ROWS * COLUMNS, LONGEST = 48 };

/* ---- samples ---- */

struct row {
    uint64_t offsets[ITEMS + 1];
    uint8_t bytes[ITEMS * LONGEST];
};

/* Items of a multiple of `unit` bytes, some of none, all ASCII. */
static tsr_items make_items(struct row *r, int unit)
{
    random_state = 11;
    r->offsets[0] = 0;
    for (int i = 0; i < ITEMS; i++) {
        int n = random_next() % 4 ? (int)(random_next() % (LONGEST / 8)) * unit : 0;
        for (int k = 0; k < n; k++)
            r->bytes[r->offsets[i] + (uint64_t)k] = (uint8_t)(32 + random_next() % 90);
        r->offsets[i + 1] = r->offsets[i] + (uint64_t)n;
    }
    return (tsr_items){sizeof(tsr_items), ITEMS, r->offsets, r->bytes};
}

static tsr_array *make(const char *format, tsr_spec s, const tsr_items *items)
{
    static const int64_t shape[] = {ROWS, COLUMNS};
    tsr_options o = {.size = sizeof o, .format = format};
    tsr_array *a;
    s.size = sizeof s;
    s.ndim = 2;
    s.shape = shape;
    OK(tsr_array_create(NULL, &s, &o, &a));
    if (items) OK(tsr_array_write_items(a, NULL, items));
    return a;
}

/* ---- the reference ---- */

static wide add_byte(wide r, uint8_t byte)
{
    const wide prime = (wide)0x03243f6a8885a308 << 64 | 0xd313198a2e0374bf;
    r = (r << 4 | byte >> 4) % prime;
    return (r << 4 | (byte & 15)) % prime;
}

static void expect(const char *dtype, const tsr_items *items, char out[TSR_HASH_TEXT])
{
    char head[128];
    int len =
        snprintf(head, sizeof head, "tessera hash 1\n\"%s\"\n[%d,%d]\n", dtype, ROWS, COLUMNS);
    const uint8_t *p = items->bytes;
    wide r = 0;
    for (int64_t i = ITEMS; i-- > 0;) {
        uint64_t from = items->offsets[i], n = items->offsets[i + 1] - from;
        for (uint64_t k = n; k-- > 0;) r = add_byte(r, p[from + k]);
        for (int k = 4; k-- > 0;) r = add_byte(r, (uint8_t)(n >> 8 * k));
    }
    while (len-- > 0) r = add_byte(r, (uint8_t)head[len]);
    snprintf(out, TSR_HASH_TEXT, "%016" PRIx64 "%016" PRIx64, (uint64_t)(r >> 64), (uint64_t)r);
}

/* ---- digests ---- */

static void digests_are_those_of_the_definition_in_every_layout(void **state)
{
    (void)state;
    static struct row row;
    static const struct {
        const char *format, *dtype;
        int64_t chunks[2], blocks[2];
    } all[] = {
        {"zarr2", "string", {7, 5}, {0}},     {"zarr3", "string", {ROWS, COLUMNS}, {0}},
        {"zarr3", "string", {1, 1}, {0}},     {"zarr3", "string", {8, 9}, {4, 3}},
        {"zarr2", "bytes", {23, 1}, {0}},     {"zarr3", "bytes", {12, 12}, {3, 4}},
        {"zarr2", "array(|u1)", {4, 6}, {0}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char want[TSR_HASH_TEXT], got[TSR_HASH_TEXT];
        tsr_items items = make_items(&row, 1);
        tsr_spec s = {.dtype = all[i].dtype, .chunks = all[i].chunks};
        if (all[i].blocks[0]) s.blocks = all[i].blocks;
        tsr_array *a = make(all[i].format, s, &items);
        OK(tsr_hash(a, 0, NULL, got));
        expect(all[i].dtype, &items, want);
        assert_string_equal(got, want);
        int64_t start[] = {22, 18}, count[] = {1, 1};
        uint64_t offsets[] = {0, 1};
        tsr_items last = {sizeof last, 1, offsets, "!"};
        OK(tsr_array_write_items(a, &(tsr_slice){start, count, NULL}, &last));
        OK(tsr_hash(a, 0, NULL, got));
        assert_string_not_equal(got, want);
        tsr_array_drop(a);
    }
}

static void arrays_of_either_byte_order_have_one_digest(void **state)
{
    (void)state;
    static struct row row;
    static uint8_t turned[sizeof row.bytes];
    char want[TSR_HASH_TEXT], got[TSR_HASH_TEXT];
    int64_t chunks[] = {5, 7};
    tsr_items items = make_items(&row, 4);
    expect("array(<i4)", &items, want);
    tsr_array *a = make("zarr2", (tsr_spec){.dtype = "array(<i4)", .chunks = chunks}, &items);
    OK(tsr_hash(a, 0, NULL, got));
    assert_string_equal(got, want);
    tsr_array_drop(a);
    for (size_t i = 0; i < row.offsets[ITEMS]; i++) turned[i] = row.bytes[i ^ 3];
    items.bytes = turned;
    a = make("zarr2", (tsr_spec){.dtype = "array(>i4)", .chunks = chunks}, &items);
    OK(tsr_hash(a, 0, NULL, got));
    assert_string_equal(got, want);
    tsr_array_drop(a);
}

static void items_that_are_not_stored_count_as_the_fill_value(void **state)
{
    (void)state;
    static struct row row;
    char want[TSR_HASH_TEXT], got[TSR_HASH_TEXT];
    for (int i = 0; i < ITEMS; i++) {
        memcpy(row.bytes + 4 * i, "fill", 4);
        row.offsets[i + 1] = 4 * ((uint64_t)i + 1);
    }
    tsr_items items = {sizeof items, ITEMS, row.offsets, row.bytes};
    expect("string", &items, want);
    tsr_array *a = make("zarr3", (tsr_spec){.dtype = "string", .fill = "\4\0\0\0fill"}, NULL);
    OK(tsr_hash(a, 0, NULL, got));
    assert_string_equal(got, want);
    OK(tsr_array_attr_set(a, "unit", "1"));
    OK(tsr_hash(a, TSR_HASH_ATTRS, NULL, got));
    assert_string_not_equal(got, want);
    tsr_array_drop(a);
}

/* ---- differences ---- */

struct heard {
    int n;
    int64_t at[64][2], chunk_a[64][2], chunk_b[64][2];
    char what[64][16], a[64][64], b[64][64];
};

static void hear(void *user, const tsr_difference *d)
{
    struct heard *h = user;
    int i = h->n++;
    assert_true(i < 64);
    snprintf(h->what[i], sizeof h->what[i], "%s", d->what);
    snprintf(h->a[i], sizeof h->a[i], "%s", d->a);
    snprintf(h->b[i], sizeof h->b[i], "%s", d->b);
    for (int k = 0; k < d->ndim; k++) {
        h->at[i][k] = d->at[k];
        h->chunk_a[i][k] = d->chunk_a[k];
        h->chunk_b[i][k] = d->chunk_b[k];
    }
}

static void put_word(tsr_array *a, int64_t number, const char *word)
{
    int64_t at[] = {number / COLUMNS, number % COLUMNS}, one[] = {1, 1};
    uint64_t offsets[] = {0, strlen(word)};
    tsr_items item = {sizeof item, 1, offsets, word};
    OK(tsr_array_write_items(a, &(tsr_slice){at, one, NULL}, &item));
}

static void differing_items_are_found_in_unlike_chunks_and_little_memory(void **state)
{
    (void)state;
    static struct row row;
    static struct heard h;
    int64_t chunks[][2] = {{5, 19}, {23, 2}, {1, 1}, {8, 8}}, blocks[] = {4, 2};
    for (int round = 0; round < 40; round++) {
        int p = (int)random_in(0, 3), q = (int)random_in(0, 3), want = 0;
        tsr_items items = make_items(&row, 1);
        tsr_spec s = {.dtype = "string", .chunks = chunks[p]};
        tsr_array *a = make("zarr2", s, &items), *b;
        s.chunks = chunks[q];
        if (q == 3) s.blocks = blocks;
        b = make("zarr3", s, &items);
        random_state = (unsigned)round + 1;
        for (int64_t i = random_in(0, 9); i < ITEMS && want < round % 5; i += random_in(1, 200)) {
            put_word(b, i, "another \"word\", quite long for its place in the row");
            want++;
        }
        tsr_diff_spec how = {.size = sizeof how, .memory_bytes = random_in(1, 40000)};
        tsr_diff_result r = {.size = sizeof r};
        h.n = 0;
        OK(tsr_diff(a, b, &how, NULL, hear, &h, &r));
        assert_int_equal(r.metadata, 0);
        assert_int_equal(r.items, ITEMS);
        assert_int_equal(r.different, want);
        assert_int_equal(h.n, want);
        for (int i = 0; i < want; i++) {
            const int64_t *at = h.at[i];
            if (i) assert_true(at[0] * COLUMNS + at[1] > h.at[i - 1][0] * COLUMNS + h.at[i - 1][1]);
            for (int d = 0; d < 2; d++) {
                assert_int_equal(h.chunk_a[i][d], at[d] / chunks[p][d]);
                assert_int_equal(h.chunk_b[i][d], at[d] / chunks[q][d]);
            }
            assert_string_equal(h.b[i],
                                "\"another \\\"word\\\", quite long for its place in the row\"");
        }
        OK(tsr_diff(a, a, &how, NULL, NULL, NULL, &r));
        assert_int_equal(r.different, 0);
        tsr_array_drop(a);
        tsr_array_drop(b);
    }
}

static void only_items_of_one_kind_are_compared(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int items;
    } all[] = {{"string", "string", ITEMS},
               {"string", "bytes", 0},
               {"bytes", "|S4", 0},
               {"array(<i2)", "array(>i2)", ITEMS},
               {"array(<i2)", "bytes", 0}};
    static struct heard h;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tsr_spec s = {.dtype = all[i].a}, t = {.dtype = all[i].b};
        tsr_diff_result r = {.size = sizeof r};
        if (i == 0) s.fill = "\1\0\0\0x", t.fill = "\1\0\0\0y";
        tsr_array *a = make("zarr2", s, NULL), *b = make("zarr2", t, NULL);
        uint64_t offsets[] = {0, 4};
        tsr_items one = {sizeof one, 1, offsets, i == 3 ? "\1\0\0\2" : "same"};
        OK(tsr_array_write_items(a, NULL, &one));
        if (i == 3) one.bytes = "\0\1\2\0";
        if (i != 2) OK(tsr_array_write_items(b, NULL, &one));
        h.n = 0;
        OK(tsr_diff(a, b, NULL, NULL, hear, &h, &r));
        assert_int_equal(r.items, all[i].items);
        assert_int_equal(r.different, 0);
        if (i == 3) assert_int_equal(h.n, 0);
        else assert_string_equal(h.what[0], i ? "dtype" : "fill");
        if (i == 0) assert_string_equal(h.a[0], "\"x\"");
        tsr_array_drop(a);
        tsr_array_drop(b);
    }
}

static void items_are_printed_as_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *dtype, *bytes, *text;
        uint64_t n;
    } all[] = {{"string", "na\xc3\xafve\n\"", "\"na\xc3\xafve\\n\\\"\"", 8},
               {"string", "", "\"\"", 0},
               {"bytes", "\1it's", "b\"\\x01it's\"", 5},
               {"json", "{\"a\":[1]}", "{\"a\":[1]}", 9},
               {"array(>i2)", "\0\1\xff\xff", "[1, -1]", 4},
               {"array(<f8)", "", "[]", 0}};
    char text[64];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint64_t offsets[] = {0, all[i].n};
        tsr_items items = {sizeof items, 1, offsets, all[i].bytes};
        int n = (int)strlen(all[i].text);
        assert_int_equal(tsr_items_to_text(all[i].dtype, &items, 0, text, sizeof text), n);
        assert_string_equal(text, all[i].text);
        assert_int_equal(tsr_items_to_text(all[i].dtype, &items, 0, text, 2), n);
        assert_int_equal(strlen(text), 1);
        FAILS(TSR_EARG, "no item 1", tsr_items_to_text(all[i].dtype, &items, 1, text, 2));
    }
    uint64_t offsets[] = {0, 3};
    tsr_items items = {sizeof items, 1, offsets, "abc"};
    FAILS(TSR_EARG, "multiple of 2", tsr_items_to_text("array(<i2)", &items, 0, text, 2));
    FAILS(TSR_EARG, "variable length", tsr_items_to_text("<i2", &items, 0, text, 2));
}

/* ---- boxes ---- */

static void boxes_cover_the_array_in_c_order_whatever_the_budget(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct tsr_grid g = {.ndim = (int)random_in(0, 4)};
        struct tsr_loose_walk w;
        int64_t total = 1, seen = 0;
        for (int d = 0; d < g.ndim; d++) {
            total *= g.shape[d] = random_in(round % 50 ? 1 : 0, 9);
            g.block[d] = random_in(1, 9);
        }
        OK(tsr_loose_start(&w, &g, random_in(1, 20000)));
        while (tsr_loose_next(&w)) {
            int64_t first = 0, last = 0, items = 1;
            for (int d = 0; d < g.ndim; d++) {
                assert_true(w.box.count[d] > 0);
                first = first * g.shape[d] + w.box.start[d];
                last = last * g.shape[d] + w.box.start[d] + w.box.count[d] - 1;
                items *= w.box.count[d];
            }
            assert_int_equal(first, seen);
            assert_int_equal(last - first + 1, items); /* so all of it is one row */
            assert_int_equal(w.items, items);
            assert_true(items == 1 || items * w.item_bytes <= 8 * w.budget);
            seen += items;
            w.item_bytes = random_in(1, 40000);
        }
        assert_int_equal(seen, total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_definition_in_every_layout),
        cmocka_unit_test(arrays_of_either_byte_order_have_one_digest),
        cmocka_unit_test(items_that_are_not_stored_count_as_the_fill_value),
        cmocka_unit_test(differing_items_are_found_in_unlike_chunks_and_little_memory),
        cmocka_unit_test(only_items_of_one_kind_are_compared),
        cmocka_unit_test(items_are_printed_as_what_they_are),
        cmocka_unit_test(boxes_cover_the_array_in_c_order_whatever_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
