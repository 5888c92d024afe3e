/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/build_chunk.h - chunks of data and parameters that the input chooses.
 *
 * Codecs, filters and their parameters come from the tables, so that new ones are fuzzed from
 * the day they are listed. */
#ifndef TSR_FUZZ_BUILD_CHUNK_H
#define TSR_FUZZ_BUILD_CHUNK_H

#include "build.h"
#include "chunk/chunk.h"
#include "chunk/layout.h"

/* Decoded data, and what is expected of a chunk of it. */
struct data {
    uint8_t *p;
    size_t n;
};

/* n bytes of one of the kinds that codecs tell apart. */
static inline struct data make_data(struct input *in, size_t n)
{
    struct data d = {need(malloc(n + 1)), n};
    uint32_t kind = pick(in, 6), period = 1 + pick(in, 40), x = pick(in, 1 << 30);
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        if (kind == 0) d.p[i] = 0;
        else if (kind == 1) d.p[i] = (uint8_t)period;
        else if (kind == 2) d.p[i] = (uint8_t)(i % period ? i / 997 : i / period);
        else if (kind == 3) d.p[i] = i % 512 < 300 ? (uint8_t)(i % period) : (uint8_t)(x >> 24);
        else if (kind == 4) d.p[i] = in->left ? in->p[i % in->left] : 7;
        else d.p[i] = (uint8_t)(x >> 24);
    }
    return d;
}

static inline int count_codecs(void)
{
    int n = 0;
    while (tsr_codec_list(n)) n++;
    return n;
}

static inline int count_filters(void)
{
    int n = 0;
    while (tsr_filter_list(n)) n++;
    return n;
}

/* "meta=3,dict=1": most parameters of a step, within their bounds. */
static inline void pick_step(struct input *in, const struct tsr_param *p, char *text, size_t cap)
{
    size_t at = 0;
    text[0] = 0;
    for (; p && p->name; p++) {
        if (pick(in, 3) == 0) continue;
        long long v = p->min + (long long)pick(in, (uint32_t)(p->max - p->min) + 1);
        at += (size_t)snprintf(text + at, cap - at, "%s%s=%lld", at ? "," : "", p->name, v);
    }
}

/* The filters and the codec, as text that tsr_cparams_from_steps parses. */
struct steps {
    tsr_step step[4];
    int n;
    char text[4][256];
};

static inline void pick_steps(struct input *in, struct steps *s)
{
    int nfilters = (int)pick(in, 4);
    s->n = nfilters + 1;
    for (int i = 0; i < nfilters; i++) {
        const struct tsr_filter *f = tsr_filter_list((int)pick(in, (uint32_t)count_filters()));
        pick_step(in, f->params, s->text[i], sizeof s->text[i]);
        s->step[i] = (tsr_step){f->name, s->text[i]};
    }
    const struct tsr_codec *c = tsr_codec_list((int)pick(in, (uint32_t)count_codecs()));
    char *text = s->text[nfilters];
    size_t at = (size_t)snprintf(text, 256, "clevel=%u", pick(in, 9)); /* 9 is the slow one */
    pick_step(in, c->params, text + at + 1, 256 - at - 1);
    if (text[at + 1]) text[at] = ',';
    s->step[nfilters] = (tsr_step){c->name, text};
}

/* What chunks are made with; the defaults where the steps chosen cannot be written. */
static inline void pick_params(struct input *in, struct tsr_cparams *p, int32_t item_bytes)
{
    struct steps s;
    pick_steps(in, &s);
    tsr_cparams_init(p, item_bytes);
    int rc = tsr_cparams_from_steps(p, s.step, s.n, (int)pick(in, 4));
    if (rc == TSR_OK) rc = tsr_cparams_check(p);
    if (rc < 0) tsr_cparams_init(p, item_bytes);
    p->block_bytes = (int32_t)pick(in, 3) * (int32_t)pick(in, 700);
}

