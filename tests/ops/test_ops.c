/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/ops/test_ops.c - convert, verify, project, probe and list through the public API. */
#define _GNU_SOURCE /* memmem */
#include "../scratch.h"

#include <math.h>
#include <zlib.h>

#include "store/store.h"

static tsr_options mode(const char *m)
{
    return (tsr_options){.size = sizeof(tsr_options), .mode = m};
}

/* A .npy file of this shape, made by the library; its bytes vary slowly, so that they compress. */
static void make_npy(const char *path, const char *dtype, int ndim, const int64_t *shape)
{
    tsr_spec s = {.size = sizeof s, .dtype = dtype, .ndim = ndim, .shape = shape};
    tsr_stats st = {.size = sizeof st};
    tsr_array *a;
    OK(tsr_array_create(path, &s, NULL, &a));
    OK(tsr_array_stats(a, &st));
    uint8_t *p = malloc((size_t)st.nbytes + 1);
    for (int64_t i = 0; i < st.nbytes; i++) p[i] = (uint8_t)(i / 7 ^ i >> 9);
    OK(tsr_array_write(a, NULL, p, (size_t)st.nbytes));
    OK(tsr_array_close(a));
    free(p);
}

static void same_file(const char *a, const char *b)
{
    size_t na, nb;
    uint8_t *p = file_read(a, &na), *q = file_read(b, &nb);
    if (na != nb) fail_msg("%s has %zu bytes, %s %zu", a, na, b, nb);
    assert_memory_equal(p, q, na);
    free(p);
    free(q);
}

/* ---- convert ---- */

static void npy_to_b2nd_and_back_is_the_same_file(void **state)
{
    (void)state;
    static const struct {
        const char *dtype;
        int ndim;
        int64_t shape[4];
    } cases[] = {{"<f8", 3, {40, 50, 60}},     {"|u1", 1, {100003}},
                 {">i4", 2, {7, 900}},         {"<f4", 0, {0}},
                 {"<u2", 2, {0, 5}},           {"[('a', '<i4'), ('b', '<f8')]", 1, {500}},
                 {"<M8[ns]", 4, {3, 4, 5, 6}}, {"|b1", 2, {2500, 2500}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tsr_options w = mode("w");
        make_npy(scratch("a.npy"), cases[i].dtype, cases[i].ndim, cases[i].shape);
        OK(tsr_convert(scratch("a.npy"), NULL, scratch("a.b2nd"), NULL, &w));
        OK(tsr_convert(scratch("a.b2nd"), NULL, scratch("b.npy"), NULL, &w));
        same_file(scratch("a.npy"), scratch("b.npy"));
        /* and through a super-chunk and bare bytes */
        OK(tsr_convert(scratch("a.b2nd"), NULL, scratch("a.b2frame"), NULL, &w));
        tsr_spec as = {.size = sizeof as,
                       .dtype = cases[i].dtype,
                       .ndim = cases[i].ndim,
                       .shape = cases[i].shape};
        w.raw = &as;
        OK(tsr_convert(scratch("a.b2frame"), NULL, scratch("c.npy"), NULL, &w));
        same_file(scratch("a.npy"), scratch("c.npy"));
        OK(tsr_convert(scratch("a.b2frame"), NULL, scratch("a.raw"), NULL, &w));
        tsr_options raw = {.size = sizeof raw, .raw = &as};
        OK(tsr_convert(scratch("a.raw"), &raw, scratch("d.npy"), NULL, &w));
        same_file(scratch("a.npy"), scratch("d.npy"));
    }
}

static void a_conversion_takes_chunks_and_codec_and_never_replaces_unasked(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s,
                  .ndim = 2,
                  .chunks = (int64_t[]){64, 32},
                  .blocks = (int64_t[]){16, 32},
                  .steps = (tsr_step[]){{"lz4", "clevel=9"}},
                  .nsteps = 1};
    tsr_options w = mode("w");
    tsr_array *a;
    make_npy(scratch("e.npy"), "<i2", 2, (int64_t[]){200, 100});
    int before = scratch_count();
    OK(tsr_convert(scratch("e.npy"), NULL, scratch("e.b2nd"), &s, NULL));
    FAILS(TSR_EEXISTS, "e.b2nd", tsr_convert(scratch("e.npy"), NULL, scratch("e.b2nd"), &s, NULL));
    OK(tsr_convert(scratch("e.npy"), NULL, scratch("e.b2nd"), &s, &w));
    assert_int_equal(scratch_count(), before + 1);
    OK(tsr_array_open(scratch("e.b2nd"), NULL, &a));
    const tsr_spec *got = tsr_array_spec(a);
    assert_int_equal(got->chunks[0], 64);
    assert_int_equal(got->blocks[0], 16);
    assert_int_equal(got->nsteps, 1);
    assert_string_equal(got->steps[0].name, "lz4");
    OK(tsr_array_close(a));
    FAILS(TSR_ENOTFOUND, "none.npy",
          tsr_convert(scratch("none.npy"), NULL, scratch("x.npy"), NULL, NULL));
    FAILS(TSR_EUNSUPPORTED, "chunk",
          tsr_convert(scratch("e.npy"), NULL, scratch("x.chunk"), NULL, NULL));
    assert_int_equal(scratch_count(), before + 1);
}

