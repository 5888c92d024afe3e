/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_variable.c - super-chunks whose chunks have any size, and chunks whose blocks
 * have, against a list of chunks. */
#include "../scratch.h"

enum { MOST = 40, BLOCKS = 12, LIVES = 24, STEPS = 45 };

/* A chunk as it should be: its bytes and where its blocks end, if they are items. */
struct item {
    uint8_t *p;
    size_t n, ends[BLOCKS];
    int nblocks;
};

struct life {
    uint64_t seed;
    const char *did;
    bool vl, sparse, checksum;
    char url[1024];
    int64_t width; /* bytes of an item */
    struct item v[MOST];
    int64_t n;
    tsr_schunk *s;
};

static void must(const struct life *l, int rc)
{
    if (rc < 0)
        fail_msg("TESSERA_SEED=%llu: %s: %s", (unsigned long long)l->seed, l->did, tsr_error());
}

static struct item make(const struct life *l)
{
    struct item it = {.nblocks = l->vl ? (int)random_in(1, BLOCKS) : 0};
    int kind = (int)random_in(0, 3);
    if (l->vl)
        for (int b = 0; b < it.nblocks; b++)
            it.ends[b] = it.n += (size_t)random_in(1, random_in(0, 9) ? 40 : 5000);
    else it.n = (size_t)(random_in(1, random_in(0, 5) ? 300 : 60000) * l->width);
    it.p = malloc(it.n);
    for (size_t i = 0; i < it.n; i++)
        it.p[i] = kind == 0 ? (uint8_t)random_next() : kind == 1 ? 0 : (uint8_t)(i / 3 % 17);
    return it;
}

static void pieces(const struct item *it, const void **p, size_t *len)
{
    for (int b = 0; b < it->nblocks; b++) {
        size_t at = b ? it->ends[b - 1] : 0;
        p[b] = it->p + at;
        len[b] = it->ends[b] - at;
    }
}

/* The chunk of an item, compressed: of VL blocks, or a regular one, perhaps special. */
static void compress(const struct life *l, const struct item *it, void **chunk, size_t *len)
{
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = l->width};
    const void *p[BLOCKS];
    size_t lens[BLOCKS], cap = tsr_compress_bound(it->n);
    pieces(it, p, lens);
    if (l->vl) {
        must(l, tsr_compress_vlblocks(&spec, it->nblocks, p, lens, NULL, chunk, len));
        return;
    }
    void *dst = malloc(cap);
    must(l, tsr_compress(&spec, it->p, it->n, NULL, dst, cap, len));
    *chunk = dst;
}

static void release(const struct life *l, void *chunk)
{
    if (l->vl) tsr_free(chunk);
    else free(chunk);
}

static void check(const struct life *l)
{
    int64_t all = 0, at = 0, nblocks;
    assert_int_equal(tsr_schunk_nchunks(l->s), l->n);
    for (int64_t i = 0; i < l->n; i++) all += (int64_t)l->v[i].n;
    assert_int_equal(tsr_schunk_nitems(l->s), all / l->width);
    uint8_t *want = malloc((size_t)all + 1), *got = malloc((size_t)all + 1);
    for (int64_t i = 0; i < l->n; i++) {
        const struct item *it = &l->v[i];
        int64_t bytes;
        memcpy(want + at, it->p, it->n);
        at += (int64_t)it->n;
        must(l, tsr_schunk_chunk_bytes(l->s, i, &bytes));
        assert_int_equal(bytes, it->n);
        must(l, tsr_schunk_read_chunk(l->s, i, got, it->n));
        assert_memory_equal(got, it->p, it->n);
        must(l, tsr_schunk_vlblocks(l->s, i, &nblocks));
        assert_int_equal(nblocks, it->nblocks);
        for (int b = 0; b < it->nblocks; b++) {
            size_t from = b ? it->ends[b - 1] : 0, len;
            void *buf;
            must(l, tsr_schunk_read_vlblock(l->s, i, b, &buf, &len));
            assert_int_equal(len, it->ends[b] - from);
            assert_memory_equal(buf, it->p + from, len);
            tsr_free(buf);
        }
    }
    for (int k = 0; k < 4; k++) {
        int64_t n = all / l->width, lo = k ? random_in(0, n) : 0,
                len = k ? random_in(0, n - lo) : n;
        must(l, tsr_schunk_get(l->s, lo, len, got));
        assert_memory_equal(got, want + lo * l->width, (size_t)(len * l->width));
    }
    free(want);
    free(got);
}

