/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/diff.c - what differs between two arrays.
 *
 * First what is said of them: dtype, shape, attributes, fill value.  Then items, if they can be
 * compared: box by box, both read to memory and compared in pieces on the pool.  Of differing items
 * only the first indices are kept; their values are read again in the end.
 *
 * Where one array's stored chunks could be the other's, chunks are compared as they are stored, and
 * only those that differ are decoded. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "array/array.h"
#include "base/mem.h"
#include "base/num.h"
#include "ops/attrs.h"
#include "ops/diff.h"
#include "ops/loose.h"

enum {
    FIRST = 10,
    MEMORY = 256 << 20,
    PIECE_BYTES = 256 << 10,
    BATCH = 64,
    BATCH_BYTES = 64 << 20,
    LOOSE_PARTS = 16 /* of the memory: a box of either array takes up to 8 */
};

struct diff {
    const tsr_array *a[2];
    bool loose; /* items of one are of variable length */
    tsr_diff_spec how;
    const tsr_options *o;
    tsr_diff_fn fn;
    void *user;
    tsr_diff_result res;
    struct tsr_diff_type type;
    int64_t total, done;               /* bytes of the first */
    int64_t first[TSR_DIFF_FIRST + 1]; /* [nfirst] items by number in C order, ascending */
    int nfirst;
    int64_t box[TSR_MAX_NDIM];
    /* of the box that is compared */
    uint8_t *buf[2];
    int64_t items, piece; /* in it, and in a piece */
    struct tsr_diff_found *found;
    size_t found_cap;
    /* of the chunks that are compared as they are stored */
    int64_t chunk;
    struct chunk_job jobs[BATCH][2];
    bool same[BATCH];
};

static const struct tsr_grid *grid_of(const struct diff *x, int k)
{
    return &x->a[k]->d->grid;
}

/* ---- metadata ---- */

static void tell(struct diff *x, const char *what, const char *name, const char *a, const char *b)
{
    tsr_difference d = {.size = sizeof d, .what = what, .name = name, .a = a, .b = b};
    x->res.metadata++;
    if (x->fn) x->fn(x->user, &d);
}

static void shape_text(const struct tsr_grid *g, char text[TSR_MAX_NDIM * 24])
{
    int n = sprintf(text, "(");
    for (int d = 0; d < g->ndim; d++)
        n += sprintf(text + n, "%s%" PRId64, d ? ", " : "", g->shape[d]);
    sprintf(text + n, g->ndim == 1 ? ",)" : ")");
}

static bool compare_shapes(struct diff *x)
{
    const struct tsr_grid *a = grid_of(x, 0), *b = grid_of(x, 1);
    char text[2][TSR_MAX_NDIM * 24];
    if (a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape))
        return true;
    shape_text(a, text[0]);
    shape_text(b, text[1]);
    tell(x, "shape", NULL, text[0], text[1]);
    return false;
}

/* Spelled alike but for the byte order? */
static int compare_dtypes(struct diff *x, bool *comparable)
{
    const char *a = x->a[0]->d->spec.dtype, *b = x->a[1]->d->spec.dtype;
    int rc = x->loose ? tsr_diff_loose_alike(x->a[0], x->a[1], &x->type.alike)
                      : tsr_diff_type_init(&x->type, a, b, &x->how);
    *comparable = rc == TSR_OK && (!x->loose || x->type.alike);
    if (rc < 0 && rc != TSR_EUNSUPPORTED) return rc;
    if (!x->type.alike) tell(x, "dtype", NULL, a, b);
    return TSR_OK;
}

static int item_text(const tsr_array *a, const uint8_t *item, char **text)
{
    const char *dtype = a->d->spec.dtype;
    int n = tsr_item_to_text(dtype, item, NULL, 0);
    if (n < 0) return n;
    if (!(*text = tsr_alloc((size_t)n + 1))) return TSR_ENOMEM;
    n = tsr_item_to_text(dtype, item, *text, (size_t)n + 1);
    return n < 0 ? n : TSR_OK;
}

static int fill_text(const tsr_array *a, char **text)
{
    return a->d->loose ? tsr_diff_loose_fill(a, text) : item_text(a, a->d->spec.fill, text);
}

static int fills_differ(struct diff *x, const uint8_t *a, const uint8_t *b, bool *differ)
{
    struct tsr_diff_found f;
    if (x->loose) { /* each behind its length */
        *differ = memcmp(a, b, 4) != 0 || memcmp(a + 4, b + 4, tsr_load_LE32(a)) != 0;
        return TSR_OK;
    }
    void *scratch = tsr_alloc(tsr_diff_scratch(&x->type));
    if (!scratch) return TSR_ENOMEM;
    tsr_diff_items(&x->type, a, b, 0, 1, scratch, &f);
    tsr_free(scratch);
    *differ = f.different;
    return TSR_OK;
}

