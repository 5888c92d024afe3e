/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/chunk/test_golden_chunks.c - bare chunks of the golden files, good and bad.
 *
 * manifest.json says for each file what its header holds and the SHA-256 of what it decodes to;
 * bad/manifest.json lists files that must be refused.  Each file is copied to the end of its
 * own allocation, so that a sanitizer sees any read past it. */
#include "../golden.h"
#include "../worker.h"

#include "chunk/chunk.h"

#define LIMIT tsr_limit(UINT64_C(1) << 31)

/* A file in an allocation of its length. */
static uint8_t *read_alone(const char *name, size_t *len)
{
    uint8_t *p = file_read(golden_path(name), len);
    return realloc(p, *len ? *len : 1);
}

static void check_field(const char *file, const char *name, struct json_object *header, int64_t got)
{
    struct json_object *v = get(header, name);
    if (v && json_object_get_int64(v) != got)
        fail_msg("%s: %s: found %lld, expected %lld", file, name, (long long)got,
                 (long long)json_object_get_int64(v));
}

/* Header facts that a parse must give even when it refuses the chunk. */
static void check_facts(struct json_object *e, const struct tsr_chunk *c, const uint8_t *p)
{
    static const char *const specials[] = {"none", "zeros", "nan", "value", "uninit"};
    const char *file = get_str(e, "file");
    struct json_object *h = get(e, "header");
    check_field(file, "version", h, c->version);
    check_field(file, "flags", h, c->flags);
    check_field(file, "typesize", h, c->typesize);
    check_field(file, "nbytes", h, c->nbytes);
    check_field(file, "cbytes", h, c->cbytes);
    check_field(file, "flags2", h, c->flags2);
    check_field(file, "blosc2_flags", h, c->blosc2_flags);
    int32_t bs = json_object_get_int(get(h, "blocksize"));
    if (c->nbytes && bs > c->nbytes) bs = c->nbytes;
    if (!c->vlblocks && bs > c->typesize) bs -= bs % c->typesize;
    if (!strstr(file, "instrumented"))
        assert_int_equal(c->vlblocks ? c->nblocks : c->block_bytes, bs);
    if (!get(e, "codec")) return; /* basic headers: the manifest says no more */
    assert_int_equal(c->memcpyed, json_object_get_boolean(get(e, "memcpyed")));
    assert_int_equal(c->vlblocks, json_object_get_boolean(get(e, "vlblocks")));
    assert_int_equal(c->dict, json_object_get_boolean(get(e, "dict")));
    assert_string_equal(specials[c->special], get_str(e, "special"));
    if (c->memcpyed || (c->special && p[2] == 5)) return; /* made without a pipeline */
    golden_check_six(e, "filters", c->filters);
    golden_check_six(e, "filters_meta", c->filters_meta);
    if (!c->special) check_field(file, "codec_id", e, c->codec_id);
}

/* Ranges, among them single bytes, equal the slice of the whole. */
static void check_ranges(const struct tsr_chunk *c, const uint8_t *chunk, const uint8_t *whole)
{
    uint64_t x = 88172645463325252u + (uint64_t)c->cbytes;
    for (int i = 0; i < 20 && c->nbytes > 0; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        int64_t lo = (int64_t)(x % (uint64_t)c->nbytes);
        int64_t n = i % 4 == 0 ? 1 : (int64_t)((x >> 32) % (uint64_t)(c->nbytes - lo + 1));
        uint8_t *part = malloc((size_t)n + 1);
        assert_int_equal(tsr_chunk_decode_range(c, worker, chunk, lo, n, part), TSR_OK);
        assert_memory_equal(part, whole + lo, (size_t)n);
        free(part);
    }
}

/* The blocks one by one, from exactly the bytes they are stored in. */
static void check_blocks(const struct tsr_chunk *c, const uint8_t *chunk, const uint8_t *whole)
{
    if (c->special || c->nblocks == 0) return;
    size_t n = (size_t)c->nblocks;
    int32_t *off = malloc(n * sizeof *off), *len = malloc(n * sizeof *len);
    assert_int_equal(tsr_chunk_all_spans(c, chunk, off, len), TSR_OK);
    const uint8_t *at = whole;
    for (int32_t b = 0; b < c->nblocks; b++) {
        int32_t off1, len1, m = c->vlblocks ? 0 : tsr_chunk_block_len(c, b);
        if (c->vlblocks)
            assert_int_equal(tsr_chunk_vl_len(c, b, chunk + off[b], (size_t)len[b], &m), TSR_OK);
        uint8_t *dst = malloc((size_t)m), *src = malloc((size_t)len[b]);
        assert_int_equal(tsr_chunk_block_span(c, chunk, b, true, &off1, &len1), TSR_OK);
        assert_int_equal(off1, off[b]);
        assert_int_equal(len1, len[b]);
        memcpy(src, chunk + off[b], (size_t)len[b]);
        struct tsr_block_start in = {src, (size_t)len[b], SIZE_MAX, c->serial ? whole : NULL};
        int rc = c->vlblocks ? tsr_chunk_decode_vl(c, worker, b, src, (size_t)len[b], dst)
                             : tsr_chunk_decode_start(c, worker, b, &in, dst);
        assert_int_equal(rc, TSR_OK);
        assert_memory_equal(dst, at, m);
        at += m;
        free(dst);
        free(src);
    }
    free(off);
    free(len);
}

