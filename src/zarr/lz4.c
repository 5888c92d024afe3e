/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/lz4.c - the codec "lz4" of numcodecs.
 *
 *   0       4
 *   | size  | one LZ4 block that decodes to as many bytes |
 */
#include "base/num.h"
#include "base/status.h"
#include "codec/codec.h"
#include "codec/lz4_block.h"
#include "zarr/codec.h"
#include "zarr/node.h"

extern const struct tsr_codec tsr_codec_lz4;

enum { PREFIX = 4, MOST = 0x7E000000 };

struct lz4 {
    int acceleration;
};

static int lz4_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    (void)c;
    (void)foreign;
    tsr_zcodec_usual(config, "acceleration", tsr_znode_of_int(1));
    return TSR_OK;
}

static int lz4_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    static const struct tsr_zparam acceleration = {"acceleration", INT32_MIN, INT32_MAX, 1};
    enum { FASTEST = 65537 }; /* more is the same to liblz4 */
    struct lz4 *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t v = 1;
    if (!s) return TSR_ENOMEM;
    int rc = tsr_zcodec_int(config, &acceleration, format, &v);
    s->acceleration = (int)tsr_min64(tsr_max64(v, 1), FASTEST);
    c->state = s;
    tsr_zcodec_out_bytes(c, -1);
    return rc;
}

static int64_t lz4_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    return len < PREFIX ? -1 : (int64_t)tsr_load_LE32(src);
}

static int lz4_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    if (len <= PREFIX)
        return tsr_fail(TSR_ECORRUPT, "lz4: found %zu bytes, expected a size and a block", len);
    size_t made = tsr_load_LE32(src);
    if (made == 0) return tsr_fail(TSR_ECORRUPT, "lz4: found size 0 at byte 0, expected more");
    int rc = tsr_zcodec_made(c, made, n);
    if (rc < 0) return rc;
    if (made > cap) return tsr_zcodec_over(c, cap);
    struct tsr_lz4_block b = {.src = src + PREFIX, .len = len - PREFIX};
    return tsr_lz4_block_decode(&b, false, dst, made);
}

static int lz4_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct lz4 *s = c->state;
    if (len == 0 || len > MOST)
        return tsr_fail(TSR_EARG, "lz4: %zu bytes, expected 1 to %d", len, MOST);
    struct tsr_call call = {.worker = w, .level = 10 - s->acceleration}; /* as that codec counts */
    int rc = tsr_codec_lz4.encode(&call, src, len, dst + PREFIX, cap - PREFIX, n);
    if (rc < 0) return rc;
    if (!*n) return tsr_fail(TSR_EARG, "lz4: no room in %zu bytes", cap);
    tsr_store_LE32(dst, (uint32_t)len);
    *n += PREFIX;
    return TSR_OK;
}

/* Of what does not shrink every 255 bytes take one more. */
static size_t lz4_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return PREFIX + len + len / 255 + 16;
}

const struct tsr_zcodec_kind tsr_zkind_lz4 = {
    .v2 = "lz4",
    .stage = TSR_ZBYTES_TO_BYTES,
    .complete = lz4_complete,
    .open = lz4_open,
    .decode = lz4_decode,
    .claim = lz4_claim,
    .encode = lz4_encode,
    .bound = lz4_bound,
};
