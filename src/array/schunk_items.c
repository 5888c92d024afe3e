/* SPDX-License-Identifier: BSD-3-Clause */
/* array/schunk_items.c - the items of super-chunks: reading, writing, appending.
 *
 * The last chunk, while it is short, is kept decoded (`tail`): appends fill it and encode it once,
 * when it is full or flushed, so that n appends of one item cost n copies and not n
 * recompressions.
 *
 *   |  chunk 0  |  chunk 1  | ... |  tail     .....|
 *   0                             tail_at          nbytes = tail_at + tail_len while `tail_dirty`
 */
#include "array/schunk.h"
#include "base/mem.h"

static struct tsr_selection select_bytes(int64_t start, int64_t n, const void *mem)
{
    struct tsr_selection sel = {.ndim = 1, .nitems = n, .base = (uint8_t *)(uintptr_t)mem};
    sel.start[0] = start;
    sel.count[0] = n;
    sel.step[0] = sel.stride[0] = 1;
    return sel;
}

static int read_bytes(const tsr_schunk *s, int64_t start, int64_t n, void *dst)
{
    struct tsr_selection sel = select_bytes(start, n, dst);
    return tsr_engine_read(s->a, &sel);
}

static int write_bytes(tsr_schunk *s, int64_t start, int64_t n, const void *src)
{
    struct tsr_selection sel = select_bytes(start, n, src);
    return tsr_engine_write(s->a, &sel);
}

static int resize_bytes(tsr_schunk *s, int64_t nbytes)
{
    return tsr_engine_resize(s->a, &nbytes);
}

/* ---- the tail ---- */

/* Encodes what the tail holds.  The container grows by it, or its last chunk changes size: it is
 * resized first, and the chunk committed whole. */
int tsr_schunk_settle(tsr_schunk *s)
{
    int rc = schunk_stored_bytes(s) == s->nbytes ? TSR_OK : resize_bytes(s, s->nbytes);
    if (rc < 0 || !s->tail_dirty) return rc;
    rc = write_bytes(s, s->tail_at, s->nbytes - s->tail_at, s->tail);
    if (rc == TSR_OK) s->tail_dirty = false;
    return rc;
}

int tsr_schunk_untail(tsr_schunk *s)
{
    int rc = tsr_schunk_settle(s);
    if (rc < 0) return rc;
    tsr_free(s->tail);
    s->tail = NULL;
    return TSR_OK;
}

/* Makes the tail hold the chunk that byte nbytes falls into: the short last one, or a new one. */
static int tail_take(tsr_schunk *s)
{
    int64_t chunk = schunk_chunk_bytes(s), at = s->nbytes / chunk * chunk;
    if (s->tail && s->tail_at == at) return TSR_OK;
    int rc = tsr_schunk_settle(s);
    if (rc < 0) return rc; /* what it holds is nowhere else: it stays */
    if (!s->tail && !(s->tail = tsr_alloc((size_t)chunk))) return TSR_ENOMEM;
    if (s->nbytes > at) rc = read_bytes(s, at, s->nbytes - at, s->tail);
    if (rc < 0) {
        tsr_free(s->tail);
        s->tail = NULL;
        return rc;
    }
    s->tail_at = at;
    return TSR_OK;
}

/* ---- items ---- */

static int check_items(const tsr_schunk *s, int64_t start, int64_t n, int64_t *from, int64_t *len)
{
    int64_t end, item = s->spec.item_bytes;
    if (start < 0 || n < 0 || start > tsr_schunk_nitems(s) || !tsr_add(start, n, &end) ||
        !tsr_mul(end, item, &end))
        return tsr_fail(TSR_EARG, "items %lld .. %lld + %lld: the super-chunk has %lld",
                        (long long)start, (long long)start, (long long)n,
                        (long long)tsr_schunk_nitems(s));
    *from = start * item;
    *len = n * item;
    return TSR_OK;
}

int tsr_schunk_begin(tsr_schunk *s)
{
    bool anew;
    int rc = tsr_engine_begin(s->a, &anew);
    if (rc < 0) return rc;
    if (anew) tsr_schunk_start_anew(s);
    if (s->a->d->writable && s->a->d->format->resize) return TSR_OK;
    return tsr_fail(TSR_EDENIED, "%s: opened read-only", s->a->d->store->url);
}

int tsr_schunk_get_bytes(const tsr_schunk *s, int64_t from, int64_t len, uint8_t *dst)
{
    int64_t in_tail = s->tail ? tsr_max64(from + len - tsr_max64(s->tail_at, from), 0) : 0;
    int64_t before = len - in_tail;
    if (in_tail) memcpy(dst + before, s->tail + (from + before - s->tail_at), (size_t)in_tail);
    return before ? read_bytes(s, from, before, dst) : TSR_OK;
}

