/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/repack.c - a Blosc2 file without its holes: a copy of the chunks as they are, which takes the
 * place of the file by a rename, so that there is the old one or the new one at any moment. */
#include <string.h>

#include "array/array.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "net/url.h"

struct repack {
    const tsr_options *o;
    const struct tsr_frame *f;
};

static int after(void *arg, int64_t i)
{
    const struct repack *r = arg;
    const struct tsr_frame_facts *f = tsr_frame_facts_of(r->f);
    if (!r->o->progress) return TSR_OK;
    int64_t done = (int64_t)((double)f->nbytes * (double)(i + 1) / (double)f->nchunks);
    if (!r->o->progress(r->o->user, done, f->nbytes)) return TSR_OK;
    return tsr_fail(TSR_ECANCELLED, "repack: stopped by the caller");
}

static int open_frame(const char *url, bool in_place, const tsr_options *o, struct tsr_frame **f)
{
    struct tsr_store *st;
    const char *key;
    uint8_t magic[10];
    int rc = tsr_store_open_with(url, in_place, o->remote, &st);
    if (rc < 0) return rc;
    rc = tsr_frame_key(st, &key);
    if (rc == TSR_OK) rc = tsr_store_read(st, key, 0, magic, sizeof magic);
    if (rc == TSR_ECORRUPT || (rc == TSR_OK && !tsr_frame_begins(magic, sizeof magic)))
        rc = tsr_fail(TSR_EUNSUPPORTED, "%s: no Blosc2 frame", url);
    if (rc == TSR_OK) rc = tsr_frame_open(st, 0, tsr_limits_of(o), f);
    if (rc < 0) tsr_store_close(st);
    return rc;
}

/* What is named inside something, as nodes of Zarr are, is no file.  (A file's own name may have a
 * #, which stands for itself here.) */
static int refuse_node(const char *url)
{
    enum tsr_path_kind whole, around;
    size_t len = strcspn(url, "#");
    char *path;
    if (!url[len]) return TSR_OK;
    int rc = tsr_path_stat(url, &whole, NULL);
    if (rc < 0 || whole != TSR_PATH_NONE) return rc;
    if (!(path = tsr_strdup(url))) return TSR_ENOMEM;
    path[len] = 0;
    rc = tsr_path_stat(path, &around, NULL);
    if (rc == TSR_OK && around != TSR_PATH_NONE)
        rc = tsr_fail(TSR_EUNSUPPORTED,
                      "%s: names what is inside %s, expected a Blosc2 file or folder; arrays of "
                      "Zarr have no holes to drop",
                      url, path);
    tsr_free(path);
    return rc;
}

static int open_target(const char *url, bool folder, bool replace, struct tsr_store **to)
{
    return folder ? tsr_store_create_folder(url, replace, to) : tsr_store_create(url, replace, to);
}

int tsr_repack(const char *url, const char *out_url, int flags, const tsr_options *opts)
{
    tsr_options o = tsr_options_complete(opts);
    struct tsr_frame *f = NULL;
    struct tsr_store *to = NULL;
    enum tsr_path_kind kind;
    bool replace = !out_url || (o.mode && strcmp(o.mode, "w") == 0);
    if (!url) return tsr_fail(TSR_EARG, "repack: no path given");
    if (o.mode && strcmp(o.mode, "w") != 0 && strcmp(o.mode, "x") != 0)
        return tsr_fail(TSR_EARG, "mode: found '%s', expected 'w' or 'x' to create", o.mode);
    int rc = refuse_node(url);
    if (rc == TSR_OK) /* in place: with the lock that writers take */
        rc = open_frame(url, !out_url, &o, &f);
    if (rc == TSR_OK) rc = tsr_path_stat(url, &kind, NULL);
    if (rc == TSR_OK)
        rc = open_target(out_url ? out_url : url, kind == TSR_PATH_FOLDER, replace, &to);
    struct repack r = {&o, f};
    struct tsr_frame_repacking how = {flags & TSR_CHECKSUM, o.durable, after, &r};
    if (rc == TSR_OK) rc = tsr_frame_repack(f, to, &how);
    if (rc < 0) tsr_url_within(url);
    tsr_store_close(to);
    tsr_frame_close(f);
    return rc;
}