/* Does the file need what is not built in? */
static bool is_later(struct json_object *e)
{
    if (get(e, "codec") && !tsr_codec_named(NULL, get_str(e, "codec"))) return true;
    for (size_t i = 0; get(e, "filters") && i < TSR_CHUNK_FILTERS; i++) {
        int id = (int)get_at(e, "filters", i);
        if (id && !tsr_filter_blosc2(NULL, id)) return true;
    }
    return false;
}

/* True when it decoded, false when it was refused as it should be. */
static bool check_chunk(struct json_object *e)
{
    const char *file = get_str(e, "file");
    size_t len;
    uint8_t *p = read_alone(file, &len);
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, p, len, len, LIMIT);
    if (rc < 0 && !(rc == TSR_EUNSUPPORTED && is_later(e))) fail_msg("%s: %s", file, tsr_error());
    check_facts(e, &c, p);
    if (rc == TSR_OK) {
        size_t n = (size_t)c.nbytes;
        uint8_t *whole = malloc(n + 1);
        if (tsr_chunk_decode_range(&c, worker, p, 0, c.nbytes, whole) < 0)
            fail_msg("%s: %s", file, tsr_error());
        golden_check(e, whole, n);
        check_ranges(&c, p, whole);
        check_blocks(&c, p, whole);
        free(whole);
    }
    free(p);
    return rc == TSR_OK;
}

static void good_chunks_decode_or_are_later_features(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    struct json_object *m = golden_manifest("manifest.json"), *files = get(m, "files");
    int decoded = 0, refused = 0;
    for (size_t i = 0; i < json_object_array_length(files); i++) {
        struct json_object *e = json_object_array_get_idx(files, i);
        if (strcmp(get_str(e, "kind"), "chunk") != 0) continue;
        if (check_chunk(e)) decoded++;
        else refused++;
    }
    printf("golden chunks: %d decoded, %d refused as unsupported\n", decoded, refused);
    assert_true(decoded > 0);
    assert_int_equal(refused, 0);
    json_object_put(m);
}

static int decode_all(const uint8_t *p, size_t len)
{
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, p, len, len, LIMIT);
    if (rc < 0) return rc;
    uint8_t *dst = malloc((size_t)c.nbytes + 1);
    rc = tsr_chunk_decode_range(&c, worker, p, 0, c.nbytes, dst);
    free(dst);
    return rc;
}

static void bad_chunks_are_refused_with_the_right_status(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    struct json_object *m = golden_manifest("bad/manifest.json"), *files = get(m, "files");
    int refused = 0;
    for (size_t i = 0; i < json_object_array_length(files); i++) {
        struct json_object *e = json_object_array_get_idx(files, i);
        const char *file = get_str(e, "file");
        if (strcmp(get_str(e, "kind"), "chunk") != 0) continue;
        bool unknown = strncmp(file, "codec_unknown", 13) == 0 ||
                       strncmp(file, "version_", 8) == 0 ||
                       strncmp(file, "filter_unknown", 14) == 0;
        char path[512];
        size_t len;
        snprintf(path, sizeof path, "bad/%s", file);
        uint8_t *p = read_alone(path, &len);
        int rc = decode_all(p, len), expected = unknown ? TSR_EUNSUPPORTED : TSR_ECORRUPT;
        if (rc != expected)
            fail_msg("%s (%s): found status %d, expected %d: %s", file, get_str(e, "why"), rc,
                     expected, tsr_error());
        refused++;
        free(p);
    }
    printf("bad chunks: %d refused\n", refused);
    assert_true(refused > 0);
    json_object_put(m);
}

int main(void)
{
    golden_tell();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_chunks_decode_or_are_later_features),
        cmocka_unit_test(bad_chunks_are_refused_with_the_right_status),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
