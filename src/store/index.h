/* SPDX-License-Identifier: BSD-3-Clause */
/* store/index.h - a table of keys, each with the number of what it names.
 *
 * For stores that know all their keys: archives and memory.  A key is found by its hash, which is
 * seeded so that nobody can prepare keys that share one; listing sorts the keys once after they
 * changed and then goes through those below the prefix only.  Keys are borrowed and not
 * NUL-terminated.  The caller's lock guards it all. */
#ifndef TSR_STORE_INDEX_H
#define TSR_STORE_INDEX_H

#include <stdint.h>

#include "base/mem.h"

enum { TSR_INDEX_NONE = -1 };

struct tsr_index_key {
    const char *key;
    uint32_t len, hash;
    int64_t value; /* >= 0; NONE: the key is known, but names nothing */
};

/* Zero-initialise. */
struct tsr_index {
    struct tsr_index_key *keys; /* [n], in the order of their first coming */
    uint32_t *slots;            /* [nslots], a power of two; 1 + place in keys, 0: free */
    uint32_t *order;            /* [nsorted]: places in keys, by key */
    uint32_t n, cap, nslots, nsorted;
    uint64_t seed;
};

void tsr_index_free(struct tsr_index *x);
/* The entry of a key, NULL: unknown.  Valid until the next add. */
struct tsr_index_key *tsr_index_find(const struct tsr_index *x, const char *key, size_t len);
/* The same; an unknown one is added with the value NONE.  NULL: ENOMEM. */
struct tsr_index_key *tsr_index_add(struct tsr_index *x, const char *key, size_t len);
/* Room for n keys in all. */
int tsr_index_reserve(struct tsr_index *x, size_t n);
/* Appends what lies directly below prefix to out, as tsr_store_list names it, each with a NUL. */
int tsr_index_list(struct tsr_index *x, const char *prefix, struct tsr_buf *out);
/* Hands such names on.  Frees out. */
int tsr_index_tell(struct tsr_buf *out, int (*fn)(void *user, const char *key), void *user);

#endif
