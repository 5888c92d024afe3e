/* SPDX-License-Identifier: BSD-3-Clause */
/* array/schunk.c - super-chunks as a whole: opening, what they are, flushes, frames.
 *
 * The container is a 1-D row of bytes (format/b2frame.c) over the same engine as arrays; here
 * bytes become items.  Before the container is flushed, asked as a whole or given away, the tail of
 * the handle (schunk_items.c) is stored; when others changed it, the tail is void. */
#include "array/schunk.h"
#include "base/mem.h"

/* ---- open and close ---- */

/* What the container says, after it was opened. */
static void take_sizes(tsr_schunk *s)
{
    const struct tsr_array *a = s->a;
    const tsr_spec *as = &a->d->spec;
    s->nbytes = schunk_stored_bytes(s);
    s->spec = (tsr_schunk_spec){.size = sizeof s->spec,
                                .item_bytes = as->item_bytes,
                                .chunk_bytes = schunk_is_variable(s) ? 0 : schunk_chunk_bytes(s),
                                .variable = schunk_is_variable(s),
                                .block_bytes = a->d->grid.block[0],
                                .steps = as->steps,
                                .nsteps = as->nsteps,
                                .split = as->split,
                                .metas = as->metas,
                                .nmetas = as->nmetas,
                                .checksum = as->checksum};
}

int tsr_schunk_make(struct tsr_array *a, tsr_schunk **out)
{
    tsr_schunk *s = tsr_alloc_zero(1, sizeof *s);
    if (!s) {
        tsr_engine_drop(a);
        return TSR_ENOMEM;
    }
    s->a = a;
    take_sizes(s);
    *out = s;
    return TSR_OK;
}

void tsr_schunk_start_anew(tsr_schunk *s)
{
    tsr_free(s->tail);
    s->tail = NULL;
    s->tail_dirty = false;
    take_sizes(s);
}

int tsr_schunk_refresh(tsr_schunk *s, bool *changed)
{
    bool anew;
    int rc = tsr_engine_refresh(s->a, &anew);
    if (anew) tsr_schunk_start_anew(s);
    if (changed) *changed = anew;
    return rc;
}

int tsr_schunk_open(const char *url, const tsr_options *opts, tsr_schunk **out)
{
    tsr_options o = tsr_options_complete(opts);
    struct tsr_array *a;
    int rc = tsr_engine_open(url, &o, &a);
    if (rc < 0) return rc;
    if (a->d->format->kind != TSR_KIND_ARRAY) return tsr_schunk_make(a, out);
    /* a Blosc2 array is a super-chunk too, when asked for as one */
    const char *format = a->d->format->name;
    tsr_engine_close(a);
    return tsr_fail(TSR_EARG,
                    "%s: an array (format %s), not a super-chunk; format b2frame shows "
                    "the chunks below a b2nd array",
                    url, format);
}

static int complete_spec(const tsr_schunk_spec *spec, tsr_schunk_spec *s)
{
    enum { DEFAULT_CHUNK = 4 << 20 };
    *s = (tsr_schunk_spec){.size = sizeof *s};
    if (spec && spec->size) memcpy(s, spec, tsr_minz(spec->size, sizeof *s));
    if (!s->item_bytes) s->item_bytes = 1;
    if (s->item_bytes < 0 || s->item_bytes > TSR_BLOCK_MAX)
        return tsr_fail(TSR_EARG, "item_bytes: found %lld, expected 1..%d",
                        (long long)s->item_bytes, TSR_BLOCK_MAX);
    if (s->variable) s->chunk_bytes = 0;
    else if (!s->chunk_bytes)
        s->chunk_bytes = tsr_max64(DEFAULT_CHUNK / s->item_bytes, 1) * s->item_bytes;
    if (s->chunk_bytes < 0 || s->chunk_bytes % s->item_bytes || s->block_bytes < 0 ||
        s->block_bytes > TSR_BLOCK_MAX)
        return tsr_fail(TSR_EARG,
                        "chunk_bytes %lld, block_bytes %lld: expected whole items of "
                        "%lld bytes, blocks up to %d",
                        (long long)s->chunk_bytes, (long long)s->block_bytes,
                        (long long)s->item_bytes, TSR_BLOCK_MAX);
    return TSR_OK;
}

