/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_checksum.c - files with checksums: each byte of small ones is damaged in turn. */
#include "../golden.h"

#include "base/mem.h"
#include "frame/priv.h"

enum { SIDE = 24, ITEMS = SIDE * SIDE };

/* A 2-D array of 3 x 3 chunks that has been changed: it has holes, zeros, NaN and attributes. */
static void make_array(const char *path, const char *codec, bool sparse)
{
    tsr_step steps[] = {{"shuffle", NULL}, {codec, NULL}};
    int64_t shape[] = {SIDE, SIDE}, chunks[] = {8, 8}, blocks[] = {4, 8};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<f4",
                     .ndim = 2,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = blocks,
                     .steps = steps,
                     .nsteps = 2,
                     .checksum = true};
    tsr_options update = {.size = sizeof update, .mode = "r+"};
    float items[ITEMS];
    tsr_array *a;
    for (int i = 0; i < ITEMS; i++) items[i] = (float)(i % 37) * 0.5f;
    tsr_options o = {.size = sizeof o, .sparse = sparse};
    OK(tsr_array_create(path, &spec, &o, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_attr_set(a, "unit", "\"parsec\""));
    OK(tsr_array_close(a));
    for (int turn = 0; turn < 3; turn++) {
        int64_t start[] = {8 * turn, 8}, count[] = {8, 8};
        float some[64];
        for (int i = 0; i < 64; i++) some[i] = turn == 1 ? 0 : (float)(i * i * (turn + 1));
        OK(tsr_array_open(path, &update, &a));
        OK(tsr_array_write(a, &(tsr_slice){start, count, NULL}, some, sizeof some));
        OK(tsr_array_close(a));
    }
}

struct heard {
    int64_t columns; /* of chunks, when they lie in two dimensions */
    int64_t chunk;   /* the last */
    int n, chunks, containers;
};

static void hear(void *user, int64_t chunk, int ndim, const int64_t *coords, tsr_status status,
                 const char *what)
{
    struct heard *h = user;
    (void)status;
    h->n++;
    h->chunk = chunk;
    if (chunk < 0) h->containers++;
    else h->chunks++;
    if (chunk >= 0 && ndim == 2) h->columns = coords[0] ? (chunk - coords[1]) / coords[0] : 0;
    assert_true(what[0] != 0);
}

static struct heard verify(const char *path, int *rc)
{
    struct heard h = {0};
    int64_t problems = 0;
    *rc = tsr_verify(path, NULL, hear, &h, &problems);
    if (*rc == TSR_OK) assert_int_equal(problems, h.n);
    return h;
}

static void expect_sound(const char *path)
{
    int rc;
    struct heard h = verify(path, &rc);
    if (rc < 0 || h.n) fail_msg("%s: %d, %d problems: %s", path, rc, h.n, tsr_error());
}

/* What byte at belongs to: >= 0 a chunk, -1 the container, -2 nothing that anybody reads. */
static void map_bytes(const char *path, int64_t *owner, size_t len)
{
    struct tsr_store *st;
    struct tsr_frame *f;
    uint8_t head[TSR_CHUNK_HEADER];
    OK(tsr_store_open(path, false, &st));
    OK(tsr_frame_open(st, 0, tsr_limit(0), &f));
    for (size_t i = 0; i < len; i++) owner[i] = i < (size_t)f->h.header_len ? -1 : -2;
    for (int64_t i = 0; i < f->facts.nchunks; i++) {
        struct tsr_frame_place at;
        OK(tsr_frame_locate(f, i, &at));
        if (at.special) continue;
        OK(tsr_store_read(st, "", at.off, head, sizeof head));
        for (uint64_t k = 0; k < tsr_load_LE32(head + 12) + TAG_BYTES; k++) owner[at.off + k] = i;
    }
    uint64_t index_end = f->index.off + (uint64_t)f->index.chunk.cbytes + tsr_seal_len(f);
    for (uint64_t k = f->index.off; k < index_end && f->facts.nchunks; k++) owner[k] = -1;
    uint8_t end[FRAME_TRAILER_END];
    uint32_t trailer;
    OK(tsr_store_read(st, "", f->h.frame_len - sizeof end, end, sizeof end));
    OK(tsr_trailer_len(end, f->h.frame_len, &trailer));
    for (uint64_t k = f->h.frame_len - trailer; k < f->h.frame_len; k++) owner[k] = -1;
    tsr_frame_close(f);
}

