/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_schunk.c - super-chunks through the public API against a growing buffer. */
#include <signal.h>
#include <sys/resource.h>

#include "../scratch.h"

struct life {
    uint64_t seed;
    char did[64];
    bool file;
    char url[1024];
    int64_t item, chunk; /* bytes of an item; items of a chunk */
    uint8_t *p;          /* the model: n items */
    int64_t n, cap;
    tsr_schunk *s;
};

static void must(const struct life *l, int rc, const char *what)
{
    if (rc < 0)
        fail_msg("TESSERA_SEED=%llu: %s: %s: %s", (unsigned long long)l->seed, l->did, what,
                 tsr_error());
}

static void model_room(struct life *l, int64_t n)
{
    if (n <= l->cap) return;
    l->cap = 2 * n;
    l->p = realloc(l->p, (size_t)(l->cap * l->item));
    assert_non_null(l->p);
}

static void random_items(const struct life *l, uint8_t *p, int64_t n)
{
    int kind = (int)random_in(0, 3);
    for (int64_t i = 0; i < n * l->item; i++)
        p[i] = kind == 0 ? (uint8_t)random_next() : kind == 1 ? 0 : (uint8_t)(i / l->item + kind);
}

static void check(const struct life *l)
{
    int64_t n = tsr_schunk_nitems(l->s);
    if (n != l->n)
        fail_msg("TESSERA_SEED=%llu: %s: %lld items, expected %lld", (unsigned long long)l->seed,
                 l->did, (long long)n, (long long)l->n);
    assert_int_equal(tsr_schunk_nchunks(l->s), (n + l->chunk - 1) / l->chunk);
    for (int i = 0; i < 3; i++) {
        int64_t start = i ? random_in(0, n) : 0, items = i ? random_in(0, n - start) : n;
        uint8_t *got = malloc((size_t)(items * l->item) + 1);
        got[items * l->item] = 0xA5;
        must(l, tsr_schunk_get(l->s, start, items, got), "get");
        if (items > 0 && memcmp(got, l->p + start * l->item, (size_t)(items * l->item)) != 0)
            fail_msg("TESSERA_SEED=%llu: %s: items %lld + %lld differ", (unsigned long long)l->seed,
                     l->did, (long long)start, (long long)items);
        assert_int_equal(got[items * l->item], 0xA5);
        free(got);
    }
}

/* ---- steps ---- */

static void step_set(struct life *l)
{
    int64_t start = random_in(0, 3) ? random_in(0, l->n) : l->n;
    int64_t n = random_in(0, random_in(0, 3) ? 20 : 3 * l->chunk);
    uint8_t *src = malloc((size_t)(n * l->item) + 1);
    random_items(l, src, n);
    if (start == l->n) must(l, tsr_schunk_append(l->s, n, src), "append");
    else must(l, tsr_schunk_set(l->s, start, n, src), "set");
    model_room(l, start + n);
    memcpy(l->p + start * l->item, src, (size_t)(n * l->item));
    if (start + n > l->n) l->n = start + n;
    free(src);
}

static void step_insert(struct life *l)
{
    int64_t nchunks = tsr_schunk_nchunks(l->s), i = random_in(0, nchunks), n = l->chunk;
    if (i == nchunks && l->n % l->chunk) return;
    if (i == nchunks && random_in(0, 1)) n = random_in(1, l->chunk);
    uint8_t *src = malloc((size_t)(n * l->item));
    random_items(l, src, n);
    must(l, tsr_schunk_insert_chunk(l->s, i, src, (size_t)(n * l->item)), "insert chunk");
    model_room(l, l->n + n);
    uint8_t *at = l->p + i * l->chunk * l->item;
    memmove(at + n * l->item, at, (size_t)((l->n - i * l->chunk) * l->item));
    memcpy(at, src, (size_t)(n * l->item));
    l->n += n;
    free(src);
}

static void step_update(struct life *l, bool remove)
{
    int64_t nchunks = tsr_schunk_nchunks(l->s), i = random_in(0, nchunks), bytes;
    if (i == nchunks) {
        assert_int_equal(tsr_schunk_delete_chunk(l->s, i), TSR_EARG);
        return;
    }
    must(l, tsr_schunk_chunk_bytes(l->s, i, &bytes), "chunk bytes");
    uint8_t *at = l->p + i * l->chunk * l->item;
    if (remove) {
        must(l, tsr_schunk_delete_chunk(l->s, i), "delete chunk");
        memmove(at, at + bytes, (size_t)((l->n - i * l->chunk) * l->item - bytes));
        l->n -= bytes / l->item;
        return;
    }
    random_items(l, at, bytes / l->item);
    must(l, tsr_schunk_update_chunk(l->s, i, at, (size_t)bytes), "update chunk");
}