/* ---- steps ---- */

static void put(struct life *l, int64_t i, bool insert)
{
    struct item it = make(l);
    void *chunk = NULL;
    size_t len = 0;
    bool compressed = l->vl || random_in(0, 2) == 0, append = insert && i == l->n;
    if (compressed) compress(l, &it, &chunk, &len);
    if (l->vl && append && random_in(0, 1)) {
        const void *p[BLOCKS];
        size_t lens[BLOCKS];
        pieces(&it, p, lens);
        must(l, tsr_schunk_append_vlblocks(l->s, it.nblocks, p, lens));
    } else if (append && compressed) must(l, tsr_schunk_append_compressed(l->s, chunk, len));
    else if (append) must(l, tsr_schunk_append(l->s, (int64_t)it.n / l->width, it.p));
    else if (insert && compressed) must(l, tsr_schunk_insert_compressed(l->s, i, chunk, len));
    else if (insert) must(l, tsr_schunk_insert_chunk(l->s, i, it.p, it.n));
    else if (compressed) must(l, tsr_schunk_update_compressed(l->s, i, chunk, len));
    else must(l, tsr_schunk_update_chunk(l->s, i, it.p, it.n));
    if (chunk) release(l, chunk);
    if (insert) {
        memmove(&l->v[i + 1], &l->v[i], (size_t)(l->n - i) * sizeof l->v[0]);
        l->n++;
    } else {
        free(l->v[i].p);
    }
    l->v[i] = it;
}

static void drop(struct life *l, int64_t i)
{
    must(l, tsr_schunk_delete_chunk(l->s, i));
    free(l->v[i].p);
    memmove(&l->v[i], &l->v[i + 1], (size_t)(l->n - i - 1) * sizeof l->v[0]);
    l->n--;
}

/* Items across chunks, some of them past the end: these become a chunk. */
static void set(struct life *l)
{
    int64_t all = tsr_schunk_nitems(l->s), lo = random_in(0, all), n = random_in(0, 900), at = 0;
    size_t len = (size_t)(n * l->width), k = 0;
    uint8_t *src = malloc(len + 1);
    for (size_t i = 0; i < len; i++) src[i] = (uint8_t)(i * 7);
    must(l, tsr_schunk_set(l->s, lo, n, src));
    for (int64_t i = 0; i < l->n; at += (int64_t)l->v[i++].n)
        for (size_t b = 0; b < l->v[i].n && k < len; b++)
            if (at + (int64_t)b >= lo * l->width) l->v[i].p[b] = src[k++];
    if (k < len) {
        struct item it = {.p = malloc(len - k), .n = len - k};
        memcpy(it.p, src + k, it.n);
        l->v[l->n++] = it;
    }
    free(src);
}

static void reopen(struct life *l)
{
    int64_t problems;
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    must(l, tsr_schunk_close(l->s));
    must(l, tsr_verify(l->url, NULL, NULL, NULL, &problems));
    if (problems) fail_msg("TESSERA_SEED=%llu: %s: verify", (unsigned long long)l->seed, l->did);
    must(l, tsr_schunk_open(l->url, &o, &l->s));
    assert_true(tsr_schunk_spec_of(l->s)->variable);
    assert_int_equal(tsr_schunk_spec_of(l->s)->chunk_bytes, 0);
}

static void through_memory(struct life *l)
{
    tsr_schunk *file = l->s;
    void *buf;
    size_t len;
    must(l, tsr_schunk_to_frame(file, &buf, &len));
    must(l, tsr_schunk_from_frame(buf, len, TSR_BORROW, NULL, &l->s));
    check(l);
    must(l, tsr_schunk_close(l->s));
    l->s = file;
    tsr_free(buf);
}

