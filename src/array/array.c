/* SPDX-License-Identifier: BSD-3-Clause */
/* array/array.c - the public face of N-dimensional arrays: checks, then the engine. */
#include "array/array.h"
#include "base/mem.h"

int tsr_array_open(const char *url, const tsr_options *opts, tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    int rc = tsr_engine_open(url, &o, out);
    if (rc < 0 || (*out)->d->format->kind == TSR_KIND_ARRAY) return rc;
    const char *format = (*out)->d->format->name;
    tsr_engine_close(*out);
    *out = NULL;
    return tsr_fail(TSR_EARG, "%s: holds no array (format %s): open it as a super-chunk", url,
                    format);
}

/* Chunks of one value that the index cannot name are stored one by one. */
static int fill_with(tsr_array *a, const void *item)
{
    struct tsr_selection sel;
    int rc = tsr_selection_init(&sel, &a->d->grid, NULL, item);
    for (int d = 0; d < sel.ndim; d++) sel.stride[d] = 0;
    sel.base = (uint8_t *)(uintptr_t)item;
    return rc < 0 ? rc : tsr_engine_write(a, &sel);
}

static bool index_names(const struct tsr_format *f, const tsr_spec *spec, int64_t item_bytes)
{
    if (spec->uninit || !spec->fill) return true;
    int kind = tsr_chunk_uniform(spec->fill, (size_t)item_bytes, (int32_t)item_bytes);
    return kind == TSR_SPECIAL_ZEROS || (kind == TSR_SPECIAL_NAN && f->names_nan);
}

int tsr_array_create(const char *url, const tsr_spec *spec, const tsr_options *opts,
                     tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_spec s = {.size = sizeof s};
    if (!spec || !spec->size) return tsr_fail(TSR_EARG, "tsr_spec.size is 0, expected its size");
    memcpy(&s, spec, tsr_minz(spec->size, sizeof s));
    if (s.ndim > 0 && !s.shape) return tsr_fail(TSR_EARG, "tsr_spec.shape is NULL");
    const struct tsr_format *f = o.format  ? tsr_format_named(o.format)
                                 : url     ? tsr_format_for_suffix(url)
                                           : NULL;
    if (o.format && !f) return TSR_EUNSUPPORTED;
    if (!f && !(f = tsr_format_named("b2nd"))) return TSR_EUNSUPPORTED;
    if (f->kind != TSR_KIND_ARRAY)
        return tsr_fail(TSR_EARG, "format %s: holds super-chunks, not arrays", f->name);
    int rc = tsr_engine_create(url, f, &s, &o, out);
    if (rc < 0 || index_names(f, &s, (*out)->d->grid.item_bytes)) return rc;
    if ((rc = fill_with(*out, s.fill)) < 0) {
        (*out)->d->format->close((*out)->d); /* unflushed: nothing is left behind */
        tsr_free(*out);
        *out = NULL;
    }
    return rc;
}

int tsr_array_close(tsr_array *a)
{
    return tsr_engine_close(a);
}

int tsr_array_flush(tsr_array *a)
{
    return tsr_engine_flush(a, false);
}

int tsr_array_sync(tsr_array *a)
{
    return tsr_engine_flush(a, true);
}

const tsr_spec *tsr_array_spec(const tsr_array *a)
{
    return &a->d->spec;
}

const char *tsr_array_format(const tsr_array *a)
{
    return a->d->format->name;
}

int tsr_array_stats(const tsr_array *a, tsr_stats *out)
{
    return tsr_engine_stats(a, out);
}

static int select_exactly(const tsr_array *a, const tsr_slice *s, const void *mem, size_t bytes,
                          struct tsr_selection *sel)
{
    int64_t want;
    int rc = tsr_selection_init(sel, &a->d->grid, s, mem);
    if (rc < 0) return rc;
    if (!tsr_mul(sel->nitems, a->d->grid.item_bytes, &want) || (uint64_t)want != bytes)
        return tsr_fail(TSR_EARG, "buffer of %zu bytes for %lld items of %lld bytes", bytes,
                        (long long)sel->nitems, (long long)a->d->grid.item_bytes);
    return TSR_OK;
}

int tsr_array_read(const tsr_array *a, const tsr_slice *s, void *dst, size_t dst_bytes)
{
    struct tsr_selection sel;
    int rc = select_exactly(a, s, dst, dst_bytes, &sel);
    return rc < 0 ? rc : tsr_engine_read(a, &sel);
}

int tsr_array_write(tsr_array *a, const tsr_slice *s, const void *src, size_t src_bytes)
{
    struct tsr_selection sel;
    int rc = select_exactly(a, s, src, src_bytes, &sel);
    return rc < 0 ? rc : tsr_engine_write(a, &sel);
}

