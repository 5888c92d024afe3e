/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/convert_tree.c - a group of Zarr, with all that is below it, into another of either format.
 *
 *   list the nodes -> look whether all of them can go -> groups and arrays, in that order -> name
 *
 * Arrays are converted one by one (conversion.c), so their stored bytes are copied where they mean
 * the same.  Attributes go along, and consolidated metadata is written where the source has some.
 * A folder is made in DST.partial with a journal, which counts nodes: what was interrupted goes on
 * behind the last array that was complete.  An archive is written once and appears when it is. */
#include "ops/convert_tree.h"

#include "base/mem.h"
#include "net/url.h"
#include "ops/carry.h"
#include "ops/conversion.h"
#include "ops/group.h"
#include "ops/journal.h"
#include "store/kinds.h"

enum { LISTED = 20 };

struct node {
    char *path;
    bool array;
    int64_t bytes; /* of an array, decoded */
};

struct work {
    const struct tsr_tree_conversion *c;
    tsr_group *from, *to;
    const struct tsr_format *format;
    struct node *node; /* [n], groups before what is in them */
    size_t n, cap;
    struct tsr_buf refused; /* what cannot go, one after another */
    int nrefused;
    int64_t done, total; /* bytes of arrays */
    struct tsr_journal journal;
    bool journaled;
    uint64_t stamp; /* of the source, before it was listed; 0: not known */
};

static void work_end(struct work *w)
{
    tsr_group_close(w->from);
    for (size_t i = 0; i < w->n; i++) tsr_free(w->node[i].path);
    tsr_free(w->node);
    tsr_buf_free(&w->refused);
}

/* ---- what is there, and may all of it go? ---- */

/* Says nothing about what can be carried. */
static bool is_trouble(int rc)
{
    return rc == TSR_ENOMEM || rc == TSR_EIO || rc == TSR_ETEMP || rc == TSR_ECONFLICT ||
           rc == TSR_ECANCELLED;
}

static int refuse(struct work *w, const char *path, const char *why)
{
    if (w->nrefused++ == LISTED) return tsr_buf_addf(&w->refused, "; ...");
    if (w->nrefused > LISTED) return TSR_OK;
    return tsr_buf_addf(&w->refused, "%s%s: %.300s", w->refused.len ? "; " : "",
                        *path ? path : "the root", why);
}

static int add_node(void *user, const tsr_node_info *info)
{
    struct work *w = user;
    int64_t items = 0;
    if (is_trouble(info->status)) return tsr_fail(info->status, "%s: %s", info->path, info->error);
    if (info->status < 0) return refuse(w, info->path, info->error);
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 64;
        struct node *p = tsr_realloc(w->node, cap, sizeof *p);
        if (!p) return TSR_ENOMEM;
        w->node = p;
        w->cap = cap;
    }
    struct node *n = &w->node[w->n];
    *n = (struct node){.path = tsr_strdup(info->path), .array = info->kind == TSR_KIND_ARRAY};
    if (!n->path) return TSR_ENOMEM;
    w->n++;
    if (n->array) tsr_product(info->shape, info->ndim, &items);
    n->bytes = items;
    return TSR_OK;
}

static tsr_options array_options(const struct work *w)
{
    tsr_options o = *w->c->so;
    o.format = NULL;
    return o;
}

static struct tsr_conversion conversion_of(const struct work *w, const tsr_array *a,
                                           const tsr_options *o)
{
    return (struct tsr_conversion){.from = a,
                                   .src = w->c->src,
                                   .dst = w->c->dst,
                                   .format = w->format,
                                   .spec = w->c->spec,
                                   .o = o};
}

/* Can the array be made in the target?  Its errors are for the list. */
static int check_array(struct work *w, struct node *n)
{
    tsr_options so = array_options(w), o = *w->c->o;
    tsr_array *a = NULL;
    tsr_copy_plan *plan = NULL;
    int rc = tsr_group_open_array(w->from, n->path, &so, &a);
    if (rc == TSR_OK) {
        struct tsr_conversion c = conversion_of(w, a, &o);
        n->bytes = tsr_times(n->bytes, a->d->grid.item_bytes);
        rc = tsr_conversion_plan(&c, &plan);
    }
    tsr_free(plan);
    tsr_engine_drop(a);
    if (rc == TSR_OK || is_trouble(rc)) return rc;
    return refuse(w, n->path, tsr_error());
}

