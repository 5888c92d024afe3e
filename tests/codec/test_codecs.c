/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/codec/test_codecs.c - one suite over the tables of codecs and filters.
 *
 * Buffers end at a guard page, so that a byte written or read past them stops the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../worker.h"

#include "base/status.h"
#include "chunk/codecs.h"

enum { ROOM = 1 << 20, PAGE = 4096 };

static uint8_t *guarded[3]; /* ends of three areas of ROOM bytes, each before a guard page */
static uint8_t *plain;      /* the data of the case at hand */

/* Those that take any bytes and give them back; the others have test_plugins.c. */
static const struct tsr_codec *codecs[32];
static const struct tsr_filter *filters[32];

static const size_t sizes[] = {1,    2,    3,     4,     7,     8,     15,     16,
                               17,   31,   32,    33,    63,    64,    65,     127,
                               128,  129,  255,   256,   257,   1000,  4096,   5000,
                               8192, 8193, 16384, 20000, 65535, 65536, 100001, 262144};
enum { NSIZES = sizeof sizes / sizeof *sizes };

static uint64_t seed;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- kinds of data ---- */

static void fill_zeros(uint8_t *p, size_t n)
{
    memset(p, 0, n);
}

static void fill_noise(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)rnd();
}

static void fill_ramp(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)(i / 5);
}

/* Words of a small vocabulary: matches of many lengths and distances. */
static void fill_words(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint64_t w = rnd() % 300;
        for (size_t k = 0; k < 3 + w % 9 && i < n; k++)
            p[i++] = (uint8_t)('a' + (w * 7 + k * k) % 26);
    }
}

/* Short periods, which decode by overlapping copies. */
static void fill_periods(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t d = 1 + rnd() % 40, end = i + d + rnd() % 600;
        for (size_t k = i; i < n && i < end; i++) p[i] = i - k < d ? (uint8_t)rnd() : p[i - d];
    }
}

/* Noise that comes again from far away, and few other repeats. */
static void fill_far(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(rnd() & 63);
        size_t d = i >= 70000 ? 70000 : i >= 9000 ? 9000 : 0;
        if (d && i % 200 >= 20) p[i] = p[i - d];
    }
}

static void fill_sparse(uint8_t *p, size_t n)
{
    memset(p, 0, n);
    for (size_t i = 0; i < n / 50; i++) p[rnd() % n] = (uint8_t)(rnd() & 7);
}

typedef void (*fill_fn)(uint8_t *p, size_t n);
static const fill_fn fills[] = {fill_zeros,   fill_noise, fill_ramp,  fill_words,
                                fill_periods, fill_far,   fill_sparse};
enum { NFILLS = sizeof fills / sizeof *fills };

/* ---- buffers ---- */

/* len bytes that end at a guard page, with a copy of src in them if there is one. */
static uint8_t *guard(int which, const uint8_t *src, size_t len)
{
    uint8_t *p = guarded[which] - len;
    if (src) memcpy(p, src, len);
    return p;
}

static struct tsr_block_facts facts = {.typesize = 4, .item_bytes = 4, .version = 5};

static struct tsr_call call_at(int level)
{
    return (struct tsr_call){.worker = worker, .block = &facts, .level = level};
}

/* ---- codecs ---- */

/* Encodes plain[n] into guard 1; 0: it does not shrink. */
static size_t encode(const struct tsr_codec *codec, int level, size_t n, size_t cap)
{
    struct tsr_call c = call_at(level);
    size_t len = 0;
    uint8_t *src = guard(0, plain, n), *dst = guard(1, NULL, cap);
    assert_int_equal(codec->encode(&c, src, n, dst, cap, &len), TSR_OK);
    assert_true(len <= cap);
    memmove(guarded[1] - len, dst, len);
    return len;
}

static int decode(const struct tsr_codec *codec, const uint8_t *src, size_t len, size_t n)
{
    struct tsr_call c = call_at(0);
    return codec->decode(&c, src, len, guard(2, NULL, n), n);
}

/* What fits into cap decodes to plain[n]; the length, 0 when it did not fit. */
static size_t round_trip(const struct tsr_codec *codec, int level, size_t n, size_t cap)
{
    size_t len = encode(codec, level, n, cap);
    if (len == 0) return 0;
    assert_int_equal(decode(codec, guarded[1] - len, len, n), TSR_OK);
    assert_memory_equal(guarded[2] - n, plain, n);
    return len;
}

