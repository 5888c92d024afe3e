/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/lz4.c - LZ4 blocks: encoded by liblz4, fast ("lz4") and thorough ("lz4hc").
 *
 * A payload is one raw LZ4 block, without frame or length: the framings of Zarr and HDF5 are
 * codecs of their own.  What both write is decoded by lz4_block.c.  The states (16 KiB and
 * 256 KiB) live on the worker; liblz4 resets them on each call.  A dictionary stands for what came
 * before a block: the compressors take it in anew for each one, at a tenth of the time of a block
 * of 64 KiB. */
#include <limits.h>
#include <lz4.h>
#include <lz4hc.h>

#include "base/mem.h"
#include "base/status.h"
#include "codec/codec.h"
#include "codec/lz4_block.h"

extern const struct tsr_codec tsr_codec_lz4, tsr_codec_lz4hc;

static void *state(struct tsr_worker *w, const struct tsr_codec *key, int len)
{
    return tsr_worker_state(w, key, (size_t)len, tsr_free);
}

static int clamp(size_t len)
{
    return len > INT_MAX ? INT_MAX : (int)len;
}

static int lz4_with_dict(const struct tsr_call *c, void *state, const uint8_t *src, size_t n,
                         uint8_t *dst, size_t cap)
{
    LZ4_stream_t *s = LZ4_initStream(state, (size_t)LZ4_sizeofState());
    LZ4_loadDict(s, (const char *)c->dict, clamp(c->dict_len));
    return LZ4_compress_fast_continue(s, (const char *)src, (char *)dst, (int)n, clamp(cap),
                                      10 - c->level);
}

static int lz4_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                      size_t cap, size_t *out)
{
    void *s = state(c->worker, &tsr_codec_lz4, LZ4_sizeofState());
    if (!s) return TSR_ENOMEM;
    *out = 0;
    if (n > LZ4_MAX_INPUT_SIZE) return TSR_OK;
    int len = c->dict ? lz4_with_dict(c, s, src, n, dst, cap)
                      : LZ4_compress_fast_extState(s, (const char *)src, (char *)dst, (int)n,
                                                   clamp(cap), 10 - c->level);
    *out = (size_t)len;
    return TSR_OK;
}

/* liblz4 1.10 has a search of its own for levels 1 and 2; with an older one only level 4 is never
 * more than 2 % behind it. */
static int lz4hc_level(int clevel)
{
    return clevel < 4 ? 4 : clevel;
}

static int lz4hc_with_dict(const struct tsr_call *c, void *state, const uint8_t *src, size_t n,
                           uint8_t *dst, size_t cap)
{
    LZ4_streamHC_t *s = LZ4_initStreamHC(state, (size_t)LZ4_sizeofStateHC());
    LZ4_resetStreamHC_fast(s, lz4hc_level(c->level));
    LZ4_loadDictHC(s, (const char *)c->dict, clamp(c->dict_len));
    return LZ4_compress_HC_continue(s, (const char *)src, (char *)dst, (int)n, clamp(cap));
}

static int lz4hc_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                        size_t cap, size_t *out)
{
    void *s = state(c->worker, &tsr_codec_lz4hc, LZ4_sizeofStateHC());
    if (!s) return TSR_ENOMEM;
    *out = 0;
    if (n > LZ4_MAX_INPUT_SIZE) return TSR_OK;
    int len = c->dict ? lz4hc_with_dict(c, s, src, n, dst, cap)
                      : LZ4_compress_HC_extStateHC(s, (const char *)src, (char *)dst, (int)n,
                                                   clamp(cap), lz4hc_level(c->level));
    *out = (size_t)len;
    return TSR_OK;
}

static int lz4_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                      size_t n)
{
    struct tsr_lz4_block b = {src, len, c->dict, c->dict_len};
    return tsr_lz4_block_decode(&b, false, dst, n);
}

static int lz4_decode_start(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                            size_t n)
{
    struct tsr_lz4_block b = {src, len, c->dict, c->dict_len};
    return tsr_lz4_block_decode(&b, true, dst, n);
}

const struct tsr_codec tsr_codec_lz4 = {
    .name = "lz4",
    .about = "LZ4: very fast, moderate ratio",
    .blosc2_id = 1,
    .blosc2_format = 1,
    .dicts = TSR_DICT_PIECE, /* training would take twenty times as long as encoding */
    .encode = lz4_encode,
    .decode = lz4_decode,
    .decode_start = lz4_decode_start,
};

const struct tsr_codec tsr_codec_lz4hc = {
    .name = "lz4hc",
    .about = "LZ4 with a thorough search: slow to write, fast to read",
    .blosc2_id = 2,
    .blosc2_format = 1,
    .dicts = TSR_DICT_PIECE | TSR_DICT_STRINGS,
    .encode = lz4hc_encode,
    .decode = lz4_decode,
    .decode_start = lz4_decode_start,
};
