/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/group_change.c - groups made and changed, and arrays of groups. */
#include "base/mem.h"
#include "net/url.h"
#include "ops/group.h"
#include "store/key.h"
#include "zarr/attrs.h"

/* ---- make ---- */

enum how { MAKE_NEW, MAKE_ANEW, MAKE_MISSING };

static int how_of(const char *mode, bool missing, enum how *out)
{
    *out = MAKE_NEW;
    if (!mode || !strcmp(mode, "x")) return TSR_OK;
    if (!strcmp(mode, "w")) *out = MAKE_ANEW;
    else if (missing && !strcmp(mode, "a")) *out = MAKE_MISSING;
    else
        return tsr_fail(TSR_EARG, "mode: found '%s', expected 'x'%s or 'w' to create", mode,
                        missing ? ", 'a'" : "");
    return TSR_OK;
}

static const char *shown(const char *path)
{
    return *path ? path : "the root";
}

/* What is to be made: format is that which its groups above must have. */
struct making {
    enum how how;
    bool group;
    int format;
};

/* It goes only where what takes its place can be made. */
static int give_way(struct tsr_store *st, const char *path, int format)
{
    int rc = tsr_ztree_make_way(st, path, format, false);
    return rc < 0 ? rc : tsr_ztree_remove(st, path);
}

/* Makes room for a new node at path; *there: one is, of MAKE_MISSING a group.  Only a new group
 * may be what gives a group without document its own: nothing is removed for that. */
static int make_room(struct tsr_store *st, const char *path, struct making what, bool *there)
{
    enum how how = what.how;
    struct tsr_zplace v = {.st = st};
    struct tsr_zfound f;
    *there = false;
    int rc = tsr_ztree_find(&v, path, &f);
    if (rc == TSR_ENOTFOUND) return TSR_OK;
    if (rc < 0 && (how != MAKE_ANEW || !tsr_zmeta_unusable(rc))) return rc;
    bool array = rc == TSR_OK && f.m && f.m->array, bare = rc == TSR_OK && !f.m;
    if (rc == TSR_OK) tsr_zfound_done(&f, 1);
    *there = !bare;
    if (how == MAKE_ANEW && !bare) {
        *there = false;
        return give_way(st, path, what.format);
    }
    if (how == MAKE_MISSING && !array) return TSR_OK;
    if (how == MAKE_NEW && what.group && bare) return TSR_OK;
    return tsr_fail(TSR_EEXISTS, "%s: there is %s already", shown(path),
                    array  ? "an array"
                    : bare ? "a group without document"
                           : "a group");
}

static int put_group(struct tsr_store *st, const char *path, int format, bool durable)
{
    struct tsr_zmeta *m;
    int rc = tsr_ztree_make_way(st, path, format, durable);
    if (rc == TSR_OK) rc = tsr_zmeta_new_group(format, NULL, &m);
    if (rc < 0) return rc;
    rc = tsr_ztree_put(st, path, m, durable);
    tsr_zmeta_free(m);
    return rc;
}

/* ---- create at a place ---- */

static int one_is_enough(void *user, const char *key)
{
    (void)user;
    (void)key;
    return 1;
}

/* A folder in which there is no node may hold anything; *format: of the nodes. */
static int must_be_empty(struct tsr_store *st, int *format)
{
    struct tsr_zplace v = {.st = st};
    int rc = tsr_group_look(&v, "", format);
    if (rc != TSR_ENOTFOUND) return rc;
    rc = tsr_store_list(st, "", one_is_enough, NULL);
    if (rc <= 0) return rc;
    return tsr_fail(TSR_EEXISTS, "holds other things than a group of Zarr");
}

