/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/format/test_zarr_golden.c - the golden Zarr stores through the public API.
 *
 * Archives are opened where they are, folders come out of tars. */
#include "golden.h"

#include "base/mem.h"
#include "base/num.h"
#include "text/dtype.h"

static struct json_object *manifest;

/* ---- stores ---- */

static const char *zarr_path(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/zarr/%s", golden_dir(), name);
    return path;
}

/* "FOLDER-OR-ARCHIVE#PATH" of an array of a store. */
static const char *url_of(const char *store, const char *path)
{
    static char url[8192];
    const char *inner = strcmp(store, "v3_zip_prefixed.zip") == 0 ? "data.zarr/" : "";
    bool tar = strstr(store, ".tar") != NULL;
    snprintf(url, sizeof url, "%s#%s%s", tar ? scratch(store) : zarr_path(store), inner, path);
    return url;
}

static void unpack(const char *store)
{
    char command[9000];
    snprintf(command, sizeof command, "mkdir -p '%s' && tar -xf '%s' -C '%s'", scratch(store),
             zarr_path(store), scratch(store));
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    scratch_make(state);
    golden_tell();
    if (!golden_dir()) return 0;
    manifest = json_object_from_file(zarr_path("manifest.json"));
    if (!manifest) return -1;
    struct json_object *stores = get(manifest, "stores");
    for (size_t i = 0; i < json_object_array_length(stores); i++) {
        const char *file = get_str(json_object_array_get_idx(stores, i), "file");
        if (strstr(file, ".tar")) unpack(file);
    }
    return 0;
}

static int tear_down(void **state)
{
    json_object_put(manifest);
    return scratch_remove_all(state);
}

/* ---- digests ---- */

static void turn(uint8_t *p, size_t unit, size_t bytes, size_t n, size_t stride)
{
    for (size_t i = 0; i < n; i++)
        for (size_t at = i * stride; at < i * stride + bytes; at += unit)
            for (size_t a = at, b = at + unit - 1; a < b; a++, b--) {
                uint8_t byte = p[a];
                p[a] = p[b];
                p[b] = byte;
            }
}

/* n items become little-endian. */
static void to_little(const struct tsr_dtype *t, uint8_t *p, size_t n, size_t stride)
{
    size_t item = (size_t)t->item_bytes;
    for (int i = 0; i < t->nfields; i++) {
        const struct tsr_field *f = &t->fields[i];
        size_t items = 1;
        for (int d = 0; d < f->ndim; d++) items *= (size_t)f->shape[d];
        for (size_t k = 0; k < n; k++)
            to_little(f->dtype, p + k * stride + f->offset, items, (size_t)f->dtype->item_bytes);
    }
    if (t->order == '>')
        turn(p, t->kind == 'U' ? 4 : t->kind == 'c' ? item / 2 : item, item, n, stride);
}

static void check_digest(struct json_object *e, const tsr_spec *s, uint8_t *p, size_t len)
{
    struct tsr_dtype *t;
    char hex[GOLDEN_HEX];
    assert_int_equal(tsr_dtype_parse(s->dtype, strlen(s->dtype), &t), TSR_OK);
    to_little(t, p, len / (size_t)t->item_bytes, (size_t)t->item_bytes);
    tsr_dtype_free(t);
    golden_sha(hex, p, len);
    if (strcmp(hex, get_str(e, "sha256")) != 0)
        fail_msg("%s#%s: other items", get_str(e, "store"), get_str(e, "path"));
}

/* ---- items of variable length ---- */

/* Appends an item behind its length, as the manifest has it: arrays little-endian, of JSON the text
 * of a string. */
static void add_item(struct tsr_buf *to, const tsr_spec *s, const struct tsr_dtype *of,
                     const uint8_t *p, size_t len)
{
    uint8_t head[4];
    struct json_object *json = NULL;
    if (strcmp(s->dtype, "json") == 0) {
        char *text = strndup((const char *)p, len);
        json = json_tokener_parse(text);
        free(text);
        assert_non_null(json);
        p = (const uint8_t *)json_object_get_string(json);
        len = (size_t)json_object_get_string_len(json);
    }
    tsr_store_LE32(head, (uint32_t)len);
    assert_int_equal(tsr_buf_add(to, head, 4), TSR_OK);
    assert_int_equal(tsr_buf_add(to, p, len), TSR_OK);
    size_t item = of ? (size_t)of->item_bytes : 1;
    if (of) to_little(of, to->p + to->len - len, len / item, item);
    json_object_put(json);
}

