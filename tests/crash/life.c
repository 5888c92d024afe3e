/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/life.c - the kinds of files and the operations, and how a life goes. */
#include "life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 20, ITEM = 4, NMETAS = 12 };

const struct kind life_kinds[] = {
    {.name = "schunk", .file = "x.b2frame"},
    {.name = "array", .file = "x.b2nd", .array = true},
    {.name = "durable schunk", .file = "x.b2frame", .durable = true},
    {.name = "durable array", .file = "x.b2nd", .array = true, .durable = true},
    {.name = "big schunk", .file = "x.b2frame", .big = true},
    {.name = "big durable array", .file = "x.b2nd", .array = true, .durable = true, .big = true},
    {.name = "schunk synced at times", .file = "x.b2frame", .sync = 3},
    {.name = "big array synced at times", .file = "x.b2nd", .array = true, .big = true, .sync = 3},
    {.name = "durable array with a long header",
     .file = "x.b2nd",
     .array = true,
     .durable = true,
     .metas = NMETAS},
    {.name = "sparse schunk", .file = "x.b2frame", .sparse = true},
    {.name = "sparse array", .file = "x.b2nd", .array = true, .sparse = true},
    {.name = "durable sparse schunk", .file = "x.b2frame", .sparse = true, .durable = true},
    {.name = "durable sparse array",
     .file = "x.b2nd",
     .array = true,
     .sparse = true,
     .durable = true},
    {.name = "sparse schunk synced at times", .file = "x.b2frame", .sparse = true, .sync = 3},
    {.name = "big durable sparse array",
     .file = "x.b2nd",
     .array = true,
     .sparse = true,
     .durable = true,
     .big = true},
    {.name = "durable schunk with checksums",
     .file = "x.b2frame",
     .durable = true,
     .checksum = true},
    {.name = "big array with checksums",
     .file = "x.b2nd",
     .array = true,
     .big = true,
     .checksum = true},
    {.name = "durable sparse array with checksums",
     .file = "x.b2nd",
     .array = true,
     .sparse = true,
     .durable = true,
     .checksum = true},
    {.name = "durable variable schunk", .file = "x.b2frame", .variable = true, .durable = true},
    {.name = "variable sparse schunk", .file = "x.b2frame", .variable = true, .sparse = true},
    {0},
};

static uint8_t room[ROOM];
static tsr_context *calm;

/* One thread: the calls of a life come in one order. */
static tsr_context *context(void)
{
    tsr_context_options one = {.size = sizeof one, .threads = 1};
    if (!calm && tsr_context_new(&one, &calm) < 0) abort();
    return calm;
}

static int64_t pick(struct life *l, int64_t lo, int64_t hi)
{
    return hi <= lo ? lo : lo + (int64_t)(random_of(&l->rng) % (uint64_t)(hi - lo + 1));
}

/* n items that compress somewhat; those of big files do not. */
static const void *items(struct life *l, int64_t n)
{
    uint64_t x = 0, still = l->kind->big ? 1 : 3;
    if (n * ITEM > ROOM) abort();
    for (int64_t i = 0; i < n * ITEM; i++) {
        if ((uint64_t)i % still == 0) x = random_of(&l->rng);
        room[i] = (uint8_t)(x >> 56);
    }
    return room;
}

/* ---- super-chunks ---- */

static int64_t chunk_items(const struct life *l)
{
    int64_t bytes = tsr_schunk_spec_of(l->s)->chunk_bytes;
    return bytes ? bytes / ITEM : 64;
}

static int append(struct life *l)
{
    int64_t n = pick(l, 1, 5 * chunk_items(l) / 2);
    return tsr_schunk_append(l->s, n, items(l, n));
}

static int append_zeros(struct life *l)
{
    int64_t n = pick(l, 1, 2 * chunk_items(l));
    memset(room, 0, (size_t)n * ITEM);
    return tsr_schunk_append(l->s, n, room);
}

static int insert(struct life *l)
{
    int64_t n = tsr_schunk_nchunks(l->s), m = chunk_items(l);
    if (n == 0) return append(l);
    return tsr_schunk_insert_chunk(l->s, pick(l, 0, n - 1), items(l, m), (size_t)m * ITEM);
}

