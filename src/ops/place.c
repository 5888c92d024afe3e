/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/place.c - what lies at a place, and what lies in a folder. */
#include "array/array.h"
#include "base/mem.h"
#include "net/url.h"
#include "ops/group.h"
#include "store/key.h"

static int answer(tsr_place_info *out, tsr_kind kind, const char *format)
{
    tsr_place_info info = {.size = sizeof info, .kind = kind, .format = format};
    return tsr_hand_out(out, &info, sizeof info, "tsr_place_info");
}

/* What a node of a tree is.  In a folder of this machine without a document everything may be, not
 * nodes alone, unless its name tells a tree. */
static int probe_node(struct tsr_store *st, const char *key, bool folder, tsr_place_info *out)
{
    struct tsr_zplace v = {.st = st};
    struct tsr_zfound f;
    int format, rc;
    if (folder && !*key) {
        rc = tsr_zmeta_openv(st, &key, 1, &f);
        if (rc == TSR_OK && f.rc == TSR_ENOTFOUND) rc = answer(out, TSR_KIND_GROUP, "dir");
        else if (rc == TSR_OK && f.rc < 0) rc = tsr_fail((tsr_status)f.rc, "%s", f.why);
    } else {
        rc = tsr_ztree_find(&v, key, &f);
    }
    if (rc < 0) return rc;
    if (f.m)
        rc = answer(out, f.m->array ? TSR_KIND_ARRAY : TSR_KIND_GROUP,
                    tsr_zformat_name(f.m->format));
    else if (f.rc == TSR_OK && (rc = tsr_group_look(&v, key, &format)) == TSR_OK)
        rc = answer(out, TSR_KIND_GROUP, tsr_zformat_name(format));
    tsr_zfound_done(&f, 1);
    return rc;
}

static bool names_tree(const char *path)
{
    const struct tsr_format *f = tsr_format_for_suffix(path);
    return f && f->tree;
}

static int probe_tree(const char *path, const char *inside, const tsr_options *o,
                      tsr_place_info *out)
{
    const char *local = tsr_store_path(path);
    struct tsr_tree_options t = {.remote = o->remote};
    enum tsr_path_kind kind = TSR_PATH_NONE;
    struct tsr_store *st;
    char *key = NULL;
    int rc = local ? tsr_path_stat(local, &kind, NULL) : TSR_OK;
    if (rc == TSR_OK) rc = tsr_key_normalise(inside, &key);
    if (rc == TSR_OK) rc = tsr_store_open_tree(path, &t, &st);
    if (rc == TSR_OK) {
        rc = probe_node(st, key, kind == TSR_PATH_FOLDER && !names_tree(path), out);
        if (rc == TSR_ENOTFOUND && kind == TSR_PATH_FOLDER && !*key)
            rc = answer(out, TSR_KIND_GROUP, "dir");
        tsr_store_close(st);
    }
    if (rc < 0) tsr_url_within(path);
    tsr_free(key);
    return rc;
}

/* After no object was found at a place: what can list tells whether it is a prefix with nodes
 * below. */
static int probe_prefix(const char *path, const tsr_options *o, int rc, tsr_place_info *out)
{
    char text[TSR_ERROR_MAX];
    tsr_error_save(text);
    int tree = probe_tree(path, "", o, out);
    if (tree != TSR_ENOTFOUND) return tree;
    tsr_error_restore(text);
    return rc;
}

/* One file, whose content may say that it is a tree, or a folder with a sparse frame in it. */
static int probe_store(const char *path, const char *inside, const tsr_options *o,
                       tsr_place_info *out)
{
    const struct tsr_format *f = NULL;
    struct tsr_store *st;
    int rc = tsr_store_open_with(path, false, o->remote, &st);
    if (rc < 0) return rc;
    rc = tsr_format_choose(st, o->format, path, o->offset, &f);
    bool lists = st->far && st->kind->list && !tsr_format_for_suffix(path);
    tsr_store_close(st);
    if (rc == TSR_OK && f->tree) return probe_tree(path, inside, o, out);
    if (rc == TSR_OK && *inside)
        rc = tsr_fail(TSR_ENOTFOUND, "there is nothing named '%s' inside", inside);
    if (rc == TSR_OK) return answer(out, f->kind, f->name);
    tsr_url_within(path);
    return rc == TSR_ENOTFOUND && lists && !*inside ? probe_prefix(path, o, rc, out) : rc;
}

int tsr_probe(const char *url, const tsr_options *opts, tsr_place_info *out)
{
    tsr_options o = tsr_options_complete(opts);
    bool tree = false;
    char *path, *inside;
    if (!url) return tsr_fail(TSR_EARG, "no path given");
    int rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    rc = tsr_place_is_tree(path, inside, &o, &tree);
    if (rc == TSR_OK)
        rc = tree ? probe_tree(path, inside, &o, out) : probe_store(path, inside, &o, out);
    tsr_free(path);
    tsr_free(inside);
    return rc;
}

/* ---- groups ---- */

struct hearing {
    const struct tsr_group *g;
    tsr_list_fn fn;
    void *user;
};

static int hear(void *user, const tsr_node_info *n)
{
    const struct hearing *h = user;
    const char *path = tsr_group_path(h->g);
    const char *format = n->format ? n->format : tsr_group_format(h->g);
    tsr_place_info info = {.size = sizeof info, .kind = n->kind, .format = format};
    struct tsr_buf url = {0};
    if (n->status < 0) return TSR_OK;
    int rc = tsr_buf_addf(&url, "%s#%s%s%s", h->g->place->url, path, *path ? "/" : "", n->path);
    if (rc == TSR_OK) rc = tsr_buf_add(&url, "", 1);
    if (rc == TSR_OK) rc = h->fn(h->user, (const char *)url.p, &info);
    tsr_buf_free(&url);
    return rc;
}

static int list_group(const char *url, const tsr_options *o, tsr_list_fn fn, void *user)
{
    struct hearing h = {NULL, fn, user};
    tsr_group *g;
    int rc = tsr_group_open(url, o, &g);
    if (rc < 0) return rc;
    h.g = g;
    rc = tsr_group_list(g, 1, hear, &h);
    tsr_group_close(g);
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
    o.format = NULL;
    if (strcmp(info.format, "dir") != 0) return list_group(url, &o, fn, user);
    if ((rc = tsr_url_split(url, &path, &inside)) < 0) return rc;
    rc = list(url, path, &o, fn, user);
    tsr_free(path);
    tsr_free(inside);
    return rc;
}
