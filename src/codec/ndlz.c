/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/ndlz.c - NDLZ, for 2-d blocks of bytes (blosc2.md appendix B).
 *
 *   0      1         5         9
 *   | 2    | rows    | cols    | cells in C order, each a token and its operands ...
 *
 * A cell has `side` rows of as many bytes, 4 or 8 (the meta), fewer at the edges.  Whole cells, or
 * some of their rows, may be taken from what earlier cells stored: a reference counts back from
 * the token to any byte of the payload.
 *
 *   side 4: 00 literal | 40 one value | C0 copy | E0-FF three rows from there, one here |
 *           80-BF two from there, two here | 28-3F two from there and two from elsewhere
 *   side 8: 00, 40, C0 | A8-AD three adjoining rows from there, five here | 88-8E two, six here
 *
 * The encoder remembers where groups of rows were stored, by a hash of their bytes, and takes the
 * shortest way to say a cell. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "codec/codec.h"

extern const struct tsr_codec tsr_codec_ndlz;

enum { HEAD = 9, MAX_SIDE = 8, MAX_CELL = 64 };
enum { LITERAL = 0x00, VALUE = 0x40, COPY = 0xC0 };

/* How a token builds a full cell: rows[0 .. nref) come from a reference, the others in order from
 * the operands or, with `second`, from another reference. */
struct plan {
    uint8_t rows[MAX_SIDE];
    int nref;
    bool second;
};

/* The first `nref` rows are given; the others follow in rising order. */
static void fill_rest(struct plan *p, int side)
{
    unsigned used = 0;
    int n = p->nref;
    for (int i = 0; i < n; i++) used |= 1u << p->rows[i];
    for (int r = 0; r < side; r++)
        if (!(used & 1u << r)) p->rows[n++] = (uint8_t)r;
}

static bool plan4(int token, struct plan *p)
{
    static const uint8_t three[4][3] = {{1, 2, 3}, {0, 1, 2}, {0, 1, 3}, {0, 2, 3}};
    *p = (struct plan){.nref = 2};
    if (token >= 0xE0) {
        p->nref = 3;
        memcpy(p->rows, three[(token >> 3) - 28], 3);
    } else if (token == 0x80) {
        p->rows[0] = 2;
        p->rows[1] = 3;
    } else if (token > 0x80 && token < 0xC0) {
        p->rows[0] = (uint8_t)((token - 128) >> 5);
        p->rows[1] = (uint8_t)((token - 128) >> 3 & 3);
    } else if (token >= 0x28 && token < 0x40) {
        p->second = true;
        p->rows[1] = (uint8_t)((token - 32) >> 3);
    } else {
        return false;
    }
    if (p->rows[0] == p->rows[1]) return false;
    fill_rest(p, 4);
    return true;
}

static bool plan8(int token, struct plan *p)
{
    *p = (struct plan){.nref = token >= 0xA8 ? 3 : 2};
    int row = token & 7;
    if (token >> 3 != 21 && token >> 3 != 17) return false;
    if (row + p->nref > 8) return false;
    for (int i = 0; i < p->nref; i++) p->rows[i] = (uint8_t)(row + i);
    fill_rest(p, 8);
    return true;
}

/* ---- decoding ---- */

struct decoder {
    const uint8_t *src;
    size_t len, at, token_at;
    uint8_t *dst;
    size_t cols, side;
};

/* The next n bytes of operands; NULL: they are missing. */
static const uint8_t *take(struct decoder *d, size_t n)
{
    const uint8_t *p = d->src + d->at;
    if (n > d->len - d->at) return NULL;
    d->at += n;
    return p;
}

/* n bytes that a reference leads to; NULL: it is missing or leads outside. */
static const uint8_t *follow(struct decoder *d, size_t n)
{
    const uint8_t *p = take(d, 2);
    size_t off = p ? tsr_load_LE16(p) : 0;
    if (!p || off > d->token_at || n > d->len - (d->token_at - off)) return NULL;
    return d->src + (d->token_at - off);
}

/* A row of a cell: 4 or 8 bytes, each its own instruction. */
static void put_row(uint8_t *to, const uint8_t *from, size_t side)
{
    if (side == 4) memcpy(to, from, 4);
    else memcpy(to, from, 8);
}

