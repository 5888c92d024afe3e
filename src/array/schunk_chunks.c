/* SPDX-License-Identifier: BSD-3-Clause */
/* array/schunk_chunks.c - decoded chunks of super-chunks by number: read, replaced, inserted,
 * deleted and put in another order.
 *
 * Equal chunks are bytes at a known place (schunk_items.c), one of them perhaps the tail; chunks of
 * any size are asked for theirs (sized.c). */
#include "array/schunk.h"

int tsr_schunk_check(const tsr_schunk *s, int64_t i, int64_t end)
{
    if (i >= 0 && i < end) return TSR_OK;
    return tsr_fail(TSR_EARG, "chunk %lld: the super-chunk has %lld", (long long)i,
                    (long long)tsr_schunk_nchunks(s));
}

int tsr_chunk_check_there(const struct tsr_array *a, int64_t i)
{
    if (i < tsr_driver_nchunks(a->d)) return TSR_OK;
    return tsr_fail(TSR_ECONFLICT, "%s: another left %lld chunks, number %lld is wanted: refresh",
                    a->d->store->url, (long long)tsr_driver_nchunks(a->d), (long long)i);
}

static int size_of(const struct tsr_array *a, void *arg)
{
    struct chunk_read *r = arg;
    int rc = tsr_chunk_check_there(a, r->i);
    return rc < 0 ? rc : a->d->format->chunk_size(a->d, r->i, &r->n);
}

static int read_sized(const struct tsr_array *a, void *arg)
{
    const struct chunk_read *r = arg;
    int64_t n = 0;
    int rc = tsr_chunk_check_there(a, r->i);
    if (rc == TSR_OK) rc = a->d->format->chunk_size(a->d, r->i, &n);
    if (rc == TSR_OK && n != r->n)
        rc = tsr_fail(TSR_ECONFLICT, "%s: another made chunk %lld %lld bytes long, expected %lld",
                      a->d->store->url, (long long)r->i, (long long)n, (long long)r->n);
    return rc < 0 ? rc : tsr_sized_read_chunk(a, r->i, r->dst, n);
}

int tsr_schunk_chunk_bytes(const tsr_schunk *s, int64_t i, int64_t *bytes)
{
    int rc = tsr_schunk_check(s, i, tsr_schunk_nchunks(s));
    struct chunk_read r = {.i = i};
    if (rc == TSR_OK && schunk_is_variable(s)) {
        rc = tsr_follow_read(s->a, size_of, &r);
        *bytes = r.n;
        return rc;
    }
    if (rc == TSR_OK)
        *bytes = tsr_min64(schunk_chunk_bytes(s), s->nbytes - i * schunk_chunk_bytes(s));
    return rc;
}

int tsr_schunk_read_chunk(const tsr_schunk *s, int64_t i, void *dst, size_t dst_bytes)
{
    int64_t n = 0;
    int rc = tsr_schunk_chunk_bytes(s, i, &n);
    if (rc < 0) return rc;
    if ((uint64_t)n != dst_bytes)
        return tsr_fail(TSR_EARG, "buffer of %zu bytes for chunk %lld of %lld", dst_bytes,
                        (long long)i, (long long)n);
    if (schunk_is_variable(s))
        return tsr_follow_read(s->a, read_sized, &(struct chunk_read){.i = i, .n = n, .dst = dst});
    return tsr_schunk_get_bytes(s, i * schunk_chunk_bytes(s), n, dst);
}

int tsr_schunk_update_chunk(tsr_schunk *s, int64_t i, const void *src, size_t src_bytes)
{
    int64_t n = 0;
    int rc = tsr_schunk_begin(s);
    if (rc == TSR_OK) rc = tsr_schunk_chunk_bytes(s, i, &n);
    if (rc == TSR_OK && schunk_is_variable(s))
        return tsr_schunk_put_sized(s, i, false, src, src_bytes);
    if (rc < 0) return rc;
    if ((uint64_t)n != src_bytes)
        return tsr_fail(TSR_EARG, "chunk %lld holds %lld bytes, %zu given", (long long)i,
                        (long long)n, src_bytes);
    return tsr_schunk_set_bytes(s, i * schunk_chunk_bytes(s), n, src);
}

