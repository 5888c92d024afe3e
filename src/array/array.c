/* SPDX-License-Identifier: BSD-3-Clause */
/* array/array.c - the public face of N-dimensional arrays: checks, then the engine. */
#include "array/array.h"
#include "array/heap.h"
#include "base/mem.h"
#include "net/url.h"

int tsr_array_open(const char *url, const tsr_options *opts, tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    if (!out) return tsr_fail(TSR_EARG, "no place for the handle");
    int rc = tsr_engine_open(url, &o, out);
    if (rc < 0 || (*out)->d->format->kind == TSR_KIND_ARRAY) return rc;
    const char *format = (*out)->d->format->name;
    tsr_engine_close(*out);
    *out = NULL;
    return tsr_fail(TSR_EARG, "%s: holds no array (format %s): open it as a super-chunk", url,
                    format);
}

/* Stores name the container themselves. */
int tsr_engine_blame(const struct tsr_array *a, int rc)
{
    if (rc == TSR_ECORRUPT || rc == TSR_EUNSUPPORTED) tsr_url_within(a->d->store->url);
    return rc;
}

/* Every item of a clipped array, one by one. */
static int fill_items(tsr_array *a, const void *item)
{
    struct tsr_selection sel;
    int rc = tsr_selection_init(&sel, &a->d->grid, NULL, item);
    for (int d = 0; d < sel.ndim; d++) sel.stride[d] = 0;
    sel.base = (uint8_t *)(uintptr_t)item;
    return rc < 0 ? rc : tsr_engine_write(a, &sel);
}

/* Chunks of one value that the index cannot name are stored one by one; all are the same few
 * bytes, padding included. */
static int fill_chunks(tsr_array *a, const void *item)
{
    enum { BATCH = 256 };
    struct tsr_driver *d = a->d;
    struct tsr_out_chunk first = {.nbytes = d->grid.chunk_bytes}, *c = NULL;
    int rc = d->format->begin(d, &first);
    if (rc < 0) return rc;
    first.special = TSR_SPECIAL_VALUE;
    first.value = item;
    first.head = tsr_alloc(first.head_bound);
    c = tsr_alloc_array(BATCH, sizeof *c);
    rc = first.head && c ? d->format->seal(d, &first) : TSR_ENOMEM;
    for (int64_t i = 0; i < d->grid.nchunks && rc == TSR_OK; i += BATCH) {
        size_t n = (size_t)tsr_min64(BATCH, d->grid.nchunks - i);
        for (size_t k = 0; k < n; k++) {
            c[k] = first;
            c[k].chunk = i + (int64_t)k;
        }
        rc = d->format->commit(d, c, n);
    }
    tsr_free(first.head);
    tsr_free(c);
    return rc;
}

static int fill_with(tsr_array *a, const void *item)
{
    return a->d->grid.padded ? fill_chunks(a, item) : fill_items(a, item);
}

static bool index_names(const struct tsr_format *f, const tsr_spec *spec, int64_t item_bytes)
{
    if (spec->uninit || !spec->fill || f->names_fill) return true;
    int kind = tsr_chunk_uniform(spec->fill, (size_t)item_bytes, (int32_t)item_bytes);
    return kind == TSR_SPECIAL_ZEROS || (kind == TSR_SPECIAL_NAN && f->names_nan);
}

static int copy_spec(const tsr_spec *spec, tsr_spec *s)
{
    *s = (tsr_spec){.size = sizeof *s};
    if (!spec || !spec->size) return tsr_fail(TSR_EARG, "tsr_spec.size is 0, expected its size");
    memcpy(s, spec, tsr_minz(spec->size, sizeof *s));
    if (s->ndim > 0 && !s->shape) return tsr_fail(TSR_EARG, "tsr_spec.shape is NULL");
    return TSR_OK;
}

