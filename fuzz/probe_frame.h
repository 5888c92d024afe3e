/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/probe_frame.h - frames from hostile bytes: read all that is there, then change a copy.
 *
 * Whatever the bytes say, a frame that opened and was changed and flushed must open again and
 * have the chunk that was put. */
#ifndef TSR_FUZZ_PROBE_FRAME_H
#define TSR_FUZZ_PROBE_FRAME_H

#include "frame/frame.h"
#include "fuzz.h"

enum { ENTRIES = 1000, BUDGET = 1 << 20, CHUNK_LIMIT = 1 << 16 };

/* Decodes chunk i if it is sound and small. */
static inline int decode(const struct tsr_frame *f, int64_t i, uint8_t *dst, size_t cap, size_t *n)
{
    uint8_t head[TSR_CHUNK_HEADER];
    struct tsr_chunk c;
    struct tsr_frame_place at;
    *n = 0;
    int rc = tsr_frame_locate(f, i, &at);
    if (rc < 0 || at.special) return rc;
    if ((rc = tsr_store_read(tsr_frame_store(f), at.key, at.off, head, sizeof head)) < 0) return rc;
    if ((rc = tsr_chunk_parse(&c, head, sizeof head, at.avail, tsr_limit(cap))) < 0) return rc;
    const uint8_t *p = tsr_store_view(tsr_frame_store(f), at.key, at.off, (uint64_t)c.cbytes);
    if (!p) abort(); /* parse promised that the chunk is there */
    c.item_bytes = tsr_frame_facts_of(f)->cparams.item_bytes;
    rc = c.nbytes ? tsr_chunk_decode_range(&c, worker(), p, 0, c.nbytes, dst) : TSR_OK;
    *n = (size_t)c.nbytes;
    return rc;
}

static inline void hear(void *user, int64_t chunk, tsr_status status, const char *what)
{
    (void)user;
    (void)chunk;
    if (status == TSR_OK || !what[0]) abort();
}

static inline void read_metas(const struct tsr_frame *f, tsr_meta_kind kind)
{
    for (int i = 0; i < tsr_frame_meta_count(f, kind) && i < 50; i++) {
        void *buf;
        size_t len;
        if (tsr_frame_meta_get(f, kind, tsr_frame_meta_name(f, kind, i), &buf, &len) == TSR_OK)
            tsr_free(buf);
    }
}

static inline void read_all(const struct tsr_frame *f)
{
    static uint8_t dst[CHUNK_LIMIT];
    const struct tsr_frame_facts *p = tsr_frame_facts_of(f);
    size_t done = 0, n;
    for (int64_t i = 0; i < p->nchunks && i < ENTRIES && done < BUDGET; i++, done += n + 1)
        decode(f, i, dst, sizeof dst, &n);
    read_metas(f, TSR_META);
    read_metas(f, TSR_VLMETA);
    if (p->nchunks <= ENTRIES) tsr_frame_verify(f, hear, NULL);
}

/* A stored chunk of n bytes that are all `value` but the first. */
static inline size_t make_chunk(uint8_t *dst, size_t n, uint8_t value)
{
    static uint8_t src[CHUNK_LIMIT];
    struct tsr_cparams p;
    int32_t cbytes;
    memset(src, value, n);
    src[0] ^= 1;
    tsr_cparams_init(&p, 1);
    p.clevel = 1;
    if (tsr_chunk_encode(&p, worker(), src, (int64_t)n, dst, n + 32, &cbytes) < 0) abort();
    return (size_t)cbytes;
}

static inline int change(struct tsr_frame *f, uint32_t what)
{
    int64_t n = tsr_frame_facts_of(f)->nchunks, i = n ? what % n : 0;
    switch (what >> 8 & 7) {
    case 0: return tsr_frame_insert(f, i, 1 + (what >> 12) % 3000, TSR_SPECIAL_ZEROS);
    case 1: return tsr_frame_insert(f, n, 1, TSR_SPECIAL_UNINIT);
    case 2: return n < 1 << 16 ? tsr_frame_delete(f, i, n - i > 3 ? 3 : n - i) : TSR_OK;
    case 3: return tsr_frame_put_special(f, i, TSR_SPECIAL_ZEROS);
    case 4: return tsr_frame_meta_set(f, TSR_VLMETA, "fuzz", &what, sizeof what);
    case 5: return tsr_frame_flush(f, false);
    case 6: return tsr_frame_set_last(f, 1);
    default: return TSR_OK;
    }
}

/* Puts a chunk, flushes, and finds it in the frame that is opened from the bytes. */
static inline void put_and_find(struct tsr_frame *f, int64_t i)
{
    static uint8_t chunk[CHUNK_LIMIT + 32], got[CHUNK_LIMIT];
    int64_t nbytes = 0;
    if (tsr_frame_chunk_size(f, i, &nbytes) < 0 || nbytes > CHUNK_LIMIT) return;
    size_t n = (size_t)nbytes, len;
    struct tsr_piece piece = {chunk, make_chunk(chunk, n, 0x5A)};
    if (tsr_frame_put(f, i, &piece, 1) < 0 || tsr_frame_flush(f, false) < 0) return;
    struct tsr_store *st;
    struct tsr_frame *g;
    uint64_t size;
    if (tsr_store_stat(tsr_frame_store(f), "", &size) < 0) abort();
    const uint8_t *p = tsr_store_view(tsr_frame_store(f), "", 0, size);
    if (tsr_store_mem_borrow(p, size, &st) < 0) abort();
    check_ok(tsr_frame_open(st, 0, tsr_limit(0), &g));
    if (decode(g, i, got, sizeof got, &len) < 0 || len != n || got[0] != 0x5B) abort();
    tsr_frame_close(g);
}

static inline void change_copy(const uint8_t *data, size_t size)
{
    struct tsr_store *st;
    struct tsr_frame *f;
    uint32_t x = (uint32_t)size * 2654435761u;
    for (size_t i = 0; i < size; i += 7) x = x * 31 + data[i];
    if (tsr_store_mem(&st) < 0) return;
    tsr_store_write_at(st, "", 0, &(struct tsr_piece){(void *)data, size}, 1);
    if (tsr_frame_open(st, 0, tsr_limit(CHUNK_LIMIT), &f) < 0) {
        tsr_store_close(st);
        return;
    }
    /* chunks by the million are fine, shifting all of them for each input is not */
    for (int k = 0; k < 6 && tsr_frame_facts_of(f)->nchunks < 100000; k++) {
        change(f, x >> 4);
        x = x * 1664525u + 1013904223u;
        int64_t n = tsr_frame_facts_of(f)->nchunks;
        if (n) put_and_find(f, (x >> 8) % n);
    }
    read_all(f);
    tsr_frame_close(f);
}

static inline void probe_frame(const uint8_t *data, size_t size)
{
    struct tsr_store *st;
    struct tsr_frame *f;
    if (tsr_store_mem_borrow(data, size, &st) < 0) return;
    if (tsr_frame_open(st, 0, tsr_limit(CHUNK_LIMIT), &f) < 0) {
        tsr_store_close(st);
        return;
    }
    read_all(f);
    tsr_frame_close(f);
    change_copy(data, size);
}

#endif