static inline int32_t pick_item(struct input *in)
{
    static const int32_t items[] = {1, 2, 4, 8, 3, 7, 12, 16, 40, 255, 256, 300};
    return items[pick(in, sizeof items / sizeof *items)];
}

/* Some filters and codecs lose bits; the data does not come back then. */
static inline bool loses(const struct tsr_cparams *p)
{
    bool lossy = p->codec->lossy;
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        const struct tsr_filter *f = p->filters[i] ? tsr_filter_blosc2(NULL, p->filters[i]) : NULL;
        if (f) lossy |= f->lossy;
    }
    return lossy;
}

/* The fields of the chunk of len bytes that lies at byte `base`: header, the first block starts,
 * and in each of these blocks the first stream size and what follows it. */
static inline void add_chunk_fields(struct image *im, size_t base, size_t len)
{
    static const uint8_t bytes[] = {AT_VERSION, AT_FLAGS,      AT_TYPESIZE, AT_UDCODEC,
                                    AT_FLAGS2,  AT_CODEC_META, 31};
    for (size_t i = 0; i < sizeof bytes; i++) add_field(im, base + bytes[i], 1, false);
    for (int i = 0; i < 6; i++) add_field(im, base + AT_FILTERS + (size_t)i, 1, false);
    for (int i = 0; i < 6; i++) add_field(im, base + AT_FILTERS_META + (size_t)i, 1, false);
    for (size_t at = AT_NBYTES; at <= AT_CBYTES; at += 4) add_field(im, base + at, 4, false);
    for (size_t i = 0; i < 6 && 36 + 4 * i <= len; i++) {
        size_t start = tsr_load_LE32(im->b.p + base + 32 + 4 * i);
        add_field(im, base + 32 + 4 * i, 4, false);
        if (start + 4 > len) continue;
        add_field(im, base + start, 4, false);
        if (start < len - 4) add_field(im, base + start + 4, 1, false);
    }
}

/* Appends a chunk of d to the image; false where its parameters do not fit the data. */
static inline bool put_chunk(struct image *im, const struct tsr_cparams *p, const struct data *d)
{
    size_t cap = d->n + TSR_CHUNK_OVERHEAD, base = im->b.len;
    uint8_t *chunk = need(malloc(cap));
    int32_t cbytes;
    int rc = tsr_chunk_encode(p, worker(), d->p, (int64_t)d->n, chunk, cap, &cbytes);
    if (rc == TSR_OK) {
        put_bytes(im, chunk, (size_t)cbytes);
        add_chunk_fields(im, base, (size_t)cbytes);
    } else if (rc != TSR_EARG && rc != TSR_EUNSUPPORTED) {
        check_ok(rc);
    }
    free(chunk);
    return rc == TSR_OK;
}

/* The same in up to 20 blocks of lengths that the input chooses; n > 0. */
static inline bool put_vl_chunk(struct image *im, struct input *in, const struct tsr_cparams *p,
                                const struct data *d)
{
    size_t len[20], n = 0, left = d->n, bound, base = im->b.len, at = 0;
    struct tsr_chunk c;
    for (; left > 0; left -= len[n++]) len[n] = n < 19 ? 1 + pick(in, (uint32_t)left) : left;
    int rc = tsr_chunk_vl_begin(&c, p, (int64_t)n, len, &bound);
    if (rc < 0) {
        check(rc == TSR_EARG || rc == TSR_EUNSUPPORTED);
        return false;
    }
    uint8_t *dst = need(malloc(bound)), *to = dst + 32 + 4 * n;
    struct tsr_block_out out[20];
    for (size_t b = 0; b < n; at += len[b], to += len[b] + 4, b++) {
        out[b] = (struct tsr_block_out){.p = to};
        check_ok(tsr_chunk_encode_vl(&c, p, worker(), d->p + at, len[b], &out[b]));
    }
    tsr_chunk_vl_seal(&c, out, dst);
    put_bytes(im, dst, (size_t)c.cbytes);
    add_chunk_fields(im, base, (size_t)c.cbytes);
    free(dst);
    return true;
}

#endif
