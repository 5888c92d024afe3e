/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/packbits.c - the codec "packbits" of numcodecs: eight bools in a byte (zarr.md 5.2.1).
 *
 *   | padding bits, 0 .. 7 | bools, the first one in the top bit; padding at the low end |
 *
 * That of format 3 is another one: packbits3.c. */
#include "base/num.h"
#include "base/status.h"
#include "zarr/bits.h"
#include "zarr/codec.h"
#include "zarr/node.h"
#include "zarr/number.h"

/* What is no bool would come back as 0 or 1. */
static int packbits_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    struct tsr_znum num;
    (void)foreign;
    (void)config;
    if (!c->in.items || (tsr_znum_of(c->in.type, &num) && num.kind == TSR_B1)) return TSR_OK;
    return tsr_fail(TSR_EARG, "found items of %s, expected bools", tsr_ztype_name(c->in.type));
}

static int packbits_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    const struct tsr_node u1 = tsr_znode_of_text("|u1");
    const struct tsr_ztype *bytes;
    int64_t in = c->in.bytes, packed;
    (void)config;
    if (c->in.items && (!c->in.dtype || c->in.dtype->item_bytes != 1))
        return tsr_fail(TSR_ECORRUPT, "packbits: found items of %s, expected bools",
                        tsr_ztype_name(c->in.type));
    if (format == 3 && !c->in.items)
        return tsr_fail(TSR_ECORRUPT, "packbits: found bytes, expected bools");
    int rc = tsr_ztype_parse(c->doc, &u1, 2, &bytes);
    if (rc < 0) return rc;
    packed = in < 0 ? -1 : 1 + tsr_ceil_div(in, 8);
    c->out = (struct tsr_zview){.items = in >= 0, .type = bytes, .dtype = bytes->dtype, .ndim = 1};
    c->out.shape[0] = c->out.bytes = packed;
    return TSR_OK;
}

static int packbits_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                           size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    if (len == 0 || src[0] > 7 || (len == 1 && src[0]))
        return tsr_fail(TSR_ECORRUPT, "packbits: found %zu bytes, padding %d", len,
                        len ? src[0] : 0);
    size_t bits = 8 * (len - 1) - src[0];
    int rc = tsr_zcodec_made(c, bits, n);
    if (rc == TSR_OK && bits > cap) rc = tsr_zcodec_over(c, cap);
    if (rc < 0) return rc;
    for (size_t i = 0; i < bits / 8; i++)
        tsr_bits_scatter(tsr_bits_turned(src[1 + i]), dst + 8 * i);
    for (size_t i = bits - bits % 8; i < bits; i++) dst[i] = src[1 + i / 8] >> (7 - i % 8) & 1;
    return TSR_OK;
}

static int64_t packbits_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    return len == 0 ? -1 : (int64_t)(8 * (len - 1)) - src[0];
}

static int packbits_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                           size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)c;
    (void)w;
    (void)cap;
    dst[0] = (uint8_t)((8 - len % 8) % 8);
    for (size_t i = 0; i < len / 8; i++) dst[1 + i] = tsr_bits_turned(tsr_bits_gather(src + 8 * i));
    *n = 1 + len / 8;
    if (len % 8 == 0) return TSR_OK;
    uint8_t last = 0;
    for (size_t i = len - len % 8; i < len; i++) last |= (uint8_t)((src[i] != 0) << (7 - i % 8));
    dst[(*n)++] = last;
    return TSR_OK;
}

static size_t packbits_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return 1 + len / 8 + (len % 8 != 0);
}

const struct tsr_zcodec_kind tsr_zkind_packbits = {
    .v2 = "packbits",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .complete = packbits_complete,
    .open = packbits_open,
    .decode = packbits_decode,
    .claim = packbits_claim,
    .encode = packbits_encode,
    .bound = packbits_bound,
};
