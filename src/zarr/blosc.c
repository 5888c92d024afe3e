/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/blosc.c - the codec "blosc": one Blosc 1 chunk, by the code of src/chunk.
 *
 * The header of a chunk says all that a decoder needs, so the configuration is only looked at to
 * encode; "snappy" is neither.  The item size that "shuffle" goes by is "typesize" or, in format
 * 2, that of the items which the codec is handed. */
#include "base/num.h"
#include "base/status.h"
#include "chunk/chunk.h"
#include "zarr/codec.h"
#include "zarr/node.h"

enum { SHUFFLE_AUTO = -1, SHUFFLE_NONE, SHUFFLE_BYTES, SHUFFLE_BITS };

struct blosc {
    struct tsr_cparams params;
    bool unknown; /* cname is none that can be written */
};

/* "shuffle" of format 3, 1 of format 2; other programs mix them. */
static int parse_shuffle(const struct tsr_node *n, int format, int64_t *out)
{
    static const char *const names[] = {"noshuffle", "shuffle", "bitshuffle"};
    *out = format == 2 ? SHUFFLE_BYTES : SHUFFLE_NONE;
    if (!n || n->kind == TSR_NODE_NULL) return TSR_OK;
    for (int i = 0; i < 3; i++)
        if (tsr_znode_is(n, names[i])) {
            *out = i;
            return TSR_OK;
        }
    if (n->kind == TSR_NODE_INT && n->i >= SHUFFLE_AUTO && n->i <= SHUFFLE_BITS) *out = n->i;
    else if (format == 3)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "noshuffle, shuffle or bitshuffle");
    return TSR_OK;
}

/* A codec whose name is unknown is refused when an array of format 3 is opened, else when it is
 * written. */
static int parse_cname(struct blosc *s, const struct tsr_node *n, int format)
{
    static const char *const names[] = {"blosclz", "lz4", "lz4hc", "zlib", "zstd"};
    const char *name = NULL;
    for (int i = 0; i < 5; i++)
        if (n ? tsr_znode_is(n, names[i]) : i == 1) name = names[i];
    s->unknown = !name;
    if (name) {
        s->params.codec = tsr_codec_named(NULL, name);
        s->params.codec_id = s->params.codec->blosc2_id;
        return TSR_OK;
    }
    if (format == 2 || tsr_znode_is(n, "snappy")) return TSR_OK;
    return tsr_znode_wrong(TSR_ECORRUPT, n, "blosclz, lz4, lz4hc, snappy, zlib or zstd");
}

/* The bytes of an item, when the configuration does not say so. */
static int64_t item_size(const struct tsr_zcodec *c)
{
    return c->in.items && c->in.dtype ? c->in.dtype->item_bytes : 1;
}

static void set_params(struct tsr_cparams *p, int64_t typesize, int64_t shuffle)
{
    enum { BYTES = 1, BITS = 2 }; /* ids of the filters */
    if (shuffle == SHUFFLE_AUTO) shuffle = typesize == 1 ? SHUFFLE_BITS : SHUFFLE_BYTES;
    p->basic = true;
    p->item_bytes = (int32_t)(typesize > 255 ? 1 : typesize);
    p->filters[TSR_CHUNK_FILTERS - 1] = 0;
    if (shuffle == SHUFFLE_BITS) p->filters[TSR_CHUNK_FILTERS - 1] = BITS;
    if (shuffle == SHUFFLE_BYTES && p->item_bytes > 1) p->filters[TSR_CHUNK_FILTERS - 1] = BYTES;
}

/* Its own name takes names for "shuffle" and needs "typesize"; numcodecs takes numbers. */
static int blosc_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    int64_t item = tsr_zview_item(&c->in);
    struct tsr_node shuffle = tsr_znode_of_text("noshuffle");
    if (foreign) shuffle = tsr_znode_of_int(SHUFFLE_NONE);
    tsr_zcodec_usual(config, "cname", tsr_znode_of_text("lz4"));
    tsr_zcodec_usual(config, "clevel", tsr_znode_of_int(5));
    tsr_zcodec_usual(config, "shuffle", shuffle);
    if (!foreign)
        tsr_zcodec_usual(config, "typesize", tsr_znode_of_int(item > 0 && item < 256 ? item : 1));
    tsr_zcodec_usual(config, "blocksize", tsr_znode_of_int(0));
    return TSR_OK;
}

