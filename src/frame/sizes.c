/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/sizes.c - how large a chunk is, decoded, also where chunks have any size (blosc2.md 7.2,
 * chunk_size 0).
 *
 * In such a frame only the chunks say so.  An entry of the index that is special has no chunk to
 * ask: the one special chunk that there may be is what the others leave of nbytes, and we never
 * write one. */
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

int tsr_frame_check_gone(const struct tsr_frame *f, int64_t gone)
{
    if (gone <= f->facts.nbytes) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT,
                    "frame header: nbytes at byte 30: found %lld, the chunks have more",
                    (long long)f->facts.nbytes);
}
