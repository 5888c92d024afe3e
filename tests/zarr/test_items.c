/* SPDX-License-Identifier: BSD-3-Clause */
/* Codecs of Zarr that see items: one suite over all, then the arithmetic of each (zarr.md 5.2, 5.4,
 * 9.3 to 9.6).  tests/interop/test_zarr_codecs.py compares with numcodecs. */
#include "coder.h"

#include <math.h>

#include "base/num.h"
#include "zarr/items.h"

/* ---- one suite ---- */

static const struct setup {
    const char *name, *config, *type;
    int format;
    int kind; /* of data: see fill */
} setups[] = {
    {"bytes", "{\"endian\": \"little\"}", "\"float64\"", 3, 1},
    {"bytes", "{\"endian\": \"big\"}", "\"int16\"", 3, 1},
    {"bytes", "{\"endian\": \"big\"}", "\"complex64\"", 3, 1},
    {"endian", "{\"endian\": \"big\"}", "\"uint64\"", 3, 1},
    {"bytes", "{}", "\"bool\"", 3, 0},
    {"bytes", "{}", "\"int4\"", 3, 3},
    {"bytes", "{\"endian\": \"big\"}",
     "{\"name\": \"struct\", \"configuration\": {\"fields\": [{\"name\": \"a\", \"data_type\": "
     "\"int32\"}, {\"name\": \"b\", \"data_type\": \"uint8\"}, {\"name\": \"c\", \"data_type\": "
     "\"float64\"}, {\"name\": \"d\", \"data_type\": \"float64\"}]}}",
     3, 1},
    {"transpose", "{\"order\": [0]}", "\"uint16\"", 3, 1},
    {"reshape", "{\"shape\": [2, -1]}", "\"uint16\"", 3, 1},
    {"delta", "{\"dtype\": \"<i4\"}", "\"<i4\"", 2, 1},
    {"delta", "{\"dtype\": \">i8\", \"astype\": \">i8\"}", "\">i8\"", 2, 1},
    {"delta", "{\"dtype\": \"|u1\"}", "\"|u1\"", 2, 1},
    {"numcodecs.delta", "{\"dtype\": \"int32\", \"astype\": \"i4\"}", "\"int32\"", 3, 1},
    {"delta", "{\"dtype\": \"<f8\"}", "\"<f8\"", 2, 2},
    {"astype", "{\"encode_dtype\": \"<i8\", \"decode_dtype\": \"|i1\"}", "\"|i1\"", 2, 1},
    {"astype", "{\"encode_dtype\": \"<f4\", \"decode_dtype\": \">u2\"}", "\">u2\"", 2, 1},
    {"fixedscaleoffset", "{\"offset\": -5, \"scale\": 2, \"dtype\": \"<f8\", \"astype\": \"<i4\"}",
     "\"<f8\"", 2, 2},
    {"quantize", "{\"digits\": 0, \"dtype\": \"<f4\", \"astype\": \"<f8\"}", "\"<f4\"", 2, 2},
    {"bitround", "{\"keepbits\": 23}", "\"float32\"", 3, 2},
    {"packbits", "{}", "\"|b1\"", 2, 0},
    {"numcodecs.packbits", "{}", "\"bool\"", 3, 0},
    {"packbits", "{}", "\"bool\"", 3, 0},
    {"packbits", "{\"padding_encoding\": \"first_byte\"}", "\"bool\"", 3, 0},
    {"packbits", "{\"padding_encoding\": \"last_byte\"}", "\"int4\"", 3, 3},
    {"packbits", "{\"first_bit\": 0, \"last_bit\": 12}", "\"int16\"", 3, 3},
    {"packbits", "{}", "\"float64\"", 3, 1},
    {"packbits", "{\"first_bit\": 0, \"last_bit\": 62}", "\"int64\"", 3, 3},
    {"packbits", "{}", "\"complex64\"", 3, 1},
    {"cast_value", "{\"data_type\": \"int16\"}", "\"int8\"", 3, 1},
    {"cast_value", "{\"data_type\": \"float64\"}", "\"uint32\"", 3, 1},
    {"scale_offset", "{\"offset\": -7, \"scale\": 3}", "\"int32\"", 3, 3},
    {"scale_offset", "{\"scale\": 0.5}", "\"float32\"", 3, 2},
    {"categorize", "{\"labels\": [\"\\u0001\", \"\\u0002\"], \"dtype\": \"<U1\"}", "\"<U1\"", 2, 4},
    {"vlen-utf8", "{}", "\"string\"", 3, 5},
    {"vlen-bytes", "{}", "\"bytes\"", 3, 5},
    {"vlen-array", "{\"dtype\": \"|u1\"}", "\"|O\"", 2, 5},
    {"json2", "{}", "\"|O\"", 2, 6},
    {"msgpack2", "{}", "\"|O\"", 2, 6},
};
enum { SETUPS = sizeof setups / sizeof *setups, MOST = 1 << 16 };

static void store_number(const struct tsr_dtype *dt, uint8_t *p, double v)
{
    float f = (float)v;
    if (dt->kind == 'f' && dt->item_bytes == 8) memcpy(p, &v, 8);
    else if (dt->kind == 'f') memcpy(p, &f, 4);
    else tsr_store_LE32(p, (uint32_t)v);
}

/* n items: 0 bools, 1 any bits, 2 small whole numbers, 3 small integers of either sign, 4 the
 * code points 1 and 2, 5 text of any length, 6 JSON.  Returns their bytes. */
