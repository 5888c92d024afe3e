/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/store/test_zip.c - archives: what others wrote, what is hostile, and what we write. */
#include <libdeflate.h>
#include <pthread.h>
#include <sys/stat.h>

#include "../golden.h"

#include "base/mem.h"
#include "base/num.h"
#include "store/store.h"

/* ---- archives made by hand ---- */

struct entry {
    const char *name, *bytes; /* what is stored, or deflated */
    int method;               /* 0, 8 */
    size_t extra;             /* bytes of extra field in the local header */
    /* what the headers say instead, where not 0 */
    unsigned flags, said_method, crc_xor, disk;
    const char *local_name;
    uint32_t packed, size, off;
};

struct archive {
    struct tsr_buf b, dir;
    uint32_t first_at; /* of the last entry that was added: its local header */
    int n;
};

static void add16(struct tsr_buf *b, unsigned v)
{
    uint8_t p[2];
    tsr_store_LE16(p, (uint16_t)v);
    OK(tsr_buf_add(b, p, 2));
}

static void add32(struct tsr_buf *b, uint32_t v)
{
    add16(b, v & 0xFFFF);
    add16(b, v >> 16);
}

static void add64(struct tsr_buf *b, uint64_t v)
{
    add32(b, (uint32_t)v);
    add32(b, (uint32_t)(v >> 32));
}

static size_t deflate_text(const char *text, uint8_t *out, size_t room)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
    size_t n = libdeflate_deflate_compress(c, text, strlen(text), out, room);
    libdeflate_free_compressor(c);
    assert_int_not_equal(n, 0);
    return n;
}

/* What both headers have: flags to sizes. */
static void add_middle(struct tsr_buf *b, const struct entry *e, uint32_t packed, uint32_t size)
{
    uint32_t crc = libdeflate_crc32(0, e->bytes, strlen(e->bytes)) ^ e->crc_xor;
    add16(b, 20);
    add16(b, e->flags);
    add16(b, e->said_method ? e->said_method : (unsigned)e->method);
    add32(b, 0x00210000);
    add32(b, crc);
    add32(b, e->packed ? e->packed : packed);
    add32(b, e->size ? e->size : size);
}

static void add_entry(struct archive *a, const struct entry *e)
{
    static const uint8_t zeros[256];
    uint8_t room[4096];
    size_t size = strlen(e->bytes), packed = size, name_len = strlen(e->name);
    const char *local = e->local_name ? e->local_name : e->name;
    memcpy(room, e->bytes, size);
    if (e->method == 8) packed = deflate_text(e->bytes, room, sizeof room);
    a->first_at = (uint32_t)a->b.len;
    add32(&a->b, 0x04034b50);
    add_middle(&a->b, e, (uint32_t)packed, (uint32_t)size);
    add16(&a->b, (unsigned)strlen(local));
    add16(&a->b, (unsigned)e->extra);
    OK(tsr_buf_add(&a->b, local, strlen(local)));
    OK(tsr_buf_add(&a->b, zeros, e->extra));
    OK(tsr_buf_add(&a->b, room, packed));
    add32(&a->dir, 0x02014b50);
    add16(&a->dir, 20);
    add_middle(&a->dir, e, (uint32_t)packed, (uint32_t)size);
    add16(&a->dir, (unsigned)name_len);
    add32(&a->dir, 0); /* extra, comment */
    add16(&a->dir, e->disk);
    add16(&a->dir, 0);
    add32(&a->dir, 0);
    add32(&a->dir, e->off ? e->off : a->first_at);
    OK(tsr_buf_add(&a->dir, e->name, name_len));
    a->n++;
}

static void add_end(struct archive *a, const char *comment)
{
    uint32_t at = (uint32_t)a->b.len;
    OK(tsr_buf_add(&a->b, a->dir.p, a->dir.len));
    add32(&a->b, 0x06054b50);
    add32(&a->b, 0);
    add16(&a->b, (unsigned)a->n);
    add16(&a->b, (unsigned)a->n);
    add32(&a->b, (uint32_t)a->dir.len);
    add32(&a->b, at);
    add16(&a->b, (unsigned)strlen(comment));
    OK(tsr_buf_add(&a->b, comment, strlen(comment)));
}

static void archive_free(struct archive *a)
{
    tsr_buf_free(&a->b);
    tsr_buf_free(&a->dir);
}

static int open_bytes(const void *p, size_t len, const struct tsr_tree_options *o,
                      struct tsr_store **st)
{
    struct tsr_store *file;
    OK(tsr_store_mem_borrow(p, len, &file));
    return tsr_store_zip(file, o, st);
}

static int open_archive(const struct archive *a, struct tsr_store **st)
{
    return open_bytes(a->b.p, a->b.len, NULL, st);
}

static struct archive archive_of(const struct entry *e, int n)
{
    struct archive a = {.n = 0};
    for (int i = 0; i < n; i++) add_entry(&a, &e[i]);
    add_end(&a, "");
    return a;
}

static int read_text(struct tsr_store *st, const char *key, uint64_t off, size_t len, char got[256])
{
    memset(got, 0, 256);
    return tsr_store_read(st, key, off, got, len);
}

static void expect(struct tsr_store *st, const char *key, const char *text)
{
    char got[256] = {0};
    struct tsr_get g = {.key = key, .len = 255, .dst = got};
    OK(tsr_store_getv(st, &g, 1));
    assert_true(g.found);
    assert_string_equal(got, text);
    OK(read_text(st, key, 0, strlen(text), got));
    assert_string_equal(got, text);
    if (strlen(text) < 3) return;
    OK(read_text(st, key, 1, 2, got));
    assert_memory_equal(got, text + 1, 2);
}

