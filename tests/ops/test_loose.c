/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_loose.c - arrays of items of variable length: boxes of them, and their digests
 * against the definition of docs/hash.md, nibble by nibble. */
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
        cmocka_unit_test(boxes_cover_the_array_in_c_order_whatever_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
