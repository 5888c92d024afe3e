/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/parts.c - the blocks of a stored chunk. */
#include "zarr/parts.h"

#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"

/* The axes behind a transpose, of those before it: encoded axis i is decoded axis order[i]. */
static int turn_axes(struct tsr_zparts *p, const struct tsr_zspec *s)
{
    int64_t order[TSR_MAX_NDIM];
    int before[TSR_MAX_NDIM], n;
    int rc = tsr_znode_ints(tsr_znode_get(s->config, "order"), 0, p->ndim - 1, order, &n);
    memcpy(before, p->axis, sizeof before);
    for (int i = 0; rc == TSR_OK && i < p->ndim; i++) p->axis[i] = before[order[i]];
    return rc;
}

/* The place of sharding among the codecs of m when only transposes come before it and checksums
 * behind; -1: whole chunks only.  Axes are those that the shard sees. */
static int find_shard(struct tsr_zparts *p, const struct tsr_zmeta *m)
{
    int at = 0;
    if (m->format == 2) return -1;
    while (at < m->ncodecs && strcmp(m->codecs[at].name, "transpose") == 0)
        if (turn_axes(p, m->codecs + at++) < 0) return -1;
    if (at == m->ncodecs || strcmp(m->codecs[at].name, "sharding_indexed") != 0) return -1;
    for (int i = at + 1; i < m->ncodecs; i++) {
        if (strcmp(m->codecs[i].name, "crc32c") != 0) return -1;
        p->tail += 4;
    }
    return at;
}

/* The chain of a block: the transposes, then the codecs of inner chunks. */
static int open_block(struct tsr_zparts *p, const struct tsr_zmeta *m, int turns, size_t limit)
{
    const struct tsr_node *inner = tsr_znode_get(m->codecs[turns].config, "codecs");
    struct tsr_zchain_spec s = {.doc = p->doc,
                                .format = 3,
                                .level = 1,
                                .in = p->whole->in,
                                .limit = limit};
    struct tsr_zspec *codecs, *all;
    bool foreign = false;
    int n = 0;
    int rc = tsr_zspecs_parse(p->doc, inner, &codecs, &n, &foreign);
    all = rc == TSR_OK ? tsr_doc_alloc(p->doc, (size_t)(turns + n), sizeof *all) : NULL;
    if (!all) return rc < 0 ? rc : TSR_ENOMEM;
    if (turns) memcpy(all, m->codecs, (size_t)turns * sizeof *all);
    if (n) memcpy(all + turns, codecs, (size_t)n * sizeof *all);
    s.codecs = all;
    s.n = turns + n;
    memcpy(s.in.shape, p->block, sizeof s.in.shape);
    if (s.in.dtype) s.in.bytes = p->shard->chain->in.bytes;
    rc = tsr_zchain_open(&s, &p->own);
    p->chain = p->own;
    return rc;
}

static int parts_of(struct tsr_zparts *p, const struct tsr_zmeta *m, size_t limit)
{
    for (int d = 0; d < p->ndim; d++) p->axis[d] = d;
    int at = find_shard(p, m);
    p->n = 1;
    p->chain = p->whole;
    if (at < 0) {
        for (int d = 0; d < p->ndim; d++) p->count[d] = 1;
        memcpy(p->block, p->whole->in.shape, sizeof p->block);
        p->tail = 0;
        return TSR_OK;
    }
    p->shard = p->whole->codec[at].state;
    p->n = p->shard->n;
    p->chain = p->shard->chain;
    for (int i = 0; i < p->ndim; i++) {
        p->block[p->axis[i]] = p->shard->inner[i];
        p->count[p->axis[i]] = p->shard->count[i];
    }
    return at ? open_block(p, m, at, limit) : TSR_OK;
}

int tsr_zparts_open(const struct tsr_zmeta *m, const int64_t *chunk, size_t limit,
                    struct tsr_zparts **out)
{
    struct tsr_zparts *p = tsr_alloc_zero(1, sizeof *p);
    if (!p) return TSR_ENOMEM;
    p->ndim = m->ndim;
    int rc = tsr_doc_new(&p->doc);
    if (rc == TSR_OK) rc = tsr_zchain_of(m, p->doc, chunk, limit, &p->whole);
    if (rc == TSR_OK) rc = parts_of(p, m, limit);
    if (rc < 0) tsr_zparts_close(p);
    else *out = p;
    return rc;
}

void tsr_zparts_close(struct tsr_zparts *p)
{
    if (!p) return;
    tsr_zchain_close(p->own);
    tsr_zchain_close(p->whole);
    tsr_doc_free(p->doc);
    tsr_free(p);
}

/* Numbers of blocks along each axis of the array. */
static void unravel(const struct tsr_zparts *p, int64_t b, int64_t *at)
{
    for (int d = p->ndim; d-- > 0; b /= p->count[d]) at[d] = b % p->count[d];
}

int64_t tsr_zparts_entry(const struct tsr_zparts *p, int64_t b)
{
    int64_t at[TSR_MAX_NDIM], e = 0;
    unravel(p, b, at);
    for (int i = 0; i < p->ndim; i++) e = e * p->count[p->axis[i]] + at[p->axis[i]];
    return e;
}

void tsr_zparts_origin(const struct tsr_zparts *p, int64_t b, int64_t *index)
{
    unravel(p, b, index);
    for (int d = 0; d < p->ndim; d++) index[d] *= p->block[d];
}
