/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_shape.c - chains for chunks of a rectilinear grid, which are of many shapes.
 *
 * A chain is worked out for one shape of chunk.  Of the shapes that were met some are kept, those
 * used last; where a grid has more, a chain is made for each use of a chunk, which costs less than
 * reading it. */
#include "base/mem.h"
#include "format/zarr.h"
#include "sys/guard.h"

enum { KEPT = 64 };

struct tsr_zshape {
    int64_t shape[TSR_MAX_NDIM];
    struct tsr_zparts *parts;
    uint64_t used; /* when it was used last */
    int users;
    bool kept; /* else its last user frees it */
};

struct tsr_zshapes {
    struct tsr_mutex mutex; /* of all that follows, and of used, users and kept of each */
    struct tsr_zshape *kept[KEPT];
    uint64_t now;
};

int tsr_zshapes_new(struct tsr_zshapes **out)
{
    *out = tsr_alloc_zero(1, sizeof **out);
    if (!*out) return TSR_ENOMEM;
    tsr_mutex_init(&(*out)->mutex);
    return TSR_OK;
}

static void shape_free(struct tsr_zshape *x)
{
    if (!x) return;
    tsr_zparts_close(x->parts);
    tsr_free(x);
}

void tsr_zshapes_free(struct tsr_zshapes *s)
{
    if (!s) return;
    for (int i = 0; i < KEPT; i++) shape_free(s->kept[i]);
    tsr_mutex_done(&s->mutex);
    tsr_free(s);
}

/* ---- under the mutex ---- */

static struct tsr_zshape *find(struct tsr_zshapes *s, const int64_t shape[])
{
    for (int i = 0; i < KEPT && s->kept[i]; i++)
        if (memcmp(s->kept[i]->shape, shape, sizeof s->kept[i]->shape) == 0) return s->kept[i];
    return NULL;
}

/* A free place, or that of the one that was not used for longest, unless all are in use. */
static void keep(struct tsr_zshapes *s, struct tsr_zshape *x)
{
    struct tsr_zshape **at = NULL;
    for (int i = 0; i < KEPT; i++) {
        struct tsr_zshape **k = &s->kept[i];
        if (*k && (*k)->users) continue;
        if (!*k || !at || (*k)->used < (*at)->used) at = k;
        if (!*k) break;
    }
    if (!at) return;
    shape_free(*at);
    *at = x;
    x->kept = true;
}

/* ---- for everybody ---- */

static struct tsr_zshape *use(struct tsr_zshapes *s, const int64_t shape[])
{
    tsr_mutex_lock(&s->mutex);
    struct tsr_zshape *x = find(s, shape);
    if (x) {
        x->users++;
        x->used = ++s->now;
    }
    tsr_mutex_unlock(&s->mutex);
    return x;
}

/* Made while others go on; two may make the same one, of which one is kept. */
static int make(const struct tsr_zarr *z, const int64_t shape[], struct tsr_zshape **out)
{
    struct tsr_zshapes *s = z->shapes;
    struct tsr_zshape *x = tsr_alloc_zero(1, sizeof *x);
    if (!x) return TSR_ENOMEM;
    memcpy(x->shape, shape, sizeof x->shape);
    x->users = 1;
    int rc = tsr_zparts_open(z->meta, shape, (size_t)z->limit, &x->parts);
    if (rc < 0) {
        shape_free(x);
        return rc;
    }
    tsr_mutex_lock(&s->mutex);
    x->used = ++s->now;
    if (!find(s, shape)) keep(s, x);
    tsr_mutex_unlock(&s->mutex);
    *out = x;
    return TSR_OK;
}

int tsr_zarr_find_shape(const struct tsr_zarr *z, int64_t chunk, struct tsr_zuse *u)
{
    const struct tsr_grid *g = &z->d.grid;
    int64_t at[TSR_MAX_NDIM], shape[TSR_MAX_NDIM] = {0};
    int rc = TSR_OK;
    tsr_grid_chunk_coords(g, chunk, at);
    for (int d = 0; d < g->ndim; d++) tsr_grid_side(g, d, at[d], &shape[d]);
    u->shape = use(z->shapes, shape);
    if (!u->shape) rc = make(z, shape, &u->shape);
    if (rc == TSR_OK) u->parts = u->shape->parts;
    return rc;
}

void tsr_zarr_leave_shape(const struct tsr_zarr *z, struct tsr_zshape *x)
{
    tsr_mutex_lock(&z->shapes->mutex);
    bool last = --x->users == 0 && !x->kept;
    tsr_mutex_unlock(&z->shapes->mutex);
    if (last) shape_free(x);
}

int32_t tsr_zarr_nblocks(const struct tsr_zarr *z, int64_t chunk)
{
    const struct tsr_grid *g = &z->d.grid;
    int64_t at[TSR_MAX_NDIM], block[TSR_MAX_NDIM], nblock[TSR_MAX_NDIM], n = 1;
    if (!g->uneven) return (int32_t)z->parts->n;
    tsr_grid_chunk_coords(g, chunk, at);
    tsr_grid_cut(g, at, block, nblock);
    for (int d = 0; d < g->ndim; d++) n *= nblock[d];
    return (int32_t)n;
}