/* ---- growing and shrinking ---- */

static int writable(const tsr_array *a, const char *what)
{
    if (!a->d->writable) return tsr_fail(TSR_EDENIED, "%s: opened read-only", a->d->store->url);
    if (!a->d->format->resize)
        return tsr_fail(TSR_EUNSUPPORTED, "format %s: cannot %s", a->d->format->name, what);
    return TSR_OK;
}

/* Zeroes items lo .. shape-1 of dimension d, up to the end of the chunk that lo lies in, so that
 * what a shrink cuts off does not come back when the array grows again (blosc2.md 10.2). */
static int clear_cut(tsr_array *a, int d, int64_t lo)
{
    const struct tsr_grid *g = &a->d->grid;
    int64_t start[TSR_MAX_NDIM] = {0}, count[TSR_MAX_NDIM];
    struct tsr_selection sel;
    if (lo == 0 || lo % g->chunk[d] == 0) return TSR_OK; /* those chunks go as a whole */
    memcpy(count, g->shape, sizeof count);
    start[d] = lo;
    count[d] = tsr_min64(g->shape[d], tsr_ceil_div(lo, g->chunk[d]) * g->chunk[d]) - lo;
    uint8_t *zero = tsr_alloc_zero(1, (size_t)g->item_bytes);
    if (!zero) return TSR_ENOMEM;
    int rc = tsr_selection_init(&sel, g, &(tsr_slice){start, count, NULL}, zero);
    for (int i = 0; i < sel.ndim; i++) sel.stride[i] = 0;
    if (rc == TSR_OK) rc = tsr_engine_write(a, &sel);
    tsr_free(zero);
    return rc;
}

int tsr_array_resize(tsr_array *a, const int64_t *shape)
{
    const struct tsr_grid *g = &a->d->grid;
    int rc = writable(a, "be resized");
    bool same = true, empty = false;
    for (int d = 0; d < g->ndim && rc == TSR_OK; d++) {
        if (shape[d] < 0)
            return tsr_fail(TSR_EARG, "shape[%d]: found %lld", d, (long long)shape[d]);
        same &= shape[d] == g->shape[d];
        empty |= shape[d] == 0;
    }
    if (rc < 0 || same) return rc;
    for (int d = 0; d < g->ndim && rc == TSR_OK && !empty; d++)
        if (shape[d] < g->shape[d]) rc = clear_cut(a, d, shape[d]);
    return rc < 0 ? rc : a->d->format->resize(a->d, shape);
}

int tsr_array_append(tsr_array *a, int axis, const void *src, size_t src_bytes)
{
    const struct tsr_grid *g = &a->d->grid;
    int64_t shape[TSR_MAX_NDIM], start[TSR_MAX_NDIM] = {0}, slab = g->item_bytes;
    int rc = writable(a, "grow");
    if (rc < 0) return rc;
    if (axis < 0 || axis >= g->ndim)
        return tsr_fail(TSR_EARG, "axis: found %d, the array has %d dimensions", axis, g->ndim);
    memcpy(shape, g->shape, sizeof shape);
    for (int d = 0; d < g->ndim; d++) slab *= d == axis ? 1 : shape[d];
    if (slab == 0 || src_bytes % (size_t)slab)
        return tsr_fail(TSR_EARG, "append of %zu bytes, expected a multiple of %lld", src_bytes,
                        (long long)slab);
    int64_t n = (int64_t)(src_bytes / (size_t)slab);
    start[axis] = shape[axis];
    if (!tsr_add(shape[axis], n, &shape[axis])) return tsr_fail(TSR_EARG, "shape overflows");
    if (n == 0) return TSR_OK;
    if ((rc = a->d->format->resize(a->d, shape)) < 0) return rc;
    rc = tsr_array_write(a, &(tsr_slice){start, NULL, NULL}, src, src_bytes);
    if (rc < 0) { /* the old shape: as if nothing had happened */
        char text[TSR_ERROR_MAX];
        tsr_error_save(text);
        shape[axis] -= n;
        a->d->format->resize(a->d, shape);
        tsr_error_restore(text);
    }
    return rc;
}

int tsr_array_to_frame(tsr_array *a, void **buf, size_t *len)
{
    return tsr_engine_to_frame(a, buf, len);
}

int tsr_array_from_frame(const void *buf, size_t len, int flags, const tsr_options *opts,
                         tsr_array **out)
{
    return tsr_engine_from_frame(buf, len, flags, "b2nd", opts, out);
}