static int check_nodes(struct work *w)
{
    const tsr_spec *s = w->c->spec;
    if (s && (s->chunks || s->blocks))
        return tsr_fail(TSR_EARG,
                        "chunks and blocks are those of one array, the source is a group");
    int rc = tsr_group_list(w->from, 0, add_node, w);
    for (size_t i = 0; i < w->n && rc == TSR_OK; i++) {
        if (w->node[i].array) rc = check_array(w, &w->node[i]);
        w->total += w->node[i].bytes;
    }
    if (rc < 0 || !w->nrefused) return rc;
    return tsr_fail(TSR_EUNSUPPORTED, "%d node%s cannot be carried into format %s: %.*s",
                    w->nrefused, w->nrefused == 1 ? "" : "s", w->format->name, (int)w->refused.len,
                    (const char *)w->refused.p);
}

/* ---- nodes ---- */

static int tell(void *user, int64_t done, int64_t total)
{
    const struct work *w = user;
    const tsr_options *o = w->c->o;
    const struct node *n = &w->node[w->journal.done];
    double part = total > 0 ? (double)done / (double)total : 1;
    if (!o->progress) return 0;
    return o->progress(o->user, w->done + (int64_t)(part * (double)n->bytes), w->total);
}

static int copy_attributes(const struct work *w, const char *path, tsr_group *to)
{
    char *json = NULL;
    int rc = tsr_group_attrs(w->from, path, &json);
    if (rc == TSR_OK && strcmp(json, "{}") != 0) rc = tsr_group_attrs_set(to, json);
    tsr_free(json);
    return rc;
}

static int make_group(struct work *w, const char *path)
{
    tsr_group *g = NULL;
    int rc = tsr_group_create_group(w->to, path, "a", &g);
    if (rc == TSR_OK) rc = copy_attributes(w, path, g);
    int closed = tsr_group_close(g);
    return rc < 0 ? rc : closed;
}

static int make_array(struct work *w, const char *path)
{
    tsr_options so = array_options(w), o = *w->c->o;
    tsr_array *a = NULL;
    char *key = NULL;
    int rc = tsr_group_join(w->to, path, &key);
    if (rc == TSR_OK) rc = tsr_group_open_array(w->from, path, &so, &a);
    o.mode = "w"; /* nobody else is in there */
    o.progress = tell;
    o.user = w;
    if (rc == TSR_OK) {
        struct tsr_conversion c = conversion_of(w, a, &o);
        c.tree = w->to->place->st;
        c.node = key;
        rc = tsr_conversion_run(&c);
    }
    if (rc < 0) tsr_url_within(path);
    tsr_engine_drop(a);
    tsr_free(key);
    return rc;
}

static int make_nodes(struct work *w)
{
    int rc = TSR_OK;
    struct tsr_journal *j = &w->journal;
    for (int64_t i = 0; i < j->done; i++) w->done += w->node[i].bytes;
    while (rc == TSR_OK && j->done < (int64_t)w->n) {
        const struct node *n = &w->node[j->done];
        rc = n->array ? make_array(w, n->path) : make_group(w, n->path);
        if (rc < 0) break;
        w->done += n->bytes;
        if (w->journaled) rc = tsr_journal_done(j, 1, j->done + 1);
        else j->done++;
    }
    return rc;
}

/* ---- the target ---- */

/* Nothing was there before. */
static void take_back(const struct work *w)
{
    char text[TSR_ERROR_MAX];
    tsr_error_save(text);
    tsr_ztree_remove(w->to->place->st, w->to->path);
    tsr_error_restore(text);
}

/* Whatever happens, an archive appears only when it is complete. */
static int fill(struct work *w, const char *url, const char *mode)
{
    tsr_options o = *w->c->o;
    o.mode = mode;
    o.format = strcmp(mode, "r+") == 0 ? NULL : w->format->name;
    int rc = (o.format ? tsr_group_create : tsr_group_open)(url, &o, &w->to);
    if (rc < 0) return rc;
    struct tsr_store *st = w->to->place->st;
    st->held = true;
    if (o.format) rc = copy_attributes(w, "", w->to);
    if (rc == TSR_OK) rc = make_nodes(w);
    if (rc == TSR_OK && tsr_group_consolidated(w->from)) rc = tsr_group_consolidate(w->to);
    st->held = rc < 0;
    if (rc < 0 && !w->journaled) take_back(w);
    int closed = tsr_group_close(w->to);
    return rc < 0 ? rc : closed;
}

