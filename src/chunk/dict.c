/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/dict.c - makes the dictionary of a chunk (blosc2.md 3.7).
 *
 *   0         32       32 + 4n      36 + 4n
 *   | header  | starts | its length | dictionary | blocks
 *
 * Streams are compressed each on its own, so all of them begin without a past; a dictionary gives
 * them one in common.  It is made of pieces of the filtered blocks, and it costs its own length:
 * a few blocks are encoded with dictionaries of some lengths and without, and what promises the
 * smallest chunk is taken.  Readers do not care how it came about. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "chunk/pipeline.h"
#include "codec/train.h"
#include "kernel/kernel.h"

enum {
    DICT_MIN = 256,         /* shorter ones never pay */
    PIECES_PER_BYTE = 8,    /* the trainer wants many times the dictionary's length */
    BLOCKS_MAX = 64,        /* that pieces are taken from */
    TRIAL_BYTES = 96 << 10, /* that are encoded on trial */
    PIECE_MIN = 32
};

struct training {
    struct tsr_chunk *c;
    const struct tsr_cparams *p;
    struct tsr_worker *w;
    struct tsr_block_facts facts;
    struct tsr_stages stages;
    size_t stream;         /* decoded bytes of a stream, of which a block has */
    int32_t streams;       /* so many */
    int32_t blocks;        /* full blocks, all of one size */
    int32_t looked, tried; /* blocks that are filtered; of them encoded on trial */
    unsigned npieces;      /* of the streams of the others */
    size_t piece;          /* bytes of each */
    uint8_t *samples;      /* [npieces * piece] */
    size_t *lens;          /* [npieces] */
    uint8_t *trial;        /* [tried] filtered blocks */
    uint8_t *encoded;      /* [stream] */
    uint8_t *leading;      /* [cap]: the first of the others as they lie */
    size_t lead, cap;      /* bytes of it */
};

size_t tsr_chunk_head_bound(const struct tsr_chunk *c, const struct tsr_cparams *p)
{
    return TSR_CHUNK_HEADER + 4 * (size_t)c->nblocks + (p->use_dict ? 4 + DICT_MAX : 0);
}

/* The longest dictionary worth a try; 0: none is. */
static size_t dict_cap(const struct tsr_chunk *c, const struct tsr_cparams *p)
{
    enum { FRACTION = 8 };
    if (!p->use_dict || !c->codec->dicts || c->memcpyed || c->vlblocks) return 0;
    size_t cap = tsr_minz((size_t)c->nbytes / FRACTION, DICT_MAX);
    bool room = 4 * (size_t)c->nblocks + cap < (size_t)c->nbytes / 2;
    return cap >= DICT_MIN && room && c->nbytes / c->block_bytes >= 2 ? cap : 0;
}

static struct tsr_call call_of(const struct training *t, const uint8_t *dict, size_t len)
{
    return (struct tsr_call){.worker = t->w,
                             .block = &t->facts,
                             .level = t->p->clevel,
                             .meta = t->c->codec_meta,
                             .dict = dict,
                             .dict_len = len};
}

static int training_init(struct training *t, size_t cap)
{
    t->cap = cap;
    t->facts = tsr_block_facts_of(t->c);
    struct tsr_call call = call_of(t, NULL, 0);
    tsr_stages_init(&t->stages, t->c, &call, true);
    t->blocks = t->c->nbytes / t->c->block_bytes;
    t->streams = tsr_chunk_streams(t->c, 0);
    t->stream = (size_t)(t->c->block_bytes / t->streams);
    t->looked = t->blocks < BLOCKS_MAX ? t->blocks : BLOCKS_MAX;
    t->tried = TRIAL_BYTES / t->c->block_bytes;
    if (t->tried > t->looked / 4) t->tried = t->looked / 4;
    if (t->tried < 1) t->tried = 1;
    size_t n = (size_t)(t->looked - t->tried) * (size_t)t->streams;
    t->npieces = (unsigned)n;
    t->piece = tsr_minz(cap * PIECES_PER_BYTE / n, t->stream);
    if (t->piece < PIECE_MIN) t->piece = tsr_minz(PIECE_MIN, t->stream);
    t->samples = tsr_alloc(n * t->piece);
    t->lens = tsr_alloc_array(n, sizeof *t->lens);
    t->trial = tsr_alloc((size_t)t->tried * (size_t)t->c->block_bytes);
    t->encoded = tsr_alloc(t->stream);
    t->leading = tsr_alloc(cap);
    if (!t->samples || !t->lens || !t->trial || !t->encoded || !t->leading) return TSR_ENOMEM;
    for (size_t i = 0; i < n; i++) t->lens[i] = t->piece;
    return TSR_OK;
}

