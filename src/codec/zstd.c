/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zstd.c - Zstandard (RFC 8878) through libzstd.
 *
 * A payload is one frame, with or without content size.  The contexts live on the worker, the
 * compressing one is made on first use: it is large at high levels.  So do dictionaries, digested
 * once for all streams of a chunk that the worker meets: it keeps the last one of each direction
 * and compares the bytes, which takes a hundredth of the time of digesting them. */
#include <string.h>
#define ZSTD_STATIC_LINKING_ONLY /* the name of one parameter, its row-based search */
#include <zstd.h>

#include "base/mem.h"
#include "base/status.h"
#include "codec/codec.h"
#include "codec/probe.h"
#include "codec/zstd.h"

extern const struct tsr_codec tsr_codec_zstd;

/* A dictionary as libzstd wants it, and what it was made from (dict_params). */
struct digested {
    uint8_t *bytes;
    size_t len;
    int level;
    enum tsr_order order;
    ZSTD_CDict *c;
    ZSTD_DDict *d;
};

struct zstd {
    ZSTD_CCtx *c;
    const void *set; /* what c is set up for: a search, a dictionary; NULL: anything else */
    ZSTD_DCtx *d;
    struct digested cdict, cquick, ddict; /* cquick: for what does not repeat */
};

static void digested_free(struct digested *g)
{
    ZSTD_freeCDict(g->c);
    ZSTD_freeDDict(g->d);
    tsr_free(g->bytes);
    *g = (struct digested){0};
}

static void zstd_free(void *p)
{
    struct zstd *z = p;
    digested_free(&z->cdict);
    digested_free(&z->cquick);
    digested_free(&z->ddict);
    ZSTD_freeCCtx(z->c);
    ZSTD_freeDCtx(z->d);
    tsr_free(z);
}

/* How to search for matches.  libzstd's own choice for a level goes by the size of the stream
 * alone. */
struct search {
    ZSTD_strategy strategy;
    int log, min_match;
    int window; /* log; 0: what suits the length of the stream */
};

/* For clevel 3, 4 and 5, by the order of the bytes: sorted bits and bytes gain next to nothing
 * from a deeper search, and bits gain from blocks of 32 KiB, with entropy tables of their own for
 * some planes each.  Beside libzstd 1.5.7 at the level of c-blosc2 (5, 7, 9) no ratio of the data
 * in tests/interop/test_ratio.py and of the rows of bench/ is more than 2 % lower, but of the curve
 * in steps at clevel 3 and 4, by up to 15 %; and clevel 5 takes 0.6 to 0.85 of the time. */
static const struct search searches[3][3] = {
    [TSR_ORDER_ITEMS] = {{ZSTD_greedy, 3, 4, 0}, {ZSTD_lazy2, 3, 5, 0}, {ZSTD_lazy2, 4, 5, 0}},
    [TSR_ORDER_BYTES] = {{ZSTD_greedy, 3, 4, 0}, {ZSTD_lazy, 3, 4, 0}, {ZSTD_lazy, 4, 4, 0}},
    [TSR_ORDER_BITS] = {{ZSTD_greedy, 2, 5, 15}, {ZSTD_greedy, 3, 5, 15}, {ZSTD_greedy, 4, 5, 15}},
};

/* Of sorted bits that shrink six times the quick search leaves 7 %: at clevel 5 they are searched
 * again, and both together take as long as the level of c-blosc2. */
static const struct search of_few_bits = {ZSTD_lazy, 4, 5, 0};

/* Short streams of items are searched by chains at clevel 5: rows of 16 are mostly empty there and
 * cost a fifth more. */
static const struct search of_short = {ZSTD_lazy2, 4, 5, 0};

enum { QUICKEST = 1 };

/* The level of libzstd for a stream.  What does not repeat is left to the entropy coder, behind
 * the quickest search. */