static int fill_journaled(struct work *w)
{
    struct tsr_journal *j = &w->journal;
    bool begun = j->resumed && j->done;
    int rc = TSR_OK;
    if (j->resumed) rc = begun ? tsr_journal_sweep(j) : tsr_journal_clear(j);
    if (rc == TSR_OK) rc = fill(w, j->target, begun ? "r+" : "w");
    return tsr_journal_compare(j, w->c->src, w->from->place->st, w->from->path, rc);
}

/* What must be the same for a conversion to go on. */
static int write_facts(const struct work *w, struct tsr_buf *out)
{
    int rc = tsr_buf_addf(out, "source %s\nsource stamp %llx\nsource nodes %zu\ntarget format %s\n",
                          w->c->src, (unsigned long long)w->stamp, w->n, w->format->name);
    return rc == TSR_OK && w->c->spec ? tsr_facts_coding(out, w->c->spec, w->c->o) : rc;
}

static int run_journaled(struct work *w)
{
    struct tsr_journal *j = &w->journal;
    struct tsr_buf facts = {0};
    int rc = write_facts(w, &facts);
    if (rc == TSR_OK) rc = tsr_journal_begin(w->c->dst, &facts, w->c->o, j);
    tsr_buf_free(&facts);
    if (rc == TSR_OK)
        rc = tsr_journal_enter(j, w->c->src, w->stamp, j->pass == 1 ? (int64_t)w->n : -1);
    if (rc < 0) return rc;
    w->journaled = true;
    if (!j->complete) rc = fill_journaled(w);
    return tsr_journal_end(j, rc);
}

/* A folder of this machine, of which a rename can give the name. */
static bool can_journal(const char *dst)
{
    return tsr_store_path(dst) && !strchr(dst, '#') && !tsr_store_names_zip(dst, strlen(dst));
}

static int must_hold_trees(const struct work *w)
{
    if (w->format->tree) return TSR_OK;
    return tsr_fail(TSR_EUNSUPPORTED,
                    "format %s holds one array, the source is a group: expected zarr3 or zarr2, "
                    "or the name of one of its arrays, %s#NAME",
                    w->format->name, w->c->src);
}

int tsr_convert_tree(const struct tsr_tree_conversion *c)
{
    struct work w = {.c = c, .format = c->format};
    tsr_options so = *c->so;
    so.mode = "r";
    so.format = NULL;
    int rc = must_hold_trees(&w);
    if (rc == TSR_OK) rc = tsr_group_open(c->src, &so, &w.from);
    bool journal = can_journal(c->dst);
    if (rc == TSR_OK && journal) rc = tsr_node_stamp(w.from->place->st, w.from->path, &w.stamp);
    if (rc == TSR_OK) rc = check_nodes(&w);
    if (rc == TSR_OK) rc = journal ? run_journaled(&w) : fill(&w, c->dst, c->o->mode);
    work_end(&w);
    return rc;
}

int tsr_is_tree(const char *src, const tsr_options *o, bool *yes)
{
    tsr_options po = {.size = sizeof po, .context = o->context, .remote = o->remote};
    tsr_place_info info = {.size = sizeof info};
    char *path, *inside;
    *yes = false;
    if (!src || o->format || o->raw) return TSR_OK;
    int rc = tsr_url_split(src, &path, &inside);
    if (rc < 0) return rc;
    bool look = tsr_store_path(path) != NULL;
    if (!look) rc = tsr_place_is_tree(path, inside, &po, &look);
    if (rc == TSR_OK && look) rc = tsr_probe(src, &po, &info);
    if (rc == TSR_OK && look) *yes = info.kind == TSR_KIND_GROUP && strcmp(info.format, "dir") != 0;
    tsr_free(path);
    tsr_free(inside);
    return is_trouble(rc) ? rc : TSR_OK; /* what else is wrong with it shows when it is opened */
}
