/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/holes.c - the note of free space that a frame carries from session to session.
 *
 * The format has no list of holes, and finding them would cost a read per chunk.  But bytes
 * between index and trailer are anybody's (blosc2.md 7.4), and there, right before the trailer,
 * a commit leaves what it knows; little endian, offsets from the end of the header:
 *
 *   | n x (u64 offset, u64 length) | u64 own_from | u32 n | u32 crc | "tsrholes" | trailer
 *
 * The checksum covers the note and the header's lengths, so that a state some other program made
 * of the file is never taken for ours: then nothing is known and nothing is reused.  Readers that
 * do not know the note see a gap.
 *
 * Holes found at open wait: an older state on the device may still use them, should the machine
 * die.  When they are worth a sync they are freed after one. */
#include "frame/priv.h"

#include <libdeflate.h>

enum { NOTE_MOST = 64, EXTENT = 16, WORTH_LEAST = 1 << 20 }; /* 1 kB: each commit writes it */

static const uint8_t magic[8] = "tsrholes";

static uint64_t stop(const struct frame_extent *e)
{
    return e->off + e->len;
}

static void add_all(struct frame_extents *to, const struct frame_extents *from)
{
    for (size_t i = 0; i < from->n; i++)
        if (from->v[i].len) tsr_extents_add(to, from->v[i].off, from->v[i].len);
}

/* x takes the place of the least in a heap of NOTE_MOST, the least first. */
static void replace_least(uint64_t *heap, uint64_t x)
{
    size_t i = 0;
    for (size_t k = 1; k < NOTE_MOST; k = 2 * i + 1) {
        if (k + 1 < NOTE_MOST && heap[k + 1] < heap[k]) k++;
        if (heap[k] >= x) break;
        heap[i] = heap[k];
        i = k;
    }
    heap[i] = x;
}

/* Leaves the longest: the others are forgotten, which costs space. */
static void keep_longest(struct frame_extents *h)
{
    uint64_t heap[NOTE_MOST] = {0};
    size_t n = 0, equal = NOTE_MOST;
    for (size_t i = 0; i < h->n; i++)
        if (h->v[i].len > heap[0]) replace_least(heap, h->v[i].len);
    for (size_t k = 0; k < NOTE_MOST; k++) equal -= heap[k] > heap[0];
    for (size_t i = 0; i < h->n; i++) {
        uint64_t x = h->v[i].len;
        if (x > heap[0] || (x == heap[0] && equal && equal--)) h->v[n++] = h->v[i];
    }
    h->n = n;
}

void tsr_note_gather(struct frame_note *note, const struct frame_space *s)
{
    struct frame_extents *h = &note->holes, more = {0};
    add_all(h, &s->free);
    add_all(&more, &s->loose);
    add_all(&more, &s->pending);
    if (s->flushed.len) tsr_extents_add(&more, s->flushed.off, s->flushed.len);
    tsr_extents_merge(h, &more);
    tsr_free(more.v);
    if (h->n > NOTE_MOST) keep_longest(h);
    note->len = h->n * EXTENT + NOTE_TAIL;
}

/* Over the note up to its checksum, and over what tells this state from others. */
static uint32_t checksum(const uint8_t *p, size_t len, const struct frame_header *h)
{
    uint8_t state[28];
    tsr_store_LE64(state, h->frame_len);
    tsr_store_LE64(state + 8, (uint64_t)h->nbytes);
    tsr_store_LE64(state + 16, (uint64_t)h->cbytes);
    tsr_store_LE32(state + 24, (uint32_t)h->header_len);
    return libdeflate_crc32(libdeflate_crc32(0, p, len), state, sizeof state);
}

int tsr_note_emit(struct tsr_buf *out, const struct frame_note *note, const struct tsr_frame *f,
                  uint64_t off)
{
    const struct frame_extents *h = &note->holes;
    int rc = tsr_buf_reserve(out, note->len);
    if (rc < 0) return rc;
    uint8_t *p = out->p + out->len, *at = p;
    for (size_t i = 0; i < h->n; i++, at += EXTENT) {
        /* index and trailer may have gone into a hole; what lies behind them is the end */
        uint64_t from = h->v[i].off < off ? h->v[i].off : off;
        uint64_t to = stop(&h->v[i]) < off ? stop(&h->v[i]) : off;
        tsr_store_LE64(at, from);
        tsr_store_LE64(at + 8, to - from);
    }
    tsr_store_LE64(at, f->space.own_from);
    tsr_store_LE32(at + 8, (uint32_t)h->n);
    tsr_store_LE32(at + 12, checksum(p, h->n * EXTENT + 12, &f->h));
    memcpy(at + 16, magic, sizeof magic);
    out->len += note->len;
    return TSR_OK;
}

size_t tsr_note_len(const uint8_t p[NOTE_TAIL])
{
    uint32_t n = tsr_load_LE32(p + 8);
    return memcmp(p + 16, magic, sizeof magic) == 0 && n <= NOTE_MOST ? n * EXTENT + NOTE_TAIL : 0;
}

void tsr_note_take(struct tsr_frame *f, const uint8_t *p, size_t len)
{
    const uint8_t *tail = p + len - NOTE_TAIL;
    size_t n = (len - NOTE_TAIL) / EXTENT;
    uint64_t own_from = tsr_load_LE64(tail), end = own_from, area = f->space.area;
    if (tsr_load_LE32(tail + 12) != checksum(p, len - 12, &f->h) || own_from > area) return;
    for (size_t i = 0; i < n; i++) {
        uint64_t off = tsr_load_LE64(p + i * EXTENT), more = tsr_load_LE64(p + i * EXTENT + 8);
        if (off < end || off > area || more > area - off) return;
        end = off + more;
    }
    f->space.own_from = own_from;
    for (size_t i = 0; i < n; i++)
        tsr_space_free(&f->space, tsr_load_LE64(p + i * EXTENT), tsr_load_LE64(p + i * EXTENT + 8),
                       false);
}

void tsr_note_settle(struct tsr_frame *f)
{
    uint64_t worth = f->space.end / 4 > WORTH_LEAST ? f->space.end / 4 : WORTH_LEAST;
    if (f->asked) return;
    f->asked = true;
    if (f->dirty || f->commits || f->space.waiting < worth) return;
    if (tsr_store_sync(f->st, "", false) == TSR_OK) tsr_space_settle(&f->space);
}
