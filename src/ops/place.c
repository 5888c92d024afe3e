/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/place.c - what lies at a place, and what lies in a folder. */
#include "array/array.h"
#include "base/mem.h"
#include "net/url.h"

static int answer(tsr_place_info *out, tsr_kind kind, const char *format)
{
    tsr_place_info info = {.size = sizeof info, .kind = kind, .format = format};
    return tsr_hand_out(out, &info, sizeof info, "tsr_place_info");
}

static int probe_store(const char *path, const tsr_options *o, tsr_place_info *out)
{
    struct tsr_store *st;
    int rc = tsr_store_open(path, false, &st);
    if (rc < 0) return rc;
    const struct tsr_format *f;
    rc = tsr_format_choose(st, o->format, path, o->offset, &f);
    tsr_store_close(st);
    if (rc == TSR_OK) return answer(out, f->kind, f->name);
    tsr_url_within(path);
    return rc;
}

/* A folder with a sparse frame in it is what the frame is; others are groups. */
static int probe_folder(const char *path, const tsr_options *o, tsr_place_info *out)
{
    enum tsr_path_kind kind;
    struct tsr_buf name = {0};
    int rc = tsr_buf_addf(&name, "%s/chunks.b2frame", path);
    if (rc == TSR_OK) rc = tsr_path_stat((const char *)name.p, &kind, NULL);
    tsr_buf_free(&name);
    if (rc < 0) return rc;
    if (kind == TSR_PATH_NONE) return answer(out, TSR_KIND_GROUP, "dir");
    return probe_store(path, o, out);
}

int tsr_probe(const char *url, const tsr_options *opts, tsr_place_info *out)
{
    tsr_options o = tsr_options_complete(opts);
    enum tsr_path_kind kind;
    char *path, *inside;
    if (!url) return tsr_fail(TSR_EARG, "no path given");
    int rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    rc = tsr_path_stat(path, &kind, NULL);
    if (rc == TSR_OK)
        rc = kind == TSR_PATH_FOLDER ? probe_folder(path, &o, out) : probe_store(path, &o, out);
    if (rc == TSR_OK && *inside)
        rc = tsr_fail(TSR_ENOTFOUND, "%s: there is nothing named '%s' inside", path, inside);
    tsr_free(path);
    tsr_free(inside);
    return rc;
}

/* ---- folders ---- */

/* folder/name as a URL: a # of the name is written %23. */
static int join(struct tsr_buf *url, const char *folder, const char *name)
{
    size_t len = strlen(folder);
    int rc = tsr_buf_addf(url, "%s%s", folder, len && folder[len - 1] == '/' ? "" : "/");
    for (; *name && rc == TSR_OK; name++)
        rc = *name == '#' ? tsr_buf_addf(url, "%%23") : tsr_buf_add(url, name, 1);
    return rc < 0 ? rc : tsr_buf_add(url, "", 1);
}

/* Files that are none of ours are passed over; so is what cannot be looked at. */
static int visit(const char *url, const tsr_options *o, tsr_list_fn fn, void *user)
{
    tsr_place_info info = {.size = sizeof info};
    int rc = tsr_probe(url, o, &info);
    if (rc == TSR_OK) return fn(user, url, &info);
    return rc == TSR_ENOMEM ? rc : TSR_OK;
}

static int list(const char *url, const char *path, const tsr_options *o, tsr_list_fn fn, void *user)
{
    char **names;
    size_t n;
    size_t len = strcspn(url, "#");
    int rc = tsr_path_list(path, &names, &n);
    if (rc < 0) return rc;
    char *folder = tsr_alloc(len + 1);
    if (!folder) rc = TSR_ENOMEM;
    else memcpy(folder, url, len), folder[len] = 0;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        struct tsr_buf entry = {0};
        rc = join(&entry, folder, names[i]);
        if (rc == TSR_OK) rc = visit((const char *)entry.p, o, fn, user);
        tsr_buf_free(&entry);
    }
    tsr_free(folder);
    tsr_free(names);
    return rc;
}

int tsr_list(const char *url, const tsr_options *opts, tsr_list_fn fn, void *user)
{
    tsr_options o = tsr_options_complete(opts);
    tsr_place_info info = {.size = sizeof info};
    char *path, *inside;
    int rc = tsr_probe(url, &o, &info);
    if (rc < 0) return rc;
    if (info.kind != TSR_KIND_GROUP)
        return tsr_fail(TSR_EARG, "%s: holds no others, it is of format %s", url, info.format);
    if ((rc = tsr_url_split(url, &path, &inside)) < 0) return rc;
    o.format = NULL;
    rc = list(url, path, &o, fn, user);
    tsr_free(path);
    tsr_free(inside);
    return rc;
}
