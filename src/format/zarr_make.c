/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_make.c - what an array is to be (tsr_spec) as metadata of Zarr.
 *
 * The codecs are given as the JSON that the document shall have, or come from the steps that any
 * format takes:
 *
 *   none                      zstd of the library's default level, as zarr-python writes
 *   shuffle, zstd clevel=5    blosc, which has both in it
 *   zstd clevel=5             zstd of level 9 (Blosc's 5)
 *   gzip level=5, crc32c      any codec of Zarr with numbers for parameters, by its name
 *
 * tsr_spec.checksum appends crc32c to either (zarr_checksum.c).  Blocks that are not chunks make
 * shards.  They divide their chunk: where they do not, a chunk that covers the axis grows to whole
 * blocks, else the axis is not cut. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "format/zarr.h"
#include "zarr/node.h"

/* What is being made; nodes are doc's. */
struct maker {
    const tsr_spec *spec;
    struct tsr_doc *doc;
    struct tsr_znew made;
    struct tsr_grid grid;
    struct tsr_dtype *dtype; /* whose names of fields the type has */
    bool start;              /* the index of shards comes first */
    const char *edges;       /* [edges_len] as in zarr_edges.c; NULL: chunks are alike */
    size_t edges_len;
    struct tsr_node shapes;    /* what they say */
    struct tsr_buf codecs;     /* JSON: of format 3 the list, of format 2 the filters */
    struct tsr_buf compressor; /* format 2; empty: none */
};

/* ---- data type ---- */

static int parse_json(struct maker *k, const char *text, size_t len, struct tsr_node *out)
{
    static const struct tsr_json_rules rules = {.flags = TSR_JSON_BIG, .depth = TSR_JSON_DEPTH};
    const char *own = tsr_doc_string(k->doc, text, len);
    return own ? tsr_json_read(k->doc, own, len, &rules, out) : TSR_ENOMEM;
}

/* The name of a type, or JSON. */
static int named_type(struct maker *k, const char *text)
{
    struct tsr_node n = tsr_znode_of_text(text);
    bool json = text[0] == '{' || text[0] == '[' || text[0] == '"';
    int rc = json ? parse_json(k, text, strlen(text), &n) : TSR_OK;
    return rc < 0 ? rc : tsr_ztype_parse(k->doc, &n, k->made.format, &k->made.type);
}

/* Data types of format 3 have no byte order. */
static int make_type(struct maker *k, struct tsr_zarr *z)
{
    const char *text = k->spec->dtype ? k->spec->dtype : "|u1";
    int rc = tsr_zarr_loose_type(k->doc, k->spec->type ? k->spec->type : text, k->made.format,
                                 &k->made.type, &k->codecs);
    if (rc < 0 || k->made.type) return rc;
    if (k->spec->type) return named_type(k, k->spec->type);
    rc = tsr_dtype_parse(text, strlen(text), &k->dtype);
    if (rc < 0) return rc;
    if (k->made.format == 3 && tsr_zarr_has_big(k->dtype)) rc = tsr_zturn_new(k->dtype, &z->turn);
    return rc < 0 ? rc : tsr_ztype_from_dtype(k->doc, k->dtype, k->made.format, &k->made.type);
}

/* ---- shapes ---- */

static void fit_blocks(struct tsr_grid *g)
{
    for (int d = 0; d < g->ndim; d++) {
        int64_t c = g->chunk[d], b = g->block[d];
        if (b > c || b < 1) g->block[d] = b = c;
        if (c % b == 0) continue;
        if (c >= g->shape[d]) g->chunk[d] = tsr_ceil_div(c, b) * b;
        else g->block[d] = c;
    }
}

static int make_shapes(struct maker *k)
{
    const tsr_spec *s = k->spec;
    struct tsr_grid *g = &k->grid;
    if (s->ndim < 0 || s->ndim > TSR_MAX_NDIM)
        return tsr_fail(TSR_EARG, "%d dimensions, the limit is %d", s->ndim, TSR_MAX_NDIM);
    g->ndim = s->ndim;
    g->item_bytes =
        k->made.type->dtype ? k->made.type->dtype->item_bytes : (int64_t)sizeof(struct tsr_item);
    for (int d = 0; d < g->ndim; d++) {
        g->shape[d] = s->shape[d];
        g->chunk[d] = s->chunks ? s->chunks[d] : 0;
        g->block[d] = s->blocks ? s->blocks[d] : 0;
        bool none = s->chunks && s->chunks[d] == 0 && s->shape[d] == 0;
        if (none) g->chunk[d] = g->block[d] = 1;
        if (g->shape[d] < 0 || g->chunk[d] < (s->chunks != NULL) || g->block[d] < 0)
            return tsr_grid_refuse(TSR_EARG, g, d);
    }
    if (k->edges) {
        int rc =
            tsr_zarr_parse_edges(k->doc, k->edges, k->edges_len, g->ndim, &k->shapes, g->chunk);
        if (rc < 0) return rc;
        k->made.edges = &k->shapes;
    }
    tsr_grid_auto(g, s->chunks || k->edges, s->blocks != NULL);
    if (!s->blocks || k->made.format == 2) memcpy(g->block, g->chunk, sizeof g->block);
    if (!k->edges) fit_blocks(g); /* else they fit, or are refused when all is there */
    k->made.ndim = g->ndim;
    k->made.shape = g->shape;
    k->made.chunks = g->chunk;
    return TSR_OK;
}

static bool is_sharded(const struct maker *k)
{
    for (int d = 0; d < k->grid.ndim; d++)
        if (k->grid.block[d] != k->grid.chunk[d]) return true;
    return false;
}

/* ---- options ---- */

static bool is_option(const char *p, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(p, text, len) == 0;
}

/* What the other format alone has came along with the spec of another array. */
static bool is_foreign(const char *p, size_t len, bool three)
{
    static const char *const names[] = {"order=", "keys=", "index=", "edges="};
    for (int i = three ? 0 : 1; i < (three ? 1 : 4); i++)
        if (len > strlen(names[i]) && memcmp(p, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static int make_option(struct maker *k, struct tsr_zarr *z, const char *p, size_t len)
{
    struct tsr_znew *m = &k->made;
    bool three = m->format == 3;
    if (is_foreign(p, len, three)) return TSR_OK;
    if (is_option(p, len, "separator=/")) m->separator = '/';
    else if (is_option(p, len, "separator=.")) m->separator = '.';
    else if (is_option(p, len, "keys=v2")) m->v2_keys = true;
    else if (is_option(p, len, "keys=default")) m->v2_keys = false;
    else if (is_option(p, len, "index=start")) k->start = true;
    else if (is_option(p, len, "index=end")) k->start = false;
    else if (is_option(p, len, "order=F")) m->order = 'F';
    else if (is_option(p, len, "order=C")) m->order = 'C';
    else if (len > 6 && memcmp(p, "edges=", 6) == 0) k->edges = p + 6, k->edges_len = len - 6;
    else if (is_option(p, len, "empty=1")) z->elide = false;
    else if (is_option(p, len, "empty=0")) z->elide = true;
    else
        return tsr_fail(
            TSR_EARG,
            "option '%.*s': expected separator=/ or ., empty=0 or 1, in format 3 "
            "keys=default or v2, index=start or end, edges=.., in format 2 order=C or F",
            (int)tsr_minz(len, 80), p);
    return TSR_OK;
}

static int make_options(struct maker *k, struct tsr_zarr *z)
{
    const char *p = k->spec->zarr;
    int rc = TSR_OK;
    while (p && *p && rc == TSR_OK) {
        size_t len = strcspn(p, ",");
        rc = make_option(k, z, p, len);
        p += len + (p[len] == ',');
    }
    return rc;
}

/* ---- codecs from steps ---- */

/* Appends a codec with a configuration; its members begin with a comma or are "". */
static int add_codec(struct maker *k, struct tsr_buf *to, const char *name, const char *members)
{
    const char *comma = to->len ? "," : "";
    if (k->made.format == 2) return tsr_buf_addf(to, "%s{\"id\":\"%s\"%s}", comma, name, members);
    return tsr_buf_addf(to, "%s{\"name\":\"%s\"%s%s%s}", comma, name,
                        *members ? ",\"configuration\":{" : "", *members ? members + 1 : "",
                        *members ? "}" : "");
}

/* Of format 2 the last codec is the compressor. */
static struct tsr_buf *target(struct maker *k, bool last)
{
    return k->made.format == 2 && last ? &k->compressor : &k->codecs;
}

enum { NO_LEVEL = -999999 };

/* As everywhere, the last of a name counts. */
static int64_t param(const tsr_step *s, const char *name, int64_t dflt)
{
    size_t len = strlen(name);
    int64_t v = dflt;
    for (const char *p = s->params; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (!strncmp(p, name, len) && p[len] == '=') v = strtoll(p + len + 1, NULL, 10);
    return v;
}

static bool is_blosc(const char *name)
{
    static const char *const names[] = {"blosclz", "lz4", "lz4hc", "zlib", "zstd", NULL};
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static int add_blosc(struct maker *k, const tsr_step *codec, int shuffle, bool last)
{
    static const char *const shuffles[] = {"\"noshuffle\"", "\"shuffle\"", "\"bitshuffle\""};
    static const char *const numbers[] = {"0", "1", "2"};
    char members[200], typesize[40] = "";
    int64_t item = k->made.type->dtype ? k->grid.item_bytes : 1;
    bool three = k->made.format == 3;
    if (three) snprintf(typesize, sizeof typesize, ",\"typesize\":%d", item > 255 ? 1 : (int)item);
    snprintf(members, sizeof members,
             ",\"cname\":\"%s\",\"clevel\":%d,\"shuffle\":%s%s,\"blocksize\":0", codec->name,
             (int)tsr_max64(0, tsr_min64(param(codec, "clevel", 5), 9)),
             (three ? shuffles : numbers)[shuffle], typesize);
    return add_codec(k, target(k, last), "blosc", members);
}

/* A codec without a filter before it, whose level is Blosc's. */
static int add_plain(struct maker *k, const tsr_step *s, bool last)
{
    char members[64];
    int level = (int)tsr_max64(0, tsr_min64(param(s, "clevel", 5), 9));
    bool three = k->made.format == 3;
    if (level == 0) return TSR_OK; /* stored as it is */
    if (strcmp(s->name, "zstd") == 0) {
        snprintf(members, sizeof members, ",\"level\":%d,\"checksum\":false",
                 level == 9 ? 22 : 2 * level - 1);
        return add_codec(k, target(k, last), "zstd", members);
    }
    if (strcmp(s->name, "zlib") == 0) {
        snprintf(members, sizeof members, ",\"level\":%d", level);
        return add_codec(k, target(k, last), three ? "gzip" : "zlib", members);
    }
    if (strcmp(s->name, "lz4") == 0 && !three)
        return add_codec(k, target(k, last), "lz4", ",\"acceleration\":1");
    return add_blosc(k, s, 0, last);
}

struct number {
    const char *name;
    int len; /* of it */
    int64_t v;
};

/* Takes the next of "NAME=NUMBER,..", in front of which *p is. */
static bool take_number(const char **p, struct number *out)
{
    size_t len = strspn(*p, "abcdefghijklmnopqrstuvwxyz0123456789_");
    const char *text = *p + len + 1;
    char *end;
    if (!len || (*p)[len] != '=' || !strspn(text, "-0123456789")) return false;
    errno = 0;
    *out = (struct number){*p, (int)len, strtoll(text, &end, 10)};
    *p = end + (*end == ',');
    return end > text && errno == 0 && (*end == ',' || !*end);
}

bool tsr_zarr_is_filter(const tsr_step *s)
{
    return !strcmp(s->name, "shuffle") || !strcmp(s->name, "bitshuffle");
}

/* Is it a codec of Zarr by its own name and parameters, although Blosc has one of the name? */
static bool is_own(const tsr_step *s)
{
    return !is_blosc(s->name) || param(s, "level", NO_LEVEL) != NO_LEVEL;
}

/* Blosc's own know clevel; dict, which Zarr has not, may come along from an array of Blosc2. */
static int check_params(const tsr_step *s, bool own)
{
    struct number n;
    if (own && param(s, "level", NO_LEVEL) != NO_LEVEL && param(s, "clevel", NO_LEVEL) != NO_LEVEL)
        return tsr_fail(TSR_EARG, "step %s: found both level and clevel, expected one", s->name);
    for (const char *p = s->params; p && *p;) {
        if (!take_number(&p, &n))
            return tsr_fail(TSR_EARG, "step %s: found parameters '%.100s', expected NAME=NUMBER",
                            s->name, s->params);
        if (!own && !is_option(n.name, (size_t)n.len, "clevel") &&
            !is_option(n.name, (size_t)n.len, "dict"))
            return tsr_fail(TSR_EARG, "step %s: found parameter '%.*s', expected clevel", s->name,
                            n.len, n.name);
    }
    return TSR_OK;
}

/* Steps have no place for most filters of items: format 3 wants them in front of what makes bytes
 * of these, and in format 2 they have a dtype, or labels. */
static bool has_place(const struct tsr_zcodec_kind *kind, int format)
{
    if (format == 3) return kind->stage == TSR_ZBYTES_TO_BYTES;
    return kind->stage != TSR_ZITEMS_TO_ITEMS || !strcmp(kind->v2, "bitround") ||
           !strcmp(kind->v2, "packbits");
}

static int refuse_step(const struct maker *k, const char *name, bool known)
{
    static const char has[] = "of Blosc2's filters Zarr has shuffle and bitshuffle",
                      where[] = "codecs (tsr_spec.codecs, codecs= in Python)";
    if (!known)
        return tsr_fail(TSR_EUNSUPPORTED, "step %s: Zarr format %d has no such codec; %s", name,
                        k->made.format, has);
    if (k->made.format == 3)
        return tsr_fail(TSR_EUNSUPPORTED,
                        "step %s: %s; its own %s goes before \"bytes\" in the list of %s", name,
                        has, name, where);
    return tsr_fail(TSR_EUNSUPPORTED,
                    "step %s: %s; its own %s goes into \"filters\" of the %s, as {\"id\": "
                    "\"%s\", \"dtype\": \"%.40s\"} with what else it takes",
                    name, has, name, where, name, k->spec->dtype ? k->spec->dtype : "|u1");
}

/* Any codec by its own name, with whole numbers for parameters. */
static int add_own(struct maker *k, const tsr_step *s, bool last)
{
    const struct tsr_zcodec_kind *kind = tsr_zcodec_find(s->name, k->made.format);
    struct tsr_buf members = {0};
    struct number n;
    char name[80];
    int rc = TSR_OK;
    snprintf(name, sizeof name, "%s", s->name);
    if (!kind && k->made.format == 3) {
        snprintf(name, sizeof name, "numcodecs.%.60s", s->name);
        kind = tsr_zcodec_find(name, 3);
    }
    if (!kind || !has_place(kind, k->made.format)) return refuse_step(k, s->name, kind != NULL);
    for (const char *p = s->params; rc == TSR_OK && p && *p && take_number(&p, &n);) {
        bool level = is_option(n.name, (size_t)n.len, "clevel");
        rc =
            tsr_buf_addf(&members, ",\"%.*s\":%lld", n.len - level, n.name + level, (long long)n.v);
    }
    if (rc == TSR_OK) rc = tsr_buf_add(&members, "", 1);
    if (rc == TSR_OK) rc = add_codec(k, target(k, last), name, (char *)members.p);
    tsr_buf_free(&members);
    return rc;
}

/* One step, or a filter of Blosc together with its codec: how many steps that were. */
static int add_step(struct maker *k, const tsr_step *s, int left, int *taken)
{
    int shuffle = !strcmp(s->name, "shuffle") ? 1 : !strcmp(s->name, "bitshuffle") ? 2 : 0;
    *taken = 1;
    if (shuffle && left > 1 && is_blosc(s[1].name)) {
        *taken = 2;
        return add_blosc(k, s + 1, shuffle, left == 2);
    }
    return is_own(s) ? add_own(k, s, left == 1) : add_plain(k, s, left == 1);
}

static int add_steps(struct maker *k)
{
    const tsr_spec *s = k->spec;
    static const tsr_step usual = {"zstd", "level=0"};
    int n = s->nsteps ? s->nsteps : 1, taken = 1, rc = TSR_OK;
    const tsr_step *steps = s->nsteps ? s->steps : &usual;
    for (int i = 0; i < n && rc == TSR_OK; i++) {
        if (!steps[i].name) return tsr_fail(TSR_EARG, "step %d: has no name", i);
        rc =
            check_params(&steps[i], is_own(&steps[i]) && !(i && tsr_zarr_is_filter(&steps[i - 1])));
    }
    for (int i = 0; i < n && rc == TSR_OK; i += taken) rc = add_step(k, steps + i, n - i, &taken);
    return rc;
}

/* ---- codecs ---- */

/* From items to bytes, in front of those of bytes. */
static int from_items(struct maker *k, struct tsr_buf *list)
{
    const struct tsr_ztype *t = k->made.type;
    if (t->kind == TSR_ZSTRING) return tsr_buf_addf(list, "{\"name\":\"vlen-utf8\"}");
    if (!t->dtype) return tsr_buf_addf(list, "{\"name\":\"vlen-bytes\"}");
    if (!tsr_ztype_has_order(t)) return tsr_buf_addf(list, "{\"name\":\"bytes\"}");
    bool big = k->dtype && tsr_zarr_has_big(k->dtype);
    return tsr_buf_addf(list, "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"%s\"}}",
                        big ? "big" : "little");
}

/* The list of format 3: a shard where blocks are smaller than chunks. */
static int codecs_v3(struct maker *k, const struct tsr_node *given, struct tsr_node *out)
{
    struct tsr_buf text = {0};
    int rc = TSR_OK;
    if (is_sharded(k)) {
        rc = tsr_buf_addf(&text, "[{\"name\":\"sharding_indexed\",\"configuration\":"
                                 "{\"chunk_shape\":[");
        for (int d = 0; d < k->grid.ndim && rc == TSR_OK; d++)
            rc = tsr_buf_addf(&text, "%s%lld", d ? "," : "", (long long)k->grid.block[d]);
        if (rc == TSR_OK) rc = tsr_buf_addf(&text, "],\"codecs\":");
    }
    if (rc == TSR_OK && given) rc = tsr_json_write(&text, given, 0);
    if (rc == TSR_OK && !given) rc = tsr_buf_addf(&text, "[");
    if (rc == TSR_OK && !given) rc = from_items(k, &text);
    if (rc == TSR_OK && !given && k->codecs.len) rc = tsr_buf_addf(&text, ",");
    if (rc == TSR_OK && !given) rc = tsr_buf_add(&text, k->codecs.p, k->codecs.len);
    if (rc == TSR_OK && !given) rc = tsr_buf_addf(&text, "]");
    if (rc == TSR_OK && is_sharded(k))
        rc = tsr_buf_addf(&text,
                          ",\"index_codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":"
                          "\"little\"}},{\"name\":\"crc32c\"}],\"index_location\":\"%s\"}}]",
                          k->start ? "start" : "end");
    if (rc == TSR_OK) rc = parse_json(k, (char *)text.p, text.len, out);
    if (rc == TSR_OK && k->spec->checksum) rc = tsr_zarr_add_checksum(k->doc, out);
    tsr_buf_free(&text);
    return rc;
}

static int codecs_v2(struct maker *k, struct tsr_node *filters, struct tsr_node *compressor)
{
    struct tsr_buf list = {0};
    int rc = tsr_buf_addf(&list, "[");
    if (rc == TSR_OK) rc = tsr_buf_add(&list, k->codecs.p, k->codecs.len);
    if (rc == TSR_OK) rc = tsr_buf_addf(&list, "]");
    if (rc == TSR_OK) rc = parse_json(k, (char *)list.p, list.len, filters);
    if (rc == TSR_OK && k->compressor.len)
        rc = parse_json(k, (char *)k->compressor.p, k->compressor.len, compressor);
    k->made.codecs = filters;
    k->made.compressor = k->compressor.len ? compressor : NULL;
    tsr_buf_free(&list);
    return rc;
}

/* A list is of format 3, an object of format 2; those of the other format do not count, since they
 * came along with the spec of another array. */
static int given_codecs(struct maker *k, struct tsr_node *given, bool *use)
{
    const char *text = k->spec->codecs;
    *use = false;
    if (!text) return TSR_OK;
    int rc = parse_json(k, text, strlen(text), given);
    if (rc < 0) {
        tsr_within("codecs");
        return rc;
    }
    if (given->kind != TSR_NODE_LIST && given->kind != TSR_NODE_MAP)
        return tsr_fail(TSR_EARG,
                        "codecs: found '%.80s', expected a list, or an object with "
                        "\"filters\" and \"compressor\"",
                        text);
    *use = (given->kind == TSR_NODE_LIST) == (k->made.format == 3);
    return TSR_OK;
}

static const struct tsr_node *not_null(const struct tsr_node *n)
{
    return n && n->kind != TSR_NODE_NULL ? n : NULL;
}

/* node: room for what is made. */
static int make_codecs(struct maker *k, struct tsr_node node[3])
{
    bool use;
    if (k->spec->checksum && k->made.format == 2)
        return tsr_fail(TSR_EUNSUPPORTED, "checksum: Zarr format 2 has no place for one behind the "
                                          "compressor; format 3 has");
    int rc = given_codecs(k, &node[0], &use);
    if (rc == TSR_OK && !use) rc = add_steps(k);
    if (rc < 0) return rc;
    if (k->made.format == 3) {
        k->made.codecs = &node[1];
        return codecs_v3(k, use ? &node[0] : NULL, &node[1]);
    }
    if (!use) return codecs_v2(k, &node[1], &node[2]);
    k->made.codecs = not_null(tsr_znode_get(&node[0], "filters"));
    k->made.compressor = not_null(tsr_znode_get(&node[0], "compressor"));
    return TSR_OK;
}

/* ---- all of it ---- */

static int make_meta(struct maker *k, struct tsr_zarr *z)
{
    struct tsr_node node[3];
    struct tsr_zfill fill = {.p = k->spec->fill};
    int rc = make_type(k, z);
    if (rc == TSR_OK) rc = make_options(k, z);
    if (rc == TSR_OK) rc = make_shapes(k);
    if (rc == TSR_OK) rc = make_codecs(k, node);
    if (rc < 0) return rc;
    k->made.names = k->spec->names;
    if (fill.p) {
        const struct tsr_dtype *dt = k->made.type->dtype;
        fill.len = dt ? (size_t)dt->item_bytes : 4 + (size_t)tsr_load_LE32(fill.p);
        if (z->turn) fill.p = tsr_zturn_fill(z->turn, fill.p);
        k->made.fill = &fill;
    }
    return tsr_zmeta_new_array(&k->made, &z->meta);
}

int tsr_zarr_make(struct tsr_zarr *z, const tsr_spec *spec, int format)
{
    struct maker k = {.spec = spec, .made = {.format = format}};
    int rc = tsr_doc_new(&k.doc);
    if (rc < 0) return rc;
    rc = make_meta(&k, z);
    tsr_buf_free(&k.codecs);
    tsr_buf_free(&k.compressor);
    tsr_dtype_free(k.dtype);
    tsr_doc_free(k.doc);
    return rc == TSR_ECORRUPT ? tsr_fail(TSR_EARG, "%s", tsr_error()) : rc;
}
