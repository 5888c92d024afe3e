/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_hash.c - digests against the definition of docs/hash.md, nibble by nibble. */
#include "../scratch.h"

#include <inttypes.h>

#include "ops/hash_box.h"
#include "ops/hash_items.h"

typedef unsigned __int128 wide;

enum { MOST = 40000 };

static wide prime(void)
{
    return (wide)0x03243f6a8885a308 << 64 | 0xd313198a2e0374bf;
}

/* ---- the reference ---- */

static wide mod_bytes(const uint8_t *p, size_t n)
{
    wide r = 0;
    for (size_t i = n; i-- > 0;) {
        r = (r << 4 | p[i] >> 4) % prime();
        r = (r << 4 | (p[i] & 15)) % prime();
    }
    return r;
}

static void print_digest(wide r, char out[TSR_HASH_TEXT])
{
    snprintf(out, TSR_HASH_TEXT, "%016" PRIx64 "%016" PRIx64, (uint64_t)(r >> 64), (uint64_t)r);
}

/* header: what follows the first line. */
static void expect(const char *header, const void *items, size_t n, char out[TSR_HASH_TEXT])
{
    char head[512];
    size_t len = (size_t)snprintf(head, sizeof head, "tessera hash 1\n%s", header);
    uint8_t *all = malloc(len + n + 1);
    memcpy(all, head, len);
    if (n) memcpy(all + len, items, n);
    print_digest(mod_bytes(all, len + n), out);
    free(all);
}

static wide value(struct tsr_residue r)
{
    return (wide)r.hi << 64 | r.lo;
}

/* ---- numbers ---- */

static void residues_are_products_modulo_the_prime(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        uint64_t n = round < 40 ? (uint64_t)round : random_next() % 5000;
        uint8_t *p = calloc(1, n + 1);
        p[n] = 1; /* 256^n */
        wide want = mod_bytes(p, n + 1);
        assert_true(value(tsr_factor_residue(tsr_factor_power(n))) == want);
        memset(p, 0, n + 1);
        for (uint64_t i = 0; i < n; i += 3) p[i] = 1;
        want = mod_bytes(p, n);
        struct tsr_residue s = tsr_factor_series(tsr_factor_power(3), (n + 2) / 3);
        assert_true(value(tsr_factor_residue(s)) == want);
        free(p);
    }
}

static void sums_of_the_largest_words_do_not_overflow(void **state)
{
    (void)state;
    static struct tsr_weights w;
    static uint8_t bytes[8 * TSR_WEIGHTS];
    static uint32_t small[TSR_WEIGHTS];
    wide most = prime() - 1, want;
    struct tsr_residue last = {(uint64_t)most, (uint64_t)(most >> 64)};
    memset(bytes, 0xFF, sizeof bytes);
    for (size_t i = 0; i < TSR_WEIGHTS; i++) {
        small[i] = 0xFFFFFF;
        tsr_weights_set(&w, i, last);
    }
    /* each weight is -1 */
    want = prime() - (wide)TSR_WEIGHTS * UINT64_MAX % prime();
    assert_true(value(tsr_residue_words(&w, bytes, TSR_WEIGHTS)) == want);
    want = prime() - (wide)TSR_WEIGHTS * 0xFFFFFF;
    assert_true(value(tsr_residue_small(&w, small, TSR_WEIGHTS)) == want);
    assert_true(value(tsr_residue_words(&w, bytes, 0)) == 0);
}

/* A box anywhere in an array of bytes, and a copy of it elsewhere with gaps of its own. */
static void any_box_is_its_bytes_at_their_places(void **state)
{
    (void)state;
    static struct tsr_comb comb;
    for (int round = 0; round < 600; round++) {
        int64_t shape[4], start[4], span = 1, item = 1 + (int64_t)(random_next() % 20), extent = 1;
        if (round % 50 == 0) item = 1 + (int64_t)(random_next() % 20000);
        struct tsr_hash_box b = {.ndim = (int)(random_next() % 5), .item_bytes = item, .unit = 1};
        for (int d = b.ndim - 1; d >= 0; d--) {
            int64_t most = item > 100 ? 2 : b.ndim == 1 ? 3000 : b.ndim == 2 ? 60 : 9;
            shape[d] = 1 + (int64_t)(random_next() % (uint64_t)most);
            b.count[d] =
                random_next() % 3 ? 1 + (int64_t)(random_next() % (uint64_t)shape[d]) : shape[d];
            start[d] = (int64_t)(random_next() % (uint64_t)(shape[d] - b.count[d] + 1));
            b.place[d] = span * item;
            b.stride[d] = extent * item;
            span *= shape[d];
            extent *= b.count[d] + (round % 2 ? (int64_t)(random_next() % 2) : 0);
        }
        uint8_t *whole = calloc(1, (size_t)(span * item)), *box = malloc((size_t)(extent * item));
        int64_t n = 1, first = 0;
        for (int d = 0; d < b.ndim; d++) n *= b.count[d], first += start[d] * b.place[d];
        for (int64_t i = 0; i < n; i++) {
            int64_t rest = i, to = first, from = 0;
            for (int d = b.ndim - 1; d >= 0; d--) {
                to += rest % b.count[d] * b.place[d];
                from += rest % b.count[d] * b.stride[d];
                rest /= b.count[d];
            }
            for (int64_t k = 0; k < item; k++)
                whole[to + k] = box[from + k] = (uint8_t)random_next();
        }
        b.p = box;
        struct tsr_residue r =
            tsr_residue_mul(tsr_hash_box(&b, &comb), tsr_factor_power((uint64_t)first));
        assert_true(value(r) == mod_bytes(whole, (size_t)(span * item)));
        free(whole);
        free(box);
    }
}

