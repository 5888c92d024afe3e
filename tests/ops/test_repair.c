/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_repair.c - damaged files brought back: all that is whole, and nothing else; files
 * with holes repacked. */
#include "../scratch.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "frame/priv.h"

enum { SIDE = 40, ITEMS = SIDE * SIDE, CHUNK = 10, CHUNKS = 16 };

static void fill(int32_t *items)
{
    for (int i = 0; i < ITEMS; i++) items[i] = i / SIDE * 1000 + i % SIDE * (i % 7) + 1;
}

static tsr_spec spec_of(bool checksum)
{
    static const int64_t shape[] = {SIDE, SIDE}, chunks[] = {CHUNK, CHUNK}, blocks[] = {5, CHUNK};
    static const tsr_step steps[] = {{"shuffle", NULL}, {"lz4", NULL}};
    return (tsr_spec){.size = sizeof(tsr_spec),
                      .dtype = "<i4",
                      .ndim = 2,
                      .shape = shape,
                      .chunks = chunks,
                      .blocks = blocks,
                      .steps = steps,
                      .nsteps = 2,
                      .checksum = checksum};
}

static void make(const char *path, bool checksum, bool sparse)
{
    tsr_options o = {.size = sizeof o, .sparse = sparse};
    tsr_spec spec = spec_of(checksum);
    int32_t items[ITEMS];
    tsr_array *a;
    fill(items);
    OK(tsr_array_create(path, &spec, &o, &a));
    OK(tsr_array_write(a, NULL, items, sizeof items));
    OK(tsr_array_attr_set(a, "unit", "\"parsec\""));
    OK(tsr_array_close(a));
}

/* Writes some chunks twice, so that older chunks, indexes and trailers lie about. */
static void make_old(const char *path, bool checksum)
{
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    int32_t items[ITEMS], other[CHUNK * SIDE];
    tsr_array *a;
    make(path, checksum, false);
    fill(items);
    for (int turn = 0; turn < 4; turn++) {
        int64_t start[] = {CHUNK * (turn / 2), 0}, count[] = {CHUNK, SIDE};
        for (int i = 0; i < CHUNK * SIDE; i++)
            other[i] = turn % 2 ? items[start[0] * SIDE + i] : i * i;
        OK(tsr_array_open(path, &o, &a));
        OK(tsr_array_write(a, &(tsr_slice){start, count, NULL}, other, sizeof other));
        OK(tsr_array_close(a));
    }
}

struct heard {
    bool told[CHUNKS]; /* chunks */
    bool index;        /* the index was lost */
    int chunks, lines;
};

static void hear(void *user, int64_t chunk, int ndim, const int64_t *coords, tsr_status status,
                 const char *what)
{
    struct heard *h = user;
    h->lines++;
    if (chunk < 0) h->index |= strncmp(what, "index", 5) == 0 || strncmp(what, "header", 6) == 0;
    if (chunk < 0) return;
    assert_true(status != TSR_OK);
    assert_true(chunk < CHUNKS);
    if (ndim == 2) assert_int_equal(coords[0] * (SIDE / CHUNK) + coords[1], chunk);
    h->told[chunk] = true;
    h->chunks++;
}

static int repair(const char *path, const char *out, struct heard *h, tsr_repair_result *r)
{
    tsr_options o = {.size = sizeof o, .mode = "w"};
    *h = (struct heard){0};
    *r = (tsr_repair_result){.size = sizeof *r};
    return tsr_repair(path, out, &o, hear, h, r);
}

static void no_problem(void *user, int64_t chunk, int ndim, const int64_t *coords,
                       tsr_status status, const char *what)
{
    (void)user, (void)ndim, (void)coords, (void)status;
    fail_msg("chunk %lld: %s", (long long)chunk, what);
}

