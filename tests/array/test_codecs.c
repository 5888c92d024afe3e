/* SPDX-License-Identifier: BSD-3-Clause */
/* Registered codecs and filters, and arrays with dictionaries, through the public calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tessera/tessera.h>

#define OK(call)                                                \
    do {                                                        \
        if ((call) < 0) fail_msg("%s: %s", #call, tsr_error()); \
    } while (0)

enum { ROWS = 300, COLS = 200, CODEC = 200, FILTER = 201 };
static int32_t data[ROWS][COLS], back[ROWS][COLS];

/* What the codec was asked, and what it is to answer. */
struct calls {
    _Atomic int encoded, decoded, ndim, item, meta; /* written on many threads */
    int answer;
    size_t too_long;
};

/* Keeps one byte of four where the others are 0. */
static int quarter_encode(void *user, const tsr_block_info *b, const void *src, size_t n, void *dst,
                          size_t cap, size_t *len)
{
    struct calls *c = user;
    const uint8_t *in = src;
    c->encoded++;
    c->ndim = b->ndim;
    c->item = (int)b->item_bytes;
    c->meta = b->meta;
    *len = 0;
    if (c->answer) return c->answer;
    if (n / 4 > cap || n % 4) return 0;
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) ((uint8_t *)dst)[i / 4] = (uint8_t)(in[i] + b->meta);
        else if (in[i]) return 0;
    }
    *len = n / 4 + c->too_long;
    return 0;
}

static int quarter_decode(void *user, const tsr_block_info *b, const void *src, size_t len,
                          void *dst, size_t n)
{
    struct calls *c = user;
    c->decoded++;
    if (len * 4 != n) return 1;
    memset(dst, 0, n);
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)dst)[4 * i] = (uint8_t)(((const uint8_t *)src)[i] - b->meta);
    return 0;
}

/* Adds meta to each byte, or takes it away. */
static int plus(void *user, const tsr_block_info *b, const void *src, void *dst, size_t n)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)dst)[i] = (uint8_t)(((const uint8_t *)src)[i] + b->meta);
    return 0;
}

static int minus(void *user, const tsr_block_info *b, const void *src, void *dst, size_t n)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)dst)[i] = (uint8_t)(((const uint8_t *)src)[i] - b->meta);
    return 0;
}

static tsr_user_codec quarter(struct calls *c)
{
    return (tsr_user_codec){.size = sizeof(tsr_user_codec),
                            .name = "quarter",
                            .blosc2_id = CODEC,
                            .user = c,
                            .encode = quarter_encode,
                            .decode = quarter_decode};
}

static const tsr_user_filter shift = {.size = sizeof(tsr_user_filter),
                                      .name = "shift_up",
                                      .about = "adds its meta to each byte",
                                      .blosc2_id = FILTER,
                                      .encode = plus,
                                      .decode = minus};

static tsr_context *context(void)
{
    tsr_context *c = NULL;
    OK(tsr_context_new(&(tsr_context_options){.size = sizeof(tsr_context_options), .threads = 2},
                       &c));
    return c;
}

static void fill(void)
{
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++) data[i][j] = (i * 7 + j * j) % 200;
}

static tsr_spec spec_of(const tsr_step *steps, int n)
{
    static const int64_t shape[] = {ROWS, COLS}, chunks[] = {100, 100}, blocks[] = {20, 50};
    return (tsr_spec){.size = sizeof(tsr_spec),
                      .dtype = "<i4",
                      .ndim = 2,
                      .shape = shape,
                      .chunks = chunks,
                      .blocks = blocks,
                      .steps = steps,
                      .nsteps = n};
}

/* The data in a frame in memory, written with these steps. */
static int write_frame(tsr_context *c, const tsr_step *steps, int n, void **buf, size_t *len)
{
    tsr_spec spec = spec_of(steps, n);
    tsr_options o = {.size = sizeof o, .context = c};
    tsr_array *a = NULL;
    int rc = tsr_array_create(NULL, &spec, &o, &a);
    if (rc == 0) rc = tsr_array_write(a, NULL, data, sizeof data);
    if (rc == 0) rc = tsr_array_to_frame(a, buf, len);
    tsr_array_drop(a);
    return rc;
}

static int read_frame(tsr_context *c, const void *buf, size_t len)
{
    tsr_options o = {.size = sizeof o, .context = c};
    tsr_array *a = NULL;
    memset(back, 0xEE, sizeof back);
    int rc = tsr_array_from_frame(buf, len, 0, &o, &a);
    if (rc == 0) rc = tsr_array_read(a, NULL, back, sizeof back);
    tsr_array_close(a);
    return rc;
}