/* Who hears of a check: the keys, in a row, and how far it came. */
struct heard {
    char keys[256], text[TSR_ERROR_MAX];
    int64_t done, total, end_at; /* end_at > 0: no further */
};

static int hear_wrong(void *user, const char *key, int rc)
{
    struct heard *h = user;
    assert_int_equal(rc, TSR_ECORRUPT);
    assert_true(strlen(h->keys) + strlen(key) + 2 < sizeof h->keys);
    strcat(strcat(h->keys, key), " ");
    tsr_error_save(h->text);
    return 0;
}

static int hear_progress(void *user, int64_t done, int64_t total)
{
    struct heard *h = user;
    assert_true(done >= h->done && done <= total);
    h->done = done;
    h->total = total;
    return h->end_at && done >= h->end_at;
}

static int check(struct tsr_store *st, const char *prefix, struct heard *h)
{
    struct tsr_checking how = {hear_wrong, h, hear_progress, h};
    int64_t end_at = h->end_at;
    *h = (struct heard){.end_at = end_at};
    return tsr_store_check(st, prefix, &how);
}

#define LONG_TEXT \
    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct entry three[] = {{.name = "zarr.json", .bytes = "{}"},
                                     {.name = "c/0", .bytes = LONG_TEXT, .method = 8},
                                     {.name = "c/1", .bytes = "stored", .extra = 9}};

static void stored_and_deflated_entries_are_read_by_range(void **state)
{
    (void)state;
    struct archive a = archive_of(three, 3);
    struct tsr_store *st;
    OK(open_archive(&a, &st));
    for (int i = 0; i < 2; i++) { /* headers seen, and inflated bytes kept, the second time */
        expect(st, "zarr.json", "{}");
        expect(st, "c/0", LONG_TEXT);
        expect(st, "c/1", "stored");
    }
    struct heard h = {.end_at = 0};
    char got[256];
    OK(check(st, "", &h));
    assert_string_equal(h.keys, "");
    assert_true(h.total > 8 && h.done == h.total);
    OK(check(st, "c/", &h));
    struct tsr_range r[] = {{"c/1", 0, 3, got, 0},
                            {"c/0", 15, 2, got + 3, 0},
                            {"c/1", 5, 1, got + 5, 0}};
    OK(tsr_store_readv(st, r, 3));
    assert_memory_equal(got, "stoabd", 6);
    FAILS(TSR_ECORRUPT, "ends at byte 6", read_text(st, "c/1", 4, 3, got));
    FAILS(TSR_EDENIED, "reading only", tsr_store_remove(st, "c/1"));
    tsr_store_close(st);
    archive_free(&a);
}

static void comments_folders_and_an_empty_archive_are_fine(void **state)
{
    (void)state;
    struct archive a = {.n = 0}, none = {.n = 0};
    struct tsr_store *st;
    add_entry(&a, &(struct entry){.name = "c/", .bytes = ""});
    add_entry(&a, &(struct entry){.name = "c/x", .bytes = "x"});
    add_entry(&a, &(struct entry){.name = "empty", .bytes = ""});
    add_end(&a, "a comment with PK\5\6 in it");
    OK(open_archive(&a, &st));
    expect(st, "c/x", "x");
    expect(st, "empty", "");
    tsr_store_close(st);
    add_end(&none, "");
    OK(open_archive(&none, &st));
    tsr_store_close(st);
    archive_free(&a);
    archive_free(&none);
}

static void the_last_of_a_name_counts(void **state)
{
    (void)state;
    const struct entry e[] = {{.name = "a", .bytes = "first"},
                              {.name = "b", .bytes = "b"},
                              {.name = "a", .bytes = "second"}};
    struct archive a = archive_of(e, 3);
    struct tsr_store *st;
    OK(open_archive(&a, &st));
    expect(st, "a", "second");
    tsr_store_close(st);
    archive_free(&a);
}

static int count(void *user, const char *key)
{
    (void)key;
    ++*(int *)user;
    return 0;
}

static void an_inner_path_hides_the_rest(void **state)
{
    (void)state;
    const struct entry e[] = {{.name = "d.zarr/zarr.json", .bytes = "{}"},
                              {.name = "d.zarr/c/0", .bytes = "0"},
                              {.name = "other", .bytes = "x"}};
    struct archive a = archive_of(e, 3);
    struct tsr_store *st;
    int n = 0;
    uint64_t size;
    OK(open_bytes(a.b.p, a.b.len, &(struct tsr_tree_options){.inner = "/d.zarr/"}, &st));
    expect(st, "zarr.json", "{}");
    expect(st, "c/0", "0");
    FAILS(TSR_ENOTFOUND, "no entry", tsr_store_stat(st, "other", &size));
    OK(tsr_store_list(st, "", count, &n));
    assert_int_equal(n, 2);
    tsr_store_close(st);
    FAILS(TSR_ENOTFOUND, "nothing in the archive is below 'e/'",
          open_bytes(a.b.p, a.b.len, &(struct tsr_tree_options){.inner = "e"}, &st));
    archive_free(&a);
}

/* ---- refused ---- */

