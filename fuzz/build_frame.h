/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/build_frame.h - contiguous frames by the letter of blosc2.md 7, not by src/frame.
 *
 *   | header 87 | metalayers | gaps, chunks in any order | index chunk | gap | trailer |
 *
 * All of it sound, but other than our own writer would have it: gaps, positions in any order,
 * index chunks of any codec.  mutate() does the rest. */
#ifndef TSR_FUZZ_BUILD_FRAME_H
#define TSR_FUZZ_BUILD_FRAME_H

#include "build_chunk.h"

enum { PLAN_CHUNKS = 24, PLAN_METAS = 5 };

struct plan_meta {
    char name[32];
    struct image v; /* raw, also of a vlmetalayer */
};

struct plan {
    int32_t type_size, block_bytes;
    int64_t chunk_bytes, nbytes;
    bool variable, vl; /* chunks of up to chunk_bytes; blocks of variable length */
    int nchunks, nmetas, nvlmetas;
    int special[PLAN_CHUNKS]; /* an entry without a chunk; data is what it reads as */
    struct data data[PLAN_CHUNKS];
    struct tsr_cparams params; /* defaults; chunks choose their own block size with it */
    struct plan_meta meta[PLAN_METAS], vlmeta[PLAN_METAS];
};

static inline void plan_free(struct plan *p)
{
    for (int i = 0; i < p->nchunks; i++) free(p->data[i].p);
    for (int i = 0; i < p->nmetas; i++) image_free(&p->meta[i].v);
    for (int i = 0; i < p->nvlmetas; i++) image_free(&p->vlmeta[i].v);
}

/* Names that differ, and contents of up to 200 bytes. */
static inline void pick_meta(struct input *in, struct plan_meta *m, int i)
{
    int len = 1 + (int)pick(in, 30);
    memset(m, 0, sizeof *m);
    snprintf(m->name, sizeof m->name, "%c%0*d", 'a' + i, len, 7);
    m->name[len] = 0;
    struct data d = make_data(in, pick(in, 200));
    put_bytes(&m->v, d.p, d.n);
    free(d.p);
}

static inline void pick_metas(struct input *in, struct plan *p)
{
    int n = (int)pick(in, 3), nvl = (int)pick(in, PLAN_METAS);
    for (; n > 0; n--, p->nmetas++) pick_meta(in, &p->meta[p->nmetas], p->nmetas);
    for (; nvl > 0; nvl--, p->nvlmetas++) pick_meta(in, &p->vlmeta[p->nvlmetas], p->nvlmetas);
}

/* The data of chunk i: chosen, or what a special entry reads as. */
static inline void pick_chunk(struct input *in, struct plan *p, int i, size_t n)
{
    static const int kinds[] = {TSR_SPECIAL_ZEROS, TSR_SPECIAL_NAN, TSR_SPECIAL_UNINIT};
    int special = pick(in, 3) || p->variable || p->vl ? 0 : kinds[pick(in, 3)];
    bool floats = p->type_size == 4 || p->type_size == 8;
    if (special == TSR_SPECIAL_NAN && !floats) special = TSR_SPECIAL_ZEROS;
    p->special[i] = special;
    p->data[i] = make_data(in, n);
    if (special) tsr_special_fill(special, floats ? p->type_size : 1, NULL, 0, 0, n, p->data[i].p);
}

/* The last chunk holds `last` bytes, the others chunk_bytes. */
static inline void pick_chunks(struct input *in, struct plan *p, int n, int64_t last)
{
    for (int i = 0; i < n; i++) pick_chunk(in, p, i, (size_t)(i == n - 1 ? last : p->chunk_bytes));
    p->nchunks = n;
    p->nbytes = n ? (n - 1) * p->chunk_bytes + last : 0;
}

static inline void put_header(struct image *im, const struct plan *p)
{
    const struct tsr_cparams *c = &p->params;
    int codec = c->codec_id < 6 ? c->codec_id : 6;
    put_bytes(im,
              "\x9e\xa8"
              "b2frame",
              10);
    add_field(im, 0, 1, false);
    put_big(im, 0xD2, 0, 4);
    put_big(im, 0xCF, 0, 8);
    int kind = p->vl ? 0x93 : 0x12;
    if (p->variable || p->chunk_bytes == 0) kind = p->vl ? 0xD3 : 0x53;
    uint8_t flags[5] = {0xA4, (uint8_t)kind, 0, (uint8_t)(codec | c->clevel << 4),
                        (uint8_t)(c->split - 1)};
    put_bytes(im, flags, 5);
    for (size_t at = 24; at < 29; at++) add_field(im, at, 1, false);
    put_big(im, 0xD3, (uint64_t)p->nbytes, 8);
    put_big(im, 0xD3, 0, 8);
    put_big(im, 0xD2, (uint64_t)p->type_size, 4);
    put_big(im, 0xD2, (uint64_t)p->block_bytes, 4);
    put_big(im, 0xD2, p->variable ? 0 : (uint64_t)p->chunk_bytes, 4);
    put_big(im, 0xD1, 1, 2);
    put_big(im, 0xD1, 1, 2);
    uint8_t tail[19] = {p->nvlmetas ? 0xC3 : 0xC2, 0xD8, 6};
    memcpy(tail + 3, c->filters, 6);
    tail[9] = (uint8_t)c->codec_id;
    tail[10] = (uint8_t)c->codec_meta;
    memcpy(tail + 11, c->filters_meta, 6);
    tail[17] = c->use_dict;
    put_bytes(im, tail, sizeof tail);
    for (size_t at = 68; at < 87; at++) add_field(im, at, 1, false);
}

