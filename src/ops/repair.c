/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/repair.c - a new file of what is left of a damaged Blosc2 file: frame/repair.c with names,
 * coordinates and a target that appears when it is complete. */
#include <string.h>

#include "array/array.h"
#include "base/mem.h"
#include "format/b2nd_meta.h"

struct repair {
    tsr_verify_fn fn;
    void *user;
    const tsr_options *o;
    struct tsr_grid grid; /* ndim 0 and no chunks: not known, or no array */
    int32_t block[TSR_MAX_NDIM];
    int64_t total;
    bool array;
};

static void hear(void *user, int64_t chunk, tsr_status status, const char *what)
{
    struct repair *r = user;
    int64_t coords[TSR_MAX_NDIM] = {0};
    bool known = chunk >= 0 && chunk < r->grid.nchunks;
    if (known) tsr_grid_chunk_coords(&r->grid, chunk, coords);
    if (r->fn) r->fn(r->user, chunk, known ? r->grid.ndim : 0, coords, status, what);
}

/* Sizes as the metalayer of an array has them. */
static bool sizes(void *user, const struct tsr_frame *f, int64_t *nbytes, int64_t *chunk_bytes)
{
    struct tsr_grid g;
    bool sound;
    (void)user;
    tsr_b2nd_find_grid(f, &g, &sound);
    *chunk_bytes = sound ? g.chunk_bytes : 0;
    return sound && tsr_mul(g.nchunks, g.chunk_bytes, nbytes);
}

static int begin(void *user, const struct tsr_frame *g, const int32_t **block_shape)
{
    struct repair *r = user;
    const struct tsr_frame_facts *f = tsr_frame_facts_of(g);
    r->total = f->nbytes;
    bool sound;
    r->array = tsr_b2nd_find_grid(g, &r->grid, &sound);
    sound = sound && tsr_b2nd_check_geometry(&r->grid, f) == TSR_OK;
    if (!sound) {
        r->grid = (struct tsr_grid){.ndim = 1, .item_bytes = 1}; /* a super-chunk: one axis */
        r->grid.shape[0] = f->nbytes;
        r->grid.chunk[0] = r->grid.block[0] = tsr_max64(f->chunk_bytes, 1);
        if (tsr_grid_derive(&r->grid, UINT64_MAX) < 0) r->grid = (struct tsr_grid){0};
        return 0;
    }
    for (int d = 0; d < r->grid.ndim; d++) r->block[d] = (int32_t)r->grid.block[d];
    *block_shape = r->block;
    return r->grid.ndim;
}

static int progress(void *user, int64_t chunk, int64_t nchunks)
{
    const struct repair *r = user;
    if (!r->o->progress) return 0;
    return r->o->progress(r->o->user, (int64_t)((double)r->total * (double)chunk / (double)nchunks),
                          r->total);
}

static int open_target(const char *url, bool folder, const tsr_options *o, struct tsr_store **to)
{
    bool replace = strcmp(o->mode, "w") == 0;
    if (!replace && strcmp(o->mode, "x") != 0)
        return tsr_fail(TSR_EARG, "mode: found '%s', expected 'w' or 'x' to create", o->mode);
    return folder ? tsr_store_create_folder(url, replace, to) : tsr_store_create(url, replace, to);
}

/* A new frame that is no array is one all the same: its bytes can be had as a super-chunk's. */
static void check_array(struct repair *r, const char *url)
{
    tsr_options o = {.size = sizeof o,
                     .context = r->o->context,
                     .max_chunk_bytes = r->o->max_chunk_bytes};
    tsr_array *a = NULL;
    int rc = tsr_array_open(url, &o, &a);
    tsr_array_close(a);
    if (rc == TSR_OK || rc == TSR_ENOMEM) return;
    tsr_within("no array, to be read with format b2frame");
    hear(r, -1, (tsr_status)rc, tsr_error());
}

int tsr_repair(const char *url, const char *out_url, const tsr_options *opts, tsr_verify_fn fn,
               void *user, tsr_repair_result *out)
{
    tsr_options o = tsr_options_complete(opts);
    struct repair r = {.fn = fn, .user = user, .o = &o};
    struct tsr_store *from = NULL, *to = NULL;
    struct tsr_frame_repaired done;
    enum tsr_path_kind kind;
    struct tsr_frame_repair how = {.limits = tsr_limits_of(&o),
                                   .durable = o.durable,
                                   .tell = hear,
                                   .sizes = sizes,
                                   .begin = begin,
                                   .progress = progress,
                                   .user = &r};
    if (!url || !out_url) return tsr_fail(TSR_EARG, "repair: no path given");
    if (!o.mode) o.mode = "x";
    bool in_place = strcmp(url, out_url) == 0 && strcmp(o.mode, "w") == 0;
    /* in place: with the lock that writers take */
    int rc = tsr_store_open_with(url, in_place, o.remote, &from);
    if (rc == TSR_OK) rc = tsr_path_stat(url, &kind, NULL);
    if (rc == TSR_OK) rc = open_target(out_url, kind == TSR_PATH_FOLDER, &o, &to);
    if (rc == TSR_OK) rc = tsr_frame_repair(from, to, &how, &done);
    if (rc == TSR_OK && out) {
        tsr_repair_result result = {out->size, done.nchunks, done.missing, done.unplaced};
        memcpy(out, &result, tsr_minz(out->size, sizeof result));
    }
    tsr_store_close(to);
    tsr_store_close(from);
    if (rc == TSR_OK && r.array) check_array(&r, out_url);
    return rc;
}
