/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/engine_tessera.c - Tessera, through its public header only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tessera/tessera.h>

#include "bench.h"

static tsr_context *context;

static int start(int threads)
{
    tsr_context_options o = {.size = sizeof o, .threads = threads};
    return tsr_context_new(&o, &context);
}

static int set_threads(int threads)
{
    return tsr_context_set_threads(context, threads, NULL);
}

static int no_cache(void)
{
    return tsr_context_set_cache(context, TSR_NO_CACHE, NULL);
}

static tsr_options options(const char *mode)
{
    return (tsr_options){.size = sizeof(tsr_options), .mode = mode, .context = context};
}

static tsr_options options_new(const struct layout *l)
{
    tsr_options o = options("w");
    o.sparse = l->sparse;
    return o;
}

/* Steps of a layout, and the text that they point at. */
struct steps {
    struct part part[2 * MAX_PARTS];
    char params[2 * MAX_PARTS][32];
    tsr_step step[2 * MAX_PARTS];
    int n;
};

static void make_steps(const struct layout *l, struct steps *s)
{
    int filters = parse_parts(l->filters, s->part);
    s->n = filters + parse_parts(l->codec, s->part + filters);
    for (int i = 0; i < s->n; i++) {
        const struct part *p = &s->part[i];
        char *text = s->params[i];
        if (p->has_meta) snprintf(text, sizeof s->params[i], "meta=%d", p->meta);
        else if (i < filters) text[0] = 0;
        else
            snprintf(text, sizeof s->params[i], "clevel=%d%s", l->clevel, p->dict ? ",dict=1" : "");
        s->step[i] = (tsr_step){p->name, text[0] ? text : NULL};
    }
}

static void *create(const struct layout *l, const char *path)
{
    struct steps s;
    tsr_options o = options_new(l);
    tsr_array *a = NULL;
    make_steps(l, &s);
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = l->dtype,
                     .ndim = l->ndim,
                     .shape = l->shape,
                     .chunks = l->chunks,
                     .blocks = l->blocks,
                     .steps = s.step,
                     .nsteps = s.n};
    return tsr_array_create(path, &spec, &o, &a) < 0 ? NULL : a;
}

static void *load(const struct layout *l, const void *data, size_t bytes)
{
    tsr_array *a = create(l, NULL);
    if (a && tsr_array_write(a, NULL, data, bytes) < 0) {
        tsr_array_close(a);
        a = NULL;
    }
    return a;
}

static int save(const struct layout *l, const char *path, const void *data, size_t bytes)
{
    tsr_array *a = create(l, path);
    if (!a) return -1;
    int rc = tsr_array_write(a, NULL, data, bytes), closed = tsr_array_close(a);
    return rc < 0 ? rc : closed;
}

static void *open_array(const char *path)
{
    tsr_options o = options("r+");
    tsr_array *a = NULL;
    return tsr_array_open(path, &o, &a) < 0 ? NULL : a;
}

static int read_box(void *a, const int64_t *from, const int64_t *count, void *dst, size_t bytes)
{
    tsr_slice s = {from, count, NULL};
    return tsr_array_read(a, &s, dst, bytes);
}

static int write_box(void *a, const int64_t *from, const int64_t *count, const void *src,
                     size_t bytes)
{
    tsr_slice s = {from, count, NULL};
    return tsr_array_write(a, &s, src, bytes);
}

static int resize(void *a, const int64_t *shape)
{
    return tsr_array_resize(a, shape);
}

static int flush(void *a)
{
    return tsr_array_flush(a);
}

static int close_array(void *a)
{
    return tsr_array_close(a);
}

static int copy(void *a, const struct layout *l, const char *path)
{
    tsr_options o = options_new(l);
    tsr_array *out = NULL;
    int rc = tsr_array_copy(a, path, NULL, &o, &out);
    return rc < 0 ? rc : tsr_array_close(out);
}

static int concat(void *a, const struct layout *l, const char *path)
{
    tsr_options o = options_new(l);
    tsr_array *out = NULL;
    const tsr_array *both[] = {a, a};
    int rc = tsr_array_concat(both, 2, 0, path, &o, &out);
    return rc < 0 ? rc : tsr_array_close(out);
}

static tsr_schunk_spec row_spec(const struct layout *l, struct steps *s)
{
    make_steps(l, s);
    return (tsr_schunk_spec){.size = sizeof(tsr_schunk_spec),
                             .item_bytes = l->item_bytes,
                             .chunk_bytes = l->chunks[0] * l->item_bytes,
                             .block_bytes = l->blocks[0] * l->item_bytes,
                             .steps = s->step,
                             .nsteps = s->n};
}

static void *row_create(const struct layout *l, const char *path)
{
    struct steps steps;
    tsr_schunk_spec spec = row_spec(l, &steps);
    tsr_options o = options_new(l);
    tsr_schunk *s = NULL;
    return tsr_schunk_create(path, &spec, &o, &s) < 0 ? NULL : s;
}

static void *row_open(const char *path)
{
    tsr_options o = options("r+");
    tsr_schunk *s = NULL;
    return tsr_schunk_open(path, &o, &s) < 0 ? NULL : s;
}

static int row_append(void *s, const void *src, size_t bytes, int64_t item_bytes)
{
    return tsr_schunk_append(s, (int64_t)bytes / item_bytes, src);
}

static int row_get(void *s, int64_t from, int64_t n, void *dst)
{
    return tsr_schunk_get(s, from, n, dst);
}

static int row_flush(void *s)
{
    return tsr_schunk_flush(s);
}

static int row_close(void *s)
{
    return tsr_schunk_close(s);
}

static int vl_append(void *s, const void *src, size_t bytes, int64_t n)
{
    const void *p[VL_BLOCKS];
    size_t len[VL_BLOCKS];
    for (int64_t i = 0; i < n; i++) {
        p[i] = (const char *)src + (size_t)i * bytes;
        len[i] = bytes;
    }
    return tsr_schunk_append_vlblocks(s, n, p, len);
}

static int vl_get(void *s, int64_t chunk, int64_t block, void *dst, size_t bytes)
{
    void *got = NULL;
    size_t len = 0;
    int rc = tsr_schunk_read_vlblock(s, chunk, block, &got, &len);
    if (rc == 0) memcpy(dst, got, len < bytes ? len : bytes);
    tsr_free(got);
    return rc;
}

struct codec {
    struct steps steps;
    tsr_schunk_spec spec;
};

static void *codec_new(const struct layout *l)
{
    struct codec *c = calloc(1, sizeof *c);
    if (c) c->spec = row_spec(l, &c->steps);
    return c;
}

static int64_t compress(void *p, const void *src, size_t n, void *dst, size_t cap)
{
    struct codec *c = p;
    tsr_options o = options(NULL);
    size_t len = 0;
    int rc = tsr_compress(&c->spec, src, n, &o, dst, cap, &len);
    return rc < 0 ? rc : (int64_t)len;
}

static int decompress(void *p, const void *src, size_t len, void *dst, size_t n)
{
    tsr_options o = options(NULL);
    (void)p;
    return tsr_decompress(src, len, &o, dst, n);
}

const struct engine engine_tessera = {
    .name = "tessera",
    .version = tsr_version,
    .error = tsr_error,
    .start = start,
    .set_threads = set_threads,
    .no_cache = no_cache,
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
    .row_flush = row_flush,
    .row_close = row_close,
    .vl_append = vl_append,
    .vl_get = vl_get,
    .codec_new = codec_new,
    .compress = compress,
    .decompress = decompress,
    .codec_free = free,
};
