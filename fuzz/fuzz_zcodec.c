/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_zcodec - the first byte picks a codec of Zarr and its configuration, the second whether the
 * decoded size is known; the rest is decoded, in a buffer that ends with the input.  What a codec
 * decodes, and can encode, must decode to the same again. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "task/pool.h"
#include "zarr/codec.h"

static const struct setup {
    const char *name, *config, *type; /* type NULL: bytes */
    int format;
    int64_t shape[2];
    bool lossy; /* what is decoded may be encoded otherwise */
} setups[] = {
    {"gzip", "{\"level\": 1}", NULL, 3, {0}, false},
    {"zlib", "{\"level\": 1}", NULL, 2, {0}, false},
    {"zstd", "{\"level\": 1}", NULL, 3, {0}, false},
    {"lz4", "{}", NULL, 2, {0}, false},
    {"bz2", "{\"level\": 1}", NULL, 2, {0}, false},
    {"lzma", "{\"format\": 1, \"preset\": 0}", NULL, 2, {0}, false},
    {"lzma", "{\"format\": 2, \"preset\": 0}", NULL, 2, {0}, false},
    {"lzma", "{\"format\": 3, \"filters\": [{\"id\": 33, \"preset\": 0}]}", NULL, 2, {0}, false},
    {"blosc", "{\"cname\": \"lz4\", \"shuffle\": 1, \"typesize\": 4}", NULL, 2, {0}, false},
    {"blosc", "{\"cname\": \"zstd\", \"shuffle\": 2, \"typesize\": 2}", NULL, 2, {0}, false},
    {"crc32", "{}", NULL, 2, {0}, false},
    {"crc32c", "{}", NULL, 3, {0}, false},
    {"fletcher32", "{}", NULL, 2, {0}, false},
    {"jenkins_lookup3", "{\"prefix\": \"abc\"}", NULL, 2, {0}, false},
    {"base64", "{}", NULL, 2, {0}, false},
    {"shuffle", "{\"elementsize\": 4}", NULL, 2, {0}, false},
    {"delta", "{\"dtype\": \"<i4\", \"astype\": \"<i2\"}", NULL, 2, {0}, true},
    {"fixedscaleoffset",
     "{\"offset\": 1, \"scale\": 3, \"dtype\": \"<f4\", \"astype\": \"|u1\"}",
     NULL,
     2,
     {0},
     true},
    {"astype", "{\"encode_dtype\": \"<f2\", \"decode_dtype\": \"<i8\"}", NULL, 2, {0}, true},
    {"packbits", "{}", NULL, 2, {0}, false},
    {"bytes", "{\"endian\": \"big\"}", "\"float32\"", 3, {4, 6}, false},
    {"bytes", "{}", "\"bool\"", 3, {4, 6}, false},
    {"transpose", "{\"order\": [1, 0]}", "\"int16\"", 3, {4, 6}, false},
    {"transpose", "{\"order\": [1, 0]}", "\"string\"", 3, {2, 3}, false},
    {"packbits", "{\"padding_encoding\": \"last_byte\"}", "\"int4\"", 3, {3, 7}, false},
    {"packbits", "{\"first_bit\": 3, \"last_bit\": 60}", "\"float64\"", 3, {3, 7}, false},
    {"cast_value",
     "{\"data_type\": \"float32\", \"out_of_range\": \"clamp\"}",
     "\"int8\"",
     3,
     {4, 6},
     true},
    {"cast_value",
     "{\"data_type\": \"int64\", \"rounding\": \"nearest-away\"}",
     "\"float16\"",
     3,
     {4, 6},
     true},
    {"scale_offset", "{\"offset\": 5, \"scale\": 3}", "\"int16\"", 3, {4, 6}, true},
    {"categorize", "{\"labels\": [\"a\", \"bb\", \"\\u00e9\"]}", "\"|O\"", 2, {2, 3}, true},
    {"categorize", "{\"labels\": [\"a\", \"bb\"]}", "\">U2\"", 2, {2, 3}, true},
    {"vlen-utf8", "{}", "\"string\"", 3, {2, 3}, false},
    {"vlen-bytes", "{}", "\"bytes\"", 3, {2, 3}, false},
    {"vlen-array", "{\"dtype\": \"<i2\"}", "\"|O\"", 2, {2, 3}, false},
    {"json2", "{}", "\"|O\"", 2, {2, 3}, false},
    {"msgpack2", "{}", "\"|O\"", 2, {2, 3}, false},
};
enum { SETUPS = sizeof setups / sizeof *setups, ROOM = 1 << 16 };

static int open_setup(struct tsr_zcodec *c, const struct setup *s, int64_t bytes)
{
    struct tsr_node config, type;
    *c = (struct tsr_zcodec){.kind = tsr_zcodec_find(s->name, s->format), .doc = c->doc};
    c->in.bytes = bytes;
    if (tsr_json_parse(c->doc, s->config, strlen(s->config), &config) < 0) abort();
    if (s->type) {
        if (tsr_json_parse(c->doc, s->type, strlen(s->type), &type) < 0) abort();
        if (tsr_ztype_parse(c->doc, &type, s->format, &c->in.type) < 0) abort();
        c->in.items = true;
        c->in.ndim = 2;
        memcpy(c->in.shape, s->shape, sizeof s->shape);
        c->in.dtype = c->in.type->dtype;
        if (c->in.dtype) c->in.bytes = tsr_zview_count(&c->in) * c->in.dtype->item_bytes;
        else c->in.bytes = -1;
    }
    return c->kind->open(c, &config, s->format);
}

/* Encodes what was decoded, and decodes that. */
static void again(const struct tsr_zcodec *c, struct tsr_worker *w, const struct tsr_buf *got,
                  bool lossy)
{
    struct tsr_buf back = {0};
    size_t room = c->kind->bound(c, got->len), n = 0;
    uint8_t *p = malloc(room ? room : 1);
    int rc = p ? c->kind->encode(c, w, got->p, got->len, p, room, &n) : -1;
    if (rc == 0 && n > room) abort();
    if (rc == 0 && tsr_zcodec_decode(c, w, p, n, ROOM, &back) == 0 && !lossy &&
        (back.len != got->len || memcmp(back.p, got->p, got->len) != 0))
        abort();
    free(p);
    tsr_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tsr_pool *pool;
    static struct tsr_worker *w;
    struct tsr_zcodec c = {0};
    struct tsr_buf got = {0};
    if (!pool && (tsr_pool_new(1, &pool) < 0 || !(w = tsr_pool_borrow(pool)))) abort();
    if (size < 2 || tsr_doc_new(&c.doc) < 0) return 0;
    const struct setup *s = &setups[data[0] % SETUPS];
    int64_t bytes = data[1] < 128 ? data[1] * 8 : -1;
    uint8_t *src = malloc(size - 2 ? size - 2 : 1);
    if (src) memcpy(src, data + 2, size - 2);
    if (src && open_setup(&c, s, bytes) == 0 &&
        tsr_zcodec_decode(&c, w, src, size - 2, ROOM, &got) == 0) {
        if (c.in.bytes >= 0 && (int64_t)got.len != c.in.bytes) abort();
        again(&c, w, &got, s->lossy);
    }
    if (c.kind && c.kind->close) c.kind->close(&c);
    free(src);
    tsr_buf_free(&got);
    tsr_doc_free(c.doc);
    return 0;
}
