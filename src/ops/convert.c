/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/convert.c - any container into any other.
 *
 *   array       -> array        conversion.c
 *   group       -> group        convert_tree.c
 *   array       -> super-chunk  its items in C order, slab by slab
 *   super-chunk -> super-chunk  its chunks as they are stored, else its bytes
 *   super-chunk -> array        a row of bytes, or what tsr_options.raw says they are
 *
 * The source may be a gzip file with npy or raw inside,
 * of which no more is inflated than its head asks for.  The target appears when it is complete. */
#include <stdio.h>

#include "array/array.h"
#include "array/slab.h"
#include "base/mem.h"
#include "net/url.h"
#include "ops/carry.h"
#include "ops/conversion.h"
#include "ops/convert_tree.h"
#include "ops/journal.h"

enum { HEAD_BYTES = 320 << 10 }; /* the head of any format that gzip files may hold */

/* ---- progress ---- */

struct work {
    const tsr_options *o;
    tsr_options counted; /* o with its progress mapped to the second half */
    bool second_half;    /* the first one was inflating */
};

static int tell(const struct work *w, int64_t done, int64_t total)
{
    if (!w->o->progress) return TSR_OK;
    if (w->second_half) done = total / 2 + done / 2;
    if (!w->o->progress(w->o->user, done, total)) return TSR_OK;
    return tsr_fail(TSR_ECANCELLED, "convert: stopped by the caller");
}

static int half_of(void *user, int64_t done, int64_t total)
{
    const struct work *w = user;
    return w->o->progress(w->o->user, tsr_min64(done, total) / 2, total);
}

static int half_after(void *user, int64_t done, int64_t total)
{
    const struct work *w = user;
    return w->o->progress(w->o->user, total / 2 + done / 2, total);
}

/* ---- the source ---- */

/* The format of what a gzip file holds; its name without ".gz" may tell it. */
static int inner_format(struct tsr_store *st, const char *path, const tsr_options *so,
                        const struct tsr_format **out)
{
    size_t len = strlen(path);
    char *name = tsr_strdup(path);
    if (!name) return TSR_ENOMEM;
    if (len > 3 && strcmp(name + len - 3, ".gz") == 0) name[len - 3] = 0;
    const char *given = so->format ? so->format : so->raw ? "raw" : NULL;
    int rc = tsr_format_choose(st, given, name, so->offset, out);
    tsr_free(name);
    return rc;
}

static int open_gzip(const char *path, const char *beside, const tsr_options *so, struct work *w,
                     struct tsr_array **out)
{
    struct tsr_store *st;
    const struct tsr_format *f = NULL;
    tsr_progress progress = w->o->progress ? half_of : NULL;
    uint64_t end, head;
    int rc = tsr_store_gunzip(path, beside, &st);
    if (rc < 0) return rc;
    w->second_half = true;
    if (!tsr_add(so->offset, (uint64_t)HEAD_BYTES, &head)) head = UINT64_MAX;
    rc = tsr_store_gunzip_to(st, head, NULL, NULL);
    if (rc == TSR_OK) rc = inner_format(st, path, so, &f);
    if (rc == TSR_OK && !f->extent)
        rc =
            tsr_fail(TSR_EUNSUPPORTED, "%s: format %s inside gzip: unpack it first", path, f->name);
    if (rc == TSR_OK) rc = f->extent(st, so, &end);
    if (rc == TSR_OK) rc = tsr_store_gunzip_to(st, end, progress, w);
    if (rc == TSR_OK) return tsr_engine_open_store(st, f->name, so, out);
    tsr_store_close(st);
    return rc;
}

static int is_gzip(const char *path, bool *yes)
{
    const char *local = tsr_store_path(path);
    enum tsr_path_kind kind = TSR_PATH_NONE;
    struct tsr_store *st;
    uint8_t head[3];
    uint64_t size;
    *yes = false;
    int rc = local ? tsr_path_stat(local, &kind, NULL) : TSR_OK;
    if (rc < 0 || kind == TSR_PATH_FOLDER || !local) return rc;
    rc = tsr_store_open(path, false, &st);
    if (rc < 0) return rc;
    rc = tsr_store_stat(st, "", &size);
    if (rc == TSR_OK && size >= sizeof head) {
        rc = tsr_store_read(st, "", 0, head, sizeof head);
        *yes = rc == TSR_OK && memcmp(head, "\x1F\x8B\x08", sizeof head) == 0;
    }
    tsr_store_close(st);
    return rc;
}

