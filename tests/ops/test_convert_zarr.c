/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_convert_zarr.c - conversions between all kinds of containers, and bytes that are
 * copied as they are stored. */
#define _GNU_SOURCE
#include "../scratch.h"

#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "array/array.h"
#include "base/mem.h"

/* ---- all pairs ---- */

/* A kind of container: its name, and how one is made. */
struct kind {
    const char *name, *format;
    bool sparse, sharded, attrs, fill;
    const char *codecs;
};

static const struct kind kinds[] = {
    {"a.b2nd", "b2nd", false, true, true, false, NULL},
    {"d.b2nd", "b2nd", true, true, true, false, NULL},
    {"two.zarr", "zarr2", false, false, true, true, NULL},
    {"three.zarr", "zarr3", false, false, true, true, NULL},
    {"shard.zarr", "zarr3", false, true, true, true, NULL},
    {"two.zip", "zarr2", false, false, true, true, NULL},
    {"three.zip", "zarr3", false, true, true, true, NULL},
    {"a.npy", "npy", false, false, false, false, NULL},
    {"a.raw", "raw", false, false, false, false, NULL},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const int64_t shape[] = {20, 30, 17}, chunks[] = {8, 16, 8}, blocks[] = {4, 8, 8};
enum { ITEMS = 20 * 30 * 17 };
static int32_t items[ITEMS];
static const int32_t fill = -7;

static tsr_spec spec_of(const struct kind *k)
{
    return (tsr_spec){.size = sizeof(tsr_spec),
                      .dtype = "<i4",
                      .ndim = 3,
                      .shape = shape,
                      .chunks = chunks,
                      .blocks = k->sharded ? blocks : NULL,
                      .codecs = k->codecs,
                      .fill = k->fill ? &fill : NULL};
}

static tsr_options options_of(const struct kind *k)
{
    return (tsr_options){.size = sizeof(tsr_options), .format = k->format, .sparse = k->sparse};
}

/* One chunk in the corner is nothing but the fill value. */
static void make_items(void)
{
    for (int i = 0; i < ITEMS; i++) {
        int x = i / (30 * 17), y = i / 17 % 30, z = i % 17;
        items[i] = x < 8 && y < 16 && z < 8 ? fill : x * y + z * (i % 3);
    }
}

static void make_array(const struct kind *k, const char *path, bool attrs)
{
    tsr_spec spec = spec_of(k);
    tsr_options o = options_of(k);
    tsr_array *a;
    OK(tsr_array_create(path, &spec, &o, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    if (attrs) OK(tsr_array_attr_set(a, "units", "{\"length\": [1.5, \"m\"]}"));
    OK(tsr_array_close(a));
}

static void open_array(const struct kind *k, const char *path, tsr_array **a)
{
    tsr_spec raw = {.size = sizeof raw, .dtype = "<i4", .ndim = 3, .shape = shape};
    tsr_options o = {.size = sizeof o, .format = strcmp(k->format, "raw") ? NULL : "raw"};
    if (o.format) o.raw = &raw;
    OK(tsr_array_open(path, &o, a));
}

static void same_array(const struct kind *k, const char *path, const char *digest, bool attrs,
                       bool filled)
{
    char got[TSR_HASH_TEXT];
    tsr_array *a;
    char *json;
    open_array(k, path, &a);
    OK(tsr_hash(a, 0, NULL, got));
    assert_string_equal(got, digest);
    assert_string_equal(tsr_array_format(a), k->format);
    if (attrs) {
        OK(tsr_array_attrs(a, &json));
        char *to = json; /* spaces are as the container has them */
        for (char *c = json; *c; c++)
            if (*c != ' ') *to++ = *c;
        *to = 0;
        assert_string_equal(json, "{\"units\":{\"length\":[1.5,\"m\"]}}");
        tsr_free(json);
    }
    if (filled) assert_memory_equal(tsr_array_spec(a)->fill, &fill, sizeof fill);
    OK(tsr_array_close(a));
}

static void convert_pair(const struct kind *from, const struct kind *to, const char *digest)
{
    char src[1024], dst[1024];
    bool attrs = from->attrs && to->attrs;
    tsr_spec raw = {.size = sizeof raw, .dtype = "<i4", .ndim = 3, .shape = shape};
    tsr_options so = {.size = sizeof so}, o = options_of(to);
    if (!strcmp(from->format, "raw")) so.format = "raw", so.raw = &raw;
    snprintf(src, sizeof src, "%s", scratch(from->name));
    snprintf(dst, sizeof dst, "%s/to.%s", scratch_dir, to->name);
    make_array(from, src, attrs);
    OK(tsr_convert(src, &so, dst, NULL, &o));
    same_array(to, dst, digest, attrs, from->fill && to->fill);
    remove_path(src);
    remove_path(dst);
    assert_int_equal(scratch_count(), 0);
}

static void make_digest(char digest[TSR_HASH_TEXT])
{
    tsr_spec spec = spec_of(&kinds[0]);
    tsr_array *a;
    make_items();
    OK(tsr_array_create(NULL, &spec, NULL, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_hash(a, 0, NULL, digest));
    OK(tsr_array_close(a));
}

/* Chains that format 2 or Blosc2 has not, or both. */
static void codecs_that_a_target_has_not_give_way_to_some_that_it_has(void **state)
{
    enum { TWO = 2, THREE = 3 }; /* plain Zarr among the kinds */
    static const struct {
        int kind;
        const char *codecs;
    } all[] = {
        {THREE, "[\"bytes\",\"zstd\",\"gzip\"]"},
        {THREE, "[\"bytes\",\"gzip\",\"blosc\",\"blosc\"]"},
        {THREE, "[\"bytes\",\"numcodecs.shuffle\"]"},
        {THREE, "[\"bytes\",\"numcodecs.shuffle\",\"zstd\",\"gzip\",\"crc32c\"]"},
        {THREE, "[\"numcodecs.delta\",\"bytes\",\"numcodecs.bz2\",\"numcodecs.lzma\"]"},
        {TWO, "{\"filters\":[{\"id\":\"shuffle\",\"elementsize\":2}],\"compressor\":null}"},
        {TWO, "{\"filters\":[{\"id\":\"zstd\"},{\"id\":\"shuffle\",\"elementsize\":1}],"
              "\"compressor\":{\"id\":\"zlib\"}}"},
        {TWO, "{\"filters\":[{\"id\":\"delta\",\"dtype\":\"<i4\"},{\"id\":\"crc32\"}],"
              "\"compressor\":{\"id\":\"lzma\"}}"},
    };
    char digest[TSR_HASH_TEXT];
    (void)state;
    make_digest(digest);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct kind from = kinds[all[i].kind];
        from.codecs = all[i].codecs;
        for (int k = 0; k < KINDS; k++) convert_pair(&from, &kinds[k], digest);
    }
}

static void any_container_is_converted_into_any_other(void **state)
{
    (void)state;
    char digest[TSR_HASH_TEXT];
    make_digest(digest);
    for (int i = 0; i < KINDS; i++)
        for (int k = 0; k < KINDS; k++) convert_pair(&kinds[i], &kinds[k], digest);
}

/* ---- stored bytes ---- */

static const int64_t inner[] = {4, 8, 8}, outer[] = {12, 16, 24};

/* Chunk files of garbage: whoever decodes one fails.  Those of the corner are not there. */
static void make_garbage(const char *path, const char *format, const char *zarr)
{
    tsr_step steps[] = {{"shuffle", NULL}, {"lz4", "clevel=5"}};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<i4",
                     .ndim = 3,
                     .shape = shape,
                     .chunks = inner,
                     .fill = &fill,
                     .steps = steps,
                     .nsteps = 2,
                     .zarr = zarr};
    tsr_options o = {.size = sizeof o, .format = format};
    tsr_array *a;
    OK(tsr_array_create(path, &spec, &o, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_close(a));
}

struct listing {
    size_t root;
    int files;
    bool spoil;
    const char *other; /* where the same files are to be */
};
static struct listing listing;

static bool is_chunk(const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    return name[0] != '.' && strcmp(name, "zarr.json") != 0;
}

static int visit_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    char twin[2048];
    size_t len, other_len;
    (void)at;
    if (flag != FTW_F || !is_chunk(path)) return 0;
    listing.files++;
    if (listing.spoil) {
        uint8_t bytes[300];
        size_t n = (size_t)random_in(1, sizeof bytes);
        for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)random_next();
        file_write(path, bytes, n);
        return 0;
    }
    assert_true(st->st_size > 0);
    snprintf(twin, sizeof twin, "%s%s", listing.other, path + listing.root);
    uint8_t *p = file_read(path, &len), *q = file_read(twin, &other_len);
    assert_int_equal(len, other_len);
    assert_memory_equal(p, q, len);
    free(p);
    free(q);
    return 0;
}

/* How many chunk files there are; other NULL: they become garbage, else those below are alike. */
static int walk_chunks(const char *path, const char *other)
{
    listing = (struct listing){strlen(path), 0, !other, other};
    assert_int_equal(nftw(path, visit_one, 16, FTW_PHYS), 0);
    return listing.files;
}

static void convert_stored(const char *src, const char *dst, const tsr_spec *spec,
                           const char *format)
{
    tsr_options o = {.size = sizeof o, .format = format};
    tsr_copy_plan *plan;
    OK(tsr_convert_plan(src, NULL, dst, spec, &o, &plan));
    assert_true(plan->stored);
    assert_int_equal(plan->pass[0]->blocks_read, 0);
    tsr_free(plan);
    OK(tsr_convert(src, NULL, dst, spec, &o));
}

static void stored_bytes_go_from_files_to_shards_and_archives_and_back(void **state)
{
    (void)state;
    tsr_spec shards = {.size = sizeof shards, .chunks = outer, .blocks = inner};
    tsr_spec files = {.size = sizeof files, .chunks = inner};
    make_items();
    make_garbage(scratch("a.zarr"), "zarr3", NULL);
    int n = walk_chunks(scratch("a.zarr"), NULL);
    assert_int_equal(n, 5 * 4 * 3 - 2 * 2); /* all but the corner */
    convert_stored(scratch("a.zarr"), scratch("s.zarr"), &shards, NULL);
    assert_true(walk_chunks(scratch("s.zarr"), scratch("s.zarr")) <= 4);
    convert_stored(scratch("s.zarr"), scratch("s.zip"), NULL, NULL);
    convert_stored(scratch("s.zip"), scratch("f.zip"), &files, NULL);
    convert_stored(scratch("f.zip"), scratch("b.zarr"), NULL, NULL);
    assert_int_equal(walk_chunks(scratch("a.zarr"), scratch("b.zarr")), n);
    assert_int_equal(walk_chunks(scratch("b.zarr"), scratch("a.zarr")), n);
    static const char *const made[] = {"a.zarr", "s.zarr", "s.zip", "f.zip", "b.zarr"};
    for (int i = 0; i < 5; i++) remove_path(scratch(made[i]));
    assert_int_equal(scratch_count(), 0);
}

static void stored_bytes_go_from_format_2_to_3_and_back(void **state)
{
    (void)state;
    make_items();
    make_garbage(scratch("a.zarr"), "zarr2", "separator=/");
    int n = walk_chunks(scratch("a.zarr"), NULL);
    convert_stored(scratch("a.zarr"), scratch("three.zarr"), NULL, "zarr3");
    assert_int_equal(walk_chunks(scratch("three.zarr/c"), scratch("a.zarr")), n);
    tsr_spec spec = {.size = sizeof spec, .zarr = "separator=/"};
    convert_stored(scratch("three.zarr"), scratch("two.zarr"), &spec, "zarr2");
    assert_int_equal(walk_chunks(scratch("two.zarr"), scratch("a.zarr")), n);
    remove_path(scratch("a.zarr"));
    remove_path(scratch("two.zarr"));
    remove_path(scratch("three.zarr"));
}

static void bytes_that_mean_something_else_are_not_copied(void **state)
{
    (void)state;
    tsr_step zstd = {"zstd", "clevel=5"}, better[] = {{"shuffle", NULL}, {"lz4", "clevel=9"}};
    tsr_spec other = {.size = sizeof other, .steps = &zstd, .nsteps = 1}, level = other;
    tsr_spec wider = {.size = sizeof wider, .chunks = outer};
    tsr_options b2nd = {.size = sizeof b2nd, .format = "b2nd"};
    tsr_options zarr = {.size = sizeof zarr, .format = "zarr3"};
    tsr_copy_plan *plan;
    level.steps = better, level.nsteps = 2;
    const tsr_spec *const specs[] = {&other, &level, &wider, NULL};
    make_items();
    make_garbage(scratch("a.zarr"), "zarr3", NULL);
    for (int i = 0; i < 4; i++) {
        OK(tsr_convert_plan(scratch("a.zarr"), NULL, scratch("b"), specs[i],
                            specs[i] ? &zarr : &b2nd, &plan));
        assert_false(plan->stored);
        tsr_free(plan);
    }
    /* one that asks for what is there already */
    better[1].params = "clevel=5";
    convert_stored(scratch("a.zarr"), scratch("b.zarr"), &level, NULL);
    remove_path(scratch("a.zarr"));
    remove_path(scratch("b.zarr"));
}

/* ---- groups ---- */

static const char *const paths[] = {"a", "b/c", "b/d/e"};

static void add_array(tsr_group *g, const char *path)
{
    tsr_spec spec = spec_of(&kinds[3]);
    tsr_array *a;
    OK(tsr_group_create_array(g, path, &spec, NULL, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_attr_set(a, "units", "{\"length\": [1.5, \"m\"]}"));
    OK(tsr_array_close(a));
}

static void make_tree(const char *path, const char *format)
{
    tsr_options o = {.size = sizeof o, .format = format};
    tsr_group *g;
    OK(tsr_group_create(path, &o, &g));
    OK(tsr_group_attrs_set(g, "{\"title\":\"root\"}"));
    for (int i = 0; i < 3; i++) add_array(g, paths[i]);
    OK(tsr_group_consolidate(g));
    OK(tsr_group_close(g));
}

static void same_tree(const char *path, const char *format, const char *digest)
{
    char got[TSR_HASH_TEXT];
    tsr_group *g;
    tsr_array *a;
    char *json;
    OK(tsr_group_open(path, NULL, &g));
    assert_string_equal(tsr_group_format(g), format);
    assert_true(tsr_group_consolidated(g));
    OK(tsr_group_attrs(g, "", &json));
    assert_string_equal(json, "{\"title\":\"root\"}");
    tsr_free(json);
    for (int i = 0; i < 3; i++) {
        OK(tsr_group_open_array(g, paths[i], NULL, &a));
        OK(tsr_hash(a, TSR_HASH_ATTRS, NULL, got));
        assert_string_equal(got, digest);
        OK(tsr_array_close(a));
    }
    OK(tsr_group_close(g));
}

static void tree_digest(const char *path, char digest[TSR_HASH_TEXT])
{
    char url[1100];
    tsr_array *a;
    snprintf(url, sizeof url, "%s#a", path);
    OK(tsr_array_open(url, NULL, &a));
    OK(tsr_hash(a, TSR_HASH_ATTRS, NULL, digest));
    OK(tsr_array_close(a));
}

static void groups_are_converted_with_all_that_is_in_them(void **state)
{
    (void)state;
    char digest[TSR_HASH_TEXT], got[TSR_HASH_TEXT];
    tsr_options two = {.size = sizeof two, .format = "zarr2"};
    tsr_array *a;
    make_items();
    make_tree(scratch("t.zarr"), "zarr3");
    tree_digest(scratch("t.zarr"), digest);
    OK(tsr_convert(scratch("t.zarr"), NULL, scratch("two.zarr"), NULL, &two));
    same_tree(scratch("two.zarr"), "zarr2", digest);
    OK(tsr_convert(scratch("two.zarr"), NULL, scratch("t.zip"), NULL, NULL));
    same_tree(scratch("t.zip"), "zarr3", digest);
    OK(tsr_convert(scratch("t.zip"), NULL, scratch("u.zarr#x/y"), NULL, NULL));
    same_tree(scratch("u.zarr#x/y"), "zarr3", digest);
    FAILS(TSR_EEXISTS, "exists",
          tsr_convert(scratch("t.zip"), NULL, scratch("two.zarr"), NULL, NULL));
    two.mode = "w";
    OK(tsr_convert(scratch("u.zarr#x"), NULL, scratch("two.zarr"), NULL, &two));
    OK(tsr_array_open(scratch("two.zarr#y/b/d/e"), NULL, &a));
    OK(tsr_hash(a, TSR_HASH_ATTRS, NULL, got));
    assert_string_equal(got, digest);
    OK(tsr_array_close(a));
    FAILS(TSR_EUNSUPPORTED, "holds one array, the source is a group",
          tsr_convert(scratch("t.zip"), NULL, scratch("a.b2nd"), NULL, NULL));
    static const char *const made[] = {"t.zarr", "two.zarr", "t.zip", "u.zarr"};
    for (int i = 0; i < 4; i++) remove_path(scratch(made[i]));
    assert_int_equal(scratch_count(), 0);
}

static void an_array_is_converted_beside_itself(void **state)
{
    (void)state;
    static const int64_t two[] = {2, 2, 2};
    static const char *const to[] = {"t.zarr#b/new", "t.zarr#b/d/e", "t.zarr/own.b2nd"};
    tsr_spec cut = {.size = sizeof cut, .chunks = two};
    tsr_options w = {.size = sizeof w, .mode = "w"};
    char src[600], digest[TSR_HASH_TEXT];
    make_digest(digest);
    make_tree(scratch("t.zarr"), "zarr3");
    snprintf(src, sizeof src, "%s", scratch("t.zarr#b/c"));
    for (int i = 0; i < 3; i++) {
        OK(tsr_convert(src, NULL, scratch(to[i]), &cut, &w));
        same_array(&kinds[i < 2 ? 3 : 0], scratch(to[i]), digest, true, false);
    }
    remove_path(scratch("t.zarr"));
}

static void nodes_that_a_format_has_no_place_for_are_listed(void **state)
{
    (void)state;
    tsr_spec spec = {.size = sizeof spec, .type = "bfloat16", .ndim = 3, .shape = shape};
    tsr_options two = {.size = sizeof two, .format = "zarr2"};
    tsr_group *g;
    tsr_array *a;
    make_tree(scratch("t.zarr"), "zarr3");
    OK(tsr_group_open(scratch("t.zarr"), &(tsr_options){.size = sizeof two, .mode = "r+"}, &g));
    OK(tsr_group_create_array(g, "b/odd", &spec, NULL, &a));
    OK(tsr_array_close(a));
    OK(tsr_group_close(g));
    FAILS(TSR_EUNSUPPORTED, "1 node cannot be carried into format zarr2: b/odd: ",
          tsr_convert(scratch("t.zarr"), NULL, scratch("two.zarr"), NULL, &two));
    FAILS(TSR_EUNSUPPORTED, "format b2nd has no place for data type 'bfloat16'",
          tsr_convert(scratch("t.zarr#b/odd"), NULL, scratch("odd.b2nd"), NULL, NULL));
    assert_int_equal(scratch_count(), 1);
    remove_path(scratch("t.zarr"));
}

/* Stops, or kills itself, when so many bytes are done. */
struct limit {
    int64_t most;
    bool kill;
};

static int stop_at(void *user, int64_t done, int64_t total)
{
    const struct limit *l = user;
    assert_true(done <= total);
    if (done > l->most && l->kill) kill(getpid(), SIGKILL);
    return done > l->most;
}

static void a_group_that_is_killed_on_the_way_goes_on(void **state)
{
    (void)state;
    char digest[TSR_HASH_TEXT], from[1024], to[1024];
    tsr_options o = {.size = sizeof o, .resume = true};
    int status, kills = 0;
    snprintf(from, sizeof from, "%s", scratch("t.zarr"));
    snprintf(to, sizeof to, "%s", scratch("u.zarr"));
    make_items();
    make_tree(from, "zarr2");
    tree_digest(from, digest);
    for (int64_t most = 0;; most += sizeof items) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct limit limit = {most, true};
            o.progress = stop_at, o.user = &limit;
            _exit(tsr_convert(from, NULL, to, NULL, &o) == TSR_OK ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSIGNALED(status)) break;
        assert_int_not_equal(access(to, F_OK), 0);
        kills++;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(kills, 3);
    same_tree(to, "zarr3", digest);
    remove_path(from);
    remove_path(to);
    assert_int_equal(scratch_count(), 0);
}

/* Stopped behind its first array. */
static void stop_group(const char *from, const char *to, const tsr_spec *spec, tsr_options o)
{
    struct limit limit = {sizeof items, false};
    o.progress = stop_at, o.user = &limit;
    FAILS(TSR_ECANCELLED, "stopped", tsr_convert(from, NULL, to, spec, &o));
}

static void a_journal_of_a_group_that_says_what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"done 1 99999999\n", "done 1 -5\n", "done 2 1\n"};
    char digest[TSR_HASH_TEXT], from[1024], to[1024], journal[1100];
    tsr_options o = {.size = sizeof o, .resume = true};
    snprintf(from, sizeof from, "%s", scratch("t.zarr"));
    snprintf(to, sizeof to, "%s", scratch("u.zarr"));
    snprintf(journal, sizeof journal, "%s.partial/journal", to);
    make_items();
    make_tree(from, "zarr2");
    tree_digest(from, digest);
    stop_group(from, to, NULL, o);
    struct stat was;
    assert_int_equal(stat(journal, &was), 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        FILE *f = fopen(journal, "a");
        assert_true(f && fputs(lines[i], f) >= 0);
        assert_int_equal(fclose(f), 0);
        FAILS(TSR_ECORRUPT, "found 'done", tsr_convert(from, NULL, to, NULL, &o));
        assert_int_equal(truncate(journal, was.st_size), 0);
    }
    OK(tsr_convert(from, NULL, to, NULL, &o));
    same_tree(to, "zarr3", digest);
    remove_path(from);
    remove_path(to);
    assert_int_equal(scratch_count(), 0);
}

