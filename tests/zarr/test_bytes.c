/* SPDX-License-Identifier: BSD-3-Clause */
/* Codecs of Zarr that turn bytes into bytes: one suite over all, then what is special in each. */
#include "coder.h"

#include <zstd.h>

#include "base/num.h"
#include "zarr/hash.h"

static const struct setup {
    const char *name, *config;
    int format;
    bool sealed; /* a changed bit is always found */
} setups[] = {
    {"gzip", "{\"level\": 5}", 3, true},
    {"gzip", "{\"id\": \"gzip\", \"level\": 0}", 2, true},
    {"gzip", "{\"id\": \"gzip\", \"level\": 9}", 2, true},
    {"zlib", "{\"id\": \"zlib\", \"level\": -1}", 2, true},
    {"zlib", "{\"id\": \"zlib\", \"level\": 1}", 2, true},
    {"zlib", "{\"id\": \"zlib\"}", 2, true},
    {"zstd", "{\"level\": 0, \"checksum\": false}", 3, false},
    {"zstd", "{\"level\": -5, \"checksum\": true}", 3, false},
    {"zstd", "{\"level\": 19}", 2, false},
    {"lz4", "{}", 2, false},
    {"numcodecs.lz4", "{\"acceleration\": 50}", 3, false},
    {"bz2", "{\"level\": 1}", 2, false},
    {"bz2", "{\"level\": 9}", 2, false},
    {"lzma", "{\"format\": 1, \"check\": -1, \"preset\": null, \"filters\": null}", 2, false},
    {"lzma", "{\"format\": 1, \"check\": 1, \"preset\": 1}", 2, false},
    {"lzma", "{\"format\": 1, \"filters\": [{\"id\": 3, \"dist\": 4}, {\"id\": 33}]}", 2, false},
    {"lzma", "{\"format\": 2, \"preset\": 0}", 2, false},
    {"lzma", "{\"format\": 3, \"filters\": [{\"id\": 33, \"preset\": 1, \"dict_size\": 65536}]}", 2,
     false},
    {"lzma", "{\"format\": 3, \"filters\": [{\"id\": 4611686018427387905, \"lc\": 2, \"pb\": 0}]}",
     2, false},
    {"blosc", "{\"cname\": \"lz4\", \"clevel\": 5, \"shuffle\": 1, \"blocksize\": 0}", 2, false},
    {"blosc", "{\"cname\": \"lz4hc\", \"clevel\": 7, \"shuffle\": -1, \"typesize\": 8}", 2, false},
    {"blosc", "{\"cname\": \"blosclz\", \"clevel\": 9, \"shuffle\": 1, \"typesize\": 4}", 2, false},
    {"blosc", "{\"cname\": \"zlib\", \"clevel\": 1, \"shuffle\": 0, \"blocksize\": 512}", 2, false},
    {"blosc", "{\"cname\": \"zstd\", \"clevel\": 5, \"shuffle\": \"bitshuffle\", \"typesize\": 2}",
     3, false},
    {"blosc", "{\"cname\": \"zstd\", \"clevel\": 3, \"shuffle\": \"shuffle\", \"typesize\": 300}",
     3, false},
    {"blosc", "{\"cname\": \"lz4\", \"clevel\": 0, \"shuffle\": \"noshuffle\"}", 3, false},
    {"crc32", "{}", 2, true},
    {"crc32", "{\"location\": \"end\"}", 2, true},
    {"crc32c", "{}", 3, true},
    {"crc32c", "{\"location\": \"start\"}", 2, true},
    {"adler32", "{}", 2, true},
    {"fletcher32", "{}", 2, false},
    {"jenkins_lookup3", "{\"initval\": 5, \"prefix\": null}", 2, true},
    {"jenkins_lookup3", "{\"prefix\": \"a prefix of some length\"}", 2, true},
    {"base64", "{}", 2, false},
    {"shuffle", "{\"elementsize\": 1}", 2, false},
    {"numcodecs.shuffle", "{\"elementsize\": 4}", 3, false},
};
enum { SETUPS = sizeof setups / sizeof *setups };

static const size_t sizes[] = {4, 8, 16, 24, 36, 128, 1000, 4096, 5000, 20000, 65536, 200000};
enum { SIZES = sizeof sizes / sizeof *sizes, KINDS = 4, LARGEST = 200000 };