static void what_must_not_be_read_is_refused_when_it_is_opened(void **state)
{
    (void)state;
    static const struct {
        struct entry e;
        int code;
        const char *text;
    } cases[] = {
        {{.name = "a", .bytes = "x", .flags = 1}, TSR_EUNSUPPORTED, "'a': is encrypted"},
        {{.name = "a", .bytes = "x", .flags = 1 << 6}, TSR_EUNSUPPORTED, "is encrypted"},
        {{.name = "a", .bytes = "x", .flags = 1 << 13}, TSR_EUNSUPPORTED, "is encrypted"},
        {{.name = "a", .bytes = "x", .flags = 1 << 5}, TSR_EUNSUPPORTED, "is a patch"},
        {{.name = "a", .bytes = "x", .said_method = 12}, TSR_EUNSUPPORTED, "method 12"},
        {{.name = "a", .bytes = "x", .disk = 1}, TSR_EUNSUPPORTED, "another part"},
        {{.name = "../a", .bytes = "x"}, TSR_ECORRUPT, "'../a': has '.' or '..'"},
        {{.name = "a/../../b", .bytes = "x"}, TSR_ECORRUPT, "'.' or '..'"},
        {{.name = "/a", .bytes = "x"}, TSR_ECORRUPT, "'/a': has an empty name"},
        {{.name = "a//b", .bytes = "x"}, TSR_ECORRUPT, "empty name"},
        {{.name = "/", .bytes = ""}, TSR_ECORRUPT, "empty name"},
        {{.name = "../", .bytes = ""}, TSR_ECORRUPT, "'.' or '..'"},
        {{.name = "", .bytes = ""}, TSR_ECORRUPT, "empty name"},
        {{.name = "a", .bytes = "x", .off = 4000}, TSR_ECORRUPT, "reaches into or behind"},
        {{.name = "a", .bytes = "x", .off = 0xFFFFFFFE}, TSR_ECORRUPT, "reaches into"},
        {{.name = "a", .bytes = "x", .packed = 500, .size = 500}, TSR_ECORRUPT, "reaches into"},
        {{.name = "a", .bytes = "x", .size = 2}, TSR_ECORRUPT, "its two sizes differ"},
        {{.name = "a", .bytes = "xxxxx", .method = 8, .size = 1u << 31},
         TSR_ECORRUPT,
         "cannot inflate to the size"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct archive a = archive_of(&cases[i].e, 1);
        struct tsr_store *st;
        FAILS(cases[i].code, cases[i].text, open_archive(&a, &st));
        archive_free(&a);
    }
}

static void entries_may_be_one_but_not_overlap(void **state)
{
    (void)state;
    struct archive a = {.n = 0}, b = {.n = 0};
    struct tsr_store *st;
    struct entry inner = {.name = "k", .bytes = "overlapped by itself and by another"};
    add_entry(&a, &inner);
    inner.off = 1; /* as if it began inside the first */
    add_entry(&a, &inner);
    add_end(&a, "");
    FAILS(TSR_ECORRUPT, "'k': overlaps another entry", open_archive(&a, &st));
    inner.off = 0;
    add_entry(&b, &inner);
    OK(tsr_buf_reserve(&b.dir, b.dir.len));
    OK(tsr_buf_add(&b.dir, b.dir.p, b.dir.len)); /* named twice */
    b.n = 2;
    add_end(&b, "");
    OK(open_archive(&b, &st));
    expect(st, "k", inner.bytes);
    tsr_store_close(st);
    b.b.p[b.b.len - 22 - b.dir.len / 2 + 24]++; /* the second says another size */
    FAILS(TSR_ECORRUPT, "'k': ", open_archive(&b, &st));
    archive_free(&a);
    archive_free(&b);
}

static void headers_that_contradict_the_directory_are_refused(void **state)
{
    (void)state;
    static const struct {
        int at, value; /* in the local header */
        const char *text;
    } cases[] = {{0, 'X', "is none"},        {30, 'b', "another name"},
                 {26, 0, "another name"},    {8, 8, "another method"},
                 {6, 1, "it is encrypted"},  {14, 0, "another size or checksum"},
                 {18, 9, "another size"},    {22, 9, "another size"},
                 {28, 200, "leaves no room"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct archive a = archive_of(&(struct entry){.name = "a", .bytes = "text"}, 1);
        struct tsr_store *st;
        char got[256];
        a.b.p[cases[i].at] = (uint8_t)cases[i].value;
        OK(open_archive(&a, &st));
        FAILS(TSR_ECORRUPT, cases[i].text, read_text(st, "a", 0, 4, got));
        FAILS(TSR_ECORRUPT, "entry 'a': its header at byte 0", read_text(st, "a", 1, 1, got));
        tsr_store_close(st);
        archive_free(&a);
    }
}

static void checksums_are_compared_when_an_entry_is_read_whole(void **state)
{
    (void)state;
    for (int method = 0; method <= 8; method += 8) {
        struct entry e = {.name = "a", .bytes = "some text", .method = method, .crc_xor = 1};
        struct archive a = archive_of(&e, 1);
        struct tsr_store *st;
        char got[256];
        struct tsr_get g = {.key = "a", .len = 255, .dst = got};
        OK(open_archive(&a, &st));
        FAILS(TSR_ECORRUPT, "'a': CRC-32 is", read_text(st, "a", 0, 9, got));
        FAILS(TSR_ECORRUPT, "'a': CRC-32 is", tsr_store_getv(st, &g, 1));
        if (!method) OK(read_text(st, "a", 0, 8, got));
        else FAILS(TSR_ECORRUPT, "CRC-32", read_text(st, "a", 0, 8, got));
        tsr_store_close(st);
        archive_free(&a);
    }
}

static void a_check_names_each_entry_with_a_changed_byte(void **state)
{
    (void)state;
    struct archive a = archive_of(three, 3);
    struct heard h = {.end_at = 0};
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        const struct entry *e = &three[i];
        uint8_t packed[4096];
        size_t len = e->method ? deflate_text(e->bytes, packed, sizeof packed) : strlen(e->bytes);
        for (size_t k = 0; k < 30 + strlen(e->name) + e->extra + len; k++) {
            struct tsr_store *st;
            bool in_name = k >= 30 && k < 30 + strlen(e->name);
            bool in_bytes = k >= 30 + strlen(e->name) + e->extra;
            a.b.p[at + k] ^= 0x10;
            OK(open_archive(&a, &st));
            OK(check(st, "", &h));
            tsr_store_close(st);
            a.b.p[at + k] ^= 0x10;
            /* some of the header says nothing, nor do the last bits of deflate */
            if (!in_name && !in_bytes) continue;
            if (e->method && k + 1 == 30 + strlen(e->name) + len) continue;
            assert_int_equal(strncmp(h.keys, e->name, strlen(e->name)), 0);
            assert_int_equal(strlen(h.keys), strlen(e->name) + 1);
            assert_non_null(strstr(h.text, "entry '"));
        }
        at += 30 + strlen(e->name) + e->extra + len;
    }
    archive_free(&a);
}

static void deflated_entries_that_lie_about_their_size_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t size;
        const char *text;
    } cases[] = {{10, "more than the 10 bytes"}, {1000, "inflate to 82, expected 1000"}};
    for (size_t i = 0; i < 2; i++) {
        struct entry e = {.name = "a", .bytes = LONG_TEXT, .method = 8, .size = cases[i].size};
        struct archive a = archive_of(&e, 1);
        struct tsr_store *st;
        char got[1000];
        OK(open_archive(&a, &st));
        FAILS(TSR_ECORRUPT, cases[i].text, tsr_store_read(st, "a", 0, got, cases[i].size));
        FAILS(TSR_ECORRUPT, cases[i].text, tsr_store_read(st, "a", 1, got, 5));
        tsr_store_close(st);
        OK(open_bytes(a.b.p, a.b.len, &(struct tsr_tree_options){.most_inflated = 9}, &st));
        FAILS(TSR_ELIMIT, "too many to be inflated", tsr_store_read(st, "a", 1, got, 5));
        tsr_store_close(st);
        archive_free(&a);
    }
}