static void a_super_chunk_changes_codec_and_keeps_its_metalayers(void **state)
{
    (void)state;
    tsr_meta_value meta = {"kind", "\xa1x", 2};
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = 4,
                            .chunk_bytes = 4000,
                            .metas = &meta,
                            .nmetas = 1};
    tsr_spec lz4 = {.size = sizeof lz4, .steps = (tsr_step[]){{"lz4", NULL}}, .nsteps = 1};
    tsr_schunk *s;
    int32_t v[2500], got[2500];
    void *buf;
    size_t len;
    for (int i = 0; i < 2500; i++) v[i] = i * i;
    OK(tsr_schunk_create(scratch("s.b2frame"), &spec, NULL, &s));
    OK(tsr_schunk_append(s, 2500, v));
    OK(tsr_schunk_meta_set(s, TSR_VLMETA, "note", "\xa2hi", 3));
    OK(tsr_schunk_close(s));
    OK(tsr_convert(scratch("s.b2frame"), NULL, scratch("t.b2frame"), &lz4, NULL));
    OK(tsr_schunk_open(scratch("t.b2frame"), NULL, &s));
    assert_int_equal(tsr_schunk_spec_of(s)->item_bytes, 4);
    assert_int_equal(tsr_schunk_spec_of(s)->chunk_bytes, 4000);
    assert_string_equal(tsr_schunk_spec_of(s)->steps[0].name, "lz4");
    OK(tsr_schunk_get(s, 0, 2500, got));
    assert_memory_equal(got, v, sizeof v);
    OK(tsr_schunk_meta_get(s, TSR_META, "kind", &buf, &len));
    tsr_free(buf);
    OK(tsr_schunk_meta_get(s, TSR_VLMETA, "note", &buf, &len));
    assert_int_equal(len, 3);
    tsr_free(buf);
    OK(tsr_schunk_close(s));
    tsr_array *a;
    FAILS(TSR_EUNSUPPORTED, "no place for metalayer 'kind'",
          tsr_convert(scratch("t.b2frame"), NULL, scratch("t.npy"), NULL, NULL));
    OK(tsr_convert(scratch("t.b2frame"), NULL, scratch("t.b2nd"), NULL, NULL));
    OK(tsr_array_open(scratch("t.b2nd"), NULL, &a));
    assert_string_equal(tsr_array_spec(a)->dtype, "|V4");
    assert_int_equal(tsr_array_spec(a)->shape[0], 2500);
    OK(tsr_array_close(a));
    tsr_spec wrong = {.size = sizeof wrong, .dtype = "<f8", .ndim = 1, .shape = (int64_t[]){1251}};
    tsr_options o = {.size = sizeof o, .raw = &wrong};
    FAILS(TSR_EARG, "10000 bytes",
          tsr_convert(scratch("t.b2frame"), NULL, scratch("u.b2nd"), NULL, &o));
    assert_int_not_equal(access(scratch("u.b2nd"), F_OK), 0);
}

