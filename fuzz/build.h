/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/build.h - bytes that know where their fields are.
 *
 * A builder appends field by field to an image; mutate() then changes some of the fields to what
 * breaks parsers: other fields, neighbours, limits, single bits.  So most of the structure stays
 * sound and the change is met deep inside, where flipped bytes seldom lead. */
#ifndef TSR_FUZZ_BUILD_H
#define TSR_FUZZ_BUILD_H

#include "base/mem.h"
#include "fuzz.h"

enum { FIELDS = 512 };

struct field {
    uint32_t at;
    uint8_t width; /* 1, 2, 4 or 8 bytes */
    bool big;      /* big-endian */
};

struct image {
    struct tsr_buf b;
    struct field f[FIELDS];
    uint32_t n;
};

static inline void add_field(struct image *im, size_t at, int width, bool big)
{
    if (im->n < FIELDS) im->f[im->n++] = (struct field){(uint32_t)at, (uint8_t)width, big};
}

static inline void put_bytes(struct image *im, const void *p, size_t len)
{
    check_ok(tsr_buf_add(&im->b, p, len));
}

static inline void field_set(struct image *im, const struct field *f, uint64_t v)
{
    for (int i = 0; i < f->width; i++)
        im->b.p[f->at + (uint32_t)(f->big ? f->width - 1 - i : i)] = (uint8_t)(v >> 8 * i);
}

static inline uint64_t field_get(const struct image *im, const struct field *f)
{
    uint64_t v = 0;
    for (int i = 0; i < f->width; i++)
        v |= (uint64_t)im->b.p[f->at + (uint32_t)(f->big ? f->width - 1 - i : i)] << 8 * i;
    return v;
}

/* Appends a big-endian number, with its MessagePack tag where that is not 0. */
static inline void put_big(struct image *im, uint8_t tag, uint64_t v, int width)
{
    struct field f = {(uint32_t)im->b.len + (tag != 0), (uint8_t)width, true};
    uint8_t room[9] = {tag};
    put_bytes(im, room, (size_t)width + (tag != 0));
    if (tag) add_field(im, f.at - 1, 1, false);
    add_field(im, f.at, width, true);
    field_set(im, &f, v);
}

/* Sets a big-endian number that was put before its value was known. */
static inline void set_big(struct image *im, size_t at, uint64_t v, int width)
{
    field_set(im, &(struct field){(uint32_t)at, (uint8_t)width, true}, v);
}

static inline uint64_t odd_value(struct input *in, struct image *im, uint64_t old, int width)
{
    static const int64_t odd[] = {0, 1, -1, 2, 16, 31, 32, 255, INT32_MAX, INT32_MIN, INT64_MAX};
    uint64_t bit = (uint64_t)1 << pick(in, (uint32_t)width * 8);
    switch (pick(in, 6)) {
    case 0: return old ^ bit;
    case 1: return old + 1 + pick(in, 8);
    case 2: return old - 1 - pick(in, 8);
    case 3: return (uint64_t)odd[pick(in, 11)];
    case 4: return field_get(im, &im->f[pick(in, im->n)]) + pick(in, 3) - 1;
    default: return pick(in, 1 << 30);
    }
}

/* Changes so many fields, or, one time in eight, a byte anywhere. */
static inline void mutate(struct image *im, struct input *in, uint32_t times)
{
    for (; times > 0 && im->n > 0; times--) {
        struct field any = {pick(in, (uint32_t)im->b.len), 1, false};
        const struct field *f = pick(in, 8) ? &im->f[pick(in, im->n)] : &any;
        field_set(im, f, odd_value(in, im, field_get(im, f), f->width));
    }
}

/* Appends another image, and its fields. */
static inline void put_image(struct image *im, const struct image *part)
{
    size_t base = im->b.len;
    put_bytes(im, part->b.p, part->b.len);
    for (uint32_t i = 0; i < part->n; i++)
        add_field(im, base + part->f[i].at, part->f[i].width, part->f[i].big);
}

static inline void image_free(struct image *im)
{
    tsr_buf_free(&im->b);
    im->n = 0;
}

#endif