static void ends_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        int at, bytes; /* in the end record */
        uint32_t value;
        int code;
        const char *text;
    } cases[] = {{4, 2, 1, TSR_EUNSUPPORTED, "one part of an archive"},
                 {6, 2, 1, TSR_EUNSUPPORTED, "one part of an archive"},
                 {8, 2, 2, TSR_EUNSUPPORTED, "one part of an archive"},
                 {12, 4, 9999, TSR_ECORRUPT, "is expected to end here"},
                 {12, 4, 30, TSR_ECORRUPT, "is expected to end here"},
                 {16, 4, 0xFFFFFFFF, TSR_ECORRUPT, "is expected to end here"},
                 {16, 4, 3, TSR_ECORRUPT, "is expected to end here"},
                 {20, 2, 1, TSR_ECORRUPT, "has no end record"},
                 {0, 1, 0, TSR_ECORRUPT, "has no end record"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct archive a = archive_of(three, 3);
        struct tsr_store *st;
        for (int j = 0; j < cases[i].bytes; j++)
            a.b.p[a.b.len - 22 + (size_t)cases[i].at + (size_t)j] =
                (uint8_t)(cases[i].value >> 8 * j);
        FAILS(cases[i].code, cases[i].text, open_archive(&a, &st));
        archive_free(&a);
    }
}

static void counts_of_entries_are_checked_and_limited(void **state)
{
    (void)state;
    static const struct {
        uint8_t n;
        int code;
        const char *text;
    } cases[] = {{2, TSR_ECORRUPT, "goes on behind its last entry"},
                 {4, TSR_ECORRUPT, "more entries are promised"}};
    struct archive a = archive_of(three, 3);
    struct tsr_store *st;
    for (size_t i = 0; i < 2; i++) {
        a.b.p[a.b.len - 14] = a.b.p[a.b.len - 12] = cases[i].n;
        FAILS(cases[i].code, cases[i].text, open_archive(&a, &st));
    }
    a.b.p[a.b.len - 14] = a.b.p[a.b.len - 12] = 3;
    FAILS(TSR_ELIMIT, "3 entries, at most 2",
          open_bytes(a.b.p, a.b.len, &(struct tsr_tree_options){.most_entries = 2}, &st));
    archive_free(&a);
}

static void bytes_before_an_archive_are_reported(void **state)
{
    (void)state;
    struct archive a = archive_of(three, 3);
    struct tsr_store *st;
    uint8_t *p = malloc(a.b.len + 5);
    memset(p, 'x', 5);
    memcpy(p + 5, a.b.p, a.b.len);
    FAILS(TSR_ECORRUPT, "is expected to end here", open_bytes(p, a.b.len + 5, NULL, &st));
    free(p);
    archive_free(&a);
}

/* A zip64 archive of one entry, with all its numbers in the wide fields; patch: of the extra's
 * size, packed and offset, and of the directory's offset. */
