/* SPDX-License-Identifier: BSD-3-Clause */
/* What calls take from the heap: warm reads nothing at all, writes and super-chunks nothing per
 * block, and a plane of a large array little besides its result. */
#include <limits.h>

#include "../heap.h"
#include "../scratch.h"

enum { SIDE = 256, CHUNK = 128, BYTES = SIDE * SIDE * 4, WARM = 2, RUNS = 3, PATIENCE = 400 };

/* Of 240 blocks more: chunks that are stored raw need a buffer each, chunk files that are read
 * twice a path, of dictionaries each is taken in.  TRAINING: of each of 4 chunks, if it pays. */
enum { SLACK = 48, TRAINING = 4 * 30 };

struct fixture {
    tsr_context *context;
    uint8_t *data, *back; /* [BYTES] */
    int64_t item;         /* bytes */
};

struct steps {
    const char *dtype;
    tsr_step step[2];
    int n;
    bool dict; /* each chunk brings its own, which a worker takes in when it meets it */
};

typedef int (*call_fn)(struct fixture *f, tsr_array *a);

static size_t box_bytes(const struct fixture *f, const int64_t *count)
{
    return (size_t)(count[0] * count[1] * f->item);
}

static int read_box(struct fixture *f, tsr_array *a, const int64_t *start, const int64_t *count)
{
    return tsr_array_read(a, &(tsr_slice){start, count, NULL}, f->back, box_bytes(f, count));
}

static int read_all(struct fixture *f, tsr_array *a)
{
    return read_box(f, a, (int64_t[]){0, 0}, (int64_t[]){SIDE, SIDE});
}

static int read_row(struct fixture *f, tsr_array *a)
{
    return read_box(f, a, (int64_t[]){77, 0}, (int64_t[]){1, SIDE});
}

static int read_column(struct fixture *f, tsr_array *a)
{
    return read_box(f, a, (int64_t[]){0, 99}, (int64_t[]){SIDE, 1});
}

static int read_cutout(struct fixture *f, tsr_array *a)
{
    return read_box(f, a, (int64_t[]){20, 30}, (int64_t[]){90, 70});
}

static int read_item(struct fixture *f, tsr_array *a)
{
    return read_box(f, a, (int64_t[]){90, 11}, (int64_t[]){1, 1});
}

static int write_box(struct fixture *f, tsr_array *a, const int64_t *start, const int64_t *count)
{
    return tsr_array_write(a, &(tsr_slice){start, count, NULL}, f->data, box_bytes(f, count));
}

static int write_all(struct fixture *f, tsr_array *a)
{
    return write_box(f, a, (int64_t[]){0, 0}, (int64_t[]){SIDE, SIDE});
}

static int write_part(struct fixture *f, tsr_array *a)
{
    return write_box(f, a, (int64_t[]){20, 30}, (int64_t[]){90, 70});
}

static int append_rows(struct fixture *f, tsr_array *a)
{
    return tsr_array_append(a, 0, f->data, (size_t)(2 * CHUNK * SIDE * f->item));
}

static const call_fn reads[] = {read_all, read_row, read_column, read_cutout, read_item};
static const call_fn writes[] = {write_all, write_part, append_rows};
enum { READS = 5, WRITES = 3 };

/* Run number i of a call took n allocations: are there enough runs to know the fewest?  With two
 * threads one may meet its first job late, or stand still for long; enough is what may be. */
static bool known(int i, long n, long enough, long *least)
{
    if (i < WARM) return false;
    if (i == WARM || n < *least) *least = n;
    return (i >= WARM + RUNS - 1 && *least <= enough) || i == PATIENCE;
}

/* The fewest allocations of a call among warm ones. */
static long count(struct fixture *f, call_fn fn, tsr_array *a, long enough)
{
    long least = 0, n = 0;
    for (int i = 0; !i || !known(i - 1, n, enough, &least); i++) {
        long before = heap_calls();
        OK(fn(f, a));
        n = heap_calls() - before;
    }
    return least;
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->data = malloc(BYTES);
    f->back = malloc(BYTES);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    free(f->data);
    free(f->back);
    free(f);
    return 0;
}

