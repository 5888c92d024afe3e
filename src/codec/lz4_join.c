/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/lz4_join.c - writes one LZ4 block out of parts.
 *
 *   | token: LLLLMMMM | [more of L] | L literals | offset | [more of M] |   M + 4 bytes from there
 *
 * A block is such sequences, the last one of literals alone.  So a block follows another when the
 * last literals of the first and the first ones of the second become one run; offsets stay.  The
 * last 5 bytes of the whole must be literals, and no match may begin in the last 12: blocks keep
 * to that themselves, runs are cut short. */
#include "codec/lz4_join.h"

#include <string.h>

#include "base/num.h"

enum { MIN_MATCH = 4, MANY = 15, TAIL = 12 };

/* What of a length does not fit into its four bits. */
static uint8_t *put_more(uint8_t *op, size_t len)
{
    for (len -= MANY; len >= 255; len -= 255) *op++ = 255;
    *op++ = (uint8_t)len;
    return op;
}

/* Writes the pending bytes as literals behind a token; the low bits of the token are the caller's,
 * who also needs `room` more bytes.  NULL: no room. */
static uint8_t *put_literals(struct tsr_lz4_join *j, size_t room)
{
    size_t len = j->at - j->pending;
    uint8_t *token = j->op;
    if (1 + len / 255 + 1 + len + room > (size_t)(j->end - j->op)) return NULL;
    *j->op++ = (uint8_t)(tsr_minz(len, MANY) << 4);
    if (len >= MANY) j->op = put_more(j->op, len);
    memcpy(j->op, j->src + j->pending, len);
    j->op += len;
    j->pending = j->at;
    return token;
}

void tsr_lz4_join_plain(struct tsr_lz4_join *j, size_t n)
{
    j->at += n;
}

bool tsr_lz4_join_run(struct tsr_lz4_join *j, size_t n)
{
    size_t left = j->n - j->at, first = 1;
    if (j->at && j->src[j->at - 1] == j->src[j->at]) first = 0;
    size_t len = left - n >= TAIL ? n : n - tsr_minz(n, TAIL - (left - n));
    if (len < first + MIN_MATCH) {
        j->at += n;
        return true;
    }
    len -= first;
    j->at += first;
    uint8_t *token = put_literals(j, 2 + len / 255 + 1);
    if (!token) return false;
    *token |= (uint8_t)tsr_minz(len - MIN_MATCH, MANY);
    tsr_store_LE16(j->op, 1);
    j->op += 2;
    if (len - MIN_MATCH >= MANY) j->op = put_more(j->op, len - MIN_MATCH);
    j->pending = j->at + len;
    j->at += n - first;
    return true;
}

/* A length of which the token has `low`. */
static size_t take_length(const uint8_t **p, size_t low)
{
    if (low < MANY) return low;
    while (**p == 255) {
        low += 255;
        ++*p;
    }
    return low + *(*p)++;
}

/* Where the last sequence of a block begins. */
static const uint8_t *last_sequence(const uint8_t *p, const uint8_t *end)
{
    for (;;) {
        const uint8_t *token = p++;
        p += take_length(&p, *token >> 4);
        if (p == end) return token;
        p += 2;
        take_length(&p, *token & MANY);
    }
}

bool tsr_lz4_join_block(struct tsr_lz4_join *j, size_t n, const uint8_t *block, size_t len)
{
    const uint8_t *p = block + 1, *last = last_sequence(block, block + len), *from;
    size_t first = take_length(&p, *block >> 4), end = j->at + n;
    if (last != block) {
        p += first;
        j->at += first;
        size_t rest = (size_t)(last - p);
        uint8_t *token = put_literals(j, rest);
        if (!token) return false;
        *token |= *block & MANY;
        memcpy(j->op, p, rest);
        j->op += rest;
        from = last + 1;
        j->pending = end - take_length(&from, *last >> 4);
    }
    j->at = end;
    return true;
}

bool tsr_lz4_join_end(struct tsr_lz4_join *j)
{
    return put_literals(j, 0) != NULL;
}