/* The new array takes its first content. */
static int begin_content(tsr_array **out, const tsr_spec *s)
{
    const struct tsr_driver *d = (*out)->d;
    int64_t item_bytes = d->grid.item_bytes;
    int rc = TSR_OK;
    if (s->item_bytes && s->item_bytes != item_bytes)
        rc = tsr_fail(TSR_EARG, "tsr_spec.item_bytes: found %lld, the dtype's items have %lld",
                      (long long)s->item_bytes, (long long)item_bytes);
    else if (!index_names(d->format, s, item_bytes)) rc = fill_with(*out, s->fill);
    if (rc < 0) {
        tsr_engine_drop(*out); /* unflushed: nothing is left behind */
        *out = NULL;
    }
    return rc;
}

int tsr_array_create(const char *url, const tsr_spec *spec, const tsr_options *opts,
                     tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    const struct tsr_format *f;
    tsr_spec s;
    int rc = copy_spec(spec, &s);
    if (rc == TSR_OK) rc = tsr_engine_format(url, &o, &f);
    if (rc < 0) return rc;
    if (f->kind != TSR_KIND_ARRAY)
        return tsr_fail(TSR_EARG, "format %s: holds super-chunks, not arrays", f->name);
    rc = tsr_engine_create(url, f, &s, &o, out);
    return rc < 0 ? rc : begin_content(out, &s);
}

int tsr_array_create_node(struct tsr_store *tree, const char *path, const tsr_spec *spec,
                          const tsr_options *o, tsr_array **out)
{
    tsr_spec s;
    int rc = copy_spec(spec, &s);
    if (rc < 0) {
        tsr_store_close(tree);
        return rc;
    }
    rc = tsr_engine_create_node(tree, path, &s, o, out);
    return rc < 0 ? rc : begin_content(out, &s);
}

int tsr_array_close(tsr_array *a)
{
    return tsr_engine_close(a);
}

void tsr_array_drop(tsr_array *a)
{
    tsr_engine_drop(a);
}

int tsr_array_flush(tsr_array *a)
{
    return tsr_engine_flush(a, false);
}

int tsr_array_sync(tsr_array *a)
{
    return tsr_engine_flush(a, true);
}

int tsr_array_refresh(tsr_array *a, bool *changed)
{
    bool unused;
    return tsr_engine_refresh(a, changed ? changed : &unused);
}

int tsr_array_lock(tsr_array *a)
{
    bool unused;
    return tsr_engine_hold(a, &unused);
}

int tsr_array_unlock(tsr_array *a)
{
    return tsr_engine_unhold(a);
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
    tsr_stats s = tsr_engine_stats(a);
    return tsr_hand_out(out, &s, sizeof s, "tsr_stats");
}

int tsr_array_cbytes(const tsr_array *a, int64_t *out)
{
    if (!a || !out) return tsr_fail(TSR_EARG, "no %s", a ? "place for the number" : "array");
    if (a->d->format->measure) return a->d->format->measure(a->d, out);
    *out = tsr_engine_stats(a).cbytes;
    return TSR_OK;
}

static int select_exactly(const tsr_array *a, const tsr_slice *s, const void *mem, size_t bytes,
                          const char *what, struct tsr_selection *sel)
{
    int64_t want;
    if (!a || (!mem && bytes)) return tsr_fail(TSR_EARG, "no %s", a ? "buffer" : "array");
    if (a->d->loose) return tsr_heap_wanted(a, what);
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
    int rc = select_exactly(a, s, dst, dst_bytes, "read", &sel);
    return rc < 0 ? rc : tsr_engine_read(a, &sel);
}

int tsr_array_write(tsr_array *a, const tsr_slice *s, const void *src, size_t src_bytes)
{
    struct tsr_selection sel;
    bool anew;
    int rc = a ? tsr_engine_begin(a, &anew) : TSR_OK;
    if (rc == TSR_OK) rc = select_exactly(a, s, src, src_bytes, "write", &sel);
    return rc < 0 ? rc : tsr_engine_write(a, &sel);
}

int tsr_array_to_frame(tsr_array *a, void **buf, size_t *len)
{
    return tsr_engine_to_frame(a, false, buf, len);
}

int tsr_array_from_frame(const void *buf, size_t len, int flags, const tsr_options *opts,
                         tsr_array **out)
{
    return tsr_engine_from_frame(buf, len, flags, "b2nd", opts, out);
}
