/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/write.c FOLDER - writes stores of both formats, FOLDER/2, /3 and /x, for others to
 * read: every data type with a plain chain, and one type with every kind of chain; nothing but
 * metadata, chains and shards of src/zarr in between.
 *
 * Beside each array lies NAME.raw, its items in C order as in memory; a line for each array goes to
 * stdout: {"format", "store", "name", "dtype" (ours), "codec"}.  Each store is consolidated. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/status.h"
#include "kernel/box.h"
#include "zarr/cache.h"
#include "zarr/node.h"
#include "zarr/shard.h"

#define GZIP ",{\"name\":\"gzip\",\"configuration\":{\"level\":1}}"
#define ZSTD ",{\"name\":\"zstd\",\"configuration\":{\"level\":1,\"checksum\":false}}"
#define LE "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}"
#define BE "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}"
#define CRC "{\"name\":\"crc32c\"}"
#define SHARD(shape, inner, index, at)                                         \
    "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":" shape \
    ",\"codecs\":[" inner "],\"index_codecs\":[" index "],\"index_location\":\"" at "\"}}"

static const char *const types3[] = {
    "\"bool\"",
    "\"int8\"",
    "\"int16\"",
    "\"int32\"",
    "\"int64\"",
    "\"uint8\"",
    "\"uint16\"",
    "\"uint32\"",
    "\"uint64\"",
    "\"float16\"",
    "\"float32\"",
    "\"float64\"",
    "\"complex64\"",
    "\"complex128\"",
    "{\"name\":\"numpy.datetime64\",\"configuration\":{\"unit\":\"ns\",\"scale_factor\":1}}",
    "{\"name\":\"numpy.timedelta64\",\"configuration\":{\"unit\":\"s\",\"scale_factor\":10}}",
    "{\"name\":\"null_terminated_bytes\",\"configuration\":{\"length_bytes\":5}}",
    "{\"name\":\"raw_bytes\",\"configuration\":{\"length_bytes\":3}}",
};
/* Unknown to zarr-python or some versions of it, to which consolidated metadata with one of them
 * are of no use. */
static const char *const odd3[] = {
    ("{\"name\":\"struct\",\"configuration\":{\"fields\":[{\"name\":\"a\",\"data_type\":\"int16\"},"
     "{\"name\":\"b\",\"data_type\":\"float64\"}]}}"),
    "\"bfloat16\"",
    "\"int4\"",
    "\"uint4\"",
    "\"float8_e4m3\"",
};
static const char *const chains3[] = {
    LE,
    BE,
    LE GZIP,
    LE ZSTD,
    LE "," CRC,
    LE ZSTD "," CRC,
    LE ",{\"name\":\"blosc\",\"configuration\":{\"cname\":\"lz4\",\"clevel\":5,\"shuffle\":"
       "\"shuffle\","
       "\"typesize\":4,\"blocksize\":0}}",
    "{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}}," LE ZSTD,
    SHARD("[2,3]", LE, LE "," CRC, "end"),
    SHARD("[2,3]", LE ZSTD, LE "," CRC, "start"),
    SHARD("[2,3]", BE GZIP, BE "," CRC, "end"),
    SHARD("[4,6]", SHARD("[2,3]", LE ZSTD, LE "," CRC, "end"), LE, "end"),
    "{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}}," SHARD("[2,2]", LE, LE "," CRC,
                                                                          "end"),
};
static const char *const types2[] = {
    "\"|b1\"",
    "\"|i1\"",
    "\"<i2\"",
    "\">i4\"",
    "\"<i8\"",
    "\"|u1\"",
    "\">u2\"",
    "\"<u4\"",
    "\"<u8\"",
    "\"<f2\"",
    "\">f4\"",
    "\"<f8\"",
    "\"<c8\"",
    "\">c16\"",
    "\"<M8[ns]\"",
    "\">m8[10s]\"",
    "\"|S5\"",
    "\"|V3\"",
    "[[\"a\",\"<i2\"],[\"b\",\">f8\"]]",
};
static const char *const chains2[] = {
    "null",
    "{\"id\":\"zlib\",\"level\":1}",
    "{\"id\":\"zstd\",\"level\":1}",
    "{\"id\":\"gzip\",\"level\":1}",
    "{\"id\":\"bz2\",\"level\":1}",
    "{\"id\":\"lz4\",\"acceleration\":1}",
    "{\"id\":\"blosc\",\"cname\":\"zstd\",\"clevel\":5,\"shuffle\":1,\"blocksize\":0}",
};

struct maker {
    const char *folder;
    struct tsr_doc *d;
    struct tsr_worker *w;
    struct tsr_zcache *cache;
    int n, format;
    const char *store; /* the folder: "2", "3" or "x" */
};

