/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/verify.c - everything in a container is looked at once: what the format can check of its own
 * structure, then every chunk by decoding it.  What an archive keeps checksums of is read whole
 * before, as reading parts of it does not compare them; chunks in it are told by their entry only.
 *
 * Chunks are checked on the pool, some at a time, so that problems are told in order and memory
 * is bounded; a bad chunk does not stop the others.  A group is all arrays below it.  A file that
 * cannot be opened because its bytes are wrong is one problem of the container, not a failure. */
#include <stdio.h>
#include <stdlib.h>

#include "array/array.h"
#include "base/mem.h"
#include "ops/group.h"
#include "store/index.h"
#include "store/key.h"
#include "zarr/node.h"

enum { BATCH = 64, BATCH_BYTES = 256 << 20 };

struct verify {
    const struct tsr_array *a;
    const char *path; /* of the array below the group that is checked; NULL: there is none */
    tsr_verify_fn fn;
    void *user;
    int64_t problems;
    struct tsr_buf told;    /* int64_t: chunks of which the structure was found wrong */
    int rc;                 /* of telling */
    struct tsr_index wrong; /* keys, owned, of objects whose checksum in the store is */
    /* of the batch */
    int64_t first;
    struct chunk_job jobs[BATCH];
    struct result {
        int rc;
        char text[TSR_ERROR_MAX];
    } results[BATCH];
};

/* Chunks of any size lie in a row. */
static void chunk_coords(const struct verify *v, int64_t chunk, int64_t *coords)
{
    coords[0] = chunk;
    if (!v->a->d->variable) tsr_grid_chunk_coords(&v->a->d->grid, chunk, coords);
}

static void report(struct verify *v, int64_t chunk, int rc, const char *what)
{
    const struct tsr_grid *g = v->a ? &v->a->d->grid : NULL;
    int64_t coords[TSR_MAX_NDIM] = {0};
    bool in_grid = g && chunk >= 0 && chunk < tsr_driver_nchunks(v->a->d);
    if (in_grid) chunk_coords(v, chunk, coords);
    char text[2 * TSR_ERROR_MAX];
    if (v->path) snprintf(text, sizeof text, "%s: %s", v->path, what);
    v->problems += rc != TSR_OK;
    if (v->fn)
        v->fn(v->user, chunk, in_grid ? g->ndim : 0, coords, (tsr_status)rc, v->path ? text : what);
}

static void hear(void *user, int64_t chunk, tsr_status status, const char *what)
{
    struct verify *v = user;
    if (v->rc == TSR_OK && chunk >= 0 && status < 0)
        v->rc = tsr_buf_add(&v->told, &chunk, sizeof chunk);
    report(v, chunk, status, what);
}

