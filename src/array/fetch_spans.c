/* SPDX-License-Identifier: BSD-3-Clause */
/* array/fetch_spans.c - where the wanted blocks of a chunk are stored, and reads that bring them.
 *
 *   chunk     | head | 0 | 1 |  2  | 3 |   4   | 5 |      wanted: 1, 3, 5
 *   reads              |---------------|       |---|      runs over gaps that are small
 *
 * What came with the head is not read again. */
#include <stdlib.h>

#include "array/fetch.h"
#include "base/mem.h"

int tsr_reads_run(struct tsr_reads *r)
{
    size_t n = r->n;
    r->n = 0;
    return n ? tsr_store_readv(r->store, r->v, n) : TSR_OK;
}

static int reads_room(struct tsr_reads *r)
{
    if (!r->gather) return tsr_reads_run(r);
    size_t cap = r->cap ? r->cap * 2 : 64;
    struct tsr_range *p = tsr_realloc(r->v, cap, sizeof *p);
    if (!p) return TSR_ENOMEM;
    r->v = p;
    r->cap = cap;
    return TSR_OK;
}

int tsr_reads_add(struct tsr_reads *r, const struct tsr_range *range)
{
    int rc = r->n == r->cap ? reads_room(r) : TSR_OK;
    if (rc == TSR_OK) r->v[r->n++] = *range;
    return rc;
}

struct wanted {
    uint64_t off, len;
    size_t ref;
};

struct plan {
    struct tsr_reads *reads;
    struct tsr_span *spans; /* all [nrefs] */
    struct wanted *wanted;
    int32_t *blocks;
};

static int by_offset(const void *x, const void *y)
{
    const struct wanted *a = x, *b = y;
    return a->off < b->off ? -1 : a->off > b->off;
}

/* Blocks are stored in the order of their numbers, as a rule. */
static void sort_wanted(struct wanted *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (v[i].off >= v[i - 1].off) continue;
        qsort(v, n, sizeof *v, by_offset);
        return;
    }
}

/* The run that begins with span i: bytes [*lo, *hi).  Returns the span that follows it. */
static size_t take_run(const struct wanted *v, size_t i, size_t n, uint64_t *lo, uint64_t *hi)
{
    *lo = v[i].off;
    *hi = v[i].off + v[i].len;
    for (; i < n && v[i].off <= *hi + TSR_MERGE_GAP; i++)
        if (v[i].off + v[i].len > *hi) *hi = v[i].off + v[i].len;
    return i;
}

/* Adds reads of the spans that are not in the head, in runs; the buffer holds head, then the runs.
 */
static int add_spans(struct chunk_job *j, struct wanted *v, size_t n, struct tsr_reads *reads)
{
    const struct tsr_place *p = &j->place;
    size_t have = p->head_len, at = have, i = 0, total = 0;
    uint64_t lo, hi;
    sort_wanted(v, n);
    while (i < n && v[i].off + v[i].len <= have) i++;
    for (size_t k = i; k < n; total += (size_t)(hi - lo)) k = take_run(v, k, n, &lo, &hi);
    int rc = tsr_job_room(j, at + total + 1); /* not NULL, even if all spans are empty */
    if (rc < 0) return rc;
    for (size_t k = 0; k < i; k++) j->refs[v[k].ref].src = j->buf + v[k].off;
    while (i < n && rc == TSR_OK) {
        size_t first = i;
        i = take_run(v, i, n, &lo, &hi);
        struct tsr_range run = {.key = p->key,
                                .off = p->off + lo,
                                .len = (size_t)(hi - lo),
                                .dst = j->buf + at,
                                .stamp = p->stamp};
        for (size_t k = first; k < i; k++) j->refs[v[k].ref].src = j->buf + at + (v[k].off - lo);
        at += run.len;
        rc = tsr_reads_add(reads, &run);
    }
    return rc;
}

