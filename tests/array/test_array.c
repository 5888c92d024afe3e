/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/array/test_array.c - b2nd through the public API against a naive array in memory.
 *
 * Seeded random lives of arrays: created with any number of dimensions, chunks, blocks, dtype,
 * codec and fill; then written, read, resized, appended to, copied, flushed and reopened, in
 * memory and on disk.  Every read is compared with the model, item by item.
 * TESSERA_SEED=n repeats one life, which a failure names. */
#include "../scratch.h"

#define MAX_ITEMS 60000

struct model {
    int ndim;
    int64_t shape[TSR_MAX_NDIM], item;
    uint8_t *p;
};

struct life {
    uint64_t seed;
    int step;
    char did[32]; /* what the steps were, a letter each */
    bool file;
    char url[1024];
    const char *dtype;
    struct model m;
    tsr_array *a;
};

static const struct {
    const char *dtype;
    int64_t item;
} dtypes[] = {{"|u1", 1},   {"<u2", 2},     {"<f4", 4},
              {"<f8", 8},   {"|S3", 3},     {"|V17", 17},
              {"<c16", 16}, {"|V300", 300}, {"[('a', '<i4'), ('b', '<f8')]", 12}};

static int64_t items_of(const struct model *m)
{
    int64_t n = 1;
    for (int d = 0; d < m->ndim; d++) n *= m->shape[d];
    return n;
}

static void die(const struct life *l, const char *what)
{
    char text[512] = "";
    for (int d = 0; d < l->m.ndim; d++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", d ? "," : "",
                 (long long)l->m.shape[d]);
    fail_msg("TESSERA_SEED=%llu: %s: %s: shape (%s) %s: %s", (unsigned long long)l->seed, l->did,
             what, text, l->dtype, tsr_error());
}

static void must(const struct life *l, int rc, const char *what)
{
    if (rc < 0) die(l, what);
}

/* ---- slices ---- */

struct cut {
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], step[TSR_MAX_NDIM], items;
};

static void random_cut(const struct model *m, struct cut *c)
{
    int kind = (int)random_in(0, 9); /* 0, 1: whole; 2..5: steps of one; else anything */
    c->items = 1;
    for (int d = 0; d < m->ndim; d++) {
        int64_t n = m->shape[d];
        c->start[d] = n ? random_in(0, n - 1) : 0;
        c->step[d] = kind < 6 ? 1 : random_in(1, 5) * (random_in(0, 2) ? 1 : -1);
        int64_t room =
            c->step[d] > 0 ? (n - 1 - c->start[d]) / c->step[d] : c->start[d] / -c->step[d];
        c->count[d] = n ? random_in(random_in(0, 30) ? 1 : 0, room + 1) : 0;
        if (kind < 2) c->start[d] = 0, c->count[d] = n;
        c->items *= c->count[d];
    }
}

static tsr_slice slice_of(const struct cut *c)
{
    return (tsr_slice){c->start, c->count, c->step};
}

/* The model's item for item i of the cut. */
static uint8_t *model_item(const struct model *m, const struct cut *c, int64_t i)
{
    int64_t at = 0, stride = 1;
    for (int d = m->ndim - 1; d >= 0; d--) {
        int64_t k = i % c->count[d];
        i /= c->count[d];
        at += (c->start[d] + k * c->step[d]) * stride;
        stride *= m->shape[d];
    }
    return m->p + at * m->item;
}

static void check_cut(const struct life *l, const struct cut *c)
{
    size_t len = (size_t)(c->items * l->m.item);
    uint8_t *got = malloc(len + 1);
    tsr_slice s = slice_of(c);
    memset(got, 0xA5, len + 1);
    must(l, tsr_array_read(l->a, &s, got, len), "read");
    for (int64_t i = 0; i < c->items; i++)
        if (memcmp(got + i * l->m.item, model_item(&l->m, c, i), (size_t)l->m.item) != 0) {
            char text[256];
            snprintf(text, sizeof text, "item %lld of a slice is wrong", (long long)i);
            die(l, text);
        }
    if (got[len] != 0xA5) die(l, "written past the buffer");
    free(got);
}