/* ---- arrays ---- */

struct sample {
    const char *dtype, *header;
    int64_t item;
    int unit;
};

static const struct sample samples[] = {
    {"<f8", "\"<f8\"", 8, 1},         {">f8", "\"<f8\"", 8, 8}, {"<i4", "\"<i4\"", 4, 1},
    {">i4", "\"<i4\"", 4, 4},         {">u2", "\"<u2\"", 2, 2}, {"|u1", "\"|u1\"", 1, 1},
    {"|b1", "\"|b1\"", 1, 1},         {"|S5", "\"|S5\"", 5, 1}, {">U3", "\"<U3\"", 12, 4},
    {"<U3", "\"<U3\"", 12, 1},        {">c8", "\"<c8\"", 8, 4}, {">c16", "\"<c16\"", 16, 8},
    {"|V7", "\"|V7\"", 7, 1},         {">f2", "\"<f2\"", 2, 2}, {"<M8[ns]", "\"<M8[ns]\"", 8, 1},
    {">m8[2s]", "\"<m8[2s]\"", 8, 8},
};

static void turn_items(uint8_t *p, size_t n, int unit)
{
    for (size_t i = 0; i < n; i += (size_t)unit)
        for (int k = 0; k < unit / 2; k++) {
            uint8_t byte = p[i + (size_t)k];
            p[i + (size_t)k] = p[i + (size_t)(unit - 1 - k)];
            p[i + (size_t)(unit - 1 - k)] = byte;
        }
}

static void random_shapes(tsr_spec *s, int64_t shape[], int64_t chunks[], int64_t blocks[])
{
    s->ndim = (int)(random_next() % 5);
    int64_t most = s->ndim < 2 ? 3000 : s->ndim == 2 ? 50 : s->ndim == 3 ? 14 : 7;
    for (int d = 0; d < s->ndim; d++) {
        shape[d] = 1 + (int64_t)(random_next() % (uint64_t)most);
        chunks[d] = 1 + (int64_t)(random_next() % (uint64_t)shape[d]);
        if (random_next() % 3 == 0) chunks[d] = random_next() % 2 ? 1 : shape[d];
        blocks[d] = 1 + (int64_t)(random_next() % (uint64_t)chunks[d]);
    }
    s->shape = shape;
    s->chunks = chunks;
    s->blocks = blocks;
}

static void shape_text(char *to, size_t cap, const char *dtype, int ndim, const int64_t *shape)
{
    size_t n = (size_t)snprintf(to, cap, "%s\n[", dtype);
    for (int d = 0; d < ndim; d++)
        n += (size_t)snprintf(to + n, cap - n, "%s%lld", d ? "," : "", (long long)shape[d]);
    snprintf(to + n, cap - n, "]\n");
}

static void arrays_of_any_dtype_and_chunks_have_the_digest_of_the_definition(void **state)
{
    (void)state;
    tsr_context_options co = {.size = sizeof co, .threads = 3};
    tsr_options o = {.size = sizeof o};
    OK(tsr_context_new(&co, &o.context));
    for (int round = 0; round < 400; round++) {
        const struct sample *t = &samples[random_next() % (sizeof samples / sizeof *samples)];
        int64_t shape[5], chunks[5], blocks[5], n = t->item;
        tsr_spec s = {.size = sizeof s, .dtype = t->dtype};
        char header[256], want[TSR_HASH_TEXT], got[TSR_HASH_TEXT];
        tsr_array *a;
        random_shapes(&s, shape, chunks, blocks);
        for (int d = 0; d < s.ndim; d++) n *= shape[d];
        uint8_t *p = malloc((size_t)n);
        for (int64_t i = 0; i < n; i++) p[i] = (uint8_t)random_next();
        if (round % 4 == 0) /* chunks of zeros and of one value */
            for (int64_t i = 0; i < n; i++) p[i] = i < n / 2 ? 0 : p[n - t->item + i % t->item];
        OK(tsr_array_create(NULL, &s, &o, &a));
        OK(tsr_array_write(a, NULL, p, (size_t)n));
        OK(tsr_hash(a, 0, NULL, got));
        turn_items(p, (size_t)n, t->unit);
        shape_text(header, sizeof header, t->header, s.ndim, shape);
        expect(header, p, (size_t)n, want);
        assert_string_equal(got, want);
        OK(tsr_array_close(a));
        free(p);
    }
    tsr_context_free(o.context);
}

