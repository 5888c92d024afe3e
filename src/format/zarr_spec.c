/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_spec.c - metadata of Zarr as what the engine knows of an array. */
#include <stdio.h>

#include "base/mem.h"
#include "format/zarr.h"
#include "zarr/items.h"
#include "zarr/node.h"

/* ---- codecs as steps ----
 *
 * Those that an array of any format can be made with: a filter, and the codec that is run last; the
 * others are left out, so that a twin gets what is usual there.
 *
 *   blosc(shuffle, lz4), zstd, crc32c    shuffle, zstd
 *   shuffle                              shuffle, zstd: no format has a filter alone
 *   delta, bz2                           none */

static void add_step(struct tsr_zarr *z, const char *name, int64_t level)
{
    char params[32];
    snprintf(params, sizeof params, "clevel=%d", (int)tsr_max64(0, tsr_min64(level, 9)));
    const char *kept = level < 0 ? NULL : tsr_doc_string(z->meta->doc, params, strlen(params));
    z->steps[z->d.spec.nsteps++] = (tsr_step){name, kept};
}

static int64_t level_of(const struct tsr_node *config, const char *name, int64_t dflt)
{
    const struct tsr_node *n = tsr_znode_get(config, name);
    return n && n->kind == TSR_NODE_INT ? n->i : dflt;
}

/* Format 2 has numbers for them: 1 by bytes, 2 by bits, -1 by bits of single bytes. */
static const char *blosc_filter(const struct tsr_zarr *z, const struct tsr_node *config)
{
    const struct tsr_node *n = tsr_znode_get(config, "shuffle");
    int64_t v = n && n->kind == TSR_NODE_INT ? n->i : 0;
    if (v == -1) v = z->meta->type->dtype && z->meta->type->dtype->item_bytes == 1 ? 2 : 1;
    if (v == 2 || tsr_znode_is(n, "bitshuffle") || tsr_znode_is(n, "BIT")) return "bitshuffle";
    return v == 1 || tsr_znode_is(n, "shuffle") || tsr_znode_is(n, "BYTE") ? "shuffle" : NULL;
}

static void add_blosc(struct tsr_zarr *z, const struct tsr_node *config)
{
    static const char *const known[] = {"blosclz", "lz4", "lz4hc", "zlib", "zstd"};
    const char *filter = blosc_filter(z, config);
    if (filter) add_step(z, filter, -1);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (tsr_znode_is(tsr_znode_get(config, "cname"), known[i]))
            add_step(z, known[i], level_of(config, "clevel", 5));
}

/* Blosc's level L of Zstandard is its own 2 L - 1; 0 is the library's default, 3. */
static void add_codec(struct tsr_zarr *z, const char *name, const struct tsr_node *config)
{
    if (strncmp(name, "numcodecs.", 10) == 0) name += 10;
    int64_t level = level_of(config, "level", 1);
    if (strcmp(name, "blosc") == 0) add_blosc(z, config);
    else if (strcmp(name, "shuffle") == 0) add_step(z, "shuffle", -1);
    else if (strcmp(name, "zstd") == 0) add_step(z, "zstd", ((level > 0 ? level : 3) + 1) / 2);
    else if (!strcmp(name, "zlib") || !strcmp(name, "gzip")) add_step(z, "zlib", level);
    else if (strcmp(name, "lz4") == 0) add_step(z, "lz4", 5);
}

/* Of all steps the first filter that stands in front of a codec, and the last codec. */
static void keep_usable(struct tsr_zarr *z)
{
    tsr_step filter = {0}, codec = {0};
    int n = z->d.spec.nsteps;
    for (int i = 0; i < n; i++) {
        bool is_filter = tsr_zarr_is_filter(&z->steps[i]);
        if (!is_filter) codec = z->steps[i];
        else if (!filter.name && !codec.name) filter = z->steps[i];
    }
    if (filter.name && !codec.name) codec.name = "zstd";
    n = 0;
    if (filter.name) z->steps[n++] = filter;
    if (codec.name) z->steps[n++] = codec;
    z->d.spec.nsteps = n;
}