/* A vlmetalayer's value is a chunk of it. */
static inline void put_value(struct image *im, const struct plan_meta *m, bool vl)
{
    struct image chunk = {0};
    struct tsr_cparams p;
    const struct image *v = &m->v;
    if (vl) {
        tsr_cparams_init(&p, 8);
        check(put_chunk(&chunk, &p, &(struct data){m->v.b.p, m->v.b.len}));
        v = &chunk;
    }
    put_big(im, 0xC6, v->b.len, 4);
    put_image(im, v);
    image_free(&chunk);
}

/* The section of 7.1 and 7.3; offsets count from `from`, the map's length from `counted`. */
static inline void put_metas(struct image *im, const struct plan_meta *m, int n, bool vl)
{
    size_t from = vl ? im->b.len - 2 : 0, counted = im->b.len + vl, offsets[PLAN_METAS];
    put_bytes(im, "\x93", 1);
    put_big(im, 0xCD, 0, 2);
    put_big(im, 0xDE, (uint64_t)n, 2);
    for (int i = 0; i < n; i++) {
        size_t len = strlen(m[i].name);
        add_field(im, im->b.len, 1, false);
        put_bytes(im, &(uint8_t){(uint8_t)(0xA0 + len)}, 1);
        put_bytes(im, m[i].name, len);
        add_field(im, im->b.len - len, 1, false);
        put_big(im, 0xD2, 0, 4);
        offsets[i] = im->b.len - 4;
    }
    set_big(im, counted + 2 - vl, im->b.len - counted, 2);
    put_big(im, 0xDC, (uint64_t)n, 2);
    for (int i = 0; i < n; i++) {
        set_big(im, offsets[i], im->b.len - from, 4);
        put_value(im, &m[i], vl);
    }
}

static inline void put_gap(struct image *im, struct input *in)
{
    static const uint8_t gap[40] = {0x9e, 0xa8, 'b', '2', 5, 1, 5, 8};
    if (pick(in, 4) == 0) put_bytes(im, gap, pick(in, sizeof gap));
}

static inline bool put_one(struct image *im, struct input *in, const struct tsr_cparams *c,
                           const struct plan *p, int i)
{
    return p->vl ? put_vl_chunk(im, in, c, &p->data[i]) : put_chunk(im, c, &p->data[i]);
}

/* The chunks in an order of their own; entries[i] is what the index says of chunk i. */
static inline void put_chunks(struct image *im, struct input *in, const struct plan *p,
                              int64_t *entries)
{
    size_t head = im->b.len;
    bool backwards = pick(in, 4) == 0;
    for (int k = 0; k < p->nchunks; k++) {
        int i = backwards ? p->nchunks - 1 - k : k;
        struct tsr_cparams c = p->params;
        if (p->special[i]) {
            entries[i] = (int64_t)((uint64_t)(0x80 | p->special[i]) << 56);
            continue;
        }
        put_gap(im, in);
        entries[i] = (int64_t)(im->b.len - head);
        if (put_one(im, in, &c, p, i)) continue;
        tsr_cparams_init(&c, p->type_size);
        check(put_one(im, in, &c, p, i));
    }
}

static inline void put_index(struct image *im, struct input *in, const int64_t *entries, int n)
{
    struct tsr_cparams p;
    uint8_t bytes[8 * PLAN_CHUNKS];
    for (int i = 0; i < n; i++) tsr_store_LE64(bytes + 8 * i, (uint64_t)entries[i]);
    if (pick(in, 2)) pick_params(in, &p, 8);
    else tsr_cparams_init(&p, 8);
    if (loses(&p)) tsr_cparams_init(&p, 8);
    struct data d = {bytes, 8 * (size_t)n};
    if (put_chunk(im, &p, &d)) return;
    tsr_cparams_init(&p, 8);
    check(put_chunk(im, &p, &d));
}

static inline void put_trailer(struct image *im, const struct plan *p)
{
    size_t start = im->b.len;
    put_bytes(im, "\x94\x01", 2);
    add_field(im, start, 1, false);
    add_field(im, start + 1, 1, false);
    put_metas(im, p->vlmeta, p->nvlmetas, true);
    put_big(im, 0xCE, im->b.len + 23 - start, 4);
    uint8_t print[18] = {0xD8};
    add_field(im, im->b.len, 1, false);
    add_field(im, im->b.len + 1, 1, false);
    put_bytes(im, print, sizeof print);
}

/* The frame of the plan; with `odd` one index entry is changed. */
static inline void put_frame(struct image *im, struct input *in, const struct plan *p, bool odd)
{
    int64_t entries[PLAN_CHUNKS];
    put_header(im, p);
    put_metas(im, p->meta, p->nmetas, false);
    size_t head = im->b.len;
    put_chunks(im, in, p, entries);
    size_t cbytes = im->b.len - head;
    if (odd && p->nchunks) {
        int64_t *e = &entries[pick(in, (uint32_t)p->nchunks)];
        *e = (int64_t)odd_value(in, im, (uint64_t)*e, 8);
    }
    if (p->nchunks) {
        put_index(im, in, entries, p->nchunks);
        put_gap(im, in);
    }
    put_trailer(im, p);
    set_big(im, 11, head, 4);
    set_big(im, 16, im->b.len, 8);
    set_big(im, 39, cbytes, 8);
}

#endif