static void step(struct life *l)
{
    int64_t i = l->n ? random_in(0, l->n - 1) : 0;
    int what = (int)random_in(0, 9);
    if (l->n >= MOST - 1) what = 4;
    switch (what) {
    case 0:
    case 1:
    case 2: l->did = "append", put(l, l->n, true); break;
    case 3: l->did = "insert", put(l, random_in(0, l->n), true); break;
    case 4:
        l->did = "delete";
        if (l->n) drop(l, i);
        break;
    case 5:
        l->did = "update";
        if (l->n) put(l, i, false);
        break;
    case 6:
        l->did = "set";
        if (!l->vl) set(l);
        break;
    case 7: l->did = "reopen", reopen(l); break;
    case 8: l->did = "memory", through_memory(l); break;
    default: l->did = "flush", must(l, tsr_schunk_flush(l->s));
    }
}

static void folder_remove(const char *url)
{
    char path[2048];
    DIR *d = opendir(url);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", url, e->d_name);
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) assert_int_equal(remove(path), 0);
    }
    if (d) closedir(d);
    assert_int_equal(rmdir(url), 0);
}

static void random_lives_agree_with_a_list(void **state)
{
    static const int64_t widths[] = {1, 4, 8, 300};
    (void)state;
    for (int k = 0; k < LIVES; k++) {
        struct life l = {.did = "create"};
        const char *seed = getenv("TESSERA_SEED"); /* of the life to repeat */
        l.seed = seed ? strtoull(seed, NULL, 10) : random_next() | 1;
        random_state = l.seed;
        l.vl = random_in(0, 1);
        l.sparse = random_in(0, 2) == 0;
        l.checksum = random_in(0, 2) == 0;
        l.width = l.vl ? 1 : widths[random_in(0, 3)];
        snprintf(l.url, sizeof l.url, "%s", scratch(l.sparse ? "sparse.b2frame" : "life.b2frame"));
        tsr_options o = {.size = sizeof o, .sparse = l.sparse};
        tsr_schunk_spec spec = {.size = sizeof spec,
                                .item_bytes = l.width,
                                .variable = true,
                                .checksum = l.checksum};
        must(&l, tsr_schunk_create(l.url, &spec, &o, &l.s));
        for (int i = 0; i < STEPS; i++) {
            step(&l);
            if (i % 3 == 0) check(&l);
        }
        l.did = "close";
        must(&l, tsr_schunk_close(l.s));
        for (int64_t i = 0; i < l.n; i++) free(l.v[i].p);
        if (l.sparse) folder_remove(l.url);
    }
}

/* ---- one by one ---- */

static tsr_schunk *create(const char *name, bool variable, int64_t chunk_bytes)
{
    tsr_schunk_spec spec = {.size = sizeof spec, .variable = variable, .chunk_bytes = chunk_bytes};
    tsr_schunk *s;
    OK(tsr_schunk_create(scratch(name), &spec, NULL, &s));
    return s;
}

static void zero_chunks_are_ordinary_chunks(void **state)
{
    (void)state;
    tsr_schunk *s = create("zeros.b2frame", true, 0);
    static const uint8_t zeros[100000];
    uint8_t got[5];
    void *chunk;
    size_t len;
    tsr_chunk_facts facts = {.size = sizeof facts};
    OK(tsr_schunk_append(s, sizeof zeros, zeros));
    OK(tsr_schunk_append(s, 5, "abcde"));
    OK(tsr_schunk_get_chunk(s, 0, &chunk, &len));
    OK(tsr_chunk_info(chunk, len, &facts));
    assert_int_equal(facts.special, 0);
    assert_false(facts.memcpyed);
    assert_true(len < 200);
    /* a chunk with the special bits is encoded anew on its way in */
    uint8_t special[32];
    size_t n;
    OK(tsr_compress(NULL, zeros, sizeof zeros, NULL, special, sizeof special, &n));
    OK(tsr_schunk_append_compressed(s, special, n));
    tsr_free(chunk);
    OK(tsr_schunk_get_chunk(s, 2, &chunk, &len));
    OK(tsr_chunk_info(chunk, len, &facts));
    assert_int_equal(facts.special, 0);
    tsr_free(chunk);
    OK(tsr_schunk_get(s, sizeof zeros - 1, 5, got));
    assert_memory_equal(got, "\0abcd", 5);
    OK(tsr_schunk_close(s));
}

