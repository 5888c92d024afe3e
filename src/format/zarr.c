/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr.c - the formats "zarr3" and "zarr2": opening arrays, and the tables of calls. */
#include "format/zarr.h"

#include "base/mem.h"

/* ---- groups ---- */

struct names {
    struct tsr_buf text;
    size_t prefix;
    int n;
};

enum { SHOWN = 8 };

/* Folders below a group: its nodes, as a rule. */
static int hear(void *user, const char *key)
{
    struct names *s = user;
    size_t len = strlen(key);
    if (len <= s->prefix + 1 || key[len - 1] != '/' || s->n++ >= SHOWN) return TSR_OK;
    const char *name = key + s->prefix;
    return tsr_buf_addf(&s->text, "%s%.*s", s->n > 1 ? ", " : "", (int)(len - s->prefix - 1), name);
}

/* Where the store cannot list, consolidated metadata may say it. */
static void hear_cache(struct tsr_store *st, const char *path, const struct tsr_zmeta *group,
                       struct names *s)
{
    struct tsr_zcache *c = NULL;
    const char *name;
    enum tsr_zdoc which;
    if (tsr_zcache_open(st, path, group, &c) < 0) return;
    s->n = 0;
    for (size_t i = 0; tsr_zcache_at(c, i, &name, &which); i++)
        if (*name && which != TSR_ZDOC_ATTRS && s->n++ < SHOWN)
            tsr_buf_addf(&s->text, "%s%s", s->n > 1 ? ", " : "", name);
    tsr_zcache_free(c);
}

int tsr_zarr_is_group(struct tsr_store *st, const char *path, const struct tsr_zmeta *group)
{
    struct names s = {0};
    struct tsr_buf prefix = {0};
    int rc = *path ? tsr_buf_addf(&prefix, "%s/", path) : TSR_OK;
    if (rc == TSR_OK) rc = tsr_buf_add(&prefix, "", 1);
    s.prefix = prefix.len ? prefix.len - 1 : 0;
    if (rc == TSR_OK) rc = tsr_store_list(st, (const char *)prefix.p, hear, &s);
    if (rc < 0) hear_cache(st, path, group, &s);
    tsr_buf_add(&s.text, "", 1);
    rc = tsr_fail(TSR_EARG, "%s%sa group of Zarr format %d, not an array%s%s%s", path,
                  *path ? ": " : "", group->format, s.n ? "; in it: " : "",
                  s.n && s.text.p ? (const char *)s.text.p : "", s.n > SHOWN ? ", ..." : "");
    tsr_buf_free(&prefix);
    tsr_buf_free(&s.text);
    return rc;
}

/* ---- opening ---- */

extern const struct tsr_format tsr_format_zarr2, tsr_format_zarr3;

int tsr_zarr_set_path(struct tsr_zarr *z, const char *path)
{
    struct tsr_buf prefix = {0};
    int rc = *path ? tsr_buf_addf(&prefix, "%s/", path) : TSR_OK;
    if (rc == TSR_OK) rc = tsr_buf_add(&prefix, "", 1);
    z->prefix = (char *)prefix.p;
    z->prefix_len = prefix.len ? prefix.len - 1 : 0;
    z->path = tsr_strdup(path);
    return rc < 0 || z->path ? rc : TSR_ENOMEM;
}

const struct tsr_format *tsr_zarr_format(int format)
{
    return format == 2 ? &tsr_format_zarr2 : &tsr_format_zarr3;
}

static int check_format(const struct tsr_zmeta *m, const tsr_options *o)
{
    const struct tsr_format *f = tsr_zarr_format(m->format);
    if (!o->format || strcmp(o->format, f->name) == 0) return TSR_OK;
    return tsr_fail(TSR_EARG, "found a node of format %s, expected %s", f->name, o->format);
}

