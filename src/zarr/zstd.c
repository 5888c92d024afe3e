/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/zstd.c - the codec "zstd" (RFC 8878), through libzstd.
 *
 * A value is one or more frames, with or without their content size; skippable frames decode to
 * nothing.  All of it is decoded in one call straight into the room, so that no window is ever
 * allocated; a checksum is tested where there is one. */
#include <zstd.h>

#include <zstd_errors.h>

#include "base/status.h"
#include "codec/zstd.h"
#include "zarr/codec.h"
#include "zarr/node.h"

struct zstd {
    int level; /* 0: libzstd's default */
    bool checksum;
};

static const struct tsr_node no = {.kind = TSR_NODE_BOOL};

static int zstd_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    (void)c;
    (void)foreign;
    tsr_zcodec_usual(config, "level", tsr_znode_of_int(0));
    tsr_zcodec_usual(config, "checksum", no);
    return TSR_OK;
}

static int zstd_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    static const struct tsr_zparam level = {"level", -131072, 22, 0};
    const struct tsr_node *sum = tsr_znode_get(config, "checksum");
    struct zstd *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t v = 0;
    if (!s) return TSR_ENOMEM;
    int rc = tsr_zcodec_int(config, &level, format, &v);
    if (rc < 0) return rc;
    bool no_bool = sum && sum->kind != TSR_NODE_BOOL && sum->kind != TSR_NODE_NULL;
    if (format == 3 && no_bool) {
        rc = tsr_znode_wrong(TSR_ECORRUPT, sum, "true or false");
        tsr_within("checksum");
        return rc;
    }
    s->level = (int)v;
    s->checksum = sum && sum->kind == TSR_NODE_BOOL && sum->b;
    c->state = s;
    tsr_zcodec_out_bytes(c, -1);
    return TSR_OK;
}

static int zstd_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    ZSTD_DCtx *d = tsr_zstd_decompressor(w);
    if (!d) return TSR_ENOMEM;
    if (len == 0) return tsr_fail(TSR_ECORRUPT, "zstd: found no bytes, expected a frame");
    size_t made = ZSTD_decompressDCtx(d, dst, cap, src, len);
    if (!ZSTD_isError(made)) return tsr_zcodec_made(c, made, n);
    if (ZSTD_getErrorCode(made) == ZSTD_error_dstSize_tooSmall) return tsr_zcodec_over(c, cap);
    return tsr_fail(TSR_ECORRUPT, "zstd: %s in %zu bytes", ZSTD_getErrorName(made), len);
}

/* The content size of the first frame. */
static int64_t zstd_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    unsigned long long size = ZSTD_getFrameContentSize(src, len);
    return size > INT64_MAX ? -1 : (int64_t)size;
}

static int zstd_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct zstd *s = c->state;
    ZSTD_CCtx *z = tsr_zstd_compressor(w);
    if (!z) return TSR_ENOMEM;
    ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, s->level);
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, s->checksum);
    size_t made = ZSTD_compress2(z, dst, cap, src, len);
    if (ZSTD_isError(made)) return tsr_fail(TSR_ENOMEM, "zstd: %s", ZSTD_getErrorName(made));
    *n = made;
    return TSR_OK;
}

static size_t zstd_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return ZSTD_compressBound(len) + 4; /* the checksum */
}

const struct tsr_zcodec_kind tsr_zkind_zstd = {
    .v2 = "zstd",
    .v3 = "zstd",
    .stage = TSR_ZBYTES_TO_BYTES,
    .complete = zstd_complete,
    .open = zstd_open,
    .decode = zstd_decode,
    .claim = zstd_claim,
    .encode = zstd_encode,
    .bound = zstd_bound,
};
