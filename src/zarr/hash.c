/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/hash.c - Fletcher-32 and lookup3.
 *
 * Fletcher-32 keeps two sums modulo 2^16 - 1, of words and of the first sum.  360 words without
 * a fold keep both in 32 bits: 360 * 361 / 2 * 65535 + 361 * 131070 < 2^32.
 *
 * lookup3 mixes twelve bytes at a time into three words; the last one to twelve bytes, padded with
 * zeros, are mixed by another function. */
#include "zarr/hash.h"

#include <string.h>

#include "base/num.h"

static uint32_t fold(uint32_t s)
{
    return (s & 0xFFFF) + (s >> 16);
}

uint32_t tsr_fletcher32(const uint8_t *p, size_t n)
{
    enum { RUN = 360 };
    uint32_t s1 = 0, s2 = 0;
    for (size_t words = n / 2; words > 0;) {
        size_t run = tsr_minz(words, RUN);
        words -= run;
        for (; run > 0; run--, p += 2) s2 += s1 += tsr_load_BE16(p);
        s1 = fold(s1);
        s2 = fold(s2);
    }
    if (n % 2) {
        s1 = s1 + ((uint32_t)*p << 8);
        s2 = fold(s2 + s1);
        s1 = fold(s1);
    }
    return fold(s2) << 16 | fold(s1);
}

struct mix {
    uint32_t a, b, c;
};

static uint32_t turn(uint32_t v, int k)
{
    return v << k | v >> (32 - k);
}

static void mix(struct mix *m)
{
    static const uint8_t by[6] = {4, 6, 8, 16, 19, 4};
    uint32_t a = m->a, b = m->b, c = m->c;
    for (int i = 0; i < 6; i++) { /* the parts change places, and are back after six turns */
        uint32_t t = (a - c) ^ turn(c, by[i]);
        c += b;
        a = b;
        b = c;
        c = t;
    }
    *m = (struct mix){a, b, c};
}

static void finish(struct mix *m)
{
    static const uint8_t by[7] = {14, 11, 25, 16, 4, 14, 24};
    uint32_t v[3] = {m->c, m->a, m->b};
    for (int i = 0; i < 7; i++) {
        uint32_t *to = &v[i % 3], from = v[(i + 2) % 3];
        *to = (*to ^ from) - turn(from, by[i]);
    }
    m->c = v[0];
}

static void add(struct mix *m, const uint8_t *p)
{
    m->a += tsr_load_LE32(p);
    m->b += tsr_load_LE32(p + 4);
    m->c += tsr_load_LE32(p + 8);
}

uint32_t tsr_jenkins_lookup3(uint32_t seed, const uint8_t *prefix, size_t prefix_len,
                             const uint8_t *p, size_t n)
{
    enum { STEP = 12 };
    uint8_t part[STEP] = {0};
    size_t total = prefix_len + n, have = 0, left = total;
    uint32_t start = 0xdeadbeef + (uint32_t)total + seed;
    struct mix m = {start, start, start};
    if (total == 0) return m.c;
    for (; left > STEP; left -= STEP) { /* the last step is another one */
        if (prefix_len == 0) {
            add(&m, p);
            p += STEP;
        } else {
            size_t k = tsr_minz(prefix_len, STEP);
            memcpy(part, prefix, k);
            memcpy(part + k, p, STEP - k);
            prefix += k;
            prefix_len -= k;
            p += STEP - k;
            add(&m, part);
        }
        mix(&m);
    }
    have = tsr_minz(prefix_len, left);
    memset(part, 0, STEP);
    if (have) memcpy(part, prefix, have);
    if (left > have) memcpy(part + have, p, left - have);
    add(&m, part);
    finish(&m);
    return m.c;
}