/* The codecs of a block, of which a shard has its own. */
static int make_steps(struct tsr_zarr *z)
{
    const struct tsr_zmeta *m = z->meta;
    struct tsr_zspec *codec = m->codecs;
    int n = m->ncodecs, rc = TSR_OK;
    bool foreign;
    for (int i = 0; z->parts->shard && i < m->ncodecs; i++)
        if (strcmp(m->codecs[i].name, "sharding_indexed") == 0)
            rc = tsr_zspecs_parse(m->doc, tsr_znode_get(m->codecs[i].config, "codecs"), &codec, &n,
                                  &foreign);
    if (rc == TSR_OK) z->steps = tsr_doc_alloc(m->doc, 2 * (size_t)n + 2, sizeof *z->steps);
    if (rc == TSR_OK && !z->steps) rc = TSR_ENOMEM;
    for (int i = 0; i < n && rc == TSR_OK; i++) add_codec(z, codec[i].name, codec[i].config);
    if (rc == TSR_OK) keep_usable(z);
    z->d.spec.steps = z->steps;
    return rc;
}

/* ---- what only Zarr knows ---- */

/* Text that lives as long as the metadata. */
static int own_text(struct tsr_zarr *z, struct tsr_buf *text, const char **out)
{
    *out = tsr_doc_string(z->meta->doc, text->p ? (char *)text->p : "", text->len);
    tsr_buf_free(text);
    return *out ? TSR_OK : TSR_ENOMEM;
}

static int add_node(struct tsr_buf *to, const char *before, const struct tsr_node *n)
{
    int rc = tsr_buf_addf(to, "%s", before);
    if (rc < 0) return rc;
    return n ? tsr_json_write(to, n, TSR_JSON_WORDS) : tsr_buf_addf(to, "null");
}

/* Of a shard those of a block: the transposes before it, and its own. */
static int add_block_codecs(struct tsr_buf *to, const struct tsr_node *list)
{
    const struct tsr_node *inner = NULL;
    int rc = TSR_OK;
    for (size_t i = 0; i < list->list.n && !inner && rc == TSR_OK; i++) {
        struct tsr_zext e;
        rc = tsr_znode_ext(list->list.v + i, &e);
        if (rc == TSR_OK && strcmp(e.name, "sharding_indexed") == 0)
            inner = tsr_znode_get(e.config, "codecs");
        else if (rc == TSR_OK) rc = add_node(to, i ? "," : "[", list->list.v + i);
    }
    bool first = to->len == 0;
    for (size_t i = 0; inner && i < inner->list.n && rc == TSR_OK; i++)
        rc = add_node(to, i || !first ? "," : "[", inner->list.v + i);
    return rc < 0 ? rc : tsr_buf_addf(to, "]");
}

static int make_codecs(struct tsr_zarr *z)
{
    const struct tsr_node *root = &z->meta->root, *list = tsr_znode_get(root, "codecs");
    struct tsr_buf text = {0};
    int rc;
    if (z->meta->format == 2) {
        rc = add_node(&text, "{\"filters\":", tsr_znode_get(root, "filters"));
        if (rc == TSR_OK)
            rc = add_node(&text, ",\"compressor\":", tsr_znode_get(root, "compressor"));
        if (rc == TSR_OK) rc = tsr_buf_addf(&text, "}");
    } else {
        rc = z->parts->shard ? add_block_codecs(&text, list) : add_node(&text, "", list);
    }
    if (rc == TSR_OK) return own_text(z, &text, &z->d.spec.codecs);
    tsr_buf_free(&text);
    return rc;
}

/* The runs of axis d, as zarr_edges.c reads them. */
static int add_runs(struct tsr_buf *to, const struct tsr_zgrid *g, int d)
{
    const struct tsr_run *run = g->runs[d];
    int64_t n = g->nruns[d];
    int rc = TSR_OK;
    for (int64_t i = 0; i < n && rc == TSR_OK; i++) {
        int64_t count = (i + 1 < n ? run[i + 1].first : g->count[d]) - run[i].first;
        rc = tsr_buf_addf(to, "%s%lld", i ? "+" : "", (long long)run[i].edge);
        if (rc == TSR_OK && count > 1) rc = tsr_buf_addf(to, "x%lld", (long long)count);
    }
    return rc;
}

