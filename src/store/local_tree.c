/* SPDX-License-Identifier: BSD-3-Clause */
/* store/local_tree.c - which tree of objects is at a path.
 *
 * What is there says it: a folder is one, a file must be a zip archive.  Where nothing is yet the
 * name does. */
#include <string.h>

#include "store/kinds.h"

bool tsr_store_names_zip(const char *name, size_t len)
{
    return len > 4 && (!memcmp(name + len - 4, ".zip", 4) || !memcmp(name + len - 4, ".ozx", 4));
}

/* The end of an empty archive is all there is of it. */
bool tsr_store_is_zip(const uint8_t *head, size_t len)
{
    return len >= 4 && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4));
}

/* EARG or, when it was to be replaced, EEXISTS where the file is no archive.  One that is only read
 * may have other bytes before it, where its name tells. */
static int need_archive(struct tsr_store *file, const char *path, bool replace)
{
    uint8_t head[4];
    struct tsr_get g = {.key = "", .len = sizeof head, .dst = head};
    int rc = tsr_store_getv(file, &g, 1);
    bool told = g.got && !file->writable && tsr_store_names_zip(path, strlen(path));
    if (rc < 0 || told || tsr_store_is_zip(head, g.got)) return rc;
    if (replace)
        return tsr_fail(TSR_EEXISTS, "%s: is a file but no zip archive: is not replaced",
                        file->url);
    return tsr_fail(TSR_EARG, "%s: is a file, expected a folder or a zip archive", file->url);
}

static int open_archive(const char *path, const struct tsr_tree_options *o, struct tsr_store **out)
{
    struct tsr_store *file;
    bool replace = o->flags & TSR_TREE_CREATE && o->flags & TSR_TREE_EMPTY;
    int rc = tsr_store_file_open(path, o->flags & TSR_TREE_UPDATE, &file);
    if (rc < 0) return rc;
    rc = need_archive(file, path, replace);
    if (rc == TSR_OK && !replace) return tsr_store_zip(file, o, out);
    tsr_store_close(file);
    return rc < 0 ? rc : tsr_store_zip_create(path, o, out);
}

int tsr_store_local_tree_open(const char *path, const struct tsr_tree_options *o,
                              struct tsr_store **out)
{
    enum tsr_path_kind kind;
    int rc = tsr_path_stat(path, &kind, NULL);
    if (rc < 0) return rc;
    if (kind == TSR_PATH_FOLDER) return tsr_store_tree_open(path, o, out);
    if (kind != TSR_PATH_NONE) return open_archive(path, o, out);
    if (o->flags & TSR_TREE_CREATE && tsr_store_names_zip(path, strlen(path)))
        return tsr_store_zip_create(path, o, out);
    return tsr_store_tree_open(path, o, out);
}
