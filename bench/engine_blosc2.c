/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/engine_blosc2.c - c-blosc2 through its C API: a module that bench.c loads apart.
 *
 * Arrays on disk are contiguous frames; in memory they are what b2nd makes by default, sparse
 * ones.  Every context gets the threads asked for, also those that open makes with one. */
#include <b2nd.h>
#include <blosc2.h>
#include <blosc2/codecs-registry.h>
#include <blosc2/filters-registry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

engine_peer_fn engine_peer;

static int16_t nthreads = 1;
static char failure[128] = "";

static int fine(int64_t rc)
{
    if (rc >= 0) return 0;
    snprintf(failure, sizeof failure, "%s", print_error((int)rc));
    return -1;
}

static const char *error(void)
{
    return failure;
}

static const char *version(void)
{
    return BLOSC2_VERSION_STRING;
}

static int start(int threads)
{
    blosc2_init();
    nthreads = (int16_t)threads;
    blosc2_set_nthreads(nthreads);
    return 0;
}

/* Everything a new container needs, in one place, since they point at each other. */
struct params {
    blosc2_cparams c;
    blosc2_dparams d;
    blosc2_storage s;
    char path[512];
};

static uint8_t filter_id(const char *name)
{
    static const struct {
        const char *name;
        uint8_t id;
    } ids[] = {{"shuffle", BLOSC_SHUFFLE},
               {"bitshuffle", BLOSC_BITSHUFFLE},
               {"delta", BLOSC_DELTA},
               {"trunc_prec", BLOSC_TRUNC_PREC},
               {"ndcell", BLOSC_FILTER_NDCELL},
               {"bytedelta", BLOSC_FILTER_BYTEDELTA},
               {"int_trunc", BLOSC_FILTER_INT_TRUNC}};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (strcmp(ids[i].name, name) == 0) return ids[i].id;
    return BLOSC_NOFILTER;
}

static void set_filters(const struct layout *l, blosc2_cparams *c)
{
    struct part part[MAX_PARTS];
    int n = parse_parts(l->filters, part);
    memset(c->filters, BLOSC_NOFILTER, sizeof c->filters);
    for (int i = 0; i < n; i++) {
        c->filters[BLOSC2_MAX_FILTERS - n + i] = filter_id(part[i].name);
        c->filters_meta[BLOSC2_MAX_FILTERS - n + i] = (uint8_t)part[i].meta;
        if (strcmp(part[i].name, "bytedelta") == 0 && !part[i].meta)
            c->filters_meta[BLOSC2_MAX_FILTERS - n + i] = (uint8_t)l->item_bytes;
    }
}

static void set_codec(const struct layout *l, blosc2_cparams *c)
{
    struct part part[MAX_PARTS];
    parse_parts(l->codec, part);
    int id = strcmp(part->name, "zfp_acc") == 0    ? BLOSC_CODEC_ZFP_FIXED_ACCURACY
             : strcmp(part->name, "zfp_rate") == 0 ? BLOSC_CODEC_ZFP_FIXED_RATE
             : strcmp(part->name, "ndlz") == 0     ? BLOSC_CODEC_NDLZ
                                                   : blosc2_compname_to_compcode(part->name);
    c->compcode = (uint8_t)id;
    c->compcode_meta = (uint8_t)part->meta;
    c->use_dict = part->dict;
}

static void make_params(const struct layout *l, const char *path, struct params *p)
{
    int64_t block = l->item_bytes;
    memset(p, 0, sizeof *p);
    p->c = BLOSC2_CPARAMS_DEFAULTS;
    p->d = BLOSC2_DPARAMS_DEFAULTS;
    set_codec(l, &p->c);
    p->c.clevel = (uint8_t)l->clevel;
    p->c.typesize = (int32_t)l->item_bytes;
    p->c.splitmode = BLOSC_AUTO_SPLIT;
    p->c.nthreads = p->d.nthreads = nthreads;
    for (int d = 0; d < l->ndim; d++) block *= l->blocks[d];
    p->c.blocksize = (int32_t)block;
    set_filters(l, &p->c);
    if (path) snprintf(p->path, sizeof p->path, "%s", path);
    p->s = (blosc2_storage){.contiguous = path && !l->sparse,
                            .urlpath = path ? p->path : NULL,
                            .cparams = &p->c,
                            .dparams = &p->d};
}