/* They come first: whoever gives chunks of his own passes them over (tsr_spec_without_edges). */
static int add_edges(struct tsr_zarr *z, struct tsr_buf *to)
{
    const struct tsr_grid *g = &z->d.grid;
    int rc = TSR_OK;
    for (int d = 0; d < g->ndim && rc == TSR_OK; d++) {
        rc = tsr_buf_addf(to, "%s", d ? ";" : ",edges=");
        if (rc == TSR_OK && g->run[d]) rc = add_runs(to, &z->meta->grid, d);
        else if (rc == TSR_OK) rc = tsr_buf_addf(to, "%lld", (long long)g->chunk[d]);
    }
    return rc;
}

/* Those of the options that are not what they are without being asked for. */
int tsr_zarr_tell_options(struct tsr_zarr *z)
{
    const struct tsr_zmeta *m = z->meta;
    const struct tsr_zshard *s = z->parts->shard;
    bool dot = m->format == 2 || !m->keys.prefix;
    struct tsr_buf text = {0};
    int rc = z->d.grid.uneven ? add_edges(z, &text) : TSR_OK;
    z->d.spec.zarr = NULL;
    if (rc == TSR_OK && (m->keys.separator == '.') != dot)
        rc = tsr_buf_addf(&text, ",separator=%c", m->keys.separator);
    if (rc == TSR_OK && m->format == 3 && !m->keys.prefix) rc = tsr_buf_addf(&text, ",keys=v2");
    if (rc == TSR_OK && s && !s->at_end) rc = tsr_buf_addf(&text, ",index=start");
    if (rc == TSR_OK && m->format == 2 && m->order == 'F') rc = tsr_buf_addf(&text, ",order=F");
    if (rc == TSR_OK && !z->elide && !m->fill.null) rc = tsr_buf_addf(&text, ",empty=1");
    if (rc == TSR_OK && text.len == 0) return TSR_OK;
    if (rc == TSR_OK) rc = own_text(z, &text, &z->d.spec.zarr);
    if (rc == TSR_OK) z->d.spec.zarr++; /* the first comma */
    else tsr_buf_free(&text);
    return rc;
}

/* Has NumPy no name for it? */
static bool is_odd(const struct tsr_ztype *t)
{
    static const char *const known[] = {"float16", "float32", "float64", NULL};
    if (!t->dtype) return false; /* its name is the dtype */
    if (t->kind == TSR_ZINT || t->kind == TSR_ZUINT) return t->bits < 8;
    if (t->kind != TSR_ZFLOAT && t->kind != TSR_ZCOMPLEX) return false;
    for (int i = 0; known[i]; i++)
        if (strcmp(t->real->name, known[i]) == 0) return false;
    return true;
}

static int make_type(struct tsr_zarr *z)
{
    const struct tsr_node *n = tsr_znode_get(&z->meta->root, "data_type");
    struct tsr_buf text = {0};
    if (!n || !is_odd(z->meta->type)) return TSR_OK;
    int rc = n->kind == TSR_NODE_STRING ? tsr_buf_add(&text, n->s.p, n->s.len)
                                        : tsr_json_write(&text, n, 0);
    if (rc == TSR_OK) return own_text(z, &text, &z->d.spec.type);
    tsr_buf_free(&text);
    return rc;
}

/* ---- grid ---- */

/* Inner chunks are alike in all chunks, so every edge is a multiple of theirs (zarr.md 9.1). */
int tsr_zarr_check_edges(const struct tsr_zarr *z, const struct tsr_grid *g)
{
    for (int d = 0; d < g->ndim && z->parts->shard; d++)
        for (int64_t i = 0; i < g->nruns[d]; i++)
            if (g->run[d][i].edge % g->block[d])
                return tsr_fail(TSR_ECORRUPT,
                                "chunk_grid: chunk_shapes: [%d]: found an edge of %lld, expected a "
                                "multiple of the inner chunk's %lld",
                                d, (long long)g->run[d][i].edge, (long long)g->block[d]);
    return TSR_OK;
}