static void check_whole(const struct life *l)
{
    size_t len = (size_t)(items_of(&l->m) * l->m.item);
    uint8_t *got = malloc(len + 1);
    const tsr_spec *s = tsr_array_spec(l->a);
    if (s->ndim != l->m.ndim || s->item_bytes != l->m.item ||
        memcmp(s->shape, l->m.shape, sizeof *s->shape * (size_t)s->ndim) != 0)
        die(l, "the spec is not what was asked for");
    must(l, tsr_array_read(l->a, NULL, got, len), "read all");
    if (memcmp(got, l->m.p, len) != 0) die(l, "the whole array differs");
    free(got);
}

/* ---- changes ---- */

/* Bytes of the kinds that encoders treat differently. */
static void random_bytes(uint8_t *p, int64_t items, int64_t item)
{
    int kind = (int)random_in(0, 4);
    uint8_t one[512];
    for (int64_t i = 0; i < item; i++) one[i] = (uint8_t)random_next();
    for (int64_t i = 0; i < items * item; i++) {
        if (kind == 0) p[i] = (uint8_t)random_next();
        else if (kind == 1) p[i] = 0;
        else if (kind == 2) p[i] = one[i % item];
        else p[i] = (uint8_t)(i / item >> (i % item * 3 % 8));
    }
}

static void step_write(struct life *l)
{
    struct cut c;
    random_cut(&l->m, &c);
    size_t len = (size_t)(c.items * l->m.item);
    uint8_t *src = malloc(len + 1);
    tsr_slice s = slice_of(&c);
    random_bytes(src, c.items, l->m.item);
    must(l, tsr_array_write(l->a, &s, src, len), "write");
    for (int64_t i = 0; i < c.items; i++)
        memcpy(model_item(&l->m, &c, i), src + i * l->m.item, (size_t)l->m.item);
    free(src);
}

/* The model in another shape: new items are zeros. */
static void model_resize(struct model *m, const int64_t *shape)
{
    struct model old = *m;
    struct cut c = {.items = 1};
    memcpy(m->shape, shape, sizeof *shape * (size_t)m->ndim);
    m->p = calloc(1, (size_t)(items_of(m) * m->item) + 1);
    for (int d = 0; d < m->ndim; d++) {
        c.step[d] = 1;
        c.count[d] = shape[d] < old.shape[d] ? shape[d] : old.shape[d];
        c.items *= c.count[d];
    }
    for (int64_t i = 0; i < c.items; i++)
        memcpy(model_item(m, &c, i), model_item(&old, &c, i), (size_t)m->item);
    free(old.p);
}

static void step_resize(struct life *l)
{
    int64_t shape[TSR_MAX_NDIM], items = 1;
    for (int d = 0; d < l->m.ndim; d++) {
        int64_t n = l->m.shape[d];
        shape[d] = random_in(0, 2) ? n : random_in(random_in(0, 9) ? n / 2 : 0, n + n / 2 + 3);
        items *= shape[d] ? shape[d] : 1;
    }
    if (items * l->m.item > MAX_ITEMS * 8) return;
    must(l, tsr_array_resize(l->a, shape), "resize");
    model_resize(&l->m, shape);
}

static void step_append(struct life *l)
{
    struct model *m = &l->m;
    if (m->ndim == 0) return;
    int axis = (int)random_in(0, m->ndim - 1);
    int64_t shape[TSR_MAX_NDIM], k = random_in(1, 5), slab = k;
    memcpy(shape, m->shape, sizeof shape);
    for (int d = 0; d < m->ndim; d++) slab *= d == axis ? 1 : m->shape[d];
    if (slab == 0 || (items_of(m) + slab) * m->item > MAX_ITEMS * 8) return;
    uint8_t *src = malloc((size_t)(slab * m->item));
    random_bytes(src, slab, m->item);
    must(l, tsr_array_append(l->a, axis, src, (size_t)(slab * m->item)), "append");
    struct cut c = {.items = slab};
    for (int d = 0; d < m->ndim; d++) c.step[d] = 1, c.count[d] = shape[d];
    c.start[axis] = shape[axis];
    c.count[axis] = k;
    shape[axis] += k;
    model_resize(m, shape);
    for (int64_t i = 0; i < slab; i++)
        memcpy(model_item(m, &c, i), src + i * m->item, (size_t)m->item);
    free(src);
}