static int open_source(const char *url, const char *beside, const tsr_options *so, struct work *w,
                       struct tsr_array **out)
{
    char *path, *inside;
    bool gzip;
    if (!url || !beside) return tsr_fail(TSR_EARG, "convert: no path given");
    int rc = tsr_url_split(url, &path, &inside);
    if (rc < 0) return rc;
    gzip = false;
    if (tsr_store_path(path)) rc = is_gzip(path, &gzip);
    if (rc == TSR_OK && gzip) {
        rc = open_gzip(path, beside, so, w, out);
        if (rc < 0) tsr_url_within(path);
    } else if (rc == TSR_OK) {
        tsr_options o = *so;
        if (o.raw && !o.format) o.format = "raw";
        rc = tsr_engine_open(url, &o, out);
    }
    tsr_free(path);
    tsr_free(inside);
    return rc;
}

/* ---- to a super-chunk ---- */

static int append_items(const tsr_array *a, tsr_schunk *to, const struct work *w)
{
    const struct tsr_grid *g = &a->d->grid;
    int64_t item = tsr_schunk_spec_of(to)->item_bytes, done = 0, total;
    struct tsr_slab s;
    int rc = TSR_OK;
    uint8_t *buf = tsr_slab_room(g);
    if (!buf) return TSR_ENOMEM;
    tsr_product(g->shape, g->ndim, &total);
    total *= g->item_bytes;
    for (tsr_slab_init(&s, g); !s.done && rc == TSR_OK; tsr_slab_next(&s)) {
        int64_t len = s.items * g->item_bytes;
        rc = tsr_array_read(a, &(tsr_slice){s.start, s.count, NULL}, buf, (size_t)len);
        if (rc == TSR_OK) rc = tsr_schunk_append(to, len / item, buf);
        done += len;
        if (rc == TSR_OK) rc = tell(w, done, total);
    }
    tsr_free(buf);
    return rc;
}

/* Items of a row of bytes may lie across chunks or its end: then bytes are the items. */
static int64_t whole_item(const tsr_array *a)
{
    const struct tsr_grid *g = &a->d->grid;
    int64_t item = a->d->spec.item_bytes;
    return g->item_bytes == item || (g->shape[0] % item == 0 && g->chunk[0] % item == 0) ? item : 1;
}

/* What was is of a row of bytes stays, where nothing else is asked for. */
static tsr_schunk_spec schunk_spec(const tsr_array *a, const tsr_spec *spec)
{
    const tsr_spec *was = tsr_array_spec(a);
    const struct tsr_grid *g = &a->d->grid;
    int64_t item = whole_item(a);
    tsr_schunk_spec s = {.size = sizeof s,
                         .item_bytes = item,
                         .split = spec->split ? spec->split : was->split,
                         .checksum = spec->checksum || was->checksum,
                         .steps = spec->nsteps ? spec->steps : was->steps,
                         .nsteps = spec->nsteps ? spec->nsteps : was->nsteps};
    if (a->d->format->kind != TSR_KIND_ARRAY) {
        s.variable = a->d->variable && !spec->chunks;
        if (!s.variable) s.chunk_bytes = g->chunk[0];
        if (!spec->chunks && g->block[0] < g->chunk[0]) s.block_bytes = g->block[0];
    }
    if (spec->chunks && !tsr_mul(spec->chunks[0], item, &s.chunk_bytes)) s.chunk_bytes = -1;
    if (spec->blocks && !tsr_mul(spec->blocks[0], item, &s.block_bytes)) s.block_bytes = -1;
    return s;
}

static int fill_schunk(const tsr_array *a, tsr_array *to, const tsr_spec *spec,
                       const struct work *w)
{
    tsr_schunk *s;
    if (a->d->format->kind != TSR_KIND_ARRAY) {
        bool coding = spec->nsteps || spec->split || spec->blocks;
        int rc = tsr_copy_bytes(a, to, coding, w->o);
        if (rc == TSR_OK) rc = tsr_carry(a, to);
        if (rc == TSR_OK) return tsr_engine_close(to);
        tsr_engine_drop(to);
        return rc;
    }
    int rc = tsr_schunk_make(to, &s);
    if (rc < 0) return rc;
    rc = append_items(a, s, w);
    if (rc == TSR_OK) rc = tsr_carry(a, to);
    if (rc == TSR_OK) return tsr_schunk_close(s);
    tsr_schunk_drop(s);
    return rc;
}