static int stop_soon(void *user, int64_t done, int64_t total)
{
    (void)total;
    return done > *(int64_t *)user;
}

static void a_conversion_that_is_stopped_leaves_nothing(void **state)
{
    (void)state;
    int64_t limit = 1 << 20;
    tsr_options o = {.size = sizeof o, .progress = stop_soon, .user = &limit};
    make_npy(scratch("big.npy"), "<f4", 2, (int64_t[]){3000, 1000});
    int before = scratch_count();
    FAILS(TSR_ECANCELLED, "stopped",
          tsr_convert(scratch("big.npy"), NULL, scratch("stop.b2nd"), NULL, &o));
    FAILS(TSR_ECANCELLED, "stopped",
          tsr_convert(scratch("big.npy"), NULL, scratch("stop.b2frame"), NULL, &o));
    assert_int_equal(scratch_count(), before);
}

/* ---- gzip ---- */

static void gzip_file(const char *path, const void *p, size_t len)
{
    gzFile z = gzopen(path, "wb1");
    assert_non_null(z);
    assert_int_equal(gzwrite(z, p, (unsigned)len), len);
    assert_int_equal(gzclose(z), Z_OK);
}

static void gzip_of_npy_and_raw_is_read(void **state)
{
    (void)state;
    size_t len;
    tsr_options w = mode("w");
    make_npy(scratch("g.npy"), "<u2", 3, (int64_t[]){30, 200, 100});
    uint8_t *p = file_read(scratch("g.npy"), &len);
    gzip_file(scratch("g.npy.gz"), p, len);
    int before = scratch_count();
    OK(tsr_convert(scratch("g.npy.gz"), NULL, scratch("h.npy"), NULL, &w));
    same_file(scratch("g.npy"), scratch("h.npy"));
    tsr_spec as = {.size = sizeof as,
                   .dtype = "<u2",
                   .ndim = 3,
                   .shape = (int64_t[]){30, 200, 100}};
    tsr_options raw = {.size = sizeof raw, .raw = &as, .offset = 128};
    OK(tsr_convert(scratch("g.npy.gz"), &raw, scratch("h.npy"), NULL, &w));
    same_file(scratch("g.npy"), scratch("h.npy"));
    assert_int_equal(scratch_count(), before + 1);
    /* two members, and bytes behind them that are none */
    gzip_file(scratch("1.gz"), p, 1000);
    gzip_file(scratch("2.gz"), p + 1000, len - 1000);
    size_t n1, n2;
    uint8_t *m1 = file_read(scratch("1.gz"), &n1), *m2 = file_read(scratch("2.gz"), &n2);
    uint8_t *both = calloc(1, n1 + n2 + 512);
    memcpy(both, m1, n1);
    memcpy(both + n1, m2, n2);
    file_write(scratch("two.npy.gz"), both, n1 + n2 + 512);
    OK(tsr_convert(scratch("two.npy.gz"), NULL, scratch("h.npy"), NULL, &w));
    same_file(scratch("g.npy"), scratch("h.npy"));
    free(both);
    free(m1);
    free(m2);
    free(p);
}