/* Every chunk as it is stored decodes to what it should, in every order of flushes. */
static void step_chunks(struct life *l)
{
    must(l, tsr_schunk_flush(l->s), "flush");
    for (int64_t i = 0; i < tsr_schunk_nchunks(l->s); i++) {
        int64_t bytes;
        void *chunk;
        size_t len;
        must(l, tsr_schunk_chunk_bytes(l->s, i, &bytes), "chunk bytes");
        must(l, tsr_schunk_get_chunk(l->s, i, &chunk, &len), "get chunk");
        uint8_t *got = malloc((size_t)bytes);
        must(l, tsr_decompress(chunk, len, NULL, got, (size_t)bytes), "decompress");
        assert_memory_equal(got, l->p + i * l->chunk * l->item, (size_t)bytes);
        must(l, tsr_schunk_read_chunk(l->s, i, got, (size_t)bytes), "read chunk");
        assert_memory_equal(got, l->p + i * l->chunk * l->item, (size_t)bytes);
        free(got);
        tsr_free(chunk);
    }
}

static void step_reopen(struct life *l)
{
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    void *frame;
    size_t len;
    if (l->file) {
        must(l, tsr_schunk_close(l->s), "close");
        must(l, tsr_schunk_open(l->url, &o, &l->s), "open");
        return;
    }
    must(l, tsr_schunk_to_frame(l->s, &frame, &len), "to frame");
    must(l, tsr_schunk_close(l->s), "close");
    must(l, tsr_schunk_from_frame(frame, len, TSR_BORROW, NULL, &l->s), "from borrowed frame");
    check(l);
    must(l, tsr_schunk_close(l->s), "close borrowed");
    must(l, tsr_schunk_from_frame(frame, len, 0, &o, &l->s), "from frame");
    tsr_free(frame);
}

static const char *const codecs[] = {"blosclz", "lz4", "zlib", "zstd", "lz4hc"};

/* Chunks of several codecs and block sizes lie side by side after it. */
static void step_set_spec(struct life *l)
{
    tsr_step steps[2] = {{"bitshuffle", NULL}, {codecs[random_in(0, 4)], "clevel=2"}};
    tsr_schunk_spec spec = {.size = sizeof spec, .steps = steps + random_in(0, 1), .nsteps = 1};
    if (spec.steps == steps) spec.nsteps = 2;
    if (random_in(0, 1)) spec.block_bytes = random_in(1, l->chunk) * l->item;
    must(l, tsr_schunk_set_spec(l->s, &spec), "set spec");
    assert_int_equal(tsr_schunk_spec_of(l->s)->item_bytes, l->item);
    assert_int_equal(tsr_schunk_spec_of(l->s)->chunk_bytes, l->chunk * l->item);
}

static void live(uint64_t seed)
{
    static const int64_t sizes[] = {1, 2, 4, 8, 3, 16, 300};
    struct life l = {.seed = seed};
    random_state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int i = 0; i < 4; i++) random_next();
    l.item = sizes[random_in(0, 6)];
    l.chunk = random_in(1, random_in(0, 1) ? 40 : 5000);
    model_room(&l, 1);
    tsr_step steps[2] = {{"shuffle", NULL}, {codecs[random_in(0, 4)], "clevel=3"}};
    tsr_schunk_spec spec = {.size = sizeof spec,
                            .item_bytes = l.item,
                            .chunk_bytes = l.chunk * l.item,
                            .steps = steps,
                            .nsteps = 2};
    if (random_in(0, 1)) spec.block_bytes = random_in(1, l.chunk) * l.item;
    l.file = random_in(0, 1);
    snprintf(l.url, sizeof l.url, "%s", scratch("life.b2frame"));
    must(&l, tsr_schunk_create(l.file ? l.url : NULL, &spec, NULL, &l.s), "create");
    assert_int_equal(tsr_schunk_spec_of(l.s)->item_bytes, l.item);
    int n = (int)random_in(3, 30);
    for (int i = 0; i < n; i++) {
        l.did[i] = "ssssssiudcofp"[random_in(0, 12)];
        switch (l.did[i]) {
        case 'i': step_insert(&l); break;
        case 'u': step_update(&l, false); break;
        case 'd': step_update(&l, true); break;
        case 'c': step_chunks(&l); break;
        case 'o': step_reopen(&l); break;
        case 'p': step_set_spec(&l); break;
        case 'f': must(&l, tsr_schunk_flush(l.s), "flush"); break;
        default: step_set(&l); break;
        }
        if (i % 3 == 0) check(&l);
    }
    step_chunks(&l);
    check(&l);
    step_reopen(&l);
    assert_int_equal(tsr_schunk_spec_of(l.s)->item_bytes, l.item);
    check(&l);
    must(&l, tsr_schunk_close(l.s), "close");
    free(l.p);
}