/* As stored, from the bytes of the chunk. */
static int append_compressed(struct life *l)
{
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = ITEM};
    int64_t n = chunk_items(l), have = tsr_schunk_nchunks(l->s), last = n * ITEM;
    size_t len;
    if (have && tsr_schunk_chunk_bytes(l->s, have - 1, &last) < 0) return TSR_EIO;
    if (last != n * ITEM && !l->kind->variable) return append(l); /* that one is not full */
    uint8_t *chunk = malloc(tsr_compress_bound((size_t)n * ITEM));
    if (!chunk) abort();
    int rc = tsr_compress(&spec, items(l, n), (size_t)n * ITEM, &l->opts, chunk,
                          tsr_compress_bound((size_t)n * ITEM), &len);
    if (rc == TSR_OK) rc = tsr_schunk_append_compressed(l->s, chunk, len);
    free(chunk);
    return rc;
}

static int update(struct life *l)
{
    int64_t n = tsr_schunk_nchunks(l->s), i = pick(l, 0, n - 1), bytes;
    if (n == 0) return append(l);
    int rc = tsr_schunk_chunk_bytes(l->s, i, &bytes);
    return rc < 0 ? rc : tsr_schunk_update_chunk(l->s, i, items(l, bytes / ITEM), (size_t)bytes);
}

static int delete (struct life *l)
{
    int64_t n = tsr_schunk_nchunks(l->s);
    return n == 0 ? append(l) : tsr_schunk_delete_chunk(l->s, pick(l, 0, n - 1));
}

/* The last one stays, it may be short. */
static int reorder(struct life *l)
{
    int64_t n = tsr_schunk_nchunks(l->s), order[256];
    if (n < 3 || n > 256) return append(l);
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 2; i > 0; i--) {
        int64_t j = pick(l, 0, i), was = order[i];
        order[i] = order[j];
        order[j] = was;
    }
    return tsr_schunk_reorder(l->s, order);
}

/* To a super-chunk without chunks, and from there on. */
static int empty(struct life *l)
{
    int rc = TSR_OK;
    if (tsr_schunk_nchunks(l->s) == 0) return append(l);
    while (rc == TSR_OK && tsr_schunk_nchunks(l->s)) rc = tsr_schunk_delete_chunk(l->s, 0);
    return rc;
}

static int set(struct life *l)
{
    int64_t have = tsr_schunk_nitems(l->s), start = pick(l, 0, have);
    int64_t n = pick(l, 1, 3 * chunk_items(l));
    return tsr_schunk_set(l->s, start, n, items(l, n));
}

/* Everything anew, as much as there was: into the holes of the session before, when there are. */
static int rewrite(struct life *l)
{
    int rc = tsr_schunk_nchunks(l->s) < 12 ? append(l) : TSR_OK;
    for (int64_t i = 0; rc == TSR_OK && i < tsr_schunk_nchunks(l->s); i++) {
        int64_t bytes;
        rc = tsr_schunk_chunk_bytes(l->s, i, &bytes);
        if (rc == TSR_OK)
            rc = tsr_schunk_update_chunk(l->s, i, items(l, bytes / ITEM), (size_t)bytes);
    }
    return rc;
}

/* ---- arrays ---- */

static const int64_t *shape(const struct life *l)
{
    return tsr_array_spec(l->a)->shape;
}

static int resize(struct life *l, int64_t rows, int64_t cols)
{
    return tsr_array_resize(l->a, (int64_t[]){rows, cols});
}

static int append_along(struct life *l, int axis)
{
    int64_t n = pick(l, 1, 9), across = shape(l)[!axis];
    if (across == 0) return resize(l, 7, 9);
    return tsr_array_append(l->a, axis, items(l, n * across), (size_t)(n * across) * ITEM);
}

static int append_rows(struct life *l)
{
    return append_along(l, 0);
}

static int append_cols(struct life *l)
{
    return append_along(l, 1);
}

