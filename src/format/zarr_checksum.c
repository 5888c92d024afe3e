/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_checksum.c - tsr_spec.checksum of arrays of Zarr: the codec crc32c behind all others.
 *
 * Where chunks are shards it stands behind the codecs of inner chunks, which are what is read
 * alone; the index of a shard has one of its own:
 *
 *   bytes, zstd                        bytes, zstd, crc32c
 *   sharding_indexed(bytes, zstd)      sharding_indexed(bytes, zstd, crc32c)
 *
 * In format 2 nothing stands behind the compressor: a checksum in its place, and the compressor
 * among the filters, would be read by few (zarr.md 5), so nobody gets it who does not write
 * tsr_spec.codecs himself. */
#include "format/zarr.h"
#include "zarr/node.h"

static bool is_crc32c(const char *name)
{
    return tsr_zcodec_find(name, 3) == &tsr_zkind_crc32c;
}

bool tsr_zarr_has_checksum(const struct tsr_zarr *z)
{
    const struct tsr_zchain *c = z->parts->chain;
    return z->meta->format == 3 && c->n && c->codec[c->n - 1].kind == &tsr_zkind_crc32c;
}

/* The list with one more at its end. */
static int append(struct tsr_doc *doc, struct tsr_node *list)
{
    struct tsr_node longer, crc;
    int rc = tsr_znode_new(doc, TSR_NODE_LIST, list->list.n + 1, &longer);
    if (rc == TSR_OK) rc = tsr_znode_of_ext(doc, "crc32c", NULL, &crc);
    if (rc < 0) return rc;
    for (size_t i = 0; i < list->list.n; i++) tsr_znode_add(&longer, list->list.v[i]);
    tsr_znode_add(&longer, crc);
    *list = longer;
    return TSR_OK;
}

/* Of sharding_indexed, which may be in short form; NULL: it has no list of them. */
static struct tsr_node *inner_codecs(struct tsr_node *shard)
{
    bool map = shard->kind == TSR_NODE_MAP;
    struct tsr_node *n = map ? tsr_znode_at(shard, "configuration") : NULL;
    n = n && n->kind == TSR_NODE_MAP ? tsr_znode_at(n, "codecs") : NULL;
    return n && n->kind == TSR_NODE_LIST ? n : NULL;
}

int tsr_zarr_add_checksum(struct tsr_doc *doc, struct tsr_node *list)
{
    bool there = false;
    for (size_t i = 0; i < list->list.n; i++) {
        struct tsr_zext e;
        int rc = tsr_znode_ext(list->list.v + i, &e);
        if (rc < 0) {
            tsr_within("codecs: [%zu]", i);
            return rc;
        }
        there = is_crc32c(e.name);
        if (strcmp(e.name, "sharding_indexed") != 0) continue;
        struct tsr_node *inner = inner_codecs(list->list.v + i);
        /* without a list of them it is refused when it is opened */
        return inner ? tsr_zarr_add_checksum(doc, inner) : TSR_OK;
    }
    return there ? TSR_OK : append(doc, list);
}