/* Values that compress, and not too well, as floats and as integers. */
static void fill(struct fixture *f, const char *dtype)
{
    float *x = (float *)f->data;
    uint32_t *i = (uint32_t *)f->data;
    f->item = dtype[2] - '0';
    for (size_t k = 0; k < BYTES / 4; k++) {
        if (f->item == 1) memset(f->data + 4 * k, (int)(k % 50), 4);
        else if (dtype[1] == 'i') i[k] = (uint32_t)(k / 16 + (k % 16 == 0));
        else x[k] = (float)(k / 16) + (float)(k % 16 == 0);
    }
}

/* n 0: no context any more. */
static void use_threads(struct fixture *f, int n, bool cache)
{
    tsr_context_options o = {.size = sizeof o,
                             .threads = n,
                             .cache_bytes = cache ? 0 : TSR_NO_CACHE};
    tsr_context_free(f->context);
    f->context = NULL;
    if (n) OK(tsr_context_new(&o, &f->context));
}

/* Steps number i: a dictionary, each codec alone, each filter before LZ4. */
static bool steps_at(int i, struct steps *s)
{
    tsr_codec_info info = {.size = sizeof info};
    *s = (struct steps){.dtype = "<f4", .step[0] = {"zstd", "dict=1"}, .n = 1, .dict = true};
    if (i == 0) return true;
    if (tsr_codec_at(i - 1, &info) < 0) return false;
    const char *name = info.name, *params = NULL;
    *s = (struct steps){.dtype = "<f4"};
    if (strcmp(name, "ndlz") == 0) s->dtype = "|u1";
    if (strcmp(name, "int_trunc") == 0) s->dtype = "<i4";
    if (strstr(name, "trunc")) params = "meta=10";
    if (strncmp(name, "zfp_", 4) == 0) params = strcmp(name, "zfp_acc") ? "meta=20" : "meta=-1";
    s->step[s->n++] = (tsr_step){name, params};
    if (info.filter) s->step[s->n++] = (tsr_step){"lz4", NULL};
    return true;
}

enum kind { MEMORY, FRAME, FOLDER, KINDS };

static tsr_array *make(struct fixture *f, enum kind kind, const struct steps *s, int64_t block)
{
    static const char *const names[] = {"", "file%d.b2nd", "folder%d.b2nd"};
    int64_t shape[] = {SIDE, SIDE}, chunks[] = {CHUNK, CHUNK}, blocks[] = {block, block};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = s->dtype,
                     .ndim = 2,
                     .shape = shape,
                     .chunks = chunks,
                     .blocks = blocks,
                     .steps = s->step,
                     .nsteps = s->n};
    tsr_options o = {.size = sizeof o, .context = f->context, .sparse = kind == FOLDER};
    char name[64];
    tsr_array *a = NULL;
    snprintf(name, sizeof name, names[kind], (int)block);
    OK(tsr_array_create(kind ? scratch(name) : NULL, &spec, &o, &a));
    OK(write_all(f, a));
    if (kind) OK(tsr_array_flush(a));
    return a;
}

static void folder_remove(const char *path)
{
    char name[1200];
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) remove(name);
    }
    if (d) closedir(d);
    assert_int_equal(rmdir(path), 0);
}

/* 4 blocks in a chunk, and 64: 16 and 256 in all. */
static void check_blocks(struct fixture *f, enum kind kind, const struct steps *s)
{
    tsr_array *few = make(f, kind, s, 64), *many = make(f, kind, s, 16);
    const char *what = s->step[0].name;
    long none = kind == FOLDER || s->dict ? SLACK : 0, some = s->dict ? TRAINING : SLACK;
    for (int i = 0; i < READS; i++) {
        long x = count(f, reads[i], few, none), y = count(f, reads[i], many, x + none);
        if (!none && (x || y)) fail_msg("%s, read %d: %ld and %ld allocations", what, i, x, y);
        if (y > x + SLACK)
            fail_msg("%s, read %d: %ld allocations, %ld of small blocks", what, i, x, y);
    }
    for (int i = 0; i < WRITES; i++) {
        long x = count(f, writes[i], few, LONG_MAX), y = count(f, writes[i], many, x + some);
        if (y > x + some)
            fail_msg("%s, write %d: %ld allocations, %ld of small blocks", what, i, x, y);
    }
    OK(tsr_array_close(few));
    OK(tsr_array_close(many));
    if (kind == FOLDER) {
        folder_remove(scratch("folder64.b2nd"));
        folder_remove(scratch("folder16.b2nd"));
    }
}