static int write_box(struct life *l)
{
    int64_t start[2], count[2];
    for (int d = 0; d < 2; d++) {
        int64_t n = shape(l)[d];
        if (n == 0) return resize(l, 11, 13);
        start[d] = pick(l, 0, n - 1);
        count[d] = pick(l, 1, n - start[d]);
    }
    int64_t n = count[0] * count[1];
    return tsr_array_write(l->a, &(tsr_slice){start, count, NULL}, items(l, n), (size_t)n * ITEM);
}

static int write_all(struct life *l)
{
    int64_t n = shape(l)[0] * shape(l)[1];
    return tsr_array_write(l->a, NULL, items(l, n), (size_t)n * ITEM);
}

static int grow(struct life *l)
{
    return resize(l, shape(l)[0] + pick(l, 0, 9), shape(l)[1] + pick(l, 1, 9));
}

static int shrink(struct life *l)
{
    const int64_t *s = shape(l);
    if (s[0] < 3 || s[1] < 3) return resize(l, 20, 25);
    return resize(l, pick(l, 1, s[0]), pick(l, 1, s[1] - 1));
}

static int resize_to_nothing(struct life *l)
{
    return shape(l)[0] ? resize(l, 0, shape(l)[1]) : resize(l, 15, 15);
}

/* ---- both ---- */

static int meta_set(struct life *l, tsr_meta_kind kind, const char *name, size_t len)
{
    const void *p = items(l, (int64_t)len / ITEM + 1);
    return l->a ? tsr_array_meta_set(l->a, kind, name, p, len)
                : tsr_schunk_meta_set(l->s, kind, name, p, len);
}

static int vlmeta_set(struct life *l)
{
    char name[8];
    snprintf(name, sizeof name, "v%d", (int)pick(l, 0, 3));
    return meta_set(l, TSR_VLMETA, name, (size_t)pick(l, 1, 900));
}

static int vlmeta_remove(struct life *l)
{
    char name[8];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "v%d", i);
        int rc = l->a ? tsr_array_meta_remove(l->a, name) : tsr_schunk_meta_remove(l->s, name);
        if (rc != TSR_ENOTFOUND) return rc;
    }
    return vlmeta_set(l);
}

static int header_meta_set(struct life *l)
{
    return meta_set(l, TSR_META, "m0", 24);
}

static int finish(struct life *l)
{
    int rc = l->a ? tsr_array_close(l->a) : tsr_schunk_close(l->s);
    l->a = NULL;
    l->s = NULL;
    return rc;
}

static int create(struct life *l);

/* Another file takes the place of the one that is there. */
static int replace(struct life *l)
{
    int rc = finish(l);
    return rc < 0 ? rc : create(l);
}

/* Several changes in one flush, whichever. */
static int mix(struct life *l)
{
    int n = (int)pick(l, 1, 4), rc = TSR_OK, all = 0;
    while (life_ops[all].run != mix) all++;
    while (n > 0 && rc == TSR_OK) {
        const struct op *op = &life_ops[pick(l, 0, all - 1)];
        if (!(op->on & (l->kind->array ? ON_ARRAY : ON_SCHUNK)) || op->run == replace) continue;
        rc = op->run(l);
        n--;
    }
    return rc;
}

/* What stands before mix is in it. */
const struct op life_ops[] = {
    {"append", ON_SCHUNK, append},
    {"append zeros", ON_SCHUNK, append_zeros},
    {"append compressed", ON_SCHUNK, append_compressed},
    {"insert", ON_SCHUNK, insert},
    {"update", ON_SCHUNK, update},
    {"delete", ON_SCHUNK, delete},
    {"reorder", ON_SCHUNK, reorder},
    {"empty", ON_SCHUNK, empty},
    {"set", ON_SCHUNK, set},
    {"append rows", ON_ARRAY, append_rows},
    {"append columns", ON_ARRAY, append_cols},
    {"write", ON_ARRAY, write_box},
    {"grow", ON_ARRAY, grow},
    {"shrink", ON_ARRAY, shrink},
    {"resize to nothing", ON_ARRAY, resize_to_nothing},
    {"set vlmeta", ON_BOTH, vlmeta_set},
    {"remove vlmeta", ON_BOTH, vlmeta_remove},
    {"set a header metalayer", ON_BOTH, header_meta_set},
    {"mix", ON_BOTH, mix},
    {"replace", ON_BOTH, replace},
    {"rewrite", ON_SCHUNK, rewrite},
    {"rewrite", ON_ARRAY, write_all},
    {0},
};