static void step_reopen(struct life *l)
{
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    if (l->file) {
        must(l, tsr_array_close(l->a), "close");
        must(l, tsr_array_open(l->url, &o, &l->a), "open");
        return;
    }
    void *frame;
    size_t len;
    tsr_array *again;
    must(l, tsr_array_to_frame(l->a, &frame, &len), "to frame");
    must(l, tsr_array_from_frame(frame, len, TSR_BORROW, NULL, &again), "from borrowed frame");
    tsr_array *own = l->a;
    l->a = again;
    check_whole(l);
    must(l, tsr_array_close(again), "close borrowed");
    must(l, tsr_array_close(own), "close");
    must(l, tsr_array_from_frame(frame, len, 0, &o, &l->a), "from frame");
    tsr_free(frame);
}

/* ---- creation ---- */

static tsr_step steps[3];
static char params[32];

static int random_steps(void)
{
    static const char *const codecs[] = {"blosclz", "lz4", "lz4hc", "zlib", "zstd"};
    static const char *const filters[] = {"shuffle", "bitshuffle"};
    int n = 0;
    if (random_in(0, 3) == 0) return 0;
    if (random_in(0, 2)) steps[n++] = (tsr_step){filters[random_in(0, 1)], NULL};
    snprintf(params, sizeof params, "clevel=%d", (int)random_in(0, 6));
    steps[n++] = (tsr_step){codecs[random_in(0, 4)], random_in(0, 1) ? params : NULL};
    return n;
}

static void random_shapes(const struct model *m, tsr_spec *s, int64_t *chunks, int64_t *blocks)
{
    int64_t chunk_items = 1;
    for (int d = 0; d < m->ndim; d++) {
        chunks[d] = random_in(1, m->shape[d] + m->shape[d] / 4 + 1);
        blocks[d] = random_in(1, chunks[d]);
        /* blocks round chunks up; many small blocks make for slow cases and test nothing new */
        if (random_in(0, 1)) blocks[d] = chunks[d];
        chunk_items *= chunks[d] + blocks[d];
        if (chunk_items > 200000) chunks[d] = blocks[d] = 1;
    }
    if (random_in(0, 4)) s->chunks = chunks;
    if (random_in(0, 4) && s->chunks) s->blocks = blocks;
}

static void random_model(struct model *m)
{
    static const int64_t longest[] = {1, 3000, 200, 40, 14, 8, 6, 5, 4, 3, 3, 2, 2, 2, 2, 2, 2};
    m->ndim = (int)(random_in(0, 3) ? random_in(0, 4) : random_in(0, 16));
    for (int d = 0; d < m->ndim; d++) {
        m->shape[d] = random_in(random_in(0, 24) ? 1 : 0, longest[m->ndim]);
        if (items_of(m) * m->item > MAX_ITEMS * 4) m->shape[d] = 1;
    }
}

static void step_copy(struct life *l)
{
    int64_t chunks[TSR_MAX_NDIM], blocks[TSR_MAX_NDIM];
    const char *url = l->file ? scratch(random_in(0, 1) ? "copy.b2nd" : "life.b2nd") : NULL;
    tsr_spec s = {.size = sizeof s};
    tsr_array *to;
    random_shapes(&l->m, &s, chunks, blocks);
    s.nsteps = random_steps();
    s.steps = steps;
    must(l, tsr_array_copy(l->a, url, random_in(0, 3) ? &s : NULL, NULL, &to), "copy");
    /* both may be new files of one name: the one that is flushed last stays */
    must(l, tsr_array_close(l->a), "close the original");
    must(l, tsr_array_flush(to), "flush the copy");
    l->a = to;
    if (url) snprintf(l->url, sizeof l->url, "%s", url);
    check_whole(l);
}