int tsr_schunk_create_below(const char *url, const tsr_schunk_spec *spec, const tsr_options *opts,
                            struct tsr_array **out)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_schunk_spec s;
    int rc = complete_spec(spec, &s);
    if (rc < 0) return rc;
    const struct tsr_format *f = tsr_format_named(o.format ? o.format : "b2frame");
    if (!f) return TSR_EUNSUPPORTED;
    if (f->kind != TSR_KIND_SCHUNK)
        return tsr_fail(TSR_EARG, "format %s: does not hold super-chunks", f->name);
    int64_t zero = 0;
    tsr_spec as = {.size = sizeof as,
                   .item_bytes = s.item_bytes,
                   .ndim = 1,
                   .shape = &zero,
                   .chunks = &s.chunk_bytes,
                   .blocks = s.block_bytes ? &s.block_bytes : NULL,
                   .steps = s.steps,
                   .nsteps = s.nsteps,
                   .split = s.split,
                   .metas = s.metas,
                   .nmetas = s.nmetas,
                   .checksum = s.checksum};
    return tsr_engine_create(url, f, &as, &o, out);
}

int tsr_schunk_create(const char *url, const tsr_schunk_spec *spec, const tsr_options *opts,
                      tsr_schunk **out)
{
    struct tsr_array *a;
    int rc = tsr_schunk_create_below(url, spec, opts, &a);
    return rc < 0 ? rc : tsr_schunk_make(a, out);
}

/* The spec with what is 0 in it filled in. */
static int changed_spec(const tsr_schunk *s, const tsr_schunk_spec *spec, tsr_schunk_spec *now)
{
    const tsr_schunk_spec *is = &s->spec;
    *now = (tsr_schunk_spec){.size = sizeof *now};
    if (spec && spec->size) memcpy(now, spec, tsr_minz(spec->size, sizeof *now));
    if (!now->item_bytes) now->item_bytes = is->item_bytes;
    if (!now->chunk_bytes || is->variable) now->chunk_bytes = is->chunk_bytes;
    if (now->item_bytes > 0 && now->chunk_bytes >= 0 && now->chunk_bytes % now->item_bytes == 0 &&
        ((now->item_bytes == is->item_bytes && now->chunk_bytes == is->chunk_bytes) ||
         s->nbytes == 0))
        return TSR_OK;
    return tsr_fail(TSR_EARG,
                    "items of %lld bytes in chunks of %lld: there are %lld bytes of items of %lld "
                    "in chunks of %lld",
                    (long long)now->item_bytes, (long long)now->chunk_bytes, (long long)s->nbytes,
                    (long long)is->item_bytes, (long long)is->chunk_bytes);
}

int tsr_schunk_set_spec(tsr_schunk *s, const tsr_schunk_spec *spec)
{
    tsr_schunk_spec now;
    struct tsr_cparams p;
    int rc = tsr_schunk_begin(s);
    if (rc == TSR_OK && !s->a->d->format->set_cparams)
        rc = tsr_fail(TSR_EUNSUPPORTED, "format %s: chunks are made as they are",
                      tsr_schunk_format(s));
    if (rc == TSR_OK) rc = changed_spec(s, spec, &now);
    if (rc == TSR_OK) rc = tsr_cparams_from_spec(&p, &now, s->a->context);
    if (rc == TSR_OK) rc = tsr_schunk_untail(s);
    if (rc == TSR_OK) rc = s->a->d->format->set_cparams(s->a->d, &p, now.chunk_bytes);
    tsr_engine_forget(s->a);
    if (rc == TSR_OK) take_sizes(s);
    return rc;
}

static int flush(tsr_schunk *s, bool durable)
{
    const struct tsr_driver *was = s->a->d;
    int rc = tsr_schunk_settle(s);
    if (rc == TSR_OK) rc = tsr_engine_flush(s->a, durable);
    if (s->a->d != was) tsr_schunk_start_anew(s); /* the lock was given back */
    return rc;
}

int tsr_schunk_flush(tsr_schunk *s)
{
    return flush(s, false);
}

int tsr_schunk_sync(tsr_schunk *s)
{
    return flush(s, true);
}

int tsr_schunk_lock(tsr_schunk *s)
{
    bool anew;
    const struct tsr_driver *was = s->a->d;
    int rc = tsr_schunk_settle(s);
    if (rc == TSR_OK) rc = tsr_engine_hold(s->a, &anew);
    if (s->a->d != was) tsr_schunk_start_anew(s);
    return rc;
}