/* Of the mended array: how many chunks are not as they were; those told may be zeros. */
static int differing(const char *path, const struct heard *h, int *untold)
{
    int32_t want[ITEMS], got[ITEMS];
    int64_t problems;
    tsr_array *a;
    int n = 0;
    *untold = 0;
    OK(tsr_verify(path, NULL, no_problem, NULL, &problems));
    OK(tsr_array_open(path, NULL, &a));
    OK(tsr_array_read(a, NULL, got, sizeof got));
    fill(want);
    for (int c = 0; c < CHUNKS; c++) {
        bool same = true;
        for (int i = 0; i < CHUNK * CHUNK; i++) {
            int at = (c / 4 * CHUNK + i / CHUNK) * SIDE + c % 4 * CHUNK + i % CHUNK;
            same &= got[at] == want[at];
        }
        n += !same;
        *untold += !same && !h->told[c];
    }
    OK(tsr_array_close(a));
    return n;
}

static void expect_all_back(const char *path, const char *out)
{
    struct heard h;
    tsr_repair_result r;
    int untold;
    OK(repair(path, out, &h, &r));
    assert_int_equal(r.nchunks, CHUNKS);
    assert_int_equal(r.missing, 0);
    assert_int_equal(differing(out, &h, &untold), 0);
}

struct parts {
    size_t header, index, trailer, end, chunk[CHUNKS];
};

static struct parts parts_of(const char *path)
{
    struct parts p = {0};
    struct tsr_store *st;
    struct tsr_frame *f;
    uint8_t end[FRAME_TRAILER_END];
    uint32_t trailer;
    OK(tsr_store_open(path, false, &st));
    OK(tsr_frame_open(st, 0, tsr_limit(0), &f));
    p.header = (size_t)f->h.header_len;
    p.index = f->index.off;
    p.end = f->h.frame_len;
    OK(tsr_store_read(st, "", p.end - sizeof end, end, sizeof end));
    OK(tsr_trailer_len(end, p.end, &trailer));
    p.trailer = p.end - trailer;
    for (int i = 0; i < CHUNKS; i++) {
        struct tsr_frame_place at;
        OK(tsr_frame_locate(f, i, &at));
        p.chunk[i] = at.off;
    }
    tsr_frame_close(f);
    return p;
}

static void smash(const char *path, size_t from, size_t to)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)from, SEEK_SET), 0);
    for (size_t i = from; i < to; i++) fputc((int)(random_next() >> 40 & 0xff), f);
    assert_int_equal(fclose(f), 0);
}

static void sound_files_come_back_whole(void **state)
{
    (void)state;
    for (int checksum = 0; checksum < 2; checksum++) {
        const char *path = scratch("a.b2nd"), *out = scratch("b.b2nd");
        make_old(path, checksum);
        expect_all_back(path, out);
        struct heard h;
        tsr_repair_result r;
        OK(repair(path, out, &h, &r));
        assert_int_equal(h.lines, 0);
        expect_all_back(path, path); /* over itself */
    }
}

static void a_lost_header_comes_from_the_seal(void **state)
{
    (void)state;
    const char *path = scratch("a.b2nd"), *out = scratch("b.b2nd");
    make_old(path, true);
    smash(path, 0, parts_of(path).header);
    expect_all_back(path, out);
    char *json;
    tsr_array *a;
    OK(tsr_array_open(out, NULL, &a));
    OK(tsr_array_attrs(a, &json));
    assert_non_null(strstr(json, "parsec"));
    tsr_free(json);
    assert_true(tsr_array_spec(a)->checksum);
    OK(tsr_array_close(a));
}

static void a_lost_index_is_made_of_tags(void **state)
{
    (void)state;
    const char *path = scratch("a.b2nd"), *out = scratch("b.b2nd");
    make_old(path, true);
    struct parts p = parts_of(path);
    smash(path, p.index, p.index + 60);
    expect_all_back(path, out);
    smash(path, 0, p.header); /* and the header too: older seals have it */
    expect_all_back(path, out);
    make(path, true, false);
    p = parts_of(path);
    smash(path, p.index, p.index + 60); /* there is no other one */
    expect_all_back(path, out);
}

