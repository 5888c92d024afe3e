/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/open.h - the documents of nodes in a store (zarr.md 2): found, read and written. */
#ifndef TSR_ZARR_OPEN_H
#define TSR_ZARR_OPEN_H

#include "store/store.h"
#include "zarr/cache.h"

/* Reads the node at path, "" or a key of the store: zarr.json, else .zarray, else .zgroup, which
 * are asked for at once.  ENOTFOUND: none of them is there. */
int tsr_zmeta_open(struct tsr_store *st, const char *path, struct tsr_zmeta **out);

/* The same of n nodes at once, each answering for itself: *rc is TSR_OK, ENOTFOUND, or what is
 * wrong with its documents, and why says it.  Fails when the store does, or without memory. */
struct tsr_zfound {
    int rc;
    struct tsr_zmeta *m; /* tsr_zfound_done frees both */
    char *why;
};
int tsr_zmeta_openv(struct tsr_store *st, const char *const *path, size_t n,
                    struct tsr_zfound *out);
void tsr_zfound_done(struct tsr_zfound *f, size_t n);

/* Does rc say that documents, or consolidated metadata, are there and cannot be used?  Who replaces
 * what is there replaces that too. */
static inline bool tsr_zmeta_unusable(int rc)
{
    return rc == TSR_ECORRUPT || rc == TSR_EUNSUPPORTED;
}

/* Puts its documents; of format 2 .zattrs too, before the one by which the node is found.  They are
 * put over those of their stamps where the store can; ECONFLICT: others have changed them.
 * cache: of a group whose path `below` is relative to, NULL: there is none; the documents go into
 * it, and it is for the caller to write. */
struct tsr_zput {
    struct tsr_zcache *cache;
    const char *below;
    int flags; /* of tsr_zmeta_write */
    bool durable;
};
int tsr_zmeta_put(struct tsr_store *st, const char *path, const struct tsr_zmeta *m,
                  const struct tsr_zput *how);

/* The consolidated metadata of a group, in use where it can be: ENOTFOUND when there is none, and
 * ECORRUPT or EUNSUPPORTED where there is one that the documents are to be read instead of. */
int tsr_zcache_open(struct tsr_store *st, const char *path, const struct tsr_zmeta *group,
                    struct tsr_zcache **out);

#endif