static size_t fill(uint8_t *p, const struct tsr_zview *v, int kind)
{
    size_t n = (size_t)tsr_zview_count(v), at = 0, size = v->dtype ? (size_t)v->bytes / n : 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t *item = p + i * size;
        uint64_t r = rnd();
        int64_t small = (int64_t)(r % 15) - 7;
        char text[40];
        if (kind == 0) item[0] = r & 1;
        if (kind == 1)
            for (size_t k = 0; k < size; k++) item[k] = (uint8_t)rnd();
        if (kind == 2) store_number(v->dtype, item, (double)(r % 100));
        if (kind == 3)
            for (size_t k = 0; k < size; k++) item[k] = (uint8_t)((uint64_t)small >> (8 * k));
        if (kind == 4) tsr_store_LE32(item, 1 + (uint32_t)(r & 1));
        if (kind < 5) continue;
        if (kind == 5) snprintf(text, sizeof text, "%.*s", (int)(r % 20), "abcdefghijklmnopqrstuv");
        else snprintf(text, sizeof text, "{\"k\":[%d,\"%d\"]}", (int)small, (int)small);
        tsr_store_LE32(p + at, (uint32_t)strlen(text));
        memcpy(p + at + 4, text, strlen(text));
        at += 4 + strlen(text);
    }
    return v->dtype ? (size_t)v->bytes : at;
}

static void every_codec_gives_back_the_items(void **state)
{
    static const int64_t counts[] = {2, 8, 14, 510, 512, 514, 1030};
    static uint8_t data[MOST];
    int trips = 0;
    (void)state;
    for (int s = 0; s < SETUPS; s++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++, trips++) {
            const struct setup *u = &setups[s];
            struct tsr_zview v = items_view(u->type, u->format, 1, &counts[i]);
            struct tsr_zcodec c;
            struct coded k;
            struct tsr_buf out = {0};
            size_t n = fill(data, &v, u->kind);
            assert_true(n <= MOST);
            codec_must_open(&c, u->name, u->config, u->format, &v);
            if (codec_encode(&c, data, n, &k) < 0) fail_msg("%s: %s", u->name, tsr_error());
            if (c.out.bytes >= 0) assert_int_equal(c.out.bytes, k.len);
            if (codec_decode(&c, k.p, k.len, n, data, n) < 0)
                fail_msg("%s: %s", u->name, tsr_error());
            assert_int_equal(tsr_zcodec_decode(&c, worker, k.p, k.len, MOST, &out), 0);
            assert_int_equal(out.len, n);
            assert_memory_equal(out.p, data, n);
            tsr_buf_free(&out);
            coded_free(&k);
        }
    print_message("%d round trips\n", trips);
}

static void cut_longer_and_changed_values_do_no_harm(void **state)
{
    static uint8_t data[MOST];
    int refused = 0, tries = 0;
    (void)state;
    for (int s = 0; s < SETUPS; s++) {
        const struct setup *u = &setups[s];
        struct tsr_zview v = items_view(u->type, u->format, 1, &(int64_t){22});
        struct tsr_zcodec c;
        struct coded k;
        size_t n = fill(data, &v, u->kind);
        codec_must_open(&c, u->name, u->config, u->format, &v);
        assert_int_equal(codec_encode(&c, data, n, &k), 0);
        for (size_t len = 0; len < k.len; len++)
            assert_true(codec_decode(&c, k.p, len, n, NULL, 0) < 0);
        uint8_t *more = malloc(k.len + 1);
        memcpy(more, k.p, k.len);
        more[k.len] = 1;
        assert_true(codec_decode(&c, more, k.len + 1, n, NULL, 0) < 0);
        free(more);
        for (size_t b = 0; b < 8 * k.len; b++, tries++) {
            struct tsr_buf out = {0};
            k.p[b / 8] ^= (uint8_t)(1 << b % 8);
            refused += tsr_zcodec_decode(&c, worker, k.p, k.len, MOST, &out) < 0;
            codec_decode(&c, k.p, k.len, v.dtype ? n : n / 2, NULL, 0);
            k.p[b / 8] ^= (uint8_t)(1 << b % 8);
            tsr_buf_free(&out);
        }
        coded_free(&k);
    }
    print_message("%d of %d changes were refused\n", refused, tries);
}

/* ---- helpers for single values ---- */

/* Encodes and compares with the bytes of hex; then decodes to the same, if both. */
static void expect(struct tsr_zcodec *c, const void *items, size_t len, const char *hex, bool both)
{
    struct coded k;
    char found[400] = "";
    if (codec_encode(c, items, len, &k) < 0) fail_msg("%s", tsr_error());
    for (size_t i = 0; i < k.len && i < 190; i++) snprintf(found + 2 * i, 3, "%02x", k.p[i]);
    assert_string_equal(found, hex);
    if (both) assert_int_equal(codec_decode(c, k.p, k.len, len, items, len), 0);
    coded_free(&k);
}

static int decode_hex(struct tsr_zcodec *c, const char *hex, void *to, size_t cap)
{
    uint8_t in[256];
    size_t n = strlen(hex) / 2, got;
    unsigned v = 0;
    for (size_t i = 0; i < n; i++) {
        sscanf(hex + 2 * i, "%2x", &v);
        in[i] = (uint8_t)v;
    }
    return c->kind->decode(c, worker, in, n, to, cap, &got);
}

static void open_items(struct tsr_zcodec *c, const char *name, const char *config, int format,
                       const char *type, int64_t n)
{
    struct tsr_zview v = items_view(type, format, 1, &n);
    codec_must_open(c, name, config, format, &v);
}

/* ---- order and shape ---- */