static void flip(const char *path, const uint8_t *p, size_t at, int bits)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
    assert_int_equal(fputc(p[at] ^ bits, f), p[at] ^ bits);
    assert_int_equal(fclose(f), 0);
}

/* Every bit of every byte would take long: one of the eight, another one in each file. */
static int flip_each(const char *path, int bit, int64_t columns)
{
    size_t len;
    int rc, found = 0, live = 0;
    uint8_t *p = file_read(path, &len);
    int64_t *owner = malloc(len * sizeof *owner);
    assert_non_null(owner);
    map_bytes(path, owner, len);
    for (size_t at = 0; at < len; at++) {
        flip(path, p, at, 1 << (bit + at) % 8);
        struct heard h = verify(path, &rc);
        flip(path, p, at, 0);
        live += owner[at] > -2;
        found += rc < 0 || h.n > 0;
        if (owner[at] == -2 && (rc < 0 || h.n)) fail_msg("byte %zu, a hole: alarm", at);
        if (owner[at] == -1 && rc == TSR_OK && !h.containers)
            fail_msg("byte %zu of the container: not found", at);
        if (owner[at] >= 0 && (rc < 0 || h.chunks != 1 || h.chunk != owner[at]))
            fail_msg("byte %zu of chunk %lld: %d, %d problems, last in chunk %lld", at,
                     (long long)owner[at], rc, h.n, (long long)h.chunk);
        if (h.columns) assert_int_equal(h.columns, columns);
    }
    assert_int_equal(found, live);
    free(owner);
    free(p);
    return found;
}

static void each_flipped_byte_is_found_and_its_chunk_named(void **state)
{
    static const char *const codecs[] = {"blosclz", "lz4", "lz4hc", "zlib", "zstd"};
    (void)state;
    for (int i = 0; i < 5; i++) {
        const char *path = scratch("a.b2nd");
        make_array(path, codecs[i], false);
        expect_sound(path);
        flip_each(path, i, 3);
    }
}

static void flips_in_small_and_empty_arrays_are_found(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{0, 3}, {1, 1}, {5, 7}};
    for (int i = 0; i < 4; i++) {
        const char *path = scratch("s.b2nd");
        tsr_spec spec = {.size = sizeof spec, .dtype = "<i8", .checksum = true};
        spec.ndim = i < 3 ? 2 : 0;
        spec.shape = i < 3 ? shapes[i] : NULL;
        int64_t item[35] = {-5, 6, 7}, n = i < 3 ? shapes[i][0] * shapes[i][1] : 1;
        tsr_array *a;
        OK(tsr_array_create(path, &spec, NULL, &a));
        OK(tsr_array_write(a, NULL, item, (size_t)n * 8));
        OK(tsr_array_close(a));
        expect_sound(path);
        size_t len;
        int rc;
        uint8_t *p = file_read(path, &len);
        int64_t *owner = malloc(len * sizeof *owner);
        assert_non_null(owner);
        map_bytes(path, owner, len);
        for (size_t at = 0; at < len; at++) {
            flip(path, p, at, 0x10);
            struct heard h = verify(path, &rc);
            flip(path, p, at, 0);
            if (owner[at] > -2 && rc == TSR_OK && !h.n) fail_msg("byte %zu: not found", at);
        }
        free(owner);
        free(p);
    }
}