static void super_chunks_hold_what_a_buffer_holds(void **state)
{
    const char *seed = getenv("TESSERA_SEED"), *lives = getenv("TESSERA_LIVES");
    int n = lives ? atoi(lives) : 800;
    (void)state;
    if (seed) live(strtoull(seed, NULL, 10));
    for (int i = 0; !seed && i < n; i++) live((uint64_t)i);
}

/* ---- cases by hand ---- */

static void many_single_items_are_appended(void **state)
{
    (void)state;
    enum { N = 200000 };
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .chunk_bytes = 40000};
    tsr_schunk *s;
    OK(tsr_schunk_create(scratch("single.b2frame"), &spec, NULL, &s));
    for (int32_t i = 0; i < N; i++) OK(tsr_schunk_append(s, 1, &i));
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(scratch("single.b2frame"), NULL, &s));
    assert_int_equal(tsr_schunk_nitems(s), N);
    assert_int_equal(tsr_schunk_nchunks(s), 20);
    int32_t *got = malloc(sizeof *got * N);
    OK(tsr_schunk_get(s, 0, N, got));
    for (int32_t i = 0; i < N; i++) assert_int_equal(got[i], i);
    free(got);
    FAILS(TSR_EDENIED, "read-only", tsr_schunk_append(s, 1, &(int32_t){1}));
    OK(tsr_schunk_close(s));
}

static void a_set_past_the_end_extends_and_a_gap_is_refused(void **state)
{
    (void)state;
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 2, .chunk_bytes = 8};
    int16_t v[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, got[10];
    tsr_schunk *s;
    OK(tsr_schunk_create(NULL, &spec, NULL, &s));
    OK(tsr_schunk_set(s, 0, 3, v));
    OK(tsr_schunk_set(s, 2, 8, v + 2));
    FAILS(TSR_EARG, "has 10", tsr_schunk_set(s, 11, 1, v));
    FAILS(TSR_EARG, "has 10", tsr_schunk_get(s, 5, 6, got));
    OK(tsr_schunk_get(s, 0, 10, got));
    assert_memory_equal(got, v, sizeof v);
    FAILS(TSR_EARG, "chunk 3", tsr_schunk_read_chunk(s, 3, got, 4));
    FAILS(TSR_EARG, "buffer of 2 bytes", tsr_schunk_read_chunk(s, 2, got, 2));
    FAILS(TSR_EARG, "insert", tsr_schunk_insert_chunk(s, 3, v, 8));
    OK(tsr_schunk_close(s));
}

static void new_chunks_are_made_as_set_spec_says(void **state)
{
    (void)state;
    uint8_t v[64] = {1, 2, 3};
    tsr_step lz4[] = {{"bitshuffle", NULL}, {"lz4", "clevel=9"}};
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 2, .chunk_bytes = 32};
    tsr_chunk_facts facts = {.size = sizeof facts};
    tsr_schunk *s;
    OK(tsr_schunk_create(scratch("spec.b2frame"), &spec, NULL, &s));
    spec = (tsr_schunk_spec){.size = sizeof spec, .item_bytes = 4, .chunk_bytes = 64};
    OK(tsr_schunk_set_spec(s, &spec)); /* while there is nothing, items and chunks change too */
    OK(tsr_schunk_append(s, 16, v));
    spec = (tsr_schunk_spec){.size = sizeof spec, .steps = lz4, .nsteps = 2};
    OK(tsr_schunk_set_spec(s, &spec));
    OK(tsr_schunk_append(s, 16, v));
    OK(tsr_schunk_chunk_info(s, 0, &facts));
    assert_string_equal(facts.codec, "zstd");
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(scratch("spec.b2frame"), NULL, &s));
    assert_int_equal(tsr_schunk_spec_of(s)->item_bytes, 4);
    assert_string_equal(tsr_schunk_spec_of(s)->steps[1].name, "lz4");
    OK(tsr_schunk_chunk_info(s, 1, &facts));
    assert_string_equal(facts.codec, "lz4");
    FAILS(TSR_EDENIED, "read-only", tsr_schunk_set_spec(s, &spec));
    OK(tsr_schunk_close(s));
}