static void without_checksums_an_old_index_or_the_order_helps(void **state)
{
    (void)state;
    const char *path = scratch("a.b2nd"), *out = scratch("b.b2nd");
    make(path, false, false);
    struct parts p = parts_of(path);
    smash(path, p.index, p.index + 40);
    expect_all_back(path, out); /* chunks lie in their order */
    make(path, false, false);
    smash(path, p.trailer, p.end);
    expect_all_back(path, out);
}

static void without_a_header_chunks_become_a_super_chunk(void **state)
{
    (void)state;
    const char *path = scratch("a.b2nd"), *out = scratch("b.b2frame");
    struct heard h;
    tsr_repair_result r;
    tsr_schunk *s;
    make(path, false, false);
    smash(path, 0, parts_of(path).header);
    OK(repair(path, out, &h, &r));
    assert_int_equal(r.nchunks, CHUNKS);
    int32_t got[CHUNK * CHUNK], want[ITEMS];
    fill(want);
    OK(tsr_schunk_open(out, NULL, &s));
    OK(tsr_schunk_read_chunk(s, 5, got, sizeof got));
    assert_int_equal(got[0], want[CHUNK * SIDE + CHUNK]);
    OK(tsr_schunk_close(s));
}

static void a_damaged_chunk_is_named_and_reads_as_zeros(void **state)
{
    (void)state;
    for (int c = 0; c < CHUNKS; c++) {
        const char *path = scratch("a.b2nd"), *out = scratch("b.b2nd");
        struct heard h;
        tsr_repair_result r;
        int untold;
        make_old(path, true);
        struct parts p = parts_of(path);
        smash(path, p.chunk[c], p.chunk[c] + 60);
        OK(repair(path, out, &h, &r));
        assert_int_equal(r.missing, 1);
        assert_true(h.told[c]);
        assert_int_equal(differing(out, &h, &untold), 1);
        assert_int_equal(untold, 0);
    }
}

static void what_is_left_of_a_cut_file_comes_back(void **state)
{
    (void)state;
    for (int checksum = 0; checksum < 2; checksum++) {
        const char *path = scratch("a.b2nd"), *out = scratch("b.b2nd");
        make(path, checksum, false);
        struct parts p = parts_of(path);
        for (int c = 1; c < CHUNKS; c += 5) {
            struct heard h;
            tsr_repair_result r;
            int untold;
            make(path, checksum, false);
            assert_int_equal(truncate(path, (off_t)p.chunk[c] + 7), 0);
            OK(repair(path, out, &h, &r));
            assert_int_equal(r.missing, CHUNKS - c);
            assert_int_equal(differing(out, &h, &untold), CHUNKS - c);
            assert_int_equal(untold, 0);
        }
    }
}

static void random_damage_is_never_passed_on_untold(void **state)
{
    (void)state;
    const char *path = scratch("a.b2nd"), *out = scratch("b.b2nd");
    size_t len;
    int back = 0, refused = 0;
    make_old(path, true);
    uint8_t *p = file_read(path, &len);
    for (int turn = 0; turn < 400; turn++) {
        struct heard h;
        tsr_repair_result r;
        int untold;
        file_write(path, p, len);
        for (int64_t n = random_in(1, 4); n > 0; n--) {
            size_t from = (size_t)random_in(0, (int64_t)len - 1);
            size_t most = random_in(0, 1) ? 1 : 200;
            smash(path, from, from + tsr_minz(most, len - from));
        }
        if (random_in(0, 4) == 0) assert_int_equal(truncate(path, random_in(0, (int64_t)len)), 0);
        int rc = repair(path, out, &h, &r);
        refused += rc < 0;
        if (rc < 0 || r.nchunks != CHUNKS || h.index) continue;
        back++;
        differing(out, &h, &untold);
        if (untold) fail_msg("turn %d: %d chunks differ and nobody says so", turn, untold);
    }
    if (back < 100) fail_msg("only %d came back, %d were refused", back, refused);
    free(p);
}