static int to_schunk(const tsr_array *a, const char *dst, const tsr_spec *spec, struct work *w)
{
    tsr_schunk_spec s = schunk_spec(a, spec);
    tsr_meta_value *metas;
    tsr_array *to = NULL;
    int rc = tsr_metas_take(a, &metas, &s.nmetas);
    s.metas = metas;
    if (rc == TSR_OK) rc = tsr_schunk_create_below(dst, &s, w->o, &to);
    if (rc == TSR_OK) rc = fill_schunk(a, to, spec, w);
    tsr_metas_free(metas, metas ? s.nmetas : 0);
    return rc;
}

/* ---- from a super-chunk to an array ---- */

static int write_items(const tsr_array *a, tsr_array *to, const struct work *w)
{
    const struct tsr_grid *g = &to->d->grid;
    int64_t at = 0, total = a->d->grid.shape[0];
    struct tsr_slab s;
    int rc = TSR_OK;
    uint8_t *buf = tsr_slab_room(g);
    if (!buf) return TSR_ENOMEM;
    for (tsr_slab_init(&s, g); !s.done && rc == TSR_OK; tsr_slab_next(&s)) {
        int64_t len = s.items * g->item_bytes;
        rc = tsr_array_read(a, &(tsr_slice){&at, &len, NULL}, buf, (size_t)len);
        if (rc == TSR_OK)
            rc = tsr_array_write(to, &(tsr_slice){s.start, s.count, NULL}, buf, (size_t)len);
        at += len;
        if (rc == TSR_OK) rc = tell(w, at, total);
    }
    tsr_free(buf);
    return rc;
}

/* What the bytes are: tsr_options.raw of the target, else a row of opaque items. */
static int check_bytes(const tsr_spec *s, int64_t nbytes)
{
    int64_t item, n;
    int rc = tsr_dtype_item_bytes(s->dtype, &item);
    if (rc < 0) return rc == TSR_ECORRUPT ? TSR_EARG : rc;
    if (tsr_product(s->shape, s->ndim, &n) && tsr_mul(n, item, &n) && n == nbytes) return TSR_OK;
    return tsr_fail(TSR_EARG, "dtype and shape ask for other than the %lld bytes that are there",
                    (long long)nbytes);
}

static int from_schunk(const tsr_array *a, const char *dst, const tsr_spec *spec, struct work *w)
{
    const struct tsr_format *f = tsr_format_named(w->o->format);
    const tsr_spec *raw = w->o->raw && w->o->raw->size ? w->o->raw : NULL;
    int64_t nbytes = a->d->grid.shape[0], item = a->d->spec.item_bytes;
    char dtype[32] = "|u1";
    if (nbytes % item) item = 1;
    int64_t n = nbytes / item;
    if (item > 1) snprintf(dtype, sizeof dtype, "|V%lld", (long long)item);
    tsr_spec s = {.size = sizeof s,
                  .dtype = dtype,
                  .ndim = 1,
                  .shape = &n,
                  .chunks = spec->chunks,
                  .blocks = spec->blocks,
                  .steps = a->d->spec.steps,
                  .nsteps = a->d->spec.nsteps,
                  .split = spec->split,
                  .checksum = tsr_twin_checksum(&a->d->spec, spec, f)};
    tsr_meta_value *metas;
    tsr_array *to = NULL;
    if (raw && (!raw->dtype || (raw->ndim > 0 && !raw->shape)))
        return tsr_fail(TSR_EARG, "tsr_options.raw: dtype and shape are needed");
    if (raw) s.dtype = raw->dtype, s.ndim = raw->ndim, s.shape = raw->shape;
    if (spec->nsteps) s.steps = spec->steps, s.nsteps = spec->nsteps;
    int rc = tsr_metas_take(a, &metas, &s.nmetas);
    s.metas = metas;
    if (rc == TSR_OK) rc = check_bytes(&s, nbytes);
    if (rc == TSR_OK) rc = tsr_array_create(dst, &s, w->o, &to);
    if (rc == TSR_OK) rc = write_items(a, to, w);
    if (rc == TSR_OK) rc = tsr_carry(a, to);
    tsr_metas_free(metas, metas ? s.nmetas : 0);
    if (rc == TSR_OK) return tsr_array_close(to);
    tsr_engine_drop(to);
    return rc;
}