static struct archive wide_archive(const uint64_t patch[4])
{
    struct archive a = {.n = 0};
    struct entry e = {.name = "w",
                      .bytes = "wide",
                      .packed = UINT32_MAX,
                      .size = UINT32_MAX,
                      .off = UINT32_MAX};
    uint64_t at;
    add_entry(&a, &e);
    a.dir.p[30] = 28; /* extra */
    add16(&a.dir, 1);
    add16(&a.dir, 24);
    add64(&a.dir, 4 + patch[0]);
    add64(&a.dir, 4 + patch[1]);
    add64(&a.dir, 0 + patch[2]);
    at = a.b.len;
    OK(tsr_buf_add(&a.b, a.dir.p, a.dir.len));
    uint64_t end = a.b.len;
    add32(&a.b, 0x06064b50);
    add64(&a.b, 44);
    add32(&a.b, 45 | 45 << 16);
    add64(&a.b, 0);
    add64(&a.b, 1);
    add64(&a.b, 1);
    add64(&a.b, a.dir.len);
    add64(&a.b, at + patch[3]);
    add32(&a.b, 0x07064b50);
    add32(&a.b, 0);
    add64(&a.b, end);
    add32(&a.b, 1);
    add32(&a.b, 0x06054b50);
    add32(&a.b, 0);
    add32(&a.b, UINT32_MAX);
    add64(&a.b, UINT64_MAX);
    add16(&a.b, 0);
    return a;
}

static void zip64_is_read_and_as_strictly(void **state)
{
    (void)state;
    static const struct {
        uint64_t patch[4];
        const char *text; /* NULL: it is fine */
    } cases[] = {{{0}, NULL},
                 {{1, 0, 0, 0}, "two sizes differ"},
                 {{0, UINT64_MAX - 4, 0, 0}, "reaches into"},
                 {{UINT64_MAX - 3, UINT64_MAX - 3, 0, 0}, "CRC-32 is 00000000"},
                 {{0, 0, UINT64_MAX, 0}, "reaches into"},
                 {{0, 0, 1, 0}, "reaches into"},
                 {{0, 0, 0, UINT64_MAX / 2}, "expected to end here"},
                 {{0, 0, 0, UINT64_MAX}, "expected to end here"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct archive a = wide_archive(cases[i].patch);
        struct tsr_store *st = NULL;
        char got[256];
        int rc = open_archive(&a, &st);
        if (rc == TSR_OK && cases[i].text) rc = read_text(st, "w", 0, 0, got);
        if (!cases[i].text) expect(st, "w", "wide");
        else FAILS(TSR_ECORRUPT, cases[i].text, rc);
        if (st) tsr_store_close(st);
        archive_free(&a);
    }
}

/* Opens and reads all there is; whatever the bytes are, it ends with data or an error. */
struct reading {
    struct tsr_store *st;
    int read;
};

static int read_entry(void *user, const char *key)
{
    struct reading *r = user;
    uint64_t size = 0;
    if (key[strlen(key) - 1] == '/') return tsr_store_list(r->st, key, read_entry, r);
    if (tsr_store_stat(r->st, key, &size) < 0 || size > 1 << 20) return 0;
    uint8_t *p = malloc(size + 1);
    struct tsr_get g = {.key = key, .len = size, .dst = p};
    if (tsr_store_getv(r->st, &g, 1) == TSR_OK && g.got == size) r->read++;
    if (size > 1) (void)tsr_store_read(r->st, key, 1, p, size - 1);
    free(p);
    return 0;
}

static int read_all(const uint8_t *p, size_t len)
{
    struct heard h = {.end_at = 0};
    struct reading r = {0};
    uint8_t *exact = malloc(len ? len : 1); /* so that ASan sees its end */
    memcpy(exact, p, len);
    if (open_bytes(exact, len, NULL, &r.st) == TSR_OK) {
        OK(tsr_store_list(r.st, "", read_entry, &r));
        OK(check(r.st, "", &h));
        tsr_store_close(r.st);
    }
    free(exact);
    return r.read;
}

static void an_archive_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct archive a = archive_of(three, 3);
    struct tsr_store *st;
    assert_int_equal(read_all(a.b.p, a.b.len), 3);
    for (size_t len = 0; len < a.b.len; len++)
        FAILS(TSR_ECORRUPT, "end", open_bytes(a.b.p, len, NULL, &st));
    archive_free(&a);
}

static void changed_bytes_are_data_or_an_error(void **state)
{
    (void)state;
    struct archive a = archive_of(three, 3), w = wide_archive((uint64_t[4]){0});
    for (int k = 0; k < 2; k++) {
        struct tsr_buf *b = k ? &w.b : &a.b;
        for (size_t i = 0; i < b->len; i++)
            for (int bit = 0; bit < 8; bit++) {
                b->p[i] ^= (uint8_t)(1 << bit);
                read_all(b->p, b->len);
                b->p[i] ^= (uint8_t)(1 << bit);
            }
    }
    archive_free(&a);
    archive_free(&w);
}

/* ---- golden files ---- */

static int count_all(void *user, const char *key)
{
    struct reading *r = user;
    char p[1 << 16];
    struct tsr_get g = {.key = key, .len = sizeof p, .dst = p};
    if (key[strlen(key) - 1] == '/') return tsr_store_list(r->st, key, count_all, r);
    OK(tsr_store_getv(r->st, &g, 1));
    assert_true(g.found);
    r->read++;
    return 0;
}

/* How many entries Python finds, folders and repeated names apart; each is read and checked. */
static int python_count(const char *path)
{
    char command[4600];
    int n = -1;
    snprintf(command, sizeof command,
             "python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); "
             "assert z.testzip() is None; "
             "print(len({n for n in z.namelist() if n[-1] != \"/\"}))' '%s'",
             path);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    if (fscanf(f, "%d", &n) != 1) n = -1;
    assert_int_equal(pclose(f), 0);
    return n;
}