static void training_done(struct training *t)
{
    tsr_free(t->samples);
    tsr_free(t->lens);
    tsr_free(t->trial);
    tsr_free(t->encoded);
    tsr_free(t->leading);
}

/* Filters the blocks looked at, evenly spread.  Some are kept for the trial, and of the others
 * pieces: a dictionary must not be tried on what it was made of. */
static int gather(struct training *t, const struct tsr_block_source *from)
{
    struct tsr_call call = call_of(t, NULL, 0);
    size_t block = (size_t)t->c->block_bytes;
    uint8_t *to = t->samples;
    int32_t tried = 0, every = t->looked / t->tried;
    for (int32_t i = 0; i < t->looked; i++) {
        const uint8_t *raw, *filtered;
        int32_t b = (int32_t)((int64_t)i * t->blocks / t->looked);
        int rc = from->get(from->arg, t->w, b, &raw);
        t->facts.ref = b > 0 ? from->ref : NULL;
        if (rc == TSR_OK) rc = tsr_stages_run(&t->stages, &call, raw, block, &filtered);
        if (rc < 0) return rc;
        if (i % every == every / 2 && tried < t->tried) {
            memcpy(t->trial + (size_t)tried++ * block, filtered, block);
            continue;
        }
        size_t lead = tsr_minz(block, t->cap - t->lead);
        memcpy(t->leading + t->lead, filtered, lead);
        t->lead += lead;
        for (int32_t s = 0; s < t->streams; s++, to += t->piece)
            memcpy(to, filtered + (size_t)s * t->stream, t->piece);
    }
    return TSR_OK;
}

/* How long the chunk may get with this dictionary (or none), from the blocks tried. */
static int promise(const struct training *t, const uint8_t *dict, size_t len, int64_t *bytes)
{
    struct tsr_call call = call_of(t, len ? dict : NULL, len);
    int64_t sum = 0;
    for (int32_t i = 0; i < t->tried * t->streams; i++) {
        const uint8_t *src = t->trial + (size_t)i * t->stream;
        size_t got = 0;
        if (tsr_kernels()->is_run(src, t->stream)) continue;
        int rc = t->c->codec->encode(&call, src, t->stream, t->encoded, t->stream - 1, &got);
        if (rc < 0) return rc;
        sum += (int64_t)(got ? got : t->stream);
    }
    *bytes = sum * t->blocks / t->tried + (len ? 4 + (int64_t)len : 0);
    return TSR_OK;
}

/* The best dictionary so far. */
struct choice {
    uint8_t *dict; /* [cap] */
    size_t len;    /* 0: none */
    int64_t bytes; /* of the chunk */
};

/* Tries a dictionary; *promised: what the chunk would come to. */
static int consider(const struct training *t, const uint8_t *dict, size_t len, struct choice *best,
                    int64_t *promised)
{
    int rc = promise(t, dict, len, promised);
    if (rc < 0 || *promised >= best->bytes) return rc;
    memcpy(best->dict, dict, len);
    best->len = len;
    best->bytes = *promised;
    return TSR_OK;
}

/* The beginning of p[len], as it is; of half the length too, and so on, for as long as that gains.
 * Readers would take one that looks like tables for tables. */
