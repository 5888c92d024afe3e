/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/test_chain.c - chains of codecs and shards: what they know, leave out and refuse.
 *
 * That they decode what others wrote is for tests/zarr/test_content.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/parts.h"

#define LE "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}"
#define BE "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}"
#define ZSTD "{\"name\":\"zstd\",\"configuration\":{\"level\":1}}"

static struct tsr_pool *pool;
static struct tsr_worker *w;

static int begin(void **state)
{
    (void)state;
    if (tsr_pool_new(1, &pool) < 0) return -1;
    w = tsr_pool_borrow(pool);
    return w ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    tsr_pool_return(pool, w);
    tsr_pool_free(pool);
    return 0;
}

static struct tsr_zmeta *array(const char *type, const char *fill, const char *codecs)
{
    char text[8192];
    struct tsr_zmeta *m;
    snprintf(text, sizeof text,
             "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[100,100],\"data_type\":\"%s\","
             "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[4,6]}},"
             "\"chunk_key_encoding\":\"default\",\"fill_value\":%s,\"codecs\":[%s]}",
             type, fill, codecs);
    if (tsr_zmeta_read("", TSR_ZDOC_V3, (struct tsr_ztext){text, strlen(text)}, NULL, &m) < 0)
        fail_msg("%s: %s", codecs, tsr_error());
    return m;
}

static struct tsr_zchain *chain_of(const struct tsr_zmeta *m)
{
    struct tsr_zchain *c;
    if (tsr_zchain_of(m, NULL, m->grid.shape, 0, &c) < 0) fail_msg("%s", tsr_error());
    return c;
}

static void codecs_that_change_nothing_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *codecs;
        int steps;
        int64_t stored;
    } all[] = {
        {LE, 0, 96},
        {BE, 1, 96},
        {LE ",\"crc32c\"", 1, 100},
        {LE "," ZSTD, 1, -1},
        {"{\"name\":\"transpose\",\"configuration\":{\"order\":[0,1]}}," LE "," ZSTD, 1, -1},
        {"{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}}," LE, 1, 96},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct tsr_zmeta *m = array("float32", "0.0", all[i].codecs);
        struct tsr_zchain *c = chain_of(m);
        assert_int_equal(c->nsteps, all[i].steps);
        assert_int_equal(c->stored, all[i].stored);
        assert_true(c->writable);
        tsr_zchain_close(c);
        tsr_zmeta_free(m);
    }
}

/* zarr-python fills in the size of an item, also where another codec stands between. */
static void a_shuffle_without_a_size_goes_by_the_items(void **state)
{
    static const char *const codecs[] = {
        LE ",{\"name\":\"numcodecs.shuffle\",\"configuration\":{}}",
        LE "," ZSTD ",{\"name\":\"zstd\"},\"numcodecs.shuffle\"",
    };
    uint8_t src[192], shuffled[192];
    (void)state;
    for (int i = 0; i < 192; i++) src[i] = (uint8_t)(7 * i);
    for (int i = 0; i < 192; i++) shuffled[i % 8 * 24 + i / 8] = src[i];
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        struct tsr_zmeta *m = array("float64", "0", codecs[i]);
        struct tsr_zchain *c = chain_of(m);
        const struct tsr_zcodec *last = c->step[c->nsteps - 1];
        uint8_t dst[192];
        size_t n;
        assert_int_equal(last->kind->encode(last, w, src, 192, dst, 192, &n), TSR_OK);
        assert_memory_equal(dst, shuffled, 192);
        tsr_zchain_close(c);
        tsr_zmeta_free(m);
    }
}

