/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/variable.c - whole chunks come and go, also in frames whose chunks have any size
 * (blosc2.md 7.2, chunk_size 0).
 *
 * There nbytes is the sum of what the chunks say, so one that is replaced is asked first
 * (sizes.c). */
#include "frame/priv.h"

static int check_size(const struct tsr_frame *f, int64_t i, int64_t nbytes, bool last)
{
    int64_t most = f->facts.variable ? TSR_CHUNK_MAX_NBYTES : f->facts.chunk_bytes;
    int64_t least = f->facts.variable || last ? 1 : most;
    if (nbytes >= least && nbytes <= most) return TSR_OK;
    return tsr_fail(TSR_EARG, "chunk %lld of %lld bytes: expected %lld to %lld", (long long)i,
                    (long long)nbytes, (long long)least, (long long)most);
}

int tsr_frame_insert_chunk(struct tsr_frame *f, int64_t i, const struct tsr_piece *pieces, int n,
                           int64_t nbytes)
{
    int64_t have = f->facts.nchunks;
    int rc = check_size(f, i, nbytes, i == have);
    if (rc == TSR_OK) rc = tsr_frame_insert_put(f, i, pieces, n);
    if (rc < 0) return rc;
    if (f->facts.variable) f->facts.nbytes += nbytes;
    else if (i == have) rc = tsr_frame_set_last(f, nbytes);
    return rc;
}

int tsr_frame_update_chunk(struct tsr_frame *f, int64_t i, const struct tsr_piece *pieces, int n,
                           int64_t nbytes)
{
    int64_t old;
    int rc = tsr_frame_chunk_size(f, i, &old);
    if (rc == TSR_OK && (f->facts.variable || nbytes != old)) rc = check_size(f, i, nbytes, false);
    if (rc == TSR_OK && f->facts.variable) rc = tsr_frame_check_gone(f, old);
    if (rc == TSR_OK) rc = tsr_frame_put(f, i, pieces, n);
    if (rc == TSR_OK && f->facts.variable) f->facts.nbytes += nbytes - old;
    return rc;
}

int tsr_frame_set_variable(struct tsr_frame *f)
{
    int rc = tsr_frame_need_writable(f);
    if (f->facts.variable) return rc;
    for (int64_t i = 0, v; i < f->facts.nchunks && rc == TSR_OK; i++) {
        rc = tsr_index_get(&f->index, i, &v);
        if (rc == TSR_OK && v < 0)
            rc = tsr_fail(TSR_EARG, "chunk %lld is special: its size would be lost", (long long)i);
    }
    if (rc < 0) return rc;
    f->facts.variable = f->dirty = true;
    f->facts.chunk_bytes = 0;
    return TSR_OK;
}