static void fill_model(struct life *l, tsr_spec *s, uint8_t *item)
{
    struct model *m = &l->m;
    int64_t n = items_of(m);
    static const uint8_t nan8[8] = {0, 0, 0, 0, 0, 0, 0xF8, 0x7F}, nan4[4] = {0, 0, 0xC0, 0x7F};
    m->p = calloc(1, (size_t)(n * m->item) + 1);
    for (int64_t i = 0; i < m->item; i++) item[i] = (uint8_t)(random_next() | 1);
    switch (random_in(0, 5)) {
    case 0: s->uninit = true; return;
    case 1: break;
    case 2:
        if (strcmp(s->dtype, "<f8") == 0) memcpy(item, nan8, 8);
        if (strcmp(s->dtype, "<f4") == 0) memcpy(item, nan4, 4);
        break;
    default: return;
    }
    s->fill = item;
    for (int64_t i = 0; i < n; i++) memcpy(m->p + i * m->item, item, (size_t)m->item);
}

static void create(struct life *l)
{
    int64_t chunks[TSR_MAX_NDIM], blocks[TSR_MAX_NDIM];
    uint8_t item[512];
    size_t t = (size_t)random_in(0, sizeof dtypes / sizeof *dtypes - 1);
    l->dtype = dtypes[t].dtype;
    l->m.item = dtypes[t].item;
    random_model(&l->m);
    tsr_spec s = {.size = sizeof s, .dtype = l->dtype, .ndim = l->m.ndim, .shape = l->m.shape};
    random_shapes(&l->m, &s, chunks, blocks);
    s.nsteps = random_steps();
    s.steps = steps;
    s.split = (int)random_in(0, 2);
    fill_model(l, &s, item);
    l->file = random_in(0, 1);
    snprintf(l->url, sizeof l->url, "%s", scratch("life.b2nd"));
    must(l, tsr_array_create(l->file ? l->url : NULL, &s, NULL, &l->a), "create");
}

static void live(uint64_t seed)
{
    struct life l = {.seed = seed};
    struct cut c;
    random_state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int i = 0; i < 4; i++) random_next();
    create(&l);
    check_whole(&l);
    int n = (int)random_in(3, 14);
    for (l.step = 1; l.step <= n; l.step++) {
        l.did[l.step - 1] = "racofwwwww"[random_in(0, 9)];
        switch (l.did[l.step - 1]) {
        case 'r': step_resize(&l); break;
        case 'a': step_append(&l); break;
        case 'c': step_copy(&l); break;
        case 'o': step_reopen(&l); break;
        case 'f': must(&l, tsr_array_flush(l.a), "flush"); break;
        default: step_write(&l); break;
        }
        random_cut(&l.m, &c);
        check_cut(&l, &c);
        if (random_in(0, 3) == 0) check_whole(&l);
    }
    check_whole(&l);
    step_reopen(&l);
    check_whole(&l);
    must(&l, tsr_array_close(l.a), "close");
    free(l.m.p);
}

static void arrays_hold_what_a_naive_model_holds(void **state)
{
    const char *seed = getenv("TESSERA_SEED"), *lives = getenv("TESSERA_LIVES");
    int n = lives ? atoi(lives) : 1500;
    (void)state;
    if (seed) live(strtoull(seed, NULL, 10));
    for (int i = 0; !seed && i < n; i++) live((uint64_t)i);
}

/* ---- cases by hand ---- */

static void a_huge_array_of_zeros_costs_nothing(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<f8",
                  .ndim = 3,
                  .shape = (int64_t[]){20000, 20000, 20000}};
    tsr_stats st = {.size = sizeof st};
    tsr_array *a;
    double got[1000];
    OK(tsr_array_create(scratch("huge.b2nd"), &s, NULL, &a));
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("huge.b2nd"),
                      &(tsr_options){.size = sizeof(tsr_options), .mode = "r+"}, &a));
    tsr_slice cut = {(int64_t[]){19990, 7000, 123}, (int64_t[]){10, 10, 10}, NULL};
    memset(got, 1, sizeof got);
    OK(tsr_array_read(a, &cut, got, sizeof got));
    for (int i = 0; i < 1000; i++) assert_true(got[i] == 0);
    OK(tsr_array_stats(a, &st));
    assert_int_equal(st.nbytes, INT64_C(64000000000000));
    assert_true(st.cbytes < 1000);
    for (int i = 0; i < 1000; i++) got[i] = i;
    OK(tsr_array_write(a, &cut, got, sizeof got));
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("huge.b2nd"), NULL, &a));
    memset(got, 1, sizeof got);
    OK(tsr_array_read(a, &cut, got, sizeof got));
    for (int i = 0; i < 1000; i++) assert_true(got[i] == i);
    OK(tsr_array_close(a));
}