static void must(int rc)
{
    if (rc >= 0) return;
    fprintf(stderr, "%s\n", tsr_error());
    exit(1);
}

static struct tsr_node json(struct maker *k, const char *text)
{
    struct tsr_node n;
    const char *own = tsr_doc_string(k->d, text, strlen(text));
    must(tsr_json_parse(k->d, own, strlen(own), &n));
    return n;
}

/* Puts bytes at FOLDER/format/key, its folders made on the way. */
static void put(struct maker *k, const char *key, const void *p, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s", k->folder, k->store, key);
    for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
        *s = 0;
        mkdir(path, 0777);
        *s = '/';
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, len, f) != len || fclose(f)) exit(1);
}

/* Any bits will do for numbers; text and bools have rules. */
static void make_items(const struct tsr_zmeta *m, uint8_t *p, int64_t n, unsigned seed)
{
    int64_t item = m->type->dtype->item_bytes;
    for (int64_t i = 0; i < n * item; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (uint8_t)(seed >> 24);
        if (m->type->kind == TSR_ZBOOL) p[i] &= 1;
        if (m->type->kind == TSR_ZINT && m->type->bits == 4) p[i] = (uint8_t)((p[i] & 15) - 8);
        if (m->type->kind == TSR_ZUINT && m->type->bits == 4) p[i] &= 15;
        if (m->type->kind == TSR_ZCHARS) p[i] = (uint8_t)('a' + p[i] % 26);
    }
}

static void write_chunk(struct maker *k, const struct tsr_zmeta *m, const char *name,
                        const uint8_t *items, const int64_t *index)
{
    struct tsr_zchain *chain;
    struct tsr_buf chunk = {0}, out = {0};
    char key[TSR_ZKEY_MAX], path[2048];
    int64_t item = m->type->dtype->item_bytes, from = item, to = item;
    must(tsr_zchain_of(m, NULL, m->grid.shape, 0, &chain));
    must(tsr_buf_reserve(&chunk, (size_t)chain->in.bytes));
    for (int64_t i = 0; i < chain->in.bytes; i += item)
        memcpy(chunk.p + i, m->fill.p, (size_t)item);
    struct tsr_box_copy b = {.dst = chunk.p,
                             .src = items,
                             .item_bytes = (size_t)item,
                             .ndim = m->ndim};
    for (int d = m->ndim; d-- > 0;) {
        int64_t start = index[d] * m->grid.shape[d];
        b.count[d] = tsr_min64(m->grid.shape[d], m->shape[d] - start);
        b.dst_stride[d] = to;
        b.src_stride[d] = from;
        b.src += start * from;
        to *= m->grid.shape[d];
        from *= m->shape[d];
    }
    tsr_box_copy(&b);
    must(tsr_zchain_encode(chain, k->w, chunk.p, (size_t)chain->in.bytes, &out));
    tsr_zkey_make(&m->keys, m->ndim, index, key);
    snprintf(path, sizeof path, "%s/%s", name, key);
    put(k, path, out.p, out.len);
    tsr_buf_free(&chunk);
    tsr_buf_free(&out);
    tsr_zchain_close(chain);
}

static void write_chunks(struct maker *k, const struct tsr_zmeta *m, const char *name,
                         const uint8_t *items)
{
    int64_t index[2] = {0};
    for (; index[0] < m->grid.count[0]; index[0]++)
        for (index[1] = 0; index[1] < m->grid.count[1]; index[1]++)
            if (index[0] || index[1]) write_chunk(k, m, name, items, index); /* (0, 0) is fill */
}

static void write_document(struct maker *k, const struct tsr_zmeta *m, const char *name,
                           enum tsr_zdoc which)
{
    struct tsr_buf b = {0};
    char path[2048];
    must(tsr_zmeta_write(m, which, 0, &b));
    snprintf(path, sizeof path, "%s%s%s", name, *name ? "/" : "", tsr_zdoc_name(which));
    put(k, path, b.p, b.len);
    must(tsr_zcache_put(k->cache, name, which, (struct tsr_ztext){(char *)b.p, b.len}));
    tsr_buf_free(&b);
}

static void tell(struct maker *k, const struct tsr_zmeta *m, const char *name)
{
    struct tsr_buf b = {0};
    struct tsr_node type;
    must(tsr_ztype_emit(k->d, m->type, m->format, &type));
    must(tsr_json_write(&b, &type, 0));
    printf("{\"format\":%d,\"store\":\"%s\",\"name\":\"%s\",\"dtype\":%.*s,\"codec\":\"%s\"}\n",
           m->format, k->store, name, (int)b.len, (char *)b.p, m->ncodecs ? m->codecs[0].name : "");
    tsr_buf_free(&b);
}

