/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_zarr_shard.c - shards of any bytes.  Four bytes choose the array, the rest is the
 * object.
 *
 *   byte 0   place of the index, its checksum and byte order, compressor inside, a checksum behind,
 *            shards in the shard, items of variable length (one bit each)
 *   1, 2     inner shape 1..4 each     3   inner chunks along each axis, 1..4 and 1..4
 *
 * Whole and by its index a shard has the same items, or both fail; what decodes is encoded to
 * something that decodes to the same. */
#include "fuzz.h"
#include "zarr/parts.h"

static const char *codecs_of(int bits, const int *in, char *text, size_t cap)
{
    const char *item = bits & 64 ? "\"vlen-bytes\""
                                 : "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}";
    const char *packed = bits & 8 ? ",{\"name\":\"gzip\",\"configuration\":{\"level\":1}}" : "";
    const char *order = bits & 4 ? "big" : "little", *crc = bits & 2 ? ",\"crc32c\"" : "";
    char inner[512], plain[256];
    snprintf(plain, sizeof plain, "%s%s", item, packed);
    snprintf(inner, sizeof inner,
             bits & 32 ? "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[1,1],"
                         "\"codecs\":[%s],\"index_codecs\":[{\"name\":\"bytes\",\"configuration\":"
                         "{\"endian\":\"little\"}}]}}"
                       : "%s",
             plain);
    snprintf(
        text, cap,
        "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[%d,%d],\"codecs\":[%s],"
        "\"index_codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"%s\"}}%s],"
        "\"index_location\":\"%s\"}}%s",
        in[0], in[1], inner, order, crc, bits & 1 ? "start" : "end",
        bits & 16 ? ",\"crc32c\"" : "");
    return text;
}

static struct tsr_zmeta *array_of(int bits, const int *in, const int *shape)
{
    char codecs[1024], text[2048];
    struct tsr_zmeta *m;
    snprintf(text, sizeof text,
             "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[%d,%d],\"data_type\":\"%s\","
             "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[%d,%d]}},"
             "\"chunk_key_encoding\":\"default\",\"fill_value\":%s,\"codecs\":[%s]}",
             shape[0], shape[1], bits & 64 ? "bytes" : "uint16", shape[0], shape[1],
             bits & 64 ? "\"AQID\"" : "513", codecs_of(bits, in, codecs, sizeof codecs));
    check_ok(tsr_zmeta_read("", TSR_ZDOC_V3, (struct tsr_ztext){text, strlen(text)}, NULL, &m));
    return m;
}

/* Every inner chunk on its own; false: something is wrong. */
static bool decode_parts(const struct tsr_zshard *s, size_t tail, const uint8_t *p, size_t len)
{
    uint64_t at, *entry = need(calloc((size_t)s->n, 16));
    int rc = tsr_zshard_index_at(s, len, tail, &at);
    uint8_t *raw = rc == TSR_OK ? need(malloc(s->index_bytes)) : NULL;
    if (raw) memcpy(raw, p + at, s->index_bytes);
    if (rc == TSR_OK) rc = tsr_zshard_index(s, worker(), raw, len, tail, entry);
    for (int64_t i = 0; rc == TSR_OK && i < s->n; i++) {
        struct tsr_buf b = {0};
        if (entry[2 * i] == TSR_ZEMPTY) continue;
        uint8_t *part = need(malloc((size_t)entry[2 * i + 1]));
        memcpy(part, p + entry[2 * i], (size_t)entry[2 * i + 1]);
        rc = tsr_zchain_decode_to(s->chain, worker(), part, (size_t)entry[2 * i + 1], &b);
        tsr_buf_free(&b);
        free(part);
    }
    free(raw);
    free(entry);
    return rc == TSR_OK;
}

static void check_again(const struct tsr_zchain *c, const struct tsr_buf *items)
{
    struct tsr_buf shard = {0}, back = {0};
    check_ok(tsr_zchain_encode(c, worker(), items->p, items->len, &shard));
    check_ok(tsr_zchain_decode_to(c, worker(), shard.p, shard.len, &back));
    check(back.len == items->len && !memcmp(back.p, items->p, back.len));
    tsr_buf_free(&shard);
    tsr_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) return 0;
    int in[2] = {data[1] % 4 + 1, data[2] % 4 + 1};
    int shape[2] = {in[0] * (data[3] % 4 + 1), in[1] * (data[3] / 4 % 4 + 1)};
    struct tsr_zmeta *m = array_of(data[0], in, shape);
    struct tsr_zparts *p;
    struct tsr_buf items = {0};
    int64_t chunk[2] = {shape[0], shape[1]};
    check_ok(tsr_zparts_open(m, chunk, 1 << 20, &p));
    check(p->shard && p->tail == (data[0] & 16 ? 4 : 0));
    bool parts = decode_parts(p->shard, p->tail, data + 4, size - 4);
    int rc = tsr_zchain_decode_to(p->whole, worker(), data + 4, size - 4, &items);
    if (rc == TSR_OK) check(parts); /* a checksum behind the shard is seen only whole */
    if (rc < 0 && !(data[0] & 16)) check(!parts || rc == TSR_ELIMIT);
    if (rc == TSR_OK) check_again(p->whole, &items);
    tsr_buf_free(&items);
    tsr_zparts_close(p);
    tsr_zmeta_free(m);
    return 0;
}