static void a_registered_codec_writes_and_reads_files(void **state)
{
    (void)state;
    struct calls calls = {0};
    tsr_user_codec codec = quarter(&calls);
    tsr_context *c = context(), *other = context();
    const tsr_step step = {"quarter", "meta=3"};
    void *buf = NULL;
    size_t len = 0;
    fill();
    assert_int_equal(write_frame(c, &step, 1, &buf, &len), TSR_EARG);
    OK(tsr_codec_register(c, &codec));
    OK(write_frame(c, &step, 1, &buf, &len));
    assert_true(calls.encoded > 0 && calls.ndim == 2 && calls.item == 4 && calls.meta == 3);
    assert_true(len < sizeof data / 2);
    OK(read_frame(c, buf, len));
    assert_memory_equal(back, data, sizeof data);
    assert_true(calls.decoded > 0);
    assert_int_equal(read_frame(other, buf, len), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "codec 200"));
    tsr_array *a = NULL, *copy = NULL;
    tsr_options o = {.size = sizeof o, .context = other};
    OK(tsr_array_from_frame(buf, len, 0, &o, &a));
    assert_string_equal(tsr_array_spec(a)->steps[0].name, "id200");
    assert_int_equal(tsr_array_copy(a, NULL, NULL, &o, &copy), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "codec 200"));
    tsr_array_close(a);
    OK(tsr_array_from_frame(buf, len, 0, &(tsr_options){.size = sizeof(tsr_options), .context = c},
                            &a));
    assert_string_equal(tsr_array_spec(a)->steps[0].name, "quarter");
    tsr_array_close(a);
    tsr_free(buf);
    tsr_context_free(c);
    tsr_context_free(other);
}

static void a_registered_filter_stands_among_the_others(void **state)
{
    (void)state;
    tsr_context *c = context(), *other = context();
    const tsr_step steps[] = {{"shift_up", "meta=9"}, {"shuffle", NULL}, {"lz4", NULL}};
    void *buf = NULL;
    size_t len = 0;
    fill();
    OK(tsr_filter_register(c, &shift));
    OK(write_frame(c, steps, 3, &buf, &len));
    OK(read_frame(c, buf, len));
    assert_memory_equal(back, data, sizeof data);
    assert_int_equal(read_frame(other, buf, len), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "filter 201"));
    /* without what undoes it the reader sees what the filter made */
    tsr_user_filter one_way = shift;
    one_way.decode = NULL;
    OK(tsr_filter_register(other, &one_way));
    OK(read_frame(other, buf, len));
    assert_int_equal(back[0][0], data[0][0] + 0x09090909);
    tsr_free(buf);
    tsr_context_free(c);
    tsr_context_free(other);
}

static void what_a_codec_answers_is_what_the_caller_hears(void **state)
{
    (void)state;
    struct calls calls = {0};
    tsr_user_codec codec = quarter(&calls);
    tsr_context *c = context();
    const tsr_step step = {"quarter", NULL};
    void *buf = NULL;
    size_t len = 0;
    fill();
    OK(tsr_codec_register(c, &codec));
    calls.answer = TSR_ETEMP;
    assert_int_equal(write_frame(c, &step, 1, &buf, &len), TSR_ETEMP);
    calls.answer = 17;
    assert_int_equal(write_frame(c, &step, 1, &buf, &len), TSR_EARG);
    assert_non_null(strstr(tsr_error(), "quarter: its encode answered 17"));
    calls.answer = 0;
    calls.too_long = 1 << 20;
    assert_int_equal(write_frame(c, &step, 1, &buf, &len), TSR_EARG);
    calls.too_long = 1; /* one byte more than its decode takes */
    OK(write_frame(c, &step, 1, &buf, &len));
    assert_int_equal(read_frame(c, buf, len), TSR_ECORRUPT);
    assert_non_null(strstr(tsr_error(), "quarter: its decode answered 1"));
    tsr_free(buf);
    tsr_context_free(c);
}