static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    char name[2048];
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.') remove(name);
    }
    if (d) closedir(d);
    rmdir(path);
}

static void folders_come_back_too(void **state)
{
    (void)state;
    for (int checksum = 0; checksum < 2; checksum++) {
        const char *path = scratch("d.b2nd"), *out = scratch("e.b2nd");
        char name[2048];
        struct heard h;
        tsr_repair_result r;
        int untold;
        make(path, checksum, true);
        expect_all_back(path, out);
        snprintf(name, sizeof name, "%s/%08X.chunk", path, 3);
        smash(name, 8, 40);
        OK(repair(path, out, &h, &r));
        assert_int_equal(r.missing, 1);
        assert_int_equal(differing(out, &h, &untold), 1);
        assert_int_equal(untold, 0);
        remove_folder(path);
        make(path, checksum, true);
        snprintf(name, sizeof name, "%s/chunks.b2frame", path);
        struct stat before;
        assert_int_equal(stat(name, &before), 0);
        smash(name, (size_t)before.st_size - 70, (size_t)before.st_size);
        expect_all_back(path, out);
        remove_folder(path);
        remove_folder(out);
    }
}

static void a_folder_without_its_index_file_comes_back_as_chunks(void **state)
{
    (void)state;
    const char *path = scratch("d.b2nd"), *out = scratch("e.b2frame");
    char name[2048];
    struct heard h;
    tsr_repair_result r;
    tsr_schunk *s;
    int32_t items[CHUNK * CHUNK], expected[ITEMS];
    make(path, true, true);
    fill(expected);
    snprintf(name, sizeof name, "%s/chunks.b2frame", path);
    assert_int_equal(remove(name), 0);
    OK(repair(path, out, &h, &r));
    assert_true(h.index);
    assert_int_equal(r.nchunks, CHUNKS);
    assert_int_equal(r.missing, 0);
    OK(tsr_schunk_open(out, NULL, &s));
    OK(tsr_schunk_read_chunk(s, 5, items, sizeof items));
    for (int i = 0; i < CHUNK * CHUNK; i++)
        assert_int_equal(items[i], expected[(CHUNK + i / CHUNK) * SIDE + CHUNK + i % CHUNK]);
    OK(tsr_schunk_close(s));
    remove_folder(path);
    remove_folder(out);
    assert_int_equal(mkdir(path, 0777), 0); /* a folder with nothing in it is none of ours */
    FAILS(TSR_EARG, "is a folder", repair(path, out, &h, &r));
    assert_int_equal(rmdir(path), 0);
}

static void nothing_is_repaired_under_a_writer(void **state)
{
    (void)state;
    tsr_options o = {.size = sizeof o, .mode = "r+"}, w = {.size = sizeof w, .mode = "w"};
    for (int sparse = 0; sparse < 2; sparse++) {
        const char *path = scratch("d.b2nd");
        tsr_array *a;
        make(path, true, sparse);
        OK(tsr_array_open(path, &o, &a));
        FAILS(TSR_ECONFLICT, "another writer", tsr_repair(path, path, &w, NULL, NULL, NULL));
        OK(tsr_array_close(a));
        OK(tsr_repair(path, path, &w, NULL, NULL, NULL));
        if (sparse) remove_folder(path);
        else remove(path);
    }
}

/* Root may read everything, so the test looks as somebody else. */
static void what_may_not_be_read_is_not_lost(void **state)
{
    (void)state;
    enum { NOBODY = 65534 };
    const char *path = scratch("d.b2nd"), *out = scratch("e.b2nd");
    char name[2048];
    struct heard h;
    tsr_repair_result r;
    bool root = geteuid() == 0;
    make(path, false, true);
    if (root) assert_int_equal(chmod(scratch_dir, 0777), 0);
    snprintf(name, sizeof name, "%s/%08X.chunk", path, 3);
    assert_int_equal(chmod(name, 0), 0);
    if (root) assert_int_equal(seteuid(NOBODY), 0);
    int rc = repair(path, out, &h, &r);
    if (root) assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, TSR_EDENIED);
    remove_folder(path);
}