static void round_trips(const struct tsr_codec *codec, int level, size_t n)
{
    size_t len = round_trip(codec, level, n, n + 100);
    if (len == 0) return;
    round_trip(codec, level, n, len + 9);
    round_trip(codec, level, n, len);
    if (len > 1) round_trip(codec, level, n, len - 1);
    round_trip(codec, level, n, 1);
}

static void what_encodes_decodes_to_itself(void **state)
{
    (void)state;
    for (int i = 0; codecs[i]; i++)
        for (int f = 0; f < NFILLS; f++)
            for (int s = 0; s < NSIZES; s++) {
                fills[f](plain, sizes[s]);
                for (int level = 1; level <= 9; level += sizes[s] > 20000 ? 4 : 1)
                    round_trips(codecs[i], level, sizes[s]);
            }
}

static void encoding_is_deterministic(void **state)
{
    (void)state;
    static uint8_t first[ROOM];
    for (int i = 0; codecs[i]; i++) {
        fill_words(plain, 30000);
        size_t len = encode(codecs[i], 5, 30000, 30000);
        assert_true(len > 0);
        memcpy(first, guarded[1] - len, len);
        for (int k = 0; k < 20; k++) { /* other streams leave their marks in the worker's state */
            uint8_t *keep = plain;
            static uint8_t other[5000];
            plain = other;
            fill_words(other, sizeof other);
            encode(codecs[i], 1 + k % 9, sizeof other, sizeof other);
            plain = keep;
        }
        assert_int_equal(encode(codecs[i], 5, 30000, 30000), len);
        assert_memory_equal(first, guarded[1] - len, len);
    }
}

static void repetitive_data_shrinks_well(void **state)
{
    (void)state;
    for (int i = 0; codecs[i]; i++) {
        fill_ramp(plain, 65536);
        assert_in_range(encode(codecs[i], 5, 65536, 65536), 1, 65536 / 20);
    }
}

static void noise_is_given_up(void **state)
{
    (void)state;
    for (int i = 0; codecs[i]; i++) {
        fill_noise(plain, 65536);
        assert_int_equal(encode(codecs[i], 5, 65536, 65535), 0);
    }
}

static void truncated_input_is_corrupt(void **state)
{
    (void)state;
    for (int i = 0; codecs[i]; i++)
        for (int f = 2; f < NFILLS; f++) {
            size_t n = 6000;
            fills[f](plain, n);
            size_t len = encode(codecs[i], 5, n, n);
            uint8_t *copy = malloc(len + 1);
            memcpy(copy, guarded[1] - len, len);
            for (size_t cut = 0; cut < len; cut += 1 + len / 300)
                assert_int_equal(decode(codecs[i], guard(1, copy, cut), cut, n), TSR_ECORRUPT);
            free(copy);
        }
}

static void wrong_size_is_corrupt(void **state)
{
    (void)state;
    for (int i = 0; codecs[i]; i++) {
        size_t n = 6000;
        fill_words(plain, n);
        size_t len = encode(codecs[i], 5, n, n);
        for (size_t d = 1; d < 100; d++) {
            assert_int_equal(decode(codecs[i], guarded[1] - len, len, n - d), TSR_ECORRUPT);
            assert_int_equal(decode(codecs[i], guarded[1] - len, len, n + d), TSR_ECORRUPT);
        }
    }
}

static void flipped_bits_decode_or_are_corrupt(void **state)
{
    (void)state;
    for (int i = 0; codecs[i]; i++)
        for (int f = 2; f < NFILLS; f++) {
            size_t n = 20000;
            fills[f](plain, n);
            size_t len = encode(codecs[i], 5, n, n);
            uint8_t *stream = guarded[1] - len;
            for (int k = 0; k < 2000 && len; k++) {
                size_t at = rnd() % len;
                uint8_t keep = stream[at];
                stream[at] ^= (uint8_t)(1 << rnd() % 8);
                int rc = decode(codecs[i], stream, len, n);
                assert_true(rc == TSR_OK || rc == TSR_ECORRUPT);
                stream[at] = keep;
            }
        }
}

