/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/group.c - groups: opened, listed, and what is in them found. */
#include "ops/group.h"

#include "base/mem.h"
#include "net/url.h"
#include "store/key.h"

/* ---- places and handles ---- */

const char *tsr_zformat_name(int format)
{
    return format == 2 ? "zarr2" : format == 3 ? "zarr3" : NULL;
}

int tsr_zformat_number(const char *name, int otherwise, int *out)
{
    *out = otherwise;
    if (!name) return TSR_OK;
    *out = !strcmp(name, "zarr2") ? 2 : !strcmp(name, "zarr3") ? 3 : 0;
    return *out ? TSR_OK
                : tsr_fail(TSR_EUNSUPPORTED,
                           "format: found '%s', expected 'zarr3' or 'zarr2' for a group", name);
}

int tsr_group_place(struct tsr_store *st, const char *url, const tsr_options *o,
                    struct tsr_place_of **out)
{
    struct tsr_place_of *p = tsr_alloc_zero(1, sizeof *p);
    size_t len = strcspn(url, "#");
    char *own = tsr_alloc(len + 1);
    if (!p || !own) {
        tsr_free(p);
        tsr_free(own);
        tsr_store_close(st);
        return TSR_ENOMEM;
    }
    memcpy(own, url, len);
    own[len] = 0;
    p->st = p->v.st = st;
    p->url = own;
    p->o = (tsr_options){.size = sizeof p->o, .context = o->context, .durable = o->durable};
    p->o.max_chunk_bytes = o->max_chunk_bytes;
    p->o.no_consolidated = o->no_consolidated;
    p->o.mode = st->writable ? "r+" : "r";
    *out = p;
    return TSR_OK;
}

void tsr_group_leave(struct tsr_place_of *p)
{
    if (atomic_fetch_sub(&p->users, 1) > 1) return;
    tsr_zcache_free((struct tsr_zcache *)(uintptr_t)p->v.cache);
    tsr_store_close(p->st);
    tsr_free(p->url);
    tsr_free(p->root);
    tsr_free(p);
}

int tsr_group_make(struct tsr_place_of *p, const char *path, int format, struct tsr_group **out)
{
    struct tsr_group *g = tsr_alloc_zero(1, sizeof *g);
    char *own = g ? tsr_strdup(path) : NULL;
    atomic_fetch_add(&p->users, 1);
    if (!own) {
        tsr_free(g);
        tsr_group_leave(p);
        return TSR_ENOMEM;
    }
    *g = (struct tsr_group){p, own, format};
    *out = g;
    return TSR_OK;
}

int tsr_group_flush(tsr_group *g)
{
    struct tsr_place_of *p = g->place;
    return p->st->writable ? tsr_store_publish(p->st, p->o.durable) : TSR_OK;
}

int tsr_group_close(tsr_group *g)
{
    if (!g) return TSR_OK;
    int rc = atomic_load(&g->place->users) == 1 ? tsr_group_flush(g) : TSR_OK;
    tsr_group_leave(g->place);
    tsr_free(g->path);
    tsr_free(g);
    return rc;
}

int tsr_group_join(const struct tsr_group *g, const char *path, char **out)
{
    struct tsr_buf b = {0};
    char *key = NULL;
    if (!path) return tsr_fail(TSR_EARG, "no path given");
    int rc = tsr_key_normalise(path, &key);
    if (rc < 0) return rc;
    rc = tsr_buf_addf(&b, "%s%s%s", g->path, *g->path && *key ? "/" : "", key);
    if (rc == TSR_OK) rc = tsr_buf_add(&b, "", 1);
    if (rc < 0) tsr_buf_free(&b);
    else *out = (char *)b.p;
    tsr_free(key);
    return rc;
}

int tsr_group_may_change(const struct tsr_group *g)
{
    if (g->place->st->writable) return TSR_OK;
    return tsr_fail(TSR_EDENIED, "%s: is open for reading", g->place->st->url);
}

const char *tsr_group_format(const tsr_group *g)
{
    return tsr_zformat_name(g->format);
}

const char *tsr_group_path(const tsr_group *g)
{
    return g->path;
}

bool tsr_group_consolidated(const tsr_group *g)
{
    return g->place->v.cache != NULL;
}

int tsr_group_stats(const tsr_group *g, tsr_stats *out)
{
    struct tsr_traffic t = tsr_store_traffic(g->place->st);
    tsr_stats s = {.size = sizeof s, .bytes_read = t.bytes, .requests = t.requests};
    return tsr_hand_out(out, &s, sizeof s, "tsr_stats");
}

/* ---- open ---- */

static int first_format(void *user, const struct tsr_zentry *e)
{
    if (!e->m) return 0;
    *(int *)user = e->m->format;
    return 1;
}

int tsr_group_look(const struct tsr_zplace *v, const char *path, int *format)
{
    struct tsr_zfound f;
    int rc = tsr_ztree_find(v, path, &f);
    if (rc < 0) return rc;
    *format = f.m ? f.m->format : 3;
    if (f.m && f.m->array)
        rc = tsr_fail(TSR_EARG, "%s%sis an array, expected a group", path, *path ? ": " : "");
    else if (!f.m) rc = tsr_ztree_list(v, path, 0, 0, first_format, format);
    tsr_zfound_done(&f, 1);
    return rc < 0 ? rc : TSR_OK;
}

static int read_cache(struct tsr_place_of *p, const char *path)
{
    struct tsr_zcache *c = NULL;
    const char *root = "";
    if (p->st->writable || p->o.no_consolidated) return TSR_OK;
    int rc = tsr_ztree_cache(p->st, path, &c, &root);
    p->v.cache = c;
    if (rc == TSR_OK && !(p->root = tsr_strdup(root))) rc = TSR_ENOMEM;
    p->v.root = p->root;
    return rc;
}

