/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/peer.h - what fuzz_diff and the peer's program tell each other, through memory they share.
 *
 * fuzz_diff puts bytes there and writes one byte to the pipe; the program puts its facts there and
 * writes one byte back, or dies.  Hostile bytes may leave anything in the peer's heap, so a new
 * program is asked again before a difference counts. */
#ifndef TSR_FUZZ_PEER_H
#define TSR_FUZZ_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PEER_BYTES = 1 << 20, PEER_FACTS = 256, PEER_SHARED_FD = 3, PEER_DECODED = 1 << 20 };
enum peer_kind { PEER_CHUNK, PEER_FRAME, PEER_ARRAY };

/* Something a library says about the bytes: refused, or n and a digest of what it gave. */
enum { FACT_CHUNK, FACT_FRAME, FACT_META, FACT_VLMETA, FACT_ARRAY, FACT_DATA };
struct fact {
    int32_t what, index;
    bool refused, any; /* any: what was given may be anything, only n counts */
    int32_t status;
    int64_t n;
    uint64_t digest;
};

struct facts {
    uint32_t n;
    struct fact v[PEER_FACTS];
};

struct exchange {
    uint32_t kind;
    uint32_t len;
    struct facts facts;
    uint8_t bytes[PEER_BYTES];
};

static inline struct fact *add_fact(struct facts *f, int what, int index, int status)
{
    struct fact *v = &f->v[f->n < PEER_FACTS ? f->n++ : PEER_FACTS - 1];
    *v = (struct fact){.what = what, .index = index, .refused = status < 0, .status = status};
    return v;
}

static inline uint64_t digest(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 1099511628211u;
    return h;
}

static inline uint64_t digest_number(uint64_t h, int64_t v)
{
    return digest(h, &v, sizeof v);
}

#define DIGEST_START 14695981039346656037u

#endif
