/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/deflate.c - writes DEFLATE blocks without a search for matches (RFC 1951).
 *
 *   | last | type | [HLIT HDIST HCLEN | code of lengths | lengths | symbols | end of block]
 *      1      2      type 2, a dynamic code; bits from the low end of each byte
 *   | last | 0 | to a byte | length | ~length | bytes |            type 0, stored
 *
 * The lengths of a code are themselves in a code, here always the same one: 0 to 13 take 4 bits;
 * 14, 15 and the two kinds of runs of zeros (17, 18) take 5.  It costs some ten bytes of a block
 * against the best one. */
#include "codec/deflate.h"

#include <string.h>

#include "base/num.h"

enum {
    END = 256, /* the symbol that ends a block */
    LONGEST = 285 /* the symbol for a match of 258 */,
    SYMBOLS = 286,
    MAX_BITS = 15,
    MATCH = 258,
    STORED_MAX = 65535,
    ROOM = 2 * SYMBOLS + 32 /* bytes that the head of a block takes at most */
};

/* A prefix code: bits of each symbol from the low end, as they are written. */
struct code {
    uint16_t bits[SYMBOLS];
    uint8_t len[SYMBOLS]; /* 0: not used */
};

static size_t room(const struct tsr_deflate *d)
{
    return (size_t)(d->end - d->op);
}

/* Up to 57 bits; eight bytes must be there. */
static inline void put(struct tsr_deflate *d, uint64_t bits, unsigned n)
{
    d->bits |= bits << d->nbits;
    d->nbits += n;
    tsr_store_LE64(d->op, d->bits);
    d->op += d->nbits / 8;
    d->bits = d->nbits < 64 ? d->bits >> (d->nbits & ~7u) : 0;
    d->nbits &= 7;
}

static uint16_t reversed(unsigned v, unsigned n)
{
    unsigned r = 0;
    for (unsigned i = 0; i < n; i++) r |= (v >> i & 1) << (n - 1 - i);
    return (uint16_t)r;
}

/* The canonical code of given lengths (3.2.2). */
static void assign(struct code *c)
{
    unsigned count[MAX_BITS + 1] = {0}, next[MAX_BITS + 1] = {0}, v = 0;
    for (int s = 0; s < SYMBOLS; s++) count[c->len[s]]++;
    count[0] = 0;
    for (int n = 1; n <= MAX_BITS; n++) next[n] = v = (v + count[n - 1]) << 1;
    for (int s = 0; s < SYMBOLS; s++)
        if (c->len[s]) c->bits[s] = reversed(next[c->len[s]]++, c->len[s]);
}

/* ---- a code for counted symbols ---- */

/* A node of the tree: a symbol, or two nodes under one. */
struct node {
    uint32_t count;
    uint16_t parent;
};

/* The used symbols, rarest first. */
static int sorted(const uint32_t *count, uint16_t *order)
{
    int n = 0;
    for (int s = 0; s <= END; s++) {
        int i = n++;
        if (!count[s]) {
            n--;
            continue;
        }
        for (; i > 0 && count[order[i - 1]] > count[s]; i--) order[i] = order[i - 1];
        order[i] = (uint16_t)s;
    }
    return n;
}

/* Huffman's code for n >= 2 symbols: always the two rarest nodes get a parent.  Leaves and parents
 * both come in rising order, so that the rarest is the first of one or the other. */
static unsigned build(const uint32_t *count, const uint16_t *order, int n, uint8_t *len)
{
    struct node nodes[2 * (END + 1)];
    uint8_t depth[2 * (END + 1)];
    int leaf = 0, inner = n, end = n;
    unsigned most = 0;
    for (int i = 0; i < n; i++) nodes[i].count = count[order[i]];
    for (; end < 2 * n - 1; end++) {
        nodes[end].count = 0;
        for (int k = 0; k < 2; k++) {
            bool take_leaf = leaf < n && (inner == end || nodes[leaf].count <= nodes[inner].count);
            struct node *from = &nodes[take_leaf ? leaf++ : inner++];
            nodes[end].count += from->count;
            from->parent = (uint16_t)end;
        }
    }
    depth[end - 1] = 0;
    for (int i = end - 2; i >= 0; i--) {
        depth[i] = (uint8_t)(depth[nodes[i].parent] + 1);
        if (i < n) len[order[i]] = depth[i];
        if (depth[i] > most) most = depth[i];
    }
    return most;
}

/* A code of at most MAX_BITS for bytes and END: counts are levelled until it is one. */
static void code_for(uint32_t *count, struct code *c)
{
    uint16_t order[END + 1];
    memset(c, 0, sizeof *c);
    count[END] = 1;
    int n = sorted(count, order);
    while (build(count, order, n, c->len) > MAX_BITS)
        for (int s = 0; s <= END; s++) count[s] = (count[s] + 1) / 2;
    assign(c);
}

/* ---- blocks ---- */

/* A length in the fixed code of lengths, or a run of zeros. */
static void put_length(struct tsr_deflate *d, unsigned symbol)
{
    unsigned n = symbol > 13 ? 5 : 4;
    put(d, reversed(symbol < 14 ? symbol : symbol + (symbol < 16 ? 14 : 13), n), n);
}