static int level_of(const struct tsr_call *c, const uint8_t *src, size_t n)
{
    if (c->level >= 9) return ZSTD_maxCLevel();
    if (c->level > 2 && !tsr_probe_repeats(src, n)) return QUICKEST;
    return 2 * c->level - 1;
}

/* The search to use in place of that of a level; NULL: none. */
static const struct search *search_of(const struct tsr_call *c, int level)
{
    return level < 5 || level > 9 ? NULL : &searches[c->block->order][level / 2 - 2];
}

/* The worker's contexts, with the asked one present; NULL: out of memory, text set. */
static struct zstd *contexts(struct tsr_worker *w, bool encode)
{
    struct zstd *z = tsr_worker_state(w, &tsr_codec_zstd, sizeof *z, zstd_free);
    if (!z) return NULL;
    if (encode && !z->c) z->c = ZSTD_createCCtx();
    if (!encode && !z->d) z->d = ZSTD_createDCtx();
    if (encode ? (void *)z->c : (void *)z->d) return z;
    tsr_fail(TSR_ENOMEM, "zstd: no memory for a context");
    return NULL;
}

struct ZSTD_CCtx_s *tsr_zstd_compressor(struct tsr_worker *w)
{
    struct zstd *z = contexts(w, true);
    if (!z) return NULL;
    z->set = NULL;
    ZSTD_CCtx_reset(z->c, ZSTD_reset_session_and_parameters);
    return z->c;
}

struct ZSTD_DCtx_s *tsr_zstd_decompressor(struct tsr_worker *w)
{
    struct zstd *z = contexts(w, false);
    return z ? z->d : NULL;
}

/* What libzstd is to do with a dictionary of call c: what its level says, but for the search, in
 * tables no larger than a dictionary.  Of sorted bits and bytes the good matches are close by, and
 * the quickest search by rows finds as much. */
static ZSTD_compressionParameters dict_params(const struct tsr_call *c, int level)
{
    enum { LOG = 15 };
    ZSTD_compressionParameters p = ZSTD_getCParams(level, 0, c->dict_len);
    const struct search *s = search_of(c, level);
    if (!s) return p;
    bool sorted = c->block->order != TSR_ORDER_ITEMS;
    p.strategy = sorted ? ZSTD_greedy : s->strategy;
    p.searchLog = (unsigned)s->log;
    p.minMatch = 5;
    p.hashLog = p.chainLog = LOG;
    return p;
}

/* Has g, one of z's, hold the dictionary of call c; level 0: to decode with. */
static int digest(struct zstd *z, struct digested *g, const struct tsr_call *c, int level)
{
    enum tsr_order order = level ? c->block->order : TSR_ORDER_ITEMS;
    if (g->bytes && g->len == c->dict_len && g->level == level && g->order == order &&
        memcmp(g->bytes, c->dict, c->dict_len) == 0)
        return TSR_OK;
    if (z->set == g) z->set = NULL;
    digested_free(g);
    if (!(g->bytes = tsr_alloc(c->dict_len))) return TSR_ENOMEM;
    memcpy(g->bytes, c->dict, c->dict_len);
    g->len = c->dict_len;
    g->level = level;
    g->order = order;
    if (level)
        g->c = ZSTD_createCDict_advanced(g->bytes, g->len, ZSTD_dlm_byRef, ZSTD_dct_auto,
                                         dict_params(c, level), ZSTD_defaultCMem);
    else g->d = ZSTD_createDDict(g->bytes, g->len);
    if (g->c || g->d) return TSR_OK;
    digested_free(g);
    return tsr_fail(level ? TSR_ENOMEM : TSR_ECORRUPT, "zstd: broken dictionary of %zu bytes",
                    c->dict_len);
}

/* Sets the compressor up for the dictionary of call c, if it is not.  Frames do not name it: a
 * chunk has only the one, and each stream saves four bytes. */