static int blosc_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    struct tsr_zparam clevel = {"clevel", 0, 9, 5}, block = {"blocksize", 0, TSR_BLOCK_MAX, 0},
                      size = {"typesize", 1, INT32_MAX, 0};
    const struct tsr_node *shuffle_node = tsr_znode_get(config, "shuffle");
    struct blosc *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t level = 0, blocksize = 0, typesize = 0, shuffle = 0;
    if (!s) return TSR_ENOMEM;
    tsr_cparams_init(&s->params, 1);
    int rc = parse_cname(s, tsr_znode_get(config, "cname"), format);
    if (rc < 0) tsr_within("cname");
    if (rc == TSR_OK && (rc = parse_shuffle(shuffle_node, format, &shuffle)) < 0)
        tsr_within("shuffle");
    if (rc == TSR_OK) rc = tsr_zcodec_int(config, &clevel, format, &level);
    if (rc == TSR_OK) rc = tsr_zcodec_int(config, &block, format, &blocksize);
    if (rc == TSR_OK) rc = tsr_zcodec_int(config, &size, format, &typesize);
    if (rc < 0) return rc;
    bool named = shuffle_node && shuffle_node->kind == TSR_NODE_STRING; /* not numcodecs.blosc */
    if (format == 3 && named && shuffle != SHUFFLE_NONE && !typesize)
        return tsr_fail(TSR_ECORRUPT, "typesize: not there, expected the size to shuffle by");
    s->params.clevel = (int)level;
    s->params.block_bytes = (int32_t)blocksize;
    set_params(&s->params, typesize ? typesize : item_size(c), shuffle);
    c->state = s;
    tsr_zcodec_out_bytes(c, -1);
    return TSR_OK;
}

static int64_t blosc_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    enum { AT_NBYTES = 4, HEADER = 16 };
    (void)c;
    return len < HEADER ? -1 : (int64_t)tsr_load_LE32(src + AT_NBYTES);
}

/* Parses the header of a chunk that must be of Blosc 1 and fill src. */
static int parse(struct tsr_chunk *k, const uint8_t *src, size_t len)
{
    int rc = tsr_chunk_parse(k, src, len, len, tsr_limit(UINT64_MAX));
    if (rc < 0) return rc;
    if (!k->basic || k->version > 2)
        return tsr_fail(TSR_ECORRUPT, "found a Blosc2 chunk (version %d), expected Blosc 1",
                        k->version);
    if ((size_t)k->cbytes != len)
        return tsr_fail(TSR_ECORRUPT, "found a chunk of %d bytes, expected %zu", k->cbytes, len);
    return TSR_OK;
}

static int blosc_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct tsr_chunk k;
    int rc = parse(&k, src, len);
    if (rc == TSR_OK) {
        if ((rc = tsr_zcodec_made(c, (size_t)k.nbytes, n)) < 0) return rc;
        if ((size_t)k.nbytes > cap) return tsr_zcodec_over(c, cap);
        rc = tsr_chunk_decode_range(&k, w, src, 0, k.nbytes, dst);
    }
    if (rc < 0) tsr_within("blosc");
    return rc;
}

static int blosc_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct blosc *s = c->state;
    int32_t cbytes = 0;
    if (s->unknown) return tsr_fail(TSR_EUNSUPPORTED, "blosc: this build does not write its cname");
    if (len > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_EARG, "blosc: %zu bytes, expected at most %d", len,
                        TSR_CHUNK_MAX_NBYTES);
    int rc = tsr_chunk_encode(&s->params, w, src, (int64_t)len, dst, cap, &cbytes);
    *n = (size_t)cbytes;
    return rc;
}

static size_t blosc_bound(const struct tsr_zcodec *c, size_t len)
{
    enum { HEADER = 16 };
    (void)c;
    return len + HEADER;
}

bool tsr_zblosc_alike(const struct tsr_zcodec *a, const struct tsr_zcodec *b)
{
    const struct blosc *x = a->state, *y = b->state;
    return !x->unknown && !y->unknown && x->params.block_bytes == y->params.block_bytes &&
           tsr_cparams_alike(&x->params, &y->params);
}

const struct tsr_zcodec_kind tsr_zkind_blosc = {
    .v2 = "blosc",
    .v3 = "blosc",
    .stage = TSR_ZBYTES_TO_BYTES,
    .complete = blosc_complete,
    .open = blosc_open,
    .decode = blosc_decode,
    .claim = blosc_claim,
    .encode = blosc_encode,
    .bound = blosc_bound,
};