/* A new archive takes the place of an old one when it is published. */
static int flags_of(const char *path, const char *inside, enum how how, unsigned *flags)
{
    const char *local = tsr_store_path(path);
    enum tsr_path_kind kind = TSR_PATH_NONE;
    int rc = local ? tsr_path_stat(local, &kind, NULL) : TSR_OK;
    *flags = TSR_TREE_UPDATE | TSR_TREE_CREATE;
    if (rc < 0 || *inside || kind != TSR_PATH_FILE) return rc;
    *flags |= TSR_TREE_EMPTY;
    return how == MAKE_NEW ? tsr_fail(TSR_EEXISTS, "there is a file already") : TSR_OK;
}

/* The format of what is made below the root: that of it, where there is one. */
static int choose_format(struct tsr_store *st, const char *name, int *format)
{
    struct tsr_zmeta *m = NULL;
    int rc = tsr_zmeta_open(st, "", &m);
    int root = rc == TSR_OK && !m->array ? m->format : 3;
    tsr_zmeta_free(m);
    if (rc < 0 && rc != TSR_ENOTFOUND) return rc;
    return tsr_zformat_number(name, root, format);
}

/* The root is made of any format, what is below it of one that fits. */
static int create_in(struct tsr_store *st, const char *key, const tsr_options *o, enum how how,
                     int *format)
{
    bool there, root = !*key;
    int found = 3, rc = root ? TSR_OK : choose_format(st, o->format, format);
    if (rc == TSR_OK) rc = make_room(st, key, (struct making){how, true, *format}, &there);
    if (rc == TSR_OK && root) rc = must_be_empty(st, &found);
    if (rc == TSR_OK && root) rc = tsr_zformat_number(o->format, found, format);
    return rc < 0 ? rc : put_group(st, key, *format, o->durable);
}

/* A name that tells of something else is hardly meant for a group, unless its format is named or
 * the hierarchy is there. */
static int check_name(const char *path, const char *key, const tsr_options *o)
{
    const struct tsr_format *f = o->format ? NULL : tsr_format_for_suffix(path);
    const char *local = tsr_store_path(path);
    enum tsr_path_kind kind;
    if (!f || f->tree) return TSR_OK;
    if (*key && local && tsr_path_stat(local, &kind, NULL) == TSR_OK && kind == TSR_PATH_FOLDER)
        return TSR_OK;
    return tsr_fail(TSR_EARG,
                    "the name tells format %s, which has no groups; they are in Zarr: a name that "
                    "ends in .zarr or .zip, or format zarr3 or zarr2",
                    f->name);
}

static int create_at(const char *url, const char *path, const char *key, const tsr_options *o,
                     struct tsr_group **out)
{
    struct tsr_tree_options t = {.remote = o->remote};
    struct tsr_place_of *p;
    struct tsr_store *st;
    enum how how;
    int format = 0, rc = how_of(o->mode, false, &how);
    if (rc == TSR_OK) rc = tsr_zformat_number(o->format, 3, &format);
    if (rc == TSR_OK) rc = check_name(path, key, o);
    if (rc == TSR_OK) rc = flags_of(path, key, how, &t.flags);
    if (rc == TSR_OK) rc = tsr_store_open_tree(path, &t, &st);
    if (rc == TSR_OK) rc = tsr_group_place(st, url, o, &p);
    if (rc < 0) return rc;
    atomic_fetch_add(&p->users, 1);
    rc = create_in(st, key, o, how, &format);
    if (rc == TSR_OK) rc = tsr_group_make(p, key, format, out);
    tsr_group_leave(p);
    return rc;
}

int tsr_group_create(const char *url, const tsr_options *opts, tsr_group **out)
{
    tsr_options o = tsr_options_complete(opts);
    char *path, *inside, *key;
    if (!url) return tsr_fail(TSR_EARG, "no path given");
    int rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    rc = tsr_key_normalise(inside, &key);
    if (rc == TSR_OK) {
        rc = create_at(url, path, key, &o, out);
        tsr_free(key);
    }
    if (rc < 0) tsr_url_within(path);
    tsr_free(path);
    tsr_free(inside);
    return rc;
}

/* ---- create and remove in a group ---- */