static void noise_decodes_or_is_corrupt(void **state)
{
    (void)state;
    for (int i = 0; codecs[i]; i++)
        for (int k = 0; k < 5000; k++) {
            size_t len = 1 + rnd() % 200, n = 1 + rnd() % 500;
            uint8_t *src = guard(1, NULL, len);
            fill_noise(src, len);
            int rc = decode(codecs[i], src, len, n);
            assert_true(rc == TSR_OK || rc == TSR_ECORRUPT);
        }
}

/* ---- blosclz, by hand ---- */

static int blosclz(const char *src, size_t len, size_t n)
{
    return decode(tsr_codec_named(NULL, "blosclz"), guard(1, (const uint8_t *)src, len), len, n);
}

static void blosclz_instructions_mean_what_the_format_says(void **state)
{
    (void)state;
    /* first control masked; match of 3 at distance 2; closing literal */
    assert_int_equal(blosclz("\x21"
                             "ab"
                             "\x20\x01"
                             "\x00"
                             "z",
                             7, 6),
                     TSR_OK);
    assert_memory_equal(guarded[2] - 6, "ababaz", 6);
    /* length 9 + 255 + 1 in two bytes at distance 1 */
    assert_int_equal(blosclz("\x00"
                             "a"
                             "\xE0\xFF\x01\x00"
                             "\x00"
                             "z",
                             8, 267),
                     TSR_OK);
    for (int i = 0; i < 266; i++) assert_int_equal(guarded[2][i - 267], 'a');
}

static void blosclz_refuses_what_the_format_forbids(void **state)
{
    (void)state;
    assert_int_equal(blosclz("", 0, 1), TSR_ECORRUPT);
    assert_int_equal(blosclz("\x00", 1, 1), TSR_ECORRUPT); /* no literal */
    assert_int_equal(blosclz("\x01"
                             "a",
                             2, 2),
                     TSR_ECORRUPT); /* one is missing */
    assert_int_equal(blosclz("\x00"
                             "a"
                             "\x20\x01"
                             "\x00"
                             "z",
                             6, 5),
                     TSR_ECORRUPT); /* distance */
    assert_int_equal(blosclz("\x00"
                             "a"
                             "\x20\x00",
                             4, 4),
                     TSR_ECORRUPT); /* ends in a match */
    assert_int_equal(blosclz("\x00"
                             "a"
                             "\xE0\xFF",
                             4, 900),
                     TSR_ECORRUPT); /* in a length */
    assert_int_equal(blosclz("\x00"
                             "a"
                             "\x3F\xFF\x00",
                             5, 900),
                     TSR_ECORRUPT); /* in a distance */
    assert_int_equal(blosclz("\x00"
                             "a"
                             "\x60\x00"
                             "\x00"
                             "z",
                             6, 4),
                     TSR_ECORRUPT); /* too long */
}

static int lz4(const char *src, size_t len, size_t n)
{
    return decode(tsr_codec_named(NULL, "lz4"), guard(1, (const uint8_t *)src, len), len, n);
}

/* A match is at least 12 bytes from the end, and 5 literals are the last. */
#define LZ4_END \
    "\xC0"      \
    "123456789012"

static void lz4_instructions_mean_what_the_format_says(void **state)
{
    (void)state;
    /* two literals, a match of 4 + 15 + 255 + 3 bytes at distance 2 */
    assert_int_equal(lz4("\x2F"
                         "ab"
                         "\x02\x00"
                         "\xFF\x03" LZ4_END,
                         20, 291),
                     TSR_OK);
    for (int i = 0; i < 279; i++) assert_int_equal(guarded[2][i - 291], i % 2 ? 'b' : 'a');
    assert_memory_equal(guarded[2] - 12, "123456789012", 12);
}