static void archives_of_zarr_python_open_and_list(void **state)
{
    (void)state;
    golden_tell();
    if (!golden_dir()) return;
    static const char *const names[] = {"v2_dtypes",
                                        "v2_codecs",
                                        "v2_objects",
                                        "v2_root_array",
                                        "v3_dtypes",
                                        "v3_codecs",
                                        "v3_rectilinear",
                                        "v3_root_array",
                                        "v3_zip_plain",
                                        "v3_zip_zip64",
                                        "v3_zip_with_directories",
                                        "v3_zip_deflated",
                                        "v3_zip_prefixed",
                                        "v3_zip_duplicates",
                                        "reject_v2",
                                        "reject_v3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096];
        struct reading r = {0};
        snprintf(path, sizeof path, "%s/zarr/%s.zip", golden_dir(), names[i]);
        OK(tsr_store_open_tree(path, NULL, &r.st));
        OK(tsr_store_list(r.st, "", count_all, &r));
        tsr_store_close(r.st);
        assert_int_equal(r.read, python_count(path));
        print_message("%s: %d entries\n", names[i], r.read);
    }
}

static void golden_archives_to_be_refused_are(void **state)
{
    (void)state;
    if (!golden_dir()) return;
    static const struct {
        const char *name, *text;
    } cases[] = {{"cut", "end record"},      {"no_directory", "end record"},
                 {"offset", "reaches into"}, {"size", "reaches into"},
                 {"crc", "CRC-32"},          {"encrypted", "is encrypted"},
                 {"method", "method"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[4096];
        struct tsr_store *st = NULL;
        snprintf(path, sizeof path, "%s/zarr/reject_zip_%s.zip", golden_dir(), cases[i].name);
        int rc = tsr_store_open_tree(path, NULL, &st);
        for (int j = 0; rc == TSR_OK && j < 2; j++) {
            uint8_t p[4096];
            struct tsr_get g = {.key = j ? "c/0" : "zarr.json", .len = sizeof p, .dst = p};
            rc = tsr_store_getv(st, &g, 1);
        }
        if (rc == TSR_OK || !strstr(tsr_error(), cases[i].text))
            fail_msg("%s: %d %s", cases[i].name, rc, rc < 0 ? tsr_error() : "is read");
        print_message("%s: %s\n", cases[i].name, tsr_error());
        if (st) tsr_store_close(st);
    }
}

/* ---- what we write ---- */

static int put(struct tsr_store *st, const char *key, const char *text)
{
    struct tsr_piece p[] = {{(void *)(uintptr_t)text, strlen(text) / 2},
                            {(void *)(uintptr_t)(text + strlen(text) / 2),
                             strlen(text) - strlen(text) / 2}};
    return tsr_store_put(st, key, p, 2, false);
}

static int open_tree(const char *path, unsigned flags, struct tsr_store **st)
{
    return tsr_store_open_tree(path, &(struct tsr_tree_options){.flags = flags}, st);
}

enum { NEW = TSR_TREE_UPDATE | TSR_TREE_CREATE | TSR_TREE_EMPTY, ADD = TSR_TREE_UPDATE };

static void others_can_read_what_is_written(void **state)
{
    (void)state;
    struct tsr_store *st;
    const char *path = scratch("ours.zarr.zip");
    char command[1400];
    OK(open_tree(path, NEW, &st));
    OK(put(st, "zarr.json", "{\"zarr_format\": 3}"));
    OK(put(st, "c/0/\xC3\xA4", "umlaut"));
    OK(put(st, "empty", ""));
    OK(put(st, "zarr.json", "{\"zarr_format\": 3, \"node_type\": \"group\"}"));
    OK(put(st, "removed", "x"));
    OK(tsr_store_remove(st, "removed"));
    FAILS(TSR_EARG, "not UTF-8", put(st, "\xFF", "x"));
    assert_int_equal(access(path, F_OK), -1); /* not before it is published */
    OK(tsr_store_publish(st, true));
    tsr_store_close(st);
    assert_int_equal(python_count(path), 3);
    snprintf(command, sizeof command,
             "if command -v unzip >/dev/null; then unzip -tqq '%s'; else echo no unzip; fi", path);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command,
             "python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); "
             "assert z.read(\"c/0/\\u00e4\") == b\"umlaut\"; "
             "assert z.read(\"zarr.json\")[-8:] == b\"\\x22group\\x22}\"' '%s'",
             path);
    assert_int_equal(system(command), 0);
    assert_int_equal(scratch_count(), 1);
    unlink(path);
}

/* Larger than the window of a check, which is 8 MiB. */
static void large_entries_are_checked_in_pieces(void **state)
{
    (void)state;
    enum { MIB = 1 << 20 };
    static const struct {
        const char *key;
        size_t len;
    } parts[] = {{"a/0", 3 * MIB}, {"a/1", 20 * MIB + 1}, {"b/0", 6 * MIB}, {"b/1", 0}, {"c", 9}};
    const char *path = scratch("large.zarr.zip");
    struct heard h = {.end_at = 0};
    struct tsr_store *st;
    uint8_t *p = malloc(21 * MIB);
    for (size_t i = 0; i < 21 * MIB; i++) p[i] = (uint8_t)(i * i / 7);
    OK(open_tree(path, NEW, &st));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct tsr_piece piece = {p, parts[i].len};
        OK(tsr_store_put(st, parts[i].key, &piece, 1, false));
    }
    OK(check(st, "", &h)); /* of what is not published yet, too */
    assert_string_equal(h.keys, "");
    OK(tsr_store_publish(st, false));
    tsr_store_close(st);
    file_flip(path, 3 * MIB + 15 * MIB);
    file_flip(path, 29 * MIB);
    OK(open_tree(path, 0, &st));
    OK(check(st, "", &h));
    assert_string_equal(h.keys, "a/1 b/0 ");
    assert_int_equal(h.total, 29 * MIB + 10);
    assert_int_equal(h.done, h.total);
    OK(check(st, "a/", &h));
    assert_string_equal(h.keys, "a/1 ");
    OK(check(st, "c/", &h));
    assert_string_equal(h.keys, "");
    h.end_at = 12 * MIB;
    FAILS(TSR_ECANCELLED, "stopped by the caller", check(st, "", &h));
    assert_true(h.done < 24 * MIB);
    tsr_store_close(st);
    assert_int_equal(remove(path), 0);
    free(p);
}