static int by_number(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static bool is_told(const struct verify *v, int64_t chunk)
{
    size_t n = v->told.len / sizeof chunk;
    return n && bsearch(&chunk, v->told.p, n, sizeof chunk, by_number);
}

/* ---- checksums of the store ---- */

static int add_wrong(void *user, const char *key, int rc)
{
    struct verify *v = user;
    char text[TSR_ERROR_MAX], *own = tsr_strdup(key);
    tsr_error_save(text);
    struct tsr_index_key *k = own ? tsr_index_add(&v->wrong, own, strlen(own)) : NULL;
    if (!k || k->value >= 0) tsr_free(own);
    if (!k) return TSR_ENOMEM;
    k->value = 0;
    report(v, -1, rc, text);
    return TSR_OK;
}

static bool is_wrong(const struct verify *v, const char *key)
{
    return v->wrong.n && key && tsr_index_find(&v->wrong, key, strlen(key));
}

static void forget_wrong(struct verify *v)
{
    for (uint32_t i = 0; i < v->wrong.n; i++) tsr_free((char *)(uintptr_t)v->wrong.keys[i].key);
    tsr_index_free(&v->wrong);
}

/* Of all that lies below the node at path. */
static int check_sums(struct verify *v, struct tsr_store *st, const char *path,
                      const tsr_options *o)
{
    struct tsr_checking how = {add_wrong, v, o->progress, o->user};
    char prefix[TSR_KEY_BYTES + 2];
    snprintf(prefix, sizeof prefix, "%s%s", path, *path ? "/" : "");
    return tsr_store_check(st, prefix, &how);
}

/* ---- chunks ---- */

static int decode_blocks(const struct tsr_array *a, const struct chunk_job *j, struct tsr_worker *w)
{
    const struct tsr_driver *d = a->d;
    int64_t items = 1, block;
    if (j->place.state != TSR_PLACE_STORED) return TSR_OK;
    /* the chunk says how large its block is, or the grid does: the largest that can come */
    for (int i = 0; i < d->grid.ndim; i++) items *= j->block[i];
    if (!tsr_mul(items, d->grid.item_bytes, &block))
        return tsr_fail(TSR_ECORRUPT, "block overflows");
    uint8_t *dst = tsr_worker_scratch(w, TSR_SCRATCH_BLOCK, (size_t)block);
    int rc = dst ? TSR_OK : TSR_ENOMEM;
    for (size_t i = 0; i < j->nrefs && rc == TSR_OK; i++)
        rc = d->format->decode(d, &j->place, w, j->refs[i].block, j->refs[i].src,
                               (size_t)j->refs[i].len, dst);
    return rc;
}

static int check_job(void *arg, size_t i, struct tsr_worker *w)
{
    struct verify *v = arg;
    struct chunk_job *j = &v->jobs[i];
    struct result *r = &v->results[i];
    int64_t chunk = v->first + (int64_t)i;
    r->rc = TSR_OK;
    if (is_told(v, chunk)) return TSR_OK;
    tsr_job_begin(v->a, j, chunk);
    chunk_coords(v, chunk, j->coords);
    r->rc = tsr_job_fetch(v->a, NULL, j, w);
    if (r->rc == TSR_OK) r->rc = decode_blocks(v->a, j, w);
    if (r->rc == TSR_OK) return TSR_OK;
    tsr_error_save(r->text);
    return r->rc == TSR_ENOMEM ? r->rc : TSR_OK;
}

static int check_chunks(struct verify *v, const tsr_options *o)
{
    const struct tsr_grid *g = &v->a->d->grid;
    int64_t total, nchunks = tsr_driver_nchunks(v->a->d),
                   batch = tsr_max64(BATCH_BYTES / tsr_max64(g->chunk_bytes, 1), 1);
    int rc = TSR_OK;
    tsr_product(g->shape, g->ndim, &total);
    total *= g->item_bytes;
    batch = tsr_min64(batch, BATCH);
    for (v->first = 0; v->first < nchunks && rc == TSR_OK; v->first += batch) {
        int64_t n = tsr_min64(batch, nchunks - v->first);
        rc = tsr_pool_run(v->a->context->pool, (size_t)n, check_job, v);
        for (int64_t i = 0; i < n && rc == TSR_OK; i++)
            if (v->results[i].rc < 0 && !is_wrong(v, v->jobs[i].place.key))
                report(v, v->first + i, v->results[i].rc, v->results[i].text);
        int64_t done = tsr_min64(v->first + n, nchunks);
        if (rc == TSR_OK && o->progress &&
            o->progress(o->user, (int64_t)((double)total * (double)done / (double)nchunks), total))
            rc = tsr_fail(TSR_ECANCELLED, "verify: stopped by the caller");
    }
    return rc;
}

/* ---- the container ---- */

static int check_all(struct verify *v, const tsr_options *o)
{
    const struct tsr_driver *d = v->a->d;
    int rc = d->format->verify ? d->format->verify(d, hear, v) : TSR_OK;
    if (rc == TSR_OK) rc = v->rc;
    if (v->told.len) qsort(v->told.p, v->told.len / sizeof(int64_t), sizeof(int64_t), by_number);
    return rc < 0 ? rc : check_chunks(v, o);
}

/* What the file says of itself is wrong: then that is what there is to tell; of a node in a group
 * also that it cannot be read or is not there, though it was listed, and others are checked. */
static int report_open(struct verify *v, int rc)
{
    char text[TSR_ERROR_MAX];
    bool listed = v->path && (rc == TSR_EUNSUPPORTED || rc == TSR_ENOTFOUND);
    if (rc != TSR_ECORRUPT && !listed) return rc;
    tsr_error_save(text);
    report(v, -1, rc, text);
    return TSR_OK;
}

static int check_array(struct verify *v, struct tsr_array *a, const tsr_options *o)
{
    v->a = a;
    v->told.len = 0;
    int rc = check_all(v, o);
    for (int i = 0; i < BATCH; i++) tsr_job_let_go(a, &v->jobs[i]);
    v->a = NULL;
    return rc;
}

/* ---- groups ---- */

struct tree {
    struct verify *v;
    const tsr_options *o;
    const tsr_group *group;
};

/* Is it told already that bytes of a document of this node are wrong? */
static bool document_is_wrong(const struct tree *t, const char *path)
{
    const char *group = t->group->path;
    char key[2 * TSR_KEY_BYTES];
    for (int which = TSR_ZDOC_V3; which < TSR_ZDOC_NONE; which++) {
        snprintf(key, sizeof key, "%s%s%s%s%s", group, *group ? "/" : "", path, *path ? "/" : "",
                 tsr_zdoc_name((enum tsr_zdoc)which));
        if (is_wrong(t->v, key)) return true;
    }
    return false;
}

static int check_node(void *user, const tsr_node_info *n)
{
    const struct tree *t = user;
    tsr_array *a = NULL;
    int rc = TSR_OK;
    t->v->path = *n->path ? n->path : NULL;
    if (n->status != TSR_OK) {
        if (!document_is_wrong(t, n->path)) report(t->v, -1, n->status, n->error);
    } else if (n->kind == TSR_KIND_ARRAY) {
        rc = tsr_group_open_array(t->group, n->path, t->o, &a);
        rc = rc < 0 ? report_open(t->v, rc) : check_array(t->v, a, t->o);
        tsr_engine_drop(a);
    }
    t->v->path = NULL;
    return rc;
}

static int check_group(struct verify *v, const char *url, const tsr_options *o)
{
    struct tree t = {.v = v, .o = o};
    tsr_group *g;
    int rc = tsr_group_open(url, o, &g);
    if (rc < 0) return rc;
    t.group = g;
    rc = check_sums(v, g->place->st, g->path, o);
    if (rc == TSR_OK) rc = tsr_group_list(g, 0, check_node, &t);
    tsr_group_close(g);
    return rc;
}

/* The array at url, which may be in a tree. */
static int check_alone(struct verify *v, const char *url, struct tsr_array *a, const tsr_options *o)
{
    char *path = NULL, *inside = NULL, *node = NULL;
    int rc = a->d->format->tree ? tsr_url_split(url, &path, &inside) : TSR_OK;
    if (rc == TSR_OK && inside) rc = tsr_key_normalise(inside, &node);
    if (rc == TSR_OK && node) rc = check_sums(v, a->d->store, node, o);
    tsr_free(path);
    tsr_free(inside);
    tsr_free(node);
    return rc < 0 ? rc : check_array(v, a, o);
}

/* ---- the call ---- */

static bool is_group(const char *url, const tsr_options *o)
{
    tsr_place_info info = {.size = sizeof info};
    return tsr_probe(url, o, &info) == TSR_OK && info.kind == TSR_KIND_GROUP &&
           strcmp(info.format, "dir") != 0;
}

int tsr_verify(const char *url, const tsr_options *opts, tsr_verify_fn fn, void *user,
               int64_t *problems)
{
    tsr_options o = tsr_options_complete(opts);
    struct tsr_array *a = NULL;
    struct verify *v = url ? tsr_alloc_zero(1, sizeof *v) : NULL;
    if (!v) return url ? TSR_ENOMEM : tsr_fail(TSR_EARG, "verify: no path given");
    v->fn = fn;
    v->user = user;
    int rc;
    if (is_group(url, &o)) rc = check_group(v, url, &o);
    else if ((rc = tsr_engine_open(url, &o, &a)) < 0) rc = report_open(v, rc);
    else rc = check_alone(v, url, a, &o);
    if (rc == TSR_OK) *problems = v->problems;
    for (int i = 0; i < BATCH; i++) tsr_job_free(&v->jobs[i]);
    tsr_buf_free(&v->told);
    forget_wrong(v);
    tsr_engine_drop(a);
    tsr_free(v);
    return rc;
}
