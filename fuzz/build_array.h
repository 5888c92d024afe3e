/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/build_array.h - b2nd arrays by the letter of blosc2.md 10: the metalayer, and a frame of
 * chunks whose items the plan knows. */
#ifndef TSR_FUZZ_BUILD_ARRAY_H
#define TSR_FUZZ_BUILD_ARRAY_H

#include "build_frame.h"

enum { NDIM = 4, CHUNK_ITEMS = 1500 };

struct shape {
    int ndim;
    int64_t shape[NDIM], chunk[NDIM], block[NDIM];
};

static inline int64_t chunks_along(const struct shape *s, int d)
{
    return tsr_ceil_div(s->shape[d], s->chunk[d]);
}

/* Blocks of a chunk along d. */
static inline int64_t blocks_along(const struct shape *s, int d)
{
    return tsr_ceil_div(s->chunk[d], s->block[d]);
}

static inline int64_t count_chunks(const struct shape *s)
{
    int64_t n = 1;
    for (int d = 0; d < s->ndim; d++) n *= chunks_along(s, d);
    return n;
}

static inline int64_t block_items(const struct shape *s)
{
    int64_t n = 1;
    for (int d = 0; d < s->ndim; d++) n *= s->block[d];
    return n;
}

static inline int64_t chunk_items(const struct shape *s)
{
    int64_t n = block_items(s);
    for (int d = 0; d < s->ndim; d++) n *= blocks_along(s, d);
    return n;
}

/* At most PLAN_CHUNKS chunks of CHUNK_ITEMS items, any of them cut by the array's edges. */
static inline void pick_shape(struct input *in, struct shape *s)
{
    static const uint8_t most[NDIM + 1] = {0, 200, 38, 11, 6}; /* most^ndim <= CHUNK_ITEMS */
    s->ndim = (int)pick(in, NDIM + 1);
    for (int d = 0; d < s->ndim; d++) {
        s->chunk[d] = 1 + pick(in, most[s->ndim]);
        s->block[d] = 1 + pick(in, (uint32_t)s->chunk[d]);
        s->shape[d] = pick(in, (uint32_t)s->chunk[d] * 4);
    }
    for (int d = 0; count_chunks(s) > PLAN_CHUNKS || chunk_items(s) > CHUNK_ITEMS; d++) {
        s->block[d] = tsr_min64(s->block[d], s->chunk[d] = s->chunk[d] / 2 + 1);
        s->shape[d] = tsr_min64(s->shape[d], s->chunk[d]);
    }
}

static inline void put_ints(struct image *im, uint8_t tag, const int64_t *v, int n)
{
    put_big(im, 0, (uint64_t)(0x90 + n), 1);
    for (int d = 0; d < n; d++) put_big(im, tag, (uint64_t)v[d], tag == 0xD3 ? 8 : 4);
}

static inline void put_b2nd(struct image *im, const struct shape *s, const char *dtype)
{
    put_big(im, 0, 0x97, 1);
    put_big(im, 0, 0, 1);
    put_big(im, 0, (uint64_t)s->ndim, 1);
    put_ints(im, 0xD3, s->shape, s->ndim);
    put_ints(im, 0xD2, s->chunk, s->ndim);
    put_ints(im, 0xD2, s->block, s->ndim);
    put_big(im, 0, 0, 1);
    put_big(im, 0xDB, strlen(dtype), 4);
    put_bytes(im, dtype, strlen(dtype));
}

static inline void pick_dtype(int32_t item, char *text, size_t cap)
{
    static const char *const floats[9] = {[2] = "<f2", [4] = "<f4", [8] = "<f8"};
    if (item <= 8 && floats[item]) snprintf(text, cap, "%s", floats[item]);
    else snprintf(text, cap, "|S%d", item);
}

/* The frame of an array; p begins as zeros. */
static inline void pick_array(struct input *in, struct shape *s, struct plan *p)
{
    char dtype[16];
    pick_shape(in, s);
    p->type_size = pick_item(in);
    if (chunk_items(s) * p->type_size > 40000) p->type_size = 8;
    pick_params(in, &p->params, p->type_size);
    p->block_bytes = (int32_t)block_items(s) * p->type_size;
    p->params.block_bytes = p->block_bytes;
    p->params.block_ndim = s->ndim;
    for (int d = 0; d < s->ndim; d++) p->params.block_shape[d] = (int32_t)s->block[d];
    p->chunk_bytes = chunk_items(s) * p->type_size;
    snprintf(p->meta[0].name, sizeof p->meta[0].name, "b2nd");
    pick_dtype(p->type_size, dtype, sizeof dtype);
    put_b2nd(&p->meta[0].v, s, dtype);
    p->nmetas = 1;
    pick_metas(in, p);
    pick_chunks(in, p, (int)count_chunks(s), p->chunk_bytes);
}

/* The item at `at` of the array, by 10.2. */
static inline const uint8_t *plan_item(const struct shape *s, const struct plan *p,
                                       const int64_t *at)
{
    int64_t chunk = 0, block = 0, in_block = 0;
    for (int d = 0; d < s->ndim; d++) {
        int64_t l = at[d] % s->chunk[d];
        chunk = chunk * chunks_along(s, d) + at[d] / s->chunk[d];
        block = block * blocks_along(s, d) + l / s->block[d];
        in_block = in_block * s->block[d] + l % s->block[d];
    }
    return p->data[chunk].p + (block * block_items(s) + in_block) * p->type_size;
}

/* The next index in C order; false after the last. */
static inline bool next_item(const struct shape *s, int64_t *at)
{
    int d = s->ndim - 1;
    while (d >= 0 && ++at[d] == s->shape[d]) at[d--] = 0;
    return d >= 0;
}

#endif