static void put_rows(const struct decoder *d, uint8_t *to, const uint8_t *from, size_t h, size_t w)
{
    for (size_t r = 0; r < h; r++) memcpy(to + r * d->cols, from + r * w, w);
}

/* A full cell made of rows from two places; false: the token or an operand is wrong. */
static bool put_plan(struct decoder *d, uint8_t *to, int token)
{
    struct plan p;
    size_t side = d->side;
    if (!(side == 4 ? plan4(token, &p) : plan8(token, &p))) return false;
    size_t nref = (size_t)p.nref;
    const uint8_t *first = follow(d, nref * side);
    const uint8_t *rest = p.second ? follow(d, (side - nref) * side) : NULL;
    if (!p.second) rest = take(d, (side - nref) * side);
    if (!first || !rest) return false;
    for (size_t i = 0; i < side; i++)
        put_row(to + p.rows[i] * d->cols, i < nref ? first + i * side : rest + (i - nref) * side,
                side);
    return true;
}

/* A cell of h by w bytes at `to`. */
static int decode_cell(struct decoder *d, uint8_t *to, size_t h, size_t w)
{
    d->token_at = d->at;
    const uint8_t *token = take(d, 1), *from = NULL;
    if (!token) return tsr_fail(TSR_ECORRUPT, "ndlz: byte %zu: a cell is missing", d->token_at);
    if (*token == VALUE) {
        from = take(d, 1);
        for (size_t r = 0; from && r < h; r++) memset(to + r * d->cols, *from, w);
    } else if (*token == LITERAL || *token == COPY) {
        from = *token == COPY ? follow(d, h * w) : take(d, h * w);
        if (from) put_rows(d, to, from, h, w);
    } else if (h == d->side && w == d->side && put_plan(d, to, *token)) {
        return TSR_OK;
    }
    if (from) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "ndlz: byte %zu: token %d, or what follows it, is wrong",
                    d->token_at, *token);
}

static int ndlz_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                       size_t n)
{
    if (c->meta != 4 && c->meta != 8)
        return tsr_fail(TSR_ECORRUPT, "ndlz: found cell side %d, expected 4 or 8", c->meta);
    if (len < HEAD || src[0] != 2)
        return tsr_fail(TSR_ECORRUPT, "ndlz: %zu bytes, of %d dimensions", len, len ? src[0] : 0);
    size_t rows = tsr_load_LE32(src + 1), cols = tsr_load_LE32(src + 5), total;
    if (!tsr_mul(rows, cols, &total) || total != n)
        return tsr_fail(TSR_ECORRUPT, "ndlz: byte 1: found %zu by %zu bytes, expected %zu", rows,
                        cols, n);
    struct decoder d =
        {.src = src, .len = len, .at = HEAD, .dst = dst, .cols = cols, .side = (size_t)c->meta};
    int rc = TSR_OK;
    for (size_t y = 0; y < rows && rc == TSR_OK; y += d.side)
        for (size_t x = 0; x < cols && rc == TSR_OK; x += d.side)
            rc = decode_cell(&d, dst + y * cols + x, tsr_minz(d.side, rows - y),
                             tsr_minz(d.side, cols - x));
    if (rc == TSR_OK && d.at != len)
        rc = tsr_fail(TSR_ECORRUPT, "ndlz: found %zu bytes, expected %zu", len, d.at);
    return rc;
}

/* ---- encoding ---- */

enum { HASH_BITS = 12, SLOTS = 1 << HASH_BITS, FAR = 65535, TOKENS = 13 };

/* Where groups of rows were stored last, by how many rows they have: [0] 2, [1] 3, [2] all. */
struct encoder {
    uint8_t *dst;
    size_t cap, at, side;
    uint32_t *seen[3]; /* [SLOTS], 0: nothing */
    const uint8_t *tokens;
    struct plan plans[TOKENS]; /* of these */
};

static size_t hash(const uint8_t *p, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i += 4)
        h = (h ^ tsr_load_LE32(p + i)) * UINT64_C(0x9E3779B97F4A7C15), h ^= h >> 29;
    return (size_t)(h >> (64 - HASH_BITS));
}