/* n lengths of zero from s on, as far as they go: returns how many were written. */
static int put_zeros(struct tsr_deflate *d, const uint8_t *len, int s, int end)
{
    int n = 1;
    while (s + n < end && n < 138 && !len[s + n]) n++;
    if (n < 3) {
        put_length(d, 0);
        return 1;
    }
    put_length(d, n < 11 ? 17 : 18);
    put(d, (uint64_t)(n < 11 ? n - 3 : n - 11), n < 11 ? 3 : 7);
    return n;
}

/* Begins a block with a code of its own, and one distance: 1. */
static void put_code(struct tsr_deflate *d, const struct code *c)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    int symbols = c->len[LONGEST] ? SYMBOLS : END + 1;
    put(d, 2 << 1, 3);
    put(d, (uint64_t)(symbols - 257), 5);
    put(d, 0, 5);
    put(d, 19 - 4, 4);
    for (int i = 0; i < 19; i++) put(d, order[i] == 16 ? 0 : order[i] > 13 ? 5 : 4, 3);
    for (int s = 0; s < symbols;) {
        if (!c->len[s]) {
            s += put_zeros(d, c->len, s, symbols);
            continue;
        }
        put_length(d, c->len[s++]);
    }
    put_length(d, 1);
}

static bool put_stored(struct tsr_deflate *d, const uint8_t *src, size_t n)
{
    while (n > 0) {
        size_t len = tsr_minz(n, STORED_MAX);
        if (room(d) < len + 16) return false;
        put(d, 0, 3);
        if (d->nbits) put(d, 0, 8 - d->nbits);
        tsr_store_LE16(d->op, (uint16_t)len);
        tsr_store_LE16(d->op + 2, (uint16_t)~len);
        memcpy(d->op + 4, src, len);
        d->op += 4 + len;
        src += len;
        n -= len;
    }
    return true;
}

/* Are the counts of n bytes about even, so that a code would save less than a fiftieth?  Of the sum
 * of squares an even spread has the least; noise adds n to it. */
static bool even(const uint32_t *count, size_t n)
{
    double sum = 0, size = (double)n;
    for (int s = 0; s < END; s++) sum += (double)count[s] * count[s];
    return sum < 1.1 * (size * size / 256 + size);
}

bool tsr_deflate_literals(struct tsr_deflate *d, const uint8_t *src, size_t n)
{
    enum { HEAD = 150 }; /* bytes that a code takes, about */
    uint32_t count[END + 1] = {0};
    uint64_t bits = 0;
    struct code c;
    for (size_t i = 0; i < n; i++) count[src[i]]++;
    if (even(count, n)) return put_stored(d, src, n);
    uint32_t used[END + 1];
    memcpy(used, count, sizeof used);
    code_for(count, &c);
    for (int s = 0; s < END; s++) bits += (uint64_t)used[s] * c.len[s];
    if (bits / 8 + HEAD >= n) return put_stored(d, src, n);
    if (room(d) < bits / 8 + ROOM) return false;
    put_code(d, &c);
    size_t i = 0;
    for (; i + 3 <= n; i += 3) { /* 3 * MAX_BITS + 7 < 57 */
        const uint8_t *p = src + i;
        unsigned a = c.len[p[0]], b = a + c.len[p[1]];
        uint64_t v = c.bits[p[0]] | (uint64_t)c.bits[p[1]] << a | (uint64_t)c.bits[p[2]] << b;
        put(d, v, b + c.len[p[2]]);
    }
    for (; i < n; i++) put(d, c.bits[src[i]], c.len[src[i]]);
    put(d, c.bits[END], c.len[END]);
    return true;
}

bool tsr_deflate_run(struct tsr_deflate *d, uint8_t value, size_t n)
{
    struct code c = {.len = {[END] = 2, [LONGEST] = 1}};
    c.len[value] = 2;
    assign(&c);
    size_t matches = (n - 1) / MATCH, rest = (n - 1) % MATCH;
    if (room(d) < ROOM + matches / 4 + MATCH) return false;
    put_code(d, &c);
    put(d, c.bits[value], 2);
    for (size_t i = 0; i < matches; i++) put(d, c.bits[LONGEST], 2); /* and the distance, a 0 */
    for (size_t i = 0; i < rest; i++) put(d, c.bits[value], 2);
    put(d, c.bits[END], 2);
    return true;
}

bool tsr_deflate_align(struct tsr_deflate *d)
{
    if (!d->nbits) return true;
    if (room(d) < 16) return false;
    put(d, 0, 3);
    if (d->nbits) put(d, 0, 8 - d->nbits);
    put(d, 0xFFFF0000, 32);
    return true;
}

bool tsr_deflate_end(struct tsr_deflate *d)
{
    if (room(d) < 16) return false;
    put(d, 1 | 1 << 1, 3 + 7); /* the fixed code, in which END is seven zeros */
    if (d->nbits) put(d, 0, 8 - d->nbits);
    return true;
}