static void set_spec_refuses_what_does_not_fit_the_items_there(void **state)
{
    (void)state;
    tsr_step unknown[] = {{"nosuch", NULL}};
    tsr_schunk_spec three = {.size = sizeof three, .item_bytes = 3}, four = three, shorter = three;
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 2, .chunk_bytes = 32};
    tsr_schunk *s;
    OK(tsr_schunk_create(NULL, &spec, NULL, &s));
    four.item_bytes = 4, shorter.item_bytes = 2, shorter.chunk_bytes = 16;
    FAILS(TSR_EARG, "in chunks", tsr_schunk_set_spec(s, &three));
    OK(tsr_schunk_append(s, 1, "ab"));
    FAILS(TSR_EARG, "in chunks", tsr_schunk_set_spec(s, &four));
    FAILS(TSR_EARG, "in chunks", tsr_schunk_set_spec(s, &shorter));
    spec = (tsr_schunk_spec){.size = sizeof spec, .steps = unknown, .nsteps = 1};
    FAILS(TSR_EARG, "nosuch", tsr_schunk_set_spec(s, &spec));
    OK(tsr_schunk_append(s, 1, "cd")); /* as it was */
    assert_int_equal(tsr_schunk_nitems(s), 2);
    OK(tsr_schunk_close(s));
}

static void a_taken_frame_is_the_super_chunk(void **state)
{
    (void)state;
    uint8_t v[1000], got[1000];
    tsr_schunk_spec spec = {.size = sizeof spec, .chunk_bytes = 300};
    const char *urls[] = {NULL, scratch("taken.b2frame")};
    for (size_t i = 0; i < sizeof v; i++) v[i] = (uint8_t)(i * i >> 3);
    for (int k = 0; k < 2; k++) {
        tsr_schunk *s;
        void *frame;
        size_t len;
        OK(tsr_schunk_create(urls[k], &spec, NULL, &s));
        OK(tsr_schunk_append(s, 500, v));
        OK(tsr_schunk_flush(s)); /* leaves an index behind that is no more of use */
        OK(tsr_schunk_append(s, 500, v + 500));
        OK(tsr_schunk_meta_set(s, TSR_VLMETA, "note", "x", 1));
        OK(tsr_schunk_take_frame(s, &frame, &len));
        OK(tsr_schunk_from_frame(frame, len, 0, NULL, &s));
        tsr_free(frame);
        OK(tsr_schunk_get(s, 0, 1000, got));
        assert_memory_equal(got, v, sizeof v);
        assert_int_equal(tsr_schunk_meta_count(s, TSR_VLMETA), 1);
        OK(tsr_schunk_close(s));
    }
}

static void an_array_and_a_super_chunk_are_not_mixed_up(void **state)
{
    (void)state;
    tsr_spec as = {.size = sizeof as, .dtype = "<u2", .ndim = 1, .shape = (int64_t[]){1000}};
    tsr_options bytes = {.size = sizeof bytes, .format = "b2frame"};
    tsr_array *a;
    tsr_schunk *s;
    OK(tsr_array_create(scratch("mixed.b2nd"), &as, NULL, &a));
    OK(tsr_array_close(a));
    FAILS(TSR_EARG, "array", tsr_schunk_open(scratch("mixed.b2nd"), NULL, &s));
    OK(tsr_schunk_open(scratch("mixed.b2nd"), &bytes, &s));
    assert_int_equal(tsr_schunk_spec_of(s)->item_bytes, 2);
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_create(scratch("mixed.b2frame"), NULL, NULL, &s));
    OK(tsr_schunk_close(s));
    FAILS(TSR_EARG, "super-chunk", tsr_array_open(scratch("mixed.b2frame"), NULL, &a));
}

