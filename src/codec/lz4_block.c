/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/lz4_block.c - decodes LZ4 blocks.
 *
 *   sequence: | token | literal length... | literals | offset u16 | match length... |
 *             token: literals in the high 4 bits, match length less 4 in the low ones; 15 means
 *             that bytes follow, each added, until one is not 255
 *
 * The last sequence ends after its literals.  The format keeps matches off the end of a block:
 * none begins in its last 12 bytes or reaches into its last 5.  That is checked, as liblz4 does,
 * and leaves room to copy in whole words.  Unlike liblz4 the offset 0 is refused: what it copies
 * is whatever the output buffer held before. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "codec/lz4_block.h"

enum { MATCH_MIN = 4, MATCH_LAST = 12, LITERALS_LAST = 5 };
enum { WORD = 16, ROOM_IN = 32, ROOM_OUT = 64 };
enum { EASY_MATCH = 14 + MATCH_MIN }; /* the longest whose length is in the token */

/* Where decoding stands. */
struct state {
    const uint8_t *p, *end;    /* input */
    uint8_t *base, *op, *oend; /* output */
    const uint8_t *dict_end;   /* of the bytes that come before base */
    size_t dict_len;
    bool start; /* the block may go on behind oend */
};

/* Far from both ends: words may be read and written past what is meant. */
static inline bool roomy(const struct state *s)
{
    return s->end - s->p >= ROOM_IN && s->oend - s->op >= ROOM_OUT;
}

/* Adds the bytes of a length that did not fit into the token. */
static inline bool longer(struct state *s, size_t *len)
{
    uint8_t b;
    do {
        if (s->p == s->end) return false;
        *len += b = *s->p++;
    } while (b == 255);
    return true;
}

/* Copies n bytes in words; up to WORD - 1 more are written. */
static inline void copy_words(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i += WORD) memcpy(dst + i, src + i, WORD);
}

/* At a distance below 8 words would overlap: the bytes in between fill a word, which is stored at
 * multiples of the distance. */
struct pattern {
    uint64_t word;
    size_t step;
};

static inline struct pattern pattern_of(const uint8_t *dst, size_t off)
{
    static const uint8_t steps[8] = {0, 8, 8, 6, 8, 5, 6, 7};
    static const uint64_t ones[8] = {0, /* a one at every multiple of the distance */
                                     UINT64_C(0x0101010101010101),
                                     UINT64_C(0x0001000100010001),
                                     UINT64_C(0x0001000001000001),
                                     UINT64_C(0x0000000100000001),
                                     UINT64_C(0x0000010000000001),
                                     UINT64_C(0x0001000000000001),
                                     UINT64_C(0x0100000000000001)};
    uint64_t first = tsr_load_LE64(dst - off) & (~UINT64_C(0) >> (64 - 8 * off));
    return (struct pattern){first * ones[off], steps[off]};
}

static inline void copy_pattern(uint8_t *dst, size_t off, size_t n)
{
    struct pattern p = pattern_of(dst, off);
    for (size_t i = 0; i < n; i += p.step) tsr_store_LE64(dst + i, p.word);
}

/* Copies n bytes from off before dst; up to WORD - 1 more are written. */
static inline void copy_back(uint8_t *dst, size_t off, size_t n)
{
    if (off >= WORD) copy_words(dst, dst - off, n);
    else if (off < 8) copy_pattern(dst, off, n);
    else
        for (size_t i = 0; i < n; i += 8) memcpy(dst + i, dst + i - off, 8);
}

static inline void copy_match(struct state *s, size_t off, size_t n)
{
    size_t room = (size_t)(s->oend - s->op);
    size_t words = room > WORD ? tsr_minz(n, room - WORD) : 0;
    if (words) copy_back(s->op, off, words);
    const uint8_t *src = s->op - off;
    for (size_t i = words; i < n; i++) s->op[i] = src[i];
    s->op += n;
}

/* A match that begins before the output. */
static void copy_dict(struct state *s, size_t off, size_t n)
{
    size_t back = off - (size_t)(s->op - s->base), k = back < n ? back : n;
    memcpy(s->op, s->dict_end - back, k);
    s->op += k;
    if (n > k) copy_match(s, off, n - k);
}

/* The literals of a sequence, whose number so far is n; the last sequence ends with them. */
static inline const char *literals(struct state *s, size_t n)
{
    if (n == 15 && !longer(s, &n)) return "literals without their number";
    size_t in = (size_t)(s->end - s->p), room = (size_t)(s->oend - s->op);
    if (n > in) return "literals past the end of the input";
    if (n > room && !s->start) return "literals past the end of the output";
    if (n > room) n = room;
    if (n <= 2 * WORD && in >= 2 * WORD && room >= 2 * WORD) memcpy(s->op, s->p, 2 * WORD);
    else memcpy(s->op, s->p, n);
    s->op += n;
    s->p += n;
    return NULL;
}

/* The match of a sequence, whose length so far is n. */
static inline const char *match(struct state *s, size_t n)
{
    size_t in = (size_t)(s->end - s->p), room = (size_t)(s->oend - s->op);
    if (in < 2 + 1 + LITERALS_LAST) return "a match too near the end of the input";
    if (room < MATCH_LAST && !s->start) return "a match too near the end of the output";
    size_t off = tsr_load_LE16(s->p), have = (size_t)(s->op - s->base);
    if (off == 0) return "offset 0";
    if (off > have + s->dict_len) return "an offset before the start";
    s->p += 2;
    if (n == 15 && !longer(s, &n)) return "a match without its length";
    n += MATCH_MIN;
    if (!s->start && n > room - LITERALS_LAST) return "a match too near the end of the output";
    if (n > room) n = room;
    if (off > have) copy_dict(s, off, n);
    else copy_match(s, off, n);
    return NULL;
}