static void kinds_of_blocks_do_not_mix(void **state)
{
    (void)state;
    const void *p[] = {"one", "three"};
    const size_t len[] = {3, 5};
    tsr_schunk *s = create("kinds.b2frame", true, 0);
    OK(tsr_schunk_append_vlblocks(s, 2, p, len));
    OK(tsr_schunk_append_vlblocks(s, 1, p, len));
    FAILS(TSR_EARG, "variable length", tsr_schunk_append(s, 3, "two"));
    FAILS(TSR_EARG, "variable length", tsr_schunk_update_chunk(s, 0, "two", 3));
    assert_int_equal(tsr_schunk_nchunks(s), 2);
    assert_int_equal(tsr_schunk_nitems(s), 11);
    OK(tsr_schunk_delete_chunk(s, 0));
    OK(tsr_schunk_update_chunk(s, 0, "two", 3)); /* the only one may change its kind */
    FAILS(TSR_EARG, "variable length", tsr_schunk_append_vlblocks(s, 2, p, len));
    OK(tsr_schunk_append(s, 1, "x"));
    OK(tsr_schunk_close(s));
}

static void chunks_of_one_size_may_have_items_as_blocks(void **state)
{
    (void)state;
    const void *p[] = {"one", "three"};
    const size_t len[] = {3, 5};
    char got[9] = "";
    tsr_schunk *s = create("fixed.b2frame", false, 8);
    OK(tsr_schunk_append_vlblocks(s, 2, p, len));
    FAILS(TSR_EARG, "variable length", tsr_schunk_append(s, 8, "regular!"));
    assert_int_equal(tsr_schunk_nchunks(s), 1);
    OK(tsr_schunk_append_vlblocks(s, 2, p, len));
    OK(tsr_schunk_append_vlblocks(s, 1, p, len)); /* the last may be short */
    FAILS(TSR_EARG, "short chunk", tsr_schunk_append_vlblocks(s, 2, p, len));
    OK(tsr_schunk_close(s));
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    OK(tsr_schunk_open(scratch("fixed.b2frame"), &o, &s));
    assert_false(tsr_schunk_spec_of(s)->variable);
    OK(tsr_schunk_get(s, 2, 8, got));
    assert_memory_equal(got, "ethreeon", 8);
    OK(tsr_schunk_close(s));
}

static void wrong_chunks_are_refused(void **state)
{
    (void)state;
    tsr_schunk *s = create("wrong.b2frame", true, 0);
    uint8_t src[5000], chunk[5032];
    void *vl;
    size_t n, vln, len[] = {10, 0};
    const void *p[] = {src, src};
    for (size_t i = 0; i < sizeof src; i++) src[i] = (uint8_t)(i / 9);
    OK(tsr_compress(NULL, src, sizeof src, NULL, chunk, sizeof chunk, &n));
    FAILS(TSR_ECORRUPT, "cbytes", tsr_schunk_append_compressed(s, chunk, n - 1));
    FAILS(TSR_EARG, "given", tsr_schunk_append_compressed(s, chunk, n + 1));
    chunk[33] ^= 0x80; /* a block start */
    FAILS(TSR_ECORRUPT, "start of block", tsr_schunk_append_compressed(s, chunk, n));
    FAILS(TSR_EARG, "empty", tsr_compress_vlblocks(NULL, 2, p, len, NULL, &vl, &vln));
    FAILS(TSR_EARG, "no bytes", tsr_schunk_insert_chunk(s, 0, src, 0));
    FAILS(TSR_EARG, "has 0", tsr_schunk_update_chunk(s, 0, src, 1));
    len[1] = 2000;
    OK(tsr_compress_vlblocks(NULL, 2, p, len, NULL, &vl, &vln));
    void *buf;
    FAILS(TSR_EARG, "has 2", tsr_decompress_vlblock(vl, vln, 2, NULL, &buf, &n));
    OK(tsr_decompress_vlblock(vl, vln, 1, NULL, &buf, &n));
    assert_int_equal(n, 2000);
    assert_memory_equal(buf, src, n);
    tsr_free(buf);
    ((uint8_t *)vl)[32 + 8] ^= 1; /* the size of block 0 */
    FAILS(TSR_ECORRUPT, "VL block", tsr_schunk_append_compressed(s, vl, vln));
    tsr_free(vl);
    assert_int_equal(tsr_schunk_nchunks(s), 0);
    OK(tsr_schunk_close(s));
}