static void metalayers_come_back(void **state)
{
    (void)state;
    tsr_meta_value meta = {"kind", "\xa1x", 2};
    tsr_schunk_spec spec = {.size = sizeof spec, .metas = &meta, .nmetas = 1};
    tsr_schunk *s;
    void *buf;
    size_t len;
    char big[5000];
    memset(big, 'v', sizeof big);
    OK(tsr_schunk_create(scratch("meta.b2frame"), &spec, NULL, &s));
    OK(tsr_schunk_meta_set(s, TSR_VLMETA, "note", big, sizeof big));
    OK(tsr_schunk_meta_set(s, TSR_META, "kind", "\xa1y", 2));
    FAILS(TSR_EARG, "kind", tsr_schunk_meta_set(s, TSR_META, "kind", "abc", 3));
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(scratch("meta.b2frame"), NULL, &s));
    assert_int_equal(tsr_schunk_meta_count(s, TSR_META), 1);
    assert_string_equal(tsr_schunk_meta_name(s, TSR_VLMETA, 0), "note");
    OK(tsr_schunk_meta_get(s, TSR_META, "kind", &buf, &len));
    assert_memory_equal(buf, "\xa1y", 2);
    tsr_free(buf);
    OK(tsr_schunk_meta_get(s, TSR_VLMETA, "note", &buf, &len));
    assert_int_equal(len, sizeof big);
    assert_memory_equal(buf, big, len);
    tsr_free(buf);
    OK(tsr_schunk_close(s));
}

static void put_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Other writers may leave room between the metalayers and the chunks. */
static void a_header_with_room_at_its_end_is_copied_without_it(void **state)
{
    enum { N = 3000, ROOM = 4000, HEADER_LEN = 11, FRAME_LEN = 20 };
    tsr_schunk_spec spec = {.size = sizeof spec, .item_bytes = 4, .chunk_bytes = 4096};
    int32_t items[N], got[N];
    tsr_schunk *s, *wide, *back;
    void *tight, *copy;
    size_t len, copy_len;
    (void)state;
    for (int i = 0; i < N; i++) items[i] = (int32_t)random_next();
    OK(tsr_schunk_create(NULL, &spec, NULL, &s));
    OK(tsr_schunk_append(s, N, items));
    OK(tsr_schunk_to_frame(s, &tight, &len));
    uint8_t *frame = calloc(1, len + ROOM);
    size_t header = (size_t)((uint8_t *)tight)[13] << 8 | ((uint8_t *)tight)[14];
    memcpy(frame, tight, header);
    memcpy(frame + header + ROOM, (uint8_t *)tight + header, len - header);
    put_be32(frame + HEADER_LEN, (uint32_t)header + ROOM);
    put_be32(frame + FRAME_LEN, (uint32_t)len + ROOM);
    OK(tsr_schunk_from_frame(frame, len + ROOM, 0, NULL, &wide));
    OK(tsr_schunk_to_frame(wide, &copy, &copy_len));
    assert_int_equal(copy_len, len);
    OK(tsr_schunk_from_frame(copy, copy_len, 0, NULL, &back));
    OK(tsr_schunk_get(back, 0, N, got));
    assert_memory_equal(got, items, sizeof items);
    tsr_schunk_close(s);
    tsr_schunk_close(wide);
    tsr_schunk_close(back);
    tsr_free(tight);
    tsr_free(copy);
    free(frame);
}

static void a_chunk_may_begin_inside_a_file(void **state)
{
    enum { N = 1000, BEFORE = 10 };
    uint8_t p[N], got[N], file[BEFORE + N + 32] = {0};
    tsr_options o = {.size = sizeof o, .format = "chunk", .offset = BEFORE};
    tsr_schunk *s;
    size_t len;
    (void)state;
    for (int i = 0; i < N; i++) p[i] = (uint8_t)(random_next() % 7);
    OK(tsr_compress(NULL, p, N, NULL, file + BEFORE, tsr_compress_bound(N), &len));
    file_write(scratch("inside.chunk"), file, BEFORE + len);
    OK(tsr_schunk_open(scratch("inside.chunk"), &o, &s));
    OK(tsr_schunk_get(s, 0, N, got));
    assert_memory_equal(got, p, N);
    tsr_schunk_close(s);
    o.offset = BEFORE + len;
    FAILS(TSR_ECORRUPT, "chunk header", tsr_schunk_open(scratch("inside.chunk"), &o, &s));
}

static void chunks_over_the_limit_are_refused(void **state)
{
    tsr_schunk_spec spec = {.size = sizeof spec, .chunk_bytes = 4096};
    tsr_options o = {.size = sizeof o, .max_chunk_bytes = 4095};
    tsr_schunk *s;
    (void)state;
    OK(tsr_schunk_create(scratch("large.b2frame"), &spec, NULL, &s));
    OK(tsr_schunk_append(s, 1, "x"));
    OK(tsr_schunk_close(s));
    FAILS(TSR_ELIMIT, "4095", tsr_schunk_open(scratch("large.b2frame"), &o, &s));
}