static void another_program_ends_checksums_without_alarm(void **state)
{
    (void)state;
    size_t len;
    const char *path = scratch("p.b2nd");
    make_array(path, "lz4", false);
    uint8_t *p = file_read(path, &len);
    p[FRAME_FIXED - 1] = 0; /* as c-blosc2 writes it with every change */
    p[len - 5] ^= 1;        /* and it writes a trailer without a fingerprint */
    memset(p + len - 16, 0, 16);
    file_write(path, p, len);
    free(p);
    expect_sound(path);
    tsr_array *a;
    float items[ITEMS] = {1, 2, 3};
    OK(tsr_array_open(path, &(tsr_options){.size = sizeof(tsr_options), .mode = "r+"}, &a));
    assert_false(tsr_array_spec(a)->checksum);
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_close(a));
    expect_sound(path);
}

static void long_lives_stay_sound_and_copies_keep_checksums(void **state)
{
    (void)state;
    const char *path = scratch("l.b2nd"), *copy = scratch("copy.b2nd");
    tsr_options update = {.size = sizeof update, .mode = "r+"};
    int64_t shape[] = {SIDE, SIDE};
    tsr_array *a;
    make_array(path, "lz4", false);
    for (int turn = 0; turn < 60; turn++) {
        float items[ITEMS];
        int64_t start[] = {random_in(0, SIDE - 1), random_in(0, SIDE - 1)}, count[2];
        for (int d = 0; d < 2; d++) count[d] = random_in(0, SIDE - start[d]);
        for (int i = 0; i < ITEMS; i++) items[i] = (float)random_in(0, 999);
        OK(tsr_array_open(path, &update, &a));
        shape[0] = random_in(0, 2) ? SIDE : random_in(SIDE, 50);
        OK(tsr_array_resize(a, shape));
        OK(tsr_array_write(a, &(tsr_slice){start, count, NULL}, items,
                           (size_t)(count[0] * count[1]) * 4));
        OK(tsr_array_close(a));
        int rc;
        struct heard h = verify(path, &rc);
        if (rc < 0 || h.n) fail_msg("turn %d: %d, %d problems", turn, rc, h.n);
    }
    OK(tsr_convert(path, NULL, copy, &(tsr_spec){.size = sizeof(tsr_spec)}, NULL));
    expect_sound(copy);
    OK(tsr_array_open(copy, NULL, &a));
    assert_true(tsr_array_spec(a)->checksum);
    OK(tsr_array_close(a));
    OK(tsr_array_open(path, NULL, &a));
    void *buf;
    OK(tsr_array_to_frame(a, &buf, &(size_t){0}));
    tsr_free(buf);
    OK(tsr_array_close(a));
}

/* Flips each byte of a file of the folder; those that nobody reads are at most `dead`. */
static void flip_file(const char *folder, const char *name, int dead)
{
    char path[2048];
    size_t len;
    int rc, missed = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    uint8_t *p = file_read(path, &len);
    for (size_t at = 0; at < len; at++) {
        flip(path, p, at, 1 << at % 8);
        struct heard h = verify(folder, &rc);
        missed += rc == TSR_OK && h.n == 0;
        if (dead == 0 && h.chunks != 1) fail_msg("%s: byte %zu: no chunk is named", name, at);
        flip(path, p, at, 0);
    }
    if (missed > dead) fail_msg("%s: %d flips of %zu not found", name, missed, len);
    free(p);
}

static void each_flipped_byte_of_a_folder_is_found(void **state)
{
    (void)state;
    const char *folder = scratch("d.b2nd");
    make_array(folder, "zstd", true);
    expect_sound(folder);
    DIR *d = opendir(folder);
    char path[2048];
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') flip_file(folder, e->d_name, e->d_name[0] == 'c' ? 64 : 0);
    expect_sound(folder);
    rewinddir(d);
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.') remove(path);
    }
    closedir(d);
    rmdir(folder);
}

