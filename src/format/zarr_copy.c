/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_copy.c - do stored blocks of one array mean the same in another?
 *
 * A block is a plain chunk or an inner chunk of a shard.  Its stored bytes can go from array to
 * array, from shards to objects of their own and back, from format 2 to 3 and back, when
 *
 *   - both arrays are cut in the same blocks, of items of the same type and byte order,
 *   - what is not stored reads as the same fill value,
 *   - the codecs that change something are the same, in the same order.  Of most codecs that
 *     means the same configuration; streams of some say themselves all that a decoder needs. */
#include "format/zarr.h"
#include "zarr/node.h"

/* ---- configurations ---- */

static bool same_node(const struct tsr_node *a, const struct tsr_node *b);

static bool same_members(const struct tsr_node *a, const struct tsr_node *b)
{
    bool same = a->list.n == b->list.n;
    for (size_t i = 0; i < a->list.n && same; i++) {
        const struct tsr_node *name = a->list.v + 2 * i, *other = tsr_znode_get(b, name->s.p);
        same = other && same_node(name + 1, other);
    }
    return same;
}

static bool same_node(const struct tsr_node *a, const struct tsr_node *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case TSR_NODE_NULL: return true;
    case TSR_NODE_BOOL: return a->b == b->b;
    case TSR_NODE_INT: return a->i == b->i;
    case TSR_NODE_FLOAT: return a->f == b->f;
    case TSR_NODE_STRING: return a->s.len == b->s.len && memcmp(a->s.p, b->s.p, a->s.len) == 0;
    case TSR_NODE_MAP: return same_members(a, b);
    case TSR_NODE_LIST: break;
    default: return false; /* no codec has such */
    }
    bool same = a->list.n == b->list.n;
    for (size_t i = 0; i < a->list.n && same; i++) same = same_node(a->list.v + i, b->list.v + i);
    return same;
}

static size_t count(const struct tsr_node *config)
{
    return config ? config->list.n - (tsr_znode_get(config, "id") != NULL) : 0;
}

/* The name of the codec, which format 2 has among them, apart. */
static bool same_config(const struct tsr_node *a, const struct tsr_node *b)
{
    bool same = count(a) == count(b);
    for (size_t i = 0; a && i < a->list.n && same; i++) {
        const struct tsr_node *name = a->list.v + 2 * i, *other = tsr_znode_get(b, name->s.p);
        if (!tsr_znode_is(name, "id")) same = other && same_node(name + 1, other);
    }
    return same;
}

/* ---- codecs ---- */

/* Streams that tell how they are decoded. */
static bool tells_all(const struct tsr_zcodec_kind *k)
{
    static const char *const names[] = {"blosc", "bz2", "gzip", "lz4", "zlib", "zstd"};
    for (size_t i = 0; k->v2 && i < sizeof names / sizeof *names; i++)
        if (strcmp(k->v2, names[i]) == 0) return true;
    return false;
}

static bool same_codec(const struct tsr_zcodec *a, const struct tsr_zcodec *b, bool coding)
{
    if (a->kind != b->kind) return false;
    if (tells_all(a->kind) && !coding) return true;
    if (a->kind == &tsr_zkind_blosc) return tsr_zblosc_alike(a, b);
    return same_config(a->config, b->config);
}

static bool same_chain(const struct tsr_zchain *a, const struct tsr_zchain *b, bool coding)
{
    if (a->nsteps != b->nsteps || a->in.bytes != b->in.bytes) return false;
    for (int i = 0; i < a->nsteps; i++)
        if (!same_codec(a->step[i], b->step[i], coding)) return false;
    return true;
}

/* ---- arrays ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_fill(const struct tsr_driver *a, const struct tsr_driver *b)
{
    const struct tsr_item *x = &tsr_zarr_of(a)->fill, *y = &tsr_zarr_of(b)->fill;
    if (a->loose && b->loose)
        return x->len == y->len && (!x->len || memcmp(x->p, y->p, x->len) == 0);
    if (!a->fill || !b->fill) return !a->fill && !b->fill;
    return a->fill_bytes == b->fill_bytes && memcmp(a->fill, b->fill, (size_t)a->fill_bytes) == 0;
}

static bool same_blocks(const struct tsr_grid *g, const struct tsr_grid *h)
{
    if (g->ndim != h->ndim || g->item_bytes != h->item_bytes || g->uneven || h->uneven)
        return false;
    for (int d = 0; d < g->ndim; d++)
        if (g->shape[d] != h->shape[d] || g->block[d] != h->block[d]) return false;
    return true;
}

bool tsr_zarr_blocks_fit(const struct tsr_driver *to, const struct tsr_driver *from, bool coding)
{
    const struct tsr_zarr *a = tsr_zarr_of(from), *b = tsr_zarr_of(to);
    return from->format->blocks_fit == to->format->blocks_fit &&
           same_blocks(&from->grid, &to->grid) && same_text(from->spec.dtype, to->spec.dtype) &&
           same_text(from->spec.type, to->spec.type) && same_fill(from, to) &&
           same_chain(a->parts->chain, b->parts->chain, coding);
}