static int compare_fills(struct diff *x)
{
    const uint8_t *a = x->a[0]->d->spec.fill, *b = x->a[1]->d->spec.fill;
    char *text[2] = {NULL, NULL};
    bool differ = false;
    int rc = a && b ? fills_differ(x, a, b, &differ) : TSR_OK;
    if (!differ) return rc;
    rc = fill_text(x->a[0], &text[0]);
    if (rc == TSR_OK) rc = fill_text(x->a[1], &text[1]);
    if (rc == TSR_OK) tell(x, "fill", NULL, text[0], text[1]);
    tsr_free(text[0]);
    tsr_free(text[1]);
    return rc;
}

/* The name of attribute i, or NULL behind the last; its value as text, in b. */
static int attr_at(const struct tsr_attrs *t, size_t i, struct tsr_buf *b, const char **name)
{
    b->len = 0;
    *name = NULL;
    if (i == t->root.list.n) return TSR_OK;
    *name = t->root.list.v[2 * i].s.p;
    int rc = tsr_json_write(b, &t->root.list.v[2 * i + 1], TSR_JSON_WORDS);
    return rc < 0 ? rc : tsr_buf_add(b, "", 1);
}

static int merge_attrs(struct diff *x, const struct tsr_attrs t[2], struct tsr_buf text[2])
{
    const char *name[2];
    for (size_t i = 0, k = 0;;) {
        int rc = attr_at(&t[0], i, &text[0], &name[0]);
        if (rc == TSR_OK) rc = attr_at(&t[1], k, &text[1], &name[1]);
        if (rc < 0 || (!name[0] && !name[1])) return rc;
        int c = !name[0] ? 1 : !name[1] ? -1 : strcmp(name[0], name[1]);
        const char *a = c <= 0 ? (const char *)text[0].p : NULL;
        const char *b = c >= 0 ? (const char *)text[1].p : NULL;
        if (!a || !b || strcmp(a, b) != 0) tell(x, "attribute", name[c > 0], a, b);
        i += c <= 0;
        k += c >= 0;
    }
}

static int compare_attrs(struct diff *x)
{
    struct tsr_attrs t[2] = {{0}, {0}};
    struct tsr_buf text[2] = {{0}, {0}};
    int rc = tsr_attrs_take(x->a[0], &t[0]);
    if (rc == TSR_OK) rc = tsr_attrs_take(x->a[1], &t[1]);
    if (rc == TSR_OK) rc = merge_attrs(x, t, text);
    for (int k = 0; k < 2; k++) {
        tsr_attrs_done(&t[k]);
        tsr_buf_free(&text[k]);
    }
    return rc;
}

/* ---- a box in memory ---- */

static int compare_piece(void *arg, size_t i, struct tsr_worker *w)
{
    struct diff *x = arg;
    int64_t from = (int64_t)i * x->piece, n = tsr_min64(x->piece, x->items - from);
    void *scratch = tsr_worker_scratch(w, TSR_SCRATCH_ITEMS, tsr_diff_scratch(&x->type));
    if (!scratch) return TSR_ENOMEM;
    tsr_diff_items(&x->type, x->buf[0] + from * grid_of(x, 0)->item_bytes,
                   x->buf[1] + from * grid_of(x, 1)->item_bytes, from, n, scratch, &x->found[i]);
    return TSR_OK;
}

/* Keeps the number, in the array, of the item `at` of the box, if it is one of the first. */
static void keep_first(struct diff *x, const struct tsr_box *box, int64_t at)
{
    const struct tsr_grid *g = grid_of(x, 0);
    int64_t number = 0, stride = 1;
    for (int d = g->ndim - 1; d >= 0; d--) {
        number += (box->start[d] + at % box->count[d]) * stride;
        at /= box->count[d];
        stride *= g->shape[d];
    }
    int i = x->nfirst;
    for (; i > 0 && x->first[i - 1] > number; i--) x->first[i] = x->first[i - 1];
    x->first[i] = number;
    if (x->nfirst < x->how.first) x->nfirst++;
}

