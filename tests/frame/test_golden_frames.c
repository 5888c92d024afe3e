/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/frame/test_golden_frames.c - frames of the golden files, good and bad.
 *
 * manifest.json says for each file what its header and metalayers hold and the SHA-256 of its
 * decoded chunks in order; bad/manifest.json lists files that must be refused. */
#include "../golden.h"
#include "frame/tool.h"

static int open_file(const char *name, uint64_t start, struct tsr_frame **f)
{
    struct tsr_store *st = NULL;
    int rc = tsr_store_open(golden_path(name), false, &st);
    if (rc == TSR_OK) rc = tsr_frame_open(st, start, tsr_limit(0), f);
    if (rc < 0) tsr_store_close(st);
    return rc;
}

/* Decodes every chunk; the status of the first that fails, else TSR_OK and the sum. */
static int decode_all(const struct tsr_frame *f, char hex[GOLDEN_HEX])
{
    const struct tsr_frame_facts *p = tsr_frame_facts_of(f);
    uint8_t *all = malloc((size_t)p->nbytes + 1);
    int rc = TSR_OK;
    size_t at = 0, n;
    for (int64_t i = 0; i < p->nchunks && rc == TSR_OK; i++, at += n)
        rc = tool_read(f, i, all + at, (size_t)p->nbytes - at, &n);
    golden_sha(hex, all, at);
    free(all);
    return rc;
}

/* ---- good files ---- */

static void check_layers(struct json_object *e, const struct tsr_frame *f, tsr_meta_kind kind,
                         const char *key)
{
    struct json_object *layers = get(e, key);
    assert_int_equal(tsr_frame_meta_count(f, kind), json_object_object_length(layers));
    json_object_object_foreach(layers, name, value)
    {
        void *buf;
        size_t len;
        OK(tsr_frame_meta_get(f, kind, name, &buf, &len));
        char *hex = malloc(2 * len + 1);
        golden_hex(hex, buf, len);
        assert_string_equal(hex, json_object_get_string(value));
        free(hex);
        tsr_free(buf);
    }
}

static void check_facts(struct json_object *e, const struct tsr_frame *f)
{
    static const char *const splits[] = {"", "always", "never", "auto", "forward_compat"};
    const struct tsr_frame_facts *p = tsr_frame_facts_of(f);
    const struct tsr_cparams *c = &p->cparams;
    int64_t chunk = get_int(e, "chunksize");
    assert_int_equal(p->nchunks, get_int(e, "nchunks"));
    assert_int_equal(p->chunk_bytes, chunk > 0 ? chunk : 0);
    assert_int_equal(c->block_bytes, get_int(e, "blocksize"));
    assert_int_equal(c->item_bytes, get_int(e, "typesize"));
    assert_int_equal(c->codec_id, get_int(e, "codec_id"));
    assert_int_equal(c->codec_meta, get_int(e, "codec_meta"));
    assert_int_equal(c->clevel, get_int(e, "clevel"));
    assert_int_equal(c->use_dict, get_int(e, "use_dict"));
    assert_string_equal(splits[c->split], get_str(e, "splitmode"));
    golden_check_six(e, "filters", c->filters);
    golden_check_six(e, "filters_meta", c->filters_meta);
    check_layers(e, f, TSR_META, "metalayers");
    check_layers(e, f, TSR_VLMETA, "vlmeta");
}

static void count_problem(void *user, int64_t chunk, tsr_status status, const char *what)
{
    if (status == TSR_EUNSUPPORTED) return;
    print_error("chunk %lld: %d %s\n", (long long)chunk, status, what);
    ++*(int *)user;
}

/* Does the entry use a feature that is not built yet, and says so? */
static bool refused(struct json_object *e, int rc)
{
    if (rc != TSR_EUNSUPPORTED) return false;
    print_message("refused: %s: %s\n", get_str(e, "file"), tsr_error());
    return true;
}

static void set_shape(struct json_object *e)
{
    struct json_object *blocks = get(e, "blocks");
    tool_ndim = blocks ? (int)json_object_array_length(blocks) : 0;
    for (int d = 0; d < tool_ndim; d++) tool_shape[d] = (int32_t)get_at(e, "blocks", (size_t)d);
}