/* ---- any to any ---- */

/* A folder is replaced when it is an array or a hierarchy, or empty. */
static int refuse_folder(const char *dst, const tsr_options *o)
{
    tsr_place_info info = {.size = sizeof info};
    bool left = false;
    char **names;
    size_t n;
    int rc = tsr_journal_there(dst, &left);
    if (rc == TSR_OK && !left) rc = tsr_path_list(dst, &names, &n);
    if (rc < 0 || left) return rc;
    tsr_free(names);
    if (n == 0) return TSR_OK;
    rc = tsr_probe(dst, o, &info);
    if (rc == TSR_OK && strcmp(info.format, "dir") != 0) return rc;
    return tsr_fail(TSR_EEXISTS, "%s: is a folder with other things in it, which is not replaced",
                    dst);
}

/* A target that must not be there is looked for before the work, and again when it is made. */
static int refuse_existing(const char *dst, const tsr_options *o)
{
    enum tsr_path_kind kind;
    bool left = false;
    int rc = tsr_path_stat(dst, &kind, NULL);
    if (rc == TSR_OK && kind == TSR_PATH_FOLDER && strcmp(o->mode, "w") == 0)
        return refuse_folder(dst, o);
    if (strcmp(o->mode, "x") != 0) return TSR_OK;
    if (rc == TSR_OK && kind != TSR_PATH_NONE && o->resume) rc = tsr_journal_there(dst, &left);
    if (rc < 0 || kind == TSR_PATH_NONE || left) return rc;
    return tsr_fail(TSR_EEXISTS, "%s: exists", dst);
}

/* Of two places where one lies in the other, replacing one would take the other away. */
static int refuse_nested(const char *src, const char *dst)
{
    char *a = NULL, *b = NULL;
    int rc = tsr_place_path(src, &a);
    if (rc == TSR_OK) rc = tsr_place_path(dst, &b);
    bool renamed = rc == TSR_OK && tsr_store_path(dst) && !strchr(dst, '#') && !strcmp(a, b);
    bool nested = rc == TSR_OK && (!strncmp(a, b, strlen(b)) || !strncmp(a, b, strlen(a)));
    if (nested && !renamed) /* what is renamed into its place stays until then */
        rc = tsr_fail(TSR_EARG, "%s: is, holds or lies in what is read, %s", dst, src);
    tsr_free(a);
    tsr_free(b);
    return rc;
}

/* The format of a hierarchy that is there already. */
static const char *format_around(const char *path, const tsr_options *o)
{
    tsr_options po = {.size = sizeof po, .context = o->context, .remote = o->remote};
    tsr_place_info info = {.size = sizeof info};
    bool tree = tsr_probe(path, &po, &info) == TSR_OK && strncmp(info.format, "zarr", 4) == 0;
    return tree ? info.format : "zarr3";
}

/* What is asked for, or what the name says; array: of what the source holds. */
static int target_format(const char *dst, const tsr_options *o, bool array,
                         const struct tsr_format **out)
{
    const char *name = o->format;
    char *path, *inside;
    int rc = tsr_url_split(dst, &path, &inside);
    if (rc < 0) return rc;
    if (!name && *inside) name = format_around(path, o);
    *out = name ? NULL : tsr_format_for_suffix(path);
    if (!*out) *out = tsr_format_named(name ? name : array ? "b2nd" : "b2frame");
    tsr_free(path);
    tsr_free(inside);
    return *out ? TSR_OK : TSR_EUNSUPPORTED;
}

/* What is given to a conversion, complete, and its source. */
struct request {
    const char *src, *dst;
    tsr_options so, o;
    tsr_spec given;
    struct work w;
    struct tsr_array *a;
    const struct tsr_format *f; /* of the target */
    tsr_copy_plan **plan;       /* not NULL: this is all that is wanted */
};