/* ---- arrays ---- */

static b2nd_context_t *array_context(const struct layout *l, struct params *p)
{
    int32_t chunks[NDIM], blocks[NDIM];
    for (int d = 0; d < l->ndim; d++) {
        chunks[d] = (int32_t)l->chunks[d];
        blocks[d] = (int32_t)l->blocks[d];
    }
    if (p->s.urlpath) blosc2_remove_urlpath(p->s.urlpath);
    return b2nd_create_ctx(&p->s, (int8_t)l->ndim, l->shape, chunks, blocks, l->dtype,
                           DTYPE_NUMPY_FORMAT, NULL, 0);
}

static void *make(const struct layout *l, const char *path, const void *data, size_t bytes)
{
    struct params p;
    b2nd_array_t *a = NULL;
    make_params(l, path, &p);
    b2nd_context_t *ctx = array_context(l, &p);
    if (!ctx) return NULL;
    int rc = data ? b2nd_from_cbuffer(ctx, &a, data, (int64_t)bytes) : b2nd_zeros(ctx, &a);
    b2nd_free_ctx(ctx);
    return fine(rc) < 0 ? NULL : a;
}

static void *load(const struct layout *l, const void *data, size_t bytes)
{
    return make(l, NULL, data, bytes);
}

static void *create(const struct layout *l, const char *path)
{
    return make(l, path, NULL, 0);
}

static int close_array(void *a)
{
    return fine(b2nd_free(a));
}

static int save(const struct layout *l, const char *path, const void *data, size_t bytes)
{
    void *a = make(l, path, data, bytes);
    return a ? close_array(a) : -1;
}

static void set_threads(blosc2_schunk *s)
{
    blosc2_cparams c;
    blosc2_dparams d = BLOSC2_DPARAMS_DEFAULTS;
    blosc2_ctx_get_cparams(s->cctx, &c);
    c.nthreads = d.nthreads = nthreads;
    c.schunk = d.schunk = s;
    d.typesize = s->typesize;
    blosc2_free_ctx(s->cctx);
    blosc2_free_ctx(s->dctx);
    s->cctx = blosc2_create_cctx(c);
    s->dctx = blosc2_create_dctx(d);
}

static void *open_array(const char *path)
{
    b2nd_array_t *a = NULL;
    if (fine(b2nd_open(path, &a)) < 0) return NULL;
    set_threads(a->sc);
    return a;
}

static void stop_of(const b2nd_array_t *a, const int64_t *from, const int64_t *count, int64_t *stop)
{
    for (int d = 0; d < a->ndim; d++) stop[d] = from[d] + count[d];
}

static int read_box(void *p, const int64_t *from, const int64_t *count, void *dst, size_t bytes)
{
    const b2nd_array_t *a = p;
    int64_t stop[NDIM];
    stop_of(a, from, count, stop);
    return fine(b2nd_get_slice_cbuffer(a, from, stop, dst, count, (int64_t)bytes));
}

static int write_box(void *p, const int64_t *from, const int64_t *count, const void *src,
                     size_t bytes)
{
    b2nd_array_t *a = p;
    int64_t stop[NDIM];
    stop_of(a, from, count, stop);
    return fine(b2nd_set_slice_cbuffer(src, count, (int64_t)bytes, from, stop, a));
}

static int resize(void *a, const int64_t *shape)
{
    return fine(b2nd_resize(a, shape, NULL));
}

static int done(int rc, b2nd_array_t *a)
{
    if (fine(rc) < 0) return -1;
    return close_array(a);
}

static int copy(void *a, const struct layout *l, const char *path)
{
    struct params p;
    b2nd_array_t *out = NULL;
    make_params(l, path, &p);
    b2nd_context_t *ctx = array_context(l, &p);
    int rc = ctx ? b2nd_copy(ctx, a, &out) : -1;
    if (ctx) b2nd_free_ctx(ctx);
    return done(rc, out);
}

static int concat(void *a, const struct layout *l, const char *path)
{
    struct params p;
    b2nd_array_t *out = NULL;
    make_params(l, path, &p);
    b2nd_context_t *ctx = array_context(l, &p);
    int rc = ctx ? b2nd_concatenate(ctx, a, a, 0, true, &out) : -1;
    if (ctx) b2nd_free_ctx(ctx);
    return done(rc, out);
}

