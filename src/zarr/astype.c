/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/astype.c - the codec "astype" of numcodecs: items of one type stored as another. */
#include "base/status.h"
#include "zarr/number.h"

static int astype_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    (void)foreign;
    return tsr_znum_usual(c, config, "decode_dtype");
}

static int astype_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    const struct tsr_ztype *own = format == 3 ? c->in.type : NULL, *decoded, *encoded;
    struct tsr_znums *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    if (!s) return TSR_ENOMEM;
    int rc = tsr_znum_member(c, config, "decode_dtype", format, own, &decoded);
    if (rc == TSR_OK) rc = tsr_znum_member(c, config, "encode_dtype", format, NULL, &encoded);
    return rc == TSR_OK ? tsr_znums_open(c, s, format, decoded, encoded) : rc;
}

static int decode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    const struct tsr_znums *s = c->state;
    (void)run;
    tsr_znum_cast(s->out.kind, src, s->in.kind, dst, n);
    return TSR_OK;
}

static int encode_tile(const struct tsr_zcodec *c, void *run, union tsr_tile *src,
                       union tsr_tile *dst, size_t n)
{
    const struct tsr_znums *s = c->state;
    (void)run;
    return tsr_znum_cast(s->in.kind, src, s->out.kind, dst, n) ? TSR_OK : tsr_znum_beyond(c);
}

static int astype_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                         size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_decode(c, decode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

static int astype_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                         size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    return tsr_znums_encode(c, encode_tile, NULL, &(struct tsr_span){src, len, dst, cap}, n);
}

const struct tsr_zcodec_kind tsr_zkind_astype = {
    .v2 = "astype",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .complete = astype_complete,
    .open = astype_open,
    .decode = astype_decode,
    .claim = tsr_znums_claim,
    .encode = astype_encode,
    .bound = tsr_znums_bound,
};