/* n: whole words of 4 bytes. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32_t differ = 0;
    for (size_t i = 0; i < n; i += 4) differ |= tsr_load_LE32(a + i) ^ tsr_load_LE32(b + i);
    return differ == 0;
}

/* Where the n bytes at p lie in the payload, near enough; 0: nowhere known. */
static size_t find(const struct encoder *e, int kind, const uint8_t *p, size_t n)
{
    size_t at = e->seen[kind][hash(p, n)];
    if (at == 0 || e->at - at >= FAR || !same_bytes(e->dst + at, p, n)) return 0;
    return at;
}

/* Remembers all groups that `rows` rows at `at` of the payload make. */
static void remember(struct encoder *e, size_t at, size_t rows)
{
    static const uint8_t few[2] = {2, 3};
    for (int k = 0; k < 2; k++)
        for (size_t r = 0; r + few[k] <= rows; r++) {
            size_t from = at + r * e->side;
            e->seen[k][hash(e->dst + from, few[k] * e->side)] = (uint32_t)from;
        }
    if (rows == e->side) e->seen[2][hash(e->dst + at, rows * rows)] = (uint32_t)at;
}

static bool room(const struct encoder *e, size_t n)
{
    return n <= e->cap - e->at;
}

/* A way to say a cell. */
struct choice {
    int token; /* -1: none */
    size_t first, second;
    const struct plan *plan;
};

static void gather(uint8_t *to, const uint8_t *cell, const uint8_t *rows, size_t n, size_t side)
{
    for (size_t i = 0; i < n; i++) put_row(to + i * side, cell + rows[i] * side, side);
}

/* Tries token i: are its first rows known, and, where it wants that, the others too? */
static bool try_token(const struct encoder *e, const uint8_t *cell, int i, struct choice *c)
{
    uint8_t part[MAX_CELL];
    size_t side = e->side;
    const struct plan *p = c->plan = &e->plans[i];
    size_t nref = (size_t)p->nref, rest = side - nref;
    gather(part, cell, p->rows, nref, side);
    c->token = e->tokens[i];
    c->first = find(e, (int)nref - 2, part, nref * side);
    if (!c->first || !p->second) return c->first != 0;
    gather(part, cell, p->rows + nref, rest, side);
    c->second = find(e, 0, part, rest * side);
    return c->second != 0;
}

/* The shortest token that works comes first in these lists. */
static void plan_all(struct encoder *e)
{
    static const uint8_t tokens4[TOKENS] = {0x28, 0x30, 0x38, 0xE0, 0xE8, 0xF0, 0xF8,
                                            0x88, 0x90, 0x98, 0xB0, 0xB8, 0x80};
    static const uint8_t tokens8[TOKENS] = {0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0x88,
                                            0x89, 0x8A, 0x8B, 0x8C, 0x8D, 0x8E};
    e->tokens = e->side == 4 ? tokens4 : tokens8;
    for (int i = 0; i < TOKENS; i++) {
        if (e->side == 4) plan4(e->tokens[i], &e->plans[i]);
        else plan8(e->tokens[i], &e->plans[i]);
    }
}

static void choose(const struct encoder *e, const uint8_t *cell, struct choice *c)
{
    for (int i = 0; i < TOKENS; i++)
        if (try_token(e, cell, i, c)) return;
    c->token = -1;
}

/* Rows of this cell as they are: p is remembered for those that come. */
static void put_literal(struct encoder *e, const uint8_t *p, size_t rows)
{
    size_t at = e->at;
    memcpy(e->dst + at, p, rows * e->side);
    e->at += rows * e->side;
    remember(e, at, rows);
}

static void put_ref(struct encoder *e, size_t token_at, size_t target)
{
    tsr_store_LE16(e->dst + e->at, (uint16_t)(token_at - target));
    e->at += 2;
}