static void a_chunk_of_another_size_is_refused_before_it_is_read(void **state)
{
    (void)state;
    struct tsr_zmeta *m = array("float32", "0.0", LE);
    struct tsr_zchain *c = chain_of(m);
    uint8_t bytes[97] = {0}, items[96];
    assert_int_equal(tsr_zchain_decode(c, w, bytes, 97, items), TSR_ECORRUPT);
    assert_string_equal(tsr_error(), "found 97 bytes, expected 96");
    assert_int_equal(tsr_zchain_decode(c, w, bytes, 96, items), TSR_OK);
    tsr_zchain_close(c);
    tsr_zmeta_free(m);
}

static void order_f_of_format_2_is_turned(void **state)
{
    (void)state;
    static const char text[] =
        "{\"zarr_format\":2,\"shape\":[2,3],\"chunks\":[2,3],\"dtype\":\"|u1\","
        "\"fill_value\":0,\"order\":\"F\",\"filters\":null,\"compressor\":null}";
    struct tsr_zmeta *m;
    struct tsr_buf out = {0};
    uint8_t back[6];
    assert_int_equal(tsr_zmeta_read("", TSR_ZDOC_ARRAY, (struct tsr_ztext){text, strlen(text)},
                                    NULL, &m),
                     TSR_OK);
    struct tsr_zchain *c = chain_of(m);
    assert_int_equal(tsr_zchain_encode(c, w, (const uint8_t *)"abcdef", 6, &out), TSR_OK);
    assert_memory_equal(out.p, "adbecf", 6);
    assert_int_equal(tsr_zchain_decode(c, w, out.p, 6, back), TSR_OK);
    assert_memory_equal(back, "abcdef", 6);
    tsr_zchain_close(c);
    tsr_zmeta_free(m);
    tsr_buf_free(&out);
}

static void shards_in_shards_have_a_depth(void **state)
{
    (void)state;
    static char codecs[8192] = LE, more[8192];
    struct tsr_zchain *c;
    for (int i = 1; i <= TSR_ZLEVELS; i++) {
        strcpy(more, codecs);
        snprintf(
            codecs, sizeof codecs,
            "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[2,3],\"codecs\":"
            "[%s],\"index_codecs\":[" LE "]}}",
            more);
        struct tsr_zmeta *m = array("uint8", "0", codecs);
        int rc = tsr_zchain_of(m, NULL, m->grid.shape, 0, &c);
        if (i < TSR_ZLEVELS) assert_int_equal(rc, TSR_OK);
        else assert_int_equal(rc, TSR_ELIMIT);
        if (rc == TSR_OK) tsr_zchain_close(c);
        tsr_zmeta_free(m);
    }
}

/* ---- shards ---- */

static struct tsr_zmeta *sharded(const char *at, const char *inner, const char *index)
{
    char text[1024];
    snprintf(
        text, sizeof text,
        "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[2,3],\"codecs\":[%s],"
        "\"index_codecs\":[%s],\"index_location\":\"%s\"}}",
        inner, index, at);
    return array("uint16", "258", text);
}

static void an_index_that_was_made_reads_as_what_it_was_made_of(void **state)
{
    (void)state;
    static const char *const at[] = {"start", "end"};
    static const char *const index[] = {LE, BE, LE ",\"crc32c\"", BE ",\"crc32c\",\"crc32c\""};
    static const uint64_t len[] = {7, TSR_ZEMPTY, 100, 1};
    for (int i = 0; i < 8; i++) {
        struct tsr_zmeta *m = sharded(at[i & 1], LE "," ZSTD, index[i / 2]);
        struct tsr_zchain *c = chain_of(m);
        size_t raw_len;
        const struct tsr_zshard *s = c->codec[0].state;
        uint64_t made[8], read[8], size, off;
        uint8_t raw[80];
        assert_int_equal(s->n, 4);
        raw_len = s->index_bytes;
        assert_int_equal(raw_len, 64 + (i < 4 ? 0 : i < 6 ? 4 : 8));
        assert_int_equal(tsr_zshard_make_index(s, w, len, made, raw, &size), TSR_OK);
        assert_int_equal(size, 108 + raw_len);
        assert_int_equal(tsr_zshard_index_at(s, size, 0, &off), TSR_OK);
        assert_int_equal(off, i & 1 ? 108 : 0);
        assert_int_equal(tsr_zshard_index(s, w, raw, size, 0, read), TSR_OK);
        assert_memory_equal(made, read, sizeof read);
        assert_int_equal(read[0], i & 1 ? 0 : raw_len);
        assert_int_equal(read[4], read[0] + 7);
        assert_int_equal(read[2], TSR_ZEMPTY);
        assert_int_equal(tsr_zshard_index_at(s, raw_len - 1, 0, &off), TSR_ECORRUPT);
        tsr_zchain_close(c);
        tsr_zmeta_free(m);
    }
}