static void lz4_refuses_what_the_format_forbids(void **state)
{
    (void)state;
    assert_int_equal(lz4("\x10"
                         "a"
                         "\x01\x00" LZ4_END,
                         17, 17),
                     TSR_OK);
    assert_int_equal(lz4("\x10"
                         "a"
                         "\x00\x00" LZ4_END,
                         17, 17),
                     TSR_ECORRUPT); /* offset 0 */
    assert_non_null(strstr(tsr_error(), "offset 0"));
    assert_int_equal(lz4("\x10"
                         "a"
                         "\x02\x00" LZ4_END,
                         17, 17),
                     TSR_ECORRUPT); /* offset */
    assert_int_equal(lz4("\x1F"
                         "a"
                         "\x01\x00"
                         "\xFF\xFF",
                         6, 900),
                     TSR_ECORRUPT); /* in a length */
    assert_int_equal(lz4("\x10"
                         "a"
                         "\x01",
                         3, 17),
                     TSR_ECORRUPT); /* in an offset */
    assert_int_equal(lz4("\x1F"
                         "a"
                         "\x01\x00"
                         "\x09" LZ4_END,
                         18, 35),
                     TSR_ECORRUPT); /* too long */
    assert_int_equal(lz4("\x1F"
                         "a"
                         "\x01\x00"
                         "\x00"
                         "\x10"
                         "z",
                         7, 21),
                     TSR_ECORRUPT); /* match last */
}

/* Matches may reach back into a dictionary, through its end and on. */
static void lz4_matches_reach_into_the_dictionary(void **state)
{
    (void)state;
    const char *src = "\x11"
                      "x"
                      "\x04\x00" LZ4_END;
    struct tsr_call call = {.worker = worker, .dict = (const uint8_t *)"..abc", .dict_len = 5};
    const struct tsr_codec *c = tsr_codec_named(NULL, "lz4");
    const uint8_t *in = guard(1, (const uint8_t *)src, 17);
    assert_int_equal(c->decode(&call, in, 17, guarded[2] - 18, 18), TSR_OK);
    assert_memory_equal(guarded[2] - 18, "xabcxa123456789012", 18);
    call.dict_len = 2;
    assert_int_equal(c->decode(&call, in, 17, guarded[2] - 18, 18), TSR_ECORRUPT);
}

/* ---- filters ---- */

static void filter_round_trip(const struct tsr_filter *f, int typesize, int meta, size_t len)
{
    facts.typesize = facts.item_bytes = typesize;
    struct tsr_call c = call_at(0);
    c.meta = meta;
    uint8_t *src = guard(0, plain, len), *mid = guard(1, NULL, len), *dst = guard(2, NULL, len);
    assert_int_equal(f->encode(&c, src, len, mid), TSR_OK);
    assert_int_equal(f->decode(&c, mid, len, dst), TSR_OK);
    assert_memory_equal(dst, plain, len);
    if (f->identity && f->identity(&c)) assert_memory_equal(mid, plain, len);
    if (f->in_place) {
        assert_int_equal(f->decode(&c, mid, len, mid), TSR_OK);
        assert_memory_equal(mid, plain, len);
    }
    facts.typesize = facts.item_bytes = 4;
}

static void filters_undo_themselves(void **state)
{
    (void)state;
    static const int types[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 31, 32, 64, 255};
    for (int i = 0; filters[i]; i++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++)
            for (int s = 0; s < NSIZES; s++) {
                fill_noise(plain, sizes[s]);
                filter_round_trip(filters[i], types[t], 0, sizes[s]);
                if (filters[i]->params) filter_round_trip(filters[i], 4, types[t], sizes[s]);
            }
}

static void shuffle_puts_like_bytes_together(void **state)
{
    (void)state;
    const struct tsr_filter *f = tsr_filter_named(NULL, "shuffle");
    struct tsr_call c = call_at(0);
    uint8_t dst[14];
    assert_int_equal(f->encode(&c, (const uint8_t *)"abcdABCD0123xy", 14, dst), TSR_OK);
    assert_memory_equal(dst, "aA0bB1cC2dD3xy", 14);
    c.meta = 7;
    assert_int_equal(f->encode(&c, (const uint8_t *)"abcdABCD0123xy", 14, dst), TSR_OK);
    assert_memory_equal(dst, "aDb0c1d2A3BxCy", 14);
}

