/* SPDX-License-Identifier: BSD-3-Clause */
/* array/read.h - windows of chunks on their way in, shared by read.c and read_group.c. */
#ifndef TSR_ARRAY_READ_H
#define TSR_ARRAY_READ_H

#include "array/array.h"

/* A block, or a chunk of one value, on its way to the selection's memory or the visitor. */
#define NO_REF UINT32_MAX
struct part {
    int64_t key;       /* the visitor's */
    uint32_t job, ref; /* number in the window's jobs, and in their refs; NO_REF: the chunk */
};

struct group {
    size_t first, n; /* parts */
    size_t slot;     /* of a visitor */
};

struct window {
    struct chunk_job *jobs; /* [cap] */
    size_t njobs, cap;
    struct part *parts;
    size_t nparts, parts_cap;
    struct group *groups;
    size_t ngroups, groups_cap;
    int64_t bytes;
    size_t used; /* most njobs of this read */
};

struct reader {
    const struct tsr_array *a;
    const struct tsr_selection *sel;
    const struct tsr_visitor *visitor; /* NULL: items go to sel's memory */
    struct tsr_walk walk;
    struct tsr_worker *worker;     /* whose windows they are */
    struct window *decode, *fetch; /* of the current run */
    size_t nfetch;                 /* jobs of the run that fetch */
    int64_t window_bytes;
    struct tsr_seen seen; /* before the first window */
    bool cached;
    bool far;  /* a window is fetched by one job */
    bool lone; /* each chunk is fetched by the job that decodes it */
};

static inline bool job_is_value(const struct chunk_job *j)
{
    return j->place.state != TSR_PLACE_STORED;
}

/* Are the bytes of this block still to be read? */
static inline bool job_reads_late(const struct chunk_job *j, const struct block_ref *ref)
{
    return j->late && !ref->src && ref->off != TSR_SPAN_NONE;
}

/* Cuts what the fetched chunks of w hold of the selection in groups, the jobs of the next run; a
 * visitor is told how many slots they have. */
int tsr_window_group(const struct reader *r, struct window *w);

#endif