static int plan_spans(const struct tsr_array *a, struct chunk_job *j, struct plan *q)
{
    const struct tsr_place *p = &j->place;
    struct tsr_span *spans = q->spans;
    struct wanted *wanted = q->wanted;
    int32_t *blocks = q->blocks;
    size_t n = 0;
    for (size_t i = 0; i < j->nrefs; i++) {
        if (j->refs[i].cell) continue;
        blocks[n] = j->refs[i].block;
        wanted[n++].ref = i;
    }
    if (n == 0) return TSR_OK;
    const uint8_t *view = tsr_store_view(a->d->store, p->key, p->off, p->len);
    bool exact = !view;
    int rc = a->d->format->spans(a->d, p, blocks, n, exact, spans);
    size_t stored = 0;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        struct block_ref *ref = &j->refs[wanted[i].ref];
        ref->src = NULL;
        ref->len = 0;
        ref->off = spans[i].off;
        if (spans[i].off == TSR_SPAN_NONE) continue;
        if (spans[i].len > p->len || spans[i].off > p->len - spans[i].len)
            return tsr_fail(TSR_ECORRUPT, "chunk %lld: block %d lies outside", (long long)p->chunk,
                            blocks[i]);
        ref->len = (int32_t)tsr_min64((int64_t)spans[i].len, INT32_MAX);
        ref->src = view ? view + spans[i].off : NULL;
        wanted[stored++] = (struct wanted){spans[i].off, spans[i].len, wanted[i].ref};
    }
    if (rc < 0 || view || tsr_job_begin_late(a, j)) return rc;
    rc = add_spans(j, wanted, stored, q->reads);
    j->place.head = j->buf; /* the buffer may have moved */
    return rc;
}

static int plan_blocks(const struct tsr_array *a, struct chunk_job *j, struct tsr_worker *w,
                       struct tsr_reads *reads)
{
    enum { FEW = 32 };
    struct {
        struct tsr_span s[FEW];
        struct wanted w[FEW];
        int32_t b[FEW];
    } few;
    struct plan q = {reads, few.s, few.w, few.b};
    size_t n = j->nrefs, len;
    if (n <= FEW) return plan_spans(a, j, &q);
    if (!tsr_mul(n, sizeof *few.s + sizeof *few.w + sizeof *few.b, &len))
        return tsr_fail(TSR_ENOMEM, "spans of %zu blocks", n);
    uint8_t *p = tsr_worker_scratch(w, TSR_SCRATCH_FETCH, len);
    if (!p) return TSR_ENOMEM;
    q.spans = (struct tsr_span *)p;
    q.wanted = (struct wanted *)(q.spans + n);
    q.blocks = (int32_t *)(q.wanted + n);
    return plan_spans(a, j, &q);
}

/* Of a serial chunk block 0 is brought too, behind the wanted ones if it is not among them. */
static int add_first(struct chunk_job *j)
{
    size_t i = 0;
    while (i < j->nrefs && (j->refs[i].block != 0 || j->refs[i].cell)) i++;
    j->first = i;
    j->first_added = i == j->nrefs;
    return j->first_added ? tsr_job_add_ref(j, 0) : TSR_OK;
}

int tsr_job_plan(const struct tsr_array *a, struct chunk_job *j, struct tsr_worker *w,
                 struct tsr_reads *reads)
{
    int rc = j->place.serial ? add_first(j) : TSR_OK;
    return rc < 0 ? rc : plan_blocks(a, j, w, reads);
}

int tsr_job_decode_first(const struct tsr_array *a, struct chunk_job *j, struct tsr_worker *w)
{
    const struct tsr_driver *d = a->d;
    const struct block_ref *first = &j->refs[j->first];
    size_t len = (size_t)d->grid.item_bytes;
    for (int i = 0; i < d->grid.ndim; i++) len *= (size_t)j->block[i];
    if (len > j->ref_cap) {
        tsr_free(j->ref);
        j->ref_cap = 0;
        if (!(j->ref = tsr_alloc(len))) return TSR_ENOMEM;
        j->ref_cap = len;
    }
    int rc = d->format->decode(d, &j->place, w, 0, first->src, (size_t)first->len, j->ref);
    j->place.ref = rc == TSR_OK ? j->ref : NULL;
    if (j->first_added) j->nrefs--;
    return rc;
}