static void fill(tsr_array *a, size_t n)
{
    uint8_t *p = malloc(n);
    random_state = 5;
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)random_next();
    OK(tsr_array_write(a, NULL, p, n));
    free(p);
}

static void large_arrays_use_all_threads_and_tell_how_far_they_are(void **state)
{
    (void)state;
    int64_t shape[] = {300, 200, 100}, chunks[3][3] = {{1, 200, 100}, {300, 7, 9}, {64, 64, 64}};
    char first[TSR_HASH_TEXT], got[TSR_HASH_TEXT];
    for (int k = 0; k < 3; k++) {
        for (int threads = 1; threads <= 4; threads += 3) {
            tsr_context_options co = {.size = sizeof co, .threads = threads};
            tsr_options o = {.size = sizeof o};
            tsr_spec s = {.size = sizeof s,
                          .dtype = "<u2",
                          .ndim = 3,
                          .shape = shape,
                          .chunks = chunks[k]};
            tsr_array *a;
            OK(tsr_context_new(&co, &o.context));
            OK(tsr_array_create(NULL, &s, &o, &a));
            fill(a, 300 * 200 * 100 * 2);
            OK(tsr_hash(a, 0, NULL, got));
            if (k == 0 && threads == 1) memcpy(first, got, sizeof first);
            assert_string_equal(got, first);
            OK(tsr_array_close(a));
            tsr_context_free(o.context);
        }
    }
}

static void no_items_one_item_and_constant_arrays_have_a_digest(void **state)
{
    (void)state;
    int64_t none[] = {3, 0}, many[] = {1000000, 1000000};
    const double nan[] = {-0.0};
    char want[TSR_HASH_TEXT], got[TSR_HASH_TEXT];
    tsr_array *a;
    tsr_spec s = {.size = sizeof s, .dtype = "<f8", .ndim = 2, .shape = none};
    OK(tsr_array_create(NULL, &s, NULL, &a));
    OK(tsr_hash(a, 0, NULL, got));
    expect("\"<f8\"\n[3,0]\n", NULL, 0, want);
    assert_string_equal(got, want);
    OK(tsr_array_close(a));
    s.ndim = 0, s.fill = nan;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    OK(tsr_hash(a, 0, NULL, got));
    expect("\"<f8\"\n[]\n", "\0\0\0\0\0\0\0\x80", 8, want);
    assert_string_equal(got, want);
    OK(tsr_array_close(a));
    s.ndim = 2, s.shape = many, s.fill = NULL; /* 8 TB of zeros are as quick as none */
    OK(tsr_array_create(NULL, &s, NULL, &a));
    OK(tsr_hash(a, 0, NULL, got));
    expect("\"<f8\"\n[1000000,1000000]\n", NULL, 0, want);
    assert_string_equal(got, want);
    OK(tsr_array_close(a));
}

/* {'names': ['a', 'b'], 'formats': ['u1', '>i4'], 'offsets': [0, 4], 'itemsize': 8} is aligned;
 * its padding holds anything. */
static void structures_are_their_fields_without_padding(void **state)
{
    (void)state;
    static const char *const dtypes[] =
        {"{'names': ['a', 'b'], 'formats': ['u1', '>i4'], 'offsets': [0, 4], 'itemsize': 8}",
         "[('a', 'u1'), ('b', '<i4')]"};
    int64_t shape[] = {101, 3}, chunks[] = {10, 2};
    char got[2][TSR_HASH_TEXT];
    uint8_t wide_items[303 * 8], packed[303 * 5];
    for (size_t i = 0; i < 303; i++) {
        for (size_t k = 0; k < 8; k++) wide_items[8 * i + k] = (uint8_t)random_next();
        packed[5 * i] = wide_items[8 * i];
        for (size_t k = 0; k < 4; k++) packed[5 * i + 1 + k] = wide_items[8 * i + 7 - k];
    }
    for (int k = 0; k < 2; k++) {
        tsr_spec s = {.size = sizeof s,
                      .dtype = dtypes[k],
                      .ndim = 2,
                      .shape = shape,
                      .chunks = chunks};
        tsr_array *a;
        OK(tsr_array_create(NULL, &s, NULL, &a));
        if (k) OK(tsr_array_write(a, NULL, packed, sizeof packed));
        else OK(tsr_array_write(a, NULL, wide_items, sizeof wide_items));
        OK(tsr_hash(a, 0, NULL, got[k]));
        OK(tsr_array_close(a));
    }
    assert_string_equal(got[0], got[1]);
    expect("[[\"a\",\"|u1\"],[\"b\",\"<i4\"]]\n[101,3]\n", packed, sizeof packed, got[0]);
    assert_string_equal(got[0], got[1]);
}