static void calls_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s, .dtype = "<i4", .ndim = 2, .shape = (int64_t[]){10, 20}};
    int32_t buf[200] = {0};
    tsr_array *a;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    FAILS(TSR_EARG, "buffer of 799 bytes", tsr_array_read(a, NULL, buf, 799));
    tsr_slice past = {(int64_t[]){5, 0}, (int64_t[]){6, 1}, NULL};
    FAILS(TSR_EARG, "dimension 0", tsr_array_read(a, &past, buf, 24));
    tsr_slice still = {NULL, (int64_t[]){1, 1}, (int64_t[]){1, 0}};
    FAILS(TSR_EARG, "step is 0", tsr_array_read(a, &still, buf, 4));
    tsr_slice before = {(int64_t[]){0, 3}, (int64_t[]){1, 5}, (int64_t[]){1, -1}};
    FAILS(TSR_EARG, "dimension 1", tsr_array_read(a, &before, buf, 20));
    FAILS(TSR_EARG, "axis", tsr_array_append(a, 2, buf, 40));
    FAILS(TSR_EARG, "multiple of 80", tsr_array_append(a, 0, buf, 84));
    FAILS(TSR_EARG, "shape[1]", tsr_array_resize(a, (int64_t[]){1, -1}));
    FAILS(TSR_EARG, "own", tsr_array_meta_set(a, TSR_META, "b2nd", "x", 1));
    OK(tsr_array_close(a));
    s.dtype = "<i3";
    FAILS(TSR_EARG, "dtype", tsr_array_create(NULL, &s, NULL, &a));
    s.dtype = "<i4";
    s.ndim = 17;
    FAILS(TSR_EARG, "17 dimensions", tsr_array_create(NULL, &s, NULL, &a));
    s.ndim = 2;
    s.blocks = (int64_t[]){8, 8};
    s.chunks = (int64_t[]){4, 16};
    FAILS(TSR_EARG, "block 8", tsr_array_create(NULL, &s, NULL, &a));
}

static void files_are_replaced_kept_or_missed_as_the_mode_says(void **state)
{
    (void)state;
    tsr_spec s = {.size = sizeof s, .dtype = "|u1", .ndim = 1, .shape = (int64_t[]){3}};
    tsr_options x = {.size = sizeof x, .mode = "x"}, r = {.size = sizeof r, .mode = "r+"};
    tsr_array *a;
    FAILS(TSR_ENOTFOUND, "absent", tsr_array_open(scratch("absent.b2nd"), NULL, &a));
    OK(tsr_array_create(scratch("mode.b2nd"), &s, &x, &a));
    OK(tsr_array_close(a));
    FAILS(TSR_EEXISTS, "mode.b2nd", tsr_array_create(scratch("mode.b2nd"), &s, &x, &a));
    OK(tsr_array_create(scratch("mode.b2nd"), &s, NULL, &a));
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("mode.b2nd"), NULL, &a));
    FAILS(TSR_EDENIED, "read-only", tsr_array_write(a, NULL, "abc", 3));
    FAILS(TSR_EDENIED, "read-only", tsr_array_resize(a, (int64_t[]){5}));
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("mode.b2nd"), &r, &a));
    OK(tsr_array_write(a, NULL, "abc", 3));
    OK(tsr_array_close(a));
    FAILS(TSR_ENOTFOUND, "inside", tsr_array_open(scratch("mode.b2nd#x"), NULL, &a));
}