/* A full cell; false: no room left. */
static bool encode_full(struct encoder *e, const uint8_t *cell)
{
    size_t side = e->side, size = side * side, token_at = e->at, same;
    uint8_t rest[MAX_CELL];
    struct choice c;
    if (!room(e, 1 + 4 + size)) return false; /* the longest way, and some */
    if (memcmp(cell, cell + 1, size - 1) == 0) {
        e->dst[e->at++] = VALUE;
        e->dst[e->at++] = cell[0];
        return true;
    }
    if ((same = find(e, 2, cell, size))) {
        e->dst[e->at++] = COPY;
        put_ref(e, token_at, same);
        return true;
    }
    choose(e, cell, &c);
    e->dst[e->at++] = c.token < 0 ? LITERAL : (uint8_t)c.token;
    if (c.token < 0) {
        put_literal(e, cell, side);
        return true;
    }
    size_t nref = (size_t)c.plan->nref;
    put_ref(e, token_at, c.first);
    if (c.plan->second) {
        put_ref(e, token_at, c.second);
        return true;
    }
    gather(rest, cell, c.plan->rows + nref, side - nref, side);
    put_literal(e, rest, side - nref);
    return true;
}

/* The cell of h by w bytes at src.  Cells cut by the edge are literals, as c-blosc2 has them. */
static bool encode_cell(struct encoder *e, const uint8_t *src, size_t cols, size_t h, size_t w)
{
    uint8_t cell[MAX_CELL];
    if (h == e->side && w == e->side) {
        for (size_t r = 0; r < h; r++) put_row(cell + r * w, src + r * cols, w);
        return encode_full(e, cell);
    }
    for (size_t r = 0; r < h; r++) memcpy(cell + r * w, src + r * cols, w);
    if (!room(e, 1 + h * w)) return false;
    e->dst[e->at++] = LITERAL;
    memcpy(e->dst + e->at, cell, h * w);
    e->at += h * w;
    return true;
}

static int ndlz_check(const struct tsr_call *c)
{
    const struct tsr_block_facts *b = c->block;
    if (c->meta != 4 && c->meta != 8)
        return tsr_fail(TSR_EARG, "ndlz: cell side %d, expected 4 or 8", c->meta);
    if (b->ndim != 2 || b->item_bytes != 1)
        return tsr_fail(TSR_EARG,
                        "ndlz: blocks of %d dimensions and items of %d bytes, expected 2 and 1",
                        b->ndim, b->item_bytes);
    return TSR_OK;
}

static int ndlz_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                       size_t cap, size_t *out)
{
    int rc = ndlz_check(c);
    if (rc < 0) return rc;
    size_t rows = (size_t)c->block->shape[0], cols = (size_t)c->block->shape[1], side;
    struct encoder e = {.dst = dst, .cap = cap, .at = HEAD, .side = side = (size_t)c->meta};
    *out = 0;
    if (rows * cols != n)
        return tsr_fail(TSR_EARG, "ndlz: %zu bytes, expected %zu by %zu", n, rows, cols);
    if (n < side * side || cap <= HEAD) return TSR_OK;
    uint8_t *tables =
        tsr_worker_scratch(c->worker, TSR_SCRATCH_CODEC, 3 * SLOTS * sizeof(uint32_t));
    if (!tables) return TSR_ENOMEM;
    memset(tables, 0, 3 * SLOTS * sizeof(uint32_t));
    for (int k = 0; k < 3; k++) e.seen[k] = (uint32_t *)(void *)tables + k * SLOTS;
    plan_all(&e);
    dst[0] = 2;
    tsr_store_LE32(dst + 1, (uint32_t)rows);
    tsr_store_LE32(dst + 5, (uint32_t)cols);
    for (size_t y = 0; y < rows; y += side)
        for (size_t x = 0; x < cols; x += side)
            if (!encode_cell(&e, src + y * cols + x, cols, tsr_minz(side, rows - y),
                             tsr_minz(side, cols - x)))
                return TSR_OK;
    *out = e.at;
    return TSR_OK;
}

const struct tsr_codec tsr_codec_ndlz = {
    .name = "ndlz",
    .about = "2-d arrays of bytes only: rows of cells of side meta, 4 or 8, seen before",
    .blosc2_id = 32,
    .blosc2_format = 6,
    .params = (const struct tsr_param[]){{"meta", 4, 8, 4}, {NULL, 0, 0, 0}},
    .whole = true,
    .shape = true,
    .check = ndlz_check,
    .encode = ndlz_encode,
    .decode = ndlz_decode,
};