static void fill(uint8_t *p, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(kind == 0 ? 0 : kind == 1 ? rnd() : kind == 2 ? i / 7 : i % 4 ? 0 : i / 9);
}

/* Opens the codec of a setup for values of so many bytes, or of sizes that are not known. */
static void open_setup(struct tsr_zcodec *c, const struct setup *s, int64_t bytes)
{
    struct tsr_zview v = bytes_view(bytes);
    codec_must_open(c, s->name, s->config, s->format, &v);
    assert_false(c->out.items);
}

static void every_codec_gives_back_what_it_was_given(void **state)
{
    static uint8_t data[LARGEST];
    struct tsr_zcodec c, any;
    int trips = 0;
    (void)state;
    for (int s = 0; s < SETUPS; s++)
        for (int i = 0; i < SIZES; i++)
            for (int kind = 0; kind < KINDS; kind++, trips++) {
                size_t n = sizes[i];
                struct coded k;
                struct tsr_buf out = {0};
                fill(data, n, kind);
                open_setup(&c, &setups[s], (int64_t)n);
                open_setup(&any, &setups[s], -1);
                assert_int_equal(codec_encode(&c, data, n, &k), 0);
                if (c.out.bytes >= 0) assert_int_equal(c.out.bytes, k.len);
                assert_int_equal(codec_decode(&c, k.p, k.len, n, data, n), 0);
                assert_int_equal(tsr_zcodec_decode(&any, worker, k.p, k.len, n, &out), 0);
                assert_int_equal(out.len, n);
                assert_memory_equal(out.p, data, n);
                assert_int_equal(codec_decode(&any, k.p, k.len, n - 1, NULL, 0), TSR_ELIMIT);
                tsr_buf_free(&out);
                coded_free(&k);
            }
    print_message("%d round trips\n", trips);
}

static void other_sizes_than_the_known_are_refused(void **state)
{
    uint8_t data[1000];
    (void)state;
    for (int s = 0; s < SETUPS; s++)
        for (int off = -4; off <= 4; off += 8) {
            struct tsr_zcodec c, other;
            struct coded k;
            size_t n = sizeof data;
            fill(data, n, 2);
            open_setup(&c, &setups[s], (int64_t)n);
            open_setup(&other, &setups[s], (int64_t)n + off);
            assert_int_equal(codec_encode(&c, data, n, &k), 0);
            assert_int_equal(codec_decode(&other, k.p, k.len, n + (size_t)off, NULL, 0),
                             TSR_ECORRUPT);
            coded_free(&k);
        }
}

/* Cut anywhere, or longer by one byte: gzip alone takes zeros behind its end, and a stream that
 * only sorts bytes is known by its size. */
static void cut_and_trailing_bytes_are_refused(void **state)
{
    uint8_t data[360];
    (void)state;
    for (int s = 0; s < SETUPS; s++)
        for (int kind = 0; kind < KINDS; kind++) {
            struct tsr_zcodec c;
            struct coded k;
            size_t n = sizeof data;
            fill(data, n, kind);
            open_setup(&c, &setups[s], (int64_t)n);
            assert_int_equal(codec_encode(&c, data, n, &k), 0);
            for (size_t len = 0; len < k.len; len++)
                assert_true(codec_decode(&c, k.p, len, n, NULL, 0) < 0);
            uint8_t *more = malloc(k.len + 1);
            memcpy(more, k.p, k.len);
            more[k.len] = 7;
            assert_true(codec_decode(&c, more, k.len + 1, n, NULL, 0) < 0);
            free(more);
            coded_free(&k);
        }
}

static void changed_bits_do_no_harm(void **state)
{
    uint8_t data[400];
    int found = 0, tries = 0;
    (void)state;
    for (int s = 0; s < SETUPS; s++)
        for (int kind = 0; kind < KINDS; kind++) {
            struct tsr_zcodec c, any;
            struct coded k;
            size_t n = sizeof data;
            fill(data, n, kind);
            open_setup(&c, &setups[s], (int64_t)n);
            open_setup(&any, &setups[s], -1);
            assert_int_equal(codec_encode(&c, data, n, &k), 0);
            for (size_t b = 0; b < 8 * k.len; b += b < 512 ? 1 : 1 + rnd() % 17, tries++) {
                k.p[b / 8] ^= (uint8_t)(1 << b % 8);
                int rc = codec_decode(&c, k.p, k.len, n, NULL, 0);
                found += rc < 0;
                codec_decode(&any, k.p, k.len, 2 * n, NULL, 0);
                k.p[b / 8] ^= (uint8_t)(1 << b % 8);
            }
            coded_free(&k);
        }
    print_message("%d of %d changes were refused\n", found, tries);
}