static void check_items(struct json_object *e, const tsr_spec *s, const tsr_items *items)
{
    struct tsr_dtype *of = NULL;
    struct tsr_buf all = {0};
    char hex[GOLDEN_HEX];
    const char *inner = strchr(s->dtype, '(');
    if (inner) assert_int_equal(tsr_dtype_parse(inner + 1, strlen(inner) - 2, &of), TSR_OK);
    for (int64_t i = 0; i < items->n; i++)
        add_item(&all, s, of, (const uint8_t *)items->bytes + items->offsets[i],
                 (size_t)(items->offsets[i + 1] - items->offsets[i]));
    assert_int_equal(all.len, get_int(e, "decoded_nbytes"));
    golden_sha(hex, all.p, all.len);
    if (strcmp(hex, get_str(e, "sha256")) != 0)
        fail_msg("%s#%s: other items", get_str(e, "store"), get_str(e, "path"));
    tsr_buf_free(&all);
    tsr_dtype_free(of);
}

/* ---- arrays ---- */

static void check_attributes(struct json_object *e, const tsr_array *a)
{
    char *text = NULL;
    assert_int_equal(tsr_array_attrs(a, &text), TSR_OK);
    struct json_object *found = json_tokener_parse(text), *want = get(e, "attributes");
    if (!json_object_equal(found, want))
        fail_msg("%s#%s: attributes: found %s, expected %s", get_str(e, "store"),
                 get_str(e, "path"), text, json_object_to_json_string(want));
    json_object_put(found);
    tsr_free(text);
}

static void check_shape(struct json_object *e, const tsr_spec *s)
{
    struct json_object *shape = get(e, "shape");
    assert_int_equal(s->ndim, json_object_array_length(shape));
    for (int d = 0; d < s->ndim; d++) assert_int_equal(s->shape[d], get_at(e, "shape", (size_t)d));
}

static void check_content(struct json_object *e, const char *url, const tsr_array *a)
{
    const tsr_spec *s = tsr_array_spec(a);
    size_t len = (size_t)get_int(e, "decoded_nbytes");
    tsr_items items = {.size = sizeof items};
    uint8_t *p = malloc(len + 1);
    bool loose = s->item_bytes == 0;
    int rc = loose ? tsr_array_read_items(a, NULL, &items) : tsr_array_read(a, NULL, p, len);
    if (rc < 0) fail_msg("%s: %s", url, tsr_error());
    if (loose) check_items(e, s, &items);
    else check_digest(e, s, p, len);
    tsr_items_free(&items);
    free(p);
}

static void check_array(struct json_object *e)
{
    const char *url = url_of(get_str(e, "store"), get_str(e, "path"));
    tsr_array *a;
    if (tsr_array_open(url, NULL, &a) < 0) fail_msg("%s: %s", url, tsr_error());
    check_shape(e, tsr_array_spec(a));
    check_attributes(e, a);
    check_content(e, url, a);
    tsr_array_close(a);
}

static void every_golden_array_reads_as_its_manifest_says(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    struct json_object *arrays = get(manifest, "arrays");
    size_t n = json_object_array_length(arrays);
    for (size_t i = 0; i < n; i++) check_array(json_object_array_get_idx(arrays, i));
    assert_int_equal(n, 509);
}

/* ---- what must be refused ---- */

static int read_whole(const tsr_array *a)
{
    const tsr_spec *s = tsr_array_spec(a);
    int64_t start[TSR_MAX_NDIM] = {0}, count[TSR_MAX_NDIM], n = s->item_bytes;
    for (int d = 0; d < s->ndim; d++) {
        count[d] = s->shape[d] < 1000 ? s->shape[d] : 1000;
        n *= count[d];
    }
    uint8_t *p = malloc((size_t)n + 1);
    tsr_items items = {.size = sizeof items};
    tsr_slice slice = {start, count, NULL};
    int rc = s->item_bytes ? tsr_array_read(a, &slice, p, (size_t)n)
                           : tsr_array_read_items(a, &slice, &items);
    tsr_items_free(&items);
    free(p);
    return rc;
}

/* Refused in time, with words that say where: the node or the key, or the entry of the archive.
 * Some of what could be found on reading is found on opening. */
static void check_reject(struct json_object *e)
{
    const char *path = get_str(e, "path"), *url = url_of(get_str(e, "store"), path);
    bool at_open = strcmp(get_str(e, "when"), "open") == 0;
    tsr_array *a;
    int rc = tsr_array_open(url, NULL, &a);
    if (rc == TSR_OK) {
        if (at_open) fail_msg("%s: opens: %s", url, get_str(e, "why"));
        rc = read_whole(a);
        tsr_array_close(a);
    }
    if (rc == TSR_OK) fail_msg("%s: is read: %s", url, get_str(e, "why"));
    if (rc != TSR_ECORRUPT && rc != TSR_EUNSUPPORTED && rc != TSR_ELIMIT)
        fail_msg("%s: %d: %s", url, rc, tsr_error());
    if (!strstr(tsr_error(), *path ? path : "reject_zip"))
        fail_msg("%s: does not say where: %s", url, tsr_error());
}

static void every_golden_reject_is_refused(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    struct json_object *rejects = get(manifest, "rejects");
    size_t n = json_object_array_length(rejects);
    for (size_t i = 0; i < n; i++) check_reject(json_object_array_get_idx(rejects, i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_golden_array_reads_as_its_manifest_says),
        cmocka_unit_test(every_golden_reject_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