/* Item by item: encoded axis i is decoded axis order[i]. */
static void transpose_slowly(const struct tsr_zcodec *c, const int *order, const uint8_t *src,
                             size_t size, uint8_t *dst)
{
    int ndim = c->in.ndim;
    int64_t n = tsr_zview_count(&c->in);
    for (int64_t i = 0; i < n; i++) {
        int64_t index[8], rest = i, at = 0;
        for (int d = ndim - 1; d >= 0; d--) {
            index[d] = rest % c->in.shape[d];
            rest /= c->in.shape[d];
        }
        for (int d = 0; d < ndim; d++) at = at * c->out.shape[d] + index[order[d]];
        memcpy(dst + (size_t)at * size, src + (size_t)i * size, size);
    }
}

static void each_order(int ndim, int *order, int used, int64_t *shape, const char *type)
{
    static uint8_t data[MOST * 8], want[MOST * 8];
    if (used < ndim) {
        for (int a = 0; a < ndim; a++) {
            bool taken = false;
            for (int k = 0; k < used; k++) taken |= order[k] == a;
            order[used] = a;
            if (!taken) each_order(ndim, order, used + 1, shape, type);
        }
        return;
    }
    struct tsr_zview v = items_view(type, 3, ndim, shape);
    struct tsr_zcodec c = {.kind = tsr_zcodec_find("transpose", 3), .in = v, .doc = doc};
    struct coded k;
    size_t n = (size_t)v.bytes;
    assert_int_equal(tsr_zcodec_transpose(&c, order), 0);
    for (size_t i = 0; i < n; i++) data[i] = (uint8_t)rnd();
    transpose_slowly(&c, order, data, (size_t)v.dtype->item_bytes, want);
    assert_int_equal(codec_encode(&c, data, n, &k), 0);
    assert_memory_equal(k.p, want, n);
    assert_int_equal(codec_decode(&c, k.p, k.len, n, data, n), 0);
    coded_free(&k);
}

static void transpose_moves_every_item_to_its_place(void **state)
{
    int64_t shapes[][4] = {{0} /* no axis */, {5},       {33, 70},     {1, 40},
                           {4, 35, 37},       {1, 6, 1}, {3, 2, 9, 5}, {2, 1, 8, 33}};
    static const char *const types[] = {"\"uint8\"", "\"int32\"", "\"float64\"", "\"complex128\"",
                                        "\"r24\""};
    int order[4];
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            int ndim = 0;
            while (ndim < 4 && shapes[i][ndim]) ndim++;
            each_order(ndim, order, 0, shapes[i], types[t]);
        }
}

/* The worked case of 9.3. */
static void transpose_follows_the_worked_case(void **state)
{
    uint8_t a[24];
    struct tsr_zcodec c;
    struct coded k;
    struct tsr_zview v = items_view("\"uint8\"", 3, 3, (int64_t[]){2, 3, 4});
    (void)state;
    for (int i = 0; i < 24; i++) a[i] = (uint8_t)i;
    codec_must_open(&c, "transpose", "{\"order\": [1, 2, 0]}", 3, &v);
    assert_int_equal(c.out.shape[0], 3);
    assert_int_equal(c.out.shape[1], 4);
    assert_int_equal(c.out.shape[2], 2);
    assert_int_equal(codec_encode(&c, a, 24, &k), 0);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int l = 0; l < 4; l++)
                assert_int_equal(k.p[(j * 4 + l) * 2 + i], a[(i * 3 + j) * 4 + l]);
    coded_free(&k);
}

static void transpose_takes_items_of_any_length(void **state)
{
    static const char *const texts[] = {"a", "", "ccc", "dd", "e", "ff"};
    uint8_t src[64], want[64];
    size_t n = 0, m = 0;
    struct tsr_zcodec c;
    struct coded k;
    struct tsr_zview v = items_view("\"string\"", 3, 2, (int64_t[]){2, 3});
    (void)state;
    for (int i = 0; i < 6; i++) {
        const char *a = texts[i], *b = texts[i % 2 * 3 + i / 2];
        tsr_store_LE32(src + n, (uint32_t)strlen(a));
        memcpy(src + n + 4, a, strlen(a));
        n += 4 + strlen(a);
        tsr_store_LE32(want + m, (uint32_t)strlen(b));
        memcpy(want + m + 4, b, strlen(b));
        m += 4 + strlen(b);
    }
    codec_must_open(&c, "transpose", "{\"order\": [1, 0]}", 3, &v);
    assert_int_equal(codec_encode(&c, src, n, &k), 0);
    assert_int_equal(k.len, m);
    assert_memory_equal(k.p, want, m);
    assert_int_equal(codec_decode(&c, k.p, k.len, n, src, n), 0);
    assert_int_equal(codec_decode(&c, k.p, k.len - 1, n, NULL, 0), TSR_ECORRUPT);
    assert_int_equal(codec_decode(&c, k.p, 4, n, NULL, 0), TSR_ECORRUPT);
    coded_free(&k);
}

