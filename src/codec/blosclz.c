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
    MAX_RUN = 32,                 /* literals per control byte */
    SHORT_ROOM = 1 + MAX_RUN + 5, /* what a short run and a short match take */
    TAIL = 12,                    /* bytes at the end that no match starts in */
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

/* Matches shorter than these cost more time than they save bytes. */
enum { MIN_NEAR = 6, MIN_FAR = 8, MAX_LOG = 13 };

struct blosclz {
    uint32_t base; /* what the table calls position 0 of the stream; never 0 */
    uint32_t table[1 << MAX_LOG];
};

/* What one clevel does.  A small table stays in the first cache beside the data. */
struct level {
    uint8_t part;  /* the estimate looks at the last 1/part of the input, */
    uint8_t log;   /* but at most at 2^log bytes */
    uint8_t worth; /* give up below this ratio, in twentieths */
    bool thorough; /* the larger table and slower acceleration */
};

static const struct level levels[10] = {
    {8, 12, 40, false}, {8, 12, 40, false}, {4, 13, 30, false}, {4, 14, 24, false},
    {2, 14, 24, false}, {2, 14, 24, false}, {2, 14, 24, false}, {1, 14, 23, true},
    {1, 14, 22, true},  {1, 14, 20, true},
};

/* A stream and the table that knows what came before in it. */
struct finder {
    uint32_t *table;
    uint32_t base;
    int log;   /* of the entries in use */
    int shift; /* misses, as a power of two, that make the step one longer */
    const uint8_t *src;
    size_t n;
};

struct match {
    size_t pos, d, len;
};

/* Everything that takes a finder is inlined into its two uses, with log and shift constant. */
#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t *slot_of(const struct finder *f, uint32_t v)
{
    return &f->table[(v * 2654435761u) >> (32 - f->log)];
}

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

/* The match of four bytes at pos with those at ref, made as long as they agree, not before lit.
 * Neither is in the tail or one of the first bytes. */
INLINE struct match extend(const struct finder *f, size_t pos, size_t ref, size_t lit)
{
    const uint8_t *src = f->src, *p = src + pos, *r = src + ref;
    size_t d = pos - ref, at = pos, end = pos + 4;
    uint64_t diff = tsr_load_LE64(p + 4) ^ tsr_load_LE64(r + 4);
    if (diff) end += (size_t)__builtin_ctzll(diff) / 8;
    else end += 8 + agree(r + 12, p + 12, src + f->n - 1);
    /* Of a single byte between matches nobody can foretell whether it agrees: no jump. */
    if (pos - lit > 1)
        while (at > lit && at > d && src[at - 1] == src[at - 1 - d]) at--;
    else at -= (at > lit) & (p[-1] == r[-1]);
    return (struct match){at, d, end - at};
}

/* The next match from pos on, not reaching back before lit.  The longer none is found the
 * larger the steps, so that noise costs little. */
INLINE bool find(const struct finder *f, size_t pos, size_t lit, struct match *m)
{
    size_t limit = f->n - TAIL;
    for (unsigned misses = 1u << f->shift; pos < limit; pos += misses++ >> f->shift) {
        uint32_t v = tsr_load_LE32(f->src + pos), *slot = slot_of(f, v);
        uint32_t ref = *slot - f->base;
        *slot = f->base + (uint32_t)pos;
        if ((uint64_t)pos - ref - 1 >= MAX_DISTANCE) continue; /* or of an earlier stream */
        if (tsr_load_LE32(f->src + ref) != v) continue;
        struct match found = extend(f, pos, ref, lit);
        if (found.len < (found.d >= FIRST_FAR ? MIN_FAR : MIN_NEAR)) continue;
        *m = found;
        return true;
    }
    return false;
}

/* Notes the position two before the end of a match, where the next one often refers to. */
INLINE void enter(const struct finder *f, size_t end)
{
    if (end >= f->n - TAIL) return;
    *slot_of(f, tsr_load_LE32(f->src + end - 2)) = f->base + (uint32_t)end - 2;
}

static inline size_t literals_size(size_t n)
{
    return n + (n + MAX_RUN - 1) / MAX_RUN;
}

static inline size_t match_size(const struct match *m)
{
    return 2 + (m->d >= FIRST_FAR ? 2 : 0) + (m->len >= 9 ? (m->len - 9) / 255 + 1 : 0);
}

static inline uint8_t *put_literals(uint8_t *op, const uint8_t *src, size_t n)
{
    while (n > 0) {
        size_t m = n < MAX_RUN ? n : MAX_RUN;
        *op++ = (uint8_t)(m - 1);
        memcpy(op, src, m);
        op += m;
        src += m;
        n -= m;
    }
    return op;
}