/* gzip's header has fields that no sum covers, and those at the end of zlib's and of sums are
 * covered by themselves. */
static void sums_find_every_changed_bit(void **state)
{
    uint8_t data[200];
    (void)state;
    for (int s = 0; s < SETUPS; s++) {
        struct tsr_zcodec c;
        struct coded k;
        size_t n = sizeof data;
        if (!setups[s].sealed) continue;
        fill(data, n, 1);
        open_setup(&c, &setups[s], (int64_t)n);
        assert_int_equal(codec_encode(&c, data, n, &k), 0);
        for (size_t b = strcmp(setups[s].name, "gzip") == 0 ? 80 : 0; b < 8 * k.len; b++) {
            k.p[b / 8] ^= (uint8_t)(1 << b % 8);
            uint8_t *to = exact(NULL, n);
            size_t got;
            int rc = c.kind->decode(&c, worker, k.p, k.len, to, n, &got);
            if (rc == TSR_OK && memcmp(to, data, n) != 0)
                fail_msg("%s: bit %zu changed what it decodes to", setups[s].name, b);
            exact_free(to, n);
            k.p[b / 8] ^= (uint8_t)(1 << b % 8);
        }
        coded_free(&k);
    }
}

/* ---- what is special ---- */

static uint32_t sum_of(const char *name, const char *config, const char *text)
{
    struct tsr_zcodec c;
    struct coded k;
    struct tsr_zview v = bytes_view((int64_t)strlen(text));
    codec_must_open(&c, name, config, 2, &v);
    assert_int_equal(codec_encode(&c, (const uint8_t *)text, strlen(text), &k), 0);
    bool start = memcmp(k.p + 4, text, strlen(text)) == 0 && k.len > 4;
    uint32_t sum = tsr_load_LE32(start ? k.p : k.p + strlen(text));
    coded_free(&k);
    return sum;
}

/* From the texts that define them: PNG, RFC 3720, RFC 1950, lookup3.c; the last from numcodecs. */
static void sums_are_those_of_their_definitions(void **state)
{
    (void)state;
    assert_int_equal(sum_of("crc32", "{}", "123456789"), 0xcbf43926);
    assert_int_equal(sum_of("crc32c", "{}", "123456789"), 0xe3069283);
    assert_int_equal(sum_of("adler32", "{}", "Wikipedia"), 0x11e60398);
    const char *speech = "Four score and seven years ago";
    assert_int_equal(sum_of("jenkins_lookup3", "{}", speech), 0x17770551);
    assert_int_equal(sum_of("jenkins_lookup3", "{\"initval\": 1}", speech), 0xcd628161);
    assert_int_equal(tsr_jenkins_lookup3(0, NULL, 0, NULL, 0), 0xdeadbeef);
    for (size_t i = 0; i <= strlen(speech); i++)
        assert_int_equal(tsr_jenkins_lookup3(0, (const uint8_t *)speech, i,
                                             (const uint8_t *)speech + i, strlen(speech) - i),
                         0x17770551);
    assert_int_equal(tsr_fletcher32(NULL, 0), 0);
    assert_int_equal(tsr_fletcher32((const uint8_t *)"abcdefgh", 8), 0xe1eb9195);
    assert_int_equal(tsr_fletcher32((const uint8_t *)"abcde", 5), 0x4ff029c7);
}