/* ---- a life ---- */

static void fill_metas(const struct life *l, tsr_meta_value *m, char names[][8])
{
    static const uint8_t value[24];
    for (int i = 0; i <= l->kind->metas; i++) {
        snprintf(names[i], sizeof names[i], "m%d", i);
        m[i] = (tsr_meta_value){names[i], value, sizeof value};
    }
}

static int create(struct life *l)
{
    tsr_meta_value metas[NMETAS + 1];
    char names[NMETAS + 1][8];
    int64_t side = l->kind->big ? 256 : 20, chunk = l->kind->big ? 64 : 8;
    tsr_spec a = {.size = sizeof a, .dtype = "<i4", .ndim = 2, .metas = metas};
    tsr_schunk_spec s = {.size = sizeof s, .item_bytes = ITEM, .metas = metas};
    fill_metas(l, metas, names);
    a.checksum = s.checksum = l->kind->checksum;
    a.nmetas = s.nmetas = l->kind->metas + 1;
    l->opts.mode = "w";
    if (l->kind->array) {
        a.shape = (int64_t[]){side, side + 5};
        a.chunks = (int64_t[]){chunk, chunk};
        a.blocks = (int64_t[]){chunk / 2, chunk / 2};
        int rc = tsr_array_create(l->path, &a, &l->opts, &l->a);
        return rc < 0 ? rc : write_box(l);
    }
    s.variable = l->kind->variable;
    if (!s.variable) s.chunk_bytes = chunk * chunk * ITEM * (l->kind->big ? 4 : 1);
    s.block_bytes = chunk * chunk;
    int rc = tsr_schunk_create(l->path, &s, &l->opts, &l->s);
    return rc < 0 ? rc : append(l);
}

static int reopen(struct life *l)
{
    life_drop(l);
    l->opts.mode = "r+";
    return l->kind->array ? tsr_array_open(l->path, &l->opts, &l->a)
                          : tsr_schunk_open(l->path, &l->opts, &l->s);
}

bool life_init(struct life *l, const struct kind *kind, const struct op *op, uint64_t seed)
{
    *l = (struct life){.kind = kind, .op = op, .seed = seed};
    if (!(op->on & (kind->array ? ON_ARRAY : ON_SCHUNK))) return false;
    if (kind->big && op->run != rewrite && op->run != write_all) return false;
    l->rounds = op->run == mix ? 16 : 5;
    snprintf(l->name, sizeof l->name, "%s: %s", kind->name, op->name);
    return true;
}

void life_begin(struct life *l, const char *root)
{
    snprintf(l->path, sizeof l->path, "%s/%s", root, l->kind->file);
    l->opts = (tsr_options){.size = sizeof l->opts,
                            .context = context(),
                            .durable = l->kind->durable,
                            .sparse = l->kind->sparse};
}

bool life_is_durable(const struct life *l, int round)
{
    return l->kind->durable || (l->kind->sync && round % l->kind->sync == 0);
}

int life_round(struct life *l, int round)
{
    int rc = TSR_OK;
    l->rng = l->seed * 1000003 + (uint64_t)round;
    if (round == 0) rc = create(l);
    else if (round % 3 == 0 || (!l->a && !l->s)) rc = reopen(l);
    if (rc == TSR_OK && round) rc = l->op->run(l);
    if (rc < 0) return rc;
    if (l->kind->durable || !life_is_durable(l, round))
        return l->a ? tsr_array_flush(l->a) : tsr_schunk_flush(l->s);
    return l->a ? tsr_array_sync(l->a) : tsr_schunk_sync(l->s);
}

void life_drop(struct life *l)
{
    tsr_array_drop(l->a);
    tsr_schunk_drop(l->s);
    l->a = NULL;
    l->s = NULL;
}
