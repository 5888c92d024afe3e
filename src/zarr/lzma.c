/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/lzma.c - the codec "lzma" (zarr.md 5.1.1), through liblzma.
 *
 *   format 0: xz or lzma-alone, by its first bytes; 1: xz; 2: lzma-alone; 3: raw, whose filters
 *   stand in the configuration.
 *
 * What a decoder may take is a constant, or for raw streams the room that there is: a dictionary
 * reaches no further back than what was decoded. */
#include <lzma.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/codec.h"
#include "zarr/lzma_filters.h"
#include "zarr/node.h"

enum { AUTO, XZ, ALONE, RAW };

/* xz -9 needs 65 MiB; a worker keeps no more than what -6 needs, 9 MiB. */
enum { MEMORY_MOST = 128 << 20, MEMORY_KEPT = 16 << 20 };

struct lzma {
    int format;
    int check; /* < 0: liblzma's habit, CRC-64 */
    uint32_t preset;
    struct tsr_lzma_filters filters; /* n 0: as the preset says */
};

static const struct tsr_zparam of_format = {"format", AUTO, RAW, XZ};

static int lzma_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    static const struct tsr_node none = {.kind = TSR_NODE_NULL};
    const struct tsr_node *filters = tsr_znode_get(config, "filters");
    int64_t format = XZ;
    (void)c;
    (void)foreign;
    int rc = tsr_zcodec_int(config, &of_format, 3, &format);
    if (rc == TSR_OK && filters && filters->kind != TSR_NODE_NULL && format != RAW)
        return tsr_fail(TSR_EARG, "format: found %d, expected 3, as there are filters",
                        (int)format);
    tsr_zcodec_usual(config, "format", tsr_znode_of_int(XZ));
    tsr_zcodec_usual(config, "check", tsr_znode_of_int(-1));
    tsr_zcodec_usual(config, "preset", none);
    tsr_zcodec_usual(config, "filters", none);
    return TSR_OK;
}

static int lzma_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    static const struct tsr_zparam check = {"check", -1, 15, -1},
                                   preset = {"preset", 0, UINT32_MAX, LZMA_PRESET_DEFAULT};
    struct lzma *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    const struct tsr_node *list = tsr_znode_get(config, "filters");
    int64_t f = XZ, k = -1, p = 0;
    if (!s) return TSR_ENOMEM;
    memset(s, 0, sizeof *s);
    int rc =
        tsr_zcodec_int(config, &of_format, 3, &f); /* decoders need it: strict in both formats */
    if (rc == TSR_OK) rc = tsr_zcodec_int(config, &check, format, &k);
    if (rc == TSR_OK) rc = tsr_zcodec_int(config, &preset, format, &p);
    if (rc < 0) return rc;
    s->format = (int)f;
    s->check = (int)k;
    s->preset = (uint32_t)p;
    c->state = s;
    tsr_zcodec_out_bytes(c, -1);
    if (!list || list->kind == TSR_NODE_NULL)
        return f != RAW ? TSR_OK : tsr_fail(TSR_ECORRUPT, "filters: not there, but format is 3");
    rc = tsr_lzma_filters_parse(&s->filters, list);
    if (rc == TSR_OK || f == RAW) return rc;
    s->filters.n = 0; /* of the others they only say how to encode */
    return format == 2 ? TSR_OK : rc;
}

/* ---- streams ---- */

static int failed(lzma_ret ret, const lzma_stream *z)
{
    switch (ret) {
    case LZMA_MEM_ERROR: return tsr_fail(TSR_ENOMEM, "lzma: no memory for a state");
    case LZMA_MEMLIMIT_ERROR:
        return tsr_fail(TSR_EUNSUPPORTED, "lzma: decoding takes %llu bytes of memory, at most %d",
                        (unsigned long long)lzma_memusage(z), MEMORY_MOST);
    case LZMA_OPTIONS_ERROR:
        return tsr_fail(TSR_EUNSUPPORTED, "lzma: filters or options that liblzma does not have");
    default:
        return tsr_fail(TSR_ECORRUPT, "lzma: the stream is broken before byte %llu",
                        (unsigned long long)z->total_in);
    }
}

static void stream_free(void *p)
{
    lzma_end(p);
    tsr_free(p);
}

