/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/cache.h - consolidated metadata: the documents of a tree in one (zarr.md 3.4, 7.5).
 *
 *   format 2   .zmetadata beside .zgroup: {"metadata": {"a/x/.zarray": its document, ..},
 *              "zarr_consolidated_format": 1}
 *   format 3   in zarr.json of the group: "consolidated_metadata": {"kind": "inline", "metadata":
 *              {"a/x": <its zarr.json>, ..}}
 *
 * It is a cache: where it disagrees with the documents these are right, and who cannot read it goes
 * to them.  Documents in it stay text until they are asked for.  Who writes metadata of a node
 * beneath puts the new document here and writes it too, or removes it: it is never left stale.
 * Paths are relative to the group and "" is the group itself (format 2 only). */
#ifndef TSR_ZARR_CACHE_H
#define TSR_ZARR_CACHE_H

#include "zarr/meta.h"

struct tsr_zcache;

/* Format 2: from the text of .zmetadata.  Format 3: from the group's own document; ENOTFOUND when
 * it has none.  ECORRUPT, EUNSUPPORTED: it cannot be used. */
int tsr_zcache_read(struct tsr_ztext text, struct tsr_zcache **out);
int tsr_zcache_of(const struct tsr_zmeta *group, struct tsr_zcache **out);
int tsr_zcache_new(int format, struct tsr_zcache **out); /* without a document */
void tsr_zcache_free(struct tsr_zcache *c);

/* A document in it, valid until it changes; false: it is not there. */
bool tsr_zcache_find(const struct tsr_zcache *c, const char *path, enum tsr_zdoc which,
                     struct tsr_ztext *out);
/* Reads a node from its documents here; ENOTFOUND. */
int tsr_zcache_load(const struct tsr_zcache *c, const char *path, struct tsr_zmeta **out);
/* The documents in order of their paths: false past the end. */
bool tsr_zcache_at(const struct tsr_zcache *c, size_t i, const char **path, enum tsr_zdoc *which);

/* Puts a document (copied) in place of the one that is there; text.p NULL: removes it. */
int tsr_zcache_put(struct tsr_zcache *c, const char *path, enum tsr_zdoc which,
                   struct tsr_ztext text);
/* Removes all documents of path and of what is below it. */
void tsr_zcache_drop(struct tsr_zcache *c, const char *path);

/* The stamp of the object that it was read from (tsr_zcache_open); 0: it is not known. */
void tsr_zcache_set_stamp(struct tsr_zcache *c, uint64_t stamp);
uint64_t tsr_zcache_stamp(const struct tsr_zcache *c);

/* Appends .zmetadata to out; format 3: the document of the group with this cache in it. */
int tsr_zcache_write(const struct tsr_zcache *c, const struct tsr_zmeta *group,
                     struct tsr_buf *out);

#endif