static void names_and_ids_are_checked_and_taken_once(void **state)
{
    (void)state;
    struct calls calls = {0};
    tsr_context *c = context();
    tsr_user_codec codec = quarter(&calls), bad = codec;
    tsr_user_filter filter = shift;
    bad.size = 0;
    assert_int_equal(tsr_codec_register(c, &bad), TSR_EARG);
    assert_int_equal(tsr_codec_register(c, NULL), TSR_EARG);
    const char *const names[] =
        {NULL, "", "a b", "A", "a,b", "x:y", "0123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bad = codec;
        bad.name = names[i];
        assert_int_equal(tsr_codec_register(c, &bad), TSR_EARG);
    }
    const int ids[] = {-1, 0, 5, 31, 256};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        bad = codec;
        bad.blosc2_id = ids[i];
        assert_int_equal(tsr_codec_register(c, &bad), TSR_EARG);
    }
    bad = codec;
    bad.decode = NULL;
    assert_int_equal(tsr_codec_register(c, &bad), TSR_EARG);
    bad = codec;
    bad.name = "zstd";
    assert_int_equal(tsr_codec_register(c, &bad), TSR_EEXISTS);
    bad.name = "shuffle";
    assert_int_equal(tsr_codec_register(c, &bad), TSR_EEXISTS);
    OK(tsr_codec_register(c, &codec));
    assert_int_equal(tsr_codec_register(c, &codec), TSR_EEXISTS);
    bad = codec;
    bad.name = "other";
    assert_int_equal(tsr_codec_register(c, &bad), TSR_EEXISTS);
    filter.name = "quarter";
    assert_int_equal(tsr_filter_register(c, &filter), TSR_EEXISTS);
    filter.name = "shift_up";
    filter.blosc2_id = CODEC; /* the ids of codecs and filters are two rows */
    OK(tsr_filter_register(c, &filter));
    filter.name = "third";
    filter.encode = filter.decode = NULL;
    assert_int_equal(tsr_filter_register(c, &filter), TSR_EARG);
    tsr_context_free(c);
}

/* Phrases of ten items, of which each block holds a few and all blocks together the same ones. */
static void fill_phrases(void)
{
    for (unsigned i = 0; i < ROWS; i++)
        for (unsigned j = 0; j < COLS; j++) {
            unsigned phrase = (i * 2654435761u + j / 10 * 40503u) >> 7 & 255;
            data[i][j] = (int32_t)((phrase * 10 + j % 10 + 1) * 2246822519u);
        }
}

static int count_dicts(tsr_array *a)
{
    void *frame, *chunk;
    size_t len, n;
    tsr_schunk *s = NULL;
    tsr_chunk_facts facts = {.size = sizeof facts};
    int dicts = 0;
    OK(tsr_array_to_frame(a, &frame, &len));
    OK(tsr_schunk_from_frame(frame, len, 0, NULL, &s));
    for (int64_t i = 0; i < tsr_schunk_nchunks(s); i++) {
        OK(tsr_schunk_get_chunk(s, i, &chunk, &n));
        OK(tsr_chunk_info(chunk, n, &facts));
        dicts += facts.dict;
        tsr_free(chunk);
    }
    tsr_schunk_close(s);
    tsr_free(frame);
    return dicts;
}

static void arrays_with_dictionaries_are_changed_in_parts(void **state)
{
    (void)state;
    static const char *const names[] = {"zstd", "lz4", "lz4hc"};
    for (int k = 0; k < 3; k++) {
        const tsr_step step = {names[k], "clevel=5,dict=1"};
        tsr_spec spec = spec_of(&step, 1);
        tsr_array *a = NULL;
        spec.chunks = spec.shape;
        fill_phrases();
        OK(tsr_array_create(NULL, &spec, NULL, &a));
        OK(tsr_array_write(a, NULL, data, sizeof data));
        assert_string_equal(tsr_array_spec(a)->steps[0].params, "clevel=5,dict=1");
        assert_true(count_dicts(a) > 0);
        for (int round = 0; round < 12; round++) { /* blocks that stay, in chunks that change */
            int64_t start[] = {round * 23, round * 13}, count[] = {17, 30};
            int32_t patch[17][30];
            for (int i = 0; i < 17; i++)
                for (int j = 0; j < 30; j++)
                    patch[i][j] = data[start[0] + i][start[1] + j] = round * 1000 + i * j;
            OK(tsr_array_write(a, &(tsr_slice){start, count, NULL}, patch, sizeof patch));
            OK(tsr_array_read(a, NULL, back, sizeof back));
            assert_memory_equal(back, data, sizeof data);
        }
        assert_true(count_dicts(a) > 0);
        tsr_array_close(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registered_codec_writes_and_reads_files),
        cmocka_unit_test(a_registered_filter_stands_among_the_others),
        cmocka_unit_test(what_a_codec_answers_is_what_the_caller_hears),
        cmocka_unit_test(names_and_ids_are_checked_and_taken_once),
        cmocka_unit_test(arrays_with_dictionaries_are_changed_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
