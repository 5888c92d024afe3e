/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zstd.c - Zstandard (RFC 8878) through libzstd.
 *
 * A payload is one frame, with or without content size.  The contexts live on the worker, the
 * compressing one is made on first use: it is large at high levels. */
#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/status.h"
#include "codec/codec.h"

extern const struct tsr_codec tsr_codec_zstd;

struct zstd {
    ZSTD_CCtx *c;
    ZSTD_DCtx *d;
};

static void zstd_free(void *p)
{
    struct zstd *z = p;
    if (!z) return;
    ZSTD_freeCCtx(z->c);
    ZSTD_freeDCtx(z->d);
    tsr_free(z);
}

/* The worker's contexts, with the asked one present; NULL: out of memory, text set. */
static struct zstd *contexts(struct tsr_worker *w, bool encode)
{
    void **slot = tsr_worker_state(w, &tsr_codec_zstd, zstd_free);
    if (slot && !*slot) *slot = tsr_alloc_zero(1, sizeof(struct zstd));
    struct zstd *z = slot ? *slot : NULL;
    if (z && encode && !z->c) z->c = ZSTD_createCCtx();
    if (z && !encode && !z->d) z->d = ZSTD_createDCtx();
    if (z && (encode ? (void *)z->c : (void *)z->d)) return z;
    tsr_fail(TSR_ENOMEM, "zstd: no memory for a context");
    return NULL;
}

/* One frame of blocks of PIECE bytes, each with entropy tables of its own.  Where the statistics
 * drift, as in unfiltered integers, the optimal parser of libzstd before 1.5.7 finds far worse
 * matches over a whole block: a random walk of 60,000 bytes takes 19.7 kB, and 18.0 kB like this
 * (1.5.7: 17.8).  0: does not fit. */
static size_t encode_pieces(ZSTD_CCtx *cctx, const uint8_t *src, size_t n, uint8_t *dst, size_t cap)
{
    enum { PIECE = 6000 };
    ZSTD_outBuffer out = {dst, cap, 0};
    size_t left = 0;
    ZSTD_CCtx_reset(cctx, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, ZSTD_maxCLevel());
    ZSTD_CCtx_setPledgedSrcSize(cctx, n);
    for (size_t at = 0; at < n; at += PIECE) {
        bool last = n - at <= PIECE;
        ZSTD_inBuffer in = {src + at, last ? n - at : PIECE, 0};
        left = ZSTD_compressStream2(cctx, &out, &in, last ? ZSTD_e_end : ZSTD_e_flush);
        if (ZSTD_isError(left) || left) break; /* left: more output than cap */
    }
    ZSTD_CCtx_reset(cctx, ZSTD_reset_session_and_parameters);
    return left ? 0 : out.pos;
}

static int zstd_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                       size_t cap, size_t *out)
{
    enum { PIECES_FROM = 16 << 10 };
    struct zstd *z = contexts(c->worker, true);
    if (!z) return TSR_ENOMEM;
    int level = c->level >= 9 ? ZSTD_maxCLevel() : 2 * c->level - 1;
    size_t len = ZSTD_compressCCtx(z->c, dst, cap, src, n, level);
    *out = ZSTD_isError(len) ? 0 : len;
    if (c->level < 9 || n < PIECES_FROM) return TSR_OK;
    uint8_t *other = tsr_worker_scratch(c->worker, TSR_SCRATCH_CODEC, cap);
    if (!other) return TSR_ENOMEM;
    len = encode_pieces(z->c, src, n, other, *out ? *out : cap);
    if (len && (!*out || len < *out)) {
        memcpy(dst, other, len);
        *out = len;
    }
    return TSR_OK;
}

static int zstd_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                       size_t n)
{
    struct zstd *z = contexts(c->worker, false);
    if (!z) return TSR_ENOMEM;
    size_t got = ZSTD_decompressDCtx(z->d, dst, n, src, len);
    if (ZSTD_isError(got)) return tsr_fail(TSR_ECORRUPT, "zstd: %s", ZSTD_getErrorName(got));
    if (got != n)
        return tsr_fail(TSR_ECORRUPT, "zstd: found %zu decoded bytes, expected %zu", got, n);
    return TSR_OK;
}

const struct tsr_codec tsr_codec_zstd = {
    .name = "zstd",
    .about = "Zstandard: high ratio, fast to read",
    .blosc2_id = 5,
    .blosc2_format = 4,
    .hdf5_id = 32015,
    .zarr = "zstd",
    .encode = zstd_encode,
    .decode = zstd_decode,
};