static void take_found(struct diff *x, const struct tsr_box *box, const struct tsr_diff_found *f)
{
    x->res.different += f->different;
    if (f->most_abs > x->res.most_abs) x->res.most_abs = f->most_abs;
    if (f->most_rel > x->res.most_rel) x->res.most_rel = f->most_rel;
    for (int64_t i = 0; i < tsr_min64(f->different, x->how.first); i++)
        keep_first(x, box, f->first[i]);
}

static int progress(struct diff *x, int64_t items)
{
    x->done += items * grid_of(x, 0)->item_bytes;
    if (!x->o->progress || !x->o->progress(x->o->user, x->done, x->total)) return TSR_OK;
    return tsr_fail(TSR_ECANCELLED, "diff: stopped by the caller");
}

static int compare_box(struct diff *x, const struct tsr_box *box)
{
    int rc = TSR_OK, ndim = grid_of(x, 0)->ndim;
    if (!tsr_product(box->count, ndim, &x->items)) return tsr_fail(TSR_ELIMIT, "diff: a box");
    for (int k = 0; k < 2 && rc == TSR_OK; k++)
        rc = tsr_array_read(x->a[k], &(tsr_slice){box->start, box->count, NULL}, x->buf[k],
                            (size_t)(x->items * grid_of(x, k)->item_bytes));
    size_t n = (size_t)tsr_ceil_div(x->items, x->piece);
    if (n > x->found_cap) {
        tsr_free(x->found);
        x->found_cap = 0;
        if (!(x->found = tsr_alloc_array(n, sizeof *x->found))) return TSR_ENOMEM;
        x->found_cap = n;
    }
    if (rc == TSR_OK) rc = tsr_pool_run(x->a[0]->context->pool, n, compare_piece, x);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) take_found(x, box, &x->found[i]);
    return rc < 0 ? rc : progress(x, x->items);
}

/* ---- boxes ---- */

/* All boxes of a part of the array. */
static int compare_part(struct diff *x, const struct tsr_box *part)
{
    int ndim = grid_of(x, 0)->ndim, rc = TSR_OK, d;
    struct tsr_box b = *part;
    do {
        for (d = 0; d < ndim; d++)
            b.count[d] = tsr_min64(x->box[d], part->start[d] + part->count[d] - b.start[d]);
        rc = compare_box(x, &b);
        for (d = ndim - 1; d >= 0; d--) {
            b.start[d] += x->box[d];
            if (b.start[d] < part->start[d] + part->count[d]) break;
            b.start[d] = part->start[d];
        }
    } while (rc == TSR_OK && d >= 0);
    return rc;
}

static int compare_all(struct diff *x)
{
    struct tsr_box all = {{0}, {0}};
    const struct tsr_grid *g = grid_of(x, 0);
    memcpy(all.count, g->shape, (size_t)g->ndim * sizeof *g->shape);
    return compare_part(x, &all);
}

static int make_room(struct diff *x)
{
    int64_t items;
    tsr_diff_box(grid_of(x, 0), grid_of(x, 1), x->how.memory_bytes, x->box);
    tsr_product(x->box, grid_of(x, 0)->ndim, &items);
    int64_t item = tsr_max64(grid_of(x, 0)->item_bytes, grid_of(x, 1)->item_bytes);
    x->piece = tsr_max64(PIECE_BYTES / item, 1);
    for (int k = 0; k < 2; k++) {
        x->buf[k] = tsr_alloc_array((size_t)items, (size_t)grid_of(x, k)->item_bytes);
        if (!x->buf[k]) return TSR_ENOMEM;
    }
    return TSR_OK;
}

/* ---- chunks as they are stored ---- */

static bool same_place(const struct tsr_place *a, const struct tsr_place *b)
{
    if (a->state != b->state || a->value_bytes != b->value_bytes) return false;
    if (!a->value || !b->value) return a->value == b->value;
    return memcmp(a->value, b->value, (size_t)a->value_bytes) == 0;
}

static int compare_stored(void *arg, size_t i, struct tsr_worker *w)
{
    struct diff *x = arg;
    const uint8_t *bytes[2] = {NULL, NULL};
    struct chunk_job *j = x->jobs[i];
    int rc = TSR_OK;
    (void)w;
    for (int k = 0; k < 2 && rc == TSR_OK; k++) {
        tsr_job_begin(x->a[k], &j[k], x->chunk + (int64_t)i);
        rc = tsr_job_whole(x->a[k], &j[k], &bytes[k]);
    }
    x->same[i] = false;
    if (rc < 0) return rc == TSR_ENOMEM ? rc : TSR_OK; /* reading its items will tell */
    const struct tsr_place *a = &j[0].place, *b = &j[1].place;
    if (a->state != TSR_PLACE_STORED || b->state != TSR_PLACE_STORED) x->same[i] = same_place(a, b);
    else x->same[i] = a->len == b->len && !memcmp(bytes[0], bytes[1], (size_t)a->len);
    return TSR_OK;
}

