/* SPDX-License-Identifier: BSD-3-Clause */
/* info.c - tessera info: what a file holds.
 *
 * The report is built once, as JSON; without --json the same object is printed for people. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

typedef struct json_object json;

static json *text_or_null(const char *text)
{
    return text ? json_object_new_string(text) : NULL;
}

/* ---- codec and filters ---- */

static int64_t param_of(const tsr_step *s, const char *name, int64_t none)
{
    size_t len = strlen(name);
    for (const char *p = s->params; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (!strncmp(p, name, len) && p[len] == '=') return strtoll(p + len + 1, NULL, 10);
    return none;
}

static json *filter_json(const char *name, int64_t meta)
{
    json *pair = json_object_new_array();
    json_object_array_add(pair, json_object_new_string(name));
    json_object_array_add(pair, json_object_new_int64(meta));
    return pair;
}

static void add_steps(json *o, const tsr_step *steps, int n)
{
    json *filters = json_object_new_array();
    const tsr_step *codec = NULL;
    for (int i = 0; i < n; i++) {
        /* only the last may be a codec: filters that are not built in are in no table */
        if (i == n - 1 && !cli_is_filter(steps[i].name)) codec = steps + i;
        else
            json_object_array_add(filters,
                                  filter_json(steps[i].name, param_of(steps + i, "meta", 0)));
    }
    int64_t level = codec ? param_of(codec, "clevel", -1) : -1;
    cli_json_add(o, "codec", text_or_null(codec ? codec->name : NULL));
    cli_json_add(o, "clevel", level < 0 ? NULL : json_object_new_int64(level));
    cli_json_add(o, "codec_meta", json_object_new_int64(codec ? param_of(codec, "meta", 0) : 0));
    cli_json_add(o, "filters", filters);
}

static const char *name_of(int blosc2_id, bool filter)
{
    tsr_codec_info c = {.size = sizeof c};
    for (int i = 0; tsr_codec_at(i, &c) == TSR_OK; i++)
        if (c.filter == filter && c.blosc2_id == blosc2_id) return c.name;
    return NULL;
}

/* ---- metadata ---- */

struct meta_source {
    const struct cli_source *s;
    tsr_meta_kind kind;
};

static const char *meta_name(const struct meta_source *m, int i)
{
    return m->s->array ? tsr_array_meta_name(m->s->array, m->kind, i)
                       : tsr_schunk_meta_name(m->s->schunk, m->kind, i);
}

static int meta_get(const struct meta_source *m, const char *name, void **buf, size_t *len)
{
    return m->s->array ? tsr_array_meta_get(m->s->array, m->kind, name, buf, len)
                       : tsr_schunk_meta_get(m->s->schunk, m->kind, name, buf, len);
}

/* All metalayers of a kind; a status < 0 when one cannot be read. */
static int meta_json(const struct cli_source *s, tsr_meta_kind kind, json **out)
{
    struct meta_source m = {s, kind};
    int n = s->array    ? tsr_array_meta_count(s->array, kind)
            : s->schunk ? tsr_schunk_meta_count(s->schunk, kind)
                        : 0;
    *out = json_object_new_object();
    for (int i = 0; i < n; i++) {
        const char *name = meta_name(&m, i);
        void *buf;
        size_t len;
        int rc = name ? meta_get(&m, name, &buf, &len) : TSR_OK;
        if (rc < 0) return rc;
        if (!name) continue;
        cli_json_add(*out, name, cli_json_packed(buf, len));
        tsr_free(buf);
    }
    return TSR_OK;
}

static json *attrs_json(const struct cli_source *s)
{
    char *text = NULL;
    json *o = NULL;
    if (s->array && tsr_array_attrs(s->array, &text) == TSR_OK) o = cli_json_parse(text);
    tsr_free(text);
    return o;
}

static int add_metadata(json *o, const struct cli_source *s)
{
    json *meta = NULL, *vlmeta = NULL, *attrs = attrs_json(s);
    int rc = meta_json(s, TSR_META, &meta);
    if (rc == TSR_OK) rc = meta_json(s, TSR_VLMETA, &vlmeta);
    if (!attrs) attrs = s->array && vlmeta ? json_object_get(vlmeta) : json_object_new_object();
    cli_json_add(o, "attrs", attrs);
    cli_json_add(o, "meta", meta);
    cli_json_add(o, "vlmeta", vlmeta);
    return rc;
}

/* ---- one function per kind ---- */

/* Below 0: not known. */
static json *size_json(int64_t bytes)
{
    return bytes >= 0 ? json_object_new_int64(bytes) : NULL;
}

/* Of nothing stored there is no ratio. */
static json *ratio_json(const tsr_stats *st)
{
    char text[32];
    if (st->nbytes < 0 || st->cbytes <= 0) return NULL;
    double ratio = (double)st->nbytes / (double)st->cbytes;
    snprintf(text, sizeof text, "%.4g", ratio);
    return json_object_new_double_s(ratio, text);
}

static void add_sizes(json *o, const tsr_stats *st)
{
    cli_json_add(o, "nbytes", size_json(st->nbytes));
    cli_json_add(o, "cbytes", size_json(st->cbytes));
    cli_json_add(o, "cratio", ratio_json(st));
    cli_json_add(o, "nchunks", json_object_new_int64(st->nchunks));
}

static json *fill_json(const struct cli_source *s, const tsr_spec *p)
{
    if (!p->fill) return NULL;
    return cli_is_loose(s) ? cli_loose_fill(p->dtype, p->fill) : cli_json_item(p->dtype, p->fill);
}

static int array_info(json *o, const struct cli_source *s, const char *url)
{
    const tsr_spec *p = tsr_array_spec(s->array);
    tsr_stats st = {.size = sizeof st};
    int rc = tsr_array_stats(s->array, &st);
    if (rc == TSR_OK) rc = tsr_array_cbytes(s->array, &st.cbytes);
    cli_json_add(o, "shape", cli_json_ints(p->shape, p->ndim));
    cli_json_add(o, "chunks", p->chunks ? cli_json_ints(p->chunks, p->ndim) : NULL);
    cli_json_add(o, "blocks", p->blocks ? cli_json_ints(p->blocks, p->ndim) : NULL);
    cli_json_add(o, "dtype", cli_json_dtype(p->dtype));
    cli_json_add(o, "fill", fill_json(s, p));
    add_sizes(o, &st);
    cli_json_add(o, "typesize", cli_is_loose(s) ? NULL : json_object_new_int64(p->item_bytes));
    add_steps(o, p->steps, p->nsteps);
    cli_json_add(o, "checksum", json_object_new_boolean(p->checksum));
    if (rc == TSR_OK && p->codecs) rc = cli_zarr_info(o, s->array, url);
    return rc < 0 ? rc : add_metadata(o, s);
}

/* Of items, as an array would say it: one axis. */
static json *items_json(int64_t bytes, int64_t item_bytes)
{
    int64_t n = item_bytes > 0 ? bytes / item_bytes : 0;
    return bytes > 0 ? cli_json_ints(&n, 1) : NULL;
}

static int schunk_info(json *o, const struct cli_source *s)
{
    const tsr_schunk_spec *p = tsr_schunk_spec_of(s->schunk);
    tsr_stats st = {.size = sizeof st};
    int rc = tsr_schunk_stats(s->schunk, &st);
    st.nchunks = tsr_schunk_nchunks(s->schunk);
    cli_json_add(o, "shape", cli_json_ints(s->shape, 1));
    cli_json_add(o, "chunks", items_json(p->chunk_bytes, p->item_bytes));
    cli_json_add(o, "blocks", items_json(p->variable ? 0 : p->block_bytes, p->item_bytes));
    cli_json_add(o, "dtype", NULL);
    cli_json_add(o, "fill", NULL);
    add_sizes(o, &st);
    cli_json_add(o, "typesize", json_object_new_int64(p->item_bytes));
    cli_json_add(o, "variable", json_object_new_boolean(p->variable));
    cli_json_add(o, "chunksize", json_object_new_int64(p->chunk_bytes));
    cli_json_add(o, "blocksize", json_object_new_int64(p->block_bytes));
    add_steps(o, p->steps, p->nsteps);
    cli_json_add(o, "checksum", json_object_new_boolean(p->checksum));
    return rc < 0 ? rc : add_metadata(o, s);
}

static void add_chunk_steps(json *o, const tsr_chunk_facts *c)
{
    json *filters = json_object_new_array();
    for (int i = 0; i < 6; i++) {
        char text[32];
        const char *name = name_of(c->filters[i], true);
        if (!c->filters[i]) continue;
        snprintf(text, sizeof text, "id %d", c->filters[i]);
        json_object_array_add(filters, filter_json(name ? name : text, c->filters_meta[i]));
    }
    cli_json_add(o, "codec", text_or_null(c->codec));
    cli_json_add(o, "clevel", NULL);
    cli_json_add(o, "codec_meta", json_object_new_int(c->codec_meta));
    cli_json_add(o, "filters", filters);
}

static int chunk_info(json *o, const struct cli_source *s)
{
    static const char *const specials[] = {NULL, "zeros", "nan", "value", "uninit"};
    tsr_chunk_facts c = {.size = sizeof c};
    int rc = tsr_chunk_info(s->bytes, s->len, &c);
    if (rc < 0) return rc;
    tsr_stats st = {.nbytes = c.nbytes, .cbytes = c.cbytes, .nchunks = 1};
    cli_json_add(o, "shape", cli_json_ints(s->shape, 1));
    cli_json_add(o, "chunks", cli_json_ints(s->shape, 1));
    cli_json_add(o, "blocks", items_json(c.block_bytes, s->item_bytes));
    cli_json_add(o, "dtype", NULL);
    cli_json_add(o, "fill", NULL);
    add_sizes(o, &st);
    cli_json_add(o, "typesize", json_object_new_int(c.typesize));
    cli_json_add(o, "blocksize", json_object_new_int64(c.block_bytes));
    cli_json_add(o, "nblocks", json_object_new_int64(c.nblocks));
    cli_json_add(o, "version", json_object_new_int(c.version));
    cli_json_add(o, "flags", json_object_new_int(c.flags));
    cli_json_add(o, "flags2", json_object_new_int(c.flags2));
    cli_json_add(o, "blosc2_flags", json_object_new_int(c.blosc2_flags));
    cli_json_add(o, "memcpyed", json_object_new_boolean(c.memcpyed));
    cli_json_add(o, "dict", json_object_new_boolean(c.dict));
    cli_json_add(o, "vlblocks", json_object_new_boolean(c.vlblocks));
    bool known = c.special > 0 && c.special < 5;
    cli_json_add(o, "special", text_or_null(known ? specials[c.special] : NULL));
    add_chunk_steps(o, &c);
    return add_metadata(o, s);
}

/* ---- for people ---- */

static void label(const char *name)
{
    bool color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    printf(color ? "  \033[1m%-8s\033[0m " : "  %-8s ", name);
}

/* "316 x 370 x 301" */
static void print_shape(json *shape)
{
    size_t n = json_object_array_length(shape);
    for (size_t i = 0; i < n; i++)
        printf("%s%lld", i ? " x " : "",
               (long long)json_object_get_int64(json_object_array_get_idx(shape, i)));
    if (!n) printf("one item");
}

static void print_shape_line(json *o, const char *key)
{
    json *v = json_object_object_get(o, key);
    if (!v) return;
    label(key);
    print_shape(v);
    printf("\n");
}

static void print_codec(json *o)
{
    json *codec = json_object_object_get(o, "codec"), *level = json_object_object_get(o, "clevel");
    json *filters = json_object_object_get(o, "filters");
    if (!codec && !json_object_array_length(filters)) return;
    label("codec");
    printf("%s", codec ? json_object_get_string(codec) : "none");
    int codec_meta = json_object_get_int(json_object_object_get(o, "codec_meta"));
    if (codec_meta) printf(":%d", codec_meta);
    if (level) printf(" level %d", json_object_get_int(level));
    for (size_t i = 0; i < json_object_array_length(filters); i++) {
        json *f = json_object_array_get_idx(filters, i);
        int meta = json_object_get_int(json_object_array_get_idx(f, 1));
        printf("%s%s", i ? ", " : " after ",
               json_object_get_string(json_object_array_get_idx(f, 0)));
        if (meta) printf(":%d", meta);
    }
    printf("\n");
}

/* "4.0 kB in 1.0 kB, ratio 4", or what of it is known. */
static void print_size(json *o)
{
    char text[CLI_SIZE_TEXT];
    json *nbytes = json_object_object_get(o, "nbytes"),
         *cbytes = json_object_object_get(o, "cbytes");
    json *ratio = json_object_object_get(o, "cratio");
    if (!nbytes && !cbytes) return;
    label("size");
    if (nbytes) printf("%s", cli_size_text(json_object_get_double(nbytes), text));
    if (cbytes)
        printf("%s%s", nbytes ? " in " : "stored in ",
               cli_size_text(json_object_get_double(cbytes), text));
    if (ratio) printf(", ratio %s", json_object_get_string(ratio));
    printf("\n");
}

/* A name and its value in one line each, long values cut. */
static void print_map(json *o, const char *key)
{
    json *map = json_object_object_get(o, key);
    if (!map || !json_object_is_type(map, json_type_object)) return;
    const char *left = key;
    json_object_object_foreach(map, name, value)
    {
        if (!strcmp(name, "b2nd")) continue; /* said above, in words */
        const char *text =
            json_object_to_json_string_ext(value, JSON_C_TO_STRING_SPACED |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE);
        label(left);
        printf("%s: %.100s%s\n", name, text, strlen(text) > 100 ? "..." : "");
        left = "";
    }
}

static void print_text(const char *url, json *o, const struct cli_source *s)
{
    json *dtype = json_object_object_get(o, "dtype"), *fill = json_object_object_get(o, "fill");
    printf("%s: %s %s\n", url, s->format ? s->format : "",
           json_object_get_string(json_object_object_get(o, "kind")));
    print_shape_line(o, "shape");
    if (dtype) {
        label("dtype");
        printf("%s\n", s->dtype);
    }
    print_shape_line(o, "chunks");
    if (json_object_get_boolean(json_object_object_get(o, "variable"))) {
        label("chunks");
        printf("%s of any size\n", json_object_get_string(json_object_object_get(o, "nchunks")));
    }
    print_shape_line(o, "blocks");
    if (!cli_zarr_print(o, label)) print_codec(o);
    print_size(o);
    bool shown = json_object_object_get(o, "codecs") != NULL; /* among the codecs of Zarr */
    if (!shown && json_object_get_boolean(json_object_object_get(o, "checksum"))) {
        label("checksum");
        printf("xxh3\n");
    }
    if (fill) {
        label("fill");
        printf("%s\n", json_object_get_string(fill));
    }
    print_map(o, "meta");
    print_map(o, s->array ? "attrs" : "vlmeta");
}

static int report(const struct cli_args *a, const char *url, const struct cli_source *s)
{
    static const char *const kinds[] = {"array", "schunk", "chunk", "group"};
    json *o = json_object_new_object();
    cli_json_add(o, "kind", text_or_null(kinds[s->kind]));
    cli_json_add(o, "format", text_or_null(s->format));
    int rc = s->array ? array_info(o, s, url) : s->schunk ? schunk_info(o, s) : chunk_info(o, s);
    if (rc < 0) {
        json_object_put(o);
        return cli_fail(a, rc);
    }
    if (cli_has(a, "json")) {
        cli_json_print(o);
        return CLI_OK;
    }
    print_text(url, o, s);
    json_object_put(o);
    return CLI_OK;
}

/* ---- groups ---- */

static int count_node(void *user, const tsr_node_info *n)
{
    ((int64_t *)user)[n->kind == TSR_KIND_GROUP]++;
    return cli_interrupted() ? TSR_ECANCELLED : TSR_OK;
}

/* A place that cannot list is told of without numbers. */
static int group_json(const tsr_group *g, json *o)
{
    int64_t n[2] = {0, 0};
    char *attrs = NULL;
    int rc = tsr_group_attrs(g, "", &attrs);
    cli_json_add(o, "attrs", rc == TSR_OK ? cli_json_parse(attrs) : NULL);
    tsr_free(attrs);
    if (rc == TSR_OK) rc = tsr_group_list(g, 1, count_node, n);
    bool told = rc == TSR_OK;
    cli_json_add(o, "arrays", told ? json_object_new_int64(n[0]) : NULL);
    cli_json_add(o, "groups", told ? json_object_new_int64(n[1]) : NULL);
    cli_json_add(o, "consolidated", json_object_new_boolean(tsr_group_consolidated(g)));
    return rc == TSR_EUNSUPPORTED ? TSR_OK : rc;
}

static void print_group(const char *url, json *o)
{
    static const char *const counts[] = {"arrays", "groups"};
    json *n;
    printf("%s: %s group\n", url, json_object_get_string(json_object_object_get(o, "format")));
    for (int i = 0; i < 2; i++) {
        if (!(n = json_object_object_get(o, counts[i]))) continue;
        label(counts[i]);
        printf("%s\n", json_object_get_string(n));
    }
    if (json_object_get_boolean(json_object_object_get(o, "consolidated"))) {
        label("metadata");
        printf("consolidated\n");
    }
    print_map(o, "attrs");
}

static int report_group(const struct cli_args *a, const char *url, const tsr_options *opts,
                        const char *format)
{
    json *o = json_object_new_object();
    tsr_group *g = NULL;
    int rc = TSR_OK;
    cli_json_add(o, "kind", text_or_null("group"));
    cli_json_add(o, "format", text_or_null(format));
    if (strcmp(format, "dir") != 0) {
        rc = tsr_group_open(url, opts, &g);
        if (rc == TSR_OK) rc = group_json(g, o);
        tsr_group_close(g);
    }
    if (rc == TSR_OK && cli_has(a, "json")) cli_json_print(json_object_get(o));
    else if (rc == TSR_OK && g) print_group(url, o);
    else if (rc == TSR_OK) printf("%s: %s group; tessera ls shows what is in it\n", url, format);
    json_object_put(o);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

static int run(struct cli_args *a)
{
    tsr_options o;
    tsr_spec raw;
    int64_t shape[TSR_MAX_NDIM];
    struct cli_source s;
    int rc = cli_input_options(a, "r", &o, &raw, shape);
    if (rc == CLI_OK) rc = cli_source_find(a, a->pos[0], &o, &s);
    if (rc) return rc;
    if (s.kind != TSR_KIND_GROUP) rc = report(a, a->pos[0], &s);
    else rc = report_group(a, a->pos[0], &o, s.format);
    cli_source_close(&s);
    return rc;
}

const struct cli_verb cli_verb_info = {
    .name = "info",
    .usage = "ARRAY",
    .summary = "say what a file holds",
    .examples =
        (const char *const[]){"tessera cube.b2nd", "shape, dtype, codec, sizes, attributes",
                              "tessera info cube.b2nd --json", "the same for programs",
                              "curl -s URL | tessera info -", "standard input",
                              "tessera info part.bin --format chunk", "a bare compressed chunk",
                              "tessera info x.zarr#a/b", "an array or group of a hierarchy", NULL},
    .options = (const struct cli_option[]){CLI_JSON, CLI_INPUT, CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