static void inner_chunks_of_nothing_but_fill_are_left_out(void **state)
{
    (void)state;
    struct tsr_zmeta *m = sharded("end", LE, LE);
    struct tsr_zchain *c = chain_of(m);
    struct tsr_buf out = {0};
    uint16_t items[24], back[24];
    for (int i = 0; i < 24; i++) tsr_store_LE16(items + i, 258);
    items[23] = 0;
    assert_int_equal(tsr_zchain_encode(c, w, (uint8_t *)items, sizeof items, &out), TSR_OK);
    assert_int_equal(out.len, 12 + 64);
    assert_int_equal(tsr_load_LE64(out.p + 12), TSR_ZEMPTY);
    assert_int_equal(tsr_load_LE64(out.p + 12 + 48), 0);
    assert_int_equal(tsr_zchain_decode(c, w, out.p, out.len, (uint8_t *)back), TSR_OK);
    assert_memory_equal(items, back, sizeof back);
    tsr_buf_free(&out);
    tsr_zchain_close(c);
    tsr_zmeta_free(m);
}

static void only_checksums_behind_a_shard_leave_it_readable_by_ranges(void **state)
{
    (void)state;
#define SHARD                                                                                 \
    "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[2,3],\"codecs\":[" LE \
    "],\"index_codecs\":[" LE "]}}"
    static const struct {
        const char *codecs;
        int tail; /* -1: whole only */
    } all[] = {
        {SHARD, 0},
        {SHARD ",\"crc32c\"", 4},
        {SHARD ",\"crc32c\",\"crc32c\"", 8},
        {SHARD "," ZSTD, -1},
        {"{\"name\":\"transpose\",\"configuration\":{\"order\":[0,1]}}," SHARD, 0},
        {"{\"name\":\"scale_offset\"}," SHARD, -1},
        {LE "," ZSTD, -1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct tsr_zmeta *m = array("uint8", "0", all[i].codecs);
        struct tsr_zparts *p;
        assert_int_equal(tsr_zparts_open(m, m->grid.shape, 0, &p), TSR_OK);
        assert_int_equal(p->shard ? (int)p->tail : -1, all[i].tail);
        assert_int_equal(p->n, p->shard ? 4 : 1);
        tsr_zparts_close(p);
        tsr_zmeta_free(m);
    }
}

/* Axes 0 1 2 of the array are 2 0 1 of the shard, which has (2, 4, 6) items in blocks of (1, 2, 2);
 * the items of block b, in its C order, are those of its box. */
static void transposes_before_a_shard_move_into_its_blocks(void **state)
{
    (void)state;
    static const char text[] =
        "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[4,6,2],\"data_type\":\"uint8\","
        "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[4,6,2]}},"
        "\"chunk_key_encoding\":\"default\",\"fill_value\":255,\"codecs\":[{\"name\":\"transpose\","
        "\"configuration\":{\"order\":[2,0,1]}},{\"name\":\"sharding_indexed\",\"configuration\":{"
        "\"chunk_shape\":[1,2,2],\"codecs\":[\"bytes\"],\"index_codecs\":[" LE "]}}]}";
    struct tsr_zmeta *m;
    struct tsr_zparts *p;
    struct tsr_buf out = {0};
    uint8_t items[48], block[4];
    uint64_t entry[24], off;
    for (int i = 0; i < 48; i++) items[i] = (uint8_t)i;
    assert_int_equal(tsr_zmeta_read("", TSR_ZDOC_V3, (struct tsr_ztext){text, strlen(text)}, NULL,
                                    &m),
                     TSR_OK);
    assert_int_equal(tsr_zparts_open(m, m->grid.shape, 0, &p), TSR_OK);
    assert_int_equal(tsr_zchain_encode(p->whole, w, items, 48, &out), TSR_OK);
    assert_int_equal(tsr_zshard_index_at(p->shard, out.len, p->tail, &off), TSR_OK);
    assert_int_equal(tsr_zshard_index(p->shard, w, out.p + off, out.len, p->tail, entry), TSR_OK);
    assert_true(p->block[0] == 2 && p->block[1] == 2 && p->block[2] == 1 && p->n == 12);
    for (int64_t b = 0; b < p->n; b++) {
        const uint64_t *e = entry + 2 * tsr_zparts_entry(p, b);
        int64_t o[3];
        tsr_zparts_origin(p, b, o);
        assert_int_equal(tsr_zchain_decode(p->chain, w, out.p + e[0], e[1], block), TSR_OK);
        for (int i = 0; i < 4; i++)
            assert_int_equal(block[i], ((o[0] + i / 2) * 6 + o[1] + i % 2) * 2 + o[2]);
    }
    tsr_zparts_close(p);
    tsr_zmeta_free(m);
    tsr_buf_free(&out);
}

static void items_of_variable_length_come_back_from_shards(void **state)
{
    (void)state;
    static const char codecs[] =
        "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[2,3],\"codecs\":["
        "\"vlen-utf8\"," ZSTD "],\"index_codecs\":[" LE ",\"crc32c\"]}},{\"name\":\"gzip\","
        "\"configuration\":{\"level\":1}}";
    struct tsr_zmeta *m = array("string", "\"none\"", codecs);
    struct tsr_zchain *c = chain_of(m);
    struct tsr_buf items = {0}, out = {0}, back = {0};
    for (uint32_t i = 0; i < 24; i++) {
        uint8_t frame[4];
        tsr_store_LE32(frame, i % 5);
        tsr_buf_add(&items, frame, 4);
        tsr_buf_add(&items, &"abcdefgh"[i % 4], i % 5);
    }
    assert_int_equal(tsr_zchain_encode(c, w, items.p, items.len, &out), TSR_OK);
    assert_int_equal(tsr_zchain_decode_to(c, w, out.p, out.len, &back), TSR_OK);
    assert_int_equal(back.len, items.len);
    assert_memory_equal(back.p, items.p, back.len);
    assert_int_equal(tsr_zchain_encode(c, w, items.p, items.len - 1, &out), TSR_EARG);
    tsr_buf_free(&items);
    tsr_buf_free(&out);
    tsr_buf_free(&back);
    tsr_zchain_close(c);
    tsr_zmeta_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_that_change_nothing_are_left_out),
        cmocka_unit_test(a_shuffle_without_a_size_goes_by_the_items),
        cmocka_unit_test(a_chunk_of_another_size_is_refused_before_it_is_read),
        cmocka_unit_test(order_f_of_format_2_is_turned),
        cmocka_unit_test(shards_in_shards_have_a_depth),
        cmocka_unit_test(an_index_that_was_made_reads_as_what_it_was_made_of),
        cmocka_unit_test(inner_chunks_of_nothing_but_fill_are_left_out),
        cmocka_unit_test(only_checksums_behind_a_shard_leave_it_readable_by_ranges),
        cmocka_unit_test(transposes_before_a_shard_move_into_its_blocks),
        cmocka_unit_test(items_of_variable_length_come_back_from_shards),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
