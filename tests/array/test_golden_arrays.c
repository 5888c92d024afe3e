/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_golden_arrays.c - golden files through the public API.
 *
 * Every array, frame and chunk of manifest.json is opened as a user would, from its file and, for
 * frames, from memory, and decoded to its SHA-256; what needs later features must be refused as
 * unsupported and is counted.  Every file of bad/ must be refused with its status. */
#include "../golden.h"

static void check_vlmeta(struct json_object *e, tsr_schunk *s)
{
    json_object_object_foreach(get(e, "vlmeta"), name, hex)
    {
        void *buf = NULL;
        size_t len;
        OK(tsr_schunk_meta_get(s, TSR_VLMETA, name, &buf, &len));
        char *found = malloc(2 * len + 1);
        golden_hex(found, buf, len);
        assert_string_equal(found, json_object_get_string(hex));
        free(found);
        tsr_free(buf);
    }
}

/* ---- arrays ---- */

static int decode_array(struct json_object *e, tsr_array *a)
{
    const tsr_spec *s = tsr_array_spec(a);
    tsr_stats st = {.size = sizeof st};
    OK(tsr_array_stats(a, &st));
    uint8_t *p = malloc((size_t)st.nbytes + 1);
    int rc = tsr_array_read(a, NULL, p, (size_t)st.nbytes);
    if (rc == TSR_OK && e) {
        golden_check(e, p, (size_t)st.nbytes);
        assert_int_equal(st.nchunks, get_int(e, "nchunks"));
        assert_int_equal(s->ndim, get_int(e, "ndim"));
        for (int d = 0; d < s->ndim; d++) {
            size_t i = (size_t)d;
            assert_int_equal(s->shape[d], get_at(e, "shape", i));
            assert_int_equal(s->chunks[d], get_at(e, "chunks", i));
            assert_int_equal(s->blocks[d], get_at(e, "blocks", i));
        }
    }
    free(p);
    return rc;
}

static int open_array(struct json_object *e, const char *file)
{
    tsr_array *a;
    size_t len;
    int rc = tsr_array_open(golden_path(file), NULL, &a);
    if (rc < 0) return rc;
    rc = decode_array(e, a);
    OK(tsr_array_close(a));
    if (rc < 0 || !json_object_get_boolean(get(e, "contiguous"))) return rc;
    uint8_t *p = file_read(golden_path(file), &len);
    OK(tsr_array_from_frame(p, len, TSR_BORROW, NULL, &a));
    rc = decode_array(e, a);
    OK(tsr_array_close(a));
    free(p);
    return rc;
}

/* ---- super-chunks and chunks ---- */

/* Bytes by position, wherever chunks begin and end; and blocks of variable length one by one. */
static void check_bytes_across(tsr_schunk *s, const uint8_t *all, int64_t n)
{
    int64_t item = tsr_schunk_spec_of(s)->item_bytes, at = 0, nblocks;
    uint8_t *p = malloc((size_t)n);
    for (int64_t lo = 0; lo < n / item; lo += 97) {
        int64_t len = lo * 31 % (n / item - lo) + 1;
        OK(tsr_schunk_get(s, lo, len, p));
        assert_memory_equal(p, all + lo * item, (size_t)(len * item));
    }
    for (int64_t i = 0; i < tsr_schunk_nchunks(s); i++) {
        OK(tsr_schunk_vlblocks(s, i, &nblocks));
        for (int64_t b = 0; b < nblocks; b++) {
            void *buf;
            size_t len;
            OK(tsr_schunk_read_vlblock(s, i, b, &buf, &len));
            assert_memory_equal(buf, all + at, len);
            at += (int64_t)len;
            tsr_free(buf);
        }
    }
    assert_true(at == 0 || at == n);
    free(p);
}