static int use_dict(struct zstd *z, const struct tsr_call *c, int level)
{
    struct digested *g = level == QUICKEST ? &z->cquick : &z->cdict;
    int rc = digest(z, g, c, level);
    if (rc < 0 || z->set == g) return rc;
    ZSTD_CCtx_reset(z->c, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(z->c, ZSTD_c_dictIDFlag, 0);
    ZSTD_CCtx_refCDict(z->c, g->c);
    z->set = g;
    return TSR_OK;
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

/* Sets the compressor up for a search of the table, if it is not.  Searching by rows is what
 * libzstd does in windows over 16 KiB; in smaller ones it is as good, and three times as fast, but
 * for of_short. */
static void use_search(struct zstd *z, const struct search *s)
{
    if (z->set == s) return;
    ZSTD_CCtx_reset(z->c, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(z->c, ZSTD_c_compressionLevel, 9);
    ZSTD_CCtx_setParameter(z->c, ZSTD_c_strategy, (int)s->strategy);
    ZSTD_CCtx_setParameter(z->c, ZSTD_c_searchLog, s->log);
    ZSTD_CCtx_setParameter(z->c, ZSTD_c_minMatch, s->min_match);
    ZSTD_CCtx_setParameter(z->c, ZSTD_c_windowLog, s->window);
    ZSTD_CCtx_setParameter(z->c, ZSTD_c_useRowMatchFinder,
                           s == &of_short ? ZSTD_ps_disable : ZSTD_ps_enable);
    z->set = s;
}

/* Encodes without a dictionary.  For runs of equal bytes level 5 is as good as
 * those of clevel 3 to 5. */
static size_t encode_plain(struct zstd *z, const struct tsr_call *c, const uint8_t *src, size_t n,
                           uint8_t *dst, size_t cap)
{
    enum { WELL = 6, SHORT = 4096 };
    bool dear = c->level > 2 && c->level <= 5;
    if (dear && tsr_probe_runs(src, n)) return ZSTD_compressCCtx(z->c, dst, cap, src, n, 5);
    int level = level_of(c, src, n);
    const struct search *s = search_of(c, level);
    if (!s) return ZSTD_compressCCtx(z->c, dst, cap, src, n, level);
    if (s == &searches[TSR_ORDER_ITEMS][2] && n <= SHORT) s = &of_short;
    use_search(z, s);
    size_t len = ZSTD_compress2(z->c, dst, cap, src, n);
    bool few = c->block->order == TSR_ORDER_BITS && !ZSTD_isError(len) && len < n / WELL;
    if (!few || c->level < 5) return len;
    use_search(z, &of_few_bits);
    return ZSTD_compress2(z->c, dst, cap, src, n);
}

static int encode_with_dict(struct zstd *z, const struct tsr_call *c, const uint8_t *src, size_t n,
                            uint8_t *dst, size_t cap, size_t *out)
{
    int rc = use_dict(z, c, level_of(c, src, n));
    if (rc < 0) return rc;
    size_t len = ZSTD_compress2(z->c, dst, cap, src, n);
    *out = ZSTD_isError(len) ? 0 : len;
    return TSR_OK;
}

static int zstd_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                       size_t cap, size_t *out)
{
    enum { PIECES_FROM = 16 << 10 };
    struct zstd *z = contexts(c->worker, true);
    if (!z) return TSR_ENOMEM;
    if (c->dict) return encode_with_dict(z, c, src, n, dst, cap, out);
    size_t len = encode_plain(z, c, src, n, dst, cap);
    *out = ZSTD_isError(len) ? 0 : len;
    if (c->level < 9 || n < PIECES_FROM) return TSR_OK;
    z->set = NULL;
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
    int rc = c->dict ? digest(z, &z->ddict, c, 0) : TSR_OK;
    if (rc < 0) return rc;
    size_t got = c->dict ? ZSTD_decompress_usingDDict(z->d, dst, n, src, len, z->ddict.d)
                         : ZSTD_decompressDCtx(z->d, dst, n, src, len);
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
    .dicts = TSR_DICT_PIECE | TSR_DICT_TABLES,
    .encode = zstd_encode,
    .decode = zstd_decode,
};