static void a_metalayer_that_makes_no_array_is_told(void **state)
{
    (void)state;
    static const uint8_t shape[] = {0x92, 0xD3, 0, 0, 0, 0, 0, 0, 0, SIDE};
    const char *path = scratch("d.b2nd"), *out = scratch("e.b2nd");
    tsr_options o = {.size = sizeof o, .format = "b2frame"};
    struct heard h;
    tsr_repair_result r;
    tsr_schunk *s;
    size_t len, at = 0;
    make(path, false, false);
    uint8_t *p = file_read(path, &len);
    while (at + sizeof shape < len && memcmp(p + at, shape, sizeof shape)) at++;
    p[at + 8] = 1; /* 256 rows more */
    file_write(path, p, len);
    free(p);
    OK(repair(path, out, &h, &r));
    assert_int_equal(h.lines, 1);
    assert_int_equal(r.missing, 0);
    OK(tsr_schunk_open(out, &o, &s));
    assert_int_equal(tsr_schunk_nitems(s), ITEMS);
    OK(tsr_schunk_close(s));
}

/* Bytes 30 to 37 and 58 to 61 of the header. */
static void damaged_sizes_are_those_of_the_array(void **state)
{
    (void)state;
    static const size_t at[] = {35, 36, 37, 58, 59, 60, 61};
    const char *path = scratch("d.b2nd"), *out = scratch("e.b2nd");
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        struct heard h;
        tsr_repair_result r;
        size_t len;
        int untold;
        make(path, false, false);
        uint8_t *p = file_read(path, &len);
        p[at[i]] ^= 0x41;
        file_write(path, p, len);
        free(p);
        OK(repair(path, out, &h, &r));
        assert_true(h.index);
        assert_int_equal(r.missing, 0);
        assert_int_equal(differing(out, &h, &untold), 0);
    }
}

