/* SPDX-License-Identifier: BSD-3-Clause */
/* array/fetch.h - the steps of a fetch, for one chunk (fetch.c) or many (fetch_many.c):
 *
 *   look -> locate and heads, in rounds -> want -> plan -> the reads -> decode_first */
#ifndef TSR_ARRAY_FETCH_H
#define TSR_ARRAY_FETCH_H

#include "array/array.h"

enum {
    TSR_MERGE_GAP = 8 * 1024, /* reading on over a gap is cheaper than another read below this */
    TSR_FETCH_ROUNDS = 8,     /* of a locate that never ends */
    TSR_FETCH_TRIES = 8       /* of objects that others replace */
};

/* Reads that were not made yet. */
struct tsr_reads {
    struct tsr_store *store;
    struct tsr_range *v;
    size_t n, cap;
    bool gather; /* v is allocated, and grows; else all in it are made when it is full */
};
int tsr_reads_add(struct tsr_reads *r, const struct tsr_range *range);
int tsr_reads_run(struct tsr_reads *r);

/* ---- fetch.c ---- */

void tsr_job_release_blocks(const struct tsr_array *a, struct chunk_job *j);
void tsr_job_release_place(const struct tsr_array *a, struct chunk_job *j, bool stale);
int tsr_job_room(struct chunk_job *j, size_t len); /* of j->buf */
/* The place's key has room, and is "" at first. */
int tsr_job_key(const struct tsr_array *a, struct chunk_job *j);
/* What locate asked for, to be read or got behind what is there; and what a get found. */
struct tsr_range tsr_job_head_range(const struct chunk_job *j);
struct tsr_get tsr_job_head_get(const struct chunk_job *j);
void tsr_job_got(struct chunk_job *j, const struct tsr_get *g);
int tsr_job_endless(const struct chunk_job *j); /* fails */

/* Beginnings of chunks that are asked for are kept when they are small.  find: is it there?  Then
 * it is in j's buffer. */
static inline bool tsr_job_head_stays(const struct chunk_job *j)
{
    enum { KEPT_MOST = 4096 };
    return j->cached && j->place.head_len == 0 && j->place.need_len <= KEPT_MOST;
}
bool tsr_job_find_head(const struct tsr_array *a, struct chunk_job *j);
void tsr_job_keep_head(const struct tsr_array *a, const struct chunk_job *j);

/* ---- fetch_want.c ---- */

/* Lets go; of a cached job the wanted blocks are looked for: if all are kept the place is STORED.
 */
int tsr_job_look(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j);
/* The wanted blocks of a chunk that is located, of which those are there that were looked for. */
int tsr_job_want(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j);
int tsr_job_add_ref(struct chunk_job *j, int32_t block);

/* ---- fetch_spans.c ---- */

/* Adds the reads that bring the wanted blocks (there are some) to j's buffer. */
int tsr_job_plan(const struct tsr_array *a, struct chunk_job *j, struct tsr_worker *w,
                 struct tsr_reads *reads);
/* After the reads: decodes block 0 of a serial chunk aside. */
int tsr_job_decode_first(const struct tsr_array *a, struct chunk_job *j, struct tsr_worker *w);

#endif
