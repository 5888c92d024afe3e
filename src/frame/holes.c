/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/holes.c - the holes that a frame already had when it was opened.
 *
 * Nothing in the file lists them: they are what lies between the chunks, and where a chunk ends
 * only its own header says.  To look costs a small read per chunk, so it is done once per handle,
 * and only when the file has grown by more than the search may cost; without it every session
 * that rewrites an array would leave one more dead copy behind.
 *
 *   0                                       own_from
 *   | chunk | hole | chunk | dropped | hole | index, trailer, what this handle wrote ...
 *
 * An older state on the device may use these holes, in case the machine dies; so the state that
 * does not is synced first.  A file whose chunks overlap, or whose headers make no sense, is left
 * as it is. */
#include "frame/priv.h"

enum { GROWN_LEAST = 1 << 20, GROWN_PER_CHUNK = 64 };

/* The chunks below own_from that the opened state has: those still named, and those dropped. */
static int collect_old(const struct tsr_frame *f, struct frame_extents *old)
{
    const struct frame_extents *dropped = &f->space.dropped;
    bool ok = true;
    for (size_t page = 0; page * PAGE_ENTRIES < (size_t)f->facts.nchunks; page++) {
        const int64_t *v;
        bool one;
        int rc = tsr_index_page(&f->index, page, &v, &one);
        if (rc < 0) return rc;
        size_t n = (size_t)f->facts.nchunks - page * PAGE_ENTRIES;
        if (n > PAGE_ENTRIES) n = PAGE_ENTRIES;
        if (one) continue; /* all special: nothing stored */
        for (size_t i = 0; i < n && ok; i++)
            if (v[i] >= 0 && !(v[i] & ENTRY_FRESH) && (uint64_t)v[i] < f->space.own_from)
                ok = tsr_extents_add(old, (uint64_t)v[i], 0);
    }
    for (size_t i = 0; i < dropped->n && ok; i++) ok = tsr_extents_add(old, dropped->v[i].off, 0);
    return ok ? TSR_OK : TSR_ENOMEM;
}

/* Reads where each ends; ECORRUPT unless they lie apart from each other below own_from. */
static int measure(const struct tsr_frame *f, struct frame_extents *old)
{
    uint64_t end = 0;
    tsr_extents_sort(old);
    for (size_t i = 0; i < old->n; i++) {
        struct frame_extent *e = &old->v[i];
        uint8_t head[16];
        if (e->off < end || f->space.own_from - e->off < sizeof head)
            return tsr_fail(TSR_ECORRUPT, "frame: chunks overlap at byte %llu of the chunks area",
                            (unsigned long long)e->off);
        uint64_t at = (uint64_t)f->h.header_len + e->off;
        int rc = tsr_store_read(f->st, "", at, head, sizeof head);
        if (rc < 0) return rc;
        e->len = tsr_load_LE32(head + 12);
        if (e->len < sizeof head || e->len > f->space.own_from - e->off)
            return tsr_fail(TSR_ECORRUPT, "frame: chunk at byte %llu: cbytes %llu",
                            (unsigned long long)at, (unsigned long long)e->len);
        end = e->off + e->len;
    }
    return TSR_OK;
}

/* What no chunk covers is free; what was dropped becomes so with the next commit. */
static void take(struct frame_space *s, const struct frame_extents *old)
{
    uint64_t end = 0;
    struct frame_extents *d = &s->dropped;
    tsr_extents_sort(d);
    for (size_t i = 0, k = 0; i < old->n; i++) {
        const struct frame_extent *e = &old->v[i];
        if (e->off > end) tsr_space_free(s, end, e->off - end, true);
        end = e->off + e->len;
        if (k < d->n && d->v[k].off == e->off) tsr_space_free(s, e->off, e->len, false), k++;
    }
    if (s->own_from > end) tsr_space_free(s, end, s->own_from - end, true);
    d->n = 0;
    s->own_all = true;
}

void tsr_frame_find_holes(struct tsr_frame *f, uint64_t len)
{
    uint64_t enough = (uint64_t)f->facts.nchunks * GROWN_PER_CHUNK;
    struct frame_extents old = {0};
    if (enough < GROWN_LEAST) enough = GROWN_LEAST;
    if (f->searched || f->space.own_from == 0 || f->space.end + len <= f->opened_end + enough)
        return;
    f->searched = true;
    int rc = collect_old(f, &old);
    if (rc == TSR_OK) rc = measure(f, &old);
    if (rc == TSR_OK) rc = tsr_store_sync(f->st, "", false);
    if (rc == TSR_OK) take(&f->space, &old);
    tsr_free(old.v);
}