struct batch {
    struct diff *x;
    size_t n;
};

static int run_batch(const struct tsr_array *b, void *arg)
{
    const struct batch *t = arg;
    (void)b;
    return tsr_pool_run(t->x->a[0]->context->pool, t->n, compare_stored, t->x);
}

static int run_batch_of_a(const struct tsr_array *a, void *arg)
{
    (void)a;
    return tsr_follow_once(((const struct batch *)arg)->x->a[1], run_batch, arg);
}

/* Both in the states that the handles know; when others have changed one meanwhile nothing is known
 * to be the same. */
static int look_at_stored(struct diff *x, int64_t n)
{
    int rc = tsr_follow_once(x->a[0], run_batch_of_a, &(struct batch){x, (size_t)n});
    if (rc != TSR_ECONFLICT) return rc;
    memset(x->same, 0, sizeof x->same);
    return TSR_OK;
}

/* Chunk number i: nothing to do, or its items. */
static int settle_chunk(struct diff *x, int64_t i)
{
    const struct tsr_grid *g = grid_of(x, 0);
    int64_t coords[TSR_MAX_NDIM], items;
    struct tsr_box box;
    tsr_grid_chunk_coords(g, i, coords);
    tsr_grid_chunk_box(g, coords, &box);
    if (!x->same[i - x->chunk]) return compare_part(x, &box);
    tsr_product(box.count, g->ndim, &items);
    x->res.same_stored++;
    return progress(x, items);
}

/* *over: all is done.  If none of the first batch is the same no more are looked at. */
static int compare_chunks(struct diff *x, bool *over)
{
    const struct tsr_grid *g = grid_of(x, 0);
    int64_t most = tsr_max64(BATCH_BYTES / tsr_max64(2 * g->chunk_bytes, 1), 1);
    int64_t batch = tsr_min64(most, BATCH);
    int rc = TSR_OK;
    for (x->chunk = 0; x->chunk < g->nchunks && rc == TSR_OK; x->chunk += batch) {
        int64_t n = tsr_min64(batch, g->nchunks - x->chunk), same = 0;
        rc = look_at_stored(x, n);
        for (int64_t i = 0; i < n; i++) same += x->same[i];
        if (rc == TSR_OK && x->chunk == 0 && same == 0) return TSR_OK;
        for (int64_t i = 0; i < n && rc == TSR_OK; i++) rc = settle_chunk(x, x->chunk + i);
    }
    *over = true;
    return rc;
}

static int compare_loose(struct diff *x)
{
    struct tsr_loose_walk w;
    struct tsr_diff_found f;
    int wide = grid_of(x, 1)->block_bytes > grid_of(x, 0)->block_bytes;
    int64_t budget = tsr_max64(x->how.memory_bytes / LOOSE_PARTS, 1);
    int rc = tsr_loose_start(&w, grid_of(x, wide), budget);
    while (rc == TSR_OK && tsr_loose_next(&w)) {
        rc = tsr_diff_loose(x->a[0], x->a[1], &w, &f);
        if (rc < 0) break;
        take_found(x, &w.box, &f);
        rc = progress(x, w.items);
    }
    return rc;
}

static bool may_compare_stored(const struct diff *x)
{
    return x->a[0] != x->a[1] && x->type.same_bytes && tsr_stored_fit(x->a[0], x->a[1], false);
}

static int compare_items(struct diff *x)
{
    const struct tsr_grid *g = grid_of(x, 0);
    bool over = false;
    if (!tsr_product(g->shape, g->ndim, &x->res.items) ||
        !tsr_mul(x->res.items, g->item_bytes, &x->total))
        return tsr_fail(TSR_ELIMIT, "diff: the arrays have more than 2^63 bytes");
    if (x->total == 0) return TSR_OK;
    if (x->loose) return compare_loose(x);
    int rc = make_room(x);
    if (rc == TSR_OK && may_compare_stored(x)) rc = compare_chunks(x, &over);
    return rc < 0 || over ? rc : compare_all(x);
}

/* ---- the first that differ ---- */

