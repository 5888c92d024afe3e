/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/blosclz.c - BloscLZ, a byte-oriented LZ77 code (blosc2.md appendix A).
 *
 *   control < 32    literals: control + 1 bytes follow (first control of a stream: & 31)
 *   LLLHHHHH        match: [length bytes if LLL = 7] low byte [two bytes if H, low all ones]
 *                   length LLL + 2, distance 256 * H + low + 1; far: 8192 + the two bytes
 *
 * Both sides copy in steps of 8 and 16 bytes and may write past the end of a copy, only ever
 * inside the buffer and over bytes that come later.  The encoder's hash table lives on the
 * worker and is never cleared: positions grow from call to call, so those of earlier streams
 * are recognised by being too small. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "codec/codec.h"

extern const struct tsr_codec tsr_codec_blosclz;

enum {
    FIRST_FAR = 8192, /* distances from here on take two more bytes */
    MAX_DISTANCE = FIRST_FAR + 65535,
    MAX_RUN = 32, /* literals per control byte */
    TAIL = 12,    /* bytes at the end that no match starts in */
    HASH_LOG = 14
};

/* ---- decoding ---- */

/* Writes m bytes of the match at distance d, and up to 15 more; 16 bytes are always there. */
static inline void copy_match(uint8_t *op, size_t d, size_t m)
{
    uint8_t *end = op + m;
    const uint8_t *s = op - d;
    if (d >= 16) {
        do {
            memcpy(op, s, 16);
            op += 16;
            s += 16;
        } while (op < end);
    } else if (d >= 8) {
        do {
            memcpy(op, s, 8);
            op += 8;
            s += 8;
        } while (op < end);
    } else {
        /* Steps are the multiple of d nearest to 8, so each store continues the pattern. */
        static const uint8_t steps[8] = {0, 8, 8, 6, 8, 5, 6, 7};
        uint64_t v = tsr_load_LE64(s) & (~UINT64_C(0) >> (64 - 8 * d));
        v |= v << 8 * d;
        if (d < 4) v |= v << 16 * d;
        if (d < 2) v |= v << 32;
        do {
            tsr_store_LE64(op, v);
            op += steps[d];
        } while (op < end);
    }
}

/* The same where fewer than m + 16 bytes remain: the last ones one by one. */
static void copy_match_tail(uint8_t *op, size_t d, size_t m)
{
    const uint8_t *s = op - d;
    size_t i = m > 16 ? m - 16 : 0;
    if (i) copy_match(op, d, i);
    for (; i < m; i++) op[i] = s[i];
}

/* What the decoder has and where it stands. */
struct cursor {
    const uint8_t *ip, *iend;
    uint8_t *op, *oend;
};

/* Copies a literal run; false: it reaches past an end. */
static inline bool take_literals(struct cursor *k, unsigned control)
{
    size_t m = control + 1, in = (size_t)(k->iend - k->ip), room = (size_t)(k->oend - k->op);
    if (m > in || m > room) return false;
    if (in >= MAX_RUN && room >= MAX_RUN) memcpy(k->op, k->ip, MAX_RUN);
    else memcpy(k->op, k->ip, m);
    k->ip += m;
    k->op += m;
    return true;
}

/* Copies a match; false: it begins before `start`, or reaches past an end.  One byte of input
 * must remain, for every stream ends with literals. */
static inline bool take_match(struct cursor *k, unsigned control, const uint8_t *start)
{
    size_t m = (control >> 5) + 2, d = (control & 31) << 8, room = (size_t)(k->oend - k->op);
    if (m == 9) {
        unsigned more = 255;
        while (more == 255 && k->ip < k->iend) m += more = *k->ip++;
    }
    if (k->iend - k->ip < 2) return false;
    d += *k->ip++;
    if (d == FIRST_FAR - 1) {
        if (k->iend - k->ip < 3) return false;
        d += tsr_load_BE16(k->ip);
        k->ip += 2;
    }
    d++;
    if (d > (size_t)(k->op - start) || m > room) return false;
    if (room - m >= 16) copy_match(k->op, d, m);
    else copy_match_tail(k->op, d, m);
    k->op += m;
    return true;
}

static int blosclz_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                          size_t n)
{
    (void)c;
    struct cursor k = {src, src + len, dst, dst + n};
    if (!len) return tsr_fail(TSR_ECORRUPT, "blosclz: empty stream, expected %zu bytes", n);
    unsigned control = *k.ip++ & 31;
    for (;;) {
        bool literals = control < 32;
        if (!(literals ? take_literals(&k, control) : take_match(&k, control, dst)))
            return tsr_fail(TSR_ECORRUPT,
                            "blosclz: %s past an end, at byte %zu of %zu, output "
                            "byte %zu of %zu",
                            literals ? "literals" : "match", (size_t)(k.ip - src), len,
                            (size_t)(k.op - dst), n);
        if (k.ip == k.iend) break;
        control = *k.ip++;
    }
    if (k.op == k.oend) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "blosclz: found %zu decoded bytes, expected %zu",
                    (size_t)(k.op - dst), n);
}

/* ---- encoding ---- */

struct blosclz {
    uint32_t base; /* what the table calls position 0 of the stream; never 0 */
    uint32_t table[1 << HASH_LOG];
};

/* What one clevel does. */
struct level {
    uint8_t hash_log;
    uint8_t part;  /* the estimate looks at the last 1/part of the input */
    uint8_t worth; /* give up below this ratio, in twentieths */
};