static int check_mode(const char *m, bool *update, bool *make)
{
    *make = m && !strcmp(m, "a");
    *update = *make || (m && !strcmp(m, "r+"));
    if (!m || *update || !strcmp(m, "r")) return TSR_OK;
    return tsr_fail(TSR_EARG, "mode: found '%s', expected 'r', 'r+' or 'a' to open a group", m);
}

static int open_tree(const char *url, const tsr_options *o, bool update, struct tsr_group **out)
{
    struct tsr_tree_options t = {.flags = update ? TSR_TREE_UPDATE : 0, .remote = o->remote};
    struct tsr_place_of *p = NULL;
    struct tsr_store *st;
    char *path, *inside, *key = NULL;
    int format, rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    rc = tsr_key_normalise(inside, &key);
    if (rc == TSR_OK) rc = tsr_store_open_tree(path, &t, &st);
    if (rc == TSR_OK) rc = tsr_group_place(st, url, o, &p);
    if (rc == TSR_OK) atomic_fetch_add(&p->users, 1);
    if (rc == TSR_OK) rc = read_cache(p, key);
    if (rc == TSR_OK) rc = tsr_group_look(&p->v, key, &format);
    if (rc == TSR_OK) rc = tsr_group_make(p, key, format, out);
    if (rc < 0) tsr_url_within(path);
    if (p) tsr_group_leave(p);
    tsr_free(path);
    tsr_free(inside);
    tsr_free(key);
    return rc;
}

int tsr_group_open(const char *url, const tsr_options *opts, tsr_group **out)
{
    tsr_options o = tsr_options_complete(opts);
    bool update, make;
    if (!url) return tsr_fail(TSR_EARG, "no path given");
    int rc = check_mode(o.mode, &update, &make);
    if (rc == TSR_OK) rc = open_tree(url, &o, update, out);
    if (rc != TSR_ENOTFOUND || !make) return rc;
    o.mode = "x";
    return tsr_group_create(url, &o, out);
}

int tsr_group_open_group(const tsr_group *g, const char *path, tsr_group **out)
{
    char *key = NULL;
    int format, rc = tsr_group_join(g, path, &key);
    if (rc < 0) return rc;
    rc = tsr_group_look(&g->place->v, key, &format);
    if (rc == TSR_OK) rc = tsr_group_make(g->place, key, format, out);
    if (rc < 0) tsr_url_within(g->place->url);
    tsr_free(key);
    return rc;
}

/* ---- what is in it ---- */

struct teller {
    const struct tsr_group *g;
    const char *within; /* what paths are cut by */
    tsr_node_fn fn;
    void *user;
};

static void tell_array(const struct tsr_zmeta *m, tsr_node_info *info)
{
    info->kind = TSR_KIND_ARRAY;
    info->ndim = m->ndim;
    info->shape = m->shape;
    info->chunks = m->grid.shape;
    info->type = tsr_ztype_name(m->type);
    info->names = m->names;
}

static int tell(void *user, const struct tsr_zentry *e)
{
    const struct teller *t = user;
    struct tsr_buf dtype = {0};
    size_t cut = strlen(t->within);
    bool array = e->m && e->m->array;
    tsr_node_info info = {.size = sizeof info, .kind = TSR_KIND_GROUP, .status = e->rc};
    info.path = e->path + cut + (cut && e->path[cut] == '/');
    info.error = e->why;
    info.format = e->m ? tsr_zformat_name(e->m->format) : NULL;
    if (array) tell_array(e->m, &info);
    if (array && e->m->type->dtype) {
        int rc = tsr_dtype_emit(&dtype, e->m->type->dtype);
        if (rc == TSR_OK) rc = tsr_buf_add(&dtype, "", 1);
        if (rc < 0) return rc;
        info.dtype = (const char *)dtype.p;
    }
    int rc = t->fn(t->user, &info);
    tsr_buf_free(&dtype);
    return rc;
}

int tsr_group_list(const tsr_group *g, int depth, tsr_node_fn fn, void *user)
{
    struct teller t = {g, g->path, fn, user};
    if (depth < 0) return tsr_fail(TSR_EARG, "depth: found %d, expected 0 or more", depth);
    return tsr_ztree_list(&g->place->v, g->path, g->format, depth, tell, &t);
}

int tsr_group_find(const tsr_group *g, const char *path, tsr_node_fn fn, void *user)
{
    struct teller t = {g, g->path, fn, user};
    struct tsr_zfound f;
    char *key = NULL;
    int rc = tsr_group_join(g, path, &key);
    if (rc < 0) return rc;
    rc = tsr_ztree_find(&g->place->v, key, &f);
    if (rc < 0) {
        tsr_url_within(g->place->url);
    } else {
        rc = tell(&t, &(struct tsr_zentry){key, f.m, TSR_OK, NULL});
        tsr_zfound_done(&f, 1);
    }
    tsr_free(key);
    return rc;
}

int tsr_group_attrs(const tsr_group *g, const char *path, char **json)
{
    static const struct tsr_node none = {.kind = TSR_NODE_MAP};
    struct tsr_buf text = {0};
    struct tsr_zfound f;
    char *key = NULL;
    int rc = tsr_group_join(g, path, &key);
    if (rc < 0) return rc;
    rc = tsr_ztree_find(&g->place->v, key, &f);
    tsr_free(key);
    if (rc < 0) return rc;
    rc = tsr_json_write(&text, f.m ? &f.m->attributes : &none, TSR_JSON_WORDS);
    if (rc == TSR_OK) rc = tsr_buf_add(&text, "", 1);
    if (rc < 0) tsr_buf_free(&text);
    else *json = (char *)text.p;
    tsr_zfound_done(&f, 1);
    return rc;
}