static void bitshuffle_of_blosc1_leaves_odd_blocks(void **state)
{
    (void)state;
    const struct tsr_filter *f = tsr_filter_named(NULL, "bitshuffle");
    struct tsr_call c = call_at(0);
    uint8_t dst[44];
    fill_noise(plain, sizeof dst);
    facts.version = 2;
    assert_int_equal(f->encode(&c, plain, 44, dst), TSR_OK); /* 11 items */
    assert_memory_equal(dst, plain, 44);
    assert_int_equal(f->encode(&c, plain, 35, dst), TSR_OK); /* 8 items and 3 bytes */
    assert_memory_not_equal(dst, plain, 32);
    assert_memory_equal(dst + 32, plain + 32, 3);
    facts.version = 5;
    assert_int_equal(f->encode(&c, plain, 44, dst), TSR_OK);
    assert_memory_not_equal(dst, plain, 32);
    assert_memory_equal(dst + 32, plain + 32, 12);
}

/* ---- tables ---- */

static void tables_find_by_name_and_id(void **state)
{
    (void)state;
    int n = 0;
    for (; tsr_codec_list(n); n++) {
        const struct tsr_codec *c = tsr_codec_list(n);
        assert_ptr_equal(tsr_codec_named(NULL, c->name), c);
        assert_ptr_equal(tsr_codec_blosc2(NULL, c->blosc2_id), c);
        assert_string_equal(tsr_codec_known_name(c->blosc2_id), c->name);
        assert_non_null(c->about);
    }
    assert_int_equal(n, 9);
    for (n = 0; tsr_filter_list(n); n++) {
        const struct tsr_filter *f = tsr_filter_list(n);
        assert_ptr_equal(tsr_filter_named(NULL, f->name), f);
        assert_ptr_equal(tsr_filter_blosc2(NULL, f->blosc2_id), f);
        assert_string_equal(tsr_filter_known_name(f->blosc2_id), f->name);
    }
    assert_int_equal(n, 9);
    assert_null(tsr_codec_named(NULL, "nonsense"));
    assert_null(tsr_codec_blosc2(NULL, -1));
    assert_null(tsr_filter_blosc2(NULL, 200));
    assert_null(tsr_codec_list(-1));
    assert_string_equal(tsr_codec_known_name(33), "zfp_acc");
    assert_null(tsr_codec_known_name(31));
}

static void choose(void)
{
    for (int i = 0, n = 0; tsr_codec_list(i); i++)
        if (!tsr_codec_list(i)->check) codecs[n++] = tsr_codec_list(i);
    for (int i = 0, n = 0; tsr_filter_list(i); i++) {
        const struct tsr_filter *f = tsr_filter_list(i);
        if (!f->check && f->encode) filters[n++] = f;
    }
}

static int setup(void **state)
{
    choose();
    for (int i = 0; i < 3; i++) {
        uint8_t *p =
            mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + ROOM, PAGE, PROT_NONE) != 0) return -1;
        guarded[i] = p + ROOM;
    }
    seed = UINT64_C(88172645463325252);
    plain = malloc(ROOM);
    return plain ? worker_start(state) : -1;
}

static int teardown(void **state)
{
    worker_stop(state);
    free(plain);
    for (int i = 0; i < 3; i++) munmap(guarded[i] - ROOM, ROOM + PAGE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_encodes_decodes_to_itself),
        cmocka_unit_test(encoding_is_deterministic),
        cmocka_unit_test(repetitive_data_shrinks_well),
        cmocka_unit_test(noise_is_given_up),
        cmocka_unit_test(truncated_input_is_corrupt),
        cmocka_unit_test(wrong_size_is_corrupt),
        cmocka_unit_test(flipped_bits_decode_or_are_corrupt),
        cmocka_unit_test(noise_decodes_or_is_corrupt),
        cmocka_unit_test(blosclz_instructions_mean_what_the_format_says),
        cmocka_unit_test(blosclz_refuses_what_the_format_forbids),
        cmocka_unit_test(lz4_instructions_mean_what_the_format_says),
        cmocka_unit_test(lz4_refuses_what_the_format_forbids),
        cmocka_unit_test(lz4_matches_reach_into_the_dictionary),
        cmocka_unit_test(filters_undo_themselves),
        cmocka_unit_test(shuffle_puts_like_bytes_together),
        cmocka_unit_test(bitshuffle_of_blosc1_leaves_odd_blocks),
        cmocka_unit_test(tables_find_by_name_and_id),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