static void allocations_do_not_depend_on_blocks(void **state)
{
    struct fixture *f = *state;
    struct steps s;
    if (!HEAP_COUNTS) skip();
    for (int way = 0; way < 3; way++) { /* 1 thread, 2, and 2 with a cache */
        use_threads(f, way ? 2 : 1, way == 2);
        for (int i = way != 1; steps_at(i, &s) && (way < 2 || i < 3); i++) {
            if (strcmp(s.step[0].name, "bytedelta_buggy") == 0) continue; /* for reading only */
            fill(f, s.dtype);
            for (enum kind kind = MEMORY; kind < (way ? KINDS : FOLDER); kind++)
                check_blocks(f, kind, &s);
        }
        use_threads(f, 0, false);
    }
}

/* ---- super-chunks, and chunks in memory ---- */

typedef int (*row_fn)(struct fixture *f, tsr_schunk *s);

static int row_get(struct fixture *f, tsr_schunk *s)
{
    return tsr_schunk_get(s, 1000, 20000, f->back);
}

static int row_few(struct fixture *f, tsr_schunk *s)
{
    return tsr_schunk_get(s, 12345, 100, f->back);
}

static int row_set(struct fixture *f, tsr_schunk *s)
{
    return tsr_schunk_set(s, 1000, 20000, f->data);
}

static int row_append(struct fixture *f, tsr_schunk *s)
{
    return tsr_schunk_append(s, BYTES / 8, f->data);
}

static long row_count(struct fixture *f, row_fn fn, tsr_schunk *s, long enough)
{
    long least = 0, n = 0;
    for (int i = 0; !i || !known(i - 1, n, enough, &least); i++) {
        long before = heap_calls();
        OK(fn(f, s));
        n = heap_calls() - before;
    }
    return least;
}

static tsr_schunk *row_make(struct fixture *f, bool file, int64_t block)
{
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = 4,
                            .chunk_bytes = BYTES / 4,
                            .block_bytes = block};
    tsr_options o = {.size = sizeof o, .context = f->context, .mode = "w"};
    tsr_schunk *s = NULL;
    OK(tsr_schunk_create(file ? scratch("row.b2frame") : NULL, &spec, &o, &s));
    OK(tsr_schunk_append(s, BYTES / 4, f->data));
    OK(tsr_schunk_flush(s));
    return s;
}

static void allocations_of_super_chunks_do_not_depend_on_blocks(void **state)
{
    static const row_fn calls[] = {row_get, row_few, row_set, row_append};
    struct fixture *f = *state;
    if (!HEAP_COUNTS) skip();
    fill(f, "<f4");
    for (int i = 0; i < 4 * 2 * 2 * 2; i++) {
        int call = i / 8;
        long n[2];
        use_threads(f, 1 + i % 2, i & 4);
        for (int k = 0; k < 2; k++) {
            tsr_schunk *s = row_make(f, i & 2, k ? 1024 : 16384);
            n[k] = row_count(f, calls[call], s, call < 2 ? 0 : k ? n[0] + SLACK : LONG_MAX);
            OK(tsr_schunk_close(s));
        }
        use_threads(f, 0, false);
        if (n[1] > n[0] + SLACK || (call < 2 && n[1]))
            fail_msg("call %d: %ld allocations, %ld of small blocks", call, n[0], n[1]);
    }
}

/* The fewest allocations of coding one chunk, and of decoding it. */
static void chunk_counts(struct fixture *f, int64_t block, long enough, long n[2])
{
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .block_bytes = block};
    tsr_options o = {.size = sizeof o, .context = f->context};
    size_t cap = tsr_compress_bound(BYTES), len = 0;
    void *chunk = malloc(cap);
    bool enough_coded = false, enough_decoded = false;
    for (int i = 0; !enough_coded || !enough_decoded; i++) {
        long a = heap_calls();
        OK(tsr_compress(&spec, f->data, BYTES, &o, chunk, cap, &len));
        long b = heap_calls();
        OK(tsr_decompress(chunk, len, &o, f->back, BYTES));
        enough_decoded = known(i, heap_calls() - b, 0, &n[1]);
        enough_coded = known(i, b - a, enough, &n[0]);
    }
    assert_memory_equal(f->back, f->data, BYTES);
    free(chunk);
}

