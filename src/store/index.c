/* SPDX-License-Identifier: BSD-3-Clause */
/* store/index.c - keys in a hash table with linear probing, and sorted for listing.
 *
 * Entries are never taken out, so that a slot says at once where a probe ends; what is removed
 * keeps its key with no value. */
#include "store/index.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/num.h"
#include "base/status.h"
#include "sys/sys.h"

void tsr_index_free(struct tsr_index *x)
{
    tsr_free(x->keys);
    tsr_free(x->slots);
    tsr_free(x->order);
    *x = (struct tsr_index){0};
}

static uint32_t hash_of(const struct tsr_index *x, const char *key, size_t len)
{
    return (uint32_t)XXH3_64bits_withSeed(key, len, x->seed);
}

/* The slot that holds the key, or the free one where it would be. */
static uint32_t probe(const struct tsr_index *x, const char *key, size_t len, uint32_t hash)
{
    uint32_t mask = x->nslots - 1, at = hash & mask;
    for (; x->slots[at]; at = (at + 1) & mask) {
        const struct tsr_index_key *k = &x->keys[x->slots[at] - 1];
        if (k->hash == hash && k->len == len && memcmp(k->key, key, len) == 0) break;
    }
    return at;
}

struct tsr_index_key *tsr_index_find(const struct tsr_index *x, const char *key, size_t len)
{
    if (!x->n) return NULL;
    uint32_t at = probe(x, key, len, hash_of(x, key, len));
    return x->slots[at] ? &x->keys[x->slots[at] - 1] : NULL;
}

/* Where everybody's keys have other hashes. */
static uint64_t new_seed(const struct tsr_index *x)
{
    double now = tsr_sys_now();
    uint64_t bits;
    memcpy(&bits, &now, sizeof bits);
    return XXH3_64bits_withSeed(&bits, sizeof bits, (uint64_t)(uintptr_t)x);
}

int tsr_index_reserve(struct tsr_index *x, size_t n)
{
    uint32_t slots = x->nslots ? x->nslots : 64;
    if (n > UINT32_MAX / 4) return tsr_fail(TSR_ELIMIT, "%zu keys, at most 2^30 - 1", n);
    if (n > x->cap) {
        struct tsr_index_key *keys = tsr_realloc(x->keys, n, sizeof *keys);
        if (!keys) return TSR_ENOMEM;
        x->keys = keys;
    }
    while (slots / 2 < n) slots *= 2;
    uint32_t *fresh = slots == x->nslots ? x->slots : tsr_alloc_zero(slots, sizeof *fresh);
    if (!fresh) return TSR_ENOMEM;
    if (n > x->cap) x->cap = (uint32_t)n;
    if (slots == x->nslots) return TSR_OK;
    if (!x->nslots) x->seed = new_seed(x);
    tsr_free(x->slots);
    x->slots = fresh;
    x->nslots = slots;
    for (uint32_t i = 0; i < x->n; i++) {
        uint32_t at = x->keys[i].hash & (slots - 1);
        while (fresh[at]) at = (at + 1) & (slots - 1);
        fresh[at] = i + 1;
    }
    return TSR_OK;
}

struct tsr_index_key *tsr_index_add(struct tsr_index *x, const char *key, size_t len)
{
    if (x->n == x->cap && tsr_index_reserve(x, x->cap ? 2 * (size_t)x->cap : 32) < 0) return NULL;
    uint32_t hash = hash_of(x, key, len), at = probe(x, key, len, hash);
    if (x->slots[at]) return &x->keys[x->slots[at] - 1];
    struct tsr_index_key *k = &x->keys[x->n++];
    *k = (struct tsr_index_key){key, (uint32_t)len, hash, TSR_INDEX_NONE};
    x->slots[at] = x->n;
    return k;
}

/* ---- listing ---- */

static int compare(const struct tsr_index_key *a, const char *key, size_t len)
{
    int c = memcmp(a->key, key, tsr_minz(a->len, len));
    return c ? c : (a->len > len) - (a->len < len);
}

/* qsort has no argument for the index, so pointers are sorted. */
static int by_key(const void *a, const void *b)
{
    const struct tsr_index_key *x = *(struct tsr_index_key *const *)a;
    const struct tsr_index_key *y = *(struct tsr_index_key *const *)b;
    return compare(x, y->key, y->len);
}

static int sort(struct tsr_index *x)
{
    if (x->nsorted == x->n) return TSR_OK;
    struct tsr_index_key **p = tsr_alloc_array(x->n, sizeof *p);
    uint32_t *order = p ? tsr_realloc(x->order, x->n, sizeof *order) : NULL;
    if (order) {
        for (uint32_t i = 0; i < x->n; i++) p[i] = &x->keys[i];
        qsort(p, x->n, sizeof(struct tsr_index_key *), by_key);
        for (uint32_t i = 0; i < x->n; i++) order[i] = (uint32_t)(p[i] - x->keys);
        x->order = order;
        x->nsorted = x->n;
    }
    tsr_free(p);
    return order ? TSR_OK : TSR_ENOMEM;
}

/* The first place in order, from lo on, with a key that is not below this one. */
static uint32_t first_from(const struct tsr_index *x, uint32_t lo, const char *key, size_t len)
{
    uint32_t hi = x->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (compare(&x->keys[x->order[mid]], key, len) < 0) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static int add_name(struct tsr_buf *out, const char *key, size_t len)
{
    int rc = tsr_buf_add(out, key, len);
    return rc < 0 ? rc : tsr_buf_add(out, "", 1);
}

/* Where the keys below key[0 .. len), which ends in '/', end: "a/" sorts before "a0", '0' being the
 * character behind '/'.  They may be many, so they are not gone through. */
static int pass_below(const struct tsr_index *x, uint32_t *at, const char *key, size_t len)
{
    char *end = tsr_alloc(len);
    if (!end) return TSR_ENOMEM;
    memcpy(end, key, len);
    end[len - 1]++;
    *at = first_from(x, *at, end, len);
    tsr_free(end);
    return TSR_OK;
}

/* Does one of the keys in [from, to) name something? */
static bool any_live(const struct tsr_index *x, uint32_t from, uint32_t to)
{
    while (from < to && x->keys[x->order[from]].value == TSR_INDEX_NONE) from++;
    return from < to;
}

int tsr_index_list(struct tsr_index *x, const char *prefix, struct tsr_buf *out)
{
    size_t len = strlen(prefix);
    int rc = sort(x);
    for (uint32_t at = rc < 0 ? x->n : first_from(x, 0, prefix, len); rc == TSR_OK && at < x->n;) {
        const struct tsr_index_key *k = &x->keys[x->order[at]];
        if (k->len < len || memcmp(k->key, prefix, len) != 0) break;
        const char *slash = memchr(k->key + len, '/', k->len - len);
        if (!slash) {
            if (k->value != TSR_INDEX_NONE) rc = add_name(out, k->key, k->len);
            at++;
            continue;
        }
        uint32_t from = at;
        size_t below = (size_t)(slash - k->key) + 1;
        rc = pass_below(x, &at, k->key, below);
        if (rc == TSR_OK && any_live(x, from, at)) rc = add_name(out, k->key, below);
    }
    return rc;
}

int tsr_index_tell(struct tsr_buf *out, int (*fn)(void *user, const char *key), void *user)
{
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < out->len;) {
        const char *key = (const char *)out->p + at;
        at += strlen(key) + 1;
        rc = fn(user, key);
    }
    tsr_buf_free(out);
    return rc;
}