static void an_archive_is_added_to_by_a_copy(void **state)
{
    (void)state;
    struct tsr_store *st, *reader;
    const char *path = scratch("grow.zip");
    size_t before, after;
    struct stat mode;
    OK(open_tree(path, NEW, &st));
    OK(put(st, "a", "one"));
    OK(put(st, "b", "two"));
    OK(tsr_store_publish(st, false));
    free(file_read(path, &before));
    OK(open_tree(path, 0, &reader));
    assert_int_equal(chmod(path, 0640), 0);
    OK(put(st, "a", "another one")); /* the same handle goes on */
    OK(put(st, "c", "three"));
    expect(st, "a", "another one");
    expect(st, "b", "two");
    free(file_read(path, &after));
    assert_int_equal(before, after);
    OK(tsr_store_publish(st, false));
    tsr_store_close(st);
    assert_int_equal(stat(path, &mode), 0);
    assert_int_equal(mode.st_mode & 07777, 0640);
    expect(reader, "a", "one"); /* the file that it opened */
    assert_true(tsr_store_replaced(reader));
    tsr_store_close(reader);
    OK(open_tree(path, ADD, &st));
    FAILS(TSR_ECONFLICT, "another writer", open_tree(path, ADD, &reader));
    OK(tsr_store_remove(st, "b"));
    tsr_store_close(st); /* not published: nothing happened */
    OK(open_tree(path, 0, &st));
    expect(st, "a", "another one");
    expect(st, "b", "two");
    expect(st, "c", "three");
    tsr_store_close(st);
    assert_int_equal(python_count(path), 3);
    assert_int_equal(scratch_count(), 1);
    unlink(path);
}

static void copies_leave_out_what_was_replaced(void **state)
{
    (void)state;
    struct tsr_store *st;
    const char *path = scratch("dead.zip");
    size_t len[3];
    for (int i = 0; i < 3; i++) {
        OK(open_tree(path, i ? ADD : NEW, &st));
        OK(put(st, "x", LONG_TEXT));
        if (!i) OK(put(st, "kept", "kept"));
        OK(tsr_store_publish(st, false));
        expect(st, "kept", "kept");
        tsr_store_close(st);
        free(file_read(path, &len[i]));
    }
    assert_int_equal(len[1], len[2]);
    assert_true(len[1] < len[0] + strlen(LONG_TEXT) + 40);
    unlink(path);
}

/* One of several writers of an archive; the error of the first call that failed. */
struct several {
    struct tsr_store *st;
    int who, rc;
};

enum { WRITERS = 4, PUTS = 200 };

static void text_of(char text[64], int who, int i)
{
    snprintf(text, 64, "this is number %d of writer %d", i, who);
}

/* Puts, publishes now and then, and reads what it put before: that may be in a file that another
 * has just replaced. */
static void *put_and_publish(void *arg)
{
    struct several *s = arg;
    char key[32], text[64], got[64];
    for (int i = 0; i < PUTS && s->rc == TSR_OK; i++) {
        snprintf(key, sizeof key, "w%d/%d", s->who, i);
        text_of(text, s->who, i);
        s->rc = put(s->st, key, text);
        if (s->rc == TSR_OK && i % 5 == s->who) s->rc = tsr_store_publish(s->st, false);
        if (s->rc == TSR_OK && i % 7 == 6) s->rc = tsr_store_remove(s->st, key);
        for (int back = 0; s->rc == TSR_OK && back < 6 && i % 7 != 6; back++) {
            int k = i - i % 7 + back % (i % 7 + 1);
            snprintf(key, sizeof key, "w%d/%d", s->who, k);
            text_of(text, s->who, k);
            s->rc = tsr_store_read(s->st, key, 0, got, strlen(text));
            if (s->rc == TSR_OK && memcmp(got, text, strlen(text)) != 0) s->rc = TSR_ECORRUPT;
        }
    }
    return NULL;
}