int tsr_schunk_unlock(tsr_schunk *s)
{
    const struct tsr_driver *was = s->a->d;
    int rc = tsr_schunk_settle(s);
    if (rc == TSR_OK) rc = tsr_engine_unhold(s->a);
    if (s->a->d != was) tsr_schunk_start_anew(s); /* the lock was given back */
    return rc;
}

int64_t tsr_schunk_change_tick(const tsr_schunk *s)
{
    return tsr_array_change_tick(s->a);
}

int tsr_schunk_close(tsr_schunk *s)
{
    char text[TSR_ERROR_MAX];
    if (!s) return TSR_OK;
    int rc = tsr_schunk_settle(s);
    if (rc == TSR_OK) {
        rc = tsr_engine_close(s->a);
    } else { /* an unfinished last chunk must not be committed */
        tsr_error_save(text);
        tsr_engine_drop(s->a);
        tsr_error_restore(text);
    }
    tsr_free(s->tail);
    tsr_free(s);
    return rc;
}

void tsr_schunk_drop(tsr_schunk *s)
{
    if (!s) return;
    tsr_engine_drop(s->a);
    tsr_free(s->tail);
    tsr_free(s);
}

struct tsr_array *tsr_schunk_array(tsr_schunk *s)
{
    return s->a;
}

const tsr_schunk_spec *tsr_schunk_spec_of(const tsr_schunk *s)
{
    return &s->spec;
}

const char *tsr_schunk_format(const tsr_schunk *s)
{
    return s->a->d->format->name;
}

int64_t tsr_schunk_nchunks(const tsr_schunk *s)
{
    return schunk_is_variable(s) ? s->a->d->nchunks
                                 : tsr_ceil_div(s->nbytes, schunk_chunk_bytes(s));
}

int64_t tsr_schunk_nitems(const tsr_schunk *s)
{
    return s->nbytes / s->spec.item_bytes;
}

int tsr_schunk_stats(const tsr_schunk *s, tsr_stats *out)
{
    tsr_stats stats = tsr_engine_stats(s->a);
    stats.nbytes = s->nbytes;
    stats.nchunks = tsr_schunk_nchunks(s);
    return tsr_hand_out(out, &stats, sizeof stats, "tsr_stats");
}

/* ---- frames and metalayers ---- */

int tsr_schunk_to_frame(tsr_schunk *s, void **buf, size_t *len)
{
    int rc = tsr_schunk_settle(s);
    return rc < 0 ? rc : tsr_engine_to_frame(s->a, false, buf, len);
}

int tsr_schunk_take_frame(tsr_schunk *s, void **buf, size_t *len)
{
    char text[TSR_ERROR_MAX];
    int rc = tsr_schunk_settle(s);
    if (rc == TSR_OK) rc = tsr_engine_to_frame(s->a, true, buf, len);
    tsr_error_save(text);
    tsr_schunk_drop(s);
    tsr_error_restore(text);
    return rc;
}

int tsr_schunk_from_frame(const void *buf, size_t len, int flags, const tsr_options *opts,
                          tsr_schunk **out)
{
    struct tsr_array *a;
    int rc = tsr_engine_from_frame(buf, len, flags, "b2frame", opts, &a);
    return rc < 0 ? rc : tsr_schunk_make(a, out);
}

int tsr_schunk_meta_count(const tsr_schunk *s, tsr_meta_kind kind)
{
    return tsr_array_meta_count(s->a, kind);
}

const char *tsr_schunk_meta_name(const tsr_schunk *s, tsr_meta_kind kind, int i)
{
    return tsr_array_meta_name(s->a, kind, i);
}

int tsr_schunk_meta_get(const tsr_schunk *s, tsr_meta_kind kind, const char *name, void **buf,
                        size_t *len)
{
    return tsr_array_meta_get(s->a, kind, name, buf, len);
}

int tsr_schunk_meta_set(tsr_schunk *s, tsr_meta_kind kind, const char *name, const void *buf,
                        size_t len)
{
    return tsr_array_meta_set(s->a, kind, name, buf, len);
}

int tsr_schunk_meta_remove(tsr_schunk *s, const char *name)
{
    return tsr_array_meta_remove(s->a, name);
}