static inline uint8_t *put_match(uint8_t *op, const struct match *m)
{
    bool far = m->d >= FIRST_FAR;
    size_t low = far ? FIRST_FAR - 1 : m->d - 1;
    size_t rest = m->len - 9;
    *op++ = (uint8_t)(tsr_minz(m->len - 2, 7) << 5 | low >> 8);
    if (m->len >= 9 + 255)
        for (; rest >= 255; rest -= 255) *op++ = 255;
    *op = (uint8_t)rest; /* no jump: there is none of it, or one byte, as often */
    op += m->len >= 9;
    *op++ = (uint8_t)low;
    if (!far) return op;
    tsr_store_BE16(op, (uint16_t)(m->d - FIRST_FAR));
    return op + 2;
}

/* What the stream would come to.  The first bytes of a stream are always literals. */
INLINE size_t estimate(const struct finder *f)
{
    size_t lit = 0, len = 0, pos = 4;
    struct match m;
    while (find(f, pos, lit, &m)) {
        len += literals_size(m.pos - lit) + match_size(&m);
        pos = lit = m.pos + m.len;
        enter(f, lit);
    }
    return len + literals_size(f->n - lit);
}

/* Encodes the stream into dst[cap]; 0: it does not fit. */
INLINE size_t encode(const struct finder *f, uint8_t *dst, size_t cap)
{
    size_t lit = 0, pos = 4;
    struct match m;
    uint8_t *op = dst, *oend = dst + cap;
    while (find(f, pos, lit, &m)) {
        size_t run = m.pos - lit, room = (size_t)(oend - op);
        if (run <= MAX_RUN && f->n - lit >= MAX_RUN && m.len < 264 && room >= SHORT_ROOM) {
            /* A copy of fixed size is faster than a short one; run 0 leaves no trace. */
            *op = (uint8_t)(run - 1);
            memcpy(op + 1, f->src + lit, MAX_RUN);
            op += run + (run > 0);
        } else {
            if (literals_size(run) + match_size(&m) > room) return 0;
            op = put_literals(op, f->src + lit, run);
        }
        op = put_match(op, &m);
        pos = lit = m.pos + m.len;
        enter(f, lit);
    }
    if (literals_size(f->n - lit) > (size_t)(oend - op)) return 0;
    op = put_literals(op, f->src + lit, f->n - lit);
    return (size_t)(op - dst);
}

static size_t estimate_fast(struct blosclz *z, const uint8_t *src, size_t n)
{
    return estimate(&(struct finder){z->table, z->base, 12, 5, src, n});
}

static size_t estimate_thorough(struct blosclz *z, const uint8_t *src, size_t n)
{
    return estimate(&(struct finder){z->table, z->base, MAX_LOG, 5, src, n});
}

static size_t encode_fast(struct blosclz *z, const uint8_t *src, size_t n, uint8_t *dst, size_t cap)
{
    return encode(&(struct finder){z->table, z->base, 12, 5, src, n}, dst, cap);
}

static size_t encode_thorough(struct blosclz *z, const uint8_t *src, size_t n, uint8_t *dst,
                              size_t cap)
{
    return encode(&(struct finder){z->table, z->base, MAX_LOG, 5, src, n}, dst, cap);
}

/* The worker's table, with room in it for positions of n more bytes, twice. */
static struct blosclz *table(struct tsr_worker *w, size_t n)
{
    struct blosclz *z = tsr_worker_state(w, &tsr_codec_blosclz, sizeof *z, tsr_free);
    if (z && (!z->base || z->base > UINT32_MAX - 2 * n)) {
        memset(z->table, 0, sizeof z->table);
        z->base = 1;
    }
    return z;
}

/* How many twentieths of what they come to n bytes are. */
static size_t ratio(struct blosclz *z, const struct level *l, const uint8_t *src, size_t n)
{
    size_t len = l->thorough ? estimate_thorough(z, src, n) : estimate_fast(z, src, n);
    z->base += (uint32_t)n;
    return n * 20 / len;
}

/* Does the stream seem to shrink as its level wants?  What does not shrink at all, or far more
 * than that, is known from a quarter of the bytes to look at. */
static bool pays(struct blosclz *z, const struct level *l, const uint8_t *src, size_t n)
{
    enum { QUICK = 4096, ALMOST = 21 };
    size_t part = tsr_minz(n / l->part, (size_t)1 << l->log);
    if (part < 16) part = 16;
    if (part >= 4 * QUICK && part <= n / 2) {
        size_t quick = ratio(z, l, src + n - QUICK, QUICK);
        if (quick < ALMOST && !l->thorough) return false;
        if (2 * quick >= 3 * (size_t)l->worth) return true;
    }
    return ratio(z, l, src + n - part, part) >= l->worth;
}

static int blosclz_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                          size_t cap, size_t *out)
{
    *out = 0;
    if (n < 16 || n > INT32_MAX || cap < 66) return TSR_OK;
    struct blosclz *z = table(c->worker, n);
    if (!z) return TSR_ENOMEM;
    const struct level *l = &levels[c->level];
    if (!pays(z, l, src, n)) return TSR_OK;
    *out = l->thorough ? encode_thorough(z, src, n, dst, cap) : encode_fast(z, src, n, dst, cap);
    z->base += (uint32_t)n;
    if (*out) dst[0] |= 0x20;
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
