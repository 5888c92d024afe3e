/* SPDX-License-Identifier: BSD-3-Clause */
/* array/late.c - chunks whose bytes are read as their blocks are decoded.
 *
 * A read of whole chunks passes over all of their bytes once.  Brought a window ahead they would
 * have left the core's cache before they are decoded, and what cores share is memory: so the fetch
 * of such a chunk only finds out where its blocks lie and tells the system that they are wanted
 * soon, and a group of blocks is read by the core that decodes it, just before.
 *
 * Only from stores where many reads cost hardly more than one (struct tsr_store_kind, expect). */
#include "array/fetch.h"

enum {
    LATE_LEAST = 128 << 10, /* stored bytes of a chunk; fewer are one read */
    GAP = 8 << 10           /* as much between two blocks is read with them */
};

bool tsr_job_begin_late(const struct tsr_array *a, struct chunk_job *j)
{
    const struct tsr_place *p = &j->place;
    struct tsr_store *st = a->d->store;
    j->late = j->may_wait && st->kind->expect && !p->serial && !j->cached &&
              j->nrefs == (size_t)p->nblocks && p->len >= LATE_LEAST && p->head_len < p->len;
    const struct tsr_range r = {p->key, p->off, (size_t)p->len, NULL, p->stamp};
    if (j->late) st->kind->expect(st, &r);
    return j->late;
}

/* How many of the blocks at ref[n] lie so near the first that they are one read: [*lo, *hi). */
static size_t one_run(const struct block_ref *ref, size_t n, uint64_t *lo, uint64_t *hi)
{
    uint64_t most = 0;
    size_t i = 0;
    *lo = ref->off;
    *hi = ref->off + (uint64_t)ref->len;
    for (; i < n && ref[i].off != TSR_SPAN_NONE; i++) {
        uint64_t end = ref[i].off + (uint64_t)ref[i].len;
        uint64_t from = ref[i].off < *lo ? ref[i].off : *lo, to = end > *hi ? end : *hi;
        most += (uint64_t)ref[i].len + GAP;
        if (to - from > most) break;
        *lo = from;
        *hi = to;
    }
    return i;
}

int tsr_job_read_late(const struct tsr_array *a, struct chunk_job *j, size_t first, size_t n,
                      struct tsr_worker *w)
{
    struct block_ref *ref = &j->refs[first];
    uint64_t lo, hi;
    n = one_run(ref, n, &lo, &hi);
    uint8_t *buf = tsr_worker_scratch(w, TSR_SCRATCH_FETCH, (size_t)(hi - lo) + 1);
    if (!buf) return TSR_ENOMEM;
    for (size_t i = 0; i < n; i++) ref[i].src = buf + (ref[i].off - lo);
    const struct tsr_range r = {.key = j->place.key,
                                .off = j->place.off + lo,
                                .len = (size_t)(hi - lo),
                                .dst = buf,
                                .stamp = j->place.stamp};
    return tsr_store_readv(a->d->store, &r, 1);
}

bool tsr_jobs_refuse_late(const struct tsr_array *a, struct chunk_job *j, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) any |= j[i].late && j[i].place.stamp;
    for (size_t i = 0; i < n && any; i++) {
        tsr_job_release_place(a, &j[i], true);
        tsr_job_begin(a, &j[i], j[i].place.chunk);
        j[i].may_wait = false;
    }
    return any;
}
