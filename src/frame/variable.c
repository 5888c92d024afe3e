/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/variable.c - whole chunks by number, also of frames whose chunks have any size
 * (blosc2.md 7.2, chunk_size 0).
 *
 * In such a frame only the chunks say how large they are, and nbytes is the sum of what they
 * say.  So a chunk that is replaced or deleted is asked first.  An entry of the index that is
 * special has no chunk to ask: the one special chunk that there may be is what the others leave
 * of nbytes, and we never write one. */
#include "frame/priv.h"

/* The size that the header of the chunk at p says. */
static int stored_size(const struct tsr_frame *f, const struct tsr_frame_place *p, int64_t *nbytes)
{
    uint8_t head[TSR_CHUNK_HEADER];
    struct tsr_chunk c;
    size_t len = p->avail < sizeof head ? (size_t)p->avail : sizeof head;
    int rc = tsr_store_read(f->st, p->key, p->off, head, len);
    if (rc == TSR_OK) rc = tsr_chunk_parse(&c, head, len, p->avail, f->limits);
    if (rc == TSR_OK) *nbytes = c.nbytes;
    return rc;
}

static int special_size(const struct tsr_frame *f, int64_t i, int64_t *nbytes)
{
    int64_t rest = f->facts.nbytes, n;
    for (int64_t j = 0; j < f->facts.nchunks; j++) {
        struct tsr_frame_place p;
        int rc = j == i ? TSR_OK : tsr_frame_locate(f, j, &p);
        if (rc == TSR_OK && j != i && p.special)
            rc = tsr_fail(TSR_ECORRUPT,
                          "frame: entries %lld and %lld of the index are special and chunk_size is "
                          "0: their sizes are unknown",
                          (long long)i, (long long)j);
        n = 0;
        if (rc == TSR_OK && j != i) rc = stored_size(f, &p, &n);
        if (rc < 0) return rc;
        rest -= n; /* at most 2^28 chunks of 2^31 bytes */
    }
    if (rest <= 0 || (uint64_t)rest > f->limits.max_bytes || rest > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_ECORRUPT,
                        "frame: entry %lld of the index is special and %lld bytes are left for it",
                        (long long)i, (long long)rest);
    *nbytes = rest;
    return TSR_OK;
}

int tsr_frame_chunk_size(const struct tsr_frame *f, int64_t i, int64_t *nbytes)
{
    struct tsr_frame_place p;
    int rc = tsr_frame_locate(f, i, &p);
    if (rc < 0) return rc;
    if (f->facts.variable && p.special) rc = special_size(f, i, nbytes);
    else if (f->facts.variable) rc = stored_size(f, &p, nbytes);
    else *nbytes = tsr_frame_chunk_nbytes(f, i);
    if (rc < 0) tsr_within("chunk %lld", (long long)i);
    return rc;
}

/* ---- changes ---- */

int tsr_frame_check_gone(const struct tsr_frame *f, int64_t gone)
{
    if (gone <= f->facts.nbytes) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT,
                    "frame header: nbytes at byte 30: found %lld, the chunks have more",
                    (long long)f->facts.nbytes);
}

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
