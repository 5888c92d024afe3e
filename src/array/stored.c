/* SPDX-License-Identifier: BSD-3-Clause */
/* array/stored.c - chunks from array to array as they are stored, without decoding them.
 *
 * Where nothing about chunks and blocks changes, a chunk of one Blosc2 array is one of the other,
 * wherever the two are kept: a file, a folder with a file per chunk, memory.  Chunks of zeros that
 * are not stored cost nothing here, however many they are. */
#include "array/array.h"

bool tsr_stored_fit(const tsr_array *from, const tsr_array *to, bool coding)
{
    const struct tsr_format *f = from->d->format;
    return f == to->d->format && f->alike && f->alike(from->d, to->d, coding);
}

struct moving {
    struct tsr_copying *c;
    const struct tsr_stored_part *part;
};

static int64_t new_number(void *arg, int64_t i)
{
    const struct moving *m = arg;
    const struct tsr_grid *g = &m->c->from->d->grid;
    int64_t at[TSR_MAX_NDIM] = {0}, len;
    int axis = m->part->axis;
    if (m->c->from->d->variable) return i;
    tsr_grid_chunk_coords(g, i, at);
    if (g->ndim && tsr_grid_side(g, axis, at[axis], &len) >= m->part->end) return -1;
    at[axis] += m->part->by;
    return tsr_grid_chunk_number(&m->c->to->d->grid, at);
}

int tsr_copying_tell(struct tsr_copying *c, int64_t bytes)
{
    const tsr_options *o = c->o;
    c->done = tsr_min64(c->done + bytes, c->total);
    if (!o->progress || !o->progress(o->user, c->done, c->total)) return TSR_OK;
    return tsr_fail(TSR_ECANCELLED, "copy: stopped by the caller");
}

static int after(void *arg, int64_t i)
{
    struct tsr_copying *c = ((const struct moving *)arg)->c;
    const struct tsr_driver *d = c->from->d;
    int64_t at[TSR_MAX_NDIM];
    if (!d->grid.uneven) return tsr_copying_tell(c, d->grid.chunk_bytes);
    tsr_grid_chunk_coords(&d->grid, i, at);
    return tsr_copying_tell(c, tsr_grid_bytes(&d->grid, at));
}

int tsr_copy_stored(struct tsr_copying *c, const struct tsr_stored_part *part)
{
    struct moving m = {c, part};
    struct tsr_chunk_moves moves = {new_number, after, &m};
    return tsr_engine_copy_chunks(c->to, c->from, &moves);
}