/* The literals and the match of a sequence of which no part is long or near an end: all that can
 * be wrong is the offset.  Leaves what it cannot do to the others: the sequence, or its match. */
static inline bool easy_literals(struct state *s, size_t n)
{
    if (n == 15 || !roomy(s)) return false;
    memcpy(s->op, s->p, WORD);
    s->op += n;
    s->p += n;
    return true;
}

static inline bool easy_match(struct state *s, size_t n)
{
    size_t off = tsr_load_LE16(s->p), have = (size_t)(s->op - s->base);
    if (n == 15 || off < 8) return false;
    const uint8_t *src;
    if (off > have) { /* by so much that all of it lies in the dictionary */
        if (off - have < EASY_MATCH || off - have > s->dict_len) return false;
        src = s->dict_end - (off - have);
    } else {
        src = s->op - off;
    }
    memcpy(s->op, src, 8);
    memcpy(s->op + 8, src + 8, 8);
    memcpy(s->op + 16, src + 16, EASY_MATCH - 16);
    s->op += n + MATCH_MIN;
    s->p += 2;
    return true;
}

/* So far from both ends that a sequence with a byte more for each length fits. */
static inline bool far(const struct state *s, const uint8_t *p, const uint8_t *op)
{
    enum { FAR_IN = 320, FAR_OUT = 640 };
    return s->end - p >= FAR_IN && s->oend - op >= FAR_OUT;
}

/* Copies n bytes with at least 64 at once: few are more, and no jump depends on their number. */
static inline void copy_long(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < 4 * WORD; i += WORD) memcpy(dst + i, src + i, WORD);
    if (n > 4 * WORD) copy_words(dst + 4 * WORD, src + 4 * WORD, n - 4 * WORD);
}

/* The match of a short sequence, EASY_MATCH bytes from no nearer than 8. */
static inline void copy_short(uint8_t *dst, const uint8_t *src)
{
    memcpy(dst, src, 8);
    memcpy(dst + 8, src + 8, 8);
    memcpy(dst + 16, src + 16, EASY_MATCH - 16);
}

/* The same from nearer. */
static inline void copy_short_near(uint8_t *dst, size_t off)
{
    struct pattern p = pattern_of(dst, off);
    for (size_t i = 0; i < 4; i++) tsr_store_LE64(dst + i * p.step, p.word);
}

/* Most sequences of a block, as far as they are easy: both ends far, at most one byte of length
 * behind the token's, no match that reaches before the output.  Stops before the first one that is
 * not: what was copied of it is copied again. */
static inline void easy_sequences(struct state *at)
{
    if (!roomy(at)) return;
    const uint8_t *p = at->p, *last = at->end - ROOM_IN;
    uint8_t *op = at->op, *op_last = at->oend - ROOM_OUT;
    size_t token = *p;
    while (p <= last && op <= op_last) {
        const uint8_t *q = p;
        size_t n = token >> 4, m = (token & 15) + MATCH_MIN;
        memcpy(op, q + 1, WORD);
        if (n == 15) {
            if (q[1] == 255 || !far(at, q, op)) break;
            n += *++q;
            copy_long(op, q + 1, n);
        }
        uint8_t *o = op + n;
        const uint8_t *next = q + n + 3;
        size_t off = tsr_load_LE16(next - 2);
        token = *next;
        if (off - 1 >= (size_t)(o - at->base)) break; /* 0 or before the output */
        if (m > EASY_MATCH) {
            if (token == 255 || !far(at, q, op)) break;
            m += token;
            token = *++next;
            if (off >= WORD) copy_long(o, o - off, m);
            else copy_back(o, off, m);
        } else if (off >= 8) {
            copy_short(o, o - off);
        } else {
            copy_short_near(o, off);
        }
        op = o + m;
        p = next;
    }
    at->p = p;
    at->op = op;
}

/* Sequence after sequence; start is known where this is inlined. */
static inline __attribute__((always_inline)) const char *sequences(struct state *at, bool start)
{
    struct state s = *at;
    const char *bad = NULL;
    s.start = start;
    while (!bad && !(start && s.op == s.oend)) {
        easy_sequences(&s);
        unsigned token = s.p < s.end ? *s.p++ : 0;
        bool easy = easy_literals(&s, token >> 4);
        if (!easy) {
            bad = literals(&s, token >> 4);
            if (bad || s.p == s.end || (start && s.op == s.oend)) break;
            easy = roomy(&s);
        }
        if (!easy || !easy_match(&s, token & 15)) bad = match(&s, token & 15);
    }
    *at = s;
    return bad;
}

int tsr_lz4_block_decode(const struct tsr_lz4_block *b, bool start, uint8_t *dst, size_t n)
{
    struct state s = {b->src, b->src + b->len, dst, dst, dst + n, NULL, b->dict_len, start};
    if (b->dict_len) s.dict_end = b->dict + b->dict_len;
    const char *bad = start ? sequences(&s, true) : sequences(&s, false);
    if (bad)
        return tsr_fail(TSR_ECORRUPT, "lz4: byte %zu of %zu: %s", (size_t)(s.p - b->src), b->len,
                        bad);
    if (s.op == s.oend) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "lz4: found %zu decoded bytes, expected %s%zu",
                    (size_t)(s.op - dst), start ? "at least " : "", n);
}