static void equal_chunks_may_become_variable(void **state)
{
    (void)state;
    static const uint8_t zeros[3000];
    uint8_t got[3010];
    tsr_schunk *s = create("equal.b2frame", false, 1000);
    OK(tsr_schunk_append(s, sizeof zeros, zeros));
    OK(tsr_schunk_append(s, 4, "tail"));
    FAILS(TSR_EARG, "expected 1000", tsr_schunk_insert_chunk(s, 1, "abc", 3));
    OK(tsr_schunk_make_variable(s));
    OK(tsr_schunk_insert_chunk(s, 1, "abc", 3));
    OK(tsr_schunk_append(s, 3, "end"));
    OK(tsr_schunk_close(s));
    int64_t problems;
    OK(tsr_verify(scratch("equal.b2frame"), NULL, NULL, NULL, &problems));
    assert_int_equal(problems, 0);
    OK(tsr_schunk_open(scratch("equal.b2frame"), NULL, &s));
    assert_true(tsr_schunk_spec_of(s)->variable);
    assert_int_equal(tsr_schunk_nchunks(s), 6);
    OK(tsr_schunk_get(s, 0, sizeof got, got));
    assert_memory_equal(got, zeros, 1000);
    assert_memory_equal(got + 1000, "abc", 3);
    assert_memory_equal(got + 1003, zeros, 2000);
    assert_memory_equal(got + 3003, "tailend", 7);
    FAILS(TSR_EDENIED, "read-only", tsr_schunk_make_variable(s));
    OK(tsr_schunk_close(s));
}

static void conversion_keeps_chunks_and_blocks(void **state)
{
    (void)state;
    const void *p[] = {"one", "three", "seven more"};
    const size_t len[] = {3, 5, 10};
    const tsr_step steps[] = {{"lz4", "clevel=1"}};
    tsr_schunk *s = create("from.b2frame", true, 0);
    OK(tsr_schunk_append_vlblocks(s, 3, p, len));
    OK(tsr_schunk_append_vlblocks(s, 1, p, len));
    OK(tsr_schunk_meta_set(s, TSR_VLMETA, "note", "\xa2hi", 3));
    OK(tsr_schunk_close(s));
    for (int k = 0; k < 2; k++) {
        tsr_spec spec = {.size = sizeof spec, .steps = steps, .nsteps = k};
        tsr_options o = {.size = sizeof o, .mode = "w"};
        OK(tsr_convert(scratch("from.b2frame"), NULL, scratch("to.b2frame"), &spec, &o));
        OK(tsr_schunk_open(scratch("to.b2frame"), NULL, &s));
        int64_t n;
        void *buf;
        size_t bytes;
        assert_int_equal(tsr_schunk_nchunks(s), 2);
        OK(tsr_schunk_vlblocks(s, 0, &n));
        assert_int_equal(n, 3);
        OK(tsr_schunk_read_vlblock(s, 0, 2, &buf, &bytes));
        assert_int_equal(bytes, 10);
        assert_memory_equal(buf, "seven more", 10);
        tsr_free(buf);
        OK(tsr_schunk_meta_get(s, TSR_VLMETA, "note", &buf, &bytes));
        tsr_free(buf);
        OK(tsr_schunk_close(s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives_agree_with_a_list),
        cmocka_unit_test(zero_chunks_are_ordinary_chunks),
        cmocka_unit_test(kinds_of_blocks_do_not_mix),
        cmocka_unit_test(chunks_of_one_size_may_have_items_as_blocks),
        cmocka_unit_test(wrong_chunks_are_refused),
        cmocka_unit_test(equal_chunks_may_become_variable),
        cmocka_unit_test(conversion_keeps_chunks_and_blocks),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