static int consider_piece(const struct training *t, const uint8_t *p, size_t len,
                          struct choice *best)
{
    enum { LENGTHS = 3 };
    int64_t now = INT64_MAX, before = INT64_MAX;
    int rc = TSR_OK;
    if (tsr_dict_has_tables(p, len)) return TSR_OK;
    for (int i = 0; i < LENGTHS && len >= DICT_MIN && rc == TSR_OK; i++, len /= 2) {
        rc = consider(t, p, len, best, &now);
        if (now > before) break;
        before = now;
    }
    return rc;
}

static int consider_trained(const struct training *t, size_t cap, struct choice *best)
{
    struct tsr_samples samples = {t->samples, t->lens, t->npieces};
    int kind = t->c->codec->dicts & ~TSR_DICT_PIECE, rc = TSR_OK;
    uint8_t *dict = tsr_alloc(cap), *less = tsr_alloc(cap);
    if (!dict || !less) rc = TSR_ENOMEM;
    struct tsr_dict whole = {dict, rc == TSR_OK ? tsr_train(&samples, kind, dict, cap) : 0};
    int64_t now = INT64_MAX, before = INT64_MAX;
    if (whole.len) rc = consider(t, dict, whole.len, best, &before);
    for (size_t most = cap / 4; most >= DICT_MIN && whole.len && rc == TSR_OK; most /= 4) {
        size_t len = tsr_train_less(&samples, kind, &whole, less, most);
        if (len) rc = consider(t, less, len, best, &now);
        if (now > before) break;
        before = now;
    }
    tsr_free(dict);
    tsr_free(less);
    return rc;
}

static int choose(const struct training *t, size_t cap, struct choice *best)
{
    int kinds = t->c->codec->dicts, rc = promise(t, NULL, 0, &best->bytes);
    size_t all = tsr_minz(cap, t->npieces * t->piece);
    if (rc == TSR_OK && kinds & TSR_DICT_PIECE) rc = consider_piece(t, t->leading, t->lead, best);
    if (rc == TSR_OK && kinds & TSR_DICT_PIECE) rc = consider_piece(t, t->samples, all, best);
    if (rc == TSR_OK && kinds & ~TSR_DICT_PIECE) rc = consider_trained(t, cap, best);
    return rc;
}

int tsr_chunk_train(struct tsr_chunk *c, const struct tsr_cparams *p, struct tsr_worker *w,
                    const struct tsr_block_source *from, uint8_t *head)
{
    struct training t = {.c = c, .p = p, .w = w};
    uint8_t *at = head + TSR_CHUNK_HEADER + 4 * (size_t)c->nblocks;
    struct choice best = {.dict = at + 4};
    size_t cap = dict_cap(c, p);
    if (cap == 0) return TSR_OK;
    int rc = training_init(&t, cap);
    if (rc == TSR_OK) rc = gather(&t, from);
    if (rc == TSR_OK) rc = choose(&t, cap, &best);
    training_done(&t);
    if (rc < 0 || best.len == 0) return rc;
    tsr_store_LE32(at, (uint32_t)best.len);
    c->dict = true;
    c->dict_len = (int32_t)best.len;
    c->dict_bytes = at + 4;
    return TSR_OK;
}

/* A chunk's bytes in memory, as a source of blocks. */
struct whole {
    const uint8_t *src;
    int32_t block_bytes;
};

static int whole_block(void *arg, struct tsr_worker *w, int32_t b, const uint8_t **src)
{
    const struct whole *whole = arg;
    (void)w;
    *src = whole->src + (int64_t)b * whole->block_bytes;
    return TSR_OK;
}

int tsr_chunk_train_whole(struct tsr_chunk *c, const struct tsr_cparams *p, struct tsr_worker *w,
                          const uint8_t *src, uint8_t *head)
{
    struct whole whole = {src, c->block_bytes};
    struct tsr_block_source from = {whole_block, &whole, src};
    return tsr_chunk_train(c, p, w, &from, head);
}