static int decode_schunk(struct json_object *e, tsr_schunk *s)
{
    int64_t n = tsr_schunk_nchunks(s), at = 0, bytes;
    tsr_stats st = {.size = sizeof st};
    int rc = TSR_OK;
    OK(tsr_schunk_stats(s, &st));
    uint8_t *p = malloc((size_t)st.nbytes + 1);
    /* chunk by chunk where they are few, else at once */
    for (int64_t i = 0; i < n && n < 5000 && rc == TSR_OK; i++) {
        if ((rc = tsr_schunk_chunk_bytes(s, i, &bytes)) < 0) break;
        if (e && get(e, "chunk_sizes"))
            assert_int_equal(bytes, get_at(e, "chunk_sizes", (size_t)i));
        rc = tsr_schunk_read_chunk(s, i, p + at, (size_t)bytes);
        at += bytes;
    }
    if (rc == TSR_OK && e && get(e, "chunk_sizes")) check_bytes_across(s, p, at);
    if (n >= 5000) rc = tsr_schunk_get(s, 0, tsr_schunk_nitems(s), p);
    if (rc == TSR_OK && e) {
        golden_check(e, p, (size_t)st.nbytes);
        if (get(e, "nchunks")) assert_int_equal(n, get_int(e, "nchunks"));
        if (get(e, "vlmeta")) check_vlmeta(e, s);
    }
    free(p);
    return rc;
}

static int open_schunk(struct json_object *e, const char *file, const char *format)
{
    tsr_options o = {.size = sizeof o, .format = format, .max_chunk_bytes = UINT64_C(1) << 31};
    tsr_schunk *s;
    if (e) o.offset = (uint64_t)get_int(e, "offset");
    int rc = tsr_schunk_open(golden_path(file), &o, &s);
    if (rc < 0) return rc;
    rc = decode_schunk(e, s);
    OK(tsr_schunk_close(s));
    return rc;
}

/* Does the file need what is not built in? */
static bool is_later(struct json_object *e)
{
    const char *codec = get_str(e, "codec");
    tsr_codec_info info = {.size = sizeof info};
    bool known = !get(e, "codec");
    for (int i = 0; tsr_codec_at(i, &info) == TSR_OK; i++) known |= strcmp(info.name, codec) == 0;
    for (size_t k = 0; get(e, "filters") && k < 6; k++) {
        int id = (int)get_at(e, "filters", k);
        bool have = id == 0;
        for (int i = 0; tsr_codec_at(i, &info) == TSR_OK; i++)
            have |= info.filter && info.blosc2_id == id;
        known &= have;
    }
    return !known;
}

static void golden_files_decode_or_are_later_features(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    struct json_object *m = golden_manifest("manifest.json"), *files = get(m, "files");
    int decoded = 0, refused = 0;
    for (size_t i = 0; i < json_object_array_length(files); i++) {
        struct json_object *e = json_object_array_get_idx(files, i);
        const char *file = get_str(e, "file"), *kind = get_str(e, "kind");
        int rc = strcmp(kind, "b2nd") == 0    ? open_array(e, file)
                 : strcmp(kind, "chunk") == 0 ? open_schunk(e, file, "chunk")
                                              : open_schunk(e, file, NULL);
        char text[1024];
        snprintf(text, sizeof text, "%s", tsr_error());
        if (rc < 0 && !(rc == TSR_EUNSUPPORTED && is_later(e)))
            fail_msg("%s: %d: %s", file, rc, text);
        if (rc == TSR_OK) decoded++;
        else refused++;
    }
    printf("golden files: %d decoded, %d refused as unsupported\n", decoded, refused);
    assert_true(decoded > 290);
    json_object_put(m);
}

static void bad_files_are_refused_with_the_right_status(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    static const char *const later[] = {"codec_unknown", "filter_unknown", "version_future",
                                        "frame_version"};
    struct json_object *m = golden_manifest("bad/manifest.json"), *files = get(m, "files");
    int refused = 0;
    for (size_t i = 0; i < json_object_array_length(files); i++) {
        struct json_object *e = json_object_array_get_idx(files, i);
        const char *kind = get_str(e, "kind");
        char file[512];
        int expected = TSR_ECORRUPT;
        snprintf(file, sizeof file, "bad/%s", get_str(e, "file"));
        for (size_t k = 0; k < sizeof later / sizeof *later; k++)
            if (strstr(file, later[k])) expected = TSR_EUNSUPPORTED;
        int rc = strcmp(kind, "b2nd") == 0    ? open_array(NULL, file)
                 : strcmp(kind, "chunk") == 0 ? open_schunk(NULL, file, "chunk")
                                              : open_schunk(NULL, file, "b2frame");
        if (rc != expected)
            fail_msg("%s (%s): found status %d, expected %d: %s", file, get_str(e, "why"), rc,
                     expected, tsr_error());
        refused++;
    }
    printf("bad files: %d refused\n", refused);
    assert_true(refused > 0);
    json_object_put(m);
}

int main(void)
{
    golden_tell();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files_decode_or_are_later_features),
        cmocka_unit_test(bad_files_are_refused_with_the_right_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