static int derive_grid(struct tsr_zarr *z)
{
    const struct tsr_zmeta *m = z->meta;
    struct tsr_grid *g = &z->d.grid;
    g->ndim = m->ndim;
    g->padded = true;
    z->d.loose = !m->type->dtype;
    g->item_bytes = z->d.loose ? (int64_t)sizeof(struct tsr_item) : m->type->dtype->item_bytes;
    memcpy(g->shape, m->shape, sizeof g->shape);
    tsr_zgrid_give(&m->grid, g);
    int rc = tsr_zparts_open(m, g->chunk, (size_t)z->limit, &z->parts);
    if (rc < 0) return rc;
    memcpy(g->block, z->parts->block, sizeof g->block);
    rc = tsr_zarr_check_edges(z, g);
    if (rc < 0) return rc;
    rc = tsr_grid_derive(g, UINT64_MAX);
    if (rc == TSR_ECORRUPT) return tsr_fail(TSR_ELIMIT, "%s", tsr_error());
    if (rc == TSR_OK && (uint64_t)g->block_bytes > z->limit)
        rc = tsr_fail(TSR_ELIMIT, "%s of %lld bytes, the limit is %llu",
                      z->parts->shard ? "inner chunks" : "chunks", (long long)g->block_bytes,
                      (unsigned long long)z->limit);
    return rc;
}

static void derive_loose_value(struct tsr_zarr *z)
{
    const struct tsr_zfill *f = &z->meta->fill;
    z->fill = (struct tsr_item){f->p + 4, f->len - 4};
    z->d.fill = z->fill.len ? (const uint8_t *)&z->fill : NULL;
    z->d.fill_bytes = z->fill.len ? (int32_t)sizeof z->fill : 0;
    z->d.spec.fill = f->null ? NULL : f->p;
}

/* As few bytes of it as repeat. */
static void derive_value(struct tsr_zarr *z)
{
    const struct tsr_zfill *f = &z->meta->fill;
    const uint8_t *p = z->turn && f->len ? tsr_zturn_fill(z->turn, f->p) : f->p;
    bool same = f->len > 0;
    for (size_t i = 1; i < f->len && same; i++) same = p[i] == p[0];
    z->d.fill = p;
    z->d.fill_bytes = same ? 1 : (int32_t)f->len;
    if (f->len == 0 || (same && p[0] == 0)) z->d.fill = NULL;
    if (!z->d.fill) z->d.fill_bytes = 0;
    z->d.spec.fill = f->null ? NULL : p;
}

static int derive_kept(struct tsr_zarr *z)
{
    int rc = z->d.grid.uneven ? tsr_zshapes_new(&z->shapes) : TSR_OK;
    if (rc < 0 || !z->parts->shard) return rc;
    rc = tsr_pool_new(1, &z->pool);
    return rc < 0 ? rc : tsr_zindices_new(&z->indices);
}

int tsr_zarr_derive(struct tsr_zarr *z)
{
    const struct tsr_zmeta *m = z->meta;
    struct tsr_grid *g = &z->d.grid;
    struct tsr_buf text = {0};
    z->d.format = tsr_zarr_format(m->format);
    int rc = derive_grid(z);
    if (rc == TSR_OK)
        rc = m->type->dtype ? tsr_dtype_emit(&text, m->type->dtype)
                            : tsr_zarr_loose_name(m->type, &text);
    if (rc == TSR_OK) rc = tsr_buf_add(&text, "", 1);
    z->dtype = (char *)text.p;
    z->d.spec = (tsr_spec){.size = sizeof z->d.spec,
                           .dtype = z->turn ? tsr_zturn_dtype(z->turn) : z->dtype,
                           .item_bytes = z->d.loose ? 0 : g->item_bytes,
                           .ndim = g->ndim,
                           .shape = g->shape,
                           .chunks = g->chunk,
                           .blocks = g->block};
    z->d.spec.names = m->names;
    z->d.spec.checksum = rc == TSR_OK && tsr_zarr_has_checksum(z);
    if (rc == TSR_OK) rc = make_steps(z);
    if (rc == TSR_OK) rc = make_codecs(z);
    if (rc == TSR_OK) rc = make_type(z);
    if (rc == TSR_OK) rc = derive_kept(z);
    if (rc < 0) return rc;
    if (z->d.loose) derive_loose_value(z);
    else derive_value(z);
    z->checked = m->format == 2 && !tsr_zitems_free(m->type);
    z->elide = z->elide && !m->fill.null;
    if ((rc = tsr_zarr_tell_options(z)) < 0) return rc;
    z->d.key_bytes = z->prefix_len + TSR_ZKEY_MAX;
    z->d.writable = z->d.store->writable && z->parts->whole->writable && !m->foreign;
    return TSR_OK;
}