/* The path of a new child, and what is there made to give way. */
static int begin_child(struct tsr_group *g, const char *path, enum how how, bool group, char **key,
                       bool *there)
{
    int rc = tsr_group_may_change(g);
    if (rc == TSR_OK) rc = tsr_group_join(g, path, key);
    if (rc < 0) return rc;
    if (!strcmp(*key, g->path) && how != MAKE_MISSING)
        rc = tsr_fail(TSR_EARG, "path: found '%s', expected the name of what is to be made", path);
    struct making what = {how, group, g->format};
    if (rc == TSR_OK) rc = make_room(g->place->st, *key, what, there);
    if (rc < 0) tsr_free(*key);
    return rc;
}

int tsr_group_create_group(tsr_group *g, const char *path, const char *mode, tsr_group **out)
{
    enum how how;
    char *key = NULL;
    bool there;
    int rc = how_of(mode, true, &how);
    if (rc == TSR_OK) rc = begin_child(g, path, how, true, &key, &there);
    if (rc == TSR_OK) {
        if (!there) rc = put_group(g->place->st, key, g->format, g->place->o.durable);
        if (rc == TSR_OK) rc = tsr_group_make(g->place, key, g->format, out);
        tsr_free(key);
    }
    if (rc < 0) tsr_url_within(g->place->url);
    return rc;
}

static tsr_options array_options(const struct tsr_group *g, const tsr_options *opts)
{
    tsr_options o = tsr_options_complete(opts);
    if (!opts || !opts->context) o.context = g->place->o.context;
    o.durable = o.durable || g->place->o.durable;
    return o;
}

/* Of a group that is seen through consolidated metadata it says what the array is. */
static int known_meta(const struct tsr_group *g, const char *key, struct tsr_zmeta **meta)
{
    struct tsr_zfound f;
    if (!g->place->v.cache) return TSR_OK;
    int rc = tsr_ztree_find(&g->place->v, key, &f);
    if (rc < 0) return rc;
    if (f.m && f.m->array) {
        *meta = f.m;
        f.m = NULL;
    } else {
        rc = tsr_fail(TSR_EARG, "%s: is a group, expected an array", shown(key));
    }
    tsr_zfound_done(&f, 1);
    return rc;
}

int tsr_group_open_array(const tsr_group *g, const char *path, const tsr_options *opts,
                         tsr_array **out)
{
    struct tsr_zmeta *meta = NULL;
    tsr_options o = array_options(g, opts);
    char *key = NULL;
    int rc = tsr_group_join(g, path, &key);
    if (rc < 0) return rc;
    o.mode = g->place->o.mode;
    o.format = NULL;
    rc = known_meta(g, key, &meta);
    if (rc == TSR_OK) rc = tsr_engine_open_node(tsr_store_share(g->place->st), key, meta, &o, out);
    if (rc < 0) tsr_url_within(g->place->url);
    tsr_free(key);
    return rc;
}

/* What the spec alone tells to be wrong is told before anything gives way to the array. */
static int rehearse(const tsr_spec *spec, const tsr_options *o)
{
    tsr_array *a;
    struct tsr_store *st;
    int rc = tsr_store_mem_tree(&st);
    if (rc == TSR_OK) rc = tsr_array_create_node(st, "", spec, o, &a);
    if (rc == TSR_OK) tsr_engine_drop(a);
    return rc;
}

int tsr_group_create_array(tsr_group *g, const char *path, const tsr_spec *spec,
                           const tsr_options *opts, tsr_array **out)
{
    tsr_options o = array_options(g, opts);
    enum how how;
    char *key = NULL;
    bool there;
    int rc = how_of(o.mode, false, &how);
    o.mode = "x";
    o.format = tsr_zformat_name(g->format);
    if (rc == TSR_OK && how == MAKE_ANEW) rc = rehearse(spec, &o);
    if (rc == TSR_OK) rc = begin_child(g, path, how, false, &key, &there);
    if (rc == TSR_OK) {
        rc = tsr_array_create_node(tsr_store_share(g->place->st), key, spec, &o, out);
        tsr_free(key);
    }
    if (rc < 0) tsr_url_within(g->place->url);
    return rc;
}