int tsr_schunk_get(const tsr_schunk *s, int64_t start, int64_t n, void *dst)
{
    int64_t from = 0, len = 0;
    int rc = check_items(s, start, n, &from, &len);
    if (rc < 0) return rc;
    if (from + len > s->nbytes)
        return tsr_fail(TSR_EARG, "items %lld .. %lld: the super-chunk has %lld", (long long)start,
                        (long long)(start + n), (long long)tsr_schunk_nitems(s));
    return tsr_schunk_get_bytes(s, from, len, dst);
}

/* As if nothing had been appended to the old bytes; the text of the failure stays.  The tail
 * still holds the beginning of their last chunk, which may be stored as another by now. */
static void undo_append(tsr_schunk *s, int64_t old)
{
    char text[TSR_ERROR_MAX];
    tsr_error_save(text);
    s->nbytes = old;
    if (old % schunk_chunk_bytes(s)) s->tail_dirty = true;
    if (schunk_stored_bytes(s) > old) resize_bytes(s, old); /* else the next flush does it */
    tsr_error_restore(text);
}

/* Appends to the last chunk, which the tail holds. */
static int append_head(tsr_schunk *s, int64_t len, const uint8_t *src)
{
    memcpy(s->tail + (s->nbytes - s->tail_at), src, (size_t)len);
    s->nbytes += len;
    s->tail_dirty = true;
    return s->nbytes - s->tail_at == schunk_chunk_bytes(s) ? tsr_schunk_settle(s) : TSR_OK;
}

/* Appends whole chunks. */
static int append_body(tsr_schunk *s, int64_t len, const uint8_t *src)
{
    int rc = resize_bytes(s, s->nbytes + len);
    if (rc == TSR_OK) rc = write_bytes(s, s->nbytes, len, src);
    if (rc == TSR_OK) s->nbytes += len;
    return rc;
}

/* What is stored may have been appended to before. */
int tsr_schunk_put_sized(tsr_schunk *s, int64_t i, bool insert, const void *src, size_t n)
{
    int rc = tsr_sized_put(s->a, i, insert, src, n);
    s->nbytes = schunk_stored_bytes(s);
    return rc;
}

/* What completes the last chunk, whole chunks, and what begins the new last one.  The tail
 * leaves the old last chunk when nothing can fail any more. */
int tsr_schunk_append_bytes(tsr_schunk *s, int64_t len, const uint8_t *src)
{
    if (schunk_is_variable(s))
        return len ? tsr_schunk_put_sized(s, s->a->d->nchunks, true, src, (size_t)len) : TSR_OK;
    int64_t chunk = schunk_chunk_bytes(s), old = s->nbytes, fill = old % chunk;
    int64_t head = fill ? tsr_min64(len, chunk - fill) : 0, rest = (len - head) % chunk;
    int64_t body = len - head - rest;
    int rc = fill || rest ? tail_take(s) : tsr_schunk_untail(s);
    if (rc < 0 || len == 0) return rc;
    if (head) rc = append_head(s, head, src);
    if (rc == TSR_OK && body) rc = append_body(s, body, src + head);
    if (rc < 0) {
        undo_append(s, old);
    } else if (body || rest) {
        s->tail_at = s->nbytes;
        if (rest) rc = append_head(s, rest, src + head + body);
    }
    return rc;
}

int tsr_schunk_set_bytes(tsr_schunk *s, int64_t from, int64_t len, const uint8_t *src)
{
    int64_t in_tail = s->tail ? tsr_max64(from + len - tsr_max64(s->tail_at, from), 0) : 0;
    int64_t before = len - in_tail;
    if (in_tail) {
        memcpy(s->tail + (from + before - s->tail_at), src + before, (size_t)in_tail);
        s->tail_dirty = true;
    }
    return before ? write_bytes(s, from, before, src) : TSR_OK;
}

int tsr_schunk_set(tsr_schunk *s, int64_t start, int64_t n, const void *src)
{
    int64_t from = 0, len = 0;
    int rc = tsr_schunk_begin(s);
    if (rc == TSR_OK) rc = check_items(s, start, n, &from, &len);
    if (rc < 0 || len == 0) return rc;
    int64_t old = tsr_min64(len, s->nbytes - from);
    if (old > 0) rc = tsr_schunk_set_bytes(s, from, old, src);
    return rc == TSR_OK ? tsr_schunk_append_bytes(s, len - old, (const uint8_t *)src + old) : rc;
}

int tsr_schunk_append(tsr_schunk *s, int64_t n, const void *src)
{
    int rc = tsr_schunk_begin(s);
    return rc < 0 ? rc : tsr_schunk_set(s, tsr_schunk_nitems(s), n, src);
}