static int open_array(struct tsr_zarr *z, const char *path, const tsr_options *o)
{
    int rc = tsr_zarr_set_path(z, path);
    if (rc == TSR_OK && !z->meta) rc = tsr_zmeta_open(z->d.store, path, &z->meta);
    if (rc == TSR_OK) rc = check_format(z->meta, o);
    if (rc == TSR_OK && !z->meta->array) rc = tsr_zarr_is_group(z->d.store, path, z->meta);
    if (rc < 0) return rc;
    z->limit = o->max_chunk_bytes;
    z->durable = o->durable;
    z->elide = true;
    memcpy(z->shown, z->meta->shape, sizeof z->shown);
    rc = tsr_zarr_derive(z);
    if (rc < 0) tsr_within("%s%s", z->prefix, tsr_zdoc_name(tsr_zmeta_which(z->meta)));
    return rc;
}

int tsr_zarr_open(struct tsr_store *st, const char *path, struct tsr_zmeta *meta,
                  const tsr_options *o, struct tsr_driver **out)
{
    struct tsr_zarr *z = tsr_alloc_zero(1, sizeof *z);
    if (!z) {
        tsr_zmeta_free(meta);
        tsr_store_close(st);
        return TSR_ENOMEM;
    }
    z->d.store = st;
    z->meta = meta;
    z->growing = (struct tsr_lock){-1};
    int rc = open_array(z, path, o);
    if (rc < 0) tsr_zarr_close(&z->d);
    else *out = &z->d;
    return rc;
}

void tsr_zarr_close(struct tsr_driver *d)
{
    struct tsr_zarr *z = tsr_zarr_of(d);
    tsr_zarr_abandon(z);
    tsr_lock_release(&z->growing);
    tsr_zturn_free(z->turn);
    tsr_zindices_free(z->indices);
    tsr_pool_free(z->pool);
    tsr_zshapes_free(z->shapes);
    tsr_zparts_close(z->parts);
    tsr_zmeta_free(z->meta);
    tsr_store_close(d->store);
    tsr_free(z->path);
    tsr_free(z->prefix);
    tsr_buf_free(&z->known);
    tsr_free(z->dtype);
    tsr_free(z);
}

static int open_root(struct tsr_store *st, const tsr_options *o, struct tsr_driver **out)
{
    return tsr_zarr_open(st, "", NULL, o, out);
}

/* ---- the records ---- */

static const char *const suffixes[] = {".zarr", ".zip", ".ozx", NULL};
static const char *const none[] = {NULL};

#define ZARR_CALLS                                                                            \
    .kind = TSR_KIND_ARRAY, .tree = true, .names_fill = true, .create_node = tsr_zarr_create, \
    .open = open_root, .close = tsr_zarr_close, .locate = tsr_zarr_locate,                    \
    .release = tsr_zarr_release, .version = tsr_zarr_version, .spans = tsr_zarr_spans,        \
    .decode = tsr_zarr_decode, .begin = tsr_zarr_begin, .encode = tsr_zarr_encode,            \
    .keep = tsr_zarr_keep, .seal = tsr_zarr_seal, .commit = tsr_zarr_commit,                  \
    .commits_apart = true, .announce = tsr_zarr_announce, .resize = tsr_zarr_resize,          \
    .flush = tsr_zarr_flush, .blocks_fit = tsr_zarr_blocks_fit, .attrs = tsr_zarr_attrs,      \
    .attr_set = tsr_zarr_attr_set, .attr_remove = tsr_zarr_attr_remove,                       \
    .measure = tsr_zarr_measure, .renew = tsr_zarr_renew, .verify = tsr_zarr_verify

const struct tsr_format tsr_format_zarr3 = {.name = "zarr3",
                                            .suffixes = suffixes,
                                            .probe = tsr_store_is_zip,
                                            .checksums = true,
                                            ZARR_CALLS};
const struct tsr_format tsr_format_zarr2 = {.name = "zarr2", .suffixes = none, ZARR_CALLS};