static void several_threads_put_publish_and_read(void **state)
{
    (void)state;
    struct several s[WRITERS];
    pthread_t t[WRITERS];
    const char *path = scratch("several.zip");
    char key[32], text[64];
    struct tsr_store *st;
    OK(open_tree(path, NEW, &st));
    for (int i = 0; i < WRITERS; i++) {
        s[i] = (struct several){st, i, TSR_OK};
        assert_int_equal(pthread_create(&t[i], NULL, put_and_publish, &s[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) assert_int_equal(pthread_join(t[i], NULL), 0);
    for (int i = 0; i < WRITERS; i++) assert_int_equal(s[i].rc, TSR_OK);
    OK(tsr_store_publish(st, false));
    tsr_store_close(st);
    OK(open_tree(path, 0, &st));
    for (int i = 0; i < WRITERS * PUTS; i++) {
        if (i % PUTS % 7 == 6) continue;
        snprintf(key, sizeof key, "w%d/%d", i / PUTS, i % PUTS);
        text_of(text, i / PUTS, i % PUTS);
        expect(st, key, text);
    }
    tsr_store_close(st);
    assert_int_equal(python_count(path), WRITERS * (PUTS - PUTS / 7));
    unlink(path);
}

/* Of those who put one key on the condition that there is none, one does. */
static void *put_if_none(void *arg)
{
    struct several *s = arg;
    struct tsr_piece p = {"one", 3};
    s->rc = tsr_store_put_if(s->st, &(struct tsr_object){"key", &p, 1}, false, 0);
    return NULL;
}

static void one_of_several_puts_what_was_not_there(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct several s[WRITERS];
        pthread_t t[WRITERS];
        struct tsr_store *st;
        int won = 0;
        OK(open_tree(scratch("one.zip"), NEW, &st));
        for (int i = 0; i < WRITERS; i++) {
            s[i] = (struct several){st, i, TSR_OK};
            assert_int_equal(pthread_create(&t[i], NULL, put_if_none, &s[i]), 0);
        }
        for (int i = 0; i < WRITERS; i++) {
            assert_int_equal(pthread_join(t[i], NULL), 0);
            won += s[i].rc == TSR_OK;
            assert_true(s[i].rc == TSR_OK || s[i].rc == TSR_EEXISTS);
        }
        assert_int_equal(won, 1);
        tsr_store_close(st);
    }
}

static void archives_of_others_are_added_to(void **state)
{
    (void)state;
    struct archive a = archive_of(three, 3);
    struct tsr_store *st;
    const char *path = scratch("others.zip");
    file_write(path, a.b.p, a.b.len);
    OK(open_tree(path, ADD, &st));
    expect(st, "c/1", "stored");
    OK(put(st, "zarr.json", "{\"new\": 1}"));
    expect(st, "c/0", LONG_TEXT);
    OK(tsr_store_publish(st, true));
    tsr_store_close(st);
    OK(open_tree(path, 0, &st));
    expect(st, "zarr.json", "{\"new\": 1}");
    expect(st, "c/0", LONG_TEXT);
    expect(st, "c/1", "stored");
    tsr_store_close(st);
    assert_int_equal(python_count(path), 3);
    unlink(path);
    archive_free(&a);
}

static void a_file_that_is_no_archive_is_not_replaced(void **state)
{
    (void)state;
    struct tsr_store *st;
    const char *path = scratch("photograph.zip");
    file_write(path, "JFIF", 4);
    FAILS(TSR_EEXISTS, "is not replaced", open_tree(path, NEW, &st));
    FAILS(TSR_EARG, "expected a folder or a zip archive", open_tree(path, ADD, &st));
    FAILS(TSR_ECORRUPT, "the archive has no end record", open_tree(path, 0, &st));
    unlink(path);
    FAILS(TSR_ENOTFOUND, "photograph", open_tree(path, 0, &st));
}

static void more_entries_than_fit_the_end_record_are_zip64(void **state)
{
    (void)state;
    struct tsr_store *st;
    const char *path = scratch("many.zip");
    char key[32];
    enum { MANY = 66000 };
    OK(open_tree(path, NEW, &st));
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "c/%d/%d", i / 256, i % 256);
        OK(put(st, key, key));
    }
    OK(tsr_store_publish(st, false));
    tsr_store_close(st);
    OK(open_tree(path, 0, &st));
    int n = 0;
    OK(tsr_store_list(st, "c/", count, &n));
    OK(tsr_store_list(st, "c/200/", count, &n));
    assert_int_equal(n, (MANY + 255) / 256 + 256);
    expect(st, "c/257/207", "c/257/207");
    tsr_store_close(st);
    assert_int_equal(python_count(path), MANY);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_and_deflated_entries_are_read_by_range),
        cmocka_unit_test(comments_folders_and_an_empty_archive_are_fine),
        cmocka_unit_test(the_last_of_a_name_counts),
        cmocka_unit_test(an_inner_path_hides_the_rest),
        cmocka_unit_test(what_must_not_be_read_is_refused_when_it_is_opened),
        cmocka_unit_test(entries_may_be_one_but_not_overlap),
        cmocka_unit_test(headers_that_contradict_the_directory_are_refused),
        cmocka_unit_test(checksums_are_compared_when_an_entry_is_read_whole),
        cmocka_unit_test(a_check_names_each_entry_with_a_changed_byte),
        cmocka_unit_test(deflated_entries_that_lie_about_their_size_are_refused),
        cmocka_unit_test(ends_that_lie_are_refused),
        cmocka_unit_test(counts_of_entries_are_checked_and_limited),
        cmocka_unit_test(bytes_before_an_archive_are_reported),
        cmocka_unit_test(zip64_is_read_and_as_strictly),
        cmocka_unit_test(an_archive_cut_anywhere_is_refused),
        cmocka_unit_test(changed_bytes_are_data_or_an_error),
        cmocka_unit_test(archives_of_zarr_python_open_and_list),
        cmocka_unit_test(golden_archives_to_be_refused_are),
        cmocka_unit_test(others_can_read_what_is_written),
        cmocka_unit_test(large_entries_are_checked_in_pieces),
        cmocka_unit_test(an_archive_is_added_to_by_a_copy),
        cmocka_unit_test(copies_leave_out_what_was_replaced),
        cmocka_unit_test(several_threads_put_publish_and_read),
        cmocka_unit_test(one_of_several_puts_what_was_not_there),
        cmocka_unit_test(archives_of_others_are_added_to),
        cmocka_unit_test(a_file_that_is_no_archive_is_not_replaced),
        cmocka_unit_test(more_entries_than_fit_the_end_record_are_zip64),
    };
    return cmocka_run_group_tests_name("zip", tests, scratch_make, scratch_remove);
}
