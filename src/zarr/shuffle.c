/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/shuffle.c - the codec "shuffle" of numcodecs: bytes sorted by their place in the item. */
#include <string.h>

#include "base/status.h"
#include "kernel/kernel.h"
#include "zarr/codec.h"
#include "zarr/node.h"

struct shuffle {
    size_t size;
};

/* numcodecs has 4; in format 3 zarr-python goes by the items (zarr.md 9.6). */
static int64_t usual_size(const struct tsr_zcodec *c, int format)
{
    int64_t item = tsr_zview_item(&c->in);
    return format == 3 && item > 0 && item <= INT32_MAX ? item : 4;
}

static int shuffle_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    (void)foreign;
    tsr_zcodec_usual(config, "elementsize", tsr_znode_of_int(usual_size(c, 3)));
    return TSR_OK;
}

static int shuffle_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    struct tsr_zparam size = {"elementsize", 0, INT32_MAX, usual_size(c, format)};
    struct shuffle *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t v = 0;
    if (!s) return TSR_ENOMEM;
    int rc = tsr_zcodec_int(config, &size, 3, &v); /* decoders need it: strict in both formats */
    s->size = v ? (size_t)v : 1;
    c->state = s;
    tsr_zcodec_out_bytes(c, c->in.bytes);
    if (rc == TSR_OK && c->in.bytes >= 0 && c->in.bytes % (int64_t)s->size)
        rc = tsr_fail(TSR_ECORRUPT, "elementsize: found %zu, expected a divisor of %lld bytes",
                      s->size, (long long)c->in.bytes);
    return rc;
}

static int check(const struct tsr_zcodec *c, tsr_status code, size_t len)
{
    const struct shuffle *s = c->state;
    if (len % s->size == 0) return TSR_OK;
    return tsr_fail(code, "shuffle: found %zu bytes, expected a multiple of %zu", len, s->size);
}

static int shuffle_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                          size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct shuffle *s = c->state;
    (void)w;
    int rc = check(c, TSR_ECORRUPT, len);
    if (rc == TSR_OK) rc = tsr_zcodec_made(c, len, n);
    if (rc == TSR_OK && len > cap) rc = tsr_zcodec_over(c, cap);
    if (rc == TSR_OK) tsr_kernels()->unshuffle(dst, src, s->size, len / s->size);
    return rc;
}

static int64_t shuffle_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    (void)src;
    return (int64_t)len;
}

static int shuffle_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                          size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct shuffle *s = c->state;
    (void)w;
    (void)cap;
    int rc = check(c, TSR_EARG, len);
    if (rc == TSR_OK) tsr_kernels()->shuffle(dst, src, s->size, len / s->size);
    *n = len;
    return rc;
}

static size_t shuffle_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return len;
}

const struct tsr_zcodec_kind tsr_zkind_shuffle = {
    .v2 = "shuffle",
    .stage = TSR_ZBYTES_TO_BYTES,
    .complete = shuffle_complete,
    .open = shuffle_open,
    .decode = shuffle_decode,
    .claim = shuffle_claim,
    .encode = shuffle_encode,
    .bound = shuffle_bound,
};
