/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/tree.h - the nodes of a hierarchy in a store: listed and found, put and removed.
 *
 * Whoever writes metadata does it here.  Consolidated metadata of groups above a node is a copy of
 * its documents; what is put here goes into all such copies too, in the same call, and what is
 * removed leaves them, so that they are never stale (zarr.md 3.4).  A kill between the two leaves a
 * copy without what was not reported yet: documents are put before their copies, and removed after
 * them.  Of two writers of one node the last one wins; two who put different nodes at the same time
 * both get into the copies where the store can hold a document (folders: flock) or put it only
 * while it is the one that was read (S3, memory), else the last one does.
 *
 * Paths are "" or keys of the store.  A prefix without a document but with nodes below it is a
 * group without attributes (zarr.md 2). */
#ifndef TSR_ZARR_TREE_H
#define TSR_ZARR_TREE_H

#include "zarr/open.h"

/* ---- listing ---- */

/* Where a tree is looked at: in the consolidated metadata of the group `root`, or, with cache NULL,
 * in the documents themselves. */
struct tsr_zplace {
    struct tsr_store *st;
    const struct tsr_zcache *cache;
    const char *root;
};

/* A node as it is found: rc and why are those of its documents (never ENOTFOUND); m is NULL where
 * they cannot be used, or rc is TSR_OK and the group has none. */
struct tsr_zentry {
    const char *path;
    const struct tsr_zmeta *m;
    int rc;
    const char *why;
};
typedef int (*tsr_zentry_fn)(void *user, const struct tsr_zentry *e);

/* The consolidated metadata of the root of the store where there is some that can be used, else of
 * the group at path: *root tells which (borrowed).  None: *cache is NULL. */
int tsr_ztree_cache(struct tsr_store *st, const char *path, struct tsr_zcache **cache,
                    const char **root);

/* Calls fn with what lies below path, which is not looked at, down to `depth` levels (0: all),
 * groups before what is in them, names in the order of their bytes; a non-zero answer ends it and
 * is returned.  format: of the group, 0: not known.  EUNSUPPORTED: the store lists nothing, and
 * there is no consolidated metadata. */
int tsr_ztree_list(const struct tsr_zplace *v, const char *path, int format, int depth,
                   tsr_zentry_fn fn, void *user);
/* The node at path; ENOTFOUND.  out is for tsr_zfound_done; a group without document has no m. */
int tsr_ztree_find(const struct tsr_zplace *v, const char *path, struct tsr_zfound *out);

/* ---- changes ---- */

/* Puts the documents of a node, over those of m's stamps where the store can: ECONFLICT when they
 * are others by now.  Values that JSON has no word for (they were read so) are written as text. */
int tsr_ztree_put(struct tsr_store *st, const char *path, const struct tsr_zmeta *m, bool durable);

/* Keeps others who change a node's document, or copies in it, from it until tsr_lock_release:
 * around its reading, a change, and tsr_ztree_put.  As tsr_store_hold: not everywhere there is a
 * lock. */
int tsr_ztree_hold(struct tsr_store *st, const char *path, enum tsr_zdoc which,
                   struct tsr_lock *out);
/* After try number i of what was a conflict where nothing can be held: waits a while; false: it was
 * tried often enough. */
bool tsr_ztree_again(int i);

/* May a node of this format be made at path, which is not looked at?  Puts the documents of the
 * groups above it that are missing.  EARG: a name that cannot be, or what is above is an array or
 * of the other format. */
int tsr_ztree_make_way(struct tsr_store *st, const char *path, int format, bool durable);

/* Takes a node, which is to be removed, out of the consolidated metadata above it. */
int tsr_ztree_forget(struct tsr_store *st, const char *path);
/* Removes a node and all that is below it; nothing there is fine. */
int tsr_ztree_remove(struct tsr_store *st, const char *path);

/* Writes consolidated metadata of the group at path, of what is below it now. */
int tsr_ztree_consolidate(struct tsr_store *st, const char *path, bool durable);

#endif