static void handles_sync_and_forget_metalayers(void **state)
{
    const int64_t shape[] = {3};
    tsr_spec s = {.size = sizeof s, .dtype = "<i2", .ndim = 1, .shape = shape};
    tsr_context_options two = {.size = sizeof two, .threads = 2};
    tsr_options o = {.size = sizeof o, .mode = "w"};
    tsr_context *c;
    tsr_array *a;
    void *buf;
    size_t len;
    (void)state;
    OK(tsr_context_new(&two, &c));
    assert_int_equal(tsr_context_threads(c), 2);
    assert_true(tsr_context_threads(NULL) > 0);
    o.context = c;
    OK(tsr_array_create(scratch("sync.b2nd"), &s, &o, &a));
    OK(tsr_array_meta_set(a, TSR_VLMETA, "note", "x", 1));
    OK(tsr_array_sync(a));
    OK(tsr_array_meta_remove(a, "note"));
    FAILS(TSR_ENOTFOUND, "note", tsr_array_meta_get(a, TSR_VLMETA, "note", &buf, &len));
    FAILS(TSR_ENOTFOUND, "note", tsr_array_meta_remove(a, "note"));
    OK(tsr_array_close(a));
    tsr_context_free(c);
    OK(tsr_array_create(scratch("sync.npy"), &s, NULL, &a));
    OK(tsr_array_sync(a));
    OK(tsr_array_write(a, NULL, (int16_t[]){1, 2, 3}, 6));
    OK(tsr_array_sync(a));
    OK(tsr_array_close(a));
}

static void a_dropped_array_is_as_it_was_flushed(void **state)
{
    const int64_t shape[] = {3};
    tsr_spec s = {.size = sizeof s, .dtype = "<i2", .ndim = 1, .shape = shape};
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    int16_t got[3], first[3] = {1, 2, 3};
    tsr_array *a;
    (void)state;
    OK(tsr_array_create(scratch("drop.b2nd"), &s, NULL, &a));
    tsr_array_drop(a);
    FAILS(TSR_ENOTFOUND, "drop", tsr_array_open(scratch("drop.b2nd"), NULL, &a));
    OK(tsr_array_create(scratch("drop.b2nd"), &s, NULL, &a));
    OK(tsr_array_write(a, NULL, first, sizeof first));
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("drop.b2nd"), &o, &a));
    OK(tsr_array_write(a, NULL, (int16_t[]){7, 8, 9}, 6));
    OK(tsr_array_resize(a, (int64_t[]){2}));
    tsr_array_drop(a);
    OK(tsr_array_open(scratch("drop.b2nd"), NULL, &a));
    OK(tsr_array_read(a, NULL, got, sizeof got));
    assert_memory_equal(got, first, sizeof got);
    OK(tsr_array_close(a));
    tsr_array_drop(NULL);
}

static void slices_at_the_ends_of_64_bits_are_refused(void **state)
{
    const int64_t shape[] = {3}, far = INT64_MIN, one = 1;
    tsr_spec s = {.size = sizeof s, .dtype = "|u1", .ndim = 1, .shape = shape};
    tsr_array *a;
    uint8_t p[3];
    (void)state;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    FAILS(TSR_EARG, "start", tsr_array_read(a, &(tsr_slice){&far, NULL, NULL}, p, 3));
    FAILS(TSR_EARG, "step", tsr_array_read(a, &(tsr_slice){&one, NULL, &far}, p, 1));
    tsr_array_close(a);
}

static void a_name_with_a_number_sign_is_written_and_read_alike(void **state)
{
    const int64_t shape[] = {3};
    tsr_spec s = {.size = sizeof s, .dtype = "<i2", .ndim = 1, .shape = shape};
    tsr_array *a;
    (void)state;
    OK(tsr_array_create(scratch("a%23b.b2nd"), &s, NULL, &a));
    OK(tsr_array_close(a));
    assert_int_equal(access(scratch("a#b.b2nd"), F_OK), 0);
    OK(tsr_array_open(scratch("a%23b.b2nd"), NULL, &a));
    OK(tsr_array_close(a));
    FAILS(TSR_EUNSUPPORTED, "inside", tsr_array_create(scratch("c.b2nd#x"), &s, NULL, &a));
}

static void item_bytes_that_are_not_the_dtypes_are_refused(void **state)
{
    const int64_t shape[] = {3};
    tsr_spec s = {.size = sizeof s, .dtype = "<i2", .item_bytes = 2, .ndim = 1, .shape = shape};
    tsr_array *a;
    (void)state;
    OK(tsr_array_create(NULL, &s, NULL, &a));
    OK(tsr_array_close(a));
    s.item_bytes = 4;
    FAILS(TSR_EARG, "item_bytes", tsr_array_create(NULL, &s, NULL, &a));
}