static void reshape_keeps_items_and_counts_them(void **state)
{
    static const struct {
        const char *config;
        int ndim; /* < 0: refused */
        int64_t shape[3];
    } cases[] = {
        {"{\"shape\": [6, 4]}", 2, {6, 4}},
        {"{\"shape\": [[0, 1], -1]}", 2, {6, 4}},
        {"{\"shape\": [[0], [1, 2]]}", 2, {2, 12}},
        {"{\"shape\": [24]}", 1, {24}},
        {"{\"shape\": [2, 2, -1]}", 3, {2, 2, 6}},
        {"{\"shape\": [5, -1]}", -1, {0}},
        {"{\"shape\": [-1, -1]}", -1, {0}},
        {"{\"shape\": [[1, 0], 4]}", -1, {0}},
        {"{\"shape\": [[2], [0, 1]]}", -1, {0}},
        {"{\"shape\": [6, 5]}", -1, {0}},
        {"{\"shape\": [-2, -12]}", -1, {0}},
        {"{\"shape\": 24}", -1, {0}},
        {"{}", -1, {0}},
        {"{\"shape\": [[3], 24]}", -1, {0}},
        {"{\"shape\": [4611686018427387904, 8]}", -1, {0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tsr_zcodec c;
        struct tsr_zview v = items_view("\"int16\"", 3, 3, (int64_t[]){2, 3, 4});
        int rc = codec_open(&c, "reshape", cases[i].config, 3, &v);
        if (rc != (cases[i].ndim < 0 ? TSR_ECORRUPT : TSR_OK))
            fail_msg("%s: %d %s", cases[i].config, rc, tsr_error());
        if (rc < 0) continue;
        assert_int_equal(c.out.ndim, cases[i].ndim);
        for (int d = 0; d < c.out.ndim; d++) assert_int_equal(c.out.shape[d], cases[i].shape[d]);
    }
}

/* ---- bytes ---- */

static void bytes_turns_each_field_by_itself(void **state)
{
    struct tsr_zcodec c;
    const uint8_t item[] = {1, 2, 3, 4, 5, 6, 7};
    (void)state;
    open_items(&c, "bytes", "{\"endian\": \"big\"}", 3,
               "{\"name\": \"struct\", \"configuration\": {\"fields\": [{\"name\": \"a\", "
               "\"data_type\": \"int16\"}, {\"name\": \"b\", \"data_type\": \"uint8\"}, {\"name\": "
               "\"c\", \"data_type\": \"float32\"}]}}",
               1);
    expect(&c, item, 7, "02010307060504", true);
    open_items(&c, "bytes", "{\"endian\": \"big\"}", 3, "\"complex64\"", 1);
    expect(&c, (const uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8, "0403020108070605", true);
}

static void values_that_no_item_can_have_are_refused(void **state)
{
    struct tsr_zcodec c;
    uint8_t out[8];
    (void)state;
    open_items(&c, "bytes", "{}", 3, "\"bool\"", 2);
    assert_int_equal(decode_hex(&c, "0100", out, 2), TSR_OK);
    assert_int_equal(decode_hex(&c, "0002", out, 2), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "item 1"));
    open_items(&c, "bytes", "{\"endian\": \"little\"}", 3,
               "{\"name\": \"fixed_length_utf32\", \"configuration\": {\"length_bytes\": 8}}", 1);
    assert_int_equal(decode_hex(&c, "ffff100041000000", out, 8), TSR_OK);
    assert_int_equal(decode_hex(&c, "0000110041000000", out, 8), TSR_ECORRUPT);
    assert_int_equal(decode_hex(&c, "4100000000d80000", out, 8), TSR_ECORRUPT);
    open_items(&c, "bytes", "{}", 3, "\"int4\"", 2);
    assert_int_equal(decode_hex(&c, "f879", out, 2), TSR_OK);
    assert_int_equal(out[0], 0xF8);
    assert_int_equal(out[1], 0xF9);
    open_items(&c, "bytes", "{}", 3, "\"uint2\"", 2);
    assert_int_equal(decode_hex(&c, "ff02", out, 2), TSR_OK);
    assert_int_equal(out[0], 3);
}

/* ---- filters ---- */

static void delta_wraps_and_cuts(void **state)
{
    struct tsr_zcodec c;
    struct coded k;
    (void)state;
    open_items(&c, "delta", "{\"dtype\": \"|u1\"}", 2, "\"|u1\"", 3);
    expect(&c, (const uint8_t[]){255, 0, 78}, 3, "ff014e", true);
    open_items(&c, "delta", "{\"dtype\": \"<i4\", \"astype\": \"|i1\"}", 2, "\"<i4\"", 3);
    expect(&c, (const int32_t[]){100, 101, 90}, 12, "6401f5", true);
    assert_int_equal(codec_encode(&c, (const uint8_t *)(const int32_t[]){200, 1, 1}, 12, &k),
                     TSR_EARG);
    coded_free(&k);
    open_items(&c, "delta", "{\"dtype\": \"<i4\", \"astype\": \"<u2\"}", 2, "\"<i4\"", 2);
    assert_int_equal(codec_encode(&c, (const uint8_t *)(const int32_t[]){-1, 1}, 8, &k), TSR_EARG);
    coded_free(&k);
    struct tsr_zview v = items_view("\"|b1\"", 2, 1, &(int64_t){4});
    assert_int_equal(codec_open(&c, "delta", "{\"dtype\": \"|b1\"}", 2, &v), TSR_EUNSUPPORTED);
}

static void filters_take_bytes_as_items_in_format_2(void **state)
{
    struct tsr_zcodec c;
    struct tsr_zview v = bytes_view(8), odd = bytes_view(7), open = bytes_view(-1);
    struct tsr_buf out = {0};
    (void)state;
    codec_must_open(&c, "delta", "{\"dtype\": \"<u2\", \"astype\": \"<i4\"}", 2, &v);
    assert_true(c.out.items);
    assert_int_equal(c.out.bytes, 16);
    assert_int_equal(codec_open(&c, "delta", "{\"dtype\": \"<u2\"}", 2, &odd), TSR_ECORRUPT);
    assert_int_equal(codec_open(&c, "numcodecs.delta", "{\"dtype\": \"<u2\"}", 3, &v),
                     TSR_ECORRUPT);
    codec_must_open(&c, "delta", "{\"dtype\": \"<u2\"}", 2, &open);
    assert_int_equal(tsr_zcodec_decode(&c, worker, (const uint8_t *)"\1\0\1\0", 4, 100, &out), 0);
    assert_memory_equal(out.p, "\1\0\2\0", 4);
    assert_int_equal(tsr_zcodec_decode(&c, worker, (const uint8_t *)"\1\0\1", 3, 100, &out),
                     TSR_ECORRUPT);
    tsr_buf_free(&out);
}

static void fixedscaleoffset_has_numpys_arithmetic(void **state)
{
    struct tsr_zcodec c;
    struct coded k;
    double back = 0;
    (void)state;
    /* (14.95 + 100) * 10 = 1149.5, a tie, goes to 1150 */
    open_items(&c, "fixedscaleoffset",
               "{\"offset\": -100, \"scale\": 10, \"dtype\": \"<f8\", \"astype\": \"<u2\"}", 2,
               "\"<f8\"", 1);
    expect(&c, (const double[]){14.950000000000003}, 8, "7e04", false);
    assert_int_equal(decode_hex(&c, "7d04", &back, 8), 0);
    assert_true(back == 1149 / 10.0 - 100);
    /* integers and whole numbers stay in their type and wrap */
    open_items(&c, "fixedscaleoffset",
               "{\"offset\": 1, \"scale\": 3, \"dtype\": \"|u1\", \"astype\": \"|u1\"}", 2,
               "\"|u1\"", 2);
    expect(&c, (const uint8_t[]){0, 101}, 2, "fd2c", false);
    open_items(&c, "fixedscaleoffset",
               "{\"offset\": 0, \"scale\": 1e300, \"dtype\": \"<f8\", \"astype\": \"<i4\"}", 2,
               "\"<f8\"", 1);
    assert_int_equal(codec_encode(&c, (const uint8_t *)(const double[]){1}, 8, &k), TSR_EARG);
    coded_free(&k);
    struct tsr_zview v = items_view("\"<f8\"", 2, 1, &(int64_t){4});
    assert_int_equal(codec_open(&c, "fixedscaleoffset", "{\"offset\": 0, \"dtype\": \"<f8\"}", 2,
                                &v),
                     TSR_ECORRUPT);
}

static void quantize_and_bitround_round_to_even(void **state)
{
    struct tsr_zcodec c;
    uint32_t bits[] = {0x3FC00000, 0x40400000, 0x40400001}; /* 1.5, 3, more than 3 */
    const double values[] = {0.4, 1.0 / 3};
    (void)state;
    open_items(&c, "bitround", "{\"keepbits\": 0}", 3, "\"float32\"", 3);
    expect(&c, bits, 12,
           "00000040"
           "00000040"
           "00008040",
           false);
    struct tsr_zview v = items_view("\"float32\"", 3, 1, &(int64_t){3});
    assert_int_equal(codec_open(&c, "bitround", "{\"keepbits\": 24}", 3, &v), TSR_ECORRUPT);
    assert_int_equal(codec_open(&c, "bitround", "{\"keepbits\": -1}", 3, &v), TSR_ECORRUPT);
    v = items_view("\"int32\"", 3, 1, &(int64_t){3});
    assert_int_equal(codec_open(&c, "bitround", "{\"keepbits\": 4}", 3, &v), TSR_ECORRUPT);
    open_items(&c, "quantize", "{\"digits\": 1, \"dtype\": \"<f8\"}", 2, "\"<f8\"", 2);
    struct coded k;
    double got[2];
    assert_int_equal(codec_encode(&c, (const uint8_t *)values, 16, &k), 0);
    memcpy(got, k.p, 16);
    assert_true(got[0] == 0.375 && got[1] == 0.3125);
    coded_free(&k);
}

static void astype_saturates_when_it_decodes(void **state)
{
    struct tsr_zcodec c;
    struct coded k;
    uint8_t out[4];
    (void)state;
    open_items(&c, "astype", "{\"encode_dtype\": \"<f4\", \"decode_dtype\": \"|i1\"}", 2, "\"|i1\"",
               4);
    /* 300, -1e30, NaN, -1.5 */
    assert_int_equal(decode_hex(&c,
                                "00009643"
                                "caf249f1"
                                "0000c07f"
                                "0000c0bf",
                                out, 4),
                     0);
    assert_memory_equal(out, "\x7f\x80\x00\xff", 4);
    open_items(&c, "astype", "{\"encode_dtype\": \"|i1\", \"decode_dtype\": \"<f4\"}", 2, "\"<f4\"",
               1);
    assert_int_equal(codec_encode(&c, (const uint8_t *)(const float[]){128}, 4, &k), TSR_EARG);
    coded_free(&k);
    expect(&c, (const float[]){-128.9F}, 4, "80", false);
}

static void the_two_packbits_differ(void **state)
{
    const uint8_t bools[] = {1, 0, 0, 1, 1, 0, 1, 0, 1, 1};
    struct tsr_zcodec c;
    uint8_t out[10];
    (void)state;
    open_items(&c, "packbits", "{}", 2, "\"|b1\"", 10);
    expect(&c, bools, 10, "069ac0", true);
    assert_int_equal(decode_hex(&c, "089ac0", out, 10), TSR_ECORRUPT);
    assert_int_equal(decode_hex(&c, "059ac0", out, 10), TSR_ECORRUPT);
    open_items(&c, "packbits", "{}", 3, "\"bool\"", 10);
    expect(&c, bools, 10, "5903", true);
    open_items(&c, "packbits", "{\"padding_encoding\": \"first_byte\"}", 3, "\"bool\"", 10);
    expect(&c, bools, 10, "065903", true);
    assert_int_equal(decode_hex(&c, "055903", out, 10), TSR_ECORRUPT);
    open_items(&c, "packbits", "{\"padding_encoding\": \"last_byte\"}", 3, "\"bool\"", 10);
    expect(&c, bools, 10, "590306", true);
    open_items(&c, "packbits", "{\"first_bit\": 4, \"last_bit\": 6}", 3, "\"int8\"", 2);
    expect(&c, (const uint8_t[]){0x30, 0xC0}, 2, "23", true); /* 011, then 100: its sign */
    struct tsr_zview v = items_view("\"int8\"", 3, 1, &(int64_t){2});
    assert_int_equal(codec_open(&c, "packbits", "{\"first_bit\": 5, \"last_bit\": 4}", 3, &v),
                     TSR_ECORRUPT);
    assert_int_equal(codec_open(&c, "packbits", "{\"last_bit\": 8}", 3, &v), TSR_ECORRUPT);
    assert_int_equal(codec_open(&c, "packbits", "{\"padding_encoding\": \"x\"}", 3, &v),
                     TSR_ECORRUPT);
}

/* ---- cast_value and scale_offset ---- */

/* What one float64 becomes as another type; the status. */
static int cast_one(const char *members, const char *to, double v, void *out, size_t size)
{
    char config[200];
    struct tsr_zcodec c;
    struct coded k = {0};
    snprintf(config, sizeof config, "{\"data_type\": \"%s\"%s}", to, members);
    open_items(&c, "cast_value", config, 3, "\"float64\"", 1);
    int rc = codec_encode(&c, (const uint8_t *)&v, 8, &k);
    if (rc == TSR_OK) memcpy(out, k.p, size);
    coded_free(&k);
    return rc;
}

static void cast_value_rounds_as_it_is_told(void **state)
{
    static const struct {
        const char *mode;
        int8_t results[6];
    } modes[] = {{"nearest-even", {2, 4, -2, -4, 2, -1}},
                 {"towards-zero", {2, 3, -2, -3, 1, -1}},
                 {"towards-positive", {3, 4, -2, -3, 2, -1}},
                 {"towards-negative", {2, 3, -3, -4, 1, -2}},
                 {"nearest-away", {3, 4, -3, -4, 2, -1}}};
    static const double values[6] = {2.5, 3.5, -2.5, -3.5, 1.75, -1.25};
    (void)state;
    for (size_t m = 0; m < 5; m++)
        for (int i = 0; i < 6; i++) {
            char members[60];
            int8_t got = 0;
            snprintf(members, sizeof members, ", \"rounding\": \"%s\"", modes[m].mode);
            assert_int_equal(cast_one(members, "int8", values[i], &got, 1), 0);
            assert_int_equal(got, modes[m].results[i]);
        }
}

static void cast_value_rounds_floats_once(void **state)
{
    static const struct {
        const char *mode;
        double v;
        float want;
    } cases[] = {
        {"nearest-even", 1 + 0x1p-24, 1},
        {"nearest-away", 1 + 0x1p-24, 1 + 0x1p-23F},
        {"towards-positive", 1 + 0x1p-30, 1 + 0x1p-23F},
        {"towards-negative", -1 - 0x1p-30, -1 - 0x1p-23F},
        {"towards-zero", 1 + 0x1.fp-24, 1},
        {"nearest-even", 0x1p-149 * 1.5, 0x1p-148F},
        {"towards-zero", 0x1p-149 * 1.5, 0x1p-149F},
        {"towards-positive", 1e-300, 0x1p-149F},
        {"nearest-even", -1e-300, -0.0F},
        {"nearest-even", 0x1.fffffefp127, 0x1.fffffep127F},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[60];
        float got = 0;
        snprintf(members, sizeof members, ", \"rounding\": \"%s\"", cases[i].mode);
        assert_int_equal(cast_one(members, "float32", cases[i].v, &got, 4), 0);
        if (memcmp(&got, &cases[i].want, 4) != 0)
            fail_msg("case %zu: found %a, expected %a", i, (double)got, (double)cases[i].want);
    }
    /* integers that no double holds, to the floats around them */
    struct tsr_zcodec c;
    const uint64_t big[] = {(1ull << 63) + 1, (1ull << 63) + 1024, UINT64_MAX};
    open_items(&c, "cast_value", "{\"data_type\": \"float64\"}", 3, "\"uint64\"", 3);
    expect(&c, big, 24,
           "000000000000e043"
           "000000000000e043"
           "000000000000f043",
           false);
    open_items(&c, "cast_value", "{\"data_type\": \"float64\", \"rounding\": \"towards-positive\"}",
               3, "\"uint64\"", 3);
    expect(&c, big, 24,
           "010000000000e043"
           "010000000000e043"
           "000000000000f043",
           false);
}

static void cast_value_minds_its_range(void **state)
{
    uint8_t got = 0;
    float f = 0;
    (void)state;
    assert_int_equal(cast_one("", "uint8", 256, &got, 1), TSR_EARG);
    assert_int_equal(cast_one("", "uint8", -1, &got, 1), TSR_EARG);
    assert_int_equal(cast_one("", "uint8", -0.25, &got, 1), TSR_OK);
    assert_int_equal(got, 0);
    assert_int_equal(cast_one(", \"out_of_range\": \"clamp\"", "uint8", 1e9, &got, 1), 0);
    assert_int_equal(got, 255);
    assert_int_equal(cast_one(", \"out_of_range\": \"clamp\"", "uint8", -INFINITY, &got, 1), 0);
    assert_int_equal(got, 0);
    assert_int_equal(cast_one(", \"out_of_range\": \"wrap\"", "uint8", 256 + 44, &got, 1), 0);
    assert_int_equal(got, 44);
    assert_int_equal(cast_one(", \"out_of_range\": \"wrap\"", "uint8", -1, &got, 1), 0);
    assert_int_equal(got, 255);
    assert_int_equal(cast_one(", \"out_of_range\": \"wrap\"", "uint8", 0x1p80 + 0x1p30, &got, 1),
                     0);
    assert_int_equal(got, 0);
    assert_int_equal(cast_one(", \"out_of_range\": \"wrap\"", "uint8", INFINITY, &got, 1),
                     TSR_EARG);
    assert_int_equal(cast_one("", "uint8", NAN, &got, 1), TSR_EARG);
    assert_int_equal(cast_one("", "float32", 1e39, &f, 4), TSR_EARG);
    assert_int_equal(cast_one(", \"out_of_range\": \"clamp\"", "float32", -1e39, &f, 4), 0);
    assert_true(f == -INFINITY);
    assert_int_equal(cast_one("", "float32", INFINITY, &f, 4), 0);
    assert_true(f == INFINITY);
    assert_int_equal(cast_one(", \"scalar_map\": {\"encode\": [[\"NaN\", 9], [3.5, 7]]}", "uint8",
                              NAN, &got, 1),
                     0);
    assert_int_equal(got, 9);
    assert_int_equal(cast_one(", \"scalar_map\": {\"encode\": [[\"NaN\", 9], [3.5, 7]]}", "uint8",
                              3.5, &got, 1),
                     0);
    assert_int_equal(got, 7);
}

static void fill_values_go_along(void **state)
{
    struct tsr_zcodec c;
    struct tsr_zview v = items_view("\"float64\"", 3, 1, &(int64_t){4});
    const double fill = 12, half = 12.5;
    (void)state;
    v.fill = (const uint8_t *)&fill;
    codec_must_open(&c, "cast_value", "{\"data_type\": \"int16\"}", 3, &v);
    assert_memory_equal(c.out.fill, "\x0c\0", 2);
    codec_must_open(&c, "scale_offset", "{\"offset\": 2, \"scale\": 0.5}", 3, &v);
    double got;
    memcpy(&got, c.out.fill, 8);
    assert_true(got == 5);
    codec_must_open(&c, "numcodecs.astype", "{\"encode_dtype\": \"int16\"}", 3, &v);
    assert_memory_equal(c.out.fill, "\x0c\0", 2);
    v.fill = (const uint8_t *)&half;
    assert_int_equal(codec_open(&c, "cast_value", "{\"data_type\": \"int16\"}", 3, &v),
                     TSR_ECORRUPT);
    v = items_view("\"uint8\"", 3, 1, &(int64_t){4});
    assert_int_equal(codec_open(&c, "scale_offset", "{\"offset\": 9}", 3, &v), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "fill_value"));
}

static void scale_offset_stays_in_its_type(void **state)
{
    struct tsr_zcodec c;
    struct coded k;
    int8_t out[2];
    (void)state;
    open_items(&c, "scale_offset", "{\"offset\": 1, \"scale\": 3}", 3, "\"int8\"", 2);
    expect(&c, (const int8_t[]){5, -2}, 2, "0cf7", true);
    assert_int_equal(codec_encode(&c, (const uint8_t *)(const int8_t[]){100, 0}, 2, &k), TSR_EARG);
    coded_free(&k);
    assert_int_equal(codec_encode(&c, (const uint8_t *)(const int8_t[]){-128, 0}, 2, &k), TSR_EARG);
    coded_free(&k);
    assert_int_equal(decode_hex(&c, "0d00", out, 2), TSR_ECORRUPT);
    struct tsr_zview v = items_view("\"int8\"", 3, 1, &(int64_t){4});
    assert_int_equal(codec_open(&c, "scale_offset", "{\"scale\": 0}", 3, &v), TSR_ECORRUPT);
    assert_int_equal(codec_open(&c, "scale_offset", "{\"scale\": 1, \"x\": 1}", 3, &v),
                     TSR_ECORRUPT);
    open_items(&c, "scale_offset", "{\"scale\": 10}", 3, "\"float32\"", 2);
    assert_int_equal(codec_encode(&c, (const uint8_t *)(const float[]){3e38F, 0}, 8, &k), TSR_EARG);
    coded_free(&k);
    expect(&c, (const float[]){INFINITY, 1}, 8,
           "0000807f"
           "00002041",
           true);
}

/* ---- variable length ---- */

static void items_of_variable_length_must_be_all_there(void **state)
{
    static const char *const broken[] = {
        "",     /* no count */
        "0200", /* half a count */
        "03000000"
        "00000000"
        "00000000", /* another count */
        "ffffffff"
        "00000000"
        "00000000",
        "02000000"
        "00000000", /* an item is missing */
        "02000000"
        "00000000"
        "01000000", /* and its byte */
        "02000000"
        "00000000"
        "ffffffff"
        "61",
        "02000000"
        "00000000"
        "00000000"
        "00", /* a byte too much */
        "02000000"
        "01000000ff"
        "00000000", /* no UTF-8 */
    };
    struct tsr_zcodec c;
    uint8_t out[64];
    (void)state;
    open_items(&c, "vlen-utf8", "{}", 3, "\"string\"", 2);
    assert_int_equal(decode_hex(&c,
                                "02000000"
                                "02000000c3a9"
                                "00000000",
                                out, 64),
                     0);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(decode_hex(&c, broken[i], out, 64), TSR_ECORRUPT);
    open_items(&c, "vlen-bytes", "{}", 3, "\"bytes\"", 2);
    assert_int_equal(decode_hex(&c, broken[8], out, 64), TSR_OK);
    open_items(&c, "vlen-array", "{\"dtype\": \">i2\"}", 2, "\"|O\"", 1);
    assert_int_equal(decode_hex(&c,
                                "01000000"
                                "020000000001",
                                out, 64),
                     0);
    assert_int_equal(decode_hex(&c,
                                "01000000"
                                "03000000000102",
                                out, 64),
                     TSR_ECORRUPT);
    struct tsr_zview v = items_view("\"int8\"", 3, 1, &(int64_t){4});
    assert_int_equal(codec_open(&c, "vlen-utf8", "{}", 3, &v), TSR_ECORRUPT);
    v = items_view("\"bytes\"", 3, 1, &(int64_t){4});
    assert_int_equal(codec_open(&c, "vlen-utf8", "{}", 3, &v), TSR_ECORRUPT);
    assert_int_equal(codec_open(&c, "bytes", "{}", 3, &v), TSR_ECORRUPT);
}

static void objects_follow_their_shape(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"[[\"a\",\"b\"],[1,null],\"|O\",[2,2]]", 0},
        {"[\"a\",\"b\",1,null,\"|O\",[4]]", 0}, /* flat, as zarr-python stores order F */
        {"[[\"a\",\"b\"],[1],\"|O\",[2,2]]", TSR_ECORRUPT},
        {"[[\"a\",\"b\"],\"|O\",[2,2]]", TSR_ECORRUPT},
        {"[[\"a\",\"b\"],[1,null],\"|O\",[2,3]]", TSR_ECORRUPT},
        {"[[\"a\",\"b\"],[1,null],\"|O\",4]", TSR_ECORRUPT},
        {"[[\"a\",\"b\"],[1,null],\"|O\",[4611686018427387904,4]]", TSR_ECORRUPT},
        {"[[\"a\",\"b\"],3,\"|O\",[2,2]]", TSR_ECORRUPT},
        {"{}", TSR_ECORRUPT},
        {"[[\"a\",\"b\"],[1,null],\"|O\",[2,2]", TSR_ECORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tsr_zview v = items_view("\"|O\"", 2, 2, (int64_t[]){2, 2});
        struct tsr_zcodec c;
        uint8_t out[64];
        size_t n = 0;
        codec_must_open(&c, "json2", "{\"encoding\": \"utf-8\"}", 2, &v);
        int rc = c.kind->decode(&c, worker, (const uint8_t *)cases[i].text, strlen(cases[i].text),
                                out, sizeof out, &n);
        if (rc != cases[i].status) fail_msg("%s: %d %s", cases[i].text, rc, tsr_error());
        if (rc == 0)
            assert_memory_equal(out, "\3\0\0\0\"a\"\3\0\0\0\"b\"\1\0\0\0001\4\0\0\0null", 27);
    }
    struct tsr_zview v = items_view("\"|O\"", 2, 1, &(int64_t){1});
    struct tsr_zcodec c;
    assert_int_equal(codec_open(&c, "json2", "{\"encoding\": \"utf-16\"}", 2, &v),
                     TSR_EUNSUPPORTED);
    assert_int_equal(codec_open(&c, "pickle", "{}", 2, &v), TSR_EUNSUPPORTED);
}