static bool check_file(struct json_object *e)
{
    struct tsr_frame *f;
    char hex[GOLDEN_HEX];
    int problems = 0;
    int rc = open_file(get_str(e, "file"), (uint64_t)get_int(e, "offset"), &f);
    if (refused(e, rc)) return false;
    if (rc < 0) fail_msg("%s: %d, %s", get_str(e, "file"), rc, tsr_error());
    check_facts(e, f);
    set_shape(e);
    OK(tsr_frame_verify(f, count_problem, &problems));
    assert_int_equal(problems, 0);
    rc = decode_all(f, hex);
    if (rc == TSR_OK && strcmp(get_str(e, "kind"), "b2nd") != 0)
        assert_string_equal(hex, get_str(e, "sha256"));
    bool skipped = refused(e, rc);
    if (rc < 0 && !skipped) fail_msg("%s: %d, %s", get_str(e, "file"), rc, tsr_error());
    tsr_frame_close(f);
    return !skipped;
}

static void golden_frames_have_the_facts_and_bytes_of_the_manifest(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    struct json_object *m = golden_manifest("manifest.json"), *files = get(m, "files");
    int decoded = 0, refusals = 0, sparse = 0;
    for (size_t i = 0; i < json_object_array_length(files); i++) {
        struct json_object *e = json_object_array_get_idx(files, i);
        const char *kind = get_str(e, "kind");
        if (!strcmp(kind, "chunk")) continue;
        bool folder = !strcmp(kind, "sframe") || !json_object_get_boolean(get(e, "contiguous"));
        if (!check_file(e)) refusals++;
        else if (folder) sparse++;
        else decoded++;
    }
    print_message("%d frames decoded, %d refused, %d sparse ones decoded\n", decoded, refusals,
                  sparse);
    assert_true(decoded >= 65 && sparse >= 25);
    json_object_put(m);
}

/* ---- bad files ---- */

static int try_file(const char *name)
{
    struct tsr_frame *f;
    char hex[GOLDEN_HEX], path[4096];
    snprintf(path, sizeof path, "bad/%s", name);
    int rc = open_file(path, 0, &f);
    if (rc < 0) return rc;
    rc = decode_all(f, hex);
    tsr_frame_close(f);
    return rc;
}

static void bad_frames_are_refused_as_corrupt_with_a_reason(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    struct json_object *m = golden_manifest("bad/manifest.json"), *files = get(m, "files");
    int n = 0;
    for (size_t i = 0; i < json_object_array_length(files); i++) {
        struct json_object *e = json_object_array_get_idx(files, i);
        const char *file = get_str(e, "file");
        if (strcmp(get_str(e, "kind"), "cframe")) continue;
        int rc = try_file(file);
        int want = strstr(file, "frame_version") ? TSR_EUNSUPPORTED : TSR_ECORRUPT;
        print_message("%-34s %-46s %s\n", file, get_str(e, "why"), rc < 0 ? tsr_error() : "-");
        if (rc != want) fail_msg("%s: found %d, expected %d", file, rc, want);
        n++;
    }
    print_message("%d bad frames refused\n", n);
    assert_true(n >= 30);
    json_object_put(m);
}

/* Every cut of a good frame fails, and every one of its bytes may be wrong without harm. */
static void mangled_frames_never_do_harm(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    size_t len;
    uint8_t *good = file_read(golden_path("frame_cframe_meta1.b2frame"), &len);
    for (size_t cut = 0; cut < len + 512; cut++) {
        size_t n = cut < len ? cut : len;
        uint8_t *p = malloc(n ? n : 1); /* its own block: reads past the end are seen */
        memcpy(p, good, n);
        if (cut >= len)
            p[(cut - len) % 256 < 128 ? (cut - len) % 256 : n - (cut - len) % 256] ^= 0x81;
        struct tsr_store *st;
        struct tsr_frame *f;
        char hex[GOLDEN_HEX];
        OK(tsr_store_mem_borrow(p, n, &st));
        int rc = tsr_frame_open(st, 0, tsr_limit(0), &f);
        if (cut < len) assert_int_equal(rc, TSR_ECORRUPT);
        if (rc == TSR_OK) {
            if (tsr_frame_facts_of(f)->nbytes < 1 << 20) decode_all(f, hex);
            tsr_frame_close(f);
        } else {
            assert_true(rc == TSR_ECORRUPT || rc == TSR_EUNSUPPORTED);
            tsr_store_close(st);
        }
        free(p);
    }
    free(good);
}

int main(void)
{
    golden_tell();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_frames_have_the_facts_and_bytes_of_the_manifest),
        cmocka_unit_test(bad_frames_are_refused_as_corrupt_with_a_reason),
        cmocka_unit_test(mangled_frames_never_do_harm),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_stop);
}