static void a_dropped_super_chunk_is_as_it_was_flushed(void **state)
{
    tsr_schunk_spec spec = {.size = sizeof spec, .chunk_bytes = 4096};
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    char p[5000] = "abc", got[3];
    tsr_schunk *s;
    (void)state;
    OK(tsr_schunk_create(scratch("drop.b2frame"), &spec, NULL, &s));
    OK(tsr_schunk_append(s, 3, p));
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(scratch("drop.b2frame"), &o, &s));
    OK(tsr_schunk_set(s, 0, 3, "xyz"));
    OK(tsr_schunk_append(s, sizeof p, p));
    tsr_schunk_drop(s);
    OK(tsr_schunk_open(scratch("drop.b2frame"), NULL, &s));
    assert_int_equal(tsr_schunk_nitems(s), 3);
    OK(tsr_schunk_get(s, 0, 3, got));
    assert_memory_equal(got, "abc", 3);
    OK(tsr_schunk_close(s));
    tsr_schunk_drop(NULL);
}

static void files_may_grow_to(rlim_t bytes)
{
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void appends_that_find_no_room_lose_nothing(void **state)
{
    enum { CHUNK = 4096, N = 10 * CHUNK };
    tsr_schunk_spec spec = {.size = sizeof spec, .chunk_bytes = CHUNK};
    uint8_t p[N], got[N];
    tsr_schunk *s;
    (void)state;
    for (int i = 0; i < N; i++) p[i] = (uint8_t)random_next();
    signal(SIGXFSZ, SIG_IGN);
    OK(tsr_schunk_create(scratch("full.b2frame"), &spec, NULL, &s));
    OK(tsr_schunk_append(s, 100, p));
    OK(tsr_schunk_flush(s));
    files_may_grow_to(CHUNK / 2);
    /* the chunk is full: it is written */
    assert_true(tsr_schunk_append(s, CHUNK - 100, p + 100) < 0);
    assert_true(tsr_schunk_append(s, N - 100, p + 100) < 0);
    assert_int_equal(tsr_schunk_nitems(s), 100);
    OK(tsr_schunk_get(s, 0, 100, got));
    assert_memory_equal(got, p, 100);
    OK(tsr_schunk_append(s, CHUNK - 101, p + 100));
    assert_true(tsr_schunk_flush(s) < 0);
    files_may_grow_to(2 * CHUNK);
    assert_true(tsr_schunk_append(s, N - CHUNK + 1, p + CHUNK - 1) < 0); /* some of it is stored */
    assert_int_equal(tsr_schunk_nitems(s), CHUNK - 1);
    OK(tsr_schunk_get(s, 0, CHUNK - 1, got));
    assert_memory_equal(got, p, CHUNK - 1);
    files_may_grow_to(RLIM_INFINITY);
    OK(tsr_schunk_flush(s));
    OK(tsr_schunk_append(s, N - CHUNK + 1, p + CHUNK - 1));
    files_may_grow_to(CHUNK);
    assert_true(tsr_schunk_insert_chunk(s, 1, p, CHUNK) < 0);
    assert_int_equal(tsr_schunk_nitems(s), N);
    files_may_grow_to(RLIM_INFINITY);
    OK(tsr_schunk_get(s, 0, N, got));
    assert_memory_equal(got, p, N);
    OK(tsr_schunk_close(s));
    OK(tsr_schunk_open(scratch("full.b2frame"), NULL, &s));
    OK(tsr_schunk_get(s, 0, N, got));
    assert_memory_equal(got, p, N);
    tsr_schunk_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(super_chunks_hold_what_a_buffer_holds),
        cmocka_unit_test(many_single_items_are_appended),
        cmocka_unit_test(a_set_past_the_end_extends_and_a_gap_is_refused),
        cmocka_unit_test(new_chunks_are_made_as_set_spec_says),
        cmocka_unit_test(set_spec_refuses_what_does_not_fit_the_items_there),
        cmocka_unit_test(a_taken_frame_is_the_super_chunk),
        cmocka_unit_test(an_array_and_a_super_chunk_are_not_mixed_up),
        cmocka_unit_test(metalayers_come_back),
        cmocka_unit_test(a_header_with_room_at_its_end_is_copied_without_it),
        cmocka_unit_test(a_chunk_may_begin_inside_a_file),
        cmocka_unit_test(chunks_over_the_limit_are_refused),
        cmocka_unit_test(a_dropped_super_chunk_is_as_it_was_flushed),
        cmocka_unit_test(appends_that_find_no_room_lose_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