static void write_array(struct maker *k, struct tsr_znew *a)
{
    static const int64_t shape[] = {9, 14}, chunks[] = {4, 6};
    static const char *const names[] = {"y", "x"};
    struct tsr_zmeta *m;
    struct tsr_node attributes = json(k, "{\"units\":\"K\",\"n\":[1,2.5,null,{\"a\":true}]}");
    char name[64], raw[80];
    a->format = k->format;
    a->ndim = 2;
    a->shape = shape;
    a->chunks = chunks;
    a->names = names;
    a->attributes = &attributes;
    must(tsr_zmeta_new_array(a, &m));
    snprintf(name, sizeof name, "g%d/a%d", k->n % 3, k->n);
    k->n++;
    size_t item = (size_t)m->type->dtype->item_bytes, bytes = 9 * 14 * item;
    uint8_t *items = malloc(bytes);
    make_items(m, items, 9 * 14, (unsigned)k->n);
    for (int64_t i = 0; i < 4 * 6; i++) /* the chunk that is not there */
        memcpy(items + (size_t)(i / 6 * 14 + i % 6) * item, m->fill.p, item);
    if (m->format == 2) write_document(k, m, name, TSR_ZDOC_ATTRS);
    write_document(k, m, name, tsr_zmeta_which(m));
    write_chunks(k, m, name, items);
    snprintf(raw, sizeof raw, "../%s.raw", strrchr(name, '/') + 1);
    put(k, raw, items, bytes);
    tell(k, m, name);
    free(items);
    tsr_zmeta_free(m);
}

static void write_groups(struct maker *k)
{
    static const char *const all[] = {"", "g0", "g1", "g2"};
    struct tsr_node attributes = json(k, "{\"title\":\"na\xc3\xafve\"}");
    struct tsr_zmeta *root = NULL, *m;
    struct tsr_buf b = {0};
    for (int i = 3; i >= 0; i--) {
        must(tsr_zmeta_new_group(k->format, i ? NULL : &attributes, &m));
        if (k->format == 2) write_document(k, m, all[i], TSR_ZDOC_ATTRS);
        if (i || k->format == 2) write_document(k, m, all[i], tsr_zmeta_which(m));
        if (i) tsr_zmeta_free(m);
        else root = m;
    }
    must(tsr_zcache_write(k->cache, root, &b));
    put(k, k->format == 2 ? ".zmetadata" : "zarr.json", b.p, b.len);
    tsr_buf_free(&b);
    tsr_zmeta_free(root);
}

enum { TYPES2 = sizeof types2 / sizeof *types2, CHAINS2 = sizeof chains2 / sizeof *chains2 };
enum { TYPES3 = sizeof types3 / sizeof *types3, CHAINS3 = sizeof chains3 / sizeof *chains3 };
enum { ODD3 = sizeof odd3 / sizeof *odd3 };

static void write_one(struct maker *k, const char *type, const char *codec)
{
    struct tsr_znew a = {.order = k->n % 3 ? 'C' : 'F', .v2_keys = k->n % 3 == 0};
    struct tsr_node node = json(k, type), codecs;
    char text[4096];
    must(tsr_ztype_parse(k->d, &node, k->format, &a.type));
    snprintf(text, sizeof text, k->format == 3 ? "[%s]" : "%s", codec);
    codecs = json(k, text);
    if (k->n % 2) a.separator = k->format == 3 ? '.' : '/';
    if (k->format == 3) a.codecs = &codecs;
    else a.compressor = &codecs;
    write_array(k, &a);
}

static void write_store(struct maker *k, const char *store)
{
    k->store = store;
    k->format = *store == '2' ? 2 : 3;
    must(tsr_zcache_new(k->format, &k->cache));
    for (int i = 0; *store == '2' && i < TYPES2; i++) write_one(k, types2[i], chains2[1]);
    for (int i = 0; *store == '2' && i < CHAINS2; i++) write_one(k, "\"<i4\"", chains2[i]);
    for (int i = 0; *store == '3' && i < TYPES3; i++) write_one(k, types3[i], LE ZSTD);
    for (int i = 0; *store == '3' && i < CHAINS3; i++) write_one(k, "\"float32\"", chains3[i]);
    for (int i = 0; *store == 'x' && i < ODD3; i++) write_one(k, odd3[i], LE ZSTD);
    write_groups(k);
    tsr_zcache_free(k->cache);
}

int main(int argc, char **argv)
{
    struct tsr_pool *pool;
    struct maker k = {.folder = argc > 1 ? argv[1] : "."};
    must(tsr_pool_new(1, &pool));
    must(tsr_doc_new(&k.d));
    k.w = tsr_pool_borrow(pool);
    write_store(&k, "2");
    write_store(&k, "3");
    write_store(&k, "x");
    tsr_pool_return(pool, k.w);
    tsr_pool_free(pool);
    tsr_doc_free(k.d);
    return 0;
}