static void categories_beyond_the_labels_are_refused(void **state)
{
    struct tsr_zcodec c;
    uint8_t out[64];
    (void)state;
    open_items(&c, "categorize", "{\"labels\": [\"lo\", \"h\\u00ef\"], \"dtype\": \"|O\"}", 2,
               "\"|O\"", 2);
    assert_int_equal(decode_hex(&c, "0200", out, 64), 0);
    assert_memory_equal(out, "\3\0\0\0h\xc3\xaf\0\0\0\0", 11);
    assert_int_equal(decode_hex(&c, "0300", out, 64), TSR_ECORRUPT);
    assert_int_equal(decode_hex(&c, "0200", out, 10), TSR_ELIMIT);
    open_items(&c, "categorize", "{\"labels\": [\"lo\", \"h\\u00ef\"], \"astype\": \"<i2\"}", 2,
               "\"<U1\"", 1);
    assert_int_equal(decode_hex(&c, "0200", out, 4), 0);
    assert_memory_equal(out, "h\0\0\0", 4);
    assert_int_equal(decode_hex(&c, "ffff", out, 4), TSR_ECORRUPT);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, doc_start, doc_stop)
    const struct CMUnitTest tests[] = {
        CASE(every_codec_gives_back_the_items),
        CASE(cut_longer_and_changed_values_do_no_harm),
        CASE(transpose_moves_every_item_to_its_place),
        CASE(transpose_follows_the_worked_case),
        CASE(transpose_takes_items_of_any_length),
        CASE(reshape_keeps_items_and_counts_them),
        CASE(bytes_turns_each_field_by_itself),
        CASE(values_that_no_item_can_have_are_refused),
        CASE(delta_wraps_and_cuts),
        CASE(filters_take_bytes_as_items_in_format_2),
        CASE(fixedscaleoffset_has_numpys_arithmetic),
        CASE(quantize_and_bitround_round_to_even),
        CASE(astype_saturates_when_it_decodes),
        CASE(the_two_packbits_differ),
        CASE(cast_value_rounds_as_it_is_told),
        CASE(cast_value_rounds_floats_once),
        CASE(cast_value_minds_its_range),
        CASE(fill_values_go_along),
        CASE(scale_offset_stays_in_its_type),
        CASE(items_of_variable_length_must_be_all_there),
        CASE(objects_follow_their_shape),
        CASE(categories_beyond_the_labels_are_refused),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
