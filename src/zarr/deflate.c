/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/deflate.c - the codecs "gzip" (RFC 1952) and "zlib" (RFC 1950), through libdeflate.
 *
 * A gzip value is one or more members, each with its CRC-32 and length, and after the last one
 * nothing but zeros.  A zlib value is one stream.  libdeflate checks the sums and never writes
 * past the room that it is given.  No time of day is written, so that what is encoded depends on
 * the data alone. */
#include <libdeflate.h>

#include "base/num.h"
#include "base/status.h"
#include "codec/zlib.h"
#include "zarr/codec.h"
#include "zarr/node.h"

struct deflate {
    int level; /* of libdeflate, 0 .. 9 */
};

static int deflate_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    enum { ZLIB_DEFAULT = 6 };
    bool least = format == 2 && c->kind->v3 == NULL; /* zlib takes -1 for its default */
    struct tsr_zparam level = {"level", least ? -1 : 0, 9, TSR_ZLEVEL};
    struct deflate *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t v = 0;
    if (!s) return TSR_ENOMEM;
    int rc = tsr_zcodec_int(config, &level, format, &v);
    s->level = v < 0 ? ZLIB_DEFAULT : (int)v;
    c->state = s;
    tsr_zcodec_out_bytes(c, -1);
    return rc;
}

/* What libdeflate said of a stream that begins at byte `at`. */
static int outcome(const struct tsr_zcodec *c, enum libdeflate_result r, size_t at, size_t cap)
{
    if (r == LIBDEFLATE_SUCCESS) return TSR_OK;
    if (r == LIBDEFLATE_INSUFFICIENT_SPACE) return tsr_zcodec_over(c, cap);
    return tsr_fail(TSR_ECORRUPT, "%s: the stream at byte %zu is cut or broken", tsr_zcodec_name(c),
                    at);
}

static int trailing(const struct tsr_zcodec *c, size_t at, size_t len)
{
    return tsr_fail(TSR_ECORRUPT, "%s: the stream ends at byte %zu, expected %zu",
                    tsr_zcodec_name(c), at, len);
}

static int zlib_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct libdeflate_decompressor *d = tsr_zlib_decompressor(w);
    size_t used = 0, made = 0;
    if (!d) return TSR_ENOMEM;
    int rc = outcome(c, libdeflate_zlib_decompress_ex(d, src, len, dst, cap, &used, &made), 0, cap);
    if (rc == TSR_OK && used != len) rc = trailing(c, used, len);
    return rc < 0 ? rc : tsr_zcodec_made(c, made, n);
}

static bool is_zeros(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i]) return false;
    return true;
}

static int gzip_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct libdeflate_decompressor *d = tsr_zlib_decompressor(w);
    size_t at = 0, made = 0;
    if (!d) return TSR_ENOMEM;
    do {
        size_t used = 0, got = 0;
        int rc = outcome(c,
                         libdeflate_gzip_decompress_ex(d, src + at, len - at, dst + made,
                                                       cap - made, &used, &got),
                         at, cap);
        if (rc < 0) return rc;
        at += used;
        made += got;
    } while (at < len && src[at] != 0);
    if (!is_zeros(src + at, len - at)) return trailing(c, at, len);
    return tsr_zcodec_made(c, made, n);
}

/* The length that the last member ends with; of several it is too little. */
static int64_t gzip_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    return len < 18 ? -1 : (int64_t)tsr_load_LE32(src + len - 4);
}

static int encoded(const struct tsr_zcodec *c, size_t made, size_t cap, size_t *n)
{
    *n = made;
    return made ? TSR_OK : tsr_fail(TSR_EARG, "%s: no room in %zu bytes", tsr_zcodec_name(c), cap);
}

static int zlib_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct deflate *s = c->state;
    struct libdeflate_compressor *z = tsr_zlib_compressor(w, s->level);
    return z ? encoded(c, libdeflate_zlib_compress(z, src, len, dst, cap), cap, n) : TSR_ENOMEM;
}

static int gzip_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct deflate *s = c->state;
    struct libdeflate_compressor *z = tsr_zlib_compressor(w, s->level);
    return z ? encoded(c, libdeflate_gzip_compress(z, src, len, dst, cap), cap, n) : TSR_ENOMEM;
}

static size_t deflate_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return libdeflate_gzip_compress_bound(NULL, len); /* a zlib stream has the smaller frame */
}

const struct tsr_zcodec_kind tsr_zkind_gzip = {
    .v2 = "gzip",
    .v3 = "gzip",
    .stage = TSR_ZBYTES_TO_BYTES,
    .complete = tsr_zcodec_complete_level,
    .open = deflate_open,
    .decode = gzip_decode,
    .claim = gzip_claim,
    .encode = gzip_encode,
    .bound = deflate_bound,
};

const struct tsr_zcodec_kind tsr_zkind_zlib = {
    .v2 = "zlib",
    .stage = TSR_ZBYTES_TO_BYTES,
    .complete = tsr_zcodec_complete_level,
    .open = deflate_open,
    .decode = zlib_decode,
    .encode = zlib_encode,
    .bound = deflate_bound,
};