static void super_chunks_have_them_too(void **state)
{
    (void)state;
    const char *path = scratch("s.b2frame");
    tsr_schunk_spec spec = {.size = sizeof spec, .chunk_bytes = 512, .checksum = true};
    uint8_t bytes[4000];
    tsr_schunk *s;
    for (int i = 0; i < 4000; i++) bytes[i] = (uint8_t)(i / 16);
    OK(tsr_schunk_create(path, &spec, NULL, &s));
    OK(tsr_schunk_append(s, sizeof bytes, bytes));
    OK(tsr_schunk_flush(s));
    OK(tsr_schunk_delete_chunk(s, 2));
    OK(tsr_schunk_insert_chunk(s, 1, bytes, 512));
    OK(tsr_schunk_close(s));
    expect_sound(path);
    flip_each(path, 3, 0);
    OK(tsr_schunk_open(path, NULL, &s));
    assert_true(tsr_schunk_spec_of(s)->checksum);
    OK(tsr_schunk_close(s));
}

static const char *const golden_names[] = {"b2nd_exact.b2nd",
                                           "b2nd_struct.b2nd",
                                           "b2nd_unicode.b2nd",
                                           "b2nd_0d_1.b2nd",
                                           "b2nd_zerosize_1.b2nd",
                                           "b2nd_bigendian.b2nd",
                                           "b2nd_ndcell_2d.b2nd",
                                           "b2nd_zfp_acc_2d_f8.b2nd",
                                           "b2nd_full_contig.b2nd",
                                           "b2nd_nans_contig.b2nd",
                                           "frame_cframe_vlblocks.b2frame",
                                           "frame_cframe_specials.b2frame"};

static void each_flip_in_golden_files_with_checksums_is_found(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    int flips = 0, n = (int)(sizeof golden_names / sizeof *golden_names);
    for (int i = 0; i < n; i++) {
        const char *path = scratch("golden.b2nd");
        tsr_options replace = {.size = sizeof replace, .mode = "w"};
        int64_t columns = 0;
        tsr_array *a;
        OK(tsr_repack(golden_path(golden_names[i]), path, TSR_CHECKSUM, &replace));
        if (tsr_array_open(path, NULL, &a) == TSR_OK) {
            const tsr_spec *p = tsr_array_spec(a);
            if (p->ndim == 2 && p->chunks[1])
                columns = (p->shape[1] + p->chunks[1] - 1) / p->chunks[1];
            OK(tsr_array_close(a));
        }
        expect_sound(path);
        flips += flip_each(path, i, columns);
    }
    print_message("%d flips in %d golden files, all found\n", flips, n);
}

static void flips_without_checksums_do_no_harm(void **state)
{
    (void)state;
    if (!golden_dir()) skip();
    const char *path = scratch("golden.b2nd");
    int n = (int)(sizeof golden_names / sizeof *golden_names), found = 0, flips = 0, rc;
    for (int i = 0; i < n; i++) {
        size_t len;
        uint8_t *p = file_read(golden_path(golden_names[i]), &len);
        file_write(path, p, len);
        for (size_t at = 0; at < len; at++, flips++) {
            flip(path, p, at, 1 << (i + at) % 8);
            struct heard h = verify(path, &rc);
            found += rc < 0 || h.n;
            flip(path, p, at, 0);
        }
        free(p);
    }
    print_message("%d of %d flips found without checksums\n", found, flips);
}

int main(void)
{
    golden_tell();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flipped_byte_is_found_and_its_chunk_named),
        cmocka_unit_test(flips_in_small_and_empty_arrays_are_found),
        cmocka_unit_test(another_program_ends_checksums_without_alarm),
        cmocka_unit_test(long_lives_stay_sound_and_copies_keep_checksums),
        cmocka_unit_test(each_flipped_byte_of_a_folder_is_found),
        cmocka_unit_test(super_chunks_have_them_too),
        cmocka_unit_test(each_flip_in_golden_files_with_checksums_is_found),
        cmocka_unit_test(flips_without_checksums_do_no_harm),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
