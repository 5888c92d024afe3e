/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/base64_codec.c - the codec "base64" of numcodecs: bytes as text. */
#include "base/num.h"
#include "base/status.h"
#include "zarr/base64.h"
#include "zarr/codec.h"

static int base64_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    int64_t bytes = c->in.bytes;
    (void)config;
    (void)format;
    if (bytes >= 0 && !tsr_mul(tsr_ceil_div(bytes, 3), 4, &bytes))
        return tsr_fail(TSR_ECORRUPT, "a chunk of %lld bytes", (long long)c->in.bytes);
    tsr_zcodec_out_bytes(c, bytes);
    return TSR_OK;
}

/* The last group of four may end in one or two signs of padding. */
static int64_t base64_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    int64_t n = (int64_t)(len / 4 * 3);
    if (n && src[len - 1] == '=') n--;
    if (n && len > 1 && src[len - 2] == '=') n--;
    return n;
}

static int base64_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                         size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    size_t made = len % 4 ? SIZE_MAX : (size_t)base64_claim(c, src, len);
    (void)w;
    if (made == SIZE_MAX)
        return tsr_fail(TSR_ECORRUPT, "base64: found %zu bytes, expected a multiple of 4", len);
    int rc = tsr_zcodec_made(c, made, n);
    if (rc < 0) return rc;
    if (made > cap) return tsr_zcodec_over(c, cap);
    if (tsr_base64_decode((const char *)src, len, dst, n) && *n == made) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "base64: found other characters or a wrong end");
}

static int base64_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                         size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)c;
    (void)w;
    (void)cap;
    tsr_base64_encode(src, len, (char *)dst);
    *n = tsr_base64_text(len);
    return TSR_OK;
}

static size_t base64_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return tsr_base64_text(len);
}

const struct tsr_zcodec_kind tsr_zkind_base64 = {
    .v2 = "base64",
    .stage = TSR_ZBYTES_TO_BYTES,
    .open = base64_open,
    .decode = base64_decode,
    .claim = base64_claim,
    .encode = base64_encode,
    .bound = base64_bound,
};