static void a_damaged_gzip_file_is_corrupt(void **state)
{
    (void)state;
    size_t len, zlen;
    tsr_options w = mode("w");
    make_npy(scratch("d.npy"), "<u2", 2, (int64_t[]){1000, 1000});
    uint8_t *p = file_read(scratch("d.npy"), &len);
    gzip_file(scratch("d.npy.gz"), p, len);
    uint8_t *z = file_read(scratch("d.npy.gz"), &zlen);
    for (size_t cut = 20; cut < zlen; cut += zlen / 5) {
        file_write(scratch("cut.npy.gz"), z, zlen - cut);
        FAILS(TSR_ECORRUPT, "cut.npy.gz",
              tsr_convert(scratch("cut.npy.gz"), NULL, scratch("cut.b2nd"), NULL, &w));
    }
    z[zlen - 6] ^= 1; /* the checksum */
    file_write(scratch("cut.npy.gz"), z, zlen);
    FAILS(TSR_ECORRUPT, "incorrect data check",
          tsr_convert(scratch("cut.npy.gz"), NULL, scratch("cut.b2nd"), NULL, &w));
    /* the shape asks for more than is there */
    gzip_file(scratch("short.npy.gz"), p, len - 1000);
    FAILS(TSR_ECORRUPT, "2000128",
          tsr_convert(scratch("short.npy.gz"), NULL, scratch("cut.b2nd"), NULL, &w));
    assert_int_not_equal(access(scratch("cut.b2nd"), F_OK), 0);
    free(z);
    free(p);
}

static int note_done(void *user, int64_t done, int64_t total)
{
    int64_t *most = user;
    if (done > total) fail_msg("progress %lld of %lld", (long long)done, (long long)total);
    if (done > *most) *most = done;
    return 0;
}

static void a_gzip_bomb_is_inflated_no_further_than_its_shape(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, SIZE = 600 };
    gzFile z = gzopen(scratch("bomb.raw.gz"), "wb1");
    uint8_t *zeros = calloc(1, MIB);
    for (int i = 0; i < SIZE; i++) assert_int_equal(gzwrite(z, zeros, MIB), MIB);
    assert_int_equal(gzclose(z), Z_OK);
    free(zeros);
    int64_t most = 0;
    tsr_spec as = {.size = sizeof as, .dtype = "|u1", .ndim = 1, .shape = (int64_t[]){MIB}};
    tsr_options raw = {.size = sizeof raw, .raw = &as};
    tsr_options o = {.size = sizeof o, .mode = "w", .progress = note_done, .user = &most};
    OK(tsr_convert(scratch("bomb.raw.gz"), &raw, scratch("bomb.npy"), NULL, &o));
    assert_int_equal(most, MIB);
    tsr_array *a;
    OK(tsr_array_open(scratch("bomb.npy"), NULL, &a));
    OK(tsr_array_close(a));
    struct tsr_store *st;
    uint64_t size;
    OK(tsr_store_gunzip(scratch("bomb.raw.gz"), scratch("x"), &st));
    OK(tsr_store_gunzip_to(st, 1000, NULL, NULL));
    OK(st->kind->stat(st, "", &size));
    assert_in_range(size, 1000, MIB);
    OK(tsr_store_gunzip_to(st, 10 * MIB, NULL, NULL));
    OK(st->kind->stat(st, "", &size));
    assert_in_range(size, 10 * MIB, 11 * MIB);
    tsr_store_close(st);
    FAILS(TSR_EARG, "dtype and shape",
          tsr_convert(scratch("bomb.raw.gz"), NULL, scratch("bomb.npy"), NULL, &o));
}

/* ---- verify ---- */

struct heard {
    int n;
    int64_t chunk[64], at[64][TSR_MAX_NDIM];
    int ndim;
    tsr_status status;
    char what[1024];
};

static void hear(void *user, int64_t chunk, int ndim, const int64_t *coords, tsr_status status,
                 const char *what)
{
    struct heard *h = user;
    assert_in_range(h->n, 0, 63);
    h->chunk[h->n] = chunk;
    h->ndim = ndim;
    for (int d = 0; d < ndim; d++) h->at[h->n][d] = coords[d];
    h->status = status;
    snprintf(h->what, sizeof h->what, "%s", what);
    h->n++;
}