/* As if nothing had happened; the text of the failure stays. */
static void undo_insert(tsr_schunk *s, int64_t i)
{
    char text[TSR_ERROR_MAX];
    tsr_error_save(text);
    if (s->a->d->format->chunk_delete(s->a->d, i) == TSR_OK) s->nbytes -= schunk_chunk_bytes(s);
    tsr_engine_forget(s->a);
    tsr_error_restore(text);
}

int tsr_schunk_insert_chunk(tsr_schunk *s, int64_t i, const void *src, size_t src_bytes)
{
    int rc = tsr_schunk_begin(s);
    int64_t chunk = schunk_chunk_bytes(s), n = tsr_schunk_nchunks(s);
    if (rc == TSR_OK) rc = tsr_schunk_check(s, i, n + 1);
    if (rc == TSR_OK && schunk_is_variable(s))
        return tsr_schunk_put_sized(s, i, true, src, src_bytes);
    if (rc < 0) return rc;
    bool at_end = i == n && s->nbytes % chunk == 0;
    if (src_bytes == 0 || src_bytes % (size_t)s->spec.item_bytes || (int64_t)src_bytes > chunk ||
        ((int64_t)src_bytes < chunk && !at_end) || (i == n && !at_end))
        return tsr_fail(TSR_EARG,
                        "insert %zu bytes before chunk %lld of %lld: expected %lld "
                        "(only after a full last chunk fewer)",
                        src_bytes, (long long)i, (long long)n, (long long)chunk);
    if (i == n) return tsr_schunk_append_bytes(s, (int64_t)src_bytes, src);
    if ((rc = tsr_schunk_untail(s)) < 0) return rc;
    rc = s->a->d->format->chunk_insert(s->a->d, i);
    tsr_engine_forget(s->a);
    if (rc < 0) return rc;
    s->nbytes += chunk;
    if ((rc = tsr_schunk_set_bytes(s, i * chunk, chunk, src)) < 0) undo_insert(s, i);
    return rc;
}

int tsr_schunk_delete_chunk(tsr_schunk *s, int64_t i)
{
    int64_t n = 0;
    int rc = tsr_schunk_begin(s);
    if (rc == TSR_OK) rc = tsr_schunk_chunk_bytes(s, i, &n);
    if (rc == TSR_OK) rc = tsr_schunk_untail(s);
    if (rc == TSR_OK) rc = s->a->d->format->chunk_delete(s->a->d, i);
    if (rc == TSR_OK) s->nbytes -= n;
    if (rc == TSR_OK) tsr_sized_forget(s->a);
    tsr_engine_forget(s->a);
    return rc;
}

int tsr_schunk_reorder(tsr_schunk *s, const int64_t *order)
{
    int rc = tsr_schunk_begin(s);
    int64_t n = tsr_schunk_nchunks(s);
    if (rc == TSR_OK && n && !order) rc = tsr_fail(TSR_EARG, "reorder: no order is given");
    if (rc == TSR_OK && !s->a->d->format->chunk_reorder)
        rc = tsr_fail(TSR_EUNSUPPORTED, "format %s: cannot be reordered", tsr_schunk_format(s));
    for (int64_t i = 0; i < n && rc == TSR_OK; i++) rc = tsr_schunk_check(s, order[i], n);
    if (rc == TSR_OK) rc = tsr_schunk_untail(s);
    if (rc == TSR_OK && n) rc = s->a->d->format->chunk_reorder(s->a->d, order);
    tsr_sized_forget(s->a);
    tsr_engine_forget(s->a);
    return rc;
}