static void allocations_of_chunks_do_not_depend_on_blocks(void **state)
{
    struct fixture *f = *state;
    long few[2], many[2];
    if (!HEAP_COUNTS) skip();
    fill(f, "<f4");
    for (int threads = 1; threads <= 2; threads++) {
        use_threads(f, threads, false);
        chunk_counts(f, 32768, LONG_MAX, few);
        chunk_counts(f, 1024, few[0], many);
        use_threads(f, 0, false);
        assert_true(many[0] <= few[0]);
        assert_int_equal(few[1], 0);
        assert_int_equal(many[1], 0);
    }
}

/* ---- memory ---- */

enum { SLAB = 8, WIDE = 1024, AT = 512 };
static const int64_t cube[] = {WIDE, WIDE, WIDE};

/* 4 GiB of floats in a file: noise in SLAB planes of each axis from AT on, zeros elsewhere. */
static void make_large(struct fixture *f)
{
    static const int64_t chunks[] = {SLAB, 128, 128}, blocks[] = {SLAB, 32, 32};
    const tsr_step lz4 = {"lz4", "clevel=1"};
    tsr_spec spec = {.size = sizeof spec,
                     .dtype = "<f4",
                     .ndim = 3,
                     .shape = cube,
                     .chunks = chunks,
                     .blocks = blocks,
                     .steps = &lz4,
                     .nsteps = 1};
    tsr_options o = {.size = sizeof o, .context = f->context};
    size_t n = (size_t)SLAB * WIDE * WIDE;
    uint32_t *noise = malloc(n * 4);
    tsr_array *a = NULL;
    for (size_t i = 0; i < n; i++) noise[i] = (uint32_t)random_next();
    OK(tsr_array_create(scratch("large.b2nd"), &spec, &o, &a));
    for (int d = 0; d < 3; d++) {
        int64_t start[] = {0, 0, 0}, count[] = {WIDE, WIDE, WIDE};
        start[d] = AT;
        count[d] = SLAB;
        OK(tsr_array_write(a, &(tsr_slice){start, count, NULL}, noise, n * 4));
    }
    OK(tsr_array_close(a));
    free(noise);
}

static tsr_stats stats_of(const tsr_array *a)
{
    tsr_stats s = {.size = sizeof s};
    OK(tsr_array_stats(a, &s));
    return s;
}

/* As much as a process takes that has read nothing before. */
static long plane_takes(struct fixture *f, int axis, float *plane)
{
    int64_t start[] = {0, 0, 0}, count[] = {WIDE, WIDE, WIDE};
    const size_t bytes = (size_t)WIDE * WIDE * 4;
    tsr_array *a = NULL;
    start[axis] = AT + 3;
    count[axis] = 1;
    use_threads(f, 2, true);
    tsr_options o = {.size = sizeof o, .context = f->context};
    OK(tsr_array_open(scratch("large.b2nd"), &o, &a));
    long before = heap_mark();
    OK(tsr_array_read(a, &(tsr_slice){start, count, NULL}, plane, bytes));
    long took = heap_peak() - before;
    assert_true(stats_of(a).bytes_read > (int64_t)bytes); /* noise all over */
    OK(tsr_array_close(a));
    use_threads(f, 0, false);
    return took;
}

static void a_plane_of_4_gb_takes_little_memory_besides_its_result(void **state)
{
    struct fixture *f = *state;
    if (!HEAP_COUNTS) skip();
    use_threads(f, 2, true);
    make_large(f);
    float *plane = malloc((size_t)WIDE * WIDE * 4);
    for (int d = 0; d < 3; d++) {
        long took = plane_takes(f, d, plane);
        print_message("plane of axis %d: %ld KiB besides it\n", d, took >> 10);
        assert_true(took < 32 << 20);
    }
    free(plane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(allocations_do_not_depend_on_blocks, start, stop),
        cmocka_unit_test_setup_teardown(allocations_of_super_chunks_do_not_depend_on_blocks, start,
                                        stop),
        cmocka_unit_test_setup_teardown(allocations_of_chunks_do_not_depend_on_blocks, start, stop),
        cmocka_unit_test_setup_teardown(a_plane_of_4_gb_takes_little_memory_besides_its_result,
                                        start, stop),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