static void verify_names_the_chunks_that_are_bad(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<f8",
                  .ndim = 2,
                  .shape = (int64_t[]){100, 100},
                  .chunks = (int64_t[]){10, 20},
                  .blocks = (int64_t[]){5, 10}};
    static double v[10000];
    tsr_array *a;
    size_t len;
    int64_t problems = -1;
    struct heard h = {0};
    for (int i = 0; i < 10000; i++) v[i] = i; /* compressible: stored chunks have no checks */
    OK(tsr_array_create(scratch("v.b2nd"), &s, NULL, &a));
    OK(tsr_array_write(a, NULL, v, sizeof v));
    OK(tsr_array_close(a));
    OK(tsr_verify(scratch("v.b2nd"), NULL, hear, &h, &problems));
    assert_int_equal(problems, 0);
    assert_int_equal(h.n, 0);
    /* one bit of the first block start of chunks 7 and 31; where they are tells the library */
    uint8_t *p = file_read(scratch("v.b2nd"), &len);
    tsr_schunk *raw;
    OK(tsr_schunk_open(scratch("v.b2nd"),
                       &(tsr_options){.size = sizeof(tsr_options), .format = "b2frame"}, &raw));
    static const int64_t bad[] = {7, 31};
    for (int i = 0; i < 2; i++) {
        void *chunk;
        size_t n;
        OK(tsr_schunk_get_chunk(raw, bad[i], &chunk, &n));
        uint8_t *at = memmem(p, len, chunk, n);
        assert_non_null(at);
        at[35] ^= 0x40;
        tsr_free(chunk);
    }
    OK(tsr_schunk_close(raw));
    file_write(scratch("bad.b2nd"), p, len);
    OK(tsr_verify(scratch("bad.b2nd"), NULL, hear, &h, &problems));
    assert_int_equal(problems, 2);
    assert_int_equal(h.n, 2);
    assert_int_equal(h.status, TSR_ECORRUPT);
    assert_int_equal(h.ndim, 2);
    assert_int_equal(h.chunk[0], 7);
    assert_int_equal(h.at[0][0], 1);
    assert_int_equal(h.at[0][1], 2);
    assert_int_equal(h.chunk[1], 31);
    assert_int_equal(h.at[1][0], 6);
    assert_int_equal(h.at[1][1], 1);
    /* a file cut short is one problem of the container */
    h.n = 0;
    file_write(scratch("bad.b2nd"), p, len / 2);
    OK(tsr_verify(scratch("bad.b2nd"), NULL, hear, &h, &problems));
    assert_int_equal(problems, 1);
    assert_int_equal(h.chunk[0], -1);
    assert_int_equal(h.status, TSR_ECORRUPT);
    FAILS(TSR_ENOTFOUND, "absent", tsr_verify(scratch("absent.b2nd"), NULL, hear, &h, &problems));
    free(p);
}

/* ---- project ---- */

/* The naive answer, item by item. */
static void naive(const double *v, const int64_t n[3], int axis, tsr_reduction how, double *out)
{
    int64_t stride[3] = {n[1] * n[2], n[2], 1};
    int row = axis == 0 ? 1 : 0, col = axis == 2 ? 1 : 2;
    for (int64_t r = 0; r < n[row]; r++)
        for (int64_t c = 0; c < n[col]; c++) {
            double acc = how == TSR_SUM || how == TSR_MEAN ? 0 : NAN, count = 0;
            for (int64_t k = 0; k < n[axis]; k++) {
                double x = v[r * stride[row] + c * stride[col] + k * stride[axis]];
                if (isnan(x)) continue;
                count++;
                if (how == TSR_MAX) acc = isnan(acc) || x > acc ? x : acc;
                else if (how == TSR_MIN) acc = isnan(acc) || x < acc ? x : acc;
                else acc += x;
            }
            out[r * n[col] + c] = how != TSR_MEAN ? acc : count ? acc / count : NAN;
        }
}