static const struct level levels[10] = {
    {12, 8, 40}, {12, 8, 40}, {13, 4, 30}, {14, 4, 24}, {14, 2, 24},
    {14, 2, 24}, {14, 2, 24}, {14, 1, 23}, {14, 1, 22}, {14, 1, 20},
};

/* How many bytes at a and b agree, up to b = end. */
static inline size_t agree(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
    const uint8_t *start = b;
    while (end - b >= 8) {
        uint64_t diff = tsr_load_LE64(a) ^ tsr_load_LE64(b);
        if (diff) return (size_t)(b - start) + (size_t)__builtin_ctzll(diff) / 8;
        a += 8;
        b += 8;
    }
    while (b < end && *a == *b) {
        a++;
        b++;
    }
    return (size_t)(b - start);
}

static inline uint32_t hash(uint32_t v, int log)
{
    return (v * 2654435761u) >> (32 - log);
}

/* Where the encoder writes; past cap it only counts, and p NULL counts all along. */
struct sink {
    uint8_t *p;
    size_t len, cap;
};

static inline void put_literals(struct sink *o, const uint8_t *src, size_t n)
{
    size_t at = o->len;
    o->len += n + (n + MAX_RUN - 1) / MAX_RUN;
    if (o->len > o->cap) return;
    uint8_t *op = o->p + at;
    while (n > 0) {
        size_t m = n < MAX_RUN ? n : MAX_RUN;
        *op++ = (uint8_t)(m - 1);
        memcpy(op, src, m);
        op += m;
        src += m;
        n -= m;
    }
}

/* A match of len >= 3 bytes at distance d. */
static inline void put_match(struct sink *o, size_t d, size_t len)
{
    size_t at = o->len, far = d >= FIRST_FAR ? 2 : 0, more = len >= 9 ? (len - 9) / 255 + 1 : 0;
    o->len += 2 + far + more;
    if (o->len > o->cap) return;
    uint8_t *op = o->p + at;
    size_t low = far ? FIRST_FAR - 1 : d - 1;
    *op++ = (uint8_t)((more ? 7 : len - 2) << 5 | low >> 8);
    if (more) {
        memset(op, 255, more - 1);
        op += more - 1;
        *op++ = (uint8_t)((len - 9) % 255);
    }
    *op++ = (uint8_t)low;
    if (far) tsr_store_BE16(op, (uint16_t)(d - FIRST_FAR));
}

/* Encodes src[lo..n) into o. */
static inline __attribute__((always_inline)) void encode(struct blosclz *z, const struct level *l,
                                                         const uint8_t *src, size_t lo, size_t n,
                                                         struct sink *o)
{
    size_t lit = lo, pos = lo + 4, limit = n - TAIL;
    while (pos < limit && (!o->p || o->len <= o->cap)) {
        uint32_t v = tsr_load_LE32(src + pos);
        uint32_t *slot = &z->table[hash(v, l->hash_log)];
        size_t d = z->base + (uint32_t)pos - *slot;
        *slot = z->base + (uint32_t)pos;
        if (d - 1 >= pos - lo || d > MAX_DISTANCE || tsr_load_LE32(src + pos - d) != v) {
            pos++;
            continue;
        }
        size_t m = 4 + agree(src + pos - d + 4, src + pos + 4, src + n - 1);
        if (m < (d >= FIRST_FAR ? 8 : 5)) {
            pos++;
            continue;
        }
        put_literals(o, src + lit, pos - lit);
        put_match(o, d, m);
        pos += m;
        lit = pos;
        if (pos < limit)
            z->table[hash(tsr_load_LE32(src + pos - 2), l->hash_log)] = z->base + (uint32_t)pos - 2;
    }
    put_literals(o, src + lit, n - lit);
    z->base += (uint32_t)n;
}

/* The worker's table, with room in it for positions of n more bytes. */
static struct blosclz *table(struct tsr_worker *w, size_t n)
{
    void **slot = tsr_worker_state(w, &tsr_codec_blosclz, tsr_free);
    if (slot && !*slot) *slot = tsr_alloc_zero(1, sizeof(struct blosclz));
    struct blosclz *z = slot ? *slot : NULL;
    if (!slot) tsr_fail(TSR_ENOMEM, "blosclz: no room for its table");
    if (z && (!z->base || z->base > UINT32_MAX - 2 * n)) {
        memset(z->table, 0, sizeof z->table);
        z->base = 1;
    }
    return z;
}

static int blosclz_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                          size_t cap, size_t *out)
{
    *out = 0;
    if (n < 16 || n > INT32_MAX || cap < 66) return TSR_OK;
    struct blosclz *z = table(c->worker, n);
    if (!z) return TSR_ENOMEM;
    const struct level *l = &levels[c->level];
    size_t part = tsr_minz(n / l->part, (size_t)1 << l->hash_log);
    if (part < 16) part = 16;
    struct sink guess = {NULL, 0, 0}, o = {dst, 0, cap};
    encode(z, l, src, n - part, n, &guess);
    if (part * 20 < guess.len * l->worth) return TSR_OK;
    encode(z, l, src, 0, n, &o);
    if (o.len > o.cap) return TSR_OK;
    dst[0] |= 0x20;
    *out = o.len;
    return TSR_OK;
}

const struct tsr_codec tsr_codec_blosclz = {
    .name = "blosclz",
    .about = "BloscLZ: fast, for shuffled numbers",
    .blosc2_id = 0,
    .blosc2_format = 0,
    .encode = blosclz_encode,
    .decode = blosclz_decode,
};