int tsr_group_remove(tsr_group *g, const char *path)
{
    struct tsr_zplace v = {.st = g->place->st};
    struct tsr_zfound f;
    char *key = NULL;
    int rc = tsr_group_may_change(g);
    if (rc == TSR_OK) rc = tsr_group_join(g, path, &key);
    if (rc < 0) return rc;
    if (!strcmp(key, g->path)) rc = tsr_fail(TSR_EARG, "a group does not remove itself");
    if (rc == TSR_OK) rc = tsr_ztree_find(&v, key, &f);
    if (rc == TSR_OK) tsr_zfound_done(&f, 1);
    if (rc == TSR_OK || tsr_zmeta_unusable(rc)) rc = tsr_ztree_remove(g->place->st, key);
    if (rc < 0) tsr_url_within(g->place->url);
    tsr_free(key);
    return rc;
}

/* ---- attributes ---- */

/* Its own document, a new one where it has none. */
static int own_document(const struct tsr_group *g, struct tsr_zmeta **out)
{
    int rc = tsr_zmeta_open(g->place->st, g->path, out);
    return rc == TSR_ENOTFOUND ? tsr_zmeta_new_group(g->format, NULL, out) : rc;
}

/* name NULL: value is the whole map; else value NULL: the member goes. */
static int put_attributes(struct tsr_group *g, struct tsr_doc *d, const char *name,
                          const struct tsr_node *value)
{
    struct tsr_zmeta *m = NULL;
    struct tsr_node map;
    int rc = own_document(g, &m);
    if (rc == TSR_OK && name) rc = tsr_zattrs_change(d, &m->attributes, name, value, &map);
    if (rc == TSR_OK) rc = tsr_zmeta_set_attributes(m, name ? &map : value);
    if (rc == TSR_OK) rc = tsr_ztree_put(g->place->st, g->path, m, g->place->o.durable);
    tsr_zmeta_free(m);
    return rc;
}

static int change_attributes(struct tsr_group *g, const char *name, const char *json)
{
    struct tsr_node value;
    enum tsr_zdoc which = g->format == 3 ? TSR_ZDOC_V3 : TSR_ZDOC_GROUP;
    struct tsr_lock held = {-1};
    struct tsr_doc *d;
    int rc = tsr_group_may_change(g);
    if (rc == TSR_OK) rc = tsr_doc_new(&d);
    if (rc < 0) return rc;
    if (json) rc = tsr_zattrs_read(d, name, json, &value);
    if (rc == TSR_OK) rc = tsr_ztree_hold(g->place->st, g->path, which, &held);
    if (rc == TSR_OK) {
        rc = put_attributes(g, d, name, json ? &value : NULL);
        for (int i = 0; rc == TSR_ECONFLICT && held.fd < 0 && tsr_ztree_again(i); i++)
            rc = put_attributes(g, d, name, json ? &value : NULL);
        tsr_lock_release(&held);
    }
    if (rc < 0) tsr_url_within(g->place->url);
    tsr_doc_free(d);
    return rc;
}

int tsr_group_attr_set(tsr_group *g, const char *name, const char *json)
{
    if (!name || !json) return tsr_fail(TSR_EARG, "an attribute has a name and a value");
    return change_attributes(g, name, json);
}

int tsr_group_attr_remove(tsr_group *g, const char *name)
{
    if (!name) return tsr_fail(TSR_EARG, "an attribute has a name");
    return change_attributes(g, name, NULL);
}

int tsr_group_attrs_set(tsr_group *g, const char *json)
{
    if (!json) return tsr_fail(TSR_EARG, "attributes are an object");
    return change_attributes(g, NULL, json);
}

int tsr_group_consolidate(tsr_group *g)
{
    int rc = tsr_group_may_change(g);
    if (rc == TSR_OK) rc = tsr_ztree_consolidate(g->place->st, g->path, g->place->o.durable);
    if (rc < 0) tsr_url_within(g->place->url);
    return rc;
}