static void links_and_pipes_stay_what_they_are(void **state)
{
    (void)state;
    const char *path = scratch("d.b2nd"), *link = scratch("l.b2nd"), *pipe = scratch("p.b2nd");
    tsr_options w = {.size = sizeof w, .mode = "w"};
    struct stat s, before;
    make(path, false, false);
    assert_int_equal(symlink("d.b2nd", link), 0);
    assert_int_equal(stat(path, &before), 0);
    OK(tsr_repack(link, NULL, 0, NULL));
    assert_int_equal(lstat(link, &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    assert_int_equal(stat(path, &s), 0);
    assert_int_not_equal(s.st_ino, before.st_ino);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    FAILS(TSR_EEXISTS, "a pipe", tsr_repack(path, pipe, 0, &w));
    remove(link);
    remove(pipe);
}

static size_t index_of(const char *path)
{
    struct tsr_store *st;
    struct tsr_frame *f;
    OK(tsr_store_open(path, false, &st));
    OK(tsr_frame_open(st, 0, tsr_limit(0), &f));
    size_t at = f->index.off;
    tsr_frame_close(f);
    return at;
}

static void chunks_of_any_size_come_back(void **state)
{
    (void)state;
    for (int checksum = 0; checksum < 2; checksum++) {
        const char *path = scratch("v.b2frame"), *out = scratch("w.b2frame");
        tsr_schunk_spec spec = {.size = sizeof spec, .variable = true, .checksum = checksum};
        uint8_t bytes[3000], got[3000];
        struct heard h;
        tsr_repair_result r;
        tsr_schunk *s;
        for (int i = 0; i < 3000; i++) bytes[i] = (uint8_t)(i * i >> 5);
        OK(tsr_schunk_create(path, &spec, NULL, &s));
        for (int i = 0; i < 7; i++)
            OK(tsr_schunk_insert_chunk(s, i, bytes, 300u + 200u * (unsigned)i));
        OK(tsr_schunk_close(s));
        for (int turn = 0; turn < 2; turn++) {
            size_t at = turn ? index_of(path) : 0;
            if (turn) smash(path, at, at + 30);
            OK(repair(path, out, &h, &r));
            assert_int_equal(r.nchunks, 7);
            OK(tsr_schunk_open(out, NULL, &s));
            OK(tsr_schunk_read_chunk(s, 6, got, 1500));
            assert_memory_equal(got, bytes, 1500);
            OK(tsr_schunk_close(s));
        }
    }
}

static off_t size_of(const char *path)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return s.st_size;
}

static void repacked_files_have_no_holes_and_all_else(void **state)
{
    (void)state;
    struct heard none = {0};
    for (int checksum = 0; checksum < 2; checksum++) {
        const char *path = scratch("a.b2nd"), *out = scratch("b.b2nd");
        int untold;
        char *json;
        tsr_array *a;
        make(out, checksum, false);
        off_t tight = size_of(out);
        make_old(path, checksum);
        assert_true(size_of(path) > tight + 500);
        remove(out);
        OK(tsr_repack(path, out, 0, NULL));
        FAILS(TSR_EEXISTS, "b.b2nd", tsr_repack(path, out, 0, NULL));
        assert_int_equal(size_of(out), tight);
        OK(tsr_repack(path, NULL, TSR_CHECKSUM, NULL));
        assert_int_equal(differing(path, &none, &untold), 0);
        OK(tsr_array_open(path, NULL, &a));
        assert_true(tsr_array_spec(a)->checksum);
        OK(tsr_array_attrs(a, &json));
        assert_non_null(strstr(json, "parsec"));
        tsr_free(json);
        OK(tsr_array_close(a));
        make(scratch("d.b2nd"), checksum, true);
        OK(tsr_repack(scratch("d.b2nd"), NULL, 0, NULL));
        assert_int_equal(differing(scratch("d.b2nd"), &none, &untold), 0);
        remove_folder(scratch("d.b2nd"));
    }
}

static void what_is_damaged_is_not_repacked(void **state)
{
    (void)state;
    const char *path = scratch("a.b2nd");
    make_old(path, true);
    off_t before = size_of(path);
    struct parts p = parts_of(path);
    smash(path, p.chunk[3] + 40, p.chunk[3] + 41);
    FAILS(TSR_ECORRUPT, "chunk 3", tsr_repack(path, NULL, 0, NULL));
    assert_int_equal(size_of(path), before);
    tsr_array *a;
    OK(tsr_array_open(path, &(tsr_options){.size = sizeof(tsr_options), .mode = "r+"}, &a));
    FAILS(TSR_ECONFLICT, "", tsr_repack(path, NULL, 0, NULL));
    OK(tsr_array_close(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_files_come_back_whole),
        cmocka_unit_test(a_lost_header_comes_from_the_seal),
        cmocka_unit_test(a_lost_index_is_made_of_tags),
        cmocka_unit_test(without_checksums_an_old_index_or_the_order_helps),
        cmocka_unit_test(without_a_header_chunks_become_a_super_chunk),
        cmocka_unit_test(a_damaged_chunk_is_named_and_reads_as_zeros),
        cmocka_unit_test(what_is_left_of_a_cut_file_comes_back),
        cmocka_unit_test(random_damage_is_never_passed_on_untold),
        cmocka_unit_test(folders_come_back_too),
        cmocka_unit_test(damaged_sizes_are_those_of_the_array),
        cmocka_unit_test(links_and_pipes_stay_what_they_are),
        cmocka_unit_test(a_metalayer_that_makes_no_array_is_told),
        cmocka_unit_test(a_folder_without_its_index_file_comes_back_as_chunks),
        cmocka_unit_test(nothing_is_repaired_under_a_writer),
        cmocka_unit_test(what_may_not_be_read_is_not_lost),
        cmocka_unit_test(chunks_of_any_size_come_back),
        cmocka_unit_test(repacked_files_have_no_holes_and_all_else),
        cmocka_unit_test(what_is_damaged_is_not_repacked),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