static int read_item(const tsr_array *a, const int64_t at[], char **text)
{
    size_t len = (size_t)a->d->grid.item_bytes;
    int64_t one[TSR_MAX_NDIM];
    uint8_t *item = tsr_alloc(len);
    if (!item) return TSR_ENOMEM;
    for (int d = 0; d < a->d->grid.ndim; d++) one[d] = 1;
    int rc = tsr_array_read(a, &(tsr_slice){at, one, NULL}, item, len);
    if (rc == TSR_OK) rc = item_text(a, item, text);
    tsr_free(item);
    return rc;
}

static int tell_item(struct diff *x, int64_t number)
{
    const struct tsr_grid *g = grid_of(x, 0);
    int64_t at[TSR_MAX_NDIM], chunk[2][TSR_MAX_NDIM];
    char *text[2] = {NULL, NULL};
    int rc = TSR_OK;
    for (int d = g->ndim - 1; d >= 0; d--) {
        at[d] = number % g->shape[d];
        number /= g->shape[d];
        for (int k = 0; k < 2; k++) chunk[k][d] = tsr_grid_find(grid_of(x, k), d, at[d]);
    }
    for (int k = 0; k < 2 && rc == TSR_OK; k++)
        rc = x->loose ? tsr_diff_loose_item(x->a[k], at, &text[k])
                      : read_item(x->a[k], at, &text[k]);
    tsr_difference d = {.size = sizeof d,
                        .what = "item",
                        .a = text[0],
                        .b = text[1],
                        .ndim = g->ndim,
                        .at = at,
                        .chunk_a = chunk[0],
                        .chunk_b = chunk[1]};
    if (rc == TSR_OK) x->fn(x->user, &d);
    tsr_free(text[0]);
    tsr_free(text[1]);
    return rc;
}

/* ---- the call ---- */

static int compare(struct diff *x)
{
    bool comparable;
    int rc = compare_dtypes(x, &comparable);
    if (rc < 0) return rc;
    bool shapes = compare_shapes(x), metadata = !(x->how.flags & TSR_DIFF_ITEMS);
    if (metadata && comparable) rc = compare_fills(x);
    if (rc == TSR_OK && metadata) rc = compare_attrs(x);
    if (rc == TSR_OK && shapes && comparable) rc = compare_items(x);
    for (int i = 0; x->fn && i < x->nfirst && rc == TSR_OK; i++) rc = tell_item(x, x->first[i]);
    return rc;
}

static int take_spec(struct diff *x, const tsr_diff_spec *spec)
{
    tsr_diff_spec *h = &x->how;
    if (spec && spec->size) memcpy(h, spec, tsr_minz(spec->size, sizeof *h));
    if (!(h->rtol >= 0) || !(h->atol >= 0) || h->memory_bytes < 0)
        return tsr_fail(TSR_EARG, "diff: rtol, atol and memory_bytes must be at least 0");
    if (h->flags & ~(TSR_DIFF_NAN | TSR_DIFF_BITS | TSR_DIFF_ITEMS))
        return tsr_fail(TSR_EARG, "diff: unknown flags %d", h->flags);
    if (h->first == 0) h->first = FIRST;
    h->first = (int)tsr_max64(tsr_min64(h->first, TSR_DIFF_FIRST), 0);
    if (h->memory_bytes == 0) h->memory_bytes = MEMORY;
    return TSR_OK;
}

int tsr_diff(const tsr_array *a, const tsr_array *b, const tsr_diff_spec *spec,
             const tsr_options *opts, tsr_diff_fn fn, void *user, tsr_diff_result *result)
{
    tsr_options o = tsr_options_complete(opts);
    if (!a || !b || !result) return tsr_fail(TSR_EARG, "diff: no %s", result ? "array" : "result");
    struct diff *x = tsr_alloc_zero(1, sizeof *x);
    if (!x) return TSR_ENOMEM;
    x->a[0] = a, x->a[1] = b;
    x->loose = a->d->loose || b->d->loose;
    x->o = &o;
    x->fn = fn;
    x->user = user;
    x->res.size = sizeof x->res;
    int rc = take_spec(x, spec);
    if (rc == TSR_OK) rc = compare(x);
    if (rc == TSR_OK) rc = tsr_hand_out(result, &x->res, sizeof x->res, "tsr_diff_result");
    tsr_diff_type_done(&x->type);
    for (int i = 0; i < 2 * BATCH; i++) {
        tsr_job_let_go(x->a[i % 2], &x->jobs[i / 2][i % 2]);
        tsr_job_free(&x->jobs[i / 2][i % 2]);
    }
    tsr_free(x->found);
    tsr_free(x->buf[0]);
    tsr_free(x->buf[1]);
    tsr_free(x);
    return rc;
}