static void check_projection(const char *dtype, int64_t item, const int64_t chunks[3])
{
    int64_t shape[3] = {random_in(1, 40), random_in(1, 50), random_in(1, 150)}, rows, cols;
    int64_t start[3], count[3], step[3], items = 1, all = shape[0] * shape[1] * shape[2];
    tsr_spec s = {.size = sizeof s, .dtype = dtype, .ndim = 3, .shape = shape, .chunks = chunks};
    uint8_t *raw = malloc((size_t)(all * item));
    tsr_array *a;
    for (int64_t i = 0; i < all * item; i++) raw[i] = (uint8_t)random_next();
    for (int64_t i = 0; i < all && strstr(dtype, "f4"); i++) {
        float f = i % 5 < 2 ? NAN : (float)(random_in(-1000, 1000) / 8.0);
        memcpy(raw + i * 4, &f, 4);
    }
    for (int64_t i = 0; i < all && strstr(dtype, "f8"); i++) {
        double f = i % 3 == 0 ? NAN : (double)random_in(-1000, 1000) / 16;
        memcpy(raw + i * 8, &f, 8);
    }
    OK(tsr_array_create(NULL, &s, NULL, &a));
    OK(tsr_array_write(a, NULL, raw, (size_t)(all * item)));
    for (int d = 0; d < 3; d++) {
        start[d] = random_in(0, shape[d] - 1);
        step[d] = random_in(0, 1) ? 1 : random_in(1, 3) * (random_in(0, 1) ? 1 : -1);
        count[d] = random_in(1, step[d] > 0 ? (shape[d] - 1 - start[d]) / step[d] + 1
                                            : start[d] / -step[d] + 1);
        items *= count[d];
    }
    tsr_slice cut = {start, count, step};
    uint8_t *part = malloc((size_t)(items * item));
    double *v = malloc((size_t)items * 8), *want = malloc((size_t)items * 8),
           *got = malloc((size_t)items * 8);
    OK(tsr_array_read(a, &cut, part, (size_t)(items * item)));
    OK(tsr_to_double(dtype, part, items, v));
    for (int axis = 0; axis < 3; axis++)
        for (int how = TSR_MAX; how <= TSR_MEAN; how++) {
            naive(v, count, axis, (tsr_reduction)how, want);
            OK(tsr_project(a, &cut, axis, (tsr_reduction)how, got, &rows, &cols));
            assert_int_equal(rows, count[axis == 0 ? 1 : 0]);
            assert_int_equal(cols, count[axis == 2 ? 1 : 2]);
            for (int64_t i = 0; i < rows * cols; i++)
                if (!(fabs(got[i] - want[i]) <= 1e-9 * fabs(want[i])) &&
                    !(isnan(got[i]) && isnan(want[i])))
                    fail_msg("%s axis %d how %d: item %lld: %g, expected %g", dtype, axis, how,
                             (long long)i, got[i], want[i]);
        }
    OK(tsr_array_close(a));
    free(raw);
    free(part);
    free(v);
    free(want);
    free(got);
}

static void projections_equal_the_naive_ones(void **state)
{
    (void)state;
    static const struct {
        const char *dtype;
        int64_t item;
    } types[] = {{"|u1", 1}, {"<u2", 2}, {"<i2", 2}, {"<f4", 4}, {"<f8", 8},
                 {">u2", 2}, {"<i4", 4}, {"|b1", 1}, {"<u8", 8}, {">f4", 4}};
    for (int round = 0; round < 8; round++)
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
            int64_t chunks[3] = {random_in(1, 20), random_in(1, 30), random_in(1, 90)};
            if (strcmp(types[i].dtype, ">f4") == 0) continue; /* made as native floats above */
            check_projection(types[i].dtype, types[i].item, chunks);
        }
}

static void projections_that_make_no_plane_are_refused(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s, .dtype = "<f4", .ndim = 4, .shape = (int64_t[]){4, 5, 6, 7}};
    static double out[1000];
    int64_t rows, cols;
    tsr_array *a;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    FAILS(TSR_EARG, "expected two", tsr_project(a, NULL, 0, TSR_MAX, out, &rows, &cols));
    FAILS(TSR_EARG, "axis", tsr_project(a, NULL, 4, TSR_MAX, out, &rows, &cols));
    tsr_slice one = {NULL, (int64_t[]){4, 1, 6, 7}, NULL};
    OK(tsr_project(a, &one, 0, TSR_SUM, out, &rows, &cols));
    assert_int_equal(rows, 6);
    assert_int_equal(cols, 7);
    assert_true(out[0] == 0);
    OK(tsr_array_close(a));
    s.dtype = "|S3";
    OK(tsr_array_create(NULL, &s, NULL, &a));
    FAILS(TSR_EUNSUPPORTED, "numeric", tsr_project(a, &one, 0, TSR_MAX, out, &rows, &cols));
    OK(tsr_array_close(a));
}