/* Someone else puts a file into the source. */
static int disturb(void *user, int64_t done, int64_t total)
{
    char path[1100];
    (void)total;
    snprintf(path, sizeof path, "%s/a/note", (const char *)user);
    if (done > 0) file_write(path, "x", 1);
    return 0;
}

static void what_was_made_of_a_source_that_changed_meanwhile_goes(void **state)
{
    (void)state;
    char from[1024], to[1024], url[1100];
    snprintf(from, sizeof from, "%s", scratch("t.zarr"));
    snprintf(to, sizeof to, "%s", scratch("u.zarr"));
    snprintf(url, sizeof url, "%s#a", from);
    tsr_options o = {.size = sizeof o, .progress = disturb, .user = from};
    make_items();
    for (int array = 0; array < 2; array++) {
        make_tree(from, "zarr2");
        FAILS(TSR_ECONFLICT, "changed while it was read",
              tsr_convert(array ? url : from, NULL, to, NULL, &o));
        assert_int_equal(scratch_count(), 1);
        remove_path(from);
    }
}

static void a_group_goes_on_only_with_the_codecs_that_it_began_with(void **state)
{
    (void)state;
    static const tsr_step step = {"lz4", NULL};
    static const tsr_spec other[] = {
        {.size = sizeof(tsr_spec), .checksum = true},
        {.size = sizeof(tsr_spec), .split = 2},
        {.size = sizeof(tsr_spec), .codecs = "[\"bytes\", \"zstd\"]"},
        {.size = sizeof(tsr_spec), .zarr = "keys=v2"},
        {.size = sizeof(tsr_spec), .steps = &step, .nsteps = 1},
    };
    static const char *const says[] = {"checksum 1", "split 2", "codecs [", "keys=v2", "lz4"};
    char digest[TSR_HASH_TEXT], from[1024], to[1024];
    tsr_options o = {.size = sizeof o, .resume = true};
    snprintf(from, sizeof from, "%s", scratch("t.zarr"));
    snprintf(to, sizeof to, "%s", scratch("u.zarr"));
    make_items();
    make_tree(from, "zarr3");
    tree_digest(from, digest);
    stop_group(from, to, NULL, o);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        FAILS(TSR_ECONFLICT, says[i], tsr_convert(from, NULL, to, &other[i], &o));
    OK(tsr_convert(from, NULL, to, NULL, &o));
    same_tree(to, "zarr3", digest);
    remove_path(from);
    remove_path(to);
    assert_int_equal(scratch_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_container_is_converted_into_any_other),
        cmocka_unit_test(codecs_that_a_target_has_not_give_way_to_some_that_it_has),
        cmocka_unit_test(stored_bytes_go_from_files_to_shards_and_archives_and_back),
        cmocka_unit_test(stored_bytes_go_from_format_2_to_3_and_back),
        cmocka_unit_test(bytes_that_mean_something_else_are_not_copied),
        cmocka_unit_test(groups_are_converted_with_all_that_is_in_them),
        cmocka_unit_test(an_array_is_converted_beside_itself),
        cmocka_unit_test(nodes_that_a_format_has_no_place_for_are_listed),
        cmocka_unit_test(a_group_that_is_killed_on_the_way_goes_on),
        cmocka_unit_test(what_was_made_of_a_source_that_changed_meanwhile_goes),
        cmocka_unit_test(a_group_goes_on_only_with_the_codecs_that_it_began_with),
        cmocka_unit_test(a_journal_of_a_group_that_says_what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