static int array_to_array(struct request *q)
{
    struct work *w = &q->w;
    w->counted = q->o;
    if (w->second_half && q->o.progress) {
        w->counted.progress = half_after;
        w->counted.user = w;
    }
    struct tsr_conversion c = {.from = q->a,
                               .src = q->src,
                               .dst = q->dst,
                               .format = q->f,
                               .spec = &q->given};
    c.o = &w->counted;
    return q->plan ? tsr_conversion_plan(&c, q->plan) : tsr_conversion_run(&c);
}

static void request_init(struct request *q, const tsr_options *src_opts, const tsr_spec *spec,
                         const tsr_options *opts)
{
    q->so = tsr_options_complete(src_opts);
    q->o = tsr_options_complete(opts);
    q->given = (tsr_spec){.size = sizeof q->given};
    if (spec && spec->size) memcpy(&q->given, spec, tsr_minz(spec->size, sizeof q->given));
    if (!q->o.mode) q->o.mode = "x";
    if (!q->so.context) q->so.context = q->o.context;
    q->so.mode = "r";
    q->w.o = &q->o;
}

static int find_target(struct request *q, bool array)
{
    int rc = target_format(q->dst, &q->o, array, &q->f);
    if (rc < 0) return rc;
    if (strcmp(q->o.mode, "x") != 0 && strcmp(q->o.mode, "w") != 0)
        return tsr_fail(TSR_EARG, "mode: found '%s', expected 'x' or 'w'", q->o.mode);
    if (!q->f->create && !q->f->create_node)
        return tsr_fail(TSR_EUNSUPPORTED, "format %s: cannot be created", q->f->name);
    q->o.format = q->f->name;
    return TSR_OK;
}

static int convert_tree(struct request *q)
{
    struct tsr_tree_conversion c = {q->src, q->dst, NULL, &q->given, &q->so, &q->o};
    int rc = find_target(q, true);
    c.format = q->f;
    if (rc == TSR_OK && q->plan)
        rc = tsr_fail(TSR_EUNSUPPORTED, "a group is converted array by array: plan one, %s#NAME",
                      q->src);
    return rc < 0 ? rc : tsr_convert_tree(&c);
}

static int convert_one(struct request *q)
{
    bool array = q->a->d->format->kind == TSR_KIND_ARRAY;
    int rc = find_target(q, array);
    if (rc < 0) return rc;
    if (array && q->f->kind != TSR_KIND_SCHUNK) return array_to_array(q);
    if (q->plan) return tsr_fail(TSR_EUNSUPPORTED, "super-chunks are copied in order, unplanned");
    if ((rc = tsr_carry_check(q->a, q->f)) < 0) return rc;
    if (q->f->kind == TSR_KIND_SCHUNK) return to_schunk(q->a, q->dst, &q->given, &q->w);
    return from_schunk(q->a, q->dst, &q->given, &q->w);
}

static int run_request(struct request *q)
{
    bool tree = false;
    int rc = q->dst ? refuse_nested(q->src, q->dst) : TSR_OK;
    if (rc == TSR_OK && q->dst) rc = refuse_existing(q->dst, &q->o);
    if (rc == TSR_OK && q->dst) rc = tsr_is_tree(q->src, &q->so, &tree);
    if (rc == TSR_OK && tree) return convert_tree(q);
    if (rc == TSR_OK) rc = open_source(q->src, q->dst, &q->so, &q->w, &q->a);
    if (rc == TSR_OK) rc = convert_one(q);
    tsr_engine_drop(q->a);
    return rc;
}

int tsr_convert(const char *src, const tsr_options *src_opts, const char *dst, const tsr_spec *spec,
                const tsr_options *opts)
{
    struct request q = {.src = src, .dst = dst};
    request_init(&q, src_opts, spec, opts);
    return run_request(&q);
}

int tsr_convert_plan(const char *src, const tsr_options *src_opts, const char *dst,
                     const tsr_spec *spec, const tsr_options *opts, tsr_copy_plan **out)
{
    struct request q = {.src = src, .dst = dst, .plan = out};
    if (!out) return tsr_fail(TSR_EARG, "tsr_copy_plan: no place for it");
    request_init(&q, src_opts, spec, opts);
    return run_request(&q);
}