static void structs_are_handed_out_up_to_the_callers_size(void **state)
{
    const int64_t shape[] = {3};
    tsr_spec s = {.size = sizeof s, .dtype = "<i2", .ndim = 1, .shape = shape};
    tsr_chunk_facts facts = {0};
    tsr_codec_info codec = {0};
    tsr_place_info place = {0};
    tsr_stats stats = {0};
    uint8_t chunk[64];
    size_t len;
    tsr_array *a;
    (void)state;
    OK(tsr_compress(NULL, "abc", 3, NULL, chunk, sizeof chunk, &len));
    OK(tsr_array_create(scratch("sizes.b2nd"), &s, NULL, &a));
    OK(tsr_array_flush(a));
    FAILS(TSR_EARG, "tsr_chunk_facts.size", tsr_chunk_info(chunk, len, &facts));
    FAILS(TSR_EARG, "tsr_codec_info.size", tsr_codec_at(0, &codec));
    FAILS(TSR_EARG, "tsr_place_info.size", tsr_probe(scratch("sizes.b2nd"), NULL, &place));
    FAILS(TSR_EARG, "tsr_stats.size", tsr_array_stats(a, &stats));
    stats.size = offsetof(tsr_stats, cbytes);
    stats.cbytes = -7;
    OK(tsr_array_stats(a, &stats));
    assert_int_equal(stats.size, offsetof(tsr_stats, cbytes));
    assert_int_equal(stats.nbytes, 6);
    assert_int_equal(stats.cbytes, -7);
    OK(tsr_array_close(a));
}

static void attributes_and_metalayers_come_back(void **state)
{
    (void)state;
    tsr_meta_value meta = {"colour", "\xa3red", 4};
    tsr_spec s = {.size = sizeof s,
                  .dtype = "<f4",
                  .ndim = 1,
                  .shape = (int64_t[]){5},
                  .metas = &meta,
                  .nmetas = 1};
    tsr_array *a, *b;
    char *json;
    void *buf;
    size_t len;
    OK(tsr_array_create(scratch("attrs.b2nd"), &s, NULL, &a));
    OK(tsr_array_attr_set(a, "unit", "\"mm\""));
    OK(tsr_array_attr_set(a, "origin", "[1, 2.5, null]"));
    OK(tsr_array_attr_set(a, "gone", "true"));
    OK(tsr_array_attr_remove(a, "gone"));
    OK(tsr_array_close(a));
    OK(tsr_array_open(scratch("attrs.b2nd"), NULL, &a));
    OK(tsr_array_copy(a, NULL, NULL, NULL, &b));
    OK(tsr_array_close(a));
    OK(tsr_array_attrs(b, &json));
    assert_string_equal(json, "{\"unit\": \"mm\", \"origin\": [1,2.5,null]}");
    tsr_free(json);
    OK(tsr_array_meta_get(b, TSR_META, "colour", &buf, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(buf, "\xa3red", 4);
    tsr_free(buf);
    assert_int_equal(tsr_array_meta_count(b, TSR_META), 2);
    FAILS(TSR_ENOTFOUND, "taste", tsr_array_meta_get(b, TSR_VLMETA, "taste", &buf, &len));
    OK(tsr_array_close(b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_hold_what_a_naive_model_holds),
        cmocka_unit_test(a_huge_array_of_zeros_costs_nothing),
        cmocka_unit_test(calls_that_make_no_sense_are_refused),
        cmocka_unit_test(files_are_replaced_kept_or_missed_as_the_mode_says),
        cmocka_unit_test(handles_sync_and_forget_metalayers),
        cmocka_unit_test(a_dropped_array_is_as_it_was_flushed),
        cmocka_unit_test(slices_at_the_ends_of_64_bits_are_refused),
        cmocka_unit_test(a_name_with_a_number_sign_is_written_and_read_alike),
        cmocka_unit_test(item_bytes_that_are_not_the_dtypes_are_refused),
        cmocka_unit_test(structs_are_handed_out_up_to_the_callers_size),
        cmocka_unit_test(attributes_and_metalayers_come_back),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