static void gzip_takes_members_and_zeros_behind_them(void **state)
{
    struct tsr_zcodec c, half;
    struct coded a, b;
    uint8_t all[300] = {0};
    struct tsr_zview v = bytes_view(8), w = bytes_view(4);
    (void)state;
    codec_must_open(&c, "gzip", "{\"level\": 1}", 3, &v);
    codec_must_open(&half, "gzip", "{\"level\": 9}", 3, &w);
    assert_int_equal(codec_encode(&half, (const uint8_t *)"abcd", 4, &a), 0);
    assert_int_equal(codec_encode(&half, (const uint8_t *)"efgh", 4, &b), 0);
    memcpy(all, a.p, a.len);
    memcpy(all + a.len, b.p, b.len);
    size_t len = a.len + b.len;
    const uint8_t *want = (const uint8_t *)"abcdefgh";
    assert_int_equal(codec_decode(&c, all, len, 8, want, 8), 0);
    assert_int_equal(codec_decode(&c, all, len + 1, 8, want, 8), 0);
    assert_int_equal(codec_decode(&c, all, sizeof all, 8, want, 8), 0);
    all[sizeof all - 1] = 1;
    assert_int_equal(codec_decode(&c, all, sizeof all, 8, NULL, 0), TSR_ECORRUPT);
    assert_int_equal(codec_decode(&half, all, len, 4, NULL, 0), TSR_ECORRUPT);
    assert_int_equal(codec_decode(&c, all, a.len, 8, NULL, 0), TSR_ECORRUPT);
    assert_int_equal(codec_decode(&c, NULL, 0, 8, NULL, 0), TSR_ECORRUPT);
    coded_free(&a);
    coded_free(&b);
}

static void zstd_takes_frames_of_any_kind(void **state)
{
    uint8_t all[500], data[64];
    struct tsr_zcodec c, any;
    struct tsr_zview v = bytes_view(128), open = bytes_view(-1);
    struct tsr_buf out = {0};
    (void)state;
    fill(data, sizeof data, 2);
    codec_must_open(&c, "zstd", "{\"level\": 3}", 3, &v);
    codec_must_open(&any, "zstd", "{}", 2, &open);
    /* a skippable frame of 3 bytes, a frame of unknown size, another of known size */
    const uint8_t skip[] = {0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3};
    memcpy(all, skip, sizeof skip);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_outBuffer to = {all, sizeof all, sizeof skip};
    ZSTD_inBuffer from = {data, 64, 0};
    ZSTD_compressStream2(z, &to, &from, ZSTD_e_flush);
    assert_int_equal(ZSTD_compressStream2(z, &to, &from, ZSTD_e_end), 0);
    ZSTD_freeCCtx(z);
    assert_true(ZSTD_getFrameContentSize(all + sizeof skip, to.pos) == ZSTD_CONTENTSIZE_UNKNOWN);
    size_t len = to.pos + ZSTD_compress(all + to.pos, sizeof all - to.pos, data, 64, 1);
    uint8_t twice[128];
    memcpy(twice, data, 64);
    memcpy(twice + 64, data, 64);
    assert_int_equal(codec_decode(&c, all, len, 128, twice, 128), 0);
    assert_int_equal(tsr_zcodec_decode(&any, worker, all, len, 1000, &out), 0);
    assert_int_equal(out.len, 128);
    assert_int_equal(tsr_zcodec_decode(&any, worker, all, len, 127, &out), TSR_ELIMIT);
    assert_int_equal(codec_decode(&c, all, to.pos, 128, NULL, 0), TSR_ECORRUPT);
    assert_int_equal(codec_decode(&any, NULL, 0, 8, NULL, 0), TSR_ECORRUPT);
    tsr_buf_free(&out);
}

static void lz4_needs_a_true_size(void **state)
{
    uint8_t data[100];
    struct tsr_zcodec c, any;
    struct coded k;
    struct tsr_zview v = bytes_view(100), open = bytes_view(-1);
    (void)state;
    fill(data, sizeof data, 2);
    codec_must_open(&c, "lz4", "{}", 2, &v);
    codec_must_open(&any, "lz4", "{}", 2, &open);
    assert_int_equal(codec_encode(&c, data, 100, &k), 0);
    const uint32_t lies[] = {0, 1, 99, 101, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        tsr_store_LE32(k.p, lies[i]);
        assert_int_equal(codec_decode(&c, k.p, k.len, 100, NULL, 0), TSR_ECORRUPT);
        assert_true(codec_decode(&any, k.p, k.len, 200, NULL, 0) < 0);
    }
    assert_int_equal(any.kind->encode(&any, worker, data, 0, k.p, k.room, &k.len), TSR_EARG);
    coded_free(&k);
}