/* ---- places ---- */

static int collect(void *user, const char *url, const tsr_place_info *info)
{
    char *text = user;
    sprintf(text + strlen(text), "%s=%s%d ", strrchr(url, '/') + 1, info->format, (int)info->kind);
    return 0;
}

static int stop_at_first(void *user, const char *url, const tsr_place_info *info)
{
    (void)url;
    (void)info;
    return ++*(int *)user;
}

static void a_folder_lists_what_is_ours(void **state)
{
    (void)state;
    char dir[1100], path[1200], text[1024] = "";
    int calls = 0;
    tsr_place_info info = {.size = sizeof info};
    snprintf(dir, sizeof dir, "%s", scratch("folder"));
    snprintf(path, sizeof path, "mkdir -p %s/sub %s/sparse", dir, dir);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof path, "%s/a%%231.npy", dir);
    make_npy(path, "|u1", 1, (int64_t[]){3});
    snprintf(path, sizeof path, "%s/wrong-name.txt", dir);
    make_npy(scratch("plain.npy"), "|u1", 1, (int64_t[]){3});
    OK(tsr_convert(scratch("plain.npy"), NULL, path, NULL, NULL)); /* content tells */
    snprintf(path, sizeof path, "%s/notes.md", dir);
    file_write(path, "words", 5);
    snprintf(path, sizeof path, "%s/sparse/chunks.b2frame", dir);
    file_write(path, "x", 1);
    OK(tsr_list(dir, NULL, collect, text));
    assert_string_equal(text, "a%231.npy=npy0 sub=dir3 wrong-name.txt=b2nd0 ");
    assert_int_equal(tsr_list(dir, NULL, stop_at_first, &calls), 1);
    assert_int_equal(calls, 1);
    snprintf(path, sizeof path, "%s/a%%231.npy", dir);
    OK(tsr_probe(path, NULL, &info));
    assert_int_equal(info.kind, TSR_KIND_ARRAY);
    snprintf(path, sizeof path, "%s/sparse", dir);
    FAILS(TSR_EUNSUPPORTED, "sparse", tsr_probe(path, NULL, &info));
    snprintf(path, sizeof path, "%s/notes.md", dir);
    FAILS(TSR_EUNSUPPORTED, "notes.md", tsr_probe(path, NULL, &info));
    FAILS(TSR_EARG, "format npy", tsr_list(scratch("plain.npy"), NULL, collect, text));
    FAILS(TSR_ENOTFOUND, "nowhere", tsr_probe(scratch("nowhere"), NULL, &info));
    FAILS(TSR_ENOTFOUND, "nowhere", tsr_list(scratch("nowhere"), NULL, collect, text));
    snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npy_to_b2nd_and_back_is_the_same_file),
        cmocka_unit_test(a_conversion_takes_chunks_and_codec_and_never_replaces_unasked),
        cmocka_unit_test(a_super_chunk_changes_codec_and_keeps_its_metalayers),
        cmocka_unit_test(a_conversion_that_is_stopped_leaves_nothing),
        cmocka_unit_test(gzip_of_npy_and_raw_is_read),
        cmocka_unit_test(a_damaged_gzip_file_is_corrupt),
        cmocka_unit_test(a_gzip_bomb_is_inflated_no_further_than_its_shape),
        cmocka_unit_test(verify_names_the_chunks_that_are_bad),
        cmocka_unit_test(projections_equal_the_naive_ones),
        cmocka_unit_test(projections_that_make_no_plane_are_refused),
        cmocka_unit_test(a_folder_lists_what_is_ours),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
