/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/stamp.c - a number that tells whether a source is what it was.
 *
 * Of a file it is that of the file; of a node in a folder it is made of those of all files below
 * it, with their names, so that chunk files that come, go or change are noticed, and what others do
 * to its siblings is not; of what is remote it is that of the one object, 0 of many. */
#include <stdlib.h>

#include "array/array.h"
#include "base/mem.h"
#include "ops/journal.h"
#include "sys/tree.h"

struct walk {
    struct tsr_tree *tree;
    const char *below;
    uint64_t *sum; /* the order of names does not matter */
};

static uint64_t mix(uint64_t x, const char *name)
{
    for (; *name; name++) x = (x ^ (uint8_t)*name) * UINT64_C(0x100000001B3);
    return x ^ x >> 31;
}

static int add_file(const struct walk *w, const char *path)
{
    struct tsr_file f;
    struct tsr_look look = {0};
    int rc = tsr_tree_file(w->tree, path, &f);
    if (rc < 0 || f.fd < 0) return rc;
    rc = tsr_file_look(&f, &look);
    tsr_tree_shut(&f);
    *w->sum += mix(look.stamp, path);
    return rc;
}

static int add_below(void *user, const char *name, bool folder)
{
    const struct walk *w = user;
    struct tsr_buf path = {0};
    int rc = tsr_buf_addf(&path, "%s%s%s", w->below, w->below[0] ? "/" : "", name);
    if (rc == TSR_OK) rc = tsr_buf_add(&path, "", 1);
    const char *p = (const char *)path.p;
    struct walk deeper = {w->tree, p, w->sum};
    if (rc == TSR_OK) rc = folder ? tsr_tree_list(w->tree, p, add_below, &deeper) : add_file(w, p);
    tsr_buf_free(&path);
    return rc;
}

static int folder_stamp(const char *path, const char *node, uint64_t *stamp)
{
    struct tsr_tree tree;
    int rc = tsr_tree_open(path, TSR_TREE_ANY_LINK, &tree);
    if (rc < 0) return rc;
    rc = tsr_tree_list(&tree, node, add_below, &(struct walk){&tree, node, stamp});
    tsr_tree_close(&tree);
    return rc;
}

int tsr_source_stamp(const tsr_array *a, uint64_t *stamp)
{
    return tsr_node_stamp(a->d->store, tsr_format_node(a->d), stamp);
}

int tsr_node_stamp(struct tsr_store *st, const char *node, uint64_t *stamp)
{
    const char *local = st->url ? tsr_store_path(st->url) : NULL;
    enum tsr_path_kind kind = TSR_PATH_NONE;
    struct tsr_file f;
    *stamp = 0;
    int rc = local ? tsr_path_stat(local, &kind, NULL) : TSR_OK;
    if (rc < 0) return rc;
    if (kind == TSR_PATH_FOLDER) return folder_stamp(local, node ? node : "", stamp);
    if (kind != TSR_PATH_FILE) {
        *stamp = tsr_store_stamp(st, "");
        return TSR_OK;
    }
    rc = tsr_file_open(local, TSR_FILE_READ, &f);
    if (rc < 0) return rc;
    *stamp = tsr_file_stamp(&f);
    tsr_file_close(&f);
    return TSR_OK;
}