static void blosc_takes_chunks_of_blosc_1_alone(void **state)
{
    uint8_t data[4000];
    struct tsr_zcodec c;
    struct coded k;
    struct tsr_zview v = bytes_view(sizeof data);
    (void)state;
    fill(data, sizeof data, 3);
    codec_must_open(&c, "blosc", "{\"cname\": \"zstd\", \"shuffle\": 1, \"typesize\": 4}", 2, &v);
    assert_int_equal(codec_encode(&c, data, sizeof data, &k), 0);
    assert_int_equal(k.p[0], 2);
    assert_int_equal(k.p[3], 4);
    assert_int_equal(k.p[2] & 0x0F, 1);
    assert_true(k.len < sizeof data / 2);
    struct {
        size_t at;
        uint8_t value;
    } lies[] = {{0, 5}, {0, 0}, {2, 0x85}, {3, 0}, {4, 1}, {7, 0x7f}, {12, 9}, {15, 0x40}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        uint8_t was = k.p[lies[i].at];
        k.p[lies[i].at] = lies[i].value;
        assert_true(codec_decode(&c, k.p, k.len, sizeof data, NULL, 0) < 0);
        k.p[lies[i].at] = was;
    }
    k.p[2] = (uint8_t)((k.p[2] & 0x1F) | 2 << 5);
    assert_int_equal(codec_decode(&c, k.p, k.len, sizeof data, NULL, 0), TSR_EUNSUPPORTED);
    assert_non_null(strstr(tsr_error(), "snappy"));
    coded_free(&k);
}

/* Which shuffle: by the size of the items that the codec sees. */
static void blosc_goes_by_the_items_it_is_handed(void **state)
{
    static const struct {
        const char *type, *config;
        int flags, typesize;
    } cases[] = {
        {"\"<f8\"", "{\"clevel\": 5}", 1, 8},
        {"\"|u1\"", "{\"shuffle\": -1}", 4, 1},
        {"\"<i4\"", "{\"shuffle\": -1}", 1, 4},
        {"\"<i4\"", "{\"shuffle\": \"BIT\"}", 1, 4}, /* GDAL's word is none: as if absent */
        {"\"<i4\"", "{\"shuffle\": 2, \"typesize\": 2}", 4, 2},
        {"\"|S300\"", "{}", 0, 1},
    };
    uint8_t data[2400];
    (void)state;
    fill(data, sizeof data, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tsr_zcodec c;
        struct coded k;
        struct tsr_zview v = items_view(cases[i].type, 2, 1, &(int64_t){1});
        v.shape[0] = (int64_t)sizeof data / v.dtype->item_bytes;
        v.bytes = sizeof data;
        codec_must_open(&c, "blosc", cases[i].config, 2, &v);
        assert_int_equal(codec_encode(&c, data, sizeof data, &k), 0);
        assert_int_equal(k.p[2] & 5, cases[i].flags);
        assert_int_equal(k.p[3], cases[i].typesize);
        assert_int_equal(codec_decode(&c, k.p, k.len, sizeof data, data, sizeof data), 0);
        coded_free(&k);
    }
}

static void lzma_reads_by_the_first_bytes(void **state)
{
    static const char *const writers[] = {"{\"format\": 1}", "{\"format\": 2}"};
    uint8_t data[3000];
    (void)state;
    fill(data, sizeof data, 2);
    for (int i = 0; i < 2; i++) {
        struct tsr_zcodec c, any;
        struct coded k;
        struct tsr_zview v = bytes_view(sizeof data);
        codec_must_open(&c, "lzma", writers[i], 2, &v);
        codec_must_open(&any, "lzma", "{\"format\": 0}", 2, &v);
        assert_int_equal(codec_encode(&c, data, sizeof data, &k), 0);
        assert_int_equal(codec_decode(&any, k.p, k.len, sizeof data, data, sizeof data), 0);
        coded_free(&k);
    }
}

