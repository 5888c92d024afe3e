/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_verify.c - what a Zarr array's keys and metadata say beyond what reading it asks.
 *
 * Reading goes from the grid to keys; here it is the other way round: each object below the array
 * is a document, a chunk inside the grid, or nothing that anybody will read.  Such leftovers break
 * no rule of the specification, nor do chunks that are not stored, so they are told as notes
 * (TSR_OK), the first of them by name. */
#include <stdio.h>

#include "format/zarr.h"

enum { NAMED = 10 };

typedef void (*hear_fn)(void *user, int64_t chunk, tsr_status status, const char *what);

struct look {
    const struct tsr_zarr *z;
    hear_fn fn;
    void *user;
    int64_t stored, outside, unknown;
    bool other_format; /* a document of it lies beside */
};

static void note(const struct look *l, const char *fmt, const char *key)
{
    char text[TSR_ERROR_MAX];
    snprintf(text, sizeof text, fmt, key);
    l->fn(l->user, -1, TSR_OK, text);
}

static bool is_document(struct look *l, const char *name)
{
    for (enum tsr_zdoc k = 0; k < TSR_ZDOC_NONE; k++) {
        if (strcmp(name, tsr_zdoc_name(k)) != 0) continue;
        l->other_format |= (k == TSR_ZDOC_V3) != (l->z->meta->format == 3);
        return true;
    }
    return strcmp(name, ".zmetadata") == 0;
}

static bool is_inside(const struct look *l, const int64_t at[])
{
    const struct tsr_grid *g = &l->z->d.grid;
    for (int d = 0; d < g->ndim; d++)
        if (at[d] >= g->nchunk[d]) return false;
    return true;
}

static int look_at(void *user, const char *key)
{
    struct look *l = user;
    const struct tsr_zarr *z = l->z;
    const char *name = key + z->prefix_len;
    size_t len = strlen(key);
    int64_t at[TSR_MAX_NDIM];
    bool folder = len && key[len - 1] == '/';
    if (folder && tsr_zkey_leads(&z->meta->keys, name))
        return tsr_store_list(z->d.store, key, look_at, l);
    if (!folder && is_document(l, name)) return TSR_OK;
    if (folder || !tsr_zkey_parse(&z->meta->keys, z->meta->ndim, name, at)) {
        if (l->unknown++ < NAMED) note(l, "%s: neither a chunk nor metadata of the array", key);
    } else if (is_inside(l, at)) {
        l->stored++;
    } else if (l->outside++ < NAMED) {
        note(l, "%s: a chunk outside the array", key);
    }
    return TSR_OK;
}

static void sum_up(const struct look *l)
{
    char text[TSR_ERROR_MAX];
    int64_t n = l->z->d.grid.nchunks, missing = n - l->stored;
    if (missing > 0) {
        snprintf(text, sizeof text, "%lld of %lld chunks are not stored and read as the fill value",
                 (long long)missing, (long long)n);
        l->fn(l->user, -1, TSR_OK, text);
    }
    if (l->unknown > NAMED || l->outside > NAMED) {
        snprintf(text, sizeof text, "in all %lld unknown objects, %lld chunks outside the array",
                 (long long)l->unknown, (long long)l->outside);
        l->fn(l->user, -1, TSR_OK, text);
    }
    if (l->other_format)
        note(l, "%s: documents of both Zarr formats", *l->z->path ? l->z->path : "the array");
}

/* Rules that say "should". */
static void look_at_metadata(const struct look *l)
{
    const struct tsr_zmeta *m = l->z->meta;
    for (int d = 0; m->names && d < m->ndim; d++)
        for (int k = 0; k < d && m->names[d]; k++)
            if (m->names[k] && strcmp(m->names[k], m->names[d]) == 0)
                note(l, "dimension_names: '%s' stands twice", m->names[d]);
    if (m->foreign) note(l, "%s: holds codecs that are not known and may be ignored", "metadata");
}

int tsr_zarr_verify(const struct tsr_driver *d, hear_fn fn, void *user)
{
    struct look l = {.z = tsr_zarr_of(d), .fn = fn, .user = user};
    look_at_metadata(&l);
    int rc = tsr_store_list(d->store, l.z->prefix, look_at, &l);
    if (rc == TSR_EUNSUPPORTED) return TSR_OK; /* the store cannot say what is in it */
    if (rc == TSR_OK) sum_up(&l);
    return rc;
}