/* The worker's decoder, set to a format. */
static lzma_ret decoder(lzma_stream *z, const struct lzma *s, size_t cap)
{
    struct tsr_lzma_filters f;
    switch (s->format) {
    case AUTO: return lzma_auto_decoder(z, MEMORY_MOST, LZMA_CONCATENATED);
    case XZ: return lzma_stream_decoder(z, MEMORY_MOST, LZMA_CONCATENATED);
    case ALONE: return lzma_alone_decoder(z, MEMORY_MOST);
    default: tsr_lzma_filters_copy(&f, &s->filters, cap); return lzma_raw_decoder(z, f.chain);
    }
}

static int decode_all(const struct tsr_zcodec *c, lzma_stream *z, size_t cap)
{
    lzma_ret ret = LZMA_OK;
    while (ret == LZMA_OK) ret = lzma_code(z, LZMA_FINISH);
    bool full = z->avail_out == 0;
    if (ret == LZMA_BUF_ERROR && full && (z->avail_in || c->in.bytes < 0))
        return tsr_zcodec_over(c, cap);
    if (ret == LZMA_BUF_ERROR)
        return tsr_fail(TSR_ECORRUPT, "lzma: the stream is cut at byte %llu%s",
                        (unsigned long long)z->total_in, full ? ", or decodes to too much" : "");
    if (ret != LZMA_STREAM_END) return failed(ret, z);
    if (z->avail_in == 0) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "lzma: found %zu bytes behind the stream", z->avail_in);
}

static int lzma_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    extern const struct tsr_zcodec_kind tsr_zkind_lzma;
    lzma_stream *z = tsr_worker_state(w, &tsr_zkind_lzma, sizeof *z, stream_free);
    if (!z) return TSR_ENOMEM;
    lzma_ret ret = decoder(z, c->state, cap);
    z->next_in = src;
    z->avail_in = len;
    z->next_out = dst;
    z->avail_out = cap;
    int rc = ret == LZMA_OK ? decode_all(c, z, cap) : failed(ret, z);
    size_t made = cap - z->avail_out;
    if (lzma_memusage(z) > MEMORY_KEPT) lzma_end(z);
    return rc < 0 ? rc : tsr_zcodec_made(c, made, n);
}

/* The encoder of a format; *f: its filters, which must outlive this call only. */
static lzma_ret encoder(lzma_stream *z, const struct lzma *s, struct tsr_lzma_filters *f)
{
    lzma_check check = s->check < 0 ? LZMA_CHECK_CRC64 : (lzma_check)s->check;
    lzma_options_lzma o;
    tsr_lzma_filters_copy(f, &s->filters, SIZE_MAX);
    if (s->format == RAW) return lzma_raw_encoder(z, f->chain);
    if (s->format == XZ && f->n) return lzma_stream_encoder(z, f->chain, check);
    if (s->format == XZ) return lzma_easy_encoder(z, s->preset, check);
    if (s->format != ALONE) return LZMA_OPTIONS_ERROR;
    bool own = f->n == 1 && f->chain[0].id == LZMA_FILTER_LZMA1;
    if (own) return lzma_alone_encoder(z, f->chain[0].options);
    return lzma_lzma_preset(&o, s->preset) ? LZMA_OPTIONS_ERROR : lzma_alone_encoder(z, &o);
}

static int lzma_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                       size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct tsr_lzma_filters f;
    lzma_stream z = LZMA_STREAM_INIT;
    (void)w;
    lzma_ret ret = encoder(&z, c->state, &f);
    z.next_in = src;
    z.avail_in = len;
    z.next_out = dst;
    z.avail_out = cap;
    while (ret == LZMA_OK) ret = lzma_code(&z, LZMA_FINISH);
    *n = cap - z.avail_out;
    int rc = TSR_OK;
    if (ret == LZMA_BUF_ERROR) rc = tsr_fail(TSR_EARG, "lzma: no room in %zu bytes", cap);
    else if (ret != LZMA_STREAM_END) rc = failed(ret, &z);
    lzma_end(&z);
    return rc;
}

/* LZMA without xz's way out for what does not shrink can grow, by far less than a third. */
static size_t lzma_bound(const struct tsr_zcodec *c, size_t len)
{
    const struct lzma *s = c->state;
    return s->format == XZ ? lzma_stream_buffer_bound(len) : len + len / 3 + 128;
}

const struct tsr_zcodec_kind tsr_zkind_lzma = {
    .v2 = "lzma",
    .stage = TSR_ZBYTES_TO_BYTES,
    .complete = lzma_complete,
    .open = lzma_open,
    .decode = lzma_decode,
    .encode = lzma_encode,
    .bound = lzma_bound,
};