/* It writes at once: there is nothing to flush. */
static int flush(void *p)
{
    (void)p;
    return 0;
}

/* ---- super-chunks ---- */

static void *row_create(const struct layout *l, const char *path)
{
    struct params p;
    make_params(l, path, &p);
    if (path) blosc2_remove_urlpath(path);
    return blosc2_schunk_new(&p.s);
}

static void *row_open(const char *path)
{
    blosc2_schunk *s = blosc2_schunk_open(path);
    if (s) set_threads(s);
    return s;
}

static int row_append(void *s, const void *src, size_t bytes, int64_t item_bytes)
{
    (void)item_bytes;
    return fine(blosc2_schunk_append_buffer(s, src, (int32_t)bytes));
}

static int row_get(void *s, int64_t from, int64_t n, void *dst)
{
    return fine(blosc2_schunk_get_slice_buffer(s, from, from + n, dst));
}

static int row_close(void *s)
{
    return fine(blosc2_schunk_free(s));
}

static int vl_append(void *p, const void *src, size_t bytes, int64_t n)
{
    blosc2_schunk *s = p;
    const void *at[VL_BLOCKS];
    int32_t len[VL_BLOCKS], cap = (int32_t)((size_t)n * (bytes + 64) + 1024);
    for (int64_t i = 0; i < n; i++) {
        at[i] = (const char *)src + (size_t)i * bytes;
        len[i] = (int32_t)bytes;
    }
    uint8_t *chunk = malloc((size_t)cap);
    int64_t rc = chunk ? blosc2_vlcompress_ctx(s->cctx, at, len, (int32_t)n, chunk, cap) : -1;
    if (rc > 0) rc = blosc2_schunk_append_chunk(s, chunk, true);
    free(chunk);
    return fine(rc);
}

static int vl_get(void *s, int64_t chunk, int64_t block, void *dst, size_t bytes)
{
    uint8_t *got = NULL;
    int32_t len = 0;
    int rc = fine(blosc2_schunk_get_vlblock(s, chunk, (int32_t)block, &got, &len));
    if (rc == 0) memcpy(dst, got, (size_t)len < bytes ? (size_t)len : bytes);
    free(got);
    return rc;
}

/* ---- chunks ---- */

struct codec {
    blosc2_context *c, *d;
};

static void *codec_new(const struct layout *l)
{
    struct params p;
    struct codec *k = calloc(1, sizeof *k);
    if (!k) return NULL;
    make_params(l, NULL, &p);
    k->c = blosc2_create_cctx(p.c);
    k->d = blosc2_create_dctx(p.d);
    return k;
}

static int64_t compress(void *p, const void *src, size_t n, void *dst, size_t cap)
{
    struct codec *k = p;
    int len = blosc2_compress_ctx(k->c, src, (int32_t)n, dst, (int32_t)cap);
    return fine(len) < 0 ? -1 : len;
}

static int decompress(void *p, const void *src, size_t len, void *dst, size_t n)
{
    struct codec *k = p;
    return fine(blosc2_decompress_ctx(k->d, src, (int32_t)len, dst, (int32_t)n));
}

static void codec_free(void *p)
{
    struct codec *k = p;
    if (!k) return;
    blosc2_free_ctx(k->c);
    blosc2_free_ctx(k->d);
    free(k);
}

static const struct engine engine_blosc2 = {
    .name = "c-blosc2",
    .version = version,
    .error = error,
    .start = start,
    .save = save,
    .load = load,
    .create = create,
    .open = open_array,
    .read = read_box,
    .write = write_box,
    .resize = resize,
    .flush = flush,
    .close = close_array,
    .copy = copy,
    .concat = concat,
    .row_create = row_create,
    .row_open = row_open,
    .row_append = row_append,
    .row_get = row_get,
    .row_flush = flush,
    .row_close = row_close,
    .vl_append = vl_append,
    .vl_get = vl_get,
    .codec_new = codec_new,
    .compress = compress,
    .decompress = decompress,
    .codec_free = codec_free,
};

const struct engine *engine_peer(void)
{
    return &engine_blosc2;
}