static void attributes_count_when_asked_for_and_their_order_does_not(void **state)
{
    (void)state;
    char got[3][TSR_HASH_TEXT], plain[TSR_HASH_TEXT], want[TSR_HASH_TEXT];
    int64_t shape[] = {4};
    for (int k = 0; k < 2; k++) {
        tsr_spec s = {.size = sizeof s, .dtype = "|u1", .ndim = 1, .shape = shape};
        tsr_array *a;
        OK(tsr_array_create(NULL, &s, NULL, &a));
        OK(tsr_array_attr_set(a, k ? "b" : "a", k ? "{\"y\": [2.50], \"x\": null}" : "1"));
        OK(tsr_array_attr_set(a, k ? "a" : "b", k ? "1" : "{\"x\": null, \"y\": [2.5]}"));
        OK(tsr_hash(a, 0, NULL, plain));
        OK(tsr_hash(a, TSR_HASH_ATTRS, NULL, got[k]));
        FAILS(TSR_EARG, "flags", tsr_hash(a, 64, NULL, got[k]));
        OK(tsr_hash(a, TSR_HASH_ATTRS, NULL, got[k]));
        OK(tsr_array_close(a));
    }
    assert_string_equal(got[0], got[1]);
    assert_string_not_equal(got[0], plain);
    expect("\"|u1\"\n[4]\n{\"a\":1,\"b\":{\"x\":null,\"y\":[2.5]}}\n", NULL, 0, want);
    assert_string_equal(got[0], want);
}

static void super_chunks_have_the_digest_of_the_array_they_become(void **state)
{
    (void)state;
    uint8_t p[MOST];
    char want[TSR_HASH_TEXT], got[TSR_HASH_TEXT];
    for (size_t i = 0; i < MOST; i++) p[i] = (uint8_t)random_next();
    for (int k = 0; k < 3; k++) { /* equal chunks, a tail in memory, chunks of any size */
        tsr_schunk_spec s = {.size = sizeof s, .item_bytes = 4, .chunk_bytes = 3000};
        tsr_schunk *sc;
        if (k == 2) s.chunk_bytes = 0, s.variable = true;
        OK(tsr_schunk_create(NULL, &s, NULL, &sc));
        for (size_t at = 0, n; at < MOST; at += n) {
            n = k == 2 ? 4 + 4 * (random_next() % 900) : 4000;
            if (n > MOST - at) n = MOST - at;
            OK(tsr_schunk_append(sc, (int64_t)n / 4, p + at));
        }
        if (k == 0) OK(tsr_schunk_flush(sc));
        OK(tsr_schunk_hash(sc, NULL, got));
        expect("\"|V4\"\n[10000]\n", p, MOST, want);
        assert_string_equal(got, want);
        OK(tsr_schunk_close(sc));
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
    int64_t shape[] = {20000000};
    int calls = 0;
    char got[TSR_HASH_TEXT];
    tsr_options o = {.size = sizeof o, .progress = stop, .user = &calls};
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 1, .shape = shape};
    tsr_array *a;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    fill(a, 80000000);
    FAILS(TSR_ECANCELLED, "stopped", tsr_hash(a, 0, &o, got));
    assert_int_equal(calls, 2);
    OK(tsr_array_close(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residues_are_products_modulo_the_prime),
        cmocka_unit_test(sums_of_the_largest_words_do_not_overflow),
        cmocka_unit_test(any_box_is_its_bytes_at_their_places),
        cmocka_unit_test(arrays_of_any_dtype_and_chunks_have_the_digest_of_the_definition),
        cmocka_unit_test(large_arrays_use_all_threads_and_tell_how_far_they_are),
        cmocka_unit_test(no_items_one_item_and_constant_arrays_have_a_digest),
        cmocka_unit_test(structures_are_their_fields_without_padding),
        cmocka_unit_test(attributes_count_when_asked_for_and_their_order_does_not),
        cmocka_unit_test(super_chunks_have_the_digest_of_the_array_they_become),
        cmocka_unit_test(a_caller_can_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