static void wrong_configurations_are_refused(void **state)
{
    static const struct {
        const char *name, *config;
        int format, status;
    } cases[] = {
        {"gzip", "{\"level\": 11}", 3, TSR_ECORRUPT},
        {"gzip", "{\"level\": 11}", 2, TSR_OK},
        {"zstd", "{\"level\": 23}", 3, TSR_ECORRUPT},
        {"zstd", "{\"level\": 1, \"checksum\": \"NO\"}", 3, TSR_ECORRUPT},
        {"zstd", "{\"level\": 1, \"checksum\": \"NO\"}", 2, TSR_OK},
        {"blosc", "{\"cname\": \"lz5\", \"shuffle\": \"noshuffle\"}", 3, TSR_ECORRUPT},
        {"blosc", "{\"cname\": \"lz5\"}", 2, TSR_OK},
        {"blosc", "{\"cname\": \"snappy\"}", 3, TSR_OK},
        {"blosc", "{\"cname\": \"lz4\", \"shuffle\": \"shuffle\"}", 3, TSR_ECORRUPT},
        {"blosc", "{\"cname\": \"lz4\", \"shuffle\": \"bytes\"}", 3, TSR_ECORRUPT},
        {"blosc", "{\"cname\": \"lz4\", \"clevel\": 10}", 3, TSR_ECORRUPT},
        {"lzma", "{\"format\": 4}", 2, TSR_ECORRUPT},
        {"lzma", "{\"format\": 3}", 2, TSR_ECORRUPT},
        {"lzma", "{\"format\": 3, \"filters\": [{\"id\": 99}]}", 2, TSR_EUNSUPPORTED},
        {"lzma", "{\"preset\": 6, \"delta\": 1}", 2, TSR_OK},
        {"crc32", "{\"location\": \"middle\"}", 2, TSR_ECORRUPT},
        {"jenkins_lookup3", "{\"initval\": -1}", 2, TSR_ECORRUPT},
        {"shuffle", "{\"elementsize\": \"4\"}", 2, TSR_ECORRUPT},
        {"shuffle", "{\"elementsize\": 3}", 2, TSR_ECORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tsr_zcodec c;
        struct tsr_zview v = bytes_view(64);
        int rc = codec_open(&c, cases[i].name, cases[i].config, cases[i].format, &v);
        if (rc != cases[i].status)
            fail_msg("%s %s: %d (%s)", cases[i].name, cases[i].config, rc, tsr_error());
    }
}

static void names_are_found_in_their_formats(void **state)
{
    (void)state;
    assert_non_null(tsr_zcodec_find("zlib", 2));
    assert_null(tsr_zcodec_find("zlib", 3));
    assert_ptr_equal(tsr_zcodec_find("numcodecs.zlib", 3), tsr_zcodec_find("zlib", 2));
    assert_null(tsr_zcodec_find("numcodecs.zlib", 2));
    assert_ptr_equal(tsr_zcodec_find("crc32c", 3), tsr_zcodec_find("crc32c", 2));
    assert_null(tsr_zcodec_find("pcodec", 2));
    assert_null(tsr_zcodec_find("", 3));
    for (int i = 0; tsr_zcodec_list(i); i++) {
        const struct tsr_zcodec_kind *k = tsr_zcodec_list(i);
        if (k->v2 && strcmp(k->v2, "pickle") == 0) continue; /* cannot be opened */
        assert_true(k->open && k->decode && k->encode && k->bound && (k->v2 || k->v3));
        for (int j = 0; j < i; j++) {
            const struct tsr_zcodec_kind *o = tsr_zcodec_list(j);
            if (k->v2 && o->v2) assert_string_not_equal(k->v2, o->v2);
            if (k->v3 && o->v3) assert_string_not_equal(k->v3, o->v3);
        }
    }
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, doc_start, doc_stop)
    const struct CMUnitTest tests[] = {
        CASE(every_codec_gives_back_what_it_was_given),
        CASE(other_sizes_than_the_known_are_refused),
        CASE(cut_and_trailing_bytes_are_refused),
        CASE(changed_bits_do_no_harm),
        CASE(sums_find_every_changed_bit),
        CASE(sums_are_those_of_their_definitions),
        CASE(gzip_takes_members_and_zeros_behind_them),
        CASE(zstd_takes_frames_of_any_kind),
        CASE(lz4_needs_a_true_size),
        CASE(blosc_takes_chunks_of_blosc_1_alone),
        CASE(blosc_goes_by_the_items_it_is_handed),
        CASE(lzma_reads_by_the_first_bytes),
        CASE(wrong_configurations_are_refused),
        CASE(names_are_found_in_their_formats),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
